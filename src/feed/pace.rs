//! When a feed is polled next: the owner's pace, bounded by what its server asks for.
//!
//! Owns the pure rule [`next_poll`] and the words that explain it. Refuses the clock and the queue ([`super::schedule`]).
//! Between the owner's bounds the learned rhythm decides, or the interval the owner set for the feed; whatever the server
//! wishes, says or withholds can only lengthen the wait, up to a day.

use std::time::Duration;

use jiff::Timestamp;
use xxhash_rust::xxh3::xxh3_64;

use super::answer::{Answer, AnswerKind, WISH_MAX, doubled};
use super::schedule::{after, words};
use super::state::FeedState;

/// Longest `Retry-After` that is believed of a feed.
pub const RETRY_AFTER_MAX: Duration = WISH_MAX;

/// The wait of a feed that its publisher says is gone.
pub const GONE_WAIT: Duration = Duration::from_hours(7 * 24);

const HOUR: Duration = Duration::from_hours(1);

const DAY: Duration = Duration::from_hours(24);

/// Full documents without anything new, in answer to conditional requests in a row, after which a server is taken to
/// ignore conditions.
const IGNORED_MIN: u32 = 8;

/// Entries per hour from which on a feed is worth a full document at each poll.
const BUSY_RATE: f64 = 1.0;

/// How hard being ahead of the day's budget slows all polls. Once in balance, a desk that would spend four times its budget
/// is ahead by a fifth; without a power it would be ahead by double, and have nothing left for the evening.
const STRETCH_POWER: i32 = 6;

/// Largest factor that the owner's daily budget puts on waits.
const STRETCH_MAX: f64 = 1000.0;

/// Share of the wait that jitter may add, in percent. Jitter is only ever added: a feed is never polled early.
const JITTER_PERCENT: u64 = 10;

/// The owner's pace, after defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Time between polls; with a learned rhythm, in the mean.
    pub interval: Duration,
    /// Never faster than this.
    pub min_interval: Duration,
    /// Never slower than this, however often polls fail.
    pub max_interval: Duration,
}

/// What bounds a feed's polls besides its state.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// Its address, which the jitter is drawn from.
    pub url: &'a str,
    /// The owner's pace.
    pub pace: Pace,
    /// Whether the owner set this feed's interval, which then decides instead of the learned rhythm.
    pub is_own_interval: bool,
    /// Bytes a day from a feed whose server gives no validators.
    pub feed_daily_bytes: u64,
    /// Factor on the wait that keeps all feeds within the owner's daily budget; 1 or more.
    pub stretch: f64,
    /// While a hub delivers: the wait of the safety poll.
    pub safety_wait: Option<Duration>,
}

/// When to poll next, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextPoll {
    /// Not before this.
    pub at: Timestamp,
    /// In words, for `feeds list` and `feeds show`.
    pub reason: String,
}

/// A wait and why, in words.
type Reasoned = (Duration, String);

/// The rule: the owner's pace plus jitter after success, lengthened by what the server says or withholds; doubled for each
/// failure up to [`Pace::max_interval`]; what a refusal asks for ([`Answer::wish`]) is a floor. `state` has taken in
/// `answer`, the one of the poll that began at `started_at`. Jitter comes from a hash of URL and start, so a replay repeats
/// it.
pub fn next_poll(terms: &Terms<'_>, state: &FeedState, answer: &Answer, started_at: Timestamp) -> NextPoll {
    let (wait, mut reason) = if answer.kind.is_success() {
        let pace = pace_wait(terms, state, started_at);
        let bounds = [
            hints(state),
            ignored(terms, state, started_at),
            bytes(terms, state),
            unconditional(state, started_at),
        ];
        bounds.into_iter().flatten().fold(pace, longer)
    } else {
        let failed = failed(terms, state, answer, started_at);
        unconditional(state, started_at).into_iter().fold(failed, longer)
    };
    let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    let seed = format!("{} {}", terms.url, started_at.as_millisecond());
    let jitter_ms = xxh3_64(seed.as_bytes()) % (wait_ms / 100 * JITTER_PERCENT + 1);
    let jitter = Duration::from_millis(jitter_ms);
    let mut at = after(started_at, wait.saturating_add(jitter));
    if let Some(allowed) = allowed_from(state, at, started_at) {
        at = after(allowed, jitter.min(HOUR / 6));
        reason.push_str(", moved on to an hour the feed does not rule out (skipHours, skipDays)");
    }
    NextPoll { at, reason }
}

