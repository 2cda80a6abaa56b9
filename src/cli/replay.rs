//! `wirewatch replay`: recorded entries through the whole pipeline, on their own clock, into a scratch database.
//!
//! Differs from `run` in the clock (when entries were seen), the database (thrown away) and the mailer (none). Two runs
//! on the same input print the same.

use std::collections::{BTreeMap, HashMap};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::record::{Lines, Record};
use super::score::rounded;
use super::{Exit, Failure, Outcome, Output, complain, load, short};
use crate::article::identity::ArticleId;
use crate::config::Config;
use crate::feed::answer::AnswerKind;
use crate::feed::{Feed, FeedId};
use crate::pipeline::{self, AlertEvent, Asked, Elapsed, End, Poll, Reading, Scored, Settled};
use crate::store::{Durability, Reader, Writer};
use crate::story::Stories;

/// Entries read, normalised and scored at a time.
const CHUNK: usize = 2048;

pub(super) fn run(dir: &Path, files: &[PathBuf], json: bool) -> Outcome {
    let config = load(dir)?;
    let scratch = Scratch::make()?;
    let mut player = Player::new(&config, &scratch, json)?;
    let mut exit = Exit::Done;
    for file in files {
        let mut lines = Lines::open(file)?;
        let mut chunk: Vec<Timed> = Vec::with_capacity(CHUNK);
        while let Some(line) = lines.next()? {
            match line.map(|record| player.timed(record, &lines.place())) {
                Ok(Ok(timed)) => {
                    // A poll is not cut in two.
                    if chunk.len() >= CHUNK && chunk.last().is_some_and(|last| !last.same_poll(&timed)) {
                        player.play(std::mem::take(&mut chunk))?;
                    }
                    chunk.push(timed);
                }
                Ok(Err(complaint)) => {
                    complain(&complaint);
                    exit = Exit::Failed;
                }
                Err(bad) => {
                    complain(&format!("{}: not an entry: {}", bad.place, bad.message));
                    exit = Exit::Failed;
                }
            }
        }
        player.play(chunk)?;
    }
    player.finish(&scratch)?;
    Ok(exit)
}

/// A directory that goes with the value.
struct Scratch(PathBuf);

impl Scratch {
    fn make() -> Result<Self, Failure> {
        let dir = std::env::temp_dir().join(format!("wirewatch-replay-{}", std::process::id()));
        std::fs::create_dir_all(&dir)
            .map_err(|error| Failure::new(format!("cannot make {}: {error}", dir.display()), "set TMPDIR"))?;
        Ok(Self(dir))
    }

    fn database(&self) -> PathBuf {
        self.0.join(crate::store::FILE_NAME)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is the temporary directory's to clean.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A record with its place in time.
struct Timed {
    record: Record,
    feed: Feed,
    seen_at: Timestamp,
}

impl Timed {
    fn same_poll(&self, other: &Self) -> bool {
        self.seen_at == other.seen_at && self.feed.url == other.feed.url
    }
}

#[derive(Default)]
struct TopicCount {
    tripped: u64,
    alerts: u64,
}

struct Player<'a> {
    config: &'a Config,
    writer: Writer,
    stories: Stories,
    output: Output,
    json: bool,
    progress: bool,
    feeds: HashMap<String, FeedId>,
    names: HashMap<ArticleId, Value>,
    clock: Timestamp,
    first_at: Option<Timestamp>,
    next_tick_at: Option<Timestamp>,
    entry_count: u64,
    article_count: u64,
    copy_count: u64,
    alert_count: u64,
    story_ids: std::collections::HashSet<i64>,
    topics: BTreeMap<String, TopicCount>,
    days: BTreeMap<String, u64>,
}

impl<'a> Player<'a> {
    fn new(config: &'a Config, scratch: &Scratch, json: bool) -> Result<Self, Failure> {
        let topics = config.topics.iter().map(|topic| (topic.source.id.0.clone(), TopicCount::default()));
        Ok(Self {
            config,
            writer: Writer::open(&scratch.database(), Durability::None)?,
            stories: Stories::default(),
            output: Output::open(),
            json,
            progress: std::io::stderr().is_terminal(),
            feeds: HashMap::new(),
            names: HashMap::new(),
            clock: Timestamp::MIN,
            first_at: None,
            next_tick_at: None,
            entry_count: 0,
            article_count: 0,
            copy_count: 0,
            alert_count: 0,
            story_ids: std::collections::HashSet::new(),
            topics: topics.collect(),
            days: BTreeMap::new(),
        })
    }

    /// Gives a record its time. The clock never runs backwards: one seen before its predecessor counts as seen with it.
    fn timed(&mut self, record: Record, place: &str) -> Result<Timed, String> {
        let seen_at = record
            .seen_at()
            .ok_or_else(|| format!("{place}: neither seen nor published can be read as a time; left out"))?;
        self.clock = self.clock.max(seen_at);
        self.first_at.get_or_insert(self.clock);
        let feed = record.feed(self.config);
        Ok(Timed { record, feed, seen_at: self.clock })
    }

