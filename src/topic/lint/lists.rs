//! Slips of sets: terms that stand twice, that a decoy takes away, and lists nobody asks for.
//!
//! Owns which sets a signal reaches. A list has one slip of a kind, with its first terms: a long list is mended at once.

use std::collections::{HashMap, HashSet};

use super::super::pattern::Phrase;
use super::super::query::Node;
use super::super::sets::{DECOY, collect_references};
use super::super::{SetSource, Topic};
use super::{Site, Slip, some};
use crate::article::words::fold;

/// A list with what it was read as.
struct List<'t> {
    place: usize,
    set: usize,
    source: &'t SetSource,
    terms: &'t [Node],
}

pub(super) fn slips(topic: &Topic, slips: &mut Vec<Slip>) {
    let lists = lists(topic);
    twice(&lists, slips);
    let reached = reached(topic, |_| true);
    let decoy = topic.sets.find(DECOY);
    taken_by_decoys(&lists, decoy, &reached, slips);
    let mut told = HashSet::new();
    for list in &lists {
        if reached.contains(&list.set) || Some(list.set) == decoy || !told.insert(list.set) {
            continue;
        }
        let message = format!("no signal uses the set {}", list.source.name);
        let hint = format!("write @{} in a signal's `when`, or remove the set", list.source.name);
        slips.push(Slip::new(Site::Term { list: list.place, term: 0 }, 0..1, message, hint));
    }
}

fn lists(topic: &Topic) -> Vec<List<'_>> {
    let mut lists: Vec<List<'_>> = Vec::new();
    for set in 0..topic.sets.len() {
        for view in topic.sets.lists(set) {
            let Some(source) = topic.source.sets.get(view.place) else { continue };
            lists.push(List { place: view.place, set, source, terms: view.terms });
        }
    }
    lists.sort_by_key(|list| list.place);
    lists
}

/// The sets that signals reach, also through other sets.
fn reached(topic: &Topic, counts: impl Fn(f64) -> bool) -> HashSet<usize> {
    let mut waiting = Vec::new();
    for (source, query) in topic.source.signals.iter().zip(&topic.signals) {
        if counts(source.weight) {
            collect_references(query.node(), &mut waiting);
        }
    }
    // What only the decoys name is used as well.
    waiting.extend(topic.sets.find(DECOY));
    let mut reached = HashSet::new();
    while let Some(set) = waiting.pop() {
        if reached.insert(set) {
            for term in topic.sets.lists(set).flat_map(|list| list.terms) {
                collect_references(term, &mut waiting);
            }
        }
    }
    reached
}

/// Terms that are written twice in one list, or in a list for every language and again in one of them. Two ways to write what
/// finds the same (`cease-fire`, `cease fire`) harm nobody.
fn twice(lists: &[List<'_>], slips: &mut Vec<Slip>) {
    let mut everywhere: HashMap<usize, HashSet<String>> = HashMap::new();
    for list in lists.iter().filter(|list| list.source.language.is_none()) {
        everywhere.entry(list.set).or_default().extend(list.source.terms.iter().map(|term| written(term)));
    }
    for list in lists {
        let mut seen = HashSet::new();
        let above = everywhere.get(&list.set).filter(|_| list.source.language.is_some());
        let is_again = |_: &Node, term: &str| {
            let term = written(term);
            above.is_some_and(|above| above.contains(&term)) || !seen.insert(term)
        };
        let message = |terms: &str, count: usize| match count {
            1 => format!("`{terms}` stands twice in the set {}", list.source.name),
            _ => format!("{count} terms stand twice in the set {}: {terms}", list.source.name),
        };
        note(list, is_again, message, "remove one of the two", slips);
    }
}

fn written(term: &str) -> String {
    term.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Terms that a decoy equals: its words are gone before a signal looks.
fn taken_by_decoys(
    lists: &[List<'_>],
    decoy: Option<usize>,
    reached: &HashSet<usize>,
    slips: &mut Vec<Slip>,
) {
    let decoys: Vec<&List<'_>> = lists.iter().filter(|list| Some(list.set) == decoy).collect();
    for list in lists.iter().filter(|list| Some(list.set) != decoy && reached.contains(&list.set)) {
        let taken: HashSet<&Phrase> = decoys
            .iter()
            .filter(|decoy| decoy.source.language.is_none() || decoy.source.language == list.source.language)
            .flat_map(|decoy| decoy.terms.iter().filter_map(phrase))
            .collect();
        let is_taken = |node: &Node, _: &str| phrase(node).is_some_and(|phrase| taken.contains(phrase));
        let message = |terms: &str, count: usize| match count {
            1 => format!(
                "`{terms}` is a decoy, too, so that it is never found in the set {}",
                list.source.name
            ),
            _ => format!(
                "{count} terms of the set {} are decoys, too, and never found: {terms}",
                list.source.name
            ),
        };
        note(list, is_taken, message, "remove the decoy, or the term", slips);
    }
}

/// One slip for all terms of a list that a test finds, at the first of them.
fn note(
    list: &List<'_>,
    mut is_meant: impl FnMut(&Node, &str) -> bool,
    message: impl Fn(&str, usize) -> String,
    hint: &str,
    slips: &mut Vec<Slip>,
) {
    let mut found = Vec::new();
    for (term, node) in list.terms.iter().enumerate() {
        let text = list.source.terms.get(term).map_or("", String::as_str);
        if is_meant(node, text) {
            found.push((term, text));
        }
    }
    let Some((term, text)) = found.first() else { return };
    let texts: Vec<&str> = found.iter().map(|(_, text)| *text).collect();
    let site = Site::Term { list: list.place, term: *term };
    slips.push(Slip::new(
        site,
        0..text.chars().count(),
        message(&some(&texts, texts.len()), texts.len()),
        hint,
    ));
}

fn phrase(node: &Node) -> Option<&Phrase> {
    match node {
        Node::Phrase(phrase) => Some(phrase),
        _ => None,
    }
}

/// The folded terms of the sets that speak for a topic, each with its language.
pub(super) fn speaking_terms(topic: &Topic) -> HashSet<(Option<&str>, String)> {
    let reached = reached(topic, |weight| weight > 0.0);
    let decoy = topic.sets.find(DECOY);
    let lists = lists(topic).into_iter();
    let lists = lists.filter(|list| reached.contains(&list.set) && Some(list.set) != decoy);
    lists
        .flat_map(|list| list.source.terms.iter().map(move |term| (list.source.language.as_deref(), term)))
        .filter(|(_, term)| !term.starts_with('@'))
        .map(|(language, term)| (language, fold_term(term)))
        .collect()
}

/// A term as it compares: `violat*` is not `violat`.
fn fold_term(term: &str) -> String {
    let star = if term.ends_with('*') { "*" } else { "" };
    format!("{}{star}", fold(term))
}
