//! A feed's rhythm: what it learns from polls, what it makes of it, and that nothing leads it out of bounds.

use std::time::Duration;

use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;
use wirewatch::feed::pace::Pace;
use wirewatch::feed::rhythm::{Rhythm, WaitReason};

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;

/// A Monday, 00:00 UTC.
const MONDAY: i64 = 1_704_067_200;

const PACE: Pace = Pace { interval: minutes(15), min_interval: minutes(5), max_interval: minutes(6 * 60) };

const fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Polls every quarter of an hour from `from` to `to` (full minutes), and what they see of entries published in these
/// minutes.
fn watch(rhythm: &mut Rhythm, from: i64, to: i64, published: impl Fn(i64) -> bool) {
    let mut since = from;
    while since < to {
        let until = (since + 15 * MINUTE).min(to);
        let minutes = (1..=(until - since) / MINUTE).map(|minute| since + minute * MINUTE);
        let arrivals: Vec<Timestamp> = minutes.filter(|second| published(*second)).map(at).collect();
        rhythm.observe(at(since), at(until), &arrivals);
        since = until;
    }
}

/// A newsroom: an entry every ten minutes, on weekdays from 8:00 to 18:00.
fn office_hours(second: i64) -> bool {
    let day = (second - MONDAY).rem_euclid(WEEK) / DAY;
    let hour = second.rem_euclid(DAY) / HOUR;
    day < 5 && (8..18).contains(&hour) && second % (10 * MINUTE) == 0
}

fn every(gap: i64) -> impl Fn(i64) -> bool {
    move |second| second % gap == 0
}

fn newsroom(weeks: i64) -> Rhythm {
    let mut rhythm = Rhythm::default();
    watch(&mut rhythm, MONDAY, MONDAY + weeks * WEEK, office_hours);
    rhythm
}

#[test]
fn knowing_nothing_it_keeps_the_plain_interval_for_a_day() {
    let mut rhythm = Rhythm::default();
    assert_eq!(rhythm.wait(at(MONDAY), PACE), (PACE.interval, WaitReason::Learning));
    watch(&mut rhythm, MONDAY, MONDAY + DAY - HOUR, every(MINUTE));
    assert_eq!(rhythm.wait(at(MONDAY + DAY - HOUR), PACE), (PACE.interval, WaitReason::Learning));
    watch(&mut rhythm, MONDAY + DAY - HOUR, MONDAY + DAY, every(MINUTE));
    assert_eq!(rhythm.wait(at(MONDAY + DAY), PACE), (PACE.min_interval, WaitReason::Busy));
}

#[test]
fn the_reference_feed_is_polled_at_the_plain_interval() {
    let mut rhythm = Rhythm::default();
    watch(&mut rhythm, MONDAY, MONDAY + 2 * WEEK, every(127 * MINUTE));
    let (wait, reason) = rhythm.wait(at(MONDAY + 2 * WEEK), PACE);
    assert!((minutes(12)..minutes(19)).contains(&wait), "{wait:?}");
    assert_eq!(reason, WaitReason::Usual);
}

#[test]
fn waits_follow_the_root_of_the_rate() {
    // Entries every so many minutes, and the wait in minutes that the square root asks for.
    for (gap, ideal) in [(7, 3.6), (31, 7.6), (487, 30.2), (1_931, 60.2), (7_703, 120.2)] {
        let mut rhythm = Rhythm::default();
        let since = MONDAY + 6 * WEEK;
        watch(&mut rhythm, MONDAY, since, every(gap * MINUTE));
        let pace = Pace { min_interval: minutes(1), ..PACE };
        // Regular arrivals leave a sawtooth in "the last hours": the mean over a day is what counts.
        let waits: f64 =
            (0..24).map(|hour| rhythm.wait(at(since + hour * HOUR), pace).0.as_secs_f64() / 60.0).sum();
        let mean = waits / 24.0;
        assert!((ideal / 1.35..ideal * 1.35).contains(&mean), "gap {gap}: {mean} instead of {ideal}");
    }
}

