//! The door to the web: conditional, capped, guarded HTTP GET.
//!
//! Owns `reqwest`. Refuses to know feeds' states and schedules: it is handed validators and hands back an
//! [`Outcome`]. Refuses to retry: when to ask again is the schedule's business.

mod body;
mod failure;
mod guard;
mod headers;
mod trail;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use jiff::Timestamp;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE,
    IF_NONE_MATCH,
};
use tokio::sync::Semaphore;
use url::{Host, Url};

use body::{Body, BodyError};
use failure::host_of;
use guard::{Guard, Resolver};
use trail::Trail;

/// Feed types by name, then generic ones, then whatever there is: some servers refuse `*/*` alone.
const ACCEPTED: &str = "application/rss+xml, application/atom+xml, application/feed+json, application/rdf+xml, \
                        application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, */*;q=0.1";

/// Longest `Content-Type` kept, bytes; it is for charset and kind alone.
const CONTENT_TYPE_BYTES_MAX: usize = 256;

/// How the door behaves; set once.
#[derive(Debug, Clone)]
pub struct Options {
    /// Shown in the User-Agent: `wirewatch/VERSION (+contact)`.
    pub contact: Option<String>,
    /// Time to connect (DNS, TCP, TLS).
    pub connect_timeout: Duration,
    /// Time without a byte.
    pub read_timeout: Duration,
    /// Time for everything, redirects included.
    pub total_timeout: Duration,
    /// Largest body after decompression, bytes.
    pub body_bytes_max: usize,
    /// Certificate authorities trusted besides the machine's own, as a PEM bundle: for a publisher inside
    /// the owner's network.
    pub root_certificates_pem: Option<Vec<u8>>,
    /// Names that resolve to these addresses and to no others, whatever DNS says, like `curl --resolve`.
    /// The address policy holds for them as for any other.
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
            total_timeout: Duration::from_mins(1),
            body_bytes_max: 10 << 20,
            root_certificates_pem: None,
            resolve: Vec::new(),
            public_networks: Vec::new(),
        }
    }
}

/// One conditional GET.
#[derive(Debug, Clone)]
pub struct Request {
    /// What to fetch. User information becomes basic authentication, for this origin alone.
    pub url: Url,
    /// `ETag` of the last answer, byte for byte.
    pub etag: Option<Vec<u8>>,
    /// `Last-Modified` of the last answer, byte for byte.
    pub last_modified: Option<Vec<u8>>,
    /// Whether loopback and private addresses are allowed, as long as no public server had a say: once
    /// one answered with a redirect, the rest of the way is public too.
    pub allow_private_addresses: bool,
}

/// What became of a request.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// 200: a document.
    Document(Document),
    /// 304: nothing new.
    NotModified(Headers),
    /// Any other status.
    Status {
        /// HTTP status code.
        code: u16,
        /// Its headers.
        headers: Headers,
        /// Words for the owner, for example that a challenge page was served.
        detail: String,
    },
    /// No usable answer.
    Failed(Failure),
}

/// A 200 with its body, decompressed.
#[derive(Debug, Clone)]
pub struct Document {
    /// The body.
    pub bytes: Vec<u8>,
    /// Where it came from after redirects, without user information and fragment.
    pub url: Url,
    /// `Content-Type`, as sent.
    pub content_type: Option<String>,
    /// Where the feed moved, when every hop was 301 or 308 and the address asked for carries no password.
    pub moved_to: Option<Url>,
    /// Its headers.
    pub headers: Headers,
}

/// Headers that matter to a poller, read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// `ETag`, byte for byte.
    pub etag: Option<Vec<u8>>,
    /// `Last-Modified`, byte for byte.
    pub last_modified: Option<Vec<u8>>,
    /// `Retry-After`, as a wait from now; absent when unreadable.
    pub retry_after: Option<Duration>,
    /// Freshness lifetime from `Cache-Control: max-age` less `Age`, or `Expires` less `Date`.
    pub fresh_for: Option<Duration>,
}

/// Why there was no usable answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// Words for the owner: what happened and to whom, without secrets.
    pub detail: String,
}

/// Kinds of [`Failure`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The name does not resolve.
    Dns,
    /// The address is private, loopback or otherwise not to be polled.
    Forbidden,
    /// Nobody answers.
    Connect,
    /// The certificate or handshake is not acceptable.
    Tls,
    /// It took too long.
    Timeout,
    /// More bytes than the limit.
    TooLarge,
    /// More than five redirects, a loop, or a redirect to something that is not http(s).
    Redirect,
    /// The answer broke off or makes no sense.
    Protocol,
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
    /// Connects to public addresses alone.
    guarded: reqwest::Client,
    /// Connects to all. A client of its own, so that no pooled connection crosses the guard.
    open: reqwest::Client,
}

impl Fetcher {
    /// Opens the door. Reads the machine's certificate authorities, which takes some tens of milliseconds.
    pub fn new(options: Options) -> Result<Self, FetchError> {
        // An error says that a provider is installed already, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        let guard = Guard { public_networks: options.public_networks.clone() };
        let resolver = Resolver {
            guard: Some(guard.clone()),
            pinned: Arc::new(pinned(&options)),
            permits: Arc::new(Semaphore::new(guard::LOOKUPS_MAX)),
        };
        let guarded = client(&options, resolver.clone())?;
        let open = client(&options, Resolver { guard: None, ..resolver })?;
        Ok(Self { options: Arc::new(options), guard, guarded, open })
    }

