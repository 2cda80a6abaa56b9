//! The audit log in the store: records are added, read and checked.
//!
//! Owns the one table that is only ever added to. What commands beside the daemon record goes through [`append`], too, in
//! the transaction of what they do. Refuses to change a record.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::routing::RouteDecision;
use super::{Reader, StoreError, Transaction, from_micros, to_micros};
use crate::alert::{AlertId, Withheld};
use crate::article::identity::ArticleId;
use crate::audit::{Chain, Checked, Event, Record, Seal};
use crate::delivery::DeliveryId;
use crate::topic::TopicId;

const RECORD: &str = "SELECT id, at, kind, alert_id, article_id, topic, about FROM audit";

/// Records of one alert that are read at most.
const OF_ALERT_MAX: u32 = 1_000;

/// Records handed out at a time.
const STEP: u32 = 1_000;

/// Adds a record, in the transaction the connection is in.
pub(super) fn append(connection: &Connection, event: &Event<'_>, at: Timestamp) -> Result<(), StoreError> {
    let last = connection
        .prepare_cached("SELECT id, seal FROM audit ORDER BY id DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)))
        .optional()?;
    // A number is never given twice: where the end was cut off, a hole stays.
    let given = last_given(connection)?;
    let (id, previous) = match last {
        // The chain goes on behind a seal that cannot be read; the check says so.
        Some((id, seal)) => (id.max(given) + 1, Seal::from_bytes(&seal).unwrap_or_default()),
        None => (given + 1, Seal::START),
    };
    // As the store keeps time, so that the seal can be made again from what is read.
    let record = event.record(id, from_micros(to_micros(at)));
    connection
        .prepare_cached(
            "INSERT INTO audit (id, at, kind, alert_id, article_id, topic, about, seal)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            id,
            to_micros(record.at),
            record.kind,
            record.alert,
            record.article,
            record.topic,
            record.about,
            record.seal(previous).0
        ])?;
    Ok(())
}

/// The highest number a record was ever given.
fn last_given(connection: &Connection) -> Result<i64, StoreError> {
    let given = connection
        .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'audit'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(given.unwrap_or(0))
}

