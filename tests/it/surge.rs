//! Surges: far more reports than usual, none of which need trip; and the many ways of having more that are none.

mod counting;

use std::fs;
use std::time::Duration;

use jiff::Timestamp;
use wirewatch::config::{self, Environment};
use wirewatch::feed::Entry;
use wirewatch::feed::schedule::after;
use wirewatch::incident::surge::baseline::{Baseline, Counts};
use wirewatch::incident::surge::profile::{Profile, Tally};
use wirewatch::incident::surge::{Look, Verdict, Watch, alarm_at, judge};
use wirewatch::pipeline::AlertEvent;
use wirewatch::topic::policy::SurgePolicy;

use crate::support::lab::{Lab, hour};

/// A signal that alone never trips: 42 points in a headline are a score of 0.55.
const WEAK: &str = "\n[[signal]]\nname = \"shelling\"\nwhen = \"shelling\"\nweight = 42\n";

/// Three weeks in hours.
const WEEKS: u64 = 21 * 24;

/// A topic with a weak signal; `alert` is put at the end of its file.
fn lab(alert: &str) -> Lab {
    let mut lab = Lab::with(&format!("{WEAK}{alert}"), "");
    lab.acquaint(hour(0));
    lab
}

/// A report of shelling, unlike any other, by a publisher of its own.
fn report(number: u64, publisher: &str, place: &str, at: Timestamp) -> Entry {
    let words = format!("Shelling in {place}, day {number} and {} of {} villages", number * 7, number * 13);
    Entry {
        id: Some(format!("{publisher}-{number}")),
        url: Some(format!("https://{publisher}.example/{number}")),
        title: words,
        published: Some(at),
        ..Entry::default()
    }
}

/// A quiet life: a report of Sudan every other day, by one of three publishers, and other news all the time.
fn live(lab: &mut Lab, hours: std::ops::Range<u64>) -> Vec<AlertEvent> {
    let mut alerts = Vec::new();
    for at in hours.step_by(6) {
        let other = Entry {
            id: Some(format!("other-{at}")),
            url: Some(format!("https://other.example/{at}")),
            title: format!("Parliament votes on bill number {at} and on {} more", at * 3),
            published: Some(hour(at)),
            ..Entry::default()
        };
        let mut entries = vec![other];
        if at % 48 == 0 {
            entries.push(report(at, ["north", "south", "west"][(at / 48 % 3) as usize], "Sudan", hour(at)));
        }
        alerts.extend(lab.poll(0, hour(at), &entries).alerts);
    }
    alerts
}

/// Reports at a time, each by the next of so many publishers.
fn burst(lab: &mut Lab, count: u64, publishers: u64, place: &str, at: Timestamp) -> Vec<AlertEvent> {
    let stamp = at.as_second().unsigned_abs() / 60;
    let entries: Vec<Entry> = (0..count)
        .map(|number| report(stamp + number, &format!("burst{}", number % publishers), place, at))
        .collect();
    lab.poll(1, at, &entries).alerts
}

fn decision(lab: &Lab, place: &str) -> (String, String) {
    let decisions = lab.reader().surge_decisions().unwrap();
    let found = decisions.into_iter().find(|decided| decided.place == place);
    found.map(|decided| (decided.decision, decided.reason)).unwrap_or_default()
}

