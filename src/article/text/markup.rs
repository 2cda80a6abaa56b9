//! Markup: HTML as a run of borrowed tokens.
//!
//! Owns the scan, in the order of the HTML standard's tokenizer (13.2.5), and the table of element names. It keeps
//! no attributes and no tree, so its cost is linear and its memory constant: html5ever's own tokenizer compares
//! every attribute of a tag with every other, which a hostile feed turns into minutes.
//! Refuses to decide what the text means, and to resolve character references ([`super::reference`]).

/// A piece of HTML, borrowed from the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::article) enum Token<'a> {
    /// Text, its character references unresolved.
    Text(&'a str),
    /// A start tag: its name in lower case and its attributes as written.
    Open { name: String, attributes: &'a str },
    /// The content of an element that is skipped or holds no markup; its end tag follows as `Close`.
    Raw { name: String, content: &'a str },
    /// An end tag, by its name in lower case.
    Close(String),
}

/// Elements whose content is not text for readers, whatever stands inside.
const RAW: [&str; 17] = [
    "script", "style", "title", "textarea", "iframe", "xmp", "noembed", "noframes", "noscript", "template",
    "svg", "audio", "video", "object", "select", "canvas", "button",
];

/// Elements that start and end a line, and with it a sentence.
const BLOCK: [&str; 47] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "br",
    "caption",
    "center",
    "dd",
    "details",
    "dialog",
    "dir",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hgroup",
    "hr",
    "html",
    "legend",
    "li",
    "main",
    "menu",
    "nav",
    "ol",
    "option",
    "p",
    "pre",
    "section",
    "summary",
    "table",
    "tbody",
    "tfoot",
    "thead",
    "tr",
    "ul",
];

/// Elements that stand within a line.
const INLINE: [&str; 66] = [
    "a", "abbr", "acronym", "amp-img", "applet", "area", "b", "base", "basefont", "bdi", "bdo", "bgsound",
    "big", "blink", "cite", "code", "col", "colgroup", "command", "data", "datalist", "del", "dfn", "em",
    "embed", "font", "frame", "frameset", "head", "i", "image", "img", "input", "ins", "kbd", "keygen",
    "label", "link", "map", "mark", "marquee", "math", "meta", "meter", "nobr", "optgroup", "output",
    "param", "picture", "progress", "q", "rp", "rt", "ruby", "s", "samp", "small", "source", "span",
    "strike", "strong", "sub", "sup", "track", "tt", "u",
];

/// Inline names that did not fit the table's line: also inline, or cells of a row.
const CELL: [&str; 2] = ["td", "th"];

/// Whether an element starts and ends a line.
pub(in crate::article) fn is_block(name: &str) -> bool {
    BLOCK.contains(&name)
}

/// Whether an element is a table cell, apart from its neighbours but on their line.
pub(in crate::article) fn is_cell(name: &str) -> bool {
    CELL.contains(&name)
}

/// Whether HTML has an element of this name.
fn is_element(name: &str) -> bool {
    is_block(name)
        || INLINE.contains(&name)
        || RAW.contains(&name)
        || is_cell(name)
        || matches!(name, "var" | "wbr" | "time" | "slot")
}

/// Whether a tag of a name HTML does not have is markup all the same, and not a writer's bracket: somebody's
/// extension (`o:p`, `amp-ad`), or anything that has an attribute with a value. `<UN spokesperson>` and
/// `<anti-war activists>` have none. Looks no further than the next bracket, so that brackets stay cheap.
fn is_unknown_element(name: &str, tail: &str) -> bool {
    let end = tail.find(['<', '>']);
    let inside = end.and_then(|end| tail.get(..end)).unwrap_or(tail);
    let is_bare = inside.trim_matches(['/', ' ']).is_empty();
    let was_cut = inside.is_empty() && end.is_none();
    if is_bare { was_cut || name.contains(['-', ':']) } else { inside.contains('=') }
}

/// A tag's name is at most this long, in bytes; what is longer is text.
const NAME_LENGTH_MAX: usize = 64;

/// How many tags may have quotes that never let them end. Each costs a look at the whole rest; after so many,
/// quotes say nothing in this text.
const STRAY_QUOTES_MAX: usize = 8;

/// Reads HTML from front to back.
#[derive(Debug)]
pub(in crate::article) struct Scanner<'a> {
    html: &'a str,
    at: usize,
    /// Whether `<head>` is skipped whole, as in a fragment, where its content is never text.
    skips_head: bool,
    /// The raw element just opened: its content comes next.
    opened: Option<String>,
    /// Raw elements with no end tag in what is left: looked for once, so that the scan stays linear.
    never_closed: Vec<String>,
    /// Tags met whose quotes never let them end.
    stray_quotes: usize,
}

