//! How unlikely a count is: the upper tail of the negative binomial distribution.
//!
//! Owns [`surprise`]. Sums the tail from the count upwards, term by term from the ratio of neighbours, in logarithms: no
//! gamma function is needed and nothing underflows, however unlikely the count. Refuses to estimate anything.

/// Terms of a tail summed at most; each is smaller than the one before, and the sum stops at the last digit long before.
const TERMS_MAX: u32 = 100_000;

/// Closer to 1, a dispersion is that of Poisson's distribution.
const POISSON_BELOW: f64 = 1e-6;

/// `−log10 P(Y ≥ seen)` where `Y` is negative binomial with this mean and a variance of `size`-form
/// `mean + mean² / size`; an infinite `size` is Poisson's distribution. 0 when nothing was seen; a mean of 0 or less, or one
/// that is no number, makes every report infinitely surprising.
///
/// `P(Y = k) = Γ(k + r) / (k! Γ(r)) · (1 − p)^r · p^k` with `p = mean / (mean + r)`, so that
/// `P(k + 1) / P(k) = p (k + r) / (k + 1)` (Johnson, Kemp, Kotz: Univariate Discrete Distributions, chapter 5).
pub fn surprise(seen: u32, mean: f64, size: f64) -> f64 {
    if seen == 0 {
        return 0.0;
    }
    if mean.is_nan() || mean <= 0.0 {
        return f64::INFINITY;
    }
    let law = Law::new(mean, size);
    let natural = if f64::from(seen) <= mean { law.below(seen) } else { law.above(seen) };
    (-natural / std::f64::consts::LN_10).max(0.0)
}

/// The size parameter for a variance of `dispersion` times the mean, at this mean: infinite where there is no more spread
/// than Poisson's.
pub fn size_for(mean: f64, dispersion: f64) -> f64 {
    let excess = dispersion - 1.0;
    if excess > POISSON_BELOW { mean / excess } else { f64::INFINITY }
}

/// One distribution: what its terms are made of.
struct Law {
    mean: f64,
    size: f64,
}

impl Law {
    fn new(mean: f64, size: f64) -> Self {
        Self { mean, size: if size > 0.0 { size } else { f64::INFINITY } }
    }

    /// `P(k + 1) / P(k)`.
    fn ratio(&self, k: f64) -> f64 {
        if self.size.is_infinite() {
            return self.mean / (k + 1.0);
        }
        self.mean / (self.mean + self.size) * (k + self.size) / (k + 1.0)
    }

    /// `ln P(0)`.
    fn ln_nothing(&self) -> f64 {
        if self.size.is_infinite() { -self.mean } else { -self.size * (self.mean / self.size).ln_1p() }
    }

    /// `ln P(Y ≥ seen)` for a count above the mean.
    fn above(&self, seen: u32) -> f64 {
        let first: f64 = self.ln_nothing() + (0..seen).map(|k| self.ratio(f64::from(k)).ln()).sum::<f64>();
        let (mut sum, mut term) = (1.0, 1.0);
        for k in seen..seen.saturating_add(TERMS_MAX) {
            term *= self.ratio(f64::from(k));
            sum += term;
            if term < sum * f64::EPSILON {
                break;
            }
        }
        first + f64::ln(sum)
    }

    /// `ln P(Y ≥ seen)` for a count up to the mean: one less what lies below it.
    fn below(&self, seen: u32) -> f64 {
        let (mut ln_term, mut sum) = (self.ln_nothing(), 0.0);
        for k in 0..seen {
            sum += f64::exp(ln_term);
            ln_term += self.ratio(f64::from(k)).ln();
        }
        (1.0 - sum).max(f64::MIN_POSITIVE).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(seen: u32, mean: f64, size: f64, expected: f64) {
        let found = surprise(seen, mean, size);
        assert!(
            (found - expected).abs() < 1e-6 * expected.max(1.0),
            "{seen} at {mean}: {found}, not {expected}"
        );
    }

    #[test]
    fn it_agrees_with_closed_forms() {
        // Poisson: P(Y ≥ 1) = 1 − e^−m.
        close(1, 0.5, f64::INFINITY, -(1.0 - f64::exp(-0.5)).log10());
        // Size 1 is geometric: P(Y ≥ k) = p^k with p = m / (m + 1).
        close(3, 2.0, 1.0, -3.0 * (2.0_f64 / 3.0).log10());
        close(1, 2.0, 1.0, -(2.0_f64 / 3.0).log10());
        close(400, 2.0, 1.0, -400.0 * (2.0_f64 / 3.0).log10());
        close(9_000, 2.0, 1.0, -9_000.0 * (2.0_f64 / 3.0).log10());
        // Poisson: P(Y ≥ 2) = 1 − e^−m (1 + m), below and above the mean.
        close(2, 3.0, f64::INFINITY, -(1.0 - 4.0 * f64::exp(-3.0)).log10());
        close(2, 1e-3, f64::INFINITY, -(-(-1e-3_f64).exp_m1() - 1e-3 * f64::exp(-1e-3)).log10());
    }

    #[test]
    fn it_grows_with_the_count_and_falls_with_mean_and_spread() {
        for (mean, size) in [(0.01, 0.1), (0.5, 2.0), (8.0, 2.0), (8.0, f64::INFINITY), (900.0, 30.0)] {
            let row: Vec<f64> = (0..2_000).map(|seen| surprise(seen, mean, size)).collect();
            assert!(row.windows(2).all(|pair| pair[1] > pair[0] - 1e-9), "{mean}, {size}");
            assert!(row.iter().all(|surprise| surprise.is_finite()));
        }
        assert!(surprise(10, 2.0, 2.0) < surprise(10, 2.0, f64::INFINITY));
        assert!(surprise(10, 3.0, 2.0) < surprise(10, 2.0, 2.0));
    }

    #[test]
    fn what_is_no_distribution_is_answered_too() {
        assert!(surprise(0, 0.0, 1.0).abs() < f64::EPSILON);
        assert!(surprise(1, 0.0, 1.0).is_infinite());
        assert!(surprise(1, f64::NAN, 1.0).is_infinite());
        assert!(surprise(u32::MAX / 1_000, 1e6, 0.0).is_finite());
        assert!(size_for(2.0, 1.0).is_infinite());
        assert!((size_for(2.0, 3.0) - 1.0).abs() < 1e-12);
    }
}
