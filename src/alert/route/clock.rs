//! The clock on a route's wall: local times of day as moments, also where that clock is set forward or back.
//!
//! Owns [`next_hour`], [`next_time`] and [`QuietHours`]. A clock that is set forward skips times of day: what was to be at one
//! of them is at the moment of the change. A clock that is set back shows times twice: what happens once a day happens at
//! the first. Refuses to read any clock.

use jiff::civil::{Date, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Span, Timestamp};

use crate::feed::schedule::after;
use crate::topic::Severity;

/// A day, for times at the ends of what a calendar holds.
const DAY: std::time::Duration = std::time::Duration::from_hours(24);

/// The next full hour of the local clock, later than `now`.
pub fn next_hour(zone: &TimeZone, now: Timestamp) -> Timestamp {
    let clock = zone.to_datetime(now).time();
    let into = SignedDuration::from_mins(i64::from(clock.minute()))
        + SignedDuration::from_secs(i64::from(clock.second()))
        + SignedDuration::from_nanos(i64::from(clock.subsec_nanosecond()));
    now.checked_add(SignedDuration::from_hours(1) - into).unwrap_or(Timestamp::MAX)
}

/// The next moment, later than `now`, at which the local clock shows a time of day for the first time that day.
pub fn next_time(clock: Time, zone: &TimeZone, now: Timestamp) -> Timestamp {
    let shown = days_around(zone, now).filter_map(|date| shown_at(date, clock, zone)).map(|(first, _)| first);
    shown.filter(|at| *at > now).min().unwrap_or_else(|| after(now, DAY))
}

/// Yesterday to the day after tomorrow: a zone may skip a day.
fn days_around(zone: &TimeZone, now: Timestamp) -> impl Iterator<Item = Date> {
    let today = zone.to_datetime(now).date();
    (-1..=2).filter_map(move |days| today.checked_add(Span::new().days(days)).ok())
}

/// When the local clock shows a time on a date, and when it shows it again if it is set back over it.
fn shown_at(date: Date, clock: Time, zone: &TimeZone) -> Option<(Timestamp, Option<Timestamp>)> {
    let ambiguous = zone.to_ambiguous_timestamp(date.to_datetime(clock));
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => ambiguous.compatible().ok().map(|at| (at, None)),
        AmbiguousOffset::Fold { .. } => {
            let again = ambiguous.later().ok();
            ambiguous.earlier().ok().map(|at| (at, again))
        }
        AmbiguousOffset::Gap { .. } => {
            // Read by the clock before the change it lies behind it, read by the one after it before it.
            let before = ambiguous.earlier().ok()?;
            let change = zone.following(before).next().map(|change| change.timestamp());
            change.or_else(|| ambiguous.later().ok()).map(|at| (at, None))
        }
    }
}

/// Hours in which people are not disturbed, by the local clock; over midnight when they end before they begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuietHours {
    /// The first moment of quiet.
    pub from: Time,
    /// The first moment after it; never the same as `from`.
    pub to: Time,
    /// Severity from which people are told at once anyway.
    pub unless: Severity,
}

impl QuietHours {
    /// Whether it is quiet at a time of day.
    pub fn hold(&self, clock: Time) -> bool {
        if self.from < self.to {
            (self.from..self.to).contains(&clock)
        } else {
            clock >= self.from || clock < self.to
        }
    }

    /// When quiet that reigns at `now` ends; `None` when it is not quiet.
    pub fn end(&self, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
        if !self.hold(zone.to_datetime(now).time()) {
            return None;
        }
        let shown = days_around(zone, now).filter_map(|date| shown_at(date, self.to, zone));
        let ends = shown.flat_map(|(first, again)| [Some(first), again].into_iter().flatten());
        Some(ends.filter(|at| *at > now).min().unwrap_or_else(|| after(now, DAY)))
    }

    /// As the configuration has it: `22:00-06:00`.
    pub fn words(&self) -> String {
        format!("{}-{}", self.from.strftime("%H:%M"), self.to.strftime("%H:%M"))
    }
}

/// A moment by a zone's clock and, where that is another, by UTC: `2026-03-02 07:00 Africa/Khartoum (05:00Z)`.
pub fn moment(at: Timestamp, zone: &TimeZone) -> String {
    let utc = at.strftime("%Y-%m-%d %H:%MZ").to_string();
    match zone.iana_name() {
        None | Some("UTC") => utc,
        Some(name) => {
            format!("{} {name} ({})", zone.to_datetime(at).strftime("%Y-%m-%d %H:%M"), at.strftime("%H:%MZ"))
        }
    }
}
