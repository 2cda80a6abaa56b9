//! What a poll means for the feed and its host: validators, counters, the next poll.
//!
//! Owns the order in which the rules of `feed` are asked, and what of it is stored. The rules themselves are pure and
//! live there. Refuses to look at entries.

use super::{Asked, End, HostPause, Poll, Reading, Settled};
use crate::article::publisher::host_key;
use crate::config::Config;
use crate::feed::Feed;
use crate::feed::answer::{Answer, AnswerKind};
use crate::feed::pace::{self, Pace, Terms};
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
    let answer = answer(&poll.end, &poll.asked, settled.new_count());
    let network = match answer.kind {
        AnswerKind::Unreachable => tx.network()?,
        _ => Network::default(),
    };
    keep_validators(state, poll);
    state.note(&answer, network, poll.started_at);
    if answer.kind != AnswerKind::Pushed {
        settled.pause = note_host(tx, feed, poll, &answer)?;
    }
    let terms = terms(config, feed);
    settled.next = pace::next_poll(&terms, state, &answer, poll.started_at);
    state.next_due_at = Some(settled.next.at);
    state.next_due_reason.clone_from(&settled.next.reason);
    state.last_outcome.clone_from(&settled.outcome);
    Ok(())
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
/// those it carries, anything else none.
fn keep_validators(state: &mut FeedState, poll: &Poll) {
    if matches!(poll.end, End::Document(_)) {
        state.first_success_at = state.first_success_at.or(Some(poll.started_at));
    }
    match &poll.end {
        End::Document(reading) if reading.kind != AnswerKind::Pushed => {
            let Reading { headers, about, .. } = reading.as_ref();
            let Headers { etag, last_modified, .. } = headers.clone();
            (state.etag, state.last_modified) = (etag, last_modified);
            state.asked_as = poll.asked.digest;
            state.document_hash = about.hash;
            state.document_bytes = poll.asked.wire_bytes;
        }
        End::NotModified { headers } => {
            state.etag = headers.etag.clone().or(state.etag.take());
            state.last_modified = headers.last_modified.clone().or(state.last_modified.take());
        }
        End::Document(_) | End::Failed { .. } => {}
    }
}

/// Notes a visit of a feed's host that was no poll of the feed.
pub(super) fn note_visit(
    tx: &Transaction<'_>,
    feed: &Feed,
    poll: &Poll,
) -> Result<Option<HostPause>, StoreError> {
    let answer = answer(&poll.end, &poll.asked, 0);
    note_host(tx, feed, poll, &answer)
}

fn note_host(
    tx: &Transaction<'_>,
    feed: &Feed,
    poll: &Poll,
    answer: &Answer,
) -> Result<Option<HostPause>, StoreError> {
    let host = host_key(&feed.url);
    let mut known = tx.host(&host)?;
    let unavailable_count = match answer.kind {
        AnswerKind::Unavailable => tx.unavailable_count(&host, poll.feed, poll.started_at)?,
        _ => 0,
    };
    tx.count_request(&host, answer, known.last_asked_at, poll.started_at)?;
    known.last_asked_at = Some(poll.started_at);
    let has_changed = known.note(answer, unavailable_count, is_registrable(&host), poll.started_at);
    tx.save_host(&host, &known)?;
    let until = known.paused_until.filter(|until| has_changed && *until > poll.started_at);
    Ok(until.map(|until| HostPause { host, until }))
}

/// Whether a host is one owner's domain rather than an address or a name inside somebody's network.
fn is_registrable(host: &str) -> bool {
    host.contains('.') && host.parse::<std::net::IpAddr>().is_err() && !host.starts_with('[')
}

fn terms<'a>(config: &Config, feed: &'a Feed) -> Terms<'a> {
    Terms {
        url: feed.url.as_str(),
        pace: Pace {
            interval: feed.interval.unwrap_or(config.poll.interval),
            min_interval: config.poll.min_interval,
            max_interval: config.poll.max_interval,
        },
        is_own_interval: feed.interval.is_some(),
        feed_daily_bytes: 24 << 20,
        stretch: 1.0,
        safety_wait: None,
    }
}
