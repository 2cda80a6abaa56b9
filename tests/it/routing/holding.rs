//! What must wait, on a real database under a moved clock: digests, quiet hours, limits; restarts, clock jumps, new routes.

use std::fs;

use wirewatch::alert::Kind;

use super::{at, breach, decided, harvest, lab, mails};
use crate::support::http::Reply;
use crate::support::lab::{entry, hour};
use crate::support::watch::{Watch, rss};

const HOURLY: &str = "[[route]]\nto = [\"desk@example.org\"]\nmode = \"hourly\"\n";

#[test]
fn an_hours_alerts_come_in_one_mail_at_the_full_hour() {
    let mut lab = lab(HOURLY);
    let first = lab
        .poll(0, at("2026-03-01T12:05:00Z"), &[breach("Sudan", at("2026-03-01T12:05:00Z"))])
        .alerts
        .remove(0);
    assert!(first.to.is_empty());
    assert_eq!(first.held, [("desk@example.org".to_owned(), at("2026-03-01T13:00:00Z"))]);
    let second = lab
        .poll(1, at("2026-03-01T12:40:00Z"), &[harvest("Yemen", at("2026-03-01T12:40:00Z"))])
        .alerts
        .remove(0);
    assert!(mails(&mut lab, at("2026-03-01T12:59:00Z")).is_empty());
    assert!(lab.elapse(at("2026-03-01T12:59:59Z")).released.is_empty());
    let released = lab.elapse_until(at("2026-03-01T13:30:00Z")).released;
    assert_eq!(released.len(), 1);
    assert_eq!(released[0].at, at("2026-03-01T13:00:00Z"));
    assert_eq!(released[0].alerts, [first.id, second.id]);
    let claimed = lab.claim(at("2026-03-01T13:30:00Z"));
    assert_eq!(claimed.len(), 1, "one mail");
    assert_eq!(Some(claimed[0].alert), released[0].digest);
    let mail = &claimed[0].rendered;
    assert_eq!(mail.subject, "[Digest] 2 alerts, 1 critical: Broken truce in Sudan, Lost harvest in Yemen");
    for part in [&mail.text, &mail.html] {
        for words in [
            "Truce broken in Sudan as shells fall on Sudan",
            "Harvest lost in Yemen after floods",
            "2026-03-01 12:05 UTC",
            "incident 1",
            "your route gathers alerts into a digest",
        ] {
            assert!(part.contains(words), "{words}:\n{part}");
        }
        assert!(!part.contains("LATE"), "a digest that comes at its time is not late");
    }
    let digest = claimed[0].alert.0;
    let stored = lab.reader().alert(digest).unwrap().unwrap().0;
    assert_eq!((stored.kind.as_str(), stored.severity.as_str(), stored.topic), ("digest", "critical", None));
    assert_eq!(lab.reader().digested(digest).unwrap(), [first.id.0, second.id.0]);
    let decided = decided(&lab, first.id.0);
    let words: Vec<&str> = decided.iter().map(|(_, word)| word.as_str()).collect();
    assert_eq!(words, ["held-digest", "told-late"]);
    assert!(lab.elapse_until(at("2026-03-03T00:00:00Z")).released.is_empty(), "and never again");
    assert_eq!(lab.reader().overview(at("2026-03-01T14:00:00Z")).unwrap().untold_last_day, 0);
}

#[test]
fn a_digest_of_one_is_that_alerts_own_mail() {
    let mut lab = lab(HOURLY);
    let only = lab
        .poll(0, at("2026-03-01T12:05:00Z"), &[breach("Sudan", at("2026-03-01T12:05:00Z"))])
        .alerts
        .remove(0);
    let released = lab.elapse_until(at("2026-03-01T13:00:00Z")).released;
    assert_eq!((released[0].digest, released[0].subject.as_str()), (None, only.subject.as_str()));
    let claimed = lab.claim(at("2026-03-01T13:00:00Z"));
    assert_eq!((claimed.len(), claimed[0].alert), (1, only.id));
    assert!(!claimed[0].rendered.text.contains("LATE"), "it came when it was to come");
}

