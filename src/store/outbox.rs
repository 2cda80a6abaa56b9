//! The outbox: deliveries that are due, claimed and finished.
//!
//! Owns their order: the most severe first, then the longest waiting; and never two at a time to one address nor, within a thread,
//! a later one before an earlier, so that it arrives as it was told. What people ask of failed ones is `store/letters.rs`. Refuses to decide when to try again.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::params;

use super::{StoreError, Transaction, from_micros, to_micros};
use crate::alert::AlertId;
use crate::alert::render::note::with_note;
use crate::alert::render::{Picture, Rendered};
use crate::delivery::{Channel, DeliveryId, Status};
use crate::feed::schedule::after;

/// Time in which sent mail is counted for `mail.max_per_minute`.
const RATE_WINDOW: Duration = Duration::from_mins(1);

/// SQL for the channel of a delivery `d`, as [`Channel::word`] writes it.
pub(super) const CHANNEL: &str = "CASE WHEN d.address LIKE 'outlet:%' THEN d.address ELSE 'mail' END";

/// A delivery handed to the mailer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The delivery.
    pub id: DeliveryId,
    /// Its alert.
    pub alert: AlertId,
    /// When the alert was decided.
    pub at: Timestamp,
    /// When it came into the outbox, or was put there again by hand: the mail's Date (RFC 5322 section 3.6.1), which is the same
    /// at every attempt.
    pub queued_at: Timestamp,
    /// To whom.
    pub address: String,
    /// Attempts so far, this one included.
    pub attempts: u32,
    /// Attempts before it that were answered with "not now".
    pub deferrals: u32,
    /// The mail.
    pub rendered: Rendered,
    /// Earlier mails of the same incident to the same address, digests among them, oldest first.
    pub earlier: Vec<(AlertId, Timestamp)>,
    /// This database's id, for the Message-ID.
    pub instance: String,
}

/// What there is to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    /// By channel, as far as something waits that could go.
    pub channels: Vec<Prospect>,
    /// The highest number of any delivery.
    pub newest: DeliveryId,
}

/// What a channel has to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prospect {
    /// The channel.
    pub channel: Channel,
    /// When something is due next.
    pub due_at: Timestamp,
    /// The highest number of what waits.
    pub newest: DeliveryId,
}

/// A delivery as a claim answers it.
struct ClaimedRow {
    id: i64,
    alert: i64,
    address: String,
    attempts: u32,
    queued_at: Option<i64>,
    deferrals: u32,
}

