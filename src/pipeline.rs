//! Where all stages meet: from the entries of one poll to what is committed of it.
//!
//! [`prepare`] computes (parse results in, scored articles out) and can run on any thread. [`settle`] loads the few
//! rows the decisions need, decides, and writes, all inside the transaction it is handed; [`tick`] does the same for
//! what time alone changes. `run`, `replay` and the tests drive exactly these. Refuses the clock and the network.

mod archive;
mod backlog;
mod conclude;
mod correct;
mod cues;
mod dispatch;
mod elapse;
pub mod follow_up;
mod heartbeat;
mod hold;
mod hop;
mod host;
mod intake;
pub mod links;
mod missed;
mod operator;
mod outgoing;
pub mod page;
mod placing;
mod pushed;
mod raise;
mod refusal;
mod surge;
mod view;

use std::time::Duration;

use jiff::Timestamp;

pub use self::backlog::{BacklogEvent, is_closed, next_backlog_at, watch_backlog};
use self::conclude::conclude;
pub use self::elapse::{Elapsed, next_tick_at, tick};
pub use self::heartbeat::{beat, next_beat_at};
pub use self::hold::{Release, Reminded};
pub use self::hop::{Hop, HopSettled, may_defer, settle_hop};
pub use self::host::{HostNews, HostPause, HostSpacing, note_host};
use self::intake::{Sight, take_entries};
use self::missed::Seeing;
pub use self::missed::{PAGES_MAX, settle_older_page};
pub use self::operator::{OperatorEvent, next_look_at, tell_operator};
pub(crate) use self::outgoing::incident_page;
pub use self::outgoing::{Letter, Outgoing, claim, outlook};
pub use self::pushed::settle_delivery;
pub use self::refusal::{next_refusal_at, refusing, tell_refused};
use crate::alert::{Alert, AlertId};
use crate::article::identity::{ArticleId, Keys};
use crate::article::{self, Article};
use crate::config::Config;
use crate::feed::answer::AnswerKind;
use crate::feed::gap::Gap;
use crate::feed::pace::NextPoll;
use crate::feed::state::FeedState;
use crate::feed::subscription::offer::Offer;
use crate::feed::{Entry, Feed, FeedId};
use crate::fetch::Headers;
use crate::incident::IncidentId;
use crate::store::gaps::OlderPage;
use crate::store::pages::WaitingPage;
use crate::store::{StoreError, Transaction};
use crate::story::{Sketch, Stories, StoryId};
use crate::topic::matcher::ArticleText;
use crate::topic::{Score, Scratch, Topics};

/// An entry with everything computed from it alone.
#[derive(Debug, Clone)]
pub struct Scored {
    /// As the publisher gave it.
    pub entry: Entry,
    /// Made comparable.
    pub article: Article,
    /// What it is recognised by.
    pub keys: Keys,
    /// Scores of the topics that have evidence, or trip without any; the others' say nothing.
    pub scores: Vec<Score>,
    /// Its words, for the archive's full-text index.
    pub words: String,
    /// What its story and the texts it may copy are found by.
    pub sketch: Sketch,
}

/// Normalises and scores entries.
pub fn prepare(entries: Vec<Entry>, feed: &Feed, topics: &Topics, seen_at: Timestamp) -> Vec<Scored> {
    let mut scratch = Scratch::default();
    entries
        .into_iter()
        .map(|entry| {
            let article = article::normalize(&entry, feed, seen_at);
            let keys = Keys::of(&entry, &article);
            let text = ArticleText::new(&article);
            let mut scores = Vec::new();
            topics.score_text(&text, &mut scratch, &mut scores);
            let words = text.index_words();
            let sketch = Sketch::of(&article);
            Scored { entry, article, keys, scores, words, sketch }
        })
        .collect()
}

/// One poll of one feed, ready to be settled.
#[derive(Debug, Clone)]
pub struct Poll {
    /// The feed's row.
    pub feed: FeedId,
    /// When the request began.
    pub started_at: Timestamp,
    /// How it was asked.
    pub asked: Asked,
    /// How it ended.
    pub end: End,
}

/// How a poll was asked, and what it cost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// Digest of the address and access: validators belong to it.
    pub digest: Option<u64>,
    /// Whether validators were sent to whoever answered.
    pub was_conditional: bool,
    /// Origin of the document that came, after redirects: its validators are for nobody else.
    pub answered_by: Option<String>,
    /// The host (registrable domain, or address) that was asked last, after redirects; that of the feed when absent.
    pub host: Option<String>,
    /// Bytes of the body on the wire.
    pub wire_bytes: u64,
}

