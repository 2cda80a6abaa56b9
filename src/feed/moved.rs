//! Where a feed moved: a permanent redirect is believed after it has said the same for days.
//!
//! Owns [`Moved`], the rule of ten results over seven days, and which address is asked. Refuses to rewrite what the
//! owner configured: an address that was taken over is given up again when it fails.

use std::time::Duration;

use jiff::Timestamp;
use url::Url;

use super::Feed;
use super::state::FeedState;

/// Polls in a row that must say the same.
const COUNT: u32 = 10;

/// For how long they must have said so.
const LASTING: Duration = Duration::from_hours(7 * 24);

/// Failures in a row after which the configured address is asked again.
const FAILURES_MAX: u32 = 3;

/// A permanent redirect (301, 308), seen again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Where to.
    pub to: String,
    /// Polls in a row that said so and found a feed there.
    pub count: u32,
    /// The first of them.
    pub since: Timestamp,
    /// When the new address was taken for the feed's own.
    pub adopted_at: Option<Timestamp>,
}

/// What a poll at `at` that brought a document says: every hop was permanent and led `to` there, or (`None`) not so. The
/// target parses as a feed, or there would be no document. Errors are no results: they neither count nor reset.
pub fn note(known: Option<Moved>, to: Option<&str>, at: Timestamp) -> Option<Moved> {
    // An address taken over is asked directly: where it leads from there is followed, and no new move.
    if known.as_ref().is_some_and(|known| known.adopted_at.is_some()) {
        return known;
    }
    let to = to?;
    let Some(mut known) = known.filter(|known| known.to == to) else {
        return Some(Moved { to: to.to_owned(), count: 1, since: at, adopted_at: None });
    };
    known.count = known.count.saturating_add(1);
    known.since = known.since.min(at);
    let is_lasting = Duration::try_from(at.duration_since(known.since)).is_ok_and(|long| long >= LASTING);
    if known.count >= COUNT && is_lasting {
        known.adopted_at = Some(at);
    }
    Some(known)
}

/// Whether an address that was taken over has failed so often that the configured one is asked again.
pub fn is_given_up(state: &FeedState) -> bool {
    let is_adopted = state.moved.as_ref().is_some_and(|moved| moved.adopted_at.is_some());
    is_adopted && (state.failure_count >= FAILURES_MAX || state.is_gone())
}

/// Where a feed is asked: the address it moved to, once that is believed, or the configured one. An owner's credentials are
/// for the configured origin: where there are any, a move elsewhere is left to the redirect.
pub fn asked_url(feed: &Feed, state: &FeedState) -> Url {
    let adopted = state.moved.as_ref().filter(|moved| moved.adopted_at.is_some());
    let to = adopted.and_then(|moved| Url::parse(&moved.to).ok());
    let is_owned = feed.access.has_credentials() || feed.url.password().is_some();
    to.filter(|to| matches!(to.scheme(), "http" | "https"))
        .filter(|to| !is_owned || to.origin() == feed.url.origin())
        .unwrap_or_else(|| feed.url.clone())
}
