//! How feeds are, and what their operator is told: tables of the rule, and stories over days.
//!
//! One file because the tables and the stories hold the same rules to account.

use std::time::Duration;

use jiff::Timestamp;
use wirewatch::alert::render::operator::{self, FeedNews};
use wirewatch::feed::answer::AnswerKind;
use wirewatch::feed::health::{Health, HealthState, News, Signs, assess, review};
use wirewatch::feed::moved::Moved;
use wirewatch::feed::schedule::after;
use wirewatch::feed::state::FeedState;
use wirewatch::store::{Durability, FILE_NAME, Writer};

use crate::support::http::Reply;
use crate::support::lab;
use crate::support::watch::{Watch, rss};

const OPERATOR: &str = "[mail]\noperator = [\"ops@example.org\"]";

/// An hour of the test's calendar, before or after its start.
fn hour(count: i64) -> Timestamp {
    lab::hour(0) + jiff::SignedDuration::from_hours(count)
}

fn minutes(count: u64) -> Duration {
    Duration::from_mins(count)
}

fn signs() -> Signs {
    Signs { host: "news.example".to_owned(), interval: minutes(15), patience: minutes(60), flaw: None }
}

/// A feed that was well, and read last at `hour(0)`.
fn well() -> FeedState {
    FeedState {
        first_success_at: Some(hour(-1000)),
        last_success_at: Some(hour(0)),
        last_new_at: Some(hour(0)),
        ..FeedState::default()
    }
}

fn failed(kind: AnswerKind, failure_count: u32) -> FeedState {
    FeedState {
        last_answer: kind,
        failure_count,
        last_outcome: "as the server said".to_owned(),
        next_due_at: Some(hour(20)),
        ..well()
    }
}

#[test]
fn failures_make_a_feed_degraded_and_then_failing() {
    // Failures, minutes without success, interval in minutes.
    let cases = [
        (0, 600, 15, Health::Ok),
        (1, 15, 15, Health::Degraded),
        (3, 59, 15, Health::Degraded),
        (2, 60, 15, Health::Degraded),
        (3, 60, 15, Health::Failing),
        (3, 119, 60, Health::Degraded),
        (3, 120, 60, Health::Failing),
        (50, 1, 1, Health::Degraded),
        (1, 359, 15, Health::Degraded),
        (1, 360, 15, Health::Failing),
        (1, 24 * 60, 24 * 60, Health::Degraded),
        (1, 96 * 60, 24 * 60, Health::Failing),
        (u32::MAX, 60 * 24 * 365, 15, Health::Failing),
    ];
    for (failures, blind, interval, expected) in cases {
        let state = failed(AnswerKind::ServerError, failures);
        let state = FeedState { last_new_at: None, first_success_at: None, ..state };
        let signs = Signs { interval: minutes(interval), ..signs() };
        let health = assess(&state, &signs, after(hour(0), minutes(blind)));
        assert_eq!(health.health, expected, "{failures} failures in {blind} minutes at {interval}");
        assert_eq!(health.reason.is_empty(), expected == Health::Ok);
    }
}

#[test]
fn a_feed_that_was_never_read_fails_after_an_hour_too() {
    let mut state = FeedState { failure_count: 1, last_answer: AnswerKind::Missing, ..FeedState::default() };
    state.health = assess(&state, &signs(), hour(0));
    assert_eq!((state.health.health, state.health.since), (Health::Degraded, Some(hour(0))));
    state.failure_count = 3;
    state.health = assess(&state, &signs(), hour(1));
    assert_eq!(state.health.health, Health::Failing);
    assert!(state.health.reason.contains("never read"), "{}", state.health.reason);
    // Failing it stays, until it can be read.
    state.failure_count = 1;
    assert_eq!(assess(&state, &signs(), hour(2)).health, Health::Failing);
}

