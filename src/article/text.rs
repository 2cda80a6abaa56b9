//! Text: what a feed calls a summary, as plain text.
//!
//! Owns [`plain`] and [`line()`]: markup away, character references resolved, invisible characters removed, white
//! space collapsed, and what a site says about itself dropped ([`boilerplate`]). Every line of the result is at
//! least one sentence of its own. Cost is linear in the input; nothing recurses.
//! Refuses whole pages, where the main text must first be found ([`super::page`]), and folding ([`super::words`]).

mod boilerplate;
pub(super) mod markup;
pub(super) mod reference;

use std::borrow::Cow;

use markup::{Scanner, Token};

/// How often a text is read again because what came out is markup still: publishers escape once too often, and
/// their feed software once more.
const READINGS_MAX: usize = 3;

/// A line ends here, whatever the text's own line ends mean. Control characters never survive, so it is free.
const BREAK: char = '\u{1}';

/// Stands before text within a link of a list item, and before other text of a list item. Where it ends up it is
/// taken out again; control characters never survive, so both are free.
const LINKED: char = '\u{2}';
const UNLINKED: char = '\u{3}';

/// A list item longer than this, in bytes, is prose even when all of it is a link.
const LINK_LENGTH_MAX: usize = 300;

/// A line of hand-wrapped text is at least this long, in bytes; a shorter one ends where its writer ended it.
const WRAPPED_LENGTH_MIN: usize = 50;

/// HTML, or plain text, as clean plain text: one paragraph, list item or heading per line, boilerplate dropped.
pub fn plain(html: &str) -> String {
    let lines = lines(html);
    let mut text = String::with_capacity(lines.len());
    // Below "Related articles" a list of links is other articles' headlines, up to the next heading or prose.
    let mut is_below_related = false;
    for marked in lines.lines() {
        let line = unmarked(marked);
        let line = line.trim();
        if is_below_related && is_link_item(marked) {
            continue;
        }
        is_below_related = boilerplate::announces_links(line);
        let line = if is_below_related { "" } else { boilerplate::trim(line) };
        if !line.is_empty() {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(line);
        }
    }
    text
}

/// HTML, or plain text, as clean plain text on one line; nothing is taken for boilerplate.
pub fn line(html: &str) -> String {
    let mut line = lines(html);
    if line.contains('\n') {
        line = line.replace('\n', " ");
    }
    match unmarked(&line) {
        Cow::Borrowed(_) => line,
        Cow::Owned(unmarked) => unmarked.trim().to_owned(),
    }
}

/// A line without the marks of list items.
fn unmarked(line: &str) -> Cow<'_, str> {
    if line.contains([LINKED, UNLINKED]) {
        Cow::Owned(line.replace([LINKED, UNLINKED], ""))
    } else {
        Cow::Borrowed(line)
    }
}

/// Whether a line is a list item that is nothing but a link.
fn is_link_item(marked: &str) -> bool {
    marked.contains(LINKED) && !marked.contains(UNLINKED) && marked.len() <= LINK_LENGTH_MAX
}

/// The text cut to at most `length_max` characters.
pub(super) fn bounded(mut text: String, length_max: usize) -> String {
    if text.len() > length_max
        && let Some((at, _)) = text.char_indices().nth(length_max)
    {
        text.truncate(at);
        text.truncate(text.trim_end().len());
    }
    text
}

/// Clean lines, none of them empty, boilerplate included.
fn lines(html: &str) -> String {
    if !html.contains(['<', '&']) {
        return tidy(html, false);
    }
    let mut text = Cow::Borrowed(html);
    for _ in 0..READINGS_MAX {
        let (read, had_tags) = read(&text);
        text = Cow::Owned(read);
        if had_tags {
            // Its author wrote tags, so a tag that shows is meant to; a reference that shows never is.
            if reference::is_in(&text) {
                text = Cow::Owned(reference::resolve(&text).into_owned());
            }
            break;
        }
        if !looks_like_markup(&text) {
            break;
        }
    }
    let had_breaks = text.contains(BREAK);
    tidy(&text, had_breaks)
}

