//! A feed: a source we poll, and what its publisher put in it.
//!
//! Owns the nouns [`Feed`], [`Entry`], [`ParsedFeed`] and [`Problem`]. Reading documents is [`parse`]; how a feed is
//! asked, [`access`]; what is remembered between polls, [`state`]; when it is polled next, [`pace`]; how it is, [`health`].
//! Refuses to fetch, to store, and to judge what is new.

pub mod access;
pub mod answer;
pub mod discover;
pub mod explain;
pub mod gap;
pub mod health;
pub mod host;
pub mod moved;
pub mod pace;
pub mod parse;
pub mod publishers;
pub mod rhythm;
pub mod robots;
pub mod schedule;
pub mod state;
pub mod subscription;
pub mod trust;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

use access::Access;
use publishers::Publishers;

/// The row of a feed in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FeedId(pub i64);

/// How far a publisher is trusted: 1 (most) to 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Tier(u8);

impl Tier {
    /// A tier from its number; `None` outside 1 to 3.
    pub fn new(number: u8) -> Option<Self> {
        (1..=3).contains(&number).then_some(Self(number))
    }

    /// The number, 1 to 3.
    pub fn number(self) -> u8 {
        self.0
    }
}

impl Default for Tier {
    fn default() -> Self {
        Self(2)
    }
}

impl TryFrom<u8> for Tier {
    type Error = String;
    fn try_from(number: u8) -> Result<Self, String> {
        Self::new(number).ok_or_else(|| format!("a tier is 1, 2 or 3, not {number}"))
    }
}

impl From<Tier> for u8 {
    fn from(tier: Tier) -> Self {
        tier.0
    }
}

/// Which articles of a feed have their pages read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FullText {
    /// None: the feed's own words are all there is.
    #[default]
    Never,
    /// Those whose score is uncertain.
    Borderline,
    /// All that bring no full text.
    Always,
}

impl FullText {
    /// As it is written in TOML.
    pub fn word(self) -> &'static str {
        match self {
            Self::Never => "false",
            Self::Borderline => "\"borderline\"",
            Self::Always => "true",
        }
    }
}

/// A source we poll, as its owner configured it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// Where it is polled.
    pub url: Url,
    /// What people call it; the host when its owner named none.
    pub name: String,
    /// Who stands behind its articles, when not the registrable domain of their URLs.
    pub publisher: Option<String>,
    /// Publishers that go by several names.
    pub publishers: Arc<Publishers>,
    /// Trust in the publisher.
    pub tier: Tier,
    /// Free words to route and filter by (`tag:` in queries).
    pub tags: Vec<String>,
    /// ISO 639-1 code, when the owner knows better than the document.
    pub language: Option<String>,
    /// Time between polls; the global one when absent.
    pub interval: Option<Duration>,
    /// Whether loopback and private addresses may be polled.
    pub allow_private_addresses: bool,
    /// Whose pages are read, too.
    pub full_text: FullText,
    /// What a request carries besides the address, and the way it takes.
    pub access: Access,
}

impl Feed {
    /// A feed of which only the address is known; it is called after its host.
    pub fn new(url: Url) -> Self {
        Self {
            name: url.host_str().unwrap_or("feed").to_owned(),
            url,
            publisher: None,
            publishers: Arc::default(),
            tier: Tier::default(),
            tags: Vec::new(),
            language: None,
            interval: None,
            allow_private_addresses: false,
            full_text: FullText::Never,
            access: Access::default(),
        }
    }

    /// Its address without a password: what is shown, logged and stored.
    pub fn address(&self) -> String {
        let mut url = self.url.clone();
        // Refused only by addresses that cannot hold a password in the first place.
        if url.set_password(None).is_err() {
            return self.url.to_string();
        }
        url.into()
    }
}

