//! Pages: which new articles have theirs read, and what becomes of one that was had.
//!
//! Owns [`ask_for_pages`], after a poll was settled on the feed's own words, so that no alert waits for a page, and
//! [`settle_page`]. A page's text becomes the article's body and is scored; it never makes an article. Refuses to fetch.

use std::time::Duration;

use jiff::Timestamp;
use url::Url;

use super::intake::{restate, weigh};
use super::raise::raise;
use super::surge::{self, Arrived};
use super::{AlertEvent, ArticleEvent, HostNews, Reading, Scored, Settled, note_host};
use crate::alert;
use crate::article::Article;
use crate::article::identity::ArticleId;
use crate::article::publisher::host_key;
use crate::config::Config;
use crate::feed::answer::{Answer, AnswerKind};
use crate::feed::robots::{PRODUCT, Standing};
use crate::feed::schedule::{after, words};
use crate::feed::{Feed, FeedId, FullText};
use crate::store::pages::{PageRequest, PageStatus, WaitingPage};
use crate::store::{StoreError, Transaction};
use crate::topic::matcher::ArticleText;
use crate::topic::{Score, Scratch, Topic};

/// Pages asked for after one poll: a feed that changes all its ids must not make us read its whole site.
pub const PAGES_PER_POLL_MAX: usize = 10;

/// Pages of one host that wait at a time, wherever links to it came from. Its feeds go first at its gate.
pub const PAGES_PER_HOST_MAX: usize = 60;

/// A page that was not had for this long is news no more.
pub const WAIT_MAX: Duration = Duration::from_hours(24);

/// Failed attempts; then the page is left.
const ATTEMPTS_MAX: u32 = 3;

/// The wait after the first failed attempt; it grows sixfold.
const RETRY_AFTER: Duration = Duration::from_mins(5);

/// Redirects from host to host.
const HOPS_MAX: u32 = 5;

/// Characters of text from which on a feed is taken to carry articles whole.
const TEXT_ENOUGH: usize = 2_000;

/// A score from this share of its threshold up to the threshold is uncertain: some signal spoke, and as much again would
/// trip. What trips already is told already; what is below rarely gets there by a body, which counts a third.
pub const UNCERTAIN_FROM: f64 = 0.5;

/// What there is to do for the page of an article.
#[derive(Debug, Clone)]
pub struct PageTask {
    /// The request.
    pub request: PageRequest,
    /// The article as it stands.
    pub article: Article,
    /// What the page's origin allows; absent when that has to be asked first.
    pub robots: Option<(Standing, Timestamp)>,
}

/// A visit for the sake of a page: exactly one request, or none.
#[derive(Debug, Clone)]
pub struct PageVisit {
    /// Whose.
    pub request: PageRequest,
    /// The host (registrable domain, or address) that was asked.
    pub host: String,
    /// When it began.
    pub started_at: Timestamp,
    /// What the host answered; absent when it was not asked.
    pub answer: Option<Answer>,
    /// How it ended.
    pub end: PageEnd,
}

/// How a visit ended.
#[derive(Debug, Clone)]
pub enum PageEnd {
    /// What the page's origin allows was asked for.
    Robots(Standing),
    /// The page's text was read.
    Text(Box<Completed>),
    /// Nothing in it is of use, or it must not be read: why, in a sentence.
    Ignored(String),
    /// It cannot be asked for before a time: why, in a sentence.
    NotYet(Timestamp, String),
    /// It is at another owner's host.
    Elsewhere(Url),
    /// It was not had; `is_final` says that another attempt would not help.
    Failed {
        /// What happened, in words.
        outcome: String,
        /// Whether another attempt would not help.
        is_final: bool,
    },
}

impl PageEnd {
    /// A panic, as the end of a visit.
    pub fn stumbled() -> Self {
        let outcome = "this page makes wirewatch stumble; please report its address".to_owned();
        Self::Failed { outcome, is_final: true }
    }
}

/// An article completed by its page, and scored.
#[derive(Debug, Clone)]
pub struct Completed {
    /// With the page's text for its body.
    pub article: Article,
    /// Scores of the topics that have evidence, or trip without any.
    pub scores: Vec<Score>,
    /// Its words, for the archive's full-text index.
    pub words: String,
    /// [`Config::hash`] of the topics it was scored by.
    scored_by: u64,
}

