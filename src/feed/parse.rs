//! Reading feed documents: RSS 0.9x, 1.0 and 2.0, Atom 0.3 and 1.0, JSON Feed, well formed or not.
//!
//! Owns the way from bytes to a [`ParsedFeed`]: decode, repair, read, resolve. One bad entry never costs the feed,
//! and a broken document yields what stands before the break. Refuses to fetch, to judge what is new, and to
//! expand anything a document defines itself. Work is linear in the document, and everything has a limit.

pub mod date;
mod decode;
mod draft;
mod escape;
mod fields;
mod json;
mod language;
mod names;
mod page;
mod repair;
mod strict;
mod tolerant;

use jiff::Timestamp;
use url::Url;

use super::{Entry, ParsedFeed, Problem, ProblemKind};

pub use page::PageKind;

/// Entries kept of one document: the newest. The others are counted and left out.
pub const ENTRIES_MAX: usize = 2_000;
/// Entries read from one document, to find the newest among them; what comes after is counted only.
pub const ENTRIES_READ_MAX: usize = 20_000;
/// Bytes kept of one text; the rest is cut off.
pub const TEXT_BYTES_MAX: usize = 1 << 20;
/// Authors, categories and links kept of one entry.
const NAMES_MAX: usize = 64;
/// Bytes kept of a name or a date as written.
const NAME_BYTES_MAX: usize = 512;

/// Why a document is not a feed, in words for the feed's owner.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAFeed {
    /// Nothing but white space.
    #[error("the document is empty")]
    Empty,
    /// A web page: the address moved, asks for a login or for proof of a person, or was never a feed's.
    #[error("{}", page::words(*.kind, .title.as_deref()))]
    HtmlPage {
        /// What it is for.
        kind: PageKind,
        /// The page's title, if it has one; it often says what went wrong.
        title: Option<String>,
    },
    /// XML of another kind.
    #[error("this is XML, but its root <{root}> belongs to no feed format{}", hint(.root))]
    UnknownMarkup {
        /// Name of the first element.
        root: String,
    },
    /// JSON of another kind.
    #[error("this is JSON, but no JSON Feed: it has no list of items")]
    OtherJson,
    /// Neither markup nor JSON.
    #[error("this is neither XML nor JSON; it starts with {start:?}")]
    NotMarkup {
        /// The first letters.
        start: String,
    },
}

fn hint(root: &str) -> &'static str {
    match root {
        "opml" => "; a list of feeds belongs into feed_files of wirewatch.toml",
        "urlset" | "sitemapindex" => "; it is a sitemap",
        _ => "",
    }
}

/// Reads a document. `base` is the address it came from; `content_type` the header it came with.
pub fn parse(document: &[u8], base: &Url, content_type: Option<&str>) -> Result<ParsedFeed, NotAFeed> {
    let decoded = decode::decode(document, content_type, base.host_str());
    let text = decoded
        .text
        .trim_start_matches(|letter: char| letter.is_whitespace() || letter == '\u{FEFF}' || letter == '\0');
    if text.trim_end_matches(|letter: char| letter.is_whitespace() || letter == '\0').is_empty() {
        return Err(NotAFeed::Empty);
    }
    let (mut feed, unread) =
        if text.starts_with(['{', '[']) { json::read(text, base)? } else { read_markup(text, base)? };
    keep_newest(&mut feed, unread);
    if let Some(detail) = decoded.trouble {
        feed.problems.insert(0, Problem { kind: ProblemKind::Encoding, detail });
    }
    Ok(feed)
}

/// A document's text, whatever its encoding, and what was wrong with that: for web pages and lists of feeds, which say their
/// encoding as badly as feeds do.
pub fn text(document: &[u8]) -> (String, Option<String>) {
    let decoded = decode::decode(document, None, None);
    (decoded.text, decoded.trouble)
}

/// An attribute's value with its character references resolved.
pub(super) fn unescaped(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    escape::push_unescaped(&mut text, raw);
    text
}

/// The feed, and how many entries were counted only.
fn read_markup(text: &str, base: &Url) -> Result<(ParsedFeed, usize), NotAFeed> {
    let repaired = repair::repair(text);
    let (mut feed, unread) = tolerant::read(&repaired, base)?;
    let is_well_formed =
        !feed.problems.iter().any(|it| matches!(it.kind, ProblemKind::Markup | ProblemKind::Truncated));
    let found_none = feed.entries.is_empty();
    if is_well_formed
        && (found_none || feed.entries.iter().any(is_blank))
        && let Some(second) = strict::read(&repaired.text, base)
    {
        if found_none {
            feed.entries = second.into_iter().filter(|entry| !is_blank(entry)).collect();
        } else {
            strict::fill(&mut feed.entries, second);
        }
    }
    Ok((feed, unread))
}

/// Whether an entry has no words.
fn is_blank(entry: &Entry) -> bool {
    entry.title.is_empty() && entry.summary.is_none() && entry.content.is_none()
}

/// Leaves the newest [`ENTRIES_MAX`] entries, in the document's order. Some archives put the newest last. An entry
/// without a date counts as new; among equals the first ones stay.
fn keep_newest(feed: &mut ParsedFeed, unread: usize) {
    let excess = unread + feed.entries.len().saturating_sub(ENTRIES_MAX);
    if excess == 0 {
        return;
    }
    let dates: Vec<_> =
        feed.entries.iter().map(|it| it.published.max(it.updated).unwrap_or(Timestamp::MAX)).collect();
    let mut by_date: Vec<usize> = (0..dates.len()).collect();
    by_date.sort_by_key(|place| std::cmp::Reverse(dates.get(*place)));
    let mut is_kept = vec![false; dates.len()];
    for place in by_date.into_iter().take(ENTRIES_MAX) {
        if let Some(kept) = is_kept.get_mut(place) {
            *kept = true;
        }
    }
    let mut is_kept = is_kept.into_iter();
    feed.entries.retain(|_| is_kept.next().unwrap_or(false));
    let detail = format!(
        "the document holds {excess} entries more than the {ENTRIES_MAX} that are kept; the newest are"
    );
    feed.problems.push(Problem { kind: ProblemKind::TooManyEntries, detail });
}

/// Notes what is missing or not understood, once per kind. An entry that says nothing is an entry all the same.
fn note_entries(problems: &mut Vec<Problem>, entries: &[Entry], unread_dates: &[String]) {
    let says_nothing = |entry: &&Entry| is_blank(entry) && entry.url.is_none();
    let empty = entries.iter().filter(says_nothing).count();
    if empty > 0 {
        let detail = format!("{empty} entries have neither title, text nor link");
        problems.push(Problem { kind: ProblemKind::EmptyEntry, detail });
    }
    if let Some(first) = unread_dates.first() {
        let detail = format!("{} dates could not be read, the first is {first:?}", unread_dates.len());
        problems.push(Problem { kind: ProblemKind::Date, detail });
    }
}

/// A text cut to its limit.
fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or_default()
}
