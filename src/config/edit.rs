//! Edits of a TOML file of feeds: entries added and removed, all else left as its owner wrote it, byte for byte.
//!
//! Owns where in the text an entry stands and how a new one is written. It cuts and inserts text by the places the parser
//! names instead of writing a document anew, because comments, order and line ends belong to the owner. What an edit came to is
//! read again and compared: a text that would say anything else is refused. Pure; files are [`draft`]'s.

pub mod draft;

use std::ops::Range;
use std::time::Duration;

use toml::de::{DeArray, DeTable, DeValue};
use url::Url;

use super::units::show_duration;
use crate::feed::Feed;

/// A feed to write into a file. What is absent is not written: the configuration's default holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// Its address.
    pub url: Url,
    /// What its owner calls it.
    pub name: Option<String>,
    /// Who stands behind its articles.
    pub publisher: Option<String>,
    /// Trust, 1 to 3.
    pub tier: Option<u8>,
    /// Words to filter by.
    pub tags: Vec<String>,
    /// ISO 639-1.
    pub language: Option<String>,
    /// Time between polls.
    pub interval: Option<Duration>,
    /// Whether it may be on a loopback or private address.
    pub allow_private_addresses: Option<bool>,
    /// Whose pages are read, too, as it is written in TOML.
    pub full_text: Option<&'static str>,
}

impl Addition {
    /// An address and nothing else.
    pub fn new(url: Url) -> Self {
        Self {
            url,
            name: None,
            publisher: None,
            tier: None,
            tags: Vec::new(),
            language: None,
            interval: None,
            allow_private_addresses: None,
            full_text: None,
        }
    }

    /// A configured feed as it would be written; its address without a password.
    pub fn of(feed: &Feed) -> Self {
        Self {
            name: Some(feed.name.clone()),
            publisher: feed.publisher.clone(),
            tier: Some(feed.tier.number()),
            tags: feed.tags.clone(),
            language: feed.language.clone(),
            interval: feed.interval,
            allow_private_addresses: None,
            full_text: None,
            url: Url::parse(&feed.address()).unwrap_or_else(|_| feed.url.clone()),
        }
    }

    /// Its keys with their values, as TOML.
    fn keys(&self) -> Vec<(&'static str, String)> {
        let mut keys = vec![("url", quote(self.url.as_str()))];
        keys.extend(self.name.as_ref().map(|name| ("name", quote(name))));
        keys.extend(self.publisher.as_ref().map(|publisher| ("publisher", quote(publisher))));
        keys.extend(self.tier.map(|tier| ("tier", tier.to_string())));
        if !self.tags.is_empty() {
            let tags: Vec<String> = self.tags.iter().map(|tag| quote(tag)).collect();
            keys.push(("tags", format!("[{}]", tags.join(", "))));
        }
        keys.extend(self.language.as_ref().map(|language| ("language", quote(language))));
        keys.extend(self.interval.map(|interval| ("interval", quote(&show_duration(interval)))));
        keys.extend(
            self.allow_private_addresses.map(|allowed| ("allow_private_addresses", allowed.to_string())),
        );
        keys.extend(self.full_text.map(|whose| ("full_text", whose.to_owned())));
        keys
    }

    fn block(&self, newline: &str) -> String {
        let mut text = format!("[[feed]]{newline}");
        for (key, value) in self.keys() {
            text.extend([key, " = ", &value, newline]);
        }
        text
    }

    fn inline(&self) -> String {
        let keys: Vec<String> = self.keys().iter().map(|(key, value)| format!("{key} = {value}")).collect();
        format!("{{ {} }}", keys.join(", "))
    }
}

/// A string as TOML, always between double quotes and on one line.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            letter if letter.is_control() => {
                quoted.extend(["\\u", &format!("{:04X}", u32::from(letter))]);
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

/// Why a text is not edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The line, from 1, when one is meant.
    pub line: Option<usize>,
    /// What is in the way.
    pub message: String,
}

