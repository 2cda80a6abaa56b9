//! `wirewatch routes`: who gets what, when, and why others do not.
//!
//! Owns how an alert that never was is described. The answer is `alert/route`'s own, as for one that is.

use std::path::Path;

use clap::{Args, Subcommand};
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use super::alerts::follow_up::{SeverityWord, check_place};
use super::{Exit, Failure, Outcome, Output, load, now};
use crate::alert::route::clock::{QuietHours, moment};
use crate::alert::route::decide::{Decision, Reminder, Scene, Verdict, decide, recipients, reminders};
use crate::alert::route::{CAP_WINDOW, Mode, Route};
use crate::alert::{Alert, Kind};
use crate::article::NO_PLACE;
use crate::config::{self, Config};
use crate::feed::schedule::words;
use crate::store::{FILE_NAME, Reader, StoreError};
use crate::topic::Topic;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the routes: who, what, when
    #[command(after_help = "Example:\n  wirewatch routes list")]
    List {
        /// JSON Lines instead of text
        #[arg(long)]
        json: bool,
    },
    /// Say who would be told of an alert, when, and why others would not; no alert is made
    #[command(
        after_help = "Examples:\n  wirewatch routes test --topic ceasefire-breakdown --place SD\n  wirewatch routes test --topic famine --score 0.82 --severity critical --publishers 3 --kind update --at 'Sun 03:00'"
    )]
    Test(Test),
}

#[derive(Debug, Args)]
pub(super) struct Test {
    /// Its topic
    #[arg(long, value_name = "ID")]
    topic: String,
    /// Country, ISO 3166-1 alpha-2, or ZZ
    #[arg(long, value_name = "CODE", default_value = NO_PLACE)]
    place: String,
    /// Severity [default: the topic's]
    #[arg(long, value_name = "SEVERITY")]
    severity: Option<SeverityWord>,
    /// Score of its best article, 0 to 1
    #[arg(long)]
    score: Option<f64>,
    /// Independent publishers
    #[arg(long, default_value_t = 1)]
    publishers: u32,
    /// What it tells
    #[arg(long, default_value = "first")]
    kind: KindWord,
    /// When: 'Sun 03:00' or '03:00' (the next), or RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// The clock of --at [default: that of the routes when they share one, else UTC]
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// JSON instead of text
    #[arg(long)]
    json: bool,
}

/// A kind as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum KindWord {
    /// The first of an incident
    First,
    /// Something new in an open incident
    Update,
    /// Something that cannot wait for the next update
    Escalation,
    /// Far more reports than usual
    Surge,
    /// What was told was wrong
    Correction,
    /// An incident fell quiet
    AllClear,
}

impl KindWord {
    fn kind(self) -> Kind {
        match self {
            Self::First => Kind::First,
            Self::Update => Kind::Update,
            Self::Escalation => Kind::Escalation,
            Self::Surge => Kind::Surge,
            Self::Correction => Kind::Correction,
            Self::AllClear => Kind::AllClear,
        }
    }
}

pub(super) fn run(dir: &Path, command: &Command) -> Outcome {
    let config = load(dir)?;
    let mut output = Output::open();
    match command {
        Command::List { json } => list(&config, *json, &mut output)?,
        Command::Test(arguments) => test(&config, arguments, &mut output)?,
    }
    output.finish()?;
    Ok(Exit::Done)
}

fn list(config: &Config, as_json: bool, output: &mut Output) -> Result<(), Failure> {
    if config.routes.is_empty() && !as_json {
        return output.line("there is no [[route]]: alerts are stored and nobody is told");
    }
    for (index, route) in config.routes.iter().enumerate() {
        if as_json {
            output.json(&route_json(route, index + 1))?;
            continue;
        }
        output.line(format!("route {}  to {}", index + 1, route.to.join(", ")))?;
        output.line(format!("         what: {}", what(route)))?;
        output.line(format!("         when: {}", route.words()))?;
        if let Some(second) = &route.second_line {
            let (to, after) = (second.to.join(", "), words(second.after));
            output.line(format!("         critical and not acknowledged in {after}: {to}"))?;
        }
    }
    Ok(())
}

fn what(route: &Route) -> String {
    let mut parts = vec![format!("topics {}", route.topics.join(", "))];
    if !route.severities.is_empty() {
        let words: Vec<&str> = route.severities.iter().map(|severity| severity.as_str()).collect();
        parts.push(words.join(", "));
    }
    if !route.places.is_empty() {
        parts.push(format!("places {}", route.places.join(", ")));
    }
    if route.min_publishers > 1 {
        parts.push(format!("{} publishers or more", route.min_publishers));
    }
    if route.all_clear {
        parts.push("with all-clears".to_owned());
    }
    parts.join("; ")
}

