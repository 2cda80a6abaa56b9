//! Where a page says its feeds are, and where sites keep them.
//!
//! Owns the reading of a page for addresses of feeds (`<link rel=alternate>`, links that look like feeds, HTTP `Link` headers),
//! what well-known sites do, and the paths worth a try when a page names none. Pure. Refuses to fetch: an address found here is
//! a hope until a document at it was read. Work is linear in the page, and what is kept of it is bounded.

use std::collections::HashSet;

use url::Url;

use super::Format;
use super::parse::unescaped;

/// Most addresses kept of one page.
const CANDIDATES_MAX: usize = 50;

/// How much of a page is looked at, bytes: feeds are named in its head, or in a menu.
const PAGE_BYTES_MAX: usize = 4 << 20;

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

/// The format behind a media type, if it is one of feeds. `strict` leaves out types that say no more than XML or JSON.
fn format_of(media_type: &str, strict: bool) -> Option<Option<Format>> {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    Some(match essence.as_str() {
        "application/rss+xml" | "application/x-rss+xml" | "application/rss" | "text/rss" | "text/rss+xml" => {
            Some(Format::Rss)
        }
        "application/rdf+xml" => Some(Format::Rdf),
        "application/atom+xml" | "application/atom" | "text/atom+xml" | "application/x-atom+xml" => {
            Some(Format::Atom)
        }
        "application/feed+json" => Some(Format::Json),
        // WordPress declares its REST API as an alternate of this type, so JSON alone is no feed.
        "application/xml" | "text/xml" if !strict => None,
        _ => return None,
    })
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
    let format = format_of(media_type?, true)?;
    let mut url = target.clone();
    url.set_fragment(None);
    let title = title.map(one_line).filter(|title| !title.is_empty());
    Some(Candidate { url, title, format, source: Source::Header })
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
    let media_type = attribute(attributes, "type").unwrap_or_default();
    let format = match format_of(&media_type, !is_feed) {
        Some(format) => format,
        None if is_feed => None,
        None => return,
    };
    if let Some(href) = attribute(attributes, "href") {
        found.add(base, &href, attribute(attributes, "title"), format, Source::Declared);
    }
}

