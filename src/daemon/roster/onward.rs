//! Visits that a redirect led to another host: where they wait, and when they begin anew instead.
//!
//! Owns how far each of them has come. One waits for its turn at the other host's gate, and never through that host's
//! pause or a reload: what a redirect said may not hold by then. Refuses to follow redirects.

use std::time::Duration;

use jiff::Timestamp;

use super::{Roster, Visit};
use crate::article::identity::ArticleId;
use crate::article::publisher::host_key;
use crate::daemon::visit::{SentOn, Ticket};
use crate::feed::answer::WISH_MAX;
use crate::feed::moved;
use crate::feed::schedule::after;
use crate::fetch::Onward;
use crate::pipeline::{HostNews, HostPause, HostSpacing, may_defer};

/// A page waits so long before it looks again whether the robots.txt that speaks for it has come.
const ROBOTS_WAIT: Duration = Duration::from_secs(10);

/// A visit that waits at the gate of a host that a redirect led to.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) onward: Onward,
    /// Whether a person asked for it, and by force.
    pub(super) by_hand: Option<bool>,
}

impl Roster {
    /// Puts a visit that a redirect led to another host at that host's gate, or back where it came from, when that host
    /// pauses or a configuration was put in force meanwhile.
    pub fn send_on(&mut self, sent: SentOn, now: Timestamp) {
        let SentOn { visit, ticket, onward, noted } = sent;
        let noted = noted.unwrap_or_default();
        self.heed(noted.host, now);
        if let Visit::Feed(feed) = visit {
            self.go_online(feed, now);
        }
        self.schedule.finished(visit, None, now);
        if !self.is_wanted(visit) {
            return;
        }
        // Somebody may have asked for it while it was under way.
        let by_hand = self.asked_by_hand(visit).max(ticket.by_hand);
        if let Visit::Feed(feed) = visit {
            self.by_hand.remove(&feed);
        }
        let ticket = Ticket { by_hand, ..ticket };
        if ticket.layout != self.layout {
            return self.begin_anew(visit, ticket, now);
        }
        if by_hand != Some(true) {
            if let Some((until, reason)) = noted.deferred {
                if let Visit::Feed(feed) = visit
                    && let Some((_, state)) = self.feeds.get_mut(&feed)
                {
                    (state.next_due_at, state.next_due_reason) = (Some(until), reason);
                }
                return self.put_off(visit, &onward.host(), until, now);
            }
            // It may have begun to pause since that was looked up.
            let paused_until = self.schedule.paused_until(&onward.host(), now);
            if let Some(until) = paused_until.filter(|_| self.may_put_off(visit, now)) {
                return self.put_off(visit, &onward.host(), until, now);
            }
        }
        match visit {
            Visit::Page(article) => {
                if let Some(page) = self.pages.get(&article) {
                    self.robots_elsewhere.insert(article, page.host.clone());
                }
                self.schedule.add_modest(visit, onward.host(), ticket.due_at);
            }
            Visit::Feed(_) | Visit::Archive(_) => self.schedule.add(visit, onward.host(), ticket.due_at),
        }
        if ticket.by_hand == Some(true) {
            self.schedule.insist(visit, now);
        }
        self.onward.insert(visit, Leg { onward, by_hand: ticket.by_hand });
    }

    /// Takes in what a host asks of everybody.
    pub(super) fn heed(&mut self, news: HostNews, now: Timestamp) {
        if let Some(HostPause { host, until }) = news.pause {
            self.schedule.pause(&host, until, now);
            if until > now {
                self.call_back(&host, until, now);
            }
        }
        if let Some(HostSpacing { host, spacing, until }) = news.spacing {
            self.schedule.space(&host, spacing, until, now);
        }
    }

