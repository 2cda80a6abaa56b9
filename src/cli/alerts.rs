//! `wirewatch alerts`: what was told, to whom, and why.

pub(super) mod follow_up;
mod list;
mod show;

use std::path::Path;

use clap::Subcommand;

use super::{Exit, Failure, Outcome, Output, counted, load, now, reader};
use crate::config::Config;
use crate::store::Reader;
use crate::store::labels::{Label, LabelSource, Labeller};
use crate::store::report::StoredArticle;
use crate::topic::evaluate::Grade;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the latest alerts
    #[command(
        after_help = "Examples:\n  wirewatch alerts list --limit 10\n  wirewatch alerts list --topic 'ceasefire-*' --place SD --since 7d"
    )]
    List {
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: u32,
        #[command(flatten)]
        filter: list::Filter,
        #[command(flatten)]
        form: list::Form,
    },
    /// Show the whole story of an alert: its mail, why it was sent, what came to its incident and what was told of it, and
    /// what became of each delivery
    #[command(after_help = "Examples:\n  wirewatch alerts show 12\n  wirewatch alerts show --incident 7")]
    Show {
        /// Number of the alert
        #[arg(required_unless_present = "incident")]
        id: Option<i64>,
        /// Number of an incident instead: shows its last alert
        #[arg(long, value_name = "N", conflicts_with = "id")]
        incident: Option<i64>,
        /// JSON instead of text
        #[arg(long)]
        json: bool,
    },
    /// Write all alerts and their deliveries, oldest first, for a review or a spreadsheet
    #[command(
        after_help = "Examples:\n  wirewatch alerts export --since 2026-03-01 --csv > march.csv\n  wirewatch alerts export --kind escalation --json"
    )]
    Export {
        #[command(flatten)]
        filter: list::Filter,
        #[command(flatten)]
        form: list::Form,
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

pub(in crate::cli) use self::show::record_json;

pub(super) fn run(dir: &Path, command: &Command) -> Outcome {
    let config = load(dir)?;
    let reader = reader(&config)?;
    match command {
        Command::List { limit, filter, form } => list::list(&reader, filter, *limit, *form),
        Command::Export { filter, form } => list::export(&reader, filter, *form),
        Command::Show { id, incident, json } => show::run(&reader, *id, *incident, *json),
        Command::Feedback { id, verdict } => say(&feedback(&config, &reader, *id, *verdict)?),
        Command::Ack(arguments) => say(&follow_up::acknowledge(&config, arguments)?),
        Command::Silence(arguments) => {
            let mut output = Output::open();
            follow_up::silence(&config, &reader, arguments, &mut output)?;
            output.finish()?;
            Ok(Exit::Done)
        }
    }
}

/// One line, said.
fn say(line: &str) -> Outcome {
    let mut output = Output::open();
    output.line(line)?;
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
    if !crate::alert::Kind::from_word(&alert.kind).is_some_and(crate::alert::Kind::tells_reports) {
        let hint = "give feedback on the alert that told the news";
        return Err(Failure::new(
            format!("alert {id} tells no reports that tripped: it is of the kind {}", alert.kind),
            hint,
        ));
    }
    let grade = if verdict == Verdict::Useful { Grade::Yes } else { Grade::No };
    let label = |article: StoredArticle| Label { article: article.id, topic: topic.clone(), grade };
    let mut articles = reader.alert_articles(id)?;
    let mut trips = Vec::with_capacity(articles.len());
    for article in &articles {
        let scores = reader.scores(article.id)?;
        // One that was edited since, and no longer says so, is no example of what was told.
        trips.push(scores.iter().any(|score| score.topic == topic && score.trips));
    }
    let mut trips = trips.into_iter();
    articles.retain(|_| trips.next().unwrap_or_default());
    let labels: Vec<Label> = articles.into_iter().map(label).collect();
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
