//! The daemon: polls what is due, mails what is queued, and stops cleanly.
//!
//! Joins the doors: many asynchronous polls, a few workers that parse, normalise and score, one [`ledger`] that
//! writes, one [`mailer`]. Everything that can wake it is in one `select!` in [`Daemon::watch`]. It reads the clock, and hands
//! time on to everything else. Refuses to decide: that is the pipeline's.

pub mod ledger;
pub mod mailer;
pub mod poller;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tracing::{debug, error, info, warn};

use self::ledger::{Ledger, LedgerError};
use self::poller::{Polled, Poller};
use crate::config::Config;
use crate::feed::schedule::{FeedState, HostLimits, Schedule, after};
use crate::feed::{Feed, FeedId};
use crate::fetch;
use crate::mail;
use crate::store::{self, Durability, Lock, StoreError, Writer};

/// Longest time between two looks at the clock: what a suspended machine or a moved clock can cost.
const LOOK_EVERY: Duration = Duration::from_secs(20);

/// How long polls and mails under way may take to end after a stop is asked for.
const DRAIN_FOR: Duration = Duration::from_secs(8);

/// Why the daemon did not start, or stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The database refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger refuses or is gone.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The HTTP client cannot be made.
    #[error(transparent)]
    Fetch(#[from] fetch::FetchError),
    /// The mailer cannot be made.
    #[error(transparent)]
    Mail(#[from] mail::MailError),
    /// The operating system refuses a thread or a signal handler.
    #[error("the operating system refuses: {0}")]
    System(#[from] std::io::Error),
}

/// Reads the configuration again; on failure the problems, rendered.
pub type Reload = Box<dyn Fn() -> Result<Config, String> + Send>;

/// What `run --once` did.
#[derive(Debug, Clone, Default)]
pub struct OnceReport {
    /// Feeds polled with a document or a 304.
    pub polled_count: usize,
    /// Feeds that failed: URL and what happened.
    pub failed: Vec<(String, String)>,
    /// New articles.
    pub article_count: usize,
    /// Alerts decided.
    pub alert_count: usize,
    /// Mails by what became of them.
    pub mail: mailer::Tally,
}

/// The clock. Only this and `cli` read it.
#[expect(clippy::disallowed_methods, reason = "the one place of the daemon that reads the clock")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// A running daemon.
pub struct Daemon {
    config: Arc<Config>,
    feeds: HashMap<FeedId, (Arc<Feed>, FeedState)>,
    schedule: Schedule,
    poller: Poller,
    polls: JoinSet<Polled>,
    ledger: Ledger,
    thread: std::thread::JoinHandle<()>,
    mailer: JoinHandle<mailer::Tally>,
    mail_options: watch::Sender<Arc<Config>>,
    deliver: Arc<Notify>,
    stop: mailer::Stop,
    look_every: Duration,
    next_tick_at: Timestamp,
    failing: HashMap<FeedId, Timestamp>,
    /// What `run --once` reports; the daemon collects nothing for years.
    report: Option<OnceReport>,
    _lock: Lock,
}

impl Daemon {
    /// Opens the database, starts the ledger and the mailer, and lays out the schedule. Polls nothing yet.
    pub async fn start(config: Config) -> Result<Self, DaemonError> {
        let lock = Lock::take(&config.data_dir)?;
        let path = config.data_dir.join(store::FILE_NAME);
        let writer = tokio::task::spawn_blocking(move || Writer::open(&path, Durability::Full))
            .await
            .map_err(|_| LedgerError::Stopped)??;
        let (ledger, thread) = Ledger::start(writer)?;
        let config = Arc::new(config);
        let fetcher = fetch::Fetcher::new(config.poll.fetch_options())?;
        let workers = std::thread::available_parallelism().map_or(2, usize::from);
        let poller = Poller::new(ledger.clone(), fetcher, Semaphore::new(workers), Arc::clone(&config));
        let (mail_options, seen_options) = watch::channel(Arc::clone(&config));
        let (deliver, stop) = (Arc::new(Notify::new()), mailer::Stop::default());
        let carrier = mailer::Carrier::new(ledger.clone(), seen_options, Arc::clone(&deliver), stop.clone())?;
        let mut daemon = Self {
            schedule: Schedule::new(limits(&config)),
            feeds: HashMap::new(),
            poller,
            polls: JoinSet::new(),
            ledger,
            thread,
            mailer: tokio::spawn(carrier.carry()),
            mail_options,
            deliver,
            stop,
            // Three signs of life within the time systemd allows, so that one may come late.
            look_every: sd_notify::watchdog_enabled().map_or(LOOK_EVERY, |limit| LOOK_EVERY.min(limit / 3)),
            next_tick_at: now(),
            failing: HashMap::new(),
            report: None,
            _lock: lock,
            config: Arc::clone(&config),
        };
        daemon.configure(config).await?;
        Ok(daemon)
    }

    /// Puts a configuration in force; polls under way go on.
    async fn configure(&mut self, config: Arc<Config>) -> Result<(), DaemonError> {
        let rows = self.ledger.configure(Arc::clone(&config)).await?;
        let mut schedule = Schedule::new(limits(&config));
        let mut feeds = HashMap::with_capacity(rows.len());
        for (feed, row) in config.feeds.iter().zip(rows) {
            let host = poller::host_key(&feed.url);
            if self.schedule.is_running(row.id) {
                schedule.add_running(row.id, host);
            } else {
                schedule.add(row.id, host, row.state.next_due_at.unwrap_or(Timestamp::UNIX_EPOCH));
            }
            feeds.insert(row.id, (Arc::new(feed.clone()), row.state));
        }
        self.schedule = schedule;
        self.feeds = feeds;
        self.failing.retain(|id, _| self.feeds.contains_key(id));
        self.poller.configure(Arc::clone(&config));
        self.mail_options.send_replace(Arc::clone(&config));
        self.config = config;
        Ok(())
    }

    /// Runs until SIGTERM or SIGINT.
    pub async fn watch(mut self, reload: Reload) -> Result<(), DaemonError> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        tell_systemd(&[sd_notify::NotifyState::Ready]);
        info!(feeds = self.feeds.len(), topics = self.config.topics.len(), "Watching");
        loop {
            self.start_polls();
            self.look(now()).await?;
            let wake = self.schedule.wake_at().filter(|_| self.polls.len() < self.config.poll.concurrency);
            let wait = wake.map_or(self.look_every, |at| until(at).min(self.look_every));
            tokio::select! {
                Some(polled) = self.polls.join_next() => self.polled(polled, true),
                () = tokio::time::sleep(wait.min(until(self.next_tick_at).max(Duration::from_millis(5)))) => {}
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hang_up.recv() => self.reload(&reload).await?,
            }
        }
        info!("Stopping");
        tell_systemd(&[sd_notify::NotifyState::Stopping]);
        let impatient = async {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        };
        tokio::select! {
            () = self.drain() => info!("Stopped"),
            () = impatient => warn!("Stopped at once, asked twice; unfinished work is done again at the next start"),
        }
        Ok(())
    }

    /// Polls every feed that is due once, delivers, and reports.
    pub async fn run_once(mut self) -> Result<OnceReport, DaemonError> {
        self.report = Some(OnceReport::default());
        let begun_at = now();
        self.look(begun_at).await?;
        loop {
            self.start_polls();
            // Feeds that wait for their host's spacing belong to this round, too.
            if self.polls.is_empty() && self.schedule.waiting_count(begun_at) == 0 {
                break;
            }
            let wait = self.schedule.wake_at().map_or(LOOK_EVERY, until).min(LOOK_EVERY);
            tokio::select! {
                Some(polled) = self.polls.join_next() => self.polled(polled, false),
                () = tokio::time::sleep(wait.max(Duration::from_millis(1))), if self.polls.len() < self.config.poll.concurrency => {}
            }
        }
        self.stop.ask(now());
        self.deliver.notify_one();
        let Self { ledger, mailer, thread, poller, report, .. } = self;
        let mut report = report.unwrap_or_default();
        report.mail = mailer.await.unwrap_or_default();
        drop((ledger, poller));
        drop(tokio::task::spawn_blocking(move || thread.join()).await);
        Ok(report)
    }

    /// Starts polls that are due, up to the limit.
    fn start_polls(&mut self) {
        while self.polls.len() < self.config.poll.concurrency {
            let Some(start) = self.schedule.next(now()) else { break };
            let Some((feed, state)) = self.feeds.get(&start.feed) else { continue };
            debug!(feed = feed.address(), due_at = %start.due_at, "Polling");
            let poll = self.poller.clone().poll(start.feed, Arc::clone(feed), state.clone());
            self.polls.spawn(poll);
        }
    }

    /// Does what time alone does, when it is due, and shows systemd that everything still turns: the answer of the
    /// ledger is the proof.
    async fn look(&mut self, now: Timestamp) -> Result<(), DaemonError> {
        if self.next_tick_at > now {
            return Ok(());
        }
        match self.ledger.tick(now).await {
            Ok(ticked) => {
                let latest = after(now, self.look_every);
                let earliest = after(now, Duration::from_secs(1));
                self.next_tick_at = ticked.next_at.map_or(latest, |at| at.max(earliest).min(latest));
                self.note_alerts(&ticked.alerts);
            }
            Err(LedgerError::Store(error)) => {
                error!(%error, hint = error.hint(), "The database refuses");
                self.next_tick_at = after(now, self.look_every);
            }
            Err(stopped) => return Err(stopped.into()),
        }
        let waiting = self.schedule.waiting_count(now);
        let status = format!("{} feeds, {waiting} due, {} failing", self.feeds.len(), self.failing.len());
        tell_systemd(&[sd_notify::NotifyState::Watchdog, sd_notify::NotifyState::Status(&status)]);
        Ok(())
    }

    /// Takes in a poll that ended; `again` says whether its feed is put back in the schedule.
    fn polled(&mut self, polled: Result<Polled, tokio::task::JoinError>, again: bool) {
        let polled = match polled {
            Ok(polled) => polled,
            // Polls contain their own panics, so this is a cancelled one at shutdown.
            Err(error) => return debug!(%error, "A poll was given up"),
        };
        let Some((feed, state)) = self.feeds.get_mut(&polled.feed) else { return };
        let url = feed.address();
        let due_at = match polled.settled {
            Ok(settled) => {
                let due_at = settled.next.at;
                *state = settled.state;
                let failed = (!settled.is_success).then_some(settled.outcome);
                let new_count = settled.articles.iter().filter(|event| !event.is_revision).count();
                if let Some(report) = &mut self.report {
                    report.article_count += new_count;
                }
                self.note_health(polled.feed, &url, failed);
                self.note_alerts(&settled.alerts);
                due_at
            }
            Err(error) => {
                // Nothing was kept, nothing is lost: the same document is asked for again.
                let hint = if let LedgerError::Store(error) = &error { error.hint() } else { "" };
                error!(feed = %url, %error, hint, "A poll could not be stored");
                if let Some(report) = &mut self.report {
                    report.failed.push((url, error.to_string()));
                }
                after(now(), Duration::from_mins(1))
            }
        };
        self.schedule.finished(polled.feed, if again { due_at } else { Timestamp::MAX }, now());
    }

    /// Logs a feed's failure when it begins and then daily, and its recovery.
    fn note_health(&mut self, id: FeedId, url: &str, failed: Option<String>) {
        const REPEAT_AFTER: Duration = Duration::from_hours(24);
        let Some(outcome) = failed else {
            if let Some(report) = &mut self.report {
                report.polled_count += 1;
            }
            if self.failing.remove(&id).is_some() {
                info!(feed = %url, "Feed recovered");
            }
            return;
        };
        let logged_at = self.failing.get(&id).copied();
        if logged_at.is_none_or(|at| after(at, REPEAT_AFTER) <= now()) {
            warn!(feed = %url, outcome, "Feed failing");
            self.failing.insert(id, now());
        }
        if let Some(report) = &mut self.report {
            report.failed.push((url.to_owned(), outcome));
        }
    }

    fn note_alerts(&mut self, alerts: &[crate::pipeline::AlertEvent]) {
        for event in alerts {
            info!(alert = event.id.0, topic = %event.alert.topic, place = event.alert.place, score = event.score,
                recipients = event.to.len(), reason = event.reason, "Alert");
            if event.to.is_empty() {
                warn!(alert = event.id.0, topic = %event.alert.topic, "No route takes this alert: nobody is told");
            }
        }
        if let Some(report) = &mut self.report {
            report.alert_count += alerts.len();
        }
        if !alerts.is_empty() {
            self.deliver.notify_one();
        }
    }

    async fn reload(&mut self, reload: &Reload) -> Result<(), DaemonError> {
        tell_systemd(&[sd_notify::NotifyState::Reloading]);
        match reload() {
            Ok(config) if config.data_dir != self.config.data_dir => {
                let path: &PathBuf = &self.config.data_dir;
                error!(data_dir = %path.display(), "Not reloaded: data_dir can only change with a restart");
            }
            Ok(config) => match fetch::Fetcher::new(config.poll.fetch_options()) {
                Ok(fetcher) => match self.configure(Arc::new(config)).await {
                    Ok(()) => {
                        self.poller.set_fetcher(fetcher);
                        info!(feeds = self.feeds.len(), topics = self.config.topics.len(), "Reloaded");
                    }
                    // A disk that is full at this moment must not end the watch.
                    Err(DaemonError::Ledger(LedgerError::Store(error))) => {
                        error!(%error, hint = error.hint(), "Not reloaded: the database refuses");
                    }
                    Err(error) => return Err(error),
                },
                Err(error) => error!(%error, "Not reloaded: the old configuration stays in force"),
            },
            Err(problems) => {
                error!(
                    problems,
                    "Not reloaded: the new configuration has problems, the old one stays in force"
                );
            }
        }
        tell_systemd(&[sd_notify::NotifyState::Ready]);
        Ok(())
    }

    /// Lets polls and the mailer end, then closes the database.
    async fn drain(self) {
        let Self { mut polls, mailer, ledger, thread, poller, stop, .. } = self;
        stop.ask(now());
        let give_up_mail = mailer.abort_handle();
        let ended = tokio::time::timeout(DRAIN_FOR, async {
            while polls.join_next().await.is_some() {}
            mailer.await
        })
        .await;
        if ended.is_err() {
            warn!("Polls or mails under way were given up; they are done again at the next start");
        }
        give_up_mail.abort();
        polls.shutdown().await;
        if let Err(error) = ledger.tidy().await {
            warn!(%error, "The database could not be tidied");
        }
        drop((ledger, poller));
        let closed = tokio::task::spawn_blocking(move || thread.join());
        drop(tokio::time::timeout(Duration::from_secs(3), closed).await);
    }
}

fn limits(config: &Config) -> HostLimits {
    HostLimits { at_a_time: config.poll.per_host, spacing: config.poll.host_spacing }
}

/// Time from now until `at`, none if it has passed.
fn until(at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now())).unwrap_or(Duration::ZERO)
}

/// Outside systemd this does nothing.
fn tell_systemd(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        debug!(%error, "systemd does not listen");
    }
}
