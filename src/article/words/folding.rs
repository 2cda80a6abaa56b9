//! Folding: making one word comparable.
//!
//! NFKC, lower case, accents off, Arabic and Persian letter forms unified, and the forms of an Arabic word
//! without what is written onto it. Refuses to cut text into words.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{decompose_canonical, is_combining_mark};

/// A word with its case and accents kept, and everything invisible, dots and apostrophes gone: what `{Case}` compares.
pub fn cased(word: &str) -> String {
    word.nfkc().filter(|&letter| is_word_letter(letter) && letter != TATWEEL).collect()
}

/// Like [`cased`], keeping the wildcards `*` and `?`.
pub fn cased_pattern(word: &str) -> String {
    word.nfkc().filter(|&letter| is_word_letter(letter) || is_wildcard(letter)).collect()
}

/// The forms of a folded Arabic word without its attached conjunction (و ف), preposition (ب ل ك) and article (ال),
/// each only while at least three letters stay (two after the article). Empty for other words.
pub fn arabic_stems(folded: &str) -> Vec<String> {
    let mut stems = Vec::new();
    each_arabic_stem(folded, |head, rest| stems.push(format!("{head}{rest}")));
    stems.sort_unstable();
    stems.dedup();
    stems.retain(|stem| stem != folded);
    stems
}

/// Hands out what [`arabic_stems`] lists, each in two pieces, some twice, and the word itself, too.
pub fn each_arabic_stem(folded: &str, mut hand_out: impl FnMut(&'static str, &str)) {
    if !folded.chars().next().is_some_and(|first| matches!(first, 'و' | 'ف' | 'ب' | 'ل' | 'ك' | 'ا')) {
        return;
    }
    let without_conjunction = strip_letter(folded, &['و', 'ف']);
    for whole in [Some(folded), without_conjunction].into_iter().flatten() {
        let without_preposition = strip_letter(whole, &['ب', 'ل', 'ك']);
        for bare in [Some(whole), without_preposition].into_iter().flatten() {
            hand_out("", bare);
            if let Some(stem) = bare.strip_prefix("ال").filter(|stem| stem.chars().count() >= 2) {
                hand_out("", stem);
            }
        }
        // Written together, ل and ال lose the alef: لل.
        if let Some(stem) = whole.strip_prefix("لل").filter(|stem| stem.chars().count() >= 2) {
            hand_out("ال", stem);
            hand_out("", stem);
        }
    }
}

fn strip_letter<'a>(word: &'a str, letters: &[char]) -> Option<&'a str> {
    word.strip_prefix(letters).filter(|rest| rest.chars().count() >= 3)
}

const TATWEEL: char = '\u{640}';

pub(super) fn is_wildcard(letter: char) -> bool {
    matches!(letter, '*' | '?')
}

pub(super) fn is_word_letter(letter: char) -> bool {
    letter.is_alphanumeric() || is_combining_mark(letter)
}

/// Appends the folded form of a word. Dots, apostrophes and invisible characters inside it are left out.
pub(super) fn fold_word(word: &str, wildcards: bool, out: &mut String) {
    if word.is_ascii() {
        let kept =
            word.chars().filter(|letter| letter.is_ascii_alphanumeric() || wildcards && is_wildcard(*letter));
        out.extend(kept.map(|letter| letter.to_ascii_lowercase()));
        return;
    }
    for letter in word.nfkc().flat_map(char::to_lowercase) {
        if wildcards && is_wildcard(letter) {
            out.push(letter);
        } else {
            fold_letter(letter, out);
        }
    }
}

/// Appends the folded form of one lower-case, composed letter.
fn fold_letter(letter: char, out: &mut String) {
    match letter {
        // Ё is printed as Е in most Russian text; й, ї and ў are letters of their own and stay.
        'ё' => out.push('е'),
        'أ' | 'إ' | 'آ' | 'ٱ' | 'ٲ' | 'ٳ' => out.push('ا'),
        'ى' | 'ی' | 'ې' | 'ے' => out.push('ي'),
        'ک' | 'ڪ' => out.push('ك'),
        'ة' | 'ہ' | 'ە' | 'ھ' | 'ۀ' | 'ۂ' | 'ۃ' => out.push('ه'),
        '٠'..='٩' => push_digit(letter, '٠', out),
        '۰'..='۹' => push_digit(letter, '۰', out),
        _ if is_dropped_mark(letter) => {}
        'ß' => out.push_str("ss"),
        'æ' => out.push_str("ae"),
        'œ' => out.push_str("oe"),
        'ø' => out.push('o'),
        'ł' => out.push('l'),
        'đ' | 'ð' => out.push('d'),
        'þ' => out.push_str("th"),
        'ı' => out.push('i'),
        'ς' => out.push('σ'),
        '\u{c0}'..='\u{3ff}' | '\u{1e00}'..='\u{1fff}' => decompose_canonical(letter, |part| {
            if !matches!(part, '\u{300}'..='\u{36f}') {
                out.push(part);
            }
        }),
        _ if is_word_letter(letter) => out.push(letter),
        _ => {}
    }
}

/// Marks that are often left out in print: Latin and Greek accents, Hebrew points, Arabic vowel signs, tatweel.
fn is_dropped_mark(letter: char) -> bool {
    matches!(letter, TATWEEL | '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5bd}' | '\u{5bf}'..='\u{5c7}'
        | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6dc}' | '\u{6df}'..='\u{6e4}'
        | '\u{6e7}' | '\u{6e8}' | '\u{6ea}'..='\u{6ed}')
}

fn push_digit(letter: char, zero: char, out: &mut String) {
    if let Some(digit) = char::from_digit(u32::from(letter) - u32::from(zero), 10) {
        out.push(digit);
    }
}
