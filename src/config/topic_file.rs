//! `topics/*.toml`: from files to compiled topics.
//!
//! Owns what a topic's file must say. Refuses to read queries: [`Topic`] does; the way back from a fault inside one to its
//! line is `topic_lint`'s. It is long because every key of a topic is checked here, next to the others of its section.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use super::TopicOrigin;
use super::check::{note_bytes, read_toml};
use super::learned_file;
use super::policy::check_policy;
use super::raw;
use super::read::Item;
use super::report::Problem;
use super::semantic::{ModelSetting, check_closeness};
use super::source::{Sheet, Source, toml_files};
use super::topic_lint::note_faults;
use super::value::Line;
use crate::article::stem::has_stemmer;
use crate::topic::context::{Effect, Factors, Genre, Languages};
use crate::topic::{Calibration, Example, SetSource, Severity, SignalSource, Topic, TopicId, TopicSource};

/// Most terms of all topics together: the automaton they are found by stays within a few gigabytes.
const TERMS_MAX: usize = 5_000_000;

/// Most topics of a configuration.
const TOPICS_MAX: usize = 5_000;

/// All topics, and what is wrong with their files.
pub(super) struct Topics {
    /// Topics without a fault, by id.
    topics: Vec<Topic>,
    /// The same, compiled together.
    pub(super) compiled: crate::topic::Topics,
    /// Where they come from.
    pub(super) origins: BTreeMap<TopicId, TopicOrigin>,
    /// All topics by id, faulty ones too, for what must be said about them elsewhere.
    pub(super) known: BTreeMap<String, KnownTopic>,
    /// Problems of topic files.
    pub(super) problems: Vec<Problem>,
    /// The ids there are files for; `None` where a topic is read without its neighbours.
    names: Option<Vec<String>>,
}

/// A topic some file declares.
pub(super) struct KnownTopic {
    /// The file.
    file: PathBuf,
    /// Its severity; absent when its file cannot be read.
    pub(super) severity: Option<Severity>,
}

/// Reads every `topics/*.toml`.
pub(super) fn load_topics(
    dir: &Path,
    languages: &Arc<Languages>,
    model: &ModelSetting,
    hash: &mut Xxh3,
) -> Topics {
    let mut topics = Topics::empty();
    let folder = dir.join("topics");
    let files = match toml_files(&folder, TOPICS_MAX, "topics") {
        Ok(files) => files,
        Err(problem) => {
            topics.problems.push(*problem);
            return topics;
        }
    };
    if files.is_empty() {
        let message = "there are no topics: nothing is watched for".to_owned();
        let hint = format!("write one, or copy the starter's: `wirewatch init {}`", dir.display());
        topics.problems.push(Problem::whole_file(&folder, message, Some(hint)).into_warning());
    }
    let stem = |path: &PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    topics.names = Some(files.iter().filter_map(stem).collect());
    for path in files {
        match Source::read(path) {
            Ok(source) => {
                note_bytes(hash, dir, &source);
                topics.add(&source, model);
            }
            Err(problem) => {
                // Routes may name it all the same: one fault, one word.
                if let Some(stem) = problem.file.file_stem() {
                    let known = KnownTopic { file: problem.file.clone(), severity: None };
                    topics.known.insert(stem.to_string_lossy().into_owned(), known);
                }
                topics.problems.push(*problem);
            }
        }
    }
    topics.note_raised();
    topics.topics.sort_by(|a, b| a.source.id.cmp(&b.source.id));
    topics.add_learned(dir, hash);
    let terms = |topic: &Topic| topic.source.sets.iter().map(|set| set.terms.len()).sum::<usize>();
    let count: usize = topics.topics.iter().map(terms).sum();
    if count > TERMS_MAX {
        let message = format!("all topics together have {count} terms, more than {TERMS_MAX}");
        let hint = "share them between several installations".to_owned();
        topics.problems.push(Problem::whole_file(&folder, message, Some(hint)));
        topics.topics.clear();
    }
    let compiled = crate::topic::Topics::new(std::mem::take(&mut topics.topics), Arc::clone(languages));
    topics.compiled = match &model.model {
        Some(model) => compiled.with_model(Arc::clone(model)),
        None => compiled,
    };
    topics
}

