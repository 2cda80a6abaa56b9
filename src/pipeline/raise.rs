//! From arrivals, or time alone, to alerts: load the incident, advance it, write what follows.
//!
//! Owns [`raise`] and [`tick`]. What advances is decided by `incident`, who is told by `alert/route`, how it reads by
//! `alert/render`; here it is carried out in the transaction at hand.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use jiff::Timestamp;

use super::AlertEvent;
use super::cues::cues;
use super::dispatch::{Dispatched, dispatch};
use super::placing::has_place_filters;
use super::view::{self, Decided};
use crate::alert::render;
use crate::alert::{Alert, Kind, Withheld};
use crate::article::NO_PLACE;
use crate::article::identity::ArticleId;
use crate::config::Config;
use crate::feed::schedule::after;
use crate::incident::{
    Advance, Arrival, IncidentId, MEMORY, NEWS_TO_ALL, Outcome, Standing, Status, Step, Tell, Telling,
    Transition, advance,
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
    let arrived: Vec<Arrival> =
        arrivals.iter().map(|arrival| Arrival { at: now, ..arrival.clone() }).collect();
    let cue_places = match place {
        NO_PLACE => tx.main_places(&arrived.iter().map(|arrival| arrival.article).collect::<Vec<_>>())?,
        place => vec![place.to_owned()],
    };
    let arrivals = with_placeless(tx, config, id, place, arrived)?;
    lapse(tx, topic, place, now)?;
    let mut standing = load(tx, id, place, now)?;
    if let Some(quiet) = &standing
        && after(quiet.last_tripped_at, policy.close_after) <= now
        && quiet.pending.is_empty()
    {
        let step = advance(Some(quiet), step_of(topic, now));
        if step.status == Status::Closed {
            // It fell quiet before these arrivals and nobody had ticked yet: they begin a new incident.
            tx.save_step(quiet.id, &step, now)?;
            standing = None;
        }
    }
    let cues = cues(tx, config, topic, (&cue_places, &arrivals), standing.as_ref(), now)?;
    let levels = levels(config, topic, place, standing.as_ref());
    let step = Step { arrivals: &arrivals, cues: &cues, levels: &levels, ..step_of(topic, now) };
    let step = advance(standing.as_ref(), step);
    let incident = match &standing {
        Some(standing) => standing.id,
        None => tx.begin_incident(id, place, now)?,
    };
    tx.add_arrivals(incident, &arrivals, now)?;
    tx.save_step(incident, &kept(place, standing.as_ref(), topic, &step), now)?;
    for (arrival, outcome) in arrivals.iter().zip(&step.outcomes) {
        if *outcome != Outcome::Told {
            let withheld = Withheld::Incident(*outcome);
            tx.withhold(arrival.article, id, &withheld, now)?;
        }
    }
    let alert = match &step.tell {
        Some(tell) => {
            if matches!(tell.telling, Telling::First | Telling::Escalation) {
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

/// What an incident keeps of a step. What has no place is many events: a rule raises the alert that it sends, and not all those that
/// come after.
fn kept(place: &str, standing: Option<&Standing>, topic: &Topic, step: &Advance) -> Advance {
    let own = topic.source.severity;
    let before = standing.map_or(own, |standing| standing.severity.max(own));
    let severity = if place == NO_PLACE { before } else { step.severity };
    Advance { severity, ..step.clone() }
}

/// Arrivals, and what waits of the same events in the incident without a place: it has found one.
fn with_placeless(
    tx: &Transaction<'_>,
    config: &Config,
    topic: &TopicId,
    place: &str,
    mut arrivals: Vec<Arrival>,
) -> Result<Vec<Arrival>, StoreError> {
    if place != NO_PLACE && !has_place_filters(config) {
        let stories: BTreeSet<StoryId> = arrivals.iter().map(|arrival| arrival.story).collect();
        for story in stories {
            arrivals.extend(tx.take_placeless(topic, story)?);
        }
    }
    Ok(arrivals)
}

fn load(
    tx: &Transaction<'_>,
    topic: &TopicId,
    place: &str,
    now: Timestamp,
) -> Result<Option<Standing>, StoreError> {
    let standing = tx.standing(topic, place, remembered_since(now))?;
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
    /// Whether those that waited for more publishers are told of what others were told before.
    pub(super) is_confirmation: bool,
    /// Routes that ask for so many publishers know it already.
    pub(super) known_at: RangeInclusive<u32>,
}

impl<'a> News<'a> {
    /// News for whoever asked.
    pub(super) fn to_all(kind: Kind, reason: &'a str, articles: &'a [ArticleId], publishers: u32) -> Self {
        let (headline, known_at) = (None, NEWS_TO_ALL);
        Self { kind, headline, reason, articles, publishers, is_confirmation: false, known_at }
    }
}

impl Telling {
    fn news(tell: &Tell) -> News<'_> {
        let kind = match tell.telling {
            Self::First => Kind::First,
            Self::Update => Kind::Update,
            Self::Escalation | Self::Confirmation => Kind::Escalation,
        };
        let is_confirmation = tell.telling == Self::Confirmation;
        let known_at = tell.known_at.clone();
        let news = News::to_all(kind, &tell.reason, &tell.articles, tell.publishers);
        News { is_confirmation, known_at, ..news }
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
    let shown = tx.reported(&source.id, &view::pick(tell.kind, &members, tell.articles))?;
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
        is_confirmation: tell.is_confirmation,
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
    let Dispatched { to, held, has_route } = dispatch(tx, config, &alert, (id, &tell.known_at), now)?;
    let told = format!("told in alert {}", id.0);
    for article in tell.articles.iter().filter(|_| tell.kind.tells_news()) {
        if tell.is_confirmation {
            tx.decide_unless_told(*article, &source.id, &told)?;
        } else {
            tx.save_decision(*article, &source.id, "alerted", &told)?;
        }
    }
    let (subject, template_problem) = (rendered.subject, rendered.template_problem);
    let (articles, reason, at) = (tell.articles.to_vec(), tell.reason.to_owned(), now);
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
        has_route,
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
        lapse(tx, topic, &alive.place, now)?;
        let Some(standing) = load(tx, &alive.topic, &alive.place, now)? else { continue };
        let levels = levels(config, topic, &alive.place, Some(&standing));
        let step = advance(Some(&standing), Step { levels: &levels, ..step_of(topic, now) });
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
    withhold_pending(tx, &alive.topic, standing, Withheld::Unconfirmed { have, need }, now)?;
    tx.save_step(standing.id, step, now)?;
    if standing.status != Status::Open || !config.routes.iter().any(|route| route.all_clear) {
        return Ok(None);
    }
    let told: Vec<ArticleId> = tx.last_reported(standing.id)?.into_iter().collect();
    let story = told.first().map(|article| tx.story_of(*article)).transpose()?.flatten();
    let told_with = story.map(|(story, _)| tx.story_severity(standing.id, story)).transpose()?.flatten();
    let severity = told_with.map_or(step.severity, |told| told.max(step.severity));
    let placed = Placed { topic, place: &alive.place, incident: standing.id, severity };
    let reason = step.transition.as_ref().map_or("it fell quiet", |transition| &transition.reason);
    let news = News::to_all(Kind::AllClear, reason, &told, standing.told_publishers);
    tell_people(tx, config, placed, &news, now)
}

/// Closes an incident whose topic is gone.
fn abandon(tx: &Transaction<'_>, alive: &Alive, now: Timestamp) -> Result<(), StoreError> {
    if let Some(standing) = load(tx, &alive.topic, &alive.place, now)? {
        withhold_pending(tx, &alive.topic, &standing, Withheld::TopicGone, now)?;
    }
    let from = Some(if alive.is_open { Status::Open } else { Status::Forming });
    let reason = "its topic is no longer configured".to_owned();
    tx.close_incident(alive.id, &Transition { from, to: Status::Closed, reason }, now)
}

fn withhold_pending(
    tx: &Transaction<'_>,
    topic: &TopicId,
    standing: &Standing,
    withheld: Withheld,
    now: Timestamp,
) -> Result<(), StoreError> {
    for arrival in &standing.pending {
        tx.withhold(arrival.article, topic, &withheld, now)?;
    }
    Ok(())
}

/// A step of a topic's incident in which nothing arrives.
fn step_of(topic: &Topic, now: Timestamp) -> Step<'_> {
    let TopicSource { policy, severity, .. } = &topic.source;
    Step { arrivals: &[], cues: &[], levels: &[], policy, severity: *severity, now }
}

/// How many publishers the routes ask for that would take the incident's alerts, each number once.
fn levels(config: &Config, topic: &Topic, place: &str, standing: Option<&Standing>) -> Vec<u32> {
    let source = &topic.source;
    let alert = Alert {
        kind: Kind::Escalation,
        topic: source.id.clone(),
        severity: standing.map_or(source.severity, |standing| standing.severity.max(source.severity)),
        place: place.to_owned(),
        publishers: u32::MAX,
    };
    let asked = config.routes.iter().filter(|route| route.takes(&alert)).map(|route| route.min_publishers);
    asked.collect::<BTreeSet<_>>().into_iter().collect()
}

/// What waits for publishers in a forming incident and is too old to be confirmed by what comes now waits no longer.
fn lapse(tx: &Transaction<'_>, topic: &Topic, place: &str, now: Timestamp) -> Result<(), StoreError> {
    let (id, need) = (&topic.source.id, topic.source.policy.publishers);
    for article in tx.lapse_waiting(id, place, remembered_since(now), now)? {
        tx.withhold(article, id, &Withheld::Lapsed { need, memory: MEMORY }, now)?;
    }
    Ok(())
}

fn remembered_since(now: Timestamp) -> Timestamp {
    now.checked_sub(jiff::SignedDuration::try_from(MEMORY).unwrap_or_default()).unwrap_or(Timestamp::MIN)
}

/// When [`tick`] has something to do next; `None` when nothing is alive.
pub(super) fn next_tick_at(tx: &Transaction<'_>, config: &Config) -> Result<Option<Timestamp>, StoreError> {
    let alive = tx.alive_incidents()?;
    let changes = |alive| topic_of(config, alive).map(|topic| changes_at(alive, topic, Timestamp::MAX));
    Ok(alive.iter().filter_map(changes).min())
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
