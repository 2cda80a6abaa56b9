//! The tolerant reader: XML feeds in any dialect, well formed or not, read front to back in one pass.
//!
//! Owns the walk: elements opened and closed, namespaces, bases, and recovery where they do not match. What an
//! element means for the feed is decided in `fields`. Refuses to look back, to recurse and to expand entities.
//!
//! Recovery rests on four rules. An `<item>` or `<entry>` closes everything up to its feed. An end tag closes what
//! is open inside its element. An end tag of nothing open is dropped. A field's start tag closes a field left open.
//!
//! Longer than most because it is one state machine; a part of it cannot be understood alone.

use std::rc::Rc;

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use url::Url;

use super::draft::{self, DraftEntry, DraftFeed};
use super::escape::{self, Referent};
use super::fields::{self, Capture};
use super::names::{self, Tag, Vocabulary};
use super::repair::Repaired;
use super::{ENTRIES_READ_MAX, NotAFeed, language, page};
use crate::feed::{Format, ParsedFeed, Problem, ProblemKind};

/// Open elements followed; deeper ones are passed over.
const DEPTH_MAX: usize = 128;
/// Attributes read of one element.
const ATTRIBUTES_MAX: usize = 64;
/// Namespace bindings in force at a time: every element's name is looked up among them.
const BINDINGS_MAX: usize = 64;
/// Bytes of an `xml:base`; longer ones are ignored, because links are resolved against them again and again.
const BASE_BYTES_MAX: usize = 2_048;
/// Times the reader is started again behind markup it cannot make sense of. Each start may look at the whole rest.
const RESTARTS_MAX: usize = 8;

/// Reads repaired text: the feed, and how many entries were counted only.
pub(super) fn read(repaired: &Repaired<'_>, base: &Url) -> Result<(ParsedFeed, usize), NotAFeed> {
    let mut walk = Walk::new(base);
    if repaired.count > 0 {
        walk.trouble(repaired.first_at, "characters that XML does not allow");
        walk.troubles += repaired.count - 1;
    }
    walk.run(&repaired.text);
    walk.finish(&repaired.text, base)
}

/// An open element.
struct Frame {
    /// Fingerprint of its name.
    key: u32,
    tag: Tag,
    /// How many namespace bindings and bases were in force outside it.
    bindings_before: usize,
    bases_before: usize,
}

/// An attribute, its value with references resolved.
pub(super) struct Attribute {
    pub(super) name: String,
    pub(super) value: String,
}

/// The state of one reading.
pub(super) struct Walk {
    frames: Vec<Frame>,
    /// Elements open beyond the depth limit.
    too_deep: usize,
    bindings: Vec<(String, Vocabulary)>,
    bases: Vec<Rc<Url>>,
    pub(super) document_base: Rc<Url>,
    pub(super) capture: Option<Capture>,
    pub(super) format: Option<Format>,
    first_element: Option<String>,
    is_page: bool,
    pub(super) page_title: Option<String>,
    pub(super) entry: Option<DraftEntry>,
    pub(super) feed: DraftFeed,
    entries: Vec<DraftEntry>,
    excess: usize,
    position: usize,
    troubles: usize,
    first_trouble: Option<(usize, &'static str)>,
    root_closed: bool,
}

impl Walk {
    fn new(base: &Url) -> Self {
        Self {
            frames: Vec::new(),
            too_deep: 0,
            bindings: Vec::new(),
            bases: Vec::new(),
            document_base: Rc::new(base.clone()),
            capture: None,
            format: None,
            first_element: None,
            is_page: false,
            page_title: None,
            entry: None,
            feed: DraftFeed::default(),
            entries: Vec::new(),
            excess: 0,
            position: 0,
            troubles: 0,
            first_trouble: None,
            root_closed: false,
        }
    }

    pub(super) fn trouble(&mut self, at: usize, what: &'static str) {
        self.troubles += 1;
        if self.first_trouble.is_none() {
            self.first_trouble = Some((at, what));
        }
    }

    fn trouble_here(&mut self, what: &'static str) {
        self.trouble(self.position, what);
    }

    fn run(&mut self, text: &str) {
        let mut from = 0;
        for _ in 0..=RESTARTS_MAX {
            let Some(rest) = text.get(from..).filter(|rest| !rest.is_empty()) else { return };
            let Some(broken_at) = self.run_from(rest, from) else { return };
            // The markup that opens there never ends: take its first letters for text and go on behind them.
            let open = text.get(broken_at..).unwrap_or_default();
            let marker = ["<![CDATA[", "<!--", "<"].into_iter().find(|marker| open.starts_with(marker));
            let width = marker.map_or_else(|| open.chars().next().map_or(1, char::len_utf8), str::len);
            from = broken_at.max(from) + width;
            while !text.is_char_boundary(from) {
                from += 1;
            }
        }
    }

