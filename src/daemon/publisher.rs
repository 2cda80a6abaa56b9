//! Alerts as files: written from what is committed, a moment after there is something new.
//!
//! Owns when, and the way from rows to documents. The documents are `alert/render`'s, the files `files`'. A file that cannot
//! be written costs nobody a mail: it is said, and tried again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::{debug, warn};

use crate::alert::render::atom::{self, ENTRIES_MAX};
use crate::alert::render::cap::{Bulletin, Origin, Trigger, cap};
use crate::alert::render::without_actions;
use crate::config::{Config, Files};
use crate::files;
use crate::pipeline::incident_page;
use crate::store::bulletins::StoredBulletin;
use crate::store::{FILE_NAME, Reader};
use crate::topic::Severity;

/// Least time between two writings: a burst of alerts is one.
const WRITE_EVERY: Duration = Duration::from_secs(5);

/// Writes the files when there is news.
#[derive(Debug)]
pub(super) struct Publisher {
    /// At the start a crash may have come between an alert and its files.
    has_news: bool,
    written_at: Option<Instant>,
    last_problem: String,
}

impl Default for Publisher {
    fn default() -> Self {
        Self { has_news: true, written_at: None, last_problem: String::new() }
    }
}

impl Publisher {
    /// There are alerts that the files do not tell of, or another configuration.
    pub(super) fn note_news(&mut self) {
        self.has_news = true;
    }

    /// Writes the files if there is news and they were not written just now.
    pub(super) async fn publish_when_due(&mut self, config: &Arc<Config>) {
        if self.written_at.is_none_or(|at| at.elapsed() >= WRITE_EVERY) {
            self.publish(config).await;
        }
    }

    /// Writes the files if there is news.
    pub(super) async fn publish(&mut self, config: &Arc<Config>) {
        let Some(files) = config.files.clone().filter(|_| self.has_news) else { return };
        let job = Job { config: Arc::clone(config), files };
        self.written_at = Some(Instant::now());
        let done = tokio::task::spawn_blocking(move || job.run()).await;
        match done.unwrap_or_else(|error| Err(error.to_string())) {
            Ok(written) => {
                debug!(written, "Alerts written as files");
                self.has_news = false;
                self.last_problem.clear();
            }
            Err(problem) if problem == self.last_problem => {
                debug!(problem, "Alerts cannot be written as files");
            }
            Err(problem) => {
                warn!(problem, "Alerts cannot be written as files; mail is sent all the same");
                self.last_problem = problem;
            }
        }
    }
}

/// What a writing needs of the configuration.
struct Job {
    config: Arc<Config>,
    files: Files,
}

impl Job {
    fn run(&self) -> Result<usize, String> {
        let reader =
            Reader::open(&self.config.data_dir.join(FILE_NAME)).map_err(|error| error.to_string())?;
        let from = &self.config.mail.door.from;
        let sender = from.rsplit_once('<').map_or(from.as_str(), |(_, rest)| rest.trim_end_matches('>'));
        let origin = Origin {
            contact: sender.trim().to_owned(),
            instance: reader.instance().map_err(|error| error.to_string())?,
            status: self.files.status.clone(),
            category: self.files.category.clone(),
        };
        let stored = reader.bulletins(ENTRIES_MAX).map_err(|error| error.to_string())?;
        let bulletins: Vec<Bulletin> = stored.into_iter().map(|stored| self.bulletin(stored)).collect();
        let mut seen = BTreeSet::new();
        // The latest alert of an incident comes first.
        let latest = bulletins.iter().filter(|bulletin| seen.insert(bulletin.incident));
        let messages: Vec<(i64, String)> =
            latest.map(|bulletin| (bulletin.incident, cap(bulletin, &origin))).collect();
        let dir = &self.files.dir;
        files::write(dir, &atom::feed(&bulletins, &origin), &messages)
            .map_err(|error| format!("{}: {error}", dir.display()))
    }

    fn bulletin(&self, stored: StoredBulletin) -> Bulletin {
        let topic = self.config.topics.iter().find(|topic| topic.source.id.0 == stored.topic);
        let name = topic.map(|topic| topic.source.name.clone());
        let severities = [Severity::Critical, Severity::Warning];
        let severity = severities.into_iter().find(|severity| severity.as_str() == stored.severity);
        Bulletin {
            alert: stored.alert,
            at: stored.at,
            kind: stored.kind,
            severity: severity.unwrap_or(Severity::Info),
            topic_name: name.unwrap_or_else(|| stored.topic.clone()),
            topic_id: stored.topic,
            place: stored.place,
            incident: stored.incident,
            publishers: stored.publishers,
            score: stored.score,
            subject: stored.subject,
            reason: stored.reason,
            // Links are one recipient's own.
            text: without_actions(&stored.text).to_owned(),
            link: incident_page(&self.config, stored.incident).or(stored.url),
            triggers: Trigger::gather(&stored.evidence),
            earlier: stored.earlier,
        }
    }
}
