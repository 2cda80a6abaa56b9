//! Import: what other monitoring systems call a topic, as a topic file.
//!
//! Owns [`Format`] and [`Import`]. `boolean` reads search strings (Meltwater, Brandwatch, Lucene), `emm` reads lists of
//! weighted words (Europe Media Monitor), `write` lays a search string out as sets and signals. Nothing is dropped in silence:
//! what cannot be said here becomes a [`Loss`]. Refuses to check the result: that is done as with any file.

mod boolean;
mod emm;
mod lexer;
mod term;
mod tree;
mod write;

use std::fmt;

use super::draft::Draft;

/// Longest text that is imported, characters.
pub const CHARS_MAX: usize = 1_000_000;

/// What a text is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A search string: `(a OR b) NEAR/5 c NOT d`.
    Boolean,
    /// A list of words with weights, one a line.
    Emm,
}

impl Format {
    /// What a text most likely is: a list when most of its lines end with a number and none uses an operator.
    pub fn of(text: &str) -> Self {
        let is_operator = |word: &str| matches!(word, "AND" | "OR" | "NOT") || word.starts_with("NEAR");
        let mut lines = 0_usize;
        let mut weighted = 0_usize;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if line.contains(['(', '"', '“']) || line.split_whitespace().any(is_operator) {
                return Self::Boolean;
            }
            lines += 1;
            weighted += usize::from(emm::is_weighted(line));
        }
        if weighted > 0 && weighted * 2 >= lines { Self::Emm } else { Self::Boolean }
    }
}

/// A topic made out of a text, and what of the text it does not say.
#[derive(Debug, Clone, PartialEq)]
pub struct Import {
    /// The topic.
    pub draft: Draft,
    /// What was lost or read with doubt, in the order of the text.
    pub losses: Vec<Loss>,
}

/// Something of a text that its topic does not say, or says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Loss {
    /// Line of the text, from 1.
    pub line: usize,
    /// Character of that line, from 1.
    pub column: usize,
    /// What it is, and what became of it.
    pub message: String,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

/// Where the lines of a text begin, so that each loss need not count them.
struct Lines(Vec<usize>);

impl Lines {
    fn of(chars: &[char]) -> Self {
        let ends = chars.iter().enumerate().filter(|(_, letter)| **letter == '\n');
        Self(ends.map(|(at, _)| at + 1).collect())
    }
}

impl Loss {
    /// At a character of a text.
    fn at(lines: &Lines, at: usize, message: String) -> Self {
        let before = lines.0.partition_point(|start| *start <= at);
        let start = before.checked_sub(1).and_then(|line| lines.0.get(line)).copied().unwrap_or(0);
        Self { line: before + 1, column: at - start + 1, message }
    }
}

/// Makes a topic out of a text; the fault is where the text says nothing that can be read.
pub fn import(text: &str, format: Format, id: &str, name: &str) -> Result<Import, Loss> {
    if text.chars().nth(CHARS_MAX).is_some() {
        let message = format!("this is longer than {CHARS_MAX} characters: import it in parts");
        return Err(Loss { line: 1, column: 1, message });
    }
    let mut import = match format {
        Format::Boolean => boolean::import(text)?,
        Format::Emm => emm::import(text)?,
    };
    import.losses.sort();
    import.losses.dedup();
    id.clone_into(&mut import.draft.id);
    name.clone_into(&mut import.draft.name);
    let lost = import.losses.iter().map(|loss| format!("lost or changed, {loss}"));
    import.draft.comments.extend(lost);
    import.draft.last_comments = [
        "How to go on:",
        "1. Add examples, as many that must alert as look-alikes that must stay quiet, then: wirewatch topics test ID",
        "   [[example]]",
        "   expect = \"alert\"    # or \"quiet\"",
        "   text = \"A headline\"",
        "2. Give lists their language (`name.en`, `name.fr`), and tie bare words to their subject with NEAR.",
        "3. See what it finds: wirewatch score --topic ID article.txt, wirewatch replay april.jsonl.gz. Weights: docs/topics.md.",
    ]
    .map(|line| line.replace("ID", id))
    .into();
    Ok(import)
}
