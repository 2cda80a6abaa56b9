//! What readers ask: articles, alerts, the state of things, integrity.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use serde::Serialize;

use super::articles::{read_evidence, read_list};
use super::{Reader, StoreError, from_micros, to_micros};
use crate::topic::Evidence;

/// An article as people see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoredArticle {
    /// Its number.
    pub id: i64,
    /// Headline.
    pub title: String,
    /// Short text.
    pub summary: String,
    /// Full text.
    pub body: String,
    /// Link for people: the canonical URL, or the link as given where that is plain `http`.
    pub url: Option<String>,
    /// Language, ISO 639-1.
    pub lang: String,
    /// Who stands behind it.
    pub publisher: String,
    /// Trust, 1 to 3.
    pub tier: u8,
    /// URL of the feed it came by.
    pub feed: String,
    /// Tags of its feed.
    pub tags: Vec<String>,
    /// Places, main one first.
    pub places: Vec<String>,
    /// When it was published, as read from the feed.
    pub published: Option<Timestamp>,
    /// What that date is worth: `given`, `missing`, `unreadable`, or `future` (it was later than the poll).
    pub date_quality: String,
    /// When it was first seen.
    pub seen: Timestamp,
    /// Its story's number.
    pub story: i64,
    /// The article whose text it copies.
    pub copy_of: Option<i64>,
    /// How often it was edited since.
    pub revisions: u32,
}

/// A score of an article, with what was decided.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoredScore {
    /// Topic id.
    pub topic: String,
    /// Probability, 0 to 1.
    pub score: f64,
    /// Whether it reached the topic's threshold.
    pub trips: bool,
    /// Why.
    pub evidence: Vec<Evidence>,
    /// What was decided, in a word; empty when it did not trip.
    pub decision: String,
    /// What was decided, in a sentence.
    pub reason: String,
}

/// An alert as people see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoredAlert {
    /// Its number.
    pub id: i64,
    /// When it was decided.
    pub at: Timestamp,
    /// `first` or `update` of an incident …; `operator` tells how wirewatch itself is and `digest` of other alerts, and they have
    /// neither topic, place, incident, story, publishers nor score.
    pub kind: String,
    /// Why.
    pub reason: String,
    /// Topic id.
    pub topic: Option<String>,
    /// `info`, `warning` or `critical`.
    pub severity: String,
    /// Country, or `ZZ`.
    pub place: Option<String>,
    /// Its incident's number.
    pub incident: Option<i64>,
    /// Story of its best article.
    pub story: Option<i64>,
    /// Independent publishers.
    pub publishers: Option<u32>,
    /// Best score.
    pub score: Option<f64>,
    /// Subject of its mail.
    pub subject: String,
    /// Hash of the configuration, and version, that decided.
    pub configuration: String,
    /// To whom, and what became of it.
    pub deliveries: Vec<StoredDelivery>,
    /// Addresses at which it waits to be told.
    pub held: u32,
    /// Addresses that were told of it in a digest.
    pub digested: u32,
    /// Who took its incident in hand last.
    pub acknowledged_by: Option<String>,
}

/// A delivery as people see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoredDelivery {
    /// To whom.
    pub to: String,
    /// `queued`, `sending`, `sent` or `failed`.
    pub status: String,
    /// Attempts so far.
    pub attempts: u32,
    /// When it is tried next; absent once it is finished.
    pub next_attempt: Option<Timestamp>,
    /// When it was sent or given up.
    pub finished: Option<Timestamp>,
    /// What the server said last.
    pub reply: String,
}

