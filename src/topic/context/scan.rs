//! Scanning: the triggers, breaks and genres of one article.
//!
//! Owns [`Marks`]. Refuses to say what they mean for a match; that is `read`.

use super::{Effect, Genre, Languages, Purpose, Side, Where};
use crate::topic::Field;
use crate::topic::lexicon::Found;
use crate::topic::matcher::{ArticleText, Span, merge_overlapping, overlaps};

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
    shown: Vec<(Genre, u32, Span)>,
    pseudo: Vec<Span>,
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
        self.shown.clear();
        self.pseudo.clear();
        let mut found = std::mem::take(&mut self.found);
        languages.lexicon().find(text, &mut self.looks, &mut found);
        let language = &text.article().language;
        let holds =
            |code: usize| language == "und" || languages.codes.get(code).is_some_and(|code| code == language);
        let mut needs: &[(Genre, usize)] = &[];
        for Found { phrase, span } in &found {
            let meanings = usize::try_from(*phrase).ok().and_then(|at| languages.meanings.get(at));
            for meaning in meanings.into_iter().flatten().filter(|meaning| holds(meaning.language)) {
                match meaning.purpose {
                    Purpose::Trigger(effect, side) => {
                        self.triggers.push(Trigger { span: *span, effect, side });
                    }
                    Purpose::Pseudo => self.pseudo.push(*span),
                    Purpose::Break => self.breaks.push(*span),
                    Purpose::Genre(genre, place) => {
                        if stands(text, *span, place) {
                            self.shown.push((genre, *phrase, *span));
                            needs = languages.needs.get(meaning.language).map_or(&[], Vec::as_slice);
                        }
                    }
                }
            }
        }
        self.found = found;
        self.settle();
        self.find_genres(needs);
    }

    /// What is no trigger, and what another cancels, goes.
    fn settle(&mut self) {
        self.pseudo.sort_unstable();
        let taken = merge_overlapping(&self.pseudo);
        self.triggers.retain(|trigger| !overlaps(&taken, trigger.span));
        self.breaks.retain(|span| !overlaps(&taken, *span));
        self.breaks.sort_unstable();
        self.breaks = merge_overlapping(&self.breaks);
        self.triggers.sort_unstable_by_key(|trigger| (trigger.span, trigger.effect));
        self.triggers.dedup();
        // Of two where one is part of the other the longer says more: "does not rule out" is no "not".
        let spans: Vec<Span> = self.triggers.iter().map(|trigger| trigger.span).collect();
        let is_part = |span: Span| {
            let nearby = spans.iter().filter(|other| other.start <= span.start && other.end >= span.end);
            nearby.into_iter().any(|other| *other != span)
        };
        self.triggers.retain(|trigger| !is_part(trigger.span));
        let negations: Vec<Span> = self
            .triggers
            .iter()
            .filter(|trigger| trigger.effect == Effect::Negated && trigger.side == Side::Before)
            .map(|trigger| trigger.span)
            .collect();
        let cancels = |negation: &Span, span: Span| {
            negation.end <= span.start && span.start - negation.end < CANCEL_WORDS_MAX
        };
        self.triggers.retain(|trigger| {
            trigger.effect == Effect::Negated && trigger.side == Side::Before
                || !negations.iter().any(|negation| cancels(negation, trigger.span))
        });
    }

    fn find_genres(&mut self, needs: &[(Genre, usize)]) {
        self.shown.sort_unstable();
        for genre in Genre::ALL {
            let of = || self.shown.iter().filter(|(shown, ..)| *shown == genre);
            let needed = needs.iter().find(|(known, _)| *known == genre).map_or(1, |(_, needed)| *needed);
            let mut different = 0;
            let mut last = None;
            for (_, phrase, _) in of() {
                different += usize::from(last != Some(*phrase));
                last = Some(*phrase);
            }
            if let Some((.., span)) = of().next().filter(|_| different >= needed) {
                self.genres.push((genre, *span));
            }
        }
    }
}

fn stands(text: &ArticleText<'_>, span: Span, place: Where) -> bool {
    let field = text.field_at(span.start);
    match place {
        Where::Start => span.start == text.positions(Field::Title).start,
        Where::Title => field == Field::Title,
        Where::Anywhere => field != Field::Body,
    }
}
