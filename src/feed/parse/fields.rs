//! What an element means where it stands: which field it fills, how its text is to be read, and which wins.
//!
//! Owns the mapping from the dialects' elements to the fields of a draft. Refuses to walk: elements are handed in.
//! A `<title>` inside an image, a source, a text box or an unknown element is nobody's headline.

use super::TEXT_BYTES_MAX;
use super::draft::{self, DateRole};
use super::escape;
use super::names::{Tag, Vocabulary};
use super::tolerant::{Attribute, Walk};
use crate::feed::Format;

/// Where an element stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Feed,
    Entry,
    /// In a media group, or a recording, of an entry.
    Media,
    Person,
    Page,
    Elsewhere,
}

/// The place of an element from the tags around it, innermost first.
pub(super) fn place(mut around: impl Iterator<Item = Tag>, tag: Tag) -> Place {
    match around.next() {
        Some(Tag::Item | Tag::Entry) => Place::Entry,
        Some(Tag::Rss | Tag::RdfRoot | Tag::Feed | Tag::Channel | Tag::SkipHours | Tag::SkipDays) => {
            Place::Feed
        }
        Some(Tag::Author) => Place::Person,
        Some(Tag::MediaGroup) => match around.find(|tag| *tag != Tag::MediaGroup) {
            Some(Tag::Item | Tag::Entry) => Place::Media,
            _ => Place::Elsewhere,
        },
        _ if tag == Tag::Title => Place::Page,
        _ => Place::Elsewhere,
    }
}

/// Whether this is a `media:content` whose texts are a picture's caption and not the entry's: an image, or a medium
/// nobody named. Those of a film or a recording tell the story.
pub(super) fn is_picture(tag: Tag, name: &str, attributes: &[Attribute]) -> bool {
    let says = |name: &str| attribute(attributes, name).unwrap_or_default().trim().to_ascii_lowercase();
    let is_content = tag == Tag::MediaGroup && name.to_ascii_lowercase().ends_with("content");
    let is_recording = |medium: &str| matches!(medium, "video" | "audio" | "document");
    is_content
        && match says("medium").as_str() {
            "" => !is_recording(says("type").split('/').next().unwrap_or_default()),
            medium => !is_recording(medium),
        }
}

/// What becomes of a text once it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Title(u8),
    Summary(u8),
    Content(u8),
    Link(u8),
    Guid,
    Id,
    Date(DateRole),
    Person(u8),
    Category,
    Language,
    FeedTitle(u8),
    FeedLink,
    FeedLanguage,
    TimeToLive,
    Hour,
    Day,
    UpdatePeriod,
    UpdateFrequency,
    PageTitle,
}

/// How characters become HTML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// The decoded text is HTML, or taken for it: RSS, Atom `type="html"`.
    Html,
    /// The decoded text is plain and is escaped: Atom `type="text"`.
    Text,
    /// The markup inside is the text: Atom `type="xhtml"`.
    Markup,
    /// The text is a value: names, dates, addresses; markup inside is dropped.
    Value,
}

/// A text being read.
#[derive(Debug)]
pub(super) struct Capture {
    field: Field,
    reading: Reading,
    /// Elements open when it began, its own included.
    pub(super) depth: usize,
    /// Elements open inside it.
    nested: usize,
    base64: bool,
    /// RFC 4287 section 3.1.1.3: the `div` around XHTML is not part of the text.
    skips_div: bool,
    text: String,
}

impl Capture {
    pub(super) fn is_person(&self) -> bool {
        matches!(self.field, Field::Person(_))
    }

    /// Whether an element directly inside shows that this text's element was never closed.
    pub(super) fn is_broken_by(&self, tag: Tag, vocabulary: Vocabulary) -> bool {
        self.reading != Reading::Markup && vocabulary != Vocabulary::Xhtml && tag.is_field()
    }

    fn push(&mut self, text: &str) {
        let room = TEXT_BYTES_MAX.saturating_sub(self.text.len());
        self.text.push_str(text.get(..text.floor_char_boundary(room)).unwrap_or_default());
    }

    pub(super) fn push_text(&mut self, text: &str) {
        match self.reading {
            Reading::Value if self.nested > 0 && self.is_person() => {}
            Reading::Html | Reading::Value => self.push(text),
            _ if self.base64 => self.push(text),
            Reading::Text | Reading::Markup => escape::push_escaped(&mut self.text, text, TEXT_BYTES_MAX),
        }
    }

