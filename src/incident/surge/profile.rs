//! When reports come: factors of the days of the week and the hours of the day.
//!
//! Owns [`Profile`], and how one is learned from counts and held to a more general one. Days and hours are those of UTC.
//! Refuses to know which series it is for.

/// Hours of a day.
const HOURS: usize = 24;

/// Days of a week.
const DAYS: usize = 7;

/// Hours of a week.
pub const WEEK: usize = DAYS * HOURS;

/// Reports that what is more general counts for, against each factor's own.
const PRIOR_REPORTS: f64 = 100.0;

/// Spread of counts assumed while factors are learned: reports in groups tell less than their number.
const SPREAD: f64 = 2.0;

/// Least and most of a factor: a quiet hour is no reason to expect nothing.
const FACTOR: std::ops::RangeInclusive<f64> = 0.05..=20.0;

/// Counts by hour of the week, and how often each hour was there. Both may be fractions.
#[derive(Debug, Clone, PartialEq)]
pub struct Tally {
    /// Reports.
    reports: [f64; WEEK],
    /// Hours looked at.
    hours: [f64; WEEK],
}

impl Default for Tally {
    fn default() -> Self {
        Self { reports: [0.0; WEEK], hours: [0.0; WEEK] }
    }
}

impl Tally {
    /// Notes that an hour (since the epoch) was looked at, at a weight.
    pub fn look(&mut self, hour: i64, weight: f64) {
        self.hours[hour_of_week(hour)] += weight;
    }

    /// Notes reports of an hour.
    pub fn add_reports(&mut self, hour: i64, reports: f64) {
        self.reports[hour_of_week(hour)] += reports;
    }

    /// Joins another tally, its reports and hours scaled.
    pub fn join(&mut self, other: &Self, scale: f64) {
        for at in 0..WEEK {
            self.reports[at] += other.reports[at] * scale;
            self.hours[at] += other.hours[at];
        }
    }

    /// Reports a day.
    pub fn rate(&self) -> f64 {
        let hours: f64 = self.hours.iter().sum();
        if hours > 0.0 { self.reports.iter().sum::<f64>() / hours * HOURS as f64 } else { 0.0 }
    }
}

/// How many reports an hour of the week has, next to the mean hour.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    days: [f64; DAYS],
    hours: [f64; HOURS],
}

impl Default for Profile {
    /// All hours alike.
    fn default() -> Self {
        Self { days: [1.0; DAYS], hours: [1.0; HOURS] }
    }
}

impl Profile {
    /// Learns the factors of a tally, each held to that of the `general` profile as if that had been seen in
    /// a hundred reports: `(Σ y / φ + 100 g) / (μ n / φ + 100)`, a gamma–Poisson estimate.
    #[must_use]
    pub fn learn(general: &Self, tally: &Tally) -> Self {
        let mean = tally.rate() / HOURS as f64;
        let days = learn_factors(&general.days, tally, mean, |at| at / HOURS);
        let hours = learn_factors(&general.hours, tally, mean, |at| at % HOURS);
        Self { days, hours }
    }

    /// The factor of an hour since the epoch; 1 is the mean.
    pub fn factor(&self, hour: i64) -> f64 {
        let at = hour_of_week(hour);
        self.days[at / HOURS] * self.hours[at % HOURS]
    }

    /// The 24 hours that end with this one, in mean days.
    pub fn day(&self, last_hour: i64) -> f64 {
        (last_hour - 23..=last_hour).map(|hour| self.factor(hour)).sum::<f64>() / HOURS as f64
    }

    /// Its factors, days (Monday first) before hours, as they are kept.
    pub fn factors(&self) -> Vec<f64> {
        self.days.iter().chain(&self.hours).copied().collect()
    }

    /// The profile of kept factors; `None` when they are none.
    pub fn from_factors(factors: &[f64]) -> Option<Self> {
        let (days, hours) = factors.split_at_checked(DAYS)?;
        let sound = factors.iter().all(|factor| FACTOR.contains(factor));
        let profile = Self { days: days.try_into().ok()?, hours: hours.try_into().ok()? };
        sound.then_some(profile)
    }
}

fn learn_factors<const N: usize>(
    general: &[f64; N],
    tally: &Tally,
    mean: f64,
    bin: impl Fn(usize) -> usize,
) -> [f64; N] {
    let (mut reports, mut hours) = ([0.0; N], [0.0; N]);
    for at in 0..WEEK {
        reports[bin(at)] += tally.reports[at];
        hours[bin(at)] += tally.hours[at];
    }
    let mut factors = *general;
    for (at, factor) in factors.iter_mut().enumerate() {
        let own = reports[at] / SPREAD + PRIOR_REPORTS * general[at];
        *factor = own / (mean * hours[at] / SPREAD + PRIOR_REPORTS);
    }
    let mean = factors.iter().sum::<f64>() / N as f64;
    factors.map(|factor| (factor / mean).clamp(*FACTOR.start(), *FACTOR.end()))
}

/// Hour of the week of an hour since the epoch, which was midnight before a Thursday; Monday begins the week.
fn hour_of_week(hour: i64) -> usize {
    usize::try_from((hour + 72).rem_euclid(168)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Eight weeks in which every working hour holds `busy` reports and every hour of Saturday and Sunday `calm`.
    fn weeks(busy: f64, calm: f64) -> Tally {
        let mut tally = Tally::default();
        for hour in 0..8 * 168 {
            let is_weekend = hour_of_week(hour) / HOURS >= 5;
            tally.look(hour, 1.0);
            tally.add_reports(hour, if is_weekend { calm } else { busy });
        }
        tally
    }

    #[test]
    fn many_reports_speak_for_themselves_and_few_for_what_is_general() {
        let general = Profile::learn(&Profile::default(), &weeks(1_000.0, 100.0));
        let (monday, saturday) = (4 * 24, 2 * 24);
        assert!((general.factor(monday) / general.factor(saturday) - 10.0).abs() < 0.5);
        let few = Profile::learn(&general, &weeks(0.001, 0.001));
        assert!((few.factor(monday) / general.factor(monday) - 1.0).abs() < 0.02);
        let contrary = Profile::learn(&general, &weeks(10.0, 20.0));
        assert!(contrary.factor(saturday) > contrary.factor(monday) * 1.7);
    }

    #[test]
    fn a_week_is_a_week_and_kept_factors_come_back() {
        let profile = Profile::learn(&Profile::default(), &weeks(3.0, 1.0));
        let week: f64 = (0..7).map(|day| profile.day(day * 24 + 5)).sum();
        assert!((week - 7.0).abs() < 1e-9, "{week}");
        assert_eq!(Profile::from_factors(&profile.factors()), Some(profile));
        assert_eq!(Profile::from_factors(&[1.0; 30]), None);
        assert_eq!(Profile::from_factors(&[f64::NAN; 31]), None);
        // 2026-03-02 was a Monday.
        assert_eq!(hour_of_week(1_772_409_600 / 3_600), 0);
    }
}
