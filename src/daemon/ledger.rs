//! The ledger: the one thread that writes.
//!
//! Owns the [`Writer`], the memory of [`Stories`] and the configuration in force, takes jobs from a bounded channel and answers each. A full
//! channel makes pollers wait, so memory does not grow. Refuses the network and the clock: jobs carry their time.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use jiff::Timestamp;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::{error, info};

use super::health::Health;
use crate::article::identity::ArticleId;
use crate::config::Config;
use crate::delivery::{Channel, DeliveryId, Status};
use crate::feed::Feed;
use crate::feed::gap::GapId;
use crate::feed::host::{HostState, KNOWN_SPACING_MAX};
use crate::feed::subscription::Callback;
use crate::pipeline::page::{self, PageSettled, PageTask, PageVisit};
use crate::pipeline::{self, BacklogEvent, Elapsed, Hop, HopSettled, OperatorEvent, Outgoing, Poll, Settled};
use crate::store::feeds::StoredFeed;
use crate::store::gaps::OlderPage;
use crate::store::outbox::Outlook;
use crate::store::pages::WaitingPage;
use crate::store::requests::{FirstDocument, PollRequest};
use crate::store::{StoreError, Transaction, Writer};
use crate::story::Stories;

/// Jobs waiting at most; a poller with one more waits.
const JOBS_MAX: usize = 64;

/// Pages that wait, taken up at a start or reload; the rest has its turn at the next one.
const PAGES_MAX: u32 = 20_000;

/// What the thread writes in: the database, and the stories as the database has them.
struct Book {
    writer: Writer,
    stories: Stories,
}

/// Work on the database, with the configuration in force.
type Work = Box<dyn FnOnce(&mut Book, Option<&Config>) + Send>;

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

enum Job {
    Configure { config: Arc<Config>, now: Timestamp, answer: Answer<Configured> },
    Settle { feed: Arc<Feed>, poll: Box<Poll>, now: Timestamp, answer: Answer<Settled> },
    Within { job: Work },
    PageTask { article: ArticleId, now: Timestamp, answer: Answer<Option<PageTask>> },
    SettlePage { visit: Box<PageVisit>, now: Timestamp, answer: Answer<PageSettled> },
    SettleOlderPage { feed: Arc<Feed>, gap: GapId, poll: Box<Poll>, now: Timestamp, answer: Answer<Settled> },
    Tick { now: Timestamp, answer: Answer<Ticked> },
    Finish { finish: Finish, now: Timestamp, answer: Answer<()> },
    Hasten { now: Timestamp, answer: Answer<usize> },
    TakeRequests { now: Timestamp, answer: Answer<Vec<PollRequest>> },
    TakeFirstDocuments { now: Timestamp, answer: Answer<Vec<FirstDocument>> },
    Tidy { answer: Answer<()> },
}

/// What a configuration finds in the store.
#[derive(Debug, Clone, Default)]
pub struct Configured {
    /// The rows of its feeds, in its order.
    pub feeds: Vec<StoredFeed>,
    /// Hosts that pause, take less than others, or were asked just now.
    pub hosts: Vec<(String, HostState)>,
    /// Pages that wait to be read.
    pub pages: Vec<WaitingPage>,
    /// Older pages to be read for gaps.
    pub older_pages: Vec<OlderPage>,
}

/// What a tick came to.
#[derive(Debug, Clone)]
pub struct Ticked {
    /// What time alone did.
    pub elapsed: Elapsed,
    /// What the operator is told.
    pub told: Vec<OperatorEvent>,
    /// Heartbeats, and what the operator is told of deliveries.
    pub beats: Vec<OperatorEvent>,
    /// Channels in which deliveries begin to wait for long, or no longer do.
    pub backlogs: Vec<BacklogEvent>,
    /// Whether nothing gets through by some channel.
    pub is_cut_off: bool,
    /// When the next tick has something to do.
    pub next_at: Option<Timestamp>,
}

/// What a hub delivered, ready to be settled.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// Its feed.
    pub feed: Arc<Feed>,
    /// Where it came in.
    pub callback: Callback,
    /// Its document. Shared, so that it can be handed in again when the disk was full.
    pub poll: Arc<Poll>,
}