#[test]
fn quiet_hours_hold_what_is_not_grave_and_say_that_it_is_late() {
    let mut lab = lab(
        "[[route]]\nto = [\"desk@example.org\"]\ntime_zone = \"Africa/Khartoum\"\nquiet_hours = \"22:00-06:00\"\n",
    );
    // 23:30 and later in Khartoum.
    let night = at("2026-03-01T21:30:00Z");
    lab.poll(0, night, &[harvest("Sudan", night)]);
    assert!(mails(&mut lab, night).is_empty());
    let grave = lab.poll(0, at("2026-03-01T22:00:00Z"), &[breach("Sudan", at("2026-03-01T22:00:00Z"))]);
    assert_eq!(grave.alerts[0].to, ["desk@example.org"]);
    assert_eq!(mails(&mut lab, at("2026-03-01T22:00:00Z")).len(), 1, "what is critical wakes people");
    let released = lab.elapse_until(at("2026-03-02T12:00:00Z")).released;
    assert_eq!(released.len(), 1);
    assert_eq!(released[0].at, at("2026-03-02T04:00:00Z"), "06:00 in Khartoum");
    let claimed = lab.claim(at("2026-03-02T12:00:00Z"));
    let text = &claimed[0].rendered.text;
    assert!(text.starts_with("LATE: decided at 2026-03-01 21:30 UTC and held in quiet hours."), "{text}");
    assert!(claimed[0].rendered.html.contains("LATE: decided at 2026-03-01 21:30 UTC"));
    // Two of a night come together.
    for (country, clock) in [("Yemen", "2026-03-02T20:30:00Z"), ("Mali", "2026-03-03T01:30:00Z")] {
        lab.poll(0, at(clock), &[harvest(country, at(clock))]);
    }
    let released = lab.elapse_until(at("2026-03-03T12:00:00Z")).released;
    assert_eq!((released.len(), released[0].alerts.len()), (1, 2));
    let subject = &mails(&mut lab, at("2026-03-03T12:00:00Z"))[0].1;
    assert_eq!(subject, "[After quiet hours] 2 alerts: Lost harvest in Yemen, Lost harvest in Mali");
}

const COUNTRIES: [&str; 7] = ["Sudan", "Yemen", "Mali", "Syria", "Haiti", "Ukraine", "Ethiopia"];

#[test]
fn what_exceeds_the_limit_comes_in_one_summary() {
    let mut lab = lab("[[route]]\nto = [\"desk@example.org\"]\nmax_per_hour = 2\n");
    let mut last = None;
    for (minute, country) in COUNTRIES.iter().enumerate() {
        let when = at(&format!("2026-03-01T12:0{minute}:00Z"));
        last = lab.poll(0, when, &[breach(country, when)]).alerts.pop();
    }
    assert_eq!(mails(&mut lab, at("2026-03-01T12:30:00Z")).len(), 2);
    let last = last.unwrap();
    assert_eq!(last.held, [("desk@example.org".to_owned(), at("2026-03-01T13:00:00Z"))]);
    let (_, reason) = lab
        .reader()
        .routing(last.id.0)
        .unwrap()
        .into_iter()
        .map(|step| (step.decision, step.reason))
        .next()
        .unwrap();
    assert_eq!(
        reason,
        "held until 2026-03-01 13:00Z: 2 mails went to this address within an hour (route[1].max_per_hour)"
    );
    let released = lab.elapse_until(at("2026-03-01T13:30:00Z")).released;
    assert_eq!(released.len(), 1, "one summary");
    assert_eq!((released[0].at, released[0].alerts.len()), (at("2026-03-01T13:00:00Z"), 5));
    let subject = &mails(&mut lab, at("2026-03-01T13:30:00Z"))[0].1;
    assert!(subject.starts_with("[Summary] 5 alerts, 5 critical: Broken truce in Mali, "), "{subject}");
    assert!(subject.chars().count() <= 78, "{subject}");
    // The summary is one mail of the new hour, beside the second of the old one.
    let next = lab.poll(0, at("2026-03-01T13:00:30Z"), &[breach("Chad", at("2026-03-01T13:00:30Z"))]);
    assert_eq!(next.alerts[0].held, [("desk@example.org".to_owned(), at("2026-03-01T13:01:00Z"))]);
}

#[test]
fn a_flood_of_the_harmless_does_not_hold_back_the_grave() {
    let mut lab = lab("[[route]]\nto = [\"desk@example.org\"]\nmax_per_hour = 2\n");
    for (minute, country) in COUNTRIES.iter().enumerate() {
        let when = at(&format!("2026-03-01T12:0{minute}:00Z"));
        lab.poll(0, when, &[harvest(country, when)]);
    }
    let grave = lab.poll(0, at("2026-03-01T12:10:00Z"), &[breach("Sudan", at("2026-03-01T12:10:00Z"))]);
    assert_eq!(grave.alerts[0].to, ["desk@example.org"]);
}

