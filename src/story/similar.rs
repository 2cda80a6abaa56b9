//! Likeness: vectors of terms, and the cosine between them.
//!
//! Owns [`Vector`] (what an article is about, of length 1) and [`Centroid`] (what a story is). Terms stand in the order of their
//! numbers, so that every sum is taken in one order and two runs agree to the last bit. Refuses to know words and stories.

use super::tokens::{Term, is_place};

/// Terms kept of an article, the heaviest.
pub(super) const TERMS_MAX: usize = 32;

/// Terms kept of a story, once it has twice as many.
const CENTROID_TERMS: usize = 64;

/// What a weight of 1 is kept as.
const WHOLE: f32 = 65_535.0;

/// A term and its weight, packed: most of the memory of the window is these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(Rust, packed(2))]
pub(super) struct Weighted {
    /// The term.
    pub(super) term: Term,
    /// Its weight; 65,535 is 1.
    pub(super) weight: u16,
}

impl Weighted {
    fn part(self) -> f32 {
        f32::from(self.weight) / WHOLE
    }
}

/// What an article is about: its heaviest terms, in order of their numbers, of length 1 together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Vector(pub(super) Box<[Weighted]>);

impl Vector {
    /// The vector of terms with their weights.
    pub(super) fn of(mut weights: Vec<(Term, f32)>) -> Self {
        weights.retain(|(_, weight)| *weight > 0.0);
        heaviest(&mut weights, TERMS_MAX);
        let length = weights.iter().map(|(_, weight)| weight * weight).sum::<f32>().sqrt();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a part of the length lies between 0 and 1"
        )]
        let weighted = |(term, weight): &(Term, f32)| Weighted {
            term: *term,
            weight: (weight / length * WHOLE).round() as u16,
        };
        Self(weights.iter().map(weighted).collect())
    }

    /// The heaviest terms, heaviest first.
    pub(super) fn first(&self, count: usize) -> Vec<Weighted> {
        let mut terms = self.0.to_vec();
        terms.sort_unstable_by_key(|weighted| (u16::MAX - weighted.weight, { weighted.term }));
        terms.truncate(count);
        terms
    }

    /// How alike two articles are.
    pub(super) fn likeness(&self, other: &Self) -> Likeness {
        let (mut i, mut j, mut sum) = (0, 0, 0_u64);
        let (mut words, mut places) = (0, 0);
        while let (Some(ours), Some(theirs)) = (self.0.get(i), other.0.get(j)) {
            let (one, two) = (ours.term, theirs.term);
            if one == two {
                sum += u64::from(ours.weight) * u64::from(theirs.weight);
                words += usize::from(!is_place(one));
                places += usize::from(is_place(one));
            }
            i += usize::from(one <= two);
            j += usize::from(two <= one);
        }
        let is_elsewhere = places == 0 && self.has_place() && other.has_place();
        Likeness { cosine: sum as f32 / (WHOLE * WHOLE), words, is_elsewhere }
    }

    /// Places have the largest numbers, and stand last.
    fn has_place(&self) -> bool {
        self.0.last().is_some_and(|weighted| is_place(weighted.term))
    }
}

/// How alike two articles are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Likeness {
    /// The cosine.
    pub(super) cosine: f32,
    /// How many words they share. Places are no words: two events of one country share its name.
    pub(super) words: usize,
    /// Whether both are about countries, and none is the same.
    pub(super) is_elsewhere: bool,
}

/// Keeps the heaviest, of equals those with the smaller numbers, and leaves them in order of their numbers.
fn heaviest(weights: &mut Vec<(Term, f32)>, count: usize) {
    if weights.len() > count {
        weights.sort_unstable_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
        weights.truncate(count);
    }
    weights.sort_unstable_by_key(|(term, _)| *term);
}

/// What a story is about: the sum of its articles.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Centroid {
    terms: Vec<(Term, f32)>,
    length: f32,
}

impl Centroid {
    /// Takes an article in.
    pub(super) fn add(&mut self, vector: &Vector) {
        let mut sum = Vec::with_capacity(self.terms.len() + vector.0.len());
        let (mut ours, mut theirs) = (self.terms.iter().peekable(), vector.0.iter().peekable());
        loop {
            match (ours.peek(), theirs.peek()) {
                (Some((term, weight)), Some(other)) if *term == other.term => {
                    sum.push((*term, weight + other.part()));
                    ours.next();
                    theirs.next();
                }
                (Some((term, weight)), other) if other.is_none_or(|other| *term < other.term) => {
                    sum.push((*term, *weight));
                    ours.next();
                }
                (_, Some(other)) => {
                    sum.push((other.term, other.part()));
                    theirs.next();
                }
                _ => break,
            }
        }
        if sum.len() > 2 * CENTROID_TERMS {
            heaviest(&mut sum, CENTROID_TERMS);
        }
        self.length = sum.iter().map(|(_, weight)| weight * weight).sum::<f32>().sqrt();
        sum.shrink_to_fit();
        self.terms = sum;
    }

    /// The cosine between the story and an article.
    pub(super) fn cosine(&self, vector: &Vector) -> f32 {
        let (mut i, mut j, mut sum) = (0, 0, 0.0_f32);
        while let (Some((term, weight)), Some(other)) = (self.terms.get(i), vector.0.get(j)) {
            let theirs = other.term;
            if *term == theirs {
                sum += weight * other.part();
            }
            i += usize::from(*term <= theirs);
            j += usize::from(theirs <= *term);
        }
        if self.length > 0.0 { sum / self.length } else { 0.0 }
    }

    /// What a term is worth in the story, as [`Weighted::weight`].
    pub(super) fn weight(&self, term: Term) -> u16 {
        let found = self.terms.binary_search_by_key(&term, |(term, _)| *term);
        let weight = found.ok().and_then(|index| self.terms.get(index)).map_or(0.0, |(_, weight)| *weight);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a part of the length lies between 0 and 1"
        )]
        let whole = (weight / self.length.max(f32::MIN_POSITIVE) * WHOLE).round() as u16;
        whole
    }
}
