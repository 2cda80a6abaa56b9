//! When a feed is polled next.

use std::time::Duration;

use wirewatch::feed::answer::{Answer, AnswerKind};
use wirewatch::feed::pace::{Pace, Terms, next_poll};
use wirewatch::feed::state::FeedState;

use crate::support::lab::hour;

#[test]
fn polls_keep_their_interval_and_back_off() {
    let minutes = |count: u64| Duration::from_secs(count * 60);
    let pace = Pace { interval: minutes(15), min_interval: minutes(5), max_interval: minutes(360) };
    let start = hour(0);
    let terms = Terms {
        url: "https://one.example/feed",
        pace,
        is_own_interval: false,
        feed_daily_bytes: 24 << 20,
        stretch: 1.0,
        safety_wait: None,
    };
    let wait = |answer: Answer, failure_count| {
        let state = FeedState { failure_count, ..FeedState::default() };
        let next = next_poll(&terms, &state, &answer, start);
        (Duration::try_from(next.at.duration_since(start)).unwrap(), next.reason)
    };
    let success = Answer::of(AnswerKind::Document);
    let failure = |retry_after| Answer { retry_after, ..Answer::of(AnswerKind::ServerError) };
    // End, failures in a row, the least wait; the most is a tenth longer.
    let cases = [
        (success, 0, minutes(15), "every 15m"),
        (failure(None), 1, minutes(15), "backing off after 1"),
        (failure(None), 2, minutes(30), "backing off after 2"),
        (failure(None), 5, minutes(240), "backing off after 5"),
        (failure(None), 4_000_000_000, minutes(6 * 60), "backing off"),
        (failure(Some(minutes(90))), 1, minutes(90), "asked to wait 1h 30m"),
        (failure(Some(minutes(1))), 1, minutes(15), "backing off"),
        (failure(Some(minutes(60 * 24 * 3650))), 1, minutes(24 * 60), "asked to wait 1d"),
    ];
    for (end, failures, least, reason) in cases {
        let (wait, words) = wait(end, failures);
        assert!(wait >= least && wait <= least.mul_f64(1.1), "{:?} {failures}: {wait:?}", end.kind);
        assert!(words.contains(reason), "{words}");
    }
}
