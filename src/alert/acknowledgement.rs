//! An acknowledgement: somebody says that an incident is in hands.
//!
//! Owns what it covers: it stops reminders and the second address, never news. It reaches as far as the alert somebody had in
//! hand: an escalation, a surge or a higher severity beyond that is for somebody to take in hand again. Refuses to know routes.

use jiff::Timestamp;

use super::{AlertId, Kind};
use crate::topic::Severity;

/// An acknowledgement of an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    /// Who.
    pub author: String,
    /// What they say; may be empty.
    pub comment: String,
    /// When.
    pub at: Timestamp,
    /// The last alert of the incident that they had in hand.
    pub through: AlertId,
    /// The highest severity the incident had been told with up to that alert.
    pub severity: Severity,
}

impl Acknowledgement {
    /// Whether an alert of the incident needs nobody else because of it.
    pub fn covers(&self, kind: Kind, severity: Severity, alert: AlertId) -> bool {
        let is_ordinary = matches!(kind, Kind::Update | Kind::Correction | Kind::AllClear);
        alert <= self.through || (is_ordinary && severity <= self.severity)
    }

    /// `anna at 2026-03-01 10:00Z: on it`.
    pub fn words(&self) -> String {
        let comment = if self.comment.is_empty() { String::new() } else { format!(": {}", self.comment) };
        format!("{} at {}{comment}", self.author, self.at.strftime("%Y-%m-%d %H:%MZ"))
    }
}
