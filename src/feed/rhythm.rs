//! A feed's learned rhythm: how much it usually publishes in which hour of the week, and how long to wait before
//! asking it again.
//!
//! Owns [`Rhythm`] (a few hundred bytes per feed, in memory and in the store alike) and the rule that turns expected
//! entries into a wait. The rule: for a given number of requests, entries wait least when a feed is polled in
//! proportion to the square root of its rate (Lagrange over mean delays of half a wait each; Cho and Garcia-Molina,
//! "Effective page refresh policies for Web crawlers", ACM TODS 28(4), 2003). Refuses the clock, servers' wishes,
//! back-off and jitter: those are the schedule's. The minute of the hour is not learned: a month of real feeds gained
//! 4 % by it when entries showed up as dated, and lost up to 3 % when they came minutes later, as behind caches.

mod stored;

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use super::pace::Pace;

/// Entries per hour of the feed that is polled exactly every [`Pace::interval`]: one in two hours. Real news feeds,
/// taken together, then cost about as many requests as with the fixed interval.
const REFERENCE_RATE: f64 = 0.5;

/// Until this much was watched the plain interval holds: every hour of the day was seen once.
const LEARNING: i64 = 24 * HOUR;

/// What is left of an hour's weight after a week: half after four weeks, so a new season shows within a month.
const WEEK_FACTOR: f64 = 0.840_896_415_253_714_5;

/// Hours of [`REFERENCE_RATE`] that a feed starts with, so that no rate is zero; real observation soon outweighs them.
const PRIOR_HOURS: f64 = 3.0;

/// Entries that the overall rate is worth when an hour of the day or a day of the week is judged: few, as most feeds
/// keep office hours.
const PART_PRIOR: f64 = 1.0;

/// Entries that hour and day together are worth when an hour of the week is judged: more, as few feeds need it.
const WEEK_PRIOR: f64 = 4.0;

/// The last hours count against the usual with this half-life, in seconds: what lasts longer, the week has learned.
const RECENT_HALF_LIFE: f64 = 2.0 * 3600.0;

/// Entries by which both sides of "seen against expected" are raised: a single one is not yet breaking news.
const RECENT_PRIOR: f64 = 1.0;

/// From so many times the usual on, news is breaking; from its inverse down, it is a lull.
const HOT_FACTOR: f64 = 2.0;

/// And from so many recent entries on (aged).
const HOT_ENTRIES: f64 = 3.0;

/// Entries counted in one minute. More than that is an import, or ids that change on each poll.
const PER_MINUTE_MAX: u32 = 10;

/// Longest window one poll may teach about; of a longer one the end counts. Feeds rarely hold more than a week.
const WINDOW_MAX: i64 = 7 * DAY;

/// Arrivals read from one poll; far more than a feed holds.
const ARRIVALS_MAX: usize = 100_000;

/// How far ahead a wait is worked out: no feed is left alone for longer, whatever `max_interval` says.
const LOOKAHEAD: i64 = 31 * DAY;

/// Silences are counted in buckets from one hour up, each √2 times the one before: the last ends at 1024 hours.
const SILENCES: usize = 21;

/// Share of all time that silences up to the usual one take.
const USUAL_SHARE: f64 = 0.95;

/// What must be known before a silence is called usual: a week of gaps, and so many entries.
const GAP_HOURS_MIN: f64 = 168.0;
const GAP_ENTRIES_MIN: f64 = 5.0;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// Hours of the week.
const WEEK: usize = 168;

/// What polls have shown of when a feed publishes. The default knows nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Rhythm {
    /// Entries seen per hour of the week (UTC, from Monday 00:00), aged each time that hour comes round.
    hours: [Root; WEEK],
    /// Hours of silence between entries, by the length of the silence, aged by the day.
    silences: [Root; SILENCES],
    /// End of the last window learned from, Unix seconds.
    until: i64,
    /// The newest arrival, Unix seconds.
    last_arrival: Option<i64>,
    /// Seconds watched in all.
    watched: u32,
    /// Recent entries, aged to `until`.
    seen: f32,
    /// What the week let expect in the same time, aged alike.
    expected: f32,
}

