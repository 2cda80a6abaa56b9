//! Lexicon: every phrase of all topics, found in one walk over an article.
//!
//! Owns [`Lexicon`], an Aho–Corasick automaton that is walked anchored at each word: phrases are its literals, with a
//! space between their words. A phrase that is no literal (`fail* to hold`, `{WHO}`, `defen?e`) stands in it by its
//! first word, and the readable search of [`super::matcher`] decides. Finds what that search finds, place by place.
//! Refuses to know topics.

use std::collections::HashMap;
use std::sync::Arc;

use aho_corasick::Anchored;
use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;

use super::matcher::{ArticleText, Span};
use super::pattern::{JOINED_WORDS_MAX, Pattern, Phrase, STEM_MARK};
use crate::article::words::{Gap, Words, each_arabic_stem};

/// A phrase of more words than this stands in the automaton by its first word only: the ways to write its compounds
/// (`cessez le feu`, `cessezlefeu`) multiply.
const LITERAL_WORDS_MAX: usize = 5;

/// Letters a wildcard's stem must reach into the second of two hyphened words; the rule of the readable search.
const REACH_MIN: usize = 3;

/// A phrase that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    /// Its number in the lexicon.
    pub(super) phrase: u32,
    /// Where.
    pub(super) span: Span,
}

/// What a literal means for a phrase when the walk comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Meaning {
    /// Found when a word ends here.
    Whole,
    /// Found whatever follows in the word.
    Prefix,
    /// Its first word ends here and may be one, to be looked at.
    First,
    /// Its first word begins like this, to be looked at.
    FirstPrefix,
}

/// What a literal means, phrase by phrase.
type Key = Box<[(Meaning, u32)]>;

/// Phrases, compiled together.
#[derive(Debug, Clone)]
pub(super) struct Lexicon {
    automaton: Option<(NFA, StateID)>,
    keys: Vec<Key>,
    /// Those that are no literals, by their number.
    looked_at: HashMap<u32, Arc<Phrase>>,
    /// Phrases that begin with a wildcard, to be looked at everywhere.
    anywhere: Vec<u32>,
    /// Whether any phrase matches by stems.
    has_stems: bool,
}

/// One walk: where it began, and what it found.
struct Walk<'w> {
    start: usize,
    found: &'w mut Vec<Found>,
}

impl Lexicon {
    /// Compiles phrases; the number of each is its place in the list. Phrases beyond the automaton's own limits (2³¹
    /// states, which the limits of a configuration do not reach) are looked at one by one.
    pub(super) fn new(phrases: &[Arc<Phrase>]) -> Self {
        let mut literals: HashMap<String, Vec<(Meaning, u32)>> = HashMap::new();
        let mut anywhere = Vec::new();
        let mut looked_at = HashMap::new();
        for (number, phrase) in (0_u32..).zip(phrases) {
            if let Some((spellings, prefix)) = spellings(phrase) {
                let meaning = if prefix { Meaning::Prefix } else { Meaning::Whole };
                for spelling in spellings {
                    literals.entry(spelling).or_default().push((meaning, number));
                }
                continue;
            }
            looked_at.insert(number, Arc::clone(phrase));
            for part in phrase.parts.iter().filter(|part| part.words.start == 0) {
                let stem = part.pattern.stem();
                if stem.is_empty() {
                    anywhere.push(number);
                    continue;
                }
                let meaning = if part.pattern.is_literal() { Meaning::First } else { Meaning::FirstPrefix };
                literals.entry(stem.to_owned()).or_default().push((meaning, number));
                if let Some(marked) = marked_stem(&part.pattern) {
                    literals.entry(marked).or_default().push((Meaning::First, number));
                }
            }
        }
        anywhere.dedup();
        let mut literals: Vec<(String, Vec<(Meaning, u32)>)> = literals.into_iter().collect();
        literals.sort_unstable_by(|left, right| left.0.cmp(&right.0));
        let built = automaton(literals.iter().map(|(text, _)| text.as_bytes()));
        if built.is_none() {
            anywhere = (0_u32..).zip(phrases).map(|(number, _)| number).collect();
            looked_at = (0_u32..).zip(phrases.iter().cloned()).collect();
        }
        let has_stems =
            phrases.iter().flat_map(|phrase| &phrase.parts).any(|part| part.pattern.stem_of.is_some());
        let keys = literals.into_iter().map(|(_, key)| key.into_boxed_slice()).collect();
        Self { automaton: built, keys, looked_at, anywhere, has_stems }
    }

    /// Bytes the automaton takes.
    pub(super) fn automaton_bytes(&self) -> usize {
        self.automaton.as_ref().map_or(0, |(automaton, _)| automaton.memory_usage())
    }

