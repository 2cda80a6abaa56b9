//! `wirewatch status`: one screen, and exit 1 when something needs a person.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Exit, Failure, Outcome, Output, ago, counted, load, now, reader, short};
use crate::config::Config;
use crate::daemon::pulse;
use crate::feed::Feed;
use crate::feed::health::{Health, HealthState};
use crate::feed::schedule::after;
use crate::feed::state::FeedState;
use crate::store::Lock;
use crate::store::gaps::StoredGap;
use crate::store::report::Overview;

/// Mail that waits longer than this needs a person.
const MAIL_WAIT_MAX: Duration = Duration::from_mins(10);

/// A feed may be late by this much, however short its interval; else by half of it.
const LATE_MIN: Duration = Duration::from_mins(15);

/// How far clocks may disagree.
const CLOCK_SLACK: Duration = Duration::from_mins(5);

/// Feeds listed with their reasons.
const LISTED_MAX: usize = 20;

/// Gaps shown, the latest.
const GAPS_SHOWN: u32 = 10;

/// The configured feeds with what is remembered of them, by how they stand. A feed can be in more than one list.
#[derive(Default)]
struct Standing<'a> {
    ok_count: usize,
    never_count: usize,
    /// Those that are not well, the worst first.
    unwell: Vec<(&'a Feed, FeedState)>,
    /// Not polled though due, the one that is due longest first.
    overdue: Vec<(&'a Feed, Timestamp)>,
    /// Feeds whose times a wrong clock wrote.
    ahead_count: usize,
}

impl<'a> Standing<'a> {
    fn of(config: &'a Config, stored: Vec<Option<FeedState>>, now: Timestamp) -> Self {
        let mut standing = Self::default();
        for (feed, state) in config.feeds.iter().zip(stored) {
            let Some(state) = state.filter(|state| state.last_polled_at.is_some()) else {
                standing.never_count += 1;
                continue;
            };
            let due_at = state.next_due_at.unwrap_or(now);
            let is_ahead = state.last_success_at.is_some_and(|at| at > after(now, CLOCK_SLACK))
                || pulse::due_at(&state, config.poll.max_interval, now) != due_at;
            let is_overdue = after(due_at, lateness(config, feed)) < now;
            standing.ahead_count += usize::from(is_ahead);
            if is_overdue {
                standing.overdue.push((feed, due_at));
            }
            if state.health.health != Health::Ok {
                standing.unwell.push((feed, state));
            } else if !is_overdue && !is_ahead {
                standing.ok_count += 1;
            }
        }
        standing.overdue.sort_by_key(|(_, due_at)| *due_at);
        standing.unwell.sort_by_key(|(_, state)| std::cmp::Reverse(state.health.health));
        standing
    }

    fn count(&self, health: Health) -> usize {
        self.unwell.iter().filter(|(_, state)| state.health.health == health).count()
    }
}

/// How late a feed may be polled before that is a fault.
fn lateness(config: &Config, feed: &Feed) -> Duration {
    let interval = feed.interval.unwrap_or(config.poll.interval);
    let interval = interval.clamp(config.poll.min_interval, config.poll.max_interval);
    LATE_MIN.max(interval / 2)
}

pub(super) fn run(dir: &Path, json: bool) -> Outcome {
    let config = load(dir)?;
    let reader = reader(&config)?;
    let now = now();
    let overview = reader.overview(now)?;
    let mut stored = Vec::with_capacity(config.feeds.len());
    for feed in &config.feeds {
        stored.push(reader.feed_by_address(&feed.address())?.map(|stored| stored.state));
    }
    let standing = Standing::of(&config, stored, now);
    let needs = needs(&config, &overview, &standing, now);
    let day_ago = now.checked_sub(Duration::from_hours(24)).unwrap_or(Timestamp::MIN);
    let (gap_count, gaps) = (reader.gap_count_since(day_ago)?, reader.gaps_since(day_ago, GAPS_SHOWN)?);
    let exit = if needs.is_empty() { Exit::Done } else { Exit::Failed };
    let mut output = Output::open();
    if json {
        let unwell = |health: Option<Health>| -> Vec<Value> {
            let these =
                standing.unwell.iter().filter(|(_, state)| health.is_none_or(|it| it == state.health.health));
            these.map(|(feed, state)| in_json(feed, state)).collect()
        };
        let overdue = standing.overdue.iter();
        let overdue = overdue.map(|(feed, due_at)| json!({ "url": feed.address(), "due": due_at }));
        output.json(&json!({
            "needs": needs, "feeds": config.feeds.len(), "feeds_ok": standing.ok_count,
            "feeds_failing": unwell(Some(Health::Failing)), "feeds_unwell": unwell(None),
            "feeds_overdue": overdue.collect::<Vec<_>>(), "gaps_last_day": gap_count, "gaps": gaps,
            "overview": overview,
        }))?;
    } else {
        for need in &needs {
            output.line(format!("NEEDS YOU  {need}"))?;
        }
        output.line(format!("feeds      {}", feeds_words(&standing)))?;
        print(&mut output, &overview, &standing.unwell, now)?;
        print_gaps(&mut output, gap_count, &gaps)?;
    }
    output.finish()?;
    Ok(exit)
}

/// `3 ok, 0 failing, 0 overdue, 1 not polled yet`, and what else there is.
fn feeds_words(standing: &Standing<'_>) -> String {
    let mut parts = vec![
        format!("{} ok", standing.ok_count),
        format!("{} failing", standing.count(Health::Failing)),
        format!("{} overdue", standing.overdue.len()),
        format!("{} not polled yet", standing.never_count),
    ];
    for health in [Health::Gone, Health::Silent, Health::Degraded] {
        if standing.count(health) > 0 {
            parts.push(format!("{} {}", standing.count(health), health.word()));
        }
    }
    parts.join(", ")
}

fn in_json(feed: &Feed, state: &FeedState) -> Value {
    json!({
        "url": feed.address(), "health": state.health.health.word(), "since": state.health.since,
        "reason": state.health.reason, "failures": state.failure_count, "outcome": state.last_outcome,
    })
}

/// What a person must look at, each in a sentence.
fn needs(config: &Config, overview: &Overview, standing: &Standing<'_>, now: Timestamp) -> Vec<String> {
    let mut needs = Vec::new();
    let age_since = Lock::first_taken_at(&config.data_dir);
    if !config.feeds.is_empty()
        && standing.never_count == config.feeds.len()
        && age_since.is_none_or(|at| after(at, LATE_MIN) < now)
    {
        needs.push("no feed was ever polled: is wirewatch run alive?".to_owned());
    }
    if let Some((feed, due_at)) = standing.overdue.first() {
        let (count, verb) = match standing.overdue.len() {
            1 => ("1 feed".to_owned(), "is"),
            count => (format!("{count} feeds"), "are"),
        };
        let since = ago(*due_at, now);
        needs.push(format!(
            "{count} {verb} overdue, {} the most (due {since}): is wirewatch run alive?",
            feed.address()
        ));
    }
    if standing.ahead_count > 0 {
        needs.push(format!(
            "the times of {} are in the future: the clock is or was wrong; once it is right, wirewatch run mends them",
            counted(standing.ahead_count, "feed", "feeds")
        ));
    }
    let blind = [(Health::Gone, "gone"), (Health::Failing, "failing"), (Health::Silent, "silent")];
    for (health, word) in blind {
        let (is, are) = (format!("feed is {word}"), format!("feeds are {word}"));
        match standing.count(health) {
            0 => {}
            count => needs.push(format!("{} (below, with what to do)", counted(count, &is, &are))),
        }
    }
    if overview.failed_last_week > 0 {
        let count = counted(overview.failed_last_week, "mail was", "mails were");
        needs.push(format!("{count} refused for good in the last 7 days (wirewatch mail failed)"));
    }
    if overview.untold_last_day > 0 {
        let count = counted(overview.untold_last_day, "alert", "alerts");
        needs.push(format!("{count} in 24 h told nobody, no route took them (wirewatch alerts list)"));
    }
    if let Some(oldest) = overview.oldest_queued
        && after(oldest, MAIL_WAIT_MAX) < now
    {
        let reply = &overview.oldest_queued_reply;
        needs.push(format!("mail has been waiting since {} ({reply})", short(oldest)));
    }
    needs
}

/// What may be unseen of the last day.
fn print_gaps(output: &mut Output, count: usize, gaps: &[StoredGap]) -> Result<(), Failure> {
    if count == 0 {
        return Ok(());
    }
    output.line(format!("gaps       {count} in 24 h"))?;
    for gap in gaps {
        output.line(format!("           {}: {}", gap.feed, gap.words))?;
    }
    Ok(())
}

/// The screen below what needs a person.
fn print(
    output: &mut Output,
    overview: &Overview,
    unwell: &[(&Feed, FeedState)],
    now: Timestamp,
) -> Result<(), Failure> {
    for (feed, state) in unwell.iter().take(LISTED_MAX) {
        let HealthState { health, since, reason, .. } = &state.health;
        let since = since.map_or_else(String::new, |at| format!(" since {}", short(at)));
        output.line(format!("           {}, {}{since}: {reason}", feed.address(), health.word()))?;
    }
    if unwell.len() > LISTED_MAX {
        output.line(format!("           and {} more: wirewatch feeds list", unwell.len() - LISTED_MAX))?;
    }
    let last = overview.last_success.map_or_else(|| "never".to_owned(), |at| ago(at, now));
    output.line(format!("last poll  {last}"))?;
    output.line(format!("articles   {} kept, {} in 24 h", overview.articles, overview.articles_last_day))?;
    output.line(format!("alerts     {} in 24 h", overview.alerts_last_day))?;
    for incident in &overview.open_incidents {
        output.line(format!(
            "open       incident {}: {} at {}, {}, last {}",
            incident.id,
            incident.topic,
            incident.place,
            counted(incident.articles, "article", "articles"),
            ago(incident.last_tripped, now)
        ))?;
    }
    if overview.held > 0 {
        let next =
            overview.next_release.map_or_else(String::new, |at| format!(", the next told at {}", short(at)));
        output.line(format!("held       {}{next}", counted(overview.held, "alert", "alerts")))?;
    }
    if overview.silences > 0 {
        let count = counted(overview.silences, "is in force", "are in force");
        output.line(format!("silences   {count} (wirewatch alerts silence --list)"))?;
    }
    let sent = overview.last_sent.map_or_else(|| "never".to_owned(), |at| ago(at, now));
    output.line(format!(
        "mail       {} waiting, {} refused in all, last sent {sent}",
        overview.queued, overview.failed
    ))
}
