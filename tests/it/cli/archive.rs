//! `feeds`, `articles`, `alerts`, `status` and `db`: looking at what was done.

use super::super::support::desk::{Desk, FAST, ROUTE, feed, item, mail};
use super::super::support::http::{self, Reply};
use super::super::support::smtp::{self, Setup};

const BREACH: &str = "Army violates ceasefire hours after deal";

/// A desk that has run once: one alarm told, one quiet article, one feed that fails.
async fn worked() -> (http::Server, smtp::Server, Desk) {
    let server = http::Server::start().await;
    let mails = smtp::Server::start(Setup::default()).await;
    let news = item("breach", BREACH, "Shelling was heard in the north.", 0)
        + &item("market", "Market hall reopens after repairs", "Stalls are back under the café roof.", 1);
    server.set("/feed", feed(&news));
    server.set("/broken", Reply::status(503));
    let desk = Desk::new(&format!("{FAST}{}{ROUTE}", mail(mails.address)));
    desk.feeds([server.url("/feed"), server.url("/broken")]);
    desk.run(&["run", "--once"]).expect(0);
    (server, mails, desk)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn articles_are_found_by_the_query_language_and_shown_with_evidence() {
    let (_server, _mails, desk) = worked().await;
    for (query, expected) in [
        ("ceasefire", vec![BREACH]),
        ("title:(violat* NEAR/3 cease-fire)", vec![BREACH]),
        ("cafe", vec!["Market hall reopens after repairs"]),
        ("market OR army", vec!["Market hall reopens after repairs", BREACH]),
        ("army AND NOT ceasefire", vec![]),
        ("hall AND NOT army", vec!["Market hall reopens after repairs"]),
        ("publisher:example.org", vec!["Market hall reopens after repairs", BREACH]),
    ] {
        let found = desk.run(&["articles", "search", query, "--json"]).expect(0).json();
        let mut titles: Vec<_> = found.iter().map(|article| article["title"].as_str().unwrap()).collect();
        let mut expected = expected;
        titles.sort_unstable();
        expected.sort_unstable();
        assert_eq!(titles, expected, "{query}");
    }
    assert_eq!(
        desk.run(&["articles", "search", "market OR army", "--limit", "1"]).expect(0).out.lines().count(),
        1
    );
    let found = desk.run(&["articles", "search", "ceasefire", "--json"]).expect(0).json();
    let id = found[0]["id"].to_string();
    let shown = desk.run(&["articles", "show", &id]).expect(0).out;
    for words in [BREACH, "TRIPS", "ceasefire-breakdown", "a truce is broken", "told in alert 1", "edits 0"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let shown = desk.run(&["articles", "show", &id, "--json"]).expect(0).json();
    assert_eq!(shown[0]["scores"][0]["decision"], "alerted");
    let ran = desk.run(&["articles", "show", "999"]).expect(1);
    assert!(ran.err.contains("no article 999") && ran.err.contains("hint: "), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_query_points_at_its_column() {
    let (_server, _mails, desk) = worked().await;
    for (query, column) in [
        ("army AND (ceasefire", 10),
        ("army AND truce OR ceasefire", 16),
        ("@nothing", 1),
        ("\"never closed", 1),
        ("café NEAR/ x", 6),
    ] {
        let ran = desk.run(&["articles", "search", query]).expect(2);
        assert!(ran.err.contains(&format!("column {column}: ")), "{query}: {}", ran.err);
        let mut lines = ran.err.lines().skip_while(|line| line.trim_start() != query);
        let (shown, caret) = (lines.next().unwrap(), lines.next().unwrap());
        let indent = shown.chars().take_while(|c| *c == ' ').count();
        assert_eq!(caret.chars().position(|c| c == '^'), Some(indent + column - 1), "{query}: {}", ran.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alerts_are_listed_and_shown_with_their_deliveries() {
    let (_server, _mails, desk) = worked().await;
    let listed = desk.run(&["alerts", "list"]).expect(0).out;
    assert!(listed.contains("1 sent") && listed.contains("Ceasefire breakdown"), "{listed}");
    let listed = desk.run(&["alerts", "list", "--json"]).expect(0).json();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["topic"], "ceasefire-breakdown");
    assert_eq!(listed[0]["deliveries"][0]["status"], "sent");
    let shown = desk.run(&["alerts", "show", "1"]).expect(0).out;
    for words in [
        "why: it is the first report",
        "to desk@example.org: sent",
        "a truce is broken",
        "decided by configuration",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let shown = desk.run(&["alerts", "show", "1", "--json"]).expect(0).json();
    assert_eq!(shown[0]["articles"][0]["title"], BREACH);
    let ran = desk.run(&["alerts", "show", "2"]).expect(1);
    assert!(ran.err.contains("no alert 2"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_say_of_articles_and_alerts_is_kept_as_labels() {
    let (_server, _mails, desk) = worked().await;
    let number = |query: &str| {
        desk.run(&["articles", "search", query, "--json"]).expect(0).json()[0]["id"].to_string()
    };
    let (breach, market) = (number("ceasefire"), number("market"));
    let topic = "ceasefire-breakdown";
    let labels = || {
        desk.ask::<String>("SELECT group_concat(article_id || ' ' || topic || ' ' || grade || ' ' || source, ', ') FROM labels")
    };
    let ran = desk.run(&["alerts", "feedback", "1", "useful"]).expect(0);
    assert_eq!(ran.out, "1 article labelled 2 for ceasefire-breakdown\n");
    assert_eq!(labels(), Some(format!("{breach} {topic} 2 feedback")));
    desk.run(&["alerts", "feedback", "1", "noise"]).expect(0);
    assert_eq!(labels(), Some(format!("{breach} {topic} 0 feedback")));
    let ran = desk.run(&["articles", "label", &breach, topic, "2"]).expect(0);
    assert!(ran.out.contains(BREACH), "{}", ran.out);
    // What is said of an article outlives what is said of its alert.
    let ran = desk.run(&["alerts", "feedback", "1", "noise"]).expect(0);
    assert_eq!(ran.out, "0 articles labelled 0 for ceasefire-breakdown; 1 keeps its own label\n");
    desk.run(&["articles", "label", &market, topic, "0"]).expect(0);
    assert_eq!(labels(), Some(format!("{breach} {topic} 2 owner, {market} {topic} 0 owner")));
    let found = desk.run(&["topics", "evaluate", "--stored", "--json"]).expect(0).json();
    assert_eq!(found.len(), 1, "a topic nobody judged has no numbers");
    assert_eq!((&found[0]["items"], &found[0]["positives"]), (&2.into(), &1.into()));
    assert_eq!((&found[0]["precision"], &found[0]["recall"]), (&1.0.into(), &1.0.into()));
    assert_eq!(found[0]["articles_a_day"]["source"], "archive");
    assert_eq!(found[0]["articles_a_day"]["per_day"][0], 1.0);
    let ran = desk.run(&["topics", "learn", topic, "--stored"]).expect(1);
    assert!(ran.out.contains("there are 1 and 1"), "{}", ran.out);
    for (args, code, words) in [
        (["articles", "label", "999", topic, "2"], 1, "no article 999"),
        (["articles", "label", &breach, "drought", "2"], 2, "no topic \"drought\""),
        (["articles", "label", &breach, topic, "3"], 2, "0..=2"),
    ] {
        let ran = desk.run(&args).expect(code);
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
    assert!(desk.run(&["alerts", "feedback", "7", "noise"]).expect(1).err.contains("no alert 7"));
    desk.run(&["alerts", "feedback", "1", "splendid"]).expect(2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn feeds_are_listed_before_and_after_they_were_polled() {
    let (server, _mails, desk) = worked().await;
    desk.feeds([server.url("/feed"), server.url("/broken"), server.url("/new")]);
    let listed = desk.run(&["feeds", "list", "--json"]).expect(0).json();
    let health: Vec<_> = listed.iter().map(|feed| feed["health"].as_str().unwrap()).collect();
    assert_eq!(health, ["ok", "degraded", "new"]);
    assert!(listed[1]["last_outcome"].as_str().unwrap().contains("503"), "{}", listed[1]);
    assert_eq!((&listed[1]["failures"], &listed[0]["failures"]), (&1.into(), &0.into()));
    server.set("/new", Reply::status(429).header("retry-after", "7200"));
    desk.run(&["run", "--once"]).expect(0);
    let listed = desk.run(&["feeds", "list", "--json"]).expect(0).json();
    assert_eq!(listed[2]["next_poll_reason"], "the server asked to wait 2h");
    desk.feeds([server.url("/feed"), server.url("/broken"), server.url("/never")]);
    let text = desk.run(&["feeds", "list"]).expect(0).out;
    assert!(text.contains("2 entries: ") && text.contains("not polled yet"), "{text}");
    let fresh = Desk::new(FAST);
    fresh.feeds(["https://a.example/feed"]);
    assert!(fresh.run(&["feeds", "list"]).expect(0).out.contains("not polled yet"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_ends_with_1_when_something_needs_a_person() {
    let (server, _mails, desk) = worked().await;
    // One failure in a row is weather, and many within minutes are, too.
    let status = desk.run(&["status"]).expect(0).out;
    assert!(
        status.contains("1 ok, 0 failing")
            && status.contains("1 degraded")
            && status.contains("open       incident 1"),
        "{status}"
    );
    assert!(!status.contains("NEEDS YOU"), "{status}");
    for _ in 0..2 {
        desk.make_due();
        desk.run(&["run", "--once"]).expect(0);
    }
    desk.run(&["status"]).expect(0);
    desk.change("UPDATE feeds SET health_since = health_since - 7200000000 WHERE health = 'degraded'");
    desk.make_due();
    desk.run(&["run", "--once"]).expect(0);
    let status = desk.run(&["status"]).expect(1).out;
    assert!(
        status.contains("NEEDS YOU  1 feed is failing") && status.contains("/broken, failing since"),
        "{status}"
    );
    assert!(status.contains("(503)") && status.contains("Next try "), "{status}");
    let status = desk.run(&["status", "--json"]).expect(1).json();
    assert_eq!(status[0]["feeds_failing"][0]["health"], "failing", "{}", status[0]);
    desk.feeds([server.url("/feed")]);
    desk.run(&["status"]).expect(0);
    // Mail that does not get out.
    desk.change(
        "UPDATE deliveries SET status = 'queued', reply = '451 later', finished_at = NULL,
             queued_at = queued_at - 3600000000",
    );
    let status = desk.run(&["status"]).expect(1).out;
    assert!(status.contains("mail has been waiting since") && status.contains("451 later"), "{status}");
    desk.change("UPDATE deliveries SET status = 'sent'");
    desk.run(&["status"]).expect(0);
    // A feed may be late by half its interval, and by a quarter of an hour at least.
    desk.change("UPDATE feeds SET next_due_at = next_due_at - 600000000");
    desk.run(&["status"]).expect(0);
    desk.change("UPDATE feeds SET next_due_at = next_due_at - 1800000000");
    let status = desk.run(&["status"]).expect(1).out;
    assert!(status.contains("NEEDS YOU  1 feed is overdue") && status.contains("/feed"), "{status}");
    assert!(status.contains("0 ok, 0 failing, 1 overdue"), "{status}");
    desk.write("feeds.toml", &format!("[[feed]]\nurl = \"{}\"\ninterval = \"2h\"\n", server.url("/feed")));
    desk.run(&["status"]).expect(0);
    // Nothing was polled for long: the daemon is not running.
    let long_ago = "UPDATE feeds SET next_due_at = next_due_at - 86400000000";
    desk.change(long_ago);
    let status = desk.run(&["status", "--json"]).expect(1).json();
    assert!(status[0]["needs"][0].as_str().unwrap().contains("is wirewatch run alive"), "{}", status[0]);
    assert_eq!(status[0]["feeds_overdue"][0]["url"], server.url("/feed").as_str());
    assert_eq!(status[0]["feeds_ok"], 0);
    let fresh = Desk::new(FAST);
    let ran = fresh.run(&["status"]).expect(1);
    assert!(ran.err.contains("wirewatch run makes it"), "{}", ran.err);
    for args in [&["alerts", "list"][..], &["articles", "search", "x"], &["db", "check"]] {
        assert!(fresh.run(args).expect(1).err.contains("wirewatch run makes it"), "{args:?}");
    }
    assert!(!fresh.database().exists(), "looking makes nothing");
    std::fs::create_dir_all(fresh.data()).unwrap();
    std::fs::write(fresh.database(), "").unwrap();
    for args in [&["status"][..], &["alerts", "list"], &["db", "check"]] {
        let err = fresh.run(args).expect(1).err;
        assert!(
            err.contains("wirewatch run makes it") && !err.contains("wirewatch db check"),
            "{args:?}: {err}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looking_works_while_the_daemon_runs() {
    let (_server, _mails, desk) = worked().await;
    let mut daemon = desk.start();
    daemon.logged("Watching");
    assert!(desk.run(&["db", "check"]).expect(0).out.contains("is sound"));
    desk.run(&["status"]).expect(0);
    desk.run(&["articles", "search", "market"]).expect(0);
    desk.run(&["alerts", "list"]).expect(0);
    daemon.stop().expect(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_that_was_never_polled_needs_a_person_once_the_daemon_had_time() {
    let desk = Desk::new(FAST);
    desk.run(&["run", "--once"]).expect(0);
    desk.feeds(["https://127.0.0.1:1/feed"]);
    assert!(desk.run(&["status"]).expect(0).out.contains("1 not polled yet"));
    let lock = std::fs::File::options().write(true).open(desk.data().join("wirewatch.lock")).unwrap();
    lock.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let status = desk.run(&["status"]).expect(1).out;
    assert!(status.contains("NEEDS YOU  no feed was ever polled"), "{status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_that_no_route_takes_needs_a_person_and_a_refusal_of_last_month_does_not() {
    let server = http::Server::start().await;
    server.set("/feed", feed(&item("breach", BREACH, "Shelling was heard.", 0)));
    let desk = Desk::new(FAST);
    desk.feeds([server.url("/feed")]);
    let ran = desk.run(&["run", "--once"]).expect(0);
    assert!(
        ran.out.starts_with("1 feed polled, 0 failed; 1 new article; 1 alert; mail: 0 sent"),
        "{}",
        ran.out
    );
    let status = desk.run(&["status"]).expect(1).out;
    assert!(status.contains("NEEDS YOU  1 alert in 24 h told nobody"), "{status}");
    let refused = "INSERT INTO deliveries (alert_id, address, status, next_attempt_at, finished_at)
                   SELECT id, 'gone@example.org', 'failed', at, at FROM alerts";
    desk.change(refused);
    let status = desk.run(&["status"]).expect(1).out;
    assert!(status.contains("NEEDS YOU  1 mail was refused") && !status.contains("told nobody"), "{status}");
    desk.change("UPDATE deliveries SET finished_at = finished_at - 30 * 86400000000");
    let status = desk.run(&["status"]).expect(0).out;
    assert!(status.contains("1 refused in all"), "{status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_mended_in_a_document_is_shown_with_its_feed() {
    let server = http::Server::start().await;
    server.set("/feed", feed(&item("fish", "Fish & chips shop turns 100", "Queues.", 1)));
    let desk = Desk::new(FAST);
    desk.feeds([server.url("/feed")]);
    desk.run(&["run", "--once"]).expect(0);
    let text = desk.run(&["feeds", "list"]).expect(0).out;
    assert!(text.contains("mended in its last document: "), "{text}");
    let listed = desk.run(&["feeds", "list", "--json"]).expect(0).json();
    assert!(!listed[0]["problems"].as_array().unwrap().is_empty(), "{}", listed[0]);
    assert!(text.contains(listed[0]["problems"][0].as_str().unwrap()), "{text}");
}
