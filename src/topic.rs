//! A topic: what is watched, and how an article is scored against it.
//!
//! Owns [`Topic`], [`SignalSource`], [`Evidence`] and [`Score`]. Refuses to read files and to decide alerts.

pub mod closeness;
pub mod context;
pub mod draft;
pub mod evaluate;
pub mod import;
pub mod learn;
mod lexicon;
pub mod lint;
pub mod matcher;
mod narrow;
pub mod pattern;
mod plan;
pub mod policy;
pub mod query;
pub mod sets;
mod topics;
pub mod weigh;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use closeness::Closeness;
use context::Factors;
use learn::Learned;
use matcher::{ArticleText, Evaluation};
use query::{Node, QueryProblem};
use sets::Sets;

pub use policy::AlertPolicy;
pub use topics::{Explanation, Mark, Scratch, Topics};

/// A topic's stable name, used in file names, mail headers and the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TopicId(pub String);

impl fmt::Display for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How much a topic matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Look soon.
    Warning,
    /// Look now.
    Critical,
}

impl Severity {
    /// The lower-case word used in files, mails and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// The severity for a word of the store.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Info, Self::Warning, Self::Critical].into_iter().find(|severity| severity.as_str() == word)
    }
}

/// What a topic's example says must happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// It trips.
    Alert,
    /// It does not.
    Quiet,
}

/// A sentence a topic must get right (`[[example]]`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// What must happen.
    pub expect: Expect,
    /// Headline, or whole text.
    pub text: String,
    /// Line of the topic file it stands on, from 1.
    pub line: usize,
}

/// A field of an article a match stood in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Field {
    /// The headline.
    Title,
    /// The short text.
    Summary,
    /// The full text.
    Body,
}

impl Field {
    /// Its lower-case word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Summary => "summary",
            Self::Body => "body",
        }
    }
}

/// How the text means a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It happened.
    Affirmed,
    /// Someone says so, or it may be so.
    Hedged,
    /// If it were so.
    Hypothetical,
    /// It is to come.
    Future,
    /// Long ago.
    Historical,
    /// It did not happen.
    Negated,
    /// It is over.
    Ended,
}

impl Status {
    /// Its lower-case word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Affirmed => "affirmed",
            Self::Hedged => "hedged",
            Self::Hypothetical => "hypothetical",
            Self::Future => "future",
            Self::Historical => "historical",
            Self::Negated => "negated",
            Self::Ended => "ended",
        }
    }
}

/// A topic as its file says it, before its queries are compiled. `config` reads it, [`Topic::compile`] checks it.
#[derive(Debug, Clone)]
pub struct TopicSource {
    /// Stable name.
    pub id: TopicId,
    /// What people call it.
    pub name: String,
    /// One or two sentences.
    pub description: String,
    /// How much it matters.
    pub severity: Severity,
    /// Named word lists; `decoy` is the one that is matched first and worth nothing.
    pub sets: Vec<SetSource>,
    /// Weighted queries.
    pub signals: Vec<SignalSource>,
    /// What the context leaves of a match's points.
    pub factors: Factors,
    /// What closeness to the description is worth, where there is a model.
    pub closeness: Closeness,
    /// How points become a probability.
    pub calibration: Calibration,
    /// When scores become alerts.
    pub policy: AlertPolicy,
    /// Sentences the topic must get right.
    pub examples: Vec<Example>,
}

/// One list of a set: `truce.en = […]`, or `decoy = […]` without a language.
#[derive(Debug, Clone)]
pub struct SetSource {
    /// The set's name, without `@`.
    pub name: String,
    /// ISO 639-1 code; a list without one holds in every language.
    pub language: Option<String>,
    /// Terms, in the query language (words, phrases with spaces, `prefix*`, `{Case}`).
    pub terms: Vec<String>,
    /// Whether its plain words match by their stems in texts of its language.
    pub is_stemmed: bool,
}

/// One `[[signal]]`.
#[derive(Debug, Clone)]
pub struct SignalSource {
    /// Name, shown as the reason of an alert.
    pub name: String,
    /// Query.
    pub when: String,
    /// Points a single match in the title is worth; negative to speak against.
    pub weight: f64,
    /// How many times the weight repeats may add up to: 1 (count once) to 2.
    pub cap: f64,
    /// Whether the words around a match say how it is meant; false for a query that says so itself.
    pub context: bool,
}

/// Points to probability: `p = 1 / (1 + exp(-slope * (points - midpoint)))` (Platt's sigmoid).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    /// Steepness per point, above 0.
    pub slope: f64,
    /// Points at which the probability is one half.
    pub midpoint: f64,
}

impl Default for Calibration {
    fn default() -> Self {
        Self { slope: 0.1, midpoint: 40.0 }
    }
}

/// Something wrong in a [`TopicSource`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicProblem {
    /// Which string of the source it is in.
    pub site: ProblemSite,
    /// Characters (Unicode scalar values) from the start of that string to the fault, and how many it spans.
    pub span: std::ops::Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// Where a [`TopicProblem`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemSite {
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
}

/// A signal that fired.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The signal's name.
    pub signal: String,
    /// Where the quote stands.
    pub field: Field,
    /// The words that made it fire, cut from the article with a little around them.
    pub quote: String,
    /// How the text means it.
    pub status: Status,
    /// What it adds to the topic's points; may be negative.
    pub points: f64,
    /// Where in the quote the words that matched stand: bytes from and to, on character boundaries. Absent where no words
    /// did (`feed:`, closeness in meaning), and in what an older version stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<(u32, u32)>,
    /// Whether `hedged` means that one side says so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_claim: bool,
}

