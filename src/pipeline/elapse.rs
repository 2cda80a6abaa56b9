//! What time alone does: incidents fall quiet, surges are over, updates that were held go out, digests and quiet hours end,
//! reminders fall due.
//!
//! Owns [`tick`] and [`next_tick_at`], the one place where `run`, `replay` and the tests ask. Refuses to do any of it.

use jiff::Timestamp;

use super::hold::{self, Release, Reminded};
use super::{AlertEvent, raise, surge};
use crate::config::Config;
use crate::store::{StoreError, Transaction};

/// What time alone did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Elapsed {
    /// Alerts decided.
    pub alerts: Vec<AlertEvent>,
    /// What was held and is told.
    pub released: Vec<Release>,
    /// Second addresses that are told.
    pub reminded: Vec<Reminded>,
}

/// Does what is due at `now`.
pub fn tick(tx: &Transaction<'_>, config: &Config, now: Timestamp) -> Result<Elapsed, StoreError> {
    let mut alerts = raise::tick(tx, config, now)?;
    alerts.extend(surge::tick(tx, config, now)?);
    // Before what is held: an alert that nobody acknowledged is not to wait in somebody's digest.
    let reminded = hold::remind(tx, now)?;
    Ok(Elapsed { alerts, released: hold::release(tx, config, now)?, reminded })
}

/// When [`tick`] has something to do next; `None` when nothing waits for time.
pub fn next_tick_at(tx: &Transaction<'_>, config: &Config) -> Result<Option<Timestamp>, StoreError> {
    let next = [raise::next_tick_at(tx, config)?, surge::next_tick_at(tx)?, tx.next_release_at()?];
    Ok(next.into_iter().flatten().min())
}
