//! Lists of weighted words, as Europe Media Monitor and its kin keep them.
//!
//! Owns the reading of a line and the scaling of weights: what reached the source's threshold reaches ours from the summary
//! on. Each word adds its weight, so each is a signal, unless it trips by itself or there are too many of a weight.

use std::collections::{BTreeMap, HashSet};

use super::super::draft::{Draft, DraftSet, DraftSignal, Names};
use super::term::{self, quoted};
use super::{Import, Loss};
use crate::article::language::code;

/// The threshold of a list that names none.
const THRESHOLD_DEFAULT: f64 = 30.0;
/// Points of ours that a source's threshold becomes: two thirds of it, in a summary, are the 48.5 that trip.
const POINTS_AT_THRESHOLD: f64 = 73.0;
/// Largest weight of a topic.
const WEIGHT_MAX: f64 = 1000.0;
/// Most words of one weight that are signals of their own.
const SIGNALS_MAX: usize = 40;
/// How near words joined by `+` stand.
const JOINED_WORDS: usize = 4;
/// What repeats add up to.
const CAP: f64 = 1.5;

/// A line with a word and its weight.
struct Entry {
    /// In the language of sets.
    term: String,
    weight: f64,
    language: Option<String>,
}

/// Whether a line ends with a number, as `term weight`, `term;weight` and `term[weight]` do.
pub(super) fn is_weighted(line: &str) -> bool {
    cut(line).is_some()
}

fn cut(line: &str) -> Option<(&str, f64)> {
    let line = line.trim().trim_end_matches([']', ')', ';', ',']);
    let (term, number) = line.rsplit_once([';', '[', '\t', ',', ' ', '|'])?;
    let weight: f64 = number.trim().replace('−', "-").parse().ok()?;
    let term = term.trim().trim_end_matches([';', ',', '|', '[']).trim();
    (weight.is_finite() && term.contains(char::is_alphanumeric)).then_some((term, weight))
}

/// Reads a list and lays it out as a topic.
pub(super) fn import(text: &str) -> Result<Import, Loss> {
    let (mut entries, mut losses, mut comments) = (Vec::new(), Vec::new(), Vec::new());
    let (mut threshold, mut language) = (None, None);
    for (index, written) in text.lines().enumerate() {
        let line = written.trim().trim_start_matches('\u{feff}');
        let lost = |message: String| Loss { line: index + 1, column: 1, message };
        if let Some(comment) = line.strip_prefix('#').or_else(|| line.strip_prefix("//")) {
            let comment = comment.trim();
            match threshold_of(comment) {
                Some(value) => threshold = Some(value),
                None if !comment.is_empty() => comments.push(comment.to_owned()),
                None => {}
            }
        } else if let Some(value) = threshold_of(line) {
            threshold = Some(value);
        } else if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            language = code(header).filter(|code| code.len() == 2);
            if language.is_none() && !matches!(header.to_lowercase().as_str(), "all" | "any" | "*" | "und") {
                losses
                    .push(lost(format!("[{header}] is no language known here: what follows holds for all")));
            }
        } else if let Some((term, weight)) = cut(line) {
            let (read, changes) = read_term(term);
            losses.extend(changes.into_iter().map(lost));
            match read {
                Some(_) if weight == 0.0 => {
                    losses.push(lost(format!("`{term}` has a weight of 0: left out")));
                }
                Some(term) => entries.push(Entry { term, weight, language: language.clone() }),
                None => losses.push(lost(format!("`{term}` cannot be looked for: left out"))),
            }
        } else if !line.is_empty() {
            losses.push(lost(format!("`{line}` has no weight: left out")));
        }
    }
    if entries.is_empty() {
        return Err(Loss { line: 1, column: 1, message: "no line has a word and a weight".to_owned() });
    }
    if threshold.is_none() {
        let message = format!("no line names the threshold: taken for {THRESHOLD_DEFAULT}");
        losses.push(Loss { line: 1, column: 1, message });
    }
    let draft = lay_out(&entries, threshold.unwrap_or(THRESHOLD_DEFAULT), comments, &mut losses);
    Ok(Import { draft, losses })
}

fn threshold_of(line: &str) -> Option<f64> {
    let (name, value) = line.split_once(['=', ':', ' ', '\t', ';'])?;
    let value: f64 = value.trim().trim_start_matches(['=', ':']).trim().parse().ok()?;
    (name.trim().eq_ignore_ascii_case("threshold") && value > 0.0 && value.is_finite()).then_some(value)
}

