//! The rules between topics on their way to an incident: which hold now, and were not used up.
//!
//! Owns [`cues`]. What a rule says is `incident/cue`'s. Refuses to use them up: that is [`super::raise`]'s.

use jiff::Timestamp;

use crate::article::identity::ArticleId;
use crate::config::Config;
use crate::incident::cue::{Cue, Neighbour};
use crate::incident::{Arrival, Standing};
use crate::store::{StoreError, Transaction};
use crate::topic::{Topic, TopicId};

/// The rules between topics that hold for a topic at a place now and were not used for its incident: its own, and those of
/// others that name it.
pub(super) fn cues(
    tx: &Transaction<'_>,
    config: &Config,
    topic: &Topic,
    (places, arrivals): (&[String], &[Arrival]),
    standing: Option<&Standing>,
    now: Timestamp,
) -> Result<Vec<Cue>, StoreError> {
    // That two things happened nowhere says nothing: then there are no places.
    let mut cues = Vec::new();
    let own: Vec<ArticleId> = arrivals.iter().map(|arrival| arrival.article).collect();
    let neighbour = |id: &TopicId, within| -> Result<Option<Neighbour>, StoreError> {
        let since = now.checked_sub(jiff::SignedDuration::try_from(within).unwrap_or_default());
        let since = since.unwrap_or(Timestamp::MIN);
        let mut told = None;
        for place in places {
            let here = tx.last_told(id, place, since, now)?;
            told = [told, here].into_iter().flatten().max_by_key(|(alert, _, at)| (*at, *alert));
        }
        // One article that says both is no sequence.
        let told = match told {
            Some((alert, ..)) if tx.reports_any(alert, &own)? => None,
            told => told,
        };
        let name = config.topics.iter().find(|other| other.source.id == *id);
        let name = name.map_or_else(|| id.0.clone(), |other| other.source.name.clone());
        Ok(told.map(|(alert, incident, at)| Neighbour { name, alert: alert.0, incident: incident.0, at }))
    };
    let policy = &topic.source.policy;
    for rule in &policy.sequence {
        cues.extend(
            neighbour(&rule.after, rule.within)?.and_then(|found| Cue::of_sequence(rule, &found, now)),
        );
    }
    for rule in &policy.together {
        cues.extend(
            neighbour(&rule.with, rule.within)?.and_then(|found| Cue::of_together(rule, &found, now)),
        );
    }
    for other in config.topics.iter().filter(|other| other.source.id != topic.source.id) {
        for rule in other.source.policy.together.iter().filter(|rule| rule.with == topic.source.id) {
            let found = neighbour(&other.source.id, rule.within)?;
            cues.extend(found.and_then(|found| Cue::of_together(rule, &found, now)));
        }
    }
    let cues = merge(cues);
    if let Some(standing) = standing {
        let mut fresh = Vec::with_capacity(cues.len());
        for cue in cues {
            if !tx.is_cue_used(standing.id, (cue.rule, cue.other), now)? {
                fresh.push(cue);
            }
        }
        return Ok(fresh);
    }
    Ok(cues)
}

/// One cue for each rule and what fulfils it, with the highest severity any of them asks for.
fn merge(cues: Vec<Cue>) -> Vec<Cue> {
    let mut merged: Vec<Cue> = Vec::with_capacity(cues.len());
    for cue in cues {
        match merged.iter_mut().find(|known| (known.rule, known.other) == (cue.rule, cue.other)) {
            Some(known) => known.severity = known.severity.max(cue.severity),
            None => merged.push(cue),
        }
    }
    merged
}
