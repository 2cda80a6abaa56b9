//! Weighing: what matches are worth, and how points become a probability.
//!
//! Owns the formula `points = Σ weight · min(cap, 2 − 2^(1−count)) · factor(field) · factor(status)` and the quote that
//! is shown as evidence. Refuses to know queries.

use std::ops::Range;

use super::context::{Factors, Marks, Reading};
use super::matcher::{ArticleText, Hits, Span, count_apart};
use super::{Calibration, Evidence, Field, SignalSource, Status};

/// Longest quote, in characters, without its ellipses.
pub const QUOTE_CHARS_MAX: usize = 160;
/// Text shown before the first matched word of a quote, in characters, when the text is longer than a quote.
const QUOTE_LEAD_CHARS: usize = 40;

/// How the evidence of a genre's discount begins.
pub(super) const GENRE_PREFIX: &str = "reads as ";

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

/// The evidence of a signal that holds, `None` of one that does not, and of one that the text takes back altogether.
///
/// `context` is what the article says about how it is to be read, what the topic makes of it, and the places of the
/// signal's own words; without it every match is affirmed. Of several matches the one that is worth most counts.
pub(super) fn weigh(
    signal: &SignalSource,
    hits: &Hits,
    text: &ArticleText<'_>,
    context: Option<(&Marks, Factors, &[Span])>,
) -> Option<Evidence> {
    if !hits.holds {
        return None;
    }
    // A signal about the article itself (`feed:`) has no place; it counts like the headline and quotes it.
    let mut field = hits.field.unwrap_or(Field::Title);
    let mut reading = Reading::AFFIRMED;
    let mut worth = factor(field);
    let mut at = hits.spans.iter().copied().find(|span| text.field_at(span.start) == field);
    let mut count = hits.count;
    if let Some((marks, factors, words)) = context.filter(|(marks, ..)| marks.has_triggers()) {
        let read = |span: Span| {
            let reading = marks.read(text, span, words, &factors);
            let field = text.field_at(span.start).max(field);
            Read { worth: factor(field) * reading.factor, reading, field, span }
        };
        if let Some(best) = best_way(hits, &read) {
            // What the text takes back is no repeat.
            let meant = |span: &Span| read(*span).reading.factor >= best.reading.factor / 2.0;
            let repeated: Vec<Span> = hits.spans.iter().copied().filter(meant).collect();
            count = count.min(count_apart(&repeated));
            (worth, reading, field) = (best.worth, best.reading, best.field);
            at = Some(best.span);
        }
    }
    let points = signal.weight * repeats(count.max(1), signal.cap) * worth;
    let Quote { text: quote, at } = quote(at, field, text);
    let Reading { status, is_claim, .. } = reading;
    Some(Evidence { signal: signal.name.clone(), field, quote, status, points, at, is_claim })
}

/// A match as it is read.
struct Read {
    worth: f64,
    reading: Reading,
    field: Field,
    span: Span,
}

/// The match that says how a signal is meant: of each way in which it holds the weakest part, and of these the best.
fn best_way(hits: &Hits, read: &impl Fn(Span) -> Read) -> Option<Read> {
    let best = |spans: &[Span]| {
        innermost(spans).map(read).reduce(|one, other| if other.worth > one.worth { other } else { one })
    };
    let weakest = |parts: &Vec<Vec<Span>>| {
        let parts = parts.iter().filter_map(|spans| best(spans));
        parts.reduce(|one, other| if other.worth < one.worth { other } else { one })
    };
    let ways = hits.ways.iter().filter_map(weakest);
    ways.reduce(|one, other| if other.worth > one.worth { other } else { one }).or_else(|| best(&hits.spans))
}

/// The places that hold no other of them, from the last to the first: "denies blocking aid" is read at "blocking aid",
/// although "denies … aid" is a match, too.
fn innermost(sorted: &[Span]) -> impl Iterator<Item = Span> {
    let mut backward = sorted.iter().rev().copied().peekable();
    let mut first_end = usize::MAX;
    std::iter::from_fn(move || {
        loop {
            let span = backward.next()?;
            let begins_a_shorter_one = backward.peek().is_some_and(|next| next.start == span.start);
            if !begins_a_shorter_one && span.end < first_end {
                first_end = span.end;
                return Some(span);
            }
        }
    })
}

/// What an article's genre takes off what speaks for the topic, as evidence of its own; the strongest one counts.
pub(super) fn discount(
    evidence: &[Evidence],
    marks: &Marks,
    factors: &Factors,
    text: &ArticleText<'_>,
) -> Option<Evidence> {
    let (genre, span) =
        marks.genres.iter().min_by(|one, other| factors.genre(one.0).total_cmp(&factors.genre(other.0)))?;
    let positive: f64 = evidence.iter().map(|evidence| evidence.points.max(0.0)).sum();
    let points = positive * (factors.genre(*genre) - 1.0);
    let field = text.field_at(span.start);
    let Quote { text: quote, at } = quote(Some(*span), field, text);
    (points < 0.0).then(|| Evidence {
        signal: format!("{GENRE_PREFIX}{}", genre.words()),
        field,
        quote,
        status: Status::Affirmed,
        points,
        at,
        is_claim: false,
    })
}

/// A piece of a text, as evidence shows it.
pub(super) struct Quote {
    /// One line.
    pub(super) text: String,
    /// Where in it the words stand that it is shown for, in bytes.
    pub(super) at: Option<(u32, u32)>,
}

/// The words that made a signal fire, in their surroundings.
pub(super) fn quote(at: Option<Span>, field: Field, text: &ArticleText<'_>) -> Quote {
    let source = text.field_text(field);
    let Some(span) = at else { return cut(source, 0..0) };
    let start = text.word(span.start).map_or(0, |word| word.start);
    let last = span.end.checked_sub(1).filter(|last| text.field_at(*last) == field);
    let end = last.and_then(|last| text.word(last)).map_or(start, |word| word.end);
    cut(source, start..end.max(start))
}

/// A window of a text around the words at `place` (bytes), at word boundaries, with an ellipsis where text was left out.
fn cut(source: &str, place: Range<usize>) -> Quote {
    let source = source.trim_end();
    if source.chars().nth(QUOTE_CHARS_MAX).is_none() {
        return squeeze(source, place, ("", ""));
    }
    let at = place.start;
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
    let ellipses = (if start > 0 { "…" } else { "" }, if whole { "" } else { "…" });
    squeeze(kept, place.start.saturating_sub(start)..place.end.saturating_sub(start), ellipses)
}

/// One line with single spaces between its ellipses; `place` (bytes) is found again in it.
fn squeeze(text: &str, place: Range<usize>, (left, right): (&str, &str)) -> Quote {
    let mut line = String::with_capacity(text.len() + left.len() + right.len());
    line.push_str(left);
    let mut marked: Option<Range<usize>> = None;
    let mut is_first = true;
    for word in text.split_whitespace() {
        if !std::mem::take(&mut is_first) {
            line.push(' ');
        }
        // A word is a slice of the text: the distance of their addresses is its place.
        let from = word.as_ptr().addr() - text.as_ptr().addr();
        let (begin, end) = (place.start.max(from), place.end.min(from + word.len()));
        if begin < end {
            let start = marked.as_ref().map_or(line.len() + begin - from, |marked| marked.start);
            marked = Some(start..line.len() + end - from);
        }
        line.push_str(word);
    }
    line.push_str(right);
    let number = |offset: usize| u32::try_from(offset).ok();
    let at = marked.and_then(|marked| number(marked.start).zip(number(marked.end)));
    Quote { text: line, at }
}
