//! One visit for the sake of an article's page: robots.txt, or the page itself.
//!
//! Owns the way from a page that is due to what is settled of it. Each visit makes one request at most, so that the gate
//! of its host spaces them all; a panic costs that visit. Refuses to choose pages and to judge them.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;

use super::ledger::LedgerError;
use super::poller::{Poller, Watch, contained, kind_of};
use crate::article::identity::ArticleId;
use crate::article::page;
use crate::feed::Feed;
use crate::feed::answer::{Answer, AnswerKind};
use crate::feed::robots::Standing;
use crate::fetch::{Document, Failure, FailureKind, Headers, Outcome, Request};
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
    /// Does what is next for an article's page; the visit begins at `started_at`, which is now.
    pub async fn visit_page(self, article: ArticleId, feed: Arc<Feed>, started_at: Timestamp) -> Paged {
        let watch = Watch { started_at, since: Instant::now() };
        Paged { article, settled: self.settle_visit(article, feed, watch).await }
    }

    async fn settle_visit(
        self,
        article: ArticleId,
        feed: Arc<Feed>,
        watch: Watch,
    ) -> Result<Option<Box<PageSettled>>, LedgerError> {
        let Some(task) = self.ledger.page_task(article, watch.started_at).await? else { return Ok(None) };
        let request = task.request.clone();
        let (answer, end) = if let Some(end) = foregone(&task, watch.started_at) {
            (None, end)
        } else {
            let asked = contained(self.clone().ask(task, feed, watch)).await;
            let (answer, end) =
                asked.unwrap_or_else(|| (Answer::of(AnswerKind::Stumbled), PageEnd::stumbled()));
            (Some(answer), end)
        };
        let visit = PageVisit { request, started_at: watch.started_at, answer, end };
        self.ledger.settle_page(visit, watch.now()).await.map(|settled| Some(Box::new(settled)))
    }

    /// Makes the one request: for robots.txt, when that is not known.
    async fn ask(self, task: PageTask, feed: Arc<Feed>, watch: Watch) -> (Answer, PageEnd) {
        let url = &task.request.url;
        if task.robots.is_none() {
            let outcome = self.fetcher.get(&Request::robots(&feed, url), watch.started_at).await;
            let answer = answer(&outcome);
            return (answer, robots_end(outcome, answer.kind));
        }
        let outcome = self.fetcher.page(&feed, url.clone(), watch.started_at).await;
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
            Outcome::Failed(Failure { leads_to: Some(url), .. }) => PageEnd::Elsewhere(*url),
            Outcome::Failed(failure) => {
                let no_better = [FailureKind::TooLarge, FailureKind::Redirect].contains(&failure.kind);
                PageEnd::Failed { outcome: failure.detail, is_final: no_better || !may_pass(answer.kind) }
            }
        };
        (answer, end)
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
                Ok(article) => PageEnd::Text(Box::new(Completed::of(article, &config.topics))),
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

/// Whether a document is HTML: as it says, or as it begins when it does not say.
fn is_html(document: &Document) -> bool {
    let declared = document.content_type.as_deref().unwrap_or_default().to_ascii_lowercase();
    match declared.split(';').next().map(str::trim) {
        Some("text/html" | "application/xhtml+xml") => true,
        None | Some("") => document.bytes.trim_ascii_start().starts_with(b"<"),
        Some(_) => false,
    }
}
