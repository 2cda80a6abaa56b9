//! The record of decisions: the audit log and its seals, `alerts show`, filters, exports.

use std::time::Duration;

use rusqlite::Connection;
use sha2::{Digest, Sha256};
use wirewatch::audit::{Act, Event, Fault};
use wirewatch::feed::schedule::after;

use super::super::support::desk::{Desk, FAST, feed, item, mail};
use super::super::support::http::{self, Reply};
use super::super::support::lab::{Lab, entry, hour};
use super::super::support::smtp::{self, Setup};

const BREACH: &str = "Army violates ceasefire hours after deal";

/// A desk that has run once: an alarm told to an address that a spreadsheet would take for a formula, an old one withheld.
async fn worked() -> (http::Server, smtp::Server, Desk) {
    let server = http::Server::start().await;
    let mails = smtp::Server::start(Setup::default()).await;
    let news = item("breach", BREACH, "Shelling was heard in the north of Sudan.", 0)
        + &item("old", "Truce collapses as shelling resumes in Sudan", "It was days ago.", 100);
    server.set("/feed", feed(&news));
    let route = "[[route]]\nto = [\"+desk@example.org\"]\n";
    let desk = Desk::new(&format!("{FAST}{}{route}", mail(mails.address)));
    desk.feeds([server.url("/feed")]);
    desk.run(&["run", "--once"]).expect(0);
    (server, mails, desk)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_decision_leaves_a_record_that_is_small_and_sealed() {
    let (_server, _mails, desk) = worked().await;
    desk.run(&["alerts", "feedback", "1", "useful"]).expect(0);
    desk.run(&["articles", "label", "2", "ceasefire-breakdown", "0"]).expect(0);
    let records = desk.run(&["db", "audit", "--json"]).expect(0).json();
    let of = |kind: &str| records.iter().filter(|line| line["type"] == kind).collect::<Vec<_>>();
    assert_eq!(of("configuration").len(), 1, "{records:?}");
    let told = of("told")[0];
    assert_eq!((&told["alert"], &told["kind"], &told["place"]), (&1.into(), &"first".into(), &"SD".into()));
    assert_eq!(told["to"][0], "+desk@example.org");
    let hash = of("configuration")[0]["hash"].as_str().unwrap();
    assert!(told["configuration"].as_str().unwrap().starts_with(hash), "{told}");
    assert_eq!(of("withheld")[0]["decision"], "baseline", "{records:?}");
    let sent = of("delivery")[0];
    assert_eq!((&sent["status"], &sent["alert"]), (&"sent".into(), &1.into()));
    assert!(sent["reply"].as_str().unwrap().contains("250"), "{sent}");
    let judged: Vec<_> =
        of("judged").iter().map(|line| (line["source"].clone(), line["grade"].clone())).collect();
    assert_eq!(judged, [("feedback".into(), 2.into()), ("owner".into(), 0.into())]);
    // The same configuration comes into force once.
    desk.run(&["run", "--once"]).expect(0);
    assert_eq!(desk.count("audit WHERE kind = 'configuration'"), 1);
    desk.write("feeds.toml", "");
    desk.run(&["run", "--once"]).expect(0);
    assert_eq!(desk.count("audit WHERE kind = 'configuration'"), 2);
    assert!(desk.ask::<i64>("SELECT max(length(about)) FROM audit").unwrap() < 700);
    let stats = desk.run(&["db", "stats", "--json"]).expect(0).json();
    let table =
        stats[0]["tables"].as_array().unwrap().iter().find(|table| table["table"] == "audit").unwrap();
    assert_eq!(table["rows"], desk.count("audit"));
    assert!(table["bytes"].as_u64().unwrap() > 0);
    assert!(desk.run(&["db", "stats"]).expect(0).out.contains("audit "));
    let text = desk.run(&["db", "audit", "--since", "1h"]).expect(0).out;
    assert!(text.contains("withheld") && text.contains("decision baseline"), "{text}");
    assert_eq!(desk.run(&["db", "audit", "--since", "2099-01-01"]).expect(0).out, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_is_changed_or_taken_out_is_found() {
    let (_server, _mails, desk) = worked().await;
    let sound = desk.run(&["db", "check"]).expect(0).out;
    let last = desk.count("audit");
    assert!(last >= 4 && sound.contains(&format!("the last is {last} with the seal ")), "{sound}");
    // The seal is what the documents say it is.
    let connection = Connection::open(desk.database()).unwrap();
    let mut statement = connection
        .prepare("SELECT id, at, kind, alert_id, article_id, topic, about, seal FROM audit ORDER BY id")
        .unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut previous = vec![0_u8; 32];
    while let Some(row) = rows.next().unwrap() {
        let text = serde_json::json!([
            row.get::<_, i64>(0).unwrap(),
            row.get::<_, i64>(1).unwrap(),
            row.get::<_, String>(2).unwrap(),
            row.get::<_, Option<i64>>(3).unwrap(),
            row.get::<_, Option<i64>>(4).unwrap(),
            row.get::<_, Option<String>>(5).unwrap(),
            row.get::<_, String>(6).unwrap(),
        ]);
        let seal = Sha256::new().chain_update(&previous).chain_update(text.to_string()).finalize().to_vec();
        assert_eq!(row.get::<_, Vec<u8>>(7).unwrap(), seal);
        previous = seal;
    }
    drop(rows);
    drop(statement);
    for refused in [
        "UPDATE audit SET about = '{}' WHERE id = 2",
        "DELETE FROM audit WHERE id = 2",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit SELECT id, at, kind, alert_id, article_id, topic, '{}', seal FROM audit WHERE id = 2",
    ] {
        let error = connection.execute(refused, []).unwrap_err().to_string();
        assert!(error.contains("only ever added to"), "{refused}: {error}");
    }
    // Who takes the triggers away is found out.
    connection
        .execute_batch(
            "DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_cut; DROP TRIGGER audit_is_not_replaced;
             CREATE TABLE kept AS SELECT * FROM audit",
        )
        .unwrap();
    let restore = "DELETE FROM audit; INSERT INTO audit SELECT * FROM kept";
    let end = format!("DELETE FROM audit WHERE id = {last}");
    for (tampering, fault) in [
        (
            "UPDATE audit SET about = replace(about, 'baseline', 'alerted') WHERE kind = 'withheld'",
            "does not follow",
        ),
        ("UPDATE audit SET at = at - 1 WHERE id = 3", "record 3 of the audit log does not follow"),
        ("UPDATE audit SET topic = 'x' WHERE id = 1", "record 1 of the audit log does not follow"),
        ("DELETE FROM audit WHERE id = 2", "record 2 of the audit log is missing"),
        ("DELETE FROM audit WHERE id <= 2", "records 1 to 2 of the audit log are missing"),
        (&end, "of the audit log is missing"),
        ("DELETE FROM audit", "records 1 to "),
    ] {
        connection.execute_batch(tampering).unwrap();
        let ran = desk.run(&["db", "check"]).expect(1);
        assert!(
            ran.out.contains(fault) && ran.out.contains("changed outside wirewatch"),
            "{tampering}: {}",
            ran.out
        );
        connection.execute_batch(restore).unwrap();
        desk.run(&["db", "check"]).expect(0);
    }
}

#[test]
fn what_was_cut_off_the_end_stays_missing_when_the_log_goes_on() {
    let mut lab = Lab::new();
    let note = |lab: &mut Lab, hours: u64| {
        let note = format!("note {hours}");
        let event = Event::FollowUp { act: Act::Acknowledged, alert: None, by: "desk", note: &note };
        lab.within(|tx| tx.audit(&event, hour(hours)));
    };
    for hours in 1..7 {
        note(&mut lab, hours);
    }
    let connection = Connection::open(lab.writer.path()).unwrap();
    connection.execute_batch("DROP TRIGGER audit_is_not_cut; DELETE FROM audit WHERE id > 4").unwrap();
    let cut = [Fault::Missing { from: 5, to: 6 }];
    assert_eq!(lab.reader().check_audit().unwrap().faults, cut);
    for hours in 7..12 {
        note(&mut lab, hours);
        assert_eq!(lab.reader().check_audit().unwrap().faults, cut, "after {hours}");
    }
    // All of it, too.
    connection.execute_batch("DELETE FROM audit").unwrap();
    note(&mut lab, 12);
    assert_eq!(lab.reader().check_audit().unwrap().faults, [Fault::Missing { from: 1, to: 11 }]);
}

#[test]
fn old_records_go_only_with_a_record_of_it() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    for hours in 1..6 {
        lab.within(|tx| {
            let note = format!("note {hours}");
            tx.audit(
                &Event::FollowUp { act: Act::Acknowledged, alert: None, by: "desk", note: &note },
                hour(hours),
            )
        });
    }
    let before = lab.reader().check_audit().unwrap();
    assert_eq!(lab.within(|tx| tx.prune_audit(hour(0), hour(9))), 0, "nothing is that old");
    assert_eq!(lab.reader().check_audit().unwrap(), before);
    assert_eq!(lab.within(|tx| tx.prune_audit(hour(4), hour(9))), 3);
    let checked = lab.reader().check_audit().unwrap();
    assert_eq!((checked.count, checked.fault_count), (before.count - 3 + 1, 0), "{checked:?}");
    let records = lab.reader().audit_after(0, hour(0)).unwrap();
    let kinds: Vec<&str> = records.iter().map(|record| record.kind.as_str()).collect();
    assert_eq!(kinds, ["follow-up", "follow-up", "pruned"]);
    let details = records[2].details();
    assert_eq!((&details["through"], &details["count"]), (&3.into(), &3.into()));
    // It goes on, is pruned again, and what a prune does not name cannot be taken.
    lab.within(|tx| tx.audit(&Event::Configuration { hash: 7, version: "1" }, hour(10)));
    assert_eq!(lab.within(|tx| tx.prune_audit(hour(10), after(hour(10), Duration::from_mins(1)))), 3);
    assert_eq!(lab.reader().check_audit().unwrap().fault_count, 0);
    let connection = Connection::open(lab.writer.path()).unwrap();
    let first: i64 = connection.query_row("SELECT min(id) FROM audit", [], |row| row.get(0)).unwrap();
    assert!(connection.execute("DELETE FROM audit WHERE id = ?1", [first]).is_err());
    connection
        .execute_batch(&format!("DROP TRIGGER audit_is_not_cut; DELETE FROM audit WHERE id = {first}"))
        .unwrap();
    let faults = lab.reader().check_audit().unwrap().faults;
    assert_eq!(faults, [Fault::Missing { from: 1, to: first }]);
}

#[test]
fn a_delivery_that_waits_for_a_day_does_not_fill_the_log() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    lab.poll(0, hour(1), &[entry("alarm", "Truce broken in the north", hour(1))]);
    for attempt in 0..20 {
        let at = hour(2 + attempt);
        for claimed in lab.claim(at) {
            lab.within(|tx| {
                tx.finish_delivery(claimed.id, wirewatch::delivery::Status::Queued, "451 later", at, at)?;
                tx.audit_delivery(claimed.id, at)
            });
        }
    }
    for claimed in lab.claim(hour(30)) {
        lab.within(|tx| {
            tx.finish_delivery(claimed.id, wirewatch::delivery::Status::Sent, "250 ok", hour(30), hour(30))?;
            tx.audit_delivery(claimed.id, hour(30))
        });
    }
    let records = lab.reader().audit_of_alert(1).unwrap();
    let words: Vec<String> = records
        .iter()
        .filter(|record| record.kind == "delivery")
        .map(|record| {
            format!("{} {}", record.details()["status"].as_str().unwrap(), record.details()["attempts"])
        })
        .collect();
    assert_eq!(words, ["queued 1", "queued 1", "sent 21", "sent 21"], "of two addresses");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn show_tells_the_whole_story_of_an_alert() {
    let (server, _mails, desk) = worked().await;
    let more = item("breach", BREACH, "Shelling was heard in the north of Sudan.", 0)
        + &item(
            "next",
            "Convoy ambushed near Kassala in breach of ceasefire, Sudan monitors say",
            "Three lorries burned on the eastern road of Sudan.",
            0,
        );
    server.set("/feed", feed(&more));
    desk.make_due();
    desk.run(&["run", "--once"]).expect(0);
    desk.run(&["alerts", "feedback", "1", "useful"]).expect(0);
    let shown = desk.run(&["alerts", "show", "1"]).expect(0).out;
    for words in [
        "why: it is the first report",
        "decided by configuration",
        "to +desk@example.org: sent",
        "Incident 1: ceasefire-breakdown at SD, open",
        "alert 1 (this one), first: ",
        "story 1: ",
        "a truce is broken: ",
        "told in alert 1; judged right",
        "Convoy ambushed near Kassala in breach",
        "Not told in this incident: 1 update-held",
        "The mail",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let shown = desk.run(&["alerts", "show", "1", "--json"]).expect(0).json();
    let incident = &shown[0]["incident"];
    assert_eq!(incident["articles"], 2, "{incident}");
    assert_eq!(incident["withheld"][0][0], "update-held", "{incident}");
    let history = &incident["history"];
    assert_eq!((&history[0]["to"], &history[1]["alert"]), (&"open".into(), &1.into()), "{incident}");
    let kinds: Vec<_> =
        shown[0]["records"].as_array().unwrap().iter().map(|line| line["type"].clone()).collect();
    assert_eq!(kinds, ["told", "delivery"]);
    let by_incident = desk.run(&["alerts", "show", "--incident", "1", "--json"]).expect(0).json();
    assert_eq!(by_incident, shown);
    assert!(desk.run(&["alerts", "show", "--incident", "9"]).expect(1).err.contains("no incident 9"));
    desk.run(&["alerts", "show"]).expect(2);
    desk.run(&["alerts", "show", "1", "--incident", "1"]).expect(2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alerts_are_filtered_and_exported_without_formulas() {
    let (server, _mails, desk) = worked().await;
    server.set("/feed", Reply::status(503));
    let count =
        |args: &[&str]| desk.run(&[&["alerts", "list", "--json"], args].concat()).expect(0).json().len();
    for (args, expected) in [
        (&[][..], 1),
        (&["--topic", "ceasefire-*"], 1),
        (&["--topic", "aid-*"], 0),
        (&["--topic", "[c]easefire-breakdown"], 0),
        (&["--place", "sd"], 1),
        (&["--place", "ZZ"], 0),
        (&["--kind", "first"], 1),
        (&["--kind", "update"], 0),
        (&["--since", "1h"], 1),
        (&["--since", "2099-01-01"], 0),
        (&["--topic", "*", "--place", "SD", "--kind", "first", "--since", "2020-01-01T00:00:00Z"], 1),
    ] {
        assert_eq!(count(args), expected, "{args:?}");
    }
    for (args, words) in [
        (&["--place", "Sudan"][..], "two letters"),
        (&["--kind", "second"], "kinds are: first, update"),
        (&["--since", "yesterday"], "how long ago"),
        (&["--json", "--csv"], "cannot be used with"),
    ] {
        let ran = desk.run(&[&["alerts", "list"], args].concat()).expect(2);
        assert!(ran.err.contains(words), "{args:?}: {}", ran.err);
    }
    desk.change(
        "UPDATE alerts SET subject = '=HYPERLINK(\"http://evil.example\",\"a\"), \"quoted\"' || char(10) || 'second line';
         UPDATE deliveries SET reply = '@SUM(1)'",
    );
    let sheet = desk.run(&["alerts", "export", "--csv"]).expect(0).out;
    let mut rows = csv::Reader::from_reader(sheet.as_bytes());
    let head = rows.headers().unwrap().clone();
    let row = rows.records().next().unwrap().unwrap();
    let cell = |name: &str| row.get(head.iter().position(|column| column == name).unwrap()).unwrap();
    assert_eq!(cell("to"), "'+desk@example.org");
    assert_eq!(cell("reply"), "'@SUM(1)");
    assert_eq!(cell("subject"), "'=HYPERLINK(\"http://evil.example\",\"a\"), \"quoted\"\nsecond line");
    assert_eq!((cell("alert"), cell("status"), cell("place")), ("1", "sent", "SD"));
    for cell in &row {
        assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
    }
    assert_eq!(desk.run(&["alerts", "list", "--csv"]).expect(0).out, sheet);
    let exported = desk.run(&["alerts", "export", "--since", "1d", "--json"]).expect(0).json();
    assert_eq!(exported[0]["deliveries"][0]["to"], "+desk@example.org");
    let sheet = desk.run(&["db", "audit", "--csv"]).expect(0).out;
    assert!(sheet.starts_with("record,at,type,alert,article,topic,about\n1,"), "{sheet}");
}
