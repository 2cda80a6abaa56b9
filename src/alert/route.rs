//! Who gets which alerts, and when.
//!
//! Owns [`Route`] and what it says of an alert ([`Route::refusal`], [`Route::plan`]). What becomes of an alert at an address
//! that several routes name is [`decide`](decide::decide), times of day are [`clock`]. Refuses to render and to send.

pub mod clock;
pub mod decide;

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;

use self::clock::{QuietHours, next_hour, next_time};
use super::{Alert, Kind};
use crate::feed::schedule::after;
use crate::topic::Severity;

/// When a route tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// At once.
    Immediate,
    /// At the full hour of the local clock, all of the hour together.
    Hourly,
    /// Once a day, all of the day together.
    Daily {
        /// By the local clock.
        at: Time,
    },
}

/// Who is told of a critical alert that nobody acknowledges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondLine {
    /// Addresses.
    pub to: Vec<String>,
    /// How long after the first were told.
    pub after: Duration,
}

/// `[[route]]`, checked. Empty lists match everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Addresses.
    pub to: Vec<String>,
    /// Globs over topic ids (`*` any run, `?` one character).
    pub topics: Vec<String>,
    /// Severities.
    pub severities: Vec<Severity>,
    /// ISO 3166-1 alpha-2 codes.
    pub places: Vec<String>,
    /// Independent publishers an alert must have; corrections and all-clears need none.
    pub min_publishers: u32,
    /// Whether all-clears are told.
    pub all_clear: bool,
    /// When.
    pub mode: Mode,
    /// By which clock `mode` and `quiet_hours` count.
    pub zone: TimeZone,
    /// When people are not disturbed.
    pub quiet_hours: Option<QuietHours>,
    /// Mails an hour to one address; the rest of the hour is told together. Only where alerts are told at once.
    pub max_per_hour: Option<u32>,
    /// Addresses that limit is not for: programs, which do not tire.
    pub unlimited: Vec<String>,
    /// Who is told when nobody acknowledges.
    pub second_line: Option<SecondLine>,
}

/// Why a route does not take an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It is for other topics.
    Topic,
    /// It is for other severities.
    Severity,
    /// It is for other places.
    Place,
    /// It asks for more publishers.
    Publishers {
        /// Publishers of the alert.
        have: u32,
        /// Publishers the route asks for.
        need: u32,
    },
    /// It does not ask for all-clears.
    AllClear,
}

impl Refusal {
    /// The reason as a clause, with the key that holds it.
    pub fn words(&self, route: &Route) -> String {
        match self {
            Self::Topic => format!("it is for the topics {} (topics)", route.topics.join(", ")),
            Self::Severity => {
                let words: Vec<&str> = route.severities.iter().map(|severity| severity.as_str()).collect();
                format!("it is for the severities {} (severities)", words.join(", "))
            }
            Self::Place => format!("it is for the places {} (places)", route.places.join(", ")),
            Self::Publishers { have, need } => {
                format!("{have} of {need} independent publishers say so (min_publishers)")
            }
            Self::AllClear => "it does not ask for all-clears (all_clear)".to_owned(),
        }
    }
}

/// A mail that went to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// When.
    pub at: Timestamp,
    /// Of what it told.
    pub severity: Severity,
}

/// The hour in which mails to an address are counted.
pub const CAP_WINDOW: Duration = Duration::from_hours(1);

/// Why a route does not tell at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// For its digest.
    Digest,
    /// For the end of its quiet hours.
    QuietHours,
    /// For room within its `max_per_hour`.
    Cap,
}

/// When a route tells an alert to an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// When: now, or later.
    pub at: Timestamp,
    /// Why not now.
    pub wait: Option<Wait>,
}

impl Route {
    /// Why this route does not take an alert; `None` when it does.
    pub fn refusal(&self, alert: &Alert) -> Option<Refusal> {
        let lacks = |empty: bool, found: bool| !empty && !found;
        if lacks(self.topics.is_empty(), self.topics.iter().any(|glob| matches_glob(glob, &alert.topic.0))) {
            return Some(Refusal::Topic);
        }
        if lacks(self.severities.is_empty(), self.severities.contains(&alert.severity)) {
            return Some(Refusal::Severity);
        }
        if lacks(self.places.is_empty(), self.places.contains(&alert.place)) {
            return Some(Refusal::Place);
        }
        if alert.publishers < self.min_publishers && !alert.kind.is_follow_up() {
            return Some(Refusal::Publishers { have: alert.publishers, need: self.min_publishers });
        }
        (alert.kind == Kind::AllClear && !self.all_clear).then_some(Refusal::AllClear)
    }

