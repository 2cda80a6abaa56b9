//! The commands: what is typed, what is printed, which code the process ends with.
//!
//! Owns the arguments ([`Arguments`]), the exit codes ([`Exit`]) and the way failures read: one cause, one hint. Data
//! goes to standard output, everything else to standard error. A command is a file below. Refuses to do a stage's work.

mod alerts;
mod articles;
mod check;
mod db;
mod feeds;
mod init;
mod logs;
mod mail;
mod record;
mod replay;
mod routes;
mod run;
mod score;
mod sheet;
mod since;
mod status;
mod topics;

use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use jiff::Timestamp;

use crate::config::{self, Config, Environment};
use crate::store::{Reader, StoreError};

/// Watches the news wires and mails alerts with their evidence.
#[derive(Debug, Parser)]
#[command(
    name = "wirewatch",
    version,
    max_term_width = 100,
    after_help = "Examples:\n  wirewatch init my-desk && wirewatch --config my-desk check\n  wirewatch --config my-desk run"
)]
pub struct Arguments {
    /// Configuration directory [default: /etc/wirewatch if it exists, else ./config]
    #[arg(long, global = true, env = "WIREWATCH_CONFIG", value_name = "DIR")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch: poll, score, mail, until stopped
    #[command(
        after_help = "Examples:\n  wirewatch run\n  wirewatch run --once    poll what is due, deliver, exit"
    )]
    Run {
        /// Poll every feed that is due once, score, deliver, exit
        #[arg(long)]
        once: bool,
    },
    /// Write a commented starter configuration that runs as it is
    #[command(after_help = "Example:\n  wirewatch init /etc/wirewatch")]
    Init {
        /// Directory to write; files that exist are not touched
        dir: PathBuf,
    },
    /// Check the configuration and every topic's examples
    #[command(
        after_help = "Examples:\n  wirewatch check\n  wirewatch check --online    also poll each feed and open the SMTP session"
    )]
    Check {
        /// Also poll each feed once and open the SMTP session
        #[arg(long)]
        online: bool,
    },
    /// Score a text, a web page, or recorded entries against the topics
    #[command(
        after_help = "Examples:\n  wirewatch score article.txt\n  wirewatch score https://example.org/news/1\n  echo 'Army violates ceasefire' | wirewatch score -\n  wirewatch score --topic ceasefire-breakdown article.txt\n  wirewatch score --json entries.jsonl"
    )]
    Score {
        /// Plain text, an HTML page, JSON Lines of entries, a URL, or - for standard input
        #[arg(value_name = "FILE|URL|-", default_value = "-")]
        input: String,
        /// Only this topic
        #[arg(long, value_name = "ID", conflicts_with = "json")]
        topic: Option<String>,
        /// Whether words are coloured by what they speak for [auto: on a terminal, unless `NO_COLOR` is set]
        #[arg(long, value_name = "WHEN", default_value = "auto")]
        color: score::When,
        /// JSON Lines instead of text
        #[arg(long)]
        json: bool,
    },
    /// Run recorded entries, or the archive, through the whole pipeline on their own clock
    #[command(
        after_help = "Examples:\n  wirewatch replay april.jsonl.gz\n  wirewatch replay --stored --since 14d --budget 4\n  wirewatch replay --stored --compare /etc/wirewatch.next\n  zcat april.jsonl.gz | wirewatch replay --json -"
    )]
    Replay(replay::Arguments),
    /// The topics
    #[command(subcommand, after_help = "Example:\n  wirewatch topics test")]
    Topics(topics::Command),
    /// The feeds and how polling them goes
    #[command(subcommand, after_help = "Example:\n  wirewatch feeds list")]
    Feeds(feeds::Command),
    /// Articles in the archive
    #[command(subcommand, after_help = "Example:\n  wirewatch articles search 'ceasefire NEAR/5 violat*'")]
    Articles(articles::Command),
    /// Alerts and what became of them
    #[command(subcommand, after_help = "Example:\n  wirewatch alerts list")]
    Alerts(alerts::Command),
    /// Who gets which alerts, and when
    #[command(
        subcommand,
        after_help = "Example:\n  wirewatch routes test --topic ceasefire-breakdown --place SD --at 'Sun 03:00'"
    )]
    Routes(routes::Command),
    /// Mail
    #[command(subcommand, after_help = "Example:\n  wirewatch mail test --to me@example.org")]
    Mail(mail::Command),
    /// One screen: what fails, what is open, what waits; exit 1 when something needs a person
    #[command(
        after_help = "Example:\n  wirewatch status || mail -s 'wirewatch needs you' ops@example.org </dev/null"
    )]
    Status {
        /// JSON instead of text
        #[arg(long)]
        json: bool,
    },
    /// The database
    #[command(subcommand, after_help = "Example:\n  wirewatch db check")]
    Db(db::Command),
    /// Print completions for a shell
    #[command(after_help = "Example:\n  wirewatch completions bash > /etc/bash_completion.d/wirewatch")]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    #[command(after_help = "Example:\n  wirewatch man | man -l -")]
    Man,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It did what was asked.
    Done = 0,
    /// It could not, or what it looked at needs a person.
    Failed = 1,
    /// It was called wrongly, or the configuration has a problem.
    Usage = 2,
}

/// Why a command did not end well.
#[derive(Debug)]
enum Failure {
    /// The configuration has problems, rendered.
    Configuration(String),
    /// Something else: what happened and what to do.
    Other { message: String, hint: String, exit: Exit },
    /// The reader of our output went away; that is no failure.
    OutputClosed,
}

