//! The door to the web: conditional, capped, guarded HTTP GET, a form now and then, and JSON for outlets.
//!
//! Owns `reqwest`. Refuses to know feeds' states and schedules: it is handed validators and hands back an
//! [`Outcome`]. Refuses to retry: when to ask again is the schedule's business. What is asked is `fetch/request.rs`,
//! what comes back `fetch/outcome.rs`, the way between them `fetch/errand.rs`.

mod body;
mod client;
mod errand;
mod failure;
mod guard;
mod headers;
mod links;
mod outcome;
mod post;
mod request;
mod trail;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use client::Ways;
use errand::{Errand, Passage, Progress, What};
use failure::host_of;
use guard::{Guard, Resolver};
use ipnet::IpNet;
use jiff::Timestamp;
use tokio::sync::Semaphore;

use crate::feed::access::Proxy;

pub use outcome::{Document, Failure, FailureKind, Headers, Link, Onward, Outcome};
pub use post::{Post, Posted};
pub use request::{Form, Request, RequestKind};

/// Largest web page read, bytes after decompression.
pub const PAGE_BYTES_MAX: usize = 4 << 20;

/// Largest robots.txt after decompression, bytes; the first half of it is read (RFC 9309 section 2.5).
pub const ROBOTS_BYTES_MAX: usize = 1 << 20;

/// How the door behaves; set once.
#[derive(Debug, Clone)]
pub struct Options {
    /// Shown in the User-Agent: `wirewatch/VERSION (+contact)`.
    pub contact: Option<String>,
    /// Time to connect (DNS, TCP, TLS).
    pub connect_timeout: Duration,
    /// Time without a byte.
    pub read_timeout: Duration,
    /// Time for everything at one host (a registrable domain, or an address), redirects included.
    pub total_timeout: Duration,
    /// Longest time a connection without a request is kept; at most 30 seconds.
    pub idle_timeout: Duration,
    /// Largest body after decompression, bytes.
    pub body_bytes_max: usize,
    /// The way of requests that choose none; straight when absent.
    pub proxy: Option<Arc<Proxy>>,
    /// Certificate authorities trusted besides the machine's own, as a PEM bundle: for a publisher inside
    /// the owner's network.
    pub root_certificates_pem: Option<Vec<u8>>,
    /// Names that resolve to these addresses and to no others, whatever DNS says, like `curl --resolve`.
    /// The address policy holds for them as for any other. A name that stands here several times answers
    /// with each in turn, as DNS may; the last answer stays.
    pub resolve: Vec<(String, Vec<IpAddr>)>,
    /// Networks treated as public although they are special-purpose, such as 198.18.0.0/15 where a local
    /// DNS proxy answers with it.
    pub public_networks: Vec<IpNet>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            contact: None,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(20),
            total_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(30),
            body_bytes_max: 10 << 20,
            proxy: None,
            root_certificates_pem: None,
            resolve: Vec::new(),
            public_networks: Vec::new(),
        }
    }
}

/// Why the door cannot be opened at all.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The extra certificate authorities are unreadable.
    #[error("The extra certificate authorities are not a PEM bundle of certificates")]
    Certificates(#[source] reqwest::Error),
    /// The contact cannot stand in a header.
    #[error("The contact has characters that cannot stand in a User-Agent; use a plain URL or address")]
    Contact,
    /// The HTTP client cannot be built, most likely for want of the machine's certificate authorities.
    #[error(
        "The HTTP client cannot start; are the machine's certificates (package ca-certificates) installed?"
    )]
    Client(#[source] reqwest::Error),
}

/// The door. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct Fetcher {
    options: Arc<Options>,
    guard: Guard,
    ways: Arc<Ways>,
}

impl Fetcher {
    /// Opens the door. Reads the machine's certificate authorities, which takes some tens of milliseconds.
    pub fn new(options: Options) -> Result<Self, FetchError> {
        // An error says that a provider is installed already, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        let options = Arc::new(options);
        let guard = Guard { public_networks: options.public_networks.clone() };
        let resolver = Resolver {
            guard: Some(guard.clone()),
            exempt: None,
            pinned: Arc::new(guard::pins(&options.resolve)),
            permits: Arc::new(Semaphore::new(guard::LOOKUPS_MAX)),
        };
        let ways = Arc::new(Ways::open(Arc::clone(&options), resolver)?);
        Ok(Self { options, guard, ways })
    }

    /// Fetches a feed, or whatever the request says, wherever redirects lead. `now` is for answers that name a date.
    pub async fn get(&self, request: &Request, now: Timestamp) -> Outcome {
        let mut onward = None;
        loop {
            // Redirects are counted along the way.
            match self.visit(request, onward.as_deref(), now).await {
                Ok(outcome) => return outcome,
                Err(sent_on) => onward = Some(sent_on),
            }
        }
    }

    /// As [`Fetcher::get`], as far as one host (a registrable domain, or an address) goes. Where a redirect leads to
    /// another, the request is handed back, as that host has a gate of its own; with `onward`, it goes on there.
    pub async fn visit(
        &self,
        request: &Request,
        onward: Option<&Onward>,
        now: Timestamp,
    ) -> Result<Outcome, Box<Onward>> {
        let validators_from = request.validators_origin();
        let what = What::Get {
            kind: request.kind,
            etag: request.etag.as_deref(),
            last_modified: request.last_modified.as_deref(),
            validators_from: &validators_from,
        };
        let private = request.allow_private_addresses;
        self.run(Errand { url: &request.url, access: &request.access, private, what, onward }, now).await
    }

    /// Posts a form. Only redirects that keep the method are followed. The answer is [`Outcome::Status`], whatever its
    /// code, with the first words of its body in the detail; or [`Outcome::Failed`].
    pub async fn post_form(&self, form: &Form, now: Timestamp) -> Outcome {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&form.fields).finish();
        let (what, private) = (What::Form(&body), form.allow_private_addresses);
        let mut came: Option<Box<Onward>> = None;
        loop {
            let onward = came.as_deref();
            let errand = Errand { url: &form.url, access: &form.access, private, what, onward };
            match self.run(errand, now).await {
                Ok(outcome) => return outcome,
                Err(sent_on) => came = Some(sent_on),
            }
        }
    }

    async fn run(&self, errand: Errand<'_>, now: Timestamp) -> Result<Outcome, Box<Onward>> {
        // Outside of the errand, which a time-out drops with all it has counted.
        let progress = Progress::of(errand.onward, now);
        let work = errand.run(self, &progress, now);
        let failure = match tokio::time::timeout(self.options.total_timeout, work).await {
            Ok(Ok(Passage::Answered(outcome))) => return Ok(*outcome),
            Ok(Ok(Passage::SentOn(onward))) => return Err(onward),
            Ok(Err(failure)) => failure,
            Err(_elapsed) => {
                let host = progress.sent_on_to().unwrap_or_else(|| host_of(errand.url));
                Failure::total_timeout(&host, &self.options)
            }
        };
        let wire_bytes = progress.wire_bytes.load(Ordering::Relaxed);
        let (sent_on_to, is_reached) = (progress.sent_on_to(), progress.is_reached.load(Ordering::Relaxed));
        Ok(Outcome::Failed(Failure { wire_bytes, sent_on_to, is_reached, ..failure }))
    }
}
