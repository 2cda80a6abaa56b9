//! `wirewatch topics evaluate`: how well scores agree with labels.
//!
//! Owns the words and pictures; the numbers are [`Report`]'s. What would trip a day is counted in the archive, if there is
//! one, else among weighted labels. Refuses to change anything.

use jiff::Timestamp;
use serde::Serialize;

use super::super::score::rounded;
use super::super::{Failure, Outcome, Output, complain, reader, short};
use super::labels::{Labelled, Source};
use super::named;
use crate::config::Config;
use crate::topic::evaluate::{Bin, Grade, Judged, Report};
use crate::topic::{Evidence, Score, Topic};

/// Misses and false alarms shown, of each.
const WRONG_MAX: usize = 10;
/// Letters of a bar.
const BAR: usize = 20;
/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// An article that came out wrong.
#[derive(Debug, Clone, Serialize)]
struct Wrong {
    id: String,
    score: f64,
    title: String,
    evidence: Vec<Evidence>,
}

/// How many articles a day would trip, and where that was counted.
#[derive(Debug, Clone, Serialize)]
struct Daily {
    source: &'static str,
    from: Timestamp,
    until: Timestamp,
    days: f64,
    /// Thresholds and articles a day, as in the report.
    per_day: Vec<f64>,
}

/// A topic under evaluation.
struct Trial<'a> {
    topic: &'a Topic,
    judged: Vec<Judged>,
    span: Option<(Timestamp, Timestamp)>,
    misses: Vec<Wrong>,
    false_alarms: Vec<Wrong>,
}

pub(super) fn run(config: &Config, only: Option<&str>, source: &Source, json: bool) -> Outcome {
    let topics = named(config, only)?;
    let mut trials: Vec<Trial<'_>> = topics.into_iter().map(Trial::new).collect();
    let tally = source.visit(config, |labelled| {
        let scores = config.topics.score_each(&labelled.article);
        for trial in &mut trials {
            let id = &trial.topic.source.id;
            let score = scores.iter().find(|score| score.topic == *id);
            if let (Some(grade), Some(score)) = (labelled.grade(&id.0), score) {
                trial.add(&labelled, grade, score.clone());
            }
        }
        Ok(())
    })?;
    // A topic that no label names was not judged at all, unless somebody asks for it.
    trials.retain(|trial| only.is_some() || tally.named.contains_key(&trial.topic.source.id.0));
    if trials.is_empty() {
        return Err(Failure::new(
            "no label names a configured topic",
            "see `wirewatch topics list` for their ids",
        ));
    }
    let mut output = Output::open();
    for trial in &mut trials {
        let threshold = trial.topic.source.policy.threshold;
        let report = Report::of(&trial.judged, threshold);
        let daily = daily(config, trial, &report, source.is_weighted)?;
        worst(&mut trial.misses, |left, right| left.score.total_cmp(&right.score));
        worst(&mut trial.false_alarms, |left, right| right.score.total_cmp(&left.score));
        if json {
            let (from, until) = trial.span.unzip();
            output.json(&Line {
                topic: &trial.topic.source.id.0,
                threshold,
                from,
                until,
                report: &report,
                articles_a_day: daily.as_ref(),
                misses: &trial.misses,
                false_alarms: &trial.false_alarms,
            })?;
        } else {
            output.line(words(trial, &report, daily.as_ref()))?;
        }
    }
    output.finish()?;
    Ok(tally.exit)
}

#[derive(Serialize)]
struct Line<'a> {
    topic: &'a str,
    threshold: f64,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    #[serde(flatten)]
    report: &'a Report,
    articles_a_day: Option<&'a Daily>,
    misses: &'a [Wrong],
    false_alarms: &'a [Wrong],
}

impl<'a> Trial<'a> {
    fn new(topic: &'a Topic) -> Self {
        Self { topic, judged: Vec::new(), span: None, misses: Vec::new(), false_alarms: Vec::new() }
    }

    fn add(&mut self, labelled: &Labelled, grade: Grade, score: Score) {
        let Score { probability, trips, evidence, .. } = score;
        self.judged.push(Judged { probability, trips, grade, weight: labelled.weight });
        if let Some(at) = labelled.at {
            let (first, last) = self.span.unwrap_or((at, at));
            self.span = Some((first.min(at), last.max(at)));
        }
        let wrong = match grade {
            Grade::Yes if !trips => &mut self.misses,
            Grade::No if trips => &mut self.false_alarms,
            _ => return,
        };
        let title = labelled.article.title.clone();
        wrong.push(Wrong { id: labelled.id.clone(), score: rounded(probability), title, evidence });
    }
}

/// Keeps the worst; equal ones in the order of the file.
fn worst(wrong: &mut Vec<Wrong>, order: impl Fn(&Wrong, &Wrong) -> std::cmp::Ordering) {
    wrong.sort_by(order);
    wrong.truncate(WRONG_MAX);
}

