//! What people answer: silences, acknowledgements, and second addresses that hear of what nobody acknowledged.

use std::time::Duration;

use jiff::Timestamp;
use wirewatch::alert::AlertId;
use wirewatch::alert::silence::{Matcher, NewSilence, SilenceId};
use wirewatch::feed::Entry;
use wirewatch::feed::schedule::after;
use wirewatch::pipeline::follow_up::{Acknowledged, acknowledge, end_silence, silence};

use super::{at, breach, decided, harvest, lab, mails};
use crate::support::lab::{Lab, decision, entry, hour};

const DESK: &str = "[[route]]\nto = [\"desk@example.org\"]\n";
const CHIEF: &str = "[[route]]\nto = [\"desk@example.org\"]\nescalate_to = [\"chief@example.org\"]\nescalate_after = \"15m\"\n";

fn minutes(count: u64) -> Timestamp {
    after(hour(1), Duration::from_mins(count))
}

pub(super) fn mute(lab: &mut Lab, matcher: Matcher, now: Timestamp, hours: u64) -> SilenceId {
    let new = NewSilence {
        matcher,
        until: after(now, Duration::from_hours(hours)),
        author: "anna".to_owned(),
        comment: "known".to_owned(),
    };
    lab.within(|tx| silence(tx, new, now)).unwrap()
}

pub(super) fn sudan() -> Matcher {
    Matcher { place: Some("SD".to_owned()), ..Matcher::default() }
}

fn ack(lab: &mut Lab, alert: AlertId, now: Timestamp) -> Acknowledged {
    lab.within(|tx| acknowledge(tx, alert, "anna", "on it", now))
}

#[test]
fn a_silence_holds_back_telling_and_not_recording() {
    let mut lab = lab(DESK);
    mute(&mut lab, sudan(), hour(1), 6);
    let held = lab.poll(0, hour(2), &[breach("Sudan", hour(2))]);
    assert_eq!(held.alerts.len(), 1, "it is decided and kept");
    assert_eq!(held.alerts[0].held, [("desk@example.org".to_owned(), hour(7))]);
    assert_eq!(decision(&lab, held.articles[0].id.0).0, "alerted");
    lab.poll(0, hour(3), &[harvest("Sudan", hour(3))]);
    assert_eq!(lab.poll(0, hour(3), &[breach("Yemen", hour(3))]).alerts[0].to, ["desk@example.org"]);
    assert_eq!(mails(&mut lab, hour(6)).len(), 1, "Yemen is not Sudan");
    let released = lab.elapse_until(hour(8)).released;
    assert_eq!(released.len(), 1, "one summary");
    assert_eq!((released[0].at, released[0].alerts.len()), (hour(7), 2));
    let mail = lab.claim(hour(8)).remove(0).rendered;
    assert!(mail.subject.starts_with("[After a silence] 2 alerts, 1 critical: "), "{}", mail.subject);
    assert!(mail.text.contains("a silence held them, and it has ended"), "{}", mail.text);
    assert!(mail.text.contains("late: held by a silence"), "{}", mail.text);
}

#[test]
fn a_silence_can_be_ended_and_another_can_hold_on() {
    let mut lab = lab(DESK);
    let first = mute(&mut lab, sudan(), hour(1), 24);
    lab.poll(0, hour(2), &[breach("Sudan", hour(2))]);
    let second =
        mute(&mut lab, Matcher { topic: Some("broken-*".to_owned()), ..Matcher::default() }, hour(2), 3);
    let end = |lab: &mut Lab, id, now| lab.within(|tx| end_silence(tx, id, "ben", now)).unwrap();
    assert_eq!(end(&mut lab, first, hour(3)).1, 1);
    assert!(lab.elapse(hour(3)).released.is_empty(), "the other silence holds it");
    let steps = lab.reader().routing(1).unwrap();
    assert!(steps[1].reason.contains(&format!("silence {}", second.0)), "{steps:?}");
    assert_eq!(end(&mut lab, first, hour(4)).1, 0, "it had ended");
    assert_eq!(end(&mut lab, second, hour(4)).1, 1);
    let released = lab.elapse(hour(4)).released;
    assert_eq!(released.len(), 1);
    let text = lab.claim(hour(4)).remove(0).rendered.text;
    assert!(text.starts_with("LATE: decided at 2026-03-01 14:00 UTC and held by a silence."), "{text}");
    assert!(lab.within(|tx| end_silence(tx, SilenceId(99), "ben", hour(4))).is_none());
    assert!(lab.reader().silences(hour(4)).unwrap().is_empty());
}

