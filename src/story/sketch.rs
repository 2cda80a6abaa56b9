//! A sketch: what stories compare of an article.
//!
//! Owns the way from an article to [`Sketch`], computed from the article alone and so on any thread: the terms of its headline and
//! of the beginning of its text, the openings a publisher may repeat every day, the numbers that name, and its [`Print`], by which
//! copies are seen. Refuses to know other articles.

use super::again::Before;
use super::tokens::{self, Kind, Label, Term, Token, hash, hash_all, text_tokens, tokens};
use crate::article::{Article, NO_PLACE};

/// Tokens of a headline; more is no headline.
const TITLE_TOKENS_MAX: usize = 60;

/// Tokens of the text that count for the story; news says first what it is about.
const SUMMARY_TOKENS: usize = 40;

/// Tokens of the text that copies are seen by. A wire text and its first paragraph alone shall still meet.
const TEXT_TOKENS: usize = 128;

/// Bytes of text read for them.
const TEXT_BYTES: usize = 2_400;

/// What a word is worth that stands in the headline, and one in the text.
const TITLE_WEIGHT: f32 = 2.0;
const SUMMARY_WEIGHT: f32 = 1.0;

/// What the main country is worth, and any other.
const MAIN_PLACE_WEIGHT: f32 = 1.0;
const PLACE_WEIGHT: f32 = 0.5;

/// Hashes kept of the trigrams of the text, of its words, and of the pairs of the headline.
pub(super) const SHINGLES_MAX: usize = 48;
pub(super) const WORDS_MAX: usize = 16;
const PAIRS_MAX: usize = 24;

/// Characters a label before a headline (`Sudan crisis: …`) or a name behind it (`… - BBC News`) may have, and characters the
/// rest must have.
const LABEL_LENGTH_MAX: usize = 24;
const CORE_LENGTH_MIN: usize = 20;

/// What stories compare of an article.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sketch {
    /// Who stands behind it.
    pub(super) publisher: u32,
    /// Its terms with their weight, by term.
    pub(super) terms: Vec<(Term, f32)>,
    /// Beginning and end of its headline.
    pub(super) formulas: Vec<Formula>,
    /// The numbers that name what it is about.
    pub(super) labels: Vec<Label>,
    /// What copies are seen by.
    pub(super) print: Print,
    /// Where the article was taken in before; then the rest says nothing.
    pub(super) before: Option<Before>,
}

/// Three words at the beginning or end of a headline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Formula {
    /// A hash of publisher, place in the headline and words; any number is like any other.
    pub(super) key: u32,
    /// The terms that say nothing when it is a formula.
    pub(super) terms: [Term; 3],
}

/// What copies are seen by. All sets are sorted hashes; the large ones keep their smallest alone, which is a fair sample of any
/// set (bottom-k sketches, Cohen and Kaplan 2007).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Print {
    /// Tokens of the headline, those of them that say something, and tokens of the text.
    pub(super) title_count: u8,
    pub(super) content_count: u8,
    pub(super) text_count: u8,
    /// Whether headline and text share a word that says something: a text that has nothing to do with its headline is one that a
    /// publisher puts under all of them.
    pub(super) relates: bool,
    /// A hash of the headline's numbers.
    pub(super) numbers: u32,
    /// Neighbouring words of the headline; the same without its label and name, empty when it has none; trigrams of the text;
    /// its words.
    pub(super) pairs: Box<[u32]>,
    pub(super) core_pairs: Box<[u32]>,
    pub(super) shingles: Box<[u32]>,
    pub(super) words: Box<[u32]>,
}

impl Sketch {
    /// Sketches an article.
    pub fn of(article: &Article) -> Self {
        let language = article.language.as_str();
        let title = tokens(&article.title, language, TITLE_TOKENS_MAX);
        let (summary, folded) = text_tokens(&beginning(article), language, SUMMARY_TOKENS, TEXT_TOKENS);
        let publisher = hash(article.publisher.to_lowercase().as_bytes());
        Self {
            publisher,
            terms: terms(&title, &summary, &article.places),
            formulas: formulas(publisher, &title),
            labels: tokens::labels(&title),
            print: Print { relates: relates(&title, &summary), ..print(article, &title, &folded) },
            before: None,
        }
    }

    /// What stands for the sketch of an article that was taken in before: it is assigned alike again.
    pub fn again(before: Before) -> Self {
        Self { before: Some(before), ..Self::default() }
    }
}

/// The beginning of the summary and what follows it.
fn beginning(article: &Article) -> String {
    let mut text = String::with_capacity(TEXT_BYTES + 1);
    for part in [&article.summary, &article.body] {
        let room = part.floor_char_boundary(TEXT_BYTES.saturating_sub(text.len()));
        text.push_str(part.get(..room).unwrap_or_default());
        text.push('\n');
    }
    text
}

