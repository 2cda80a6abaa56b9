//! Alerts as files, by the whole program: there when an alert is, and no mail's business.

use std::fs;

use super::super::support::desk::{Desk, FAST, ROUTE, eventually, feed, item};
use super::super::support::http;
use super::BREACH;

/// A desk with one feed that holds one alarming entry; mail becomes files.
async fn alarming(main: &str) -> (http::Server, Desk) {
    let server = http::Server::start().await;
    server.set("/feed", feed(&item("breach", BREACH, "Shelling was heard in the north.", 0)));
    let desk = Desk::new(&format!("{FAST}{main}{ROUTE}"));
    desk.feeds([server.url("/feed")]);
    (server, desk)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_round_leaves_the_feed_and_the_message_of_its_incident() {
    let (_server, desk) = alarming("").await;
    desk.run(&["run", "--once"]).expect(0);
    let feed = fs::read_to_string(desk.data().join("alerts/alerts.atom")).unwrap();
    assert!(feed.contains(BREACH) && feed.contains("emm:trigger=\"("), "{feed}");
    let message = fs::read_to_string(desk.data().join("alerts/incident-1.cap.xml")).unwrap();
    assert!(message.contains("<msgType>Alert</msgType>") && message.contains(BREACH), "{message}");
    desk.run(&["run", "--once"]).expect(0);
    assert_eq!(
        fs::read_to_string(desk.data().join("alerts/alerts.atom")).unwrap(),
        feed,
        "nothing happened since"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_daemon_writes_them_and_writes_them_again_when_they_are_gone() {
    let (_server, desk) = alarming("").await;
    let path = desk.data().join("alerts/alerts.atom");
    let daemon = desk.start();
    let there = || fs::read_to_string(&path).ok().filter(|feed| feed.contains(BREACH));
    eventually("the feed tells of the alert", there);
    daemon.stop().expect(0);
    fs::remove_file(&path).unwrap();
    let daemon = desk.start();
    eventually("the feed is back", there);
    daemon.stop().expect(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_can_be_turned_off_and_their_failure_costs_no_mail() {
    let (_server, desk) = alarming("[files]\ndir = \"\"\n").await;
    desk.run(&["run", "--once"]).expect(0);
    assert_eq!(desk.count("deliveries WHERE status = 'sent'"), 1);
    assert!(!desk.data().join("alerts").exists());

    let (_server, desk) = alarming("[files]\ndir = \"wirewatch.db/alerts\"\n").await;
    let ran = desk.run(&["run", "--once"]).expect(0);
    assert_eq!(desk.count("deliveries WHERE status = 'sent'"), 1);
    assert!(ran.err.contains("Alerts cannot be written as files"), "{}", ran.err);
}
