//! The whole story of a decision: alerts that match, and an incident with what came to it, why, and what became of it.
//!
//! Owns [`AlertFilter`] and [`Dossier`]. Reads only; nothing of it is unbounded: an incident may last for years, so what is
//! shown of it has a limit and the rest is counted.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};
use serde::Serialize;

use super::articles::read_evidence;
use super::report::{ALERT, StoredAlert, read_alert, unsigned};
use super::{Reader, StoreError, from_micros, to_micros};
use crate::topic::Evidence;

/// Articles of an incident that are read at most.
const ARTICLES_MAX: u32 = 300;

/// Alerts and transitions of an incident that are read at most, the latest.
const STEPS_MAX: u32 = 200;

/// Alerts handed out at a time.
const STEP: u32 = 500;

/// Which alerts are asked for; what is absent matches all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertFilter {
    /// Topic id, with `*` for any letters, as in routes.
    pub topic: Option<String>,
    /// ISO 3166-1 alpha-2 code, or `ZZ`.
    pub place: Option<String>,
    /// [`crate::alert::Kind`] by its word.
    pub kind: Option<String>,
    /// Decided then or later.
    pub since: Option<Timestamp>,
}

/// An incident, and all that is known of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Dossier {
    /// Its number.
    pub id: i64,
    /// Topic id.
    pub topic: String,
    /// Country, or `ZZ`.
    pub place: String,
    /// `forming`, `open` or `closed`; later versions may know more.
    pub status: String,
    /// When it began.
    pub began: Timestamp,
    /// When an article last tripped.
    pub last_tripped: Timestamp,
    /// When it closed.
    pub closed: Option<Timestamp>,
    /// How it came to stand where it does, oldest first.
    pub history: Vec<Step>,
    /// Its stories, those told first, first.
    pub stories: Vec<DossierStory>,
    /// Articles in it; more than are listed in a long one.
    pub articles: u64,
    /// Articles of it that nobody was told of, by the word of the decision.
    pub withheld: Vec<(String, u64)>,
}

/// A step in the life of an incident.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// Where it stood; absent at its beginning, and for an alert that changed nothing.
    pub from: Option<String>,
    /// Where it stood then, or the kind of alert.
    pub to: String,
    /// Why.
    pub reason: String,
    /// The alert that told of it.
    pub alert: Option<i64>,
}

/// A story of an incident.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DossierStory {
    /// Its number.
    pub id: i64,
    /// Its title.
    pub title: String,
    /// Its articles in the incident, as they came.
    pub articles: Vec<DossierArticle>,
}

/// An article of an incident.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DossierArticle {
    /// Its number.
    pub id: i64,
    /// Headline; empty when it was pruned.
    pub title: String,
    /// Who stands behind it.
    pub publisher: String,
    /// When it tripped.
    pub tripped: Timestamp,
    /// Whether it copies another publisher's text.
    pub is_copy: bool,
    /// Score for the incident's topic, when it came.
    pub score: f64,
    /// Why.
    pub evidence: Vec<Evidence>,
    /// What was decided, in a word.
    pub decision: String,
    /// What was decided, in a sentence.
    pub reason: String,
    /// The alert that told of it, or of its story.
    pub alert: Option<i64>,
    /// Whether the alert asked about reports it.
    pub is_reported: bool,
    /// What people said: 2 right, 1 arguable, 0 wrong.
    pub label: Option<u8>,
}

impl Reader {
    /// The latest alerts that match, newest first.
    pub fn alerts_matching(&self, filter: &AlertFilter, limit: u32) -> Result<Vec<StoredAlert>, StoreError> {
        self.matching(filter, "id > 0 OR ?5 = 0", 0, "DESC", limit)
    }

    /// Alerts that match with numbers above `above`, oldest first, some at a time; none are left when none come.
    pub fn alerts_after(&self, filter: &AlertFilter, above: i64) -> Result<Vec<StoredAlert>, StoreError> {
        self.matching(filter, "id > ?5", above, "ASC", STEP)
    }

