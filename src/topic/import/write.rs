//! A search string laid out as a topic: what is a set, what a signal, what a condition of them all.
//!
//! Owns the weights: a search string finds or does not, so each of its alternatives trips by itself, from the summary on.

use super::super::draft::{Draft, DraftSet, DraftSignal, Names};
use super::term::quoted;
use super::tree::Tree;

/// What one alternative is worth: two thirds of it, in a summary, pass the default threshold of 48.5 points.
const WEIGHT: f64 = 75.0;
/// What an optional part adds.
const OPTIONAL_WEIGHT: f64 = 10.0;
/// So many terms and more become a set.
const SET_TERMS_MIN: usize = 3;
/// Longest name of a signal, characters.
const NAME_CHARS_MAX: usize = 60;

/// Lays a search string out. `optional` only adds to the score.
pub(super) fn draft(tree: Tree, optional: &[Tree]) -> Draft {
    let parts = match tree {
        Tree::And(parts) => parts,
        other => vec![other],
    };
    let (conditions, subject): (Vec<Tree>, Vec<Tree>) = parts.into_iter().partition(Tree::is_condition);
    let mut writer = Writer::default();
    let mut written: Vec<String> = Vec::new();
    for condition in &conditions {
        written.push(writer.condition(condition));
    }
    let alternatives = alternatives(subject);
    for alternative in &alternatives {
        let mut when: Vec<String> = match alternative {
            Some(Tree::And(parts)) => writer.all_of(parts),
            Some(other) if written.is_empty() => vec![writer.write(other)],
            Some(other) => vec![writer.operand(other)],
            None => Vec::new(),
        };
        when.extend(written.iter().cloned());
        let name = alternative.as_ref().or(conditions.first()).map(describe).unwrap_or_default();
        writer.signal(&name, &when.join(" AND "), WEIGHT, "");
    }
    for part in optional {
        let when = writer.write(part);
        writer.signal(
            &describe(part),
            &when,
            OPTIONAL_WEIGHT,
            "Optional in the source: it raises the score a little.",
        );
    }
    let comments = [
        "Imported from a search string. 48.5 points trip; a match counts in full in the headline, two thirds of it in the",
        "summary, one third in the body. Each signal below trips by itself from headline or summary; 150 instead of 75 lets",
        "one match far down in a body do so, as the search did. What the text denies, fears or foretells counts less.",
    ];
    Draft {
        comments: comments.map(str::to_owned).into(),
        description: "Imported; say here what should alert, and what should not.".to_owned(),
        sets: writer.sets,
        signals: writer.signals,
        ..Draft::default()
    }
}

/// The alternatives each of which is a signal; `None` stands for conditions alone.
fn alternatives(mut subject: Vec<Tree>) -> Vec<Option<Tree>> {
    if subject.len() > 1 {
        return vec![Some(Tree::And(subject))];
    }
    match subject.pop() {
        None => vec![None],
        // Plain words belong together in a set; everything else is an alternative of its own.
        Some(Tree::Or(parts)) => {
            let (words, others): (Vec<Tree>, Vec<Tree>) =
                parts.into_iter().partition(|part| matches!(part, Tree::Words(_)));
            let mut all: Vec<Option<Tree>> = others.into_iter().map(Some).collect();
            if let Some(first) = words.first().cloned() {
                all.push(Some(if words.len() == 1 { first } else { Tree::Or(words) }));
            }
            all
        }
        Some(other) => vec![Some(other)],
    }
}

impl Tree {
    /// Whether it only says about which articles, or which not.
    fn is_condition(&self) -> bool {
        match self {
            Self::Meta(..) | Self::Not(_) => true,
            Self::Or(trees) | Self::And(trees) => trees.iter().all(Self::is_condition),
            Self::Words(_) | Self::In(..) | Self::Near { .. } | Self::Nothing => false,
        }
    }
}

#[derive(Default)]
struct Writer {
    sets: Vec<DraftSet>,
    set_names: Names,
    signals: Vec<DraftSignal>,
    signal_names: Names,
}

impl Writer {
    fn signal(&mut self, name: &str, when: &str, weight: f64, comment: &str) {
        let name = self.signal_names.signal(name);
        let signal =
            DraftSignal { comment: comment.to_owned(), name, when: when.to_owned(), weight, cap: 1.0 };
        self.signals.push(signal);
    }

    /// A condition, as it stands between `AND`s.
    fn condition(&mut self, tree: &Tree) -> String {
        match tree {
            Tree::Not(inner) => match inner.as_ref() {
                Tree::Or(parts) => format!("NOT {}", self.any_of(parts, Some("excluded"))),
                other => format!("NOT {}", self.operand(other)),
            },
            other => self.operand(other),
        }
    }

