//! A subscription to a feed at its hub (W3C WebSub, Recommendation of 23 January 2018).
//!
//! Owns [`Subscription`]: what is asked of the hub and when, what a hub may verify, how long a lease is believed, and
//! how far deliveries are trusted to replace polls. [`offer`] reads what a publisher advertises, [`signature`] says
//! whether a delivery is the hub's. Refuses the network, the clock and chance: random bytes are handed in.

mod callback;
pub mod offer;
pub mod signature;

use std::time::Duration;

use jiff::Timestamp;
use xxhash_rust::xxh3::xxh3_64;

pub use self::callback::{Callback, Key};
use self::offer::Offer;
use super::FeedId;
use super::schedule::{after, words};

/// A hub that promises less is asked again no sooner than this allows.
pub const LEASE_MIN: Duration = Duration::from_hours(1);

/// A longer lease is not believed: hubs forget, and a month is what most of them give.
pub const LEASE_MAX: Duration = Duration::from_hours(30 * 24);

/// The lease that is asked for; the hub decides (section 5.1).
pub const LEASE_WISH: Duration = Duration::from_hours(10 * 24);

/// Even the best hub does not replace polls altogether (C39).
pub const SAFETY_MAX: Duration = Duration::from_hours(24);

/// An entry younger than this when a poll finds it may still be on its way through the hub.
const ON_ITS_WAY: Duration = Duration::from_mins(10);

/// Waits between attempts that come to nothing: this, doubled each time, up to [`RETRY_MAX`].
const RETRY_FIRST: Duration = Duration::from_mins(5);
const RETRY_MAX: Duration = Duration::from_hours(12);

/// A hub that said no is asked again after this.
const DENIED_FOR: Duration = Duration::from_hours(24);

/// A hub that let us down is trusted again when it delivered and nothing was missed for this long.
const DISTRUST_FOR: Duration = Duration::from_hours(24);

/// How often a hub is asked to let go before it is left to the lease.
const LEAVE_ATTEMPTS: u32 = 3;

/// Longest note kept, characters.
const NOTE_MAX: usize = 300;

/// What is asked of a hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// To deliver.
    Subscribe,
    /// To stop.
    Unsubscribe,
}

impl Mode {
    /// The value of `hub.mode`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
        }
    }

    /// From `hub.mode` or the store.
    pub fn from_text(text: &str) -> Option<Self> {
        [Self::Subscribe, Self::Unsubscribe].into_iter().find(|mode| mode.as_str() == text)
    }
}

/// Where a subscription stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Not verified yet, or no longer.
    Wanted,
    /// The hub verified it and its lease runs.
    Active,
    /// The hub refused it.
    Denied,
    /// Not wanted any more.
    Leaving,
}

impl Phase {
    const ALL: [Self; 4] = [Self::Wanted, Self::Active, Self::Denied, Self::Leaving];

    /// The word in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wanted => "wanted",
            Self::Active => "active",
            Self::Denied => "denied",
            Self::Leaving => "leaving",
        }
    }

    /// From the word in the store.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == text)
    }
}

/// One feed at one hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Whose entries come.
    pub feed: FeedId,
    /// Where.
    pub offer: Offer,
    /// Where the hub calls.
    pub callback: Callback,
    /// What deliveries are signed with.
    pub key: Key,
    /// Where it stands.
    pub phase: Phase,
    /// What the hub was asked for and has not verified yet: only that may it verify.
    pub awaiting: Option<Mode>,
    /// Until when the hub delivers.
    pub lease_until: Option<Timestamp>,
    /// When the hub is asked next.
    pub next_at: Timestamp,
    /// Requests since the hub last verified one.
    pub attempt_count: u32,
    /// Since when it delivers without a break.
    pub active_since: Option<Timestamp>,
    /// The last delivery that was the hub's.
    pub delivered_at: Option<Timestamp>,
    /// Deliveries that were the hub's.
    pub delivery_count: u64,
    /// Deliveries that were not, or could not be read.
    pub refused_count: u64,
    /// Start of the last poll of its feed that was answered well.
    pub polled_at: Option<Timestamp>,
    /// Polls in a row that found everything delivered.
    pub proved_count: u32,
    /// When a poll last found what should have been delivered; until trust returns, polls are as frequent as ever.
    pub missed_at: Option<Timestamp>,
    /// What happened last, in words.
    pub note: String,
}

/// What is to be done about a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Ask the hub now: [`Subscription::ask`].
    Ask,
    /// Nothing before this.
    Wait(Timestamp),
    /// It is over; its row can go.
    Forget,
}

/// What a hub answered to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// 2xx: it will verify.
    Accepted,
    /// Anything else, or nothing.
    Refused {
        /// In words for the owner.
        detail: String,
        /// `Retry-After`.
        retry_after: Option<Duration>,
    },
}

/// What a hub says when it verifies (section 5.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// `hub.mode`.
    pub mode: Mode,
    /// `hub.topic`.
    pub topic: String,
    /// `hub.lease_seconds`.
    pub lease: Option<Duration>,
}

