//! A redirect from one host to another: what is kept of it, and whether the visit may go on there now.
//!
//! Owns [`settle_hop`]. A visit does not wait out another host's pause, as a redirect may hold for minutes only: it begins
//! anew when the pause is over. Refuses to follow.

use jiff::Timestamp;

use super::host::{HostNews, note_host};
use crate::feed::FeedId;
use crate::feed::answer::{Answer, WISH_MAX};
use crate::feed::schedule::after;
use crate::feed::state::FeedState;
use crate::store::{StoreError, Transaction};

/// A redirect from one host (a registrable domain, or an address) to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// Who redirects.
    pub from: String,
    /// Where to.
    pub to: String,
    /// What the redirect means for the one that gave it.
    pub answer: Answer,
    /// Whose poll it is; absent for pages.
    pub feed: Option<FeedId>,
    /// Whether a person insists, so that no pause holds it up.
    pub is_forced: bool,
}

/// What was kept of a redirect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HopSettled {
    /// What the host that redirects asks of everybody.
    pub host: HostNews,
    /// The other host pauses: the visit begins anew then, and why, in words.
    pub deferred: Option<(Timestamp, String)>,
}

/// Counts the request that a redirect answered at `at`, and defers the visit while the host it leads to pauses: by a day at
/// most.
pub fn settle_hop(tx: &Transaction<'_>, hop: &Hop, at: Timestamp) -> Result<HopSettled, StoreError> {
    let host = note_host(tx, &hop.from, &hop.answer, 0, at)?;
    let there = tx.host(&hop.to)?;
    let Some(until) = there.pause_at(at).filter(|_| !hop.is_forced) else {
        return Ok(HopSettled { host, deferred: None });
    };
    let until = until.min(after(at, WISH_MAX));
    let reason = format!("a redirect leads to {}, which {}", hop.to, there.reason);
    if let Some(feed) = hop.feed
        && let Some(mut state) = tx.feed_state(feed)?
    {
        if !may_defer(&state, at) {
            return Ok(HopSettled { host, deferred: None });
        }
        state.next_due_at = Some(until);
        state.next_due_reason.clone_from(&reason);
        state.answered_host = Some(hop.to.clone());
        tx.save_feed(feed, &state, None)?;
    }
    Ok(HopSettled { host, deferred: Some((until, reason)) })
}

/// Whether a poll may be put off because of where a redirect leads. One that had no answer for a day waits in line instead:
/// what it meets there is the feed's to be judged by.
pub fn may_defer(state: &FeedState, at: Timestamp) -> bool {
    state.last_polled_at.is_some_and(|polled| at < after(polled, WISH_MAX))
}
