//! What the operator is told: feeds that fell ill or are back, and times in which nothing could be reached.
//!
//! Owns when such news becomes one mail: what lasted is told together, what is about to be is taken along, and there is
//! never a mail per poll nor more than one in a while. How a feed is, is decided by `feed/health`; how the mail reads, by
//! `alert/render/operator`.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::alert::render::operator::{FeedNews, News, OperatorView, render_with};
use crate::alert::{AlertId, Kind};
use crate::article::publisher::host_key;
use crate::config::Config;
use crate::feed::answer::AnswerKind;
use crate::feed::health::{self, HealthState, Signs};
use crate::feed::schedule::after;
use crate::feed::{Feed, FeedId};
use crate::store::feeds::StoredFeed;
use crate::store::health::Outage;
use crate::store::incidents::NewNotice;
use crate::store::{StoreError, Transaction};
use crate::topic::Severity;

/// Least time between two mails about feeds.
const MAIL_EVERY: Duration = Duration::from_mins(15);

/// A host's feeds come back one by one as their back-off ends: the first waits for the others, but no longer than this.
const BACK_TOGETHER_MAX: Duration = Duration::from_hours(24);

/// A mail to the operator that was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorEvent {
    /// Its row.
    pub id: AlertId,
    /// Subject of its mail.
    pub subject: String,
    /// Who is told.
    pub to: Vec<String>,
    /// Why the owner's template was not used for its mail.
    pub template_problem: Option<String>,
}

/// What is known of a feed besides its state, for [`health::assess`]. `flaw` as in [`Signs::flaw`].
pub(super) fn signs(config: &Config, feed: &Feed, flaw: Option<String>) -> Signs {
    Signs {
        host: feed.url.host_str().unwrap_or_default().to_owned(),
        interval: feed.interval.unwrap_or(config.poll.interval),
        patience: config.poll.health_after,
        flaw,
    }
}

/// Tells the operator what has lasted by `now`, and takes in what time alone does to health.
pub fn tell_operator(
    tx: &Transaction<'_>,
    config: &Config,
    now: Timestamp,
) -> Result<Vec<OperatorEvent>, StoreError> {
    let (is_outage, mut events) = look_for_outage(tx, config, now)?;
    let due = tx.feeds_to_look_at(now)?;
    if due.is_empty() {
        return Ok(events);
    }
    let watched: HashMap<String, &Feed> = config.feeds.iter().map(|feed| (feed.address(), feed)).collect();
    let outage_until = tx.last_outage_until()?;
    // A mail from a time to come was dated by a clock that ran ahead.
    let told_at = tx.last_notice_at(Kind::Operator)?.filter(|told_at| *told_at <= now);
    let ready_at = told_at.map_or(now, |told_at| after(told_at, MAIL_EVERY).max(now));
    let mut is_tellable = false;
    for row in due {
        let Some(feed) = watched.get(&row.url) else {
            // It is not watched any more, so it is neither ill nor well.
            tx.save_health(row.id, &HealthState::default())?;
            continue;
        };
        let signs = signs(config, feed, None);
        let mut state = health::review(&row.state, &signs, now);
        let tell_at = state.tell_at(config.poll.health_after);
        let waits =
            is_outage || awaits_poll(&row, outage_until) || awaits_host(tx, config, feed, &state, now)?;
        let tell_at = match tell_at {
            Some(at) if at > now => Some(at),
            Some(_) if config.mail.operator.is_empty() => None,
            Some(_) if waits => Some(after(now, MAIL_EVERY)),
            Some(_) => {
                is_tellable = ready_at <= now;
                Some(ready_at)
            }
            None => None,
        };
        let fails_at = health::fails_at(&row.state, &state, &signs).filter(|at| *at > now);
        state.look_at = tell_at.into_iter().chain(fails_at).min();
        tx.save_health(row.id, &state)?;
    }
    if is_tellable {
        events.extend(tell_feeds(tx, config, &watched, now)?);
    }
    Ok(events)
}

/// When [`tell_operator`] has something to do next, as far as feeds go.
pub fn next_look_at(tx: &Transaction<'_>) -> Result<Option<Timestamp>, StoreError> {
    tx.next_look_at()
}

/// After a long outage a feed that nobody has asked since is not judged by it.
fn awaits_poll(row: &StoredFeed, outage_until: Option<Timestamp>) -> bool {
    row.state.last_answer == AnswerKind::Unreachable
        && outage_until.is_some_and(|until| row.state.last_polled_at.is_some_and(|polled| polled <= until))
}

/// Whether a feed that is back waits for the others of its host.
fn awaits_host(
    tx: &Transaction<'_>,
    config: &Config,
    feed: &Feed,
    state: &HealthState,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let backed_off = config.poll.max_interval.saturating_add(config.poll.max_interval / 10);
    let wait = backed_off.saturating_add(config.poll.health_after).min(BACK_TOGETHER_MAX);
    let is_fresh = state.since.is_some_and(|since| after(since, wait) > now);
    Ok(is_fresh && state.news() == Some(health::News::Back) && tx.blind_count(&host_key(&feed.url))? > 0)
}

