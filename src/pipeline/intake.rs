//! The entries of one document on their way in: new, known or edited, and what they trip.
//!
//! Owns the way from scored entries to article rows, decisions and arrivals. Refuses to open incidents and alerts: that
//! is [`super::raise`]'s.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::correct::{self, Edit};
use super::page::with_page_text;
use super::placing::{Arrivals, has_place_filters, join_placed, place_of};
use super::raise::raise;
use super::surge::{self, Arrived};
use super::{ArticleEvent, Scored, Settled};
use crate::alert::{self, Withheld};
use crate::article::Article;
use crate::article::identity::{ArticleId, By, Document, Identity, Keys, Sighting, Tallies, identify};
use crate::audit::Event;
use crate::config::Config;
use crate::feed::FeedId;
use crate::feed::gap::Seen;
use crate::feed::trust::Trust;
use crate::incident::Arrival;
use crate::incident::correction::kept_share;
use crate::store::{StoreError, Transaction};
use crate::story::{Assignment, Stories};
use crate::topic::{Score, TopicId};

/// How a document is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight {
    /// Whose.
    pub(super) feed: FeedId,
    /// Whether its feed was never read before.
    pub(super) first_sight: bool,
    /// Whether its entries stand in the feed's document: then they stay known for as long as they do.
    pub(super) stands: bool,
    /// How far the feed's keys could be trusted so far.
    pub(super) trust: Trust,
}

/// An entry that was taken in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    /// As gaps see it.
    pub(super) seen: Seen,
    /// When this feed showed it first; `None` when it is new here.
    pub(super) known_since: Option<Timestamp>,
}

/// The entries of one document on their way in.
struct Intake<'a, 'tx> {
    tx: &'a Transaction<'tx>,
    stories: &'a mut Stories,
    config: &'a Config,
    sight: Sight,
    document: Document,
    /// Articles that an entry of this document turned out to be.
    claimed: BTreeSet<ArticleId>,
    /// What the entries taken in so far are recognised by.
    fresh: Vec<Sighting>,
    arrivals: Arrivals,
    /// Edited articles.
    edits: Vec<Edit>,
}

/// Takes in the entries of a document, in its order; answers what they are, and how far the feed's keys can be trusted now.
pub(super) fn take_entries(
    tx: &Transaction<'_>,
    stories: &mut Stories,
    config: &Config,
    sight: Sight,
    scored: &[Scored],
    now: Timestamp,
    settled: &mut Settled,
) -> Result<(Vec<Taken>, Trust), StoreError> {
    surge::keep_up(tx, config, now)?;
    let document = Document::of(scored.iter().map(|item| &item.keys));
    let mut found = Vec::with_capacity(scored.len());
    let mut tallies = Tallies::default();
    for item in scored {
        let sightings = known_by(tx, sight.feed, &item.keys)?;
        tallies.count(&item.keys, &sightings, &document, item.article.seen_at);
        found.push(sightings);
    }
    let mut trust = sight.trust;
    if sight.stands {
        trust.note(tallies.ids, tallies.urls);
    }
    let doubts = trust.doubts();
    let sight = Sight { trust, ..sight };
    // Once a transaction: what this one takes in is ahead of the database until it is committed.
    if stories.is_behind() && !scored.is_empty() {
        *stories = tx.stories()?;
    }
    let mut intake = Intake {
        tx,
        stories,
        config,
        sight,
        document: document.doubting(doubts),
        claimed: BTreeSet::new(),
        fresh: Vec::new(),
        arrivals: Arrivals::new(),
        edits: Vec::new(),
    };
    let mut taken = Vec::with_capacity(scored.len());
    for (index, (item, sightings)) in scored.iter().zip(found).enumerate() {
        let (entry, event) = intake.take(index, item, sightings)?;
        taken.push(entry);
        match event {
            Some(event) => settled.articles.push(event),
            None => settled.known_count += 1,
        }
    }
    for edit in &intake.edits {
        settled.alerts.extend(correct::after_edit(tx, config, edit, now)?);
    }
    for ((topic, place), arrivals) in join_placed(config, intake.arrivals) {
        let alert = raise(tx, config, &config.topics[topic], &place, &arrivals, now)?;
        settled.alerts.extend(alert);
    }
    for event in settled.articles.iter().filter(|event| !event.is_revision) {
        let Some(item) = scored.get(event.index) else { continue };
        let news = (event.id, event.story);
        settled.alerts.extend(correct::after_news(tx, config, news, &item.article, now)?);
    }
    let arrived = settled.articles.iter().map(|event| {
        let article = &scored[event.index].article;
        Arrived { first_sight: sight.first_sight, article, event }
    });
    let surges = surge::after_articles(tx, config, arrived, now)?;
    settled.alerts.extend(surges);
    Ok((taken, trust))
}

