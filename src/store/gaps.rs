//! Gaps, what documents held, and the older pages that may fill a gap, in the store.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use serde::Serialize;
use url::Url;

use super::{Reader, StoreError, Transaction, from_micros, to_micros, to_signed};
use crate::article::publisher::host_key;
use crate::feed::FeedId;
use crate::feed::gap::{Cause, Gap, GapId, Held};
use crate::feed::trust::Trust;

/// Gaps kept of one feed.
const GAPS_MAX: usize = 100;

/// Days gaps are kept.
const GAP_DAYS: i64 = 90;

/// Addresses of older pages kept of one feed.
const PAGES_MAX: usize = 1_000;

const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;

/// What is remembered of a feed's documents.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Memory {
    /// What they held.
    pub held: Held,
    /// How far their keys can be trusted.
    pub trust: Trust,
}

/// An older page that may fill a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OlderPage {
    /// The gap.
    pub gap: GapId,
    /// Its feed.
    pub feed: FeedId,
    /// Where it is.
    pub url: String,
    /// Whether it is an archive, which never changes.
    pub is_archive: bool,
    /// When it may be read.
    pub due_at: Timestamp,
    /// When the gap was noticed.
    pub noticed_at: Timestamp,
    /// Pages read for this gap.
    pub page_count: u32,
    /// Attempts at this page that failed.
    pub failure_count: u32,
}

impl OlderPage {
    /// The host (registrable domain, or address) it is at; `None` where its address is none.
    pub fn host(&self) -> Option<String> {
        Url::parse(&self.url).ok().map(|url| host_key(&url))
    }
}

/// A gap as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoredGap {
    /// Its number.
    pub id: i64,
    /// Its feed's address.
    pub feed: String,
    /// Entries from then on may be unseen; absent where everything before its end may be.
    pub from: Option<Timestamp>,
    /// Entries until then may be unseen.
    pub to: Timestamp,
    /// When it was noticed.
    pub noticed: Timestamp,
    /// `window`, `cut` or `excess`.
    pub cause: String,
    /// How many entries a feed of this pace has in that time.
    pub estimate: Option<u32>,
    /// `open`, `filled` or `unfillable`.
    pub state: String,
    /// How it ended, in words.
    pub note: String,
    /// Older pages read for it.
    pub pages: u32,
    /// All of it in a sentence.
    pub words: String,
}

