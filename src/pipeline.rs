//! Where all stages meet: from the entries of one poll to what is committed of it.
//!
//! [`prepare`] computes (parse results in, scored articles out) and can run on any thread. [`settle`] loads the few
//! rows the decisions need, decides, and writes, all inside the transaction it is handed; [`tick`] does the same for
//! what time alone changes. `run`, `replay` and the tests drive exactly these. Refuses the clock and the network.

mod raise;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::alert::{self, Alert, AlertId, Silence};
use crate::article::identity::{ArticleId, By, Document, Identity, Keys, identify};
use crate::article::{self, Article, NO_PLACE};
use crate::config::Config;
use crate::feed::schedule::{self, FeedState, NextPoll, Pace, PollEnd};
use crate::feed::{Entry, Feed, FeedId};
use crate::fetch::Headers;
use crate::incident::{Arrival, IncidentId};
use crate::store::{StoreError, Transaction};
use crate::story::{self, Assignment, StoryId, assign};
use crate::topic::matcher::ArticleText;
use crate::topic::{Score, Topic, TopicId};

use self::raise::raise;
pub use self::raise::{next_tick_at, tick};

/// An entry with everything computed from it alone.
#[derive(Debug, Clone)]
pub struct Scored {
    /// As the publisher gave it.
    pub entry: Entry,
    /// Made comparable.
    pub article: Article,
    /// What it is recognised by.
    pub keys: Keys,
    /// A score per topic.
    pub scores: Vec<Score>,
    /// Its words, for the archive's full-text index.
    pub words: String,
}

/// Normalises and scores entries.
pub fn prepare(entries: Vec<Entry>, feed: &Feed, topics: &[Topic], seen_at: Timestamp) -> Vec<Scored> {
    entries
        .into_iter()
        .map(|entry| {
            let article = article::normalize(&entry, feed, seen_at);
            let keys = Keys::of(&entry, &article);
            let text = ArticleText::new(&article);
            let scores = topics.iter().map(|topic| topic.score_text(&text)).collect();
            let words = text.index_words();
            Scored { entry, article, keys, scores, words }
        })
        .collect()
}

/// One poll of one feed, ready to be settled.
#[derive(Debug, Clone)]
pub struct Poll {
    /// The feed's row.
    pub feed: FeedId,
    /// When the request began.
    pub started_at: Timestamp,
    /// How it ended.
    pub end: End,
}

/// How a poll ended.
#[derive(Debug, Clone)]
pub enum End {
    /// A document was read.
    Document {
        /// Its entries.
        scored: Vec<Scored>,
        /// Its validators.
        headers: Headers,
        /// What was wrong with it, in words.
        problems: Vec<String>,
    },
    /// 304.
    NotModified {
        /// Validators the 304 carried.
        headers: Headers,
    },
    /// No document.
    Failed {
        /// What happened, in words.
        outcome: String,
        /// What the server asked for.
        headers: Headers,
    },
}

/// An article that is new or edited.
#[derive(Debug, Clone)]
pub struct ArticleEvent {
    /// Its row.
    pub id: ArticleId,
    /// Index of its entry in the poll.
    pub index: usize,
    /// Its story.
    pub story: StoryId,
    /// The article it copies.
    pub copy_of: Option<ArticleId>,
    /// Whether its text is another publisher's.
    pub is_copy: bool,
    /// Whether it is an edit of a known article.
    pub is_revision: bool,
}

/// An alert that was decided.
#[derive(Debug, Clone)]
pub struct AlertEvent {
    /// Its row.
    pub id: AlertId,
    /// What routes looked at.
    pub alert: Alert,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
    /// Its incident.
    pub incident: IncidentId,
    /// The story of its best article.
    pub story: StoryId,
    /// What it reports, best first.
    pub articles: Vec<ArticleId>,
    /// Best score.
    pub score: f64,
    /// Subject of its mail.
    pub subject: String,
    /// Who is told.
    pub to: Vec<String>,
}

/// What settling a poll came to.
#[derive(Debug, Clone)]
pub struct Settled {
    /// When the feed is polled next.
    pub next: NextPoll,
    /// How the poll ended, in words.
    pub outcome: String,
    /// Whether it counts as a success.
    pub is_success: bool,
    /// The feed's state after the poll.
    pub state: FeedState,
    /// New and edited articles.
    pub articles: Vec<ArticleEvent>,
    /// Entries that were known.
    pub known_count: usize,
    /// Alerts decided.
    pub alerts: Vec<AlertEvent>,
}

