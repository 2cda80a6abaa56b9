//! What a term looks for: words in a row, with wildcards, however compounds are written.
//!
//! Owns [`Phrase`], [`Pattern`] and [`Glob`]. Knows nothing of where in an article they are.

use std::ops::Range;

use super::query::PREFIX_LETTERS_MIN;
use crate::article::stem::stem;
use crate::article::words::{Words, cased_pattern};

/// Most words one phrase may have.
pub const PHRASE_WORDS_MAX: usize = 200;
/// Words of a phrase that may be written as one (`cessezlefeu`).
pub const JOINED_WORDS_MAX: usize = 3;

/// Words in a row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Phrase {
    /// How many words it has as written.
    pub word_count: usize,
    /// What may stand for which of its words: each alone, and up to [`JOINED_WORDS_MAX`] neighbours as one.
    /// Ordered by the first word.
    pub parts: Vec<Part>,
}

/// What stands for some words of a phrase.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Part {
    /// Which words of the phrase.
    pub words: Range<usize>,
    /// What the text must have there.
    pub pattern: Pattern,
}

/// One word to look for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern {
    /// Folded; `?` is any one letter.
    pub folded: String,
    /// The word as it must be written, in `{Case}`; `?` is any one letter.
    pub cased: Option<String>,
    /// Whether more letters may follow.
    pub prefix: bool,
    /// The folded stem that a text's word may have instead, in a text of this language.
    pub stem_of: Option<(String, String)>,
}

impl Pattern {
    /// Whether a folded word fits, leaving case aside.
    pub fn fits(&self, folded: &str) -> bool {
        self.fits_pieces((folded, ""))
    }

    /// [`Pattern::fits`] of a word that comes in two pieces.
    pub fn fits_pieces(&self, (head, rest): (&str, &str)) -> bool {
        fits(&self.folded, self.prefix, head.chars().chain(rest.chars()))
    }

    /// Whether a word, as written but for its dots and apostrophes, fits the case asked for.
    pub fn fits_cased(&self, written: &str) -> bool {
        self.cased.as_ref().is_none_or(|cased| fits(cased, self.prefix, written.chars()))
    }

    /// What every fitting word begins with.
    pub fn stem(&self) -> &str {
        self.folded.split('?').next().unwrap_or_default()
    }

    /// Whether only the stem itself fits.
    pub fn is_literal(&self) -> bool {
        !self.prefix && !self.folded.contains('?')
    }
}

fn fits(pattern: &str, prefix: bool, mut letters: impl Iterator<Item = char>) -> bool {
    for wanted in pattern.chars() {
        match letters.next() {
            Some(letter) if wanted == '?' || letter == wanted => {}
            _ => return false,
        }
    }
    prefix || letters.next().is_none()
}

/// The mark before a stem where stems stand among words.
pub const STEM_MARK: char = '\u{1}';

type Fault = (String, String);

impl Phrase {
    /// Reads the words of a term; a fault is what is wrong and what to do.
    pub fn read(text: &str) -> Result<Self, Fault> {
        let mut words = Vec::new();
        let mut rest = text;
        // Braces switch case-keeping on and off; `rest` is what has not been read yet.
        while let Some((plain, braced)) = rest.split_once('{') {
            read_words(plain, false, &mut words)?;
            let Some((inside, after)) = braced.split_once('}') else {
                return Err(("this { is never closed".into(), "write {Word} to keep its case".into()));
            };
            read_words(inside, true, &mut words)?;
            rest = after;
        }
        read_words(rest, false, &mut words)?;
        if words.is_empty() {
            return Err(("there is no letter or digit to look for here".into(), "write a word".into()));
        }
        if words.len() > PHRASE_WORDS_MAX {
            return Err((format!("a phrase has at most {PHRASE_WORDS_MAX} words"), "shorten it".into()));
        }
        Ok(Self { word_count: words.len(), parts: parts(&words) })
    }

    /// Lets every plain word of the phrase match by its stem in texts of a language. `text` is what it was read from.
    pub fn stemmed(&mut self, text: &str, language: &str) {
        let words = Words::split_pattern(text);
        for part in self.parts.iter_mut().filter(|part| part.words.len() == 1) {
            let written = words.get(part.words.start).and_then(|word| text.get(word.start..word.end));
            let is_plain = part.pattern.is_literal() && part.pattern.cased.is_none();
            if let Some(stem) = written.filter(|_| is_plain).and_then(|word| stem(language, word)) {
                part.pattern.stem_of = Some((language.to_owned(), stem));
            }
        }
    }
}

