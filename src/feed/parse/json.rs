//! JSON Feed 1.0 and 1.1, also when broken off, with integer ids, or with raw line breaks in strings.
//!
//! Owns reading JSON. Refuses documents that are JSON but no feed. A document that does not parse as a whole is
//! cut into the objects of its `items` array, and every object that parses is an entry.

use serde_json::Value;
use url::Url;

use super::draft::{self, DateRole, DraftEntry};
use super::{ENTRIES_READ_MAX, NotAFeed, escape, language};
use crate::feed::{Format, ParsedFeed, Problem, ProblemKind};

/// Reads a document whose first letter is `{` or `[`: the feed, and how many entries were counted only.
pub(super) fn read(text: &str, base: &Url) -> Result<(ParsedFeed, usize), NotAFeed> {
    match serde_json::from_str::<Value>(text) {
        Ok(document) => {
            let items = document.get("items").and_then(Value::as_array);
            let is_feed =
                document.get("version").and_then(Value::as_str).is_some_and(|it| it.contains("jsonfeed"));
            match items {
                Some(items) => Ok(feed(&document, items, base)),
                None if is_feed => Ok(feed(&document, &[], base)),
                None => Err(NotAFeed::OtherJson),
            }
        }
        Err(error) => read_broken(text, base, &error),
    }
}

fn read_broken(text: &str, base: &Url, error: &serde_json::Error) -> Result<(ParsedFeed, usize), NotAFeed> {
    // Raw control characters are the usual fault; outside strings a space does no harm.
    let text: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let scan = scan(&text).ok_or(NotAFeed::OtherJson)?;
    let head = format!("{}[]}}", text.get(..scan.array_at).unwrap_or_default());
    let document = serde_json::from_str::<Value>(&head).unwrap_or(Value::Null);
    let mut lost = 0_usize;
    let mut items = Vec::new();
    for object in &scan.objects {
        match serde_json::from_str::<Value>(object) {
            Ok(item) => items.push(item),
            Err(_) => lost += 1,
        }
    }
    let (mut feed, unread) = feed(&document, &items, base);
    let unread = unread + scan.unread;
    let (kind, what) = if scan.complete {
        (ProblemKind::Markup, "is not valid")
    } else {
        (ProblemKind::Truncated, "breaks off")
    };
    let lost = if lost == 0 { String::new() } else { format!("; {lost} entries could not be read") };
    let place = format!("line {} column {}", error.line(), error.column());
    feed.problems.push(Problem { kind, detail: format!("the JSON {what} at {place}{lost}") });
    Ok((feed, unread))
}

/// Where the `items` array starts, and the objects in it that are closed.
struct Scan<'text> {
    array_at: usize,
    objects: Vec<&'text str>,
    /// Objects beyond [`ENTRIES_READ_MAX`].
    unread: usize,
    complete: bool,
}

/// Follows brackets and strings without understanding anything else, so that it survives what a parser does not.
fn scan(text: &str) -> Option<Scan<'_>> {
    let array_at = items_array(text)?;
    let mut objects = Vec::new();
    let mut unread = 0;
    let mut depth = 0_usize;
    let mut start = 0;
    let mut in_string = false;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(array_at + 1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                if depth == 0 {
                    start = at;
                }
                depth += 1;
            }
            b'}' | b']' if depth == 0 => return Some(Scan { array_at, objects, unread, complete: true }),
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 && objects.len() < ENTRIES_READ_MAX {
                    objects.extend(text.get(start..=at));
                } else if depth == 0 {
                    unread += 1;
                }
            }
            _ => {}
        }
    }
    Some(Scan { array_at, objects, unread, complete: false })
}

/// The `[` after the first `"items":`.
fn items_array(text: &str) -> Option<usize> {
    text.match_indices("\"items\"").find_map(|(at, name)| {
        let after = at + name.len();
        let rest = text.get(after..)?.trim_start().strip_prefix(':')?.trim_start();
        rest.starts_with('[').then(|| text.len() - rest.len())
    })
}

fn feed(document: &Value, items: &[Value], base: &Url) -> (ParsedFeed, usize) {
    let language = string(document, "language").and_then(|tag| language::code(&tag));
    let address = |name: &str| string(document, name).and_then(|written| draft::resolve(&written, base));
    let mut feed = ParsedFeed {
        format: Format::Json,
        title: string(document, "title").map(|title| escape::escaped(&draft::one_line(&title))),
        home_url: address("home_page_url"),
        language,
        ttl: None,
        skip_hours: Vec::new(),
        skip_days: Vec::new(),
        hubs: array(document, "hubs")
            .iter()
            .filter_map(|hub| string(hub, "url"))
            .filter_map(|written| draft::resolve(&written, base))
            .take(8)
            .collect(),
        self_url: address("feed_url"),
        next_url: address("next_url"),
        next_is_archive: false,
        entries: Vec::new(),
        problems: Vec::new(),
    };
    let feed_authors = authors(document);
    let mut unread = Vec::new();
    for item in items.iter().filter(|item| item.is_object()).take(ENTRIES_READ_MAX) {
        let mut draft = draft_of(item);
        for name in authors(item).iter().chain(feed_authors.iter().filter(|_| authors(item).is_empty())) {
            draft.author(0, name);
        }
        feed.entries.push(draft.finish(base, feed.language.as_deref(), &mut unread));
    }
    super::note_entries(&mut feed.problems, &feed.entries, &unread);
    (feed, items.len().saturating_sub(ENTRIES_READ_MAX))
}

fn draft_of(item: &Value) -> DraftEntry {
    let mut draft = DraftEntry::default();
    let plain = |name: &str| string(item, name).map(|text| escape::escaped(&text)).unwrap_or_default();
    let html = |name: &str| string(item, name).unwrap_or_default();
    draft.id.offer(0, &html("id"));
    // A JSON Feed id is not a link even when it looks like one; as with RSS `isPermaLink="false"`, unless
    // there is no link at all (the specification recommends the id be the permanent address).
    draft.title.offer(0, &plain("title"));
    draft.summary.offer(0, &plain("summary"));
    draft.content.offer(0, &html("content_html"));
    draft.content.offer(1, &plain("content_text"));
    draft.link(0, &html("url"), None);
    draft.link(1, &html("external_url"), None);
    draft.date(DateRole::Published, &html("date_published"));
    draft.date(DateRole::Updated, &html("date_modified"));
    draft.language.offer(0, &html("language"));
    for tag in array(item, "tags").iter().filter_map(Value::as_str) {
        draft.category(tag);
    }
    draft
}

/// Names from `authors` (1.1) or `author` (1.0).
fn authors(of: &Value) -> Vec<String> {
    let many = array(of, "authors").iter().take(super::NAMES_MAX).filter_map(|author| string(author, "name"));
    let one = of
        .get("author")
        .and_then(|author| string(author, "name").or_else(|| author.as_str().map(str::to_owned)));
    many.chain(one).collect()
}

fn array<'value>(of: &'value Value, name: &str) -> &'value [Value] {
    of.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A string, or a number written as one: ids are often integers.
fn string(of: &Value, name: &str) -> Option<String> {
    match of.get(name)? {
        Value::String(text) => Some(super::cut(text).to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