    fn matching(
        &self,
        filter: &AlertFilter,
        place_in_order: &str,
        above: i64,
        order: &str,
        limit: u32,
    ) -> Result<Vec<StoredAlert>, StoreError> {
        let sql = format!(
            "{ALERT} WHERE (?1 IS NULL OR topic GLOB ?1) AND (?2 IS NULL OR place = ?2)
             AND (?3 IS NULL OR kind = ?3) AND (?4 IS NULL OR at >= ?4) AND ({place_in_order})
             ORDER BY id {order} LIMIT ?6"
        );
        // `?` and `[` are letters in a topic's glob as routes have it.
        let topic = filter.topic.as_ref().map(|topic| topic.replace('[', "[[]").replace('?', "[?]"));
        let since = filter.since.map(to_micros);
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement
            .query_map(params![topic, filter.place, filter.kind, since, above, limit], read_alert)?;
        let mut alerts: Vec<StoredAlert> = rows.collect::<Result<_, _>>()?;
        for alert in &mut alerts {
            alert.deliveries = self.deliveries(alert.id)?;
        }
        Ok(alerts)
    }

    /// An incident with all that is known of it. What an alert told of comes first.
    pub fn dossier(&self, incident: i64, alert: Option<i64>) -> Result<Option<Dossier>, StoreError> {
        let found = self
            .connection
            .query_row(
                "SELECT id, topic, place, status, began_at, last_tripped_at, closed_at,
                     (SELECT count(*) FROM incident_articles WHERE incident_id = ?1)
                 FROM incidents WHERE id = ?1",
                [incident],
                |row| {
                    Ok(Dossier {
                        id: row.get(0)?,
                        topic: row.get(1)?,
                        place: row.get(2)?,
                        status: row.get(3)?,
                        began: from_micros(row.get(4)?),
                        last_tripped: from_micros(row.get(5)?),
                        closed: row.get::<_, Option<i64>>(6)?.map(from_micros),
                        history: Vec::new(),
                        stories: Vec::new(),
                        articles: unsigned(row.get(7)?),
                        withheld: Vec::new(),
                    })
                },
            )
            .optional()?;
        let Some(mut dossier) = found else { return Ok(None) };
        dossier.history = self.history(&dossier)?;
        dossier.stories = self.stories_of(&dossier, alert)?;
        dossier.withheld = self.withheld(&dossier)?;
        Ok(Some(dossier))
    }

