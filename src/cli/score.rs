//! `wirewatch score`: one text, page or file of entries against the topics.

mod show;

use std::io::{self, Cursor, Read};
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};
use url::Url;

use super::record::{Lines, nowhere, stranger};
use super::topics::named;
use super::{Exit, Failure, Outcome, Output, complain, load, now, runtime};
use crate::article::{self, Article, page};
use crate::config::Config;
use crate::feed::Entry;
use crate::fetch::{self, Fetcher, Request};
use crate::topic::{Evidence, Field, Status};

pub(super) use show::{Look, When};

/// Largest page or text, bytes. JSON Lines files are read line by line and have no such limit.
const BYTES_MAX: u64 = 32 << 20;

pub(super) fn run(dir: &Path, input: &str, look: &Look) -> Outcome {
    let config = load(dir)?;
    // A slip in its name is told before a page is fetched.
    named(&config, look.topic.as_deref())?;
    if let Ok(url) = Url::parse(input)
        && matches!(url.scheme(), "http" | "https")
    {
        let (bytes, url) = fetch_page(&config, url)?;
        return score_document(&config, &bytes, Some(&url), look);
    }
    if is_json_lines(input) {
        return score_lines(&config, Lines::open(Path::new(input))?, look);
    }
    let bytes = read_all(input)?;
    if first_line_is_json(&bytes) {
        let name = if input == "-" { "standard input" } else { input };
        return score_lines(&config, Lines::of(Box::new(Cursor::new(bytes)), name), look);
    }
    score_document(&config, &bytes, None, look)
}

fn is_json_lines(input: &str) -> bool {
    let name = input.trim_end_matches(".gz").trim_end_matches(".zst");
    [".jsonl", ".ndjson"].iter().any(|ending| name.ends_with(ending))
}

fn first_line_is_json(bytes: &[u8]) -> bool {
    let line = bytes.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty());
    line.is_some_and(|line| serde_json::from_slice::<Map<String, Value>>(line).is_ok())
}

fn read_all(input: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let fail = |error: io::Error| Failure::usage(format!("cannot read {input}: {error}"), "check the path");
    let read = if input == "-" {
        io::copy(&mut io::stdin().lock().take(BYTES_MAX + 1), &mut bytes)
    } else {
        io::copy(&mut std::fs::File::open(input).map_err(fail)?.take(BYTES_MAX + 1), &mut bytes)
    };
    if read.map_err(fail)? > BYTES_MAX {
        let hint = "score large files as JSON Lines, an entry a line";
        return Err(Failure::usage(format!("{input} is larger than 32 MiB"), hint));
    }
    Ok(bytes)
}

fn fetch_page(config: &Config, url: Url) -> Result<(Vec<u8>, Url), Failure> {
    let fetcher = Fetcher::new(config.poll.fetch_options()).map_err(|error| Failure::new(error, ""))?;
    let allow_private_addresses = config.poll.allow_private_addresses;
    let request = Request { allow_private_addresses, ..Request::new(url) };
    match runtime()?.block_on(fetcher.get(&request, now())) {
        fetch::Outcome::Document(document) | fetch::Outcome::Delta(document) => {
            Ok((document.bytes, document.url))
        }
        fetch::Outcome::Status { detail, .. } => Err(Failure::new(detail, "open the address in a browser")),
        fetch::Outcome::Failed(failure) => Err(Failure::new(failure.detail, "")),
        fetch::Outcome::NotModified(_) => {
            Err(Failure::new("the server says that nothing changed, though it was not asked", "try again"))
        }
    }
}

/// Scores a page or a plain text.
fn score_document(config: &Config, bytes: &[u8], url: Option<&Url>, look: &Look) -> Outcome {
    let mut entry = if is_html(bytes) {
        let page = page::read(bytes, url);
        Entry {
            title: escape(&page.title),
            content: Some(escape(&page.text)),
            language: page.language,
            ..Entry::default()
        }
    } else {
        // The first line that says something becomes the headline.
        Entry { content: Some(escape(&String::from_utf8_lossy(bytes))), ..Entry::default() }
    };
    entry.url = url.map(ToString::to_string);
    let article = article::normalize(&entry, &stranger(url.cloned().unwrap_or_else(nowhere)), now());
    let mut output = Output::open();
    print(&mut output, config, None, &article, look)?;
    output.finish()?;
    Ok(Exit::Done)
}

/// Whether a text is a page: it says so within its first bytes.
fn is_html(bytes: &[u8]) -> bool {
    let start = String::from_utf8_lossy(bytes.get(..4096).unwrap_or(bytes)).to_lowercase();
    ["<!doctype html", "<html", "<head", "<body", "<p>", "<div"].iter().any(|tag| start.contains(tag))
}

/// Plain text as HTML, which is what entries hold: line breaks are kept.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\n', "<br>")
}

fn score_lines(config: &Config, mut lines: Lines, look: &Look) -> Outcome {
    let mut output = Output::open();
    let mut exit = Exit::Done;
    while let Some(line) = lines.next()? {
        match line {
            Ok(record) => {
                let seen_at = record.seen_at().unwrap_or_else(now);
                let article = article::normalize(&record.entry(), &record.feed(config), seen_at);
                print(&mut output, config, record.id.as_deref(), &article, look)?;
            }
            Err(bad) => {
                complain(&format!("{}: not an entry: {}", bad.place, bad.message));
                exit = Exit::Failed;
            }
        }
    }
    output.finish()?;
    Ok(exit)
}

#[derive(Serialize)]
struct Line<'a> {
    id: Option<&'a str>,
    lang: &'a str,
    places: &'a [String],
    topics: Map<String, Value>,
}

#[derive(Serialize)]
struct TopicScore<'a> {
    score: f64,
    trips: bool,
    evidence: Vec<Shown<'a>>,
}

/// Evidence as scripts were promised it; what mails need beside it is not theirs.
#[derive(Serialize)]
struct Shown<'a> {
    signal: &'a str,
    field: Field,
    quote: &'a str,
    status: Status,
    points: f64,
}

impl<'a> Shown<'a> {
    fn of(evidence: &'a Evidence) -> Self {
        let Evidence { signal, field, quote, status, points, .. } = evidence;
        Self { signal, field: *field, quote, status: *status, points: *points }
    }
}

fn print(
    output: &mut Output,
    config: &Config,
    id: Option<&str>,
    article: &Article,
    look: &Look,
) -> Result<(), Failure> {
    if !look.json {
        return show::print(output, &named(config, look.topic.as_deref())?, &config.topics, article, look);
    }
    let scores = config.topics.score_each(article);
    let mut topics = Map::new();
    for score in &scores {
        let evidence = score.evidence.iter().map(Shown::of).collect();
        let entry = TopicScore { score: rounded(score.probability), trips: score.trips, evidence };
        topics.insert(score.topic.0.clone(), serde_json::to_value(entry).map_err(io::Error::from)?);
    }
    output.json(&Line { id, lang: &article.language, places: &article.places, topics })
}

/// Four digits are more than the calibration knows.
pub(super) fn rounded(score: f64) -> f64 {
    (score * 10_000.0).round() / 10_000.0
}
