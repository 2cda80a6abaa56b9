//! The database when the disk is full, when it is another version's, and when it is damaged.

use std::collections::BTreeSet;
use std::fs;

use rusqlite::Connection;

use super::super::support::desk::{Desk, FAST, eventually, feed, item, mail};
use super::super::support::http;
use super::super::support::smtp::{self, Parsed, Setup};
use super::BREACH;

/// Large and small news; together more than the limit below lets through.
fn flood() -> String {
    let text = |number: usize| {
        (0..400).map(|word| format!("word{} ", word * 131 + number * 7919)).collect::<String>()
    };
    (0..400)
        .map(|number| item(&format!("n{number}"), &format!("News number {number}"), &text(number), 1))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stores_nothing_by_halves_and_loses_nothing() {
    let server = http::Server::start().await;
    server.set("/small", feed(&item("small", "Small news first", "That is all.", 1)));
    server.set("/flood", feed(&flood()));
    let desk = Desk::new(FAST);
    desk.feeds([server.url("/small")]);
    desk.run(&["run", "--once"]).expect(0);
    desk.feeds([server.url("/small"), server.url("/flood")]);
    // No file may grow beyond 512 KiB (blocks of 512 bytes): to SQLite, the disk is full.
    let mut command = desk.command("sh");
    let program = super::super::support::desk::PROGRAM;
    command.args(["-c", "trap '' XFSZ; ulimit -f 1024; exec \"$0\" run --once", program]);
    let ran = desk.spawn(command).ended().expect(0);
    assert!(ran.out.contains(&format!("failed: {}", server.url("/flood"))), "{ran:?}");
    assert!(ran.out.contains("the disk"), "{ran:?}");
    assert!(!ran.err.contains("panicked"), "{ran:?}");
    assert_eq!(desk.count("articles"), 1);
    assert_eq!(desk.count("sightings"), 1);
    assert_eq!(desk.count("feeds WHERE last_polled_at IS NOT NULL"), 1);
    desk.run(&["db", "check"]).expect(0);
    // With room again, the same document is taken in whole.
    desk.run(&["run", "--once"]).expect(0);
    assert_eq!(desk.count("articles"), 401);
}

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    let desk = Desk::new(FAST);
    fs::create_dir_all(desk.data()).unwrap();
    let connection = Connection::open(desk.database()).unwrap();
    connection.execute_batch("CREATE TABLE future (x); PRAGMA user_version = 99;").unwrap();
    drop(connection);
    let before = fs::read(desk.database()).unwrap();
    for args in [&["run"][..], &["run", "--once"], &["status"], &["db", "check"], &["alerts", "list"]] {
        let ran = desk.run(args).expect(1);
        assert!(ran.err.contains("newer wirewatch") && ran.err.contains("99"), "{args:?}: {}", ran.err);
        assert!(ran.err.contains("hint: "), "{args:?}: {}", ran.err);
        assert!(fs::read(desk.database()).unwrap() == before, "{args:?} changed the file");
    }
}

#[test]
fn a_data_directory_that_cannot_be_one_is_said() {
    let desk = Desk::new(FAST);
    desk.file("data", "a file");
    for args in [&["run"][..], &["run", "--once"]] {
        let ran = desk.run(args).expect(1);
        assert!(ran.err.contains("cannot open the database") && ran.err.contains("hint: "), "{}", ran.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_anywhere_it_resumes_without_loss_and_without_doubles() {
    let server = http::Server::start().await;
    let mails = smtp::Server::start(Setup::default()).await;
    let paths: Vec<String> = (0..6).map(|number| format!("/feed{number}")).collect();
    for (number, path) in paths.iter().enumerate() {
        let quiet = |entry: usize| {
            let title = format!("News {entry} of town {number}");
            item(&format!("q{number}-{entry}"), &title, "All calm there.", 1)
        };
        let alarm = item(&format!("a{number}"), &format!("{BREACH} in town {number}"), "Shelling.", 0);
        server.set(path, feed(&((0..20).map(quiet).collect::<String>() + &alarm)));
    }
    let to: Vec<String> = (0..5).map(|number| format!("\"desk{number}@example.org\"")).collect();
    let route = format!("[[route]]\nto = [{}]\n", to.join(", "));
    let desk = Desk::new(&format!("{FAST}{}{route}", mail(mails.address)));
    desk.feeds(paths.iter().map(|path| server.url(path)));
    for round in 1..=8 {
        let daemon = desk.start();
        // Each round dies a little later: after so many requests, or so many mails.
        eventually("work", || {
            let done = server.requests().len() + mails.messages().len();
            (done >= round * 2).then_some(())
        });
        daemon.kill();
        desk.run(&["alerts", "list"]);
    }
    for _ in 0..2 {
        if desk.database().exists() {
            desk.make_due();
            desk.change("UPDATE deliveries SET next_attempt_at = 1 WHERE status = 'queued'");
        }
        desk.run(&["run", "--once"]).expect(0);
    }
    assert_eq!(desk.count("articles"), 6 * 21);
    assert_eq!(desk.count("articles WHERE revision_count > 0"), 0);
    assert_eq!(desk.count("incidents"), 1);
    assert_eq!(desk.count("deliveries WHERE status <> 'sent'"), 0);
    let ids: BTreeSet<String> =
        mails.messages().iter().map(|message| Parsed::read(&message.raw).one("Message-ID")).collect();
    assert_eq!(i64::try_from(ids.len()).unwrap(), desk.count("deliveries"));
    assert!(desk.count("deliveries") >= 5);
    desk.run(&["db", "check"]).expect(0);
}

#[test]
fn a_damaged_database_is_called_so() {
    let desk = Desk::new(FAST);
    desk.run(&["run", "--once"]).expect(0);
    desk.run(&["db", "check"]).expect(0);
    let whole = fs::read(desk.database()).unwrap();
    let mut scribbled = whole.clone();
    for byte in scribbled.iter_mut().skip(4096).step_by(3) {
        *byte ^= 0x5a;
    }
    let cases: [(&str, Vec<u8>); 3] = [
        ("cut", whole[..whole.len() / 2 + 100].to_vec()),
        ("scribbled over", scribbled),
        ("no database", b"these are my notes, not a database\n".repeat(200)),
    ];
    for (name, bytes) in cases {
        fs::write(desk.database(), bytes).unwrap();
        let ran = desk.run(&["db", "check"]).expect(1);
        let said = format!("{}{}", ran.out, ran.err);
        assert!(said.contains("is damaged"), "{name}: {said}");
        assert!(said.contains(".recover"), "{name}: {said}");
        let ran = desk.run(&["run", "--once"]);
        assert!(!ran.err.contains("panicked"), "{name}: {ran:?}");
    }
}
