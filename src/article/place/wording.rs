//! Wording: how a name stands in its text.
//!
//! Owns what capitals, neighbours and punctuation say of one name. Refuses to look at other names.

use super::cue::{Cue, cue};
use super::gazetteer::{Candidate, Found, Kind, longest};
use super::mention::{Mention, Role, Standing, TITLE};
use crate::article::words::{Gap, Words, arabic_stems};

/// Words of the longest name looked for.
const NAME_WORDS_MAX: usize = 10;

/// A city with less than this share of the people of the largest of its name is not meant.
const SHARE_MIN: u32 = 3;

/// Words back from a name to what people do there.
const MEETING_WORDS_MAX: usize = 4;

/// How a word begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Capital,
    Small,
    /// A digit, or a letter of a script without capitals.
    None,
}

/// What capitals say in a text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Capitals {
    /// They mark names.
    Names,
    /// Every word has one, as in American headlines.
    Words,
    /// Every letter is one.
    Letters,
}

impl Capitals {
    pub(super) fn of(text: &str, words: &Words) -> Self {
        let (mut small, mut capital, mut shouted) = (0, 0, 0);
        for word in words.iter().take(60).skip(1) {
            let written = text.get(word.start..word.end).unwrap_or_default();
            match written.chars().next() {
                Some(first) if written.len() > 3 && first.is_lowercase() => small += 1,
                Some(first) if written.len() > 3 && first.is_uppercase() => {
                    capital += 1;
                    shouted += usize::from(!written.chars().any(char::is_lowercase));
                }
                _ => {}
            }
        }
        match capital {
            2.. if small == 0 && shouted == capital => Self::Letters,
            3.. if capital > 4 * small => Self::Words,
            _ => Self::Names,
        }
    }
}

/// One text, cut into words.
pub(super) struct Text<'a> {
    pub(super) field: usize,
    pub(super) text: &'a str,
    pub(super) words: Words,
    pub(super) language: &'a str,
    pub(super) capitals: Capitals,
}

