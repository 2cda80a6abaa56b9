//! Closeness: how near an article is in meaning to what a topic says it is about, as evidence.
//!
//! Owns [`Closeness`], what a topic asks for, and the descriptions of those that ask, embedded once. An article is embedded
//! when the first such topic has something else that speaks for it, or asks about every article; then once for all.
//! Refuses to read models, and to speak against a topic: what is far from a description may be told in other words.

use std::cell::OnceCell;
use std::sync::Arc;

use super::matcher::ArticleText;
use super::{Evidence, Field, Status, Topic, weigh};
use crate::semantic::{Model, Vector};

/// What the evidence is called.
pub const SIGNAL: &str = "close to the topic's description";

/// What a topic makes of an article's closeness (`[semantic]` of a topic file).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Closeness {
    /// Points of an article that says what the description says; 0 asks nothing.
    pub weight: f64,
    /// Similarity up to which it is worth nothing; below 1.
    pub floor: f64,
    /// Whether it counts where nothing else speaks for the topic.
    pub alone: bool,
}

impl Default for Closeness {
    fn default() -> Self {
        Self { weight: 0.0, floor: 0.3, alone: false }
    }
}

impl Closeness {
    /// What a similarity is worth: nothing up to the floor, all at 1, and evenly between.
    pub fn points(&self, similarity: f64) -> f64 {
        self.weight * ((similarity - self.floor) / (1.0 - self.floor)).max(0.0)
    }

    /// Whether a model is to be asked at all.
    pub fn is_asked(&self) -> bool {
        self.weight > 0.0
    }
}

/// The meaning of an article that is being scored, once somebody asks.
pub(super) type Meaning = OnceCell<Option<Vector>>;

/// The descriptions of topics, as a model understands them.
#[derive(Debug)]
pub(super) struct Descriptions {
    model: Arc<Model>,
    /// Per topic; absent for those that do not ask.
    vectors: Vec<Option<Vector>>,
    /// The topics that ask about every article.
    pub(super) always: Vec<usize>,
}

impl Descriptions {
    /// Embeds what topics say of themselves; `None` when none asks.
    pub(super) fn new(topics: &[Topic], model: Arc<Model>) -> Option<Self> {
        let of_topic = |topic: &Topic| {
            let source = &topic.source;
            let text = joined(&source.name, &source.description);
            source.closeness.is_asked().then(|| model.embed(&text)).flatten()
        };
        let vectors: Vec<Option<Vector>> = topics.iter().map(of_topic).collect();
        let asks_always =
            |(topic, vector): &(&Topic, &Option<Vector>)| vector.is_some() && topic.source.closeness.alone;
        let pairs = topics.iter().zip(&vectors).enumerate();
        let always = pairs.filter(|(_, pair)| asks_always(pair)).map(|(topic, _)| topic).collect();
        vectors.iter().any(Option::is_some).then_some(Self { model, vectors, always })
    }

    /// What closeness adds to what a topic has in evidence.
    pub(super) fn evidence(
        &self,
        (index, topic): (usize, &Topic),
        found: &[Evidence],
        text: &ArticleText<'_>,
        meaning: &Meaning,
    ) -> Option<Evidence> {
        let description = self.vectors.get(index)?.as_ref()?;
        let closeness = topic.source.closeness;
        if !closeness.alone && !found.iter().any(|evidence| evidence.points > 0.0) {
            return None;
        }
        let embed =
            || self.model.embed(&joined(text.field_text(Field::Title), text.field_text(Field::Summary)));
        let article = meaning.get_or_init(embed).as_ref()?;
        let points = closeness.points(article.similarity(description));
        (points > 0.0).then(|| Evidence {
            signal: SIGNAL.to_owned(),
            field: Field::Title,
            quote: weigh::quote(None, Field::Title, text).text,
            status: Status::Affirmed,
            points,
            at: None,
            is_claim: false,
        })
    }
}

/// Two texts, one under the other.
fn joined(title: &str, text: &str) -> String {
    format!("{title}\n{text}")
}