    /// Reads events until the end, or returns where the reader met markup without an end.
    fn run_from(&mut self, rest: &str, offset: usize) -> Option<usize> {
        let mut reader = Reader::from_str(rest);
        let config = reader.config_mut();
        config.allow_dangling_amp = true;
        config.allow_unmatched_ends = true;
        config.check_end_names = false;
        loop {
            let before = usize::try_from(reader.buffer_position()).unwrap_or(0);
            self.position = offset + before;
            match reader.read_event() {
                Ok(Event::Eof) => return None,
                Ok(event) => self.event(&event),
                Err(_) => {
                    self.trouble_here("markup that does not end");
                    return Some(offset + before);
                }
            }
        }
    }

    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Start(start) => self.start(start, false),
            Event::Empty(start) => self.start(start, true),
            Event::End(end) => self.end(end.name().as_ref()),
            Event::Text(text) if self.capture.is_some() => {
                if text.starts_with('&') {
                    self.trouble_here("a bare &");
                }
                self.text(text);
            }
            Event::CData(text) => self.text(text),
            Event::GeneralRef(reference) => self.reference(reference),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(capture) = &mut self.capture {
            capture.push_text(text);
        }
    }

    fn reference(&mut self, reference: &BytesRef<'_>) {
        let Some(capture) = &mut self.capture else { return };
        match escape::resolve(reference) {
            Some(Referent::Letter(letter)) => capture.push_text(letter.encode_utf8(&mut [0; 4])),
            Some(Referent::Pair(first, second)) => {
                capture.push_text(first.encode_utf8(&mut [0; 4]));
                capture.push_text(second.encode_utf8(&mut [0; 4]));
            }
            Some(Referent::Nothing) => {}
            // What nothing defines stays as it was written; so do entities the document defines itself.
            None => {
                capture.push_text("&");
                capture.push_text(reference);
                capture.push_text(";");
                self.trouble_here("an entity that is not defined");
            }
        }
    }

    fn start(&mut self, element: &BytesStart<'_>, is_empty: bool) {
        let name = element.name();
        let name: &str = name.as_ref();
        let raw = element.attributes_raw();
        let own = if raw.contains("xmlns") { self.own_bindings(element) } else { Vec::new() };
        let (vocabulary, local) = self.vocabulary_of(name, &own);
        let tag = names::tag(vocabulary, local);
        let is_entry = self.is_entry(tag);
        if let Some(capture) = &mut self.capture {
            let directly_inside = self.frames.len() == capture.depth && self.too_deep == 0;
            if directly_inside && tag == Tag::Name && capture.is_person() {
                self.commit_capture();
            } else if is_entry || directly_inside && capture.is_broken_by(tag, vocabulary) {
                self.trouble_here("an element that is never closed");
                let depth = self.capture.as_ref().map_or(1, |capture| capture.depth);
                self.close_to(depth - 1, None);
            } else {
                let shown = if vocabulary == Vocabulary::Xhtml { local } else { name };
                capture.open_element(shown, raw, is_empty);
                if !is_empty && !fields::is_void(name) {
                    self.push_frame(name, Tag::Other, own);
                }
                return;
            }
        }
        if is_entry {
            self.begin_entry(tag);
        }
        self.open_structure(element, name, tag, vocabulary, is_empty, own);
    }

    /// An element outside any text: a container, or a field whose text begins here.
    fn open_structure(
        &mut self,
        element: &BytesStart<'_>,
        name: &str,
        tag: Tag,
        vocabulary: Vocabulary,
        is_empty: bool,
        own: Vec<(String, Vocabulary)>,
    ) {
        let place = fields::place(self.frames.iter().rev().map(|frame| frame.tag), tag);
        let attributes = attributes_of(element);
        let tag = if fields::is_picture(tag, name, &attributes) { Tag::Other } else { tag };
        if !self.push_frame(name, tag, own) {
            return;
        }
        self.enter_base(&attributes);
        if self.first_element.is_none() {
            self.first_element = Some(draft::short(&name.to_ascii_lowercase()));
            self.is_page = tag == Tag::Html;
        }
        self.recognise_root(tag);
        fields::open(self, tag, vocabulary, place, &attributes);
        if is_empty {
            self.close_to(self.frames.len() - 1, None);
        }
    }

    /// Opens an element; `false` when it lies too deep to be followed.
    fn push_frame(&mut self, name: &str, tag: Tag, own: Vec<(String, Vocabulary)>) -> bool {
        if self.frames.len() >= DEPTH_MAX {
            self.too_deep += 1;
            return false;
        }
        let (bindings_before, bases_before) = (self.bindings.len(), self.bases.len());
        self.frames.push(Frame { key: names::key(name), tag, bindings_before, bases_before });
        let room = BINDINGS_MAX.saturating_sub(self.bindings.len());
        self.bindings.extend(own.into_iter().take(room));
        true
    }

