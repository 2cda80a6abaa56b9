//! What the letters of a text say for each language of its script.
//!
//! Owns the three compiled tables beside it and the walk along a text. A table maps runs of up to five letters, with the
//! borders of words, to how much less likely the last letter is in each language than in the one it fits best. The
//! format is our own, and `examples/compile_languages.rs` writes it; the tables are part of the program and used where
//! they lie: a look-up reads two places and allocates nothing. Refuses to name a language: that is for `language.rs`.

/// Sources and licences of the data: `ATTRIBUTION.md` beside this file.
static LATIN: &[u8] = include_bytes!("latin.bin");
static CYRILLIC: &[u8] = include_bytes!("cyrillic.bin");
static ARABIC: &[u8] = include_bytes!("arabic.bin");

/// Letters of a text that are read; more would not change the answer.
pub const LETTERS_MAX: usize = 200;

/// Letters of the longest run, the borders of words among them.
pub const RUN_MAX: u32 = 5;

/// Bits of a letter in a run.
pub const LETTER_BITS: u32 = 12;

/// What stands for the border of a word in a run.
pub const BORDER: u64 = 1;

/// How much less likely (natural logarithm) one step of a table's numbers is; they go from 0 to 15.
pub const STEP: f32 = 0.6;

/// Languages a table can hold.
pub const LANGUAGES_MAX: usize = 2 * HALF_MAX;
const HALF_MAX: usize = 24;

/// Bytes of a table before its languages' codes, of a code, of a displacement and of a check.
const HEAD_BYTES: usize = 9;
const CODE_BYTES: usize = 2;
const SHORT_BYTES: usize = 2;

/// What a word that begins with a capital counts where others do not: names are at home in any language.
const NAME_WEIGHT: f32 = 0.5;

/// Of a hundred words, how many with a capital make capitals say nothing.
const CAPITALS_PERCENT_MAX: usize = 70;

/// A table, as it lies in the program.
#[derive(Debug, Clone, Copy, Default)]
pub struct Table {
    codes: &'static [u8],
    displacements: &'static [u8],
    slots: &'static [u8],
    language_count: usize,
    bucket_count: u64,
    slot_count: u64,
}

/// The evidence for one language.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// Its ISO 639-1 code.
    pub language: &'static str,
    /// The logarithm of how likely the text is in it, beside that of the language each letter fits best; 0 or less.
    pub likelihood: f32,
}

impl Table {
    /// Languages written in Latin letters.
    pub fn latin() -> Self {
        Self::read(LATIN).unwrap_or_default()
    }

    /// Languages written in Cyrillic letters.
    pub fn cyrillic() -> Self {
        Self::read(CYRILLIC).unwrap_or_default()
    }

    /// Languages written in Arabic letters.
    pub fn arabic() -> Self {
        Self::read(ARABIC).unwrap_or_default()
    }

    /// A table from its bytes: counts of languages (1 byte), buckets and slots (4 each), codes, displacements, slots.
    /// `None` when they are cut short, which a test forbids.
    fn read(bytes: &'static [u8]) -> Option<Self> {
        let (language_count, rest) = bytes.split_first()?;
        let language_count = usize::from(*language_count).min(LANGUAGES_MAX);
        let count = |at: usize| rest.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
        let (bucket_count, slot_count) = (count(0)?, count(4)?);
        let (_, rest) = bytes.split_at_checked(HEAD_BYTES)?;
        let (codes, rest) = rest.split_at_checked(language_count * CODE_BYTES)?;
        let (displacements, slots) =
            rest.split_at_checked(usize::try_from(bucket_count).ok()? * SHORT_BYTES)?;
        let (bucket_count, slot_count) = (u64::from(bucket_count), u64::from(slot_count));
        let table = Self { codes, displacements, slots, language_count, bucket_count, slot_count };
        (slots.len() as u64 == slot_count * table.slot_bytes() as u64).then_some(table)
    }

    /// The languages it tells apart.
    pub fn languages(self) -> impl Iterator<Item = &'static str> {
        self.codes.chunks(CODE_BYTES).map(|code| std::str::from_utf8(code).unwrap_or_default())
    }

    fn slot_bytes(self) -> usize {
        SHORT_BYTES + self.language_count.div_ceil(2)
    }

    /// What the table says of a run: four bits for each language, those of the second half in the upper four.
    fn find(self, run: u64) -> Option<&'static [u8]> {
        let hash = hash(run);
        let short = |bytes: &'static [u8], at: usize| {
            bytes.get(at..at + SHORT_BYTES)?.try_into().ok().map(u16::from_le_bytes)
        };
        let bucket = usize::try_from(bucket(hash, self.bucket_count)).ok()?;
        let displacement = short(self.displacements, bucket * SHORT_BYTES)?;
        let start = usize::try_from(slot(hash, displacement, self.slot_count)).ok()? * self.slot_bytes();
        let slot = self.slots.get(start..start + self.slot_bytes())?;
        (short(slot, 0)? == check(hash)).then(|| slot.get(SHORT_BYTES..))?
    }

    /// What it says of the longest run it knows among those that end at the last letter. Every end of a known run is
    /// known itself, and most runs of three are known: the search begins there.
    fn longest(self, run: u64) -> Option<&'static [u8]> {
        let find = |length| self.find(end(run, length));
        let Some(three) = find(3) else { return find(2).or_else(|| find(1)) };
        let Some(four) = find(4) else { return Some(three) };
        find(5).or(Some(four))
    }

    /// The evidence of a text for each language.
    pub fn weigh(self, text: &str) -> impl Iterator<Item = Evidence> {
        let mut walk = Walk::new(self);
        for letter in text.chars() {
            if walk.letter_count >= LETTERS_MAX {
                break;
            }
            if letter.is_uppercase() {
                let small = letter.to_lowercase().filter(|letter| !is_silent(*letter));
                small.for_each(|letter| walk.step(letter, true));
            } else if letter.is_ascii() || !is_silent(letter) {
                walk.step(letter, false);
            }
        }
        walk.end_word();
        let says_something = walk.name_count * 100 <= walk.word_count * CAPITALS_PERCENT_MAX;
        let name_weight = if says_something { NAME_WEIGHT } else { 1.0 };
        let half = self.language_count.div_ceil(2);
        let (words, names) = (walk.words.in_order(half), walk.names.in_order(half));
        self.languages().zip(words.zip(names)).map(move |(language, (word, name))| {
            let steps = f32::from(word) + f32::from(name) * name_weight;
            Evidence { language, likelihood: -steps * STEP }
        })
    }
}

