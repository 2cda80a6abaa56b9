//! What people said of the entries that are played: whether an alert is right.
//!
//! Owns [`Labels`], by id and by link. An alert is right when somebody said so of one of its articles, wrong when somebody
//! judged some and found none right. Arguable ones count as neither; corrections, all-clears and surges are not judged.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::super::record::Lines;
use super::super::{Exit, Failure, complain};
use super::input::{Name, Timed};
use crate::alert::{Alert, Kind};
use crate::store::Reader;
use crate::topic::evaluate::Grade;

/// Grades by topic; where `complete`, a topic that is not named is 0.
#[derive(Debug, Default)]
struct Grades {
    named: BTreeMap<String, Grade>,
    is_complete: bool,
}

/// Labels of entries.
#[derive(Debug, Default)]
pub(super) struct Labels {
    grades: Vec<Grades>,
    by_id: HashMap<String, usize>,
    by_url: HashMap<String, usize>,
    by_number: HashMap<i64, usize>,
}

/// What is said of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Right,
    Wrong,
}

impl Labels {
    /// Labels of a file: entries with `labels` (product contract, section 4). What cannot be read is reported.
    pub(super) fn read(path: &Path) -> Result<(Self, Exit), Failure> {
        let (mut labels, mut exit) = (Self::default(), Exit::Done);
        let mut lines = Lines::open(path)?;
        while let Some(line) = lines.next()? {
            let read = line.map_err(|bad| format!("{}: not an entry: {}", bad.place, bad.message));
            let labelled = read.and_then(|record| {
                let grades = grades(record.labels.as_ref())
                    .map_err(|message| format!("{}: {message}", lines.place()))?;
                Ok((record, grades))
            });
            match labelled {
                Ok((record, grades)) => {
                    let place = labels.grades.len();
                    labels.grades.push(grades);
                    if let Some(id) = record.id {
                        labels.by_id.insert(id, place);
                    }
                    if let Some(url) = record.url {
                        labels.by_url.insert(url, place);
                    }
                }
                Err(complaint) => {
                    complain(&complaint);
                    exit = Exit::Failed;
                }
            }
        }
        Ok((labels, exit))
    }

    /// The labels of the archive (`articles label`, `alerts feedback`), besides.
    pub(super) fn add_stored(&mut self, reader: &Reader) -> Result<(), Failure> {
        for label in reader.labels()? {
            let place = *self.by_number.entry(label.article).or_insert(self.grades.len());
            if place == self.grades.len() {
                self.grades.push(Grades::default());
            }
            if let Some(grades) = self.grades.get_mut(place) {
                grades.named.insert(label.topic, label.grade);
            }
        }
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.grades.is_empty()
    }

    /// Where the labels of an entry stand, if there are any.
    pub(super) fn place(&self, timed: &Timed) -> Option<usize> {
        let by_name = match &timed.name {
            Name::Given(id) => self.by_id.get(id.as_ref()),
            Name::Number(number) => self.by_number.get(number),
            Name::None => None,
        };
        by_name.or_else(|| self.by_url.get(timed.entry.url.as_deref()?)).copied()
    }

    /// What is said of an alert about a topic, given where the labels of its articles stand.
    pub(super) fn verdict(&self, topic: &str, places: impl Iterator<Item = usize>) -> Option<Verdict> {
        let mut verdict = None;
        for grades in places.filter_map(|place| self.grades.get(place)) {
            let named = grades.named.get(topic).copied();
            match named.or(grades.is_complete.then_some(Grade::No)) {
                Some(Grade::Yes) => return Some(Verdict::Right),
                Some(Grade::No) => verdict = Some(Verdict::Wrong),
                _ => {}
            }
        }
        verdict
    }
}

/// Whether an alert of this kind is right or wrong by its articles. What takes back or ends was not told as news, and the articles of
/// a surge need not speak to the topic each.
pub(super) fn is_judged(kind: Kind) -> bool {
    matches!(kind, Kind::First | Kind::Update | Kind::Escalation)
}

/// Alerts that somebody judged, by topic.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    /// Where the labels of entries stand, by the entries' places in what is played.
    places: HashMap<u64, usize>,
    count: u64,
    /// Right and wrong ones.
    pub(super) topics: BTreeMap<String, (u64, u64)>,
}

impl Verdicts {
    /// Notes which entries are labelled.
    pub(super) fn visit(&mut self, labels: &Labels, timed: &[Timed]) {
        for entry in timed {
            if let Some(place) = labels.place(entry) {
                self.places.insert(self.count, place);
            }
            self.count += 1;
        }
    }

    /// Counts an alert that tells of these entries.
    pub(super) fn alert(&mut self, labels: &Labels, alert: &Alert, inputs: &[u64]) {
        if !is_judged(alert.kind) {
            return;
        }
        let topic = alert.topic.0.as_str();
        let places = inputs.iter().filter_map(|input| self.places.get(input)).copied();
        let verdict = labels.verdict(topic, places);
        let count = self.topics.entry(topic.to_owned()).or_default();
        match verdict {
            Some(Verdict::Right) => count.0 += 1,
            Some(Verdict::Wrong) => count.1 += 1,
            None => {}
        }
    }
}

/// `9 of 12 judged mails right (75 %)`; `None` when nobody judged any.
pub(super) fn precision_words(right: u64, wrong: u64) -> Option<String> {
    let all = right + wrong;
    (all > 0).then(|| format!("{right} of {all} judged right ({:.0} %)", 100.0 * right as f64 / all as f64))
}

fn grades(labels: Option<&serde_json::Value>) -> Result<Grades, String> {
    let Some(labels) = labels.and_then(serde_json::Value::as_object) else {
        return Err("no labels: write \"labels\": an object from topic id to 0, 1 or 2".to_owned());
    };
    let mut named = BTreeMap::new();
    for (topic, grade) in labels {
        let Some(grade) = grade.as_i64().and_then(Grade::from_number) else {
            return Err(format!("the label of {topic} must be 0, 1 or 2, not {grade}"));
        };
        named.insert(topic.clone(), grade);
    }
    Ok(Grades { named, is_complete: true })
}