impl Text<'_> {
    pub(super) fn case(&self, index: usize) -> Case {
        let start = self.words.get(index).and_then(|word| self.text.get(word.start..));
        match start.and_then(|rest| rest.chars().next()) {
            Some(first) if first.is_uppercase() => Case::Capital,
            Some(first) if first.is_lowercase() => Case::Small,
            _ => Case::None,
        }
    }

    fn is_same_sentence(&self, one: usize, other: usize) -> bool {
        let sentence = |index: usize| self.words.get(index).map(|word| word.sentence);
        sentence(other).is_some() && sentence(one) == sentence(other)
    }

    /// Whether a word follows the one before it with nothing but a space between.
    fn is_joined(&self, index: usize) -> bool {
        self.words.get(index).is_some_and(|word| word.gap == Gap::Space)
    }

    /// The cue a word of the same sentence is.
    fn cue_beside(&self, index: usize, other: usize) -> Option<Cue> {
        if self.is_same_sentence(index, other) { cue(self.words.folded(other)) } else { None }
    }

    /// The longest name at a word, within its sentence; in Arabic also behind an article or preposition that is written
    /// together with it.
    pub(super) fn find(&self, index: usize) -> Option<Found> {
        let sentence = self.words.get(index)?.sentence;
        let rest = || {
            (index + 1..index + NAME_WORDS_MAX)
                .take_while(|other| self.words.get(*other).is_some_and(|word| word.sentence == sentence))
                .map(|other| self.words.folded(other))
        };
        let first = self.words.folded(index);
        let found = longest(std::iter::once(first).chain(rest()));
        if found.is_some() || !matches!(self.language, "ar" | "fa" | "ur" | "ps" | "ckb") {
            return found;
        }
        arabic_stems(first).iter().find_map(|stem| longest(std::iter::once(stem.as_str()).chain(rest())))
    }

    pub(super) fn mention(&self, index: usize, found: Found) -> Option<Mention> {
        let spelling = self.spelling(index, found.word_count);
        let candidates: Vec<Candidate> =
            found.candidates().filter(|candidate| self.counts(candidate, spelling)).collect();
        if candidates.is_empty() || self.is_tail(index) {
            return None;
        }
        let mut candidates = likelier(candidates);
        let is_people = candidates.iter().all(|candidate| candidate.kind == Kind::Demonym);
        let role = self.role(index, found.word_count, is_people);
        let is_name = candidates.iter().any(|candidate| candidate.kind != Kind::Institution);
        let standing = if is_name { self.standing(index, found.word_count) } else { Standing::Place };
        if standing == Standing::Place && self.is_entered(index) {
            trust(&mut candidates);
        }
        Some(Mention { field: self.field, position: index, found, candidates, standing, role })
    }

    /// Whether a meaning counts for a name as it is written, in a text of this language.
    fn counts(&self, candidate: &Candidate, spelling: Spelling) -> bool {
        let is_of_language = candidate
            .language
            .is_none_or(|only| only == self.language || only == "en" && self.language == "und");
        let is_written = !spelling.is_cased
            || if candidate.is_capitals {
                spelling.is_capitals && self.capitals != Capitals::Letters
            } else {
                candidate.kind == Kind::Demonym || spelling.begins_with_capital
            };
        is_of_language && is_written
    }

    fn spelling(&self, index: usize, word_count: usize) -> Spelling {
        let (start, end) = match (self.words.get(index), self.words.get(index + word_count - 1)) {
            (Some(first), Some(last)) => (first.start, last.end),
            _ => (0, 0),
        };
        let name = self.text.get(start..end).unwrap_or_default();
        let first = name.chars().find(|letter| letter.is_alphabetic());
        Spelling {
            is_cased: first.is_some_and(|letter| letter.is_uppercase() || letter.is_lowercase()),
            begins_with_capital: first.is_some_and(char::is_uppercase),
            is_capitals: !name.chars().any(char::is_lowercase),
        }
    }

    /// Given names and surnames stand beside another word with a capital that is no place.
    fn standing(&self, index: usize, word_count: usize) -> Standing {
        let next = index + word_count;
        let is_named_on = word_count == 1
            && self.is_same_sentence(index, next)
            && self.is_joined(next)
            && self.case(next) == Case::Capital
            && !self.is_possessive(index)
            && self.find(next).is_none_or(Found::is_decoy);
        let is_named_before = index > 0
            && self.is_same_sentence(index, index - 1)
            && self.is_joined(index)
            && self.case(index - 1) == Case::Capital
            && !self.is_possessive(index - 1)
            && !(self.opens_sentence(index - 1) && cue(self.words.folded(index - 1)).is_some());
        if word_count == 1 && self.is_quoted(index) {
            return Standing::Person;
        }
        let is_headline_word = cue(self.words.folded(next)).is_some();
        match (self.capitals, is_named_on) {
            (Capitals::Names, true) if !is_headline_word => Standing::Person,
            (Capitals::Words | Capitals::Letters, true) if !is_headline_word => Standing::Open,
            (Capitals::Names, _) if is_named_before => Standing::Open,
            _ => Standing::Place,
        }
    }

    /// Whether a name is the end of a longer one that is not known, such as `Baie-Saint-Paul`.
    fn is_tail(&self, index: usize) -> bool {
        let is_hyphened = self.words.get(index).is_some_and(|word| word.gap == Gap::Hyphen);
        is_hyphened && index > 0 && self.case(index - 1) == Case::Capital && self.find(index - 1).is_none()
    }

    /// Whether a name stands behind a word that a common word with a capital hardly stands behind.
    fn is_entered(&self, index: usize) -> bool {
        index > 0
            && self.capitals == Capitals::Names
            && self.is_joined(index)
            && self.is_same_sentence(index, index - 1)
            && matches!(self.words.folded(index - 1), "in" | "near" | "across" | "inside" | "outside")
    }

    fn opens_sentence(&self, index: usize) -> bool {
        index == 0 || !self.is_same_sentence(index - 1, index)
    }

    fn is_possessive(&self, index: usize) -> bool {
        let rest = self.words.get(index).and_then(|word| self.text.get(word.end..));
        rest.is_some_and(|rest| rest.starts_with(['\'', '\u{2019}']))
    }

    /// Whether a word stands alone between quotation marks: it is a word that is spoken of.
    fn is_quoted(&self, index: usize) -> bool {
        let Some(word) = self.words.get(index) else { return false };
        let before = self.text.get(..word.start).and_then(|text| text.chars().next_back());
        let after = self.text.get(word.end..).and_then(|text| text.chars().next());
        let is_mark = |letter: Option<char>| {
            letter.is_some_and(|letter| "'\"\u{2018}\u{2019}\u{201c}\u{201d}".contains(letter))
        };
        is_mark(before) && is_mark(after)
    }

    fn role(&self, index: usize, word_count: usize, is_people: bool) -> Role {
        let next = index + word_count;
        if is_people {
            let is_trade = self.cue_beside(index, next) == Some(Cue::Trade);
            return if is_trade { Role::Origin } else { Role::Party };
        }
        match self.cue_beside(index, next) {
            Some(Cue::Says) => return Role::Aside,
            Some(Cue::Person | Cue::Strikes) if !self.is_possessive(next - 1) => return Role::Actor,
            _ if self.is_dateline(index, next) => return Role::Aside,
            _ => {}
        }
        let is_there = index > 0 && self.cue_beside(index, index - 1) == Some(Cue::Locative);
        let back = index.saturating_sub(MEETING_WORDS_MAX)..index;
        if is_there && back.into_iter().any(|other| self.cue_beside(index, other) == Some(Cue::Meeting)) {
            return Role::Aside;
        }
        // `Washington-based`: where a firm or a reporter sits.
        let is_seat = self.is_same_sentence(index, next)
            && self.words.get(next).is_some_and(|word| word.gap == Gap::Hyphen)
            && matches!(self.words.folded(next), "based" | "born" | "listed" | "owned" | "trained");
        match (is_seat, is_there) {
            (true, _) => Role::Origin,
            (_, true) => Role::Site,
            _ => Role::Party,
        }
    }

    /// `BEIRUT (Agency) - …`: where the report was written.
    fn is_dateline(&self, index: usize, next: usize) -> bool {
        let end = self.words.get(next.saturating_sub(1)).map_or(0, |word| word.end);
        let rest = self.text.get(end..).unwrap_or_default().trim_start();
        index == 0
            && self.field != TITLE
            && (rest.starts_with('(') || rest.starts_with(['\u{2013}', '\u{2014}']))
    }
}

