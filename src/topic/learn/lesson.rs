//! A lesson: what labels teach a topic, and whether that is any better on labels it has not seen.
//!
//! Owns [`learn`]: time-ordered cross-validation, the choice of penalties by it, and the comparison with the topic's file.
//! What is tested is never earlier than what was learned from, because that is how it will be used. Refuses to write.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::fit::{calibrate, ratios};
use super::sample::Sample;
use super::words::{Words, choose};
use super::{Learned, Misfit, shifted};
use crate::topic::evaluate::{Grade, Judged, Rates, Report};
use crate::topic::weigh::probability;
use crate::topic::{Calibration, TopicSource};

/// Parts the labels are cut into by time; all but the first are tested on, each by what was learned from those before.
const PARTS: usize = 5;
/// Fewest labels of either kind that are worth a lesson.
pub(super) const LABELS_MIN: usize = 10;
/// How strongly weights may be held to the file's, strongest first; `None` keeps them. A penalty of 4 believes that a weight
/// is right to a half of itself, one of 100 to a tenth.
const WEIGHT_PENALTIES: [Option<f64>; 5] = [None, Some(100.0), Some(30.0), Some(10.0), Some(4.0)];
/// How strongly words may be held to nothing, strongest first; `None` leaves them out.
const WORD_PENALTIES: [Option<f64>; 4] = [None, Some(30.0), Some(10.0), Some(3.0)];
/// A weaker penalty must lower the loss by this share to be chosen over a stronger one.
const WORTHWHILE: f64 = 0.02;
/// A weight that would change by less stays, so that a person reads only what matters.
const RATIO_CHANGE_MIN: f64 = 0.01;
/// Average precision that may be lost for a better fit, as the last digit of it is chance.
const PRECISION_LOST_MAX: f64 = 0.005;

/// Log loss must fall by this share where F1 does not rise; less is chance.
const GAIN_MIN: f64 = 0.01;
/// F1 values that differ by no more are the same.
const F1_ROUNDING: f64 = 1e-9;

/// What a lesson is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Options {
    /// Points by which words may move an article; `None` learns no words.
    pub words_bound: Option<f64>,
    /// Share of articles in the watched stream for which an alert is right, above 0 and below 1; `None` takes the labels'.
    /// The calibration is moved to it, and labels count in comparisons as if they had it.
    pub prevalence: Option<f64>,
}

/// How good scores are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Marks {
    /// Mean log loss, nats.
    pub log_loss: f64,
    /// Brier score.
    pub brier: f64,
    /// Average precision.
    pub average_precision: f64,
    /// At the topic's threshold.
    pub rates: Rates,
}

/// The topic's file and what was learned, on the same labels, which neither has seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// Labels tested on.
    pub items: usize,
    /// Those of them for which an alert is right.
    pub positives: usize,
    /// Time of the first.
    pub from: Timestamp,
    /// Time of the last.
    pub until: Timestamp,
    /// As the file says.
    pub before: Marks,
    /// As learned from earlier labels.
    pub after: Marks,
}

impl Comparison {
    /// Of labels in the order of time, each weighed so that right ones have the stream's share, if it is known.
    fn of(tested: &[Tested], prevalence: Option<f64>) -> Option<Self> {
        let (first, last) = (tested.first()?, tested.last()?);
        let positives = tested.iter().filter(|one| one.before.grade == Grade::Yes).count();
        let share = positives as f64 / tested.len() as f64;
        let weight = |grade: Grade| match prevalence.filter(|_| share > 0.0 && share < 1.0) {
            Some(prevalence) if grade == Grade::Yes => prevalence / share,
            Some(prevalence) => (1.0 - prevalence) / (1.0 - share),
            None => 1.0,
        };
        let weighed = |one: Judged| Judged { weight: weight(one.grade), ..one };
        let judged =
            |pick: fn(&Tested) -> Judged| tested.iter().map(|one| weighed(pick(one))).collect::<Vec<_>>();
        Some(Self {
            items: tested.len(),
            positives,
            from: first.at,
            until: last.at,
            before: Marks::of(&judged(|one| one.before)),
            after: Marks::of(&judged(|one| one.after)),
        })
    }

    /// Why what was learned is no better than the file; `None` when it is better, and by more than chance would make it.
    pub fn objection(&self) -> Option<String> {
        let (before, after) = (&self.before, &self.after);
        if let Some(worse) = self.worsening() {
            Some(worse)
        } else if after.average_precision < before.average_precision - PRECISION_LOST_MAX {
            Some(change("average precision", before.average_precision, after.average_precision))
        } else if after.log_loss > before.log_loss * (1.0 - GAIN_MIN)
            && after.rates.f1 <= before.rates.f1 + F1_ROUNDING
        {
            let change = change("log loss", before.log_loss, after.log_loss);
            Some(format!("{change}, less than one percent, and F1 at the threshold does not rise"))
        } else {
            None
        }
    }

