//! Explanation: a topic's score of an article, with the places of the words behind it.
//!
//! Owns [`Explanation`]. Walks one topic again, off the path on which articles are scored, and keeps what that path throws
//! away. Refuses to show it.

use std::ops::Range;

use super::{Marks, Scratch, Topics, gather};
use crate::article::Article;
use crate::topic::context::Reading;
use crate::topic::matcher::{ArticleText, Span, merge_overlapping};
use crate::topic::{Field, Score, Status, TopicId};

/// A score and the words it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The score.
    pub score: Score,
    /// Words, sorted by place; those of different signals may overlap.
    pub marks: Vec<Mark>,
}

/// Words of an article that made a signal fire.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Where.
    pub field: Field,
    /// Bytes of the field's text.
    pub bytes: Range<usize>,
    /// The signal's name.
    pub signal: String,
    /// How the text means them.
    pub status: Status,
    /// What the match is worth in a headline as it is meant: above 0 it speaks for the topic, below 0 against it, 0 for nothing.
    pub worth: f64,
}

impl Topics {
    /// Scores an article for one topic and says where its evidence stands. `None` when there is no such topic.
    pub fn explain(&self, topic: &TopicId, article: &Article) -> Option<Explanation> {
        let mut scratch = Scratch::default();
        let score = self.score_for(topic, article, &mut scratch)?;
        let mut marks = self.marks(topic, &ArticleText::new(article), &mut scratch);
        marks.sort_by_key(|mark| (mark.field, mark.bytes.start, mark.bytes.end));
        Some(Explanation { score, marks })
    }

    fn marks(&self, id: &TopicId, text: &ArticleText<'_>, scratch: &mut Scratch) -> Vec<Mark> {
        let engine = self.compiled();
        let Some(place) = self.iter().position(|topic| topic.source.id == *id) else { return Vec::new() };
        let (Some(plan), Some(topic)) = (engine.plans.get(place), self.topics.get(place)) else {
            return Vec::new();
        };
        let mut found = std::mem::take(&mut scratch.found);
        engine.lexicon.find(text, &mut scratch.looks, &mut found);
        engine.activate(&found, &[place], scratch);
        let active = std::mem::take(&mut scratch.active);
        if let Some(active) = active.iter().find(|active| active.topic == place) {
            gather(active, plan, &found, scratch);
        }
        scratch.active = active;
        scratch.found = found;
        plan.note(scratch);
        let mut context = Marks::default();
        context.scan(&self.engine.languages, text);
        plan.take_decoys(text, scratch);
        let mut marks = Vec::new();
        for (signal, query) in topic.source.signals.iter().zip(&plan.signals) {
            let hits = plan.hits(&query.plan, None, text, scratch);
            if !hits.holds {
                continue;
            }
            plan.own_words(query, &text.article().language, scratch);
            for span in &hits.spans {
                let reading = if signal.context {
                    context.read(text, *span, &scratch.words, &topic.source.factors)
                } else {
                    Reading::AFFIRMED
                };
                for (field, bytes) in words_of(*span, &scratch.words, text) {
                    marks.push(Mark {
                        field,
                        bytes,
                        signal: signal.name.clone(),
                        status: reading.status,
                        worth: signal.weight * reading.factor,
                    });
                }
            }
        }
        marks.dedup();
        marks
    }
}

/// The bytes of a match's own words; neighbours are one range.
fn words_of(hit: Span, words: &[Span], text: &ArticleText<'_>) -> Vec<(Field, Range<usize>)> {
    let own: Vec<Span> =
        words.iter().copied().filter(|word| word.start >= hit.start && word.end <= hit.end).collect();
    let mut joined: Vec<Span> = Vec::new();
    for span in merge_overlapping(&own) {
        match joined.last_mut() {
            Some(last) if last.end == span.start => last.end = span.end,
            _ => joined.push(span),
        }
    }
    let bytes = joined.into_iter().filter_map(|span| {
        let start = text.word(span.start)?.start;
        let end = text.word(span.end.checked_sub(1)?)?.end;
        Some((text.field_at(span.start), start..end))
    });
    bytes.collect()
}
