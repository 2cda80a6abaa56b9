//! A secret: a password or token that is handed on and never shown.
//!
//! Owns [`Secret`], which every room may hold: the configuration reads it, feeds and the mail server carry it, a
//! door spends it. Refuses to be printed, and imports nothing of ours.

use std::fmt;

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
