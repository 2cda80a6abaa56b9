//! `wirewatch articles`: the archive, searched with the topics' query language, and judged.

use std::path::Path;
use std::sync::Arc;

use clap::Subcommand;
use serde_json::json;

use super::topics::named;
use super::{Exit, Failure, Outcome, Output, load, now, reader, short};
use crate::article::Article;
use crate::config::Config;
use crate::feed::Tier;
use crate::store::Reader;
use crate::store::labels::{Label, LabelSource, Labeller};
use crate::store::report::StoredArticle;
use crate::topic::Query;
use crate::topic::evaluate::Grade;
use crate::topic::matcher::ArticleText;

/// Articles looked at per step of a search.
const STEP: u32 = 500;

/// Articles a search without any word to narrow it looks at.
const LOOKED_AT_MAX: usize = 200_000;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Search titles and texts, newest first
    #[command(
        after_help = "Examples:\n  wirewatch articles search 'title:(ceasefire NEAR/5 violat*)'\n  wirewatch articles search 'convoy AND publisher:reliefweb.int' --limit 5 --json"
    )]
    Search {
        /// A query, as in topics
        query: String,
        /// At most so many
        #[arg(long, default_value_t = 20)]
        limit: usize,
        /// JSON Lines instead of text
        #[arg(long)]
        json: bool,
    },
    /// Show an article with its scores, evidence and what was decided
    #[command(after_help = "Example:\n  wirewatch articles show 1234")]
    Show {
        /// Number of the article
        id: i64,
        /// JSON instead of text
        #[arg(long)]
        json: bool,
    },
    /// Say whether an alert about a topic would be right for an article; topics evaluate and learn --stored read it
    #[command(after_help = "Example:\n  wirewatch articles label 1234 ceasefire-breakdown 2")]
    Label {
        /// Number of the article
        id: i64,
        /// Topic id
        topic: String,
        /// 2: an alert is right; 1: arguable; 0: it is wrong
        #[arg(value_parser = clap::value_parser!(i64).range(0..=2))]
        grade: i64,
    },
}

pub(super) fn run(dir: &Path, command: &Command) -> Outcome {
    let config = load(dir)?;
    let reader = reader(&config)?;
    match command {
        Command::Search { query, limit, json } => search(&reader, query, *limit, *json),
        Command::Show { id, json } => show(&reader, *id, *json),
        Command::Label { id, topic, grade } => label(&config, &reader, *id, topic, *grade),
    }
}

fn label(config: &Config, reader: &Reader, id: i64, topic: &str, grade: i64) -> Outcome {
    let Some(article) = reader.article(id)? else { return Err(no_article(id)) };
    let topic =
        named(config, Some(topic))?.first().map(|topic| topic.source.id.0.clone()).unwrap_or_default();
    let Some(grade) = Grade::from_number(grade) else {
        return Err(Failure::usage(format!("{grade} is no grade"), "write 0, 1 or 2"));
    };
    let label = Label { article: id, topic, grade };
    let words = format!("{} {} for {}: {}", label.topic, grade.number(), id, article.title);
    let mut labeller = Labeller::open(&config.data_dir.join(crate::store::FILE_NAME))?;
    labeller.keep(&[label], LabelSource::Owner, now())?;
    let mut output = Output::open();
    output.line(words)?;
    output.finish()?;
    Ok(Exit::Done)
}

fn no_article(id: i64) -> Failure {
    Failure::new(format!("there is no article {id}"), "wirewatch articles search finds numbers")
}

