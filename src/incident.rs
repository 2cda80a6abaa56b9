//! An incident: a topic tripped at a place, open until quiet; it collects stories.
//!
//! Owns the states an incident goes through and the rule [`advance`]: what arrivals, or time alone, do to it and
//! whether people are told. Every arrival gets an [`Outcome`], the silent ones with their reason. Refuses to know
//! recipients, mails and the store.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::article::identity::ArticleId;
use crate::feed::schedule::after;
use crate::story::StoryId;
use crate::topic::AlertPolicy;

/// The row of an incident in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IncidentId(pub i64);

/// Where an incident stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Articles tripped, but not yet enough publishers to tell people.
    Forming,
    /// People were told.
    Open,
    /// Quiet for the topic's `close_after`.
    Closed,
}

impl Status {
    /// The lower-case word used in the store and in `--json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Forming => "forming",
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }

    /// The status for a word of the store.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Forming, Self::Open, Self::Closed].into_iter().find(|status| status.as_str() == word)
    }
}

/// An article that tripped.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrival {
    /// The article.
    pub article: ArticleId,
    /// Its story.
    pub story: StoryId,
    /// Who stands behind it.
    pub publisher: String,
    /// Whether it copies another publisher's text; a copy confirms nothing.
    pub is_copy: bool,
    /// Its score for the topic.
    pub score: f64,
}

/// An incident that is not closed, as the store has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The incident.
    pub id: IncidentId,
    /// Forming or open.
    pub status: Status,
    /// Last time an article of it tripped.
    pub last_tripped_at: Timestamp,
    /// Last time people were told.
    pub last_alert_at: Option<Timestamp>,
    /// Told, of the last days.
    pub told: Vec<Arrival>,
    /// Collected and not told yet, oldest first.
    pub pending: Vec<Arrival>,
}

impl Standing {
    /// Everything it holds of the last days.
    fn members(&self) -> impl Iterator<Item = &Arrival> {
        self.told.iter().chain(&self.pending)
    }

    /// Independent publishers of the last days.
    pub fn publisher_count(&self) -> u32 {
        publisher_count(self.members())
    }
}

/// How far back publishers are counted and stories count as told: longer than a story lives.
pub const MEMORY: Duration = Duration::from_hours(7 * 24);

/// What became of an arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// People are told now.
    Told,
    /// Waiting until enough publishers say so.
    AwaitingPublishers {
        /// Publishers so far.
        have: u32,
        /// Publishers the topic asks for.
        need: u32,
    },
    /// Waiting for the next update.
    UpdateHeld {
        /// When the update goes out.
        until: Timestamp,
    },
    /// Its story was told already.
    AlreadyReported,
}

/// An alert is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tell {
    /// Whether it is the incident's first.
    pub is_first: bool,
    /// Why, as a clause: the mail says "This was sent because …".
    pub reason: String,
    /// The articles it reports, best score first.
    pub articles: Vec<ArticleId>,
    /// Independent publishers of the incident, this alert included.
    pub publishers: u32,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub struct Advance {
    /// Status after the step.
    pub status: Status,
    /// The alert, if one is due.
    pub tell: Option<Tell>,
    /// What became of each arrival, in order.
    pub outcomes: Vec<Outcome>,
}

