//! Whatever comes in whatever order: every alert reaches every address it was decided for, once, and no later than promised.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use wirewatch::alert::AlertId;
use wirewatch::alert::silence::{Matcher, NewSilence};
use wirewatch::pipeline::follow_up::{acknowledge, silence};

use super::{at, breach, harvest, lab};

const ROUTES: &str = r#"
[[route]]
to = ["desk@example.org", "second@example.org"]
max_per_hour = 3
quiet_hours = "22:00-06:00"
time_zone = "Europe/Paris"
escalate_to = ["chief@example.org"]
[[route]]
to = ["desk@example.org", "digest@example.org"]
mode = "hourly"
severities = ["warning"]
[[route]]
to = ["chief@example.org", "daily@example.org"]
mode = "daily"
time_zone = "America/New_York"
"#;

const COUNTRIES: [&str; 8] = ["Sudan", "Yemen", "Mali", "Syria", "Haiti", "Ukraine", "Ethiopia", "Chad"];

/// Numbers that look random and are the same at every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

#[test]
fn nothing_is_lost_and_nothing_told_twice() {
    for seed in 0..10 {
        // The clocks of Paris change during the second half.
        play(seed, at("2026-03-28T10:00:00Z"));
    }
}

fn play(seed: u64, begin: Timestamp) {
    let mut dice = Dice(seed.wrapping_mul(7919) + 1);
    let mut lab = lab(ROUTES);
    let mut now = begin;
    lab.acquaint(now);
    let mut promised: BTreeMap<(i64, String), Timestamp> = BTreeMap::new();
    for step in 0..45 {
        let events = match dice.roll(10) {
            0..6 => {
                let country = COUNTRIES[usize::try_from(dice.roll(8)).unwrap()];
                let news = if dice.roll(2) == 0 { breach(country, now) } else { harvest(country, now) };
                lab.poll(usize::try_from(dice.roll(2)).unwrap(), now, &[news]).alerts
            }
            6 => {
                let matcher = Matcher { topic: Some("*".to_owned()), ..Matcher::default() };
                let until = now + SignedDuration::from_hours(i64::try_from(dice.roll(20)).unwrap() + 1);
                let new = NewSilence { matcher, until, author: "a".to_owned(), comment: "c".to_owned() };
                lab.within(|tx| silence(tx, new, now)).unwrap();
                Vec::new()
            }
            7 => {
                let alert = AlertId(i64::try_from(dice.roll(20)).unwrap() + 1);
                lab.within(|tx| acknowledge(tx, alert, "anna", "", now));
                Vec::new()
            }
            8 => {
                lab.restart();
                Vec::new()
            }
            _ => Vec::new(),
        };
        now += SignedDuration::from_mins(
            i64::try_from(dice.roll(if step % 7 == 0 { 600 } else { 40 })).unwrap(),
        );
        // The daemon may come late to what is due.
        let elapsed = if dice.roll(3) == 0 { lab.elapse(now) } else { lab.elapse_until(now) };
        for event in events.iter().chain(&elapsed.alerts) {
            for to in event.to.iter().chain(event.held.iter().map(|(to, _)| to)) {
                promised.insert((event.id.0, to.clone()), event.at);
            }
        }
    }
    let end = now + SignedDuration::from_hours(24 * 8);
    for event in lab.elapse_until(end).alerts {
        for to in event.to.iter().chain(event.held.iter().map(|(to, _)| to)) {
            promised.insert((event.id.0, to.clone()), event.at);
        }
    }
    assert!(promised.len() > 30, "seed {seed}: only {} promises", promised.len());
    assert_eq!(lab.reader().overview(end).unwrap().held, 0, "seed {seed}");

    // What was mailed: alerts in their own mail or in a digest.
    let mut kept: BTreeMap<(i64, String), u32> = BTreeMap::new();
    let claimed = lab.within(|tx| tx.claim_deliveries(end, std::time::Duration::from_hours(1), 10_000));
    for mail in &claimed {
        let listed = lab.reader().digested(mail.alert.0).unwrap();
        let told = if listed.is_empty() { vec![mail.alert.0] } else { listed };
        for alert in told {
            let of_address = lab.reader().routing(alert).unwrap();
            let digest = Some(mail.alert.0).filter(|id| *id != alert);
            let is_of_it =
                |to: &str, told_in: Option<i64>| to.eq_ignore_ascii_case(&mail.address) && told_in == digest;
            assert!(
                of_address.iter().any(|step| is_of_it(&step.to, step.told_in)),
                "seed {seed}: alert {alert}"
            );
            *kept.entry((alert, mail.address.clone())).or_default() += 1;
        }
    }
    for ((alert, to), decided_at) in &promised {
        let count = kept.get(&(*alert, to.clone())).copied().unwrap_or(0);
        assert_eq!(
            count,
            1,
            "seed {seed}: alert {alert} of {decided_at} to {to}: {:?}",
            lab.reader().routing(*alert)
        );
    }
    for ((alert, to), count) in &kept {
        assert_eq!(*count, 1, "seed {seed}: alert {alert} to {to}");
        let was_reminded =
            lab.reader().routing(*alert).unwrap().iter().any(|step| step.decision == "reminded");
        assert!(promised.contains_key(&(*alert, to.clone())) || was_reminded, "seed {seed}: {alert} {to}");
    }
    // No address gets more than its limit allows, but for what time itself brings.
    let mut by_desk: Vec<Timestamp> = Vec::new();
    for alert in lab.reader().alerts(10_000).unwrap() {
        for step in lab.reader().routing(alert.id).unwrap() {
            if step.decision == "told" && step.to == "second@example.org" && alert.severity == "critical" {
                by_desk.push(step.at);
            }
        }
    }
    by_desk.sort_unstable();
    for window in by_desk.windows(4) {
        assert!(window[3] - window[0] >= SignedDuration::from_hours(1), "seed {seed}: {window:?}");
    }
}
