//! What an archive is asked about a topic's terms.
//!
//! Owns which terms can be asked of a full-text index, and how. Refuses to ask: the shell has the archive.

use super::super::Topic;
use super::super::pattern::Phrase;
use super::super::query::Node;
use super::super::sets::DECOY;

/// A term, and the question about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// As the file has it.
    pub term: String,
    /// Language of its list, if it has one.
    pub language: Option<String>,
    /// A full-text expression that holds for every article the term stands in. For a single word it holds for no other.
    pub expression: String,
    /// Whether the term makes a signal hold by itself, so that its being everywhere matters.
    pub is_bare: bool,
}

/// The questions about a topic's sets. Left out are terms that match by stems, which no index knows, queries, and decoys.
pub fn questions(topic: &Topic) -> Vec<Question> {
    let mut bare = Vec::new();
    for (source, query) in topic.source.signals.iter().zip(&topic.signals) {
        if source.weight > 0.0 {
            super::bare_phrases(topic, query.node(), &mut bare);
        }
    }
    let bare: std::collections::HashSet<&Phrase> = bare.into_iter().collect();
    let decoy = topic.sets.find(DECOY);
    let mut questions = Vec::new();
    for list in (0..topic.sets.len()).filter(|set| Some(*set) != decoy).flat_map(|set| topic.sets.lists(set))
    {
        let Some(source) = topic.source.sets.get(list.place) else { continue };
        for (node, term) in list.terms.iter().zip(&source.terms) {
            let Node::Phrase(phrase) = node else { continue };
            let by_stem = phrase.parts.iter().any(|part| part.pattern.stem_of.is_some());
            let is_single =
                phrase.word_count == 1 && phrase.parts.iter().all(|part| part.pattern.cased.is_none());
            if let Some(expression) = phrase.narrowing().filter(|_| !by_stem) {
                questions.push(Question {
                    term: term.clone(),
                    language: source.language.clone(),
                    expression,
                    is_bare: is_single && bare.contains(&**phrase),
                });
            }
        }
    }
    questions
}
