//! What a replay of one configuration prints: events as they happen, then what they came to.
//!
//! Owns the lines of `replay --json` (product contract, section 4) and their likeness for people. Lines that are asked for
//! besides (`near-miss`, `advice`, `precision`) stand before the summary, which is the last one. Refuses to count.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::score::rounded;
use super::super::{Failure, Output, short};
use super::advice::{Advice, Advised, Advisor};
use super::chart::{self, Paper};
use super::input::Input;
use super::kept::Keeper;
use super::labels::{Labels, Verdicts, precision_words};
use super::player::{Happening, Player};
use super::read;
use super::tally::Tally;
use super::threshold::{SHOWN, Threshold};
use crate::article::identity::ArticleId;
use crate::config::Config;
use crate::pipeline::{AlertEvent, Elapsed};
use crate::store::recording::NearMiss;

/// What is asked for.
pub(super) struct Wishes {
    pub(super) json: bool,
    /// Mails a day.
    pub(super) budget: Option<f64>,
    /// Articles kept for it at most.
    pub(super) kept: usize,
    /// Near misses of each topic.
    pub(super) list: Option<usize>,
}

/// Plays an input and prints what comes of it.
pub(super) fn run(
    config: &Config,
    input: &mut Input,
    labels: &Labels,
    wishes: &Wishes,
) -> Result<(), Failure> {
    let mut player = Player::new(config)?;
    let mut output = Output::open();
    let mut keeper = wishes.budget.map(|_| Keeper::new(config, labels, wishes.kept));
    let mut verdicts = Verdicts::default();
    read(input, |chunk| {
        player.play(chunk, &mut |happening| {
            match &happening {
                Happening::Visit(visited) => {
                    verdicts.visit(labels, visited.timed);
                    if let Some(keeper) = &mut keeper {
                        keeper.visit(visited);
                    }
                }
                Happening::Alert { event, inputs, .. } => {
                    verdicts.alert(labels, &event.alert, inputs);
                    if let Some(keeper) = &mut keeper {
                        keeper.alert(event);
                    }
                }
                Happening::Article { .. } | Happening::Late(_) => {}
            }
            if wishes.json { say_json(config, &mut output, &happening) } else { say(&mut output, &happening) }
        })
    })?;
    let reader = player.close()?;
    if !wishes.json {
        summary(&mut output, &player.tally)?;
    }
    if !labels.is_empty() {
        say_precision(&mut output, &verdicts, wishes.json)?;
    }
    if let Some(most) = wishes.list {
        for topic in &config.topics {
            let (id, threshold) = (&topic.source.id.0, topic.source.policy.threshold);
            let misses = reader.near_misses(id, threshold, most)?;
            say_near_misses(&mut output, (id, threshold), &misses, &player, wishes.json)?;
        }
    }
    if let (Some(keeper), Some(budget)) = (&keeper, wishes.budget) {
        let advised = Advisor::new(keeper).advise(budget)?;
        say_advice(&mut output, &advised, budget, wishes.json)?;
    }
    if wishes.json {
        output.json(&player.tally.summary())?;
    }
    output.finish()
}

fn say(output: &mut Output, happening: &Happening<'_>) -> Result<(), Failure> {
    match happening {
        Happening::Alert { event, .. } => output.line(alert_line(event)),
        Happening::Late(elapsed) => say_late(output, elapsed),
        Happening::Visit(_) | Happening::Article { .. } => Ok(()),
    }
}

/// An alert on a line.
pub(super) fn alert_line(event: &AlertEvent) -> String {
    format!("{}  {:.2}  {}", short(event.at), event.score, event.subject)
}

fn say_json(config: &Config, output: &mut Output, happening: &Happening<'_>) -> Result<(), Failure> {
    match happening {
        Happening::Visit(_) => Ok(()),
        Happening::Article { timed, item, event, name, copy_of } => {
            let each = config.topics.probabilities(&item.scores);
            let topics: Map<String, Value> =
                each.into_iter().map(|(topic, score)| (topic.0, json!(rounded(score)))).collect();
            output.json(&json!({
                "type": "article", "id": name, "seen": timed.seen_at, "story": event.story.0,
                "copy_of": copy_of, "publisher": item.article.publisher, "places": item.article.places,
                "topics": topics,
            }))
        }
        Happening::Alert { event, names, .. } => output.json(&alert_json(event, names)),
        Happening::Late(elapsed) => say_late_json(output, elapsed),
    }
}