/// The state of things.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overview {
    /// Articles kept, about: from the first to the last number, which costs nothing however large the archive is.
    pub articles: u64,
    /// Articles seen in the last 24 hours.
    pub articles_last_day: u64,
    /// Last poll that brought a document or a 304.
    pub last_success: Option<Timestamp>,
    /// Incidents that are open.
    pub open_incidents: Vec<OpenIncident>,
    /// Alerts of the last 24 hours.
    pub alerts_last_day: u64,
    /// Deliveries waiting.
    pub queued: u64,
    /// When the longest waiting one came into the outbox.
    pub oldest_queued: Option<Timestamp>,
    /// What the server said to it.
    pub oldest_queued_reply: String,
    /// Deliveries refused for good.
    pub failed: u64,
    /// Deliveries refused for good in the last 7 days.
    pub failed_last_week: u64,
    /// Alerts of the last 24 hours that no route took: nobody was told.
    pub untold_last_day: u64,
    /// Alerts held at an address: for a digest, the end of quiet hours or of a silence, or room within a limit.
    pub held: u64,
    /// When the next of them is due.
    pub next_release: Option<Timestamp>,
    /// Silences in force.
    pub silences: u64,
    /// Last mail that was accepted.
    pub last_sent: Option<Timestamp>,
}

/// An open incident.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OpenIncident {
    /// Its number.
    pub id: i64,
    /// Topic id.
    pub topic: String,
    /// Country, or `ZZ`.
    pub place: String,
    /// When it began.
    pub began: Timestamp,
    /// When an article last tripped.
    pub last_tripped: Timestamp,
    /// Articles in it.
    pub articles: u64,
}

const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;

const ARTICLE: &str =
    "SELECT a.id, a.title, a.summary, a.body, CASE WHEN a.entry_url LIKE 'http:%' THEN a.entry_url ELSE coalesce(a.url, a.entry_url) END, a.language, a.publisher,
     a.tier, f.url, a.tags, a.places, a.published_at, a.seen_at, a.story_id, a.copy_of, a.revision_count,
     a.date_quality FROM articles a JOIN feeds f ON f.id = a.feed_id";

pub(super) const ALERT: &str =
    "SELECT id, at, kind, reason, topic, severity, place, incident_id, story_id, publishers, score,
     subject, configuration, (SELECT count(*) FROM holds h WHERE h.alert_id = alerts.id),
     (SELECT count(*) FROM route_decisions r WHERE r.alert_id = alerts.id AND r.told_in IS NOT NULL),
     (SELECT k.author FROM acknowledgements k WHERE k.incident_id = alerts.incident_id ORDER BY k.id DESC LIMIT 1)
     FROM alerts";

