//! Incidents where a scenario file does not reach: what one document brings at once, and what stays on record.

use wirewatch::delivery::follow_up::Action;
use wirewatch::feed::Entry;
use wirewatch::pipeline::links::actions;

use crate::support::lab::{Lab, decision, entry, hour};

const TOLD: &str = "Truce broken in Sudan, army columns storm the Nile bridge of the capital before dawn";
const TOLD_BY_TWO: &str =
    "Army columns storm the Nile bridge of the capital in Sudan before dawn, truce broken";
const DEPOT: &str = "Drones strike tankers off Sudan, harbour master flees inland; truce shattered";
const DEPOT_SAVED: &str = "Drones miss tankers off Sudan, harbour master stays inland; truce holds";
const FLASH: &str = "Truce broken, army columns storm the Nile bridge of the capital before dawn";

/// The same event by another publisher.
fn second(title: &str, at: u64) -> Entry {
    Entry { url: Some("https://two.example/b".to_owned()), ..entry("b", title, hour(at)) }
}

/// What was recorded of decisions to stay silent, by article.
fn withheld(lab: &Lab) -> Vec<(i64, String)> {
    let records = lab.reader().audit_after(0, hour(0)).unwrap();
    let of = records.into_iter().filter(|record| record.kind == "withheld");
    of.map(|record| {
        let about: serde_json::Value = serde_json::from_str(&record.about).unwrap();
        (record.article.unwrap(), about["decision"].as_str().unwrap().to_owned())
    })
    .collect()
}

#[test]
fn a_document_that_names_the_place_of_an_event_once_tells_it_once() {
    for order in [[FLASH, TOLD], [TOLD, FLASH]] {
        let mut lab = Lab::new();
        lab.acquaint(hour(0));
        let settled = lab.poll(0, hour(1), &[entry("a", order[0], hour(1)), second(order[1], 1)]);
        assert_eq!(settled.articles[0].story, settled.articles[1].story, "one event");
        let places: Vec<&str> = settled.alerts.iter().map(|alert| alert.alert.place.as_str()).collect();
        assert_eq!(places, ["SD"], "{order:?}");
        assert_eq!(settled.alerts[0].articles.len(), 2);
    }
}

#[test]
fn where_a_route_asks_for_places_reports_stay_under_their_own() {
    let route = "[[route]]\nto = [\"nowhere@example.org\"]\nplaces = [\"ZZ\"]\n";
    let mut lab = Lab::with("", route);
    lab.acquaint(hour(0));
    let settled = lab.poll(0, hour(1), &[entry("a", FLASH, hour(1)), second(TOLD, 1)]);
    let places: Vec<&str> = settled.alerts.iter().map(|alert| alert.alert.place.as_str()).collect();
    assert_eq!(places, ["SD", "ZZ"]);
}

#[test]
fn what_waits_no_longer_stays_on_record() {
    // An edit takes away what was held.
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    lab.poll(0, hour(1), &[entry("a", TOLD, hour(1))]);
    let held = lab.poll(0, hour(2), &[entry("h", DEPOT, hour(2))]);
    let held = held.articles[0].id.0;
    lab.poll(0, hour(3), &[entry("h", DEPOT_SAVED, hour(2))]);
    assert_eq!(withheld(&lab), [(held, "update-held".to_owned()), (held, "edited-away".to_owned())]);

    // A publisher takes back in a headline what was held.
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    lab.poll(0, hour(1), &[entry("a", TOLD, hour(1))]);
    let held = lab.poll(0, hour(2), &[entry("h", DEPOT, hour(2))]).articles[0].id.0;
    lab.poll(0, hour(3), &[entry("h", &format!("Correction: {DEPOT}"), hour(2))]);
    assert_eq!(decision(&lab, held).0, "retracted");
    assert_eq!(withheld(&lab).last(), Some(&(held, "retracted".to_owned())));

    // One of two reports is edited away, and nobody is told.
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    let told = lab.poll(0, hour(1), &[entry("a", TOLD, hour(1))]).articles[0].id.0;
    lab.poll(1, hour(2), &[second(TOLD_BY_TWO, 2)]);
    let calm = "Truce holds in Sudan, army columns halt at the Nile bridge of the capital before dawn";
    assert!(lab.poll(0, hour(3), &[entry("a", calm, hour(1))]).alerts.is_empty());
    assert_eq!(withheld(&lab).last(), Some(&(told, "doubted".to_owned())));
}

#[test]
fn only_reports_that_tripped_are_judged() {
    let web = "[web]\nlisten = \"127.0.0.1:8420\"\npublic_url = \"https://news.example.org\"\n";
    let mut lab = Lab::with("", web);
    lab.acquaint(hour(0));
    let first = lab.poll(0, hour(1), &[entry("a", TOLD, hour(1))]).alerts[0].id;
    let calm = "Truce holds in Sudan, army columns halt at the Nile bridge of the capital before dawn";
    let correction = lab.poll(0, hour(2), &[entry("a", calm, hour(1))]).alerts[0].id;
    let config = lab.config.clone();
    let offered = |lab: &mut Lab, alert| -> Vec<Action> {
        let links = lab.within(|tx| actions(tx, &config, alert, hour(2)));
        links.into_iter().map(|link| link.action).collect()
    };
    assert!(offered(&mut lab, first).contains(&Action::Useful));
    let of_correction = offered(&mut lab, correction);
    assert!(!of_correction.contains(&Action::Useful) && !of_correction.contains(&Action::Noise));
    assert!(of_correction.contains(&Action::Unsubscribe));
    let topic = lab.config.topics[0].source.id.0.clone();
    let kept =
        lab.within(|tx| tx.keep_feedback(first, &topic, wirewatch::topic::evaluate::Grade::Yes, hour(3)));
    assert_eq!(kept, 0, "what it says now is no example of what was told");
}

#[test]
fn a_report_that_is_taken_back_leaves_those_who_stand_by_the_incident() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    lab.poll(0, hour(1), &[entry("a", TOLD, hour(1))]);
    lab.poll(1, hour(2), &[second(DEPOT, 2)]);
    lab.tick(hour(7));
    let calm = "Truce holds in Sudan, army columns halt at the Nile bridge of the capital before dawn";
    let told = lab.poll(0, hour(8), &[entry("a", calm, hour(1))]).alerts;
    assert_eq!((told[0].alert.kind.as_str(), told[0].alert.publishers), ("correction", 1));
    let told = lab.poll(1, hour(9), &[second(DEPOT_SAVED, 2)]).alerts;
    assert_eq!((told[0].alert.kind.as_str(), told[0].alert.publishers), ("correction", 0));
}
