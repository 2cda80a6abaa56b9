//! The index of open stories: which of them an article may belong to, and whether it does.
//!
//! Owns the inverted index from terms to the stories that were touched by them last, and the judgement, [`Index::best`]: the
//! likeness of an article to a story as a whole and to its likest members, with a quorum against chains. What is kept of a story
//! depends on its articles of the last [`SPAN`] alone, so that an index built anew from those is the same. Refuses to weigh words.

use std::collections::VecDeque;

use super::copies::SERIES_AFTER;
use super::counts::ByHash;
use super::similar::{Centroid, Vector};
use super::tokens::{Label, conflict};

/// Seconds from a story's last article until it is over, and from its first until it takes no more.
pub(super) const GAP: u32 = 72 * 3600;
pub(super) const SPAN: u32 = 96 * 3600;

/// Terms of an article that stories are looked up by, and by which its story is found later.
const LOOKED_UP: usize = 10;
const TOUCHED: usize = 14;

/// Stories kept per term, the last touched.
const POSTINGS_MAX: usize = 128;

/// Stories compared, and the share of what the likest of them has in common with the article that any must have.
const CANDIDATES_MAX: usize = 16;
const CANDIDATE_SHARE: u64 = 6;

/// Members kept of a story; the first always stays.
const MEMBERS_MAX: usize = 32;

/// Stories remembered, whatever the rate.
const STORIES_MAX: usize = 2_000_000;

/// The least likeness to join.
const LIKENESS_MIN: f32 = 0.28;

/// Members whose likeness to the article is counted as much as the story's.
const NEAREST: usize = 2;

/// Likeness from which a member speaks for the article, and the share of members that must.
const SPEAKS_FROM: f32 = 0.15;
const QUORUM: f32 = 0.2;

/// Words two articles must share: in a young archive every word is rare, and one shared by two short headlines shows nothing.
const SHARED_WORDS_MIN: usize = 2;

/// The same where they are about different countries: a harvest lost in Chad is not the one lost in Somalia.
const SHARED_ABROAD_MIN: usize = 4;

/// What a story gains by its size: an article that may be of two is of the larger one.
const SIZE_GAIN: f32 = 0.05;
const SIZE_MAX: u32 = 64;

/// An article of a story.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) vector: Vector,
    pub(super) labels: Box<[Label]>,
    pub(super) article: i64,
    pub(super) at: u32,
    pub(super) publisher: u32,
    pub(super) is_copy: bool,
}

#[derive(Debug)]
struct Story {
    first_at: u32,
    last_at: u32,
    count: u32,
    /// The article whose headline is the title; 0 when it is not known.
    title: i64,
    /// Absent while there is one member.
    centroid: Option<Box<Centroid>>,
    members: Vec<Member>,
}

impl Story {
    fn is_open(&self, now: u32) -> bool {
        now.saturating_sub(self.last_at) <= GAP && now.saturating_sub(self.first_at) <= SPAN
    }

    fn likeness(&self, vector: &Vector) -> f32 {
        match (&self.centroid, self.members.first()) {
            (Some(centroid), _) => centroid.cosine(vector),
            (None, Some(member)) => member.vector.likeness(vector).cosine,
            (None, None) => 0.0,
        }
    }

    /// How well an article fits; `None` when it does not.
    fn score(&self, vector: &Vector, labels: &[Label], publisher: u32, now: u32) -> Option<f32> {
        let mut likenesses = Vec::with_capacity(self.members.len());
        for member in &self.members {
            // One publisher's series over days proves nothing.
            if member.publisher == publisher && now.abs_diff(member.at) > SERIES_AFTER {
                continue;
            }
            let likeness = member.vector.likeness(vector);
            let words_min = if likeness.is_elsewhere { SHARED_ABROAD_MIN } else { SHARED_WORDS_MIN };
            let is_other = likeness.words < words_min || conflict(labels, &member.labels);
            likenesses.push(if is_other { 0.0 } else { likeness.cosine });
        }
        let speaking = likenesses.iter().filter(|likeness| **likeness >= SPEAKS_FROM).count();
        if speaking == 0 || (speaking as f32) < QUORUM * likenesses.len() as f32 {
            return None;
        }
        likenesses.sort_unstable_by(|one, other| other.total_cmp(one));
        likenesses.truncate(NEAREST);
        let nearest = likenesses.iter().sum::<f32>() / likenesses.len() as f32;
        let size = 1.0 + SIZE_GAIN * (self.count.min(SIZE_MAX) as f32).ln();
        let score = (0.5 * self.likeness(vector) + 0.5 * nearest) * size;
        (score >= LIKENESS_MIN).then_some(score)
    }

