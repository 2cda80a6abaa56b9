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

/// The row of an article in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ArticleId(pub i64);

/// Equal words in the same feed count as the same entry for this long, when id and URL both changed.
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
            published_at: article.published_at,
        }
    }
}

/// What a whole document says about the keys of its entries.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// URLs it gives to entries that are not the same: they identify nothing.
    shared_urls: HashSet<u64>,
    /// Ids that stand in it.
    ids: HashSet<u64>,
}

impl Document {
    /// Looks at the keys of all entries of a document.
    pub fn of<'a>(entries: impl Iterator<Item = &'a Keys>) -> Self {
        let mut document = Self::default();
        let mut first: HashMap<u64, Keys> = HashMap::new();
        for keys in entries {
            document.ids.extend(keys.id);
            let Some(url) = keys.url else { continue };
            let other = *first.entry(url).or_insert(*keys);
            let own_ids = !other.id_is_url && !keys.id_is_url && other.id != keys.id;
            if other.title != keys.title || own_ids && other.words != keys.words {
                document.shared_urls.insert(url);
            }
        }
        document
    }
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
}

/// Decides what an entry is. `sightings` are those that share its id, URL or words; `document` is the one it stands in.
pub fn identify(keys: &Keys, sightings: &[Sighting], document: &Document, seen_at: Timestamp) -> Identity {
    let found = |by, test: &dyn Fn(&Sighting) -> bool| {
        sightings.iter().filter(|sighting| test(sighting)).max_by_key(|s| s.seen_at).map(|s| (s, by))
    };
    let url_is_shared = keys.url.is_some_and(|url| document.shared_urls.contains(&url));
    let same_title = |s: &Sighting| s.keys.title == keys.title;
    let same_words = |s: &Sighting| s.keys.words == keys.words;
    let same_url =
        |s: &Sighting| keys.url.is_some() && s.keys.url == keys.url && (!url_is_shared || same_words(s));
    let same_id = |s: &Sighting| s.same_feed && keys.id.is_some() && s.keys.id == keys.id;
    let url_alone = |s: &Sighting| s.same_feed && same_url(s) && keys.id_is_url && s.keys.id_is_url;
    let words_alone = |s: &Sighting| {
        let recent = seen_at.duration_since(s.seen_at) <= SAME_WORDS_FOR;
        let dates_agree = match (keys.published_at, s.keys.published_at) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => true,
        };
        // The entry it was is there beside it: then this is another one.
        let stands_beside = s.keys.id.is_some_and(|id| keys.id != Some(id) && document.ids.contains(&id));
        s.same_feed && same_words(s) && recent && dates_agree && !stands_beside
    };
    let hit = found(By::Id, &|s| same_id(s) && (same_words(s) || same_title(s)))
        .or_else(|| found(By::Id, &|s| same_id(s) && same_url(s)))
        .or_else(|| found(By::Url, &|s| same_url(s) && same_title(s)))
        .or_else(|| found(By::Url, &url_alone))
        .or_else(|| found(By::Words, &words_alone));
    match hit {
        None => Identity::New,
        Some((sighting, by)) if sighting.keys.words == keys.words => Identity::Known(sighting.article, by),
        Some((sighting, by)) => Identity::Revision(sighting.article, by),
    }
}
