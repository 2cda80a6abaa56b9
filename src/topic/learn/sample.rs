//! A labelled article as learning sees it: points per signal, words, time, and what a person says.
//!
//! Owns [`Sample`] and which words count as terms. Refuses to know where labels come from.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::topic::matcher::ArticleText;
use crate::topic::weigh::GENRE_PREFIX;
use crate::topic::{Evidence, Field, Score, TopicSource};

/// Most letters of a word that may be learned; longer ones are addresses and accidents.
const WORD_CHARS_MAX: usize = 30;

/// Where a term stands. A headline says more than what is under it, so its words are counted by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// In the headline.
    Title,
    /// In the summary or the body.
    Text,
}

/// A word, or two in a row, folded.
pub(super) type Term = (Part, String);

/// A labelled article. Arguable ones teach nothing and are not made into samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// When it was published: learning never looks ahead of what it is tested on.
    pub at: Timestamp,
    /// Whether an alert is right.
    pub is_positive: bool,
    /// Points of each signal that fired, by its place in the topic's file, weighed as the file says.
    pub(super) points: Vec<(usize, f64)>,
    /// Points that belong to no signal's weight, such as those of closeness.
    pub(super) rest: f64,
    /// Its words and pairs of words, sorted; none unless asked for, and none where no signal fired, as words nudge only.
    pub(super) terms: Vec<Term>,
}

impl Sample {
    /// From a score by a topic without anything learned.
    pub fn new(source: &TopicSource, score: &Score, at: Timestamp, is_positive: bool) -> Self {
        let mut points = Vec::with_capacity(score.evidence.len());
        for (place, signal) in source.signals.iter().enumerate() {
            points.extend(
                score.evidence.iter().filter(|one| one.signal == signal.name).map(|one| (place, one.points)),
            );
        }
        // A kind of text takes its share of all that speaks for the topic, whatever the weights.
        let is_known = |one: &Evidence| source.signals.iter().any(|signal| signal.name == one.signal);
        let (discounts, others): (Vec<&Evidence>, Vec<&Evidence>) = score
            .evidence
            .iter()
            .filter(|one| !is_known(one))
            .partition(|one| one.signal.starts_with(GENRE_PREFIX));
        let mut rest: Vec<f64> = others.iter().map(|one| one.points).collect();
        let discount: f64 = discounts.iter().map(|one| one.points).sum();
        let all = points.iter_mut().map(|(_, points)| points).chain(&mut rest);
        let speaking: Vec<&mut f64> = all.filter(|points| **points > 0.0).collect();
        let positive: f64 = speaking.iter().map(|points| **points).sum();
        for points in speaking {
            *points *= 1.0 + discount / positive;
        }
        let rest = rest.iter().sum();
        Self { at, is_positive, points, rest, terms: Vec::new() }
    }

    /// The same, with the article's words if a signal fired.
    #[must_use]
    pub fn with_terms(self, text: &ArticleText<'_>) -> Self {
        if self.points.is_empty() { self } else { Self { terms: terms(text), ..self } }
    }

    /// Its points when each signal's weight is multiplied by its ratio.
    pub(super) fn total(&self, ratios: &[f64]) -> f64 {
        let ratio = |place: usize| ratios.get(place).copied().unwrap_or(1.0);
        self.rest + self.points.iter().map(|(place, points)| ratio(*place) * points).sum::<f64>()
    }
}

/// Every word and every pair of neighbours of a text once, sorted.
fn terms(text: &ArticleText<'_>) -> Vec<Term> {
    let mut found = BTreeSet::new();
    each_term(text, |field, term| {
        found.insert((part(field), term.to_owned()));
    });
    found.into_iter().collect()
}

/// How the words of a field are counted.
pub(super) fn part(field: Field) -> Part {
    if field == Field::Title { Part::Title } else { Part::Text }
}

/// Visits every word and every pair of neighbours in a sentence. Numbers are left out: they name days and tolls.
pub(super) fn each_term(text: &ArticleText<'_>, mut visit: impl FnMut(Field, &str)) {
    let mut pair = String::new();
    for field in [Field::Title, Field::Summary, Field::Body] {
        let positions = text.positions(field);
        for position in positions.clone() {
            let word = text.folded(position);
            if !may_be_learned(word) {
                continue;
            }
            visit(field, word);
            let next = position + 1;
            let sentence = |position: usize| text.word(position).map(|word| word.sentence);
            let is_neighbour = positions.contains(&next) && sentence(position) == sentence(next);
            if is_neighbour && may_be_learned(text.folded(next)) {
                pair.clear();
                pair.extend([word, " ", text.folded(next)]);
                visit(field, &pair);
            }
        }
    }
}

fn may_be_learned(word: &str) -> bool {
    word.chars().any(char::is_alphabetic) && word.chars().nth(WORD_CHARS_MAX).is_none()
}