#[test]
fn every_failure_has_words_that_say_what_happened_and_what_to_do() {
    let words = |kind| match kind {
        AnswerKind::Limited => ["news.example is limiting this address", "poll.contact"],
        AnswerKind::Forbidden => ["forbids access", "in a browser"],
        AnswerKind::Unauthorized => ["user and password", "renew the password"],
        AnswerKind::Missing => ["nothing at this address", "wirewatch feeds discover"],
        AnswerKind::Gone => ["removed (410)", "a few times more"],
        AnswerKind::Unavailable => ["overloaded", "Nothing to do"],
        AnswerKind::ServerError => ["fault of its own: as the server said", "tell the publisher"],
        AnswerKind::OtherStatus => ["no feed: as the server said", "wirewatch feeds discover"],
        AnswerKind::NotAFeed => {
            ["something that is not a feed: as the server said", "wirewatch feeds discover"]
        }
        AnswerKind::Unreachable => ["cannot be reached: as the server said", "not this machine's network"],
        AnswerKind::Broken => ["cannot be used: as the server said", "publisher's to mend"],
        AnswerKind::Refused => ["address is not allowed", "allow_private_addresses"],
        AnswerKind::Stumbled => ["Wirewatch itself", "report it"],
        AnswerKind::Document
        | AnswerKind::Delta
        | AnswerKind::Pushed
        | AnswerKind::NotModified
        | AnswerKind::SentOn => ["", ""],
    };
    for kind in AnswerKind::ALL {
        if kind.is_success() {
            let health = assess(&FeedState { last_answer: kind, ..well() }, &signs(), hour(1));
            assert_eq!((health.health, health.reason.as_str()), (Health::Ok, ""), "{kind:?}");
            continue;
        }
        let failing = assess(&failed(kind, 3), &signs(), hour(18));
        assert_eq!(failing.health, Health::Failing);
        for part in words(kind).into_iter().chain(["Nothing could be read since", "Next try "]) {
            assert!(failing.reason.contains(part), "{kind:?}, {part}: {}", failing.reason);
        }
        // The first failure is weather: it sends nobody anywhere who need not go.
        let degraded = assess(&failed(kind, 1), &signs(), hour(1));
        assert_eq!(degraded.health, Health::Degraded);
        assert!(degraded.reason.contains(words(kind)[0]), "{kind:?}: {}", degraded.reason);
        for reason in [&failing.reason, &degraded.reason] {
            assert!(
                !reason.contains("  ") && !reason.contains("..") && reason.ends_with('.'),
                "{kind:?}: {reason}"
            );
        }
    }
}

#[test]
fn c30_a_feed_is_gone_when_410_was_confirmed() {
    let gone = |count, since, before| FeedState {
        gone_count: count,
        gone_since: Some(since),
        health: HealthState { health: before, ..HealthState::default() },
        ..failed(AnswerKind::Gone, count)
    };
    for (state, now, expected) in [
        (gone(1, hour(1), Health::Ok), hour(2), Health::Degraded),
        (gone(9, hour(1), Health::Ok), hour(3), Health::Failing),
        (gone(2, hour(1), Health::Failing), hour(40), Health::Failing),
        (gone(3, hour(1), Health::Failing), hour(25), Health::Gone),
        (gone(3, hour(1), Health::Gone), hour(2), Health::Gone),
    ] {
        assert_eq!(assess(&state, &signs(), now).health, expected);
    }
    let reason = assess(&gone(3, hour(1), Health::Failing), &signs(), hour(50)).reason;
    assert!(reason.starts_with("410 since ") && reason.contains("wirewatch feeds remove"), "{reason}");
}

/// A feed that published every few hours for weeks, last at `hour(0)`, with every weekend free if that is asked.
fn regular(every_hours: i64, rests_on_weekends: bool) -> FeedState {
    let mut state = well();
    let first = -6 * 168;
    let mut at = first;
    state.rhythm.observe(hour(first - 1), hour(first), &[]);
    while at < 0 {
        at += every_hours;
        let is_weekend =
            rests_on_weekends && (hour(at).as_second().div_euclid(86_400) + 3).rem_euclid(7) >= 5;
        let arrivals = if is_weekend { vec![] } else { vec![hour(at)] };
        state.rhythm.observe(hour(at - every_hours), hour(at), &arrivals);
        if !is_weekend {
            state.last_new_at = Some(hour(at));
        }
    }
    state
}

