//! A surge: a topic is reported on far more than usual, though perhaps no single report would trip it.
//!
//! Owns [`Surge`] and the rule [`judge`]: whether the last 24 hours of a series are told, or why not. What is usual is
//! [`baseline`]'s. A report is one publisher's own account of one story; copies and repeats add nothing. Refuses to know
//! recipients, mails and the store.

pub mod baseline;
pub mod profile;
pub mod tail;

use std::time::Duration;

use jiff::Timestamp;

use self::baseline::{BASELINE_DAYS, Baseline, DAYS_MIN, LAG_DAYS};
use crate::feed::schedule::after;
use crate::topic::policy::SurgePolicy;

/// The time that reports are counted in.
pub const WINDOW: Duration = Duration::from_hours(24);

/// Hours of history that are used: the window, the lag and the baseline.
pub const HISTORY_HOURS: i64 = 24 * (1 + LAG_DAYS + BASELINE_DAYS);

/// Independent looks a day. The window rolls, and is looked at whenever something arrives: simulated series so watched raise
/// up to four times the alarms of one look a day (`examples/surges.rs`).
const LOOKS_PER_DAY: f64 = 4.0;

const DAYS_PER_YEAR: f64 = 365.25;

/// A topic is reported on far more than usual.
#[derive(Debug, Clone, PartialEq)]
pub struct Surge {
    /// `−log10` of the probability of so many reports, were all as usual.
    pub surprise: f64,
    /// Reports that were to be expected.
    pub expected: f64,
    /// Reports there are, without those that other surges account for.
    pub seen: u32,
    /// Independent publishers behind all of them.
    pub publishers: u32,
    /// The time they came in.
    pub window: Duration,
    /// Reports of places that a surge was told of.
    pub told_elsewhere: u32,
}

/// Where the watch over a series stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Watch {
    /// A surge was told and is not over.
    pub is_raised: bool,
    /// When a surge was told last.
    pub told_at: Option<Timestamp>,
}

/// A series as [`judge`] looks at it.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// The topic's `[alert.surge]`.
    pub policy: &'a SurgePolicy,
    /// What is usual; `None` while the history is too short.
    pub baseline: Option<&'a Baseline>,
    /// How much more than usual came in altogether, whatever its topic; at least 1.
    pub coverage: f64,
    /// Reports of the window.
    pub seen: u32,
    /// Those of them that surges at single places account for.
    pub told_elsewhere: u32,
    /// Independent publishers behind the reports.
    pub publishers: u32,
    /// Series of the topic that are watched.
    pub series_count: u32,
    /// Where the watch stands.
    pub watch: Watch,
    /// Now.
    pub now: Timestamp,
}

/// What a look came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// People are told.
    Told(Surge),
    /// The history is too short.
    TooNew,
    /// No more than chance brings about.
    Usual {
        /// How surprising it is.
        surprise: f64,
        /// From where it would be told.
        alarm_at: f64,
    },
    /// Surprising, but by too few publishers.
    FewPublishers {
        /// Publishers there are.
        have: u32,
        /// Publishers the topic asks for.
        need: u32,
    },
    /// It was told, and is not over.
    StillRaised {
        /// How surprising it is.
        surprise: f64,
    },
    /// Another one so soon after the last.
    Refractory {
        /// When one may be told again.
        until: Timestamp,
    },
}

/// Looks at a series: whether it is told, and where the watch stands then.
///
/// Told is a surprise of at least [`alarm_at`] by enough publishers, unless one was told within `refractory`. It is over when the
/// surprise falls below half of that; until then nothing more is told of it.
pub fn judge(look: &Look<'_>) -> (Verdict, Watch) {
    let mut watch = look.watch;
    let Some(baseline) = look.baseline else { return (Verdict::TooNew, watch) };
    let seen = look.seen.saturating_sub(look.told_elsewhere);
    let (surprise, alarm_at) =
        (baseline.surprise(seen, look.coverage), alarm_at(look.policy, look.series_count));
    if surprise < alarm_at / 2.0 {
        watch.is_raised = false;
    }
    let until = watch.told_at.map(|at| after(at.min(look.now), look.policy.refractory));
    let verdict = if watch.is_raised {
        Verdict::StillRaised { surprise }
    } else if surprise < alarm_at {
        Verdict::Usual { surprise, alarm_at }
    } else if look.publishers < look.policy.publishers || seen < look.policy.publishers {
        Verdict::FewPublishers { have: look.publishers.min(seen), need: look.policy.publishers }
    } else if let Some(until) = until.filter(|until| *until > look.now) {
        Verdict::Refractory { until }
    } else {
        watch = Watch { is_raised: true, told_at: Some(look.now) };
        Verdict::Told(Surge {
            surprise,
            expected: baseline.expected * look.coverage,
            seen,
            publishers: look.publishers,
            window: WINDOW,
            told_elsewhere: look.told_elsewhere,
        })
    };
    (verdict, watch)
}

