//! Evaluation of a plan over filled slots.
//!
//! Owns the rules by which places combine, the same as the readable evaluator's. Refuses to weigh.

use super::{Plan, SignalPlan, TopicPlan};
use crate::topic::Field;
use crate::topic::matcher::{
    ArticleText, Hits, Span, all, any, at_least, count_apart, merge_overlapping_into, near, overlaps,
};
use crate::topic::topics::Scratch;

impl TopicPlan {
    /// Notes which sets may have found something, and the signals that may hold: those with an anchor that did.
    pub(in crate::topic) fn note(&self, scratch: &mut Scratch) {
        scratch.open_sets.clear();
        scratch.open_sets.resize(self.sets.len(), false);
        scratch.signals.clear();
        scratch.signals.extend_from_slice(&self.always);
        for slot in &scratch.filled {
            for set in self.slot_sets.get(*slot).into_iter().flatten() {
                if let Some(is_open) = scratch.open_sets.get_mut(*set) {
                    *is_open = true;
                }
            }
            scratch.signals.extend(self.slot_signals.get(*slot).into_iter().flatten());
        }
        scratch.signals.sort_unstable();
        scratch.signals.dedup();
    }

    /// Lets the decoys take their words.
    pub(in crate::topic) fn take_decoys(&self, text: &ArticleText<'_>, scratch: &mut Scratch) {
        scratch.taken.clear();
        self.forget_sets(scratch);
        if let Some(decoy) = self.decoy.filter(|decoy| scratch.open_sets.get(*decoy) == Some(&true)) {
            let decoys = self.set(decoy, text, scratch);
            merge_overlapping_into(&decoys, &mut scratch.taken);
            scratch.room.give(decoys);
            if !scratch.taken.is_empty() {
                self.forget_sets(scratch);
            }
        }
    }

    fn forget_sets(&self, scratch: &mut Scratch) {
        for set in scratch.sets.drain(..).flatten() {
            scratch.room.give(set);
        }
        scratch.sets.resize(self.sets.len(), None);
    }

    /// The places of the words a signal's matches are made of, sorted.
    pub(in crate::topic) fn own_words(&self, signal: &SignalPlan, language: &str, scratch: &mut Scratch) {
        scratch.words.clear();
        let any_language = self.any_language(language);
        for slot in &signal.slots {
            let of = self.slot_languages.get(*slot).and_then(Option::as_deref);
            if !any_language && of.is_some_and(|own| own != language) {
                continue;
            }
            let spans = scratch.slots.get(*slot).map(Vec::as_slice).unwrap_or_default();
            scratch.words.extend(spans.iter().filter(|span| !overlaps(&scratch.taken, **span)));
        }
        scratch.words.sort_unstable();
        scratch.words.dedup();
    }

    /// Where and how often a plan holds.
    pub(in crate::topic) fn hits(
        &self,
        plan: &Plan,
        only: Option<Field>,
        text: &ArticleText<'_>,
        scratch: &mut Scratch,
    ) -> Hits {
        if plan.is_positional() {
            let spans = self.spans(plan, only, text, scratch);
            let field = spans.iter().map(|span| text.field_at(span.start)).min();
            return Hits { holds: !spans.is_empty(), count: count_apart(&spans), spans, field, ..Hits::NONE };
        }
        match plan {
            Plan::And(plans) => all(plans.iter().map(|plan| self.hits(plan, only, text, scratch)).collect()),
            Plan::Or(plans) => any(self.holding(plans, only, text, scratch)),
            Plan::AtLeast { count, of } => at_least(*count, self.holding(of, only, text, scratch)),
            Plan::Not(plan) => Hits::unplaced(!self.hits(plan, only, text, scratch).holds),
            Plan::In(field, plan) if only.is_none_or(|only| only == *field) => {
                self.hits(plan, Some(*field), text, scratch)
            }
            Plan::Meta(meta, glob) => Hits::unplaced(text.meta_holds(*meta, glob)),
            Plan::In(..) | Plan::Slot(_) | Plan::Set(_) | Plan::Near { .. } => Hits::NONE,
        }
    }

    fn holding(
        &self,
        plans: &[Plan],
        only: Option<Field>,
        text: &ArticleText<'_>,
        scratch: &mut Scratch,
    ) -> Vec<Hits> {
        plans.iter().map(|plan| self.hits(plan, only, text, scratch)).filter(|part| part.holds).collect()
    }

