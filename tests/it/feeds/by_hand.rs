//! What a poll by hand does to the schedule: haste keeps the gate, insistence passes a host's pause.

use std::time::Duration;

use jiff::Timestamp;
use wirewatch::feed::schedule::{HostLimits, Schedule};

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// Three visits of one host, due in an hour; two seconds between starts.
fn schedule() -> Schedule<u8> {
    let mut schedule = Schedule::new(HostLimits { at_a_time: 1, spacing: Duration::from_secs(2) });
    for visit in 1..=3 {
        schedule.add(visit, "a.example".to_owned(), second(3_600));
    }
    schedule
}

fn started(schedule: &mut Schedule<u8>, at: i64) -> Option<u8> {
    schedule.next(second(at)).map(|start| start.visit)
}

#[test]
fn haste_makes_due_and_keeps_spacing() {
    let mut schedule = schedule();
    assert_eq!(started(&mut schedule, 0), None);
    schedule.hasten(2, second(0));
    schedule.hasten(3, second(0));
    schedule.hasten(9, second(0));
    assert_eq!(started(&mut schedule, 0), Some(2));
    // Under way already: nothing more comes of asking again.
    schedule.hasten(2, second(0));
    assert_eq!(started(&mut schedule, 1), None, "one request at a time");
    schedule.finished(2, Some(second(3_600)), second(1));
    assert_eq!(started(&mut schedule, 1), None, "two seconds between starts");
    assert_eq!(started(&mut schedule, 2), Some(3));
    schedule.finished(3, Some(second(3_600)), second(3));
    assert_eq!(started(&mut schedule, 100), None, "each is asked once");
    assert_eq!(schedule.waiting_count(second(3_600)), 3);
}

#[test]
fn haste_waits_for_the_end_of_a_pause_and_insistence_does_not() {
    let mut schedule = schedule();
    schedule.pause("a.example", second(1_000), second(0));
    schedule.hasten(1, second(0));
    schedule.hasten(2, second(0));
    assert_eq!(started(&mut schedule, 0), None);
    schedule.insist(2, second(5));
    schedule.insist(3, second(5));
    assert_eq!(started(&mut schedule, 5), Some(2));
    assert_eq!(started(&mut schedule, 5), None, "one request at a time");
    schedule.finished(2, None, second(6));
    assert_eq!(started(&mut schedule, 6), None, "two seconds between starts");
    assert_eq!(started(&mut schedule, 7), Some(3));
    schedule.finished(3, None, second(8));
    assert_eq!(started(&mut schedule, 999), None, "the pause holds for who does not insist");
    assert_eq!(schedule.wake_at(), Some(second(1_000)));
    assert_eq!(started(&mut schedule, 1_000), Some(1));
    schedule.finished(1, None, second(1_001));
    assert_eq!((schedule.waiting_count(second(9_999)), schedule.wake_at()), (0, None));
}
