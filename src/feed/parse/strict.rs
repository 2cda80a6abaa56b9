//! feed-rs as a second reader, asked when the tolerant reader came back with holes.
//!
//! Owns the boundary to feed-rs and chrono. Refuses to replace what was read: it only fills in what is missing.
//! feed-rs makes up ids where there are none; those are never taken.

use feed_rs::model;
use jiff::Timestamp;
use url::Url;

use super::draft::one_line;
use super::escape::escaped;
use crate::feed::Entry;

/// Reads a well-formed document with feed-rs; `None` when it refuses.
pub(super) fn read(text: &str, base: &Url) -> Option<Vec<Entry>> {
    let parser = feed_rs::parser::Builder::new()
        .base_uri(Some(base.as_str()))
        .sanitize_content(false)
        .id_generator(|_, _, _| String::new())
        .build();
    let feed = parser.parse(text.as_bytes()).ok()?;
    Some(feed.entries.into_iter().take(super::ENTRIES_READ_MAX).map(entry).collect())
}

/// Fills the holes in our entries from a second reading of the same document. Links are not taken: feed-rs mixes
/// an item's comments page in with them.
pub(super) fn fill(entries: &mut [Entry], second: Vec<Entry>) {
    if entries.len() != second.len() {
        return;
    }
    for (entry, other) in entries.iter_mut().zip(second) {
        if entry.title.is_empty() {
            entry.title = other.title;
        }
        entry.summary = entry.summary.take().or(other.summary);
        entry.content = entry.content.take().or(other.content);
        entry.published = entry.published.or(other.published);
        entry.updated = entry.updated.or(other.updated);
        if entry.authors.is_empty() {
            entry.authors = other.authors;
        }
    }
}

fn entry(entry: model::Entry) -> Entry {
    let link = entry.links.iter().find(|link| link.rel.as_deref().is_none_or(|rel| rel == "alternate"));
    let url = link.and_then(|link| super::draft::web_address(&link.href));
    // The texts of a picture are its caption.
    let is_recording = |content: &model::MediaContent| {
        content.content_type.as_ref().is_some_and(|kind| matches!(kind.ty().as_str(), "video" | "audio"))
    };
    let media = || entry.media.iter().filter(|media| media.content.iter().all(is_recording));
    let from_media = || media().find_map(|media| media.description.clone());
    let title_from_media = || media().find_map(|media| media.title.clone());
    Entry {
        id: Some(entry.id).filter(|id| !id.is_empty()),
        url,
        title: entry
            .title
            .clone()
            .or_else(title_from_media)
            .map(|title| one_line(&html(title)))
            .unwrap_or_default(),
        summary: entry.summary.clone().or_else(from_media).map(html),
        content: entry.content.and_then(|content| content.body),
        published: entry.published.and_then(timestamp),
        updated: entry.updated.and_then(timestamp),
        authors: entry.authors.into_iter().filter_map(|person| person.name).collect(),
        categories: entry.categories.into_iter().map(|category| category.term).collect(),
        ..Entry::default()
    }
}

/// feed-rs says which texts are plain; ours may all hold HTML.
fn html(text: model::Text) -> String {
    if text.content_type.subty() == "plain" { escaped(&text.content) } else { text.content }
}

fn timestamp(time: chrono::DateTime<chrono::Utc>) -> Option<Timestamp> {
    Timestamp::from_second(time.timestamp()).ok()
}
