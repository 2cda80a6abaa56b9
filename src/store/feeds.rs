//! Feeds and their poll state in the store.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, ToSql, named_params, params};

use super::{StoreError, Transaction, from_micros, to_micros};
use crate::article::publisher::host_key;
use crate::feed::access::ProxyChoice;
use crate::feed::answer::AnswerKind;
use crate::feed::gap::Cause;
use crate::feed::health::{Health, HealthState};
use crate::feed::host::is_inside;
use crate::feed::moved::Moved;
use crate::feed::rhythm::Rhythm;
use crate::feed::state::{FeedState, Network};
use crate::feed::{Feed, FeedId};

/// A feed's row.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredFeed {
    /// The row.
    pub id: FeedId,
    /// Where it is polled.
    pub url: String,
    /// What is remembered between polls.
    pub state: FeedState,
}

pub(super) const COLUMNS: &str = "id, url, etag, last_modified, validators_from, asked_as, moved_to, moved_count, moved_since, \
     moved_adopted_at, first_success_at, last_polled_at, last_success_at, last_reached_at, last_new_at, \
     next_due_at, next_due_reason, wait_until, fresh_for, ttl, skip_hours, skip_days, failure_count, \
     refusal_count, gone_count, gone_since, unreached_since, ignored_count, validators_at, unconditional_at, \
     document_hash, document_bytes, answered_host, last_answer, last_outcome, rhythm, health, health_since, health_reason, \
     health_flaw, health_told, health_told_at, health_look_at, gap_at, gap_cause";

/// Feeds whose answers say whether this machine is online.
pub(super) const TELLING: &str =
    "is_watched AND (is_outside OR NOT EXISTS (SELECT 1 FROM feeds WHERE is_watched AND is_outside))";

