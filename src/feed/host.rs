//! What a host asked of us: the pause that all its feeds keep, and the pace that its allowance leaves.
//!
//! Owns [`HostState`] and the rule which answers make a host wait and which only a feed: 429 is the host's word, 503 one
//! address's until two say so. Refuses to queue: gates are [`super::schedule`]'s.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;

use super::answer::{Answer, AnswerKind, LIMITED_FOR, WISH_MAX, WISH_MIN};
use super::schedule::after;

/// Longest wait for a server that asks a second time in a row for more than a day.
pub const INSISTED_MAX: Duration = Duration::from_hours(48);

/// How far a pause may lie ahead and be believed: what is further was written by a clock that ran ahead.
const AHEAD_MAX: Duration = Duration::from_hours(49);

/// Hosts that are known to take less than others, and the least time between two requests: Reddit takes one a minute from
/// an address (since June 2026).
const KNOWN: [(&str, Duration); 1] = [("reddit.com", KNOWN_SPACING_MAX)];

/// The longest of these.
pub const KNOWN_SPACING_MAX: Duration = Duration::from_mins(1);

/// Endings of names that exist inside one network alone (RFC 6762, RFC 8375, RFC 6761, ICANN's `internal`).
const PRIVATE_ENDINGS: [&str; 7] =
    ["local", "lan", "internal", "intranet", "localhost", "home.arpa", "localdomain"];

/// What is remembered of a host (a registrable domain) between requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostState {
    /// Nobody asks it before.
    pub paused_until: Option<Timestamp>,
    /// Why, in words that follow its name: "limits how often this address may ask".
    pub reason: String,
    /// 429 answers, less what successes made good: each doubles the pause.
    pub refusal_count: u32,
    /// Start of the last request, whatever for.
    pub last_asked_at: Option<Timestamp>,
    /// Least time between two requests, as far as its allowance goes.
    pub spacing: Option<Duration>,
    /// Until when that holds.
    pub spacing_until: Option<Timestamp>,
}

impl HostState {
    /// Takes in an answer to a request that began at `at`. `unavailable_count` is how many other feeds of the host are
    /// waiting out a 503; `is_shared` is false for addresses and private hosts, where services of many owners stand behind
    /// one name. Answers whether the pause or the spacing changed.
    pub fn note(&mut self, answer: &Answer, unavailable_count: u32, is_shared: bool, at: Timestamp) -> bool {
        let is_latest = self.last_asked_at.is_none_or(|last| last <= at || last > after(at, AHEAD_MAX));
        if is_latest {
            self.last_asked_at = Some(at);
        }
        if !is_shared {
            return false;
        }
        let before = (self.paused_until, self.spacing, self.spacing_until);
        match answer.kind {
            AnswerKind::Limited => {
                self.refusal_count = self.refusal_count.saturating_add(1);
                let wait = self.limit(answer);
                self.pause(at, wait, "limits how often this address may ask");
            }
            AnswerKind::Unavailable if unavailable_count > 0 => {
                if let Some(wait) = answer.wish(true, 1) {
                    self.pause(at, wait, "is unavailable, as several of its feeds say");
                }
            }
            // An answer to an earlier request says nothing about what was asked of us since.
            kind if kind.is_success() && kind.is_reached() && is_latest => {
                self.refusal_count /= 2;
                self.paused_until = None;
                self.reason.clear();
            }
            _ => {}
        }
        self.note_allowance(answer, at);
        before != (self.paused_until, self.spacing, self.spacing_until)
    }

    fn limit(&self, answer: &Answer) -> Duration {
        let wait = answer.wish(true, self.refusal_count).unwrap_or(LIMITED_FOR);
        match answer.retry_after {
            // It said so before, we came back, and it says so again.
            Some(wish) if wish > WISH_MAX && self.refusal_count > 1 => wish.min(INSISTED_MAX),
            _ => wait,
        }
    }

    fn note_allowance(&mut self, answer: &Answer, at: Timestamp) {
        let Some(limit) = answer.rate_limit.filter(|_| answer.kind.is_reached()) else { return };
        let reset_after = limit.reset_after.min(WISH_MAX);
        if limit.is_used_up() {
            if answer.kind != AnswerKind::Limited {
                self.pause(
                    at,
                    reset_after,
                    "has no requests left for this address until its allowance is full again",
                );
            }
        } else if limit.remaining > 0 {
            self.spacing = Some(reset_after / limit.remaining);
            self.spacing_until = Some(after(at, reset_after));
        }
    }

    /// The longer pause holds.
    fn pause(&mut self, at: Timestamp, wait: Duration, reason: &str) {
        let until = after(at, wait.clamp(WISH_MIN.min(wait), INSISTED_MAX));
        if self.paused_until.is_none_or(|known| known < until || known > after(at, AHEAD_MAX)) {
            self.paused_until = Some(until);
            reason.clone_into(&mut self.reason);
        }
    }

    /// Until when nobody asks it; `None` when it may be asked now. A pause that only a clock that ran ahead can have
    /// set is none.
    pub fn pause_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.paused_until.filter(|until| now < *until && *until <= after(now, AHEAD_MAX))
    }

    /// The least time between two requests that its allowance leaves now, and until when.
    pub fn spacing_at(&self, now: Timestamp) -> Option<(Duration, Timestamp)> {
        let until = self.spacing_until.filter(|until| now < *until && *until <= after(now, AHEAD_MAX))?;
        Some((self.spacing?, until))
    }
}

/// The least time between two requests to a host that is known to take less than others.
pub fn known_spacing(host: &str) -> Option<Duration> {
    KNOWN.iter().find(|(name, _)| *name == host).map(|(_, spacing)| *spacing)
}

/// Whether a host (as in [`crate::article::publisher::host_key`]) is reached without the world: a loopback, private or
/// link-local address, or a name inside somebody's network.
pub fn is_inside(host: &str) -> bool {
    match host.trim_start_matches('[').trim_end_matches(']').parse() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_private() || address.is_link_local(),
        Ok(IpAddr::V6(address)) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
        Err(_) => !is_shared(host),
    }
}

/// Whether a host (as in [`crate::article::publisher::host_key`]) is one owner's domain, rather than an address or a name
/// inside somebody's network, where services of many owners stand behind one name.
pub fn is_shared(host: &str) -> bool {
    let is_private = PRIVATE_ENDINGS
        .iter()
        .any(|ending| host.strip_suffix(ending).is_some_and(|rest| rest.ends_with('.')));
    host.contains('.') && host.parse::<IpAddr>().is_err() && !host.starts_with('[') && !is_private
}
