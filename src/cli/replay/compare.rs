//! Two configurations on one input: which alerts only one of them gives, which both give at another time or otherwise.
//!
//! Owns the pairing. Two alerts are the same news when they are about one topic, are both news, surges, corrections or all-clears, and
//! tell of a common entry; of several the nearest in time are a pair. Refuses to say which configuration is better.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::super::{Failure, Output, short};
use super::input::Input;
use super::player::{Happening, Player};
use super::read;
use super::solo::{alert_json, alert_line};
use super::tally::Tally;
use crate::alert::Kind;
use crate::config::Config;
use crate::feed::schedule::words;
use crate::pipeline::AlertEvent;

/// What can be the same: a correction names the article of the alert it takes back, and is another thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    News,
    Surge,
    Correction,
    AllClear,
    Other,
}

impl Class {
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::First | Kind::Update | Kind::Escalation => Self::News,
            Kind::Surge => Self::Surge,
            Kind::Correction => Self::Correction,
            Kind::AllClear => Self::AllClear,
            Kind::Digest | Kind::Operator => Self::Other,
        }
    }
}

/// An alert of one side.
struct Told {
    at: Timestamp,
    topic: String,
    class: Class,
    /// How it is told: names and values that are compared besides.
    how: [(&'static str, String); 5],
    /// Places of its articles in the input, sorted.
    inputs: Vec<u64>,
    line: String,
    json: Value,
}

/// What becomes of an alert between A and B.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    OnlyA,
    OnlyB,
    /// Both give it, at another time.
    Moved,
    /// Both give it at one time, to others or as something else.
    Otherwise,
    Same,
}

/// What a configuration came to.
struct Side<'s> {
    dir: &'s Path,
    tally: &'s Tally,
    /// Mails that time alone brought: digests, what was held, second addresses.
    late: usize,
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

    /// In what the two are told otherwise: its name, A's and B's.
    fn differs(&self) -> Vec<(&'static str, &str, &str)> {
        let both = self.a.zip(self.b).into_iter().flat_map(|(a, b)| a.how.iter().zip(&b.how));
        both.filter(|(a, b)| a != b).map(|((name, a), (_, b))| (*name, a.as_str(), b.as_str())).collect()
    }

