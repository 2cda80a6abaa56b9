//! A configuration file's bytes, and where in them something stands.
//!
//! Owns bounded reading, which files a folder has, and positions: byte offset to line and column.
//! Refuses to know what the bytes mean.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::read::Kind;
use super::report::{Problem, ProblemSeverity};
use super::secret;

/// Largest configuration file, bytes.
pub(super) const FILE_BYTES_MAX: u64 = 5 << 20;

/// Longest line a problem repeats, bytes; longer ones are named by line and column only.
const LINE_BYTES_MAX: usize = 400;

/// Most problems kept for one file. A file that is no configuration at all has one per byte.
const PROBLEMS_MAX: usize = 1_000;

/// A file, read.
#[derive(Debug)]
pub(super) struct Source {
    /// As the owner would write it on a command line.
    pub(super) path: PathBuf,
    /// Its text, without a byte order mark.
    pub(super) text: String,
    line_starts: Vec<usize>,
}

impl Source {
    /// A source from text that was read already.
    pub(super) fn new(path: PathBuf, text: String) -> Self {
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        let mut line_starts = vec![0];
        line_starts.extend(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1));
        Self { path, text, line_starts }
    }

    /// Reads a file of at most [`FILE_BYTES_MAX`].
    pub(super) fn read(path: PathBuf) -> Result<Self, Box<Problem>> {
        let bytes = match read_bounded(&path, FILE_BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(error) => return Err(Box::new(unreadable(&path, &error))),
        };
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self::new(path, text)),
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let line = error.as_bytes().iter().take(valid).filter(|byte| **byte == b'\n').count() + 1;
                let mut problem = Problem::whole_file(
                    &path,
                    format!("byte {} is not UTF-8", valid + 1),
                    Some("save the file as UTF-8".to_owned()),
                );
                problem.line = Some(line);
                Err(Box::new(problem))
            }
        }
    }

    /// The line, from 1. Unlike the column it costs the same however long the line is.
    pub(super) fn line_at(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset).max(1)
    }

    /// Line and column, both from 1, the column in characters.
    pub(super) fn position(&self, offset: usize) -> (usize, usize) {
        let line = self.line_at(offset);
        let start = self.line_starts.get(line - 1).copied().unwrap_or(0);
        let before = self.text.get(start..offset.min(self.text.len())).unwrap_or("");
        (line, before.chars().count() + 1)
    }

    /// A line without its end, from 1.
    fn line(&self, line: usize) -> &str {
        let start = self.line_starts.get(line - 1).copied().unwrap_or(self.text.len());
        let end = self.line_starts.get(line).copied().unwrap_or(self.text.len());
        self.text.get(start..end).unwrap_or("").trim_end_matches(['\n', '\r'])
    }

    /// A line to show with a problem, from 1; `None` when it is too long.
    pub(super) fn line_if_short(&self, line: usize) -> Option<String> {
        let text = self.line(line);
        (text.len() <= LINE_BYTES_MAX && !secret::may_hold_secret(text)).then(|| text.to_owned())
    }

    /// Whether the section a place is in is one of headers: `[feed.headers]`.
    fn is_below_headers(&self, offset: usize) -> bool {
        // A section of headers is short; a longer way back is not worth the search.
        const BYTES_MAX: usize = 16 << 10;
        let start = self.text.floor_char_boundary(offset.saturating_sub(BYTES_MAX));
        let before = self.text.get(start..self.text.floor_char_boundary(offset)).unwrap_or_default();
        let section = before.lines().rev().map(str::trim_start).find(|line| line.starts_with('['));
        section.is_some_and(|line| line.contains("headers"))
    }

    /// A problem at a place of this file.
    pub(super) fn problem(
        &self,
        severity: ProblemSeverity,
        span: Range<usize>,
        key: &str,
        message: String,
        hint: Option<String>,
    ) -> Problem {
        let (line, column) = self.position(span.start);
        let text = self.line(line);
        // A header's value is a key as often as not, whatever the header is called.
        let is_header = key.contains(".headers.") || self.is_below_headers(span.start);
        let shown = text.len() <= LINE_BYTES_MAX && !secret::may_hold_secret(text) && !is_header;
        let marked = self.text.get(span).unwrap_or("").lines().next().unwrap_or("").chars().count();
        Problem {
            severity,
            file: self.path.clone(),
            line: Some(line),
            column: Some(column),
            key: key.to_owned(),
            message,
            hint,
            source_line: shown.then(|| text.to_owned()),
            marked: marked.max(1),
        }
    }
}