/// A feed as a file lists it, polled or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its address, as written.
    pub url: String,
    /// Its name, if the file gives one.
    pub name: Option<String>,
    /// `enabled`.
    pub is_enabled: bool,
    /// The line it begins on, from 1.
    pub line: usize,
}

/// The feeds a text lists, in order.
pub fn listed(text: &str) -> Result<Vec<Listed>, Refusal> {
    let layout = Layout::of(text)?;
    let (mut line, mut counted_to) = (1, 0);
    let feed = |element: Element| {
        // They stand in the text's order, so that each line is counted once.
        line += newlines(text, counted_to..element.span.start);
        counted_to = element.span.start.max(counted_to);
        Listed { url: element.url, name: element.name, is_enabled: element.is_enabled, line }
    };
    Ok(layout.elements.into_iter().map(feed).collect())
}

/// The text with these feeds after those it has.
pub fn add(text: &str, additions: &[Addition]) -> Result<String, Refusal> {
    if additions.is_empty() {
        return Ok(text.to_owned());
    }
    let layout = Layout::of(text)?;
    let edited = match &layout.inline {
        Some(array) => add_inline(text, &layout, array.clone(), additions),
        None => add_blocks(text, additions),
    };
    let expected = layout.addresses().chain(additions.iter().map(|addition| addition.url.as_str()));
    confirm(edited, &expected.map(str::to_owned).collect::<Vec<_>>())
}

/// The text without the feeds at these places (of [`listed`]), each with the comment directly above it.
pub fn remove(text: &str, places: &[usize]) -> Result<String, Refusal> {
    let layout = Layout::of(text)?;
    let expected: Vec<String> = layout
        .addresses()
        .enumerate()
        .filter(|(place, _)| !places.contains(place))
        .map(|(_, url)| url.to_owned())
        .collect();
    let mut places = places.to_vec();
    places.sort_unstable();
    places.dedup();
    let mut edited = text.to_owned();
    // From the last to the first: what stands before keeps its place.
    for place in places.into_iter().rev() {
        let layout = Layout::of(&edited)?;
        if place >= layout.elements.len() {
            return Err(Refusal { line: None, message: format!("there is no feed {}", place + 1) });
        }
        let cut = if layout.inline.is_some() {
            cut_inline(&edited, &layout, place)
        } else {
            cut_block(&edited, &layout, place)
        };
        edited.replace_range(cut, "");
    }
    confirm(edited, &expected)
}

/// The edited text, if it lists what it should.
fn confirm(edited: String, expected: &[String]) -> Result<String, Refusal> {
    let found = Layout::of(&edited).map(|layout| layout.addresses().map(str::to_owned).collect::<Vec<_>>());
    if found.as_ref().is_ok_and(|found| found == expected) {
        return Ok(edited);
    }
    Err(Refusal { line: None, message: "it is written in a way that cannot be edited safely".to_owned() })
}

/// An entry and where it stands.
struct Element {
    url: String,
    name: Option<String>,
    is_enabled: bool,
    /// From `[[feed]]` to the end of its last value, or from `{` to `}`.
    span: Range<usize>,
}

/// Where the entries of a text stand.
struct Layout {
    elements: Vec<Element>,
    /// The brackets of `feed = […]`, when it is written so.
    inline: Option<Range<usize>>,
}

impl Layout {
    fn of(text: &str) -> Result<Self, Refusal> {
        let table = DeTable::parse(text).map_err(|error| Refusal {
            line: error.span().map(|span| line_of(text, span.start)),
            message: format!("it is not TOML: {}", error.message()),
        })?;
        let Some((_, feeds)) = table.get_ref().iter().find(|(key, _)| key.get_ref() == "feed") else {
            return Ok(Self { elements: Vec::new(), inline: None });
        };
        let line = Some(line_of(text, feeds.span().start));
        let DeValue::Array(array) = feeds.get_ref() else {
            return Err(Refusal { line, message: "`feed` is not a list of feeds".to_owned() });
        };
        let elements = read_elements(array).ok_or_else(|| Refusal {
            line,
            message: "`feed` holds something without an address".to_owned(),
        })?;
        // The place of a list made of `[[feed]]` is its first header.
        let is_blocks = text.get(feeds.span()).is_some_and(|written| written.starts_with("[["));
        Ok(Self { elements, inline: (!is_blocks).then(|| feeds.span()) })
    }