    /// What waits for its turn at a host that now pauses begins anew when the pause is over; who insists waits on.
    fn call_back(&mut self, host: &str, until: Timestamp, now: Timestamp) {
        let is_there = |(visit, leg): &(&Visit, &Leg)| {
            let is_forced = self.asked_by_hand(**visit).max(leg.by_hand) == Some(true);
            leg.onward.host() == host && !is_forced && self.may_put_off(**visit, now)
        };
        let visits: Vec<Visit> = self.onward.iter().filter(is_there).map(|(visit, _)| *visit).collect();
        for visit in visits {
            self.onward.remove(&visit);
            self.schedule.withdraw(visit, now);
            if let Visit::Feed(feed) = visit {
                self.by_hand.remove(&feed);
            }
            self.put_off(visit, host, until, now);
        }
    }

    /// Has a visit begin anew when the pause of the host that a redirect led to is over, or a day from now. Where that was
    /// for robots.txt, all pages of the same host wait: they would be led there, too.
    fn put_off(&mut self, visit: Visit, host: &str, until: Timestamp, now: Timestamp) {
        let until = until.min(after(now, WISH_MAX));
        match visit {
            Visit::Feed(feed) => {
                self.put_off.insert(feed, host.to_owned());
            }
            Visit::Page(article) => {
                if let Some(page) = self.pages.get(&article) {
                    self.robots_off.insert(page.host.clone(), until);
                }
            }
            Visit::Archive(_) => {}
        }
        self.begin_anew(visit, Ticket { due_at: until, by_hand: None, layout: self.layout }, now);
    }

    fn may_put_off(&self, visit: Visit, now: Timestamp) -> bool {
        let Visit::Feed(feed) = visit else { return true };
        self.feeds.get(&feed).is_some_and(|(_, state)| may_defer(state, now))
    }

    fn asked_by_hand(&self, visit: Visit) -> Option<bool> {
        let Visit::Feed(feed) = visit else { return None };
        self.by_hand.get(&feed).copied()
    }

    /// Forgets how far visits have come: all begin anew. What a person asked for is asked for still.
    pub(super) fn forget_onward(&mut self) {
        self.layout += 1;
        self.robots_elsewhere.clear();
        self.robots_off.clear();
        for (visit, leg) in self.onward.drain() {
            if let (Visit::Feed(feed), Some(is_forced)) = (visit, leg.by_hand) {
                *self.by_hand.entry(feed).or_default() |= is_forced;
            }
        }
    }

    fn begin_anew(&mut self, visit: Visit, ticket: Ticket, now: Timestamp) {
        let due_at = ticket.due_at;
        match visit {
            Visit::Feed(id) => {
                if let Some((feed, state)) = self.feeds.get(&id) {
                    self.schedule.add(visit, host_key(&moved::asked_url(feed, state)), due_at);
                }
                if let Some(is_forced) = ticket.by_hand {
                    self.hasten(id, is_forced, now);
                }
            }
            Visit::Page(article) => self.retry_page(article, due_at, now),
            Visit::Archive(gap) => {
                if let Some(page) = self.older_pages.get_mut(&gap) {
                    page.due_at = due_at;
                    self.schedule.add(visit, page.host().unwrap_or_default(), due_at);
                }
            }
        }
    }

    fn is_wanted(&self, visit: Visit) -> bool {
        self.owner(visit).is_some_and(|feed| self.feeds.contains_key(&feed))
    }

    /// Until when the page of an article is to wait: the robots.txt that speaks for it is being asked for at another host,
    /// or that host pauses.
    pub(super) fn robots_wait(&mut self, article: ArticleId, now: Timestamp) -> Option<Timestamp> {
        self.robots_off.retain(|_, until| now < *until);
        let host = &self.pages.get(&article)?.host;
        let is_other = |(other, there): (&ArticleId, &String)| *other != article && there == host;
        let is_asked_for = self.robots_elsewhere.iter().any(is_other);
        self.robots_off.get(host).copied().or_else(|| is_asked_for.then(|| after(now, ROBOTS_WAIT)))
    }
}
