//! What hubs deliver, on its way in, and what polls show of hubs.
//!
//! Owns the rule that a delivery is settled like a document of its feed, and only for a feed whose first poll made its
//! baseline. Refuses to say whether a delivery is the hub's: who hands it in has seen its signature.

use std::time::Duration;

use jiff::Timestamp;

use super::{End, Poll, Settled, settle};
use crate::config::Config;
use crate::feed::Feed;
use crate::feed::answer::AnswerKind;
use crate::feed::subscription::Callback;
use crate::store::{StoreError, Transaction};
use crate::story::Stories;

/// Settles what a hub delivered at a callback. `None`: nobody waits for it, or the feed was not polled yet, whose first
/// poll finds the same entries and knows which of them are news.
pub fn settle_delivery(
    tx: &Transaction<'_>,
    stories: &mut Stories,
    config: &Config,
    feed: &Feed,
    callback: &Callback,
    poll: &Poll,
    now: Timestamp,
) -> Result<Option<Settled>, StoreError> {
    let subscription = tx.subscription_at(callback)?;
    let Some(mut subscription) =
        subscription.filter(|known| known.feed == poll.feed && known.takes_deliveries())
    else {
        return Ok(None);
    };
    let state = tx.feed_state(poll.feed)?;
    if state.is_none_or(|state| state.first_success_at.is_none()) {
        return Ok(None);
    }
    let settled = settle(tx, stories, config, feed, poll, now)?;
    subscription.delivered(now);
    tx.save_subscription(&subscription)?;
    Ok(Some(settled))
}

/// Holds a poll against what the feed's hub promised; answers how long the next one may wait while it keeps its word.
pub(super) fn note_poll(
    tx: &Transaction<'_>,
    config: &Config,
    feed: &Feed,
    poll: &Poll,
    settled: &mut Settled,
) -> Result<Option<Duration>, StoreError> {
    if config.web_listen.is_none() || config.web_public_url.is_none() {
        return Ok(None);
    }
    let Some(mut subscription) = tx.subscription_of(poll.feed)? else { return Ok(None) };
    let at = poll.started_at;
    if let Some(found) = found(&poll.end, settled) {
        if subscription.polled(&found, at) {
            settled.outcome.push_str("; its hub had not delivered what is new and is not relied on for now");
        }
        tx.save_subscription(&subscription)?;
    }
    let interval = feed.interval.unwrap_or(config.poll.interval);
    Ok(subscription.safety_wait(interval, config.poll.max_interval, at))
}

/// When the entries that nobody had seen were published; `None` where there was no poll that was answered well.
fn found(end: &End, settled: &Settled) -> Option<Vec<Option<Timestamp>>> {
    match end {
        End::Document(reading) if reading.kind == AnswerKind::Pushed => None,
        End::Document(reading) => {
            let new = settled.articles.iter().filter(|event| !event.is_revision);
            let entries = new.filter_map(|event| reading.scored.get(event.index));
            Some(entries.map(|scored| scored.entry.published).collect())
        }
        End::NotModified { .. } => Some(Vec::new()),
        End::Failed { .. } => None,
    }
}