#[test]
fn a_feed_is_silent_when_it_is_quiet_far_longer_than_ever() {
    let silent_after = |state: &FeedState| {
        let last = state.last_new_at.unwrap();
        (1..24 * 90).find(|hours| {
            let at = after(last, Duration::from_hours(*hours));
            let state = FeedState { last_success_at: Some(at), ..state.clone() };
            assess(&state, &signs(), at).health == Health::Silent
        })
    };
    let (busy, weekly, unknown) = (regular(1, false), regular(2, true), well());
    assert_eq!(silent_after(&busy), Some(24), "never sooner than a day");
    let quiet_weekend = silent_after(&weekly).unwrap();
    assert!((3 * 48..3 * 100).contains(&quiet_weekend), "Sunday is no alarm: {quiet_weekend}");
    assert_eq!(silent_after(&unknown), Some(60 * 24));
    // Silent it stays while what was learned fades, a failed poll does not make it well, and a new entry does.
    let mut silent = FeedState { last_success_at: Some(hour(30)), ..busy };
    silent.health = assess(&silent, &signs(), hour(30));
    assert!(silent.health.reason.contains("longest usual silence"), "{}", silent.health.reason);
    silent.rhythm = wirewatch::feed::rhythm::Rhythm::default();
    assert_eq!(assess(&silent, &signs(), hour(31)).health, Health::Silent);
    let stumbled = FeedState { failure_count: 1, last_answer: AnswerKind::ServerError, ..silent.clone() };
    assert_eq!(assess(&stumbled, &signs(), hour(31)).health, Health::Silent);
    silent.last_new_at = Some(hour(32));
    assert_eq!(assess(&silent, &signs(), hour(32)).health, Health::Ok);
}

#[test]
fn small_faults_degrade_and_are_kept_through_304() {
    let at = hour(1);
    let moved = Moved {
        to: "https://new.example/feed".to_owned(),
        count: 12,
        since: hour(-200),
        adopted_at: Some(at),
    };
    let cases = [
        (
            FeedState { moved: Some(moved.clone()), ..well() },
            signs(),
            "moved for good to https://new.example/feed",
        ),
        (FeedState { ignored_count: 20, document_bytes: 100_000, ..well() }, signs(), "(98 KiB)"),
        (
            well(),
            Signs { flaw: Some("it ends in the middle".to_owned()), ..signs() },
            "lost: it ends in the middle.",
        ),
        (FeedState { gap_at: Some(hour(-2)), ..well() }, signs(), "may be unseen"),
    ];
    for (state, signs, words) in cases {
        let health = assess(&state, &signs, at);
        assert_eq!(health.health, Health::Degraded);
        assert!(health.reason.contains(words), "{}", health.reason);
    }
    let not_yet = FeedState { moved: Some(Moved { adopted_at: None, ..moved }), ignored_count: 19, ..well() };
    assert_eq!(assess(&not_yet, &signs(), at).health, Health::Ok);
    let by_a_clock_ahead = FeedState { gap_at: Some(hour(24 * 30)), ..well() };
    assert_eq!(assess(&by_a_clock_ahead, &signs(), at).health, Health::Ok);
    let flawed = Signs { flaw: Some("it ends in the middle".to_owned()), ..signs() };
    let mut state = well();
    state.health = assess(&state, &flawed, at);
    state.health = assess(&state, &signs(), hour(2));
    assert_eq!((state.health.health, state.health.since), (Health::Degraded, Some(at)));
    state.health = assess(&state, &Signs { flaw: Some(String::new()), ..signs() }, hour(3));
    assert_eq!(state.health.health, Health::Ok);
}

