//! What is refused for good: whoever it was for is not told, so the operator is.
//!
//! Owns that this is one mail for many, and never one about a mail to the operator itself; and which channels take nothing
//! any more. Refuses to try again: that is `wirewatch mail resend`.

use std::time::Duration;

use jiff::Timestamp;

use super::operator::{OperatorEvent, tell};
use crate::alert::render::operator::{News, Refusals, Refused};
use crate::config::Config;
use crate::delivery::Channel;
use crate::feed::schedule::after;
use crate::store::{StoreError, Transaction};
use crate::topic::Severity;

/// Least time between two mails about refusals.
const MAIL_EVERY: Duration = Duration::from_mins(15);

/// Everything within this time was refused: then so is what comes next.
const REFUSING_FOR: Duration = Duration::from_mins(10);

/// Refusals listed in a mail.
const LISTED_MAX: u32 = 20;

/// Tells the operator what was refused since that was told last.
pub fn tell_refused(
    tx: &Transaction<'_>,
    config: &Config,
    now: Timestamp,
) -> Result<Option<OperatorEvent>, StoreError> {
    if next_refusal_at(tx, config, now)?.is_none_or(|at| at > now) {
        return Ok(None);
    }
    let listed = tx.untold_refusals(LISTED_MAX)?.into_iter().map(|refusal| Refused {
        alert: refusal.alert.0,
        address: refusal.address,
        subject: refusal.subject,
        at: refusal.at,
        reply: refusal.reply,
    });
    let refusals = Refusals {
        count: tx.untold_refusal_count()?,
        listed: listed.collect(),
        closed: refusing(tx, config, now)?.iter().map(Channel::shown).collect(),
    };
    let severity = if refusals.closed.is_empty() { Severity::Warning } else { Severity::Critical };
    let reason = "deliveries were refused for good";
    let event = tell(tx, config, News::Refused(refusals), severity, reason, now)?;
    tx.keep_refusals_told(event.as_ref().map(|event| event.id), now)?;
    Ok(event)
}

/// When [`tell_refused`] has something to tell.
pub fn next_refusal_at(
    tx: &Transaction<'_>,
    config: &Config,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    if config.mail.operator.is_empty() || tx.untold_refusal_count()? == 0 {
        return Ok(None);
    }
    Ok(Some(tx.refusals_told_at(now)?.map_or(now, |at| after(at, MAIL_EVERY).max(now))))
}

/// Channels of the configuration that refuse everything.
pub fn refusing(tx: &Transaction<'_>, config: &Config, now: Timestamp) -> Result<Vec<Channel>, StoreError> {
    let mut channels = tx.channels_that_refuse(REFUSING_FOR, now)?;
    channels.retain(|channel| is_configured(config, channel));
    Ok(channels)
}

/// Whether a configuration has this channel: what waits for one that it does not have says nothing of the others.
pub(super) fn is_configured(config: &Config, channel: &Channel) -> bool {
    match channel {
        Channel::Mail => true,
        Channel::Outlet(name) => config.outlets.iter().any(|outlet| outlet.name == *name),
    }
}
