//! Correction: when what people were told is taken back, and when they hear of it.
//!
//! Owns [`judge`]. A headline that is merely reworded is no correction, and one publisher's edit is none while others
//! stand by the story. Refuses to look anything up.

/// What makes an article that was told doubtful.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Doubt {
    /// It was edited.
    Edited {
        /// Its score now, 0 to 1.
        score: f64,
        /// The topic's threshold.
        threshold: f64,
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

/// Judges a doubt. `others` are the independent publishers of the same story whose articles still trip.
pub fn judge(doubt: Doubt, others: u32) -> Verdict {
    match doubt {
        Doubt::Retracted => Verdict::Tell("what was reported has been corrected or retracted".to_owned()),
        Doubt::Edited { score, threshold } if score > threshold * GONE_SHARE => Verdict::Stands,
        Doubt::Edited { .. } if others > 0 => {
            let publishers = if others == 1 { "1 other publisher" } else { "other publishers" };
            Verdict::Note(format!(
                "a reported article was edited and no longer says so; {publishers} still do, so nobody was told"
            ))
        }
        Doubt::Edited { .. } => Verdict::Tell(
            "a reported article was edited, no longer says so, and no other publisher does".to_owned(),
        ),
    }
}
