//! Polls asked for by hand, and documents fetched by hand, handed from a command to the daemon.
//!
//! Owns the two tables that something else than the daemon writes while it runs: a [`Requester`] adds a row, the daemon takes it.
//! The outcome is the feed's own row, once it has changed. Refuses to write anything else.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, params};

use super::{BUSY_FOR, MIGRATIONS, StoreError, Transaction, from_micros, refuse_newer, to_micros};
use crate::feed::FeedId;
use crate::feed::schedule::after;

/// A request that nobody took in this time was made of a daemon that is gone; it is dropped.
const KEPT_FOR: Duration = Duration::from_mins(5);

/// A poll somebody asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollRequest {
    /// Which feed.
    pub feed: FeedId,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// Whether a wait that the server or its host asked for is to be passed over.
    pub is_forced: bool,
}

/// Documents taken at a time, at most; the next configuration takes the next ones.
const DOCUMENTS_MAX: i64 = 20;

/// A document that is older than this when it is taken is fetched anew.
const FRESH_FOR: Duration = Duration::from_hours(24);

/// A document that was fetched to add a feed: its first poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstDocument {
    /// The feed, by [`crate::feed::Feed::address`].
    pub address: String,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// Where it came from after redirects.
    pub source: String,
    /// `Content-Type`, as sent.
    pub content_type: Option<String>,
    /// `ETag`, byte for byte.
    pub etag: Option<Vec<u8>>,
    /// `Last-Modified`, byte for byte.
    pub last_modified: Option<Vec<u8>>,
    /// Freshness lifetime.
    pub fresh_for: Option<Duration>,
    /// What its `Link` headers name: an address, and what it is (`hub`, `self`).
    pub links: Vec<(String, Vec<String>)>,
    /// Bytes of the body on the wire.
    pub wire_bytes: u64,
    /// The body, decompressed.
    pub body: Vec<u8>,
}

impl Transaction<'_> {
    /// Takes the documents that are there; each is handed out once, and old ones not at all.
    pub fn take_first_documents(&self, now: Timestamp) -> Result<Vec<FirstDocument>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "DELETE FROM first_documents
             WHERE url IN (SELECT url FROM first_documents ORDER BY asked_at LIMIT ?1)
             RETURNING url, asked_at, source, content_type, etag, last_modified, fresh_for, wire_bytes, body,
                 links",
        )?;
        let rows = statement.query_map([DOCUMENTS_MAX], |row| {
            let seconds: Option<i64> = row.get(6)?;
            Ok(FirstDocument {
                address: row.get(0)?,
                asked_at: from_micros(row.get(1)?),
                source: row.get(2)?,
                content_type: row.get(3)?,
                etag: row.get(4)?,
                last_modified: row.get(5)?,
                fresh_for: seconds.map(|seconds| Duration::from_secs(seconds.unsigned_abs())),
                wire_bytes: row.get::<_, i64>(7)?.unsigned_abs(),
                body: row.get(8)?,
                links: row
                    .get::<_, Option<String>>(9)?
                    .and_then(|text| serde_json::from_str(&text).ok())
                    .unwrap_or_default(),
            })
        })?;
        let mut documents: Vec<FirstDocument> = rows.collect::<Result<_, _>>()?;
        documents.retain(|document| after(document.asked_at, FRESH_FOR) > now);
        Ok(documents)
    }

    /// Takes the requests that are there; each is handed out once, and old ones not at all.
    pub fn take_poll_requests(&self, now: Timestamp) -> Result<Vec<PollRequest>, StoreError> {
        let mut statement =
            self.sql.prepare_cached("DELETE FROM poll_requests RETURNING feed_id, asked_at, forced")?;
        let rows = statement.query_map([], |row| {
            Ok(PollRequest {
                feed: FeedId(row.get(0)?),
                asked_at: from_micros(row.get(1)?),
                is_forced: row.get(2)?,
            })
        })?;
        let mut requests: Vec<PollRequest> = rows.collect::<Result<_, _>>()?;
        requests.retain(|request| after(request.asked_at, KEPT_FOR) > now);
        requests.sort_unstable_by_key(|request| (request.asked_at, request.feed));
        Ok(requests)
    }
}

/// Opens the database for the few rows a command writes, whether a daemon runs or not. It makes and migrates nothing.
pub(super) fn open_beside_daemon(path: &Path) -> Result<Connection, StoreError> {
    let failed = |reason: String| StoreError::Open { path: path.to_owned(), reason };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| failed(error.to_string()))?;
    connection.busy_timeout(BUSY_FOR)?;
    let (found, known) = (refuse_newer(&connection, path)?, MIGRATIONS.len());
    if found < known {
        let path: PathBuf = path.to_owned();
        return Err(StoreError::Older { path, found, known });
    }
    Ok(connection)
}

/// A connection that asks the daemon for polls.
#[derive(Debug)]
pub struct Requester {
    connection: Connection,
}

impl Requester {
    /// Opens the database of a running daemon. It makes and migrates nothing.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { connection: open_beside_daemon(path)? })
    }

    /// Asks for a poll; of two requests for a feed the later one stands.
    pub fn ask(&self, request: PollRequest) -> Result<(), StoreError> {
        self.connection.execute(
            "INSERT OR REPLACE INTO poll_requests (feed_id, asked_at, forced) VALUES (?1, ?2, ?3)",
            params![request.feed.0, to_micros(request.asked_at), request.is_forced],
        )?;
        Ok(())
    }

    /// Hands over a document; of two for a feed the later one stands.
    pub fn hand_over(&self, document: &FirstDocument) -> Result<(), StoreError> {
        self.connection.execute(
            "INSERT OR REPLACE INTO first_documents
                 (url, asked_at, source, content_type, etag, last_modified, fresh_for, wire_bytes, body, links)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                document.address,
                to_micros(document.asked_at),
                document.source,
                document.content_type,
                document.etag,
                document.last_modified,
                document.fresh_for.map(|time| time.as_secs().cast_signed()),
                document.wire_bytes.cast_signed(),
                document.body,
                serde_json::to_string(&document.links).ok(),
            ],
        )?;
        Ok(())
    }

    /// Takes a request back; answers whether the daemon had not taken it.
    pub fn withdraw(&self, feed: FeedId) -> Result<bool, StoreError> {
        Ok(self.connection.execute("DELETE FROM poll_requests WHERE feed_id = ?1", [feed.0])? > 0)
    }
}
