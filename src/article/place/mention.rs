//! Mentions: the names of places in an article, each with its meanings and how it stands there.
//!
//! Owns [`Mention`] and the walk over the texts. Refuses to judge one name (`wording`) and to compare mentions (`place`).

use super::cue::{Cue, cue};
use super::gazetteer::{Candidate, Found, longest};
use super::wording::{Capitals, Case, Text};
use crate::article::words::Words;

/// Words looked at; a longer text says where it plays before.
const WORDS_MAX: usize = 5_000;

/// Names kept of an article; they are compared with each other.
const NAMES_MAX: usize = 300;

/// Words at the start of a text that tell a match from a war.
const SUBJECT_WORDS_MAX: usize = 150;

/// The headline among the texts.
pub(super) const TITLE: usize = 0;

/// A name that was found, with its meanings that may count.
pub(super) struct Mention {
    /// Which text: headline, summary, body.
    pub(super) field: usize,
    /// How many words stand before it.
    pub(super) position: usize,
    pub(super) found: Found,
    pub(super) candidates: Vec<Candidate>,
    pub(super) standing: Standing,
    pub(super) role: Role,
}

impl Mention {
    /// Whether it names several countries and means nothing else.
    pub(super) fn is_shared(&self) -> bool {
        let first = self.candidates.first().map(|first| first.country);
        self.candidates.iter().all(|other| !other.is_ambiguous)
            && self.candidates.iter().any(|other| Some(other.country) != first)
    }

    /// Whether no other meaning has more people; of countries and crossings nobody counts them.
    pub(super) fn is_largest(&self, candidate: &Candidate) -> bool {
        candidate.population == 0
            || self.candidates.iter().all(|other| other.population <= candidate.population)
    }
}

/// Whether a name that may mean something else stands as places do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Place,
    /// Beside a word with a capital where all words have one, or behind one.
    Open,
    /// It is part of a person's name.
    Person,
}

/// What a place does in its sentence.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Things happen there.
    Site,
    /// Nothing says.
    Party,
    /// It does something elsewhere, or somebody from there does.
    Actor,
    /// It speaks, people meet there, or the report was sent from there.
    Aside,
    /// Where somebody or something comes from.
    Origin,
}

/// What was read.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) mentions: Vec<Mention>,
    /// Names that were part of a person's name or of a phrase without a place.
    pub(super) spent: Vec<Found>,
    /// Whether the text is a picture's: what it shows was photographed somewhere, often elsewhere.
    pub(super) is_caption: bool,
    sport: usize,
    harm: usize,
    /// Words of local affairs in the United States.
    pub(super) county: usize,
}

impl Reading {
    /// Whether it is about sport, in which towns are clubs.
    pub(super) fn is_sport(&self) -> bool {
        self.sport >= 3 && self.harm * 2 < self.sport
    }

    /// Reads a text of an article in a language.
    pub(super) fn read(&mut self, field: usize, text: &str, language: &str) {
        if text.is_empty() {
            return;
        }
        let words = Words::split(text);
        self.is_caption |= field != TITLE && is_caption(text);
        let text = Text { field, text, capitals: Capitals::of(text, &words), words, language };
        let mut index = 0;
        while index < text.words.len().min(WORDS_MAX) && self.mentions.len() < NAMES_MAX {
            if index < SUBJECT_WORDS_MAX {
                self.take_subject(text.words.folded(index));
            }
            // In English no name and no people begins with a small letter.
            let is_skipped = matches!(language, "en" | "und") && text.case(index) == Case::Small;
            let Some(found) = (if is_skipped { None } else { text.find(index) }) else {
                index += 1;
                continue;
            };
            if found.is_decoy() {
                self.spend(&text, index, found);
            } else if let Some(mention) = text.mention(index, found) {
                if mention.standing == Standing::Person {
                    self.spent.push(found);
                }
                self.mentions.push(mention);
            }
            index += found.word_count;
        }
    }

    fn take_subject(&mut self, folded: &str) {
        match cue(folded) {
            Some(Cue::Sport) => self.sport += 2,
            Some(Cue::Game) => self.sport += 1,
            Some(Cue::Harm | Cue::Strikes) => self.harm += 1,
            Some(Cue::County) => self.county += 1,
            _ => {}
        }
    }

    /// A phrase such as `Michael Jordan` says that a later `Jordan` is no country, either.
    fn spend(&mut self, text: &Text<'_>, index: usize, found: Found) {
        if self.spent.len() >= NAMES_MAX {
            return;
        }
        let last = index + found.word_count - 1;
        if found.word_count > 1
            && let Some(name) = longest(std::iter::once(text.words.folded(last)))
            && text.case(last) == Case::Capital
        {
            self.spent.push(name);
        }
    }
}

/// Whether a short text names the agency of a picture.
fn is_caption(text: &str) -> bool {
    const AGENCIES: [&str; 9] = [
        "Getty Images)",
        "AP Photo)",
        "AP Photo/",
        "/AP)",
        "/Reuters)",
        "PA Media)",
        "AAP Image/",
        "Canadian Press)",
        "/AFP",
    ];
    text.len() < 600 && AGENCIES.iter().any(|agency| text.contains(agency))
}
