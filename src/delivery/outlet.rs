//! Outlets: where alerts go besides mailboxes, and what they are handed.
//!
//! Owns [`Outlet`], the bytes and headers of a request to one ([`parcel`]) and what its answer means ([`judge`]). Refuses to
//! send: `fetch` does, without redirects and past the address guard.

use jiff::Timestamp;
use serde_json::json;
use url::Url;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::follow_up::digits;
use super::payload::{Payload, bounded};
use crate::feed::access::Access;
use crate::secret::Secret;

/// The header that proves who sent a webhook: `t=1795429200,v1=…`.
pub const SIGNATURE_HEADER: &str = "wirewatch-signature";

/// The header that is the same at every attempt.
pub const DELIVERY_HEADER: &str = "wirewatch-delivery";

/// Bytes of an ntfy message. Its servers take 4,096 and make an attachment of what is longer.
const MESSAGE_BYTES_MAX: usize = 3900;

/// Bytes of an ntfy title.
const TITLE_BYTES_MAX: usize = 250;

/// Headlines in an ntfy message.
const HEADLINES_MAX: usize = 5;

/// What stands at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutletKind {
    /// A program that takes [`Payload`] as JSON.
    Webhook,
    /// A topic of an ntfy server (<https://docs.ntfy.sh/publish/#publish-as-json>).
    Ntfy,
}

/// `[[outlet]]`, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlet {
    /// What routes call it: `outlet:NAME`.
    pub name: String,
    /// What it is.
    pub kind: OutletKind,
    /// Where it is. An ntfy topic is the last part of its path.
    pub url: Url,
    /// A token, and the way there.
    pub access: Access,
    /// What a webhook is signed with.
    pub secret: Option<Secret>,
    /// Whether it may be on a loopback or private address.
    pub allow_private_addresses: bool,
}

/// A request to an outlet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// Where it goes.
    pub url: Url,
    /// Headers besides the token: name in lower case, and value.
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub body: Vec<u8>,
}

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was taken.
    Accepted,
    /// Not now.
    Again,
    /// Never, as it is set up.
    Never,
}

/// What the status of an answer means: 2xx taken; 408, 425, 429 and 5xx not now; anything else, redirects included, never.
pub fn judge(code: u16) -> Verdict {
    match code {
        200..=299 => Verdict::Accepted,
        408 | 425 | 429 | 500..=599 => Verdict::Again,
        _ => Verdict::Never,
    }
}

/// The request that hands an alert to an outlet at `now`.
pub fn parcel(outlet: &Outlet, payload: &Payload, now: Timestamp) -> Parcel {
    match outlet.kind {
        OutletKind::Webhook => webhook(outlet, payload, now),
        OutletKind::Ntfy => ntfy(outlet, payload),
    }
}

fn webhook(outlet: &Outlet, payload: &Payload, now: Timestamp) -> Parcel {
    let body = serde_json::to_vec(payload).unwrap_or_default();
    let mut headers = vec![(DELIVERY_HEADER, payload.delivery.clone())];
    let signature = outlet.secret.as_ref().and_then(|secret| signature(secret, now, &body));
    headers.extend(signature.map(|value| (SIGNATURE_HEADER, value)));
    Parcel { url: outlet.url.clone(), headers, body }
}

/// `t=SECONDS,v1=HEX`: HMAC-SHA-256 over the time, a full stop and the body. The time keeps a request that somebody recorded
/// from being played again later.
pub fn signature(secret: &Secret, now: Timestamp, body: &[u8]) -> Option<String> {
    let time = now.as_second().to_string();
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.expose().as_bytes()).ok()?;
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    Some(format!("t={time},v1={}", digits(&mac.finalize().into_bytes())))
}

/// An ntfy message as JSON: its headers could not hold a title beyond Latin-1.
fn ntfy(outlet: &Outlet, payload: &Payload) -> Parcel {
    let mut url = outlet.url.clone();
    let path = outlet.url.path().trim_end_matches('/').to_owned();
    let (base, topic) = path.rsplit_once('/').unwrap_or(("", path.as_str()));
    url.set_path(if base.is_empty() { "/" } else { base });
    let (priority, tag) = match payload.severity.as_str() {
        // That it is over wakes nobody.
        _ if is_all_clear(payload) => (3, "white_check_mark"),
        "critical" => (5, "rotating_light"),
        "warning" => (4, "warning"),
        _ => (3, "information_source"),
    };
    let mut tags = vec![tag.to_owned(), payload.kind.clone()];
    tags.extend(payload.topic.clone());
    tags.extend(payload.place.clone().filter(|place| place != "ZZ"));
    let mut message = json!({
        "topic": topic,
        "title": bounded(&payload.subject, TITLE_BYTES_MAX),
        "message": bounded(&message(payload), MESSAGE_BYTES_MAX),
        "priority": priority,
        "tags": tags,
    });
    let click =
        payload.reports.first().filter(|_| !is_all_clear(payload)).and_then(|report| report.url.clone());
    if let (Some(click), Some(fields)) = (click, message.as_object_mut()) {
        fields.insert("click".to_owned(), click.into());
    }
    Parcel { url, headers: Vec::new(), body: serde_json::to_vec(&message).unwrap_or_default() }
}

fn is_all_clear(payload: &Payload) -> bool {
    payload.kind == "all-clear"
}

/// What a telephone shows of a digest: how many, and the subjects of the gravest.
fn listed(digest: &Payload) -> String {
    let count = digest.alert_count.unwrap_or_default();
    let mut lines =
        vec![format!("{count} alerts, the gravest first: wirewatch alerts show {}", digest.alert)];
    let mut byte_count = lines[0].len();
    for alert in &digest.alerts {
        let line =
            format!("- {}", bounded(&alert.subject.split_whitespace().collect::<Vec<_>>().join(" "), 300));
        byte_count += line.len() + 1;
        if byte_count > MESSAGE_BYTES_MAX {
            break;
        }
        lines.push(line);
    }
    lines.join("\n")
}

/// What a telephone shows: headlines with their publishers and links, and why; the alerts of a digest; for what tells of no
/// article, its text. An all-clear tells that there is nothing new: the headline of what was reported would say the opposite.
fn message(payload: &Payload) -> String {
    let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let why = format!("Why: {}. Alert {}.", line(&payload.reason).trim_end_matches('.'), payload.alert);
    if is_all_clear(payload) {
        return format!(
            "Nothing more that trips this topic was reported here. That is no proof that nothing happens.\n{why}"
        );
    }
    if !payload.alerts.is_empty() {
        return listed(payload);
    }
    if payload.reports.is_empty() {
        return payload.text.trim().to_owned();
    }
    let mut lines: Vec<String> = Vec::new();
    for report in payload.reports.iter().take(HEADLINES_MAX) {
        let headline = bounded(&line(&report.title), 300);
        lines.push(format!("{headline} ({})", bounded(&line(&report.publisher), 100)));
        lines.extend(report.url.clone());
    }
    let shown = payload.reports.len().min(HEADLINES_MAX) as u64;
    if payload.article_count > shown {
        lines.push(format!("… and {} more", payload.article_count - shown));
    }
    lines.push(why);
    lines.join("\n")
}
