//! `wirewatch feeds`: what is polled, how it goes, and the list of it as people have it.
//!
//! Owns the arguments; each command is a file below. Refuses to decide when a feed is polled.

mod add;
mod discover;
mod export;
mod find;
mod import;
mod list;
mod look;
mod politeness;
mod poll;
mod remove;
mod show;

use std::fs;
use std::io::IsTerminal;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::{Failure, Outcome, complain};
use crate::config::edit::draft::EditError;
use crate::config::{self, Config};
use crate::store::feeds::StoredFeed;
use crate::store::{FILE_NAME, Lock};

/// Gaps shown of a feed, the latest.
const GAPS_SHOWN: u32 = 10;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the feeds with their state
    #[command(
        after_help = "Examples:\n  wirewatch feeds list --health failing\n  wirewatch feeds list --tag africa --json"
    )]
    List {
        /// Only feeds of this health
        #[arg(long, value_parser = ["new", "ok", "degraded", "failing", "silent", "gone"])]
        health: Option<String>,
        /// Only feeds with this tag; given several times, with all of them
        #[arg(long = "tag", value_name = "TAG")]
        tags: Vec<String>,
        /// JSON Lines instead of text
        #[arg(long)]
        json: bool,
    },
    /// Show all about one feed: its state, when it is polled next and why
    #[command(
        after_help = "Examples:\n  wirewatch feeds show 'BBC World'\n  wirewatch feeds show https://example.org/feed.xml --json\n  wirewatch feeds show 12    its number in the order of the files"
    )]
    Show {
        /// Address, name, part of either, or number
        feed: String,
        /// JSON instead of text
        #[arg(long)]
        json: bool,
    },
    /// Poll feeds now; their mail is left to wirewatch run
    #[command(
        after_help = "Examples:\n  wirewatch feeds poll 'BBC World'\n  wirewatch feeds poll 3 7 --json\n\nRefused while a server asked us to wait. Exit 1 when a feed failed or was refused."
    )]
    Poll {
        /// Addresses, names, parts of either, or numbers
        #[arg(required = true, value_name = "FEED")]
        feeds: Vec<String>,
        /// Ask also while the server or its host asked us to wait
        #[arg(long)]
        force: bool,
        /// JSON Lines instead of text
        #[arg(long)]
        json: bool,
    },
    /// Show what every host was asked in the last 24 hours
    #[command(after_help = "Example:\n  wirewatch feeds politeness --json | jq 'select(.limited > 0)'")]
    Politeness {
        /// JSON Lines instead of text
        #[arg(long)]
        json: bool,
    },
    /// Find the feeds of a web page
    #[command(
        after_help = "Examples:\n  wirewatch feeds discover example.org\n  wirewatch feeds discover https://example.org/news --json\n\nAsks for the page, for what it names as feeds, and, only when it names none, for a few places where sites keep them."
    )]
    Discover {
        /// Address of a page or a feed
        url: String,
        /// JSON Lines instead of text
        #[arg(long)]
        json: bool,
    },
    /// Add a feed to the file of feeds, with one request that is its first poll
    #[command(
        after_help = "Examples:\n  wirewatch feeds add https://example.org/feed.xml --tag africa --tier 1\n  wirewatch feeds add example.org    a page that names exactly one feed\n  wirewatch feeds add https://example.org/feed.xml --no-poll"
    )]
    Add(add::Arguments),
    /// Remove feeds from their files; their articles stay
    #[command(after_help = "Example:\n  wirewatch feeds remove https://example.org/feed.xml 'BBC World'")]
    Remove {
        /// Addresses or whole names
        #[arg(required = true, value_name = "URL|NAME")]
        feeds: Vec<String>,
        /// JSON Lines instead of text
        #[arg(long)]
        json: bool,
    },
    /// Add the feeds another reader exported (OPML)
    #[command(
        after_help = "Examples:\n  wirewatch feeds import subscriptions.opml --dry-run\n  wirewatch feeds import subscriptions.opml --tag imported"
    )]
    Import {
        /// An OPML file; its folders become tags
        file: PathBuf,
        /// A tag for all of them; can be given several times
        #[arg(long = "tag", value_name = "TAG")]
        tags: Vec<String>,
        /// Say what would be added, and add nothing
        #[arg(long)]
        dry_run: bool,
        /// JSON instead of text
        #[arg(long)]
        json: bool,
    },
    /// Write the feeds to standard output, without passwords
    #[command(
        after_help = "Examples:\n  wirewatch feeds export > feeds.opml\n  wirewatch feeds export --format json | jq -r .url"
    )]
    Export {
        /// How they are written
        #[arg(long, value_enum, default_value = "opml")]
        format: export::Format,
    },
}

pub(super) fn run(dir: &Path, command: &Command) -> Outcome {
    match command {
        Command::List { health, tags, json } => {
            list::run(dir, &list::Filter { health: health.as_deref(), tags }, *json)
        }
        Command::Show { feed, json } => show::run(dir, feed, *json),
        Command::Poll { feeds, force, json } => poll::run(dir, feeds, *force, *json),
        Command::Politeness { json } => politeness::run(dir, *json),
        Command::Discover { url, json } => discover::run(dir, url, *json),
        Command::Add(arguments) => add::run(dir, arguments),
        Command::Remove { feeds, json } => remove::run(dir, feeds, *json),
        Command::Import { file, tags, dry_run, json } => import::run(dir, file, tags, *dry_run, *json),
        Command::Export { format } => export::run(dir, *format),
    }
}

impl From<EditError> for Failure {
    fn from(error: EditError) -> Self {
        if let EditError::Problems(problems) = &error {
            let shown = config::render(problems, std::io::stderr().is_terminal());
            return Self::Configuration(format!("{shown}\n{error}"));
        }
        let hint = error.hint();
        Self::new(error, hint)
    }
}

/// Says what a running daemon needs to take up an edit.
fn mention_reload(config: &Config) {
    if Lock::is_held(&config.data_dir) {
        complain("the running daemon takes this up on SIGHUP: systemctl reload wirewatch");
    }
}

/// Whether a database made now would belong to the wrong user: an administrator types commands, the service keeps the database.
fn is_anothers(config: &Config) -> bool {
    let me = fs::metadata("/proc/self").map(|process| process.uid()).ok();
    match fs::metadata(&config.data_dir) {
        Ok(dir) => Some(dir.uid()) != me && !config.data_dir.join(FILE_NAME).exists(),
        Err(_) => false,
    }
}

/// A feed's state in a word.
pub(super) fn health(stored: Option<&StoredFeed>) -> &'static str {
    match stored.map(|stored| &stored.state) {
        None => "new",
        Some(state) if state.last_polled_at.is_none() => "new",
        Some(state) => state.health.health.word(),
    }
}
