//! What was held and is due: told together, or held on. And second addresses, when nobody acknowledged.
//!
//! Owns [`release`] and [`remind`]. Whether something is still to wait is decided by `alert/route`; how a digest reads, by
//! `alert/render/digest`. What is released was promised: it is told even where no route takes it any more.

use jiff::Timestamp;

use super::dispatch::{blank, remind_later, unsubscribed};
use super::view::contact;
use crate::alert::render::digest::{DigestItem, DigestView, Why, render};
use crate::alert::route::decide::{Decision, Hold, Scene, Verdict, reconsider, reminders};
use crate::alert::silence::{Silence, silencing};
use crate::alert::{AlertId, Kind};
use crate::article::place::country;
use crate::config::Config;
use crate::feed::schedule::words;
use crate::store::incidents::NewNotice;
use crate::store::routing::{AlertFacts, Held, Lead, RouteDecision, WaitingReminder};
use crate::store::{StoreError, Transaction};
use crate::topic::Severity;

/// One mail with what was held for an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// When.
    pub at: Timestamp,
    /// To whom.
    pub to: String,
    /// What it tells, in the order of their decision.
    pub alerts: Vec<AlertId>,
    /// The digest, when it tells of more than one.
    pub digest: Option<AlertId>,
    /// Subject of its mail.
    pub subject: String,
    /// Why it was held, in words.
    pub reason: String,
    /// Why an owner's template was not used for it.
    pub template_problem: Option<String>,
}

/// A second address that is told because nobody acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reminded {
    /// When.
    pub at: Timestamp,
    /// To whom.
    pub to: String,
    /// The alert.
    pub alert: AlertId,
    /// Subject of its mail.
    pub subject: String,
}

/// Tells what was held and is due, one mail to each address.
pub(super) fn release(
    tx: &Transaction<'_>,
    config: &Config,
    now: Timestamp,
) -> Result<Vec<Release>, StoreError> {
    let mut released = Vec::new();
    // What is held on is due later, so every round takes some away.
    loop {
        let due = tx.due_holds(now)?;
        if due.is_empty() {
            return Ok(released);
        }
        let silences = tx.silences(now)?;
        for of_address in due.chunk_by(|a, b| a.address.eq_ignore_ascii_case(&b.address)) {
            released.extend(release_at(tx, config, of_address, &silences, now)?);
        }
    }
}

/// What is due at one address, in one mail.
fn release_at(
    tx: &Transaction<'_>,
    config: &Config,
    due: &[Held],
    silences: &[Silence],
    now: Timestamp,
) -> Result<Option<Release>, StoreError> {
    let Some(first) = due.first() else { return Ok(None) };
    let mut ready: Vec<(Held, AlertFacts)> = Vec::with_capacity(due.len());
    for held in due {
        ready.extend(look_again(tx, config, held, silences, now)?);
    }
    if ready.is_empty() {
        return Ok(None);
    }
    // A mail goes out: what waits for room in the hour comes along, as it costs nobody a further mail.
    for held in tx.capped_holds(&first.address)? {
        if !ready.iter().any(|(known, _)| known.alert == held.alert) {
            ready.extend(look_again(tx, config, &held, silences, now)?);
        }
    }
    ready.sort_by_key(|(held, _)| held.alert);
    tell(tx, config, &first.address, &ready, now)
}

/// Decides again about an alert that was held: answers it when it is told now, and holds it on otherwise.
fn look_again(
    tx: &Transaction<'_>,
    config: &Config,
    held: &Held,
    silences: &[Silence],
    now: Timestamp,
) -> Result<Option<(Held, AlertFacts)>, StoreError> {
    let Some(facts) = tx.alert_facts(held.alert)? else {
        tx.let_go(held.alert, &held.address)?;
        return Ok(None);
    };
    if tx.was_told(held.alert, &held.address)? {
        // A reminder told it meanwhile.
        tx.let_go(held.alert, &held.address)?;
        return Ok(None);
    }
    if tx.is_unsubscribed(&held.address, &facts.alert.topic.0)? {
        tx.let_go(held.alert, &held.address)?;
        tx.save_route_decision(&unsubscribed(held.alert, &held.address, now))?;
        remind_without(tx, config, held, &facts, (Decision::Unsubscribed, silences), now)?;
        return Ok(None);
    }
    let publishers = tx.alert_publishers(held.alert)?;
    let known = tx.knowledge(facts.alert.kind, facts.incident, held.alert)?;
    let scene = Scene {
        publishers: &publishers,
        silences,
        audience: known.audience.as_deref(),
        waiting: &known.waiting,
        ..Scene::at(now)
    };
    match reconsider(&config.routes, &facts.alert, &held.address, held.hold, &scene) {
        Decision::Held { until, hold, silence, reason } => {
            let held = Held { hold, held_at: now, until, silence, ..held.clone() };
            tx.hold(&held)?;
            tx.save_route_decision(&RouteDecision {
                code: hold.as_str(),
                reason: &reason,
                until: Some(until),
                silence,
                ..blank(held.alert, &held.address, now)
            })?;
            let decision = Decision::Held { until, hold, silence, reason };
            remind_without(tx, config, &held, &facts, (decision, silences), now)?;
            Ok(None)
        }
        Decision::Told { .. } | Decision::NothingToClear | Decision::Unsubscribed => {
            // What follows it is asked next, and is not to wait for it any more.
            tx.let_go(held.alert, &held.address)?;
            Ok(Some((held.clone(), facts)))
        }
    }
}

