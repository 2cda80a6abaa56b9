//! `wirewatch alerts ack` and `silence`: what people answer to alerts. They write beside a running daemon.

use std::fmt::Write;

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::{Failure, Output, counted, now, short};
use super::no_alert;
use crate::alert::AlertId;
use crate::alert::route::matches_glob;
use crate::alert::silence::{Matcher, NewSilence, Silence, SilenceId};
use crate::article::NO_PLACE;
use crate::article::place::country;
use crate::config::{self, Config};
use crate::feed::schedule::after;
use crate::pipeline::follow_up::{self, Acknowledged};
use crate::store::silences::SideWriter;
use crate::store::{FILE_NAME, Reader};
use crate::topic::Severity;

/// How soon a running daemon notices what is due since a command wrote it.
const NOTICED: &str = "within a minute";

#[derive(Debug, Args)]
pub(in crate::cli) struct Ack {
    /// Number of the alert, or of a digest: then all incidents it lists
    id: i64,
    /// Who takes it in hand [default: the user]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// What others should know
    #[arg(long, default_value = "")]
    comment: String,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct SilenceArguments {
    /// Topics: an id or a glob
    #[arg(long, value_name = "GLOB")]
    topic: Option<String>,
    /// Country, ISO 3166-1 alpha-2, or ZZ
    #[arg(long, value_name = "CODE")]
    place: Option<String>,
    /// Highest severity that is silenced; graver alerts are told
    #[arg(long, value_name = "SEVERITY")]
    severity: Option<SeverityWord>,
    /// Alerts all of whose articles are of this publisher (or glob)
    #[arg(long, value_name = "GLOB")]
    publisher: Option<String>,
    /// Only for this address
    #[arg(long, value_name = "ADDRESS")]
    to: Option<String>,
    /// For how long, at most 90d: 6h, 2d
    #[arg(long = "for", value_name = "DURATION", conflicts_with = "until")]
    duration: Option<String>,
    /// Until when (RFC 3339): 2026-03-01T06:00:00Z
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Why; others read it
    #[arg(long)]
    comment: Option<String>,
    /// Who wants it [default: the user]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// List silences that are in force
    #[arg(long, conflicts_with_all = ["topic", "place", "severity", "publisher", "to", "duration", "until", "comment", "end"])]
    list: bool,
    /// End this silence now; what it held is told
    #[arg(long, value_name = "ID", conflicts_with_all = ["topic", "place", "severity", "publisher", "to", "duration", "until", "comment"])]
    end: Option<i64>,
    /// JSON Lines instead of text
    #[arg(long)]
    json: bool,
}

/// A severity as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum SeverityWord {
    /// Good to know
    Info,
    /// Look soon
    Warning,
    /// Look now
    Critical,
}

impl SeverityWord {
    pub(in crate::cli) fn severity(self) -> Severity {
        match self {
            Self::Info => Severity::Info,
            Self::Warning => Severity::Warning,
            Self::Critical => Severity::Critical,
        }
    }
}

/// Who types: the person behind `sudo`, or the user.
#[expect(clippy::disallowed_methods, reason = "the one place of the commands that asks who the user is")]
fn user() -> Option<String> {
    let names = ["SUDO_USER", "USER", "LOGNAME"].into_iter().filter_map(|name| std::env::var(name).ok());
    names.map(|name| name.trim().to_owned()).find(|name| !name.is_empty())
}

fn author(given: Option<&String>) -> Result<String, Failure> {
    let given = given.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    given.or_else(user).ok_or_else(|| {
        Failure::usage("nobody says who does this: the environment names no user", "add --by NAME")
    })
}

fn writer(config: &Config) -> Result<SideWriter, Failure> {
    Ok(SideWriter::open(&config.data_dir.join(FILE_NAME))?)
}

/// Takes the incident of an alert in hand.
pub(super) fn acknowledge(config: &Config, arguments: &Ack) -> Result<String, Failure> {
    let (by, id) = (author(arguments.by.as_ref())?, arguments.id);
    let mut writer = writer(config)?;
    let tx = writer.begin()?;
    let done = follow_up::acknowledge(&tx, AlertId(id), &by, &arguments.comment, now())?;
    tx.commit()?;
    match done {
        Acknowledged::NoAlert => Err(no_alert(id)),
        Acknowledged::NoIncident => {
            let hint = "acknowledging is for alerts about what a topic watches";
            Err(Failure::new(format!("alert {id} tells of no incident"), hint))
        }
        Acknowledged::Incidents { incidents, spared, before, open } => {
            let numbers: Vec<String> = incidents.iter().map(|incident| incident.0.to_string()).collect();
            let noun = if incidents.len() == 1 { "incident" } else { "incidents" };
            let mut words = format!("{noun} {} acknowledged by {by}", numbers.join(", "));
            if let Some(before) = before {
                write!(words, " (before that by {before})").unwrap_or_default();
            }
            if !spared.is_empty() {
                write!(words, "; not told any more: {}", spared.join(", ")).unwrap_or_default();
            }
            if !open.is_empty() {
                let open: Vec<String> = open.iter().map(|alert| alert.0.to_string()).collect();
                write!(words, "; still to acknowledge: alert {}", open.join(", ")).unwrap_or_default();
            }
            Ok(words)
        }
    }
}