    /// Finds every place of every phrase, sorted by phrase, then place. `looks` is room for candidates.
    pub(super) fn find(&self, text: &ArticleText<'_>, looks: &mut Vec<Found>, found: &mut Vec<Found>) {
        found.clear();
        looks.clear();
        let Some((_, start)) = self.automaton.as_ref() else { return self.look_anywhere(text, found) };
        for (base, words) in text.fields() {
            for index in 0..words.len() {
                let mut walk = Walk { start: base + index, found };
                self.consume(text, (*base, words), index, (*start, 0), &mut walk, looks);
            }
        }
        looks.sort_unstable();
        looks.dedup();
        for look in looks.iter() {
            self.look(text, *look, found);
        }
        self.look_anywhere(text, found);
        found.sort_unstable();
        found.dedup();
    }

    fn look_anywhere(&self, text: &ArticleText<'_>, found: &mut Vec<Found>) {
        for &phrase in &self.anywhere {
            for (base, words) in text.fields() {
                for position in *base..base + words.len() {
                    let span = Span { start: position, end: position };
                    self.look(text, Found { phrase, span }, found);
                }
            }
        }
    }

    /// Lets the readable search decide about a phrase at a word.
    fn look(&self, text: &ArticleText<'_>, look: Found, found: &mut Vec<Found>) {
        let Some(phrase) = self.looked_at.get(&look.phrase) else { return };
        let spans = text.find_phrase_at(phrase, look.span.start);
        found.extend(spans.into_iter().map(|span| Found { phrase: look.phrase, span }));
    }

    /// Goes on from a state with the word at an index of a field, in every form it has.
    fn consume(
        &self,
        text: &ArticleText<'_>,
        (base, words): (usize, &Words),
        index: usize,
        (state, depth): (StateID, usize),
        walk: &mut Walk<'_>,
        looks: &mut Vec<Found>,
    ) {
        let folded = words.folded(index);
        let end = base + index + 1;
        if let Some(reached) = self.read(folded, (state, depth), Reach::Word, end, walk, looks) {
            self.arrive(text, (base, words), index, reached, walk, looks);
            if text.joinable(base + index) {
                let hyphened = words.get(index + 1).is_some_and(|word| word.gap == Gap::Hyphen);
                let second = words.folded(index + 1);
                let reach = if hyphened { Reach::Hyphen } else { Reach::Space };
                if let Some(reached) = self.read(second, reached, reach, end + 1, walk, looks) {
                    self.arrive(text, (base, words), index + 1, reached, walk, looks);
                }
            }
        }
        if let Some((automaton, _)) = self.automaton.as_ref().filter(|_| self.has_stems) {
            let marked = automaton.next_state(Anchored::Yes, state, STEM_MARK as u8);
            if !automaton.is_dead(marked) {
                let key = stem_key(&text.article().language, text.stem(base + index));
                let from = (marked, depth + 1);
                if let Some(reached) = self.read(&key, from, Reach::Nothing, end, walk, looks) {
                    self.arrive(text, (base, words), index, reached, walk, looks);
                }
            }
        }
        each_arabic_stem(folded, |head, rest| {
            let is_word_itself = rest.len() == folded.len();
            if !is_word_itself
                && let Some(reached) = self.read(head, (state, depth), Reach::Word, end, walk, looks)
                && let Some(reached) = self.read(rest, reached, Reach::Word, end, walk, looks)
            {
                self.arrive(text, (base, words), index, reached, walk, looks);
            }
        });
    }

    /// Takes what is found when the word at an index ends in a state, and goes on with the next word.
    fn arrive(
        &self,
        text: &ArticleText<'_>,
        (base, words): (usize, &Words),
        index: usize,
        (state, depth): (StateID, usize),
        walk: &mut Walk<'_>,
        looks: &mut Vec<Found>,
    ) {
        let Some((automaton, _)) = self.automaton.as_ref() else { return };
        let span = Span { start: walk.start, end: base + index + 1 };
        if let Some(key) = self.key(state, depth) {
            let at = Span { start: walk.start, end: walk.start };
            for &(meaning, phrase) in key {
                match meaning {
                    Meaning::Whole => walk.found.push(Found { phrase, span }),
                    Meaning::First => looks.push(Found { phrase, span: at }),
                    Meaning::Prefix | Meaning::FirstPrefix => {}
                }
            }
        }
        let sentence = |at: usize| words.get(at).map(|word| word.sentence);
        if sentence(index + 1).is_some() && sentence(index + 1) == sentence(index) {
            let next = automaton.next_state(Anchored::Yes, state, b' ');
            if !automaton.is_dead(next) {
                self.consume(text, (base, words), index + 1, (next, depth + 1), walk, looks);
            }
        }
    }

