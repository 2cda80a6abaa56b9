//! What a poll means for the feed and its host: validators, counters, the next poll.
//!
//! Owns the order in which the rules of `feed` are asked, and what of it is stored. The rules themselves are pure and
//! live there. Refuses to look at entries.

use std::time::Duration;

use jiff::Timestamp;

use super::operator::signs;
use super::{Asked, End, Poll, Settled, note_host};
use crate::article::publisher::host_key;
use crate::config::Config;
use crate::feed::Feed;
use crate::feed::answer::{Answer, AnswerKind};
use crate::feed::gap;
use crate::feed::health;
use crate::feed::host::is_inside;
use crate::feed::moved;
use crate::feed::pace::{self, NextPoll, Pace, Terms};
use crate::feed::schedule::after;
use crate::feed::state::{FeedState, Network};
use crate::fetch::Headers;
use crate::store::{StoreError, Transaction};

/// Brings a feed's state up to date with a poll, and its host's.
pub(super) fn conclude(
    tx: &Transaction<'_>,
    config: &Config,
    feed: &Feed,
    poll: &Poll,
    state: &mut FeedState,
    settled: &mut Settled,
) -> Result<(), StoreError> {
    if matches!(&poll.end, End::Document(reading) if reading.kind == AnswerKind::Pushed) {
        take_push(state, poll, settled);
        return Ok(());
    }
    let (answer, at) = (answer(&poll.end, &poll.asked, settled.new_count()), poll.started_at);
    let network = match answer.kind {
        AnswerKind::Unreachable => tx.network(is_inside(&host_key(&feed.url)), at)?,
        _ => Network::default(),
    };
    let asked_host = poll.asked.host.clone().unwrap_or_else(|| host_key(&moved::asked_url(feed, state)));
    state.answered_host = Some(asked_host.clone()).filter(|host| *host != host_key(&feed.url));
    keep_validators(state, poll);
    learn(state, poll, settled);
    settled.is_offline = state.note(&answer, network, at);
    if answer.has_validators && state.etag.is_none() && state.last_modified.is_none() {
        // It was we who dropped them: the next request without any is no sign of a server that gives none (C14).
        state.unconditional_at = None;
    }
    if !matches!(answer.kind, AnswerKind::Refused | AnswerKind::Stumbled) {
        let unavailable_count = match answer.kind {
            AnswerKind::Unavailable => tx.unavailable_count(&asked_host, poll.feed, at)?,
            _ => 0,
        };
        settled.host = note_host(tx, &asked_host, &answer, unavailable_count, at)?;
    }
    follow_move(state, poll, settled);
    let mut terms = terms(tx, config, feed, settled.safety_wait, at)?;
    // Where entries may have gone by unseen, the next look comes sooner for a day; what its owner set stands.
    if !terms.is_own_interval
        && state.gap_at.is_some_and(|gap_at| gap_at <= at && after(gap_at, gap::FRESH_FOR) > at)
    {
        terms.pace.interval = (terms.pace.interval / 2).max(terms.pace.min_interval);
    }
    settled.next = pace::next_poll(&terms, state, &answer, at);
    state.next_due_at = Some(settled.next.at);
    state.next_due_reason.clone_from(&settled.next.reason);
    state.last_outcome.clone_from(&settled.outcome);
    let flaw = match &poll.end {
        End::Document(reading) => Some(reading.flaw.clone()),
        _ => None,
    };
    state.health = health::assess(state, &signs(config, feed, flaw), poll.started_at);
    Ok(())
}

/// What a hub delivers is no poll: it shows when the feed publishes, and changes nothing of how and when its server is
/// asked, what that server asked for, or how the feed is.
fn take_push(state: &mut FeedState, poll: &Poll, settled: &mut Settled) {
    keep_validators(state, poll);
    learn(state, poll, settled);
    if settled.new_count() > 0 {
        state.last_new_at = Some(poll.started_at);
    }
    let at = state.next_due_at.unwrap_or(poll.started_at);
    settled.next = NextPoll { at, reason: state.next_due_reason.clone() };
}

fn answer(end: &End, asked: &Asked, new_count: usize) -> Answer {
    let (kind, headers) = match end {
        End::Document(reading) => (reading.kind, &reading.headers),
        End::NotModified { headers } => (AnswerKind::NotModified, headers),
        End::Failed { kind, headers, .. } => (*kind, headers),
    };
    Answer {
        kind,
        retry_after: headers.retry_after,
        fresh_for: headers.fresh_for,
        rate_limit: headers.rate_limit,
        wire_bytes: asked.wire_bytes,
        was_conditional: asked.was_conditional,
        has_validators: headers.etag.is_some() || headers.last_modified.is_some(),
        new_count,
    }
}

