//! `wirewatch mail`: a test of every way out, what waits, what was refused for good, and who wants no more.

use std::path::Path;

use clap::Subcommand;

use super::{Exit, Failure, Outcome, Output, counted, load, now, reader, runtime, short};
use crate::alert::render;
use crate::alert::render::sample;
use crate::config::Config;
use crate::daemon::mailer::hand_to;
use crate::delivery::payload::Payload;
use crate::delivery::{Channel, codes};
use crate::fetch::Fetcher;
use crate::mail::{Mailer, Message, Outcome as Sent};
use crate::store::letters::DeadLetter;
use crate::store::{FILE_NAME, follow_up, letters};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Send one test message and print what became of it
    #[command(
        after_help = "Examples:\n  wirewatch mail test --to me@example.org\n  wirewatch mail test --to me@example.org --sample update\n  wirewatch mail test --to outlet:ops-pager"
    )]
    Test {
        /// Address, or outlet:NAME; without it, every address of every route
        #[arg(long)]
        to: Option<String>,
        /// A sample of this kind instead, laid out by the templates in force: first, update, escalation, surge,
        /// correction, all-clear, digest, operator, heartbeat
        #[arg(long, value_name = "KIND", value_parser = sample_name)]
        sample: Option<String>,
    },
    /// List what was refused for good, the latest first
    #[command(after_help = "Example:\n  wirewatch mail failed --json")]
    Failed {
        /// At most so many
        #[arg(long, default_value_t = 100)]
        limit: u32,
        /// JSON Lines instead of text
        #[arg(long)]
        json: bool,
    },
    /// List what waits to be sent, the longest waiting first
    #[command(after_help = "Example:\n  wirewatch mail waiting --json")]
    Waiting {
        /// At most so many
        #[arg(long, default_value_t = 100)]
        limit: u32,
        /// JSON Lines instead of text
        #[arg(long)]
        json: bool,
    },
    /// Give up what waits and will never arrive: it is not tried again
    #[command(after_help = "Example:\n  wirewatch mail give-up 12 14")]
    GiveUp {
        /// Numbers of deliveries, from mail waiting
        #[arg(required = true)]
        ids: Vec<i64>,
    },
    /// Put what was refused for good into the outbox again
    #[command(after_help = "Examples:\n  wirewatch mail resend 12 14\n  wirewatch mail resend --all")]
    Resend {
        /// Numbers of deliveries, from mail failed
        #[arg(required_unless_present = "all")]
        ids: Vec<i64>,
        /// All of them
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
    /// List the addresses that unsubscribed from a topic, or subscribe one again
    #[command(
        after_help = "Examples:\n  wirewatch mail unsubscribed\n  wirewatch mail unsubscribed --restore desk@example.org"
    )]
    Unsubscribed {
        /// Subscribe this address again
        #[arg(long, value_name = "ADDRESS")]
        restore: Option<String>,
        /// Only to this topic
        #[arg(long, value_name = "ID", requires = "restore")]
        topic: Option<String>,
        /// JSON Lines instead of text
        #[arg(long, conflicts_with = "restore")]
        json: bool,
    },
}

/// A mail that a sample can be made of.
fn sample_name(word: &str) -> Result<String, String> {
    let known = sample::names();
    let is_known = known.contains(&word);
    is_known.then(|| word.to_owned()).ok_or_else(|| format!("write one of {}", known.join(", ")))
}

pub(super) fn run(dir: &Path, command: &Command) -> Outcome {
    let config = load(dir)?;
    match command {
        Command::Test { to, sample } => test(&config, to.as_deref(), sample.as_deref()),
        Command::Failed { limit, json } => failed(&config, *limit, *json),
        Command::Waiting { limit, json } => waiting(&config, *limit, *json),
        Command::GiveUp { ids } => give_up(&config, ids),
        Command::Resend { ids, all } => resend(&config, ids, *all),
        Command::Unsubscribed { restore: Some(address), topic, .. } => {
            restore(&config, address, topic.as_deref())
        }
        Command::Unsubscribed { json, .. } => unsubscribed(&config, *json),
    }
}

