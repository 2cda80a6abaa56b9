//! Correction: when what people were told is taken back, and when they hear of it.
//!
//! Owns [`judge`]. A headline that is merely reworded is no correction, and one publisher's edit is none while others
//! stand by the story. Refuses to look anything up.

use std::collections::BTreeSet;

use crate::article::words::fold;

/// What makes an article that was told doubtful.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Doubt {
    /// It was edited.
    Edited {
        /// Its score now, 0 to 1.
        score: f64,
        /// The topic's threshold.
        threshold: f64,
        /// The share of the shorter headline's words, before and after, that both have.
        kept: f64,
    },
    /// Its publisher, or another in its story, takes it back in so many words.
    Retracted,
}

/// Whether people are told of a correction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// At once, and why.
    Tell(String),
    /// Not, and why; it is kept in the incident's history.
    Note(String),
    /// Nothing was taken back.
    Stands,
}

/// Of an edited article's threshold this share must be gone: less is another wording.
const GONE_SHARE: f64 = 0.5;
/// Of the words of a headline this share must be kept: less is another report under the same address, as on a live page.
const KEPT_SHARE: f64 = 0.3;

/// Judges a doubt. `others` are the other articles of the same story that still trip.
pub fn judge(doubt: Doubt, others: u32) -> Verdict {
    match doubt {
        Doubt::Retracted => Verdict::Tell("what was reported has been corrected or retracted".to_owned()),
        Doubt::Edited { score, threshold, .. } if score > threshold * GONE_SHARE => Verdict::Stands,
        Doubt::Edited { kept, .. } if kept < KEPT_SHARE => Verdict::Note(
            "the page of a reported article moved on to something else; nobody was told".to_owned(),
        ),
        Doubt::Edited { .. } if others > 0 => {
            let reports = if others == 1 { "1 other report says" } else { "other reports say" };
            Verdict::Note(format!(
                "a reported article was edited and no longer says so; {reports} it still, so nobody was told"
            ))
        }
        Doubt::Edited { .. } => Verdict::Tell(
            "the report was edited and no longer says so, and no other report of it stands".to_owned(),
        ),
    }
}

/// The share of the shorter headline's longer words that both have; 1 where there are none to compare.
pub fn kept_share(before: &str, after: &str) -> f64 {
    let words = |text: &str| -> BTreeSet<String> {
        let folded = fold(text);
        folded.split(' ').filter(|word| word.chars().count() > 3).map(str::to_owned).collect()
    };
    let (before, after) = (words(before), words(after));
    let shorter = before.len().min(after.len());
    if shorter == 0 { 1.0 } else { before.intersection(&after).count() as f64 / shorter as f64 }
}
