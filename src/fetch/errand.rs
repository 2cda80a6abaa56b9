//! One request on its way: along its redirects, past the guard, to the last byte of its answer.
//!
//! Owns what each hop is told and where it may go. Refuses to set up clients (`client.rs`) and to know which
//! redirects are sound (`trail.rs`).

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Response;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    IF_MODIFIED_SINCE, IF_NONE_MATCH,
};
use url::{Host, Url};

use super::body::{Body, BodyError};
use super::client::Way;
use super::failure::{self, host_of};
use super::guard::is_local_name;
use super::headers::{self, is_feed_delta};
use super::trail::{Redirects, Trail};
use super::{
    Document, Failure, FailureKind, Fetcher, Headers, Onward, Outcome, PAGE_BYTES_MAX, ROBOTS_BYTES_MAX,
    RequestKind, links,
};
use crate::article::publisher::host_key;
use crate::feed::access::{Access, Authorization};
use crate::feed::schedule::after;

/// Feed types by name, then generic ones, then whatever there is: some servers refuse `*/*` alone.
const FEEDS: &str = "application/rss+xml, application/atom+xml, application/feed+json, application/rdf+xml, \
                     application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, */*;q=0.1";

/// Pages by name, then whatever there is.
const PAGES: &str = "text/html, application/xhtml+xml, */*;q=0.1";

const ROBOTS: &str = "text/plain, */*;q=0.1";

/// An answer proves for so long that this machine has a network.
const REACHED_FOR: Duration = Duration::from_secs(5);

/// Longest `Content-Type` kept, bytes; it is for charset and kind alone.
const CONTENT_TYPE_BYTES_MAX: usize = 256;

/// Bytes read of the answer to a form; they are for a message alone.
const FORM_ANSWER_BYTES_MAX: usize = 4 << 10;

/// RFC 3229 section 10.5.3: which kinds of delta are understood.
const A_IM: HeaderName = HeaderName::from_static("a-im");

/// A request, as the door sees it.
pub(super) struct Errand<'request> {
    pub(super) url: &'request Url,
    pub(super) access: &'request Access,
    /// Whether private addresses are allowed at the start.
    pub(super) private: bool,
    pub(super) what: What<'request>,
    /// How far it has come before.
    pub(super) onward: Option<&'request Onward>,
}

/// How an errand ends that does not fail.
pub(super) enum Passage {
    Answered(Box<Outcome>),
    /// A redirect leads to another registrable domain, or address.
    SentOn(Box<Onward>),
}

/// What it is about.
#[derive(Clone, Copy)]
pub(super) enum What<'request> {
    Get {
        kind: RequestKind,
        etag: Option<&'request [u8]>,
        last_modified: Option<&'request [u8]>,
        /// The origin that both are for.
        validators_from: &'request str,
    },
    /// A form, encoded.
    Form(&'request str),
}

/// How far a request has come, for whoever stops waiting for it.
#[derive(Default)]
pub(super) struct Progress {
    /// Bytes of bodies so far.
    pub(super) wire_bytes: AtomicU64,
    /// The host that the last redirect led to.
    hop: Mutex<Option<String>>,
    /// Whether anybody answered, now or just before.
    pub(super) is_reached: AtomicBool,
}

impl Progress {
    pub(super) fn of(onward: Option<&Onward>, now: Timestamp) -> Self {
        let hop = onward.map(|onward| host_of(onward.url()));
        let is_reached = onward.is_some_and(|onward| now <= after(onward.obtained_at, REACHED_FOR));
        Self { hop: Mutex::new(hop), is_reached: AtomicBool::new(is_reached), ..Self::default() }
    }

