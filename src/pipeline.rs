//! Where all stages meet: from the entries of one poll to what is committed of it.
//!
//! [`prepare`] computes (parse results in, scored articles out) and can run on any thread. [`settle`] loads the few
//! rows the decisions need, decides, and writes, all inside the transaction it is handed; [`tick`] does the same for
//! what time alone changes. `run`, `replay` and the tests drive exactly these. Refuses the clock and the network.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;

use crate::alert::render::{self, AlertView, ArticleView};
use crate::alert::{self, Alert, AlertId, Kind, Silence, route};
use crate::article::identity::{ArticleId, Identity, Keys, identify};
use crate::article::{self, Article, NO_PLACE};
use crate::config::Config;
use crate::feed::schedule::{self, FeedState, NextPoll, Pace, PollEnd};
use crate::feed::{Entry, Feed, FeedId, Tier};
use crate::fetch::Headers;
use crate::incident::{Arrival, IncidentId, Outcome, Standing, Status, Tell, advance};
use crate::store::incidents::{NewAlert, ReportedArticle};
use crate::store::{StoreError, Transaction};
use crate::story::{self, Assignment, StoryId, assign};
use crate::topic::matcher::ArticleText;
use crate::topic::{Score, Topic, TopicId};

/// Articles shown in one mail at most; the rest are counted.
const ARTICLES_SHOWN_MAX: usize = 10;

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

fn take_entries(
    tx: &Transaction<'_>,
    config: &Config,
    feed: FeedId,
    scored: &[Scored],
    first_sight: bool,
    now: Timestamp,
    settled: &mut Settled,
) -> Result<(), StoreError> {
    let shared_urls = shared_urls(scored);
    let mut arrivals = Arrivals::new();
    for (index, item) in scored.iter().enumerate() {
        let sightings = tx.sightings(feed, &item.keys)?;
        let url_is_shared = item.keys.url.is_some_and(|url| shared_urls.contains(&url));
        let seen_at = item.article.seen_at;
        let (event, tripped_before) = match identify(&item.keys, &sightings, url_is_shared, seen_at) {
            Identity::New => (add_article(tx, feed, index, item)?, Vec::new()),
            Identity::Known(article, _) => {
                tx.remember(feed, article, &item.keys, seen_at)?;
                settled.known_count += 1;
                continue;
            }
            Identity::Revision(article, _) => {
                tx.remember(feed, article, &item.keys, seen_at)?;
                let Some((story, is_copy)) = tx.story_of(article)? else {
                    // Pruned since: it stays known, there is nothing to edit.
                    settled.known_count += 1;
                    continue;
                };
                let tripped_before = tx.tripped_topics(article)?;
                tx.revise_article(article, &item.article, &item.words)?;
                tx.forget_scores(article)?;
                let event =
                    ArticleEvent { id: article, index, story, copy_of: None, is_copy, is_revision: true };
                (event, tripped_before)
            }
        };
        tx.save_scores(event.id, &item.scores)?;
        weigh_in(tx, config, item, &event, &tripped_before, first_sight, &mut arrivals)?;
        settled.articles.push(event);
    }
    for ((topic, place), arrivals) in arrivals {
        let alert = raise(tx, config, &config.topics[topic], &place, &arrivals, now)?;
        settled.alerts.extend(alert);
    }
    Ok(())
}

/// URLs that one document gives to entries with different headlines: they identify nothing.
fn shared_urls(scored: &[Scored]) -> HashSet<u64> {
    let mut titles: HashMap<u64, u64> = HashMap::new();
    let mut shared = HashSet::new();
    for keys in scored.iter().map(|item| &item.keys) {
        let Some(url) = keys.url else { continue };
        if *titles.entry(url).or_insert(keys.title) != keys.title {
            shared.insert(url);
        }
    }
    shared
}