    /// The last alert of an incident.
    pub fn last_alert_of(&self, incident: i64) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT max(id) FROM alerts WHERE incident_id = ?1";
        Ok(self.connection.query_row(sql, [incident], |row| row.get(0))?)
    }

    fn history(&self, dossier: &Dossier) -> Result<Vec<Step>, StoreError> {
        let mut steps = self.alert_steps(dossier.id)?;
        let transitions = self.transitions(dossier.id)?;
        if transitions.is_empty() {
            let began = "an article tripped".to_owned();
            steps.push(Step {
                at: dossier.began,
                from: None,
                to: "forming".to_owned(),
                reason: began,
                alert: None,
            });
            if let Some(at) = dossier.closed {
                let from = Some(if steps.len() > 1 { "open" } else { "forming" }.to_owned());
                let reason = "it fell quiet".to_owned();
                steps.push(Step { at, from, to: "closed".to_owned(), reason, alert: None });
            }
        }
        steps.extend(transitions);
        // What changed stands before the alert that told of it.
        steps.sort_by_key(|step| (step.at, step.alert.is_some()));
        Ok(steps)
    }

    fn alert_steps(&self, incident: i64) -> Result<Vec<Step>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT at, kind, reason, id FROM alerts WHERE incident_id = ?1 ORDER BY id DESC LIMIT ?2",
        )?;
        let rows = statement.query_map(params![incident, STEPS_MAX], |row| {
            Ok(Step {
                at: from_micros(row.get(0)?),
                from: None,
                to: row.get(1)?,
                reason: row.get(2)?,
                alert: row.get(3)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The transitions of an incident, where they are kept.
    fn transitions(&self, incident: i64) -> Result<Vec<Step>, StoreError> {
        let kept: bool = self.connection.query_row(
            "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'incident_transitions')",
            [],
            |row| row.get(0),
        )?;
        if !kept {
            return Ok(Vec::new());
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT at, from_status, to_status, reason FROM incident_transitions
             WHERE incident_id = ?1 ORDER BY at DESC, rowid DESC LIMIT ?2",
        )?;
        let rows = statement.query_map(params![incident, STEPS_MAX], |row| {
            Ok(Step {
                at: from_micros(row.get(0)?),
                from: row.get(1)?,
                to: row.get(2)?,
                reason: row.get(3)?,
                alert: None,
            })
        })?;
        let mut steps: Vec<Step> = rows.collect::<Result<_, _>>()?;
        steps.reverse();
        Ok(steps)
    }

    fn stories_of(&self, dossier: &Dossier, alert: Option<i64>) -> Result<Vec<DossierStory>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT i.article_id, coalesce(a.title, ''), i.publisher, i.tripped_at, i.is_copy, i.score,
                 coalesce(s.evidence, '[]'), coalesce(s.decision, ''), coalesce(s.reason, ''), i.alert_id, l.grade,
                 i.story_id, coalesce(t.title, ''),
                 EXISTS (SELECT 1 FROM alert_articles r WHERE r.alert_id = ?3 AND r.article_id = i.article_id) AS reported
             FROM incident_articles i LEFT JOIN articles a ON a.id = i.article_id
                 LEFT JOIN stories t ON t.id = i.story_id
                 LEFT JOIN scores s ON s.article_id = i.article_id AND s.topic = ?2
                 LEFT JOIN labels l ON l.article_id = i.article_id AND l.topic = ?2
             WHERE i.incident_id = ?1
             ORDER BY reported DESC, i.tripped_at DESC, i.article_id DESC LIMIT ?4",
        )?;
        let rows = statement.query_map(params![dossier.id, dossier.topic, alert, ARTICLES_MAX], |row| {
            let article = DossierArticle {
                id: row.get(0)?,
                title: row.get(1)?,
                publisher: row.get(2)?,
                tripped: from_micros(row.get(3)?),
                is_copy: row.get(4)?,
                score: row.get(5)?,
                evidence: read_evidence(&row.get::<_, String>(6)?),
                decision: row.get(7)?,
                reason: row.get(8)?,
                alert: row.get(9)?,
                label: row.get(10)?,
                is_reported: row.get(13)?,
            };
            Ok((article, row.get::<_, i64>(11)?, row.get::<_, String>(12)?))
        })?;
        let mut stories: Vec<DossierStory> = Vec::new();
        for row in rows {
            let (article, id, title) = row?;
            match stories.iter_mut().find(|story| story.id == id) {
                Some(story) => story.articles.push(article),
                None => stories.push(DossierStory { id, title, articles: vec![article] }),
            }
        }
        for story in &mut stories {
            story.articles.sort_by_key(|article| (article.tripped, article.id));
        }
        let is_of_alert = |story: &DossierStory| story.articles.iter().any(|article| article.is_reported);
        let first =
            |story: &DossierStory| story.articles.first().map(|article| (article.tripped, article.id));
        stories.sort_by_key(|story| (!is_of_alert(story), first(story)));
        Ok(stories)
    }

    fn withheld(&self, dossier: &Dossier) -> Result<Vec<(String, u64)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT s.decision, count(*) FROM incident_articles i
                 JOIN scores s ON s.article_id = i.article_id AND s.topic = ?2
             WHERE i.incident_id = ?1 AND s.decision NOT IN ('', 'alerted') GROUP BY s.decision ORDER BY s.decision",
        )?;
        let rows = statement
            .query_map(params![dossier.id, dossier.topic], |row| Ok((row.get(0)?, unsigned(row.get(1)?))))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
