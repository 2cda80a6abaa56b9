//! From the outbox to the doors: what is due, made each recipient's own.
//!
//! Owns the limit on mails a minute and the filling in of links, which one rendering has for all its recipients. Refuses to
//! send.

use std::time::Duration;

use jiff::Timestamp;

use super::links::may_do;
use crate::alert::Kind;
use crate::alert::render::without_actions;
use crate::config::Config;
use crate::delivery::Channel;
use crate::delivery::follow_up::{self, Recipient};
use crate::delivery::payload::{Payload, PayloadLink};
use crate::feed::schedule::after;
use crate::store::outbox::{Claimed, Outlook};
use crate::store::{StoreError, Transaction};

/// An attempt planned this much further ahead than the longest wait was planned by a clock that ran ahead. A stop claims by
/// the time it was asked for, which may be some minutes ago.
const CLOCK_SLACK: Duration = Duration::from_hours(1);

/// A delivery as it leaves.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Its row, and its mail.
    pub claimed: Claimed,
    /// What an outlet is handed.
    pub payload: Option<Payload>,
}

/// What a channel may send.
#[derive(Debug, Clone, Default)]
pub struct Outgoing {
    /// The next one, claimed.
    pub letter: Option<Letter>,
    /// When there is one, where `mail.max_per_minute` is used up.
    pub next_at: Option<Timestamp>,
}

/// Claims the next delivery of a channel that is due by `due_at`. Where `mail.max_per_minute` holds for it, `limited_at` is now.
pub fn claim(
    tx: &Transaction<'_>,
    config: &Config,
    channel: &Channel,
    limited_at: Option<Timestamp>,
    due_at: Timestamp,
) -> Result<Outgoing, StoreError> {
    if let Some(now) = limited_at {
        let (left, next_at) = tx.mail_allowance(config.mail.max_per_minute, now)?;
        if left == 0 {
            return Ok(Outgoing { letter: None, next_at });
        }
    }
    let claimed = tx.claim_by(channel, due_at, config.mail.retry_max + CLOCK_SLACK, 1)?;
    let Some(mut claimed) = claimed.into_iter().next() else { return Ok(Outgoing::default()) };
    let key = tx.follow_up_key()?;
    let (alert, at) = (claimed.alert, claimed.at);
    let recipient = Recipient { delivery: claimed.id, alert, at, address: &claimed.address };
    let mut payload = None;
    if *channel == Channel::Mail {
        claimed.rendered = follow_up::fill(claimed.rendered.clone(), &key, recipient);
    } else if let Some(found) = tx.payload(alert)? {
        let mut found = found.bounded();
        // Its text is that of a mail, without the links: they stand in a field of their own, and no chat takes itself off.
        let mail = follow_up::fill(claimed.rendered.clone(), &key, recipient);
        let text = without_actions(&mail.text).to_owned();
        found.text = Payload { text, ..found.clone() }.bounded().text;
        if let Some(base) = base(config).filter(|_| found.incident.is_some()) {
            let links = follow_up::links(&key, &base, recipient);
            let kind = Kind::from_word(&found.kind);
            found.links = links
                .into_iter()
                .filter(|link| may_do(link.action, kind))
                .map(|link| PayloadLink { action: link.action.as_str(), url: link.url })
                .collect();
        }
        payload = Some(found);
    }
    Ok(Outgoing { letter: Some(Letter { claimed, payload }), next_at: None })
}

/// When each channel has something due. What a clock that ran ahead put off is due now.
pub fn outlook(tx: &Transaction<'_>, config: &Config, now: Timestamp) -> Result<Outlook, StoreError> {
    let latest = after(now, config.mail.retry_max + CLOCK_SLACK);
    let mut outlook = tx.outlook()?;
    for prospect in outlook.channels.iter_mut().filter(|prospect| prospect.due_at > latest) {
        prospect.due_at = now;
    }
    Ok(outlook)
}

/// The page of an incident; none while [`crate::web`] serves none.
pub(crate) fn incident_page(config: &Config, incident: i64) -> Option<String> {
    const IS_SERVED: bool = false;
    base(config).filter(|_| IS_SERVED).map(|base| format!("{base}/incidents/{incident}"))
}

/// The address under which links lead to us; none where nothing listens.
pub(super) fn base(config: &Config) -> Option<String> {
    let url = config.web_public_url.as_ref().filter(|_| config.web_listen.is_some())?;
    Some(url.as_str().trim_end_matches('/').to_owned())
}