#[test]
fn many_weak_reports_are_told_once_and_again_when_they_come_anew() {
    let mut lab = lab("");
    assert!(live(&mut lab, 6..WEEKS).is_empty(), "a weak signal never trips");
    let told = burst(&mut lab, 12, 6, "Sudan", hour(WEEKS));
    assert_eq!(told.len(), 1, "the place is told, and not the whole besides: {told:?}");
    let alert = &told[0];
    assert_eq!((alert.alert.kind.as_str(), alert.alert.place.as_str()), ("surge", "SD"));
    assert_eq!(alert.alert.publishers, 6);
    assert!(alert.reason.contains("12 reports by 6 publishers in 24 hours"), "{}", alert.reason);
    assert!(alert.reason.contains("by chance once in"), "{}", alert.reason);
    assert_eq!(alert.to, ["desk@example.org", "night@example.org"]);
    // Six publishers say none of the headlines; what they make together has a number.
    assert!(
        alert.subject.contains("Surge, Sudan: 12 reports in 24h, usual 0.5 (6 publishers)"),
        "{}",
        alert.subject
    );
    let bulletin = lab.reader().bulletins(1).unwrap().remove(0);
    assert!(bulletin.url.is_some() && bulletin.evidence.iter().any(|one| !one.is_empty()), "{bulletin:?}");
    assert_eq!(decision(&lab, "SD").0, "surge");
    assert_eq!(decision(&lab, "ZZ").0, "usual", "the place accounts for it");

    assert!(burst(&mut lab, 6, 6, "Sudan", hour(WEEKS + 3)).is_empty(), "it is not over");
    assert_eq!(decision(&lab, "SD").0, "still-raised");
    assert!(lab.tick(hour(WEEKS + 60)).is_empty());
    assert_eq!(decision(&lab, "SD").0, "usual", "two days later it is over, by time alone");
    assert_eq!(burst(&mut lab, 12, 6, "Sudan", hour(WEEKS + 61)).len(), 1, "the next one is told");
}

#[test]
fn a_report_that_trips_is_news_after_a_surge_too() {
    let mut lab = lab("");
    live(&mut lab, 6..WEEKS);
    assert_eq!(burst(&mut lab, 12, 6, "Sudan", hour(WEEKS)).len(), 1);
    let trips =
        Entry { title: "Truce broken in Sudan".to_owned(), ..report(1, "north", "Sudan", hour(WEEKS + 1)) };
    let told = lab.poll(0, hour(WEEKS + 1), &[trips]).alerts;
    assert_eq!(told.iter().map(|alert| alert.alert.kind.as_str()).collect::<Vec<_>>(), ["first"]);
}

#[test]
fn it_takes_publishers_history_and_a_policy() {
    let mut few = lab("");
    live(&mut few, 6..WEEKS);
    assert!(burst(&mut few, 12, 2, "Sudan", hour(WEEKS)).is_empty());
    let (word, reason) = decision(&few, "SD");
    assert_eq!(word, "few-publishers");
    assert!(reason.contains("2 of 3 independent publishers (alert.surge.publishers)"), "{reason}");
    assert_eq!(burst(&mut few, 3, 3, "Sudan", hour(WEEKS + 1)).len(), 1, "the third publisher makes it one");

    let mut young = lab("");
    live(&mut young, 6..16 * 24);
    assert!(burst(&mut young, 30, 6, "Sudan", hour(16 * 24)).is_empty());
    assert_eq!(decision(&young, "SD").0, "too-new");

    let mut off = lab("\n[alert.surge]\nenabled = false\n");
    live(&mut off, 6..WEEKS);
    assert!(burst(&mut off, 30, 6, "Sudan", hour(WEEKS)).is_empty());
}

#[test]
fn copies_and_repeats_add_nothing() {
    let mut lab = lab("");
    live(&mut lab, 6..WEEKS);
    let wire = report(5, "wire", "Sudan", hour(WEEKS));
    let copies: Vec<Entry> = (0..12)
        .map(|number| Entry {
            id: Some(format!("copy-{number}")),
            url: Some(format!("https://paper{number}.example/copy")),
            ..wire.clone()
        })
        .collect();
    assert!(lab.poll(1, hour(WEEKS), &copies).alerts.is_empty(), "one account, carried twelve times");
    let seen = lab.within(|tx| tx.reports_of_day("broken-truce", "SD", hour(WEEKS).as_second() / 3_600));
    assert_eq!(seen, 1);
}

