//! `wirewatch topics surges`: how much is reported at each place, what is usual there, and why nobody was told.

use serde_json::json;

use super::super::{Exit, Outcome, Output, counted, reader, short};
use super::named;
use crate::article::NO_PLACE;
use crate::article::place::country;
use crate::config::Config;

pub(super) fn run(config: &Config, only: Option<&str>, json: bool) -> Outcome {
    let topics = named(config, only)?;
    let mut output = Output::open();
    for series in reader(config)?.surge_decisions()? {
        if !topics.iter().any(|topic| topic.source.id == series.topic) {
            continue;
        }
        if json {
            output.json(&json!({
                "topic": series.topic, "place": series.place, "reports": series.seen, "expected": series.expected,
                "rate": series.rate, "dispersion": series.dispersion, "days": series.days,
                "raised": series.is_raised, "at": series.decided_at, "decision": series.decision,
                "reason": series.reason,
            }))?;
            continue;
        }
        let place = match series.place.as_str() {
            NO_PLACE => "anywhere",
            place => country::name(place).unwrap_or(place),
        };
        let usual = series.expected.map_or_else(String::new, |expected| format!(", {expected:.1} usual"));
        output.line(format!(
            "{:<24} {place:<20} {}  {}{usual}: {}",
            series.topic.0,
            short(series.decided_at),
            counted(series.seen, "report", "reports"),
            series.reason
        ))?;
    }
    output.finish()?;
    Ok(Exit::Done)
}
