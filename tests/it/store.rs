//! The store: real files, opened, locked, damaged, from the future.

use std::fs;
use std::path::Path;

use rusqlite::ffi;
use wirewatch::delivery::Status;
use wirewatch::store::{Durability, FILE_NAME, Lock, Reader, StoreError, Writer};
use wirewatch::story::Stories;

use crate::support::lab::{Lab, entry, hour};

fn open(path: &Path) -> Result<Writer, StoreError> {
    Writer::open(path, Durability::Full)
}

#[test]
fn a_database_is_made_where_there_is_none_and_opened_where_there_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep/er").join(FILE_NAME);
    drop(open(&path).unwrap());
    drop(open(&path).unwrap());
    assert!(Reader::open(&path).unwrap().integrity().unwrap().is_empty());
}

#[test]
fn a_newer_database_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE_NAME);
    drop(open(&path).unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    for error in [open(&path).unwrap_err(), Reader::open(&path).unwrap_err()] {
        assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error:?}");
        assert!(error.hint().contains("newer wirewatch"), "{}", error.hint());
    }
}

#[test]
fn what_is_no_database_is_said_to_be_none() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE_NAME);
    fs::write(&path, vec![b'x'; 8192]).unwrap();
    assert!(matches!(open(&path), Err(StoreError::Damaged(_))));
    assert_eq!(fs::read(&path).unwrap(), vec![b'x'; 8192], "nothing was overwritten");
    fs::write(dir.path().join("empty.db"), "").unwrap();
    for name in ["none.db", "empty.db"] {
        let missing = Reader::open(&dir.path().join(name)).unwrap_err();
        assert!(missing.to_string().contains("wirewatch run makes it"), "{name}: {missing}");
        assert!(!missing.hint().contains("db check") && !missing.hint().contains("may write"), "{name}");
    }
    fs::write(dir.path().join("file"), "").unwrap();
    assert!(matches!(open(&dir.path().join("file/x.db")), Err(StoreError::Open { .. })));
}

#[test]
fn one_at_a_time_holds_a_data_directory() {
    let dir = tempfile::tempdir().unwrap();
    let held = Lock::take(dir.path()).unwrap();
    assert!(matches!(Lock::take(dir.path()), Err(StoreError::InUse { .. })));
    drop(held);
    assert!(Lock::take(dir.path()).is_ok());
}

#[test]
fn a_poll_that_is_not_committed_leaves_no_trace() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    let config = lab.config.clone();
    let before = lab.reader().overview(hour(1)).unwrap();
    let feed = &config.feeds[0];
    let tx = lab.writer.begin().unwrap();
    let scored = wirewatch::pipeline::prepare(
        vec![entry("a", "Truce broken at noon", hour(1))],
        feed,
        &config.topics,
        hour(1),
    );
    let reading = wirewatch::pipeline::Reading { scored, ..wirewatch::pipeline::Reading::default() };
    let end = wirewatch::pipeline::End::Document(Box::new(reading));
    let id = tx.feed(feed).unwrap().id;
    let poll = wirewatch::pipeline::Poll {
        feed: id,
        started_at: hour(1),
        asked: wirewatch::pipeline::Asked::default(),
        end,
    };
    let settled =
        wirewatch::pipeline::settle(&tx, &mut Stories::default(), &config, feed, &poll, hour(1)).unwrap();
    assert_eq!(settled.alerts.len(), 1);
    drop(tx);
    assert_eq!(lab.reader().overview(hour(1)).unwrap(), before);
    assert!(lab.claim(hour(2)).is_empty());
    let again = lab.poll(0, hour(2), &[entry("a", "Truce broken at noon", hour(1))]);
    assert_eq!(again.alerts.len(), 1, "the next poll finds it new");
}

#[test]
fn deliveries_left_half_sent_by_a_crash_are_queued_again() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    lab.poll(0, hour(1), &[entry("a", "Truce broken at noon", hour(1))]);
    let claimed = lab.claim(hour(1));
    assert_eq!(claimed.len(), 2);
    let path = lab.writer.path().to_owned();
    let sent = claimed[0].id;
    lab.within(|tx| tx.finish_delivery(sent, Status::Sent, "250 ok", hour(1), hour(1)));
    lab.writer = open(&path).unwrap();
    let again = lab.claim(hour(1));
    assert_eq!(again.len(), 1, "what was sent stays sent");
    assert_eq!(
        (again[0].id, again[0].attempts, &again[0].rendered),
        (claimed[1].id, 2, &claimed[1].rendered)
    );
}

