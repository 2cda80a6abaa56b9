//! `wirewatch feeds discover`: which feeds an address leads to.
//!
//! Owns the order of looking: the address itself, what its page names, and only when it names nothing the places where sites
//! keep feeds. What is shown was fetched once and read. Refuses to try more than a few addresses.

use std::path::Path;

use serde_json::json;
use url::Url;

use super::super::{Exit, Failure, Outcome, Output, complain, counted, load, runtime};
use super::find;
use super::look::{Answer, Found, Look, Page, on_one_line};
use crate::article::publisher::host_key;
use crate::feed::answer::{Answer as HostAnswer, AnswerKind};
use crate::feed::discover::{self, Candidate, Source};

/// Requests for one address, at most: the page and what it may lead to.
const REQUESTS_MAX: usize = 9;

/// A feed that is there.
struct Hit {
    candidate: Candidate,
    found: Box<Found>,
}

pub(super) fn run(dir: &Path, address: &str, json: bool) -> Outcome {
    let url = find::address(address)?;
    let config = load(dir)?;
    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        let mut look = Look::new(&config)?;
        let (hits, misses) = search(&mut look, &url, config.poll.allow_private_addresses).await?;
        let mut output = Output::open();
        for hit in &hits {
            show(&mut output, hit, json)?;
        }
        output.finish()?;
        for (url, words) in &misses {
            complain(&format!("not a feed: {url}: {words}"));
        }
        if hits.is_empty() {
            let requests = counted(look.request_count, "request", "requests");
            return Err(Failure::new(
                format!("no feed was found at {} ({requests})", find::shown(&url)),
                "look for \"RSS\" on the site, or ask the publisher; a search engine's `site:` may know it",
            ));
        }
        Ok(Exit::Done)
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    outcome
}

/// What the page behind an address leads to, best first; nothing beyond it was asked yet.
pub(super) fn candidates(page: &Page) -> Vec<Candidate> {
    let of_header = page.links.iter().filter_map(|link| {
        discover::in_header(&link.url, &link.rel, link.media_type.as_deref(), link.title.as_deref())
    });
    let mut found: Vec<Candidate> = Vec::new();
    let in_page = discover::in_page(&page.html, &page.url);
    for candidate in of_header.chain(in_page).chain(discover::of_site(&page.url, &page.html)) {
        if candidate.url != page.url && !found.iter().any(|known| known.url == candidate.url) {
            found.push(candidate);
        }
    }
    // What readers say is no news, unless it is all there is.
    let news = |candidate: &Candidate| !candidate.is_comments();
    found.sort_by_key(|candidate| (!news(candidate), candidate.source));
    found
}

/// Feeds that are there, and addresses that were named as feeds and are none.
type Searched = (Vec<Hit>, Vec<(Url, String)>);

async fn search(look: &mut Look<'_>, url: &Url, allow_private_addresses: bool) -> Result<Searched, Failure> {
    let page = match look.at(url, allow_private_addresses).await {
        Answer::Feed(found) => {
            note(look, &found);
            let candidate =
                Candidate { url: url.clone(), title: None, format: None, source: Source::Declared };
            return Ok((vec![Hit { candidate, found }], Vec::new()));
        }
        Answer::Page(page) => page,
        Answer::Nothing(words) => {
            return Err(Failure::new(
                format!("{}: {words}", find::shown(url)),
                "open the address in a browser; name the page that shows the news",
            ));
        }
    };
    let named = candidates(&page);
    let is_named = !named.is_empty();
    let tries = if is_named { named } else { discover::guesses(&page.url) };
    let (mut hits, mut misses): Searched = (Vec::new(), Vec::new());
    for candidate in tries {
        // A host that refused is not asked for the other places where it may keep feeds.
        if look.request_count >= REQUESTS_MAX || (!is_named && look.has_refused(&candidate.url)) {
            break;
        }
        match look.at(&candidate.url, allow_private_addresses).await {
            Answer::Feed(found) => {
                note(look, &found);
                // The same document under two addresses (with and without a slash) is one feed.
                if hits.iter().any(|hit| hit.found.document.url == found.document.url) {
                    continue;
                }
                hits.push(Hit { candidate, found });
                // A guess that is right ends the guessing: a site asks for no more of it.
                if !is_named {
                    break;
                }
            }
            answer if is_named || look.has_refused(&candidate.url) => {
                misses.push((candidate.url, answer.words()));
            }
            _ => {}
        }
    }
    Ok((hits, misses))
}

/// Nobody settles what is only shown, so it is counted here.
fn note(look: &Look<'_>, found: &Found) {
    let answer = HostAnswer {
        rate_limit: found.document.headers.rate_limit,
        wire_bytes: found.document.wire_bytes,
        ..HostAnswer::of(AnswerKind::Document)
    };
    look.note(&host_key(&found.document.url), &answer, found.asked_at);
}

fn show(output: &mut Output, hit: &Hit, json: bool) -> Result<(), Failure> {
    let Hit { candidate, found } = hit;
    let title = found.title().or_else(|| candidate.title.as_deref().and_then(on_one_line));
    if json {
        return output.json(&json!({
            "url": find::shown(&candidate.url), "title": title, "kind": found.parsed.format.as_str(),
            "entries": found.parsed.entries.len(), "newest": found.newest(), "found": candidate.source.as_str(),
            "moved_to": found.document.moved_to.as_ref().map(Url::as_str), "site": found.parsed.home_url,
            "language": found.parsed.language,
        }));
    }
    output.line(find::shown(&candidate.url))?;
    output.line(format!("    {} ({})", title.as_deref().unwrap_or("no title"), found.words()))?;
    if let Some(moved) = &found.document.moved_to {
        output.line(format!("    moved for good to {moved}"))?;
    }
    Ok(())
}
