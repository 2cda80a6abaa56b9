//! `wirewatch topics`: what is watched, and whether it gets its examples and other people's labels right.

mod evaluate;
mod import;
mod labels;
mod learn;
mod new;
mod show;
mod surges;

use std::path::Path;

use clap::Subcommand;
use jiff::civil::Date;
use serde_json::json;

use super::record::{nowhere, stranger};
use super::score::escape;
use super::{Exit, Failure, Outcome, Output, load};
use crate::article;
use crate::config::Config;
use crate::feed::Entry;
use crate::topic::{Example, Expect, Score, Scratch, Topic, Topics};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the topics
    #[command(after_help = "Example:\n  wirewatch topics list --json")]
    List {
        /// JSON Lines instead of text
        #[arg(long)]
        json: bool,
    },
    /// Show a topic: its sets, signals, factors and policy
    #[command(after_help = "Example:\n  wirewatch topics show ceasefire-breakdown")]
    Show {
        /// The topic
        topic: String,
        /// JSON instead of text
        #[arg(long)]
        json: bool,
    },
    /// Begin a topic from headlines and a description, in a new file under topics/
    #[command(
        after_help = "Examples:\n  wirewatch topics new bridge-closed --alert alert.txt --quiet quiet.txt --languages en\n  wirewatch topics new dam-breach --description 'A dam breaks, leaks or overflows'"
    )]
    New(new::Arguments),
    /// Make a topic file out of a search string (Meltwater, Brandwatch, Lucene) or a list of weighted words (EMM)
    #[command(
        after_help = "Examples:\n  wirewatch topics import query.txt --id ceasefire > topics/ceasefire.toml\n  echo '(ceasefire OR truce) NEAR/5 (violat* OR broke*) NOT trade' | wirewatch topics import - --id truce --into topics"
    )]
    Import(import::Arguments),
    /// Show how much is reported at each place, what is usual there, and why a surge was told or not
    #[command(after_help = "Example:\n  wirewatch topics surges mass-displacement")]
    Surges {
        /// Only this topic
        topic: Option<String>,
        /// JSON Lines instead of text
        #[arg(long)]
        json: bool,
    },
    /// Run every topic's examples; exit 1 when one comes out wrong
    #[command(after_help = "Examples:\n  wirewatch topics test\n  wirewatch topics test ceasefire-breakdown")]
    Test {
        /// Only this topic
        topic: Option<String>,
    },
    /// Hold scores against labelled articles: precision, recall, calibration, thresholds, the worst mistakes
    #[command(
        after_help = "Examples:\n  wirewatch topics evaluate --labels labelled.jsonl\n  wirewatch topics evaluate ceasefire-breakdown --stored --from 2026-01-01"
    )]
    Evaluate {
        /// Only this topic
        topic: Option<String>,
        #[command(flatten)]
        source: labels::Source,
        /// Only articles published on or after this date (YYYY-MM-DD, UTC)
        #[arg(long, value_name = "DATE")]
        from: Option<Date>,
        /// Count each entry by its `weight`: how many of a stream it stands for
        #[arg(long)]
        weights: bool,
        /// JSON Lines instead of text
        #[arg(long)]
        json: bool,
    },
    /// Fit weights and calibration to labelled articles, within bounds, into a file beside the topic
    #[command(
        after_help = "Examples:\n  wirewatch topics learn ceasefire-breakdown --labels labelled.jsonl --dry-run\n  wirewatch topics learn ceasefire-breakdown aid-blockage --stored --prevalence 0.002"
    )]
    Learn(learn::Arguments),
}

pub(super) fn run(dir: &Path, command: &Command) -> Outcome {
    // What is imported need not wait for a configuration that is sound.
    if let Command::Import(arguments) = command {
        return import::run(arguments);
    }
    let config = load(dir)?;
    match command {
        Command::Import(arguments) => import::run(arguments),
        Command::New(arguments) => new::run(&config, arguments),
        Command::Show { topic, json } => show::run(&config, topic, *json),
        Command::Surges { topic, json } => surges::run(&config, topic.as_deref(), *json),
        Command::List { json } => list(&config, *json),
        Command::Test { topic } => test(&config, topic.as_deref()),
        Command::Evaluate { topic, source, from, weights, json } => {
            let source = source.clone().narrowed(*from, *weights);
            evaluate::run(&config, topic.as_deref(), &source, *json)
        }
        Command::Learn(arguments) => learn::run(&config, arguments),
    }
}

