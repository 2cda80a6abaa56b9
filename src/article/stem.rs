//! Stems: what the inflected forms of a word share.
//!
//! Owns the choice of a Snowball stemmer (snowballstem.org) per language, and [`stem`]. Refuses languages without one:
//! their words are matched whole or by `prefix*`.

use frostem::{Algorithm, Stemmer};

use super::words::fold;

/// Whether a language has a stemmer. `language` is an ISO 639-1 code.
pub fn has_stemmer(language: &str) -> bool {
    algorithm(language).is_some()
}

/// The folded stem of a word as it is written in a text; `None` for a language without a stemmer.
pub fn stem(language: &str, word: &str) -> Option<String> {
    let stemmer = Stemmer::new(algorithm(language)?);
    let lower = word.to_lowercase();
    Some(fold(&stemmer.stem(&lower)).replace(' ', ""))
}

fn algorithm(language: &str) -> Option<Algorithm> {
    match language {
        "ar" => Some(Algorithm::Arabic),
        "de" => Some(Algorithm::German),
        "en" => Some(Algorithm::English),
        "es" => Some(Algorithm::Spanish),
        "fr" => Some(Algorithm::French),
        "it" => Some(Algorithm::Italian),
        "pt" => Some(Algorithm::Portuguese),
        "ru" => Some(Algorithm::Russian),
        "tr" => Some(Algorithm::Turkish),
        _ => None,
    }
}
