//! Counts of reports in the store: what surges are measured by, and what was decided of them.
//!
//! Hours are counted since 1970-01-01T00Z. The topic [`EVERYTHING`] stands for whatever came in, the place `ZZ` for reports
//! of any place or of none.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::{Reader, StoreError, Transaction, from_micros, to_micros};
use crate::article::NO_PLACE;
use crate::article::identity::ArticleId;
use crate::incident::IncidentId;
use crate::incident::surge::baseline::{Baseline, Counts};
use crate::incident::surge::profile::Profile;
use crate::incident::surge::{Verdict, Watch};
use crate::story::{SPAN, StoryId};
use crate::topic::TopicId;

/// The topic of whatever came in.
pub const EVERYTHING: &str = "";

/// Reports an alert looks through at most.
const REPORTS_MAX: usize = 200;

/// A publisher's own account of a story.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// The topic it speaks to.
    pub topic: &'a TopicId,
    /// Its story.
    pub story: StoryId,
    /// Who stands behind it.
    pub publisher: &'a str,
    /// Where it is counted, `ZZ` when no place was found.
    pub place: &'a str,
    /// The article.
    pub article: ArticleId,
    /// Its score, 0 to 1.
    pub score: f64,
    /// When it was published, as far as that is believed, else seen.
    pub at: Timestamp,
}

/// What is known of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Series {
    /// The hour its baseline is for.
    pub hour: i64,
    /// What is usual; `None` while the history is too short.
    pub baseline: Option<Baseline>,
    /// Where the watch stands.
    pub watch: Watch,
    /// Reports of the 24 hours when it was looked at last.
    pub seen: u32,
}

/// What was decided of a series last.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// The topic.
    pub topic: TopicId,
    /// ISO 3166-1 alpha-2 code; `ZZ` for reports of any place or of none.
    pub place: String,
    /// Reports of the 24 hours.
    pub seen: u32,
    /// Reports expected of them; `None` while the history is too short, as the next three.
    pub expected: Option<f64>,
    /// Reports of a mean day.
    pub rate: Option<f64>,
    /// Variance of a mean day's reports, as a multiple of their mean.
    pub dispersion: Option<f64>,
    /// Days that rests on.
    pub days: Option<u32>,
    /// Whether a surge was told and is not over.
    pub is_raised: bool,
    /// When.
    pub decided_at: Timestamp,
    /// The decision in a word.
    pub decision: String,
    /// The decision in a sentence.
    pub reason: String,
}

/// The hour of a time, since the epoch.
pub fn hour_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(3_600)
}

/// The beginning of an hour.
pub fn start_of(hour: i64) -> Timestamp {
    Timestamp::from_second(hour.saturating_mul(3_600)).unwrap_or(Timestamp::MAX)
}