impl Transaction<'_> {
    /// The row of a configured feed, made when it is new; its name, its host and where that is follow the configuration.
    pub fn feed(&self, feed: &Feed) -> Result<StoredFeed, StoreError> {
        let host = host_key(&feed.url);
        let is_outside = !is_inside(&host) && !matches!(feed.access.proxy, ProxyChoice::Own(_));
        self.sql
            .prepare_cached(
                "INSERT INTO feeds (url, name, host, is_outside) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (url) DO UPDATE SET name = excluded.name, host = excluded.host,
                     is_outside = excluded.is_outside, is_watched = 1
                 WHERE name <> excluded.name OR host <> excluded.host OR is_outside <> excluded.is_outside
                     OR NOT is_watched",
            )?
            .execute(params![feed.address(), feed.name, host, is_outside])?;
        let found = self
            .sql
            .prepare_cached(&format!("SELECT {COLUMNS} FROM feeds WHERE url = ?1"))?
            .query_row([feed.address()], read_feed)?;
        Ok(found)
    }

    /// A feed's state, fresh.
    pub fn feed_state(&self, id: FeedId) -> Result<Option<FeedState>, StoreError> {
        let found = self
            .sql
            .prepare_cached(&format!("SELECT {COLUMNS} FROM feeds WHERE id = ?1"))?
            .query_row([id.0], read_feed)
            .optional()?;
        Ok(found.map(|feed| feed.state))
    }

    /// Only these feeds are in force: others teach nothing about the network, and nobody waits for their pages.
    pub fn watch_only(&self, feeds: &[FeedId]) -> Result<(), StoreError> {
        let watched: HashSet<FeedId> = feeds.iter().copied().collect();
        let mut query = self.sql.prepare_cached("SELECT id FROM feeds WHERE is_watched")?;
        let known: Vec<FeedId> =
            query.query_map([], |row| row.get(0).map(FeedId))?.collect::<Result<_, _>>()?;
        for id in known.iter().filter(|id| !watched.contains(id)) {
            self.sql.prepare_cached("UPDATE feeds SET is_watched = 0 WHERE id = ?1")?.execute([id.0])?;
            self.drop_pages_of(*id)?;
        }
        Ok(())
    }

    /// When anybody answered last, by `at`: of the feeds out in the world, as what answers within the house does so while
    /// the house is cut off. A feed within is held against all (`is_inside`), and all are where none is outside.
    pub fn network(&self, is_inside: bool, at: Timestamp) -> Result<Network, StoreError> {
        let sql = format!(
            "SELECT last_reached_at FROM feeds WHERE last_reached_at <= ?1 AND (is_watched AND ?2 OR {TELLING})
             ORDER BY last_reached_at DESC LIMIT 1"
        );
        let reached: Option<i64> = self
            .sql
            .prepare_cached(&sql)?
            .query_row(params![to_micros(at), is_inside], |row| row.get(0))
            .optional()?;
        Ok(Network { reached_at: reached.map(from_micros) })
    }

    /// How many other feeds to which a host gave the last answer, be it after a redirect, are waiting out a 503 at `at`.
    pub fn unavailable_count(&self, host: &str, except: FeedId, at: Timestamp) -> Result<u32, StoreError> {
        let (word, micros) = (AnswerKind::Unavailable.word(), to_micros(at));
        let count = self
            .sql
            .prepare_cached(
                "SELECT (SELECT count(*) FROM feeds WHERE host = ?1 AND answered_host IS NULL AND id <> ?2
                             AND last_answer = ?3 AND wait_until > ?4 AND is_watched)
                     + (SELECT count(*) FROM feeds WHERE answered_host = ?1 AND id <> ?2
                             AND last_answer = ?3 AND wait_until > ?4 AND is_watched)",
            )?
            .query_row(params![host, except.0, word, micros], |row| row.get(0))?;
        Ok(count)
    }

    /// Keeps a feed's state; `problems` are what was wrong with its last document (`None`: no document came).
    pub fn save_feed(
        &self,
        id: FeedId,
        state: &FeedState,
        problems: Option<&[String]>,
    ) -> Result<(), StoreError> {
        let problems = problems.map(|problems| serde_json::Value::from(problems).to_string());
        let time = |at: Option<Timestamp>| at.map(to_micros);
        let seconds = |wait: Option<Duration>| wait.map(|wait| wait.as_secs().cast_signed());
        let moved = state.moved.as_ref();
        let rhythm = state.rhythm.to_bytes();
        let parameters: &[(&str, &dyn ToSql)] = named_params! {
            ":id": id.0,
            ":etag": state.etag,
            ":last_modified": state.last_modified,
            ":validators_from": state.validators_from,
            ":asked_as": state.asked_as.map(u64::cast_signed),
            ":moved_to": moved.map(|moved| moved.to.as_str()),
            ":moved_count": moved.map_or(0, |moved| moved.count),
            ":moved_since": time(moved.map(|moved| moved.since)),
            ":moved_adopted_at": time(moved.and_then(|moved| moved.adopted_at)),
            ":first_success_at": time(state.first_success_at),
            ":last_polled_at": time(state.last_polled_at),
            ":last_success_at": time(state.last_success_at),
            ":last_reached_at": time(state.last_reached_at),
            ":last_new_at": time(state.last_new_at),
            ":next_due_at": time(state.next_due_at),
            ":next_due_reason": state.next_due_reason,
            ":wait_until": time(state.wait_until),
            ":fresh_for": seconds(state.fresh_for),
            ":ttl": seconds(state.ttl),
            ":skip_hours": state.skip_hours,
            ":skip_days": state.skip_days,
            ":failure_count": state.failure_count,
            ":refusal_count": state.refusal_count,
            ":gone_count": state.gone_count,
            ":gone_since": time(state.gone_since),
            ":unreached_since": time(state.unreached_since),
            ":ignored_count": state.ignored_count,
            ":validators_at": time(state.validators_at),
            ":unconditional_at": time(state.unconditional_at),
            ":document_hash": state.document_hash.map(u64::cast_signed),
            ":document_bytes": state.document_bytes.cast_signed(),
            ":answered_host": state.answered_host,
            ":last_answer": state.last_answer.word(),
            ":last_outcome": state.last_outcome,
            ":rhythm": rhythm,
            ":health": state.health.health.word(),
            ":health_since": time(state.health.since),
            ":health_reason": state.health.reason,
            ":health_flaw": state.health.flaw,
            ":health_told": state.health.told.word(),
            ":health_told_at": time(state.health.told_at),
            ":health_look_at": time(state.health.look_at),
            ":gap_at": time(state.gap_at),
            ":gap_cause": state.gap_cause.map(Cause::word),
            ":problems": problems,
        };
        self.sql.prepare_cached(SAVE)?.execute(parameters)?;
        Ok(())
    }
}

