//! How fast articles are scored, and that the cost grows with the text and not with its square.
#![allow(missing_docs, clippy::unwrap_used)]

use std::time::Duration;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use jiff::Timestamp;
use wirewatch::article::Article;
use wirewatch::feed::Tier;
use wirewatch::topic::matcher::ArticleText;
use wirewatch::topic::{
    AlertPolicy, Calibration, SetSource, Severity, SignalSource, Topic, TopicId, TopicSource, Topics,
};

fn main() {
    divan::main();
}

const ENTRIES: usize = 200;

/// Headline and summary of a feed entry, as most feeds carry them.
#[divan::bench(args = [2, 20, 100])]
fn entries(bencher: Bencher<'_, '_>, topic_count: usize) {
    let topics: Vec<Topic> = (0..topic_count).map(topic).collect();
    let articles: Vec<Article> = (0..ENTRIES).map(|seed| article(seed, 0)).collect();
    bencher.counter(ItemsCount::new(ENTRIES)).bench(|| {
        for article in &articles {
            black_box(score_all(&topics, black_box(article)));
        }
    });
}

/// Cutting alone: what is paid once per entry, however many topics there are.
#[divan::bench]
fn cut(bencher: Bencher<'_, '_>) {
    let articles: Vec<Article> = (0..ENTRIES).map(|seed| article(seed, 0)).collect();
    bencher.counter(ItemsCount::new(ENTRIES)).bench(|| {
        for article in &articles {
            black_box(ArticleText::new(black_box(article)));
        }
    });
}

/// Body words double from row to row; the time per row should little more than double.
#[divan::bench(args = [1_000, 2_000, 4_000, 8_000, 16_000])]
fn long_text(bencher: Bencher<'_, '_>, words: usize) {
    let topics = [topic(0), topic(1)];
    let article = article(7, words);
    bencher.bench(|| black_box(score_all(&topics, black_box(&article))));
}

const VOCABULARY: [&str; 40] = [
    "army",
    "truce",
    "ceasefire",
    "violates",
    "holds",
    "the",
    "a",
    "of",
    "in",
    "after",
    "hours",
    "talks",
    "aid",
    "convoy",
    "blocked",
    "border",
    "food",
    "minister",
    "said",
    "on",
    "Tuesday",
    "and",
    "city",
    "north",
    "shelling",
    "resumes",
    "people",
    "fled",
    "hospital",
    "market",
    "prices",
    "rise",
    "as",
    "for",
    "with",
    "trade",
    "deal",
    "collapses",
    "new",
    "U.N.",
];

/// A text of so many words, the same for the same seed.
fn prose(seed: usize, words: usize) -> String {
    let mut state = seed as u64 + 1;
    let mut text = String::new();
    for word in 0..words {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let index = usize::try_from(state >> 33).unwrap() % VOCABULARY.len();
        text.push_str(VOCABULARY[index]);
        text.push_str(if word % 17 == 16 { ". " } else { " " });
    }
    text
}

fn article(seed: usize, body_words: usize) -> Article {
    Article {
        title: prose(seed, 10),
        summary: prose(seed + 1_000, 35),
        body: prose(seed + 2_000, body_words),
        url: None,
        language: "en".into(),
        publisher: "example.org".into(),
        tier: Tier::default(),
        feed: "https://example.org/feed".into(),
        tags: Vec::new(),
        published_at: None,
        seen_at: Timestamp::UNIX_EPOCH,
        places: vec!["ZZ".into()],
        fingerprint: 0,
    }
}

/// A topic of about 130 terms in three languages and eight signals, the size of a shipped one.
fn topic(number: usize) -> Topic {
    let set = |name: &str, language: Option<&str>, known: &[&str], filler: usize| SetSource {
        name: name.into(),
        language: language.map(str::to_owned),
        terms: known
            .iter()
            .map(|&term| term.to_owned())
            .chain((0..filler).map(|term| format!("filler{number}x{term} phrase")))
            .collect(),
    };
    let signal = |when: &str, weight: f64| SignalSource {
        name: when.into(),
        when: when.into(),
        weight,
        cap: 1.0,
        context: true,
    };
    let source = TopicSource {
        id: TopicId(format!("topic-{number}")),
        name: "Bench".into(),
        description: String::new(),
        severity: Severity::Info,
        sets: vec![
            set("truce", Some("en"), &["ceasefire", "cease-fire", "truce", "cessation of hostilities"], 20),
            set("truce", Some("fr"), &["cessez-le-feu", "trêve"], 20),
            set("truce", Some("ar"), &["هدنة", "وقف إطلاق النار"], 10),
            set("breach", Some("en"), &["violat*", "breach*", "collaps*", "unravel*", "shatter*"], 30),
            set("aid", Some("en"), &["aid", "convoy", "food", "relief"], 20),
            set("block", Some("en"), &["block*", "loot*", "turned back"], 20),
            set("decoy", None, &["trade truce", "christmas truce"], 5),
        ],
        signals: vec![
            signal("@breach NEAR/6 @truce", 50.0),
            signal("@truce ONEAR/4 (holds OR extend*)", -40.0),
            signal("(shelling OR airstrike* OR clashes) NEAR/S @truce", 15.0),
            signal("@aid NEAR/5 @block", 40.0),
            signal("title:@truce AND (shelling OR fled)", 10.0),
            signal("ATLEAST/2(hospital market food)", 5.0),
            signal("{U.N.} NEAR/8 @aid", 10.0),
            signal("@truce AND NOT (minister OR talks)", 5.0),
        ],
        factors: Factors::default(),
        calibration: Calibration::default(),
        policy: AlertPolicy {
            threshold: 0.7,
            publishers: 1,
            update_every: Duration::from_hours(6),
            escalate_publishers: 3,
            close_after: Duration::from_hours(48),
            max_age: Duration::from_hours(48),
        },
        examples: Vec::new(),
    };
    Topic::compile(source).unwrap()
}