    /// The host that a redirect led to; `None` while the one asked has not answered.
    pub(super) fn sent_on_to(&self) -> Option<String> {
        self.hop.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn send_on(&self, host: String) {
        self.is_reached.store(true, Ordering::Relaxed);
        *self.hop.lock().unwrap_or_else(PoisonError::into_inner) = Some(host);
    }
}

/// The answer to one hop.
struct Answer {
    response: Response,
    /// Whether `If-None-Match` or `If-Modified-Since` was sent.
    was_conditional: bool,
    /// Whether `A-IM: feed` was sent.
    asked_for_delta: bool,
}

impl Errand<'_> {
    /// Sends the request along its redirects, as far as one host goes, and reads the last answer. Bytes of its body are
    /// counted in `progress` as they come.
    pub(super) async fn run(
        &self,
        door: &Fetcher,
        progress: &Progress,
        now: Timestamp,
    ) -> Result<Passage, Failure> {
        let way = door.ways.choose(&self.access.proxy).await?;
        let (mut trail, mut private) = match self.onward {
            Some(onward) => (onward.trail.clone(), onward.private),
            None => (self.trail()?, self.private),
        };
        let host = host_key(trail.current());
        loop {
            let answer = self.send(door, &way, &trail, private).await?;
            let response = &answer.response;
            let code = response.status().as_u16();
            let from_inside = answered_from_inside(door, &way, &trail, response);
            if trail.follow(code, response.headers())? {
                // A public server must not steer us into the owner's network. Behind a proxy a private name looks like
                // any other, so there permission lasts on the same host.
                let same_host = trail.previous().is_some_and(|it| it.host() == trail.current().host());
                private &= from_inside || (way.proxy.is_some() && same_host);
                if host_key(trail.current()) != host {
                    let rate_limit = headers::read(response.headers(), now).rate_limit;
                    let onward = Onward { trail, private, rate_limit, obtained_at: now };
                    return Ok(Passage::SentOn(Box::new(onward)));
                }
                progress.send_on(host_of(trail.current()));
                continue;
            }
            if let Some(proxy) = way.proxy.as_ref().filter(|_| code == 407) {
                return Err(Failure::proxy_account(proxy));
            }
            let headers = headers::read(response.headers(), now);
            let is_get = matches!(self.what, What::Get { .. });
            let is_challenge = failure::is_challenge(response.headers());
            let outcome = match code {
                200 if is_get && !is_challenge => {
                    Outcome::Document(self.read(door, &way, answer, &trail, headers, progress).await?)
                }
                226 if answer.asked_for_delta && is_feed_delta(response.headers()) => {
                    Outcome::Delta(self.read(door, &way, answer, &trail, headers, progress).await?)
                }
                304 if answer.was_conditional => Outcome::NotModified(headers),
                _ => self.status(answer, &trail, headers, progress).await,
            };
            return Ok(Passage::Answered(Box::new(outcome)));
        }
    }

    fn trail(&self) -> Result<Trail, Failure> {
        let redirects = match self.what {
            What::Get { .. } => Redirects::All,
            What::Form(_) => Redirects::SameMethod,
        };
        if self.access.authorization.is_none() {
            return Trail::new(self.url, redirects);
        }
        // What was configured beside the address outranks what stands in it.
        let mut url = self.url.clone();
        // They fail only for addresses without a host, which the trail refuses.
        if url.set_username("").and_then(|()| url.set_password(None)).is_err() {
            return Trail::new(self.url, redirects);
        }
        Trail::new(&url, redirects)
    }

    /// Sends one hop and waits for its headers.
    async fn send(&self, door: &Fetcher, way: &Way, trail: &Trail, private: bool) -> Result<Answer, Failure> {
        pass(door, way, trail.current(), private)?;
        let client = way.client(private);
        let mut hop_headers = HeaderMap::new();
        let (mut was_conditional, mut asked_for_delta) = (false, false);
        let hop = match self.what {
            What::Get { kind, etag, last_modified, validators_from } => {
                let accepted = match kind {
                    RequestKind::Feed => FEEDS,
                    RequestKind::Page => PAGES,
                    RequestKind::Robots => ROBOTS,
                };
                hop_headers.insert(ACCEPT, HeaderValue::from_static(accepted));
                if trail.may_have_validators(validators_from) {
                    let validators =
                        validator_headers([(IF_NONE_MATCH, etag), (IF_MODIFIED_SINCE, last_modified)]);
                    was_conditional = !validators.is_empty();
                    // A delta is told from the document that the entity tag names (RFC 3229 section 10.5.3).
                    asked_for_delta = kind == RequestKind::Feed && validators.contains_key(IF_NONE_MATCH);
                    hop_headers.extend(validators);
                }
                if asked_for_delta {
                    hop_headers.insert(A_IM, HeaderValue::from_static("feed"));
                }
                client.get(trail.request_url())
            }
            What::Form(body) => {
                let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
                hop_headers.insert(CONTENT_TYPE, kind);
                hop_headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
                client.post(trail.request_url()).body(body.to_owned())
            }
        };
        let mut hop = hop.headers(hop_headers);
        if trail.may_have_credentials() {
            hop = hop.headers(own_headers(self.access));
            hop = match &self.access.authorization {
                None => hop,
                Some(Authorization::Basic { user, password }) => {
                    hop.basic_auth(user, Some(password.expose()))
                }
                Some(Authorization::Bearer(token)) => hop.bearer_auth(token.expose()),
            };
        }
        let response = hop.send().await.map_err(|error| broken(&error, door, way, trail))?;
        Ok(Answer { response, was_conditional, asked_for_delta })
    }

