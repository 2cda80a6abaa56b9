//! The history of a topic that is new or changed: the archive is scored for it, a few articles at a time.
//!
//! Owns which topics are counted, and how far back. Refuses to alert: what is read here is history.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::surge::{at, floor, main_place};
use crate::alert::may_alert;
use crate::article::identity::ArticleId;
use crate::article::{Article, NO_PLACE};
use crate::config::Config;
use crate::feed::schedule::after;
use crate::incident::surge::HISTORY_HOURS;
use crate::store::counting::Counted;
use crate::store::counts::{EVERYTHING, Report, hour_of};
use crate::store::{StoreError, Transaction};
use crate::story::StoryId;
use crate::topic::learn;
use crate::topic::matcher::ArticleText;
use crate::topic::policy::AlertPolicy;
use crate::topic::{Score, Scratch, TopicSource};

/// Articles read at a time: a transaction stays short.
const ARTICLES_AT_A_TIME: usize = 100;

/// Time between two readings: a large archive is read over days, and nobody waits for it.
const READ_EVERY: Duration = Duration::from_secs(2);

/// Lists the topics that are counted after a change of the configuration, and reads on in the archive.
pub(super) fn keep_up(tx: &Transaction<'_>, config: &Config, now: Timestamp) -> Result<(), StoreError> {
    if tx.counted_for()? != config.hash {
        list_topics(tx, config, now)?;
    }
    match tx.archive_counted_at()? {
        Some(read_at) if after(read_at.min(now), READ_EVERY) <= now => read_on(tx, config, now),
        _ => Ok(()),
    }
}

/// When [`keep_up`] reads on; `None` when all is read.
pub(super) fn next_at(tx: &Transaction<'_>) -> Result<Option<Timestamp>, StoreError> {
    Ok(tx.archive_counted_at()?.map(|read_at| after(read_at, READ_EVERY)))
}

/// A topic whose scores are decided otherwise than before is counted from nothing: its old reports are no measure of its new ones.
fn list_topics(tx: &Transaction<'_>, config: &Config, now: Timestamp) -> Result<(), StoreError> {
    let known = tx.counted_topics()?;
    let version = |source: &TopicSource| format!("{} {}", learn::version(source), source.policy.threshold);
    let topics = config.topics.iter().map(|topic| (topic.source.id.0.clone(), version(&topic.source)));
    let mut counted = BTreeSet::new();
    for (topic, version) in topics.chain([(EVERYTHING.to_owned(), String::new())]) {
        if known.get(&topic).is_none_or(|known| known.version != version) {
            tx.begin_counting(&topic, &version, hour_of(now))?;
        }
        counted.insert(topic);
    }
    for topic in config.topics.iter().filter(|topic| !topic.source.policy.surge.is_enabled) {
        tx.lower_series(&topic.source.id)?;
    }
    for topic in known.keys().filter(|topic| !counted.contains(*topic)) {
        tx.stop_counting(topic)?;
    }
    tx.set_counted_for(config.hash)
}

/// Counts the next articles of the archive for the topics that are furthest behind.
fn read_on(tx: &Transaction<'_>, config: &Config, now: Timestamp) -> Result<(), StoreError> {
    let behind = tx.counting_behind()?;
    let Some(from) = behind.first().and_then(|counted| counted.next_article) else { return Ok(()) };
    let oldest = hour_of(now) - HISTORY_HOURS;
    let (mut scratch, mut scores) = (Scratch::default(), Vec::new());
    let (mut since, mut next) = (None, None);
    for (id, story, is_copy) in tx.articles_back_from(from, ARTICLES_AT_A_TIME)? {
        next = id.0.checked_sub(1).map(ArticleId);
        let Some(article) = tx.article(id)? else { continue };
        let seen_hour = hour_of(article.seen_at);
        if seen_hour < oldest {
            next = None;
            break;
        }
        since = Some(seen_hour);
        if is_copy {
            continue;
        }
        scores.clear();
        config.topics.score_text(&ArticleText::new(&article), &mut scratch, &mut scores);
        for counted in &behind {
            count(tx, config, &counted.topic, (id, story, &article), &scores)?;
        }
    }
    for counted in &behind {
        let since = since.unwrap_or(counted.since).min(counted.since);
        tx.save_counted(&Counted { since, next_article: next, ..counted.clone() }, now)?;
    }
    Ok(())
}

/// Counts an article for a topic as it would have been counted when it came.
fn count(
    tx: &Transaction<'_>,
    config: &Config,
    topic: &str,
    (id, story, article): (ArticleId, StoryId, &Article),
    scores: &[Score],
) -> Result<(), StoreError> {
    // Which feed was new then is not known any more.
    let is_fresh =
        |policy: &AlertPolicy| may_alert(article, false, config.poll.first_look, policy.max_age).is_ok();
    if topic == EVERYTHING {
        if is_fresh(&AlertPolicy::default()) {
            tx.count_report(EVERYTHING, NO_PLACE, hour_of(at(article)), 1)?;
        }
        return Ok(());
    }
    let Some(topic) = config.topics.iter().find(|known| known.source.id.0 == topic) else { return Ok(()) };
    let policy = &topic.source.policy;
    let score = scores.iter().find(|score| score.topic == topic.source.id);
    if let Some(score) = score.filter(|score| score.probability >= floor(policy))
        && is_fresh(policy)
    {
        let (publisher, place) = (article.publisher.as_str(), main_place(article));
        let (topic, at) = (&topic.source.id, at(article));
        let score = score.probability;
        tx.add_report(&Report { topic, story, publisher, place, article: id, score, at })?;
    }
    Ok(())
}