#[test]
fn a_silence_up_to_a_severity_lets_what_is_graver_through() {
    let mut lab = lab(DESK);
    let matcher = Matcher { severity_max: Some(wirewatch::topic::Severity::Warning), ..sudan() };
    mute(&mut lab, matcher, hour(1), 6);
    assert!(lab.poll(0, hour(2), &[harvest("Sudan", hour(2))]).alerts[0].to.is_empty());
    assert_eq!(lab.poll(0, hour(2), &[breach("Sudan", hour(2))]).alerts[0].to, ["desk@example.org"]);
}

#[test]
fn after_a_silence_quiet_hours_still_count() {
    let mut lab = lab(&format!("{DESK}quiet_hours = \"22:00-06:00\"\n"));
    mute(&mut lab, sudan(), at("2026-03-01T18:00:00Z"), 5);
    lab.poll(0, at("2026-03-01T19:00:00Z"), &[harvest("Sudan", at("2026-03-01T19:00:00Z"))]);
    let released = lab.elapse_until(at("2026-03-02T12:00:00Z")).released;
    assert_eq!(released.len(), 1);
    assert_eq!(released[0].at, at("2026-03-02T06:00:00Z"));
    let words: Vec<String> = decided(&lab, 1).into_iter().map(|(_, word)| word).collect();
    assert_eq!(words, ["silenced", "held-quiet-hours", "told-late"]);
}

#[test]
fn the_second_address_hears_of_what_nobody_acknowledged() {
    let mut lab = lab(CHIEF);
    let alert = lab.poll(0, hour(1), &[breach("Sudan", hour(1))]).alerts.remove(0);
    assert_eq!(alert.to, ["desk@example.org"]);
    lab.restart();
    assert_eq!(mails(&mut lab, minutes(14)).len(), 1);
    let reminded = lab.elapse_until(minutes(14)).reminded;
    assert!(reminded.is_empty());
    let reminded = lab.elapse_until(minutes(60)).reminded;
    assert_eq!(reminded.len(), 1);
    assert_eq!(
        (reminded[0].at, reminded[0].to.as_str(), reminded[0].alert),
        (minutes(15), "chief@example.org", alert.id)
    );
    let claimed = lab.claim(minutes(60));
    assert_eq!((claimed.len(), claimed[0].address.as_str()), (1, "chief@example.org"));
    let text = &claimed[0].rendered.text;
    assert!(text.starts_with("Nobody acknowledged this alert within 15m, so it goes to you."), "{text}");
    assert!(lab.elapse_until(hour(40)).reminded.is_empty(), "once");
    let words: Vec<String> =
        decided(&lab, alert.id.0).into_iter().map(|(to, word)| format!("{to} {word}")).collect();
    assert_eq!(
        words,
        [
            "desk@example.org told",
            "chief@example.org waits-for-acknowledgement",
            "chief@example.org reminded"
        ]
    );
}

#[test]
fn an_acknowledgement_stops_the_second_address_and_not_the_news() {
    let mut lab = lab(CHIEF);
    let alert = lab.poll(0, hour(1), &[breach("Sudan", hour(1))]).alerts.remove(0);
    let done = ack(&mut lab, alert.id, minutes(10));
    let Acknowledged::Incidents { incidents, spared, before, open } = done else { panic!("{done:?}") };
    assert_eq!(
        (incidents, spared, before),
        (vec![alert.incident], vec!["chief@example.org".to_owned()], None)
    );
    assert!(open.is_empty());
    assert!(lab.elapse_until(hour(3)).reminded.is_empty());
    let by = lab.reader().acknowledgements(alert.id.0).unwrap();
    assert_eq!((by[0].author.as_str(), by[0].comment.as_str(), by[0].at), ("anna", "on it", minutes(10)));
    // An update still goes to the desk, and needs nobody else.
    let market = "Second truce shattered in Sudan as a crowded market in Omdurman is bombed at noon";
    let second =
        Entry { url: Some("https://two.example/market".to_owned()), ..entry("market", market, hour(4)) };
    lab.poll(1, hour(4), &[second]);
    let elapsed = lab.elapse_until(hour(20));
    let update = &elapsed.alerts[0];
    assert_eq!((update.alert.kind.as_str(), update.to.len()), ("update", 1));
    assert!(elapsed.reminded.is_empty());
    let (_, reason) = lab
        .reader()
        .routing(update.id.0)
        .unwrap()
        .into_iter()
        .map(|it| (it.to, it.reason))
        .next_back()
        .unwrap();
    assert_eq!(reason, "not told: acknowledged by anna at 2026-03-01 13:10Z: on it");
    // Another incident is another matter.
    lab.poll(0, hour(21), &[breach("Yemen", hour(21))]);
    assert_eq!(lab.elapse_until(hour(30)).reminded.len(), 1);
}

