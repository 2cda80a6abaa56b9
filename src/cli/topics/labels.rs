//! Labelled articles, from a file and from the archive.
//!
//! Owns the form of labels (product contract, section 4: an entry plus `labels`, a topic that is not named is 0) and what is said
//! of lines and topics that cannot be used. In the archive a topic that is not named was not judged. Refuses to score.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use super::super::articles::as_article;
use super::super::record::{Lines, Record};
use super::super::{Exit, Failure, complain, counted, now, reader};
use crate::article::{self, Article};
use crate::config::Config;
use crate::topic::evaluate::Grade;

/// Which labels are asked for.
#[derive(Debug, Clone, clap::Args)]
pub(in crate::cli) struct Source {
    /// JSON Lines of entries with `labels`: an object from topic id to 2 (an alert is right), 1 (arguable) or 0; .gz and .zst
    /// are unpacked; - for standard input
    #[arg(long, value_name = "FILE", required_unless_present = "stored")]
    labels: Option<PathBuf>,
    /// Use the labels in the database (articles label, alerts feedback)
    #[arg(long)]
    stored: bool,
    /// Only articles published before this date (YYYY-MM-DD, UTC)
    #[arg(long, value_name = "DATE")]
    until: Option<Date>,
    #[arg(skip)]
    from: Option<Date>,
    #[arg(skip)]
    pub(super) is_weighted: bool,
}

/// A labelled article.
pub(super) struct Labelled {
    /// Its id in the file, or its number in the archive.
    pub(super) id: String,
    /// When it was published, or else seen.
    pub(super) at: Option<Timestamp>,
    /// How many articles it stands for.
    pub(super) weight: f64,
    /// The article, to be scored.
    pub(super) article: Article,
    grades: BTreeMap<String, Grade>,
    /// Whether a topic that is not named is 0, or was not judged.
    is_complete: bool,
}

impl Labelled {
    /// What is said of it and a topic; `None` when nothing is.
    pub(super) fn grade(&self, topic: &str) -> Option<Grade> {
        self.grades.get(topic).copied().or(self.is_complete.then_some(Grade::No))
    }
}

/// What reading labels came to.
pub(super) struct Tally {
    /// Failed when a line could not be read; each was reported.
    pub(super) exit: Exit,
    /// How often each topic is named.
    pub(super) named: BTreeMap<String, usize>,
}

impl Source {
    /// The same, from a date on, and counting entries by their weights if so.
    pub(super) fn narrowed(self, from: Option<Date>, is_weighted: bool) -> Self {
        Self { from, is_weighted, ..self }
    }

    /// Hands every labelled article over, and says what was left out, and why.
    pub(super) fn visit(
        &self,
        config: &Config,
        mut each: impl FnMut(Labelled) -> Result<(), Failure>,
    ) -> Result<Tally, Failure> {
        let mut tally = Tally { exit: Exit::Done, named: BTreeMap::new() };
        let (mut undated_count, mut unweighted_count) = (0, 0);
        let mut take = |labelled: Labelled, tally: &mut Tally| {
            match self.is_in_time(labelled.at) {
                Some(true) => {}
                Some(false) => return Ok(()),
                None => {
                    undated_count += 1;
                    return Ok(());
                }
            }
            for topic in labelled.grades.keys() {
                *tally.named.entry(topic.clone()).or_default() += 1;
            }
            each(labelled)
        };
        if let Some(path) = &self.labels {
            let mut lines = Lines::open(path)?;
            while let Some(line) = lines.next()? {
                let read = line.map_err(|bad| format!("{}: not an entry: {}", bad.place, bad.message));
                let labelled = read.and_then(|record| {
                    unweighted_count += usize::from(record.weight.is_none());
                    self.labelled(&record, config).map_err(|message| format!("{}: {message}", lines.place()))
                });
                match labelled {
                    Ok(labelled) => take(labelled, &mut tally)?,
                    Err(complaint) => {
                        complain(&complaint);
                        tally.exit = Exit::Failed;
                    }
                }
            }
        }
        if self.stored {
            visit_stored(config, |labelled| take(labelled, &mut tally))?;
        }
        if undated_count > 0 {
            let articles = counted(undated_count, "labelled article has", "labelled articles have");
            complain(&format!(
                "warning: {articles} no date that can be read and cannot be placed in time: left out"
            ));
        }
        if self.is_weighted && unweighted_count > 0 {
            let entries = counted(unweighted_count, "entry has", "entries have");
            complain(&format!("warning: {entries} no weight; each counts once"));
        }
        warn_of_strangers(config, &tally.named);
        Ok(tally)
    }

