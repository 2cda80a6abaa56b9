//! Incidents and alerts in the store. It is long because an alert is written with the step of its incident.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::articles::{read_evidence, read_list};
use super::{StoreError, Transaction, from_micros, to_micros};
use crate::alert::render::Rendered;
use crate::alert::{Alert, AlertId, Kind};
use crate::article::identity::ArticleId;
use crate::delivery::DeliveryId;
use crate::incident::{Advance, Arrival, IncidentId, Standing, Status, Transition};
use crate::story::StoryId;
use crate::topic::{Evidence, Severity, TopicId};

/// An alert as it goes into the store, rendered.
#[derive(Debug, Clone)]
pub struct NewAlert<'a> {
    /// What routes looked at.
    pub alert: &'a Alert,
    /// When it was decided.
    pub at: Timestamp,
    /// Why, in words.
    pub reason: &'a str,
    /// Its incident.
    pub incident: IncidentId,
    /// The story of its best article.
    pub story: StoryId,
    /// Whether it tells what was told already, to those who waited for more publishers.
    pub is_confirmation: bool,
    /// Best score.
    pub score: f64,
    /// Hash of the configuration and version that decided.
    pub configuration: &'a str,
}

impl NewAlert<'_> {
    /// Whether it tells all that asked news of its incident, so that the next update is counted from it.
    fn is_telling(&self) -> bool {
        self.alert.kind.tells_reports() && !self.is_confirmation
    }
}

/// An alert about wirewatch itself as it goes into the store: of no incident, and for no topic.
#[derive(Debug, Clone)]
pub struct NewNotice<'a> {
    /// What it tells, by [`crate::alert::Kind`].
    pub kind: Kind,
    /// How much it matters.
    pub severity: Severity,
    /// When it was decided.
    pub at: Timestamp,
    /// Why, in words.
    pub reason: &'a str,
    /// Hash of the configuration and version that decided.
    pub configuration: &'a str,
}

/// An incident that is not closed, as far as time alone can change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alive {
    /// The incident.
    pub id: IncidentId,
    /// Its topic.
    pub topic: TopicId,
    /// Its place.
    pub place: String,
    /// Whether people were told of it.
    pub is_open: bool,
    /// Last time an article of it tripped.
    pub last_tripped_at: Timestamp,
    /// Last time people were told.
    pub last_alert_at: Option<Timestamp>,
    /// Whether something waits for its next update.
    pub has_news: bool,
}

/// An article as an alert shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportedArticle {
    /// The article.
    pub id: ArticleId,
    /// Its story.
    pub story: StoryId,
    /// Headline.
    pub title: String,
    /// Link for people: the canonical URL, or the link as given where that is plain `http`.
    pub url: Option<String>,
    /// Who stands behind it.
    pub publisher: String,
    /// Trust, 1 to 3.
    pub tier: u8,
    /// The feed it came by.
    pub feed_name: String,
    /// When it was published.
    pub published_at: Option<Timestamp>,
    /// When it was first seen.
    pub seen_at: Timestamp,
    /// Places, main one first.
    pub places: Vec<String>,
    /// Score for the alert's topic.
    pub score: f64,
    /// Why.
    pub evidence: Vec<Evidence>,
    /// Whether there was no text to score beside the headline.
    pub is_headline_only: bool,
}

