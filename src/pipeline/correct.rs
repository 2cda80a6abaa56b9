//! Corrections: an article that was told is edited or taken back, and people hear of it in the same thread.
//!
//! Owns the way there; what counts is decided by `incident/correction`. Refuses to compare texts.

use jiff::Timestamp;

use super::AlertEvent;
use super::raise::{News, Placed, tell_people};
use crate::alert::Kind;
use crate::article::identity::ArticleId;
use crate::config::Config;
use crate::incident::MEMORY;
use crate::incident::correction::{Doubt, Verdict, judge};
use crate::store::corrections::ToldOf;
use crate::store::{StoreError, Transaction};
use crate::story::StoryId;
use crate::topic::Score;

/// An article was edited; `retracts` says that its headline now takes it back.
pub(super) fn after_edit(
    tx: &Transaction<'_>,
    config: &Config,
    article: ArticleId,
    (scores, retracts): (&[Score], bool),
    now: Timestamp,
) -> Result<Vec<AlertEvent>, StoreError> {
    let mut alerts = Vec::new();
    for told in tx.told_of(article, since(now))? {
        let score = scores.iter().find(|score| score.topic == told.topic);
        let score = score.map_or(0.0, |score| score.probability);
        let Some(topic) = config.topics.iter().find(|topic| topic.source.id == told.topic) else { continue };
        let threshold = topic.source.policy.threshold;
        let doubt = if retracts { Doubt::Retracted } else { Doubt::Edited { score, threshold } };
        alerts.extend(settle(tx, config, (&told, article), &[article], doubt, now)?);
    }
    Ok(alerts)
}

/// A new article of a story takes back in its headline what the story's articles said.
pub(super) fn after_retraction(
    tx: &Transaction<'_>,
    config: &Config,
    (retraction, story): (ArticleId, StoryId),
    now: Timestamp,
) -> Result<Vec<AlertEvent>, StoreError> {
    let mut alerts = Vec::new();
    for (article, told) in tx.told_of_story(story, since(now))? {
        let reported = [retraction, article];
        alerts.extend(settle(tx, config, (&told, article), &reported, Doubt::Retracted, now)?);
    }
    Ok(alerts)
}

/// Whether people were told of a story lately, so that it is worth asking whether an article takes it back.
pub(super) fn was_told(tx: &Transaction<'_>, story: StoryId, now: Timestamp) -> Result<bool, StoreError> {
    Ok(!tx.told_of_story(story, since(now))?.is_empty())
}

fn settle(
    tx: &Transaction<'_>,
    config: &Config,
    (told, article): (&ToldOf, ArticleId),
    reported: &[ArticleId],
    doubt: Doubt,
    now: Timestamp,
) -> Result<Option<AlertEvent>, StoreError> {
    let Some(topic) = config.topics.iter().find(|topic| topic.source.id == told.topic) else {
        return Ok(None);
    };
    match judge(doubt, told.others) {
        Verdict::Stands => Ok(None),
        Verdict::Note(reason) => {
            tx.note_correction(told.incident, article, now)?;
            tx.note_incident(told.incident, &reason, now)?;
            Ok(None)
        }
        Verdict::Tell(reason) => {
            tx.note_correction(told.incident, article, now)?;
            tx.note_incident(told.incident, &reason, now)?;
            let severity = tx.incident_severity(told.incident)?.unwrap_or(topic.source.severity);
            let placed = Placed { topic, place: &told.place, incident: told.incident, severity };
            let publishers = told.others;
            let news = News { kind: Kind::Correction, reason: &reason, articles: reported, publishers };
            tell_people(tx, config, placed, &news, now)
        }
    }
}

fn since(now: Timestamp) -> Timestamp {
    let memory = jiff::SignedDuration::try_from(MEMORY).unwrap_or_default();
    now.checked_sub(memory).unwrap_or(Timestamp::MIN)
}
