//! The queue of due visits and its gates.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use wirewatch::daemon::visit::Visit;
use wirewatch::feed::FeedId;
use wirewatch::feed::gap::GapId;
use wirewatch::feed::schedule::{HostLimits, Schedule, after, words};
use wirewatch::store::gaps::OlderPage;

use crate::support::http::Reply;
use crate::support::lab::hour;
use crate::support::watch::{Watch, rss};

#[test]
fn a_host_is_asked_one_thing_at_a_time_with_a_pause() {
    let limits = HostLimits { at_a_time: 1, spacing: Duration::from_secs(2) };
    let mut schedule = Schedule::new(limits);
    for (id, host) in [(1, "a.example"), (2, "a.example"), (3, "b.example")] {
        schedule.add(FeedId(id), host.to_owned(), hour(0));
    }
    let second = |count| after(hour(0), Duration::from_secs(count));
    let started = |schedule: &mut Schedule<FeedId>, at: Timestamp| -> BTreeSet<i64> {
        std::iter::from_fn(|| schedule.next(at)).map(|start| start.visit.0).collect()
    };
    assert!(started(&mut schedule, after(hour(0), Duration::ZERO)).contains(&3));
    assert_eq!(schedule.running_count(), 2);
    schedule.finished(FeedId(1), Some(hour(1)), second(1));
    schedule.finished(FeedId(2), Some(hour(1)), second(1));
    assert!(started(&mut schedule, second(1)).is_empty(), "the pause is not over");
    assert_eq!(schedule.wake_at(), Some(second(2)));
    assert_eq!(started(&mut schedule, second(2)).len(), 1);
    schedule.finished(FeedId(3), Some(hour(1)), second(3));
    assert!(started(&mut schedule, second(10)).is_empty(), "nobody is due before his time");
}

#[test]
fn every_feed_of_a_schedule_gets_its_turn_once() {
    let mut schedule = Schedule::new(HostLimits { at_a_time: 2, spacing: Duration::from_secs(1) });
    for id in 0..500 {
        schedule.add(
            FeedId(id),
            format!("host-{}", id % 7),
            after(hour(0), Duration::from_secs(id.unsigned_abs() % 50)),
        );
    }
    let (mut now, mut polled) = (hour(0), BTreeSet::new());
    let mut in_flight = Vec::new();
    while polled.len() < 500 {
        while let Some(start) = schedule.next(now) {
            assert!(start.due_at <= now);
            assert!(polled.insert(start.visit), "{:?} was polled twice", start.visit);
            in_flight.push(start.visit);
        }
        assert!(in_flight.len() <= 14, "two at a time on seven hosts");
        for feed in in_flight.drain(..) {
            schedule.finished(feed, Some(hour(10)), now);
        }
        now = after(now, Duration::from_millis(500));
        assert!(now < hour(1), "some feeds never get their turn");
    }
}

#[test]
fn a_host_that_was_not_asked_for_long_is_still_asked_one_thing_at_a_time() {
    let mut schedule = Schedule::new(HostLimits { at_a_time: 1, spacing: Duration::from_secs(2) });
    for id in 0..40_i64 {
        let overdue = after(hour(0), Duration::from_secs(id.unsigned_abs() * 13));
        schedule.add(FeedId(id), format!("host-{}", id % 3), overdue);
    }
    let mut now = hour(5);
    let (mut in_flight, mut polled, mut last) = (Vec::new(), BTreeSet::new(), BTreeMap::new());
    while polled.len() < 40 {
        while let Some(start) = schedule.next(now) {
            let host = start.visit.0 % 3;
            assert!(
                !in_flight.iter().any(|(feed, _): &(FeedId, Timestamp)| feed.0 % 3 == host),
                "two at a time"
            );
            if let Some(before) = last.insert(host, now) {
                assert!(after(before, Duration::from_secs(2)) <= now, "too soon after the last one");
            }
            polled.insert(start.visit);
            // A poll takes five seconds on one host and none on the others.
            in_flight.push((start.visit, after(now, Duration::from_secs(if host == 0 { 5 } else { 0 }))));
        }
        now = after(now, Duration::from_millis(500));
        for (feed, _) in in_flight.extract_if(.., |(_, until)| *until <= now) {
            schedule.finished(feed, Some(hour(100)), now);
        }
        assert!(now < hour(6), "some feeds never get their turn");
    }
    let mut reloaded = Schedule::new(HostLimits { at_a_time: 1, spacing: Duration::from_secs(2) });
    reloaded.add(FeedId(1), "host-1".to_owned(), hour(0));
    reloaded.keep_gates_of(&schedule, last[&1]);
    assert_eq!(reloaded.next(last[&1]), None, "a reload is no reason to ask a host sooner");
    reloaded.keep_gates_of(&schedule, hour(0));
    assert!(
        reloaded.next(after(hour(0), Duration::from_secs(2))).is_some(),
        "nor a clock that ran ahead to wait"
    );
}