/// How the claim of a hub was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Asked for: the challenge is echoed and the subscription kept.
    Confirmed,
    /// Asked for: the challenge is echoed and the subscription forgotten.
    Ended,
    /// Not asked for: 404.
    Unknown,
}

impl Subscription {
    /// A subscription that is to be asked for at once.
    pub fn new(feed: FeedId, offer: Offer, callback: Callback, key: Key, now: Timestamp) -> Self {
        Self {
            feed,
            offer,
            callback,
            key,
            phase: Phase::Wanted,
            awaiting: None,
            lease_until: None,
            next_at: now,
            attempt_count: 0,
            active_since: None,
            delivered_at: None,
            delivery_count: 0,
            refused_count: 0,
            polled_at: None,
            proved_count: 0,
            missed_at: None,
            note: "the feed names a hub".to_owned(),
        }
    }

    /// What is to be done at `now`. Times that a clock which ran ahead left behind are not believed.
    pub fn step(&self, now: Timestamp) -> Step {
        if self.phase == Phase::Leaving
            && (self.attempt_count >= LEAVE_ATTEMPTS && self.next_at <= now || !self.has_lease(now))
        {
            return Step::Forget;
        }
        let is_ahead = self.next_at > after(now, LEASE_MAX);
        if self.next_at <= now || is_ahead { Step::Ask } else { Step::Wait(self.next_at) }
    }

    /// Asks the hub: what is asked for. From here on the hub may verify it, also before it has answered; without a
    /// verification it is asked again, later and later.
    pub fn ask(&mut self, now: Timestamp) -> Mode {
        let mode = if self.phase == Phase::Leaving { Mode::Unsubscribe } else { Mode::Subscribe };
        if self.phase == Phase::Active && !self.has_lease(now) {
            self.lapse("the lease ran out and was not renewed");
        }
        self.awaiting = Some(mode);
        self.attempt_count = self.attempt_count.saturating_add(1);
        self.next_at = after(now, self.retry_wait());
        mode
    }

    /// Takes the hub's answer to a request. It counts for nothing once the hub has verified.
    pub fn answered(&mut self, answer: &Answer, now: Timestamp) {
        let Some(mode) = self.awaiting else { return };
        match answer {
            Answer::Accepted => {
                self.note(&format!("asked to {}; the hub has yet to verify it", mode.as_str()));
            }
            Answer::Refused { detail, retry_after } => {
                self.awaiting = None;
                let wish = retry_after.unwrap_or_default().min(RETRY_MAX);
                self.next_at = after(now, self.retry_wait().max(wish));
                self.note(&format!("the hub did not take the request: {detail}"));
            }
        }
    }

    /// Takes a verification. Only what was asked for, and asked for this topic, is confirmed (section 5.3.1).
    pub fn verify(&mut self, claim: &Claim, now: Timestamp) -> Verdict {
        if self.awaiting != Some(claim.mode) || claim.topic != self.offer.topic {
            return Verdict::Unknown;
        }
        self.awaiting = None;
        self.attempt_count = 0;
        if claim.mode == Mode::Unsubscribe {
            return Verdict::Ended;
        }
        let lease = claim.lease.unwrap_or(LEASE_WISH).clamp(LEASE_MIN, LEASE_MAX);
        if self.phase != Phase::Active || !self.has_lease(now) {
            self.active_since = Some(now);
        }
        self.phase = Phase::Active;
        self.lease_until = Some(after(now, lease));
        // Between six and seven tenths of it, each in its own place, so that not all are renewed in one hour.
        let tenths = 6 * 1024 + u32::try_from(xxh3_64(self.callback.as_str().as_bytes()) & 1023).unwrap_or(0);
        self.next_at = after(now, lease / (10 * 1024) * tenths);
        self.note(&format!("verified by the hub for {}", words(lease)));
        Verdict::Confirmed
    }

    /// The hub says that there is no subscription, or none any more (section 5.2); answers whether it speaks of this one.
    pub fn denied(&mut self, topic: &str, reason: &str, now: Timestamp) -> bool {
        if topic != self.offer.topic || self.phase == Phase::Leaving {
            return false;
        }
        let reason = if reason.is_empty() { "without a reason" } else { reason };
        self.lapse(&format!("the hub refused: {reason}"));
        self.phase = Phase::Denied;
        self.next_at = after(now, DENIED_FOR);
        true
    }

    /// A delivery came and was the hub's.
    pub fn delivered(&mut self, now: Timestamp) {
        self.delivery_count = self.delivery_count.saturating_add(1);
        self.delivered_at = Some(now);
        if self.note.starts_with(NOT_TAKEN) {
            self.note("deliveries are well again");
        }
    }

    /// A delivery was not taken; answers whether that is news.
    pub fn refused(&mut self, why: &str) -> bool {
        self.refused_count = self.refused_count.saturating_add(1);
        let before = self.note.clone();
        self.note(&format!("{NOT_TAKEN}{why}"));
        self.note != before
    }

