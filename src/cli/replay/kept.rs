//! What scored, kept while it is played, to be settled again at other thresholds.
//!
//! Owns [`Keeper`]: what is kept, from when to when, and how much of it there may be. Scores and stories do not depend on thresholds,
//! so each article is kept with both. Refuses to try thresholds.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::labels::Labels;
use super::player::Visited;
use super::tally::days_between;
use super::threshold::{LOWEST, Threshold};
use crate::alert::Kind;
use crate::article::identity::ArticleId;
use crate::config::Config;
use crate::feed::Feed;
use crate::pipeline::{AlertEvent, ArticleEvent, Scored};
use crate::story::{Before, Sketch, StoryId};
use crate::topic::{Score, TopicId};

/// An item, and where its labels stand.
pub(super) type Labelled = (Scored, Option<usize>);

/// An entry that is kept.
struct Item {
    scored: Scored,
    label: Option<usize>,
    /// Absent where it was known.
    story: Option<StoryId>,
}

/// Entries that came together, as far as they are kept.
pub(super) struct Kept {
    pub(super) feed: Arc<Feed>,
    pub(super) at: Timestamp,
    pub(super) is_feed_known: bool,
    items: Vec<Item>,
}

/// Keeps what scored at all, and what may take that back.
pub(super) struct Keeper<'a> {
    pub(super) config: &'a Config,
    pub(super) labels: &'a Labels,
    kept: Vec<Kept>,
    /// Entries that are kept, and how many may be.
    count: usize,
    most: usize,
    articles: HashSet<ArticleId>,
    stories: HashSet<StoryId>,
    surges: BTreeMap<TopicId, u64>,
    first_at: Option<Timestamp>,
    last_at: Timestamp,
    /// When the first entries came that found no room.
    pub(super) full_at: Option<Timestamp>,
}

impl<'a> Keeper<'a> {
    pub(super) fn new(config: &'a Config, labels: &'a Labels, most: usize) -> Self {
        Self {
            config,
            labels,
            kept: Vec::new(),
            count: 0,
            most,
            articles: HashSet::new(),
            stories: HashSet::new(),
            surges: BTreeMap::new(),
            first_at: None,
            last_at: Timestamp::MIN,
            full_at: None,
        }
    }

    /// Keeps what matters of entries that came together. Where there is no room for all of that, nothing is kept from then on.
    pub(super) fn visit(&mut self, visited: &Visited<'_>) {
        let Some(first) = visited.timed.first() else { return };
        self.first_at.get_or_insert(first.seen_at);
        self.last_at = first.seen_at;
        if self.full_at.is_some() {
            return;
        }
        let events: HashMap<usize, &ArticleEvent> =
            visited.articles.iter().map(|event| (event.index, event)).collect();
        let mut items = Vec::new();
        for (index, (entry, scored)) in visited.timed.iter().zip(visited.scored).enumerate() {
            let event = events.get(&index).copied();
            if !scores_at_all(scored) && !event.is_some_and(|event| self.follows(event, scored)) {
                continue;
            }
            if let Some(event) = event {
                self.articles.insert(event.id);
                self.stories.insert(event.story);
            }
            let story = event.map(|event| event.story);
            items.push(Item { scored: light(scored, event), label: self.labels.place(entry), story });
        }
        if self.count + items.len() > self.most {
            self.full_at = Some(first.seen_at);
        } else if !items.is_empty() {
            self.count += items.len();
            let Visited { feed, is_feed_known, .. } = *visited;
            self.kept.push(Kept { feed: Arc::clone(feed), at: first.seen_at, is_feed_known, items });
        }
    }

    /// Whether it may take back what was kept: another wording, or a headline that says so.
    fn follows(&self, event: &ArticleEvent, scored: &Scored) -> bool {
        event.is_revision && self.articles.contains(&event.id)
            || self.stories.contains(&event.story) && self.config.topics.retracts(&scored.article)
    }

    /// Notes an alert. How much is usual cannot be told from what is kept, so surges count as they came.
    pub(super) fn alert(&mut self, event: &AlertEvent) {
        if self.full_at.is_none() && event.alert.kind == Kind::Surge && self.is_mail(event) {
            *self.surges.entry(event.alert.topic.clone()).or_default() += 1;
        }
    }

    /// Surges that were told of a topic.
    pub(super) fn surges(&self, topic: &TopicId) -> u64 {
        self.surges.get(topic).copied().unwrap_or_default()
    }

    /// Whether an alert reaches somebody. Without any route, all count: somebody tunes before they tell anybody.
    pub(super) fn is_mail(&self, event: &AlertEvent) -> bool {
        !event.to.is_empty() || !event.held.is_empty() || self.config.routes.is_empty()
    }

    /// When what is kept ends.
    pub(super) fn until(&self) -> Timestamp {
        self.full_at.unwrap_or(self.last_at)
    }

    /// The days of what is kept, as [`days_between`].
    pub(super) fn days(&self) -> f64 {
        days_between(self.first_at, Some(self.until()))
    }

    /// What is kept as it would be if only a topic, at a threshold, and those its rules name were scored.
    pub(super) fn at_threshold(
        &self,
        topic: &TopicId,
        threshold: Threshold,
        linked: &[&TopicId],
    ) -> Vec<(&Kept, Vec<Labelled>)> {
        let mut stories: HashSet<StoryId> = HashSet::new();
        let mut picked = Vec::new();
        for kept in &self.kept {
            let mut items = Vec::new();
            for Item { scored, label, story } in &kept.items {
                let scores = scores_at(&scored.scores, topic, threshold, linked);
                let speaks = scores.iter().any(|score| score.trips || LOWEST.is_met(score.probability));
                if speaks || story.is_some_and(|story| stories.contains(&story)) {
                    stories.extend(*story);
                    items.push((Scored { scores, ..scored.clone() }, *label));
                }
            }
            if !items.is_empty() {
                picked.push((kept, items));
            }
        }
        picked
    }
}

fn scores_at_all(item: &Scored) -> bool {
    item.scores.iter().any(|score| score.trips || LOWEST.is_met(score.probability))
}

fn scores_at(scores: &[Score], topic: &TopicId, threshold: Threshold, linked: &[&TopicId]) -> Vec<Score> {
    let at = |score: &Score| {
        if score.topic == *topic {
            return Some(Score { trips: threshold.is_met(score.probability), ..score.clone() });
        }
        (score.trips && linked.contains(&&score.topic)).then(|| score.clone())
    };
    scores.iter().filter_map(at).collect()
}

/// An item without what only an archive needs, and with where it belongs.
fn light(item: &Scored, event: Option<&ArticleEvent>) -> Scored {
    let mut light = item.clone();
    light.words = String::new();
    light.entry.summary = None;
    light.entry.content = None;
    light.sketch = event.map_or_else(Sketch::default, |event| {
        let ArticleEvent { id: article, story, copy_of, is_copy, .. } = *event;
        Sketch::again(Before { article, story, copy_of, is_copy })
    });
    light
}
