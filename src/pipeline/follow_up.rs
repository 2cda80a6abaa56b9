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
        /// Who had them in hands before, in words.
        before: Option<String>,
    },
}

/// Somebody takes the incident of an alert in hand: nobody else is reminded of what it has told so far. Doing so twice keeps
/// both, and changes nothing.
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
    let (mut spared, mut before) = (Vec::new(), None);
    for incident in &incidents {
        before = tx.acknowledgement(*incident)?.map(|by| by.words()).or(before);
        tx.acknowledge(*incident, alert, &author, &comment, now)?;
        let Some(by) = tx.acknowledgement(*incident)? else { continue };
        let reason = format!("not told: acknowledged by {}", by.words());
        for reminder in tx.take_reminders_of(*incident)? {
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
    Ok(Acknowledged::Incidents { incidents, spared, before })
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
