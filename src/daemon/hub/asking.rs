//! What is asked of a hub, and what it answers (WebSub section 5.1).
//!
//! Owns the form and what it carries. Refuses to hand a hub, which a stranger named, anything that is not for it.

use std::sync::Arc;

use tracing::{debug, warn};
use url::Url;

use super::super::ledger::Ledger;
use super::super::now;
use super::noted;
use crate::article::publisher::host_key;
use crate::feed::Feed;
use crate::feed::subscription::{Answer, LEASE_WISH, Mode, Subscription};
use crate::fetch::{Fetcher, Form, Outcome};
use crate::web::callback::PATH;

/// A request that is to be made of a hub.
pub(super) struct Asking {
    /// Of which, and what for.
    pub(super) subscription: Subscription,
    /// To deliver, or to stop.
    pub(super) mode: Mode,
}

/// Asks a hub, and keeps what it answered.
pub(super) async fn ask(
    ledger: Ledger,
    fetcher: Fetcher,
    feed: Option<Arc<Feed>>,
    base: String,
    asking: Asking,
) {
    let Asking { subscription, mode } = asking;
    let answer = match form(&subscription, mode, feed.as_deref(), &base) {
        Some(form) => answer(fetcher.post_form(&form, now()).await),
        None => Answer::Refused { detail: "its address cannot be read".to_owned(), retry_after: None },
    };
    let callback = subscription.callback.clone();
    let kept = ledger.within(move |tx| {
        let Some(mut subscription) = tx.subscription_at(&callback)? else { return Ok(None) };
        subscription.answered(&answer, now());
        tx.save_subscription(&subscription)?;
        Ok(Some(answer))
    });
    match kept.await {
        Ok(Some(Answer::Refused { detail, .. })) => {
            let feed = feed.map_or_else(String::new, |feed| feed.address());
            // What was said once is not said again until the hub has verified something.
            if subscription.attempt_count <= 1 {
                warn!(
                    feed,
                    hub = subscription.offer.hub,
                    detail,
                    "A hub did not take a request; the feed is polled"
                );
            } else {
                debug!(feed, hub = subscription.offer.hub, detail, "A hub did not take a request");
            }
        }
        Ok(_) => {}
        Err(error) => noted(Err(error)),
    }
}

/// The request of section 5.1. Its hub is named by a stranger: it may be in a private network only where its feed is,
/// on the same domain, and it gets nothing of what the feed's own requests carry.
fn form(subscription: &Subscription, mode: Mode, feed: Option<&Feed>, base: &str) -> Option<Form> {
    let url = Url::parse(&subscription.offer.hub).ok()?;
    let callback = format!("{base}{PATH}{}", subscription.callback.as_str());
    let mut fields = vec![
        ("hub.mode", mode.as_str().to_owned()),
        ("hub.topic", subscription.offer.topic.clone()),
        ("hub.callback", callback),
    ];
    if mode == Mode::Subscribe {
        fields.push(("hub.secret", subscription.key.expose().to_owned()));
        fields.push(("hub.lease_seconds", LEASE_WISH.as_secs().to_string()));
    }
    Some(Form {
        allow_private_addresses: feed
            .is_some_and(|feed| feed.allow_private_addresses && host_key(&feed.url) == host_key(&url)),
        access: feed.map(|feed| feed.access.without_credentials()).unwrap_or_default(),
        fields: fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        url,
    })
}

fn answer(outcome: Outcome) -> Answer {
    match outcome {
        Outcome::Status { code: 200..=299, .. } | Outcome::Document(_) | Outcome::Delta(_) => {
            Answer::Accepted
        }
        Outcome::Status { detail, headers, .. } => {
            Answer::Refused { detail, retry_after: headers.retry_after }
        }
        Outcome::NotModified(_) => {
            Answer::Refused { detail: "it answered 304 to a request".to_owned(), retry_after: None }
        }
        Outcome::Failed(failure) => Answer::Refused { detail: failure.detail, retry_after: None },
    }
}
