//! What becomes of an alert at each address, with the reason.
//!
//! Owns [`decide`], asked when an alert is decided, and [`reconsider`], asked when what was held is due. The same functions
//! answer `wirewatch routes test`. Refuses to look anything up: [`Scene`] brings what is known.

use std::time::Duration;

use jiff::Timestamp;

use super::clock::{QuietHours, moment};
use super::{Mode, Plan, Route, Told, Wait};
use crate::alert::silence::{Silence, SilenceId, silencing};
use crate::alert::{Alert, Kind};
use crate::topic::Severity;

/// What is known when routes are asked.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The time.
    pub now: Timestamp,
    /// Publishers of the alert's articles.
    pub publishers: &'a [String],
    /// Silences, in force or not.
    pub silences: &'a [Silence],
    /// Mails of the last hour, by address.
    pub recent: &'a [(String, Told)],
    /// Addresses that were told of the alert's incident; absent when nobody knows.
    pub audience: Option<&'a [String]>,
    /// Where earlier alerts of its incident wait.
    pub waiting: &'a [Waiting],
    /// Addresses that want to hear nothing of its topic.
    pub unsubscribed: &'a [String],
}

/// An alert of the same incident that waits at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Where.
    pub address: String,
    /// Until when.
    pub until: Timestamp,
    /// Why.
    pub hold: Hold,
    /// The silence that holds it.
    pub silence: Option<SilenceId>,
}

impl Waiting {
    /// What follows it waits with it, and is told in the same mail.
    fn decision(&self) -> Decision {
        Decision::Held {
            until: self.until,
            hold: self.hold,
            silence: self.silence,
            reason: format!(
                "held until {} with what it follows, which this address has not been told yet",
                self.until.strftime("%Y-%m-%d %H:%MZ")
            ),
        }
    }
}

impl Scene<'_> {
    /// A time, with nothing known about it.
    pub fn at(now: Timestamp) -> Self {
        Self {
            now,
            publishers: &[],
            silences: &[],
            recent: &[],
            audience: None,
            waiting: &[],
            unsubscribed: &[],
        }
    }

    fn recent_of(&self, address: &str) -> Vec<Told> {
        let of = |known: &str| known.eq_ignore_ascii_case(address);
        self.recent.iter().filter(|(known, _)| of(known)).map(|(_, told)| *told).collect()
    }

    fn was_told(&self, address: &str) -> bool {
        self.audience.is_some_and(|all| all.iter().any(|known| known.eq_ignore_ascii_case(address)))
    }

    fn is_unsubscribed(&self, address: &str) -> bool {
        self.unsubscribed.iter().any(|known| known.eq_ignore_ascii_case(address))
    }

    /// What becomes of an alert that means nothing to an address which was told nothing of its incident.
    fn unless_known(&self, alert: &Alert, address: &str) -> Option<Decision> {
        if !alert.kind.is_follow_up() || self.audience.is_none() || self.was_told(address) {
            return None;
        }
        let waiting = self.waiting.iter().find(|waiting| waiting.address.eq_ignore_ascii_case(address));
        Some(waiting.map_or(Decision::NothingToClear, Waiting::decision))
    }
}

/// Why an alert waits at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// For the digest of its route.
    Digest,
    /// For the end of quiet hours.
    QuietHours,
    /// For room within `max_per_hour`.
    Cap,
    /// For the end of a silence.
    Silence,
}

impl Hold {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Digest, Self::QuietHours, Self::Cap, Self::Silence];

    /// The word used in the store and for counting.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Digest => "held-digest",
            Self::QuietHours => "held-quiet-hours",
            Self::Cap => "held-cap",
            Self::Silence => "silenced",
        }
    }

    /// The hold for a word of the store.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hold| hold.as_str() == word)
    }
}

/// What becomes of an alert at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is told now.
    Told {
        /// Why, in words.
        reason: String,
    },
    /// It is told later.
    Held {
        /// When.
        until: Timestamp,
        /// Why it waits.
        hold: Hold,
        /// The silence that holds it.
        silence: Option<SilenceId>,
        /// Why, in words.
        reason: String,
    },
    /// It takes back, or says to be over, what this address was never told.
    NothingToClear,
    /// This address wants to hear nothing of the topic.
    Unsubscribed,
}

impl Decision {
    /// The word used in the store and for counting.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Told { .. } => "told",
            Self::Held { hold, .. } => hold.as_str(),
            Self::NothingToClear => "nothing-to-clear",
            Self::Unsubscribed => "unsubscribed",
        }
    }

    /// The reason, in a sentence.
    pub fn words(&self) -> &str {
        match self {
            Self::Told { reason } | Self::Held { reason, .. } => reason,
            Self::NothingToClear => "not told: nothing of this incident was told to this address",
            Self::Unsubscribed => "not told: this address unsubscribed from the topic by a link in a mail",
        }
    }
}