impl Transaction<'_> {
    /// The incident of a topic at a place that is not closed, with what tripped since `since` and all that is untold:
    /// a busy incident may last for years and is not read whole.
    pub fn standing(
        &self,
        topic: &TopicId,
        place: &str,
        since: Timestamp,
    ) -> Result<Option<Standing>, StoreError> {
        let row = self
            .sql
            .prepare_cached(
                "SELECT id, status, severity, last_tripped_at, last_alert_at, told_publishers,
                     coalesce((SELECT publishers FROM alerts a WHERE a.incident_id = incidents.id
                         AND a.kind IN ('first', 'update', 'escalation') ORDER BY a.id DESC LIMIT 1), 0)
                 FROM incidents WHERE topic = ?1 AND place = ?2 AND status <> 'closed'",
            )?
            .query_row(params![topic.0, place], |row| {
                let (words, counts) = ((row.get(1)?, row.get(2)?), (row.get(5)?, row.get(6)?));
                Ok((row.get(0)?, words, row.get(3)?, row.get::<_, Option<i64>>(4)?, counts))
            })
            .optional()?;
        let Some((id, words, last_tripped_at, last_alert_at, counts)) = row else {
            return Ok(None);
        };
        let ((status, severity), (told_publishers, asked_publishers)): ((String, String), (u32, u32)) =
            (words, counts);
        let mut standing = Standing {
            id: IncidentId(id),
            status: Status::from_word(&status).ok_or(StoreError::Unreadable("incidents.status"))?,
            severity: Severity::from_word(&severity).ok_or(StoreError::Unreadable("incidents.severity"))?,
            last_tripped_at: from_micros(last_tripped_at),
            last_alert_at: last_alert_at.map(from_micros),
            told_publishers,
            asked_publishers,
            told: Vec::new(),
            doubted: BTreeSet::new(),
            corrected: BTreeSet::new(),
            pending: Vec::new(),
        };
        let mut statement = self.sql.prepare_cached(
            "SELECT article_id, story_id, publisher, is_copy, score, tripped_at, alert_id, doubted_at, corrected_at,
                 restated_count
             FROM incident_articles WHERE incident_id = ?1 AND tripped_at >= ?2
                 AND (alert_id IS NOT NULL OR lapsed_at IS NULL)
             UNION SELECT article_id, story_id, publisher, is_copy, score, tripped_at, alert_id, doubted_at, corrected_at,
                 restated_count
             FROM incident_articles WHERE incident_id = ?1 AND alert_id IS NULL AND lapsed_at IS NULL
             ORDER BY article_id",
        )?;
        let mut rows = statement.query(params![id, to_micros(since)])?;
        while let Some(row) = rows.next()? {
            let arrival = Arrival {
                article: ArticleId(row.get(0)?),
                story: StoryId(row.get(1)?),
                publisher: row.get(2)?,
                is_copy: row.get(3)?,
                score: row.get(4)?,
                at: from_micros(row.get(5)?),
            };
            let is_corrected = row.get::<_, Option<i64>>(8)?.is_some();
            if is_corrected || row.get::<_, i64>(9)? > 0 {
                standing.corrected.insert(arrival.story);
            }
            match (row.get::<_, Option<i64>>(6)?, row.get::<_, Option<i64>>(7)?) {
                (None, _) => standing.pending.push(arrival),
                (Some(_), _) if is_corrected => {}
                (Some(_), None) => standing.told.push(arrival),
                (Some(_), Some(_)) => _ = standing.doubted.insert(arrival.story),
            }
        }
        Ok(Some(standing))
    }

    /// Incidents that are not closed, as far as time alone can change them.
    pub fn alive_incidents(&self) -> Result<Vec<Alive>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT id, topic, place, status, last_tripped_at, last_alert_at, has_news FROM incidents
             WHERE status <> 'closed' ORDER BY +id",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(Alive {
                id: IncidentId(row.get(0)?),
                topic: TopicId(row.get(1)?),
                place: row.get(2)?,
                is_open: row.get::<_, String>(3)? == Status::Open.as_str(),
                last_tripped_at: from_micros(row.get(4)?),
                last_alert_at: row.get::<_, Option<i64>>(5)?.map(from_micros),
                has_news: row.get(6)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Begins an incident.
    pub fn begin_incident(
        &self,
        topic: &TopicId,
        place: &str,
        at: Timestamp,
    ) -> Result<IncidentId, StoreError> {
        self.sql
            .prepare_cached(
                "INSERT INTO incidents (topic, place, status, began_at, last_tripped_at)
                 VALUES (?1, ?2, 'forming', ?3, ?3)",
            )?
            .execute(params![topic.0, place, to_micros(at)])?;
        Ok(IncidentId(self.sql.last_insert_rowid()))
    }

    /// Adds articles that tripped to an incident. One that was taken back and trips again is as good as new; one whose page had moved on
    /// counts again, and people know of it.
    pub fn add_arrivals(
        &self,
        incident: IncidentId,
        arrivals: &[Arrival],
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "INSERT INTO incident_articles (incident_id, article_id, story_id, publisher, is_copy, score, tripped_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO UPDATE SET score = excluded.score,
                 tripped_at = iif(corrected_at IS NULL, tripped_at, excluded.tripped_at),
                 alert_id = iif(corrected_at IS NULL, alert_id, NULL),
                 restated_count = restated_count + (corrected_at IS NOT NULL), corrected_at = NULL, doubted_at = NULL
             WHERE corrected_at IS NOT NULL OR doubted_at IS NOT NULL",
        )?;
        for arrival in arrivals {
            statement.execute(params![
                incident.0,
                arrival.article.0,
                arrival.story.0,
                arrival.publisher,
                arrival.is_copy,
                arrival.score,
                to_micros(arrival.at),
            ])?;
        }
        self.sql
            .prepare_cached("UPDATE incidents SET last_tripped_at = ?2 WHERE id = ?1 AND ?3")?
            .execute(params![incident.0, to_micros(at), !arrivals.is_empty()])?;
        Ok(())
    }

    /// Marks what an incident holds untold of stories that were told as told with them. What was taken back since is no longer
    /// told: the next report of it is news.
    pub fn join_told(&self, incident: IncidentId) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "UPDATE incident_articles AS a SET alert_id = (
                     SELECT max(told.alert_id) FROM incident_articles told
                     WHERE told.incident_id = a.incident_id AND told.story_id = a.story_id
                         AND told.corrected_at IS NULL)
                 WHERE a.incident_id = ?1 AND a.alert_id IS NULL AND a.lapsed_at IS NULL",
            )?
            .execute([incident.0])?;
        Ok(())
    }

    /// Takes an article that no longer trips a topic out of what is still to be told; answers whether it was to be.
    pub fn withdraw(&self, article: ArticleId, topic: &TopicId) -> Result<bool, StoreError> {
        let withdrawn = self
            .sql
            .prepare_cached(
                "DELETE FROM incident_articles WHERE article_id = ?1 AND alert_id IS NULL
                     AND incident_id IN (SELECT id FROM incidents WHERE topic = ?2 AND status <> 'closed')",
            )?
            .execute(params![article.0, topic.0])?;
        Ok(withdrawn > 0)
    }

    /// Sets where an incident stands after a step.
    pub fn save_step(&self, id: IncidentId, step: &Advance, at: Timestamp) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "UPDATE incidents SET status = ?2, severity = ?3, has_news = ?4,
                     closed_at = CASE ?2 WHEN 'closed' THEN ?5 END
                 WHERE id = ?1",
            )?
            .execute(params![
                id.0,
                step.status.as_str(),
                step.severity.as_str(),
                step.has_news,
                to_micros(at)
            ])?;
        if let Some(transition) = &step.transition {
            self.add_transition(id, transition, at)?;
        }
        Ok(())
    }

    /// Closes an incident.
    pub fn close_incident(
        &self,
        id: IncidentId,
        transition: &Transition,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "UPDATE incidents SET status = 'closed', has_news = 0, closed_at = ?2 WHERE id = ?1",
            )?
            .execute(params![id.0, to_micros(at)])?;
        self.add_transition(id, transition, at)
    }

    fn add_transition(
        &self,
        id: IncidentId,
        transition: &Transition,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "INSERT INTO incident_transitions (incident_id, at, from_status, to_status, reason)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                id.0,
                to_micros(at),
                transition.from.map(Status::as_str),
                transition.to.as_str(),
                transition.reason
            ])?;
        Ok(())
    }

    /// The articles an alert reports, in the order given.
    pub fn reported(&self, topic: &TopicId, ids: &[ArticleId]) -> Result<Vec<ReportedArticle>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT a.id, a.story_id, a.title, CASE WHEN a.entry_url LIKE 'http:%' THEN a.entry_url ELSE coalesce(a.url, a.entry_url) END, a.publisher, a.tier, f.name, a.published_at,
                 a.seen_at, a.places, coalesce(s.score, 0.0), coalesce(s.evidence, '[]'), a.summary = '' AND a.body = ''
             FROM articles a JOIN feeds f ON f.id = a.feed_id LEFT JOIN scores s ON s.article_id = a.id AND s.topic = ?2
             WHERE a.id = ?1",
        )?;
        let mut reported = Vec::with_capacity(ids.len());
        for id in ids {
            let found = statement
                .query_row(params![id.0, topic.0], |row| {
                    Ok(ReportedArticle {
                        id: ArticleId(row.get(0)?),
                        story: StoryId(row.get(1)?),
                        title: row.get(2)?,
                        url: row.get(3)?,
                        publisher: row.get(4)?,
                        tier: row.get(5)?,
                        feed_name: row.get(6)?,
                        published_at: row.get::<_, Option<i64>>(7)?.map(from_micros),
                        seen_at: from_micros(row.get(8)?),
                        places: read_list(&row.get::<_, String>(9)?),
                        score: row.get(10)?,
                        evidence: read_evidence(&row.get::<_, String>(11)?),
                        is_headline_only: row.get(12)?,
                    })
                })
                .optional()?;
            reported.extend(found);
        }
        Ok(reported)
    }

    /// Keeps an alert and marks the articles it tells of. Its rendering follows with [`Transaction::save_rendering`],
    /// because a mail names the alert's number.
    pub fn add_alert(&self, new: &NewAlert<'_>, articles: &[ArticleId]) -> Result<AlertId, StoreError> {
        self.sql
            .prepare_cached(
                "INSERT INTO alerts (at, kind, reason, topic, severity, place, incident_id, story_id, publishers,
                     score, subject, text, html, headers, configuration)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, '', '', '', '[]', ?11)",
            )?
            .execute(params![
                to_micros(new.at),
                new.alert.kind.as_str(),
                new.reason,
                new.alert.topic.0,
                new.alert.severity.as_str(),
                new.alert.place,
                new.incident.0,
                new.story.0,
                new.alert.publishers,
                new.score,
                new.configuration,
            ])?;
        let id = AlertId(self.sql.last_insert_rowid());
        let mut reported = self.sql.prepare_cached(
            "INSERT INTO alert_articles (alert_id, position, article_id) VALUES (?1, ?2, ?3)",
        )?;
        let mut told = self.sql.prepare_cached(
            "UPDATE incident_articles SET alert_id = ?3
             WHERE incident_id = ?1 AND article_id = ?2 AND alert_id IS NULL",
        )?;
        for (position, article) in (1_i64..).zip(articles) {
            reported.execute(params![id.0, position, article.0])?;
            if new.is_telling() {
                told.execute(params![new.incident.0, article.0, id.0])?;
            }
        }
        self.sql
            .prepare_cached(
                "UPDATE incidents SET last_alert_at = ?2, told_publishers = ?3 WHERE id = ?1 AND ?4",
            )?
            .execute(params![new.incident.0, to_micros(new.at), new.alert.publishers, new.is_telling()])?;
        Ok(id)
    }

    /// Keeps an alert that tells of no incident. Its rendering follows, as with [`Transaction::add_alert`].
    pub fn add_notice(&self, new: &NewNotice<'_>) -> Result<AlertId, StoreError> {
        self.sql
            .prepare_cached(
                "INSERT INTO alerts (at, kind, reason, severity, subject, text, html, headers, configuration)
                 VALUES (?1, ?2, ?3, ?4, '', '', '', '[]', ?5)",
            )?
            .execute(params![
                to_micros(new.at),
                new.kind.as_str(),
                new.reason,
                new.severity.as_str(),
                new.configuration
            ])?;
        Ok(AlertId(self.sql.last_insert_rowid()))
    }

    /// When an alert of a kind was decided last, heartbeats and news of deliveries aside. Only for kinds that are no first and no
    /// update: those have no index.
    pub fn last_notice_at(&self, kind: Kind) -> Result<Option<Timestamp>, StoreError> {
        let at: Option<i64> = self
            .sql
            .prepare_cached(
                "SELECT max(at) FROM alerts a WHERE kind = ?1 AND kind NOT IN ('first', 'update')
                     AND NOT EXISTS (SELECT 1 FROM heartbeats h WHERE h.alert_id = a.id)
                     AND NOT EXISTS (SELECT 1 FROM backlogs b WHERE b.alert_id = a.id)
                     AND NOT EXISTS (SELECT 1 FROM refusal_notices r WHERE r.alert_id = a.id)",
            )?
            .query_row([kind.as_str()], |row| row.get(0))?;
        Ok(at.map(from_micros))
    }

    /// Takes an alert back as far as nobody was told of it yet; answers whether nobody ever was. A delivery that is on its
    /// way stays.
    pub fn withdraw_alert(&self, alert: AlertId) -> Result<bool, StoreError> {
        self.sql
            .prepare_cached("DELETE FROM deliveries WHERE alert_id = ?1 AND status = 'queued'")?
            .execute([alert.0])?;
        let is_withdrawn = self
            .sql
            .prepare_cached("SELECT NOT EXISTS (SELECT 1 FROM deliveries WHERE alert_id = ?1)")?
            .query_row([alert.0], |row| row.get(0))?;
        Ok(is_withdrawn)
    }

    /// Keeps the mail of an alert.
    pub fn save_rendering(&self, id: AlertId, rendered: &Rendered) -> Result<(), StoreError> {
        let headers = serde_json::to_string(&rendered.headers).unwrap_or_else(|_| "[]".to_owned());
        self.sql
            .prepare_cached(
                "UPDATE alerts SET subject = ?2, text = ?3, html = ?4, headers = ?5, picture = ?6, picture_cid = ?7
                 WHERE id = ?1",
            )?
            .execute(params![
                id.0,
                rendered.subject,
                rendered.text,
                rendered.html,
                headers,
                rendered.picture.as_ref().map(|picture| picture.png.as_slice()),
                rendered.picture.as_ref().map(|picture| picture.cid.as_str()),
            ])?;
        Ok(())
    }

    /// Queues an alert to an address, due at once.
    pub fn queue_delivery(
        &self,
        alert: AlertId,
        address: &str,
        at: Timestamp,
    ) -> Result<DeliveryId, StoreError> {
        self.sql
            .prepare_cached(
                "INSERT INTO deliveries (alert_id, address, status, next_attempt_at, queued_at)
                 VALUES (?1, ?2, 'queued', ?3, ?3)",
            )?
            .execute(params![alert.0, address, to_micros(at)])?;
        Ok(DeliveryId(self.sql.last_insert_rowid()))
    }
}
