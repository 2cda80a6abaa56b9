//! Files of feeds: `feeds.toml` and OPML.
//!
//! Owns what a feed's entry must say and that no address stands twice. Refuses to poll.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use url::Url;
use xxhash_rust::xxh3::Xxh3;

use super::access::{Proxies, check_access};
use super::check::{is_language, note_bytes, read_toml, warn_of_haste};
use super::opml;
use super::raw;
use super::read::Item;
use super::report::Problem;
use super::source::{Sheet, Source};
use super::units::show_duration;
use super::value::Line;
use super::{Poll, Rewrite, quoted};
use crate::feed::{Feed, FullText, Tier};

/// Most feeds of a configuration.
const FEEDS_MAX: usize = 100_000;

/// Most files of feeds.
const FILES_MAX: usize = 1_000;

/// Warnings about short intervals; who set more of them has read enough.
const HASTY_MAX: usize = 10;

/// Longest tag, bytes.
pub(super) const TAG_BYTES_MAX: usize = 100;

const URL_HINT: &str = "write it with its scheme: \"https://example.org/feed.xml\"";

/// All feeds, and what is wrong with their files.
pub(super) struct Feeds {
    /// The files, in order, also those that are not there.
    pub(super) files: Vec<PathBuf>,
    /// Feeds in file order.
    pub(super) feeds: Vec<Feed>,
    /// Problems of the files of feeds.
    pub(super) problems: Vec<Problem>,
}

/// Where a feed was first seen.
struct Place {
    file: PathBuf,
    line: usize,
    index: Option<usize>,
}

/// What all files of feeds share.
struct Collector<'a> {
    dir: &'a Path,
    poll: &'a Poll,
    proxies: Proxies,
    hasty_count: usize,
    allow_private_addresses: bool,
    feeds: Vec<Feed>,
    places: HashMap<String, Place>,
}

/// Reads every file `feed_files` names.
pub(super) fn load_feeds(
    dir: &Path,
    main: &raw::Main,
    poll: &Poll,
    rewrite: Option<&Rewrite>,
    main_sheet: &mut Sheet<'_>,
    hash: &mut Xxh3,
) -> Feeds {
    let mut collector = Collector {
        dir,
        poll,
        proxies: Proxies::default(),
        hasty_count: 0,
        allow_private_addresses: main.poll.value.allow_private_addresses.value,
        feeds: Vec::new(),
        places: HashMap::new(),
    };
    let mut problems = Vec::new();
    let mut seen: Vec<PathBuf> = Vec::new();
    for (index, item) in main.feed_files.value.iter().take(FILES_MAX).enumerate() {
        let key = format!("feed_files[{}]", index + 1);
        let path = dir.join(&item.value);
        if seen.contains(&path) {
            let span = item.span.clone().unwrap_or_default();
            main_sheet.error(span, &key, "this file is listed twice".to_owned(), "remove one of them");
            continue;
        }
        seen.push(path.clone());
        let rewritten = rewrite.filter(|rewrite| rewrite.path == path);
        if rewritten.is_none() && !path.exists() {
            // The file nobody asked for may be missing; one that is named must be there.
            if let Some(span) = item.span.clone() {
                let message = format!("there is no file {}", path.display());
                main_sheet.error(
                    span,
                    &key,
                    message,
                    "create it, or correct the path (it starts at the configuration directory)",
                );
            }
            continue;
        }
        let read = match rewritten {
            Some(rewrite) => Ok(Source::new(path, rewrite.text.clone())),
            None => Source::read(path),
        };
        let source = match read {
            Ok(source) => source,
            Err(problem) => {
                problems.push(*problem);
                continue;
            }
        };
        note_bytes(hash, dir, &source);
        let mut sheet = Sheet::new(&source);
        collector.read_file(&mut sheet);
        problems.extend(sheet.problems);
    }
    refuse_excess(main, collector.feeds.len(), main_sheet);
    let any_errors = main_sheet.has_errors() || !problems.is_empty();
    if collector.feeds.is_empty() && !any_errors {
        let span = main.feed_files.span.clone().unwrap_or_default();
        let hint = "add a [[feed]] with `url = \"…\"` to feeds.toml";
        main_sheet.warning(span, "feed_files", "there are no feeds: nothing is polled".to_owned(), hint);
    }
    Feeds { files: seen, feeds: collector.feeds, problems }
}