#[test]
fn what_is_told_follows_from_what_was_told() {
    use Health::{Degraded, Failing, Gone, Ok, Silent};
    let table = [
        (Ok, [None, Some(News::Worse), Some(News::Worse), Some(News::Worse), Some(News::Worse)]),
        (Degraded, [Some(News::Back), None, Some(News::Worse), Some(News::Worse), Some(News::Worse)]),
        (Failing, [Some(News::Back), Some(News::Back), None, Some(News::Worse), Some(News::Worse)]),
        (Silent, [Some(News::Back), Some(News::Back), Some(News::Worse), None, Some(News::Worse)]),
        (Gone, [Some(News::Back), Some(News::Back), None, Some(News::Worse), None]),
    ];
    for (told, row) in table {
        for (health, expected) in Health::ALL.into_iter().zip(row) {
            let state = HealthState { health, told, since: Some(hour(0)), ..HealthState::default() };
            assert_eq!(state.news(), expected, "told {told:?}, is {health:?}");
        }
    }
    let tell_at = |state: HealthState| state.tell_at(minutes(60));
    let failing = HealthState { health: Failing, since: Some(hour(0)), ..HealthState::default() };
    assert_eq!(tell_at(failing.clone()), Some(hour(1)));
    assert_eq!(tell_at(HealthState { health: Degraded, ..failing.clone() }), Some(hour(24)));
    // It had been told as well a short while ago: it has to fail for longer.
    assert_eq!(tell_at(HealthState { told_at: Some(hour(-100)), ..failing.clone() }), Some(hour(3)));
    assert_eq!(tell_at(HealthState { told_at: Some(hour(-169)), ..failing }), Some(hour(1)));
}

#[test]
fn time_alone_makes_a_feed_failing_that_is_asked_to_wait() {
    let mut state = failed(AnswerKind::Limited, 1);
    state.health = assess(&state, &signs(), after(hour(0), minutes(15)));
    assert_eq!((state.health.health, state.health.look_at), (Health::Degraded, Some(hour(6))));
    assert_eq!(review(&state, &signs(), hour(5)).health, Health::Degraded);
    assert_eq!(review(&state, &signs(), hour(6)).health, Health::Failing);
}

fn document(id: &str, at: Timestamp) -> Reply {
    Reply::ok("application/rss+xml", rss(&[(id, "Calm seas and a slow day", at)]))
}

fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn subjects(watch: &Watch) -> Vec<&str> {
    watch.told.iter().map(|(_, alert, _)| alert.subject.as_str()).collect()
}

#[tokio::test]
async fn a_feed_that_dies_and_returns_is_told_once_each() {
    let mut watch =
        Watch::with(&["http://a.example/feed\nname = \"World news\"", "http://b.example/other"], OPERATOR)
            .await;
    watch.server.set("/feed", document("one", hour(0)));
    watch.server.set("/other", document("one", hour(0)));
    watch.until(hour(3)).await;
    watch.server.set("/feed", Reply::status(404));
    watch.until(hour(30)).await;
    assert_eq!(subjects(&watch).len(), 1, "{:?}", subjects(&watch));
    let (at, alert, text) = &watch.told[0];
    let waited = at.duration_since(hour(3)).as_secs();
    assert!((3600..3 * 3600 + 1800).contains(&waited), "told {waited} seconds after it died");
    assert!(alert.subject.starts_with("[Wirewatch] 1 feed failing: "), "{}", alert.subject);
    assert!(alert.subject.contains("World news"), "{}", alert.subject);
    assert_eq!((alert.kind.as_str(), alert.topic.as_deref(), alert.incident), ("operator", None, None));
    assert_eq!(alert.deliveries[0].to, "ops@example.org");
    for words in ["World news", "has nothing at this address any more (404)", "wirewatch feeds discover"] {
        assert!(flat(text).contains(words), "{words}: {text}");
    }
    watch.server.set("/feed", document("two", hour(30)));
    watch.until(hour(60)).await;
    assert_eq!(subjects(&watch).len(), 2, "{:?}", subjects(&watch));
    assert!(subjects(&watch)[1].starts_with("[Wirewatch] 1 feed back: "), "{:?}", subjects(&watch));
    // What it published meanwhile may be gone: that is shown for half a day and not told.
    let shown = watch.rounds.iter().any(|round| round.settled.state.health.reason.contains("may be unseen"));
    assert!(shown);
    watch.until(hour(90)).await;
    assert_eq!(watch.state(0).health.health, Health::Ok);
    assert_eq!(subjects(&watch).len(), 2, "{:?}", subjects(&watch));
}