    /// Plays some polls: computed on all cores, settled in order.
    fn play(&mut self, chunk: Vec<Timed>) -> Result<(), Failure> {
        let scored = prepare(&chunk, self.config);
        let mut items = chunk.into_iter().zip(scored).peekable();
        while let Some((timed, scored)) = items.next() {
            let mut records = vec![timed];
            let mut poll = vec![scored];
            while let Some((timed, scored)) = items.next_if(|(next, _)| records[0].same_poll(next)) {
                records.push(timed);
                poll.push(scored);
            }
            self.poll(&records, poll)?;
        }
        if self.progress {
            complain(&format!("{} entries, {}", self.entry_count, short(self.clock)));
        }
        Ok(())
    }

    fn poll(&mut self, records: &[Timed], scored: Vec<Scored>) -> Result<(), Failure> {
        let (feed, at) = (&records[0].feed, records[0].seen_at);
        self.tick_until(at)?;
        self.entry_count += records.len() as u64;
        let config = self.config;
        let tx = self.writer.begin()?;
        let id = match self.feeds.get(feed.url.as_str()) {
            Some(id) => *id,
            None => tx.feed(feed)?.id,
        };
        let copy = scored.clone();
        // A record comes without a request, as from a hub: it says nothing of the feed's pace, health and gaps.
        let reading = Reading { kind: AnswerKind::Pushed, scored, ..Reading::default() };
        let poll =
            Poll { feed: id, started_at: at, asked: Asked::default(), end: End::Document(Box::new(reading)) };
        let settled = pipeline::settle(&tx, &mut self.stories, config, feed, &poll, at)?;
        let trips = copy.iter().any(|item| item.scores.iter().any(|score| score.trips));
        if trips || !settled.alerts.is_empty() {
            self.next_tick_at = pipeline::next_tick_at(&tx, config)?;
        }
        tx.commit()?;
        self.stories.committed();
        self.feeds.insert(feed.url.as_str().to_owned(), id);
        self.tell(records, &copy, &settled)
    }

    /// Lets time pass: held updates go out and incidents close when they are due, not when the next entry comes.
    fn tick_until(&mut self, at: Timestamp) -> Result<(), Failure> {
        while let Some(due_at) = self.next_tick_at.filter(|due_at| *due_at <= at) {
            let tx = self.writer.begin()?;
            let elapsed = pipeline::tick(&tx, self.config, due_at)?;
            let next = pipeline::next_tick_at(&tx, self.config)?;
            tx.commit()?;
            // A time that does not move on would be a loop without end.
            self.next_tick_at = next.filter(|next| *next > due_at);
            for alert in &elapsed.alerts {
                self.tell_alert(alert)?;
            }
            self.tell_late(&elapsed)?;
        }
        Ok(())
    }

    fn tell(&mut self, records: &[Timed], scored: &[Scored], settled: &Settled) -> Result<(), Failure> {
        for event in &settled.articles {
            let item = &scored[event.index];
            let record = &records[event.index];
            let name =
                record.record.id.as_ref().map_or_else(|| json!(event.id.0.to_string()), |id| json!(id));
            for score in item.scores.iter().filter(|score| score.trips) {
                if let Some(count) = self.topics.get_mut(&score.topic.0) {
                    count.tripped += 1;
                }
            }
            if event.is_revision {
                continue;
            }
            self.names.insert(event.id, name.clone());
            self.article_count += 1;
            self.copy_count += u64::from(event.copy_of.is_some());
            self.story_ids.insert(event.story.0);
            if self.json {
                let each = self.config.topics.probabilities(&item.scores);
                let topics: Map<String, Value> =
                    each.into_iter().map(|(topic, score)| (topic.0, json!(rounded(score)))).collect();
                let copy_of = event.copy_of.and_then(|id| self.names.get(&id));
                self.output.json(&json!({
                    "type": "article", "id": name, "seen": record.seen_at, "story": event.story.0,
                    "copy_of": copy_of, "publisher": item.article.publisher, "places": item.article.places,
                    "topics": topics,
                }))?;
            }
        }
        for alert in &settled.alerts {
            self.tell_alert(alert)?;
        }
        Ok(())
    }