    pub(super) fn open_element(&mut self, name: &str, attributes: &str, is_empty: bool) {
        let is_void = is_void(name);
        let is_outer_div = self.reading == Reading::Markup
            && self.nested == 0
            && name.eq_ignore_ascii_case("div")
            && self.text.trim().is_empty()
            && !is_empty;
        if is_outer_div {
            self.skips_div = true;
        } else if self.reading != Reading::Value {
            self.push("<");
            self.push(name);
            self.push(attributes.trim_end());
            self.push(">");
            if is_empty && !is_void {
                self.push("</");
                self.push(name);
                self.push(">");
            }
        }
        if !is_empty && !is_void {
            self.nested += 1;
        }
    }

    /// Closes elements inside down to a depth.
    pub(super) fn close_element(&mut self, depth: usize, name: Option<&str>) {
        self.nested = depth.saturating_sub(self.depth);
        let Some(name) = name.filter(|_| self.reading != Reading::Value) else { return };
        if self.nested == 0 && self.skips_div {
            self.skips_div = false;
            return;
        }
        let local = name.split_once(':').map_or(name, |(prefix, local)| {
            if matches!(prefix, "xhtml" | "html" | "h" | "x") { local } else { name }
        });
        self.push("</");
        self.push(local);
        self.push(">");
    }

    fn into_text(self) -> String {
        if !self.base64 {
            return self.text;
        }
        let bytes = escape::base64(&self.text);
        let text = String::from_utf8_lossy(&bytes);
        let text = super::cut(&text);
        if self.reading == Reading::Text { escape::escaped(text) } else { text.to_owned() }
    }
}

/// Elements HTML never closes.
pub(super) fn is_void(name: &str) -> bool {
    const VOID: [&str; 14] = [
        "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
        "track", "wbr",
    ];
    VOID.iter().any(|void| name.eq_ignore_ascii_case(void))
}

/// Takes what an element's attributes say, and begins its text if it has one that counts.
pub(super) fn open(
    walk: &mut Walk,
    tag: Tag,
    vocabulary: Vocabulary,
    place: Place,
    attributes: &[Attribute],
) {
    let field = match (place, tag) {
        (_, Tag::Item | Tag::Entry) => return entry_attributes(walk, attributes),
        (Place::Entry, _) if walk.entry.is_some() => open_in_entry(walk, tag, vocabulary, attributes),
        (Place::Media, Tag::Title) if walk.entry.is_some() => Some(Field::Title(2)),
        (Place::Media, Tag::Description) if walk.entry.is_some() => Some(Field::Summary(3)),
        (Place::Person, Tag::Name) if walk.entry.is_some() => Some(Field::Person(1)),
        (Place::Feed, _) => open_in_feed(walk, tag, vocabulary, attributes),
        (Place::Page, Tag::Title) => Some(Field::PageTitle),
        _ => None,
    };
    if matches!(tag, Tag::Rss | Tag::RdfRoot | Tag::Feed | Tag::Channel)
        && let Some(language) = attribute(attributes, "xml:lang")
    {
        walk.feed.language.offer(5, language);
    }
    let Some(field) = field else { return };
    let is_text =
        matches!(field, Field::Title(_) | Field::Summary(_) | Field::Content(_) | Field::FeedTitle(_));
    let is_atom = vocabulary == Vocabulary::Atom
        || vocabulary == Vocabulary::Plain && walk.format == Some(Format::Atom);
    let is_body = tag == Tag::Body;
    let reading = match field {
        _ if !is_text => Some(Reading::Value),
        _ if is_body && vocabulary == Vocabulary::Xhtml => Some(Reading::Markup),
        _ if is_atom => atom_reading(attributes),
        _ => Some(Reading::Html),
    };
    let Some(reading) = reading else { return };
    let says = |name: &str, value: &str| {
        attribute(attributes, name).is_some_and(|it| it.trim().eq_ignore_ascii_case(value))
    };
    let base64 = is_atom && (says("mode", "base64") || says("type", "application/octet-stream"));
    let depth = walk.depth();
    walk.capture =
        Some(Capture { field, reading, depth, nested: 0, base64, skips_div: false, text: String::new() });
}

