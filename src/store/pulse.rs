//! What the operator's heartbeat and the alarm about undelivered alerts are made of.
//!
//! Owns the counting. Refuses to decide when somebody is told.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::letters::GIVEN_UP;
use super::outbox::CHANNEL;
use super::{StoreError, Transaction, from_micros, to_micros};
use crate::alert::AlertId;
use crate::delivery::Channel;
use crate::feed::health::Health;
use crate::feed::schedule::after;

/// Rows of a list in a heartbeat.
const LISTED_MAX: u32 = 100;

/// What waits in a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The channel.
    pub channel: Channel,
    /// When the longest waiting delivery came into the outbox.
    pub since: Timestamp,
    /// How many wait.
    pub count: u64,
    /// For how many addresses.
    pub address_count: u64,
    /// The address of the longest waiting one.
    pub address: String,
    /// What was said to it last.
    pub reply: String,
    /// Whether what goes to other addresses of the channel gets through.
    pub others_get_through: bool,
}

/// The time so long before another, in microseconds.
pub(super) fn before(now: Timestamp, wait: Duration) -> i64 {
    to_micros(now.checked_sub(wait).unwrap_or(Timestamp::MIN))
}

/// A backlog that was noticed and lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenBacklog {
    /// The channel.
    pub channel: Channel,
    /// When the delivery that waited longest came into the outbox.
    pub since: Timestamp,
    /// The alert that told of it.
    pub alert: Option<AlertId>,
    /// Whether others got through when that was told.
    pub others_get_through: bool,
}

/// Counts since a time, for a heartbeat.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Feeds watched.
    pub feeds: u64,
    /// Of them, asked since.
    pub polled: u64,
    /// Of them, read since.
    pub read: u64,
    /// Gaps noticed.
    pub gaps: u64,
    /// Articles seen first.
    pub articles: u64,
    /// Alerts by kind, without `operator`.
    pub alerts: Vec<(String, u64)>,
    /// Deliveries accepted.
    pub sent: u64,
    /// Deliveries refused for good.
    pub failed: u64,
    /// Open incidents in all.
    pub open: u64,
}

/// A feed that is blind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlindFeed {
    /// What people call it.
    pub name: String,
    /// Its address, as it may be shown.
    pub address: String,
    /// Its registrable domain.
    pub host: String,
    /// How it is.
    pub health: Health,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Why.
    pub reason: String,
}