    fn add(&mut self, member: Member) {
        self.count += 1;
        self.last_at = self.last_at.max(member.at);
        if let Some(first) = self.members.first() {
            let centroid = self.centroid.get_or_insert_with(|| {
                let mut centroid = Box::new(Centroid::default());
                centroid.add(&first.vector);
                centroid
            });
            centroid.add(&member.vector);
        }
        self.members.push(member);
        if self.members.len() > MEMBERS_MAX {
            // Which one goes depends on the count alone, and over time on nothing.
            let range = MEMBERS_MAX as u64 - 1;
            let place = 1 + usize::try_from(u64::from(self.count) * 7919 % range).unwrap_or_default();
            self.members.remove(place);
        }
    }

    /// The member most like the whole; of equals the first. A copy's headline is another's.
    fn central(&self) -> Option<i64> {
        let own = self.members.iter().filter(|member| !member.is_copy);
        // Rounded: what differs by less is equal.
        let rank = |member: &&Member| (self.likeness(&member.vector) * 1e5).round();
        let mut best: Option<(f32, i64)> = None;
        for member in own {
            let rank = rank(&member);
            if best.is_none_or(|(most, _)| rank > most) {
                best = Some((rank, member.article));
            }
        }
        best.map(|(_, article)| article)
    }
}

/// A story that was touched by a term.
#[derive(Debug, Clone, Copy)]
struct Posting {
    story: u32,
    at: u32,
    /// When the story was opened; 0 for one that was opened before anything that is remembered.
    opened_at: u32,
    weight: u16,
}

/// The stories a term touched, the last at the end. Most terms are in one story alone.
#[derive(Debug)]
enum Postings {
    One(Posting),
    Many(Vec<Posting>),
}

impl Postings {
    fn as_slice(&self) -> &[Posting] {
        match self {
            Self::One(posting) => std::slice::from_ref(posting),
            Self::Many(postings) => postings,
        }
    }

    fn touch(&mut self, posting: Posting) {
        match self {
            Self::One(first) if first.story == posting.story => *first = posting,
            Self::One(first) => *self = Self::Many(vec![*first, posting]),
            Self::Many(postings) => {
                if let Some(place) = postings.iter().rposition(|known| known.story == posting.story) {
                    postings.remove(place);
                } else if postings.len() >= POSTINGS_MAX {
                    postings.remove(0);
                }
                postings.push(posting);
            }
        }
    }

    /// Forgets what was touched before a time; whether anything is left.
    fn forget(&mut self, before: u32) -> bool {
        match self {
            Self::One(posting) => posting.at >= before,
            Self::Many(postings) => {
                postings.retain(|posting| posting.at >= before);
                if let [one] = postings.as_slice() {
                    *self = Self::One(*one);
                    return true;
                }
                !postings.is_empty()
            }
        }
    }
}

/// A place in the row of stories: the story's number in the store, and the story while it is open.
#[derive(Debug)]
struct Slot {
    id: i64,
    story: Option<Box<Story>>,
}

/// Open stories, in the order they were opened. Their places count up and wrap.
#[derive(Debug, Default)]
pub(super) struct Index {
    slots: VecDeque<Slot>,
    gone: u32,
    places: std::collections::BTreeMap<i64, u32>,
    postings: ByHash<Postings>,
    joins: VecDeque<(u32, u32)>,
    swept_at: u32,
}

