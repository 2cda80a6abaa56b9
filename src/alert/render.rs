//! An alert as a person reads it: subject, text and HTML, each complete in itself.
//!
//! Owns what a mail says and the boundary to feed text: it is cleaned, bounded and escaped here. The look is
//! `templates/`. Refuses to decide who is told and why; [`AlertView`] says that, in words.

mod clean;
pub mod digest;
pub mod note;
pub mod operator;
mod words;

use std::sync::LazyLock;

use jiff::Timestamp;
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, Value, context};

use crate::feed::Tier;
use crate::topic::{Evidence, Severity, Status};

use clean::{Link, clean, cut, has_rtl, isolate, link, wrap};
use words::{ago, instant, likelihood, number, plural, points, status};

/// Characters of a subject: one header line as RFC 5322 section 2.1.1 wishes it.
const SUBJECT_CHARS_MAX: usize = 78;
/// Characters of a headline below which a subject leaves its place out.
const HEADLINE_CHARS_MIN: usize = 20;
/// Columns of the text part.
const COLUMNS: usize = 76;
/// Articles shown, should the caller hand in more.
const ARTICLES_MAX: usize = 25;
/// Signals shown for each article.
const EVIDENCE_MAX: usize = 6;

/// Everything a mail says about one alert.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertView {
    /// What people call the topic.
    pub topic_name: String,
    /// Its stable name.
    pub topic_id: String,
    /// How much it matters.
    pub severity: Severity,
    /// `first`, or `update` of an incident that was told before.
    pub kind: String,
    /// Why this was sent now, in words.
    pub reason: String,
    /// Where, as people call it; absent when no country was found.
    pub place: Option<String>,
    /// When it was decided; ages are counted from here.
    pub at: Timestamp,
    /// The incident's number.
    pub incident: i64,
    /// The alert's number, for `wirewatch alerts show`.
    pub alert: i64,
    /// Independent publishers.
    pub publishers: u32,
    /// What was found, most important first.
    pub articles: Vec<ArticleView>,
    /// The strongest article's score, 0 to 1.
    pub score: f64,
    /// The topic's threshold, 0 to 1.
    pub threshold: f64,
    /// Articles that are not among `articles`.
    pub more: usize,
}

/// One article of an alert.
#[derive(Debug, Clone, PartialEq)]
pub struct ArticleView {
    /// Headline.
    pub title: String,
    /// Link; followed only when it is `http` or `https`.
    pub url: Option<String>,
    /// Host shown when there is no link to take it from.
    pub host: String,
    /// Who stands behind it.
    pub publisher: String,
    /// Trust in the publisher.
    pub tier: Tier,
    /// The feed it came by.
    pub feed_name: String,
    /// When it was published, if it says so.
    pub published_at: Option<Timestamp>,
    /// When it was first seen.
    pub seen_at: Timestamp,
    /// Its score for the topic, 0 to 1.
    pub score: f64,
    /// Signals that fired, strongest first.
    pub evidence: Vec<Evidence>,
    /// Whether no earlier mail of the incident told it.
    pub is_new: bool,
    /// Whether there was no text to score beside the headline.
    pub is_headline_only: bool,
    /// The article's number, for `wirewatch articles show`.
    pub id: i64,
}

/// A mail without its addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Subject, plain text.
    pub subject: String,
    /// Text part.
    pub text: String,
    /// HTML part.
    pub html: String,
    /// Further headers.
    pub headers: Vec<(String, String)>,
}

/// The whole mail of an alert.
pub fn render(view: &AlertView) -> Rendered {
    Rendered { subject: subject(view), text: text(view), html: html(view), headers: headers(view) }
}

/// One line that says what happened: `[Ceasefire breakdown] Sudan: Headline (2 publishers)`, at most 78 characters.
pub fn subject(view: &AlertView) -> String {
    let headline = headline(view);
    // After right-to-left words, the mark keeps the bracket and the number where they belong.
    let mark = if has_rtl(&headline) { "\u{200e}" } else { "" };
    let tail = match view.publishers {
        // That one says so goes without saying; the room is the headline's.
        0 | 1 => String::new(),
        count => format!("{mark} ({})", plural(u64::from(count), "publisher")),
    };
    let topic = cut(&clean(&view.topic_name, 200), 30);
    let place = view.place.as_ref().map(|place| cut(&clean(place, 100), 20));
    let with_place = format!("[{topic}] {}", lead(is_update(view), place.as_deref()));
    let without_place = format!("[{topic}] {}", lead(is_update(view), None));
    let room = |head: &str| SUBJECT_CHARS_MAX.saturating_sub(head.chars().count() + tail.chars().count());
    // What happened is worth more than where, when both do not fit; the mail says both.
    let head = if room(&with_place) >= HEADLINE_CHARS_MIN { with_place } else { without_place };
    format!("{head}{}{tail}", cut(&headline, room(&head)))
}

