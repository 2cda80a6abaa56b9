//! What routing decided, what is held, and who is reminded, in the store.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use serde::Serialize;

use super::{Reader, StoreError, Transaction, from_micros, to_micros};
use crate::alert::route::Told;
use crate::alert::route::decide::{Hold, Reminder};
use crate::alert::silence::SilenceId;
use crate::alert::{Alert, AlertId, Kind};
use crate::feed::schedule::after;
use crate::incident::IncidentId;
use crate::topic::{Severity, TopicId};

/// Held alerts taken up at a time.
const HOLDS_MAX: u32 = 5_000;

/// Reminders taken up at a time.
const REMINDERS_MAX: u32 = 500;

/// What was held or planned later than this from now was so by a clock that ran ahead, and is due.
const CLOCK_SLACK: Duration = Duration::from_hours(1);

/// A decision about an alert at an address, as it goes into the store.
#[derive(Debug, Clone, Copy)]
pub struct RouteDecision<'a> {
    /// The alert.
    pub alert: AlertId,
    /// The address; empty when no route takes the alert.
    pub address: &'a str,
    /// When.
    pub at: Timestamp,
    /// What, in a word.
    pub code: &'a str,
    /// Why, in a sentence.
    pub reason: &'a str,
    /// When it is told, or decided anew.
    pub until: Option<Timestamp>,
    /// The silence behind it.
    pub silence: Option<SilenceId>,
    /// The digest that told it.
    pub told_in: Option<AlertId>,
    /// What the mail to this address says above everything else.
    pub note: &'a str,
}

/// An alert that waits at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The alert.
    pub alert: AlertId,
    /// To whom.
    pub address: String,
    /// Why it waits.
    pub hold: Hold,
    /// Since when.
    pub held_at: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// The silence that holds it.
    pub silence: Option<SilenceId>,
}

/// A reminder that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingReminder {
    /// The alert.
    pub alert: AlertId,
    /// To whom.
    pub address: String,
    /// How long after the first address was told.
    pub after: Duration,
}

/// What is to be known of an alert to route it.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertFacts {
    /// What routes look at.
    pub alert: Alert,
    /// When it was decided.
    pub at: Timestamp,
    /// Its incident.
    pub incident: Option<IncidentId>,
    /// Best score.
    pub score: Option<f64>,
    /// Subject of its mail.
    pub subject: String,
    /// Why it was decided.
    pub reason: String,
}

/// A decision about an alert at an address, as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoredRouting {
    /// To whom; empty when no route takes the alert.
    pub to: String,
    /// When it was decided.
    pub at: Timestamp,
    /// What, in a word.
    pub decision: String,
    /// Why.
    pub reason: String,
    /// When it is told, or decided anew.
    pub until: Option<Timestamp>,
    /// The digest that told it.
    pub told_in: Option<i64>,
}

/// The best article of an alert.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lead {
    /// Its headline, as it was when the alert was decided.
    pub headline: Option<String>,
    /// Its link.
    pub url: Option<String>,
}

