//! The HTTP door against real sockets: what publishers send, right and wrong, and what we send them.

#![allow(clippy::unwrap_used, reason = "a test stops where its world is not as it must be")]

mod access;
mod bodies;
mod forms;
mod guard;
mod hygiene;
mod proxy;
mod redirects;
mod trouble;
mod validators;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use jiff::Timestamp;
use url::Url;
use wirewatch::fetch::{Document, Failure, Fetcher, Options, Outcome, Request};

const FEED: &[u8] =
    b"<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>Wire</title></channel></rss>";
const RSS: &str = "application/rss+xml";

/// 2026-11-22T08:00:00Z.
fn now() -> Timestamp {
    "2026-11-22T08:00:00Z".parse().unwrap()
}

fn request(url: Url) -> Request {
    Request { allow_private_addresses: true, ..Request::new(url) }
}

fn guarded(url: Url) -> Request {
    Request { allow_private_addresses: false, ..request(url) }
}

/// Time-outs short enough for a test that waits for them, and none for one that does not.
fn options() -> Options {
    Options {
        connect_timeout: Duration::from_secs(5),
        read_timeout: Duration::from_secs(5),
        total_timeout: Duration::from_secs(20),
        ..Options::default()
    }
}

fn fetcher() -> Fetcher {
    Fetcher::new(options()).unwrap()
}

/// 127.0.0.2 counts as public, the rest of loopback does not, and names lead where a test wants them.
fn fetcher_with_public_loopback(resolve: &[(&str, &[IpAddr])]) -> Fetcher {
    let resolve = resolve.iter().map(|(name, addresses)| ((*name).to_owned(), addresses.to_vec()));
    let options = Options {
        public_networks: vec!["127.0.0.2/32".parse().unwrap()],
        resolve: resolve.collect(),
        ..options()
    };
    Fetcher::new(options).unwrap()
}

const PUBLIC: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
const PRIVATE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

async fn get(fetcher: &Fetcher, request: &Request) -> Outcome {
    fetcher.get(request, now()).await
}

async fn document(fetcher: &Fetcher, url: Url) -> Document {
    match get(fetcher, &request(url)).await {
        Outcome::Document(document) => document,
        other => panic!("no document: {other:?}"),
    }
}

/// Documents can be long.
fn briefly(outcome: &Outcome) -> String {
    format!("{outcome:?}").chars().take(300).collect()
}

async fn failure(fetcher: &Fetcher, request: &Request) -> Failure {
    match get(fetcher, request).await {
        Outcome::Failed(failure) => failure,
        other => panic!("no failure: {}", briefly(&other)),
    }
}
