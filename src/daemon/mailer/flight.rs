//! One delivery on its way: by the mail door, or to an outlet.
//!
//! Owns the doors of a configuration and what an outlet's answer is as an [`Outcome`]. Refuses to touch the outbox.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::config::Config;
use crate::delivery::outlet::{Outlet, Verdict, judge, parcel};
use crate::delivery::payload::Payload;
use crate::delivery::{self, Channel, Retry};
use crate::fetch::{FailureKind, Fetcher, Post, Posted};
use crate::mail::{Line, MailError, Mailer, Message, Outcome};
use crate::pipeline::Letter;
use crate::store::outbox::Claimed;

/// How deliveries leave, as configured.
#[derive(Debug)]
pub struct Door {
    pub(super) mailer: Mailer,
    pub(super) retry: Retry,
    connections_max: usize,
    outlets: Vec<Outlet>,
    fetcher: Fetcher,
}

impl Door {
    /// Opens the doors of a configuration; it fails where no mail could ever leave.
    pub fn open(config: &Config, fetcher: Fetcher) -> Result<Self, MailError> {
        let mail = &config.mail;
        Ok(Self {
            mailer: Mailer::new(&mail.door)?,
            retry: Retry { initial: mail.retry_initial, max: mail.retry_max },
            connections_max: mail.connections,
            outlets: config.outlets.clone(),
            fetcher,
        })
    }

    /// How many deliveries of a channel may be on their way at a time.
    pub(super) fn connections(&self, channel: &Channel) -> usize {
        if *channel == Channel::Mail { self.connections_max } else { 1 }
    }
}

/// What a delivery that did not get through says about the way it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Nothing: it got through, or the fault was its own.
    None,
    /// No other would get through either.
    Way,
    /// We send too much.
    Crowd,
}

impl Cause {
    pub(super) fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Sent(_) | Outcome::Rejected(_) | Outcome::Deferred(_) => Self::None,
            Outcome::Blocked(_) => Self::Way,
            Outcome::Crowded(_) | Outcome::Throttled(_) => Self::Crowd,
        }
    }
}

/// A delivery that arrived, or did not.
#[derive(Debug)]
pub(super) struct Landed {
    pub(super) outcome: Outcome,
    /// How long an outlet wants to be left alone.
    pub(super) retry_after: Option<Duration>,
    /// The line it was given.
    pub(super) line: Line,
    /// The door of that line.
    pub(super) door: Arc<Door>,
}

/// Carries one delivery.
pub(super) async fn fly(
    door: Arc<Door>,
    mut line: Line,
    channel: Channel,
    letter: Letter,
    clock: fn() -> Timestamp,
) -> Landed {
    let (outcome, retry_after) = match channel {
        Channel::Mail => {
            let message = message(&letter.claimed, door.mailer.domain());
            (line.send(&door.mailer, &message).await, None)
        }
        Channel::Outlet(name) => {
            if let Some(outlet) = door.outlets.iter().find(|outlet| outlet.name == name) {
                tell(&door, outlet, letter, clock()).await
            } else {
                let words =
                    format!("no [[outlet]] is called {name} any more; configure it again, or wait in vain");
                (Outcome::Blocked(words), None)
            }
        }
    };
    Landed { outcome, retry_after, line, door }
}

async fn tell(door: &Door, outlet: &Outlet, letter: Letter, now: Timestamp) -> (Outcome, Option<Duration>) {
    let Some(mut payload) = letter.payload else {
        return (Outcome::Rejected("the alert is gone from the database".to_owned()), None);
    };
    payload.delivery = message_id(&letter.claimed, door.mailer.domain());
    hand_to(&door.fetcher, outlet, &payload, now).await
}

/// Hands an alert to an outlet; what became of it, and how long it wants to be left alone.
pub async fn hand_to(
    fetcher: &Fetcher,
    outlet: &Outlet,
    payload: &Payload,
    now: Timestamp,
) -> (Outcome, Option<Duration>) {
    let parcel = parcel(outlet, payload, now);
    let post = Post {
        url: parcel.url,
        access: outlet.access.clone(),
        allow_private_addresses: outlet.allow_private_addresses,
        headers: parcel.headers,
        body: parcel.body,
    };
    match fetcher.post(&post, now).await {
        // It was reached, and did not get done with this one: that says nothing of the next.
        Posted::Failed(failure) if matches!(failure.kind, FailureKind::Timeout | FailureKind::Protocol) => {
            (Outcome::Deferred(failure.detail), None)
        }
        Posted::Failed(failure) => (Outcome::Blocked(failure.detail), None),
        Posted::Answered { code, headers, words } => {
            let words = if words.is_empty() { code.to_string() } else { format!("{code} {words}") };
            match judge(code) {
                Verdict::Accepted => (Outcome::Sent(words), None),
                // Who names a time, or says that it is too much, means everything; any other answer is about this one, and
                // the way is open.
                Verdict::Again if code == 429 || headers.retry_after.is_some() => {
                    (Outcome::Throttled(words), headers.retry_after)
                }
                Verdict::Again => (Outcome::Deferred(words), None),
                Verdict::Never => (Outcome::Rejected(format!("{words}{}", never(code))), None),
            }
        }
    }
}

/// What the owner can do about an answer that is final.
fn never(code: u16) -> &'static str {
    match code {
        300..=399 => " (a redirect, and none is followed: write the new address into `url`)",
        401 | 403 => " (the token or secret is not accepted; correct it, then wirewatch mail resend)",
        404 | 410 => " (nobody takes alerts at this address; correct `url`, then wirewatch mail resend)",
        413 => " (the alert is too large for it)",
        _ => "",
    }
}

fn message_id(claimed: &Claimed, domain: &str) -> String {
    delivery::message_id(&claimed.instance, claimed.alert, claimed.at, &claimed.address, domain)
}

fn message(claimed: &Claimed, domain: &str) -> Message {
    let id = |alert, at| delivery::message_id(&claimed.instance, alert, at, &claimed.address, domain);
    Message {
        to: claimed.address.clone(),
        message_id: message_id(claimed, domain),
        references: claimed.earlier.iter().map(|(alert, at)| id(*alert, *at)).collect(),
        date: claimed.queued_at,
        subject: claimed.rendered.subject.clone(),
        text: claimed.rendered.text.clone(),
        html: claimed.rendered.html.clone(),
        picture: claimed.rendered.picture.clone(),
        headers: claimed.rendered.headers.clone(),
    }
}
