//! How far a replay is, on a terminal: share, rate, what remains. In a pipe it is quiet.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::feed::schedule::words;

/// Time between two looks.
const EVERY: Duration = Duration::from_millis(250);

/// One line on standard error, written over and over.
pub(super) struct Progress {
    begun: Instant,
    last: Option<Instant>,
    is_terminal: bool,
}

impl Progress {
    pub(super) fn begin() -> Self {
        Self { begun: Instant::now(), last: None, is_terminal: io::stderr().is_terminal() }
    }

    /// Says how many entries were played, and which share that is, if that is known.
    pub(super) fn say(&mut self, entries: u64, share: Option<f64>) {
        if !self.is_terminal || self.last.is_some_and(|last| last.elapsed() < EVERY) {
            return;
        }
        self.last = Some(Instant::now());
        let line = line(entries, share, self.begun.elapsed());
        drop(write!(io::stderr().lock(), "\r\x1b[K{line}"));
    }

    /// Takes the line away.
    pub(super) fn end(&mut self) {
        if self.last.take().is_some() {
            drop(write!(io::stderr().lock(), "\r\x1b[K"));
        }
    }
}

fn line(entries: u64, share: Option<f64>, elapsed: Duration) -> String {
    let rate = entries as f64 / elapsed.as_secs_f64().max(0.001);
    let mut line = format!("{entries} entries, {rate:.0} a second");
    if let Some(share) = share.filter(|share| *share > 0.0) {
        let left = elapsed.mul_f64(((1.0 - share) / share).clamp(0.0, 1e6));
        let left = Duration::from_secs(left.as_secs());
        line = format!("{:>3.0} %, {line}, {} left", share * 100.0, words(left));
    }
    line
}
