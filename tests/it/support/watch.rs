//! Polling under a clock that only the test moves: real HTTP on loopback, the daemon's own roster, poller and ledger.
//!
//! Names under `.example` lead to the scripted server, so that hosts differ as in the world. Days pass in milliseconds.
//!
//! ```ignore
//! let mut watch = Watch::with(&["https://a.example/feed"], "interval = \"15m\"").await;   // {feed} and {poll} settings
//! watch.server.set("/feed", Reply::ok("application/rss+xml", rss(&[("id", "Headline", hour(0))])));
//! watch.until(hour(24)).await;
//! assert_eq!(watch.starts("a.example/feed").len(), 90);
//! ```

#![allow(dead_code, reason = "the rules to come use the rest")]

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tempfile::TempDir;
use tokio::sync::Semaphore;
use wirewatch::article::identity::ArticleId;
use wirewatch::config::{self, Config, Environment};
use wirewatch::daemon::ledger::Ledger;
use wirewatch::daemon::pages::Paged;
use wirewatch::daemon::poller::Poller;
use wirewatch::daemon::roster::Roster;
use wirewatch::daemon::visit::{Ended, Visit};
use wirewatch::feed::host::HostState;
use wirewatch::feed::schedule::after;
use wirewatch::feed::state::FeedState;
use wirewatch::fetch::{Fetcher, Options};
use wirewatch::pipeline::Settled;
use wirewatch::pipeline::page::PageSettled;
use wirewatch::store::report::StoredAlert;
use wirewatch::store::{Durability, FILE_NAME, Reader, Writer};

use super::http::Server;
use super::lab::{TOPIC, hour};

/// Names that lead to the scripted server; besides them `n0.example` to `n99.example`.
const NAMES: [&str; 16] = [
    "a.example",
    "b.example",
    "c.example",
    "d.example",
    "e.example",
    "f.example",
    "one.example",
    "two.example",
    "www.a.example",
    "feeds.a.example",
    "tumblr.com.example",
    "blog.tumblr.com.example",
    "www.reddit.com",
    "old.reddit.com",
    "nas.local",
    "nowhere.example",
];

/// A name that leads into a private network.
const INSIDE: &str = "inside.example";

/// A visit that ended, under the test's clock.
pub(crate) struct Round {
    /// When it began.
    pub(crate) at: Timestamp,
    pub(crate) visit: Visit,
    /// The feed's address.
    pub(crate) address: String,
    pub(crate) settled: Settled,
}

/// A visit for a page that ended, under the test's clock.
pub(crate) struct PageRound {
    /// When it began.
    pub(crate) at: Timestamp,
    pub(crate) article: ArticleId,
    pub(crate) settled: Option<PageSettled>,
}

/// Feeds that are watched.
pub(crate) struct Watch {
    pub(crate) dir: TempDir,
    pub(crate) server: Server,
    pub(crate) config: Arc<Config>,
    pub(crate) roster: Roster,
    pub(crate) ledger: Ledger,
    /// The test's clock.
    pub(crate) now: Timestamp,
    /// What happened, in order.
    pub(crate) rounds: Vec<Round>,
    /// Visits that were sent on: when, and to which host.
    pub(crate) hops: Vec<(Timestamp, Visit, String)>,
    /// What happened for the sake of pages, in order.
    pub(crate) pages: Vec<PageRound>,
    /// Mails to the operator: when they were decided, and what they say.
    pub(crate) told: Vec<(Timestamp, StoredAlert, String)>,
    /// When time alone is asked next, as the daemon does.
    tick_at: Timestamp,
    begun: Vec<(Visit, Timestamp)>,
}

