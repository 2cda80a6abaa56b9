//! Words that go with a topic: a few hundred at most, which nudge what signals found.
//!
//! Owns [`Words`], how they are chosen and what they add up to. Their sum is clamped, so that no heap of words outweighs a
//! signal. Refuses to speak where no signal did.

use std::collections::BTreeMap;

use super::fit::{Column, Descent, sigmoid};
use super::sample::{Part, Sample, Term, each_term, part};
use crate::topic::matcher::ArticleText;
use crate::topic::{Calibration, Field};

/// Most terms kept.
pub const TERMS_MAX: usize = 200;
/// Points by which words may move an article either way, unless told otherwise.
pub const BOUND_DEFAULT: f64 = 10.0;
/// Most points by which words may ever move an article.
pub const BOUND_MAX: f64 = 20.0;
/// Labelled articles a term must be seen in.
const SEEN_MIN: usize = 5;
/// Penalty on the size of a term's log odds: what explains less than one article's surprise is left out.
const SPARSENESS: f64 = 1.0;
/// Points below which a term is not worth a line.
const POINTS_MIN: f64 = 0.1;
/// Terms quoted as evidence.
const QUOTED: usize = 3;

/// Words and pairs of words with their points.
#[derive(Debug, Clone, PartialEq)]
pub struct Words {
    /// They add up to at most so many points, either way.
    pub bound: f64,
    /// Folded terms of headlines.
    pub title: BTreeMap<String, f64>,
    /// Folded terms of summaries and bodies.
    pub text: BTreeMap<String, f64>,
}

/// What words add to an article.
pub(super) struct Found {
    /// Field of the strongest.
    pub(super) field: Field,
    /// The three strongest.
    pub(super) quote: String,
    /// Their sum, within the bound.
    pub(super) points: f64,
}

impl Words {
    /// How many terms there are.
    pub fn len(&self) -> usize {
        self.title.len() + self.text.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All terms, strongest first.
    pub fn strongest(&self) -> Vec<(Part, &str, f64)> {
        let title = self.title.iter().map(|(term, points)| (Part::Title, term.as_str(), *points));
        let text = self.text.iter().map(|(term, points)| (Part::Text, term.as_str(), *points));
        let mut all: Vec<_> = title.chain(text).collect();
        all.sort_by(|left, right| right.2.abs().total_cmp(&left.2.abs()));
        all
    }

    fn of(&self, part: Part) -> &BTreeMap<String, f64> {
        match part {
            Part::Title => &self.title,
            Part::Text => &self.text,
        }
    }

    /// What the terms of an article, each once and in order, add up to.
    pub(super) fn total(&self, terms: &[Term]) -> f64 {
        let sum: f64 = terms.iter().filter_map(|(part, term)| self.of(*part).get(term)).sum();
        sum.clamp(-self.bound, self.bound)
    }

    /// The terms of an article that are known; `None` when they say nothing.
    pub(super) fn found(&self, text: &ArticleText<'_>) -> Option<Found> {
        let mut known: BTreeMap<(Part, &str), (Field, f64)> = BTreeMap::new();
        each_term(text, |field, term| {
            let part = part(field);
            if let Some((term, points)) = self.of(part).get_key_value(term) {
                known.entry((part, term)).or_insert((field, *points));
            }
        });
        let sum: f64 = known.values().map(|(_, points)| points).sum();
        let points = sum.clamp(-self.bound, self.bound);
        let mut ranked: Vec<(&str, Field, f64)> =
            known.into_iter().map(|((_, term), (field, points))| (term, field, points)).collect();
        // Stable over terms in order, so that equal ones are always quoted alike.
        ranked.sort_by(|left, right| right.2.abs().total_cmp(&left.2.abs()));
        let (_, field, _) = *ranked.first()?;
        let quoted: Vec<&str> = ranked.iter().take(QUOTED).map(|(term, ..)| *term).collect();
        (points.abs() >= POINTS_MIN).then(|| Found { field, quote: quoted.join(", "), points })
    }
}

/// Chooses and weighs the words that explain what the signals' points do not.
///
/// Candidates are terms seen often enough, of which those with the largest score statistic
/// `|Σ (y − p)| / √Σ p(1 − p)` are kept; their log odds minimise
/// `Σ log loss + SPARSENESS · Σ |g| + penalty/2 · Σ g²` (elastic net, Zou and Hastie 2005) over the samples that have words.
/// Divided by the slope they are points.
pub(super) fn choose(
    samples: &[&Sample],
    points: &[f64],
    calibration: Calibration,
    penalty: f64,
    bound: f64,
) -> Words {
    let told: Vec<(&Sample, f64)> = samples
        .iter()
        .zip(points)
        .filter(|(sample, _)| !sample.terms.is_empty())
        .map(|(sample, points)| (*sample, calibration.slope * (points - calibration.midpoint)))
        .collect();
    let candidates = candidates(&told);
    let truths = told.iter().map(|(sample, _)| sample.is_positive);
    let mut descent = Descent::new(told.iter().map(|(_, log_odds)| *log_odds).collect(), truths);
    let mut sizes = vec![0.0_f64; candidates.len()];
    descent.settle(|descent| {
        let mut change: f64 = 0.0;
        for ((_, column), size) in candidates.iter().zip(&mut sizes) {
            let (gradient, curvature) = descent.along(column);
            let curvature = curvature + penalty;
            let wanted = *size - (gradient + penalty * *size) / curvature;
            let next = wanted.signum() * (wanted.abs() - SPARSENESS / curvature).max(0.0);
            descent.step(column, next - *size);
            change = change.max((next - *size).abs());
            *size = next;
        }
        change
    });
    let mut words = Words { bound, title: BTreeMap::new(), text: BTreeMap::new() };
    for (((part, term), _), size) in candidates.into_iter().zip(sizes) {
        let points = super::lesson::rounded(size / calibration.slope);
        if points.abs() >= POINTS_MIN {
            let terms = if part == Part::Title { &mut words.title } else { &mut words.text };
            terms.insert(term, points.clamp(-bound, bound));
        }
    }
    words
}

/// Terms worth a try, with the samples that hold them.
fn candidates(told: &[(&Sample, f64)]) -> Vec<(Term, Column)> {
    let mut holders: BTreeMap<&Term, Vec<usize>> = BTreeMap::new();
    for (row, (sample, _)) in told.iter().enumerate() {
        for term in &sample.terms {
            holders.entry(term).or_default().push(row);
        }
    }
    holders.retain(|_, rows| rows.len() >= SEEN_MIN);
    let statistic = |rows: &[usize]| {
        let (mut surprise, mut spread) = (0.0, 0.1);
        for (sample, log_odds) in rows.iter().filter_map(|row| told.get(*row)) {
            let probability = sigmoid(*log_odds);
            surprise += if sample.is_positive { 1.0 - probability } else { -probability };
            spread += probability * (1.0 - probability);
        }
        surprise.abs() / f64::sqrt(spread)
    };
    let mut ranked: Vec<(f64, &Term, Vec<usize>)> =
        holders.into_iter().map(|(term, rows)| (statistic(&rows), term, rows)).collect();
    // Stable over terms in order, so that equal ones are always cut alike.
    ranked.sort_by(|left, right| right.0.total_cmp(&left.0));
    ranked.truncate(TERMS_MAX);
    let column = |rows: Vec<usize>| rows.into_iter().map(|row| (row, 1.0)).collect();
    ranked.into_iter().map(|(_, term, rows)| (term.clone(), column(rows))).collect()
}
