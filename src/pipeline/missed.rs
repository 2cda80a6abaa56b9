//! What may have come and gone unseen: gaps between documents, and the older pages that fill them (RFC 5005).
//!
//! Owns what is stored of `feed::gap`'s judgement, and the few pages that are read once for a gap. Entries of older pages
//! take the same way as all others. Refuses to fetch.

use std::time::Duration;

use jiff::Timestamp;
use url::Url;
use xxhash_rust::xxh3::xxh3_64;

use super::conclude::note_visit;
use super::intake::{Sight, Taken, take_entries};
use super::{About, End, Poll, Reading, Settled};
use crate::article::identity::ArticleId;
use crate::article::publisher::host_key;
use crate::config::Config;
use crate::feed::Feed;
use crate::feed::answer::AnswerKind;
use crate::feed::gap::{Cause, GapId, Look, Seen};
use crate::feed::schedule::after;
use crate::feed::state::FeedState;
use crate::feed::trust::Trust;
use crate::store::gaps::{Memory, OlderPage};
use crate::store::{StoreError, Transaction};
use crate::story::Stories;

/// Older pages read for one gap at most (C40).
pub const PAGES_MAX: u32 = 5;

/// Attempts at one page.
const ATTEMPTS_MAX: u32 = 3;

/// Wait after the first failed attempt; four times as long after each further one.
const PAGE_WAIT: Duration = Duration::from_mins(15);

/// How long a sighting is kept after its entry left its feed.
const SIGHTINGS_FOR: Duration = Duration::from_hours(180 * 24);

/// A document whose entries were taken in.
#[derive(Clone, Copy)]
pub(super) struct Seeing<'a> {
    pub(super) poll: &'a Poll,
    pub(super) reading: &'a Reading,
    pub(super) taken: &'a [Taken],
}

/// Judges a document that was taken in, and remembers it.
pub(super) fn look(
    tx: &Transaction<'_>,
    feed: &Feed,
    seeing: &Seeing<'_>,
    state: &mut FeedState,
    mut memory: Memory,
    trust: Trust,
    settled: &mut Settled,
) -> Result<(), StoreError> {
    let Seeing { poll, reading, taken } = *seeing;
    let entries: Vec<Seen> = taken.iter().map(|taken| taken.seen).collect();
    let look = Look {
        entries: &entries,
        is_whole: reading.kind == AnswerKind::Document,
        is_cut: reading.about.is_cut,
        is_over: reading.about.is_over,
        polled_at: poll.started_at,
        confirmed_at: state.last_success_at,
    };
    let gap = memory.held.judge(&look);
    let (was_cut, held_at) = (memory.held.is_cut, memory.held.at);
    let moves = memory.held.take_in(&look, gap.is_some());
    for key in &moves.entered {
        tx.note_standing(poll.feed, ArticleId(*key), None)?;
    }
    for key in &moves.left {
        tx.note_standing(poll.feed, ArticleId(*key), Some(poll.started_at))?;
    }
    if moves.is_changed || memory.trust != trust {
        memory.trust = trust;
        tx.save_memory(poll.feed, &memory)?;
    }
    if settled.new_count() > 0 {
        let before = poll.started_at.checked_sub(SIGHTINGS_FOR).unwrap_or(Timestamp::MIN);
        tx.forget_sightings(before)?;
    }
    let Some(gap) = gap else {
        if let Some(held_at) = held_at.filter(|_| was_cut && look.is_whole && !look.is_cut) {
            // It reaches back to what is remembered, and with that over the gaps noticed since.
            tx.end_cut_gaps(poll.feed, held_at)?;
        }
        return Ok(());
    };
    let id = tx.add_gap(poll.feed, &gap, poll.started_at)?;
    settled.outcome = format!("{}; {gap}", settled.outcome);
    settled.gap = Some(gap);
    if gap.cause != Cause::Excess {
        (state.gap_at, state.gap_cause) = (Some(poll.started_at), Some(gap.cause));
    }
    let page = OlderPage {
        gap: id,
        feed: poll.feed,
        url: String::new(),
        is_archive: false,
        due_at: poll.started_at,
        noticed_at: poll.started_at,
        page_count: 0,
        failure_count: 0,
    };
    settled.older_page = turn(tx, feed, &page, &reading.about, gap.cause, poll.started_at)?;
    Ok(())
}

