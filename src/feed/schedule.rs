//! Which due visit may start now.
//!
//! Owns the [`Schedule`]: a queue of due times with a gate per host (so many requests at a time, so much time between
//! starts, no start while the host asked us to stay away), and at what pace a backlog is let go. A visit is whatever
//! asks a host: a feed, the page of an article, an older page of a feed. Due times are persisted by the store; a restart
//! therefore never polls early. Refuses the clock: `now` is handed in.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use jiff::Timestamp;

use super::host::{INSISTED_MAX, known_spacing};

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

/// Visits of a backlog that are let go at once.
const BURST: usize = 10;

/// When the visit at `index` of a backlog is let go, of a desk with `feed_count` feeds: ten at once, then as many a minute as
/// a tenth of the feeds, ten at least. A desk with ten feeds is polled at once; 20,000 feeds take ten minutes.
pub fn release_at(index: usize, feed_count: usize, now: Timestamp) -> Timestamp {
    let per_minute = (feed_count / 10).max(BURST) as u64;
    let place = (index + 1).saturating_sub(BURST) as u64;
    after(now, Duration::from_millis(place.saturating_mul(60_000).div_ceil(per_minute)))
}

/// A time as people say it: `14:05 UTC` today, with the date on another day.
pub fn clock(at: Timestamp, now: Timestamp) -> String {
    let is_today = at.as_second().div_euclid(86_400) == now.as_second().div_euclid(86_400);
    let form = if is_today { "%H:%M UTC" } else { "%-d %b %H:%M UTC" };
    at.strftime(form).to_string()
}

/// Limits towards one host.
#[derive(Debug, Clone, Copy)]
pub struct HostLimits {
    /// Requests at a time.
    pub at_a_time: usize,
    /// Time between starts.
    pub spacing: Duration,
}

/// A visit that may start now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start<K> {
    /// Which.
    pub visit: K,
    /// When it was due.
    pub due_at: Timestamp,
}

/// Which visit is due, behind a gate per host. Every visit is in exactly one place, however often it is
/// put in: in the queue, waiting at its host's gate, or running.
#[derive(Debug)]
pub struct Schedule<K> {
    limits: HostLimits,
    /// At whose gate each visit waits its next turn.
    hosts: HashMap<K, String>,
    /// Visits that let all others at their gate go first.
    modest: HashSet<K>,
    /// Hosts that take less than others: time between starts, and until when that holds.
    spacings: HashMap<String, (Duration, Timestamp)>,
    /// What `due` does not confirm was put elsewhere since, and is passed over. Its top is always confirmed.
    queue: BinaryHeap<Reverse<(Timestamp, K)>>,
    /// Visits in the queue, and when they are due.
    due: HashMap<K, Timestamp>,
    gates: HashMap<String, Gate<K>>,
    opening: BTreeSet<(Timestamp, String)>,
    /// Visits under way, and the host at whose gate they count, whatever becomes of them meanwhile.
    running: HashMap<K, String>,
}

#[derive(Debug)]
struct Gate<K> {
    in_flight: usize,
    opens_at: Option<Timestamp>,
    /// The host asked us to stay away until then.
    paused_until: Option<Timestamp>,
    waiting: VecDeque<(Timestamp, K)>,
    /// Lets what waits go first.
    modest: VecDeque<(Timestamp, K)>,
    /// Asked for by a person who insists: first, and whatever the host's pause.
    insisted: VecDeque<(Timestamp, K)>,
    /// When it stands in `Schedule::opening`, which it does at most once.
    listed_at: Option<Timestamp>,
}

impl<K> Default for Gate<K> {
    fn default() -> Self {
        Self {
            in_flight: 0,
            opens_at: None,
            paused_until: None,
            waiting: VecDeque::new(),
            modest: VecDeque::new(),
            insisted: VecDeque::new(),
            listed_at: None,
        }
    }
}

impl<K: Copy + Eq> Gate<K> {
    /// When the next visit may start, as far as time goes.
    fn opens_at(&self) -> Option<Timestamp> {
        if self.insisted.is_empty() { self.opens_at.max(self.paused_until) } else { self.opens_at }
    }

    fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.modest.is_empty() && self.insisted.is_empty()
    }

    fn pop(&mut self) -> Option<(Timestamp, K)> {
        let Self { insisted, waiting, modest, .. } = self;
        insisted.pop_front().or_else(|| waiting.pop_front()).or_else(|| modest.pop_front())
    }

    /// Visits that wait for the gate to open, but for those whose askers insist.
    fn patient(&self) -> impl Iterator<Item = &(Timestamp, K)> {
        self.waiting.iter().chain(&self.modest)
    }

    /// Whether a visit waits here, insisted on or not.
    fn holds(&self, visit: K) -> bool {
        self.patient().chain(&self.insisted).any(|(_, waiting)| *waiting == visit)
    }
}

impl<K: Copy + Eq + Ord + Hash> Schedule<K> {
    /// An empty schedule.
    pub fn new(limits: HostLimits) -> Self {
        Self {
            limits,
            hosts: HashMap::new(),
            modest: HashSet::new(),
            spacings: HashMap::new(),
            queue: BinaryHeap::new(),
            due: HashMap::new(),
            gates: HashMap::new(),
            opening: BTreeSet::new(),
            running: HashMap::new(),
        }
    }

    /// Puts a visit in; `host` is the key of its gate (registrable domain, or address). One that is in the queue already is
    /// due at this time instead; one that waits at its gate or is under way stays where it is.
    pub fn add(&mut self, visit: K, host: String, due_at: Timestamp) {
        let is_past = self.running.contains_key(&visit)
            || self
                .hosts
                .get(&visit)
                .and_then(|host| self.gates.get(host))
                .is_some_and(|gate| gate.holds(visit));
        if !is_past {
            self.hosts.insert(visit, host);
            self.enqueue(visit, due_at);
        }
    }

    /// As [`Schedule::add`], for a visit that lets all others at its gate go first.
    pub fn add_modest(&mut self, visit: K, host: String, due_at: Timestamp) {
        self.modest.insert(visit);
        self.add(visit, host, due_at);
    }

    fn enqueue(&mut self, visit: K, due_at: Timestamp) {
        if self.due.insert(visit, due_at) != Some(due_at) {
            self.queue.push(Reverse((due_at, visit)));
            self.trim();
        }
    }

    /// Drops what is not confirmed from the top of the queue.
    fn trim(&mut self) {
        while let Some(Reverse((at, visit))) = self.queue.peek()
            && self.due.get(visit) != Some(at)
        {
            self.queue.pop();
        }
    }

    /// The next visit that is due and whose host's gate is open; it counts as running until [`Schedule::finished`].
    pub fn next(&mut self, now: Timestamp) -> Option<Start<K>> {
        while let Some(&Reverse((due_at, visit))) = self.queue.peek()
            && due_at <= now
        {
            self.due.remove(&visit);
            self.trim();
            let Some(host) = self.hosts.get(&visit).cloned() else { continue };
            let gate = self.gates.entry(host.clone()).or_default();
            let line = if self.modest.contains(&visit) { &mut gate.modest } else { &mut gate.waiting };
            line.push_back((due_at, visit));
            self.list(&host, now);
        }
        let (opens_at, host) = self.opening.first().cloned()?;
        if opens_at > now {
            return None;
        }
        let spacing = self.spacing(&host, now);
        let gate = self.gates.get_mut(&host)?;
        let (due_at, visit) = gate.pop()?;
        gate.in_flight += 1;
        gate.opens_at = Some(after(now, spacing));
        self.running.insert(visit, host.clone());
        self.list(&host, now);
        Some(Start { visit, due_at })
    }

    /// A visit ended and is due again at `due_at`; never again without one. The gate it came through has room again in
    /// either case.
    pub fn finished(&mut self, visit: K, due_at: Option<Timestamp>, now: Timestamp) {
        let Some(host) = self.running.remove(&visit) else { return };
        if let Some(gate) = self.gates.get_mut(&host) {
            gate.in_flight = gate.in_flight.saturating_sub(1);
        }
        self.list(&host, now);
        if let Some(due_at) = due_at {
            self.hosts.entry(visit).or_insert(host);
            self.enqueue(visit, due_at);
        } else {
            self.hosts.remove(&visit);
            self.modest.remove(&visit);
        }
    }

