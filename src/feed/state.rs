//! What is remembered of a feed between polls.
//!
//! Owns [`FeedState`] and how one poll's [`Answer`] changes its counters. What follows from them, when to poll next and
//! how the feed is, is decided in [`super::pace`] and [`super::health`]. Refuses to compare documents.

use std::time::Duration;

use jiff::Timestamp;

use super::answer::{Answer, AnswerKind};
use super::gap::Cause;
use super::health::HealthState;
use super::moved::Moved;
use super::rhythm::Rhythm;
use super::schedule::after;

/// When nobody was reached for this long, failures to reach count against the feed after all.
pub const OUTAGE_MAX: Duration = Duration::from_hours(24);

/// 410 answers, a day apart, after which a feed is taken for gone.
const GONE_COUNT: u32 = 3;

/// What is remembered of a feed between polls.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FeedState {
    /// `ETag` of the last document that could be read, byte for byte.
    pub etag: Option<Vec<u8>>,
    /// `Last-Modified` of the last document that could be read, byte for byte.
    pub last_modified: Option<Vec<u8>>,
    /// Origin of the answer that gave them, after redirects; absent where only the address asked is known.
    pub validators_from: Option<String>,
    /// Digest of the address and access the validators belong to.
    pub asked_as: Option<u64>,
    /// Where the feed moved, as far as its server says so.
    pub moved: Option<Moved>,
    /// Start of the first poll that brought a document.
    pub first_success_at: Option<Timestamp>,
    /// Start of the last poll.
    pub last_polled_at: Option<Timestamp>,
    /// Start of the last poll that brought a document or a 304.
    pub last_success_at: Option<Timestamp>,
    /// Start of the last poll that anybody answered.
    pub last_reached_at: Option<Timestamp>,
    /// Start of the last poll that brought a new entry.
    pub last_new_at: Option<Timestamp>,
    /// When it may be polled next; a feed without one was never polled and is due.
    pub next_due_at: Option<Timestamp>,
    /// Why then, in words.
    pub next_due_reason: String,
    /// The server asked, or we decided, that nobody asks before; a poll by hand is refused until then.
    pub wait_until: Option<Timestamp>,
    /// Freshness lifetime of the last answer that named one.
    pub fresh_for: Option<Duration>,
    /// The document's own hint between polls.
    pub ttl: Option<Duration>,
    /// Hours (UTC) in which the publisher asks not to be polled; bit 0 is midnight to one.
    pub skip_hours: u32,
    /// Days (UTC) on which the publisher asks not to be polled; bit 0 is Monday.
    pub skip_days: u8,
    /// Failed polls since the last success, those of a local outage left out.
    pub failure_count: u32,
    /// 429 and 403 answers, less what successes made good: each doubles the wait.
    pub refusal_count: u32,
    /// 410 answers since the last success, those within a day of one another counted once.
    pub gone_count: u32,
    /// The first of them.
    pub gone_since: Option<Timestamp>,
    /// Start of the first poll in a row that nobody answered.
    pub unreached_since: Option<Timestamp>,
    /// Conditional requests in a row that were answered with a full document without anything new.
    pub ignored_count: u32,
    /// Start of the last poll whose answer carried a validator.
    pub validators_at: Option<Timestamp>,
    /// Start of the last request without validators that was answered with a document.
    pub unconditional_at: Option<Timestamp>,
    /// Hash (xxh3) of the last document's bytes.
    pub document_hash: Option<u64>,
    /// Bytes of the last document on the wire.
    pub document_bytes: u64,
    /// Host (registrable domain, or address) that gave the last answer, where it is not that of the configured address:
    /// a redirect led there, or the feed moved. Also that of a host that pauses, where a redirect led since.
    pub answered_host: Option<String>,
    /// What the last poll came to, in a word.
    pub last_answer: AnswerKind,
    /// What the last poll came to, in words.
    pub last_outcome: String,
    /// Start of the last poll that found entries may have come and gone unseen.
    pub gap_at: Option<Timestamp>,
    /// Why they may have.
    pub gap_cause: Option<Cause>,
    /// When it publishes.
    pub rhythm: Rhythm,
    /// How it is.
    pub health: HealthState,
}