/// A term of a set: `+` joins words that stand near each other, `%` stands for any letters, `_` for one.
fn read_term(written: &str) -> (Option<String>, Vec<String>) {
    let mut changes = Vec::new();
    let mut words = Vec::new();
    for word in written.split('+').map(str::trim).filter(|word| !word.is_empty()) {
        let Some(word) = term::read(&word.replace('"', ""), '%', '_') else { return (None, changes) };
        changes.extend(word.changes);
        words.extend(Some(word.text).filter(|text| !text.is_empty()));
    }
    let term = match words.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        several => {
            let several: Vec<String> = several.iter().map(|word| quoted(word)).collect();
            Some(several.join(&format!(" NEAR/{JOINED_WORDS} ")))
        }
    };
    (term, changes)
}

fn lay_out(entries: &[Entry], threshold: f64, mut comments: Vec<String>, losses: &mut Vec<Loss>) -> Draft {
    let scale = POINTS_AT_THRESHOLD / threshold;
    let scaled = |weight: f64| (weight * scale).clamp(-WEIGHT_MAX, WEIGHT_MAX);
    let mut by_weight: BTreeMap<i64, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        // Weights are numbers people write: a hundredth tells them apart.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a weight beyond 64 bits is one beyond the bounds below"
        )]
        by_weight.entry(-(entry.weight * 100.0).round() as i64).or_default().push(entry);
    }
    let (mut sets, mut signals) = (Vec::new(), Vec::new());
    let (mut set_names, mut signal_names) = (Names::default(), Names::default());
    for group in by_weight.values() {
        let Some(weight) = group.first().map(|entry| entry.weight) else { continue };
        if (weight * scale).abs() > WEIGHT_MAX {
            let message =
                format!("a weight of {weight} is more than {WEIGHT_MAX} points here: lowered to that");
            losses.push(Loss { line: 1, column: 1, message });
        }
        let adds_up = weight > 0.0 && weight < threshold;
        if adds_up && group.len() <= SIGNALS_MAX {
            for entry in group {
                let when =
                    if entry.term.contains(" NEAR/") { entry.term.clone() } else { quoted(&entry.term) };
                let name =
                    signal_names.signal(&entry.term.replace(&format!(" NEAR/{JOINED_WORDS}"), " near"));
                let weight = scaled(weight);
                signals.push(DraftSignal { comment: String::new(), name, when, weight, cap: CAP });
            }
            continue;
        }
        let kind = if weight < 0.0 { "against" } else { "weight" };
        let name = set_names.set(&format!("{kind} {}", weight.abs().round()));
        let lists = lists(&name, group);
        let mut names: Vec<String> = lists.iter().map(|list| format!("@{}", list.name)).collect();
        names.sort_unstable();
        names.dedup();
        sets.extend(lists);
        let comment = if adds_up {
            let count = group.len();
            format!("In the source each of these {count} words adds {weight}; here they count twice at most.")
        } else {
            format!("In the source: {weight}.")
        };
        let cap = if adds_up { 2.0 } else { 1.0 };
        let words = if weight < 0.0 { "speaks against it" } else { "speaks for it" };
        let name_of_signal = signal_names.signal(&format!("{words} ({weight})"));
        let when = names.join(" OR ");
        signals.push(DraftSignal { comment, name: name_of_signal, when, weight: scaled(weight), cap });
    }
    comments.extend([
        format!("Imported from a list of weighted words. Its threshold of {threshold} is {POINTS_AT_THRESHOLD} points in the headline"),
        "and 48.7 in the summary, where 48.5 trip; in the body a match counts one third.".to_owned(),
    ]);
    Draft {
        comments,
        description: "Imported; say here what should alert, and what should not.".to_owned(),
        sets,
        signals,
        ..Draft::default()
    }
}

/// A list per language. What holds for all languages is a set of its own beside those: a set has lists of one kind.
fn lists(name: &str, group: &[&Entry]) -> Vec<DraftSet> {
    let mut lists: Vec<DraftSet> = Vec::new();
    let is_mixed = group.iter().any(|entry| entry.language.is_some());
    let mut known = HashSet::new();
    for entry in group {
        if !known.insert((&entry.language, &entry.term)) {
            continue;
        }
        match lists.iter_mut().find(|list| list.language == entry.language) {
            Some(list) => list.terms.push(entry.term.clone()),
            None => lists.push(DraftSet {
                name: if is_mixed && entry.language.is_none() {
                    format!("{name}_all")
                } else {
                    name.to_owned()
                },
                language: entry.language.clone(),
                terms: vec![entry.term.clone()],
                comment: String::new(),
            }),
        }
    }
    lists
}
