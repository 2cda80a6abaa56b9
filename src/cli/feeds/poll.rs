//! `wirewatch feeds poll`: a poll now, by hand.
//!
//! Owns what a person may ask for: a conditional poll like any other, refused while the server or its host asked us to wait,
//! unless forced (C17). With a running daemon it is the daemon that polls; without one, the same code here. Delivers no mail.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use super::super::{Exit, Failure, Outcome, Output, load, now, reader, runtime, short};
use super::around::{Around, distance};
use super::find;
use crate::article::publisher::host_key;
use crate::config::Config;
use crate::daemon::ledger::Ledger;
use crate::daemon::poller::Poller;
use crate::daemon::visit::Departure;
use crate::feed::state::FeedState;
use crate::feed::{Feed, explain, moved};
use crate::fetch::Fetcher;
use crate::pipeline::HopSettled;
use crate::store::requests::{PollRequest, Requester};
use crate::store::{self, Durability, Lock, Reader, Writer};

/// Time the daemon has to take up a request, besides what the poll itself may take.
const PICK_UP: Duration = Duration::from_secs(15);

/// Time between two looks at what became of it.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What became of a feed.
enum Became {
    /// It was polled.
    Polled(Box<FeedState>),
    /// It was not, and why.
    Not(String),
}

pub(super) fn run(dir: &Path, texts: &[String], force: bool, json: bool) -> Outcome {
    let config = load(dir)?;
    let mut places: Vec<usize> = Vec::new();
    for text in texts {
        let (number, _) = find::one(&config, text)?;
        if !places.contains(&(number - 1)) {
            places.push(number - 1);
        }
    }
    let mut output = Output::open();
    let runtime = runtime()?;
    let is_running = Lock::is_held(&config.data_dir);
    let polled = if is_running {
        through_daemon(&config, &places, force)
    } else {
        runtime.block_on(here(&config, &places, force))
    };
    runtime.shutdown_timeout(Duration::from_secs(1));
    let mut exit = Exit::Done;
    for (place, became) in polled? {
        let is_success = show(&mut output, &config.feeds[place], &became, json)?;
        if !is_success {
            exit = Exit::Failed;
        }
    }
    output.finish()?;
    Ok(exit)
}

/// Why a feed is not to be asked now: its server, or its host for all its feeds, asked us to wait.
fn refusal(config: &Config, reader: &Reader, feed: &Feed) -> Result<Option<String>, Failure> {
    let Some(stored) = reader.feed_by_address(&feed.address())? else { return Ok(None) };
    let around = Around::of(config, reader, feed, &stored.state)?;
    let refused = explain::may_ask_now(&stored.state, &around.neighbourhood(), now()).err();
    Ok(refused.map(|refusal| {
        let until = short(refusal.until);
        format!(
            "refused until {until}: {}; --force asks all the same, and may get this address banned",
            refusal.reason
        )
    }))
}

type Results = Result<Vec<(usize, Became)>, Failure>;

/// Polls with the daemon's own code; what is to be mailed waits for `wirewatch run`.
async fn here(config: &Config, places: &[usize], force: bool) -> Results {
    if super::is_anothers(config) {
        return Err(Failure::new(
            format!("{} belongs to another user and holds no database yet", config.data_dir.display()),
            "start wirewatch run first, or run this as that user",
        ));
    }
    let _lock = Lock::take(&config.data_dir)?;
    let path = config.data_dir.join(store::FILE_NAME);
    let writer = Writer::open(&path, Durability::Full)?;
    let reader = Reader::open(&path)?;
    let (ledger, thread) = Ledger::start(writer)?;
    let config = Arc::new(config.clone());
    let failed = |error: crate::daemon::ledger::LedgerError| Failure::new(error, "run wirewatch db check");
    let rows = ledger.configure(Arc::clone(&config), now()).await.map_err(failed)?.feeds;
    let fetcher = Fetcher::new(config.poll.fetch_options()).map_err(|error| Failure::new(error, ""))?;
    let poller = Poller::new(ledger.clone(), fetcher, Semaphore::new(1), Arc::clone(&config));
    let mut results = Vec::new();
    for place in places {
        let (Some(feed), Some(row)) = (config.feeds.get(*place), rows.get(*place)) else { continue };
        if !force && let Some(words) = refusal(&config, &reader, feed)? {
            results.push((*place, Became::Not(words)));
            continue;
        }
        let (mut host, mut onward) = (host_key(&moved::asked_url(feed, &row.state)), None);
        let became = loop {
            keep_distance(&config, &reader, &host).await?;
            let departure = Departure::by_hand(force, onward.take(), now());
            let ended =
                poller.clone().poll(row.id, Arc::new(feed.clone()), row.state.clone(), departure).await;
            match ended.map(|polled| polled.settled) {
                Ok(Ok(settled)) => break Became::Polled(Box::new(settled.state)),
                Ok(Err(error)) => break Became::Not(error.to_string()),
                Err(sent) => match sent.noted {
                    Ok(HopSettled { deferred: Some((until, reason)), .. }) => {
                        break Became::Not(format!("{reason}; it may be asked again at {}", short(until)));
                    }
                    Ok(_) => (host, onward) = (sent.onward.host(), Some(sent.onward)),
                    Err(error) => break Became::Not(error.to_string()),
                },
            }
        };
        results.push((*place, became));
    }
    drop((ledger, poller));
    drop(tokio::task::spawn_blocking(move || thread.join()).await);
    Ok(results)
}

