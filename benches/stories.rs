//! Stories at full size: 300,000 articles a day with a 72 h window. Time per article, memory, flatness, and a restart.
//!
//! `cargo bench --bench stories` simulates five days; `-- --days 2` fewer, `-- --restart` writes a million articles to a database
//! and reads the memory back, `--test` is a short run of both. The articles are the month's stream, each day as often as it takes:
//! every clone of a day has names and half of its words of its own, so that its events are other events and hang together as the
//! real ones do. Without `../shared/data/stream` the source is made up. Linux only: memory is read from `/proc`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use wirewatch::article::identity::ArticleId;
use wirewatch::article::{self, Article};
use wirewatch::feed::{Entry, Feed};
use wirewatch::store::{Durability, FILE_NAME, Writer};
use wirewatch::story::{Assignment, Sketch, Stories, StoryId, Taken};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

const PER_DAY: u64 = 300_000;

/// Articles made at a time, outside of what is measured.
const BATCH: u64 = 500;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let is_test = arguments.iter().any(|argument| argument == "--test");
    let days = arguments.iter().skip_while(|argument| *argument != "--days").nth(1);
    let days: u64 = days.and_then(|days| days.parse().ok()).unwrap_or(5);
    let source = Source::read(if is_test { 400 } else { 1_000_000 });
    if is_test {
        simulate(&source, 2_000, 500);
        restart(&source, 2_000);
    } else if arguments.iter().any(|argument| argument == "--restart") {
        restart(&source, 1_000_000);
    } else {
        simulate(&source, days * PER_DAY, PER_DAY / 4);
    }
}

/// Takes articles in, and tells every so often what they cost.
#[expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
fn simulate(source: &Source, count: u64, every: u64) {
    let mut stories = Stories::rebuild(wirewatch::story::Record::default(), None).finish();
    let before = resident_mib();
    let (mut sketching, mut assigning) = (Duration::ZERO, Duration::ZERO);
    let (mut opened, mut copies, mut slowest) = (0_i64, 0_u64, Duration::ZERO);
    println!("    articles  sketch µs  assign µs  slowest ms  stories  copies  MiB");
    let mut number = 0;
    while number < count {
        let end = (number + BATCH).min(count);
        let articles: Vec<Article> = (number..end).map(|number| source.article(number, PER_DAY)).collect();
        let begun = cpu_time();
        let sketches: Vec<Sketch> = articles.iter().map(Sketch::of).collect();
        let done = cpu_time();
        for (number, (article, sketch)) in (number..end).zip(articles.iter().zip(&sketches)) {
            let begun = Instant::now();
            let (taken, is_copy) = take_in(&mut stories, sketch, article, number, &mut opened);
            divan::black_box(taken);
            copies += u64::from(is_copy);
            slowest = slowest.max(begun.elapsed());
        }
        sketching += done.saturating_sub(begun);
        assigning += cpu_time().saturating_sub(done);
        number = end;
        if number % every == 0 || number == count {
            let since = if number % every == 0 { every } else { number % every };
            let per = |total: Duration| total.as_secs_f64() * 1e6 / since as f64;
            println!(
                "{number:12}  {:9.1}  {:9.1}  {:10.1}  {:7}  {:6}  {}",
                per(sketching),
                per(assigning),
                slowest.as_secs_f64() * 1e3,
                opened,
                copies,
                resident_mib().saturating_sub(before)
            );
            (sketching, assigning, slowest) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
        }
    }
}

/// Assigns an article and takes it in; what is to be kept, and whether it is a copy.
fn take_in(
    stories: &mut Stories,
    sketch: &Sketch,
    article: &Article,
    number: u64,
    opened: &mut i64,
) -> (Taken, bool) {
    divan::black_box(stories.advance(article.seen_at));
    let placement = stories.assign(sketch, article.seen_at);
    let (story, copy_of) = match placement.assignment {
        Assignment::Opens { copy_of } => {
            *opened += 1;
            (StoryId(*opened), copy_of)
        }
        Assignment::Joins { story, copy_of } => (story, copy_of),
    };
    let id = ArticleId(i64::try_from(number).unwrap_or_default() + 1);
    let taken = stories.add(placement, sketch, id, story);
    stories.committed();
    (taken, copy_of.is_some())
}

