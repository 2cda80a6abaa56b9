//! The history of a topic that is new or changed: the archive is scored for it, a few articles at a time.
//!
//! Owns which topics are counted, and how far back. Refuses to alert: what is read here is history.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::surge::{at, floor, main_place};
use crate::article::NO_PLACE;
use crate::article::identity::ArticleId;
use crate::config::Config;
use crate::feed::schedule::after;
use crate::incident::surge::HISTORY_HOURS;
use crate::store::counting::Counted;
use crate::store::counts::{EVERYTHING, hour_of};
use crate::store::{StoreError, Transaction};
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
    let (mut counted_reports, mut since, mut next) = (BTreeSet::new(), None, None);
    for (id, story, is_copy) in tx.articles_back_from(from, ARTICLES_AT_A_TIME)? {
        next = id.0.checked_sub(1).map(ArticleId);
        let Some(article) = tx.article(id)? else { continue };
        let seen_hour = hour_of(article.seen_at);
        if seen_hour < oldest {
            next = None;
            break;
        }
        since = Some(seen_hour);
        let is_late = after(at(&article), AlertPolicy::default().max_age) < article.seen_at;
        if is_copy || is_late {
            continue;
        }
        let hour = hour_of(at(&article));
        scores.clear();
        config.topics.score_text(&ArticleText::new(&article), &mut scratch, &mut scores);
        for counted in &behind {
            if counted.topic == EVERYTHING {
                tx.count_report(EVERYTHING, NO_PLACE, hour, 1)?;
                continue;
            }
            let Some(topic) = config.topics.iter().find(|topic| topic.source.id.0 == counted.topic) else {
                continue;
            };
            let speaks = |score: &Score| {
                score.topic == topic.source.id && score.probability >= floor(&topic.source.policy)
            };
            if scores.iter().any(speaks)
                && counted_reports.insert((counted.topic.as_str(), story, article.publisher.clone()))
            {
                tx.count_report(&counted.topic, main_place(&article), hour, 1)?;
            }
        }
    }
    for counted in &behind {
        let since = since.unwrap_or(counted.since).min(counted.since);
        tx.save_counted(&Counted { since, next_article: next, ..counted.clone() }, now)?;
    }
    Ok(())
}
