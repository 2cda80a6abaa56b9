//! What is kept of an article while it may matter: a few hundred bytes from which the memory is built anew at a start.
//!
//! Owns the byte format. Texts are not read again: that would take a minute for what this takes a second for. Refuses bytes of
//! another version, which count as nothing: stories then begin afresh, and nothing is wrong.

use jiff::Timestamp;

use super::StoryId;
use super::copies::Original;
use super::similar::{Vector, Weighted};
use super::sketch::Print;
use super::tokens::{Label, Term};
use crate::article::identity::ArticleId;

/// The format, and the way words are cut, folded and hashed. Raise it when either changes.
const VERSION: u8 = 1;

/// Flags.
const OPENS: u8 = 1;
const IS_COPY: u8 = 2;
const RELATES: u8 = 4;

/// What is kept of an article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The article.
    pub article: ArticleId,
    /// Its story.
    pub story: StoryId,
    /// When it was taken in.
    pub at: Timestamp,
    /// The rest.
    pub bytes: Vec<u8>,
}

/// The rest, read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Trace {
    pub(super) publisher: u32,
    pub(super) opens: bool,
    pub(super) original: Option<Original>,
    pub(super) formulas: Vec<u32>,
    pub(super) labels: Box<[Label]>,
    pub(super) vector: Vector,
    pub(super) print: Print,
}

impl Trace {
    /// As bytes.
    pub(super) fn save(&self) -> Vec<u8> {
        let print = &self.print;
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        let flags =
            flag(self.opens, OPENS) | flag(self.original.is_some(), IS_COPY) | flag(print.relates, RELATES);
        let mut bytes = vec![VERSION, flags, print.title_count, print.content_count, print.text_count];
        bytes.extend(self.publisher.to_le_bytes());
        bytes.extend(print.numbers.to_le_bytes());
        if let Some(original) = self.original {
            bytes.extend(original.article.to_le_bytes());
            bytes.extend(original.story.to_le_bytes());
        }
        for hashes in [&print.pairs, &print.core_pairs, &print.shingles, &print.words] {
            save_hashes(hashes, &mut bytes);
        }
        save_hashes(&self.formulas, &mut bytes);
        let labels: Vec<u32> = self.labels.iter().flat_map(|(word, number)| [*word, *number]).collect();
        save_hashes(&labels, &mut bytes);
        for weighted in &self.vector.0 {
            bytes.extend({ weighted.term }.to_le_bytes());
            bytes.extend({ weighted.weight }.to_le_bytes());
        }
        bytes
    }

    /// From bytes; `None` when they are of another version, or damaged.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let [version, flags, title_count, content_count, text_count] = take(&mut rest)?;
        if version != VERSION {
            return None;
        }
        let publisher = u32::from_le_bytes(take(&mut rest)?);
        let numbers = u32::from_le_bytes(take(&mut rest)?);
        let original = if flags & IS_COPY == 0 {
            None
        } else {
            let (article, story) =
                (i64::from_le_bytes(take(&mut rest)?), i64::from_le_bytes(take(&mut rest)?));
            Some(Original { article, story })
        };
        let [pairs, core_pairs, shingles, words] = [(); 4].map(|()| read_hashes(&mut rest));
        let formulas = read_hashes(&mut rest)?;
        let labels = read_hashes(&mut rest)?;
        let labels = labels.chunks_exact(2).filter_map(|label| match label {
            [word, number] => Some((*word, *number)),
            _ => None,
        });
        let weighted = rest.chunks_exact(6).filter_map(|term| {
            let (term, weight) = term.split_first_chunk::<4>()?;
            let weight = u16::from_le_bytes(weight.try_into().ok()?);
            Some(Weighted { term: u32::from_le_bytes(*term), weight })
        });
        Some(Self {
            publisher,
            opens: flags & OPENS != 0,
            original,
            labels: labels.collect(),
            vector: Vector(weighted.collect()),
            print: Print {
                title_count,
                content_count,
                text_count,
                relates: flags & RELATES != 0,
                numbers,
                pairs: pairs?.into_boxed_slice(),
                core_pairs: core_pairs?.into_boxed_slice(),
                shingles: shingles?.into_boxed_slice(),
                words: words?.into_boxed_slice(),
            },
            formulas,
        })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*head)
}

fn save_hashes(hashes: &[u32], bytes: &mut Vec<u8>) {
    let count = u8::try_from(hashes.len()).unwrap_or(u8::MAX);
    bytes.push(count);
    for hash in hashes.iter().take(usize::from(count)) {
        bytes.extend(hash.to_le_bytes());
    }
}

fn read_hashes(rest: &mut &[u8]) -> Option<Vec<u32>> {
    let [count] = take(rest)?;
    (0..count).map(|_| take(rest).map(u32::from_le_bytes)).collect()
}

/// Terms as bytes.
pub(super) fn save_terms(terms: &[Term]) -> Vec<u8> {
    terms.iter().flat_map(|term| term.to_le_bytes()).collect()
}

/// Terms from bytes.
pub(super) fn terms(bytes: &[u8]) -> impl Iterator<Item = Term> {
    bytes.chunks_exact(4).filter_map(|term| term.try_into().ok().map(u32::from_le_bytes))
}