/// What stands before a subject's headline. Not `Re:`, which people and filters take for somebody's answer.
fn lead(is_update: bool, place: Option<&str>) -> String {
    match (is_update, place) {
        (false, None) => String::new(),
        (false, Some(place)) => format!("{place}: "),
        (true, None) => "Update: ".to_owned(),
        (true, Some(place)) => format!("Update, {place}: "),
    }
}

/// The text part.
pub fn text(view: &AlertView) -> String {
    let article_texts: Vec<Value> = shown(view)
        .into_iter()
        .enumerate()
        .map(|(at, article)| article_text(view, at, article).into())
        .collect();
    let why: Vec<String> = why(view).iter().map(|line| wrap(line, "  ", COLUMNS)).collect();
    fill(
        "alert.txt",
        &context! {
            kicker => wrap(&kicker(view), "", COLUMNS),
            headline => wrap(&headline(view), "", COLUMNS),
            facts => facts(view).iter().map(|fact| wrap(fact, "", COLUMNS)).collect::<Vec<_>>().join("\n"),
            articles => article_texts,
            more => more(view),
            why => why.join("\n"),
            alert => view.alert,
        },
    )
}

/// The HTML part: one column, no tables, no scripts, nothing fetched from anywhere.
pub fn html(view: &AlertView) -> String {
    let articles: Vec<Value> = shown(view).into_iter().map(|article| article_value(view, article)).collect();
    let (colour, dark_colour) = match view.severity {
        Severity::Critical => ("#b42318", "#ff8a7a"),
        Severity::Warning => ("#a15c07", "#f5b041"),
        Severity::Info => ("#175cd3", "#84adff"),
    };
    fill(
        "alert.html",
        &context! {
            title => subject(view),
            preview => preview(view),
            kicker => kicker(view),
            headline => headline(view),
            facts => facts(view),
            articles => articles,
            more => more(view),
            why => why(view),
            alert => view.alert,
            colour => colour,
            dark_colour => dark_colour,
        },
    )
}

/// Headers for filters: the list, the topic, its severity and score; `critical` asks for attention.
pub fn headers(view: &AlertView) -> Vec<(String, String)> {
    let label: String = view
        .topic_id
        .to_ascii_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' })
        .take(63)
        .collect();
    // RFC 2919: a phrase and the id in angle brackets; what would end the phrase is taken out.
    let phrase: String = clean(&view.topic_name, 80)
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-'))
        .collect();
    let mut headers = vec![
        ("List-Id".to_owned(), format!("{} <{label}.wirewatch>", phrase.trim()).trim_start().to_owned()),
        ("X-Wirewatch-Topic".to_owned(), label),
        ("X-Wirewatch-Severity".to_owned(), view.severity.as_str().to_owned()),
        ("X-Wirewatch-Score".to_owned(), number(view.score)),
        ("X-Wirewatch-Incident".to_owned(), view.incident.to_string()),
        ("X-Wirewatch-Alert".to_owned(), view.alert.to_string()),
    ];
    if view.severity == Severity::Critical {
        headers.push(("Importance".to_owned(), "high".to_owned()));
        headers.push(("X-Priority".to_owned(), "1".to_owned()));
    }
    headers
}

