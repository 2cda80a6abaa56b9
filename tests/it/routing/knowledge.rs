//! Who knows of an incident, and what follows from it: corrections behind a silence, digests that say what was taken back,
//! and second addresses that a silence of somebody else does not spare.

use std::time::Duration;

use jiff::Timestamp;
use wirewatch::alert::Kind;
use wirewatch::alert::silence::{Matcher, SilenceId};
use wirewatch::feed::Entry;
use wirewatch::feed::schedule::after;
use wirewatch::pipeline::follow_up::end_silence;

use super::follow_up::{mute, sudan};
use super::{breach, decided, lab, mails};
use crate::support::lab::{Lab, hour};

const DESK: &str = "[[route]]\nto = [\"desk@example.org\"]\n";
const CHIEF: &str = "[[route]]\nto = [\"desk@example.org\"]\nescalate_to = [\"chief@example.org\"]\nescalate_after = \"15m\"\n";

fn minutes(count: u64) -> Timestamp {
    after(hour(1), Duration::from_mins(count))
}

/// The same report, edited until it says so no more.
fn taken_back(report: &Entry) -> Entry {
    Entry { title: "Truce holds in Sudan as shells fall silent within hours".to_owned(), ..report.clone() }
}

fn words_of(lab: &Lab, alert: i64, address: &str) -> Vec<String> {
    decided(lab, alert).into_iter().filter(|(to, _)| to == address).map(|(_, word)| word).collect()
}

#[test]
fn a_correction_waits_behind_the_silence_that_holds_what_it_corrects() {
    let mut lab = lab(DESK);
    mute(&mut lab, sudan(), hour(1), 6);
    let report = breach("Sudan", hour(2));
    assert_eq!(lab.poll(0, hour(2), std::slice::from_ref(&report)).alerts.len(), 1);
    let correction = lab.poll(0, hour(3), &[taken_back(&report)]).alerts.remove(0);
    assert_eq!(correction.alert.kind, Kind::Correction);
    assert_eq!(correction.held, [("desk@example.org".to_owned(), hour(7))]);
    assert!(lab.elapse_until(hour(6)).released.is_empty());
    assert!(mails(&mut lab, hour(6)).is_empty(), "nothing was told, so nothing is taken back");
    lab.restart();
    let released = lab.elapse_until(hour(8)).released;
    assert_eq!((released.len(), released[0].at, released[0].alerts.len()), (1, hour(7), 2));
    let mail = lab.claim(hour(8)).remove(0).rendered;
    assert!(mail.subject.contains("2 alerts, 2 critical, 1 corrected"), "{}", mail.subject);
    let [taking_back, standing] =
        ["Correction, Sudan:", "CORRECTED SINCE: a report of it was taken back, see alert 2"]
            .map(|words| mail.text.find(words).unwrap_or_else(|| panic!("{words}: {}", mail.text)));
    assert!(taking_back < standing, "{}", mail.text);
}

#[test]
fn a_correction_is_held_on_with_what_it_corrects() {
    let mut lab = lab(DESK);
    let first = mute(&mut lab, sudan(), hour(1), 6);
    let report = breach("Sudan", hour(2));
    lab.poll(0, hour(2), std::slice::from_ref(&report));
    lab.poll(0, hour(3), &[taken_back(&report)]);
    mute(&mut lab, Matcher { topic: Some("broken-*".to_owned()), ..Matcher::default() }, hour(3), 9);
    lab.within(|tx| end_silence(tx, first, "ben", hour(4))).unwrap();
    assert!(lab.elapse_until(hour(11)).released.is_empty());
    lab.within(|tx| end_silence(tx, SilenceId(2), "ben", hour(11))).unwrap();
    assert_eq!(lab.elapse(hour(11)).released[0].alerts.len(), 2);
}

#[test]
fn whoever_was_told_hears_the_correction_through_a_silence() {
    let mut lab = lab(DESK);
    let report = breach("Sudan", hour(2));
    lab.poll(0, hour(2), std::slice::from_ref(&report));
    mute(&mut lab, sudan(), hour(3), 6);
    assert_eq!(lab.poll(0, hour(4), &[taken_back(&report)]).alerts[0].to, ["desk@example.org"]);
}

#[test]
fn nobody_is_told_that_what_they_never_heard_of_was_wrong() {
    let mut lab = lab(&format!("{DESK}[[route]]\nto = [\"board@example.org\"]\nmin_publishers = 3\n"));
    let report = breach("Sudan", hour(2));
    lab.poll(0, hour(2), std::slice::from_ref(&report));
    let correction = lab.poll(0, hour(3), &[taken_back(&report)]).alerts.remove(0);
    assert_eq!(correction.to, ["desk@example.org"]);
    assert_eq!(words_of(&lab, correction.id.0, "board@example.org"), ["nothing-to-clear"]);
}