fn terms(title: &[Token], summary: &[Token], places: &[String]) -> Vec<(Term, f32)> {
    let mut found: Vec<(Term, f32)> = Vec::new();
    let says = |tokens: &[Token]| {
        let mut terms: Vec<Term> =
            tokens.iter().filter(|token| token.says()).map(|token| token.term).collect();
        terms.sort_unstable();
        terms.dedup();
        terms
    };
    found.extend(says(title).into_iter().map(|term| (term, TITLE_WEIGHT)));
    found.extend(says(summary).into_iter().map(|term| (term, SUMMARY_WEIGHT)));
    let places = places.iter().filter(|place| *place != NO_PLACE).enumerate();
    found.extend(places.map(|(index, place)| {
        (tokens::place_term(place), if index == 0 { MAIN_PLACE_WEIGHT } else { PLACE_WEIGHT })
    }));
    found.sort_by(|one, other| one.0.cmp(&other.0).then(other.1.total_cmp(&one.1)));
    found.dedup_by(|later, kept| {
        let is_same = later.0 == kept.0;
        if is_same {
            kept.1 += later.1;
        }
        is_same
    });
    found
}

fn formulas(publisher: u32, title: &[Token]) -> Vec<Formula> {
    let words: Vec<&Token> = title.iter().filter(|token| token.kind != Kind::Letter).collect();
    let three = |part: &[&Token], tag: u32| {
        let [one, two, three] = part else { return None };
        // Any number is like any other: `Day 417` is the formula of `Day 418`.
        let shape = |token: &Token| if token.kind == Kind::Number { 0 } else { token.term };
        let key = hash_all(b'f', &[publisher, tag, shape(one), shape(two), shape(three)]);
        Some(Formula { key, terms: [one.term, two.term, three.term] })
    };
    let last = words.len().checked_sub(3).filter(|start| *start > 0);
    let first = words.get(..3).and_then(|part| three(part, 0));
    let last = last.and_then(|start| words.get(start..)).and_then(|part| three(part, 1));
    first.into_iter().chain(last).collect()
}

fn relates(title: &[Token], text: &[Token]) -> bool {
    let of_text = |token: &&Token| text.iter().any(|other| other.term == token.term);
    title.iter().filter(|token| token.says()).any(|token| of_text(&token))
}

fn print(article: &Article, title: &[Token], text: &[Token]) -> Print {
    let content = content(title);
    let mut numbers: Vec<u32> =
        title.iter().filter(|token| token.kind == Kind::Number).map(|token| token.term).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let numbers = numbers.iter().fold(0, |all, number| hash_all(b'n', &[all, *number]));
    let core_pairs = core(&article.title).map_or_else(Vec::new, |core| {
        pairs(&self::content(&tokens(core, &article.language, TITLE_TOKENS_MAX)))
    });
    let text: Vec<&Token> = text.iter().filter(|token| token.kind != Kind::Letter).collect();
    let shingles = text.windows(3).filter_map(|part| match part {
        [one, two, three] => Some(hash_all(b't', &[one.term, two.term, three.term])),
        _ => None,
    });
    let words = text.iter().filter(|token| token.says()).map(|token| hash_all(b'w', &[token.term]));
    let count = |count: usize| u8::try_from(count).unwrap_or(u8::MAX);
    Print {
        title_count: count(title.iter().filter(|token| token.kind != Kind::Letter).count()),
        content_count: count(content.len()),
        text_count: count(text.len()),
        relates: false,
        numbers,
        pairs: pairs(&content).into_boxed_slice(),
        core_pairs: core_pairs.into_boxed_slice(),
        shingles: smallest(shingles, SHINGLES_MAX).into_boxed_slice(),
        words: smallest(words, WORDS_MAX).into_boxed_slice(),
    }
}

fn content(title: &[Token]) -> Vec<Term> {
    title.iter().filter(|token| token.says()).map(|token| token.term).collect()
}

fn pairs(content: &[Term]) -> Vec<u32> {
    smallest(content.windows(2).map(|pair| hash_all(b'h', pair)), PAIRS_MAX)
}

/// The smallest different hashes, sorted.
fn smallest(hashes: impl Iterator<Item = u32>, count: usize) -> Vec<u32> {
    let mut hashes: Vec<u32> = hashes.collect();
    hashes.sort_unstable();
    hashes.dedup();
    hashes.truncate(count);
    hashes
}

/// A headline without a short label before `: ` and a short name behind ` - ` or ` | `; `None` when it has neither, or when too
/// little is left.
fn core(title: &str) -> Option<&str> {
    let is_mark = |letter: char| matches!(letter, ':' | '|' | '–' | '—');
    let mut core = title;
    if let Some((label, rest)) = core.split_once(':')
        && !label.is_empty()
        && label.chars().count() <= LABEL_LENGTH_MAX
        && !label.contains(is_mark)
        && rest.starts_with(char::is_whitespace)
    {
        core = rest.trim_start();
    }
    let is_dash = |letter: char| matches!(letter, '-' | '|' | '–' | '—');
    if let Some((before, name)) = core.rsplit_once(is_dash)
        && before.ends_with(char::is_whitespace)
        && name.starts_with(char::is_whitespace)
        && !name.trim().is_empty()
        && name.trim().chars().count() <= LABEL_LENGTH_MAX
    {
        core = before.trim_end();
    }
    (core.len() < title.len() && core.chars().count() >= CORE_LENGTH_MIN).then_some(core)
}
