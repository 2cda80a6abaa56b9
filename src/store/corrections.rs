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
    /// Whether it is a copy in a story of which something was taken back: it follows, and says nothing of its own.
    pub is_echo: bool,
}

/// Whether the article `m` is an echo, as [`ToldOf::is_echo`] has it.
const IS_ECHO: &str =
    "m.is_copy AND EXISTS (SELECT 1 FROM incident_articles c WHERE c.incident_id = m.incident_id
                     AND c.story_id = m.story_id AND c.corrected_at IS NOT NULL)";

fn told_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<ToldOf> {
    Ok(ToldOf {
        incident: IncidentId(row.get(0)?),
        topic: TopicId(row.get(1)?),
        place: row.get(2)?,
        story: StoryId(row.get(3)?),
        publisher: row.get(4)?,
        others: row.get(5)?,
        is_echo: row.get(6)?,
    })
}

impl Transaction<'_> {
    /// What people were told of an article, or of its story by others, and was not taken back: for each topic the incident, its
    /// place, and how many other articles of the same story still trip. The last of a story to be taken back need not be the one
    /// that was told.
    pub fn told_of(&self, article: ArticleId, since: Timestamp) -> Result<Vec<ToldOf>, StoreError> {
        let mut statement = self.sql.prepare_cached(&format!(
            "SELECT m.incident_id, i.topic, i.place, m.story_id, m.publisher,
                 (SELECT count(*) FROM incident_articles o
                  JOIN scores s ON s.article_id = o.article_id AND s.topic = i.topic AND s.trips = 1
                  WHERE o.incident_id = m.incident_id AND o.story_id = m.story_id AND o.article_id <> m.article_id
                      AND o.is_copy = 0 AND o.corrected_at IS NULL AND o.doubted_at IS NULL),
                 {IS_ECHO}
             FROM incident_articles m JOIN incidents i ON i.id = m.incident_id
             WHERE m.article_id = ?1 AND m.corrected_at IS NULL AND m.doubted_at IS NULL AND m.tripped_at >= ?2
                 AND m.alert_id IS NOT NULL
             ORDER BY m.incident_id",
        ))?;
        let rows = statement.query_map(params![article.0, to_micros(since)], told_of)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What people were told of a story that an article takes back, one row an incident: the first article of the retraction's
    /// own publisher that stands. Where it has none, the first that was told, while nothing of the story was taken back.
    pub fn told_of_story(
        &self,
        (story, retraction): (StoryId, ArticleId),
        publisher: &str,
        since: Timestamp,
    ) -> Result<Vec<(ArticleId, ToldOf)>, StoreError> {
        let mut statement = self.sql.prepare_cached(&format!(
            "SELECT m.incident_id, i.topic, i.place, m.story_id, m.publisher, 0, {IS_ECHO}, m.article_id,
                 m.publisher = ?4 AND m.corrected_at IS NULL AND m.doubted_at IS NULL,
                 max(m.corrected_at IS NOT NULL) OVER (PARTITION BY m.incident_id)
             FROM incident_articles m JOIN incidents i ON i.id = m.incident_id
             WHERE m.story_id = ?1 AND m.article_id <> ?2 AND m.alert_id IS NOT NULL AND m.tripped_at >= ?3
             ORDER BY m.incident_id, m.article_id",
        ))?;
        let values = params![story.0, retraction.0, to_micros(since), publisher];
        let rows = statement.query_map(values, |row| {
            let (is_own, was_corrected): (bool, bool) = (row.get(8)?, row.get(9)?);
            Ok((ArticleId(row.get(7)?), told_of(row)?, is_own, was_corrected))
        })?;
        let mut told: Vec<(ArticleId, ToldOf, bool)> = Vec::new();
        for row in rows {
            let (article, of, is_own, was_corrected) = row?;
            match told.last_mut().filter(|(_, known, _)| known.incident == of.incident) {
                Some(known) if is_own && !known.2 => *known = (article, of, true),
                None if is_own || !was_corrected => told.push((article, of, is_own)),
                Some(_) | None => {}
            }
        }
        Ok(told.into_iter().map(|(article, of, _)| (article, of)).collect())
    }

    /// Whether a topic's incidents hold of a story what a publisher may take back: what people were told of since `since`, in
    /// closed ones too, or what it said itself and waits.
    pub fn has_to_take_back(
        &self,
        topic: &TopicId,
        story: StoryId,
        publisher: &str,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        let has = self
            .sql
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM incident_articles m JOIN incidents i ON i.id = m.incident_id
                     WHERE m.story_id = ?2 AND i.topic = ?1
                         AND (m.alert_id IS NOT NULL AND m.tripped_at >= ?4 OR m.publisher = ?3 AND i.status <> 'closed'))",
            )?
            .query_row(params![topic.0, story.0, publisher, to_micros(since)], |row| row.get(0))?;
        Ok(has)
    }

    /// Topics of the incidents in which an article stands as taken back, or for which it was before people were told.
    pub fn corrected_topics(&self, article: ArticleId) -> Result<Vec<TopicId>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT i.topic FROM incident_articles m JOIN incidents i ON i.id = m.incident_id
             WHERE m.article_id = ?1 AND m.corrected_at IS NOT NULL
             UNION SELECT topic FROM scores WHERE article_id = ?1 AND trips = 1 AND decision = 'retracted' ORDER BY 1",
        )?;
        let rows = statement.query_map([article.0], |row| row.get(0).map(TopicId))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Whether an article was taken back for a topic, reported again, and taken back once more: its page goes back and forth.
    pub fn goes_back_and_forth(&self, article: ArticleId, topic: &TopicId) -> Result<bool, StoreError> {
        let does = self
            .sql
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM incident_articles m JOIN incidents i ON i.id = m.incident_id
                     WHERE m.article_id = ?1 AND i.topic = ?2 AND m.corrected_at IS NOT NULL AND m.restated_count > 0)",
            )?
            .query_row(params![article.0, topic.0], |row| row.get(0))?;
        Ok(does)
    }

    /// Publishers that stand by an incident: with words of their own that were not taken back, and one for each story of which
    /// only copies were ever known. Copies of what was taken back stand by nothing, and what tripped before `since`, or waited in
    /// vain, says nothing of today.
    pub fn standing_publishers(&self, incident: IncidentId, since: Timestamp) -> Result<u32, StoreError> {
        let count = self
            .sql
            .prepare_cached(
                "WITH known AS (
                     SELECT story_id, publisher, is_copy, corrected_at, corrected_at IS NULL AND doubted_at IS NULL AS stands
                     FROM incident_articles
                     WHERE incident_id = ?1 AND tripped_at >= ?2 AND (alert_id IS NOT NULL OR lapsed_at IS NULL))
                 SELECT count(*) FROM (
                     SELECT publisher FROM known WHERE is_copy = 0 AND stands
                     UNION SELECT min(publisher) FROM known GROUP BY story_id
                     HAVING min(is_copy) = 1 AND max(stands) = 1 AND count(corrected_at) = 0)",
            )?
            .query_row(params![incident.0, to_micros(since)], |row| row.get(0))?;
        Ok(count)
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

    /// A publisher's articles of a story that are still to be told, with their topics.
    pub fn untold_of_story(
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
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The best article that the last alert with news of an incident reports and that was not taken back; one whose page moved on
    /// to something else only where there is no other.
    pub fn last_reported(&self, incident: IncidentId) -> Result<Option<ArticleId>, StoreError> {
        let article = self
            .sql
            .prepare_cached(
                "SELECT r.article_id FROM alerts a JOIN alert_articles r ON r.alert_id = a.id
                 JOIN incident_articles m ON m.incident_id = a.incident_id AND m.article_id = r.article_id
                 WHERE a.incident_id = ?1 AND a.kind IN ('first', 'update', 'escalation')
                     AND m.corrected_at IS NULL
                 ORDER BY m.doubted_at IS NOT NULL, a.id DESC, r.position LIMIT 1",
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

    /// Marks what a publisher said of a story in an incident as taken back, its retraction with it.
    pub fn note_retraction(
        &self,
        incident: IncidentId,
        story: StoryId,
        publisher: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "UPDATE incident_articles SET corrected_at = ?4
                 WHERE incident_id = ?1 AND story_id = ?2 AND publisher = ?3 AND corrected_at IS NULL",
            )?
            .execute(params![incident.0, story.0, publisher, to_micros(at)])?;
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

    /// The highest severity with which a story of an incident was told.
    pub fn story_severity(
        &self,
        incident: IncidentId,
        story: StoryId,
    ) -> Result<Option<Severity>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT DISTINCT a.severity FROM incident_articles m JOIN alerts a ON a.id = m.alert_id
             WHERE m.incident_id = ?1 AND m.story_id = ?2",
        )?;
        let rows = statement.query_map(params![incident.0, story.0], |row| row.get::<_, String>(0))?;
        let words: Vec<String> = rows.collect::<Result<_, _>>()?;
        Ok(words.iter().filter_map(|word| Severity::from_word(word)).max())
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
