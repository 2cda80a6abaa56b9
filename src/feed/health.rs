//! How a feed is, in words an operator can act on.
//!
//! Owns [`Health`] and its changes. Refuses to tell anybody: what has lasted is told by the pipeline.

use jiff::Timestamp;

/// How a feed is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Health {
    /// Polls bring what they should.
    #[default]
    Ok,
    /// Something is wrong and news still comes, or came a short while ago.
    Degraded,
    /// Nothing has come for long enough to be blind.
    Failing,
    /// Polls succeed and nothing new appears, longer than ever.
    Silent,
    /// The publisher says the feed is no more.
    Gone,
}

impl Health {
    /// The lower-case word it is stored and shown as.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Failing => "failing",
            Self::Silent => "silent",
            Self::Gone => "gone",
        }
    }

    /// The health of a stored word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Ok, Self::Degraded, Self::Failing, Self::Silent, Self::Gone]
            .into_iter()
            .find(|health| health.word() == word)
    }
}

/// A feed's health, since when and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HealthState {
    /// Now.
    pub health: Health,
    /// Since when; absent when it was never anything but ok.
    pub since: Option<Timestamp>,
    /// Why, in runbook words: what happened and what to do. Empty when ok.
    pub reason: String,
    /// What its operator was told last.
    pub told: Health,
}
