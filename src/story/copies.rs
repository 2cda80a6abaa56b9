//! Copies: articles whose text was carried before.
//!
//! Owns the index of the prints of the last [`WINDOW`](super::WINDOW) and the judgement [`same_text`]. A new print is looked up
//! by a few of its smallest hashes; those that share two or more are compared in full. Work and memory per article are bounded
//! whatever the archive holds. Refuses to know stories, beyond carrying the number of the one an original is in.

use std::collections::VecDeque;

use super::sketch::Print;

/// Keys of an article: so many of its text and of its headline.
const TEXT_KEYS: usize = 12;
const TITLE_KEYS: usize = 6;

/// Articles kept per key, the latest.
const POSTINGS_MAX: usize = 16;

/// Keys two prints must share to be compared, and how many are compared.
const SHARED_MIN: usize = 2;
const COMPARED_MAX: usize = 8;

/// Articles remembered, whatever the rate.
const KNOWN_MAX: usize = 1_500_000;

/// Tokens from which a text can be compared.
const TEXT_MIN: u8 = 8;

/// Share of the smaller text's trigrams that the other has, and how many at least.
const TEXT_SHARE: f32 = 0.6;
const COMMON_MIN: usize = 8;

/// Likeness (Jaccard) of the headlines' pairs, and share of the smaller text's words, where trigrams do not decide.
const TITLE_LIKENESS: f32 = 0.7;
const WORDS_SHARE: f32 = 0.7;

/// Tokens, and tokens that say something, a headline must have to speak for itself.
const TITLE_MIN: u8 = 6;
const CONTENT_MIN: u8 = 3;

/// One publisher repeats a headline for another event after this long.
pub(super) const SERIES_AFTER: u32 = 18 * 3600;

/// An article that is remembered.
#[derive(Debug)]
struct Known {
    original: Original,
    at: u32,
    publisher: u32,
    entry_count: u32,
    print: Print,
}

/// The first article that carried a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Original {
    /// Its row.
    pub(super) article: i64,
    /// Its story's.
    pub(super) story: i64,
}

/// What a print was found to copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Copied {
    /// Who had it first.
    pub(super) original: Original,
    /// Whether the article it was seen by is of another publisher.
    pub(super) is_others: bool,
}

/// The key of an entry that is in no chain any more. An article with this key is not found by it.
const UNLINKED: u32 = 0;

/// One key of one article, chained to the entry before it in the same bucket.
#[derive(Debug, Clone, Copy)]
struct Entry {
    key: u32,
    next: u32,
    known: u32,
}

/// Prints by key: a chained hash table whose entries leave in the order they came. Numbers of entries and articles count up and
/// wrap; one that is not in its queue any more is gone.
#[derive(Debug, Default)]
pub(super) struct Copies {
    heads: Vec<u32>,
    entries: VecDeque<Entry>,
    entries_gone: u32,
    known: VecDeque<Known>,
    known_gone: u32,
}

impl Copies {
    /// How many texts are known.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// Forgets what is older than the window.
    pub(super) fn forget(&mut self, before: u32) {
        while self.known.len() > KNOWN_MAX || self.known.front().is_some_and(|known| known.at < before) {
            let Some(known) = self.known.pop_front() else { return };
            self.known_gone = self.known_gone.wrapping_add(1);
            self.entries_gone = self.entries_gone.wrapping_add(known.entry_count);
            self.entries.drain(..(known.entry_count as usize).min(self.entries.len()));
        }
    }

