//! Two configurations on one input: which alerts only one of them gives, which both give at another time.
//!
//! Owns the pairing. Two alerts are the same news when they are about one topic and tell of a common entry; of several the
//! nearest in time are a pair. Refuses to say which configuration is better.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::super::{Failure, Output};
use super::input::Input;
use super::player::{Happening, Player};
use super::read;
use super::solo::{alert_json, alert_line};
use super::tally::Tally;
use crate::config::Config;
use crate::feed::schedule::words;

/// An alert of one side.
struct Told {
    at: Timestamp,
    topic: String,
    /// Places of its articles in the input, sorted.
    inputs: Vec<u64>,
    line: String,
    json: Value,
}

/// An alert of either side, or of both.
struct Pair<'t> {
    a: Option<&'t Told>,
    b: Option<&'t Told>,
}

impl Pair<'_> {
    fn at(&self) -> Timestamp {
        self.a.or(self.b).map_or(Timestamp::MIN, |told| told.at)
    }

    fn topic(&self) -> &str {
        self.a.or(self.b).map_or("", |told| &told.topic)
    }

    /// How much later B tells, where both do.
    fn later(&self) -> Option<SignedDuration> {
        self.a.zip(self.b).map(|(a, b)| b.at.duration_since(a.at))
    }

    fn place(&self) -> &'static str {
        match (self.a, self.b) {
            (Some(_), Some(_)) => "both",
            (Some(_), None) => "a",
            _ => "b",
        }
    }
}

/// Plays an input through both and prints the difference.
pub(super) fn run(sides: [(&Path, &Config); 2], input: &mut Input, json: bool) -> Result<(), Failure> {
    let [(dir_a, a), (dir_b, b)] = sides;
    let (mut player_a, mut player_b) = (Player::new(a, "a")?, Player::new(b, "b")?);
    let (mut told_a, mut told_b) = (Vec::new(), Vec::new());
    read(input, |chunk| {
        player_a.play(chunk, &mut |happening| note(&mut told_a, &happening))?;
        player_b.play(chunk, &mut |happening| note(&mut told_b, &happening))
    })?;
    player_a.close()?;
    player_b.close()?;
    let pairs = pair(&told_a, &told_b);
    let mut output = Output::open();
    let tallies = [(dir_a, &player_a.tally), (dir_b, &player_b.tally)];
    if json {
        say_json(&mut output, &pairs, tallies)?;
    } else {
        say(&mut output, &pairs, tallies)?;
    }
    output.finish()
}

#[expect(clippy::unnecessary_wraps, reason = "it is what a player tells")]
fn note(told: &mut Vec<Told>, happening: &Happening<'_>) -> Result<(), Failure> {
    if let Happening::Alert { event, names, inputs } = happening {
        told.push(Told {
            at: event.at,
            topic: event.alert.topic.0.clone(),
            inputs: inputs.clone(),
            line: alert_line(event),
            json: alert_json(event, names),
        });
    }
    Ok(())
}

/// Pairs what is the same news, in order of time.
fn pair<'t>(a: &'t [Told], b: &'t [Told]) -> Vec<Pair<'t>> {
    // Alerts of B by topic and entry.
    let mut by_entry: BTreeMap<(&str, u64), Vec<usize>> = BTreeMap::new();
    for (place, told) in b.iter().enumerate() {
        for input in &told.inputs {
            by_entry.entry((&told.topic, *input)).or_default().push(place);
        }
    }
    let mut candidates: Vec<(SignedDuration, usize, usize)> = Vec::new();
    for (place, told) in a.iter().enumerate() {
        let common = told.inputs.iter().filter_map(|input| by_entry.get(&(told.topic.as_str(), *input)));
        let mut others: Vec<usize> = common.flatten().copied().collect();
        others.sort_unstable();
        others.dedup();
        let apart = |other: usize| b.get(other).map(|other| other.at.duration_since(told.at).abs());
        candidates.extend(others.into_iter().filter_map(|other| Some((apart(other)?, place, other))));
    }
    candidates.sort_unstable();
    let (mut partners, mut taken) = (vec![None; a.len()], vec![false; b.len()]);
    for (_, of_a, of_b) in candidates {
        if let (Some(partner @ None), Some(is_taken @ false)) = (partners.get_mut(of_a), taken.get_mut(of_b))
        {
            (*partner, *is_taken) = (Some(of_b), true);
        }
    }
    let mut pairs: Vec<Pair<'t>> = a
        .iter()
        .zip(partners)
        .map(|(told, partner)| Pair { a: Some(told), b: partner.and_then(|partner| b.get(partner)) })
        .collect();
    let alone = b.iter().zip(taken).filter(|(_, is_taken)| !is_taken);
    pairs.extend(alone.map(|(told, _)| Pair { a: None, b: Some(told) }));
    pairs.sort_by_key(Pair::at);
    pairs
}

/// How often something is so, by topic.
#[derive(Default)]
struct Count {
    only_a: u64,
    only_b: u64,
    moved: u64,
    same: u64,
}

