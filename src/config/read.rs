//! A small typed reader over spanned TOML that reports every fault instead of the first.
//!
//! Owns [`Value`], what a key can hold, and how each kind is read and named in the manual.
//! Refuses to know any key: those are in `raw`.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::source::Sheet;
use super::units;

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
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
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

/// The string, or a report that it is none.
fn string<'v>(
    value: &'v DeValue<'_>,
    span: Range<usize>,
    key: &str,
    expected: &str,
    hint: &str,
    sheet: &mut Sheet<'_>,
) -> Option<&'v str> {
    if let DeValue::String(text) = value {
        return Some(text.as_ref());
    }
    mismatch(value, span, key, expected, hint, sheet);
    None
}

impl Value for Duration {
    fn kind() -> Kind {
        Kind::Plain("duration".to_owned())
    }
    fn nothing() -> Self {
        Self::ZERO
    }
    fn show(&self) -> String {
        format!("\"{}\"", units::show_duration(*self))
    }
    fn read(value: &DeValue<'_>, span: Range<usize>, key: &str, sheet: &mut Sheet<'_>) -> Option<Self> {
        let text = string(value, span.clone(), key, "a duration", units::DURATION_HINT, sheet)?;
        units::parse_duration(text)
            .map_err(|message| sheet.error(span, key, message, units::DURATION_HINT))
            .ok()
    }
}

/// A number of bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size(pub(super) u64);

impl Value for Size {
    fn kind() -> Kind {
        Kind::Plain("size".to_owned())
    }
    fn nothing() -> Self {
        Self(0)
    }
    fn show(&self) -> String {
        format!("\"{}\"", units::show_size(self.0))
    }
    fn read(value: &DeValue<'_>, span: Range<usize>, key: &str, sheet: &mut Sheet<'_>) -> Option<Self> {
        let text = string(value, span.clone(), key, "a size", units::SIZE_HINT, sheet)?;
        units::parse_size(text)
            .map(Size)
            .map_err(|message| sheet.error(span, key, message, units::SIZE_HINT))
            .ok()
    }
}

/// Text that may span lines.
impl Value for String {
    fn kind() -> Kind {
        Kind::Plain("text".to_owned())
    }
    fn nothing() -> Self {
        Self::new()
    }
    fn show(&self) -> String {
        format!("\"{self}\"")
    }
    fn read(value: &DeValue<'_>, span: Range<usize>, key: &str, sheet: &mut Sheet<'_>) -> Option<Self> {
        string(value, span, key, "text", "put it in quotes: \"…\"", sheet).map(str::to_owned)
    }
}

/// Text on one line, trimmed, not empty: it ends up in headers and logs.
#[derive(Debug, Clone)]
pub(super) struct Line(pub(super) String);

impl Value for Line {
    fn kind() -> Kind {
        Kind::Plain("text on one line".to_owned())
    }
    fn nothing() -> Self {
        Self(String::new())
    }
    fn show(&self) -> String {
        format!("\"{}\"", self.0)
    }
    fn read(value: &DeValue<'_>, span: Range<usize>, key: &str, sheet: &mut Sheet<'_>) -> Option<Self> {
        let text = string(value, span.clone(), key, "text", "put it in quotes: \"…\"", sheet)?.trim();
        if text.is_empty() {
            sheet.error(span, key, "this must not be empty".to_owned(), "write something, or remove the key");
            return None;
        }
        if text.chars().any(char::is_control) {
            let message = "line breaks and other control characters are not allowed here".to_owned();
            sheet.error(span, key, message, "write it on one line");
            return None;
        }
        Some(Self(text.to_owned()))
    }
}

impl Value for PathBuf {
    fn kind() -> Kind {
        Kind::Plain("path".to_owned())
    }
    fn nothing() -> Self {
        Self::new()
    }
    fn show(&self) -> String {
        format!("\"{}\"", self.display())
    }
    fn read(value: &DeValue<'_>, span: Range<usize>, key: &str, sheet: &mut Sheet<'_>) -> Option<Self> {
        let Line(text) = Line::read(value, span.clone(), key, sheet)?;
        if text.contains('\0') {
            return None;
        }
        Some(Self::from(text))
    }
}

impl Value for bool {
    fn kind() -> Kind {
        Kind::Plain("true or false".to_owned())
    }
    fn nothing() -> Self {
        false
    }
    fn show(&self) -> String {
        self.to_string()
    }
    fn read(value: &DeValue<'_>, span: Range<usize>, key: &str, sheet: &mut Sheet<'_>) -> Option<Self> {
        if let DeValue::Boolean(flag) = value {
            return Some(*flag);
        }
        mismatch(value, span, key, "true or false", "write true or false, without quotes", sheet);
        None
    }
}

/// A whole number from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole<const MIN: u32, const MAX: u32>(pub(super) u32);

