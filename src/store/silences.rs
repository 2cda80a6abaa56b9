//! Silences and acknowledgements in the store, and the connection by which commands and links write them.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::requests::open_beside_daemon;
use super::{Reader, StoreError, Transaction, from_micros, to_micros};
use crate::alert::AlertId;
use crate::alert::acknowledgement::Acknowledgement;
use crate::alert::silence::{Matcher, NewSilence, Silence, SilenceId};
use crate::audit::{Act, Event};
use crate::incident::IncidentId;
use crate::topic::Severity;

/// A connection that writes a few rows, also beside a running daemon: both wait for each other, no longer than for a poll.
/// It makes and migrates nothing.
#[derive(Debug)]
pub struct SideWriter {
    connection: Connection,
}

impl SideWriter {
    /// Opens the database.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = open_beside_daemon(path)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        Ok(Self { connection })
    }

    /// Begins a transaction.
    pub fn begin(&mut self) -> Result<Transaction<'_>, StoreError> {
        Ok(Transaction { sql: self.connection.transaction_with_behavior(TransactionBehavior::Immediate)? })
    }
}

/// SQL for the last alert of an incident that an acknowledgement `k` was given with in hand.
const REACH: &str =
    "SELECT max(h.id) FROM alerts h WHERE h.incident_id = k.incident_id AND (h.id = k.alert_id
     OR h.id IN (SELECT alert_id FROM route_decisions WHERE told_in = k.alert_id))";

const SILENCE: &str =
    "SELECT id, topic, place, severity_max, publisher, address, author, comment, made_at, until, ended_at
     FROM silences";

impl Transaction<'_> {
    /// Keeps a silence.
    pub fn add_silence(&self, new: &NewSilence, now: Timestamp) -> Result<SilenceId, StoreError> {
        let Matcher { topic, place, severity_max, publisher, address } = &new.matcher;
        self.sql.execute(
            "INSERT INTO silences (topic, place, severity_max, publisher, address, author, comment, made_at, until)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                topic,
                place,
                severity_max.map(Severity::as_str),
                publisher,
                address,
                new.author,
                new.comment,
                to_micros(now),
                to_micros(new.until),
            ],
        )?;
        let id = SilenceId(self.sql.last_insert_rowid());
        let note = format!("silence {} until {}: {}", id.0, new.until, new.comment);
        let (act, by) = (Act::Silenced, new.author.as_str());
        self.audit(&Event::FollowUp { act, alert: None, by, note: &note }, now)?;
        Ok(id)
    }

    /// Silences that have not ended.
    pub fn silences(&self, now: Timestamp) -> Result<Vec<Silence>, StoreError> {
        let sql = format!("{SILENCE} WHERE ended_at IS NULL AND until > ?1 ORDER BY id");
        let mut statement = self.sql.prepare_cached(&sql)?;
        let rows = statement.query_map([to_micros(now)], read_silence)?;
        rows.map(|row| row?).collect()
    }

    /// Ends a silence; what it holds is due. Answers the silence as it was, and how much it held; `None` when there is none.
    pub fn end_silence(
        &self,
        id: SilenceId,
        author: &str,
        now: Timestamp,
    ) -> Result<Option<(Silence, usize)>, StoreError> {
        let found = self
            .sql
            .query_row(&format!("{SILENCE} WHERE id = ?1"), [id.0], read_silence)
            .optional()?
            .transpose()?;
        let Some(silence) = found else { return Ok(None) };
        if silence.ended_at.is_some() || silence.until <= now {
            return Ok(Some((silence, 0)));
        }
        self.sql.execute(
            "UPDATE silences SET ended_at = ?2, ended_by = ?3 WHERE id = ?1",
            params![id.0, to_micros(now), author],
        )?;
        let held = self.sql.execute(
            "UPDATE holds SET until = min(until, ?2) WHERE silence_id = ?1",
            params![id.0, to_micros(now)],
        )?;
        let note = format!("silence {}, which held {held}", id.0);
        let act = Act::Unsilenced;
        self.audit(&Event::FollowUp { act, alert: None, by: author, note: &note }, now)?;
        Ok(Some((silence, held)))
    }

    /// The last alert of an incident that somebody has in hand with this one: itself, or the last of those a digest lists.
    pub fn reach(&self, incident: IncidentId, alert: AlertId) -> Result<Option<AlertId>, StoreError> {
        let reach: Option<i64> = self
            .sql
            .prepare_cached(&format!("SELECT ({REACH}) FROM (SELECT ?1 AS incident_id, ?2 AS alert_id) k"))?
            .query_row(params![incident.0, alert.0], |row| row.get(0))?;
        Ok(reach.map(AlertId))
    }

    /// Keeps an acknowledgement; its severity is the highest the incident was told with up to the alert in hand. Whether it is
    /// news: the same words of the same person about the same alert are not.
    pub fn acknowledge(
        &self,
        incident: IncidentId,
        alert: AlertId,
        author: &str,
        comment: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some(through) = self.reach(incident, alert)? else { return Ok(false) };
        let kept = self.sql.execute(
            "INSERT INTO acknowledgements (incident_id, alert_id, author, comment, at, severity)
             SELECT ?1, ?2, ?3, ?4, ?5, severity FROM alerts WHERE incident_id = ?1 AND id <= ?6
                 AND NOT EXISTS (SELECT 1 FROM acknowledgements
                     WHERE incident_id = ?1 AND alert_id = ?2 AND author = ?3 AND comment = ?4)
             ORDER BY CASE severity WHEN 'critical' THEN 2 WHEN 'warning' THEN 1 ELSE 0 END DESC LIMIT 1",
            params![incident.0, alert.0, author, comment, to_micros(now), through.0],
        )?;
        if kept == 0 {
            return Ok(false);
        }
        let act = Act::Acknowledged;
        self.audit(&Event::FollowUp { act, alert: Some(alert), by: author, note: comment }, now)?;
        Ok(true)
    }

    /// The acknowledgement of an incident that reaches furthest; of several, the latest.
    pub fn acknowledgement(&self, incident: IncidentId) -> Result<Option<Acknowledgement>, StoreError> {
        self.sql
            .prepare_cached(&format!(
                "SELECT author, comment, at, severity, ({REACH}) AS through FROM acknowledgements k WHERE incident_id = ?1
                 ORDER BY through DESC, id DESC LIMIT 1"
            ))?
            .query_row([incident.0], read_acknowledgement)
            .optional()?
            .transpose()
    }

    /// Whether there is an alert of this number; and the incidents it tells of: its own, or those of the alerts a digest lists.
    pub fn incidents_of(&self, alert: AlertId) -> Result<Option<Vec<IncidentId>>, StoreError> {
        let exists: bool =
            self.sql.query_row("SELECT EXISTS (SELECT 1 FROM alerts WHERE id = ?1)", [alert.0], |row| {
                row.get(0)
            })?;
        if !exists {
            return Ok(None);
        }
        let mut statement = self.sql.prepare_cached(
            "SELECT DISTINCT a.incident_id FROM alerts a
             WHERE a.incident_id IS NOT NULL AND (a.id = ?1
                 OR a.id IN (SELECT alert_id FROM route_decisions WHERE told_in = ?1)) ORDER BY 1",
        )?;
        let rows = statement.query_map([alert.0], |row| row.get(0).map(IncidentId))?;
        Ok(Some(rows.collect::<Result<_, _>>()?))
    }
}

