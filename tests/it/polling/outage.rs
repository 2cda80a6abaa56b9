//! Restarts, backlogs, outages and clocks: no publisher pays for what happens to us, and nobody starves.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use wirewatch::feed::answer::AnswerKind;
use wirewatch::feed::schedule::{after, release_at};

use crate::support::http::Reply;
use crate::support::lab::hour;
use crate::support::watch::{Watch, rss};

fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// Feeds on hosts of their own, all well.
async fn desk(count: usize, more: &str, poll: &str) -> Watch {
    let feeds: Vec<String> =
        (0..count).map(|number| format!("http://n{number}.example/feed\n{more}")).collect();
    let watch = Watch::with(&feeds.iter().map(String::as_str).collect::<Vec<_>>(), poll).await;
    let document = rss(&[("one", "Calm seas and a slow day", hour(0))]);
    watch
        .server
        .set("/feed", Reply::ok("application/rss+xml", document).header("etag", "\"1\"").conditional());
    watch
}

/// Polls since a time, by the minute.
fn by_minute(watch: &Watch, from: Timestamp) -> BTreeMap<i64, usize> {
    let mut minutes = BTreeMap::new();
    for round in watch.rounds.iter().filter(|round| round.at >= from) {
        *minutes.entry(round.at.duration_since(from).as_secs() / 60).or_default() += 1;
    }
    minutes
}

#[test]
fn c24_a_backlog_is_let_go_ten_at_once_and_then_a_tenth_a_minute() {
    let second = |index, count| release_at(index, count, hour(0)).duration_since(hour(0)).as_millis();
    let cases = [
        (0, 1, 0),
        (9, 10, 0),
        (10, 20, 6_000),
        (19, 20, 60_000),
        (99, 100, 540_000),
        (10, 20_000, 30),
        (19_999, 20_000, 599_700),
    ];
    for (index, count, expected) in cases {
        assert_eq!(second(index, count), expected, "{index} of {count}");
    }
}

#[tokio::test]
async fn c15_ten_kills_in_five_minutes_cost_no_request() {
    let mut watch = desk(3, "interval = \"30m\"", "").await;
    watch.until(hour(0)).await;
    assert_eq!(watch.server.requests().len(), 3);
    for _ in 0..10 {
        watch.until(after(watch.now, Duration::from_secs(30))).await;
        watch.restart().await;
    }
    assert_eq!(watch.server.requests().len(), 3, "nothing is asked before its time");
    watch.until(after(hour(0), minutes(29))).await;
    assert_eq!(watch.server.requests().len(), 3);
    watch.until(after(hour(0), minutes(34))).await;
    assert_eq!(watch.server.requests().len(), 6, "and everything at its time");
}

#[tokio::test]
async fn c24_a_first_start_is_spread_and_so_is_what_follows() {
    let mut watch = desk(100, "interval = \"30m\"", "").await;
    watch.until(hour(6)).await;
    let minutes = by_minute(&watch, hour(0));
    assert_eq!(minutes[&0], 19, "ten at once, and one each six seconds");
    let most = minutes.iter().filter(|(minute, _)| **minute > 0).map(|(_, count)| *count).max();
    assert!(most <= Some(20), "{minutes:?}");
    let polled =
        watch.rounds.iter().filter(|round| round.at < after(hour(0), Duration::from_mins(10))).count();
    assert_eq!(polled, 100, "ten minutes are enough for a hundred");
}

#[tokio::test]
async fn c24_downtime_ends_without_a_burst_and_the_longest_overdue_go_first() {
    let mut watch = desk(60, "interval = \"30m\"", "").await;
    watch.until(hour(3)).await;
    let due: Vec<(Timestamp, String)> = {
        let mut due: Vec<_> = watch
            .config
            .feeds
            .iter()
            .enumerate()
            .map(|(number, feed)| (watch.state(number).next_due_at.unwrap(), feed.address()))
            .collect();
        due.sort();
        due
    };
    watch.set_clock(hour(9));
    watch.restart().await;
    watch.until(hour(10)).await;
    let minutes = by_minute(&watch, hour(9));
    assert_eq!(minutes[&0], 19);
    assert!((1..6).all(|minute| minutes.get(&minute).is_none_or(|count| *count <= 10)), "{minutes:?}");
    let first: Vec<&String> =
        watch.rounds.iter().filter(|round| round.at == hour(9)).map(|round| &round.address).collect();
    assert_eq!(first.len(), 10);
    assert!(due[..10].iter().all(|(_, address)| first.contains(&address)));
}

#[tokio::test]
async fn c24_a_machine_that_slept_wakes_without_a_burst() {
    let mut watch = desk(60, "interval = \"30m\"", "").await;
    watch.until(hour(3)).await;
    // No restart: the same roster, a clock that moved on.
    watch.set_clock(hour(11));
    watch.until(hour(12)).await;
    let minutes = by_minute(&watch, hour(11));
    assert_eq!(minutes[&0], 19, "{minutes:?}");
    assert!((1..6).all(|minute| minutes.get(&minute).is_none_or(|count| *count <= 10)), "{minutes:?}");
}

#[tokio::test]
async fn c24_a_crash_loop_makes_progress() {
    let mut watch = desk(60, "interval = \"30m\"", "").await;
    for _ in 0..6 {
        watch.until(after(watch.now, Duration::from_secs(1))).await;
        watch.restart().await;
    }
    let mut polled: Vec<&String> = watch.rounds.iter().map(|round| &round.address).collect();
    polled.sort();
    polled.dedup();
    assert_eq!((polled.len(), watch.rounds.len()), (60, 60), "each once, in six starts of a second");
}

