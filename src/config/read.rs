//! A small typed reader over spanned TOML that reports every fault instead of the first.
//!
//! Owns [`Value`], what a key can hold, and tables: missing keys, unknown keys and what they were meant to be.
//! Refuses to know any key (`raw` does) and how plain values are written (`value` does).

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::source::Sheet;

/// A value with its place in the file.
#[derive(Debug, Clone)]
pub(super) struct Item<T> {
    /// The value; a default when the file gives none or a faulty one.
    pub(super) value: T,
    /// Where the file gives it.
    pub(super) span: Option<Range<usize>>,
    /// False when the file gives something that was refused: whatever follows from it is not worth a word.
    pub(super) sound: bool,
}

impl<T> Item<T> {
    /// A value the file does not give.
    pub(super) fn default(value: T) -> Self {
        Self { value, span: None, sound: true }
    }
}

/// What the manual says of a kind of value.
pub(super) enum Kind {
    /// One value, in words.
    Plain(String),
    /// `[section]`.
    Table(Section),
    /// `[[section]]`.
    Tables(Section),
}

/// What the manual says of a section.
pub(super) struct Section {
    /// Prose.
    pub(super) about: &'static str,
    /// Its keys, in order.
    pub(super) keys: Vec<KeyDoc>,
}

/// What the manual says of a key.
pub(super) struct KeyDoc {
    /// The key.
    pub(super) name: &'static str,
    /// What it holds.
    pub(super) kind: Kind,
    /// The default as TOML; absent when the key must be given.
    pub(super) default: Option<String>,
    /// Prose.
    pub(super) about: &'static str,
}

/// Something a key can hold.
pub(super) trait Value: Sized {
    /// How the manual calls it.
    fn kind() -> Kind;
    /// Stands in for a value that is missing or refused.
    fn nothing() -> Self;
    /// The value as TOML; empty when it cannot be written.
    fn show(&self) -> String;
    /// Reads it, or reports why not.
    fn read(value: &DeValue<'_>, span: Range<usize>, key: &str, sheet: &mut Sheet<'_>) -> Option<Self>;
}

/// Reads a key of a table.
pub(super) fn read_key<T: Value>(
    table: &DeTable<'_>,
    table_span: Range<usize>,
    path: &str,
    name: &str,
    default: Option<T>,
    slips: &[&str],
    sheet: &mut Sheet<'_>,
) -> Item<T> {
    let key = join(path, name);
    match (table.get(name), default) {
        (Some(value), default) => {
            let span = value.span();
            let errors_before = sheet.problems.len();
            let read = T::read(value.get_ref(), span.clone(), &key, sheet);
            let sound = read.is_some() && sheet.problems.len() == errors_before;
            let value = read.or(default).unwrap_or_else(T::nothing);
            Item { value, span: Some(span), sound }
        }
        (None, Some(default)) => Item::default(default),
        // A slip was reported already: the key is there, under another name.
        (None, None) if slips.contains(&name) => Item { value: T::nothing(), span: None, sound: false },
        (None, None) => {
            sheet.error(table_span, &key, "this key must be given".to_owned(), format!("add `{name} = …`"));
            Item { value: T::nothing(), span: None, sound: false }
        }
    }
}

/// Reports keys that are not in `known`, and returns those of `known` they were most likely meant to be.
pub(super) fn refuse_unknown_keys<'k>(
    table: &DeTable<'_>,
    path: &str,
    known: &[&'k str],
    sheet: &mut Sheet<'_>,
) -> Vec<&'k str> {
    let mut slips = Vec::new();
    for key in table.keys() {
        let name = key.get_ref().as_ref();
        if known.contains(&name) {
            continue;
        }
        let listed = known.join(", ");
        let near = nearest(name, known).filter(|near| !table.contains_key(*near));
        slips.extend(near);
        let hint = match near {
            Some(near) => format!("did you mean `{near}`? known keys here: {listed}"),
            None if name.contains("password") => {
                "a password does not belong in this file: put it in a file of its own and name that in \
                 `mail.password_file`"
                    .to_owned()
            }
            None => format!("known keys here: {listed}"),
        };
        sheet.error(key.span(), &join(path, &super::quoted(name)), "this key is not known".to_owned(), hint);
    }
    slips
}

/// `poll` and `interval` make `poll.interval`.
pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The known word a slip most likely meant.
pub(super) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let written = name.to_lowercase().replace('-', "_");
    // A word may differ by a third of its letters: `intervall`, `wieght`; beyond that it is another word.
    let limit = (written.chars().count() / 3).clamp(1, 3);
    let scored = known.iter().map(|word| (distance(&written, word), *word));
    scored.filter(|(distance, _)| *distance <= limit).min().map(|(_, word)| word)
}

/// Edits (insert, delete, replace, swap neighbours) between two words of at most 40 letters.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().take(40).collect();
    let b: Vec<char> = b.chars().take(40).collect();
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

/// Reports a value of another kind.
pub(super) fn mismatch(
    value: &DeValue<'_>,
    span: Range<usize>,
    key: &str,
    expected: &str,
    hint: &str,
    sheet: &mut Sheet<'_>,
) {
    let found = match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    sheet.error(span, key, format!("this must be {expected}, not {found}"), hint);
}