/// The sightings an entry may be recognised by. Its headline is asked for only where nothing else is known in its feed.
fn known_by(tx: &Transaction<'_>, feed: FeedId, keys: &Keys) -> Result<Vec<Sighting>, StoreError> {
    let mut sightings = tx.sightings(feed, keys)?;
    if !sightings.iter().any(|sighting| sighting.same_feed) {
        sightings.extend(tx.sightings_by_title(feed, keys)?);
    }
    Ok(sightings)
}

impl Intake<'_, '_> {
    /// Takes in one entry; without an event it is known.
    fn take(
        &mut self,
        index: usize,
        item: &Scored,
        mut sightings: Vec<Sighting>,
    ) -> Result<(Taken, Option<ArticleEvent>), StoreError> {
        let (tx, feed, seen_at) = (self.tx, self.sight.feed, item.article.seen_at);
        let keys = &item.keys;
        let is_near = |s: &&Sighting| {
            s.keys.words == keys.words
                || s.keys.title == keys.title
                || keys.id.is_some() && s.keys.id == keys.id
                || keys.url.is_some() && s.keys.url == keys.url
        };
        sightings.extend(self.fresh.iter().filter(is_near));
        let identity = match identify(keys, &sightings, &self.document, seen_at) {
            // Its words stand in this document already, under another id and link: then these are two.
            Identity::Known(article, By::Words | By::Headline)
            | Identity::Revision(article, By::Headline)
                if self.claimed.contains(&article) =>
            {
                self.among_others(keys, &mut sightings, seen_at)
            }
            identity => identity,
        };
        let known = match identity {
            Identity::New => None,
            Identity::Known(article, _) | Identity::Revision(article, _) => Some(article),
        };
        let here = sightings.iter().filter(|s| s.same_feed && Some(s.article) == known);
        let known_since = here.map(|s| s.seen_at).min();
        let event = match identity {
            Identity::New => {
                let event = self.add(index, item)?;
                tx.save_scores(event.id, &item.scores)?;
                self.weigh_in(item, &event, |_| true)?;
                Some(event)
            }
            Identity::Known(article, _) => {
                self.keep_known(article, item, &sightings)?;
                if known_since.is_none() {
                    self.hear_again(article, index, item)?;
                }
                None
            }
            Identity::Revision(article, _) => self.revise(article, index, item)?,
        };
        let Some(article) = known.or(event.as_ref().map(|event| event.id)) else {
            // An entry that is new became an article.
            return Err(StoreError::Unreadable("articles: a new one has no row"));
        };
        self.claimed.insert(article);
        let left_at = self.left_at(seen_at);
        self.fresh.push(Sighting { article, same_feed: true, keys: *keys, seen_at, left_at });
        if let Some(left_at) = left_at.filter(|_| known_since.is_some()) {
            tx.note_left_again(feed, article, left_at)?;
        }
        let date = keys.published_at;
        let seen = Seen { key: article.0, is_new: known_since.is_none(), date };
        Ok((Taken { seen, known_since }, event))
    }