/// Advances an incident. `standing` is the incident that is not closed, if there is one; without it arrivals
/// begin a new one. With no arrivals this is what time alone does: a held update goes out, a quiet incident closes.
pub fn advance(
    standing: Option<&Standing>,
    arrivals: &[Arrival],
    policy: &AlertPolicy,
    now: Timestamp,
) -> Advance {
    if let Some(standing) = standing
        && arrivals.is_empty()
        && standing.pending.is_empty()
        && after(standing.last_tripped_at, policy.close_after) <= now
    {
        return Advance { status: Status::Closed, tell: None, outcomes: Vec::new() };
    }
    let told_stories: BTreeSet<StoryId> =
        standing.iter().flat_map(|standing| &standing.told).map(|arrival| arrival.story).collect();
    let have = publisher_count(standing.iter().flat_map(|standing| standing.members()).chain(arrivals));
    let fresh: Vec<&Arrival> = standing
        .iter()
        .flat_map(|standing| standing.pending.iter())
        .chain(arrivals)
        .filter(|arrival| !told_stories.contains(&arrival.story))
        .collect();
    let status = standing.map_or(Status::Forming, |standing| standing.status);
    let (status, tell, waiting) = match status {
        Status::Open => open(standing.and_then(|s| s.last_alert_at), &fresh, have, policy, now),
        _ => forming(&fresh, have, policy, standing.map(|s| s.last_tripped_at), now),
    };
    let outcomes = arrivals
        .iter()
        .map(|arrival| match waiting {
            _ if told_stories.contains(&arrival.story) => Outcome::AlreadyReported,
            Some(waiting) => waiting,
            None => Outcome::Told,
        })
        .collect();
    Advance { status, tell, outcomes }
}

/// Independent publishers: each that wrote words of its own, and one for a story of which only copies are known, because
/// somebody must have written it.
fn publisher_count<'a>(members: impl Iterator<Item = &'a Arrival>) -> u32 {
    let mut originals: BTreeSet<&str> = BTreeSet::new();
    let mut written: BTreeSet<StoryId> = BTreeSet::new();
    let mut copied: BTreeMap<StoryId, &str> = BTreeMap::new();
    for member in members {
        if member.is_copy {
            copied.entry(member.story).or_insert(&member.publisher);
        } else {
            originals.insert(&member.publisher);
            written.insert(member.story);
        }
    }
    originals
        .extend(copied.iter().filter(|(story, _)| !written.contains(story)).map(|(_, publisher)| *publisher));
    u32::try_from(originals.len()).unwrap_or(u32::MAX)
}

fn forming(
    fresh: &[&Arrival],
    have: u32,
    policy: &AlertPolicy,
    last_tripped_at: Option<Timestamp>,
    now: Timestamp,
) -> (Status, Option<Tell>, Option<Outcome>) {
    if have >= policy.publishers && !fresh.is_empty() {
        let reason = if policy.publishers > 1 {
            format!("{have} independent publishers report it, and this topic asks for {}", policy.publishers)
        } else {
            "it is the first report of this incident".to_owned()
        };
        let tell = Tell { is_first: true, reason, articles: best_first(fresh), publishers: have };
        return (Status::Open, Some(tell), None);
    }
    let quiet = last_tripped_at.is_some_and(|at| after(at, policy.close_after) <= now);
    let status = if quiet { Status::Closed } else { Status::Forming };
    (status, None, Some(Outcome::AwaitingPublishers { have, need: policy.publishers }))
}

fn open(
    last_alert_at: Option<Timestamp>,
    fresh: &[&Arrival],
    have: u32,
    policy: &AlertPolicy,
    now: Timestamp,
) -> (Status, Option<Tell>, Option<Outcome>) {
    if fresh.is_empty() {
        return (Status::Open, None, None);
    }
    // A time to come is one of a clock that ran ahead.
    let until = last_alert_at.map_or(now, |at| after(at.min(now), policy.update_every));
    if until > now {
        return (Status::Open, None, Some(Outcome::UpdateHeld { until }));
    }
    let stories: BTreeSet<StoryId> = fresh.iter().map(|arrival| arrival.story).collect();
    let reason = match stories.len() {
        1 => "1 new story came in since the last mail".to_owned(),
        count => format!("{count} new stories came in since the last mail"),
    };
    let tell = Tell { is_first: false, reason, articles: best_first(fresh), publishers: have };
    (Status::Open, Some(tell), None)
}

fn best_first(fresh: &[&Arrival]) -> Vec<ArticleId> {
    let mut articles = fresh.to_vec();
    articles.sort_by(|a, b| {
        (a.is_copy, b.score).partial_cmp(&(b.is_copy, a.score)).unwrap_or(std::cmp::Ordering::Equal)
    });
    articles.iter().map(|arrival| arrival.article).collect()
}
