//! `wirewatch status`: one screen, and exit 1 when something needs a person.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::{Exit, Failure, Outcome, Output, ago, load, now, reader};
use crate::config::Config;
use crate::feed::Feed;
use crate::feed::schedule::{FeedState, after};
use crate::store::report::Overview;

/// Mail that waits longer than this needs a person.
const MAIL_WAIT_MAX: Duration = Duration::from_mins(10);

/// Time without any successful poll that is no cause for worry, however short the interval.
const SILENCE_MIN: Duration = Duration::from_mins(15);

/// A feed that failed so often in a row needs a person.
const FAILURES_MAX: u32 = 3;

pub(super) fn run(dir: &Path, json: bool) -> Outcome {
    let config = load(dir)?;
    let reader = reader(&config)?;
    let now = now();
    let overview = reader.overview(now)?;
    let mut failing = Vec::new();
    let mut ok_count = 0;
    for feed in &config.feeds {
        let Some(stored) = reader.feed_by_address(&feed.address())? else { continue };
        if stored.state.failure_count > 0 {
            failing.push((feed, stored.state));
        } else if stored.state.last_success_at.is_some() {
            ok_count += 1;
        }
    }
    let needs = needs(&config, &overview, &failing, now);
    let exit = if needs.is_empty() { Exit::Done } else { Exit::Failed };
    let mut output = Output::open();
    if json {
        let failing: Vec<_> = failing
            .iter()
            .map(|(feed, state)| {
                json!({ "url": feed.address(), "failures": state.failure_count, "outcome": state.last_outcome })
            })
            .collect();
        output.json(&json!({
            "needs": needs, "feeds": config.feeds.len(), "feeds_ok": ok_count, "feeds_failing": failing, "overview": overview,
        }))?;
    } else {
        for need in &needs {
            output.line(format!("NEEDS YOU  {need}"))?;
        }
        let never = config.feeds.len() - ok_count - failing.len();
        output
            .line(format!("feeds      {ok_count} ok, {} failing, {never} not polled yet", failing.len()))?;
        print(&mut output, &overview, &failing, now)?;
    }
    output.finish()?;
    Ok(exit)
}

/// What a person must look at, each in a sentence.
fn needs(
    config: &Config,
    overview: &Overview,
    failing: &[(&Feed, FeedState)],
    now: Timestamp,
) -> Vec<String> {
    // Twice the pause of the feed polled most often, and nothing came: then the daemon itself is not running, or is
    // cut off.
    let pause = |feed: &Feed| {
        let interval = feed.interval.unwrap_or(config.poll.interval);
        interval.clamp(config.poll.min_interval, config.poll.max_interval)
    };
    let pause = config.feeds.iter().map(pause).min().unwrap_or(config.poll.interval);
    let silent_for = pause.max(SILENCE_MIN) * 2;
    let mut needs = Vec::new();
    if !config.feeds.is_empty() && overview.last_success.is_none_or(|at| after(at, silent_for) < now) {
        let last = overview.last_success.map_or_else(|| "never".to_owned(), |at| ago(at, now));
        needs.push(format!("no feed was polled with success lately (last: {last}): is wirewatch run alive?"));
    }
    let stuck = failing.iter().filter(|(_, state)| state.failure_count >= FAILURES_MAX).count();
    if stuck > 0 {
        needs.push(format!("{stuck} feeds fail again and again"));
    }
    if overview.failed > 0 {
        needs.push(format!("{} mails were refused for good (wirewatch alerts list)", overview.failed));
    }
    if let Some(oldest) = overview.oldest_queued
        && after(oldest, MAIL_WAIT_MAX) < now
    {
        let reply = &overview.oldest_queued_reply;
        needs.push(format!("mail has been waiting since {} ({reply})", ago(oldest, now)));
    }
    needs
}

/// The screen below what needs a person.
fn print(
    output: &mut Output,
    overview: &Overview,
    failing: &[(&Feed, FeedState)],
    now: Timestamp,
) -> Result<(), Failure> {
    for (feed, state) in failing.iter().take(20) {
        output.line(format!(
            "           {} ({} in a row): {}",
            feed.address(),
            state.failure_count,
            state.last_outcome
        ))?;
    }
    let last = overview.last_success.map_or_else(|| "never".to_owned(), |at| ago(at, now));
    output.line(format!("last poll  {last}"))?;
    output.line(format!("articles   {} kept, {} in 24 h", overview.articles, overview.articles_last_day))?;
    output.line(format!("alerts     {} in 24 h", overview.alerts_last_day))?;
    for incident in &overview.open_incidents {
        output.line(format!(
            "open       incident {}: {} at {}, {} articles, last {}",
            incident.id,
            incident.topic,
            incident.place,
            incident.articles,
            ago(incident.last_tripped, now)
        ))?;
    }
    let sent = overview.last_sent.map_or_else(|| "never".to_owned(), |at| ago(at, now));
    output.line(format!(
        "mail       {} waiting, {} refused, last sent {sent}",
        overview.queued, overview.failed
    ))
}
