//! What recipients answered: unsubscriptions, and what their links are checked against.
//!
//! Owns the key that signs links: made once, kept in the database, handed to whoever signs. Refuses to judge a link.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, TransactionBehavior, params};
use serde::Serialize;

use super::audit::append;
use super::requests::open_beside_daemon;
use super::{Reader, StoreError, Transaction, from_micros, labels, to_micros};
use crate::alert::{AlertId, Kind};
use crate::audit::{Act, Event};
use crate::delivery::DeliveryId;
use crate::delivery::follow_up::Key;
use crate::topic::evaluate::Grade;
use std::path::Path;

/// What a link is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The alert of its delivery.
    pub alert: AlertId,
    /// When it was decided.
    pub at: Timestamp,
    /// To whom it went.
    pub address: String,
    /// Topic id.
    pub topic: Option<String>,
    /// What it tells.
    pub kind: Option<Kind>,
    /// Subject of its mail.
    pub subject: String,
}

/// An address that wants no more mail about a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unsubscription {
    /// The address.
    pub address: String,
    /// Topic id.
    pub topic: String,
    /// Since when.
    pub at: Timestamp,
    /// The alert whose mail had the link.
    pub alert: Option<i64>,
}

impl Transaction<'_> {
    /// The key that signs links, made at first use.
    pub fn follow_up_key(&self) -> Result<Key, StoreError> {
        let known: Option<Vec<u8>> = self
            .sql
            .prepare_cached("SELECT key FROM follow_up_keys LIMIT 1")?
            .query_row([], |row| row.get(0))
            .optional()?;
        if let Some(known) = known {
            let bytes = known.try_into().map_err(|_| StoreError::Unreadable("follow_up_keys"))?;
            return Ok(Key::new(bytes));
        }
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|_| StoreError::NoRandomness)?;
        self.sql.execute("INSERT INTO follow_up_keys (key) VALUES (?1)", [bytes.as_slice()])?;
        Ok(Key::new(bytes))
    }

    /// What the link of a delivery is about; `None` when there is no such delivery.
    pub fn link_subject(&self, delivery: DeliveryId) -> Result<Option<Subject>, StoreError> {
        let found = self
            .sql
            .prepare_cached(
                "SELECT a.id, a.at, d.address, a.topic, a.kind, a.subject
                 FROM deliveries d JOIN alerts a ON a.id = d.alert_id WHERE d.id = ?1",
            )?
            .query_row([delivery.0], |row| {
                Ok(Subject {
                    alert: AlertId(row.get(0)?),
                    at: from_micros(row.get(1)?),
                    address: row.get(2)?,
                    topic: row.get(3)?,
                    kind: Kind::from_word(&row.get::<_, String>(4)?),
                    subject: row.get(5)?,
                })
            })
            .optional()?;
        Ok(found)
    }

    /// Labels the articles of an alert that trip its topic still as its feedback; answers how many took it. Articles that somebody labelled themselves
    /// keep their labels.
    pub fn keep_feedback(
        &self,
        alert: AlertId,
        topic: &str,
        grade: Grade,
        at: Timestamp,
    ) -> Result<usize, StoreError> {
        let mut statement =
            self.sql.prepare_cached(
                "SELECT i.article_id FROM alert_articles i JOIN scores s ON s.article_id = i.article_id AND s.topic = ?2
                 WHERE i.alert_id = ?1 AND s.trips = 1",
            )?;
        let articles: Vec<i64> =
            statement.query_map(params![alert.0, topic], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let label = |article| labels::Label { article, topic: topic.to_owned(), grade };
        let labels: Vec<labels::Label> = articles.into_iter().map(label).collect();
        labels::keep(&self.sql, &labels, labels::LabelSource::Feedback, at)
    }

    /// Whether an address wants no mail about a topic.
    pub fn is_unsubscribed(&self, address: &str, topic: &str) -> Result<bool, StoreError> {
        Ok(self
            .sql
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM unsubscriptions
                     WHERE address = ?1 AND topic = ?2 AND restored_at IS NULL)",
            )?
            .query_row(params![address, topic], |row| row.get(0))?)
    }

    /// Takes what waits in the outbox for an address about a topic out of it; answers which alerts. What is on its way, and what
    /// came into a digest, still comes.
    pub fn withdraw_queued(&self, address: &str, topic: &str) -> Result<Vec<AlertId>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "DELETE FROM deliveries WHERE status = 'queued' AND address = ?1 COLLATE NOCASE
                 AND alert_id IN (SELECT id FROM alerts WHERE topic = ?2) RETURNING alert_id",
        )?;
        let rows = statement.query_map(params![address, topic], |row| row.get(0).map(AlertId))?;
        let mut withdrawn: Vec<AlertId> = rows.collect::<Result<_, _>>()?;
        withdrawn.sort_unstable();
        Ok(withdrawn)
    }

    /// Keeps that an address wants no more mail about a topic; whether that is news.
    pub fn unsubscribe(
        &self,
        address: &str,
        topic: &str,
        alert: AlertId,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        if self.is_unsubscribed(address, topic)? {
            return Ok(false);
        }
        self.sql
            .prepare_cached(
                "INSERT OR REPLACE INTO unsubscriptions (address, topic, at, alert_id) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![address, topic, to_micros(at), alert.0])?;
        let act = Act::Unsubscribed;
        self.audit(&Event::FollowUp { act, alert: Some(alert), by: address, note: topic }, at)?;
        Ok(true)
    }
}

impl Reader {
    /// Addresses that want no mail about a topic, by address.
    pub fn unsubscriptions(&self) -> Result<Vec<Unsubscription>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT address, topic, at, alert_id FROM unsubscriptions WHERE restored_at IS NULL
             ORDER BY address, topic",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(Unsubscription {
                address: row.get(0)?,
                topic: row.get(1)?,
                at: from_micros(row.get(2)?),
                alert: row.get(3)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// Undoes unsubscriptions of an address, of one topic or all; answers how many. It works beside a running daemon.
pub fn restore(path: &Path, address: &str, topic: Option<&str>, now: Timestamp) -> Result<usize, StoreError> {
    let mut connection = open_beside_daemon(path)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let restored = transaction.execute(
        "UPDATE unsubscriptions SET restored_at = ?3
         WHERE address = ?1 AND restored_at IS NULL AND (?2 IS NULL OR topic = ?2)",
        params![address, topic, to_micros(now)],
    )?;
    if restored > 0 {
        let (act, note) = (Act::Restored, topic.unwrap_or("all topics"));
        append(&transaction, &Event::FollowUp { act, alert: None, by: address, note }, now)?;
    }
    transaction.commit()?;
    Ok(restored)
}
