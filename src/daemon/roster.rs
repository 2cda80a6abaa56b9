//! The roster: which feeds are watched, which visit is due, which is under way.
//!
//! Owns feeds with their states as committed last, the [`Schedule`] and the tasks of polls. Refuses the wall clock, so that
//! tests drive days of polling in milliseconds; refuses to log, which is the daemon's.

mod layout;
mod onward;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::{Id, JoinSet};

use self::layout::{BACKLOG_AFTER, limits};
use self::onward::Leg;
use super::hub::Ear;
use super::ledger::Configured;
use super::poller::Poller;
use super::visit::{Departure, Ended, Ticket, Visit};
use crate::article::identity::ArticleId;
use crate::article::publisher::host_key;
use crate::config::Config;
use crate::feed::gap::GapId;
use crate::feed::health::Health;
use crate::feed::moved;
use crate::feed::schedule::{Schedule, Start, after};
use crate::feed::state::FeedState;
use crate::feed::{Feed, FeedId};
use crate::fetch::Fetcher;
use crate::pipeline::Settled;
use crate::pipeline::page::PageSettled;
use crate::store::gaps::OlderPage;
use crate::store::pages::WaitingPage;

/// A time without a look at the clock that means that the machine slept.
const ABSENCE: Duration = Duration::from_mins(2);

