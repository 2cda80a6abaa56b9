//! Lint: what a topic says that its owner hardly means.
//!
//! Owns [`Slip`], the list of words with two lives, and which topics watch the same thing ([`shared`]). Every slip is worth
//! mending and says how; what may be meant is none. Refuses what cannot run: that is an error of [`Topic::compile`].

pub mod archive;
mod lists;
mod written;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use super::pattern::Phrase;
use super::query::{Node, Within};
use super::{Expect, Scratch, Topic, TopicId, Topics};
use crate::article::Article;
use crate::article::language::detect;
use crate::article::words::fold;
use crate::feed::Tier;

/// A `*` wants as many letters before it. Fewer than [`super::query::PREFIX_LETTERS_MIN`] are an error.
pub const PREFIX_LETTERS_WANTED: usize = 3;
/// Beyond this distance two words of a sentence have little to do with each other.
pub const NEAR_WANTED_MAX: usize = 15;
/// Fewest terms a topic has for its overlap with another to say something.
const OVERLAP_TERMS_MIN: usize = 8;
/// Most examples of a topic that are tried on another.
const OVERLAP_EXAMPLES_MAX: usize = 60;
/// A term that more topics have is not what makes two of them alike.
const OVERLAP_TOPICS_MAX: usize = 50;

/// English words that live in other news as well: a strike of dockers, a ban on plastics, a shell company.
const HOMOGRAPHS: &str = "\
    strike strikes truce ban bans banned shell shells fire fires aid relief plant plants party parties cell cells \
    drone drones bank banks crossing crossings power powers shot shots battle battles fight fights war storm \
    storms shelter arms tank tanks camp camps mine mines crash clash collapse charge charges march front column \
    magazine round rounds operation operations siege raid raids blast attack attacks outbreak wave waves flight \
    flights cut cuts block blocks deal talks supply supplies border trial sentence state states station post force \
    forces guard court cabinet tear mortar missile rocket rockets";

/// Something a topic says that is hardly meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slip {
    /// Where.
    pub site: Site,
    /// Characters from the start of the string there, and how many are meant.
    pub span: Range<usize>,
    /// What.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// What of a topic a [`Slip`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Site {
    /// `sets[list].terms[term]`.
    Term {
        /// Index into `sets`.
        list: usize,
        /// Index into its `terms`.
        term: usize,
    },
    /// The `when` of a signal.
    When {
        /// Index into `signals`.
        signal: usize,
    },
    /// The text of an example.
    Example {
        /// Index into `examples`.
        example: usize,
    },
}

impl Slip {
    fn new(site: Site, span: Range<usize>, message: String, hint: impl Into<String>) -> Self {
        Self { site, span, message, hint: hint.into() }
    }
}

/// Every slip of a topic, in the order of what is looked at.
pub fn slips(topic: &Topic) -> Vec<Slip> {
    let mut slips = Vec::new();
    for (list, source) in topic.source.sets.iter().enumerate() {
        for (term, text) in source.terms.iter().enumerate() {
            written::in_term(text, Site::Term { list, term }, &mut slips);
        }
    }
    for (signal, source) in topic.source.signals.iter().enumerate() {
        written::in_query(&source.when, Site::When { signal }, &mut slips);
    }
    lists::slips(topic, &mut slips);
    far_apart(topic, &mut slips);
    standing_alone(topic, &mut slips);
    examples(topic, &mut slips);
    slips
}

/// The points from which a topic trips.
pub fn points_needed(topic: &Topic) -> f64 {
    let (calibration, threshold) = (topic.source.calibration, topic.source.policy.threshold);
    calibration.midpoint + (threshold / (1.0 - threshold)).ln() / calibration.slope
}

