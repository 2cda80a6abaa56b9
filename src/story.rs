//! A story: articles telling the same event.
//!
//! Owns [`Assignment`] and [`Stories`], the memory of the last days that assigns: which earlier text an article copies ([`copies`])
//! and which open story it belongs to ([`index`]), both by its [`Sketch`]. Deterministic: equal articles in equal order make equal
//! stories, whatever was kept in memory and whatever was read back from the store between. Refuses to look anything up.

mod again;
mod copies;
mod counts;
mod index;
mod kept;
mod similar;
mod sketch;
mod tokens;

use jiff::{SignedDuration, Timestamp};

use self::again::Again;
pub use self::again::Before;
use self::copies::{Copied, Copies, Original};
use self::counts::{Counts, Formulas};
use self::index::{Index, Member};
pub use self::kept::Kept;
use self::kept::Trace;
use self::similar::Vector;
pub use self::sketch::Sketch;
use crate::article::identity::ArticleId;

/// The row of a story in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StoryId(pub i64);

/// How long after its last article a story is over, and how long a text is known.
pub const WINDOW: SignedDuration = SignedDuration::from_secs(index::GAP as i64);

/// How long after its first article a story takes no more: what goes on for longer is told as a new one.
pub const SPAN: SignedDuration = SignedDuration::from_secs(index::SPAN as i64);

/// Where an article belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assignment {
    /// It opens a story.
    Opens {
        /// The first article that carried its text, when its own story takes no more.
        copy_of: Option<ArticleId>,
    },
    /// It joins a story.
    Joins {
        /// The story.
        story: StoryId,
        /// The first article that carried its text.
        copy_of: Option<ArticleId>,
    },
}

/// An article that was assigned and not yet taken in.
#[derive(Debug, Clone)]
pub struct Placement {
    /// Where it belongs.
    pub assignment: Assignment,
    /// Whether another article carried its text, also where that is nobody's to point to any more.
    pub is_copy: bool,
    vector: Vector,
    copied: Option<Copied>,
    at: Timestamp,
}

/// Longer memories that are to be kept now, because a stretch of them ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ended {
    /// How common words are.
    pub counts: Option<Vec<u8>>,
    /// A day (since the epoch, UTC) and the openings and endings of its headlines.
    pub formulas: Option<(i64, Vec<u8>)>,
}

/// What is to be kept of an article that was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The article, as the memory can be built anew from.
    pub kept: Kept,
    /// Its terms, which are counted again from here while [`Ended::counts`] of the stretch is not kept.
    pub counted: Vec<u8>,
    /// The article whose headline is the story's title now, when that changed.
    pub title: Option<ArticleId>,
}

/// What a memory is built anew from, besides articles.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// The last [`Ended::counts`].
    pub counts: Option<Vec<u8>>,
    /// [`Taken::counted`] since then, in order.
    pub counted: Vec<Vec<u8>>,
    /// [`Ended::formulas`] of the last days.
    pub formulas: Vec<(i64, Vec<u8>)>,
}

/// A memory that is being built anew, an article at a time: all of them at once would take as much room as the memory itself.
#[derive(Debug)]
pub struct Rebuild {
    stories: Stories,
    last_at: Timestamp,
}

impl Rebuild {
    /// Takes in what was kept of an article. They come in the order they came first, those of the last [`SPAN`] at least.
    pub fn recall(&mut self, kept: &Kept) {
        let Some(trace) = Trace::read(&kept.bytes) else { return };
        let day = |at: Timestamp| Formulas::day_of(at.as_second());
        if day(kept.at) == day(self.last_at) {
            self.stories.formulas.add(trace.formulas.iter().copied());
        }
        let now = as_seconds(self.last_at);
        if now.abs_diff(as_seconds(kept.at)) <= index::SPAN {
            self.stories.take_in(kept, trace, now);
        }
    }

    /// The memory.
    pub fn finish(self) -> Stories {
        let Self { mut stories, last_at } = self;
        let now = as_seconds(last_at);
        stories.copies.forget(now.saturating_sub(index::GAP));
        stories.index.forget(now);
        stories.index.forget_titles();
        stories
    }
}

/// How much is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Texts by which copies are seen.
    pub texts: usize,
    /// Stories.
    pub stories: usize,
    /// Terms by which stories are found.
    pub terms: usize,
}

/// Whether the memory is what the store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Standing {
    /// Nothing was read yet.
    #[default]
    Unread,
    /// It is.
    Settled,
    /// Articles were taken in that are not committed yet, as far as is known.
    Ahead,
}

/// The memory of the last days: open stories, texts that were carried, how common words are. It belongs to one database.
#[derive(Debug, Default)]
pub struct Stories {
    counts: Counts,
    formulas: Formulas,
    copies: Copies,
    index: Index,
    again: Again,
    standing: Standing,
}

impl Stories {
    /// Whether it must be read from the store before it is asked: it never was, or what was taken in since may have been rolled
    /// back.
    pub fn is_behind(&self) -> bool {
        self.standing != Standing::Settled
    }

    /// How much is remembered.
    pub fn size(&self) -> Size {
        let (stories, terms) = self.index.size();
        Size { texts: self.copies.len(), stories, terms }
    }

