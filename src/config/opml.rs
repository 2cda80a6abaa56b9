//! OPML: the lists of feeds that feed readers exchange (OPML 2.0, opml.org/spec2.opml).
//!
//! Owns outlines, both ways. Reads what readers write rather than what the specification says: folders that are not
//! closed, attributes in any case, any encoding. Nothing a document defines itself is expanded. Refuses to judge addresses.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use jiff::Timestamp;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::check::is_language;
use super::feed_file::{TAG_BYTES_MAX, is_tag};
use super::report::{Problem, ProblemSeverity};
use super::source::{Sheet, Source, read_bounded, unreadable};
use crate::feed::{Feed, parse};

/// Most folders a feed takes tags from, counted from the outermost.
const FOLDERS_MAX: usize = 16;

/// Most tags a feed takes from its folders and categories.
const TAGS_MAX: usize = 64;

/// Nesting that is followed; deeper folders are counted, so that the way back up is found.
const DEPTH_MAX: usize = 1_000;

/// Largest list to import, bytes.
const LIST_BYTES_MAX: u64 = 64 << 20;

/// Most feeds of a list to import.
pub const LIST_FEEDS_MAX: usize = 20_000;

/// Most places of broken nesting or broken XML that are named, and passed over.
const SLIPS_MAX: usize = 20;

/// A feed in an OPML file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// `xmlUrl`, as written.
    pub url: String,
    /// `title` or `text`, on one line.
    pub name: Option<String>,
    /// `language`, when it is a code.
    pub language: Option<String>,
    /// Folders and categories, as tags.
    pub tags: Vec<String>,
    /// Where it stands, bytes.
    pub span: Range<usize>,
}

/// A list of feeds, read to be imported.
#[derive(Debug, Clone)]
pub struct List {
    /// Its feeds in file order, each with its line.
    pub feeds: Vec<(Outline, usize)>,
    /// How many more there were than [`LIST_FEEDS_MAX`].
    pub left_out: usize,
    /// What is wrong with it, by place. With an error, it was read up to there.
    pub problems: Vec<Problem>,
}

/// What a walk through a document finds.
#[derive(Default)]
struct Found {
    outlines: Vec<Outline>,
    left_out: usize,
    seen_root: bool,
    /// Where nesting is broken, and how.
    slips: Vec<(Range<usize>, String)>,
    /// Where it stops to be XML, and why.
    broken: Option<(usize, String)>,
}

impl Found {
    fn keep(&mut self, outline: Outline, limits: Limits) {
        if self.outlines.len() < limits.outlines_max {
            self.outlines.push(outline);
        } else {
            self.left_out += 1;
        }
    }
}

/// All outlines with an address, in file order.
pub(super) fn read(sheet: &mut Sheet<'_>) -> Vec<Outline> {
    let found = walk(&sheet.source.text, Limits { outlines_max: usize::MAX, mends_max: 0 });
    note_unreadable(&found, sheet);
    found.outlines
}

/// Reads a list that another reader exported.
pub fn import(path: &Path) -> Result<List, Box<Problem>> {
    let bytes = read_bounded(path, LIST_BYTES_MAX).map_err(|error| Box::new(unreadable(path, &error)))?;
    let (text, trouble) = parse::text(&bytes);
    drop(bytes);
    let source = Source::new(path.to_owned(), text);
    let mut sheet = Sheet::new(&source);
    let found = walk(&source.text, Limits { outlines_max: LIST_FEEDS_MAX, mends_max: SLIPS_MAX });
    if let Some(trouble) = trouble {
        sheet.warning(0..0, "", trouble, "");
    }
    for (span, slip) in &found.slips {
        sheet.warning(span.clone(), "outline", slip.clone(), "look whether its feeds have the right tags");
    }
    note_unreadable(&found, &mut sheet);
    let with_line = |outline: Outline| {
        let line = source.line_at(outline.span.start);
        (outline, line)
    };
    let feeds = found.outlines.into_iter().map(with_line).collect();
    Ok(List { feeds, left_out: found.left_out, problems: sheet.problems })
}

impl List {
    /// Whether all of it could be read.
    pub fn is_whole(&self) -> bool {
        self.problems.iter().all(|problem| problem.severity == ProblemSeverity::Warning)
    }
}

fn note_unreadable(found: &Found, sheet: &mut Sheet<'_>) {
    if let Some((at, message)) = &found.broken {
        let hint = "export the list again, or mend the file here";
        sheet.error(*at..*at, "", message.clone(), hint);
    } else if !found.seen_root && found.outlines.is_empty() {
        let message = "this is not OPML: there is no <opml> in it".to_owned();
        sheet.error(0..0, "", message, "name an OPML file, or give the file a name that ends in .toml");
    }
}

/// The outlines that are open where the walk stands.
#[derive(Default)]
struct Open {
    /// One each: the tag of a folder (nothing for a feed), and where it begins.
    outlines: Vec<(Option<String>, usize)>,
    /// How many more, deeper than is followed.
    beyond: usize,
}