    fn addresses(&self) -> impl Iterator<Item = &str> {
        self.elements.iter().map(|element| element.url.as_str())
    }
}

fn read_elements(array: &DeArray<'_>) -> Option<Vec<Element>> {
    let read = |value: &toml::Spanned<DeValue<'_>>| {
        let DeValue::Table(table) = value.get_ref() else { return None };
        let text = |key: &str| table.get(key).and_then(|value| value.get_ref().as_str()).map(str::to_owned);
        let is_enabled = table.get("enabled").and_then(|value| value.get_ref().as_bool()).unwrap_or(true);
        let end = end_of(value).max(value.span().end);
        Some(Element { url: text("url")?, name: text("name"), is_enabled, span: value.span().start..end })
    };
    array.iter().map(read).collect()
}

/// Where the last value inside stands. TOML's own reader bounds the depth.
fn end_of(value: &toml::Spanned<DeValue<'_>>) -> usize {
    let inner = match value.get_ref() {
        DeValue::Table(table) => table.iter().map(|(_, value)| end_of(value)).max(),
        DeValue::Array(array) => array.iter().map(end_of).max(),
        _ => None,
    };
    value.span().end.max(inner.unwrap_or(0))
}

fn line_of(text: &str, offset: usize) -> usize {
    newlines(text, 0..offset) + 1
}

fn newlines(text: &str, span: Range<usize>) -> usize {
    text.get(span).unwrap_or("").matches('\n').count()
}

/// How the text ends its lines.
fn newline_of(text: &str) -> &'static str {
    let first = text.find('\n').and_then(|at| at.checked_sub(1)).and_then(|at| text.as_bytes().get(at));
    if first == Some(&b'\r') { "\r\n" } else { "\n" }
}

fn add_blocks(text: &str, additions: &[Addition]) -> String {
    let newline = newline_of(text);
    let mut edited = text.to_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        edited.push_str(newline);
    }
    for addition in additions {
        let is_apart = edited.is_empty() || edited.ends_with("\n\n") || edited.ends_with("\n\r\n");
        if !is_apart {
            edited.push_str(newline);
        }
        edited.push_str(&addition.block(newline));
    }
    edited
}

/// Adds to `feed = [{…}, {…}]`, on lines of their own where the last one has one.
fn add_inline(text: &str, layout: &Layout, array: Range<usize>, additions: &[Addition]) -> String {
    let written: Vec<String> = additions.iter().map(Addition::inline).collect();
    let mut edited = text.to_owned();
    let Some(last) = layout.elements.last() else {
        edited.insert_str(array.start + 1, &written.join(", "));
        return edited;
    };
    let line = line_around(text, last.span.start).start;
    let indent = text.get(line..last.span.start).filter(|before| before.trim().is_empty());
    let rest = text.get(last.span.end..array.end).unwrap_or("");
    let comma = comma_in(rest).map(|at| last.span.end + at);
    let after = comma.map_or(last.span.end, |comma| comma + 1);
    let Some(indent) = indent else {
        let lead = if comma.is_some() { " " } else { ", " };
        edited.insert_str(after, &format!("{lead}{}", written.join(", ")));
        return edited;
    };
    let end = line_around(text, after).end.min(array.end - 1);
    let line_end =
        text.get(after..end).map_or(after, |rest| after + rest.trim_end_matches(['\r', '\n']).len());
    let mut lines = String::new();
    for feed in &written {
        lines.extend([newline_of(text), indent, feed, ","]);
    }
    // Right to left, so that the places stay true.
    edited.insert_str(line_end, &lines);
    if comma.is_none() {
        edited.insert(last.span.end, ',');
    }
    edited
}