/// One reading: tags away, references resolved. Says whether there were tags.
fn read(html: &str) -> (String, bool) {
    let unwrapped = if html.contains("<![CDATA[") {
        Cow::Owned(html.replace("<![CDATA[", "").replace("]]>", ""))
    } else {
        Cow::Borrowed(html)
    };
    let mut text = String::with_capacity(unwrapped.len());
    let mut had_tags = false;
    let mut preformatted_count = 0_usize;
    let mut list = ListPlace::default();
    for token in Scanner::fragment(&unwrapped) {
        match token {
            Token::Text(run) => {
                let run = reference::resolve(run);
                if let Some(mark) = list.mark()
                    && let Some(start) = run.find(|letter: char| !letter.is_whitespace())
                {
                    let (space, words) = run.split_at(start);
                    text.push_str(space);
                    text.push(mark);
                    text.push_str(words);
                } else if preformatted_count > 0 {
                    text.extend(run.chars().map(|letter| if letter == '\n' { BREAK } else { letter }));
                } else {
                    text.push_str(&run);
                }
            }
            Token::Raw { .. } => {}
            Token::Open { name, .. } => {
                had_tags = true;
                preformatted_count += usize::from(name == "pre");
                list.open(&name);
                separate(&name, &mut text);
            }
            Token::Close(name) => {
                had_tags = true;
                preformatted_count = preformatted_count.saturating_sub(usize::from(name == "pre"));
                list.close(&name);
                separate(&name, &mut text);
            }
        }
    }
    (text, had_tags)
}

/// Where in a list the text being read stands.
#[derive(Debug, Default)]
struct ListPlace {
    is_in_item: bool,
    is_in_link: bool,
}

impl ListPlace {
    fn open(&mut self, name: &str) {
        match name {
            "li" => *self = Self { is_in_item: true, is_in_link: false },
            "a" => self.is_in_link = true,
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "li" | "ul" | "ol" => *self = Self::default(),
            "a" => self.is_in_link = false,
            _ => {}
        }
    }

    fn mark(&self) -> Option<char> {
        self.is_in_item.then_some(if self.is_in_link { LINKED } else { UNLINKED })
    }
}

/// What an element's edge does to the text: a line end, a gap, or nothing.
fn separate(name: &str, text: &mut String) {
    if markup::is_block(name) {
        text.push(BREAK);
    } else if markup::is_cell(name) {
        text.push(' ');
    }
}

/// Whether text that had no tags shows tags or references.
fn looks_like_markup(text: &str) -> bool {
    reference::is_in(text) || Scanner::fragment(text).any(|token| !matches!(token, Token::Text(_)))
}

/// Removes what cannot be seen and collapses white space. Where markup ended lines, the source's own line ends are
/// white space; else they are all there is.
fn tidy(text: &str, had_breaks: bool) -> String {
    let mut tidied = String::with_capacity(text.len());
    let mut line_start = 0;
    let mut pending = None; // White space seen since the last visible character.
    let mut previous = ' ';
    for letter in text.chars() {
        let space = match letter {
            BREAK => Some(Space::Line),
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some(Space::SourceLine),
            _ if letter.is_whitespace() => Some(Space::Word),
            _ => None,
        };
        if let Some(space) = space {
            // Two line ends in plain text make a paragraph; `\r\n` is one.
            let is_paragraph = pending == Some(Space::SourceLine)
                && space == Space::SourceLine
                && !(previous == '\r' && letter == '\n');
            let space = if is_paragraph && !had_breaks { Space::Line } else { space };
            pending = pending.max(Some(space));
            previous = letter;
            continue;
        }
        let is_mark = had_breaks && matches!(letter, LINKED | UNLINKED);
        if !is_mark && is_invisible(letter, previous) {
            continue;
        }
        if let Some(space) = pending.take()
            && !tidied.is_empty()
        {
            if ends_line(space, tidied.get(line_start..).unwrap_or_default(), had_breaks) {
                tidied.push('\n');
                line_start = tidied.len();
            } else {
                tidied.push(' ');
            }
        }
        tidied.push(letter);
        previous = letter;
    }
    tidied
}

/// White space between two visible characters, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Space {
    Word,
    SourceLine,
    Line,
}

/// Whether white space ends the line: a source line does when it ends a sentence or is too short to be wrapped.
fn ends_line(space: Space, line: &str, had_breaks: bool) -> bool {
    match space {
        Space::Line => true,
        Space::Word => false,
        Space::SourceLine => {
            let ends_sentence = line.ends_with(['.', '!', '?', ':', '…', '"', '”', '»', '؟', '。', ')']);
            !had_breaks && (ends_sentence || line.len() < WRAPPED_LENGTH_MIN)
        }
    }
}

/// Characters that carry no text: controls, soft hyphens, zero widths, direction marks and overrides (with which a
/// headline is made to read backwards), private use. Joiners stay in scripts that spell with them.
fn is_invisible(letter: char, previous: char) -> bool {
    match letter {
        '\u{200c}' | '\u{200d}' => !(previous >= '\u{600}' && previous.is_alphabetic()),
        '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'
        | '\u{200e}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffc}'
        | '\u{e000}'..='\u{f8ff}'
        | '\u{e0000}'..='\u{10ffff}' => true,
        _ => letter.is_control(),
    }
}