impl Completed {
    /// Scores a completed article.
    pub fn of(article: Article, config: &Config) -> Self {
        let text = ArticleText::new(&article);
        let mut scores = Vec::new();
        config.topics.score_text(&text, &mut Scratch::default(), &mut scores);
        let words = text.index_words();
        Self { article, scores, words, scored_by: config.hash }
    }
}

/// What settling a visit came to.
#[derive(Debug, Clone, Default)]
pub struct PageSettled {
    /// The page, while it waits on.
    pub waits: Option<WaitingPage>,
    /// What came of it, in a sentence.
    pub outcome: String,
    /// Alerts decided.
    pub alerts: Vec<AlertEvent>,
    /// What the host that was asked asks of everybody.
    pub host: HostNews,
}

/// What to do next for the page of an article; `None` when it waits no longer.
pub fn page_task(
    tx: &Transaction<'_>,
    article: ArticleId,
    now: Timestamp,
) -> Result<Option<PageTask>, StoreError> {
    let Some(request) = tx.page_request(article)? else { return Ok(None) };
    let Some(article) = tx.article(article)? else { return Ok(None) };
    let robots = tx.robots(&request.url.origin().ascii_serialization(), now)?;
    Ok(Some(PageTask { request, article, robots }))
}

/// Keeps which new articles of a document have their pages read.
pub(super) fn ask_for_pages(
    tx: &Transaction<'_>,
    config: &Config,
    (id, feed): (FeedId, &Feed),
    reading: &Reading,
    first_sight: bool,
    settled: &mut Settled,
    now: Timestamp,
) -> Result<(), StoreError> {
    if feed.full_text == FullText::Never {
        return Ok(());
    }
    let max_age = config.topics.iter().map(|topic| topic.source.policy.max_age).max().unwrap_or(WAIT_MAX);
    let mut wanted: Vec<(f64, &ArticleEvent, Url)> = Vec::new();
    for event in settled.articles.iter().filter(|event| !event.is_revision && !event.is_copy) {
        let Some(item) = reading.scored.get(event.index) else { continue };
        // What may not alert any more is not worth its publisher's while.
        let is_news = alert::may_alert(&item.article, first_sight, config.poll.first_look, max_age).is_ok();
        let promise = promise(item, &config.topics);
        let is_wanted = feed.full_text == FullText::Always || (UNCERTAIN_FROM..1.0).contains(&promise);
        if let Some(url) = address(item).filter(|_| is_news && is_wanted && !has_full_text(&item.article)) {
            wanted.push((promise, event, url));
        }
    }
    // The most promising first; of equals, as the document has them.
    wanted.sort_by(|(one, ..), (other, ..)| other.total_cmp(one));
    let mut asked_count = 0;
    for (_, event, url) in wanted {
        let host = host_key(&url);
        let request = PageRequest {
            article: event.id,
            feed: id,
            url,
            host: host.clone(),
            asked_at: now,
            due_at: now,
            attempt_count: 0,
            hop_count: 0,
        };
        if asked_count >= PAGES_PER_POLL_MAX {
            let reason = format!("not read: {PAGES_PER_POLL_MAX} pages of the same poll came before it");
            tx.save_page(&request, PageStatus::Dropped, &reason)?;
        } else if tx.waiting_page_count(&host)? >= PAGES_PER_HOST_MAX {
            let reason = format!("not read: {PAGES_PER_HOST_MAX} pages of {host} wait already");
            tx.save_page(&request, PageStatus::Dropped, &reason)?;
        } else {
            asked_count += 1;
            tx.save_page(&request, PageStatus::Waiting, "waits to be read")?;
            settled.pages.push(WaitingPage { article: event.id, feed: id, host, due_at: now });
        }
    }
    if asked_count > 0 {
        let too_late = now.checked_sub(WAIT_MAX).unwrap_or(Timestamp::MIN);
        tx.prune_pages(too_late, now)?;
    }
    Ok(())
}