    /// When [`Schedule::next`] may have something, `None` when only a finished visit can change that.
    pub fn wake_at(&self) -> Option<Timestamp> {
        let due = self.queue.peek().map(|Reverse((at, _))| *at);
        let gate = self.opening.first().map(|(at, _)| *at);
        due.into_iter().chain(gate).min()
    }

    /// Makes a visit due now, ahead of its time; its host's gate stands as it is.
    pub fn hasten(&mut self, visit: K, now: Timestamp) {
        let Some(host) = self.hosts.get(&visit).cloned() else { return };
        if self.take_out(visit) {
            self.enqueue(visit, now);
            self.list(&host, now);
        }
    }

    /// As [`Schedule::hasten`], but past the pause its host asked for, and before what waits at the gate.
    pub fn insist(&mut self, visit: K, now: Timestamp) {
        let Some(host) = self.hosts.get(&visit).cloned() else { return };
        if self.take_out(visit) {
            self.gates.entry(host.clone()).or_default().insisted.push_back((now, visit));
            self.list(&host, now);
        }
    }

    /// Takes a visit out for good, unless it is under way.
    pub fn withdraw(&mut self, visit: K, now: Timestamp) {
        if self.running.contains_key(&visit) {
            return;
        }
        self.take_out(visit);
        if let Some(host) = self.hosts.remove(&visit) {
            if let Some(gate) = self.gates.get_mut(&host) {
                gate.insisted.retain(|(_, waiting)| *waiting != visit);
            }
            self.list(&host, now);
        }
        self.modest.remove(&visit);
    }

    /// Takes a visit from the queue; whether it was there. One that waits at its gate is due already, unless the host pauses,
    /// and one under way needs no haste.
    fn take_out(&mut self, visit: K) -> bool {
        if self.due.remove(&visit).is_some() {
            self.trim();
            return true;
        }
        let Some(gate) = self.hosts.get(&visit).and_then(|host| self.gates.get_mut(host)) else {
            return false;
        };
        let count = gate.patient().count();
        gate.waiting.retain(|(_, waiting)| *waiting != visit);
        gate.modest.retain(|(_, waiting)| *waiting != visit);
        gate.patient().count() < count
    }

    /// A host asked us to stay away: nothing asks it before `until`.
    pub fn pause(&mut self, host: &str, until: Timestamp, now: Timestamp) {
        let gate = self.gates.entry(host.to_owned()).or_default();
        gate.paused_until = Some(until);
        self.list(host, now);
    }

    /// A host takes no more than one request each `spacing`, until a time. The gate as it stands follows.
    pub fn space(&mut self, host: &str, spacing: Duration, until: Timestamp, now: Timestamp) {
        self.spacings.insert(host.to_owned(), (spacing, until));
        let spacing = self.spacing(host, now);
        if let Some(gate) = self.gates.get_mut(host)
            && let Some(opens_at) = gate.opens_at
        {
            gate.opens_at = Some(opens_at.max(after(now, spacing)));
            self.list(host, now);
        }
    }

    /// A host was asked at `at`, before this schedule was: it keeps its spacing from then on. A clock that ran ahead makes
    /// nobody wait longer.
    pub fn note_asked(&mut self, host: &str, at: Timestamp, now: Timestamp) {
        let opens_at = after(at.min(now), self.spacing(host, now));
        if opens_at > now {
            let gate = self.gates.entry(host.to_owned()).or_default();
            gate.opens_at = gate.opens_at.max(Some(opens_at));
            self.list(host, now);
        }
    }

    /// Time between two starts towards a host.
    fn spacing(&self, host: &str, now: Timestamp) -> Duration {
        let learned = self.spacings.get(host).filter(|(_, until)| now < *until).map(|(spacing, _)| *spacing);
        learned.into_iter().chain(known_spacing(host)).fold(self.limits.spacing, Duration::max)
    }

