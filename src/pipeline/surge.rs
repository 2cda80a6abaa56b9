//! From articles to counts, and from counts to surges: count, look, tell.
//!
//! Owns when series are counted and looked at: [`after_articles`] when something arrives, [`tick`] by time alone. What
//! is usual and what is told is decided by `incident/surge`. Refuses to score articles.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::raise::{News, Placed, tell_people};
use super::{AlertEvent, ArticleEvent, archive};
use crate::alert::{Kind, may_alert};
use crate::article::{Article, NO_PLACE};
use crate::config::Config;
use crate::incident::surge::baseline::Baseline;
use crate::incident::surge::profile::{Profile, Tally};
use crate::incident::surge::{HISTORY_HOURS, Look, Surge, Verdict, judge};
use crate::store::counts::{EVERYTHING, Report, Series, hour_of, start_of};
use crate::store::{StoreError, Transaction};
use crate::topic::policy::AlertPolicy;
use crate::topic::{Topic, TopicId};

/// Hours that reports are kept: as long as their story may find further publishers, and the window.
const REPORTS_KEPT_HOURS: i64 = 4 * 24;

/// Hours that counts are kept beyond the history that is used.
const MARGIN_HOURS: i64 = 24;

/// Hours between two times of forgetting.
const SWEEP_HOURS: i64 = 24;

/// Hours after which the days and hours of all series are learned anew.
const PROFILE_HOURS: i64 = 24;

/// Most reports a day that one series teaches of days and hours: a crisis is not the week.
const TEACHING_MAX: f64 = 20.0;

/// Series that something was reported in: position of the topic, and place. Places come before `ZZ`, which is for all of them.
type Touched = BTreeSet<(usize, String)>;

/// An article that is new or edited.
#[derive(Clone, Copy)]
pub(super) struct Arrived<'a> {
    /// Whether its feed was never read before.
    pub(super) first_sight: bool,
    /// The article.
    pub(super) article: &'a Article,
    /// Its row.
    pub(super) event: &'a ArticleEvent,
}

/// The score from which an article is a report of a topic: half of what trips. Below it, articles mention; above it, a signal
/// or two speak.
pub(super) fn floor(policy: &AlertPolicy) -> f64 {
    policy.threshold / 2.0
}

/// Brings the counts up to date with the configuration and the archive. It comes before articles are added, which
/// [`after_articles`] counts.
pub(super) fn keep_up(tx: &Transaction<'_>, config: &Config, now: Timestamp) -> Result<(), StoreError> {
    forget(tx, now)?;
    archive::keep_up(tx, config, now)
}

/// Forgets once a day what is too old, also of topics whose surges nobody looks for.
fn forget(tx: &Transaction<'_>, now: Timestamp) -> Result<(), StoreError> {
    let (hour, swept_hour) = (hour_of(now), tx.swept_hour()?);
    if (swept_hour..swept_hour + SWEEP_HOURS).contains(&hour) {
        return Ok(());
    }
    tx.forget_reports(hour - REPORTS_KEPT_HOURS, hour - HISTORY_HOURS - MARGIN_HOURS)?;
    tx.set_swept_hour(hour)
}

/// Counts what arrived, and looks at the series it is in.
pub(super) fn after_articles<'a>(
    tx: &Transaction<'_>,
    config: &Config,
    arrived: impl Iterator<Item = Arrived<'a>>,
    now: Timestamp,
) -> Result<Vec<AlertEvent>, StoreError> {
    let mut touched = Touched::new();
    for arrived in arrived {
        count(tx, config, arrived, &mut touched)?;
    }
    look_at(tx, config, &touched, now)
}

