//! `topics/<id>.learned`: what labels taught, beside the topic it was learned of.
//!
//! Owns its format, both ways: [`render`] and [`write`](fn@write) for `topics learn`, and reading it with the configuration. A file that
//! does not fit its topic is a warning and no more: the topic then runs as its own file says. Refuses to learn.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::DeValue;
use xxhash_rust::xxh3::Xxh3;

use super::check::{note_bytes, read_toml};
use super::edit::quote;
use super::read::{Item, Kind, Section, Value, join, mismatch, read_key, refuse_unknown_keys};
use super::report::Problem;
use super::source::{Sheet, Source};
use super::value::Line;
use crate::topic::learn::{self, Learned, Misfit, Words};
use crate::topic::{Calibration, Topic, TopicSource};

/// The ending of its name; not `.toml`, so that nobody takes it for a topic.
pub const EXTENSION: &str = "learned";

/// Where what is learned of a topic stands.
pub fn path(topic_file: &Path) -> PathBuf {
    topic_file.with_extension(EXTENSION)
}

/// The file's text: `head` as comments, then what was learned.
pub fn render(source: &TopicSource, learned: &Learned, head: &[String]) -> String {
    let mut lines: Vec<String> = head.iter().map(|line| format!("# {line}")).collect();
    lines.push(format!("topic_version = {}", quote(&learn::version(source))));
    lines.push("\n[weights]".to_owned());
    // In the order of the topic's file, each beside what the file says.
    for signal in &source.signals {
        lines.extend(learned.weights.get(&signal.name).map(|weight| {
            format!("{} = {weight:?}    # in the file {:?}", quote(&signal.name), signal.weight)
        }));
    }
    let Calibration { slope, midpoint } = learned.calibration;
    lines.push(format!("\n[calibration]\nslope = {slope:?}\nmidpoint = {midpoint:?}"));
    if let Some(words) = &learned.words {
        lines.push(format!("\n[ngrams]\nbound = {:?}", words.bound));
        for (name, terms) in [("title", &words.title), ("text", &words.text)] {
            lines.push(format!("\n[ngrams.{name}]"));
            lines.extend(terms.iter().map(|(term, points)| format!("{} = {points:?}", quote(term))));
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Puts the file in the old one's place at once: whoever reads it meanwhile sees the one or the other.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = path.with_file_name(format!(".{name}.new"));
    let written = File::create(&draft).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    let placed = written.and_then(|()| fs::rename(&draft, path));
    if placed.is_err() {
        // The first error is the one to tell.
        drop(fs::remove_file(&draft));
    }
    placed
}

/// Gives every topic what stands beside its file, and says what does not fit.
pub(super) fn add_all<'a>(
    topics: Vec<(Topic, &'a Path)>,
    dir: &Path,
    hash: &mut Xxh3,
    problems: &mut Vec<Problem>,
) -> Vec<Topic> {
    let mut add = |(topic, file): (Topic, &'a Path)| {
        let path = path(file);
        if !path.exists() {
            return topic;
        }
        match Source::read(path) {
            Ok(source) => {
                note_bytes(hash, dir, &source);
                let (learned, found) = read(&source, &topic.source);
                problems.extend(found);
                topic.with_learned(learned)
            }
            Err(problem) => {
                problems.push(beside(*problem));
                topic
            }
        }
    };
    topics.into_iter().map(&mut add).collect()
}

/// Learned files of topics that are not there. A folder that cannot be listed was reported already.
pub(super) fn strays(folder: &Path, is_known: impl Fn(&str) -> bool) -> Vec<Problem> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let paths =
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == EXTENSION));
    let is_stray = |path: &PathBuf| !path.file_stem().is_some_and(|stem| is_known(&stem.to_string_lossy()));
    let problem = |path: PathBuf| {
        let message = "there is no topic of this name, so what was learned is not used".to_owned();
        let hint = "name it after its topic, or delete it".to_owned();
        Problem::whole_file(&path, message, Some(hint)).into_warning()
    };
    paths.filter(is_stray).map(problem).collect()
}

