//! Mail through the whole daemon: killed, refused, cut off, not there.

use std::net::SocketAddr;

use super::super::support::desk::{Desk, FAST, ROUTE, eventually, feed, item, mail};
use super::super::support::http::{self, Reply};
use super::super::support::smtp::{self, Act, Parsed, Setup, Stage, at};
use super::BREACH;

/// A desk with one feed that holds one alarming entry, and mail to this server.
pub(super) async fn alarming(address: SocketAddr, route: &str) -> (http::Server, Desk) {
    let server = http::Server::start().await;
    server.set("/feed", feed(&item("breach", BREACH, "Shelling was heard in the north.", 0)));
    let desk = Desk::new(&format!("{FAST}{}{route}", mail(address)));
    desk.feeds([server.url("/feed")]);
    (server, desk)
}

fn ids(mails: &smtp::Server) -> Vec<String> {
    mails.messages().iter().map(|message| Parsed::read(&message.raw).one("Message-ID")).collect()
}

/// Waits until so many deliveries stand so.
pub(super) fn until(desk: &Desk, count: i64, condition: &str) {
    eventually(condition, || {
        let found: i64 = desk.ask(&format!("SELECT count(*) FROM deliveries WHERE {condition}"))?;
        (found == count).then_some(())
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_before_the_server_took_it_the_mail_goes_out_once_after_the_restart() {
    for stage in [Stage::Greeting, Stage::Mail, Stage::Rcpt, Stage::Data] {
        let mails = smtp::Server::start(Setup::default()).await;
        mails.next(at(stage, Act::Hang));
        let (_server, desk) = alarming(mails.address, ROUTE).await;
        let daemon = desk.start();
        until(&desk, 1, "status = 'sending'");
        assert_eq!(daemon.kill().code, None);
        assert_eq!(mails.messages().len(), 0);
        assert_eq!((desk.count("articles"), desk.count("alerts")), (1, 1));
        let daemon = desk.start();
        until(&desk, 1, "status = 'sent'");
        daemon.stop().expect(0);
        desk.make_due();
        desk.run(&["run", "--once"]).expect(0);
        assert_eq!(mails.messages().len(), 1, "{stage:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_the_server_took_it_the_second_mail_is_recognisably_the_first() {
    let mails = smtp::Server::start(Setup::default()).await;
    mails.next(at(Stage::End, Act::Hang));
    let (_server, desk) = alarming(mails.address, ROUTE).await;
    let daemon = desk.start();
    eventually("the server has the message", || (mails.messages().len() == 1).then_some(()));
    daemon.kill();
    let daemon = desk.start();
    until(&desk, 1, "status = 'sent'");
    daemon.stop().expect(0);
    let ids = ids(&mails);
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_for_now_is_tried_again_and_arrives_once() {
    let busy = || Act::Reply("451 4.3.2 busy, come back".to_owned());
    let scripts = [
        at(Stage::Greeting, Act::Reply("421 4.3.2 closing".to_owned())),
        at(Stage::Mail, busy()),
        at(Stage::Rcpt, busy()),
        at(Stage::Data, busy()),
        at(Stage::Content, Act::Drop),
        at(Stage::End, busy()),
    ];
    for script in scripts {
        let mails = smtp::Server::start(Setup::default()).await;
        let said = format!("{script:?}");
        mails.next(script);
        let (_server, desk) = alarming(mails.address, ROUTE).await;
        let daemon = desk.start();
        until(&desk, 1, "status = 'sent' AND attempts = 2");
        let ran = daemon.stop().expect(0);
        assert!(ran.err.contains("Mail deferred") && ran.err.contains("Mail sent"), "{said}: {}", ran.err);
        assert_eq!(mails.messages().len(), 1, "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_down_is_waited_for() {
    // An address of this test's own, so that nobody takes the port in between.
    let own = ([127, 40, 0, 1], 0);
    let address = smtp::Server::start_on(Setup::default(), own).await.address;
    let (_server, desk) = alarming(address, ROUTE).await;
    let ran = desk.run(&["run", "--once"]).expect(0);
    assert!(ran.out.contains("1 deferred"), "{}", ran.out);
    assert_eq!(desk.ask::<String>("SELECT status FROM deliveries").as_deref(), Some("queued"));
    let daemon = desk.start();
    until(&desk, 1, "attempts >= 2 AND reply <> ''");
    let mails = smtp::Server::start_on(Setup::default(), address).await;
    until(&desk, 1, "status = 'sent'");
    daemon.stop().expect(0);
    assert_eq!(mails.messages().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_refused_recipient_is_shown_and_keeps_nobody_else_from_being_told() {
    let mails = smtp::Server::start(Setup::default()).await;
    mails.next(at(Stage::Rcpt, Act::Reply("550 5.1.1 no such desk".to_owned())));
    let route = "[[route]]\nto = [\"gone@example.org\", \"desk@example.org\"]\n";
    let (_server, desk) = alarming(mails.address, route).await;
    let ran = desk.run(&["run", "--once"]).expect(0);
    assert!(ran.out.contains("1 sent, 0 deferred, 1 refused"), "{}", ran.out);
    assert_eq!(
        mails.messages().iter().map(|message| message.to.clone()).collect::<Vec<_>>(),
        [["desk@example.org"]]
    );
    let shown = desk.run(&["alerts", "show", "1"]).expect(0).out;
    assert!(shown.contains("to gone@example.org: failed") && shown.contains("no such desk"), "{shown}");
    assert!(shown.contains("to desk@example.org: sent"), "{shown}");
    let status = desk.run(&["status"]).expect(1).out;
    assert!(status.contains("NEEDS YOU  1 mail was refused"), "{status}");
    let status = desk.run(&["status", "--json"]).expect(1).json();
    assert_eq!(status[0]["overview"]["failed"], 1);
    // It is final: later runs leave it alone.
    desk.make_due();
    desk.run(&["run", "--once"]).expect(0);
    assert_eq!(mails.messages().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_three_recipients_that_is_refused_or_put_off_keeps_nobody_waiting() {
    let mails = smtp::Server::start(Setup::default()).await;
    mails.recipient("gone@example.org", Some(Act::Reply("550 5.1.1 no such desk".to_owned())));
    mails.recipient("grey@example.org", Some(Act::Reply("451 4.7.1 greylisted, come back".to_owned())));
    let route = "[[route]]\nto = [\"gone@example.org\", \"grey@example.org\", \"desk@example.org\"]\n";
    let (_server, desk) = alarming(mails.address, route).await;
    let daemon = desk.start();
    until(&desk, 1, "address = 'desk@example.org' AND status = 'sent' AND attempts = 1");
    until(&desk, 1, "address = 'gone@example.org' AND status = 'failed'");
    until(&desk, 1, "address = 'grey@example.org' AND status = 'queued' AND attempts >= 2");
    mails.recipient("grey@example.org", None);
    until(&desk, 1, "address = 'grey@example.org' AND status = 'sent'");
    daemon.stop().expect(0);
    assert_eq!(mails.messages().len(), 2);

    // The dead letter is listed, and sent once its address exists.
    let failed = desk.run(&["mail", "failed"]).expect(0).out;
    assert!(failed.contains("gone@example.org") && failed.contains("no such desk"), "{failed}");
    let failed = desk.run(&["mail", "failed", "--json"]).expect(0).json();
    assert_eq!((&failed[0]["code"], &failed[0]["status"]), (&550.into(), &"5.1.1".into()));
    let id = failed[0]["id"].to_string();
    assert!(desk.run(&["mail", "resend", "999"]).expect(1).err.contains("delivery 999 not refused for good"));
    mails.recipient("gone@example.org", None);
    let again = desk.run(&["mail", "resend", &id]).expect(0).out;
    assert!(again.contains("1 delivery is in the outbox again"), "{again}");
    assert!(desk.run(&["run", "--once"]).expect(0).out.contains("1 sent"));
    assert_eq!(mails.messages().len(), 3);
    assert!(desk.run(&["mail", "failed"]).expect(0).out.contains("nothing was refused"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mailbox_that_is_full_stops_nobody_elses_mail_and_can_be_given_up() {
    let mails = smtp::Server::start(Setup::default()).await;
    mails.recipient("full@example.org", Some(Act::Reply("452 4.2.2 too many messages".to_owned())));
    let (_server, desk) = alarming(mails.address, "").await;
    // Were the server itself to have too much of us, everybody would wait for an hour.
    let main =
        mail(mails.address).replace("retry_initial = \"1s\"\nretry_max = \"1s\"", "retry_initial = \"1h\"");
    desk.main(&format!("{FAST}{main}[[route]]\nto = [\"full@example.org\", \"desk@example.org\"]\n"));
    let daemon = desk.start();
    until(&desk, 1, "address = 'desk@example.org' AND status = 'sent'");
    until(&desk, 1, "address = 'full@example.org' AND status = 'queued' AND attempts = 1");
    let waiting = desk.run(&["mail", "waiting"]).expect(0).out;
    assert!(waiting.contains("full@example.org") && waiting.contains("too many messages"), "{waiting}");
    let id = desk.run(&["mail", "waiting", "--json"]).expect(0).json()[0]["id"].to_string();
    let given_up = desk.run(&["mail", "give-up", &id]).expect(0).out;
    assert!(given_up.contains("1 delivery is given up"), "{given_up}");
    assert!(desk.run(&["mail", "give-up", &id]).expect(1).err.contains("does not wait"));
    daemon.stop().expect(0);
    assert!(desk.run(&["mail", "waiting"]).expect(0).out.contains("nothing waits"));
    assert!(desk.run(&["mail", "failed"]).expect(0).out.contains("given up by hand"));
    assert!(!desk.run(&["status"]).out.contains("refused for good"), "who gave it up knows");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_refuses_us_is_told_by_another_way() {
    let mails = smtp::Server::start(Setup::default()).await;
    for address in ["desk@example.org", "night@example.org", "ops@example.org"] {
        mails.recipient(address, Some(Act::Reply("554 5.7.1 Relay access denied".to_owned())));
    }
    let hook = http::Server::start().await;
    hook.set("/in", Reply::status(204));
    let (_server, desk) = alarming(mails.address, "").await;
    let main = mail(mails.address)
        .replace("[mail]\n", "[mail]\noperator = [\"ops@example.org\", \"outlet:pager\"]\n");
    desk.main(&format!(
        "{FAST}{main}[[route]]\nto = [\"desk@example.org\", \"night@example.org\"]\n[[outlet]]\nname = \"pager\"\n\
         kind = \"webhook\"\nurl = \"{}\"\nallow_private_addresses = true\n",
        hook.url("/in")
    ));
    let mut daemon = desk.start();
    until(&desk, 2, "status = 'failed' AND address <> 'ops@example.org'");
    until(&desk, 1, "status = 'sent' AND address = 'outlet:pager'");
    daemon.logged("Operator told");
    daemon.stop().expect(0);
    let body = String::from_utf8(hook.requests_to("/in")[0].body.clone()).unwrap();
    assert!(body.contains("Everything by mail is refused") && body.contains("Relay access denied"), "{body}");
    assert_eq!(desk.count("alerts WHERE kind = 'operator'"), 1, "and not of the mail that told it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recipient_that_takes_for_ever_is_overtaken() {
    let mails = smtp::Server::start(Setup::default()).await;
    mails.recipient("slow@example.org", Some(Act::Hang));
    let route = "[[route]]\nto = [\"slow@example.org\", \"desk@example.org\", \"night@example.org\"]\n";
    let (_server, desk) = alarming(mails.address, route).await;
    let daemon = desk.start();
    until(&desk, 2, "status = 'sent'");
    assert_eq!(desk.count("deliveries WHERE status = 'sending' AND address = 'slow@example.org'"), 1);
    assert_eq!(mails.connections(), 2, "the others share one");
    daemon.kill();
    mails.recipient("slow@example.org", None);
    desk.run(&["run", "--once"]).expect(0);
    assert_eq!(desk.count("deliveries WHERE status = 'sent'"), 3);
    assert_eq!(mails.messages().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_too_many_connections_is_given_fewer() {
    let setup = Setup { connections_max: Some(1), ..Setup::default() };
    let mails = smtp::Server::start(setup).await;
    mails.recipient("slow@example.org", Some(Act::Hang));
    let route = "[[route]]\nto = [\"slow@example.org\", \"desk@example.org\", \"night@example.org\"]\n";
    let (_server, desk) = alarming(mails.address, route).await;
    let daemon = desk.start();
    // The second connection is turned away while the first hangs; nobody's delivery is given up for it.
    eventually("a connection is turned away", || (mails.turned_away() >= 1).then_some(()));
    mails.recipient("slow@example.org", None);
    until(&desk, 2, "status = 'sent' AND address <> 'slow@example.org'");
    let ran = daemon.stop();
    assert!(ran.err.contains("421 4.7.0 too many connections"), "{}", ran.err);
    assert_eq!(desk.count("deliveries WHERE status = 'failed'"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_minute_takes_no_more_mails_than_its_owner_allows() {
    let mails = smtp::Server::start(Setup::default()).await;
    let (_server, desk) = alarming(mails.address, "").await;
    let main = mail(mails.address).replace("[mail]\n", "[mail]\nmax_per_minute = 2\n");
    let names: Vec<String> = (0..5).map(|number| format!("\"desk{number}@example.org\"")).collect();
    desk.main(&format!("{FAST}{main}[[route]]\nto = [{}]\n", names.join(", ")));
    desk.run(&["run", "--once"]).expect(0);
    // A new process knows what the last one sent.
    desk.run(&["run", "--once"]).expect(0);
    assert_eq!((mails.messages().len(), desk.count("deliveries WHERE status = 'queued'")), (2, 3));
    desk.change("UPDATE deliveries SET finished_at = finished_at - 61000000 WHERE status = 'sent'");
    desk.run(&["run", "--once"]).expect(0);
    assert_eq!((mails.messages().len(), desk.count("deliveries WHERE status = 'queued'")), (4, 1));
    assert_eq!(desk.count("deliveries WHERE attempts > 1"), 0, "to wait for one's turn is no attempt");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_server_is_gone_one_delivery_tries_for_all_and_the_log_says_that_they_wait() {
    let own = ([127, 40, 0, 2], 0);
    let address = smtp::Server::start_on(Setup::default(), own).await.address;
    let (_server, desk) = alarming(address, "").await;
    let names: Vec<String> = (0..6).map(|number| format!("\"desk{number}@example.org\"")).collect();
    let main = mail(address).replace("[mail]\n", "[mail]\noperator = [\"ops@example.org\"]\n");
    desk.main(&format!("{FAST}{main}[[route]]\nto = [{}]\n", names.join(", ")));
    let daemon = desk.start();
    until(&desk, 1, "attempts >= 2");
    // One each second, in turn; if everybody knocked for itself, there would be a dozen.
    let attempts: i64 = desk.ask("SELECT sum(attempts) FROM deliveries").unwrap();
    assert!(attempts <= 9, "{attempts}: not everybody knocks at a closed door");
    daemon.stop().expect(0);
    // As if that had been a while ago.
    desk.change("UPDATE deliveries SET queued_at = queued_at - 3600000000");
    let mut daemon = desk.start();
    daemon.logged("Deliveries wait for too long");
    let status = desk.run(&["status"]).expect(1).out;
    assert!(status.contains("NEEDS YOU  mail has been waiting since"), "{status}");
    let mails = smtp::Server::start_on(Setup::default(), address).await;
    until(&desk, 6, "status = 'sent' AND address <> 'ops@example.org'");
    daemon.logged("Deliveries leave in time again");
    daemon.stop().expect(0);
    let to_desks = mails.messages().iter().filter(|it| it.to != ["ops@example.org"]).count();
    assert_eq!(to_desks, 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_round_ends_though_the_server_is_slower_than_its_retries() {
    let mails = smtp::Server::start(Setup::default()).await;
    for _ in 0..60 {
        mails.next(at(Stage::Greeting, Act::Hang));
    }
    let names: Vec<String> = (0..4).map(|number| format!("\"desk{number}@example.org\"")).collect();
    let (_server, desk) = alarming(mails.address, "").await;
    let main = mail(mails.address).replace("timeout = \"20s\"", "timeout = \"1s\"");
    desk.main(&format!("{FAST}{main}[[route]]\nto = [{}]\n", names.join(", ")));
    let ran = desk.run(&["run", "--once"]).expect(0);
    assert!(ran.out.contains("0 sent, 4 deferred, 0 refused"), "{}", ran.out);
    let one_each = desk.count("deliveries WHERE status = 'queued' AND attempts = 1");
    assert_eq!(one_each, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_a_peer_says_steers_the_terminal() {
    let mails = smtp::Server::start(Setup::default()).await;
    mails.next(at(Stage::Rcpt, Act::Reply("550 5.1.1 \u{1b}[2J\u{7}gone\u{9b}31m".to_owned())));
    let (server, desk) = alarming(mails.address, ROUTE).await;
    let title = format!("\\u001b[31m{BREACH}\\u0007\\u009b2J");
    let json = format!(
        "{{\"version\": \"https://jsonfeed.org/version/1.1\", \"title\": \"\\u001b]0;x\\u0007\", \"items\": [{{\"id\": \
         \"\\u001b[1m\", \"title\": \"{title}\", \"content_text\": \"Shelling\\u001b[5m was heard.\", \"date_published\": \"{}\", \
         \"authors\": [{{\"name\": \"\\u001b[7mA\"}}], \"url\": \"https://news.example.org/\\u001b[31m\"}}]}}",
        super::super::support::desk::now()
    );
    server.set("/feed", Reply::ok("application/feed+json", json));
    server.set("/raw", Reply::raw("HTTP/1.1 500 \u{1b}[31mred\r\ncontent-length: 0\r\n\r\n"));
    server.set("/moved", Reply::redirect(302, "\u{1b}[31m:// nowhere"));
    server.set("/page", Reply::ok("text/\u{1b}[31mhtml", "\u{1b}[31m<nofeed>\u{7}"));
    desk.feeds(["/feed", "/raw", "/moved", "/page"].map(|path| server.url(path)));
    for args in [
        &["run", "--once"][..],
        &["feeds", "list"],
        &["status"],
        &["alerts", "list"],
        &["alerts", "show", "1"],
        &["articles", "search", "ceasefire"],
        &["articles", "show", "1"],
        &["check", "--online"],
    ] {
        let ran = desk.run(args);
        assert!(!matches!(ran.code, None | Some(2)), "{args:?}: {ran:?}");
        let said = format!("{}{}", ran.out, ran.err);
        let steering = said.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(steering, None, "{args:?}: {said:?}");
    }
    assert_eq!(desk.count("deliveries WHERE status = 'failed'"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_password_is_in_no_output_and_no_log() {
    const PASSWORD: &str = "hunter2-quite-secret";
    let account = Some(("alerts".to_owned(), "another-password".to_owned()));
    let mails = smtp::Server::start(Setup { account, ..Setup::default() }).await;
    let (server, desk) = alarming(mails.address, ROUTE).await;
    let main = mail(mails.address).replace("smtp://", "smtp://alerts@");
    let main = main.replace("[mail]\n", "[mail]\npassword_file = \"password\"\n");
    desk.write("password", &format!("{PASSWORD}\n"));
    let secret_feed = |path: &str| {
        let mut url = server.url(path);
        url.set_username("reader").unwrap();
        url.set_password(Some(PASSWORD)).unwrap();
        url
    };
    desk.feeds([secret_feed("/feed"), secret_feed("/missing")]);
    for format in ["text", "json"] {
        desk.main(&format!("{FAST}{main}{ROUTE}[log]\nlevel = \"trace\"\nformat = \"{format}\"\n"));
        if desk.database().exists() {
            desk.change("UPDATE deliveries SET next_attempt_at = 1");
        }
        for args in [
            &["run", "--once"][..],
            &["mail", "test"],
            &["check", "--online"],
            &["check"],
            &["status"],
            &["status", "--json"],
            &["feeds", "list"],
            &["feeds", "list", "--json"],
            &["articles", "search", "ceasefire", "--json"],
            &["alerts", "show", "1", "--json"],
        ] {
            let ran = desk.run(args);
            assert!(!matches!(ran.code, None | Some(2)), "{args:?}: {ran:?}");
            assert!(!ran.out.contains(PASSWORD) && !ran.err.contains(PASSWORD), "{args:?}: {ran:?}");
        }
    }
    assert!(desk.ask::<i64>("SELECT attempts FROM deliveries") >= Some(2), "the account was tried by both");
    let sent = server.requests_to("/feed")[0].text("authorization").unwrap();
    assert!(sent.starts_with("Basic "), "the feed's own server is told");
    let stored = std::fs::read(desk.database()).unwrap();
    assert!(!String::from_utf8_lossy(&stored).contains(PASSWORD));
}
