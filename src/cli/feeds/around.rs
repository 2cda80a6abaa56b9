//! What stands around a feed: its host, what that asked of us, and how many feeds share it.
//!
//! Owns the loading of it for commands that explain. Refuses to explain: that is [`crate::feed::explain`]'s.

use std::time::Duration;

use jiff::Timestamp;

use crate::article::publisher::host_key;
use crate::cli::{Failure, now};
use crate::config::Config;
use crate::feed::explain::Neighbourhood;
use crate::feed::host::{HostState, known_spacing};
use crate::feed::schedule::after;
use crate::feed::state::FeedState;
use crate::feed::{Feed, moved};
use crate::store::Reader;

/// Longest time between two requests that a person waits for.
const SPACING_MAX: Duration = Duration::from_mins(1);

/// A feed's host, as the store and the configuration know it.
pub(super) struct Around {
    host: String,
    state: Option<HostState>,
    feed_count: usize,
}

/// The least time between two requests to a host, and how much of it is left since it was asked last.
pub(super) fn distance(
    config: &Config,
    host: &str,
    known: &HostState,
    now: Timestamp,
) -> (Duration, Duration) {
    let own = config.poll.host_spacing.max(known_spacing(host).unwrap_or_default());
    let spacing = known.spacing_at(now).map_or(own, |(spacing, _)| own.max(spacing.min(SPACING_MAX)));
    let left = known.last_asked_at.map(|at| after(at, spacing).duration_since(now));
    // A clock that was ahead makes nobody wait for long.
    (spacing, left.and_then(|wait| Duration::try_from(wait).ok()).unwrap_or_default().min(spacing))
}

impl Around {
    /// Looks it up. A feed that moved or redirects stands with the host that answers, unless the one that is asked first
    /// pauses for longer.
    pub(super) fn of(
        config: &Config,
        reader: &Reader,
        feed: &Feed,
        state: &FeedState,
    ) -> Result<Self, Failure> {
        let asked = host_key(&moved::asked_url(feed, state));
        let at = |host: String| -> Result<Self, Failure> {
            let there = config.feeds.iter().filter(|other| host_key(&other.url) == host).count();
            Ok(Self { state: reader.host(&host)?, feed_count: there.max(1), host })
        };
        let asked = at(asked)?;
        let Some(host) = state.answered_host.clone().filter(|host| *host != asked.host) else {
            return Ok(asked);
        };
        let answered = at(host)?;
        Ok(if asked.paused_until() > answered.paused_until() { asked } else { answered })
    }

    fn paused_until(&self) -> Option<Timestamp> {
        self.state.as_ref().and_then(|host| host.pause_at(now()))
    }

    /// The same, as rules take it.
    pub(super) fn neighbourhood(&self) -> Neighbourhood<'_> {
        Neighbourhood { host: &self.host, state: self.state.as_ref(), feed_count: self.feed_count }
    }
}