/// Mails that time alone brings: digests, what quiet hours, limits and silences held, and second addresses.
fn say_late(output: &mut Output, elapsed: &Elapsed) -> Result<(), Failure> {
    for mail in &elapsed.released {
        let (at, count) = (short(mail.at), mail.alerts.len());
        let held = if mail.digest.is_some() { format!("{count} held") } else { "held".to_owned() };
        output.line(format!("{at}  {held}  {}", mail.subject))?;
    }
    for mail in &elapsed.reminded {
        output.line(format!("{}  to {}, unacknowledged  {}", short(mail.at), mail.to, mail.subject))?;
    }
    Ok(())
}

fn say_late_json(output: &mut Output, elapsed: &Elapsed) -> Result<(), Failure> {
    for mail in &elapsed.released {
        let alerts: Vec<i64> = mail.alerts.iter().map(|alert| alert.0).collect();
        output.json(&json!({
            "type": "mail", "at": mail.at, "kind": if mail.digest.is_some() { "digest" } else { "late" },
            "reason": mail.reason, "alerts": alerts, "subject": mail.subject, "to": [mail.to],
        }))?;
    }
    for mail in &elapsed.reminded {
        output.json(&json!({
            "type": "mail", "at": mail.at, "kind": "reminder", "reason": "nobody acknowledged it",
            "alerts": [mail.alert.0], "subject": mail.subject, "to": [mail.to],
        }))?;
    }
    Ok(())
}

/// An alert as `--json` has it.
pub(super) fn alert_json(event: &AlertEvent, names: &[Value]) -> Value {
    json!({
        "type": "alert", "at": event.at, "kind": event.alert.kind.as_str(), "reason": event.reason,
        "topic": event.alert.topic, "severity": event.alert.severity, "place": event.alert.place,
        "incident": event.incident.0, "story": event.story.0, "articles": names,
        "publishers": event.alert.publishers, "score": rounded(event.score), "subject": event.subject,
        "to": event.to,
    })
}

fn summary(output: &mut Output, tally: &Tally) -> Result<(), Failure> {
    let days = tally.span();
    output.line(format!(
        "\n{} entries in {days} days: {} articles, {} of them copies, {} stories, {} alerts",
        tally.entries,
        tally.articles,
        tally.copies,
        tally.stories(),
        tally.alerts
    ))?;
    for (topic, count) in &tally.topics {
        let per_day = count.alerts as f64 / days;
        output.line(format!(
            "  {topic}: {} articles tripped, {} alerts, {per_day:.1} a day",
            count.tripped, count.alerts
        ))?;
    }
    let all: u64 = tally.suppressed.iter().map(|(_, count)| count).sum();
    for (reason, count) in &tally.suppressed {
        let share = 100.0 * *count as f64 / all.max(1) as f64;
        output.line(format!("  not told: {count} {reason} ({share:.0} % of what was not told)"))?;
    }
    for (reason, count) in &tally.held_back {
        output.line(format!("  not told at once: {count} {reason}"))?;
    }
    let paper = Paper::of_output();
    let lines = chart::draw(&tally.topics, tally.dates(), paper);
    if !lines.is_empty() {
        output.line(format!("\n{}", lines.join("\n")))?;
    }
    if paper.is_terminal {
        return Ok(());
    }
    for (day, count) in &tally.days {
        let of_day: Vec<String> = tally
            .topics
            .iter()
            .filter_map(|(topic, topics)| topics.days.get(day).map(|count| format!("{topic} {count}")))
            .collect();
        output.line(format!("  {day}  {count} alerts: {}", of_day.join(", ")))?;
    }
    Ok(())
}

fn say_precision(output: &mut Output, verdicts: &Verdicts, json: bool) -> Result<(), Failure> {
    if json {
        for (topic, (right, wrong)) in &verdicts.topics {
            output.json(&json!({ "type": "precision", "topic": topic, "right": right, "wrong": wrong }))?;
        }
        return Ok(());
    }
    output.line("\nalerts somebody judged:")?;
    for (topic, (right, wrong)) in &verdicts.topics {
        let words = precision_words(*right, *wrong).unwrap_or_else(|| "none judged".to_owned());
        output.line(format!("  {topic}: {words}"))?;
    }
    Ok(())
}

