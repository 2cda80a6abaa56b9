//! `wirewatch alerts`: what was told, to whom, and why.

use std::path::Path;

use clap::Subcommand;
use serde_json::json;

use super::{Exit, Failure, Outcome, Output, load, reader, short};
use crate::store::report::{StoredAlert, StoredDelivery};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the latest alerts
    #[command(after_help = "Example:\n  wirewatch alerts list --limit 10")]
    List {
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// JSON Lines instead of text
        #[arg(long)]
        json: bool,
    },
    /// Show an alert: its mail, why it was sent, and what became of each delivery
    #[command(after_help = "Example:\n  wirewatch alerts show 12")]
    Show {
        /// Number of the alert
        id: i64,
        /// JSON instead of text
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(dir: &Path, command: &Command) -> Outcome {
    let config = load(dir)?;
    let reader = reader(&config)?;
    let mut output = Output::open();
    match command {
        Command::List { limit, json } => {
            for alert in reader.alerts(*limit)? {
                if *json {
                    output.json(&alert)?;
                } else {
                    output.line(line(&alert))?;
                }
            }
        }
        Command::Show { id, json } => {
            let Some((alert, text)) = reader.alert(*id)? else {
                return Err(Failure::new(
                    format!("there is no alert {id}"),
                    "wirewatch alerts list shows the latest",
                ));
            };
            let articles = reader.alert_articles(*id)?;
            if *json {
                output.json(&json!({ "alert": alert, "text": text, "articles": articles }))?;
            } else {
                output.line(format!("alert {id}, {}, {}", short(alert.at), alert.kind))?;
                output.line(format!("why: {}", alert.reason))?;
                output.line(format!("decided by configuration {}", alert.configuration))?;
                for delivery in &alert.deliveries {
                    output.line(delivery_words(delivery))?;
                }
                if alert.deliveries.is_empty() {
                    let why = match alert.kind.as_str() {
                        "operator" => "nobody was told: it was over before it could be sent",
                        _ => "nobody was told: no route takes it",
                    };
                    output.line(why)?;
                }
                output.line(format!("\n{}\n\n{text}", alert.subject))?;
            }
        }
    }
    output.finish()?;
    Ok(Exit::Done)
}

fn line(alert: &StoredAlert) -> String {
    let mut counts: Vec<String> = Vec::new();
    for status in ["sent", "queued", "sending", "failed"] {
        let count = alert.deliveries.iter().filter(|delivery| delivery.status == status).count();
        if count > 0 {
            counts.push(format!("{count} {status}"));
        }
    }
    let score = alert.score.map_or_else(|| "   -".to_owned(), |score| format!("{score:.2}"));
    let mail = if counts.is_empty() { "nobody told".to_owned() } else { counts.join(", ") };
    format!("{:>6}  {}  {score}  {:<16} {}", alert.id, short(alert.at), mail, alert.subject)
}

fn delivery_words(delivery: &StoredDelivery) -> String {
    let StoredDelivery { to, status, attempts, reply, .. } = delivery;
    let when = match (delivery.finished, delivery.next_attempt) {
        (Some(at), _) => format!(" {}", short(at)),
        (None, Some(at)) => format!(", next attempt {}", short(at)),
        (None, None) => String::new(),
    };
    format!("to {to}: {status}{when}, attempts {attempts}{}{reply}", if reply.is_empty() { "" } else { ": " })
}
