//! `wirewatch feeds add`: one feed, with one request.
//!
//! Owns the way of a typed address into the file of feeds and of its document into the database: what the request brought is that
//! feed's first poll, so that the daemon finds it known and not due. Refuses to choose between several feeds of a page.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::json;
use url::Url;

use super::super::{Exit, Failure, Outcome, Output, complain, counted, load, now, runtime, short};
use super::discover::candidates;
use super::find;
use super::look::{Answer, Found, Look};
use crate::config::edit::draft::{Draft, EditError};
use crate::config::edit::{self, Addition};
use crate::config::{self, Config, Environment};
use crate::daemon::poller;
use crate::feed::{Feed, FullText, Tier};
use crate::pipeline;
use crate::store::requests::{FirstDocument, Requester};
use crate::store::{self, Durability, Lock, StoreError, Writer};
use crate::story::Stories;

/// What the owner says of the feed.
#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// Address of a feed, or of a page that names exactly one
    url: String,
    /// What you call it [default: its own title]
    #[arg(long)]
    name: Option<String>,
    /// A word to filter by; can be given several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Trust in the publisher, 1 (most) to 3
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=3))]
    tier: Option<u8>,
    /// Time between polls, such as 5m
    #[arg(long)]
    interval: Option<String>,
    /// Who stands behind its articles
    #[arg(long)]
    publisher: Option<String>,
    /// Language of its articles, ISO 639-1
    #[arg(long)]
    language: Option<String>,
    /// Read the pages of its articles, too: all, or those whose score is uncertain
    #[arg(long, value_name = "WHOSE", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        value_parser = ["true", "borderline"])]
    full_text: Option<String>,
    /// It may be on a loopback or private address
    #[arg(long)]
    allow_private_addresses: bool,
    /// Add it without asking the server for it
    #[arg(long)]
    no_poll: bool,
    /// JSON instead of text
    #[arg(long)]
    json: bool,
}

impl Arguments {
    fn addition(&self, url: Url, title: Option<String>) -> Result<Addition, Failure> {
        let interval = self
            .interval
            .as_deref()
            .map(config::duration)
            .transpose()
            .map_err(|message| Failure::usage(message, "write --interval 5m, or 1h"))?;
        let trimmed = |text: &Option<String>| text.as_deref().map(|text| text.trim().to_owned());
        Ok(Addition {
            name: trimmed(&self.name).or(title),
            publisher: trimmed(&self.publisher),
            tier: self.tier.and_then(Tier::new).map(Tier::number),
            tags: self.tags.iter().map(|tag| tag.trim().to_owned()).collect(),
            language: trimmed(&self.language),
            interval,
            allow_private_addresses: self.allow_private_addresses.then_some(true),
            full_text: self.full_text.as_deref().map(|whose| match whose {
                "borderline" => FullText::Borderline.word(),
                _ => FullText::Always.word(),
            }),
            ..Addition::new(url)
        })
    }
}

/// What was added, and what became of its first poll.
struct Added {
    feed: Feed,
    file: PathBuf,
    /// How its first poll went, in words.
    polled: Result<String, String>,
}

