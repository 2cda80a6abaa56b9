//! What people answer to alerts: they take an incident in hand, or mute what they know.
//!
//! Owns [`acknowledge`], [`silence`] and [`end_silence`], each within the transaction at hand, so that commands and signed
//! links do the same. A running daemon reads what they wrote in its next transaction. Refuses to know who may.

use jiff::Timestamp;

use super::dispatch::blank;
use crate::alert::AlertId;
use crate::alert::silence::{NewSilence, Refused, Silence, SilenceId, one_line};
use crate::incident::IncidentId;
use crate::store::routing::RouteDecision;
use crate::store::{StoreError, Transaction};

/// Longest text of an author or comment that is kept, characters.
const TEXT_CHARS_MAX: usize = 500;

/// What became of an acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acknowledged {
    /// There is no such alert.
    NoAlert,
    /// It tells of no incident.
    NoIncident,
    /// These incidents are in hands.
    Incidents {
        /// The alert's, or those of the alerts a digest lists.
        incidents: Vec<IncidentId>,
        /// Second addresses that were to be told and are not.
        spared: Vec<String>,
        /// Who had them in hands before, as far as this reaches, in words.
        before: Option<String>,
        /// Alerts of these incidents that it does not reach: somebody is reminded of them all the same.
        open: Vec<AlertId>,
    },
}

/// Somebody takes the incident of an alert in hand: nobody else is reminded of what it has told up to that alert. What came
/// after it they may not have seen. Saying the same twice changes nothing.
pub fn acknowledge(
    tx: &Transaction<'_>,
    alert: AlertId,
    author: &str,
    comment: &str,
    now: Timestamp,
) -> Result<Acknowledged, StoreError> {
    let Some(incidents) = tx.incidents_of(alert)? else { return Ok(Acknowledged::NoAlert) };
    if incidents.is_empty() {
        return Ok(Acknowledged::NoIncident);
    }
    let kept = |text: &str| one_line(text).chars().take(TEXT_CHARS_MAX).collect::<String>();
    let (author, comment) = (kept(author), kept(comment));
    let (mut spared, mut before, mut open) = (Vec::new(), None, Vec::new());
    for incident in &incidents {
        let Some(reach) = tx.reach(*incident, alert)? else { continue };
        let known = tx.acknowledgement(*incident)?.filter(|by| by.through >= reach);
        before = known.map(|by| by.words()).or(before);
        tx.acknowledge(*incident, alert, &author, &comment, now)?;
        let Some(by) = tx.acknowledgement(*incident)? else { continue };
        let reason = format!("not told: acknowledged by {}", by.words());
        for (reminder, kind, severity) in tx.reminders_of(*incident)? {
            if !by.covers(kind, severity, reminder.alert) {
                open.push(reminder.alert);
                continue;
            }
            tx.drop_reminder(reminder.alert, &reminder.address)?;
            tx.save_route_decision(&RouteDecision {
                code: "acknowledged",
                reason: &reason,
                ..blank(reminder.alert, &reminder.address, now)
            })?;
            if !spared.contains(&reminder.address) {
                spared.push(reminder.address);
            }
        }
    }
    open.dedup();
    Ok(Acknowledged::Incidents { incidents, spared, before, open })
}

/// Mutes what matches until a time.
pub fn silence(
    tx: &Transaction<'_>,
    new: NewSilence,
    now: Timestamp,
) -> Result<Result<SilenceId, Refused>, StoreError> {
    match new.check(now) {
        Ok(new) => tx.add_silence(&new, now).map(Ok),
        Err(refused) => Ok(Err(refused)),
    }
}

/// Ends a silence before its time; what it held is told at the next tick. Answers the silence as it was and how much it
/// held; `None` when there is none.
pub fn end_silence(
    tx: &Transaction<'_>,
    id: SilenceId,
    author: &str,
    now: Timestamp,
) -> Result<Option<(Silence, usize)>, StoreError> {
    tx.end_silence(id, &one_line(author), now)
}