/// The feeds that are watched.
pub struct Roster {
    config: Arc<Config>,
    feeds: HashMap<FeedId, (Arc<Feed>, FeedState)>,
    /// Older pages to be read for gaps.
    older_pages: HashMap<GapId, OlderPage>,
    schedule: Schedule<Visit>,
    /// Whether a backlog is let go bit by bit.
    is_spread: bool,
    /// When visits were started last.
    seen_at: Option<Timestamp>,
    /// Feeds that could not be reached since anybody was, and when they may be asked again at the earliest.
    offline: HashMap<FeedId, Timestamp>,
    poller: Poller,
    /// Visits that wait at the gate of a host that a redirect led to.
    onward: HashMap<Visit, Leg>,
    /// Pages whose robots.txt is asked for at another host than theirs, and theirs.
    robots_elsewhere: HashMap<ArticleId, String>,
    /// Hosts whose robots.txt a redirect takes to a host that pauses, and until when.
    robots_off: HashMap<String, Timestamp>,
    /// Feeds that were put off for the sake of a host that a redirect led to, and which.
    put_off: HashMap<FeedId, String>,
    /// How often the schedule was laid out.
    layout: u64,
    /// Feeds that are to be polled because somebody asked, until they are; whether by force.
    by_hand: HashMap<FeedId, bool>,
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
            older_pages: HashMap::new(),
            is_spread: true,
            seen_at: None,
            offline: HashMap::new(),
            poller,
            onward: HashMap::new(),
            robots_elsewhere: HashMap::new(),
            robots_off: HashMap::new(),
            put_off: HashMap::new(),
            layout: 0,
            by_hand: HashMap::new(),
            pages: HashMap::new(),
            under_way: JoinSet::new(),
            tasks: HashMap::new(),
        }
    }

    /// Puts a configuration in force that the ledger has taken; polls under way go on. Answers as [`Roster::lay_out`].
    pub fn put_in_force(&mut self, config: Arc<Config>, configured: Configured, now: Timestamp) -> usize {
        let feeds = config.feeds.iter().zip(configured.feeds);
        self.feeds = feeds.map(|(feed, row)| (row.id, (Arc::new(feed.clone()), row.state))).collect();
        let Self { feeds, by_hand, .. } = self;
        by_hand.retain(|feed, _| feeds.contains_key(feed));
        self.put_off.retain(|feed, _| feeds.contains_key(feed));
        self.older_pages = configured.older_pages.into_iter().map(|page| (page.gap, page)).collect();
        self.poller.configure(Arc::clone(&config));
        self.config = config;
        let Self { feeds, pages, schedule, .. } = self;
        pages.retain(|article, _| schedule.is_running(Visit::Page(*article)));
        for page in configured.pages.into_iter().filter(|page| feeds.contains_key(&page.feed)) {
            pages.entry(page.article).or_insert(page);
        }
        for (host, state) in configured.hosts {
            if let Some(until) = state.pause_at(now) {
                self.schedule.pause(&host, until, now);
            }
            if let Some((spacing, until)) = state.spacing_at(now) {
                self.schedule.space(&host, spacing, until, now);
            }
            if let Some(asked_at) = state.last_asked_at {
                self.schedule.note_asked(&host, asked_at, now);
            }
        }
        self.lay_out(now)
    }

    /// Replaces the HTTP client for the polls to come.
    pub fn set_fetcher(&mut self, fetcher: Fetcher) {
        self.poller.set_fetcher(fetcher);
    }

    /// Tells this ear from now on which hubs feeds name.
    pub fn tell(&mut self, ear: Ear) {
        self.poller.tell(ear);
    }

    /// The feeds that are watched, by row.
    pub fn feeds(&self) -> HashMap<FeedId, Arc<Feed>> {
        self.feeds.iter().map(|(id, (feed, _))| (*id, Arc::clone(feed))).collect()
    }

    /// Starts visits that are due, up to the limit; answers which. After a time in which nobody asked, as when the machine
    /// was suspended, what fell due meanwhile is let go bit by bit.
    pub fn start_due(&mut self, now: Timestamp) -> Vec<Start<Visit>> {
        let seen_at = self.seen_at.replace(now);
        let is_long = seen_at.is_some_and(|seen_at| after(seen_at, ABSENCE) < now);
        if is_long && self.schedule.first_due_at().is_some_and(|due_at| after(due_at, BACKLOG_AFTER) < now) {
            self.lay_out(now);
        }
        let mut started = Vec::new();
        while self.is_free() {
            let Some(start) = self.schedule.next(now) else { break };
            let poller = self.poller.clone();
            let leg = self.onward.remove(&start.visit);
            let mut by_hand = leg.as_ref().and_then(|leg| leg.by_hand);
            if let Visit::Feed(feed) = start.visit {
                by_hand = by_hand.max(self.by_hand.remove(&feed));
            }
            let ticket = Ticket { due_at: start.due_at, by_hand, layout: self.layout };
            let departure = Departure { ticket, started_at: now, onward: leg.map(|leg| leg.onward) };
            let task = match start.visit {
                Visit::Feed(id) => {
                    let Some((feed, state)) = self.feeds.get(&id) else {
                        self.schedule.finished(start.visit, None, now);
                        continue;
                    };
                    let poll = poller.poll(id, Arc::clone(feed), state.clone(), departure);
                    self.under_way.spawn(async { Ended::polled(poll.await) })
                }
                Visit::Page(article) => {
                    // One that has come to where robots.txt is does not wait for another.
                    let wait = if departure.onward.is_none() { self.robots_wait(article, now) } else { None };
                    if let Some(until) = wait {
                        self.retry_page(article, until, now);
                        continue;
                    }
                    let feed = self.pages.get(&article).and_then(|page| self.feeds.get(&page.feed));
                    let Some((feed, _)) = feed else {
                        // Its feed is no longer watched.
                        self.pages.remove(&article);
                        self.schedule.finished(start.visit, None, now);
                        continue;
                    };
                    let visit = poller.visit_page(article, Arc::clone(feed), departure);
                    self.under_way.spawn(async { Ended::paged(visit.await) })
                }
                Visit::Archive(gap) => {
                    let found =
                        self.older_pages.get(&gap).and_then(|page| Some((page, self.feeds.get(&page.feed)?)));
                    let Some((page, (feed, _))) = found else {
                        self.schedule.finished(start.visit, None, now);
                        continue;
                    };
                    let visit = poller.older_page(page.clone(), Arc::clone(feed), departure);
                    self.under_way.spawn(async { Ended::polled(visit.await) })
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

    /// Keeps what was committed of a visit; answers when it is due again, never for a page that is done with.
    pub fn take_in(&mut self, visit: Visit, settled: Settled, now: Timestamp) -> Option<Timestamp> {
        self.heed(settled.host, now);
        let feed = match visit {
            Visit::Feed(feed) => feed,
            Visit::Archive(gap) => {
                self.older_pages.remove(&gap);
                let page = settled.older_page?;
                let due_at = page.due_at;
                self.older_pages.insert(gap, page);
                return Some(due_at);
            }
            // What is committed of a page goes through `finish_page`.
            Visit::Page(_) => return None,
        };
        let is_reached = settled.state.last_answer.is_reached();
        self.await_pages(settled.older_page, settled.pages);
        if let Some((_, state)) = self.feeds.get_mut(&feed) {
            *state = settled.state;
            if settled.is_offline {
                let polled_at = state.last_polled_at.unwrap_or(now);
                self.offline.insert(feed, after(polled_at, self.config.poll.min_interval));
            }
        }
        if is_reached {
            self.go_online(feed, now);
        }
        Some(settled.next.at)
    }

    /// Keeps what was committed of a delivery of a hub: pages to be read, and when it last had news.
    pub fn take_push(&mut self, feed: FeedId, settled: Settled) {
        if let Some((_, state)) = self.feeds.get_mut(&feed) {
            (state.last_new_at, state.rhythm) = (settled.state.last_new_at, settled.state.rhythm);
            self.await_pages(settled.older_page, settled.pages);
        }
    }

    fn await_pages(&mut self, older_page: Option<OlderPage>, pages: Vec<WaitingPage>) {
        if let Some(page) = older_page
            && self.feeds.contains_key(&page.feed)
        {
            self.schedule.add(Visit::Archive(page.gap), page.host().unwrap_or_default(), page.due_at);
            self.older_pages.insert(page.gap, page);
        }
        for page in pages {
            self.await_page(page);
        }
    }

    /// Puts a visit that ended back in the schedule; without a time it does not come again.
    pub fn finish(&mut self, visit: Visit, due_at: Option<Timestamp>, now: Timestamp) {
        self.schedule.finished(visit, due_at, now);
        if let Visit::Feed(feed) = visit {
            // Whoever asked meanwhile has an answer.
            self.by_hand.remove(&feed);
            self.put_off.remove(&feed);
        }
        if due_at.is_none() {
            return;
        }
        // It may have moved to another host, or ended at one that a redirect led to.
        let host = match visit {
            Visit::Feed(feed) => {
                self.feeds.get(&feed).map(|(feed, state)| host_key(&moved::asked_url(feed, state)))
            }
            Visit::Archive(gap) => self.older_pages.get(&gap).and_then(OlderPage::host),
            Visit::Page(_) => None,
        };
        if let Some(host) = host {
            self.schedule.set_host(visit, host);
        }
    }

    /// Somebody asked for a poll by hand: the feed is due now. Forced, it does not wait for the end of its host's pause,
    /// though for its turn at the host.
    pub fn hasten(&mut self, feed: FeedId, is_forced: bool, now: Timestamp) {
        *self.by_hand.entry(feed).or_default() |= is_forced;
        if is_forced {
            self.schedule.insist(Visit::Feed(feed), now);
        } else {
            self.schedule.hasten(Visit::Feed(feed), now);
        }
    }

    /// Keeps what was committed of a visit for a page: it waits on, perhaps elsewhere, or it is done.
    pub fn finish_page(&mut self, article: ArticleId, settled: Option<PageSettled>, now: Timestamp) {
        self.schedule.finished(Visit::Page(article), None, now);
        self.pages.remove(&article);
        self.robots_elsewhere.remove(&article);
        let Some(settled) = settled else { return };
        self.heed(settled.host, now);
        if let Some(page) = settled.waits {
            self.await_page(page);
        }
    }

    /// Puts a page whose visit could not be stored back in the schedule.
    pub fn retry_page(&mut self, article: ArticleId, due_at: Timestamp, now: Timestamp) {
        self.schedule.finished(Visit::Page(article), None, now);
        self.robots_elsewhere.remove(&article);
        if let Some(page) = self.pages.remove(&article) {
            self.await_page(WaitingPage { due_at, ..page });
        }
    }

    fn await_page(&mut self, page: WaitingPage) {
        // Feeds go first: a page may wait for hours, and is the sequel of what a feed said.
        self.schedule.add_modest(Visit::Page(page.article), page.host.clone(), page.due_at);
        self.pages.insert(page.article, page);
    }

    /// Pages that are due at `now`, or being read; not those whose host pauses.
    pub fn due_page_count(&self, now: Timestamp) -> usize {
        let is_due = |page: &&WaitingPage| {
            page.due_at <= now
                && (self.schedule.is_running(Visit::Page(page.article))
                    || !self.schedule.is_paused(&page.host, now))
        };
        self.pages.values().filter(is_due).count()
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

    /// Where a feed is polled, as it may be shown; `None` when it is not watched.
    pub fn address(&self, feed: FeedId) -> Option<String> {
        self.feeds.get(&feed).map(|(feed, _)| feed.address())
    }

    /// The feed for whose sake a visit is made; `None` when that is not known any more.
    pub fn owner(&self, visit: Visit) -> Option<FeedId> {
        match visit {
            Visit::Feed(feed) => Some(feed),
            Visit::Page(article) => self.pages.get(&article).map(|page| page.feed),
            Visit::Archive(gap) => self.older_pages.get(&gap).map(|page| page.feed),
        }
    }

    /// Feeds watched.
    pub fn feed_count(&self) -> usize {
        self.feeds.len()
    }

    /// Feeds in this state of health.
    pub fn health_count(&self, health: Health) -> usize {
        self.feeds.values().filter(|(_, state)| state.health.health == health).count()
    }

    /// Visits that are due and have to wait for their host until after `by`: feeds by their addresses, with the host; then
    /// how many there are of all kinds.
    pub fn deferred(&self, by: Timestamp) -> (Vec<(String, String)>, usize) {
        let (mut feeds, mut count) = (Vec::new(), 0);
        for (visit, host) in self.schedule.deferred(by) {
            count += 1;
            if let Visit::Feed(feed) = visit {
                feeds.extend(self.address(feed).map(|address| (address, host.to_owned())));
            }
        }
        let put_off = self.put_off.iter();
        feeds.extend(put_off.filter_map(|(feed, host)| Some((self.address(*feed)?, host.clone()))));
        feeds.sort_unstable();
        feeds.dedup();
        (feeds, count)
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
