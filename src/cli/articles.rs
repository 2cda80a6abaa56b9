//! `wirewatch articles`: the archive, searched with the topics' query language.

use std::path::Path;
use std::sync::Arc;

use clap::Subcommand;
use serde_json::json;

use super::{Exit, Failure, Outcome, Output, load, reader, short};
use crate::article::Article;
use crate::feed::Tier;
use crate::store::report::StoredArticle;
use crate::topic::Query;
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
}

pub(super) fn run(dir: &Path, command: &Command) -> Outcome {
    let config = load(dir)?;
    let reader = reader(&config)?;
    match command {
        Command::Search { query, limit, json } => search(&reader, query, *limit, *json),
        Command::Show { id, json } => show(&reader, *id, *json),
    }
}

fn search(reader: &crate::store::Reader, text: &str, limit: usize, json: bool) -> Outcome {
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
fn as_article(stored: &StoredArticle) -> Article {
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

fn show(reader: &crate::store::Reader, id: i64, json: bool) -> Outcome {
    let Some(article) = reader.article(id)? else {
        return Err(Failure::new(
            format!("there is no article {id}"),
            "wirewatch articles search finds numbers",
        ));
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
