//! Topics: all of them compiled together, to score an article in one walk over its words.
//!
//! Owns [`Topics`] and [`Scratch`]. A topic is looked at only when one of its anchors was found; it then costs what its
//! own matches cost. Gives the points of the readable evaluator ([`Topic::score_as_matched`]) times what the context
//! leaves of them. Refuses to read files and to decide alerts.

mod explain;

use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use super::closeness::{Descriptions, Meaning};
use super::context::{Languages, Marks};
use super::lexicon::{Found, Lexicon};
use super::matcher::{ArticleText, Buffers, Room, Span};
use super::pattern::Phrase;
use super::plan::{Slot, TopicPlan};
use super::policy::AlertPolicy;
use super::{Score, Topic, TopicId, TopicSource, weigh};
use crate::article::Article;
use crate::semantic::Model;

pub use explain::{Explanation, Mark};

/// Topics, compiled together. Reads like a slice of them, sorted as given.
#[derive(Clone, Default)]
pub struct Topics {
    topics: Arc<[Topic]>,
    engine: Arc<Engine>,
    /// Absent when no topic asks for closeness, or there is no model.
    descriptions: Option<Arc<Descriptions>>,
}

#[derive(Debug, Default)]
struct Engine {
    languages: Arc<Languages>,
    /// Made when an article is scored for the first time: commands that score none do not wait for it.
    compiled: OnceLock<Compiled>,
}

#[derive(Debug)]
struct Compiled {
    lexicon: Lexicon,
    /// Per phrase of the lexicon, sorted by topic: what it fills.
    postings: Vec<Box<[Posting]>>,
    plans: Vec<TopicPlan>,
    /// Topics that are looked at in every article: a signal of theirs may hold without a word.
    always: Vec<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Posting {
    topic: usize,
    slot: Slot,
    is_anchor: bool,
}

/// A run of equal phrases in what was found, and what it means for one topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    topic: usize,
    slot: Slot,
    is_anchor: bool,
    start: usize,
    end: usize,
}

/// A topic to look at, and its entries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Active {
    topic: usize,
    start: usize,
    end: usize,
}

/// Room that scoring uses again from article to article; make one per thread.
#[derive(Debug, Default)]
pub struct Scratch {
    buffers: Buffers,
    looks: Vec<Found>,
    found: Vec<Found>,
    /// What was found, by topic.
    entries: Vec<Entry>,
    active: Vec<Active>,
    pub(super) slots: Vec<Vec<Span>>,
    /// The slots that hold something.
    pub(super) filled: Vec<Slot>,
    /// Per set of the topic being scored whether any of its slots holds something.
    pub(super) open_sets: Vec<bool>,
    /// The signals of the topic being scored that may hold, sorted.
    pub(super) signals: Vec<usize>,
    pub(super) sets: Vec<Option<Vec<Span>>>,
    pub(super) taken: Vec<Span>,
    pub(super) words: Vec<Span>,
    pub(super) room: Room,
    pub(super) marks: Marks,
    is_scanned: bool,
    meaning: Meaning,
}

impl fmt::Debug for Topics {
    /// Their ids: the rest is megabytes of words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.topics.iter().map(|topic| &topic.source.id)).finish()
    }
}

impl Deref for Topics {
    type Target = [Topic];

    fn deref(&self) -> &[Topic] {
        &self.topics
    }
}

impl<'a> IntoIterator for &'a Topics {
    type Item = &'a Topic;
    type IntoIter = std::slice::Iter<'a, Topic>;

    fn into_iter(self) -> Self::IntoIter {
        self.topics.iter()
    }
}

impl Topics {
    /// Topics to score articles by, read by these languages.
    pub fn new(topics: Vec<Topic>, languages: Arc<Languages>) -> Self {
        let engine = Engine { languages, compiled: OnceLock::new() };
        Self { topics: topics.into(), engine: Arc::new(engine), descriptions: None }
    }

    fn compiled(&self) -> &Compiled {
        self.engine.compiled.get_or_init(|| Compiled::new(&self.topics))
    }

    /// The same topics, with a model for those that ask how close an article is to their description.
    #[must_use]
    pub fn with_model(self, model: Arc<Model>) -> Self {
        let descriptions = Descriptions::new(&self.topics, model).map(Arc::new);
        Self { descriptions, ..self }
    }

    /// Some of the topics, each with another policy. They decide what was scored before; they score nothing cheaply.
    #[must_use]
    pub fn with_policies(&self, policy: impl Fn(&Topic) -> Option<AlertPolicy>) -> Self {
        let changed = self.topics.iter().filter_map(|topic| {
            let policy = policy(topic)?;
            let source = TopicSource { policy, ..topic.source.clone() };
            Some(Topic { source, ..topic.clone() })
        });
        Self::new(changed.collect(), Arc::clone(&self.engine.languages))
    }

    /// Whether they ask a model.
    pub fn uses_model(&self) -> bool {
        self.descriptions.is_some()
    }

