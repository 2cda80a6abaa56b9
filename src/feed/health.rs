//! How a feed is, in words an operator can act on.
//!
//! Owns [`Health`], how polls and time change it ([`assess`], [`review`]), and when a change has lasted long enough to be
//! told ([`HealthState::news`]). The sentences are in [`words`]. Refuses to tell anybody: that is the pipeline's.
//!
//! A fault of this machine's network is no feed's: [`FeedState::note`] does not count it, so nothing here sees it.

mod words;

use std::time::Duration;

use jiff::Timestamp;

use super::answer::AnswerKind;
use super::schedule::after;
use super::state::FeedState;

/// So many failed polls in a row, over [`BLIND_MIN`] and two intervals, and a feed is failing: with the usual back-off
/// that is an hour at 15 minutes. Fewer, or sooner, is weather.
const FAILURES_MIN: u32 = 3;

/// A feed that could not be read for less is not failing yet, however short its interval.
const BLIND_MIN: Duration = Duration::from_hours(1);

/// Back-off and `Retry-After` make polls rare: after so long (and four intervals) a single failure is enough. An owner who
/// watches for early signs loses a shift to it.
const BLIND_LONG: Duration = Duration::from_hours(6);

/// Times its longest usual silence that a feed may be silent.
const SILENCE_FACTOR: u32 = 3;

/// No feed is silent sooner.
const SILENCE_MIN: Duration = Duration::from_hours(24);

/// A feed that publishes too rarely for a usual silence to be learned is given this.
const SILENCE_UNKNOWN: Duration = Duration::from_hours(60 * 24);

/// 410 answers in a row, and the time over which they came, that confirm each other.
const GONE_MIN: u32 = 3;
const GONE_FOR: Duration = Duration::from_hours(24);

/// Conditional requests in a row that were answered in full for nothing: the server ignores them.
const IGNORED_MIN: u32 = 20;

/// What is wrong and does not blind is told when it has lasted so long.
const DEGRADED_FOR: Duration = Duration::from_hours(24);

/// Who was told of a recovery so recently is told of the next failure only when it lasts [`FLAP_FACTOR`] times as long.
const FLAP_WITHIN: Duration = Duration::from_hours(7 * 24);
const FLAP_FACTOR: u32 = 3;

/// How a feed is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Health {
    /// Polls bring what they should.
    #[default]
    Ok,
    /// Something is wrong and news still comes, or came a short while ago.
    Degraded,
    /// Nothing has come for long enough to be blind.
    Failing,
    /// Polls succeed and nothing new appears, longer than ever.
    Silent,
    /// The publisher says the feed is no more.
    Gone,
}

impl Health {
    /// All of them, best first.
    pub const ALL: [Self; 5] = [Self::Ok, Self::Degraded, Self::Failing, Self::Silent, Self::Gone];

    /// The lower-case word it is stored and shown as.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Failing => "failing",
            Self::Silent => "silent",
            Self::Gone => "gone",
        }
    }

    /// The health of a stored word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|health| health.word() == word)
    }

    /// Whether its news does not reach us: somebody must look.
    pub fn is_blind(self) -> bool {
        matches!(self, Self::Failing | Self::Silent | Self::Gone)
    }
}

/// A feed's health, since when and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HealthState {
    /// Now.
    pub health: Health,
    /// Since when; absent when it was never anything but ok.
    pub since: Option<Timestamp>,
    /// Why, in runbook words: what happened and what to do. Empty when ok.
    pub reason: String,
    /// What its last document lacked, in words; empty when nothing. A 304 leaves it as it is.
    pub flaw: String,
    /// What its operator was told last.
    pub told: Health,
    /// When.
    pub told_at: Option<Timestamp>,
    /// When time alone changes what is to be done about it; absent when only a poll can.
    pub look_at: Option<Timestamp>,
}

/// What its operator has not been told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// It got worse, or badly off in another way.
    Worse,
    /// It can be read again.
    Back,
}

impl HealthState {
    /// What is to be told, once it has lasted.
    pub fn news(&self) -> Option<News> {
        match (self.told, self.health) {
            // That a removed feed answers otherwise for once changes nothing for its owner.
            (told, health) if told == health => None,
            (Health::Gone, Health::Failing) => None,
            (_, health) if health.is_blind() => Some(News::Worse),
            (Health::Ok, _) => Some(News::Worse),
            _ => Some(News::Back),
        }
    }

    /// When that has lasted: `patience` after it began, a day for what does not blind, longer after a recent recovery.
    pub fn tell_at(&self, patience: Duration) -> Option<Timestamp> {
        let since = self.since?;
        let wait = match self.news()? {
            News::Back => patience,
            News::Worse if self.health == Health::Degraded => DEGRADED_FOR.max(patience),
            News::Worse => {
                let recovered = self.told_at.filter(|_| self.told == Health::Ok);
                let is_flapping = recovered.is_some_and(|at| after(at, FLAP_WITHIN) > since);
                if is_flapping { patience.saturating_mul(FLAP_FACTOR) } else { patience }
            }
        };
        Some(after(since, wait))
    }

