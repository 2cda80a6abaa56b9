//! What a recipient can answer with one click: signed links that say who, about which alert, until when.
//!
//! Owns [`Action`], the [`Key`], tokens and the placeholders that stand for them in a stored mail: a mail is rendered once
//! for all its recipients, and a link is one recipient's. Both are HMACs with a key that no feed knows, so that feed text can
//! neither forge a link nor have one put into it. Refuses to act: `pipeline/follow_up.rs` does.

use std::fmt;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

use super::DeliveryId;
use crate::alert::AlertId;
use crate::alert::render::Rendered;
use crate::feed::schedule::after;

/// The path under which links stand.
pub const PATH: &str = "/f/";

/// How long a link works, from the time its alert was decided.
pub const VALID_FOR: Duration = Duration::from_hours(30 * 24);

/// What mails offer, in this order.
pub const OFFERED: [Action; 5] =
    [Action::Acknowledge, Action::Useful, Action::Noise, Action::Silence, Action::Unsubscribe];

/// Hexadecimal digits of a placeholder's mark: 128 bits, which nobody guesses.
const MARK_DIGITS: usize = 32;

/// What a link does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Somebody takes care of the incident.
    Acknowledge,
    /// The alert was right.
    Useful,
    /// The alert was wrong.
    Noise,
    /// No alert of this topic and place for a day.
    Silence,
    /// No more mail about this topic to this address.
    Unsubscribe,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Acknowledge, Self::Useful, Self::Noise, Self::Silence, Self::Unsubscribe];

    /// The letter it has in a token.
    fn letter(self) -> char {
        match self {
            Self::Acknowledge => 'a',
            Self::Useful => 'g',
            Self::Noise => 'n',
            Self::Silence => 's',
            Self::Unsubscribe => 'u',
        }
    }

    fn from_letter(letter: char) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.letter() == letter)
    }

    /// The lower-case word used in logs and `--json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::Useful => "useful",
            Self::Noise => "noise",
            Self::Silence => "silence",
            Self::Unsubscribe => "unsubscribe",
        }
    }

    /// What a link or button is called.
    pub fn label(self) -> &'static str {
        match self {
            Self::Acknowledge => "Acknowledge",
            Self::Useful => "This was useful",
            Self::Noise => "This was noise",
            Self::Silence => "Silence for 24 hours",
            Self::Unsubscribe => "Unsubscribe",
        }
    }
}

/// What signs links. It never shows in logs and messages.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; 32]);

impl Key {
    /// Wraps the bytes of a key.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for the one place that keeps them.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// HMAC-SHA-256 (RFC 2104) over the parts, each with its length before it so that none runs into the next.
    fn mac(&self, purpose: &str, parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
        // An HMAC takes keys of any length.
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.0).ok()?;
        for part in [purpose.as_bytes()].iter().chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        Some(mac)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Whom a link is for, and about what. The time keeps a link from meaning another alert after a backup was restored.
#[derive(Debug, Clone, Copy)]
pub struct Recipient<'a> {
    /// The delivery whose mail has the link.
    pub delivery: DeliveryId,
    /// Its alert.
    pub alert: AlertId,
    /// When the alert was decided.
    pub at: Timestamp,
    /// To whom.
    pub address: &'a str,
}

/// A link, named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What it does.
    pub action: Action,
    /// Where it leads.
    pub url: String,
}

/// A token as somebody brought it. Nothing about it is believed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// What it asks for.
    pub action: Action,
    /// The delivery it names.
    pub delivery: DeliveryId,
    /// When it stops working.
    pub expires_at: Timestamp,
    signature: Vec<u8>,
}

impl Ticket {
    /// Reads a token: the action's letter and the delivery's number, the time, and the signature, with `-` between.
    pub fn parse(token: &str) -> Option<Self> {
        if token.len() > 128 || !token.is_ascii() {
            return None;
        }
        let mut parts = token.split('-');
        let (head, expiry, signature) = (parts.next()?, parts.next()?, parts.next()?);
        let mut letters = head.chars();
        let action = Action::from_letter(letters.next()?)?;
        let delivery = DeliveryId(i64::from_str_radix(letters.as_str(), 16).ok()?);
        let expires_at = Timestamp::from_second(i64::from_str_radix(expiry, 16).ok()?).ok()?;
        let signature = bytes(signature)?;
        (parts.next().is_none() && delivery.0 > 0).then_some(Self { action, delivery, expires_at, signature })
    }

