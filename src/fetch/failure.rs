//! Failures and statuses in an owner's words.
//!
//! Owns the classification of the client's errors and every sentence about them. Sentences name the host
//! and never more of an address: paths and queries carry keys, and user information is a password.

use std::error::Error;
use std::io;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use url::Url;

use super::guard::ResolveError;
use super::{Failure, FailureKind, Options};
use crate::feed::access::Proxy;

/// Causes looked at in a chain of errors.
const CAUSES_MAX: usize = 16;

impl Failure {
    pub(super) fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), wire_bytes: 0, sent_on_to: None, is_reached: false }
    }

    /// An address the guard refuses.
    pub(super) fn forbidden(what: &str, why: &str) -> Self {
        Self::new(
            FailureKind::Forbidden,
            format!(
                "{what} is {why}, and those are not polled. If this feed is yours, set \
                 `allow_private_addresses = true` for it"
            ),
        )
    }

    /// The whole request ran out of time.
    pub(super) fn total_timeout(host: &str, options: &Options) -> Self {
        let within = in_words(options.total_timeout);
        Self::new(FailureKind::Timeout, format!("No complete answer from {host} within {within}"))
    }

    /// A name that only a proxy can resolve, and no such proxy.
    pub(super) fn onion(host: &str) -> Self {
        let detail = format!(
            "{host} is an onion address, which is reached through Tor alone; set \
             `proxy = \"socks5h://127.0.0.1:9050\"` for this feed"
        );
        Self::new(FailureKind::Dns, detail)
    }

    /// The proxy wants to know who asks, and does not like the answer.
    pub(super) fn proxy_account(proxy: &Proxy) -> Self {
        let shown = proxy.shown();
        Self::new(
            FailureKind::Proxy,
            format!("The proxy {shown} does not accept this user and password; correct `proxy`"),
        )
    }

    /// The limit on bodies was reached.
    pub(super) fn too_large(host: &str, bytes_max: usize) -> Self {
        let limit = bytes_in_words(bytes_max);
        Self::new(
            FailureKind::TooLarge,
            format!(
                "The answer from {host} is larger than {limit}, the limit for one document; none of it is used"
            ),
        )
    }
}

/// Classifies what the client reports about `host`, asked through `proxy` if there is one.
pub(super) fn classify(
    error: &reqwest::Error,
    host: &str,
    proxy: Option<&Proxy>,
    options: &Options,
) -> Failure {
    let causes = causes(error);
    if let Some(resolve) = find::<ResolveError>(&causes) {
        return unresolved(resolve, proxy);
    }
    if let Some(tls) = find::<rustls::Error>(&causes) {
        return Failure::new(FailureKind::Tls, tls_in_words(tls, host));
    }
    let connecting = error.is_connect();
    if let Some(proxy) = proxy.filter(|_| connecting) {
        return not_through(proxy, host, error.is_timeout(), &causes, options);
    }
    if error.is_timeout() {
        let detail = if connecting {
            format!("No connection to {host} within {}", in_words(options.connect_timeout))
        } else {
            format!("{host} sent nothing for {}", in_words(options.read_timeout))
        };
        return Failure::new(FailureKind::Timeout, detail);
    }
    let io_kind = find::<io::Error>(&causes).map(io::Error::kind);
    match (connecting, io_kind) {
        (true, Some(io::ErrorKind::ConnectionRefused)) => Failure::new(
            FailureKind::Connect,
            format!("{host} refuses the connection: no server listens on that port"),
        ),
        (true, Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable)) => Failure::new(
            FailureKind::Connect,
            format!("{host} cannot be reached: no route; check this machine's network"),
        ),
        (true, Some(io::ErrorKind::UnexpectedEof)) => {
            Failure::new(FailureKind::Tls, format!("{host} closed the connection during the TLS handshake"))
        }
        (true, Some(kind)) => {
            Failure::new(FailureKind::Connect, format!("No connection to {host} could be made: {kind}"))
        }
        (true, None) => Failure::new(FailureKind::Connect, format!("No connection to {host} could be made")),
        (false, _) => {
            Failure::new(FailureKind::Protocol, format!("The answer from {host} broke off or is not HTTP"))
        }
    }
}

/// Why there is no connection through a proxy: because of it, or because of what lies behind it. The client's errors
/// for that have no types we could name, but fixed words.
fn not_through(
    proxy: &Proxy,
    host: &str,
    timed_out: bool,
    causes: &[&dyn Error],
    options: &Options,
) -> Failure {
    let shown = proxy.shown();
    if timed_out {
        let within = in_words(options.connect_timeout);
        let detail = format!("No connection to {host} through the proxy {shown} within {within}");
        return Failure::new(FailureKind::Timeout, detail);
    }
    let said = causes.iter().map(ToString::to_string).find_map(|words| {
        let said = words.strip_prefix("SOCKS error: ").or_else(|| words.strip_prefix("tunnel error: "));
        said.map(str::to_owned)
    });
    match said.as_deref() {
        Some("credentials not accepted" | "proxy authorization required") => Failure::proxy_account(proxy),
        Some("connection not allowed") => Failure::new(
            FailureKind::Proxy,
            format!("The proxy {shown} does not allow connections to {host}"),
        ),
        Some(
            words @ ("general server failure"
            | "network unreachable"
            | "host unreachable"
            | "connection refused"
            | "ttl expired"
            | "unsuccessful"),
        ) => Failure::new(FailureKind::Connect, format!("The proxy {shown} does not reach {host}: {words}")),
        _ => Failure::new(
            FailureKind::Proxy,
            format!("The proxy {shown} cannot be used: no answer, or not of a proxy; is it running?"),
        ),
    }
}

