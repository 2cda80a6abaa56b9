//! What a replay came to, counted: for the summary, the chart and the comparison.
//!
//! Owns [`Tally`]. Days are those of UTC. Refuses to print.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::super::score::rounded;
use crate::config::Config;
use crate::pipeline::{AlertEvent, ArticleEvent, Scored};

/// What became of a topic.
#[derive(Debug, Clone, Default)]
pub(super) struct TopicCount {
    pub(super) tripped: u64,
    pub(super) alerts: u64,
    /// Alerts by day.
    pub(super) days: BTreeMap<Date, u64>,
}

/// Everything that is counted.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    pub(super) entries: u64,
    pub(super) articles: u64,
    pub(super) copies: u64,
    pub(super) alerts: u64,
    pub(super) topics: BTreeMap<String, TopicCount>,
    /// All alerts by day.
    pub(super) days: BTreeMap<Date, u64>,
    /// Articles that tripped and were not told of, by the word of the decision; known at the end.
    pub(super) suppressed: Vec<(String, u64)>,
    /// Decisions not to tell an alert to an address at once, by their word; known at the end.
    pub(super) held_back: Vec<(String, u64)>,
    stories: HashSet<i64>,
    first_at: Option<Timestamp>,
    last_at: Option<Timestamp>,
}

impl Tally {
    pub(super) fn new(config: &Config) -> Self {
        let topics = config.topics.iter().map(|topic| (topic.source.id.0.clone(), TopicCount::default()));
        Self { topics: topics.collect(), ..Self::default() }
    }

    pub(super) fn visit(&mut self, entries: usize, at: Timestamp) {
        self.entries += entries as u64;
        self.first_at.get_or_insert(at);
        self.last_at = Some(at);
    }

    pub(super) fn article(&mut self, event: &ArticleEvent, item: &Scored) {
        for score in item.scores.iter().filter(|score| score.trips) {
            if let Some(count) = self.topics.get_mut(&score.topic.0) {
                count.tripped += 1;
            }
        }
        if !event.is_revision {
            self.articles += 1;
            self.copies += u64::from(event.copy_of.is_some());
            self.stories.insert(event.story.0);
        }
    }

    pub(super) fn alert(&mut self, event: &AlertEvent) {
        self.alerts += 1;
        let day = day(event.at);
        *self.days.entry(day).or_default() += 1;
        if let Some(count) = self.topics.get_mut(&event.alert.topic.0) {
            count.alerts += 1;
            *count.days.entry(day).or_default() += 1;
        }
    }

    /// Days between the first and the last entry, to a hundredth, at least 1.
    pub(super) fn span(&self) -> f64 {
        days_between(self.first_at, self.last_at)
    }

    /// The days of the first and the last entry.
    pub(super) fn dates(&self) -> Option<(Date, Date)> {
        self.first_at.zip(self.last_at).map(|(first, last)| (day(first), day(last)))
    }

    pub(super) fn stories(&self) -> usize {
        self.stories.len()
    }

    /// The last line of `replay --json` (product contract, section 4).
    pub(super) fn summary(&self) -> Value {
        let days = self.span();
        let suppressed: Map<String, Value> = self
            .suppressed
            .iter()
            .chain(&self.held_back)
            .map(|(reason, count)| (reason.clone(), json!(count)))
            .collect();
        let per_topic: Map<String, Value> = self
            .topics
            .iter()
            .map(|(topic, count)| {
                let per_day = rounded(count.alerts as f64 / days);
                let counts =
                    json!({ "tripped": count.tripped, "alerts": count.alerts, "alerts_per_day": per_day });
                (topic.clone(), counts)
            })
            .collect();
        json!({
            "type": "summary", "entries": self.entries, "articles": self.articles, "copies": self.copies,
            "stories": self.stories.len(), "alerts": self.alerts, "suppressed": suppressed, "days": days,
            "per_topic": per_topic,
        })
    }
}

/// Days between two times, to a hundredth, at least 1.
pub(super) fn days_between(first: Option<Timestamp>, last: Option<Timestamp>) -> f64 {
    let span = first.zip(last).map(|(first, last)| last.duration_since(first).as_secs_f64());
    ((span.unwrap_or(0.0) / 86_400.0).max(1.0) * 100.0).round() / 100.0
}

/// The day of a time, UTC.
pub(super) fn day(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}
