//! What the log says of deliveries that wait, templates that fail and clocks that ran ahead.
//!
//! Refuses to do anything about it.

use tracing::{error, info, warn};

use crate::pipeline::BacklogEvent;

/// The way that is broken cannot tell of itself: the log does, and `status`.
pub(super) fn note_backlogs(backlogs: &[BacklogEvent]) {
    for BacklogEvent { channel, since, count, reply, is_over } in backlogs {
        let channel = channel.shown();
        if *is_over {
            info!(channel, %since, "Deliveries leave in time again");
        } else {
            error!(channel, count, %since, reply, "Deliveries wait for too long");
        }
    }
}

/// An owner's template that failed at an alert says so each time: until it is mended, mail looks otherwise than meant.
pub(super) fn warn_of_template(problem: Option<&str>) {
    if let Some(problem) = problem {
        warn!(problem, "A template failed, so the mail was laid out by the shipped one; try wirewatch check");
    }
}

/// Feeds that were polled in a time to come are not left until then.
pub(super) fn warn_of_clock(ahead_count: usize) {
    if ahead_count > 0 {
        warn!(
            feeds = ahead_count,
            "The clock was ahead when these feeds were polled last, or poll.max_interval was lowered; they are due now"
        );
    }
}
