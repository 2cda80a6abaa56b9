//! What binds incidents in the store: rules between topics, what they used up, and stories that lie in one already.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::{StoreError, Transaction, from_micros, to_micros};
use crate::alert::AlertId;
use crate::article::identity::ArticleId;
use crate::incident::IncidentId;
use crate::incident::cue::{Cue, Rule};
use crate::story::StoryId;
use crate::topic::TopicId;

impl Transaction<'_> {
    /// The last alert of a topic at a place that told news of an incident, from one time to another.
    pub fn last_told(
        &self,
        topic: &TopicId,
        place: &str,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Option<(AlertId, IncidentId, Timestamp)>, StoreError> {
        let row = self
            .sql
            .prepare_cached(
                "SELECT id, incident_id, at FROM alerts
                 WHERE topic = ?1 AND place = ?2 AND at BETWEEN ?3 AND ?4 AND kind IN ('first', 'update', 'escalation')
                 ORDER BY at DESC, id DESC LIMIT 1",
            )?
            .query_row(params![topic.0, place, to_micros(since), to_micros(until)], |row| {
                Ok((AlertId(row.get(0)?), IncidentId(row.get(1)?), from_micros(row.get(2)?)))
            })
            .optional()?;
        Ok(row)
    }

    /// Whether an alert reports any of these articles.
    pub fn reports_any(&self, alert: AlertId, articles: &[ArticleId]) -> Result<bool, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM alert_articles WHERE alert_id = ?1 AND article_id = ?2)",
        )?;
        for article in articles {
            if statement.query_row(params![alert.0, article.0], |row| row.get(0))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a rule between topics was used up for an incident. A pair of incidents is one, whichever of them it was used
    /// for; and a sequence speaks once a day, however often its first topic is told.
    pub fn is_cue_used(
        &self,
        incident: IncidentId,
        (rule, other): (Rule, i64),
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let day_ago = now.checked_sub(jiff::SignedDuration::from_hours(24)).unwrap_or(Timestamp::MIN);
        let used = self
            .sql
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM incident_cues WHERE rule = ?2 AND
                     (incident_id = ?1 AND other = ?3
                      OR ?2 = 'together' AND incident_id = ?3 AND other = ?1
                      OR ?2 = 'sequence' AND incident_id = ?1 AND at > ?4))",
            )?
            .query_row(params![incident.0, rule.as_str(), other, to_micros(day_ago)], |row| row.get(0))?;
        Ok(used)
    }

    /// Uses up rules between topics for an incident.
    pub fn use_cues(&self, incident: IncidentId, cues: &[Cue], at: Timestamp) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "INSERT OR IGNORE INTO incident_cues (incident_id, rule, other, at) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for cue in cues {
            statement.execute(params![incident.0, cue.rule.as_str(), cue.other, to_micros(at)])?;
        }
        Ok(())
    }

    /// The places under which a topic's incidents that are not closed hold a story already, oldest first.
    pub fn places_of_story(&self, topic: &TopicId, story: StoryId) -> Result<Vec<String>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT DISTINCT i.place FROM incident_articles m JOIN incidents i ON i.id = m.incident_id
             WHERE m.story_id = ?1 AND i.topic = ?2 AND i.status <> 'closed' ORDER BY i.id",
        )?;
        let rows = statement.query_map(params![story.0, topic.0], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
