//! What is usual for one series: a rate, its spread, and what they let us expect of the last 24 hours.
//!
//! Owns [`Counts`] and [`Baseline`]. The past is cut into days that end with the hour looked at, so that every one holds all
//! hours of the day. Refuses to know topics and places, and to decide.

use super::profile::{Profile, Tally};
use super::tail::{size_for, surprise};

/// Days of the past that say what is usual.
pub const BASELINE_DAYS: i64 = 56;

/// Days just before the last 24 hours that say nothing: what is building up must not be what it is measured by.
pub const LAG_DAYS: i64 = 2;

/// Fewer days of history, and nothing is said.
pub const DAYS_MIN: i64 = 14;

/// Hours of a day.
const DAY: i64 = 24;

/// The prior of the rate: half a report (Jeffreys' prior for a Poisson rate), so that nothing is impossible.
const PRIOR_REPORTS: f64 = 0.5;

/// What spread is assumed, and how many days it counts for.
const PRIOR_DISPERSION: f64 = 2.0;
const PRIOR_DAYS: f64 = 7.0;

/// A day as surprising as this was no usual day, and says nothing of what is usual.
const UNUSUAL: f64 = 4.5;

/// Times that the fit is made anew with the weights of the last.
const PASSES: usize = 6;

/// Reports by hour since the epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// First hour that could have held one.
    pub since: i64,
    /// Hours with reports, in order.
    pub hours: Vec<(i64, u32)>,
}

impl Counts {
    /// Reports of the 24 hours that end with an hour.
    pub fn day(&self, last_hour: i64) -> u32 {
        self.span(last_hour - DAY + 1, last_hour).iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    fn span(&self, first: i64, last: i64) -> &[(i64, u32)] {
        let start = self.hours.partition_point(|(hour, _)| *hour < first);
        let end = self.hours.partition_point(|(hour, _)| *hour <= last);
        self.hours.get(start..end).unwrap_or_default()
    }

    /// The days of the baseline of an hour, nearest first, each by its last hour; only whole ones.
    fn days(&self, hour: i64) -> impl Iterator<Item = i64> {
        let nearest = hour - (LAG_DAYS + 1) * DAY;
        let days = (0..BASELINE_DAYS).map(move |day| nearest - day * DAY);
        let since = self.since;
        days.take_while(move |last| last - DAY + 1 >= since)
    }

    /// How often each hour of the week was looked at in the baseline of an hour, and what it held. A day counts for at most
    /// `most` reports.
    pub fn tally(&self, hour: i64, most: f64) -> Tally {
        let mut tally = Tally::default();
        for last in self.days(hour) {
            self.tally_day(last, (most / f64::from(self.day(last)).max(1.0)).min(1.0), 1.0, &mut tally);
        }
        tally
    }

    fn tally_day(&self, last: i64, share: f64, weight: f64, tally: &mut Tally) {
        for hour in last - DAY + 1..=last {
            tally.look(hour, weight);
        }
        for (hour, count) in self.span(last - DAY + 1, last) {
            tally.add_reports(*hour, f64::from(*count) * share * weight);
        }
    }
}

/// What is usual for a series, at one hour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Baseline {
    /// Reports of a mean day.
    pub rate: f64,
    /// Variance of a mean day's reports, as a multiple of their mean; at least 1.
    pub dispersion: f64,
    /// Reports expected of the 24 hours that end with the hour.
    pub expected: f64,
    /// Days it rests on.
    pub days: u32,
}

/// One past day.
struct Day {
    last: i64,
    reports: u32,
    weight: f64,
    /// What it is worth in mean days, by the profile.
    share: f64,
}

impl Baseline {
    /// Learns what is usual for a series at an hour. `None` while its history is shorter than [`DAYS_MIN`].
    ///
    /// Rate: gamma–Poisson, `(Σ w y + ½) / Σ w f` over 56 days without the last two. Dispersion:
    /// `max(1, Pearson χ² / (n − 1))`, held to 2 as if that had been seen on seven days. Days that were themselves surprising,
    /// past surges, are left out and it is done over (Farrington's algorithm weighs them down: Noufaily et al., Statistics in
    /// Medicine 32, 2013; weights that fade let a long surge hide itself).
    pub fn learn(counts: &Counts, general: &Profile, hour: i64) -> Option<Self> {
        let day = |last| Day { last, reports: counts.day(last), weight: 1.0, share: 1.0 };
        let mut days: Vec<Day> = counts.days(hour).map(day).collect();
        if i64::try_from(days.len()).unwrap_or(i64::MAX) < DAYS_MIN {
            return None;
        }
        trim(&mut days);
        let (mut rate, mut dispersion, mut expected) = (0.0, 1.0, 0.0);
        for _ in 0..PASSES {
            let mut tally = Tally::default();
            for day in &days {
                counts.tally_day(day.last, 1.0, day.weight, &mut tally);
            }
            let profile = Profile::learn(general, &tally);
            for day in &mut days {
                day.share = profile.day(day.last);
            }
            let share: f64 = days.iter().map(|day| day.weight * day.share).sum();
            rate = (days.iter().map(|day| day.weight * f64::from(day.reports)).sum::<f64>() + PRIOR_REPORTS)
                / share;
            dispersion = spread(&days, rate);
            expected = rate * profile.day(hour);
            // The rate is itself an estimate.
            let uncertain = 1.0 + profile.day(hour) / share;
            let size = size_for(rate, dispersion);
            for day in &mut days {
                let mean = rate * day.share;
                let is_usual = f64::from(day.reports) <= mean || surprise(day.reports, mean, size) < UNUSUAL;
                day.weight = f64::from(u8::from(is_usual));
            }
            dispersion *= uncertain;
        }
        let days = u32::try_from(days.len()).unwrap_or(u32::MAX);
        Some(Self { rate, dispersion, expected, days })
    }

    /// How surprising it is to see so many reports in the 24 hours.
    pub fn surprise(&self, seen: u32, coverage: f64) -> f64 {
        surprise(seen, self.expected * coverage, size_for(self.rate, self.dispersion))
    }
}

/// Leaves out the busiest quarter of the days: the first fit is made without what may have been no usual day, or a long crisis
/// would hide itself. The next fits see them again.
fn trim(days: &mut [Day]) {
    let mut reports: Vec<u32> = days.iter().map(|day| day.reports).collect();
    reports.sort_unstable();
    let Some(most) = reports.get(reports.len() * 3 / 4).copied() else { return };
    for day in days.iter_mut().filter(|day| day.reports > most) {
        day.weight = 0.0;
    }
}

fn spread(days: &[Day], rate: f64) -> f64 {
    let part = |day: &Day| {
        let mean = rate * day.share;
        day.weight * (f64::from(day.reports) - mean).powi(2) / mean
    };
    let (chi, weight) =
        days.iter().fold((0.0, 0.0), |(chi, weight), day| (chi + part(day), weight + day.weight));
    let own = (chi / (weight - 1.0).max(1.0)).max(1.0);
    (weight * own + PRIOR_DAYS * PRIOR_DISPERSION) / (weight + PRIOR_DAYS)
}