impl<'a> Scanner<'a> {
    /// A scanner over a fragment: what stands in `<head>` is raw too.
    pub(in crate::article) fn fragment(html: &'a str) -> Self {
        Self { html, at: 0, skips_head: true, opened: None, never_closed: Vec::new(), stray_quotes: 0 }
    }

    /// A scanner over a whole document: the elements within `<head>` are told one by one.
    pub(in crate::article) fn document(html: &'a str) -> Self {
        Self { skips_head: false, ..Self::fragment(html) }
    }

    fn rest(&self) -> &'a str {
        self.html.get(self.at..).unwrap_or_default()
    }

    /// The content of a raw element up to its end tag, if it has one. A script or style without an end reaches to
    /// the end of the input, as in browsers; anything else unclosed is forgiven, or one slip would cost the article.
    fn raw(&mut self, name: String) -> Option<Token<'a>> {
        if self.never_closed.contains(&name) {
            return None;
        }
        let rest = self.rest();
        let length = match end_tag(rest, &name) {
            Some(length) => length,
            None if name == "script" || name == "style" => rest.len(),
            None => {
                self.never_closed.push(name);
                return None;
            }
        };
        self.at += length;
        Some(Token::Raw { name, content: rest.get(..length).unwrap_or_default() })
    }

    fn is_raw(&self, name: &str) -> bool {
        RAW.contains(&name) || (self.skips_head && name == "head")
    }

    /// A start tag at `<`; `None` when what follows is text after all.
    fn open(&mut self) -> Option<Token<'a>> {
        let rest = self.rest();
        let after = rest.get(1..)?;
        let name_length = name_length(after)?;
        let name = after.get(..name_length)?.to_ascii_lowercase();
        let tail = after.get(name_length..)?;
        if !is_element(&name) && !is_unknown_element(&name, tail) {
            return None; // `<Breaking>` is a writer's bracket, not markup.
        }
        let Some(length) = self.attributes_length(tail) else {
            self.at = self.html.len();
            return Some(Token::Text(""));
        };
        let attributes = tail.get(..length)?;
        self.at += 1 + name_length + length + 1;
        if self.is_raw(&name) && !(name == "svg" && attributes.ends_with('/')) {
            self.opened = Some(name.clone());
        }
        Some(Token::Open { name, attributes })
    }

    /// An end tag at `</`.
    fn close(&mut self) -> Option<Token<'a>> {
        let after = self.rest().get(2..)?;
        let name_length = name_length(after)?;
        let name = after.get(..name_length)?.to_ascii_lowercase();
        let tail = after.get(name_length..)?;
        if !is_element(&name) && !is_unknown_element(&name, tail) {
            return None;
        }
        let Some(length) = self.attributes_length(tail) else {
            self.at = self.html.len();
            return Some(Token::Text(""));
        };
        self.at += 2 + name_length + length + 1;
        Some(Token::Close(name))
    }

    /// The length of what stands between a tag's name and its `>`; quotes count only around a value, and not when
    /// one never closes: half a tag should not cost the rest of the article. `None` when the tag never ends.
    fn attributes_length(&mut self, text: &str) -> Option<usize> {
        if self.stray_quotes < STRAY_QUOTES_MAX {
            let quoted = quoted_length(text);
            if quoted.is_some() {
                return quoted;
            }
            self.stray_quotes += 1;
        }
        text.find('>')
    }

    /// A comment, declaration or processing instruction: skipped. One without an end reaches to the end.
    fn skip_comment(&mut self) {
        let rest = self.rest();
        let end = if rest.starts_with("<!-->") {
            Some(5)
        } else if let Some(body) = rest.strip_prefix("<!--") {
            body.find("-->").map(|at| at + 7)
        } else {
            rest.find('>').map(|at| at + 1)
        };
        self.at = end.map_or(self.html.len(), |length| self.at + length);
    }
}

