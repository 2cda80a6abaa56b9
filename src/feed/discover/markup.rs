//! HTML as a run of start tags, for who looks for links and nothing else.
//!
//! Owns the scan and its bound. It keeps no tree and no text, so its cost is linear in the page. Refuses to know what a tag
//! means.

use super::super::parse::unescaped;

/// How much of a page is looked at, bytes: feeds are named in its head, or in a menu.
const PAGE_BYTES_MAX: usize = 4 << 20;

/// What of a page is looked at.
pub(super) fn bounded(html: &str) -> &str {
    let mut end = html.len().min(PAGE_BYTES_MAX);
    while !html.is_char_boundary(end) {
        end -= 1;
    }
    html.get(..end).unwrap_or("")
}

/// A start tag.
pub(super) struct Tag<'a> {
    /// In lower case.
    pub(super) name: String,
    /// As written.
    pub(super) attributes: &'a str,
}

/// The start tags of a page, in order; comments, scripts and styles are passed over.
pub(super) struct Tags<'a> {
    rest: &'a str,
}

impl<'a> Tags<'a> {
    pub(super) fn of(html: &'a str) -> Self {
        Self { rest: bounded(html) }
    }

    /// The next start tag.
    pub(super) fn next(&mut self) -> Option<Tag<'a>> {
        loop {
            let (_, rest) = self.rest.split_once('<')?;
            self.rest = rest;
            if let Some(comment) = rest.strip_prefix("!--") {
                self.rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
                continue;
            }
            if !rest.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
                continue;
            }
            let end = tag_end(rest);
            let (tag, after) = rest.split_at_checked(end)?;
            self.rest = after;
            let name_end = tag.find(|c: char| c.is_ascii_whitespace() || c == '/').unwrap_or(tag.len());
            let (name, attributes) = tag.split_at_checked(name_end)?;
            let name = name.to_ascii_lowercase();
            if matches!(name.as_str(), "script" | "style" | "textarea" | "template") {
                self.skip_to_end_of(&name);
                continue;
            }
            return Some(Tag { name, attributes });
        }
    }

    /// Goes behind the end tag of an element that holds no markup.
    fn skip_to_end_of(&mut self, name: &str) {
        let rest = self.rest;
        let is_end = |at: &usize| {
            let after = rest.get(at + 2..).unwrap_or("");
            after.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name))
        };
        let end = rest.match_indices("</").map(|(at, _)| at).find(is_end);
        self.rest = end.and_then(|at| rest.get(at..)).unwrap_or("");
    }

    /// The text right behind the last tag, up to the next one.
    pub(super) fn text_ahead(&self) -> &'a str {
        let text = self.rest.strip_prefix('>').unwrap_or(self.rest);
        // More of it than a title can hold is no title.
        text.split_once('<').map_or("", |(text, _)| text)
    }
}

/// Where a tag ends: at a `>` outside of quotes.
fn tag_end(tag: &str) -> usize {
    let mut quote = None;
    let mut after_equals = false;
    for (at, byte) in tag.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), byte) if open == byte => quote = None,
            (None, b'>') => return at,
            // A quote opens a value only right behind its `=`.
            (None, b'"' | b'\'') if after_equals => quote = Some(byte),
            _ => {}
        }
        after_equals = quote.is_none() && (byte == b'=' || (after_equals && byte.is_ascii_whitespace()));
    }
    tag.len()
}

/// An attribute by its name in lower case, its references resolved; the first one counts.
pub(super) fn attribute(attributes: &str, name: &str) -> Option<String> {
    let mut rest = attributes;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() {
            return None;
        }
        let key_end = rest
            .char_indices()
            .skip(1)
            .find(|(_, c)| c.is_ascii_whitespace() || matches!(c, '=' | '/'))
            .map_or(rest.len(), |(at, _)| at);
        let (key, after) = rest.split_at_checked(key_end)?;
        rest = after.trim_start();
        let mut value = "";
        if let Some(written) = rest.strip_prefix('=') {
            let written = written.trim_start();
            let quote = written.chars().next().filter(|letter| matches!(letter, '"' | '\''));
            (value, rest) = if let Some(quote) = quote {
                let inside = written.get(1..).unwrap_or("");
                inside.split_once(quote).unwrap_or((inside, ""))
            } else {
                let end = written.find(|c: char| c.is_ascii_whitespace()).unwrap_or(written.len());
                written.split_at_checked(end)?
            };
        }
        if key.eq_ignore_ascii_case(name) {
            return Some(unescaped(value));
        }
    }
}
