//! Where a page says its feeds are, and where sites keep them.
//!
//! Owns the reading of a page for addresses of feeds (`<link rel=alternate>`, links that look like feeds, HTTP `Link` headers),
//! what well-known sites do, and the paths worth a try when a page names none. Pure. Refuses to fetch: an address found here is
//! a hope until a document at it was read. Work is linear in the page, and what is kept of it is bounded.

mod markup;

use std::collections::HashSet;

use url::Url;

use self::markup::{Tags, attribute, bounded};
use super::Format;

/// Most addresses kept of one page.
const CANDIDATES_MAX: usize = 50;

/// Longest address worth following, bytes.
const ADDRESS_BYTES_MAX: usize = 2_000;

/// Longest title kept, characters.
const TITLE_CHARS_MAX: usize = 200;

/// An address at which a feed may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The address, without fragment.
    pub url: Url,
    /// What the page calls it.
    pub title: Option<String>,
    /// The format the page declares.
    pub format: Option<Format>,
    /// How it was found.
    pub source: Source,
}

/// How an address was found, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The server named it in a `Link` header.
    Header,
    /// The page declares it: `<link rel="alternate">`.
    Declared,
    /// The site is known to keep one there.
    Site,
    /// A link on the page that looks like one.
    Link,
    /// A path where many sites keep one.
    Guess,
}

impl Candidate {
    /// Whether it carries what readers say rather than the news: sites of `WordPress` declare such a feed beside their own.
    pub fn is_comments(&self) -> bool {
        self.url.path().contains("/comments/")
            || self.url.query().is_some_and(|query| query.contains("comments"))
    }
}

impl Source {
    /// In a word, for scripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Declared => "declared",
            Self::Site => "site",
            Self::Link => "link",
            Self::Guess => "guess",
        }
    }
}

/// What a media type says of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hint {
    /// A feed of this format.
    Feed(Format),
    /// XML, of which a feed may be made.
    Xml,
    /// Something else, or nothing at all.
    Nothing,
}

fn hint(media_type: &str) -> Hint {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/rss+xml" | "application/x-rss+xml" | "application/rss" | "text/rss" | "text/rss+xml" => {
            Hint::Feed(Format::Rss)
        }
        "application/rdf+xml" => Hint::Feed(Format::Rdf),
        "application/atom+xml" | "application/atom" | "text/atom+xml" | "application/x-atom+xml" => {
            Hint::Feed(Format::Atom)
        }
        // WordPress declares its REST API as an alternate of plain JSON, so that alone is no feed.
        "application/feed+json" => Hint::Feed(Format::Json),
        "application/xml" | "text/xml" => Hint::Xml,
        _ => Hint::Nothing,
    }
}

/// The address of a feed in a `Link` header (RFC 8288), taken apart: its target, relations, `type` and `title`.
pub fn in_header(
    target: &Url,
    rel: &[String],
    media_type: Option<&str>,
    title: Option<&str>,
) -> Option<Candidate> {
    if !rel.iter().any(|word| word == "alternate") {
        return None;
    }
    let Hint::Feed(format) = hint(media_type?) else { return None };
    let mut url = target.clone();
    url.set_fragment(None);
    let title = title.map(one_line).filter(|title| !title.is_empty());
    Some(Candidate { url, title, format: Some(format), source: Source::Header })
}

/// Addresses of feeds a page names: declared ones first, then links that look like feeds.
pub fn in_page(html: &str, address: &Url) -> Vec<Candidate> {
    let mut base = address.clone();
    let mut has_base = false;
    let (mut declared, mut linked) = (Candidates::default(), Candidates::default());
    let mut tags = Tags::of(html);
    while let Some(tag) = tags.next() {
        match tag.name.as_str() {
            "base" if !has_base => {
                if let Some(given) =
                    attribute(tag.attributes, "href").and_then(|href| address.join(&href).ok())
                {
                    base = given;
                    has_base = true;
                }
            }
            "link" => note_link(tag.attributes, &base, &mut declared),
            "a" if linked.has_room() => {
                let text = tags.text_ahead();
                note_anchor(tag.attributes, text, &base, &mut linked);
            }
            _ => {}
        }
    }
    for candidate in linked.candidates {
        declared.push(candidate);
    }
    declared.candidates
}