fn add_article(
    tx: &Transaction<'_>,
    feed: FeedId,
    index: usize,
    item: &Scored,
) -> Result<ArticleEvent, StoreError> {
    let article = &item.article;
    let since = article.seen_at.checked_sub(story::WINDOW).unwrap_or(Timestamp::MIN);
    let earlier = tx.same_words(article.fingerprint, since)?;
    let (story, copy_of) = match assign(article, &earlier) {
        Assignment::Opens => (tx.open_story(&article.title, article.seen_at)?, None),
        Assignment::Joins { story, copy_of } => (story, copy_of),
    };
    let id = tx.add_article(feed, &item.entry, article, story, copy_of, &item.words)?;
    tx.remember(feed, id, &item.keys, article.seen_at)?;
    let is_copy = copy_of.is_some();
    Ok(ArticleEvent { id, index, story, copy_of, is_copy, is_revision: false })
}

/// Sorts the topics an article trips into arrivals and silences.
fn weigh_in(
    tx: &Transaction<'_>,
    config: &Config,
    item: &Scored,
    event: &ArticleEvent,
    tripped_before: &[TopicId],
    first_sight: bool,
    arrivals: &mut Arrivals,
) -> Result<(), StoreError> {
    for score in item.scores.iter().filter(|score| score.trips) {
        let Some(position) = config.topics.iter().position(|topic| topic.source.id == score.topic) else {
            continue;
        };
        let policy = &config.topics[position].source.policy;
        let silence = if tripped_before.contains(&score.topic) {
            Some(Silence::AlreadyTripped)
        } else {
            alert::may_alert(&item.article, first_sight, config.poll.first_look, policy.max_age).err()
        };
        if let Some(silence) = silence {
            tx.save_decision(event.id, &score.topic, silence.code(), &silence.words())?;
            continue;
        }
        let place = item.article.places.first().map_or(NO_PLACE, String::as_str);
        arrivals.entry((position, place.to_owned())).or_default().push(Arrival {
            article: event.id,
            story: event.story,
            publisher: item.article.publisher.clone(),
            is_copy: event.is_copy,
            score: score.probability,
        });
    }
    Ok(())
}

/// Brings arrivals to the incident of a topic at a place and alerts if that is due.
fn raise(
    tx: &Transaction<'_>,
    config: &Config,
    topic: &Topic,
    place: &str,
    arrivals: &[Arrival],
    now: Timestamp,
) -> Result<Option<AlertEvent>, StoreError> {
    let id = &topic.source.id;
    let mut standing = tx.standing(id, place)?;
    let policy = &topic.source.policy;
    if let Some(quiet) = &standing
        && schedule::after(quiet.last_tripped_at, policy.close_after) <= now
        && quiet.pending.is_empty()
    {
        // It fell quiet before these arrivals and nobody had ticked yet: they begin a new incident.
        tx.save_status(quiet.id, Status::Closed, now)?;
        standing = None;
    }
    let step = advance(standing.as_ref(), arrivals, policy, now);
    let incident = match &standing {
        Some(standing) => standing.id,
        None => tx.begin_incident(id, place, now)?,
    };
    tx.add_arrivals(incident, arrivals, now)?;
    tx.save_status(incident, step.status, now)?;
    for (arrival, outcome) in arrivals.iter().zip(&step.outcomes) {
        if *outcome != Outcome::Told {
            let silence = Silence::Incident(*outcome);
            tx.save_decision(arrival.article, id, silence.code(), &silence.words())?;
        }
    }
    step.tell.map(|tell| tell_people(tx, config, topic, place, incident, &tell, now)).transpose()
}

