//! Thresholds, as they are tried.
//!
//! Owns [`Threshold`] and which ones are tried. Refuses to say what comes of one.

use std::fmt;

/// A threshold in millionths, which is finer than anybody writes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Threshold(u32);

const HUNDREDTH: u32 = 10_000;

/// The thresholds that are tried, hundredth by hundredth. Below, calibrated scores say that most alerts would be wrong.
pub(super) const LOWEST: Threshold = Threshold(30 * HUNDREDTH);
pub(super) const HIGHEST: Threshold = Threshold(99 * HUNDREDTH);

/// Thresholds that are always shown.
pub(super) const SHOWN: [Threshold; 5] = [
    Threshold(50 * HUNDREDTH),
    Threshold(60 * HUNDREDTH),
    Threshold(70 * HUNDREDTH),
    Threshold(80 * HUNDREDTH),
    Threshold(90 * HUNDREDTH),
];

impl Threshold {
    /// A threshold as a topic has it.
    pub(super) fn of(threshold: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a threshold lies between 0 and 1"
        )]
        let millionths = (threshold.clamp(0.0, 1.0) * 1e6).round() as u32;
        Self(millionths)
    }

    /// The same as a number.
    pub(super) fn number(self) -> f64 {
        f64::from(self.0) / 1e6
    }

    /// Whether a score reaches it.
    pub(super) fn is_met(self, probability: f64) -> bool {
        probability >= self.number()
    }

    /// This one, and the hundredths above it that are tried.
    pub(super) fn and_above(self) -> Vec<Self> {
        let next = (self.0 / HUNDREDTH + 1) * HUNDREDTH;
        let above = (next..=HIGHEST.0).step_by(HUNDREDTH as usize).map(Self);
        std::iter::once(self).chain(above).collect()
    }
}

impl fmt::Display for Threshold {
    /// As it is written in a topic, with two digits at least.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = (2..6).find(|digits| self.0.is_multiple_of(10_u32.pow(6 - digits))).unwrap_or(6);
        f.pad(&format!("{:.*}", digits as usize, self.number()))
    }
}
