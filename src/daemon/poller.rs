//! One poll: fetch, read, normalise, score, settle.
//!
//! Owns the way from a due feed to a settled poll. A panic on it costs that poll and nothing else. Refuses to
//! choose which feed is polled and when, and to read the wall clock: a poll is handed its start, and what happens later
//! in it is that start plus the time that passed.

use std::future::Future;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;
use url::Url;
use xxhash_rust::xxh3::xxh3_64;

use super::hub::Ear;
use super::ledger::Ledger;
use super::pages::sent_on;
use super::visit::{Departure, Polled, SentOn, Ticket, Visit};
use crate::article::publisher::host_key;
use crate::config::Config;
use crate::feed::answer::AnswerKind;
use crate::feed::moved;
use crate::feed::schedule::after;
use crate::feed::state::FeedState;
use crate::feed::subscription::offer::{Named, Offer};
use crate::feed::{Feed, FeedId, ParsedFeed, ProblemKind, parse};
use crate::fetch::{
    Document, Failure, FailureKind, Fetcher, Headers, Link, Onward, Outcome, Request, RequestKind,
};
use crate::pipeline::{About, Asked, End, Hop, Poll, Reading, prepare};
use crate::store::gaps::OlderPage;

/// Sentences about a document's problems kept at most.
const PROBLEMS_MAX: usize = 20;

/// What all polls share.
#[derive(Clone)]
pub struct Poller {
    pub(super) ledger: Ledger,
    pub(super) fetcher: Arc<Fetcher>,
    pub(super) workers: Arc<Semaphore>,
    pub(super) config: Arc<Config>,
    /// Who is to know which hubs feeds name, while hubs are used.
    ear: Option<Ear>,
}

impl Poller {
    /// A poller; `workers` bounds how many documents are read at a time.
    pub fn new(ledger: Ledger, fetcher: Fetcher, workers: Semaphore, config: Arc<Config>) -> Self {
        Self { ledger, fetcher: Arc::new(fetcher), workers: Arc::new(workers), config, ear: None }
    }

    /// Puts a configuration in force for the polls to come.
    pub fn configure(&mut self, config: Arc<Config>) {
        self.config = config;
    }

    /// Replaces the HTTP client for the polls to come.
    pub fn set_fetcher(&mut self, fetcher: Fetcher) {
        self.fetcher = Arc::new(fetcher);
    }

    /// Tells this ear from now on which hubs feeds name.
    pub fn tell(&mut self, ear: Ear) {
        self.ear = Some(ear);
    }

    /// Polls a feed, as far as one host goes.
    pub async fn poll(
        self,
        id: FeedId,
        feed: Arc<Feed>,
        state: FeedState,
        departure: Departure,
    ) -> Result<Polled, Box<SentOn>> {
        let Departure { ticket, started_at, onward } = departure;
        let watch = Watch { started_at, since: Instant::now() };
        let fetched = contained(self.clone().fetch(Arc::clone(&feed), state, onward, watch)).await;
        let (asked, end) = match fetched {
            Some(Ok(done)) => done,
            Some(Err(hop)) => return Err(self.send_on(Visit::Feed(id), ticket, *hop, watch).await),
            None => (Asked::default(), stumbled(&Headers::default())),
        };
        let offered = about_itself(&end).filter(|_| self.ear.is_some()).map(|about| about.offer.clone());
        let poll = Poll { feed: id, started_at, asked, end };
        let settled = self.ledger.settle(feed, poll, watch.now()).await;
        if let (Some(ear), Some(offer), Ok(_)) = (&self.ear, offered, &settled) {
            ear.hear(id, offer);
        }
        Ok(Polled { feed: id, visit: Visit::Feed(id), settled: settled.map(Box::new) })
    }

    async fn fetch(
        self,
        feed: Arc<Feed>,
        state: FeedState,
        onward: Option<Onward>,
        watch: Watch,
    ) -> Result<(Asked, End), Box<Redirected>> {
        let mut request = Request::of(&feed);
        let url = moved::asked_url(&feed, &state);
        if url.host() != feed.url.host() {
            // The move was the publisher's word, and so was where to: it leads into no private network.
            request.allow_private_addresses = false;
        }
        request.url = url;
        let digest = digest(&request);
        // Validators belong to what was asked for, and how: another address or access starts anew (C10).
        if state.asked_as.is_none_or(|asked_as| asked_as == digest) {
            (request.etag, request.last_modified) = (state.etag, state.last_modified);
            request.validators_from = state.validators_from;
        }
        let (host, outcome) = self.visit(&request, onward, watch).await?;
        let source = match &outcome {
            Outcome::Document(document) | Outcome::Delta(document) => &document.url,
            _ => &request.url,
        };
        // Who answers after a redirect may be another than who gave the validators, and then got none (C29).
        let asked = Asked {
            digest: Some(digest),
            was_conditional: request.is_conditional_at(source) || matches!(outcome, Outcome::NotModified(_)),
            answered_by: Some(source.origin().ascii_serialization()),
            host: Some(host),
            wire_bytes: outcome.wire_bytes(),
        };
        let end = self.end(&feed, outcome, watch).await;
        Ok((asked, end))
    }