#[test]
fn a_deferred_delivery_waits_for_its_time() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    lab.poll(0, hour(1), &[entry("a", "Truce broken at noon", hour(1))]);
    for claimed in lab.claim(hour(1)) {
        lab.within(|tx| tx.finish_delivery(claimed.id, Status::Queued, "451 later", hour(3), hour(1)));
    }
    assert!(lab.claim(hour(2)).is_empty());
    assert_eq!(lab.next_delivery_at(), Some(hour(3)));
    let overview = lab.reader().overview(hour(2)).unwrap();
    assert_eq!((overview.queued, overview.oldest_queued_reply.as_str()), (2, "451 later"));
    assert_eq!(lab.claim(hour(3)).len(), 2);
}

#[test]
fn what_waits_is_hastened_and_what_is_finished_stays() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    lab.poll(0, hour(1), &[entry("a", "Truce broken at noon", hour(1))]);
    let claimed = lab.claim(hour(1));
    lab.within(|tx| tx.finish_delivery(claimed[0].id, Status::Sent, "250 ok", hour(1), hour(1)));
    lab.within(|tx| tx.finish_delivery(claimed[1].id, Status::Queued, "no route", hour(3), hour(1)));
    assert!(lab.claim(hour(2)).is_empty());
    assert_eq!(lab.within(|tx| tx.hasten_deliveries(hour(2))), 1);
    let again: Vec<_> = lab.claim(hour(2)).into_iter().map(|claimed| claimed.id).collect();
    assert_eq!(again, [claimed[1].id]);
}

#[test]
fn alerts_that_no_route_took_and_refusals_of_this_week_are_counted() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    lab.poll(0, hour(1), &[entry("a", "Truce broken at noon", hour(1))]);
    let refused = lab.claim(hour(1))[0].id;
    lab.within(|tx| tx.finish_delivery(refused, Status::Failed, "550 no", hour(1), hour(1)));
    let counted = |lab: &Lab, at| {
        let overview = lab.reader().overview(at).unwrap();
        (overview.untold_last_day, overview.failed_last_week, overview.failed)
    };
    assert_eq!(counted(&lab, hour(2)), (0, 1, 1));
    assert_eq!(counted(&lab, hour(1 + 7 * 24 + 1)), (0, 0, 1));
    let mut alone = Lab::new();
    alone.config.routes.clear();
    alone.acquaint(hour(0));
    alone.poll(0, hour(1), &[entry("a", "Truce broken at noon", hour(1))]);
    assert_eq!(counted(&alone, hour(2)), (1, 0, 0));
    assert_eq!(counted(&alone, hour(26)), (0, 0, 0));
}

#[test]
fn tidying_waits_for_no_reader() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    let reading = rusqlite::Connection::open(lab.writer.path()).unwrap();
    reading.execute_batch("BEGIN; SELECT count(*) FROM articles;").unwrap();
    lab.poll(0, hour(1), &[entry("a", "Truce broken at noon", hour(1))]);
    let begun_at = std::time::Instant::now();
    lab.writer.tidy().unwrap();
    assert!(begun_at.elapsed().as_secs() < 5, "{:?}", begun_at.elapsed());
}

