//! Nothing is missed in silence: what documents say about what came between them, and the older pages that fill a gap.
//!
//! One file because the pure rule, its stories and the month of news share their documents.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead, BufReader};
use std::path::Path;

use jiff::Timestamp;
use wirewatch::daemon::visit::Visit;
use wirewatch::feed::Entry;
use wirewatch::feed::answer::AnswerKind;
use wirewatch::feed::gap::{Cause, Held, Look, Seen};
use wirewatch::feed::schedule::after;
use wirewatch::pipeline::{About, End, Reading, prepare};
use wirewatch::store::gaps::StoredGap;

use crate::support::http::Reply;
use crate::support::lab::{Lab, entry, hour};
use crate::support::watch::{Watch, rss};

/// A document of numbered entries, the number being the hour of publication; `known` are those seen before.
fn look(numbers: &[i64], known: &HashSet<i64>, is_dated: bool) -> Vec<Seen> {
    let date = |number: i64| hour(u64::try_from(number).unwrap());
    let seen = |number: &i64| Seen {
        key: *number,
        is_new: !known.contains(number),
        date: is_dated.then(|| date(*number)),
    };
    numbers.iter().map(seen).collect()
}

/// Shows a feed's documents, one an hour from hour 100 on; answers at which of them a gap was found.
fn gaps_in(documents: &[&[i64]], is_dated: bool) -> Vec<usize> {
    let (mut held, mut known, mut found) = (Held::default(), HashSet::new(), Vec::new());
    for (turn, numbers) in documents.iter().enumerate() {
        let entries = look(numbers, &known, is_dated);
        let polled_at = hour(100 + turn as u64);
        let look = Look {
            entries: &entries,
            is_whole: true,
            is_cut: false,
            is_over: false,
            polled_at,
            confirmed_at: None,
        };
        let gap = held.judge(&look);
        held.take_in(&look, gap.is_some());
        known.extend(*numbers);
        if gap.is_some() {
            found.push(turn);
        }
    }
    found
}