#[test]
fn a_restart_in_between_loses_nothing_and_tells_nothing_twice() {
    let mut lab = lab(HOURLY);
    for (minute, country) in COUNTRIES.iter().enumerate() {
        let when = at(&format!("2026-03-01T12:0{minute}:00Z"));
        lab.poll(0, when, &[breach(country, when)]);
        lab.restart();
    }
    // Nobody ran at the full hour.
    lab.restart();
    let late = at("2026-03-01T15:17:00Z");
    let released = lab.elapse(late).released;
    assert_eq!((released.len(), released[0].alerts.len()), (1, 7));
    lab.restart();
    assert!(lab.elapse(late).released.is_empty());
    assert_eq!(mails(&mut lab, late).len(), 1);
}

#[test]
fn a_transaction_that_fails_leaves_what_is_held() {
    let mut lab = lab(HOURLY);
    lab.poll(0, at("2026-03-01T12:05:00Z"), &[breach("Sudan", at("2026-03-01T12:05:00Z"))]);
    let config = lab.config.clone();
    let tx = lab.writer.begin().unwrap();
    let elapsed = wirewatch::pipeline::tick(&tx, &config, at("2026-03-01T13:00:00Z")).unwrap();
    assert_eq!(elapsed.released.len(), 1);
    drop(tx);
    assert_eq!(lab.elapse(at("2026-03-01T13:00:01Z")).released.len(), 1);
    assert_eq!(mails(&mut lab, at("2026-03-01T13:00:01Z")).len(), 1);
}

#[test]
fn what_a_clock_that_ran_ahead_held_is_due() {
    let mut lab = lab("[[route]]\nto = [\"desk@example.org\"]\nmode = \"daily\"\n");
    let ahead = at("2027-06-01T12:00:00Z");
    lab.poll(0, ahead, &[breach("Sudan", ahead)]);
    let released = lab.elapse(at("2026-03-01T12:30:00Z")).released;
    assert_eq!(released.len(), 1, "it does not wait for next year");
    assert!(lab.elapse_until(at("2027-07-01T12:00:00Z")).released.is_empty());
}

#[test]
fn what_was_promised_is_told_though_its_route_is_gone() {
    let mut lab = lab(HOURLY);
    lab.poll(0, at("2026-03-01T12:05:00Z"), &[breach("Sudan", at("2026-03-01T12:05:00Z"))]);
    lab.poll(0, at("2026-03-01T12:06:00Z"), &[breach("Yemen", at("2026-03-01T12:06:00Z"))]);
    lab.reconfigure("wirewatch.toml", "[[route]]\nto = [\"other@example.org\"]\n");
    let released = lab.elapse_until(at("2026-03-01T14:00:00Z")).released;
    assert_eq!(released.len(), 1);
    assert_eq!((released[0].to.as_str(), released[0].alerts.len()), ("desk@example.org", 2));
}

#[test]
fn a_topic_that_is_gone_does_not_hide_what_was_held() {
    let mut lab = lab(HOURLY);
    for country in ["Sudan", "Yemen"] {
        lab.poll(0, at("2026-03-01T12:05:00Z"), &[breach(country, at("2026-03-01T12:05:00Z"))]);
    }
    lab.config.topics = wirewatch::topic::Topics::default();
    let released = lab.elapse_until(at("2026-03-01T13:00:00Z")).released;
    assert_eq!(released[0].alerts.len(), 2);
    assert!(released[0].subject.contains("broken-truce in Sudan"), "{}", released[0].subject);
}

#[test]
fn a_daily_digest_keeps_its_hour_when_clocks_change() {
    for (zone, days) in [
        // The clock goes forward on the 29th, so the third digest comes an hour earlier by UTC.
        ("Europe/Paris", ["2026-03-28T06:00:00Z", "2026-03-29T05:00:00Z", "2026-03-30T05:00:00Z"]),
        // And back on 1 November.
        ("America/New_York", ["2026-10-31T11:00:00Z", "2026-11-01T12:00:00Z", "2026-11-02T12:00:00Z"]),
    ] {
        let mut lab = lab(&format!(
            "[[route]]\nto = [\"desk@example.org\"]\nmode = \"daily\"\nat = \"07:00\"\ntime_zone = \"{zone}\"\n"
        ));
        let mut told = Vec::new();
        for (index, day) in days.iter().enumerate() {
            let before = at(day) - jiff::SignedDuration::from_hours(9);
            told.extend(lab.elapse_until(before).released);
            lab.poll(0, before, &[breach(COUNTRIES[index], before)]);
        }
        told.extend(lab.elapse_until(at("2026-12-01T00:00:00Z")).released);
        let times: Vec<_> = told.iter().map(|mail| mail.at).collect();
        assert_eq!(times, days.map(at), "{zone}");
    }
}