/// What became of an attempt to deliver.
#[derive(Debug, Clone)]
pub struct Finish {
    /// The delivery.
    pub id: DeliveryId,
    /// Where it stands now.
    pub status: Status,
    /// What the server said.
    pub reply: String,
    /// When to try again.
    pub next_attempt_at: Timestamp,
    /// Whether no other delivery would have got through this way either.
    pub is_way_closed: bool,
    /// Whether it was answered with "not now".
    pub is_deferral: bool,
}

/// Where jobs are handed in. Cheap to clone; the thread ends when the last one is dropped.
#[derive(Debug, Clone)]
pub struct Ledger {
    jobs: Sender<Job>,
    health: Health,
}

/// The ledger is gone, or the database refused.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The thread ended.
    #[error("the ledger has stopped")]
    Stopped,
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Ledger {
    /// Starts the thread.
    pub fn start(writer: Writer) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (jobs, inbox) = channel(JOBS_MAX);
        let thread = thread::Builder::new().name("ledger".to_owned()).spawn(move || keep(writer, inbox))?;
        Ok((Self { jobs, health: Health::default() }, thread))
    }

    /// Puts a configuration in force.
    pub async fn configure(&self, config: Arc<Config>, now: Timestamp) -> Result<Configured, LedgerError> {
        self.ask(|answer| Job::Configure { config, now, answer }).await
    }

    /// Settles a poll.
    pub async fn settle(&self, feed: Arc<Feed>, poll: Poll, now: Timestamp) -> Result<Settled, LedgerError> {
        let settled = self.ask(|answer| Job::Settle { feed, poll: Box::new(poll), now, answer }).await;
        self.note_written(settled.is_ok());
        settled
    }

    /// Settles what a hub delivered; `None` when nobody waits for it.
    pub async fn deliver(
        &self,
        delivered: Delivered,
        now: Timestamp,
    ) -> Result<Option<Settled>, LedgerError> {
        let job = |answer: Answer<_>| Job::Within {
            job: Box::new(move |book, config| {
                let Delivered { feed, callback, poll } = delivered;
                let settled = with_config(config, |config| {
                    book.settling(|tx, stories| {
                        pipeline::settle_delivery(tx, stories, config, &feed, &callback, &poll, now)
                    })
                });
                drop(answer.send(settled));
            }),
        };
        let settled = self.ask(job).await;
        self.note_written(settled.is_ok());
        settled
    }

    /// What is next for the page of an article.
    pub async fn page_task(
        &self,
        article: ArticleId,
        now: Timestamp,
    ) -> Result<Option<PageTask>, LedgerError> {
        self.ask(|answer| Job::PageTask { article, now, answer }).await
    }

    /// Settles a visit for a page.
    pub async fn settle_page(&self, visit: PageVisit, now: Timestamp) -> Result<PageSettled, LedgerError> {
        let settled = self.ask(|answer| Job::SettlePage { visit: Box::new(visit), now, answer }).await;
        self.note_written(settled.is_ok());
        settled
    }

    /// Does something in a transaction of its own.
    pub async fn within<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let job = |answer: Answer<T>| Job::Within {
            job: Box::new(move |book, _| drop(answer.send(in_transaction(&mut book.writer, job)))),
        };
        self.ask(job).await
    }

    /// Settles a redirect to another host, at `at`.
    pub async fn settle_hop(&self, hop: Hop, at: Timestamp) -> Result<HopSettled, LedgerError> {
        let settled = self.within(move |tx| pipeline::settle_hop(tx, &hop, at)).await;
        self.note_written(settled.is_ok());
        settled
    }

    /// Settles the visit of an older page for a gap.
    pub async fn settle_older_page(
        &self,
        feed: Arc<Feed>,
        gap: GapId,
        poll: Poll,
        now: Timestamp,
    ) -> Result<Settled, LedgerError> {
        let job = |answer| Job::SettleOlderPage { feed, gap, poll: Box::new(poll), now, answer };
        let settled = self.ask(job).await;
        self.note_written(settled.is_ok());
        settled
    }

    /// Does what time alone does.
    pub async fn tick(&self, now: Timestamp) -> Result<Ticked, LedgerError> {
        self.ask(|answer| Job::Tick { now, answer }).await
    }

    /// Does something in a transaction of its own, by the configuration in force.
    pub async fn by_config<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Transaction<'_>, &Config) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let job = |answer: Answer<T>| Job::Within {
            job: Box::new(move |book, config| {
                let done =
                    with_config(config, |config| in_transaction(&mut book.writer, |tx| job(tx, config)));
                drop(answer.send(done));
            }),
        };
        self.ask(job).await
    }

    /// When each channel has something due.
    pub async fn outlook(&self, now: Timestamp) -> Result<Outlook, LedgerError> {
        self.by_config(move |tx, config| pipeline::outlook(tx, config, now)).await
    }

    /// Claims the next delivery of a channel, as [`pipeline::claim`].
    pub async fn claim(
        &self,
        channel: Channel,
        limited_at: Option<Timestamp>,
        due_at: Timestamp,
    ) -> Result<Outgoing, LedgerError> {
        self.by_config(move |tx, config| pipeline::claim(tx, config, &channel, limited_at, due_at)).await
    }

    /// Keeps what became of an attempt.
    pub async fn finish(&self, finish: Finish, now: Timestamp) -> Result<(), LedgerError> {
        let finished = self.ask(|answer| Job::Finish { finish, now, answer }).await;
        self.note_written(finished.is_ok());
        finished
    }

    /// Makes every waiting delivery due at once; answers how many there are.
    pub async fn hasten(&self, now: Timestamp) -> Result<usize, LedgerError> {
        self.ask(|answer| Job::Hasten { now, answer }).await
    }

    /// Whether the database refuses what it is given, as far as is known.
    pub fn is_refused(&self) -> bool {
        self.health.is_refusing()
    }

    /// Takes the polls that were asked for by hand.
    pub async fn take_requests(&self, now: Timestamp) -> Result<Vec<PollRequest>, LedgerError> {
        self.ask(|answer| Job::TakeRequests { now, answer }).await
    }

    /// Takes the documents that were fetched to add feeds.
    pub async fn take_first_documents(&self, now: Timestamp) -> Result<Vec<FirstDocument>, LedgerError> {
        self.ask(|answer| Job::TakeFirstDocuments { now, answer }).await
    }

    /// Lets the database tidy up.
    pub async fn tidy(&self) -> Result<(), LedgerError> {
        self.ask(|answer| Job::Tidy { answer }).await
    }

    async fn ask<T>(&self, job: impl FnOnce(Answer<T>) -> Job) -> Result<T, LedgerError> {
        let (answer, question) = oneshot::channel();
        self.jobs.send(job(answer)).await.map_err(|_| LedgerError::Stopped)?;
        let answered = question.await.map_err(|_| LedgerError::Stopped)?;
        if let Err(error) = &answered
            && self.health.refused(error, Instant::now())
        {
            error!(%error, hint = error.hint(), "The database refuses; it is tried again");
        }
        answered.map_err(LedgerError::Store)
    }

    /// Only what surely writes shows that the database takes writes.
    fn note_written(&self, is_written: bool) {
        if is_written && self.health.wrote(Instant::now()) {
            info!("The database takes writes again");
        }
    }
}