/// Where the comma stands that follows an element, comments passed over.
fn comma_in(rest: &str) -> Option<usize> {
    let mut is_comment = false;
    for (at, letter) in rest.char_indices() {
        match letter {
            '\n' => is_comment = false,
            '#' => is_comment = true,
            ',' if !is_comment => return Some(at),
            letter if is_comment || letter.is_whitespace() => {}
            _ => return None,
        }
    }
    None
}

/// The line around a place, its end included.
fn line_around(text: &str, at: usize) -> Range<usize> {
    let start = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |found| found + 1);
    let end = text.get(at..).and_then(|rest| rest.find('\n')).map_or(text.len(), |found| at + found + 1);
    start..end
}

/// The line before the one that starts here.
fn line_before(text: &str, start: usize) -> Option<Range<usize>> {
    start.checked_sub(1).map(|last| line_around(text, last))
}

fn is_blank(text: &str, line: &Range<usize>) -> bool {
    text.get(line.clone()).is_some_and(|line| line.trim().is_empty())
}

/// Where the comment directly above a line begins; the line itself when there is none.
fn with_comment_above(text: &str, mut start: usize) -> usize {
    while let Some(line) = line_before(text, start)
        && text.get(line.clone()).is_some_and(|line| line.trim_start().starts_with('#'))
    {
        start = line.start;
    }
    start
}

/// A `[[feed]]` with its comment and the blank lines that set it apart.
fn cut_block(text: &str, layout: &Layout, place: usize) -> Range<usize> {
    let Some(element) = layout.elements.get(place) else { return 0..0 };
    let mut start = with_comment_above(text, line_around(text, element.span.start).start);
    let mut end = line_around(text, element.span.end).end;
    let before = line_before(text, start);
    if end >= text.len() {
        while let Some(line) = line_before(text, start).filter(|line| is_blank(text, line)) {
            start = line.start;
        }
    } else if before.is_none_or(|line| is_blank(text, &line)) {
        while end < text.len() && is_blank(text, &line_around(text, end)) {
            end = line_around(text, end).end;
        }
    }
    start..end
}

/// An element of `feed = […]` with its comma; with its line and comment where it has one of its own.
fn cut_inline(text: &str, layout: &Layout, place: usize) -> Range<usize> {
    let Some(element) = layout.elements.get(place) else { return 0..0 };
    let span = element.span.clone();
    let line = line_around(text, span.start);
    let end_line = line_around(text, span.end);
    let rest = text.get(span.end..end_line.end).unwrap_or("").trim();
    let rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    let is_alone = text.get(line.start..span.start).is_some_and(|before| before.trim().is_empty())
        && (rest.is_empty() || rest.starts_with('#'));
    if is_alone {
        return with_comment_above(text, line.start)..end_line.end;
    }
    let comma = text.get(span.end..).and_then(comma_in).map(|at| span.end + at + 1);
    let has_comment = |gap: Range<usize>| text.get(gap).is_some_and(|gap| gap.contains('#'));
    let next = layout.elements.get(place + 1).map(|next| next.span.start);
    let previous = place.checked_sub(1).and_then(|before| layout.elements.get(before));
    match (next, previous) {
        // What stands between two may speak of the other one: only what follows on the same line goes along.
        (Some(next), _) if has_comment(span.end..next) => {
            let after = comma.unwrap_or(span.end);
            let rest = text.get(after..end_line.end.max(after)).unwrap_or("");
            let is_own = after <= end_line.end && rest.trim_start().starts_with('#');
            let end = after + if is_own { rest.trim_end_matches(['\r', '\n']).len() } else { 0 };
            span.start..end
        }
        (Some(next), _) => span.start..next,
        (None, Some(previous)) if has_comment(previous.span.end..span.start) => {
            span.start..comma.unwrap_or(span.end)
        }
        (None, Some(previous)) => previous.span.end..span.end,
        (None, None) => span.start..comma.unwrap_or(span.end),
    }
}