impl Transaction<'_> {
    /// Records what happened.
    pub fn audit(&self, event: &Event<'_>, at: Timestamp) -> Result<(), StoreError> {
        append(&self.sql, event, at)
    }

    /// Keeps and records that nobody is told of an article that tripped a topic, or not yet.
    pub fn withhold(
        &self,
        article: ArticleId,
        topic: &TopicId,
        withheld: &Withheld,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (decision, reason) = (withheld.code(), withheld.words());
        self.save_decision(article, topic, decision, &reason)?;
        self.audit(&Event::Withheld { article, topic, decision, reason: &reason }, now)
    }

    /// Like [`Transaction::withhold`], where nothing was decided yet: an edit does not unsay what was.
    pub fn withhold_if_open(
        &self,
        article: ArticleId,
        topic: &TopicId,
        withheld: &Withheld,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (decision, reason) = (withheld.code(), withheld.words());
        if self.decide_if_open(article, topic, decision, &reason)? {
            self.audit(&Event::Withheld { article, topic, decision, reason: &reason }, now)?;
        }
        Ok(())
    }

    /// Records an alert as it is kept, with whom it is queued for.
    pub fn audit_alert(&self, id: AlertId, now: Timestamp) -> Result<(), StoreError> {
        let articles =
            self.list("SELECT article_id FROM alert_articles WHERE alert_id = ?1 ORDER BY position", id)?;
        let to: Vec<String> =
            self.list("SELECT address FROM deliveries WHERE alert_id = ?1 ORDER BY id", id)?;
        let mut statement = self.sql.prepare_cached(
            "SELECT kind, topic, place, incident_id, score, publishers, reason, configuration FROM alerts WHERE id = ?1",
        )?;
        let mut rows = statement.query([id.0])?;
        let Some(row) = rows.next()? else { return Ok(()) };
        let (kind, topic, place): (String, Option<String>, Option<String>) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        let (reason, configuration): (String, String) = (row.get(6)?, row.get(7)?);
        let event = Event::Told {
            alert: id,
            kind: &kind,
            topic: topic.as_deref(),
            place: place.as_deref(),
            incident: row.get(3)?,
            score: row.get(4)?,
            publishers: row.get(5)?,
            reason: &reason,
            articles: &articles,
            to: &to,
            configuration: &configuration,
        };
        self.audit(&event, now)
    }

    /// Records what was decided about an alert at an address. That it is told at once stands in the record of the alert.
    pub(super) fn audit_routing(&self, new: &RouteDecision<'_>) -> Result<(), StoreError> {
        if new.code == "told" {
            return Ok(());
        }
        let RouteDecision { alert, address, at, code: decision, reason, .. } = *new;
        let told_in = new.told_in.map(|digest| digest.0);
        self.audit(&Event::Routed { alert, address, decision, reason, told_in }, at)
    }

    /// Records what became of a delivery: that it ended, or that its first attempt failed. The attempts between are in its
    /// row; a server that is away for a day must not fill the log.
    pub fn audit_delivery(&self, id: DeliveryId, now: Timestamp) -> Result<(), StoreError> {
        let found = self
            .sql
            .prepare_cached(
                "SELECT alert_id, address, status, attempts, reply FROM deliveries WHERE id = ?1",
            )?
            .query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))
            .optional()?;
        let Some((alert, address, status, attempts, reply)) = found else { return Ok(()) };
        let (address, status, reply): (String, String, String) = (address, status, reply);
        if status == "queued" && attempts != 1 {
            return Ok(());
        }
        let alert = AlertId(alert);
        let event = Event::Delivery { alert, address: &address, status: &status, attempts, reply: &reply };
        self.audit(&event, now)
    }

    /// Records that a configuration came into force, unless it was already.
    pub fn audit_configuration(&self, hash: u64, version: &str, now: Timestamp) -> Result<(), StoreError> {
        let event = Event::Configuration { hash, version };
        let last: Option<String> = self
            .sql
            .prepare_cached("SELECT about FROM audit WHERE kind = 'configuration' ORDER BY id DESC LIMIT 1")?
            .query_row([], |row| row.get(0))
            .optional()?;
        if last.is_some_and(|last| last == event.record(0, now).about) {
            return Ok(());
        }
        self.audit(&event, now)
    }

    /// Takes out the records from before a time, after a record that says so; answers how many. They are the first of the
    /// log: one that is dated earlier than what stands before it stays with it.
    pub fn prune_audit(&self, before: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
        let first_kept: Option<i64> = self.sql.query_row(
            "SELECT coalesce((SELECT min(id) FROM audit WHERE at >= ?1), (SELECT max(id) + 1 FROM audit))",
            [to_micros(before)],
            |row| row.get(0),
        )?;
        let Some(through) = first_kept.map(|first| first - 1) else { return Ok(0) };
        let last = self
            .sql
            .query_row(
                "SELECT seal, (SELECT count(*) FROM audit WHERE id <= ?1) FROM audit WHERE id = ?1",
                [through],
                |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, i64>(1)?.unsigned_abs())),
            )
            .optional()?;
        let Some((seal, count)) = last else { return Ok(0) };
        let seal = Seal::from_bytes(&seal).ok_or(StoreError::Unreadable("audit.seal"))?;
        self.audit(&Event::Pruned { through, count, before, seal }, now)?;
        self.sql.execute("DELETE FROM audit WHERE id <= ?1", [through])?;
        Ok(count)
    }

    fn list<T: rusqlite::types::FromSql>(&self, sql: &str, alert: AlertId) -> Result<Vec<T>, StoreError> {
        let mut statement = self.sql.prepare_cached(sql)?;
        let rows = statement.query_map([alert.0], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Reader {
    /// Records from a time on with numbers above `above`, in order, some at a time; none are left when none come.
    pub fn audit_after(&self, above: i64, since: Timestamp) -> Result<Vec<Record>, StoreError> {
        let sql = format!("{RECORD} WHERE id > ?1 AND at >= ?2 ORDER BY id LIMIT {STEP}");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![above, to_micros(since)], read_record)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What is recorded of an alert.
    pub fn audit_of_alert(&self, alert: i64) -> Result<Vec<Record>, StoreError> {
        let sql = format!("{RECORD} WHERE alert_id = ?1 ORDER BY id LIMIT {OF_ALERT_MAX}");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map([alert], read_record)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Walks along the whole log and says where it was changed or cut.
    pub fn check_audit(&self) -> Result<Checked, StoreError> {
        // One look at one state: a record that comes meanwhile is not there.
        let look = self.connection.unchecked_transaction()?;
        let mut chain = Chain::new(prunes(&look)?);
        let mut statement = look.prepare(
            "SELECT id, at, kind, alert_id, article_id, topic, about, seal FROM audit ORDER BY id",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let seal: Vec<u8> = row.get(7)?;
            chain.take(&read_record(row)?, Seal::from_bytes(&seal).unwrap_or_default());
        }
        Ok(chain.end(last_given(&look)?))
    }
}

/// What the prunes in the log say they took.
fn prunes(connection: &Connection) -> Result<Vec<(i64, Seal)>, StoreError> {
    let sql = format!("{RECORD} WHERE kind = 'pruned' ORDER BY id");
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map([], read_record)?;
    let mut pruned = Vec::new();
    for record in rows {
        let details = record?.details();
        let through = details.get("through").and_then(serde_json::Value::as_i64);
        let seal = details.get("seal").and_then(serde_json::Value::as_str).and_then(Seal::from_hex);
        pruned.extend(through.zip(seal));
    }
    Ok(pruned)
}

fn read_record(row: &Row<'_>) -> rusqlite::Result<Record> {
    Ok(Record {
        id: row.get(0)?,
        at: from_micros(row.get(1)?),
        kind: row.get(2)?,
        alert: row.get(3)?,
        article: row.get(4)?,
        topic: row.get(5)?,
        about: row.get(6)?,
    })
}