/// What a feed does, its documents, and at which of them there is a gap.
type Case = (&'static str, &'static [&'static [i64]], &'static [usize]);

#[test]
fn a_gap_is_found_where_documents_do_not_overlap_and_nowhere_else() {
    // What the feed shows, poll after poll, and at which of them entries may have been lost.
    let cases: [Case; 20] = [
        ("nothing new", &[&[3, 2, 1], &[3, 2, 1]], &[]),
        ("one new", &[&[3, 2, 1], &[4, 3, 2]], &[]),
        ("the last known one still there", &[&[3, 2, 1], &[5, 4, 3]], &[]),
        ("none known", &[&[3, 2, 1], &[7, 6, 5]], &[1]),
        ("found again after a gap", &[&[3, 2, 1], &[7, 6, 5], &[8, 7, 6]], &[1]),
        ("pinned at the top", &[&[90, 3, 2, 1], &[90, 8, 7, 6]], &[1]),
        ("two pinned at the top", &[&[90, 91, 3, 2, 1], &[90, 91, 8, 7, 6]], &[1]),
        ("pinned at the top, nothing lost", &[&[90, 3, 2, 1], &[90, 5, 4, 3]], &[]),
        ("nailed to the bottom", &[&[3, 2, 1, 0], &[8, 7, 6, 0]], &[1]),
        ("nailed to the bottom, nothing lost", &[&[3, 2, 1, 0], &[5, 4, 3, 0]], &[]),
        ("an edit carried one to the top", &[&[4, 3, 2, 1], &[2, 9, 8, 7]], &[1]),
        ("an edit carried one into the middle", &[&[4, 3, 2, 1], &[9, 2, 8, 7]], &[1]),
        ("a late entry at an odd place", &[&[60, 50, 40, 30, 20], &[60, 50, 40, 30, 10]], &[]),
        ("a feed that grows", &[&[1], &[2, 1], &[3, 2, 1], &[6, 5, 4, 3, 2, 1]], &[]),
        ("a document that shrinks", &[&[4, 3, 2, 1], &[4, 3], &[5, 4]], &[]),
        ("an empty document", &[&[4, 3, 2, 1], &[], &[5, 4, 3, 2]], &[]),
        ("an empty document, and a loss", &[&[4, 3, 2, 1], &[], &[9, 8, 7, 6]], &[2]),
        ("an old copy between", &[&[4, 3, 2, 1], &[6, 5, 4, 3], &[4, 3, 2, 1], &[8, 7, 6, 5]], &[]),
        ("oldest first", &[&[1, 2, 3, 4], &[3, 4, 5, 6], &[6, 7, 8, 9]], &[]),
        ("oldest first, and a loss", &[&[1, 2, 3, 4], &[6, 7, 8, 9]], &[1]),
    ];
    for (what, documents, expected) in cases {
        assert_eq!(gaps_in(documents, true), expected, "{what}");
    }
    let undated: [Case; 4] = [
        ("newest first", &[&[3, 2, 1], &[5, 4, 3], &[7, 6, 5]], &[]),
        ("a loss", &[&[3, 2, 1], &[7, 6, 5]], &[1]),
        (
            "learned that the oldest come first",
            &[&[1, 2, 3, 4], &[2, 3, 4, 5], &[3, 4, 5, 6], &[4, 5, 6, 7], &[7, 8, 9, 10]],
            &[],
        ),
        ("two pinned, of few", &[&[90, 91, 3, 2, 1], &[90, 91, 8, 7, 6]], &[1]),
    ];
    for (what, documents, expected) in undated {
        assert_eq!(gaps_in(documents, false), expected, "undated: {what}");
    }
}

#[test]
fn a_feed_in_no_order_has_a_gap_only_where_hardly_anything_is_left() {
    let first: &[i64] = &[40, 10, 90, 20, 70, 30, 80, 50];
    assert_eq!(gaps_in(&[first, &[20, 15, 40, 95, 10, 70, 25, 90]], true), [0; 0]);
    assert_eq!(gaps_in(&[first, &[21, 15, 41, 95, 11, 71, 25, 91]], true), [1]);
}

/// A document of a feed of the lab, as it comes.
fn reading(lab: &Lab, at: Timestamp, numbers: &[u64]) -> Reading {
    let made = |number: &u64| entry(&number.to_string(), &format!("Report {number}"), hour(*number));
    let entries: Vec<Entry> = numbers.iter().map(made).collect();
    Reading { scored: prepare(entries, &lab.config.feeds[0], &lab.config.topics, at), ..Reading::default() }
}

fn gaps(lab: &Lab) -> Vec<StoredGap> {
    lab.reader().gaps_of("https://one.example/feed", 100).unwrap()
}

#[test]
fn a_gap_lies_between_what_we_had_and_the_oldest_of_the_new() {
    let mut lab = Lab::new();
    let settle = |lab: &mut Lab, at: u64, numbers: &[u64]| {
        let reading = reading(lab, hour(at), numbers);
        lab.end(0, hour(at), End::Document(Box::new(reading)))
    };
    settle(&mut lab, 11, &[10, 9, 8]);
    let settled = settle(&mut lab, 20, &[19, 17, 15]);
    let gap = settled.gap.unwrap();
    assert_eq!(
        (gap.from, gap.to, gap.cause, gap.estimate),
        (Some(hour(10)), hour(15), Cause::Window, Some(2))
    );
    assert_eq!(
        gap.to_string(),
        "entries between 2026-03-01 22:00 and 2026-03-02 03:00Z may be unseen, about 2"
    );
    assert_eq!(settled.state.gap_at, Some(hour(20)));
    assert!(settled.outcome.contains("may be unseen"), "{}", settled.outcome);
    let stored = gaps(&lab);
    assert_eq!((stored.len(), stored[0].state.as_str()), (1, "unfillable"));
    assert!(stored[0].note.contains("offers no older pages"), "{}", stored[0].note);
    // A 304 says that nothing had come by then.
    for at in 21..30 {
        lab.end(0, hour(at), End::NotModified { headers: wirewatch::fetch::Headers::default() });
    }
    let settled = settle(&mut lab, 31, &[40, 39]);
    assert_eq!(settled.gap.unwrap().from, Some(hour(23)), "dates may lag six hours behind");
    assert_eq!(settled.gap.unwrap().to, hour(31), "dates to come are not believed");
}

#[test]
fn c38_a_delta_is_merged_and_proves_nothing() {
    let mut lab = Lab::new();
    let settle = |lab: &mut Lab, at: u64, kind, numbers: &[u64]| {
        let reading = Reading { kind, ..reading(lab, hour(at), numbers) };
        lab.end(0, hour(at), End::Document(Box::new(reading)))
    };
    settle(&mut lab, 4, AnswerKind::Document, &[3, 2, 1]);
    for kind in [AnswerKind::Delta, AnswerKind::Pushed] {
        let settled = settle(&mut lab, 10, kind, &[9]);
        assert!(settled.gap.is_none(), "a part has no gap");
    }
    // The next whole document reaches back to the delta's entry only.
    let settled = settle(&mut lab, 12, AnswerKind::Document, &[11, 10, 9]);
    assert_eq!(settled.gap.unwrap().from, Some(hour(3)), "what a delta brought is no proof");
    assert_eq!(settled.known_count, 1);
    let settled = settle(&mut lab, 13, AnswerKind::Document, &[12, 11, 10]);
    assert!(settled.gap.is_none());
    // Entries a delta leaves out are not gone: those of the first document are known still.
    assert_eq!(settle(&mut lab, 14, AnswerKind::Document, &[12, 11, 10, 9, 3, 2, 1]).known_count, 7);
}

#[test]
fn a_document_that_breaks_off_is_a_gap_until_a_whole_one_reaches_back() {
    let mut lab = Lab::new();
    let settle = |lab: &mut Lab, at: u64, is_cut, numbers: &[u64]| {
        let about = About { is_cut, ..About::default() };
        let reading = Reading { about, ..reading(lab, hour(at), numbers) };
        lab.end(0, hour(at), End::Document(Box::new(reading)))
    };
    settle(&mut lab, 4, false, &[3, 2, 1]);
    let settled = settle(&mut lab, 6, true, &[5]);
    let (cut, reason) = (settled.gap.unwrap(), settled.state.health.reason);
    assert!(reason.contains("broke off") && !reason.contains("more were published"), "{reason}");
    assert_eq!((cut.cause, cut.from, cut.to), (Cause::Cut, Some(hour(3)), hour(5)));
    assert_eq!(gaps(&lab)[0].state, "open");
    let whole = settle(&mut lab, 7, false, &[5, 4, 3]);
    assert!(whole.gap.is_none());
    assert_eq!(gaps(&lab)[0].state, "filled");
    // A feed that always breaks off is watched all the same.
    assert!(settle(&mut lab, 8, true, &[8]).gap.is_some());
    assert!(settle(&mut lab, 9, true, &[9]).gap.is_some(), "the second of them is remembered");
    assert!(settle(&mut lab, 10, true, &[10, 9]).gap.is_none());
    assert!(settle(&mut lab, 11, true, &[12, 11]).gap.is_some());
}

#[tokio::test]
async fn c42_a_document_of_100000_entries_is_read_in_part_and_says_so() {
    let mut watch = Watch::with(&["http://a.example/feed\ninterval = \"1h\""], "").await;
    let item = |number: u32| format!("<item><guid>{number}</guid><title>{number}</title></item>");
    let items: String = (0..100_000).rev().map(item).collect();
    let document = format!("<rss version=\"2.0\"><channel><title>All</title>{items}</channel></rss>");
    assert!(document.len() < 10 << 20);
    watch.server.set("/feed", Reply::ok("application/rss+xml", document));
    watch.until(hour(3)).await;
    let settled = &watch.rounds[0].settled;
    assert_eq!(settled.new_count(), 2_000);
    assert_eq!(settled.gap.unwrap().cause, Cause::Excess);
    let address = watch.config.feeds[0].address();
    let problems = watch.reader().document_problems(&address).unwrap();
    assert!(problems.iter().any(|problem| problem.contains("98000 entries more")), "{problems:?}");
    let gaps = watch.reader().gaps_of(&address, 100).unwrap();
    assert_eq!(gaps.len(), 1, "it is said once");
    assert!(gaps[0].words.starts_with("entries before "), "{}", gaps[0].words);
}

#[test]
fn a_whole_document_fills_no_gap_that_it_does_not_reach_over() {
    let mut lab = Lab::new();
    for (at, is_cut, numbers) in
        [(4, false, &[3, 2, 1][..]), (6, true, &[5]), (9, true, &[9]), (10, false, &[10, 9])]
    {
        let about = About { is_cut, ..About::default() };
        let reading = Reading { about, ..reading(&lab, hour(at), numbers) };
        lab.end(0, hour(at), End::Document(Box::new(reading)));
    }
    let states: Vec<String> = gaps(&lab).into_iter().map(|gap| gap.state).collect();
    assert_eq!(states, ["open", "open"], "only what broke off was reached");
}

#[test]
fn an_older_page_reaches_back_where_a_known_entry_stands_in_its_place() {
    let known = HashSet::from([1, 2, 3]);
    let check = |numbers: &[i64], is_dated, expected| {
        let entries = look(numbers, &known, is_dated);
        assert_eq!(Held::default().is_reached_by(&entries), expected, "{numbers:?}");
    };
    check(&[7, 6, 5, 3], true, true);
    check(&[7, 6, 5, 3], false, true);
    check(&[7, 6, 5, 4], true, false);
    // Older ones than those that were ever seen, below.
    check(&[7, 5, 3, 2, 0], true, true);
    // Pinned to the top, or carried there by an edit.
    check(&[3, 9, 8, 7, 6], true, false);
    check(&[3, 9, 8, 7, 6], false, false);
    // Oldest first.
    check(&[3, 5, 6, 7, 8], true, true);
    check(&[5, 6, 7, 8, 9], true, false);
}

#[tokio::test]
async fn c40_older_pages_are_read_where_a_feed_that_redirects_has_them() {
    let mut watch = with_a_gap("next", "http://b.example:{port}/feed/2").await;
    let there = format!("http://b.example:{}/there", watch.server.port());
    let to = format!("http://b.example:{}/feed/2", watch.server.port());
    watch.server.set("/there", leading("next", &to, &[("n9", "Ninth", hour(1)), ("n8", "Eighth", hour(1))]));
    watch.server.set("/feed", Reply::redirect(302, there));
    let last = rss(&[("n7", "Seventh", hour(1)), ("known", "Known", hour(0))]);
    watch.server.set("/feed/2", Reply::ok("application/rss+xml", last));
    watch.until(hour(8)).await;
    assert_eq!(
        (gap_of(&watch).state.as_str(), gap_of(&watch).pages),
        ("filled", 1),
        "{}",
        gap_of(&watch).words
    );
}

/// RSS that leads to an older page.
fn leading(rel: &str, to: &str, items: &[(&str, &str, Timestamp)]) -> Reply {
    let link = format!("<a:link xmlns:a=\"http://www.w3.org/2005/Atom\" rel=\"{rel}\" href=\"{to}\"/><item>");
    Reply::ok("application/rss+xml", rss(items).replacen("<item>", &link, 1))
}

/// A feed with an hour's interval that shows one known entry, and then a page of new ones that leads elsewhere.
async fn with_a_gap(rel: &str, to: &str) -> Watch {
    let mut watch = Watch::with(&["http://a.example/feed\ninterval = \"1h\""], "").await;
    watch.server.set("/feed", Reply::ok("application/rss+xml", rss(&[("known", "Known", hour(0))])));
    watch.until(after(hour(0), std::time::Duration::from_mins(1))).await;
    let to = to.replace("{port}", &watch.server.port().to_string());
    let news = [("n9", "Ninth", hour(1)), ("n8", "Eighth", hour(1))];
    watch.server.set("/feed", leading(rel, &to, &news));
    watch
}

fn gap_of(watch: &Watch) -> StoredGap {
    let gaps = watch.reader().gaps_of(&watch.config.feeds[0].address(), 100).unwrap();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    gaps[0].clone()
}

fn pages_read(watch: &Watch) -> usize {
    watch.rounds.iter().filter(|round| matches!(round.visit, Visit::Archive(_))).count()
}

const TRUCE: &str = "Truce broken within hours as shells fall";

#[tokio::test]
async fn c40_older_pages_fill_a_gap_and_their_entries_alert() {
    let mut watch = with_a_gap("next", "/feed/2").await;
    watch
        .server
        .set("/feed/2", leading("next", "/feed/3", &[("n7", TRUCE, hour(1)), ("n6", "Sixth", hour(1))]));
    watch
        .server
        .set("/feed/3", leading("next", "/feed/4", &[("n5", "Fifth", hour(1)), ("known", "Known", hour(0))]));
    watch.until(hour(8)).await;
    let gap = gap_of(&watch);
    assert_eq!((gap.state.as_str(), gap.pages, gap.note.as_str()), ("filled", 2, "by 2 older pages"));
    assert_eq!(pages_read(&watch), 2);
    let alerts: usize = watch.rounds.iter().map(|round| round.settled.alerts.len()).sum();
    assert_eq!(alerts, 1);
    // Through the same gate as all requests to the host.
    let mut starts: Vec<Timestamp> = watch.rounds.iter().map(|round| round.at).collect();
    starts.sort();
    assert!(starts.windows(2).all(|pair| pair[1].duration_since(pair[0]).as_secs() >= 2), "{starts:?}");
    assert!(watch.server.requests_to("/feed/4").is_empty());
}

#[tokio::test]
async fn c40_five_pages_are_read_once_per_gap_however_long_the_chain_is() {
    let mut watch = with_a_gap("next", "/feed/1").await;
    for page in 1..20 {
        let (id, next) = (format!("p{page}"), format!("/feed/{}", page + 1));
        watch.server.set(&format!("/feed/{page}"), leading("next", &next, &[(&id, &id, hour(1))]));
    }
    watch.until(hour(30)).await;
    assert_eq!(pages_read(&watch), 5);
    let gap = gap_of(&watch);
    assert_eq!((gap.state.as_str(), gap.pages), ("unfillable", 5));
    assert!(gap.words.contains("5 older pages do not reach back"), "{}", gap.words);
}

#[tokio::test]
async fn c40_pages_that_lead_round_in_a_circle_elsewhere_or_nowhere_end_the_gap() {
    // Where the document leads, where page 2 leads, pages read, and how it ends.
    let cases = [
        ("/feed/2", "/feed/2", 1, "circle"),
        ("/feed/2", "/feed", 1, "another host"),
        ("http://b.example:{port}/feed/2", "/feed/2", 0, "another host"),
        ("/feed/2", "", 1, "the last ones there are"),
        ("http://www.a.example:{port}/feed/2", "", 1, "the last ones there are"),
        ("ftp://a.example/feed/2", "", 0, "offers no older pages"),
    ];
    for (first, second, count, words) in cases {
        let mut watch = with_a_gap("next", first).await;
        let items = [("n7", "Seventh", hour(1))];
        let page = if second.is_empty() {
            Reply::ok("application/rss+xml", rss(&items))
        } else {
            leading("next", second, &items)
        };
        watch.server.set("/feed/2", page);
        watch.until(hour(30)).await;
        assert_eq!(pages_read(&watch), count, "{first}: {}", gap_of(&watch).note);
        let gap = gap_of(&watch);
        assert!(gap.note.contains(words), "{first}: {}", gap.note);
    }
}

#[tokio::test]
async fn c40_a_page_that_fails_is_tried_three_times_and_after_a_restart_too() {
    let mut watch = with_a_gap("next", "/feed/2").await;
    watch.server.set("/feed/2", Reply::status(500));
    watch.until(after(hour(1), std::time::Duration::from_mins(10))).await;
    assert_eq!((pages_read(&watch), gap_of(&watch).state.as_str()), (1, "open"));
    watch.restart().await;
    watch.until(hour(2)).await;
    assert_eq!(pages_read(&watch), 2, "a restart goes on where it was");
    watch.server.set("/feed/2", leading("next", "/feed/3", &[("known", "Known", hour(0))]));
    watch.until(hour(4)).await;
    assert_eq!(gap_of(&watch).state, "filled");
    let feed_failures = watch.rounds.iter().filter(|round| !round.settled.is_success);
    assert!(feed_failures.clone().all(|round| matches!(round.visit, Visit::Archive(_))));
    assert_eq!(watch.state(0).failure_count, 0, "a page that fails is no failure of its feed");
    let mut watch = with_a_gap("next", "/feed/2").await;
    watch.server.set("/feed/2", Reply::status(404));
    watch.until(hour(30)).await;
    assert_eq!((pages_read(&watch), gap_of(&watch).state.as_str()), (3, "unfillable"));
}

#[tokio::test]
async fn c40_an_archive_is_read_once_for_ever() {
    let mut watch = with_a_gap("prev-archive", "/2025").await;
    watch.server.set(
        "/2025",
        leading("prev-archive", "/2024", &[("n7", "Seventh", hour(1)), ("known", "Known", hour(0))]),
    );
    watch.until(hour(2)).await;
    assert_eq!(gap_of(&watch).state, "filled");
    // The next gap leads to the same archive: all that is older is known.
    let news = [("m2", "Second of May", hour(3)), ("m1", "First of May", hour(3))];
    watch.server.set("/feed", leading("prev-archive", "/2025", &news));
    watch.until(hour(5)).await;
    let gaps = watch.reader().gaps_of(&watch.config.feeds[0].address(), 100).unwrap();
    assert_eq!((gaps.len(), gaps[0].state.as_str()), (2, "filled"));
    assert!(gaps[0].note.contains("read already"), "{}", gaps[0].note);
    assert_eq!(watch.server.requests_to("/2025").len(), 1);
}

#[test]
fn gaps_are_kept_for_a_while_and_not_without_end() {
    let mut lab = Lab::new();
    for turn in 0..300 {
        let reading = reading(&lab, hour(turn), &[turn]);
        lab.end(0, hour(turn), End::Document(Box::new(reading)));
    }
    assert_eq!(lab.reader().gaps_of("https://one.example/feed", 1000).unwrap().len(), 100);
    assert_eq!(lab.reader().gap_count_since(hour(290)).unwrap(), 9);
}

/// The month of feed entries, by feed and in time order; nothing where the data is not there.
fn stream() -> BTreeMap<String, Vec<Entry>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/stream");
    let mut feeds: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    let Ok(file) = std::fs::File::open(path.join("2023-04-10_2023-05-10.jsonl.gz")) else {
        say("skipped: ../shared/data/stream is not there");
        return feeds;
    };
    for line in BufReader::new(flate2::read::GzDecoder::new(file)).lines() {
        let line: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        let text = |name: &str| line[name].as_str().map(str::to_owned);
        feeds.entry(text("feed").unwrap()).or_default().push(Entry {
            id: text("id"),
            url: text("url"),
            title: text("title").unwrap_or_default(),
            summary: text("summary"),
            published: text("seen").map(|seen| seen.parse().unwrap()),
            ..Entry::default()
        });
    }
    feeds
}