pub(super) fn run(dir: &Path, arguments: &Arguments) -> Outcome {
    let url = find::address(&arguments.url)?;
    let config = load(dir)?;
    if let Some(exit) = already(&config, &url, arguments.json)? {
        return Ok(exit);
    }
    let file = file(&config)?;
    // Whatever would keep it from being added is better said before anybody is asked anything.
    let draft = Draft::open(&file)?;
    check(draft, dir, &arguments.addition(url.clone(), None)?)?;
    if arguments.no_poll {
        let addition = arguments.addition(url, None)?;
        let config = put(dir, &file, &addition)?;
        let feed = configured(&config, &addition.url)?;
        let polled = Err("it was not asked for (--no-poll)".to_owned());
        return say(&config, &Added { feed, file, polled }, arguments.json);
    }
    let allow_private_addresses = arguments.allow_private_addresses || config.poll.allow_private_addresses;
    let runtime = runtime()?;
    let looked = runtime.block_on(async {
        let mut look = Look::new(&config)?;
        look_for(&mut look, url, allow_private_addresses).await
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    let (url, found) = looked?;
    if let Some(exit) = already(&config, &url, arguments.json)? {
        return Ok(exit);
    }
    let addition = arguments.addition(url, found.title())?;
    let config = put(dir, &file, &addition)?;
    let feed = configured(&config, &addition.url)?;
    let polled = keep(&config, &feed, *found);
    say(&config, &Added { feed, file, polled }, arguments.json)
}

/// The first file of feeds that can be written in.
pub(super) fn file(config: &Config) -> Result<PathBuf, Failure> {
    let file = config.feed_files.iter().find(|file| !find::is_opml(file));
    file.cloned().ok_or_else(|| {
        Failure::usage(
            "feed_files in wirewatch.toml names no TOML file to add feeds to",
            "add one: feed_files = [\"feeds.toml\", …]",
        )
    })
}

/// Says so when an address is in a file already.
fn already(config: &Config, url: &Url, json: bool) -> Result<Option<Exit>, Failure> {
    let entries = find::entries(config)?;
    let same = |entry: &&find::Entry| entry.url().is_some_and(|known| find::is_same(&known, url));
    let Some(entry) = entries.iter().find(same) else { return Ok(None) };
    let mut output = Output::open();
    let off = if entry.listed.is_enabled { "" } else { ", but it is turned off there (enabled = false)" };
    if json {
        output.json(&json!({
            "url": entry.shown(), "name": entry.name(), "added": false, "file": entry.file, "line": entry.listed.line,
            "enabled": entry.listed.is_enabled,
        }))?;
    } else {
        output.line(format!(
            "{} is there already, in {}{off}; nothing changed",
            entry.shown(),
            entry.location()
        ))?;
    }
    output.finish()?;
    Ok(Some(Exit::Done))
}

/// The feed at an address, or the one its page names: at most two requests, to two addresses.
async fn look_for(
    look: &mut Look<'_>,
    url: Url,
    allow_private_addresses: bool,
) -> Result<(Url, Box<Found>), Failure> {
    const HINT: &str = "nothing was added; --no-poll adds an address without asking";
    let (page, words) = match look.at(&url, allow_private_addresses).await {
        Answer::Feed(found) => return Ok(settled_address(url, found)),
        Answer::Page(page) => {
            let words = page.words.clone();
            (page, words)
        }
        Answer::Nothing(words) => {
            return Err(Failure::new(format!("{}: {words}", find::shown(&url)), HINT));
        }
    };
    let mut named = candidates(&page);
    if named.iter().any(|candidate| !candidate.is_comments()) {
        named.retain(|candidate| !candidate.is_comments());
    }
    let candidate = match named.as_slice() {
        [only] => only,
        [] => {
            let hint = format!(
                "nothing was added; `wirewatch feeds discover {}` tries where sites keep feeds",
                find::shown(&url)
            );
            return Err(Failure::new(format!("{}: {words}", find::shown(&url)), hint));
        }
        several => {
            let lines: Vec<String> = several
                .iter()
                .map(|it| {
                    format!("  {}  {}", it.url, it.title.as_deref().unwrap_or_default()).trim_end().to_owned()
                })
                .collect();
            let message = format!("{} names {} feeds:\n{}", page.url, several.len(), lines.join("\n"));
            return Err(Failure::usage(message, "nothing was added; run feeds add with the one you want"));
        }
    };
    complain(&format!("{} is a page; its feed is {}", page.url, candidate.url));
    match look.at(&candidate.url, allow_private_addresses).await {
        Answer::Feed(found) => Ok(settled_address(candidate.url.clone(), found)),
        answer => {
            let words = answer.words();
            Err(Failure::new(format!("{}: {words}", candidate.url), HINT))
        }
    }
}

/// The address to write down: the one that was asked, wherever it led. One answer that it moved for good is not believed
/// (C28), only said.
fn settled_address(asked: Url, found: Box<Found>) -> (Url, Box<Found>) {
    if let Some(moved) = &found.document.moved_to {
        let shown = find::shown(&asked);
        complain(&format!(
            "{shown} says that it moved for good to {moved}; {shown} is written down, and followed there"
        ));
    }
    (asked, found)
}

fn check(mut draft: Draft, dir: &Path, addition: &Addition) -> Result<(), Failure> {
    write_into(&mut draft, std::slice::from_ref(addition))?;
    draft.check(dir, &Environment::from_process())?;
    Ok(())
}

fn put(dir: &Path, file: &Path, addition: &Addition) -> Result<Config, Failure> {
    let mut draft = Draft::open(file)?;
    write_into(&mut draft, std::slice::from_ref(addition))?;
    Ok(draft.put(dir, &Environment::from_process())?.config)
}

/// Adds feeds to a draft's text.
pub(super) fn write_into(draft: &mut Draft, additions: &[Addition]) -> Result<(), EditError> {
    draft.text = edit::add(&draft.text, additions).map_err(|refusal| draft.refused(refusal))?;
    Ok(())
}

fn configured(config: &Config, url: &Url) -> Result<Feed, Failure> {
    let feed = config.feeds.iter().find(|feed| feed.url == *url);
    feed.cloned().ok_or_else(|| {
        Failure::new(format!("{} was written, but is not read back", find::shown(url)), "run wirewatch check")
    })
}

/// Keeps what the request brought as the feed's first poll; while a daemon holds the database, it is handed to the daemon.
fn keep(config: &Config, feed: &Feed, found: Found) -> Result<String, String> {
    if super::is_anothers(config) {
        return Err("its database is to belong to another user; wirewatch run polls it".to_owned());
    }
    let lock = match Lock::take(&config.data_dir) {
        Ok(lock) => lock,
        Err(StoreError::InUse { .. }) => return Err(hand_over(config, feed, found)),
        Err(error) => return Err(format!("{error}; wirewatch run polls it")),
    };
    let kept = settle(config, feed, found).map_err(|error| format!("{error}; wirewatch run polls it"));
    drop(lock);
    kept
}

/// Leaves the document for the running daemon, which takes it as the first poll; says what will happen.
fn hand_over(config: &Config, feed: &Feed, found: Found) -> String {
    let Found { document, asked_at, .. } = found;
    let first = FirstDocument {
        address: feed.address(),
        asked_at,
        source: document.url.into(),
        content_type: document.content_type,
        etag: document.headers.etag,
        last_modified: document.headers.last_modified,
        fresh_for: document.headers.fresh_for,
        links: document.links.into_iter().map(|link| (link.url.into(), link.rel)).collect(),
        wire_bytes: document.wire_bytes,
        body: document.bytes,
    };
    let path = config.data_dir.join(store::FILE_NAME);
    match Requester::open(&path).and_then(|requester| requester.hand_over(&first)) {
        Ok(()) => "the running daemon takes what was fetched as its first poll when it reads the configuration again".to_owned(),
        Err(error) => format!("{error}; the running daemon polls it when it reads the configuration again"),
    }
}

fn settle(config: &Config, feed: &Feed, found: Found) -> Result<String, StoreError> {
    let Found { document, asked_at, .. } = found;
    let mut writer = Writer::open(&config.data_dir.join(store::FILE_NAME), Durability::Full)?;
    let (asked, end) = poller::taken_by_hand(feed, config, document, now());
    let tx = writer.begin()?;
    let row = tx.feed(feed)?;
    let poll = pipeline::Poll { feed: row.id, started_at: asked_at, asked, end };
    let settled = pipeline::settle(&tx, &mut Stories::default(), config, feed, &poll, now())?;
    tx.commit()?;
    let alerts = match settled.alerts.len() {
        0 => String::new(),
        count => format!("; {}, mailed by wirewatch run", counted(count, "alert", "alerts")),
    };
    Ok(format!("{}{alerts}; next poll {}", settled.outcome, short(settled.next.at)))
}

fn say(config: &Config, added: &Added, json: bool) -> Outcome {
    let Added { feed, file, polled } = added;
    let mut output = Output::open();
    if json {
        output.json(&json!({
            "url": feed.address(), "name": feed.name, "added": true, "file": file, "polled": polled.is_ok(),
            "outcome": polled.as_ref().unwrap_or_else(|words| words),
        }))?;
    } else {
        output.line(format!("added {} ({}) to {}", feed.name, feed.address(), file.display()))?;
        match polled {
            Ok(words) => output.line(format!("first poll: {words}"))?,
            Err(words) => output.line(format!("not polled yet: {words}"))?,
        }
    }
    output.finish()?;
    super::mention_reload(config);
    Ok(Exit::Done)
}
