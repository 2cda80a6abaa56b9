//! The audit log: what was decided and done, in order, each record sealed by the one before it.
//!
//! Owns [`Event`], the form of a [`Record`] and its [`Seal`], and [`Chain`], which finds what was changed or taken out. A
//! seal is no signature: who may write the file can seal it all anew, so a seal kept elsewhere is what proves the records up
//! to it. Refuses to decide, to store and to know texts of mails.

use std::fmt;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::alert::AlertId;
use crate::article::identity::ArticleId;
use crate::topic::TopicId;

/// Longest text kept in a record, characters.
const TEXT_LENGTH_MAX: usize = 300;

/// Articles and addresses listed in a record at most; the rest are counted.
const LISTED_MAX: usize = 50;

/// Faults a check lists at most.
const FAULTS_MAX: usize = 20;

/// What seals a record: SHA-256 (FIPS 180-4) of the seal before and the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seal(pub [u8; 32]);

impl Seal {
    /// What stands before the first record.
    pub const START: Self = Self([0; 32]);

    /// The seal for 32 bytes of the store.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The seal for 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut seal = [0; 32];
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        for (byte, pair) in seal.iter_mut().zip(digits.chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(seal))
    }
}

impl fmt::Display for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What somebody did about an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// They took note of it.
    Acknowledged,
    /// They muted what is like it for a time.
    Silenced,
    /// They ended such a silence.
    Unsilenced,
    /// They had a mail sent again.
    Resent,
    /// They had a mail that waited given up.
    GivenUp,
    /// They want no more mail about its topic.
    Unsubscribed,
    /// They want it again.
    Restored,
}

impl Act {
    /// The lower-case word in the record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Acknowledged => "acknowledged",
            Self::Silenced => "silenced",
            Self::Unsilenced => "unsilenced",
            Self::Resent => "resent",
            Self::GivenUp => "given-up",
            Self::Unsubscribed => "unsubscribed",
            Self::Restored => "restored",
        }
    }
}

/// What is recorded.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<'a> {
    /// People are told.
    Told {
        /// The alert.
        alert: AlertId,
        /// What it tells, by [`crate::alert::Kind`].
        kind: &'a str,
        /// Its topic.
        topic: Option<&'a str>,
        /// ISO 3166-1 alpha-2 code, or `ZZ`.
        place: Option<&'a str>,
        /// Its incident's number.
        incident: Option<i64>,
        /// Best score, 0 to 1.
        score: Option<f64>,
        /// Independent publishers.
        publishers: Option<u32>,
        /// Why, as a clause.
        reason: &'a str,
        /// Numbers of the articles it reports.
        articles: &'a [i64],
        /// Who is told.
        to: &'a [String],
        /// Hash of the configuration and version that decided.
        configuration: &'a str,
    },
    /// Nobody is told of an article that tripped, or not yet.
    Withheld {
        /// The article.
        article: ArticleId,
        /// The topic it tripped.
        topic: &'a TopicId,
        /// The word of the decision.
        decision: &'a str,
        /// The decision in a sentence.
        reason: &'a str,
    },
    /// An alert does not go to somebody, or not at once (a silence, quiet hours, a cap, a digest), or goes to them late.
    Routed {
        /// The alert.
        alert: AlertId,
        /// Who; empty when no route takes it.
        address: &'a str,
        /// The word of the decision.
        decision: &'a str,
        /// The decision in a sentence.
        reason: &'a str,
        /// The digest that told it.
        told_in: Option<i64>,
    },
    /// What became of a delivery.
    Delivery {
        /// Its alert.
        alert: AlertId,
        /// To whom.
        address: &'a str,
        /// `sent`, `failed`, or `queued` when it is tried again.
        status: &'a str,
        /// Attempts so far.
        attempts: u32,
        /// What the server said.
        reply: &'a str,
    },
    /// A configuration came into force.
    Configuration {
        /// Its hash.
        hash: u64,
        /// The program's version.
        version: &'a str,
    },
    /// Somebody did something about an alert.
    FollowUp {
        /// What.
        act: Act,
        /// The alert, where it is about one.
        alert: Option<AlertId>,
        /// Who, as far as is known.
        by: &'a str,
        /// Their comment, and what it is about.
        note: &'a str,
    },
    /// Somebody said whether an alert about an article is right.
    Judged {
        /// The article's number.
        article: i64,
        /// Topic id.
        topic: &'a str,
        /// 0, 1 or 2.
        grade: u8,
        /// `owner` or `feedback`.
        source: &'a str,
    },
    /// Old records are taken out.
    Pruned {
        /// The last of them.
        through: i64,
        /// How many.
        count: u64,
        /// They are older than this.
        before: Timestamp,
        /// The seal of the last of them.
        seal: Seal,
    },
}

