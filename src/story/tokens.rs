//! Tokens: a text as stories compare it.
//!
//! Owns how words become [`Term`]s (stems, numbers, pairs of characters where a script has no spaces), which words say nothing,
//! and which numbers of a headline are its name: `Day 21` and not `21 people`. Refuses to weigh anything. A term is a hash, not
//! a string: nothing has to be kept or forgotten to tell two of them apart, and the same word is the same number after a restart.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use xxhash_rust::xxh3::xxh3_64;

use crate::article::stem::stem;
use crate::article::words::{Gap, Words, fold, stands_alone};

/// A word's stem, a number or a place, as a hash of 31 bits; the 32nd tells places from words.
pub(super) type Term = u32;

/// The bit of places.
const PLACE: u32 = 1 << 31;

/// Words that say nothing, a line per language: the stop-words package (`ATTRIBUTION.md` beside this file).
const STOP_WORDS: &str = include_str!("stopwords.txt");

/// Their terms, by language.
static STOP_TERMS: LazyLock<HashMap<&'static str, HashSet<Term>>> = LazyLock::new(|| {
    let line = |line: &'static str| {
        let (language, words) = line.split_once(' ')?;
        let terms = words.split(' ').flat_map(|word| {
            let folded = fold(word).replace(' ', "");
            [stem(language, word).map(|stem| word_term(&stem)), Some(word_term(&folded))]
        });
        Some((language, terms.flatten().collect()))
    };
    STOP_WORDS.lines().filter_map(line).collect()
});

/// Whether a term says nothing in a language (ISO 639-1).
pub(super) fn is_stop(language: &str, term: Term) -> bool {
    STOP_TERMS.get(language).is_some_and(|terms| terms.contains(&term))
}

/// A hash of bytes in 32 bits.
pub(super) fn hash(bytes: &[u8]) -> u32 {
    u32::try_from(xxh3_64(bytes) & u64::from(u32::MAX)).unwrap_or_default()
}

/// A hash of hashes.
pub(super) fn hash_all(tag: u8, parts: &[u32]) -> u32 {
    let mut bytes = [0_u8; 24];
    bytes[0] = tag;
    for (slot, part) in bytes[1..].chunks_exact_mut(4).zip(parts) {
        slot.copy_from_slice(&part.to_le_bytes());
    }
    hash(bytes.get(..=4 * parts.len()).unwrap_or(&bytes))
}

fn word_term(stem: &str) -> Term {
    hash(stem.as_bytes()) & !PLACE
}

/// The term of a country (ISO 3166-1 alpha-2).
pub(super) fn place_term(country: &str) -> Term {
    hash(country.as_bytes()) | PLACE
}

/// Whether a term is a place.
pub(super) fn is_place(term: Term) -> bool {
    term & PLACE != 0
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A word that says something.
    Word,
    /// A word that says nothing.
    Stop,
    /// A single letter, which is no word; it only parts others.
    Letter,
    /// A number.
    Number,
}

/// One word or number of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    /// What it is compared by: the stem, the folded word where stems were not asked for, or the number.
    pub(super) term: Term,
    /// What it is.
    pub(super) kind: Kind,
    /// Whether a space and nothing else parts it from the token before.
    pub(super) is_next: bool,
}

impl Token {
    /// Whether it says something.
    pub(super) fn says(self) -> bool {
        matches!(self.kind, Kind::Word | Kind::Number)
    }
}

/// The tokens of a text by their stems, so many at most.
pub(super) fn tokens(text: &str, language: &str, count_max: usize) -> Vec<Token> {
    cut(text, &Words::split(text), language, true, count_max)
}

/// The first tokens of a text by their stems, and more of them by their folded words.
pub(super) fn text_tokens(
    text: &str,
    language: &str,
    stemmed_max: usize,
    folded_max: usize,
) -> (Vec<Token>, Vec<Token>) {
    let words = Words::split(text);
    (cut(text, &words, language, true, stemmed_max), cut(text, &words, language, false, folded_max))
}