/// `<link rel="alternate" type="…" href="…">`, also with `rel="feed"` as HTML once drafted it.
fn note_link(attributes: &str, base: &Url, found: &mut Candidates) {
    let rel = attribute(attributes, "rel").unwrap_or_default();
    let is_feed = has_word(&rel, "feed");
    if !(is_feed || has_word(&rel, "alternate")) || has_word(&rel, "stylesheet") {
        return;
    }
    let format = match hint(&attribute(attributes, "type").unwrap_or_default()) {
        Hint::Feed(format) => Some(format),
        Hint::Xml => None,
        Hint::Nothing if is_feed => None,
        Hint::Nothing => return,
    };
    if let Some(href) = attribute(attributes, "href") {
        found.add(base, &href, attribute(attributes, "title"), format, Source::Declared);
    }
}

/// `<a href="…">` that leads to something that looks like a feed.
fn note_anchor(attributes: &str, text: &str, base: &Url, found: &mut Candidates) {
    let Some(href) = attribute(attributes, "href") else { return };
    let declared = match attribute(attributes, "type").as_deref().map(hint) {
        Some(Hint::Feed(format)) => Some(format),
        _ => None,
    };
    let Some(url) = resolve(base, &href) else { return };
    // Podcast players, readers and sharing buttons carry the feed's address inside their own.
    let words = text.trim();
    let is_named = ["rss", "atom", "rss feed", "atom feed", "rss-feed", "feed", "feeds", "json feed", "xml"]
        .iter()
        .any(|name| words.eq_ignore_ascii_case(name));
    let same_site = url.host_str() == base.host_str();
    if declared.is_some() || looks_like_feed(&url) || (is_named && same_site && url.path() != base.path()) {
        let title = Some(words.to_owned()).filter(|words| !words.is_empty());
        found.add(base, &href, title, declared, Source::Link);
    }
}

/// Whether an address alone suggests a feed.
fn looks_like_feed(url: &Url) -> bool {
    let path = url.path().to_ascii_lowercase();
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let by_name = matches!(
        last,
        "feed" | "rss" | "atom" | "feeds.rss" | "feed.json" | "index.xml" | "index.rdf" | "rdf"
    );
    let by_end = [".rss", ".atom", ".rdf"].iter().any(|end| last.ends_with(end));
    let is_xml = last.rsplit_once('.').is_some_and(|(_, end)| end == "xml");
    let by_word = is_xml && ["rss", "feed", "atom"].iter().any(|word| path.contains(word));
    let by_host = url.host_str().is_some_and(|host| {
        ["feeds.", "rss.", "feed."].iter().any(|start| host.starts_with(start)) && is_xml
    });
    let by_query = url.query_pairs().any(|(key, value)| match &*key {
        "feed" => matches!(&*value, "rss2" | "rss" | "atom" | "rdf"),
        "format" | "type" | "alt" => matches!(&*value, "rss" | "atom"),
        _ => false,
    });
    by_name || by_end || by_word || by_host || by_query
}

/// Addresses that well-known sites keep feeds at, for a page of theirs; `html` is the page, if it was read.
pub fn of_site(page: &Url, html: &str) -> Vec<Candidate> {
    let mut found = Candidates::default();
    let host = page.host_str().unwrap_or_default();
    let host = host.strip_prefix("www.").unwrap_or(host);
    let segments: Vec<&str> =
        page.path_segments().map(|parts| parts.filter(|part| !part.is_empty()).collect()).unwrap_or_default();
    let mut add = |address: String| found.add(page, &address, None, None, Source::Site);
    match (host, segments.as_slice()) {
        ("youtube.com" | "m.youtube.com", ["channel", id, ..]) => {
            add(format!("https://www.youtube.com/feeds/videos.xml?channel_id={id}"));
        }
        ("youtube.com" | "m.youtube.com", ["playlist"]) => {
            if let Some((_, list)) = page.query_pairs().find(|(key, _)| key == "list") {
                add(format!("https://www.youtube.com/feeds/videos.xml?playlist_id={list}"));
            }
        }
        ("youtube.com" | "m.youtube.com", ["user" | "c", ..] | [_]) => {
            if let Some(id) = channel_in(html) {
                add(format!("https://www.youtube.com/feeds/videos.xml?channel_id={id}"));
            }
        }
        ("reddit.com" | "old.reddit.com" | "new.reddit.com", [kind @ ("r" | "u" | "user"), name, ..]) => {
            add(format!("https://www.reddit.com/{kind}/{name}/.rss"));
        }
        ("github.com", [owner, repository, "tags", ..]) => {
            add(format!("https://github.com/{owner}/{repository}/tags.atom"));
        }
        ("github.com", [owner, repository, "commits", ..]) => {
            add(format!("https://github.com/{owner}/{repository}/commits.atom"));
        }
        ("github.com", [owner, repository, ..]) => {
            add(format!("https://github.com/{owner}/{repository}/releases.atom"));
        }
        ("medium.com", [publication, ..]) => add(format!("/feed/{publication}")),
        // Mastodon and its kin: a profile is `/@name`.
        (_, [profile, ..]) if profile.starts_with('@') && !profile.contains('.') => {
            add(format!("/{profile}.rss"));
        }
        ("bsky.app", ["profile", name, ..]) => add(format!("/profile/{name}/rss")),
        _ => {}
    }
    found.candidates
}