/// Plans to tell the second addresses of what an address is not told now, as when it was decided.
fn remind_without(
    tx: &Transaction<'_>,
    config: &Config,
    held: &Held,
    facts: &AlertFacts,
    (decision, silences): (Decision, &[Silence]),
    now: Timestamp,
) -> Result<(), StoreError> {
    let verdict = Verdict { address: held.address.clone(), route: None, decision };
    let planned = reminders(&config.routes, &facts.alert, &[verdict], silences, now);
    remind_later(tx, &facts.alert, (held.alert, facts.incident), planned, now)
}

/// One mail: the alert's own when there is one, else a digest.
fn tell(
    tx: &Transaction<'_>,
    config: &Config,
    address: &str,
    ready: &[(Held, AlertFacts)],
    now: Timestamp,
) -> Result<Option<Release>, StoreError> {
    let why = Why::of(ready.iter().map(|(held, _)| held.hold));
    let reason = why.words().to_owned();
    let (subject, digest, template_problem) = match ready {
        [] => return Ok(None),
        [(held, facts)] => {
            tx.queue_delivery(held.alert, address, now)?;
            (facts.subject.clone(), None, None)
        }
        _ => {
            let severity = ready.iter().map(|(_, facts)| facts.alert.severity).max();
            let configuration = format!("{:016x} wirewatch {}", config.hash, env!("CARGO_PKG_VERSION"));
            let digest = tx.add_notice(&NewNotice {
                kind: Kind::Digest,
                severity: severity.unwrap_or(Severity::Info),
                at: now,
                reason: &reason,
                configuration: &configuration,
            })?;
            let view = DigestView {
                alert: digest.0,
                at: now,
                why,
                items: items(tx, config, ready)?,
                contact: Some(contact(config)),
            };
            let rendered = render(&view, &config.templates);
            tx.save_rendering(digest, &rendered)?;
            tx.queue_delivery(digest, address, now)?;
            tx.audit_alert(digest, now)?;
            (rendered.subject, Some(digest), rendered.template_problem)
        }
    };
    for (held, facts) in ready {
        // A digest says so itself.
        let note = if digest.is_none() { note(tx, held, facts)? } else { String::new() };
        let told = match digest {
            Some(digest) => format!("told in digest {}", digest.0),
            None => "told, having been held".to_owned(),
        };
        tx.save_route_decision(&RouteDecision {
            code: "told-late",
            reason: &told,
            told_in: digest,
            note: &note,
            ..blank(held.alert, &held.address, now)
        })?;
        // A silence spared the second address as well; now there is something to acknowledge.
        let told = Decision::Told { reason: told };
        let verdict = Verdict { address: held.address.clone(), route: None, decision: told };
        let planned = reminders(&config.routes, &facts.alert, &[verdict], &[], now);
        remind_later(tx, &facts.alert, (held.alert, facts.incident), planned, now)?;
    }
    let alerts = ready.iter().map(|(held, _)| held.alert).collect();
    let to = address.to_owned();
    Ok(Some(Release { at: now, to, alerts, digest, subject, reason, template_problem }))
}

/// What the mail of an alert that was held says above everything else. One that came when it was to come is not late.
fn note(tx: &Transaction<'_>, held: &Held, facts: &AlertFacts) -> Result<String, StoreError> {
    let late = match held.hold {
        Hold::QuietHours | Hold::Cap | Hold::Silence => Some(late(held.hold, facts.at)),
        Hold::Digest => None,
    };
    let corrected = corrected_in(tx, held.alert, facts)?.map(corrected);
    Ok([corrected, late].into_iter().flatten().collect::<Vec<_>>().join(" "))
}

/// The first correction of the incident since an alert told news of it.
fn corrected_in(
    tx: &Transaction<'_>,
    alert: AlertId,
    facts: &AlertFacts,
) -> Result<Option<AlertId>, StoreError> {
    match facts.incident.filter(|_| facts.alert.kind.tells_news()) {
        Some(incident) => Ok(tx.corrections_after(incident, alert)?.into_iter().next()),
        None => Ok(None),
    }
}

fn corrected(by: AlertId) -> String {
    format!("CORRECTED SINCE: a report of this incident was taken back, see alert {}.", by.0)
}

