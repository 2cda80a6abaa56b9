//! `wirewatch feeds list`: every feed with its state, or those of some health or tag.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::super::{Exit, Outcome, Output, load, now, reader, short};
use crate::store::feeds::StoredFeed;

/// Which feeds are listed.
#[derive(Debug, Default)]
pub(super) struct Filter<'a> {
    /// Of this health.
    pub(super) health: Option<&'a str>,
    /// With all of these tags.
    pub(super) tags: &'a [String],
}

pub(super) fn run(dir: &Path, filter: &Filter<'_>, json: bool) -> Outcome {
    let config = load(dir)?;
    // Before the first run there is no database; the feeds are listed all the same.
    let reader = reader(&config).ok();
    let mut output = Output::open();
    for (place, feed) in config.feeds.iter().enumerate() {
        if !filter.tags.iter().all(|tag| feed.tags.iter().any(|known| known.eq_ignore_ascii_case(tag))) {
            continue;
        }
        let stored = match &reader {
            Some(reader) => reader.feed_by_address(&feed.address())?,
            None => None,
        };
        let health = super::health(stored.as_ref());
        if filter.health.is_some_and(|wanted| wanted != health) {
            continue;
        }
        let (trust, gaps) = match &reader {
            Some(reader) => {
                let address = feed.address();
                (reader.trust(&address)?, reader.gaps_of(&address, super::GAPS_SHOWN)?)
            }
            None => Default::default(),
        };
        let problems = match &reader {
            Some(reader) => reader.document_problems(&feed.address())?,
            None => Vec::new(),
        };
        if json {
            let state = stored.as_ref().map(|stored| &stored.state);
            output.json(&json!({
                "url": feed.address(), "name": feed.name, "tier": feed.tier, "tags": feed.tags,
                "health": health,
                "last_polled": state.and_then(|state| state.last_polled_at),
                "last_success": state.and_then(|state| state.last_success_at),
                "next_poll": state.and_then(|state| state.next_due_at),
                "next_poll_reason": state.map(|state| state.next_due_reason.as_str()),
                "health_since": state.and_then(|state| state.health.since),
                "health_reason": state.map(|state| state.health.reason.as_str()),
                "failures": state.map_or(0, |state| state.failure_count),
                "last_outcome": state.map(|state| state.last_outcome.as_str()),
                "problems": problems, "number": place + 1,
                "identity": trust.doubts().to_string(), "gaps": gaps,
            }))?;
        } else {
            output.line(format!("{health:<8} {}  {}", feed.name, feed.address()))?;
            output.line(format!("         {}", state_words(stored.as_ref())))?;
            if let Some(reason) = why(stored.as_ref()) {
                output.line(format!("         {reason}"))?;
            }
            for problem in problems {
                output.line(format!("         mended in its last document: {problem}"))?;
            }
            // What is filled is no loss, and what is long past is in the JSON.
            let day_ago = now().checked_sub(Duration::from_hours(24)).unwrap_or(Timestamp::MIN);
            for gap in gaps.iter().filter(|gap| gap.state != "filled" && gap.noticed > day_ago) {
                output.line(format!("         {}", gap.words))?;
            }
        }
    }
    output.finish()?;
    Ok(Exit::Done)
}

/// Why a feed is not well, and what to do.
fn why(stored: Option<&StoredFeed>) -> Option<String> {
    let health = &stored?.state.health;
    let since = health.since.map_or_else(String::new, |at| format!(" since {}", short(at)));
    (!health.reason.is_empty()).then(|| format!("{}{since}: {}", health.health.word(), health.reason))
}

fn state_words(stored: Option<&StoredFeed>) -> String {
    let Some(state) = stored.map(|stored| &stored.state).filter(|state| state.last_polled_at.is_some())
    else {
        return "not polled yet".to_owned();
    };
    let polled = state.last_polled_at.map(short).unwrap_or_default();
    let next = state.next_due_at.map_or_else(String::new, |at| {
        let due = if at <= now() { "is due".to_owned() } else { short(at) };
        format!("; next {due} ({})", state.next_due_reason)
    });
    format!("polled {polled}: {}{next}", state.last_outcome)
}