    fn fate(&self) -> Fate {
        match (self.a, self.b, self.later()) {
            (Some(_), None, _) => Fate::OnlyA,
            (None, _, _) => Fate::OnlyB,
            (_, _, Some(later)) if !later.is_zero() => Fate::Moved,
            _ if !self.differs().is_empty() => Fate::Otherwise,
            _ => Fate::Same,
        }
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
    let (mut player_a, mut player_b) = (Player::new(a)?, Player::new(b)?);
    let (mut notes_a, mut notes_b) = (Notes::default(), Notes::default());
    read(input, |chunk| {
        player_a.play(chunk, &mut |happening| note(&mut notes_a, &happening))?;
        player_b.play(chunk, &mut |happening| note(&mut notes_b, &happening))
    })?;
    player_a.close()?;
    player_b.close()?;
    let pairs = pair(&notes_a.told, &notes_b.told);
    let mut output = Output::open();
    let sides = [
        Side { dir: dir_a, tally: &player_a.tally, late: notes_a.late },
        Side { dir: dir_b, tally: &player_b.tally, late: notes_b.late },
    ];
    if json {
        say_json(&mut output, &pairs, &sides)?;
    } else {
        say(&mut output, &pairs, &sides)?;
    }
    output.finish()
}

/// What is noted of one side.
#[derive(Default)]
struct Notes {
    told: Vec<Told>,
    late: usize,
}

#[expect(clippy::unnecessary_wraps, reason = "it is what a player tells")]
fn note(notes: &mut Notes, happening: &Happening<'_>) -> Result<(), Failure> {
    match happening {
        Happening::Alert { event, names, inputs } => notes.told.push(Told {
            at: event.at,
            topic: event.alert.topic.0.clone(),
            class: Class::of(event.alert.kind),
            how: how(event),
            inputs: inputs.clone(),
            line: alert_line(event),
            json: alert_json(event, names),
        }),
        Happening::Late(elapsed) => notes.late += elapsed.released.len() + elapsed.reminded.len(),
        Happening::Visit(_) | Happening::Article { .. } => {}
    }
    Ok(())
}

fn how(event: &AlertEvent) -> [(&'static str, String); 5] {
    let sorted = |mut words: Vec<String>| {
        words.sort_unstable();
        if words.is_empty() { "nobody".to_owned() } else { words.join(", ") }
    };
    let held = event.held.iter().map(|(address, until)| format!("{address} until {}", short(*until)));
    [
        ("kind", event.alert.kind.as_str().to_owned()),
        ("severity", event.alert.severity.as_str().to_owned()),
        ("place", event.alert.place.clone()),
        ("to", sorted(event.to.clone())),
        ("held", sorted(held.collect())),
    ]
}

/// Pairs what is the same news, in order of time.
fn pair<'t>(a: &'t [Told], b: &'t [Told]) -> Vec<Pair<'t>> {
    // Alerts of B by topic, class and entry.
    let mut by_entry: BTreeMap<(&str, Class, u64), Vec<usize>> = BTreeMap::new();
    for (place, told) in b.iter().enumerate() {
        for input in &told.inputs {
            by_entry.entry((&told.topic, told.class, *input)).or_default().push(place);
        }
    }
    let mut candidates: Vec<(SignedDuration, usize, usize)> = Vec::new();
    for (place, told) in a.iter().enumerate() {
        let key = |input: &u64| (told.topic.as_str(), told.class, *input);
        let common = told.inputs.iter().filter_map(|input| by_entry.get(&key(input)));
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
    otherwise: u64,
    same: u64,
}

fn counts(pairs: &[Pair<'_>], sides: &[Side<'_>; 2]) -> BTreeMap<String, Count> {
    let topics = sides.iter().flat_map(|side| side.tally.topics.keys());
    let mut counts: BTreeMap<String, Count> = topics.map(|topic| (topic.clone(), Count::default())).collect();
    for pair in pairs {
        let count = counts.entry(pair.topic().to_owned()).or_default();
        match pair.fate() {
            Fate::OnlyA => count.only_a += 1,
            Fate::OnlyB => count.only_b += 1,
            Fate::Moved => count.moved += 1,
            Fate::Otherwise => count.otherwise += 1,
            Fate::Same => count.same += 1,
        }
    }
    counts
}

fn say_json(output: &mut Output, pairs: &[Pair<'_>], sides: &[Side<'_>; 2]) -> Result<(), Failure> {
    for pair in pairs.iter().filter(|pair| pair.fate() != Fate::Same) {
        let [a, b] = [pair.a, pair.b].map(|told| told.map(|told| &told.json));
        let differs: Vec<&str> = pair.differs().into_iter().map(|(name, ..)| name).collect();
        output.json(&json!({
            "type": "difference", "in": pair.place(), "topic": pair.topic(),
            "later_seconds": pair.later().map(|later| later.as_secs()), "differs": differs, "a": a, "b": b,
        }))?;
    }
    let counts = counts(pairs, sides);
    let of = |topic: &str, tally: &Tally| {
        tally.topics.get(topic).map(|count| json!({ "tripped": count.tripped, "alerts": count.alerts }))
    };
    let [a, b] = sides;
    let per_topic: serde_json::Map<String, Value> = counts
        .iter()
        .map(|(topic, count)| {
            let line = json!({
                "a": of(topic, a.tally), "b": of(topic, b.tally), "only_a": count.only_a, "only_b": count.only_b,
                "moved": count.moved, "otherwise": count.otherwise, "same": count.same,
            });
            (topic.clone(), line)
        })
        .collect();
    let sum = |pick: fn(&Count) -> u64| counts.values().map(pick).sum::<u64>();
    let side = |side: &Side<'_>| json!({ "dir": side.dir, "later_mails": side.late, "summary": side.tally.summary() });
    output.json(&json!({
        "type": "comparison", "a": side(a), "b": side(b), "only_a": sum(|count| count.only_a),
        "only_b": sum(|count| count.only_b), "moved": sum(|count| count.moved),
        "otherwise": sum(|count| count.otherwise), "same": sum(|count| count.same), "per_topic": per_topic,
    }))
}

fn say(output: &mut Output, pairs: &[Pair<'_>], sides: &[Side<'_>; 2]) -> Result<(), Failure> {
    for (name, Side { dir, tally, late }) in ["A", "B"].into_iter().zip(sides) {
        let days = tally.span();
        output.line(format!(
            "{name}  {}: {} entries in {days} days, {} alerts, {:.1} a day; {late} mails later (digests, what was held, reminders)",
            dir.display(),
            tally.entries,
            tally.alerts,
            tally.alerts as f64 / days
        ))?;
    }
    let mut section = |title: &str, fate: Fate, words: fn(&Pair<'_>) -> Option<String>| {
        let lines: Vec<String> = pairs.iter().filter(|pair| pair.fate() == fate).filter_map(words).collect();
        output.line(format!("\n{title}: {}", lines.len()))?;
        lines.iter().try_for_each(|line| output.line(format!("  {line}")))
    };
    section("only in A", Fate::OnlyA, |pair| pair.a.map(|told| told.line.clone()))?;
    section("only in B", Fate::OnlyB, |pair| pair.b.map(|told| told.line.clone()))?;
    section("in both, at another time", Fate::Moved, |pair| {
        let later = format!("\n      {} in B", later_words(pair.later()?));
        Some(format!("{}{later}{}", pair.a?.line, difference_words(pair)))
    })?;
    section("in both, told otherwise", Fate::Otherwise, |pair| {
        Some(format!("{}{}", pair.a?.line, difference_words(pair)))
    })?;
    say_counts(output, &counts(pairs, sides), sides)
}

fn say_counts(
    output: &mut Output,
    counts: &BTreeMap<String, Count>,
    sides: &[Side<'_>; 2],
) -> Result<(), Failure> {
    let same: u64 = counts.values().map(|count| count.same).sum();
    output.line(format!("\nin both, at the same time: {same}"))?;
    let width = counts.keys().map(|topic| topic.chars().count()).max().unwrap_or(5).max(5);
    output.line(format!(
        "\n{:<width$}  {:>6} {:>6}  {:>6} {:>6} {:>6} {:>9} {:>6}",
        "topic", "A", "B", "only A", "only B", "moved", "otherwise", "same"
    ))?;
    let alerts = |topic: &str, side: &Side<'_>| {
        side.tally.topics.get(topic).map_or_else(|| "-".to_owned(), |count| count.alerts.to_string())
    };
    let [a, b] = sides;
    for (topic, count) in counts {
        let Count { only_a, only_b, moved, otherwise, same } = count;
        let (of_a, of_b) = (alerts(topic, a), alerts(topic, b));
        output.line(format!(
            "{topic:<width$}  {of_a:>6} {of_b:>6}  {only_a:>6} {only_b:>6} {moved:>6} {otherwise:>9} {same:>6}"
        ))?;
    }
    Ok(())
}

/// What is told otherwise, a line each.
fn difference_words(pair: &Pair<'_>) -> String {
    let line = |(name, a, b): (&str, &str, &str)| format!("\n      {name}: {a} in A, {b} in B");
    pair.differs().into_iter().map(line).collect::<Vec<String>>().concat()
}

fn later_words(later: SignedDuration) -> String {
    let apart = Duration::try_from(later.abs()).unwrap_or(Duration::MAX);
    format!("{} {}", words(apart), if later.is_negative() { "earlier" } else { "later" })
}