    /// What was taken in is committed.
    pub fn committed(&mut self) {
        if self.standing == Standing::Ahead {
            self.standing = Standing::Settled;
        }
    }

    /// What was taken in may have been rolled back: nothing of it is believed any more. A transaction that takes nothing in and
    /// commits says nothing of those that did not.
    pub fn rolled_back(&mut self) {
        *self = Self::default();
    }

    /// Begins to build the memory from what was kept of it. `last_at` is when the last article was taken in, if one ever was.
    pub fn rebuild(record: Record, last_at: Option<Timestamp>) -> Rebuild {
        let mut stories = Self {
            counts: record.counts.as_deref().and_then(Counts::read).unwrap_or_default(),
            standing: Standing::Settled,
            ..Self::default()
        };
        for terms in &record.counted {
            stories.counts.add(kept::terms(terms));
        }
        let last_at = last_at.unwrap_or(Timestamp::UNIX_EPOCH);
        stories.formulas = Formulas::read(last_at.as_second(), record.formulas);
        Rebuild { stories, last_at }
    }

    fn take_in(&mut self, kept: &Kept, trace: Trace, now: u32) {
        let at = as_seconds(kept.at);
        let own = Original { article: kept.article.0, story: kept.story.0 };
        if now.saturating_sub(at) <= index::GAP {
            self.copies.add(trace.print, trace.publisher, at, trace.original.unwrap_or(own));
        }
        let member = Member {
            vector: trace.vector,
            labels: trace.labels,
            article: kept.article.0,
            at,
            publisher: trace.publisher,
            is_copy: trace.original.is_some(),
        };
        self.index.add(kept.story.0, trace.opens, member);
    }

    /// Lets time pass, before an article is assigned; what is to be kept of it.
    pub fn advance(&mut self, now: Timestamp) -> Ended {
        let second = now.as_second();
        let at = as_seconds(now);
        self.copies.forget(at.saturating_sub(index::GAP));
        self.index.forget(at);
        let counts = self.counts.advance(second).then(|| self.counts.save());
        let ended = Ended { counts, formulas: self.formulas.advance(second) };
        if ended != Ended::default() {
            self.standing = Standing::Ahead;
        }
        ended
    }

    /// Assigns an article that was seen at `now`.
    pub fn assign(&self, sketch: &Sketch, now: Timestamp) -> Placement {
        if let Some(before) = &sketch.before {
            return self.again.place(before, now);
        }
        let at = as_seconds(now);
        let copied = self.copies.find(&sketch.print, sketch.publisher, at);
        let worn: Vec<u32> = sketch
            .formulas
            .iter()
            .filter(|formula| self.formulas.is_worn(formula))
            .flat_map(|formula| formula.terms)
            .collect();
        let terms = sketch.terms.iter().filter(|(term, _)| !worn.contains(term));
        let weights = terms.map(|(term, weight)| (*term, weight.sqrt() * self.counts.rarity(*term)));
        let vector = Vector::of(weights.collect());
        let copy_of = copied.map(|copied| ArticleId(copied.original.article));
        let of_original =
            copied.filter(|copied| copied.is_others && self.index.is_open(copied.original.story, at));
        let story = match of_original {
            Some(copied) => Some(copied.original.story),
            None => self.index.best(&vector, &sketch.labels, sketch.publisher, at),
        };
        let assignment = match story {
            Some(story) => Assignment::Joins { story: StoryId(story), copy_of },
            None => Assignment::Opens { copy_of },
        };
        Placement { assignment, is_copy: copy_of.is_some(), vector, copied, at: now }
    }

    /// Takes in an article as it was assigned. `story` is the one it joins, or the one that was opened for it.
    pub fn add(
        &mut self,
        placement: Placement,
        sketch: &Sketch,
        article: ArticleId,
        story: StoryId,
    ) -> Taken {
        self.standing = Standing::Ahead;
        let at = placement.at;
        if let Some(before) = &sketch.before {
            self.again.note(before, article, story);
            let kept = Kept { article, story, at, bytes: Vec::new() };
            return Taken { kept, counted: Vec::new(), title: None };
        }
        let terms: Vec<u32> = sketch.terms.iter().map(|(term, _)| *term).collect();
        self.counts.add(terms.iter().copied());
        let trace = Trace {
            publisher: sketch.publisher,
            opens: !matches!(placement.assignment, Assignment::Joins { .. }),
            original: placement.copied.map(|copied| copied.original),
            formulas: sketch.formulas.iter().map(|formula| formula.key).collect(),
            labels: sketch.labels.clone().into_boxed_slice(),
            vector: placement.vector,
            print: sketch.print.clone(),
        };
        self.formulas.add(trace.formulas.iter().copied());
        let kept = Kept { article, story, at, bytes: trace.save() };
        self.take_in(&kept, trace, as_seconds(at));
        let title = self.index.retitle(story.0).map(ArticleId);
        Taken { kept, counted: kept::save_terms(&terms), title }
    }
}

/// Seconds since the epoch; times outside 1970 to 2106 are held at the ends.
fn as_seconds(at: Timestamp) -> u32 {
    u32::try_from(at.as_second().max(0)).unwrap_or(u32::MAX)
}
