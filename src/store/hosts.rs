//! Hosts in the store: what they asked of us, and what was asked of them.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use serde::Serialize;

use super::{Reader, StoreError, Transaction, from_micros, to_micros};
use crate::feed::answer::{Answer, AnswerKind};
use crate::feed::host::HostState;

/// Hours of traffic kept.
const HOURS_KEPT: i64 = 25;

const HOUR_MICROS: i64 = 3_600_000_000;
const DAY_MICROS: i64 = 24 * HOUR_MICROS;

/// A host's traffic of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostTraffic {
    /// Registrable domain, or address.
    pub host: String,
    /// Requests of all kinds.
    pub requests: u64,
    /// Of these, answered with 304.
    pub not_modified: u64,
    /// Of these, answered with 429.
    pub limited: u64,
    /// Bytes of bodies on the wire.
    pub bytes: u64,
    /// Smallest time between two starts, milliseconds.
    pub gap_min_ms: Option<u64>,
}

impl Transaction<'_> {
    /// What a host asked of us.
    pub fn host(&self, host: &str) -> Result<HostState, StoreError> {
        let found = self
            .sql
            .prepare_cached(
                "SELECT host, paused_until, reason, refusal_count, last_asked_at, spacing, spacing_until
                 FROM hosts WHERE host = ?1",
            )?
            .query_row([host], read_host)
            .optional()?;
        Ok(found.map(|(_, state)| state).unwrap_or_default())
    }

    /// Keeps what a host asked of us.
    pub fn save_host(&self, host: &str, state: &HostState) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "INSERT INTO hosts (host, paused_until, reason, refusal_count, last_asked_at, spacing, spacing_until)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (host) DO UPDATE SET paused_until = excluded.paused_until,
                     reason = excluded.reason, refusal_count = excluded.refusal_count,
                     last_asked_at = excluded.last_asked_at, spacing = excluded.spacing,
                     spacing_until = excluded.spacing_until",
            )?
            .execute(params![
                host,
                state.paused_until.map(to_micros),
                state.reason,
                state.refusal_count,
                state.last_asked_at.map(to_micros),
                state.spacing.map(|spacing| i64::try_from(spacing.as_micros()).unwrap_or(i64::MAX)),
                state.spacing_until.map(to_micros),
            ])?;
        Ok(())
    }

    /// Hosts that pause at `now`, take less than others, or were asked since a time.
    pub fn reluctant_hosts(
        &self,
        now: Timestamp,
        asked_since: Timestamp,
    ) -> Result<Vec<(String, HostState)>, StoreError> {
        let mut query = self.sql.prepare_cached(
            "SELECT host, paused_until, reason, refusal_count, last_asked_at, spacing, spacing_until
             FROM hosts WHERE paused_until > ?1 OR spacing_until > ?1 OR last_asked_at > ?2",
        )?;
        let rows = query.query_map([to_micros(now), to_micros(asked_since)], read_host)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Counts a request to a host that began at `at`; `last_asked_at` is when the one before began.
    pub fn count_request(
        &self,
        host: &str,
        answer: &Answer,
        last_asked_at: Option<Timestamp>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let micros = to_micros(at);
        let is_new_hour = |last| to_micros(last).div_euclid(HOUR_MICROS) != micros.div_euclid(HOUR_MICROS);
        if last_asked_at.is_none_or(is_new_hour) {
            self.prune_traffic(at)?;
        }
        // A clock that was set back, or two requests at a time, leave nothing to measure.
        let gap = last_asked_at.map(|last| micros.saturating_sub(to_micros(last))).filter(|gap| *gap >= 0);
        let bytes = i64::try_from(answer.wire_bytes).unwrap_or(i64::MAX);
        self.sql
            .prepare_cached(
                "INSERT INTO traffic (hour, host, requests, not_modified, limited, bytes, gap_min)
                 VALUES (?1, ?2, 1, ?3, ?4, ?5, ?6)
                 ON CONFLICT (hour, host) DO UPDATE SET requests = requests + 1,
                     not_modified = not_modified + excluded.not_modified, limited = limited + excluded.limited,
                     bytes = bytes + excluded.bytes,
                     gap_min = min(coalesce(gap_min, excluded.gap_min), coalesce(excluded.gap_min, gap_min))",
            )?
            .execute(params![
                micros.div_euclid(HOUR_MICROS),
                host,
                answer.kind == AnswerKind::NotModified,
                answer.kind == AnswerKind::Limited,
                bytes,
                gap,
            ])?;
        self.sql
            .prepare_cached(
                "INSERT INTO days (day, bytes) VALUES (?1, ?2)
                 ON CONFLICT (day) DO UPDATE SET bytes = bytes + excluded.bytes",
            )?
            .execute(params![micros.div_euclid(DAY_MICROS), bytes])?;
        Ok(())
    }

    /// Bytes received since midnight UTC, and how much of the day has passed, 0 to 1.
    pub fn spent_today(&self, now: Timestamp) -> Result<(u64, f64), StoreError> {
        let micros = to_micros(now);
        let bytes: Option<i64> = self
            .sql
            .prepare_cached("SELECT bytes FROM days WHERE day = ?1")?
            .query_row([micros.div_euclid(DAY_MICROS)], |row| row.get(0))
            .optional()?;
        let passed = micros.rem_euclid(DAY_MICROS) as f64 / DAY_MICROS as f64;
        Ok((bytes.unwrap_or_default().unsigned_abs(), passed))
    }

    /// Drops traffic of more than a day ago.
    fn prune_traffic(&self, now: Timestamp) -> Result<(), StoreError> {
        let hour = to_micros(now).div_euclid(HOUR_MICROS);
        let day = hour.div_euclid(24);
        // What lies ahead was counted by a clock that ran ahead.
        let traffic = "DELETE FROM traffic WHERE hour <= ?1 OR hour > ?2";
        self.sql.prepare_cached(traffic)?.execute([hour - HOURS_KEPT, hour + 1])?;
        self.sql
            .prepare_cached("DELETE FROM days WHERE day < ?1 OR day > ?2")?
            .execute([day - 31, day + 1])?;
        Ok(())
    }
}