/// A channel's id on a page of `YouTube`'s that is not named after it.
fn channel_in(html: &str) -> Option<&str> {
    let page = bounded(html);
    ["\"externalId\":\"", "\"channelId\":\"", "channel_id=", "youtube.com/channel/"].iter().find_map(|mark| {
        let (_, rest) = page.split_once(mark)?;
        let end = rest.find(|letter: char| !(letter.is_ascii_alphanumeric() || "-_".contains(letter)))?;
        rest.get(..end).filter(|id| id.starts_with("UC") && id.len() == 24)
    })
}

/// Where many sites keep a feed, the likeliest first: below the page's own directory, then at the root.
pub fn guesses(page: &Url) -> Vec<Candidate> {
    const PATHS: [&str; 8] =
        ["feed", "rss", "rss.xml", "feed.xml", "atom.xml", "index.xml", "feed.json", "?feed=rss2"];
    let mut found = Candidates::default();
    let is_deep = !page.path().trim_matches('/').is_empty();
    if is_deep {
        // Sections of WordPress and many others: `/news/africa` has `/news/africa/feed`.
        let path = page.path().trim_end_matches('/');
        for end in ["feed", "rss.xml"] {
            found.add(page, &format!("{path}/{end}"), None, None, Source::Guess);
        }
    }
    for path in PATHS {
        found.add(page, &format!("/{path}"), None, None, Source::Guess);
    }
    found.candidates
}

/// Addresses, each once, and not without end.
#[derive(Default)]
struct Candidates {
    candidates: Vec<Candidate>,
    seen: HashSet<Url>,
}

impl Candidates {
    fn has_room(&self) -> bool {
        self.candidates.len() < CANDIDATES_MAX
    }

    fn add(&mut self, base: &Url, href: &str, title: Option<String>, format: Option<Format>, source: Source) {
        if let Some(url) = resolve(base, href) {
            let title = title.map(|title| one_line(&title)).filter(|title| !title.is_empty());
            self.push(Candidate { url, title, format, source });
        }
    }

    fn push(&mut self, candidate: Candidate) {
        if self.has_room() && self.seen.insert(candidate.url.clone()) {
            self.candidates.push(candidate);
        }
    }
}

/// A link as an address that can be polled. `feed:` is how some pages hand a feed to a reader.
fn resolve(base: &Url, href: &str) -> Option<Url> {
    let href = href.trim();
    if href.is_empty() || href.len() > ADDRESS_BYTES_MAX {
        return None;
    }
    let href = match href.get(..5).filter(|scheme| scheme.eq_ignore_ascii_case("feed:")) {
        Some(_) => match href.get(5..)? {
            rest if rest.starts_with("//") => format!("https:{rest}"),
            rest => rest.to_owned(),
        },
        None => href.to_owned(),
    };
    let mut url =
        base.join(&href).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())?;
    url.set_fragment(None);
    Some(url)
}

fn one_line(text: &str) -> String {
    let line: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(TITLE_CHARS_MAX).collect();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn has_word(words: &str, word: &str) -> bool {
    words.split_ascii_whitespace().any(|found| found.eq_ignore_ascii_case(word))
}
