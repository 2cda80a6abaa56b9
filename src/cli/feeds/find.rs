//! Which feed is meant: by address, number, name, or a part of either.
//!
//! Owns how people name feeds on a command line, and the place each has in the files. Refuses to guess between several.

use std::path::PathBuf;

use url::Url;

use super::super::Failure;
use crate::config::edit::{self, Listed};
use crate::config::{Config, opml};
use crate::feed::Feed;

/// Feeds named when several match, at most.
const NAMED_MAX: usize = 20;

/// An address as people type it: `example.org/news`, `https://…`, `feed://…`.
pub(super) fn address(text: &str) -> Result<Url, Failure> {
    const HINT: &str = "write it as example.org, or in full: https://example.org/feed.xml";
    let text = text.trim();
    let text = text.strip_prefix("feed:").map_or(text, |rest| rest.trim_start_matches("//"));
    let full = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let mut url = Url::parse(&full)
        .map_err(|error| Failure::usage(format!("`{text}` is not an address: {error}"), HINT))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(Failure::usage(format!("`{text}` is neither http:// nor https://"), HINT));
    }
    url.set_fragment(None);
    Ok(url)
}

/// An address as it may be shown: without a password.
pub(super) fn shown(url: &Url) -> String {
    let mut bare = url.clone();
    // Refused only by addresses that cannot hold a password in the first place.
    if bare.set_password(None).is_ok() { bare.into() } else { url.as_str().to_owned() }
}

/// The one configured feed a person means, and its number in the order of the files, from 1.
pub(super) fn one<'a>(config: &'a Config, text: &str) -> Result<(usize, &'a Feed), Failure> {
    let found = matches(&config.feeds, text);
    match found.as_slice() {
        [place] => Ok((place + 1, &config.feeds[*place])),
        [] => Err(Failure::usage(
            format!("no feed is called `{text}`"),
            "wirewatch feeds list names them; an address, a number or part of a name will do",
        )),
        several => {
            let mut lines: Vec<String> = several
                .iter()
                .take(NAMED_MAX)
                .map(|place| {
                    let feed = &config.feeds[*place];
                    format!("  {:>4}  {}  {}", place + 1, feed.name, feed.address())
                })
                .collect();
            if several.len() > NAMED_MAX {
                lines.push(format!("  … and {} more", several.len() - NAMED_MAX));
            }
            let message = format!("`{text}` fits {} feeds:\n{}", several.len(), lines.join("\n"));
            Err(Failure::usage(message, "name one of them by its number or its address"))
        }
    }
}

/// Places of the feeds a text fits: by address, else by number, else by whole name, else by part of name or address.
fn matches(feeds: &[Feed], text: &str) -> Vec<usize> {
    let places = |fits: &dyn Fn(&Feed) -> bool| -> Vec<usize> {
        feeds.iter().enumerate().filter(|(_, feed)| fits(feed)).map(|(place, _)| place).collect()
    };
    let lower = text.trim().to_lowercase();
    if lower.is_empty() {
        return Vec::new();
    }
    let typed = address(text).ok();
    let same = places(&|feed| typed.as_ref().is_some_and(|url| is_same(url, &feed.url)));
    if !same.is_empty() {
        return same;
    }
    if let Ok(number) = lower.parse::<usize>() {
        return if (1..=feeds.len()).contains(&number) { vec![number - 1] } else { Vec::new() };
    }
    let named = places(&|feed| feed.name.to_lowercase() == lower);
    if !named.is_empty() {
        return named;
    }
    places(&|feed| {
        feed.name.to_lowercase().contains(&lower) || feed.address().to_lowercase().contains(&lower)
    })
}

/// The same address, whatever user or password stands in it.
pub(super) fn is_same(one: &Url, other: &Url) -> bool {
    let bare = |url: &Url| {
        let mut url = url.clone();
        url.set_fragment(None);
        // Both are refused only by addresses that can hold neither.
        if url.set_password(None).is_ok() && url.set_username("").is_ok() {
            return url;
        }
        url
    };
    bare(one) == bare(other)
}

/// A feed in a file, polled or not.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The file.
    pub(super) file: PathBuf,
    /// Its place among the feeds of that file, from 0.
    pub(super) place: usize,
    /// The file says this.
    pub(super) listed: Listed,
    /// Whether the file is OPML, which is not edited.
    pub(super) is_opml: bool,
}

impl Entry {
    /// Its address, normalised as the configuration does.
    pub(super) fn url(&self) -> Option<Url> {
        let mut url = Url::parse(self.listed.url.trim()).ok()?;
        url.set_fragment(None);
        Some(url)
    }

    /// What it is called: its host when the file gives no name.
    pub(super) fn name(&self) -> String {
        let host = || self.url().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        self.listed.name.clone().unwrap_or_else(host)
    }

    /// `file:line`.
    pub(super) fn location(&self) -> String {
        format!("{}:{}", self.file.display(), self.listed.line)
    }

    /// Its address without a password.
    pub(super) fn shown(&self) -> String {
        self.url().map_or_else(|| self.listed.url.clone(), |url| shown(&url))
    }
}

/// Every feed in every file, also those that are turned off.
pub(super) fn entries(config: &Config) -> Result<Vec<Entry>, Failure> {
    let mut entries = Vec::new();
    for file in &config.feed_files {
        if !file.exists() {
            continue;
        }
        let is_opml = is_opml(file);
        let listed = if is_opml { listed_in_opml(file)? } else { listed_in_toml(file)? };
        let of_file = listed.into_iter().enumerate();
        entries.extend(of_file.map(|(place, listed)| Entry { file: file.clone(), place, listed, is_opml }));
    }
    Ok(entries)
}

/// Whether a file of feeds is OPML: by its name, as the configuration has it.
pub(super) fn is_opml(file: &std::path::Path) -> bool {
    file.extension().is_some_and(|end| end.eq_ignore_ascii_case("opml"))
}

fn listed_in_toml(file: &std::path::Path) -> Result<Vec<Listed>, Failure> {
    let text = edit::draft::text(file).map_err(|error| Failure::new(&error, error.hint()))?;
    edit::listed(&text).map_err(|refusal| {
        let line = refusal.line.map_or_else(String::new, |line| format!(":{line}"));
        Failure::new(format!("{}{line}: {}", file.display(), refusal.message), "wirewatch check shows more")
    })
}

fn listed_in_opml(file: &std::path::Path) -> Result<Vec<Listed>, Failure> {
    let list = opml::import(file).map_err(|problem| Failure::new(problem, ""))?;
    let feed = |(outline, line): (opml::Outline, usize)| Listed {
        url: outline.url,
        name: outline.name,
        is_enabled: true,
        line,
    };
    Ok(list.feeds.into_iter().map(feed).collect())
}