    /// Whether this route takes an alert.
    pub fn takes(&self, alert: &Alert) -> bool {
        self.refusal(alert).is_none()
    }

    /// Whether this route names an address.
    pub fn names(&self, address: &str) -> bool {
        self.to.iter().any(|known| known.eq_ignore_ascii_case(address))
    }

    /// Whether this route's limit of mails an hour is for an address.
    pub fn limits(&self, address: &str) -> bool {
        !self.unlimited.iter().any(|known| known.eq_ignore_ascii_case(address))
    }

    /// When this route tells an alert to an address that got the mails of `recent` in the last hour.
    pub fn plan(&self, alert: &Alert, recent: &[Told], now: Timestamp) -> Plan {
        let (at, wait) = match self.mode {
            Mode::Immediate => (now, None),
            Mode::Hourly => (next_hour(&self.zone, now), Some(Wait::Digest)),
            Mode::Daily { at } => (next_time(at, &self.zone, now), Some(Wait::Digest)),
        };
        if let Some(end) = self.quiet_until(alert.severity, at) {
            return Plan { at: end, wait: Some(wait.unwrap_or(Wait::QuietHours)) };
        }
        if wait.is_none()
            && let Some(free_at) = self.full_until(alert.severity, recent, now)
        {
            let at = self.quiet_until(alert.severity, free_at).unwrap_or(free_at);
            return Plan { at, wait: Some(Wait::Cap) };
        }
        Plan { at, wait }
    }

    /// When quiet hours that hold such an alert at `at` end.
    pub fn quiet_until(&self, severity: Severity, at: Timestamp) -> Option<Timestamp> {
        let quiet = self.quiet_hours.as_ref().filter(|quiet| severity < quiet.unless)?;
        quiet.end(&self.zone, at)
    }

    /// When there is room for such an alert again; `None` when there is. Mails of lower severity take no room from one of
    /// higher: a flood of the harmless must not hold back the grave.
    fn full_until(&self, severity: Severity, recent: &[Told], now: Timestamp) -> Option<Timestamp> {
        let max = self.max_per_hour.and_then(|max| usize::try_from(max).ok())?;
        let counts =
            |told: &&Told| told.severity >= severity && told.at <= now && after(told.at, CAP_WINDOW) > now;
        let mut times: Vec<Timestamp> = recent.iter().filter(counts).map(|told| told.at).collect();
        times.sort_unstable();
        // Once the one that is `max` back has left the hour, there is room for one more.
        let first = times.len().checked_sub(max)?;
        times.get(first).map(|at| after(*at, CAP_WINDOW))
    }

    /// When it tells, in words.
    pub fn words(&self) -> String {
        let zone = self.zone.iana_name().unwrap_or("UTC");
        let mut parts = vec![match self.mode {
            Mode::Immediate => "at once".to_owned(),
            Mode::Hourly => format!("every full hour, {zone}"),
            Mode::Daily { at } => format!("daily at {}, {zone}", at.strftime("%H:%M")),
        }];
        parts.extend(
            self.quiet_hours
                .as_ref()
                .map(|quiet| format!("quiet {} {zone} unless {}", quiet.words(), quiet.unless.as_str())),
        );
        let but = if self.unlimited.is_empty() { "" } else { ", webhooks all" };
        parts.extend(self.max_per_hour.map(|max| format!("at most {max} mails an hour{but}")));
        parts.join("; ")
    }
}

/// Shell-style matching: `*` any run of characters, `?` one. Greedy with a single fall-back point, so linear times
/// the pattern's length at worst.
pub fn matches_glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && (pattern[p] == '?' || (pattern[p] == text[t] && pattern[p] != '*')) {
            (p, t) = (p + 1, t + 1);
        } else if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, t));
            p += 1;
        } else if let Some((star_at, text_at)) = star {
            star = Some((star_at, text_at + 1));
            (p, t) = (star_at + 1, text_at + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}
