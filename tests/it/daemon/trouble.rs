//! The daemon when the database refuses, when mail was held up, and when a task panics.

use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::time::Instant as Moment;
use wirewatch::daemon::health::Health;
use wirewatch::daemon::poller::contained;
use wirewatch::store::StoreError;

use super::super::support::desk::{Desk, FAST, PROGRAM, ROUTE, Running, eventually, feed, item, mail};
use super::super::support::http::{self, Reply};
use super::super::support::smtp::{self, Setup};
use super::BREACH;

/// Another program that holds the database until this is dropped.
fn hold(desk: &Desk) -> Connection {
    let connection = Connection::open(desk.database()).unwrap();
    connection.busy_timeout(Duration::from_secs(20)).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

/// Starts the daemon where no file may grow beyond 1 MiB: to SQLite, the disk is full.
fn start_without_room(desk: &Desk) -> Running {
    let mut command = desk.command("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 2048; exec \"$0\" run", PROGRAM]);
    desk.spawn(command)
}

#[test]
fn a_database_that_is_held_delays_the_start_and_refuses_a_reload_and_ends_neither() {
    let desk = Desk::new("");
    desk.run(&["run", "--once"]).expect(0);
    let held = hold(&desk);
    let mut daemon = desk.start();
    daemon.logged("Not started yet");
    drop(held);
    daemon.logged("Watching");
    let held = hold(&desk);
    desk.feeds(["https://127.0.0.1:1/feed"]);
    daemon.signal("HUP");
    daemon.logged("Not reloaded: the database refuses");
    drop(held);
    daemon.signal("HUP");
    daemon.logged("Reloaded");
    let ran = daemon.stop().expect(0);
    assert_eq!(ran.err.matches("Not started yet").count(), 1, "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_one_line_in_the_log_however_many_feeds_there_are() {
    let server = http::Server::start().await;
    let paths: Vec<String> = (0..6).map(|number| format!("/flood{number}")).collect();
    for path in &paths {
        let text = (0..900).map(|word| format!("word{} ", word * 131)).collect::<String>();
        let items: String =
            (0..200).map(|n| item(&format!("{path}{n}"), &format!("News {n} of {path}"), &text, 1)).collect();
        server.set(path, feed(&items));
    }
    let desk = Desk::new(&FAST.replace("[poll]\n", "[poll]\nper_host = 8\n"));
    desk.feeds(paths.iter().map(|path| server.url(path)));
    let mut daemon = start_without_room(&desk);
    for path in &paths {
        eventually(path, || (!server.requests_to(path).is_empty()).then_some(()));
    }
    daemon.logged("The database refuses");
    let ran = daemon.stop().expect(0);
    assert_eq!(ran.err.matches("ERROR").count(), 1, "{}", ran.err);
    assert_eq!(desk.count("articles"), 0);
}

#[test]
fn a_refusal_is_said_when_it_begins_and_changes_then_daily_and_when_it_is_over() {
    let start = Moment::now();
    let at = |minutes: u64| start + Duration::from_mins(minutes);
    let health = Health::default();
    assert!(!health.wrote(at(0)), "nothing was wrong");
    assert!(!health.is_refusing());
    assert!(health.refused(&StoreError::DiskFull, at(0)));
    assert!(health.is_refusing(), "nothing asks the dead-man service meanwhile");
    assert!(!health.refused(&StoreError::DiskFull, at(1)));
    assert!(!health.refused(&StoreError::Disk("I/O error".to_owned()), at(2)), "the same disk");
    assert!(!health.wrote(at(3)), "small writes may still fit");
    assert!(!health.refused(&StoreError::DiskFull, at(4)));
    assert!(health.refused(&StoreError::Damaged("page 3".to_owned()), at(5)), "something else");
    assert!(!health.refused(&StoreError::Damaged("page 4".to_owned()), at(6)));
    assert!(health.refused(&StoreError::Damaged("page 3".to_owned()), at(6 + 24 * 60)), "daily");
    assert!(health.wrote(at(30 * 60)));
    assert!(!health.is_refusing() && !health.wrote(at(30 * 60 + 1)), "over once");
    assert!(health.clone().refused(&StoreError::DiskFull, at(31 * 60)));
    assert!(!health.refused(&StoreError::DiskFull, at(31 * 60)), "one state for all who write");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_comes_in_time_though_a_poll_hangs_and_a_reader_holds_the_database() {
    let server = http::Server::start().await;
    server.set("/feed", feed(&item("a", "Market hall reopens", "Stalls.", 1)));
    server.set("/stall", Reply::silence());
    let desk = Desk::new(FAST);
    desk.feeds([server.url("/feed")]);
    desk.run(&["run", "--once"]).expect(0);
    let reading = Connection::open(desk.database()).unwrap();
    reading.execute_batch("BEGIN; SELECT count(*) FROM articles").unwrap();
    desk.feeds([server.url("/stall")]);
    let mut daemon = desk.start();
    daemon.logged("Watching");
    eventually("/stall", || (!server.requests_to("/stall").is_empty()).then_some(()));
    let asked_at = Instant::now();
    let ran = daemon.stop().expect(0);
    assert!(asked_at.elapsed() < Duration::from_secs(14), "{:?}\n{}", asked_at.elapsed(), ran.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_stops_in_time_while_another_program_holds_the_database() {
    let server = http::Server::start().await;
    server.set("/feed", feed(&item("a", "Market hall reopens", "Stalls.", 1)));
    let desk = Desk::new(FAST);
    desk.feeds([server.url("/feed")]);
    let mut daemon = desk.start();
    daemon.logged("Watching");
    eventually("a poll", || (!server.requests_to("/feed").is_empty()).then_some(()));
    let held = hold(&desk);
    daemon.logged("The database refuses");
    let asked_at = Instant::now();
    let ran = daemon.stop().expect(0);
    assert!(asked_at.elapsed() < Duration::from_secs(14), "{:?}\n{}", asked_at.elapsed(), ran.err);
    drop(held);
}

/// `[mail]` whose second attempt is an hour away.
fn patient_mail(address: std::net::SocketAddr) -> String {
    mail(address)
        .replace("retry_initial = \"1s\"\nretry_max = \"1s\"", "retry_initial = \"1h\"\nretry_max = \"1h\"")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_that_waited_for_its_server_leaves_when_the_server_is_back_or_the_owner_says_so() {
    for is_told in [true, false] {
        let own = ([127, 41, 0, if is_told { 1 } else { 2 }], 0);
        let address = smtp::Server::start_on(Setup::default(), own).await.address;
        let server = http::Server::start().await;
        server.set("/one", feed(&item("breach", BREACH, "Shelling was heard in the north.", 0)));
        let desk = Desk::new(&format!("{FAST}{}{ROUTE}", patient_mail(address)));
        desk.feeds([server.url("/one")]);
        let daemon = desk.start();
        eventually("a first attempt", || {
            (desk.ask::<i64>("SELECT count(*) FROM deliveries WHERE reply <> '' AND status = 'queued'")? == 1)
                .then_some(())
        });
        let mails = smtp::Server::start_on(Setup::default(), address).await;
        let expected = if is_told {
            daemon.signal("HUP");
            1
        } else {
            // The next alert finds the door open, and takes the one that waited along.
            let aid = item(
                "aid",
                "Food aid stuck at the border as government denies permission",
                "Trucks wait.",
                0,
            );
            server.set("/one", feed(&(aid + &item("breach", BREACH, "Shelling was heard in the north.", 0))));
            2
        };
        eventually("the mail", || (mails.messages().len() == expected).then_some(()));
        daemon.stop().expect(0);
        assert_eq!(desk.count("deliveries WHERE status = 'sent'"), i64::try_from(expected).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_whose_mail_could_not_leave_changes_nothing() {
    let server = http::Server::start().await;
    let mails = smtp::Server::start(Setup::default()).await;
    let desk = Desk::new(&format!("{FAST}{}{ROUTE}", mail(mails.address)));
    let mut daemon = desk.start();
    daemon.logged("Watching");
    // To the eye this is a certificate; only who opens the door finds that it is none.
    desk.write("ca.pem", "-----BEGIN CERTIFICATE-----\nbm90aGluZw==\n-----END CERTIFICATE-----\n");
    let broken = mail(mails.address)
        .replace("?tls=none", "?tls=required")
        .replace("[mail]\n", "[mail]\nca_file = \"ca.pem\"\n");
    desk.main(&format!("{FAST}{broken}{ROUTE}"));
    server.set("/feed", feed(&item("breach", BREACH, "Shelling was heard.", 0)));
    desk.feeds([server.url("/feed")]);
    daemon.signal("HUP");
    daemon.logged("Not reloaded: no mail could leave");
    assert!(!daemon.log().contains("Reloaded"));
    desk.main(&format!("{FAST}{}{ROUTE}", mail(mails.address)));
    daemon.signal("HUP");
    eventually("the mail", || (mails.messages().len() == 1).then_some(()));
    daemon.stop().expect(0);
    assert!(!server.requests_to("/feed").is_empty());
}

#[tokio::test]
async fn a_panic_ends_its_task_and_nothing_else() {
    assert_eq!(contained(async { 7 }).await, Some(7));
    let stumbling = async {
        let nothing: Vec<u8> = Vec::new();
        nothing[std::hint::black_box(3)]
    };
    assert_eq!(contained(stumbling).await, None);
}
