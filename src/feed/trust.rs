//! How far the ids and links of a feed can be trusted to tell its entries apart.
//!
//! Some feeds give every entry a new id at each poll, some a new link as well. What one document shows is a [`Tally`];
//! [`Trust`] is what a feed's documents taught, and recovers slowly. Refuses to recognise entries: that is
//! `article::identity`'s, which counts the tallies and obeys the [`Doubts`].

use std::fmt;

/// Doubt after a document that was full of changed keys. A clean document takes one off.
const DOUBT_MAX: u8 = 100;

/// Doubt after a document too small to be sure.
const DOUBT_STEP: u8 = 25;

/// From here on a key is doubted: after one document that was full of changed keys, for the next fifty clean ones.
const DOUBTED: u8 = 50;

/// What the entries of one document say about one kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Entries that carry the key they had.
    pub kept_count: usize,
    /// Known entries that carry another one: their words, or link and headline, are those of a known entry.
    pub changed_count: usize,
    /// Entries that look known and carry another one.
    pub hinted_count: usize,
}

impl Tally {
    /// Most known entries of a document carry new keys.
    pub fn is_churn(self) -> bool {
        let changed_count = self.changed_count + self.hinted_count;
        changed_count >= 3 && changed_count > self.kept_count * 2
    }

    fn is_hint(self) -> bool {
        self.changed_count >= 1 && self.kept_count == 0
    }

    fn is_clean(self) -> bool {
        self.kept_count >= 1 && self.changed_count == 0
    }
}

/// Which keys say nothing about who an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Doubts {
    /// Ids change: links identify.
    pub ids: bool,
    /// Links change.
    pub urls: bool,
}

/// What a feed's documents taught about its keys: doubt, from 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Trust {
    /// Of ids.
    pub id_doubt: u8,
    /// Of links.
    pub url_doubt: u8,
}

impl Trust {
    /// Takes in what a document shows.
    pub fn note(&mut self, ids: Tally, urls: Tally) {
        for (doubt, tally) in [(&mut self.id_doubt, ids), (&mut self.url_doubt, urls)] {
            if tally.is_churn() {
                *doubt = DOUBT_MAX;
            } else if tally.is_hint() {
                *doubt = doubt.saturating_add(DOUBT_STEP).min(DOUBT_MAX);
            } else if tally.is_clean() {
                *doubt = doubt.saturating_sub(1);
            }
        }
    }

    /// Which keys are doubted.
    pub fn doubts(self) -> Doubts {
        Doubts { ids: self.id_doubt >= DOUBTED, urls: self.url_doubt >= DOUBTED }
    }
}

impl fmt::Display for Doubts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.ids, self.urls) {
            (false, false) => "entries are recognised by id",
            (true, false) => "its ids change, entries are recognised by link",
            (false, true) => "its links change, entries are recognised by id",
            (true, true) => "its ids and links change, entries are recognised by headline and day",
        })
    }
}