/// The problems of one file, as they are found.
pub(super) struct Sheet<'a> {
    /// The file.
    pub(super) source: &'a Source,
    /// What was found so far.
    pub(super) problems: Vec<Problem>,
    /// The format of the whole file, to tell where a misplaced key belongs.
    pub(super) format: Option<fn() -> Kind>,
}

impl<'a> Sheet<'a> {
    /// An empty sheet.
    pub(super) fn new(source: &'a Source) -> Self {
        Self { source, problems: Vec::new(), format: None }
    }

    /// Notes something that must be mended.
    pub(super) fn error(&mut self, span: Range<usize>, key: &str, message: String, hint: impl Into<String>) {
        self.note(ProblemSeverity::Error, span, key, message, hint.into());
    }

    /// Notes something that works but is hardly meant.
    pub(super) fn warning(
        &mut self,
        span: Range<usize>,
        key: &str,
        message: String,
        hint: impl Into<String>,
    ) {
        self.note(ProblemSeverity::Warning, span, key, message, hint.into());
    }

    fn note(
        &mut self,
        severity: ProblemSeverity,
        span: Range<usize>,
        key: &str,
        message: String,
        hint: String,
    ) {
        if self.problems.len() >= PROBLEMS_MAX && (severity == ProblemSeverity::Warning || self.has_errors())
        {
            return;
        }
        let hint = (!hint.is_empty()).then_some(hint);
        self.problems.push(self.source.problem(severity, span, key, message, hint));
    }

    /// Whether further problems are no longer kept: there are many, and something that must be mended among them.
    pub(super) fn is_full(&self) -> bool {
        self.problems.len() >= PROBLEMS_MAX && self.has_errors()
    }

    /// Whether anything so far must be mended.
    pub(super) fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == ProblemSeverity::Error)
    }
}

/// The bytes of a regular file, refused beyond `bytes_max`.
pub(super) fn read_bounded(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    // A pipe or device would make us wait, or never end.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    #[allow(clippy::disallowed_methods, reason = "bounded by the `take` before it")]
    File::open(path)?.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(io::Error::other(format!("it is larger than {}", super::units::show_size(bytes_max))));
    }
    Ok(bytes)
}

/// A file that cannot be read, as a problem.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> Problem {
    let hint = match error.kind() {
        io::ErrorKind::NotFound => "create it, or correct the path",
        io::ErrorKind::PermissionDenied => "let the user Wirewatch runs as read it",
        _ => "split it, or correct the path",
    };
    Problem::whole_file(path, format!("the file cannot be read: {error}"), Some(hint.to_owned()))
}

/// The folder's `*.toml`, by name; none when there is no folder.
pub(super) fn toml_files(folder: &Path, files_max: usize, what: &str) -> Result<Vec<PathBuf>, Box<Problem>> {
    named_files(folder, &["toml"], files_max, what)
}

/// The folder's files with one of these endings, by name; none when there is no folder.
pub(super) fn named_files(
    folder: &Path,
    endings: &[&str],
    files_max: usize,
    what: &str,
) -> Result<Vec<PathBuf>, Box<Problem>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let refuse = |error: io::Error| {
        let hint = "it must be a folder that the user Wirewatch runs as can read";
        let message = format!("the {what} cannot be listed: {error}");
        Box::new(Problem::whole_file(folder, message, Some(hint.to_owned())))
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(refuse)? {
        let path = entry.map_err(refuse)?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let ends = path.extension().is_some_and(|end| endings.iter().any(|ending| end == *ending));
        if ends && !hidden {
            files.push(path);
        }
        if files.len() > files_max {
            let message = format!("there are more than {files_max} {what}");
            let hint = "share them between several installations".to_owned();
            return Err(Box::new(Problem::whole_file(folder, message, Some(hint))));
        }
    }
    files.sort();
    Ok(files)
}