impl<const MIN: u32, const MAX: u32> Value for Whole<MIN, MAX> {
    fn kind() -> Kind {
        Kind::Plain(format!("whole number, {MIN} to {MAX}"))
    }
    fn nothing() -> Self {
        Self(MIN)
    }
    fn show(&self) -> String {
        self.0.to_string()
    }
    fn read(value: &DeValue<'_>, span: Range<usize>, key: &str, sheet: &mut Sheet<'_>) -> Option<Self> {
        let hint = format!("write a whole number from {MIN} to {MAX}, without quotes");
        let DeValue::Integer(number) = value else {
            mismatch(value, span, key, "a whole number", &hint, sheet);
            return None;
        };
        let read = i64::from_str_radix(number.as_str(), number.radix()).ok();
        let fits = read.and_then(|number| u32::try_from(number).ok()).filter(|n| (MIN..=MAX).contains(n));
        if fits.is_none() {
            sheet.error(span, key, format!("{number} is not between {MIN} and {MAX}"), hint);
        }
        fits.map(Self)
    }
}

/// A number; whole numbers count.
impl Value for f64 {
    fn kind() -> Kind {
        Kind::Plain("number".to_owned())
    }
    fn nothing() -> Self {
        0.0
    }
    fn show(&self) -> String {
        format!("{self}")
    }
    fn read(value: &DeValue<'_>, span: Range<usize>, key: &str, sheet: &mut Sheet<'_>) -> Option<Self> {
        let hint = "write a number, without quotes";
        let number = match value {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse::<Self>().ok(),
            DeValue::Float(number) => number.as_str().parse::<Self>().ok(),
            _ => {
                mismatch(value, span, key, "a number", hint, sheet);
                return None;
            }
        };
        let finite = number.filter(|number| number.is_finite());
        if finite.is_none() {
            sheet.error(span, key, "this is not a finite number".to_owned(), hint);
        }
        finite
    }
}

impl<T: Value> Value for Option<T> {
    fn kind() -> Kind {
        T::kind()
    }
    fn nothing() -> Self {
        None
    }
    fn show(&self) -> String {
        self.as_ref().map(T::show).unwrap_or_default()
    }
    fn read(value: &DeValue<'_>, span: Range<usize>, key: &str, sheet: &mut Sheet<'_>) -> Option<Self> {
        T::read(value, span, key, sheet).map(Some)
    }
}

impl<T: Value> Value for Vec<Item<T>> {
    fn kind() -> Kind {
        match T::kind() {
            Kind::Plain(word) => Kind::Plain(format!("list of {word}")),
            Kind::Table(section) | Kind::Tables(section) => Kind::Tables(section),
        }
    }
    fn nothing() -> Self {
        Self::new()
    }
    fn show(&self) -> String {
        let items: Vec<String> = self.iter().map(|item| item.value.show()).collect();
        format!("[{}]", items.join(", "))
    }
    fn read(value: &DeValue<'_>, span: Range<usize>, key: &str, sheet: &mut Sheet<'_>) -> Option<Self> {
        let DeValue::Array(array) = value else {
            let name = key.rsplit('.').next().unwrap_or(key);
            let (expected, hint) = match T::kind() {
                Kind::Plain(_) => ("a list", "put it in square brackets: [\"…\", \"…\"]".to_owned()),
                _ => ("a list of tables", format!("write [[{name}]], with two brackets")),
            };
            mismatch(value, span, key, expected, &hint, sheet);
            return None;
        };
        let mut items = Self::with_capacity(array.len());
        for (index, value) in array.iter().enumerate() {
            items.extend(read_element(value, &format!("{key}[{}]", index + 1), sheet));
        }
        Some(items)
    }
}

fn read_element<T: Value>(value: &Spanned<DeValue<'_>>, key: &str, sheet: &mut Sheet<'_>) -> Option<Item<T>> {
    let problems_before = sheet.problems.len();
    let read = T::read(value.get_ref(), value.span(), key, sheet)?;
    let sound = sheet.problems.len() == problems_before;
    Some(Item { value: read, span: Some(value.span()), sound })
}

/// Reads one word out of a closed list.
pub(super) fn read_word<T: Copy>(
    words: &[(&'static str, T)],
    value: &DeValue<'_>,
    span: Range<usize>,
    key: &str,
    sheet: &mut Sheet<'_>,
) -> Option<T> {
    let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
    let mut hint = format!("write one of \"{}\"", names.join("\", \""));
    let text = string(value, span.clone(), key, "a word", &hint, sheet)?;
    let found = words.iter().find(|(name, _)| *name == text);
    if found.is_none() {
        if let Some(near) = nearest(text, &names) {
            hint = format!("did you mean \"{near}\"? {hint}");
        }
        sheet.error(
            span,
            key,
            format!("`{}` is not one of the words this key knows", super::quoted(text)),
            hint,
        );
    }
    found.map(|(_, word)| *word)
}
