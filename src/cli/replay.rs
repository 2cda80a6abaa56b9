//! `wirewatch replay`: recorded entries, or the archive, through the whole pipeline on their own clock.
//!
//! Owns its arguments and the loop that reads and plays. Two runs on the same input print the same. What is printed is
//! `solo`'s and `compare`'s.

mod advice;
mod chart;
mod compare;
mod input;
mod kept;
mod labels;
mod player;
mod progress;
mod scene;
mod solo;
mod tally;
mod threshold;

use std::path::{Path, PathBuf};

use self::input::{Input, Timed};
use self::labels::Labels;
use self::progress::Progress;
use super::since::Since;
use super::{Exit, Failure, Outcome, load, now, reader};
use crate::config::Config;

/// Entries read, normalised and scored at a time.
const CHUNK: usize = 2048;

/// What `--list` shows when it is not told how many.
const LISTED: &str = "20";

/// What is replayed, and what is asked of it.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// JSON Lines of entries in time order; .gz and .zst are unpacked; - for standard input
    #[arg(required_unless_present = "stored", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Replay the archive of this configuration; works beside a running daemon
    #[arg(long, conflicts_with = "files")]
    stored: bool,
    /// With --stored: from when on, as 30d, 2026-03-01 or 2026-03-01T06:00Z
    #[arg(long, value_name = "WHEN", requires = "stored", default_value = "30d")]
    since: Since,
    /// Play a second configuration beside the first and print where they differ
    #[arg(long, value_name = "DIR", conflicts_with_all = ["budget", "list", "labels"])]
    compare: Option<PathBuf>,
    /// Mails a day you can read: says which threshold of each topic keeps to it
    #[arg(long, value_name = "N", value_parser = budget)]
    budget: Option<f64>,
    /// With --budget: articles kept to try thresholds on, at most; the advice rests on what came before there were more
    #[arg(long, value_name = "N", requires = "budget", default_value_t = 50_000)]
    kept: usize,
    /// Labelled entries, as for topics evaluate: says how many alerts were right. With --stored those of the archive count, too
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// List the articles of each topic that came closest to its threshold and that nobody was told of
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = LISTED)]
    list: Option<usize>,
    /// JSON Lines instead of text
    #[arg(long)]
    json: bool,
}

fn budget(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| "write how many mails a day, such as 4 or 0.5".to_owned())
}

pub(super) fn run(dir: &Path, arguments: &Arguments) -> Outcome {
    let config = load(dir)?;
    let other = arguments.compare.as_deref().map(load).transpose()?;
    let (labels, labels_exit) = labels(&config, arguments)?;
    let mut input = input(&config, arguments)?;
    if let (Some(other), Some(other_dir)) = (&other, &arguments.compare) {
        compare::run([(dir, &config), (other_dir, other)], &mut input, arguments.json)?;
    } else {
        let Arguments { json, budget, kept, list, .. } = *arguments;
        let wishes = solo::Wishes { json, budget, kept, list };
        solo::run(&config, &mut input, &labels, &wishes)?;
    }
    Ok(if input.is_whole { labels_exit } else { Exit::Failed })
}

fn input(config: &Config, arguments: &Arguments) -> Result<Input, Failure> {
    if arguments.stored {
        return Input::archive(reader(config)?, arguments.since.at(now()));
    }
    Ok(Input::files(&arguments.files))
}

fn labels(config: &Config, arguments: &Arguments) -> Result<(Labels, Exit), Failure> {
    let (mut labels, exit) = match &arguments.labels {
        Some(path) => Labels::read(path)?,
        None => (Labels::default(), Exit::Done),
    };
    if arguments.stored {
        labels.add_stored(&reader(config)?)?;
    }
    Ok((labels, exit))
}

/// Reads everything and hands it over, chunk by chunk; a poll is not cut in two.
fn read(input: &mut Input, mut play: impl FnMut(&[Timed]) -> Result<(), Failure>) -> Result<(), Failure> {
    let mut progress = Progress::begin();
    let mut chunk: Vec<Timed> = Vec::with_capacity(CHUNK);
    let mut count = 0;
    while let Some(timed) = input.next()? {
        if chunk.len() >= CHUNK && chunk.last().is_some_and(|last| !last.same_poll(&timed)) {
            play(&chunk)?;
            chunk.clear();
            progress.say(count, input.share(count));
        }
        chunk.push(timed);
        count += 1;
    }
    play(&chunk)?;
    progress.end();
    Ok(())
}
