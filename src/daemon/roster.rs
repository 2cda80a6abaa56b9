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
use super::pages::Paged;
use super::poller::Poller;
use super::pulse::due_at;
use crate::article::identity::ArticleId;
use crate::article::publisher::host_key;
use crate::config::Config;
use crate::feed::schedule::{HostLimits, Schedule, Start};
use crate::feed::state::FeedState;
use crate::feed::{Feed, FeedId};
use crate::fetch::Fetcher;
use crate::pipeline::Settled;
use crate::pipeline::page::PageSettled;
use crate::store::pages::WaitingPage;

/// What asks a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Visit {
    /// A poll of a feed.
    Feed(FeedId),
    /// The page of an article, or the robots.txt that speaks for it.
    Page(ArticleId),
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
    /// A visit for a page, with what was committed of it.
    Paged(Box<Paged>),
    /// A visit that ended without a word: a fault of ours.
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
    schedule: Schedule<Visit>,
    poller: Poller,
    /// Pages that wait to be read, and those being read.
    pages: HashMap<ArticleId, WaitingPage>,
    under_way: JoinSet<Ended>,
    /// Which visit each task is, should it end without a word.
    tasks: HashMap<Id, Visit>,
}

impl Roster {
    /// An empty roster.
    pub fn new(poller: Poller, config: Arc<Config>) -> Self {
        Self {
            schedule: Schedule::new(limits(&config)),
            config,
            feeds: HashMap::new(),
            poller,
            pages: HashMap::new(),
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
        let Self { feeds, pages, schedule, .. } = self;
        pages.retain(|article, _| schedule.is_running(Visit::Page(*article)));
        for page in configured.pages.into_iter().filter(|page| feeds.contains_key(&page.feed)) {
            pages.entry(page.article).or_insert(page);
        }
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
        for page in self.pages.values() {
            let visit = Visit::Page(page.article);
            if self.schedule.is_running(visit) {
                schedule.add_running(visit, page.host.clone());
            } else {
                schedule.add(visit, page.host.clone(), page.due_at);
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
            let task = match start.visit {
                Visit::Feed(id) => {
                    let Some((feed, state)) = self.feeds.get(&id) else { continue };
                    let poll = self.poller.clone().poll(id, Arc::clone(feed), state.clone(), now);
                    self.under_way.spawn(async { Ended::Polled(Box::new(poll.await)) })
                }
                Visit::Page(article) => {
                    let feed = self.pages.get(&article).and_then(|page| self.feeds.get(&page.feed));
                    let Some((feed, _)) = feed else {
                        // Its feed is no longer watched.
                        self.pages.remove(&article);
                        self.schedule.finished(start.visit, None, now);
                        continue;
                    };
                    let visit = self.poller.clone().visit_page(article, Arc::clone(feed), now);
                    self.under_way.spawn(async { Ended::Paged(Box::new(visit.await)) })
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
            Ok((task, ended)) => {
                self.tasks.remove(&task);
                Some(ended)
            }
            Err(error) => {
                let visit = self.tasks.remove(&error.id())?;
                Some(Ended::Lost { visit, error })
            }
        }
    }

    /// Keeps what was committed of a poll; answers when its feed is due again.
    pub fn take_in(&mut self, feed: FeedId, settled: Settled, now: Timestamp) -> Timestamp {
        if let Some(pause) = settled.pause {
            self.schedule.pause(&pause.host, pause.until, now);
        }
        for page in settled.pages {
            self.await_page(page);
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

    /// Keeps what was committed of a visit for a page: it waits on, perhaps elsewhere, or it is done.
    pub fn finish_page(&mut self, article: ArticleId, settled: Option<PageSettled>, now: Timestamp) {
        self.schedule.finished(Visit::Page(article), None, now);
        self.pages.remove(&article);
        let Some(settled) = settled else { return };
        if let Some(pause) = settled.pause {
            self.schedule.pause(&pause.host, pause.until, now);
        }
        if let Some(page) = settled.waits {
            self.await_page(page);
        }
    }

    /// Puts a page whose visit could not be stored back in the schedule.
    pub fn retry_page(&mut self, article: ArticleId, due_at: Timestamp, now: Timestamp) {
        self.schedule.finished(Visit::Page(article), None, now);
        if let Some(page) = self.pages.remove(&article) {
            self.await_page(WaitingPage { due_at, ..page });
        }
    }

    fn await_page(&mut self, page: WaitingPage) {
        self.schedule.add(Visit::Page(page.article), page.host.clone(), page.due_at);
        self.pages.insert(page.article, page);
    }

    /// Pages that are due at `now`, or being read.
    pub fn due_page_count(&self, now: Timestamp) -> usize {
        self.pages.values().filter(|page| page.due_at <= now).count()
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