impl Reader {
    /// What a host asked of us.
    pub fn host(&self, host: &str) -> Result<Option<HostState>, StoreError> {
        let found = self
            .connection
            .prepare_cached(
                "SELECT host, paused_until, reason, refusal_count, last_asked_at, spacing, spacing_until
                 FROM hosts WHERE host = ?1",
            )?
            .query_row([host], read_host)
            .optional()?;
        Ok(found.map(|(_, state)| state))
    }

    /// Requests to every host since the same hour of yesterday, most first.
    pub fn traffic(&self, now: Timestamp) -> Result<Vec<HostTraffic>, StoreError> {
        let hour = to_micros(now).div_euclid(HOUR_MICROS);
        let mut query = self.connection.prepare_cached(
            "SELECT host, sum(requests), sum(not_modified), sum(limited), sum(bytes), min(gap_min) FROM traffic
             WHERE hour >= ?1 GROUP BY host ORDER BY sum(requests) DESC, host",
        )?;
        let rows = query.query_map([hour - 24], |row| {
            let count = |index: usize| row.get::<_, i64>(index).map(i64::unsigned_abs);
            let gap: Option<i64> = row.get(5)?;
            Ok(HostTraffic {
                host: row.get(0)?,
                requests: count(1)?,
                not_modified: count(2)?,
                limited: count(3)?,
                bytes: count(4)?,
                gap_min_ms: gap.map(|micros| {
                    u64::try_from(Duration::from_micros(micros.unsigned_abs()).as_millis())
                        .unwrap_or(u64::MAX)
                }),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn read_host(row: &Row<'_>) -> rusqlite::Result<(String, HostState)> {
    let time = |micros: Option<i64>| micros.map(from_micros);
    let state = HostState {
        paused_until: time(row.get(1)?),
        reason: row.get(2)?,
        refusal_count: row.get(3)?,
        last_asked_at: time(row.get(4)?),
        spacing: row.get::<_, Option<i64>>(5)?.map(|micros| Duration::from_micros(micros.unsigned_abs())),
        spacing_until: time(row.get(6)?),
    };
    Ok((row.get(0)?, state))
}