    /// The same after its operator was told all of it. A recovery is told once, whatever small fault stays.
    #[must_use]
    pub fn told(&self, at: Timestamp) -> Self {
        let told = match self.news() {
            Some(News::Back) => Health::Ok,
            _ => self.health,
        };
        Self { told, told_at: Some(at), look_at: None, ..self.clone() }
    }
}

/// What is known of a feed besides its state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signs {
    /// The host to name.
    pub host: String,
    /// The owner's time between polls.
    pub interval: Duration,
    /// How long a change must last before it is told.
    pub patience: Duration,
    /// What the document of this poll lacked, in words (empty: nothing); `None` when no document came.
    pub flaw: Option<String>,
}

/// How a feed is after a poll that `state` has taken in, next due time and outcome included.
pub fn assess(state: &FeedState, signs: &Signs, now: Timestamp) -> HealthState {
    let before = &state.health;
    let flaw = signs.flaw.clone().unwrap_or_else(|| before.flaw.clone());
    let (health, reason) = judge(state, signs, &flaw, now);
    let since = if health == before.health { before.since } else { Some(now) };
    let health = HealthState { health, since, reason, flaw, ..before.clone() };
    HealthState { look_at: look_at(state, &health, signs), ..health }
}

/// The same when only time has passed.
pub fn review(state: &FeedState, signs: &Signs, now: Timestamp) -> HealthState {
    let is_worse = state.health.health == Health::Degraded && is_failing(state, signs.interval, now);
    if is_worse { assess(state, signs, now) } else { state.health.clone() }
}

fn judge(state: &FeedState, signs: &Signs, flaw: &str, now: Timestamp) -> (Health, String) {
    let before = state.health.health;
    let is_confirmed =
        state.gone_count >= GONE_MIN && state.gone_since.is_some_and(|since| after(since, GONE_FOR) <= now);
    if state.last_answer == AnswerKind::Gone && (is_confirmed || before == Health::Gone) {
        return (Health::Gone, words::gone(state));
    }
    if state.failure_count > 0 {
        // What failed stays failing until it can be read.
        let is_failing = before == Health::Failing || is_failing(state, signs.interval, now);
        let health = match before {
            _ if is_failing => Health::Failing,
            // A failed poll is no sign that what was silent or removed is back.
            Health::Silent | Health::Gone => before,
            _ => Health::Degraded,
        };
        return (health, words::failure(state, signs, health, now));
    }
    if let Some(since) = silent_since(state, now) {
        return (Health::Silent, words::silence(since, state, now));
    }
    match words::small_fault(state, flaw, now) {
        Some(reason) => (Health::Degraded, reason),
        None => (Health::Ok, String::new()),
    }
}

/// Since when the feed could not be read.
fn blind_since(state: &FeedState, now: Timestamp) -> Timestamp {
    let troubled_since = state.health.since.filter(|_| state.health.health != Health::Ok);
    state.last_success_at.or(troubled_since).unwrap_or(now)
}

fn is_failing(state: &FeedState, interval: Duration, now: Timestamp) -> bool {
    let since = blind_since(state, now);
    let lasts =
        |least: Duration, intervals: u32| after(since, least.max(interval.saturating_mul(intervals))) <= now;
    (state.failure_count >= FAILURES_MIN && lasts(BLIND_MIN, 2))
        || (state.failure_count > 0 && lasts(BLIND_LONG, 4))
}

/// Since when the feed has been silent, longer than ever. Once silent it stays so until something new comes: what is
/// learned fades, and with it the measure.
fn silent_since(state: &FeedState, now: Timestamp) -> Option<Timestamp> {
    let last = state.last_new_at.or(state.first_success_at)?;
    let was_silent = match state.health.health {
        Health::Silent => true,
        Health::Failing => state.health.told == Health::Silent,
        _ => false,
    };
    let stays = was_silent && state.health.since.is_some_and(|since| last <= since);
    let allowed = state
        .rhythm
        .usual_gap()
        .map_or(SILENCE_UNKNOWN, |usual| usual.saturating_mul(SILENCE_FACTOR).max(SILENCE_MIN));
    (stays || after(last, allowed) <= now).then_some(last)
}

/// When time alone changes what is to be done: a feed that is not asked again for long becomes failing, or a change has
/// lasted and is told.
fn look_at(state: &FeedState, health: &HealthState, signs: &Signs) -> Option<Timestamp> {
    fails_at(state, health, signs).into_iter().chain(health.tell_at(signs.patience)).min()
}

/// When a feed whose polls fail, and that is only degraded, becomes failing if nothing else happens.
pub fn fails_at(state: &FeedState, health: &HealthState, signs: &Signs) -> Option<Timestamp> {
    (health.health == Health::Degraded && state.failure_count > 0).then(|| {
        let since = state.last_success_at.or(health.since).unwrap_or(Timestamp::MAX);
        let (few, many) = (signs.interval.saturating_mul(2), signs.interval.saturating_mul(4));
        let least =
            if state.failure_count >= FAILURES_MIN { BLIND_MIN.max(few) } else { BLIND_LONG.max(many) };
        after(since, least)
    })
}