fn tell_people(
    tx: &Transaction<'_>,
    config: &Config,
    topic: &Topic,
    place: &str,
    incident: IncidentId,
    tell: &Tell,
    now: Timestamp,
) -> Result<AlertEvent, StoreError> {
    let source = &topic.source;
    let alert = Alert {
        kind: if tell.is_first { Kind::First } else { Kind::Update },
        topic: source.id.clone(),
        severity: source.severity,
        place: place.to_owned(),
        publishers: tell.publishers,
    };
    let to = route::addresses(&config.routes, &alert);
    let shown = tx.reported(&source.id, &tell.articles[..tell.articles.len().min(ARTICLES_SHOWN_MAX)])?;
    let score = shown.iter().map(|article| article.score).fold(0.0, f64::max);
    let story = shown.first().map_or(StoryId(0), |article| article.story);
    let configuration = format!("{:016x} wirewatch {}", config.hash, env!("CARGO_PKG_VERSION"));
    let new = NewAlert {
        alert: &alert,
        at: now,
        reason: &tell.reason,
        incident,
        story,
        score,
        configuration: &configuration,
    };
    let id = tx.add_alert(&new, &tell.articles)?;
    let view = AlertView {
        topic_name: source.name.clone(),
        topic_id: source.id.0.clone(),
        severity: source.severity,
        kind: alert.kind.as_str().to_owned(),
        reason: tell.reason.clone(),
        place: (place != NO_PLACE).then(|| place.to_owned()),
        at: now,
        incident: incident.0,
        alert: id.0,
        publishers: tell.publishers,
        more: tell.articles.len().saturating_sub(shown.len()),
        articles: shown.into_iter().map(article_view).collect(),
        score,
        threshold: source.policy.threshold,
    };
    let rendered = render::render(&view);
    tx.save_rendering(id, &rendered)?;
    for address in &to {
        tx.queue_delivery(id, address, now)?;
    }
    let told = format!("told in alert {}", id.0);
    for article in &tell.articles {
        tx.save_decision(*article, &source.id, "alerted", &told)?;
    }
    let subject = rendered.subject;
    let (articles, reason) = (tell.articles.clone(), tell.reason.clone());
    Ok(AlertEvent { id, alert, at: now, reason, incident, story, articles, score, subject, to })
}

fn article_view(article: ReportedArticle) -> ArticleView {
    let host = article.url.as_deref().and_then(|url| url::Url::parse(url).ok());
    let host = host.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    ArticleView {
        title: article.title,
        url: article.url,
        host,
        publisher: article.publisher,
        tier: Tier::new(article.tier).unwrap_or_default(),
        feed_name: article.feed_name,
        published_at: article.published_at,
        seen_at: article.seen_at,
        score: article.score,
        evidence: article.evidence,
        is_new: true,
        id: article.id.0,
    }
}

/// What time alone does: held updates go out, quiet incidents close.
pub fn tick(tx: &Transaction<'_>, config: &Config, now: Timestamp) -> Result<Vec<AlertEvent>, StoreError> {
    let mut alerts = Vec::new();
    for (topic, place) in tx.alive_incidents()? {
        let Some(standing) = tx.standing(&topic, &place)? else { continue };
        let Some(topic) = config.topics.iter().find(|known| known.source.id == topic) else {
            // Its topic is no longer configured: nobody is told any more.
            tx.save_status(standing.id, Status::Closed, now)?;
            continue;
        };
        let step = advance(Some(&standing), &[], &topic.source.policy, now);
        if step.status != standing.status {
            tx.save_status(standing.id, step.status, now)?;
        }
        if let Some(tell) = step.tell {
            alerts.push(tell_people(tx, config, topic, &place, standing.id, &tell, now)?);
        }
    }
    Ok(alerts)
}

/// When [`tick`] has something to do next; `None` when nothing is alive.
pub fn next_tick_at(tx: &Transaction<'_>, config: &Config) -> Result<Option<Timestamp>, StoreError> {
    let mut next: Option<Timestamp> = None;
    for (topic, place) in tx.alive_incidents()? {
        let Some(standing) = tx.standing(&topic, &place)? else { continue };
        let Some(topic) = config.topics.iter().find(|known| known.source.id == topic) else { continue };
        let at = changes_at(&standing, topic);
        next = Some(next.map_or(at, |next| next.min(at)));
    }
    Ok(next)
}

fn changes_at(standing: &Standing, topic: &Topic) -> Timestamp {
    let policy = &topic.source.policy;
    let quiet_at = schedule::after(standing.last_tripped_at, policy.close_after);
    match standing.last_alert_at {
        Some(told_at) if !standing.pending.is_empty() && standing.status == Status::Open => {
            schedule::after(told_at, policy.update_every)
        }
        _ => quiet_at,
    }
}