fn test(config: &Config, to: Option<&str>, sample: Option<&str>) -> Outcome {
    let addresses = if let Some(address) = to {
        vec![address.to_owned()]
    } else {
        let mut addresses: Vec<String> = config.routes.iter().flat_map(|route| route.to.clone()).collect();
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    };
    if addresses.is_empty() {
        return Err(Failure::usage(
            "there is nobody to write to",
            "use --to ADDRESS, or configure a [[route]]",
        ));
    }
    let mut output = Output::open();
    let mut exit = Exit::Done;
    let runtime = runtime()?;
    for (index, to) in addresses.into_iter().enumerate() {
        let sent = match Channel::of(&to) {
            Channel::Mail => runtime.block_on(test_mail(config, &to, index, sample))?,
            Channel::Outlet(name) => runtime.block_on(test_outlet(config, &name))?,
        };
        let (word, reply) = match sent {
            Sent::Sent(reply) => ("sent", reply),
            Sent::Deferred(reply) | Sent::Blocked(reply) | Sent::Crowded(reply) | Sent::Throttled(reply) => {
                ("not sent, a real alert would be tried again", reply)
            }
            Sent::Rejected(reply) => ("refused for good", reply),
        };
        if word != "sent" {
            exit = Exit::Failed;
        }
        output.line(format!("{to}: {word}: {reply}"))?;
    }
    output.finish()?;
    Ok(exit)
}

async fn test_mail(config: &Config, to: &str, index: usize, sample: Option<&str>) -> Result<Sent, Failure> {
    let mailer = Mailer::new(&config.mail.door).map_err(|error| Failure::new(error, ""))?;
    let at = now();
    let sample = sample.and_then(|name| sample::mail(name, at, &config.templates));
    let rendered = sample.unwrap_or_else(|| render::test_mail(at));
    let message = Message {
        message_id: format!("test-{}-{index}@{}", at.as_microsecond(), mailer.domain()),
        to: to.to_owned(),
        references: Vec::new(),
        date: at,
        subject: rendered.subject,
        text: rendered.text,
        html: rendered.html,
        picture: rendered.picture,
        headers: rendered.headers,
    };
    Ok(mailer.send(&message).await)
}

/// A test for an outlet: kind `test`, which no alert has.
async fn test_outlet(config: &Config, name: &str) -> Result<Sent, Failure> {
    let Some(outlet) = config.outlets.iter().find(|outlet| outlet.name == name) else {
        let names: Vec<&str> = config.outlets.iter().map(|outlet| outlet.name.as_str()).collect();
        let hint = if names.is_empty() { "there are none".to_owned() } else { names.join(", ") };
        return Err(Failure::usage(format!("there is no outlet {name}"), format!("outlets: {hint}")));
    };
    let fetcher = Fetcher::new(config.poll.fetch_options()).map_err(|error| Failure::new(error, ""))?;
    let at = now();
    let rendered = render::test_mail(at);
    let payload = Payload {
        record: "alert",
        at,
        kind: "test".to_owned(),
        reason: "wirewatch mail test".to_owned(),
        topic: None,
        severity: "info".to_owned(),
        place: None,
        incident: None,
        story: None,
        articles: Vec::new(),
        publishers: None,
        score: None,
        subject: rendered.subject,
        alert: 0,
        delivery: format!("test-{}", at.as_microsecond()),
        article_count: 0,
        reports: Vec::new(),
        links: Vec::new(),
        alert_count: None,
        alerts: Vec::new(),
        text: rendered.text,
        configuration: format!("{:016x} wirewatch {}", config.hash, env!("CARGO_PKG_VERSION")),
    };
    Ok(hand_to(&fetcher, outlet, &payload, at).await.0)
}

fn failed(config: &Config, limit: u32, json: bool) -> Outcome {
    let reader = reader(config)?;
    let mut output = Output::open();
    let dead = reader.dead_letters(limit)?;
    list(&mut output, &dead, json)?;
    if !json {
        let count = reader.dead_letter_count()?;
        let shown = dead.len() as u64;
        if count == 0 {
            output.line("nothing was refused for good")?;
        } else if count > shown {
            output.line(format!("and {} more: --limit {count}", count - shown))?;
        }
    }
    output.finish()?;
    Ok(Exit::Done)
}