impl Reader {
    /// Articles below a row number, newest first. `words` is a full-text expression that narrows them.
    pub fn articles_before(
        &self,
        below: i64,
        words: Option<&str>,
        limit: u32,
    ) -> Result<Vec<StoredArticle>, StoreError> {
        let narrowed = words.map_or(String::new(), |_| {
            "AND a.id IN (SELECT rowid FROM articles_words WHERE articles_words MATCH ?3)".to_owned()
        });
        let sql = format!("{ARTICLE} WHERE a.id < ?1 {narrowed} ORDER BY a.id DESC LIMIT ?2");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = match words {
            Some(words) => statement.query_map(params![below, limit, words], read_article)?,
            None => statement.query_map(params![below, limit], read_article)?,
        };
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// One article.
    pub fn article(&self, id: i64) -> Result<Option<StoredArticle>, StoreError> {
        let sql = format!("{ARTICLE} WHERE a.id = ?1");
        Ok(self.connection.prepare_cached(&sql)?.query_row([id], read_article).optional()?)
    }

    /// The scores of an article, best first.
    pub fn scores(&self, article: i64) -> Result<Vec<StoredScore>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT topic, score, trips, evidence, decision, reason FROM scores WHERE article_id = ?1
             ORDER BY score DESC, topic",
        )?;
        let rows = statement.query_map([article], |row| {
            Ok(StoredScore {
                topic: row.get(0)?,
                score: row.get(1)?,
                trips: row.get(2)?,
                evidence: read_evidence(&row.get::<_, String>(3)?),
                decision: row.get(4)?,
                reason: row.get(5)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The latest alerts, newest first.
    pub fn alerts(&self, limit: u32) -> Result<Vec<StoredAlert>, StoreError> {
        let sql = format!("{ALERT} ORDER BY id DESC LIMIT ?1");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map([limit], read_alert)?;
        let mut alerts: Vec<StoredAlert> = rows.collect::<Result<_, _>>()?;
        for alert in &mut alerts {
            alert.deliveries = self.deliveries(alert.id)?;
        }
        Ok(alerts)
    }

    /// One alert, with the text of its mail.
    pub fn alert(&self, id: i64) -> Result<Option<(StoredAlert, String)>, StoreError> {
        let found =
            self.connection.query_row(&format!("{ALERT} WHERE id = ?1"), [id], read_alert).optional()?;
        let Some(mut alert) = found else { return Ok(None) };
        alert.deliveries = self.deliveries(id)?;
        let text =
            self.connection.query_row("SELECT text FROM alerts WHERE id = ?1", [id], |row| row.get(0))?;
        Ok(Some((alert, text)))
    }

    /// The articles an alert told of.
    pub fn alert_articles(&self, id: i64) -> Result<Vec<StoredArticle>, StoreError> {
        let sql = format!(
            "{ARTICLE} JOIN alert_articles r ON r.article_id = a.id WHERE r.alert_id = ?1 ORDER BY r.position"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map([id], read_article)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The state of things at `now`.
    pub fn overview(&self, now: Timestamp) -> Result<Overview, StoreError> {
        let day_ago = to_micros(now) - DAY_MICROS;
        let week_ago = to_micros(now) - 7 * DAY_MICROS;
        let count = |sql: &str| -> Result<u64, StoreError> {
            Ok(self.connection.query_row(sql, [], |row| row.get(0).map(unsigned))?)
        };
        let since = |sql: &str| -> Result<u64, StoreError> {
            Ok(self.connection.query_row(sql, [day_ago], |row| row.get(0).map(unsigned))?)
        };
        let time = |sql: &str| -> Result<Option<Timestamp>, StoreError> {
            let at: Option<i64> = self.connection.query_row(sql, [], |row| row.get(0))?;
            Ok(at.map(from_micros))
        };
        let mut statement = self.connection.prepare(
            "SELECT id, topic, place, began_at, last_tripped_at,
                 (SELECT count(*) FROM incident_articles a WHERE a.incident_id = i.id)
             FROM incidents i WHERE status = 'open' ORDER BY last_tripped_at DESC LIMIT 100",
        )?;
        let incidents = statement.query_map([], |row| {
            Ok(OpenIncident {
                id: row.get(0)?,
                topic: row.get(1)?,
                place: row.get(2)?,
                began: from_micros(row.get(3)?),
                last_tripped: from_micros(row.get(4)?),
                articles: unsigned(row.get(5)?),
            })
        })?;
        let oldest = self
            .connection
            .query_row(
                "SELECT queued_at, reply FROM deliveries WHERE status IN ('queued', 'sending')
                 ORDER BY queued_at LIMIT 1",
                [],
                |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)),
            )
            .optional()?;
        Ok(Overview {
            articles: count("SELECT coalesce(max(id) - min(id) + 1, 0) FROM articles")?,
            articles_last_day: since("SELECT count(*) FROM articles WHERE seen_at > ?1")?,
            last_success: time("SELECT max(last_success_at) FROM feeds")?,
            open_incidents: incidents.collect::<Result<_, _>>()?,
            alerts_last_day: since(
                "SELECT count(*) FROM alerts WHERE at > ?1 AND kind IN ('first', 'update', 'escalation', 'surge')",
            )?,
            queued: count("SELECT count(*) FROM deliveries WHERE status IN ('queued', 'sending')")?,
            oldest_queued: oldest.as_ref().map(|(at, _)| from_micros(*at)),
            oldest_queued_reply: oldest.map_or_else(String::new, |(_, reply)| reply),
            failed: count("SELECT count(*) FROM deliveries WHERE status = 'failed'")?,
            failed_last_week: self.connection.query_row(
                "SELECT count(*) FROM deliveries WHERE status = 'failed' AND finished_at > ?1 AND reply <> ?2",
                rusqlite::params![week_ago, super::letters::GIVEN_UP],
                |row| row.get(0).map(unsigned),
            )?,
            untold_last_day: since(
                "SELECT count(*) FROM alerts a WHERE at > ?1 AND kind NOT IN ('operator', 'digest', 'all-clear')
                 AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.alert_id = a.id)
                 AND NOT EXISTS (SELECT 1 FROM route_decisions r WHERE r.alert_id = a.id
                     AND r.decision NOT IN ('no-route', 'unsubscribed'))",
            )?,
            held: count("SELECT count(*) FROM holds")?,
            next_release: time("SELECT min(until) FROM holds")?,
            silences: self.connection.query_row(
                "SELECT count(*) FROM silences WHERE ended_at IS NULL AND until > ?1",
                [to_micros(now)],
                |row| row.get(0).map(unsigned),
            )?,
            last_sent: time("SELECT max(finished_at) FROM deliveries WHERE status = 'sent'")?,
        })
    }

    /// What was wrong with the last document of a feed, by its address.
    pub fn document_problems(&self, address: &str) -> Result<Vec<String>, StoreError> {
        let found: Option<String> = self
            .connection
            .prepare_cached("SELECT last_document_problems FROM feeds WHERE url = ?1")?
            .query_row([address], |row| row.get(0))
            .optional()?;
        Ok(found.as_deref().map(read_list).unwrap_or_default())
    }

    /// Articles that tripped a topic and were not told of, by the word of the decision.
    pub fn suppressed(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT decision, count(*) FROM scores WHERE trips = 1 AND decision NOT IN ('', 'alerted')
             GROUP BY decision ORDER BY decision",
        )?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, unsigned(row.get(1)?))))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What `SQLite` finds wrong with the file; empty when it is sound.
    pub fn integrity(&self) -> Result<Vec<String>, StoreError> {
        let mut found = Vec::new();
        let mut statement = self.connection.prepare("PRAGMA integrity_check(100)")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let line: String = row.get(0)?;
            if line != "ok" {
                found.push(line);
            }
        }
        let mut statement = self.connection.prepare("PRAGMA foreign_key_check")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
            found.push(format!("a row of {table} refers to a row of {parent} that is not there"));
            if found.len() >= 100 {
                break;
            }
        }
        Ok(found)
    }

    pub(super) fn deliveries(&self, alert: i64) -> Result<Vec<StoredDelivery>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT address, status, attempts, next_attempt_at, finished_at, reply FROM deliveries
             WHERE alert_id = ?1 ORDER BY id",
        )?;
        let rows = statement.query_map([alert], |row| {
            let finished = row.get::<_, Option<i64>>(4)?.map(from_micros);
            Ok(StoredDelivery {
                to: row.get(0)?,
                status: row.get(1)?,
                attempts: row.get(2)?,
                next_attempt: finished.is_none().then_some(from_micros(row.get(3)?)),
                finished,
                reply: row.get(5)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// A count from `SQLite`, which has no unsigned numbers.
pub(super) fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

fn read_article(row: &Row<'_>) -> rusqlite::Result<StoredArticle> {
    Ok(StoredArticle {
        id: row.get(0)?,
        title: row.get(1)?,
        summary: row.get(2)?,
        body: row.get(3)?,
        url: row.get(4)?,
        lang: row.get(5)?,
        publisher: row.get(6)?,
        tier: row.get(7)?,
        feed: row.get(8)?,
        tags: read_list(&row.get::<_, String>(9)?),
        places: read_list(&row.get::<_, String>(10)?),
        published: row.get::<_, Option<i64>>(11)?.map(from_micros),
        seen: from_micros(row.get(12)?),
        story: row.get(13)?,
        copy_of: row.get(14)?,
        revisions: row.get(15)?,
        date_quality: row.get(16)?,
    })
}

pub(super) fn read_alert(row: &Row<'_>) -> rusqlite::Result<StoredAlert> {
    Ok(StoredAlert {
        id: row.get(0)?,
        at: from_micros(row.get(1)?),
        kind: row.get(2)?,
        reason: row.get(3)?,
        topic: row.get(4)?,
        severity: row.get(5)?,
        place: row.get(6)?,
        incident: row.get(7)?,
        story: row.get(8)?,
        publishers: row.get(9)?,
        score: row.get(10)?,
        subject: row.get(11)?,
        configuration: row.get(12)?,
        deliveries: Vec::new(),
        held: row.get(13)?,
        digested: row.get(14)?,
        acknowledged_by: row.get(15)?,
    })
}