fn keep(writer: Writer, mut inbox: Receiver<Job>) {
    let mut config: Option<Arc<Config>> = None;
    let mut book = Book { writer, stories: Stories::default() };
    while let Some(job) = inbox.blocking_recv() {
        work(&mut book, &mut config, job);
    }
}

/// Does one job. An asker who is gone (a poll cancelled at shutdown) is no fault, so failed answers are dropped.
fn work(book: &mut Book, config: &mut Option<Arc<Config>>, job: Job) {
    let writer = &mut book.writer;
    match job {
        Job::Configure { config: new, now, answer } => {
            let configured = in_transaction(writer, |tx| configure(tx, &new, now));
            if configured.is_ok() {
                *config = Some(new);
            }
            drop(answer.send(configured));
        }
        Job::Settle { feed, poll, now, answer } => {
            let settled = with_config(config.as_deref(), |config| {
                book.settling(|tx, stories| pipeline::settle(tx, stories, config, &feed, &poll, now))
            });
            drop(answer.send(settled));
        }
        Job::Within { job } => job(book, config.as_deref()),
        Job::PageTask { article, now, answer } => {
            drop(answer.send(in_transaction(writer, |tx| page::page_task(tx, article, now))));
        }
        Job::SettlePage { visit, now, answer } => {
            let settled = with_config(config.as_deref(), |config| {
                in_transaction(writer, |tx| page::settle_page(tx, config, *visit, now))
            });
            drop(answer.send(settled));
        }
        Job::SettleOlderPage { feed, gap, poll, now, answer } => {
            let settled = with_config(config.as_deref(), |config| {
                book.settling(|tx, stories| {
                    pipeline::settle_older_page(tx, stories, config, &feed, gap, &poll, now)
                })
            });
            drop(answer.send(settled));
        }
        Job::Tick { now, answer } => {
            let ticked =
                with_config(config.as_deref(), |config| in_transaction(writer, |tx| tick(tx, config, now)));
            drop(answer.send(ticked));
        }
        Job::Finish { finish, now, answer } => {
            let Finish { id, status, reply, next_attempt_at, is_way_closed, is_deferral } = finish;
            let finished = in_transaction(writer, |tx| {
                tx.finish_delivery(id, status, &reply, next_attempt_at, now)?;
                tx.note_way(id, is_way_closed, is_deferral, now)?;
                tx.audit_delivery(id, now)
            });
            drop(answer.send(finished));
        }
        Job::Hasten { now, answer } => {
            drop(answer.send(in_transaction(writer, |tx| tx.hasten_deliveries(now))));
        }
        Job::TakeRequests { now, answer } => {
            drop(answer.send(in_transaction(writer, |tx| tx.take_poll_requests(now))));
        }
        Job::TakeFirstDocuments { now, answer } => {
            drop(answer.send(in_transaction(writer, |tx| tx.take_first_documents(now))));
        }
        Job::Tidy { answer } => drop(answer.send(writer.tidy())),
    }
}

