//! `run --once`: one round of every feed that is due, and the mail that comes of it.
//!
//! Owns [`OnceReport`] and the end of the round. Refuses to wait for what is deferred: the next round has it.

use std::time::Duration;

use tokio::time::Instant;

use super::DaemonError;
use crate::feed::schedule::after;

use super::{Daemon, LOOK_EVERY, mailer, now, until};

/// How long a round may go on for the sake of articles' pages; the next round has the rest.
const PAGES_FOR: Duration = Duration::from_secs(30);

/// A visit whose host may be asked no sooner does not belong to the round.
const HOST_FOR: Duration = Duration::from_mins(2);

/// What `run --once` did.
#[derive(Debug, Clone, Default)]
pub struct OnceReport {
    /// Feeds polled with a document or a 304.
    pub polled_count: usize,
    /// Feeds that failed: URL and what happened.
    pub failed: Vec<(String, String)>,
    /// Feeds whose hosts want to be left alone for now, and these hosts.
    pub deferred: Vec<(String, String)>,
    /// New articles.
    pub article_count: usize,
    /// Alerts decided.
    pub alert_count: usize,
    /// Mails by what became of them.
    pub mail: mailer::Tally,
}

impl Daemon {
    /// Polls every feed that is due once, delivers, and reports.
    pub async fn run_once(mut self) -> Result<OnceReport, DaemonError> {
        self.report = Some(OnceReport::default());
        let (begun_at, begun) = (now(), Instant::now());
        self.roster.let_go_at_once(begun_at);
        self.look(begun_at).await?;
        loop {
            self.start_polls();
            // Feeds that wait for their host's spacing belong to this round, too; so do pages, for a while.
            let pages_wait = begun.elapsed() < PAGES_FOR && self.roster.due_page_count(now()) > 0;
            let (deferred, deferred_count) = self.roster.deferred(after(now(), HOST_FOR));
            let is_polled = self.roster.waiting_count(begun_at) <= deferred_count;
            if self.roster.is_idle() && is_polled && !pages_wait {
                if let Some(report) = &mut self.report {
                    report.deferred = deferred;
                }
                break;
            }
            let wait = self.roster.wake_at().map_or(LOOK_EVERY, until).min(LOOK_EVERY);
            tokio::select! {
                Some(ended) = self.roster.ended() => self.polled(ended, false),
                () = tokio::time::sleep(wait.max(Duration::from_millis(1))), if self.roster.is_free() => {}
            }
        }
        self.publisher.publish(&self.config).await;
        self.stop.ask(now());
        self.deliver.notify_one();
        let Self { roster, ledger, mailer, thread, report, .. } = self;
        let mut report = report.unwrap_or_default();
        report.mail = mailer.await.unwrap_or_default();
        drop((ledger, roster));
        drop(tokio::task::spawn_blocking(move || thread.join()).await);
        Ok(report)
    }
}