/// The topic of this id, or all; a failure when there is none.
pub(super) fn named<'a>(config: &'a Config, only: Option<&str>) -> Result<Vec<&'a Topic>, Failure> {
    let topics: Vec<&Topic> =
        config.topics.iter().filter(|topic| only.is_none_or(|id| topic.source.id.0 == id)).collect();
    if topics.is_empty() {
        let known: Vec<&str> = config.topics.iter().map(|topic| topic.source.id.0.as_str()).collect();
        let message = format!("there is no topic {:?}", only.unwrap_or("*"));
        return Err(Failure::usage(message, format!("topics are: {}", known.join(", "))));
    }
    Ok(topics)
}

fn list(config: &Config, json: bool) -> Outcome {
    let mut output = Output::open();
    for topic in &config.topics {
        let source = &topic.source;
        if json {
            output.json(&json!({
                "id": source.id, "name": source.name, "description": source.description, "severity": source.severity,
                "threshold": source.policy.threshold, "signals": source.signals.len(), "examples": source.examples.len(),
                "learned": topic.learned().is_some(),
            }))?;
        } else {
            output.line(format!(
                "{:<24} {:<8} threshold {:.2}  {} signals{}, {} examples  {}",
                source.id.0,
                source.severity.as_str(),
                source.policy.threshold,
                source.signals.len(),
                if topic.learned().is_some() { " (learned)" } else { "" },
                source.examples.len(),
                source.description
            ))?;
        }
    }
    output.finish()?;
    Ok(Exit::Done)
}

fn test(config: &Config, only: Option<&str>) -> Outcome {
    let mut output = Output::open();
    let mut wrong_count = 0;
    let topics = named(config, only)?;
    for topic in topics {
        let wrong = wrong_examples(&config.topics, topic);
        wrong_count += wrong.len();
        let count = topic.source.examples.len();
        output.line(format!("{}: {} of {count} examples right", topic.source.id, count - wrong.len()))?;
        for (example, score) in wrong {
            output.line(format!("  {}", wrong_words(config, topic, example, &score)))?;
            for evidence in &score.evidence {
                output.line(format!(
                    "    {:>+6.1}  {}: {}",
                    evidence.points, evidence.signal, evidence.quote
                ))?;
            }
        }
    }
    output.finish()?;
    Ok(if wrong_count == 0 { Exit::Done } else { Exit::Failed })
}

/// The examples of a topic that come out wrong, with their scores.
pub(super) fn wrong_examples<'t>(topics: &Topics, topic: &'t Topic) -> Vec<(&'t Example, Score)> {
    let feed = stranger(nowhere());
    let mut scratch = Scratch::default();
    let scored = topic.source.examples.iter().filter_map(|example| {
        // An example is a headline; what follows its first line is the text under it.
        let (title, rest) = example.text.trim().split_once('\n').unwrap_or((example.text.trim(), ""));
        let entry = Entry { title: escape(title), summary: Some(escape(rest)), ..Entry::default() };
        let article = article::normalize(&entry, &feed, jiff::Timestamp::UNIX_EPOCH);
        Some((example, topics.score_for(&topic.source.id, &article, &mut scratch)?))
    });
    scored.filter(|(example, score)| score.trips != (example.expect == Expect::Alert)).collect()
}

/// One wrong example in words: where it stands, what was expected, what came.
pub(super) fn wrong_words(config: &Config, topic: &Topic, example: &Example, score: &Score) -> String {
    let file = config.topic_origins.get(&topic.source.id).map(|origin| origin.file.display().to_string());
    let expected = match example.expect {
        Expect::Alert => "should alert",
        Expect::Quiet => "should stay quiet",
    };
    format!(
        "{}:{}: example: {expected}, but scores {:.2} (threshold {:.2}): {}",
        file.unwrap_or_default(),
        example.line,
        score.probability,
        topic.source.policy.threshold,
        example.text.trim()
    )
}
