//! Where a feed moved: believed after days, given up when it fails, and never for a page or a private network.

use std::time::Duration;

use jiff::Timestamp;
use url::Url;
use wirewatch::feed::Feed;
use wirewatch::feed::moved::{Moved, asked_url, note};
use wirewatch::feed::state::FeedState;
use wirewatch::secret::Secret;

use crate::support::http::Reply;
use crate::support::lab::hour;
use crate::support::watch::{Watch, rss};

const FEED: &str = "http://a.example/old\ninterval = \"6h\"";

fn day(count: u64) -> Timestamp {
    hour(count * 24)
}

/// A document of its own each time, so that nothing is ever "not modified".
fn changing(watch: &Watch, path: &str) {
    let count = std::sync::atomic::AtomicU64::new(0);
    watch.server.respond(path, move |_| {
        let turn = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst).to_string();
        Reply::ok("application/rss+xml", rss(&[(&turn, &format!("Slow day number {turn}"), hour(0))]))
            .header("etag", format!("\"{turn}\""))
    });
}

fn redirect(watch: &Watch, code: u16, to: &str) {
    watch.server.set("/old", Reply::redirect(code, watch_url(watch, to).as_str()));
}

fn watch_url(watch: &Watch, address: &str) -> Url {
    let mut url = Url::parse(&format!("http://{address}")).unwrap();
    url.set_port(Some(watch.server.port())).unwrap();
    url
}

fn adopted(watch: &Watch) -> Option<String> {
    watch.state(0).moved.filter(|moved| moved.adopted_at.is_some()).map(|moved| moved.to)
}

#[test]
fn c28_ten_results_over_seven_days_that_all_say_the_same() {
    let says = |results: &[(u64, Option<&str>)]| -> Option<Moved> {
        results.iter().fold(None, |known, (hours, to)| note(known, *to, hour(*hours)))
    };
    let every = |hours: u64, count: u64, to: &'static str| -> Vec<(u64, Option<&'static str>)> {
        (0..count).map(|turn| (turn * hours, Some(to))).collect()
    };
    let is_adopted =
        |results: &[(u64, Option<&str>)]| says(results).is_some_and(|moved| moved.adopted_at.is_some());
    assert!(!is_adopted(&every(24, 9, "n")), "nine in eight days");
    assert!(is_adopted(&every(24, 10, "n")), "ten in nine days");
    assert!(!is_adopted(&every(1, 150, "n")), "150 in six days");
    assert!(is_adopted(&every(1, 169, "n")), "seven days");
    // Another target, or none, begins anew.
    let mut results = every(24, 9, "n");
    results.extend([(220, Some("other")), (240, Some("n"))]);
    assert_eq!(says(&results).map(|moved| (moved.to, moved.count)), Some(("n".to_owned(), 1)));
    results.push((260, None));
    assert_eq!(says(&results), None);
    // Once taken over it stays, whatever the new address says of itself.
    let mut results = every(24, 10, "n");
    results.extend([(300, None), (310, Some("other"))]);
    assert_eq!(says(&results).map(|moved| moved.to), Some("n".to_owned()));
    // A first result that a clock which ran ahead left behind does not count for ever.
    let ahead = Moved { to: "n".to_owned(), count: 50, since: day(3650), adopted_at: None };
    let known = note(Some(ahead), Some("n"), hour(0));
    assert!(note(known, Some("n"), day(7)).is_some_and(|moved| moved.adopted_at.is_some()));
}

#[tokio::test]
async fn c28_a_feed_that_moved_for_good_is_asked_where_it_is() {
    let mut watch = Watch::with(&[FEED], "").await;
    changing(&watch, "/new");
    redirect(&watch, 301, "b.example/new");
    watch.until(day(6)).await;
    assert_eq!(adopted(&watch), None);
    watch.until(day(8)).await;
    assert_eq!(adopted(&watch), Some(watch_url(&watch, "b.example/new").into()));
    let told = watch.rounds.iter().filter(|round| round.settled.outcome.contains("moved for good")).count();
    assert_eq!(told, 1, "it is told once");
    let (old, new) = (watch.server.requests_to("/old").len(), watch.server.requests_to("/new").len());
    watch.restart().await;
    watch.until(day(10)).await;
    assert_eq!(watch.server.requests_to("/old").len(), old, "the old address is left alone");
    let requests = watch.server.requests_to("/new");
    assert!(requests.len() >= new + 7);
    let unconditional = requests.iter().filter(|request| request.header("if-none-match").is_none()).count();
    assert_eq!(unconditional, 2, "the first that came by the redirect, and the first that came directly");
    // Its host's gate is the new one's, and the owner's file is as it was.
    assert_eq!(watch.host("b.example").last_asked_at, watch.starts("a.example/old").last().copied());
    let file = std::fs::read_to_string(watch.dir.path().join("feeds.toml")).unwrap();
    assert!(file.contains("http://a.example") && !file.contains("b.example"));
}