fn tick(tx: &Transaction<'_>, config: &Config, now: Timestamp) -> Result<Ticked, StoreError> {
    let elapsed = pipeline::tick(tx, config, now)?;
    let told = pipeline::tell_operator(tx, config, now)?;
    let (mut beats, backlogs) = pipeline::watch_backlog(tx, config, now)?;
    beats.extend(pipeline::tell_refused(tx, config, now)?);
    beats.extend(pipeline::beat(tx, config, now)?);
    let next = [
        pipeline::next_tick_at(tx, config)?,
        pipeline::next_look_at(tx)?,
        pipeline::next_backlog_at(tx)?,
        pipeline::next_refusal_at(tx, config, now)?,
        pipeline::next_beat_at(tx, config, now)?,
    ];
    let is_cut_off = pipeline::is_closed(tx, config)? || !pipeline::refusing(tx, config, now)?.is_empty();
    Ok(Ticked { elapsed, told, beats, backlogs, is_cut_off, next_at: next.into_iter().flatten().min() })
}

fn configure(tx: &Transaction<'_>, config: &Config, now: Timestamp) -> Result<Configured, StoreError> {
    let feeds = config.feeds.iter().map(|feed| tx.feed(feed)).collect::<Result<Vec<_>, _>>()?;
    tx.watch_only(&feeds.iter().map(|feed| feed.id).collect::<Vec<_>>())?;
    // Who is told of feeds, and when, may be new.
    tx.look_at_untold(now)?;
    tx.audit_configuration(config.hash, env!("CARGO_PKG_VERSION"), now)?;
    let (pages, older_pages) = (tx.waiting_pages(PAGES_MAX)?, tx.older_pages()?);
    let spacing = config.poll.host_spacing.max(KNOWN_SPACING_MAX);
    let asked_since = now.checked_sub(spacing).unwrap_or(Timestamp::MIN);
    let hosts = tx.reluctant_hosts(now, asked_since)?;
    Ok(Configured { feeds, hosts, pages, older_pages })
}

fn with_config<T>(
    config: Option<&Config>,
    job: impl FnOnce(&Config) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    config.map_or(Err(StoreError::Unreadable("configuration: none is in force yet")), job)
}

impl Book {
    /// Runs a job that takes articles in. When its transaction fails, the stories are read from the database again before they
    /// are asked next.
    fn settling<T>(
        &mut self,
        job: impl FnOnce(&Transaction<'_>, &mut Stories) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let Self { writer, stories } = self;
        writer.settling(stories, job)
    }
}

/// Runs a job in a transaction of its own: all of it is kept, or nothing.
fn in_transaction<T>(
    writer: &mut Writer,
    job: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let tx = writer.begin()?;
    let done = job(&tx)?;
    tx.commit()?;
    Ok(done)
}
