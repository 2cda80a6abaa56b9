//! An article: an entry made comparable.
//!
//! Owns [`Article`] and the way there, [`normalize`]: plain text, canonical URL, language, publisher,
//! countries, fingerprint. Refuses to know topics, stories and the store.

pub mod fingerprint;
pub mod identity;
pub mod language;
pub mod page;
pub mod place;
pub mod publisher;
pub mod stem;
pub mod text;
pub mod url;
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

/// What an entry's publication date is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateQuality {
    /// It can be read, and is not in the future.
    Given,
    /// There is none.
    Missing,
    /// There is one, and it cannot be read.
    Unreadable,
    /// It is later than the poll that brought it: the article counts as published then.
    Future,
}

impl DateQuality {
    /// The quality of the date of an entry that came at `seen_at`.
    pub fn of(entry: &Entry, seen_at: Timestamp) -> Self {
        match (entry.published.or(entry.updated), &entry.published_raw) {
            (Some(at), _) if at > seen_at => Self::Future,
            (Some(_), _) => Self::Given,
            (None, Some(_)) => Self::Unreadable,
            (None, None) => Self::Missing,
        }
    }

    /// The lower-case word it is stored as.
    pub fn word(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Missing => "missing",
            Self::Unreadable => "unreadable",
            Self::Future => "future",
        }
    }
}

/// Characters a title may have.
const TITLE_LENGTH_MAX: usize = 1_000;

/// Characters a summary may have.
const SUMMARY_LENGTH_MAX: usize = 20_000;

/// Characters a body may have.
const BODY_LENGTH_MAX: usize = 200_000;

/// Characters of a headline taken from the text, where the publisher wrote none.
const MADE_TITLE_LENGTH_MAX: usize = 120;

/// Bytes of HTML read per field: the longest text there is, with ten times its length in markup.
const HTML_BYTES_MAX: usize = 10 * BODY_LENGTH_MAX;

/// Makes an entry comparable. `seen_at` is when it was polled.
pub fn normalize(entry: &Entry, feed: &Feed, seen_at: Timestamp) -> Article {
    let mut title = text::bounded(text::line(bounded_html(&entry.title)), TITLE_LENGTH_MAX);
    let (mut summary, mut body) = texts(entry);
    if title.is_empty() {
        title = first_sentence(if summary.is_empty() { &body } else { &summary });
    }
    // The headline's words count once, not again as the text's.
    if summary.is_empty() {
        body = without_title(body, &title);
    } else {
        summary = without_title(summary, &title);
    }
    let url = entry.url.as_deref().and_then(url::canonical);
    let declared = feed.language.as_deref().or(entry.language.as_deref());
    let sample = if summary.is_empty() { &body } else { &summary };
    let language = language::detect(&format!("{title}\n{sample}"), declared);
    Article {
        places: places(&title, &summary, &body, &language),
        language,
        publisher: publisher::of(url.as_deref(), feed),
        fingerprint: fingerprint::of(&title, &[&summary, &body]),
        tier: feed.tier,
        feed: feed.address(),
        tags: feed.tags.clone(),
        published_at: entry.published.or(entry.updated),
        seen_at,
        title,
        summary,
        body,
        url,
    }
}

impl Article {
    /// The same article with another body, and what follows from its words.
    #[must_use]
    pub fn with_body(&self, body: String, language: String) -> Self {
        let places = places(&self.title, &self.summary, &body, &language);
        Self { body, language, places, ..self.clone() }
    }
}

fn places(title: &str, summary: &str, body: &str, language: &str) -> Vec<String> {
    let found = place::places(title, summary, body, language);
    if found.is_empty() { vec![NO_PLACE.to_owned()] } else { found.into_iter().map(str::to_owned).collect() }
}

/// Summary and body as plain text. A body that says what the summary says is left out.
fn texts(entry: &Entry) -> (String, String) {
    let read = |html: &Option<String>, length_max| {
        text::bounded(text::plain(bounded_html(html.as_deref().unwrap_or_default())), length_max)
    };
    let summary = read(&entry.summary, SUMMARY_LENGTH_MAX);
    if entry.content == entry.summary {
        return (summary, String::new());
    }
    let body = read(&entry.content, BODY_LENGTH_MAX);
    if squashed(&summary).starts_with(&squashed(&body)) {
        return (summary, String::new());
    }
    (summary, body)
}

/// The beginning of a field's HTML: reading more could not make its text longer.
fn bounded_html(html: &str) -> &str {
    let mut length = html.len().min(HTML_BYTES_MAX);
    while !html.is_char_boundary(length) {
        length -= 1;
    }
    html.get(..length).unwrap_or_default()
}

/// The letters and digits of a text in lower case, to see whether two say the same.
fn squashed(text: &str) -> String {
    text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// A headline for an entry without one: the text's first sentence, cut at a word where it is long.
fn first_sentence(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let mut end = line.len();
    let mut last_space = 0;
    for (count, (at, letter)) in line.char_indices().enumerate() {
        let after = line.get(at + letter.len_utf8()..).unwrap_or_default();
        if matches!(letter, '.' | '!' | '?' | '؟' | '。')
            && (after.starts_with(' ') || letter == '。')
            && count > 20
        {
            end = at + letter.len_utf8();
            break;
        }
        if count >= MADE_TITLE_LENGTH_MAX {
            end = if last_space > 0 { last_space } else { at };
            break;
        }
        if letter == ' ' {
            last_space = at;
        }
    }
    line.get(..end).unwrap_or_default().trim_end().to_owned()
}

/// A text that opens with the title as a line or sentence of its own loses it; one that goes on with the title's
/// sentence keeps it, or it would not be one.
fn without_title(summary: String, title: &str) -> String {
    if title.is_empty() {
        return summary;
    }
    let mut rest = summary.chars();
    let mut expected =
        title.chars().filter(|letter| !letter.is_whitespace()).flat_map(char::to_lowercase).peekable();
    while expected.peek().is_some() {
        let Some(letter) = rest.next() else { return summary };
        if !letter.is_whitespace() && letter.to_lowercase().any(|lower| expected.next() != Some(lower)) {
            return summary;
        }
    }
    let rest = rest.as_str();
    let after = rest.trim_start_matches(['.', ':', '-', '–', '—', '|', '!', '?', '…', ' ']);
    // A dash divides only between spaces: "truce breaks-up talks fail" goes on with the title's words.
    let is_divided = rest.starts_with(['\n', ':', '|', '.', '!', '?', '…'])
        || title.ends_with(['.', '!', '?', '؟', '。']) && rest.starts_with([' ', '\n'])
        || [" -", " –", " —", " |"].iter().any(|dash| rest.starts_with(dash));
    if rest.is_empty() || is_divided { after.trim_start().to_owned() } else { summary }
}