#[tokio::test]
async fn a_feed_that_flaps_is_not_told_each_time() {
    let mut watch = Watch::with(&["http://a.example/feed"], OPERATOR).await;
    for day in 0..4 {
        for part in 0..8 {
            let begin = day * 24 + part * 3;
            let good = document("one", hour(0));
            watch.server.set("/feed", good);
            watch.until(hour(begin + 2)).await;
            watch.server.set("/feed", Reply::status(500));
            watch.until(hour(begin + 3)).await;
        }
    }
    // It was down for an hour 32 times, and back-off makes that two now and then.
    assert!(subjects(&watch).len() <= 2, "{:?}", subjects(&watch));
}

#[tokio::test]
async fn a_limit_for_hours_is_told_once_with_its_end() {
    let mut watch = Watch::with(&["http://c.example/r/feed"], OPERATOR).await;
    watch.server.set("/r/feed", document("one", hour(0)));
    watch.until(hour(2)).await;
    watch.server.set("/r/feed", Reply::status(429).header("retry-after", "14400"));
    watch.until(hour(40)).await;
    assert_eq!(subjects(&watch).len(), 1, "{:?}", subjects(&watch));
    let text = flat(&watch.told[0].2);
    assert!(text.contains("is limiting this address (429)") && text.contains("Next try "), "{text}");
    watch.server.set("/r/feed", document("two", hour(40)));
    watch.until(hour(80)).await;
    assert_eq!(subjects(&watch).len(), 2, "{:?}", subjects(&watch));
}

#[tokio::test]
async fn silence_and_its_end_are_told_once_each() {
    let mut watch = Watch::with(&["http://a.example/feed"], OPERATOR).await;
    watch.server.set("/feed", document("one", hour(0)));
    watch.until(lab::hour(1)).await;
    // It has been known for weeks, as one that publishes every other hour.
    {
        let mut writer = Writer::open(&watch.dir.path().join(FILE_NAME), Durability::None).unwrap();
        let tx = writer.begin().unwrap();
        let feed = tx.feed(&watch.config.feeds[0]).unwrap();
        let state = FeedState { rhythm: regular(2, false).rhythm, ..feed.state };
        tx.save_feed(feed.id, &state, None).unwrap();
        tx.commit().unwrap();
    }
    for at in 1..12 {
        let ids =
            [format!("entry-{at}"), if at == 1 { "one".to_owned() } else { format!("entry-{}", at - 1) }];
        let titles = ids.each_ref().map(|id| format!("A slow day, says {id}"));
        let items = [(&*ids[0], &*titles[0], hour(at * 2)), (&*ids[1], &*titles[1], hour(at * 2 - 2))];
        watch.server.set("/feed", Reply::ok("application/rss+xml", rss(&items)));
        watch.until(hour(at * 2 + 2)).await;
    }
    assert_eq!(subjects(&watch), [""; 0]);
    let quiet_from = watch.now;
    watch.for_hours(24 * 3).await;
    assert_eq!(subjects(&watch).len(), 1, "{:?}", subjects(&watch));
    assert!(subjects(&watch)[0].starts_with("[Wirewatch] 1 feed silent: "), "{:?}", subjects(&watch));
    assert!(watch.told[0].0.duration_since(quiet_from).as_hours() >= 22);
    watch.server.set("/feed", document("awake", watch.now));
    watch.for_hours(24).await;
    assert_eq!(subjects(&watch).len(), 2, "{:?}", subjects(&watch));
    assert!(subjects(&watch)[1].starts_with("[Wirewatch] 1 feed back: "), "{:?}", subjects(&watch));
}