/// How a poll ended.
#[derive(Debug, Clone)]
pub enum End {
    /// A document was read.
    Document(Box<Reading>),
    /// 304.
    NotModified {
        /// Validators the 304 carried.
        headers: Headers,
    },
    /// No document.
    Failed {
        /// What happened, in a word.
        kind: AnswerKind,
        /// What happened, in words.
        outcome: String,
        /// What the server asked for.
        headers: Headers,
    },
}

/// A document, read and scored.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// [`AnswerKind::Document`], [`AnswerKind::Delta`] or [`AnswerKind::Pushed`].
    pub kind: AnswerKind,
    /// Its entries.
    pub scored: Vec<Scored>,
    /// Its validators and what the server asked for.
    pub headers: Headers,
    /// What was wrong with it, in words.
    pub problems: Vec<String>,
    /// The problem that cost entries, in words; empty when none did.
    pub flaw: String,
    /// What it says about itself.
    pub about: About,
    /// [`Config::hash`] of the topics it was scored by; absent when they are the ones in force.
    pub scored_by: Option<u64>,
}

impl Reading {
    /// The reading, scored anew when its topics are no longer in force: a poll may be under way at a reload.
    fn in_force(&self, config: &Config, feed: &Feed) -> Option<Self> {
        self.scored_by.filter(|hash| *hash != config.hash)?;
        let address = feed.address();
        let feed = config.feeds.iter().find(|known| known.address() == address).unwrap_or(feed);
        let scored = self
            .scored
            .iter()
            .flat_map(|item| prepare(vec![item.entry.clone()], feed, &config.topics, item.article.seen_at));
        Some(Self { scored: scored.collect(), scored_by: None, ..self.clone() })
    }
}

/// What a document says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// Where it was found in the end, after redirects.
    pub url: Option<String>,
    /// Hash (xxh3) of its bytes.
    pub hash: Option<u64>,
    /// Where the feed moved, when every hop was 301 or 308.
    pub moved_to: Option<String>,
    /// `ttl`, or `sy:updatePeriod` over `sy:updateFrequency`.
    pub ttl: Option<Duration>,
    /// Hours (UTC) in which the publisher asks not to be polled; bit 0 is midnight to one.
    pub skip_hours: u32,
    /// Days (UTC) on which the publisher asks not to be polled; bit 0 is Monday.
    pub skip_days: u8,
    /// WebSub hubs.
    pub hubs: Vec<String>,
    /// The feed's own address, as it declares it.
    pub self_url: Option<String>,
    /// The hub and topic it names, headers first.
    pub offer: Option<Offer>,
    /// RFC 5005 `prev-archive` or `next` page.
    pub next_url: Option<String>,
    /// Whether that page is an archive, which never changes.
    pub next_is_archive: bool,
    /// Whether the document breaks off.
    pub is_cut: bool,
    /// Whether it holds more entries than are kept.
    pub is_over: bool,
}

/// An article that is new or edited.
#[derive(Debug, Clone)]
pub struct ArticleEvent {
    /// Its row.
    pub id: ArticleId,
    /// Index of its entry in the poll.
    pub index: usize,
    /// Its story.
    pub story: StoryId,
    /// The article it copies.
    pub copy_of: Option<ArticleId>,
    /// Whether its text is another publisher's.
    pub is_copy: bool,
    /// Whether it is an edit of a known article.
    pub is_revision: bool,
}

/// An alert that was decided.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertEvent {
    /// Its row.
    pub id: AlertId,
    /// What routes looked at.
    pub alert: Alert,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
    /// Its incident.
    pub incident: IncidentId,
    /// The story of its best article.
    pub story: StoryId,
    /// What it reports, best first.
    pub articles: Vec<ArticleId>,
    /// Best score.
    pub score: f64,
    /// Subject of its mail.
    pub subject: String,
    /// Who is told now.
    pub to: Vec<String>,
    /// Who is told later, and when.
    pub held: Vec<(String, Timestamp)>,
    /// Whether any route takes it, be it that whoever it names is not told.
    pub has_route: bool,
    /// Why the owner's template was not used for its mail.
    pub template_problem: Option<String>,
}

