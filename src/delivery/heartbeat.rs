//! When heartbeats are due: at fixed times of their owner's day.
//!
//! Owns the times, so that a restart moves none. Refuses the clock: `now` is an argument.

use std::time::Duration;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A day has no more heartbeats.
const BEATS_A_DAY_MAX: u64 = 24;

/// Days looked back for heartbeats that were missed.
const DAYS_BACK: u32 = 31;

/// `mail.heartbeat`, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// Time between two; [`divides_a_day`].
    pub every: Duration,
    /// Local time of one of them.
    pub at: Time,
    /// Where that is.
    pub time_zone: TimeZone,
}

impl Heartbeat {
    /// The times of one local day, in order. A time that a change of the clock leaves out is taken as much later as it leaves
    /// out; of one that comes twice, the first counts (RFC 5545 section 3.3.5, as jiff's `compatible`).
    fn of_day(&self, day: Date) -> Vec<Timestamp> {
        let every = self.every.as_secs().max(1);
        let first = seconds(self.at) % every;
        let mut times: Vec<Timestamp> = (0..(86_400 / every).min(BEATS_A_DAY_MAX))
            .filter_map(|number| {
                let second = i64::try_from(first + number * every).ok()?;
                let at = day.at(0, 0, 0, 0).checked_add(SignedDuration::from_secs(second)).ok()?;
                Some(at.to_zoned_datetime(self.time_zone.clone()).ok()?.timestamp())
            })
            .collect();
        times.sort_unstable();
        times
    }

    /// The last time that is not after `now`.
    pub fn last_by(&self, now: Timestamp) -> Option<Timestamp> {
        let today = now.to_zoned_datetime(self.time_zone.clone()).date();
        let days = [today.yesterday().ok()?, today];
        days.into_iter().flat_map(|day| self.of_day(day)).rfind(|at| *at <= now)
    }

    /// The first time after `now`.
    pub fn next_after(&self, now: Timestamp) -> Option<Timestamp> {
        let today = now.to_zoned_datetime(self.time_zone.clone()).date();
        let days = [today, today.tomorrow().ok()?];
        days.into_iter().flat_map(|day| self.of_day(day)).find(|at| *at > now)
    }

    /// How many times lie between two, both left out; a month of them at most.
    pub fn between(&self, from: Timestamp, to: Timestamp) -> u64 {
        let last = to.to_zoned_datetime(self.time_zone.clone()).date();
        let mut day = from.to_zoned_datetime(self.time_zone.clone()).date();
        let mut count = 0;
        for _ in 0..DAYS_BACK {
            let times = self.of_day(day);
            count += times.iter().filter(|at| **at > from && **at < to).count() as u64;
            let Some(next) = day.tomorrow().ok().filter(|next| *next <= last) else { break };
            day = next;
        }
        count
    }
}

fn seconds(time: Time) -> u64 {
    let whole = i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second());
    whole.unsigned_abs()
}

/// Heartbeats of a day must come at the same times every day.
pub const fn divides_a_day(every: Duration) -> bool {
    let seconds = every.as_secs();
    seconds > 0 && every.subsec_nanos() == 0 && 86_400 % seconds == 0 && 86_400 / seconds <= BEATS_A_DAY_MAX
}