/// How a name is written.
#[derive(Clone, Copy)]
struct Spelling {
    /// Whether its script knows capitals.
    is_cased: bool,
    begins_with_capital: bool,
    is_capitals: bool,
}

/// `in Austin` is a place, and the only one of its name known.
fn trust(candidates: &mut [Candidate]) {
    let first = candidates.first().map(|first| first.country);
    let is_town = |kind: Kind| matches!(kind, Kind::Capital | Kind::Region | Kind::City);
    if candidates.iter().all(|other| is_town(other.kind) && Some(other.country) == first) {
        for candidate in candidates {
            candidate.is_ambiguous = false;
        }
    }
}

/// Of several meanings the likelier ones. Those that are no common word stand before all others; of them countries before
/// capitals before the rest, and the larger ones. Where each may be a common word, the rest of the text decides.
fn likelier(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    if candidates.iter().all(|candidate| candidate.is_ambiguous) {
        return candidates;
    }
    candidates.retain(|candidate| !candidate.is_ambiguous);
    let rank = |kind: Kind| match kind {
        Kind::Name | Kind::Demonym => 0,
        Kind::Capital => 1,
        Kind::Region | Kind::City | Kind::Institution => 2,
    };
    let best = candidates.iter().map(|candidate| rank(candidate.kind)).min().unwrap_or(0);
    candidates.retain(|candidate| rank(candidate.kind) == best);
    let most = candidates.iter().map(|candidate| candidate.population).max().unwrap_or(0);
    candidates.retain(|candidate| candidate.population >= most / SHARE_MIN);
    candidates
}