fn route_json(route: &Route, number: usize) -> Value {
    let quiet = route.quiet_hours.as_ref();
    json!({
        "route": number, "to": route.to, "topics": route.topics, "severities": route.severities,
        "places": route.places, "min_publishers": route.min_publishers, "all_clear": route.all_clear,
        "when": route.words(), "time_zone": route.zone.iana_name(),
        "quiet_hours": quiet.map(QuietHours::words), "quiet_unless": quiet.map(|quiet| quiet.unless),
        "max_per_hour": route.max_per_hour,
        "escalate_to": route.second_line.as_ref().map(|second| &second.to),
        "escalate_after": route.second_line.as_ref().map(|second| words(second.after)),
    })
}

/// The alert that is described, and what would become of it.
struct Answer {
    alert: Alert,
    at: Timestamp,
    /// Why there would be no alert in the first place.
    doubts: Vec<String>,
    verdicts: Vec<Verdict>,
    reminders: Vec<Reminder>,
}

fn test(config: &Config, arguments: &Test, output: &mut Output) -> Result<(), Failure> {
    let answer = answer(config, arguments)?;
    if arguments.json { print_json(config, &answer, output) } else { print(config, &answer, output) }
}

fn answer(config: &Config, arguments: &Test) -> Result<Answer, Failure> {
    let Some(topic) = config.topics.iter().find(|topic| topic.source.id.0 == arguments.topic) else {
        let message = format!("there is no topic `{}`", config::shown(&arguments.topic));
        return Err(Failure::usage(message, "wirewatch topics list shows them"));
    };
    check_place(&arguments.place)?;
    let at = at(config, arguments)?;
    let alert = Alert {
        kind: arguments.kind.kind(),
        topic: topic.source.id.clone(),
        severity: arguments.severity.map_or(topic.source.severity, SeverityWord::severity),
        place: arguments.place.clone(),
        publishers: arguments.publishers,
    };
    let doubts = doubts(topic, arguments);
    let known = Known::read(config, &alert, at)?;
    let scene = Scene {
        silences: &known.silences,
        recent: &known.recent,
        unsubscribed: &known.unsubscribed,
        ..Scene::at(at)
    };
    let verdicts = decide(&config.routes, &alert, &scene);
    let reminders = reminders(&config.routes, &alert, &verdicts, &known.silences, at);
    Ok(Answer { alert, at, doubts, verdicts, reminders })
}

/// Why such an alert would not come to be.
fn doubts(topic: &Topic, arguments: &Test) -> Vec<String> {
    let policy = &topic.source.policy;
    let mut doubts = Vec::new();
    if let Some(score) = arguments.score.filter(|score| *score < policy.threshold) {
        doubts.push(format!(
            "an article with a score of {score:.2} does not trip this topic: its threshold is {:.2}",
            policy.threshold
        ));
    }
    if arguments.publishers < policy.publishers && arguments.kind == KindWord::First {
        doubts.push(format!(
            "with {} of {} publishers the incident would still be forming (alert.publishers)",
            arguments.publishers, policy.publishers
        ));
    }
    doubts
}

/// What the database knows that decides about mails; nothing where there is none yet.
#[derive(Default)]
struct Known {
    silences: Vec<crate::alert::silence::Silence>,
    recent: Vec<(String, crate::alert::route::Told)>,
    unsubscribed: Vec<String>,
}

impl Known {
    fn read(config: &Config, alert: &Alert, at: Timestamp) -> Result<Self, Failure> {
        let reader = match Reader::open(&config.data_dir.join(FILE_NAME)) {
            Ok(reader) => reader,
            Err(StoreError::Missing { .. }) => return Ok(Self::default()),
            Err(error) => return Err(error.into()),
        };
        let gone = reader.unsubscriptions()?.into_iter().filter(|gone| gone.topic == alert.topic.0);
        let unsubscribed = gone.map(|gone| gone.address).collect();
        let mut known = Self { silences: reader.silences(now().min(at))?, recent: Vec::new(), unsubscribed };
        let hour_ago = at.checked_sub(CAP_WINDOW).unwrap_or(Timestamp::MIN);
        for address in recipients(&config.routes, alert, &Scene::at(at)) {
            let told = reader.told_since(&address, hour_ago)?;
            known.recent.extend(told.into_iter().map(|told| (address.clone(), told)));
        }
        Ok(known)
    }
}

/// `--at`, as a moment.
fn at(config: &Config, arguments: &Test) -> Result<Timestamp, Failure> {
    let zone = match &arguments.time_zone {
        Some(name) => config::time_zone(name)
            .map_err(|message| Failure::usage(format!("--time-zone: {message}"), ""))?,
        None => shared_zone(&config.routes),
    };
    let Some(text) = &arguments.at else { return Ok(now()) };
    let found = text.trim().parse::<Timestamp>().ok().or_else(|| next_clock(text, &zone, now()));
    found.ok_or_else(|| {
        let message = format!("--at: `{}` is not a time", config::shown(text));
        Failure::usage(message, "write it as 'Sun 03:00', '03:00' or 2026-03-01T03:00:00Z")
    })
}

/// The clock that all routes go by which go by one; UTC when they differ.
fn shared_zone(routes: &[Route]) -> TimeZone {
    let mut zones =
        routes.iter().filter(|route| route.mode != Mode::Immediate || route.quiet_hours.is_some());
    let Some(first) = zones.next() else { return TimeZone::UTC };
    let is_shared = zones.all(|route| route.zone == first.zone);
    if is_shared { first.zone.clone() } else { TimeZone::UTC }
}

