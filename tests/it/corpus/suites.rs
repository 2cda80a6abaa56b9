//! Other parsers' own suites, read where they lie: every file without a panic, every entry of every well-formed
//! feed, and the values those parsers expect. Where we differ on purpose the case is counted as not comparable,
//! with the reason; everything else that differs is a miss.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use wirewatch::feed::{Entry, ParsedFeed, ProblemKind};

use super::{feedparser, gofeed, read_with_header};

/// The suites' folder; `None`, said aloud, where it is absent.
pub(super) fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/feeds");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no suites at {}", folder.display());
    None
}

/// Every file below a folder, in order of name.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// Comparisons of one suite.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) documents: usize,
    pub(super) complete: usize,
    /// Entries that hold nothing we keep and were named as such.
    pub(super) named_empty: usize,
    compared: usize,
    equal: usize,
    misses: Vec<String>,
    not_comparable: BTreeMap<String, usize>,
}

impl Tally {
    pub(super) fn compare(&mut self, place: &str, field: &str, ours: &str, expected: &str, equal: bool) {
        self.compared += 1;
        if equal {
            self.equal += 1;
        } else {
            self.misses.push(format!("{place} {field}: expected {expected:?}, read {ours:?}"));
        }
    }

    /// Compares texts that may hold HTML.
    pub(super) fn compare_text(&mut self, place: &str, field: &str, ours: &str, expected: &str) {
        if differ_in_links_only(ours, expected) {
            self.not_comparable(
                "other parsers resolve relative links inside texts; entries keep texts as given",
            );
        } else {
            self.compare(place, field, ours, expected, same_text(ours, expected));
        }
    }

    pub(super) fn not_comparable(&mut self, reason: &str) {
        *self.not_comparable.entry(reason.to_owned()).or_default() += 1;
    }

    /// Whether all entries of a well-formed document came out.
    pub(super) fn entries(&mut self, place: &str, feed: Option<&ParsedFeed>, expected: usize) {
        self.documents += 1;
        let read = feed.map_or(0, |feed| feed.entries.len());
        self.named_empty += feed.map_or(0, named_empty);
        if read == expected {
            self.complete += 1;
        } else {
            self.misses.push(format!("{place} entries: expected {expected}, read {read}"));
        }
    }

    /// Prints the result and holds it to its floors, in percent, and to how many entries hold nothing we keep.
    pub(super) fn report(&self, suite: &str, entries_floor: f64, values_floor: f64, empty_expected: usize) {
        let percent = |part: usize, whole: usize| 100.0 * part as f64 / whole.max(1) as f64;
        let entries = percent(self.complete, self.documents);
        let values = percent(self.equal, self.compared);
        println!(
            "{suite}: all entries in {}/{} documents ({entries:.2} %), {} of them without words or link; \
             {}/{} values ({values:.2} %)",
            self.complete, self.documents, self.named_empty, self.equal, self.compared
        );
        for (reason, count) in &self.not_comparable {
            println!("  not comparable {count}: {reason}");
        }
        for miss in &self.misses {
            println!("  miss {}", miss.chars().take(200).collect::<String>());
        }
        assert!(self.documents > 0 && self.compared > 0, "{suite}: nothing was compared");
        // An entry we lose may come out as an empty one, so their number is known too.
        assert_eq!(self.named_empty, empty_expected, "{suite}: entries named empty");
        assert!(entries >= entries_floor, "{suite}: {entries:.2} % of documents yield all entries");
        assert!(values >= values_floor, "{suite}: {values:.2} % of values agree");
    }
}

fn named_empty(feed: &ParsedFeed) -> usize {
    let problem = feed.problems.iter().find(|problem| problem.kind == ProblemKind::EmptyEntry);
    problem.map_or(0, |problem| {
        problem.detail.split(' ').next().and_then(|count| count.parse().ok()).expect("a count first")
    })
}

/// Texts are equal when they show the same on a page: references resolved, white space collapsed, an outer `div`
/// and the spelling of empty elements aside.
pub(super) fn same_text(ours: &str, expected: &str) -> bool {
    ours == expected || shown(ours) == shown(expected)
}

fn shown(text: &str) -> String {
    let mut text = text.replace(" />", ">").replace("/>", ">");
    for _ in 0..2 {
        text = resolved(&text);
    }
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").replace("> <", "><");
    let inside = text.strip_prefix("<div").and_then(|rest| rest.split_once('>')).map(|(_, rest)| rest);
    inside
        .and_then(|rest| rest.strip_suffix("</div>"))
        .map_or(text.clone(), |inside| inside.trim().to_owned())
}

fn resolved(text: &str) -> String {
    let lookup = |name: &str| {
        let (first, _) = html5ever::data::NAMED_ENTITIES.get(format!("{name};").as_str())?;
        char::from_u32(*first)
    };
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        rest = after;
        let name = after.split(';').next().filter(|name| name.len() < after.len() && name.len() < 12);
        let number = name.and_then(|name| name.strip_prefix('#')).and_then(|digits| {
            match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok(),
                None => digits.parse().ok(),
            }
        });
        match name.and_then(lookup).or(number.and_then(char::from_u32)) {
            Some(letter) => {
                out.push(letter);
                rest = after.split_once(';').expect("a reference ends").1;
            }
            None => out.push('&'),
        }
    }
    out + rest
}

/// Whether two texts differ in nothing but the addresses inside: other parsers resolve relative links in texts.
fn differ_in_links_only(ours: &str, expected: &str) -> bool {
    let bare = |text: &str| {
        let mut out = String::new();
        let text = shown(text);
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once("href=\"") {
            out.push_str(before);
            rest = after.split_once('"').map_or("", |(_, rest)| rest);
        }
        out + rest
    };
    let (ours, expected) = (shown(ours), shown(expected));
    let relative = ours.contains("href=\"") && !ours.contains("href=\"http");
    relative && expected.contains("href=\"http") && bare(&ours) == bare(&expected)
}

/// Addresses are equal when they lead to the same place.
pub(super) fn same_address(ours: &str, expected: &str) -> bool {
    let base = super::base();
    let whole = |address: &str| base.join(address.trim()).map(String::from).unwrap_or_default();
    ours == expected || whole(ours) == whole(expected)
}

#[test]
fn no_file_of_any_suite_panics() {
    let Some(folder) = folder() else { return };
    let files = files(&folder);
    let feeds = files.iter().filter(|path| {
        let document = std::fs::read(path).expect("a readable file");
        read_with_header(&document, None).is_ok()
    });
    println!("{} of {} files are read as feeds", feeds.count(), files.len());
    assert!(files.len() > 3_000);
}

#[test]
fn feedparsers_suite_agrees() {
    let Some(folder) = folder() else { return };
    feedparser::run(&folder.join("feedparser")).report("feedparser", 99.9, 95.0, 230);
}

#[test]
fn gofeeds_suite_agrees() {
    let Some(folder) = folder() else { return };
    gofeed::run_gofeed(&folder.join("gofeed")).report("gofeed", 99.9, 93.5, 141);
}

#[test]
fn feed_rs_suite_agrees() {
    let Some(folder) = folder() else { return };
    gofeed::run_feed_rs(&folder.join("feed-rs")).report("feed-rs", 99.9, 99.0, 0);
}

/// An entry's text whichever element carried it.
pub(super) fn text_of(entry: &Entry) -> &str {
    entry.summary.as_deref().or(entry.content.as_deref()).unwrap_or_default()
}
