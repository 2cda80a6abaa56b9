//! Whether the database takes what it is given, and when that is worth a line in the log.
//!
//! One state for all who write: a full disk is one event and not one for every feed. Said when it begins, when it
//! becomes another one, daily while it lasts, and when it is over. Refuses to log and to read the clock.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::store::StoreError;

/// A refusal that lasts is said again after this.
const REPEAT_AFTER: Duration = Duration::from_hours(24);

/// It is over when writes succeed and none was refused for this long: a disk that is almost full takes the small ones.
const QUIET_FOR: Duration = Duration::from_mins(10);

/// The state, shared by all who write.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Mutex<Option<Refusal>>>);

#[derive(Debug)]
struct Refusal {
    kind: &'static str,
    last_at: Instant,
    said_at: Instant,
}

impl Health {
    /// A write was refused; answers whether that is to be said.
    pub fn refused(&self, error: &StoreError, at: Instant) -> bool {
        // What passes by itself shows in more than one way while it lasts.
        let kind = if error.is_passing() { "passing" } else { error.hint() };
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *state {
            Some(refusal) if refusal.kind == kind && at < refusal.said_at + REPEAT_AFTER => {
                refusal.last_at = at;
                false
            }
            state => {
                *state = Some(Refusal { kind, last_at: at, said_at: at });
                true
            }
        }
    }

    /// Whether it refused, and does not surely take everything again.
    pub fn is_refusing(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// A write succeeded; answers whether that is to be said, because none did before.
    pub fn wrote(&self, at: Instant) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = state.as_ref().is_some_and(|refusal| at >= refusal.last_at + QUIET_FOR);
        if is_over {
            *state = None;
        }
        is_over
    }
}