fn waiting(config: &Config, limit: u32, json: bool) -> Outcome {
    let waiting = reader(config)?.waiting_letters(limit)?;
    let mut output = Output::open();
    list(&mut output, &waiting, json)?;
    if waiting.is_empty() && !json {
        output.line("nothing waits")?;
    }
    output.finish()?;
    Ok(Exit::Done)
}

fn list(output: &mut Output, letters: &[DeadLetter], json: bool) -> Result<(), Failure> {
    for letter in letters {
        if json {
            let (code, status) = codes(&letter.reply);
            let mut record = serde_json::to_value(letter).unwrap_or_default();
            if let Some(fields) = record.as_object_mut() {
                fields.insert("code".to_owned(), code.into());
                fields.insert("status".to_owned(), status.into());
            }
            output.json(&record)?;
        } else {
            let DeadLetter { id, alert, to, subject, attempts, failed, reply } = letter;
            let at = failed.map_or_else(|| "waits".to_owned(), short);
            output.line(format!("{id:>6}  {at}  alert {alert} to {to}: {subject}"))?;
            output.line(format!("        {}: {reply}", counted(attempts, "attempt", "attempts")))?;
        }
    }
    Ok(())
}

fn give_up(config: &Config, ids: &[i64]) -> Outcome {
    let given_up = letters::give_up(&config.data_dir.join(FILE_NAME), ids, now())?;
    let mut output = Output::open();
    output.line(format!("{} given up", counted(given_up.len(), "delivery is", "deliveries are")))?;
    output.finish()?;
    let missing: Vec<String> =
        ids.iter().filter(|id| !given_up.contains(id)).map(ToString::to_string).collect();
    if missing.is_empty() {
        return Ok(Exit::Done);
    }
    let (noun, verb) = if missing.len() == 1 { ("delivery", "does") } else { ("deliveries", "do") };
    Err(Failure::new(
        format!("{noun} {} {verb} not wait", missing.join(", ")),
        "wirewatch mail waiting lists those that do; one that is on its way just now cannot be given up",
    ))
}

fn resend(config: &Config, ids: &[i64], all: bool) -> Outcome {
    let path = config.data_dir.join(FILE_NAME);
    let again = letters::resend(&path, (!all).then_some(ids), now())?;
    let mut output = Output::open();
    let due = if again.is_empty() { "" } else { "; a running wirewatch sends within a minute" };
    output.line(format!(
        "{} in the outbox again{due}",
        counted(again.len(), "delivery is", "deliveries are")
    ))?;
    output.finish()?;
    let missing: Vec<String> = ids.iter().filter(|id| !again.contains(id)).map(ToString::to_string).collect();
    if missing.is_empty() {
        return Ok(Exit::Done);
    }
    let noun = if missing.len() == 1 { "delivery" } else { "deliveries" };
    Err(Failure::new(
        format!("{noun} {} not refused for good, or to somebody who unsubscribed", missing.join(", ")),
        "wirewatch mail failed and wirewatch mail unsubscribed list them",
    ))
}

fn unsubscribed(config: &Config, json: bool) -> Outcome {
    let mut output = Output::open();
    let found = reader(config)?.unsubscriptions()?;
    for row in &found {
        if json {
            output.json(row)?;
        } else {
            let by = row.alert.map_or_else(String::new, |alert| format!(", by the mail of alert {alert}"));
            output.line(format!("{}  {} from {}{by}", short(row.at), row.address, row.topic))?;
        }
    }
    if found.is_empty() && !json {
        output.line("nobody unsubscribed")?;
    }
    output.finish()?;
    Ok(Exit::Done)
}

fn restore(config: &Config, address: &str, topic: Option<&str>) -> Outcome {
    let count = follow_up::restore(&config.data_dir.join(FILE_NAME), address, topic, now())?;
    if count == 0 {
        let from = topic.map_or_else(String::new, |topic| format!(" from {topic}"));
        return Err(Failure::new(
            format!("{address} is not unsubscribed{from}"),
            "wirewatch mail unsubscribed lists who is",
        ));
    }
    let mut output = Output::open();
    output.line(format!("{address} is told of {} again", counted(count, "topic", "topics")))?;
    output.finish()?;
    Ok(Exit::Done)
}