    /// How many different phrases all topics look for.
    pub fn phrase_count(&self) -> usize {
        self.compiled().postings.len()
    }

    /// Bytes the shared automaton takes.
    pub fn automaton_bytes(&self) -> usize {
        self.compiled().lexicon.automaton_bytes()
    }

    /// Scores an article: the topics that have evidence, or trip without any, in their order.
    pub fn score(&self, article: &Article, scratch: &mut Scratch) -> Vec<Score> {
        let text = ArticleText::in_buffers(article, std::mem::take(&mut scratch.buffers));
        let mut scores = Vec::new();
        self.score_text(&text, scratch, &mut scores);
        scratch.buffers = text.into_buffers();
        scores
    }

    /// Scores an article for one topic; `None` when there is no such topic.
    pub fn score_for(&self, topic: &TopicId, article: &Article, scratch: &mut Scratch) -> Option<Score> {
        let scored = self.score(article, scratch).into_iter().find(|score| score.topic == *topic);
        let silent =
            || self.iter().find(|known| known.source.id == *topic).map(|topic| topic.score_of(Vec::new()));
        scored.or_else(silent)
    }

    /// The probability of every topic, in their order, given the scores of those that have evidence.
    pub fn probabilities(&self, scores: &[Score]) -> Vec<(TopicId, f64)> {
        let each = self.topics.iter().map(|topic| {
            let id = &topic.source.id;
            let found = scores.iter().find(|one| one.topic == *id).map(|one| one.probability);
            (id.clone(), found.unwrap_or_else(|| topic.score_of(Vec::new()).probability))
        });
        each.collect()
    }

    /// Whether an article's headline takes back an earlier report ("Correction: …").
    pub fn retracts(&self, article: &Article) -> bool {
        self.engine.languages.retracts(&ArticleText::new(article))
    }

    /// Scores an article: every topic, in their order.
    pub fn score_each(&self, article: &Article) -> Vec<Score> {
        let mut found = self.score(article, &mut Scratch::default()).into_iter().peekable();
        let each = self.topics.iter().map(|topic| {
            found
                .next_if(|score| score.topic == topic.source.id)
                .unwrap_or_else(|| topic.score_of(Vec::new()))
        });
        each.collect()
    }

    /// Scores an article that was cut into words; adds to `scores` the topics that have evidence, or trip without any.
    pub fn score_text(&self, text: &ArticleText<'_>, scratch: &mut Scratch, scores: &mut Vec<Score>) {
        let engine = self.compiled();
        let mut found = std::mem::take(&mut scratch.found);
        engine.lexicon.find(text, &mut scratch.looks, &mut found);
        scratch.is_scanned = false;
        scratch.meaning.take();
        let descriptions = self.descriptions.as_deref();
        let always = descriptions.map(|descriptions| descriptions.always.as_slice());
        engine.activate(&found, always.unwrap_or_default(), scratch);
        let active = std::mem::take(&mut scratch.active);
        for active in &active {
            let (Some(plan), Some(topic)) = (engine.plans.get(active.topic), self.topics.get(active.topic))
            else {
                continue;
            };
            gather(active, plan, &found, scratch);
            scores.extend(self.score_topic((active.topic, topic), plan, text, scratch));
        }
        scratch.active = active;
        scratch.found = found;
    }

    fn score_topic(
        &self,
        (index, topic): (usize, &Topic),
        plan: &TopicPlan,
        text: &ArticleText<'_>,
        scratch: &mut Scratch,
    ) -> Option<Score> {
        plan.note(scratch);
        let mut signals = std::mem::take(&mut scratch.signals);
        signals.retain(|signal| plan.signals.get(*signal).is_some_and(|query| query.plan.may_hold(scratch)));
        if !signals.is_empty() {
            plan.take_decoys(text, scratch);
        }
        let mut evidence = Vec::new();
        for signal in &signals {
            let (Some(signal), Some(query)) = (topic.source.signals.get(*signal), plan.signals.get(*signal))
            else {
                continue;
            };
            let hits = plan.hits(&query.plan, None, text, scratch);
            if hits.holds {
                self.engine.scan(text, scratch);
                plan.own_words(query, &text.article().language, scratch);
                let context =
                    signal.context.then_some((&scratch.marks, topic.source.factors, &*scratch.words));
                evidence.extend(weigh::weigh(signal, &hits, text, context));
            }
            scratch.room.give(hits.spans);
        }
        scratch.signals = signals;
        if let Some(learned) = topic.learned() {
            learned.apply(&mut evidence, text);
        }
        if let Some(descriptions) = &self.descriptions
            && let Some(close) = descriptions.evidence((index, topic), &evidence, text, &scratch.meaning)
        {
            self.engine.scan(text, scratch);
            evidence.push(close);
        }
        if scratch.is_scanned && !evidence.is_empty() {
            evidence.extend(weigh::discount(&evidence, &scratch.marks, &topic.source.factors, text));
        }
        // Most topics that were looked at say nothing; they cost no room.
        (!evidence.is_empty() || plan.trips_empty).then(|| topic.score_of(evidence))
    }
}

