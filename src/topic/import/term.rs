//! Words of another system as terms of ours.
//!
//! Owns what becomes of wildcards: ours stand at the end of a word (`*`) or for one letter (`?`). Refuses operators.

use crate::topic::query::PREFIX_LETTERS_MIN;

/// Letters of what follows a leading wildcard for it to be a word of its own.
const WHOLE_LETTERS_MIN: usize = 4;

/// A term, and what was changed to make it one. No term when nothing is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Term {
    /// In our language, without quotes.
    pub(super) text: String,
    /// What its reader must know.
    pub(super) changes: Vec<String>,
}

/// Reads words in a row. `any` stands for any letters, `one` for one letter.
pub(super) fn read(text: &str, any: char, one: char) -> Option<Term> {
    let mut words = Vec::new();
    let mut changes = Vec::new();
    // Braces keep the case of what is between them, and may hold several words.
    let is_cased = text.starts_with('{') && text.ends_with('}');
    let inner = if is_cased { text.trim_matches(['{', '}']) } else { text };
    for written in inner.split_whitespace() {
        let word: String = written
            .chars()
            .map(|letter| {
                if letter == any {
                    '*'
                } else if letter == one {
                    '?'
                } else {
                    letter
                }
            })
            .filter(|letter| letter.is_alphanumeric() || !letter.is_ascii() || "*?-'’.&/:".contains(*letter))
            .filter(|letter| !matches!(letter, '“' | '”' | '„' | '«' | '»' | '‘' | '‚'))
            .collect();
        if !word.contains(char::is_alphanumeric) {
            if word.contains('*') {
                changes.push(format!("`{written}` stands for any word: left out"));
            }
            continue;
        }
        words.extend(wildcards(written, &word, &mut changes));
    }
    let text = words.join(" ");
    let text = if is_cased && !text.is_empty() { format!("{{{text}}}") } else { text };
    (!text.is_empty() || !changes.is_empty()).then_some(Term { text, changes })
}

/// A word with its `*` at the end only.
fn wildcards(written: &str, word: &str, changes: &mut Vec<String>) -> Option<String> {
    let Some((stem, rest)) = word.split_once('*') else { return Some(word.to_owned()) };
    if stem.is_empty() {
        let whole = rest.replace('*', "");
        // A short end of a word is no word: `%ing`.
        let is_word = whole.chars().count() >= WHOLE_LETTERS_MIN;
        let kept = if is_word { format!("only `{whole}` is kept") } else { "left out".to_owned() };
        changes.push(format!("`{written}`: words that end so cannot be found: {kept}, list the others"));
        return is_word.then_some(whole);
    }
    if stem.chars().filter(|letter| letter.is_alphanumeric()).count() < PREFIX_LETTERS_MIN {
        changes.push(format!("`{written}`: too few letters before the wildcard; left out, list the words"));
        return None;
    }
    if !rest.is_empty() && rest.chars().any(|letter| letter != '*') {
        changes.push(format!("`{written}`: a wildcard stands at the end only; `{stem}*` finds more"));
    }
    Some(format!("{stem}*"))
}

/// A term as it stands in a query: between quotes unless it is one plain word.
pub(super) fn quoted(term: &str) -> String {
    let is_word =
        term.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '*' | '?' | '-' | '{' | '}'));
    let is_operator =
        matches!(term.to_ascii_uppercase().as_str(), "AND" | "OR" | "NOT" | "NEAR" | "ONEAR" | "ATLEAST");
    if is_word && !is_operator { term.to_owned() } else { format!("\"{term}\"") }
}
