//! Where links in mails lead: `/f/{token}`.
//!
//! Owns the pages and what they let a browser do: nothing but send the one form. A GET asks, a POST does: mail scanners and
//! previews follow every link. The POST of RFC 8058 (one-click unsubscribe) is the same POST. Refuses to know tokens: they are
//! handed in, and nothing of them is written down.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use hyper::body::Body as _;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::delivery::follow_up::PATH;

/// Clicks waiting at most.
const CLICKS_MAX: usize = 32;

/// Time within which a click is answered.
const ANSWER_FOR: Duration = Duration::from_secs(5);

/// Bytes of a form that are taken in; what it says does not matter.
const FORM_BYTES_MAX: usize = 4 << 10;

/// Time to send it.
const FORM_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest token, bytes.
const TOKEN_BYTES_MAX: usize = 200;

/// Somebody followed a link and waits for an answer; one that is dropped unanswered is a 503.
#[derive(Debug)]
pub struct Click {
    /// The token in the link.
    pub token: String,
    /// Whether it is to be done, and not only shown.
    pub is_meant: bool,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Page>,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// What the link would do: a button to do it.
    Ask {
        /// On the button.
        button: String,
        /// What it is about, on one line each.
        lines: Vec<String>,
    },
    /// It is done, now or before.
    Done {
        /// What is.
        lines: Vec<String>,
    },
    /// The link was ours, and is too old.
    Expired,
    /// The link is not ours.
    Unknown,
}

/// The way in, for the door.
#[derive(Debug, Clone)]
pub struct FollowUps(Sender<Click>);

impl FollowUps {
    /// The way in, and where clicks come out.
    pub fn new() -> (Self, Receiver<Click>) {
        let (clicks, clicked) = channel(CLICKS_MAX);
        (Self(clicks), clicked)
    }
}

/// The routes of this file.
pub(super) fn routes(follow_ups: FollowUps) -> Router {
    Router::new().route(&format!("{PATH}{{token}}"), any(followed)).with_state(follow_ups)
}

async fn followed(
    State(follow_ups): State<FollowUps>,
    Path(token): Path<String>,
    request: Request,
) -> Response {
    let is_meant = match *request.method() {
        Method::GET | Method::HEAD => false,
        Method::POST => true,
        _ => return (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, HEAD, POST")]).into_response(),
    };
    if token.len() > TOKEN_BYTES_MAX {
        return show(&Page::Unknown);
    }
    if is_meant && !matches!(timeout(FORM_TIMEOUT, drain(request.into_body())).await, Ok(true)) {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let (answer, answered) = oneshot::channel();
    if follow_ups.0.try_send(Click { token, is_meant, answer }).is_err() {
        return busy();
    }
    match timeout(ANSWER_FOR, answered).await {
        Ok(Ok(page)) => show(&page),
        Ok(Err(_)) | Err(_) => busy(),
    }
}

/// Takes a form in and forgets it; false when it is too large or breaks off.
async fn drain(mut body: Body) -> bool {
    let mut count = 0;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(frame) = frame else { return false };
        count += frame.data_ref().map_or(0, hyper::body::Bytes::len);
        if count > FORM_BYTES_MAX {
            return false;
        }
    }
    true
}

fn busy() -> Response {
    let lines = vec!["Wirewatch cannot answer at the moment. Please try again in a minute.".to_owned()];
    let mut response = page(StatusCode::SERVICE_UNAVAILABLE, "Please try again", &lines, None);
    response.headers_mut().insert(RETRY_AFTER, axum::http::HeaderValue::from_static("60"));
    response
}

fn show(answer: &Page) -> Response {
    match answer {
        Page::Ask { button, lines } => page(StatusCode::OK, button, lines, Some(button)),
        Page::Done { lines } => page(StatusCode::OK, "Done", lines, None),
        Page::Expired => {
            let lines = vec![
                "Links work for 30 days. The alert itself is still there: wirewatch alerts show has it."
                    .to_owned(),
            ];
            page(StatusCode::GONE, "This link is too old", &lines, None)
        }
        Page::Unknown => {
            let lines = vec!["Perhaps a part of the address was lost on the way.".to_owned()];
            page(StatusCode::NOT_FOUND, "There is no such link", &lines, None)
        }
    }
}

/// What a browser may do with a page: apply its style and send its form to where it came from. No script, nothing fetched, no
/// frame, no trace in the next page's logs, no copy in a cache.
const HEADERS: [(HeaderName, &str); 7] = [
    (CONTENT_TYPE, "text/html; charset=utf-8"),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-store"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
];

const STYLE: &str = "body{margin:0;font:17px/1.5 system-ui,sans-serif;color:#1b2229;background:#fff}\
main{max-width:36em;margin:0 auto;padding:2em 1.2em}h1{font-size:1.4em;margin:0 0 .6em}\
p{margin:0 0 .8em;overflow-wrap:anywhere}\
button{font:inherit;font-weight:600;padding:.7em 1.4em;border:0;border-radius:6px;color:#fff;background:#175cd3}\
@media(prefers-color-scheme:dark){body{color:#e6e9ec;background:#101418}}";

fn page(status: StatusCode, title: &str, lines: &[String], button: Option<&str>) -> Response {
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{0} · Wirewatch</title><style>{STYLE}</style></head>\
         <body><main><h1>{0}</h1>\n",
        escape(title)
    );
    for line in lines {
        html.extend(["<p dir=\"auto\">", &escape(line), "</p>\n"]);
    }
    if let Some(button) = button {
        // Without an action the form goes back to the address of the page, whatever path a proxy gave it.
        html.extend(["<form method=\"post\"><button>", &escape(button), "</button></form>\n"]);
    }
    html.push_str("</main></body></html>\n");
    (status, HEADERS, html).into_response()
}

/// Text as HTML shows it, in an element or a quoted attribute.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}
