//! The configuration read again while the daemon runs.
//!
//! All that can fail is tried before anything is put in force: a configuration that cannot be used changes nothing, and
//! the reason is logged. Refuses to end the daemon for a disk that is full at that moment.

use std::sync::Arc;

use tracing::{debug, error, info, warn};

use super::ledger::LedgerError;
use super::mailer::Door;
use super::{Daemon, DaemonError, by_hand, now, systemd};
use crate::config::Config;
use crate::fetch::Fetcher;

/// Reads the configuration again; on failure the problems, rendered.
pub type Reload = Box<dyn Fn() -> Result<Config, String> + Send>;

impl Daemon {
    /// Takes a new configuration, or keeps the old one and says why.
    pub(super) async fn reload(&mut self, reload: &Reload) -> Result<(), DaemonError> {
        systemd::reloading();
        match reload() {
            Ok(config) => self.change_to(config).await?,
            Err(problems) => {
                error!(
                    problems,
                    "Not reloaded: the new configuration has problems, the old one stays in force"
                );
            }
        }
        systemd::ready();
        Ok(())
    }

    async fn change_to(&mut self, config: Config) -> Result<(), DaemonError> {
        if config.data_dir != self.config.data_dir {
            error!(data_dir = %self.config.data_dir.display(), "Not reloaded: data_dir can only change with a restart");
            return Ok(());
        }
        let fetcher = match Fetcher::new(config.poll.fetch_options()) {
            Ok(fetcher) => fetcher,
            Err(error) => {
                error!(%error, "Not reloaded: the old configuration stays in force");
                return Ok(());
            }
        };
        let door = match Door::open(&config, fetcher.clone()) {
            Ok(door) => door,
            Err(error) => {
                error!(%error, "Not reloaded: no mail could leave, the old configuration stays in force");
                return Ok(());
            }
        };
        let config = Arc::new(config);
        let mut configured = match self.ledger.configure(Arc::clone(&config), now()).await {
            Ok(configured) => configured,
            Err(LedgerError::Store(error)) => {
                error!(%error, hint = error.hint(), "Not reloaded: the database refuses, the old configuration stays in force");
                return Ok(());
            }
            Err(stopped) => return Err(stopped.into()),
        };
        let alerts = by_hand::take_first_documents(&self.ledger, &config, &mut configured).await;
        self.warn_of_web(&config);
        self.put_in_force(config, configured, now());
        self.note_alerts(&alerts);
        self.roster.set_fetcher(fetcher.clone());
        self.fetcher = fetcher;
        if let Some(hubs) = &self.hubs {
            hubs.put_in_force(self.realm());
        }
        self.door.send_replace(Arc::new(door));
        info!(feeds = self.roster.feed_count(), topics = self.config.topics.len(), "Reloaded");
        self.hasten().await;
        Ok(())
    }

    /// The door stays where it is until the next start: hubs were told where it is.
    fn warn_of_web(&self, config: &Config) {
        let door = |config: &Config| (config.web_listen, config.web_public_url.clone());
        if door(config) != door(&self.config) {
            warn!("What changed in [web] is in force after a restart");
        }
    }

    /// What waits for another attempt is tried now: its owner has just mended something.
    pub(super) async fn hasten(&self) {
        match self.ledger.hasten(now()).await {
            Ok(count) => debug!(count, "Waiting mail is due now"),
            // The ledger has said so, and the mail goes out in its own time.
            Err(error) => debug!(%error, "Waiting mail is not hastened"),
        }
        self.deliver.notify_one();
    }
}
