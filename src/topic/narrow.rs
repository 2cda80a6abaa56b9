//! Narrowing: which articles of an archive a query could hold for at all.
//!
//! Owns the translation of a query into an expression of `SQLite`'s full-text search (FTS5) over the words that
//! [`ArticleText::index_words`] lists. What it lets through is a superset: the evaluator then decides. Refuses to search.

use super::Query;
use super::matcher::ArticleText;
use super::pattern::{Part, Phrase};
use super::query::Node;

impl Query {
    /// An FTS5 expression that holds for every article this query holds for; `None` when no word narrows it
    /// (`lang:ar`, `?at`).
    pub fn narrowing(&self) -> Option<String> {
        narrow(self.node())
    }
}

fn narrow(node: &Node) -> Option<String> {
    match node {
        Node::Phrase(phrase) => narrow_phrase(phrase),
        Node::Set(_) | Node::Not(_) | Node::Meta(..) => None,
        Node::And(nodes) => join(nodes.iter().filter_map(narrow), " AND "),
        Node::Near { left, right, .. } => join([narrow(left), narrow(right)].into_iter().flatten(), " AND "),
        Node::Or(nodes) | Node::AtLeast { of: nodes, .. } => {
            let all: Option<Vec<String>> = nodes.iter().map(narrow).collect();
            join(all?.into_iter(), " OR ")
        }
        Node::In(_, node) => narrow(node),
    }
}

/// Any way to read the phrase's first word, alone or joined to its neighbours.
fn narrow_phrase(phrase: &Phrase) -> Option<String> {
    let first = phrase.parts.iter().filter(|part| part.words.start == 0);
    let words: Option<Vec<String>> = first.map(narrow_part).collect();
    join(words?.into_iter(), " OR ")
}

impl Phrase {
    /// An FTS5 expression that asks for each of the phrase's words, alone or joined to its neighbours: narrower than what a
    /// search starts from, and still true of every text that holds the phrase. `None` when a word has no letter to look up.
    pub(super) fn narrowing(&self) -> Option<String> {
        let words: Option<Vec<String>> = (0..self.word_count)
            .map(|word| {
                let over = self.parts.iter().filter(|part| part.words.contains(&word));
                let each: Option<Vec<String>> = over.map(narrow_part).collect();
                join(each?.into_iter(), " OR ")
            })
            .collect();
        join(words?.into_iter(), " AND ")
    }
}

fn narrow_part(part: &Part) -> Option<String> {
    let stem = part.pattern.stem();
    let open = part.pattern.prefix || stem.len() < part.pattern.folded.len();
    (!stem.is_empty()).then(|| format!("\"{stem}\"{}", if open { "*" } else { "" }))
}

fn join(parts: impl Iterator<Item = String>, operator: &str) -> Option<String> {
    let parts: Vec<String> = parts.collect();
    match parts.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        _ => Some(format!("({})", parts.join(operator))),
    }
}

impl ArticleText<'_> {
    /// Every word that can be looked up in this article, once, separated by spaces: what a full-text index keeps.
    pub fn index_words(&self) -> String {
        let mut words = String::new();
        let mut last = "";
        for word in self.lookup_words() {
            if word != last {
                words.push_str(word);
                words.push(' ');
                last = word;
            }
        }
        words
    }
}
