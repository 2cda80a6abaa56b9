//! An article cut into words, to be asked where a pattern, a phrase or a value is.
//!
//! Owns [`ArticleText`] and [`Span`], and the rules by which one word may be written as two. Refuses operators.

use std::cell::OnceCell;
use std::ops::Range;

use crate::article::Article;
use crate::article::stem::stem;
use crate::article::words::{Gap, Word, Words, arabic_stems, cased, each_arabic_stem};
use crate::topic::Field;
use crate::topic::pattern::{Glob, Pattern, Phrase};
use crate::topic::query::{Meta, NEAR_MAX};

/// Positions left free between two fields: more than any `NEAR` reaches.
const FIELD_GAP: usize = 2 * NEAR_MAX;
/// A phrase of at most so many words is followed in every way it may be written, without taking notes.
const FEW_WORDS: usize = 5;
/// Fields in reading order.
const FIELDS: [Field; 3] = [Field::Title, Field::Summary, Field::Body];

/// Words from `start` up to, not including, `end`, by position in the article.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Position of the first word.
    pub start: usize,
    /// Position after the last word.
    pub end: usize,
}

/// An article cut into words once, to be asked by any number of queries.
#[derive(Debug)]
pub struct ArticleText<'a> {
    article: &'a Article,
    /// Title, summary, body, each with the position of its first word.
    fields: [(usize, Words); 3],
    /// Made when something is looked up for the first time.
    index: OnceCell<Index>,
    /// The stem of every word of title, summary and body; made when one is asked for.
    stems: OnceCell<[Vec<String>; 3]>,
}

/// What can be looked up, for a search that begins with the query.
#[derive(Debug, Default)]
struct Index {
    /// Joined words and stems, back to back.
    arena: String,
    /// Sorted by text.
    forms: Vec<Form>,
}

/// The room an article's words take, to be used again for the next.
#[derive(Debug, Default)]
pub struct Buffers([Words; 3]);

/// A way to read one or two words of the article.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Form {
    /// First eight bytes, big end first: decides most comparisons.
    key: u64,
    source: Source,
    start: usize,
    end: usize,
    position: usize,
    width: usize,
}

/// Whose arena a form's text lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Field(usize),
    Own,
}

impl<'a> ArticleText<'a> {
    /// Cuts an article into words.
    pub fn new(article: &'a Article) -> Self {
        Self::in_buffers(article, Buffers::default())
    }

    /// Cuts an article into words, in the room that another took.
    pub fn in_buffers(article: &'a Article, buffers: Buffers) -> Self {
        let mut first = 0;
        let mut texts = [&article.title, &article.summary, &article.body].into_iter();
        let fields = buffers.0.map(|mut words| {
            words.split_again(texts.next().map_or("", |text| text.as_str()));
            let start = first;
            first += words.len() + FIELD_GAP;
            (start, words)
        });
        Self { article, fields, index: OnceCell::new(), stems: OnceCell::new() }
    }

    /// Gives the room back.
    pub fn into_buffers(self) -> Buffers {
        Buffers(self.fields.map(|(_, words)| words))
    }

    /// The words of title, summary and body, each with the position of its first word.
    pub(in crate::topic) fn fields(&self) -> &[(usize, Words); 3] {
        &self.fields
    }

    /// The article it was made from.
    pub fn article(&self) -> &Article {
        self.article
    }

    /// The field a position lies in.
    pub fn field_at(&self, position: usize) -> Field {
        FIELDS.get(self.place(position).0).copied().unwrap_or(Field::Body)
    }

    /// The word at a position.
    pub fn word(&self, position: usize) -> Option<&Word> {
        let (field, index) = self.place(position);
        self.fields.get(field)?.1.get(index)
    }

