//! Reading feed documents: fixtures of our own for every known way to break a feed, and other parsers' suites.
//!
//! The suites are read from `../shared/data/feeds` when it is there; without it those tests say so and pass.

#![allow(clippy::print_stdout, reason = "the suites' percentages and misses are printed for people")]

mod broken;
mod dates;
mod dialects;
mod feedparser;
mod gofeed;
mod suites;

use url::Url;
use wirewatch::feed::parse::{NotAFeed, parse};
use wirewatch::feed::{Entry, ParsedFeed, ProblemKind};

fn base() -> Url {
    Url::parse("https://news.example.org/feeds/world.xml").expect("a valid address")
}

fn try_read(document: impl AsRef<[u8]>) -> Result<ParsedFeed, NotAFeed> {
    parse(document.as_ref(), &base(), None)
}

fn read(document: impl AsRef<[u8]>) -> ParsedFeed {
    let document = document.as_ref();
    try_read(document).unwrap_or_else(|refusal| panic!("{refusal}: {}", String::from_utf8_lossy(document)))
}

fn read_with_header(document: &[u8], content_type: Option<&str>) -> Result<ParsedFeed, NotAFeed> {
    parse(document, &base(), content_type)
}

fn rss(items: &str) -> String {
    format!("<rss version=\"2.0\"><channel><title>World</title>{items}</channel></rss>")
}

fn item(inside: &str) -> Entry {
    let feed = read(rss(&format!("<item>{inside}</item>")));
    assert_eq!(feed.entries.len(), 1, "{inside}");
    feed.entries[0].clone()
}

fn titles(feed: &ParsedFeed) -> Vec<&str> {
    feed.entries.iter().map(|entry| entry.title.as_str()).collect()
}

fn has_problem(feed: &ParsedFeed, kind: ProblemKind) -> bool {
    feed.problems.iter().any(|problem| problem.kind == kind)
}
