//! Deliveries that were refused for good, as the operator is told of them; and channels that refuse everything.
//!
//! Owns what is untold. What people do about it is `store/letters.rs`. Refuses to decide when the operator is told.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::params;

use super::letters::GIVEN_UP;
use super::outbox::CHANNEL;
use super::pulse::before;
use super::{StoreError, Transaction, from_micros, to_micros};
use crate::alert::AlertId;
use crate::delivery::Channel;

/// Refusals that are older say nothing of how a channel is.
const RECENT: Duration = Duration::from_hours(7 * 24);

/// So many refusals in a row, and a channel takes nothing.
const ROW_MIN: u32 = 3;

/// A delivery that was refused for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its alert.
    pub alert: AlertId,
    /// To whom.
    pub address: String,
    /// Subject of its mail.
    pub subject: String,
    /// When.
    pub at: Timestamp,
    /// What was said.
    pub reply: String,
}

impl Transaction<'_> {
    /// How many refusals nobody was told of.
    pub fn untold_refusal_count(&self) -> Result<u64, StoreError> {
        let count: i64 = self
            .sql
            .prepare_cached("SELECT count(*) FROM deliveries WHERE refusal_is_untold = 1")?
            .query_row([], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// The first of them.
    pub fn untold_refusals(&self, limit: u32) -> Result<Vec<Refusal>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT d.alert_id, d.address, a.subject, d.finished_at, d.reply
             FROM deliveries d JOIN alerts a ON a.id = d.alert_id
             WHERE d.refusal_is_untold = 1 ORDER BY d.finished_at, d.id LIMIT ?1",
        )?;
        let rows = statement.query_map([limit], |row| {
            Ok(Refusal {
                alert: AlertId(row.get(0)?),
                address: row.get(1)?,
                subject: row.get(2)?,
                at: from_micros(row.get::<_, Option<i64>>(3)?.unwrap_or_default()),
                reply: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Keeps that the operator was told of all of them.
    pub fn keep_refusals_told(&self, alert: Option<AlertId>, now: Timestamp) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("UPDATE deliveries SET refusal_is_untold = 0 WHERE refusal_is_untold = 1")?
            .execute([])?;
        // One from a time to come was written by a clock that ran ahead.
        self.sql.prepare_cached("DELETE FROM refusal_notices WHERE at > ?1")?.execute([to_micros(now)])?;
        self.sql
            .prepare_cached("INSERT OR REPLACE INTO refusal_notices (at, alert_id) VALUES (?1, ?2)")?
            .execute(params![to_micros(now), alert.map(|alert| alert.0)])?;
        Ok(())
    }

    /// When the operator was told of refusals last.
    pub fn refusals_told_at(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let at: Option<i64> = self
            .sql
            .prepare_cached("SELECT max(at) FROM refusal_notices WHERE at <= ?1")?
            .query_row([to_micros(now)], |row| row.get(0))?;
        Ok(at.map(from_micros))
    }

    /// Channels that took nothing of late: the last three deliveries were refused for good, or all that came to an end within
    /// `wait`. What a person gave up is no refusal.
    pub fn channels_that_refuse(&self, wait: Duration, now: Timestamp) -> Result<Vec<Channel>, StoreError> {
        let (week, late, until) = (before(now, RECENT), before(now, wait), to_micros(now));
        let mut channels = self.sql.prepare_cached(&format!(
            "SELECT DISTINCT {CHANNEL} FROM deliveries d
             WHERE d.status = 'failed' AND d.finished_at > ?1 AND d.finished_at <= ?2 ORDER BY 1"
        ))?;
        let mut last_sent = self.sql.prepare_cached(&format!(
            "SELECT d.finished_at FROM deliveries d WHERE d.status = 'sent' AND d.finished_at > ?2
                 AND d.finished_at <= ?3 AND {CHANNEL} = ?1 ORDER BY d.finished_at DESC LIMIT 1"
        ))?;
        let mut refused = self.sql.prepare_cached(&format!(
            "SELECT count(*), max(d.finished_at), count(DISTINCT d.address) FROM deliveries d
             WHERE d.status = 'failed' AND d.finished_at > ?2
                 AND d.finished_at <= ?3 AND d.reply <> ?4 AND {CHANNEL} = ?1"
        ))?;
        let mut addresses = self.sql.prepare_cached(&format!(
            "SELECT count(DISTINCT d.address) FROM deliveries d WHERE d.status IN ('sent', 'failed')
                 AND d.finished_at > ?2 AND d.finished_at <= ?3 AND {CHANNEL} = ?1"
        ))?;
        let words = channels.query_map(params![week, until], |row| row.get::<_, String>(0))?;
        let mut found = Vec::new();
        for word in words {
            let word = word?;
            let sent_at = last_sent
                .query_map(params![word, week, until], |row| row.get::<_, i64>(0))?
                .next()
                .transpose()?
                .unwrap_or(week);
            let (count, last_at, refused_count): (u32, Option<i64>, u32) = refused
                .query_row(params![word, sent_at, until, GIVEN_UP], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })?;
            let known_count: u32 = addresses.query_row(params![word, week, until], |row| row.get(0))?;
            // One address of several that is wrong says nothing of the others.
            if refused_count < known_count.min(2) {
                continue;
            }
            if count >= ROW_MIN || (sent_at <= late && last_at.is_some_and(|at| at > late)) {
                found.push(Channel::from_word(&word));
            }
        }
        Ok(found)
    }
}
