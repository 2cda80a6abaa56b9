//! Words: how text is cut into words and sentences, and how words are made comparable.
//!
//! Owns [`Words`] (the words of one text, folded, with their place in the original) and [`fold`].
//! Folding is NFKC, lower case, accents off, Arabic and Persian letter forms unified. It works on
//! whole words and is linear in the text. Refuses to know queries, stems and dictionaries.

mod folding;

use std::ops::Range;

pub use folding::{arabic_stems, cased, cased_pattern, each_arabic_stem};
use folding::{fold_word, is_wildcard, is_word_letter};

/// What stands between a word and the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    /// A hyphen, a zero-width non-joiner, an elision's apostrophe, or nothing at all (Han, Thai).
    Hyphen,
    /// White space only.
    Space,
    /// Punctuation, or the start of the text.
    Break,
}

/// One word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Byte offset of its first character in the original text.
    pub start: usize,
    /// Byte offset just past its last character in the original text.
    pub end: usize,
    /// Number of its sentence, from 0.
    pub sentence: usize,
    /// What stands before it.
    pub gap: Gap,
    folded: Range<usize>,
}

/// The words of one text, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    words: Vec<Word>,
    arena: String,
}

impl Words {
    /// Cuts a text into words.
    ///
    /// A word is a run of letters, digits and marks. `U.N.` is one word, an English `'s` is left out,
    /// a French or Italian elision (`l'accord`) is a word of its own, any other apostrophe is ignored.
    /// Scripts that put no space between words (Han, kana, Thai, Lao, Khmer, Burmese) give a word per
    /// character. Soft hyphens and zero-width characters count as nothing.
    pub fn split(text: &str) -> Self {
        Splitter::new(text, false, Self::default()).run()
    }

    /// [`Words::split`] in the room that the words of another text took.
    pub fn split_again(&mut self, text: &str) {
        let mut found = std::mem::take(self);
        found.words.clear();
        found.arena.clear();
        *self = Splitter::new(text, false, found).run();
    }

    /// Like [`Words::split`], and `*` and `?` count as letters: the words of a query.
    pub fn split_pattern(text: &str) -> Self {
        Splitter::new(text, true, Self::default()).run()
    }

    /// How many words there are.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether there is no word.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The word at an index.
    pub fn get(&self, index: usize) -> Option<&Word> {
        self.words.get(index)
    }

    /// The words in order.
    pub fn iter(&self) -> impl Iterator<Item = &Word> {
        self.words.iter()
    }

    /// The folded form of the word at an index; empty when there is no such word.
    pub fn folded(&self, index: usize) -> &str {
        self.words.get(index).and_then(|word| self.arena.get(word.folded.clone())).unwrap_or_default()
    }

    /// How many sentences there are.
    pub fn sentence_count(&self) -> usize {
        self.words.last().map_or(0, |word| word.sentence + 1)
    }
}

/// The folded words of a text with one space between them: equal for texts of equal words.
pub fn fold(text: &str) -> String {
    let words = Words::split(text);
    let mut folded = String::with_capacity(words.arena.len() + words.len());
    for index in 0..words.len() {
        if index > 0 {
            folded.push(' ');
        }
        folded.push_str(words.folded(index));
    }
    folded
}

/// Characters that are in the text and mean nothing: soft hyphen, joiners, direction marks, byte order mark.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{200b}' | '\u{200d}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}'
        | '\u{2066}'..='\u{206f}' | '\u{61c}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}' | '\u{34f}' | '\u{180e}')
}

/// A zero-width non-joiner parts Persian compounds where others write a hyphen or a space.
fn is_hyphen(letter: char) -> bool {
    matches!(letter, '-' | '\u{2010}' | '\u{2011}' | '\u{200c}' | '\u{5be}' | '\u{fe63}' | '\u{ff0d}')
}

fn is_apostrophe(letter: char) -> bool {
    matches!(letter, '\'' | '\u{2019}' | '\u{2bc}' | '\u{ff07}' | '\u{2018}' | '\u{2b9}' | '\u{55a}')
}