    /// The original of a print, if its text was carried before.
    pub(super) fn find(&self, print: &Print, publisher: u32, at: u32) -> Option<Copied> {
        let mut hits = Vec::new();
        for key in keys(print) {
            self.each_with(key, |entry| hits.push(entry.known.wrapping_sub(self.known_gone)));
        }
        hits.sort_unstable();
        let mut shared: Vec<(usize, u32)> = Vec::new();
        for run in hits.chunk_by(|one, other| one == other) {
            if let (true, Some(index)) = (run.len() >= SHARED_MIN, run.first()) {
                shared.push((run.len(), *index));
            }
        }
        shared.sort_unstable_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(&other.1)));
        shared.iter().take(COMPARED_MAX).find_map(|(_, index)| {
            let known = self.known.get(*index as usize)?;
            let is_others = known.publisher != publisher;
            let apart = at.abs_diff(known.at);
            same_text(print, &known.print, is_others, apart)
                .then_some(Copied { original: known.original, is_others })
        })
    }

    /// Remembers an article.
    pub(super) fn add(&mut self, print: Print, publisher: u32, at: u32, original: Original) {
        let number = self.known_gone.wrapping_add(as_number(self.known.len()));
        let keys: Vec<u32> = keys(&print).collect();
        for key in &keys {
            self.link(*key, number);
        }
        let entry_count = as_number(keys.len());
        self.known.push_back(Known { original, at, publisher, entry_count, print });
    }

    fn entry(&self, number: u32) -> Option<&Entry> {
        self.entries.get(number.wrapping_sub(self.entries_gone) as usize)
    }

    fn entry_mut(&mut self, number: u32) -> Option<&mut Entry> {
        self.entries.get_mut(number.wrapping_sub(self.entries_gone) as usize)
    }

    fn bucket(&self, key: u32) -> Option<usize> {
        (key as usize).checked_rem(self.heads.len())
    }

    /// Hands out the entries of a key, the latest first.
    fn each_with(&self, key: u32, mut hand_out: impl FnMut(&Entry)) {
        let mut at = self.bucket(key).and_then(|bucket| self.heads.get(bucket)).copied();
        while let Some(entry) = at.and_then(|number| self.entry(number)) {
            if entry.key == key {
                hand_out(entry);
            }
            at = Some(entry.next);
        }
    }

    fn link(&mut self, key: u32, known: u32) {
        if self.entries.len() >= self.heads.len() {
            self.grow();
        }
        self.unlink_oldest(key);
        let number = self.entries_gone.wrapping_add(as_number(self.entries.len()));
        let head = self.bucket(key).and_then(|bucket| self.heads.get_mut(bucket));
        let next = head.map_or(number, |head| std::mem::replace(head, number));
        self.entries.push_back(Entry { key, next, known });
    }

    /// Takes the oldest entry of a full key out of its chain: a key that many share must not make the others' chains long. Its
    /// own key becomes [`UNLINKED`].
    fn unlink_oldest(&mut self, key: u32) {
        let Some(bucket) = self.bucket(key) else { return };
        let (mut before, mut count) = (None, 0);
        let mut at = self.heads.get(bucket).copied();
        while let Some((number, entry)) = at.and_then(|number| Some((number, *self.entry(number)?))) {
            count += usize::from(entry.key == key);
            if count >= POSTINGS_MAX {
                match before.and_then(|before| self.entry_mut(before)) {
                    Some(before) => before.next = entry.next,
                    None => self.heads.get_mut(bucket).into_iter().for_each(|head| *head = entry.next),
                }
                self.entry_mut(number).into_iter().for_each(|entry| entry.key = UNLINKED);
                return;
            }
            (before, at) = (Some(number), Some(entry.next));
        }
    }

    /// Doubles the table and chains all entries anew, as they came.
    fn grow(&mut self) {
        let none = self.entries_gone.wrapping_sub(1);
        self.heads = vec![none; (2 * self.heads.len()).max(1024)];
        for (index, entry) in self.entries.iter_mut().enumerate().filter(|(_, entry)| entry.key != UNLINKED) {
            let number = self.entries_gone.wrapping_add(as_number(index));
            let bucket = entry.key as usize % self.heads.len();
            if let Some(head) = self.heads.get_mut(bucket) {
                entry.next = std::mem::replace(head, number);
            }
        }
    }
}

fn as_number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// What a print is looked up by.
fn keys(print: &Print) -> impl Iterator<Item = u32> {
    let title = if print.core_pairs.is_empty() { &print.pairs } else { &print.core_pairs };
    title.iter().take(TITLE_KEYS).chain(print.shingles.iter().take(TEXT_KEYS)).copied()
}

/// Whether two articles carry one text. Headlines alone decide only where an article has no other text.
fn same_text(one: &Print, other: &Print, is_others: bool, apart: u32) -> bool {
    if !is_others && (one.numbers != other.numbers || apart > SERIES_AFTER) {
        return false;
    }
    let speaks = |print: &Print| print.title_count >= TITLE_MIN && print.content_count >= CONTENT_MIN;
    let speak = speaks(one) && speaks(other);
    let likeness = title_likeness(one, other);
    match (one.text_count >= TEXT_MIN, other.text_count >= TEXT_MIN) {
        (true, true) => {
            let (share, common) = contained(&one.shingles, &other.shingles, super::sketch::SHINGLES_MAX);
            let is_text = share >= TEXT_SHARE && common >= COMMON_MIN;
            let (words, _) = contained(&one.words, &other.words, super::sketch::WORDS_MAX);
            let is_told = is_others && one.relates && other.relates;
            is_text && (is_told || likeness >= TITLE_LIKENESS)
                || speak && likeness >= TITLE_LIKENESS && words >= WORDS_SHARE
        }
        (false, false) => speak && is_others && likeness >= 1.0,
        _ => speak && likeness >= TITLE_LIKENESS,
    }
}

/// How alike two headlines are, with or without their labels and names.
fn title_likeness(one: &Print, other: &Print) -> f32 {
    let mut best = 0.0_f32;
    for ours in [&one.pairs, &one.core_pairs] {
        for theirs in [&other.pairs, &other.core_pairs] {
            if ours.is_empty() || theirs.is_empty() {
                continue;
            }
            let common = common(ours, theirs);
            best = best.max(common as f32 / (ours.len() + theirs.len() - common) as f32);
        }
    }
    best
}

/// Share of the smaller set that the other has, and how many that are, estimated from the `kept` smallest hashes of each: as far
/// as both samples reach, they hold everything.
fn contained(one: &[u32], other: &[u32], kept: usize) -> (f32, usize) {
    let reach = |set: &[u32]| set.last().filter(|_| set.len() >= kept).copied().unwrap_or(u32::MAX);
    let reach = reach(one).min(reach(other));
    let within = |set: &'_ [u32]| set.partition_point(|hash| *hash <= reach);
    let (ours, theirs) = (within(one), within(other));
    let smaller = ours.min(theirs);
    if smaller == 0 {
        return (0.0, 0);
    }
    let common = common(one.get(..ours).unwrap_or(one), other.get(..theirs).unwrap_or(other));
    (common as f32 / smaller as f32, common)
}

/// How many hashes two sorted sets share.
fn common(one: &[u32], other: &[u32]) -> usize {
    let (mut i, mut j, mut count) = (0, 0, 0);
    while let (Some(ours), Some(theirs)) = (one.get(i), other.get(j)) {
        i += usize::from(ours <= theirs);
        j += usize::from(theirs <= ours);
        count += usize::from(ours == theirs);
    }
    count
}
