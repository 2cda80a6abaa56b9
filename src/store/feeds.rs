//! Feeds and their poll state in the store.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};

use super::{StoreError, Transaction, from_micros, to_micros};
use crate::feed::schedule::FeedState;
use crate::feed::{Feed, FeedId};

/// A feed's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFeed {
    /// The row.
    pub id: FeedId,
    /// Where it is polled.
    pub url: String,
    /// What is remembered between polls.
    pub state: FeedState,
}

const COLUMNS: &str = "id, url, etag, last_modified, first_success_at, last_polled_at, last_success_at, \
     next_due_at, next_due_reason, failure_count, last_outcome";

impl Transaction<'_> {
    /// The row of a configured feed, made when it is new; its name follows the configuration.
    pub fn feed(&self, feed: &Feed) -> Result<StoredFeed, StoreError> {
        self.sql
            .prepare_cached(
                "INSERT INTO feeds (url, name) VALUES (?1, ?2)
                 ON CONFLICT (url) DO UPDATE SET name = excluded.name WHERE name <> excluded.name",
            )?
            .execute(params![feed.address(), feed.name])?;
        let found = self
            .sql
            .prepare_cached(&format!("SELECT {COLUMNS} FROM feeds WHERE url = ?1"))?
            .query_row([feed.address()], read_feed)?;
        Ok(found)
    }

    /// A feed's state, fresh.
    pub fn feed_state(&self, id: FeedId) -> Result<Option<FeedState>, StoreError> {
        let found = self
            .sql
            .prepare_cached(&format!("SELECT {COLUMNS} FROM feeds WHERE id = ?1"))?
            .query_row([id.0], read_feed)
            .optional()?;
        Ok(found.map(|feed| feed.state))
    }

    /// Keeps a feed's state; `problems` are what was wrong with its last document (`None`: no document came).
    pub fn save_feed(
        &self,
        id: FeedId,
        state: &FeedState,
        problems: Option<&[String]>,
    ) -> Result<(), StoreError> {
        let problems = problems.map(|problems| serde_json::Value::from(problems).to_string());
        self.sql
            .prepare_cached(
                "UPDATE feeds SET etag = ?2, last_modified = ?3, first_success_at = ?4, last_polled_at = ?5,
                     last_success_at = ?6, next_due_at = ?7, next_due_reason = ?8, failure_count = ?9,
                     last_outcome = ?10, last_document_problems = coalesce(?11, last_document_problems)
                 WHERE id = ?1",
            )?
            .execute(params![
                id.0,
                state.etag,
                state.last_modified,
                state.first_success_at.map(to_micros),
                state.last_polled_at.map(to_micros),
                state.last_success_at.map(to_micros),
                state.next_due_at.map(to_micros),
                state.next_due_reason,
                state.failure_count,
                state.last_outcome,
                problems,
            ])?;
        Ok(())
    }
}

impl super::Reader {
    /// The state of a feed by its [`Feed::address`]; `None` when it was never polled.
    pub fn feed_by_address(&self, address: &str) -> Result<Option<StoredFeed>, StoreError> {
        let found = self
            .connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM feeds WHERE url = ?1"))?
            .query_row([address], read_feed)
            .optional()?;
        Ok(found)
    }
}

fn read_feed(row: &Row<'_>) -> rusqlite::Result<StoredFeed> {
    let time = |micros: Option<i64>| -> Option<Timestamp> { micros.map(from_micros) };
    Ok(StoredFeed {
        id: FeedId(row.get(0)?),
        url: row.get(1)?,
        state: FeedState {
            etag: row.get(2)?,
            last_modified: row.get(3)?,
            first_success_at: time(row.get(4)?),
            last_polled_at: time(row.get(5)?),
            last_success_at: time(row.get(6)?),
            next_due_at: time(row.get(7)?),
            next_due_reason: row.get(8)?,
            failure_count: row.get(9)?,
            last_outcome: row.get(10)?,
        },
    })
}
