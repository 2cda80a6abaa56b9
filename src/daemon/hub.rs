//! WebSub at work: feeds that name a hub are subscribed to, leases renewed, deliveries settled.
//!
//! Owns [`Hubs`]: the door hubs knock at and the tasks behind it. The [`keeper`] asks hubs and judges what they claim,
//! [`delivery`] settles what they bring. Refuses to let a hub do more than knock: what it claims must have been asked
//! for, what it delivers must be signed.

mod asking;
mod delivery;
mod keeper;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, JoinHandle};
use tracing::{debug, info, warn};

use self::delivery::Deliveries;
use self::keeper::Keeper;
use super::ledger::{Ledger, LedgerError};
use super::{Daemon, DaemonError, follow_up};
use crate::config::Config;
use crate::feed::subscription::offer::Offer;
use crate::feed::{Feed, FeedId};
use crate::fetch::Fetcher;
use crate::pipeline::Settled;
use crate::web::callback::{Callbacks, Inbox};
use crate::web::follow_up::FollowUps;
use crate::web::{Options, Web};

/// What polls heard and the keeper has not taken in, at most; what does not fit is heard at the next document.
const HEARD_MAX: usize = 1024;

/// Deliveries settled that the daemon has not taken in, at most.
const PUSHED_MAX: usize = 64;

/// What is in force.
#[derive(Debug, Clone)]
pub struct Realm {
    /// The configuration.
    pub config: Arc<Config>,
    /// Its feeds, by row.
    pub feeds: HashMap<FeedId, Arc<Feed>>,
    /// The way out.
    pub fetcher: Fetcher,
}

/// A delivery that was settled.
#[derive(Debug)]
pub struct Pushed {
    /// Whose.
    pub feed: FeedId,
    /// What was committed.
    pub settled: Box<Settled>,
}

/// WebSub, from the door to the ledger.
pub struct Hubs {
    ear: Ear,
    web: Web,
    realm: watch::Sender<Arc<Realm>>,
    pushed: Receiver<Pushed>,
    keeper: JoinHandle<()>,
    deliveries: JoinHandle<()>,
    /// Answers clicks on links in mails, which come in by the same door.
    clicks: JoinHandle<()>,
    stop: watch::Sender<bool>,
}

/// Where polls tell which hub a feed names.
#[derive(Debug, Clone)]
pub struct Ear(Sender<(FeedId, Option<Offer>)>);

impl Ear {
    /// A document of a feed named this, or nothing.
    pub fn hear(&self, feed: FeedId, offer: Option<Offer>) {
        // With no room it is heard at the next document.
        if self.0.try_send((feed, offer)).is_err() {
            debug!("Too many feeds name hubs at once; some are heard later");
        }
    }
}

impl Hubs {
    /// Opens the door and starts the keeper, when the configuration wants it; otherwise forgets what an earlier one
    /// wanted.
    pub async fn open(
        ledger: &Ledger,
        realm: Realm,
        deliver: Arc<Notify>,
    ) -> Result<Option<Self>, DaemonError> {
        let (Some(listen), Some(public_url)) = (realm.config.web_listen, &realm.config.web_public_url) else {
            #[expect(
                clippy::redundant_closure_for_method_calls,
                reason = "the method itself is not general in lifetime"
            )]
            let forgotten = ledger.within(|tx| tx.forget_subscriptions()).await?;
            if forgotten > 0 {
                info!(forgotten, "WebSub is off: subscriptions are left to run out");
            }
            return Ok(None);
        };
        let base = public_url.as_str().trim_end_matches('/').to_owned();
        let (callbacks, inbox) = Callbacks::new(realm.config.poll.body_bytes_max);
        let Inbox { calls, deliveries } = inbox;
        let (told, heard) = channel(HEARD_MAX);
        let (pushing, pushed) = channel(PUSHED_MAX);
        let (realm, seen_realm) = watch::channel(Arc::new(realm));
        let (stop, stopped) = watch::channel(false);
        let mut keeper = Keeper::new(ledger.clone(), seen_realm.clone(), base, callbacks.clone());
        keeper.take_over().await?;
        let (follow_ups, clicked) = FollowUps::new();
        let web = Web::open(Options::new(listen), callbacks, follow_ups).await?;
        let settler = Deliveries::new(ledger.clone(), seen_realm, pushing);
        Ok(Some(Self {
            ear: Ear(told),
            web,
            realm,
            pushed,
            keeper: tokio::spawn(keeper.keep(calls, heard, stopped)),
            deliveries: tokio::spawn(settler.settle_all(deliveries)),
            clicks: tokio::spawn(follow_up::answer_all(ledger.clone(), clicked, deliver)),
            stop,
        }))
    }

    /// Where polls tell what feeds name.
    pub fn ear(&self) -> Ear {
        self.ear.clone()
    }

    /// Where hubs knock.
    pub fn address(&self) -> SocketAddr {
        self.web.address()
    }

    /// Puts another configuration in force; feeds that left it are unsubscribed.
    pub fn put_in_force(&self, realm: Realm) {
        self.realm.send_replace(Arc::new(realm));
    }

    /// Closes the door, settles what was taken in, and ends, within a time.
    pub async fn close(self, within: Duration) {
        let Self { web, keeper, deliveries, clicks, stop, realm, .. } = self;
        let give_up = [keeper.abort_handle(), deliveries.abort_handle(), clicks.abort_handle()];
        let ended = tokio::time::timeout(within, async {
            web.close().await;
            stop.send_replace(true);
            // The keeper held the last way in: without it the queue ends, and with the queue the settling.
            drop((keeper.await, deliveries.await, clicks.await));
        });
        if ended.await.is_err() {
            warn!("Deliveries under way were given up; the next polls find what they brought");
        }
        give_up.iter().for_each(AbortHandle::abort);
        drop(realm);
    }
}

impl Daemon {
    /// Lets hubs deliver, where the configuration says so.
    pub(super) async fn open_to_hubs(&mut self) -> Result<(), DaemonError> {
        self.hubs = Hubs::open(&self.ledger, self.realm(), Arc::clone(&self.deliver)).await?;
        if let Some(hubs) = &self.hubs {
            info!(listen = %hubs.address(), "Open to hubs (WebSub)");
            self.roster.tell(hubs.ear());
        }
        Ok(())
    }

    /// What hubs are to know of a configuration that was just put in force.
    pub(super) fn realm(&self) -> Realm {
        let (config, fetcher) = (Arc::clone(&self.config), self.fetcher.clone());
        Realm { config, feeds: self.roster.feeds(), fetcher }
    }

    /// Takes in what a hub delivered: its feed's schedule stays as it is.
    pub(super) fn pushed(&mut self, Pushed { feed, settled }: Pushed) {
        self.note_alerts(&settled.alerts);
        self.roster.take_push(feed, *settled);
    }
}

/// The next delivery that was settled; for ever when hubs are not used. It may be dropped while it waits.
pub async fn next_pushed(hubs: Option<&mut Hubs>) -> Option<Pushed> {
    match hubs {
        Some(hubs) => hubs.pushed.recv().await,
        None => std::future::pending().await,
    }
}

/// The ledger logs what the database refuses; what could not be kept is tried again by the next look, poll or call.
fn noted(done: Result<(), LedgerError>) {
    if let Err(error) = done {
        debug!(%error, "Nothing was kept of a step with a hub");
    }
}
