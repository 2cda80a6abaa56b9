//! When a route tells: its mode, clock, quiet hours, limit and second line.
//!
//! Owns that these agree: what another setting makes meaningless is an error, not a surprise. Refuses to read a clock.

use std::ops::Range;
use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::{TimeZone, db};

use super::super::check::check_range;
use super::super::raw;
use super::super::read::{Item, nearest};
use super::super::source::Sheet;
use super::super::value::Line;
use super::check_addresses;
use crate::alert::route::clock::QuietHours;
use crate::alert::route::{Mode, SecondLine};
use crate::topic::Severity;

/// When a route tells, checked.
pub(super) struct Timing {
    pub(super) mode: Mode,
    pub(super) zone: TimeZone,
    pub(super) quiet_hours: Option<QuietHours>,
    pub(super) max_per_hour: Option<u32>,
    pub(super) second_line: Option<SecondLine>,
}

/// The names of keys of one route, as messages have them.
type Key<'a> = &'a dyn Fn(&str) -> String;

/// Time of day of a daily digest that sets none: before most desks begin.
const DIGEST_AT: Time = Time::constant(7, 0, 0, 0);

const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

const TIME_HINT: &str = "write hours and minutes from \"00:00\" to \"23:59\"";

pub(super) fn check(
    raw: &raw::Route,
    (to, outlets): (&[String], &[Item<raw::Outlet>]),
    key: Key<'_>,
    sheet: &mut Sheet<'_>,
) -> Timing {
    let mode = check_mode(raw, key, sheet);
    let zone = check_zone(raw, key, sheet);
    let quiet_hours = check_quiet(raw, key, sheet);
    if let (Mode::Daily { at }, Some(quiet)) = (mode, &quiet_hours)
        && quiet.hold(at)
    {
        let span = raw.at.span.clone().or_else(|| raw.quiet_hours.span.clone()).unwrap_or_default();
        let message = format!(
            "the digest of {} falls into the quiet hours {} and would wait for their end",
            at.strftime("%H:%M"),
            quiet.words()
        );
        sheet.error(span, &key("at"), message, "choose a time outside the quiet hours");
    }
    let is_immediate = mode == Mode::Immediate;
    if let Some(span) = raw.max_per_hour.span.clone().filter(|_| !is_immediate && raw.max_per_hour.sound) {
        let message = "a digest is at most one mail an hour, so this limit means nothing".to_owned();
        sheet.error(span, &key("max_per_hour"), message, "remove the line, or write mode = \"immediate\"");
    }
    Timing {
        mode,
        zone,
        quiet_hours,
        max_per_hour: is_immediate.then_some(raw.max_per_hour.value.0),
        second_line: check_second_line(raw, (to, outlets), is_immediate, key, sheet),
    }
}

fn check_mode(raw: &raw::Route, key: Key<'_>, sheet: &mut Sheet<'_>) -> Mode {
    let at = raw.at.value.as_ref().zip(raw.at.span.clone());
    let read = at.as_ref().map(|(Line(text), span)| (parse_time(text), text, span.clone()));
    if let Some((None, text, span)) = &read {
        let message = format!("`{}` is not a time of day", super::super::quoted(text));
        sheet.error(span.clone(), &key("at"), message, TIME_HINT);
    }
    match raw.mode.value {
        raw::Mode::Daily => Mode::Daily { at: read.and_then(|(at, ..)| at).unwrap_or(DIGEST_AT) },
        other => {
            if let Some((_, span)) = at.filter(|_| raw.mode.sound) {
                let message = "only a daily digest has a time of day".to_owned();
                sheet.error(span, &key("at"), message, "write mode = \"daily\", or remove the line");
            }
            if other == raw::Mode::Hourly { Mode::Hourly } else { Mode::Immediate }
        }
    }
}

/// `HH:MM`.
fn parse_time(text: &str) -> Option<Time> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let number = |digits: &str| {
        let is_number = (1..=2).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<i8>().ok().filter(|_| is_number)
    };
    let minutes = number(minutes).filter(|_| minutes.len() == 2)?;
    Time::new(number(hours)?, minutes, 0, 0).ok()
}

fn check_zone(raw: &raw::Route, key: Key<'_>, sheet: &mut Sheet<'_>) -> TimeZone {
    let Line(name) = &raw.time_zone.value;
    let span = raw.time_zone.span.clone().filter(|_| raw.time_zone.sound);
    let zone = time_zone(name).unwrap_or_else(|hint| {
        let message = format!("`{}` is not a time zone", super::super::quoted(name));
        sheet.error(span.clone().unwrap_or_default(), &key("time_zone"), message, hint);
        TimeZone::UTC
    });
    if let Some(span) = span
        && raw.mode.value == raw::Mode::Immediate
        && raw.mode.sound
        && raw.quiet_hours.span.is_none()
    {
        let message = "nothing on this route goes by a clock".to_owned();
        let hint = "set quiet_hours or a digest, or remove the line";
        sheet.warning(span, &key("time_zone"), message, hint);
    }
    zone
}

