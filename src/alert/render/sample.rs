//! Alerts that never were: one of every kind, in both directions of writing, for templates to be tried on.
//!
//! Owns [`views`], [`digests`] and [`mail`]. Refuses to look like news: each says that nothing in it happened.

use jiff::{SignedDuration, Timestamp};

use super::clean::cut;
use super::digest::{self, DigestItem, DigestView, Why};
use super::operator::{self, News as OperatorNews};
use super::templates::Templates;
use super::view::{
    Action, AlertView, ArticleView, News, PublisherView, StoryView, TREND_DAYS, ToldStory, Trend,
};
use super::{Rendered, SUBJECT_CHARS_MAX};
use crate::alert::Kind;
use crate::alert::route::decide::Hold;
use crate::feed::Tier;
use crate::topic::{Evidence, Field, Severity, Status};

/// Kinds that tell of an incident.
pub const KINDS: [Kind; 6] =
    [Kind::First, Kind::Update, Kind::Escalation, Kind::Surge, Kind::Correction, Kind::AllClear];

const HEADLINES: [(&str, &str, (u32, u32)); 2] = [
    (
        "Sample: army violates ceasefire hours after deal, monitors say",
        "Sample: army violates ceasefire hours after deal",
        (13, 31),
    ),
    (
        "مثال: الجيش ينتهك وقف إطلاق النار بعد ساعات من الاتفاق",
        "مثال: الجيش ينتهك وقف إطلاق النار بعد ساعات",
        (21, 60),
    ),
];

/// One of every kind with all there can be in it, in both directions, and one of every kind with hardly anything.
pub fn views(at: Timestamp) -> Vec<AlertView> {
    let [one, other] = HEADLINES;
    let full = KINDS.iter().flat_map(|kind| [full(*kind, [one, other], at), full(*kind, [other, one], at)]);
    let bare = KINDS.iter().map(|kind| bare(*kind, at));
    full.chain(bare).collect()
}

/// What [`mail`] can make.
pub fn names() -> Vec<&'static str> {
    KINDS.iter().map(|kind| kind.as_str()).chain(["digest", "operator", "heartbeat"]).collect()
}

/// A mail with all there can be in it, to look at; `None` for what is no name of [`names`].
pub fn mail(name: &str, at: Timestamp, templates: &Templates) -> Option<Rendered> {
    if let Some(kind) = KINDS.into_iter().find(|kind| kind.as_str() == name) {
        // As mails are today: a template must know of the page of an incident, which nobody serves yet.
        let view = AlertView { incident_url: None, ..full(kind, HEADLINES, at) };
        return Some(super::render(&view, templates));
    }
    let is_heartbeat = match name {
        "digest" => return digests(at).first().map(|view| digest::render(view, templates)),
        "operator" => false,
        "heartbeat" => true,
        _ => return None,
    };
    let mails = operator::samples(at);
    let found = mails.iter().find(|view| matches!(view.news, OperatorNews::Heartbeat(_)) == is_heartbeat);
    let mail = found.map(|view| operator::render_with(view, templates))?;
    let subject = cut(&format!("A sample, not news: {}", mail.subject), SUBJECT_CHARS_MAX);
    Some(Rendered { subject, ..mail })
}

/// Digests of every reason, with an alert of every kind, in both directions; and one of which not all is shown.
pub fn digests(at: Timestamp) -> Vec<DigestView> {
    let holds = [Hold::Digest, Hold::QuietHours, Hold::Cap, Hold::Silence];
    let item = |number: i64, kind: &Kind, hold, headline: Option<&str>| DigestItem {
        alert: 31 + number,
        incident: headline.map(|_| 12),
        kind: *kind,
        severity: if headline.is_some() { Severity::Critical } else { Severity::Info },
        topic_id: "a-sample".to_owned(),
        topic_name: "A sample, not news".to_owned(),
        place: headline.map(|_| "Sudan".to_owned()),
        at: before(at, 400),
        subject: format!("[A sample, not news] {}: nothing in it happened", kind.as_str()),
        reason: "somebody asked for a sample; nothing in it happened".to_owned(),
        publishers: 2,
        score: headline.map(|_| 0.93),
        hold,
        headline: headline.map(str::to_owned),
        url: headline.map(|_| "https://news.example.org/world/1".to_owned()),
        corrected_in: (*kind == Kind::Update).then_some(34),
    };
    let view =
        |why, items| DigestView { alert: 40, at, why, items, contact: Some("ops@example.org".to_owned()) };
    let headlines = [Some(HEADLINES[0].0), Some(HEADLINES[1].0), None];
    let of = |hold| {
        let numbered = (0_i64..).zip(&KINDS).zip(headlines.into_iter().cycle());
        numbered.map(move |((number, kind), headline)| item(number, kind, hold, headline))
    };
    let mut digests: Vec<DigestView> =
        holds.iter().map(|hold| view(Why::All(*hold), of(*hold).collect())).collect();
    digests.push(view(Why::Several, holds.iter().flat_map(|hold| of(*hold)).cycle().take(200).collect()));
    digests
}