impl Default for Rhythm {
    fn default() -> Self {
        Self {
            hours: [Root(0); WEEK],
            silences: [Root(0); SILENCES],
            until: 0,
            last_arrival: None,
            watched: 0,
            seen: 0.0,
            expected: 0.0,
        }
    }
}

/// Why a feed waits as long as it does, apart from what its server and its failures ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitReason {
    /// Less than a day was watched: the plain interval.
    Learning,
    /// About the plain interval.
    Usual,
    /// Shorter: much is usual around this hour.
    Busy,
    /// Shorter: much more than usual came in the last hours.
    Hot,
    /// Longer: little is usual around this hour.
    Quiet,
    /// Longer: much less than usual came in the last hours.
    Lull,
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Learning => "still learning when it publishes",
            Self::Usual => "its usual pace",
            Self::Busy => "usually busy around this hour",
            Self::Hot => "news is breaking, far more than usual for this hour",
            Self::Quiet => "rarely something new around this hour",
            Self::Lull => "much quieter than usual for this hour",
        })
    }
}

impl Rhythm {
    /// A poll that brought a document or a 304: between the previous successful poll (`since`) and this one (`until`)
    /// these entries appeared. Times outside the window are moved to its edge; a window that is empty or runs
    /// backwards (the clock was set back) teaches nothing.
    pub fn observe(&mut self, since: Timestamp, until: Timestamp, arrivals: &[Timestamp]) {
        let until = until.as_second();
        let since = since.as_second().max(until - WINDOW_MAX);
        if since >= until {
            return;
        }
        let mut times: Vec<i64> =
            arrivals.iter().take(ARRIVALS_MAX).map(|at| at.as_second().clamp(since + 1, until)).collect();
        times.sort_unstable();
        keep_per_minute(&mut times);

        self.learn_recent(since, until, &times);
        self.age(since, until);
        for &at in &times {
            self.hours[hour_of_week(at)].add(1.0);
            if let Some(last) = self.last_arrival
                && at > last
            {
                let hours = (at - last) as f64 / HOUR as f64;
                self.silences[bucket(hours)].add(hours);
            }
            self.last_arrival = Some(at);
        }
        self.watched = self.watched.saturating_add(u32::try_from(until - since).unwrap_or(u32::MAX));
        self.until = until;
    }

    /// Entries per hour to expect at `at`: what is usual for that hour of the week, times how far the last hours
    /// were from usual. Always above zero.
    pub fn rate_at(&self, at: Timestamp) -> f64 {
        self.usual_rate(hour_of_week(at.as_second()), self.overall_rate()) * self.surge(at.as_second())
    }

    /// The wait after a poll that began at `at`, within the owner's bounds, and why. The hours ahead are walked until
    /// one poll's worth of √rate has come together, so a quiet night does not sleep through a busy morning.
    pub fn wait(&self, at: Timestamp, pace: Pace) -> (Duration, WaitReason) {
        let held = |wait: Duration| wait.min(pace.max_interval).max(pace.min_interval);
        let interval = held(pace.interval);
        if i64::from(self.watched) < LEARNING {
            return (interval, WaitReason::Learning);
        }
        let at = at.as_second();
        let overall = self.overall_rate();
        let surge = self.surge(at);
        let (mut waited, mut done) = (0.0, 0.0);
        let ahead = i64::try_from(pace.max_interval.as_secs()).unwrap_or(i64::MAX).min(LOOKAHEAD);
        for (start, end) in hours_between(at, at + ahead) {
            let rate = self.usual_rate(hour_of_week(start), overall) * surge;
            let per_second = (rate / REFERENCE_RATE).sqrt() / interval.as_secs_f64().max(1.0);
            let seconds = (end - start) as f64;
            let left = (1.0 - done) / per_second;
            if left <= seconds {
                waited += left;
                break;
            }
            waited += seconds;
            done += seconds * per_second;
        }
        let wait = held(Duration::try_from_secs_f64(waited).unwrap_or(interval));
        (wait, self.reason(at, wait, interval, surge))
    }

