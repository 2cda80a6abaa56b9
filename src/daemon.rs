//! The daemon: polls what is due, mails what is queued, and stops cleanly.
//!
//! Joins the doors: many asynchronous polls, a few workers that parse, normalise and score, one [`ledger`] that
//! writes, one [`mailer`]. Everything that can wake it is in one `select!` in [`Daemon::watch`]. It reads the clock, and hands
//! time on to everything else. Refuses to decide: that is the pipeline's.

mod by_hand;
mod drain;
mod ended;
mod error;
mod follow_up;
pub mod health;
pub mod hub;
pub mod ledger;
pub mod mailer;
mod once;
pub mod pages;
mod ping;
pub mod poller;
mod publisher;
pub mod pulse;
mod reload;
pub mod roster;
mod systemd;
pub mod visit;
mod warnings;

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};
use tracing::{debug, error, info, warn};

pub use self::error::DaemonError;
use self::hub::Hubs;
use self::ledger::{Configured, Ledger, LedgerError};
use self::mailer::Door;
pub use self::once::OnceReport;
use self::ping::Pinger;
use self::poller::Poller;
use self::publisher::Publisher;
use self::pulse::Pulse;
pub use self::reload::Reload;
use self::roster::Roster;
use self::visit::{Ended, Polled, Visit};
use self::warnings::{note_backlogs, warn_of_clock, warn_of_template};
use crate::config::Config;
use crate::feed::FeedId;
use crate::feed::health::{Health, HealthState};
use crate::feed::schedule::{Start, after};
use crate::fetch;
use crate::pipeline::{Elapsed, OperatorEvent, Settled};
use crate::store::{self, Durability, Lock, StoreError, Writer};

/// Longest time between two looks at the clock: what a suspended machine or a moved clock can cost.
const LOOK_EVERY: Duration = Duration::from_secs(20);

/// Wait for all polls after one could not be stored for want of room: what cannot be kept need not be fetched.
const NO_ROOM_WAIT: Duration = Duration::from_mins(1);

/// How long the end may wait for alerts to be written as files; the next start writes them otherwise.
const PUBLISH_FOR: Duration = Duration::from_secs(1);

/// Wait between two attempts to start.
const START_WAIT: Duration = Duration::from_secs(10);