/// What `wirewatch mail test` sends: a mail that shows that mail arrives, and cannot be taken for an alert.
pub fn test_mail(at: Timestamp) -> Rendered {
    let values = context! { when => instant(at) };
    Rendered {
        subject: "This is a test from Wirewatch: mail works".to_owned(),
        text: fill("test.txt", &values),
        html: fill("test.html", &values),
        headers: vec![("X-Wirewatch-Test".to_owned(), "yes".to_owned())],
    }
}

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // Block tags stand on lines of their own and leave no trace.
    let mut syntax = SyntaxConfig::builder();
    if let Ok(syntax) = syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build() {
        environment.set_syntax(syntax);
    }
    for (name, source) in [
        ("alert.txt", include_str!("templates/alert.txt")),
        ("alert.html", include_str!("templates/alert.html")),
        ("digest.txt", include_str!("templates/digest.txt")),
        ("digest.html", include_str!("templates/digest.html")),
        ("operator.txt", include_str!("templates/operator.txt")),
        ("operator.html", include_str!("templates/operator.html")),
        ("test.txt", include_str!("templates/test.txt")),
        ("test.html", include_str!("templates/test.html")),
    ] {
        // A template that does not parse is missing below, and a test renders every one.
        drop(environment.add_template(name, source));
    }
    environment
});

fn fill(name: &str, values: &Value) -> String {
    let filled = TEMPLATES.get_template(name).and_then(|template| template.render(values));
    // Templates are compiled in and tested; should one fail, the alert still says where to look.
    filled.unwrap_or_else(|error| {
        format!("Wirewatch could not lay out this message ({name}: {error}).\nSee: wirewatch alerts list\n")
    })
}

fn is_update(view: &AlertView) -> bool {
    view.kind == "update"
}

/// The articles a mail has room for; an update begins with what is new.
fn shown(view: &AlertView) -> Vec<&ArticleView> {
    let mut articles: Vec<&ArticleView> = view.articles.iter().collect();
    articles.sort_by_key(|article| !is_news(view, article));
    articles.truncate(ARTICLES_MAX);
    articles
}

/// The headline of what is new; of the strongest article when nothing is; the topic's name when there is none.
fn headline(view: &AlertView) -> String {
    let newest = if is_update(view) { view.articles.iter().find(|article| article.is_new) } else { None };
    let title = newest.or(view.articles.first()).map(|article| clean(&article.title, 300));
    title.filter(|title| !title.is_empty()).unwrap_or_else(|| clean(&view.topic_name, 200))
}

fn kicker(view: &AlertView) -> String {
    let mut parts = vec![view.severity.as_str().to_uppercase(), clean(&view.topic_name, 200)];
    parts.extend(view.place.as_ref().map(|place| clean(place, 100)));
    parts.join(" · ")
}

fn preview(view: &AlertView) -> String {
    format!(
        "Score {} ({}), {}",
        number(view.score),
        likelihood(view.score),
        plural(u64::from(view.publishers), "publisher")
    )
}

fn facts(view: &AlertView) -> Vec<String> {
    let articles = view.articles.len() as u64 + view.more as u64;
    let ordinal = if is_update(view) { "update of" } else { "first alert of" };
    vec![
        format!("Score {} of 1: {}", number(view.score), likelihood(view.score)),
        format!(
            "{} in {}",
            plural(u64::from(view.publishers), "independent publisher"),
            plural(articles, "article")
        ),
        format!("Alert {}, {ordinal} incident {}, {}", view.alert, view.incident, instant(view.at)),
    ]
}

fn why(view: &AlertView) -> Vec<String> {
    vec![
        format!("This was sent because {}.", clean(&view.reason, 400).trim_end_matches('.')),
        format!(
            "It belongs to the topic {} ({}), which tells you from a score of {} on.",
            clean(&view.topic_name, 200),
            clean(&view.topic_id, 100),
            number(view.threshold)
        ),
    ]
}

fn more(view: &AlertView) -> String {
    let hidden = view.more + view.articles.len().saturating_sub(ARTICLES_MAX);
    if hidden == 0 {
        String::new()
    } else {
        format!("… and {} not shown here.", plural(hidden as u64, "more article"))
    }
}

fn byline(article: &ArticleView) -> String {
    let feed = clean(&article.feed_name, 120);
    format!("{} · tier {} · from the feed {feed}", clean(&article.publisher, 120), article.tier.number())
}

fn times(view: &AlertView, article: &ArticleView) -> [String; 2] {
    let published = match article.published_at {
        Some(at) => format!("Published {} ({})", instant(at), ago(at, view.at)),
        None => "Published at an unknown time".to_owned(),
    };
    [published, format!("Seen {} ({})", instant(article.seen_at), ago(article.seen_at, view.at))]
}