#[tokio::test]
async fn c25_an_hour_without_network_changes_no_feeds_record() {
    for feed_count in [1, 2, 8] {
        let mut watch = desk(feed_count, "interval = \"15m\"", "").await;
        watch.until(hour(2)).await;
        let record = |watch: &Watch| -> Vec<_> {
            (0..feed_count).map(|feed| (watch.state(feed).failure_count, watch.state(feed).health)).collect()
        };
        let before = record(&watch);
        watch.set_online(false);
        watch.until(hour(3)).await;
        let failed = watch.rounds.iter().filter(|round| round.at > hour(2));
        let mut count = 0;
        for round in failed {
            assert_eq!(round.settled.state.last_answer, AnswerKind::Unreachable);
            assert_eq!(round.settled.state.failure_count, 0);
            count += 1;
        }
        assert!(
            (3 * feed_count..=4 * feed_count).contains(&count),
            "{count}: at its interval, without doubling"
        );
        assert!(watch.state(0).next_due_reason.contains("is this machine online?"));
        watch.set_online(true);
        watch.until(hour(4)).await;
        assert_eq!(record(&watch), before);
        assert!((0..feed_count).all(|feed| watch.state(feed).last_success_at > Some(hour(3))));
    }
}

#[tokio::test]
async fn c25_when_the_network_is_back_what_waited_for_it_is_polled_soon() {
    let mut watch = desk(30, "interval = \"4h\"", "").await;
    watch.server.set("/quick", Reply::status(500));
    watch.until(hour(3)).await;
    watch.set_online(false);
    watch.until(hour(9)).await;
    watch.set_online(true);
    watch.until(hour(14)).await;
    let back: Vec<Timestamp> = watch
        .rounds
        .iter()
        .filter(|round| round.at > hour(9) && round.settled.is_success)
        .map(|round| round.at)
        .collect();
    let first = back[0];
    let soon = back.iter().filter(|at| **at <= after(first, minutes(10))).count();
    assert!(soon >= 30, "{soon} of 30 within ten minutes of the first");
    assert!(back.iter().filter(|at| **at <= after(first, minutes(1))).count() <= 21, "and yet no burst");
}

#[tokio::test]
async fn c25_a_feed_that_alone_cannot_be_reached_is_held_to_it() {
    let mut watch = desk(3, "interval = \"15m\"", "").await;
    watch.until(hour(1)).await;
    watch.lead_nowhere("n0.example");
    watch.until(hour(8)).await;
    assert!(watch.state(0).failure_count >= 4, "{}", watch.state(0).failure_count);
    let tries = watch.starts("n0.example/feed").into_iter().filter(|at| *at > hour(1)).count();
    assert!(tries <= 8, "{tries}: later and later");
    assert_eq!(watch.state(1).failure_count, 0);
}

#[tokio::test]
async fn clocks_that_run_ten_years_ahead_and_come_back_stop_nothing() {
    let mut watch = desk(5, "interval = \"30m\"", "").await;
    watch.server.set("/limited", Reply::status(429));
    watch.until(hour(1)).await;
    let ahead = hour(24 * 3652);
    watch.set_clock(ahead);
    watch.server.set("/feed", Reply::status(429));
    watch.until(after(ahead, minutes(10))).await;
    assert_eq!(watch.rounds.iter().filter(|round| round.at >= ahead).count(), 5, "each is asked once");
    let document = rss(&[("one", "Calm seas and a slow day", hour(0))]);
    watch
        .server
        .set("/feed", Reply::ok("application/rss+xml", document).header("etag", "\"1\"").conditional());
    watch.set_clock(hour(2));
    assert!(watch.roster.is_ahead(hour(2)), "the daemon looks at this with each beat");
    assert_eq!(watch.roster.lay_out(hour(2)), 5);
    let before = watch.rounds.len();
    watch.until(hour(6)).await;
    assert!(watch.rounds.len() >= before + 5 * 6, "{} polls in four hours", watch.rounds.len() - before);
    assert!((0..5).all(|feed| watch.state(feed).last_success_at > Some(hour(5))));
    // The same by a restart.
    watch.set_clock(ahead);
    watch.until(after(ahead, minutes(10))).await;
    watch.set_clock(hour(7));
    watch.restart().await;
    watch.until(hour(9)).await;
    assert!((0..5).all(|feed| watch.state(feed).last_success_at > Some(hour(8))));
}

#[tokio::test]
async fn c25_a_redirect_to_a_dead_host_names_that_host_and_shows_that_ours_answers() {
    let mut watch = Watch::with(&["http://a.example/feed\ninterval = \"15m\""], "").await;
    let there = watch.server.url_at("b.example", "/there");
    watch.server.set("/feed", Reply::redirect(302, there.as_str()));
    watch.lead_nowhere("b.example");
    watch.until(hour(12)).await;
    let state = watch.state(0);
    assert_eq!(state.last_answer, AnswerKind::Broken);
    assert!(state.last_reached_at.is_some() && state.unreached_since.is_none());
    assert!(state.last_outcome.starts_with("it sends us on to b.example"), "{}", state.last_outcome);
    assert!(!state.health.reason.contains("a.example cannot be reached"), "{}", state.health.reason);
    assert!(
        watch.told.iter().all(|(_, _, text)| !text.contains("machine online")),
        "this machine has a network"
    );
}