/// A distance at which words of a sentence have little to do with each other, in a signal that trips by itself. One that needs
/// company, or measures to another `NEAR`, may look further.
fn far_apart(topic: &Topic, slips: &mut Vec<Slip>) {
    let needed = points_needed(topic);
    for (signal, (source, query)) in topic.source.signals.iter().zip(&topic.signals).enumerate() {
        let far = widest(query.node()).filter(|words| *words > NEAR_WANTED_MAX);
        let Some(words) = far.filter(|_| source.weight >= needed) else { continue };
        let span = written::place_of(&source.when, &format!("NEAR/{words}"));
        let message = format!("{words} words apart is most of a sentence, and this signal trips by itself");
        let hint = format!("write NEAR/{NEAR_WANTED_MAX} or less, or give it a weight that needs company");
        slips.push(Slip::new(Site::When { signal }, span, message, hint));
    }
}

/// The largest distance of a `NEAR` that measures between words, not from or to another `NEAR`.
fn widest(node: &Node) -> Option<usize> {
    match node {
        Node::Near { left, right, within: Within::Words(words), .. } => {
            let is_near = |node: &Node| matches!(node, Node::Near { .. });
            Some(*words).filter(|_| !is_near(left) && !is_near(right))
        }
        Node::And(nodes) | Node::Or(nodes) | Node::AtLeast { of: nodes, .. } => {
            nodes.iter().filter_map(widest).max()
        }
        Node::In(_, node) => widest(node),
        Node::Near { .. } | Node::Not(_) | Node::Phrase(_) | Node::Set(_) | Node::Meta(..) => None,
    }
}

/// Words with two lives that take a topic at least half of the way by themselves.
fn standing_alone(topic: &Topic, slips: &mut Vec<Slip>) {
    let needed = points_needed(topic);
    for (signal, (source, query)) in topic.source.signals.iter().zip(&topic.signals).enumerate() {
        if source.weight < needed / 2.0 {
            continue;
        }
        let mut bare = Vec::new();
        bare_phrases(topic, query.node(), &mut bare);
        let mut found: Vec<&str> = bare.iter().filter_map(|phrase| homograph(phrase)).collect();
        found.sort_unstable();
        found.dedup();
        let Some(first) = found.first() else { continue };
        let message = match found.len() {
            1 => format!("`{first}` stands alone here, and it has a second life in other news"),
            count => format!("{count} words with a second life stand alone here: {}", some(&found, count)),
        };
        let hint = format!("tie it to its subject, `{first} NEAR/6 @subject`, or lower the weight");
        let span = 0..source.when.chars().count();
        slips.push(Slip::new(Site::When { signal }, span, message, hint));
    }
}

fn homograph(phrase: &Phrase) -> Option<&'static str> {
    let word = phrase.parts.first().filter(|_| phrase.word_count == 1)?;
    let is_plain = word.pattern.is_literal() && word.pattern.cased.is_none();
    HOMOGRAPHS.split_whitespace().find(|known| is_plain && *known == word.pattern.folded)
}

/// The phrases that make a query hold all by themselves.
fn bare_phrases<'t>(topic: &'t Topic, node: &'t Node, out: &mut Vec<&'t Phrase>) {
    match node {
        Node::Phrase(phrase) => out.push(phrase),
        Node::Or(nodes) => nodes.iter().for_each(|node| bare_phrases(topic, node, out)),
        Node::In(_, node) => bare_phrases(topic, node, out),
        // Sets are free of cycles: a topic with one does not compile.
        Node::Set(set) => {
            for list in topic.sets.lists(*set) {
                list.terms.iter().for_each(|term| bare_phrases(topic, term, out));
            }
        }
        Node::And(_) | Node::Not(_) | Node::Near { .. } | Node::AtLeast { .. } | Node::Meta(..) => {}
    }
}