fn refuse_excess(main: &raw::Main, feed_count: usize, sheet: &mut Sheet<'_>) {
    let span = main.feed_files.span.clone().unwrap_or_default();
    if main.feed_files.value.len() > FILES_MAX {
        let message = format!("more than {FILES_MAX} files of feeds");
        sheet.error(span.clone(), "feed_files", message, "put several together");
    }
    if feed_count > FEEDS_MAX {
        let message = format!("{feed_count} feeds are more than the {FEEDS_MAX} Wirewatch is built for");
        sheet.error(span, "feed_files", message, "share them between several installations");
    }
}

impl Collector<'_> {
    fn read_file(&mut self, sheet: &mut Sheet<'_>) {
        let is_opml = sheet.source.path.extension().is_some_and(|end| end.eq_ignore_ascii_case("opml"));
        if is_opml {
            self.read_opml(sheet);
            return;
        }
        let raw: raw::Feeds = read_toml(sheet);
        for (index, item) in raw.feed.value.iter().enumerate() {
            let key = format!("feed[{}]", index + 1);
            let sound_url = item.value.url.sound;
            let url = sound_url.then(|| check_url(&item.value.url, &key, sheet)).flatten();
            let feed = self.check_feed(&item.value, url.as_ref(), &key, sheet);
            let url_span = item.value.url.span.clone();
            if let (Some(feed), Some(span)) = (feed, url_span)
                && self.claim(&feed.url, span, &format!("{key}.url"), sheet)
                && item.value.enabled.value
            {
                self.remember(feed);
            }
        }
    }

    fn read_opml(&mut self, sheet: &mut Sheet<'_>) {
        let mut own: HashMap<String, usize> = HashMap::new();
        for outline in opml::read(sheet) {
            let url = match parse_url(&outline.url) {
                Ok(url) => url,
                Err(message) => {
                    sheet.error(outline.span, "outline.xmlUrl", message, URL_HINT);
                    continue;
                }
            };
            // Other readers list a feed once per folder it is in: one feed, several tags.
            if let Some(feed) = own.get(url.as_str()).and_then(|index| self.feeds.get_mut(*index)) {
                feed.tags.extend(
                    outline.tags.into_iter().filter(|tag| !feed.tags.contains(tag)).collect::<Vec<_>>(),
                );
                feed.full_text = full_text_by(&feed.tags, self.poll);
                continue;
            }
            if !self.claim(&url, outline.span.clone(), "outline.xmlUrl", sheet) {
                continue;
            }
            warn_of_credentials(&url, outline.span, "outline.xmlUrl", sheet);
            own.insert(url.as_str().to_owned(), self.feeds.len());
            self.remember(Feed {
                name: outline.name.unwrap_or_else(|| host_of(&url)),
                full_text: full_text_by(&outline.tags, self.poll),
                tags: outline.tags,
                language: outline.language,
                allow_private_addresses: self.allow_private_addresses,
                ..Feed::new(url)
            });
        }
    }

    /// Keeps a feed; beyond the limit it is only counted by its address.
    fn remember(&mut self, feed: Feed) {
        if self.feeds.len() <= FEEDS_MAX {
            self.feeds.push(feed);
        }
    }

    /// Whether the address is new; otherwise both places are named.
    fn claim(&mut self, url: &Url, span: Range<usize>, key: &str, sheet: &mut Sheet<'_>) -> bool {
        let line = sheet.source.line_at(span.start);
        if let Some(first) = self.places.get(url.as_str()) {
            let index = first.index.map(|index| format!(" (feed[{index}])")).unwrap_or_default();
            let message =
                format!("this feed stands already in {}:{}{index}", first.file.display(), first.line);
            sheet.error(span, key, message, "remove one of the two");
            return false;
        }
        let index = key.strip_prefix("feed[").and_then(|rest| rest.split(']').next()?.parse().ok());
        let place = Place { file: sheet.source.path.clone(), line, index };
        self.places.insert(url.as_str().to_owned(), place);
        true
    }

    fn check_feed(
        &mut self,
        raw: &raw::Feed,
        url: Option<&Url>,
        key: &str,
        sheet: &mut Sheet<'_>,
    ) -> Option<Feed> {
        self.check_interval(raw, key, sheet);
        let language = raw.language.value.as_ref().map(|Line(code)| code.clone());
        if let Some(code) = language.as_ref().filter(|code| !is_language(code)) {
            let span = raw.language.span.clone().unwrap_or_default();
            let message = format!("`{}` is not a language code", quoted(code));
            sheet.error(
                span,
                &format!("{key}.language"),
                message,
                "write ISO 639-1 in small letters, such as \"en\"",
            );
        }
        for (index, item) in raw.tags.value.iter().enumerate() {
            let Line(tag) = &item.value;
            if !is_tag(tag) {
                let span = item.span.clone().unwrap_or_default();
                let message = format!("`{}` is not one word", quoted(tag));
                let hint = "a tag is made of letters, digits, - and _";
                sheet.error(span, &format!("{key}.tags[{}]", index + 1), message, hint);
            }
        }
        let is_private = raw.allow_private_addresses.value.unwrap_or(self.allow_private_addresses);
        let access = check_access(self.dir, raw, (url, is_private), key, &mut self.proxies, sheet);
        let text = |item: &Item<Option<Line>>| item.value.as_ref().map(|Line(text)| text.clone());
        let tier = u8::try_from(raw.tier.value.0).ok().and_then(Tier::new).unwrap_or_default();
        let url = url?.clone();
        let tags: Vec<String> = raw.tags.value.iter().map(|item| item.value.0.clone()).collect();
        Some(Feed {
            name: text(&raw.name).unwrap_or_else(|| host_of(&url)),
            url,
            publisher: text(&raw.publisher),
            publishers: Arc::default(),
            tier,
            full_text: raw.full_text.value.unwrap_or_else(|| full_text_by(&tags, self.poll)),
            tags,
            language,
            interval: raw.interval.value,
            allow_private_addresses: is_private,
            access,
        })
    }

    fn check_interval(&mut self, raw: &raw::Feed, key: &str, sheet: &mut Sheet<'_>) {
        let (Some(interval), Some(span)) = (raw.interval.value, raw.interval.span.clone()) else { return };
        if !raw.interval.sound {
            return;
        }
        let key = format!("{key}.interval");
        let shown = show_duration(interval);
        let (min, max) = (self.poll.min_interval, self.poll.max_interval);
        if interval < min {
            let message = format!("{shown} is shorter than poll.min_interval ({})", show_duration(min));
            sheet.error(span, &key, message, "raise it, or lower poll.min_interval in wirewatch.toml");
        } else if interval > max {
            let message = format!("{shown} is longer than poll.max_interval ({})", show_duration(max));
            sheet.error(span, &key, message, "lower it, or raise poll.max_interval in wirewatch.toml");
        } else if self.hasty_count < HASTY_MAX {
            self.hasty_count += usize::from(warn_of_haste(interval, span, &key, sheet));
        }
    }
}