impl Transaction<'_> {
    /// Keeps and records a decision.
    pub fn save_route_decision(&self, new: &RouteDecision<'_>) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "INSERT INTO route_decisions (alert_id, address, at, decision, reason, until, silence_id, told_in, note)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                new.alert.0,
                new.address,
                to_micros(new.at),
                new.code,
                new.reason,
                new.until.map(to_micros),
                new.silence.map(|silence| silence.0),
                new.told_in.map(|digest| digest.0),
                new.note,
            ])?;
        self.audit_routing(new)
    }

    /// Holds an alert at an address, or holds it otherwise.
    pub fn hold(&self, held: &Held) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "INSERT INTO holds (alert_id, address, hold, held_at, until, silence_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (alert_id, address) DO UPDATE
                 SET hold = excluded.hold, held_at = excluded.held_at, until = excluded.until,
                     silence_id = excluded.silence_id",
            )?
            .execute(params![
                held.alert.0,
                held.address,
                held.hold.as_str(),
                to_micros(held.held_at),
                to_micros(held.until),
                held.silence.map(|silence| silence.0),
            ])?;
        Ok(())
    }

    /// Lets go of an alert that was held at an address.
    pub fn let_go(&self, alert: AlertId, address: &str) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("DELETE FROM holds WHERE alert_id = ?1 AND address = ?2")?
            .execute(params![alert.0, address])?;
        Ok(())
    }

    /// What is held and due, by address, the earliest alert first.
    pub fn due_holds(&self, now: Timestamp) -> Result<Vec<Held>, StoreError> {
        let ahead = to_micros(after(now, CLOCK_SLACK));
        let mut statement = self.sql.prepare_cached(
            "SELECT alert_id, address, hold, held_at, until, silence_id FROM holds
             WHERE until <= ?1 OR held_at > ?2 ORDER BY address, alert_id LIMIT ?3",
        )?;
        let rows = statement.query_map(params![to_micros(now), ahead, HOLDS_MAX], read_hold)?;
        rows.map(|row| row?).collect()
    }

    /// What an address waits for because too many mails went to it.
    pub fn capped_holds(&self, address: &str) -> Result<Vec<Held>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT alert_id, address, hold, held_at, until, silence_id FROM holds
             WHERE address = ?1 AND hold = ?2 ORDER BY alert_id LIMIT ?3",
        )?;
        let rows = statement.query_map(params![address, Hold::Cap.as_str(), HOLDS_MAX], read_hold)?;
        rows.map(|row| row?).collect()
    }

    /// When time alone changes what is held, or reminds.
    pub fn next_release_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let at: Option<i64> = self
            .sql
            .prepare_cached(
                "SELECT min(at) FROM (SELECT min(until) AS at FROM holds UNION ALL SELECT min(due_at) FROM reminders)",
            )?
            .query_row([], |row| row.get(0))?;
        Ok(at.map(from_micros))
    }

    /// Alert mails to an address since a time: a digest is one.
    pub fn told_since(&self, address: &str, since: Timestamp) -> Result<Vec<Told>, StoreError> {
        told_since(&self.sql, address, since)
    }

    /// What is to be known of an alert to route it; `None` for one of no topic.
    pub fn alert_facts(&self, id: AlertId) -> Result<Option<AlertFacts>, StoreError> {
        let row = self
            .sql
            .prepare_cached(
                "SELECT kind, topic, severity, place, publishers, at, incident_id, score, subject, reason FROM alerts
                 WHERE id = ?1 AND topic IS NOT NULL AND place IS NOT NULL",
            )?
            .query_row([id.0], |row| {
                let words: (String, String) = (row.get(0)?, row.get(2)?);
                let facts = AlertFacts {
                    alert: Alert {
                        kind: Kind::First,
                        topic: TopicId(row.get(1)?),
                        severity: Severity::Info,
                        place: row.get(3)?,
                        publishers: row.get::<_, Option<u32>>(4)?.unwrap_or_default(),
                    },
                    at: from_micros(row.get(5)?),
                    incident: row.get::<_, Option<i64>>(6)?.map(IncidentId),
                    score: row.get(7)?,
                    subject: row.get(8)?,
                    reason: row.get(9)?,
                };
                Ok((words, facts))
            })
            .optional()?;
        let Some(((kind, severity), mut facts)) = row else { return Ok(None) };
        facts.alert.kind = Kind::from_word(&kind).ok_or(StoreError::Unreadable("alerts.kind"))?;
        facts.alert.severity =
            Severity::from_word(&severity).ok_or(StoreError::Unreadable("alerts.severity"))?;
        Ok(Some(facts))
    }

    /// Publishers of the articles an alert told of.
    pub fn alert_publishers(&self, id: AlertId) -> Result<Vec<String>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT DISTINCT a.publisher FROM alert_articles r JOIN articles a ON a.id = r.article_id
             WHERE r.alert_id = ?1 ORDER BY 1",
        )?;
        let rows = statement.query_map([id.0], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The headline and link of the best article an alert told of. A headline that was edited since is none: it is not what
    /// was decided about.
    pub fn alert_lead(&self, id: AlertId) -> Result<Lead, StoreError> {
        let found = self
            .sql
            .prepare_cached(
                "SELECT CASE WHEN a.revised_at IS NULL OR a.revised_at <= t.at THEN a.title END,
                     CASE WHEN a.entry_url LIKE 'http:%' THEN a.entry_url ELSE coalesce(a.url, a.entry_url) END
                 FROM alert_articles r JOIN articles a ON a.id = r.article_id JOIN alerts t ON t.id = r.alert_id
                 WHERE r.alert_id = ?1 ORDER BY r.position LIMIT 1",
            )?
            .query_row([id.0], |row| Ok(Lead { headline: row.get(0)?, url: row.get(1)? }))
            .optional()?;
        Ok(found.unwrap_or_default())
    }

    /// What the mail of an alert to an address says above everything else; empty when nothing.
    pub fn note_of(&self, alert: AlertId, address: &str) -> Result<String, StoreError> {
        let note = self
            .sql
            .prepare_cached(
                "SELECT note FROM route_decisions WHERE alert_id = ?1 AND address = ?2 AND note <> ''
                 ORDER BY id DESC LIMIT 1",
            )?
            .query_row(params![alert.0, address], |row| row.get(0))
            .optional()?;
        Ok(note.unwrap_or_default())
    }

    /// Keeps a reminder.
    pub fn add_reminder(
        &self,
        alert: AlertId,
        reminder: &Reminder,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "INSERT OR IGNORE INTO reminders (alert_id, address, made_at, due_at, after_seconds)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                alert.0,
                reminder.address,
                to_micros(now),
                to_micros(reminder.due_at),
                i64::try_from(reminder.after.as_secs()).unwrap_or(i64::MAX),
            ])?;
        Ok(())
    }

    /// Takes the reminders that are due.
    pub fn take_reminders(&self, now: Timestamp) -> Result<Vec<WaitingReminder>, StoreError> {
        let ahead = to_micros(after(now, CLOCK_SLACK));
        let mut statement = self.sql.prepare_cached(
            "DELETE FROM reminders WHERE (alert_id, address) IN (
                 SELECT alert_id, address FROM reminders WHERE due_at <= ?1 OR made_at > ?2
                 ORDER BY alert_id, address LIMIT ?3)
             RETURNING alert_id, address, after_seconds",
        )?;
        let rows = statement.query_map(params![to_micros(now), ahead, REMINDERS_MAX], read_reminder)?;
        Ok(sorted(rows.collect::<Result<_, _>>()?))
    }

    /// The reminders of an incident, each with its alert's kind and severity.
    pub fn reminders_of(
        &self,
        incident: IncidentId,
    ) -> Result<Vec<(WaitingReminder, Kind, Severity)>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT r.alert_id, r.address, r.after_seconds, a.kind, a.severity FROM reminders r
             JOIN alerts a ON a.id = r.alert_id WHERE a.incident_id = ?1 ORDER BY r.alert_id, r.address",
        )?;
        let rows = statement.query_map([incident.0], |row| {
            Ok((read_reminder(row)?, row.get::<_, String>(3)?, row.get::<_, String>(4)?))
        })?;
        let rows: Vec<(WaitingReminder, String, String)> = rows.collect::<Result<_, _>>()?;
        let read = |(reminder, kind, severity): (WaitingReminder, String, String)| {
            let kind = Kind::from_word(&kind).ok_or(StoreError::Unreadable("alerts.kind"))?;
            let severity = Severity::from_word(&severity).ok_or(StoreError::Unreadable("alerts.severity"))?;
            Ok((reminder, kind, severity))
        };
        rows.into_iter().map(read).collect()
    }

    /// Reminds nobody at an address of an alert any more.
    pub fn drop_reminder(&self, alert: AlertId, address: &str) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("DELETE FROM reminders WHERE alert_id = ?1 AND address = ?2")?
            .execute(params![alert.0, address])?;
        Ok(())
    }
}

