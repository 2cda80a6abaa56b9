//! A delivery: one alert to one address, and what became of it.
//!
//! Owns [`Status`], the back-off rule [`next_attempt`] and the stable [`message_id`]. Refuses to send and to store.

use std::time::Duration;

use jiff::Timestamp;
use xxhash_rust::xxh3::xxh3_64;

use crate::alert::AlertId;
use crate::feed::schedule::after;

/// The row of a delivery in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryId(pub i64);

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// To be sent at its next attempt.
    Queued,
    /// Handed to the mailer; a restart puts it back to queued.
    Sending,
    /// The server took it.
    Sent,
    /// The server refused it for good; a person must look.
    Failed,
}

impl Status {
    /// The lower-case word used in the store and in `--json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
        }
    }
}

/// How often to try.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// Wait before the second attempt.
    pub initial: Duration,
    /// Longest wait.
    pub max: Duration,
}

/// When to try again after `attempts` failed ones: the first wait doubled each time, up to the longest, without end.
pub fn next_attempt(retry: Retry, attempts: u32, now: Timestamp) -> Timestamp {
    let doublings = attempts.saturating_sub(1).min(30);
    after(now, retry.initial.saturating_mul(1 << doublings).min(retry.max))
}

/// The Message-ID (RFC 5322 section 3.6.4, without angle brackets) of an alert to an address: the same at every
/// attempt, so that a mail sent twice by a crash is recognisable as one. `instance` tells databases apart, and `at`, when
/// the alert was decided, tells it from an alert that had its number before a backup was restored.
pub fn message_id(instance: &str, alert: AlertId, at: Timestamp, address: &str, domain: &str) -> String {
    let recipient = xxh3_64(address.to_lowercase().as_bytes());
    format!("alert-{}-{}.{recipient:016x}.{instance}@{domain}", alert.0, at.as_microsecond())
}
