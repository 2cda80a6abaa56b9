//! What systemd is told: that the daemon is ready, alive, busy or stopping.
//!
//! Owns `sd_notify`. Outside systemd all of it does nothing. Refuses to judge whether the daemon is alive.

use std::time::Duration;

use sd_notify::NotifyState;
use tracing::debug;

/// Within how much time systemd wants a sign of life, if it wants one.
pub(super) fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

/// It watches.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// It reads its configuration again.
pub(super) fn reloading() {
    tell(&[NotifyState::Reloading]);
}

/// It is about to end.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// It turns.
pub(super) fn alive(status: &str) {
    tell(&[NotifyState::Watchdog, NotifyState::Status(status)]);
}

/// It cannot start yet, and asks for so much more time.
pub(super) fn not_yet(more: Duration, status: &str) {
    let more = u32::try_from(more.as_micros()).unwrap_or(u32::MAX);
    tell(&[NotifyState::ExtendTimeoutUsec(more), NotifyState::Status(status)]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        debug!(%error, "systemd does not listen");
    }
}