impl Open {
    fn push(&mut self, tag: Option<String>, at: usize) {
        if self.outlines.len() < DEPTH_MAX {
            self.outlines.push((tag, at));
        } else {
            self.beyond += 1;
        }
    }

    /// Whether there was one to close.
    fn pop(&mut self) -> bool {
        if self.beyond > 0 {
            self.beyond -= 1;
            return true;
        }
        self.outlines.pop().is_some()
    }

    fn tags(&self) -> impl Iterator<Item = String> {
        self.outlines.iter().take(FOLDERS_MAX).filter_map(|(tag, _)| tag.clone())
    }

    /// The end of the list: whatever is open was never closed.
    fn end(&mut self, slips: &mut Vec<(Range<usize>, String)>) {
        for (_, at) in self.outlines.drain(..) {
            slip(slips, at, "this outline is never closed");
        }
        self.beyond = 0;
    }
}

fn slip(slips: &mut Vec<(Range<usize>, String)>, at: usize, message: &str) {
    if slips.len() < SLIPS_MAX {
        slips.push((at..at, message.to_owned()));
    }
}

/// How far a walk goes.
#[derive(Clone, Copy)]
struct Limits {
    /// Feeds that are kept; more are counted.
    outlines_max: usize,
    /// Places that are not XML and are passed over.
    mends_max: usize,
}

/// Reads outlines from the first byte to the last. Where a document stops being XML (a quote inside of quotes, as some readers
/// export descriptions), what is left of that outline is taken and reading goes on behind it.
fn walk(text: &str, limits: Limits) -> Found {
    let mut found = Found::default();
    let mut open = Open::default();
    let mut at = 0;
    for mends_left in (0..=limits.mends_max).rev() {
        let Some((broken_at, message)) = walk_from(text, at, limits, &mut open, &mut found) else { break };
        let rest = text.get(broken_at..).unwrap_or("");
        let end = rest.char_indices().skip(1).find(|(_, letter)| *letter == '<').map(|(end, _)| end);
        let piece = rest.get(..end.unwrap_or(rest.len())).unwrap_or("").trim_end();
        if mends_left == 0 || !piece.ends_with('>') {
            found.broken = Some((broken_at, message));
            return found;
        }
        slip(&mut found.slips, broken_at, &message);
        mend(piece, broken_at, limits, &mut open, &mut found);
        at = broken_at + end.unwrap_or(rest.len());
    }
    open.end(&mut found.slips);
    found
}

/// Takes what can be told of an outline whose quotes do not pair.
fn mend(piece: &str, at: usize, limits: Limits, open: &mut Open, found: &mut Found) {
    let lower = piece.to_ascii_lowercase();
    if !lower.starts_with("<outline") {
        return;
    }
    let value = |name: &str| {
        let from = lower.find(&format!(" {name}="))? + name.len() + 2;
        let quote = piece.get(from..)?.chars().next().filter(|letter| matches!(letter, '"' | '\''))?;
        let raw = piece.get(from + 1..)?.split(quote).next()?;
        Some(unescape(raw).unwrap_or_else(|_| raw.into()).trim().to_owned())
    };
    let name = value("title").or_else(|| value("text"));
    let url = value("xmlurl").filter(|url| !url.is_empty());
    let mut folder = None;
    match url {
        Some(url) => {
            let name = name.map(|name| one_line(&name)).filter(|name| !name.is_empty());
            let tags = open.tags().collect();
            let span = at..at + piece.len();
            found.keep(Outline { url, name, language: None, tags, span }, limits);
        }
        None => folder = name.and_then(|name| tag(&name)),
    }
    if !piece.ends_with("/>") {
        open.push(folder, at);
    }
}

/// Walks until the end, or to where the text is no XML: then it says where and why.
fn walk_from(
    text: &str,
    from: usize,
    limits: Limits,
    open: &mut Open,
    found: &mut Found,
) -> Option<(usize, String)> {
    let mut reader = Reader::from_str(text.get(from..)?);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    loop {
        let start = from + offset(&reader);
        match reader.read_event() {
            Ok(Event::Start(element) | Event::Empty(element)) if swallows_another(&element) => {
                return Some((start, "this is not XML: its quotes do not pair".to_owned()));
            }
            Ok(Event::Start(element)) if is_outline(&element) => {
                let tag = note_outline(&element, open, start..from + offset(&reader), limits, found);
                open.push(tag, start);
            }
            Ok(Event::Empty(element)) if is_outline(&element) => {
                note_outline(&element, open, start..from + offset(&reader), limits, found);
            }
            Ok(Event::Start(element)) => {
                found.seen_root |= element.local_name().as_ref().eq_ignore_ascii_case("opml");
            }
            Ok(Event::End(element)) => {
                let name = element.local_name();
                if name.as_ref().eq_ignore_ascii_case("outline") {
                    if !open.pop() {
                        slip(&mut found.slips, start, "this closes an outline that is not open");
                    }
                } else if name.as_ref().eq_ignore_ascii_case("body") {
                    open.end(&mut found.slips);
                }
            }
            Ok(Event::Eof) => return None,
            Ok(_) => {}
            Err(error) => return Some((start, format!("this is not XML: {error}"))),
        }
    }
}

