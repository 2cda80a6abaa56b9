//! Evaluation: how well a topic's scores agree with what people say.
//!
//! Owns [`Grade`], [`Judged`], [`Report`] and the formulas behind it: precision, recall, F1, average precision, Brier score,
//! log loss, expected calibration error and the table of thresholds. Refuses to score articles and to read labels.

use serde::Serialize;

/// Bins of the reliability picture, of equal width.
pub const BINS: usize = 10;

/// Scores the table of thresholds names, besides the topic's own.
const TABLE: [f64; 9] = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99];

/// Least probability a log loss is charged for. Of labels about one in a hundred is wrong itself, so being sure and wrong costs
/// much, and not everything.
const PROBABILITY_MIN: f64 = 0.01;

/// What a person says of an article and a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// It is not there: an alert is wrong.
    No,
    /// It can be argued: left out of precision and recall.
    Arguable,
    /// An alert is right.
    Yes,
}

impl Grade {
    /// From the number labels are written with: 0, 1 or 2.
    pub fn from_number(number: i64) -> Option<Self> {
        match number {
            0 => Some(Self::No),
            1 => Some(Self::Arguable),
            2 => Some(Self::Yes),
            _ => None,
        }
    }

    /// The number labels are written with.
    pub fn number(self) -> u8 {
        match self {
            Self::No => 0,
            Self::Arguable => 1,
            Self::Yes => 2,
        }
    }
}

/// A score beside what a person says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged {
    /// The score, 0 to 1.
    pub probability: f64,
    /// Whether it reached the topic's threshold.
    pub trips: bool,
    /// What a person says.
    pub grade: Grade,
    /// How many articles of a stream it stands for, above 0; 1 where nothing was sampled.
    pub weight: f64,
}

/// How right the articles are that trip.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rates {
    /// Share of what trips that is right, 0 to 1; 0 when nothing trips.
    pub precision: f64,
    /// Share of what is right that trips, 0 to 1; 0 when nothing is right.
    pub recall: f64,
    /// Harmonic mean of both.
    pub f1: f64,
}

impl Rates {
    /// Of the articles for which `trips` holds; arguable ones are left out.
    pub fn of(judged: &[Judged], trips: impl Fn(&Judged) -> bool) -> Self {
        let sum = |grade: Grade, wanted: bool| -> f64 {
            let found = judged.iter().filter(|one| one.grade == grade && trips(one) == wanted);
            found.map(|one| one.weight).sum()
        };
        let right = sum(Grade::Yes, true);
        let precision = share(right, right + sum(Grade::No, true));
        let recall = share(right, right + sum(Grade::Yes, false));
        Self { precision, recall, f1: share(2.0 * precision * recall, precision + recall) }
    }
}

/// A part of a whole; 0 of nothing.
fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// The articles of one tenth of the scores.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bin {
    /// Lowest score, included.
    pub from: f64,
    /// Highest score, excluded but for 1.
    pub until: f64,
    /// How many articles.
    pub count: usize,
    /// Their mean score.
    pub mean_score: f64,
    /// Share of them that is right.
    pub share_right: f64,
}

/// What a threshold would come to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ThresholdLine {
    /// The threshold, 0 to 1.
    pub threshold: f64,
    /// How right what trips would be.
    #[serde(flatten)]
    pub rates: Rates,
}

/// How well scores agree with labels. Arguable articles are counted and otherwise left out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Articles that count.
    pub items: usize,
    /// Those of them for which an alert is right.
    pub positives: usize,
    /// Arguable ones, left out.
    pub arguable: usize,
    /// At the topic's threshold.
    #[serde(flatten)]
    pub rates: Rates,
    /// Precision averaged over the recalls at which it is reached: `Σ (Rₙ − Rₙ₋₁) · Pₙ`, equal scores taken together.
    pub average_precision: f64,
    /// Mean squared difference of score and truth (Brier 1950); 0 is best.
    pub brier: f64,
    /// Mean of `−ln` of the probability given to what is true, in nats; 0 is best.
    pub log_loss: f64,
    /// Expected calibration error: over ten bins, how far mean score and share right are apart, weighed by size.
    pub ece: f64,
    /// The reliability picture.
    pub bins: Vec<Bin>,
    /// What other thresholds would come to, lowest first; the topic's own is among them.
    pub thresholds: Vec<ThresholdLine>,
}