    /// An entry whose like stands in this document already. Where ids say nothing, it may be another of the same words that
    /// was known before.
    fn among_others(&self, keys: &Keys, sightings: &mut Vec<Sighting>, seen_at: Timestamp) -> Identity {
        if !self.sight.trust.doubts().ids {
            return Identity::New;
        }
        sightings.retain(|sighting| !self.claimed.contains(&sighting.article));
        identify(keys, sightings, &self.document, seen_at)
    }

    /// What a sighting says about standing in the document.
    fn left_at(&self, seen_at: Timestamp) -> Option<Timestamp> {
        (!self.sight.stands).then_some(seen_at)
    }

    /// Remembers the keys of a known entry, unless they are among its sightings.
    fn keep_known(
        &self,
        article: ArticleId,
        item: &Scored,
        sightings: &[Sighting],
    ) -> Result<(), StoreError> {
        let Keys { id, url, title, words, .. } = item.keys;
        let is_same = |s: &Sighting| {
            let Keys { id: id_then, url: url_then, title: title_then, words: words_then, .. } = s.keys;
            (id, url, title, words) == (id_then, url_then, title_then, words_then)
        };
        if sightings.iter().any(|s| s.same_feed && s.article == article && is_same(s)) {
            return Ok(());
        }
        let seen_at = item.article.seen_at;
        self.tx.remember(self.sight.feed, article, &item.keys, seen_at, self.left_at(seen_at))
    }