impl Transaction<'_> {
    /// What is remembered of a feed's documents.
    pub fn memory(&self, feed: FeedId) -> Result<Memory, StoreError> {
        let found = self
            .sql
            .prepare_cached(
                "SELECT current, earlier, at, has_parts, newest_at, entry_order, is_cut, is_over, id_doubt, url_doubt
                 FROM documents WHERE feed_id = ?1",
            )?
            .query_row([feed.0], read_memory)
            .optional()?;
        Ok(found.unwrap_or_default())
    }

    /// Keeps it.
    pub fn save_memory(&self, feed: FeedId, memory: &Memory) -> Result<(), StoreError> {
        let Memory { held, trust } = memory;
        self.sql
            .prepare_cached(
                "INSERT OR REPLACE INTO documents (feed_id, current, earlier, at, has_parts, newest_at, entry_order,
                     is_cut, is_over, id_doubt, url_doubt)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute(params![
                feed.0,
                to_bytes(&held.current),
                to_bytes(&held.earlier),
                held.at.map(to_micros),
                held.has_parts,
                held.newest_at.map(to_micros),
                held.order,
                held.is_cut,
                held.is_over,
                trust.id_doubt,
                trust.url_doubt,
            ])?;
        Ok(())
    }

    /// Keeps a gap; the oldest of its feed's give way.
    pub fn add_gap(&self, feed: FeedId, gap: &Gap, noticed_at: Timestamp) -> Result<GapId, StoreError> {
        self.sql
            .prepare_cached(
                "INSERT INTO gaps (feed_id, from_at, to_at, noticed_at, cause, estimate, state)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'open')",
            )?
            .execute(params![
                feed.0,
                gap.from.map(to_micros),
                to_micros(gap.to),
                to_micros(noticed_at),
                gap.cause.word(),
                gap.estimate,
            ])?;
        let id = GapId(self.sql.last_insert_rowid());
        let sql = format!(
            "DELETE FROM gaps WHERE feed_id = ?1 AND (noticed_at < ?2 OR id IN (
                 SELECT id FROM gaps WHERE feed_id = ?1 ORDER BY noticed_at DESC, id DESC LIMIT -1 OFFSET {GAPS_MAX}))"
        );
        let oldest = to_micros(noticed_at).saturating_sub(GAP_DAYS * DAY_MICROS);
        self.sql.prepare_cached(&sql)?.execute(params![feed.0, oldest])?;
        Ok(id)
    }

    /// A gap is over: `filled`, or `unfillable`, and why.
    pub fn end_gap(&self, gap: GapId, state: &str, note: &str) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("UPDATE gaps SET state = ?2, note = ?3, next_page = NULL WHERE id = ?1")?
            .execute(params![gap.0, state, note])?;
        Ok(())
    }

    /// Gaps of a feed that came of documents that broke off, all after the one at `held_at`, are filled by one that did not
    /// and reaches back to that.
    pub fn end_cut_gaps(&self, feed: FeedId, held_at: Timestamp) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "UPDATE gaps SET state = 'filled', note = 'the next document had everything', next_page = NULL
                 WHERE feed_id = ?1 AND cause = 'cut' AND state <> 'filled' AND from_at IS NOT NULL
                     AND noticed_at > ?2",
            )?
            .execute(params![feed.0, to_micros(held_at)])?;
        Ok(())
    }

    /// Keeps which page is read next for a gap.
    pub fn plan_page(&self, page: &OlderPage) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "UPDATE gaps SET next_page = ?2, next_is_archive = ?3, next_page_at = ?4, page_count = ?5,
                     failure_count = ?6 WHERE id = ?1",
            )?
            .execute(params![
                page.gap.0,
                page.url,
                page.is_archive,
                to_micros(page.due_at),
                page.page_count,
                page.failure_count,
            ])?;
        Ok(())
    }

    /// The page to be read next for a gap, if there is one.
    pub fn older_page(&self, gap: GapId) -> Result<Option<OlderPage>, StoreError> {
        let sql = format!("{PAGE} AND id = ?1");
        Ok(self.sql.prepare_cached(&sql)?.query_row([gap.0], read_page).optional()?)
    }

    /// All pages to be read, soonest first.
    pub fn older_pages(&self) -> Result<Vec<OlderPage>, StoreError> {
        let sql = format!("{PAGE} ORDER BY next_page_at LIMIT 10000");
        let mut statement = self.sql.prepare_cached(&sql)?;
        let rows = statement.query_map([], read_page)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// When an older page was read last.
    pub fn page_read_at(&self, feed: FeedId, page_hash: u64) -> Result<Option<Timestamp>, StoreError> {
        let found: Option<i64> = self
            .sql
            .prepare_cached("SELECT read_at FROM older_pages WHERE feed_id = ?1 AND page_hash = ?2")?
            .query_row(params![feed.0, to_signed(page_hash)], |row| row.get(0))
            .optional()?;
        Ok(found.map(from_micros))
    }

    /// Remembers that an older page was read.
    pub fn note_page(&self, feed: FeedId, page_hash: u64, at: Timestamp) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "INSERT OR REPLACE INTO older_pages (feed_id, page_hash, read_at) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![feed.0, to_signed(page_hash), to_micros(at)])?;
        let sql = format!(
            "DELETE FROM older_pages WHERE feed_id = ?1 AND page_hash IN (
                 SELECT page_hash FROM older_pages WHERE feed_id = ?1 ORDER BY read_at DESC LIMIT -1 OFFSET {PAGES_MAX})"
        );
        self.sql.prepare_cached(&sql)?.execute([feed.0])?;
        Ok(())
    }
}

