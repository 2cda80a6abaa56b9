//! How the cost of some work grows with its input. Owns the one place where tests look at a clock.

use std::time::{Duration, Instant};

/// How much larger the larger input is.
const STEP: usize = 16;
/// How much longer than so many times as long it may take: caches and neighbours cost up to two or three.
const SLACK: u32 = 5;
/// A run this long is not repeated.
const PATIENCE: Duration = Duration::from_secs(2);

/// Fails when work on an input sixteen times as long takes more than eighty times as long: linear work takes
/// sixteen times, quadratic work 256. The best of some runs counts, so a busy machine only adds runs.
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
        if large_best < small_best * SLACK * u32::try_from(STEP).unwrap() {
            return;
        }
        if large_best > PATIENCE {
            break;
        }
    }
    panic!("{name}: {} bytes took {small_best:?}, {} bytes {large_best:?}", small.len(), large.len());
}