/// What settling a poll came to.
#[derive(Debug, Clone)]
pub struct Settled {
    /// When the feed is polled next.
    pub next: NextPoll,
    /// How the poll ended, in words.
    pub outcome: String,
    /// Whether it counts as a success.
    pub is_success: bool,
    /// The feed's state after the poll.
    pub state: FeedState,
    /// New and edited articles.
    pub articles: Vec<ArticleEvent>,
    /// Entries that were known.
    pub known_count: usize,
    /// Alerts decided.
    pub alerts: Vec<AlertEvent>,
    /// While a hub delivers the feed: how long the next poll may wait.
    pub safety_wait: Option<Duration>,
    /// Whether it failed because nothing could be reached, which is held against nobody.
    pub is_offline: bool,
    /// What the host that answered asks of everybody.
    pub host: HostNews,
    /// Entries may have come and gone unseen.
    pub gap: Option<Gap>,
    /// An older page to be read for a gap.
    pub older_page: Option<OlderPage>,
    /// Pages of its articles that are to be read.
    pub pages: Vec<WaitingPage>,
}

impl Settled {
    fn begun(now: Timestamp) -> Self {
        Self {
            next: NextPoll { at: now, reason: String::new() },
            outcome: String::new(),
            is_success: true,
            state: FeedState::default(),
            articles: Vec::new(),
            known_count: 0,
            alerts: Vec::new(),
            safety_wait: None,
            is_offline: false,
            host: HostNews::default(),
            gap: None,
            older_page: None,
            pages: Vec::new(),
        }
    }

    /// Articles that are new.
    pub fn new_count(&self) -> usize {
        self.articles.iter().filter(|event| !event.is_revision).count()
    }
}

/// Settles a poll at `now`: feed state, host, articles, scores, stories, incidents, alerts and deliveries. Whoever commits `tx`
/// says so to `stories` ([`Stories::committed`]); otherwise they are read anew when they are asked next.
pub fn settle(
    tx: &Transaction<'_>,
    stories: &mut Stories,
    config: &Config,
    feed: &Feed,
    poll: &Poll,
    now: Timestamp,
) -> Result<Settled, StoreError> {
    if let End::Document(reading) = &poll.end
        && let Some(reading) = reading.in_force(config, feed)
    {
        let poll = Poll { end: End::Document(Box::new(reading)), ..poll.clone() };
        return settle(tx, stories, config, feed, &poll, now);
    }
    let mut state = tx.feed_state(poll.feed)?.unwrap_or_default();
    let mut settled = Settled::begun(now);
    let problems = match &poll.end {
        End::Document(reading) => {
            let first_sight = state.first_success_at.is_none();
            let stands = reading.kind == AnswerKind::Document && !reading.about.is_cut;
            let memory = tx.memory(poll.feed)?;
            let sight = Sight { feed: poll.feed, first_sight, stands, trust: memory.trust };
            let (taken, trust) =
                take_entries(tx, stories, config, sight, &reading.scored, now, &mut settled)?;
            page::ask_for_pages(tx, config, (poll.feed, feed), reading, first_sight, &mut settled, now)?;
            settled.outcome = document_words(reading.scored.len(), &settled, first_sight);
            let seeing = Seeing { poll, reading, taken: &taken };
            missed::look(tx, feed, &seeing, &mut state, memory, trust, &mut settled)?;
            Some(reading.problems.as_slice())
        }
        End::NotModified { .. } => {
            "not modified".clone_into(&mut settled.outcome);
            None
        }
        End::Failed { outcome, .. } => {
            settled.outcome.clone_from(outcome);
            settled.is_success = false;
            None
        }
    };
    settled.safety_wait = pushed::note_poll(tx, config, feed, poll, &mut settled)?;
    conclude(tx, config, feed, poll, &mut state, &mut settled)?;
    tx.save_feed(poll.feed, &state, problems)?;
    settled.state = state;
    Ok(settled)
}

fn document_words(entry_count: usize, settled: &Settled, first_sight: bool) -> String {
    let new_count = settled.new_count();
    let revised = settled.articles.len() - new_count;
    let first = if first_sight { ", first sight of this feed" } else { "" };
    let noun = if entry_count == 1 { "entry" } else { "entries" };
    format!("{entry_count} {noun}: {new_count} new, {revised} edited, {} known{first}", settled.known_count)
}
