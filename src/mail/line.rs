//! A line to the mail server: a connection that is kept for the next message.
//!
//! Owns how long one is kept: some messages, some minutes, and a few seconds without any. Servers count connections and
//! tire of long ones; a client that opens one for each message is held for a flood. Refuses to try a message again, save
//! where the session before it had ended already: then nothing of it was handed over.

use std::time::Duration;

use tokio::time::Instant;

use super::smtp::{Handed, Session};
use super::{Door, Mailer, Message, Outcome, format};

/// Messages by one connection.
const MESSAGES_MAX: u32 = 50;

/// Age of a connection. RFC 5321 section 4.5.3.2.7 lets a server wait five minutes for a command.
const AGE_MAX: Duration = Duration::from_mins(4);

/// How long a connection is kept without a message.
const IDLE_MAX: Duration = Duration::from_secs(5);

/// A line; no connection is made before the first message.
#[derive(Debug, Default)]
pub struct Line {
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    session: Session,
    opened_at: Instant,
    used_at: Instant,
    message_count: u32,
}

impl Line {
    /// Sends one message. It ends within a bounded number of command time-outs, whatever the server does.
    pub async fn send(&mut self, mailer: &Mailer, message: &Message) -> Outcome {
        let bytes = match format(message, &mailer.from) {
            Ok(bytes) => bytes,
            // The same message would fail in the same way for ever.
            Err(error) => return Outcome::Rejected(error.to_string()),
        };
        let client = match &mailer.door {
            Door::Server(client) => client,
            Door::Files(outbox) => return outbox.write(message, bytes).await,
        };
        let envelope = (mailer.from.as_str(), message.to.as_str());
        if self.open.as_ref().is_some_and(|open| !open.may_go_on()) {
            self.close(mailer).await;
        }
        if let Some(open) = self.open.take() {
            let (opened_at, message_count) = (open.opened_at, open.message_count);
            let handed = client.send(open.session, true, envelope, &bytes).await;
            if !handed.was_stale {
                return self.keep(handed, opened_at, message_count);
            }
        }
        match client.connect_for().await {
            Ok(session) => {
                let handed = client.send(session, false, envelope, &bytes).await;
                self.keep(handed, Instant::now(), 0)
            }
            Err(outcome) => outcome,
        }
    }

    /// When a connection that nobody used in the meantime is to be closed.
    pub fn closes_at(&self) -> Option<Instant> {
        self.open.as_ref().map(|open| open.used_at + IDLE_MAX)
    }

    /// Says goodbye, if there is a connection.
    pub async fn close(&mut self, mailer: &Mailer) {
        if let (Some(open), Door::Server(client)) = (self.open.take(), &mailer.door) {
            client.close(open.session).await;
        }
    }

    fn keep(&mut self, handed: Handed, opened_at: Instant, message_count: u32) -> Outcome {
        let (used_at, message_count) = (Instant::now(), message_count + 1);
        self.open = handed.session.map(|session| Open { session, opened_at, used_at, message_count });
        handed.outcome
    }
}

impl Open {
    fn may_go_on(&self) -> bool {
        self.message_count < MESSAGES_MAX
            && self.opened_at.elapsed() < AGE_MAX
            && self.used_at.elapsed() < IDLE_MAX
    }
}