    /// Reads a document, and no more of it than the limit.
    async fn read(
        &self,
        door: &Fetcher,
        way: &Way,
        answer: Answer,
        trail: &Trail,
        headers: Headers,
        progress: &Progress,
    ) -> Result<Document, Failure> {
        let mut response = answer.response;
        let host = host_of(trail.current());
        let limit = door.options.body_bytes_max;
        let bytes_max = match self.what {
            What::Get { kind: RequestKind::Page, .. } => limit.min(PAGE_BYTES_MAX),
            What::Get { kind: RequestKind::Robots, .. } => limit.min(ROBOTS_BYTES_MAX),
            _ => limit,
        };
        let unusable = |error: BodyError| match error {
            BodyError::TooLarge => Failure::too_large(&host, bytes_max),
            other => Failure::new(FailureKind::Protocol, format!("The answer from {host} is {other}")),
        };
        if response.content_length().is_some_and(|length| length > bytes_max as u64) {
            return Err(unusable(BodyError::TooLarge));
        }
        let mut body = Body::new(response.headers(), bytes_max).map_err(unusable)?;
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    progress.wire_bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed);
                    body.push(&chunk).map_err(unusable)?;
                }
                Ok(None) => break,
                Err(error) => return Err(broken(&error, door, way, trail)),
            }
        }
        let content_type = response.headers().get(CONTENT_TYPE).map(|value| {
            let bytes = value.as_bytes();
            String::from_utf8_lossy(bytes.get(..CONTENT_TYPE_BYTES_MAX).unwrap_or(bytes)).into_owned()
        });
        // A move to another origin would part the owner's password from the address it was given for.
        let may_move = !self.access.has_credentials() || trail.may_have_credentials();
        Ok(Document {
            bytes: body.finish().map_err(unusable)?,
            url: trail.current().clone(),
            content_type,
            moved_to: trail.moved_to().filter(|_| may_move),
            headers,
            links: links::read(response.headers(), trail.current()),
            wire_bytes: progress.wire_bytes.load(Ordering::Relaxed),
        })
    }

    /// An answer that brings no document, in words. Of the answer to a form, the first words are kept.
    async fn status(&self, answer: Answer, trail: &Trail, headers: Headers, progress: &Progress) -> Outcome {
        let mut response = answer.response;
        let code = response.status().as_u16();
        let host = host_of(trail.current());
        if matches!(self.what, What::Get { .. }) {
            let detail = failure::status_in_words(code, response.headers(), &host);
            return Outcome::Status { code, headers, detail };
        }
        let mut text = Vec::new();
        // What breaks off is as good as what ends: it is only for a message.
        while let Ok(Some(chunk)) = response.chunk().await {
            progress.wire_bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            let room = FORM_ANSWER_BYTES_MAX - text.len();
            text.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
            if text.len() >= FORM_ANSWER_BYTES_MAX {
                break;
            }
        }
        let detail = failure::form_in_words(code, response.headers(), &host, &text);
        Outcome::Status { code, headers, detail }
    }
}

fn broken(error: &reqwest::Error, door: &Fetcher, way: &Way, trail: &Trail) -> Failure {
    failure::classify(error, &host_of(trail.current()), way.proxy.as_deref(), &door.options)
}

/// Refuses a hop that the guard would not see: address literals, for which no name is looked up, and names that
/// somebody else looks up.
pub(super) fn pass(door: &Fetcher, way: &Way, url: &Url, private: bool) -> Result<(), Failure> {
    let host = host_of(url);
    let name = url.domain().map(|name| name.trim_end_matches('.').to_ascii_lowercase());
    // RFC 7686: never ask DNS for these, not even to hear that there is no such name.
    if name.as_ref().is_some_and(|name| is_onion(name)) && !way.resolves_names() {
        return Err(Failure::onion(&host));
    }
    if private {
        return Ok(());
    }
    if let Some(why) = literal(url).and_then(|address| door.guard.refusal(address)) {
        return Err(Failure::forbidden(&host, why));
    }
    let (Some(proxy), Some(name)) = (&way.proxy, name) else { return Ok(()) };
    if name == proxy.host() {
        return Err(Failure::forbidden(&host, "the proxy itself"));
    }
    if is_local_name(&name) {
        return Err(Failure::forbidden(&host, "a name of the network the proxy is in"));
    }
    Ok(())
}

fn is_onion(name: &str) -> bool {
    name.rsplit('.').next() == Some("onion")
}

fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(IpAddr::V4(address)),
        Host::Ipv6(address) => Some(IpAddr::V6(address)),
        Host::Domain(_) => None,
    }
}

/// Whether the answer came from a private address. Behind a proxy, the peer is the proxy and only the address asked
/// for can tell.
fn answered_from_inside(door: &Fetcher, way: &Way, trail: &Trail, response: &Response) -> bool {
    if way.proxy.is_some() {
        let url = trail.current();
        let by_address = literal(url).is_some_and(|address| door.guard.refusal(address).is_some());
        return by_address || url.domain().is_some_and(is_local_name);
    }
    response.remote_addr().is_some_and(|peer| door.guard.refusal(peer.ip()).is_some())
}

/// Validators as they came. One that no header can hold is left out: the answer is then a full one.
fn validator_headers(validators: [(HeaderName, Option<&[u8]>); 2]) -> HeaderMap {
    let valid = validators.into_iter().filter_map(|(name, value)| {
        let value = HeaderValue::from_bytes(value?).ok()?;
        Some((name, value))
    });
    valid.collect()
}

/// The owner's headers, marked so that nothing on the way writes them down. `Authorization` has its own place.
pub(super) fn own_headers(access: &Access) -> HeaderMap {
    let valid = access.headers.iter().filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok().filter(|name| name != AUTHORIZATION)?;
        let mut value = HeaderValue::from_str(value.expose()).ok()?;
        value.set_sensitive(true);
        Some((name, value))
    });
    valid.collect()
}