/// Writes articles to a real database and reads the memory of stories from it.
#[expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
fn restart(source: &Source, count: u64) {
    for (label, per_day) in [("30 days", count / 30 + 1), ("the window", count / 3)] {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join(FILE_NAME);
        let mut writer = Writer::open(&path, Durability::None).expect("a database");
        let mut stories = Stories::default();
        let feed = Feed::new("https://news.example/feed".parse().expect("an address"));
        let mut number = 0;
        while number < count {
            let tx = writer.begin().expect("a transaction");
            if stories.is_behind() {
                stories = tx.stories().expect("the memory");
            }
            let row = tx.feed(&feed).expect("the feed's row").id;
            for number in number..(number + 1_000).min(count) {
                let article = source.article(number, per_day);
                let sketch = Sketch::of(&article);
                tx.keep_ended(&stories.advance(article.seen_at)).expect("kept");
                let placement = stories.assign(&sketch, article.seen_at);
                let (story, copy_of) = match placement.assignment {
                    Assignment::Opens { copy_of } => {
                        (tx.open_story(&article.title, article.seen_at).expect("opened"), copy_of)
                    }
                    Assignment::Joins { story, copy_of } => (story, copy_of),
                };
                let entry = Entry::default();
                let id = tx.add_article(row, &entry, &article, story, copy_of, "").expect("added");
                tx.keep_taken(&stories.add(placement, &sketch, id, story)).expect("kept");
            }
            tx.commit().expect("committed");
            stories.committed();
            number += 1_000;
        }
        drop(writer);
        drop(stories);
        let begun = Instant::now();
        let mut writer = Writer::open(&path, Durability::None).expect("a database");
        let stories = writer.begin().expect("a transaction").stories().expect("the memory");
        divan::black_box(stories);
        let size = fs::metadata(&path).map_or(0, |file| file.len()) >> 20;
        println!(
            "{count} articles over {label}, {size} MiB: read back in {:.2} s",
            begun.elapsed().as_secs_f64()
        );
    }
}

/// What clones are made of.
struct Source {
    articles: Vec<Article>,
    /// Index of the first article of each day.
    days: Vec<usize>,
    /// Lower-case words to put in place of others, as often as they are used.
    words: Vec<String>,
}

