//! A scratch database and its clock: the one place where a replay meets the pipeline.
//!
//! Owns the temporary directory and the passing of time. It differs from a daemon in the clock (when entries were seen), the
//! database (thrown away) and the mailer (none), nowhere else.

use std::collections::HashMap;
use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use jiff::Timestamp;

use super::super::Failure;
use crate::config::Config;
use crate::feed::answer::AnswerKind;
use crate::feed::{Feed, FeedId};
use crate::pipeline::{self, AlertEvent, Asked, Elapsed, End, Poll, Reading, Scored, Settled};
use crate::store::{Durability, FILE_NAME, Reader, StoreError, Transaction, Writer};
use crate::story::Stories;

/// Names tried for a scratch directory.
const NAMES_TRIED: u32 = 8;

/// A directory that goes with the value.
struct Scratch(PathBuf);

impl Scratch {
    /// A new one, for its owner alone. Nobody can guess its name and lay something there; one that is there already is another's.
    fn make() -> Result<Self, Failure> {
        let parent = std::env::temp_dir();
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new(format!("cannot make a directory in {}: {error}", parent.display()), "set TMPDIR")
        };
        for _ in 0..NAMES_TRIED {
            let mut name = [0; 8];
            getrandom::fill(&mut name).map_err(|error| failed(&error))?;
            let dir = parent.join(format!("wirewatch-replay-{:016x}", u64::from_le_bytes(name)));
            match DirBuilder::new().mode(0o700).create(&dir) {
                Ok(()) => return Ok(Self(dir)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(&error)),
            }
        }
        Err(failed(&"every name is taken"))
    }

    fn database(&self) -> PathBuf {
        self.0.join(FILE_NAME)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is the temporary directory's to clean.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Entries that came at one time by one feed.
#[derive(Debug)]
pub(super) struct Visit<'a> {
    pub(super) feed: &'a Feed,
    pub(super) at: Timestamp,
    /// Whether the feed had been read before all that is played.
    pub(super) is_feed_known: bool,
    pub(super) scored: Vec<Scored>,
}

impl Visit<'_> {
    /// Whether anything of it trips, so that time may have something to do.
    fn trips(&self) -> bool {
        self.scored.iter().any(|item| item.scores.iter().any(|score| score.trips))
    }
}

/// A pipeline on its own clock.
pub(super) struct Scene<'a> {
    config: &'a Config,
    // Before the directory it lies in.
    writer: Writer,
    scratch: Scratch,
    stories: Stories,
    feeds: HashMap<String, FeedId>,
    next_tick_at: Option<Timestamp>,
}

impl<'a> Scene<'a> {
    /// An empty one.
    pub(super) fn new(config: &'a Config) -> Result<Self, Failure> {
        let scratch = Scratch::make()?;
        let writer = Writer::open(&scratch.database(), Durability::None)?;
        let stories = Stories::default();
        Ok(Self { config, writer, scratch, stories, feeds: HashMap::new(), next_tick_at: None })
    }

    /// Whether a feed was read before.
    pub(super) fn knows(&self, feed: &Feed) -> bool {
        self.feeds.contains_key(feed.url.as_str())
    }

    /// Settles what came.
    pub(super) fn settle(&mut self, visit: Visit<'_>) -> Result<Settled, Failure> {
        let feed = visit.feed;
        let known = self.feeds.get(feed.url.as_str()).copied();
        let config = self.config;
        let trips = visit.trips();
        let tx = self.writer.begin()?;
        let (id, settled) = settle(&tx, &mut self.stories, config, known, visit)?;
        if trips || !settled.alerts.is_empty() {
            self.next_tick_at = pipeline::next_tick_at(&tx, config)?;
        }
        tx.commit()?;
        self.stories.committed();
        self.feeds.insert(feed.url.as_str().to_owned(), id);
        Ok(settled)
    }

    /// Lets time pass: held updates go out and incidents close when they are due, not when the next entry comes.
    pub(super) fn tick_until(&mut self, at: Timestamp) -> Result<Vec<Elapsed>, Failure> {
        let mut ticks = Vec::new();
        while let Some(due_at) = self.next_tick_at.filter(|due_at| *due_at <= at) {
            let tx = self.writer.begin()?;
            ticks.push(pipeline::tick(&tx, self.config, due_at)?);
            let next = pipeline::next_tick_at(&tx, self.config)?;
            tx.commit()?;
            // A time that does not move on would be a loop without end.
            self.next_tick_at = next.filter(|next| *next > due_at);
        }
        Ok(ticks)
    }

    /// Plays visits in their order through a configuration as if nothing else had ever happened, lets time pass until `until`, and
    /// leaves no trace. Hands over each visit's place with what settling it came to.
    pub(super) fn rehearse<'v>(
        &mut self,
        config: &Config,
        visits: impl Iterator<Item = Visit<'v>>,
        until: Timestamp,
        mut see: impl FnMut(usize, &Settled),
    ) -> Result<Vec<AlertEvent>, Failure> {
        let tx = self.writer.begin()?;
        let (mut feeds, mut next_tick_at) = (HashMap::<String, FeedId>::new(), None::<Timestamp>);
        let (mut alerts, mut stories) = (Vec::new(), Stories::default());
        let pass = |until: Timestamp, next_tick_at: &mut Option<Timestamp>| -> Result<_, StoreError> {
            let mut alerts = Vec::new();
            while let Some(due_at) = next_tick_at.filter(|due_at| *due_at <= until) {
                alerts.extend(pipeline::tick(&tx, config, due_at)?.alerts);
                *next_tick_at = pipeline::next_tick_at(&tx, config)?.filter(|next| *next > due_at);
            }
            Ok(alerts)
        };
        for (place, visit) in visits.enumerate() {
            alerts.extend(pass(visit.at, &mut next_tick_at)?);
            let address = visit.feed.url.as_str().to_owned();
            let trips = visit.trips();
            let (id, settled) = settle(&tx, &mut stories, config, feeds.get(&address).copied(), visit)?;
            // What it remembers stands in the transaction that it reads.
            stories.committed();
            feeds.insert(address, id);
            if trips || !settled.alerts.is_empty() {
                next_tick_at = pipeline::next_tick_at(&tx, config)?;
            }
            see(place, &settled);
            alerts.extend(settled.alerts);
        }
        alerts.extend(pass(until, &mut next_tick_at)?);
        Ok(alerts)
    }

    /// Opens what was played for reading.
    pub(super) fn reader(&self) -> Result<Reader, Failure> {
        Ok(Reader::open(&self.scratch.database())?)
    }
}

fn settle(
    tx: &Transaction<'_>,
    stories: &mut Stories,
    config: &Config,
    known: Option<FeedId>,
    visit: Visit<'_>,
) -> Result<(FeedId, Settled), StoreError> {
    let Visit { feed, at, is_feed_known, scored } = visit;
    let id = match known {
        Some(id) => id,
        None => tx.feed(feed)?.id,
    };
    if known.is_none() && is_feed_known {
        let mut state = tx.feed_state(id)?.unwrap_or_default();
        state.first_success_at = Some(at);
        tx.save_feed(id, &state, None)?;
    }
    // A record comes without a request, as from a hub: it says nothing of the feed's pace, health and gaps.
    let reading = Reading { kind: AnswerKind::Pushed, scored, ..Reading::default() };
    let poll =
        Poll { feed: id, started_at: at, asked: Asked::default(), end: End::Document(Box::new(reading)) };
    Ok((id, pipeline::settle(tx, stories, config, feed, &poll, at)?))
}
