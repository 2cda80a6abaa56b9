//! A time in the past as people type it: `30d`, `2026-03-01`, `2026-03-01T06:00Z`.
//!
//! Owns [`Since`]. A date is its midnight, UTC.

use std::str::FromStr;
use std::time::Duration;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::config;

/// From when on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Since {
    /// So long ago.
    Ago(Duration),
    /// A time.
    At(Timestamp),
}

impl Since {
    /// The time it stands for at `now`.
    pub(super) fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(duration) => {
                let ago = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
                now.checked_sub(ago).unwrap_or(Timestamp::MIN)
            }
            Self::At(at) => at,
        }
    }
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(Self::At(at));
        }
        if let Ok(date) = text.parse::<Date>() {
            let at = TimeZone::UTC.to_timestamp(date.to_datetime(Time::midnight()));
            return at.map(Self::At).map_err(|error| error.to_string());
        }
        config::duration(text).map(Self::Ago).map_err(|message| {
            format!("{message}; write how long ago (30d, 12h), a date (2026-03-01, UTC) or a time (2026-03-01T06:00:00Z)")
        })
    }
}
