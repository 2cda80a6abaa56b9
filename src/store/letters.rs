//! Dead letters: deliveries refused for good, listed and put into the outbox again; and what an outlet is handed.
//!
//! Owns what a command does to the outbox while a daemon runs: one statement. Refuses to touch what is not finished.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};
use serde::Serialize;

use super::audit::append;
use super::requests::open_beside_daemon;
use super::{Reader, StoreError, Transaction, from_micros, to_micros};
use crate::alert::AlertId;
use crate::alert::Kind;
use crate::article::identity::ArticleId;
use crate::audit::{Act, Event};
use crate::delivery::payload::{ALERTS_MAX, Payload, REPORTS_MAX, Report};
use crate::topic::TopicId;

/// What stands in place of a reply where a person gave a delivery up.
pub const GIVEN_UP: &str = "given up by hand";

/// A delivery that was refused for good, or that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeadLetter {
    /// The delivery's number, for `mail resend`.
    pub id: i64,
    /// Its alert's number.
    pub alert: i64,
    /// To whom.
    pub to: String,
    /// Subject of its mail.
    pub subject: String,
    /// Attempts made.
    pub attempts: u32,
    /// When it was given up; none while it waits.
    pub failed: Option<Timestamp>,
    /// What the server said.
    pub reply: String,
}

impl Reader {
    /// Deliveries that were refused for good, the latest first.
    pub fn dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, StoreError> {
        self.letters("d.status = 'failed' ORDER BY d.finished_at DESC, d.id DESC", limit)
    }

    /// Deliveries that wait, the longest waiting first.
    pub fn waiting_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, StoreError> {
        self.letters("d.status IN ('queued', 'sending') ORDER BY d.queued_at, d.id", limit)
    }

