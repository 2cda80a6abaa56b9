//! Evaluation: where in an article a query holds.
//!
//! Owns [`Evaluation`] and [`Hits`]. Works bottom up on sorted lists of places and merges them, so nothing is
//! tried twice: cost is linear in the text (but for one sort of its words) times the size of the query.
//! This is the readable, per-query evaluator. Refuses to weigh.

mod text;

pub use text::{ArticleText, Buffers, Span};

use super::Field;
use super::query::{Node, Within};
use super::sets::Sets;

/// Where and how often a query holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hits {
    /// Whether it holds.
    pub holds: bool,
    /// The places that make it hold, sorted; empty for what has no place (`NOT`, `feed:`).
    pub spans: Vec<Span>,
    /// The field that counts: the best one a match stands in, and for `AND` the worst of those needed.
    pub field: Option<Field>,
    /// How many separate matches; for `AND` the fewest of its parts.
    pub count: usize,
    /// Where an `AND` is in it, the ways in which it holds, each with the places of the parts that are all needed: the
    /// weakest part says how a way is meant, and the best way counts. Empty for what has places only.
    pub ways: Vec<Vec<Vec<Span>>>,
}

impl Hits {
    /// What does not hold.
    pub(super) const NONE: Self =
        Self { holds: false, spans: Vec::new(), field: None, count: 0, ways: Vec::new() };

    /// What holds without a place.
    pub(super) fn unplaced(holds: bool) -> Self {
        Self { holds, count: usize::from(holds), ..Self::NONE }
    }
}

/// One topic's, or one query's, questions to one article. Sets are looked up once each.
#[derive(Debug)]
pub struct Evaluation<'a> {
    text: &'a ArticleText<'a>,
    sets: &'a Sets,
    found_sets: Vec<Option<Vec<Span>>>,
    /// Words taken by decoys: sorted, apart from each other.
    taken: Vec<Span>,
}

impl<'a> Evaluation<'a> {
    /// Starts, and lets the decoys take their words.
    pub fn new(text: &'a ArticleText<'a>, sets: &'a Sets) -> Self {
        let mut evaluation = Self { text, sets, found_sets: vec![None; sets.len()], taken: Vec::new() };
        if let Some(decoy) = sets.find(super::sets::DECOY) {
            let decoys = evaluation.set(decoy);
            evaluation.taken = merge_overlapping(&decoys);
            evaluation.found_sets = vec![None; sets.len()];
        }
        evaluation
    }

    /// Where and how often a query holds.
    pub fn hits(&mut self, node: &Node) -> Hits {
        self.hits_in(node, None)
    }

    fn hits_in(&mut self, node: &Node, only: Option<Field>) -> Hits {
        if node.is_positional() {
            let spans = self.spans(node, only);
            let field = spans.iter().map(|span| self.text.field_at(span.start)).min();
            return Hits { holds: !spans.is_empty(), count: count_apart(&spans), spans, field, ..Hits::NONE };
        }
        match node {
            Node::And(nodes) => {
                let parts: Vec<Hits> = nodes.iter().map(|node| self.hits_in(node, only)).collect();
                all(parts)
            }
            Node::Or(nodes) => {
                let parts: Vec<Hits> =
                    nodes.iter().map(|node| self.hits_in(node, only)).filter(|part| part.holds).collect();
                any(parts)
            }
            Node::Not(node) => Hits::unplaced(!self.hits_in(node, only).holds),
            Node::AtLeast { count, of } => {
                let parts: Vec<Hits> =
                    of.iter().map(|node| self.hits_in(node, only)).filter(|part| part.holds).collect();
                at_least(*count, parts)
            }
            Node::In(field, node) if only.is_none_or(|only| only == *field) => {
                self.hits_in(node, Some(*field))
            }
            Node::Meta(meta, glob) => Hits::unplaced(self.text.meta_holds(*meta, glob)),
            // A field inside another field: no word is in both.
            Node::In(..) | Node::Phrase(_) | Node::Set(_) | Node::Near { .. } => Hits::NONE,
        }
    }