/// How an Atom text construct is read (RFC 4287 section 3.1; Atom 0.3 has media types and `mode`);
/// `None` when it is no text at all.
fn atom_reading(attributes: &[Attribute]) -> Option<Reading> {
    let kind = attribute(attributes, "type").unwrap_or_default().trim().to_ascii_lowercase();
    let mode = attribute(attributes, "mode").unwrap_or_default().trim().to_ascii_lowercase();
    let reading = match (kind.as_str(), mode.as_str()) {
        ("html" | "text/html", "xml") | ("xhtml" | "application/xml" | "text/xml", _) => Reading::Markup,
        ("html" | "text/html" | "application/octet-stream", _) | ("", "escaped") => Reading::Html,
        (other, _) if other.ends_with("+xml") => Reading::Markup,
        (other, _) if matches!(other, "" | "text") || other.starts_with("text/") => Reading::Text,
        (other, _) if other.contains('/') => return None,
        _ => Reading::Html,
    };
    Some(reading)
}

fn entry_attributes(walk: &mut Walk, attributes: &[Attribute]) {
    let base = walk.base();
    let Some(entry) = &mut walk.entry else { return };
    for attribute in attributes {
        match attribute.name.as_str() {
            "rdf:about" | "about" => entry.id.offer(1, &attribute.value),
            "rdf:id" | "rdf:resource" => entry.id.offer(2, &attribute.value),
            "xml:lang" => entry.language.offer(1, &attribute.value),
            "href" => entry.link(3, &attribute.value, base.as_ref()),
            _ => {}
        }
    }
}

fn open_in_entry(
    walk: &mut Walk,
    tag: Tag,
    vocabulary: Vocabulary,
    attributes: &[Attribute],
) -> Option<Field> {
    let base = walk.base();
    let entry = walk.entry.as_mut()?;
    let plain = matches!(vocabulary, Vocabulary::Plain | Vocabulary::Atom);
    let foreign = |plain_rank: u8| match vocabulary {
        Vocabulary::Plain | Vocabulary::Atom => plain_rank,
        Vocabulary::DublinCore | Vocabulary::DublinCoreTerms => plain_rank + 1,
        Vocabulary::Media => 3,
        _ => 4,
    };
    match tag {
        Tag::Title => Some(Field::Title(foreign(0))),
        Tag::Description => Some(Field::Summary(foreign(0))),
        Tag::Summary => Some(Field::Summary(foreign(1))),
        Tag::Link => {
            let Some(address) = attribute(attributes, "href") else { return Some(Field::Link(1)) };
            if let Some(rank) = link_rank(attributes) {
                entry.link(rank, address, base.as_ref());
            }
            None
        }
        Tag::OriginalLink => Some(Field::Link(0)),
        Tag::Guid => {
            entry.has_guid = true;
            entry.is_permalink =
                attribute(attributes, "ispermalink").map(|it| !it.trim().eq_ignore_ascii_case("false"));
            Some(Field::Guid)
        }
        Tag::Id => Some(Field::Id),
        Tag::Content => {
            if let Some(address) = attribute(attributes, "src") {
                entry.link(4, address, base.as_ref());
            }
            Some(Field::Content(0))
        }
        Tag::Encoded => Some(Field::Content(0)),
        Tag::Body => Some(Field::Content(1)),
        Tag::Published => Some(Field::Date(DateRole::Published)),
        Tag::Date => Some(Field::Date(DateRole::Dated)),
        Tag::Created => Some(Field::Date(DateRole::Created)),
        Tag::Updated => Some(Field::Date(DateRole::Updated)),
        Tag::Author => Some(Field::Person(match vocabulary {
            Vocabulary::DublinCore | Vocabulary::DublinCoreTerms => 0,
            _ if plain => 1,
            _ => 2,
        })),
        Tag::Category => {
            let Some(term) = attribute(attributes, "term").or_else(|| attribute(attributes, "label")) else {
                return Some(Field::Category);
            };
            entry.category(term);
            None
        }
        Tag::Language => Some(Field::Language),
        _ => None,
    }
}

/// Which of an entry's links is the article: lower is better; `None` when it never is.
fn link_rank(attributes: &[Attribute]) -> Option<u8> {
    let rel = attribute(attributes, "rel").unwrap_or("alternate").trim().to_ascii_lowercase();
    let is_page = attribute(attributes, "type").is_none_or(|kind| kind.contains("html"));
    match rel.rsplit('/').next().unwrap_or_default() {
        "alternate" | "" if is_page => Some(1),
        "alternate" | "" => Some(2),
        "self" => Some(5),
        "via" | "related" => Some(6),
        "enclosure" => Some(8),
        _ => None,
    }
}

