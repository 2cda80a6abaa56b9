//! An article: an entry made comparable.
//!
//! Owns [`Article`] and the way there, [`normalize`]: plain text, canonical URL, language, publisher,
//! fingerprint. Refuses to know topics, stories and the store.

pub mod words;

use jiff::Timestamp;

use crate::feed::{Entry, Feed, Tier};

/// A place no country was found for.
pub const NO_PLACE: &str = "ZZ";

/// An entry made comparable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Article {
    /// Headline as plain text on one line.
    pub title: String,
    /// Short text as plain text.
    pub summary: String,
    /// Full text as plain text; empty when the feed carries none, or when it only repeats the summary.
    pub body: String,
    /// Canonical URL (no tracking parameters, AMP or mobile host); absent when the entry has no usable link.
    pub url: Option<String>,
    /// ISO 639-1 code; `und` when it cannot be told.
    pub language: String,
    /// Registrable domain of the URL, or what the feed's owner set.
    pub publisher: String,
    /// Trust in the publisher.
    pub tier: Tier,
    /// Feed URL it came by (`feed:` in queries).
    pub feed: String,
    /// The feed's tags (`tag:` in queries).
    pub tags: Vec<String>,
    /// Publication time; absent when there is none or it cannot be read.
    pub published_at: Option<Timestamp>,
    /// When we first saw it.
    pub seen_at: Timestamp,
    /// ISO 3166-1 alpha-2 codes, main place first; `ZZ` alone when none is found. Never empty.
    pub places: Vec<String>,
    /// Hash of the folded title and text: equal for equal words, whatever the markup, case or accents.
    pub fingerprint: u64,
}

/// Makes an entry comparable. `seen_at` is when it was polled.
pub fn normalize(_entry: &Entry, _feed: &Feed, _seen_at: Timestamp) -> Article {
    unimplemented!()
}