#[test]
fn a_weekly_pattern_is_learned_within_three_weeks() {
    let rhythm = newsroom(3);
    let monday = MONDAY + 3 * WEEK;
    for (what, hours, least, most, reasons) in [
        ("Monday 10:30", 10 * HOUR + 30 * MINUTE, 4, 8, [WaitReason::Busy, WaitReason::Busy]),
        ("Friday 15:00", 4 * DAY + 15 * HOUR, 4, 8, [WaitReason::Busy, WaitReason::Busy]),
        ("Tuesday 02:00", DAY + 2 * HOUR, 30, 360, [WaitReason::Quiet, WaitReason::Lull]),
        ("Saturday 10:30", 5 * DAY + 10 * HOUR + 30 * MINUTE, 16, 120, [WaitReason::Quiet, WaitReason::Lull]),
    ] {
        // Whoever comes back after hours knows nothing of the last ones: what is left is the week.
        let (wait, reason) = rhythm.wait(at(monday + hours), PACE);
        assert!((minutes(least)..=minutes(most)).contains(&wait), "{what}: {wait:?}");
        assert!(reasons.contains(&reason), "{what}: {reason:?}");
    }
    let rate = |second| rhythm.rate_at(at(monday + second));
    assert!(rate(10 * HOUR) > 4.0 && rate(10 * HOUR) < 7.5, "{}", rate(10 * HOUR));
    assert!(rate(2 * HOUR) < 0.1, "{}", rate(2 * HOUR));
}

#[test]
fn a_quiet_night_does_not_sleep_through_the_start_of_the_day() {
    let mut rhythm = newsroom(4);
    let monday = MONDAY + 4 * WEEK;
    watch(&mut rhythm, monday, monday + 6 * HOUR, office_hours);
    let pace = Pace { interval: minutes(60), ..PACE };
    let (night, _) = rhythm.wait(at(monday), pace);
    assert!(night > minutes(180), "{night:?}");
    let (morning, _) = rhythm.wait(at(monday + 6 * HOUR), pace);
    assert!(
        morning > minutes(120) && morning < minutes(140),
        "at 6:00 it wakes soon after 8:00, not after {morning:?}"
    );
}

#[test]
fn a_change_of_habit_is_forgotten_and_learned_within_weeks() {
    let mut rhythm = newsroom(8);
    let after = MONDAY + 8 * WEEK;
    let busy = rhythm.rate_at(at(after + 10 * HOUR));
    let later = after + 8 * WEEK;
    watch(&mut rhythm, after, later, |_| false);
    assert!(rhythm.rate_at(at(later + 10 * HOUR)) < busy / 3.0);
    watch(&mut rhythm, later, later + 11 * HOUR, |_| false);
    assert!(rhythm.wait(at(later + 11 * HOUR), PACE).0 > PACE.interval, "nothing came for two months");
    let later = later + 11 * HOUR;
    watch(&mut rhythm, later, later + WEEK, every(5 * MINUTE));
    assert_eq!(rhythm.wait(at(later + WEEK), PACE).0, PACE.min_interval);
}

#[test]
fn breaking_news_makes_a_quiet_feed_hot_within_the_hour_and_cools_down() {
    let mut rhythm = Rhythm::default();
    watch(&mut rhythm, MONDAY, MONDAY + 4 * WEEK, every(127 * MINUTE));
    let breaking = MONDAY + 4 * WEEK;
    let before = rhythm.rate_at(at(breaking));
    watch(&mut rhythm, breaking, breaking + HOUR, every(5 * MINUTE));
    let (wait, reason) = rhythm.wait(at(breaking + HOUR), PACE);
    assert_eq!(reason, WaitReason::Hot);
    assert!(wait < minutes(9), "{wait:?}");
    let after = rhythm.rate_at(at(breaking + HOUR));
    assert!(after > 2.5 * before, "{before} {after}");
    watch(&mut rhythm, breaking + HOUR, breaking + 13 * HOUR, every(127 * MINUTE));
    assert_eq!(rhythm.wait(at(breaking + 13 * HOUR), PACE).1, WaitReason::Usual);
    // Nobody looked since: half a day later it is no longer hot either.
    let mut unwatched = Rhythm::default();
    watch(&mut unwatched, MONDAY, MONDAY + 4 * WEEK, every(127 * MINUTE));
    watch(&mut unwatched, breaking, breaking + HOUR, every(5 * MINUTE));
    assert_ne!(unwatched.wait(at(breaking + 13 * HOUR), PACE).1, WaitReason::Hot);
}

#[test]
fn a_busy_feed_that_falls_silent_is_asked_less_and_says_so() {
    let mut rhythm = Rhythm::default();
    watch(&mut rhythm, MONDAY, MONDAY + 4 * WEEK, every(67 * MINUTE));
    let silent = MONDAY + 4 * WEEK;
    let (before, _) = rhythm.wait(at(silent), PACE);
    watch(&mut rhythm, silent, silent + 12 * HOUR, |_| false);
    let (wait, reason) = rhythm.wait(at(silent + 12 * HOUR), PACE);
    assert!(wait > 2 * before, "{before:?} {wait:?}");
    assert_eq!(reason, WaitReason::Lull);
}