impl Event<'_> {
    /// The lower-case word it is stored under.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Told { .. } => "told",
            Self::Withheld { .. } => "withheld",
            Self::Routed { .. } => "routed",
            Self::Delivery { .. } => "delivery",
            Self::Configuration { .. } => "configuration",
            Self::FollowUp { .. } => "follow-up",
            Self::Judged { .. } => "judged",
            Self::Pruned { .. } => "pruned",
        }
    }

    /// Its record, numbered `id`.
    pub fn record(&self, id: i64, at: Timestamp) -> Record {
        let (alert, article, topic) = self.about_whom();
        let about = Value::Object(self.about()).to_string();
        let topic = topic.map(str::to_owned);
        Record { id, at, kind: self.kind().to_owned(), alert, article, topic, about }
    }

    fn about_whom(&self) -> (Option<i64>, Option<i64>, Option<&str>) {
        match self {
            Self::Told { alert, topic, .. } => (Some(alert.0), None, *topic),
            Self::Routed { alert, .. } | Self::Delivery { alert, .. } => (Some(alert.0), None, None),
            Self::FollowUp { alert, .. } => (alert.map(|alert| alert.0), None, None),
            Self::Withheld { article, topic, .. } => (None, Some(article.0), Some(&topic.0)),
            Self::Judged { article, topic, .. } => (None, Some(*article), Some(topic)),
            Self::Configuration { .. } | Self::Pruned { .. } => (None, None, None),
        }
    }

    fn about(&self) -> Map<String, Value> {
        let about = match self {
            Self::Told {
                kind,
                place,
                incident,
                score,
                publishers,
                reason,
                articles,
                to,
                configuration,
                ..
            } => json!({
                "kind": kind, "place": place, "incident": incident, "score": score.map(rounded),
                "publishers": publishers, "reason": bounded(reason), "articles": listed(articles),
                "article_count": articles.len(), "to": listed(to), "to_count": to.len(),
                "configuration": configuration,
            }),
            Self::Withheld { decision, reason, .. } => {
                json!({ "decision": decision, "reason": bounded(reason) })
            }
            Self::Routed { address, decision, reason, told_in, .. } => json!({
                "to": bounded(address), "decision": decision, "reason": bounded(reason), "told_in": told_in,
            }),
            Self::Delivery { address, status, attempts, reply, .. } => json!({
                "to": bounded(address), "status": status, "attempts": attempts, "reply": bounded(reply),
            }),
            Self::Configuration { hash, version } => {
                json!({ "hash": format!("{hash:016x}"), "version": version })
            }
            Self::FollowUp { act, by, note, .. } => {
                json!({ "act": act.as_str(), "by": bounded(by), "note": bounded(note) })
            }
            Self::Judged { grade, source, .. } => json!({ "grade": grade, "source": source }),
            Self::Pruned { through, count, before, seal } => json!({
                "through": through, "count": count, "before": before, "seal": seal.to_string(),
            }),
        };
        match about {
            Value::Object(about) => about,
            _ => Map::new(),
        }
    }
}

fn rounded(score: f64) -> f64 {
    (score * 10_000.0).round() / 10_000.0
}

fn bounded(text: &str) -> String {
    text.chars().take(TEXT_LENGTH_MAX).collect()
}