    /// Whether an article is between the dates asked for; `None` when that cannot be told.
    fn is_in_time(&self, at: Option<Timestamp>) -> Option<bool> {
        if self.from.is_none() && self.until.is_none() {
            return Some(true);
        }
        let at = at?;
        let is_late_enough = self.from.and_then(midnight).is_none_or(|from| at >= from);
        Some(is_late_enough && self.until.and_then(midnight).is_none_or(|until| at < until))
    }

    /// An entry with its labels, or what is wrong with them.
    fn labelled(&self, record: &Record, config: &Config) -> Result<Labelled, String> {
        let Some(labels) = &record.labels else {
            return Err("no labels: write \"labels\": {} for an entry that is of no topic".to_owned());
        };
        let Some(labels) = labels.as_object() else {
            return Err("labels must be an object from topic id to 0, 1 or 2".to_owned());
        };
        let mut grades = BTreeMap::new();
        for (topic, grade) in labels {
            let Some(grade) = grade.as_i64().and_then(Grade::from_number) else {
                return Err(format!("the label of {topic} must be 0, 1 or 2, not {grade}"));
            };
            grades.insert(topic.clone(), grade);
        }
        let weight = match &record.weight {
            Some(weight) if self.is_weighted => {
                let number = weight.as_f64().filter(|weight| *weight > 0.0 && weight.is_finite());
                number.ok_or_else(|| format!("the weight must be a number above 0, not {weight}"))?
            }
            _ => 1.0,
        };
        let seen_at = record.seen_at().unwrap_or_else(now);
        Ok(Labelled {
            id: record.id.clone().unwrap_or_default(),
            at: record.published_at(),
            weight,
            article: article::normalize(&record.entry(), &record.feed(config), seen_at),
            grades,
            is_complete: true,
        })
    }
}

/// The labels of the archive, article by article.
fn visit_stored(
    config: &Config,
    mut each: impl FnMut(Labelled) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let reader = reader(config)?;
    let labels = reader.labels()?;
    for of_article in labels.chunk_by(|left, right| left.article == right.article) {
        let Some(stored) =
            of_article.first().map(|label| reader.article(label.article)).transpose()?.flatten()
        else {
            continue;
        };
        each(Labelled {
            id: stored.id.to_string(),
            at: Some(stored.published.unwrap_or(stored.seen)),
            weight: 1.0,
            article: as_article(&stored),
            grades: of_article.iter().map(|label| (label.topic.clone(), label.grade)).collect(),
            is_complete: false,
        })?;
    }
    Ok(())
}

fn midnight(date: Date) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(date.to_datetime(Time::midnight())).ok()
}

/// Labels of topics that are not configured say nothing here.
fn warn_of_strangers(config: &Config, named: &BTreeMap<String, usize>) {
    let is_known = |id: &str| config.topics.iter().any(|topic| topic.source.id.0 == id);
    for (topic, count) in named.iter().filter(|(topic, _)| !is_known(topic)) {
        let labels = counted(*count, "label names", "labels name");
        complain(&format!(
            "warning: {labels} the topic {}, which is not configured: left out",
            crate::config::shown(topic)
        ));
    }
}

/// The file labels come from, for a head line.
pub(super) fn names(source: &Source) -> String {
    let file =
        source.labels.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let stored = source.stored.then(|| "the archive's labels".to_owned());
    file.into_iter().chain(stored).collect::<Vec<_>>().join(" and ")
}