impl Watch {
    /// Feeds by address (without port: `http://a.example/feed`), each with more lines of its `[[feed]]` after the address,
    /// and lines for `[poll]`. The clock stands at `hour(0)`; every feed is due.
    pub(crate) async fn with(feeds: &[&str], poll: &str) -> Self {
        let server = Server::start().await;
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("topics")).unwrap();
        fs::write(dir.path().join("topics/broken-truce.toml"), TOPIC).unwrap();
        let main = format!(
            "[poll]\nallow_private_addresses = true\n{poll}\n[[route]]\nto = [\"desk@example.org\"]\n"
        );
        fs::write(dir.path().join("wirewatch.toml"), main).unwrap();
        write_feeds(&dir, &server, feeds);
        let config = read_config(&dir);
        let (ledger, roster) = open(&dir, &server, &config, hour(0)).await;
        let (rounds, hops, pages) = (Vec::new(), Vec::new(), Vec::new());
        let (begun, told) = (Vec::new(), Vec::new());
        let (now, tick_at) = (hour(0), hour(0));
        Self { dir, server, config, roster, ledger, now, rounds, hops, pages, told, tick_at, begun }
    }

    /// Lets the clock run until `at`: whatever falls due is done at its time.
    pub(crate) async fn until(&mut self, at: Timestamp) {
        loop {
            for start in self.roster.start_due(self.now) {
                self.begun.push((start.visit, self.now));
            }
            // Nothing takes time by the test's clock: what was begun ends before it moves on.
            if !self.roster.is_idle() {
                let ended = self.roster.ended().await.unwrap();
                self.take_in(ended);
                continue;
            }
            if self.tick_at <= self.now {
                self.tick().await;
            }
            let wake = self.roster.wake_at().map_or(self.tick_at, |wake| wake.min(self.tick_at));
            if wake > at {
                break;
            }
            self.now = self.now.max(wake);
        }
        self.now = at;
    }

    /// The same for a time from now.
    pub(crate) async fn for_hours(&mut self, hours: u64) {
        self.until(after(self.now, Duration::from_secs(hours * 3600))).await;
    }

    /// Does what time alone does, as the daemon's pulse.
    async fn tick(&mut self) {
        let ticked = self.ledger.tick(self.now).await.unwrap();
        for event in ticked.told {
            let (alert, text) = self.reader().alert(event.id.0).unwrap().unwrap();
            self.told.push((self.now, alert, text));
        }
        let soonest = after(self.now, Duration::from_secs(1));
        let latest = after(self.now, Duration::from_mins(5));
        self.tick_at = ticked.next_at.map_or(latest, |next| next.clamp(soonest, latest));
    }

    /// The same for some minutes.
    pub(crate) async fn for_minutes(&mut self, minutes: u64) {
        self.until(after(self.now, Duration::from_secs(minutes * 60))).await;
    }

    /// Puts this instead of the topic's `[[signal]]` and `[alert]`; in force after a restart.
    pub(crate) fn write_topic(&self, lines: &str) {
        let head = TOPIC.split("[[signal]]").next().unwrap();
        fs::write(self.dir.path().join("topics/broken-truce.toml"), format!("{head}{lines}")).unwrap();
    }

    fn take_in(&mut self, ended: Ended) {
        let polled = match ended {
            Ended::Polled(polled) => polled,
            Ended::Paged(paged) => return self.take_in_page(*paged),
            Ended::SentOn(sent) => {
                let place = self.begun.iter().position(|(begun, _)| *begun == sent.visit).unwrap();
                let (visit, at) = self.begun.remove(place);
                assert!(sent.noted.is_ok(), "{:?}", sent.noted);
                self.hops.push((at, visit, sent.onward.host()));
                return self.roster.send_on(*sent, self.now);
            }
            Ended::Lost { visit, error } => panic!("{visit:?} was lost: {error}"),
        };
        let settled = polled.settled.unwrap();
        let visit = polled.visit;
        let place = self.begun.iter().position(|(begun, _)| *begun == visit).unwrap();
        let (_, at) = self.begun.remove(place);
        let Some(address) = self.roster.address(polled.feed) else {
            return self.roster.finish(visit, None, self.now);
        };
        let due_at = self.roster.take_in(visit, (*settled).clone(), self.now);
        self.roster.finish(visit, due_at, self.now);
        self.rounds.push(Round { at, visit, address, settled: *settled });
    }

    fn take_in_page(&mut self, paged: Paged) {
        let place = self.begun.iter().position(|(begun, _)| *begun == Visit::Page(paged.article)).unwrap();
        let (_, at) = self.begun.remove(place);
        let settled = paged.settled.unwrap().map(|settled| *settled);
        self.roster.finish_page(paged.article, settled.clone(), self.now);
        self.pages.push(PageRound { at, article: paged.article, settled });
    }

    /// Everything is forgotten but the database, as by a kill; started again at the same time.
    pub(crate) async fn restart(&mut self) {
        self.config = read_config(&self.dir);
        let (ledger, roster) = open(&self.dir, &self.server, &self.config, self.now).await;
        self.begun.clear();
        (self.ledger, self.roster) = (ledger, roster);
    }

    /// The configuration is read again while everything goes on.
    pub(crate) async fn reload(&mut self) {
        self.config = read_config(&self.dir);
        let configured = self.ledger.configure(Arc::clone(&self.config), self.now).await.unwrap();
        self.roster.put_in_force(Arc::clone(&self.config), configured, self.now);
    }

    /// The same with other feeds.
    pub(crate) async fn reload_with(&mut self, feeds: &[&str]) {
        write_feeds(&self.dir, &self.server, feeds);
        self.reload().await;
    }

    /// Starts what is due; nobody looks yet at what comes of it.
    pub(crate) fn begin(&mut self) {
        for start in self.roster.start_due(self.now) {
            self.begun.push((start.visit, self.now));
        }
    }

    /// Waits until a poll that began now is committed.
    pub(crate) async fn committed(&self, feed: usize) {
        while self.state(feed).last_polled_at != Some(self.now) {
            tokio::task::yield_now().await;
        }
    }

    /// Starts what is due, and is killed before any of it ends.
    pub(crate) async fn crash(&mut self) {
        assert!(!self.roster.start_due(self.now).is_empty(), "nothing was due");
        let asked = self.server.requests().len();
        while self.server.requests().len() == asked {
            tokio::task::yield_now().await;
        }
        self.restart().await;
    }

    /// Pulls the plug of the network, or puts it back: no name leads anywhere.
    pub(crate) fn set_online(&mut self, is_online: bool) {
        self.roster.set_fetcher(fetcher(&self.config, is_online, None));
    }

    /// A name leads into a private network from now on.
    pub(crate) fn lead_inside(&mut self, name: &str) {
        let inside = IpAddr::V4(Ipv4Addr::new(10, 1, 2, 3));
        self.roster.set_fetcher(fetcher(&self.config, true, Some((name, inside))));
    }

    /// Nobody listens where a name leads from now on.
    pub(crate) fn lead_nowhere(&mut self, name: &str) {
        self.roster.set_fetcher(fetcher(&self.config, true, Some((name, IpAddr::V4(NOBODY)))));
    }

    /// Moves the clock without anything being done meanwhile, as a suspended machine does, or an owner who sets it.
    pub(crate) fn set_clock(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// A host's state as the database has it.
    pub(crate) fn host(&self, host: &str) -> HostState {
        self.reader().host(host).unwrap().unwrap_or_default()
    }

    /// What the last poll of an address came to.
    pub(crate) fn last(&self, address: &str) -> &Round {
        let at = *self.starts(address).last().unwrap();
        self.rounds.iter().rfind(|round| round.at == at && round.address.contains(host_of(address))).unwrap()
    }

    /// Other feeds from now on, as by a reload with a restart.
    pub(crate) async fn set_feeds(&mut self, feeds: &[&str]) {
        write_feeds(&self.dir, &self.server, feeds);
        self.restart().await;
    }

    /// When requests to an address (`a.example/feed`) began.
    pub(crate) fn starts(&self, address: &str) -> Vec<Timestamp> {
        let (host, path) = address.split_once('/').unwrap();
        let rounds = self.rounds.iter().filter(|round| {
            let url = url::Url::parse(&round.address).unwrap();
            url.host_str() == Some(host) && url.path().trim_start_matches('/') == path
        });
        rounds.map(|round| round.at).collect()
    }

    /// A feed's state as the database has it.
    pub(crate) fn state(&self, feed: usize) -> FeedState {
        self.reader().feed_by_address(&self.config.feeds[feed].address()).unwrap().unwrap().state
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::open(&self.dir.path().join(FILE_NAME)).unwrap()
    }
}

