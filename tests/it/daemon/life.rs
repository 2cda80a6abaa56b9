//! The daemon's life: what it tells systemd, how it stops, reloads, shares its data and starts again.

use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::super::support::desk::{Desk, FAST, ROUTE, eventually, feed, item, mail};
use super::super::support::http::{self, Reply};
use super::super::support::smtp::{self, Act, Setup, Stage, at};
use super::BREACH;

const CALM: &str = "Market hall reopens after repairs";

/// Polling that is allowed on loopback and does not come round again during a test.
const SLOW: &str = "[poll]\nhost_spacing = \"0s\"\nallow_private_addresses = true\n";

fn calm(name: &str) -> Reply {
    feed(&item(name, CALM, "Stalls are back.", 1))
}

/// Waits until a path was asked for.
fn asked(server: &http::Server, path: &str) {
    eventually(path, || (!server.requests_to(path).is_empty()).then_some(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn systemd_hears_that_it_is_ready_alive_and_stopping() {
    const LIMIT: Duration = Duration::from_secs(6);
    let desk = Desk::new(SLOW);
    let path = desk.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let hear = || {
        let mut bytes = [0; 4096];
        let length = socket.recv(&mut bytes).expect("systemd hears something within a minute");
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    let hear_until = |word: &str| while !hear().lines().any(|line| line == word) {};
    let mut command = desk.program(&["run"]);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", LIMIT.as_micros().to_string());
    let daemon = desk.spawn(command);
    hear_until("READY=1");
    hear_until("WATCHDOG=1");
    let first_at = Instant::now();
    hear_until("WATCHDOG=1");
    let gap = first_at.elapsed();
    assert!(gap < LIMIT, "systemd would have killed it: {gap:?} without a sign of life");
    daemon.signal("TERM");
    hear_until("STOPPING=1");
    daemon.ended().expect(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_stops_in_time_while_polls_and_mail_hang() {
    let server = http::Server::start().await;
    let mails = smtp::Server::start(Setup::default()).await;
    mails.next(at(Stage::Greeting, Act::Hang));
    server.set("/breach", feed(&item("breach", BREACH, "Shelling was heard.", 0)));
    server.set("/stall", Reply::silence());
    let desk = Desk::new(&format!("{SLOW}{}{ROUTE}", mail(mails.address)));
    desk.feeds([server.url("/breach"), server.url("/stall")]);
    let daemon = desk.start();
    asked(&server, "/stall");
    eventually("the mail hangs", || {
        (desk.ask::<String>("SELECT status FROM deliveries")? == "sending").then_some(())
    });
    let asked_at = Instant::now();
    let ran = daemon.stop().expect(0);
    let took = asked_at.elapsed();
    assert!(took < Duration::from_secs(15), "{took:?}\n{}", ran.err);
    assert!(ran.err.contains("Stopped"), "{}", ran.err);
    // Nothing is lost: the next start sends it.
    desk.feeds([server.url("/breach")]);
    desk.run(&["run", "--once"]).expect(0);
    assert_eq!(mails.messages().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asked_twice_it_stops_at_once() {
    let server = http::Server::start().await;
    server.set("/stall", Reply::silence());
    let desk = Desk::new(SLOW);
    desk.feeds([server.url("/stall")]);
    let mut daemon = desk.start();
    asked(&server, "/stall");
    daemon.signal("TERM");
    daemon.logged("Stopping");
    let asked_at = Instant::now();
    let ran = daemon.stop().expect(0);
    assert!(ran.err.contains("asked twice"), "{}", ran.err);
    assert!(asked_at.elapsed() < Duration::from_secs(6), "{:?}", asked_at.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interrupt_and_terminate_end_an_idle_daemon_with_success() {
    for name in ["TERM", "INT"] {
        let desk = Desk::new(SLOW);
        let mut daemon = desk.start();
        daemon.logged("Watching");
        daemon.signal(name);
        let ran = daemon.ended().expect(0);
        assert!(ran.err.contains("Stopped") && ran.out.is_empty(), "{ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_takes_a_good_configuration_and_leaves_a_bad_one() {
    let server = http::Server::start().await;
    for path in ["/one", "/two", "/three"] {
        server.set(path, calm(path));
    }
    let desk = Desk::new(SLOW);
    desk.feeds([server.url("/one")]);
    let mut daemon = desk.start();
    asked(&server, "/one");
    desk.feeds([server.url("/one"), server.url("/two")]);
    daemon.signal("HUP");
    asked(&server, "/two");
    daemon.logged("Reloaded");

    desk.write("feeds.toml", &format!("[[feed]]\nurl = \"{}\"\nintervall = \"5m\"\n", server.url("/three")));
    daemon.signal("HUP");
    daemon.logged("Not reloaded");
    let log = daemon.log();
    assert!(log.contains("feeds.toml:3") && log.contains("intervall"), "{log}");

    desk.write("wirewatch.toml", &format!("data_dir = \"../elsewhere\"\n{SLOW}"));
    desk.feeds([server.url("/three")]);
    daemon.signal("HUP");
    daemon.logged("data_dir can only change with a restart");
    desk.main(SLOW);

    // The old configuration is in force: its feeds are known, the bad one's were never asked for.
    desk.feeds([server.url("/one"), server.url("/two")]);
    daemon.signal("HUP");
    eventually("a second good reload", || (daemon.log().matches("Reloaded").count() >= 2).then_some(()));
    assert!(server.requests_to("/three").is_empty());
    for path in ["/one", "/two"] {
        assert_eq!(server.requests_to(path).len(), 1, "{path}: a reload polls nothing early");
    }
    daemon.stop().expect(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_changes_mail_and_topics_too() {
    let server = http::Server::start().await;
    let mails = smtp::Server::start(Setup::default()).await;
    server.set("/feed", calm("calm"));
    let desk = Desk::new(&format!("{FAST}{}", mail(mails.address)));
    desk.feeds([server.url("/feed")]);
    let mut daemon = desk.start();
    asked(&server, "/feed");
    desk.main(&format!("{FAST}{}{ROUTE}", mail(mails.address)));
    let topic = "id = \"harbour\"\n[[signal]]\nname = \"a harbour closes\"\nwhen = \"harbour NEAR/3 clos*\"\nweight = 90\n";
    desk.write("topics/harbour.toml", topic);
    daemon.signal("HUP");
    daemon.logged("Reloaded");
    let news = item("harbour", "Harbour closed until Friday", "Ships wait outside.", 0);
    server.set("/feed", feed(&news));
    eventually("the new topic's mail", || (mails.messages().len() == 1).then_some(()));
    daemon.stop().expect(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_daemon_on_the_same_data_refuses() {
    let desk = Desk::new(SLOW);
    let mut daemon = desk.start();
    daemon.logged("Watching");
    for args in [&["run"][..], &["run", "--once"]] {
        let ran = desk.run(args).expect(1);
        assert!(ran.err.contains("error: another wirewatch is running on"), "{}", ran.err);
        assert!(ran.err.contains("hint: "), "{}", ran.err);
    }
    daemon.stop().expect(0);
    desk.run(&["run", "--once"]).expect(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_polls_nothing_before_it_is_due() {
    let server = http::Server::start().await;
    server.set("/one", calm("one"));
    server.set("/broken", Reply::status(500));
    let desk = Desk::new(SLOW);
    desk.feeds([server.url("/one"), server.url("/broken")]);
    desk.run(&["run", "--once"]).expect(0);
    desk.run(&["run", "--once"]).expect(0);
    for number in 0..2 {
        // A feed that is new, and therefore due, is the sign that what is due was polled.
        let sign = format!("/sign{number}");
        server.set(&sign, calm(&sign));
        desk.feeds([server.url("/one"), server.url("/broken"), server.url(&sign)]);
        let daemon = desk.start();
        asked(&server, &sign);
        daemon.stop().expect(0);
    }
    assert_eq!(server.requests_to("/one").len(), 1);
    assert_eq!(server.requests_to("/broken").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_line_of_a_json_log_is_json() {
    let server = http::Server::start().await;
    let mails = smtp::Server::start(Setup::default()).await;
    let title = "Army violates ceasefire \"hours\" after {deal}\\";
    server.set("/feed", feed(&item("breach", title, "Shelling &lt;b&gt;was&lt;/b&gt; heard.", 0)));
    server.set("/broken", Reply::raw("no HTTP \"at all\"\u{1b}[31m\r\n"));
    let log = "[log]\nformat = \"json\"\nlevel = \"trace\"\n";
    let desk = Desk::new(&format!("{FAST}{}{ROUTE}{log}", mail(mails.address)));
    desk.feeds([server.url("/feed"), server.url("/broken")]);
    let daemon = desk.start();
    eventually("a mail", || (mails.messages().len() == 1).then_some(()));
    eventually("a failed poll", || {
        (desk.ask::<i64>("SELECT max(failure_count) FROM feeds")? > 0).then_some(())
    });
    desk.write("feeds.toml", "[[feed]]\nurl = \"nonsense\"\n");
    daemon.signal("HUP");
    eventually("a refused reload", || daemon.log().contains("Not reloaded").then_some(()));
    let ran = daemon.stop().expect(0);
    for line in ran.err.lines() {
        let read: Result<Value, _> = serde_json::from_str(line);
        let read = read.unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(read["level"].is_string() && read["timestamp"].is_string(), "{line}");
    }
    let alert = ran.err.lines().find(|line| line.contains("\"message\":\"Alert\"")).unwrap();
    let alert: Value = serde_json::from_str(alert).unwrap();
    assert_eq!(alert["topic"], "ceasefire-breakdown");
}