/// What is known of this machine's network when a poll ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Network {
    /// Start of the last poll, of any feed, that anybody answered.
    pub reached_at: Option<Timestamp>,
}

impl FeedState {
    /// Takes in what a poll that began at `at` came to. Answers whether it was held against nobody, because nothing could be
    /// reached.
    pub fn note(&mut self, answer: &Answer, network: Network, at: Timestamp) -> bool {
        self.last_polled_at = Some(at);
        self.last_answer = answer.kind;
        if answer.kind.is_reached() {
            self.last_reached_at = Some(at);
            self.unreached_since = None;
            self.note_manners(answer, at);
        }
        if answer.kind.is_success() {
            self.last_success_at = Some(at);
            self.failure_count = 0;
            if answer.new_count > 0 {
                self.last_new_at = Some(at);
            }
            return false;
        }
        let is_local = self.is_local_outage(answer.kind, network, at);
        if !is_local {
            self.failure_count = self.failure_count.saturating_add(1);
        }
        is_local
    }

    /// What an answer of the server itself shows of how it wants to be asked.
    fn note_manners(&mut self, answer: &Answer, at: Timestamp) {
        if answer.kind.is_success() {
            self.refusal_count /= 2;
            (self.gone_count, self.gone_since) = (0, None);
        }
        match answer.kind {
            AnswerKind::Document => {
                self.fresh_for = answer.fresh_for;
                if !answer.was_conditional {
                    self.unconditional_at = Some(at);
                }
                let is_ignored = answer.was_conditional && answer.new_count == 0;
                self.ignored_count = if is_ignored { self.ignored_count.saturating_add(1) } else { 0 };
            }
            AnswerKind::NotModified | AnswerKind::Delta => {
                self.fresh_for = answer.fresh_for.or(self.fresh_for);
                self.ignored_count = 0;
            }
            AnswerKind::Limited | AnswerKind::Forbidden => {
                self.refusal_count = self.refusal_count.saturating_add(1);
            }
            AnswerKind::Gone => self.note_gone(at),
            _ => {}
        }
        if answer.kind.is_success() && answer.has_validators {
            self.validators_at = Some(at);
        }
        let wish = answer.wish(self.first_success_at.is_some(), self.refusal_count);
        self.wait_until = wish.map(|wait| after(at, wait));
    }

    /// A 410 is believed when it was said again a day later, and a day after that.
    fn note_gone(&mut self, at: Timestamp) {
        // A clock that ran ahead may have left a first one that lies ahead.
        let since = self.gone_since.unwrap_or(at).min(at);
        let counted = after(since, Duration::from_hours(24).saturating_mul(self.gone_count));
        if self.gone_count == 0 || counted <= at {
            self.gone_count = self.gone_count.saturating_add(1);
        }
        self.gone_since = Some(since);
    }

    /// Whether the publisher has said often enough that the feed is gone for good.
    pub fn is_gone(&self) -> bool {
        self.gone_count >= GONE_COUNT
    }

    /// Whether a failure to reach may be ours: nobody else was reached since this feed first was not. One failure alone is
    /// never held against a feed; the next one is, if anybody was reached in between.
    fn is_local_outage(&mut self, kind: AnswerKind, network: Network, at: Timestamp) -> bool {
        if kind != AnswerKind::Unreachable {
            return false;
        }
        let since = (*self.unreached_since.get_or_insert(at)).min(at);
        self.unreached_since = Some(since);
        let is_long = Duration::try_from(at.duration_since(since)).is_ok_and(|long| long >= OUTAGE_MAX);
        !is_long && network.reached_at.is_none_or(|reached| reached <= since || reached > at)
    }
}
