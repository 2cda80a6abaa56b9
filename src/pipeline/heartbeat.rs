//! The heartbeat: a mail at a known time, whose absence is the alarm.
//!
//! Owns that one which passed while nothing ran is made up for once. When one is due is `delivery/heartbeat.rs`. Refuses to judge
//! what it reports.

use jiff::Timestamp;

use super::operator::{OperatorEvent, tell};
use crate::alert::render::operator::{FeedNews, News, OpenIncident, Vitals};
use crate::article::place::country;
use crate::config::Config;
use crate::delivery::heartbeat::Heartbeat;
use crate::store::{StoreError, Transaction};
use crate::topic::Severity;

/// Sends the heartbeat that is due by `now`, if one is. The first start begins the count and sends none.
pub fn beat(
    tx: &Transaction<'_>,
    config: &Config,
    now: Timestamp,
) -> Result<Option<OperatorEvent>, StoreError> {
    let Some(heartbeat) = config.mail.heartbeat.as_ref().filter(|_| !config.mail.operator.is_empty()) else {
        return Ok(None);
    };
    let Some(due_at) = heartbeat.last_by(now) else { return Ok(None) };
    // One from a time to come was written by a clock that ran ahead.
    let Some(last_at) = tx.last_heartbeat()?.filter(|at| *at <= now) else {
        tx.keep_heartbeat(due_at, None, now)?;
        return Ok(None);
    };
    if last_at >= due_at {
        return Ok(None);
    }
    let vitals = vitals(tx, heartbeat, last_at, now)?;
    let reason = "it is time for it (mail.heartbeat_at)";
    let event = tell(tx, config, News::Heartbeat(Box::new(vitals)), Severity::Info, reason, now)?;
    tx.keep_heartbeat(due_at, event.as_ref().map(|event| event.id), now)?;
    Ok(event)
}

/// When the next heartbeat is due.
pub fn next_beat_at(
    tx: &Transaction<'_>,
    config: &Config,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let Some(heartbeat) = config.mail.heartbeat.as_ref().filter(|_| !config.mail.operator.is_empty()) else {
        return Ok(None);
    };
    let is_begun = tx.last_heartbeat()?.is_some_and(|at| at <= now);
    Ok(if is_begun { heartbeat.next_after(now) } else { Some(now) })
}

fn vitals(
    tx: &Transaction<'_>,
    heartbeat: &Heartbeat,
    since: Timestamp,
    now: Timestamp,
) -> Result<Vitals, StoreError> {
    let due_at = heartbeat.last_by(now).unwrap_or(now);
    let counts = tx.counts_since(since)?;
    let (waiting_count, waiting_since) = tx.waiting_in_all()?;
    let blind = tx.blind_feeds()?.into_iter().map(|feed| FeedNews {
        name: feed.name,
        address: feed.address,
        host: feed.host,
        health: feed.health,
        since: feed.since,
        reason: feed.reason,
    });
    let open = tx.latest_open_incidents()?.into_iter().map(|(topic, place, last_at)| {
        let place = country::name(&place).unwrap_or_default().to_owned();
        OpenIncident { topic, place, last_at }
    });
    Ok(Vitals {
        since,
        until: now,
        missed_count: heartbeat.between(since, due_at),
        next_at: heartbeat.next_after(now).unwrap_or(now),
        feed_count: counts.feeds,
        polled_count: counts.polled,
        read_count: counts.read,
        blind: blind.collect(),
        gap_count: counts.gaps,
        article_count: counts.articles,
        alerts: counts.alerts,
        sent_count: counts.sent,
        failed_count: counts.failed,
        waiting_count,
        waiting_since,
        open_count: counts.open,
        open: open.collect(),
    })
}