fn check_url(item: &Item<Line>, key: &str, sheet: &mut Sheet<'_>) -> Option<Url> {
    let (Line(text), span) = (&item.value, item.span.clone()?);
    let key = format!("{key}.url");
    match parse_url(text) {
        Ok(url) => {
            warn_of_credentials(&url, span, &key, sheet);
            Some(url)
        }
        Err(message) => {
            sheet.error(span, &key, message, URL_HINT);
            None
        }
    }
}

fn warn_of_credentials(url: &Url, span: Range<usize>, key: &str, sheet: &mut Sheet<'_>) {
    if url.username().is_empty() && url.password().is_none() {
        return;
    }
    let message = "this address holds a user or password, which shows wherever the feed is named".to_owned();
    sheet.warning(span, key, message, "ask the publisher for an address without, if there is one");
}

/// A web address, normalised: no fragment, default port or stray blanks.
pub(super) fn parse_url(text: &str) -> Result<Url, String> {
    const BYTES_MAX: usize = 2_000;
    if text.len() > BYTES_MAX {
        return Err(format!("an address may have at most {BYTES_MAX} bytes"));
    }
    let mut url =
        Url::parse(text.trim()).map_err(|error| format!("`{}` is not an address: {error}", quoted(text)))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("`{}` is neither http:// nor https://", quoted(text)));
    }
    url.set_fragment(None);
    Ok(url)
}

fn host_of(url: &Url) -> String {
    url.host_str().unwrap_or("feed").to_owned()
}

/// Whose pages are read, going by the tags of their feed.
fn full_text_by(tags: &[String], poll: &Poll) -> FullText {
    let any_of = |list: &[String]| tags.iter().any(|tag| list.contains(tag));
    match (any_of(&poll.full_text_tags), any_of(&poll.borderline_tags)) {
        (true, _) => FullText::Always,
        (false, true) => FullText::Borderline,
        (false, false) => FullText::Never,
    }
}

/// Whether a word can be a tag.
pub(super) fn is_tag(tag: &str) -> bool {
    !tag.is_empty()
        && tag.len() <= TAG_BYTES_MAX
        && tag.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
}
