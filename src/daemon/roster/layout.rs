//! How the schedule is laid out: at start, after a reload, a sleep or a clock that was set, and when the network is back.
//!
//! Owns which of the overdue feeds goes when. Refuses to start anything.

use std::time::Duration;

use jiff::Timestamp;
use xxhash_rust::xxh3::xxh3_64;

use super::{Roster, Visit};
use crate::article::publisher::host_key;
use crate::config::Config;
use crate::daemon::pulse::due_at;
use crate::feed::answer::WISH_MAX;
use crate::feed::schedule::{HostLimits, Schedule, after, release_at};
use crate::feed::{FeedId, moved};

/// A feed that is overdue by more is part of a backlog: visits wait for their host's spacing all day.
pub(super) const BACKLOG_AFTER: Duration = Duration::from_mins(1);

impl Roster {
    /// Lets whatever is due go at once from now on: for one round that polls each feed once, and ends.
    pub fn let_go_at_once(&mut self, now: Timestamp) {
        self.is_spread = false;
        self.lay_out(now);
    }

    /// Lays the schedule out anew. Due times that a wrong clock left behind are not believed; answers how many these were.
    /// What is overdue is let go bit by bit ([`release_at`]), longest overdue first and what was never polled in a stable
    /// order after it: each start polls the first of them at once, so that even a crash loop makes progress.
    pub fn lay_out(&mut self, now: Timestamp) -> usize {
        let mut schedule = Schedule::new(limits(&self.config));
        schedule.keep_gates_of(&self.schedule, now);
        self.forget_onward();
        let mut ahead_count = 0;
        let mut backlog = Vec::new();
        for (id, (feed, state)) in &mut self.feeds {
            let (visit, host) = (Visit::Feed(*id), host_key(&moved::asked_url(feed, state)));
            if schedule.is_running(visit) {
                continue;
            }
            let due_at = due_at(state, self.config.poll.max_interval, now);
            if state.next_due_at.is_some_and(|remembered| remembered != due_at) {
                ahead_count += 1;
                state.next_due_at = Some(due_at);
                state.last_polled_at = state.last_polled_at.map(|polled| polled.min(now));
            }
            let is_overdue = after(due_at, BACKLOG_AFTER) < now;
            // Feeds of a host that pauses wait at its gate and hold up nobody.
            if self.is_spread && is_overdue && !schedule.is_paused(&host, now) {
                let place =
                    (state.next_due_at.unwrap_or(Timestamp::MAX), xxh3_64(feed.url.as_str().as_bytes()));
                backlog.push((place, *id, host, due_at));
            } else {
                schedule.add(visit, host, due_at);
            }
        }
        backlog.sort_unstable();
        for (index, (_, id, host, due_at)) in backlog.into_iter().enumerate() {
            schedule.add(Visit::Feed(id), host, release_at(index, self.feeds.len(), now).max(due_at));
        }
        for page in self.pages.values() {
            let latest = after(now, self.config.poll.max_interval.max(WISH_MAX));
            schedule.add_modest(Visit::Page(page.article), page.host.clone(), page.due_at.min(latest));
        }
        for (gap, page) in &self.older_pages {
            if !self.feeds.contains_key(&page.feed) {
                continue;
            }
            // A failed page waits as long as its publisher may ask for; a clock that ran ahead may have set any time.
            let latest = after(now, self.config.poll.max_interval.max(WISH_MAX));
            schedule.add(Visit::Archive(*gap), page.host().unwrap_or_default(), page.due_at.min(latest));
        }
        self.schedule = schedule;
        for (feed, is_forced) in self.by_hand.clone() {
            self.hasten(feed, is_forced, now);
        }
        ahead_count
    }

    /// Somebody answered: feeds that wait because nothing could be reached are let go soon, bit by bit. One feed alone that
    /// was not reached is no sign that the network was at fault.
    pub(super) fn go_online(&mut self, feed: FeedId, now: Timestamp) {
        let mut offline = std::mem::take(&mut self.offline);
        let count = offline.len();
        offline.remove(&feed);
        if count <= 1 {
            return;
        }
        let mut backlog = Vec::new();
        for (id, from) in offline {
            let Some((feed, state)) = self.feeds.get(&id) else { continue };
            let due_at = due_at(state, self.config.poll.max_interval, now);
            let host = host_key(&moved::asked_url(feed, state));
            if from < due_at && !self.schedule.is_paused(&host, now) {
                backlog.push(((due_at, xxh3_64(feed.url.as_str().as_bytes())), id, host, from));
            }
        }
        backlog.sort_unstable();
        for (index, (_, id, host, from)) in backlog.into_iter().enumerate() {
            let release_at =
                if self.is_spread { release_at(index, self.feeds.len(), now).max(from) } else { from };
            self.schedule.add(Visit::Feed(id), host, release_at);
        }
    }

    /// Whether a due time is one that only a wrong clock can have set.
    pub fn is_ahead(&self, now: Timestamp) -> bool {
        let max_interval = self.config.poll.max_interval;
        self.feeds
            .values()
            .any(|(_, state)| state.next_due_at.is_some_and(|at| due_at(state, max_interval, now) != at))
    }
}

pub(super) fn limits(config: &Config) -> HostLimits {
    HostLimits { at_a_time: config.poll.per_host, spacing: config.poll.host_spacing }
}
