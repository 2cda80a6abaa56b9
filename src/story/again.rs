//! Again: an article that was assigned before, in another database, is assigned alike without being compared.
//!
//! Owns [`Before`], what is known of it from then, and the way from the numbers of then to those of now. It is for trying what comes
//! after stories on a part of what was played: a part alone would fall into other stories. Refuses to compare.

use std::collections::HashMap;

use jiff::Timestamp;

use super::similar::Vector;
use super::{Assignment, Placement, StoryId};
use crate::article::identity::ArticleId;

/// Where an article was taken in before, by the numbers of then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Before {
    /// The article.
    pub article: ArticleId,
    /// Its story.
    pub story: StoryId,
    /// The first article that carried its text.
    pub copy_of: Option<ArticleId>,
    /// Whether another carried its text, known or not.
    pub is_copy: bool,
}

/// The numbers of now, by those of then.
#[derive(Debug, Default)]
pub(super) struct Again {
    stories: HashMap<StoryId, StoryId>,
    articles: HashMap<ArticleId, ArticleId>,
}

impl Again {
    /// Where an article belongs that was taken in before.
    pub(super) fn place(&self, before: &Before, at: Timestamp) -> Placement {
        let copy_of = before.copy_of.and_then(|original| self.articles.get(&original)).copied();
        let assignment = match self.stories.get(&before.story) {
            Some(story) => Assignment::Joins { story: *story, copy_of },
            None => Assignment::Opens { copy_of },
        };
        Placement { assignment, is_copy: before.is_copy, vector: Vector::default(), copied: None, at }
    }

    /// Notes where it was taken in now.
    pub(super) fn note(&mut self, before: &Before, article: ArticleId, story: StoryId) {
        self.articles.insert(before.article, article);
        self.stories.insert(before.story, story);
    }
}
