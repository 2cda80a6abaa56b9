//! `wirewatch check`: the configuration, every topic's examples and, on request, the world outside.

mod archive;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::topics::{wrong_examples, wrong_words};
use super::{Exit, Failure, Outcome, Output, complain, counted, load, now, runtime};
use crate::article::publisher::host_key;
use crate::config::{self, Config, topic_lint};
use crate::feed::{Feed, parse};
use crate::fetch::{Fetcher, Outcome as Fetched, Request};
use crate::mail::Mailer;

pub(super) fn run(dir: &Path, online: bool) -> Outcome {
    let config = load(dir)?;
    let slips = topic_lint::lint(&config);
    if !slips.is_empty() {
        complain(config::render(&slips, io::stderr().is_terminal()).trim_end());
    }
    archive::note(&config)?;
    let mut wrong_count = 0;
    for topic in &config.topics {
        for (example, score) in wrong_examples(&config.topics, topic) {
            complain(&format!("error: {}", wrong_words(&config, topic, example, &score)));
            wrong_count += 1;
        }
    }
    if wrong_count > 0 {
        complain("hint: wirewatch topics test shows the evidence; mend the signals, or the example");
        return Ok(Exit::Usage);
    }
    let examples: usize = config.topics.iter().map(|topic| topic.source.examples.len()).sum();
    let mut output = Output::open();
    output.line(format!(
        "{} is sound: {}, {} ({} right), {}",
        dir.display(),
        counted(config.feeds.len(), "feed", "feeds"),
        counted(config.topics.len(), "topic", "topics"),
        counted(examples, "example", "examples"),
        counted(config.routes.len(), "route", "routes")
    ))?;
    if let Some(model) = &config.model {
        let asking = config.topics.iter().filter(|topic| topic.source.closeness.is_asked()).count();
        let topics = counted(asking, "topic asks it", "topics ask it");
        output.line(format!("its model has {}; {topics}", model.about()))?;
    }
    output.finish()?;
    if online { runtime()?.block_on(look_outside(config)) } else { Ok(Exit::Done) }
}

/// Polls every feed once, one after the other on each host, and opens the SMTP session.
async fn look_outside(config: Config) -> Outcome {
    let fetcher =
        Arc::new(Fetcher::new(config.poll.fetch_options()).map_err(|error| Failure::new(error, ""))?);
    let mut hosts: BTreeMap<String, Vec<Feed>> = BTreeMap::new();
    for feed in &config.feeds {
        hosts.entry(host_key(&feed.url)).or_default().push(feed.clone());
    }
    let mut queue: Vec<Vec<Feed>> = hosts.into_values().collect();
    let mut running = JoinSet::new();
    let mut failed_count = 0;
    loop {
        while running.len() < config.poll.concurrency
            && let Some(feeds) = queue.pop()
        {
            running.spawn(try_host(Arc::clone(&fetcher), feeds, config.poll.host_spacing));
        }
        let Some(lines) = running.join_next().await else { break };
        let mut output = Output::open();
        for (is_good, line) in lines.unwrap_or_default() {
            failed_count += usize::from(!is_good);
            output.line(line)?;
        }
        output.finish()?;
    }
    let mailer = Mailer::new(&config.mail.door).map_err(|error| Failure::new(error, ""))?;
    let (is_good, line) = match mailer.check().await {
        Ok(words) => (true, format!("ok      mail: {words}")),
        Err(words) => (false, format!("failed  mail: {words}")),
    };
    let mut output = Output::open();
    output.line(line)?;
    output.finish()?;
    Ok(if failed_count == 0 && is_good { Exit::Done } else { Exit::Failed })
}

async fn try_host(
    fetcher: Arc<Fetcher>,
    feeds: Vec<Feed>,
    spacing: std::time::Duration,
) -> Vec<(bool, String)> {
    let mut lines = Vec::with_capacity(feeds.len());
    for (index, feed) in feeds.into_iter().enumerate() {
        if index > 0 {
            tokio::time::sleep(spacing).await;
        }
        let found = match fetcher.get(&Request::of(&feed), now()).await {
            Fetched::Document(document) | Fetched::Delta(document) => {
                match parse::parse(&document.bytes, &document.url, document.content_type.as_deref()) {
                    Ok(parsed) => Ok(parsed_words(&parsed)),
                    Err(not_a_feed) => Err(not_a_feed.to_string()),
                }
            }
            Fetched::NotModified(_) => Ok("not modified".to_owned()),
            Fetched::Status { detail, .. } => Err(detail),
            Fetched::Failed(failure) => Err(failure.detail),
        };
        lines.push(match found {
            Ok(words) => (true, format!("ok      {}: {words}", feed.address())),
            Err(words) => (false, format!("failed  {}: {words}", feed.address())),
        });
    }
    lines
}

fn parsed_words(parsed: &crate::feed::ParsedFeed) -> String {
    let problems: Vec<String> = parsed.problems.iter().take(3).map(ToString::to_string).collect();
    let note =
        if problems.is_empty() { String::new() } else { format!(" (mended: {})", problems.join("; ")) };
    format!("{}{note}", counted(parsed.entries.len(), "entry", "entries"))
}
