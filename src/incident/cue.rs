//! Cues: what one topic's alerts mean for another topic at the same place.
//!
//! Owns [`Cue`], a rule of a topic's policy that holds now, and when it does, and why news cannot wait ([`urgent`]). Refuses to look
//! anything up.

use std::time::Duration;

use jiff::Timestamp;

use super::confirm::hottest_story;
use super::{Case, ESCALATION_WINDOW, Step};
use crate::feed::schedule::{after, words};
use crate::topic::Severity;
use crate::topic::policy::{Sequence, Together};

/// The rule a cue comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// `alert.sequence`
    Sequence,
    /// `alert.together`
    Together,
}

impl Rule {
    /// The lower-case word used in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sequence => "sequence",
            Self::Together => "together",
        }
    }
}

/// A rule that an alert of another topic fulfils now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cue {
    /// Which.
    pub rule: Rule,
    /// What it is used up by: the other topic's alert (sequence) or incident (together).
    pub other: i64,
    /// What the severity is raised to.
    pub severity: Option<Severity>,
    /// Why, as a clause.
    pub words: String,
}

/// What another topic last told of at the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// What people call the other topic.
    pub name: String,
    /// Its alert.
    pub alert: i64,
    /// Its incident.
    pub incident: i64,
    /// When people were told.
    pub at: Timestamp,
}

impl Cue {
    /// The cue of a sequence, if the first topic's last alert at the place is recent enough.
    pub fn of_sequence(rule: &Sequence, neighbour: &Neighbour, now: Timestamp) -> Option<Self> {
        is_within(neighbour, rule.within, now).then(|| Self {
            rule: Rule::Sequence,
            other: neighbour.alert,
            severity: rule.severity,
            words: format!("it follows “{}” there, told {}", neighbour.name, ago(neighbour.at, now)),
        })
    }

    /// The cue of two topics at one place, if the other's last alert there is recent enough.
    pub fn of_together(rule: &Together, neighbour: &Neighbour, now: Timestamp) -> Option<Self> {
        is_within(neighbour, rule.within, now).then(|| Self {
            rule: Rule::Together,
            other: neighbour.incident,
            severity: rule.severity,
            words: format!("“{}” was told there {}", neighbour.name, ago(neighbour.at, now)),
        })
    }
}

fn is_within(neighbour: &Neighbour, within: Duration, now: Timestamp) -> bool {
    neighbour.at <= now && after(neighbour.at, within) >= now
}

fn ago(at: Timestamp, now: Timestamp) -> String {
    let passed = Duration::try_from(now.duration_since(at)).unwrap_or_default();
    if passed < Duration::from_mins(1) { "just now".to_owned() } else { format!("{} ago", words(passed)) }
}

/// Why news cannot wait, as a clause.
pub(super) enum Urgent {
    /// Several publishers report a new story.
    Hot(String),
    /// A rule holds for what arrived.
    Cue(String),
}

/// Why news of an open incident cannot wait, if so: a new story that several publishers report within the hour, or a rule of
/// the topic that other alerts fulfil. For a rule it is no matter whether the story was told: fighting that goes on after a truce
/// was agreed is told in the words of the fighting before it.
pub(super) fn urgent(case: &Case<'_>, step: Step<'_>) -> Option<Urgent> {
    let hottest = hottest_story(&case.fresh, ESCALATION_WINDOW);
    if hottest >= step.policy.escalate_publishers {
        let reason = format!("{hottest} independent publishers report a new story of it within an hour");
        return Some(Urgent::Hot(with_cues(reason, step.cues)));
    }
    if step.arrivals.iter().all(|arrival| arrival.is_copy) {
        return None;
    }
    let mut cues = step.cues.iter();
    cues.next().map(|first| Urgent::Cue(with_cues(first.words.clone(), cues.as_slice())))
}

/// A reason with the rules that hold besides.
pub(super) fn with_cues(reason: String, cues: &[Cue]) -> String {
    cues.iter().fold(reason, |reason, cue| format!("{reason}, and {}", cue.words))
}