    /// How many elements are open.
    pub(super) fn depth(&self) -> usize {
        self.frames.len()
    }

    /// The base in force, when the document set one.
    pub(super) fn base(&self) -> Option<Rc<Url>> {
        self.bases.last().cloned()
    }

    /// In Atom an `item` is an entry only right below the feed, so that content may quote RSS; elsewhere `entry`
    /// is one too, outside of items.
    fn is_entry(&self, tag: Tag) -> bool {
        match tag {
            _ if self.is_page => false,
            Tag::Item if self.format == Some(Format::Atom) => {
                self.frames.last().is_some_and(|frame| frame.tag == Tag::Feed)
            }
            Tag::Item => true,
            Tag::Entry => self.format.is_none_or(|format| format == Format::Atom) || self.entry.is_none(),
            _ => false,
        }
    }

    fn recognise_root(&mut self, tag: Tag) {
        let format = match tag {
            Tag::Rss => Format::Rss,
            Tag::RdfRoot => Format::Rdf,
            Tag::Feed => Format::Atom,
            Tag::Channel if !self.is_page => Format::Rss,
            _ => return,
        };
        if self.format.is_none() {
            self.format = Some(format);
            self.is_page = false;
        }
    }

    fn begin_entry(&mut self, tag: Tag) {
        if self.entry.is_some() {
            self.trouble_here("an entry that is never closed");
        }
        let is_feed = |frame: &Frame| matches!(frame.tag, Tag::Rss | Tag::RdfRoot | Tag::Feed | Tag::Channel);
        let keep = self.frames.iter().rposition(is_feed).map_or(0, |at| at + 1);
        self.close_to(keep, None);
        self.too_deep = 0;
        self.finish_entry();
        self.entry = Some(DraftEntry::default());
        if self.format.is_none() {
            self.format = Some(if tag == Tag::Entry { Format::Atom } else { Format::Rss });
        }
    }

    fn end(&mut self, name: &str) {
        let key = names::key(name);
        let found = self.frames.iter().rposition(|frame| frame.key == key);
        if self.too_deep > 0 {
            // Elements passed over are gone when what they lie in ends: a text, or an element we know.
            let ends_surroundings = match (&self.capture, found) {
                (Some(capture), Some(at)) => at < capture.depth,
                (None, Some(at)) => self.frames.get(at).is_some_and(|frame| frame.tag != Tag::Other),
                _ => false,
            };
            if !ends_surroundings {
                self.too_deep -= 1;
                return;
            }
            self.too_deep = 0;
        }
        let Some(at) = found else {
            self.trouble_here("an end tag of nothing that is open");
            return;
        };
        if at + 1 < self.frames.len() {
            self.trouble_here("an element that is never closed");
        }
        self.close_to(at, Some(name));
    }

    /// Closes all elements from the given depth on.
    fn close_to(&mut self, at: usize, name: Option<&str>) {
        if let Some(capture) = &mut self.capture {
            if at < capture.depth {
                self.commit_capture();
            } else {
                capture.close_element(at, name);
            }
        }
        let Some(frame) = self.frames.get(at) else { return };
        self.bindings.truncate(frame.bindings_before);
        self.bases.truncate(frame.bases_before);
        let mut closes_entry = false;
        for frame in self.frames.drain(at..) {
            closes_entry |= matches!(frame.tag, Tag::Item | Tag::Entry);
            self.root_closed |= matches!(frame.tag, Tag::Rss | Tag::RdfRoot | Tag::Feed);
        }
        if closes_entry {
            self.finish_entry();
        }
    }

    fn commit_capture(&mut self) {
        if let Some(capture) = self.capture.take() {
            fields::commit(self, capture);
        }
    }

    fn finish_entry(&mut self) {
        if let Some(entry) = self.entry.take() {
            if self.entries.len() < ENTRIES_READ_MAX {
                self.entries.push(entry);
            } else {
                self.excess += 1;
            }
        }
    }

    /// The namespaces an element declares. A default namespace nobody knows, on the outermost elements, is some
    /// feed dialect's own.
    fn own_bindings(&self, element: &BytesStart<'_>) -> Vec<(String, Vocabulary)> {
        let mut own = Vec::new();
        for attribute in attributes_of(element) {
            let Some(prefix) = attribute.name.strip_prefix("xmlns") else { continue };
            let known = names::vocabulary(&attribute.value);
            match prefix.strip_prefix(':') {
                Some(prefix) if known == Vocabulary::Other => {
                    own.push((prefix.to_owned(), names::usual_vocabulary(prefix)));
                }
                Some(prefix) => own.push((prefix.to_owned(), known)),
                None if prefix.is_empty() && known == Vocabulary::Other && self.frames.len() < 2 => {
                    own.push((String::new(), Vocabulary::Plain));
                }
                None if prefix.is_empty() => own.push((String::new(), known)),
                None => {}
            }
        }
        own
    }

