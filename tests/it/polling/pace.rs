//! When a feed is polled next.

use std::time::Duration;

use jiff::Timestamp;
use wirewatch::feed::answer::{Answer, AnswerKind};
use wirewatch::feed::pace::{Pace, Terms, longest_wait, next_poll, stretch};
use wirewatch::feed::state::{FeedState, Network};

use crate::support::http::Reply;
use crate::support::lab::hour;
use crate::support::watch::{Watch, rss};

const DAY: Duration = Duration::from_hours(24);

fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// Every 15 minutes, at least 5 and at most 360.
fn terms() -> Terms<'static> {
    Terms {
        url: "https://one.example/feed",
        pace: Pace { interval: minutes(15), min_interval: minutes(5), max_interval: minutes(360) },
        is_own_interval: false,
        feed_daily_bytes: 24 << 20,
        stretch: 1.0,
        safety_wait: None,
    }
}

/// The wait that follows from a state which has taken in an answer.
fn wait(terms: &Terms<'_>, state: &FeedState, answer: &Answer, at: Timestamp) -> (Duration, String) {
    let next = next_poll(terms, state, answer, at);
    (Duration::try_from(next.at.duration_since(at)).unwrap(), next.reason)
}

/// Asserts a wait, to which jitter adds a tenth at most, and a part of its reason.
#[track_caller]
fn check(terms: &Terms<'_>, state: &FeedState, answer: &Answer, least: Duration, reason: &str) {
    let (wait, words) = wait(terms, state, answer, hour(0));
    assert!(wait >= least && wait <= least.mul_f64(1.1), "{wait:?} is not {least:?} and a little more");
    assert!(words.contains(reason), "{words}");
}

fn document() -> Answer {
    Answer::of(AnswerKind::Document)
}

#[test]
fn c25_polls_back_off_up_to_the_longest_interval_and_never_give_up() {
    let failure = |retry_after| Answer { retry_after, ..Answer::of(AnswerKind::ServerError) };
    // End, failures in a row, the least wait; the most is a tenth longer.
    let cases = [
        (document(), 0, minutes(15), "every 15m"),
        (failure(None), 1, minutes(15), "backing off after 1"),
        (failure(None), 2, minutes(30), "backing off after 2"),
        (failure(None), 5, minutes(240), "backing off after 5"),
        (failure(None), 4_000_000_000, minutes(6 * 60), "backing off"),
        (failure(Some(minutes(90))), 1, minutes(90), "asked to wait 1h 30m"),
        (failure(Some(minutes(1))), 1, minutes(15), "backing off"),
        (failure(Some(minutes(60 * 24 * 3650))), 1, DAY, "asked to wait 1d"),
        (Answer::of(AnswerKind::NotAFeed), 40, minutes(360), "backing off"),
        (Answer::of(AnswerKind::Unreachable), 40, minutes(360), "backing off"),
    ];
    for (answer, failure_count, least, reason) in cases {
        let state = FeedState { failure_count, ..FeedState::default() };
        check(&terms(), &state, &answer, least, reason);
    }
    let monthly = Pace { max_interval: DAY * 30, ..terms().pace };
    let state = FeedState { failure_count: 40, ..FeedState::default() };
    check(&Terms { pace: monthly, ..terms() }, &state, &failure(None), DAY, "backing off");
}

#[test]
fn c30_what_somebody_has_to_mend_is_tried_daily_and_for_ever() {
    for kind in [AnswerKind::Missing, AnswerKind::Unauthorized, AnswerKind::Forbidden] {
        let state = FeedState { failure_count: 40, ..FeedState::default() };
        check(&terms(), &state, &Answer::of(kind), DAY, "backing off after 40");
    }
}

#[test]
fn c30_a_410_is_believed_when_it_was_said_three_times_a_day_apart() {
    let gone = Answer::of(AnswerKind::Gone);
    let mut state = FeedState::default();
    let mut said = |hours: u64, expected: u32| {
        state.note(&gone, Network::default(), hour(hours));
        assert_eq!((state.gone_count, state.is_gone()), (expected, expected >= 3), "after {hours} h");
    };
    // By hand again and again within a day: no confirmation.
    for (hours, count) in [(0, 1), (1, 1), (23, 1), (24, 2), (47, 2), (48, 3)] {
        said(hours, count);
    }
    check(&terms(), &state, &gone, DAY * 7, "once a week");
    assert!(longest_wait(&state, minutes(360)) >= DAY * 7);
    state.note(&document(), Network::default(), hour(300));
    assert_eq!((state.gone_count, state.is_gone(), state.gone_since), (0, false, None));
    state.note(&gone, Network::default(), hour(301));
    check(&terms(), &state, &gone, DAY, "to be confirmed");
}

