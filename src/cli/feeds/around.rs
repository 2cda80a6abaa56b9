//! What stands around a feed: its host, what that asked of us, and how many feeds share it.
//!
//! Owns the loading of it for commands that explain. Refuses to explain: that is [`crate::feed::explain`]'s.

use crate::article::publisher::host_key;
use crate::cli::Failure;
use crate::config::Config;
use crate::feed::explain::Neighbourhood;
use crate::feed::host::HostState;
use crate::feed::state::FeedState;
use crate::feed::{Feed, moved};
use crate::store::Reader;

/// A feed's host, as the store and the configuration know it.
pub(super) struct Around {
    host: String,
    state: Option<HostState>,
    feed_count: usize,
}

impl Around {
    /// Looks it up. A feed that moved stands with the host it is asked at.
    pub(super) fn of(
        config: &Config,
        reader: &Reader,
        feed: &Feed,
        state: &FeedState,
    ) -> Result<Self, Failure> {
        let host = host_key(&moved::asked_url(feed, state));
        let there = config.feeds.iter().filter(|other| host_key(&other.url) == host).count();
        Ok(Self { state: reader.host(&host)?, feed_count: there.max(1), host })
    }

    /// The same, as rules take it.
    pub(super) fn neighbourhood(&self) -> Neighbourhood<'_> {
        Neighbourhood { host: &self.host, state: self.state.as_ref(), feed_count: self.feed_count }
    }
}