#[test]
fn a_visit_that_is_put_in_again_and_again_has_its_turn_once() {
    let limits = HostLimits { at_a_time: 2, spacing: Duration::ZERO };
    let mut schedule = Schedule::new(limits);
    let add = |schedule: &mut Schedule<i64>| schedule.add(1, "a.example".to_owned(), hour(0));
    add(&mut schedule);
    add(&mut schedule);
    assert_eq!(schedule.waiting_count(hour(0)), 1);
    assert!(schedule.next(hour(0)).is_some());
    // While it is under way, too.
    add(&mut schedule);
    assert_eq!((schedule.next(hour(0)), schedule.waiting_count(hour(0))), (None, 0));
    schedule.finished(1, None, hour(0));
    assert_eq!(schedule.wake_at(), None);
    // Nothing is left at the gate: two may pass at a time, as before.
    for visit in 2..5 {
        schedule.add(visit, "a.example".to_owned(), hour(1));
    }
    assert!(schedule.next(hour(1)).is_some() && schedule.next(hour(1)).is_some());
    assert_eq!(schedule.next(hour(1)), None);
    // While it waits at its gate.
    schedule.add(4, "a.example".to_owned(), hour(0));
    assert_eq!(schedule.waiting_count(hour(1)), 1);
    // An earlier or later time holds instead of the one before.
    schedule.add(9, "b.example".to_owned(), hour(3));
    schedule.add(9, "b.example".to_owned(), hour(2));
    assert_eq!(schedule.first_due_at(), Some(hour(2)));
    schedule.add(9, "b.example".to_owned(), hour(4));
    assert_eq!(schedule.first_due_at(), Some(hour(4)));
}

#[test]
fn what_is_under_way_counts_at_its_gate_in_the_next_schedule() {
    let limits = HostLimits { at_a_time: 1, spacing: Duration::ZERO };
    let (mut schedule, mut next) = (Schedule::new(limits), Schedule::new(limits));
    schedule.add(1, "a.example".to_owned(), hour(0));
    assert!(schedule.next(hour(0)).is_some());
    next.keep_gates_of(&schedule, hour(0));
    next.add(2, "a.example".to_owned(), hour(0));
    assert_eq!(next.next(hour(1)), None, "the visit of a feed that is watched no more still asks its host");
    next.finished(1, None, hour(1));
    assert_eq!(next.next(hour(1)).map(|start| start.visit), Some(2));
}

#[test]
fn modest_visits_let_the_others_at_their_gate_go_first() {
    let limits = HostLimits { at_a_time: 1, spacing: Duration::from_mins(1) };
    let mut schedule = Schedule::new(limits);
    for visit in 0..60 {
        schedule.add_modest(visit, "a.example".to_owned(), hour(0));
    }
    assert_eq!(schedule.next(hour(0)).map(|start| start.visit), Some(0));
    schedule.finished(0, None, hour(0));
    schedule.add(99, "a.example".to_owned(), hour(0));
    let minute = after(hour(0), Duration::from_mins(1));
    assert_eq!(schedule.next(minute).map(|start| start.visit), Some(99));
    schedule.finished(99, Some(hour(9)), minute);
    let two = after(minute, Duration::from_mins(1));
    assert_eq!(schedule.next(two).map(|start| start.visit), Some(1));
    schedule.hasten(2, two);
    assert_eq!(schedule.waiting_count(two), 58);
}

