//! One visit for the sake of an article's page: robots.txt, or the page itself.
//!
//! Owns the way from a page that is due to what is settled of it. Each visit makes one request at most, so that the gate
//! of its host spaces them all; a panic costs that visit. Refuses to choose pages and to judge them.

use std::sync::Arc;

use tokio::time::Instant;

use super::ledger::LedgerError;
use super::poller::{Poller, Redirected, Watch, contained, kind_of};
use super::visit::{Departure, SentOn, Visit};
use crate::article::identity::ArticleId;
use crate::article::page;
use crate::feed::Feed;
use crate::feed::answer::{Answer, AnswerKind};
use crate::feed::robots::Standing;
use crate::fetch::{Document, FailureKind, Headers, Onward, Outcome, Request};
use crate::pipeline::page::{Completed, PageEnd, PageSettled, PageTask, PageVisit, foregone, may_pass};

/// A visit for a page that ended.
#[derive(Debug)]
pub struct Paged {
    /// Whose.
    pub article: ArticleId,
    /// What was committed of it; nothing when the page waited no longer.
    pub settled: Result<Option<Box<PageSettled>>, LedgerError>,
}

impl Poller {
    /// Does what is next for an article's page, as far as one host goes.
    pub async fn visit_page(
        self,
        article: ArticleId,
        feed: Arc<Feed>,
        departure: Departure,
    ) -> Result<Paged, Box<SentOn>> {
        let Departure { ticket, started_at, onward } = departure;
        let watch = Watch { started_at, since: Instant::now() };
        let task = match self.ledger.page_task(article, started_at).await {
            Ok(Some(task)) => task,
            Ok(None) => return Ok(Paged { article, settled: Ok(None) }),
            Err(error) => return Ok(Paged { article, settled: Err(error) }),
        };
        let request = task.request.clone();
        let mut visit = PageVisit {
            host: request.host.clone(),
            request,
            started_at,
            answer: None,
            end: PageEnd::stumbled(),
        };
        if let Some(end) = foregone(&task, started_at) {
            visit.end = end;
        } else if onward.is_some() && task.robots.is_some() {
            // Another visit brought robots.txt before a redirect of it was followed. This gate is not the page's.
            visit.end = PageEnd::NotYet(started_at, "its host is asked next".to_owned());
        } else {
            match contained(self.clone().ask(task, feed, onward, watch)).await {
                Some(Ok((host, answer, end))) => {
                    (visit.host, visit.answer, visit.end) = (host, Some(answer), end);
                }
                Some(Err(hop)) => return Err(self.send_on(Visit::Page(article), ticket, *hop, watch).await),
                None => visit.answer = Some(Answer::of(AnswerKind::Stumbled)),
            }
        }
        let settled = self.ledger.settle_page(visit, watch.now()).await;
        Ok(Paged { article, settled: settled.map(|settled| Some(Box::new(settled))) })
    }

    /// Makes the one request: for robots.txt, when that is not known. Answers which host was asked, and what came of it.
    async fn ask(
        self,
        task: PageTask,
        feed: Arc<Feed>,
        onward: Option<Onward>,
        watch: Watch,
    ) -> Result<(String, Answer, PageEnd), Box<Redirected>> {
        let url = &task.request.url;
        if task.robots.is_none() {
            let (host, outcome) = self.visit(&Request::robots(&feed, url), onward, watch).await?;
            let answer = answer(&outcome);
            return Ok((host, answer, robots_end(outcome, answer.kind)));
        }
        let host = task.request.host.clone();
        let visited = self.fetcher.visit(&Request::page(&feed, url.clone()), None, watch.started_at).await;
        let outcome = match visited {
            Ok(outcome) => outcome,
            // Another origin has a robots.txt of its own, so the page sets out anew.
            Err(onward) => {
                return Ok((host, sent_on(&onward), PageEnd::Elsewhere(onward.url().clone())));
            }
        };
        let answer = answer(&outcome);
        let end = match outcome {
            Outcome::Document(document) | Outcome::Delta(document) => self.read_page(task, document).await,
            Outcome::NotModified(_) => PageEnd::Failed {
                outcome: "an answer to a question nobody asked (304)".to_owned(),
                is_final: true,
            },
            Outcome::Status { detail, .. } => {
                PageEnd::Failed { outcome: detail, is_final: !may_pass(answer.kind) }
            }
            Outcome::Failed(failure) => {
                let no_better = [FailureKind::TooLarge, FailureKind::Redirect].contains(&failure.kind);
                PageEnd::Failed { outcome: failure.detail, is_final: no_better || !may_pass(answer.kind) }
            }
        };
        Ok((host, answer, end))
    }