/// What a file holds for a topic; nothing, and why, when anything in it does not fit.
fn read(source: &Source, topic: &TopicSource) -> (Option<Learned>, Vec<Problem>) {
    let mut sheet = Sheet::new(source);
    let raw: Raw = read_toml(&mut sheet);
    let mut learned = None;
    if !sheet.has_errors() {
        if raw.version.value.0 == learn::version(topic) {
            learned = raw.check(topic, &mut sheet);
        } else {
            let span = raw.version.span.clone().unwrap_or_default();
            let message = format!("this was learned of another version of the topic {}", topic.id);
            sheet.error(span, "topic_version", message, "");
        }
    }
    let learned = learned.filter(|_| !sheet.has_errors());
    (learned, sheet.problems.into_iter().map(beside).collect())
}

/// A problem of a learned file: a warning, as the topic runs without it.
fn beside(problem: Problem) -> Problem {
    let hint = "until then the topic runs as its own file says: run `wirewatch topics learn` again, or delete this file";
    Problem { hint: Some(hint.to_owned()), ..problem.into_warning() }
}

/// The file as it stands there.
struct Raw {
    version: Item<Line>,
    weights: Item<Numbers>,
    calibration: Item<RawCalibration>,
    words: Item<Option<RawWords>>,
}

/// Numbers by free names.
struct Numbers(Vec<(String, Item<f64>)>);

struct RawCalibration {
    slope: Item<f64>,
    midpoint: Item<f64>,
}

struct RawWords {
    bound: Item<f64>,
    title: Item<Numbers>,
    text: Item<Numbers>,
}

impl Raw {
    /// The checked truth; faults are noted.
    fn check(&self, topic: &TopicSource, sheet: &mut Sheet<'_>) -> Option<Learned> {
        let RawCalibration { slope, midpoint } = &self.calibration.value;
        let is_slope = |slope: f64| slope > 0.0 && slope <= 100.0;
        bounded(slope, "calibration.slope", "above 0 and at most 100", is_slope, sheet);
        let is_midpoint = |points: f64| points.abs() <= 10_000.0;
        bounded(midpoint, "calibration.midpoint", "between -10000 and 10000", is_midpoint, sheet);
        let words = self.words.value.as_ref().map(|words| words.check(sheet));
        let calibration = Calibration { slope: slope.value, midpoint: midpoint.value };
        let weights = self.weights.value.by_name();
        match Learned::new(topic, weights, calibration, words) {
            Ok(learned) => Some(learned),
            Err(misfits) => {
                for misfit in misfits {
                    self.note(&misfit, sheet);
                }
                None
            }
        }
    }

    fn note(&self, misfit: &Misfit, sheet: &mut Sheet<'_>) {
        let span = |signal: &str| {
            let found = self.weights.value.0.iter().find(|(name, _)| name == signal);
            found.and_then(|(_, weight)| weight.span.clone()).unwrap_or_default()
        };
        let key = |signal: &str| join("weights", &super::quoted(signal));
        match misfit {
            Misfit::UnknownSignal(signal) => {
                sheet.error(
                    span(signal),
                    &key(signal),
                    "the topic has no signal of this name".to_owned(),
                    "",
                );
            }
            Misfit::OutOfBounds { signal, from, until } => {
                let message = format!("this weight must be between {from:.2} and {until:.2}");
                sheet.error(span(signal), &key(signal), message, "");
            }
            Misfit::Unreachable { needed, most } => {
                let message = format!(
                    "no article can reach the threshold: it takes {needed:.1} points, and all signals together give {most:.1}"
                );
                sheet.error(self.calibration.span.clone().unwrap_or_default(), "calibration", message, "");
            }
        }
    }
}

impl RawWords {
    fn check(&self, sheet: &mut Sheet<'_>) -> Words {
        let most = learn::BOUND_MAX;
        let is_bound = |bound: f64| (0.0..=most).contains(&bound);
        bounded(&self.bound, "ngrams.bound", &format!("between 0 and {most}"), is_bound, sheet);
        let bound = self.bound.value;
        let lists = [("ngrams.title", &self.title), ("ngrams.text", &self.text)];
        for (key, list) in lists {
            for (term, points) in &list.value.0 {
                let key = join(key, &super::quoted(term));
                let within = format!("between -{bound} and {bound}");
                bounded(points, &key, &within, |points| points.abs() <= bound, sheet);
            }
        }
        let count: usize = lists.iter().map(|(_, list)| list.value.0.len()).sum();
        if count > learn::TERMS_MAX {
            let message = format!("{count} words are more than the {} that may be learned", learn::TERMS_MAX);
            sheet.error(self.bound.span.clone().unwrap_or_default(), "ngrams", message, "");
        }
        Words { bound, title: self.title.value.by_name(), text: self.text.value.by_name() }
    }
}