impl Index {
    /// How many stories and terms there are.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.slots.len(), self.postings.len())
    }

    /// Forgets stories that are over.
    pub(super) fn forget(&mut self, now: u32) {
        let (quiet_since, opened_since) = (now.saturating_sub(GAP), now.saturating_sub(SPAN));
        while self.joins.front().is_some_and(|(at, _)| *at < quiet_since) {
            let Some((_, place)) = self.joins.pop_front() else { break };
            let Some(slot) = self.slots.get_mut(place.wrapping_sub(self.gone) as usize) else { continue };
            if slot.story.as_ref().is_some_and(|story| story.last_at < quiet_since) {
                slot.story = None;
            }
        }
        while self.slots.len() > STORIES_MAX
            || self
                .slots
                .front()
                .is_some_and(|slot| slot.story.as_ref().is_none_or(|story| story.first_at < opened_since))
        {
            let Some(slot) = self.slots.pop_front() else { break };
            self.places.remove(&slot.id);
            self.gone = self.gone.wrapping_add(1);
        }
        // What is stale is never read; once an hour it is thrown away.
        if now.abs_diff(self.swept_at) >= 3600 {
            self.swept_at = now;
            self.postings.retain(|_, postings| postings.forget(quiet_since));
        }
    }

    /// Whether a story still takes articles.
    pub(super) fn is_open(&self, id: i64, now: u32) -> bool {
        self.places.get(&id).and_then(|place| self.story(*place)).is_some_and(|story| story.is_open(now))
    }

    /// The story an article belongs to, if there is one.
    pub(super) fn best(&self, vector: &Vector, labels: &[Label], publisher: u32, now: u32) -> Option<i64> {
        let mut best: Option<(f32, i64)> = None;
        for (_, place) in self.candidates(vector, now) {
            let Some(slot) = self.slots.get(place as usize) else { continue };
            let Some(story) = slot.story.as_ref().filter(|story| story.is_open(now)) else { continue };
            if let Some(score) = story.score(vector, labels, publisher, now)
                && best.is_none_or(|(most, _)| score > most + 1e-6)
            {
                best = Some((score, slot.id));
            }
        }
        best.map(|(_, id)| id)
    }

    /// Stories that take articles and share heavy terms with this one, by their place among the remembered: the likest first, then
    /// in the order they were opened.
    fn candidates(&self, vector: &Vector, now: u32) -> Vec<(u64, u32)> {
        let (quiet_since, opened_since) = (now.saturating_sub(GAP), now.saturating_sub(SPAN));
        // The story in the upper half, a product of two weights in the lower: one sort brings a story's products together.
        let mut hits: Vec<u64> = Vec::new();
        for weighted in vector.first(LOOKED_UP) {
            let Some(postings) = self.postings.get(&{ weighted.term }) else { continue };
            for posting in postings.as_slice().iter().rev() {
                if posting.at < quiet_since {
                    break;
                }
                if posting.opened_at >= opened_since {
                    let place = u64::from(posting.story.wrapping_sub(self.gone));
                    let product = u64::from(weighted.weight) * u64::from(posting.weight);
                    hits.push((place << 32) | product);
                }
            }
        }
        hits.sort_unstable();
        let mut candidates: Vec<(u64, u32)> = Vec::new();
        for run in hits.chunk_by(|one, other| one >> 32 == other >> 32) {
            let sum = run.iter().map(|hit| hit & u64::from(u32::MAX)).sum();
            let place = run.first().and_then(|hit| u32::try_from(hit >> 32).ok());
            candidates.extend(place.map(|place| (sum, place)));
        }
        let likest_first =
            |one: &(u64, u32), other: &(u64, u32)| other.0.cmp(&one.0).then(one.1.cmp(&other.1));
        if candidates.len() > CANDIDATES_MAX {
            candidates.select_nth_unstable_by(CANDIDATES_MAX, likest_first);
            candidates.truncate(CANDIDATES_MAX);
        }
        candidates.sort_unstable_by(likest_first);
        let least = candidates.first().map_or(0, |(most, _)| most / CANDIDATE_SHARE);
        candidates.retain(|(sum, _)| *sum >= least);
        candidates
    }

    fn story(&self, place: u32) -> Option<&Story> {
        self.slots.get(place.wrapping_sub(self.gone) as usize)?.story.as_deref()
    }

    /// Takes an article into its story, which it opens or joins. A story that was opened before anything that is remembered
    /// takes its place among the others and nothing more: it is over.
    pub(super) fn add(&mut self, id: i64, opens: bool, member: Member) {
        let place = match self.places.get(&id) {
            Some(place) => *place,
            None => self.open(id, opens, &member),
        };
        let at = member.at;
        let terms = member.vector.first(TOUCHED);
        self.joins.push_back((at, place));
        let index = place.wrapping_sub(self.gone) as usize;
        let story = self.slots.get_mut(index).and_then(|slot| slot.story.as_deref_mut());
        let mut weights: Vec<u16> = terms.iter().map(|weighted| weighted.weight).collect();
        let mut opened_at = 0;
        if let Some(story) = story {
            story.add(member);
            opened_at = story.first_at;
            if let Some(centroid) = &story.centroid {
                weights = terms.iter().map(|weighted| centroid.weight(weighted.term)).collect();
            }
        }
        for (weighted, weight) in terms.iter().zip(weights) {
            let posting = Posting { story: place, at, opened_at, weight };
            match self.postings.entry(weighted.term) {
                std::collections::hash_map::Entry::Vacant(slot) => {
                    slot.insert(Postings::One(posting));
                }
                std::collections::hash_map::Entry::Occupied(mut slot) => slot.get_mut().touch(posting),
            }
        }
    }

    fn open(&mut self, id: i64, opens: bool, first: &Member) -> u32 {
        let place = self.gone.wrapping_add(u32::try_from(self.slots.len()).unwrap_or(u32::MAX));
        let story = opens.then(|| {
            let members = Vec::with_capacity(1);
            let (at, title) = (first.at, first.article);
            Box::new(Story { first_at: at, last_at: at, count: 0, title, centroid: None, members })
        });
        self.slots.push_back(Slot { id, story });
        self.places.insert(id, place);
        place
    }

    /// Forgets which titles the store holds.
    pub(super) fn forget_titles(&mut self) {
        for story in self.slots.iter_mut().filter_map(|slot| slot.story.as_deref_mut()) {
            story.title = 0;
        }
    }

    /// The article whose headline is a story's title now, when that changed.
    pub(super) fn retitle(&mut self, id: i64) -> Option<i64> {
        let place = *self.places.get(&id)?;
        let slot = self.slots.get_mut(place.wrapping_sub(self.gone) as usize)?;
        let story = slot.story.as_deref_mut()?;
        // A large story's centre moves slowly.
        if story.count > 64 && story.count % 16 != 0 {
            return None;
        }
        let central = story.central()?;
        (std::mem::replace(&mut story.title, central) != central).then_some(central)
    }
}
