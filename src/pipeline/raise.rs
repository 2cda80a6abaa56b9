//! From arrivals, or time alone, to alerts: load the incident, advance it, write what follows.
//!
//! Owns [`raise`] and [`tick`]. What advances is decided by `incident`, who is told by `alert/route`, how it reads by
//! `alert/render`; here it is carried out in the transaction at hand.

use jiff::Timestamp;

use super::AlertEvent;
use crate::alert::render::{self, AlertView, ArticleView};
use crate::alert::{Alert, Kind, Silence, route};
use crate::article::place::country;
use crate::config::Config;
use crate::feed::Tier;
use crate::feed::schedule::after;
use crate::incident::{Arrival, IncidentId, MEMORY, Outcome, Standing, Status, Tell, advance};
use crate::store::incidents::{Alive, NewAlert, ReportedArticle};
use crate::store::{StoreError, Transaction};
use crate::story::StoryId;
use crate::topic::{Topic, TopicId};

/// Articles shown in one mail at most; the rest are counted.
const ARTICLES_SHOWN_MAX: usize = 10;

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
    let mut standing = load(tx, id, place, now)?;
    if let Some(quiet) = &standing
        && after(quiet.last_tripped_at, policy.close_after) <= now
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
    let alert = match &step.tell {
        Some(tell) => tell_people(tx, config, topic, place, incident, tell, now)?,
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
    tx.standing(topic, place, since.unwrap_or(Timestamp::MIN))
}

fn tell_people(
    tx: &Transaction<'_>,
    config: &Config,
    topic: &Topic,
    place: &str,
    incident: IncidentId,
    tell: &Tell,
    now: Timestamp,
) -> Result<Option<AlertEvent>, StoreError> {
    let source = &topic.source;
    let shown = tx.reported(&source.id, &tell.articles[..tell.articles.len().min(ARTICLES_SHOWN_MAX)])?;
    if shown.is_empty() {
        // All of it was edited away or pruned since: there is nothing to tell.
        return Ok(None);
    }
    let alert = Alert {
        kind: if tell.is_first { Kind::First } else { Kind::Update },
        topic: source.id.clone(),
        severity: source.severity,
        place: place.to_owned(),
        publishers: tell.publishers,
    };
    let to = route::addresses(&config.routes, &alert);
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
        place: country::name(place).map(str::to_owned),
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
    Ok(Some(AlertEvent { id, alert, at: now, reason, incident, story, articles, score, subject, to }))
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
        is_headline_only: article.is_headline_only,
        id: article.id.0,
    }
}

/// What time alone does: held updates go out, quiet incidents close.
pub fn tick(tx: &Transaction<'_>, config: &Config, now: Timestamp) -> Result<Vec<AlertEvent>, StoreError> {
    let mut alerts = Vec::new();
    for alive in tx.alive_incidents()? {
        let Some(topic) = topic_of(config, &alive) else {
            // Its topic is no longer configured: nobody is told any more.
            close(tx, &alive.topic, &alive, now, |_| Silence::TopicGone)?;
            continue;
        };
        if changes_at(&alive, topic) > now {
            continue;
        }
        let Some(standing) = load(tx, &alive.topic, &alive.place, now)? else { continue };
        let step = advance(Some(&standing), &[], &topic.source.policy, now);
        if step.status == Status::Closed {
            let need = topic.source.policy.publishers;
            close(tx, &alive.topic, &alive, now, |have| Silence::Unconfirmed { have, need })?;
        }
        if let Some(tell) = step.tell {
            alerts.extend(tell_people(tx, config, topic, &alive.place, standing.id, &tell, now)?);
            tx.join_told(standing.id)?;
        }
    }
    Ok(alerts)
}

/// Closes an incident; what it held untold gets its last word.
fn close(
    tx: &Transaction<'_>,
    topic: &TopicId,
    alive: &Alive,
    now: Timestamp,
    silence: impl Fn(u32) -> Silence,
) -> Result<(), StoreError> {
    if let Some(standing) = load(tx, topic, &alive.place, now)? {
        let silence = silence(standing.publisher_count());
        for arrival in &standing.pending {
            tx.save_decision(arrival.article, topic, silence.code(), &silence.words())?;
        }
    }
    tx.save_status(alive.id, Status::Closed, now)
}

/// When [`tick`] has something to do next; `None` when nothing is alive.
pub fn next_tick_at(tx: &Transaction<'_>, config: &Config) -> Result<Option<Timestamp>, StoreError> {
    let alive = tx.alive_incidents()?;
    Ok(alive.iter().filter_map(|alive| topic_of(config, alive).map(|topic| changes_at(alive, topic))).min())
}

fn topic_of<'a>(config: &'a Config, alive: &Alive) -> Option<&'a Topic> {
    config.topics.iter().find(|topic| topic.source.id == alive.topic)
}

fn changes_at(alive: &Alive, topic: &Topic) -> Timestamp {
    let policy = &topic.source.policy;
    match alive.last_alert_at {
        Some(told_at) if alive.has_pending && alive.is_open => after(told_at, policy.update_every),
        _ => after(alive.last_tripped_at, policy.close_after),
    }
}
