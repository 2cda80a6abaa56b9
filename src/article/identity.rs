//! Whether an entry is one we have: id, else URL, else words.
//!
//! Feeds reuse ids, change them at every poll, move their URLs and edit their headlines; publication dates lie.
//! So no single key decides. Owns [`Keys`], [`Sighting`] and the rule [`identify`]; the store keeps sightings
//! longer than articles, so a pruned entry that comes back is still known. Refuses to look anything up.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use xxhash_rust::xxh3::xxh3_64;

use super::Article;
use super::words::fold;
use crate::feed::Entry;
use crate::feed::trust::{Doubts, Tally};

/// The row of an article in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ArticleId(pub i64);

/// Equal words in the same feed count as the same entry until this long after it left, when id and URL both changed.
const SAME_WORDS_FOR: SignedDuration = SignedDuration::from_hours(14 * 24);

/// What an entry can be recognised by. All are xxh3 hashes, stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keys {
    /// The publisher's id, as given.
    pub id: Option<u64>,
    /// Canonical URL.
    pub url: Option<u64>,
    /// Folded headline.
    pub title: u64,
    /// Folded headline and text ([`Article::fingerprint`]).
    pub words: u64,
    /// Whether the id is only another spelling of the URL (BBC counts revisions in its fragment), or absent: then
    /// the URL is what identifies the entry.
    pub id_is_url: bool,
    /// When the publisher says it was published. It never says that an entry is known, but two entries with the same
    /// words and different dates are two.
    pub published_at: Option<Timestamp>,
}

impl Keys {
    /// The keys of an entry and the article made of it.
    pub fn of(entry: &Entry, article: &Article) -> Self {
        let id = entry.id.as_deref().map(str::trim).filter(|id| !id.is_empty());
        let id_is_url = id.is_none_or(|id| {
            article.url.is_some() && super::url::canonical(id).as_deref() == article.url.as_deref()
        });
        Self {
            id: id.map(|id| xxh3_64(id.as_bytes())),
            url: article.url.as_deref().map(|url| xxh3_64(url.as_bytes())),
            title: xxh3_64(fold(&article.title).as_bytes()),
            words: article.fingerprint,
            id_is_url,
            // As the publisher gave it: a future date that is held at the time of the poll would change with every poll.
            published_at: entry.published.or(entry.updated),
        }
    }
}

/// What a whole document says about the keys of its entries.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// URLs it gives to entries that are not the same: they identify nothing.
    shared_urls: HashSet<u64>,
    /// Ids with headlines that it gives to entries of differing words: only their words tell them apart.
    shared_ids: HashSet<(u64, u64)>,
    /// Ids that stand in it.
    ids: HashSet<u64>,
    /// Keys that say nothing in this feed.
    doubts: Doubts,
}

impl Document {
    /// Looks at the keys of all entries of a document.
    pub fn of<'a>(entries: impl Iterator<Item = &'a Keys>) -> Self {
        let mut document = Self::default();
        let mut first: HashMap<u64, Keys> = HashMap::new();
        let mut words: HashMap<(u64, u64), u64> = HashMap::new();
        for keys in entries {
            if let Some(id) = keys.id {
                document.ids.insert(id);
                if *words.entry((id, keys.title)).or_insert(keys.words) != keys.words {
                    document.shared_ids.insert((id, keys.title));
                }
            }
            let Some(url) = keys.url else { continue };
            let other = *first.entry(url).or_insert(*keys);
            // Two entries that stand side by side with differing words are two, or each poll would write one over the other.
            if other.title != keys.title || other.words != keys.words {
                document.shared_urls.insert(url);
            }
        }
        document
    }

    /// The same document, read with doubts.
    #[must_use]
    pub fn doubting(self, doubts: Doubts) -> Self {
        Self { doubts, ..self }
    }

    /// Whether the entry of a sighting stands in this document beside the one with these keys: then these are two.
    fn has_beside(&self, keys: &Keys, sighting: &Sighting) -> bool {
        sighting.keys.id.is_some_and(|id| keys.id != Some(id) && self.ids.contains(&id))
    }
}

/// What the entries of a document say about its feed's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tallies {
    /// About ids that are no links.
    pub ids: Tally,
    /// About links.
    pub urls: Tally,
}

impl Tallies {
    /// Counts an entry. `sightings` are those it may be recognised by.
    pub fn count(&mut self, keys: &Keys, sightings: &[Sighting], document: &Document, seen_at: Timestamp) {
        let ours = || sightings.iter().filter(|sighting| sighting.same_feed);
        let url_is_shared = keys.url.is_some_and(|url| document.shared_urls.contains(&url));
        let same_id = |s: &Sighting| keys.id.is_some() && s.keys.id == keys.id;
        let same_url = |s: &Sighting| keys.url.is_some() && s.keys.url == keys.url && !url_is_shared;
        let same_title = |s: &Sighting| s.keys.title == keys.title;
        let same_words = |s: &Sighting| s.keys.words == keys.words && is_recent(s, seen_at);
        let by_id = |s: &Sighting| same_id(s) && (s.keys.words == keys.words || same_title(s) || same_url(s));
        // Its id belongs to another entry: ids were dealt out anew.
        let is_dealt = ours().any(same_id) && !ours().any(by_id);
        let is_free = |s: &Sighting| is_dealt || !document.has_beside(keys, s);
        let has_own_id = keys.id.is_some() && !keys.id_is_url;
        if has_own_id {
            if ours().any(by_id) {
                self.ids.kept_count += 1;
            } else if ours().any(|s| {
                let words = same_words(s) && dates_agree(keys, s);
                s.keys.id.is_some() && is_free(s) && (words || same_url(s) && same_title(s))
            }) {
                self.ids.changed_count += 1;
            } else if ours().any(|s| {
                s.keys.id.is_some() && is_free(s) && (same_words(s) || same_url(s) || same_day_title(keys, s))
            }) {
                self.ids.hinted_count += 1;
            }
        }
        if keys.url.is_none() || url_is_shared {
            return;
        }
        let is_free = |s: &Sighting| s.keys.url.is_some() && !document.has_beside(keys, s);
        if ours().any(same_url) {
            self.urls.kept_count += 1;
        } else if ours().any(|s| is_free(s) && (by_id(s) || same_words(s) && dates_agree(keys, s))) {
            self.urls.changed_count += 1;
        } else if ours().any(|s| is_free(s) && (same_words(s) || same_day_title(keys, s))) {
            self.urls.hinted_count += 1;
        }
    }
}

