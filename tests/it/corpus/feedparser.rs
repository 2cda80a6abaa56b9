//! feedparser's suite: a Python expression in a comment of each document says what to expect.

use std::path::Path;

use wirewatch::feed::{Entry, ParsedFeed};

use super::suites::{Tally, files, same_address, same_text, text_of};

pub(super) fn run(folder: &Path) -> Tally {
    let mut tally = Tally::default();
    for path in files(folder) {
        let place = path.strip_prefix(folder).expect("below the folder").to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).expect("a readable file");
        let comment = comment_of(&bytes);
        let Some(expected) = line_after(&comment, "Expect:") else { continue };
        let header = line_after(&comment, "Content-type:").or_else(|| line_after(&comment, "Content-Type:"));
        let base = url::Url::parse("http://127.0.0.1:8097/feed.xml").expect("a valid address");
        let feed = wirewatch::feed::parse::parse(&bytes, &base, header.as_deref()).ok();
        if expected.starts_with("not bozo") || place.starts_with("wellformed") {
            match entries_in(&bytes) {
                Some(count) => tally.entries(&place, feed.as_ref(), count),
                None => tally.not_comparable("no strict XML reader takes the document, or it is no feed"),
            }
        }
        for clause in expected.split(" and ") {
            compare(&mut tally, &place, feed.as_ref(), clause.trim());
        }
    }
    tally
}

/// The document's head as text, whatever its encoding: the expressions are ASCII.
fn comment_of(bytes: &[u8]) -> String {
    bytes.iter().take(6_000).filter(|byte| **byte != 0).map(|byte| char::from(*byte)).collect()
}

fn line_after(comment: &str, label: &str) -> Option<String> {
    let (_, after) = comment.split_once(label)?;
    after.lines().next().map(|line| line.trim().to_owned())
}

/// Entries a strict XML reader sees; `None` for what it refuses and for what is no feed.
fn entries_in(bytes: &[u8]) -> Option<usize> {
    let mut reader = quick_xml::Reader::from_str(std::str::from_utf8(bytes).ok()?);
    let mut depth = 0_usize;
    let mut count = 0;
    let mut root = None;
    loop {
        use quick_xml::events::Event;
        let event = reader.read_event().ok()?;
        let name = match &event {
            Event::Start(start) | Event::Empty(start) => start.local_name().as_ref().to_ascii_lowercase(),
            _ => String::new(),
        };
        match event {
            Event::Start(_) | Event::Empty(_) => {
                root.get_or_insert_with(|| name.clone());
                count += usize::from(depth <= 2 && matches!(name.as_str(), "item" | "entry"));
                depth += usize::from(matches!(event, Event::Start(_)));
            }
            Event::End(_) => depth = depth.checked_sub(1)?,
            Event::Eof => break,
            _ => {}
        }
    }
    let root = root.filter(|_| depth == 0)?;
    matches!(root.as_str(), "rss" | "feed" | "rdf" | "channel" | "entry").then_some(count)
}

fn compare(tally: &mut Tally, place: &str, feed: Option<&ParsedFeed>, clause: &str) {
    let Some((left, right)) = clause.split_once(" == ").or_else(|| clause.split_once("==")) else {
        return;
    };
    let left = left.trim().replace('"', "'");
    if let Some(number) = left.strip_prefix("len(entries)").and_then(|_| right.trim().parse::<usize>().ok()) {
        let read = feed.map_or(0, |feed| feed.entries.len());
        tally.compare(place, "entry count", &read.to_string(), right, read == number);
        return;
    }
    let Some(right) = literal(right.trim()) else {
        if !left.contains("_parsed") {
            tally.not_comparable("values that are not strings");
            return;
        }
        let stamp = parsed_tuple(right);
        let role = left.rsplit("['").next().unwrap_or_default();
        let Some((entry, stamp)) = entry_of(feed, &left).zip(stamp) else { return };
        let ours = if role.starts_with("updated") || role.starts_with("modified") {
            entry.updated
        } else {
            entry.published
        };
        let ours = ours.or(entry.published).map(|it| it.to_string()).unwrap_or_default();
        tally.compare(place, "date", &ours, &stamp, ours == stamp);
        return;
    };
    if let Some(reason) = differs_on_purpose(place, &left) {
        tally.not_comparable(reason);
        return;
    }
    if let Some(path) = left.strip_prefix("feed[").or_else(|| left.strip_prefix("feed.")) {
        compare_feed(tally, place, feed, path, &right);
    } else if left.starts_with("entries[") {
        compare_entry(tally, place, feed, &left, &right);
    } else {
        tally.not_comparable("values outside the feed and its entries (encoding, version, headers)");
    }
}

/// What feedparser does to values and we leave to later stages, by folder.
fn differs_on_purpose(place: &str, _left: &str) -> Option<&'static str> {
    if place.contains("content_location")
        || place.contains("headers_")
        || place.contains("http_content_language")
    {
        return Some("headers that `parse` is not told (Content-Location, Content-Language)");
    }
    if place.contains("/cdf/") {
        return Some("CDF, the format of Internet Explorer 4, is not read");
    }
    if place.contains("/namespace/")
        && (place.contains("svg") || place.contains("math") || place.contains("xlink"))
    {
        return Some("feedparser rewrites SVG and MathML; here entries keep markup as given");
    }
    if place.contains("/sanitize/") {
        return Some("feedparser sanitises HTML; here entries keep it as given");
    }
    None
}