#[tokio::test]
async fn an_outage_of_everything_changes_no_feeds_health_and_is_one_sentence() {
    let feeds =
        ["http://a.example/feed", "http://b.example/feed", "http://c.example/feed", "http://d.example/feed"];
    let mut watch = Watch::with(&feeds, OPERATOR).await;
    watch.server.set("/feed", document("one", hour(0)));
    watch.until(hour(3)).await;
    watch.set_online(false);
    watch.until(after(hour(4), minutes(15))).await;
    for feed in 0..feeds.len() {
        assert_eq!(watch.state(feed).health.health, Health::Ok);
    }
    watch.until(hour(5)).await;
    assert_eq!(subjects(&watch).len(), 1, "{:?}", subjects(&watch));
    assert!(subjects(&watch)[0].contains("is this machine online?"), "{:?}", subjects(&watch));
    watch.set_online(true);
    watch.until(hour(20)).await;
    assert_eq!(subjects(&watch).len(), 2, "{:?}", subjects(&watch));
    assert!(subjects(&watch)[1].starts_with("[Wirewatch] Blind from "), "{:?}", subjects(&watch));
    for feed in 0..feeds.len() {
        assert_eq!(watch.state(feed).health.health, Health::Ok);
    }
    // The first never got out, as mail needs a network too; its end says it all.
    let (first, _) = watch.reader().alert(watch.told[0].1.id).unwrap().unwrap();
    assert_eq!(first.deliveries, []);
}

#[tokio::test]
async fn what_answers_within_the_house_does_not_make_an_outage_everybodys_failure() {
    let feeds =
        ["http://a.example/feed", "http://b.example/feed", "http://127.0.0.1/feed\ninterval = \"15m\""];
    let mut watch = Watch::with(&feeds, OPERATOR).await;
    watch.server.set("/feed", document("one", hour(0)));
    watch.until(hour(3)).await;
    watch.set_online(false);
    watch.until(hour(9)).await;
    assert!(watch.state(2).last_success_at > Some(hour(8)), "the one within is read");
    for feed in 0..2 {
        assert_eq!((watch.state(feed).failure_count, watch.state(feed).health.health), (0, Health::Ok));
    }
    assert_eq!(subjects(&watch).len(), 1, "{:?}", subjects(&watch));
    assert!(subjects(&watch)[0].contains("is this machine online?"), "{:?}", subjects(&watch));
    watch.set_online(true);
    watch.until(hour(30)).await;
    assert_eq!(subjects(&watch).len(), 2, "{:?}", subjects(&watch));
    assert!(subjects(&watch)[1].starts_with("[Wirewatch] Blind from "), "{:?}", subjects(&watch));
}

#[tokio::test]
async fn a_removed_feed_and_one_from_a_clock_ahead_say_nothing_about_the_network() {
    let feeds = ["http://a.example/feed", "http://b.example/feed"];
    let mut watch = Watch::with(&feeds, OPERATOR).await;
    watch.server.set("/feed", document("one", hour(0)));
    watch.until(hour(3)).await;
    watch.set_online(false);
    watch.until(hour(4)).await;
    let connection = rusqlite::Connection::open(watch.dir.path().join(FILE_NAME)).unwrap();
    let row = "INSERT INTO feeds (url, name, host, is_watched, last_reached_at) VALUES (?1, '', 'x.example', 0, ?2)";
    connection.execute(row, rusqlite::params!["http://x.example/", hour(5).as_microsecond()]).unwrap();
    connection
        .execute(
            "UPDATE feeds SET last_reached_at = ?1 WHERE host = 'b.example'",
            [hour(90).as_microsecond()],
        )
        .unwrap();
    watch.until(hour(12)).await;
    assert_eq!((watch.state(0).failure_count, watch.state(0).health.health), (0, Health::Ok));
    assert!(subjects(&watch)[0].contains("is this machine online?"), "{:?}", subjects(&watch));
}

#[tokio::test]
async fn a_short_outage_is_not_worth_a_word() {
    let mut watch = Watch::with(&["http://a.example/feed", "http://b.example/feed"], OPERATOR).await;
    watch.server.set("/feed", document("one", hour(0)));
    watch.until(hour(3)).await;
    watch.set_online(false);
    watch.until(after(hour(3), minutes(40))).await;
    watch.set_online(true);
    watch.until(hour(12)).await;
    assert_eq!(subjects(&watch), [""; 0]);
    assert_eq!(watch.state(0).health, HealthState::default());
}

