//! What recipients answer with one click: a link is judged, and what it asks for is done.
//!
//! Owns what each [`Action`] does, once however often it is asked for. Looking changes nothing: mail scanners follow every link.
//! Refuses whoever has no token of ours.

use std::time::Duration;

use jiff::Timestamp;

use super::dispatch::unsubscribed;
use super::follow_up::{self, Acknowledged};
use super::operator::{OperatorEvent, tell};
use super::outgoing::base;
use crate::alert::render::operator::News;
use crate::alert::silence::{Matcher, NewSilence, Silence};
use crate::alert::{AlertId, Kind};
use crate::article::place::country;
use crate::config::Config;
use crate::delivery::Channel;
use crate::delivery::follow_up::{Action, Link, OFFERED, Recipient, Ticket, placeholders};
use crate::feed::schedule::after;
use crate::store::follow_up::Subject;
use crate::store::{StoreError, Transaction};
use crate::topic::Severity;
use crate::topic::evaluate::Grade;

/// How long a link silences.
const DAY: Duration = Duration::from_hours(24);
/// A silence that ends so much sooner is as good as a new one.
const SLACK: Duration = Duration::from_hours(1);
/// Longest author of a silence, characters.
const AUTHOR_CHARS_MAX: usize = 100;

/// What a link is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judged {
    /// It is ours.
    Valid(Box<Valid>),
    /// It was, and its time is over.
    Expired,
    /// It is not.
    Unknown,
}

/// A link that is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Valid {
    /// What it asks for.
    pub action: Action,
    /// The alert it is about.
    pub alert: AlertId,
    /// Subject of its mail.
    pub subject: String,
    /// Its topic.
    pub topic: String,
    /// Whose link it is.
    pub address: String,
}

/// What came of following a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// It was done, and what the operator is told of it.
    Done(Box<Valid>, Option<OperatorEvent>),
    /// It had been done before.
    DoneBefore(Box<Valid>),
    /// The link is worth nothing.
    Refused(Judged),
}

/// The links of an alert for its mail: named, and with placeholders that become each recipient's own when the mail leaves. None
/// without `web.public_url`.
pub fn actions(
    tx: &Transaction<'_>,
    config: &Config,
    alert: AlertId,
    at: Timestamp,
) -> Result<Vec<Link>, StoreError> {
    let Some(base) = base(config) else { return Ok(Vec::new()) };
    let kind = tx.alert_facts(alert)?.map(|facts| facts.alert.kind);
    let mut links = placeholders(&tx.follow_up_key()?, &base, alert, at);
    links.retain(|link| may_do(link.action, kind));
    Ok(links)
}

/// Whether an action makes sense for an alert. Only of reports that tripped can it be said that it was right to tell them: what was
/// taken back, or only half speaks to its topic in a surge, would teach the topic the wrong thing.
pub(super) fn may_do(action: Action, kind: Option<Kind>) -> bool {
    !matches!(action, Action::Useful | Action::Noise) || kind.is_some_and(Kind::tells_reports)
}

/// Judges a link. Nothing changes.
pub fn look(tx: &Transaction<'_>, token: &str, now: Timestamp) -> Result<Judged, StoreError> {
    let Some(ticket) = Ticket::parse(token) else { return Ok(Judged::Unknown) };
    let Some(found) = tx.link_subject(ticket.delivery)? else { return Ok(Judged::Unknown) };
    let Subject { alert, at, address, topic, kind, subject } = found;
    let recipient = Recipient { delivery: ticket.delivery, alert, at, address: &address };
    let is_offered = OFFERED.contains(&ticket.action) && may_do(ticket.action, kind);
    if !ticket.is_for(&tx.follow_up_key()?, recipient) || !is_offered {
        return Ok(Judged::Unknown);
    }
    // What wirewatch says of itself is nobody's to judge or to leave.
    let Some(topic) = topic else { return Ok(Judged::Unknown) };
    // An outlet is left by whoever configures it, and not by who reads along behind it.
    if ticket.action == Action::Unsubscribe && Channel::of(&address) != Channel::Mail {
        return Ok(Judged::Unknown);
    }
    if ticket.expires_at <= now {
        return Ok(Judged::Expired);
    }
    Ok(Judged::Valid(Box::new(Valid { action: ticket.action, alert, subject, topic, address })))
}