    fn vocabulary_of<'name>(
        &self,
        name: &'name str,
        own: &[(String, Vocabulary)],
    ) -> (Vocabulary, &'name str) {
        let (prefix, local) = names::split(name);
        let bound = own
            .iter()
            .rev()
            .chain(self.bindings.iter().rev())
            .find(|(its, _)| its.eq_ignore_ascii_case(prefix));
        let vocabulary = match bound {
            Some((_, vocabulary)) => *vocabulary,
            None if prefix.is_empty() => Vocabulary::Plain,
            None => names::usual_vocabulary(prefix),
        };
        (vocabulary, local)
    }

    fn enter_base(&mut self, attributes: &[Attribute]) {
        let written =
            attributes.iter().find(|attribute| attribute.name == "xml:base").map(|it| it.value.trim());
        let Some(written) = written.filter(|written| (1..=BASE_BYTES_MAX).contains(&written.len())) else {
            return;
        };
        let outer = self.base().unwrap_or_else(|| Rc::clone(&self.document_base));
        if let Ok(base) = outer.join(written)
            && base.as_str().len() <= BASE_BYTES_MAX
        {
            self.bases.push(Rc::new(base));
        }
    }

    /// The feed, once everything was read.
    fn finish(mut self, text: &str, base: &Url) -> Result<(ParsedFeed, usize), NotAFeed> {
        // An entry the document breaks off in is kept only if it can be known again when it comes complete.
        let broke_off = !self.frames.is_empty() && self.format.is_some();
        let in_text = self.capture.take().is_some();
        let lost_last = self.entry.as_ref().is_some_and(|entry| in_text || !entry.is_recognisable());
        if lost_last {
            self.entry = None;
        }
        self.finish_entry();
        let Some(format) = self.format else { return Err(self.refusal(text)) };

        let language = self.feed.language.take().and_then(|tag| language::code(&tag));
        let home_url = self.feed.home_url(base);
        // RSS has no rule for relative links; they are meant relative to the site.
        let site =
            home_url.as_deref().and_then(|home| Url::parse(home).ok()).filter(|_| format != Format::Atom);
        let entry_base = site.as_ref().unwrap_or(base);
        let mut unread = Vec::new();
        let drafts = std::mem::take(&mut self.entries);
        let entries: Vec<_> = drafts
            .into_iter()
            .map(|draft| draft.finish(entry_base, language.as_deref(), &mut unread))
            .collect();

        let mut problems = Vec::new();
        if broke_off && !self.root_closed {
            let last = if lost_last { "; the entry it breaks off in was left out" } else { "" };
            problems.push(Problem {
                kind: ProblemKind::Truncated,
                detail: format!("the document breaks off after {} entries{last}", entries.len()),
            });
        }
        if let Some((at, what)) = self.first_trouble {
            let line = text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
            let more =
                if self.troubles > 1 { format!(", and {} more", self.troubles - 1) } else { String::new() };
            let detail = format!("the markup is not well formed: line {line} has {what}{more}");
            problems.push(Problem { kind: ProblemKind::Markup, detail });
        }
        super::note_entries(&mut problems, &entries, &unread);
        let ttl = self.feed.pause();
        let feed = ParsedFeed {
            format,
            title: self.feed.title.take().map(|title| draft::one_line(&title)),
            home_url,
            language,
            ttl,
            skip_hours: self.feed.skip_hours,
            skip_days: self.feed.skip_days,
            hubs: self.feed.hubs,
            self_url: self.feed.self_url,
            next_url: self.feed.next_url,
            next_is_archive: self.feed.next_is_archive,
            entries,
            problems,
        };
        Ok((feed, self.excess))
    }

    fn refusal(self, text: &str) -> NotAFeed {
        match self.first_element {
            Some(root) if self.is_page || page::is_page_element(&root) => {
                let kind = page::kind_of(text, self.page_title.as_deref());
                NotAFeed::HtmlPage { kind, title: self.page_title }
            }
            Some(root) => NotAFeed::UnknownMarkup { root },
            None => NotAFeed::NotMarkup { start: text.chars().take(40).collect() },
        }
    }
}

/// An element's attributes as HTML reads them: unquoted and valueless ones too.
fn attributes_of(element: &BytesStart<'_>) -> Vec<Attribute> {
    let mut found = Vec::new();
    for attribute in element.html_attributes().with_checks(false).take(ATTRIBUTES_MAX).flatten() {
        let name: &str = attribute.key.as_ref();
        let mut value = String::new();
        escape::push_unescaped(&mut value, super::cut(&attribute.value));
        found.push(Attribute { name: name.to_ascii_lowercase(), value });
    }
    found
}
