//! The pipeline without the daemon: polls and ticks at times the test chooses, on a real database file.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use jiff::Timestamp;
use tempfile::TempDir;
use wirewatch::config::{self, Config, Environment};
use wirewatch::feed::schedule::after;
use wirewatch::feed::{Entry, Feed, FeedId};
use wirewatch::fetch::Headers;
use wirewatch::pipeline::{self, AlertEvent, Asked, Elapsed, End, Poll, Reading, Settled};
use wirewatch::store::outbox::Claimed;
use wirewatch::store::{Durability, FILE_NAME, Reader, StoreError, Transaction, Writer};
use wirewatch::story::Stories;

/// A topic that every headline with `truce` and `broken` trips.
pub(crate) const TOPIC: &str = include_str!("broken-truce.toml");

/// A configuration, its database and a clock that only the test moves.
pub(crate) struct Lab {
    pub(crate) dir: TempDir,
    pub(crate) config: Config,
    pub(crate) writer: Writer,
    pub(crate) stories: Stories,
}

impl Lab {
    /// The topic above, two feeds, one route; `alert` is put under the topic's `[alert]`, `main` before everything else.
    pub(crate) fn with(alert: &str, main: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("topics")).unwrap();
        fs::write(dir.path().join("topics/broken-truce.toml"), format!("{TOPIC}{alert}\n")).unwrap();
        let feeds =
            "[[feed]]\nurl = \"https://one.example/feed\"\n[[feed]]\nurl = \"https://two.example/feed\"\n";
        fs::write(dir.path().join("feeds.toml"), feeds).unwrap();
        let route = "[[route]]\nto = [\"desk@example.org\", \"night@example.org\"]\n";
        fs::write(dir.path().join("wirewatch.toml"), format!("{main}\n{route}")).unwrap();
        let loaded = config::load(dir.path(), &Environment::default()).unwrap();
        let writer = Writer::open(&dir.path().join(FILE_NAME), Durability::None).unwrap();
        Self { dir, config: loaded.config, writer, stories: Stories::default() }
    }

    /// A configuration of these files, by their names in its directory.
    pub(crate) fn of(files: &BTreeMap<String, String>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let loaded = config::load(dir.path(), &Environment::default());
        let loaded = loaded.unwrap_or_else(|problems| panic!("{problems:?}"));
        let writer = Writer::open(&dir.path().join(FILE_NAME), Durability::None).unwrap();
        Self { dir, config: loaded.config, writer, stories: Stories::default() }
    }

    /// Closes the database and opens it again.
    pub(crate) fn restart(&mut self) {
        self.writer = Writer::open(&self.dir.path().join(FILE_NAME), Durability::None).unwrap();
        self.stories = Stories::default();
    }

    /// Puts a file into the configuration and reads it again.
    pub(crate) fn reconfigure(&mut self, file: &str, text: &str) {
        fs::write(self.dir.path().join(file), text).unwrap();
        self.config = config::load(self.dir.path(), &Environment::default()).unwrap().config;
    }

    pub(crate) fn new() -> Self {
        Self::with("", "")
    }

    /// Polls a feed (by its place in feeds.toml) at a time; the document holds these entries.
    pub(crate) fn poll(&mut self, feed: usize, at: Timestamp, entries: &[Entry]) -> Settled {
        let scored = pipeline::prepare(entries.to_vec(), &self.feed(feed), &self.config.topics, at);
        let headers = Headers { etag: Some(b"\"e\"".to_vec()), ..Headers::default() };
        self.end(feed, at, End::Document(Box::new(Reading { scored, headers, ..Reading::default() })))
    }

    /// Ends a poll in any way.
    pub(crate) fn end(&mut self, feed: usize, at: Timestamp, end: End) -> Settled {
        let (config, feed) = (self.config.clone(), self.feed(feed));
        let settled = self.writer.settling(&mut self.stories, |tx, stories| {
            let id: FeedId = tx.feed(&feed)?.id;
            let poll = Poll { feed: id, started_at: at, asked: Asked::default(), end };
            pipeline::settle(tx, stories, &config, &feed, &poll, at)
        });
        settled.unwrap()
    }

    /// Polls a feed for the first time, with an old entry, so that later polls are not first sights.
    pub(crate) fn acquaint(&mut self, at: Timestamp) {
        for feed in 0..self.config.feeds.len() {
            self.poll(feed, at, &[entry("calm", "Calm seas and a slow day in the harbour", at)]);
        }
    }

    pub(crate) fn tick(&mut self, at: Timestamp) -> Vec<AlertEvent> {
        self.elapse(at).alerts
    }

    /// Everything time alone does at a time.
    pub(crate) fn elapse(&mut self, at: Timestamp) -> Elapsed {
        let config = self.config.clone();
        self.within(|tx| pipeline::tick(tx, &config, at))
    }

    /// Does what is due up to a time, each at its time, as the daemon and replay do.
    pub(crate) fn elapse_until(&mut self, at: Timestamp) -> Elapsed {
        let config = self.config.clone();
        let mut all = Elapsed::default();
        while let Some(due) = self.within(|tx| pipeline::next_tick_at(tx, &config)).filter(|due| *due <= at) {
            let elapsed = self.elapse(due);
            all.alerts.extend(elapsed.alerts);
            all.released.extend(elapsed.released);
            all.reminded.extend(elapsed.reminded);
            let next = self.within(|tx| pipeline::next_tick_at(tx, &config));
            assert!(next.is_none_or(|next| next > due), "a tick at {due} leaves something due");
        }
        all
    }

    pub(crate) fn claim(&mut self, at: Timestamp) -> Vec<Claimed> {
        self.within(|tx| tx.claim_deliveries(at, Duration::from_hours(1), 100))
    }

    pub(crate) fn next_delivery_at(&mut self) -> Option<Timestamp> {
        #[expect(
            clippy::redundant_closure_for_method_calls,
            reason = "the method itself is not general enough in lifetime"
        )]
        self.within(|tx| tx.next_delivery_at())
    }

    /// Does something in a transaction and commits it.
    pub(crate) fn within<T>(&mut self, job: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>) -> T {
        let tx = self.writer.begin().unwrap();
        let done = job(&tx).unwrap();
        tx.commit().unwrap();
        done
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::open(self.writer.path()).unwrap()
    }

    fn feed(&self, place: usize) -> Feed {
        self.config.feeds[place].clone()
    }
}

/// An entry with an id, a headline, its own link and a publication time.
pub(crate) fn entry(id: &str, title: &str, published: Timestamp) -> Entry {
    Entry {
        id: Some(id.to_owned()),
        url: Some(format!("https://one.example/{id}")),
        title: title.to_owned(),
        published: Some(published),
        ..Entry::default()
    }
}

/// Noon of a day, plus hours.
pub(crate) fn hour(hours: u64) -> Timestamp {
    after("2026-03-01T12:00:00Z".parse().unwrap(), Duration::from_secs(hours * 3600))
}

/// The words of a decision about an article.
pub(crate) fn decision(lab: &Lab, article: i64) -> (String, String) {
    let scores = lab.reader().scores(article).unwrap();
    let score = scores.iter().find(|score| score.trips).unwrap();
    (score.decision.clone(), score.reason.clone())
}