impl Reader {
    /// Silences, the latest first: those that have not ended, or all.
    pub fn silences(&self, since: Timestamp) -> Result<Vec<Silence>, StoreError> {
        let sql = format!("{SILENCE} WHERE coalesce(ended_at, until) > ?1 ORDER BY id DESC LIMIT 1000");
        let mut statement = self.connection.prepare(&sql)?;
        let rows = statement.query_map([to_micros(since)], read_silence)?;
        rows.map(|row| row?).collect()
    }

    /// Who acknowledged the incident of an alert, in order.
    pub fn acknowledgements(&self, alert: i64) -> Result<Vec<Acknowledgement>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT k.author, k.comment, k.at, k.severity, ({REACH}) FROM acknowledgements k
             JOIN alerts a ON a.incident_id = k.incident_id WHERE a.id = ?1 ORDER BY k.id"
        ))?;
        let rows = statement.query_map([alert], read_acknowledgement)?;
        rows.map(|row| row?).collect()
    }
}

fn read_silence(row: &Row<'_>) -> rusqlite::Result<Result<Silence, StoreError>> {
    let severity_max = match row.get::<_, Option<String>>(3)? {
        None => None,
        Some(word) => match Severity::from_word(&word) {
            None => return Ok(Err(StoreError::Unreadable("silences.severity_max"))),
            known => known,
        },
    };
    Ok(Ok(Silence {
        id: SilenceId(row.get(0)?),
        matcher: Matcher {
            topic: row.get(1)?,
            place: row.get(2)?,
            severity_max,
            publisher: row.get(4)?,
            address: row.get(5)?,
        },
        author: row.get(6)?,
        comment: row.get(7)?,
        made_at: from_micros(row.get(8)?),
        until: from_micros(row.get(9)?),
        ended_at: row.get::<_, Option<i64>>(10)?.map(from_micros),
    }))
}

fn read_acknowledgement(row: &Row<'_>) -> rusqlite::Result<Result<Acknowledgement, StoreError>> {
    let word: String = row.get(3)?;
    let Some(severity) = Severity::from_word(&word) else {
        return Ok(Err(StoreError::Unreadable("acknowledgements.severity")));
    };
    let (author, comment) = (row.get(0)?, row.get(1)?);
    let through = AlertId(row.get::<_, Option<i64>>(4)?.unwrap_or_default());
    Ok(Ok(Acknowledgement { author, comment, at: from_micros(row.get(2)?), through, severity }))
}
