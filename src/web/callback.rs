//! Where hubs knock: `/websub/{callback}` (WebSub sections 5.2, 5.3 and 7).
//!
//! Owns the grammar of their calls and what they are answered. A caller that does not know a callback learns nothing:
//! 404. A delivery is read up to the limit, put in a bounded queue and answered at once; a full queue is a 503, and the
//! hub comes again. Refuses to judge: claims and deliveries are handed to whoever keeps the subscriptions.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{ALLOW, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use hyper::body::Body as _;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;
use tokio::time::timeout;
use url::form_urlencoded;

use crate::feed::subscription::{Callback, Claim, Mode, Verdict};

/// The path under which callbacks stand.
pub const PATH: &str = "/websub/";

/// Time to send a delivery.
const BODY_TIMEOUT: Duration = Duration::from_secs(20);

/// Time within which a claim is judged; a hub does not wait much longer.
const JUDGE_FOR: Duration = Duration::from_secs(5);

/// Claims waiting at most.
const CLAIMS_MAX: usize = 64;

/// Bytes of deliveries waiting at most, as long as two of the largest fit.
const WAITING_BYTES_MAX: usize = 64 << 20;

/// Longest challenge echoed, bytes.
const CHALLENGE_BYTES_MAX: usize = 4096;

/// Signatures of a delivery looked at.
const SIGNATURES_MAX: usize = 8;

/// Longest `Content-Type` kept, bytes.
const CONTENT_TYPE_BYTES_MAX: usize = 256;

/// A hub's call that waits for an answer; one that is dropped unanswered is a 503.
#[derive(Debug)]
pub struct Call {
    /// Where it knocked.
    pub callback: Callback,
    /// What it says.
    pub saying: Saying,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Verdict>,
}

/// What a hub says with a GET.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saying {
    /// "Did you ask for this?"
    Verify(Claim),
    /// "You have no subscription here."
    Denied {
        /// `hub.topic`.
        topic: String,
        /// `hub.reason`, at most a line.
        reason: String,
    },
}

/// A document that came by a callback. Nothing about it is believed yet.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Where.
    pub callback: Callback,
    /// Values of `X-Hub-Signature`.
    pub signatures: Vec<Vec<u8>>,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// The document.
    pub body: Vec<u8>,
}

/// How a callback is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It takes deliveries.
    Open,
    /// Deliveries are gone (410), and the hub may verify that it is to stop.
    Leaving,
}

/// The callbacks that exist, shared by the door and whoever keeps the subscriptions.
#[derive(Debug, Clone)]
pub struct Callbacks {
    known: Arc<RwLock<HashMap<Callback, Standing>>>,
    calls: Sender<Call>,
    deliveries: Sender<Delivery>,
    body_bytes_max: usize,
}

/// What hubs bring.
#[derive(Debug)]
pub struct Inbox {
    /// Calls that wait for an answer.
    pub calls: Receiver<Call>,
    /// Deliveries.
    pub deliveries: Receiver<Delivery>,
}

impl Callbacks {
    /// No callback yet; deliveries hold at most this many bytes.
    pub fn new(body_bytes_max: usize) -> (Self, Inbox) {
        let waiting_max = (WAITING_BYTES_MAX / body_bytes_max.max(1)).clamp(2, 64);
        let (calls, called) = channel(CLAIMS_MAX);
        let (deliveries, delivered) = channel(waiting_max);
        let known = Arc::new(RwLock::new(HashMap::new()));
        (Self { known, calls, deliveries, body_bytes_max }, Inbox { calls: called, deliveries: delivered })
    }

    /// Opens a callback, or changes how it is answered.
    pub fn put(&self, callback: Callback, standing: Standing) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(callback, standing);
    }

    /// Closes a callback.
    pub fn remove(&self, callback: &Callback) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).remove(callback);
    }

    fn standing(&self, callback: &Callback) -> Option<Standing> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(callback).copied()
    }
}

/// The routes of this file.
pub(super) fn routes(callbacks: Callbacks) -> Router {
    Router::new().route(&format!("{PATH}{{callback}}"), any(knock)).with_state(callbacks)
}

