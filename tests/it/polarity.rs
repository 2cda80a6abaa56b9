//! The polarity battery: pairs of headlines that share their words, one of which must alert and the other must not.
//!
//! The pairs are data, `polarity/<language>.toml`, written before the topics were tuned to them.
#![allow(clippy::print_stdout, reason = "the battery says what it found")]

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use wirewatch::article::normalize;
use wirewatch::config::{self, Environment};
use wirewatch::feed::{Entry, Feed};
use wirewatch::topic::{Scratch, TopicId, Topics};

/// Share of pairs that must be right.
const RIGHT_MIN: f64 = 0.97;

struct Pair {
    language: String,
    topic: TopicId,
    alert: String,
    quiet: String,
}

fn pairs() -> Vec<Pair> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/polarity");
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut pairs = Vec::new();
    for file in files {
        let table: toml::Table = toml::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        for pair in table["pair"].as_array().unwrap() {
            let text = |key: &str| pair[key].as_str().unwrap().to_owned();
            pairs.push(Pair {
                language: table["language"].as_str().unwrap().to_owned(),
                topic: TopicId(text("topic")),
                alert: text("alert"),
                quiet: text("quiet"),
            });
        }
    }
    pairs
}

/// Whether a headline trips a topic, and its score.
fn trips(topics: &Topics, topic: &TopicId, headline: &str, language: &str) -> (bool, f64) {
    let feed = Feed {
        language: Some(language.to_owned()),
        ..Feed::new("https://example.org/feed".parse().unwrap())
    };
    let title = headline.replace('&', "&amp;").replace('<', "&lt;");
    let article = normalize(&Entry { title, ..Entry::default() }, &feed, Timestamp::UNIX_EPOCH);
    let score = topics.score_for(topic, &article, &mut Scratch::default()).expect("a shipped topic");
    (score.trips, score.probability)
}

#[test]
fn headlines_that_share_their_words_are_told_apart() {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let topics = config::load(&config, &Environment::default()).unwrap().config.topics;
    let pairs = pairs();
    let mut wrong = Vec::new();
    for pair in &pairs {
        let (alert, high) = trips(&topics, &pair.topic, &pair.alert, &pair.language);
        let (quiet, low) = trips(&topics, &pair.topic, &pair.quiet, &pair.language);
        if !alert {
            wrong.push(format!("{} {} missed {high:.2}: {}", pair.language, pair.topic, pair.alert));
        }
        if quiet {
            wrong.push(format!("{} {} false {low:.2}: {}", pair.language, pair.topic, pair.quiet));
        }
        if alert && !quiet {
            continue;
        }
        wrong.push(String::new());
    }
    let failed = wrong.iter().filter(|line| line.is_empty()).count();
    let right = 1.0 - failed as f64 / pairs.len() as f64;
    let told: Vec<&str> = wrong.iter().map(String::as_str).filter(|line| !line.is_empty()).collect();
    let told =
        format!("{} of {} pairs right ({right:.3}):\n{}", pairs.len() - failed, pairs.len(), told.join("\n"));
    println!("{told}");
    assert!(pairs.len() >= 300, "only {} pairs", pairs.len());
    assert!(right >= RIGHT_MIN, "{told}");
}