/// Validators belong to the last document that could be read: a 200 replaces both (RFC 9111 section 4.3.4), a 304 only
/// those it carries, anything else none. With those of a document that breaks off, its rest would never come; they are
/// kept once the same bytes came twice, as then that is all there is.
fn keep_validators(state: &mut FeedState, poll: &Poll) {
    if matches!(poll.end, End::Document(_)) {
        state.first_success_at = state.first_success_at.or(Some(poll.started_at));
    }
    match &poll.end {
        End::Document(reading) if reading.kind != AnswerKind::Pushed => {
            let is_settled = !reading.about.is_cut || reading.about.hash == state.document_hash;
            let Headers { etag, last_modified, .. } =
                if is_settled { reading.headers.clone() } else { Headers::default() };
            (state.etag, state.last_modified) = (etag, last_modified);
            state.validators_from.clone_from(&poll.asked.answered_by);
            state.asked_as = poll.asked.digest;
            if reading.kind == AnswerKind::Document {
                let about = &reading.about;
                (state.document_hash, state.document_bytes) = (about.hash, poll.asked.wire_bytes);
                (state.ttl, state.skip_hours, state.skip_days) =
                    (about.ttl, about.skip_hours, about.skip_days);
            }
        }
        End::NotModified { headers } => {
            state.etag = headers.etag.clone().or(state.etag.take());
            state.last_modified = headers.last_modified.clone().or(state.last_modified.take());
        }
        End::Document(_) | End::Failed { .. } => {}
    }
}

/// Notes a visit of a feed's older page, at `host` unless a redirect led elsewhere. It is no second address of the feed's that
/// says 503.
pub(super) fn note_visit(
    tx: &Transaction<'_>,
    host: String,
    poll: &Poll,
    settled: &mut Settled,
) -> Result<(), StoreError> {
    let answer = answer(&poll.end, &poll.asked, 0);
    let host = poll.asked.host.clone().unwrap_or(host);
    settled.host = note_host(tx, &host, &answer, 0, poll.started_at)?;
    Ok(())
}

/// What came between the last look, a successful poll or a delivery with news, and this one teaches the feed's rhythm.
fn learn(state: &mut FeedState, poll: &Poll, settled: &Settled) {
    let looks = [state.last_success_at, state.last_new_at].into_iter().flatten();
    let Some(since) = looks.filter(|at| *at <= poll.started_at).max() else { return };
    let arrivals: Vec<Timestamp> = match &poll.end {
        End::Document(reading) => {
            let new = settled.articles.iter().filter(|event| !event.is_revision);
            let entries = new.filter_map(|event| reading.scored.get(event.index));
            entries.map(|scored| scored.entry.published.unwrap_or(poll.started_at)).collect()
        }
        End::NotModified { .. } => Vec::new(),
        End::Failed { .. } => return,
    };
    state.rhythm.observe(since, poll.started_at, &arrivals);
}

/// Believes a permanent redirect that has lasted, and gives up an address that was taken over and fails.
fn follow_move(state: &mut FeedState, poll: &Poll, settled: &mut Settled) {
    if let End::Document(reading) = &poll.end
        && reading.kind == AnswerKind::Document
    {
        let was_adopted = state.moved.as_ref().is_some_and(|moved| moved.adopted_at.is_some());
        state.moved = moved::note(state.moved.take(), reading.about.moved_to.as_deref(), poll.started_at);
        if let Some(moved) = state.moved.as_ref().filter(|moved| moved.adopted_at.is_some() && !was_adopted) {
            let words = format!("; moved for good to {} and is asked there; please change its url", moved.to);
            settled.outcome.push_str(&words);
        }
    }
    if moved::is_given_up(state)
        && let Some(moved) = state.moved.take()
    {
        let words = format!("; {} fails, so the address in the configuration is asked again", moved.to);
        settled.outcome.push_str(&words);
    }
}

fn terms<'a>(
    tx: &Transaction<'_>,
    config: &Config,
    feed: &'a Feed,
    safety_wait: Option<Duration>,
    at: Timestamp,
) -> Result<Terms<'a>, StoreError> {
    let (spent, passed) = tx.spent_today(at)?;
    Ok(Terms {
        url: feed.url.as_str(),
        pace: Pace {
            interval: feed.interval.unwrap_or(config.poll.interval),
            min_interval: config.poll.min_interval,
            max_interval: config.poll.max_interval,
        },
        is_own_interval: feed.interval.is_some(),
        feed_daily_bytes: config.poll.feed_daily_bytes,
        stretch: pace::stretch(spent, passed, config.poll.daily_bytes),
        safety_wait,
    })
}