/// `<a href="…">` that leads to something that looks like a feed.
fn note_anchor(attributes: &str, text: &str, base: &Url, found: &mut Candidates) {
    let Some(href) = attribute(attributes, "href") else { return };
    let declared = attribute(attributes, "type").and_then(|media_type| format_of(&media_type, true));
    let Some(url) = resolve(base, &href) else { return };
    // Podcast players, readers and sharing buttons carry the feed's address inside their own.
    let words = text.trim();
    let is_named = ["rss", "atom", "rss feed", "atom feed", "rss-feed", "feed", "feeds", "json feed", "xml"]
        .iter()
        .any(|name| words.eq_ignore_ascii_case(name));
    let same_site = url.host_str() == base.host_str();
    if declared.is_some() || looks_like_feed(&url) || (is_named && same_site && url.path() != base.path()) {
        let title = Some(words.to_owned()).filter(|words| !words.is_empty());
        found.add(base, &href, title, declared.flatten(), Source::Link);
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
    let is_xml = last.ends_with(".xml");
    let by_word = is_xml && ["rss", "feed", "atom"].iter().any(|word| path.contains(word));
    let by_host = url.host_str().is_some_and(|host| {
        ["feeds.", "rss.", "feed."].iter().any(|start| host.starts_with(start)) && last != "" && is_xml
    });
    let by_query = url.query_pairs().any(|(key, value)| {
        matches!(
            (&*key, &*value),
            ("feed", "rss2" | "rss" | "atom" | "rdf")
                | ("format", "rss" | "atom")
                | ("type", "rss" | "atom")
                | ("alt", "rss")
        )
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
        ("youtube.com" | "m.youtube.com", ["user", ..] | ["c", ..] | [_]) => {
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

/// A channel's id on one of YouTube's pages that is not named after it.
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
    let is_deep = page.path().trim_matches('/') != "";
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

/// What of a page is looked at.
fn bounded(html: &str) -> &str {
    let mut end = html.len().min(PAGE_BYTES_MAX);
    while !html.is_char_boundary(end) {
        end -= 1;
    }
    html.get(..end).unwrap_or("")
}

/// A start tag.
struct Tag<'a> {
    /// In lower case.
    name: String,
    attributes: &'a str,
}

/// The start tags of a page, in order; comments, scripts and styles are passed over.
struct Tags<'a> {
    rest: &'a str,
}

impl<'a> Tags<'a> {
    fn of(html: &'a str) -> Self {
        Self { rest: bounded(html) }
    }

    /// The next start tag.
    fn next(&mut self) -> Option<Tag<'a>> {
        loop {
            let (_, rest) = self.rest.split_once('<')?;
            self.rest = rest;
            if let Some(comment) = rest.strip_prefix("!--") {
                self.rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
                continue;
            }
            if !rest.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
                continue;
            }
            let end = tag_end(rest);
            let (tag, after) = rest.split_at_checked(end)?;
            self.rest = after;
            let name_end = tag.find(|c: char| c.is_ascii_whitespace() || c == '/').unwrap_or(tag.len());
            let (name, attributes) = tag.split_at_checked(name_end)?;
            let name = name.to_ascii_lowercase();
            if matches!(name.as_str(), "script" | "style" | "textarea" | "template") {
                self.skip_to_end_of(&name);
                continue;
            }
            return Some(Tag { name, attributes });
        }
    }

    /// Goes behind the end tag of an element that holds no markup.
    fn skip_to_end_of(&mut self, name: &str) {
        let rest = self.rest;
        let is_end = |at: &usize| {
            let after = rest.get(at + 2..).unwrap_or("");
            after.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name))
        };
        let end = rest.match_indices("</").map(|(at, _)| at).find(is_end);
        self.rest = end.and_then(|at| rest.get(at..)).unwrap_or("");
    }

    /// The text right behind the last tag, up to the next one.
    fn text_ahead(&self) -> &'a str {
        let text = self.rest.strip_prefix('>').unwrap_or(self.rest);
        // More of it than a title can hold is no title.
        text.split_once('<').map_or("", |(text, _)| text)
    }
}

/// Where a tag ends: at a `>` outside of quotes.
fn tag_end(tag: &str) -> usize {
    let mut quote = None;
    let mut after_equals = false;
    for (at, byte) in tag.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), byte) if open == byte => quote = None,
            (Some(_), _) => {}
            (None, b'>') => return at,
            // A quote opens a value only right behind its `=`.
            (None, b'"' | b'\'') if after_equals => quote = Some(byte),
            _ => {}
        }
        after_equals = quote.is_none() && (byte == b'=' || (after_equals && byte.is_ascii_whitespace()));
    }
    tag.len()
}

/// An attribute by its name in lower case, its references resolved; the first one counts.
fn attribute(attributes: &str, name: &str) -> Option<String> {
    let mut rest = attributes;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() {
            return None;
        }
        let key_end = rest
            .char_indices()
            .skip(1)
            .find(|(_, c)| c.is_ascii_whitespace() || matches!(c, '=' | '/'))
            .map_or(rest.len(), |(at, _)| at);
        let (key, after) = rest.split_at_checked(key_end)?;
        rest = after.trim_start();
        let mut value = "";
        if let Some(written) = rest.strip_prefix('=') {
            let written = written.trim_start();
            (value, rest) = match written.chars().next() {
                Some(quote @ ('"' | '\'')) => {
                    let inside = written.get(1..).unwrap_or("");
                    inside.split_once(quote).unwrap_or((inside, ""))
                }
                _ => {
                    let end = written.find(|c: char| c.is_ascii_whitespace()).unwrap_or(written.len());
                    written.split_at_checked(end)?
                }
            };
        }
        if key.eq_ignore_ascii_case(name) {
            return Some(unescaped(value));
        }
    }
}