/// What a publisher put in a feed, unaltered but for decoding.
///
/// `title`, `summary` and `content` are HTML, or text that reads the same as HTML: what the format declares to be
/// plain (Atom `type="text"`, JSON Feed titles and `content_text`) is escaped, so stripping HTML from any of them
/// gives the text. All else is plain text. Titles, authors and categories are on one line. Relative links inside
/// texts stay as given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// `guid`, Atom `id`, `rdf:about` or JSON Feed `id`, trimmed; never made up.
    pub id: Option<String>,
    /// Whether the publisher declared the id to be a permanent link (RSS `isPermaLink`; absent counts as true in RSS 2.0
    /// when the id is a web address).
    pub id_is_permalink: bool,
    /// Link to the article, resolved; always http or https. The id stands in for a missing link when it may.
    pub url: Option<String>,
    /// Headline; empty when there is none.
    pub title: String,
    /// Short text (`description`, `summary`).
    pub summary: Option<String>,
    /// Full text (`content:encoded`, Atom `content`, `content_html`).
    pub content: Option<String>,
    /// When it was published, read leniently.
    pub published: Option<Timestamp>,
    /// When it was last changed, read leniently.
    pub updated: Option<Timestamp>,
    /// The publication date as the publisher wrote it.
    pub published_raw: Option<String>,
    /// ISO 639-1 code the entry or its feed declares, lower case, without region.
    pub language: Option<String>,
    /// Authors' names.
    pub authors: Vec<String>,
    /// Categories the publisher gave.
    pub categories: Vec<String>,
}

/// The family a document belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RSS 0.9x and 2.0.
    Rss,
    /// RSS 0.90, 1.0 (RDF).
    Rdf,
    /// Atom 0.3 and 1.0.
    Atom,
    /// JSON Feed 1.0 and 1.1.
    Json,
}

impl Format {
    /// As people write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rss => "RSS",
            Self::Rdf => "RSS 1.0",
            Self::Atom => "Atom",
            Self::Json => "JSON Feed",
        }
    }
}

/// A document, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedFeed {
    /// Its family.
    pub format: Format,
    /// The feed's own title.
    pub title: Option<String>,
    /// The site the feed belongs to.
    pub home_url: Option<String>,
    /// ISO 639-1 code the feed declares.
    pub language: Option<String>,
    /// `ttl`, or `sy:updatePeriod` over `sy:updateFrequency`: the publisher's hint between polls.
    pub ttl: Option<Duration>,
    /// Hours of the day (UTC, 0 to 23) in which the publisher asks not to be polled.
    pub skip_hours: Vec<u8>,
    /// Days (English names, lower case) on which the publisher asks not to be polled.
    pub skip_days: Vec<String>,
    /// WebSub hubs.
    pub hubs: Vec<String>,
    /// The feed's own address, as it declares it.
    pub self_url: Option<String>,
    /// RFC 5005 `prev-archive` or `next` page.
    pub next_url: Option<String>,
    /// Whether that page is an archive, which never changes (RFC 5005 section 4).
    pub next_is_archive: bool,
    /// Entries in document order.
    pub entries: Vec<Entry>,
    /// What was wrong with the document and how it was mended.
    pub problems: Vec<Problem>,
}

/// Something wrong in a document that did not cost the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind of thing.
    pub kind: ProblemKind,
    /// Where and what, in words for the owner.
    pub detail: String,
}

/// Kinds of [`Problem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// Bytes did not fit the declared or guessed encoding.
    Encoding,
    /// Markup was not well formed; the tolerant reader took over.
    Markup,
    /// The document ends in the middle; entries before the break were kept.
    Truncated,
    /// A date could not be read.
    Date,
    /// More entries than the limit; the excess was left out.
    TooManyEntries,
    /// An entry has neither title, text nor link.
    EmptyEntry,
}

impl ProblemKind {
    /// Whether entries that the publisher wrote are missing for it.
    pub fn costs_entries(self) -> bool {
        matches!(self, Self::Truncated | Self::TooManyEntries)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}
