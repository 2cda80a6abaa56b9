//! What is wrong in a configuration, and how it is shown.
//!
//! Owns [`Problem`] and [`render`]. Refuses to find problems, and to show a line that may hold a secret.

use std::fmt;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Element, Level, Origin, Renderer, Snippet};

/// Most problems shown at once; the rest are counted.
const SHOWN_MAX: usize = 200;

/// Whether a configuration with this problem can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProblemSeverity {
    /// It must be mended.
    Error,
    /// It runs, but is hardly meant so.
    Warning,
}

/// One thing wrong, where it stands, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Whether it must be mended.
    pub severity: ProblemSeverity,
    /// The file, or the directory when that is at fault.
    pub file: PathBuf,
    /// Line, from 1; absent when the whole file is meant.
    pub line: Option<usize>,
    /// Column in characters, from 1.
    pub column: Option<usize>,
    /// Path of the key, such as `signal[2].when`; empty when no key is meant.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// The line, when it can be shown.
    pub source_line: Option<String>,
    /// How many characters from `column` are meant, at least 1.
    pub marked: usize,
}

impl Problem {
    /// Whether it keeps the configuration from being used.
    pub fn is_error(&self) -> bool {
        self.severity == ProblemSeverity::Error
    }

    /// An error about a file or directory as a whole.
    pub(super) fn whole_file(path: &Path, message: String, hint: Option<String>) -> Self {
        Self {
            severity: ProblemSeverity::Error,
            file: path.to_owned(),
            line: None,
            column: None,
            key: String::new(),
            message,
            hint,
            source_line: None,
            marked: 1,
        }
    }

    /// The same, as a warning.
    pub(super) fn into_warning(mut self) -> Self {
        self.severity = ProblemSeverity::Warning;
        self
    }

    /// `key: message`, or the message alone.
    fn headline(&self) -> String {
        if self.key.is_empty() { self.message.clone() } else { format!("{}: {}", self.key, self.message) }
    }
}

/// One line, `file:line:column: error: key: message (hint)`, for logs.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        for number in [self.line, self.column].into_iter().flatten() {
            write!(f, ":{number}")?;
        }
        let severity = match self.severity {
            ProblemSeverity::Error => "error",
            ProblemSeverity::Warning => "warning",
        };
        write!(f, ": {severity}: {}", self.headline())?;
        if let Some(hint) = &self.hint {
            write!(f, " (hint: {hint})")?;
        }
        Ok(())
    }
}

/// Puts problems in the order they are shown: by file, line, column.
pub(super) fn sort(problems: &mut Vec<Problem>) {
    problems.sort_by(|a, b| {
        let place = |problem: &Problem| (problem.line, problem.column, problem.severity);
        (&a.file, place(a), &a.key, &a.message).cmp(&(&b.file, place(b), &b.key, &b.message))
    });
    problems.dedup();
}

/// Problems as text for a terminal, each with `file:line:column`, the line, and its hint.
pub fn render(problems: &[Problem], color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for problem in problems.iter().take(SHOWN_MAX) {
        text.push_str(&render_one(problem, &renderer));
        text.push_str("\n\n");
    }
    if problems.len() > SHOWN_MAX {
        let left = problems.len() - SHOWN_MAX;
        text.extend(["… and ", &left.to_string(), " more\n"]);
    }
    text
}

fn render_one(problem: &Problem, renderer: &Renderer) -> String {
    let level = match problem.severity {
        ProblemSeverity::Error => Level::ERROR,
        ProblemSeverity::Warning => Level::WARNING,
    };
    let path = problem.file.display().to_string();
    let place: Element<'_> = match (&problem.source_line, problem.line) {
        (Some(line), Some(number)) => Snippet::source(line.as_str())
            .line_start(number)
            .path(path)
            .annotation(AnnotationKind::Primary.span(marked_bytes(line, problem)))
            .into(),
        (None, Some(number)) => {
            let origin = Origin::path(path).line(number);
            match problem.column {
                Some(column) => origin.char_column(column).into(),
                None => origin.into(),
            }
        }
        _ => Origin::path(path).into(),
    };
    let mut group = level.primary_title(problem.headline()).element(place);
    if let Some(hint) = &problem.hint {
        group = group.element(Level::HELP.with_name("hint").message(hint.as_str()));
    }
    renderer.render(&[group])
}

/// The bytes of the line the problem means, on character boundaries.
fn marked_bytes(line: &str, problem: &Problem) -> std::ops::Range<usize> {
    let first = problem.column.unwrap_or(1).saturating_sub(1);
    let at = |character: usize| line.char_indices().nth(character).map_or(line.len(), |(byte, _)| byte);
    at(first)..at(first.saturating_add(problem.marked))
}
