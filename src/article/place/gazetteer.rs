//! The gazetteer: which spellings name a place, and of which country.
//!
//! Owns the two compiled files beside it and the walk along them. `names.fst` maps a folded name to a place in
//! `candidates.bin`, a byte format of our own that `examples/compile_places.rs` writes. Both are part of the program and used
//! where they lie: nothing is read, unpacked or allocated at a start. Refuses to choose between candidates.

use std::sync::LazyLock;

use fst::raw::Fst;

/// Sources and licences of the data: `ATTRIBUTION.md` beside this file.
static NAMES: &[u8] = include_bytes!("names.fst");
static CANDIDATES: &[u8] = include_bytes!("candidates.bin");

/// Bytes of a candidate: country (2), flags and kind (1), language (3, padded with spaces), population in thousands (3).
const CANDIDATE_BYTES: usize = 9;

/// Flag: the spelling means something else, too.
const AMBIGUOUS: u8 = 0x80;

/// Flag: it counts in capitals alone (`US`, `CAR`).
const CAPITALS: u8 = 0x40;

/// The multiplier of FNV-1a.
const HASH_PRIME: u64 = 0x0100_0000_01b3;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The country, or a part that stands for it.
    Name,
    /// Its people, as an adjective or a noun.
    Demonym,
    /// Its capital.
    Capital,
    /// A region.
    Region,
    /// A city, camp, crossing or battlefield.
    City,
    /// An institution that stands for the country: a parliament, an agency, an armed group at home there.
    Institution,
}

/// One meaning of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// ISO 3166-1 alpha-2.
    pub country: &'static str,
    /// What it is there.
    pub kind: Kind,
    /// Whether the spelling is also a common word, a person's name, a metonym or a better-known place.
    pub is_ambiguous: bool,
    /// Whether it counts in capitals alone.
    pub is_capitals: bool,
    /// The one language (BCP 47, two or three letters) in which it counts; any when absent.
    pub language: Option<&'static str>,
    /// People who live there, to the thousand; 0 where unknown.
    pub population: u32,
}

/// What stands at a place of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Words it takes.
    pub word_count: usize,
    /// Where its candidates are; names that mean the same share them.
    offset: usize,
    /// A hash of the name.
    name: u64,
}

/// The compiled names; `None` when the program was built with a broken file, which a test forbids.
static NAMES_FST: LazyLock<Option<Fst<&'static [u8]>>> = LazyLock::new(|| Fst::new(NAMES).ok());

/// The longest name that begins with the first of some folded words.
pub fn longest<'a>(words: impl Iterator<Item = &'a str>) -> Option<Found> {
    let fst = NAMES_FST.as_ref()?;
    let mut node = fst.root();
    let mut output = fst::raw::Output::zero();
    let (mut found, mut name) = (None, 0_u64);
    for (index, word) in words.enumerate() {
        let space: &[u8] = if index == 0 { b"" } else { b" " };
        for byte in space.iter().chain(word.as_bytes()) {
            let Some(step) = node.find_input(*byte) else { return found };
            let transition = node.transition(step);
            output = output.cat(transition.out);
            name = (name ^ u64::from(*byte)).wrapping_mul(HASH_PRIME);
            node = fst.node(transition.addr);
        }
        if node.is_final() {
            let offset = usize::try_from(output.cat(node.final_output()).value()).ok()?;
            found = Some(Found { word_count: index + 1, offset, name });
        }
    }
    found
}

impl Found {
    /// Whether the words mean no place.
    pub fn is_decoy(self) -> bool {
        CANDIDATES.get(self.offset).is_none_or(|count| *count == 0)
    }

    /// Whether two are the same name.
    pub fn is_same(self, other: Self) -> bool {
        self.name == other.name
    }

    /// Its meanings; none for a decoy, which takes its words and means nothing.
    pub fn candidates(self) -> impl Iterator<Item = Candidate> {
        let count = CANDIDATES.get(self.offset).map_or(0, |count| usize::from(*count));
        let rows = CANDIDATES.get(self.offset + 1..).unwrap_or_default();
        rows.chunks_exact(CANDIDATE_BYTES).take(count).filter_map(candidate)
    }
}

fn candidate(row: &'static [u8]) -> Option<Candidate> {
    let (country, rest) = row.split_at_checked(2)?;
    let (flags, rest) = rest.split_first()?;
    let (language, population) = rest.split_at_checked(3)?;
    let &[low, middle, high] = population else { return None };
    let kinds = [Kind::Name, Kind::Demonym, Kind::Capital, Kind::Region, Kind::City, Kind::Institution];
    let language = std::str::from_utf8(language).ok()?.trim_end();
    Some(Candidate {
        country: std::str::from_utf8(country).ok()?,
        kind: *kinds.get(usize::from(flags & !(AMBIGUOUS | CAPITALS)))?,
        is_ambiguous: flags & AMBIGUOUS != 0,
        is_capitals: flags & CAPITALS != 0,
        language: Some(language).filter(|language| !language.is_empty()),
        population: u32::from_le_bytes([low, middle, high, 0]).saturating_mul(1_000),
    })
}
