//! What surges are counted by: the archive by the rule of life, what an edit of the topic leaves, and what is forgotten.

use std::fs;
use std::time::Duration;

use jiff::Timestamp;
use wirewatch::feed::Entry;
use wirewatch::feed::schedule::after;
use wirewatch::topic::TopicId;

use super::{WEEKS, burst, decision, lab, live};
use crate::support::lab::{Lab, hour};

/// Reads the archive on, as time does.
fn read_archive(lab: &mut Lab, from: Timestamp) -> Timestamp {
    (0..20).fold(from, |at, _| {
        let at = after(at, Duration::from_secs(5));
        lab.tick(at);
        at
    })
}

#[test]
fn the_archive_counts_a_publishers_account_of_a_story_once_as_life_does() {
    let mut lab = lab("");
    live(&mut lab, 6..WEEKS);
    // Between two accounts of one story by one publisher lies more than is read of the archive at a time.
    let account = |name: &str, words: &str, at: Timestamp| Entry {
        id: Some(name.to_owned()),
        url: Some(format!("https://north.example/{name}")),
        title: format!("Shelling in Sudan destroys the bridge of Kosti{words}"),
        published: Some(at),
        ..Entry::default()
    };
    lab.poll(1, hour(WEEKS), &[account("early", "", hour(WEEKS))]);
    let others: Vec<Entry> = (0..150)
        .map(|number| Entry {
            id: Some(format!("more-{number}")),
            url: Some(format!("https://more.example/{number}")),
            title: format!("Council debates item {number} and {} others", number * 11),
            published: Some(hour(WEEKS + 1)),
            ..Entry::default()
        })
        .collect();
    lab.poll(0, hour(WEEKS + 1), &others);
    lab.poll(1, hour(WEEKS + 2), &[account("late", ", witnesses say", hour(WEEKS + 2))]);
    let hours = |lab: &mut Lab| lab.within(|tx| tx.report_counts("broken-truce", "SD", 0)).unwrap().hours;
    let sum = |hours: &[(i64, u32)]| hours.iter().map(|(_, count)| *count).sum::<u32>();
    let lived = hours(&mut lab);
    let text = fs::read_to_string(lab.dir.path().join("topics/broken-truce.toml")).unwrap();
    lab.reconfigure("topics/broken-truce.toml", &text.replace("weight = 42", "weight = 43"));
    // A day's sweep while the archive is read changes nothing.
    lab.tick(hour(WEEKS + 3));
    lab.within(|tx| tx.forget_reports(hour(WEEKS).as_second() / 3_600 + 24, 0));
    read_archive(&mut lab, hour(WEEKS + 3));
    let read = hours(&mut lab);
    assert_eq!((sum(&read), read.len()), (sum(&lived), lived.len()), "{read:?} for {lived:?}");
    let publishers =
        lab.within(|tx| tx.report_publishers(&TopicId("broken-truce".to_owned()), "SD", hour(WEEKS - 23)));
    assert_eq!(publishers, 1, "who reported of late is known again");
}

#[test]
fn an_edit_of_the_topic_does_not_tell_a_surge_anew() {
    let mut lab = lab("");
    live(&mut lab, 6..WEEKS);
    assert_eq!(burst(&mut lab, 12, 6, "Sudan", hour(WEEKS)).len(), 1);
    let text = fs::read_to_string(lab.dir.path().join("topics/broken-truce.toml")).unwrap();
    lab.reconfigure("topics/broken-truce.toml", &text.replace("weight = 42", "weight = 43"));
    let at = read_archive(&mut lab, hour(WEEKS + 1));
    assert!(burst(&mut lab, 12, 6, "Sudan", after(at, Duration::from_mins(1))).is_empty());
    assert_eq!(decision(&lab, "SD").0, "still-raised");
    lab.tick(hour(WEEKS + 60));
    assert_eq!(decision(&lab, "SD").0, "usual");
    assert_eq!(burst(&mut lab, 12, 6, "Sudan", hour(WEEKS + 61)).len(), 1, "the next one is told");
}

#[test]
fn what_nobody_looks_at_is_forgotten_too() {
    for alert in ["", "\n[alert.surge]\nenabled = false\n"] {
        let mut lab = lab(alert);
        live(&mut lab, 6..WEEKS);
        let oldest = |lab: &mut Lab| {
            let topic = TopicId("broken-truce".to_owned());
            let all = lab.within(|tx| tx.reported_since(&topic, "ZZ", hour(0)));
            all.iter().map(|id| id.0).min().unwrap()
        };
        let first_of_late = lab.within(|tx| {
            let topic = TopicId("broken-truce".to_owned());
            tx.reported_since(&topic, "ZZ", hour(WEEKS - 6 * 24))
        });
        assert_eq!(oldest(&mut lab), first_of_late.iter().map(|id| id.0).min().unwrap(), "{alert}");
    }
}
