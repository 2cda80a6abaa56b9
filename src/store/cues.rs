//! What binds incidents in the store: rules between topics, what they used up, and stories that lie in one already.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::articles::read_list;
use super::{StoreError, Transaction, from_micros, to_micros};
use crate::alert::AlertId;
use crate::article::NO_PLACE;
use crate::article::identity::ArticleId;
use crate::incident::cue::{Cue, Rule};
use crate::incident::{Arrival, IncidentId};
use crate::story::StoryId;
use crate::topic::TopicId;

impl Transaction<'_> {
    /// The last alert of a topic at a place that told news of an incident, from one time to another. One without a place counts
    /// where reports of what it told have found one.
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
                 WHERE topic = ?1 AND place IN (?2, ?5) AND at BETWEEN ?3 AND ?4
                     AND kind IN ('first', 'update', 'escalation')
                     AND (place = ?2 OR EXISTS (
                         SELECT 1 FROM incident_articles m JOIN articles a ON a.id = m.article_id
                         WHERE m.alert_id = alerts.id AND a.places ->> 0 = ?2))
                 ORDER BY at DESC, id DESC LIMIT 1",
            )?
            .query_row(params![topic.0, place, to_micros(since), to_micros(until), NO_PLACE], |row| {
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

    /// The places under which a topic's incidents that are not closed hold a story already, oldest first, each with whether
    /// people were told of the story there.
    pub fn places_of_story(
        &self,
        topic: &TopicId,
        story: StoryId,
    ) -> Result<Vec<(String, bool)>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT i.place, max(m.alert_id IS NOT NULL AND m.corrected_at IS NULL)
             FROM incident_articles m JOIN incidents i ON i.id = m.incident_id
             WHERE m.story_id = ?1 AND i.topic = ?2 AND i.status <> 'closed' GROUP BY i.id ORDER BY i.id",
        )?;
        let rows = statement.query_map(params![story.0, topic.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Lets what waits in a forming incident since before a time wait no longer: it is too old to be confirmed by what comes
    /// now. Answers which.
    pub fn lapse_waiting(
        &self,
        topic: &TopicId,
        place: &str,
        before: Timestamp,
        at: Timestamp,
    ) -> Result<Vec<ArticleId>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "UPDATE incident_articles SET lapsed_at = ?4
             WHERE alert_id IS NULL AND lapsed_at IS NULL AND tripped_at < ?3 AND incident_id =
                 (SELECT id FROM incidents WHERE topic = ?1 AND place = ?2 AND status = 'forming')
             RETURNING article_id",
        )?;
        let values = params![topic.0, place, to_micros(before), to_micros(at)];
        let lapsed = statement.query_map(values, |row| row.get(0).map(ArticleId))?;
        let mut lapsed: Vec<ArticleId> = lapsed.collect::<Result<_, _>>()?;
        lapsed.sort_unstable();
        Ok(lapsed)
    }

    /// Takes what a topic's incident without a place holds untold of a story out of it: its place is known now.
    pub fn take_placeless(&self, topic: &TopicId, story: StoryId) -> Result<Vec<Arrival>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "DELETE FROM incident_articles WHERE story_id = ?2 AND alert_id IS NULL AND lapsed_at IS NULL
                 AND incident_id = (SELECT id FROM incidents WHERE topic = ?1 AND place = ?3 AND status <> 'closed')
             RETURNING article_id, publisher, is_copy, score, tripped_at",
        )?;
        let rows = statement.query_map(params![topic.0, story.0, NO_PLACE], |row| {
            Ok(Arrival {
                article: ArticleId(row.get(0)?),
                story,
                publisher: row.get(1)?,
                is_copy: row.get(2)?,
                score: row.get(3)?,
                at: from_micros(row.get(4)?),
            })
        })?;
        let mut taken: Vec<Arrival> = rows.collect::<Result<_, _>>()?;
        taken.sort_by_key(|arrival| arrival.article);
        Ok(taken)
    }

    /// The main places of articles that have any, each once.
    pub fn main_places(&self, articles: &[ArticleId]) -> Result<Vec<String>, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT places FROM articles WHERE id = ?1")?;
        let mut main = Vec::new();
        for article in articles {
            let places: Option<String> = statement.query_row([article.0], |row| row.get(0)).optional()?;
            let first = places.and_then(|places| read_list(&places).into_iter().next());
            main.extend(first.filter(|place| place != NO_PLACE && !main.contains(place)));
        }
        Ok(main)
    }
}