    fn tell_alert(&mut self, event: &AlertEvent) -> Result<(), Failure> {
        self.alert_count += 1;
        if let Some(count) = self.topics.get_mut(&event.alert.topic.0) {
            count.alerts += 1;
        }
        *self.days.entry(event.at.strftime("%Y-%m-%d").to_string()).or_default() += 1;
        if !self.json {
            return self.output.line(format!("{}  {:.2}  {}", short(event.at), event.score, event.subject));
        }
        let articles: Vec<&Value> = event.articles.iter().filter_map(|id| self.names.get(id)).collect();
        self.output.json(&json!({
            "type": "alert", "at": event.at, "kind": event.alert.kind.as_str(), "reason": event.reason,
            "topic": event.alert.topic, "severity": event.alert.severity, "place": event.alert.place,
            "incident": event.incident.0, "story": event.story.0, "articles": articles,
            "publishers": event.alert.publishers, "score": rounded(event.score), "subject": event.subject,
            "to": event.to,
        }))
    }

    /// Mails that time alone brings: digests, what quiet hours, limits and silences held, and second addresses.
    fn tell_late(&mut self, elapsed: &Elapsed) -> Result<(), Failure> {
        for mail in &elapsed.released {
            let count = mail.alerts.len();
            if self.json {
                let alerts: Vec<i64> = mail.alerts.iter().map(|alert| alert.0).collect();
                self.output.json(&json!({
                    "type": "mail", "at": mail.at, "kind": if mail.digest.is_some() { "digest" } else { "late" },
                    "reason": mail.reason, "alerts": alerts, "subject": mail.subject, "to": [mail.to],
                }))?;
            } else if mail.digest.is_some() {
                self.output.line(format!("{}  {count} held  {}", short(mail.at), mail.subject))?;
            } else {
                self.output.line(format!("{}  held  {}", short(mail.at), mail.subject))?;
            }
        }
        for mail in &elapsed.reminded {
            if self.json {
                self.output.json(&json!({
                    "type": "mail", "at": mail.at, "kind": "reminder", "reason": "nobody acknowledged it",
                    "alerts": [mail.alert.0], "subject": mail.subject, "to": [mail.to],
                }))?;
            } else {
                self.output.line(format!(
                    "{}  to {}, unacknowledged  {}",
                    short(mail.at),
                    mail.to,
                    mail.subject
                ))?;
            }
        }
        Ok(())
    }

    fn finish(mut self, scratch: &Scratch) -> Result<(), Failure> {
        let seconds = self.first_at.map_or(0.0, |first| self.clock.duration_since(first).as_secs_f64());
        let days = ((seconds / 86_400.0).max(1.0) * 100.0).round() / 100.0;
        let reader = Reader::open(&scratch.database())?;
        let (suppressed, held_back) = (reader.suppressed()?, reader.held_back()?);
        let per_topic: Map<String, Value> = self
            .topics
            .iter()
            .map(|(topic, count)| {
                let per_day = rounded(count.alerts as f64 / days);
                let counts =
                    json!({ "tripped": count.tripped, "alerts": count.alerts, "alerts_per_day": per_day });
                (topic.clone(), counts)
            })
            .collect();
        if self.json {
            let suppressed: Map<String, Value> = suppressed
                .into_iter()
                .chain(held_back)
                .map(|(reason, count)| (reason, json!(count)))
                .collect();
            self.output.json(&json!({
                "type": "summary", "entries": self.entry_count, "articles": self.article_count,
                "copies": self.copy_count, "stories": self.story_ids.len(), "alerts": self.alert_count,
                "suppressed": suppressed, "days": days, "per_topic": per_topic,
            }))?;
            return self.output.finish();
        }
        self.output.line(format!(
            "\n{} entries in {days} days: {} articles, {} of them copies, {} stories, {} alerts",
            self.entry_count,
            self.article_count,
            self.copy_count,
            self.story_ids.len(),
            self.alert_count
        ))?;
        for (topic, count) in &self.topics {
            let per_day = count.alerts as f64 / days;
            self.output.line(format!(
                "  {topic}: {} articles tripped, {} alerts, {per_day:.1} a day",
                count.tripped, count.alerts
            ))?;
        }
        for (reason, count) in suppressed {
            self.output.line(format!("  not told: {count} {reason}"))?;
        }
        for (reason, count) in held_back {
            self.output.line(format!("  not told at once: {count} {reason}"))?;
        }
        for (day, count) in &self.days {
            self.output.line(format!("  {day}  {count} alerts"))?;
        }
        self.output.finish()
    }
}

/// Normalises and scores on all cores, in order.
fn prepare(chunk: &[Timed], config: &Config) -> Vec<Scored> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let size = chunk.len().div_ceil(workers).max(1);
    let one = |timed: &Timed| {
        pipeline::prepare(vec![timed.record.entry()], &timed.feed, &config.topics, timed.seen_at)
    };
    std::thread::scope(|scope| {
        let parts: Vec<_> = chunk
            .chunks(size)
            .map(|part| scope.spawn(move || part.iter().flat_map(one).collect::<Vec<_>>()))
            .collect();
        parts.into_iter().flat_map(|part| part.join().unwrap_or_default()).collect()
    })
}