/// Settles the visit of an older page for a gap; [`Settled::older_page`] says which comes next, and when.
pub fn settle_older_page(
    tx: &Transaction<'_>,
    stories: &mut Stories,
    config: &Config,
    feed: &Feed,
    gap: GapId,
    poll: &Poll,
    now: Timestamp,
) -> Result<Settled, StoreError> {
    let mut settled = Settled::begun(now);
    let page = tx.older_page(gap)?;
    let host = page.as_ref().and_then(OlderPage::host);
    note_visit(tx, host.unwrap_or_else(|| host_key(&feed.url)), poll, &mut settled)?;
    let Some(page) = page else { return Ok(settled) };
    let reading = match &poll.end {
        End::Document(reading) => reading,
        End::NotModified { .. } => {
            fail(tx, &page, "it answered 304 to a first request", Duration::ZERO, now, &mut settled)?;
            return Ok(settled);
        }
        End::Failed { outcome, headers, .. } => {
            let wish = headers.retry_after.unwrap_or_default();
            fail(tx, &page, outcome, wish, now, &mut settled)?;
            return Ok(settled);
        }
    };
    let memory = tx.memory(poll.feed)?;
    let sight = Sight { feed: poll.feed, first_sight: false, stands: false, trust: memory.trust };
    let (taken, _) = take_entries(tx, stories, config, sight, &reading.scored, now, &mut settled)?;
    tx.note_page(poll.feed, page_hash(&page.url), now)?;
    settled.outcome = format!("an older page, for a gap: {} new", settled.new_count());
    let page = OlderPage { page_count: page.page_count + 1, failure_count: 0, due_at: now, ..page };
    // Keeps the count, whatever comes next.
    tx.plan_page(&page)?;
    let entries: Vec<Seen> = taken
        .iter()
        .map(|taken| {
            let is_new = taken.known_since.is_none_or(|since| since >= page.noticed_at);
            Seen { is_new, ..taken.seen }
        })
        .collect();
    if memory.held.is_reached_by(&entries) {
        tx.end_gap(gap, "filled", &format!("by {}", pages(page.page_count)))?;
    } else if page.page_count >= PAGES_MAX && reading.about.next_url.is_some() {
        let note = format!("{} do not reach back to what was seen before", pages(page.page_count));
        tx.end_gap(gap, "unfillable", &note)?;
    } else {
        settled.older_page = turn(tx, feed, &page, &reading.about, Cause::Window, now)?;
    }
    Ok(settled)
}

/// Plans the next older page of a gap, or ends the gap where there is none that may be read.
fn turn(
    tx: &Transaction<'_>,
    feed: &Feed,
    page: &OlderPage,
    about: &About,
    cause: Cause,
    now: Timestamp,
) -> Result<Option<OlderPage>, StoreError> {
    let end = |state: &str, note: &str| tx.end_gap(page.gap, state, note).map(|()| None);
    let Some(next) = about.next_url.as_deref() else {
        return match (page.page_count, cause) {
            // The next document may have everything.
            (0, Cause::Cut) => Ok(None),
            (0, _) => end("unfillable", "the feed offers no older pages"),
            (count, _) => end("filled", &format!("by {}, the last ones there are", pages(count))),
        };
    };
    let is_itself = page.page_count == 0 && about.url.as_deref() == Some(next);
    let Some(url) = permitted(feed, about.url.as_deref(), next).filter(|_| !is_itself) else {
        return end("unfillable", &format!("its older page {next} is on another host, and was not read"));
    };
    let read_at = tx.page_read_at(page.feed, page_hash(url.as_str()))?;
    match read_at {
        Some(_) if about.next_is_archive => return end("filled", "the archive before it was read already"),
        Some(at) if at >= page.noticed_at => {
            return end("unfillable", "its older pages lead round in a circle");
        }
        _ => {}
    }
    let page = OlderPage { url: url.into(), is_archive: about.next_is_archive, due_at: now, ..page.clone() };
    tx.plan_page(&page)?;
    Ok(Some(page))
}

/// The address of an older page, where its feed may send us there: the same owner's as the feed's or as the one where the
/// document was found in the end, and not to plain HTTP.
fn permitted(feed: &Feed, found_at: Option<&str>, next: &str) -> Option<Url> {
    let url = Url::parse(next).ok()?;
    let found_at = found_at.and_then(|found_at| Url::parse(found_at).ok());
    let mut bases = [Some(&feed.url), found_at.as_ref()].into_iter().flatten();
    let is_permitted = |base: &Url| {
        let is_safe = url.scheme() == "https" || url.scheme() == "http" && base.scheme() == "http";
        is_safe && (url.origin() == base.origin() || host_key(&url) == host_key(base))
    };
    (bases.any(is_permitted) && url != feed.url).then_some(url)
}

fn fail(
    tx: &Transaction<'_>,
    page: &OlderPage,
    outcome: &str,
    wish: Duration,
    now: Timestamp,
    settled: &mut Settled,
) -> Result<(), StoreError> {
    outcome.clone_into(&mut settled.outcome);
    settled.is_success = false;
    let failure_count = page.failure_count + 1;
    if failure_count >= ATTEMPTS_MAX {
        return tx.end_gap(page.gap, "unfillable", &format!("its older page failed: {outcome}"));
    }
    let wait = (PAGE_WAIT * 4_u32.pow(failure_count - 1)).max(wish.min(Duration::from_hours(24)));
    let page = OlderPage { failure_count, due_at: after(now, wait), ..page.clone() };
    tx.plan_page(&page)?;
    settled.older_page = Some(page);
    Ok(())
}

fn page_hash(url: &str) -> u64 {
    xxh3_64(url.as_bytes())
}

fn pages(count: u32) -> String {
    if count == 1 { "1 older page".to_owned() } else { format!("{count} older pages") }
}