#[test]
fn what_comes_late_is_counted_where_it_belongs() {
    let mut lab = lab("");
    live(&mut lab, 6..WEEKS);
    // After an outage of two days: what was published in them comes at once.
    let late: Vec<Entry> = (0..12)
        .map(|number| report(number, &format!("burst{number}"), "Sudan", hour(WEEKS - 47 + number)))
        .collect();
    assert!(lab.poll(1, hour(WEEKS), &late).alerts.is_empty());
    // A feed that is read for the first time brings what it had.
    let mut new = Lab::with(WEAK, "");
    new.poll(0, hour(0), &[report(0, "north", "Sudan", hour(0))]);
    live(&mut new, 6..WEEKS);
    let had: Vec<Entry> = (0..12)
        .map(|number| report(number, &format!("burst{number}"), "Sudan", hour(WEEKS - 20 + number)))
        .collect();
    assert!(new.poll(1, hour(WEEKS), &had).alerts.is_empty(), "its first look is a baseline");
}

#[test]
fn more_of_everything_is_no_surge() {
    let mut lab = lab("");
    let mut alerts = live(&mut lab, 6..WEEKS);
    // Twenty times the feeds: a day of twenty times as much of everything.
    for at in (WEEKS..WEEKS + 24).step_by(2) {
        let others: Vec<Entry> = (0..7)
            .map(|number| Entry {
                id: Some(format!("more-{at}-{number}")),
                url: Some(format!("https://more{number}.example/{at}")),
                title: format!("Council {number} debates item {at} and {} others", at * 11 + number),
                published: Some(hour(at)),
                ..Entry::default()
            })
            .collect();
        alerts.extend(lab.poll(0, hour(at), &others).alerts);
    }
    alerts.extend(burst(&mut lab, 6, 6, "Sudan", hour(WEEKS + 23)));
    assert!(alerts.is_empty(), "{alerts:?}");
    assert_eq!(decision(&lab, "SD").0, "usual");
}

#[test]
fn places_together_may_surge_where_none_does() {
    let mut lab = lab("");
    live(&mut lab, 6..WEEKS);
    let mut told = Vec::new();
    for (number, place) in
        ["Chad", "Mali", "Niger", "Kenya", "Yemen", "Nepal", "Peru", "Haiti"].iter().enumerate()
    {
        let number = number as u64;
        let entries = [
            report(number * 2, &format!("a{number}"), place, hour(WEEKS)),
            report(number * 2 + 1, &format!("b{number}"), place, hour(WEEKS)),
        ];
        told.extend(lab.poll(1, hour(WEEKS), &entries).alerts);
    }
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].alert.kind.as_str(), told[0].alert.place.as_str()), ("surge", "ZZ"));
}

#[test]
fn an_edit_takes_its_report_back_and_may_bring_one() {
    let mut lab = lab("");
    let count =
        |lab: &mut Lab| lab.within(|tx| tx.reports_of_day("broken-truce", "SD", hour(2).as_second() / 3_600));
    let first = report(1, "north", "Sudan", hour(1));
    lab.poll(0, hour(1), std::slice::from_ref(&first));
    assert_eq!(count(&mut lab), 1);
    lab.poll(
        0,
        hour(2),
        &[Entry { title: "Harvest festival in Sudan draws 14 of 13 villages".to_owned(), ..first.clone() }],
    );
    assert_eq!(count(&mut lab), 0);
    let again = Entry { title: format!("{}, officials say", first.title), ..first };
    lab.poll(0, hour(2), &[again]);
    assert_eq!(count(&mut lab), 1);
}

#[test]
fn a_new_topic_reads_its_history_in_the_archive() {
    let mut lab = lab("");
    live(&mut lab, 6..WEEKS);
    let path = lab.dir.path().join("topics/broken-truce.toml");
    let text = fs::read_to_string(&path)
        .unwrap()
        .replace("broken-truce", "shelling")
        .replace("Broken truce", "Shelling");
    fs::write(lab.dir.path().join("topics/shelling.toml"), text).unwrap();
    lab.config = config::load(lab.dir.path(), &Environment::default()).unwrap().config;
    let mut at = hour(WEEKS);
    for _ in 0..20 {
        at = after(at, Duration::from_secs(5));
        lab.tick(at);
    }
    let history = |lab: &mut Lab, topic: &str| {
        let topic = topic.to_owned();
        lab.within(move |tx| tx.report_counts(&topic, "SD", 0)).unwrap()
    };
    let (old, new) = (history(&mut lab, "broken-truce"), history(&mut lab, "shelling"));
    assert_eq!(new.hours, old.hours, "the same reports at the same hours");
    assert!(new.since <= old.since);
    let told = burst(&mut lab, 12, 6, "Sudan", after(at, Duration::from_mins(1)));
    assert_eq!(told.len(), 2, "the new topic as well as the old: {told:?}");

    // A topic whose scores are decided otherwise begins anew; its archive says what it would have counted.
    let text = fs::read_to_string(&path).unwrap().replace("weight = 42", "weight = 1");
    fs::write(&path, text).unwrap();
    lab.config = config::load(lab.dir.path(), &Environment::default()).unwrap().config;
    for _ in 0..20 {
        at = after(at, Duration::from_mins(2));
        lab.tick(at);
    }
    assert!(history(&mut lab, "broken-truce").hours.is_empty(), "one point is no report");
}

