//! Visits that end otherwise than as a poll: sent on to another host, for a page, or without a word.
//!
//! Owns what the daemon does then, and when they come round again. Refuses to decide what they mean: that is committed.

use tokio::task::JoinError;
use tokio::time::Instant;
use tracing::{debug, error};

use super::ledger::LedgerError;
use super::pages::Paged;
use super::visit::{SentOn, Visit};
use super::{Daemon, NO_ROOM_WAIT, now};
use crate::article::identity::ArticleId;
use crate::feed::schedule::after;

impl Daemon {
    /// Takes in a visit that goes on at another host.
    pub(super) fn sent_on(&mut self, sent: SentOn, again: bool) {
        let address = self.roster.owner(sent.visit).and_then(|feed| self.roster.address(feed));
        match (&sent.noted, address, sent.visit) {
            (Err(error), _, Visit::Page(article)) => return self.page_refused(article, error),
            (Err(error), Some(address), visit) => {
                let due_at = self.refused(address, error);
                return self.roster.finish(visit, again.then_some(due_at), now());
            }
            _ => {}
        }
        self.roster.send_on(sent, now());
    }

    /// Visits contain their own panics, so one that ends without a word is a fault of ours; it comes round again.
    pub(super) fn lost(&mut self, visit: Visit, error: &JoinError, again: bool) {
        error!(?visit, %error, "A visit ended without a word; please report what was logged before");
        let due_at = after(now(), self.config.poll.max_interval);
        match visit {
            Visit::Feed(_) | Visit::Archive(_) => self.roster.finish(visit, again.then_some(due_at), now()),
            Visit::Page(article) => self.roster.retry_page(article, due_at, now()),
        }
    }

    /// Takes in a visit for a page that ended.
    pub(super) fn paged(&mut self, Paged { article, settled }: Paged) {
        match settled {
            Ok(settled) => {
                if let Some(settled) = &settled {
                    debug!(article = article.0, outcome = settled.outcome, "Page");
                    self.note_alerts(&settled.alerts);
                }
                self.roster.finish_page(article, settled.map(|settled| *settled), now());
            }
            Err(error) => self.page_refused(article, &error),
        }
    }

    fn page_refused(&mut self, article: ArticleId, error: &LedgerError) {
        debug!(article = article.0, %error, "A page could not be stored");
        if matches!(error, LedgerError::Store(error) if error.is_passing()) {
            self.paused_until = Some(Instant::now() + NO_ROOM_WAIT);
        }
        self.roster.retry_page(article, after(now(), self.config.poll.min_interval), now());
    }
}
