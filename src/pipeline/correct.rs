//! Corrections: an article that was told is edited or taken back, and people hear of it in the same thread.
//!
//! Owns the way there; what counts is decided by `incident/correction`. Refuses to compare texts.

use jiff::Timestamp;

use super::AlertEvent;
use super::raise::{News, Placed, tell_people};
use crate::alert::{Kind, Withheld};
use crate::article::Article;
use crate::article::identity::ArticleId;
use crate::audit::Event;
use crate::config::Config;
use crate::incident::MEMORY;
use crate::incident::correction::{Doubt, Verdict, judge};
use crate::store::corrections::ToldOf;
use crate::store::{StoreError, Transaction};
use crate::story::StoryId;
use crate::topic::{Score, TopicId};

/// What an edit made of an article.
pub(super) struct Edit {
    pub(super) article: ArticleId,
    pub(super) story: StoryId,
    pub(super) publisher: String,
    pub(super) scores: Vec<Score>,
    /// Whether the headline takes the report back now, and did not before.
    pub(super) retracts: bool,
    /// [`kept_share`] of its headline.
    ///
    /// [`kept_share`]: crate::incident::correction::kept_share
    pub(super) kept: f64,
}

/// An article was edited.
pub(super) fn after_edit(
    tx: &Transaction<'_>,
    config: &Config,
    edit: &Edit,
    now: Timestamp,
) -> Result<Vec<AlertEvent>, StoreError> {
    let Edit { article, ref scores, retracts, kept, .. } = *edit;
    if retracts {
        withdraw(tx, &tx.untold_of_story(edit.story, &edit.publisher)?, now)?;
    }
    let mut alerts = Vec::new();
    for told in tx.told_of(article, since(now))? {
        let score = scores.iter().find(|score| score.topic == told.topic);
        let score = score.map_or(0.0, |score| score.probability);
        let Some(topic) = config.topics.iter().find(|topic| topic.source.id == told.topic) else { continue };
        let threshold = topic.source.policy.threshold;
        let doubt = if retracts { Doubt::Retracted } else { Doubt::Edited { score, threshold, kept } };
        let by = edit.publisher.as_str();
        alerts.extend(settle(tx, config, (&told, article), (&[article], by), doubt, now)?);
    }
    Ok(alerts)
}

/// A new article of a story that people were told of, or will be: its headline may take back what the story's articles said.
pub(super) fn after_news(
    tx: &Transaction<'_>,
    config: &Config,
    (retraction, story): (ArticleId, StoryId),
    item: &Article,
    now: Timestamp,
) -> Result<Vec<AlertEvent>, StoreError> {
    let mut alerts = Vec::new();
    let by = item.publisher.as_str();
    let told_of = tx.told_of_story((story, retraction), by, since(now))?;
    let mut untold = tx.untold_of_story(story, by)?;
    untold.retain(|(article, _)| *article != retraction);
    if told_of.is_empty() && untold.is_empty() || !config.topics.retracts(item) {
        return Ok(alerts);
    }
    withdraw(tx, &untold, now)?;
    for (article, told) in told_of {
        // A correction that was told as news, or another copy of it, takes nothing back.
        if tx.article(article)?.is_some_and(|told| config.topics.retracts(&told)) {
            continue;
        }
        let reported = [retraction, article];
        alerts.extend(settle(tx, config, (&told, article), (&reported, by), Doubt::Retracted, now)?);
    }
    Ok(alerts)
}

/// Takes what a publisher takes back out of what is still to be told.
fn withdraw(tx: &Transaction<'_>, untold: &[(ArticleId, TopicId)], now: Timestamp) -> Result<(), StoreError> {
    for (article, topic) in untold {
        tx.withdraw(*article, topic)?;
        tx.withhold(*article, topic, &Withheld::Retracted, now)?;
    }
    Ok(())
}

/// Settles a doubt about an article that was told; `by` is who raised it.
fn settle(
    tx: &Transaction<'_>,
    config: &Config,
    (told, article): (&ToldOf, ArticleId),
    (reported, by): (&[ArticleId], &str),
    doubt: Doubt,
    now: Timestamp,
) -> Result<Option<AlertEvent>, StoreError> {
    let Some(topic) = config.topics.iter().find(|topic| topic.source.id == told.topic) else {
        return Ok(None);
    };
    match judge(doubt, told.others) {
        Verdict::Stands => Ok(None),
        Verdict::Note(reason) => {
            tx.note_doubt(told.incident, article, now)?;
            tx.note_incident(told.incident, &reason, now)?;
            let (topic, decision) = (&told.topic, "doubted");
            tx.audit(&Event::Withheld { article, topic, decision, reason: &reason }, now)?;
            Ok(None)
        }
        Verdict::Tell(_) if told.is_echo => {
            // The original was taken back, or another copy: people know. A wire text has one correction, and not one a paper.
            tx.note_correction(told.incident, article, now)?;
            if doubt == Doubt::Retracted {
                tx.note_retraction(told.incident, told.story, by, now)?;
            }
            let reason = "a copy followed what was taken back; nobody was told again";
            tx.note_incident(told.incident, reason, now)?;
            Ok(None)
        }
        Verdict::Tell(reason) => {
            tx.note_correction(told.incident, article, now)?;
            if doubt == Doubt::Retracted {
                tx.note_retraction(told.incident, told.story, by, now)?;
            }
            tx.note_incident(told.incident, &reason, now)?;
            let severity = tx.incident_severity(told.incident)?.unwrap_or(topic.source.severity);
            // Whoever was told of it because it was critical hears that it is not so.
            let severity =
                tx.story_severity(told.incident, told.story)?.map_or(severity, |it| it.max(severity));
            let placed = Placed { topic, place: &told.place, incident: told.incident, severity };
            // Nobody is left only when nobody in the whole incident stands by any of it.
            let publishers = tx.standing_publishers(told.incident, since(now))?;
            let news = News::to_all(Kind::Correction, &reason, reported, publishers);
            tell_people(tx, config, placed, &news, now)
        }
    }
}

/// Since when what was told can be taken back.
pub(super) fn since(now: Timestamp) -> Timestamp {
    let memory = jiff::SignedDuration::try_from(MEMORY).unwrap_or_default();
    now.checked_sub(memory).unwrap_or(Timestamp::MIN)
}