fn say_near_misses(
    output: &mut Output,
    (topic, threshold): (&str, f64),
    misses: &[NearMiss],
    player: &Player<'_>,
    json: bool,
) -> Result<(), Failure> {
    if !json && !misses.is_empty() {
        output.line(format!("\n{topic}: closest to {threshold:.2}, and not told"))?;
    }
    for miss in misses {
        let name = player.name(ArticleId(miss.id));
        let why = if miss.reason.is_empty() { "below the threshold" } else { &miss.reason };
        if json {
            output.json(&json!({
                "type": "near-miss", "topic": topic, "threshold": threshold, "score": rounded(miss.score),
                "id": name, "seen": miss.seen_at, "publisher": miss.publisher, "title": miss.title, "why": why,
            }))?;
        } else {
            let (seen, score) = (short(miss.seen_at), miss.score);
            output
                .line(format!("  {score:.2}  {seen}  {}: {}\n        {why}", miss.publisher, miss.title))?;
        }
    }
    Ok(())
}

fn say_advice(output: &mut Output, advised: &Advised, budget: f64, json: bool) -> Result<(), Failure> {
    let Advised { ref topics, days, .. } = *advised;
    if json {
        return topics.iter().try_for_each(|advice| output.json(&advice.json(budget, days)));
    }
    let width = topics.iter().map(|advice| advice.topic.chars().count()).max().unwrap_or(5).max(5);
    let mails = if (budget - 1.0).abs() < f64::EPSILON { "mail" } else { "mails" };
    output.line(format!("\nthresholds for {budget} {mails} a day, on these {days} days (mails a day)"))?;
    let shown = SHOWN.map(|threshold| format!("{threshold:>5}")).join("  ");
    output.line(format!("  {:<width$}  {:<12}  {shown}   alone  together", "topic", "now"))?;
    for advice in topics {
        let a_day = |threshold: Threshold| {
            advice.curve.get(&threshold).map_or(0.0, |point| point.mails as f64 / days)
        };
        let curve = SHOWN.map(|threshold| format!("{:>5.1}", a_day(threshold))).join("  ");
        let now = format!("{} {:>5.1}", advice.now, a_day(advice.now));
        let one = |threshold: Option<Threshold>| threshold.map_or("none".to_owned(), |one| one.to_string());
        output.line(format!(
            "  {:<width$}  {now:<12}  {curve}   {:>5}  {:>8}",
            advice.topic,
            if advice.fits_anyhow() { "any".to_owned() } else { one(advice.alone) },
            one(advice.together)
        ))?;
    }
    let now: u64 =
        topics.iter().filter_map(|advice| advice.curve.get(&advice.now)).map(|point| point.mails).sum();
    let (now, together) = (now as f64 / days, advised.together / days);
    let is_possible = topics.iter().any(|advice| advice.together.is_some());
    output.line(if is_possible {
        format!("  now {now:.1} a day in all, with \"together\" {together:.1}: quiet topics keep their thresholds, the busiest give way")
    } else {
        format!(
            "  now {now:.1} a day in all, and {together:.1} with 0.99 for every topic: narrow the busiest topics, ask for more publishers\n  (alert.publishers), or let a route take fewer"
        )
    })?;
    output.line("  \"alone\" is the lowest that keeps one topic by itself to the budget")?;
    say_judged(output, topics)
}

/// How many of the judged mails would be right.
fn say_judged(output: &mut Output, advised: &[Advice]) -> Result<(), Failure> {
    for advice in advised {
        let marks = [("now", Some(advice.now)), ("alone", advice.alone), ("together", advice.together)];
        let mut by_threshold: BTreeMap<Threshold, Vec<&str>> = BTreeMap::new();
        for (mark, threshold) in marks {
            if let Some(threshold) = threshold {
                by_threshold.entry(threshold).or_default().push(mark);
            }
        }
        for (threshold, marks) in by_threshold {
            let point = advice.curve.get(&threshold).copied().unwrap_or_default();
            if let Some(words) = precision_words(point.right, point.wrong) {
                output.line(format!("  {} at {threshold} ({}): {words}", advice.topic, marks.join(", ")))?;
            }
        }
    }
    Ok(())
}
