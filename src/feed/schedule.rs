//! When a feed is polled next, and which due feed may start now.
//!
//! Owns [`FeedState`], the pure rule [`next_poll`] and the [`Schedule`]: a queue of due times with a gate per
//! host (so many requests at a time, so much time between starts). Due times are persisted by the store; a
//! restart therefore never polls early. Refuses the clock: `now` is handed in.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use xxhash_rust::xxh3::xxh3_64;

use super::FeedId;

/// Longest `Retry-After` that is believed.
pub const RETRY_AFTER_MAX: Duration = Duration::from_hours(24);

/// Share of the interval that jitter may add, in percent. Jitter is only ever added: a feed is never polled early.
const JITTER_PERCENT: u64 = 10;

/// What is remembered of a feed between polls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedState {
    /// `ETag` of the last document that could be read, byte for byte.
    pub etag: Option<Vec<u8>>,
    /// `Last-Modified` of the last document that could be read, byte for byte.
    pub last_modified: Option<Vec<u8>>,
    /// Start of the first poll that brought a document.
    pub first_success_at: Option<Timestamp>,
    /// Start of the last poll.
    pub last_polled_at: Option<Timestamp>,
    /// Start of the last poll that brought a document or a 304.
    pub last_success_at: Option<Timestamp>,
    /// When it may be polled next; a feed without one was never polled and is due.
    pub next_due_at: Option<Timestamp>,
    /// Why then, in words.
    pub next_due_reason: String,
    /// Failed polls since the last success.
    pub failure_count: u32,
    /// What the last poll came to, in words.
    pub last_outcome: String,
}

/// The owner's pace, after defaults.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Time between polls.
    pub interval: Duration,
    /// Never faster than this.
    pub min_interval: Duration,
    /// Never slower than this, however often polls fail.
    pub max_interval: Duration,
}

/// How a poll ended, as far as the schedule cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollEnd {
    /// A document or a 304.
    Success,
    /// Anything else, with the server's wish when it had one.
    Failure {
        /// `Retry-After`.
        retry_after: Option<Duration>,
    },
}

/// When to poll next, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextPoll {
    /// Not before this.
    pub at: Timestamp,
    /// In words, for `feeds list`.
    pub reason: String,
}

/// The rule: interval plus jitter after success; doubled for each failure up to [`Pace::max_interval`]; `Retry-After`
/// (RFC 9110 section 10.2.3) is a floor, clamped to [`RETRY_AFTER_MAX`]. `started_at` is when the poll began and
/// `failure_count` counts this one. Jitter comes from a hash of URL and start, so a replay repeats it.
pub fn next_poll(url: &str, pace: Pace, end: PollEnd, failure_count: u32, started_at: Timestamp) -> NextPoll {
    let interval = pace.interval.clamp(pace.min_interval, pace.max_interval);
    let (wait, reason) = match end {
        PollEnd::Success => (interval, format!("every {}", words(interval))),
        PollEnd::Failure { retry_after } => {
            let doublings = failure_count.saturating_sub(1).min(16);
            let backed_off = interval.saturating_mul(1 << doublings).min(pace.max_interval).max(interval);
            match retry_after.map(|wish| wish.min(RETRY_AFTER_MAX)) {
                Some(wish) if wish >= backed_off => {
                    (wish, format!("the server asked to wait {}", words(wish)))
                }
                _ => (backed_off, format!("backing off after {failure_count} failed polls in a row")),
            }
        }
    };
    let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    let seed = format!("{url} {}", started_at.as_millisecond());
    let jitter_ms = xxh3_64(seed.as_bytes()) % (wait_ms / 100 * JITTER_PERCENT + 1);
    let at = after(started_at, Duration::from_millis(wait_ms.saturating_add(jitter_ms)));
    NextPoll { at, reason }
}

/// `at` plus `wait`, held at the end of representable time.
pub fn after(at: Timestamp, wait: Duration) -> Timestamp {
    at.checked_add(wait).unwrap_or(Timestamp::MAX)
}

/// A duration as people write it: `15m`, `1h 30m`, `2s`.
pub fn words(duration: Duration) -> String {
    let mut seconds = duration.as_secs();
    if seconds == 0 {
        return format!("{}ms", duration.as_millis());
    }
    let mut parts = Vec::new();
    for (unit, size) in [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)] {
        if seconds >= size {
            parts.push(format!("{}{unit}", seconds / size));
            seconds %= size;
        }
    }
    parts.truncate(2);
    parts.join(" ")
}

/// Limits towards one host.
#[derive(Debug, Clone, Copy)]
pub struct HostLimits {
    /// Requests at a time.
    pub at_a_time: usize,
    /// Time between starts.
    pub spacing: Duration,
}

/// A feed that may be polled now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// Which.
    pub feed: FeedId,
    /// When it was due.
    pub due_at: Timestamp,
}

/// Which feed is due, behind a gate per host. Every feed is in exactly one place: in the queue, waiting at its
/// host's gate, or running.
#[derive(Debug)]
pub struct Schedule {
    limits: HostLimits,
    hosts: HashMap<FeedId, String>,
    queue: BinaryHeap<Reverse<(Timestamp, FeedId)>>,
    gates: HashMap<String, Gate>,
    opening: BTreeSet<(Timestamp, String)>,
    running: HashSet<FeedId>,
}

