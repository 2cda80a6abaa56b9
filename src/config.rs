//! The configuration as checked truth.
//!
//! Owns [`Config`], what the rest of the shell works from, and [`load`], the way there: files are read
//! (`source`), given a shape (`read`, `raw`), checked (`check` and one file per noun), and every problem of
//! every file is reported at once (`report`). Nothing here is half valid. Refuses globals: it is handed on.

mod access;
mod alert_files;
mod check;
pub mod edit;
mod feed_file;
mod language_file;
pub mod learned_file;
mod literal;
mod mail_server;
mod manual;
pub mod opml;
mod outlet;
mod policy;
mod publisher;
mod raw;
mod read;
mod report;
mod route;
mod secret;
mod semantic;
mod source;
pub mod starter;
mod template_file;
mod topic_file;
pub mod topic_lint;
mod units;
mod value;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use url::Url;

use crate::alert::render::templates::Templates;
use crate::feed::Feed;
use crate::feed::access::Proxy;
use crate::feed::publishers::Publishers;
use crate::fetch;
use crate::mail;
use crate::semantic::Model;
use crate::topic::context::Languages;
use crate::topic::{TopicId, Topics};

pub use crate::alert::route::{Mode, Route};
pub use crate::delivery::heartbeat::Heartbeat;
pub use crate::delivery::outlet::Outlet;
pub use language_file::shipped_languages;
pub use manual::manual;
pub use report::{Problem, ProblemSeverity, render};

/// Everything the owner configured, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The directory it was read from.
    pub dir: PathBuf,
    /// Where `wirewatch.db` lives.
    pub data_dir: PathBuf,
    /// Files that list feeds, in order; the default one need not exist.
    pub feed_files: Vec<PathBuf>,
    /// `[poll]`.
    pub poll: Poll,
    /// Publishers that go by several names; feeds carry them, too.
    pub publishers: Arc<Publishers>,
    /// Feeds, in file order, without duplicates.
    pub feeds: Vec<Feed>,
    /// Topics, by id, compiled together.
    pub topics: Topics,
    /// `[semantic] model`: what topics may ask about meaning.
    pub model: Option<Arc<Model>>,
    /// The languages they are read by.
    pub languages: Arc<Languages>,
    /// What topic files say beside the topic.
    pub topic_origins: BTreeMap<TopicId, TopicOrigin>,
    /// `[mail]`.
    pub mail: Mail,
    /// `[[route]]`s, in file order.
    pub routes: Vec<Route>,
    /// `[[outlet]]`s, in file order.
    pub outlets: Vec<Outlet>,
    /// `[health]`: which dead-man service is told that we are alive, and how often.
    pub ping: Option<Ping>,
    /// `[web] listen`; absent when off.
    pub web_listen: Option<SocketAddr>,
    /// `[web] public_url`: what hubs are told; absent when WebSub is off.
    pub web_public_url: Option<Url>,
    /// `[files]`; absent when off.
    pub files: Option<Files>,
    /// `templates/`: the look of mails.
    pub templates: Arc<Templates>,
    /// `[log]`.
    pub log: Log,
    /// Hash (xxh3) of the names and bytes of all files read: equal for equal configurations, also after a restart.
    pub hash: u64,
}

/// `[poll]`, checked.
#[derive(Debug, Clone)]
pub struct Poll {
    /// Time between polls of a feed that sets none.
    pub interval: Duration,
    /// No feed is polled faster.
    pub min_interval: Duration,
    /// No feed waits longer, unless its server or publisher asks for more, up to a day.
    pub max_interval: Duration,
    /// How long a change of a feed's health lasts before `mail.operator` is told.
    pub health_after: Duration,
    /// Requests at a time to one registrable domain.
    pub per_host: usize,
    /// Time between starts of requests to one registrable domain.
    pub host_spacing: Duration,
    /// Requests at a time altogether.
    pub concurrency: usize,
    /// Entries of a feed's first poll alert only when published within this.
    pub first_look: Duration,
    /// Whether loopback and private addresses may be asked; feeds have their own say.
    pub allow_private_addresses: bool,
    /// Contact URL or address in the User-Agent.
    pub contact: Option<String>,
    /// Time for one request with all its redirects within a registrable domain.
    pub timeout: Duration,
    /// Largest document after decompression, bytes.
    pub body_bytes_max: usize,
    /// The proxy of feeds that name none.
    pub proxy: Option<Arc<Proxy>>,
    /// Certificate authorities trusted besides the machine's own, as a PEM bundle.
    pub root_certificates_pem: Option<Vec<u8>>,
    /// Bytes a day over all feeds, as they come over the wire; no limit when absent.
    pub daily_bytes: Option<u64>,
    /// Bytes a day of one feed whose server gives no validators.
    pub feed_daily_bytes: u64,
    /// Feeds with one of these tags have all their pages read.
    pub full_text_tags: Vec<String>,
    /// Feeds with one of these tags have the pages of uncertain articles read.
    pub borderline_tags: Vec<String>,
}

impl Poll {
    /// What the door to the web needs.
    pub fn fetch_options(&self) -> fetch::Options {
        let default = fetch::Options::default();
        fetch::Options {
            contact: self.contact.clone(),
            connect_timeout: default.connect_timeout.min(self.timeout),
            read_timeout: default.read_timeout.min(self.timeout),
            total_timeout: self.timeout,
            body_bytes_max: self.body_bytes_max,
            proxy: self.proxy.clone(),
            root_certificates_pem: self.root_certificates_pem.clone(),
            ..default
        }
    }
}

