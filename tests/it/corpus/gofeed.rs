//! The suites with expected values in JSON beside each document: gofeed's and feed-rs's.

use std::path::Path;

use serde_json::Value;
use wirewatch::feed::Entry;
use wirewatch::feed::parse::date;

use super::read_with_header;
use super::suites::{Tally, files, same_address, same_text, text_of};

/// gofeed: `x.xml` beside `x.json`, and `x.json` beside `x_expected.json`.
pub(super) fn run_gofeed(folder: &Path) -> Tally {
    let mut tally = Tally::default();
    for path in files(folder) {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let beside = match name.strip_suffix(".xml") {
            Some(stem) => format!("{stem}.json"),
            None => match name.strip_suffix(".json") {
                Some(stem) => format!("{stem}_expected.json"),
                None => continue,
            },
        };
        let beside = path.with_file_name(beside);
        let Ok(expected) = std::fs::read(&beside) else { continue };
        let Ok(expected) = serde_json::from_slice::<Value>(&expected) else {
            tally.not_comparable("the expected JSON is not valid itself");
            continue;
        };
        let document = std::fs::read(&path).expect("a readable file");
        let feed = read_with_header(&document, None).ok();
        let items = ["items", "entries"].iter().find_map(|key| expected.get(key)).and_then(Value::as_array);
        let items = items.map(Vec::as_slice).unwrap_or_default();
        tally.entries(&name, feed.as_ref(), items.len());
        let Some(feed) = feed else { continue };
        if let Some(title) = expected.get("title").and_then(Value::as_str).filter(|title| !title.is_empty()) {
            let ours = feed.title.as_deref().unwrap_or_default();
            tally.compare_text(&name, "feed title", ours, title);
        }
        if feed.entries.len() != items.len() {
            tally.not_comparable("entries without title, text and link are left out");
            continue;
        }
        for (entry, item) in feed.entries.iter().zip(items) {
            compare_gofeed(&mut tally, &name, entry, item);
        }
    }
    tally
}

fn compare_gofeed(tally: &mut Tally, place: &str, entry: &Entry, item: &Value) {
    let text = |keys: &[&str]| {
        keys.iter()
            .find_map(|key| match item.get(key)? {
                Value::String(text) => Some(text.clone()),
                Value::Object(object) => object.get("value").and_then(Value::as_str).map(str::to_owned),
                _ => None,
            })
            .filter(|text| !text.trim().is_empty())
    };
    if let Some(title) = text(&["title"]) {
        tally.compare_text(place, "title", &entry.title, &title);
    }
    if let Some(id) = text(&["guid", "id"]) {
        let ours = entry.id.as_deref().unwrap_or_default();
        tally.compare(place, "id", ours, &id, ours == id.trim());
    }
    if let Some(link) = text(&["link", "url"]) {
        let ours = entry.url.as_deref().unwrap_or_default();
        tally.compare(place, "link", ours, &link, same_address(ours, &link));
    }
    for (field, keys, ours) in [
        ("summary", &["description", "summary"][..], &entry.summary),
        ("content", &["content", "content_html"][..], &entry.content),
    ] {
        if let Some(text) = text(keys) {
            let ours = ours.as_deref().unwrap_or(text_of(entry));
            tally.compare_text(place, field, ours, &text);
        }
    }
    for (field, keys, ours) in [
        ("published", &["publishedParsed", "pubDateParsed", "date_published"][..], entry.published),
        ("updated", &["updatedParsed", "date_modified"][..], entry.updated),
    ] {
        if let Some(written) = text(keys) {
            let ours = ours.map(|timestamp| timestamp.to_string()).unwrap_or_default();
            let expected = date::read(&written).map(|timestamp| timestamp.to_string()).unwrap_or_default();
            tally.compare(place, field, &ours, &written, ours == expected);
        }
    }
    let names = item.get("categories").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for name in names {
        let name = ["term", "value"].iter().find_map(|key| name.get(key)).unwrap_or(name);
        if let Some(name) = name.as_str().filter(|name| !name.is_empty()) {
            let known = entry.categories.iter().any(|ours| same_text(ours, name));
            tally.compare(place, "category", &entry.categories.join(" | "), name, known);
        }
    }
    let author = item.pointer("/author/name").or_else(|| item.pointer("/authors/0/name"));
    if let Some(name) = author.and_then(Value::as_str).filter(|name| !name.is_empty()) {
        let known = entry.authors.iter().any(|ours| same_text(ours, name));
        tally.compare(place, "author", &entry.authors.join(" | "), name, known);
    }
}

/// feed-rs: `x.xml` or `x.json` beside `x.serde.json`.
pub(super) fn run_feed_rs(folder: &Path) -> Tally {
    let mut tally = Tally::default();
    for path in files(folder) {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if name.ends_with(".serde.json") {
            continue;
        }
        let Ok(expected) = std::fs::read(path.with_extension("serde.json")) else { continue };
        let Ok(expected) = serde_json::from_slice::<Value>(&expected) else { continue };
        let document = std::fs::read(&path).expect("a readable file");
        let feed = read_with_header(&document, None).ok();
        let items = expected.get("entries").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        tally.entries(&name, feed.as_ref(), items.len());
        let Some(feed) = feed.filter(|feed| feed.entries.len() == items.len()) else { continue };
        for (entry, item) in feed.entries.iter().zip(items) {
            compare_feed_rs(&mut tally, &name, entry, item);
        }
    }
    tally
}

fn compare_feed_rs(tally: &mut Tally, place: &str, entry: &Entry, item: &Value) {
    let text =
        |pointer: &str| item.pointer(pointer).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    if let Some(title) = text("/title/content") {
        tally.compare_text(place, "title", &entry.title, title);
    }
    let links = item.get("links").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let link = |wanted: Option<&str>| {
        links
            .iter()
            .find(|link| link.get("rel").and_then(Value::as_str) == wanted)
            .and_then(|link| link["href"].as_str())
    };
    if let Some(link) = link(None).or_else(|| link(Some("alternate"))) {
        let ours = entry.url.as_deref().unwrap_or_default();
        if link.contains("feedproxy.google.com") && !ours.contains("feedproxy") {
            tally.not_comparable("we take feedburner's original link rather than its redirect");
        } else if !link.contains("://") {
            tally.not_comparable("feed-rs leaves links relative that we resolve");
        } else {
            tally.compare(place, "link", ours, link, same_address(ours, link));
        }
    }
    if let Some(summary) = text("/summary/content") {
        let ours = text_of(entry);
        tally.compare_text(place, "summary", ours, summary);
    }
    if let Some(content) = text("/content/body") {
        let ours = entry.content.as_deref().unwrap_or_default();
        tally.compare_text(place, "content", ours, content);
    }
    for (field, ours) in [("published", entry.published), ("updated", entry.updated)] {
        if let Some(written) = text(&format!("/{field}")) {
            if field == "updated" && ours.is_none() && text("/published") == Some(written) {
                tally.not_comparable("feed-rs copies the publication date into `updated`");
                continue;
            }
            let ours = ours.map(|timestamp| timestamp.to_string()).unwrap_or_default();
            let expected = date::read(written).map(|timestamp| timestamp.to_string()).unwrap_or_default();
            tally.compare(place, field, &ours, written, ours == expected);
        }
    }
    match (entry.id.as_deref(), text("/id")) {
        (Some(ours), Some(id)) if ours == id => tally.compare(place, "id", ours, id, true),
        _ => tally.not_comparable("feed-rs makes ids up where an entry has none, and ignores rdf:about"),
    }
}