fn longer(one: Reasoned, other: Reasoned) -> Reasoned {
    if other.0 > one.0 { other } else { one }
}

/// The owner's pace, and the learned rhythm within it.
fn pace_wait(terms: &Terms<'_>, state: &FeedState, at: Timestamp) -> Reasoned {
    let pace = terms.pace;
    let longest = pace.max_interval.max(pace.min_interval);
    let interval = pace.interval.clamp(pace.min_interval, longest);
    let (wait, reason) = if terms.is_own_interval {
        (interval, format!("every {}, as set for this feed", words(interval)))
    } else {
        let (wait, why) = state.rhythm.wait(at, Pace { interval, max_interval: longest, ..pace });
        (wait, format!("every {}: {why}", words(wait)))
    };
    let paced = match terms.safety_wait.map(|safety| safety.min(DAY)) {
        Some(safety) if safety > wait => {
            (safety, format!("every {} to be safe: a hub delivers what is new", words(safety)))
        }
        _ => (wait, reason),
    };
    let stretch = if terms.stretch.is_finite() { terms.stretch.clamp(1.0, STRETCH_MAX) } else { STRETCH_MAX };
    let stretched = paced.0.mul_f64(stretch).min(longest);
    if stretched > paced.0 {
        let reason =
            format!("every {} instead of {}, to keep to the daily budget", words(stretched), words(paced.0));
        return (stretched, reason);
    }
    paced
}

/// What the server (freshness, RFC 9111 section 4.2) and the document (`ttl`, `sy:updatePeriod`) ask for.
fn hints(state: &FeedState) -> Option<Reasoned> {
    let fresh = state.fresh_for.map(|wait| (wait.min(DAY), "the server says that nothing changes for"));
    let ttl = state.ttl.map(|wait| (wait.min(DAY), "the feed asks to be read no more often than every"));
    let (wait, why) = fresh.into_iter().chain(ttl).max_by_key(|(wait, _)| *wait)?;
    Some((wait, format!("{why} {}", words(wait))))
}

/// A server that answers conditions with the full document again and again is asked hourly, and daily once a day brought
/// nothing new: never for an interval that the owner set for the feed, or a feed that brings an entry an hour.
fn ignored(terms: &Terms<'_>, state: &FeedState, at: Timestamp) -> Option<Reasoned> {
    let is_worth_it = terms.is_own_interval || state.rhythm.rate_at(at) >= BUSY_RATE;
    if state.ignored_count < IGNORED_MIN || is_worth_it {
        return None;
    }
    let news_at = state.last_new_at.or(state.first_success_at).filter(|news_at| *news_at <= at);
    let is_quiet = news_at.is_none_or(|news_at| after(news_at, DAY) <= at);
    let wait = if is_quiet { DAY } else { HOUR };
    Some((
        wait,
        format!("every {}: the server ignores conditional GET and sends everything again", words(wait)),
    ))
}

/// A server that gives no validators, or heeds none, sends no more than the owner's bytes a day.
fn bytes(terms: &Terms<'_>, state: &FeedState) -> Option<Reasoned> {
    if state.validators_at.is_some() && state.ignored_count < IGNORED_MIN {
        return None;
    }
    let share = state.document_bytes as f64 / terms.feed_daily_bytes.max(1) as f64;
    let wait = DAY.mul_f64(share.min(1.0));
    let kib = state.document_bytes.div_ceil(1024);
    let mib = terms.feed_daily_bytes >> 20;
    Some((
        wait,
        format!(
            "every {}: {kib} KiB each time without conditional GET, {mib} MiB a day at most",
            words(wait)
        ),
    ))
}

/// A server that gave validators once is asked without them once a day.
fn unconditional(state: &FeedState, at: Timestamp) -> Option<Reasoned> {
    let is_unconditional = state.etag.is_none() && state.last_modified.is_none();
    let last = state.unconditional_at.filter(|_| is_unconditional && state.validators_at.is_some())?;
    let passed = Duration::try_from(at.duration_since(last)).unwrap_or_default();
    let wait = DAY.saturating_sub(passed);
    (!wait.is_zero())
        .then(|| (wait, "once a day: the server stopped sending validators (ETag, Last-Modified)".to_owned()))
}