fn open_in_feed(
    walk: &mut Walk,
    tag: Tag,
    vocabulary: Vocabulary,
    attributes: &[Attribute],
) -> Option<Field> {
    let plain = matches!(vocabulary, Vocabulary::Plain | Vocabulary::Atom);
    match tag {
        Tag::Title => Some(Field::FeedTitle(u8::from(!plain))),
        Tag::Link => {
            let Some(address) = attribute(attributes, "href") else { return Some(Field::FeedLink) };
            feed_link(walk, address, attribute(attributes, "rel").unwrap_or("alternate"), attributes);
            None
        }
        Tag::Language => Some(Field::FeedLanguage),
        Tag::TimeToLive => Some(Field::TimeToLive),
        Tag::Hour => Some(Field::Hour),
        Tag::Day => Some(Field::Day),
        Tag::UpdatePeriod => Some(Field::UpdatePeriod),
        Tag::UpdateFrequency => Some(Field::UpdateFrequency),
        _ => None,
    }
}

fn feed_link(walk: &mut Walk, address: &str, rel: &str, attributes: &[Attribute]) {
    let base = walk.base();
    let resolved = draft::resolve(address, base.as_ref().unwrap_or(&walk.document_base));
    for rel in rel.split_ascii_whitespace().take(4) {
        let feed = &mut walk.feed;
        match rel.to_ascii_lowercase().as_str() {
            "hub" if feed.hubs.len() < 8 => {
                feed.hubs.extend(resolved.clone().filter(|hub| !feed.hubs.contains(hub)));
            }
            "self" => feed.self_url = feed.self_url.take().or_else(|| resolved.clone()),
            // RFC 5005: archived feeds are linked backwards, paged ones forwards.
            "prev-archive" if resolved.is_some() => {
                feed.next_url.clone_from(&resolved);
                feed.next_is_archive = true;
            }
            "next" => feed.next_url = feed.next_url.take().or_else(|| resolved.clone()),
            "alternate" => {
                let is_page = attribute(attributes, "type").is_none_or(|kind| kind.contains("html"));
                feed.link(if is_page { 1 } else { 2 }, address, base.as_ref());
            }
            _ => {}
        }
    }
}

/// Gives a finished text to its field.
pub(super) fn commit(walk: &mut Walk, capture: Capture) {
    let base = walk.base();
    let field = capture.field;
    let text = capture.into_text();
    match field {
        Field::FeedTitle(rank) => walk.feed.title.offer(rank, &text),
        Field::FeedLink => walk.feed.link(0, &text, base.as_ref()),
        Field::FeedLanguage => walk.feed.language.offer(0, &text),
        Field::TimeToLive => walk.feed.ttl.offer(0, &text),
        Field::Hour => walk.feed.skip_hour(&text),
        Field::Day => walk.feed.skip_day(&text),
        Field::UpdatePeriod => walk.feed.update_period.offer(0, &text),
        Field::UpdateFrequency => walk.feed.update_frequency.offer(0, &text),
        Field::PageTitle => {
            walk.page_title.get_or_insert_with(|| draft::short(&draft::one_line(&text)));
        }
        _ => commit_to_entry(walk, field, &text),
    }
}

fn commit_to_entry(walk: &mut Walk, field: Field, text: &str) {
    let base = walk.base();
    let Some(entry) = &mut walk.entry else { return };
    match field {
        Field::Title(rank) => entry.title.offer(rank, text),
        Field::Summary(rank) => entry.summary.offer(rank, text),
        Field::Content(rank) => entry.content.offer(rank, text),
        Field::Link(rank) => entry.link(rank, text, base.as_ref()),
        Field::Guid => entry.id.offer(0, text),
        Field::Id => entry.id.offer(1, text),
        Field::Date(role) => entry.date(role, text),
        Field::Person(rank) => entry.author(rank, text),
        Field::Category => entry.category(text),
        Field::Language => entry.language.offer(0, text),
        _ => {}
    }
}

fn attribute<'attributes>(attributes: &'attributes [Attribute], name: &str) -> Option<&'attributes str> {
    attributes.iter().find(|attribute| attribute.name == name).map(|attribute| attribute.value.as_str())
}