    fn add(&mut self, index: usize, item: &Scored) -> Result<ArticleEvent, StoreError> {
        let article = &item.article;
        self.tx.keep_ended(&self.stories.advance(article.seen_at))?;
        let placement = self.stories.assign(&item.sketch, article.seen_at);
        let is_copy = placement.is_copy;
        let (story, copy_of) = match placement.assignment {
            Assignment::Opens { copy_of } => (self.tx.open_story(&article.title, article.seen_at)?, copy_of),
            Assignment::Joins { story, copy_of } => (story, copy_of),
        };
        // An original that was pruned is nobody's to point to.
        let copy_of = match copy_of {
            Some(original) => self.tx.story_of(original)?.map(|_| original),
            None => None,
        };
        let id = self.tx.add_article(self.sight.feed, &item.entry, article, story, copy_of, &item.words)?;
        self.tx.keep_taken(&self.stories.add(placement, &item.sketch, id, story))?;
        self.tx.remember(self.sight.feed, id, &item.keys, article.seen_at, self.left_at(article.seen_at))?;
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
        let seen_at = item.article.seen_at;
        tx.remember_edit(self.sight.feed, article, &item.keys, seen_at, self.left_at(seen_at))?;
        let Some((story, is_copy)) = tx.story_of(article)? else {
            // Pruned since: it stays known, there is nothing to edit.
            return Ok(None);
        };
        let with_page = with_page_text(tx, self.config, article, item)?;
        let item = with_page.as_ref().unwrap_or(item);
        let before = tx.article(article)?;
        tx.revise_article(article, &item.article, &item.words)?;
        tx.retitle_story(story, article, &item.article.title)?;
        let tripped_before = restate(tx, article, &item.scores, seen_at)?;
        let did_retract = before.as_ref().is_some_and(|before| self.config.topics.retracts(before));
        self.edits.push(Edit {
            article,
            story,
            publisher: item.article.publisher.clone(),
            scores: item.scores.clone(),
            retracts: !did_retract && self.config.topics.retracts(&item.article),
            kept: before.map_or(1.0, |before| kept_share(&before.title, &item.article.title)),
        });
        let event = ArticleEvent { id: article, index, story, copy_of: None, is_copy, is_revision: true };
        // Its headline took it back and no longer does. What a note beside it took back, a mended headline does not bring up.
        let takes_up_again = did_retract && !self.config.topics.retracts(&item.article);
        let taken_up = if takes_up_again { tx.corrected_topics(article)? } else { Vec::new() };
        self.weigh_in(item, &event, |topic| taken_up.contains(topic) || !tripped_before.contains(topic))?;
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

    /// Sorts the topics an article trips, of those asked about, into arrivals and what is withheld.
    fn weigh_in(
        &mut self,
        item: &Scored,
        event: &ArticleEvent,
        asked: impl Fn(&TopicId) -> bool,
    ) -> Result<(), StoreError> {
        let scored = (&item.article, item.scores.as_slice());
        let (first_sight, seen_at) = (self.sight.first_sight, item.article.seen_at);
        for (position, place, arrival) in
            weigh(self.tx, self.config, first_sight, scored, event, asked, seen_at)?
        {
            // Another report of the story in this document may have been brought to a place already.
            let known = self.arrivals.iter().find(|((topic, place), arrivals)| {
                *topic == position
                    && item.article.places.contains(place)
                    && arrivals.iter().any(|other| other.story == arrival.story)
            });
            let known = known.filter(|_| !has_place_filters(self.config));
            let place = known.map_or(place, |((_, known), _)| known.clone());
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
    now: Timestamp,
) -> Result<Vec<TopicId>, StoreError> {
    let tripped_before = tx.tripped_topics(article)?;
    tx.replace_scores(article, scores)?;
    let trips = |topic: &TopicId| scores.iter().any(|score| score.trips && score.topic == *topic);
    for topic in tripped_before.iter().filter(|topic| !trips(topic)) {
        if tx.withdraw(article, topic)? {
            // Its score has no decision any more; that it waited, and no longer does, stays on record.
            let withheld = Withheld::EditedAway;
            let (decision, reason) = (withheld.code(), withheld.words());
            tx.audit(&Event::Withheld { article, topic, decision, reason: &reason }, now)?;
        }
    }
    for topic in tripped_before.iter().filter(|topic| trips(topic)) {
        let withheld = Withheld::AlreadyTripped;
        tx.withhold_if_open(article, topic, &withheld, now)?;
    }
    Ok(tripped_before)
}

/// The topics an article trips, of those asked about, as arrivals with the topic's position and their place; what may not
/// alert is withheld here.
pub(super) fn weigh(
    tx: &Transaction<'_>,
    config: &Config,
    first_sight: bool,
    (article, scores): (&Article, &[Score]),
    event: &ArticleEvent,
    asked: impl Fn(&TopicId) -> bool,
    now: Timestamp,
) -> Result<Vec<(usize, String, Arrival)>, StoreError> {
    let mut arrivals = Vec::new();
    for score in scores.iter().filter(|score| score.trips && asked(&score.topic)) {
        let Some(position) = config.topics.iter().position(|topic| topic.source.id == score.topic) else {
            continue;
        };
        let max_age = config.topics[position].source.policy.max_age;
        let first_look = config.poll.first_look;
        if let Err(withheld) = alert::may_alert(article, first_sight, first_look, max_age) {
            tx.withhold(event.id, &score.topic, &withheld, now)?;
            continue;
        }
        let known = tx.places_of_story(&score.topic, event.story)?;
        let (by, since) = (&article.publisher, correct::since(now));
        if config.topics.retracts(article) && tx.has_to_take_back(&score.topic, event.story, by, since)? {
            tx.withhold(event.id, &score.topic, &Withheld::Retraction, now)?;
            continue;
        }
        if event.is_revision && tx.goes_back_and_forth(event.id, &score.topic)? {
            tx.withhold(event.id, &score.topic, &Withheld::BackAndForth, now)?;
            continue;
        }
        let place = place_of(config, article, &known);
        let arrival = Arrival {
            article: event.id,
            story: event.story,
            publisher: article.publisher.clone(),
            is_copy: event.is_copy,
            score: score.probability,
            at: article.seen_at,
        };
        arrivals.push((position, place, arrival));
    }
    Ok(arrivals)
}