    /// What got worse of log loss and F1.
    fn worsening(&self) -> Option<String> {
        let (before, after) = (&self.before, &self.after);
        if after.log_loss > before.log_loss {
            Some(change("log loss", before.log_loss, after.log_loss))
        } else if after.rates.f1 < before.rates.f1 - F1_ROUNDING {
            Some(change("F1 at the threshold", before.rates.f1, after.rates.f1))
        } else {
            None
        }
    }
}

fn change(what: &str, before: f64, after: f64) -> String {
    format!("{what} goes from {before:.3} to {after:.3}")
}

impl Marks {
    fn of(judged: &[Judged]) -> Self {
        let report = Report::of(judged, 0.5);
        Self {
            log_loss: report.log_loss,
            brier: report.brier,
            average_precision: report.average_precision,
            rates: report.rates,
        }
    }
}

/// What labels taught.
#[derive(Debug, Clone, PartialEq)]
pub struct Lesson {
    /// What stands beside the topic from now on, if it is written.
    pub learned: Learned,
    /// Labels it was learned from.
    pub items: usize,
    /// Those of them for which an alert is right.
    pub positives: usize,
    /// Time of the first label.
    pub from: Timestamp,
    /// Time of the last.
    pub until: Timestamp,
    /// The penalty on weights; `None` when they stayed.
    pub weight_penalty: Option<f64>,
    /// The penalty on words; `None` when there are none.
    pub word_penalty: Option<f64>,
    /// Cross-validated in time order.
    pub cross_validated: Comparison,
    /// Learned from the first two thirds of the positives, penalties and all, and tested on what came later.
    pub last_third: Option<Comparison>,
}

impl Lesson {
    /// Why what was learned is no better than the file; `None` when it is better.
    ///
    /// It must be better in the cross-validation, and no worse on the last third: penalties were chosen by the former, so it
    /// alone flatters.
    pub fn objection(&self) -> Option<String> {
        let chosen = self.cross_validated.objection().map(|why| format!("{why} in the cross-validation"));
        let unseen = || self.last_third.as_ref().and_then(Comparison::worsening);
        chosen.or_else(|| unseen().map(|why| format!("{why} on the last third")))
    }
}

/// Why there is no lesson.
#[derive(Debug, Clone, PartialEq)]
pub enum NotLearned {
    /// There are too few labels of one kind.
    TooFew {
        /// Labels for which an alert is right.
        positives: usize,
        /// Labels for which it is wrong.
        negatives: usize,
        /// How many of each it takes.
        needed: usize,
    },
    /// What came out cannot stand beside the topic.
    Misfit(Vec<Misfit>),
}

/// Learns a topic from labelled articles, scored by the topic without anything learned.
pub fn learn(source: &TopicSource, samples: &[Sample], options: Options) -> Result<Lesson, NotLearned> {
    let mut ordered: Vec<&Sample> = samples.iter().collect();
    ordered.sort_by_key(|sample| sample.at);
    let positives = ordered.iter().filter(|sample| sample.is_positive).count();
    let negatives = ordered.len() - positives;
    let too_few = NotLearned::TooFew { positives, negatives, needed: LABELS_MIN };
    if positives.min(negatives) < LABELS_MIN {
        return Err(too_few);
    }
    let teacher = Teacher { source, options };
    let (penalties, tested) = teacher.cross_validate(&ordered);
    let (Some(cross_validated), Some(first), Some(last)) =
        (teacher.compare(&tested), ordered.first(), ordered.last())
    else {
        return Err(too_few);
    };
    let model = teacher.fit(&ordered, penalties);
    Ok(Lesson {
        learned: teacher.written(&model).map_err(NotLearned::Misfit)?,
        items: ordered.len(),
        positives,
        from: first.at,
        until: last.at,
        weight_penalty: penalties.weights,
        word_penalty: penalties.words,
        cross_validated,
        last_third: teacher.last_third(&ordered),
    })
}

/// Two digits after the point: more is not known, and a person reads it.
pub(super) fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Penalties {
    weights: Option<f64>,
    words: Option<f64>,
}

/// What was fitted, for the stream's share of positives.
struct Model {
    ratios: Vec<f64>,
    calibration: Calibration,
    words: Option<Words>,
}

impl Model {
    fn points(&self, sample: &Sample) -> f64 {
        sample.total(&self.ratios) + self.words.as_ref().map_or(0.0, |words| words.total(&sample.terms))
    }
}

/// A label, with both scores.
struct Tested {
    at: Timestamp,
    before: Judged,
    after: Judged,
}

struct Teacher<'a> {
    source: &'a TopicSource,
    options: Options,
}