/// Scripts written without spaces between words.
pub(crate) fn stands_alone(letter: char) -> bool {
    matches!(letter, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3005}'..='\u{3007}'
        | '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ff9d}' | '\u{20000}'..='\u{3ffff}')
}

/// Words that lose a vowel before a vowel: what stands before the apostrophe is a word of its own.
fn is_elision(word: &str) -> bool {
    const ELIDED: [&str; 24] = [
        "l", "d", "j", "m", "t", "s", "n", "c", "qu", "jusqu", "lorsqu", "puisqu", "quoiqu", "quelqu",
        "presqu", "un", "dell", "all", "nell", "dall", "sull", "quell", "quest", "gl",
    ];
    word.len() <= 7 && ELIDED.iter().any(|elided| word.eq_ignore_ascii_case(elided))
}

/// Short words whose dot does not end a sentence.
fn is_abbreviation(folded: &str) -> bool {
    const SHORT: [&str; 45] = [
        "mr", "mrs", "ms", "dr", "prof", "gen", "col", "lt", "sgt", "maj", "capt", "cpl", "adm", "sen",
        "rep", "gov", "pres", "rev", "hon", "st", "no", "vs", "etc", "inc", "ltd", "co", "corp", "jr", "sr",
        "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec", "approx", "sra",
        "mme", "av",
    ];
    folded.chars().nth(1).is_none() || SHORT.contains(&folded)
}

/// Reads a text once, left to right.
struct Splitter<'a> {
    text: &'a str,
    wildcards: bool,
    found: Words,
    /// Byte offset where the word being read began.
    run: Option<usize>,
    /// The word being read is single letters with dots between, so far.
    dotted: bool,
    letters_since_dot: usize,
    dots: usize,
    sentence: usize,
    between: Between,
    sentence_end: SentenceEnd,
}

/// What was seen since the last word.
#[derive(Default, Clone, Copy)]
struct Between {
    spaces: usize,
    newlines: usize,
    hyphens: usize,
    other: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum SentenceEnd {
    No,
    /// A dot: the next word must not be in lower case.
    Dot,
    /// Anything stronger.
    Sure,
}

impl<'a> Splitter<'a> {
    fn new(text: &'a str, wildcards: bool, found: Words) -> Self {
        Self {
            text,
            wildcards,
            found,
            run: None,
            dotted: true,
            letters_since_dot: 0,
            dots: 0,
            sentence: 0,
            between: Between { other: true, ..Between::default() },
            sentence_end: SentenceEnd::No,
        }
    }

    fn run(mut self) -> Words {
        let mut chars = self.text.char_indices();
        while let Some((at, letter)) = chars.next() {
            let after = chars.as_str();
            if stands_alone(letter) && is_word_letter(letter) {
                self.finish(at);
                self.run = Some(at);
                self.finish(at + letter.len_utf8());
            } else if is_word_letter(letter) || self.wildcards && is_wildcard(letter) {
                self.letter(at);
            } else if is_invisible(letter) {
                // Belongs to the word around it, or to nothing.
            } else if self.run.is_some() && is_apostrophe(letter) && after.starts_with(is_word_letter) {
                if self.apostrophe(at, after) {
                    chars.next();
                }
            } else if letter == '.' && self.inside_acronym(after) {
                self.letters_since_dot = 0;
                self.dots += 1;
            } else {
                self.finish(at);
                self.gap(letter, after);
            }
        }
        self.finish(self.text.len());
        self.found
    }

    fn letter(&mut self, at: usize) {
        if self.run.is_none() {
            self.run = Some(at);
            self.dotted = true;
            self.letters_since_dot = 0;
            self.dots = 0;
        }
        self.letters_since_dot += 1;
        self.dotted &= self.letters_since_dot == 1;
    }

