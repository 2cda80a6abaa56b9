//! Lexicon: every phrase of all topics, found in one walk over an article.
//!
//! Owns [`Lexicon`], a minimal acyclic automaton (`fst`) that is walked from each word: phrases are its keys, with a
//! space between their words. A phrase that is no literal (`fail* to hold`, `{WHO}`, `defen?e`) stands in it by its
//! first words, and the readable search of [`super::matcher`] decides. Finds what that search finds, place by place.
//! Refuses to know topics.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use fst::raw::{CompiledAddr, Fst, Node, Output};

use super::matcher::{ArticleText, Span};
use super::pattern::{JOINED_WORDS_MAX, Pattern, Phrase, STEM_MARK};
use crate::article::words::{Gap, Words, each_arabic_stem};

/// A phrase of more words than this stands in the automaton by its first words only: the ways to write its compounds
/// (`cessez le feu`, `cessezlefeu`) multiply, to 44 for seven words.
const LITERAL_WORDS_MAX: usize = 7;
/// Most ways to write a phrase that stands in the automaton whole; stems multiply them further.
const WAYS_MAX: usize = 64;
/// The first words by which a phrase that is no literal stands in the automaton, at most: enough to be rare.
const HEAD_WORDS_MAX: usize = 3;

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
    /// Its first words may end here, to be looked at.
    Head,
    /// Its first words may go on from here, to be looked at.
    HeadPrefix,
}

/// What a literal means, phrase by phrase.
type Key = Box<[(Meaning, u32)]>;

/// Phrases, compiled together.
#[derive(Clone)]
pub(super) struct Lexicon {
    /// Absent where nothing can be walked.
    automaton: Option<Fst<Vec<u8>>>,
    /// By the automaton's outputs.
    keys: Vec<Key>,
    /// By their number, those that are no literals.
    looked_at: Vec<Option<Arc<Phrase>>>,
    /// Phrases that begin with a wildcard, to be looked at everywhere.
    anywhere: Vec<Anywhere>,
    /// Whether any phrase matches by stems.
    has_stems: bool,
}

/// A phrase that may begin with any letter.
#[derive(Clone)]
struct Anywhere {
    number: u32,
    phrase: Arc<Phrase>,
    /// A letter that stands in the word it begins at or in the next, if one must.
    letter: Option<char>,
}

/// A place in the automaton and the sum of the outputs on the way there.
#[derive(Clone, Copy)]
struct State {
    address: CompiledAddr,
    output: Output,
}

/// One walk: where it began, and what it found.
struct Walk<'w> {
    start: usize,
    found: &'w mut Vec<Found>,
}

impl Anywhere {
    fn new(number: u32, phrase: &Arc<Phrase>) -> Self {
        let mut letters = phrase
            .parts
            .iter()
            .filter(|part| part.words.start == 0)
            .map(|part| part.pattern.folded.chars().find(|letter| *letter != '?'));
        let first = letters.next().flatten();
        // Folding may change others: Arabic letters written together.
        let letter = first.filter(|letter| letter.is_ascii() && letters.all(|other| other == first));
        Self { number, phrase: Arc::clone(phrase), letter }
    }
}

impl fmt::Debug for Lexicon {
    /// Its size: the rest is megabytes of words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lexicon").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

impl Lexicon {
    /// Compiles phrases; the number of each is its place in the list. Should the automaton not take them (it knows no
    /// limit that a configuration reaches), they are looked at one by one.
    pub(super) fn new(phrases: &[Arc<Phrase>]) -> Self {
        let mut literals: HashMap<String, Vec<(Meaning, u32)>> = HashMap::new();
        let mut anywhere = Vec::new();
        let mut looked_at: Vec<Option<Arc<Phrase>>> = Vec::new();
        for (number, phrase) in (0_u32..).zip(phrases) {
            if let Some((spellings, prefix)) = spellings(phrase) {
                let meaning = if prefix { Meaning::Prefix } else { Meaning::Whole };
                for spelling in spellings {
                    literals.entry(spelling).or_default().push((meaning, number));
                }
                looked_at.push(None);
                continue;
            }
            looked_at.push(Some(Arc::clone(phrase)));
            for (text, meaning) in heads(phrase) {
                if text.is_empty() {
                    anywhere.push(Anywhere::new(number, phrase));
                } else {
                    literals.entry(text).or_default().push((meaning, number));
                }
            }
        }
        anywhere.dedup_by_key(|anywhere| anywhere.number);
        let mut literals: Vec<(String, Vec<(Meaning, u32)>)> = literals.into_iter().collect();
        literals.sort_unstable_by(|left, right| left.0.cmp(&right.0));
        let built = automaton(literals.iter().map(|(text, _)| text.as_bytes()));
        if built.is_none() {
            anywhere = (0_u32..).zip(phrases).map(|(number, phrase)| Anywhere::new(number, phrase)).collect();
        }
        let has_stems =
            phrases.iter().flat_map(|phrase| &phrase.parts).any(|part| part.pattern.stem_of.is_some());
        let keys = literals.into_iter().map(|(_, key)| key.into_boxed_slice()).collect();
        Self { automaton: built, keys, looked_at, anywhere, has_stems }
    }

