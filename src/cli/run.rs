//! `wirewatch run`: the daemon, or one round of it.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Exit, Failure, Outcome, Output, complain, counted, logs, now, read_configuration, runtime};
use crate::config::{self, Environment, Loaded, LogFormat, Problem};
use crate::daemon::ledger::LedgerError;
use crate::daemon::{Daemon, DaemonError, OnceReport};

impl From<DaemonError> for Failure {
    fn from(error: DaemonError) -> Self {
        let hint = match &error {
            DaemonError::Store(error) | DaemonError::Ledger(LedgerError::Store(error)) => error.hint(),
            DaemonError::Web(error) => error.hint(),
            _ => "",
        };
        Self::new(error, hint)
    }
}

pub(super) fn run(dir: &Path, once: bool) -> Outcome {
    let Loaded { config, warnings } = read_configuration(dir)?;
    tell(&warnings, config.log.format);
    logs::start(config.log)?;
    let runtime = runtime()?;
    let reload_dir: PathBuf = dir.to_owned();
    let reload = Box::new(move || {
        config::load(&reload_dir, &Environment::from_process())
            .map(|loaded| loaded.config)
            .map_err(|problems| config::render(&problems, false))
    });
    let outcome = runtime.block_on(async {
        if once {
            return report(&Daemon::start(config).await?.run_once().await?);
        }
        Daemon::start_patiently(config).await?.watch(reload).await?;
        Ok(Exit::Done)
    });
    // Name look-ups that hang are not waited for.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    outcome
}

/// Says what is hardly meant in the configuration. A log that machines read has it as a line like any other.
fn tell(warnings: &[Problem], format: LogFormat) {
    match format {
        LogFormat::Json => {
            for warning in warnings {
                let problem = config::render(std::slice::from_ref(warning), false);
                let message = "Configuration has a warning";
                let line =
                    json!({"timestamp": now(), "level": "WARN", "message": message, "problem": problem});
                complain(&line.to_string());
            }
        }
        LogFormat::Text if warnings.is_empty() => {}
        LogFormat::Text => complain(&config::render(warnings, io::stderr().is_terminal())),
    }
}

fn report(report: &OnceReport) -> Outcome {
    let mut output = Output::open();
    for (url, outcome) in &report.failed {
        output.line(format!("failed: {url}: {outcome}"))?;
    }
    for (url, host) in &report.deferred {
        output.line(format!("deferred: {url}: {host} is not to be asked before later"))?;
    }
    let mail = report.mail;
    output.line(format!(
        "{} polled, {} failed; {}; {}; mail: {} sent, {} deferred, {} refused",
        counted(report.polled_count, "feed", "feeds"),
        report.failed.len(),
        counted(report.article_count, "new article", "new articles"),
        counted(report.alert_count, "alert", "alerts"),
        mail.sent_count,
        mail.deferred_count,
        mail.failed_count
    ))?;
    output.finish()?;
    Ok(Exit::Done)
}
