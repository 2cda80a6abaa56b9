//! Times of day as moments, also on the nights when clocks change.

use jiff::SignedDuration;
use jiff::civil::Time;
use proptest::prelude::*;
use wirewatch::alert::route::clock::{QuietHours, moment, next_hour, next_time};
use wirewatch::topic::Severity;

use super::{at, zone};

fn clock(text: &str) -> Time {
    text.parse().unwrap()
}

#[test]
fn a_time_of_day_comes_once_a_day_whatever_the_clock_does() {
    for (name, time, now, expected) in [
        ("UTC", "07:00", "2026-03-01T06:59:59Z", "2026-03-01T07:00:00Z"),
        ("UTC", "07:00", "2026-03-01T07:00:00Z", "2026-03-02T07:00:00Z"),
        ("Africa/Khartoum", "07:00", "2026-03-01T04:59:00Z", "2026-03-01T05:00:00Z"),
        ("Africa/Khartoum", "07:00", "2026-03-01T05:00:00Z", "2026-03-02T05:00:00Z"),
        ("Pacific/Auckland", "07:00", "2026-03-01T19:00:00Z", "2026-03-02T18:00:00Z"),
        // Paris: 02:00 becomes 03:00 on 29 March. There is no 02:30; it is when the clock passes it.
        ("Europe/Paris", "02:30", "2026-03-28T22:00:00Z", "2026-03-29T01:00:00Z"),
        ("Europe/Paris", "02:30", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"),
        ("Europe/Paris", "07:00", "2026-03-28T07:00:00Z", "2026-03-29T05:00:00Z"),
        // Paris: 03:00 becomes 02:00 on 25 October. Of two 02:30 the first counts.
        ("Europe/Paris", "02:30", "2026-10-24T22:00:00Z", "2026-10-25T00:30:00Z"),
        ("Europe/Paris", "02:30", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
        ("Europe/Paris", "02:30", "2026-10-25T01:10:00Z", "2026-10-26T01:30:00Z"),
        // New York: 8 March and 1 November.
        ("America/New_York", "02:30", "2026-03-08T05:00:00Z", "2026-03-08T07:00:00Z"),
        ("America/New_York", "01:30", "2026-11-01T04:00:00Z", "2026-11-01T05:30:00Z"),
        ("America/New_York", "01:30", "2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"),
        // Samoa had no 30 December 2011: that day's time is when the day is passed over.
        ("Pacific/Apia", "07:00", "2011-12-29T20:00:00Z", "2011-12-30T10:00:00Z"),
        ("Pacific/Apia", "07:00", "2011-12-30T10:00:00Z", "2011-12-30T17:00:00Z"),
    ] {
        assert_eq!(next_time(clock(time), &zone(name), at(now)), at(expected), "{time} {name} after {now}");
    }
}

#[test]
fn the_hour_is_the_local_clocks() {
    for (name, now, expected) in [
        ("UTC", "2026-03-01T12:10:00Z", "2026-03-01T13:00:00Z"),
        ("UTC", "2026-03-01T13:00:00Z", "2026-03-01T14:00:00Z"),
        ("UTC", "2026-03-01T13:00:00.000001Z", "2026-03-01T14:00:00Z"),
        ("Asia/Kolkata", "2026-03-01T10:10:00Z", "2026-03-01T10:30:00Z"),
        ("Asia/Kathmandu", "2026-03-01T10:10:00Z", "2026-03-01T10:15:00Z"),
        ("Europe/Paris", "2026-03-29T00:20:00Z", "2026-03-29T01:00:00Z"),
        ("Europe/Paris", "2026-10-25T00:20:00Z", "2026-10-25T01:00:00Z"),
        ("Europe/Paris", "2026-10-25T01:20:00Z", "2026-10-25T02:00:00Z"),
    ] {
        assert_eq!(next_hour(&zone(name), at(now)), at(expected), "{name} after {now}");
    }
}

#[test]
fn quiet_hours_end_when_the_clock_says_so() {
    for (hours, name, now, expected) in [
        ("22:00-06:00", "Africa/Khartoum", "2026-03-01T19:59:59Z", None),
        ("22:00-06:00", "Africa/Khartoum", "2026-03-01T20:00:00Z", Some("2026-03-02T04:00:00Z")),
        ("22:00-06:00", "Africa/Khartoum", "2026-03-02T03:59:59Z", Some("2026-03-02T04:00:00Z")),
        ("22:00-06:00", "Africa/Khartoum", "2026-03-02T04:00:00Z", None),
        ("12:00-13:30", "UTC", "2026-03-02T12:00:00Z", Some("2026-03-02T13:30:00Z")),
        ("12:00-13:30", "UTC", "2026-03-02T11:59:00Z", None),
        ("00:00-23:59", "UTC", "2026-03-02T23:58:00Z", Some("2026-03-02T23:59:00Z")),
        // A night without 02:30 ends its quiet when the clock jumps over it.
        ("22:00-02:30", "Europe/Paris", "2026-03-29T00:30:00Z", Some("2026-03-29T01:00:00Z")),
        // A night with two of them is quiet until the first, and again until the second.
        ("22:00-02:30", "Europe/Paris", "2026-10-24T23:00:00Z", Some("2026-10-25T00:30:00Z")),
        ("22:00-02:30", "Europe/Paris", "2026-10-25T00:40:00Z", None),
        ("22:00-02:30", "Europe/Paris", "2026-10-25T01:10:00Z", Some("2026-10-25T01:30:00Z")),
        ("22:00-06:00", "America/New_York", "2026-11-01T03:00:00Z", Some("2026-11-01T11:00:00Z")),
    ] {
        let (from, to) = hours.split_once('-').unwrap();
        let quiet = QuietHours { from: clock(from), to: clock(to), unless: Severity::Critical };
        assert_eq!(quiet.words(), hours);
        assert_eq!(quiet.end(&zone(name), at(now)), expected.map(at), "{hours} {name} at {now}");
    }
}

#[test]
fn moments_are_shown_by_both_clocks() {
    let now = at("2026-03-02T05:00:00Z");
    assert_eq!(moment(now, &zone("Africa/Khartoum")), "2026-03-02 07:00 Africa/Khartoum (05:00Z)");
    assert_eq!(moment(now, &zone("UTC")), "2026-03-02 05:00Z");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Wherever and whenever: what is waited for lies ahead, is near, and quiet is over when it is said to be.
    #[test]
    fn waits_end(
        place in 0_usize..6,
        second in 1_262_304_000_i64..1_900_000_000,
        from in 0_i8..24, to in 0_i8..24, minute in 0_i8..60,
    ) {
        let names = [
            "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Gaza", "Pacific/Apia",
        ];
        let (zone, now) = (zone(names[place]), jiff::Timestamp::from_second(second).unwrap());
        let (from, to) = (Time::constant(from, minute, 0, 0), Time::constant(to, 0, 0, 0));
        for next in [next_hour(&zone, now), next_time(from, &zone, now)] {
            prop_assert!(next > now);
            prop_assert!(next <= now + SignedDuration::from_hours(50));
        }
        prop_assume!(from != to);
        let quiet = QuietHours { from, to, unless: Severity::Critical };
        if let Some(end) = quiet.end(&zone, now) {
            prop_assert!(end > now && end <= now + SignedDuration::from_hours(50), "{end} after {now}");
            let just_before = end - SignedDuration::from_secs(1);
            prop_assert!(just_before < now || quiet.hold(zone.to_datetime(just_before).time()), "{just_before}");
        }
    }
}
