//! Mails to the operator that never were: one of every kind, for templates to be tried on and for people to look at.
//!
//! Owns [`mails`]. Refuses to look like news: each says that it is a sample.

use jiff::{SignedDuration, Timestamp};

use super::{Backlog, FeedNews, News, OpenIncident, OperatorView, Vitals};
use crate::feed::health::Health;

/// One of every kind, with all there can be in it and with hardly anything. The first is the fullest.
pub fn mails(at: Timestamp) -> Vec<OperatorView> {
    let since = before(at, 90);
    let worse = vec![
        feed("Sample: Example World", Health::Failing, since),
        feed("مثال: أخبار", Health::Silent, since),
        feed("Sample: Example South", Health::Degraded, since),
        feed("Sample: Example East", Health::Gone, since),
    ];
    let back = vec![feed("Sample: Example North", Health::Ok, since)];
    let calm = Vitals { blind: Vec::new(), open: Vec::new(), ..vitals(at) };
    let calm = Vitals { missed_count: 0, failed_count: 0, waiting_since: None, waiting_count: 0, ..calm };
    let backlog = backlog(since);
    let outlet = Backlog { channel: "the outlet pager".to_owned(), reply: String::new(), ..backlog.clone() };
    [
        News::Feeds { worse, back: back.clone() },
        News::Feeds { worse: Vec::new(), back },
        News::Outage { since },
        News::OutageOver { since, until: at },
        News::Backlog(backlog.clone()),
        News::Backlog(outlet),
        News::BacklogOver { backlog, until: at },
        News::Unsubscribed { address: "sample@example.org".to_owned(), topic: "a-sample".to_owned() },
        News::Heartbeat(Box::new(vitals(at))),
        News::Heartbeat(Box::new(calm)),
    ]
    .into_iter()
    .map(|news| OperatorView { alert: 31, at, news })
    .collect()
}

fn before(at: Timestamp, minutes: i64) -> Timestamp {
    at.checked_sub(SignedDuration::from_mins(minutes)).unwrap_or(at)
}

fn feed(name: &str, health: Health, since: Timestamp) -> FeedNews {
    FeedNews {
        name: name.to_owned(),
        address: "https://news.example.org/feed".to_owned(),
        host: "example.org".to_owned(),
        health,
        since: Some(since),
        reason: if health == Health::Ok { String::new() } else { "it is a sample".to_owned() },
    }
}

fn backlog(since: Timestamp) -> Backlog {
    Backlog {
        channel: "mail".to_owned(),
        since,
        count: 3,
        address_count: 2,
        address: "sample@example.org".to_owned(),
        reply: "451 4.7.1 this is a sample, nothing waits".to_owned(),
        others_get_through: true,
    }
}

fn vitals(at: Timestamp) -> Vitals {
    let since = before(at, 90);
    Vitals {
        since: before(at, 24 * 60),
        until: at,
        missed_count: 1,
        next_at: at.checked_add(SignedDuration::from_hours(24)).unwrap_or(at),
        feed_count: 12,
        polled_count: 12,
        read_count: 11,
        blind: vec![feed("Sample: Example World", Health::Failing, since)],
        gap_count: 2,
        article_count: 431,
        alerts: vec![("first".to_owned(), 3), ("update".to_owned(), 1)],
        sent_count: 8,
        failed_count: 1,
        waiting_count: 1,
        waiting_since: Some(since),
        open_count: 2,
        open: vec![OpenIncident { topic: "a-sample".to_owned(), place: "Sudan".to_owned(), last_at: since }],
    }
}
