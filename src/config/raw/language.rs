//! `languages/*.toml`: the file format of a language, and its page of the manual.

use std::ops::Range;

use toml::de::DeValue;

use super::super::read::{Item, KeyDoc, Kind, Section, Value, mismatch, read_key, refuse_unknown_keys};
use super::super::source::Sheet;
use super::super::value::{Line, Whole};

section! {
    /// A language: the words by which its headlines say that something did not, may or will happen. Its file is named after
    /// its code: `languages/en.toml`. The shipped languages are part of the program; a file of the same name takes the place of
    /// one, and a further file adds a language. Terms are words, words in a row, `prefix*` or `{Case}`.
    Language {
        /// ISO 639-1 code, the same as the file's name without `.toml`.
        language: Line,
        /// It did not happen, or is denied.
        negated: Sides = Sides::nothing(),
        /// One side says so.
        claimed: Sides = Sides::nothing(),
        /// It may be so.
        hedged: Sides = Sides::nothing(),
        /// If it were so.
        hypothetical: Sides = Sides::nothing(),
        /// It is to come, or asked for.
        future: Sides = Sides::nothing(),
        /// Long ago.
        historical: Sides = Sides::nothing(),
        /// It is over.
        ended: Sides = Sides::nothing(),
        /// Words that hold one of those above and mean nothing of the kind; matched first.
        pseudo: Words = Words::nothing(),
        /// Words at which a clause ends, as it does at commas, colons and dashes.
        terminator: Words = Words::nothing(),
        /// Words in a headline that take back an earlier report: "correction", "we retract".
        retraction: Words = Words::nothing(),
        /// What kind of text it is.
        genre: Vec<Item<GenreWords>> = Vec::new(),
    }
}

section! {
    /// Words that change how what stands near them is meant, as far as their clause goes.
    Sides {
        /// Words that stand before it.
        before: Vec<Item<String>> = Vec::new(),
        /// Words that stand after it.
        after: Vec<Item<String>> = Vec::new(),
    }
}

section! {
    /// A list.
    Words {
        /// The words.
        terms: Vec<Item<String>> = Vec::new(),
    }
}

section! {
    /// Words that show a genre.
    GenreWords {
        /// `opinion`, `analysis`, `anniversary`, `liveblog`, `sport`, `figurative` or `arts`.
        name: Line,
        /// Words a headline begins with.
        start: Vec<Item<String>> = Vec::new(),
        /// Words anywhere in a headline.
        title: Vec<Item<String>> = Vec::new(),
        /// Words anywhere in headline or summary.
        anywhere: Vec<Item<String>> = Vec::new(),
        /// How many different ones must be found.
        needs: Whole<1, 10> = Whole(1),
    }
}
