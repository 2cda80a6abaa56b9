//! Which topics are counted in the store, and how far back their archive was read.
//!
//! Owns the bookkeeping of `pipeline/archive.rs`. The counts themselves are in `store/counts.rs`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::{StoreError, Transaction, from_micros, from_signed, to_micros, to_signed};
use crate::article::identity::ArticleId;
use crate::story::StoryId;

/// A topic that is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The topic; [`EVERYTHING`](super::counts::EVERYTHING) for whatever came in.
    pub topic: String,
    /// Version of what decides its scores.
    pub version: String,
    /// First hour that is counted.
    pub since: i64,
    /// The archive's next article to count, going back; `None` when it is read.
    pub next_article: Option<ArticleId>,
}

impl Transaction<'_> {
    /// The topics that are counted.
    pub fn counted_topics(&self) -> Result<BTreeMap<String, Counted>, StoreError> {
        let mut statement =
            self.sql.prepare_cached("SELECT topic, version, since, next_article FROM counted_topics")?;
        let rows = statement.query_map([], read_counted)?;
        let topics = rows.map(|row| row.map(|counted| (counted.topic.clone(), counted)));
        Ok(topics.collect::<Result<_, _>>()?)
    }

    pub(super) fn counted_topic(&self, topic: &str) -> Result<Option<Counted>, StoreError> {
        let counted = self
            .sql
            .prepare_cached(
                "SELECT topic, version, since, next_article FROM counted_topics WHERE topic = ?1",
            )?
            .query_row([topic], read_counted)
            .optional()?;
        Ok(counted)
    }

    /// Hash of the configuration whose topics are counted.
    pub fn counted_for(&self) -> Result<u64, StoreError> {
        let hash = self
            .sql
            .prepare_cached("SELECT configuration FROM counting WHERE id = 1")?
            .query_row([], |row| row.get(0))?;
        Ok(from_signed(hash))
    }

    /// Notes the configuration whose topics are counted.
    pub fn set_counted_for(&self, hash: u64) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("UPDATE counting SET configuration = ?1 WHERE id = 1")?
            .execute([to_signed(hash)])?;
        Ok(())
    }

    /// The hour for which what is too old was forgotten last.
    pub fn swept_hour(&self) -> Result<i64, StoreError> {
        let hour = self
            .sql
            .prepare_cached("SELECT swept_hour FROM counting WHERE id = 1")?
            .query_row([], |row| row.get(0))?;
        Ok(hour)
    }

    /// Notes the hour for which what is too old was forgotten.
    pub fn set_swept_hour(&self, hour: i64) -> Result<(), StoreError> {
        self.sql.prepare_cached("UPDATE counting SET swept_hour = ?1 WHERE id = 1")?.execute([hour])?;
        Ok(())
    }

    /// Begins to count a topic from nothing. That a surge was told, and when, stays known: it is told no second time for that.
    pub fn begin_counting(&self, topic: &str, version: &str, since: i64) -> Result<(), StoreError> {
        self.forget_counts(topic)?;
        self.sql
            .prepare_cached("DELETE FROM surge_series WHERE topic = ?1 AND told_at IS NULL")?
            .execute([topic])?;
        self.sql
            .prepare_cached(
                "UPDATE surge_series SET hour = 0, rate = NULL, dispersion = NULL, expected = NULL, days = NULL, seen = 0
                 WHERE topic = ?1",
            )?
            .execute([topic])?;
        self.sql
            .prepare_cached(
                "INSERT INTO counted_topics (topic, version, since, next_article)
                 VALUES (?1, ?2, ?3, (SELECT max(id) FROM articles))",
            )?
            .execute(params![topic, version, since])?;
        Ok(())
    }

    /// Forgets a topic's counts and surges.
    pub fn stop_counting(&self, topic: &str) -> Result<(), StoreError> {
        self.forget_counts(topic)?;
        self.sql.prepare_cached("DELETE FROM surge_series WHERE topic = ?1")?.execute([topic])?;
        Ok(())
    }

    fn forget_counts(&self, topic: &str) -> Result<(), StoreError> {
        for table in ["counted_topics", "report_counts", "reports"] {
            self.sql.prepare_cached(&format!("DELETE FROM {table} WHERE topic = ?1"))?.execute([topic])?;
        }
        Ok(())
    }

    /// The topics for which an article of the archive is to be counted next, if there is one: those that are furthest behind.
    pub fn counting_behind(&self) -> Result<Vec<Counted>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT topic, version, since, next_article FROM counted_topics
             WHERE next_article = (SELECT max(next_article) FROM counted_topics) ORDER BY topic",
        )?;
        let rows = statement.query_map([], read_counted)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// When the archive was read last for topics that are behind; `None` when none is.
    pub fn archive_counted_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let at: Option<i64> = self
            .sql
            .prepare_cached(
                "SELECT read_at FROM counting WHERE id = 1
                     AND EXISTS (SELECT 1 FROM counted_topics WHERE next_article IS NOT NULL)",
            )?
            .query_row([], |row| row.get(0))
            .optional()?;
        Ok(at.map(from_micros))
    }

    /// Articles of the archive up to one, newest first, with whether they are copies.
    pub fn articles_back_from(
        &self,
        from: ArticleId,
        count: usize,
    ) -> Result<Vec<(ArticleId, StoryId, bool)>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT id, story_id, copy_of IS NOT NULL FROM articles WHERE id <= ?1 ORDER BY id DESC LIMIT ?2",
        )?;
        let limit = i64::try_from(count).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![from.0, limit], |row| {
            Ok((ArticleId(row.get(0)?), StoryId(row.get(1)?), row.get(2)?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Notes how far back the archive was counted for a topic.
    pub fn save_counted(&self, counted: &Counted, at: Timestamp) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("UPDATE counted_topics SET since = ?2, next_article = ?3 WHERE topic = ?1")?
            .execute(params![counted.topic, counted.since, counted.next_article.map(|id| id.0)])?;
        // What is usual is learned anew from what came to light.
        self.sql
            .prepare_cached("UPDATE surge_series SET hour = 0 WHERE topic = ?1")?
            .execute([&counted.topic])?;
        self.sql.prepare_cached("UPDATE counting SET read_at = ?1 WHERE id = 1")?.execute([to_micros(at)])?;
        Ok(())
    }
}

fn read_counted(row: &rusqlite::Row<'_>) -> rusqlite::Result<Counted> {
    Ok(Counted {
        topic: row.get(0)?,
        version: row.get(1)?,
        since: row.get(2)?,
        next_article: row.get::<_, Option<i64>>(3)?.map(ArticleId),
    })
}
