//! Plan: a topic's queries, compiled for the lexicon.
//!
//! Owns [`TopicPlan`]: which phrases fill which slot, what each signal asks of the slots, and which slots must have
//! something for the topic to be looked at at all (its anchors). Says the same as the readable evaluator of
//! [`super::matcher`], which is its oracle. Refuses to look at texts.

mod evaluate;

use std::sync::Arc;

use super::pattern::{Glob, Phrase};
use super::query::{Meta, Node, Within};
use super::sets::{DECOY, Sets};
use super::{Field, Query};

/// A place that phrases fill: one list of a set, or one phrase of a query.
pub(super) type Slot = usize;

/// A query over slots.
#[derive(Debug, Clone)]
pub(super) enum Plan {
    /// The phrases of a slot.
    Slot(Slot),
    /// Any list of a set.
    Set(usize),
    /// See [`Node`], as for all below.
    And(Vec<Plan>),
    Or(Vec<Plan>),
    Not(Box<Plan>),
    Near {
        left: Box<Plan>,
        right: Box<Plan>,
        within: Within,
        ordered: bool,
    },
    AtLeast {
        count: usize,
        of: Vec<Plan>,
    },
    In(Field, Box<Plan>),
    Meta(Meta, Glob),
}

/// One list of a set.
#[derive(Debug, Clone)]
pub(super) struct ListPlan {
    pub(super) language: Option<String>,
    pub(super) latin: bool,
    /// Where its plain terms go.
    pub(super) slot: Slot,
    /// Terms that are queries.
    pub(super) queries: Vec<Plan>,
}

/// A signal's query.
#[derive(Debug, Clone)]
pub(super) struct SignalPlan {
    pub(super) plan: Plan,
    /// Every slot it can look at, sorted: what its matches are made of.
    pub(super) slots: Vec<Slot>,
}

/// What is known of a set's anchors.
#[derive(Debug, Clone)]
enum Known {
    NotYet,
    /// `None` when the set may hold without a word.
    Anchors(Option<Vec<Slot>>),
}

/// A topic, compiled.
#[derive(Debug, Clone, Default)]
pub(super) struct TopicPlan {
    pub(super) signals: Vec<SignalPlan>,
    pub(super) sets: Vec<Vec<ListPlan>>,
    pub(super) decoy: Option<usize>,
    pub(super) slot_count: usize,
    /// Slots one of which must be filled for any signal to hold; `None` when a signal may hold without a word.
    pub(super) anchors: Option<Vec<Slot>>,
    /// Whether the topic trips on an article without a word of it.
    pub(super) trips_empty: bool,
    /// What fills which slot.
    pub(super) phrases: Vec<(Arc<Phrase>, Slot)>,
    /// Cost of each slot as an anchor.
    costs: Vec<u64>,
    /// The languages the topic has lists in, sorted.
    languages: Vec<String>,
    /// Per slot the sets it can fill.
    slot_sets: Vec<Vec<usize>>,
    /// Per slot the signals it is an anchor of.
    slot_signals: Vec<Vec<usize>>,
    /// Signals that may hold without a word.
    always: Vec<usize>,
    /// Per slot the language of its list, where that decides whether it holds: a Latin list with a language.
    slot_languages: Vec<Option<String>>,
}

impl TopicPlan {
    /// Compiles a topic's queries.
    pub(super) fn new(sets: &Sets, signals: &[Query]) -> Self {
        let languages = sets.languages().to_vec();
        let mut plan = Self { decoy: sets.find(DECOY), languages, ..Self::default() };
        for set in 0..sets.len() {
            let lists = sets.lists(set).map(|list| {
                let slot = plan.slot();
                if let (Some(language), true, Some(known)) =
                    (list.language, list.latin, plan.slot_languages.get_mut(slot))
                {
                    *known = Some(language.to_owned());
                }
                let mut queries = Vec::new();
                for term in list.terms {
                    match term {
                        Node::Phrase(phrase) => plan.fill(slot, phrase),
                        query => queries.push(plan.compile(query)),
                    }
                }
                let language = list.language.map(str::to_owned);
                ListPlan { language, latin: list.latin, slot, queries }
            });
            let lists = lists.collect();
            plan.sets.push(lists);
        }
        for query in signals {
            let compiled = plan.compile(query.node());
            let slots = plan.slots_of(&compiled, &mut vec![None; sets.len()]);
            plan.signals.push(SignalPlan { plan: compiled, slots });
        }
        let mut known = vec![None; sets.len()];
        plan.slot_sets = vec![Vec::new(); plan.slot_count];
        for set in 0..sets.len() {
            for slot in plan.slots_of(&Plan::Set(set), &mut known) {
                if let Some(sets) = plan.slot_sets.get_mut(slot) {
                    sets.push(set);
                }
            }
        }
        plan.find_anchors();
        plan
    }

    /// Whether lists of every language hold for an article in this one; see [`Sets::terms`].
    fn any_language(&self, language: &str) -> bool {
        language == "und" || self.languages.binary_search_by(|known| known.as_str().cmp(language)).is_err()
    }

    fn slot(&mut self) -> Slot {
        self.costs.push(0);
        self.slot_languages.push(None);
        self.slot_count += 1;
        self.slot_count - 1
    }

    fn fill(&mut self, slot: Slot, phrase: &Arc<Phrase>) {
        // Short single words are in every other text, long ones and phrases are not.
        let letters = phrase.parts.first().map_or(0, |part| part.pattern.folded.chars().count());
        if let Some(cost) = self.costs.get_mut(slot) {
            *cost += if phrase.word_count > 1 { 1 } else { 12_u64.saturating_sub(letters as u64).max(2) };
        }
        self.phrases.push((Arc::clone(phrase), slot));
    }