    /// The places of a positional query, sorted, decoys left out.
    fn spans(&mut self, node: &Node, only: Option<Field>) -> Vec<Span> {
        let mut spans = match node {
            Node::Phrase(phrase) => {
                let mut spans = self.text.find_phrase(phrase);
                spans.retain(|span| !overlaps(&self.taken, *span));
                spans
            }
            Node::Set(set) => self.set(*set),
            Node::Or(nodes) => {
                let mut spans: Vec<Span> = nodes.iter().flat_map(|node| self.spans(node, only)).collect();
                spans.sort_unstable();
                spans.dedup();
                spans
            }
            Node::Near { left, right, within, ordered } => {
                let left = self.spans(left, only);
                let right = if left.is_empty() { Vec::new() } else { self.spans(right, only) };
                self.near(&left, &right, *within, *ordered)
            }
            Node::In(field, node) => {
                let mut spans = self.spans(node, only);
                spans.retain(|span| self.text.field_at(span.start) == *field);
                spans
            }
            Node::And(_) | Node::Not(_) | Node::AtLeast { .. } | Node::Meta(..) => Vec::new(),
        };
        if let Some(only) = only {
            spans.retain(|span| self.text.field_at(span.start) == only);
        }
        spans
    }

    fn set(&mut self, set: usize) -> Vec<Span> {
        if let Some(Some(found)) = self.found_sets.get(set) {
            return found.clone();
        }
        let sets = self.sets;
        let mut spans = Vec::new();
        for term in sets.terms(set, &self.text.article().language) {
            spans.extend(self.spans(term, None));
        }
        spans.sort_unstable();
        spans.dedup();
        if let Some(slot) = self.found_sets.get_mut(set) {
            *slot = Some(spans.clone());
        }
        spans
    }

    fn near(&self, left: &[Span], right: &[Span], within: Within, ordered: bool) -> Vec<Span> {
        near(self.text, left, right, within, ordered, &mut Room::default())
    }
}

/// Lists of places that were used and can be used again.
#[derive(Debug, Default)]
pub(super) struct Room(Vec<Vec<Span>>);

impl Room {
    /// An empty list.
    pub(super) fn take(&mut self) -> Vec<Span> {
        self.0.pop().unwrap_or_default()
    }

    /// A list that is no longer needed.
    pub(super) fn give(&mut self, mut list: Vec<Span>) {
        list.clear();
        self.0.push(list);
    }
}

/// Pairs each place of one side with the nearest of the other, after it and, unless ordered, before it.
pub(super) fn near(
    text: &ArticleText<'_>,
    left: &[Span],
    right: &[Span],
    within: Within,
    ordered: bool,
    room: &mut Room,
) -> Vec<Span> {
    let mut pairs = room.take();
    let mut by_end = room.take();
    pair(text, (left, right), within, &mut by_end, &mut pairs);
    if !ordered {
        pair(text, (right, left), within, &mut by_end, &mut pairs);
    }
    room.give(by_end);
    shortest(pairs, room)
}

/// Adds the pairs with `first` before `second`: for each first the next second, for each second the last first.
fn pair(
    text: &ArticleText<'_>,
    (first, second): (&[Span], &[Span]),
    within: Within,
    by_end: &mut Vec<Span>,
    out: &mut Vec<Span>,
) {
    by_end.clear();
    by_end.extend_from_slice(first);
    by_end.sort_unstable_by_key(|span| (span.end, span.start));
    let mut after = second.iter().copied().peekable();
    for span in by_end.iter() {
        while after.next_if(|next| next.start < span.end).is_some() {}
        if let Some(next) = after.peek() {
            out.extend(close(text, *span, *next, within));
        }
    }
    let mut before = by_end.iter().copied().peekable();
    let mut last = None;
    for span in second {
        while let Some(passed) = before.next_if(|candidate| candidate.end <= span.start) {
            last = Some(passed);
        }
        out.extend(last.and_then(|last| close(text, last, *span, within)));
    }
}

fn close(text: &ArticleText<'_>, first: Span, second: Span, within: Within) -> Option<Span> {
    let is_within_reach = match within {
        Within::Words(words) => second.start + 1 - first.end <= words,
        Within::Sentence => true,
    };
    // What ends in one sentence and what begins in the next are two statements, however near: "Ceasefire holds.
    // Russia breaks off talks" breaks no ceasefire.
    let sentence = |position: usize| text.word(position).map(|word| word.sentence);
    let is_one_sentence = || {
        text.field_at(first.start) == text.field_at(second.start)
            && sentence(first.start) == sentence(second.end.saturating_sub(1))
    };
    (is_within_reach && is_one_sentence()).then_some(Span { start: first.start, end: second.end })
}

