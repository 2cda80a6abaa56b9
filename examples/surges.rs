//! `cargo run --release --example surges`: what the surge detector does with series in which nothing happens, and how well it
//! sees a burst. 400 series of 194 scored days (or as many series as the argument says), after 58 days of history.
//!
//! *Articles* are negative binomial of size 2, as wire copies come in groups; *stories* are Poisson. Days of the week are those
//! of `HealthMap` (Saturday −58.3 %, Sunday −65.9 %, Monday −14.7 %); the detector learns them from the twenty series of a
//! deployment. False alarms: share of days with a surprise of at least 3, nominally 0.1 in 100. Power: share of days on which 5,
//! 10 or 20 more reports are seen, at the threshold that gives one false alarm in 100 days. Then the product's own way of
//! looking: every hour, over the last 24.

#![allow(clippy::print_stdout, reason = "it prints a table")]

use wirewatch::incident::surge::baseline::{Baseline, Counts};
use wirewatch::incident::surge::profile::{Profile, Tally};

const DAYS: i64 = 252;
const HISTORY: i64 = 58;
const DEPLOYMENT: usize = 20;
const PUBLISHERS: u32 = 3;
const WEEK: [f64; 7] = [0.853, 1.0, 1.0, 1.0, 1.0, 0.417, 0.341];

/// The published results that are to be matched: name, mean, whether reports come in groups, false alarms, power.
const TABLE: [(&str, f64, bool, f64, [f64; 3]); 6] = [
    ("articles .5", 0.5, true, 0.09, [0.99, 1.0, 1.0]),
    ("articles 2", 2.0, true, 0.17, [0.18, 0.86, 1.0]),
    ("articles 8", 8.0, true, 0.28, [0.02, 0.06, 0.40]),
    ("stories .5", 0.5, false, f64::NAN, [f64::NAN; 3]),
    ("stories 2", 2.0, false, 0.02, [0.74, 1.0, 1.0]),
    ("stories 8", 8.0, false, f64::NAN, [0.17, 0.79, 1.0]),
];

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

/// The first hour of a week.
fn monday() -> i64 {
    let week = 7 * 24;
    20_000 * 24 / week * week + 4 * 24
}

fn series(chance: &mut Chance, mean: f64, is_grouped: bool) -> Counts {
    let mean = mean / (WEEK.iter().sum::<f64>() / 7.0);
    let mut hours = Vec::new();
    for day in 0..DAYS {
        let of_day = WEEK[usize::try_from(day % 7).unwrap_or_default()];
        let count = chance.reports(mean * of_day, is_grouped);
        let mut by_hour = [0_u32; 24];
        for _ in 0..count {
            let at = 24.0 * chance.next();
            by_hour[(1..24).take_while(|hour| f64::from(*hour) <= at).count()] += 1;
        }
        let first = monday() + day * 24;
        hours.extend((first..).zip(by_hour).filter(|(_, count)| *count > 0));
    }
    Counts { since: monday(), hours }
}

fn profile(deployment: &[Counts], hour: i64) -> Profile {
    let mut all = Tally::default();
    for counts in deployment {
        all.join(&counts.tally(hour, f64::INFINITY), 1.0);
    }
    Profile::learn(&Profile::default(), &all)
}

#[derive(Default)]
struct Found {
    quiet: Vec<f64>,
    burst: [Vec<f64>; 3],
    rolling: [u32; 2],
    rolling_days: u32,
}

impl Found {
    /// One look a day.
    fn look(&mut self, counts: &Counts, general: &Profile, hour: i64) {
        let Some(baseline) = Baseline::learn(counts, general, hour) else { return };
        let seen = counts.day(hour);
        self.quiet.push(if seen < PUBLISHERS { 0.0 } else { baseline.surprise(seen, 1.0) });
        for (burst, more) in self.burst.iter_mut().zip([5, 10, 20]) {
            burst.push(baseline.surprise(seen + more, 1.0));
        }
    }

    /// A look every hour of a day: how many days see an alarm begin at a surprise of 3, and of 4.
    fn roll(&mut self, counts: &Counts, general: &Profile, first: i64) {
        self.rolling_days += 1;
        let mut is_raised = [true; 2];
        let mut began = [false; 2];
        for hour in first - 1..first + 24 {
            let seen = counts.day(hour);
            let learned = (seen >= PUBLISHERS).then(|| Baseline::learn(counts, general, hour)).flatten();
            let surprise = learned.map_or(0.0, |baseline| baseline.surprise(seen, 1.0));
            for (at, alarm_at) in [3.0, 4.0].into_iter().enumerate() {
                began[at] |= surprise >= alarm_at && !is_raised[at];
                is_raised[at] = surprise >= if is_raised[at] { alarm_at / 2.0 } else { alarm_at };
            }
        }
        for (count, began) in self.rolling.iter_mut().zip(began) {
            *count += u32::from(began);
        }
    }

    fn row(&mut self, name: &str, alarms: f64, power: [f64; 3]) -> String {
        self.quiet.sort_by(f64::total_cmp);
        let at = self.quiet.len() - self.quiet.len() / 100;
        let threshold = self.quiet[at.min(self.quiet.len() - 1)];
        let share = |values: &[f64], at: f64| {
            values.iter().filter(|value| **value >= at).count() as f64 / values.len() as f64
        };
        let found = self.burst.each_ref().map(|burst| format!("{:.2}", share(burst, threshold)));
        let rolling =
            self.rolling.map(|count| 100.0 * f64::from(count) / f64::from(self.rolling_days.max(1)));
        format!(
            "| {name:11} | {:.2} | {} | {} | {} | {:.2} | {:.2} |",
            100.0 * share(&self.quiet, 3.0),
            published(alarms),
            found.join("/"),
            power.map(published).join("/"),
            rolling[0],
            rolling[1],
        )
    }
}

fn published(share: f64) -> String {
    if share.is_nan() { "–".to_owned() } else { format!("{share:.2}") }
}

fn main() {
    let count = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(400_usize);
    println!(
        "| series, mean/day | false alarms per 100 d | (published) | power +5/+10/+20 at 1 per 100 d | (published) | hourly, A ≥ 3 | hourly, A ≥ 4 |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (row, (name, mean, is_grouped, alarms, power)) in TABLE.into_iter().enumerate() {
        let (mut chance, mut found) = (Chance(2_023 + row as u64), Found::default());
        for deployment in 0..count.div_ceil(DEPLOYMENT) {
            let all: Vec<Counts> = (0..DEPLOYMENT).map(|_| series(&mut chance, mean, is_grouped)).collect();
            for day in HISTORY..DAYS {
                let last = monday() + day * 24 + 23;
                let general = profile(&all, last);
                for counts in &all {
                    found.look(counts, &general, last);
                }
                // An hour's look takes as long as a day's: a part of the series is enough.
                if deployment % 4 == 0 {
                    for counts in all.iter().take(5) {
                        found.roll(counts, &general, last - 23);
                    }
                }
            }
        }
        println!("{}", found.row(name, alarms, power));
    }
}
