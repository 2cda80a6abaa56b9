//! What an answer means for the host that gave it.
//!
//! Owns the order in which a host's request is counted, its wish is taken in and kept. The rule is
//! [`crate::feed::host`]'s. Refuses to know what was asked for.

use std::time::Duration;

use jiff::Timestamp;

use crate::feed::answer::Answer;
use crate::feed::host::is_shared;
use crate::store::{StoreError, Transaction};

/// What a host asks of everybody since its last answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostNews {
    /// That nobody asks it for a while, or may again.
    pub pause: Option<HostPause>,
    /// That it is asked less often for a while.
    pub spacing: Option<HostSpacing>,
}

/// A host that nobody asks for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPause {
    /// Registrable domain, or address.
    pub host: String,
    /// Until when; a time that has passed ends the pause.
    pub until: Timestamp,
}

/// A host that takes less than others for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostSpacing {
    /// Registrable domain.
    pub host: String,
    /// Time between two starts.
    pub spacing: Duration,
    /// Until when.
    pub until: Timestamp,
}

/// Counts a request to a host that began at `at`, and keeps what its answer asks for. `unavailable_count` is how many
/// other feeds there are waiting out a 503.
pub fn note_host(
    tx: &Transaction<'_>,
    host: &str,
    answer: &Answer,
    unavailable_count: u32,
    at: Timestamp,
) -> Result<HostNews, StoreError> {
    let mut known = tx.host(host)?;
    tx.count_request(host, answer, known.last_asked_at, at)?;
    let has_changed = known.note(answer, unavailable_count, is_shared(host), at);
    tx.save_host(host, &known)?;
    if !has_changed {
        return Ok(HostNews::default());
    }
    let host = host.to_owned();
    let spacing = known.spacing_at(at);
    Ok(HostNews {
        spacing: spacing.map(|(spacing, until)| HostSpacing { host: host.clone(), spacing, until }),
        pause: Some(HostPause { host, until: known.pause_at(at).unwrap_or(at) }),
    })
}