    /// A tree as it stands alone.
    fn write(&mut self, tree: &Tree) -> String {
        match tree {
            Tree::Words(words) => quoted(words),
            Tree::Meta(meta, value) => format!("{meta}:{}", value_of(value)),
            Tree::In(field, tree) => format!("{field}:{}", self.operand(tree)),
            Tree::And(parts) => self.all_of(parts).join(" AND "),
            Tree::Or(parts) => self.any_of(parts, None),
            Tree::Not(tree) => format!("NOT {}", self.operand(tree)),
            Tree::Near { left, right, words, ordered } => {
                let operator = if *ordered { "ONEAR" } else { "NEAR" };
                format!("{} {operator}/{words} {}", self.operand(left), self.operand(right))
            }
            Tree::Nothing => String::new(),
        }
    }

    /// Parts that hold together, what must be absent last.
    fn all_of(&mut self, parts: &[Tree]) -> Vec<String> {
        let (conditions, subject): (Vec<&Tree>, Vec<&Tree>) =
            parts.iter().partition(|part| part.is_condition());
        subject.into_iter().chain(conditions).map(|part| self.operand(part)).collect()
    }

    /// A tree as an operand: between brackets where another reading were possible.
    fn operand(&mut self, tree: &Tree) -> String {
        let written = self.write(tree);
        match tree {
            Tree::And(_) | Tree::Near { .. } => format!("({written})"),
            Tree::Words(_) | Tree::Meta(..) | Tree::In(..) | Tree::Not(_) | Tree::Or(_) | Tree::Nothing => {
                written
            }
        }
    }

    /// Alternatives as an operand: plain words as a set when there are several, the rest written out.
    fn any_of(&mut self, parts: &[Tree], set_name: Option<&str>) -> String {
        let words: Vec<String> = parts
            .iter()
            .filter_map(|part| match part {
                Tree::Words(words) => Some(words.clone()),
                _ => None,
            })
            .collect();
        let mut written = Vec::new();
        if words.len() >= SET_TERMS_MIN {
            written.push(format!("@{}", self.set(words, set_name)));
        } else {
            written.extend(words.iter().map(|words| quoted(words)));
        }
        for part in parts.iter().filter(|part| !matches!(part, Tree::Words(_))) {
            written.push(self.operand(part));
        }
        if written.len() == 1 { written.concat() } else { format!("({})", written.join(" OR ")) }
    }

    /// A set of these terms; the one there is already when it has the same.
    fn set(&mut self, terms: Vec<String>, name: Option<&str>) -> String {
        if let Some(known) = self.sets.iter().find(|set| set.terms == terms) {
            return known.name.clone();
        }
        let first = terms.first().map_or("", String::as_str);
        let name = self.set_names.set(name.unwrap_or(first));
        self.sets.push(DraftSet { name: name.clone(), terms, ..DraftSet::default() });
        name
    }
}

/// What a signal is called: its first words, and how they are joined.
fn describe(tree: &Tree) -> String {
    let words = words_of(tree, 2);
    let short: String = words.chars().take(NAME_CHARS_MAX).collect();
    if short.len() < words.len() { format!("{}…", short.trim_end()) } else { short }
}

fn words_of(tree: &Tree, depth: usize) -> String {
    let inner = |tree: &Tree| words_of(tree, depth.saturating_sub(1));
    match tree {
        Tree::Words(words) => words.replace(['{', '}'], ""),
        Tree::Meta(meta, value) => format!("{meta} {value}"),
        Tree::In(field, tree) => format!("{} in the {field}", inner(tree)),
        Tree::Or(parts) => match parts.as_slice() {
            [one, _, ..] => format!("{} …", inner(one)),
            [one] => inner(one),
            [] => String::new(),
        },
        Tree::And(parts) => parts.iter().take(2).map(inner).collect::<Vec<_>>().join(" with "),
        Tree::Near { left, right, .. } if depth > 0 => format!("{} near {}", inner(left), inner(right)),
        Tree::Near { left, .. } => inner(left),
        Tree::Not(tree) => format!("not {}", inner(tree)),
        Tree::Nothing => String::new(),
    }
}

/// A value of `publisher:` and the like, between quotes where it needs them.
fn value_of(value: &str) -> String {
    let is_plain =
        value.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '.' | '-' | '*' | '?' | '_'));
    if is_plain { value.to_owned() } else { format!("\"{}\"", value.replace('"', "")) }
}