/// Settles a poll at `now`: feed state, articles, scores, stories, incidents, alerts and deliveries.
pub fn settle(
    tx: &Transaction<'_>,
    config: &Config,
    feed: &Feed,
    poll: Poll,
    now: Timestamp,
) -> Result<Settled, StoreError> {
    let mut state = tx.feed_state(poll.feed)?.unwrap_or_default();
    let first_sight = state.first_success_at.is_none();
    let mut settled = Settled {
        next: NextPoll { at: now, reason: String::new() },
        outcome: String::new(),
        is_success: true,
        state: FeedState::default(),
        articles: Vec::new(),
        known_count: 0,
        alerts: Vec::new(),
    };
    let (end, problems) = match poll.end {
        End::Document { scored, headers, problems } => {
            let entry_count = scored.len();
            take_entries(tx, config, poll.feed, &scored, first_sight, now, &mut settled)?;
            state.etag = headers.etag;
            state.last_modified = headers.last_modified;
            state.first_success_at = state.first_success_at.or(Some(poll.started_at));
            settled.outcome = document_words(entry_count, &settled, first_sight);
            (PollEnd::Success, Some(problems))
        }
        End::NotModified { headers } => {
            // A 304 without validators keeps the old ones (RFC 9111 section 4.3.4).
            state.etag = headers.etag.or(state.etag);
            state.last_modified = headers.last_modified.or(state.last_modified);
            "not modified".clone_into(&mut settled.outcome);
            (PollEnd::Success, None)
        }
        End::Failed { outcome, headers } => {
            settled.outcome = outcome;
            settled.is_success = false;
            (PollEnd::Failure { retry_after: headers.retry_after }, None)
        }
    };
    finish_state(config, feed, &mut state, end, poll.started_at, &mut settled);
    tx.save_feed(poll.feed, &state, problems.as_deref())?;
    settled.state = state;
    Ok(settled)
}

fn finish_state(
    config: &Config,
    feed: &Feed,
    state: &mut FeedState,
    end: PollEnd,
    started_at: Timestamp,
    settled: &mut Settled,
) {
    state.failure_count = if settled.is_success { 0 } else { state.failure_count.saturating_add(1) };
    state.last_polled_at = Some(started_at);
    if settled.is_success {
        state.last_success_at = Some(started_at);
    }
    let pace = Pace {
        interval: feed.interval.unwrap_or(config.poll.interval),
        min_interval: config.poll.min_interval,
        max_interval: config.poll.max_interval,
    };
    settled.next = schedule::next_poll(feed.url.as_str(), pace, end, state.failure_count, started_at);
    state.next_due_at = Some(settled.next.at);
    state.next_due_reason.clone_from(&settled.next.reason);
    state.last_outcome.clone_from(&settled.outcome);
}

fn document_words(entry_count: usize, settled: &Settled, first_sight: bool) -> String {
    let new_count = settled.articles.iter().filter(|event| !event.is_revision).count();
    let revised = settled.articles.len() - new_count;
    let first = if first_sight { ", first sight of this feed" } else { "" };
    format!("{entry_count} entries: {new_count} new, {revised} edited, {} known{first}", settled.known_count)
}

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

fn take_entries(
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
        let tripped_before = tx.tripped_topics(article)?;
        tx.revise_article(article, &item.article, &item.words)?;
        tx.replace_scores(article, &item.scores)?;
        let trips = |topic: &TopicId| item.scores.iter().any(|score| score.trips && score.topic == *topic);
        for topic in tripped_before.iter().filter(|topic| !trips(topic)) {
            tx.withdraw(article, topic)?;
        }
        for topic in tripped_before.iter().filter(|topic| trips(topic)) {
            let silence = Silence::AlreadyTripped;
            tx.decide_if_open(article, topic, silence.code(), &silence.words())?;
        }
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
        let config = self.config;
        for score in item.scores.iter().filter(|score| score.trips && asked(&score.topic)) {
            let Some(position) = config.topics.iter().position(|topic| topic.source.id == score.topic) else {
                continue;
            };
            let max_age = config.topics[position].source.policy.max_age;
            let first_look = config.poll.first_look;
            if let Err(silence) = alert::may_alert(&item.article, self.first_sight, first_look, max_age) {
                self.tx.save_decision(event.id, &score.topic, silence.code(), &silence.words())?;
                continue;
            }
            let place = item.article.places.first().map_or(NO_PLACE, String::as_str);
            self.arrivals.entry((position, place.to_owned())).or_default().push(Arrival {
                article: event.id,
                story: event.story,
                publisher: item.article.publisher.clone(),
                is_copy: event.is_copy,
                score: score.probability,
            });
        }
        Ok(())
    }
}