    /// Whether it was signed with this key for this recipient. It takes the same time wherever two signatures differ.
    pub fn is_for(&self, key: &Key, recipient: Recipient<'_>) -> bool {
        let signed = signed(key, self.action, recipient, self.expires_at);
        self.delivery == recipient.delivery
            && signed.is_some_and(|mac| mac.verify_slice(&self.signature).is_ok())
    }
}

/// The token of an action for a recipient.
pub fn token(key: &Key, action: Action, recipient: Recipient<'_>) -> String {
    let expires_at = after(recipient.at, VALID_FOR);
    let signature =
        signed(key, action, recipient, expires_at).map(|mac| digits(&mac.finalize().into_bytes()));
    format!(
        "{}{:x}-{:x}-{}",
        action.letter(),
        recipient.delivery.0,
        expires_at.as_second(),
        signature.unwrap_or_default()
    )
}

/// The links of a recipient under an address of ours (`web.public_url`), in the order of [`OFFERED`]. One who is no mailbox
/// is not unsubscribed by a link.
pub fn links(key: &Key, base: &str, recipient: Recipient<'_>) -> Vec<Link> {
    let is_mailbox = super::Channel::of(recipient.address) == super::Channel::Mail;
    let offered = OFFERED.into_iter().filter(|action| is_mailbox || *action != Action::Unsubscribe);
    let link = |action| Link { action, url: url(base, &token(key, action, recipient)) };
    offered.map(link).collect()
}

/// The links of an alert before its recipients are known: [`fill`] makes them each recipient's own.
pub fn placeholders(key: &Key, base: &str, alert: AlertId, at: Timestamp) -> Vec<Link> {
    let link = |action| Link { action, url: url(base, &placeholder(key, action, alert, at)) };
    OFFERED.into_iter().map(link).collect()
}

/// A mail with its placeholders replaced by the recipient's tokens, in both parts and in the headers.
#[must_use]
pub fn fill(rendered: Rendered, key: &Key, recipient: Recipient<'_>) -> Rendered {
    let marks = Action::ALL.map(|action| {
        let mark = placeholder(key, action, recipient.alert, recipient.at);
        (mark, token(key, action, recipient))
    });
    let filled = |text: String| {
        let has_mark = |text: &str| marks.iter().any(|(mark, _)| text.contains(mark.as_str()));
        if !has_mark(&text) {
            return text;
        }
        marks.iter().fold(text, |text, (mark, token)| text.replace(mark.as_str(), token))
    };
    Rendered {
        text: filled(rendered.text),
        html: filled(rendered.html),
        headers: rendered.headers.into_iter().map(|(name, value)| (name, filled(value))).collect(),
        ..rendered
    }
}

fn url(base: &str, token: &str) -> String {
    format!("{}{PATH}{token}", base.trim_end_matches('/'))
}

/// What stands for a token until the recipient is known. Letters, digits and a hyphen: no template, escape or line wrap
/// changes it.
fn placeholder(key: &Key, action: Action, alert: AlertId, at: Timestamp) -> String {
    let parts: [&[u8]; 2] = [&alert.0.to_be_bytes(), &at.as_microsecond().to_be_bytes()];
    let mark = key.mac("wirewatch placeholder 1", &parts).map(|mac| digits(&mac.finalize().into_bytes()));
    let mark: String = mark.unwrap_or_default().chars().take(MARK_DIGITS).collect();
    format!("0{}-{mark}", action.letter())
}

fn signed(
    key: &Key,
    action: Action,
    recipient: Recipient<'_>,
    expires_at: Timestamp,
) -> Option<Hmac<Sha256>> {
    let address = recipient.address.to_lowercase();
    let parts: [&[u8]; 6] = [
        action.as_str().as_bytes(),
        &recipient.delivery.0.to_be_bytes(),
        &recipient.alert.0.to_be_bytes(),
        &recipient.at.as_microsecond().to_be_bytes(),
        &expires_at.as_second().to_be_bytes(),
        address.as_bytes(),
    ];
    key.mac("wirewatch follow-up 1", &parts)
}

/// Bytes as hexadecimal digits.
pub(super) fn digits(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digits.chunks(2).map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect()
}