    /// Whether a host asked us to stay away.
    pub fn is_paused(&self, host: &str, now: Timestamp) -> bool {
        self.gates.get(host).and_then(|gate| gate.paused_until).is_some_and(|until| now < until)
    }

    /// Until when a host asked us to stay away.
    pub fn paused_until(&self, host: &str, now: Timestamp) -> Option<Timestamp> {
        self.gates.get(host).and_then(|gate| gate.paused_until).filter(|until| now < *until)
    }

    /// Takes over when the gates of an earlier schedule open and what is under way, watched on or not: a reload is no reason
    /// to ask a host sooner. None opens later than the spacing from `now`, or pauses longer than a host may ask for, whatever
    /// clock it was set by.
    pub fn keep_gates_of(&mut self, earlier: &Self, now: Timestamp) {
        let latest_pause = after(now, INSISTED_MAX);
        for (host, spacing) in &earlier.spacings {
            if now < spacing.1 && spacing.1 <= latest_pause {
                self.spacings.insert(host.clone(), *spacing);
            }
        }
        for (host, gate) in &earlier.gates {
            let latest = after(now, self.spacing(host, now));
            let ours = self.gates.entry(host.clone()).or_default();
            ours.opens_at = gate.opens_at.map(|at| at.min(latest));
            ours.paused_until = gate.paused_until.filter(|until| *until <= latest_pause);
        }
        for (visit, host) in &earlier.running {
            if self.running.insert(*visit, host.clone()).is_none() {
                self.gates.entry(host.clone()).or_default().in_flight += 1;
            }
        }
        for host in earlier.gates.keys() {
            self.list(host, now);
        }
    }

    /// A visit goes to another host from its next turn on.
    pub fn set_host(&mut self, visit: K, host: String) {
        if !self.running.contains_key(&visit) {
            self.hosts.insert(visit, host);
        }
    }

    /// When the visit that waits longest in the queue was due; gates aside.
    pub fn first_due_at(&self) -> Option<Timestamp> {
        self.queue.peek().map(|Reverse((at, _))| *at)
    }

    /// Whether this visit is under way.
    pub fn is_running(&self, visit: K) -> bool {
        self.running.contains_key(&visit)
    }

    /// Visits under way.
    pub fn running_count(&self) -> usize {
        self.running.len()
    }

    /// Visits that are due at `now` and have not started.
    pub fn waiting_count(&self, now: Timestamp) -> usize {
        let at_gates: usize =
            self.gates.values().map(|gate| gate.patient().count() + gate.insisted.len()).sum();
        at_gates + self.due.values().filter(|at| **at <= now).count()
    }

    /// Visits that wait at the gate of a host that may be asked only after `by`, with its name.
    pub fn deferred(&self, by: Timestamp) -> impl Iterator<Item = (K, &str)> {
        let closed = self.gates.iter().filter(move |(_, gate)| gate.opens_at().is_some_and(|at| at > by));
        closed.flat_map(move |(host, gate)| {
            gate.patient().chain(&gate.insisted).map(move |(_, visit)| (*visit, host.as_str()))
        })
    }

    /// Puts a gate into `opening`, once, if a visit waits at it and it has room; takes it out otherwise.
    fn list(&mut self, host: &str, now: Timestamp) {
        let Some(gate) = self.gates.get_mut(host) else { return };
        if let Some(listed_at) = gate.listed_at.take() {
            self.opening.remove(&(listed_at, host.to_owned()));
        }
        if gate.is_empty() {
            if gate.in_flight == 0 && gate.opens_at().is_none_or(|at| at <= now) {
                self.gates.remove(host);
            }
        } else if gate.in_flight < self.limits.at_a_time {
            let opens_at = gate.opens_at().unwrap_or(Timestamp::UNIX_EPOCH);
            gate.listed_at = Some(opens_at);
            self.opening.insert((opens_at, host.to_owned()));
        }
    }
}