fn unresolved(error: &ResolveError, proxy: Option<&Proxy>) -> Failure {
    match error {
        ResolveError::Unknown { name } if proxy.is_some_and(|proxy| proxy.host() == *name) => {
            Failure::new(FailureKind::Proxy, format!("The name of the proxy, {name}, does not resolve"))
        }
        ResolveError::Unknown { name } => Failure::new(
            FailureKind::Dns,
            format!("Name {name} does not resolve; check the spelling or this machine's DNS"),
        ),
        ResolveError::Forbidden { name, address, why } => {
            Failure::forbidden(&format!("{name} resolves to {address}, which"), why)
        }
    }
}

/// The chain of causes. An `io::Error` hides the error it wraps from `source`, so it is opened by hand.
fn causes<'error>(error: &'error (dyn Error + 'static)) -> Vec<&'error (dyn Error + 'static)> {
    let mut causes = Vec::new();
    let mut next = Some(error);
    while let Some(cause) = next.filter(|_| causes.len() < CAUSES_MAX) {
        causes.push(cause);
        let wrapped = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = wrapped.map(|inner| inner as &(dyn Error + 'static)).or_else(|| cause.source());
    }
    causes
}

fn find<'error, E: Error + 'static>(causes: &[&'error (dyn Error + 'static)]) -> Option<&'error E> {
    causes.iter().find_map(|cause| cause.downcast_ref())
}

fn tls_in_words(error: &rustls::Error, host: &str) -> String {
    use rustls::CertificateError as Bad;
    let rustls::Error::InvalidCertificate(bad) = error else {
        return format!("No secure connection to {host}: {error}");
    };
    let reason = match bad {
        Bad::Expired | Bad::ExpiredContext { .. } => "expired; its operator must renew it".to_owned(),
        Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
            "not valid yet; check this machine's clock".to_owned()
        }
        Bad::NotValidForName | Bad::NotValidForNameContext { .. } => "made out to another name".to_owned(),
        Bad::UnknownIssuer => "signed by an authority this machine does not know".to_owned(),
        Bad::Revoked => "revoked".to_owned(),
        other => format!("{other:?}").chars().take(120).collect(),
    };
    format!("Certificate of {host} is not valid: {reason}")
}

/// Cloudflare's own mark on challenge pages; they come with 403, 429 or 503, and whatever an owner of a site set.
pub(super) fn is_challenge(headers: &HeaderMap) -> bool {
    headers.get("cf-mitigated").is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"challenge"))
}

/// What a status that brings no document means to the owner of the feed list.
pub(super) fn status_in_words(code: u16, headers: &HeaderMap, host: &str) -> String {
    if is_challenge(headers) {
        return format!(
            "Cloudflare asks this address to prove it is a browser (status {code}); ask the publisher of \
             {host} to let feed readers through"
        );
    }
    let meaning = match code {
        226 => "sends only what changed, in a way nobody asked for",
        304 => "says that nothing changed, but was not asked",
        301 | 302 | 303 | 307 | 308 => "redirects without saying where",
        401 => "asks for a name and a password",
        403 => "refuses access to this address",
        404 => "has no such page",
        406 => "does not offer this in a form that feed readers take",
        407 | 511 => "is behind a network that asks for a login",
        410 => "says that the feed is gone for good",
        429 => "is limiting requests from this address",
        451 => "withholds this for legal reasons",
        500 => "has an internal error",
        502 | 504 => "does not reach its own server behind the gateway",
        503 => "is overloaded or under maintenance",
        520..=530 => "does not answer its own front (Cloudflare)",
        _ if (400..500).contains(&code) => "rejects the request",
        _ if (500..600).contains(&code) => "is in trouble",
        _ => "gives an answer that is no document",
    };
    format!("{host} {meaning} (status {code})")
}

/// What a server says to a form: its status, and the first words of its body when it is text.
pub(super) fn form_in_words(code: u16, headers: &HeaderMap, host: &str, body: &[u8]) -> String {
    const LETTERS_MAX: usize = 200;
    let words = if (200..300).contains(&code) {
        format!("{host} accepts (status {code})")
    } else {
        status_in_words(code, headers, host)
    };
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("text/plain");
    if !kind.trim_start().to_ascii_lowercase().starts_with("text/plain") {
        return words;
    }
    let text = String::from_utf8_lossy(body);
    let clean = |letter: char| if letter.is_control() { ' ' } else { letter };
    let text: String = text.chars().take(LETTERS_MAX).map(clean).collect();
    let said = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if said.is_empty() { words } else { format!("{words}: {said}") }
}

/// The part of an address that may be told: the host, with its port when it is not the usual one.
pub(super) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or("an address without a host");
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn in_words(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

fn bytes_in_words(bytes: usize) -> String {
    if bytes >= 1 << 20 && bytes.is_multiple_of(1 << 20) {
        format!("{} MiB", bytes >> 20)
    } else {
        format!("{bytes} bytes")
    }
}
