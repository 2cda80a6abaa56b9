//! Literate tests: each file of `tests/scenarios/` tells a story of feeds over time and what people are told. The lines that
//! begin with `>` are the transcript; `UPDATE_SCENARIOS=1` writes what happened, to be read before it is believed.
//!
//! A file holds prose, TOML blocks (```` ```toml NAME ````, each a file of the configuration directory) and one
//! ```` ```scenario ```` block. Its steps, each with a day and a time (UTC):
//! - `1 12:00 one: Headline | Summary`: the feed `one` has a further entry, by its own publisher.
//! - `1 12:00 one edits 2: Headline | Summary`: the feed's second entry is edited.
//! - `1 12:00 wait`: nothing but time. It passes before every step, too.
//! - `1 12:00 restart`: the database is closed and opened again.
//! - `1 12:00 history TOPIC PLACE: 1 0 2`: so many reports came in on the days before, over and over for 60 days.
//! - `1 12:00 acknowledge 2`: somebody takes the incident of the second alert in hand.
//! - `1 12:00 silence SD for 6h`, `1 12:00 end silence 1`: somebody mutes what happens there, and no longer.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use wirewatch::alert::silence::{Matcher, NewSilence, SilenceId};
use wirewatch::alert::{AlertId, Kind};
use wirewatch::article::NO_PLACE;
use wirewatch::config;
use wirewatch::feed::Entry;
use wirewatch::feed::schedule::after;
use wirewatch::pipeline::follow_up::{self, Acknowledged};
use wirewatch::pipeline::{self, AlertEvent, Elapsed};
use wirewatch::store::counting::Counted;
use wirewatch::store::counts::{EVERYTHING, hour_of};

use crate::support::lab::Lab;

/// What stands in the configuration directory where a scenario says nothing of it.
const TOPIC: &str = include_str!("support/broken-truce.toml");
const MAIN: &str = "[[route]]\nto = [\"desk@example.org\"]\n";

struct Stage {
    lab: Lab,
    feeds: Vec<String>,
    /// Per feed its document, newest last.
    documents: Vec<Vec<Entry>>,
    ticked: Timestamp,
}

#[test]
fn every_scenario_goes_as_its_file_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    files.sort();
    assert!(files.len() >= 10, "the scenarios are there");
    #[allow(clippy::disallowed_methods, reason = "a switch of the test, not of the product")]
    let is_to_update = std::env::var_os("UPDATE_SCENARIOS").is_some();
    let mut wrong = String::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let played = play(&text);
        if played == text {
            continue;
        }
        if is_to_update {
            fs::write(&file, &played).unwrap();
        }
        let differs = text.lines().zip(played.lines()).find(|(told, happened)| told != happened);
        let (told, happened) = differs.unwrap_or(("(the end)", "(more)"));
        writeln!(wrong, "{}:\n  says      {told}\n  happened  {happened}", file.display()).unwrap();
    }
    assert!(wrong.is_empty(), "{wrong}\n(UPDATE_SCENARIOS=1 writes what happened)");
}

#[test]
fn a_restart_after_every_step_changes_nothing() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    for file in fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()) {
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(play_by(&text, Stage::restart), play(&text), "{}", file.display());
    }
}

/// The file as it would be if it told what happens.
fn play(text: &str) -> String {
    play_by(text, |_| {})
}

/// The same; `between` is done before every step.
fn play_by(text: &str, mut between: impl FnMut(&mut Stage)) -> String {
    let (files, head, steps, tail) = parts(text);
    let mut stage = Stage::new(&files, &steps);
    let mut out = head.to_owned();
    for step in &steps {
        between(&mut stage);
        writeln!(out, "{step}").unwrap();
        for line in stage.step(step) {
            writeln!(out, "    > {line}").unwrap();
        }
    }
    out.push_str(tail);
    out
}

/// The configuration files, the text up to the steps, the steps without their transcript, and the text after them.
fn parts(text: &str) -> (BTreeMap<String, String>, &str, Vec<String>, &str) {
    const OPEN: &str = "```scenario\n";
    let begin = text.find(OPEN).expect("a scenario block") + OPEN.len();
    let (head, rest) = text.split_at(begin);
    let (block, tail) = rest.split_at(rest.find("```").expect("the scenario block is closed"));
    let steps = block
        .lines()
        .filter(|line| !line.trim_start().starts_with('>') && !line.trim().is_empty())
        .map(str::to_owned);
    let mut files = BTreeMap::new();
    for part in head.split("```toml ").skip(1) {
        let (name, rest) = part.split_once('\n').expect("a name after ```toml");
        let (content, _) = rest.split_once("```").expect("the block is closed");
        files.insert(name.trim().to_owned(), content.to_owned());
    }
    (files, head, steps.collect(), tail)
}

