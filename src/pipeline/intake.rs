//! The entries of one document on their way in: new, known or edited, and what they trip.
//!
//! Owns the way from scored entries to article rows, decisions and arrivals. Refuses to open incidents and alerts: that
//! is [`super::raise`]'s.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::page::with_page_text;
use super::raise::raise;
use super::{ArticleEvent, Scored, Settled};
use crate::alert::{self, Silence};
use crate::article::identity::{ArticleId, By, Document, Identity, identify};
use crate::article::{Article, NO_PLACE};
use crate::config::Config;
use crate::feed::FeedId;
use crate::incident::Arrival;
use crate::store::{StoreError, Transaction};
use crate::story::{self, Assignment, assign};
use crate::topic::{Score, TopicId};

/// Arrivals by topic (position in the configuration) and place.
type Arrivals = BTreeMap<(usize, String), Vec<Arrival>>;

/// The entries of one document on their way in.
struct Intake<'a, 'tx> {
    tx: &'a Transaction<'tx>,
    config: &'a Config,
    feed: FeedId,
    first_sight: bool,
    document: Document,
    /// Articles that an entry of this document turned out to be.
    claimed: BTreeSet<ArticleId>,
    arrivals: Arrivals,
}

pub(super) fn take_entries(
    tx: &Transaction<'_>,
    config: &Config,
    feed: FeedId,
    scored: &[Scored],
    first_sight: bool,
    now: Timestamp,
    settled: &mut Settled,
) -> Result<(), StoreError> {
    let document = Document::of(scored.iter().map(|item| &item.keys));
    let mut intake = Intake {
        tx,
        config,
        feed,
        first_sight,
        document,
        claimed: BTreeSet::new(),
        arrivals: Arrivals::new(),
    };
    for (index, item) in scored.iter().enumerate() {
        match intake.take(index, item)? {
            Some(event) => settled.articles.push(event),
            None => settled.known_count += 1,
        }
    }
    for ((topic, place), arrivals) in intake.arrivals {
        let alert = raise(tx, config, &config.topics[topic], &place, &arrivals, now)?;
        settled.alerts.extend(alert);
    }
    Ok(())
}

impl Intake<'_, '_> {
    /// Takes in one entry; `None` when it is known.
    fn take(&mut self, index: usize, item: &Scored) -> Result<Option<ArticleEvent>, StoreError> {
        let (tx, seen_at) = (self.tx, item.article.seen_at);
        let sightings = tx.sightings(self.feed, &item.keys)?;
        let identity = match identify(&item.keys, &sightings, &self.document, seen_at) {
            // Its words stand in this document already, under another id and link: then these are two.
            Identity::Known(article, By::Words) if self.claimed.contains(&article) => Identity::New,
            identity => identity,
        };
        if let Identity::Known(article, _) | Identity::Revision(article, _) = identity {
            self.claimed.insert(article);
        }
        match identity {
            Identity::New => {
                let event = self.add(index, item)?;
                self.claimed.insert(event.id);
                tx.save_scores(event.id, &item.scores)?;
                self.weigh_in(item, &event, |_| true)?;
                Ok(Some(event))
            }
            Identity::Known(article, _) => {
                tx.remember(self.feed, article, &item.keys, seen_at)?;
                let of_this_feed = sightings.iter().any(|s| s.same_feed && s.article == article);
                if !of_this_feed {
                    self.hear_again(article, index, item)?;
                }
                Ok(None)
            }
            Identity::Revision(article, _) => self.revise(article, index, item),
        }
    }

    fn add(&self, index: usize, item: &Scored) -> Result<ArticleEvent, StoreError> {
        let article = &item.article;
        let since = article.seen_at.checked_sub(story::WINDOW).unwrap_or(Timestamp::MIN);
        let earlier = self.tx.same_words(article.fingerprint, since)?;
        let (story, copy_of) = match assign(article, &earlier) {
            Assignment::Opens => (self.tx.open_story(&article.title, article.seen_at)?, None),
            Assignment::Joins { story, copy_of } => (story, copy_of),
        };
        let id = self.tx.add_article(self.feed, &item.entry, article, story, copy_of, &item.words)?;
        self.tx.remember(self.feed, id, &item.keys, article.seen_at)?;
        let is_copy = copy_of.is_some();
        Ok(ArticleEvent { id, index, story, copy_of, is_copy, is_revision: false })
    }