    /// The longest usual silence: gaps between entries up to this long take 95 % of all time (a gap counts by its
    /// length, so nights and weekends count even for a feed that publishes by the minute). An hour to 1024 hours, in
    /// steps of √2; `None` before a week of gaps is known, or of a feed that hardly publishes.
    pub fn usual_gap(&self) -> Option<Duration> {
        let total: f64 = self.silences.iter().map(|hours| hours.get()).sum();
        let entries: f64 = self.hours.iter().map(|count| count.get()).sum();
        if total < GAP_HOURS_MIN || entries < GAP_ENTRIES_MIN {
            return None;
        }
        let mut below = 0.0;
        for (bucket, hours) in self.silences.iter().enumerate() {
            below += hours.get();
            if below >= USUAL_SHARE * total {
                return Some(Duration::from_secs_f64(bucket_end(bucket) * HOUR as f64));
            }
        }
        None
    }

    /// Adds a window to what was seen and expected in the last hours, before the week learns from it.
    #[allow(clippy::cast_possible_truncation, reason = "seven digits are plenty for a few entries")]
    fn learn_recent(&mut self, since: i64, until: i64, times: &[i64]) {
        let kept = faded(until - since);
        let mut expected = f64::from(self.expected) * kept;
        let overall = self.overall_rate();
        for (start, end) in hours_between(since, until) {
            let hours = (end - start) as f64 / HOUR as f64;
            expected += self.usual_rate(hour_of_week(start), overall) * hours * faded(until - end);
        }
        let seen = f64::from(self.seen) * kept + times.iter().map(|at| faded(until - at)).sum::<f64>();
        self.seen = seen as f32;
        self.expected = expected as f32;
    }

    /// Ages each hour of the week that begins in the window, and the silences with each day.
    fn age(&mut self, since: i64, until: i64) {
        for (start, _) in hours_between(since, until) {
            if start % HOUR == 0 {
                self.hours[hour_of_week(start)].age(WEEK_FACTOR);
            }
            if start % DAY == 0 {
                let factor = WEEK_FACTOR.powf(1.0 / 7.0);
                self.silences.iter_mut().for_each(|hours| hours.age(factor));
            }
        }
    }

    /// Entries per hour over the whole week.
    fn overall_rate(&self) -> f64 {
        let entries: f64 = self.hours.iter().map(|count| count.get()).sum();
        let hours: f64 = (0..WEEK).map(|hour| self.hours_watched(hour)).sum();
        (entries + PRIOR_HOURS * REFERENCE_RATE) / (hours + PRIOR_HOURS)
    }

    /// Entries per hour usual in an hour of the week: the overall rate, corrected by what that hour of the day, that
    /// day of the week, and that very hour of the week were seen to bring, each as far as it is known.
    fn usual_rate(&self, hour: usize, overall: f64) -> f64 {
        let same_hour = self.correction((hour % 24..WEEK).step_by(24), overall, PART_PRIOR);
        let same_day = self.correction(hour / 24 * 24..hour / 24 * 24 + 24, overall, PART_PRIOR);
        let usual = overall * same_hour * same_day;
        usual * self.correction(hour..=hour, usual, WEEK_PRIOR)
    }

    /// Entries seen over entries expected at this rate in some hours of the week, both raised by `prior`: the mean of a
    /// gamma prior that is worth so many entries.
    fn correction(&self, hours: impl Iterator<Item = usize>, rate: f64, prior: f64) -> f64 {
        let (mut seen, mut expected) = (prior, prior);
        for hour in hours {
            seen += self.hours[hour].get();
            expected += rate * self.hours_watched(hour);
        }
        seen / expected
    }

    /// How long an hour of the week was watched, in hours, aged as its entries are. Watching is taken to have been
    /// without a break, which spares a counter per hour: after an outage the next window covers what was missed.
    fn hours_watched(&self, hour: usize) -> f64 {
        let into = self.until.rem_euclid(HOUR) as f64 / HOUR as f64;
        let watched = f64::from(self.watched) / HOUR as f64;
        let back = (hour_of_week(self.until) + WEEK - hour) % WEEK;
        if back == 0 {
            // The hour that runs now, and this hour in the weeks before.
            return into.min(watched) + WEEK_FACTOR * weeks_of(watched - into - (WEEK - 1) as f64);
        }
        weeks_of(watched - into - (back - 1) as f64)
    }