/// The next `Sun 03:00` or `03:00` of a local clock.
fn next_clock(text: &str, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
    let (day, clock) = match text.trim().split_once(char::is_whitespace) {
        Some((day, clock)) => (Some(weekday(day)?), clock.trim()),
        None => (None, text.trim()),
    };
    let (hours, minutes) = clock.split_once(':')?;
    let time = Time::new(hours.parse().ok()?, minutes.parse().ok()?, 0, 0).ok()?;
    let today = zone.to_datetime(now).date();
    (0..=8)
        .filter_map(|days: i64| today.checked_add(days.days()).ok())
        .filter(|date| day.is_none_or(|day| date.weekday() == day))
        .filter_map(|date| zone.to_timestamp(date.to_datetime(time)).ok())
        .find(|at| *at >= now)
}

fn weekday(word: &str) -> Option<Weekday> {
    let word = word.to_lowercase();
    let days = [
        ("monday", Weekday::Monday),
        ("tuesday", Weekday::Tuesday),
        ("wednesday", Weekday::Wednesday),
        ("thursday", Weekday::Thursday),
        ("friday", Weekday::Friday),
        ("saturday", Weekday::Saturday),
        ("sunday", Weekday::Sunday),
    ];
    let is_it = |name: &str| word.chars().count() >= 2 && name.starts_with(&word);
    let mut found = days.into_iter().filter(|(name, _)| is_it(name));
    found.next().map(|(_, day)| day)
}

fn print(config: &Config, answer: &Answer, output: &mut Output) -> Result<(), Failure> {
    let Alert { kind, topic, severity, place, publishers } = &answer.alert;
    let zone = shared_zone(&config.routes);
    output.line(format!(
        "alert: {} of {} at {place}, {}, {}, decided at {}",
        kind.as_str(),
        topic.0,
        severity.as_str(),
        super::counted(*publishers, "publisher", "publishers"),
        moment(answer.at, &zone)
    ))?;
    for doubt in &answer.doubts {
        output.line(format!("but: {doubt}"))?;
    }
    for (index, route) in config.routes.iter().enumerate() {
        if let Some(refusal) = route.refusal(&answer.alert) {
            output.line(format!("route {}  not taken: {}", index + 1, refusal.words(route)))?;
            continue;
        }
        output.line(format!("route {}  taken", index + 1))?;
        for address in &route.to {
            let found = answer.verdicts.iter().find(|it| it.address.eq_ignore_ascii_case(address));
            let words = match found {
                Some(verdict) if verdict.route == Some(index) => said(verdict),
                Some(Verdict { route: Some(other), .. }) => {
                    format!("by route {}, which tells first", other + 1)
                }
                _ => "not told".to_owned(),
            };
            output.line(format!("         {address}: {words}"))?;
        }
        for reminder in answer.reminders.iter().filter(|reminder| reminder.route == index) {
            output.line(format!(
                "         {}: at {}, unless somebody acknowledges it within {}",
                reminder.address,
                moment(reminder.due_at, &route.zone),
                words(reminder.after)
            ))?;
        }
    }
    if answer.verdicts.is_empty() {
        output.line("nobody is told: no route takes it")?;
    }
    Ok(())
}

fn said(verdict: &Verdict) -> String {
    match &verdict.decision {
        Decision::Told { .. } => "at once".to_owned(),
        other => other.words().to_owned(),
    }
}

fn print_json(config: &Config, answer: &Answer, output: &mut Output) -> Result<(), Failure> {
    let verdicts: Vec<Value> = answer
        .verdicts
        .iter()
        .map(|verdict| {
            let at = match &verdict.decision {
                Decision::Told { .. } => Some(answer.at),
                Decision::Held { until, .. } => Some(*until),
                Decision::NothingToClear | Decision::Unsubscribed => None,
            };
            json!({
                "to": verdict.address, "route": verdict.route.map(|index| index + 1), "at": at,
                "decision": verdict.decision.code(), "reason": verdict.decision.words(),
            })
        })
        .collect();
    let refused: Vec<Value> = config
        .routes
        .iter()
        .enumerate()
        .filter_map(|(index, route)| {
            let refusal = route.refusal(&answer.alert)?;
            Some(json!({ "route": index + 1, "reason": refusal.words(route) }))
        })
        .collect();
    let reminders: Vec<Value> = answer
        .reminders
        .iter()
        .map(|reminder| json!({ "to": reminder.address, "route": reminder.route + 1, "at": reminder.due_at }))
        .collect();
    output.json(&json!({
        "at": answer.at, "kind": answer.alert.kind.as_str(), "topic": answer.alert.topic,
        "severity": answer.alert.severity, "place": answer.alert.place, "publishers": answer.alert.publishers,
        "doubts": answer.doubts, "told": verdicts, "not_taken": refused, "unless_acknowledged": reminders,
    }))
}
