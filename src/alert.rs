//! An alert: a decision to tell people, with its reason; and the decisions to stay silent.
//!
//! Owns [`Alert`], [`Kind`] and [`Withheld`], the reasons for which nobody is told of an article. Who is told of an alert is
//! [`route`], what mutes it [`silence`](mod@silence), how it reads [`render`]. Refuses to send and to store.

pub mod acknowledgement;
pub mod render;
pub mod route;
pub mod silence;

use std::time::Duration;

use jiff::Timestamp;

use crate::article::Article;
use crate::feed::schedule::{after, words};
use crate::incident::Outcome;
use crate::topic::{Severity, TopicId};

/// The row of an alert in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AlertId(pub i64);

/// What an alert tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The first of an incident.
    First,
    /// Something new in an open incident.
    Update,
    /// Something in an open incident that cannot wait for the next update.
    Escalation,
    /// A topic is reported on far more than usual.
    Surge,
    /// What was told was retracted, or edited so that it no longer trips.
    Correction,
    /// An incident fell quiet.
    AllClear,
    /// Alerts that waited, in one mail.
    Digest,
    /// How wirewatch itself is, for `mail.operator`.
    Operator,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::First,
        Self::Update,
        Self::Escalation,
        Self::Surge,
        Self::Correction,
        Self::AllClear,
        Self::Digest,
        Self::Operator,
    ];

    /// The lower-case word used in mails, the store and `--json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Update => "update",
            Self::Escalation => "escalation",
            Self::Surge => "surge",
            Self::Correction => "correction",
            Self::AllClear => "all-clear",
            Self::Digest => "digest",
            Self::Operator => "operator",
        }
    }

    /// Whether it tells news of an incident: not what was taken back, ended, waited, or is of wirewatch itself.
    pub fn tells_news(self) -> bool {
        matches!(self, Self::First | Self::Update | Self::Escalation | Self::Surge)
    }

    /// Whether it means something only to those who were told of its incident.
    pub fn is_follow_up(self) -> bool {
        matches!(self, Self::Correction | Self::AllClear)
    }

    /// Whether it tells of reports that tripped a topic, so that it can be said of them whether that was right.
    pub fn tells_reports(self) -> bool {
        self.tells_news() && self != Self::Surge
    }

    /// The kind for a word of the store.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// What routes look at.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// What it tells.
    pub kind: Kind,
    /// Its topic.
    pub topic: TopicId,
    /// The topic's severity, or a higher one.
    pub severity: Severity,
    /// ISO 3166-1 alpha-2 code, or `ZZ`.
    pub place: String,
    /// Independent publishers.
    pub publishers: u32,
}

/// Why nobody was told of an article that tripped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withheld {
    /// The feed was seen for the first time and the entry was not fresh.
    Baseline {
        /// `poll.first_look`.
        first_look: Duration,
    },
    /// Published too long before it was seen.
    TooOld {
        /// `alert.max_age`.
        max_age: Duration,
    },
    /// The incident waits.
    Incident(Outcome),
    /// The entry was edited, and tripped before the edit too.
    AlreadyTripped,
    /// The incident fell quiet before enough publishers said so.
    Unconfirmed {
        /// Publishers in the end.
        have: u32,
        /// Publishers the topic asks for.
        need: u32,
    },
    /// It waited too long for other publishers: what they say now is no confirmation of it.
    Lapsed {
        /// Publishers the topic asks for.
        need: u32,
        /// How long reports confirm each other.
        memory: Duration,
    },
    /// It was taken back before people were told.
    Retracted,
    /// It takes back what its story reports.
    Retraction,
    /// It was taken back twice and says so again.
    BackAndForth,
    /// It waited to be told, and was edited until it no longer trips.
    EditedAway,
    /// The topic was taken out of the configuration.
    TopicGone,
}

impl Withheld {
    /// A short word for counting (`replay`'s `suppressed`).
    pub fn code(&self) -> &'static str {
        match self {
            Self::Baseline { .. } => "baseline",
            Self::TooOld { .. } => "too-old",
            Self::Incident(Outcome::AwaitingPublishers { .. }) => "awaiting-publishers",
            Self::Incident(Outcome::UpdateHeld { .. }) => "update-held",
            Self::Incident(Outcome::AlreadyReported | Outcome::Told) => "already-reported",
            Self::AlreadyTripped => "already-tripped",
            Self::Unconfirmed { .. } | Self::Lapsed { .. } => "unconfirmed",
            Self::Retracted => "retracted",
            Self::Retraction => "retraction",
            Self::BackAndForth => "back-and-forth",
            Self::EditedAway => "edited-away",
            Self::TopicGone => "topic-gone",
        }
    }

    /// A sentence for `articles show`.
    pub fn words(&self) -> String {
        match self {
            Self::Baseline { first_look } => format!(
                "not told: it was there when the feed was first polled and is not from the last {} (poll.first_look)",
                words(*first_look)
            ),
            Self::TooOld { max_age } => {
                format!(
                    "not told: published more than {} before it was seen (alert.max_age)",
                    words(*max_age)
                )
            }
            Self::Incident(Outcome::AwaitingPublishers { have, need }) => {
                format!("waits: {have} of {need} independent publishers say so (alert.publishers)")
            }
            Self::Incident(Outcome::UpdateHeld { until }) => {
                let until = until.strftime("%Y-%m-%d %H:%MZ");
                format!("held for the next update of the incident, at {until} or later (alert.update_every)")
            }
            Self::Incident(Outcome::AlreadyReported | Outcome::Told) => {
                "not told: its story was reported already".to_owned()
            }
            Self::AlreadyTripped => "not told: it tripped before it was edited, too".to_owned(),
            Self::Unconfirmed { have, need } => {
                format!(
                    "not told: {have} of {need} independent publishers said so until it fell quiet (alert.publishers)"
                )
            }
            Self::Lapsed { need, memory } => format!(
                "not told: fewer than {need} independent publishers said so within {} (alert.publishers)",
                words(*memory)
            ),
            Self::Retracted => "not told: its publisher took it back before".to_owned(),
            Self::Retraction => "not told as news: it takes back what was reported".to_owned(),
            Self::BackAndForth => {
                "not told: it was reported and taken back twice, and its page goes back and forth".to_owned()
            }
            Self::EditedAway => "not told: it was edited before, and no longer says so".to_owned(),
            Self::TopicGone => "not told: its topic is no longer configured".to_owned(),
        }
    }
}

/// How far ahead of us a publisher's clock may be.
const FUTURE_MAX: Duration = Duration::from_hours(24);

/// Whether an article that tripped may alert at all. `first_sight` says that its feed had never been read before.
pub fn may_alert(
    article: &Article,
    first_sight: bool,
    first_look: Duration,
    max_age: Duration,
) -> Result<(), Withheld> {
    // A date of the day after tomorrow says nothing: calendars announce, and years are mistyped.
    let believed = article.published_at.filter(|published| *published <= after(article.seen_at, FUTURE_MAX));
    let published_within =
        |limit: Duration| believed.map(|published: Timestamp| after(published, limit) >= article.seen_at);
    if first_sight && published_within(first_look) != Some(true) {
        return Err(Withheld::Baseline { first_look });
    }
    if published_within(max_age) == Some(false) {
        return Err(Withheld::TooOld { max_age });
    }
    Ok(())
}
