//! What hubs deliver, from the queue to the ledger: checked, read and scored on worker threads, and settled.
//!
//! Owns how many at a time, and the patience with a database that has no room: the queue fills meanwhile, and hubs are
//! asked to come again. A panic costs that delivery and nothing else. Refuses what is not signed with our key.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{debug, info, warn};
use url::Url;

use super::super::ledger::{Delivered, Ledger, LedgerError};
use super::super::{now, poller};
use super::{Pushed, Realm};
use crate::config::Config;
use crate::feed::answer::AnswerKind;
use crate::feed::subscription::{Callback, Subscription, signature};
use crate::feed::{Feed, FeedId};
use crate::fetch::{Document, Headers};
use crate::pipeline::{Asked, End, Poll};
use crate::web::callback::Delivery;

/// Deliveries under way at a time.
const AT_A_TIME: usize = 4;

/// Wait for a database that has no room, and how often. Then the next poll finds what the delivery brought.
const NO_ROOM_WAIT: Duration = Duration::from_secs(10);
const NO_ROOM_TIMES: u32 = 30;

/// Settles deliveries.
#[derive(Clone)]
pub(super) struct Deliveries {
    ledger: Ledger,
    realm: watch::Receiver<Arc<Realm>>,
    pushed: Sender<Pushed>,
}

impl Deliveries {
    pub(super) fn new(ledger: Ledger, realm: watch::Receiver<Arc<Realm>>, pushed: Sender<Pushed>) -> Self {
        Self { ledger, realm, pushed }
    }

    /// Settles what comes until nothing can come any more.
    pub(super) async fn settle_all(self, mut queue: Receiver<Delivery>) {
        let mut under_way = JoinSet::new();
        while let Some(delivery) = queue.recv().await {
            under_way.spawn(self.clone().settle(delivery));
            // One that panicked was said by the runtime, and is over.
            while under_way.len() >= AT_A_TIME && under_way.join_next().await.is_some() {}
        }
        while under_way.join_next().await.is_some() {}
    }

    async fn settle(self, delivery: Delivery) {
        let callback = delivery.callback.clone();
        let found = self.patiently(|| {
            let callback = callback.clone();
            self.ledger.within(move |tx| tx.subscription_at(&callback))
        });
        let Some(Some(subscription)) = found.await else { return };
        let realm = Arc::clone(&self.realm.borrow());
        let Some(feed) = realm.feeds.get(&subscription.feed).cloned() else { return };
        let started_at = now();
        let (config, read_for) = (Arc::clone(&realm.config), Arc::clone(&feed));
        let work = tokio::task::spawn_blocking(move || {
            read(&read_for, &config, &subscription, delivery, started_at)
        });
        let (feed_id, end) = match work.await {
            Ok(Ok(read)) => read,
            Ok(Err(why)) => return self.refuse(&callback, &feed, why).await,
            Err(_panic) => {
                return self.refuse(&callback, &feed, "wirewatch stumbles over it".to_owned()).await;
            }
        };
        let poll = Arc::new(Poll { feed: feed_id, started_at, asked: Asked::default(), end });
        let delivered = Delivered { feed: Arc::clone(&feed), callback, poll };
        let settled = self.patiently(|| self.ledger.deliver(delivered.clone(), now())).await;
        match settled {
            Some(Some(settled)) => {
                debug!(feed = feed.address(), outcome = settled.outcome, "A hub delivered");
                // Nobody listens while the daemon stops; what was decided is in the database.
                drop(self.pushed.send(Pushed { feed: feed_id, settled: Box::new(settled) }).await);
            }
            Some(None) => {
                debug!(feed = feed.address(), "A delivery came before the feed's first poll, or too late");
            }
            None => warn!(
                feed = feed.address(),
                "A delivery could not be stored; the next poll finds what it brought"
            ),
        }
    }

    /// Counts a delivery that is not taken, and says so when that is news.
    async fn refuse(&self, callback: &Callback, feed: &Feed, why: String) {
        let (callback, said) = (callback.clone(), why.clone());
        let refused = self.ledger.within(move |tx| {
            let Some(mut subscription) = tx.subscription_at(&callback)? else { return Ok(false) };
            let is_news = subscription.refused(&said);
            tx.save_subscription(&subscription)?;
            Ok(is_news)
        });
        match refused.await {
            Ok(true) => warn!(feed = feed.address(), why, "Deliveries of a hub are ignored"),
            Ok(false) => {}
            Err(error) => info!(%error, feed = feed.address(), why, "A delivery is ignored"),
        }
    }

    /// Does something again and again while the database has no room; `None` when it never had, or is gone.
    async fn patiently<T, F: Future<Output = Result<T, LedgerError>>>(
        &self,
        mut work: impl FnMut() -> F,
    ) -> Option<T> {
        for _ in 0..NO_ROOM_TIMES {
            match work().await {
                Ok(done) => return Some(done),
                Err(LedgerError::Store(error)) if error.is_passing() => {
                    tokio::time::sleep(NO_ROOM_WAIT).await;
                }
                // The ledger has said so.
                Err(_) => return None,
            }
        }
        None
    }
}

/// Checks and reads a delivery: whose it is, and its document; or why it is not taken.
fn read(
    feed: &Feed,
    config: &Config,
    subscription: &Subscription,
    delivery: Delivery,
    seen_at: Timestamp,
) -> Result<(FeedId, End), String> {
    signature::verify(&subscription.key, &delivery.signatures, &delivery.body)
        .map_err(|why| why.to_string())?;
    let url = Url::parse(&subscription.offer.topic).unwrap_or_else(|_| feed.url.clone());
    let document = Document {
        wire_bytes: delivery.body.len() as u64,
        bytes: delivery.body,
        url,
        content_type: delivery.content_type,
        moved_to: None,
        headers: Headers::default(),
        links: Vec::new(),
    };
    match poller::read(feed, config, document, AnswerKind::Pushed, seen_at) {
        End::Failed { outcome, .. } => Err(outcome),
        end => Ok((subscription.feed, end)),
    }
}