impl Transaction<'_> {
    /// Keeps a report and counts it, unless its publisher's account of the story is counted already; answers whether it was.
    pub fn add_report(&self, report: &Report<'_>) -> Result<bool, StoreError> {
        let added = self
            .sql
            .prepare_cached(
                "INSERT INTO reports (topic, story_id, publisher, place, article_id, score, at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                report.topic.0,
                report.story.0,
                report.publisher,
                report.place,
                report.article.0,
                report.score,
                to_micros(report.at)
            ])?;
        if added > 0 {
            self.count_report(&report.topic.0, report.place, hour_of(report.at), 1)?;
        }
        Ok(added > 0)
    }

    /// Takes the reports of an article back that speak to none of these topics any more.
    pub fn withdraw_reports(&self, article: ArticleId, kept: &[&TopicId]) -> Result<(), StoreError> {
        let rows: Vec<(String, String, i64)> = self
            .sql
            .prepare_cached("SELECT topic, place, at FROM reports WHERE article_id = ?1")?
            .query_map([article.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<_, _>>()?;
        for (topic, place, at) in rows.iter().filter(|(topic, ..)| !kept.iter().any(|id| id.0 == *topic)) {
            self.sql
                .prepare_cached("DELETE FROM reports WHERE article_id = ?1 AND topic = ?2")?
                .execute(params![article.0, topic])?;
            self.count_report(topic, place, hour_of(from_micros(*at)), -1)?;
        }
        Ok(())
    }

    /// Counts reports at a place, and wherever.
    pub fn count_report(&self, topic: &str, place: &str, hour: i64, count: i64) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "INSERT INTO report_counts (topic, place, hour, reports) VALUES (?1, ?2, ?3, max(?4, 0))
             ON CONFLICT DO UPDATE SET reports = max(reports + ?4, 0)",
        )?;
        for place in [place, NO_PLACE].into_iter().take(1 + usize::from(place != NO_PLACE)) {
            statement.execute(params![topic, place, hour, count])?;
        }
        Ok(())
    }

    /// Reports of a series in the 24 hours that end with an hour.
    pub fn reports_of_day(&self, topic: &str, place: &str, hour: i64) -> Result<u32, StoreError> {
        let count: i64 = self
            .sql
            .prepare_cached(
                "SELECT coalesce(sum(reports), 0) FROM report_counts
                 WHERE topic = ?1 AND place = ?2 AND hour > ?3 - 24 AND hour <= ?3",
            )?
            .query_row(params![topic, place, hour], |row| row.get(0))?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// The history of a series, from an hour on; `None` when its topic is not counted.
    pub fn report_counts(&self, topic: &str, place: &str, from: i64) -> Result<Option<Counts>, StoreError> {
        let Some(counted) = self.counted_topic(topic)? else { return Ok(None) };
        let hours = self
            .sql
            .prepare_cached(
                "SELECT hour, reports FROM report_counts
                 WHERE topic = ?1 AND place = ?2 AND hour >= ?3 AND reports > 0 ORDER BY hour",
            )?
            .query_map(params![topic, place, from], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        Ok(Some(Counts { since: counted.since.max(from), hours }))
    }

    /// Independent publishers behind the reports of a series since a time.
    pub fn report_publishers(
        &self,
        topic: &TopicId,
        place: &str,
        since: Timestamp,
    ) -> Result<u32, StoreError> {
        let count: i64 = self
            .sql
            .prepare_cached(
                "SELECT count(DISTINCT publisher) FROM reports
                 WHERE topic = ?1 AND at >= ?3 AND (place = ?2 OR ?2 = 'ZZ')",
            )?
            .query_row(params![topic.0, place, to_micros(since)], |row| row.get(0))?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// The articles of the reports of a series since a time, best first; one of each publisher before the second of any.
    pub fn reported_since(
        &self,
        topic: &TopicId,
        place: &str,
        since: Timestamp,
    ) -> Result<Vec<ArticleId>, StoreError> {
        let sql = format!(
            "SELECT article_id, row_number() OVER (PARTITION BY publisher ORDER BY score DESC, article_id) AS turn
             FROM reports WHERE topic = ?1 AND at >= ?3 AND (place = ?2 OR ?2 = 'ZZ')
             ORDER BY turn, score DESC, article_id LIMIT {REPORTS_MAX}"
        );
        let mut statement = self.sql.prepare_cached(&sql)?;
        let rows = statement
            .query_map(params![topic.0, place, to_micros(since)], |row| row.get(0).map(ArticleId))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What is known of a series.
    pub fn surge_series(&self, topic: &str, place: &str) -> Result<Option<Series>, StoreError> {
        let series = self
            .sql
            .prepare_cached(
                "SELECT hour, rate, dispersion, expected, days, is_raised, told_at, seen FROM surge_series
                 WHERE topic = ?1 AND place = ?2",
            )?
            .query_row(params![topic, place], |row| {
                let rate: Option<f64> = row.get(1)?;
                let baseline = match rate {
                    Some(rate) => Some(Baseline {
                        rate,
                        dispersion: row.get(2)?,
                        expected: row.get(3)?,
                        days: row.get(4)?,
                    }),
                    None => None,
                };
                let told_at = row.get::<_, Option<i64>>(6)?.map(from_micros);
                let watch = Watch { is_raised: row.get(5)?, told_at };
                Ok(Series { hour: row.get(0)?, baseline, watch, seen: row.get(7)? })
            })
            .optional()?;
        Ok(series)
    }

    /// Keeps what is usual for a series.
    pub fn save_baseline(
        &self,
        topic: &str,
        place: &str,
        hour: i64,
        baseline: Option<&Baseline>,
    ) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "INSERT INTO surge_series (topic, place, hour, rate, dispersion, expected, days)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT DO UPDATE SET hour = excluded.hour, rate = excluded.rate,
                     dispersion = excluded.dispersion, expected = excluded.expected, days = excluded.days",
            )?
            .execute(params![
                topic,
                place,
                hour,
                baseline.map(|baseline| baseline.rate),
                baseline.map(|baseline| baseline.dispersion),
                baseline.map(|baseline| baseline.expected),
                baseline.map(|baseline| baseline.days),
            ])?;
        Ok(())
    }

    /// Keeps what a look at a series came to.
    pub fn save_verdict(
        &self,
        (topic, place): (&str, &str),
        watch: Watch,
        seen: u32,
        verdict: &Verdict,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "UPDATE surge_series SET is_raised = ?3, told_at = ?4, seen = ?5, decided_at = ?6, decision = ?7,
                     reason = ?8
                 WHERE topic = ?1 AND place = ?2",
            )?
            .execute(params![
                topic,
                place,
                watch.is_raised,
                watch.told_at.map(to_micros),
                seen,
                to_micros(at),
                verdict.code(),
                verdict.words()
            ])?;
        Ok(())
    }

    /// Series of a topic that are known.
    pub fn surge_series_count(&self, topic: &TopicId) -> Result<u32, StoreError> {
        let count: i64 = self
            .sql
            .prepare_cached("SELECT count(*) FROM surge_series WHERE topic = ?1")?
            .query_row([&topic.0], |row| row.get(0))?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// Series whose surge was told and is not over, by topic and place.
    pub fn raised_series(&self) -> Result<Vec<(TopicId, String)>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT topic, place FROM surge_series WHERE is_raised = 1 ORDER BY topic, place",
        )?;
        let rows = statement.query_map([], |row| Ok((TopicId(row.get(0)?), row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Ends the watch over a topic's surges: it is not looked for any more.
    pub fn lower_series(&self, topic: &TopicId) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("UPDATE surge_series SET is_raised = 0 WHERE topic = ?1 AND is_raised = 1")?
            .execute([&topic.0])?;
        Ok(())
    }

    /// The hour of the baseline of the raised series that was looked at longest ago.
    pub fn oldest_raised_hour(&self) -> Result<Option<i64>, StoreError> {
        let hour = self
            .sql
            .prepare_cached("SELECT min(hour) FROM surge_series WHERE is_raised = 1")?
            .query_row([], |row| row.get(0))?;
        Ok(hour)
    }

    /// Reports above the usual of a topic's places whose surge was told and is not over.
    pub fn reports_told_elsewhere(&self, topic: &TopicId) -> Result<f64, StoreError> {
        let excess = self
            .sql
            .prepare_cached(
                "SELECT coalesce(sum(max(seen - coalesce(expected, 0), 0)), 0.0) FROM surge_series
                 WHERE topic = ?1 AND is_raised = 1 AND place <> 'ZZ'",
            )?
            .query_row([&topic.0], |row| row.get(0))?;
        Ok(excess)
    }

    /// The days and hours of all series, and for which hour they were learned.
    pub fn report_profile(&self) -> Result<(i64, Profile), StoreError> {
        let (hour, factors): (i64, String) = self
            .sql
            .prepare_cached("SELECT profile_hour, profile FROM counting WHERE id = 1")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let factors: Vec<f64> = serde_json::from_str(&factors).unwrap_or_default();
        Ok((hour, Profile::from_factors(&factors).unwrap_or_default()))
    }

    /// Keeps the days and hours of all series.
    pub fn save_report_profile(&self, hour: i64, profile: &Profile) -> Result<(), StoreError> {
        let factors = serde_json::to_string(&profile.factors()).unwrap_or_else(|_| "[]".to_owned());
        self.sql
            .prepare_cached("UPDATE counting SET profile_hour = ?1, profile = ?2 WHERE id = 1")?
            .execute(params![hour, factors])?;
        Ok(())
    }

    /// Forgets what is too old to be counted with: reports before one hour, counts and idle series before another. Reports that
    /// others of their story may precede, as the archive is read back for their topic, are kept until it was read past them.
    pub fn forget_reports(&self, reports_before: i64, counts_before: i64) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "DELETE FROM reports WHERE at < ?1 AND NOT EXISTS (
                     SELECT 1 FROM counted_topics c WHERE c.topic = reports.topic AND c.next_article IS NOT NULL
                         AND reports.at < (c.since + ?2) * 3600000000)",
            )?
            .execute(params![to_micros(start_of(reports_before)), SPAN.as_hours()])?;
        self.sql.prepare_cached("DELETE FROM report_counts WHERE hour < ?1")?.execute([counts_before])?;
        self.sql
            .prepare_cached(
                "DELETE FROM surge_series WHERE is_raised = 0 AND hour < ?1 AND NOT EXISTS (
                     SELECT 1 FROM report_counts c WHERE c.topic = surge_series.topic AND c.place = surge_series.place)",
            )?
            .execute([counts_before])?;
        Ok(())
    }

    /// The incident of a topic at a place that is not closed.
    pub fn alive_incident(&self, topic: &TopicId, place: &str) -> Result<Option<IncidentId>, StoreError> {
        let id = self
            .sql
            .prepare_cached(
                "SELECT id FROM incidents WHERE topic = ?1 AND place = ?2 AND status <> 'closed'",
            )?
            .query_row(params![topic.0, place], |row| row.get(0).map(IncidentId))
            .optional()?;
        Ok(id)
    }

    /// The scores of an article, by topic.
    pub fn scores_of(&self, article: ArticleId) -> Result<Vec<(TopicId, f64)>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT topic, score FROM scores WHERE article_id = ?1 ORDER BY topic")?;
        let rows = statement.query_map([article.0], |row| Ok((TopicId(row.get(0)?), row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Reader {
    /// The series that were decided about, and the decisions.
    pub fn surge_decisions(&self) -> Result<Vec<Decided>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT topic, place, seen, expected, rate, dispersion, days, is_raised, decided_at, decision, reason
             FROM surge_series WHERE decided_at IS NOT NULL ORDER BY topic, seen DESC, place",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(Decided {
                topic: TopicId(row.get(0)?),
                place: row.get(1)?,
                seen: row.get(2)?,
                expected: row.get(3)?,
                rate: row.get(4)?,
                dispersion: row.get(5)?,
                days: row.get(6)?,
                is_raised: row.get(7)?,
                decided_at: from_micros(row.get(8)?),
                decision: row.get(9)?,
                reason: row.get(10)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