#[test]
fn two_routes_to_one_address_tell_once() {
    let mut lab = lab("[[route]]\nto = [\"desk@example.org\"]\nmode = \"daily\"\n\
         [[route]]\nto = [\"Desk@example.org\", \"night@example.org\"]\nseverities = [\"critical\"]\n");
    let grave = lab.poll(0, hour(1), &[breach("Sudan", hour(1))]).alerts.remove(0);
    assert_eq!(grave.to, ["desk@example.org", "night@example.org"]);
    assert!(grave.held.is_empty());
    let light = lab.poll(0, hour(2), &[harvest("Sudan", hour(2))]).alerts.remove(0);
    assert_eq!(light.held, [("desk@example.org".to_owned(), at("2026-03-02T07:00:00Z"))]);
    let released = lab.elapse_until(hour(200)).released;
    assert_eq!(released.len(), 1);
    assert_eq!(mails(&mut lab, hour(200)).len(), 3);
}

#[test]
fn an_alert_that_no_route_takes_says_so() {
    let mut lab = lab("[[route]]\nto = [\"desk@example.org\"]\nplaces = [\"YE\"]\n");
    let untold = lab.poll(0, hour(1), &[breach("Sudan", hour(1))]).alerts.remove(0);
    assert_eq!(decided(&lab, untold.id.0), [(String::new(), "no-route".to_owned())]);
    assert_eq!(lab.reader().overview(hour(1)).unwrap().untold_last_day, 1);
    assert_eq!(lab.reader().held_back().unwrap(), [("no-route".to_owned(), 1)]);
}

#[test]
fn kinds_of_store_and_mail_agree() {
    for kind in Kind::ALL {
        assert_eq!(Kind::from_word(kind.as_str()), Some(kind));
    }
}

/// The daemon's own ledger and beat.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daemon_tells_what_it_held_by_itself() {
    let mut watch = Watch::with(&["http://a.example/feed"], "interval = \"15m\"").await;
    let main = fs::read_to_string(watch.dir.path().join("wirewatch.toml")).unwrap();
    fs::write(watch.dir.path().join("wirewatch.toml"), format!("{main}mode = \"hourly\"\n")).unwrap();
    watch.reload().await;
    let calm = ("calm", "Calm seas and a slow day in the harbour", hour(0));
    watch.server.set("/feed", Reply::ok("application/rss+xml", rss(&[calm])));
    watch.for_minutes(20).await;
    let items = [
        calm,
        ("a", "Truce broken in Sudan as shells fall", hour(0)),
        ("b", "Truce shattered in Yemen within hours", hour(0)),
    ];
    watch.server.set("/feed", Reply::ok("application/rss+xml", rss(&items)));
    watch.for_minutes(25).await;
    assert_eq!(watch.reader().overview(watch.now).unwrap().held, 2);
    watch.for_minutes(20).await;
    let overview = watch.reader().overview(watch.now).unwrap();
    assert_eq!((overview.held, overview.queued), (0, 1));
    let digest = watch.reader().alerts(1).unwrap().remove(0);
    assert_eq!((digest.kind.as_str(), digest.at), ("digest", hour(1)));
}

#[test]
fn feed_text_stays_text_in_a_digest() {
    let mut lab = lab(HOURLY);
    let when = at("2026-03-01T12:05:00Z");
    let mut wicked =
        entry("w", "Truce broken <script>alert(1)</script> in Sudan\r\nBcc: x@e.org \u{202e}gro", when);
    wicked.url = Some("javascript:alert(1)".to_owned());
    lab.poll(0, when, &[wicked]);
    lab.poll(0, when, &[breach("Yemen", when)]);
    lab.elapse_until(at("2026-03-01T13:00:00Z"));
    let mail = lab.claim(at("2026-03-01T13:00:00Z")).remove(0).rendered;
    assert!(!mail.html.contains("<script") && !mail.html.contains("javascript:"), "{}", mail.html);
    assert!(!mail.subject.contains(['\r', '\n']));
    assert!(!mail.text.contains("\nBcc:") && !mail.text.contains('\u{202e}'), "{}", mail.text);
}
