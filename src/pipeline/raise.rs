//! From arrivals, or time alone, to alerts: load the incident, advance it, write what follows.
//!
//! Owns [`raise`] and [`tick`]. What advances is decided by `incident`, who is told by `alert/route`, how it reads by
//! `alert/render`; here it is carried out in the transaction at hand.

use jiff::Timestamp;

use super::AlertEvent;
use super::dispatch::{Dispatched, dispatch};
use super::view::{self, Decided};
use crate::alert::render;
use crate::alert::{Alert, Kind, Silence};
use crate::article::NO_PLACE;
use crate::article::identity::ArticleId;
use crate::config::Config;
use crate::feed::schedule::after;
use crate::incident::cue::{Cue, Neighbour};
use crate::incident::{
    Advance, Arrival, IncidentId, MEMORY, Outcome, Standing, Status, Step, Tell, Telling, Transition, advance,
};
use crate::store::incidents::{Alive, NewAlert};
use crate::store::{StoreError, Transaction};
use crate::story::StoryId;
use crate::topic::{Severity, Topic, TopicId, TopicSource};

/// Brings arrivals to the incident of a topic at a place and alerts if that is due.
pub(super) fn raise(
    tx: &Transaction<'_>,
    config: &Config,
    topic: &Topic,
    place: &str,
    arrivals: &[Arrival],
    now: Timestamp,
) -> Result<Option<AlertEvent>, StoreError> {
    let id = &topic.source.id;
    let policy = &topic.source.policy;
    let arrivals: Vec<Arrival> =
        arrivals.iter().map(|arrival| Arrival { at: now, ..arrival.clone() }).collect();
    let mut standing = load(tx, id, place, now)?;
    if let Some(quiet) = &standing
        && after(quiet.last_tripped_at, policy.close_after) <= now
        && quiet.pending.is_empty()
    {
        let step = advance(Some(quiet), Step { arrivals: &[], cues: &[], ..step_of(topic, now) });
        if step.status == Status::Closed {
            // It fell quiet before these arrivals and nobody had ticked yet: they begin a new incident.
            tx.save_step(quiet.id, &step, now)?;
            standing = None;
        }
    }
    let cues = cues(tx, config, topic, (place, &arrivals), standing.as_ref(), now)?;
    let step = advance(standing.as_ref(), Step { arrivals: &arrivals, cues: &cues, ..step_of(topic, now) });
    let incident = match &standing {
        Some(standing) => standing.id,
        None => tx.begin_incident(id, place, now)?,
    };
    tx.add_arrivals(incident, &arrivals, now)?;
    tx.save_step(incident, &step, now)?;
    for (arrival, outcome) in arrivals.iter().zip(&step.outcomes) {
        if *outcome != Outcome::Told {
            let silence = Silence::Incident(*outcome);
            tx.withhold(arrival.article, id, &silence, now)?;
        }
    }
    let alert = match &step.tell {
        Some(tell) => {
            if tell.telling != Telling::Update {
                tx.use_cues(incident, &cues, now)?;
            }
            let place = Placed { topic, place, incident, severity: step.severity };
            tell_people(tx, config, place, &Telling::news(tell), now)?
        }
        None => None,
    };
    tx.join_told(incident)?;
    Ok(alert)
}

fn load(
    tx: &Transaction<'_>,
    topic: &TopicId,
    place: &str,
    now: Timestamp,
) -> Result<Option<Standing>, StoreError> {
    let since = now.checked_sub(jiff::SignedDuration::try_from(MEMORY).unwrap_or_default());
    let standing = tx.standing(topic, place, since.unwrap_or(Timestamp::MIN))?;
    // Times to come are those of a clock that ran ahead: they hold nothing back.
    Ok(standing.map(|standing| Standing {
        last_tripped_at: standing.last_tripped_at.min(now),
        last_alert_at: standing.last_alert_at.filter(|at| *at <= now),
        ..standing
    }))
}

/// An incident, and whose it is.
#[derive(Clone, Copy)]
pub(super) struct Placed<'a> {
    pub(super) topic: &'a Topic,
    pub(super) place: &'a str,
    pub(super) incident: IncidentId,
    pub(super) severity: Severity,
}

/// What people are to be told.
pub(super) struct News<'a> {
    pub(super) kind: Kind,
    /// What it says first, where that is no story's title.
    pub(super) headline: Option<String>,
    pub(super) reason: &'a str,
    /// Best first.
    pub(super) articles: &'a [ArticleId],
    pub(super) publishers: u32,
}