fn before(at: Timestamp, minutes: i64) -> Timestamp {
    at.checked_sub(SignedDuration::from_mins(minutes)).unwrap_or(at)
}

fn bare(kind: Kind, at: Timestamp) -> AlertView {
    AlertView {
        topic_name: "A sample, not news".to_owned(),
        topic_id: "a-sample".to_owned(),
        severity: Severity::Warning,
        kind,
        headline: None,
        reason: "somebody asked for a sample; nothing in it happened".to_owned(),
        place: None,
        place_code: "ZZ".to_owned(),
        at,
        incident: 12,
        alert: 31,
        publishers: 0,
        score: 0.0,
        threshold: 0.7,
        stories: Vec::new(),
        more: 0,
        told: Vec::new(),
        told_more: 0,
        corrects: None,
        trend: None,
        incident_url: None,
        actions: Vec::new(),
        contact: None,
    }
}

/// A headline, a quote of it, and the bytes in the quote that matched.
type Headline = (&'static str, &'static str, (u32, u32));

fn full(kind: Kind, headlines: [Headline; 2], at: Timestamp) -> AlertView {
    let mut days = [0; TREND_DAYS];
    for (day, count) in days.iter_mut().zip([0, 0, 1, 0, 0, 2, 1, 0, 0, 0, 3, 1, 0, 9]) {
        *day = count;
    }
    let (title, ..) = headlines[0];
    let told = ToldStory {
        title: title.to_owned(),
        alert: 29,
        told_at: before(at, 1500),
        publishers: if kind == Kind::Correction { 0 } else { 2 },
        is_taken_back: kind == Kind::Correction,
    };
    // A first alert has nothing that is known; a correction and an all-clear show one story, and it is known.
    let (is_news, is_first) = (kind.tells_news(), kind == Kind::First);
    let shown = match kind {
        Kind::First => [News::New, News::New].as_slice(),
        _ if is_news => &[News::New, News::Updated],
        _ => &[News::Updated],
    };
    let stories = shown.iter().copied().zip(headlines);
    AlertView {
        severity: Severity::Critical,
        headline: (kind == Kind::Surge).then(|| "Sample: 34 reports in 24h, usual 6".to_owned()),
        place: Some("Sudan".to_owned()),
        place_code: "SD".to_owned(),
        publishers: 3,
        score: 0.93,
        stories: stories
            .map(|(news, headline)| {
                story(news, headline.0, article(headline, news == News::New || !is_news, at))
            })
            .collect(),
        more: if is_news { 3 } else { 0 },
        told: if is_first { Vec::new() } else { vec![told.clone()] },
        told_more: if is_first { 0 } else { 4 },
        corrects: (kind == Kind::Correction)
            .then(|| ToldStory { title: format!("[A sample, not news] Sudan: {title}"), ..told }),
        trend: Some(Trend { days, place: Some("Sudan".to_owned()) }),
        incident_url: Some("https://news.example.org/incidents/12".to_owned()),
        actions: vec![Action {
            label: "Acknowledge".to_owned(),
            url: "https://news.example.org/f/sample".to_owned(),
            is_unsubscribe: false,
        }],
        contact: Some("ops@example.org".to_owned()),
        ..bare(kind, at)
    }
}

fn story(news: News, title: &str, article: ArticleView) -> StoryView {
    let publisher =
        |name: &str, at| PublisherView { name: name.to_owned(), tier: Tier::default(), first_seen_at: at };
    let seen_at = article.seen_at;
    StoryView {
        title: title.to_owned(),
        news,
        first_seen_at: before(seen_at, 20),
        publishers: vec![publisher("example.org", before(seen_at, 20)), publisher("example.com", seen_at)],
        known_publishers: usize::from(news == News::Updated),
        copies: 7,
        copied_by: vec!["example.net".to_owned(), "example.edu".to_owned()],
        articles: vec![
            article.clone(),
            ArticleView { title: "Sample: another headline".to_owned(), ..article },
        ],
        more: 2,
    }
}

fn article((title, quote, words): Headline, linked: bool, at: Timestamp) -> ArticleView {
    let evidence = |signal: &str, status, points, is_claim| Evidence {
        signal: signal.to_owned(),
        field: Field::Title,
        quote: quote.to_owned(),
        status,
        points,
        at: Some(words),
        is_claim,
    };
    ArticleView {
        title: title.to_owned(),
        url: linked.then(|| "https://news.example.org/world/1".to_owned()),
        publisher: "example.org".to_owned(),
        tier: Tier::default(),
        feed_name: "Example World".to_owned(),
        published_at: linked.then(|| before(at, 14)),
        seen_at: before(at, 1),
        score: 0.93,
        evidence: vec![
            evidence("a truce is broken", Status::Affirmed, 50.0, false),
            evidence("both sides at arms", Status::Hedged, 12.5, true),
            evidence("a truce holds", Status::Negated, -8.0, false),
        ],
        is_headline_only: linked,
        id: 4711,
    }
}