fn offset(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

fn is_outline(element: &BytesStart<'_>) -> bool {
    element.local_name().as_ref().eq_ignore_ascii_case("outline")
}

/// Whether a quote too many made an outline of several. XML allows no `<` in a value at all, but readers write it.
fn swallows_another(element: &BytesStart<'_>) -> bool {
    is_outline(element) && element.to_ascii_lowercase().contains("<outline")
}

/// Notes a feed; for a folder, its tag is returned.
fn note_outline(
    element: &BytesStart<'_>,
    open: &Open,
    span: Range<usize>,
    limits: Limits,
    found: &mut Found,
) -> Option<String> {
    let Some(url) = attribute(element, "xmlUrl").filter(|url| !url.is_empty()) else {
        return attribute(element, "text")
            .or_else(|| attribute(element, "title"))
            .and_then(|name| tag(&name));
    };
    let name = [attribute(element, "title"), attribute(element, "text")].into_iter().flatten();
    let language = attribute(element, "language").map(|code| code.to_lowercase());
    let language = language.and_then(|code| code.split('-').next().map(str::to_owned));
    let outline = Outline {
        url,
        name: name.map(|name| one_line(&name)).find(|name| !name.is_empty()),
        language: language.filter(|code| is_language(code)),
        tags: tags(element, open),
        span,
    };
    found.keep(outline, limits);
    None
}

/// Folders from the outermost, then categories. A category that is a tag already is kept as it is written, also where a folder
/// says the same: that is how a list of ours comes back unchanged.
fn tags(element: &BytesStart<'_>, open: &Open) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for tag in open.tags() {
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    let categories = [attribute(element, "category"), attribute(element, "categories")].into_iter().flatten();
    for categories in categories {
        for word in categories.split([',', '/']).map(str::trim).take(TAGS_MAX) {
            let Some(lower) = tag(word) else { continue };
            let word = if is_tag(word) { word.to_owned() } else { lower };
            match tags.iter_mut().find(|known| known.to_lowercase() == word.to_lowercase()) {
                Some(known) => *known = word,
                None => tags.push(word),
            }
        }
    }
    tags.truncate(TAGS_MAX);
    tags
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
    let mut bytes = 0;
    let fits = |c: &char| {
        bytes += c.len_utf8();
        bytes <= TAG_BYTES_MAX
    };
    let words: String = name.to_lowercase().chars().map(letters).take_while(fits).collect();
    let tag = words.split_whitespace().collect::<Vec<_>>().join("-");
    (!tag.is_empty()).then_some(tag)
}

/// Feeds as OPML 2.0: a folder per first tag, all tags as `category`. Passwords stay at home.
pub fn export(feeds: &[Feed], now: Timestamp) -> String {
    let mut folders: Vec<&str> = Vec::new();
    let mut by_folder: BTreeMap<&str, Vec<&Feed>> = BTreeMap::new();
    for feed in feeds {
        let folder = feed.tags.first().map_or("", String::as_str);
        if !by_folder.contains_key(folder) {
            folders.push(folder);
        }
        by_folder.entry(folder).or_default().push(feed);
    }
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<opml version=\"2.0\">\n  <head>\n    \
         <title>Feeds of Wirewatch</title>\n    <dateCreated>{}</dateCreated>\n  </head>\n  <body>\n",
        now.strftime("%a, %d %b %Y %H:%M:%S GMT")
    );
    for folder in folders {
        let feeds = by_folder.remove(folder).unwrap_or_default();
        let indent = if folder.is_empty() { "    " } else { "      " };
        if !folder.is_empty() {
            let name = escaped(folder);
            text.extend(["    <outline text=\"", &name, "\" title=\"", &name, "\">\n"]);
        }
        for feed in feeds {
            text.push_str(indent);
            write_outline(&mut text, feed);
        }
        if !folder.is_empty() {
            text.push_str("    </outline>\n");
        }
    }
    text.push_str("  </body>\n</opml>\n");
    text
}

fn write_outline(text: &mut String, feed: &Feed) {
    let name = escaped(&feed.name);
    let url = escaped(&feed.address());
    text.extend(["<outline type=\"rss\" text=\"", &name, "\" title=\"", &name, "\" xmlUrl=\"", &url, "\""]);
    if let Some(language) = &feed.language {
        text.extend([" language=\"", &escaped(language), "\""]);
    }
    if !feed.tags.is_empty() {
        text.extend([" category=\"", &escaped(&feed.tags.join(",")), "\""]);
    }
    text.push_str("/>\n");
}

/// Text fit for an attribute; what XML cannot hold is left out.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}
