//! The keeper of subscriptions: asks hubs what is due, hears what feeds name, judges what hubs claim.
//!
//! Owns the steps, each loaded, decided and kept in one transaction, and which callbacks are open. Refuses to believe a
//! hub what was not asked for, and to decide anything that `feed::subscription` decides.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc::Receiver;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{debug, info, warn};

use super::super::ledger::{Ledger, LedgerError};
use super::super::{now, until};
use super::asking::{Asking, ask};
use super::{Realm, noted};
use crate::feed::schedule::after;
use crate::feed::subscription::offer::Offer;
use crate::feed::subscription::{Callback, Key, Phase, Step, Subscription, Verdict};
use crate::feed::{Feed, FeedId};
use crate::store::{StoreError, Transaction};
use crate::web::callback::{Call, Callbacks, Saying, Standing};

/// Hubs asked at a time.
const ASKING_MAX: usize = 8;

/// Longest time between two looks at what is due: a suspended machine or a moved clock costs no more.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// Wait for a database that refuses.
const REFUSED_WAIT: Duration = Duration::from_secs(10);

/// Asks hubs, and judges what they claim.
pub(super) struct Keeper {
    ledger: Ledger,
    realm: watch::Receiver<Arc<Realm>>,
    /// `web.public_url` without a slash at its end.
    base: String,
    callbacks: Callbacks,
    /// What each feed named last.
    known: HashMap<FeedId, Offer>,
    /// Every feed that was in force while it ran: how those that left were asked is how their hubs are.
    met: HashMap<FeedId, Arc<Feed>>,
    asking: JoinSet<()>,
    /// When something is due; `None`: nothing ever is.
    look_at: Option<Timestamp>,
}

/// What a look at the subscriptions came to.
#[derive(Default)]
struct Looked {
    asking: Vec<Asking>,
    forgotten: Vec<Callback>,
    next_at: Option<Timestamp>,
}

impl Keeper {
    /// A keeper that has looked at nothing yet; `base` is `web.public_url` without a slash at its end.
    pub(super) fn new(
        ledger: Ledger,
        realm: watch::Receiver<Arc<Realm>>,
        base: String,
        callbacks: Callbacks,
    ) -> Self {
        Self {
            ledger,
            realm,
            base,
            callbacks,
            known: HashMap::new(),
            met: HashMap::new(),
            asking: JoinSet::new(),
            look_at: Some(Timestamp::UNIX_EPOCH),
        }
    }

