//! Articles, what they are recognised by, their stories and scores in the store.

use jiff::Timestamp;
use rusqlite::{Row, params};

use super::{StoreError, Transaction, from_micros, from_signed, to_micros, to_signed};
use crate::article::identity::{ArticleId, Keys, Sighting};
use crate::article::{Article, DateQuality};
use crate::feed::{Entry, FeedId};
use crate::story::StoryId;
use crate::topic::{Evidence, Score, TopicId};

/// Sightings looked at per entry at most; more share an id or URL only in feeds where it says nothing.
const SIGHTINGS_MAX: usize = 60;

/// Sightings forgotten at a time at most, so that no poll waits for a large clean-up.
const FORGOTTEN_MAX: usize = 200;

const SIGHTING: &str = "SELECT article_id, feed_id, id_hash, url_hash, title_hash, words_hash, id_is_url,
    published_at, seen_at, left_at FROM sightings";

impl Transaction<'_> {
    /// Earlier sightings that share an id (in this feed), a URL (in any) or words (in this feed) with an entry.
    pub fn sightings(&self, feed: FeedId, keys: &Keys) -> Result<Vec<Sighting>, StoreError> {
        let mut found = Vec::new();
        let mut collect = |wheres: &str, hash: Option<u64>, of_feed: bool| -> Result<(), StoreError> {
            let Some(hash) = hash else { return Ok(()) };
            let sql = format!("{SIGHTING} WHERE {wheres} ORDER BY seen_at DESC LIMIT {SIGHTINGS_MAX}");
            let mut statement = self.sql.prepare_cached(&sql)?;
            let read = |row: &Row<'_>| read_sighting(row, feed);
            let rows = if of_feed {
                statement.query_map(params![to_signed(hash), feed.0], read)?
            } else {
                statement.query_map(params![to_signed(hash)], read)?
            };
            for row in rows {
                found.push(row?);
            }
            Ok(())
        };
        collect("id_hash = ?1 AND feed_id = ?2", keys.id, true)?;
        collect("url_hash = ?1", keys.url, false)?;
        collect("words_hash = ?1 AND feed_id = ?2", Some(keys.words), true)?;
        Ok(found)
    }

    /// Earlier sightings in this feed that share the headline of an entry.
    pub fn sightings_by_title(&self, feed: FeedId, keys: &Keys) -> Result<Vec<Sighting>, StoreError> {
        let sql = format!(
            "{SIGHTING} WHERE title_hash = ?1 AND feed_id = ?2 ORDER BY seen_at DESC LIMIT {SIGHTINGS_MAX}"
        );
        let mut statement = self.sql.prepare_cached(&sql)?;
        let rows =
            statement.query_map(params![to_signed(keys.title), feed.0], |row| read_sighting(row, feed))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Remembers what an entry is recognised by, unless exactly that is remembered of this feed already. `left_at` is set
    /// where the entry does not stand in the feed's document.
    pub fn remember(
        &self,
        feed: FeedId,
        article: ArticleId,
        keys: &Keys,
        seen_at: Timestamp,
        left_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let added = self
            .sql
            .prepare_cached(
                "INSERT INTO sightings (feed_id, article_id, id_hash, url_hash, title_hash, words_hash, id_is_url,
                     published_at, seen_at, left_at)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?9, ?8, ?10
                 WHERE NOT EXISTS (SELECT 1 FROM sightings WHERE words_hash = ?6 AND feed_id = ?1
                     AND id_hash IS ?3 AND url_hash IS ?4 AND title_hash = ?5 AND article_id = ?2)",
            )?
            .execute(params![
                feed.0,
                article.0,
                keys.id.map(to_signed),
                keys.url.map(to_signed),
                to_signed(keys.title),
                to_signed(keys.words),
                keys.id_is_url,
                to_micros(seen_at),
                keys.published_at.map(to_micros),
                left_at.map(to_micros),
            ])?;
        if added == 0 {
            return Ok(());
        }
        // A feed that changes ids at every poll must not fill the disk: the latest few are enough.
        self.sql
            .prepare_cached(
                "DELETE FROM sightings WHERE article_id = ?1 AND rowid NOT IN (
                     SELECT rowid FROM sightings WHERE article_id = ?1 ORDER BY seen_at DESC, rowid DESC LIMIT 20)",
            )?
            .execute([article.0])?;
        Ok(())
    }

    /// Notes that an entry stands in its feed's document (`None`), or since when it does not.
    pub fn note_standing(
        &self,
        feed: FeedId,
        article: ArticleId,
        left_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "UPDATE sightings SET left_at = ?3 WHERE article_id = ?1 AND feed_id = ?2 AND left_at IS NOT ?3",
            )?
            .execute(params![article.0, feed.0, left_at.map(to_micros)])?;
        Ok(())
    }

    /// An entry that does not stand in its feed's document was seen again.
    pub fn note_left_again(
        &self,
        feed: FeedId,
        article: ArticleId,
        left_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "UPDATE sightings SET left_at = ?3 WHERE article_id = ?1 AND feed_id = ?2 AND left_at < ?3",
            )?
            .execute(params![article.0, feed.0, to_micros(left_at)])?;
        Ok(())
    }

    /// Forgets some entries that left their feeds before a time.
    pub fn forget_sightings(&self, before: Timestamp) -> Result<usize, StoreError> {
        let sql = format!(
            "DELETE FROM sightings WHERE rowid IN (
                 SELECT rowid FROM sightings WHERE left_at < ?1 ORDER BY left_at LIMIT {FORGOTTEN_MAX})"
        );
        Ok(self.sql.prepare_cached(&sql)?.execute([to_micros(before)])?)
    }

    /// Marks the words an entry was edited to, or back to, as the latest of its article.
    pub fn remember_edit(
        &self,
        feed: FeedId,
        article: ArticleId,
        keys: &Keys,
        seen_at: Timestamp,
        left_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        self.remember(feed, article, keys, seen_at, left_at)?;
        self.sql
            .prepare_cached("UPDATE sightings SET seen_at = ?3 WHERE article_id = ?1 AND words_hash = ?2")?
            .execute(params![article.0, to_signed(keys.words), to_micros(seen_at)])?;
        Ok(())
    }

    /// Keeps a new article, published at the latest when it was seen; `words` are what the full-text index finds it by.
    pub fn add_article(
        &self,
        feed: FeedId,
        entry: &Entry,
        article: &Article,
        story: StoryId,
        copy_of: Option<ArticleId>,
        words: &str,
    ) -> Result<ArticleId, StoreError> {
        self.sql
            .prepare_cached(
                "INSERT INTO articles (feed_id, entry_id, entry_url, url, title, summary, body, language, publisher,
                     tier, tags, places, published_at, published_raw, seen_at, fingerprint, story_id, copy_of, date_quality)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
            )?
            .execute(params![
                feed.0,
                entry.id,
                entry.url,
                article.url,
                article.title,
                article.summary,
                article.body,
                article.language,
                article.publisher,
                article.tier.number(),
                json_list(&article.tags),
                json_list(&article.places),
                article.published_at.map(|at| to_micros(at.min(article.seen_at))),
                entry.published_raw,
                to_micros(article.seen_at),
                to_signed(article.fingerprint),
                story.0,
                copy_of.map(|id| id.0),
                DateQuality::of(entry, article.seen_at).word(),
            ])?;
        let id = self.sql.last_insert_rowid();
        self.index_words(id, words)?;
        Ok(ArticleId(id))
    }

    /// Replaces the text of an article by an edited one; when it was first seen and its story stay.
    pub fn revise_article(&self, id: ArticleId, article: &Article, words: &str) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "UPDATE articles SET url = coalesce(?2, url), title = ?3, summary = ?4, body = ?5, language = ?6,
                     places = ?7, fingerprint = ?8, revision_count = revision_count + 1, revised_at = ?9
                 WHERE id = ?1",
            )?
            .execute(params![
                id.0,
                article.url,
                article.title,
                article.summary,
                article.body,
                article.language,
                json_list(&article.places),
                to_signed(article.fingerprint),
                to_micros(article.seen_at),
            ])?;
        self.replace_words(id, words)
    }

    /// Replaces what the full-text index finds an article by.
    pub(super) fn replace_words(&self, id: ArticleId, words: &str) -> Result<(), StoreError> {
        self.sql.prepare_cached("DELETE FROM articles_words WHERE rowid = ?1")?.execute([id.0])?;
        self.index_words(id.0, words)
    }

    fn index_words(&self, id: i64, words: &str) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("INSERT INTO articles_words (rowid, words) VALUES (?1, ?2)")?
            .execute(params![id, words])?;
        Ok(())
    }

    /// The story of an article, and whether it is a copy; `None` when it was pruned.
    pub fn story_of(&self, id: ArticleId) -> Result<Option<(StoryId, bool)>, StoreError> {
        use rusqlite::OptionalExtension;
        let found = self
            .sql
            .prepare_cached("SELECT story_id, copy_of IS NOT NULL FROM articles WHERE id = ?1")?
            .query_row([id.0], |row| Ok((StoryId(row.get(0)?), row.get(1)?)))
            .optional()?;
        Ok(found)
    }

    /// Topics an article tripped before, as its scores say or an incident that collected it and from which it was not taken back.
    pub fn tripped_topics(&self, id: ArticleId) -> Result<Vec<TopicId>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT topic FROM scores WHERE article_id = ?1 AND trips = 1
             UNION SELECT i.topic FROM incident_articles a JOIN incidents i ON i.id = a.incident_id
             WHERE a.article_id = ?1 AND a.corrected_at IS NULL AND a.doubted_at IS NULL",
        )?;
        let rows = statement.query_map([id.0], |row| row.get(0).map(TopicId))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Topics an article tripped without being told of, because of how its feed stood then.
    pub fn muted_topics(&self, id: ArticleId) -> Result<Vec<TopicId>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT topic FROM scores WHERE article_id = ?1 AND trips = 1 AND decision IN ('baseline', 'too-old')",
        )?;
        let rows = statement.query_map([id.0], |row| row.get(0).map(TopicId))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Keeps the scores of an article that have evidence; others say nothing.
    pub fn save_scores(&self, id: ArticleId, scores: &[Score]) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "INSERT INTO scores (article_id, topic, score, trips, evidence) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (article_id, topic) DO UPDATE
             SET score = excluded.score, trips = excluded.trips, evidence = excluded.evidence",
        )?;
        for score in scores.iter().filter(|score| !score.evidence.is_empty() || score.trips) {
            let evidence = serde_json::to_string(&score.evidence).unwrap_or_else(|_| "[]".to_owned());
            statement.execute(params![id.0, score.topic.0, score.probability, score.trips, evidence])?;
        }
        Ok(())
    }

    /// Replaces the scores of an article that was edited. What was decided about a topic it still trips stands; what was
    /// told stays on record, with no score where it trips no more.
    pub fn replace_scores(&self, id: ArticleId, scores: &[Score]) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("UPDATE scores SET score = 0, trips = 0, evidence = '[]' WHERE article_id = ?1")?
            .execute([id.0])?;
        self.save_scores(id, scores)?;
        self.sql
            .prepare_cached(
                "DELETE FROM scores WHERE article_id = ?1 AND evidence = '[]' AND trips = 0 AND decision <> 'alerted'",
            )?
            .execute([id.0])?;
        self.sql
            .prepare_cached(
                "UPDATE scores SET decision = '', reason = '' WHERE article_id = ?1 AND trips = 0 AND decision <> 'alerted'",
            )?
            .execute([id.0])?;
        Ok(())
    }

    /// Like [`Transaction::save_decision`], where nothing was decided yet; answers whether that was so.
    pub fn decide_if_open(
        &self,
        id: ArticleId,
        topic: &TopicId,
        decision: &str,
        reason: &str,
    ) -> Result<bool, StoreError> {
        let decided = self
            .sql
            .prepare_cached(
                "UPDATE scores SET decision = ?3, reason = ?4
                 WHERE article_id = ?1 AND topic = ?2 AND decision = ''",
            )?
            .execute(params![id.0, topic.0, decision, reason])?;
        Ok(decided > 0)
    }

    /// Keeps that people were told of an article, unless they were before.
    pub fn decide_unless_told(&self, id: ArticleId, topic: &TopicId, reason: &str) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "UPDATE scores SET decision = 'alerted', reason = ?3
                 WHERE article_id = ?1 AND topic = ?2 AND decision <> 'alerted'",
            )?
            .execute(params![id.0, topic.0, reason])?;
        Ok(())
    }

    /// Keeps what was decided about an article that tripped a topic, and why.
    pub fn save_decision(
        &self,
        id: ArticleId,
        topic: &TopicId,
        decision: &str,
        reason: &str,
    ) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "UPDATE scores SET decision = ?3, reason = ?4 WHERE article_id = ?1 AND topic = ?2",
            )?
            .execute(params![id.0, topic.0, decision, reason])?;
        Ok(())
    }
}

fn read_sighting(row: &Row<'_>, feed: FeedId) -> rusqlite::Result<Sighting> {
    Ok(Sighting {
        article: ArticleId(row.get(0)?),
        same_feed: row.get::<_, i64>(1)? == feed.0,
        keys: Keys {
            id: row.get::<_, Option<i64>>(2)?.map(from_signed),
            url: row.get::<_, Option<i64>>(3)?.map(from_signed),
            title: from_signed(row.get(4)?),
            words: from_signed(row.get(5)?),
            id_is_url: row.get(6)?,
            published_at: row.get::<_, Option<i64>>(7)?.map(from_micros),
        },
        seen_at: from_micros(row.get(8)?),
        left_at: row.get::<_, Option<i64>>(9)?.map(from_micros),
    })
}

fn json_list(items: &[String]) -> String {
    serde_json::Value::from(items).to_string()
}

/// Reads a JSON list of strings; anything else is an empty list.
pub(crate) fn read_list(text: &str) -> Vec<String> {
    serde_json::from_str(text).unwrap_or_default()
}

/// Reads the evidence of a score.
pub(crate) fn read_evidence(text: &str) -> Vec<Evidence> {
    serde_json::from_str(text).unwrap_or_default()
}
