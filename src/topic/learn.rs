//! Learning: what labels change about a topic, and how little they may.
//!
//! Owns [`Learned`], which stands beside a topic and never in its file: other weights within bounds around the file's, another
//! calibration, and words that nudge. Fitting is in `fit` and `words`, the honest comparison with the file in `lesson`.
//! Refuses to read or write files, and to turn a signal's sign.

mod fit;
mod lesson;
mod sample;
mod words;

use std::collections::{BTreeMap, HashMap};

use xxhash_rust::xxh3::Xxh3;

pub use lesson::{Comparison, Lesson, Marks, NotLearned, Options, learn};
pub use sample::{Part, Sample};
pub use words::{BOUND_DEFAULT, BOUND_MAX, TERMS_MAX, Words};

use super::matcher::ArticleText;
use super::{Calibration, Evidence, Status, TopicSource};

/// Least share of a signal's weight in the topic's file that learning leaves it.
pub const RATIO_MIN: f64 = 1.0 / 3.0;
/// Most that learning makes of a signal's weight, as a multiple of the file's.
pub const RATIO_MAX: f64 = 2.0;
/// Weights are written with two digits after the point.
const ROUNDING: f64 = 0.006;

/// The name under which learned words appear among the evidence.
pub const WORDS_SIGNAL: &str = "words that go with it";

/// What was learned of a topic.
#[derive(Debug, Clone, PartialEq)]
pub struct Learned {
    /// Weights by signal name, in points; signals that are not named keep the file's.
    pub weights: BTreeMap<String, f64>,
    /// How points become a probability.
    pub calibration: Calibration,
    /// Words that nudge.
    pub words: Option<Words>,
    /// What to multiply the points of a signal with, by name.
    ratios: HashMap<String, f64>,
}

/// Why something learned does not fit a topic.
#[derive(Debug, Clone, PartialEq)]
pub enum Misfit {
    /// The topic has no signal of this name.
    UnknownSignal(String),
    /// The weight is not within [`RATIO_MIN`] and [`RATIO_MAX`] of the file's.
    OutOfBounds {
        /// The signal.
        signal: String,
        /// Least and most it may be, in points.
        from: f64,
        /// See `from`.
        until: f64,
    },
    /// No article could reach the topic's threshold.
    Unreachable {
        /// Points it takes.
        needed: f64,
        /// Points all signals and words together give.
        most: f64,
    },
}

impl Learned {
    /// Weights, calibration and words for a topic, or everything that does not fit it.
    pub fn new(
        source: &TopicSource,
        weights: BTreeMap<String, f64>,
        calibration: Calibration,
        words: Option<Words>,
    ) -> Result<Self, Vec<Misfit>> {
        let (mut misfits, mut ratios) = (Vec::new(), HashMap::new());
        for (name, weight) in &weights {
            let Some(signal) = source.signals.iter().find(|signal| signal.name == *name) else {
                misfits.push(Misfit::UnknownSignal(name.clone()));
                continue;
            };
            let ends = [signal.weight * RATIO_MIN, signal.weight * RATIO_MAX];
            let (from, until) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
            if *weight < from - ROUNDING || *weight > until + ROUNDING {
                misfits.push(Misfit::OutOfBounds { signal: name.clone(), from, until });
            }
            ratios.insert(name.clone(), weight / signal.weight);
        }
        let learned = Self { weights, calibration, words, ratios };
        misfits.extend(learned.unreachable(source));
        if misfits.is_empty() { Ok(learned) } else { Err(misfits) }
    }

    /// A threshold beyond all signals together, as a misfit: such a topic would never alert.
    fn unreachable(&self, source: &TopicSource) -> Option<Misfit> {
        let weight = |name: &str, file: f64| self.weights.get(name).copied().unwrap_or(file);
        let signals = source.signals.iter();
        let most = signals.map(|signal| weight(&signal.name, signal.weight).abs() * signal.cap).sum::<f64>()
            + self.words.as_ref().map_or(0.0, |words| words.bound);
        let needed = points_at(source.policy.threshold, self.calibration);
        (most < needed).then_some(Misfit::Unreachable { needed, most })
    }

    /// Puts the learned weights in the place of the file's, and adds the words.
    ///
    /// Points are linear in the weight whatever the field, the repeats and the meaning, so a ratio does it. Words only
    /// nudge what a signal found: alone they say nothing.
    pub fn apply(&self, evidence: &mut Vec<Evidence>, text: &ArticleText<'_>) {
        if evidence.is_empty() {
            return;
        }
        for one in evidence.iter_mut() {
            one.points *= self.ratios.get(&one.signal).copied().unwrap_or(1.0);
        }
        let Some(found) = self.words.as_ref().and_then(|words| words.found(text)) else { return };
        evidence.push(Evidence {
            signal: WORDS_SIGNAL.to_owned(),
            field: found.field,
            quote: found.quote,
            status: Status::Affirmed,
            points: found.points,
            at: None,
            is_claim: false,
        });
    }
}

/// The points at which a calibration reaches a probability.
pub fn points_at(probability: f64, calibration: Calibration) -> f64 {
    calibration.midpoint + log_odds(probability) / calibration.slope
}

/// The calibration for a stream in which other shares of articles are right than among the labels.
///
/// `logit p′ = logit p + logit π′ − logit π`, with π the share among the labels and π′ that of the stream (Saerens et al.
/// 2002): the curve keeps its slope and moves.
pub fn shifted(calibration: Calibration, share: f64, prevalence: f64) -> Calibration {
    let shift = log_odds(prevalence) - log_odds(share);
    Calibration { midpoint: calibration.midpoint - shift / calibration.slope, ..calibration }
}

/// `ln(p / (1 − p))`.
fn log_odds(probability: f64) -> f64 {
    (probability / (1.0 - probability)).ln()
}

/// Which way of scoring learned numbers stand on. To be raised by hand whenever the same topic gives the same article other
/// points than before, so that what was learned of the old points is not laid on the new ones.
pub const SCORER_VERSION: u32 = 1;

/// Which version of a topic something was learned of: 16 hexadecimal digits.
///
/// It changes with whatever the learned numbers stand on (signals, their queries, weights and caps, the sets, the factors,
/// the closeness, the calibration, and by [`SCORER_VERSION`] the program) and not with comments, descriptions, examples and alert policy. So an owner who turns a weight in the file gets what
/// they wrote, and not what was learned before.
pub fn version(source: &TopicSource) -> String {
    let mut hash = Xxh3::new();
    let mut note = |bytes: &[u8]| {
        hash.update(&(bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    note(&SCORER_VERSION.to_le_bytes());
    for signal in &source.signals {
        note(signal.name.as_bytes());
        note(signal.when.as_bytes());
        note(&signal.weight.to_le_bytes());
        note(&signal.cap.to_le_bytes());
        note(&[u8::from(signal.context)]);
    }
    for set in &source.sets {
        note(set.name.as_bytes());
        note(set.language.as_deref().unwrap_or_default().as_bytes());
        note(&[u8::from(set.is_stemmed)]);
        for term in &set.terms {
            note(term.as_bytes());
        }
        note(b"end of set");
    }
    for factor in source.factors.effects.iter().chain(&source.factors.genres) {
        note(&factor.to_le_bytes());
    }
    note(&source.closeness.weight.to_le_bytes());
    note(&source.closeness.floor.to_le_bytes());
    note(&[u8::from(source.closeness.alone)]);
    note(&source.calibration.slope.to_le_bytes());
    note(&source.calibration.midpoint.to_le_bytes());
    format!("{:016x}", hash.digest())
}