impl Stage {
    fn new(files: &BTreeMap<String, String>, steps: &[String]) -> Self {
        let mut feeds: Vec<String> = Vec::new();
        for step in steps {
            let name = step.split_whitespace().nth(2).unwrap_or_default().trim_end_matches(':');
            if name != "history"
                && (step.contains(": ") || step.contains(" edits "))
                && !feeds.iter().any(|feed| feed == name)
            {
                feeds.push(name.to_owned());
            }
        }
        let mut files = files.clone();
        files.entry("wirewatch.toml".into()).or_insert_with(|| MAIN.to_owned());
        if !files.keys().any(|name| name.starts_with("topics/")) {
            files.insert("topics/broken-truce.toml".into(), TOPIC.to_owned());
        }
        files.entry("feeds.toml".into()).or_insert_with(|| {
            let table = |feed: &String| format!("[[feed]]\nurl = \"https://{feed}.example/feed\"\n");
            feeds.iter().map(table).collect::<Vec<_>>().concat()
        });
        let mut lab = Lab::of(&files);
        let begin = time("1", "00:00");
        let documents: Vec<Vec<Entry>> = feeds
            .iter()
            .map(|feed| vec![entry(feed, 0, "Calm seas and a slow day in the harbour", begin)])
            .collect();
        for (feed, document) in documents.iter().enumerate() {
            lab.poll(feed, begin, document);
        }
        Self { lab, feeds, documents, ticked: begin }
    }

    fn restart(&mut self) {
        self.lab.restart();
    }

    /// Plays a step and tells what happened.
    fn step(&mut self, step: &str) -> Vec<String> {
        let mut words = step.splitn(3, ' ');
        let (day, clock) = (words.next().unwrap(), words.next().unwrap());
        let at = time(day, clock);
        let mut lines = self.pass_until(at);
        let what = words.next().unwrap_or_else(|| panic!("{step}: a day, a time, and what happens"));
        match what.split_once(": ") {
            Some((series, counts)) if series.starts_with("history ") => self.remember(series, counts, at),
            Some((who, text)) => lines.extend(self.publish(who, text, at)),
            None if what == "restart" => self.restart(),
            None if what.starts_with("acknowledge ") => lines.push(self.acknowledge(what, at)),
            None if what.starts_with("silence ") => self.silence(what, at),
            None if what.starts_with("end silence ") => self.end_silence(what, at),
            None => assert_eq!(what, "wait", "{step}: nothing such is known"),
        }
        lines
    }

    /// What time alone does, at the times it does it.
    fn pass_until(&mut self, at: Timestamp) -> Vec<String> {
        let mut lines = Vec::new();
        let config = self.lab.config.clone();
        while let Some(due) =
            self.lab.within(|tx| pipeline::next_tick_at(tx, &config)).filter(|due| *due <= at)
        {
            // A time that lies behind was not looked at for want of a tick.
            let due = due.max(self.ticked);
            let happened = told_late(&self.lab.elapse(due));
            let is_idle = happened.is_empty() && due == self.ticked;
            lines.extend(happened.iter().map(|line| format!("{} {line}", clock(due))));
            if is_idle {
                break;
            }
            self.ticked = due;
        }
        self.ticked = self.ticked.max(at);
        lines
    }

