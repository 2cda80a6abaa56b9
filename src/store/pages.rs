//! Pages in the store: which articles want theirs read, what became of it, and what sites allow.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use serde::Serialize;
use url::Url;

use super::articles::read_list;
use super::{Reader, StoreError, Transaction, from_micros, from_signed, to_micros};
use crate::article::Article;
use crate::article::identity::ArticleId;
use crate::feed::robots::{BELIEVED_FOR, PRODUCT, Robots, Standing};
use crate::feed::schedule::after;
use crate::feed::{FeedId, Tier};

/// How long it is remembered why a page was not read.
const REMEMBERED_MICROS: i64 = 30 * 24 * 3_600_000_000;

/// Where a request for a page stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageStatus {
    /// It is going to be asked for.
    Waiting,
    /// Its text is the article's body.
    Read,
    /// It was had and is no use, or must not be read.
    Ignored,
    /// It was not had.
    Dropped,
}

impl PageStatus {
    /// The lower-case word it is stored as.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Read => "read",
            Self::Ignored => "ignored",
            Self::Dropped => "dropped",
        }
    }
}

/// A page that waits to be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingPage {
    /// Whose.
    pub article: ArticleId,
    /// The feed that linked to it.
    pub feed: FeedId,
    /// Registrable domain, or address.
    pub host: String,
    /// When it may be asked for.
    pub due_at: Timestamp,
}

/// A request for a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// Whose.
    pub article: ArticleId,
    /// The feed that linked to it.
    pub feed: FeedId,
    /// Where.
    pub url: Url,
    /// Registrable domain, or address.
    pub host: String,
    /// When the article was settled that wants it.
    pub asked_at: Timestamp,
    /// When it may be asked for.
    pub due_at: Timestamp,
    /// Failed attempts.
    pub attempt_count: u32,
    /// Redirects from host to host.
    pub hop_count: u32,
}

/// What became of the pages of a feed's articles.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PageTally {
    /// Waiting to be read.
    pub waiting: u64,
    /// Read.
    pub read: u64,
    /// Of no use, or not to be read.
    pub ignored: u64,
    /// Not had.
    pub dropped: u64,
}

impl Reader {
    /// What became of the pages that a feed's articles asked for since a time.
    pub fn page_tally(&self, feed: FeedId, since: Timestamp) -> Result<PageTally, StoreError> {
        let mut query = self.connection.prepare_cached(
            "SELECT status, count(*) FROM page_requests WHERE feed_id = ?1 AND asked_at >= ?2 GROUP BY status",
        )?;
        let mut tally = PageTally::default();
        let mut rows = query.query(params![feed.0, to_micros(since)])?;
        while let Some(row) = rows.next()? {
            let count = row.get::<_, i64>(1)?.unsigned_abs();
            match row.get::<_, String>(0)?.as_str() {
                "waiting" => tally.waiting = count,
                "read" => tally.read = count,
                "ignored" => tally.ignored = count,
                _ => tally.dropped = count,
            }
        }
        Ok(tally)
    }
}

