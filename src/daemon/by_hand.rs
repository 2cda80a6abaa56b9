//! What people do by hand while the daemon runs: `wirewatch feeds poll` and `feeds add`.
//!
//! Owns how often the daemon looks for polls asked for, which start through the same gates as any other, and how a document
//! that was fetched to add a feed becomes its first poll. Refuses to answer: commands read the outcome from the feed's row.

use std::sync::Arc;
use std::time::Duration;

use tracing::info;
use url::Url;

use super::ledger::{Configured, Ledger, LedgerError};
use super::{Daemon, DaemonError, now, poller};
use crate::config::Config;
use crate::feed::Feed;
use crate::fetch::{Document, Headers, Link};
use crate::pipeline::{AlertEvent, Asked, End, Poll};
use crate::store::requests::FirstDocument;

/// Time between two looks for requests.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Daemon {
    /// Takes the requests that are there and makes their feeds due.
    pub(super) async fn take_requests(&mut self) -> Result<(), DaemonError> {
        let requests = match self.ledger.take_requests(now()).await {
            Ok(requests) => requests,
            // The ledger has said so; whoever asked hears that nobody took it.
            Err(LedgerError::Store(_)) => return Ok(()),
            Err(stopped) => return Err(stopped.into()),
        };
        for request in requests {
            let Some(feed) = self.roster.address(request.feed) else { continue };
            info!(feed, forced = request.is_forced, "Asked by hand to poll");
            self.roster.hasten(request.feed, request.is_forced, now());
        }
        Ok(())
    }
}

/// Settles documents that were fetched to add feeds as their first polls: nobody is asked twice for one feed (C12). What
/// cannot be settled is polled like any new feed.
pub(super) async fn take_first_documents(
    ledger: &Ledger,
    config: &Arc<Config>,
    configured: &mut Configured,
) -> Vec<AlertEvent> {
    let (mut alerts, mut is_settled) = (Vec::new(), false);
    let Ok(documents) = ledger.take_first_documents(now()).await else { return alerts };
    for document in documents {
        let place = config.feeds.iter().position(|feed| feed.address() == document.address);
        let Some((place, row)) = place.and_then(|place| Some((place, configured.feeds.get_mut(place)?)))
        else {
            continue;
        };
        let Some(feed) = config.feeds.get(place).filter(|_| row.state.last_polled_at.is_none()) else {
            continue;
        };
        let feed = Arc::new(feed.clone());
        let started_at = document.asked_at.min(now());
        let Some((asked, end)) = read(Arc::clone(&feed), Arc::clone(config), document).await else {
            continue;
        };
        let poll = Poll { feed: row.id, started_at, asked, end };
        if let Ok(settled) = ledger.settle(feed, poll, now()).await {
            is_settled = true;
            row.state = settled.state;
            alerts.extend(settled.alerts);
        }
    }
    // What these brought about, pages to be read and hosts that pause, is in the store. If it refuses just now, their
    // states are known at least.
    if is_settled && let Ok(anew) = ledger.configure(Arc::clone(config), now()).await {
        *configured = anew;
    }
    alerts
}

async fn read(feed: Arc<Feed>, config: Arc<Config>, first: FirstDocument) -> Option<(Asked, End)> {
    let url = Url::parse(&first.source).ok()?;
    let headers = Headers {
        etag: first.etag,
        last_modified: first.last_modified,
        fresh_for: first.fresh_for,
        ..Headers::default()
    };
    let link = |(url, rel): (String, Vec<String>)| {
        let url = Url::parse(&url).ok()?;
        Some(Link { url, rel, media_type: None, title: None })
    };
    let document = Document {
        bytes: first.body,
        url,
        content_type: first.content_type,
        moved_to: None,
        headers,
        links: first.links.into_iter().filter_map(link).collect(),
        wire_bytes: first.wire_bytes,
    };
    let work = move || poller::taken_by_hand(&feed, &config, document, now());
    tokio::task::spawn_blocking(work).await.ok()
}
