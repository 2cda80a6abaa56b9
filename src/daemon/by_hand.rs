//! Polls that a person asks for while the daemon runs (`wirewatch feeds poll`).
//!
//! Owns how often the daemon looks for them. They start through the same gates as any other poll. Refuses to answer: the
//! command reads the outcome from the feed's row.

use std::time::Duration;

use tracing::info;

use super::ledger::LedgerError;
use super::{Daemon, DaemonError, now};

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
