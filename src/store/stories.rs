//! Stories in the store: the rows, and what their memory is built anew from.
//!
//! Owns what is kept beside articles while it may matter ([`crate::story::Kept`]) and how a story is shown. Refuses to assign.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};
use serde::Serialize;

use super::articles::read_list;
use super::{Reader, StoreError, Transaction, Writer, from_micros, to_micros};
use crate::article::NO_PLACE;
use crate::article::identity::ArticleId;
use crate::story::{Ended, Kept, Record, SPAN, Stories, StoryId, Taken};

/// Sketches thrown away at a time at most, so that no poll waits for a large clean-up; more than come in between.
const FORGOTTEN_MAX: u32 = 256;

/// A clean-up for so many articles.
const FORGOTTEN_EVERY: i64 = 64;

/// Days of formulas kept: a week, and the day under way.
const FORMULA_DAYS: i64 = 9;

/// Members listed of a story.
const MEMBERS_MAX: u32 = 1_000;

/// A story, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoryView {
    /// Its number.
    pub id: i64,
    /// Its most central headline.
    pub title: String,
    /// When its first article was seen.
    pub first_seen: Timestamp,
    /// When its last article was seen.
    pub last_seen: Timestamp,
    /// Articles, copies among them.
    pub articles: u32,
    /// Articles that carry another's text.
    pub copies: u32,
    /// Publishers that wrote words of their own, by name.
    pub publishers: Vec<String>,
    /// Countries its articles are about, the most named first.
    pub places: Vec<String>,
}

/// An article of a story, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoryMember {
    /// Its number.
    pub id: i64,
    /// Its headline.
    pub title: String,
    /// Who stands behind it.
    pub publisher: String,
    /// Trust in the publisher, 1 to 3.
    pub tier: u8,
    /// Where it is.
    pub url: Option<String>,
    /// When it was first seen.
    pub seen: Timestamp,
    /// The article whose text it carries.
    pub copy_of: Option<i64>,
    /// What it is about.
    pub places: Vec<String>,
}

impl Writer {
    /// Does something that may take articles in, in a transaction of its own: all of it is kept, or nothing. Then the memory of
    /// stories is as good as unread, and is read from the database before it is asked next.
    pub fn settling<T>(
        &mut self,
        stories: &mut Stories,
        job: impl FnOnce(&Transaction<'_>, &mut Stories) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let done = self.begin().and_then(|tx| {
            let done = job(&tx, stories)?;
            tx.commit()?;
            Ok(done)
        });
        match &done {
            Ok(_) => stories.committed(),
            Err(_) => stories.rolled_back(),
        }
        done
    }
}