#[tokio::test]
async fn an_outage_for_days_is_told_with_its_end_and_no_feed_is() {
    let mut watch = Watch::with(&["http://a.example/feed", "http://b.example/feed"], OPERATOR).await;
    watch.server.set("/feed", document("one", hour(0)));
    watch.until(hour(3)).await;
    watch.set_online(false);
    watch.until(hour(60)).await;
    watch.set_online(true);
    watch.until(hour(90)).await;
    assert_eq!(subjects(&watch).len(), 2, "{:?}", subjects(&watch));
    assert!(subjects(&watch)[1].starts_with("[Wirewatch] Blind from "), "{:?}", subjects(&watch));
}

#[tokio::test]
async fn forty_feeds_of_a_dead_host_are_one_mail_and_one_recovery() {
    let addresses: Vec<String> = (0..40)
        .map(|at| format!("http://a.example/{at}/feed\nname = \"Desk {at}\""))
        .chain(["http://b.example/feed".to_owned()])
        .collect();
    let feeds: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let mut watch = Watch::with(&feeds, OPERATOR).await;
    let all = |watch: &Watch, reply: &Reply| {
        (0..40).for_each(|at| watch.server.set(&format!("/{at}/feed"), reply.clone()));
    };
    watch.server.set("/feed", document("one", hour(0)));
    all(&watch, &document("one", hour(0)));
    watch.until(hour(3)).await;
    all(&watch, &Reply::status(500));
    watch.until(hour(9)).await;
    assert_eq!(subjects(&watch), ["[Wirewatch] 40 feeds failing: a.example, 40 feeds"]);
    let text = &watch.told[0].2;
    let text = flat(text);
    assert!(text.contains("Desk 0, Desk 1") && text.contains("and 32 more"), "{text}");
    assert_eq!(text.matches("fault of its own").count(), 1, "{text}");
    all(&watch, &document("two", hour(9)));
    watch.until(hour(24)).await;
    assert_eq!(subjects(&watch)[1..], ["[Wirewatch] 40 feeds back: a.example, 40 feeds"]);
}

#[tokio::test]
async fn without_an_operator_nothing_is_queued_and_states_are_kept() {
    let mut watch = Watch::with(&["http://a.example/feed"], "").await;
    watch.server.set("/feed", Reply::status(403));
    watch.until(hour(30)).await;
    assert_eq!(watch.state(0).health.health, Health::Failing);
    assert_eq!(watch.reader().alerts(9).unwrap(), []);
    // Who is named later is told then.
    let main = watch.dir.path().join("wirewatch.toml");
    let text = std::fs::read_to_string(&main).unwrap();
    std::fs::write(&main, format!("{text}\n{OPERATOR}\n")).unwrap();
    watch.restart().await;
    watch.for_hours(1).await;
    assert_eq!(subjects(&watch).len(), 1, "{:?}", subjects(&watch));
}

#[tokio::test]
async fn a_feed_that_is_no_longer_watched_is_not_told() {
    let mut watch = Watch::with(&["http://a.example/feed", "http://b.example/other"], OPERATOR).await;
    watch.server.set("/feed", Reply::status(500));
    watch.server.set("/other", document("one", hour(0)));
    watch.until(after(hour(1), minutes(30))).await;
    watch.set_feeds(&["http://b.example/other"]).await;
    watch.until(hour(12)).await;
    assert_eq!(subjects(&watch), [""; 0]);
}