/// Does what a link asks for.
pub fn follow(
    tx: &Transaction<'_>,
    config: &Config,
    token: &str,
    now: Timestamp,
) -> Result<Followed, StoreError> {
    let valid = match look(tx, token, now)? {
        Judged::Valid(valid) => valid,
        other => return Ok(Followed::Refused(other)),
    };
    match valid.action {
        Action::Useful | Action::Noise => {
            let grade = if valid.action == Action::Useful { Grade::Yes } else { Grade::No };
            tx.keep_feedback(valid.alert, &valid.topic, grade, now)?;
            Ok(Followed::Done(valid, None))
        }
        Action::Unsubscribe => {
            if !tx.unsubscribe(&valid.address, &valid.topic, valid.alert, now)? {
                return Ok(Followed::DoneBefore(valid));
            }
            for alert in tx.withdraw_queued(&valid.address, &valid.topic)? {
                tx.save_route_decision(&unsubscribed(alert, &valid.address, now))?;
            }
            let news = News::Unsubscribed { address: valid.address.clone(), topic: valid.topic.clone() };
            let reason = "a recipient unsubscribed by a link in a mail";
            let event = tell(tx, config, news, Severity::Warning, reason, now)?;
            Ok(Followed::Done(valid, event))
        }
        Action::Acknowledge => {
            let author = valid.address.as_str();
            match follow_up::acknowledge(tx, valid.alert, author, "by a link in its mail", now)? {
                Acknowledged::Incidents { before: Some(_), .. } => Ok(Followed::DoneBefore(valid)),
                Acknowledged::Incidents { .. } => Ok(Followed::Done(valid, None)),
                Acknowledged::NoAlert | Acknowledged::NoIncident => Ok(Followed::Refused(Judged::Unknown)),
            }
        }
        Action::Silence => silence_for_a_day(tx, config, valid, now),
    }
}

/// Mutes an alert's topic at its place for a day, for the one address that asked.
fn silence_for_a_day(
    tx: &Transaction<'_>,
    config: &Config,
    valid: Box<Valid>,
    now: Timestamp,
) -> Result<Followed, StoreError> {
    let place = tx.alert_facts(valid.alert)?.map(|facts| facts.alert.place);
    // One that lets the grave through, or is about to end, is not what the page promises.
    let lasts = after(now, DAY.saturating_sub(SLACK));
    let same = |silence: &Silence| {
        silence.is_in_force(now)
            && silence.until >= lasts
            && silence.matcher.severity_max.is_none()
            && silence.matcher.publisher.is_none()
            && silence.matcher.address.as_deref() == Some(valid.address.as_str())
            && silence.matcher.topic.as_deref() == Some(valid.topic.as_str())
            && silence.matcher.place == place
    };
    if tx.silences(now)?.iter().any(same) {
        return Ok(Followed::DoneBefore(valid));
    }
    let matcher = Matcher {
        topic: Some(valid.topic.clone()),
        place: place.clone(),
        address: Some(valid.address.clone()),
        ..Matcher::default()
    };
    let new = NewSilence {
        matcher,
        author: valid.address.chars().take(AUTHOR_CHARS_MAX).collect(),
        comment: "by a link in a mail".to_owned(),
        until: after(now, DAY),
    };
    let until = new.until;
    if follow_up::silence(tx, new, now)?.is_err() {
        return Ok(Followed::Refused(Judged::Unknown));
    }
    let place = place.as_deref().and_then(country::name).map(str::to_owned);
    let news = News::Muted { address: valid.address.clone(), topic: valid.topic.clone(), place, until };
    let reason = "a recipient silenced alerts by a link in a mail";
    let event = tell(tx, config, news, Severity::Info, reason, now)?;
    Ok(Followed::Done(valid, event))
}
