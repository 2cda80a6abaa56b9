//! Plain values: durations, sizes, text, numbers, lists and words of a closed list.
//!
//! Owns how each is written, what is said when it is not, and how the manual calls it.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use super::read::{Item, Kind, Value, mismatch, nearest};
use super::source::Sheet;
use super::units;

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
        Kind::Plain("text".to_owned())
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
        if text.starts_with('~') {
            let message = "`~` is not expanded here".to_owned();
            sheet.error(span, key, message, "write the path in full, such as \"/home/you/wirewatch\"");
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
            Kind::Plain(word) => Kind::Plain(format!("list: {word}")),
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
