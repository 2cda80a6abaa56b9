//! Weighing: what matches are worth, and how points become a probability.
//!
//! Owns the formula `points = Σ weight · min(cap, 2 − 2^(1−count)) · factor(field)` and the quote that is
//! shown as evidence. Refuses to know queries.

use super::matcher::{ArticleText, Hits, Span};
use super::{Calibration, Evidence, Field, SignalSource, Status};

/// Longest quote, in characters, without its ellipses.
pub const QUOTE_CHARS_MAX: usize = 160;
/// Text shown before the first matched word of a quote, in characters, when the text is longer than a quote.
const QUOTE_LEAD_CHARS: usize = 40;

/// What a match is worth by the field it stands in: headlines say what an article is about, a body says much else.
pub fn factor(field: Field) -> f64 {
    match field {
        Field::Title => 1.0,
        Field::Summary => 2.0 / 3.0,
        Field::Body => 1.0 / 3.0,
    }
}

/// What repeats add up to: one match counts 1, each further one half of the one before, and never more than `cap`.
pub fn repeats(count: usize, cap: f64) -> f64 {
    if count == 0 {
        return 0.0;
    }
    let halvings = i32::try_from(count - 1).unwrap_or(i32::MAX);
    cap.min(2.0 - 0.5_f64.powi(halvings))
}

/// The probability that an article with so many points is about the topic.
pub fn probability(points: f64, calibration: Calibration) -> f64 {
    1.0 / (1.0 + (-calibration.slope * (points - calibration.midpoint)).exp())
}

/// The evidence of a signal that holds, `None` of one that does not.
///
/// This version does not read how the text means a match, so every status is [`Status::Affirmed`].
pub fn weigh(signal: &SignalSource, hits: &Hits, text: &ArticleText<'_>) -> Option<Evidence> {
    if !hits.holds {
        return None;
    }
    // A signal about the article itself (`feed:`) has no place; it counts like the headline and quotes it.
    let field = hits.field.unwrap_or(Field::Title);
    let points = signal.weight * repeats(hits.count.max(1), signal.cap) * factor(field);
    let quote = quote(hits, field, text);
    Some(Evidence { signal: signal.name.clone(), field, quote, status: Status::Affirmed, points })
}

/// The words that made a signal fire, in their surroundings.
fn quote(hits: &Hits, field: Field, text: &ArticleText<'_>) -> String {
    let source = text.field_text(field);
    let in_field: Vec<Span> =
        hits.spans.iter().copied().filter(|span| text.field_at(span.start) == field).collect();
    let Some(first) = in_field.first() else { return cut(source, 0) };
    cut(source, text.word(first.start).map_or(0, |word| word.start))
}

/// A window of a text around a byte offset, at word boundaries, with an ellipsis where text was left out.
fn cut(source: &str, at: usize) -> String {
    let source = source.trim_end();
    if source.chars().nth(QUOTE_CHARS_MAX).is_none() {
        return squeeze(source);
    }
    let before = source.get(..at).unwrap_or_default();
    let lead = before.char_indices().rev().nth(QUOTE_LEAD_CHARS - 1).map_or(0, |(offset, _)| offset);
    let mut start = lead;
    if lead > 0 {
        // Do not begin inside a word; with no space in sight begin at the match.
        let gap = source.get(lead..at).and_then(|part| part.find(char::is_whitespace));
        start = gap.map_or(at, |gap| lead + gap);
    }
    let rest = source.get(start..).unwrap_or_default();
    let end = rest.char_indices().nth(QUOTE_CHARS_MAX).map_or(rest.len(), |(offset, _)| offset);
    let window = rest.get(..end).unwrap_or_default();
    let whole = end == rest.len();
    let kept = if whole {
        window
    } else {
        window.rfind(char::is_whitespace).and_then(|gap| window.get(..gap)).unwrap_or(window)
    };
    let (left, right) = (if start > 0 { "…" } else { "" }, if whole { "" } else { "…" });
    format!("{left}{}{right}", squeeze(kept))
}

/// One line with single spaces.
fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
