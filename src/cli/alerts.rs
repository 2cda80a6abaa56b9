//! `wirewatch alerts`: what was told, to whom, and why.

pub(super) mod follow_up;

use std::path::Path;

use clap::Subcommand;
use serde_json::{Value, json};

use super::{Exit, Failure, Outcome, Output, counted, load, now, reader, short};
use crate::alert::render::without_actions;
use crate::config::Config;
use crate::store::Reader;
use crate::store::labels::{Label, LabelSource, Labeller};
use crate::store::report::{StoredAlert, StoredArticle, StoredDelivery};
use crate::store::routing::StoredRouting;
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
    /// Take the incident of an alert in hand: second addresses are not told any more; news still is
    #[command(
        after_help = "Examples:\n  wirewatch alerts ack 12\n  wirewatch alerts ack 12 --by anna --comment 'calling the field office'"
    )]
    Ack(follow_up::Ack),
    /// Mute alerts for a time, list mutes, or end one
    #[command(
        after_help = "Examples:\n  wirewatch alerts silence --topic ceasefire-breakdown --place SD --for 6h --comment 'known, team is on it'\n  wirewatch alerts silence --topic 'aid-*' --severity warning --until 2026-03-01T06:00:00Z --comment 'exercise'\n  wirewatch alerts silence --list\n  wirewatch alerts silence --end 3"
    )]
    Silence(follow_up::SilenceArguments),
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
        Command::Show { id, json } => show(&reader, *id, *json, &mut output)?,
        Command::Feedback { id, verdict } => output.line(feedback(&config, &reader, *id, *verdict)?)?,
        Command::Ack(arguments) => output.line(follow_up::acknowledge(&config, arguments)?)?,
        Command::Silence(arguments) => follow_up::silence(&config, &reader, arguments, &mut output)?,
    }
    output.finish()?;
    Ok(Exit::Done)
}

/// One alert, with what became of it.
fn show(reader: &Reader, id: i64, as_json: bool, output: &mut Output) -> Result<(), Failure> {
    let Some((alert, text)) = reader.alert(id)? else { return Err(no_alert(id)) };
    // Links are a recipient's own, and stand for nobody in what is stored.
    let text = without_actions(&text);
    let (routing, digested) = (reader.routing(id)?, reader.digested(id)?);
    let acknowledgements = reader.acknowledgements(id)?;
    if as_json {
        let each = acknowledgements.iter();
        let acknowledged: Vec<Value> =
            each.map(|by| json!({ "by": by.author, "comment": by.comment, "at": by.at })).collect();
        return output.json(&json!({
            "alert": alert, "text": text, "articles": reader.alert_articles(id)?, "routing": routing,
            "acknowledged": acknowledged, "digested": digested,
        }));
    }
    output.line(format!("alert {id}, {}, {}", short(alert.at), alert.kind))?;
    output.line(format!("why: {}", alert.reason))?;
    output.line(format!("decided by configuration {}", alert.configuration))?;
    for step in &routing {
        output.line(routing_words(step))?;
    }
    for delivery in &alert.deliveries {
        output.line(delivery_words(delivery))?;
    }
    for by in &acknowledgements {
        output.line(format!("acknowledged by {}", by.words()))?;
    }
    if !digested.is_empty() {
        let numbers: Vec<String> = digested.iter().map(i64::to_string).collect();
        output.line(format!("tells of alerts {}", numbers.join(", ")))?;
    }
    if alert.deliveries.is_empty() && routing.is_empty() {
        output.line(match alert.kind.as_str() {
            "operator" => "nobody was told: it was over before it could be sent",
            _ => "nobody was told: no route takes it",
        })?;
    }
    output.line(format!("\n{}\n\n{text}", alert.subject))
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

fn routing_words(routing: &StoredRouting) -> String {
    let to = if routing.to.is_empty() { String::new() } else { format!("{}: ", routing.to) };
    format!("{} {to}{} ({})", short(routing.at), routing.reason, routing.decision)
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

fn delivery_words(delivery: &StoredDelivery) -> String {
    let StoredDelivery { to, status, attempts, reply, .. } = delivery;
    let when = match (delivery.finished, delivery.next_attempt) {
        (Some(at), _) => format!(" {}", short(at)),
        (None, Some(at)) => format!(", next attempt {}", short(at)),
        (None, None) => String::new(),
    };
    format!("to {to}: {status}{when}, attempts {attempts}{}{reply}", if reply.is_empty() { "" } else { ": " })
}