/// The surprise from which a topic is told of, by its false-alarm budget: with `B` alarms a year over `G` series of `k`
/// independent looks a day, each may go wrong with `α = B / (365.25 · k · G)`, and the surprise is `−log10 α`; never below 2.
pub fn alarm_at(policy: &SurgePolicy, series_count: u32) -> f64 {
    let looks = DAYS_PER_YEAR * LOOKS_PER_DAY * f64::from(series_count.max(1));
    (looks / policy.alarms_per_year).log10().max(2.0)
}

impl Surge {
    /// What is told, in numbers: no report's own headline is confirmed by all who report. What may be cut stands last.
    pub fn headline(&self) -> String {
        let (hours, usual) = (self.window.as_secs() / 3_600, number(self.expected));
        format!("{} reports in {hours}h, usual {usual}", self.seen)
    }

    /// Why people are told, as a clause.
    pub fn reason(&self) -> String {
        let besides = match self.told_elsewhere {
            0 => String::new(),
            count => format!(", besides {count} of places told of before"),
        };
        format!(
            "there are {} reports by {} publishers in {} hours{besides}, where {} are usual (surprise {:.1}: by chance once in {})",
            self.seen,
            self.publishers,
            self.window.as_secs() / 3_600,
            number(self.expected),
            self.surprise,
            wait(self.surprise)
        )
    }
}

impl Verdict {
    /// A short word for counting.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Told(_) => "surge",
            Self::TooNew => "too-new",
            Self::Usual { .. } => "usual",
            Self::FewPublishers { .. } => "few-publishers",
            Self::StillRaised { .. } => "still-raised",
            Self::Refractory { .. } => "refractory",
        }
    }

    /// The decision in a sentence.
    pub fn words(&self) -> String {
        match self {
            Self::Told(surge) => format!("told: {}", surge.reason()),
            Self::TooNew => format!("not told: there are less than {DAYS_MIN} days of history"),
            Self::Usual { surprise, alarm_at } => {
                format!(
                    "not told: a surprise of {surprise:.1}, and {alarm_at:.1} is asked for (alert.surge.alarms_per_year)"
                )
            }
            Self::FewPublishers { have, need } => {
                format!("not told: {have} of {need} independent publishers (alert.surge.publishers)")
            }
            Self::StillRaised { surprise } => {
                format!("not told again: the surge that was told is not over, its surprise is {surprise:.1}")
            }
            Self::Refractory { until } => {
                let until = until.strftime("%Y-%m-%d %H:%MZ");
                format!(
                    "not told: the last one was told so shortly before; from {until} on (alert.surge.refractory)"
                )
            }
        }
    }
}

/// A number of reports for people.
fn number(count: f64) -> String {
    if count < 0.1 {
        return "fewer than 0.1".to_owned();
    }
    let digits = usize::from(count < 10.0 && (count - count.round()).abs() >= 0.05);
    format!("{count:.digits$}")
}

/// How long chance takes on the average for such a surprise in one series, in words of two digits.
fn wait(surprise: f64) -> String {
    let days = 10_f64.powf(surprise) / LOOKS_PER_DAY;
    let (count, unit) = match days / DAYS_PER_YEAR {
        years if years >= 1e6 => return "more than a million years".to_owned(),
        years if years >= 2.0 => (years, "years"),
        years if years >= 0.2 => (years * 12.0, "months"),
        _ => (days.max(2.0), "days"),
    };
    let step = 10_f64.powf((count.log10().floor() - 1.0).max(0.0));
    format!("{:.0} {unit}", (count / step).round() * step)
}
