//! Durations and sizes as people write them.
//!
//! Owns `"1h 30m"` and `"10MiB"`, both ways. Refuses bare numbers: a unit left out is a guess.

use std::time::Duration;

/// Units of time, seconds each, largest first.
const TIME_UNITS: [(&str, u64); 5] = [("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

/// Units of size, bytes each, largest first.
const SIZE_UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("B", 1),
];

/// Longest duration: ten years. More is a slip, and would overflow when added to a date.
const SECONDS_MAX: u64 = 3_650 * 86_400;

/// What to write for a duration.
pub(super) const DURATION_HINT: &str =
    "write a number and a unit: s, m, h, d or w, such as \"90s\", \"15m\" or \"1h 30m\"";

/// What to write for a size.
pub(super) const SIZE_HINT: &str =
    "write a number and a unit: B, kB, KiB, MB, MiB, GB or GiB, such as \"10MiB\"";

/// Reads `"1h 30m"`.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err("an empty string is not a duration".to_owned());
    }
    let mut seconds: u64 = 0;
    while !rest.is_empty() {
        let (number, unit, after) = split_quantity(rest);
        if number.is_empty() {
            return Err(format!("`{}` is not a duration", super::quoted(text)));
        }
        if unit.is_empty() {
            return Err(format!("`{}` has no unit of time", super::quoted(text)));
        }
        let Some((_, each)) = TIME_UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(format!("`{}` is not a unit of time", super::quoted(unit)));
        };
        let part = number.parse::<u64>().ok().and_then(|number| number.checked_mul(*each));
        seconds = match part.and_then(|part| seconds.checked_add(part)) {
            Some(seconds) if seconds <= SECONDS_MAX => seconds,
            _ => return Err(format!("`{}` is longer than ten years", super::quoted(text))),
        };
        rest = after.trim_start();
    }
    Ok(Duration::from_secs(seconds))
}

/// Reads `"10MiB"`.
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    let (number, unit, after) = split_quantity(text.trim());
    if number.is_empty() || !after.trim().is_empty() {
        return Err(format!("`{}` is not a size", super::quoted(text)));
    }
    if unit.is_empty() {
        return Err(format!("`{}` has no unit of size", super::quoted(text)));
    }
    let Some((_, each)) = SIZE_UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)) else {
        return Err(format!("`{}` is not a unit of size", super::quoted(unit)));
    };
    let size = number.parse::<u64>().ok().and_then(|number| number.checked_mul(*each));
    size.ok_or_else(|| format!("`{}` is too large", super::quoted(text)))
}

/// Digits, letters, and what follows.
fn split_quantity(text: &str) -> (&str, &str, &str) {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(digits);
    let rest = rest.trim_start();
    let letters = rest.find(|c: char| c.is_ascii_digit() || c.is_whitespace()).unwrap_or(rest.len());
    let (unit, after) = rest.split_at(letters);
    (number, unit, after)
}

/// `1h 30m`, the shortest writing that reads back the same.
pub(super) fn show_duration(duration: Duration) -> String {
    let mut seconds = duration.as_secs();
    // 48h reads better than 2d where hours are the measure, so days start at three and weeks are not used.
    if seconds.is_multiple_of(3_600) && seconds > 0 && seconds < 3 * 86_400 {
        return format!("{}h", seconds / 3_600);
    }
    let mut parts = Vec::new();
    for (unit, each) in TIME_UNITS.iter().skip(1) {
        if seconds >= *each {
            parts.push(format!("{}{unit}", seconds / each));
            seconds %= each;
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

/// `10MiB`, exact.
pub(super) fn show_size(bytes: u64) -> String {
    let units = SIZE_UNITS.iter().filter(|(name, _)| name.ends_with("iB") || *name == "B");
    for (unit, each) in units {
        if bytes >= *each && bytes.is_multiple_of(*each) {
            return format!("{}{unit}", bytes / each);
        }
    }
    format!("{bytes}B")
}
