//! Where log lines go: the journal under systemd, else standard error, as text or JSON.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::Failure;
use crate::config::{Log, LogFormat};

/// Starts logging for the life of the process.
#[expect(clippy::disallowed_methods, reason = "systemd tells by $JOURNAL_STREAM that stderr is the journal")]
pub(super) fn start(log: Log) -> Result<(), Failure> {
    // Other libraries speak up only when something is wrong with them.
    let filter = EnvFilter::new(format!("warn,wirewatch={}", log.level.as_str()));
    let registry = tracing_subscriber::registry().with(filter);
    let started = match log.format {
        LogFormat::Json => {
            let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(io::stderr);
            registry.with(lines).try_init()
        }
        LogFormat::Text if std::env::var_os("JOURNAL_STREAM").is_some() => match tracing_journald::layer() {
            Ok(journal) => registry.with(journal.with_field_prefix(None)).try_init(),
            Err(_) => registry.with(tracing_subscriber::fmt::layer().with_writer(io::stderr)).try_init(),
        },
        LogFormat::Text => {
            let colour = io::stderr().is_terminal();
            let lines =
                tracing_subscriber::fmt::layer().with_target(false).with_ansi(colour).with_writer(io::stderr);
            registry.with(lines).try_init()
        }
    };
    started.map_err(|error| Failure::new(error, ""))
}
