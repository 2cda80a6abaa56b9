//! Places: which countries a text is about.
//!
//! Owns [`places`]: names are looked up in the [`gazetteer`], the longest at each word, judged by their spelling and by each
//! other, and weighed by where they stand. Each rule stands at the function that applies it. Refuses
//! coordinates and towns: a place is a country (ISO 3166-1 alpha-2).

pub mod gazetteer;

use std::collections::{BTreeMap, BTreeSet};

use self::gazetteer::{Candidate, Found, Kind, longest};
use super::words::{Words, arabic_stems};

/// Countries kept of one text.
pub const PLACES_MAX: usize = 5;

/// Words looked at; a longer text says where it plays before.
const WORDS_MAX: usize = 5_000;

/// Words of the longest name looked for.
const NAME_WORDS_MAX: usize = 10;

/// What a mention is worth by the text it stands in: headline, summary, body.
const FIELD_WEIGHTS: [f64; 3] = [4.0, 2.0, 1.0];

/// Mentions of one country that add up in one text; more would only show that it is long.
const MENTIONS_MAX: usize = 3;

/// A city with less than this share of the people of the largest of its name is not meant.
const SHARE_MIN: u32 = 3;

/// A name that was found, with its meanings that may count.
struct Mention {
    field: usize,
    /// Whether a word before it in the same sentence begins with a capital.
    follows_capital: bool,
    /// Whether it stands for a government: a capital that says something.
    speaks: bool,
    candidates: Vec<Candidate>,
}

/// The countries that an article is about, most mentioned first; empty when none is found. `language` is the article's
/// (ISO 639-1).
pub fn places(title: &str, summary: &str, body: &str, language: &str) -> Vec<&'static str> {
    let mut mentions = Vec::new();
    for (field, text) in [title, summary, body].into_iter().enumerate() {
        collect(field, text, language, &mut mentions);
    }
    weigh(&mentions)
}

fn collect(field: usize, text: &str, language: &str, mentions: &mut Vec<Mention>) {
    let words = Words::split(text);
    let is_capitalised = |index: usize| {
        let word = words.get(index).and_then(|word| text.get(word.start..word.end));
        word.and_then(|word| word.chars().next()).is_some_and(char::is_uppercase)
    };
    let mut index = 0;
    while index < words.len().min(WORDS_MAX) {
        let Some(found) = find(&words, index, language) else {
            index += 1;
            continue;
        };
        let spelling = spelling(&words, text, index, found.word_count);
        let candidates: Vec<Candidate> =
            found.candidates().filter(|candidate| counts(candidate, spelling, language)).collect();
        let is_same_sentence = |other: usize| {
            words.get(other).map(|word| word.sentence) == words.get(index).map(|word| word.sentence)
        };
        if !candidates.is_empty() {
            let next = index + found.word_count;
            mentions.push(Mention {
                field,
                follows_capital: index > 0 && is_same_sentence(index - 1) && is_capitalised(index - 1),
                speaks: is_same_sentence(next) && SAYS.contains(&words.folded(next)),
                candidates: closest(candidates),
            });
        }
        index += found.word_count;
    }
}

/// Verbs after a capital that stands for a government.
const SAYS: [&str; 24] = [
    "says",
    "said",
    "warns",
    "warned",
    "accuses",
    "accused",
    "denies",
    "denied",
    "urges",
    "urged",
    "calls",
    "called",
    "condemns",
    "condemned",
    "vows",
    "vowed",
    "rejects",
    "rejected",
    "wants",
    "demands",
    "demanded",
    "insists",
    "claims",
    "claimed",
];

/// The longest name at a word, within its sentence; in Arabic also behind an article or preposition that is written
/// together with it.
fn find(words: &Words, index: usize, language: &str) -> Option<Found> {
    let sentence = words.get(index)?.sentence;
    let last = (index..words.len().min(index + NAME_WORDS_MAX))
        .take_while(|other| words.get(*other).is_some_and(|word| word.sentence == sentence))
        .last()?;
    let rest = || (index + 1..=last).map(|other| words.folded(other));
    let first = words.folded(index);
    let found = longest(std::iter::once(first).chain(rest()));
    if found.is_some() || !matches!(language, "ar" | "fa" | "ur" | "ps" | "ckb") {
        return found;
    }
    arabic_stems(first).iter().find_map(|stem| longest(std::iter::once(stem.as_str()).chain(rest())))
}

