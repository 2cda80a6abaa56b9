//! Words about a topic's queries, terms and examples, with the line and column they stand at.
//!
//! Owns the way back from a character of a string to its place in the file, and [`lint`](fn@lint). Refuses to find faults and slips:
//! [`Topic`] and [`crate::topic::lint`] do.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use super::check::read_toml;
use super::report::Problem;
use super::source::{Sheet, Source};
use super::{Config, literal, raw, report, topic_file};
use crate::topic::lint::{self, Site, Slip};
use crate::topic::{ProblemSite, Topic, TopicProblem};

/// What the topics of a configuration say that is hardly meant, by file and line. Their files are read again for it.
pub fn lint(config: &Config) -> Vec<Problem> {
    let mut overlaps: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for shared in lint::shared(&config.topics) {
        overlaps.entry(shared.topic.clone()).or_default().push(shared);
    }
    let mut problems = Vec::new();
    for topic in &config.topics {
        let Some(origin) = config.topic_origins.get(&topic.source.id) else { continue };
        // A file that went away since it was read has nothing to be said about.
        let Ok(source) = Source::read(origin.file.clone()) else { continue };
        let mut sheet = Sheet::new(&source);
        let raw: raw::Topic = read_toml(&mut sheet);
        sheet.problems.clear();
        for slip in lint::slips(topic) {
            note_slip(&raw, slip, &mut sheet);
        }
        for shared in overlaps.remove(&topic.source.id).unwrap_or_default() {
            let message = format!(
                "{} of the {} terms that speak for this topic are also those of {}",
                shared.count, shared.of, shared.other
            );
            let hint = "merge the two, or let each say what the other's news has: a verb of its own, a negative signal";
            sheet.warning(raw.id.span.clone().unwrap_or_default(), "id", message, hint);
        }
        problems.append(&mut sheet.problems);
    }
    report::sort(&mut problems);
    problems
}

/// Reads one topic from a text that is to become the file at `path`, and all that is wrong or hardly meant.
pub fn read_topic(path: &Path, text: String) -> Result<Topic, Vec<Problem>> {
    topic_file::read_topic(path.to_owned(), text)
}

fn note_slip(raw: &raw::Topic, slip: Slip, sheet: &mut Sheet<'_>) {
    let Slip { site, span, message, hint } = slip;
    let (key, written) = match site {
        Site::When { signal } => place(raw, ProblemSite::When { signal }),
        Site::Term { list, term } => place(raw, ProblemSite::Term { list, term }),
        Site::Example { example } => {
            let item = raw.example.value.get(example);
            (format!("example[{}].text", example + 1), item.and_then(|item| item.value.text.span.clone()))
        }
    };
    if let Some(written) = written {
        let meant = within(written, &span, sheet.source);
        sheet.warning(meant, &key, message, hint);
    }
}

/// The key and the place of a string of a topic's file.
fn place(raw: &raw::Topic, site: ProblemSite) -> (String, Option<Range<usize>>) {
    match site {
        ProblemSite::When { signal } => {
            let span = raw.signal.value.get(signal).and_then(|item| item.value.when.span.clone());
            (format!("signal[{}].when", signal + 1), span)
        }
        ProblemSite::Term { list, term } => {
            let list = raw.sets.value.0.get(list);
            let span = list.and_then(|list| list.terms.get(term)?.span.clone());
            (set_key(list, term), span)
        }
    }
}

/// The bytes of characters of a string that is written at `written`.
fn within(written: Range<usize>, characters: &Range<usize>, source: &Source) -> Range<usize> {
    let text = source.text.get(written.clone()).unwrap_or("");
    let start = written.start + literal::offset(text, characters.start);
    let end = written.start + literal::offset(text, characters.end);
    start..end.max(start)
}

/// Puts faults inside queries and terms where they stand in the file.
pub(super) fn note_faults(raw: &raw::Topic, faults: Vec<TopicProblem>, sheet: &mut Sheet<'_>) {
    let reported: Vec<String> = sheet.problems.iter().map(|problem| problem.key.clone()).collect();
    for fault in faults {
        let (key, span) = place(raw, fault.site);
        // Something that is not given cannot be at fault, and one fault of a string is enough: both were reported.
        let Some(span) = span else { continue };
        if reported.contains(&key) {
            continue;
        }
        let meant = within(span, &fault.span, sheet.source);
        sheet.error(meant, &key, fault.message, fault.hint.unwrap_or_default());
    }
}

fn set_key(list: Option<&raw::WordList>, term: usize) -> String {
    let name = list.map(|list| list.name.as_str()).unwrap_or_default();
    match list.and_then(|list| list.language.as_deref()) {
        Some(language) => format!("sets.{name}.{language}[{}]", term + 1),
        None => format!("sets.{name}[{}]", term + 1),
    }
}
