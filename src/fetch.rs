//! The door to the web: conditional, capped, guarded HTTP GET.
//!
//! Owns `reqwest`. Refuses to know feeds' states and schedules: it is handed validators and hands back an [`Outcome`].

use std::time::Duration;

use url::Url;

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
}

impl Default for Options {
    fn default() -> Self {
        Self {
            contact: None,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(20),
            total_timeout: Duration::from_secs(60),
            body_bytes_max: 10 << 20,
        }
    }
}

/// One conditional GET.
#[derive(Debug, Clone)]
pub struct Request {
    /// What to fetch.
    pub url: Url,
    /// `ETag` of the last answer, byte for byte.
    pub etag: Option<Vec<u8>>,
    /// `Last-Modified` of the last answer, byte for byte.
    pub last_modified: Option<Vec<u8>>,
    /// Whether loopback and private addresses are allowed.
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
    /// Where it came from after redirects.
    pub url: Url,
    /// `Content-Type`, as sent.
    pub content_type: Option<String>,
    /// Where the feed moved, when every hop was 301 or 308.
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