#[test]
fn what_passes_by_itself_is_told_from_what_does_not() {
    let failed = |code| StoreError::from(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
    let full = [ffi::SQLITE_FULL, ffi::SQLITE_IOERR_SHMSIZE];
    for code in full {
        assert!(matches!(failed(code), StoreError::DiskFull), "{code}");
    }
    for code in full.into_iter().chain([ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_BUSY]) {
        assert!(failed(code).is_passing(), "{code}");
        assert!(failed(code).hint().contains("goes on"), "{code}: {}", failed(code).hint());
    }
    for code in [ffi::SQLITE_CORRUPT, ffi::SQLITE_NOTADB, ffi::SQLITE_CONSTRAINT, ffi::SQLITE_ERROR] {
        assert!(!failed(code).is_passing(), "{code}");
    }
}

#[test]
fn damage_is_found() {
    let mut lab = Lab::new();
    let entries: Vec<_> = (0..200)
        .map(|n| entry(&format!("e{n}"), &format!("Harbour report number {n} of the year"), hour(0)))
        .collect();
    lab.poll(0, hour(0), &entries);
    lab.writer.tidy().unwrap();
    let copy = lab.dir.path().join("copy.db");
    let mut bytes = fs::read(lab.writer.path()).unwrap();
    let (from, until) = (bytes.len() / 3, bytes.len() / 3 + 20_000);
    bytes[from..until].fill(0x5a);
    fs::write(&copy, bytes).unwrap();
    let found = Reader::open(&copy).and_then(|reader| reader.integrity());
    assert!(found.as_ref().map_or(true, |found| !found.is_empty()), "{found:?}");
    assert!(lab.reader().integrity().unwrap().is_empty());
}

#[test]
fn the_archive_is_searched_by_the_words_of_a_query() {
    let mut lab = Lab::new();
    let titles = [
        "Cease-fire collapses in the delta",
        "Ceasefire holds",
        "Cease fire talks go on",
        "هدنة تنهار في المدينة",
        "Café prices rise",
    ];
    let entries: Vec<_> =
        titles.iter().enumerate().map(|(n, title)| entry(&format!("e{n}"), title, hour(0))).collect();
    lab.poll(0, hour(0), &entries);
    let reader = lab.reader();
    let cases = [
        ("ceasefire", 3),
        ("cease-fire", 3),
        ("ceasefire NEAR/4 collaps*", 1),
        ("cafe", 1),
        ("هدنة", 1),
        ("holds OR talks", 2),
        ("ceasefire AND NOT holds", 2),
        ("zebra", 0),
    ];
    for (text, expected) in cases {
        let query = wirewatch::topic::Query::parse(text, &std::sync::Arc::default()).unwrap();
        let words = query.narrowing();
        assert!(words.is_some(), "{text}: a word narrows the search");
        let found = reader.articles_before(i64::MAX, words.as_deref(), 100).unwrap();
        assert!(found.len() >= expected, "{text}: {} candidates", found.len());
        if text == "zebra" {
            assert!(found.is_empty(), "{text}: narrowed to nothing");
        }
    }
}

#[test]
fn a_database_with_alerts_of_the_first_schema_is_brought_up_to_date() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("wirewatch.db");
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(include_str!("../../migrations/0001_create_tables.sql")).unwrap();
    old.execute_batch(include_str!("../../migrations/0002_extend_feeds.sql")).unwrap();
    old.execute_batch(
        "PRAGMA user_version = 2;
         INSERT INTO feeds (id, url, name) VALUES (1, 'https://one.example/feed', 'One');
         INSERT INTO incidents VALUES (3, 'topic', 'ZZ', 'open', 1000000, 2000000, 2000000, NULL);
         INSERT INTO alerts VALUES (7, 2000000, 'first', 'it is the first report', 'topic', 'warning', 'ZZ', 3, 5, 2,
             0.75, 'Subject', 'Text', '<p>', '[]', 'hash');
         INSERT INTO incident_articles VALUES (3, 11, 5, 'one.example', 0, 0.75, 2000000, 7);
         INSERT INTO deliveries (id, alert_id, address, status, next_attempt_at)
             VALUES (9, 7, 'desk@example.org', 'queued', 2000000);",
    )
    .unwrap();
    drop(old);
    drop(open(&path).unwrap());
    let reader = Reader::open(&path).unwrap();
    let (alert, text) = reader.alert(7).unwrap().unwrap();
    assert_eq!((alert.topic.as_deref(), alert.incident, alert.score), (Some("topic"), Some(3), Some(0.75)));
    assert_eq!((text.as_str(), alert.deliveries[0].to.as_str()), ("Text", "desk@example.org"));
    let feed = reader.feed_by_address("https://one.example/feed").unwrap().unwrap();
    assert_eq!(feed.state.health, wirewatch::feed::health::HealthState::default());
    drop(reader);
    let mut writer = open(&path).unwrap();
    let tx = writer.begin().unwrap();
    assert_eq!(tx.claim_deliveries(hour(0), std::time::Duration::from_hours(1), 9).unwrap().len(), 1);
    tx.commit().unwrap();
    // What points to alerts still points there, and is held to it.
    let now = rusqlite::Connection::open(&path).unwrap();
    let faults: i64 =
        now.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0)).unwrap();
    let target: String = now
        .query_row("SELECT \"table\" FROM pragma_foreign_key_list('deliveries')", [], |row| row.get(0))
        .unwrap();
    assert_eq!((faults, target.as_str()), (0, "alerts"));
    now.pragma_update(None, "foreign_keys", true).unwrap();
    assert!(now.execute("DELETE FROM alerts", []).is_err());
    assert!(
        now.execute("UPDATE alerts SET incident_id = NULL", []).is_err(),
        "an alert of an incident has one"
    );
}