impl Topics {
    fn empty() -> Self {
        Self {
            topics: Vec::new(),
            compiled: crate::topic::Topics::default(),
            origins: BTreeMap::new(),
            known: BTreeMap::new(),
            problems: Vec::new(),
            names: None,
        }
    }

    fn add(&mut self, source: &Source, model: &ModelSetting) {
        let mut sheet = Sheet::new(source);
        let raw: raw::Topic = read_toml(&mut sheet);
        let stem =
            source.path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        check_id(&raw.id, &stem, &mut sheet);
        let id = if raw.id.sound { raw.id.value.0.clone() } else { stem };
        if let Some(first) = self.known.get(&id) {
            let span = raw.id.span.clone().unwrap_or_default();
            let message = format!("the topic {id} stands already in {}", first.file.display());
            sheet.error(span, "id", message, "give one of them another id, and its file that name");
        } else {
            // A rule may raise it.
            let is_fixed =
                raw.alert.value.sequence.value.is_empty() && raw.alert.value.together.value.is_empty();
            let severity = Some(raw.severity.value).filter(|_| raw.severity.sound && is_fixed);
            self.known.insert(id, KnownTopic { file: source.path.clone(), severity });
        }
        let topic = check_topic(&raw, model, self.names.as_deref(), &mut sheet);
        if sheet.has_errors() {
            // Queries are read all the same: their faults belong in the same list.
            if let Err(faults) = Topic::compile(topic) {
                note_faults(&raw, faults, &mut sheet);
            }
        } else {
            match Topic::compile(topic) {
                Ok(topic) => self.keep(topic, &raw, source),
                Err(faults) => note_faults(&raw, faults, &mut sheet),
            }
        }
        self.problems.extend(sheet.problems);
    }

    /// A rule of another topic may raise a topic's severity, too.
    fn note_raised(&mut self) {
        let rules = self.topics.iter().flat_map(|topic| &topic.source.policy.together);
        for rule in rules.filter(|rule| rule.severity.is_some()) {
            if let Some(known) = self.known.get_mut(&rule.with.0) {
                known.severity = None;
            }
        }
    }

    /// Gives each topic what was learned of it.
    fn add_learned(&mut self, dir: &Path, hash: &mut Xxh3) {
        let file_of = |topic: &Topic| self.origins.get(&topic.source.id).map(|origin| origin.file.as_path());
        let topics = std::mem::take(&mut self.topics);
        let beside = topics.into_iter().filter_map(|topic| file_of(&topic).map(|file| (topic, file)));
        self.topics = learned_file::add_all(beside.collect(), dir, hash, &mut self.problems);
        let is_known = |id: &str| self.known.contains_key(id);
        self.problems.extend(learned_file::strays(&dir.join("topics"), is_known));
    }

    fn keep(&mut self, topic: Topic, raw: &raw::Topic, source: &Source) {
        let codes = raw.codes.value.iter().map(|item| item.value.0.clone()).collect();
        let origin = TopicOrigin { file: source.path.clone(), codes };
        self.origins.insert(topic.source.id.clone(), origin);
        self.topics.push(topic);
    }
}

fn check_id(item: &Item<Line>, stem: &str, sheet: &mut Sheet<'_>) {
    let Some(span) = item.span.clone().filter(|_| item.sound) else { return };
    let Line(id) = &item.value;
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let kebab = id.len() <= 64 && id.split('-').all(|word| !word.is_empty() && word.chars().all(allowed));
    if !kebab {
        let message = format!("`{}` is not an id", super::quoted(id));
        let hint = "write small letters, digits and single hyphens, at most 64: \"ceasefire-breakdown\"";
        sheet.error(span, "id", message, hint);
    } else if id != stem {
        let message = format!("the id is {id}, but the file is {stem}.toml");
        sheet.error(span, "id", message, format!("name the file {id}.toml, or write id = \"{stem}\""));
    }
}

/// Reads one topic from a text that is to become its file.
pub(super) fn read_topic(path: PathBuf, text: String) -> Result<Topic, Vec<Problem>> {
    let source = Source::new(path, text);
    let mut topics = Topics::empty();
    topics.add(&source, &ModelSetting::default());
    topics.topics.pop().ok_or(topics.problems)
}

