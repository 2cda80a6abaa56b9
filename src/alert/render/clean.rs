//! Feed text made fit for a mail: one line, bounded, unable to turn the text around it.
//!
//! Owns cutting, wrapping and links. Escaping for HTML is the template engine's.

use url::Url;

/// Longest link that is written out; longer ones break mail clients and people's patience.
const URL_CHARS_MAX: usize = 2000;

/// One line of at most `chars_max` characters, without control characters and without those that reorder
/// text (Unicode Standard Annex 9) or hide in it. ZWJ and ZWNJ stay: Persian and emoji need them.
pub(super) fn clean(text: &str, chars_max: usize) -> String {
    let mut line = String::new();
    // Bounded before anything else looks at it.
    for c in text.chars().take(chars_max.saturating_mul(8)) {
        if c.is_whitespace() || matches!(c, '\u{2028}' | '\u{2029}') {
            if !line.is_empty() && !line.ends_with(' ') {
                line.push(' ');
            }
        } else if !c.is_control() && !is_invisible(c) {
            line.push(c);
        }
    }
    cut(line.trim_end(), chars_max)
}

fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{ad}' | '\u{e0000}'..='\u{e007f}')
}

/// At most `chars_max` characters, cut between words where there is one, with an ellipsis where something is gone.
pub(super) fn cut(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    if chars_max == 0 {
        return String::new();
    }
    let kept: String = text.chars().take(chars_max.saturating_sub(1)).collect();
    let whole_word = text.chars().nth(kept.chars().count()).is_some_and(char::is_whitespace);
    let words = match kept.rsplit_once(' ') {
        // A cut that would lose more than a third is no better than half a word.
        Some((words, _)) if !whole_word && words.chars().count() * 3 >= chars_max * 2 => words,
        _ => kept.as_str(),
    };
    format!("{}…", words.trim_end_matches([' ', ',', ';', ':', '-', '–', '—']))
}

/// Whether the text holds letters that run from right to left (Hebrew, Arabic, Syriac, Thaana, N'Ko …).
pub(super) fn has_rtl(text: &str) -> bool {
    text.chars().any(|c| {
        matches!(c, '\u{0590}'..='\u{08ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}'
            | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
    })
}

/// Text that runs from right to left keeps its order to itself, between an isolate and its end (U+2068, U+2069).
pub(super) fn isolate(text: &str) -> String {
    if has_rtl(text) { format!("\u{2068}{text}\u{2069}") } else { text.to_owned() }
}

/// Wraps at spaces. The first line and the others start with `indent`; a word longer than a line stays whole,
/// as a cut link leads nowhere, unless its script sets no spaces.
pub(super) fn wrap(text: &str, indent: &str, columns: usize) -> String {
    let room = columns.saturating_sub(indent.chars().count()).max(10);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        for piece in pieces(word, room) {
            let width = width(&piece.text);
            let gap = usize::from(piece.starts_word && used > 0);
            if used > 0 && used + gap + width > room {
                lines.push(std::mem::take(&mut line));
                used = 0;
            } else if gap > 0 {
                line.push(' ');
                used += 1;
            }
            line.push_str(&piece.text);
            used += width;
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines.iter().map(|line| format!("{indent}{line}")).collect::<Vec<_>>().join("\n")
}

struct Piece {
    text: String,
    starts_word: bool,
}

/// A word, in pieces of a line when it is too long and not plain ASCII.
fn pieces(word: &str, room: usize) -> Vec<Piece> {
    if word.is_ascii() || width(word) <= room {
        return vec![Piece { text: word.to_owned(), starts_word: true }];
    }
    let mut pieces = vec![Piece { text: String::new(), starts_word: true }];
    let mut used = 0;
    for c in word.chars() {
        let wide = columns_of(c);
        if used + wide > room {
            pieces.push(Piece { text: String::new(), starts_word: false });
            used = 0;
        }
        if let Some(piece) = pieces.last_mut() {
            piece.text.push(c);
        }
        used += wide;
    }
    pieces
}

fn width(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// East Asian letters take two columns (Unicode Standard Annex 11, roughly).
fn columns_of(c: char) -> usize {
    match c {
        '\u{2068}' | '\u{2069}' | '\u{200c}' | '\u{200d}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// What may be done with an article's link.
pub(super) enum Link {
    /// It may be followed; `host` is where it really leads.
    Web {
        /// ASCII, as the URL standard writes it.
        url: String,
        /// Its host, in ASCII.
        host: String,
    },
    /// It may be read, not followed.
    Words(String),
    /// There is none.
    None,
}

/// Only `http` and `https` without user information are links: `javascript:` runs, `file:` points at the
/// reader's own disk, and `https://bank.example@other.example` pretends.
pub(super) fn link(url: Option<&str>) -> Link {
    let Some(text) = url.map(str::trim).filter(|text| !text.is_empty()) else { return Link::None };
    let words = || Link::Words(clean(text, 200));
    if text.chars().count() > URL_CHARS_MAX {
        return words();
    }
    let Ok(url) = Url::parse(text) else { return words() };
    let host = url.host_str().unwrap_or_default().to_owned();
    let plain = url.username().is_empty() && url.password().is_none() && !host.is_empty();
    if matches!(url.scheme(), "http" | "https") && plain && url.as_str().len() <= URL_CHARS_MAX {
        Link::Web { url: url.into(), host }
    } else {
        words()
    }
}
