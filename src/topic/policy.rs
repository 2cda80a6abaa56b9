//! Policy: when a topic's scores become alerts.
//!
//! Owns [`AlertPolicy`] and its rules about other topics. Refuses to apply them: `incident` does.

use std::time::Duration;

use super::{Severity, TopicId};

/// When a topic's scores become alerts (`[alert]` of a topic file).
#[derive(Debug, Clone, PartialEq)]
pub struct AlertPolicy {
    /// Score from which an article trips, 0 to 1.
    pub threshold: f64,
    /// Independent publishers before the first alert, at least 1.
    pub publishers: u32,
    /// Least time between two updates of an incident.
    pub update_every: Duration,
    /// Publishers that make a new story urgent.
    pub escalate_publishers: u32,
    /// Quiet for this long, an incident closes.
    pub close_after: Duration,
    /// Articles published longer than this before they were seen never alert at once.
    pub max_age: Duration,
    /// Topics that this one follows.
    pub sequence: Vec<Sequence>,
    /// Topics that count more beside this one.
    pub together: Vec<Together>,
    /// When more than usual is told.
    pub surge: SurgePolicy,
}

/// One topic after another at one place (`[[alert.sequence]]`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// The topic that comes first.
    pub after: TopicId,
    /// Most time between the two.
    pub within: Duration,
    /// What the severity is raised to.
    pub severity: Option<Severity>,
}

/// Two topics at one place (`[[alert.together]]`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Together {
    /// The other topic.
    pub with: TopicId,
    /// Most time between the two.
    pub within: Duration,
    /// What the severity is raised to.
    pub severity: Option<Severity>,
}

impl Default for AlertPolicy {
    /// What an `[alert]` without keys means.
    fn default() -> Self {
        Self {
            threshold: 0.7,
            publishers: 1,
            update_every: Duration::from_hours(6),
            escalate_publishers: 3,
            close_after: Duration::from_hours(48),
            max_age: Duration::from_hours(48),
            sequence: Vec::new(),
            together: Vec::new(),
            surge: SurgePolicy::default(),
        }
    }
}

/// When a topic that is reported on more than usual is told of (`[alert.surge]`).
#[derive(Debug, Clone, PartialEq)]
pub struct SurgePolicy {
    /// Whether it is looked for.
    pub is_enabled: bool,
    /// False alarms a year that the topic may raise, all its places together; above 0.
    pub alarms_per_year: f64,
    /// Independent publishers before it is told.
    pub publishers: u32,
    /// Least time between two surges of one series.
    pub refractory: Duration,
}

impl Default for SurgePolicy {
    /// What an `[alert.surge]` without keys means.
    fn default() -> Self {
        Self { is_enabled: true, alarms_per_year: 1.0, publishers: 3, refractory: Duration::from_hours(24) }
    }
}