#[test]
fn c21_freshness_lengthens_the_wait_and_never_shortens_it() {
    let fresh = |fresh_for| FeedState { fresh_for, ..FeedState::default() };
    check(&terms(), &fresh(Some(minutes(60))), &document(), minutes(60), "nothing changes for 1h");
    check(&terms(), &fresh(Some(minutes(1))), &document(), minutes(15), "every 15m");
    check(&terms(), &fresh(Some(DAY * 365)), &document(), DAY, "nothing changes for 1d");
    // An interval of the owner's own is bounded by it, too.
    let own = Terms { is_own_interval: true, ..terms() };
    check(
        &own,
        &fresh(Some(minutes(60))),
        &Answer::of(AnswerKind::NotModified),
        minutes(60),
        "nothing changes",
    );
    check(&own, &fresh(None), &document(), minutes(15), "as set for this feed");
}

#[test]
fn c21_a_304_without_freshness_keeps_the_last_and_a_200_without_ends_it() {
    let mut state = FeedState::default();
    let mut note = |kind, fresh_for, expected: Option<Duration>| {
        state.note(&Answer { fresh_for, ..Answer::of(kind) }, Network::default(), hour(0));
        assert_eq!(state.fresh_for, expected, "{kind:?} {fresh_for:?}");
    };
    note(AnswerKind::Document, Some(minutes(60)), Some(minutes(60)));
    note(AnswerKind::NotModified, None, Some(minutes(60)));
    note(AnswerKind::ServerError, None, Some(minutes(60)));
    note(AnswerKind::Pushed, None, Some(minutes(60)));
    note(AnswerKind::NotModified, Some(minutes(90)), Some(minutes(90)));
    note(AnswerKind::Document, None, None);
}

#[test]
fn c22_the_feeds_own_hints_are_lower_bounds() {
    let ttl = |ttl| FeedState { ttl: Some(ttl), ..FeedState::default() };
    check(&terms(), &ttl(minutes(60)), &document(), minutes(60), "no more often than every 1h");
    check(&terms(), &ttl(minutes(1)), &document(), minutes(15), "every 15m");
    check(&terms(), &ttl(DAY * 30), &document(), DAY, "no more often than every 1d");
    let both = FeedState { fresh_for: Some(minutes(90)), ..ttl(minutes(60)) };
    check(&terms(), &both, &document(), minutes(90), "nothing changes");
}

#[test]
fn c22_hours_and_days_ruled_out_move_the_poll_a_day_at_most() {
    // 12:00 UTC on Sunday, 1 March 2026; the next poll would be at 12:15 to 12:17.
    let at = |skip_hours: u32, skip_days: u8| {
        let state = FeedState { skip_hours, skip_days, ..FeedState::default() };
        wait(&terms(), &state, &document(), hour(0))
    };
    let hours = |list: &[u32]| list.iter().fold(0, |all, hour| all | 1 << hour);
    let moved = |wait: &(Duration, String), hours: u64| {
        let least = minutes(60 * hours);
        assert!(wait.0 >= least && wait.0 <= least + minutes(10), "{wait:?}");
        assert!(wait.1.contains("skipHours"), "{}", wait.1);
    };
    moved(&at(hours(&[12]), 0), 1);
    moved(&at(hours(&[12, 13, 14]), 0), 3);
    moved(&at(hours(&(0..24).filter(|hour| *hour != 11).collect::<Vec<_>>()), 0), 23);
    // Sunday is ruled out: Monday at midnight.
    moved(&at(0, 1 << 6), 12);
    // Sunday and Monday: no longer than a day.
    moved(&at(0, 1 << 6 | 1), 24);
    moved(&at(hours(&(0..24).collect::<Vec<_>>()), 0), 24);
    for wait in [at(hours(&[11, 13]), 0), at(0, 1 << 5), at(0, 0)] {
        assert!(wait.0 <= minutes(17), "{wait:?}");
    }
}