#[test]
fn a_restart_forgets_nothing() {
    let mut lab = lab("");
    live(&mut lab, 6..WEEKS);
    assert_eq!(burst(&mut lab, 12, 6, "Sudan", hour(WEEKS)).len(), 1);
    lab.restart();
    assert!(burst(&mut lab, 6, 6, "Sudan", hour(WEEKS + 1)).is_empty());
    assert_eq!(decision(&lab, "SD").0, "still-raised");
}

#[test]
fn a_budget_that_is_none_is_refused_with_its_line() {
    let lab = Lab::new();
    let path = lab.dir.path().join("topics/broken-truce.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}[alert.surge]\nalarms_per_year = 0\nrefractory = \"1s\"\n")).unwrap();
    let problems = config::load(lab.dir.path(), &Environment::default()).unwrap_err();
    let said: Vec<String> = problems.iter().map(|problem| format!("{} {problem:?}", problem.key)).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("alert.surge.alarms_per_year") && said[0].contains("0.01 to 365"), "{said:?}");
    assert!(said[1].contains("alert.surge.refractory"), "{said:?}");
}

#[test]
fn the_budget_says_how_surprising_is_enough() {
    let policy = |alarms_per_year| SurgePolicy { alarms_per_year, ..SurgePolicy::default() };
    // One alarm a year over ten series of four looks a day: 1 in 14,610.
    assert!((alarm_at(&policy(1.0), 10) - 14_610.0_f64.log10()).abs() < 1e-9);
    assert!((alarm_at(&policy(10.0), 10) - 1_461.0_f64.log10()).abs() < 1e-9);
    assert!((alarm_at(&policy(365.0), 1) - 2.0).abs() < 1e-9, "never below 2");
}

#[test]
fn a_surge_is_over_at_half_the_alarm_and_silent_for_its_refractory_time() {
    let policy = SurgePolicy::default();
    let baseline = Baseline { rate: 2.0, dispersion: 1.2, expected: 2.0, days: 56 };
    let look = |seen, watch, now| Look {
        policy: &policy,
        baseline: Some(&baseline),
        coverage: 1.0,
        seen,
        told_elsewhere: 0,
        publishers: 5,
        series_count: 1,
        watch,
        now,
    };
    let (verdict, raised) = judge(&look(14, Watch::default(), hour(0)));
    assert!(matches!(verdict, Verdict::Told(_)), "{verdict:?}");
    let (verdict, watch) = judge(&look(8, raised, hour(3)));
    assert!(matches!(verdict, Verdict::StillRaised { .. }) && watch.is_raised, "{verdict:?}");
    let (verdict, watch) = judge(&look(3, raised, hour(6)));
    assert!(matches!(verdict, Verdict::Usual { .. }) && !watch.is_raised, "{verdict:?}");
    let (verdict, watch) = judge(&look(14, watch, hour(9)));
    assert!(matches!(verdict, Verdict::Refractory { until } if until == hour(24)), "{verdict:?}");
    assert!(matches!(judge(&look(14, watch, hour(24))).0, Verdict::Told(_)));
}

