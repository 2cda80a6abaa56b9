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
use crate::feed::gap::GapId;
use crate::feed::schedule::{HostLimits, Schedule, Start, after};
use crate::feed::state::FeedState;
use crate::feed::{Feed, FeedId};
use crate::fetch::Fetcher;
use crate::pipeline::Settled;
use crate::store::gaps::Page;

/// What asks a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Visit {
    /// A poll of a feed.
    Feed(FeedId),
    /// An older page of a feed, for a gap.
    Archive(GapId),
}

/// A poll that ended.
#[derive(Debug)]
pub struct Polled {
    /// Whose.
    pub feed: FeedId,
    /// What was visited.
    pub visit: Visit,
    /// What was committed.
    pub settled: Result<Box<Settled>, LedgerError>,
}

/// A visit that ended.
#[derive(Debug)]
pub enum Ended {
    /// A poll, or a visit of an older page, with what was committed of it.
    Polled(Box<Polled>),
    /// A poll that ended without a word: a fault of ours.
    Lost {
        /// Which.
        visit: Visit,
        /// How.
        error: JoinError,
    },
}

/// The feeds that are watched.
pub struct Roster {
    config: Arc<Config>,
    feeds: HashMap<FeedId, (Arc<Feed>, FeedState)>,
    /// Older pages to be read for gaps.
    pages: HashMap<GapId, Page>,
    schedule: Schedule<Visit>,
    poller: Poller,
    under_way: JoinSet<Polled>,
    /// Whose each task is, should it end without a word.
    tasks: HashMap<Id, Visit>,
}

impl Roster {
    /// An empty roster.
    pub fn new(poller: Poller, config: Arc<Config>) -> Self {
        Self {
            schedule: Schedule::new(limits(&config)),
            config,
            feeds: HashMap::new(),
            pages: HashMap::new(),
            poller,
            under_way: JoinSet::new(),
            tasks: HashMap::new(),
        }
    }

    /// Puts a configuration in force that the ledger has taken; polls under way go on. Answers as [`Roster::lay_out`].
    pub fn put_in_force(&mut self, config: Arc<Config>, configured: Configured, now: Timestamp) -> usize {
        let feeds = config.feeds.iter().zip(configured.feeds);
        self.feeds = feeds.map(|(feed, row)| (row.id, (Arc::new(feed.clone()), row.state))).collect();
        self.pages = configured.pages.into_iter().map(|page| (page.gap, page)).collect();
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
        for (gap, page) in &self.pages {
            let (visit, Some((feed, _))) = (Visit::Archive(*gap), self.feeds.get(&page.feed)) else {
                continue;
            };
            let host = host_key(&feed.url);
            if self.schedule.is_running(visit) {
                schedule.add_running(visit, host);
            } else {
                // A failed page waits for hours at most; a clock that ran ahead may have set any time.
                let latest = after(now, self.config.poll.max_interval);
                schedule.add(visit, host, page.due_at.min(latest));
            }
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
            let poller = self.poller.clone();
            let task = match start.visit {
                Visit::Feed(id) => {
                    let Some((feed, state)) = self.feeds.get(&id) else { continue };
                    self.under_way.spawn(poller.poll(id, Arc::clone(feed), state.clone(), now))
                }
                Visit::Archive(gap) => {
                    let found =
                        self.pages.get(&gap).and_then(|page| Some((page, self.feeds.get(&page.feed)?)));
                    let Some((page, (feed, _))) = found else {
                        self.schedule.finished(start.visit, None, now);
                        continue;
                    };
                    self.under_way.spawn(poller.page(page.clone(), Arc::clone(feed), now))
                }
            };
            self.tasks.insert(task.id(), start.visit);
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
                let visit = self.tasks.remove(&error.id())?;
                Some(Ended::Lost { visit, error })
            }
        }
    }

    /// Keeps what was committed of a visit; answers when it is due again, never for a page that is done with.
    pub fn take_in(&mut self, visit: Visit, settled: Settled, now: Timestamp) -> Option<Timestamp> {
        if let Some(pause) = settled.pause {
            self.schedule.pause(&pause.host, pause.until, now);
        }
        let feed = match visit {
            Visit::Feed(feed) => feed,
            Visit::Archive(gap) => {
                self.pages.remove(&gap);
                let page = settled.page?;
                let due_at = page.due_at;
                self.pages.insert(gap, page);
                return Some(due_at);
            }
        };
        if let Some(page) = settled.page
            && let Some((feed, _)) = self.feeds.get(&page.feed)
        {
            self.schedule.add(Visit::Archive(page.gap), host_key(&feed.url), page.due_at);
            self.pages.insert(page.gap, page);
        }
        if let Some((_, state)) = self.feeds.get_mut(&feed) {
            *state = settled.state;
        }
        Some(settled.next.at)
    }

    /// Puts a visit that ended back in the schedule; without a time it does not come again.
    pub fn finish(&mut self, visit: Visit, due_at: Option<Timestamp>, now: Timestamp) {
        self.schedule.finished(visit, due_at, now);
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