#[derive(Debug, Default)]
struct Gate {
    in_flight: usize,
    opens_at: Option<Timestamp>,
    waiting: VecDeque<(Timestamp, FeedId)>,
    /// When it stands in `Schedule::opening`, which it does at most once.
    listed_at: Option<Timestamp>,
}

impl Schedule {
    /// An empty schedule.
    pub fn new(limits: HostLimits) -> Self {
        Self {
            limits,
            hosts: HashMap::new(),
            queue: BinaryHeap::new(),
            gates: HashMap::new(),
            opening: BTreeSet::new(),
            running: HashSet::new(),
        }
    }

    /// Puts a feed in; `host` is the key of its gate (registrable domain, or address).
    pub fn add(&mut self, feed: FeedId, host: String, due_at: Timestamp) {
        self.hosts.insert(feed, host);
        self.queue.push(Reverse((due_at, feed)));
    }

    /// Puts a feed in whose poll is under way already (a reload in the middle of it).
    pub fn add_running(&mut self, feed: FeedId, host: String) {
        self.gates.entry(host.clone()).or_default().in_flight += 1;
        self.hosts.insert(feed, host);
        self.running.insert(feed);
    }

    /// The next feed that is due and whose host's gate is open; it counts as running until [`Schedule::finished`].
    pub fn next(&mut self, now: Timestamp) -> Option<Start> {
        while let Some(&Reverse((due_at, feed))) = self.queue.peek()
            && due_at <= now
        {
            self.queue.pop();
            let Some(host) = self.hosts.get(&feed).cloned() else { continue };
            self.gates.entry(host.clone()).or_default().waiting.push_back((due_at, feed));
            self.list(&host, now);
        }
        let (opens_at, host) = self.opening.first().cloned()?;
        if opens_at > now {
            return None;
        }
        let gate = self.gates.get_mut(&host)?;
        let (due_at, feed) = gate.waiting.pop_front()?;
        gate.in_flight += 1;
        gate.opens_at = Some(after(now, self.limits.spacing));
        self.running.insert(feed);
        self.list(&host, now);
        Some(Start { feed, due_at })
    }

    /// A poll ended; the feed is due again at `due_at`.
    pub fn finished(&mut self, feed: FeedId, due_at: Timestamp, now: Timestamp) {
        if !self.running.remove(&feed) {
            return;
        }
        self.queue.push(Reverse((due_at, feed)));
        if let Some(host) = self.hosts.get(&feed).cloned() {
            if let Some(gate) = self.gates.get_mut(&host) {
                gate.in_flight = gate.in_flight.saturating_sub(1);
            }
            self.list(&host, now);
        }
    }

    /// When [`Schedule::next`] may have something, `None` when only a finished poll can change that.
    pub fn wake_at(&self) -> Option<Timestamp> {
        let due = self.queue.peek().map(|Reverse((at, _))| *at);
        let gate = self.opening.first().map(|(at, _)| *at);
        due.into_iter().chain(gate).min()
    }

    /// Takes over when the gates of an earlier schedule open: a reload is no reason to ask a host sooner. None opens later
    /// than the spacing from `now`, whatever clock it was set by.
    pub fn keep_gates_of(&mut self, earlier: &Self, now: Timestamp) {
        let latest = after(now, self.limits.spacing);
        for (host, gate) in &earlier.gates {
            self.gates.entry(host.clone()).or_default().opens_at = gate.opens_at.map(|at| at.min(latest));
            self.list(host, now);
        }
    }

    /// Whether a poll of this feed is under way.
    pub fn is_running(&self, feed: FeedId) -> bool {
        self.running.contains(&feed)
    }

    /// Polls under way.
    pub fn running_count(&self) -> usize {
        self.running.len()
    }

    /// Feeds that are due at `now` and have not started.
    pub fn waiting_count(&self, now: Timestamp) -> usize {
        let at_gates: usize = self.gates.values().map(|gate| gate.waiting.len()).sum();
        at_gates + self.queue.iter().filter(|Reverse((at, _))| *at <= now).count()
    }

    /// Puts a gate into `opening`, once, if a feed waits at it and it has room; takes it out otherwise.
    fn list(&mut self, host: &str, now: Timestamp) {
        let Some(gate) = self.gates.get_mut(host) else { return };
        if let Some(listed_at) = gate.listed_at.take() {
            self.opening.remove(&(listed_at, host.to_owned()));
        }
        if gate.waiting.is_empty() {
            if gate.in_flight == 0 && gate.opens_at.is_none_or(|at| at <= now) {
                self.gates.remove(host);
            }
        } else if gate.in_flight < self.limits.at_a_time {
            let opens_at = gate.opens_at.unwrap_or(Timestamp::UNIX_EPOCH);
            gate.listed_at = Some(opens_at);
            self.opening.insert((opens_at, host.to_owned()));
        }
    }
}
