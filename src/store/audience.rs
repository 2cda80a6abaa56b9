//! Who knows of an incident, in the store: whom it was told to, and where it still waits.
//!
//! Corrections and all-clears are for those who know. Refuses to decide who is told.

use rusqlite::params;

use super::{StoreError, Transaction, from_micros};
use crate::alert::route::decide::{Hold, Waiting};
use crate::alert::silence::SilenceId;
use crate::alert::{AlertId, Kind};
use crate::incident::IncidentId;

/// What is known of an incident at addresses when a further alert of it is decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Knowledge {
    /// Who was told of it; absent where that does not matter.
    pub audience: Option<Vec<String>>,
    /// Where alerts of it wait, the earliest to be told first.
    pub waiting: Vec<Waiting>,
}

impl Transaction<'_> {
    /// Who knows of the incident of an alert: asked for what follows other alerts only.
    pub fn knowledge(
        &self,
        kind: Kind,
        incident: Option<IncidentId>,
        alert: AlertId,
    ) -> Result<Knowledge, StoreError> {
        match incident {
            Some(incident) if kind.is_follow_up() => Ok(Knowledge {
                audience: Some(self.audience(incident, alert)?),
                waiting: self.held_before(incident, alert)?,
            }),
            _ => Ok(Knowledge::default()),
        }
    }

    /// Who was told of an incident by other alerts than this one. What was taken out of the outbox because somebody
    /// unsubscribed was not told.
    fn audience(&self, incident: IncidentId, but: AlertId) -> Result<Vec<String>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT r.address FROM route_decisions r JOIN alerts a ON a.id = r.alert_id
             WHERE a.incident_id = ?1 AND a.id <> ?2 AND r.decision IN ('told', 'told-late', 'reminded')
                 AND NOT EXISTS (SELECT 1 FROM route_decisions u WHERE u.alert_id = r.alert_id
                     AND u.address = r.address AND u.decision = 'unsubscribed' AND u.id > r.id)
             UNION SELECT d.address FROM deliveries d JOIN alerts a ON a.id = d.alert_id
             WHERE a.incident_id = ?1 AND a.id <> ?2 ORDER BY 1",
        )?;
        let rows = statement.query_map(params![incident.0, but.0], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Where alerts of an incident before this one wait.
    fn held_before(&self, incident: IncidentId, before: AlertId) -> Result<Vec<Waiting>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT h.address, h.until, h.hold, h.silence_id FROM holds h JOIN alerts a ON a.id = h.alert_id
             WHERE a.incident_id = ?1 AND a.id < ?2 AND a.kind IN ('first', 'update', 'escalation', 'surge')
             ORDER BY h.until, h.address",
        )?;
        let rows = statement.query_map(params![incident.0, before.0], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?, row.get::<_, Option<i64>>(3)?))
        })?;
        let rows: Vec<(String, i64, String, Option<i64>)> = rows.collect::<Result<_, _>>()?;
        let read = |(address, until, hold, silence): (String, i64, String, Option<i64>)| {
            let hold = Hold::from_word(&hold).ok_or(StoreError::Unreadable("holds.hold"))?;
            Ok(Waiting { address, until: from_micros(until), hold, silence: silence.map(SilenceId) })
        };
        rows.into_iter().map(read).collect()
    }

    /// Whether an address was told of an alert already, in a mail of its own or in a digest.
    pub fn was_told(&self, alert: AlertId, address: &str) -> Result<bool, StoreError> {
        let found = self
            .sql
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM deliveries WHERE alert_id = ?1 AND address = ?2 COLLATE NOCASE)
                     OR EXISTS (SELECT 1 FROM route_decisions WHERE alert_id = ?1 AND address = ?2
                         AND decision IN ('told', 'told-late', 'reminded'))",
            )?
            .query_row(params![alert.0, address], |row| row.get(0))?;
        Ok(found)
    }

    /// Whether somebody at an address is reminded of an alert, or was spared it: that is decided once.
    pub fn is_reminder_planned(&self, alert: AlertId, address: &str) -> Result<bool, StoreError> {
        let found = self
            .sql
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM route_decisions WHERE alert_id = ?1 AND address = ?2
                     AND decision IN ('waits-for-acknowledgement', 'acknowledged'))",
            )?
            .query_row(params![alert.0, address], |row| row.get(0))?;
        Ok(found)
    }

    /// Corrections of an incident that were decided after an alert of it.
    pub fn corrections_after(
        &self,
        incident: IncidentId,
        alert: AlertId,
    ) -> Result<Vec<AlertId>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT id FROM alerts WHERE incident_id = ?1 AND id > ?2 AND kind = 'correction' ORDER BY id",
        )?;
        let rows = statement.query_map(params![incident.0, alert.0], |row| row.get(0).map(AlertId))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
