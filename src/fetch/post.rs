//! JSON posted to an address its owner configured: one request, no redirects.
//!
//! Owns what such a request carries and which of its answer is kept. It is guarded like every other: a private address is
//! refused unless it is allowed. Refuses to follow: whoever answers with a redirect is not who was meant to be told.

use jiff::Timestamp;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue};
use url::Url;

use super::errand::{own_headers, pass};
use super::failure::{self, host_of};
use super::{Failure, Fetcher, Headers, headers};
use crate::feed::access::{Access, Authorization};

/// Bytes read of an answer; they are for a message alone.
const ANSWER_BYTES_MAX: usize = 1 << 10;

/// Characters of an answer that are kept.
const ANSWER_CHARS_MAX: usize = 200;

/// Something to be posted.
#[derive(Debug, Clone)]
pub struct Post {
    /// Where.
    pub url: Url,
    /// A token and headers for it, and the way there.
    pub access: Access,
    /// Whether private addresses are allowed.
    pub allow_private_addresses: bool,
    /// Further headers: name in lower case, and value.
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub body: Vec<u8>,
}

/// What became of it.
#[derive(Debug, Clone)]
pub enum Posted {
    /// There was an answer.
    Answered {
        /// HTTP status code.
        code: u16,
        /// Its headers.
        headers: Headers,
        /// Its first words, on one line.
        words: String,
    },
    /// There was none.
    Failed(Failure),
}

impl Fetcher {
    /// Posts JSON. `now` is for an answer that names a date.
    pub async fn post(&self, post: &Post, now: Timestamp) -> Posted {
        match tokio::time::timeout(self.options.total_timeout, self.deliver(post, now)).await {
            Ok(Ok(answered)) => answered,
            Ok(Err(failure)) => Posted::Failed(failure),
            Err(_elapsed) => Posted::Failed(Failure::total_timeout(&host_of(&post.url), &self.options)),
        }
    }

    async fn deliver(&self, post: &Post, now: Timestamp) -> Result<Posted, Failure> {
        let way = self.ways.choose(&post.access.proxy).await?;
        pass(self, &way, &post.url, post.allow_private_addresses)?;
        let mut request = way.client(post.allow_private_addresses).post(post.url.clone());
        request = request
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header(ACCEPT, HeaderValue::from_static("application/json, */*;q=0.1"))
            .header(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        for (name, value) in &post.headers {
            if let Ok(value) = HeaderValue::from_str(value) {
                request = request.header(HeaderName::from_static(name), value);
            }
        }
        request = request.headers(own_headers(&post.access));
        request = match &post.access.authorization {
            None => request,
            Some(Authorization::Basic { user, password }) => {
                request.basic_auth(user, Some(password.expose()))
            }
            Some(Authorization::Bearer(token)) => request.bearer_auth(token.expose()),
        };
        let broken = |error: reqwest::Error| {
            failure::classify(&error, &host_of(&post.url), way.proxy.as_deref(), &self.options)
        };
        let mut response = request.body(post.body.clone()).send().await.map_err(broken)?;
        let code = response.status().as_u16();
        if let Some(proxy) = way.proxy.as_ref().filter(|_| code == 407) {
            return Err(Failure::proxy_account(proxy));
        }
        let headers = headers::read(response.headers(), now);
        let mut text = Vec::new();
        // What breaks off is as good as what ends: it is only for a message.
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = ANSWER_BYTES_MAX.saturating_sub(text.len());
            text.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
            if text.len() >= ANSWER_BYTES_MAX {
                break;
            }
        }
        Ok(Posted::Answered { code, headers, words: one_line(&text) })
    }
}

/// Words of a stranger on one line, bounded.
fn one_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words: Vec<&str> = spaced.split_whitespace().collect();
    words.join(" ").chars().take(ANSWER_CHARS_MAX).collect()
}