/// Examples that stand twice, or ask for both.
fn examples(topic: &Topic, slips: &mut Vec<Slip>) {
    let mut seen: HashMap<String, (usize, Expect)> = HashMap::new();
    for (index, example) in topic.source.examples.iter().enumerate() {
        let folded = fold(&example.text);
        let Some((line, expect)) = seen.get(&folded) else {
            seen.insert(folded, (example.line, example.expect));
            continue;
        };
        let (message, hint) = if *expect == example.expect {
            (format!("this example stands already on line {line}"), "remove one of them")
        } else {
            (
                format!("line {line} says the opposite of the same text"),
                "decide what must happen, and remove the other",
            )
        };
        let span = 0..example.text.chars().count();
        slips.push(Slip::new(Site::Example { example: index }, span, message, hint));
    }
}

/// Two topics that watch for the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared {
    /// The one with fewer terms.
    pub topic: TopicId,
    /// The other.
    pub other: TopicId,
    /// Terms both have.
    pub count: usize,
    /// Terms of the smaller one.
    pub of: usize,
}

/// Topics that share more than half of the terms of the smaller one, among those that speak for them, and that trip the other
/// by most examples of one. Topics that share their verbs and differ in what they are about do not.
pub fn shared(topics: &Topics) -> Vec<Shared> {
    let terms: Vec<HashSet<(Option<&str>, String)>> = topics.iter().map(lists::speaking_terms).collect();
    let mut holders: HashMap<&(Option<&str>, String), Vec<usize>> = HashMap::new();
    for (topic, terms) in terms.iter().enumerate() {
        for term in terms {
            holders.entry(term).or_default().push(topic);
        }
    }
    let mut pairs: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for holders in holders.values().filter(|holders| holders.len() <= OVERLAP_TOPICS_MAX) {
        for (at, one) in holders.iter().enumerate() {
            for other in holders.iter().skip(at + 1) {
                *pairs.entry((*one, *other)).or_default() += 1;
            }
        }
    }
    let size = |topic: usize| terms.get(topic).map_or(0, HashSet::len);
    let found = pairs.into_iter().filter_map(|((one, other), count)| {
        let (small, large) = if size(one) <= size(other) { (one, other) } else { (other, one) };
        let of = size(small);
        if of < OVERLAP_TERMS_MIN || count * 2 <= of {
            return None;
        }
        let (small, large) = (topics.get(small)?, topics.get(large)?);
        let is_same = trips_with(topics, small, large) || trips_with(topics, large, small);
        is_same.then(|| Shared { topic: small.source.id.clone(), other: large.source.id.clone(), count, of })
    });
    found.collect()
}

/// Whether most alert examples of a topic, of which there may be none, trip another.
fn trips_with(topics: &Topics, topic: &Topic, other: &Topic) -> bool {
    let mut scratch = Scratch::default();
    let alerts = topic.source.examples.iter().filter(|example| example.expect == Expect::Alert);
    let (mut count, mut tripped) = (0_usize, 0_usize);
    for example in alerts.take(OVERLAP_EXAMPLES_MAX) {
        let score = topics.score_for(&other.source.id, &article_of(&example.text), &mut scratch);
        count += 1;
        tripped += usize::from(score.is_some_and(|score| score.trips));
    }
    tripped * 2 > count || count == 0
}

/// An example as an article: its first line is the headline.
fn article_of(text: &str) -> Article {
    let (title, summary) = text.trim().split_once('\n').unwrap_or((text.trim(), ""));
    Article {
        title: title.to_owned(),
        summary: summary.to_owned(),
        body: String::new(),
        url: None,
        language: detect(text, None),
        publisher: String::new(),
        tier: Tier::default(),
        feed: String::new(),
        tags: Vec::new(),
        published_at: None,
        seen_at: jiff::Timestamp::UNIX_EPOCH,
        places: Vec::new(),
        fingerprint: 0,
    }
}

/// The first few, and how many there are beside them.
fn some<S: AsRef<str>>(items: &[S], count: usize) -> String {
    const SHOWN: usize = 5;
    let mut shown: Vec<&str> = items.iter().take(SHOWN).map(AsRef::as_ref).collect();
    if count > shown.len() {
        shown.push("…");
    }
    shown.join(", ")
}
