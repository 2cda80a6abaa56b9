//! Asking the web for a feed by hand: one request at a time, spaced, and no more than a few.
//!
//! Owns what an address turned out to be. Every request goes through the same door as the daemon's, with its guard, limits and
//! User-Agent. Refuses to retry.

use std::collections::{HashMap, HashSet};
use std::io::{IsTerminal, stderr};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep};
use url::Url;

use super::super::{Failure, complain, counted, now, short};
use super::around::distance;
use super::find;
use crate::article::publisher::host_key;
use crate::config::Config;
use crate::daemon::pages;
use crate::feed::answer::{Answer as HostAnswer, AnswerKind};
use crate::feed::host::HostState;
use crate::feed::parse::NotAFeed;
use crate::feed::{ParsedFeed, parse};
use crate::fetch::{Document, Fetcher, Link, Onward, Outcome, Request};
use crate::pipeline::note_host;
use crate::store::{self, Durability, Lock, Reader, StoreError, Writer};

/// The door, and when each host was asked last.
pub(super) struct Look<'a> {
    config: &'a Config,
    fetcher: Fetcher,
    /// What hosts asked of us; absent before the first run.
    reader: Option<Reader>,
    asked: HashMap<String, Instant>,
    /// Hosts that refused.
    refused: HashSet<String>,
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
        self.parsed.title.as_deref().and_then(on_one_line)
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
        Ok(Self { config, fetcher, reader, asked: HashMap::new(), refused: HashSet::new(), request_count: 0 })
    }

    /// What a host said to all of us is kept by hand, too.
    fn pause(&self, host: &str) -> Option<String> {
        if self.refused.contains(host) {
            return Some(format!("not asked: {host} refuses; it is asked no more"));
        }
        let known = self.known(host)?;
        let until = known.pause_at(now())?;
        Some(format!("not asked: {host} {}; it is asked again from {}", known.reason, short(until)))
    }

    fn known(&self, host: &str) -> Option<HostState> {
        self.reader.as_ref()?.host(host).ok()?
    }

    /// Whether a host refused: then nothing more is asked of it.
    pub(super) fn has_refused(&self, url: &Url) -> bool {
        self.refused.contains(&host_key(url))
    }

    /// Waits until a host may be asked again, after what was asked here and what the daemon asked.
    async fn keep_distance(&self, host: &str) {
        let known = self.known(host).unwrap_or_default();
        let (spacing, stored) = distance(self.config, host, &known, now());
        let here = self
            .asked
            .get(host)
            .map_or(Duration::ZERO, |asked| (*asked + spacing).saturating_duration_since(Instant::now()));
        sleep(stored.max(here)).await;
    }

    /// Counts a request, and keeps what the host asked for, where the database is ours to write: with a running daemon, or
    /// before the first run, it is not.
    pub(super) fn note(&self, host: &str, answer: &HostAnswer, asked_at: Timestamp) {
        if self.reader.is_none() || super::is_anothers(self.config) {
            return;
        }
        let Ok(_lock) = Lock::take(&self.config.data_dir) else { return };
        let keep = || -> Result<(), StoreError> {
            let mut writer = Writer::open(&self.config.data_dir.join(store::FILE_NAME), Durability::Full)?;
            let tx = writer.begin()?;
            note_host(&tx, host, answer, 0, asked_at)?;
            tx.commit()
        };
        if let Err(error) = keep() {
            complain(&format!("this request is not counted: {error}"));
        }
    }

    /// One GET, without validators: nobody knows this address yet. Waits until its host may be asked again, and that of a
    /// redirect. A feed that was found is counted by whoever takes it ([`Look::note`]), anything else here.
    pub(super) async fn at(&mut self, url: &Url, allow_private_addresses: bool) -> Answer {
        let request = Request { allow_private_addresses, ..Request::new(url.clone()) };
        let (mut host, mut onward) = (host_key(url), None::<Box<Onward>>);
        let (outcome, asked_at) = loop {
            if let Some(words) = self.pause(&host) {
                return Answer::Nothing(words);
            }
            self.keep_distance(&host).await;
            self.asked.insert(host.clone(), Instant::now());
            if stderr().is_terminal() {
                let url = onward.as_ref().map_or(url, |onward| onward.url());
                complain(&format!("asking for {}", find::shown(url)));
            }
            self.request_count += 1;
            let asked_at = now();
            match self.fetcher.visit(&request, onward.as_deref(), asked_at).await {
                Ok(outcome) => break (outcome, asked_at),
                Err(sent_on) => {
                    self.note(&host, &pages::sent_on(&sent_on), asked_at);
                    host = sent_on.host();
                    onward = Some(sent_on);
                }
            }
        };
        let noted = pages::answer(&outcome);
        let answer = match outcome {
            Outcome::Document(document) | Outcome::Delta(document) => read(document, asked_at),
            Outcome::NotModified(_) => Answer::Nothing(
                "the server says \"not modified\" to somebody who never asked before".to_owned(),
            ),
            Outcome::Status { code: 403 | 429 | 503, detail, .. } => {
                let words = format!("{detail}; {host} is asked no more");
                self.refused.insert(host.clone());
                Answer::Nothing(words)
            }
            Outcome::Status { detail, .. } => Answer::Nothing(detail),
            Outcome::Failed(failure) => Answer::Nothing(failure.detail),
        };
        if !matches!(answer, Answer::Feed(_)) && noted.kind != AnswerKind::Refused {
            self.note(&host, &noted, asked_at);
        }
        answer
    }
}

/// A publisher's words as they may stand in a terminal and a file: on one line, and without characters that are not seen
/// and turn or hide others. Those that join letters stay: scripts need them.
pub(super) fn on_one_line(text: &str) -> Option<String> {
    let is_hidden = |c: char| {
        matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    };
    let seen = text.chars().filter(|c| !is_hidden(*c));
    let text: String = seen.map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
    Some(text.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|text| !text.is_empty())
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
