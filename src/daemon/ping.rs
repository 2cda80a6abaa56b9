//! The dead-man service: asked while everything turns, so that it raises an alarm when that stops.
//!
//! Owns when it is asked. Refuses to wait for it: a service that does not answer holds nothing up, and is logged when that
//! begins and ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::now;
use crate::config::Config;
use crate::fetch::{Fetcher, Outcome, Request};

/// When the service was asked, and how that went.
#[derive(Debug, Default)]
pub(super) struct Pinger {
    asked_at: Option<Instant>,
    is_failing: Arc<AtomicBool>,
    asking: JoinSet<()>,
}

impl Pinger {
    /// Everything turned just now: asks the service if it is time.
    pub(super) fn beat(&mut self, config: &Config, fetcher: &Fetcher, at: Instant) {
        while self.asking.try_join_next().is_some() {}
        let Some(ping) = &config.ping else { return };
        let is_due = self.asked_at.is_none_or(|asked| asked + ping.every <= at);
        if !is_due || !self.asking.is_empty() {
            return;
        }
        self.asked_at = Some(at);
        let (fetcher, is_failing) = (fetcher.clone(), Arc::clone(&self.is_failing));
        let allow_private_addresses = config.poll.allow_private_addresses;
        let request = Request { allow_private_addresses, ..Request::new(ping.url.clone()) };
        self.asking.spawn(async move {
            let problem = match fetcher.get(&request, now()).await {
                Outcome::Document(_)
                | Outcome::Delta(_)
                | Outcome::NotModified(_)
                | Outcome::Status { code: 200..=299, .. } => None,
                Outcome::Status { detail, .. } => Some(detail),
                Outcome::Failed(failure) => Some(failure.detail),
            };
            let was_failing = is_failing.swap(problem.is_some(), Ordering::Relaxed);
            match problem {
                Some(problem) if was_failing => debug!(problem, "The dead-man service does not answer"),
                Some(problem) => warn!(problem, "The dead-man service does not answer (health.ping)"),
                None if was_failing => info!("The dead-man service answers again"),
                None => {}
            }
        });
    }
}