    /// Reads a page on a worker thread.
    async fn read_page(&self, task: PageTask, document: Document) -> PageEnd {
        let _permit = self.workers.acquire().await;
        let config = Arc::clone(&self.config);
        let work = tokio::task::spawn_blocking(move || {
            if !is_html(&document) {
                let kind = document.content_type.as_deref().unwrap_or("of an undeclared type");
                let kind: String = kind.chars().filter(|letter| !letter.is_control()).take(60).collect();
                return PageEnd::Ignored(format!("what its link leads to is no web page but {kind}"));
            }
            if page::is_way_in(&task.request.url, &document.url) {
                return PageEnd::Ignored("its link leads to a login or consent page".to_owned());
            }
            let read = page::read(&document.bytes, Some(&document.url));
            match read.complete(&task.article) {
                Ok(article) => PageEnd::Text(Box::new(Completed::of(article, &config))),
                Err(unfit) => PageEnd::Ignored(unfit.to_string()),
            }
        });
        work.await.unwrap_or_else(|_| PageEnd::stumbled())
    }
}

/// What robots.txt says, or that it cannot be had. One that only a redirect without end leads to is not there (RFC 9309
/// section 2.3.1.2); one at a private address leads nowhere either, and the page is refused by the same rule.
fn robots_end(outcome: Outcome, kind: AnswerKind) -> PageEnd {
    match outcome {
        Outcome::Document(document) => PageEnd::Robots(Standing::of(kind, &document.bytes)),
        Outcome::Failed(failure) if failure.kind == FailureKind::Forbidden => {
            PageEnd::Ignored(failure.detail)
        }
        Outcome::Failed(failure) if failure.kind == FailureKind::Redirect => {
            PageEnd::Robots(Standing::of(AnswerKind::Missing, &[]))
        }
        _ => PageEnd::Robots(Standing::of(kind, &[])),
    }
}

/// An answer as far as its host cares.
pub fn answer(outcome: &Outcome) -> Answer {
    let (kind, headers) = match outcome {
        Outcome::Document(document) | Outcome::Delta(document) => {
            (AnswerKind::Document, document.headers.clone())
        }
        Outcome::NotModified(headers) => (AnswerKind::NotModified, headers.clone()),
        Outcome::Status { code, headers, .. } => (AnswerKind::of_status(*code), headers.clone()),
        Outcome::Failed(failure) => (kind_of(failure), Headers::default()),
    };
    Answer {
        retry_after: headers.retry_after,
        rate_limit: headers.rate_limit,
        wire_bytes: outcome.wire_bytes(),
        ..Answer::of(kind)
    }
}

/// A redirect to another host, as far as the one that redirects cares.
pub fn sent_on(onward: &Onward) -> Answer {
    Answer { rate_limit: onward.rate_limit, ..Answer::of(AnswerKind::SentOn) }
}

/// Whether a document is HTML: as it says, or as it begins when it does not say.
fn is_html(document: &Document) -> bool {
    let declared = document.content_type.as_deref().unwrap_or_default().to_ascii_lowercase();
    match declared.split(';').next().map(str::trim) {
        Some("text/html" | "application/xhtml+xml") => true,
        None | Some("") => document.bytes.trim_ascii_start().starts_with(b"<"),
        Some(_) => false,
    }
}
