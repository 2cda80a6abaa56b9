//! How fast articles are scored, that the cost grows with the text and not with its square, and what is allocated:
//! `cargo bench --bench score`. Entries are those of `../shared/data/stream` when it is there, else made up.
//! `cargo bench --bench score -- --export DIR` writes texts and phrases for `benches/rivals.py`.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use divan::counter::{BytesCount, ItemsCount};
use divan::{AllocProfiler, Bencher, black_box};
use jiff::Timestamp;
use wirewatch::article::{Article, normalize, words};
use wirewatch::config::{self, shipped_languages};
use wirewatch::feed::{Entry, Feed};
use wirewatch::topic::closeness::Closeness;
use wirewatch::topic::context::Factors;
use wirewatch::topic::matcher::ArticleText;
use wirewatch::topic::{
    AlertPolicy, Calibration, Scratch, SetSource, Severity, SignalSource, Topic, TopicId, TopicSource, Topics,
};

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

/// Entries measured; a hundredth of them in unoptimised builds, where only running matters.
const ENTRIES: usize = if cfg!(debug_assertions) { 200 } else { 20_000 };

fn main() {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--export");
    if let (Some(_), Some(dir)) = (arguments.next(), arguments.next()) {
        export(Path::new(&dir));
        return;
    }
    divan::main();
}

static ARTICLES: LazyLock<Vec<Article>> = LazyLock::new(|| stream().unwrap_or_else(made_up));
static SHIPPED: LazyLock<Topics> = LazyLock::new(|| load_shipped().1);
static THOUSAND: LazyLock<Topics> = LazyLock::new(|| {
    let mut topics: Vec<Topic> = load_shipped().0;
    let phrases = phrases(100_000);
    let missing = 1_000_usize.saturating_sub(topics.len());
    topics.extend(
        phrases.chunks(phrases.len().div_ceil(missing).max(1)).enumerate().map(|(at, terms)| made(at, terms)),
    );
    let topics = Topics::new(topics, shipped_languages());
    println!(
        "{} topics, {} different phrases, automaton {} MiB",
        topics.len(),
        topics.phrase_count(),
        topics.automaton_bytes() >> 20
    );
    topics
});

/// The topics that ship, as the program loads them.
fn load_shipped() -> (Vec<Topic>, Topics) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let loaded = config::load(&dir, &config::Environment::default()).unwrap();
    let topics = loaded.config.topics;
    (topics.iter().cloned().collect(), topics)
}

/// Entries of the real stream, made comparable.
fn stream() -> Option<Vec<Article>> {
    let path: PathBuf =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/stream/2023-04-10_2023-05-10.jsonl.gz");
    let file = std::fs::File::open(path).ok()?;
    let lines = BufReader::new(flate2::read::GzDecoder::new(file)).lines();
    let articles = lines.take(ENTRIES).map(|line| {
        let value: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        let text = |key: &str| value.get(key).and_then(|text| text.as_str()).map(str::to_owned);
        let entry =
            Entry { title: text("title").unwrap_or_default(), summary: text("summary"), ..Entry::default() };
        comparable(&entry)
    });
    Some(articles.collect())
}

fn made_up() -> Vec<Article> {
    println!("made up entries: the real stream is not there");
    let entry = |seed: usize| Entry {
        title: prose(seed, 10),
        summary: Some(prose(seed + 1_000, 35)),
        ..Entry::default()
    };
    (0..ENTRIES).map(|seed| comparable(&entry(seed))).collect()
}

fn comparable(entry: &Entry) -> Article {
    let feed = Feed { language: Some("en".into()), ..Feed::new("https://example.org/feed".parse().unwrap()) };
    normalize(entry, &feed, Timestamp::UNIX_EPOCH)
}

/// Phrases of one to three words that stand in the entries: some in one of them, some in hundreds.
fn phrases(count: usize) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for article in ARTICLES.iter() {
        let folded = words::fold(&format!("{} {}", article.title, article.summary));
        let words: Vec<&str> = folded.split(' ').filter(|word| word.len() > 2).collect();
        let here: BTreeSet<String> =
            (1..=3).flat_map(|n| words.windows(n).map(|part| part.join(" "))).collect();
        for phrase in here {
            *seen.entry(phrase).or_default() += 1;
        }
    }
    let rare = ARTICLES.len() / 100;
    let mut phrases: Vec<String> =
        seen.into_iter().filter(|(_, count)| *count <= rare.max(1)).map(|(phrase, _)| phrase).collect();
    // Every so manieth, so that all beginnings are there.
    let step = (phrases.len() / count).max(1);
    phrases = phrases.into_iter().step_by(step).take(count).collect();
    // Neighbours in the alphabet part, so that a topic is not one word's.
    let mut state = 1_u64;
    for at in (1..phrases.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        phrases.swap(at, usize::try_from(state >> 33).unwrap() % (at + 1));
    }
    phrases
}

