//! `wirewatch feeds show`: everything about one feed, in words.
//!
//! A list of short paragraphs, one function per aspect: what is new to say about a feed gets a function of its own here and a
//! line in [`ASPECTS`]. Refuses to compute: it says what is configured and what the database holds.

#![expect(clippy::unnecessary_wraps, reason = "all aspects have one type, and some ask the database")]

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::super::{Exit, Failure, Outcome, Output, ago, counted, load, now, reader, short};
use super::around::Around;
use super::find;
use crate::article::publisher::host_key;
use crate::config::Config;
use crate::feed::schedule::words;
use crate::feed::state::FeedState;
use crate::feed::trust::Doubts;
use crate::feed::{Feed, FullText, explain};
use crate::store::Reader;
use crate::store::feeds::StoredFeed;
use crate::store::pages::PageTally;

const DAYS: [&str; 7] = ["Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays"];

/// Pages are counted for so long.
const WEEK: Duration = Duration::from_hours(7 * 24);

/// What all aspects are told.
struct About<'a> {
    config: &'a Config,
    feed: &'a Feed,
    /// Its number in the order of the files, from 1.
    number: usize,
    reader: Option<Reader>,
    stored: Option<StoredFeed>,
    now: Timestamp,
}

/// A label, what it says in words (one line each), and the same for scripts.
struct Aspect {
    label: &'static str,
    lines: Vec<String>,
    fields: Vec<(&'static str, Value)>,
}

type Tell = fn(&About<'_>) -> Result<Aspect, Failure>;

/// Everything there is to say, in the order it is said. An aspect without lines is passed over.
const ASPECTS: [Tell; 13] = [
    identity, health, last_poll, next_poll, interval, wishes, rhythm, document, entries, full_text, gaps,
    moved, hub,
];

pub(super) fn run(dir: &Path, text: &str, json: bool) -> Outcome {
    let config = load(dir)?;
    let (number, feed) = find::one(&config, text)?;
    // Before the first run there is no database; what is configured is shown all the same.
    let reader = reader(&config).ok();
    let stored = match &reader {
        Some(reader) => reader.feed_by_address(&feed.address())?,
        None => None,
    };
    let about = About { config: &config, feed, number, reader, stored, now: now() };
    let mut output = Output::open();
    let mut object = Map::new();
    for tell in ASPECTS {
        let aspect = tell(&about)?;
        if json {
            object.extend(aspect.fields.into_iter().map(|(key, value)| (key.to_owned(), value)));
            continue;
        }
        for (place, line) in aspect.lines.iter().enumerate() {
            let label = if place == 0 { aspect.label } else { "" };
            output.line(format!("{label:<10} {line}"))?;
        }
    }
    if json {
        output.json(&object)?;
    }
    output.finish()?;
    Ok(Exit::Done)
}

fn identity(about: &About<'_>) -> Result<Aspect, Failure> {
    let feed = about.feed;
    let mut traits = vec![format!("tier {}", feed.tier.number())];
    traits.extend(feed.publisher.as_ref().map(|publisher| format!("publisher {publisher}")));
    traits.extend(feed.language.as_ref().map(|language| format!("language {language}")));
    if !feed.tags.is_empty() {
        traits.push(format!("tags {}", feed.tags.join(" ")));
    }
    let entries = find::entries(about.config)?;
    let entry = entries.iter().find(|entry| entry.url().is_some_and(|url| url == feed.url));
    let location = entry.map(find::Entry::location);
    let mut lines = vec![format!("{} ({})", feed.name, feed.address()), traits.join(", ")];
    lines.push(match &location {
        Some(location) => format!("number {} of {}, in {location}", about.number, about.config.feeds.len()),
        None => format!("number {} of {}", about.number, about.config.feeds.len()),
    });
    Ok(Aspect {
        label: "feed",
        lines,
        fields: vec![
            ("url", json!(feed.address())),
            ("name", json!(feed.name)),
            ("number", json!(about.number)),
            ("tier", json!(feed.tier)),
            ("publisher", json!(feed.publisher)),
            ("language", json!(feed.language)),
            ("tags", json!(feed.tags)),
            ("location", json!(location)),
        ],
    })
}

fn health(about: &About<'_>) -> Result<Aspect, Failure> {
    let word = super::health(about.stored.as_ref());
    let state = about.stored.as_ref().map(|stored| &stored.state);
    let mut lines = vec![word.to_owned()];
    if let Some(state) = state {
        let known = &state.health;
        if let Some(since) = known.since.filter(|_| !known.reason.is_empty()) {
            lines =
                vec![format!("{word} since {} ({}): {}", short(since), ago(since, about.now), known.reason)];
        }
        if state.failure_count > 0 {
            let since = state.last_success_at.map_or_else(
                || "it never succeeded".to_owned(),
                |at| format!("the last success was {}", ago(at, about.now)),
            );
            let failures = state.failure_count;
            lines.push(format!("{} failed in a row, {since}", counted(failures, "poll", "polls")));
        }
    }
    Ok(Aspect {
        label: "health",
        lines,
        fields: vec![
            ("health", json!(word)),
            ("health_since", json!(state.and_then(|state| state.health.since))),
            ("health_reason", json!(state.map(|state| state.health.reason.as_str()))),
            ("failures", json!(state.map_or(0, |state| state.failure_count))),
        ],
    })
}

fn last_poll(about: &About<'_>) -> Result<Aspect, Failure> {
    let state = about.stored.as_ref().map(|stored| &stored.state);
    let line = match state.and_then(|state| state.last_polled_at.map(|at| (at, state))) {
        Some((at, state)) => format!("{} ({}): {}", short(at), ago(at, about.now), state.last_outcome),
        None => "never".to_owned(),
    };
    Ok(Aspect {
        label: "last poll",
        lines: vec![line],
        fields: vec![
            ("last_polled", json!(state.and_then(|state| state.last_polled_at))),
            ("last_success", json!(state.and_then(|state| state.last_success_at))),
            ("last_outcome", json!(state.map(|state| state.last_outcome.as_str()))),
        ],
    })
}

fn next_poll(about: &About<'_>) -> Result<Aspect, Failure> {
    let state = about.stored.as_ref().map(|stored| &stored.state);
    let next = match (state.filter(|state| state.next_due_at.is_some()), &about.reader) {
        (Some(state), Some(reader)) => {
            let around = Around::of(about.config, reader, about.feed, state)?;
            Some(explain::explain(state, &around.neighbourhood(), about.now))
        }
        _ => None,
    };
    let due = next.as_ref().map(|next| (next.at, next.reason.as_str()));
    let line = match due {
        Some((at, why)) if at <= about.now => format!("is due since {} ({why})", short(at)),
        Some((at, why)) => {
            let wait = Duration::try_from(at.duration_since(about.now)).unwrap_or_default();
            format!("{}, in {} ({why})", short(at), words(Duration::from_secs(wait.as_secs().max(1))))
        }
        None => "as soon as wirewatch run has its turn".to_owned(),
    };
    Ok(Aspect {
        label: "next poll",
        lines: vec![line],
        fields: vec![
            ("next_poll", json!(due.map(|(at, _)| at))),
            ("next_poll_reason", json!(due.map(|(_, why)| why))),
        ],
    })
}

fn interval(about: &About<'_>) -> Result<Aspect, Failure> {
    let poll = &about.config.poll;
    let own = about.feed.interval;
    let interval = own.unwrap_or(poll.interval).clamp(poll.min_interval, poll.max_interval);
    let whose = if own.is_some() { "its own" } else { "poll.interval" };
    Ok(Aspect {
        label: "interval",
        lines: vec![format!(
            "{} ({whose}), never under {} nor over {}",
            words(interval),
            words(poll.min_interval),
            words(poll.max_interval)
        )],
        fields: vec![
            ("interval_seconds", json!(interval.as_secs())),
            ("interval_is_own", json!(own.is_some())),
        ],
    })
}

/// What the server, its host and the document ask for.
fn wishes(about: &About<'_>) -> Result<Aspect, Failure> {
    let state = about.stored.as_ref().map(|stored| &stored.state);
    let around = match &about.reader {
        Some(reader) => {
            let unpolled = FeedState::default();
            Some(Around::of(about.config, reader, about.feed, state.unwrap_or(&unpolled))?)
        }
        None => None,
    };
    let around = around.as_ref().map(Around::neighbourhood);
    let host = around.as_ref().map_or_else(|| host_key(&about.feed.url), |around| around.host.to_owned());
    let known = around.and_then(|around| around.state);
    let pause = known.and_then(|known| known.pause_at(about.now));
    let answered_by = state.and_then(|state| state.answered_host.as_deref());
    let wait = state.and_then(|state| state.wait_until).filter(|until| *until > about.now);
    let (fresh_for, ttl) = (state.and_then(|state| state.fresh_for), state.and_then(|state| state.ttl));
    let (hours, days) = state.map_or((0, 0), |state| (state.skip_hours, state.skip_days));
    let mut lines = Vec::new();
    lines.extend(wait.map(|until| format!("nobody asks it before {}", short(until))));
    lines.extend(answered_by.map(|host| format!("{host} answers for it")));
    if let (Some(until), Some(known)) = (pause, known) {
        lines.push(format!("{host} {}: none of its feeds is asked before {}", known.reason, short(until)));
    }
    lines.extend(fresh_for.map(|time| format!("its answers stay fresh for {}", words(time))));
    lines.extend(ttl.map(|time| format!("the document asks for {} between polls", words(time))));
    if hours > 0 {
        let named: Vec<String> =
            (0..24).filter(|hour| hours >> hour & 1 == 1).map(|hour| hour.to_string()).collect();
        lines.push(format!("the document asks for no polls in the hours {} (UTC)", named.join(", ")));
    }
    if days > 0 {
        let named: Vec<&str> =
            DAYS.iter().enumerate().filter(|(day, _)| days >> day & 1 == 1).map(|(_, name)| *name).collect();
        lines.push(format!("the document asks for no polls on {}", named.join(", ")));
    }
    Ok(Aspect {
        label: "asked for",
        lines,
        fields: vec![
            ("wait_until", json!(wait)),
            ("host", json!(host)),
            ("answered_by", json!(answered_by)),
            ("host_paused_until", json!(pause)),
            ("fresh_seconds", json!(fresh_for.map(|time| time.as_secs()))),
            ("ttl_seconds", json!(ttl.map(|time| time.as_secs()))),
            ("skip_hours", json!((0..24).filter(|hour| hours >> hour & 1 == 1).collect::<Vec<u32>>())),
            (
                "skip_days",
                json!(
                    DAYS.iter()
                        .enumerate()
                        .filter(|(day, _)| days >> day & 1 == 1)
                        .map(|(_, name)| *name)
                        .collect::<Vec<_>>()
                ),
            ),
        ],
    })
}

/// How often it brings something new.
fn rhythm(about: &About<'_>) -> Result<Aspect, Failure> {
    let state = about.stored.as_ref().map(|stored| &stored.state);
    let newest = state.and_then(|state| state.last_new_at);
    let gap = state.and_then(|state| state.rhythm.usual_gap());
    let rate = state.filter(|_| gap.is_some()).map(|state| state.rhythm.rate_at(about.now));
    let mut lines = Vec::new();
    lines.extend(newest.map(|at| format!("last new entry {}", ago(at, about.now))));
    lines.extend(gap.map(|gap| format!("it is seldom silent for longer than {}", words(gap))));
    lines.extend(rate.map(|rate| format!("about {rate:.1} entries an hour are usual now")));
    Ok(Aspect {
        label: "rhythm",
        lines,
        fields: vec![
            ("last_new", json!(newest)),
            ("usual_gap_seconds", json!(gap.map(|gap| gap.as_secs()))),
            ("usual_entries_per_hour", json!(rate)),
        ],
    })
}

/// How its entries are told apart.
fn entries(about: &About<'_>) -> Result<Aspect, Failure> {
    let doubts = match &about.reader {
        Some(reader) => reader.trust(&about.feed.address())?.doubts(),
        None => Doubts::default(),
    };
    let words = doubts.to_string();
    let lines = if doubts == Doubts::default() { Vec::new() } else { vec![words.clone()] };
    Ok(Aspect { label: "entries", lines, fields: vec![("identity", json!(words))] })
}

/// Whether pages are read, and what became of those of a week.
fn full_text(about: &About<'_>) -> Result<Aspect, Failure> {
    let whose = about.feed.full_text;
    let since = about.now.checked_sub(WEEK).unwrap_or(Timestamp::MIN);
    let tally = match (&about.reader, &about.stored) {
        (Some(reader), Some(stored)) => reader.page_tally(stored.id, since)?,
        _ => PageTally::default(),
    };
    let mut lines = match whose {
        FullText::Never => Vec::new(),
        FullText::Borderline => vec!["pages of articles whose score is uncertain are read".to_owned()],
        FullText::Always => vec!["pages of all articles without a full text are read".to_owned()],
    };
    let PageTally { waiting, read, ignored, dropped } = tally;
    if tally != PageTally::default() {
        lines.push(format!(
            "of 7 days: {read} read, {waiting} waiting, {ignored} of no use or not to be read, {dropped} not had"
        ));
    }
    Ok(Aspect {
        label: "full text",
        lines,
        fields: vec![("full_text", json!(whose.word().trim_matches('"'))), ("pages", json!(tally))],
    })
}

/// What may have come and gone unseen.
fn gaps(about: &About<'_>) -> Result<Aspect, Failure> {
    let gaps = match &about.reader {
        Some(reader) => reader.gaps_of(&about.feed.address(), super::GAPS_SHOWN)?,
        None => Vec::new(),
    };
    let lines = gaps.iter().map(|gap| gap.words.clone()).collect();
    Ok(Aspect { label: "gaps", lines, fields: vec![("gaps", json!(gaps))] })
}

/// Where its server says it moved.
fn moved(about: &About<'_>) -> Result<Aspect, Failure> {
    let moved = about.stored.as_ref().and_then(|stored| stored.state.moved.as_ref());
    let lines = moved.map(|moved| match moved.adopted_at {
        Some(at) => format!("to {}, polled there since {}; change url in its file", moved.to, short(at)),
        None => format!(
            "to {}, says its server since {} ({}); it is believed once it has said so for days",
            moved.to,
            short(moved.since),
            counted(moved.count, "time", "times")
        ),
    });
    Ok(Aspect {
        label: "moved",
        lines: lines.into_iter().collect(),
        fields: vec![
            ("moved_to", json!(moved.map(|moved| moved.to.as_str()))),
            ("moved_adopted", json!(moved.and_then(|moved| moved.adopted_at))),
        ],
    })
}

/// Whether a hub delivers it (WebSub).
fn hub(about: &About<'_>) -> Result<Aspect, Failure> {
    let subscription = match (&about.reader, &about.stored) {
        (Some(reader), Some(stored)) => reader.subscription_of(stored.id)?,
        _ => None,
    };
    let words = subscription.as_ref().map(|subscription| subscription.words(about.now));
    Ok(Aspect {
        label: "hub",
        fields: vec![
            ("hub", json!(subscription.as_ref().map(|subscription| subscription.offer.hub.as_str()))),
            ("hub_state", json!(words)),
        ],
        lines: words.into_iter().collect(),
    })
}

fn document(about: &About<'_>) -> Result<Aspect, Failure> {
    let problems = match &about.reader {
        Some(reader) => reader.document_problems(&about.feed.address())?,
        None => Vec::new(),
    };
    let state = about.stored.as_ref().map(|stored| &stored.state);
    let validators: Vec<&str> = [
        state.and_then(|state| state.etag.as_ref()).map(|_| "ETag"),
        state.and_then(|state| state.last_modified.as_ref()).map(|_| "Last-Modified"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mut lines = Vec::new();
    if state.is_some_and(|state| state.first_success_at.is_some()) {
        lines.push(match validators.as_slice() {
            [] => "the server gives no validators: each poll fetches all of it".to_owned(),
            named => format!("polls are conditional ({})", named.join(" and ")),
        });
    }
    lines.extend(problems.iter().map(|problem| format!("mended in the last one: {problem}")));
    Ok(Aspect {
        label: "document",
        lines,
        fields: vec![("validators", json!(validators)), ("problems", json!(problems))],
    })
}