fn failed(terms: &Terms<'_>, state: &FeedState, answer: &Answer, at: Timestamp) -> Reasoned {
    let pace = terms.pace;
    if answer.kind == AnswerKind::Gone {
        return if state.is_gone() {
            (GONE_WAIT, "once a week: the publisher says that this feed is gone".to_owned())
        } else {
            (
                DAY,
                "once a day: the publisher says that this feed is gone, which is to be confirmed".to_owned(),
            )
        };
    }
    let interval = pace.interval.clamp(pace.min_interval, pace.max_interval.max(pace.min_interval));
    let most = match answer.kind {
        // Somebody has to mend these; meanwhile a look a day shows that it was done.
        AnswerKind::Missing | AnswerKind::Unauthorized | AnswerKind::Forbidden => DAY,
        _ => pace.max_interval.min(DAY),
    };
    let failure_count = state.failure_count;
    let backed_off = doubled(interval, failure_count, most);
    let wish = answer.wish(state.first_success_at.is_some(), state.refusal_count);
    match wish {
        Some(wait) if wait >= backed_off => {
            let is_named = answer.retry_after.is_some() || answer.rate_limit.is_some();
            let who = if is_named { "the server asked to wait" } else { "the server limits us; waiting" };
            (wait, format!("{who} {}", words(wait)))
        }
        _ if failure_count == 0 => {
            let is_alone = state.unreached_since.is_some_and(|since| since == at);
            let why = if is_alone { "it could not be reached this once" } else { OFFLINE };
            (backed_off, format!("every {}: {why}", words(backed_off)))
        }
        _ => (backed_off, format!("backing off after {failure_count} failed polls in a row")),
    }
}

/// Words for polls that fail because nothing can be reached.
pub const OFFLINE: &str = "nothing can be reached; is this machine online?";

/// The start of the first hour from `at` on that the feed does not rule out (UTC); `None` when it allows `at`, or rules out
/// everything. A feed waits no longer than a day on that account.
fn allowed_from(state: &FeedState, at: Timestamp, started_at: Timestamp) -> Option<Timestamp> {
    let is_ruled_out = |at: Timestamp| {
        let hours = at.as_second().div_euclid(3600);
        // 1970-01-01 was a Thursday; bit 0 is Monday.
        let weekday = (hours.div_euclid(24) + 3).rem_euclid(7);
        state.skip_hours >> hours.rem_euclid(24) & 1 == 1 || state.skip_days >> weekday & 1 == 1
    };
    if !is_ruled_out(at) {
        return None;
    }
    let next_hour = |at: Timestamp| {
        Timestamp::from_second((at.as_second().div_euclid(3600) + 1).saturating_mul(3600))
            .unwrap_or(Timestamp::MAX)
    };
    let latest = after(started_at, DAY);
    let mut from = next_hour(at);
    while is_ruled_out(from) && from < latest {
        from = next_hour(from);
    }
    // Even hours that rule out a whole weekend leave nobody blind for longer than a day.
    (from.min(latest) > at).then(|| from.min(latest))
}

/// The factor on all waits that keeps what is received within `budget` bytes a day: how far what was spent is ahead of the
/// day, of which `passed` (0 to 1) is over. The first hour's worth is free, so that a morning can begin.
pub fn stretch(spent: u64, passed: f64, budget: Option<u64>) -> f64 {
    let Some(budget) = budget else { return 1.0 };
    let allowed = budget as f64 * passed.clamp(1.0 / 24.0, 1.0);
    if spent >= budget {
        return STRETCH_MAX;
    }
    (spent as f64 / allowed.max(1.0)).powi(STRETCH_POWER).clamp(1.0, STRETCH_MAX)
}

/// Longest wait that this rule can have set for a feed, jitter included.
pub fn longest_wait(state: &FeedState, max_interval: Duration) -> Duration {
    let longest = max_interval.max(if state.is_gone() { GONE_WAIT } else { DAY });
    longest.saturating_add(longest / 10)
}
