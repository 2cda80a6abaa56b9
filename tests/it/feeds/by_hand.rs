//! Polls by hand: what they do to the schedule, and how they reach the daemon.

use std::time::Duration;

use jiff::Timestamp;
use wirewatch::feed::FeedId;
use wirewatch::feed::schedule::{HostLimits, Schedule};
use wirewatch::store::requests::{FirstDocument, PollRequest, Requester};
use wirewatch::store::{Lock, StoreError};

use crate::support::lab::Lab;

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

#[test]
fn a_request_is_taken_once_and_an_old_one_never() {
    let mut lab = Lab::new();
    lab.acquaint(second(0));
    let path = lab.writer.path().to_owned();
    let requester = Requester::open(&path).unwrap();
    let ask = |feed: i64, at: i64, is_forced: bool| {
        let request = PollRequest { feed: FeedId(feed), asked_at: second(at), is_forced };
        requester.ask(request).unwrap();
        request
    };
    ask(1, 0, false);
    let later = ask(1, 10, true);
    let other = ask(2, 5, false);
    assert_eq!(
        lab.within(|tx| tx.take_poll_requests(second(11))),
        [other, later],
        "in the order they were asked"
    );
    assert!(lab.within(|tx| tx.take_poll_requests(second(11))).is_empty());
    ask(1, 20, false);
    assert!(requester.withdraw(FeedId(1)).unwrap() && !requester.withdraw(FeedId(1)).unwrap());
    ask(1, 20, false);
    assert!(
        lab.within(|tx| tx.take_poll_requests(second(20 + 300))).is_empty(),
        "asked of a daemon that is gone"
    );
    // A feed nobody knows is refused by the database, not by luck.
    let nobody = PollRequest { feed: FeedId(99), asked_at: second(0), is_forced: false };
    assert!(requester.ask(nobody).is_err());
    assert!(matches!(Requester::open(&lab.dir.path().join("none.db")), Err(StoreError::Open { .. })));
}

#[test]
fn a_document_is_taken_byte_for_byte_and_not_when_it_is_old() {
    let mut lab = Lab::new();
    let requester = Requester::open(lab.writer.path()).unwrap();
    let document = FirstDocument {
        address: "https://new.example/feed".to_owned(),
        asked_at: second(0),
        source: "https://new.example/feed.xml".to_owned(),
        content_type: Some("text/xml".to_owned()),
        etag: Some(b"W/\"caf\xe9\"".to_vec()),
        last_modified: None,
        fresh_for: Some(Duration::from_secs(90)),
        links: vec![("https://hub.example/".to_owned(), vec!["hub".to_owned()])],
        wire_bytes: 12,
        body: vec![0, 255, 10],
    };
    requester.hand_over(&FirstDocument { body: vec![1], ..document.clone() }).unwrap();
    requester.hand_over(&document).unwrap();
    let taken = lab.within(|tx| tx.take_first_documents(second(60)));
    assert_eq!(taken.as_slice(), std::slice::from_ref(&document));
    assert!(lab.within(|tx| tx.take_first_documents(second(60))).is_empty());
    requester.hand_over(&document).unwrap();
    assert!(lab.within(|tx| tx.take_first_documents(second(86_400))).is_empty(), "it is fetched anew");
}

#[test]
fn asking_who_holds_a_directory_makes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    assert!(!Lock::is_held(&data) && !data.exists());
    let lock = Lock::take(&data).unwrap();
    assert!(Lock::is_held(&data));
    drop(lock);
    assert!(!Lock::is_held(&data));
    assert!(Lock::take(&data).is_ok());
}