impl Telling {
    fn news(tell: &Tell) -> News<'_> {
        let kind = match tell.telling {
            Self::First => Kind::First,
            Self::Update => Kind::Update,
            Self::Escalation => Kind::Escalation,
        };
        News {
            kind,
            headline: None,
            reason: &tell.reason,
            articles: &tell.articles,
            publishers: tell.publishers,
        }
    }
}

impl Placed<'_> {
    /// What routes look at when it is told.
    fn alert(&self, tell: &News<'_>) -> Alert {
        Alert {
            kind: tell.kind,
            topic: self.topic.source.id.clone(),
            severity: self.severity,
            place: self.place.to_owned(),
            publishers: tell.publishers,
        }
    }
}

/// Decides an alert, renders it and hands it to the routes.
pub(super) fn tell_people(
    tx: &Transaction<'_>,
    config: &Config,
    placed: Placed<'_>,
    tell: &News<'_>,
    now: Timestamp,
) -> Result<Option<AlertEvent>, StoreError> {
    let Placed { topic, incident, .. } = placed;
    let source = &topic.source;
    let members = view::members(tx, incident, tell.articles, now)?;
    let shown = tx.reported(&source.id, &view::pick(&members, tell.articles))?;
    if shown.is_empty() {
        // All of it was edited away or pruned since: there is nothing to tell.
        return Ok(None);
    }
    let alert = placed.alert(tell);
    let score = shown.iter().map(|article| article.score).fold(0.0, f64::max);
    let story = shown.first().map_or(StoryId(0), |article| article.story);
    let configuration = format!("{:016x} wirewatch {}", config.hash, env!("CARGO_PKG_VERSION"));
    let new = NewAlert {
        alert: &alert,
        at: now,
        reason: tell.reason,
        incident,
        story,
        score,
        configuration: &configuration,
    };
    let id = tx.add_alert(&new, tell.articles)?;
    let decided = Decided {
        id,
        alert: &alert,
        topic,
        incident,
        reason: tell.reason,
        headline: tell.headline.clone(),
        articles: tell.articles,
        score,
    };
    let view = view::view(tx, config, &decided, &members, shown, now)?;
    let rendered = render::render(&view, &config.templates);
    tx.save_rendering(id, &rendered)?;
    let Dispatched { to, held } = dispatch(tx, config, &alert, id, now)?;
    let told = format!("told in alert {}", id.0);
    if tell.kind.tells_news() {
        for article in tell.articles {
            tx.save_decision(*article, &source.id, "alerted", &told)?;
        }
    }
    let (subject, template_problem) = (rendered.subject, rendered.template_problem);
    let (articles, reason) = (tell.articles.to_vec(), tell.reason.to_owned());
    let at = now;
    Ok(Some(AlertEvent {
        id,
        alert,
        at,
        reason,
        incident,
        story,
        articles,
        score,
        subject,
        to,
        held,
        template_problem,
    }))
}

/// What time alone does: held updates go out, quiet incidents close.
pub(super) fn tick(
    tx: &Transaction<'_>,
    config: &Config,
    now: Timestamp,
) -> Result<Vec<AlertEvent>, StoreError> {
    let mut alerts = Vec::new();
    for alive in tx.alive_incidents()? {
        let Some(topic) = topic_of(config, &alive) else {
            // Its topic is no longer configured: nobody is told any more.
            abandon(tx, &alive, now)?;
            continue;
        };
        if changes_at(&alive, topic, now) > now {
            continue;
        }
        let Some(standing) = load(tx, &alive.topic, &alive.place, now)? else { continue };
        let step = advance(Some(&standing), Step { arrivals: &[], cues: &[], ..step_of(topic, now) });
        if step.status == Status::Closed {
            alerts.extend(close_quiet(tx, config, topic, (&alive, &standing), &step, now)?);
            continue;
        }
        tx.save_step(standing.id, &step, now)?;
        if let Some(tell) = &step.tell {
            let placed =
                Placed { topic, place: &alive.place, incident: standing.id, severity: step.severity };
            alerts.extend(tell_people(tx, config, placed, &Telling::news(tell), now)?);
            tx.join_told(standing.id)?;
        }
    }
    Ok(alerts)
}