impl Source {
    fn read(count_max: usize) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../shared/data/stream/2023-04-10_2023-05-10.jsonl.gz");
        let articles: Vec<Article> = match fs::File::open(path) {
            Ok(file) => BufReader::new(flate2::read::GzDecoder::new(file))
                .lines()
                .map_while(Result::ok)
                .take(count_max)
                .filter_map(|line| read_article(&line))
                .collect(),
            Err(_) => (0..count_max.min(50_000) as u64).map(made_up).collect(),
        };
        let mut days = Vec::new();
        let mut last = i64::MIN;
        for (index, article) in articles.iter().enumerate() {
            let day = article.seen_at.as_second().div_euclid(86_400);
            if day != last {
                days.push(index);
                last = day;
            }
        }
        days.push(articles.len());
        let words = articles
            .iter()
            .flat_map(|article| article.summary.split(' ').chain(article.title.split(' ')))
            .filter(|word| word.len() > 3 && word.bytes().all(|byte| byte.is_ascii_lowercase()))
            .map(str::to_owned)
            .collect();
        Self { articles, days, words }
    }

    /// The article of a number, so many a day: a clone of one of the source's day.
    fn article(&self, number: u64, per_day: u64) -> Article {
        let day = number / per_day;
        let place = index(day) % (self.days.len() - 1).max(1);
        let (first, end) = (self.days[place], self.days[place + 1]);
        let length = (end - first).max(1) as u64;
        let within = number % per_day;
        // All clones of an hour go by together, as the real articles of it would.
        let clones = per_day.div_ceil(length).max(1);
        let original = &self.articles[first + index((within / clones).min(length - 1))];
        let clone = within % clones;
        let seed = clone * 1_000 + 7;
        let nanoseconds = i64::try_from(number * 86_400_000 / per_day).unwrap_or_default();
        let seen_at = "2026-01-01T00:00:00Z".parse::<Timestamp>().expect("a time")
            + SignedDuration::from_millis(nanoseconds);
        Article {
            title: self.reworded(&original.title, seed),
            summary: self.reworded(&original.summary, seed),
            places: original.places.iter().map(|place| country(place, seed)).collect(),
            seen_at,
            ..original.clone()
        }
    }

    /// A text with other names and other words, the same ones for the same seed.
    fn reworded(&self, text: &str, seed: u64) -> String {
        let mut reworded = String::with_capacity(text.len() + 16);
        for (index, word) in text.split(' ').enumerate() {
            if index > 0 {
                reworded.push(' ');
            }
            let hash = xxh3_64_with_seed(word.to_lowercase().as_bytes(), seed);
            let first = word.chars().next().unwrap_or(' ');
            if first.is_uppercase() && index > 0 && word.len() > 2 {
                reworded.push_str(&name(hash));
            } else if word.len() > 3
                && first.is_alphabetic()
                && hash.is_multiple_of(2)
                && !self.words.is_empty()
            {
                reworded.push_str(&self.words[(hash >> 8) as usize % self.words.len()]);
            } else {
                reworded.push_str(word);
            }
        }
        reworded
    }
}

/// A name that no word is; the world has some hundred thousand that are in the news.
fn name(hash: u64) -> String {
    let syllables = [
        "ka", "ru", "mel", "ton", "ya", "sev", "dor", "il", "bra", "ne", "pol", "uz", "chi", "gar", "wen",
        "os",
    ];
    let mut number = hash % 200_000;
    let mut name = String::from("Q");
    for _ in 0..5 {
        name.push_str(syllables[(number % 16) as usize]);
        number /= 16;
    }
    name
}

fn country(place: &str, seed: u64) -> String {
    let codes = [
        "SD", "UA", "RU", "YE", "SY", "ET", "SO", "CD", "ML", "NE", "MM", "AF", "PK", "HT", "CO", "PS", "IL",
        "LB",
    ];
    codes[(xxh3_64(place.as_bytes()).wrapping_add(seed) % 18) as usize].to_owned()
}

fn read_article(line: &str) -> Option<Article> {
    let record: serde_json::Value = serde_json::from_str(line).ok()?;
    let text = |key: &str| record.get(key).and_then(|value| value.as_str()).map(str::to_owned);
    let feed = Feed::new(text("feed")?.parse().ok()?);
    let entry =
        Entry { title: text("title")?, summary: text("summary"), url: text("url"), ..Entry::default() };
    Some(article::normalize(&entry, &feed, text("seen")?.parse().ok()?))
}

fn made_up(number: u64) -> Article {
    let word = |salt: u64| name(xxh3_64_with_seed(&number.to_le_bytes(), salt) % 30_000).to_lowercase();
    let words = |from: u64, to: u64| (from..to).map(word).collect::<Vec<_>>().join(" ");
    let entry = Entry { title: words(0, 9), summary: Some(words(20, 50)), ..Entry::default() };
    let feed = Feed::new(format!("https://p{}.example/feed", number % 60).parse().expect("an address"));
    let at =
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(i64::try_from(number).unwrap_or_default() * 46);
    article::normalize(&entry, &feed, at)
}

/// Processor time this thread has had: other work on the machine does not count.
fn cpu_time() -> Duration {
    let status = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(status.split(' ').next().and_then(|time| time.parse().ok()).unwrap_or_default())
}

/// A number that counts something in memory.
fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Memory of this process.
fn resident_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = status.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or_default();
    (pages * 4096) >> 20
}
