//! When a feed is polled next: the owner's pace, bounded by what its server asks for.
//!
//! Owns the pure rule [`next_poll`] and the words that explain it. Refuses the clock and the queue ([`super::schedule`]).

use std::time::Duration;

use jiff::Timestamp;
use xxhash_rust::xxh3::xxh3_64;

use super::answer::Answer;
use super::schedule::{after, words};
use super::state::FeedState;

/// Longest `Retry-After` that is believed.
pub const RETRY_AFTER_MAX: Duration = Duration::from_hours(24);

/// Share of the wait that jitter may add, in percent. Jitter is only ever added: a feed is never polled early.
const JITTER_PERCENT: u64 = 10;

/// The owner's pace, after defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Time between polls; with a learned rhythm, in the mean.
    pub interval: Duration,
    /// Never faster than this.
    pub min_interval: Duration,
    /// Never slower than this, however often polls fail.
    pub max_interval: Duration,
}

/// What bounds a feed's polls besides its state.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// Its address, which the jitter is drawn from.
    pub url: &'a str,
    /// The owner's pace.
    pub pace: Pace,
    /// Whether the owner set this feed's interval, which then decides instead of the learned rhythm.
    pub is_own_interval: bool,
    /// Bytes a day from a feed whose server gives no validators.
    pub feed_daily_bytes: u64,
    /// Factor on the wait that keeps all feeds within the owner's daily budget; 1 or more.
    pub stretch: f64,
    /// While a hub delivers: the wait of the safety poll.
    pub safety_wait: Option<Duration>,
}

/// When to poll next, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextPoll {
    /// Not before this.
    pub at: Timestamp,
    /// In words, for `feeds list` and `feeds show`.
    pub reason: String,
}

/// The rule: interval plus jitter after success; doubled for each failure up to [`Pace::max_interval`]; `Retry-After`
/// (RFC 9110 section 10.2.3) is a floor, clamped to [`RETRY_AFTER_MAX`]. `state` has taken in `answer`, the one of the poll
/// that began at `started_at`. Jitter comes from a hash of URL and start, so a replay repeats it.
pub fn next_poll(terms: &Terms<'_>, state: &FeedState, answer: &Answer, started_at: Timestamp) -> NextPoll {
    let pace = terms.pace;
    let interval = pace.interval.clamp(pace.min_interval, pace.max_interval);
    let (wait, reason) = if answer.kind.is_success() {
        (interval, format!("every {}", words(interval)))
    } else {
        let failure_count = state.failure_count;
        let doublings = failure_count.saturating_sub(1).min(16);
        let backed_off = interval.saturating_mul(1 << doublings).min(pace.max_interval).max(interval);
        match answer.retry_after.map(|wish| wish.min(RETRY_AFTER_MAX)) {
            Some(wish) if wish >= backed_off => (wish, format!("the server asked to wait {}", words(wish))),
            _ => (backed_off, format!("backing off after {failure_count} failed polls in a row")),
        }
    };
    let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    let seed = format!("{} {}", terms.url, started_at.as_millisecond());
    let jitter_ms = xxh3_64(seed.as_bytes()) % (wait_ms / 100 * JITTER_PERCENT + 1);
    let at = after(started_at, Duration::from_millis(wait_ms.saturating_add(jitter_ms)));
    NextPoll { at, reason }
}
