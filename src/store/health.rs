//! What the operator's news is made of: feeds whose health changed, outages, and the alerts that told.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::feeds::{COLUMNS, StoredFeed, TELLING, read_feed};
use super::{StoreError, Transaction, from_micros, to_micros};
use crate::alert::AlertId;
use crate::feed::FeedId;
use crate::feed::health::{Health, HealthState};

/// Rows looked at in one go; the rest have their turn at the next.
const ROWS_MAX: u32 = 5000;

/// A time in which nobody was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// Start of the first poll that nobody answered.
    pub since: Timestamp,
    /// The alert that told while it lasted.
    pub alert: Option<AlertId>,
}

/// Feeds that nobody answered since anybody was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreached {
    /// Start of the first poll of them that nobody answered.
    pub since: Timestamp,
    /// How many feeds.
    pub feed_count: u64,
    /// On how many hosts.
    pub host_count: u64,
}

impl Transaction<'_> {
    /// Feeds whose health time alone may have changed by `now`.
    pub fn feeds_to_look_at(&self, now: Timestamp) -> Result<Vec<StoredFeed>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM feeds WHERE health_look_at <= ?1 ORDER BY health_look_at LIMIT {ROWS_MAX}"
        );
        let mut statement = self.sql.prepare_cached(&sql)?;
        let rows = statement.query_map([to_micros(now)], read_feed)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Feeds that are otherwise than their operator was told: first those that are to be told at `now`, then those that
    /// may be taken along, small faults last.
    pub fn feeds_untold(&self, now: Timestamp) -> Result<Vec<StoredFeed>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM feeds WHERE health <> health_told
             ORDER BY health_look_at IS NULL OR health_look_at > ?1, health = 'degraded' AND health_told = 'ok',
                 health_look_at, id LIMIT {ROWS_MAX}"
        );
        let mut statement = self.sql.prepare_cached(&sql)?;
        let rows = statement.query_map([to_micros(now)], read_feed)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// When [`Transaction::feeds_to_look_at`] has something.
    pub fn next_look_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let at: Option<i64> = self
            .sql
            .prepare_cached("SELECT min(health_look_at) FROM feeds WHERE health_look_at IS NOT NULL")?
            .query_row([], |row| row.get(0))?;
        Ok(at.map(from_micros))
    }

    /// Has every feed looked at whose operator does not know how it is: who is told, or when, may have changed.
    pub fn look_at_untold(&self, now: Timestamp) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("UPDATE feeds SET health_look_at = ?1 WHERE health <> health_told")?
            .execute([to_micros(now)])?;
        Ok(())
    }

    /// Keeps a feed's health and nothing else of it.
    pub fn save_health(&self, id: FeedId, state: &HealthState) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "UPDATE feeds SET health = ?2, health_since = ?3, health_reason = ?4, health_flaw = ?5,
                     health_told = ?6, health_told_at = ?7, health_look_at = ?8 WHERE id = ?1",
            )?
            .execute(params![
                id.0,
                state.health.word(),
                state.since.map(to_micros),
                state.reason,
                state.flaw,
                state.told.word(),
                state.told_at.map(to_micros),
                state.look_at.map(to_micros),
            ])?;
        Ok(())
    }

    /// How many feeds of a host are told as bad and still blind.
    pub fn blind_count(&self, host: &str) -> Result<u64, StoreError> {
        let [failing, silent, gone] = [Health::Failing, Health::Silent, Health::Gone].map(Health::word);
        let count: i64 = self
            .sql
            .prepare_cached(
                "SELECT count(*) FROM feeds WHERE host = ?1 AND health IN (?2, ?3, ?4) AND health_told <> 'ok'",
            )?
            .query_row(params![host, failing, silent, gone], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// Feeds that nobody answered since anybody was reached; `None` when there are none.
    pub fn unreached(&self, reached_at: Option<Timestamp>) -> Result<Option<Unreached>, StoreError> {
        let sql = format!(
            "SELECT min(unreached_since), count(*), count(DISTINCT host) FROM feeds
             WHERE unreached_since > ?1 AND {TELLING}"
        );
        let found =
            self.sql.prepare_cached(&sql)?.query_row([reached_at.map_or(i64::MIN, to_micros)], |row| {
                Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
            })?;
        let (since, feeds, hosts) = found;
        Ok(since.map(|since| Unreached {
            since: from_micros(since),
            feed_count: feeds.unsigned_abs(),
            host_count: hosts.unsigned_abs(),
        }))
    }

    /// How many feeds say whether this machine is online.
    pub fn telling_count(&self) -> Result<u64, StoreError> {
        let sql = format!("SELECT count(*) FROM feeds WHERE {TELLING}");
        let count: i64 = self.sql.prepare_cached(&sql)?.query_row([], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// The first time after `since` and by `now` that anybody answered, as far as it is still known.
    pub fn reached_after(&self, since: Timestamp, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let sql = format!(
            "SELECT min(last_reached_at) FROM feeds WHERE last_reached_at > ?1 AND last_reached_at <= ?2 AND {TELLING}"
        );
        let at: Option<i64> =
            self.sql.prepare_cached(&sql)?.query_row([to_micros(since), to_micros(now)], |row| row.get(0))?;
        Ok(at.map(from_micros))
    }

    /// The outage that lasts.
    pub fn outage(&self) -> Result<Option<Outage>, StoreError> {
        let found = self
            .sql
            .prepare_cached(
                "SELECT since, alert_id FROM outages WHERE until IS NULL ORDER BY since DESC LIMIT 1",
            )?
            .query_row([], |row| {
                let alert: Option<i64> = row.get(1)?;
                Ok(Outage { since: from_micros(row.get(0)?), alert: alert.map(AlertId) })
            })
            .optional()?;
        Ok(found)
    }

    /// Keeps that an outage began, and by which alert that was told.
    pub fn begin_outage(&self, outage: Outage) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("INSERT OR REPLACE INTO outages (since, until, alert_id) VALUES (?1, NULL, ?2)")?
            .execute(params![to_micros(outage.since), outage.alert.map(|alert| alert.0)])?;
        Ok(())
    }

    /// Keeps that an outage ended.
    pub fn end_outage(&self, since: Timestamp, until: Timestamp) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("UPDATE outages SET until = ?2 WHERE since = ?1")?
            .execute(params![to_micros(since), to_micros(until)])?;
        Ok(())
    }

    /// When the last outage ended.
    pub fn last_outage_until(&self) -> Result<Option<Timestamp>, StoreError> {
        let at: Option<i64> =
            self.sql.prepare_cached("SELECT max(until) FROM outages")?.query_row([], |row| row.get(0))?;
        Ok(at.map(from_micros))
    }
}
