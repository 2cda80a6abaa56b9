//! The heartbeat: a mail that comes at its time, says how everything is, and is an alarm when it is missing.
//!
//! Owns what it says. Refuses to count: [`Vitals`] are handed in.

use std::time::Duration;

use jiff::Timestamp;

use super::super::clean::clean;
use super::super::words::{instant, plural};
use super::{FeedNews, Item, Section, clock};
use crate::feed::schedule::after;

/// Why the operator gets it.
pub(super) const WHY: &str = "Wirewatch writes this to mail.operator at mail.heartbeat_at, whatever happens. If it does not come, Wirewatch or its mail \
     is down: that is what it is for.";

/// A delivery that waits for longer asks for a person.
const WAIT_MAX: Duration = Duration::from_mins(10);

/// Incidents listed.
const INCIDENTS_MAX: usize = 10;

/// Feeds listed.
const FEEDS_MAX: usize = 10;

/// How everything is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vitals {
    /// Since when things are counted: the heartbeat before.
    pub since: Timestamp,
    /// Now.
    pub until: Timestamp,
    /// Heartbeats that were due since then and were not sent, because nothing ran.
    pub missed_count: u64,
    /// When the next one is due.
    pub next_at: Timestamp,
    /// Feeds watched.
    pub feed_count: u64,
    /// Feeds of them that were asked.
    pub polled_count: u64,
    /// Feeds that answered with a document, or that nothing is new.
    pub read_count: u64,
    /// Feeds that cannot be read or have fallen silent, the worst first.
    pub blind: Vec<FeedNews>,
    /// Gaps noticed: entries may have come and gone unseen.
    pub gap_count: u64,
    /// Articles seen for the first time.
    pub article_count: u64,
    /// Alerts, by kind, without those about wirewatch itself.
    pub alerts: Vec<(String, u64)>,
    /// Deliveries that were accepted.
    pub sent_count: u64,
    /// Deliveries refused for good.
    pub failed_count: u64,
    /// Deliveries that wait.
    pub waiting_count: u64,
    /// Since when the longest does.
    pub waiting_since: Option<Timestamp>,
    /// Incidents that are open.
    pub open_count: u64,
    /// The latest of them.
    pub open: Vec<OpenIncident>,
}

/// An open incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenIncident {
    /// Topic id.
    pub topic: String,
    /// Country as people call it; empty when none was found.
    pub place: String,
    /// When an article of it tripped last.
    pub last_at: Timestamp,
}

impl Vitals {
    /// Whether something in it asks for a person.
    pub(super) fn is_bad(&self) -> bool {
        !self.blind.is_empty()
            || self.failed_count > 0
            || self.missed_count > 0
            || self.feed_count > self.polled_count
            || self.waiting_since.is_some_and(|since| after(since, WAIT_MAX) <= self.until)
    }

    fn alert_count(&self) -> u64 {
        self.alerts.iter().map(|(_, count)| count).sum()
    }
}

pub(super) fn headline(vitals: &Vitals) -> String {
    let alive = if vitals.is_bad() { "Alive, see below" } else { "Alive" };
    format!(
        "{alive}: {} of {} read, {}, {} undelivered",
        vitals.read_count,
        plural(vitals.feed_count, "feed"),
        plural(vitals.alert_count(), "alert"),
        vitals.waiting_count
    )
}

pub(super) fn lead(vitals: &Vitals) -> String {
    let missed = match vitals.missed_count {
        0 => String::new(),
        1 => " One heartbeat before this one was not sent: Wirewatch did not run then.".to_owned(),
        count => format!(" {count} heartbeats before this one were not sent: Wirewatch did not run then."),
    };
    format!(
        "Wirewatch runs. This is what happened from {} to {}.{missed} The next heartbeat is due at {}.",
        instant(vitals.since),
        instant(vitals.until),
        instant(vitals.next_at)
    )
}

pub(super) fn sections(vitals: &Vitals) -> Vec<Section> {
    let mut sections = vec![of_feeds(vitals), of_alerts(vitals), of_mail(vitals)];
    if !vitals.open.is_empty() {
        sections.push(of_incidents(vitals));
    }
    sections
}

fn item(name: String, facts: Vec<String>) -> Item {
    Item { name, facts, reason: String::new(), feed_count: 1 }
}

fn section(title: &str, items: Vec<Item>) -> Section {
    Section { title: title.to_owned(), items, hidden: 0 }
}

fn of_feeds(vitals: &Vitals) -> Section {
    let polled = format!("{} of {} polled", vitals.polled_count, plural(vitals.feed_count, "feed"));
    let facts = vec![
        format!("{} read", vitals.read_count),
        format!("{} failing, silent or gone", vitals.blind.len()),
        format!("{} in which entries may have come and gone unseen", plural(vitals.gap_count, "gap")),
        plural(vitals.article_count, "new article"),
    ];
    let mut items = vec![item(polled, facts)];
    for feed in vitals.blind.iter().take(FEEDS_MAX) {
        let since = feed.since.map_or_else(String::new, |at| format!(" since {}", clock(at)));
        let fact = format!("{}{since}", feed.health.word());
        items.push(item(clean(&feed.name, 120), vec![clean(&feed.address, 300), fact]));
    }
    if vitals.blind.len() > FEEDS_MAX {
        let more = vitals.blind.len() - FEEDS_MAX;
        items
            .push(item(format!("… and {} (wirewatch feeds list)", plural(more as u64, "more feed")), vec![]));
    }
    section("FEEDS", items)
}

fn of_alerts(vitals: &Vitals) -> Section {
    let facts = vitals.alerts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    section("ALERTS", vec![item(plural(vitals.alert_count(), "alert"), facts)])
}

fn of_mail(vitals: &Vitals) -> Section {
    let waiting = match vitals.waiting_since {
        Some(since) => format!("{} waiting, the longest since {}", vitals.waiting_count, instant(since)),
        None => "none waiting".to_owned(),
    };
    let facts = vec![waiting, format!("{} refused for good", vitals.failed_count)];
    section("DELIVERIES", vec![item(format!("{} sent", vitals.sent_count), facts)])
}

fn of_incidents(vitals: &Vitals) -> Section {
    let mut items: Vec<Item> = Vec::new();
    for incident in vitals.open.iter().take(INCIDENTS_MAX) {
        let place = clean(&incident.place, 100);
        let at = if place.is_empty() { String::new() } else { format!(", {place}") };
        let fact = format!("last article {}", instant(incident.last_at));
        items.push(item(format!("{}{at}", clean(&incident.topic, 100)), vec![fact]));
    }
    let shown = items.len() as u64;
    if vitals.open_count > shown {
        items.push(item(format!("… and {}", plural(vitals.open_count - shown, "more incident")), vec![]));
    }
    section("OPEN INCIDENTS", items)
}
