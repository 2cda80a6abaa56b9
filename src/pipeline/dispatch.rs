//! From an alert to the people who are told: routes are asked, and what they answer is written.
//!
//! Owns [`dispatch`]. Who takes an alert, and when, is decided by `alert/route`; what is held is told by `hold`. Refuses to
//! decide alerts and to send.

use std::ops::RangeInclusive;

use jiff::Timestamp;

use crate::alert::route::CAP_WINDOW;
use crate::alert::route::decide::{Decision, Reminder, Scene, Verdict, decide, recipients, reminders};
use crate::alert::{Alert, AlertId};
use crate::config::Config;
use crate::incident::IncidentId;
use crate::store::routing::{Held, RouteDecision};
use crate::store::{StoreError, Transaction};

/// What became of an alert.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Dispatched {
    /// Who is told now.
    pub(super) to: Vec<String>,
    /// Who is told later, and when.
    pub(super) held: Vec<(String, Timestamp)>,
    /// Whether any route takes it, be it that whoever it names is not told.
    pub(super) has_route: bool,
}

/// Queues an alert for everybody its routes name, or holds it; every decision is kept. Answers who is told, and when. Routes
/// that ask for as many publishers as lie in `known_at` know it already.
pub(super) fn dispatch(
    tx: &Transaction<'_>,
    config: &Config,
    alert: &Alert,
    (id, known_at): (AlertId, &RangeInclusive<u32>),
    now: Timestamp,
) -> Result<Dispatched, StoreError> {
    let incident = tx.alert_facts(id)?.and_then(|facts| facts.incident);
    let known = tx.knowledge(alert.kind, incident, id)?;
    let (publishers, silences) = (tx.alert_publishers(id)?, tx.silences(now)?);
    let hour_ago = now.checked_sub(CAP_WINDOW).unwrap_or(Timestamp::MIN);
    let (mut recent, mut unsubscribed) = (Vec::new(), Vec::new());
    let scene = Scene {
        publishers: &publishers,
        silences: &silences,
        audience: known.audience.as_deref(),
        waiting: &known.waiting,
        ..Scene::at(now)
    };
    for address in recipients(&config.routes, alert, &scene) {
        let told = tx.told_since(&address, hour_ago)?;
        recent.extend(told.into_iter().map(|told| (address.clone(), told)));
        if tx.is_unsubscribed(&address, &alert.topic.0)? {
            unsubscribed.push(address);
        }
    }
    let scene = Scene { recent: &recent, unsubscribed: &unsubscribed, ..scene };
    let verdicts = decide(&config.routes, alert, &scene);
    let is_told_by = |number: usize| {
        config.routes.get(number).is_some_and(|route| known_at.contains(&route.min_publishers))
    };
    if verdicts.is_empty() {
        tx.save_route_decision(&RouteDecision {
            code: "no-route",
            reason: "nobody was told: no route takes it",
            ..blank(id, "", now)
        })?;
    }
    let mut dispatched = Dispatched { has_route: !verdicts.is_empty(), ..Dispatched::default() };
    for verdict in &verdicts {
        if verdict.route.is_some_and(is_told_by) {
            let known = RouteDecision {
                code: "known",
                reason: "not told again: it heard of this when fewer publishers said so",
                ..blank(id, &verdict.address, now)
            };
            tx.save_route_decision(&known)?;
        } else {
            carry_out(tx, id, verdict, now, &mut dispatched)?;
        }
    }
    // The second address of a route that hears of it only now is asked, though the first one knows it by another route.
    let planned = reminders(&config.routes, alert, &verdicts, &silences, now);
    let fresh = planned.into_iter().filter(|reminder| !is_told_by(reminder.route)).collect();
    remind_later(tx, alert, (id, incident), fresh, now)?;
    tx.audit_alert(id, now)?;
    Ok(dispatched)
}

/// A decision with nothing to it yet.
pub(super) fn blank(alert: AlertId, address: &str, at: Timestamp) -> RouteDecision<'_> {
    RouteDecision {
        alert,
        address,
        at,
        code: "",
        reason: "",
        until: None,
        silence: None,
        told_in: None,
        note: "",
    }
}

/// That an address wants to hear nothing of a topic any more.
pub(super) fn unsubscribed(alert: AlertId, address: &str, now: Timestamp) -> RouteDecision<'_> {
    RouteDecision {
        code: Decision::Unsubscribed.code(),
        reason: Decision::Unsubscribed.words(),
        ..blank(alert, address, now)
    }
}

fn carry_out(
    tx: &Transaction<'_>,
    id: AlertId,
    verdict: &Verdict,
    now: Timestamp,
    dispatched: &mut Dispatched,
) -> Result<(), StoreError> {
    let (address, decision) = (&verdict.address, &verdict.decision);
    let mut kept =
        RouteDecision { code: decision.code(), reason: decision.words(), ..blank(id, address, now) };
    match decision {
        Decision::Told { .. } => {
            tx.queue_delivery(id, address, now)?;
            dispatched.to.push(address.clone());
        }
        Decision::Held { until, hold, silence, .. } => {
            (kept.until, kept.silence) = (Some(*until), *silence);
            tx.hold(&Held {
                alert: id,
                address: address.clone(),
                hold: *hold,
                held_at: now,
                until: *until,
                silence: *silence,
            })?;
            dispatched.held.push((address.clone(), *until));
        }
        Decision::NothingToClear | Decision::Unsubscribed => {}
    }
    tx.save_route_decision(&kept)
}

/// Plans to tell a second address, once; an incident that somebody has in hands already needs none.
pub(super) fn remind_later(
    tx: &Transaction<'_>,
    alert: &Alert,
    (id, incident): (AlertId, Option<IncidentId>),
    planned: Vec<Reminder>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut fresh = Vec::new();
    for reminder in planned {
        if !tx.is_reminder_planned(id, &reminder.address)? && !tx.was_told(id, &reminder.address)? {
            fresh.push(reminder);
        }
    }
    let acknowledged = match incident {
        Some(incident) if !fresh.is_empty() => tx.acknowledgement(incident)?,
        _ => None,
    };
    let covering = acknowledged.filter(|by| by.covers(alert.kind, alert.severity, id));
    for reminder in &fresh {
        let blank = blank(id, &reminder.address, now);
        if let Some(by) = &covering {
            let reason = format!("not told: acknowledged by {}", by.words());
            tx.save_route_decision(&RouteDecision { code: "acknowledged", reason: &reason, ..blank })?;
            continue;
        }
        let number = reminder.route + 1;
        let reason = format!(
            "told at {} unless somebody acknowledges it (route[{number}].escalate_to)",
            reminder.due_at.strftime("%Y-%m-%d %H:%MZ")
        );
        tx.add_reminder(id, reminder, now)?;
        tx.save_route_decision(&RouteDecision {
            code: "waits-for-acknowledgement",
            reason: &reason,
            until: Some(reminder.due_at),
            ..blank
        })?;
    }
    Ok(())
}