#[test]
fn mails_to_the_operator_say_what_matters_first_and_are_bounded() {
    let feed = |at: usize, host: &str, health| FeedNews {
        name: format!("Feed <{at}> of a publisher with quite a long name"),
        address: format!("https://{host}/{at}/feed"),
        host: host.to_owned(),
        health,
        since: Some(hour(0)),
        reason: "It says \"<script>\"\r\nBcc: someone@example.org. Nothing to do.".to_owned(),
    };
    let many =
        |count: usize| (0..count).map(|at| feed(at, &format!("host{at}.example"), Health::Failing)).collect();
    let same =
        |count: usize| (0..count).map(|at| feed(at, "one.example", Health::Silent)).collect::<Vec<_>>();
    let cases: [(operator::News, &str); 6] = [
        (operator::News::Feeds { worse: same(1), back: vec![] }, "[Wirewatch] 1 feed silent: Feed <0>"),
        (
            operator::News::Feeds { worse: same(2000), back: vec![] },
            "[Wirewatch] 2000 feeds silent: one.example, 2000 feeds",
        ),
        (
            operator::News::Feeds { worse: many(2000), back: same(1) },
            "[Wirewatch] 2000 feeds failing, 1 back: Feed <",
        ),
        (operator::News::Feeds { worse: vec![], back: same(2) }, "[Wirewatch] 2 feeds back: Feed <0>"),
        (
            operator::News::Outage { since: hour(0) },
            "[Wirewatch] Nothing reached since 1 Mar 12:00 UTC: is this machine online?",
        ),
        (
            operator::News::OutageOver { since: hour(0), until: hour(1) },
            "[Wirewatch] Blind from 1 Mar 12:00 UTC to 1 Mar 13:00 UTC",
        ),
    ];
    for (news, subject) in cases {
        let mail = operator::render(&operator::OperatorView { alert: 7, at: hour(2), news });
        assert!(mail.subject.starts_with(subject), "{}", mail.subject);
        assert!(mail.subject.chars().count() <= 78, "{}", mail.subject);
        assert!(mail.text.lines().all(|line| line.chars().count() <= 80), "{}", mail.text);
        assert!(mail.text.len() < 20_000 && mail.html.len() < 60_000, "{}", mail.text.len());
        assert!(!mail.html.contains("<script") && !mail.subject.contains(['\r', '\n']));
        for part in [&mail.text, &mail.html] {
            assert!(part.contains("wirewatch status") && part.contains("alert 7"), "{part}");
        }
    }
}

#[tokio::test]
async fn a_restart_forgets_neither_when_a_feed_fails_nor_what_it_was_told() {
    let mut watch = Watch::with(&["http://a.example/feed\ninterval = \"30m\""], OPERATOR).await;
    watch.server.set("/feed", document("one", hour(0)));
    watch.until(hour(3)).await;
    watch.server.set("/feed", Reply::status(503).header("retry-after", "86400"));
    watch.until(hour(4)).await;
    assert_eq!(watch.state(0).health.health, Health::Degraded);
    watch.restart().await;
    watch.until(hour(5)).await;
    let polls = watch.rounds.len();
    watch.until(hour(12)).await;
    assert_eq!(watch.rounds.len(), polls, "the server asked for a day");
    assert_eq!(watch.state(0).health.health, Health::Failing, "time alone makes it so");
    assert_eq!(watch.told.len(), 1, "{:?}", subjects(&watch));
    assert!(flat(&watch.told[0].2).contains("What this feed publishes"), "{}", watch.told[0].2);
}

#[test]
fn what_is_due_to_be_told_comes_before_whatever_else_is_untold() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(&dir.path().join(FILE_NAME), Durability::None).unwrap();
    let tx = writer.begin().unwrap();
    let untold = |health: Health, look_at: i64| HealthState {
        health,
        since: Some(hour(0)),
        look_at: Some(hour(look_at)),
        ..HealthState::default()
    };
    let add = |number: usize, health: HealthState| {
        let url = format!("http://h{number}.example/feed").parse().unwrap();
        let id = tx.feed(&wirewatch::feed::Feed::new(url)).unwrap().id;
        tx.save_health(id, &health).unwrap();
        id
    };
    for number in 0..5_100 {
        add(number, untold(Health::Degraded, 24));
    }
    let comes_along = add(5_100, untold(Health::Failing, 30));
    let due = add(5_101, untold(Health::Failing, 1));
    let rows: Vec<_> = tx.feeds_untold(hour(1)).unwrap().into_iter().map(|row| row.id).collect();
    assert_eq!(rows[..2], [due, comes_along]);
}
