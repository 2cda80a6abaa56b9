//! `wirewatch alerts`: what was told, to whom, and why.

use std::path::Path;

use clap::Subcommand;
use serde_json::json;

use super::{Exit, Failure, Outcome, Output, counted, load, now, reader, short};
use crate::config::Config;
use crate::store::Reader;
use crate::store::labels::{Label, LabelSource, Labeller};
use crate::store::report::{StoredAlert, StoredArticle, StoredDelivery};
use crate::topic::evaluate::Grade;

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
    /// Say whether an alert was useful; its articles become labels for topics evaluate and learn --stored
    #[command(
        after_help = "Examples:\n  wirewatch alerts feedback 12 useful\n  wirewatch alerts feedback 13 noise"
    )]
    Feedback {
        /// Number of the alert
        id: i64,
        /// What it was
        verdict: Verdict,
    },
}

/// What an alert was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Verdict {
    /// An alert was right
    Useful,
    /// It was wrong
    Noise,
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
            let Some((alert, text)) = reader.alert(*id)? else { return Err(no_alert(*id)) };
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
        Command::Feedback { id, verdict } => output.line(feedback(&config, &reader, *id, *verdict)?)?,
    }
    output.finish()?;
    Ok(Exit::Done)
}

fn no_alert(id: i64) -> Failure {
    Failure::new(format!("there is no alert {id}"), "wirewatch alerts list shows the latest")
}

/// Labels the articles of an alert, and says so.
fn feedback(config: &Config, reader: &Reader, id: i64, verdict: Verdict) -> Result<String, Failure> {
    let Some((alert, _)) = reader.alert(id)? else { return Err(no_alert(id)) };
    let Some(topic) = alert.topic else {
        let hint = "feedback is for alerts about what a topic watches";
        return Err(Failure::new(format!("alert {id} tells how wirewatch itself is"), hint));
    };
    if !crate::alert::Kind::from_word(&alert.kind).is_some_and(crate::alert::Kind::tells_news) {
        let hint = "give feedback on the alert that told the news";
        return Err(Failure::new(
            format!("alert {id} tells no news: it is of the kind {}", alert.kind),
            hint,
        ));
    }
    let grade = if verdict == Verdict::Useful { Grade::Yes } else { Grade::No };
    let label = |article: StoredArticle| Label { article: article.id, topic: topic.clone(), grade };
    let labels: Vec<Label> = reader.alert_articles(id)?.into_iter().map(label).collect();
    let mut labeller = Labeller::open(&config.data_dir.join(crate::store::FILE_NAME))?;
    let kept = labeller.keep(&labels, LabelSource::Feedback, now())?;
    let mut words =
        format!("{} labelled {} for {topic}", counted(kept, "article", "articles"), grade.number());
    if kept < labels.len() {
        let own = counted(labels.len() - kept, "keeps its own label", "keep their own labels");
        words.extend(["; ", &own]);
    }
    Ok(words)
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
