//! A story: articles telling the same event.
//!
//! Owns [`Assignment`] and the rule [`assign`]. In this version a story is one text: articles with equal words
//! within three days belong together, and one whose words another publisher carried first is a copy. Refuses to
//! look anything up and to know topics.

use jiff::{SignedDuration, Timestamp};

use crate::article::Article;
use crate::article::identity::ArticleId;

/// The row of a story in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StoryId(pub i64);

/// How long a text stays the same story.
pub const WINDOW: SignedDuration = SignedDuration::from_hours(72);

/// Texts of fewer words ("Live updates") are too common to compare.
const WORDS_MIN: usize = 6;

/// An earlier article with the same fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// The article.
    pub article: ArticleId,
    /// Its story.
    pub story: StoryId,
    /// Its publisher.
    pub publisher: String,
    /// When it was first seen.
    pub seen_at: Timestamp,
    /// When it was published, if it says so.
    pub published_at: Option<Timestamp>,
}

/// Where an article belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assignment {
    /// It opens a story.
    Opens,
    /// It joins a story; a copy when another publisher carried the text first.
    Joins {
        /// The story.
        story: StoryId,
        /// The first article that carried the text, if by another publisher.
        copy_of: Option<ArticleId>,
    },
}

/// Assigns an article. `earlier` are the articles with its fingerprint.
pub fn assign(article: &Article, earlier: &[Earlier]) -> Assignment {
    let word_count = [&article.title, &article.summary, &article.body]
        .iter()
        .map(|text| text.split_whitespace().count())
        .sum::<usize>();
    let first = earlier
        .iter()
        .filter(|other| article.seen_at.duration_since(other.seen_at) <= WINDOW)
        // The same words by the same publisher on another date are another event: "Sirens in the north".
        .filter(|other| {
            let dates = (article.published_at, other.published_at);
            other.publisher != article.publisher
                || !matches!(dates, (Some(ours), Some(theirs)) if ours != theirs)
        })
        .min_by_key(|other| (other.seen_at, other.article));
    match first {
        Some(first) if word_count >= WORDS_MIN => Assignment::Joins {
            story: first.story,
            copy_of: (first.publisher != article.publisher).then_some(first.article),
        },
        _ => Assignment::Opens,
    }
}
