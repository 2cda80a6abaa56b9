//! When a feed is really asked next, and whether it may be asked now.
//!
//! Owns how a feed's own due time and its host's pause go together, in words for people. Refuses the clock, and to render:
//! who shows them chooses the place.

use std::time::Duration;

use jiff::Timestamp;

use super::host::{self, HostState, INSISTED_MAX};
use super::pace::NextPoll;
use super::schedule::{after, clock, words};
use super::state::FeedState;

/// Why a feed is not asked now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// It may be asked from then on.
    pub until: Timestamp,
    /// Why, in words.
    pub reason: String,
}

/// A feed's host, as far as others share it.
#[derive(Debug, Clone, Copy)]
pub struct Neighbourhood<'a> {
    /// Registrable domain, or address.
    pub host: &'a str,
    /// What it asked of us.
    pub state: Option<&'a HostState>,
    /// Feeds there, this one included.
    pub feed_count: usize,
}

/// Whether a poll by hand may go out at `now`: not while the server or the host asked us to wait. `--force` does not ask.
pub fn may_ask_now(state: &FeedState, around: &Neighbourhood<'_>, now: Timestamp) -> Result<(), Refusal> {
    let pause = around.state.and_then(|host| host.pause_at(now));
    // What lies further ahead was written by a clock that ran ahead.
    let latest = after(now, INSISTED_MAX);
    let own = state.wait_until.filter(|until| now < *until && *until <= latest);
    let Some(until) = own.max(pause) else { return Ok(()) };
    let reason = match around.state {
        Some(host) if pause == Some(until) => format!("{} {}", around.host, host.reason),
        _ => format!("the server asked to wait ({})", state.last_outcome),
    };
    Err(Refusal { until, reason: format!("{reason}; it may be asked again at {}", clock(until, now)) })
}

/// When a feed is really asked next: when it is due, or when its host may be asked again if that is later.
pub fn explain(state: &FeedState, around: &Neighbourhood<'_>, now: Timestamp) -> NextPoll {
    let due_at = state.next_due_at.unwrap_or(now);
    let own =
        if state.next_due_at.is_none() { "never polled, due now" } else { state.next_due_reason.as_str() };
    let pause = around.state.and_then(|host| host.pause_at(now)).filter(|until| *until > due_at);
    let reason = match (pause, around.state) {
        (Some(until), Some(host)) => {
            format!("{} {}; next try {}", around.host, host.reason, clock(until, now))
        }
        _ => own.to_owned(),
    };
    let learned = around.state.and_then(|host| host.spacing_at(now)).map(|(spacing, _)| spacing);
    let spacing = learned.max(host::known_spacing(around.host));
    let reason = match spacing.filter(|spacing| *spacing > TELLING && around.feed_count > 1) {
        Some(spacing) => format!("{reason}; your {} feeds there share {}", around.feed_count, rate(spacing)),
        None => reason,
    };
    NextPoll { at: pause.unwrap_or(due_at), reason }
}

/// From here on a spacing is worth telling.
const TELLING: Duration = Duration::from_secs(10);

fn rate(spacing: Duration) -> String {
    if spacing.as_secs() == 60 {
        "1 request a minute".to_owned()
    } else {
        format!("1 request every {}", words(spacing))
    }
}
