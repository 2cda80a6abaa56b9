//! One poll: fetch, read, normalise, score, settle.
//!
//! Owns the way from a due feed to a settled poll. A panic on it costs that poll and nothing else. Refuses to
//! choose which feed is polled and when.

use std::future::Future;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use url::Url;

use super::ledger::{Ledger, LedgerError};
use super::now;
use crate::article::publisher;
use crate::config::Config;
use crate::feed::schedule::FeedState;
use crate::feed::{Feed, FeedId, parse};
use crate::fetch::{Document, Fetcher, Headers, Outcome, Request};
use crate::pipeline::{End, Poll, Settled, prepare};

/// Sentences about a document's problems kept at most.
const PROBLEMS_MAX: usize = 20;

/// What all polls share.
#[derive(Clone)]
pub struct Poller {
    ledger: Ledger,
    fetcher: Arc<Fetcher>,
    workers: Arc<Semaphore>,
    config: Arc<Config>,
}

/// A poll that ended.
#[derive(Debug)]
pub struct Polled {
    /// Whose.
    pub feed: FeedId,
    /// What was committed.
    pub settled: Result<Settled, LedgerError>,
}

impl Poller {
    /// A poller; `workers` bounds how many documents are read at a time.
    pub fn new(ledger: Ledger, fetcher: Fetcher, workers: Semaphore, config: Arc<Config>) -> Self {
        Self { ledger, fetcher: Arc::new(fetcher), workers: Arc::new(workers), config }
    }

    /// Puts a configuration in force for the polls to come.
    pub fn configure(&mut self, config: Arc<Config>) {
        self.config = config;
    }

    /// Replaces the HTTP client for the polls to come.
    pub fn set_fetcher(&mut self, fetcher: Fetcher) {
        self.fetcher = Arc::new(fetcher);
    }

    /// Polls a feed.
    pub async fn poll(self, id: FeedId, feed: Arc<Feed>, state: FeedState) -> Polled {
        let started_at = now();
        let fetched = contained(self.clone().fetch(Arc::clone(&feed), state, started_at)).await;
        let end = fetched.unwrap_or_else(|| stumbled(&Headers::default()));
        let poll = Poll { feed: id, started_at, end };
        let settled = self.ledger.settle(feed, poll, now()).await;
        Polled { feed: id, settled }
    }

    async fn fetch(self, feed: Arc<Feed>, state: FeedState, started_at: Timestamp) -> End {
        let request = Request {
            url: feed.url.clone(),
            etag: state.etag,
            last_modified: state.last_modified,
            allow_private_addresses: feed.allow_private_addresses,
        };
        match self.fetcher.get(&request, started_at).await {
            Outcome::Document(document) => self.read(&feed, document).await,
            Outcome::NotModified(headers) => End::NotModified { headers },
            Outcome::Status { detail, headers, .. } => End::Failed { outcome: detail, headers },
            Outcome::Failed(failure) => End::Failed { outcome: failure.detail, headers: Headers::default() },
        }
    }

    /// Reads a document on a worker thread.
    async fn read(&self, feed: &Arc<Feed>, document: Document) -> End {
        let _permit = self.workers.acquire().await;
        let (feed, config) = (Arc::clone(feed), Arc::clone(&self.config));
        let seen_at = now();
        let headers = document.headers.clone();
        let work = tokio::task::spawn_blocking(move || read(&feed, &config, document, seen_at));
        work.await.unwrap_or_else(|_| stumbled(&headers))
    }
}

/// A panic, as the end of a poll: the feed is tried again later and later, and listed as failing.
fn stumbled(headers: &Headers) -> End {
    End::Failed {
        outcome: "this feed makes wirewatch stumble; please report it with its address".to_owned(),
        headers: Headers { etag: None, last_modified: None, ..headers.clone() },
    }
}

/// Does work on a task of its own, so that a panic ends that task and nothing else: then there is no result. Who
/// stops waiting ends the work, too.
pub async fn contained<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Option<T> {
    let mut task = JoinSet::new();
    task.spawn(work);
    task.join_next().await.and_then(Result::ok)
}

/// Reads a document: what a poll that brought it comes to.
pub fn read(feed: &Feed, config: &Config, document: Document, seen_at: Timestamp) -> End {
    let Document { bytes, url, content_type, headers, .. } = document;
    match parse::parse(&bytes, &url, content_type.as_deref()) {
        Ok(parsed) => {
            drop(bytes);
            let problems =
                parsed.problems.iter().take(PROBLEMS_MAX).map(ToString::to_string).collect::<Vec<_>>();
            let mut entries = parsed.entries;
            for entry in &mut entries {
                if entry.language.is_none() {
                    entry.language.clone_from(&parsed.language);
                }
            }
            End::Document { scored: prepare(entries, feed, &config.topics, seen_at), headers, problems }
        }
        // Validators of a document that could not be read are not kept, or every later poll would be a 304.
        Err(not_a_feed) => End::Failed {
            outcome: not_a_feed.to_string(),
            headers: Headers { etag: None, last_modified: None, ..headers },
        },
    }
}

/// The key of a host's gate: the registrable domain, or the address.
pub fn host_key(url: &Url) -> String {
    url.host_str().map_or_else(String::new, |host| publisher::registrable_domain(host).to_owned())
}
