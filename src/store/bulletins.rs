//! The latest alerts as files tell of them.

use jiff::Timestamp;
use rusqlite::params;

use super::articles::read_evidence;
use super::{Reader, StoreError, from_micros};
use crate::alert::Kind;
use crate::topic::Evidence;

/// Articles of an alert whose evidence is read.
const ARTICLES_MAX: u32 = 20;
/// Earlier alerts of an incident that are read.
const EARLIER_MAX: u32 = 20;

/// An alert of an incident, as it was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredBulletin {
    /// Its number.
    pub alert: i64,
    /// When it was decided.
    pub at: Timestamp,
    /// What it tells.
    pub kind: Kind,
    /// `info`, `warning` or `critical`.
    pub severity: String,
    /// Topic id.
    pub topic: String,
    /// Country, or `ZZ`.
    pub place: String,
    /// Its incident.
    pub incident: i64,
    /// Independent publishers.
    pub publishers: u32,
    /// Best score.
    pub score: f64,
    /// Subject of its mail.
    pub subject: String,
    /// Why it was sent.
    pub reason: String,
    /// Text part of its mail.
    pub text: String,
    /// Link of its best article.
    pub url: Option<String>,
    /// Evidence of its articles, the best first.
    pub evidence: Vec<Vec<Evidence>>,
    /// Earlier alerts of the incident since it was last taken back whole, oldest first.
    pub earlier: Vec<(i64, Timestamp)>,
}

impl Reader {
    /// What tells this database apart from others.
    pub fn instance(&self) -> Result<String, StoreError> {
        Ok(self.connection.query_row("SELECT id FROM instance", [], |row| row.get(0))?)
    }

    /// The latest alerts of incidents, the latest first.
    pub fn bulletins(&self, limit: usize) -> Result<Vec<StoredBulletin>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, at, kind, severity, topic, place, incident_id, publishers, score, subject, reason, text
             FROM alerts WHERE incident_id IS NOT NULL AND topic IS NOT NULL AND kind NOT IN ('digest', 'operator')
             ORDER BY id DESC LIMIT ?1",
        )?;
        let rows = statement.query_map([i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
            let kind: String = row.get(2)?;
            let bulletin = StoredBulletin {
                alert: row.get(0)?,
                at: from_micros(row.get(1)?),
                kind: Kind::Update,
                severity: row.get(3)?,
                topic: row.get(4)?,
                place: row.get::<_, Option<String>>(5)?.unwrap_or_default(),
                incident: row.get(6)?,
                publishers: row.get::<_, Option<u32>>(7)?.unwrap_or(0),
                score: row.get::<_, Option<f64>>(8)?.unwrap_or(0.0),
                subject: row.get(9)?,
                reason: row.get(10)?,
                text: row.get(11)?,
                url: None,
                evidence: Vec::new(),
                earlier: Vec::new(),
            };
            Ok((kind, bulletin))
        })?;
        let mut bulletins = Vec::new();
        for row in rows {
            let (kind, bulletin) = row?;
            let kind = Kind::from_word(&kind).ok_or(StoreError::Unreadable("alerts.kind"))?;
            bulletins.push(StoredBulletin { kind, ..bulletin });
        }
        for bulletin in &mut bulletins {
            self.add_articles(bulletin)?;
            bulletin.earlier = self.earlier(bulletin)?;
        }
        Ok(bulletins)
    }

    fn add_articles(&self, bulletin: &mut StoredBulletin) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            // As in `reported`: the canonical address is https, which a site need not speak.
            "SELECT CASE WHEN a.entry_url LIKE 'http:%' THEN a.entry_url ELSE coalesce(a.url, a.entry_url) END,
                 coalesce(s.evidence, '[]')
             FROM alert_articles r JOIN articles a ON a.id = r.article_id
             LEFT JOIN scores s ON s.article_id = a.id AND s.topic = ?2
             WHERE r.alert_id = ?1 ORDER BY r.position LIMIT ?3",
        )?;
        let mut rows = statement.query(params![bulletin.alert, bulletin.topic, ARTICLES_MAX])?;
        while let Some(row) = rows.next()? {
            let url: Option<String> = row.get(0)?;
            bulletin.url = bulletin.url.take().or(url);
            bulletin.evidence.push(read_evidence(&row.get::<_, String>(1)?));
        }
        Ok(())
    }

    /// After everything was taken back, what follows begins anew: it goes on from nothing that was cancelled.
    fn earlier(&self, bulletin: &StoredBulletin) -> Result<Vec<(i64, Timestamp)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, at FROM alerts WHERE incident_id = ?1 AND id < ?2 AND (?4 OR id > coalesce(
                 (SELECT max(id) FROM alerts
                  WHERE incident_id = ?1 AND id < ?2 AND kind = 'correction' AND publishers = 0), 0))
             ORDER BY id DESC LIMIT ?3",
        )?;
        let is_correction = bulletin.kind == Kind::Correction;
        let of = params![bulletin.incident, bulletin.alert, EARLIER_MAX, is_correction];
        let rows = statement.query_map(of, |row| Ok((row.get(0)?, from_micros(row.get(1)?))))?;
        let mut earlier: Vec<(i64, Timestamp)> = rows.collect::<Result<_, _>>()?;
        earlier.reverse();
        Ok(earlier)
    }
}
