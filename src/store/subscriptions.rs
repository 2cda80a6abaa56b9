//! Subscriptions in the store.
//!
//! Owns their rows. A row is read, decided about and kept within one transaction, so that a poll, a delivery and a
//! call of the hub never undo each other.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};

use super::{Reader, StoreError, Transaction, from_micros, to_micros};
use crate::feed::FeedId;
use crate::feed::subscription::offer::Offer;
use crate::feed::subscription::{Callback, Key, Mode, Phase, Subscription};

const COLUMNS: &str = "feed_id, hub, topic, callback, secret, phase, awaiting, lease_until, next_at, attempt_count, \
     active_since, delivered_at, delivery_count, refused_count, proved_count, missed_at, note";

impl Transaction<'_> {
    /// A feed's subscription, other than those that are being ended.
    pub fn subscription_of(&self, feed: FeedId) -> Result<Option<Subscription>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM subscriptions WHERE feed_id = ?1 AND phase <> 'leaving'");
        let found = self.sql.prepare_cached(&sql)?.query_row([feed.0], read).optional()?;
        found.transpose()
    }

    /// The subscription behind a callback.
    pub fn subscription_at(&self, callback: &Callback) -> Result<Option<Subscription>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM subscriptions WHERE callback = ?1");
        let found = self.sql.prepare_cached(&sql)?.query_row([callback.as_str()], read).optional()?;
        found.transpose()
    }

    /// All of them, the ones that are asked about next first.
    pub fn subscriptions(&self) -> Result<Vec<Subscription>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM subscriptions ORDER BY next_at, id");
        let mut statement = self.sql.prepare_cached(&sql)?;
        statement.query_map([], read)?.map(|row| row?).collect()
    }

    /// The `web.public_url` that the hub of a subscription was told.
    pub fn subscription_base(&self, callback: &Callback) -> Result<Option<String>, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT base FROM subscriptions WHERE callback = ?1")?;
        Ok(statement.query_row([callback.as_str()], |row| row.get(0)).optional()?)
    }

    /// Keeps a new subscription; `base` is the `web.public_url` its hub is told.
    pub fn add_subscription(&self, subscription: &Subscription, base: &str) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "INSERT INTO subscriptions (feed_id, hub, topic, callback, secret, base, phase, next_at, note)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                subscription.feed.0,
                subscription.offer.hub,
                subscription.offer.topic,
                subscription.callback.as_str(),
                subscription.key.expose(),
                base,
                subscription.phase.as_str(),
                to_micros(subscription.next_at),
                subscription.note,
            ])?;
        Ok(())
    }

    /// Keeps how a subscription stands.
    pub fn save_subscription(&self, subscription: &Subscription) -> Result<(), StoreError> {
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.sql
            .prepare_cached(
                "UPDATE subscriptions SET phase = ?2, awaiting = ?3, lease_until = ?4, next_at = ?5,
                     attempt_count = ?6, active_since = ?7, delivered_at = ?8, delivery_count = ?9,
                     refused_count = ?10, proved_count = ?11, missed_at = ?12, note = ?13
                 WHERE callback = ?1",
            )?
            .execute(params![
                subscription.callback.as_str(),
                subscription.phase.as_str(),
                subscription.awaiting.map(Mode::as_str),
                subscription.lease_until.map(to_micros),
                to_micros(subscription.next_at),
                subscription.attempt_count,
                subscription.active_since.map(to_micros),
                subscription.delivered_at.map(to_micros),
                count(subscription.delivery_count),
                count(subscription.refused_count),
                subscription.proved_count,
                subscription.missed_at.map(to_micros),
                subscription.note,
            ])?;
        Ok(())
    }

    /// The public address that a hub is told from now on.
    pub fn rebase_subscription(&self, callback: &Callback, base: &str) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("UPDATE subscriptions SET base = ?2 WHERE callback = ?1")?
            .execute(params![callback.as_str(), base])?;
        Ok(())
    }

    /// Forgets a subscription.
    pub fn forget_subscription(&self, callback: &Callback) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("DELETE FROM subscriptions WHERE callback = ?1")?
            .execute([callback.as_str()])?;
        Ok(())
    }

    /// Forgets all of them: nobody can be reached at their callbacks any more. Answers how many there were.
    pub fn forget_subscriptions(&self) -> Result<usize, StoreError> {
        Ok(self.sql.prepare_cached("DELETE FROM subscriptions")?.execute([])?)
    }
}

impl Reader {
    /// A feed's subscription, other than those that are being ended.
    pub fn subscription_of(&self, feed: FeedId) -> Result<Option<Subscription>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM subscriptions WHERE feed_id = ?1 AND phase <> 'leaving'");
        let found = self.connection.prepare_cached(&sql)?.query_row([feed.0], read).optional()?;
        found.transpose()
    }
}

/// A row; the inner error is a word that this version does not know.
fn read(row: &Row<'_>) -> rusqlite::Result<Result<Subscription, StoreError>> {
    let time = |index: usize| -> rusqlite::Result<Option<Timestamp>> {
        Ok(row.get::<_, Option<i64>>(index)?.map(from_micros))
    };
    let count =
        |index: usize| -> rusqlite::Result<u64> { Ok(u64::try_from(row.get::<_, i64>(index)?).unwrap_or(0)) };
    let phase: String = row.get(5)?;
    let Some(phase) = Phase::from_text(&phase) else {
        return Ok(Err(StoreError::Unreadable("subscriptions.phase")));
    };
    let awaiting: Option<String> = row.get(6)?;
    Ok(Ok(Subscription {
        feed: FeedId(row.get(0)?),
        offer: Offer { hub: row.get(1)?, topic: row.get(2)? },
        callback: Callback::from_text(&row.get::<_, String>(3)?),
        key: Key::from_text(row.get(4)?),
        phase,
        awaiting: awaiting.as_deref().and_then(Mode::from_text),
        lease_until: time(7)?,
        next_at: from_micros(row.get(8)?),
        attempt_count: row.get(9)?,
        active_since: time(10)?,
        delivered_at: time(11)?,
        delivery_count: count(12)?,
        refused_count: count(13)?,
        proved_count: row.get(14)?,
        missed_at: time(15)?,
        note: row.get(16)?,
    }))
}
