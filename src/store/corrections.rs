//! Corrections in the store: what people were told of an article, and that it was taken back.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::{StoreError, Transaction, to_micros};
use crate::article::identity::ArticleId;
use crate::incident::IncidentId;
use crate::story::StoryId;
use crate::topic::{Severity, TopicId};

/// What people were told of an article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldOf {
    /// The incident.
    pub incident: IncidentId,
    /// Its topic.
    pub topic: TopicId,
    /// Its place.
    pub place: String,
    /// The article's story.
    pub story: StoryId,
    /// The article's publisher.
    pub publisher: String,
    /// Other articles of the story, copies left out, that still trip.
    pub others: u32,
}

fn told_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<ToldOf> {
    Ok(ToldOf {
        incident: IncidentId(row.get(0)?),
        topic: TopicId(row.get(1)?),
        place: row.get(2)?,
        story: StoryId(row.get(3)?),
        publisher: row.get(4)?,
        others: row.get(5)?,
    })
}

impl Transaction<'_> {
    /// What people were told of an article and was not taken back: for each topic the incident, its place, and how many other
    /// articles of the same story still trip.
    pub fn told_of(&self, article: ArticleId, since: Timestamp) -> Result<Vec<ToldOf>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT m.incident_id, i.topic, i.place, m.story_id, m.publisher,
                 (SELECT count(*) FROM incident_articles o
                  JOIN scores s ON s.article_id = o.article_id AND s.topic = i.topic AND s.trips = 1
                  WHERE o.incident_id = m.incident_id AND o.story_id = m.story_id AND o.article_id <> m.article_id
                      AND o.is_copy = 0 AND o.corrected_at IS NULL AND o.doubted_at IS NULL)
             FROM incident_articles m JOIN incidents i ON i.id = m.incident_id
             WHERE m.article_id = ?1 AND m.corrected_at IS NULL AND m.doubted_at IS NULL AND m.tripped_at >= ?2
                 AND EXISTS (SELECT 1 FROM alert_articles r WHERE r.article_id = m.article_id)
                 AND m.alert_id IS NOT NULL
             ORDER BY m.incident_id",
        )?;
        let rows = statement.query_map(params![article.0, to_micros(since)], told_of)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What people were told of a story and was not taken back: one row an incident, of the article told first.
    pub fn told_of_story(
        &self,
        story: StoryId,
        since: Timestamp,
    ) -> Result<Vec<(ArticleId, ToldOf)>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT m.incident_id, i.topic, i.place, m.story_id, m.publisher, 0, min(m.article_id)
             FROM incident_articles m JOIN incidents i ON i.id = m.incident_id
             WHERE m.story_id = ?1 AND m.alert_id IS NOT NULL AND m.tripped_at >= ?2
             GROUP BY m.incident_id HAVING count(m.corrected_at) = 0 ORDER BY m.incident_id",
        )?;
        let rows = statement.query_map(params![story.0, to_micros(since)], |row| {
            Ok((ArticleId(row.get(6)?), told_of(row)?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Marks an article of an incident as doubtful: taken back, and others stand by its story, so that nobody was told.
    pub fn note_doubt(
        &self,
        incident: IncidentId,
        article: ArticleId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "UPDATE incident_articles SET doubted_at = ?3 WHERE incident_id = ?1 AND article_id = ?2",
            )?
            .execute(params![incident.0, article.0, to_micros(at)])?;
        Ok(())
    }

    /// Takes a publisher's articles of a story out of what is still to be told; answers which, with their topics.
    pub fn withdraw_story(
        &self,
        story: StoryId,
        publisher: &str,
    ) -> Result<Vec<(ArticleId, TopicId)>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT m.article_id, i.topic FROM incident_articles m JOIN incidents i ON i.id = m.incident_id
             WHERE m.story_id = ?1 AND m.publisher = ?2 AND m.alert_id IS NULL AND i.status <> 'closed'
             ORDER BY m.article_id, i.topic",
        )?;
        let rows = statement.query_map(params![story.0, publisher], |row| {
            Ok((ArticleId(row.get(0)?), TopicId(row.get(1)?)))
        })?;
        let pending: Vec<(ArticleId, TopicId)> = rows.collect::<Result<_, _>>()?;
        for (article, topic) in &pending {
            self.withdraw(*article, topic)?;
        }
        Ok(pending)
    }

    /// The best article that the last alert with news of an incident reports and that was not taken back.
    pub fn last_reported(&self, incident: IncidentId) -> Result<Option<ArticleId>, StoreError> {
        let article = self
            .sql
            .prepare_cached(
                "SELECT r.article_id FROM alerts a JOIN alert_articles r ON r.alert_id = a.id
                 JOIN incident_articles m ON m.incident_id = a.incident_id AND m.article_id = r.article_id
                 WHERE a.incident_id = ?1 AND a.kind IN ('first', 'update', 'escalation')
                     AND m.corrected_at IS NULL AND m.doubted_at IS NULL
                 ORDER BY a.id DESC, r.position LIMIT 1",
            )?
            .query_row([incident.0], |row| row.get(0))
            .optional()?;
        Ok(article.map(ArticleId))
    }

    /// Marks an article of an incident as taken back.
    pub fn note_correction(
        &self,
        incident: IncidentId,
        article: ArticleId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "UPDATE incident_articles SET corrected_at = ?3 WHERE incident_id = ?1 AND article_id = ?2",
            )?
            .execute(params![incident.0, article.0, to_micros(at)])?;
        Ok(())
    }

    /// Notes in an incident's history what changed no state.
    pub fn note_incident(&self, incident: IncidentId, reason: &str, at: Timestamp) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "INSERT INTO incident_transitions (incident_id, at, from_status, to_status, reason)
                 SELECT id, ?2, status, status, ?3 FROM incidents WHERE id = ?1",
            )?
            .execute(params![incident.0, to_micros(at), reason])?;
        Ok(())
    }

    /// The severity of an incident, its topic's or what a rule raised it to.
    pub fn incident_severity(&self, incident: IncidentId) -> Result<Option<Severity>, StoreError> {
        let word: Option<String> = self
            .sql
            .prepare_cached("SELECT severity FROM incidents WHERE id = ?1")?
            .query_row([incident.0], |row| row.get(0))
            .optional()?;
        Ok(word.as_deref().and_then(Severity::from_word))
    }
}
