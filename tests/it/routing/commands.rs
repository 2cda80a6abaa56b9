//! `routes`, `alerts ack` and `alerts silence`, and what `replay` says of mails that wait.
#![allow(clippy::similar_names, reason = "a test and its text")]

use serde_json::Value;

use crate::support::desk::{Desk, FAST, eventually, feed, item, mail};
use crate::support::http;
use crate::support::smtp::{self, Setup};

const BREACH: &str = "Army violates ceasefire hours after deal";

const ROUTES: &str = r#"
[[route]]
to = ["desk@example.org", "night@example.org"]
severities = ["critical", "warning"]
time_zone = "Africa/Khartoum"
quiet_hours = "22:00-06:00"
escalate_to = ["chief@example.org"]
[[route]]
to = ["night@example.org", "digest@example.org"]
mode = "daily"
at = "07:00"
time_zone = "Africa/Khartoum"
[[route]]
to = ["yemen@example.org"]
places = ["YE"]
"#;

#[test]
fn routes_are_listed_as_they_are_meant() {
    let desk = Desk::new(ROUTES);
    let text = desk.run(&["routes", "list"]).expect(0).out;
    for words in [
        "route 1  to desk@example.org, night@example.org",
        "what: topics *; critical, warning",
        "when: at once; quiet 22:00-06:00 Africa/Khartoum unless critical; at most 10 mails an hour",
        "critical and not acknowledged in 15m: chief@example.org",
        "when: daily at 07:00, Africa/Khartoum",
        "places YE",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    let routes = desk.run(&["routes", "list", "--json"]).expect(0).json();
    assert_eq!((routes.len(), &routes[1]["time_zone"]), (3, &Value::from("Africa/Khartoum")));
}

#[test]
fn a_test_says_who_gets_what_when_and_why_others_do_not() {
    let desk = Desk::new(ROUTES);
    let test = |more: &[&str]| {
        let base = ["routes", "test", "--topic", "ceasefire-breakdown", "--place", "SD"];
        desk.run(&[&base, more].concat())
    };
    let text = test(&["--severity", "warning", "--score", "0.97", "--at", "Sun 03:00"]).expect(0).out;
    for words in [
        "03:00 Africa/Khartoum (01:00Z)",
        "desk@example.org: held in quiet hours, 22:00-06:00, until ",
        "06:00 Africa/Khartoum (04:00Z) (route[1].quiet_hours)",
        "night@example.org: by route 1, which tells first",
        "digest@example.org: held for the daily digest of ",
        "route 3  not taken: it is for the places YE (places)",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    let text = test(&["--publishers", "3", "--at", "2026-03-01T01:00:00Z"]).expect(0).out;
    assert!(text.contains("desk@example.org: at once"), "{text}");
    assert!(
        text.contains("chief@example.org: at 2026-03-01 03:15 Africa/Khartoum (01:15Z), unless"),
        "{text}"
    );
    let text = test(&["--score", "0.1"]).expect(0).out;
    assert!(text.contains("but: an article with a score of 0.10 does not trip this topic"), "{text}");
    let json = test(&["--kind", "all-clear", "--json", "--at", "2026-03-01T01:00:00Z"]).expect(0).json();
    assert_eq!(json[0]["told"].as_array().unwrap().len(), 0);
    assert_eq!(json[0]["not_taken"].as_array().unwrap().len(), 3);
    assert!(json[0]["not_taken"][0]["reason"].as_str().unwrap().contains("all_clear"));
    let json = test(&["--json", "--at", "2026-03-01T01:00:00Z"]).expect(0).json();
    assert_eq!(json[0]["told"][0]["decision"], "told");
    assert_eq!(json[0]["told"][2]["at"], "2026-03-01T05:00:00Z");
    assert_eq!(json[0]["unless_acknowledged"][0]["at"], "2026-03-01T01:15:00Z");
    assert!(!desk.data().exists(), "nothing is made");
    for (more, words) in [
        (&["--at", "Someday 03:00"][..], "'Sun 03:00'"),
        (&["--time-zone", "Khartoum"], "Africa/Khartoum"),
        (&["--place", "UK"], "is not a country code"),
    ] {
        let base = ["routes", "test", "--topic", "ceasefire-breakdown"];
        let ran = desk.run(&[&base, more].concat()).expect(2);
        assert!(ran.err.contains(words), "{words}\n{}", ran.err);
    }
    let ran = desk.run(&["routes", "test", "--topic", "nonsense"]).expect(2);
    assert!(ran.err.contains("there is no topic `nonsense`"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silences_and_acknowledgements_work_beside_a_running_daemon() {
    let server = http::Server::start().await;
    let mails = smtp::Server::start(Setup::default()).await;
    let calm = item("calm", "Market hall reopens after repairs", "Stalls are back.", 1);
    server.set("/feed", feed(&calm));
    let route = "[[route]]\nto = [\"desk@example.org\"]\nescalate_to = [\"chief@example.org\"]\n";
    let desk = Desk::new(&format!("{FAST}{}{route}", mail(mails.address)));
    desk.feeds([server.url("/feed")]);
    let running = desk.start();
    eventually("the feed is known", || {
        desk.ask::<i64>("SELECT count(*) FROM feeds WHERE first_success_at IS NOT NULL")
            .filter(|count| *count == 1)
    });
    let breach = item("breach", BREACH, "Shelling was heard in the north.", 0);
    server.set("/feed", feed(&(calm.clone() + &breach)));
    eventually("it is mailed", || {
        desk.ask::<i64>("SELECT count(*) FROM deliveries WHERE status = 'sent'").filter(|count| *count == 1)
    });
    assert_eq!(desk.count("reminders"), 1);
    let said = desk.run(&["alerts", "ack", "1", "--by", "anna", "--comment", "on it"]).expect(0).out;
    assert_eq!(said.trim(), "incident 1 acknowledged by anna; not told any more: chief@example.org");
    assert_eq!(desk.count("reminders"), 0);
    assert!(desk.run(&["alerts", "list"]).expect(0).out.contains("(ack anna)"));
    let shown = desk.run(&["alerts", "show", "1"]).expect(0).out;
    for words in [
        "told at once by route 1 (told)",
        "acknowledged by anna at ",
        "chief@example.org: not told: acknowledged by anna",
    ] {
        assert!(shown.contains(words), "{words}\n{shown}");
    }

    let base = ["alerts", "silence", "--topic", "ceasefire-*", "--by", "ben", "--comment", "exercise"];
    let made = desk.run(&[&base[..], &["--for", "6h", "--place", "YE"]].concat()).expect(0).out;
    assert!(made.contains("topic ceasefire-*, place YE  by ben: exercise"), "{made}");
    let text = "Residents of the Red Sea port report artillery fire near the grain silos.";
    let yemen = item("yemen", "Truce collapses as shelling resumes in Hodeidah, Yemen", text, 0);
    server.set("/feed", feed(&(calm + &breach + &yemen)));
    eventually("it is held", || desk.ask::<i64>("SELECT count(*) FROM holds").filter(|count| *count == 1));
    let listed = desk.run(&["alerts", "silence", "--list", "--json"]).expect(0).json();
    assert_eq!((listed.len(), &listed[0]["by"]), (1, &Value::from("ben")));
    assert!(desk.run(&["status"]).out.contains("held       1 alert, the next told at "));
    desk.change("INSERT INTO unsubscriptions (address, topic, at) VALUES ('Desk@example.org', 'ceasefire-breakdown', 1)");
    let tested = desk.run(&["routes", "test", "--topic", "ceasefire-breakdown"]).expect(0).out;
    assert!(
        tested.contains("desk@example.org: not told: this address unsubscribed from the topic"),
        "{tested}"
    );
    assert!(tested.contains("chief@example.org: at "), "somebody else is asked: {tested}");
    desk.change("DELETE FROM unsubscriptions");
    let ended = desk.run(&["alerts", "silence", "--end", "1", "--by", "ben"]).expect(0).out;
    assert!(ended.starts_with("silence 1 ended; 1 alert it held"), "{ended}");
    running.signal("TERM");
    running.ended().expect(0);
    desk.run(&["run", "--once"]).expect(0);
    assert_eq!(desk.count("deliveries WHERE status = 'sent'"), 2);
    assert_eq!(desk.count("holds"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silence_that_cannot_be_is_refused_with_a_hint() {
    let desk = Desk::new("[[route]]\nto = [\"desk@example.org\"]\n");
    desk.run(&["run", "--once"]).expect(0);
    for (arguments, words) in [
        (&["--topic", "aid-blockage", "--for", "6h", "--by", "a"][..], "it needs a comment"),
        (&["--topic", "aid-blockage", "--for", "91d", "--by", "a", "--comment", "x"], "longer than 90 days"),
        (&["--topic", "aid-blockage", "--by", "a", "--comment", "x"], "a silence must end"),
        (&["--for", "6h", "--by", "a", "--comment", "x"], "neither a topic nor a place nor a publisher"),
        (
            &["--topic", "aid-blockag", "--for", "6h", "--by", "a", "--comment", "x"],
            "`aid-blockag` matches no topic",
        ),
        (&["--place", "Sudan", "--for", "6h", "--by", "a", "--comment", "x"], "is not a country code"),
        (
            &["--topic", "aid-blockage", "--until", "2020-01-01T00:00:00Z", "--by", "a", "--comment", "x"],
            "before it begins",
        ),
        (&["--topic", "aid-blockage", "--for", "6", "--by", "a", "--comment", "x"], "has no unit of time"),
        (
            &["--topic", "aid-blockage", "--for", "6h", "--until", "2030-01-01T00:00:00Z"],
            "cannot be used with",
        ),
        (&["--list", "--end", "1"], "cannot be used with"),
    ] {
        let ran = desk.run(&[&["alerts", "silence"], arguments].concat()).expect(2);
        assert!(ran.err.contains(words), "{words}\n{}", ran.err);
    }
    assert!(
        desk.run(&["alerts", "silence", "--end", "7", "--by", "a"]).expect(1).err.contains("no silence 7")
    );
    assert!(desk.run(&["alerts", "ack", "7", "--by", "a"]).expect(1).err.contains("there is no alert 7"));
    assert!(desk.run(&["alerts", "silence", "--list"]).expect(0).out.contains("no silence is in force"));
}

#[test]
fn replay_tells_what_waits_and_why() {
    let desk = Desk::new("[[route]]\nto = [\"desk@example.org\"]\nmode = \"hourly\"\n");
    let line = |id: &str, time: &str, title: &str| {
        format!(
            "{{\"id\": \"{id}\", \"feed\": \"https://one.example/feed\", \"url\": \"https://one.example/{id}\", \
             \"title\": \"{title}\", \"published\": \"{time}\", \"seen\": \"{time}\"}}\n"
        )
    };
    let text = line("calm", "2026-03-01T10:00:00Z", "Market hall reopens after repairs")
        + &line("sudan", "2026-03-01T12:05:00Z", "Army violates ceasefire in Sudan hours after deal")
        + &line("yemen", "2026-03-01T12:25:00Z", "Rebels violate ceasefire in Yemen within hours of signing")
        + &line("end", "2026-03-01T15:00:00Z", "Ferry timetable changes");
    let file = desk.file("day.jsonl", text);
    let lines = desk.run(&["replay", "--json", file.to_str().unwrap()]).expect(0).json();
    let of = |kind: &str| lines.iter().filter(|line| line["type"] == kind).collect::<Vec<_>>();
    assert_eq!(of("alert").len(), 2);
    assert!(of("alert").iter().all(|alert| alert["to"].as_array().unwrap().is_empty()));
    let mails = of("mail");
    assert_eq!(
        (mails.len(), &mails[0]["at"], &mails[0]["kind"]),
        (1, &Value::from("2026-03-01T13:00:00Z"), &Value::from("digest"))
    );
    assert_eq!(lines.last().unwrap()["suppressed"]["held-digest"], 2);
    let text = desk.run(&["replay", file.to_str().unwrap()]).expect(0).out;
    assert!(text.contains("2026-03-01 13:00Z  2 held  [Digest] 2 alerts"), "{text}");
    assert!(text.contains("not told at once: 2 held-digest"), "{text}");
}