#[test]
fn durations_read_as_people_write_them() {
    let cases = [(0, "0ms"), (2, "2s"), (90, "1m 30s"), (5400, "1h 30m"), (90_061, "1d 1h")];
    for (seconds, expected) in cases {
        assert_eq!(words(Duration::from_secs(seconds)), expected);
    }
}

#[tokio::test]
async fn a_restart_keeps_the_spacing_of_hosts() {
    let feeds = ["http://www.reddit.com/one", "http://old.reddit.com/two", "http://a.example/three"];
    let mut watch = Watch::with(&feeds[..1], "").await;
    for path in ["/one", "/two", "/three"] {
        watch.server.set(path, Reply::ok("application/rss+xml", rss(&[(path, "A slow day", hour(0))])));
    }
    watch.until(hour(0)).await;
    watch.set_feeds(&feeds).await;
    watch.for_minutes(2).await;
    assert_eq!(watch.starts("a.example/three"), [hour(0)], "it was not asked before");
    let two = watch.starts("old.reddit.com/two")[0];
    assert!(two >= after(hour(0), Duration::from_mins(1)), "{two}");
}

#[tokio::test]
async fn a_poll_asked_for_by_hand_outlives_a_reload() {
    let mut watch = Watch::with(&["http://a.example/feed"], "interval = \"1h\"").await;
    watch.server.set("/feed", Reply::ok("application/rss+xml", rss(&[("one", "A slow day", hour(0))])));
    watch.for_minutes(10).await;
    watch.roster.hasten(FeedId(1), false, watch.now);
    watch.reload().await;
    let asked_at = watch.now;
    watch.for_minutes(1).await;
    assert_eq!(watch.starts("a.example/feed"), [hour(0), asked_at]);
    // Once.
    watch.reload().await;
    watch.for_minutes(10).await;
    assert_eq!(watch.starts("a.example/feed").len(), 2);
}

#[tokio::test]
async fn a_host_that_pauses_is_deferred_with_its_feeds() {
    let feeds = ["http://a.example/limited", "http://www.a.example/other", "http://b.example/other"];
    let mut watch = Watch::with(&feeds, "interval = \"1h\"").await;
    watch.server.set("/limited", Reply::status(429).header("retry-after", "7200"));
    watch.server.set("/other", Reply::ok("application/rss+xml", rss(&[("one", "A slow day", hour(0))])));
    watch.until(hour(0)).await;
    watch.roster.let_go_at_once(watch.now);
    watch.for_minutes(1).await;
    let soon = after(watch.now, Duration::from_mins(2));
    let (deferred, count) = watch.roster.deferred(soon);
    assert_eq!((deferred.len(), count), (watch.roster.waiting_count(hour(0)), deferred.len()));
    assert!(deferred.iter().all(|(_, host)| host == "a.example"), "{deferred:?}");
    assert_eq!(watch.starts("b.example/other"), [hour(0)]);
}

#[tokio::test]
async fn a_publisher_s_wait_for_an_older_page_outlives_a_reload() {
    let mut watch = Watch::with(&["http://a.example/feed"], "max_interval = \"6h\"").await;
    watch.server.set("/feed", Reply::ok("application/rss+xml", rss(&[("one", "A slow day", hour(0))])));
    watch.until(hour(0)).await;
    let mut settled = watch.rounds[0].settled.clone();
    settled.older_page = Some(OlderPage {
        gap: GapId(1),
        feed: FeedId(1),
        url: "http://a.example/older".to_owned(),
        is_archive: false,
        due_at: hour(20),
        noticed_at: hour(0),
        page_count: 1,
        failure_count: 0,
    });
    watch.roster.take_in(Visit::Feed(FeedId(1)), settled, hour(0));
    watch.roster.lay_out(hour(0));
    let started = watch.roster.start_due(hour(8));
    assert!(started.iter().all(|start| start.visit == Visit::Feed(FeedId(1))), "{started:?}");
}