impl Teacher<'_> {
    fn fit(&self, samples: &[&Sample], penalties: Penalties) -> Model {
        let file = self.source.calibration;
        let truths: Vec<bool> = samples.iter().map(|sample| sample.is_positive).collect();
        let total = |ratios: &[f64]| samples.iter().map(|sample| sample.total(ratios)).collect::<Vec<f64>>();
        let mut model = Model { ratios: Vec::new(), calibration: file, words: None };
        model.calibration = calibrate(&total(&[]), &truths, file);
        if let Some(penalty) = penalties.weights {
            model.ratios = ratios(samples, self.source.signals.len(), model.calibration, penalty);
            model.calibration = calibrate(&total(&model.ratios), &truths, file);
        }
        if let (Some(penalty), Some(bound)) = (penalties.words, self.options.words_bound) {
            let points = total(&model.ratios);
            model.words = Some(choose(samples, &points, model.calibration, penalty, bound));
            let points: Vec<f64> = samples.iter().map(|sample| model.points(sample)).collect();
            model.calibration = calibrate(&points, &truths, file);
        }
        let share = truths.iter().filter(|is_positive| **is_positive).count() as f64 / truths.len() as f64;
        if let Some(prevalence) = self.options.prevalence.filter(|_| share > 0.0 && share < 1.0) {
            model.calibration = shifted(model.calibration, share, prevalence);
        }
        model
    }

    fn compare(&self, tested: &[Tested]) -> Option<Comparison> {
        Comparison::of(tested, self.options.prevalence)
    }

    /// Tests each part on what was learned from all parts before it.
    fn test(&self, ordered: &[&Sample], penalties: Penalties) -> Vec<Tested> {
        let mut tested = Vec::new();
        for part in 1..PARTS {
            let (earlier, rest) = ordered.split_at(cut(ordered, part, PARTS));
            let later = cut(ordered, part + 1, PARTS).saturating_sub(earlier.len());
            let (now, _) = rest.split_at(later.min(rest.len()));
            if earlier.iter().all(|sample| sample.is_positive) {
                continue;
            }
            let model = self.fit(earlier, penalties);
            tested.extend(now.iter().map(|sample| self.tested(sample, &model)));
        }
        tested
    }

    fn tested(&self, sample: &Sample, model: &Model) -> Tested {
        let judged = |points: f64, calibration: Calibration| {
            let probability = probability(points, calibration);
            let trips = probability >= self.source.policy.threshold;
            let grade = if sample.is_positive { Grade::Yes } else { Grade::No };
            Judged { probability, trips, grade, weight: 1.0 }
        };
        Tested {
            at: sample.at,
            before: judged(sample.total(&[]), self.source.calibration),
            after: judged(model.points(sample), model.calibration),
        }
    }

    /// The penalties that cross-validate best, first of weights, then of words, and the tests under them.
    fn cross_validate(&self, ordered: &[&Sample]) -> (Penalties, Vec<Tested>) {
        let mut best = Penalties { weights: None, words: None };
        let mut tested = self.test(ordered, best);
        for weights in WEIGHT_PENALTIES.into_iter().skip(1) {
            self.try_out(ordered, Penalties { weights, ..best }, &mut best, &mut tested);
        }
        if self.options.words_bound.is_some() {
            for words in WORD_PENALTIES.into_iter().skip(1) {
                self.try_out(ordered, Penalties { words, ..best }, &mut best, &mut tested);
            }
        }
        (best, tested)
    }

    fn try_out(
        &self,
        ordered: &[&Sample],
        penalties: Penalties,
        best: &mut Penalties,
        best_tested: &mut Vec<Tested>,
    ) {
        let loss = |tested: &[Tested]| self.compare(tested).map_or(0.0, |found| found.after.log_loss);
        let tested = self.test(ordered, penalties);
        if loss(&tested) < loss(best_tested) * (1.0 - WORTHWHILE) {
            (*best, *best_tested) = (penalties, tested);
        }
    }

    fn last_third(&self, ordered: &[&Sample]) -> Option<Comparison> {
        let (earlier, later) = ordered.split_at(cut(ordered, 2, 3));
        if earlier.iter().all(|sample| sample.is_positive) {
            return None;
        }
        let (penalties, _) = self.cross_validate(earlier);
        let model = self.fit(earlier, penalties);
        let tested: Vec<Tested> = later.iter().map(|sample| self.tested(sample, &model)).collect();
        self.compare(&tested)
    }

    /// The model as it is written: rounded and by name.
    fn written(&self, model: &Model) -> Result<Learned, Vec<Misfit>> {
        let mut weights = BTreeMap::new();
        for (signal, ratio) in self.source.signals.iter().zip(&model.ratios) {
            if (ratio - 1.0).abs() >= RATIO_CHANGE_MIN {
                weights.insert(signal.name.clone(), rounded(signal.weight * ratio));
            }
        }
        let calibration = model.calibration;
        let slope = (calibration.slope * 10_000.0).round() / 10_000.0;
        let calibration = Calibration {
            slope: if slope > 0.0 { slope } else { calibration.slope },
            midpoint: rounded(calibration.midpoint),
        };
        let words = model.words.clone().filter(|words| !words.is_empty());
        Learned::new(self.source, weights, calibration, words)
    }
}

/// Where the first `part` of `parts` ends, with as many positives in each part: they are few, and a part without any tells
/// nothing.
fn cut(ordered: &[&Sample], part: usize, parts: usize) -> usize {
    if part >= parts {
        return ordered.len();
    }
    let positives = ordered.iter().filter(|sample| sample.is_positive).count();
    let wanted = positives * part / parts;
    let places = ordered.iter().enumerate().filter(|(_, sample)| sample.is_positive);
    places.map(|(place, _)| place + 1).take(wanted).last().unwrap_or(0)
}