/// Whether an entry stands in its feed, or did so lately.
fn is_recent(sighting: &Sighting, seen_at: Timestamp) -> bool {
    sighting
        .left_at
        .is_none_or(|left_at| seen_at.duration_since(left_at.max(sighting.seen_at)) <= SAME_WORDS_FOR)
}

fn dates_agree(keys: &Keys, sighting: &Sighting) -> bool {
    match (keys.published_at, sighting.keys.published_at) {
        (Some(ours), Some(theirs)) => ours == theirs,
        _ => true,
    }
}

/// Whether an entry has the headline of another and was published on the same day (UTC).
fn same_day_title(keys: &Keys, sighting: &Sighting) -> bool {
    let day = |at: Timestamp| at.as_second().div_euclid(86_400);
    let same_day = keys.published_at.zip(sighting.keys.published_at).is_some_and(|(a, b)| day(a) == day(b));
    same_day && keys.title == sighting.keys.title
}

/// An entry seen before, with the article it became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    /// The article.
    pub article: ArticleId,
    /// Whether it was seen in the feed at hand; otherwise in another one.
    pub same_feed: bool,
    /// Its keys then.
    pub keys: Keys,
    /// When it was first seen with these keys, or edited back to them.
    pub seen_at: Timestamp,
    /// When it left its feed's documents; `None` while it stands in them.
    pub left_at: Option<Timestamp>,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// Never seen.
    New,
    /// Seen, with the same words.
    Known(ArticleId, By),
    /// Seen, with other words: an edit.
    Revision(ArticleId, By),
}

/// What gave an entry away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Id, with URL, headline or words agreeing.
    Id,
    /// URL, with the headline agreeing or no other id to tell entries apart.
    Url,
    /// Words alone.
    Words,
    /// Headline and day, where ids and URLs say nothing.
    Headline,
}

/// Of articles that an entry may be, the one that has its words now, else the one seen last; as it was seen last.
fn likeliest<'a>(keys: &Keys, candidates: impl Iterator<Item = &'a Sighting>) -> Option<&'a Sighting> {
    let mut latest: Vec<&Sighting> = Vec::new();
    for sighting in candidates {
        match latest.iter_mut().find(|other| other.article == sighting.article) {
            Some(other) if other.seen_at > sighting.seen_at => {}
            Some(other) => *other = sighting,
            None => latest.push(sighting),
        }
    }
    latest.into_iter().max_by_key(|sighting| (sighting.keys.words == keys.words, sighting.seen_at))
}

/// Decides what an entry is. `sightings` are those that share its id, URL or words; `document` is the one it stands in.
pub fn identify(keys: &Keys, sightings: &[Sighting], document: &Document, seen_at: Timestamp) -> Identity {
    let found = |by, test: &dyn Fn(&Sighting) -> bool| {
        likeliest(keys, sightings.iter().filter(|sighting| test(sighting))).map(|sighting| (sighting, by))
    };
    let id_is_shared = keys.id.is_some_and(|id| document.shared_ids.contains(&(id, keys.title)));
    let url_is_shared = keys.url.is_some_and(|url| document.shared_urls.contains(&url));
    let same_title = |s: &Sighting| s.keys.title == keys.title;
    let same_words = |s: &Sighting| s.keys.words == keys.words;
    let same_url =
        |s: &Sighting| keys.url.is_some() && s.keys.url == keys.url && (!url_is_shared || same_words(s));
    let same_id = |s: &Sighting| s.same_feed && keys.id.is_some() && s.keys.id == keys.id;
    let doubts = document.doubts;
    let url_alone =
        |s: &Sighting| s.same_feed && same_url(s) && (doubts.ids || keys.id_is_url && s.keys.id_is_url);
    let words_alone = |s: &Sighting| {
        let same_date = keys.published_at.is_some() && keys.published_at == s.keys.published_at;
        // Where ids and links change at every poll, dates do so, too.
        let agrees =
            is_recent(s, seen_at) && (dates_agree(keys, s) || doubts.ids && doubts.urls) || same_date;
        let is_other = !doubts.ids && document.has_beside(keys, s);
        s.same_feed && same_words(s) && agrees && !is_other
    };
    let says_nothing = doubts.urls && (doubts.ids || keys.id_is_url);
    let headline = |s: &Sighting| says_nothing && s.same_feed && same_day_title(keys, s);
    let hit = found(By::Id, &|s| same_id(s) && (same_words(s) || same_title(s) && !id_is_shared))
        .or_else(|| found(By::Id, &|s| same_id(s) && same_url(s)))
        .or_else(|| found(By::Url, &|s| same_url(s) && same_title(s)))
        .or_else(|| found(By::Url, &url_alone))
        .or_else(|| found(By::Words, &words_alone))
        .or_else(|| found(By::Headline, &headline));
    match hit {
        None => Identity::New,
        Some((sighting, by)) if sighting.keys.words == keys.words => Identity::Known(sighting.article, by),
        Some((sighting, by)) => Identity::Revision(sighting.article, by),
    }
}