    fn letters(&self, which: &str, limit: u32) -> Result<Vec<DeadLetter>, StoreError> {
        let mut statement = self.connection.prepare(&format!(
            "SELECT d.id, d.alert_id, d.address, a.subject, d.attempts, d.finished_at, d.reply
             FROM deliveries d JOIN alerts a ON a.id = d.alert_id WHERE {which} LIMIT ?1"
        ))?;
        let rows = statement.query_map([limit], |row| {
            Ok(DeadLetter {
                id: row.get(0)?,
                alert: row.get(1)?,
                to: row.get(2)?,
                subject: row.get(3)?,
                attempts: row.get(4)?,
                failed: row.get::<_, Option<i64>>(5)?.map(from_micros),
                reply: row.get(6)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many were refused for good.
    pub fn dead_letter_count(&self) -> Result<u64, StoreError> {
        let count: i64 = self.connection.query_row(
            "SELECT count(*) FROM deliveries WHERE status = 'failed'",
            [],
            |row| row.get(0),
        )?;
        Ok(count.unsigned_abs())
    }
}

/// Puts deliveries that were refused for good into the outbox again: these, or all; answers which. Attempts are counted
/// anew. Whoever unsubscribed from an alert's topic is not written to. It works beside a running daemon, which finds them within a minute.
pub fn resend(path: &Path, ids: Option<&[i64]>, now: Timestamp) -> Result<Vec<i64>, StoreError> {
    let mut connection = open_beside_daemon(path)?;
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let mut again = Vec::new();
    {
        let mut statement = transaction.prepare(
            "UPDATE deliveries SET status = 'queued', attempts = 0, deferrals = 0, next_attempt_at = ?2, queued_at = ?2,
                 finished_at = NULL, refusal_is_untold = 0
             WHERE status = 'failed' AND (?1 IS NULL OR id = ?1)
                 AND NOT EXISTS (SELECT 1 FROM unsubscriptions u JOIN alerts a ON a.topic = u.topic
                     WHERE a.id = deliveries.alert_id AND u.address = deliveries.address COLLATE NOCASE
                         AND u.restored_at IS NULL)
             RETURNING id, alert_id, address",
        )?;
        let wanted: Vec<Option<i64>> = match ids {
            None => vec![None],
            Some(ids) => ids.iter().copied().map(Some).collect(),
        };
        for id in wanted {
            let rows = statement.query_map(params![id, to_micros(now)], |row| {
                Ok((row.get(0)?, AlertId(row.get(1)?), row.get::<_, String>(2)?))
            })?;
            let rows: Vec<(i64, AlertId, String)> = rows.collect::<Result<_, _>>()?;
            for (id, alert, address) in rows {
                let (act, alert) = (Act::Resent, Some(alert));
                append(&transaction, &Event::FollowUp { act, alert, by: "", note: &address }, now)?;
                again.push(id);
            }
        }
    }
    transaction.commit()?;
    again.sort_unstable();
    Ok(again)
}

/// Gives up deliveries that wait: nobody will be told. One that is on its way is left alone. Answers which.
pub fn give_up(path: &Path, ids: &[i64], now: Timestamp) -> Result<Vec<i64>, StoreError> {
    let mut connection = open_beside_daemon(path)?;
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let mut given_up = Vec::new();
    {
        let mut statement = transaction.prepare(
            "UPDATE deliveries SET status = 'failed', reply = ?3, finished_at = ?2, blocked_since = NULL
             WHERE status = 'queued' AND id = ?1 RETURNING alert_id, address",
        )?;
        for id in ids {
            let found: Option<(i64, String)> = statement
                .query_row(params![id, to_micros(now), GIVEN_UP], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let Some((alert, address)) = found else { continue };
            let (act, alert) = (Act::GivenUp, Some(AlertId(alert)));
            append(&transaction, &Event::FollowUp { act, alert, by: "", note: &address }, now)?;
            given_up.push(*id);
        }
    }
    transaction.commit()?;
    Ok(given_up)
}

impl Transaction<'_> {
    /// An alert as an outlet is handed it, without what is the recipient's own; `None` when there is no such alert.
    pub fn payload(&self, alert: AlertId) -> Result<Option<Payload>, StoreError> {
        let found = self
            .sql
            .prepare_cached(
                "SELECT at, kind, reason, topic, severity, place, incident_id, story_id, publishers, score, subject,
                     text, configuration FROM alerts WHERE id = ?1",
            )?
            .query_row([alert.0], |row| {
                Ok(Payload {
                    record: "alert",
                    at: from_micros(row.get(0)?),
                    kind: row.get(1)?,
                    reason: row.get(2)?,
                    topic: row.get(3)?,
                    severity: row.get(4)?,
                    place: row.get(5)?,
                    incident: row.get(6)?,
                    story: row.get(7)?,
                    articles: Vec::new(),
                    publishers: row.get(8)?,
                    score: row.get(9)?,
                    subject: row.get(10)?,
                    alert: alert.0,
                    delivery: String::new(),
                    article_count: 0,
                    reports: Vec::new(),
                    links: Vec::new(),
                    alert_count: None,
                    alerts: Vec::new(),
                    text: row.get(11)?,
                    configuration: row.get(12)?,
                })
            })
            .optional()?;
        let Some(mut payload) = found else { return Ok(None) };
        if payload.kind == Kind::Digest.as_str() {
            self.list_alerts(&mut payload)?;
        }
        let Some(topic) = payload.topic.clone().map(TopicId) else { return Ok(Some(payload)) };
        let mut statement = self
            .sql
            .prepare_cached("SELECT article_id FROM alert_articles WHERE alert_id = ?1 ORDER BY position")?;
        let articles: Vec<i64> =
            statement.query_map([alert.0], |row| row.get(0))?.collect::<Result<_, _>>()?;
        payload.article_count = articles.len() as u64;
        let shown: Vec<ArticleId> = articles.iter().take(REPORTS_MAX).copied().map(ArticleId).collect();
        payload.articles = shown.iter().map(|id| id.0).collect();
        for article in self.reported(&topic, &shown)? {
            payload.reports.push(Report {
                id: article.id.0,
                title: article.title,
                url: article.url,
                publisher: article.publisher,
                tier: article.tier,
                published: article.published_at,
                seen: article.seen_at,
                score: article.score,
                evidence: article.evidence,
            });
        }
        Ok(Some(payload))
    }

    /// The alerts of a digest, the gravest first: a program that got the digest only would have none of them.
    fn list_alerts(&self, digest: &mut Payload) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT DISTINCT a.id, CASE a.severity WHEN 'critical' THEN 2 WHEN 'warning' THEN 1 ELSE 0 END
             FROM route_decisions r JOIN alerts a ON a.id = r.alert_id WHERE r.told_in = ?1 AND a.topic IS NOT NULL
             ORDER BY 2 DESC, 1",
        )?;
        let ids: Vec<i64> =
            statement.query_map([digest.alert], |row| row.get(0))?.collect::<Result<_, _>>()?;
        digest.alert_count = Some(ids.len() as u64);
        for id in ids.into_iter().take(ALERTS_MAX) {
            digest.alerts.extend(self.payload(AlertId(id))?);
        }
        Ok(())
    }
}