async fn knock(
    State(callbacks): State<Callbacks>,
    Path(callback): Path<String>,
    request: Request,
) -> Response {
    let callback = Callback::from_text(&callback);
    let Some(standing) = callbacks.standing(&callback) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match (request.method(), standing) {
        // Not HEAD: it would use up what a hub may verify once.
        (&Method::GET, _) => claim(&callbacks, callback, request.uri().query().unwrap_or_default()).await,
        (&Method::POST, Standing::Open) => deliver(&callbacks, callback, request).await,
        (&Method::POST, Standing::Leaving) => StatusCode::GONE.into_response(),
        _ => (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, POST")]).into_response(),
    }
}

/// A GET: the hub verifies, or says no.
async fn claim(callbacks: &Callbacks, callback: Callback, query: &str) -> Response {
    let Some((saying, challenge)) = read_saying(query) else { return StatusCode::NOT_FOUND.into_response() };
    let (answer, verdict) = oneshot::channel();
    if callbacks.calls.try_send(Call { callback, saying, answer }).is_err() {
        return busy();
    }
    match timeout(JUDGE_FOR, verdict).await {
        Ok(Ok(Verdict::Confirmed | Verdict::Ended)) => {
            // Plain text and nothing else: the words are the caller's.
            let headers =
                [("content-type", "text/plain; charset=utf-8"), ("x-content-type-options", "nosniff")];
            (StatusCode::OK, headers, challenge).into_response()
        }
        Ok(Ok(Verdict::Unknown)) => StatusCode::NOT_FOUND.into_response(),
        Ok(Err(_)) | Err(_) => busy(),
    }
}

/// What a query says, with the challenge to be echoed; `None` when it is nothing a hub says.
fn read_saying(query: &str) -> Option<(Saying, String)> {
    let mut fields: HashMap<String, String> = HashMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        // The first of a name counts; topics may have queries of their own, already encoded.
        fields.entry(name.into_owned()).or_insert_with(|| value.into_owned());
    }
    let topic = fields.remove("hub.topic")?;
    let mode = fields.remove("hub.mode")?;
    if mode == "denied" {
        let reason = fields.remove("hub.reason").unwrap_or_default();
        return Some((Saying::Denied { topic, reason }, String::new()));
    }
    let mode = Mode::from_text(&mode)?;
    let challenge = fields.remove("hub.challenge").filter(|text| text.len() <= CHALLENGE_BYTES_MAX)?;
    let lease = fields.get("hub.lease_seconds").and_then(|text| text.trim().parse().ok());
    Some((Saying::Verify(Claim { mode, topic, lease: lease.map(Duration::from_secs) }), challenge))
}

/// A POST: the hub delivers. Its place in the queue is taken before its body is read.
async fn deliver(callbacks: &Callbacks, callback: Callback, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let declared =
        head.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > callbacks.body_bytes_max as u64) {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    }
    if head
        .headers
        .get(CONTENT_ENCODING)
        .is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    let Ok(place) = callbacks.deliveries.try_reserve() else { return busy() };
    let body = match timeout(BODY_TIMEOUT, read(body, callbacks.body_bytes_max)).await {
        Ok(Ok(body)) => body,
        Ok(Err(status)) => return status.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    place.send(Delivery {
        callback,
        signatures: signatures(&head.headers),
        content_type: head.headers.get(CONTENT_TYPE).map(|value| {
            let bytes = value.as_bytes();
            String::from_utf8_lossy(bytes.get(..CONTENT_TYPE_BYTES_MAX).unwrap_or(bytes)).into_owned()
        }),
        body,
    });
    // Also for one that will be ignored: who sends it must not learn whether its signature was right (section 7.1.2).
    StatusCode::ACCEPTED.into_response()
}

fn signatures(headers: &HeaderMap) -> Vec<Vec<u8>> {
    let values = headers.get_all("x-hub-signature").iter().take(SIGNATURES_MAX);
    values.map(|value| value.as_bytes().to_vec()).collect()
}

/// A body, and no more of it than the limit.
async fn read(mut body: Body, bytes_max: usize) -> Result<Vec<u8>, StatusCode> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|_broken| StatusCode::BAD_REQUEST)?;
        // Trailers say nothing to us.
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > bytes_max {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// There is no room now; the hub is to come again.
fn busy() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "30")]).into_response()
}