fn check_topic(
    raw: &raw::Topic,
    model: &ModelSetting,
    names: Option<&[String]>,
    sheet: &mut Sheet<'_>,
) -> TopicSource {
    let id = raw.id.value.0.clone();
    let calibration = check_calibration(&raw.calibration.value, sheet);
    let signals = check_signals(raw, sheet);
    let policy = check_policy(&raw.alert.value, &id, names, sheet);
    let closeness = check_closeness(raw, model, sheet);
    check_reach(raw, (&signals, closeness.weight), calibration, policy.threshold, sheet);
    TopicSource {
        name: raw.name.value.as_ref().map_or_else(|| id.clone(), |Line(name)| name.clone()),
        id: TopicId(id),
        description: raw.description.value.trim().to_owned(),
        severity: raw.severity.value,
        sets: check_sets(raw, sheet),
        signals,
        factors: check_context(&raw.context.value, sheet),
        closeness,
        calibration,
        policy,
        examples: check_examples(&raw.example.value, sheet),
    }
}

/// The sets, those named in `stemmed` marked so.
fn check_sets(raw: &raw::Topic, sheet: &mut Sheet<'_>) -> Vec<SetSource> {
    let lists = &raw.sets.value.0;
    for (index, item) in raw.stemmed.value.iter().enumerate() {
        let Line(name) = &item.value;
        let of_name = || lists.iter().filter(|list| list.name == *name);
        let Some(span) = item.span.clone().filter(|_| item.sound && raw.sets.sound) else { continue };
        let key = format!("stemmed[{}]", index + 1);
        if of_name().next().is_none() {
            let message = format!("there is no set {}", super::quoted(name));
            sheet.error(span, &key, message, "name a set without its @ and language, or remove it");
        } else if !of_name().any(|list| list.language.as_deref().is_some_and(has_stemmer)) {
            let message = format!("no list of {} is in a language that has stems here", super::quoted(name));
            sheet.warning(
                span,
                &key,
                message,
                "stems exist for ar, de, en, es, fr, it, pt, ru and tr; else use prefix*",
            );
        }
    }
    let is_stemmed = |name: &str| raw.stemmed.value.iter().any(|item| item.value.0 == name);
    let set_source = |list: &raw::WordList| SetSource {
        name: list.name.clone(),
        language: list.language.clone(),
        terms: list.terms.iter().map(|term| term.value.clone()).collect(),
        is_stemmed: is_stemmed(&list.name),
    };
    lists.iter().map(set_source).collect()
}

fn check_signals(raw: &raw::Topic, sheet: &mut Sheet<'_>) -> Vec<SignalSource> {
    let items = &raw.signal.value;
    if let Some(span) = raw.signal.span.clone().filter(|_| items.is_empty() && raw.signal.sound) {
        sheet.error(span, "signal", "a topic without signals never alerts".to_owned(), "add a [[signal]]");
    }
    let mut first_lines: HashMap<&str, usize> = HashMap::new();
    let mut signals = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let signal = &item.value;
        let key = |name: &str| format!("signal[{}].{name}", index + 1);
        check_number(
            &signal.weight,
            &key("weight"),
            "from -1000 to 1000",
            |w| (-1000.0..=1000.0).contains(&w),
            sheet,
        );
        check_number(&signal.weight, &key("weight"), "other than 0, which says nothing", |w| w != 0.0, sheet);
        check_number(&signal.cap, &key("cap"), "from 1 to 2", |cap| (1.0..=2.0).contains(&cap), sheet);
        if let Some(span) =
            signal.when.span.clone().filter(|_| signal.when.sound && signal.when.value.trim().is_empty())
        {
            sheet.error(
                span,
                &key("when"),
                "the query is empty".to_owned(),
                "write what must stand in the text",
            );
        }
        if let Some(span) = signal.name.span.clone().filter(|_| signal.name.sound) {
            let (line, _) = sheet.source.position(span.start);
            match first_lines.get(signal.name.value.0.as_str()) {
                Some(first) => {
                    let message = format!("a signal of this name stands already on line {first}");
                    sheet.error(
                        span,
                        &key("name"),
                        message,
                        "the name is shown as the reason: choose another",
                    );
                }
                None => {
                    first_lines.insert(&signal.name.value.0, line);
                }
            }
        }
        signals.push(SignalSource {
            name: signal.name.value.0.clone(),
            when: signal.when.value.clone(),
            weight: signal.weight.value,
            cap: signal.cap.value,
            context: signal.context.value,
        });
    }
    signals
}