/// `[mail]`, checked.
#[derive(Debug, Clone)]
pub struct Mail {
    /// What the door needs.
    pub door: mail::Options,
    /// Wait before the second attempt.
    pub retry_initial: Duration,
    /// Longest wait between attempts.
    pub retry_max: Duration,
    /// Mails handed to the server in a minute.
    pub max_per_minute: u32,
    /// Connections to the server at a time.
    pub connections: usize,
    /// Who hears of feed failures and undelivered mail.
    pub operator: Vec<String>,
    /// When they hear that all is well; none when off.
    pub heartbeat: Option<Heartbeat>,
}

/// A dead-man service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ping {
    /// Its address.
    pub url: Url,
    /// Time between two pings.
    pub every: Duration,
}

/// `[files]`, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// Where they are written.
    pub dir: PathBuf,
    /// CAP's `status`.
    pub status: String,
    /// CAP's `category`.
    pub category: String,
}

/// Where a topic comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicOrigin {
    /// Its file.
    pub file: PathBuf,
    /// `codes`: what other schemes call it.
    pub codes: Vec<String>,
}

/// `[log]`, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// For people or machines.
    pub format: LogFormat,
    /// The least important lines that are shown.
    pub level: LogLevel,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// JSON for machines.
    Json,
}

/// How important a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Someone must act.
    Error,
    /// Recovered.
    Warn,
    /// Life cycle and alerts.
    Info,
    /// Per poll.
    Debug,
    /// Per article.
    Trace,
}

impl LogLevel {
    /// The lower-case word used in the file and by log filters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// What the configuration takes from the process's environment.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `$STATE_DIRECTORY`: where data goes under systemd.
    pub state_directory: Option<PathBuf>,
    /// `$CREDENTIALS_DIRECTORY`: where systemd puts credentials.
    pub credentials_directory: Option<PathBuf>,
    /// `$WIREWATCH_SMTP_PASSWORD`.
    pub smtp_password: Option<mail::Secret>,
}

impl Environment {
    /// Reads it from the process: the only place that does.
    #[allow(clippy::disallowed_methods, reason = "this is the room that reads the environment")]
    pub fn from_process() -> Self {
        let directory =
            |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        // systemd lists several directories with colons between; ours is the first.
        let state =
            directory("STATE_DIRECTORY").map(|list| match list.to_str().and_then(|s| s.split_once(':')) {
                Some((first, _)) => PathBuf::from(first),
                None => list,
            });
        Self {
            state_directory: state,
            credentials_directory: directory("CREDENTIALS_DIRECTORY"),
            smtp_password: std::env::var("WIREWATCH_SMTP_PASSWORD").ok().map(mail::Secret::new),
        }
    }
}

/// A configuration that can run.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What is hardly meant, by file and line.
    pub warnings: Vec<Problem>,
}

/// Reads and checks the configuration in a directory.
///
/// With at least one error, all errors and warnings of all files are returned, by file and line.
pub fn load(dir: &Path, environment: &Environment) -> Result<Loaded, Vec<Problem>> {
    load_with(dir, environment, None)
}

/// A file of feeds as it would be after an edit, to be checked before it is written.
#[derive(Debug, Clone)]
pub struct Rewrite {
    /// One of [`Config::feed_files`].
    pub path: PathBuf,
    /// What it would hold.
    pub text: String,
}

/// As [`load`], with one file of feeds rewritten.
pub fn load_with(
    dir: &Path,
    environment: &Environment,
    rewrite: Option<&Rewrite>,
) -> Result<Loaded, Vec<Problem>> {
    let (config, mut problems) = check::check_directory(dir, environment, rewrite);
    report::sort(&mut problems);
    match config {
        Some(config) if problems.iter().all(|problem| problem.severity == ProblemSeverity::Warning) => {
            Ok(Loaded { config, warnings: problems })
        }
        _ => Err(problems),
    }
}

/// Reads a duration as the files have it: `"15m"`, `"1h 30m"`.
pub fn duration(text: &str) -> Result<Duration, String> {
    units::parse_duration(text)
}

/// Reads the name of a time zone as the files have it: `"Africa/Khartoum"`. The error says what may have been meant.
pub fn time_zone(name: &str) -> Result<TimeZone, String> {
    route::time_zone(name).map_err(|hint| format!("`{}` is not a time zone; {hint}", quoted(name)))
}

/// Reads a feed's address as the files have it, normalised.
pub fn address(text: &str) -> Result<Url, String> {
    feed_file::parse_url(text)
}

/// Foreign text as a message repeats it: short, on one line, without a password.
pub fn shown(text: &str) -> String {
    quoted(text)
}

/// A value as a message repeats it: short, on one line, without a password.
fn quoted(text: &str) -> String {
    const CHARACTERS_MAX: usize = 60;
    if secret::may_hold_secret(text) && text.contains('@') {
        return "…".to_owned();
    }
    let mut short: String =
        text.chars().take(CHARACTERS_MAX).map(|c| if c.is_control() { '�' } else { c }).collect();
    if text.chars().nth(CHARACTERS_MAX).is_some() {
        short.push('…');
    }
    short
}

impl fmt::Display for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Config { feeds, topics, routes, .. } = &self.config;
        write!(f, "{} feeds, {} topics, {} routes", feeds.len(), topics.len(), routes.len())
    }
}