fn time_of(entry: &Entry) -> Timestamp {
    entry.published.unwrap()
}

#[expect(clippy::print_stdout, reason = "the numbers are what the run is for")]
fn say(words: &str) {
    println!("{words}");
}

/// What watching the stream through a window came to.
#[derive(Debug, Default, PartialEq)]
struct Tally {
    polls: usize,
    lost: usize,
    silent: usize,
    gaps: usize,
    /// Gaps in whose time nothing was lost.
    false_gaps: usize,
    /// Those of them where the window was filled to its edge: nothing in it could tell.
    at_the_edge: usize,
}

/// Serves a feed as the window on its last entries, polled at an interval.
fn watch_through(times: &[Timestamp], window: usize, minutes: u64, tally: &mut Tally) {
    let (mut held, mut shown) = (Held::default(), HashSet::new());
    let mut spans: Vec<(Timestamp, Timestamp, bool)> = Vec::new();
    let (mut at, mut first_shown, mut end_before) = (times[0], None, 0);
    let last = after(times[times.len() - 1], std::time::Duration::from_mins(minutes));
    let mut polled_at = None;
    while at <= last {
        let end = times.partition_point(|time| *time <= at);
        let begin = end.saturating_sub(window);
        let entries: Vec<Seen> = (begin..end)
            .rev()
            .map(|number| Seen {
                key: i64::try_from(number).unwrap(),
                is_new: !shown.contains(&number),
                date: Some(times[number]),
            })
            .collect();
        let look = Look {
            entries: &entries,
            is_whole: true,
            is_cut: false,
            is_over: false,
            polled_at: at,
            confirmed_at: polled_at,
        };
        let gap = held.judge(&look);
        held.take_in(&look, gap.is_some());
        if let Some(gap) = gap {
            spans.push((gap.from.unwrap(), gap.to, end - end_before == window));
        }
        first_shown.get_or_insert(begin);
        shown.extend(begin..end);
        (polled_at, end_before) = (Some(at), end);
        tally.polls += 1;
        at = after(at, std::time::Duration::from_mins(minutes));
    }
    let unseen: Vec<Timestamp> = (first_shown.unwrap()..times.len())
        .filter(|number| !shown.contains(number))
        .map(|number| times[number])
        .collect();
    let inside = |at: Timestamp, (from, to, _): &(Timestamp, Timestamp, bool)| *from <= at && at <= *to;
    tally.lost += unseen.len();
    tally.silent += unseen.iter().filter(|at| !spans.iter().any(|span| inside(**at, span))).count();
    tally.gaps += spans.len();
    for span in spans.iter().filter(|span| !unseen.iter().any(|at| inside(*at, span))) {
        tally.false_gaps += 1;
        tally.at_the_edge += usize::from(span.2);
    }
}

