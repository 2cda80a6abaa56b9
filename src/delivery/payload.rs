//! An alert as a machine reads it: the JSON that outlets are handed.
//!
//! Owns [`Payload`], whose form is documented in `docs/mail.md`, "Outlets": fields are added, never renamed. Its first fields
//! are those of an alert line of `replay --json`. Refuses to grow: reports, evidence and text are bounded.

use jiff::Timestamp;
use serde::Serialize;

use crate::topic::Evidence;

/// Articles reported at most; `article_count` says how many there are.
pub const REPORTS_MAX: usize = 10;

/// Signals of an article at most.
pub const EVIDENCE_MAX: usize = 6;

/// Alerts of a digest at most, the gravest first; `alert_count` says how many there are.
pub const ALERTS_MAX: usize = 200;

/// Articles of each of them at most.
const LISTED_REPORTS_MAX: usize = 3;

/// Bytes of one field of theirs.
const LISTED_BYTES_MAX: usize = 300;

/// Bytes of one field of feed text.
const FIELD_BYTES_MAX: usize = 1024;

/// Bytes of the text part of the mail.
const TEXT_BYTES_MAX: usize = 16 << 10;

/// An alert for an outlet.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Payload {
    /// `alert`.
    #[serde(rename = "type")]
    pub record: &'static str,
    /// When it was decided.
    pub at: Timestamp,
    /// What it tells, as [`crate::alert::Kind`] writes it.
    pub kind: String,
    /// Why now, in words.
    pub reason: String,
    /// Topic id; none for what wirewatch says of itself.
    pub topic: Option<String>,
    /// `info`, `warning` or `critical`.
    pub severity: String,
    /// ISO 3166-1 alpha-2 code, or `ZZ`.
    pub place: Option<String>,
    /// Its incident's number.
    pub incident: Option<i64>,
    /// The story of its best article.
    pub story: Option<i64>,
    /// Articles it tells of, best first.
    pub articles: Vec<i64>,
    /// Independent publishers.
    pub publishers: Option<u32>,
    /// Best score, 0 to 1.
    pub score: Option<f64>,
    /// Subject of its mail.
    pub subject: String,
    /// Its number.
    pub alert: i64,
    /// The same at every attempt: who has seen it has seen this alert.
    pub delivery: String,
    /// Articles in all.
    pub article_count: u64,
    /// The best articles with their evidence, at most [`REPORTS_MAX`].
    pub reports: Vec<Report>,
    /// What can be answered with one click; empty without `web.public_url`.
    pub links: Vec<PayloadLink>,
    /// Alerts in a digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert_count: Option<u64>,
    /// The alerts of a digest, the gravest first, at most [`ALERTS_MAX`]: as they would have come alone, without `text`, `links`,
    /// `delivery` and evidence.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<Payload>,
    /// The text part of its mail, complete in itself.
    pub text: String,
    /// Hash of the configuration, and version, that decided.
    pub configuration: String,
}

/// An article of an alert.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Its number.
    pub id: i64,
    /// Headline.
    pub title: String,
    /// Link.
    pub url: Option<String>,
    /// Who stands behind it.
    pub publisher: String,
    /// Trust, 1 to 3.
    pub tier: u8,
    /// When it was published.
    pub published: Option<Timestamp>,
    /// When it was first seen.
    pub seen: Timestamp,
    /// Its score for the topic, 0 to 1.
    pub score: f64,
    /// Why, at most [`EVIDENCE_MAX`].
    pub evidence: Vec<Evidence>,
}

/// A link of an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PayloadLink {
    /// What it does, as [`super::follow_up::Action`] writes it. A GET shows a page that asks; a POST does it.
    pub action: &'static str,
    /// Where it leads.
    pub url: String,
}

impl Payload {
    /// The same, with every text within its bounds.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.reason = bounded(&self.reason, FIELD_BYTES_MAX);
        self.subject = bounded(&self.subject, FIELD_BYTES_MAX);
        self.text = bounded(&self.text, TEXT_BYTES_MAX);
        self.reports.truncate(REPORTS_MAX);
        for report in &mut self.reports {
            report.title = bounded(&report.title, FIELD_BYTES_MAX);
            report.publisher = bounded(&report.publisher, FIELD_BYTES_MAX);
            report.url = report.url.take().filter(|url| is_web(url) && url.len() <= 2 * FIELD_BYTES_MAX);
            report.evidence.truncate(EVIDENCE_MAX);
            for evidence in &mut report.evidence {
                evidence.quote = bounded(&evidence.quote, FIELD_BYTES_MAX);
            }
        }
        self.alerts.truncate(ALERTS_MAX);
        self.alerts.iter_mut().for_each(Self::bind_as_listed);
        self
    }

    /// Bounds of an alert in a digest.
    fn bind_as_listed(&mut self) {
        self.reason = bounded(&self.reason, LISTED_BYTES_MAX);
        self.subject = bounded(&self.subject, LISTED_BYTES_MAX);
        self.text.clear();
        self.reports.truncate(LISTED_REPORTS_MAX);
        for report in &mut self.reports {
            report.title = bounded(&report.title, LISTED_BYTES_MAX);
            report.publisher = bounded(&report.publisher, LISTED_BYTES_MAX);
            report.url = report.url.take().filter(|url| is_web(url) && url.len() <= FIELD_BYTES_MAX);
            report.evidence.clear();
        }
    }
}

/// Whether a link is one a program may open: feed text decides about the rest.
fn is_web(url: &str) -> bool {
    // `https://bank.example@other.example` pretends, and a telephone opens it at a touch.
    let is_plain = |url: &url::Url| url.username().is_empty() && url.password().is_none();
    url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && is_plain(&url))
}

/// At most so many bytes of a text, whole characters, with an ellipsis where something is gone.
pub(super) fn bounded(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        if kept.len() + c.len_utf8() + '…'.len_utf8() > bytes_max {
            break;
        }
        kept.push(c);
    }
    kept.push('…');
    kept
}