/// Chance that comes out the same every time (`SplitMix64`).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn wait(&mut self) -> f64 {
        -(1.0 - self.next()).ln()
    }

    /// Poisson, or negative binomial of size 2.
    fn reports(&mut self, mean: f64, is_grouped: bool) -> u32 {
        let mean = if is_grouped { mean * (self.wait() + self.wait()) / 2.0 } else { mean };
        let (mut count, mut passed) = (0, self.wait());
        while passed < mean {
            count += 1;
            passed += self.wait();
        }
        count
    }
}

/// Series of twenty of one deployment in which nothing happens; answers false alarms in 100 days at a surprise of 3, and the
/// share of days on which `more` reports are seen at the threshold that one false alarm in 100 days leaves.
/// `examples/surges.rs` does the same at full size.
fn simulate(mean: f64, is_grouped: bool, more: u32) -> (f64, f64) {
    const WEEK: [f64; 7] = [0.853, 1.0, 1.0, 1.0, 1.0, 0.417, 0.341];
    let (mut chance, scale) = (Chance(7), mean / (WEEK.iter().sum::<f64>() / 7.0));
    // Hour 96 after the epoch began a Monday.
    let last_hour = |day: i64| 96 + day * 24 + 23;
    let deployment: Vec<Counts> = (0..20)
        .map(|_| {
            let counts = (0..158).map(|day| {
                (last_hour(day), chance.reports(scale * WEEK[usize::try_from(day % 7).unwrap()], is_grouped))
            });
            Counts { since: 96, hours: counts.filter(|(_, count)| *count > 0).collect() }
        })
        .collect();
    let (mut quiet, mut bursts) = (Vec::new(), Vec::new());
    for day in 58..158 {
        let hour = last_hour(day);
        let mut all = Tally::default();
        for counts in &deployment {
            all.join(&counts.tally(hour, f64::INFINITY), 1.0);
        }
        let general = Profile::learn(&Profile::default(), &all);
        for counts in &deployment {
            let baseline = Baseline::learn(counts, &general, hour).unwrap();
            let seen = counts.day(hour);
            quiet.push(if seen < 3 { 0.0 } else { baseline.surprise(seen, 1.0) });
            bursts.push(baseline.surprise(seen + more, 1.0));
        }
    }
    quiet.sort_by(f64::total_cmp);
    let threshold = quiet[quiet.len() - quiet.len() / 100];
    let share = |values: &[f64], at: f64| {
        values.iter().filter(|value| **value >= at).count() as f64 / values.len() as f64
    };
    (100.0 * share(&quiet, 3.0), share(&bursts, threshold))
}

#[test]
fn simulated_series_raise_few_false_alarms_and_bursts_are_seen() {
    for (mean, is_grouped, more, power_min) in
        [(0.5, true, 5, 0.98), (2.0, true, 10, 0.83), (2.0, false, 5, 0.70), (8.0, false, 10, 0.76)]
    {
        let (alarms, power) = simulate(mean, is_grouped, more);
        assert!(alarms <= 0.3, "{mean} a day, grouped {is_grouped}: {alarms} false alarms in 100 days");
        assert!(power >= power_min, "{mean} a day, grouped {is_grouped}: {power} of bursts of {more} seen");
    }
}

#[test]
fn a_past_crisis_does_not_hide_the_next() {
    let mut chance = Chance(11);
    let mut calm = Vec::new();
    for day in 0..60_i64 {
        calm.push((day * 24 + 12, chance.reports(1.0, false)));
    }
    let mut crisis = calm.clone();
    for (_, count) in crisis.iter_mut().skip(20).take(8) {
        *count += 20;
    }
    let surprise = |hours: Vec<(i64, u32)>| {
        let hours = hours.into_iter().filter(|(_, count)| *count > 0).collect();
        Baseline::learn(&Counts { since: 0, hours }, &Profile::default(), 59 * 24 + 23)
            .unwrap()
            .surprise(12, 1.0)
    };
    let (after_calm, after_crisis) = (surprise(calm), surprise(crisis));
    assert!(after_calm > 5.0, "{after_calm}");
    assert!(after_crisis > after_calm * 0.7, "{after_crisis} after a crisis, {after_calm} without");
}
