//! Entries played through a configuration: scored on all cores, settled in order, told as they happen.
//!
//! Owns [`Player`] and [`Happening`]. Refuses to print and to know what a replay is for.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};
use url::Url;

use super::super::Failure;
use super::super::record::stranger;
use super::input::{Name, Timed};
use super::scene::{Scene, Visit};
use super::tally::Tally;
use crate::article::identity::ArticleId;
use crate::config::Config;
use crate::feed::Feed;
use crate::pipeline::{self, AlertEvent, ArticleEvent, Elapsed, Scored};
use crate::store::Reader;

/// Entries that came by a feed at one time, and what became of them.
#[derive(Clone, Copy)]
pub(super) struct Visited<'h> {
    pub(super) feed: &'h Arc<Feed>,
    /// Whether the feed was read before.
    pub(super) is_feed_known: bool,
    pub(super) timed: &'h [Timed],
    pub(super) scored: &'h [Scored],
    pub(super) articles: &'h [ArticleEvent],
}

/// What comes of playing entries, in order.
pub(super) enum Happening<'h> {
    /// Entries came by a feed at one time; its articles and alerts follow one by one.
    Visit(Visited<'h>),
    /// An article is new.
    Article {
        timed: &'h Timed,
        item: &'h Scored,
        event: &'h ArticleEvent,
        name: Value,
        copy_of: Option<Value>,
    },
    /// People would have been told. `inputs` are the places of its articles in what is played.
    Alert { event: &'h AlertEvent, names: Vec<Value>, inputs: Vec<u64> },
    /// Mails that time alone brings: what was held, and second addresses.
    Late(&'h Elapsed),
}

/// Who is told of it.
pub(super) type See<'s> = &'s mut dyn FnMut(Happening<'_>) -> Result<(), Failure>;

/// How an article of the scratch database is called, and where in the input it first stood.
#[derive(Debug, Clone)]
struct Called {
    name: Name,
    input: u64,
}

/// A configuration that is played.
pub(super) struct Player<'a> {
    config: &'a Config,
    pub(super) scene: Scene<'a>,
    pub(super) tally: Tally,
    /// Configured feeds by address, in the order of the configuration.
    configured: HashMap<String, usize>,
    feeds: HashMap<(Arc<Url>, Option<String>), Arc<Feed>>,
    called: HashMap<ArticleId, Called>,
    /// Entries played.
    count: u64,
}

impl<'a> Player<'a> {
    pub(super) fn new(config: &'a Config) -> Result<Self, Failure> {
        let mut configured = HashMap::new();
        for (place, feed) in config.feeds.iter().enumerate() {
            configured.entry(feed.url.as_str().to_owned()).or_insert(place);
            configured.entry(feed.address()).or_insert(place);
        }
        Ok(Self {
            config,
            scene: Scene::new(config)?,
            tally: Tally::new(config),
            configured,
            feeds: HashMap::new(),
            called: HashMap::new(),
            count: 0,
        })
    }

    /// Plays some polls, none of them cut in two.
    pub(super) fn play(&mut self, chunk: &[Timed], see: See<'_>) -> Result<(), Failure> {
        let feeds: Vec<Arc<Feed>> = chunk.iter().map(|timed| self.feed(timed)).collect();
        let mut items = prepare(chunk, &feeds, self.config).into_iter();
        let mut place = 0;
        for poll in chunk.chunk_by(Timed::same_poll) {
            let of_poll: Vec<Scored> = items.by_ref().take(poll.len()).collect();
            if let Some(feed) = feeds.get(place) {
                self.poll(poll, feed, &of_poll, see)?;
            }
            place += poll.len();
        }
        Ok(())
    }

    /// The feed an entry came by, as configured if it is, else as a stranger.
    fn feed(&mut self, timed: &Timed) -> Arc<Feed> {
        let key = (Arc::clone(&timed.feed), timed.publisher.clone());
        if let Some(feed) = self.feeds.get(&key) {
            return Arc::clone(feed);
        }
        let place = self.configured.get(timed.feed.as_str());
        let known = place.and_then(|place| self.config.feeds.get(*place)).cloned();
        let unknown = || Feed {
            publishers: Arc::clone(&self.config.publishers),
            ..stranger(timed.feed.as_ref().clone())
        };
        let mut feed = known.unwrap_or_else(unknown);
        if timed.publisher.is_some() {
            feed.publisher.clone_from(&timed.publisher);
        }
        let feed = Arc::new(feed);
        self.feeds.insert(key, Arc::clone(&feed));
        feed
    }

    fn poll(
        &mut self,
        timed: &[Timed],
        feed: &Arc<Feed>,
        items: &[Scored],
        see: See<'_>,
    ) -> Result<(), Failure> {
        let Some(first) = timed.first() else { return Ok(()) };
        for elapsed in &self.scene.tick_until(first.seen_at)? {
            for alert in &elapsed.alerts {
                self.tell(alert, see)?;
            }
            see(Happening::Late(elapsed))?;
        }
        self.tally.visit(timed.len(), first.seen_at);
        let is_feed_known = first.is_feed_known || self.scene.knows(feed);
        let visit = Visit { feed, at: first.seen_at, is_feed_known, scored: items.to_vec() };
        let settled = self.scene.settle(visit)?;
        let articles = &settled.articles;
        see(Happening::Visit(Visited { feed, is_feed_known, timed, scored: items, articles }))?;
        for event in &settled.articles {
            let (Some(item), Some(entry)) = (items.get(event.index), timed.get(event.index)) else {
                continue;
            };
            self.tally.article(event, item);
            if event.is_revision {
                continue;
            }
            let input = self.count + event.index as u64;
            self.called.insert(event.id, Called { name: entry.name.clone(), input });
            let name = self.name(event.id).unwrap_or_default();
            let copy_of = event.copy_of.and_then(|id| self.name(id));
            see(Happening::Article { timed: entry, item, event, name, copy_of })?;
        }
        self.count += timed.len() as u64;
        for alert in &settled.alerts {
            self.tell(alert, see)?;
        }
        Ok(())
    }

    /// Counts at the end what was not told, and what not at once.
    pub(super) fn close(&mut self) -> Result<Reader, Failure> {
        let reader = self.scene.reader()?;
        self.tally.suppressed = reader.suppressed()?;
        self.tally.held_back = reader.held_back()?;
        Ok(reader)
    }

    fn tell(&mut self, event: &AlertEvent, see: See<'_>) -> Result<(), Failure> {
        self.tally.alert(event);
        let names = event.articles.iter().filter_map(|id| self.name(*id)).collect();
        let mut inputs: Vec<u64> =
            event.articles.iter().filter_map(|id| self.called.get(id)).map(|called| called.input).collect();
        inputs.sort_unstable();
        see(Happening::Alert { event, names, inputs })
    }

    /// How an article is called: as its record, or by its number here.
    pub(super) fn name(&self, id: ArticleId) -> Option<Value> {
        self.called.get(&id).map(|called| match &called.name {
            Name::Given(name) => json!(name),
            Name::Number(number) => json!(number.to_string()),
            Name::None => json!(id.0.to_string()),
        })
    }
}

/// Normalises and scores on all cores, in order.
fn prepare(chunk: &[Timed], feeds: &[Arc<Feed>], config: &Config) -> Vec<Scored> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let size = chunk.len().div_ceil(workers).max(1);
    let one = |(timed, feed): (&Timed, &Arc<Feed>)| {
        pipeline::prepare(vec![timed.entry.clone()], feed, &config.topics, timed.seen_at)
    };
    std::thread::scope(|scope| {
        let parts: Vec<_> = chunk
            .chunks(size)
            .zip(feeds.chunks(size))
            .map(|(part, feeds)| {
                scope.spawn(move || part.iter().zip(feeds).flat_map(one).collect::<Vec<_>>())
            })
            .collect();
        parts.into_iter().flat_map(|part| part.join().unwrap_or_default()).collect()
    })
}
