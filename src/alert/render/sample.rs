//! Alerts that never were: one of every kind, in both directions of writing, for templates to be tried on.
//!
//! Owns [`views`] and [`mail`]. Refuses to look like news: each says that nothing in it happened.

use jiff::{SignedDuration, Timestamp};

use super::view::{
    Action, AlertView, ArticleView, News, PublisherView, StoryView, TREND_DAYS, ToldStory, Trend,
};
use crate::alert::Kind;
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

/// An alert of a kind with all there can be in it, to look at.
pub fn mail(kind: Kind, at: Timestamp) -> AlertView {
    full(kind, HEADLINES, at)
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
    let stories = [News::New, News::Updated].into_iter().zip(headlines);
    let has_stories = !matches!(kind, Kind::AllClear);
    AlertView {
        severity: Severity::Critical,
        headline: matches!(kind, Kind::Surge | Kind::AllClear).then(|| title.to_owned()),
        place: Some("Sudan".to_owned()),
        place_code: "SD".to_owned(),
        publishers: 3,
        score: 0.93,
        stories: stories
            .filter(|_| has_stories)
            .map(|(news, headline)| story(news, headline.0, article(headline, news == News::New, at)))
            .collect(),
        more: 3,
        told: vec![ToldStory {
            title: title.to_owned(),
            alert: 29,
            told_at: before(at, 1500),
            publishers: 2,
        }],
        told_more: 4,
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
