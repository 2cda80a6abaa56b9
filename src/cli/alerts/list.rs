//! `alerts list` and `alerts export`: which alerts, as text, JSON Lines or CSV.
//!
//! Owns the filters and the columns of the sheet: a row for each delivery, and one for an alert that went to nobody.

use crate::alert::Kind;
use crate::store::Reader;
use crate::store::dossier::AlertFilter;
use crate::store::report::{StoredAlert, StoredDelivery};

use super::super::sheet::Sheet;
use super::super::since::Since;
use super::super::{Exit, Failure, Outcome, Output, now, short};

/// Which alerts.
#[derive(Debug, Clone, clap::Args)]
pub(in crate::cli) struct Filter {
    /// Only of this topic; * stands for any letters
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// Only at this place: a country's two letters, or ZZ where none was found
    #[arg(long, value_name = "PLACE", value_parser = place)]
    place: Option<String>,
    /// Only decided since then: 7d, 2026-03-01, 2026-03-01T06:00Z
    #[arg(long, value_name = "WHEN")]
    since: Option<Since>,
    /// Only of this kind
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Option<String>,
}

/// How they are written.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(in crate::cli) struct Form {
    /// JSON Lines instead of text
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// CSV instead of text, a row a delivery
    #[arg(long)]
    csv: bool,
}

fn place(text: &str) -> Result<String, String> {
    let place = text.to_uppercase();
    if place.len() == 2 && place.chars().all(|letter| letter.is_ascii_uppercase()) {
        return Ok(place);
    }
    Err("write the two letters of a country (ISO 3166-1), such as SD, or ZZ where none was found".to_owned())
}

fn kind(text: &str) -> Result<String, String> {
    let known = || Kind::ALL.map(Kind::as_str).join(", ");
    Kind::from_word(text)
        .map(|kind| kind.as_str().to_owned())
        .ok_or_else(|| format!("kinds are: {}", known()))
}

impl Filter {
    fn asked(&self) -> AlertFilter {
        AlertFilter {
            topic: self.topic.clone(),
            place: self.place.clone(),
            kind: self.kind.clone(),
            since: self.since.map(|since| since.at(now())),
        }
    }
}

/// Where alerts are written.
enum Page {
    Text(Output),
    Json(Output),
    Sheet(Box<Sheet>),
}

const COLUMNS: [&str; 18] = [
    "alert",
    "at",
    "kind",
    "topic",
    "severity",
    "place",
    "incident",
    "publishers",
    "score",
    "subject",
    "reason",
    "configuration",
    "acknowledged_by",
    "to",
    "status",
    "attempts",
    "finished",
    "reply",
];

impl Page {
    fn open(form: Form) -> Result<Self, Failure> {
        let output = Output::open();
        Ok(match form {
            Form { csv: true, .. } => Self::Sheet(Box::new(Sheet::open(output, &COLUMNS)?)),
            Form { json: true, .. } => Self::Json(output),
            _ => Self::Text(output),
        })
    }

    fn alert(&mut self, alert: &StoredAlert) -> Result<(), Failure> {
        match self {
            Self::Text(output) => output.line(line(alert)),
            Self::Json(output) => output.json(alert),
            Self::Sheet(sheet) if alert.deliveries.is_empty() => sheet.row(&cells(alert, None)),
            Self::Sheet(sheet) => {
                alert.deliveries.iter().try_for_each(|delivery| sheet.row(&cells(alert, Some(delivery))))
            }
        }
    }

    fn finish(self) -> Outcome {
        match self {
            Self::Text(output) | Self::Json(output) => output.finish()?,
            Self::Sheet(sheet) => sheet.finish()?,
        }
        Ok(Exit::Done)
    }
}

pub(super) fn list(reader: &Reader, filter: &Filter, limit: u32, form: Form) -> Outcome {
    let mut page = Page::open(form)?;
    for alert in reader.alerts_matching(&filter.asked(), limit)? {
        page.alert(&alert)?;
    }
    page.finish()
}

pub(super) fn export(reader: &Reader, filter: &Filter, form: Form) -> Outcome {
    let (asked, mut page, mut above) = (filter.asked(), Page::open(form)?, 0);
    loop {
        let step = reader.alerts_after(&asked, above)?;
        let Some(last) = step.last() else { break };
        above = last.id;
        step.iter().try_for_each(|alert| page.alert(alert))?;
    }
    page.finish()
}

fn cells(alert: &StoredAlert, delivery: Option<&StoredDelivery>) -> [String; COLUMNS.len()] {
    let number = |number: Option<i64>| number.map_or_else(String::new, |number| number.to_string());
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let of = |pick: fn(&StoredDelivery) -> String| delivery.map_or_else(String::new, pick);
    [
        alert.id.to_string(),
        alert.at.to_string(),
        alert.kind.clone(),
        text(&alert.topic),
        alert.severity.clone(),
        text(&alert.place),
        number(alert.incident),
        number(alert.publishers.map(i64::from)),
        alert.score.map_or_else(String::new, |score| format!("{score:.4}")),
        alert.subject.clone(),
        alert.reason.clone(),
        alert.configuration.clone(),
        text(&alert.acknowledged_by),
        of(|delivery| delivery.to.clone()),
        of(|delivery| delivery.status.clone()),
        of(|delivery| delivery.attempts.to_string()),
        of(|delivery| delivery.finished.map_or_else(String::new, |at| at.to_string())),
        of(|delivery| delivery.reply.clone()),
    ]
}

fn line(alert: &StoredAlert) -> String {
    let mut counts: Vec<String> = Vec::new();
    for status in ["sent", "queued", "sending", "failed"] {
        let count = alert.deliveries.iter().filter(|delivery| delivery.status == status).count();
        if count > 0 {
            counts.push(format!("{count} {status}"));
        }
    }
    for (count, word) in [(alert.held, "held"), (alert.digested, "in a digest")] {
        if count > 0 {
            counts.push(format!("{count} {word}"));
        }
    }
    let score = alert.score.map_or_else(|| "   -".to_owned(), |score| format!("{score:.2}"));
    let mail = if counts.is_empty() { "nobody told".to_owned() } else { counts.join(", ") };
    let acknowledged = alert.acknowledged_by.as_ref().map_or_else(String::new, |by| format!("  (ack {by})"));
    format!("{:>6}  {}  {score}  {:<16} {}{acknowledged}", alert.id, short(alert.at), mail, alert.subject)
}
