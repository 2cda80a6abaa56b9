//! From an alert to the people who are told: routes are asked, and what they answer is written.
//!
//! Owns [`dispatch`]. Who takes an alert is decided by `alert/route`. Refuses to decide alerts and to send.

use jiff::Timestamp;

use crate::alert::{Alert, AlertId, route};
use crate::config::Config;
use crate::store::{StoreError, Transaction};

/// Queues an alert for everybody its routes name; answers who that is.
pub(super) fn dispatch(
    tx: &Transaction<'_>,
    config: &Config,
    alert: &Alert,
    id: AlertId,
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    let to = route::addresses(&config.routes, alert);
    for address in &to {
        tx.queue_delivery(id, address, now)?;
    }
    Ok(to)
}
