//! Counts: how common a word is of late, and which headlines a publisher repeats daily.
//!
//! Owns [`Counts`], the articles that held a term, fading with a half-life of a week, and [`Formulas`], the openings and endings of
//! headlines of the last days. Both are longer memories than the window and are kept in the store whenever a stretch of them ends;
//! what came since is counted again from there. Refuses to read words.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use super::sketch::Formula;
use super::tokens::Term;

/// A table by hashes, which need no second hashing beyond being spread over 64 bits (Fibonacci hashing, Knuth vol. 3, 6.4).
pub(super) type ByHash<T> = HashMap<u32, T, BuildHasherDefault<Spread>>;

/// Spreads 32 bits over 64.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0.rotate_left(5) ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// Seconds of a stretch of counts: they fade at its end, and are kept in the store then.
const STRETCH: i64 = 6 * 3600;

/// What is left after a stretch: half after seven days.
const FADE: f64 = 0.975_546_4;

/// A count below this says nothing; a term seen once is forgotten after three and a half days.
const COUNT_MIN: f32 = 0.7;

/// Terms counted, whatever the rate.
const TERMS_MAX: usize = 4_000_000;

/// Articles that nobody saw, in which no term is more common than another: the first ones are no surprise to each other.
const PRIOR: f64 = 1_000.0;

/// How many articles held a term.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Counts {
    stretch: i64,
    total: f64,
    counts: ByHash<f32>,
}

impl Counts {
    /// Lets time pass; whether a stretch ended, so that the counts are to be kept.
    pub(super) fn advance(&mut self, second: i64) -> bool {
        let stretch = second.div_euclid(STRETCH);
        // A clock that went back by minutes changes nothing; one that was wrong by days is believed again.
        if stretch == self.stretch || stretch < self.stretch && self.stretch - stretch < 4 {
            return false;
        }
        let passed = i32::try_from((stretch - self.stretch).clamp(0, 400)).unwrap_or_default();
        let fade = FADE.powi(passed);
        self.stretch = stretch;
        self.total *= fade;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a factor needs no more digits than what it fades"
        )]
        let fade = fade as f32;
        for count in self.counts.values_mut() {
            *count *= fade;
        }
        let mut least = COUNT_MIN;
        self.counts.retain(|_, count| *count >= least);
        while self.counts.len() > TERMS_MAX {
            least *= 1.5;
            self.counts.retain(|_, count| *count >= least);
        }
        self.counts.shrink_to(2 * self.counts.len());
        true
    }

    /// Counts the terms of an article.
    pub(super) fn add(&mut self, terms: impl Iterator<Item = Term>) {
        self.total += 1.0;
        for term in terms {
            *self.counts.entry(term).or_default() += 1.0;
        }
    }

    /// How much a term tells (inverse document frequency); 0 for one that nearly all articles hold.
    pub(super) fn rarity(&self, term: Term) -> f32 {
        let count = self.counts.get(&term).copied().unwrap_or_default();
        let rarity = ((self.total + PRIOR) / f64::from(count + 1.0)).ln().max(0.0);
        // Rounded, so that the last digit of a logarithm, which differs between machines, decides nothing.
        #[expect(clippy::cast_possible_truncation, reason = "a logarithm of a count")]
        let rounded = (rarity * 4096.0).round() as f32;
        rounded / 4096.0
    }

    /// The counts as bytes, by term.
    pub(super) fn save(&self) -> Vec<u8> {
        let mut counts: Vec<(u32, f32)> = self.counts.iter().map(|(term, count)| (*term, *count)).collect();
        counts.sort_unstable_by_key(|(term, _)| *term);
        let mut bytes = Vec::with_capacity(16 + 8 * counts.len());
        bytes.extend(self.stretch.to_le_bytes());
        bytes.extend(self.total.to_le_bytes());
        for (term, count) in counts {
            bytes.extend(term.to_le_bytes());
            bytes.extend(count.to_le_bytes());
        }
        bytes
    }

    /// Counts that were saved; `None` when the bytes are something else.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (stretch, rest) = bytes.split_first_chunk::<8>()?;
        let (total, rest) = rest.split_first_chunk::<8>()?;
        let mut counts = ByHash::with_capacity_and_hasher(rest.len() / 8, BuildHasherDefault::default());
        for pair in rest.chunks_exact(8) {
            let (term, count) = pair.split_first_chunk::<4>()?;
            counts.insert(u32::from_le_bytes(*term), f32::from_le_bytes(count.try_into().ok()?));
        }
        let total = f64::from_le_bytes(*total);
        total.is_finite().then_some(Self { stretch: i64::from_le_bytes(*stretch), total, counts })
    }
}

/// Days looked back for a formula, and days it must have been used on.
const FORMULA_DAYS: i64 = 7;
const FORMULA_USES: usize = 3;

/// Openings and endings of headlines by the day (UTC) they were used on.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Formulas {
    day: i64,
    today: HashSet<u32, BuildHasherDefault<Spread>>,
    /// Sorted keys of the days before.
    past: BTreeMap<i64, Vec<u32>>,
}

impl Formulas {
    /// The day a second is in.
    pub(super) fn day_of(second: i64) -> i64 {
        second.div_euclid(86_400)
    }

    /// Lets time pass; the day that ended with its keys, to be kept.
    pub(super) fn advance(&mut self, second: i64) -> Option<(i64, Vec<u8>)> {
        let day = Self::day_of(second);
        if day == self.day || day < self.day && self.day - day < 2 {
            return None;
        }
        let mut keys: Vec<u32> = self.today.drain().collect();
        keys.sort_unstable();
        let bytes: Vec<u8> = keys.iter().flat_map(|key| key.to_le_bytes()).collect();
        let ended = std::mem::replace(&mut self.day, day);
        self.past.insert(ended, keys);
        self.past.retain(|past, _| (day - FORMULA_DAYS..day).contains(past));
        (!bytes.is_empty()).then_some((ended, bytes))
    }

    /// Whether a publisher used these words in this place on enough earlier days.
    pub(super) fn is_worn(&self, formula: &Formula) -> bool {
        self.past.values().filter(|keys| keys.binary_search(&formula.key).is_ok()).count() >= FORMULA_USES
    }

    /// Notes a headline's openings and endings.
    pub(super) fn add(&mut self, keys: impl Iterator<Item = u32>) {
        self.today.extend(keys);
    }

    /// The days that were saved, the latest article's day being under way.
    pub(super) fn read(second: i64, days: Vec<(i64, Vec<u8>)>) -> Self {
        let day = Self::day_of(second);
        let read = |bytes: Vec<u8>| {
            bytes
                .chunks_exact(4)
                .filter_map(|key| key.try_into().ok().map(u32::from_le_bytes))
                .collect::<Vec<u32>>()
        };
        let past = days.into_iter().filter(|(past, _)| (day - FORMULA_DAYS..day).contains(past));
        let past = past.map(|(past, bytes)| (past, read(bytes))).collect();
        Self { day, today: HashSet::default(), past }
    }
}