impl<'a> Iterator for Scanner<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        if let Some(name) = self.opened.take()
            && let Some(token) = self.raw(name)
        {
            return Some(token);
        }
        let rest = self.rest();
        if rest.is_empty() {
            return None;
        }
        let length = rest.find('<').unwrap_or(rest.len());
        if length > 0 {
            self.at += length;
            return Some(Token::Text(rest.get(..length).unwrap_or_default()));
        }
        let bytes = rest.as_bytes();
        let second = bytes.get(1).copied().unwrap_or(b' ');
        let third = bytes.get(2).copied().unwrap_or(b' ');
        let token = match second {
            b'/' if third.is_ascii_alphabetic() => self.close(),
            // The text was cut within an end tag.
            b'/' if bytes.len() == 2 => {
                self.at = self.html.len();
                return None;
            }
            b'!' | b'?' => {
                self.skip_comment();
                Some(Token::Text(""))
            }
            letter if letter.is_ascii_alphabetic() => self.open(),
            _ => None,
        };
        token.or_else(|| {
            self.at += 1;
            Some(Token::Text("<"))
        })
    }
}

/// The length of a tag name: to white space, a bracket or `/`; `None` when it is too long to be one.
fn name_length(text: &str) -> Option<usize> {
    let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'<' | b'>');
    let length = text.bytes().take(NAME_LENGTH_MAX + 1).take_while(|byte| !ends(byte)).count();
    (length <= NAME_LENGTH_MAX).then_some(length)
}

/// The length of a tag's attributes when every quote around a value closes before the tag's `>`.
fn quoted_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut after_equals = false;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'>' => return Some(at),
            b'"' | b'\'' if after_equals => {
                at += 1 + bytes.get(at + 1..)?.iter().position(|&other| other == byte)?;
                after_equals = false;
            }
            b'=' => after_equals = true,
            _ if byte.is_ascii_whitespace() => {}
            _ => after_equals = false,
        }
        at += 1;
    }
    None
}

/// Where the end tag of `name` starts.
fn end_tag(text: &str, name: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(found) = text.get(from..)?.find("</") {
        let at = from + found;
        let candidate = bytes.get(at + 2..at + 2 + name.len());
        let after = bytes.get(at + 2 + name.len()).copied().unwrap_or(b'>');
        if candidate.is_some_and(|candidate| candidate.eq_ignore_ascii_case(name.as_bytes()))
            && (after.is_ascii_whitespace() || after == b'/' || after == b'>')
        {
            return Some(at);
        }
        from = at + 2;
    }
    None
}

/// The attributes of a tag as written: lower-case name and raw value, at most `max` of them.
pub(in crate::article) fn attributes(text: &str, max: usize) -> Vec<(String, &str)> {
    let mut found = Vec::new();
    let mut rest = text;
    while found.len() < max {
        rest = rest.trim_start_matches(|letter: char| letter.is_ascii_whitespace() || letter == '/');
        if rest.is_empty() {
            break;
        }
        let length = rest
            .char_indices()
            .skip(1)
            .find(|(_, letter)| letter.is_ascii_whitespace() || matches!(letter, '/' | '='))
            .map_or(rest.len(), |(at, _)| at);
        let (name, tail) = rest.split_at(length);
        let Some(value) = tail.trim_start().strip_prefix('=') else {
            found.push((name.to_ascii_lowercase(), ""));
            rest = tail;
            continue;
        };
        let value = value.trim_start();
        let (value, tail) = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let inner = value.get(1..).unwrap_or_default();
                inner.split_once(quote).unwrap_or((inner, ""))
            }
            _ => {
                value.split_at(value.find(|letter: char| letter.is_ascii_whitespace()).unwrap_or(value.len()))
            }
        };
        found.push((name.to_ascii_lowercase(), value));
        rest = tail;
    }
    found
}
