//! Fitting: weights and calibration that make the labels most likely, held towards what the topic's file says.
//!
//! Owns the two estimators. Both are convex, start where the file stands and go downhill only, so the result is one and the
//! same whatever the order of signals. Refuses to choose how strongly they are held: that is `lesson`'s.

use super::sample::Sample;
use super::{RATIO_MAX, RATIO_MIN};
use crate::topic::Calibration;

/// How far the slope is believed to lie from the file's: one standard deviation, as a share of it.
const SLOPE_DEVIATION: f64 = 0.5;
/// How far the midpoint is believed to lie from the file's: one standard deviation, in points.
const MIDPOINT_DEVIATION: f64 = 10.0;
/// Least share of the file's slope: more points must always mean a higher score.
const SLOPE_SHARE_MIN: f64 = 0.2;
/// Log odds between which points are taken at their word. Topics add up signals that say the same, and one mislabelled article of
/// 200 points would flatten every curve. Nothing found is about −5 and must stay below the least that was found.
const SATURATION: (f64, f64) = (-8.0, 4.0);
/// Rounds over all coordinates at most.
const ROUNDS_MAX: usize = 1_000;
/// A round that changes nothing by more than this is the last.
const CHANGE_MIN: f64 = 1e-6;

/// `1 / (1 + e^−x)`.
pub(super) fn sigmoid(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

/// A feature: the samples that have it, by place, and how much of it.
pub(super) type Column = Vec<(usize, f64)>;

/// Log odds of all samples while they are being fitted, one coordinate at a time.
pub(super) struct Descent {
    log_odds: Vec<f64>,
    truths: Vec<f64>,
}

impl Descent {
    /// Starts with these log odds.
    pub(super) fn new(log_odds: Vec<f64>, truths: impl Iterator<Item = bool>) -> Self {
        Self { log_odds, truths: truths.map(|truth| if truth { 1.0 } else { 0.0 }).collect() }
    }

    /// How the loss changes along a feature, and an upper bound of its curvature (`p(1 − p)` is at most ¼), so that a step
    /// by their quotient never goes uphill.
    pub(super) fn along(&self, column: &Column) -> (f64, f64) {
        let (mut gradient, mut curvature) = (0.0, 0.0);
        for (row, amount) in column {
            if let (Some(log_odds), Some(truth)) = (self.log_odds.get(*row), self.truths.get(*row)) {
                gradient += amount * (sigmoid(*log_odds) - truth);
                curvature += 0.25 * amount * amount;
            }
        }
        (gradient, curvature)
    }

    /// Moves along a feature.
    pub(super) fn step(&mut self, column: &Column, by: f64) {
        for (row, amount) in column {
            if let Some(log_odds) = self.log_odds.get_mut(*row) {
                *log_odds += amount * by;
            }
        }
    }

    /// Moves all log odds together to where the sum of probabilities is the number of positives, by Newton's step at most
    /// one half long; answers how far.
    fn step_all(&mut self) -> f64 {
        let (mut gradient, mut curvature) = (0.0, 1e-9);
        for (log_odds, truth) in self.log_odds.iter().zip(&self.truths) {
            let probability = sigmoid(*log_odds);
            gradient += probability - truth;
            curvature += probability * (1.0 - probability);
        }
        let by = (-gradient / curvature).clamp(-0.5, 0.5);
        for log_odds in &mut self.log_odds {
            *log_odds += by;
        }
        by.abs()
    }

    /// Goes round by round until nothing changes. `round` visits the features and answers the largest change.
    pub(super) fn settle(&mut self, mut round: impl FnMut(&mut Self) -> f64) {
        for _ in 0..ROUNDS_MAX {
            let change = round(self);
            if change.max(self.step_all()) < CHANGE_MIN {
                break;
            }
        }
    }
}

/// What to multiply each signal's weight with: minimises
/// `Σ log loss + penalty/2 · Σ (ratio − 1)²` with every ratio in `[RATIO_MIN, RATIO_MAX]`, at the slope of `calibration`.
/// A signal that fired nowhere keeps its weight. An article beyond [`SATURATION`] counts as
/// one just there.
pub(super) fn ratios(
    samples: &[&Sample],
    signal_count: usize,
    calibration: Calibration,
    penalty: f64,
) -> Vec<f64> {
    let mut columns: Vec<Column> = vec![Vec::new(); signal_count];
    let mut log_odds = Vec::with_capacity(samples.len());
    for (row, sample) in samples.iter().enumerate() {
        let total = sample.total(&[]);
        // The same for all its signals, so that none is blamed more than its share.
        let share = saturation(total, calibration);
        for (place, points) in &sample.points {
            if let Some(column) = columns.get_mut(*place) {
                column.push((row, calibration.slope * share * points));
            }
        }
        log_odds.push(calibration.slope * (share * total - calibration.midpoint));
    }
    let mut descent = Descent::new(log_odds, samples.iter().map(|sample| sample.is_positive));
    let mut ratios = vec![1.0; signal_count];
    descent.settle(|descent| {
        let mut change: f64 = 0.0;
        for (column, ratio) in columns.iter().zip(&mut ratios) {
            let (gradient, curvature) = descent.along(column);
            let downhill = (gradient + penalty * (*ratio - 1.0)) / (curvature + penalty);
            let next = (*ratio - downhill).clamp(RATIO_MIN, RATIO_MAX);
            descent.step(column, next - *ratio);
            change = change.max((next - *ratio).abs());
            *ratio = next;
        }
        change
    });
    ratios
}

/// What share of an article's points is taken at its word, by [`SATURATION`].
fn saturation(points: f64, calibration: Calibration) -> f64 {
    let at = |log_odds: f64| calibration.midpoint + log_odds / calibration.slope;
    let (least, most) = (at(SATURATION.0).min(0.0), at(SATURATION.1).max(0.0));
    let kept = points.clamp(least, most);
    if kept.total_cmp(&points).is_eq() { 1.0 } else { kept / points }
}

/// Platt's sigmoid with his targets (Platt 1999: `(N₊+1)/(N₊+2)` and `1/(N₋+2)` in the place of 1 and 0), held towards
/// `prior` by normal priors on slope and midpoint, and never falling. With many labels the priors say nothing.
pub(super) fn calibrate(points: &[f64], truths: &[bool], prior: Calibration) -> Calibration {
    let positives = truths.iter().filter(|truth| **truth).count() as f64;
    let negatives = truths.len() as f64 - positives;
    let target = |truth: bool| {
        if truth { (positives + 1.0) / (positives + 2.0) } else { 1.0 / (negatives + 2.0) }
    };
    let data: Vec<(f64, f64)> = points
        .iter()
        .zip(truths)
        .map(|(points, truth)| (points * saturation(*points, prior), target(*truth)))
        .collect();
    let least = SLOPE_SHARE_MIN * prior.slope;
    let mut line = Line { slope: prior.slope, intercept: -prior.slope * prior.midpoint };
    let mut loss = line.loss(&data, prior);
    for _ in 0..100 {
        let (slope_step, intercept_step) = line.newton(&data, prior);
        // Halved until it goes downhill; the function is convex, so it does unless this is the bottom.
        let tried = (0..40).map(|halvings| 0.5_f64.powi(halvings)).find_map(|share| {
            let slope = (line.slope + share * slope_step).max(least);
            let next = Line { slope, intercept: line.intercept + share * intercept_step };
            let next_loss = next.loss(&data, prior);
            (next_loss < loss - 1e-10).then_some((next, next_loss))
        });
        let Some((next, next_loss)) = tried else { break };
        (line, loss) = (next, next_loss);
    }
    Calibration { slope: line.slope, midpoint: -line.intercept / line.slope }
}

/// `slope · points + intercept`.
#[derive(Clone, Copy)]
struct Line {
    slope: f64,
    intercept: f64,
}

impl Line {
    fn log_odds(self, points: f64) -> f64 {
        self.slope * points + self.intercept
    }

    /// How many standard deviations slope and midpoint are off; the midpoint's by its effect at the prior's slope, which
    /// keeps the whole convex in slope and intercept.
    fn deviations(self, prior: Calibration) -> (f64, f64) {
        let slope = (self.slope - prior.slope) / (SLOPE_DEVIATION * prior.slope);
        let offset = (self.intercept + self.slope * prior.midpoint) / (MIDPOINT_DEVIATION * prior.slope);
        (slope, offset)
    }

    fn loss(self, data: &[(f64, f64)], prior: Calibration) -> f64 {
        // ln(1 + e^x), without overflow.
        let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
        let likelihood: f64 = data
            .iter()
            .map(|(points, target)| softplus(self.log_odds(*points)) - target * self.log_odds(*points))
            .sum();
        let (slope, offset) = self.deviations(prior);
        likelihood + 0.5 * (slope * slope + offset * offset)
    }

    /// Newton's step for slope and intercept.
    fn newton(self, data: &[(f64, f64)], prior: Calibration) -> (f64, f64) {
        let (slope, offset) = self.deviations(prior);
        let (slope_unit, offset_unit) = (SLOPE_DEVIATION * prior.slope, MIDPOINT_DEVIATION * prior.slope);
        let mut gradient = (slope / slope_unit + offset * prior.midpoint / offset_unit, offset / offset_unit);
        let square = offset_unit.powi(-2);
        let (mut aa, mut ab, mut bb) =
            (slope_unit.powi(-2) + prior.midpoint.powi(2) * square, prior.midpoint * square, square);
        for (points, target) in data {
            let probability = sigmoid(self.log_odds(*points));
            let (off, bend) = (probability - target, probability * (1.0 - probability));
            gradient.0 += off * points;
            gradient.1 += off;
            aa += bend * points * points;
            ab += bend * points;
            bb += bend;
        }
        let determinant = (aa * bb - ab * ab).max(f64::MIN_POSITIVE);
        (
            -(bb * gradient.0 - ab * gradient.1) / determinant,
            -(aa * gradient.1 - ab * gradient.0) / determinant,
        )
    }
}
