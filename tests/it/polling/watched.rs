//! The harness itself: a feed polled for a day.

use crate::support::http::Reply;
use crate::support::lab::hour;
use crate::support::watch::{Watch, rss};

#[tokio::test]
async fn c16_a_feed_is_polled_for_a_day_at_its_interval_or_a_little_later() {
    let mut watch = Watch::with(&["http://a.example/feed\ninterval = \"30m\""], "").await;
    let document = rss(&[("one", "Calm seas and a slow day", hour(0))]);
    watch
        .server
        .set("/feed", Reply::ok("application/rss+xml", document).header("etag", "\"1\"").conditional());
    watch.until(hour(24)).await;
    let starts = watch.starts("a.example/feed");
    assert!((44..=48).contains(&starts.len()), "{}", starts.len());
    for pair in starts.windows(2) {
        let wait = pair[1].duration_since(pair[0]).as_secs();
        assert!((1800..=1980).contains(&wait), "{wait}");
    }
    let requests = watch.server.requests_to("/feed");
    assert_eq!(requests[0].text("if-none-match"), None);
    assert!(requests[1..].iter().all(|request| request.text("if-none-match").as_deref() == Some("\"1\"")));
    assert_eq!(watch.reader().traffic(hour(24)).unwrap()[0].requests, starts.len() as u64);
}