    /// The text of a field as it is in the article.
    pub fn field_text(&self, field: Field) -> &'a str {
        match field {
            Field::Title => &self.article.title,
            Field::Summary => &self.article.summary,
            Field::Body => &self.article.body,
        }
    }

    /// The folded word at a position; empty when there is none.
    pub fn folded(&self, position: usize) -> &str {
        let (field, index) = self.place(position);
        self.fields.get(field).map_or("", |(_, words)| words.folded(index))
    }

    /// Positions of the words of a field.
    pub fn positions(&self, field: Field) -> Range<usize> {
        self.fields.get(field as usize).map_or(0..0, |(start, words)| *start..start + words.len())
    }

    /// The folded stem of the word at a position, in the article's language; empty when there is none.
    pub(in crate::topic) fn stem(&self, position: usize) -> &str {
        let stems = self.stems.get_or_init(|| {
            FIELDS.map(|field| {
                let text = self.field_text(field);
                let words = self.fields.get(field as usize).map(|(_, words)| words.iter());
                let stem_of = |word: &Word| {
                    let written = text.get(word.start..word.end).unwrap_or_default();
                    stem(&self.article.language, written).unwrap_or_default()
                };
                words.map(|words| words.map(stem_of).collect()).unwrap_or_default()
            })
        });
        let (field, index) = self.place(position);
        stems.get(field).and_then(|stems| stems.get(index)).map_or("", String::as_str)
    }

    /// Whether the word at a position has the stem a pattern asks for.
    fn stem_fits(&self, pattern: &Pattern, position: usize) -> bool {
        pattern.stem_of.as_ref().is_some_and(|(language, wanted)| {
            *language == self.article.language && !wanted.is_empty() && self.stem(position) == wanted
        })
    }

    fn place(&self, position: usize) -> (usize, usize) {
        let field = self.fields.iter().rposition(|(start, _)| *start <= position).unwrap_or(0);
        (field, position - self.fields.get(field).map_or(0, |(start, _)| *start))
    }

    /// How a word was written, without invisible characters, dots and apostrophes.
    fn written(&self, position: usize) -> String {
        let text = self.field_text(self.field_at(position));
        self.word(position).and_then(|word| text.get(word.start..word.end)).map(cased).unwrap_or_default()
    }

    /// Every word, every stem of an Arabic word and every pair that may be one word.
    fn index(&self) -> &Index {
        self.index.get_or_init(|| self.make_index())
    }

    fn make_index(&self) -> Index {
        let mut forms = Vec::new();
        let mut arena = String::new();
        for field in FIELDS {
            for position in self.positions(field) {
                let folded = self.folded(position);
                forms.push((Err(position), position, 1));
                for stem in arabic_stems(folded) {
                    let start = arena.len();
                    arena.push_str(&stem);
                    forms.push((Ok(start..arena.len()), position, 1));
                }
                if self.joinable(position) {
                    let start = arena.len();
                    arena.push_str(folded);
                    arena.push_str(self.folded(position + 1));
                    forms.push((Ok(start..arena.len()), position, 2));
                }
            }
        }
        let forms =
            forms.into_iter().map(|(range, position, width)| self.form(&arena, range, position, width));
        let mut forms: Vec<Form> = forms.collect();
        forms.sort_unstable_by(|left, right| {
            left.key
                .cmp(&right.key)
                .then_with(|| self.form_text(&arena, left).cmp(self.form_text(&arena, right)))
                .then_with(|| (left.position, left.width).cmp(&(right.position, right.width)))
        });
        Index { arena, forms }
    }

    /// All words that can be looked up, sorted.
    pub(in crate::topic) fn lookup_words(&self) -> impl Iterator<Item = &str> {
        let Index { arena, forms } = self.index();
        forms.iter().map(|form| self.form_text(arena, form))
    }

    fn form(&self, arena: &str, range: Result<Range<usize>, usize>, position: usize, width: usize) -> Form {
        let (source, range) = match range {
            Ok(range) => (Source::Own, range),
            Err(position) => {
                let field = self.place(position).0;
                (Source::Field(field), 0..0)
            }
        };
        let mut form = Form { key: 0, source, start: range.start, end: range.end, position, width };
        form.key = key(self.form_text(arena, &form));
        form
    }

    fn form_text<'t>(&'t self, arena: &'t str, form: &Form) -> &'t str {
        match form.source {
            Source::Own => arena.get(form.start..form.end).unwrap_or_default(),
            Source::Field(field) => {
                self.fields.get(field).map_or("", |(start, words)| words.folded(form.position - start))
            }
        }
    }

    /// Whether this word and the next may be one compound: hyphened, or with a space between two words long
    /// enough that `war now` is not taken for `warnow` (three letters of an alphabet, two of a script that
    /// writes no short vowels).
    pub(in crate::topic) fn joinable(&self, position: usize) -> bool {
        let shortest = |folded: &str| {
            let letters = folded.chars().take(3).count();
            letters >= 3
                || letters == 2 && folded.chars().all(|letter| matches!(letter, '\u{590}'..='\u{8ff}'))
        };
        match self.word(position + 1).map(|word| (word.gap, word.sentence)) {
            Some((_, sentence)) if self.word(position).is_none_or(|word| word.sentence != sentence) => false,
            Some((Gap::Hyphen, _)) => true,
            Some((Gap::Space, _)) => shortest(self.folded(position)) && shortest(self.folded(position + 1)),
            Some((Gap::Break, _)) | None => false,
        }
    }

    /// The places of a pattern, sorted by start.
    fn find(&self, pattern: &Pattern) -> Vec<Span> {
        let Index { arena, forms } = self.index();
        let stem = pattern.stem();
        let low = key(stem);
        let from = forms
            .partition_point(|form| form.key < low || form.key == low && self.form_text(arena, form) < stem);
        let mut spans: Vec<Span> = forms
            .iter()
            .skip(from)
            .take_while(|form| {
                let text = self.form_text(arena, form);
                if pattern.is_literal() { text == stem } else { text.starts_with(stem) }
            })
            .filter(|form| {
                self.form_fits(pattern, (self.form_text(arena, form), ""), form.position, form.width)
            })
            .map(|form| Span { start: form.position, end: form.position + form.width })
            .collect();
        if pattern.stem_of.is_some() {
            let positions = FIELDS.into_iter().flat_map(|field| self.positions(field));
            let by_stem = positions.filter(|position| self.stem_fits(pattern, *position));
            spans.extend(by_stem.map(|position| Span { start: position, end: position + 1 }));
        }
        spans.sort_unstable();
        spans.dedup();
        spans
    }

    /// Whether a form of one or two words fits a pattern, its case and the rule for joined words. The form's text may be
    /// handed over in two pieces.
    fn form_fits(&self, pattern: &Pattern, text: (&str, &str), position: usize, width: usize) -> bool {
        if !pattern.fits_pieces(text) {
            return false;
        }
        if width == 2 && pattern.prefix {
            // `warn*` must not find `war-now`: the stem has to reach well into the second word, and a wildcard
            // never bridges a space.
            let hyphened = self.word(position + 1).is_some_and(|word| word.gap == Gap::Hyphen);
            let reach = pattern.folded.chars().count().saturating_sub(self.folded(position).chars().count());
            if !hyphened || reach < 3 {
                return false;
            }
        }
        pattern.cased.is_none() || {
            // Most that differ in case differ at the first letter.
            let first = |text: &str| text.chars().next().filter(char::is_ascii);
            let starts = self
                .field_text(self.field_at(position))
                .get(self.word(position).map_or(0, |word| word.start)..);
            let (wanted, there) = (pattern.cased.as_deref().and_then(first), starts.and_then(first));
            if wanted.is_some_and(|wanted| wanted != '?' && there.is_some_and(|there| there != wanted)) {
                return false;
            }
            let written: String = (position..position + width).map(|at| self.written(at)).collect();
            pattern.fits_cased(&written)
        }
    }

    /// Whether the word at a position fits a pattern by itself: as it is, without what an Arabic word has attached, or
    /// by its stem.
    fn word_fits(&self, pattern: &Pattern, position: usize) -> bool {
        let folded = self.folded(position);
        let mut fits = self.form_fits(pattern, (folded, ""), position, 1);
        each_arabic_stem(folded, |head, rest| {
            fits = fits || self.form_fits(pattern, (head, rest), position, 1);
        });
        fits || self.stem_fits(pattern, position)
    }

    /// Whether the word at a position and the next fit a pattern as one.
    fn pair_fits(&self, pattern: &Pattern, position: usize) -> bool {
        let pieces = (self.folded(position), self.folded(position + 1));
        // First the test that most fail at the first letter.
        pattern.fits_pieces(pieces) && self.joinable(position) && self.form_fits(pattern, pieces, position, 2)
    }

    /// Hands out where a pattern that starts at a position ends: after one word, after two, both or not at all.
    fn each_end(&self, pattern: &Pattern, position: usize, mut hand_out: impl FnMut(usize)) {
        if self.word_fits(pattern, position) {
            hand_out(position + 1);
        }
        if self.pair_fits(pattern, position) {
            hand_out(position + 2);
        }
    }

    /// The places of a phrase: its words in a row, in one sentence, whatever punctuation is between.
    pub(super) fn find_phrase(&self, phrase: &Phrase) -> Vec<Span> {
        self.find_phrase_from(phrase, |pattern| self.find(pattern))
    }

    /// Hands out the places of a phrase that begin at a position, some perhaps twice.
    pub(in crate::topic) fn each_phrase_at(
        &self,
        phrase: &Phrase,
        position: usize,
        hand_out: &mut impl FnMut(Span),
    ) {
        if phrase.word_count <= FEW_WORDS {
            self.follow(phrase, (0, position), position, hand_out);
            return;
        }
        let begins = |pattern: &Pattern| {
            let mut spans = Vec::new();
            self.each_end(pattern, position, |end| spans.push(Span { start: position, end }));
            spans
        };
        self.find_phrase_from(phrase, begins).into_iter().for_each(hand_out);
    }

    /// Follows a phrase from one of its words, with the text's words before a position read: every way to write it is
    /// tried, so this is for few words.
    fn follow(
        &self,
        phrase: &Phrase,
        (word, position): (usize, usize),
        start: usize,
        hand_out: &mut impl FnMut(Span),
    ) {
        for part in phrase.parts.iter().filter(|part| part.words.start == word) {
            let next = part.words.end;
            self.each_end(&part.pattern, position, |end| {
                if next == phrase.word_count {
                    hand_out(Span { start, end });
                } else if self.goes_on(end) {
                    self.follow(phrase, (next, end), start, &mut *hand_out);
                }
            });
        }
    }

    /// The places of a phrase, given those of what may be its first word.
    fn find_phrase_from(&self, phrase: &Phrase, first: impl Fn(&Pattern) -> Vec<Span>) -> Vec<Span> {
        // reached[k] holds the places of the phrase's first k words.
        let mut reached: Vec<Vec<Span>> = vec![Vec::new(); phrase.word_count + 1];
        for part in &phrase.parts {
            let found: Vec<Span> = if part.words.start == 0 {
                first(&part.pattern)
            } else {
                let before = reached.get(part.words.start).map(Vec::as_slice).unwrap_or_default();
                before.iter().flat_map(|span| self.extend(*span, &part.pattern)).collect()
            };
            if let Some(list) = reached.get_mut(part.words.end) {
                list.extend(found);
                list.sort_unstable();
                list.dedup();
            }
        }
        reached.pop().unwrap_or_default()
    }

    fn extend(&self, span: Span, pattern: &Pattern) -> Vec<Span> {
        let mut spans = Vec::new();
        if self.goes_on(span.end) {
            self.each_end(pattern, span.end, |end| spans.push(Span { start: span.start, end }));
        }
        spans
    }

    /// Whether the word at a position stands in one sentence with the word before it.
    fn goes_on(&self, position: usize) -> bool {
        let sentence = |position: usize| self.word(position).map(|word| word.sentence);
        position > 0 && sentence(position).is_some() && sentence(position) == sentence(position - 1)
    }

    pub(in crate::topic) fn meta_holds(&self, meta: Meta, glob: &Glob) -> bool {
        let article = self.article;
        match meta {
            Meta::Feed => glob.anywhere().fits(&article.feed),
            Meta::Publisher => glob.fits(&article.publisher),
            Meta::Lang => glob.fits(&article.language),
            Meta::Tag => article.tags.iter().any(|tag| glob.fits(tag)),
            Meta::Place => article.places.iter().any(|place| glob.fits(place)),
        }
    }
}

fn key(text: &str) -> u64 {
    let mut bytes = [0; 8];
    for (slot, byte) in bytes.iter_mut().zip(text.bytes()) {
        *slot = byte;
    }
    u64::from_be_bytes(bytes)
}