    /// Fetches. `now` is for answers that name a date.
    pub async fn get(&self, request: &Request, now: Timestamp) -> Outcome {
        let outcome = tokio::time::timeout(self.options.total_timeout, self.follow(request, now));
        match outcome.await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(failure)) => Outcome::Failed(failure),
            Err(_elapsed) => Outcome::Failed(Failure::total_timeout(&host_of(&request.url), &self.options)),
        }
    }

    /// Sends the request along its redirects and reads the last answer.
    async fn follow(&self, request: &Request, now: Timestamp) -> Result<Outcome, Failure> {
        let mut trail = Trail::new(&request.url)?;
        let mut private = request.allow_private_addresses;
        loop {
            let response = self.send(request, &trail, private).await?;
            let code = response.status().as_u16();
            if trail.follow(code, response.headers())? {
                // A public server must not steer us into the owner's network.
                let peer = response.remote_addr().map(|peer| peer.ip());
                private &= peer.is_some_and(|peer| self.guard.refusal(peer).is_some());
                continue;
            }
            let headers = headers::read(response.headers(), now);
            return match code {
                200 => self.read(response, &trail, headers).await,
                304 => Ok(Outcome::NotModified(headers)),
                _ => {
                    let detail =
                        failure::status_in_words(code, response.headers(), &host_of(trail.current()));
                    Ok(Outcome::Status { code, headers, detail })
                }
            };
        }
    }

    /// Sends one hop and waits for its headers.
    async fn send(
        &self,
        request: &Request,
        trail: &Trail,
        private: bool,
    ) -> Result<reqwest::Response, Failure> {
        let host = host_of(trail.current());
        if !private {
            // No name, no lookup: the resolver never sees these.
            let literal = match trail.current().host() {
                Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
                Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
                Some(Host::Domain(_)) | None => None,
            };
            if let Some(why) = literal.and_then(|address| self.guard.refusal(address)) {
                return Err(Failure::forbidden(&host, why));
            }
        }
        let client = if private { &self.open } else { &self.guarded };
        let mut hop = client.get(trail.request_url());
        if trail.may_have_validators() {
            let validators = [(IF_NONE_MATCH, &request.etag), (IF_MODIFIED_SINCE, &request.last_modified)];
            hop = hop.headers(validator_headers(validators));
        }
        hop.send().await.map_err(|error| failure::classify(&error, &host, &self.options))
    }

    /// Reads a document, and no more of it than the limit.
    async fn read(
        &self,
        mut response: reqwest::Response,
        trail: &Trail,
        headers: Headers,
    ) -> Result<Outcome, Failure> {
        let host = host_of(trail.current());
        let unusable = |error: BodyError| match error {
            BodyError::TooLarge => Failure::too_large(&host, &self.options),
            other => Failure::new(FailureKind::Protocol, format!("The answer from {host} is {other}")),
        };
        let bytes_max = self.options.body_bytes_max;
        if response.content_length().is_some_and(|length| length > bytes_max as u64) {
            return Err(unusable(BodyError::TooLarge));
        }
        let mut body = Body::new(response.headers(), bytes_max).map_err(unusable)?;
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => body.push(&chunk).map_err(unusable)?,
                Ok(None) => break,
                Err(error) => return Err(failure::classify(&error, &host, &self.options)),
            }
        }
        let content_type = response.headers().get(CONTENT_TYPE).map(|value| {
            let bytes = value.as_bytes();
            String::from_utf8_lossy(bytes.get(..CONTENT_TYPE_BYTES_MAX).unwrap_or(bytes)).into_owned()
        });
        Ok(Outcome::Document(Document {
            bytes: body.finish().map_err(unusable)?,
            url: trail.current().clone(),
            content_type,
            moved_to: trail.moved_to(),
            headers,
        }))
    }
}

/// Validators as they came. One that no header can hold is left out: the answer is then a full one.
fn validator_headers(validators: [(HeaderName, &Option<Vec<u8>>); 2]) -> HeaderMap {
    let valid = validators.into_iter().filter_map(|(name, value)| {
        let value = HeaderValue::from_bytes(value.as_deref()?).ok()?;
        Some((name, value))
    });
    valid.collect()
}

fn pinned(options: &Options) -> HashMap<String, Vec<IpAddr>> {
    options.resolve.iter().map(|(name, addresses)| (name.to_ascii_lowercase(), addresses.clone())).collect()
}

fn client(options: &Options, resolver: Resolver) -> Result<reqwest::Client, FetchError> {
    let agent = match &options.contact {
        Some(contact) => format!("wirewatch/{} (+{contact})", env!("CARGO_PKG_VERSION")),
        None => format!("wirewatch/{}", env!("CARGO_PKG_VERSION")),
    };
    let agent = HeaderValue::try_from(agent).map_err(|_invalid| FetchError::Contact)?;
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static(ACCEPTED));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, deflate, br, zstd"));
    let certificates = match &options.root_certificates_pem {
        Some(pem) => reqwest::Certificate::from_pem_bundle(pem).map_err(FetchError::Certificates)?,
        None => Vec::new(),
    };
    reqwest::Client::builder()
        .user_agent(agent)
        .default_headers(headers)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        // A proxy from the environment would connect to what the guard refuses.
        .no_proxy()
        .dns_resolver(resolver)
        .tls_certs_merge(certificates)
        .connect_timeout(options.connect_timeout)
        .read_timeout(options.read_timeout)
        // One poll needs one connection; between polls nobody gains from an open one.
        .pool_max_idle_per_host(1)
        .pool_idle_timeout(Duration::from_secs(30))
        // Publishers' servers are old and odd; a stray header must not cost a feed.
        .http1_ignore_invalid_headers_in_responses(true)
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .http1_allow_spaces_after_header_name_in_responses(true)
        .build()
        .map_err(FetchError::Client)
}