/// How near an article comes to tripping a topic: its best score as a share of the topic's threshold, at least 1 when it
/// trips, 0 when no signal spoke.
fn promise(item: &Scored, topics: &[Topic]) -> f64 {
    let share = |score: &Score| {
        let topic = topics.iter().find(|topic| topic.source.id == score.topic)?;
        (!score.evidence.is_empty()).then(|| score.probability / topic.source.policy.threshold)
    };
    let trips = item.scores.iter().any(|score| score.trips);
    let best = item.scores.iter().filter_map(share).fold(0.0, f64::max);
    if trips { best.max(1.0) } else { best.min(1.0 - f64::EPSILON) }
}

/// Where an article's page is: the link as the publisher gave it.
fn address(item: &Scored) -> Option<Url> {
    let mut url = Url::parse(item.entry.url.as_deref()?).ok()?;
    url.set_fragment(None);
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    // A link with a password in it would have us log in somewhere.
    let is_plain = url.username().is_empty() && url.password().is_none();
    (is_web && is_plain && url.as_str().len() <= 2_000).then_some(url)
}

fn has_full_text(article: &Article) -> bool {
    article.summary.chars().count() + article.body.chars().count() >= TEXT_ENOUGH
}

/// Settles a visit at `now`: the host, the article's body and scores, and what it trips by them.
pub fn settle_page(
    tx: &Transaction<'_>,
    config: &Config,
    visit: PageVisit,
    now: Timestamp,
) -> Result<PageSettled, StoreError> {
    let PageVisit { mut request, host, started_at, answer, end } = visit;
    let mut settled = PageSettled::default();
    if let Some(answer) = &answer {
        // A page is no second address that says 503: only 429 speaks for the host.
        settled.host = note_host(tx, &host, answer, 0, started_at)?;
    }
    if tx.page_request(request.article)?.is_none() {
        // Pruned with its article meanwhile.
        return Ok(settled);
    }
    let retry_after = answer.and_then(|answer| answer.retry_after).unwrap_or_default();
    let (status, outcome) = match end {
        PageEnd::Robots(standing) => {
            let believed_until = after(started_at, standing.believed_for());
            tx.save_robots(&request.url.origin().ascii_serialization(), &standing, believed_until)?;
            request.due_at = now;
            (PageStatus::Waiting, "waits to be read; robots.txt was asked for first".to_owned())
        }
        PageEnd::Text(completed) => {
            settled.alerts = take_text(tx, config, request.article, *completed, now)?;
            (PageStatus::Read, "its page was read".to_owned())
        }
        PageEnd::Ignored(reason) => (PageStatus::Ignored, format!("not read: {reason}")),
        PageEnd::NotYet(at, reason) => {
            request.due_at = at;
            (PageStatus::Waiting, format!("waits to be read: {reason}"))
        }
        PageEnd::Elsewhere(url) if tx.waiting_page_count(&host_key(&url))? >= PAGES_PER_HOST_MAX => {
            let reason = format!("{PAGES_PER_HOST_MAX} pages of {} wait already", host_key(&url));
            (PageStatus::Dropped, format!("not read: {reason}"))
        }
        PageEnd::Elsewhere(url) if request.hop_count < HOPS_MAX => {
            request.hop_count += 1;
            (request.host, request.due_at) = (host_key(&url), now);
            request.url = url;
            (PageStatus::Waiting, format!("waits to be read at {}", request.host))
        }
        PageEnd::Elsewhere(_) => {
            (PageStatus::Ignored, "not read: its link leads from one host to the next".to_owned())
        }
        PageEnd::Failed { outcome, is_final } => {
            request.attempt_count += 1;
            let wait = RETRY_AFTER * 6_u32.pow(request.attempt_count.min(ATTEMPTS_MAX) - 1);
            request.due_at = after(started_at, wait.max(retry_after));
            let is_over = is_final || request.attempt_count >= ATTEMPTS_MAX;
            let status = if is_over { PageStatus::Dropped } else { PageStatus::Waiting };
            let lead = if is_over { "not read" } else { "waits to be read" };
            (status, format!("{lead}: {outcome}"))
        }
    };
    let (status, outcome) =
        if status == PageStatus::Waiting && request.due_at > after(request.asked_at, WAIT_MAX) {
            (PageStatus::Dropped, format!("not read within {}: {outcome}", words(WAIT_MAX)))
        } else {
            (status, outcome)
        };
    tx.save_page(&request, status, &outcome)?;
    settled.outcome = outcome;
    if status == PageStatus::Waiting {
        let PageRequest { article, feed, host, due_at, .. } = request;
        settled.waits = Some(WaitingPage { article, feed, host, due_at });
    }
    Ok(settled)
}