    /// Whether a dot belongs to the word being read: between the letters of `U.N.`, or after the last of them.
    fn inside_acronym(&self, after: &str) -> bool {
        self.run.is_some()
            && self.dotted
            && self.letters_since_dot == 1
            && (single_letter(after) || self.dots > 0 && !after.starts_with(is_word_letter))
    }

    /// Handles an apostrophe inside a word; true when the possessive `s` after it is to be skipped.
    fn apostrophe(&mut self, at: usize, after: &str) -> bool {
        let before = self.run.and_then(|start| self.text.get(start..at)).unwrap_or_default();
        let mut following = after.chars();
        let possessive = following.next().is_some_and(|letter| letter.eq_ignore_ascii_case(&'s'))
            && !following.as_str().starts_with(is_word_letter);
        if possessive || is_elision(before) {
            self.finish(at);
        }
        possessive
    }

    /// Ends the word being read, if any, and takes it in.
    fn finish(&mut self, end: usize) {
        let Some(start) = self.run.take() else { return };
        let raw = self.text.get(start..end).unwrap_or_default();
        // Invisible characters may trail; the word ends with its last visible one.
        let raw = raw.trim_end_matches(is_invisible);
        let arena_start = self.found.arena.len();
        fold_word(raw, self.wildcards, &mut self.found.arena);
        let folded = arena_start..self.found.arena.len();
        if folded.is_empty() {
            return;
        }
        let lower = raw.chars().next().is_some_and(char::is_lowercase);
        let ends = match self.sentence_end {
            SentenceEnd::No => self.between.newlines > 1,
            SentenceEnd::Dot => !lower || self.between.newlines > 1,
            SentenceEnd::Sure => true,
        };
        if ends && !self.found.words.is_empty() {
            self.sentence += 1;
        }
        let gap = match self.between {
            Between { other: true, .. } => Gap::Break,
            Between { spaces: 0, hyphens: 0 | 1, .. } => Gap::Hyphen,
            Between { hyphens: 0, .. } => Gap::Space,
            _ => Gap::Break,
        };
        self.found.words.push(Word { start, end: start + raw.len(), sentence: self.sentence, gap, folded });
        self.between = Between::default();
        self.sentence_end = SentenceEnd::No;
    }

    /// Takes note of a character that is no part of a word.
    fn gap(&mut self, letter: char, after: &str) {
        if letter.is_whitespace() {
            self.between.spaces += 1;
            self.between.newlines += usize::from(letter == '\n' || letter == '\u{2029}');
            return;
        }
        if is_hyphen(letter) {
            self.between.hyphens += 1;
            return;
        }
        self.between.other = true;
        let at_edge = !after.starts_with(|next: char| is_word_letter(next) && !stands_alone(next));
        match letter {
            '。' | '！' | '？' | '．' | '।' | '॥' => self.sentence_end = SentenceEnd::Sure,
            '!' | '?' | '؟' | '۔' if at_edge => self.sentence_end = SentenceEnd::Sure,
            '.' | '…'
                if at_edge && self.sentence_end == SentenceEnd::No && !self.after_abbreviation(letter) =>
            {
                self.sentence_end = SentenceEnd::Dot;
            }
            _ => {}
        }
    }

    /// Whether the dot just read belongs to the word before it (`Gen.`, `U.S.`, `J.`).
    fn after_abbreviation(&self, letter: char) -> bool {
        let Some(last) = self.found.words.last() else { return false };
        let written = self.text.get(last.start..last.end).unwrap_or_default();
        let folded = self.found.arena.get(last.folded.clone()).unwrap_or_default();
        letter == '.'
            && self.between.spaces == 0
            && !folded.starts_with(|first: char| first.is_ascii_digit())
            && (written.contains('.') || is_abbreviation(folded))
    }
}

/// Whether a single letter stands at the start of the text, as in the rest of `U.N.` after its first dot.
fn single_letter(after: &str) -> bool {
    let mut following = after.chars();
    following.next().is_some_and(char::is_alphabetic) && !following.as_str().starts_with(is_word_letter)
}