#[tokio::test]
async fn c28_an_address_that_was_taken_over_and_fails_is_given_up() {
    let mut watch = Watch::with(&[FEED], "").await;
    changing(&watch, "/new");
    redirect(&watch, 308, "b.example/new");
    watch.until(day(8)).await;
    assert!(adopted(&watch).is_some());
    watch.server.set("/new", Reply::status(500));
    changing(&watch, "/old");
    watch.until(day(11)).await;
    assert_eq!(adopted(&watch), None);
    assert!(watch.state(0).failure_count == 0 && watch.state(0).last_success_at > Some(day(10)));
    assert!(watch.rounds.iter().any(|round| round.settled.outcome.contains("is asked again")));
}

#[tokio::test]
async fn c28_temporary_redirects_are_followed_and_never_believed() {
    for code in [302, 303, 307] {
        let mut watch = Watch::with(&[FEED], "").await;
        changing(&watch, "/new");
        redirect(&watch, code, "b.example/new");
        watch.until(day(12)).await;
        assert_eq!(watch.state(0).moved, None, "{code}");
        assert!(watch.server.requests_to("/old").len() > 40 && watch.state(0).failure_count == 0);
    }
}

#[tokio::test]
async fn c32_a_captive_portal_is_never_believed() {
    let mut watch = Watch::with(&["http://a.example/old\ninterval = \"1h\""], "max_interval = \"2h\"").await;
    let page = "<html><head><title>Welcome to HotelNet</title></head><body>Accept the terms</body></html>";
    watch.server.set("/portal", Reply::ok("text/html", page));
    redirect(&watch, 301, "b.example/portal");
    watch.until(day(12)).await;
    assert_eq!(watch.state(0).moved, None);
    assert!(watch.server.requests_to("/old").len() > 100, "the feed's own address is asked on");
    changing(&watch, "/old");
    watch.until(day(13)).await;
    assert!(watch.state(0).last_success_at > Some(day(12)));
}

#[tokio::test]
async fn c28_no_move_leads_into_a_private_network() {
    let mut watch = Watch::with(&[FEED], "").await;
    redirect(&watch, 301, "inside.example/feed");
    watch.until(day(12)).await;
    assert_eq!(watch.state(0).moved, None);
    // Nor one that was believed while its name led elsewhere.
    let mut watch = Watch::with(&[FEED], "").await;
    changing(&watch, "/new");
    redirect(&watch, 301, "nowhere.example/new");
    watch.until(day(8)).await;
    assert!(adopted(&watch).is_some());
    watch.lead_inside("nowhere.example");
    changing(&watch, "/old");
    let before = watch.server.requests_to("/new").len();
    watch.until(day(9)).await;
    assert_eq!(watch.server.requests_to("/new").len(), before);
    watch.until(day(12)).await;
    assert_eq!(adopted(&watch), None, "given up");
    assert!(watch.state(0).last_success_at > Some(day(11)));
}

#[tokio::test]
async fn c28_credentials_stay_with_the_address_they_are_for() {
    let mut watch = Watch::with(&["http://me:secret@a.example/old\ninterval = \"6h\""], "").await;
    changing(&watch, "/new");
    redirect(&watch, 301, "b.example/new");
    watch.until(day(12)).await;
    assert!(watch.server.requests_to("/old").len() > 40, "the address with the password is asked on");
    assert!(watch.server.requests_to("/new").iter().all(|request| request.header("authorization").is_none()));
    assert!(watch.server.requests_to("/old").iter().all(|request| request.header("authorization").is_some()));
    // A key in a header is no less the owner's.
    let mut feed = watch.config.feeds[0].clone();
    feed.url = Url::parse("https://a.example/old").unwrap();
    let asked = |feed: &Feed, to: &str| {
        let moved = Moved { to: to.to_owned(), count: 10, since: day(0), adopted_at: Some(day(8)) };
        asked_url(feed, &FeedState { moved: Some(moved), ..FeedState::default() }).to_string()
    };
    assert_eq!(asked(&feed, "https://b.example/new"), "https://b.example/new");
    assert_eq!(asked(&feed, "file:///etc/passwd"), "https://a.example/old");
    feed.access.headers.push(("x-key".to_owned(), Secret::new("secret".to_owned())));
    assert_eq!(asked(&feed, "https://b.example/new"), "https://a.example/old");
    assert_eq!(asked(&feed, "https://a.example/new"), "https://a.example/new");
}

#[tokio::test]
async fn c30_a_feed_that_is_gone_is_asked_weekly_and_welcomed_back() {
    let mut watch = Watch::with(&["http://a.example/old\ninterval = \"30m\""], "").await;
    watch.server.set("/old", Reply::status(410));
    watch.until(day(30)).await;
    let starts = watch.starts("a.example/old");
    let waits: Vec<i64> = starts.windows(2).map(|pair| pair[1].duration_since(pair[0]).as_hours()).collect();
    assert!(waits[..2].iter().all(|wait| (24..=26).contains(wait)), "{waits:?}");
    assert!(waits[2..].iter().all(|wait| (168..=185).contains(wait)) && waits.len() >= 5, "{waits:?}");
    // A restart believes the week's wait.
    let due_at = watch.state(0).next_due_at.unwrap();
    watch.restart().await;
    watch.until(due_at - Duration::from_secs(1)).await;
    assert_eq!(watch.starts("a.example/old").len(), starts.len());
    changing(&watch, "/old");
    watch.until(day(40)).await;
    assert!(!watch.state(0).is_gone() && watch.starts("a.example/old").len() > starts.len() + 40);
}
