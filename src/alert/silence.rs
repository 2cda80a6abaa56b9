//! A silence: a time-boxed, commented mute of alerts that match it.
//!
//! Owns [`Silence`], what may become one ([`NewSilence::check`]) and what it matches. It holds back telling, never recording,
//! and what it held is told when it ends. Refuses silences without end, without comment, and of nothing in particular.

use std::time::Duration;

use jiff::Timestamp;

use super::Alert;
use super::route::matches_glob;
use crate::feed::schedule::after;
use crate::topic::Severity;

/// Longest silence. One that outlives a season is a change of the configuration, and belongs there.
pub const SILENCE_MAX: Duration = Duration::from_hours(90 * 24);

/// Longest comment, characters.
const COMMENT_CHARS_MAX: usize = 500;

/// Longest author, characters.
const AUTHOR_CHARS_MAX: usize = 100;

/// How far clocks may disagree: a silence from a time to come was made by a clock that ran ahead, and is not in force.
const CLOCK_SLACK: Duration = Duration::from_hours(1);

/// The row of a silence in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SilenceId(pub i64);

/// Which alerts are silenced: those that match all of what is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matcher {
    /// Glob over topic ids (`*` any run, `?` one character).
    pub topic: Option<String>,
    /// ISO 3166-1 alpha-2 code, or `ZZ`.
    pub place: Option<String>,
    /// Highest severity that is silenced; what is more severe is told.
    pub severity_max: Option<Severity>,
    /// Glob over publishers; it matches an alert whose articles are all of such publishers.
    pub publisher: Option<String>,
    /// Only this address is not told; the others are.
    pub address: Option<String>,
}

impl Matcher {
    /// Whether an alert to an address is silenced. `publishers` are those of its articles.
    pub fn matches(&self, alert: &Alert, publishers: &[String], address: &str) -> bool {
        let is = |wanted: &Option<String>, holds: &dyn Fn(&str) -> bool| wanted.as_deref().is_none_or(holds);
        is(&self.topic, &|glob| matches_glob(glob, &alert.topic.0))
            && is(&self.place, &|place| place == alert.place)
            && self.severity_max.is_none_or(|max| alert.severity <= max)
            && is(&self.publisher, &|glob| {
                !publishers.is_empty() && publishers.iter().all(|publisher| matches_glob(glob, publisher))
            })
            && is(&self.address, &|only| only.eq_ignore_ascii_case(address))
    }

    /// What it matches, in words: `topic famine, place SD, up to warning`.
    pub fn words(&self) -> String {
        let named = [
            ("topic", &self.topic),
            ("place", &self.place),
            ("publisher", &self.publisher),
            ("to", &self.address),
        ];
        let mut parts: Vec<String> = named
            .into_iter()
            .filter_map(|(name, value)| value.as_ref().map(|value| format!("{name} {value}")))
            .collect();
        parts.extend(self.severity_max.map(|max| format!("up to {}", max.as_str())));
        parts.join(", ")
    }
}

/// A silence somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSilence {
    /// What is silenced.
    pub matcher: Matcher,
    /// When it ends.
    pub until: Timestamp,
    /// Who wants it.
    pub author: String,
    /// Why.
    pub comment: String,
}

/// Why a silence is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It would be over.
    #[error("it would end before it begins")]
    Over,
    /// It would last too long.
    #[error("it would last longer than 90 days")]
    TooLong,
    /// It says nothing of what it silences.
    #[error("it names neither a topic nor a place nor a publisher")]
    Boundless,
    /// It has no comment, or one without end.
    #[error("it needs a comment of 1 to 500 characters, so that others know why")]
    Comment,
    /// Nobody says so, or with a name without end.
    #[error("it needs an author of 1 to 100 characters")]
    Author,
}

impl NewSilence {
    /// The silence with its texts on one line and trimmed, or why it cannot be.
    pub fn check(mut self, now: Timestamp) -> Result<Self, Refused> {
        self.comment = one_line(&self.comment);
        self.author = one_line(&self.author);
        let Matcher { topic, place, publisher, .. } = &self.matcher;
        if self.until <= now {
            return Err(Refused::Over);
        }
        if self.until > after(now, SILENCE_MAX) {
            return Err(Refused::TooLong);
        }
        if topic.is_none() && place.is_none() && publisher.is_none() {
            return Err(Refused::Boundless);
        }
        if !(1..=COMMENT_CHARS_MAX).contains(&self.comment.chars().count()) {
            return Err(Refused::Comment);
        }
        if !(1..=AUTHOR_CHARS_MAX).contains(&self.author.chars().count()) {
            return Err(Refused::Author);
        }
        Ok(self)
    }
}

/// Text of a person on one line, without control characters.
pub fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// A silence as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// Its row.
    pub id: SilenceId,
    /// What is silenced.
    pub matcher: Matcher,
    /// Who wanted it.
    pub author: String,
    /// Why.
    pub comment: String,
    /// Since when.
    pub made_at: Timestamp,
    /// When it ends by itself.
    pub until: Timestamp,
    /// When somebody ended it.
    pub ended_at: Option<Timestamp>,
}

impl Silence {
    /// Whether it is in force.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.ended_at.is_none()
            && now < self.until
            && self.made_at <= after(now, CLOCK_SLACK)
            // Whatever clocks did: no silence outlasts what it may.
            && self.until <= after(now, SILENCE_MAX)
    }
}

/// Of the silences in force that match, the one that lasts longest.
pub fn silencing<'a>(
    silences: &'a [Silence],
    alert: &Alert,
    publishers: &[String],
    address: &str,
    now: Timestamp,
) -> Option<&'a Silence> {
    let matching = silences.iter().filter(|silence| silence.is_in_force(now));
    matching
        .filter(|silence| silence.matcher.matches(alert, publishers, address))
        .max_by_key(|silence| (silence.until, silence.id))
}