/// A topic of so many terms: two sets, and signals that combine them.
fn made(number: usize, terms: &[String]) -> Topic {
    let (one, other) = terms.split_at(terms.len() / 2);
    let set = |name: &str, terms: &[String]| SetSource {
        name: name.into(),
        language: None,
        terms: terms.to_vec(),
        is_stemmed: false,
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
        sets: vec![set("one", one), set("other", other)],
        signals: vec![
            signal("@one NEAR/6 @other", 50.0),
            signal("title:@one", 15.0),
            signal("@other ONEAR/3 @one", -20.0),
        ],
        factors: Factors::default(),
        closeness: Closeness::default(),
        calibration: Calibration::default(),
        policy: AlertPolicy::default(),
        examples: Vec::new(),
    };
    Topic::compile(source).unwrap()
}

fn score_stream(bencher: Bencher<'_, '_>, topics: &Topics) {
    let mut scratch = Scratch::default();
    bencher.counter(ItemsCount::new(ARTICLES.len())).bench_local(|| {
        for article in ARTICLES.iter() {
            black_box(topics.score(black_box(article), &mut scratch));
        }
    });
}

/// Headlines and summaries of the stream against the topics that ship, cutting into words included.
#[divan::bench(max_time = 10)]
fn shipped_topics(bencher: Bencher<'_, '_>) {
    score_stream(bencher, &SHIPPED);
}

/// The same against those and made ones, 1,000 topics with 100,000 phrases that stand in the stream.
#[divan::bench(max_time = 10)]
fn thousand_topics(bencher: Bencher<'_, '_>) {
    score_stream(bencher, &THOUSAND);
}

/// The readable evaluation, one topic at a time: what the automaton replaces.
#[divan::bench(max_time = 10)]
fn shipped_topics_one_by_one(bencher: Bencher<'_, '_>) {
    let count = if cfg!(debug_assertions) { 10 } else { 1_000 };
    let articles = ARTICLES.get(..ARTICLES.len().min(count)).unwrap_or_default();
    bencher.counter(ItemsCount::new(articles.len())).bench_local(|| {
        for article in articles {
            let text = ArticleText::new(article);
            for topic in SHIPPED.iter() {
                black_box(topic.score_as_matched(&text));
            }
        }
    });
}

/// Cutting alone: what is paid once per entry, however many topics there are.
#[divan::bench(max_time = 5)]
fn cut(bencher: Bencher<'_, '_>) {
    let mut buffers = Some(wirewatch::topic::matcher::Buffers::default());
    bencher.counter(ItemsCount::new(ARTICLES.len())).bench_local(|| {
        for article in ARTICLES.iter() {
            let text = ArticleText::in_buffers(article, buffers.take().unwrap_or_default());
            buffers = Some(text.into_buffers());
        }
    });
}

/// One text, up to 10 MB; the time per byte should stay what it is.
#[divan::bench(args = [10_000, 100_000, 1_000_000, 10_000_000], max_time = 5)]
fn long_text(bencher: Bencher<'_, '_>, bytes: usize) {
    let bytes = if cfg!(debug_assertions) { bytes.min(20_000) } else { bytes };
    let mut body = String::new();
    for article in ARTICLES.iter().cycle() {
        body.push_str(&article.summary);
        body.push_str(". ");
        if body.len() >= bytes {
            break;
        }
    }
    let article = Article { body, ..ARTICLES.first().unwrap().clone() };
    let mut scratch = Scratch::default();
    bencher
        .counter(BytesCount::of_str(&article.body))
        .bench_local(|| black_box(SHIPPED.score(black_box(&article), &mut scratch)));
}

/// What a rival needs to do the same work: the folded texts, a line each, and all phrases that are plain words.
fn export(dir: &Path) {
    std::fs::create_dir_all(dir).unwrap();
    let texts: String = ARTICLES
        .iter()
        .map(|article| words::fold(&format!("{} {}", article.title, article.summary)) + "\n")
        .collect();
    std::fs::write(dir.join("texts.txt"), texts).unwrap();
    for (name, topics) in [("shipped", Arc::new(SHIPPED.clone())), ("thousand", Arc::new(THOUSAND.clone()))] {
        let terms: BTreeSet<String> = topics
            .iter()
            .flat_map(|topic| topic.source.sets.iter().flat_map(|set| set.terms.iter()))
            .filter(|term| !term.contains(['"', '(', '@', '{', '?', '*']) && !term.contains("NEAR"))
            .map(|term| words::fold(term) + "\n")
            .collect();
        std::fs::write(dir.join(format!("{name}.txt")), terms.into_iter().collect::<String>()).unwrap();
    }
    // The made topics' queries, for an engine that has NEAR.
    let queries: String =
        (0..).zip(phrases(100_000).chunks(102)).map(|(_, terms)| terms.join("|") + "\n").collect();
    std::fs::write(dir.join("topics.txt"), queries).unwrap();
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