/// Waits until the host may be asked again, as the daemon would.
async fn keep_distance(config: &Config, reader: &Reader, host: &str) -> Result<(), Failure> {
    let known = reader.host(host)?.unwrap_or_default();
    sleep(distance(config, host, &known, now()).1).await;
    Ok(())
}

/// Leaves requests for the daemon and waits for what becomes of them.
fn through_daemon(config: &Config, places: &[usize], force: bool) -> Results {
    let reader = reader(config)?;
    let requester = Requester::open(&config.data_dir.join(store::FILE_NAME))?;
    let asked_at = now();
    let mut results = Vec::new();
    let mut waiting = Vec::new();
    for place in places {
        let feed = &config.feeds[*place];
        let Some(stored) = reader.feed_by_address(&feed.address())? else {
            let words = "the running daemon does not know it yet: systemctl reload wirewatch".to_owned();
            results.push((*place, Became::Not(words)));
            continue;
        };
        if !force && let Some(words) = refusal(config, &reader, feed)? {
            results.push((*place, Became::Not(words)));
            continue;
        }
        requester.ask(PollRequest { feed: stored.id, asked_at, is_forced: force })?;
        waiting.push((*place, stored));
    }
    // Twice: a redirect may lead to another host.
    let share = config.poll.timeout.saturating_add(config.poll.host_spacing).saturating_mul(2);
    let patience = PICK_UP + share.saturating_mul(u32::try_from(waiting.len()).unwrap_or(u32::MAX));
    let begun_at = Instant::now();
    while !waiting.is_empty() && begun_at.elapsed() < patience {
        std::thread::sleep(LOOK_EVERY);
        let mut still = Vec::new();
        for (place, before) in waiting {
            let state = reader.feed_by_address(&config.feeds[place].address())?.map(|stored| stored.state);
            match state {
                Some(state) if state.last_polled_at != before.state.last_polled_at => {
                    results.push((place, Became::Polled(Box::new(state))));
                }
                // It was put off by where a redirect leads.
                Some(state) if state.next_due_at != before.state.next_due_at => {
                    let until = state.next_due_at.map_or_else(String::new, short);
                    let words = format!("{}; it may be asked again at {until}", state.next_due_reason);
                    results.push((place, Became::Not(words)));
                }
                _ => still.push((place, before)),
            }
        }
        waiting = still;
    }
    for (place, stored) in waiting {
        let words = if requester.withdraw(stored.id)? {
            "the daemon did not take the request up; is it alive? (systemctl status wirewatch)"
        } else {
            "the daemon took the request up and has not finished in time; see its log"
        };
        results.push((place, Became::Not(words.to_owned())));
    }
    results.sort_by_key(|(place, _)| places.iter().position(|asked| asked == place));
    Ok(results)
}

/// Says what became of a feed; answers whether that is a success.
fn show(output: &mut Output, feed: &Feed, became: &Became, json: bool) -> Result<bool, Failure> {
    let (state, words) = match became {
        Became::Polled(state) => (Some(state), state.last_outcome.as_str()),
        Became::Not(words) => (None, words.as_str()),
    };
    let is_success = state.is_some_and(|state| state.last_answer.is_success());
    let next: Option<Timestamp> = state.and_then(|state| state.next_due_at);
    if json {
        output.json(&json!({
            "url": feed.address(), "name": feed.name, "polled": state.is_some(), "success": is_success,
            "outcome": words, "next_poll": next, "next_poll_reason": state.map(|state| state.next_due_reason.as_str()),
        }))?;
        return Ok(is_success);
    }
    let verdict = match (state, is_success) {
        (Some(_), true) => "ok",
        (Some(_), false) => "failed",
        (None, _) => "not polled",
    };
    output.line(format!("{verdict}: {} ({}): {words}", feed.name, feed.address()))?;
    if let (Some(next), Some(state)) = (next, state) {
        output.line(format!("    next poll {} ({})", short(next), state.next_due_reason))?;
    }
    Ok(is_success)
}