fn count(
    tx: &Transaction<'_>,
    config: &Config,
    Arrived { first_sight, article, event }: Arrived<'_>,
    touched: &mut Touched,
) -> Result<(), StoreError> {
    if event.is_copy {
        return Ok(());
    }
    let is_fresh = |policy: &AlertPolicy| {
        may_alert(article, first_sight, config.poll.first_look, policy.max_age).is_ok()
    };
    if !event.is_revision && is_fresh(&AlertPolicy::default()) {
        tx.count_report(EVERYTHING, NO_PLACE, hour_of(at(article)), 1)?;
    }
    let scores = tx.scores_of(event.id)?;
    let speaks = |id: &TopicId, score: f64| {
        let position = config.topics.iter().position(|topic| topic.source.id == *id)?;
        let policy = &config.topics[position].source.policy;
        (score >= floor(policy)).then_some((position, policy))
    };
    if event.is_revision {
        let kept: Vec<&TopicId> =
            scores.iter().filter(|(id, score)| speaks(id, *score).is_some()).map(|(id, _)| id).collect();
        tx.withdraw_reports(event.id, &kept)?;
    }
    for (topic, score) in &scores {
        let Some((position, policy)) = speaks(topic, *score) else { continue };
        if !is_fresh(policy) {
            continue;
        }
        let place = main_place(article);
        let publisher = &article.publisher;
        let report = Report {
            topic,
            story: event.story,
            publisher,
            place,
            article: event.id,
            score: *score,
            at: at(article),
        };
        if tx.add_report(&report)? {
            touched.insert((position, place.to_owned()));
            touched.insert((position, NO_PLACE.to_owned()));
        }
    }
    Ok(())
}

/// Where an article counts: at its main place, whatever routes ask for, so that a series stays what it is.
pub(super) fn main_place(article: &Article) -> &str {
    article.places.first().map_or(NO_PLACE, String::as_str)
}

/// When an article counts: when it was published, as far as that is believed. What a feed brings late, after an outage or on its
/// first poll, is then no surge of the hour in which it came.
pub(super) fn at(article: &Article) -> Timestamp {
    article.published_at.map_or(article.seen_at, |at| at.min(article.seen_at))
}

/// What time alone does: a surge that is over is over, and the archive is counted on.
pub(super) fn tick(
    tx: &Transaction<'_>,
    config: &Config,
    now: Timestamp,
) -> Result<Vec<AlertEvent>, StoreError> {
    keep_up(tx, config, now)?;
    if tx.oldest_raised_hour()?.is_none_or(|hour| hour >= hour_of(now)) {
        return Ok(Vec::new());
    }
    let mut touched = Touched::new();
    for (topic, place) in tx.raised_series()? {
        if let Some(position) = config.topics.iter().position(|known| known.source.id == topic) {
            touched.insert((position, place));
        }
    }
    look_at(tx, config, &touched, now)
}

/// When [`tick`] has something to do next: every hour while a surge lasts, and soon while the archive is counted.
pub(super) fn next_tick_at(tx: &Transaction<'_>) -> Result<Option<Timestamp>, StoreError> {
    let raised = tx.oldest_raised_hour()?.map(|hour| start_of(hour + 1));
    Ok([raised, archive::next_at(tx)?].into_iter().flatten().min())
}

fn look_at(
    tx: &Transaction<'_>,
    config: &Config,
    touched: &Touched,
    now: Timestamp,
) -> Result<Vec<AlertEvent>, StoreError> {
    let mut alerts = Vec::new();
    for (position, place) in touched {
        let Some(topic) = config.topics.get(*position) else { continue };
        if topic.source.policy.surge.is_enabled
            && let Some(surge) = look(tx, topic, place, now)?
        {
            alerts.extend(tell_surge(tx, config, topic, place, &surge, now)?);
        }
    }
    Ok(alerts)
}

/// How much more than usual came in besides a topic's own reports: further feeds, or a busy day, are no surge of any topic. At
/// least 1.
fn coverage(tx: &Transaction<'_>, topic: &TopicId, now: Timestamp) -> Result<f64, StoreError> {
    let hour = hour_of(now);
    let all = known(tx, EVERYTHING, NO_PLACE, now)?.baseline;
    let own = known(tx, &topic.0, NO_PLACE, now)?.baseline;
    let (Some(all), Some(own)) = (all, own) else { return Ok(1.0) };
    let seen = tx.reports_of_day(EVERYTHING, NO_PLACE, hour)?;
    let others = seen.saturating_sub(tx.reports_of_day(&topic.0, NO_PLACE, hour)?);
    // What is less than one a day says nothing of a day.
    let expected = (all.expected - own.expected).max(1.0);
    Ok((f64::from(others) / expected).max(1.0))
}