    /// The places of a positional plan, sorted, decoys left out.
    fn spans(
        &self,
        plan: &Plan,
        only: Option<Field>,
        text: &ArticleText<'_>,
        scratch: &mut Scratch,
    ) -> Vec<Span> {
        let mut spans = match plan {
            Plan::Slot(slot) => {
                let mut spans = scratch.room.take();
                add_slot(*slot, scratch, &mut spans);
                spans
            }
            Plan::Set(set) => self.set(*set, text, scratch),
            Plan::Or(plans) => {
                let mut spans = scratch.room.take();
                for plan in plans {
                    let part = self.spans(plan, only, text, scratch);
                    spans.extend_from_slice(&part);
                    scratch.room.give(part);
                }
                spans.sort_unstable();
                spans.dedup();
                spans
            }
            Plan::Near { left, right, within, ordered } => {
                let left = self.spans(left, only, text, scratch);
                if left.is_empty() {
                    return left;
                }
                let right = self.spans(right, only, text, scratch);
                let pairs = near(text, &left, &right, *within, *ordered, &mut scratch.room);
                scratch.room.give(left);
                scratch.room.give(right);
                pairs
            }
            Plan::In(field, plan) => {
                let mut spans = self.spans(plan, only, text, scratch);
                spans.retain(|span| text.field_at(span.start) == *field);
                spans
            }
            Plan::And(_) | Plan::Not(_) | Plan::AtLeast { .. } | Plan::Meta(..) => scratch.room.take(),
        };
        if let Some(only) = only {
            spans.retain(|span| text.field_at(span.start) == only);
        }
        spans
    }

    fn set(&self, set: usize, text: &ArticleText<'_>, scratch: &mut Scratch) -> Vec<Span> {
        let mut spans = scratch.room.take();
        if let Some(Some(found)) = scratch.sets.get(set) {
            spans.extend_from_slice(found);
            return spans;
        }
        let language = &text.article().language;
        let any_language = self.any_language(language);
        for list in self.sets.get(set).into_iter().flatten() {
            let holds =
                any_language || !list.latin || list.language.as_ref().is_none_or(|own| own == language);
            if !holds {
                continue;
            }
            add_slot(list.slot, scratch, &mut spans);
            for query in &list.queries {
                let part = self.spans(query, None, text, scratch);
                spans.extend_from_slice(&part);
                scratch.room.give(part);
            }
        }
        spans.sort_unstable();
        spans.dedup();
        let mut kept = scratch.room.take();
        kept.extend_from_slice(&spans);
        if let Some(slot) = scratch.sets.get_mut(set) {
            *slot = Some(kept);
        }
        spans
    }
}

/// Adds what a slot holds, decoys left out.
fn add_slot(slot: usize, scratch: &Scratch, out: &mut Vec<Span>) {
    let spans = scratch.slots.get(slot).map(Vec::as_slice).unwrap_or_default();
    out.extend(spans.iter().filter(|span| !overlaps(&scratch.taken, **span)));
}

impl Plan {
    /// Whether enough slots hold something for a plan to hold at all; false spares its evaluation.
    pub(in crate::topic) fn may_hold(&self, scratch: &Scratch) -> bool {
        let is_filled = |slot: usize| scratch.slots.get(slot).is_some_and(|spans| !spans.is_empty());
        match self {
            Self::Slot(slot) => is_filled(*slot),
            Self::Set(set) => scratch.open_sets.get(*set) == Some(&true),
            Self::And(plans) => plans.iter().all(|plan| plan.may_hold(scratch)),
            Self::Or(plans) => plans.iter().any(|plan| plan.may_hold(scratch)),
            Self::AtLeast { count, of } => of.iter().filter(|plan| plan.may_hold(scratch)).count() >= *count,
            Self::Near { left, right, .. } => left.may_hold(scratch) && right.may_hold(scratch),
            Self::In(_, plan) => plan.may_hold(scratch),
            Self::Not(_) | Self::Meta(..) => true,
        }
    }

    /// Whether it yields places; see [`crate::topic::query::Node::is_positional`].
    fn is_positional(&self) -> bool {
        match self {
            Self::Slot(_) | Self::Set(_) | Self::Near { .. } => true,
            Self::Or(plans) => plans.iter().all(Self::is_positional),
            Self::In(_, plan) => plan.is_positional(),
            Self::And(_) | Self::Not(_) | Self::AtLeast { .. } | Self::Meta(..) => false,
        }
    }
}
