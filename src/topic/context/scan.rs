//! Scanning: the triggers, breaks and genres of one article.
//!
//! Owns [`Marks`]. Refuses to say what they mean for a match; that is `read`.

use super::read::{STOPS, TRIGGER_WORDS_MAX};
use super::{Effect, Genre, Languages, Purpose, Side, Where};
use crate::topic::Field;
use crate::topic::lexicon::Found;
use crate::topic::matcher::{ArticleText, Span, merge_overlapping_into, overlaps};

/// Words between a negation and a trigger that it cancels: "not averted", "has not yet been lifted".
const CANCEL_WORDS_MAX: usize = 3;

/// A trigger in an article.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::topic) struct Trigger {
    pub(super) span: Span,
    pub(super) effect: Effect,
    pub(super) side: Side,
}

/// What an article's own words say about how it is to be read. Reused from article to article.
#[derive(Debug, Default)]
pub(in crate::topic) struct Marks {
    pub(super) triggers: Vec<Trigger>,
    /// Sorted, apart from each other.
    pub(super) breaks: Vec<Span>,
    /// Genres, each with a place that shows it.
    pub(in crate::topic) genres: Vec<(Genre, Span)>,
    /// Whether the headline takes back an earlier report.
    pub(super) retracts: bool,
    /// Genre, language, phrase, place.
    shown: Vec<(Genre, usize, u32, Span)>,
    pseudo: Vec<Span>,
    /// Room.
    spans: Vec<Span>,
    found: Vec<Found>,
    looks: Vec<Found>,
}

impl Marks {
    /// Whether any trigger was found.
    pub(in crate::topic) fn has_triggers(&self) -> bool {
        !self.triggers.is_empty()
    }

    /// Reads an article. Files of its own language hold; when that is not known or has no file, all do for an
    /// unknown one and none for a known one.
    pub(in crate::topic) fn scan(&mut self, languages: &Languages, text: &ArticleText<'_>) {
        self.triggers.clear();
        self.breaks.clear();
        self.genres.clear();
        self.retracts = false;
        self.shown.clear();
        self.pseudo.clear();
        let mut found = std::mem::take(&mut self.found);
        languages.lexicon().find(text, &mut self.looks, &mut found);
        let language = &text.article().language;
        let holds =
            |code: usize| language == "und" || languages.codes.get(code).is_some_and(|code| code == language);
        for Found { phrase, span } in &found {
            let meanings = usize::try_from(*phrase).ok().and_then(|at| languages.meanings.get(at));
            for meaning in meanings.into_iter().flatten().filter(|meaning| holds(meaning.language)) {
                match meaning.purpose {
                    Purpose::Trigger(effect, side) => {
                        self.triggers.push(Trigger { span: *span, effect, side });
                    }
                    Purpose::Pseudo => self.pseudo.push(*span),
                    Purpose::Break => self.breaks.push(*span),
                    Purpose::Retraction => self.retracts |= retracts(text, *span),
                    Purpose::Genre(genre, place) => {
                        if stands(text, *span, place) {
                            self.shown.push((genre, meaning.language, *phrase, *span));
                        }
                    }
                }
            }
        }
        self.found = found;
        self.settle(text);
        self.find_genres(languages);
    }

    /// What is no trigger, and what another cancels, goes.
    fn settle(&mut self, text: &ArticleText<'_>) {
        self.pseudo.sort_unstable();
        let mut spans = std::mem::take(&mut self.spans);
        spans.clear();
        merge_overlapping_into(&self.pseudo, &mut spans);
        self.triggers.retain(|trigger| !overlaps(&spans, trigger.span));
        self.breaks.retain(|span| !overlaps(&spans, *span));
        self.breaks.sort_unstable();
        spans.clear();
        merge_overlapping_into(&self.breaks, &mut spans);
        std::mem::swap(&mut self.breaks, &mut spans);
        self.drop_parts();
        self.triggers.sort_unstable_by_key(|trigger| (trigger.span, trigger.effect));
        let mut triggers = std::mem::take(&mut self.triggers);
        spans.clear();
        spans.extend(triggers.iter().filter(|trigger| trigger.negates()).map(|trigger| trigger.span));
        triggers.retain(|trigger| {
            // "Not averted", "has not been lifted": of what ends or takes back, a negation makes nothing. A fear or a
            // claim it leaves: "no injuries, army accused" is still a claim.
            let is_cancellable =
                matches!(trigger.effect, Effect::Ended | Effect::Negated) && !trigger.negates();
            !is_cancellable || !self.is_negated(text, trigger.span, &spans)
        });
        self.triggers = triggers;
        self.spans = spans;
    }

    /// Of two where one is part of the other the longer says more: "does not rule out" is no "not".
    fn drop_parts(&mut self) {
        self.triggers.sort_unstable_by_key(|trigger| {
            (trigger.span.start, std::cmp::Reverse(trigger.span.end), trigger.effect)
        });
        self.triggers.dedup();
        let mut widest: Option<Span> = None;
        self.triggers.retain(|trigger| {
            let is_part =
                widest.is_some_and(|widest| widest.end >= trigger.span.end && widest != trigger.span);
            if !is_part {
                widest = Some(trigger.span);
            }
            !is_part
        });
    }

    /// Whether one of the negations stands right before a trigger, in its clause.
    fn is_negated(&self, text: &ArticleText<'_>, span: Span, negations: &[Span]) -> bool {
        let first = span.start.saturating_sub(CANCEL_WORDS_MAX + TRIGGER_WORDS_MAX);
        let from = negations.partition_point(|negation| negation.start < first);
        let near = negations.iter().skip(from).take_while(|negation| negation.start < span.start);
        near.into_iter().any(|negation| {
            negation.end <= span.start
                && self.reaches(text, negation.end..span.start, CANCEL_WORDS_MAX, STOPS)
        })
    }

    fn find_genres(&mut self, languages: &Languages) {
        self.shown.sort_unstable();
        for genre in Genre::ALL {
            for (code, needs) in languages.needs.iter().enumerate() {
                let of = || self.shown.iter().filter(|shown| shown.0 == genre && shown.1 == code);
                let needed = needs.iter().find(|(known, _)| *known == genre).map_or(1, |(_, needed)| *needed);
                let mut different = 0;
                let mut last = None;
                for (.., phrase, _) in of() {
                    different += usize::from(last != Some(*phrase));
                    last = Some(*phrase);
                }
                if let Some((.., span)) = of().next().filter(|_| different >= needed) {
                    self.genres.push((genre, *span));
                    break;
                }
            }
        }
    }
}

impl Trigger {
    /// Whether it says that what follows did not happen.
    fn negates(&self) -> bool {
        self.effect == Effect::Negated && self.side == Side::Before
    }
}

/// Whether words take a report back where they stand: at the start of a headline, before a colon, or more than one of them.
/// "Market correction looms" takes nothing back.
fn retracts(text: &ArticleText<'_>, span: Span) -> bool {
    if text.field_at(span.start) != Field::Title {
        return false;
    }
    let after = text.word(span.end.saturating_sub(1)).map_or(0, |word| word.end);
    let has_colon =
        || text.field_text(Field::Title).get(after..).is_some_and(|rest| rest.trim_start().starts_with(':'));
    span.start == text.positions(Field::Title).start || span.end - span.start > 1 || has_colon()
}

fn stands(text: &ArticleText<'_>, span: Span, place: Where) -> bool {
    let field = text.field_at(span.start);
    match place {
        Where::Start => span.start == text.positions(Field::Title).start,
        Where::Title => field == Field::Title,
        Where::Anywhere => field != Field::Body,
    }
}
