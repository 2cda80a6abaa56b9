//! The archive as a recording: articles as they were seen, to be played again.
//!
//! Owns [`Played`], and what a replay asks of its scratch database ([`NearMiss`]). Reads some at a time, so that a long replay never holds a daemon's log back. Refuses to rebuild entries.

use jiff::Timestamp;
use rusqlite::params;

use super::{Reader, StoreError, from_micros, to_micros};

/// Articles handed out at a time.
const STEP: u32 = 2_000;

/// Longest time from the start of a poll to what it brought, microseconds.
const FIRST_POLL_MAX: i64 = 15 * 60 * 1_000_000;

/// An article of the archive, as far as its entry can be made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Played {
    /// Its number.
    pub id: i64,
    /// URL of the feed it came by.
    pub feed: String,
    /// Whether that feed had been read before it came: otherwise it is of the feed's baseline.
    pub is_feed_known: bool,
    /// The publisher's id, as given.
    pub entry_id: Option<String>,
    /// The publisher's link, as given.
    pub entry_url: Option<String>,
    /// Headline, plain text.
    pub title: String,
    /// Short text, plain text.
    pub summary: String,
    /// Full text, plain text.
    pub body: String,
    /// Language, ISO 639-1.
    pub language: String,
    /// When it was published.
    pub published_at: Option<Timestamp>,
    /// The date as the publisher wrote it.
    pub published_raw: Option<String>,
    /// When it was first seen.
    pub seen_at: Timestamp,
}

impl Reader {
    /// Articles from `since` on behind one that was handed out (when it was seen, its number), in the order they were seen;
    /// none are left when none come.
    pub fn played_after(
        &self,
        since: Timestamp,
        last: Option<(Timestamp, i64)>,
    ) -> Result<Vec<Played>, StoreError> {
        let (seen_at, id) = last.map_or((to_micros(since), i64::MIN), |(at, id)| (to_micros(at), id));
        let mut statement = self.connection.prepare_cached(
            "SELECT a.id, f.url, coalesce(f.first_success_at + ?4 < a.seen_at, 0) OR EXISTS (
                     SELECT 1 FROM articles b WHERE b.feed_id = a.feed_id AND b.seen_at < a.seen_at), a.entry_id, a.entry_url, a.title, a.summary, a.body, a.language,
                 a.published_at, a.published_raw, a.seen_at
             FROM articles a JOIN feeds f ON f.id = a.feed_id
             WHERE (a.seen_at, a.id) > (?1, ?2) ORDER BY a.seen_at, a.id LIMIT ?3",
        )?;
        let rows = statement.query_map(params![seen_at, id, STEP, FIRST_POLL_MAX], |row| {
            Ok(Played {
                id: row.get(0)?,
                feed: row.get(1)?,
                is_feed_known: row.get(2)?,
                entry_id: row.get(3)?,
                entry_url: row.get(4)?,
                title: row.get(5)?,
                summary: row.get(6)?,
                body: row.get(7)?,
                language: row.get(8)?,
                published_at: row.get::<_, Option<i64>>(9)?.map(from_micros),
                published_raw: row.get(10)?,
                seen_at: from_micros(row.get(11)?),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many articles were seen from a time on.
    pub fn played_count(&self, since: Timestamp) -> Result<u64, StoreError> {
        let count: i64 = self.connection.query_row(
            "SELECT count(*) FROM articles WHERE seen_at >= ?1",
            [to_micros(since)],
            |row| row.get(0),
        )?;
        Ok(count.unsigned_abs())
    }
}

/// An article that came close to a threshold, or reached it, and that nobody was told of.
#[derive(Debug, Clone, PartialEq)]
pub struct NearMiss {
    /// Its number.
    pub id: i64,
    /// Headline.
    pub title: String,
    /// Who stands behind it.
    pub publisher: String,
    /// When it was first seen.
    pub seen_at: Timestamp,
    /// Its score, 0 to 1.
    pub score: f64,
    /// What was decided, in a sentence; empty where it did not trip.
    pub reason: String,
}

impl Reader {
    /// The articles nobody was told of whose score for a topic is closest to a threshold.
    pub fn near_misses(
        &self,
        topic: &str,
        threshold: f64,
        limit: usize,
    ) -> Result<Vec<NearMiss>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT a.id, a.title, a.publisher, a.seen_at, s.score, s.reason
             FROM scores s JOIN articles a ON a.id = s.article_id
             WHERE s.topic = ?1 AND s.decision <> 'alerted'
             ORDER BY abs(s.score - ?2), a.id LIMIT ?3",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![topic, threshold, limit], |row| {
            Ok(NearMiss {
                id: row.get(0)?,
                title: row.get(1)?,
                publisher: row.get(2)?,
                seen_at: from_micros(row.get(3)?),
                score: row.get(4)?,
                reason: row.get(5)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
