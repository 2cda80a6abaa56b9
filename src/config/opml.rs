//! OPML: the lists of feeds that feed readers exchange (OPML 2.0, opml.org/spec2.opml).
//!
//! Owns outlines. Reads what readers write rather than what the specification says: folders that are not
//! closed, attributes in any case. Refuses to judge addresses.

use std::ops::Range;

use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::check::is_language;
use super::source::Sheet;

/// Most folders a feed takes tags from, counted from the outermost.
const FOLDERS_MAX: usize = 16;

/// A feed in an OPML file.
pub(super) struct Outline {
    /// `xmlUrl`, as written.
    pub(super) url: String,
    /// `title` or `text`, on one line.
    pub(super) name: Option<String>,
    /// `language`, when it is a code.
    pub(super) language: Option<String>,
    /// Folders and categories, as tags.
    pub(super) tags: Vec<String>,
    /// Where it stands.
    pub(super) span: Range<usize>,
}

/// All outlines with an address, in file order.
pub(super) fn read(sheet: &mut Sheet<'_>) -> Vec<Outline> {
    let source = sheet.source;
    let mut reader = Reader::from_str(&source.text);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    let mut outlines = Vec::new();
    // One per open outline: the tag of a folder, nothing for a feed.
    let mut open: Vec<Option<String>> = Vec::new();
    let mut seen_root = false;
    loop {
        let start = offset(&reader);
        match reader.read_event() {
            Ok(Event::Start(element)) if is_outline(&element) => {
                let tag = note_outline(&element, &open, start..offset(&reader), &mut outlines);
                // Depth beyond the limit is counted, so that the way back up is found, but gives no tags.
                open.push(tag.filter(|_| open.len() < FOLDERS_MAX));
            }
            Ok(Event::Empty(element)) if is_outline(&element) => {
                note_outline(&element, &open, start..offset(&reader), &mut outlines);
            }
            Ok(Event::Start(element)) => {
                seen_root |= element.local_name().as_ref().eq_ignore_ascii_case("opml");
            }
            Ok(Event::End(element)) if element.local_name().as_ref().eq_ignore_ascii_case("outline") => {
                open.pop();
            }
            Ok(Event::Eof) => break,
            Ok(_) => {}
            Err(error) => {
                let message = format!("this is not XML: {error}");
                sheet.error(start..start, "", message, "export the list again, or mend the file here");
                return outlines;
            }
        }
    }
    if !seen_root && outlines.is_empty() {
        let message = "this is not OPML: there is no <opml> in it".to_owned();
        sheet.error(0..0, "", message, "name an OPML file, or give the file a name that ends in .toml");
    }
    outlines
}

fn offset(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

fn is_outline(element: &BytesStart<'_>) -> bool {
    element.local_name().as_ref().eq_ignore_ascii_case("outline")
}

/// Notes a feed; for a folder, its tag is returned.
fn note_outline(
    element: &BytesStart<'_>,
    open: &[Option<String>],
    span: Range<usize>,
    outlines: &mut Vec<Outline>,
) -> Option<String> {
    let Some(url) = attribute(element, "xmlUrl").filter(|url| !url.is_empty()) else {
        return attribute(element, "text")
            .or_else(|| attribute(element, "title"))
            .and_then(|name| tag(&name));
    };
    let mut tags: Vec<String> = Vec::new();
    let categories = attribute(element, "category").unwrap_or_default();
    let words = categories.split([',', '/']).filter_map(tag);
    for tag in open.iter().flatten().cloned().chain(words).take(FOLDERS_MAX) {
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    let name = [attribute(element, "title"), attribute(element, "text")].into_iter().flatten();
    let language = attribute(element, "language").map(|code| code.to_lowercase());
    let language = language.and_then(|code| code.split('-').next().map(str::to_owned));
    outlines.push(Outline {
        url,
        name: name.map(|name| one_line(&name)).find(|name| !name.is_empty()),
        language: language.filter(|code| is_language(code)),
        tags,
        span,
    });
    None
}

/// An attribute by name in any case, decoded as far as it can be, trimmed.
fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut attributes = element.attributes();
    let found = attributes
        .with_checks(false)
        .filter_map(Result::ok)
        .find(|attribute| attribute.key.as_ref().eq_ignore_ascii_case(name))?;
    let value = unescape(&found.value).unwrap_or_else(|_| found.value.clone());
    Some(value.trim().to_owned())
}

fn one_line(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A folder's name as a tag: `World News` becomes `world-news`.
fn tag(name: &str) -> Option<String> {
    let letters = |c: char| if c.is_alphanumeric() || c == '_' { c } else { ' ' };
    let words: String = name.to_lowercase().chars().map(letters).take(100).collect();
    let tag = words.split_whitespace().collect::<Vec<_>>().join("-");
    (!tag.is_empty()).then_some(tag)
}
