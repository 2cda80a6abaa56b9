//! Routing: who is told of an alert, when, and what happens to what must wait. Values first, then real database files under
//! a clock that the test moves.

mod clock;
mod commands;
mod decisions;
mod follow_up;
mod holding;
mod knowledge;
mod promise;
mod settings;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use wirewatch::alert::route::{Mode, Route};
use wirewatch::alert::{Alert, Kind};
use wirewatch::feed::Entry;
use wirewatch::topic::{Severity, TopicId};

use crate::support::lab::{Lab, entry};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

/// A route that tells everything at once, without limit.
fn plain(to: &[&str]) -> Route {
    Route {
        to: to.iter().map(|address| (*address).to_owned()).collect(),
        topics: vec!["*".to_owned()],
        severities: Vec::new(),
        places: Vec::new(),
        min_publishers: 1,
        all_clear: false,
        mode: Mode::Immediate,
        zone: TimeZone::UTC,
        quiet_hours: None,
        max_per_hour: None,
        unlimited: Vec::new(),
        second_line: None,
    }
}

fn alert(kind: Kind, severity: Severity) -> Alert {
    Alert { kind, topic: TopicId("famine".to_owned()), severity, place: "SD".to_owned(), publishers: 2 }
}

/// A topic of lesser weight beside the lab's own.
const HARVEST: &str = r#"
id = "lost-harvest"
name = "Lost harvest"
description = "A harvest is lost."
severity = "warning"
[[signal]]
name = "a harvest is lost"
when = "harvest NEAR/6 (lost OR ruined)"
weight = 80
[alert]
threshold = 0.7
"#;

/// A lab with both topics and these routes, its feeds known.
fn lab(routes: &str) -> Lab {
    let mut lab = Lab::with("update_every = \"6h\"", "");
    lab.reconfigure("topics/lost-harvest.toml", HARVEST);
    lab.reconfigure("wirewatch.toml", routes);
    lab.acquaint(at("2026-03-01T00:00:00Z"));
    lab
}

/// A critical report from a country.
fn breach(country: &str, when: Timestamp) -> Entry {
    let id = format!("breach-{country}-{when}");
    entry(&id, &format!("Truce broken in {country} as shells fall on {country}"), when)
}

/// A report of lesser weight.
fn harvest(country: &str, when: Timestamp) -> Entry {
    let id = format!("harvest-{country}-{when}");
    entry(&id, &format!("Harvest lost in {country} after floods, {country} farmers say"), when)
}

/// What was mailed so far, as address and subject.
fn mails(lab: &mut Lab, now: Timestamp) -> Vec<(String, String)> {
    let claimed = lab.claim(now);
    claimed.into_iter().map(|mail| (mail.address, mail.rendered.subject)).collect()
}

/// The decisions about an alert, as address and word, in order.
fn decided(lab: &Lab, alert: i64) -> Vec<(String, String)> {
    let routing = lab.reader().routing(alert).unwrap();
    routing.into_iter().map(|step| (step.to, step.decision)).collect()
}