    /// Puts in what was counted of a topic at a place before: so many reports on each of the last days, at noon, and twenty
    /// reports of whatever a day.
    fn remember(&mut self, series: &str, counts: &str, at: Timestamp) {
        let [_, topic, place] = series.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("{series}: history TOPIC PLACE")
        };
        let counts: Vec<i64> = counts.split_whitespace().map(|count| count.parse().unwrap()).collect();
        let now = hour_of(at);
        self.lab.within(|tx| {
            for counted in tx.counted_topics()?.into_values() {
                tx.save_counted(&Counted { since: now - 60 * 24, next_article: None, ..counted }, at)?;
            }
            for (day, count) in (1..=60).zip(counts.iter().cycle()) {
                let noon = (now.div_euclid(24) - day) * 24 + 12;
                tx.count_report(topic, place, noon, *count)?;
                tx.count_report(EVERYTHING, NO_PLACE, noon, 20)?;
            }
            Ok(())
        });
    }

    fn acknowledge(&mut self, what: &str, at: Timestamp) -> String {
        let alert = AlertId(number(what));
        let done = self.lab.within(|tx| follow_up::acknowledge(tx, alert, "anna", "", at));
        let Acknowledged::Incidents { spared, open, .. } = done else { panic!("{what}: {done:?}") };
        let open: Vec<String> =
            open.iter().map(|alert| format!("; not reached: alert {}", alert.0)).collect();
        let spared = if spared.is_empty() { "nobody".to_owned() } else { spared.join(", ") };
        format!("acknowledged; spared: {spared}{}", open.concat())
    }

    fn silence(&mut self, what: &str, at: Timestamp) {
        let words: Vec<&str> = what.split_whitespace().collect();
        let ["silence", place, "for", duration] = words[..] else {
            panic!("{what}: silence PLACE for DURATION")
        };
        let matcher = Matcher { place: Some(place.to_owned()), ..Matcher::default() };
        let until = after(at, config::duration(duration).unwrap());
        let new = NewSilence { matcher, until, author: "anna".to_owned(), comment: "known".to_owned() };
        self.lab.within(|tx| follow_up::silence(tx, new, at)).unwrap();
    }

    fn end_silence(&mut self, what: &str, at: Timestamp) {
        let ended = self.lab.within(|tx| follow_up::end_silence(tx, SilenceId(number(what)), "anna", at));
        assert!(ended.is_some(), "{what}: there is none");
    }

    fn publish(&mut self, who: &str, text: &str, at: Timestamp) -> Vec<String> {
        let (name, edited) = match who.split_once(" edits ") {
            Some((name, number)) => (name, Some(number.parse::<usize>().expect("the number of an entry"))),
            None => (who, None),
        };
        let feed =
            self.feeds.iter().position(|feed| feed == name).unwrap_or_else(|| panic!("{name} is a feed"));
        let document = &mut self.documents[feed];
        let number = edited.unwrap_or(document.len());
        let fresh = entry(name, number, text, at);
        match edited {
            Some(number) => {
                let before = &mut document[number];
                *before = Entry { published: before.published, ..fresh };
            }
            None => document.push(fresh),
        }
        let newest_first: Vec<Entry> = document.iter().rev().cloned().collect();
        let settled = self.lab.poll(feed, at, &newest_first);
        let mut lines: Vec<String> = settled.alerts.iter().map(told).collect();
        let reader = self.lab.reader();
        for event in &settled.articles {
            for score in reader.scores(event.id.0).unwrap() {
                if score.trips && score.decision != "alerted" {
                    lines.push(format!("quiet: {}", score.reason));
                }
            }
        }
        lines
    }
}

/// The number at the end of a step.
fn number(what: &str) -> i64 {
    what.rsplit(' ').next().and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("{what}: a number"))
}

/// What time alone brought, in the order in which it was decided.
fn told_late(elapsed: &Elapsed) -> Vec<String> {
    let alerts = elapsed.alerts.iter().map(told);
    let reminded = elapsed
        .reminded
        .iter()
        .map(|mail| format!("reminder to {}: {} — because nobody acknowledged it", mail.to, mail.subject));
    let released = elapsed.released.iter().map(|mail| {
        let kind = if mail.digest.is_some() { "digest" } else { "held alert" };
        format!("{kind} to {}: {} — because {}", mail.to, mail.subject, mail.reason)
    });
    alerts.chain(reminded).chain(released).collect()
}

fn told(alert: &AlertEvent) -> String {
    let later = alert.held.iter().map(|(to, until)| format!("{to} at {}", clock(*until)));
    let to: Vec<String> = alert.to.iter().cloned().chain(later).collect();
    let to = if to.is_empty() { "nobody".to_owned() } else { to.join(", ") };
    let stand = match alert.alert.kind {
        Kind::Correction => format!("; publishers that stand by the incident: {}", alert.alert.publishers),
        _ => String::new(),
    };
    let (kind, severity) = (alert.alert.kind.as_str(), alert.alert.severity.as_str());
    format!("{kind}, {severity}, to {to}: {} — because {}{stand}", alert.subject, alert.reason)
}

fn entry(feed: &str, number: usize, text: &str, at: Timestamp) -> Entry {
    let (title, summary) =
        text.split_once(" | ").map_or((text, None), |(title, summary)| (title, Some(summary)));
    Entry {
        id: Some(format!("{feed}-{number}")),
        url: Some(format!("https://{feed}.example/{number}")),
        title: title.to_owned(),
        summary: summary.map(str::to_owned),
        published: Some(at),
        ..Entry::default()
    }
}

/// A time of a day; day 1 is a Sunday.
fn time(day: &str, clock: &str) -> Timestamp {
    let day: u64 = day.parse().unwrap_or_else(|_| panic!("`{day}` is not a day"));
    let (hours, minutes) = clock.split_once(':').unwrap_or_else(|| panic!("`{clock}` is not a time"));
    let minutes = hours.parse::<u64>().unwrap() * 60 + minutes.parse::<u64>().unwrap();
    let first: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
    after(first, Duration::from_mins((day - 1) * 24 * 60 + minutes))
}

fn clock(at: Timestamp) -> String {
    let first = time("1", "00:00");
    let day = (at.as_second() - first.as_second()) / 86_400 + 1;
    format!("{day} {}", at.strftime("%H:%M"))
}
