//! The pulse: when the ledger is asked what time alone has changed, and which due times a wrong clock left behind.
//!
//! Owns the wait between two beats, measured on a clock that only runs forward: a wall clock that is set back must
//! stop nothing. Refuses to read any clock: both are handed in.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::feed::pace::longest_wait;
use crate::feed::schedule::after;
use crate::feed::state::FeedState;

/// How far a clock may be set back without anything being laid out anew: as long as a feed waits longer at most.
const SLACK: Duration = Duration::from_mins(5);

/// Shortest wait between two beats.
const BEAT_MIN: Duration = Duration::from_secs(1);

/// When the next beat is.
#[derive(Debug)]
pub struct Pulse {
    every: Duration,
    next: Instant,
    seen_at: Timestamp,
}

impl Pulse {
    /// A pulse whose first beat is due; `every` is the longest wait between two.
    pub fn new(every: Duration, at: Instant, now: Timestamp) -> Self {
        Self { every, next: at, seen_at: now }
    }

    /// Whether a beat is due.
    pub fn is_due(&self, at: Instant) -> bool {
        self.next <= at
    }

    /// Time until the next beat.
    pub fn wait(&self, at: Instant) -> Duration {
        self.next.saturating_duration_since(at)
    }

    /// A beat was done; by the wall clock there is something to do at `next_at`.
    pub fn beat(&mut self, at: Instant, now: Timestamp, next_at: Option<Timestamp>) {
        let wish = next_at.map(|next| Duration::try_from(next.duration_since(now)).unwrap_or_default());
        let wait = wish.map_or(self.every, |wish| wish.max(BEAT_MIN).min(self.every));
        self.next = at + wait;
    }

    /// Whether the wall clock was set back since this was asked last.
    pub fn was_set_back(&mut self, now: Timestamp) -> bool {
        let was_set_back = after(now, SLACK) < self.seen_at;
        self.seen_at = now;
        was_set_back
    }
}

/// When a feed is due: as remembered, or now when that was written by a clock that was ahead. `max_interval` is the
/// owner's longest wait; a server may ask for more, as [`longest_wait`] says.
pub fn due_at(state: &FeedState, max_interval: Duration, now: Timestamp) -> Timestamp {
    let Some(due_at) = state.next_due_at else { return Timestamp::UNIX_EPOCH };
    let latest = after(now, longest_wait(state, max_interval).saturating_add(SLACK));
    let is_ahead = due_at > latest || state.last_polled_at.is_some_and(|polled| polled > after(now, SLACK));
    if is_ahead { due_at.min(now) } else { due_at }
}