#[test]
fn the_usual_silence_spans_nights_and_weekends() {
    assert_eq!(Rhythm::default().usual_gap(), None);
    let check = |published: &dyn Fn(i64) -> bool, least: u64, most: u64| {
        let mut rhythm = Rhythm::default();
        watch(&mut rhythm, MONDAY, MONDAY + 5 * WEEK, published);
        let gap = rhythm.usual_gap().unwrap();
        assert!((minutes(60 * least)..=minutes(60 * most)).contains(&gap), "{gap:?}");
    };
    check(&every(10 * MINUTE), 1, 1);
    check(&every(6 * HOUR), 6, 9);
    check(&every(3 * DAY), 72, 102);
    check(&office_hours, 62, 91); // Friday 18:00 to Monday 8:00
    check(&|second| (7..23).contains(&(second.rem_euclid(DAY) / HOUR)) && second % (5 * MINUTE) == 0, 8, 12);
    let mut silent = Rhythm::default();
    watch(&mut silent, MONDAY, MONDAY + 5 * WEEK, |_| false);
    assert_eq!(silent.usual_gap(), None, "a feed that never published has no usual silence");
}

#[test]
fn an_outage_of_ours_is_one_long_window_and_no_silence_of_the_feed() {
    let mut rhythm = newsroom(3);
    let monday = MONDAY + 3 * WEEK;
    let missed: Vec<Timestamp> =
        (monday + 1..=monday + 2 * DAY).filter(|second| office_hours(*second)).map(at).collect();
    let mut steady = rhythm.clone();
    rhythm.observe(at(monday), at(monday + 2 * DAY), &missed);
    watch(&mut steady, monday, monday + 2 * DAY, office_hours);
    assert_eq!(rhythm.usual_gap(), steady.usual_gap());
    let noon = at(monday + 2 * DAY + 12 * HOUR);
    assert!((rhythm.rate_at(noon) / steady.rate_at(noon) - 1.0).abs() < 0.05);
}

#[test]
fn windows_that_are_empty_or_run_backwards_teach_nothing() {
    let mut rhythm = newsroom(2);
    let before = rhythm.clone();
    let end = MONDAY + 2 * WEEK;
    rhythm.observe(at(end), at(end), &[at(end)]);
    rhythm.observe(at(end), at(end - DAY), &[at(end)]);
    rhythm.observe(Timestamp::MAX, Timestamp::MIN, &[at(end)]);
    assert_eq!(rhythm, before);
}

#[test]
fn a_clock_that_leaps_ahead_and_back_costs_a_week_of_knowledge_at_most() {
    let mut rhythm = newsroom(6);
    let end = MONDAY + 6 * WEEK;
    rhythm.observe(at(end), at(end) + (24 * 365 * 20).hours(), &[]);
    let morning = end + 10 * HOUR;
    rhythm.observe(at(end), at(end + 15 * MINUTE), &[]);
    let rate = rhythm.rate_at(at(morning));
    assert!(rate > 2.0, "{rate}");
    rhythm.observe(Timestamp::MIN, Timestamp::MAX, &[at(end)]);
    assert!(rhythm.wait(Timestamp::MAX, PACE).0 <= PACE.max_interval);
    assert!(rhythm.wait(Timestamp::MIN, PACE).0 <= PACE.max_interval);
}

#[test]
fn entries_outside_the_window_count_at_its_edge() {
    let since = MONDAY + HOUR;
    let until = since + 15 * MINUTE;
    let mut outside = Rhythm::default();
    outside.observe(at(since), at(until), &[Timestamp::MIN, at(until + WEEK), Timestamp::MAX]);
    let mut edges = Rhythm::default();
    edges.observe(at(since), at(until), &[at(since + 1), at(until), at(until)]);
    assert_eq!(outside, edges);
}

#[test]
fn a_hundred_thousand_entries_at_once_count_as_ten() {
    let mut rhythm = newsroom(4);
    let mut modest = rhythm.clone();
    let end = MONDAY + 4 * WEEK;
    rhythm.observe(at(end), at(end + 15 * MINUTE), &vec![at(end + 60); 100_000]);
    modest.observe(at(end), at(end + 15 * MINUTE), &[at(end + 60); 10]);
    assert_eq!(rhythm, modest);
}

