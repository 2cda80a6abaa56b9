//! A topic: what is watched, and how an article is scored against it.
//!
//! Owns [`Topic`], [`Signal`], [`Evidence`] and [`Score`]. Refuses to read files and to decide alerts.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

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
}

/// When a topic's scores become alerts (`[alert]` of a topic file).
#[derive(Debug, Clone, PartialEq)]
pub struct AlertPolicy {
    /// Score from which an article trips, 0 to 1.
    pub threshold: f64,
    /// Independent publishers before the first alert, at least 1.
    pub publishers: u32,
    /// Least time between two updates of an incident.
    pub update_every: Duration,
    /// Publishers that make a new story urgent.
    pub escalate_publishers: u32,
    /// Quiet for this long, an incident closes.
    pub close_after: Duration,
    /// Articles published longer than this before they were seen never alert at once.
    pub max_age: Duration,
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
}

/// How strongly an article speaks to a topic.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// Which topic.
    pub topic: TopicId,
    /// Calibrated probability, 0 to 1.
    pub probability: f64,
    /// Whether it reaches the topic's threshold.
    pub trips: bool,
    /// Signals that fired, strongest first.
    pub evidence: Vec<Evidence>,
}

/// A topic, compiled. Build it with `Topic::compile(source)`.
#[derive(Debug, Clone)]
pub struct Topic {
    /// What its file says.
    pub source: TopicSource,
}