/// One mail with all that has lasted, and with what is about to have: feeds of the same hosts, and what has lasted half
/// as long as it must.
fn tell_feeds(
    tx: &Transaction<'_>,
    config: &Config,
    watched: &HashMap<String, &Feed>,
    now: Timestamp,
) -> Result<Option<OperatorEvent>, StoreError> {
    let mut untold = tx.feeds_untold(now)?;
    // As their owner lists them.
    untold.sort_unstable_by_key(|row| row.id);
    let is_due = |row: &StoredFeed| row.state.health.look_at.is_some_and(|at| at <= now);
    let due_hosts: Vec<(String, Option<health::News>)> = untold
        .iter()
        .filter(|row| is_due(row))
        .filter_map(|row| watched.get(&row.url).map(|feed| (host_key(&feed.url), row.state.health.news())))
        .collect();
    let (mut worse, mut back): (Vec<FeedNews>, Vec<FeedNews>) = (Vec::new(), Vec::new());
    let mut told: Vec<(FeedId, HealthState)> = Vec::new();
    for row in &untold {
        let state = &row.state.health;
        let (Some(feed), Some(news)) = (watched.get(&row.url), state.news()) else { continue };
        let host = host_key(&feed.url);
        let comes_along = match news {
            health::News::Worse if !state.health.is_blind() => false,
            _ => due_hosts.contains(&(host.clone(), Some(news))) || has_half_lasted(state, config, now),
        };
        if !is_due(row) && !comes_along {
            continue;
        }
        let line = FeedNews {
            name: feed.name.clone(),
            address: feed.address(),
            host,
            health: state.health,
            since: state.since,
            reason: state.reason.clone(),
        };
        if news == health::News::Back {
            back.push(line);
        } else {
            worse.push(line);
        }
        let state = state.told(now);
        // What was told as back and still has a small fault may have to be told of that, a day on.
        let tell_at = state.tell_at(config.poll.health_after);
        let fails_at =
            health::fails_at(&row.state, &state, &signs(config, feed, None)).filter(|at| *at > now);
        let look_at = tell_at.into_iter().chain(fails_at).min();
        told.push((row.id, HealthState { look_at, ..state }));
    }
    if told.is_empty() {
        return Ok(None);
    }
    worse.sort_by_key(|feed| std::cmp::Reverse(feed.health));
    let reason = "the health of feeds changed, and has lasted (poll.health_after)";
    let severity = if worse.is_empty() { Severity::Info } else { Severity::Warning };
    let event = tell(tx, config, News::Feeds { worse, back }, severity, reason, now)?;
    for (id, state) in told {
        tx.save_health(id, &state)?;
    }
    Ok(event)
}

fn has_half_lasted(state: &HealthState, config: &Config, now: Timestamp) -> bool {
    state.since.zip(state.tell_at(config.poll.health_after)).is_some_and(|(since, tell_at)| {
        let wait = Duration::try_from(tell_at.duration_since(since)).unwrap_or_default();
        after(since, wait / 2) <= now
    })
}

/// Finds out whether anybody is reached at all; answers whether nobody is, and what was told.
fn look_for_outage(
    tx: &Transaction<'_>,
    config: &Config,
    now: Timestamp,
) -> Result<(bool, Vec<OperatorEvent>), StoreError> {
    let reached_at = tx.network(false, now)?.reached_at;
    if let Some(Outage { since, alert }) = tx.outage()? {
        if reached_at.is_none_or(|reached| reached <= since) {
            return Ok((true, Vec::new()));
        }
        let until = tx.reached_after(since, now)?.unwrap_or(now);
        tx.end_outage(since, until)?;
        // While it lasted, mail may not have got out either. Then the end alone says it all.
        if let Some(alert) = alert {
            tx.withdraw_alert(alert)?;
        }
        let reason = "feeds can be reached again";
        let news = News::OutageOver { since, until };
        return Ok((false, tell(tx, config, news, Severity::Info, reason, now)?.into_iter().collect()));
    }
    let Some(unreached) = tx.unreached(reached_at)? else { return Ok((false, Vec::new())) };
    // One dead host, while the others are not due yet, is no outage.
    let is_everywhere = unreached.host_count > 1 || unreached.feed_count >= tx.telling_count()?;
    let has_lasted = after(unreached.since, config.poll.health_after) <= now;
    if !is_everywhere || !has_lasted {
        return Ok((is_everywhere, Vec::new()));
    }
    let reason = "nobody could be reached, and it has lasted (poll.health_after)";
    let news = News::Outage { since: unreached.since };
    let event = tell(tx, config, news, Severity::Warning, reason, now)?;
    tx.begin_outage(Outage { since: unreached.since, alert: event.as_ref().map(|event| event.id) })?;
    Ok((true, event.into_iter().collect()))
}

/// Keeps and queues a mail; `None` when there is nobody to tell.
pub(super) fn tell(
    tx: &Transaction<'_>,
    config: &Config,
    news: News,
    severity: Severity,
    reason: &str,
    now: Timestamp,
) -> Result<Option<OperatorEvent>, StoreError> {
    let mut to: Vec<String> = Vec::new();
    for address in &config.mail.operator {
        if !to.iter().any(|known| known.eq_ignore_ascii_case(address)) {
            to.push(address.clone());
        }
    }
    if to.is_empty() {
        return Ok(None);
    }
    let configuration = format!("{:016x} wirewatch {}", config.hash, env!("CARGO_PKG_VERSION"));
    let new = NewNotice { kind: Kind::Operator, severity, at: now, reason, configuration: &configuration };
    let id = tx.add_notice(&new)?;
    let rendered = render_with(&OperatorView { alert: id.0, at: now, news }, &config.templates);
    tx.save_rendering(id, &rendered)?;
    for address in &to {
        tx.queue_delivery(id, address, now)?;
    }
    tx.audit_alert(id, now)?;
    let template_problem = rendered.template_problem;
    Ok(Some(OperatorEvent { id, subject: rendered.subject, to, template_problem }))
}