#[test]
fn bounds_hold_for_any_pace() {
    let rhythm = newsroom(2);
    let zero = Duration::ZERO;
    for (interval, min_interval, max_interval, at_least, at_most) in [
        (minutes(15), minutes(5), minutes(360), minutes(5), minutes(360)),
        (minutes(1), minutes(5), minutes(360), minutes(5), minutes(360)),
        (minutes(600), minutes(5), minutes(360), minutes(5), minutes(360)),
        (minutes(15), minutes(15), minutes(15), minutes(15), minutes(15)),
        (minutes(15), minutes(30), minutes(20), minutes(30), minutes(30)),
        (zero, zero, zero, zero, zero),
        (Duration::from_secs(1), Duration::from_secs(1), minutes(5), Duration::from_secs(1), minutes(5)),
        (Duration::MAX, zero, Duration::MAX, zero, Duration::MAX),
    ] {
        let pace = Pace { interval, min_interval, max_interval };
        for hour in 0..168 {
            let (wait, _) = rhythm.wait(at(MONDAY + 2 * WEEK + hour * HOUR), pace);
            assert!((at_least..=at_most).contains(&wait), "{pace:?}: {wait:?}");
        }
    }
}

#[test]
fn a_stored_rhythm_comes_back_as_it_was() {
    for rhythm in [Rhythm::default(), newsroom(1), newsroom(5)] {
        let bytes = rhythm.to_bytes();
        assert!(bytes.len() <= 420, "{}", bytes.len());
        assert_eq!(Rhythm::from_bytes(&bytes), rhythm);
    }
}

#[test]
fn what_cannot_be_read_is_an_empty_rhythm() {
    let good = newsroom(3).to_bytes();
    let mut foreign_version = good.clone();
    foreign_version[0] = 200;
    let mut not_a_number = good.clone();
    let end = not_a_number.len();
    not_a_number[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    let mut negative = good.clone();
    negative[end - 8..end - 4].copy_from_slice(&(-1.0_f32).to_le_bytes());
    let mut never = good.clone();
    never[end - 28..end - 20].copy_from_slice(&i64::MAX.to_le_bytes());
    let longer = [good.as_slice(), b"x"].concat();
    for bytes in
        [b"".as_slice(), b"{}", &good[1..], &longer, &foreign_version, &not_a_number, &negative, &never]
    {
        assert_eq!(Rhythm::from_bytes(bytes), Rhythm::default());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn more_entries_never_make_a_longer_wait(gap in 5_i64..2_000, hour in 0_i64..168) {
        let mut slow = Rhythm::default();
        let mut fast = Rhythm::default();
        watch(&mut slow, MONDAY, MONDAY + WEEK, every(gap * MINUTE));
        // The same entries and as many again, a minute later.
        watch(&mut fast, MONDAY, MONDAY + WEEK, |second| {
            second % (gap * MINUTE) == 0 || (second - MINUTE) % (gap * MINUTE) == 0
        });
        let now = at(MONDAY + WEEK + hour * HOUR);
        // A new entry also raises what is expected, by less than it raises what is seen: hence the one percent.
        prop_assert!(fast.wait(now, PACE).0.as_secs_f64() <= slow.wait(now, PACE).0.as_secs_f64() * 1.01);
    }

    #[test]
    fn nothing_leads_out_of_bounds(
        windows in proptest::collection::vec((any::<i32>(), 0_i64..2_000_000, proptest::collection::vec(any::<i32>(), 0..40)), 1..30),
        when in any::<i32>(),
    ) {
        let mut rhythm = Rhythm::default();
        for (since, length, arrivals) in windows {
            let since = i64::from(since);
            let arrivals: Vec<Timestamp> = arrivals.into_iter().map(|second| at(second.into())).collect();
            rhythm.observe(at(since), at(since + length), &arrivals);
            let (wait, _) = rhythm.wait(at(when.into()), PACE);
            prop_assert!(wait >= PACE.min_interval && wait <= PACE.max_interval);
            let rate = rhythm.rate_at(at(when.into()));
            prop_assert!(rate.is_finite() && rate > 0.0);
            prop_assert!(rhythm.usual_gap().is_none_or(|gap| gap >= minutes(60) && gap <= minutes(60 * 1024)));
            prop_assert_eq!(&Rhythm::from_bytes(&rhythm.to_bytes()), &rhythm);
        }
    }

    #[test]
    fn any_bytes_are_a_rhythm(mut bytes in proptest::collection::vec(any::<u8>(), 0..500), fits in any::<bool>()) {
        if fits {
            bytes.resize(Rhythm::default().to_bytes().len(), 7);
            bytes[0] = 1;
        }
        let mut rhythm = Rhythm::from_bytes(&bytes);
        rhythm.observe(at(MONDAY), at(MONDAY + HOUR), &[at(MONDAY + 5)]);
        let (wait, _) = rhythm.wait(at(MONDAY + HOUR), PACE);
        prop_assert!(wait >= PACE.min_interval && wait <= PACE.max_interval);
        prop_assert!(rhythm.rate_at(at(MONDAY)) > 0.0);
    }
}
