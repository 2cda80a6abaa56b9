//! Why the daemon did not start, or stopped by itself.

use super::ledger::LedgerError;
use crate::fetch;
use crate::mail;
use crate::store::StoreError;
use crate::web::WebError;

/// Why the daemon did not start, or stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The database refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger refuses or is gone.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The HTTP client cannot be made.
    #[error(transparent)]
    Fetch(#[from] fetch::FetchError),
    /// The mailer cannot be made.
    #[error(transparent)]
    Mail(#[from] mail::MailError),
    /// The door for callers cannot be opened.
    #[error(transparent)]
    Web(#[from] WebError),
    /// The operating system refuses a thread or a signal handler.
    #[error("the operating system refuses: {0}")]
    System(#[from] std::io::Error),
    /// The task that carries mail ended; only a new start brings it back.
    #[error("the mailer has stopped by itself; please report what was logged before")]
    MailerStopped,
}

impl DaemonError {
    /// The database's error, if it is one that may pass by itself.
    pub(super) fn passing(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) | Self::Ledger(LedgerError::Store(error)) if error.is_passing() => Some(error),
            _ => None,
        }
    }
}
