//! Words of the archive, counted.
//!
//! Owns counts over the newest articles by the full-text index. Refuses to read the articles: the index answers.

use rusqlite::params;

use super::{Reader, StoreError};

/// The newest articles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    /// They have larger numbers than this.
    pub above: i64,
    /// How many there are.
    pub articles: u64,
    /// How many in each language.
    pub languages: Vec<(String, u64)>,
}

impl Reader {
    /// The newest articles, about so many at most: numbers of pruned ones count.
    pub fn newest(&self, articles_max: u64) -> Result<Newest, StoreError> {
        let last: i64 =
            self.connection.query_row("SELECT coalesce(max(id), 0) FROM articles", [], |row| row.get(0))?;
        let above = last.saturating_sub(i64::try_from(articles_max).unwrap_or(i64::MAX)).max(0);
        let mut statement = self.connection.prepare_cached(
            "SELECT language, count(*) FROM articles WHERE id > ?1 GROUP BY language ORDER BY language",
        )?;
        let rows = statement.query_map([above], |row| Ok((row.get(0)?, u64::from(row.get::<_, u32>(1)?))))?;
        let languages: Vec<(String, u64)> = rows.collect::<Result<_, _>>()?;
        Ok(Newest { above, articles: languages.iter().map(|(_, count)| count).sum(), languages })
    }

    /// How many articles with larger numbers than `above` a full-text expression finds; no more than `most` are counted.
    pub fn count_words(&self, expression: &str, above: i64, most: u64) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM articles_words WHERE articles_words MATCH ?1 AND rowid > ?2 LIMIT ?3)",
        )?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let count = statement.query_row(params![expression, above, most], |row| row.get::<_, u32>(0))?;
        Ok(u64::from(count))
    }
}
