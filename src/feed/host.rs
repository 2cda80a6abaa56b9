//! What a host asked of us: the pause that all its feeds keep.
//!
//! Owns [`HostState`] and the rule which answers make a host wait and which only a feed: 429 is the host's word, 503 one
//! address's until two say so. Refuses to queue: gates are [`super::schedule`]'s.

use std::time::Duration;

use jiff::Timestamp;

use super::answer::{Answer, AnswerKind};
use super::schedule::{after, words};

/// The pause after a 429 that names none.
const LIMITED_FOR: Duration = Duration::from_hours(4);

const PAUSE_MIN: Duration = Duration::from_mins(1);

const PAUSE_MAX: Duration = Duration::from_hours(24);

/// What is remembered of a host (a registrable domain) between requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostState {
    /// Nobody asks it before.
    pub paused_until: Option<Timestamp>,
    /// Why, in words.
    pub reason: String,
    /// 429 answers, less what successes made good: each doubles the pause.
    pub refusal_count: u32,
    /// Start of the last request, whatever for.
    pub last_asked_at: Option<Timestamp>,
}

impl HostState {
    /// Takes in an answer to a request that began at `at`. `unavailable_count` is how many other feeds of the host are
    /// waiting out a 503; `is_shared` is false for addresses and private hosts, where services of many owners stand behind
    /// one name. Answers whether anything changed.
    pub fn note(&mut self, answer: &Answer, unavailable_count: u32, is_shared: bool, at: Timestamp) -> bool {
        let speaks_for_all = match answer.kind {
            AnswerKind::Limited => is_shared,
            AnswerKind::Unavailable => is_shared && unavailable_count > 0,
            _ => false,
        };
        if speaks_for_all {
            let wait = answer.retry_after.unwrap_or(LIMITED_FOR).clamp(PAUSE_MIN, PAUSE_MAX);
            self.paused_until = Some(after(at, wait));
            self.reason = format!("asked us to wait {}", words(wait));
        }
        speaks_for_all
    }
}