fn write_feeds(dir: &TempDir, server: &Server, feeds: &[&str]) {
    let table = |feed: &&str| {
        let (address, more) = feed.split_once('\n').unwrap_or((feed, ""));
        let mut url = url::Url::parse(address).unwrap();
        url.set_port(Some(server.port())).unwrap();
        format!("[[feed]]\nurl = \"{url}\"\n{more}\n")
    };
    fs::write(dir.path().join("feeds.toml"), feeds.iter().map(table).collect::<String>()).unwrap();
}

fn read_config(dir: &TempDir) -> Arc<Config> {
    Arc::new(config::load(dir.path(), &Environment::default()).unwrap().config)
}

fn host_of(address: &str) -> &str {
    address.split('/').next().unwrap()
}

/// An address at which nobody listens.
const NOBODY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);

/// The door as the daemon opens it, where loopback is the public internet; without a network nobody listens. One name may
/// lead elsewhere.
fn fetcher(config: &Config, is_online: bool, elsewhere: Option<(&str, IpAddr)>) -> Fetcher {
    let server = IpAddr::V4(if is_online { Ipv4Addr::LOCALHOST } else { NOBODY });
    let numbered = (0..100).map(|number| format!("n{number}.example"));
    let names = NAMES.map(str::to_owned).into_iter().chain(numbered);
    let address =
        |name: &str| elsewhere.filter(|(other, _)| *other == name).map_or(server, |(_, address)| address);
    let mut resolve: Vec<_> = names.map(|name| (name.clone(), vec![address(&name)])).collect();
    resolve.push((INSIDE.to_owned(), vec![IpAddr::V4(Ipv4Addr::new(10, 1, 2, 3))]));
    let public_networks = vec!["127.0.0.0/8".parse().unwrap()];
    Fetcher::new(Options { resolve, public_networks, ..config.poll.fetch_options() }).unwrap()
}

