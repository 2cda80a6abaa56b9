//! Asking the web for a feed by hand: one request at a time, spaced, and no more than a few.
//!
//! Owns what an address turned out to be. Every request goes through the same door as the daemon's, with its guard, limits and
//! User-Agent. Refuses to retry.

use std::collections::HashMap;
use std::io::{IsTerminal, stderr};

use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};
use url::Url;

use super::super::{Failure, complain, counted, now, short};
use super::find;
use crate::article::publisher::host_key;
use crate::config::Config;
use crate::feed::parse::NotAFeed;
use crate::feed::{ParsedFeed, parse};
use crate::fetch::{Document, Fetcher, Link, Outcome, Request};
use crate::store::Reader;

/// The door, and when each host was asked last.
pub(super) struct Look<'a> {
    config: &'a Config,
    fetcher: Fetcher,
    /// What hosts asked of us; absent before the first run.
    reader: Option<Reader>,
    asked: HashMap<String, Instant>,
    pub(super) request_count: usize,
}

/// What an address turned out to be.
pub(super) enum Answer {
    /// A feed.
    Feed(Box<Found>),
    /// A page that is no feed; it may name some.
    Page(Box<Page>),
    /// Something else, or nothing: in words.
    Nothing(String),
}

/// A web page.
pub(super) struct Page {
    /// Its markup.
    pub(super) html: String,
    /// Where it came from after redirects.
    pub(super) url: Url,
    /// What its server says it belongs to.
    pub(super) links: Vec<Link>,
    /// Why it is no feed.
    pub(super) words: String,
}

impl Answer {
    /// Why this is no feed; empty when it is one.
    pub(super) fn words(self) -> String {
        match self {
            Self::Feed(_) => String::new(),
            Self::Page(page) => page.words,
            Self::Nothing(words) => words,
        }
    }
}

/// A feed that was fetched and read.
pub(super) struct Found {
    pub(super) document: Document,
    pub(super) parsed: ParsedFeed,
    /// When the request began.
    pub(super) asked_at: Timestamp,
}

impl Found {
    /// The newest date in it.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.parsed.entries.iter().filter_map(|entry| entry.published.max(entry.updated)).max()
    }

    /// Its title on one line.
    pub(super) fn title(&self) -> Option<String> {
        let text = self.parsed.title.as_deref()?;
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
        Some(text.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|title| !title.is_empty())
    }

    /// `RSS, 20 entries, newest 2026-11-23 10:00Z`.
    pub(super) fn words(&self) -> String {
        let newest = self.newest().map_or_else(String::new, |at| format!(", newest {}", short(at)));
        let entries = counted(self.parsed.entries.len(), "entry", "entries");
        format!("{}, {entries}{newest}", self.parsed.format.as_str())
    }
}

impl<'a> Look<'a> {
    pub(super) fn new(config: &'a Config) -> Result<Self, Failure> {
        let fetcher = Fetcher::new(config.poll.fetch_options()).map_err(|error| Failure::new(error, ""))?;
        let reader = super::super::reader(config).ok();
        Ok(Self { config, fetcher, reader, asked: HashMap::new(), request_count: 0 })
    }

    /// What a host said to all of us is kept by hand, too.
    fn pause(&self, host: &str) -> Option<String> {
        let known = self.reader.as_ref()?.host(host).ok()??;
        let until = known.paused_until.filter(|until| *until > now())?;
        Some(format!("not asked: {host} {}; it is asked again from {}", known.reason, short(until)))
    }

    /// One GET, without validators: nobody knows this address yet. Waits until its host may be asked again.
    pub(super) async fn at(&mut self, url: &Url, allow_private_addresses: bool) -> Answer {
        let host = host_key(url);
        if let Some(words) = self.pause(&host) {
            return Answer::Nothing(words);
        }
        if let Some(asked) = self.asked.get(&host) {
            sleep_until(*asked + self.config.poll.host_spacing).await;
        }
        self.asked.insert(host, Instant::now());
        if stderr().is_terminal() {
            complain(&format!("asking for {}", find::shown(url)));
        }
        self.request_count += 1;
        let asked_at = now();
        let request = Request { allow_private_addresses, ..Request::new(url.clone()) };
        match self.fetcher.get(&request, asked_at).await {
            Outcome::Document(document) | Outcome::Delta(document) => read(document, asked_at),
            Outcome::NotModified(_) => Answer::Nothing(
                "the server says \"not modified\" to somebody who never asked before".to_owned(),
            ),
            Outcome::Status { detail, .. } => Answer::Nothing(detail),
            Outcome::Failed(failure) => Answer::Nothing(failure.detail),
        }
    }
}

fn read(document: Document, asked_at: Timestamp) -> Answer {
    match parse::parse(&document.bytes, &document.url, document.content_type.as_deref()) {
        Ok(parsed) => Answer::Feed(Box::new(Found { document, parsed, asked_at })),
        Err(not_a_feed) => {
            let says_html = document.content_type.as_deref().is_some_and(|it| it.contains("html"));
            if says_html || matches!(not_a_feed, NotAFeed::HtmlPage { .. }) {
                let (html, _) = parse::text(&document.bytes);
                let words = not_a_feed.to_string();
                return Answer::Page(Box::new(Page {
                    html,
                    url: document.url,
                    links: document.links,
                    words,
                }));
            }
            Answer::Nothing(not_a_feed.to_string())
        }
    }
}