/// Looks at one series.
fn look(
    tx: &Transaction<'_>,
    topic: &Topic,
    place: &str,
    now: Timestamp,
) -> Result<Option<Surge>, StoreError> {
    let (id, policy) = (&topic.source.id, &topic.source.policy.surge);
    let hour = hour_of(now);
    let series = known(tx, &id.0, place, now)?;
    let seen = tx.reports_of_day(&id.0, place, hour)?;
    if seen < policy.publishers && !series.watch.is_raised {
        // Most looks end here: too few to be told, whatever is usual.
        return Ok(None);
    }
    let told_elsewhere = if place == NO_PLACE { whole(tx.reports_told_elsewhere(id)?) } else { 0 };
    let look = Look {
        policy,
        baseline: series.baseline.as_ref(),
        coverage: coverage(tx, id, now)?,
        seen,
        told_elsewhere,
        publishers: tx.report_publishers(id, place, start_of(hour - 23))?,
        series_count: tx.surge_series_count(id)?,
        watch: series.watch,
        now,
    };
    let (verdict, watch) = judge(&look);
    tx.save_verdict((&id.0, place), watch, seen, &verdict, now)?;
    Ok(match verdict {
        Verdict::Told(surge) => Some(surge),
        _ => None,
    })
}

fn whole(count: f64) -> u32 {
    // The shortest way from a float to a count that cannot be wrong.
    format!("{:.0}", count.clamp(0.0, 1e9)).parse().unwrap_or_default()
}

/// What is known of a series now; what is usual is learned once an hour.
fn known(tx: &Transaction<'_>, topic: &str, place: &str, now: Timestamp) -> Result<Series, StoreError> {
    let hour = hour_of(now);
    let kept = tx.surge_series(topic, place)?;
    if let Some(series) = kept.filter(|series| series.hour == hour) {
        return Ok(series);
    }
    let general = if topic == EVERYTHING { Profile::default() } else { profile(tx, now)? };
    let counts = tx.report_counts(topic, place, hour - HISTORY_HOURS)?.unwrap_or_default();
    let baseline = Baseline::learn(&counts, &general, hour);
    tx.save_baseline(topic, place, hour, baseline.as_ref())?;
    let (watch, seen) = kept.map(|series| (series.watch, series.seen)).unwrap_or_default();
    Ok(Series { hour, baseline, watch, seen })
}

/// The days and hours of all series together, held to those of whatever came in. They are learned once a day.
fn profile(tx: &Transaction<'_>, now: Timestamp) -> Result<Profile, StoreError> {
    let hour = hour_of(now);
    let (learned_for, profile) = tx.report_profile()?;
    if (learned_for..learned_for + PROFILE_HOURS).contains(&hour) {
        return Ok(profile);
    }
    let (from, mut all) = (hour - HISTORY_HOURS, Tally::default());
    let everything = tx.report_counts(EVERYTHING, NO_PLACE, from)?.unwrap_or_default();
    let general = Profile::learn(&Profile::default(), &everything.tally(hour, f64::INFINITY));
    let topics = tx.counted_topics()?;
    for topic in topics.keys().filter(|topic| *topic != EVERYTHING) {
        let counts = tx.report_counts(topic, NO_PLACE, from)?.unwrap_or_default();
        let tally = counts.tally(hour, f64::INFINITY);
        let most = (3.0 * tally.rate()).max(5.0);
        let scale = (TEACHING_MAX / tally.rate().max(TEACHING_MAX)).min(1.0);
        all.join(&counts.tally(hour, most), scale);
    }
    let profile = Profile::learn(&general, &all);
    tx.save_report_profile(hour, &profile)?;
    Ok(profile)
}

/// Tells people of a surge, in the incident of the topic at the place, which begins with it where there is none. The articles
/// are no part of the incident by that: one that trips is news still.
fn tell_surge(
    tx: &Transaction<'_>,
    config: &Config,
    topic: &Topic,
    place: &str,
    surge: &Surge,
    now: Timestamp,
) -> Result<Option<AlertEvent>, StoreError> {
    let id = &topic.source.id;
    let articles = tx.reported_since(id, place, start_of(hour_of(now) - 23))?;
    let reason = surge.reason();
    let incident = match tx.alive_incident(id, place)? {
        Some(incident) => incident,
        None => tx.begin_incident(id, place, now)?,
    };
    tx.note_incident(incident, &format!("a surge was told: {reason}"), now)?;
    let severity =
        tx.incident_severity(incident)?.map_or(topic.source.severity, |s| s.max(topic.source.severity));
    let headline = Some(surge.headline());
    let news = News { headline, ..News::to_all(Kind::Surge, &reason, &articles, surge.publishers) };
    tell_people(tx, config, Placed { topic, place, incident, severity }, &news, now)
}