    /// Asks one host; answers which, and what it said.
    pub(super) async fn visit(
        &self,
        request: &Request,
        onward: Option<Onward>,
        watch: Watch,
    ) -> Result<(String, Outcome), Box<Redirected>> {
        let host = onward.as_ref().map_or_else(|| host_key(&request.url), Onward::host);
        match self.fetcher.visit(request, onward.as_ref(), watch.started_at).await {
            Ok(outcome) => Ok((host, outcome)),
            Err(onward) => Err(Box::new(Redirected { from: host, onward: *onward })),
        }
    }

    /// Settles a redirect to another host, and hands the visit back.
    pub(super) async fn send_on(
        &self,
        visit: Visit,
        ticket: Ticket,
        sent: Redirected,
        watch: Watch,
    ) -> Box<SentOn> {
        let Redirected { from, onward } = sent;
        let hop = Hop {
            from,
            to: onward.host(),
            answer: sent_on(&onward),
            feed: if let Visit::Feed(feed) = visit { Some(feed) } else { None },
            is_forced: ticket.by_hand == Some(true),
        };
        let noted = self.ledger.settle_hop(hop, watch.started_at).await;
        Box::new(SentOn { visit, ticket, onward, noted })
    }

    /// Reads an older page for a gap; as [`Poller::poll`].
    pub async fn older_page(
        self,
        page: OlderPage,
        feed: Arc<Feed>,
        departure: Departure,
    ) -> Result<Polled, Box<SentOn>> {
        let Departure { ticket, started_at, onward } = departure;
        let watch = Watch { started_at, since: Instant::now() };
        let (id, gap) = (page.feed, page.gap);
        let fetched = contained(self.clone().fetch_older_page(page, Arc::clone(&feed), onward, watch)).await;
        let (asked, end) = match fetched {
            Some(Ok(done)) => done,
            Some(Err(hop)) => return Err(self.send_on(Visit::Archive(gap), ticket, *hop, watch).await),
            None => (Asked::default(), stumbled(&Headers::default())),
        };
        let poll = Poll { feed: id, started_at, asked, end };
        let settled = self.ledger.settle_older_page(feed, gap, poll, watch.now()).await;
        Ok(Polled { feed: id, visit: Visit::Archive(gap), settled: settled.map(Box::new) })
    }

    async fn fetch_older_page(
        self,
        page: OlderPage,
        feed: Arc<Feed>,
        onward: Option<Onward>,
        watch: Watch,
    ) -> Result<(Asked, End), Box<Redirected>> {
        let Ok(url) = Url::parse(&page.url) else {
            return Ok((Asked::default(), stumbled(&Headers::default())));
        };
        let request = Request { kind: RequestKind::Feed, ..Request::page(&feed, url) };
        let (host, outcome) = self.visit(&request, onward, watch).await?;
        let asked = Asked { wire_bytes: outcome.wire_bytes(), host: Some(host), ..Asked::default() };
        Ok((asked, self.end(&feed, outcome, watch).await))
    }

    async fn end(&self, feed: &Arc<Feed>, outcome: Outcome, watch: Watch) -> End {
        match outcome {
            Outcome::Document(document) => self.read(feed, document, AnswerKind::Document, watch).await,
            // Entries a delta leaves out are not gone: what is settled is what a document adds.
            Outcome::Delta(document) => self.read(feed, document, AnswerKind::Delta, watch).await,
            Outcome::NotModified(headers) => End::NotModified { headers },
            Outcome::Status { code, detail, headers } => {
                End::Failed { kind: AnswerKind::of_status(code), outcome: detail, headers }
            }
            Outcome::Failed(failure) => End::Failed {
                kind: kind_of(&failure),
                outcome: in_words(failure),
                headers: Headers::default(),
            },
        }
    }

    /// Reads a document on a worker thread.
    async fn read(&self, feed: &Arc<Feed>, document: Document, kind: AnswerKind, watch: Watch) -> End {
        let _permit = self.workers.acquire().await;
        let (feed, config) = (Arc::clone(feed), Arc::clone(&self.config));
        let headers = document.headers.clone();
        let seen_at = watch.now();
        let work = tokio::task::spawn_blocking(move || read(&feed, &config, document, kind, seen_at));
        work.await.unwrap_or_else(|_| stumbled(&headers))
    }
}

/// A redirect to another host.
#[derive(Debug)]
pub(super) struct Redirected {
    /// Which host redirects.
    from: String,
    onward: Onward,
}

/// What a document of the publisher's own, and a whole one, says about itself.
fn about_itself(end: &End) -> Option<&About> {
    match end {
        End::Document(reading) if reading.kind == AnswerKind::Document => Some(&reading.about),
        _ => None,
    }
}

/// The time within a poll: a wall clock that is set meanwhile does not show.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watch {
    pub(super) started_at: Timestamp,
    pub(super) since: Instant,
}

impl Watch {
    pub(super) fn now(self) -> Timestamp {
        after(self.started_at, self.since.elapsed())
    }
}

