//! The door to mailboxes: SMTP, or `.eml` files.
//!
//! Owns `lettre`. Refuses to decide who gets what and when to try again: it is handed a [`Message`] and hands back an [`Outcome`].

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

/// A secret that never shows in logs and messages.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(secret: String) -> Self {
        Self(secret)
    }

    /// The secret itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// `smtp://…?tls=none`: never.
    None,
    /// `smtp://`: STARTTLS when the server offers it.
    Opportunistic,
    /// `smtp://…?tls=required`: STARTTLS or nothing.
    Required,
    /// `smtps://`: from the first byte.
    Implicit,
}

/// An SMTP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Protection.
    pub tls: Tls,
    /// Account, when the server wants one.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
    /// A PEM file of further certificate authorities.
    pub ca_file: Option<PathBuf>,
}

/// How the door behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server; without one, messages become files in `outbox_dir`.
    pub server: Option<Server>,
    /// Sender, `Name <address>`.
    pub from: String,
    /// Where `.eml` files go.
    pub outbox_dir: PathBuf,
    /// Time for one SMTP command.
    pub timeout: Duration,
}

/// One message to one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Recipient's address.
    pub to: String,
    /// `Message-ID`, without angle brackets; stable for one delivery.
    pub message_id: String,
    /// Message-ids of earlier mails of the same incident to the same address, oldest first.
    pub references: Vec<String>,
    /// Date header.
    pub date: Timestamp,
    /// Subject, plain text.
    pub subject: String,
    /// Text part.
    pub text: String,
    /// HTML part.
    pub html: String,
    /// Further headers: name and ASCII value (`List-Id`, `X-Wirewatch-Topic` …).
    pub headers: Vec<(String, String)>,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Accepted by the server, or written to a file; the reply or the path.
    Sent(String),
    /// Not now (4xx, broken connection, time-out): try again.
    Deferred(String),
    /// Never (5xx, unusable address): the reply.
    Rejected(String),
}