#[test]
fn c11_a_server_that_ignores_conditions_is_asked_hourly_and_daily_after_a_quiet_day() {
    let mut state =
        FeedState { etag: Some(b"\"x\"".to_vec()), first_success_at: Some(hour(0)), ..FeedState::default() };
    let again = Answer { was_conditional: true, has_validators: true, ..document() };
    let news = Answer { new_count: 1, ..again };
    let not_modified = Answer { was_conditional: true, ..Answer::of(AnswerKind::NotModified) };
    let mut poll = |answer: &Answer, hours: u64, times: usize| {
        for _ in 0..times {
            state.note(answer, Network::default(), hour(hours));
        }
        let own = Terms { is_own_interval: true, ..terms() };
        let at = |terms: &Terms<'_>| wait(terms, &state, answer, hour(hours));
        assert!(at(&own).0 <= minutes(17), "the owner's own interval decides");
        at(&terms())
    };
    let about = |wait: &(Duration, String), least: Duration, reason: &str| {
        assert!(wait.0 >= least && wait.0 <= least.mul_f64(1.1) && wait.1.contains(reason), "{wait:?}");
    };
    about(&poll(&again, 1, 7), minutes(15), "every 15m");
    about(&poll(&again, 2, 1), minutes(60), "ignores conditional GET");
    about(&poll(&again, 24, 1), DAY, "every 1d: the server ignores conditional GET");
    about(&poll(&news, 30, 1), minutes(15), "every 15m");
    about(&poll(&again, 31, 8), minutes(60), "ignores conditional GET");
    about(&poll(&again, 54, 1), DAY, "ignores conditional GET");
    about(&poll(&not_modified, 55, 1), minutes(15), "every 15m");
}

#[test]
fn c11_a_feed_with_an_entry_an_hour_is_worth_its_documents() {
    let mut state = FeedState { ignored_count: 50, validators_at: Some(hour(0)), ..FeedState::default() };
    state.etag = Some(b"\"x\"".to_vec());
    for half_hours in 0..400 {
        let at = |count: u64| hour(0) + jiff::SignedDuration::from_mins(i64::try_from(count).unwrap() * 30);
        state.rhythm.observe(at(half_hours), at(half_hours + 1), &[at(half_hours + 1)]);
    }
    let (wait, reason) = wait(&terms(), &state, &document(), hour(200));
    assert!(wait < minutes(30), "{wait:?} {reason}");
}

#[test]
fn c14_without_validators_the_bytes_of_a_day_bound_the_polls() {
    let sends = |document_bytes| FeedState { document_bytes, ..FeedState::default() };
    check(&terms(), &sends(100 << 10), &document(), minutes(15), "every 15m");
    check(&terms(), &sends(1 << 20), &document(), minutes(60), "1024 KiB each time without conditional GET");
    check(&terms(), &sends(100 << 20), &document(), DAY, "24 MiB a day at most");
    let frugal = Terms { feed_daily_bytes: 0, ..terms() };
    check(&frugal, &sends(100), &document(), DAY, "a day at most");
    let validating =
        FeedState { etag: Some(b"\"x\"".to_vec()), validators_at: Some(hour(0)), ..sends(100 << 20) };
    check(&terms(), &validating, &document(), minutes(15), "every 15m");
}

#[test]
fn c14_a_server_that_stopped_sending_validators_is_asked_once_a_day() {
    let state = |hours_ago: Option<u64>| FeedState {
        validators_at: Some(hour(0)),
        unconditional_at: hours_ago.map(|ago| hour(100 - ago)),
        failure_count: 1,
        ..FeedState::default()
    };
    let wait = |ago, kind| wait(&terms(), &state(ago), &Answer::of(kind), hour(100)).0;
    assert!(wait(Some(0), AnswerKind::Document) >= DAY);
    assert!((minutes(240)..minutes(265)).contains(&wait(Some(20), AnswerKind::Document)));
    // A failure in between is no way around it.
    assert!((minutes(240)..minutes(265)).contains(&wait(Some(20), AnswerKind::ServerError)));
    assert!(wait(Some(25), AnswerKind::Document) < minutes(17));
    assert!(wait(None, AnswerKind::Document) < minutes(17));
    // A clock that ran ahead by ten years costs a day.
    let ahead = FeedState { unconditional_at: Some(hour(24 * 3650)), ..state(None) };
    let (wait, _) = self::wait(&terms(), &ahead, &document(), hour(100));
    assert!((DAY..DAY.mul_f64(1.11)).contains(&wait));
}

#[test]
fn c14_the_owners_daily_budget_stretches_all_waits() {
    let mib = |count: u64| count << 20;
    assert!((stretch(mib(400), 0.5, None) - 1.0).abs() < 1e-9);
    let cases = [
        (0, 0.0, 1.0),
        (mib(10), 0.0, 1.0),
        (mib(100), 0.5, 1.0),
        (mib(240), 0.5, 2.0),
        (mib(132), 0.5, 1.77),
        (mib(60), 0.125, 64.0),
        (mib(239), 0.25, 1000.0),
        (mib(240), 1.0, 1.0),
    ];
    for (spent, passed, expected) in cases {
        let found = stretch(spent, passed, Some(mib(240).max(1)));
        let expected = if spent >= mib(240) { 1000.0 } else { expected };
        assert!((found - expected).abs() < 0.01, "{spent} at {passed}: {found}");
    }
    for odd in [stretch(1, f64::NAN, Some(0)), stretch(u64::MAX, -1.0, Some(1)), stretch(0, 2.0, Some(0))] {
        assert!(odd >= 1.0 && odd.is_finite(), "{odd}");
    }
    let state = FeedState::default();
    let stretched = |stretch| Terms { stretch, ..terms() };
    check(
        &stretched(2.0),
        &state,
        &document(),
        minutes(30),
        "every 30m instead of 15m, to keep to the daily budget",
    );
    for endless in [1000.0, f64::INFINITY, f64::NAN] {
        check(&stretched(endless), &state, &document(), minutes(360), "daily budget");
    }
}

