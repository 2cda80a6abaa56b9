//! Entries as JSON Lines: the input of `score` and `replay`.
//!
//! Owns the record format (product contract, section 4) and reading files of it, packed or not. A line that cannot be
//! read is reported with its number and skipped; the others count.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use url::Url;

use super::Failure;
use crate::config::Config;
use crate::feed::{Entry, Feed};

/// Longest line, bytes.
const LINE_BYTES_MAX: u64 = 16 << 20;

/// One line. Unknown fields are left alone: labels and other people's notes live beside ours.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Record {
    pub(super) id: Option<String>,
    pub(super) feed: Option<String>,
    pub(super) publisher: Option<String>,
    pub(super) url: Option<String>,
    pub(super) title: String,
    summary: Option<String>,
    content: Option<String>,
    published: Option<String>,
    seen: Option<String>,
    lang: Option<String>,
    /// Read by those who ask for labels, and left alone by the others.
    pub(super) labels: Option<serde_json::Value>,
    pub(super) weight: Option<serde_json::Value>,
}

impl Record {
    /// The entry it records.
    pub(super) fn entry(&self) -> Entry {
        Entry {
            url: self.url.clone(),
            title: self.title.clone(),
            summary: self.summary.clone(),
            content: self.content.clone(),
            published: self.published.as_deref().and_then(crate::feed::parse::date::read),
            published_raw: self.published.clone(),
            language: self.lang.clone(),
            ..Entry::default()
        }
    }

    /// When it was published, or else polled.
    pub(super) fn published_at(&self) -> Option<Timestamp> {
        self.published.as_deref().or(self.seen.as_deref()).and_then(crate::feed::parse::date::read)
    }

    /// When it was polled: the replay clock.
    pub(super) fn seen_at(&self) -> Option<Timestamp> {
        self.seen.as_deref().or(self.published.as_deref()).and_then(crate::feed::parse::date::read)
    }

    /// The feed it came by, as configured if it is, else as a stranger.
    pub(super) fn feed(&self, config: &Config) -> Feed {
        let url = self.feed.as_deref().and_then(|feed| Url::parse(feed).ok()).unwrap_or_else(nowhere);
        let known = config.feeds.iter().find(|known| known.url == url).cloned();
        let mut feed =
            known.unwrap_or_else(|| Feed { publishers: Arc::clone(&config.publishers), ..stranger(url) });
        if self.publisher.is_some() {
            feed.publisher.clone_from(&self.publisher);
        }
        feed
    }
}

/// A feed nobody configured.
pub(super) fn stranger(url: Url) -> Feed {
    Feed::new(url)
}

/// The feed of records that name none.
pub(super) fn nowhere() -> Url {
    Url::parse("https://feed.invalid/").expect("the constant URL parses")
}

/// Lines of a file, one at a time.
pub(super) struct Lines {
    reader: Box<dyn BufRead>,
    name: String,
    number: usize,
    /// Bytes read of the file, packed as it is.
    consumed: Rc<Cell<u64>>,
}

/// A file whose reader tells how far it is.
struct Counted {
    file: File,
    consumed: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.consumed.set(self.consumed.get() + read as u64);
        Ok(read)
    }
}

/// A line that is not a record.
#[derive(Debug)]
pub(super) struct BadLine {
    pub(super) place: String,
    pub(super) message: String,
}

impl Lines {
    /// Opens a file; `.gz` and `.zst` are unpacked, `-` is standard input.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        if name == "-" {
            return Ok(Self::of(Box::new(BufReader::new(io::stdin())), "standard input"));
        }
        let fail =
            |error: io::Error| Failure::usage(format!("cannot read {name}: {error}"), "check the path");
        let consumed = Rc::new(Cell::new(0));
        let file = Counted { file: File::open(path).map_err(fail)?, consumed: Rc::clone(&consumed) };
        let reader: Box<dyn BufRead> = match path.extension().and_then(|extension| extension.to_str()) {
            Some("gz") => Box::new(BufReader::new(flate2::read::MultiGzDecoder::new(file))),
            Some("zst") => Box::new(BufReader::new(zstd::Decoder::new(file).map_err(fail)?)),
            _ => Box::new(BufReader::new(file)),
        };
        Ok(Self { consumed, ..Self::of(reader, &name) })
    }

    /// Reads from anything.
    pub(super) fn of(reader: Box<dyn BufRead>, name: &str) -> Self {
        Self { reader, name: name.to_owned(), number: 0, consumed: Rc::default() }
    }

    /// Bytes read of the file so far, packed as it is; 0 where it is none.
    pub(super) fn consumed(&self) -> u64 {
        self.consumed.get()
    }

    /// The next record; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Result<Record, BadLine>>, Failure> {
        loop {
            let mut line = Vec::new();
            let read = Read::take(&mut self.reader, LINE_BYTES_MAX).read_until(b'\n', &mut line);
            let read = read.map_err(|error| {
                let place = format!("{}:{}", self.name, self.number + 1);
                Failure::new(format!("{place}: cannot read on: {error}"), "the file may be cut off")
            })?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let record = serde_json::from_slice(&line)
                .map_err(|error| BadLine { place: self.place(), message: error.to_string() });
            return Ok(Some(record));
        }
    }

    /// Where the last line stood.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.name, self.number)
    }
}