async fn open(dir: &TempDir, _server: &Server, config: &Arc<Config>, now: Timestamp) -> (Ledger, Roster) {
    let writer = Writer::open(&dir.path().join(FILE_NAME), Durability::None).unwrap();
    let (ledger, _thread) = Ledger::start(writer).unwrap();
    let configured = ledger.configure(Arc::clone(config), now).await.unwrap();
    let poller =
        Poller::new(ledger.clone(), fetcher(config, true, None), Semaphore::new(2), Arc::clone(config));
    let mut roster = Roster::new(poller, Arc::clone(config));
    roster.put_in_force(Arc::clone(config), configured, now);
    (ledger, roster)
}

/// An RSS document: id, headline and publication time of each item; links are `https://a.example/{id}`.
pub(crate) fn rss(items: &[(&str, &str, Timestamp)]) -> String {
    let item = |(id, title, at): &(&str, &str, Timestamp)| {
        let date = at.strftime("%a, %d %b %Y %H:%M:%S GMT");
        format!(
            "<item><guid isPermaLink=\"false\">{id}</guid><title>{title}</title>\
             <link>https://a.example/{id}</link><pubDate>{date}</pubDate></item>"
        )
    };
    let items: String = items.iter().map(item).collect();
    format!("<rss version=\"2.0\"><channel><title>Scripted</title>{items}</channel></rss>")
}
