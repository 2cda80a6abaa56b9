//! What a mail says of an incident beside its news: who told its stories, what was told before, how the days before were.
//!
//! Refuses to say what is news: it hands out rows, bounded.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::{StoreError, Transaction, from_micros, to_micros};
use crate::alert::AlertId;
use crate::article::identity::ArticleId;
use crate::incident::IncidentId;
use crate::story::StoryId;
use crate::topic::TopicId;

/// Rows of an incident that are read for one mail; a busy one may have many thousand.
const MEMBERS_MAX: u32 = 2_000;

/// Microseconds of a day.
const DAY: i64 = 24 * 3600 * 1_000_000;

/// An article of an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The article.
    pub article: ArticleId,
    /// Its story.
    pub story: StoryId,
    /// The story's title.
    pub title: String,
    /// Who stands behind the article.
    pub publisher: String,
    /// Trust, 1 to 3.
    pub tier: u8,
    /// Whether its text is another publisher's.
    pub is_copy: bool,
    /// When it was first seen.
    pub seen_at: Timestamp,
    /// When it tripped.
    pub tripped_at: Timestamp,
    /// The alert that told of it, or of its story.
    pub alert: Option<AlertId>,
    /// Whether its publisher took it back.
    pub is_taken_back: bool,
    /// Whether it says something else by now, and nobody was told so.
    pub is_doubted: bool,
}

/// An alert as people know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its number.
    pub alert: AlertId,
    /// When it was decided.
    pub at: Timestamp,
    /// The subject of its mail.
    pub subject: String,
}

impl Transaction<'_> {
    /// The latest articles of an incident, the first seen first.
    pub fn members(&self, incident: IncidentId) -> Result<Vec<Member>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT i.article_id, a.story_id, s.title, i.publisher, a.tier, i.is_copy, a.seen_at, i.tripped_at, i.alert_id,
                 i.corrected_at IS NOT NULL, i.doubted_at IS NOT NULL
             FROM (SELECT * FROM incident_articles WHERE incident_id = ?1 ORDER BY tripped_at DESC LIMIT ?2) i
             JOIN articles a ON a.id = i.article_id JOIN stories s ON s.id = a.story_id
             ORDER BY a.seen_at, a.id",
        )?;
        let rows = statement.query_map(params![incident.0, MEMBERS_MAX], |row| {
            Ok(Member {
                article: ArticleId(row.get(0)?),
                story: StoryId(row.get(1)?),
                title: row.get(2)?,
                publisher: row.get(3)?,
                tier: row.get(4)?,
                is_copy: row.get(5)?,
                seen_at: from_micros(row.get(6)?),
                tripped_at: from_micros(row.get(7)?),
                alert: row.get::<_, Option<i64>>(8)?.map(AlertId),
                is_taken_back: row.get(9)?,
                is_doubted: row.get(10)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Articles that an incident tells of without having collected them, as its own: those of a surge need not have tripped.
    pub fn as_members(&self, articles: &[ArticleId], at: Timestamp) -> Result<Vec<Member>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT a.story_id, s.title, a.publisher, a.tier, a.copy_of IS NOT NULL, a.seen_at
             FROM articles a JOIN stories s ON s.id = a.story_id WHERE a.id = ?1",
        )?;
        let mut members = Vec::with_capacity(articles.len());
        for article in articles {
            let found = statement.query_row([article.0], |row| {
                Ok(Member {
                    article: *article,
                    story: StoryId(row.get(0)?),
                    title: row.get(1)?,
                    publisher: row.get(2)?,
                    tier: row.get(3)?,
                    is_copy: row.get(4)?,
                    seen_at: from_micros(row.get(5)?),
                    tripped_at: at,
                    alert: None,
                    is_taken_back: false,
                    is_doubted: false,
                })
            });
            members.extend(found.optional()?);
        }
        Ok(members)
    }

    /// The first alert of an incident that told news of an article.
    pub fn told_first(&self, incident: IncidentId, article: ArticleId) -> Result<Option<Told>, StoreError> {
        let told = self
            .sql
            .prepare_cached(
                "SELECT a.id, a.at, a.subject FROM alert_articles r JOIN alerts a ON a.id = r.alert_id
                 WHERE r.article_id = ?2 AND a.incident_id = ?1 AND a.kind IN ('first', 'update', 'escalation')
                 ORDER BY a.id LIMIT 1",
            )?
            .query_row([incident.0, article.0], |row| {
                Ok(Told {
                    alert: AlertId(row.get(0)?),
                    at: from_micros(row.get(1)?),
                    subject: row.get(2)?,
                })
            })
            .optional()?;
        Ok(told)
    }

    /// When the alerts of an incident were decided, the first first; the latest thousand.
    pub fn alert_times(&self, incident: IncidentId) -> Result<Vec<(AlertId, Timestamp)>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT id, at FROM alerts WHERE incident_id = ?1 ORDER BY id DESC LIMIT 1000")?;
        let rows =
            statement.query_map([incident.0], |row| Ok((AlertId(row.get(0)?), from_micros(row.get(1)?))))?;
        let mut times: Vec<(AlertId, Timestamp)> = rows.collect::<Result<_, _>>()?;
        times.reverse();
        Ok(times)
    }

    /// Articles that tripped a topic, by place and day (UTC) before `now`: today is 0. What was never to alert, such as the
    /// baseline of a feed, is not among them.
    pub fn tripped_days(
        &self,
        topic: &TopicId,
        days: u32,
        now: Timestamp,
    ) -> Result<Vec<(String, u32, u32)>, StoreError> {
        let today = to_micros(now).div_euclid(DAY);
        let since = (today + 1 - i64::from(days)) * DAY;
        let mut statement = self.sql.prepare_cached(
            "SELECT i.place, ?3 - a.tripped_at / ?4 AS day, count(*) FROM incidents i
             JOIN incident_articles a ON a.incident_id = i.id AND a.tripped_at >= ?2
             WHERE i.topic = ?1 AND i.last_tripped_at >= ?2 GROUP BY i.place, day HAVING day >= 0",
        )?;
        let rows = statement.query_map(params![topic.0, since, today, DAY], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