/// Mutes, lists or ends.
pub(super) fn silence(
    config: &Config,
    reader: &Reader,
    arguments: &SilenceArguments,
    output: &mut Output,
) -> Result<(), Failure> {
    let now = now();
    if arguments.list {
        let silences = reader.silences(now)?;
        if silences.is_empty() && !arguments.json {
            return output.line("no silence is in force");
        }
        for silence in &silences {
            if arguments.json { output.json(&in_json(silence))? } else { output.line(line(silence))? }
        }
        return Ok(());
    }
    if let Some(id) = arguments.end {
        return output.line(end(config, id, arguments, now)?);
    }
    let new = NewSilence {
        matcher: matcher(config, arguments)?,
        until: until(arguments, now)?,
        author: author(arguments.by.as_ref())?,
        comment: arguments.comment.clone().unwrap_or_default(),
    };
    let mut writer = writer(config)?;
    let tx = writer.begin()?;
    let kept = follow_up::silence(&tx, new, now)?;
    tx.commit()?;
    let id = kept.map_err(|refused| {
        let hint = "wirewatch alerts silence --topic ID --for 6h --comment \"why\"";
        Failure::usage(format!("no silence was made: {refused}"), hint)
    })?;
    let made = reader.silences(now)?.into_iter().find(|silence| silence.id == id);
    match made {
        Some(silence) if arguments.json => output.json(&in_json(&silence)),
        Some(silence) => {
            output.line(line(&silence))?;
            output.line(format!(
                "What it holds is recorded, and told in one mail when it ends; before: wirewatch alerts silence --end {}",
                id.0
            ))
        }
        None => output.line(format!("silence {}", id.0)),
    }
}

fn end(config: &Config, id: i64, arguments: &SilenceArguments, now: Timestamp) -> Result<String, Failure> {
    let by = author(arguments.by.as_ref())?;
    let mut writer = writer(config)?;
    let tx = writer.begin()?;
    let ended = follow_up::end_silence(&tx, SilenceId(id), &by, now)?;
    tx.commit()?;
    let Some((silence, held)) = ended else {
        let hint = "wirewatch alerts silence --list shows those in force";
        return Err(Failure::new(format!("there is no silence {id}"), hint));
    };
    if silence.ended_at.is_some() || silence.until <= now {
        let at = silence.ended_at.unwrap_or(silence.until);
        return Ok(format!("silence {id} had ended at {}", short(at)));
    }
    let told = match held {
        0 => "it held nothing".to_owned(),
        count => {
            format!("{} it held: told {NOTICED} by a running daemon", counted(count, "alert", "alerts"))
        }
    };
    Ok(format!("silence {id} ended; {told}"))
}

fn matcher(config: &Config, arguments: &SilenceArguments) -> Result<Matcher, Failure> {
    let SilenceArguments { topic, place, severity, publisher, to, .. } = arguments;
    if let Some(glob) = topic
        && !config.topics.iter().any(|topic| matches_glob(glob, &topic.source.id.0))
    {
        let message = format!("`{}` matches no topic", config::shown(glob));
        return Err(Failure::usage(message, "wirewatch topics list shows them"));
    }
    if let Some(place) = place {
        check_place(place)?;
    }
    Ok(Matcher {
        topic: topic.clone(),
        place: place.clone(),
        severity_max: severity.map(SeverityWord::severity),
        publisher: publisher.clone(),
        address: to.clone(),
    })
}

/// Whether alerts can stand under a place.
pub(in crate::cli) fn check_place(place: &str) -> Result<(), Failure> {
    if place == NO_PLACE || country::name(place).is_some() {
        return Ok(());
    }
    let message = format!("`{}` is not a country code", config::shown(place));
    Err(Failure::usage(
        message,
        "write two capital letters (ISO 3166-1 alpha-2), such as SD; ZZ is no country found",
    ))
}

fn until(arguments: &SilenceArguments, now: Timestamp) -> Result<Timestamp, Failure> {
    match (&arguments.duration, &arguments.until) {
        (Some(text), _) => {
            let duration = config::duration(text).map_err(|message| {
                Failure::usage(format!("--for: {message}"), "write it as 6h, 2d or 1h 30m")
            })?;
            Ok(after(now, duration))
        }
        (None, Some(text)) => text.parse().map_err(|_| {
            let message = format!("--until: `{}` is not a time", config::shown(text));
            Failure::usage(message, "write it as RFC 3339 has it, 2026-03-01T06:00:00Z")
        }),
        (None, None) => {
            Err(Failure::usage("a silence must end", "add --for 6h, or --until 2026-03-01T06:00:00Z"))
        }
    }
}

fn line(silence: &Silence) -> String {
    format!(
        "silence {}  until {}  {}  by {}: {}",
        silence.id.0,
        short(silence.until),
        silence.matcher.words(),
        silence.author,
        silence.comment
    )
}

fn in_json(silence: &Silence) -> Value {
    let Matcher { topic, place, severity_max, publisher, address } = &silence.matcher;
    json!({
        "id": silence.id.0, "topic": topic, "place": place, "severity": severity_max.map(Severity::as_str),
        "publisher": publisher, "to": address, "by": silence.author, "comment": silence.comment,
        "made": silence.made_at, "until": silence.until,
    })
}