fn search(reader: &Reader, text: &str, limit: usize, json: bool) -> Outcome {
    let query = Query::parse(text, &Arc::default()).map_err(|problems| query_failure(text, &problems))?;
    let words = query.narrowing();
    let mut output = Output::open();
    let (mut below, mut found_count, mut looked_at) = (i64::MAX, 0, 0);
    while found_count < limit && looked_at < LOOKED_AT_MAX {
        let step = reader.articles_before(below, words.as_deref(), STEP)?;
        let Some(last) = step.last() else { break };
        below = last.id;
        looked_at += step.len();
        for stored in &step {
            if found_count < limit && query.matches(&ArticleText::new(&as_article(stored))) {
                found_count += 1;
                if json {
                    output.json(stored)?;
                } else {
                    output.line(format!(
                        "{:>8}  {}  {}: {}",
                        stored.id,
                        short(stored.seen),
                        stored.publisher,
                        stored.title
                    ))?;
                }
            }
        }
    }
    output.finish()?;
    if looked_at >= LOOKED_AT_MAX {
        super::complain(
            "note: only the newest 200,000 articles were looked at; name a word to search them all",
        );
    }
    Ok(Exit::Done)
}

fn query_failure(text: &str, problems: &[crate::topic::query::QueryProblem]) -> Failure {
    let mut message = String::new();
    let mut hint = String::new();
    for problem in problems {
        let caret = format!("{}{}", " ".repeat(problem.span.start), "^".repeat(problem.span.len().max(1)));
        message = format!("column {}: {}\n  {text}\n  {caret}", problem.span.start + 1, problem.message);
        hint = problem.hint.clone().unwrap_or_default();
    }
    Failure::usage(message, hint)
}

/// A stored article as queries see it.
pub(super) fn as_article(stored: &StoredArticle) -> Article {
    Article {
        title: stored.title.clone(),
        summary: stored.summary.clone(),
        body: stored.body.clone(),
        url: stored.url.clone(),
        language: stored.lang.clone(),
        publisher: stored.publisher.clone(),
        tier: Tier::new(stored.tier).unwrap_or_default(),
        feed: stored.feed.clone(),
        tags: stored.tags.clone(),
        published_at: stored.published,
        seen_at: stored.seen,
        places: stored.places.clone(),
        fingerprint: 0,
    }
}

fn show(reader: &Reader, id: i64, json: bool) -> Outcome {
    let Some(article) = reader.article(id)? else {
        return Err(no_article(id));
    };
    let scores = reader.scores(id)?;
    let page = reader.page_status(id)?;
    let mut output = Output::open();
    if json {
        let page = page.map(|(status, reason)| json!({ "status": status, "reason": reason }));
        output.json(&json!({ "article": article, "scores": scores, "page": page }))?;
        output.finish()?;
        return Ok(Exit::Done);
    }
    output.line(&article.title)?;
    output.line(format!("{} (tier {}), {}", article.publisher, article.tier, article.lang))?;
    let published = match (article.published, article.date_quality.as_str()) {
        (Some(at), "future") => format!("{} (dated later than it was seen)", short(at)),
        (Some(at), _) => short(at),
        (None, "unreadable") => "at a date that cannot be read".to_owned(),
        (None, _) => "no date".to_owned(),
    };
    output.line(format!(
        "published {published}, seen {}, edits {}",
        short(article.seen),
        article.revisions
    ))?;
    output.line(article.url.as_deref().unwrap_or("no link"))?;
    if let Some(original) = article.copy_of {
        output.line(format!("a copy of article {original}"))?;
    }
    if article.summary.is_empty() && article.body.is_empty() {
        output.line("scored on its headline only")?;
    }
    if let Some((_, reason)) = page {
        output.line(format!("page: {reason}"))?;
    }
    for text in [&article.summary, &article.body] {
        if !text.is_empty() {
            output.line(format!("\n{text}"))?;
        }
    }
    for score in scores {
        let verdict = if score.trips { "TRIPS" } else { "quiet" };
        output.line(format!("\n{verdict}  {:.2}  {}  {}", score.score, score.topic, score.reason))?;
        for evidence in &score.evidence {
            output.line(format!("  {:>+6.1}  {}: {}", evidence.points, evidence.signal, evidence.quote))?;
        }
    }
    output.finish()?;
    Ok(Exit::Done)
}
