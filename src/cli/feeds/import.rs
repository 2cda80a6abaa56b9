//! `wirewatch feeds import`: the feeds another reader exported, into the file of feeds.
//!
//! Owns what is taken and what is left out, and says both. Refuses to poll: the daemon spreads the first polls over time.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::path::Path;

use serde_json::json;
use url::Url;

use super::super::{Exit, Failure, Outcome, Output, complain, counted, load};
use super::add::{file, write_into};
use super::find;
use crate::config::edit::Addition;
use crate::config::edit::draft::Draft;
use crate::config::opml::{self, List, Outline};
use crate::config::{self, Config, Environment};

/// Addresses that are left out and named, at most.
const NAMED_MAX: usize = 20;

/// What becomes of a list.
#[derive(Default)]
struct Plan {
    additions: Vec<Addition>,
    /// Feeds the list names more than once: their tags are taken together.
    repeated_count: usize,
    /// Feeds that are in a file already.
    known_count: usize,
    /// Those that cannot be taken: line, address as written, why.
    refused: Vec<(usize, String, String)>,
}

pub(super) fn run(dir: &Path, list: &Path, tags: &[String], dry_run: bool, json: bool) -> Outcome {
    let config = load(dir)?;
    let target = file(&config)?;
    let read = opml::import(list).map_err(|problem| Failure::Configuration(rendered(&[*problem])))?;
    if !read.problems.is_empty() {
        complain(&rendered(&read.problems));
    }
    if !read.is_whole() && read.feeds.is_empty() {
        return Err(Failure::usage(
            format!("{} holds no list of feeds that could be read", list.display()),
            "export it again as OPML",
        ));
    }
    let plan = plan(&config, &read, tags)?;
    let mut draft = Draft::open(&target)?;
    write_into(&mut draft, &plan.additions)?;
    if dry_run || plan.additions.is_empty() {
        draft.check(dir, &Environment::from_process())?;
        drop(draft);
    } else {
        draft.put(dir, &Environment::from_process())?;
    }
    for (line, url, why) in plan.refused.iter().take(NAMED_MAX) {
        complain(&format!("left out: {}:{line}: {url}: {why}", list.display()));
    }
    if plan.refused.len() > NAMED_MAX {
        complain(&format!("left out: … and {} more", plan.refused.len() - NAMED_MAX));
    }
    say(&plan, &read, &target, dry_run, json)?;
    if !(dry_run || plan.additions.is_empty()) {
        super::mention_reload(&config);
    }
    // What was read is in; that some of the list was not must not be missed by a script.
    let is_all = read.is_whole() && read.left_out == 0 && plan.refused.is_empty();
    Ok(if is_all { Exit::Done } else { Exit::Failed })
}

fn rendered(problems: &[config::Problem]) -> String {
    config::render(problems, std::io::stderr().is_terminal()).trim_end().to_owned()
}

fn plan(config: &Config, list: &List, tags: &[String]) -> Result<Plan, Failure> {
    let mut known: HashMap<Url, Option<usize>> =
        find::entries(config)?.iter().filter_map(find::Entry::url).map(|url| (url, None)).collect();
    let mut plan = Plan::default();
    for (outline, line) in &list.feeds {
        let url = match config::address(&outline.url) {
            Ok(url) => url,
            Err(why) => {
                plan.refused.push((*line, config::shown(&outline.url), why));
                continue;
            }
        };
        match known.get(&url) {
            Some(None) => plan.known_count += 1,
            Some(Some(place)) => {
                plan.repeated_count += 1;
                if let Some(addition) = plan.additions.get_mut(*place) {
                    merge(&mut addition.tags, &outline.tags);
                }
            }
            None => {
                known.insert(url.clone(), Some(plan.additions.len()));
                plan.additions.push(addition(url, outline, tags));
            }
        }
    }
    Ok(plan)
}

fn addition(url: Url, outline: &Outline, tags: &[String]) -> Addition {
    let mut all = tags.to_vec();
    merge(&mut all, &outline.tags);
    Addition {
        name: outline.name.clone(),
        tags: all,
        language: outline.language.clone(),
        ..Addition::new(url)
    }
}

fn merge(tags: &mut Vec<String>, more: &[String]) {
    for tag in more {
        if !tags.contains(tag) {
            tags.push(tag.clone());
        }
    }
}

fn say(plan: &Plan, list: &List, target: &Path, dry_run: bool, json: bool) -> Result<(), Failure> {
    let mut output = Output::open();
    if json {
        output.json(&json!({
            "added": plan.additions.len(), "dry_run": dry_run, "already_there": plan.known_count,
            "repeated": plan.repeated_count, "left_out": plan.refused.len() + list.left_out, "file": target,
            "whole": list.is_whole(),
        }))?;
        return output.finish();
    }
    if dry_run {
        for addition in &plan.additions {
            let name = addition.name.as_deref().unwrap_or_default();
            let tags = if addition.tags.is_empty() {
                String::new()
            } else {
                format!("  [{}]", addition.tags.join(" "))
            };
            let url = find::shown(&addition.url);
            output.line(format!("{url}  {name}{tags}"))?;
        }
    }
    let verb = if dry_run { "would be added" } else { "added" };
    let mut words =
        vec![format!("{} {verb} to {}", counted(plan.additions.len(), "feed", "feeds"), target.display())];
    if plan.known_count > 0 {
        words.push(format!("{} there already", plan.known_count));
    }
    if plan.repeated_count > 0 {
        words.push(format!("{} named more than once, their tags taken together", plan.repeated_count));
    }
    if !plan.refused.is_empty() {
        words.push(format!("{} left out", plan.refused.len()));
    }
    if list.left_out > 0 {
        words.push(format!("{} beyond the limit of {}", list.left_out, opml::LIST_FEEDS_MAX));
    }
    output.line(words.join("; "))?;
    if !list.is_whole() {
        output.line("the list could not be read to its end; see above")?;
    }
    output.finish()
}