/// How strongly an article speaks to a topic.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// Which topic.
    pub topic: TopicId,
    /// Sum of the evidence's points.
    pub points: f64,
    /// Calibrated probability, 0 to 1.
    pub probability: f64,
    /// Whether it reaches the topic's threshold.
    pub trips: bool,
    /// Signals that fired, strongest first.
    pub evidence: Vec<Evidence>,
}

/// A topic, compiled. Build it with [`Topic::compile`].
#[derive(Debug, Clone)]
pub struct Topic {
    /// What its file says.
    pub source: TopicSource,
    sets: Arc<Sets>,
    signals: Vec<Query>,
    learned: Option<Arc<Learned>>,
}

impl Topic {
    /// Compiles a topic, or says everything that is wrong with its terms and queries.
    pub fn compile(source: TopicSource) -> Result<Self, Vec<TopicProblem>> {
        let (sets, mut problems) = Sets::read(&source.sets);
        let sets = Arc::new(sets);
        let mut signals = Vec::with_capacity(source.signals.len());
        for (signal, SignalSource { when, .. }) in source.signals.iter().enumerate() {
            match Query::parse(when, &sets) {
                Ok(query) => signals.push(query),
                Err(found) => {
                    let site = ProblemSite::When { signal };
                    problems.extend(found.into_iter().map(|problem| problem.at(site)));
                }
            }
        }
        if problems.is_empty() { Ok(Self { source, sets, signals, learned: None }) } else { Err(problems) }
    }

    /// The same topic with what was learned from labels, or, with `None`, as its file says.
    #[must_use]
    pub fn with_learned(self, learned: Option<Learned>) -> Self {
        Self { learned: learned.map(Arc::new), ..self }
    }

    /// What was learned from labels, if anything.
    pub fn learned(&self) -> Option<&Learned> {
        self.learned.as_deref()
    }

    /// How points become a probability: as learned, else as the file says.
    pub fn calibration(&self) -> Calibration {
        self.learned().map_or(self.source.calibration, |learned| learned.calibration)
    }

    /// Scores an article by what its queries match, however the text means it: the readable evaluation of one topic,
    /// and the oracle of [`Topics`], which scores articles.
    pub fn score_as_matched(&self, text: &ArticleText<'_>) -> Score {
        let mut evaluation = Evaluation::new(text, &self.sets);
        let mut evidence: Vec<Evidence> = self
            .source
            .signals
            .iter()
            .zip(&self.signals)
            .filter_map(|(signal, query)| weigh::weigh(signal, &evaluation.hits(&query.node), text, None))
            .collect();
        if let Some(learned) = self.learned() {
            learned.apply(&mut evidence, text);
        }
        self.score_of(evidence)
    }

    /// The score that evidence comes to.
    fn score_of(&self, mut evidence: Vec<Evidence>) -> Score {
        // Stable, so that equal points keep the order of the file.
        evidence.sort_by(|left, right| right.points.abs().total_cmp(&left.points.abs()));
        let points = evidence.iter().map(|evidence| evidence.points).sum();
        let probability = weigh::probability(points, self.calibration());
        let trips = probability >= self.source.policy.threshold;
        Score { topic: self.source.id.clone(), points, probability, trips, evidence }
    }
}

/// One query, compiled: a signal's condition, a search, a route's filter.
///
/// What finds what:
/// - A word finds the whole word, folded ([`crate::article::words`]); an Arabic word also with what is written
///   onto it (و ف ب ل ك ال).
/// - The words of a phrase stand next to each other in one sentence; punctuation between them is ignored.
/// - `cease-fire`, `cease fire` and `ceasefire` find each other. A term of several words is also found with
///   two or three neighbours written as one. A term of one word is also found as two with a hyphen between
///   them, or with a space when both have three letters (two in Arabic and Hebrew script). A wildcard never
///   reaches over that space, and over a hyphen only when the term spells three letters beyond it.
/// - `NEAR/n`: the nearest words of both matches are at most n apart (1 is adjacent), in one sentence of one
///   field, and share no word. Each match pairs with the nearest of the other side; of pairs that start or end together the
///   shortest is kept.
/// - `title:` and the like take what follows: a word, a phrase or a bracket. `feed:` finds its text anywhere in
///   the feed's URL; `publisher:`, `lang:`, `tag:` and `place:` compare whole values; `*` and `?` work in all.
#[derive(Debug, Clone)]
pub struct Query {
    node: Node,
    sets: Arc<Sets>,
}

impl Query {
    /// Reads a query; `@name` refers to `sets` (`Arc::default()` for none).
    pub fn parse(text: &str, sets: &Arc<Sets>) -> Result<Self, Vec<QueryProblem>> {
        match query::parse(text, &|name| sets.find(name)) {
            Ok(node) => Ok(Self { node, sets: Arc::clone(sets) }),
            Err(problem) => Err(vec![problem]),
        }
    }

    /// Whether it holds for an article.
    pub fn matches(&self, text: &ArticleText<'_>) -> bool {
        self.hits(text).holds
    }

    /// Where and how often it holds in an article.
    pub fn hits(&self, text: &ArticleText<'_>) -> matcher::Hits {
        Evaluation::new(text, &self.sets).hits(&self.node)
    }

    /// Its tree.
    pub fn node(&self) -> &Node {
        &self.node
    }
}
