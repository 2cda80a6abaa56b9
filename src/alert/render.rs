//! An alert as a person reads it: subject, text and HTML, each complete in itself; and as files for other programs.
//!
//! Owns what a mail says and the boundary to feed text: it is cleaned, bounded and escaped here. The look is
//! `templates/`. Refuses to decide who is told and why; [`AlertView`] says that, in words.

mod actions;
mod article;
pub mod atom;
pub mod cap;
mod clean;
pub mod digest;
mod headers;
mod host;
mod letter;
pub mod note;
pub mod operator;
pub mod sample;
pub mod sparkline;
mod subject;
pub mod templates;
mod view;
mod words;
mod xml;

use jiff::Timestamp;
use minijinja::{Value, context};
use xxhash_rust::xxh3::xxh3_64;

pub use actions::{with_actions, without_actions};
pub use headers::headers;
pub use subject::subject;
pub use view::{
    Action, AlertView, ArticleView, News, PublisherView, StoryView, TREND_DAYS, ToldStory, Trend,
};

use templates::{Templates, fill};
use words::instant;

/// Characters of a subject: one header line as RFC 5322 section 2.1.1 wishes it.
const SUBJECT_CHARS_MAX: usize = 78;
/// Columns of the text part.
const COLUMNS: usize = 76;

/// A mail without its addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    /// Subject, plain text.
    pub subject: String,
    /// Text part.
    pub text: String,
    /// HTML part.
    pub html: String,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// What the HTML part shows by `cid:`.
    pub picture: Option<Picture>,
    /// Why the owner's template was not used, for the log; it is not stored.
    pub template_problem: Option<String>,
}

/// A picture that travels inside a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Its Content-ID, without angle brackets.
    pub cid: String,
    /// A PNG.
    pub png: Vec<u8>,
}

/// The whole mail of an alert.
pub fn render(view: &AlertView, templates: &Templates) -> Rendered {
    let picture = picture(view);
    let values = letter::values(view, picture.as_ref().map(|picture| picture.cid.as_str()));
    let text = templates.fill("alert.txt", &values);
    let html = templates.fill("alert.html", &values);
    let rendered = Rendered {
        subject: subject(view),
        text: text.text,
        html: html.text,
        headers: headers(view),
        picture,
        template_problem: text.problem.or(html.problem).map(|problem| problem.to_string()),
    };
    with_actions(rendered, &view.actions)
}

/// The sparkline of a view. Its Content-ID is the same for the same picture of the same alert.
fn picture(view: &AlertView) -> Option<Picture> {
    let png = sparkline::png(view.trend.as_ref()?)?;
    Some(Picture { cid: format!("trend-{}-{:016x}@wirewatch", view.alert, xxh3_64(&png)), png })
}

/// What `wirewatch mail test` sends: a mail that shows that mail arrives, and cannot be taken for an alert.
pub fn test_mail(at: Timestamp) -> Rendered {
    let values: Value = context! { when => instant(at) };
    Rendered {
        subject: "This is a test from Wirewatch: mail works".to_owned(),
        text: fill("test.txt", &values),
        html: fill("test.html", &values),
        headers: vec![("X-Wirewatch-Test".to_owned(), "yes".to_owned())],
        ..Rendered::default()
    }
}
