//! `wirewatch feeds remove`: feeds out of their files; their articles stay.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::super::{Exit, Failure, Outcome, Output, load};
use super::find::{self, Entry};
use crate::config::Environment;
use crate::config::edit;
use crate::config::edit::draft::Draft;

pub(super) fn run(dir: &Path, texts: &[String], json: bool) -> Outcome {
    let config = load(dir)?;
    let entries = find::entries(&config)?;
    // All are found before any is removed.
    let mut meant: BTreeMap<PathBuf, Vec<&Entry>> = BTreeMap::new();
    for text in texts {
        let entry = one(&entries, text)?;
        if entry.is_opml {
            return Err(Failure::usage(
                format!("{} stands in {}, and OPML files are not edited", entry.name(), entry.location()),
                "remove its line there; or move the list into feeds.toml once (wirewatch feeds import), and take the file out of feed_files",
            ));
        }
        let of_file = meant.entry(entry.file.clone()).or_default();
        if !of_file.iter().any(|known| known.place == entry.place) {
            of_file.push(entry);
        }
    }
    let mut output = Output::open();
    for (file, entries) in meant {
        let mut draft = Draft::open(&file)?;
        let places: Vec<usize> = entries.iter().map(|entry| entry.place).collect();
        let is_as_read = edit::listed(&draft.text)
            .is_ok_and(|now| entries.iter().all(|entry| now.get(entry.place) == Some(&entry.listed)));
        if !is_as_read {
            return Err(Failure::new(
                format!(
                    "{} was changed by somebody else in the meantime; nothing was written to it",
                    file.display()
                ),
                "run the command again",
            ));
        }
        draft.text = edit::remove(&draft.text, &places).map_err(|refusal| draft.refused(refusal))?;
        draft.put(dir, &Environment::from_process())?;
        for entry in entries {
            if json {
                output.json(
                    &json!({ "url": entry.shown(), "name": entry.name(), "removed": true, "file": file }),
                )?;
            } else {
                output.line(format!(
                    "removed {} ({}) from {}",
                    entry.name(),
                    entry.shown(),
                    entry.location()
                ))?;
            }
        }
    }
    if !json {
        output.line("articles and alerts of the past stay")?;
    }
    output.finish()?;
    super::mention_reload(&config);
    Ok(Exit::Done)
}

/// The one entry that is meant: by its address or its whole name. Parts of names are not enough to remove something.
fn one<'a>(entries: &'a [Entry], text: &str) -> Result<&'a Entry, Failure> {
    let typed = find::address(text).ok();
    let by_address = |entry: &&Entry| {
        typed.as_ref().is_some_and(|url| entry.url().is_some_and(|known| find::is_same(&known, url)))
    };
    let mut found: Vec<&Entry> = entries.iter().filter(by_address).collect();
    if found.is_empty() {
        let lower = text.trim().to_lowercase();
        found = entries.iter().filter(|entry| entry.name().to_lowercase() == lower).collect();
    }
    match found.as_slice() {
        [entry] => Ok(entry),
        [] => Err(Failure::usage(
            format!("no feed has the address or the name `{text}`; nothing was removed"),
            "wirewatch feeds list names them; here the name must be whole",
        )),
        several => {
            let lines: Vec<String> =
                several.iter().map(|entry| format!("  {}  {}", entry.shown(), entry.location())).collect();
            Err(Failure::usage(
                format!(
                    "`{text}` is the name of {} feeds; nothing was removed:\n{}",
                    several.len(),
                    lines.join("\n")
                ),
                "name the one you mean by its address",
            ))
        }
    }
}