/// The clock. Only this and `cli` read it.
#[expect(clippy::disallowed_methods, reason = "the one place of the daemon that reads the clock")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// Looks for polls asked for by hand: regularly, and once only after the machine slept.
fn requests() -> Interval {
    let mut looks = interval(by_hand::LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks
}

/// A running daemon.
pub struct Daemon {
    config: Arc<Config>,
    roster: Roster,
    /// Nothing is polled until then: the database had no room.
    paused_until: Option<Instant>,
    ledger: Ledger,
    thread: std::thread::JoinHandle<()>,
    mailer: JoinHandle<mailer::Tally>,
    door: watch::Sender<Arc<Door>>,
    deliver: Arc<Notify>,
    stop: mailer::Stop,
    /// WebSub, while it is used.
    hubs: Option<Hubs>,
    fetcher: fetch::Fetcher,
    look_every: Duration,
    pulse: Pulse,
    pinger: Pinger,
    /// What was logged last of feeds that are not well, and when.
    logged: HashMap<FeedId, (Health, Timestamp)>,
    /// What `run --once` reports; the daemon collects nothing for years.
    report: Option<OnceReport>,
    /// Writes alerts as files.
    publisher: Publisher,
    /// When to look for polls asked for by hand.
    requests: Interval,
    _lock: Lock,
}

impl Daemon {
    /// Opens the database, starts the ledger and the mailer, and lays out the schedule. Polls nothing yet.
    pub async fn start(config: Config) -> Result<Self, DaemonError> {
        Self::open(Arc::new(config)).await
    }

    /// As [`Daemon::start`], but waits for as long as the disk is full or another program holds the database: a
    /// supervisor that starts it again and again may give up for good.
    pub async fn start_patiently(config: Config) -> Result<Self, DaemonError> {
        let config = Arc::new(config);
        let mut said = String::new();
        loop {
            let error = match Self::open(Arc::clone(&config)).await {
                Err(error) if error.passing().is_some() => error,
                done => return done,
            };
            let words = error.to_string();
            systemd::not_yet(START_WAIT * 4, &format!("waiting: {words}"));
            if words != said {
                let hint = error.passing().map_or("", StoreError::hint);
                error!(error = words, hint, "Not started yet, the database refuses; trying again");
                said = words;
            }
            tokio::time::sleep(START_WAIT).await;
        }
    }

    async fn open(config: Arc<Config>) -> Result<Self, DaemonError> {
        let lock = Lock::take(&config.data_dir)?;
        let path = config.data_dir.join(store::FILE_NAME);
        let writer = tokio::task::spawn_blocking(move || Writer::open(&path, Durability::Full))
            .await
            .map_err(|_| LedgerError::Stopped)??;
        let (ledger, thread) = Ledger::start(writer)?;
        let mut configured = ledger.configure(Arc::clone(&config), now()).await?;
        let alerts = by_hand::take_first_documents(&ledger, &config, &mut configured).await;
        let fetcher = fetch::Fetcher::new(config.poll.fetch_options())?;
        let workers = std::thread::available_parallelism().map_or(2, usize::from);
        let poller =
            Poller::new(ledger.clone(), fetcher.clone(), Semaphore::new(workers), Arc::clone(&config));
        let (door, seen_door) = watch::channel(Arc::new(Door::open(&config, fetcher.clone())?));
        let (deliver, stop) = (Arc::new(Notify::new()), mailer::Stop::default());
        let carrier = mailer::Carrier::new(ledger.clone(), seen_door, Arc::clone(&deliver), stop.clone());
        // Three signs of life within the time systemd allows, so that one may come late.
        let look_every = systemd::watchdog().map_or(LOOK_EVERY, |limit| LOOK_EVERY.min(limit / 3));
        let mut daemon = Self {
            roster: Roster::new(poller, Arc::clone(&config)),
            paused_until: None,
            ledger,
            thread,
            mailer: tokio::spawn(carrier.carry()),
            door,
            deliver,
            stop,
            hubs: None,
            fetcher,
            look_every,
            pulse: Pulse::new(look_every, Instant::now(), now()),
            pinger: Pinger::default(),
            logged: HashMap::new(),
            report: None,
            publisher: Publisher::default(),
            requests: requests(),
            _lock: lock,
            config: Arc::clone(&config),
        };
        daemon.put_in_force(config, configured, now());
        daemon.note_alerts(&alerts);
        Ok(daemon)
    }

    /// Puts a configuration in force that the ledger has taken; polls under way go on.
    fn put_in_force(&mut self, config: Arc<Config>, configured: Configured, now: Timestamp) {
        self.config = Arc::clone(&config);
        self.publisher.note_news();
        let ahead_count = self.roster.put_in_force(config, configured, now);
        self.logged.retain(|id, _| self.roster.address(*id).is_some());
        warn_of_clock(ahead_count);
    }

    /// Runs until SIGTERM or SIGINT.
    pub async fn watch(mut self, reload: Reload) -> Result<(), DaemonError> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        self.open_to_hubs().await?;
        systemd::ready();
        info!(feeds = self.roster.feed_count(), topics = self.config.topics.len(), "Watching");
        // Who starts it again has mended something: nothing waits for the end of an old wait.
        self.hasten().await;
        let stopped = tokio::select! {
            ended = self.keep_watching(&mut hang_up, &reload) => ended.map(|never| match never {}),
            _ = terminate.recv() => Ok(()),
            _ = interrupt.recv() => Ok(()),
        };
        if let Err(error) = stopped {
            error!(%error, "Stopped by itself");
            return Err(error);
        }
        info!("Stopping");
        systemd::stopping();
        let Self { publisher, config, .. } = &mut self;
        drop(tokio::time::timeout(PUBLISH_FOR, publisher.publish(config)).await);
        let impatient = async {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        };
        tokio::select! {
            () = self.drain() => info!("Stopped"),
            () = impatient => warn!("Stopped at once, asked twice; unfinished work is done again at the next start"),
        }
        Ok(())
    }

    /// Everything that can wake it, until something is broken for good. It may be dropped at any await: what counts
    /// is committed.
    async fn keep_watching(
        &mut self,
        hang_up: &mut Signal,
        reload: &Reload,
    ) -> Result<Infallible, DaemonError> {
        loop {
            self.start_polls();
            self.look(now()).await?;
            self.publisher.publish_when_due(&self.config).await;
            let pause = self.paused_until.map(|until| until.saturating_duration_since(Instant::now()));
            let wake = self.roster.wake_at().map(until);
            let wait = wake.map_or(self.look_every, |wake| wake.max(pause.unwrap_or_default()));
            let wait = wait.min(self.pulse.wait(Instant::now()).max(Duration::from_millis(5)));
            tokio::select! {
                Some(ended) = self.roster.ended() => self.polled(ended, true),
                Some(pushed) = hub::next_pushed(self.hubs.as_mut()) => self.pushed(pushed),
                () = tokio::time::sleep(wait) => {}
                _ = hang_up.recv() => self.reload(reload).await?,
                _ = self.requests.tick() => self.take_requests().await?,
                _ = &mut self.mailer => return Err(DaemonError::MailerStopped),
            }
        }
    }

    /// Starts polls that are due, up to the limit.
    fn start_polls(&mut self) {
        // One round asks every feed once, come what may; the daemon waits until there may be room.
        if self.report.is_none() && self.paused_until.is_some_and(|until| until > Instant::now()) {
            return;
        }
        self.paused_until = None;
        for Start { visit, due_at } in self.roster.start_due(now()) {
            debug!(?visit, %due_at, "Started");
        }
    }

    /// Does what time alone does, when it is due, and shows systemd that everything still turns: the answer of the
    /// ledger is the proof. That the disk is full is an answer, too; a new start would not mend it.
    async fn look(&mut self, now: Timestamp) -> Result<(), DaemonError> {
        if !self.pulse.is_due(Instant::now()) {
            return Ok(());
        }
        if self.pulse.was_set_back(now) || self.roster.is_ahead(now) {
            warn_of_clock(self.roster.lay_out(now));
        }
        let (next_at, is_alive) = match self.ledger.tick(now).await {
            Ok(ticked) => {
                // A way that is broken cannot tell of itself: a service that hears nothing does.
                if !ticked.is_cut_off && !self.ledger.is_refused() {
                    self.pinger.beat(&self.config, &self.fetcher, Instant::now());
                }
                self.note_alerts(&ticked.elapsed.alerts);
                self.note_released(&ticked.elapsed);
                self.note_told(&ticked.told);
                self.note_told(&ticked.beats);
                note_backlogs(&ticked.backlogs);
                (ticked.next_at, true)
            }
            // The ledger has said so.
            Err(LedgerError::Store(error)) => (None, error.is_passing()),
            Err(stopped) => return Err(stopped.into()),
        };
        self.pulse.beat(Instant::now(), now, next_at);
        if is_alive {
            let waiting = self.roster.waiting_count(now);
            let all = self.roster.feed_count();
            let failing = self.roster.health_count(Health::Failing);
            let mut rest = String::new();
            for health in [Health::Degraded, Health::Silent, Health::Gone] {
                let count = self.roster.health_count(health);
                if count > 0 {
                    rest = format!("{rest}, {count} {}", health.word());
                }
            }
            systemd::alive(&format!("{all} feeds, {waiting} due, {failing} failing{rest}"));
        }
        Ok(())
    }

    /// Takes in a poll that ended; `again` says whether its feed is put back in the schedule.
    fn polled(&mut self, ended: Ended, again: bool) {
        let Polled { feed, visit, settled } = match ended {
            Ended::Polled(polled) => *polled,
            Ended::Paged(paged) => return self.paged(*paged),
            Ended::SentOn(sent) => return self.sent_on(*sent, again),
            Ended::Lost { visit, error } => return self.lost(visit, &error, again),
        };
        let Some(url) = self.roster.address(feed) else {
            return self.roster.finish(visit, None, now());
        };
        let due_at = match settled {
            Ok(settled) => {
                if let Some(report) = &mut self.report {
                    report.article_count += settled.new_count();
                }
                self.note_report(&url, &settled);
                // An older page that fails is no failure of its feed.
                if visit == Visit::Feed(feed) {
                    self.note_health(feed, &url, &settled.state.health);
                }
                if let Some(gap) = &settled.gap {
                    debug!(feed = %url, %gap, "Entries may be unseen");
                }
                self.note_alerts(&settled.alerts);
                self.roster.take_in(visit, *settled, now())
            }
            Err(error) => Some(self.refused(url, &error)),
        };
        self.roster.finish(visit, due_at.filter(|_| again), now());
    }

    /// A poll could not be stored. Nothing was kept, nothing is lost: the same document is asked for again at the time
    /// this answers.
    fn refused(&mut self, url: String, error: &LedgerError) -> Timestamp {
        // The ledger has said so, once for all feeds.
        debug!(feed = %url, %error, "A poll could not be stored");
        if matches!(error, LedgerError::Store(error) if error.is_passing()) {
            self.paused_until = Some(Instant::now() + NO_ROOM_WAIT);
        }
        if let Some(report) = &mut self.report {
            report.failed.push((url, error.to_string()));
        }
        // No sooner than its publisher is asked otherwise, and behind those that were not tried.
        after(now(), NO_ROOM_WAIT.max(self.config.poll.min_interval))
    }

    fn note_report(&mut self, url: &str, settled: &Settled) {
        let Some(report) = &mut self.report else { return };
        if settled.is_success {
            report.polled_count += 1;
        } else {
            report.failed.push((url.to_owned(), settled.outcome.clone()));
        }
    }

    /// Logs a feed's health when it changes and, while it is not well, daily.
    fn note_health(&mut self, id: FeedId, url: &str, state: &HealthState) {
        const REPEAT_AFTER: Duration = Duration::from_hours(24);
        let (health, reason) = (state.health.word(), state.reason.as_str());
        if state.health == Health::Ok {
            if self.logged.remove(&id).is_some() {
                info!(feed = %url, "Feed recovered");
            }
            return;
        }
        let logged = self.logged.get(&id).copied();
        if logged.is_some_and(|(word, at)| word == state.health && after(at, REPEAT_AFTER) > now()) {
            return;
        }
        if state.health.is_blind() {
            warn!(feed = %url, health, reason, "Feed failing");
        } else {
            info!(feed = %url, health, reason, "Feed degraded");
        }
        self.logged.insert(id, (state.health, now()));
    }

    fn note_told(&self, told: &[OperatorEvent]) {
        for event in told {
            info!(alert = event.id.0, recipients = event.to.len(), subject = event.subject, "Operator told");
            warn_of_template(event.template_problem.as_deref());
        }
        if !told.is_empty() {
            self.deliver.notify_one();
        }
    }

    /// Says what was held and is told, and who is told because nobody acknowledged.
    fn note_released(&self, elapsed: &Elapsed) {
        for mail in &elapsed.released {
            info!(to = mail.to, alerts = mail.alerts.len(), reason = mail.reason, "What was held is told");
            warn_of_template(mail.template_problem.as_deref());
        }
        for mail in &elapsed.reminded {
            info!(alert = mail.alert.0, to = mail.to, "Nobody acknowledged; the second address is told");
        }
        if !(elapsed.released.is_empty() && elapsed.reminded.is_empty()) {
            self.deliver.notify_one();
        }
    }

    fn note_alerts(&mut self, alerts: &[crate::pipeline::AlertEvent]) {
        for event in alerts {
            info!(alert = event.id.0, topic = %event.alert.topic, place = event.alert.place, score = event.score,
                recipients = event.to.len(), held = event.held.len(), reason = event.reason, "Alert");
            warn_of_template(event.template_problem.as_deref());
            if !event.has_route {
                warn!(alert = event.id.0, topic = %event.alert.topic, "No route takes this alert: nobody is told");
            } else if event.to.is_empty() && event.held.is_empty() && event.alert.kind.tells_news() {
                warn!(alert = event.id.0, topic = %event.alert.topic,
                    "Everybody whom routes name for this alert has unsubscribed: nobody is told");
            }
        }
        if let Some(report) = &mut self.report {
            report.alert_count += alerts.len();
        }
        if !alerts.is_empty() {
            self.publisher.note_news();
            self.deliver.notify_one();
        }
    }
}

/// Time from now until `at`, none if it has passed.
fn until(at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now())).unwrap_or(Duration::ZERO)
}
