//! Labels: what people say of stored articles, and the scores they are held against.
//!
//! Owns the one table that commands write besides `requests`: a [`Labeller`] writes in a transaction of a few rows, so that a
//! running daemon waits for it no longer than for a poll. Refuses to learn from them.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior, params};

use super::audit::append;
use super::requests::open_beside_daemon;
use super::{Reader, StoreError, from_micros, to_micros};
use crate::audit::Event;
use crate::topic::evaluate::Grade;

/// Where a label comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelSource {
    /// Somebody judged this article.
    Owner,
    /// Somebody judged the alert that told of it.
    Feedback,
}

impl LabelSource {
    fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Feedback => "feedback",
        }
    }
}

/// What somebody says of an article and a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The article's number.
    pub article: i64,
    /// Topic id.
    pub topic: String,
    /// What they say.
    pub grade: Grade,
}

/// A connection that writes labels.
#[derive(Debug)]
pub struct Labeller {
    connection: Connection,
}

impl Labeller {
    /// Opens the database, also beside a running daemon. It makes and migrates nothing.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { connection: open_beside_daemon(path)? })
    }

    /// Keeps labels; the latest of an article and a topic stands, but a judgement of an alert does not undo one of the article
    /// itself. Answers how many were kept.
    pub fn keep(
        &mut self,
        labels: &[Label],
        source: LabelSource,
        at: Timestamp,
    ) -> Result<usize, StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let kept = keep(&transaction, labels, source, at)?;
        transaction.commit()?;
        Ok(kept)
    }
}

/// The same, in a transaction at hand.
pub(super) fn keep(
    connection: &Connection,
    labels: &[Label],
    source: LabelSource,
    at: Timestamp,
) -> Result<usize, StoreError> {
    let mut kept = 0;
    let mut statement = connection.prepare_cached(
        "INSERT INTO labels (article_id, topic, grade, source, at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (article_id, topic) DO UPDATE
         SET grade = excluded.grade, source = excluded.source, at = excluded.at
         WHERE excluded.source = 'owner' OR labels.source <> 'owner'",
    )?;
    for label in labels {
        let (article, topic, grade) = (label.article, label.topic.as_str(), label.grade.number());
        let source = source.word();
        let count = statement.execute(params![article, topic, grade, source, to_micros(at)])?;
        if count > 0 {
            append(connection, &Event::Judged { article, topic, grade, source }, at)?;
        }
        kept += count;
    }
    Ok(kept)
}

impl Reader {
    /// All labels, by article. Where an article and a copy of it are both labelled, the copy's are left out: it is the same
    /// text, and would count twice.
    pub fn labels(&self) -> Result<Vec<Label>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT l.article_id, l.topic, l.grade FROM labels l JOIN articles a ON a.id = l.article_id
             WHERE NOT EXISTS (SELECT 1 FROM labels o WHERE o.article_id = a.copy_of AND o.topic = l.topic)
             ORDER BY l.article_id, l.topic",
        )?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?)))?;
        let mut labels = Vec::new();
        for row in rows {
            let (article, topic, number) = row?;
            let grade = Grade::from_number(number).ok_or(StoreError::Unreadable("labels"))?;
            labels.push(Label { article, topic, grade });
        }
        Ok(labels)
    }

    /// The scores of a topic from `least` on, copies left out.
    pub fn topic_scores(&self, topic: &str, least: f64) -> Result<Vec<f64>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT s.score FROM scores s JOIN articles a ON a.id = s.article_id
             WHERE s.topic = ?1 AND s.score >= ?2 AND a.copy_of IS NULL ORDER BY s.score",
        )?;
        let rows = statement.query_map(params![topic, least], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// When the first and the last article of the archive were seen.
    pub fn archive_span(&self) -> Result<Option<(Timestamp, Timestamp)>, StoreError> {
        let span: (Option<i64>, Option<i64>) = self.connection.query_row(
            "SELECT (SELECT min(seen_at) FROM articles), (SELECT max(seen_at) FROM articles)",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        Ok(span.0.zip(span.1).map(|(first, last)| (from_micros(first), from_micros(last))))
    }
}
