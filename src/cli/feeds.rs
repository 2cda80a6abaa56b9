//! `wirewatch feeds`: what is polled and how it goes.

use std::path::Path;
use std::time::Duration;

use clap::Subcommand;
use jiff::Timestamp;
use serde_json::json;

use super::{Exit, Outcome, Output, load, now, reader, short};
use crate::feed::trust::Doubts;
use crate::store::feeds::StoredFeed;

/// Gaps listed of a feed, the latest.
const GAPS_SHOWN: u32 = 10;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the feeds with their state
    #[command(after_help = "Example:\n  wirewatch feeds list --json")]
    List {
        /// JSON Lines instead of text
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(dir: &Path, Command::List { json }: &Command) -> Outcome {
    let config = load(dir)?;
    // Before the first run there is no database; the feeds are listed all the same.
    let reader = reader(&config).ok();
    let mut output = Output::open();
    for feed in &config.feeds {
        let stored = match &reader {
            Some(reader) => reader.feed_by_address(&feed.address())?,
            None => None,
        };
        let (trust, gaps) = match &reader {
            Some(reader) => (reader.trust(&feed.address())?, reader.gaps_of(&feed.address(), GAPS_SHOWN)?),
            None => Default::default(),
        };
        let problems = match &reader {
            Some(reader) => reader.document_problems(&feed.address())?,
            None => Vec::new(),
        };
        if *json {
            let state = stored.as_ref().map(|stored| &stored.state);
            output.json(&json!({
                "url": feed.address(), "name": feed.name, "tier": feed.tier, "tags": feed.tags,
                "health": health(stored.as_ref()),
                "last_polled": state.and_then(|state| state.last_polled_at),
                "last_success": state.and_then(|state| state.last_success_at),
                "next_poll": state.and_then(|state| state.next_due_at),
                "next_poll_reason": state.map(|state| state.next_due_reason.as_str()),
                "failures": state.map_or(0, |state| state.failure_count),
                "last_outcome": state.map(|state| state.last_outcome.as_str()),
                "problems": problems,
                "identity": trust.doubts().to_string(),
                "gaps": gaps,
            }))?;
        } else {
            output.line(format!("{:<8} {}  {}", health(stored.as_ref()), feed.name, feed.address()))?;
            output.line(format!("         {}", state_words(stored.as_ref())))?;
            for problem in problems {
                output.line(format!("         mended in its last document: {problem}"))?;
            }
            if trust.doubts() != Doubts::default() {
                output.line(format!("         {}", trust.doubts()))?;
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

/// A feed's state in a word.
pub(super) fn health(stored: Option<&StoredFeed>) -> &'static str {
    match stored.map(|stored| &stored.state) {
        None => "new",
        Some(state) if state.last_polled_at.is_none() => "new",
        Some(state) if state.failure_count > 0 => "failing",
        Some(_) => "ok",
    }
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