    /// An edit: scored anew. Topics it trips now and never did before are told like news; what it no longer trips is taken
    /// out of what waits to be told.
    fn revise(
        &mut self,
        article: ArticleId,
        index: usize,
        item: &Scored,
    ) -> Result<Option<ArticleEvent>, StoreError> {
        let tx = self.tx;
        tx.remember_edit(self.feed, article, &item.keys, item.article.seen_at)?;
        let Some((story, is_copy)) = tx.story_of(article)? else {
            // Pruned since: it stays known, there is nothing to edit.
            return Ok(None);
        };
        let with_page = with_page_text(tx, self.config, article, item)?;
        let item = with_page.as_ref().unwrap_or(item);
        tx.revise_article(article, &item.article, &item.words)?;
        let tripped_before = restate(tx, article, &item.scores)?;
        let event = ArticleEvent { id: article, index, story, copy_of: None, is_copy, is_revision: true };
        self.weigh_in(item, &event, |topic| !tripped_before.contains(topic))?;
        Ok(Some(event))
    }

    /// A known article by a feed that had not carried it: what was not told only because of how the first feed stood
    /// (just added, or late) is weighed again.
    fn hear_again(&mut self, article: ArticleId, index: usize, item: &Scored) -> Result<(), StoreError> {
        let muted = self.tx.muted_topics(article)?;
        if muted.is_empty() {
            return Ok(());
        }
        let Some((story, is_copy)) = self.tx.story_of(article)? else { return Ok(()) };
        let event = ArticleEvent { id: article, index, story, copy_of: None, is_copy, is_revision: false };
        self.weigh_in(item, &event, |topic| muted.contains(topic))
    }

    /// Sorts the topics an article trips, of those asked about, into arrivals and silences.
    fn weigh_in(
        &mut self,
        item: &Scored,
        event: &ArticleEvent,
        asked: impl Fn(&TopicId) -> bool,
    ) -> Result<(), StoreError> {
        let scored = (&item.article, item.scores.as_slice());
        for (position, place, arrival) in weigh(self.tx, self.config, self.first_sight, scored, event, asked)?
        {
            self.arrivals.entry((position, place)).or_default().push(arrival);
        }
        Ok(())
    }
}

/// Replaces the scores of a known article and answers which topics it had tripped before; what it no longer trips is taken
/// out of what waits to be told.
pub(super) fn restate(
    tx: &Transaction<'_>,
    article: ArticleId,
    scores: &[Score],
) -> Result<Vec<TopicId>, StoreError> {
    let tripped_before = tx.tripped_topics(article)?;
    tx.replace_scores(article, scores)?;
    let trips = |topic: &TopicId| scores.iter().any(|score| score.trips && score.topic == *topic);
    for topic in tripped_before.iter().filter(|topic| !trips(topic)) {
        tx.withdraw(article, topic)?;
    }
    for topic in tripped_before.iter().filter(|topic| trips(topic)) {
        let silence = Silence::AlreadyTripped;
        tx.decide_if_open(article, topic, silence.code(), &silence.words())?;
    }
    Ok(tripped_before)
}

/// The topics an article trips, of those asked about, as arrivals with the topic's position and their place; what may not
/// alert is silenced here.
pub(super) fn weigh(
    tx: &Transaction<'_>,
    config: &Config,
    first_sight: bool,
    (article, scores): (&Article, &[Score]),
    event: &ArticleEvent,
    asked: impl Fn(&TopicId) -> bool,
) -> Result<Vec<(usize, String, Arrival)>, StoreError> {
    let mut arrivals = Vec::new();
    for score in scores.iter().filter(|score| score.trips && asked(&score.topic)) {
        let Some(position) = config.topics.iter().position(|topic| topic.source.id == score.topic) else {
            continue;
        };
        let max_age = config.topics[position].source.policy.max_age;
        let first_look = config.poll.first_look;
        if let Err(silence) = alert::may_alert(article, first_sight, first_look, max_age) {
            tx.save_decision(event.id, &score.topic, silence.code(), &silence.words())?;
            continue;
        }
        let place = article.places.first().map_or(NO_PLACE, String::as_str);
        let arrival = Arrival {
            article: event.id,
            story: event.story,
            publisher: article.publisher.clone(),
            is_copy: event.is_copy,
            score: score.probability,
        };
        arrivals.push((position, place.to_owned(), arrival));
    }
    Ok(arrivals)
}
