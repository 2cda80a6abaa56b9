//! The door to mailboxes: SMTP, or `.eml` files.
//!
//! Owns `lettre` and [`Mailer`]; the bytes of a message are `mail/format.rs`, the dialogue `mail/smtp.rs`,
//! the files `mail/outbox.rs`. Refuses to decide who gets what and when to try again: it is handed a
//! [`Message`] and hands back an [`Outcome`].

mod format;
mod line;
mod outbox;
mod smtp;
mod stream;

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

pub use crate::alert::render::Picture;
pub use crate::secret::Secret;
pub use format::format;
pub use line::Line;

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

impl Server {
    /// Whether it can only be this machine, so that what is said to it crosses no network.
    pub fn is_this_machine(&self) -> bool {
        smtp::is_loopback(self.host.trim_start_matches('[').trim_end_matches(']'))
    }
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
    /// What the HTML part shows by `cid:`.
    pub picture: Option<Picture>,
    /// Further headers: name and ASCII value (`List-Id`, `X-Wirewatch-Topic` …).
    pub headers: Vec<(String, String)>,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Accepted by the server, or written to a file; the reply or the path.
    Sent(String),
    /// Not now (4xx to the recipient or the text, a session that broke off): try again.
    Deferred(String),
    /// Not now, and no other message would fare better (no connection, the account or the sender refused, no room
    /// for files): try again.
    Blocked(String),
    /// Not now, because the server takes no more from us at present (too many connections, too much mail): try again,
    /// with fewer connections and after a longer wait.
    Crowded(String),
    /// As [`Outcome::Crowded`], but said when the recipient was known already, so that it may be about this message alone: it
    /// waits for a time of its own besides.
    Throttled(String),
    /// Never (5xx, unusable address): the reply.
    Rejected(String),
}

/// A message that cannot be built, or a door that cannot open as configured.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The sender is no mailbox.
    #[error("the sender `{0}` is not a mail address; write `Name <address@example.org>`")]
    Sender(String),
    /// The recipient is no address.
    #[error("the recipient `{0}` is not a mail address; write `name@example.org`")]
    Recipient(String),
    /// Nothing of the message-id is left once what RFC 5322 forbids in one is taken out.
    #[error("the message-id `{0}` has no usable character")]
    MessageId(String),
    /// The parts do not make a message.
    #[error("the message cannot be built: {0}")]
    Build(String),
    /// A password would cross the network readably.
    #[error(
        "the password of {user} would be sent to {host} unencrypted; use smtps://, or smtp:// with ?tls=required"
    )]
    PlainPassword {
        /// The account.
        user: String,
        /// The server.
        host: String,
    },
    /// An account without its password.
    #[error(
        "the mail server account {0} has no password; set password_file, a systemd credential \
         smtp-password, or WIREWATCH_SMTP_PASSWORD"
    )]
    NoPassword(String),
    /// The file of certificate authorities cannot be used.
    #[error("the certificate authorities in {} cannot be used: {reason}", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// TLS cannot be set up on this machine.
    #[error("TLS cannot be set up: {0}; is the ca-certificates package installed?")]
    Tls(String),
}

/// Sends messages, or writes them to files. [`Mailer::send`] stands alone; a [`Line`] keeps its connection for the next
/// message.
#[derive(Debug)]
pub struct Mailer {
    from: String,
    domain: String,
    door: Door,
}

#[derive(Debug)]
enum Door {
    Server(Box<smtp::Client>),
    Files(outbox::Outbox),
}

impl Mailer {
    /// Opens the door: reads the file of certificate authorities and refuses what could not work or would
    /// give a password away. No connection is made.
    pub fn new(options: &Options) -> Result<Self, MailError> {
        let domain = format::sender(&options.from)?.email.domain().to_owned();
        let door = match &options.server {
            Some(server) => Door::Server(Box::new(smtp::Client::new(server, options.timeout)?)),
            None => Door::Files(outbox::Outbox::new(options.outbox_dir.clone())),
        };
        Ok(Self { from: options.from.clone(), domain, door })
    }

    /// The domain of the sender, for Message-IDs.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Whether messages go to a server, and do not become files.
    pub fn has_server(&self) -> bool {
        matches!(self.door, Door::Server(_))
    }

    /// Sends one message by a connection of its own. It ends within a bounded number of command time-outs, whatever the
    /// server does.
    pub async fn send(&self, message: &Message) -> Outcome {
        let mut line = Line::default();
        let outcome = line.send(self, message).await;
        line.close(self).await;
        outcome
    }

    /// Opens a session and closes it again, without a message; says what happened.
    pub async fn check(&self) -> Result<String, String> {
        match &self.door {
            Door::Server(client) => client.check().await,
            Door::Files(outbox) => outbox.check().await,
        }
    }
}