fn compare_feed(tally: &mut Tally, place: &str, feed: Option<&ParsedFeed>, path: &str, expected: &str) {
    let ours = |value: fn(&ParsedFeed) -> Option<&String>| feed.and_then(value).map_or("", String::as_str);
    match path.trim_matches(['[', ']', '\'']) {
        "title" | "title_detail']['value" => {
            let ours = ours(|feed| feed.title.as_ref());
            tally.compare_text(place, "feed title", ours, expected);
        }
        "link" => {
            let ours = ours(|feed| feed.home_url.as_ref());
            tally.compare(place, "feed link", ours, expected, same_address(ours, expected));
        }
        "language" => {
            let ours = ours(|feed| feed.language.as_ref());
            let primary = expected.split('-').next().unwrap_or_default().to_ascii_lowercase();
            tally.compare(place, "feed language", ours, expected, ours == primary);
        }
        _ => tally.not_comparable("feed fields we have no use for (tagline, rights, images, generator, …)"),
    }
}

fn compare_entry(tally: &mut Tally, place: &str, feed: Option<&ParsedFeed>, left: &str, expected: &str) {
    let path =
        left.split_once(']').map(|(_, path)| path.trim_start_matches(['[', '\'', '.'])).unwrap_or_default();
    let path = path.trim_end_matches([']', '\'']);
    let Some(entry) = entry_of(feed, left) else {
        let holds_empty = feed.is_some_and(|feed| {
            feed.problems.iter().any(|problem| problem.kind == wirewatch::feed::ProblemKind::EmptyEntry)
        });
        if holds_empty {
            tally.not_comparable("entries without title, text and link are left out");
        } else {
            tally.compare(place, path, "no such entry", expected, false);
        }
        return;
    };
    let optional = |value: &Option<String>| value.clone().unwrap_or_default();
    match path {
        "title" | "title_detail']['value" => {
            tally.compare_text(place, "title", &entry.title, expected);
        }
        "link" => {
            let ours = optional(&entry.url);
            tally.compare(place, "link", &ours, expected, same_address(&ours, expected));
        }
        "id" | "guid" => {
            let ours = optional(&entry.id);
            tally.compare(place, "id", &ours, expected, ours == expected);
        }
        "description" | "summary" | "summary_detail']['value" => {
            let ours = text_of(entry);
            tally.compare_text(place, "summary", ours, expected);
        }
        "content'][0]['value" | "content[0].value" => {
            let ours = entry.content.as_deref().unwrap_or(text_of(entry));
            tally.compare_text(place, "content", ours, expected);
        }
        "published" | "issued" => {
            let ours = optional(&entry.published_raw);
            tally.compare(place, "published as written", &ours, expected, ours == expected);
        }
        "author" | "author_detail']['name" => {
            let ours = entry.authors.join(" | ");
            tally.compare(
                place,
                "author",
                &ours,
                expected,
                entry.authors.iter().any(|name| expected.contains(name)),
            );
        }
        _ if path.starts_with("tags'][") && path.ends_with("term") => {
            let known = entry.categories.iter().any(|name| same_text(name, expected));
            tally.compare(place, "category", &entry.categories.join(" | "), expected, known);
        }
        _ => {
            tally.not_comparable("entry fields we have no use for (rights, images, geo, itunes, details, …)");
        }
    }
}

fn entry_of<'feed>(feed: Option<&'feed ParsedFeed>, left: &str) -> Option<&'feed Entry> {
    let index = left.strip_prefix("entries[")?.split(']').next()?.parse::<usize>().ok()?;
    feed?.entries.get(index)
}

/// A Python string literal's value.
fn literal(source: &str) -> Option<String> {
    let source = source.trim_start_matches('u');
    let quote = source.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    let mut out = String::new();
    let mut letters = source.chars().skip(1);
    while let Some(letter) = letters.next() {
        if letter == quote {
            return Some(out);
        }
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        let kind = letters.next()?;
        let mut code = |digits: usize| -> Option<char> {
            let hex: String = letters.by_ref().take(digits).collect();
            u32::from_str_radix(&hex, 16).ok().and_then(char::from_u32)
        };
        match kind {
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            'x' => out.push(code(2)?),
            'u' => out.push(code(4)?),
            'U' => out.push(code(8)?),
            other => out.push(other),
        }
    }
    None
}

/// `(2004, 1, 1, 19, 48, 21, 3, 1, 0)` as a timestamp.
fn parsed_tuple(source: &str) -> Option<String> {
    let inside = source.split_once('(')?.1.split(')').next()?;
    let parts: Vec<i16> = inside.split(',').filter_map(|part| part.trim().parse().ok()).collect();
    let [year, month, day, hour, minute, second, ..] = parts.as_slice() else { return None };
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}
