//! The roster: which feeds are watched, which visit is due, which is under way.
//!
//! Owns feeds with their states as committed last, the [`Schedule`] and the tasks of polls. Refuses the wall clock, so that
//! tests drive days of polling in milliseconds; refuses to log, which is the daemon's.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::{Id, JoinError, JoinSet};

use super::ledger::{Configured, LedgerError};
use super::poller::Poller;
use super::pulse::due_at;
use crate::article::publisher::host_key;
use crate::config::Config;
use crate::feed::health::Health;
use crate::feed::schedule::{HostLimits, Schedule, Start};
use crate::feed::state::FeedState;
use crate::feed::{Feed, FeedId};
use crate::fetch::Fetcher;
use crate::pipeline::Settled;

/// What asks a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Visit {
    /// A poll of a feed.
    Feed(FeedId),
}

/// A poll that ended.
#[derive(Debug)]
pub struct Polled {
    /// Whose.
    pub feed: FeedId,
    /// What was committed.
    pub settled: Result<Box<Settled>, LedgerError>,
}

/// A visit that ended.
#[derive(Debug)]
pub enum Ended {
    /// A poll, with what was committed of it.
    Polled(Box<Polled>),
    /// A poll that ended without a word: a fault of ours.
    Lost {
        /// Whose.
        feed: FeedId,
        /// How.
        error: JoinError,
    },
}

/// The feeds that are watched.
pub struct Roster {
    config: Arc<Config>,
    feeds: HashMap<FeedId, (Arc<Feed>, FeedState)>,
    schedule: Schedule<Visit>,
    poller: Poller,
    under_way: JoinSet<Polled>,
    /// Whose each task is, should it end without a word.
    tasks: HashMap<Id, FeedId>,
}

impl Roster {
    /// An empty roster.
    pub fn new(poller: Poller, config: Arc<Config>) -> Self {
        Self {
            schedule: Schedule::new(limits(&config)),
            config,
            feeds: HashMap::new(),
            poller,
            under_way: JoinSet::new(),
            tasks: HashMap::new(),
        }
    }

    /// Puts a configuration in force that the ledger has taken; polls under way go on. Answers as [`Roster::lay_out`].
    pub fn put_in_force(&mut self, config: Arc<Config>, configured: Configured, now: Timestamp) -> usize {
        let feeds = config.feeds.iter().zip(configured.feeds);
        self.feeds = feeds.map(|(feed, row)| (row.id, (Arc::new(feed.clone()), row.state))).collect();
        self.poller.configure(Arc::clone(&config));
        self.config = config;
        let ahead_count = self.lay_out(now);
        for (host, until) in configured.pauses {
            self.schedule.pause(&host, until, now);
        }
        ahead_count
    }

    /// Replaces the HTTP client for the polls to come.
    pub fn set_fetcher(&mut self, fetcher: Fetcher) {
        self.poller.set_fetcher(fetcher);
    }

    /// Lays the schedule out anew. Due times that a wrong clock left behind are not believed; answers how many these were.
    pub fn lay_out(&mut self, now: Timestamp) -> usize {
        let mut schedule = Schedule::new(limits(&self.config));
        let mut ahead_count = 0;
        for (id, (feed, state)) in &mut self.feeds {
            let (visit, host) = (Visit::Feed(*id), host_key(&feed.url));
            if self.schedule.is_running(visit) {
                schedule.add_running(visit, host);
                continue;
            }
            let due_at = due_at(state, self.config.poll.max_interval, now);
            if state.next_due_at.is_some_and(|remembered| remembered != due_at) {
                ahead_count += 1;
                state.next_due_at = Some(due_at);
                state.last_polled_at = state.last_polled_at.map(|polled| polled.min(now));
            }
            schedule.add(visit, host, due_at);
        }
        schedule.keep_gates_of(&self.schedule, now);
        self.schedule = schedule;
        ahead_count
    }

    /// Starts visits that are due, up to the limit; answers which.
    pub fn start_due(&mut self, now: Timestamp) -> Vec<Start<Visit>> {
        let mut started = Vec::new();
        while self.is_free() {
            let Some(start) = self.schedule.next(now) else { break };
            let Visit::Feed(id) = start.visit;
            let Some((feed, state)) = self.feeds.get(&id) else { continue };
            let poll = self.poller.clone().poll(id, Arc::clone(feed), state.clone(), now);
            self.tasks.insert(self.under_way.spawn(poll).id(), id);
            started.push(start);
        }
        started
    }

    /// The next visit that ends; `None` when none is under way. It may be dropped while it waits.
    pub async fn ended(&mut self) -> Option<Ended> {
        match self.under_way.join_next_with_id().await? {
            Ok((task, polled)) => {
                self.tasks.remove(&task);
                Some(Ended::Polled(Box::new(polled)))
            }
            Err(error) => {
                let feed = self.tasks.remove(&error.id())?;
                Some(Ended::Lost { feed, error })
            }
        }
    }

    /// Keeps what was committed of a poll; answers when its feed is due again.
    pub fn take_in(&mut self, feed: FeedId, settled: Settled, now: Timestamp) -> Timestamp {
        if let Some(pause) = settled.pause {
            self.schedule.pause(&pause.host, pause.until, now);
        }
        if let Some((_, state)) = self.feeds.get_mut(&feed) {
            *state = settled.state;
        }
        settled.next.at
    }

    /// Puts a feed whose poll ended back in the schedule; without a time it is not polled again.
    pub fn finish(&mut self, feed: FeedId, due_at: Option<Timestamp>, now: Timestamp) {
        self.schedule.finished(Visit::Feed(feed), due_at, now);
    }

    /// When a visit can start, `None` when only the end of another can change that.
    pub fn wake_at(&self) -> Option<Timestamp> {
        self.schedule.wake_at().filter(|_| self.is_free())
    }

    /// Whether one more visit may be under way.
    pub fn is_free(&self) -> bool {
        self.under_way.len() < self.config.poll.concurrency
    }

    /// Whether no visit is under way.
    pub fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Whether a due time is one that only a wrong clock can have set.
    pub fn is_ahead(&self, now: Timestamp) -> bool {
        let max_interval = self.config.poll.max_interval;
        self.feeds
            .values()
            .any(|(_, state)| state.next_due_at.is_some_and(|at| due_at(state, max_interval, now) != at))
    }

    /// Where a feed is polled, as it may be shown; `None` when it is not watched.
    pub fn address(&self, feed: FeedId) -> Option<String> {
        self.feeds.get(&feed).map(|(feed, _)| feed.address())
    }

    /// Feeds watched.
    pub fn feed_count(&self) -> usize {
        self.feeds.len()
    }

    /// Feeds in this state of health.
    pub fn health_count(&self, health: Health) -> usize {
        self.feeds.values().filter(|(_, state)| state.health.health == health).count()
    }

    /// Visits that are due and have not started.
    pub fn waiting_count(&self, now: Timestamp) -> usize {
        self.schedule.waiting_count(now)
    }

    /// Lets the polls under way end, up to a time; what is cut off then is done again another day. Answers whether all ended.
    pub async fn drain(mut self, within: Duration) -> bool {
        let all = async { while self.under_way.join_next().await.is_some() {} };
        let is_done = tokio::time::timeout(within, all).await.is_ok();
        self.under_way.shutdown().await;
        is_done
    }
}

fn limits(config: &Config) -> HostLimits {
    HostLimits { at_a_time: config.poll.per_host, spacing: config.poll.host_spacing }
}
