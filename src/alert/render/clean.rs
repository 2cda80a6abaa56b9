//! Feed text made fit for a mail: one line, bounded, unable to turn the text around it.
//!
//! Owns cutting, wrapping, marking and which way text runs. Escaping for HTML is the template engine's.

use std::ops::Range;

/// One line of at most `chars_max` characters, without control characters and without those that reorder
/// text (Unicode Standard Annex 9) or hide in it. ZWJ and ZWNJ stay: Persian and emoji need them.
pub(super) fn clean(text: &str, chars_max: usize) -> String {
    clean_keeping(text, chars_max, |_| false)
}

fn clean_keeping(text: &str, chars_max: usize, keeps: impl Fn(char) -> bool) -> String {
    let mut line = String::new();
    // Bounded before anything else looks at it.
    for c in text.chars().take(chars_max.saturating_mul(8)) {
        if c.is_whitespace() || matches!(c, '\u{2028}' | '\u{2029}') {
            if !line.is_empty() && !line.ends_with(' ') {
                line.push(' ');
            }
        } else if keeps(c) || !c.is_control() && !is_invisible(c) {
            line.push(c);
        }
    }
    cut(line.trim_end(), chars_max)
}

fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{ad}' | '\u{e0000}'..='\u{e007f}')
        || is_no_character(c)
}

/// Code points that no text may hold: XML 1.0 section 2.2 refuses the last two of the first plane, and the marks of
/// [`clean_marked`] are ours.
fn is_no_character(c: char) -> bool {
    u32::from(c) & 0xfffe == 0xfffe || matches!(c, '\u{fdd0}'..='\u{fdef}' | MARK_FROM | MARK_TO)
}

/// What stands around marked words while a line is cleaned: private characters that [`clean`] takes out of everything
/// else.
const MARK_FROM: char = '\u{f8f0}';
const MARK_TO: char = '\u{f8f1}';

/// A line with the words in it that matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Marked {
    pub(super) before: String,
    pub(super) words: String,
    pub(super) after: String,
}

impl Marked {
    /// The whole line, the words between `left` and `right`.
    pub(super) fn with(&self, left: &str, right: &str) -> String {
        if self.words.is_empty() {
            return self.before.clone();
        }
        format!("{}{left}{}{right}{}", self.before, self.words, self.after)
    }
}

/// As [`clean`], keeping sight of a range of bytes. Where it is no range of the text, and where it is all of it, nothing is
/// marked.
pub(super) fn clean_marked(text: &str, at: Option<Range<usize>>, chars_max: usize) -> Marked {
    let whole = || Marked { before: clean(text, chars_max), ..Marked::default() };
    let parts = at.and_then(|at| Some((text.get(..at.start)?, text.get(at.clone())?, text.get(at.end..)?)));
    let Some((before, words, after)) = parts else { return whole() };
    let has_letters = |part: &str| part.chars().any(char::is_alphanumeric);
    if !has_letters(words) || !(has_letters(before) || has_letters(after)) {
        return whole();
    }
    let mut line = String::new();
    for (part, mark) in [(before, Some(MARK_FROM)), (words, Some(MARK_TO)), (after, None)] {
        line.extend(part.chars().filter(|c| !is_no_character(*c)));
        line.extend(mark);
    }
    let line = clean_keeping(&line, chars_max + 2, |c| matches!(c, MARK_FROM | MARK_TO));
    let Some((before, rest)) = line.split_once(MARK_FROM) else { return whole() };
    let (words, after) = rest.split_once(MARK_TO).unwrap_or((rest, ""));
    Marked { before: before.to_owned(), words: words.to_owned(), after: after.to_owned() }
}

/// Which way a text runs: as its first letter of a direction does (Unicode Standard Annex 9, rule P2). Written out because
/// Outlook does not know `dir="auto"`.
pub(super) fn direction(text: &str) -> &'static str {
    let is_rtl =
        text.chars().find(|c| c.is_alphabetic()).is_some_and(|c| has_rtl(c.encode_utf8(&mut [0; 4])));
    if is_rtl { "rtl" } else { "ltr" }
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
