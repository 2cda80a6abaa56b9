//! The alarm about what does not leave: deliveries that wait for too long, by channel.
//!
//! Owns when that is told and when it is over: once each, and both in one mail where the first never got out; and once more
//! where one address was stuck and the whole way closes. Refuses to look for another way out: the log, `status` and the operator's other addresses are those.

use std::time::Duration;

use jiff::Timestamp;

use super::operator::{OperatorEvent, tell};
use super::refusal::is_configured;
use crate::alert::render::operator::{Backlog, News};
use crate::config::Config;
use crate::delivery::Channel;
use crate::feed::schedule::after;
use crate::store::pulse::{OpenBacklog, Waiting};
use crate::store::{StoreError, Transaction};
use crate::topic::Severity;

/// A delivery that waits longer than this needs a person.
const WAIT_MAX: Duration = Duration::from_mins(10);

/// A channel in which something begins to wait for long, or no longer does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BacklogEvent {
    /// The channel.
    pub channel: Channel,
    /// When the longest waiting delivery came into the outbox.
    pub since: Timestamp,
    /// How many wait; 0 when it is over.
    pub count: u64,
    /// What was said to it last.
    pub reply: String,
    /// Whether it is over.
    pub is_over: bool,
}

/// Tells what has waited for too long by `now`, and what no longer does.
pub fn watch_backlog(
    tx: &Transaction<'_>,
    config: &Config,
    now: Timestamp,
) -> Result<(Vec<OperatorEvent>, Vec<BacklogEvent>), StoreError> {
    let (mut told, mut events) = (Vec::new(), Vec::new());
    let open = tx.open_backlogs()?;
    if open.is_empty() && next_backlog_at(tx)?.is_none_or(|at| at > now) {
        return Ok((told, events));
    }
    let waiting = tx.waiting(WAIT_MAX, now)?;
    for known in &open {
        let still = waiting.iter().find(|it| it.channel == known.channel && is_late(it, now));
        if still.is_none() {
            told.extend(end(tx, config, known, now)?);
            let (channel, since) = (known.channel.clone(), known.since);
            events.push(BacklogEvent { channel, since, count: 0, reply: String::new(), is_over: true });
        }
    }
    for late in waiting.iter().filter(|it| is_late(it, now)) {
        let known = open.iter().find(|known| known.channel == late.channel);
        if let Some(known) = known.filter(|known| !known.others_get_through || late.others_get_through) {
            // That others get through again is seen when it is over, or when they no longer do.
            if known.others_get_through != late.others_get_through {
                tx.renew_backlog(&OpenBacklog { others_get_through: true, ..known.clone() })?;
            }
            continue;
        }
        let reason = "a delivery has waited for ten minutes";
        let news = News::Backlog(view(late));
        let event = tell(tx, config, news, Severity::Critical, reason, now)?;
        let alert = event.as_ref().map(|event| event.id);
        let (since, others_get_through) = (late.since, late.others_get_through);
        let backlog = OpenBacklog { channel: late.channel.clone(), since, alert, others_get_through };
        if let Some(known) = known {
            // What told of the one address and did not get out says less than this.
            if let Some(before) = known.alert {
                tx.withdraw_alert(before)?;
            }
            tx.renew_backlog(&backlog)?;
        } else {
            tx.begin_backlog(&backlog)?;
        }
        told.extend(event);
        events.push(BacklogEvent {
            channel: late.channel.clone(),
            since: late.since,
            count: late.count,
            reply: late.reply.clone(),
            is_over: false,
        });
    }
    Ok((told, events))
}

/// Whether nothing gets through by a channel of the configuration, and has not for long. An address that alone cannot be reached
/// is no such thing.
pub fn is_closed(tx: &Transaction<'_>, config: &Config) -> Result<bool, StoreError> {
    let open = tx.open_backlogs()?;
    Ok(open.iter().any(|it| !it.others_get_through && is_configured(config, &it.channel)))
}

/// When something in a channel that is not known to be late becomes so.
pub fn next_backlog_at(tx: &Transaction<'_>) -> Result<Option<Timestamp>, StoreError> {
    tx.next_backlog_at(WAIT_MAX)
}

fn is_late(waiting: &Waiting, now: Timestamp) -> bool {
    after(waiting.since, WAIT_MAX) <= now
}

/// Ends a backlog. What told of it and did not get out is taken back: its end says it all.
fn end(
    tx: &Transaction<'_>,
    config: &Config,
    known: &OpenBacklog,
    now: Timestamp,
) -> Result<Option<OperatorEvent>, StoreError> {
    tx.end_backlog(known, now)?;
    if let Some(alert) = known.alert {
        tx.withdraw_alert(alert)?;
    }
    let backlog = Backlog {
        channel: known.channel.shown(),
        since: known.since,
        count: 0,
        address_count: 0,
        address: String::new(),
        reply: String::new(),
        others_get_through: true,
    };
    let reason = "nothing waits for ten minutes any more";
    tell(tx, config, News::BacklogOver { backlog, until: now }, Severity::Info, reason, now)
}

fn view(waiting: &Waiting) -> Backlog {
    Backlog {
        channel: waiting.channel.shown(),
        since: waiting.since,
        count: waiting.count,
        address_count: waiting.address_count,
        address: waiting.address.clone(),
        reply: waiting.reply.clone(),
        others_get_through: waiting.others_get_through,
    }
}
