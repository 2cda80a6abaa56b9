//! Draft: a topic's file before anybody has worked on it.
//!
//! Owns [`Draft`], how one is written as TOML, and names made out of words. Refuses to judge it: what reads a topic's file
//! reads a draft's text, too.

pub mod headlines;

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use super::Expect;
use crate::article::words::fold;

/// Longest id made out of words.
const ID_LENGTH_MAX: usize = 64;
/// Longest name of a set made out of words.
const SET_NAME_LENGTH_MAX: usize = 24;

/// A topic file to begin with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Draft {
    /// Lines above everything.
    pub comments: Vec<String>,
    /// Stable name.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// One or two sentences.
    pub description: String,
    /// Sets that match by stems.
    pub stemmed: Vec<String>,
    /// Word lists.
    pub sets: Vec<DraftSet>,
    /// Weighted queries.
    pub signals: Vec<DraftSignal>,
    /// What must happen.
    pub examples: Vec<(Expect, String)>,
    /// Lines below everything.
    pub last_comments: Vec<String>,
}

/// One list of a set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DraftSet {
    /// What stands above it.
    pub comment: String,
    /// Its name.
    pub name: String,
    /// Its language, if it has one.
    pub language: Option<String>,
    /// Its terms.
    pub terms: Vec<String>,
}

/// One signal.
#[derive(Debug, Clone, PartialEq)]
pub struct DraftSignal {
    /// What stands above it.
    pub comment: String,
    /// Its name.
    pub name: String,
    /// Its query.
    pub when: String,
    /// Its weight.
    pub weight: f64,
    /// Its cap.
    pub cap: f64,
}

impl Draft {
    /// The file.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        comments(&mut text, &self.comments);
        if !self.comments.is_empty() {
            text.push('\n');
        }
        key(&mut text, "id", &string(&self.id));
        key(&mut text, "name", &string(&self.name));
        key(&mut text, "description", &string(&self.description));
        key(&mut text, "severity", "\"warning\"");
        if !self.stemmed.is_empty() {
            key(&mut text, "stemmed", &list(&self.stemmed));
        }
        if !self.sets.is_empty() {
            text.push_str("\n[sets]\n");
        }
        for set in &self.sets {
            comments(&mut text, &[&set.comment]);
            let name = match &set.language {
                Some(language) => format!("{}.{language}", set.name),
                None => set.name.clone(),
            };
            key(&mut text, &name, &list(&set.terms));
        }
        for signal in &self.signals {
            text.push('\n');
            comments(&mut text, &[&signal.comment]);
            text.push_str("[[signal]]\n");
            key(&mut text, "name", &string(&signal.name));
            key(&mut text, "when", &string(&signal.when));
            key(&mut text, "weight", &number(signal.weight));
            if signal.cap > 1.0 {
                key(&mut text, "cap", &number(signal.cap));
            }
        }
        for (expect, example) in &self.examples {
            let word = match expect {
                Expect::Alert => "\"alert\"",
                Expect::Quiet => "\"quiet\"",
            };
            text.push_str("\n[[example]]\n");
            key(&mut text, "expect", word);
            key(&mut text, "text", &string(example));
        }
        if !self.last_comments.is_empty() {
            text.push('\n');
            comments(&mut text, &self.last_comments);
        }
        text
    }
}

fn comments<S: AsRef<str>>(text: &mut String, lines: &[S]) {
    for line in lines.iter().flat_map(|comment| comment.as_ref().lines()) {
        // TOML allows no control characters in comments.
        let line: String =
            line.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        text.push_str("# ");
        text.push_str(line.trim());
        text.push('\n');
    }
}

fn key(text: &mut String, name: &str, value: &str) {
    text.extend([name, " = ", value, "\n"]);
}

fn list(terms: &[String]) -> String {
    let terms: Vec<String> = terms.iter().map(|term| string(term)).collect();
    format!("[{}]", terms.join(", "))
}

fn number(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    // A weight of nothing is refused, and what was written is small, not nothing.
    if rounded == 0.0 { format!("{}", 0.1_f64.copysign(value)) } else { format!("{rounded}") }
}

/// A TOML string; between single quotes when that saves escapes.
pub fn string(text: &str) -> String {
    let is_plain = !text.contains(char::is_control);
    if is_plain && text.contains(['"', '\\']) && !text.contains('\'') {
        return format!("'{text}'");
    }
    let mut written = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => written.extend(['\\', letter]),
            '\n' => written.push_str("\\n"),
            '\t' => written.push_str("\\t"),
            _ if letter.is_control() => drop(write!(written, "\\u{:04X}", u32::from(letter))),
            _ => written.push(letter),
        }
    }
    written.push('"');
    written
}

/// An id made out of words: small letters, digits and single hyphens. Empty when there is no Latin letter or digit.
pub fn id_of(text: &str) -> String {
    joined(text, '-', ID_LENGTH_MAX)
}

fn joined(text: &str, separator: char, length_max: usize) -> String {
    let mut name = String::new();
    for word in fold(text).split(' ') {
        let letters: String = word.chars().filter(char::is_ascii_alphanumeric).collect();
        if letters.is_empty() || letters.len() != word.len() {
            continue;
        }
        let room = length_max.saturating_sub(name.len() + 1);
        if !name.is_empty() && letters.len() > room {
            break;
        }
        if !name.is_empty() {
            name.push(separator);
        }
        name.extend(letters.chars().take(length_max));
    }
    name
}

/// Names that do not stand twice.
#[derive(Debug, Default)]
pub struct Names {
    taken: HashSet<String>,
    /// The number to try next for a name that is taken: thousands may ask for the same.
    next: HashMap<String, usize>,
}

impl Names {
    /// A name for a set out of one of its terms.
    pub fn set(&mut self, term: &str) -> String {
        let made = joined(term, '_', SET_NAME_LENGTH_MAX);
        let name = if made.is_empty() { "words".to_owned() } else { made };
        self.free(&name, "_")
    }

    /// A name for a signal.
    pub fn signal(&mut self, words: &str) -> String {
        self.free(words, " ")
    }

    fn free(&mut self, name: &str, separator: &str) -> String {
        let mut free = name.to_owned();
        while !self.taken.insert(free.clone()) {
            let number = self.next.entry(name.to_owned()).or_insert(2);
            free = format!("{name}{separator}{number}");
            *number += 1;
        }
        free
    }
}