const SAVE: &str = "UPDATE feeds SET etag = :etag, last_modified = :last_modified,
    validators_from = :validators_from, asked_as = :asked_as,
    moved_to = :moved_to, moved_count = :moved_count, moved_since = :moved_since,
    moved_adopted_at = :moved_adopted_at, first_success_at = :first_success_at,
    last_polled_at = :last_polled_at, last_success_at = :last_success_at, last_reached_at = :last_reached_at,
    last_new_at = :last_new_at, next_due_at = :next_due_at, next_due_reason = :next_due_reason,
    wait_until = :wait_until, fresh_for = :fresh_for, ttl = :ttl, skip_hours = :skip_hours,
    skip_days = :skip_days, failure_count = :failure_count, refusal_count = :refusal_count,
    gone_count = :gone_count, gone_since = :gone_since, unreached_since = :unreached_since,
    ignored_count = :ignored_count, validators_at = :validators_at, unconditional_at = :unconditional_at,
    document_hash = :document_hash, document_bytes = :document_bytes, answered_host = :answered_host, last_answer = :last_answer,
    last_outcome = :last_outcome, rhythm = :rhythm, health = :health, health_since = :health_since,
    health_reason = :health_reason, health_flaw = :health_flaw, health_told = :health_told,
    health_told_at = :health_told_at, health_look_at = :health_look_at, gap_at = :gap_at, gap_cause = :gap_cause,
    last_document_problems = coalesce(:problems, last_document_problems)
    WHERE id = :id";

impl super::Reader {
    /// The state of a feed by its [`Feed::address`]; `None` when it was never polled.
    pub fn feed_by_address(&self, address: &str) -> Result<Option<StoredFeed>, StoreError> {
        let found = self
            .connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM feeds WHERE url = ?1"))?
            .query_row([address], read_feed)
            .optional()?;
        Ok(found)
    }
}

pub(super) fn read_feed(row: &Row<'_>) -> rusqlite::Result<StoredFeed> {
    let time = |name: &str| -> rusqlite::Result<Option<Timestamp>> {
        Ok(row.get::<_, Option<i64>>(name)?.map(from_micros))
    };
    let seconds = |name: &str| -> rusqlite::Result<Option<Duration>> {
        let seconds: Option<i64> = row.get(name)?;
        Ok(seconds.map(|seconds| Duration::from_secs(seconds.unsigned_abs())))
    };
    let hash = |name: &str| -> rusqlite::Result<Option<u64>> {
        Ok(row.get::<_, Option<i64>>(name)?.map(i64::cast_unsigned))
    };
    let word = |name: &str| row.get::<_, String>(name);
    let moved = match (row.get::<_, Option<String>>("moved_to")?, time("moved_since")?) {
        (Some(to), Some(since)) => {
            let adopted_at = time("moved_adopted_at")?;
            Some(Moved { to, count: row.get("moved_count")?, since, adopted_at })
        }
        _ => None,
    };
    Ok(StoredFeed {
        id: FeedId(row.get("id")?),
        url: row.get("url")?,
        state: FeedState {
            etag: row.get("etag")?,
            last_modified: row.get("last_modified")?,
            validators_from: row.get("validators_from")?,
            asked_as: hash("asked_as")?,
            moved,
            first_success_at: time("first_success_at")?,
            last_polled_at: time("last_polled_at")?,
            last_success_at: time("last_success_at")?,
            last_reached_at: time("last_reached_at")?,
            last_new_at: time("last_new_at")?,
            next_due_at: time("next_due_at")?,
            next_due_reason: row.get("next_due_reason")?,
            wait_until: time("wait_until")?,
            fresh_for: seconds("fresh_for")?,
            ttl: seconds("ttl")?,
            skip_hours: row.get("skip_hours")?,
            skip_days: row.get("skip_days")?,
            failure_count: row.get("failure_count")?,
            refusal_count: row.get("refusal_count")?,
            gone_count: row.get("gone_count")?,
            gone_since: time("gone_since")?,
            unreached_since: time("unreached_since")?,
            ignored_count: row.get("ignored_count")?,
            validators_at: time("validators_at")?,
            unconditional_at: time("unconditional_at")?,
            document_hash: hash("document_hash")?,
            document_bytes: row.get::<_, i64>("document_bytes")?.unsigned_abs(),
            answered_host: row.get("answered_host")?,
            last_answer: AnswerKind::from_word(&word("last_answer")?).unwrap_or_default(),
            last_outcome: row.get("last_outcome")?,
            gap_at: time("gap_at")?,
            gap_cause: row.get::<_, Option<String>>("gap_cause")?.and_then(|word| Cause::from_word(&word)),
            rhythm: row
                .get::<_, Option<Vec<u8>>>("rhythm")?
                .map_or_else(Rhythm::default, |bytes| Rhythm::from_bytes(&bytes)),
            health: HealthState {
                health: Health::from_word(&word("health")?).unwrap_or_default(),
                since: time("health_since")?,
                reason: row.get("health_reason")?,
                flaw: row.get("health_flaw")?,
                told: Health::from_word(&word("health_told")?).unwrap_or_default(),
                told_at: time("health_told_at")?,
                look_at: time("health_look_at")?,
            },
        },
    })
}