/// A time zone by its name, or what to write instead.
pub(in crate::config) fn time_zone(name: &str) -> Result<TimeZone, String> {
    // A name such as `localtime` would say something else on another machine.
    if (name == "UTC" || name.contains('/'))
        && let Ok(zone) = TimeZone::get(name)
    {
        return Ok(zone);
    }
    let names: Vec<String> = db().available().map(|name| name.as_str().to_owned()).collect();
    let written = name.replace(' ', "_").to_lowercase();
    let city = |full: &str| full.rsplit('/').next().unwrap_or_default().to_lowercase();
    let same_city = names.iter().find(|full| full.contains('/') && city(full) == city(&written));
    let lower: Vec<String> = names.iter().map(|full| full.to_lowercase()).collect();
    let all: Vec<&str> = lower.iter().map(String::as_str).collect();
    let near = nearest(&written, &all).and_then(|near| names.iter().find(|full| full.to_lowercase() == near));
    let example = "write a name of the IANA database, such as \"Africa/Khartoum\" or \"Europe/Paris\"";
    Err(match same_city.or(near) {
        Some(meant) => format!("did you mean \"{meant}\"? {example}"),
        None => example.to_owned(),
    })
}

fn check_quiet(raw: &raw::Route, key: Key<'_>, sheet: &mut Sheet<'_>) -> Option<QuietHours> {
    let Some((Line(text), span)) = raw.quiet_hours.value.as_ref().zip(raw.quiet_hours.span.clone()) else {
        if let Some(span) = raw.quiet_unless.span.clone().filter(|_| raw.quiet_hours.sound) {
            let message = "there are no quiet hours to make an exception of".to_owned();
            sheet.error(span, &key("quiet_unless"), message, "set quiet_hours, or remove the line");
        }
        return None;
    };
    let parsed = text.split_once('-').and_then(|(from, to)| parse_time(from).zip(parse_time(to)));
    let Some((from, to)) = parsed else {
        let message = format!("`{}` are not hours of a day", super::super::quoted(text));
        sheet.error(span, &key("quiet_hours"), message, "write them as \"22:00-06:00\"");
        return None;
    };
    if from == to {
        let message = "these quiet hours begin when they end".to_owned();
        let hint = "write two different times; a route that never tells is one to remove";
        sheet.error(span, &key("quiet_hours"), message, hint);
        return None;
    }
    let unless = raw.quiet_unless.value;
    let severities = &raw.severities.value;
    let least = severities.iter().map(|item| item.value).min().unwrap_or(Severity::Info);
    if raw.quiet_unless.sound && raw.severities.sound && least >= unless {
        let given: Range<usize> = raw.quiet_unless.span.clone().unwrap_or(span);
        let message = format!(
            "all alerts of this route are {} or graver and are told in quiet hours, too (quiet_unless)",
            unless.as_str()
        );
        let hint = "raise quiet_unless, add lesser severities, or remove quiet_hours";
        sheet.error(given, &key("quiet_hours"), message, hint);
    }
    Some(QuietHours { from, to, unless })
}

fn check_second_line(
    raw: &raw::Route,
    (to, outlets): (&[String], &[Item<raw::Outlet>]),
    is_immediate: bool,
    key: Key<'_>,
    sheet: &mut Sheet<'_>,
) -> Option<SecondLine> {
    check_range(&raw.escalate_after, &key("escalate_after"), MINUTE, DAY, sheet);
    let Item { value: second, span, sound } = &raw.escalate_to;
    let Some(span) = span.clone().filter(|_| !second.is_empty()) else {
        if let Some(span) = raw.escalate_after.span.clone().filter(|_| *sound) {
            let message = "there is no second address to tell".to_owned();
            sheet.error(span, &key("escalate_after"), message, "set escalate_to, or remove the line");
        }
        return None;
    };
    let addresses = check_addresses(second, &key("escalate_to"), outlets, sheet);
    for (index, item) in second.iter().enumerate() {
        let Line(address) = &item.value;
        if to.iter().any(|first| first.eq_ignore_ascii_case(address)) {
            let key = format!("{}[{}]", key("escalate_to"), index + 1);
            let message = format!("{} is told first already (to)", super::super::quoted(address));
            sheet.error(item.span.clone().unwrap_or_default(), &key, message, "name somebody else");
        }
    }
    if !is_immediate && raw.mode.sound {
        let message = "a digest tells late: the second address would hear of it before the first".to_owned();
        let hint = "write mode = \"immediate\", or give critical alerts a route of their own";
        sheet.error(span.clone(), &key("escalate_to"), message, hint);
    }
    let severities = &raw.severities.value;
    let has_critical = severities.iter().any(|item| item.value == Severity::Critical);
    if raw.severities.sound && !severities.is_empty() && !has_critical {
        let message = "only critical alerts go to a second address, and this route takes none".to_owned();
        sheet.error(span, &key("escalate_to"), message, "add \"critical\" to severities, or remove the line");
    }
    Some(SecondLine { to: addresses, after: raw.escalate_after.value })
}