    pub(super) async fn keep(
        mut self,
        mut calls: Receiver<Call>,
        mut heard: Receiver<(FeedId, Option<Offer>)>,
        mut stopped: watch::Receiver<bool>,
    ) {
        loop {
            if let Err(error) = self.look().await {
                noted(Err(error));
                self.look_at = Some(after(now(), REFUSED_WAIT));
            }
            let is_free = self.asking.len() < ASKING_MAX;
            let wait = self.look_at.filter(|_| is_free).map_or(LOOK_EVERY, until).min(LOOK_EVERY);
            tokio::select! {
                _ = stopped.changed() => break,
                Some(call) = calls.recv() => noted(self.judge(call).await),
                Some((feed, offer)) = heard.recv() => noted(self.hear(feed, offer).await),
                Ok(()) = self.realm.changed() => noted(self.take_over().await),
                Some(_) = self.asking.join_next() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
        self.asking.shutdown().await;
    }

    /// Holds the subscriptions against what is in force: at the start, and after a reload.
    pub(super) async fn take_over(&mut self) -> Result<(), LedgerError> {
        let realm = Arc::clone(&self.realm.borrow_and_update());
        let (base, feeds) = (self.base.clone(), realm.feeds.keys().copied().collect::<Vec<_>>());
        let subscriptions = self.ledger.within(move |tx| take_over(tx, &feeds, &base, now())).await?;
        self.known.clear();
        for subscription in subscriptions {
            self.callbacks.put(subscription.callback.clone(), standing(&subscription));
            if subscription.phase != Phase::Leaving {
                self.known.insert(subscription.feed, subscription.offer);
            }
        }
        for (id, feed) in &realm.feeds {
            self.met.insert(*id, Arc::clone(feed));
        }
        self.look_at = Some(Timestamp::UNIX_EPOCH);
        Ok(())
    }

    /// A document of a feed named a hub, or none.
    async fn hear(&mut self, feed: FeedId, offer: Option<Offer>) -> Result<(), LedgerError> {
        if self.known.get(&feed) == offer.as_ref() || !self.realm.borrow().feeds.contains_key(&feed) {
            return Ok(());
        }
        let Some(fresh) = random() else {
            warn!("The operating system has no random bytes; feeds are polled without their hubs");
            return Ok(());
        };
        let (base, wish) = (self.base.clone(), offer.clone());
        let changed = self.ledger.within(move |tx| change(tx, feed, wish, fresh, &base, now())).await?;
        for subscription in changed {
            self.callbacks.put(subscription.callback.clone(), standing(&subscription));
        }
        match offer {
            Some(offer) => self.known.insert(feed, offer),
            None => self.known.remove(&feed),
        };
        self.look_at = Some(Timestamp::UNIX_EPOCH);
        Ok(())
    }

    /// A hub claims something. Answered once it is kept, so that a lease is never believed by the hub alone.
    async fn judge(&mut self, call: Call) -> Result<(), LedgerError> {
        let Call { callback, saying, answer } = call;
        let at = callback.clone();
        let judged = self.ledger.within(move |tx| judge(tx, &at, &saying, now())).await?;
        let Some((verdict, subscription, was_active)) = judged else {
            answer.send(Verdict::Unknown).ok();
            return Ok(());
        };
        // A hub that went away in the meantime asks again.
        answer.send(verdict).ok();
        let feed = self.address(subscription.feed);
        match (verdict, subscription.phase) {
            (Verdict::Ended, _) => {
                self.callbacks.remove(&callback);
                debug!(feed, "Unsubscribed from a hub");
            }
            (Verdict::Confirmed, Phase::Active) if !was_active => {
                info!(feed, hub = subscription.offer.hub, until = ?subscription.lease_until, "Subscribed to a hub");
            }
            (Verdict::Confirmed, Phase::Denied) => {
                warn!(
                    feed,
                    hub = subscription.offer.hub,
                    note = subscription.note,
                    "A hub refused a subscription"
                );
            }
            _ => debug!(feed, ?verdict, "A hub called"),
        }
        self.look_at = Some(Timestamp::UNIX_EPOCH);
        Ok(())
    }

    /// Asks the hubs that are to be asked by now.
    async fn look(&mut self) -> Result<(), LedgerError> {
        while self.asking.try_join_next().is_some() {}
        let room = ASKING_MAX.saturating_sub(self.asking.len());
        if room == 0 || self.look_at.is_none_or(|at| at > now()) {
            return Ok(());
        }
        let looked = self.ledger.within(move |tx| look(tx, room, now())).await?;
        self.look_at = looked.next_at;
        for callback in looked.forgotten {
            self.callbacks.remove(&callback);
        }
        for asking in looked.asking {
            let realm = Arc::clone(&self.realm.borrow());
            let feed = realm.feeds.get(&asking.subscription.feed).or(self.met.get(&asking.subscription.feed));
            let ask =
                ask(self.ledger.clone(), realm.fetcher.clone(), feed.cloned(), self.base.clone(), asking);
            self.asking.spawn(ask);
        }
        Ok(())
    }

    fn address(&self, feed: FeedId) -> String {
        self.met.get(&feed).map_or_else(String::new, |feed| feed.address())
    }
}

fn standing(subscription: &Subscription) -> Standing {
    if subscription.takes_deliveries() { Standing::Open } else { Standing::Leaving }
}

fn take_over(
    tx: &Transaction<'_>,
    feeds: &[FeedId],
    base: &str,
    now: Timestamp,
) -> Result<Vec<Subscription>, StoreError> {
    let feeds: HashSet<&FeedId> = feeds.iter().collect();
    let mut kept = Vec::new();
    for mut subscription in tx.subscriptions()? {
        let is_moved = tx.subscription_base(&subscription.callback)?.is_none_or(|told| told != base);
        if subscription.phase != Phase::Leaving && !feeds.contains(&subscription.feed) {
            subscription.leave("the feed left the configuration", now);
            tx.save_subscription(&subscription)?;
        }
        if is_moved && subscription.phase == Phase::Leaving {
            // Its hub can no longer ask us whether we mean it.
            tx.forget_subscription(&subscription.callback)?;
            continue;
        }
        if is_moved {
            subscription.moved(now);
            tx.save_subscription(&subscription)?;
            tx.rebase_subscription(&subscription.callback, base)?;
        }
        kept.push(subscription);
    }
    Ok(kept)
}

/// Brings a feed's subscription in line with what the feed names; answers the ones that are new or changed.
fn change(
    tx: &Transaction<'_>,
    feed: FeedId,
    offer: Option<Offer>,
    (callback, key): (Callback, Key),
    base: &str,
    now: Timestamp,
) -> Result<Vec<Subscription>, StoreError> {
    let mut changed = Vec::new();
    if let Some(mut subscription) = tx.subscription_of(feed)? {
        if Some(&subscription.offer) == offer.as_ref() {
            return Ok(changed);
        }
        subscription.leave("the feed names another hub, or none", now);
        tx.save_subscription(&subscription)?;
        changed.push(subscription);
    }
    if let Some(offer) = offer {
        let subscription = Subscription::new(feed, offer, callback, key, now);
        tx.add_subscription(&subscription, base)?;
        changed.push(subscription);
    }
    Ok(changed)
}

/// What a hub's word comes to: the verdict, the subscription as it is now, and whether it was active before.
fn judge(
    tx: &Transaction<'_>,
    callback: &Callback,
    saying: &Saying,
    now: Timestamp,
) -> Result<Option<(Verdict, Subscription, bool)>, StoreError> {
    let Some(mut subscription) = tx.subscription_at(callback)? else { return Ok(None) };
    let was_active = subscription.is_active(now);
    let verdict = match saying {
        Saying::Verify(claim) => subscription.verify(claim, now),
        Saying::Denied { topic, reason } if subscription.denied(topic, reason, now) => Verdict::Confirmed,
        Saying::Denied { .. } => Verdict::Unknown,
    };
    match verdict {
        Verdict::Confirmed => tx.save_subscription(&subscription)?,
        Verdict::Ended => tx.forget_subscription(callback)?,
        Verdict::Unknown => {}
    }
    Ok(Some((verdict, subscription, was_active)))
}

fn look(tx: &Transaction<'_>, room: usize, now: Timestamp) -> Result<Looked, StoreError> {
    let mut looked = Looked::default();
    for mut subscription in tx.due_subscriptions(now, room)? {
        match subscription.step(now) {
            Step::Forget => {
                tx.forget_subscription(&subscription.callback)?;
                looked.forgotten.push(subscription.callback);
            }
            Step::Ask => {
                // Kept before it is asked: a hub may verify before it answers.
                let mode = subscription.ask(now);
                tx.save_subscription(&subscription)?;
                looked.asking.push(Asking { subscription, mode });
            }
            Step::Wait(_) => {}
        }
    }
    looked.next_at = tx.next_subscription_at()?;
    Ok(looked)
}

/// A callback and a key that nobody can guess.
fn random() -> Option<(Callback, Key)> {
    let (mut callback, mut key) = ([0; 16], [0; 32]);
    getrandom::fill(&mut callback).ok()?;
    getrandom::fill(&mut key).ok()?;
    Some((Callback::new(callback), Key::new(key)))
}
