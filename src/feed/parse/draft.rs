//! Entries and feeds while they are being read: candidates for every field, best one first.
//!
//! Owns precedence: which of several elements speaks for a field. Refuses to know any markup.

use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use url::Url;

use super::{NAME_BYTES_MAX, NAMES_MAX, date, language};
use crate::feed::Entry;

/// The longest pause a publisher may ask for; longer ones are typing errors.
const TTL_MAX: Duration = Duration::from_hours(30 * 24);

/// Links kept of one entry, to choose among.
const LINKS_MAX: usize = 16;

/// One field: the candidate with the lowest rank wins, the first among equals. Blank text is no candidate.
#[derive(Debug, Default)]
pub(super) struct Slot {
    best: Option<(u8, String)>,
}

impl Slot {
    pub(super) fn offer(&mut self, rank: u8, text: &str) {
        let text = text.trim();
        if !text.is_empty() && self.best.as_ref().is_none_or(|(best, _)| rank < *best) {
            self.best = Some((rank, text.to_owned()));
        }
    }

    pub(super) fn take(&mut self) -> Option<String> {
        self.best.take().map(|(_, text)| text)
    }

    fn peek(&self) -> Option<&str> {
        self.best.as_ref().map(|(_, text)| text.as_str())
    }
}

/// A link as written, with the `xml:base` in force where it stood.
#[derive(Debug)]
pub(super) struct Link {
    rank: u8,
    written: String,
    base: Option<Rc<Url>>,
}

/// What a date says about its entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DateRole {
    /// `pubDate`, `published`, `issued`.
    Published,
    /// `dc:date`.
    Dated,
    /// `created`: before publication, but better than nothing.
    Created,
    Updated,
}

/// An entry being read.
#[derive(Debug, Default)]
pub(super) struct DraftEntry {
    pub(super) id: Slot,
    /// The `isPermaLink` attribute of the `guid`, and whether there was a `guid`.
    pub(super) is_permalink: Option<bool>,
    pub(super) has_guid: bool,
    pub(super) title: Slot,
    pub(super) summary: Slot,
    pub(super) content: Slot,
    pub(super) language: Slot,
    links: Vec<Link>,
    dates: Vec<(DateRole, String)>,
    authors: Vec<(u8, String)>,
    categories: Vec<String>,
}

impl DraftEntry {
    pub(super) fn link(&mut self, rank: u8, written: &str, base: Option<&Rc<Url>>) {
        let written = written.trim();
        if !written.is_empty() && self.links.len() < LINKS_MAX {
            self.links.push(Link { rank, written: written.to_owned(), base: base.cloned() });
        }
    }

    pub(super) fn date(&mut self, role: DateRole, text: &str) {
        let text = text.trim();
        if !text.is_empty() && self.dates.len() < 8 {
            self.dates.push((role, short(text)));
        }
    }

    pub(super) fn author(&mut self, rank: u8, text: &str) {
        let name = author_name(&one_line(text));
        if !name.is_empty()
            && self.authors.len() < NAMES_MAX
            && !self.authors.iter().any(|(_, known)| *known == name)
        {
            self.authors.push((rank, name));
        }
    }

    pub(super) fn category(&mut self, text: &str) {
        let text = short(&one_line(text));
        if !text.is_empty() && self.categories.len() < NAMES_MAX && !self.categories.contains(&text) {
            self.categories.push(text);
        }
    }

    /// Whether enough was read, before the document broke off, to know the entry again when it comes complete.
    pub(super) fn is_recognisable(&self) -> bool {
        self.title.peek().is_some() && (self.id.peek().is_some() || !self.links.is_empty())
    }

    /// The finished entry. Unreadable dates go to `unread`.
    pub(super) fn finish(
        mut self,
        base: &Url,
        feed_language: Option<&str>,
        unread: &mut Vec<String>,
    ) -> Entry {
        let guid_as_link = self.has_guid && self.is_permalink != Some(false);
        let id = self.id.take();
        let url = self
            .url(base)
            .or_else(|| id.as_deref().filter(|_| guid_as_link || !self.has_guid).and_then(web_address));
        let id_is_url = id.as_deref().and_then(web_address).is_some();
        let title = self.title.take().map(|title| one_line(&title)).unwrap_or_default();
        let (published, published_raw) =
            self.read_dates(&[DateRole::Published, DateRole::Dated, DateRole::Created]);
        let (updated, updated_raw) = self.read_dates(&[DateRole::Updated]);
        unread.extend(published_raw.clone().filter(|_| published.is_none()));
        unread.extend(updated_raw.filter(|_| updated.is_none()));
        let best = self.authors.iter().map(|(rank, _)| *rank).min();
        let language = self.language.take().and_then(|tag| language::code(&tag));
        Entry {
            id_is_permalink: self.has_guid && self.is_permalink.unwrap_or(id_is_url),
            id,
            url,
            title,
            summary: self.summary.take(),
            content: self.content.take(),
            published,
            updated,
            published_raw,
            language: language.or_else(|| feed_language.map(str::to_owned)),
            authors: self
                .authors
                .into_iter()
                .filter(|(rank, _)| Some(*rank) == best)
                .map(|(_, name)| name)
                .collect(),
            categories: self.categories,
        }
    }