/// What becomes of an alert at one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// To whom.
    pub address: String,
    /// The route that says so, by its place in the file from 0; absent for a correction to somebody who was told.
    pub route: Option<usize>,
    /// What.
    pub decision: Decision,
}

/// Addresses that routes name for an alert, each once, in the order of the routes; and who was told of what is corrected, or
/// is to be.
pub fn recipients(routes: &[Route], alert: &Alert, scene: &Scene<'_>) -> Vec<String> {
    let mut addresses: Vec<String> = Vec::new();
    let named = routes.iter().filter(|route| route.takes(alert)).flat_map(|route| &route.to);
    let told = scene.audience.into_iter().flatten().chain(scene.waiting.iter().map(|it| &it.address));
    for address in named.chain(told.filter(|_| alert.kind == Kind::Correction)) {
        if !addresses.iter().any(|known| known.eq_ignore_ascii_case(address)) {
            addresses.push(address.clone());
        }
    }
    addresses
}

/// What becomes of an alert at every address its routes name. Who is named by several is told once, by the route that tells
/// first; the earlier one in the file when two tell at the same time. Nobody is in the answer when no route takes it.
pub fn decide(routes: &[Route], alert: &Alert, scene: &Scene<'_>) -> Vec<Verdict> {
    let addresses = recipients(routes, alert, scene);
    addresses.into_iter().map(|address| decide_for(routes, alert, address, scene)).collect()
}

fn decide_for(routes: &[Route], alert: &Alert, address: String, scene: &Scene<'_>) -> Verdict {
    let recent = scene.recent_of(&address);
    let taking = routes.iter().enumerate().filter(|(_, route)| route.takes(alert) && route.names(&address));
    let planned = taking.map(|(number, route)| {
        let recent = if route.limits(&address) { recent.as_slice() } else { &[] };
        (number, route.plan(alert, recent, scene.now))
    });
    let earliest = planned.min_by_key(|(number, plan)| (plan.at, *number));
    let route = earliest.as_ref().map(|(number, _)| *number);
    let decision = if scene.is_unsubscribed(&address) {
        Decision::Unsubscribed
    } else if let Some(decision) = scene.unless_known(alert, &address) {
        decision
    } else {
        let planned =
            earliest.and_then(|(number, plan)| routes.get(number).map(|route| (route, number, plan)));
        let decision = planned.map_or_else(
            || Decision::Told { reason: "this address was told what is now corrected".to_owned() },
            |(route, number, plan)| as_planned(route, number, &plan),
        );
        silenced(alert, &address, scene, &decision).unwrap_or(decision)
    };
    Verdict { address, route, decision }
}

/// What becomes at an address of an alert that was held and is due. A digest, quiet hours and a full hour were waited for:
/// only a silence and quiet hours that reign now can hold it on. After a silence its routes are asked as for a new alert,
/// but for the limit of mails. Where no route takes it any more, it is told all the same: it was promised. What follows an
/// alert that is held on is held on with it.
pub fn reconsider(routes: &[Route], alert: &Alert, address: &str, hold: Hold, scene: &Scene<'_>) -> Decision {
    let due = Decision::Told { reason: "its time has come".to_owned() };
    let is_held_on =
        |waiting: &&Waiting| waiting.until > scene.now && waiting.address.eq_ignore_ascii_case(address);
    if alert.kind.is_follow_up()
        && !scene.was_told(address)
        && let Some(waiting) = scene.waiting.iter().find(is_held_on)
    {
        return waiting.decision();
    }
    if let Some(silenced) = silenced(alert, address, scene, &due) {
        return silenced;
    }
    let taking = routes.iter().enumerate().filter(|(_, route)| route.takes(alert) && route.names(address));
    let planned = taking.map(|(number, route)| {
        let plan = match hold {
            Hold::Silence => route.plan(alert, &[], scene.now),
            Hold::Digest | Hold::QuietHours | Hold::Cap => {
                let quiet_until = route.quiet_until(alert.severity, scene.now);
                Plan { at: quiet_until.unwrap_or(scene.now), wait: quiet_until.map(|_| Wait::QuietHours) }
            }
        };
        (route, number, plan)
    });
    match planned.min_by_key(|(_, number, plan)| (plan.at, *number)) {
        Some((route, number, plan)) if plan.wait.is_some() => as_planned(route, number, &plan),
        _ => due,
    }
}

