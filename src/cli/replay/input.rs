//! What is played: recorded files, or the archive of the owner's own database.
//!
//! Owns [`Timed`] and the order in which entries come, and makes entries of stored articles again. The archive is read some
//! at a time over a connection that only reads, so a running daemon is not disturbed. Refuses to score.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use url::Url;

use super::super::record::{Lines, Record, nowhere};
use super::super::{Failure, complain};
use crate::feed::Entry;
use crate::store::Reader;
use crate::store::recording::Played;

/// How an entry is called in what is printed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Name {
    /// Its id in the file.
    Given(Box<str>),
    /// Its number in the archive.
    Number(i64),
    /// It has none: it gets the number of its article in the scratch database.
    None,
}

/// An entry with its place in time.
#[derive(Debug, Clone)]
pub(super) struct Timed {
    pub(super) name: Name,
    pub(super) entry: Entry,
    /// The feed it came by.
    pub(super) feed: Arc<Url>,
    /// Who stands behind it, where the recording says so.
    pub(super) publisher: Option<String>,
    pub(super) seen_at: Timestamp,
    /// Whether its feed had been read before the recording begins: then it is no baseline.
    pub(super) is_feed_known: bool,
}

impl Timed {
    pub(super) fn same_poll(&self, other: &Self) -> bool {
        self.seen_at == other.seen_at && self.feed == other.feed
    }
}

/// Where entries come from.
pub(super) struct Input {
    source: Source,
    clock: Timestamp,
    /// Whether everything could be read.
    pub(super) is_whole: bool,
}

enum Source {
    Files {
        left: VecDeque<PathBuf>,
        lines: Option<Lines>,
        done_bytes: u64,
        all_bytes: Option<u64>,
    },
    Archive {
        reader: Reader,
        since: Timestamp,
        step: VecDeque<Played>,
        last: Option<(Timestamp, i64)>,
        count: u64,
    },
}

impl Input {
    /// Recorded files, one after the other.
    pub(super) fn files(files: &[PathBuf]) -> Self {
        let sizes = files.iter().map(|file| std::fs::metadata(file).ok().map(|file| file.len()));
        let all_bytes = sizes.sum::<Option<u64>>().filter(|bytes| *bytes > 0);
        let left = files.iter().cloned().collect();
        Self::of(Source::Files { left, lines: None, done_bytes: 0, all_bytes })
    }

    /// The archive, from a time on.
    pub(super) fn archive(reader: Reader, since: Timestamp) -> Result<Self, Failure> {
        let count = reader.played_count(since)?;
        Ok(Self::of(Source::Archive { reader, since, step: VecDeque::new(), last: None, count }))
    }

    fn of(source: Source) -> Self {
        Self { source, clock: Timestamp::MIN, is_whole: true }
    }

    /// The share that was read, 0 to 1, where the whole is known; `entries` is how many were handed out.
    pub(super) fn share(&self, entries: u64) -> Option<f64> {
        match &self.source {
            Source::Files { lines, done_bytes, all_bytes, .. } => {
                let read = done_bytes + lines.as_ref().map_or(0, Lines::consumed);
                all_bytes.map(|all| (read as f64 / all as f64).min(1.0))
            }
            Source::Archive { count, .. } => Some((entries as f64 / (*count).max(1) as f64).min(1.0)),
        }
    }

    /// The next entry. The clock never runs backwards: one seen before its predecessor counts as seen with it.
    pub(super) fn next(&mut self) -> Result<Option<Timed>, Failure> {
        let timed = match &mut self.source {
            Source::Files { left, lines, done_bytes, .. } => {
                next_record(left, lines, done_bytes, &mut self.is_whole)?
            }
            Source::Archive { reader, since, step, last, .. } => {
                if step.is_empty() {
                    step.extend(reader.played_after(*since, *last)?);
                    *last = step.back().map(|played| (played.seen_at, played.id)).or(*last);
                }
                step.pop_front().map(again)
            }
        };
        let Some(mut timed) = timed else { return Ok(None) };
        self.clock = self.clock.max(timed.seen_at);
        timed.seen_at = self.clock;
        Ok(Some(timed))
    }
}

/// The next record that can be read; what cannot is reported.
fn next_record(
    left: &mut VecDeque<PathBuf>,
    lines: &mut Option<Lines>,
    done_bytes: &mut u64,
    is_whole: &mut bool,
) -> Result<Option<Timed>, Failure> {
    loop {
        let Some(open) = lines else {
            let Some(file) = left.pop_front() else { return Ok(None) };
            *lines = Some(Lines::open(&file)?);
            continue;
        };
        let complaint = match open.next()? {
            None => {
                *done_bytes += open.consumed();
                *lines = None;
                continue;
            }
            Some(Ok(record)) => match timed(record, &open.place()) {
                Ok(timed) => return Ok(Some(timed)),
                Err(complaint) => complaint,
            },
            Some(Err(bad)) => format!("{}: not an entry: {}", bad.place, bad.message),
        };
        complain(&complaint);
        *is_whole = false;
    }
}

fn timed(record: Record, place: &str) -> Result<Timed, String> {
    let seen_at = record
        .seen_at()
        .ok_or_else(|| format!("{place}: neither seen nor published can be read as a time; left out"))?;
    let feed = record.feed.as_deref().and_then(|feed| Url::parse(feed).ok()).unwrap_or_else(nowhere);
    Ok(Timed {
        entry: record.entry(),
        feed: Arc::new(feed),
        publisher: record.publisher,
        name: record.id.map_or(Name::None, |id| Name::Given(id.into_boxed_str())),
        seen_at,
        is_feed_known: false,
    })
}

/// The entry an article was made of, as far as the archive knows: its texts were markup and are plain now.
fn again(played: Played) -> Timed {
    let text = |text: String| Some(markup(&text)).filter(|text| !text.is_empty());
    Timed {
        name: Name::Number(played.id),
        feed: Arc::new(Url::parse(&played.feed).unwrap_or_else(|_| nowhere())),
        // Its link and the feed's settings of today decide anew.
        publisher: None,
        seen_at: played.seen_at,
        is_feed_known: played.is_feed_known,
        entry: Entry {
            id: played.entry_id,
            url: played.entry_url,
            title: markup(&played.title),
            summary: text(played.summary),
            content: text(played.body),
            published: played.published_at,
            published_raw: played.published_raw,
            language: Some(played.language).filter(|language| language != "und"),
            ..Entry::default()
        },
    }
}

/// Plain text as markup that reads as the same text: a paragraph a line.
fn markup(text: &str) -> String {
    let mut markup = String::with_capacity(text.len() + 16);
    for line in text.lines() {
        markup.push_str("<p>");
        for letter in line.chars() {
            match letter {
                '&' => markup.push_str("&amp;"),
                '<' => markup.push_str("&lt;"),
                '>' => markup.push_str("&gt;"),
                letter => markup.push(letter),
            }
        }
        markup.push_str("</p>");
    }
    markup
}