/// Closes an incident that fell quiet; what it held untold gets its last word, and who asked for it is told of the end.
fn close_quiet(
    tx: &Transaction<'_>,
    config: &Config,
    topic: &Topic,
    (alive, standing): (&Alive, &Standing),
    step: &Advance,
    now: Timestamp,
) -> Result<Option<AlertEvent>, StoreError> {
    let (have, need) = (standing.publisher_count(), topic.source.policy.publishers);
    silence_pending(tx, &alive.topic, standing, Silence::Unconfirmed { have, need }, now)?;
    tx.save_step(standing.id, step, now)?;
    if standing.status != Status::Open || !config.routes.iter().any(|route| route.all_clear) {
        return Ok(None);
    }
    let placed = Placed { topic, place: &alive.place, incident: standing.id, severity: step.severity };
    let told: Vec<ArticleId> = tx.last_reported(standing.id)?.into_iter().collect();
    let reason = step.transition.as_ref().map_or("it fell quiet", |transition| &transition.reason);
    let publishers = standing.told_publishers;
    let news = News { kind: Kind::AllClear, headline: None, reason, articles: &told, publishers };
    tell_people(tx, config, placed, &news, now)
}

/// Closes an incident whose topic is gone.
fn abandon(tx: &Transaction<'_>, alive: &Alive, now: Timestamp) -> Result<(), StoreError> {
    if let Some(standing) = load(tx, &alive.topic, &alive.place, now)? {
        silence_pending(tx, &alive.topic, &standing, Silence::TopicGone, now)?;
    }
    let from = Some(if alive.is_open { Status::Open } else { Status::Forming });
    let reason = "its topic is no longer configured".to_owned();
    tx.close_incident(alive.id, &Transition { from, to: Status::Closed, reason }, now)
}

fn silence_pending(
    tx: &Transaction<'_>,
    topic: &TopicId,
    standing: &Standing,
    silence: Silence,
    now: Timestamp,
) -> Result<(), StoreError> {
    for arrival in &standing.pending {
        tx.withhold(arrival.article, topic, &silence, now)?;
    }
    Ok(())
}

/// A step of a topic's incident in which nothing arrives.
fn step_of(topic: &Topic, now: Timestamp) -> Step<'_> {
    let TopicSource { policy, severity, .. } = &topic.source;
    Step { arrivals: &[], cues: &[], policy, severity: *severity, now }
}

/// The rules between topics that hold for a topic at a place now and were not used for its incident: its own, and those of
/// others that name it.
fn cues(
    tx: &Transaction<'_>,
    config: &Config,
    topic: &Topic,
    (place, arrivals): (&str, &[Arrival]),
    standing: Option<&Standing>,
    now: Timestamp,
) -> Result<Vec<Cue>, StoreError> {
    let mut cues = Vec::new();
    if place == NO_PLACE || arrivals.is_empty() {
        // That two things happened nowhere says nothing.
        return Ok(cues);
    }
    let own: Vec<ArticleId> = arrivals.iter().map(|arrival| arrival.article).collect();
    let neighbour = |id: &TopicId, within| -> Result<Option<Neighbour>, StoreError> {
        let since = now.checked_sub(jiff::SignedDuration::try_from(within).unwrap_or_default());
        let told = tx.last_told(id, place, since.unwrap_or(Timestamp::MIN), now)?;
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

/// When [`tick`] has something to do next; `None` when nothing is alive.
pub(super) fn next_tick_at(tx: &Transaction<'_>, config: &Config) -> Result<Option<Timestamp>, StoreError> {
    let alive = tx.alive_incidents()?;
    let changes = |alive| topic_of(config, alive).map(|topic| changes_at(alive, topic, Timestamp::MAX));
    Ok(alive.iter().filter_map(changes).min())
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

fn topic_of<'a>(config: &'a Config, alive: &Alive) -> Option<&'a Topic> {
    config.topics.iter().find(|topic| topic.source.id == alive.topic)
}

/// When time alone changes an incident. A time to come at which people were told is one of a clock that ran ahead.
fn changes_at(alive: &Alive, topic: &Topic, now: Timestamp) -> Timestamp {
    let policy = &topic.source.policy;
    match alive.last_alert_at {
        Some(told_at) if alive.has_news && alive.is_open && told_at > now => now,
        Some(told_at) if alive.has_news && alive.is_open => after(told_at, policy.update_every),
        _ => after(alive.last_tripped_at, policy.close_after),
    }
}