impl Numbers {
    fn by_name(&self) -> BTreeMap<String, f64> {
        self.0.iter().map(|(name, number)| (name.clone(), number.value)).collect()
    }
}

fn bounded(item: &Item<f64>, key: &str, must_be: &str, holds: impl Fn(f64) -> bool, sheet: &mut Sheet<'_>) {
    if let Some(span) = item.span.clone().filter(|_| !holds(item.value)) {
        sheet.error(span, key, format!("{} must be {must_be}", item.value), "");
    }
}

/// A section that no page of the manual shows: nobody writes it by hand.
fn section() -> Kind {
    Kind::Table(Section { about: "", keys: Vec::new() })
}

impl Value for Raw {
    fn kind() -> Kind {
        section()
    }
    fn nothing() -> Self {
        Self {
            version: Item::default(Line::nothing()),
            weights: Item::default(Numbers::nothing()),
            calibration: Item::default(RawCalibration::nothing()),
            words: Item::default(None),
        }
    }
    fn show(&self) -> String {
        String::new()
    }
    fn read(value: &DeValue<'_>, span: Range<usize>, key: &str, sheet: &mut Sheet<'_>) -> Option<Self> {
        let DeValue::Table(table) = value else { return None };
        let known = ["topic_version", "weights", "calibration", "ngrams"];
        let slips = refuse_unknown_keys(table, key, &known, sheet);
        Some(Self {
            version: read_key(table, span.clone(), key, "topic_version", None, &slips, sheet),
            weights: read_key(table, span.clone(), key, "weights", None, &slips, sheet),
            calibration: read_key(table, span.clone(), key, "calibration", None, &slips, sheet),
            words: read_key(table, span, key, "ngrams", Some(None), &slips, sheet),
        })
    }
}

impl Value for RawCalibration {
    fn kind() -> Kind {
        section()
    }
    fn nothing() -> Self {
        Self { slope: Item::default(0.0), midpoint: Item::default(0.0) }
    }
    fn show(&self) -> String {
        String::new()
    }
    fn read(value: &DeValue<'_>, span: Range<usize>, key: &str, sheet: &mut Sheet<'_>) -> Option<Self> {
        let DeValue::Table(table) = value else {
            mismatch(value, span, key, "a section", "", sheet);
            return None;
        };
        let slips = refuse_unknown_keys(table, key, &["slope", "midpoint"], sheet);
        Some(Self {
            slope: read_key(table, span.clone(), key, "slope", None, &slips, sheet),
            midpoint: read_key(table, span, key, "midpoint", None, &slips, sheet),
        })
    }
}

impl Value for RawWords {
    fn kind() -> Kind {
        section()
    }
    fn nothing() -> Self {
        let numbers = || Item::default(Numbers::nothing());
        Self { bound: Item::default(0.0), title: numbers(), text: numbers() }
    }
    fn show(&self) -> String {
        String::new()
    }
    fn read(value: &DeValue<'_>, span: Range<usize>, key: &str, sheet: &mut Sheet<'_>) -> Option<Self> {
        let DeValue::Table(table) = value else {
            mismatch(value, span, key, "a section", "", sheet);
            return None;
        };
        let slips = refuse_unknown_keys(table, key, &["bound", "title", "text"], sheet);
        Some(Self {
            bound: read_key(table, span.clone(), key, "bound", None, &slips, sheet),
            title: read_key(table, span.clone(), key, "title", None, &slips, sheet),
            text: read_key(table, span, key, "text", None, &slips, sheet),
        })
    }
}

impl Value for Numbers {
    fn kind() -> Kind {
        section()
    }
    fn nothing() -> Self {
        Self(Vec::new())
    }
    fn show(&self) -> String {
        String::new()
    }
    fn read(value: &DeValue<'_>, span: Range<usize>, key: &str, sheet: &mut Sheet<'_>) -> Option<Self> {
        let DeValue::Table(table) = value else {
            mismatch(value, span, key, "a section of numbers by name", "", sheet);
            return None;
        };
        let mut numbers = Vec::with_capacity(table.len());
        for (name, value) in table {
            let name = name.get_ref().as_ref();
            let key = join(key, &super::quoted(name));
            if let Some(number) = f64::read(value.get_ref(), value.span(), &key, sheet) {
                numbers
                    .push((name.to_owned(), Item { value: number, span: Some(value.span()), sound: true }));
            }
        }
        Some(Self(numbers))
    }
}