    /// A poll that started at `started_at` found entries nobody had seen, published then (`None`: undated). What the hub
    /// should have delivered by then costs it our trust; answers whether it just did.
    pub fn polled(&mut self, found: &[Option<Timestamp>], started_at: Timestamp) -> bool {
        let previous_at = self.polled_at.replace(started_at).filter(|at| *at <= started_at);
        let Some(active_since) = self.active_since.filter(|_| self.phase == Phase::Active) else {
            return false;
        };
        let since = previous_at.map_or(active_since, |at| at.max(active_since));
        let until = started_at.checked_sub(ON_ITS_WAY).unwrap_or(started_at);
        let has_delivered = self.delivered_at.is_some_and(|at| at >= since);
        // Without a time between the two polls nobody knows when it appeared: then silence all the while speaks.
        let is_silent = !has_delivered && since < until;
        let is_missed = |at: &Option<Timestamp>| match at {
            Some(at) if *at > until => false,
            Some(at) if *at > since => true,
            _ => is_silent,
        };
        let missed_count = found.iter().filter(|at| is_missed(at)).count();
        if missed_count > 0 {
            let is_news = self.missed_at.is_none();
            self.missed_at = Some(started_at);
            self.proved_count = 0;
            self.note(&format!("a poll found {missed_count} new entries that the hub had not delivered"));
            return is_news;
        }
        if has_delivered {
            self.proved_count = self.proved_count.saturating_add(1);
            if self.missed_at.is_some_and(|at| after(at, DISTRUST_FOR) <= started_at) {
                self.missed_at = None;
                self.note("nothing was missed for a day");
            }
        }
        false
    }

    /// How long a poll may wait because the hub delivers: the interval, doubled for each poll in a row that found
    /// everything delivered, up to `max_interval` and a day, and not beyond the lease. `None` while the hub has shown
    /// nothing, or let us down: polls are then as frequent as without it.
    pub fn safety_wait(
        &self,
        interval: Duration,
        max_interval: Duration,
        now: Timestamp,
    ) -> Option<Duration> {
        if self.phase != Phase::Active || self.missed_at.is_some() || self.delivery_count == 0 {
            return None;
        }
        let lease_until = self.lease_until.filter(|_| self.has_lease(now))?;
        let lease_left = Duration::try_from(lease_until.duration_since(now)).ok()?;
        let stretched = interval.saturating_mul(1 << self.proved_count.min(16));
        let wait = stretched.min(max_interval).min(SAFETY_MAX).min(lease_left);
        (wait > interval).then_some(wait)
    }

    /// The feed left, or moved to another hub: the hub is to stop.
    pub fn leave(&mut self, why: &str, now: Timestamp) {
        if self.phase != Phase::Leaving {
            self.phase = Phase::Leaving;
            self.awaiting = None;
            self.attempt_count = 0;
            self.next_at = now;
            self.note(why);
        }
    }

    /// The callback has another address now: the hub is to be told.
    pub fn moved(&mut self, now: Timestamp) {
        if self.phase != Phase::Leaving {
            self.lapse("our public address changed");
            self.attempt_count = 0;
            self.next_at = now;
        }
    }

    /// Whether deliveries are taken.
    pub fn takes_deliveries(&self) -> bool {
        self.phase != Phase::Leaving
    }

    /// Whether the hub delivers as far as we know.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.phase == Phase::Active && self.has_lease(now)
    }

    /// Where it stands, for `feeds show`: no secret and no callback in it.
    pub fn words(&self, now: Timestamp) -> String {
        let hub = url::Url::parse(&self.offer.hub).ok();
        let hub = hub.as_ref().and_then(url::Url::host_str).unwrap_or("its hub");
        let state = match self.phase {
            Phase::Active if !self.has_lease(now) => "lapsed".to_owned(),
            Phase::Active => match self.lease_until {
                Some(until) => format!("active until {}", until.strftime("%Y-%m-%d %H:%M UTC")),
                None => "active".to_owned(),
            },
            Phase::Wanted => "not active yet".to_owned(),
            Phase::Denied => "refused".to_owned(),
            Phase::Leaving => "being ended".to_owned(),
        };
        let trust = if self.missed_at.is_some() { ", not trusted" } else { "" };
        let (taken, refused) = (self.delivery_count, self.refused_count);
        format!("{hub}: {state}{trust}; {taken} deliveries, {refused} refused; {}", self.note)
    }

    fn has_lease(&self, now: Timestamp) -> bool {
        self.lease_until.is_some_and(|until| until > now && until <= after(now, LEASE_MAX))
    }

    fn retry_wait(&self) -> Duration {
        let doublings = self.attempt_count.saturating_sub(1).min(16);
        RETRY_FIRST.saturating_mul(1 << doublings).min(RETRY_MAX)
    }

    fn lapse(&mut self, why: &str) {
        self.phase = Phase::Wanted;
        self.awaiting = None;
        self.lease_until = None;
        self.active_since = None;
        self.proved_count = 0;
        self.note(why);
    }

    /// Hubs' words come from strangers: short, on one line.
    fn note(&mut self, words: &str) {
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        self.note = words.chars().take(NOTE_MAX).map(plain).collect();
    }
}

/// How the note of a delivery that was not taken begins.
const NOT_TAKEN: &str = "a delivery was not taken: ";