/// What validators belong to.
fn digest(request: &Request) -> u64 {
    xxh3_64(request.url.as_str().as_bytes()) ^ request.access.digest()
}

/// What failed, and on whose behalf: a feed's host that sent us on to a dead one did answer.
fn in_words(failure: Failure) -> String {
    match failure.sent_on_to {
        Some(host) => format!("it sends us on to {host}; {}", failure.detail),
        None => failure.detail,
    }
}

pub(super) fn kind_of(failure: &Failure) -> AnswerKind {
    match failure.kind {
        FailureKind::Dns | FailureKind::Connect | FailureKind::Proxy | FailureKind::Timeout
            if failure.is_reached =>
        {
            AnswerKind::Broken
        }
        FailureKind::Dns | FailureKind::Connect | FailureKind::Proxy | FailureKind::Timeout => {
            AnswerKind::Unreachable
        }
        FailureKind::Forbidden => AnswerKind::Refused,
        FailureKind::Tls | FailureKind::TooLarge | FailureKind::Redirect | FailureKind::Protocol => {
            AnswerKind::Broken
        }
    }
}

/// A panic, as the end of a poll: the feed is tried again later and later, and listed as failing.
fn stumbled(headers: &Headers) -> End {
    End::Failed {
        kind: AnswerKind::Stumbled,
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

/// A document that was asked for by hand, without validators, as the poll it is (C12).
pub fn taken_by_hand(feed: &Feed, config: &Config, document: Document, seen_at: Timestamp) -> (Asked, End) {
    let digest = digest(&Request::of(feed));
    let asked = Asked {
        digest: Some(digest),
        was_conditional: false,
        answered_by: Some(document.url.origin().ascii_serialization()),
        host: Some(host_key(&document.url)),
        wire_bytes: document.wire_bytes,
    };
    (asked, read(feed, config, document, AnswerKind::Document, seen_at))
}

/// Reads a document: what it holds, scored, or why it is none.
pub(super) fn read(
    feed: &Feed,
    config: &Config,
    document: Document,
    kind: AnswerKind,
    seen_at: Timestamp,
) -> End {
    let Document { bytes, url, content_type, headers, moved_to, links, .. } = document;
    let hash = xxh3_64(&bytes);
    match parse::parse(&bytes, &url, content_type.as_deref()) {
        Ok(parsed) => {
            drop(bytes);
            let moved_to = moved_to.map(String::from);
            let offer = offer(&links, &parsed, &url);
            let about =
                About { url: Some(url.to_string()), hash: Some(hash), moved_to, offer, ..about(&parsed) };
            let problems =
                parsed.problems.iter().take(PROBLEMS_MAX).map(ToString::to_string).collect::<Vec<_>>();
            let flaw = parsed.problems.iter().find(|problem| problem.kind.costs_entries());
            let flaw = flaw.map(ToString::to_string).unwrap_or_default();
            let mut entries = parsed.entries;
            for entry in &mut entries {
                if entry.language.is_none() {
                    entry.language.clone_from(&parsed.language);
                }
            }
            let scored = prepare(entries, feed, &config.topics, seen_at);
            let scored_by = Some(config.hash);
            End::Document(Box::new(Reading { kind, scored, headers, problems, flaw, about, scored_by }))
        }
        // Validators of a document that could not be read are not kept, or every later poll would be a 304.
        Err(not_a_feed) => End::Failed {
            kind: AnswerKind::NotAFeed,
            outcome: not_a_feed.to_string(),
            headers: Headers { etag: None, last_modified: None, ..headers },
        },
    }
}

/// The hub and topic that an answer names.
fn offer(links: &[Link], parsed: &ParsedFeed, url: &Url) -> Option<Offer> {
    let linked = |rel: &'static str| links.iter().filter(move |link| link.rel.iter().any(|word| word == rel));
    let headers = Named {
        hubs: linked("hub").map(|link| link.url.as_str()).collect(),
        topic: linked("self").next().map(|link| link.url.as_str()),
    };
    let document =
        Named { hubs: parsed.hubs.iter().map(String::as_str).collect(), topic: parsed.self_url.as_deref() };
    Offer::of(&headers, &document, url)
}

/// What a document says about itself, short of its entries.
fn about(parsed: &ParsedFeed) -> About {
    const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let skip_hours = parsed.skip_hours.iter().filter(|hour| **hour < 24).fold(0, |all, hour| all | 1 << hour);
    let skip_days = (0..7).filter(|day| parsed.skip_days.iter().any(|name| name == DAYS[*day]));
    let has = |kind| parsed.problems.iter().any(|problem| problem.kind == kind);
    About {
        url: None,
        hash: None,
        moved_to: None,
        ttl: parsed.ttl,
        skip_hours,
        skip_days: skip_days.fold(0, |all, day| all | 1 << day),
        hubs: parsed.hubs.clone(),
        self_url: parsed.self_url.clone(),
        offer: None,
        next_url: parsed.next_url.clone(),
        next_is_archive: parsed.next_is_archive,
        is_cut: has(ProblemKind::Truncated),
        is_over: has(ProblemKind::TooManyEntries),
    }
}