impl Transaction<'_> {
    /// Claims up to `limit` deliveries that are due, the longest waiting first. No attempt is planned further ahead than
    /// `wait_max`; one that is was planned by a clock that ran ahead, and is due.
    pub fn claim_deliveries(
        &self,
        now: Timestamp,
        wait_max: Duration,
        limit: u32,
    ) -> Result<Vec<Claimed>, StoreError> {
        let sql = "UPDATE deliveries SET status = 'sending', attempts = attempts + 1 WHERE id IN (
                 SELECT id FROM deliveries
                 WHERE status = 'queued' AND (next_attempt_at <= ?1 OR next_attempt_at > ?3)
                 ORDER BY next_attempt_at, id LIMIT ?2)
             RETURNING id, alert_id, address, attempts, queued_at, deferrals";
        self.claimed(sql, params![to_micros(now), limit, to_micros(after(now, wait_max))])
    }

    /// The deliveries that a statement claims, with all that is sent.
    fn claimed(&self, sql: &str, values: impl rusqlite::Params) -> Result<Vec<Claimed>, StoreError> {
        let mut claim = self.sql.prepare_cached(sql)?;
        let rows = claim.query_map(values, |row| {
            Ok(ClaimedRow {
                id: row.get(0)?,
                alert: row.get(1)?,
                address: row.get(2)?,
                attempts: row.get(3)?,
                queued_at: row.get(4)?,
                deferrals: row.get(5)?,
            })
        })?;
        let mut rows: Vec<ClaimedRow> = rows.collect::<Result<_, _>>()?;
        rows.sort_by_key(|row| row.id);
        let instance: String = self.sql.query_row("SELECT id FROM instance", [], |row| row.get(0))?;
        let mut claimed = Vec::with_capacity(rows.len());
        for ClaimedRow { id, alert, address, attempts, queued_at, deferrals } in rows {
            let (at, rendered) = self.rendering(AlertId(alert))?;
            let rendered = with_note(rendered, &self.note_of(AlertId(alert), &address)?);
            let earlier = self.earlier_alerts(AlertId(alert), &address)?;
            claimed.push(Claimed {
                id: DeliveryId(id),
                alert: AlertId(alert),
                at,
                queued_at: queued_at.map_or(at, from_micros),
                address,
                attempts,
                deferrals,
                rendered,
                earlier,
                instance: instance.clone(),
            });
        }
        Ok(claimed)
    }

    /// The same for one channel, the most severe first, and nothing to an address that something is on its way to. Where the
    /// address waits for earlier mail of the same incident, that goes first; a correction waits for it even where that is not due.
    pub fn claim_by(
        &self,
        channel: &Channel,
        now: Timestamp,
        wait_max: Duration,
        limit: u32,
    ) -> Result<Vec<Claimed>, StoreError> {
        let is_due = |row: &str| {
            format!("{row}.status = 'queued' AND ({row}.next_attempt_at <= ?1 OR {row}.next_attempt_at > ?2)")
        };
        let sql = format!(
            "UPDATE deliveries SET status = 'sending', attempts = attempts + 1 WHERE id = (
                 SELECT min(e.id) FROM (
                     SELECT d.id, d.address, a.incident_id FROM deliveries d JOIN alerts a ON a.id = d.alert_id
                     WHERE {} AND {CHANNEL} = ?3
                         AND NOT EXISTS (
                             SELECT 1 FROM deliveries s WHERE s.status = 'sending' AND s.address = d.address)
                         AND NOT (a.kind IN ('correction', 'all-clear') AND EXISTS (
                             SELECT 1 FROM deliveries f JOIN alerts g ON g.id = f.alert_id
                             WHERE f.address = d.address AND f.status = 'queued' AND f.id < d.id
                                 AND g.incident_id = a.incident_id
                                 AND f.next_attempt_at > ?1 AND f.next_attempt_at <= ?2))
                     ORDER BY CASE a.severity WHEN 'critical' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END,
                         d.next_attempt_at, d.id LIMIT 1) picked
                 JOIN deliveries e ON e.address = picked.address AND e.id <= picked.id AND {}
                 JOIN alerts b ON b.id = e.alert_id AND (e.id = picked.id OR b.incident_id = picked.incident_id))
             RETURNING id, alert_id, address, attempts, queued_at, deferrals",
            is_due("d"),
            is_due("e")
        );
        let until = to_micros(after(now, wait_max));
        let mut claimed = Vec::new();
        for _ in 0..limit {
            let next = self.claimed(&sql, params![to_micros(now), until, channel.word()])?;
            if next.is_empty() {
                break;
            }
            claimed.extend(next);
        }
        claimed.sort_by_key(|claimed| claimed.id);
        Ok(claimed)
    }

    /// When each channel has something due next, as far as nothing is on its way to the same address.
    pub fn outlook(&self) -> Result<Outlook, StoreError> {
        let mut statement = self.sql.prepare_cached(&format!(
            "SELECT {CHANNEL}, min(d.next_attempt_at), max(d.id) FROM deliveries d WHERE d.status = 'queued'
                 AND NOT EXISTS (SELECT 1 FROM deliveries s WHERE s.status = 'sending' AND s.address = d.address)
             GROUP BY 1"
        ))?;
        let rows = statement.query_map([], |row| {
            Ok(Prospect {
                channel: Channel::from_word(&row.get::<_, String>(0)?),
                due_at: from_micros(row.get(1)?),
                newest: DeliveryId(row.get(2)?),
            })
        })?;
        let channels = rows.collect::<Result<_, _>>()?;
        let newest = self
            .sql
            .prepare_cached("SELECT coalesce(max(id), 0) FROM deliveries")?
            .query_row([], |row| row.get(0))?;
        Ok(Outlook { channels, newest: DeliveryId(newest) })
    }

    /// How many mails may be handed over at `now` under a limit for a minute, and when the next one may if that is none.
    /// What is on its way counts as handed over.
    pub fn mail_allowance(
        &self,
        max_per_minute: u32,
        now: Timestamp,
    ) -> Result<(u32, Option<Timestamp>), StoreError> {
        let since = now.checked_sub(jiff::SignedDuration::try_from(RATE_WINDOW).unwrap_or_default());
        let (sent, first): (u32, Option<i64>) = self
            .sql
            .prepare_cached(
                "SELECT count(*), min(finished_at) FROM deliveries
                 WHERE status = 'sent' AND finished_at > ?1 AND finished_at <= ?2 AND address NOT LIKE 'outlet:%'",
            )?
            .query_row(params![to_micros(since.unwrap_or(Timestamp::MIN)), to_micros(now)], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        let sending: u32 = self
            .sql
            .prepare_cached(
                "SELECT count(*) FROM deliveries WHERE status = 'sending' AND address NOT LIKE 'outlet:%'",
            )?
            .query_row([], |row| row.get(0))?;
        let left = max_per_minute.saturating_sub(sent.saturating_add(sending));
        let next = first.filter(|_| left == 0).map(|first| after(from_micros(first), RATE_WINDOW));
        Ok((left, next))
    }

    /// Keeps what became of an attempt. `next_attempt_at` is for one that goes back to the queue. That an alert was refused
    /// for good is to be told, unless it tells the operator itself: such a mail would be about its own kind without end.
    pub fn finish_delivery(
        &self,
        id: DeliveryId,
        status: Status,
        reply: &str,
        next_attempt_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let is_final = matches!(status, Status::Sent | Status::Failed);
        self.sql
            .prepare_cached(
                "UPDATE deliveries SET status = ?2, reply = ?3, next_attempt_at = ?4,
                     finished_at = CASE WHEN ?5 THEN ?6 END,
                     refusal_is_untold = ?2 = 'failed'
                         AND (SELECT a.kind FROM alerts a WHERE a.id = deliveries.alert_id) <> 'operator'
                 WHERE id = ?1",
            )?
            .execute(params![
                id.0,
                status.as_str(),
                reply,
                to_micros(next_attempt_at),
                is_final,
                to_micros(now)
            ])?;
        Ok(())
    }

    /// Keeps whether an attempt ended because the way itself is closed, and since when that is so; and whether it counts for the
    /// delivery's own back-off.
    pub fn note_way(
        &self,
        id: DeliveryId,
        is_closed: bool,
        is_deferral: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "UPDATE deliveries SET blocked_since = CASE WHEN ?2 THEN coalesce(blocked_since, ?3) END,
                     deferrals = deferrals + ?4 WHERE id = ?1",
            )?
            .execute(params![id.0, is_closed, to_micros(now), is_deferral])?;
        Ok(())
    }

    /// When the next queued delivery is due.
    pub fn next_delivery_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let at: Option<i64> = self
            .sql
            .prepare_cached("SELECT min(next_attempt_at) FROM deliveries WHERE status = 'queued'")?
            .query_row([], |row| row.get(0))?;
        Ok(at.map(from_micros))
    }

    fn rendering(&self, alert: AlertId) -> Result<(Timestamp, Rendered), StoreError> {
        let found = self
            .sql
            .prepare_cached(
                "SELECT at, subject, text, html, headers, picture_cid, picture FROM alerts WHERE id = ?1",
            )?
            .query_row([alert.0], |row| {
                let headers: String = row.get(4)?;
                let picture: (Option<String>, Option<Vec<u8>>) = (row.get(5)?, row.get(6)?);
                Ok((
                    from_micros(row.get(0)?),
                    Rendered {
                        subject: row.get(1)?,
                        text: row.get(2)?,
                        html: row.get(3)?,
                        headers: serde_json::from_str(&headers).unwrap_or_default(),
                        picture: picture.0.zip(picture.1).map(|(cid, png)| Picture { cid, png }),
                        template_problem: None,
                    },
                ))
            })?;
        Ok(found)
    }

    fn earlier_alerts(&self, alert: AlertId, address: &str) -> Result<Vec<(AlertId, Timestamp)>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT a.id, a.at FROM alerts a JOIN deliveries d ON d.alert_id = a.id AND d.address = ?2
             WHERE a.incident_id = (SELECT incident_id FROM alerts WHERE id = ?1) AND a.id < ?1
             UNION SELECT g.id, g.at FROM route_decisions r JOIN alerts a ON a.id = r.alert_id
             JOIN alerts g ON g.id = r.told_in
             WHERE a.incident_id = (SELECT incident_id FROM alerts WHERE id = ?1) AND a.id < ?1 AND g.id < ?1
                 AND r.address = ?2
             ORDER BY 1 DESC LIMIT 20",
        )?;
        let rows = statement.query_map(params![alert.0, address], |row| {
            Ok((AlertId(row.get(0)?), from_micros(row.get(1)?)))
        })?;
        let mut earlier: Vec<(AlertId, Timestamp)> = rows.collect::<Result<_, _>>()?;
        earlier.reverse();
        Ok(earlier)
    }

    /// Makes every waiting delivery due at once: what it waited for is mended. Answers how many there are.
    pub fn hasten_deliveries(&self, now: Timestamp) -> Result<usize, StoreError> {
        let hastened = self
            .sql
            .prepare_cached(
                "UPDATE deliveries SET next_attempt_at = ?1 WHERE status = 'queued' AND next_attempt_at > ?1",
            )?
            .execute([to_micros(now)])?;
        Ok(hastened)
    }

    /// The same for what waits in one channel, but not longer than `until`: who was put off for longer waits for a time of its own.
    pub fn hasten_waiting(
        &self,
        channel: &Channel,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let hastened = self
            .sql
            .prepare_cached(&format!(
                "UPDATE deliveries AS d SET next_attempt_at = ?1
                 WHERE d.status = 'queued' AND d.next_attempt_at > ?1 AND d.next_attempt_at <= ?2 AND {CHANNEL} = ?3"
            ))?
            .execute(params![to_micros(now), to_micros(until), channel.word()])?;
        Ok(hastened)
    }
}