impl Reader {
    /// What was decided about an alert, in order.
    pub fn routing(&self, alert: i64) -> Result<Vec<StoredRouting>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT address, at, decision, reason, until, told_in FROM route_decisions WHERE alert_id = ?1 ORDER BY id",
        )?;
        let rows = statement.query_map([alert], |row| {
            Ok(StoredRouting {
                to: row.get(0)?,
                at: from_micros(row.get(1)?),
                decision: row.get(2)?,
                reason: row.get(3)?,
                until: row.get::<_, Option<i64>>(4)?.map(from_micros),
                told_in: row.get(5)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The alerts a digest tells of.
    pub fn digested(&self, digest: i64) -> Result<Vec<i64>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT DISTINCT alert_id FROM route_decisions WHERE told_in = ?1 ORDER BY 1")?;
        let rows = statement.query_map([digest], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Decisions not to tell an alert to an address at once, by their word.
    pub fn held_back(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT decision, count(*) FROM route_decisions
             WHERE decision NOT IN ('told', 'told-late', 'reminded', 'waits-for-acknowledgement')
             GROUP BY decision ORDER BY decision",
        )?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Alert mails to an address since a time: a digest is one.
    pub fn told_since(&self, address: &str, since: Timestamp) -> Result<Vec<Told>, StoreError> {
        told_since(&self.connection, address, since)
    }
}

fn told_since(
    connection: &rusqlite::Connection,
    address: &str,
    since: Timestamp,
) -> Result<Vec<Told>, StoreError> {
    // Of a digest the gravest alert counts; CASE puts the words in order.
    let mut statement = connection.prepare_cached(
        "SELECT r.at, max(CASE a.severity WHEN 'critical' THEN 2 WHEN 'warning' THEN 1 ELSE 0 END)
         FROM route_decisions r JOIN alerts a ON a.id = r.alert_id
         WHERE r.address = ?1 AND r.at > ?2 AND r.decision IN ('told', 'told-late', 'reminded')
         GROUP BY coalesce(r.told_in, r.alert_id) ORDER BY 1",
    )?;
    let rows = statement.query_map(params![address, to_micros(since)], |row| {
        let severity = match row.get::<_, i64>(1)? {
            2 => Severity::Critical,
            1 => Severity::Warning,
            _ => Severity::Info,
        };
        Ok(Told { at: from_micros(row.get(0)?), severity })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read_hold(row: &Row<'_>) -> rusqlite::Result<Result<Held, StoreError>> {
    let word: String = row.get(2)?;
    let Some(hold) = Hold::from_word(&word) else { return Ok(Err(StoreError::Unreadable("holds.hold"))) };
    Ok(Ok(Held {
        alert: AlertId(row.get(0)?),
        address: row.get(1)?,
        hold,
        held_at: from_micros(row.get(3)?),
        until: from_micros(row.get(4)?),
        silence: row.get::<_, Option<i64>>(5)?.map(SilenceId),
    }))
}

fn read_reminder(row: &Row<'_>) -> rusqlite::Result<WaitingReminder> {
    let seconds: i64 = row.get(2)?;
    Ok(WaitingReminder {
        alert: AlertId(row.get(0)?),
        address: row.get(1)?,
        after: Duration::from_secs(seconds.unsigned_abs()),
    })
}

/// SQL's RETURNING promises no order.
fn sorted(mut reminders: Vec<WaitingReminder>) -> Vec<WaitingReminder> {
    reminders.sort_by(|a, b| (a.alert, &a.address).cmp(&(b.alert, &b.address)));
    reminders
}