/// Articles a day that would trip, counted in the archive, else among labels that stand for a stream.
fn daily(
    config: &Config,
    trial: &Trial<'_>,
    report: &Report,
    is_weighted: bool,
) -> Result<Option<Daily>, Failure> {
    let reach = |scores: &[(f64, f64)], days: f64| -> Vec<f64> {
        let lines = report.thresholds.iter().map(|line| line.threshold);
        lines
            .map(|threshold| {
                let reached = scores.iter().filter(|(score, _)| *score >= threshold);
                reached.map(|(_, weight)| weight).sum::<f64>() / days
            })
            .collect()
    };
    let days = |from: Timestamp, until: Timestamp| (until.duration_since(from).as_secs_f64() / DAY).max(1.0);
    match reader(config) {
        Ok(archive) => {
            if let Some((from, until)) = archive.archive_span()? {
                let least = report.thresholds.first().map_or(0.0, |line| line.threshold);
                let found = archive.topic_scores(&trial.topic.source.id.0, least)?;
                let scores: Vec<(f64, f64)> = found.into_iter().map(|score| (score, 1.0)).collect();
                let days = days(from, until);
                return Ok(Some(Daily {
                    source: "archive",
                    from,
                    until,
                    days,
                    per_day: reach(&scores, days),
                }));
            }
        }
        Err(Failure::Other { message, .. }) if config.data_dir.join(crate::store::FILE_NAME).exists() => {
            complain(&format!("warning: the archive is not looked at: {message}"));
        }
        Err(_) => {}
    }
    let Some((from, until)) = trial.span.filter(|_| is_weighted) else { return Ok(None) };
    let scores: Vec<(f64, f64)> = trial.judged.iter().map(|one| (one.probability, one.weight)).collect();
    let days = days(from, until);
    Ok(Some(Daily { source: "labels", from, until, days, per_day: reach(&scores, days) }))
}

/// A topic's page.
fn words(trial: &Trial<'_>, report: &Report, daily: Option<&Daily>) -> String {
    let mut lines = Vec::new();
    let threshold = trial.topic.source.policy.threshold;
    let span = trial.span.map_or_else(String::new, |(first, last)| {
        format!(", {} to {}", first.strftime("%Y-%m-%d"), last.strftime("%Y-%m-%d"))
    });
    let Report { items, positives, arguable, rates, .. } = report;
    let learned = if trial.topic.learned().is_some() { ", as learned" } else { "" };
    lines.push(format!(
        "{}{learned}: {items} labelled articles, {positives} right to alert, {arguable} arguable left out{span}",
        trial.topic.source.id
    ));
    lines.push(format!(
        "  at {threshold:.2}: precision {:.3}, recall {:.3}, F1 {:.3}",
        rates.precision, rates.recall, rates.f1
    ));
    lines.push(format!(
        "  average precision {:.3}, Brier {:.4}, calibration error {:.4}",
        report.average_precision, report.brier, report.ece
    ));
    lines.push("\n  score     articles   mean  right  (# share right, | mean score)".to_owned());
    for bin in &report.bins {
        lines.push(bin_words(bin));
    }
    let column = if daily.is_some() { "  articles/day" } else { "" };
    lines.push(format!("\n  threshold{column}  precision  recall     F1"));
    for (place, row) in report.thresholds.iter().enumerate() {
        let mark = if row.threshold.total_cmp(&threshold).is_eq() { '*' } else { ' ' };
        let per_day = daily.and_then(|daily| daily.per_day.get(place));
        let per_day = per_day.map_or_else(String::new, |count| format!("  {count:>12.2}"));
        let rates = row.rates;
        lines.push(format!(
            "  {:>8.2}{mark}{per_day}  {:>9.3}  {:>6.3}  {:>5.3}",
            row.threshold, rates.precision, rates.recall, rates.f1
        ));
    }
    if let Some(daily) = daily {
        lines.push(daily_words(daily));
    }
    list(&mut lines, "missed, lowest score first", &trial.misses);
    list(&mut lines, "false alarms, highest score first", &trial.false_alarms);
    lines.push(String::new());
    lines.join("\n")
}

fn daily_words(daily: &Daily) -> String {
    let what = match daily.source {
        "archive" => "articles of your archive that score so high",
        _ => "articles the weighted labels stand for that score so high",
    };
    let (from, until) = (short(daily.from), short(daily.until));
    format!("  articles/day: {what}, {from} to {until}; one alert may tell of several")
}

fn bin_words(bin: &Bin) -> String {
    let place = |share: f64| (0..BAR).filter(|at| *at as f64 + 0.5 <= share * BAR as f64).count();
    let head = format!("  {:.1}-{:.1}   {:>8}", bin.from, bin.until, bin.count);
    if bin.count == 0 {
        return head;
    }
    let (right, mean) = (place(bin.share_right), place(bin.mean_score).min(BAR - 1));
    let letter = |at: usize| {
        if at == mean {
            '|'
        } else if at < right {
            '#'
        } else {
            ' '
        }
    };
    let bar: String = (0..BAR).map(letter).collect();
    format!("{head}  {:>5.2}  {:>5.2}  [{bar}]", bin.mean_score, bin.share_right)
}

fn list(lines: &mut Vec<String>, head: &str, wrong: &[Wrong]) {
    if wrong.is_empty() {
        return;
    }
    lines.push(format!("\n  {head}:"));
    for one in wrong {
        lines.push(format!("    {:.2}  {}  {}", one.score, one.id, one.title));
        lines.extend(one.evidence.iter().map(|evidence| {
            format!("          {:>+6.1}  {}: {}", evidence.points, evidence.signal, evidence.quote)
        }));
    }
}
