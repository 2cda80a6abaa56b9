//! The mailer: takes deliveries that are due from the outbox and hands them to the mail door.
//!
//! Owns the loop claim → send → finish. An attempt that fails goes back to the outbox with its next time; nothing is
//! given up but what the server refuses for good. Refuses to decide who is told.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::ledger::{Finish, Ledger, LedgerError};
use super::{now, until};
use crate::config;
use crate::delivery::{self, Retry, Status};
use crate::mail::{MailError, Mailer, Message, Outcome};
use crate::store::outbox::Claimed;

/// Deliveries claimed at a time.
const CLAIM_MAX: u32 = 4;

/// Longest wait between two looks into the outbox.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// Wait after the database refused.
const REFUSED_WAIT: Duration = Duration::from_secs(5);

/// Attempts to record what became of a mail once the daemon is stopping.
const RECORD_ATTEMPTS_MAX: u32 = 3;

/// How mail leaves, as configured.
#[derive(Debug)]
pub struct Door {
    mailer: Mailer,
    retry: Retry,
}

impl Door {
    /// Opens the door of a configuration; it fails where no mail could ever leave.
    pub fn open(mail: &config::Mail) -> Result<Self, MailError> {
        let retry = Retry { initial: mail.retry_initial, max: mail.retry_max };
        Ok(Self { mailer: Mailer::new(&mail.door)?, retry })
    }
}

/// Deliveries by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Accepted.
    pub sent_count: usize,
    /// To be tried again.
    pub deferred_count: usize,
    /// Refused for good.
    pub failed_count: usize,
}

/// Asks the carrier to end, and knows since when.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    token: CancellationToken,
    asked_at: Arc<OnceLock<Timestamp>>,
}

impl Stop {
    /// From `now` on only what is due already is carried.
    pub fn ask(&self, now: Timestamp) {
        self.asked_at.get_or_init(|| now);
        self.token.cancel();
    }

    fn asked_at(&self) -> Option<Timestamp> {
        self.asked_at.get().copied()
    }

    fn is_asked(&self) -> bool {
        self.asked_at().is_some()
    }
}

/// Carries mail until it is stopped; then it empties what is due and ends.
pub struct Carrier {
    ledger: Ledger,
    door: watch::Receiver<Arc<Door>>,
    deliver: Arc<Notify>,
    stop: Stop,
    tally: Tally,
    last_problem: String,
    /// Whether no message got through the door when it was last tried.
    is_blocked: bool,
}

impl Carrier {
    /// A carrier through the door in force, whichever that is.
    pub fn new(ledger: Ledger, door: watch::Receiver<Arc<Door>>, deliver: Arc<Notify>, stop: Stop) -> Self {
        let (tally, last_problem) = (Tally::default(), String::new());
        Self { ledger, door, deliver, stop, tally, last_problem, is_blocked: false }
    }

    /// The loop.
    pub async fn carry(mut self) -> Tally {
        loop {
            match self.round().await {
                Ok(0) if self.stop.is_asked() => return self.tally,
                Ok(0) => self.wait().await,
                Ok(_) => {}
                Err(LedgerError::Stopped) => return self.tally,
                // The ledger has said so.
                Err(LedgerError::Store(error)) => {
                    debug!(%error, "The outbox cannot be read");
                    if self.stop.is_asked() {
                        return self.tally;
                    }
                    tokio::time::sleep(REFUSED_WAIT).await;
                }
            }
        }
    }

    /// Claims and sends once; answers how many were claimed.
    async fn round(&mut self) -> Result<usize, LedgerError> {
        // What is deferred after the stop is the next start's: a slow server would keep this one for ever.
        let due_at = self.stop.asked_at().unwrap_or_else(now);
        let claimed = self.ledger.claim(due_at, CLAIM_MAX).await?;
        let count = claimed.len();
        for delivery in claimed {
            self.deliver_one(delivery).await?;
        }
        Ok(count)
    }

    async fn deliver_one(&mut self, delivery: Claimed) -> Result<(), LedgerError> {
        let door = Arc::clone(&self.door.borrow());
        let message = message(&delivery, door.mailer.domain());
        let outcome = door.mailer.send(&message).await;
        let ended_at = now();
        let was_blocked = self.is_blocked;
        self.is_blocked = matches!(outcome, Outcome::Blocked(_));
        let (status, reply, next_attempt_at) = match outcome {
            Outcome::Sent(reply) => {
                self.tally.sent_count += 1;
                info!(alert = delivery.alert.0, to = delivery.address, reply, "Mail sent");
                self.last_problem.clear();
                (Status::Sent, reply, ended_at)
            }
            Outcome::Rejected(reply) => {
                self.tally.failed_count += 1;
                error!(alert = delivery.alert.0, to = delivery.address, reply, "Mail refused for good");
                (Status::Failed, reply, ended_at)
            }
            Outcome::Deferred(reply) | Outcome::Blocked(reply) => {
                self.tally.deferred_count += 1;
                let next = delivery::next_attempt(door.retry, delivery.attempts, ended_at);
                if self.last_problem == reply {
                    debug!(alert = delivery.alert.0, to = delivery.address, reply, %next, "Mail deferred again");
                } else {
                    warn!(alert = delivery.alert.0, to = delivery.address, reply, %next, "Mail deferred");
                    self.last_problem.clone_from(&reply);
                }
                (Status::Queued, reply, next)
            }
        };
        self.record(Finish { id: delivery.id, status, reply, next_attempt_at }, ended_at).await?;
        if was_blocked && !self.is_blocked {
            self.hasten().await;
        }
        Ok(())
    }

    /// The door is open again: what waited for it goes out now, and not when its own wait has ended.
    async fn hasten(&self) {
        match self.ledger.hasten(now()).await {
            Ok(0) => {}
            Ok(count) => info!(count, "Mail leaves again; what was waiting is sent now"),
            Err(error) => debug!(%error, "What was waiting cannot be hastened"),
        }
    }

    /// Keeps what became of an attempt.
    async fn record(&self, finish: Finish, ended_at: Timestamp) -> Result<(), LedgerError> {
        // What the server said must not be lost to a full disk, or the mail would be sent again.
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.ledger.finish(finish.clone(), ended_at).await {
                Err(LedgerError::Store(error)) => {
                    if self.stop.is_asked() && attempts >= RECORD_ATTEMPTS_MAX {
                        error!(%error, hint = error.hint(), "A delivery could not be recorded; it is done again");
                        return Ok(());
                    }
                    debug!(%error, "A delivery could not be recorded; trying again");
                    tokio::time::sleep(REFUSED_WAIT).await;
                }
                done => return done,
            }
        }
    }

    async fn wait(&self) {
        let due = self.ledger.next_delivery_at().await.ok().flatten();
        let wait = due.map_or(LOOK_EVERY, |at| until(at).min(LOOK_EVERY)).max(Duration::from_millis(5));
        tokio::select! {
            () = self.deliver.notified() => {}
            () = self.stop.token.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

fn message(delivery: &Claimed, domain: &str) -> Message {
    let id = |alert, at| delivery::message_id(&delivery.instance, alert, at, &delivery.address, domain);
    Message {
        to: delivery.address.clone(),
        message_id: id(delivery.alert, delivery.at),
        references: delivery.earlier.iter().map(|(alert, at)| id(*alert, *at)).collect(),
        date: delivery.at,
        subject: delivery.rendered.subject.clone(),
        text: delivery.rendered.text.clone(),
        html: delivery.rendered.html.clone(),
        headers: delivery.rendered.headers.clone(),
    }
}
