//! How the cost of some work grows with its input. Owns the one place where tests look at a clock.

use std::time::{Duration, Instant};

/// How much larger the larger input is.
const STEP: usize = 8;

/// Fails when work on an input eight times as long takes more than three times eight times as long: linear work
/// takes eight times, quadratic work sixty-four. The best of some runs counts, so a busy machine only adds runs.
pub(crate) fn assert_linear(name: &str, count: usize, input: impl Fn(usize) -> String, work: impl Fn(&str)) {
    let (small, large) = (input(count), input(count * STEP));
    let time = |text: &str| {
        let start = Instant::now();
        work(text);
        start.elapsed().max(Duration::from_micros(50))
    };
    let (mut small_best, mut large_best) = (Duration::MAX, Duration::MAX);
    for _ in 0..6 {
        small_best = small_best.min(time(&small));
        large_best = large_best.min(time(&large));
        if large_best < small_best * 3 * u32::try_from(STEP).unwrap() {
            return;
        }
    }
    panic!("{name}: {} bytes took {small_best:?}, {} bytes {large_best:?}", small.len(), large.len());
}
