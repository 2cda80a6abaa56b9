//! Numbers, times and enums in words.

use jiff::Timestamp;

use crate::topic::{Field, Status};

/// A probability with two digits. What is not a number is shown as 0.
pub(super) fn number(probability: f64) -> String {
    let probability = if probability.is_finite() { probability.clamp(0.0, 1.0) } else { 0.0 };
    format!("{probability:.2}")
}

/// How sure that is, for those who do not read probabilities. Bands after the IPCC's likelihood scale, without its
/// highest: nothing that counts words is `virtually certain`.
pub(super) fn likelihood(probability: f64) -> &'static str {
    match probability {
        p if p >= 0.90 => "very likely",
        p if p >= 0.66 => "likely",
        p if p >= 0.33 => "about as likely as not",
        _ => "unlikely",
    }
}

/// `1 article`, `2 articles`.
pub(super) fn plural(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// `+50 points`, `−40 points`, `+3.5 points`.
pub(super) fn points(points: f64) -> String {
    let sign = if points < 0.0 { "−" } else { "+" };
    let size = format!("{}", (points.abs() * 10.0).round() / 10.0);
    format!("{sign}{size} {}", if size == "1" { "point" } else { "points" })
}

/// Where a quote stands.
pub(super) fn field(field: Field) -> &'static str {
    match field {
        Field::Title => "title",
        Field::Summary => "summary",
        Field::Body => "body",
    }
}

/// How a quote is meant.
pub(super) fn status(status: Status) -> &'static str {
    match status {
        Status::Affirmed => "affirmed",
        Status::Hedged => "hedged",
        Status::Hypothetical => "hypothetical",
        Status::Future => "future",
        Status::Historical => "historical",
        Status::Negated => "negated",
        Status::Ended => "ended",
    }
}

/// `2026-11-23 10:12 UTC`.
pub(super) fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// A time as briefly as it can be told on the day of `now`: `10:12`, and else `22 Nov 10:12`; UTC.
pub(super) fn moment(at: Timestamp, now: Timestamp) -> String {
    let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    let format = if day(at) == day(now) { "%H:%M UTC" } else { "%-d %b %H:%M UTC" };
    at.strftime(format).to_string()
}

/// How long before `now` that was: `14 minutes ago`.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(at.as_second());
    let ahead = seconds < 0;
    let size = seconds.unsigned_abs();
    let words = match size {
        0..60 => return "just now".to_owned(),
        60..7_200 => plural(size / 60, "minute"),
        7_200..172_800 => plural(size / 3_600, "hour"),
        _ => plural(size / 86_400, "day"),
    };
    if ahead { format!("in {words}") } else { format!("{words} ago") }
}
