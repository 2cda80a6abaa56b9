//! A delivery: one alert to one address, and what became of it.
//!
//! Owns [`Status`], the [`Channel`] it goes by, the back-off rule [`next_attempt`] and the stable [`message_id`]. What an
//! outlet is handed is `delivery/outlet.rs`, what its recipient can answer with one click `delivery/follow_up.rs`. Refuses
//! to send and to store.

pub mod follow_up;
pub mod heartbeat;
pub mod outlet;
pub mod payload;

use std::time::Duration;

use jiff::Timestamp;
use xxhash_rust::xxh3::xxh3_64;

use crate::alert::AlertId;
use crate::feed::schedule::after;

/// The row of a delivery in the store. A later one has a higher number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryId(pub i64);

/// What an address of an outlet begins with; the outlet's name follows.
pub const OUTLET_PREFIX: &str = "outlet:";

/// The way a delivery goes. Channels do not wait for each other.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// To a mailbox, by the mail door.
    Mail,
    /// To the outlet of this name.
    Outlet(String),
}

impl Channel {
    /// The channel of an address: `desk@example.org`, or `outlet:NAME`.
    pub fn of(address: &str) -> Self {
        address.strip_prefix(OUTLET_PREFIX).map_or(Self::Mail, |name| Self::Outlet(name.to_owned()))
    }

    /// The word of the store: `mail`, or `outlet:NAME`.
    pub fn word(&self) -> String {
        match self {
            Self::Mail => "mail".to_owned(),
            Self::Outlet(name) => format!("{OUTLET_PREFIX}{name}"),
        }
    }

    /// The channel for a word of the store.
    pub fn from_word(word: &str) -> Self {
        Self::of(word)
    }

    /// What people call it.
    pub fn shown(&self) -> String {
        match self {
            Self::Mail => "mail".to_owned(),
            Self::Outlet(name) => format!("the outlet {name}"),
        }
    }
}

/// The code of an SMTP reply and its enhanced status (RFC 3463), where the reply has them: `550 5.1.1 no such user`. The
/// reply may stand behind words of ours.
pub fn codes(reply: &str) -> (Option<u16>, Option<&str>) {
    let words: Vec<&str> = reply.split([' ', '-']).collect();
    let code_at = words.iter().position(|word| {
        word.len() == 3
            && word.starts_with(['2', '3', '4', '5'])
            && word.bytes().all(|byte| byte.is_ascii_digit())
    });
    let Some(at) = code_at else { return (None, None) };
    let code = words.get(at).and_then(|word| word.parse().ok());
    let enhanced = words.get(at + 1).copied().filter(|word| {
        let parts: Vec<&str> = word.split('.').collect();
        let is_number =
            |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        parts.len() == 3 && parts.iter().all(is_number)
    });
    (code, enhanced)
}

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
