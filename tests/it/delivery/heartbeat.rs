//! The heartbeat: its times, and what it says.

use jiff::Timestamp;
use wirewatch::delivery::Status;
use wirewatch::delivery::heartbeat::{Heartbeat, divides_a_day};
use wirewatch::pipeline::{self, OperatorEvent};
use wirewatch::store::{Durability, FILE_NAME, Writer};

use std::time::Duration;

use super::super::support::lab::{Lab, entry, hour};
use super::{alarmed, finish};

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn beat(lab: &mut Lab, at: &str) -> Option<OperatorEvent> {
    let config = lab.config.clone();
    // As after a restart, each time.
    lab.writer = Writer::open(&lab.dir.path().join(FILE_NAME), Durability::None).unwrap();
    lab.within(|tx| pipeline::beat(tx, &config, time(at)))
}

fn next(lab: &mut Lab, at: &str) -> Option<Timestamp> {
    let config = lab.config.clone();
    lab.within(|tx| pipeline::next_beat_at(tx, &config, time(at)))
}

fn text(lab: &Lab, event: &OperatorEvent) -> String {
    let text = lab.reader().alert(event.id.0).unwrap().unwrap().1;
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn it_comes_at_its_time_every_day_whatever_is_restarted() {
    let main = "[mail]\noperator = [\"ops@example.org\"]\ntime_zone = \"Africa/Khartoum\"\n";
    let mut lab = Lab::with("", main);
    // Khartoum is two hours ahead of UTC, so 07:30 there is 05:30.
    assert_eq!(beat(&mut lab, "2026-03-01T12:00:00Z"), None, "the first start begins the count");
    assert_eq!(next(&mut lab, "2026-03-01T12:00:00Z"), Some(time("2026-03-02T05:30:00Z")));
    assert_eq!(beat(&mut lab, "2026-03-02T05:29:59Z"), None);
    let first = beat(&mut lab, "2026-03-02T05:30:00Z").unwrap();
    assert_eq!(first.to, ["ops@example.org"]);
    assert_eq!(first.subject, "[Wirewatch] Alive: 0 of 0 feeds read, 0 alerts, 0 undelivered");
    for at in ["2026-03-02T05:30:01Z", "2026-03-02T12:00:00Z", "2026-03-03T05:29:59Z"] {
        assert_eq!(beat(&mut lab, at), None, "{at}");
    }
    assert!(beat(&mut lab, "2026-03-03T05:31:00Z").is_some());
    // Off for three days: one that says so, and not four.
    let late = beat(&mut lab, "2026-03-06T20:00:00Z").unwrap();
    let said = text(&lab, &late);
    assert!(said.contains("2 heartbeats before this one were not sent"), "{said}");
    assert!(late.subject.starts_with("[Wirewatch] Alive, see below: "), "{}", late.subject);
    assert!(said.contains("The next heartbeat is due at 2026-03-07 05:30 UTC"), "{said}");
    assert_eq!(beat(&mut lab, "2026-03-06T20:00:30Z"), None);
    // A clock that ran a year ahead sends one, and is forgotten when it is right again.
    assert!(beat(&mut lab, "2027-03-07T05:30:00Z").is_some());
    assert_eq!(beat(&mut lab, "2026-03-07T06:00:00Z"), None, "counting begins anew");
    assert!(beat(&mut lab, "2026-03-08T05:30:00Z").is_some());
}

#[test]
fn it_can_be_turned_off_and_needs_somebody_to_tell() {
    for main in ["[mail]\noperator = [\"ops@example.org\"]\nheartbeat = \"off\"\n", ""] {
        let mut lab = Lab::with("", main);
        for at in ["2026-03-01T12:00:00Z", "2026-03-02T12:00:00Z", "2026-03-03T12:00:00Z"] {
            assert_eq!((beat(&mut lab, at), next(&mut lab, at)), (None, None), "{main}");
        }
    }
}

#[test]
fn it_says_how_everything_is() {
    let mut lab = alarmed("[mail]\noperator = [\"ops@example.org\"]\n");
    assert_eq!(beat(&mut lab, "2026-03-01T12:30:00Z"), None);
    let claimed = lab.claim(hour(2));
    finish(&mut lab, claimed[0].id, Status::Sent, "250 ok", hour(2));
    finish(&mut lab, claimed[1].id, Status::Failed, "550 5.1.1 no such desk", hour(2));
    lab.poll(1, hour(18), &[entry("b", "Truce is shattered in the south", hour(18))]);
    let event = beat(&mut lab, "2026-03-02T07:30:00Z").unwrap();
    let said = text(&lab, &event);
    for words in [
        "from 2026-03-01 07:30 UTC to 2026-03-02 07:30 UTC",
        "2 of 2 feeds polled",
        "2 read",
        "0 failing, silent or gone",
        "3 new articles",
        "2 alerts 1 first 1 update",
        "1 sent",
        "2 waiting, the longest since 2026-03-02 06:00 UTC",
        "1 refused for good",
        "OPEN INCIDENTS broken-truce last article 2026-03-02 06:00 UTC",
        "If it does not come, Wirewatch or its mail is down",
    ] {
        assert!(said.contains(words), "`{words}` is missing: {said}");
    }
    // It is no news about feeds, which would hold back such news for a while.
    assert_eq!(lab.within(|tx| tx.last_notice_at(wirewatch::alert::Kind::Operator)), None);
}

#[test]
fn it_is_not_green_over_what_waits() {
    let mut lab = alarmed("[mail]\noperator = [\"ops@example.org\"]\n");
    assert_eq!(beat(&mut lab, "2026-03-01T12:30:00Z"), None);
    for claimed in lab.claim(hour(2)) {
        finish(&mut lab, claimed.id, Status::Sent, "250 ok", hour(2));
    }
    lab.poll(0, hour(18), &[entry("b", "Truce is shattered in the south", hour(18))]);
    lab.poll(1, hour(18), &[entry("calm", "Calm seas and a slow day in the harbour", hour(0))]);
    let event = beat(&mut lab, "2026-03-02T07:30:00Z").unwrap();
    assert!(event.subject.starts_with("[Wirewatch] Alive, see below: "), "{}", event.subject);
}

#[test]
fn a_change_of_the_clock_neither_loses_one_nor_adds_one() {
    let at = |hour: i8| jiff::civil::time(hour, 30, 0, 0);
    let berlin = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
    for (hour, day, expected) in [
        // 02:30 does not exist on the last Sunday of March, and exists twice on that of October.
        (2, "2026-03-29", "2026-03-29T01:30:00Z"),
        (2, "2026-10-25", "2026-10-25T00:30:00Z"),
        (7, "2026-03-29", "2026-03-29T05:30:00Z"),
        (7, "2026-10-25", "2026-10-25T06:30:00Z"),
    ] {
        let daily = Heartbeat { every: Duration::from_hours(24), at: at(hour), time_zone: berlin.clone() };
        let mut now = time(&format!("{day}T00:00:00Z")) - jiff::SignedDuration::from_hours(12);
        let mut times = Vec::new();
        for _ in 0..2 {
            now = daily.next_after(now).unwrap();
            assert_eq!(daily.last_by(now), Some(now));
            times.push(now);
        }
        assert_eq!(times[0], time(expected), "{hour}:30 on {day}");
        let gap = times[1].duration_since(times[0]).as_hours();
        assert!((23..=25).contains(&gap), "{times:?}");
        assert_eq!(daily.between(times[0], times[1]), 0);
    }
    let hourly = Heartbeat { every: Duration::from_hours(1), at: at(7), time_zone: jiff::tz::TimeZone::UTC };
    assert_eq!(hourly.next_after(time("2026-03-01T23:45:00Z")), Some(time("2026-03-02T00:30:00Z")));
    assert_eq!(hourly.between(time("2026-03-01T00:30:00Z"), time("2026-03-02T00:30:00Z")), 23);
    for (hours, divides) in [(24, true), (12, true), (1, true), (5, false), (48, false), (0, false)] {
        assert_eq!(divides_a_day(Duration::from_hours(hours)), divides, "{hours} h");
    }
    assert!(!divides_a_day(Duration::from_mins(30)));
}