impl Transaction<'_> {
    /// Keeps a request for a page and where it stands; `reason` says so in a sentence.
    pub fn save_page(
        &self,
        request: &PageRequest,
        status: PageStatus,
        reason: &str,
    ) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "INSERT INTO page_requests
                     (article_id, feed_id, url, host, status, reason, asked_at, due_at, attempt_count, hop_count)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                 ON CONFLICT (article_id) DO UPDATE SET url = excluded.url, host = excluded.host,
                     status = excluded.status, reason = excluded.reason, due_at = excluded.due_at,
                     attempt_count = excluded.attempt_count, hop_count = excluded.hop_count",
            )?
            .execute(params![
                request.article.0,
                request.feed.0,
                request.url.as_str(),
                request.host,
                status.word(),
                reason,
                to_micros(request.asked_at),
                to_micros(request.due_at),
                request.attempt_count,
                request.hop_count,
            ])?;
        Ok(())
    }

    /// The request for the page of an article, if it waits.
    pub fn page_request(&self, article: ArticleId) -> Result<Option<PageRequest>, StoreError> {
        let found = self
            .sql
            .prepare_cached(
                "SELECT feed_id, url, host, asked_at, due_at, attempt_count, hop_count
                 FROM page_requests WHERE article_id = ?1 AND status = 'waiting'",
            )?
            .query_row([article.0], |row| read_request(row, article))
            .optional()?;
        Ok(found.flatten())
    }

    /// All that wait, oldest first, as far as `limit`.
    pub fn waiting_pages(&self, limit: u32) -> Result<Vec<WaitingPage>, StoreError> {
        let mut query = self.sql.prepare_cached(
            "SELECT article_id, feed_id, host, due_at FROM page_requests WHERE status = 'waiting'
             ORDER BY article_id LIMIT ?1",
        )?;
        let rows = query.query_map([limit], |row| {
            let (article, feed) = (ArticleId(row.get(0)?), FeedId(row.get(1)?));
            Ok(WaitingPage { article, feed, host: row.get(2)?, due_at: from_micros(row.get(3)?) })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many pages of a host wait.
    pub fn waiting_page_count(&self, host: &str) -> Result<usize, StoreError> {
        let count: i64 = self
            .sql
            .prepare_cached("SELECT count(*) FROM page_requests WHERE host = ?1 AND status = 'waiting'")?
            .query_row([host], |row| row.get(0))?;
        Ok(usize::try_from(count).unwrap_or_default())
    }

    /// Nobody waits any more for the pages of a feed that is not in force.
    pub(super) fn drop_pages_of(&self, feed: FeedId) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "UPDATE page_requests SET status = 'dropped', reason = 'not read: its feed was removed'
                 WHERE feed_id = ?1 AND status = 'waiting'",
            )?
            .execute([feed.0])?;
        Ok(())
    }

    /// Gives up what was asked for before `too_late` and still waits, and forgets why pages were not read long ago, and rules
    /// that nobody asked for since.
    pub fn prune_pages(&self, too_late: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "UPDATE page_requests SET status = 'dropped', reason = 'not read: nobody came to it in time'
                 WHERE asked_at < ?1 AND status = 'waiting'",
            )?
            .execute([to_micros(too_late)])?;
        let before = to_micros(now).saturating_sub(REMEMBERED_MICROS);
        self.sql
            .prepare_cached("DELETE FROM page_requests WHERE asked_at < ?1 AND status <> 'waiting'")?
            .execute([before])?;
        self.sql.prepare_cached("DELETE FROM robots WHERE believed_until < ?1")?.execute([before])?;
        Ok(())
    }

    /// An article as it is kept; `None` when it was pruned.
    pub fn article(&self, id: ArticleId) -> Result<Option<Article>, StoreError> {
        let found = self
            .sql
            .prepare_cached(
                "SELECT a.title, a.summary, a.body, a.url, a.language, a.publisher, a.tier, f.url, a.tags,
                     a.published_at, a.seen_at, a.places, a.fingerprint
                 FROM articles a JOIN feeds f ON f.id = a.feed_id WHERE a.id = ?1",
            )?
            .query_row([id.0], read_article)
            .optional()?;
        Ok(found)
    }

    /// The text of an article's page, if it is its body.
    pub fn page_text(&self, id: ArticleId) -> Result<Option<String>, StoreError> {
        let found = self
            .sql
            .prepare_cached("SELECT body FROM articles WHERE id = ?1 AND page_read_at IS NOT NULL")?
            .query_row([id.0], |row| row.get(0))
            .optional()?;
        Ok(found)
    }

    /// Takes a page's text for an article's body. What the article is recognised by, its words in the feed, stays.
    pub fn save_page_text(
        &self,
        id: ArticleId,
        article: &Article,
        words: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "UPDATE articles SET body = ?2, language = ?3, places = ?4, page_read_at = ?5 WHERE id = ?1",
            )?
            .execute(params![
                id.0,
                article.body,
                article.language,
                serde_json::Value::from(article.places.as_slice()).to_string(),
                to_micros(at),
            ])?;
        self.replace_words(id, words)
    }

    /// What an origin allows, if that is still believed.
    pub fn robots(&self, origin: &str, now: Timestamp) -> Result<Option<(Standing, Timestamp)>, StoreError> {
        let found = self
            .sql
            .prepare_cached(
                "SELECT is_reached, rules, believed_until FROM robots
                 WHERE origin = ?1 AND believed_until > ?2 AND believed_until <= ?3",
            )?
            // What is believed for longer was written by a clock that ran ahead.
            .query_row(params![origin, to_micros(now), to_micros(after(now, BELIEVED_FOR))], |row| {
                let standing = if row.get(0)? {
                    Standing::Rules(Robots::parse(row.get::<_, String>(1)?.as_bytes(), PRODUCT))
                } else {
                    Standing::Unreachable
                };
                Ok((standing, from_micros(row.get(2)?)))
            })
            .optional()?;
        Ok(found)
    }

    /// Keeps what an origin allows.
    pub fn save_robots(
        &self,
        origin: &str,
        standing: &Standing,
        believed_until: Timestamp,
    ) -> Result<(), StoreError> {
        let rules = match standing {
            Standing::Rules(robots) => Some(robots.to_text()),
            Standing::Unreachable => None,
        };
        self.sql
            .prepare_cached(
                "INSERT INTO robots (origin, believed_until, is_reached, rules) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (origin) DO UPDATE SET believed_until = excluded.believed_until,
                     is_reached = excluded.is_reached, rules = excluded.rules",
            )?
            .execute(params![
                origin,
                to_micros(believed_until),
                rules.is_some(),
                rules.unwrap_or_default()
            ])?;
        Ok(())
    }
}

impl Reader {
    /// Where the request for an article's page stands: its word, and why in a sentence.
    pub fn page_status(&self, article: i64) -> Result<Option<(String, String)>, StoreError> {
        let found = self
            .connection
            .prepare_cached("SELECT status, reason FROM page_requests WHERE article_id = ?1")?
            .query_row([article], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        Ok(found)
    }
}

/// `None` when its address does not read back.
fn read_request(row: &Row<'_>, article: ArticleId) -> rusqlite::Result<Option<PageRequest>> {
    let Ok(url) = Url::parse(&row.get::<_, String>(1)?) else { return Ok(None) };
    Ok(Some(PageRequest {
        article,
        feed: FeedId(row.get(0)?),
        url,
        host: row.get(2)?,
        asked_at: from_micros(row.get(3)?),
        due_at: from_micros(row.get(4)?),
        attempt_count: row.get(5)?,
        hop_count: row.get(6)?,
    }))
}

fn read_article(row: &Row<'_>) -> rusqlite::Result<Article> {
    Ok(Article {
        title: row.get(0)?,
        summary: row.get(1)?,
        body: row.get(2)?,
        url: row.get(3)?,
        language: row.get(4)?,
        publisher: row.get(5)?,
        tier: Tier::new(row.get(6)?).unwrap_or_default(),
        feed: row.get(7)?,
        tags: read_list(&row.get::<_, String>(8)?),
        published_at: row.get::<_, Option<i64>>(9)?.map(from_micros),
        seen_at: from_micros(row.get(10)?),
        places: read_list(&row.get::<_, String>(11)?),
        fingerprint: from_signed(row.get(12)?),
    })
}