fn detail(evidence: &Evidence) -> String {
    let place = format!("{} · in the {}", points(evidence.points), words::field(evidence.field));
    match evidence.status {
        // What every quote is until modality is read says nothing about this one.
        Status::Affirmed => place,
        other => format!("{place} · {}", status(other)),
    }
}

/// A quote with the signals it made fire.
struct Quoted<'a> {
    quote: &'a str,
    is_against: bool,
    signals: Vec<&'a Evidence>,
}

/// The evidence by quote: one sentence that makes four signals fire is read once.
fn quoted(article: &ArticleView) -> Vec<Quoted<'_>> {
    let mut quotes: Vec<Quoted<'_>> = Vec::new();
    for evidence in article.evidence.iter().take(EVIDENCE_MAX) {
        let is_against = evidence.points < 0.0;
        match quotes.iter_mut().find(|it| it.quote == evidence.quote && it.is_against == is_against) {
            Some(known) => known.signals.push(evidence),
            None => quotes.push(Quoted { quote: &evidence.quote, is_against, signals: vec![evidence] }),
        }
    }
    quotes
}

fn signal(evidence: &Evidence) -> String {
    format!("{}: {}", clean(&evidence.signal, 120), detail(evidence))
}

/// What is to be known of the evidence beside it: how much is not shown, and that there was little to go by.
fn footnote(article: &ArticleView) -> String {
    let hidden = article.evidence.len().saturating_sub(EVIDENCE_MAX);
    let more = (hidden > 0).then(|| format!("and {}", plural(hidden as u64, "more signal")));
    let only = article.is_headline_only.then(|| "scored on its headline only".to_owned());
    more.into_iter().chain(only).collect::<Vec<_>>().join(" · ")
}

/// Whether the article tells something an earlier mail did not; in a first alert everything is new.
fn is_news(view: &AlertView, article: &ArticleView) -> bool {
    is_update(view) && article.is_new
}

fn article_text(view: &AlertView, at: usize, article: &ArticleView) -> String {
    let mark = if is_news(view, article) { "NEW: " } else { "" };
    let title = isolate(&clean(&article.title, 300));
    let mut lines = vec![
        wrap(&format!("{}. {mark}{title}", at + 1), "", COLUMNS),
        wrap(&format!("{} · score {}", byline(article), number(article.score)), "   ", COLUMNS),
    ];
    lines.extend(times(view, article).iter().map(|time| wrap(time, "   ", COLUMNS)));
    for Quoted { quote, is_against, signals } in quoted(article) {
        let sign = if is_against { "against" } else { "for" };
        lines.push(wrap(&format!("{sign}: \"{}\"", isolate(&clean(quote, 300))), "   ", COLUMNS));
        lines.extend(signals.into_iter().map(|evidence| wrap(&signal(evidence), "     ", COLUMNS)));
    }
    if !footnote(article).is_empty() {
        lines.push(format!("   {}", footnote(article)));
    }
    lines.push(match link(article.url.as_deref()) {
        Link::Web { url, .. } => format!("   {url}"),
        Link::Words(words) => wrap(&format!("Link, not a web address: {words}"), "   ", COLUMNS),
        Link::None => format!("   No link: wirewatch articles show {}", article.id),
    });
    lines.join("\n")
}

fn article_value(view: &AlertView, article: &ArticleView) -> Value {
    let (url, host, not_a_link) = match link(article.url.as_deref()) {
        Link::Web { url, host } => (url, host, String::new()),
        Link::Words(words) => (String::new(), String::new(), words),
        Link::None => (String::new(), clean(&article.host, 100), String::new()),
    };
    let evidence: Vec<Value> = quoted(article)
        .into_iter()
        .map(|Quoted { quote, is_against, signals }| {
            context! {
                quote => clean(quote, 300),
                signals => signals.into_iter().map(signal).collect::<Vec<_>>(),
                against => is_against,
                side => if has_rtl(quote) { "right" } else { "left" },
            }
        })
        .collect();
    context! {
        title => clean(&article.title, 300),
        url => url,
        host => host,
        not_a_link => not_a_link,
        byline => byline(article),
        times => times(view, article).to_vec(),
        score => number(article.score),
        evidence => evidence,
        footnote => footnote(article),
        is_new => is_news(view, article),
        id => article.id,
    }
}