#[test]
fn c16_jitter_only_lengthens_and_differs_between_feeds_and_polls() {
    let own = Terms { is_own_interval: true, ..terms() };
    let mut waits = std::collections::BTreeSet::new();
    for count in 0..200 {
        let (wait, _) = wait(&own, &FeedState::default(), &document(), hour(count));
        assert!(wait >= minutes(15) && wait <= minutes(15).mul_f64(1.1), "{wait:?}");
        waits.insert(wait);
    }
    assert!(waits.len() > 150, "{}", waits.len());
}

#[tokio::test]
async fn c21_cache_control_and_expires_hold_on_200_and_304() {
    let body = || rss(&[("one", "Calm seas and a slow day", hour(0))]);
    let reply = || Reply::ok("application/rss+xml", body()).header("etag", "\"1\"").conditional();
    let waits = async |first: Reply, then: Reply, hours: u64| {
        let mut watch = Watch::with(&["http://a.example/feed\ninterval = \"15m\""], "").await;
        watch.server.queue("/feed", [first, then]);
        watch.until(hour(hours)).await;
        let starts = watch.starts("a.example/feed");
        starts.windows(2).map(|pair| pair[1].duration_since(pair[0]).as_secs() / 60).collect::<Vec<_>>()
    };
    // 120 minutes by the 200, kept by the 304 that says nothing.
    let found = waits(reply().header("cache-control", "max-age=7200"), reply(), 12).await;
    assert!(found.iter().all(|wait| (120..=132).contains(wait)), "{found:?}");
    // The 304 says otherwise.
    let longer = reply().header("cache-control", "max-age=10800");
    let found = waits(reply().header("cache-control", "max-age=7200"), longer, 12).await;
    assert!(
        (120..=132).contains(&found[0]) && found[1..].iter().all(|wait| (180..=198).contains(wait)),
        "{found:?}"
    );
    // Ten years are a day; no-store and a past Expires are nothing.
    let found = waits(reply().header("cache-control", "max-age=315360000"), reply(), 60).await;
    assert!(found.len() == 2 && found.iter().all(|wait| (1440..=1584).contains(wait)), "{found:?}");
    for nothing in [("cache-control", "no-store"), ("expires", "0"), ("cache-control", "max-age=0")] {
        let found = waits(reply().header(nothing.0, nothing.1), reply(), 3).await;
        assert!(
            found.len() > 8 && found.iter().all(|wait| (15..=16).contains(wait)),
            "{nothing:?} {found:?}"
        );
    }
}

#[tokio::test]
async fn c22_ttl_and_skip_hours_of_a_document_hold() {
    let mut watch = Watch::with(&["http://a.example/feed\ninterval = \"15m\""], "").await;
    let document = rss(&[("one", "Calm seas and a slow day", hour(0))]).replace(
        "<title>Scripted</title>",
        "<title>Scripted</title><ttl>50</ttl><skipHours><hour>14</hour><hour>15</hour></skipHours>",
    );
    watch
        .server
        .set("/feed", Reply::ok("application/rss+xml", document).header("etag", "\"1\"").conditional());
    watch.until(hour(24)).await;
    let starts = watch.starts("a.example/feed");
    assert!(starts.len() > 18, "{}", starts.len());
    for pair in starts.windows(2) {
        assert!(pair[1].duration_since(pair[0]).as_secs() >= 50 * 60, "{pair:?}");
    }
    let hours: Vec<String> = starts.iter().map(|at| at.strftime("%H").to_string()).collect();
    assert!(!hours.iter().any(|hour| hour == "14" || hour == "15"), "{hours:?}");
}

#[tokio::test]
async fn the_reason_of_the_next_poll_is_kept() {
    let mut watch = Watch::with(&["http://a.example/feed\ninterval = \"15m\""], "").await;
    watch.server.set("/feed", Reply::status(404));
    watch.until(hour(1)).await;
    assert!(
        watch.state(0).next_due_reason.starts_with("backing off after 3"),
        "{}",
        watch.state(0).next_due_reason
    );
    assert_eq!(watch.state(0).next_due_at, Some(watch.last("a.example/feed").settled.next.at));
}