#[test]
fn acknowledging_twice_or_the_wrong_thing_is_said() {
    let mut lab = lab(CHIEF);
    assert_eq!(ack(&mut lab, AlertId(1), hour(1)), Acknowledged::NoAlert);
    let alert = lab.poll(0, hour(1), &[breach("Sudan", hour(1))]).alerts.remove(0);
    ack(&mut lab, alert.id, minutes(1));
    let Acknowledged::Incidents { before, spared, .. } = ack(&mut lab, alert.id, minutes(2)) else {
        panic!()
    };
    assert_eq!(before.unwrap(), "anna at 2026-03-01 13:01Z: on it");
    assert!(spared.is_empty());
    assert_eq!(lab.reader().acknowledgements(alert.id.0).unwrap().len(), 1, "the same words are kept once");
}

#[test]
fn acknowledging_a_digest_takes_all_it_lists() {
    let mut lab = lab("[[route]]\nto = [\"desk@example.org\"]\nmode = \"hourly\"\n\
         [[route]]\nto = [\"duty@example.org\"]\nescalate_to = [\"chief@example.org\"]\nescalate_after = \"2h\"\n");
    for country in ["Sudan", "Yemen"] {
        lab.poll(0, hour(1), &[breach(country, hour(1))]);
    }
    let digest = lab.elapse_until(hour(2)).released[0].digest.unwrap();
    let Acknowledged::Incidents { incidents, spared, .. } = ack(&mut lab, digest, hour(2)) else { panic!() };
    assert_eq!((incidents.len(), spared.as_slice()), (2, &["chief@example.org".to_owned()][..]));
    assert!(lab.elapse_until(hour(10)).reminded.is_empty());
}

#[test]
fn a_silence_spares_the_second_address() {
    let mut lab = lab(CHIEF);
    let alert = lab.poll(0, hour(1), &[breach("Sudan", hour(1))]).alerts.remove(0);
    mute(&mut lab, sudan(), minutes(5), 6);
    assert!(lab.elapse_until(hour(3)).reminded.is_empty());
    let last = decided(&lab, alert.id.0).pop().unwrap();
    assert_eq!(last, ("chief@example.org".to_owned(), "silenced".to_owned()));
}

#[test]
fn a_second_address_with_a_digest_of_its_own_is_told_once() {
    let mut lab = lab(&format!("{CHIEF}[[route]]\nto = [\"chief@example.org\"]\nmode = \"daily\"\n"));
    let alert = lab.poll(0, hour(1), &[breach("Sudan", hour(1))]).alerts.remove(0);
    assert_eq!(alert.held.len(), 1);
    let elapsed = lab.elapse_until(hour(48));
    assert_eq!((elapsed.reminded.len(), elapsed.released.len()), (1, 0));
    assert_eq!(mails(&mut lab, hour(48)).len(), 2);
}

#[test]
fn whoever_unsubscribes_meanwhile_is_told_nothing_more() {
    let mut lab = lab(&format!("{CHIEF}[[route]]\nto = [\"board@example.org\"]\nmode = \"hourly\"\n"));
    let alert = lab.poll(0, hour(1), &[breach("Sudan", hour(1))]).alerts.remove(0);
    for address in ["Board@example.org", "chief@example.org"] {
        assert!(lab.within(|tx| tx.unsubscribe(address, "broken-truce", alert.id, minutes(1))));
    }
    let elapsed = lab.elapse_until(hour(10));
    assert!(elapsed.released.is_empty() && elapsed.reminded.is_empty(), "{elapsed:?}");
    assert_eq!(mails(&mut lab, hour(10)).len(), 1, "the desk's own");
    let last: Vec<String> = decided(&lab, alert.id.0).into_iter().map(|(_, word)| word).collect();
    assert_eq!(last[last.len() - 2..], ["unsubscribed", "unsubscribed"]);
    assert_eq!(lab.reader().overview(hour(10)).unwrap().held, 0);
}