impl Transaction<'_> {
    /// The memory of stories, built anew.
    pub fn stories(&self) -> Result<Stories, StoreError> {
        let last = "SELECT at FROM story_sketches ORDER BY article_id DESC LIMIT 1";
        let last: Option<i64> = self.sql.query_row(last, [], |row| row.get(0)).optional()?;
        let since = last.map(from_micros).and_then(|at| at.checked_sub(SPAN).ok()).unwrap_or(Timestamp::MIN);
        let counts = "SELECT counts FROM term_counts";
        let counts = self.sql.query_row(counts, [], |row| row.get(0)).optional()?;
        let mut statement = self.sql.prepare("SELECT terms FROM counted_terms ORDER BY article_id")?;
        let counted = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let mut statement = self.sql.prepare("SELECT day, formulas FROM headline_formulas")?;
        let formulas = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let formulas = formulas.collect::<Result<_, _>>()?;
        let mut statement = self.sql.prepare(
            "SELECT article_id, story_id, at, sketch FROM story_sketches WHERE at >= ?1 ORDER BY article_id",
        )?;
        let kept = statement.query_map([to_micros(since)], |row| {
            Ok(Kept {
                article: ArticleId(row.get(0)?),
                story: StoryId(row.get(1)?),
                at: from_micros(row.get(2)?),
                bytes: row.get(3)?,
            })
        })?;
        let mut rebuild = Stories::rebuild(Record { counts, counted, formulas }, last.map(from_micros));
        for kept in kept {
            rebuild.recall(&kept?);
        }
        Ok(rebuild.finish())
    }

    /// Opens a story.
    pub fn open_story(&self, title: &str, at: Timestamp) -> Result<StoryId, StoreError> {
        self.sql
            .prepare_cached("INSERT INTO stories (title, first_seen_at) VALUES (?1, ?2)")?
            .execute(params![title, to_micros(at)])?;
        Ok(StoryId(self.sql.last_insert_rowid()))
    }

    /// Keeps what is to be kept of an article that was taken into its story.
    pub fn keep_taken(&self, taken: &Taken) -> Result<(), StoreError> {
        let Taken { kept, counted, title } = taken;
        let at = to_micros(kept.at);
        self.sql
            .prepare_cached(
                "INSERT OR REPLACE INTO story_sketches (article_id, story_id, at, sketch) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![kept.article.0, kept.story.0, at, kept.bytes])?;
        self.sql
            .prepare_cached("INSERT OR REPLACE INTO counted_terms (article_id, terms) VALUES (?1, ?2)")?
            .execute(params![kept.article.0, counted])?;
        if let Some(article) = title {
            self.sql
                .prepare_cached(
                    "UPDATE stories SET title_article_id = ?2,
                         title = coalesce((SELECT title FROM articles WHERE id = ?2), title)
                     WHERE id = ?1",
                )?
                .execute(params![kept.story.0, article.0])?;
        }
        if kept.article.0 % FORGOTTEN_EVERY == 0 {
            let too_old = kept.at.checked_sub(SPAN).unwrap_or(Timestamp::MIN);
            self.sql
                .prepare_cached(
                    "DELETE FROM story_sketches WHERE article_id IN
                         (SELECT article_id FROM story_sketches ORDER BY article_id LIMIT ?2) AND at < ?1",
                )?
                .execute(params![to_micros(too_old), FORGOTTEN_MAX])?;
        }
        Ok(())
    }

    /// Keeps longer memories of which a stretch ended.
    pub fn keep_ended(&self, ended: &Ended) -> Result<(), StoreError> {
        if let Some(counts) = &ended.counts {
            self.sql
                .prepare_cached("INSERT OR REPLACE INTO term_counts (id, counts) VALUES (1, ?1)")?
                .execute([counts])?;
            self.sql.prepare_cached("DELETE FROM counted_terms")?.execute([])?;
        }
        if let Some((day, formulas)) = &ended.formulas {
            self.sql
                .prepare_cached("INSERT OR REPLACE INTO headline_formulas (day, formulas) VALUES (?1, ?2)")?
                .execute(params![day, formulas])?;
            self.sql
                .prepare_cached("DELETE FROM headline_formulas WHERE day < ?1")?
                .execute([day - FORMULA_DAYS])?;
        }
        Ok(())
    }

    /// The title of a story follows an edit of the article it is taken from.
    pub fn retitle_story(&self, story: StoryId, article: ArticleId, title: &str) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("UPDATE stories SET title = ?3 WHERE id = ?1 AND title_article_id = ?2")?
            .execute(params![story.0, article.0, title])?;
        Ok(())
    }
}

impl Reader {
    /// A story; `None` when there is none of that number, or when all its articles were pruned.
    pub fn story(&self, id: i64) -> Result<Option<StoryView>, StoreError> {
        let sql = "SELECT title, first_seen_at FROM stories WHERE id = ?1";
        let row = self.connection.query_row(sql, [id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((title, first_seen)) = row else { return Ok(None) };
        let members = self.story_members(id)?;
        let Some(last) = members.last() else { return Ok(None) };
        let last_seen = last.seen;
        let is_copy = |member: &&StoryMember| member.copy_of.is_some();
        let copies = members.iter().filter(is_copy).count();
        let own = members.iter().filter(|member| member.copy_of.is_none());
        let mut publishers: Vec<String> = own.map(|member| member.publisher.clone()).collect();
        publishers.sort_unstable();
        publishers.dedup();
        Ok(Some(StoryView {
            id,
            title,
            first_seen: from_micros(first_seen),
            last_seen,
            articles: u32::try_from(members.len()).unwrap_or(u32::MAX),
            copies: u32::try_from(copies).unwrap_or(u32::MAX),
            publishers,
            places: places(&members),
        }))
    }

    /// The articles of a story, as they came; the first thousand.
    pub fn story_members(&self, id: i64) -> Result<Vec<StoryMember>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, title, publisher, tier, url, seen_at, copy_of, places FROM articles
             WHERE story_id = ?1 ORDER BY seen_at, id LIMIT ?2",
        )?;
        let members = statement.query_map(params![id, MEMBERS_MAX], |row| {
            Ok(StoryMember {
                id: row.get(0)?,
                title: row.get(1)?,
                publisher: row.get(2)?,
                tier: row.get(3)?,
                url: row.get(4)?,
                seen: from_micros(row.get(5)?),
                copy_of: row.get(6)?,
                places: read_list(&row.get::<_, String>(7)?),
            })
        })?;
        Ok(members.collect::<Result<_, _>>()?)
    }
}

/// The countries of some articles, the most named first, of equals by their code.
fn places(members: &[StoryMember]) -> Vec<String> {
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    for place in members.iter().flat_map(|member| &member.places).filter(|place| *place != NO_PLACE) {
        *counts.entry(place).or_default() += 1;
    }
    let mut places: Vec<(&str, usize)> = counts.into_iter().collect();
    places.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    places.into_iter().map(|(place, _)| place.to_owned()).collect()
}