    /// Bytes the automaton takes.
    pub(super) fn automaton_bytes(&self) -> usize {
        self.automaton.as_ref().map_or(0, Fst::size)
    }

    /// Finds every place of every phrase, sorted by phrase, then place. `looks` is room for candidates.
    pub(super) fn find(&self, text: &ArticleText<'_>, looks: &mut Vec<Found>, found: &mut Vec<Found>) {
        found.clear();
        looks.clear();
        let Some(automaton) = self.automaton.as_ref() else { return self.look_anywhere(text, found) };
        let root = State { address: automaton.root().addr(), output: Output::zero() };
        for (base, words) in text.fields() {
            for index in 0..words.len() {
                let mut walk = Walk { start: base + index, found };
                self.consume(text, (*base, words), index, root, &mut walk, looks);
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
        for Anywhere { number, phrase, letter } in &self.anywhere {
            for (base, words) in text.fields() {
                let has_letter =
                    |index: usize| letter.is_none_or(|letter| words.folded(index).contains(letter));
                let mut here = has_letter(0);
                for index in 0..words.len() {
                    let next = has_letter(index + 1);
                    if here || next {
                        let mut take = |span| found.push(Found { phrase: *number, span });
                        text.each_phrase_at(phrase, base + index, &mut take);
                    }
                    here = next;
                }
            }
        }
    }

    /// Lets the readable search decide about a phrase at a word.
    fn look(&self, text: &ArticleText<'_>, look: Found, found: &mut Vec<Found>) {
        let looked_at = usize::try_from(look.phrase).ok().and_then(|number| self.looked_at.get(number));
        let Some(Some(phrase)) = looked_at else { return };
        let mut take = |span| found.push(Found { phrase: look.phrase, span });
        text.each_phrase_at(phrase, look.span.start, &mut take);
    }

    /// Goes on from a state with the word at an index of a field, in every form it has.
    fn consume(
        &self,
        text: &ArticleText<'_>,
        (base, words): (usize, &Words),
        index: usize,
        state: State,
        walk: &mut Walk<'_>,
        looks: &mut Vec<Found>,
    ) {
        let folded = words.folded(index);
        let end = base + index + 1;
        if let Some(reached) = self.read(folded, state, Reach::Word, end, walk, looks) {
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
        if self.has_stems
            && let Some(marked) = self.next(state, STEM_MARK as u8)
            && let Some(marked) =
                self.read(&text.article().language, marked, Reach::Nothing, end, walk, looks)
            && let Some(marked) = self.next(marked, b':')
            && let Some(reached) =
                self.read(text.stem(base + index), marked, Reach::Nothing, end, walk, looks)
        {
            self.arrive(text, (base, words), index, reached, walk, looks);
        }
        each_arabic_stem(folded, |head, rest| {
            let is_word_itself = rest.len() == folded.len();
            if !is_word_itself
                && let Some(reached) = self.read(head, state, Reach::Word, end, walk, looks)
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
        state: State,
        walk: &mut Walk<'_>,
        looks: &mut Vec<Found>,
    ) {
        let span = Span { start: walk.start, end: base + index + 1 };
        let reached = self.automaton.as_ref().map(|automaton| automaton.node(state.address));
        if let Some(key) = reached.and_then(|node| self.key(&node, state.output)) {
            let at = Span { start: walk.start, end: walk.start };
            for &(meaning, phrase) in key {
                match meaning {
                    Meaning::Whole => walk.found.push(Found { phrase, span }),
                    Meaning::Head => looks.push(Found { phrase, span: at }),
                    Meaning::Prefix | Meaning::HeadPrefix => {}
                }
            }
        }
        let sentence = |at: usize| words.get(at).map(|word| word.sentence);
        if sentence(index + 1).is_some()
            && sentence(index + 1) == sentence(index)
            && let Some(next) = self.next(state, b' ')
        {
            self.consume(text, (base, words), index + 1, next, walk, looks);
        }
    }

    /// Reads letters of one word; `None` when no phrase goes on like this.
    fn read(
        &self,
        letters: &str,
        mut state: State,
        reach: Reach,
        end: usize,
        walk: &mut Walk<'_>,
        looks: &mut Vec<Found>,
    ) -> Option<State> {
        let automaton = self.automaton.as_ref()?;
        let mut read = 0_usize;
        let mut node = automaton.node(state.address);
        for byte in letters.bytes() {
            let transition = node.transition(node.find_input(byte)?);
            state = State { address: transition.addr, output: state.output.cat(transition.out) };
            node = automaton.node(state.address);
            read += usize::from(byte & 0xC0 != 0x80);
            if let Some(key) = self.key(&node, state.output) {
                let span = Span { start: walk.start, end };
                let at = Span { start: walk.start, end: walk.start };
                for &(meaning, phrase) in key {
                    match meaning {
                        Meaning::Prefix if reach.holds(read) => walk.found.push(Found { phrase, span }),
                        Meaning::HeadPrefix => looks.push(Found { phrase, span: at }),
                        Meaning::Prefix | Meaning::Whole | Meaning::Head => {}
                    }
                }
            }
        }
        Some(state)
    }

    /// The state after one byte more.
    fn next(&self, state: State, byte: u8) -> Option<State> {
        let node = self.automaton.as_ref()?.node(state.address);
        let transition = node.transition(node.find_input(byte)?);
        Some(State { address: transition.addr, output: state.output.cat(transition.out) })
    }

    /// What the letters read so far say, if they are a key.
    fn key(&self, node: &Node<'_>, output: Output) -> Option<&[(Meaning, u32)]> {
        if !node.is_final() {
            return None;
        }
        let number = usize::try_from(output.cat(node.final_output()).value()).ok()?;
        self.keys.get(number).map(|key| &**key)
    }
}

/// The automaton of some sorted, different keys; each gives its place.
fn automaton<'t>(keys: impl Iterator<Item = &'t [u8]>) -> Option<Fst<Vec<u8>>> {
    Fst::from_iter_map((0_u64..).zip(keys).map(|(place, key)| (key, place))).ok()
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
    let ways = ways(phrase, phrase.word_count).pop().unwrap_or_default();
    (ways.len() <= WAYS_MAX).then_some((ways, prefix))
}

/// What a phrase that is no literal begins with, and what each beginning means; an empty one may be anything.
fn heads(phrase: &Phrase) -> Vec<(String, Meaning)> {
    // Words that are letters only, from the first.
    let is_letters = |word: &usize| {
        let alone = |part: &&super::pattern::Part| part.words == (*word..*word + 1);
        phrase.parts.iter().find(alone).is_some_and(|part| part.pattern.is_literal())
    };
    let most = HEAD_WORDS_MAX.min(phrase.word_count.saturating_sub(1));
    let head = (0..most).take_while(is_letters).count();
    let ways = ways(phrase, head);
    let mut heads = Vec::new();
    // Every way to write the phrase crosses the end of the head once.
    for part in phrase.parts.iter().filter(|part| part.words.start <= head && part.words.end > head) {
        let stem = part.pattern.stem();
        let meaning = if part.pattern.is_literal() { Meaning::Head } else { Meaning::HeadPrefix };
        for before in ways.get(part.words.start).into_iter().flatten() {
            if stem.is_empty() {
                heads.push((before.clone(), Meaning::Head));
                continue;
            }
            heads.push((follow(before, stem), meaning));
            heads.extend(marked_stem(&part.pattern).map(|stem| (follow(before, &stem), Meaning::Head)));
        }
    }
    heads.sort_unstable();
    heads.dedup();
    heads
}

/// All ways to write the first words of a phrase, for none of them, one, and so on up to a number, as far as they are
/// letters.
fn ways(phrase: &Phrase, words: usize) -> Vec<Vec<String>> {
    let mut ways: Vec<Vec<String>> = vec![vec![String::new()]];
    for end in 1..=words {
        let mut here = Vec::new();
        for part in phrase.parts.iter().filter(|part| part.words.end == end) {
            debug_assert!(part.words.len() <= JOINED_WORDS_MAX, "parts join few words");
            for before in ways.get(part.words.start).into_iter().flatten() {
                here.push(follow(before, &part.pattern.folded));
                here.extend(marked_stem(&part.pattern).map(|stem| follow(before, &stem)));
            }
        }
        ways.push(here);
    }
    ways
}

fn follow(before: &str, next: &str) -> String {
    let space = if before.is_empty() { "" } else { " " };
    format!("{before}{space}{next}")
}
