//! `wirewatch feeds export`: the feeds for another reader, another installation, or a script. Passwords stay here.

use std::path::Path;

use clap::ValueEnum;
use serde_json::json;

use super::super::{Exit, Failure, Outcome, Output, complain, counted, load, now};
use super::find;
use crate::config::edit::{self, Addition};
use crate::config::opml;
use crate::feed::FullText;
use crate::feed::access::Access;

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
            let is_plain = config.poll.full_text_tags.is_empty() && config.poll.borderline_tags.is_empty();
            let written = config.feeds.iter().map(|feed| Addition {
                allow_private_addresses: (feed.allow_private_addresses != default)
                    .then_some(feed.allow_private_addresses),
                full_text: (feed.full_text != FullText::Never || !is_plain).then(|| feed.full_text.word()),
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
    let off = find::entries(&config)?.iter().filter(|entry| !entry.listed.is_enabled).count();
    if off > 0 {
        let verb = if off == 1 { "is" } else { "are" };
        complain(&format!("{} {verb} left out: turned off (enabled = false)", counted(off, "feed", "feeds")));
    }
    if config.feeds.iter().any(|feed| feed.access != Access::default()) {
        complain("left out of the feeds that have them: passwords, tokens, headers and proxies");
    }
    Ok(Exit::Done)
}