impl Report {
    /// Of all articles labelled for a topic with this threshold.
    pub fn of(judged: &[Judged], threshold: f64) -> Self {
        let counted: Vec<Judged> =
            judged.iter().copied().filter(|one| one.grade != Grade::Arguable).collect();
        let bins = bins(&counted);
        let mut thresholds: Vec<f64> = TABLE.into_iter().chain([threshold]).collect();
        thresholds.sort_by(f64::total_cmp);
        thresholds.dedup();
        let line = |threshold: f64| ThresholdLine {
            threshold,
            rates: Rates::of(&counted, |one| one.probability >= threshold),
        };
        let mean = |loss: fn(f64, f64) -> f64| {
            let total: f64 = counted.iter().map(|one| one.weight * loss(one.probability, truth(one))).sum();
            share(total, counted.iter().map(|one| one.weight).sum())
        };
        Self {
            items: counted.len(),
            positives: counted.iter().filter(|one| one.grade == Grade::Yes).count(),
            arguable: judged.len() - counted.len(),
            rates: Rates::of(&counted, |one| one.trips),
            average_precision: average_precision(&counted),
            brier: mean(|probability, truth| (probability - truth).powi(2)),
            log_loss: mean(log_loss),
            ece: calibration_error(&counted),
            bins,
            thresholds: thresholds.into_iter().map(line).collect(),
        }
    }
}

/// 1 when an alert is right, else 0.
fn truth(judged: &Judged) -> f64 {
    if judged.grade == Grade::Yes { 1.0 } else { 0.0 }
}

/// `−ln` of the probability given to what is true.
fn log_loss(probability: f64, truth: f64) -> f64 {
    let given = if truth > 0.5 { probability } else { 1.0 - probability };
    -given.max(PROBABILITY_MIN).ln()
}

fn average_precision(counted: &[Judged]) -> f64 {
    let mut ranked = counted.to_vec();
    ranked.sort_by(|left, right| right.probability.total_cmp(&left.probability));
    let all_right: f64 = ranked.iter().map(|one| one.weight * truth(one)).sum();
    let (mut right, mut seen, mut sum) = (0.0, 0.0, 0.0);
    for equals in ranked.chunk_by(|left, right| left.probability.total_cmp(&right.probability).is_eq()) {
        let here: f64 = equals.iter().map(|one| one.weight * truth(one)).sum();
        right += here;
        seen += equals.iter().map(|one| one.weight).sum::<f64>();
        sum += share(here, all_right) * share(right, seen);
    }
    sum
}

/// Which tenth a score is in.
fn bin_of(probability: f64) -> usize {
    (0..BINS).rev().find(|bin| probability >= *bin as f64 / BINS as f64).unwrap_or(0)
}

/// The articles of each bin.
fn binned(counted: &[Judged]) -> Vec<Vec<Judged>> {
    let mut bins = vec![Vec::new(); BINS];
    for one in counted {
        if let Some(bin) = bins.get_mut(bin_of(one.probability)) {
            bin.push(*one);
        }
    }
    bins
}

/// Weight, mean score and share right of some articles.
fn means(judged: &[Judged]) -> (f64, f64, f64) {
    let weight: f64 = judged.iter().map(|one| one.weight).sum();
    let score: f64 = judged.iter().map(|one| one.weight * one.probability).sum();
    let right: f64 = judged.iter().map(|one| one.weight * truth(one)).sum();
    (weight, share(score, weight), share(right, weight))
}

fn bins(counted: &[Judged]) -> Vec<Bin> {
    let edge = |bin: usize| bin as f64 / BINS as f64;
    let bins = binned(counted).into_iter().enumerate().map(|(number, judged)| {
        let (_, mean_score, share_right) = means(&judged);
        Bin { from: edge(number), until: edge(number + 1), count: judged.len(), mean_score, share_right }
    });
    bins.collect()
}

fn calibration_error(counted: &[Judged]) -> f64 {
    let bins: Vec<(f64, f64, f64)> = binned(counted).iter().map(|judged| means(judged)).collect();
    let all: f64 = bins.iter().map(|(weight, ..)| weight).sum();
    bins.iter().map(|(weight, score, right)| share(*weight, all) * (score - right).abs()).sum()
}