#[test]
fn no_entry_of_a_month_of_news_is_lost_in_silence() {
    let feeds = stream();
    for (window, minutes) in
        [(5, 15), (5, 60), (10, 60), (20, 60), (20, 240), (50, 240), (50, 1440), (100, 1440)]
    {
        let mut tally = Tally::default();
        for entries in feeds.values() {
            let times: Vec<Timestamp> = entries.iter().map(time_of).collect();
            watch_through(&times, window, minutes, &mut tally);
        }
        say(&format!("window {window}, every {minutes} min: {tally:?}"));
        assert_eq!(tally.silent, 0, "window {window}, every {minutes} min: {tally:?}");
        assert_eq!(tally.false_gaps, tally.at_the_edge, "window {window}, every {minutes} min: {tally:?}");
        assert!(tally.lost > 0 || feeds.is_empty(), "a window that loses nothing shows nothing");
    }
}

#[test]
fn real_entries_through_the_whole_pipeline_are_not_lost_in_silence_either() {
    let mut feeds: Vec<Vec<Entry>> = stream().into_values().collect();
    feeds.sort_by_key(|entries| Reverse(entries.len()));
    for entries in feeds.into_iter().take(3) {
        let mut lab = Lab::new();
        let (mut at, last) = (
            time_of(&entries[0]),
            time_of(&entries[entries.len() - 1])
                .min(after(time_of(&entries[0]), std::time::Duration::from_hours(24 * 6))),
        );
        let (mut shown, mut first, mut known) = (HashSet::new(), None, 0);
        while at <= last {
            let end = entries.partition_point(|entry| time_of(entry) <= at);
            let begin = end.saturating_sub(20);
            let document: Vec<Entry> = entries[begin..end].iter().rev().cloned().collect();
            known += lab.poll(0, at, &document).known_count;
            first.get_or_insert(begin);
            shown.extend(begin..end);
            at = after(at, std::time::Duration::from_hours(2));
        }
        let end = entries.partition_point(|entry| time_of(entry) <= last);
        let unseen: Vec<Timestamp> = (first.unwrap()..end.saturating_sub(20))
            .filter(|number| !shown.contains(number))
            .map(|number| time_of(&entries[number]))
            .collect();
        let gaps = gaps(&lab);
        let silent =
            unseen.iter().filter(|at| !gaps.iter().any(|gap| gap.from.unwrap() <= **at && **at <= gap.to));
        let (unseen_count, gap_count) = (unseen.len(), gaps.len());
        say(&format!("{unseen_count} of {end} unseen, {gap_count} gaps, {known} known again"));
        assert_eq!(silent.count(), 0);
        assert!(!unseen.is_empty() && gaps.len() < 100);
    }
}
