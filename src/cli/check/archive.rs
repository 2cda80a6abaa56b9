//! What the archive says about the topics' terms: which are never there, and which are everywhere.
//!
//! Owns the summary a topic. Asks the full-text index of the newest articles only, so that it takes a moment, not an hour.

use std::collections::HashSet;

use super::super::{Failure, complain, counted};
use crate::config::Config;
use crate::store::Reader;
use crate::topic::lint::archive::questions;

/// Fewer articles say little about words.
const ARTICLES_MIN: u64 = 1_000;
/// Articles that are asked, the newest.
const ARTICLES_MAX: u64 = 50_000;
/// A list in a language with fewer articles is left out: that its words are not there says nothing.
const ARTICLES_OF_LANGUAGE_MIN: u64 = 200;
/// Terms named.
const NAMED_MAX: usize = 5;

/// Says what there is to say, when there is an archive to ask.
pub(super) fn note(config: &Config) -> Result<(), Failure> {
    let path = config.data_dir.join(crate::store::FILE_NAME);
    if !path.is_file() {
        return Ok(());
    }
    // A database of another version or in the making is no fault of a topic.
    let Ok(reader) = Reader::open(&path) else { return Ok(()) };
    let window = reader.newest(ARTICLES_MAX)?;
    if window.articles < ARTICLES_MIN {
        return Ok(());
    }
    let spoken: HashSet<&str> = window
        .languages
        .iter()
        .filter(|(_, count)| *count >= ARTICLES_OF_LANGUAGE_MIN)
        .map(|(language, _)| language.as_str())
        .collect();
    let much = window.articles / 20;
    for topic in &config.topics {
        let (mut asked, mut absent, mut everywhere) = (0_usize, Vec::new(), Vec::new());
        for question in questions(topic) {
            if question.language.as_deref().is_some_and(|language| !spoken.contains(language)) {
                continue;
            }
            asked += 1;
            let most = if question.is_bare { much + 1 } else { 1 };
            match reader.count_words(&question.expression, window.above, most)? {
                0 => absent.push(question.term),
                count if question.is_bare && count > much => everywhere.push(question.term),
                _ => {}
            }
        }
        let place =
            config.topic_origins.get(&topic.source.id).map(|origin| origin.file.display().to_string());
        let place = place.unwrap_or_else(|| topic.source.id.to_string());
        let articles = counted(window.articles, "article", "articles");
        if !absent.is_empty() {
            complain(&format!(
                "note: {place}: {} of {asked} terms match nothing in your newest {articles}: {}",
                absent.len(),
                named(&absent)
            ));
        }
        if !everywhere.is_empty() {
            complain(&format!(
                "warning: {place}: {} of {asked} terms stand in more than 5% of your newest {articles} and count by \
                 themselves: {}\nhint: tie them to their subject with NEAR",
                everywhere.len(),
                named(&everywhere)
            ));
        }
    }
    Ok(())
}

fn named(terms: &[String]) -> String {
    let mut named: Vec<&str> = terms.iter().take(NAMED_MAX).map(String::as_str).collect();
    if terms.len() > named.len() {
        named.push("…");
    }
    named.join(", ")
}