/// What a task without a request to make comes to; `None` when the page is to be asked for.
pub fn foregone(task: &PageTask, now: Timestamp) -> Option<PageEnd> {
    let request = &task.request;
    if after(request.asked_at, WAIT_MAX) <= now {
        let outcome = format!("its host could not be asked within {}", words(WAIT_MAX));
        return Some(PageEnd::Failed { outcome, is_final: true });
    }
    let (standing, believed_until) = task.robots.as_ref()?;
    let target = match request.url.query() {
        Some(query) => format!("{}?{query}", request.url.path()),
        None => request.url.path().to_owned(),
    };
    let host = request.url.host_str().unwrap_or_default();
    match standing {
        Standing::Rules(rules) if rules.allows(&target) => None,
        Standing::Rules(_) => {
            Some(PageEnd::Ignored(format!("robots.txt of {host} asks {PRODUCT} not to read it")))
        }
        Standing::Unreachable => {
            Some(PageEnd::NotYet(*believed_until, format!("robots.txt of {host} cannot be had")))
        }
    }
}

/// A page's text on its way in: scored anew, and what it trips by it is told like news.
fn take_text(
    tx: &Transaction<'_>,
    config: &Config,
    id: ArticleId,
    completed: Completed,
    now: Timestamp,
) -> Result<Vec<AlertEvent>, StoreError> {
    let (Some(current), Some((story, is_copy))) = (tx.article(id)?, tx.story_of(id)?) else {
        return Ok(Vec::new());
    };
    let completed = if current.fingerprint == completed.article.fingerprint {
        // The topics may have changed while the page was read.
        if completed.scored_by == config.hash { completed } else { Completed::of(completed.article, config) }
    } else {
        // The feed edited it while the page was read: its words are the feed's, the body is the page's.
        Completed::of(Article { body: completed.article.body, ..current }, config)
    };
    tx.save_page_text(id, &completed.article, &completed.words, now)?;
    let tripped_before = restate(tx, id, &completed.scores, now)?;
    let event = ArticleEvent { id, index: 0, story, copy_of: None, is_copy, is_revision: true };
    let asked = |topic: &_| !tripped_before.contains(topic);
    let arrivals = weigh(tx, config, false, (&completed.article, &completed.scores), &event, asked, now)?;
    let mut alerts = Vec::new();
    for (position, place, arrival) in arrivals {
        alerts.extend(raise(tx, config, &config.topics[position], &place, &[arrival], now)?);
    }
    let arrived = Arrived { first_sight: false, article: &completed.article, event: &event };
    alerts.extend(surge::after_articles(tx, config, std::iter::once(arrived), now)?);
    Ok(alerts)
}

/// An edited entry whose article has its body from its page keeps it: the feed's words are the new ones, the page's stay.
/// `None` when there is nothing to keep.
pub(super) fn with_page_text(
    tx: &Transaction<'_>,
    config: &Config,
    id: ArticleId,
    item: &Scored,
) -> Result<Option<Scored>, StoreError> {
    if has_full_text(&item.article) {
        return Ok(None);
    }
    let Some(body) = tx.page_text(id)? else { return Ok(None) };
    let Completed { article, scores, words, .. } =
        Completed::of(item.article.with_body(body, item.article.language.clone()), config);
    Ok(Some(Scored { article, scores, words, ..item.clone() }))
}

/// Whether another attempt at a page may go better.
pub fn may_pass(kind: AnswerKind) -> bool {
    matches!(
        kind,
        AnswerKind::Limited
            | AnswerKind::Unavailable
            | AnswerKind::ServerError
            | AnswerKind::Unreachable
            | AnswerKind::Broken
    )
}