impl Reader {
    /// The latest gaps of a feed, by its address, newest first.
    pub fn gaps_of(&self, address: &str, limit: u32) -> Result<Vec<StoredGap>, StoreError> {
        let sql = format!("{GAP} WHERE f.url = ?1 ORDER BY g.noticed_at DESC, g.id DESC LIMIT ?2");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![address, limit], read_gap)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The gaps of all feeds noticed after a time and not filled, newest first.
    pub fn gaps_since(&self, since: Timestamp, limit: u32) -> Result<Vec<StoredGap>, StoreError> {
        let sql = format!(
            "{GAP} WHERE g.noticed_at > ?1 AND g.state <> 'filled' ORDER BY g.noticed_at DESC, g.id DESC LIMIT ?2"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![to_micros(since), limit], read_gap)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many gaps were noticed after a time and are not filled.
    pub fn gap_count_since(&self, since: Timestamp) -> Result<usize, StoreError> {
        let count: i64 = self.connection.query_row(
            "SELECT count(*) FROM gaps WHERE noticed_at > ?1 AND state <> 'filled'",
            [to_micros(since)],
            |row| row.get(0),
        )?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

    /// How far the keys of a feed, by its address, can be trusted.
    pub fn trust(&self, address: &str) -> Result<Trust, StoreError> {
        let found = self
            .connection
            .prepare_cached(
                "SELECT d.id_doubt, d.url_doubt FROM documents d JOIN feeds f ON f.id = d.feed_id WHERE f.url = ?1",
            )?
            .query_row([address], |row| Ok(Trust { id_doubt: row.get(0)?, url_doubt: row.get(1)? }))
            .optional()?;
        Ok(found.unwrap_or_default())
    }
}

const PAGE: &str = "SELECT id, feed_id, next_page, next_is_archive, next_page_at, noticed_at, page_count, \
     failure_count FROM gaps WHERE next_page IS NOT NULL";

const GAP: &str = "SELECT g.id, f.url, g.from_at, g.to_at, g.noticed_at, g.cause, g.estimate, g.state, g.note, \
     g.page_count FROM gaps g JOIN feeds f ON f.id = g.feed_id";

fn read_page(row: &Row<'_>) -> rusqlite::Result<OlderPage> {
    Ok(OlderPage {
        gap: GapId(row.get(0)?),
        feed: FeedId(row.get(1)?),
        url: row.get(2)?,
        is_archive: row.get(3)?,
        due_at: from_micros(row.get::<_, Option<i64>>(4)?.unwrap_or_default()),
        noticed_at: from_micros(row.get(5)?),
        page_count: row.get(6)?,
        failure_count: row.get(7)?,
    })
}

fn read_gap(row: &Row<'_>) -> rusqlite::Result<StoredGap> {
    let gap = Gap {
        from: row.get::<_, Option<i64>>(2)?.map(from_micros),
        to: from_micros(row.get(3)?),
        cause: Cause::from_word(&row.get::<_, String>(5)?).unwrap_or(Cause::Window),
        estimate: row.get(6)?,
    };
    let (state, note): (String, String) = (row.get(7)?, row.get(8)?);
    let words = match (state.as_str(), note.as_str()) {
        ("open", _) | (_, "") => gap.to_string(),
        _ => format!("{gap} ({state}: {note})"),
    };
    Ok(StoredGap {
        id: row.get(0)?,
        feed: row.get(1)?,
        from: gap.from,
        to: gap.to,
        noticed: from_micros(row.get(4)?),
        cause: gap.cause.word().to_owned(),
        estimate: gap.estimate,
        state,
        note,
        pages: row.get(9)?,
        words,
    })
}

fn read_memory(row: &Row<'_>) -> rusqlite::Result<Memory> {
    Ok(Memory {
        held: Held {
            current: from_bytes(&row.get::<_, Vec<u8>>(0)?),
            earlier: from_bytes(&row.get::<_, Vec<u8>>(1)?),
            at: row.get::<_, Option<i64>>(2)?.map(from_micros),
            has_parts: row.get(3)?,
            newest_at: row.get::<_, Option<i64>>(4)?.map(from_micros),
            order: row.get(5)?,
            is_cut: row.get(6)?,
            is_over: row.get(7)?,
        },
        trust: Trust { id_doubt: row.get(8)?, url_doubt: row.get(9)? },
    })
}

fn to_bytes(keys: &[i64]) -> Vec<u8> {
    keys.iter().flat_map(|key| key.to_be_bytes()).collect()
}

fn from_bytes(bytes: &[u8]) -> Vec<i64> {
    bytes.as_chunks().0.iter().map(|key| i64::from_be_bytes(*key)).collect()
}