fn cut(text: &str, words: &Words, language: &str, is_stemmed: bool, count_max: usize) -> Vec<Token> {
    let mut found = Vec::with_capacity(words.len().min(count_max));
    let mut index = 0;
    while index < words.len() && found.len() < count_max {
        let Some(word) = words.get(index) else { break };
        let is_next = word.gap == Gap::Space;
        let folded = words.folded(index);
        if is_digits(folded) {
            let (number, next) = number(text, words, index);
            let term = word_term(&format!("#{number}"));
            found.push(Token { term, kind: Kind::Number, is_next });
            index = next;
            continue;
        }
        if let Some(pair) = pair(text, words, index) {
            let term = word_term(&pair);
            found.push(Token { term, kind: Kind::Word, is_next: false });
            index += 1;
            continue;
        }
        let written = text.get(word.start..word.end).unwrap_or_default();
        let stemmed = if is_stemmed { stem(language, written) } else { None };
        let term = word_term(stemmed.as_deref().filter(|stem| !stem.is_empty()).unwrap_or(folded));
        let is_letter = folded.chars().nth(1).is_none() && !folded.chars().all(stands_alone);
        let kind = match is_letter {
            true => Kind::Letter,
            false if is_stop(language, term) => Kind::Stop,
            false => Kind::Word,
        };
        found.push(Token { term, kind, is_next });
        index += 1;
    }
    found
}

fn is_digits(folded: &str) -> bool {
    !folded.is_empty() && folded.bytes().all(|byte| byte.is_ascii_digit())
}

/// A number with its decimals and without the commas between its thousands, and the index of the word after it.
fn number(text: &str, words: &Words, first: usize) -> (String, usize) {
    let mut number = words.folded(first).to_owned();
    let mut index = first;
    while let (Some(this), Some(next)) = (words.get(index), words.get(index + 1))
        && is_digits(words.folded(index + 1))
        && number.len() < 24
    {
        match text.get(this.end..next.start) {
            Some(",") => {}
            Some(".") => number.push('.'),
            _ => break,
        }
        index += 1;
        number.push_str(words.folded(index));
    }
    (number, index + 1)
}

/// A character of a script without spaces with the one after it; `None` elsewhere, and at the end of a run.
fn pair(text: &str, words: &Words, index: usize) -> Option<String> {
    let (this, next) = (words.get(index)?, words.get(index + 1)?);
    let alone = |index: usize| {
        let mut letters = words.folded(index).chars();
        letters.next().is_some_and(stands_alone) && letters.next().is_none()
    };
    (this.end == next.start && alone(index) && alone(index + 1))
        .then(|| text.get(this.start..next.end).map(str::to_owned))
        .flatten()
}

/// A number that names what a headline is about: the word before it, and the number.
pub(super) type Label = (Term, Term);

/// The numbers of a headline that name: after a word that says something, and not counting what follows.
pub(super) fn labels(title: &[Token]) -> Vec<Label> {
    let mut found = Vec::new();
    for (index, number) in title.iter().enumerate().filter(|(_, token)| token.kind == Kind::Number) {
        let Some(before) = index.checked_sub(1).and_then(|index| title.get(index)) else { continue };
        if before.kind != Kind::Word || !number.is_next {
            continue;
        }
        let counts = |next: &Token| next.is_next && next.kind == Kind::Word;
        if title.get(index + 1).is_some_and(counts) {
            continue;
        }
        found.push((before.term, number.term));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Whether two headlines name different things by the same word: `Day 2` and `Day 21`.
pub(super) fn conflict(one: &[Label], other: &[Label]) -> bool {
    one.iter().any(|(word, _)| {
        let of = |labels: &[Label], number: &Term| labels.contains(&(*word, *number));
        let mut same = other.iter().filter(|(theirs, _)| theirs == word).peekable();
        same.peek().is_some() && !same.any(|(_, number)| of(one, number))
    })
}
