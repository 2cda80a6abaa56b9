//! The pipeline from entries to committed articles: polls of 30 new entries, polls of 30 known ones.
//!
//! `cargo bench --bench pipeline`. The database is a real file with the settings of `run`.

use divan::Bencher;
use divan::counter::ItemsCount;
use jiff::Timestamp;
use tempfile::TempDir;
use wirewatch::config::{self, Config, Environment};
use wirewatch::feed::Entry;
use wirewatch::pipeline::{self, Asked, End, Poll, Reading, Scored};
use wirewatch::store::{Durability, FILE_NAME, Writer};
use wirewatch::story::Stories;

const ENTRIES: u64 = 30;

fn main() {
    divan::main();
}

struct Desk {
    config: Config,
    writer: Writer,
    stories: Stories,
    clock: Timestamp,
    _dir: TempDir,
}

impl Desk {
    fn new() -> Self {
        let shipped = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        let config = config::load(&shipped, &Environment::default())
            .expect("the shipped configuration is sound")
            .config;
        let dir = tempfile::tempdir().expect("a temporary directory");
        let writer = Writer::open(&dir.path().join(FILE_NAME), Durability::Full).expect("a database");
        Self { config, writer, stories: Stories::default(), clock: Timestamp::UNIX_EPOCH, _dir: dir }
    }

    fn prepare(&self, batch: u64) -> Vec<Scored> {
        let entries = (0..ENTRIES).map(|number| entry(batch * ENTRIES + number)).collect();
        pipeline::prepare(entries, &self.config.feeds[0], &self.config.topics, self.clock)
    }

    fn settle(&mut self, scored: Vec<Scored>) {
        let feed = &self.config.feeds[0];
        let tx = self.writer.begin().expect("a transaction");
        let id = tx.feed(feed).expect("the feed's row").id;
        let end = End::Document(Box::new(Reading { scored, ..Reading::default() }));
        let poll = Poll { feed: id, started_at: self.clock, asked: Asked::default(), end };
        let settled = pipeline::settle(&tx, &mut self.stories, &self.config, feed, &poll, self.clock);
        divan::black_box(settled.expect("settled"));
        tx.commit().expect("committed");
        self.stories.committed();
    }
}

fn entry(number: u64) -> Entry {
    // Words that differ from article to article, as in news.
    let word = |salt: u64| format!("w{:x}", (number * 31 + salt).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44);
    let text: Vec<String> =
        (0..60).map(|salt| if salt % 3 == 0 { word(salt) } else { "the".to_owned() }).collect();
    Entry {
        id: Some(format!("entry-{number}")),
        url: Some(format!("https://news.example/{number}")),
        title: format!("Report {number}: {} {} {}", word(100), word(101), word(102)),
        summary: Some(text.join(" ")),
        published: Some(Timestamp::UNIX_EPOCH),
        ..Entry::default()
    }
}

/// Normalising and scoring alone.
#[divan::bench]
fn prepare(bencher: Bencher<'_, '_>) {
    let desk = Desk::new();
    bencher.counter(ItemsCount::new(ENTRIES)).bench_local(|| desk.prepare(1));
}

/// A poll that brings 30 new articles, committed.
#[divan::bench]
fn settle_new(bencher: Bencher<'_, '_>) {
    let mut desk = Desk::new();
    let mut batch = 0;
    let prepared = Desk::new();
    bencher
        .counter(ItemsCount::new(ENTRIES))
        .with_inputs(|| {
            batch += 1;
            prepared.prepare(batch)
        })
        .bench_local_values(|scored| desk.settle(scored));
}

/// A poll that brings nothing new.
#[divan::bench]
fn settle_known(bencher: Bencher<'_, '_>) {
    let mut desk = Desk::new();
    let known = desk.prepare(1);
    desk.settle(known.clone());
    bencher
        .counter(ItemsCount::new(ENTRIES))
        .with_inputs(|| known.clone())
        .bench_local_values(|scored| desk.settle(scored));
}
