//! Slips in how a term or a query is written.
//!
//! Owns the walk over its words. Works on the text, because what a slip reads as is what its writer did not mean.

use std::ops::Range;

use super::{PREFIX_LETTERS_WANTED, Site, Slip};

/// A word of a term or a query.
struct Written {
    text: String,
    /// Characters.
    span: Range<usize>,
    is_quoted: bool,
    /// Whether a bracket opens before it.
    is_first: bool,
}

/// Slips in a term of a set.
pub(super) fn in_term(text: &str, site: Site, slips: &mut Vec<Slip>) {
    let words = words(text);
    typographic_quotes(text, site, slips);
    let is_query = text.contains(['"', '(', ')', '@']);
    for word in &words {
        if let Some((head, number)) = word.text.split_once('/')
            && matches!(head.to_ascii_lowercase().as_str(), "near" | "onear" | "atleast")
            && head.chars().any(|letter| letter.is_ascii_lowercase())
            && !word.is_quoted
        {
            let message = format!("`{}` is read as a word of the term", word.text);
            let hint = format!("write {}/{number}, in capitals", head.to_ascii_uppercase());
            slips.push(Slip::new(site, word.span.clone(), message, hint));
        }
        if is_query || words.len() == 1 {
            short_wildcard(word, site, slips);
        }
    }
}

/// Slips in the query of a signal.
pub(super) fn in_query(text: &str, site: Site, slips: &mut Vec<Slip>) {
    typographic_quotes(text, site, slips);
    let words = words(text);
    for (at, word) in words.iter().enumerate().filter(|(_, word)| !word.is_quoted) {
        short_wildcard(word, site, slips);
        let before = at.checked_sub(1).and_then(|at| words.get(at));
        // `not OR never` means the word; side by side with others, as in ATLEAST/2(a or b), an operator was meant.
        let is_operand = word.is_first
            || before.is_some_and(|before| is_operator(&before.text))
            || words.get(at + 1).is_none_or(|after| after.is_first || is_operator(&after.text));
        if matches!(word.text.as_str(), "and" | "or" | "not") && !is_operand {
            let message = format!("`{}` is read as a word to look for", word.text);
            let upper = word.text.to_ascii_uppercase();
            let hint =
                format!("operators are written in capitals, {upper}; put the word in quotes if you mean it");
            slips.push(Slip::new(site, word.span.clone(), message, hint));
        }
    }
}

fn is_operator(word: &str) -> bool {
    matches!(word, "AND" | "OR" | "NOT") || word.starts_with("NEAR/") || word.starts_with("ONEAR/")
}

/// The characters of the first place of a word in a text; all of it when it is not there as such.
pub(super) fn place_of(text: &str, word: &str) -> Range<usize> {
    let all = 0..text.chars().count();
    text.split_once(word).map_or(all, |(before, _)| {
        let start = before.chars().count();
        start..start + word.chars().count()
    })
}

fn short_wildcard(word: &Written, site: Site, slips: &mut Vec<Slip>) {
    let name = word.text.rsplit(':').next().unwrap_or_default();
    let is_value = word
        .text
        .split_once(':')
        .is_some_and(|(key, _)| matches!(key, "feed" | "publisher" | "lang" | "tag" | "place"));
    let Some(stem) = name.strip_suffix('*').filter(|_| !word.is_quoted && !is_value) else { return };
    let letters = stem.chars().filter(|letter| letter.is_alphanumeric()).count();
    if letters < PREFIX_LETTERS_WANTED {
        let message = format!("{letters} letters before a * find a large part of the dictionary");
        slips.push(Slip::new(site, word.span.clone(), message, "write more of the word, or its forms"));
    }
}

/// Typographic quotes that the language skips as punctuation: what stands in them is no phrase.
fn typographic_quotes(text: &str, site: Site, slips: &mut Vec<Slip>) {
    let mut before = None;
    for (at, letter) in text.chars().enumerate() {
        let opens = before.is_none_or(|before: char| !before.is_alphanumeric());
        let is_quote = matches!(letter, '“' | '”' | '„' | '‟' | '«' | '»' | '‹' | '›' | '″')
            || opens && matches!(letter, '‘' | '‚');
        if is_quote {
            let message = format!("{letter} is a typographic quote, which says nothing here");
            let hint =
                "use straight quotes, \"two words\", or none: the words of a term stand in a row anyway";
            slips.push(Slip::new(site, at..at + 1, message, hint));
            return;
        }
        before = Some(letter);
    }
}

fn words(text: &str) -> Vec<Written> {
    let mut words = Vec::new();
    let (mut is_quoted, mut is_first, mut word, mut start) = (false, true, String::new(), 0);
    for (at, letter) in text.chars().chain(std::iter::once(' ')).enumerate() {
        if letter.is_whitespace() || matches!(letter, '(' | ')' | '"') {
            if !word.is_empty() {
                let text = std::mem::take(&mut word);
                words.push(Written { text, span: start..at, is_quoted, is_first });
                is_first = false;
            }
            is_quoted ^= letter == '"';
            is_first |= letter == '(';
        } else {
            if word.is_empty() {
                start = at;
            }
            word.push(letter);
        }
    }
    words
}