impl Engine {
    /// Reads how the article means what it says, unless that was done.
    fn scan(&self, text: &ArticleText<'_>, scratch: &mut Scratch) {
        if !scratch.is_scanned {
            let mut marks = std::mem::take(&mut scratch.marks);
            marks.scan(&self.languages, text);
            scratch.marks = marks;
            scratch.is_scanned = true;
        }
    }
}

impl Compiled {
    fn new(topics: &[Topic]) -> Self {
        let mut plans: Vec<TopicPlan> = topics
            .iter()
            .map(|topic| {
                let mut plan = TopicPlan::new(&topic.sets, &topic.signals);
                plan.trips_empty = topic.score_of(Vec::new()).trips;
                plan
            })
            .collect();
        let mut numbers: HashMap<Arc<Phrase>, usize> = HashMap::new();
        let (mut phrases, mut postings): (Vec<Arc<Phrase>>, Vec<Vec<Posting>>) = (Vec::new(), Vec::new());
        for (topic, plan) in plans.iter_mut().enumerate() {
            for (phrase, slot) in std::mem::take(&mut plan.phrases) {
                let anchors = plan.anchors.as_deref().unwrap_or_default();
                let is_anchor = anchors.binary_search(&slot).is_ok();
                let number = *numbers.entry(phrase).or_insert_with_key(|phrase| {
                    phrases.push(Arc::clone(phrase));
                    postings.push(Vec::new());
                    postings.len() - 1
                });
                if let Some(postings) = postings.get_mut(number) {
                    postings.push(Posting { topic, slot, is_anchor });
                }
            }
        }
        let always = plans
            .iter()
            .enumerate()
            .filter(|(_, plan)| plan.anchors.is_none() || plan.trips_empty)
            .map(|(topic, _)| topic)
            .collect();
        let sorted = postings.into_iter().map(|mut postings| {
            postings.sort_unstable();
            postings.dedup();
            postings.into_boxed_slice()
        });
        Self { postings: sorted.collect(), lexicon: Lexicon::new(&phrases), plans, always }
    }

    /// Notes the topics of which an anchor was found or that are always looked at, each with what was found of it.
    fn activate(&self, found: &[Found], always: &[usize], scratch: &mut Scratch) {
        scratch.active.clear();
        scratch.entries.clear();
        let mut start = 0;
        for run in found.chunk_by(|one, other| one.phrase == other.phrase) {
            let end = start + run.len();
            let postings = run.first().map(|found| self.postings_of(found.phrase)).unwrap_or_default();
            scratch.entries.extend(postings.iter().map(|posting| {
                let Posting { topic, slot, is_anchor } = *posting;
                Entry { topic, slot, is_anchor, start, end }
            }));
            start = end;
        }
        scratch.entries.sort_unstable();
        let is_always =
            |topic: &usize| self.always.binary_search(topic).is_ok() || always.binary_search(topic).is_ok();
        let mut start = 0;
        for entries in scratch.entries.chunk_by(|one, other| one.topic == other.topic) {
            let end = start + entries.len();
            let topic = entries.first().map(|entry| entry.topic);
            let topic = topic.filter(|topic| entries.iter().any(|entry| entry.is_anchor) || is_always(topic));
            scratch.active.extend(topic.map(|topic| Active { topic, start, end }));
            start = end;
        }
        let found_count = scratch.active.len();
        for &topic in self.always.iter().chain(always) {
            let found = scratch.active.get(..found_count).unwrap_or_default();
            if found.binary_search_by_key(&topic, |active| active.topic).is_err() {
                scratch.active.push(Active { topic, start: 0, end: 0 });
            }
        }
        scratch.active.sort_unstable();
        scratch.active.dedup();
    }

    fn postings_of(&self, phrase: u32) -> &[Posting] {
        usize::try_from(phrase)
            .ok()
            .and_then(|at| self.postings.get(at))
            .map(|postings| &**postings)
            .unwrap_or_default()
    }
}

/// Fills a topic's slots.
fn gather(active: &Active, plan: &TopicPlan, found: &[Found], scratch: &mut Scratch) {
    for slot in scratch.filled.drain(..) {
        if let Some(slot) = scratch.slots.get_mut(slot) {
            slot.clear();
        }
    }
    if scratch.slots.len() < plan.slot_count {
        scratch.slots.resize_with(plan.slot_count, Vec::new);
    }
    for entry in scratch.entries.get(active.start..active.end).unwrap_or_default() {
        let places = found.get(entry.start..entry.end).unwrap_or_default();
        if let Some(slot) = scratch.slots.get_mut(entry.slot) {
            if slot.is_empty() {
                scratch.filled.push(entry.slot);
            }
            slot.extend(places.iter().map(|found| found.span));
        }
    }
    for slot in &scratch.filled {
        if let Some(slot) = scratch.slots.get_mut(*slot).filter(|slot| slot.len() > 1) {
            slot.sort_unstable();
            slot.dedup();
        }
    }
}