    /// Reads letters of one word; `None` when no phrase goes on like this.
    fn read(
        &self,
        letters: &str,
        (mut state, mut depth): (StateID, usize),
        reach: Reach,
        end: usize,
        walk: &mut Walk<'_>,
        looks: &mut Vec<Found>,
    ) -> Option<(StateID, usize)> {
        let (automaton, _) = self.automaton.as_ref()?;
        let mut read = 0_usize;
        for byte in letters.bytes() {
            state = automaton.next_state(Anchored::Yes, state, byte);
            if automaton.is_dead(state) {
                return None;
            }
            depth += 1;
            read += usize::from(byte & 0xC0 != 0x80);
            if automaton.is_match(state)
                && let Some(key) = self.key(state, depth)
            {
                let span = Span { start: walk.start, end };
                let at = Span { start: walk.start, end: walk.start };
                for &(meaning, phrase) in key {
                    match meaning {
                        Meaning::Prefix if reach.holds(read) => walk.found.push(Found { phrase, span }),
                        Meaning::FirstPrefix => looks.push(Found { phrase, span: at }),
                        Meaning::Prefix | Meaning::Whole | Meaning::First => {}
                    }
                }
            }
        }
        Some((state, depth))
    }

    /// What the literal of exactly this depth says; a state also knows the literals it ends with.
    fn key(&self, state: StateID, depth: usize) -> Option<&[(Meaning, u32)]> {
        let (automaton, _) = self.automaton.as_ref()?;
        (automaton.is_match(state) && automaton.match_len(state) > 0)
            .then(|| automaton.match_pattern(state, 0))
            .filter(|literal| automaton.pattern_len(*literal) == depth)
            .and_then(|literal| self.keys.get(literal.as_usize()))
            .map(|key| &**key)
    }
}

/// The automaton of some literals, and its first state.
fn automaton<'t>(literals: impl Iterator<Item = &'t [u8]>) -> Option<(NFA, StateID)> {
    let automaton = NFA::builder().prefilter(false).build(literals).ok()?;
    let start = automaton.start_state(Anchored::Yes).ok()?;
    Some((automaton, start))
}

/// Whether a wildcard may end in the letters being read.
#[derive(Clone, Copy)]
enum Reach {
    /// One word: anywhere.
    Word,
    /// The second of two hyphened words: only well inside it.
    Hyphen,
    /// The second of two words with a space between: nowhere.
    Space,
    /// What was put before a stem: it is no word.
    Nothing,
}

impl Reach {
    fn holds(self, letters: usize) -> bool {
        match self {
            Self::Word => true,
            Self::Hyphen => letters >= REACH_MIN,
            Self::Space | Self::Nothing => false,
        }
    }
}

/// A stem as it stands in the automaton: no word begins like this.
fn marked_stem(pattern: &Pattern) -> Option<String> {
    let (language, stem) = pattern.stem_of.as_ref().filter(|(_, stem)| !stem.is_empty())?;
    Some(format!("{STEM_MARK}{}", stem_key(language, stem)))
}

fn stem_key(language: &str, stem: &str) -> String {
    format!("{language}:{stem}")
}

/// All ways to write a phrase, its words parted by spaces, and whether more letters may follow; `None` when it is no
/// literal.
fn spellings(phrase: &Phrase) -> Option<(Vec<String>, bool)> {
    if phrase.word_count > LITERAL_WORDS_MAX {
        return None;
    }
    let ends = |part: &&super::pattern::Part| part.words.end == phrase.word_count;
    let prefix = phrase.parts.iter().filter(ends).any(|part| part.pattern.prefix);
    let is_plain = |pattern: &Pattern| pattern.cased.is_none() && !pattern.folded.contains('?');
    if !phrase
        .parts
        .iter()
        .all(|part| is_plain(&part.pattern) && (!part.pattern.prefix || part.words.end == phrase.word_count))
    {
        return None;
    }
    // written[k] holds the ways to write the first k words.
    let mut written: Vec<Vec<String>> = vec![Vec::new(); phrase.word_count + 1];
    if let Some(none) = written.first_mut() {
        none.push(String::new());
    }
    for end in 1..=phrase.word_count {
        let mut ways = Vec::new();
        for part in phrase.parts.iter().filter(|part| part.words.end == end) {
            debug_assert!(part.words.len() <= JOINED_WORDS_MAX, "parts join few words");
            for before in written.get(part.words.start).map(Vec::as_slice).unwrap_or_default() {
                let space = if before.is_empty() { "" } else { " " };
                ways.push(format!("{before}{space}{}", part.pattern.folded));
                ways.extend(marked_stem(&part.pattern).map(|stem| format!("{before}{space}{stem}")));
            }
        }
        if let Some(slot) = written.get_mut(end) {
            *slot = ways;
        }
    }
    Some((written.pop().unwrap_or_default(), prefix))
}