/// How a name is written.
#[derive(Clone, Copy)]
struct Spelling {
    /// Whether its script knows capitals.
    is_cased: bool,
    begins_with_capital: bool,
    is_capitals: bool,
}

fn spelling(words: &Words, text: &str, index: usize, word_count: usize) -> Spelling {
    let (start, end) = match (words.get(index), words.get(index + word_count - 1)) {
        (Some(first), Some(last)) => (first.start, last.end),
        _ => (0, 0),
    };
    let name = text.get(start..end).unwrap_or_default();
    let first = name.chars().find(|letter| letter.is_alphabetic());
    Spelling {
        is_cased: first.is_some_and(|letter| letter.is_uppercase() || letter.is_lowercase()),
        begins_with_capital: first.is_some_and(char::is_uppercase),
        is_capitals: !name.chars().any(char::is_lowercase),
    }
}

/// Whether a meaning counts for a name as it is written, in a text of this language.
fn counts(candidate: &Candidate, spelling: Spelling, language: &str) -> bool {
    let is_of_language = candidate.language.is_none_or(|only| only == language);
    let is_written = !spelling.is_cased
        || candidate.kind == Kind::Demonym
        || if candidate.is_capitals { spelling.is_capitals } else { spelling.begins_with_capital };
    is_of_language && is_written
}

/// Of several meanings the likelier ones: those that are no common word, countries before capitals before the rest, the
/// larger ones.
fn closest(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    if candidates.iter().any(|candidate| !candidate.is_ambiguous) {
        candidates.retain(|candidate| !candidate.is_ambiguous);
    }
    let rank = |kind: Kind| match kind {
        Kind::Name | Kind::Demonym => 0,
        Kind::Capital => 1,
        Kind::Region | Kind::City => 2,
    };
    let best = candidates.iter().map(|candidate| rank(candidate.kind)).min().unwrap_or(0);
    candidates.retain(|candidate| rank(candidate.kind) == best);
    let most = candidates.iter().map(|candidate| candidate.population).max().unwrap_or(0);
    candidates.retain(|candidate| candidate.population >= most / SHARE_MIN);
    candidates
}

fn weigh(mentions: &[Mention]) -> Vec<&'static str> {
    // What needs no second cue; it may be one.
    let is_plain = |mention: &Mention, candidate: &Candidate| {
        !candidate.is_ambiguous || candidate.kind == Kind::Name && !mention.follows_capital
    };
    let mut named: BTreeSet<&'static str> = BTreeSet::new();
    for mention in mentions {
        named.extend(
            mention.candidates.iter().filter(|other| is_plain(mention, other)).map(|other| other.country),
        );
    }
    let mut tally: BTreeMap<&'static str, Tally> = BTreeMap::new();
    for (index, mention) in mentions.iter().enumerate() {
        for candidate in &mention.candidates {
            if is_plain(mention, candidate) || named.contains(candidate.country) {
                let tally =
                    tally.entry(candidate.country).or_insert(Tally { first: index, ..Tally::default() });
                tally.add(mention, candidate.kind);
            }
        }
    }
    let mut ranked: Vec<(&'static str, Tally)> = tally.into_iter().collect();
    ranked
        .sort_by(|one, other| other.1.points.total_cmp(&one.1.points).then(one.1.first.cmp(&other.1.first)));
    ranked.into_iter().map(|(country, _)| country).take(PLACES_MAX).collect()
}

/// What speaks for a country.
#[derive(Default)]
struct Tally {
    points: f64,
    /// Mentions by text: headline, summary, body.
    counts: [usize; 3],
    /// The first mention.
    first: usize,
}

impl Tally {
    fn add(&mut self, mention: &Mention, kind: Kind) {
        let (Some(count), Some(weight)) =
            (self.counts.get_mut(mention.field), FIELD_WEIGHTS.get(mention.field))
        else {
            return;
        };
        *count += 1;
        if *count <= MENTIONS_MAX {
            let share = match kind {
                Kind::Capital if mention.speaks => 0.25,
                Kind::Demonym => 0.6,
                Kind::Capital | Kind::Name => 0.9,
                Kind::Region | Kind::City => 1.0,
            };
            self.points += weight * share;
        }
    }
}