/// The way along a text.
struct Walk {
    table: Table,
    /// What words and what names have said.
    words: Sums,
    names: Sums,
    /// The last letters, back to the border of the word.
    run: u64,
    /// Whether the table knows the last letter, so that it can say how words end behind it.
    is_known: bool,
    is_name: bool,
    letter_count: usize,
    word_count: usize,
    name_count: usize,
}

impl Walk {
    fn new(table: Table) -> Self {
        Self {
            table,
            words: Sums::default(),
            names: Sums::default(),
            run: BORDER,
            is_known: false,
            is_name: false,
            letter_count: 0,
            word_count: 0,
            name_count: 0,
        }
    }

    /// One letter, small already.
    fn step(&mut self, letter: char, is_capital: bool) {
        let Some(symbol) = symbol(letter) else { return self.end_word() };
        if self.run == BORDER {
            self.is_name = is_capital;
            self.word_count += 1;
            self.name_count += usize::from(is_capital);
        }
        self.letter_count += 1;
        self.is_known = self.add(symbol);
    }

    fn end_word(&mut self) {
        if self.run != BORDER {
            if self.is_known {
                self.add(BORDER);
            }
            self.run = BORDER;
        }
    }

    /// Adds what the table says of a letter behind those before it; `false` when it does not know the letter.
    fn add(&mut self, symbol: u64) -> bool {
        self.run = end(self.run << LETTER_BITS | symbol, RUN_MAX);
        let Some(steps) = self.table.longest(self.run) else { return false };
        let sums = if self.is_name { &mut self.names } else { &mut self.words };
        sums.add(steps);
        true
    }
}

/// Sums of steps, for the first and the second half of the languages.
#[derive(Default)]
struct Sums {
    first: [u16; HALF_MAX],
    second: [u16; HALF_MAX],
}

impl Sums {
    fn add(&mut self, steps: &[u8]) {
        for ((first, second), steps) in self.first.iter_mut().zip(&mut self.second).zip(steps) {
            *first += u16::from(steps & 0x0f);
            *second += u16::from(steps >> 4);
        }
    }

    fn in_order(self, half: usize) -> impl Iterator<Item = u16> {
        self.first.into_iter().take(half).chain(self.second)
    }
}

/// The last letters of a run.
pub fn end(run: u64, length: u32) -> u64 {
    run & ((1 << (LETTER_BITS * length)) - 1)
}

/// A letter, small, as runs hold it; `None` when it ends a word. Arabic letters that are drawn alike are one: Persian is
/// typed with either.
pub fn symbol(letter: char) -> Option<u64> {
    let code = u64::from(u32::from(letter));
    Some(match letter {
        // Letters with two marks, next to those with one: a run has no more bits for them.
        '\u{1e00}'..='\u{1eff}' => code - 0x1e00 + 0x250,
        'ک' => u64::from(u32::from('ك')),
        'ی' | 'ى' => u64::from(u32::from('ي')),
        'a'..='z'
        | '\u{c0}'..='\u{24f}'
        | '\u{400}'..='\u{52f}'
        | '\u{620}'..='\u{64a}'
        | '\u{66e}'..='\u{6d3}'
        | 'ە'
        | 'ۮ'
        | 'ۯ'
        | '\u{6fa}'..='\u{6ff}'
        | '\u{750}'..='\u{77f}' => code,
        _ => return None,
    })
}

/// Whether a character stands inside of words without being a letter of them: marks of vowels, accents that stand alone,
/// stretching, direction, and joiners. Persian's non-joiner is none: it parts a word from its ending.
fn is_silent(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{300}'..='\u{36f}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{200b}')
        || matches!(character, '\u{200d}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// A run, scattered.
pub fn hash(run: u64) -> u64 {
    let product = run.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    product ^ (product >> 29)
}

/// The bucket of a hash, and with its displacement the slot. The compiler looks for displacements that give every run a
/// slot of its own; what tells a run from one that has none is its check.
pub fn bucket(hash: u64, bucket_count: u64) -> u64 {
    ((hash & 0xffff_ffff) * bucket_count) >> 32
}

/// See [`bucket`].
pub fn slot(hash: u64, displacement: u16, slot_count: u64) -> u64 {
    let product = (hash ^ u64::from(displacement)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    ((product >> 32) * slot_count) >> 32
}

/// See [`bucket`].
pub fn check(hash: u64) -> u16 {
    let [.., low, high] = hash.to_le_bytes();
    u16::from_le_bytes([low, high])
}