impl Transaction<'_> {
    /// What waits at `now`, by channel. Others get through where something was sent to another address since the first began to
    /// wait, and within `wait`; or where nothing shows that the next one would not be: for as long, no attempt found the way
    /// closed, and nobody else waits in vain.
    pub fn waiting(&self, wait: Duration, now: Timestamp) -> Result<Vec<Waiting>, StoreError> {
        let mut statement = self.sql.prepare_cached(&format!(
            "SELECT {CHANNEL} AS channel, count(*), count(DISTINCT d.address), min(d.queued_at) FROM deliveries d
             WHERE d.status IN ('queued', 'sending') GROUP BY channel ORDER BY channel"
        ))?;
        let mut first = self.sql.prepare_cached(&format!(
            "SELECT d.address, d.reply FROM deliveries d
             WHERE d.status IN ('queued', 'sending') AND {CHANNEL} = ?1 ORDER BY d.queued_at, d.id LIMIT 1"
        ))?;
        let mut last_sent = self.sql.prepare_cached(&format!(
            "SELECT d.finished_at FROM deliveries d WHERE d.status = 'sent' AND d.finished_at > ?2
                 AND d.finished_at <= ?4 AND {CHANNEL} = ?1 AND d.address <> ?3 ORDER BY d.finished_at DESC LIMIT 1"
        ))?;
        let mut is_shut = self.sql.prepare_cached(&format!(
            "SELECT EXISTS (SELECT 1 FROM deliveries d WHERE d.status IN ('queued', 'sending') AND {CHANNEL} = ?1
                 AND ((d.blocked_since >= ?3 AND d.blocked_since <= ?4) OR (d.address <> ?2 AND d.queued_at >= ?3 AND d.queued_at <= ?4)))"
        ))?;
        let late = before(now, wait);
        let mut rows = statement.query([])?;
        let mut waiting = Vec::new();
        while let Some(row) = rows.next()? {
            let (word, since): (String, i64) = (row.get(0)?, row.get(3)?);
            let (address, reply): (String, String) =
                first.query_row([&word], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let sent_at: Option<i64> = last_sent
                .query_row(params![word, since, address, to_micros(now)], |row| row.get(0))
                .optional()?;
            let others_get_through = match sent_at {
                None => false,
                Some(at) if at > late => true,
                Some(at) => {
                    !is_shut.query_row(params![word, address, at, late], |row| row.get::<_, bool>(0))?
                }
            };
            waiting.push(Waiting {
                channel: Channel::from_word(&word),
                since: from_micros(since),
                count: row.get::<_, i64>(1)?.unsigned_abs(),
                address_count: row.get::<_, i64>(2)?.unsigned_abs(),
                others_get_through,
                address,
                reply,
            });
        }
        Ok(waiting)
    }

    /// When something in a channel without a backlog has waited for so long.
    pub fn next_backlog_at(&self, wait: Duration) -> Result<Option<Timestamp>, StoreError> {
        let at: Option<i64> = self
            .sql
            .prepare_cached(&format!(
                "SELECT min(d.queued_at) FROM deliveries d WHERE d.status IN ('queued', 'sending')
                     AND NOT EXISTS (SELECT 1 FROM backlogs b WHERE b.channel = {CHANNEL} AND b.until IS NULL)"
            ))?
            .query_row([], |row| row.get(0))?;
        Ok(at.map(|at| after(from_micros(at), wait)))
    }

    /// Backlogs that last.
    pub fn open_backlogs(&self) -> Result<Vec<OpenBacklog>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT channel, since, alert_id, others_get_through FROM backlogs WHERE until IS NULL ORDER BY channel",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(OpenBacklog {
                channel: Channel::from_word(&row.get::<_, String>(0)?),
                since: from_micros(row.get(1)?),
                alert: row.get::<_, Option<i64>>(2)?.map(AlertId),
                others_get_through: row.get(3)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Keeps what was told of one that lasts, and how it is by now.
    pub fn renew_backlog(&self, backlog: &OpenBacklog) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "UPDATE backlogs SET alert_id = ?2, others_get_through = ?3 WHERE channel = ?1 AND until IS NULL",
            )?
            .execute(params![
                backlog.channel.word(),
                backlog.alert.map(|alert| alert.0),
                backlog.others_get_through
            ])?;
        Ok(())
    }

    /// Keeps that a backlog began.
    pub fn begin_backlog(&self, backlog: &OpenBacklog) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "INSERT OR REPLACE INTO backlogs (channel, since, until, alert_id, others_get_through)
                 VALUES (?1, ?2, NULL, ?3, ?4)",
            )?
            .execute(params![
                backlog.channel.word(),
                to_micros(backlog.since),
                backlog.alert.map(|alert| alert.0),
                backlog.others_get_through
            ])?;
        Ok(())
    }

    /// Keeps that it is over.
    pub fn end_backlog(&self, backlog: &OpenBacklog, until: Timestamp) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("UPDATE backlogs SET until = ?3 WHERE channel = ?1 AND since = ?2")?
            .execute(params![backlog.channel.word(), to_micros(backlog.since), to_micros(until)])?;
        Ok(())
    }

    /// When the last heartbeat was due.
    pub fn last_heartbeat(&self) -> Result<Option<Timestamp>, StoreError> {
        let at: Option<i64> =
            self.sql.prepare_cached("SELECT max(due_at) FROM heartbeats")?.query_row([], |row| row.get(0))?;
        Ok(at.map(from_micros))
    }

    /// Keeps a heartbeat; those from a time to come, which a clock that ran ahead wrote, are forgotten.
    pub fn keep_heartbeat(
        &self,
        due_at: Timestamp,
        alert: Option<AlertId>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.sql.prepare_cached("DELETE FROM heartbeats WHERE due_at > ?1")?.execute([to_micros(now)])?;
        self.sql
            .prepare_cached("INSERT OR REPLACE INTO heartbeats (due_at, alert_id) VALUES (?1, ?2)")?
            .execute(params![to_micros(due_at), alert.map(|alert| alert.0)])?;
        Ok(())
    }

    /// What was counted since a time.
    pub fn counts_since(&self, since: Timestamp) -> Result<Counts, StoreError> {
        let since = to_micros(since);
        let count = |sql: &str| -> Result<u64, StoreError> {
            let count: i64 = self.sql.prepare_cached(sql)?.query_row([since], |row| row.get(0))?;
            Ok(count.unsigned_abs())
        };
        let mut statement = self.sql.prepare_cached(
            "SELECT kind, count(*) FROM alerts WHERE at > ?1 AND kind <> 'operator' GROUP BY kind ORDER BY kind",
        )?;
        let alerts =
            statement.query_map([since], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?;
        Ok(Counts {
            feeds: count("SELECT count(*) FROM feeds WHERE is_watched AND ?1 IS NOT NULL")?,
            polled: count("SELECT count(*) FROM feeds WHERE is_watched AND last_polled_at > ?1")?,
            read: count("SELECT count(*) FROM feeds WHERE is_watched AND last_success_at > ?1")?,
            gaps: count("SELECT count(*) FROM gaps WHERE noticed_at > ?1")?,
            articles: count("SELECT count(*) FROM articles WHERE seen_at > ?1")?,
            alerts: alerts.collect::<Result<_, _>>()?,
            sent: count("SELECT count(*) FROM deliveries WHERE status = 'sent' AND finished_at > ?1")?,
            failed: count(&format!(
                "SELECT count(*) FROM deliveries WHERE status = 'failed' AND finished_at > ?1 AND reply <> '{GIVEN_UP}'"
            ))?,
            open: count("SELECT count(*) FROM incidents WHERE status = 'open' AND ?1 IS NOT NULL")?,
        })
    }

    /// Feeds that cannot be read or have fallen silent, the worst first; at most some.
    pub fn blind_feeds(&self) -> Result<Vec<BlindFeed>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT name, url, host, health, health_since, health_reason FROM feeds
             WHERE is_watched AND health IN ('gone', 'failing', 'silent')
             ORDER BY CASE health WHEN 'gone' THEN 0 WHEN 'failing' THEN 1 ELSE 2 END, id LIMIT ?1",
        )?;
        let rows = statement.query_map([LISTED_MAX], |row| {
            Ok(BlindFeed {
                name: row.get(0)?,
                address: row.get(1)?,
                host: row.get(2)?,
                health: Health::from_word(&row.get::<_, String>(3)?).unwrap_or_default(),
                since: row.get::<_, Option<i64>>(4)?.map(from_micros),
                reason: row.get(5)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The open incidents in which something happened last: topic, place, when.
    pub fn latest_open_incidents(&self) -> Result<Vec<(String, String, Timestamp)>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT topic, place, last_tripped_at FROM incidents WHERE status = 'open'
             ORDER BY last_tripped_at DESC, id DESC LIMIT ?1",
        )?;
        let rows = statement
            .query_map([LISTED_MAX], |row| Ok((row.get(0)?, row.get(1)?, from_micros(row.get(2)?))))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many deliveries wait in all, and since when.
    pub fn waiting_in_all(&self) -> Result<(u64, Option<Timestamp>), StoreError> {
        let found = self
            .sql
            .prepare_cached(
                "SELECT count(*), min(queued_at) FROM deliveries WHERE status IN ('queued', 'sending')",
            )?
            .query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?)))
            .optional()?;
        let (count, since) = found.unwrap_or_default();
        Ok((count.unsigned_abs(), since.map(from_micros)))
    }
}