/// A silence holds what would be told before it ends.
fn silenced(alert: &Alert, address: &str, scene: &Scene<'_>, planned: &Decision) -> Option<Decision> {
    // Somebody may have acted on what was told; that it was wrong must reach them.
    if alert.kind == Kind::Correction && scene.was_told(address) {
        return None;
    }
    let silence = silencing(scene.silences, alert, scene.publishers, address, scene.now)?;
    if let Decision::Held { until, .. } = planned
        && *until >= silence.until
    {
        return None;
    }
    let until = silence.until;
    Some(Decision::Held {
        until,
        hold: Hold::Silence,
        silence: Some(silence.id),
        reason: format!(
            "silenced until {} by {} (silence {}): {}",
            until.strftime("%Y-%m-%d %H:%MZ"),
            silence.author,
            silence.id.0,
            silence.comment
        ),
    })
}

fn as_planned(route: &Route, number: usize, plan: &Plan) -> Decision {
    let key = |name: &str| format!("route[{}].{name}", number + 1);
    let until = moment(plan.at, &route.zone);
    let (hold, reason) = match &plan.wait {
        None => return Decision::Told { reason: format!("told at once by route {}", number + 1) },
        Some(Wait::Digest) => {
            let which = if route.mode == Mode::Hourly { "hourly" } else { "daily" };
            (Hold::Digest, format!("held for the {which} digest of {until} ({})", key("mode")))
        }
        Some(Wait::QuietHours) => {
            let hours = route.quiet_hours.as_ref().map_or_else(String::new, QuietHours::words);
            (
                Hold::QuietHours,
                format!("held in quiet hours, {hours}, until {until} ({})", key("quiet_hours")),
            )
        }
        Some(Wait::Cap) => {
            let max = route.max_per_hour.unwrap_or_default();
            let key = key("max_per_hour");
            (
                Hold::Cap,
                format!("held until {until}: {max} mails went to this address within an hour ({key})"),
            )
        }
    };
    Decision::Held { until: plan.at, hold, silence: None, reason }
}

/// Somebody who is told when nobody acknowledges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reminder {
    /// To whom.
    pub address: String,
    /// When.
    pub due_at: Timestamp,
    /// How long after the first address was told.
    pub after: Duration,
    /// The route that says so, by its place in the file from 0.
    pub route: usize,
}

/// Whether an alert is one that must not go unseen.
pub fn asks_acknowledgement(alert: &Alert) -> bool {
    let is_news = matches!(alert.kind, Kind::First | Kind::Update | Kind::Escalation | Kind::Surge);
    is_news && alert.severity == Severity::Critical
}

/// Who is told of an alert when nobody acknowledges it, and when: that long after the first address of the route is told.
/// A route all of whose addresses are silenced reminds nobody: somebody decided so. Whoever mutes one address, or unsubscribes
/// it, does so for that address alone: nobody there is going to acknowledge, so somebody else has to hear of it.
pub fn reminders(
    routes: &[Route],
    alert: &Alert,
    verdicts: &[Verdict],
    silences: &[Silence],
    now: Timestamp,
) -> Vec<Reminder> {
    let is_for_one = |id: &Option<SilenceId>| {
        let found = silences.iter().find(|silence| Some(silence.id) == *id);
        found.is_some_and(|silence| silence.matcher.address.is_some())
    };
    let mut reminders: Vec<Reminder> = Vec::new();
    if !asks_acknowledgement(alert) {
        return reminders;
    }
    for (number, route) in routes.iter().enumerate().filter(|(_, route)| route.takes(alert)) {
        let Some(second) = &route.second_line else { continue };
        let told_at = verdicts.iter().filter(|verdict| route.names(&verdict.address));
        let told_at = told_at.filter_map(|verdict| match &verdict.decision {
            Decision::Told { .. } | Decision::Unsubscribed => Some(now),
            Decision::Held { hold: Hold::Silence, silence, .. } => is_for_one(silence).then_some(now),
            Decision::NothingToClear => None,
            Decision::Held { until, .. } => Some(*until),
        });
        let Some(told_at) = told_at.min() else { continue };
        for address in &second.to {
            let is_told = |verdict: &&Verdict| {
                verdict.address.eq_ignore_ascii_case(address)
                    && matches!(verdict.decision, Decision::Told { .. })
            };
            if verdicts.iter().any(|verdict| is_told(&verdict)) {
                continue;
            }
            let due_at = crate::feed::schedule::after(told_at, second.after);
            let reminder = Reminder { address: address.clone(), due_at, after: second.after, route: number };
            match reminders.iter_mut().find(|known| known.address.eq_ignore_ascii_case(address)) {
                Some(known) if known.due_at > due_at => *known = reminder,
                Some(_) => {}
                None => reminders.push(reminder),
            }
        }
    }
    reminders
}