    fn url(&mut self, base: &Url) -> Option<String> {
        self.links.sort_by_key(|link| link.rank);
        self.links.iter().find_map(|link| resolve(&link.written, link.base.as_deref().unwrap_or(base)))
    }

    /// The first readable date of the roles in their order, else the first one as written.
    fn read_dates(&self, roles: &[DateRole]) -> (Option<Timestamp>, Option<String>) {
        let in_order = || {
            roles
                .iter()
                .flat_map(|role| self.dates.iter().filter(move |(its, _)| its == role).map(|(_, text)| text))
        };
        let readable =
            in_order().find_map(|text| date::read(text).map(|timestamp| (timestamp, text.clone())));
        match readable {
            Some((timestamp, text)) => (Some(timestamp), Some(text)),
            None => (None, in_order().next().cloned()),
        }
    }
}

/// The feed's own fields while they are being read.
#[derive(Debug, Default)]
pub(super) struct DraftFeed {
    pub(super) title: Slot,
    pub(super) language: Slot,
    pub(super) home: Vec<Link>,
    pub(super) hubs: Vec<String>,
    pub(super) self_url: Option<String>,
    pub(super) next_url: Option<String>,
    pub(super) next_is_archive: bool,
    pub(super) ttl: Slot,
    pub(super) update_period: Slot,
    pub(super) update_frequency: Slot,
    pub(super) skip_hours: Vec<u8>,
    pub(super) skip_days: Vec<String>,
}

impl DraftFeed {
    pub(super) fn link(&mut self, rank: u8, written: &str, base: Option<&Rc<Url>>) {
        if self.home.len() < LINKS_MAX {
            self.home.push(Link { rank, written: written.trim().to_owned(), base: base.cloned() });
        }
    }

    pub(super) fn home_url(&mut self, base: &Url) -> Option<String> {
        self.home.sort_by_key(|link| link.rank);
        self.home.iter().find_map(|link| resolve(&link.written, link.base.as_deref().unwrap_or(base)))
    }

    pub(super) fn skip_hour(&mut self, text: &str) {
        // Old RSS counts the hours 1 to 24.
        if let Some(hour) = text.trim().parse::<u8>().ok().filter(|hour| *hour <= 24).map(|hour| hour % 24)
            && !self.skip_hours.contains(&hour)
        {
            self.skip_hours.push(hour);
        }
    }

    pub(super) fn skip_day(&mut self, text: &str) {
        let day = text.trim().to_ascii_lowercase();
        let known = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
        if known.contains(&day.as_str()) && !self.skip_days.contains(&day) {
            self.skip_days.push(day);
        }
    }

    /// `ttl` is in minutes; the syndication module has a period and how often in it the feed changes.
    pub(super) fn pause(&mut self) -> Option<Duration> {
        let minutes =
            self.ttl.take().and_then(|text| text.parse::<u64>().ok()).filter(|minutes| *minutes > 0);
        if let Some(minutes) = minutes {
            return Some(Duration::from_secs(minutes.saturating_mul(60)).min(TTL_MAX));
        }
        let period = match self.update_period.take()?.to_ascii_lowercase().as_str() {
            "hourly" => 3600,
            "daily" => 24 * 3600,
            "weekly" => 7 * 24 * 3600,
            "monthly" => 30 * 24 * 3600,
            "yearly" => 365 * 24 * 3600,
            _ => return None,
        };
        let frequency =
            self.update_frequency.take().and_then(|text| text.parse::<u64>().ok()).unwrap_or(1).max(1);
        Some(Duration::from_secs(period / frequency).min(TTL_MAX)).filter(|pause| !pause.is_zero())
    }
}

/// An address resolved against a base; `None` unless it is a web address.
pub(super) fn resolve(written: &str, base: &Url) -> Option<String> {
    let address = base.join(written.trim()).ok()?;
    (matches!(address.scheme(), "http" | "https") && address.has_host()).then(|| address.into())
}

/// The text as a web address, if it is one by itself.
pub(super) fn web_address(text: &str) -> Option<String> {
    let address = Url::parse(text.trim()).ok()?;
    (matches!(address.scheme(), "http" | "https") && address.has_host()).then(|| address.into())
}

/// Text on one line: runs of white space become one space, as in HTML; control characters go.
pub(super) fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split(|letter: char| letter.is_ascii_whitespace() || letter.is_control()) {
        if !word.is_empty() {
            if !out.is_empty() {
                out.push(' ');
            }
            out.push_str(word);
        }
    }
    out
}

/// RSS has `address (Name)`, and people write `Name <address>`: the name is what counts.
fn author_name(text: &str) -> String {
    let name = match (text.split_once(" ("), text.split_once('<')) {
        (Some((address, name)), _) if address.contains('@') => name.trim_end_matches(')'),
        (_, Some((name, address))) if address.contains('@') && !name.trim().is_empty() => name,
        _ => text,
    };
    short(name.trim())
}

/// Text cut to a name's length.
pub(super) fn short(text: &str) -> String {
    text.get(..text.floor_char_boundary(NAME_BYTES_MAX)).unwrap_or_default().to_owned()
}