type Outcome = Result<Exit, Failure>;

impl Failure {
    fn new(message: impl fmt::Display, hint: impl Into<String>) -> Self {
        Self::Other { message: message.to_string(), hint: hint.into(), exit: Exit::Failed }
    }

    fn usage(message: impl fmt::Display, hint: impl Into<String>) -> Self {
        Self::Other { message: message.to_string(), hint: hint.into(), exit: Exit::Usage }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::OutputClosed;
        }
        Self::new(error, "")
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let hint = error.hint();
        Self::new(error, hint)
    }
}

/// Standard output, buffered.
struct Output(BufWriter<io::StdoutLock<'static>>);

impl Output {
    fn open() -> Self {
        Self(BufWriter::new(io::stdout().lock()))
    }

    /// A line of text.
    fn line(&mut self, line: impl AsRef<str>) -> Result<(), Failure> {
        Ok(writeln!(self.0, "{}", line.as_ref())?)
    }

    /// Text, as it is.
    fn text(&mut self, text: &str) -> Result<(), Failure> {
        Ok(self.0.write_all(text.as_bytes())?)
    }

    /// A line of JSON.
    fn json(&mut self, value: &impl serde::Serialize) -> Result<(), Failure> {
        serde_json::to_writer(&mut self.0, value).map_err(io::Error::from)?;
        Ok(writeln!(self.0)?)
    }

    /// Everything so far reaches its reader.
    fn finish(mut self) -> Result<(), Failure> {
        Ok(self.0.flush()?)
    }
}

/// Reads the arguments, runs the command, answers the exit code.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let exit = match run_command(arguments) {
        Ok(exit) => exit,
        Err(Failure::OutputClosed) => Exit::Done,
        Err(Failure::Configuration(problems)) => {
            complain(&problems);
            Exit::Usage
        }
        Err(Failure::Other { message, hint, exit }) => {
            complain(&format!("error: {message}"));
            if !hint.is_empty() {
                complain(&format!("hint: {hint}"));
            }
            exit
        }
    };
    ExitCode::from(exit as u8)
}

fn run_command(arguments: Arguments) -> Outcome {
    let dir = arguments.config.unwrap_or_else(default_dir);
    match arguments.command {
        Command::Run { once } => run::run(&dir, once),
        Command::Init { dir } => init::run(&dir),
        Command::Check { online } => check::run(&dir, online),
        Command::Score { input, topic, color, json } => {
            score::run(&dir, &input, &score::Look::new(topic, color, json))
        }
        Command::Replay(arguments) => replay::run(&dir, &arguments),
        Command::Topics(command) => topics::run(&dir, &command),
        Command::Feeds(command) => feeds::run(&dir, &command),
        Command::Articles(command) => articles::run(&dir, &command),
        Command::Alerts(command) => alerts::run(&dir, &command),
        Command::Routes(command) => routes::run(&dir, &command),
        Command::Mail(command) => mail::run(&dir, &command),
        Command::Status { json } => status::run(&dir, json),
        Command::Db(command) => db::run(&dir, &command),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "wirewatch", &mut script);
            io::stdout().lock().write_all(&script)?;
            Ok(Exit::Done)
        }
        Command::Man => {
            clap_mangen::Man::new(Arguments::command()).render(&mut io::stdout().lock())?;
            Ok(Exit::Done)
        }
    }
}

fn default_dir() -> PathBuf {
    let system = Path::new("/etc/wirewatch");
    if system.is_dir() { system.to_owned() } else { PathBuf::from("config") }
}

/// Reads and checks the configuration; warnings go to standard error.
fn load(dir: &Path) -> Result<Config, Failure> {
    let loaded = read_configuration(dir)?;
    if !loaded.warnings.is_empty() {
        complain(&config::render(&loaded.warnings, io::stderr().is_terminal()));
    }
    Ok(loaded.config)
}

/// The same, with the warnings still to be told.
fn read_configuration(dir: &Path) -> Result<config::Loaded, Failure> {
    config::load(dir, &Environment::from_process()).map_err(|problems| {
        let count = problems.iter().filter(|problem| problem.is_error()).count();
        let rendered = config::render(&problems, io::stderr().is_terminal());
        let problems = if count == 1 { "1 problem" } else { &format!("{count} problems") };
        Failure::Configuration(format!("{rendered}\n{problems} in {}; nothing was started", dir.display()))
    })
}

/// Opens the archive for reading.
fn reader(config: &Config) -> Result<Reader, Failure> {
    Ok(Reader::open(&config.data_dir.join(crate::store::FILE_NAME))?)
}

/// A line on standard error. That it cannot be written is not worth failing for.
fn complain(line: &str) {
    drop(writeln!(io::stderr().lock(), "{line}"));
}

/// The clock, for commands.
#[expect(clippy::disallowed_methods, reason = "the one place of the commands that reads the clock")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// `1 feed`, `2 feeds`.
fn counted(count: impl fmt::Display + Copy, one: &str, many: &str) -> String {
    let count = count.to_string();
    if count == "1" { format!("1 {one}") } else { format!("{count} {many}") }
}

/// How long ago, in words.
fn ago(at: Timestamp, now: Timestamp) -> String {
    let duration = std::time::Duration::try_from(now.duration_since(at));
    duration.map_or_else(
        |_| format!("at {}", short(at)),
        |duration| format!("{} ago", crate::feed::schedule::words(duration)),
    )
}

/// A time to the minute, UTC.
fn short(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%MZ").to_string()
}

/// The runtime of commands that use the network.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}