/// What a mail says above everything else when it comes later than it was decided.
fn late(hold: Hold, decided_at: Timestamp) -> String {
    let why = match hold {
        Hold::Digest => "for the digest",
        Hold::QuietHours => "in quiet hours",
        Hold::Cap => "because too many mails went to you within an hour",
        Hold::Silence => "by a silence",
    };
    format!("LATE: decided at {} and held {why}.", decided_at.strftime("%Y-%m-%d %H:%M UTC"))
}

fn items(
    tx: &Transaction<'_>,
    config: &Config,
    ready: &[(Held, AlertFacts)],
) -> Result<Vec<DigestItem>, StoreError> {
    let mut items = Vec::with_capacity(ready.len());
    for (held, facts) in ready {
        let topic = config.topics.iter().find(|topic| topic.source.id == facts.alert.topic);
        let Lead { headline, url } = tx.alert_lead(held.alert)?;
        // What is over or taken back is not headed by the report of it, and a surge by no single one: the subject says it.
        let (kind, is_surge) = (facts.alert.kind, facts.alert.kind == Kind::Surge);
        let headline = headline.filter(|_| kind.tells_news() && !is_surge);
        items.push(DigestItem {
            alert: held.alert.0,
            incident: facts.incident.map(|incident| incident.0),
            kind: facts.alert.kind,
            severity: facts.alert.severity,
            topic_id: facts.alert.topic.0.clone(),
            topic_name: topic.map_or_else(|| facts.alert.topic.0.clone(), |topic| topic.source.name.clone()),
            place: country::name(&facts.alert.place).map(str::to_owned),
            at: facts.at,
            subject: facts.subject.clone(),
            reason: facts.reason.clone(),
            publishers: facts.alert.publishers,
            score: facts.score,
            hold: held.hold,
            headline,
            url,
            corrected_in: corrected_in(tx, held.alert, facts)?.map(|alert| alert.0),
        });
    }
    Ok(items)
}

/// Tells second addresses of alerts that nobody acknowledged in time.
pub(super) fn remind(tx: &Transaction<'_>, now: Timestamp) -> Result<Vec<Reminded>, StoreError> {
    let mut reminded = Vec::new();
    loop {
        let due = tx.take_reminders(now)?;
        if due.is_empty() {
            return Ok(reminded);
        }
        let silences = tx.silences(now)?;
        for reminder in due {
            reminded.extend(remind_one(tx, &reminder, &silences, now)?);
        }
    }
}

fn remind_one(
    tx: &Transaction<'_>,
    reminder: &WaitingReminder,
    silences: &[Silence],
    now: Timestamp,
) -> Result<Option<Reminded>, StoreError> {
    let WaitingReminder { alert: id, address, after } = reminder;
    let Some(facts) = tx.alert_facts(*id)? else { return Ok(None) };
    let blank = blank(*id, address, now);
    if tx.was_told(*id, address)? {
        return Ok(None);
    }
    if tx.is_unsubscribed(address, &facts.alert.topic.0)? {
        tx.save_route_decision(&unsubscribed(*id, address, now))?;
        return Ok(None);
    }
    let acknowledged = facts.incident.map(|incident| tx.acknowledgement(incident)).transpose()?.flatten();
    if let Some(by) = acknowledged.filter(|by| by.covers(facts.alert.kind, facts.alert.severity, *id)) {
        let reason = format!("not told: acknowledged by {}", by.words());
        tx.save_route_decision(&RouteDecision { code: "acknowledged", reason: &reason, ..blank })?;
        return Ok(None);
    }
    let publishers = tx.alert_publishers(*id)?;
    if let Some(silence) = silencing(silences, &facts.alert, &publishers, address, now) {
        let reason = format!(
            "not told: silenced by {} (silence {}): {}",
            silence.author, silence.id.0, silence.comment
        );
        let silence = Some(silence.id);
        tx.save_route_decision(&RouteDecision { code: "silenced", reason: &reason, silence, ..blank })?;
        return Ok(None);
    }
    let corrected =
        corrected_in(tx, *id, &facts)?.map_or_else(String::new, |by| format!("{} ", corrected(by)));
    let note =
        format!("{corrected}Nobody acknowledged this alert within {}, so it goes to you.", words(*after));
    tx.queue_delivery(*id, address, now)?;
    tx.let_go(*id, address)?;
    tx.save_route_decision(&RouteDecision {
        code: "reminded",
        reason: &format!("told: nobody acknowledged it within {} (escalate_after)", words(*after)),
        note: &note,
        ..blank
    })?;
    // Whoever is told now what was corrected meanwhile is told that, too.
    for correction in
        facts.incident.map(|incident| tx.corrections_after(incident, *id)).transpose()?.into_iter().flatten()
    {
        if !tx.was_told(correction, address)? {
            tx.queue_delivery(correction, address, now)?;
            tx.let_go(correction, address)?;
            tx.save_route_decision(&RouteDecision {
                code: "told",
                reason: "told: it corrects what this address is told now",
                ..RouteDecision { alert: correction, ..blank }
            })?;
        }
    }
    Ok(Some(Reminded { at: now, to: address.clone(), alert: *id, subject: facts.subject }))
}
