//! `wirewatch topics show`: one topic on a screen.

use serde_json::{Map, Value, json};

use super::super::{Exit, Outcome, Output, counted};
use super::named;
use crate::config::Config;
use crate::topic::context::{Effect, Genre};
use crate::topic::lint::points_needed;
use crate::topic::{Expect, Topic};

pub(super) fn run(config: &Config, id: &str, json: bool) -> Outcome {
    let mut output = Output::open();
    for topic in named(config, Some(id))? {
        if json {
            output.json(&as_json(config, topic))?;
        } else {
            print(config, topic, &mut output)?;
        }
    }
    output.finish()?;
    Ok(Exit::Done)
}

fn file_and_codes(config: &Config, topic: &Topic) -> (String, Vec<String>) {
    let origin = config.topic_origins.get(&topic.source.id);
    origin.map(|origin| (origin.file.display().to_string(), origin.codes.clone())).unwrap_or_default()
}

fn print(config: &Config, topic: &Topic, output: &mut Output) -> Result<(), super::Failure> {
    let source = &topic.source;
    let (file, codes) = file_and_codes(config, topic);
    let policy = &source.policy;
    output.line(format!("{}  {}", source.id, source.name))?;
    if !source.description.is_empty() {
        output.line(format!("  {}", source.description))?;
    }
    output.line(format!("  file       {file}"))?;
    output.line(format!("  severity   {}", source.severity.as_str()))?;
    output.line(format!(
        "  threshold  {:.2}, which is {:.1} points (midpoint {}, slope {})",
        policy.threshold,
        points_needed(topic),
        source.calibration.midpoint,
        source.calibration.slope
    ))?;
    output.line(format!("  alerts     from {}", counted(policy.publishers, "publisher", "publishers")))?;
    if !codes.is_empty() {
        output.line(format!("  codes      {}", codes.join(", ")))?;
    }
    let alert = source.examples.iter().filter(|example| example.expect == Expect::Alert).count();
    output.line(format!("  examples   {alert} alert, {} quiet", source.examples.len() - alert))?;
    output.line("  context    what is left of a match's points")?;
    let effects = Effect::ALL.map(|effect| format!("{} {}", effect.name(), source.factors.effect(effect)));
    output.line(format!("             {}", effects.join(", ")))?;
    let genres = Genre::ALL.map(|genre| format!("{} {}", genre.name(), source.factors.genre(genre)));
    output.line(format!("             {}", genres.join(", ")))?;
    output.line(format!("  sets       {}", counted(set_names(topic).len(), "set", "sets")))?;
    for name in set_names(topic) {
        let lists = source.sets.iter().filter(|list| list.name == name);
        let counts =
            lists.map(|list| format!("{} {}", list.language.as_deref().unwrap_or("all"), list.terms.len()));
        let is_stemmed = source.sets.iter().any(|list| list.name == name && list.is_stemmed);
        let note = if is_stemmed { " (stems)" } else { "" };
        output.line(format!("    {name:<22} {}{note}", counts.collect::<Vec<_>>().join(", ")))?;
    }
    output.line(format!("  signals    {}", counted(source.signals.len(), "signal", "signals")))?;
    for signal in &source.signals {
        let cap = if signal.cap > 1.0 { format!(" up to ×{}", signal.cap) } else { String::new() };
        let context = if signal.context { "" } else { " as it stands" };
        output.line(format!("    {:>+7}{cap}{context}  {}", signal.weight, signal.name))?;
        output.line(format!("             {}", signal.when))?;
    }
    Ok(())
}

/// The sets in file order.
fn set_names(topic: &Topic) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for list in &topic.source.sets {
        if !names.contains(&list.name.as_str()) {
            names.push(&list.name);
        }
    }
    names
}

fn as_json(config: &Config, topic: &Topic) -> Value {
    let source = &topic.source;
    let (file, codes) = file_and_codes(config, topic);
    let sets = source.sets.iter().map(|list| {
        json!({"name": list.name, "language": list.language, "terms": list.terms.len(), "stemmed": list.is_stemmed})
    });
    let signals = source.signals.iter().map(|signal| {
        json!({
            "name": signal.name, "when": signal.when, "weight": signal.weight, "cap": signal.cap,
            "context": signal.context,
        })
    });
    let effects = Effect::ALL.map(|effect| (effect.name().to_owned(), source.factors.effect(effect).into()));
    let genres = Genre::ALL.map(|genre| (genre.name().to_owned(), source.factors.genre(genre).into()));
    let context: Map<String, Value> = effects.into_iter().chain(genres).collect();
    json!({
        "id": source.id, "name": source.name, "description": source.description, "severity": source.severity,
        "threshold": source.policy.threshold, "points": points_needed(topic), "codes": codes, "file": file,
        "sets": sets.collect::<Vec<_>>(), "signals": signals.collect::<Vec<_>>(), "context": context,
        "examples": source.examples.len(),
    })
}
