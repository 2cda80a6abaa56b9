//! A clock that was wrong: it stops no tick, no sign of life and no poll.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use wirewatch::daemon::pulse::{Pulse, due_at};
use wirewatch::feed::schedule::after;
use wirewatch::feed::state::FeedState;

use super::super::support::desk::{Desk, FAST, feed, item};
use super::super::support::http;

const EVERY: Duration = Duration::from_secs(20);
const MONTH: Duration = Duration::from_hours(29 * 24);

fn noon() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

#[test]
fn the_pulse_beats_on_though_the_clock_is_set_back() {
    let start = Instant::now();
    let mut pulse = Pulse::new(EVERY, start, noon());
    assert!(pulse.is_due(start), "the first is due at once");
    // What is next by the clock, and how long the wait is.
    let cases = [
        (None, EVERY),
        (Some(after(noon(), Duration::from_secs(7))), Duration::from_secs(7)),
        (Some(after(noon(), MONTH)), EVERY),
        (Some(noon()), Duration::from_secs(1)),
        (Some(Timestamp::UNIX_EPOCH), Duration::from_secs(1)),
    ];
    for (next_at, wait) in cases {
        pulse.beat(start, noon(), next_at);
        assert_eq!(pulse.wait(start), wait, "{next_at:?}");
        assert!(!pulse.is_due(start) && pulse.is_due(start + wait), "{next_at:?}");
    }
    // A beat by a clock that is a month ahead, then the clock is right again: only the time that passed counts.
    pulse.beat(start, after(noon(), MONTH), Some(after(noon(), MONTH)));
    assert!(pulse.is_due(start + EVERY));
    assert!(!pulse.was_set_back(after(noon(), MONTH)), "forward is no matter");
    assert!(pulse.was_set_back(noon()));
    assert!(!pulse.was_set_back(noon()), "once");
    assert!(!pulse.was_set_back(after(noon(), Duration::from_secs(2))));
    assert!(!pulse.was_set_back(noon()), "clocks are adjusted by seconds all day");
}

#[test]
fn due_times_of_a_clock_that_was_ahead_are_not_believed() {
    let hours = |hours: i64| noon() + jiff::SignedDuration::from_hours(hours);
    let check = |polled: Option<i64>, due: Option<i64>, max_hours: u64, expected: Timestamp| {
        let state = FeedState {
            last_polled_at: polled.map(hours),
            next_due_at: due.map(hours),
            ..FeedState::default()
        };
        let found = due_at(&state, Duration::from_hours(max_hours), noon());
        assert_eq!(found, expected, "polled {polled:?}, due {due:?}, at most {max_hours} h");
    };
    check(None, None, 6, Timestamp::UNIX_EPOCH);
    check(Some(-1), Some(5), 6, hours(5));
    check(Some(-7), Some(-1), 6, hours(-1));
    // A server asked to wait a day, with jitter; an owner to wait a week.
    check(Some(0), Some(26), 6, hours(26));
    check(Some(0), Some(24 * 7), 24 * 7, hours(24 * 7));
    check(Some(0), Some(28), 6, noon());
    check(Some(-1), Some(24 * 29), 6, noon());
    check(Some(24 * 29), Some(24 * 29), 6, noon());
    check(Some(1), Some(2), 6, noon());
    check(Some(1), Some(-2), 6, hours(-2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn feeds_polled_by_a_clock_that_was_ahead_are_polled() {
    let server = http::Server::start().await;
    server.set("/feed", feed(&item("a", "Market hall reopens after repairs", "Stalls are back.", 1)));
    let desk = Desk::new(FAST);
    desk.feeds([server.url("/feed")]);
    desk.run(&["run", "--once"]).expect(0);
    let a_month = "UPDATE feeds SET last_polled_at = last_polled_at + 2505600000000,
                   last_success_at = last_success_at + 2505600000000, next_due_at = next_due_at + 2505600000000";
    desk.change(a_month);
    // Seen before it is mended, it needs a person: everything looks well and nothing is polled.
    let status = desk.run(&["status"]).expect(1).out;
    assert!(status.contains("NEEDS YOU") && status.contains("in the future"), "{status}");
    let ran = desk.run(&["run", "--once"]).expect(0);
    assert!(ran.out.contains("1 feed polled"), "{ran:?}");
    assert!(ran.err.contains("The clock was ahead"), "{ran:?}");
    assert_eq!(server.requests_to("/feed").len(), 2);
    desk.run(&["status"]).expect(0);
}