#[test]
fn what_was_edited_since_is_told_as_it_was_decided() {
    let mut lab = lab("[[route]]\nto = [\"desk@example.org\"]\nmode = \"daily\"\nall_clear = true\n");
    let report = breach("Sudan", hour(2));
    lab.poll(0, hour(2), std::slice::from_ref(&report));
    for country in ["Yemen", "Mali"] {
        lab.poll(0, hour(3), &[breach(country, hour(3))]);
    }
    let moved_on = Entry { title: "Weather outlook for the coming week".to_owned(), ..report };
    assert!(lab.poll(0, hour(4), &[moved_on]).alerts.is_empty());
    lab.elapse_until(hour(24));
    let digest = lab.claim(hour(24)).remove(0).rendered;
    assert!(digest.text.contains("Truce broken in Sudan"), "{}", digest.text);
    assert!(!digest.text.contains("Weather outlook"), "{}", digest.text);
    // Two days later they fall quiet: their digest does not repeat the alarm as its headlines.
    lab.elapse_until(hour(24 * 4));
    let digest = lab.claim(hour(24 * 4)).remove(0).rendered;
    assert!(digest.text.contains("All clear, Yemen"), "{}", digest.text);
    assert!(!digest.text.contains("Truce broken in Yemen"), "{}", digest.text);
}

#[test]
fn a_mail_after_a_digest_is_of_its_thread() {
    let mut lab = lab("[[route]]\nto = [\"desk@example.org\"]\nmode = \"hourly\"\n");
    let report = breach("Sudan", hour(1));
    lab.poll(0, hour(1), std::slice::from_ref(&report));
    lab.poll(0, hour(1), &[breach("Yemen", hour(1))]);
    let digest = lab.elapse_until(hour(3)).released[0].digest.unwrap();
    assert_eq!(lab.claim(hour(3)).len(), 1);
    lab.poll(0, hour(4), &[taken_back(&report)]);
    lab.elapse_until(hour(6));
    let correction = lab.claim(hour(6)).remove(0);
    let earlier: Vec<i64> = correction.earlier.iter().map(|(alert, _)| alert.0).collect();
    assert_eq!(earlier, [digest.0]);
}

#[test]
fn one_address_that_mutes_itself_does_not_mute_the_second() {
    let mut lab = lab(CHIEF);
    let matcher = Matcher { address: Some("desk@example.org".to_owned()), ..sudan() };
    mute(&mut lab, matcher, hour(0), 24);
    let alert = lab.poll(0, hour(1), &[breach("Sudan", hour(1))]).alerts.remove(0);
    assert!(alert.to.is_empty());
    let reminded = lab.elapse_until(hour(3)).reminded;
    assert_eq!(
        (reminded.len(), reminded[0].to.as_str(), reminded[0].at),
        (1, "chief@example.org", minutes(15))
    );
    assert!(lab.elapse_until(hour(40)).reminded.is_empty(), "once, also when the silence ends");
}

#[test]
fn what_a_silence_held_asks_for_an_acknowledgement_when_it_is_told() {
    let mut lab = lab(CHIEF);
    mute(&mut lab, sudan(), hour(0), 6);
    let alert = lab.poll(0, hour(1), &[breach("Sudan", hour(1))]).alerts.remove(0);
    assert!(lab.elapse_until(after(hour(6), Duration::from_mins(14))).reminded.is_empty());
    let reminded = lab.elapse_until(hour(8)).reminded;
    assert_eq!(reminded.len(), 1);
    assert_eq!(reminded[0].at, after(hour(6), Duration::from_mins(15)));
    assert_eq!(words_of(&lab, alert.id.0, "chief@example.org"), ["waits-for-acknowledgement", "reminded"]);
    assert!(lab.elapse_until(hour(40)).reminded.is_empty());
}

#[test]
fn what_comes_along_with_another_mail_brings_its_correction() {
    let mut lab = lab(&format!("{DESK}max_per_hour = 1\n"));
    lab.poll(0, hour(1), &[breach("Mali", hour(1))]);
    let yemen = Matcher { place: Some("YE".to_owned()), ..Matcher::default() };
    let silence = mute(&mut lab, yemen, minutes(1), 6);
    lab.poll(0, minutes(2), &[breach("Yemen", minutes(2))]);
    let report = breach("Sudan", minutes(5));
    let capped = lab.poll(0, minutes(5), std::slice::from_ref(&report)).alerts.remove(0);
    assert_eq!(capped.held[0].1, hour(2));
    let correction = lab.poll(0, minutes(10), &[taken_back(&report)]).alerts.remove(0);
    assert_eq!(correction.held[0].1, hour(2), "with what it corrects");
    lab.within(|tx| end_silence(tx, silence, "ben", minutes(30))).unwrap();
    let released = lab.elapse_until(minutes(30)).released;
    assert_eq!((released.len(), released[0].alerts.len()), (1, 3), "{released:?}");
    assert!(lab.elapse_until(hour(8)).released.is_empty());
}
