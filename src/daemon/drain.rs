//! The end: what is under way is finished, and the database closed, within a time that is known.
//!
//! Owns that time. Refuses to wait longer: what is given up here is done again at the next start.

use std::time::Duration;

use tokio::time::{Instant, timeout};
use tracing::{debug, warn};

use super::{Daemon, now};

/// How long polls and mails under way may take to end after a stop is asked for.
const DRAIN_FOR: Duration = Duration::from_secs(8);

/// How long the database may take to be tidied at the end, and then again to be closed. With [`DRAIN_FOR`] this stays
/// well below the 15 seconds after which systemd kills.
const CLOSE_FOR: Duration = Duration::from_secs(2);

impl Daemon {
    /// Lets polls and the mailer end, then closes the database.
    pub(super) async fn drain(self) {
        let Self { roster, mailer, ledger, thread, stop, .. } = self;
        stop.ask(now());
        let give_up_mail = mailer.abort_handle();
        let begun = Instant::now();
        let polls_ended = roster.drain(DRAIN_FOR).await;
        let mail_ended = timeout(DRAIN_FOR.saturating_sub(begun.elapsed()), mailer).await.is_ok();
        if !(polls_ended && mail_ended) {
            warn!("Polls or mails under way were given up; they are done again at the next start");
        }
        give_up_mail.abort();
        match timeout(CLOSE_FOR, ledger.tidy()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => debug!(%error, "The database could not be tidied"),
            Err(_) => warn!("The database is held by another program; it is tidied another time"),
        }
        drop(ledger);
        let closed = tokio::task::spawn_blocking(move || thread.join());
        drop(timeout(CLOSE_FOR, closed).await);
    }
}