fn counts(pairs: &[Pair<'_>], tallies: [(&Path, &Tally); 2]) -> BTreeMap<String, Count> {
    let topics = tallies.iter().flat_map(|(_, tally)| tally.topics.keys());
    let mut counts: BTreeMap<String, Count> = topics.map(|topic| (topic.clone(), Count::default())).collect();
    for pair in pairs {
        let count = counts.entry(pair.topic().to_owned()).or_default();
        match (pair.place(), pair.later()) {
            ("a", _) => count.only_a += 1,
            ("b", _) => count.only_b += 1,
            (_, Some(later)) if !later.is_zero() => count.moved += 1,
            _ => count.same += 1,
        }
    }
    counts
}

fn say_json(output: &mut Output, pairs: &[Pair<'_>], tallies: [(&Path, &Tally); 2]) -> Result<(), Failure> {
    for pair in pairs.iter().filter(|pair| pair.later().is_none_or(|later| !later.is_zero())) {
        let [a, b] = [pair.a, pair.b].map(|told| told.map(|told| &told.json));
        output.json(&json!({
            "type": "difference", "in": pair.place(), "topic": pair.topic(),
            "later_seconds": pair.later().map(|later| later.as_secs()), "a": a, "b": b,
        }))?;
    }
    let counts = counts(pairs, tallies);
    let of = |topic: &str, tally: &Tally| {
        tally.topics.get(topic).map(|count| json!({ "tripped": count.tripped, "alerts": count.alerts }))
    };
    let [(dir_a, a), (dir_b, b)] = tallies;
    let per_topic: serde_json::Map<String, Value> = counts
        .iter()
        .map(|(topic, count)| {
            let line = json!({
                "a": of(topic, a), "b": of(topic, b), "only_a": count.only_a, "only_b": count.only_b,
                "moved": count.moved, "same": count.same,
            });
            (topic.clone(), line)
        })
        .collect();
    let sum = |pick: fn(&Count) -> u64| counts.values().map(pick).sum::<u64>();
    output.json(&json!({
        "type": "comparison", "a": { "dir": dir_a, "summary": a.summary() },
        "b": { "dir": dir_b, "summary": b.summary() }, "only_a": sum(|count| count.only_a),
        "only_b": sum(|count| count.only_b), "moved": sum(|count| count.moved), "same": sum(|count| count.same),
        "per_topic": per_topic,
    }))
}

fn say(output: &mut Output, pairs: &[Pair<'_>], tallies: [(&Path, &Tally); 2]) -> Result<(), Failure> {
    for (name, (dir, tally)) in ["A", "B"].into_iter().zip(tallies) {
        let days = tally.span();
        output.line(format!(
            "{name}  {}: {} entries in {days} days, {} alerts, {:.1} a day",
            dir.display(),
            tally.entries,
            tally.alerts,
            tally.alerts as f64 / days
        ))?;
    }
    let mut section = |title: &str, lines: Vec<String>| -> Result<(), Failure> {
        output.line(format!("\n{title}: {}", lines.len()))?;
        lines.iter().try_for_each(|line| output.line(format!("  {line}")))
    };
    let only = |place: &str, pick: fn(&Pair<'_>) -> Option<String>| -> Vec<String> {
        pairs.iter().filter(|pair| pair.place() == place).filter_map(pick).collect()
    };
    section("only in A", only("a", |pair| pair.a.map(|told| told.line.clone())))?;
    section("only in B", only("b", |pair| pair.b.map(|told| told.line.clone())))?;
    let moved = pairs.iter().filter_map(|pair| {
        let later = pair.later().filter(|later| !later.is_zero())?;
        Some(format!("{}\n      {} in B", pair.a?.line, later_words(later)))
    });
    section("in both, at another time", moved.collect())?;
    let counts = counts(pairs, tallies);
    let same: u64 = counts.values().map(|count| count.same).sum();
    output.line(format!("\nin both, at the same time: {same}"))?;
    let width = counts.keys().map(|topic| topic.chars().count()).max().unwrap_or(5).max(5);
    output.line(format!(
        "\n{:<width$}  {:>6} {:>6}  {:>6} {:>6} {:>6} {:>6}",
        "topic", "A", "B", "only A", "only B", "moved", "same"
    ))?;
    let alerts = |topic: &str, tally: &Tally| {
        tally.topics.get(topic).map_or_else(|| "-".to_owned(), |count| count.alerts.to_string())
    };
    let [(_, a), (_, b)] = tallies;
    for (topic, count) in &counts {
        let Count { only_a, only_b, moved, same } = count;
        let (of_a, of_b) = (alerts(topic, a), alerts(topic, b));
        output.line(format!(
            "{topic:<width$}  {of_a:>6} {of_b:>6}  {only_a:>6} {only_b:>6} {moved:>6} {same:>6}"
        ))?;
    }
    Ok(())
}

fn later_words(later: SignedDuration) -> String {
    let apart = Duration::try_from(later.abs()).unwrap_or(Duration::MAX);
    format!("{} {}", words(apart), if later.is_negative() { "earlier" } else { "later" })
}
