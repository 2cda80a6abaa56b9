//! `wirewatch feeds export`: the feeds for another reader, another installation, or a script. Passwords stay here.

use std::path::Path;

use clap::ValueEnum;
use serde_json::json;

use super::super::{Exit, Failure, Outcome, Output, load, now};
use crate::config::edit::{self, Addition};
use crate::config::opml;

/// How feeds are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Format {
    /// OPML 2.0, for feed readers
    Opml,
    /// A file like feeds.toml
    Toml,
    /// JSON Lines
    Json,
}

pub(super) fn run(dir: &Path, format: Format) -> Outcome {
    let config = load(dir)?;
    let mut output = Output::open();
    match format {
        Format::Opml => output.line(opml::export(&config.feeds, now()).trim_end())?,
        Format::Toml => {
            let default = config.poll.allow_private_addresses;
            let written = config.feeds.iter().map(|feed| Addition {
                allow_private_addresses: (feed.allow_private_addresses != default)
                    .then_some(feed.allow_private_addresses),
                ..Addition::of(feed)
            });
            let written: Vec<Addition> = written.collect();
            let text = edit::add("", &written).map_err(|refusal| Failure::new(refusal.message, ""))?;
            output.line(text.trim_end())?;
        }
        Format::Json => {
            for feed in &config.feeds {
                output.json(&json!({
                    "url": feed.address(), "name": feed.name, "publisher": feed.publisher, "tier": feed.tier,
                    "tags": feed.tags, "language": feed.language,
                    "interval_seconds": feed.interval.map(|interval| interval.as_secs()),
                }))?;
            }
        }
    }
    output.finish()?;
    Ok(Exit::Done)
}
