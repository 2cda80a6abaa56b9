//! Reading: how the text means one match.
//!
//! Owns [`Reading`]. A trigger before a match reaches forward to it, one after it back to it, both no further than their
//! clause; a trigger that is one of the match's own words is none.

use std::ops::Range;

use super::scan::{Marks, Trigger};
use super::{Effect, Factors, Side};
use crate::article::words::Gap;
use crate::topic::Status;
use crate::topic::matcher::{ArticleText, Span};

/// Words a trigger reaches forward.
const FORWARD_WORDS_MAX: usize = 9;
/// Words a trigger reaches back.
const BACK_WORDS_MAX: usize = 6;

/// Words a trigger may have; of a longer one the last count.
pub(super) const TRIGGER_WORDS_MAX: usize = 10;

/// Punctuation that ends a clause.
pub(super) const STOPS: &[char] = &[',', ';', ':', '–', '—', '|', '،', '؛', ')'];
/// Punctuation that ends more than a clause.
const HARD_STOPS: &[char] = &[';', '–', '—', '|', '؛', ')'];

/// How a match is meant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// How.
    pub status: Status,
    /// What its points are multiplied by.
    pub factor: f64,
    /// Whether one side says so, which `status` calls hedged.
    pub is_claim: bool,
}

impl Reading {
    /// It happened.
    pub const AFFIRMED: Self = Self { status: Status::Affirmed, factor: 1.0, is_claim: false };
}

impl Marks {
    /// How a match is meant. `words` are the places of the match's own words, sorted by start.
    pub(in crate::topic) fn read(
        &self,
        text: &ArticleText<'_>,
        hit: Span,
        words: &[Span],
        factors: &Factors,
    ) -> Reading {
        // The words around the match; a long text has many more.
        let from = words.partition_point(|word| word.start < hit.start.saturating_sub(TRIGGER_WORDS_MAX));
        let until = words.partition_point(|word| word.start < hit.end);
        let words = words.get(from..until).unwrap_or_default();
        let own = |span: &&Span| span.start >= hit.start && span.end <= hit.end;
        let mut reading = Reading::AFFIRMED;
        for trigger in self.near(hit) {
            // Own words may reach out of the match: "se rompe" where "rompe" was nearest.
            if words.iter().any(|word| shares(*word, hit) && shares(*word, trigger.span)) {
                continue;
            }
            // What is said of a time or a case holds beyond the comma: "Years ago, …", "If …, …".
            let is_frame = matches!(trigger.effect, Effect::Historical | Effect::Hypothetical);
            let stops = if is_frame { HARD_STOPS } else { STOPS };
            let reached = match trigger.side {
                Side::Before => {
                    let next = words.iter().filter(own).find(|word| word.start >= trigger.span.end);
                    next.is_some_and(|word| {
                        self.reaches(text, trigger.span.end..word.start, FORWARD_WORDS_MAX, stops)
                    })
                }
                Side::After => {
                    let before = words.iter().filter(own).filter(|word| word.end <= trigger.span.start);
                    before
                        .map(|word| word.end)
                        .max()
                        .is_some_and(|end| self.reaches(text, end..trigger.span.start, BACK_WORDS_MAX, stops))
                }
            };
            let factor = factors.effect(trigger.effect);
            if reached && factor < reading.factor {
                let is_claim = trigger.effect == Effect::Claimed;
                reading = Reading { status: trigger.effect.status(), factor, is_claim };
            }
        }
        reading
    }

    /// The triggers that may reach a match.
    fn near(&self, hit: Span) -> impl Iterator<Item = &Trigger> {
        let first = hit.start.saturating_sub(FORWARD_WORDS_MAX + TRIGGER_WORDS_MAX);
        let from = self.triggers.partition_point(|trigger| trigger.span.start < first);
        self.triggers
            .get(from..)
            .unwrap_or_default()
            .iter()
            .take_while(move |trigger| trigger.span.start < hit.end + BACK_WORDS_MAX)
    }

    /// Whether nothing ends the clause between two words.
    pub(super) fn reaches(
        &self,
        text: &ArticleText<'_>,
        between: Range<usize>,
        words_max: usize,
        stops: &[char],
    ) -> bool {
        let Range { start: from, end: to } = between;
        if to - from >= words_max {
            return false;
        }
        let sentence = |position: usize| text.word(position).map(|word| word.sentence);
        if from == 0 || sentence(from - 1) != sentence(to) || text.field_at(from - 1) != text.field_at(to) {
            return false;
        }
        let first = self.breaks.partition_point(|span| span.start < from);
        let is_broken = self.breaks.get(first).is_some_and(|span| span.start < to);
        !is_broken && !(from..=to).any(|position| ends_clause(text, position, stops))
    }
}

/// Whether punctuation before a word ends a clause; quotation marks and brackets that open do not.
fn ends_clause(text: &ArticleText<'_>, position: usize, stops: &[char]) -> bool {
    let (Some(before), Some(word)) =
        (position.checked_sub(1).and_then(|before| text.word(before)), text.word(position))
    else {
        return false;
    };
    if word.gap != Gap::Break {
        return false;
    }
    let between = text.field_text(text.field_at(position)).get(before.end..word.start).unwrap_or_default();
    between.contains(stops) || between.contains(" - ")
}

fn shares(one: Span, other: Span) -> bool {
    one.start < other.end && other.start < one.end
}

impl Effect {
    /// The effect of a name in a file.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|effect| effect.name() == name)
    }
}
