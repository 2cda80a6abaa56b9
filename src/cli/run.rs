//! `wirewatch run`: the daemon, or one round of it.

use std::path::{Path, PathBuf};

use super::{Exit, Failure, Outcome, Output, load, logs, runtime};
use crate::config::{self, Environment};
use crate::daemon::{Daemon, DaemonError, OnceReport};

impl From<DaemonError> for Failure {
    fn from(error: DaemonError) -> Self {
        let hint = match &error {
            DaemonError::Store(error) => error.hint(),
            _ => "",
        };
        Self::new(error, hint)
    }
}

pub(super) fn run(dir: &Path, once: bool) -> Outcome {
    let config = load(dir)?;
    logs::start(config.log)?;
    let runtime = runtime()?;
    let reload_dir: PathBuf = dir.to_owned();
    let reload = Box::new(move || {
        config::load(&reload_dir, &Environment::from_process())
            .map(|loaded| loaded.config)
            .map_err(|problems| config::render(&problems, false))
    });
    let outcome = runtime.block_on(async {
        let daemon = Daemon::start(config).await?;
        if once {
            return report(&daemon.run_once().await?);
        }
        daemon.watch(reload).await?;
        Ok(Exit::Done)
    });
    // Name look-ups that hang are not waited for.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    outcome
}

fn report(report: &OnceReport) -> Outcome {
    let mut output = Output::open();
    for (url, outcome) in &report.failed {
        output.line(format!("failed: {url}: {outcome}"))?;
    }
    let mail = report.mail;
    output.line(format!(
        "{} feeds polled, {} failed; {} new articles; {} alerts; mail: {} sent, {} deferred, {} refused",
        report.polled_count,
        report.failed.len(),
        report.article_count,
        report.alert_count,
        mail.sent_count,
        mail.deferred_count,
        mail.failed_count
    ))?;
    output.finish()?;
    Ok(Exit::Done)
}