/// What `AND` makes of its parts.
pub(super) fn all(parts: Vec<Hits>) -> Hits {
    if parts.iter().any(|part| !part.holds) {
        return Hits::NONE;
    }
    let field = parts.iter().filter_map(|part| part.field).max();
    let placed = parts.iter().filter(|part| part.field.is_some()).map(|part| part.count).min();
    let mut needed: Vec<Vec<Span>> = Vec::new();
    for part in parts.iter().filter(|part| !part.spans.is_empty()) {
        match part.ways.as_slice() {
            [way] => needed.extend(way.iter().cloned()),
            // All ways of a part together stand for it; to try each with each of the others would multiply.
            _ => needed.push(part.spans.clone()),
        }
    }
    Hits { holds: true, field, count: placed.unwrap_or(1), spans: union(parts), ways: vec![needed] }
}

/// What `OR` makes of those of its parts that hold.
pub(super) fn any(parts: Vec<Hits>) -> Hits {
    let mut ways = Vec::new();
    if parts.iter().any(|part| !part.ways.is_empty()) {
        for part in &parts {
            if part.ways.is_empty() {
                ways.push(vec![part.spans.clone()]);
            }
            ways.extend(part.ways.iter().cloned());
        }
    }
    let holds = !parts.is_empty();
    let field = parts.iter().filter_map(|part| part.field).min();
    let most = parts.iter().map(|part| part.count).max().unwrap_or(0);
    Hits { holds, field, count: most, spans: union(parts), ways }
}

/// One match when enough hold, one more for each further one; the field is that of the last one needed.
pub(super) fn at_least(count: usize, parts: Vec<Hits>) -> Hits {
    if parts.len() < count {
        return Hits::NONE;
    }
    let mut fields: Vec<Field> = parts.iter().filter_map(|part| part.field).collect();
    fields.sort_unstable();
    let field = fields.get(count - 1).or(fields.last()).copied();
    Hits { holds: true, field, count: parts.len() + 1 - count, spans: union(parts), ways: Vec::new() }
}

fn union(parts: Vec<Hits>) -> Vec<Span> {
    let mut spans: Vec<Span> = parts.into_iter().flat_map(|part| part.spans).collect();
    spans.sort_unstable();
    spans.dedup();
    spans
}

/// How many places that do not touch each other can be picked.
pub(super) fn count_apart(spans: &[Span]) -> usize {
    if let [] | [_] = spans {
        return spans.len();
    }
    let mut by_end = spans.to_vec();
    by_end.sort_unstable_by_key(|span| span.end);
    let mut count = 0;
    let mut free = 0;
    for span in by_end {
        if span.start >= free {
            count += 1;
            free = span.end;
        }
    }
    count
}

/// Places that share a word become one.
pub(super) fn merge_overlapping(spans: &[Span]) -> Vec<Span> {
    let mut merged = Vec::new();
    merge_overlapping_into(spans, &mut merged);
    merged
}

/// [`merge_overlapping`] into an empty list.
pub(super) fn merge_overlapping_into(spans: &[Span], merged: &mut Vec<Span>) {
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start < last.end => last.end = last.end.max(span.end),
            _ => merged.push(*span),
        }
    }
}

/// Of places that start together or end together the shortest, sorted: at most two per word, however deep
/// `NEAR` is nested, and still one for every start and for every end there was.
fn shortest(mut spans: Vec<Span>, room: &mut Room) -> Vec<Span> {
    let mut kept = room.take();
    spans.sort_unstable();
    kept.extend_from_slice(&spans);
    kept.dedup_by_key(|span| span.start);
    spans.sort_unstable_by_key(|span| (span.end, std::cmp::Reverse(span.start)));
    spans.dedup_by_key(|span| span.end);
    kept.append(&mut spans);
    room.give(spans);
    kept.sort_unstable();
    kept.dedup();
    kept
}

/// Whether a place shares a word with one of a sorted list of places apart from each other.
pub(super) fn overlaps(sorted: &[Span], span: Span) -> bool {
    let next = sorted.partition_point(|taken| taken.end <= span.start);
    sorted.get(next).is_some_and(|taken| taken.start < span.end)
}
