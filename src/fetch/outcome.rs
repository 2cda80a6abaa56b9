//! What the door hands back.
//!
//! Owns [`Outcome`] and its parts. Refuses to judge what they mean for a feed.

use std::time::Duration;

use jiff::Timestamp;
use url::Url;

use super::trail::Trail;
use crate::article::publisher::host_key;
use crate::feed::answer::RateLimit;

/// What became of a request.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// 200: a document.
    Document(Document),
    /// 226: only what changed since the document that the validators sent are of (RFC 3229, `IM: feed`). It is merged;
    /// entries it does not name are not gone, and it says nothing about what was missed.
    Delta(Document),
    /// 304: nothing new. Only where validators were sent.
    NotModified(Headers),
    /// Any other status, and those above where nobody asked for them.
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

impl Outcome {
    /// Bytes of the body that came over the wire, packed as they were; also of one that broke off. Bodies of redirects
    /// and errors are not read.
    pub fn wire_bytes(&self) -> u64 {
        match self {
            Self::Document(document) | Self::Delta(document) => document.wire_bytes,
            Self::Failed(failure) => failure.wire_bytes,
            Self::NotModified(_) | Self::Status { .. } => 0,
        }
    }
}

/// A request that a redirect led to another host, as far as it has come.
#[derive(Debug, Clone)]
pub struct Onward {
    pub(super) trail: Trail,
    /// Whether private addresses are still allowed.
    pub(super) private: bool,
    /// What the host that redirects said is left of its allowance.
    pub rate_limit: Option<RateLimit>,
    /// When it answered.
    pub(super) obtained_at: Timestamp,
}

impl Onward {
    /// Where it goes on.
    pub fn url(&self) -> &Url {
        self.trail.current()
    }

    /// The host (registrable domain, or address) there.
    pub fn host(&self) -> String {
        host_key(self.url())
    }
}

/// A 200 or 226 with its body, decompressed.
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
    /// `Link` headers (RFC 8288), in order, resolved.
    pub links: Vec<Link>,
    /// Bytes of the body before decompression.
    pub wire_bytes: u64,
}

/// One `Link` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Where it leads, http or https.
    pub url: Url,
    /// Its relations, in lower case: `hub`, `self`, `alternate`.
    pub rel: Vec<String>,
    /// `type`, in lower case without parameters.
    pub media_type: Option<String>,
    /// `title`.
    pub title: Option<String>,
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
    /// How many requests the server still takes, where it says so.
    pub rate_limit: Option<RateLimit>,
}

/// Why there was no usable answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// Words for the owner: what happened and to whom, without secrets.
    pub detail: String,
    /// Bytes of the body that had come by then, packed as they were.
    pub wire_bytes: u64,
    /// The host that failed, where the one asked had answered with a redirect to it.
    pub sent_on_to: Option<String>,
    /// Whether anybody answered just before, with a redirect: then this machine has a network.
    pub is_reached: bool,
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
    /// The proxy cannot be reached or does not let us through: our side of the trouble, not the publisher's.
    Proxy,
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