    /// How far the last hours were from usual, faded to `at`: 1 is as usual.
    fn surge(&self, at: i64) -> f64 {
        let kept = faded((at - self.until).max(0));
        (f64::from(self.seen) * kept + RECENT_PRIOR) / (f64::from(self.expected) * kept + RECENT_PRIOR)
    }

    fn reason(&self, at: i64, wait: Duration, interval: Duration, surge: f64) -> WaitReason {
        let seen = f64::from(self.seen) * faded((at - self.until).max(0));
        if wait <= interval && surge >= HOT_FACTOR && seen >= HOT_ENTRIES {
            WaitReason::Hot
        } else if wait.saturating_mul(4) < interval.saturating_mul(3) {
            WaitReason::Busy
        } else if wait.saturating_mul(3) <= interval.saturating_mul(4) {
            WaitReason::Usual
        } else if surge <= 1.0 / HOT_FACTOR {
            WaitReason::Lull
        } else {
            WaitReason::Quiet
        }
    }
}

/// A count from 0 to 65,535 kept as its root in 1/256 steps: two bytes that hold one entry exactly, thousands closely,
/// and do not stick when they age.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Root(u16);

impl Root {
    fn get(self) -> f64 {
        let root = f64::from(self.0) / 256.0;
        root * root
    }

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` stops at the largest count"
    )]
    fn set(&mut self, count: f64) {
        self.0 = (count.max(0.0).sqrt() * 256.0).round() as u16;
    }

    fn add(&mut self, count: f64) {
        self.set(self.get() + count);
    }

    fn age(&mut self, factor: f64) {
        self.set(self.get() * factor);
    }
}

/// What is left of a recent entry's weight after so many seconds.
fn faded(seconds: i64) -> f64 {
    0.5_f64.powf(seconds as f64 / RECENT_HALF_LIFE)
}

/// Aged hours of one hour of the week within a watched stretch of so many hours whose newest hour it is.
fn weeks_of(stretch: f64) -> f64 {
    if stretch <= 0.0 {
        return 0.0;
    }
    let whole = (stretch / WEEK as f64).floor();
    let oldest = (stretch - whole * WEEK as f64).min(1.0);
    let kept = WEEK_FACTOR.powf(whole);
    (1.0 - kept) / (1.0 - WEEK_FACTOR) + kept * oldest
}

/// 0 to 167, from Monday 00:00 UTC. The epoch was a Thursday.
fn hour_of_week(second: i64) -> usize {
    let hour = (second.div_euclid(HOUR) + 3 * 24).rem_euclid(7 * 24);
    usize::try_from(hour).unwrap_or_default()
}

/// The stretch from `since` to `until`, cut at full hours.
fn hours_between(since: i64, until: i64) -> impl Iterator<Item = (i64, i64)> {
    let mut start = since;
    std::iter::from_fn(move || {
        let end = (start.div_euclid(HOUR) * HOUR + HOUR).min(until);
        let piece = (start, end);
        start = end;
        (piece.0 < piece.1).then_some(piece)
    })
}

/// Drops what exceeds [`PER_MINUTE_MAX`] from times in order.
fn keep_per_minute(times: &mut Vec<i64>) {
    let (mut minute, mut count) = (None, 0);
    times.retain(|at| {
        let this = Some(at.div_euclid(60));
        if this != minute {
            (minute, count) = (this, 0);
        }
        count += 1;
        count <= PER_MINUTE_MAX
    });
}

/// The bucket of a silence of so many hours.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` puts up to an hour into the first"
)]
fn bucket(hours: f64) -> usize {
    ((hours.log2() * 2.0).ceil() as usize).min(SILENCES - 1)
}

/// Where a bucket ends, hours.
fn bucket_end(bucket: usize) -> f64 {
    2_f64.powf(bucket as f64 / 2.0)
}