fn listed<T>(items: &[T]) -> &[T] {
    items.get(..LISTED_MAX).unwrap_or(items)
}

/// A row of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its number: one more than that of the record before.
    pub id: i64,
    /// When it happened.
    pub at: Timestamp,
    /// [`Event::kind`].
    pub kind: String,
    /// The alert it is about.
    pub alert: Option<i64>,
    /// The article it is about.
    pub article: Option<i64>,
    /// The topic it is about.
    pub topic: Option<String>,
    /// The rest, a JSON object as text.
    pub about: String,
}

impl Record {
    /// Its seal: SHA-256 of the 32 bytes of the seal before, then the record as the JSON text
    /// `[id,at,kind,alert,article,topic,about]` without blanks in UTF-8, `at` in microseconds since 1970.
    pub fn seal(&self, previous: Seal) -> Seal {
        let Self { id, at, kind, alert, article, topic, about } = self;
        let text = json!([id, at.as_microsecond(), kind, alert, article, topic, about]).to_string();
        let mut digest = Sha256::new();
        digest.update(previous.0);
        digest.update(text.as_bytes());
        Seal(digest.finalize().into())
    }

    /// The rest, taken apart; empty when it cannot be read.
    pub fn details(&self) -> Map<String, Value> {
        serde_json::from_str(&self.about).unwrap_or_default()
    }
}

/// What is wrong with the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A record does not follow from the one before it.
    Changed {
        /// Its number.
        id: i64,
    },
    /// Records are missing that nobody recorded to have pruned.
    Missing {
        /// The first of them.
        from: i64,
        /// The last of them.
        to: i64,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { id } => {
                write!(
                    f,
                    "record {id} of the audit log does not follow from the one before it: one of the two was changed"
                )
            }
            Self::Missing { from, to } if from == to => {
                write!(f, "record {from} of the audit log is missing, and no prune says so")
            }
            Self::Missing { from, to } => {
                write!(f, "records {from} to {to} of the audit log are missing, and no prune says so")
            }
        }
    }
}

/// A walk along the log, record by record.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    pruned: Vec<(i64, Seal)>,
    last: Option<(i64, Seal)>,
    count: u64,
    faults: Vec<Fault>,
    fault_count: u64,
}

impl Chain {
    /// A walk, given what prunes say they took: the last record and its seal.
    pub fn new(pruned: Vec<(i64, Seal)>) -> Self {
        Self { pruned, ..Self::default() }
    }

    /// Takes the next record with its seal as stored.
    pub fn take(&mut self, record: &Record, seal: Seal) {
        let before = record.id - 1;
        let previous = match self.last {
            Some((last, seal)) if last == before => Some(seal),
            None if before == 0 => Some(Seal::START),
            None => self.pruned.iter().find(|(through, _)| *through == before).map(|(_, seal)| *seal),
            Some(_) => None,
        };
        match previous {
            Some(previous) if record.seal(previous) == seal => {}
            Some(_) => self.fault(Fault::Changed { id: record.id }),
            None => {
                let from = self.last.map_or(1, |(last, _)| last + 1);
                self.fault(Fault::Missing { from, to: before });
            }
        }
        self.last = Some((record.id, seal));
        self.count += 1;
    }

    /// Ends the walk. `last_given` is the highest number a record was ever given.
    pub fn end(mut self, last_given: i64) -> Checked {
        let last = self.last.map_or(0, |(id, _)| id);
        if last < last_given {
            self.fault(Fault::Missing { from: last + 1, to: last_given });
        }
        Checked { count: self.count, last: self.last, faults: self.faults, fault_count: self.fault_count }
    }

    fn fault(&mut self, fault: Fault) {
        self.fault_count += 1;
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
    }
}

/// What a walk along the log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Records there are.
    pub count: u64,
    /// The last one and its seal: kept elsewhere, it proves all before it.
    pub last: Option<(i64, Seal)>,
    /// What is wrong, the first few.
    pub faults: Vec<Fault>,
    /// How much is wrong.
    pub fault_count: u64,
}