fn read_words(text: &str, keep_case: bool, out: &mut Vec<Pattern>) -> Result<(), Fault> {
    if text.contains('}') {
        return Err(("this } closes nothing".into(), "write {Word} to keep its case".into()));
    }
    let words = Words::split_pattern(text);
    for (index, word) in words.iter().enumerate() {
        let folded = words.folded(index);
        let (folded, prefix) = folded.strip_suffix('*').map_or((folded, false), |stem| (stem, true));
        if folded.contains('*') {
            return Err((
                "* stands at the end of a word only".into(),
                "write prefix*, or ? for one letter".into(),
            ));
        }
        let letters = folded.chars().filter(|&letter| letter != '?').count();
        if letters == 0 || prefix && letters < PREFIX_LETTERS_MIN {
            let message = format!(
                "a word needs {} before its wildcard",
                if prefix { "two letters or more" } else { "a letter" }
            );
            return Err((message, "write more of the word".into()));
        }
        let written = cased_pattern(text.get(word.start..word.end).unwrap_or_default());
        let cased = keep_case.then(|| written.trim_end_matches('*').to_owned());
        out.push(Pattern { folded: folded.to_owned(), cased, prefix, stem_of: None });
    }
    Ok(())
}

/// Each word alone, and neighbours as one, for `cease-fire` is also written `ceasefire`.
fn parts(words: &[Pattern]) -> Vec<Part> {
    let mut parts = Vec::new();
    for from in 0..words.len() {
        for to in from + 1..=words.len().min(from + JOINED_WORDS_MAX) {
            if let Some(pattern) = words.get(from..to).and_then(join) {
                parts.push(Part { words: from..to, pattern });
            }
        }
    }
    parts
}

/// One word out of several. A wildcard inside, or case kept in only some of them, cannot be joined.
fn join(words: &[Pattern]) -> Option<Pattern> {
    let (last, before) = words.split_last()?;
    if before.iter().any(|word| word.prefix || word.cased.is_some() != last.cased.is_some()) {
        return None;
    }
    let folded = words.iter().map(|word| word.folded.as_str()).collect();
    let cased = last.cased.is_some().then(|| words.iter().filter_map(|word| word.cased.as_deref()).collect());
    let stem_of = last.stem_of.clone().filter(|_| words.len() == 1);
    Some(Pattern { folded, cased, prefix: last.prefix, stem_of })
}

/// A shell-like pattern for addresses, codes and tags: `*` any text, `?` any one letter; case is ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    pattern: Vec<char>,
}

impl Glob {
    /// Reads a pattern.
    pub fn new(text: &str) -> Self {
        Self { pattern: text.to_lowercase().chars().collect() }
    }

    /// The pattern, for one that is found anywhere when it has no wildcard.
    #[must_use]
    pub fn anywhere(&self) -> Self {
        if self.pattern.iter().any(|letter| matches!(letter, '*' | '?')) {
            return self.clone();
        }
        let pattern =
            std::iter::once('*').chain(self.pattern.iter().copied()).chain(std::iter::once('*')).collect();
        Self { pattern }
    }

    /// Whether the whole value fits.
    pub fn fits(&self, value: &str) -> bool {
        // A set of reached pattern positions per letter: no backtracking, cost pattern × value.
        let mut reached = vec![false; self.pattern.len() + 1];
        if let Some(first) = reached.first_mut() {
            *first = true;
        }
        self.skip_stars(&mut reached);
        for letter in value.chars().flat_map(char::to_lowercase) {
            let mut next = vec![false; reached.len()];
            for (at, &wanted) in
                self.pattern.iter().enumerate().filter(|(at, _)| reached.get(*at) == Some(&true))
            {
                let to = match wanted {
                    '*' => at,
                    '?' => at + 1,
                    _ if wanted == letter => at + 1,
                    _ => continue,
                };
                if let Some(slot) = next.get_mut(to) {
                    *slot = true;
                }
            }
            reached = next;
            self.skip_stars(&mut reached);
        }
        reached.last() == Some(&true)
    }

    fn skip_stars(&self, reached: &mut [bool]) {
        for (at, &letter) in self.pattern.iter().enumerate() {
            if letter == '*'
                && reached.get(at) == Some(&true)
                && let Some(slot) = reached.get_mut(at + 1)
            {
                *slot = true;
            }
        }
    }
}