    fn compile(&mut self, node: &Node) -> Plan {
        match node {
            Node::Phrase(phrase) => {
                let slot = self.slot();
                self.fill(slot, phrase);
                Plan::Slot(slot)
            }
            Node::Set(set) => Plan::Set(*set),
            Node::And(nodes) => Plan::And(nodes.iter().map(|node| self.compile(node)).collect()),
            Node::Or(nodes) => Plan::Or(nodes.iter().map(|node| self.compile(node)).collect()),
            Node::Not(node) => Plan::Not(Box::new(self.compile(node))),
            Node::Near { left, right, within, ordered } => Plan::Near {
                left: Box::new(self.compile(left)),
                right: Box::new(self.compile(right)),
                within: *within,
                ordered: *ordered,
            },
            Node::AtLeast { count, of } => {
                Plan::AtLeast { count: *count, of: of.iter().map(|node| self.compile(node)).collect() }
            }
            Node::In(field, node) => Plan::In(*field, Box::new(self.compile(node))),
            Node::Meta(meta, glob) => Plan::Meta(*meta, glob.clone()),
        }
    }

    /// The slots a plan's matches are made of, sorted. `known` holds those of sets that were asked for before: sets that
    /// name sets are walked once.
    fn slots_of(&self, plan: &Plan, known: &mut Vec<Option<Vec<Slot>>>) -> Vec<Slot> {
        let mut slots = match plan {
            Plan::Slot(slot) => vec![*slot],
            Plan::Set(set) => {
                if let Some(Some(slots)) = known.get(*set) {
                    return slots.clone();
                }
                let mut slots = Vec::new();
                for list in self.sets.get(*set).into_iter().flatten() {
                    slots.push(list.slot);
                    for query in &list.queries {
                        slots.extend(self.slots_of(query, known));
                    }
                }
                slots.sort_unstable();
                slots.dedup();
                if let Some(known) = known.get_mut(*set) {
                    *known = Some(slots.clone());
                }
                slots
            }
            Plan::And(plans) | Plan::Or(plans) | Plan::AtLeast { of: plans, .. } => {
                plans.iter().flat_map(|plan| self.slots_of(plan, known)).collect()
            }
            Plan::In(_, plan) => self.slots_of(plan, known),
            Plan::Near { left, right, .. } => {
                let mut slots = self.slots_of(left, known);
                slots.extend(self.slots_of(right, known));
                slots
            }
            // What must be absent is no part of a match.
            Plan::Not(_) | Plan::Meta(..) => Vec::new(),
        };
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    fn find_anchors(&mut self) {
        let mut known = vec![Known::NotYet; self.sets.len()];
        let of_signals: Vec<Option<Vec<Slot>>> =
            self.signals.iter().map(|signal| self.anchors_of(&signal.plan, &mut known)).collect();
        self.slot_signals = vec![Vec::new(); self.slot_count];
        let mut anchors = Vec::new();
        for (signal, of_signal) in of_signals.iter().enumerate() {
            let Some(of_signal) = of_signal else {
                self.always.push(signal);
                continue;
            };
            for slot in of_signal {
                if let Some(signals) =
                    self.slot_signals.get_mut(*slot).filter(|known| known.last() != Some(&signal))
                {
                    signals.push(signal);
                }
            }
            anchors.extend_from_slice(of_signal);
        }
        anchors.sort_unstable();
        anchors.dedup();
        self.anchors = self.always.is_empty().then_some(anchors);
    }

    /// Slots one of which must be filled for a plan to hold; `None` when it may hold without any. `known` as above.
    fn anchors_of(&self, plan: &Plan, known: &mut Vec<Known>) -> Option<Vec<Slot>> {
        match plan {
            Plan::Slot(slot) => Some(vec![*slot]),
            Plan::Set(set) => {
                if let Some(Known::Anchors(anchors)) = known.get(*set) {
                    return anchors.clone();
                }
                let lists = self.sets.get(*set).map(Vec::as_slice).unwrap_or_default();
                let anchors = self.anchors_of_lists(lists, known);
                if let Some(known) = known.get_mut(*set) {
                    *known = Known::Anchors(anchors.clone());
                }
                anchors
            }
            Plan::Or(plans) | Plan::AtLeast { of: plans, .. } => {
                let mut anchors = Vec::new();
                for plan in plans {
                    anchors.extend(self.anchors_of(plan, known)?);
                }
                Some(anchors)
            }
            Plan::And(plans) => self.cheapest(plans.iter(), known),
            Plan::Near { left, right, .. } => {
                self.cheapest([left.as_ref(), right.as_ref()].into_iter(), known)
            }
            Plan::In(_, plan) => self.anchors_of(plan, known),
            Plan::Not(_) | Plan::Meta(..) => None,
        }
    }

    fn anchors_of_lists(&self, lists: &[ListPlan], known: &mut Vec<Known>) -> Option<Vec<Slot>> {
        let mut anchors = Vec::new();
        for list in lists {
            anchors.push(list.slot);
            for query in &list.queries {
                anchors.extend(self.anchors_of(query, known)?);
            }
        }
        anchors.sort_unstable();
        anchors.dedup();
        Some(anchors)
    }

    fn cheapest<'p>(
        &self,
        plans: impl Iterator<Item = &'p Plan>,
        known: &mut Vec<Known>,
    ) -> Option<Vec<Slot>> {
        let cost = |slots: &Vec<Slot>| -> u64 { slots.iter().filter_map(|slot| self.costs.get(*slot)).sum() };
        plans.filter_map(|plan| self.anchors_of(plan, known)).min_by_key(cost)
    }
}