/// Notes a number that does not hold.
pub(super) fn check_number(
    item: &Item<f64>,
    key: &str,
    must_be: &str,
    holds: impl Fn(f64) -> bool,
    sheet: &mut Sheet<'_>,
) {
    if let Some(span) = item.span.clone().filter(|_| item.sound && !holds(item.value)) {
        sheet.error(
            span,
            key,
            format!("{} is out of bounds", item.value),
            format!("write a number {must_be}"),
        );
    }
}

fn check_context(raw: &raw::Context, sheet: &mut Sheet<'_>) -> Factors {
    let effects = [
        &raw.negated,
        &raw.claimed,
        &raw.hedged,
        &raw.hypothetical,
        &raw.future,
        &raw.historical,
        &raw.ended,
    ];
    let genres = [
        &raw.opinion,
        &raw.analysis,
        &raw.anniversary,
        &raw.liveblog,
        &raw.sport,
        &raw.figurative,
        &raw.arts,
    ];
    for (item, effect) in effects.iter().zip(Effect::ALL) {
        let key = format!("context.{}", effect.name());
        check_number(item, &key, "from -1 to 1", |factor| (-1.0..=1.0).contains(&factor), sheet);
    }
    for (item, genre) in genres.iter().zip(Genre::ALL) {
        let key = format!("context.{}", genre.name());
        check_number(item, &key, "from 0 to 1", |factor| (0.0..=1.0).contains(&factor), sheet);
    }
    Factors { effects: effects.map(|item| item.value), genres: genres.map(|item| item.value) }
}

fn check_calibration(raw: &raw::Calibration, sheet: &mut Sheet<'_>) -> Calibration {
    let slope = |slope: f64| slope > 0.0 && slope <= 100.0;
    check_number(&raw.slope, "calibration.slope", "above 0, at most 100", slope, sheet);
    let midpoint = |points: f64| points.abs() <= 10_000.0;
    check_number(&raw.midpoint, "calibration.midpoint", "from -10000 to 10000", midpoint, sheet);
    Calibration { slope: raw.slope.value, midpoint: raw.midpoint.value }
}

/// A threshold that all signals together cannot reach is a topic that never alerts.
fn check_reach(
    raw: &raw::Topic,
    (signals, closeness): (&[SignalSource], f64),
    calibration: Calibration,
    threshold: f64,
    sheet: &mut Sheet<'_>,
) {
    let sound = raw.signal.sound && raw.calibration.sound && raw.alert.sound && !sheet.has_errors();
    if !sound || signals.is_empty() {
        return;
    }
    // A signal that speaks against may count in favour when the text denies it, so its size counts too.
    let of_signals: f64 = signals.iter().map(|signal| signal.weight.abs() * signal.cap).sum();
    let most = of_signals + closeness;
    let reach = 1.0 / (1.0 + (-calibration.slope * (most - calibration.midpoint)).exp());
    if reach < threshold {
        let span = raw.alert.value.threshold.span.clone().or_else(|| raw.signal.value.first()?.span.clone());
        let needed = calibration.midpoint + (threshold / (1.0 - threshold)).ln() / calibration.slope;
        let message = format!(
            "no article can reach {threshold}: it takes {needed:.1} points, and all signals together give {most:.1}"
        );
        sheet.error(
            span.unwrap_or_default(),
            "alert.threshold",
            message,
            "raise the weights, or lower the threshold",
        );
    }
}

fn check_examples(items: &[Item<raw::Example>], sheet: &mut Sheet<'_>) -> Vec<Example> {
    let mut examples = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let example = &item.value;
        let span = example.text.span.clone().or_else(|| item.span.clone()).unwrap_or_default();
        if example.text.sound && example.text.value.trim().is_empty() {
            let key = format!("example[{}].text", index + 1);
            sheet.error(
                span.clone(),
                &key,
                "the example is empty".to_owned(),
                "write a headline, or a whole text",
            );
        }
        let (line, _) = sheet.source.position(span.start);
        examples.push(Example { expect: example.expect.value, text: example.text.value.clone(), line });
    }
    examples
}
