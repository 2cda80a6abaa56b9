//! Validators: kept through whatever happens, and of no use to a server that ignores them.

use wirewatch::feed::answer::AnswerKind;

use crate::support::http::{Received, Reply};
use crate::support::lab::hour;
use crate::support::watch::{Watch, rss};

const FEED: &str = "http://a.example/feed\ninterval = \"30m\"";

fn calm() -> Reply {
    Reply::ok("application/rss+xml", rss(&[("one", "Calm seas and a slow day", hour(0))]))
}

fn tagged(etag: &str) -> Reply {
    calm().header("etag", etag)
}

/// What each request sent: `If-None-Match` and `If-Modified-Since`.
fn sent(watch: &Watch) -> Vec<(Option<String>, Option<String>)> {
    let both = |request: &Received| (request.text("if-none-match"), request.text("if-modified-since"));
    watch.server.requests_to("/feed").iter().map(both).collect()
}

fn both(etag: &str, modified: &str) -> (Option<String>, Option<String>) {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    (some(etag), some(modified))
}

/// Asserts what the requests carry when these answers come in turn; there is one request more than answers.
async fn check(replies: Vec<Reply>, expected: &[(&str, &str)]) {
    let mut watch = Watch::with(&[FEED], "").await;
    watch.server.queue("/feed", replies);
    while watch.server.requests_to("/feed").len() < expected.len() {
        watch.for_hours(1).await;
        assert!(watch.now < hour(24 * 30), "it is asked no more");
    }
    let expected: Vec<_> = expected.iter().map(|(etag, modified)| both(etag, modified)).collect();
    assert_eq!(sent(&watch)[..expected.len()], expected[..]);
}

#[tokio::test]
async fn c4_a_200_replaces_both_validators_with_its_own() {
    let date = "Sun, 01 Mar 2026 10:00:00 GMT";
    check(
        vec![
            tagged("W/\"a\"").header("last-modified", date),
            tagged("\"b\""),
            calm().header("last-modified", date),
        ],
        &[("", ""), ("W/\"a\"", date), ("\"b\"", ""), ("", date)],
    )
    .await;
}

#[tokio::test]
async fn c5_a_304_changes_only_the_validators_it_carries() {
    let date = "Sun, 01 Mar 2026 10:00:00 GMT";
    check(
        vec![
            tagged("\"a\"").header("last-modified", date),
            Reply::status(304),
            Reply::status(304).header("etag", "\"b\""),
            Reply::status(304),
        ],
        &[("", ""), ("\"a\"", date), ("\"a\"", date), ("\"b\"", date), ("\"b\"", date)],
    )
    .await;
}

#[tokio::test]
async fn c6_the_same_document_under_new_validators_brings_the_new_ones() {
    check(
        vec![tagged("\"a\""), tagged("\"b\""), tagged("\"c\"")],
        &[("", ""), ("\"a\"", ""), ("\"b\"", ""), ("\"c\"", "")],
    )
    .await;
}

#[tokio::test]
async fn c7_no_failure_touches_the_validators() {
    let own = |code: u16| Reply::status(code).header("etag", "\"of the error\"");
    let failures = [own(500), own(404), own(403), own(429).header("retry-after", "60"), own(503), own(410)];
    let broken = Reply::raw("HTTP/1.1 200 OK\r\nEtag: \"broken\"\r\nContent-Length: 5000\r\n\r\n<rss");
    for failure in failures.into_iter().chain([broken, Reply::raw("nonsense")]) {
        check(vec![tagged("\"a\""), failure, tagged("\"a\"")], &[("", ""), ("\"a\"", ""), ("\"a\"", "")])
            .await;
    }
}

#[tokio::test]
async fn c8_a_kill_between_fetch_and_commit_fetches_again_and_loses_nothing() {
    let mut watch = Watch::with(&[FEED], "").await;
    let document = rss(&[("one", "Calm seas and a slow day", hour(0))]);
    let half = Reply::ok("application/rss+xml", "")
        .header("etag", "\"a\"")
        .then_send(&document.as_bytes()[..50])
        .then_stall();
    watch.server.set("/feed", half);
    for _ in 0..3 {
        watch.crash().await;
        assert_eq!(watch.state(0).etag, None, "validators are no older than their entries");
    }
    watch.server.set("/feed", tagged("\"a\"").conditional());
    watch.for_hours(2).await;
    let sent = sent(&watch);
    assert_eq!(sent.iter().filter(|sent| sent.0.is_none()).count(), 4, "{sent:?}");
    assert_eq!(watch.rounds[0].settled.new_count(), 1);
    assert_eq!(watch.state(0).etag.as_deref(), Some(&b"\"a\""[..]));
}

#[tokio::test]
async fn c9_validators_of_a_document_that_cannot_be_read_are_not_kept() {
    let page = || Reply::ok("text/html", "<html><title>Sign in</title><body>Please sign in</body></html>");
    check(vec![page().header("etag", "\"page\""), calm()], &[("", ""), ("", "")]).await;
    check(
        vec![tagged("\"a\""), page().header("etag", "\"page\""), calm()],
        &[("", ""), ("\"a\"", ""), ("\"a\"", "")],
    )
    .await;
}

#[tokio::test]
async fn c10_other_credentials_ask_once_without_validators() {
    for change in [
        ("http://me:one@a.example/feed", "http://me:two@a.example/feed", ""),
        ("http://me:one@a.example/feed", "http://me@a.example/feed", ""),
        ("http://a.example/feed", "http://a.example/feed", "headers = { \"X-Key\" = \"k\" }"),
    ] {
        let mut watch = Watch::with(&[&format!("{}\ninterval = \"30m\"", change.0)], "").await;
        watch.server.set("/feed", tagged("\"a\"").conditional());
        watch.for_hours(2).await;
        let before = watch.server.requests_to("/feed").len();
        watch.set_feeds(&[&format!("{}\ninterval = \"30m\"\n{}", change.1, change.2)]).await;
        watch.for_hours(2).await;
        let sent = sent(&watch);
        assert!(before >= 3 && sent.len() >= before + 3);
        for (place, (etag, _)) in sent.iter().enumerate() {
            assert_eq!(etag.is_none(), place == 0 || place == before, "request {place}");
        }
    }
}

#[tokio::test]
async fn c11_a_rotating_etag_slows_the_polls_until_a_304_comes() {
    let mut watch = Watch::with(&["http://a.example/feed"], "").await;
    let count = std::sync::atomic::AtomicU64::new(0);
    watch.server.respond("/feed", move |_| {
        let turn = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        tagged(&format!("\"{turn}\""))
    });
    watch.until(hour(24 * 4)).await;
    let starts = watch.starts("a.example/feed");
    let late = starts.iter().filter(|at| **at > hour(30)).count();
    assert!(late <= 3, "{late} full documents in 66 hours");
    let reason = watch.state(0).next_due_reason;
    assert!(reason.contains("ignores conditional GET"), "{reason}");
    let last = starts.windows(2).last().unwrap();
    assert!(last[1].duration_since(last[0]).as_hours() >= 24, "{last:?}");
    // Mended.
    watch.server.respond("/feed", |request: &Received| match request.header("if-none-match") {
        Some(_) => Reply::status(304),
        None => tagged("\"x\""),
    });
    watch.until(hour(24 * 6)).await;
    assert_eq!(watch.state(0).ignored_count, 0);
    assert!(!watch.state(0).next_due_reason.contains("ignores"), "{}", watch.state(0).next_due_reason);
}

#[tokio::test]
async fn c11_an_interval_of_the_owners_own_decides() {
    let mut watch = Watch::with(&[FEED], "").await;
    watch.server.set("/feed", tagged("\"same\""));
    watch.until(hour(48)).await;
    assert!(watch.starts("a.example/feed").len() > 85);
}

#[tokio::test]
async fn c14_validators_that_vanish_leave_one_full_document_a_day() {
    let mut watch = Watch::with(&["http://a.example/feed"], "").await;
    watch.server.queue("/feed", [tagged("\"a\""), calm()]);
    watch.until(hour(24 * 5)).await;
    let unconditional = sent(&watch).iter().filter(|sent| sent.0.is_none()).count();
    assert!((4..=6).contains(&unconditional), "{unconditional} in five days");
    assert!(watch.state(0).next_due_reason.contains("stopped sending validators"));
    let starts = watch.starts("a.example/feed");
    for pair in starts[1..].windows(2) {
        let hours = pair[1].duration_since(pair[0]).as_secs_f64() / 3600.0;
        assert!((23.4..=26.5).contains(&hours), "{starts:?}");
    }
}

#[tokio::test]
async fn c14_a_server_without_validators_is_asked_at_the_owners_pace_within_the_bytes_of_a_day() {
    let mut watch =
        Watch::with(&["http://a.example/feed\ninterval = \"15m\"", "http://b.example/large"], "").await;
    watch.server.set("/feed", calm());
    let large = rss(&[("one", "Calm seas and a slow day", hour(0))]) + &" ".repeat(2 << 20);
    watch.server.set("/large", Reply::ok("application/rss+xml", large));
    watch.until(hour(24)).await;
    assert!(watch.starts("a.example/feed").len() > 85);
    let count = watch.starts("b.example/large").len();
    assert!((11..=13).contains(&count), "{count} times 2 MiB");
    assert_eq!(watch.state(1).last_answer, AnswerKind::Document);
}

#[tokio::test]
async fn c14_all_feeds_together_keep_to_the_owners_daily_budget() {
    let spent = async |poll: &str| {
        let mut watch = Watch::with(&["http://a.example/feed", "http://b.example/feed"], poll).await;
        let document = rss(&[("one", "Calm seas and a slow day", hour(0))]) + &" ".repeat(200 << 10);
        watch.server.set("/feed", Reply::ok("application/rss+xml", document));
        watch.until(hour(12)).await;
        watch.rounds.clear();
        // A whole day of the calendar.
        watch.until(hour(36)).await;
        (watch.rounds.len() * 200 / 1024, watch.state(0).next_due_reason)
    };
    let (mib, _) = spent("interval = \"15m\"").await;
    assert!(mib > 15, "{mib} MiB without a budget");
    let (mib, _) = spent("interval = \"15m\"\ndaily_budget = \"6MiB\"").await;
    assert!((3..=6).contains(&mib), "{mib} MiB of six");
}

#[tokio::test]
async fn c9_validators_of_a_document_that_breaks_off_are_not_kept_and_its_rest_comes_at_once() {
    let whole = rss(&[("two", "Ferry line opens in spring", hour(1)), ("one", "Calm seas", hour(0))]);
    let cut = format!("{}</item><item", whole.split_once("</item>").unwrap().0);
    let mut watch = Watch::with(&[FEED], "").await;
    let serve = |body: &str| Reply::ok("application/rss+xml", body).header("etag", "\"1\"");
    watch.server.queue("/feed", vec![serve(&cut), serve(&whole), Reply::status(304)]);
    watch.until(hour(2)).await;
    let none = (None, None);
    assert_eq!(sent(&watch)[..3], [none.clone(), none, both("\"1\"", "")]);
    assert!(watch.rounds.iter().any(|round| round.settled.new_count() == 1), "the rest came");
}

#[tokio::test]
async fn c9_a_document_that_always_breaks_off_at_the_same_place_is_not_sent_again_and_again() {
    let mut watch = Watch::with(&[FEED], "").await;
    let cut = rss(&[("one", "Calm seas", hour(0))]).replace("</channel></rss>", "<item><title>Ferr");
    watch.server.set("/feed", Reply::ok("application/rss+xml", cut).header("etag", "\"1\"").conditional());
    watch.until(hour(4)).await;
    let expected = [both("", ""), both("", ""), both("\"1\"", ""), both("\"1\"", "")];
    assert_eq!(sent(&watch)[..4], expected);
}

#[tokio::test]
async fn c29_validators_go_to_the_origin_that_gave_them_and_to_no_other() {
    let mut watch = Watch::with(&[FEED], "").await;
    let there = watch.server.url_at("b.example", "/there");
    watch.server.set("/feed", Reply::redirect(302, there.as_str()));
    watch.server.set("/there", tagged("\"b\"").conditional());
    watch.for_hours(6).await;
    assert!(sent(&watch).iter().all(|sent| *sent == both("", "")), "{:?}", sent(&watch));
    let asked: Vec<_> =
        watch.server.requests_to("/there").iter().map(|request| request.text("if-none-match")).collect();
    assert!(asked.len() > 5, "{asked:?}");
    assert_eq!(asked[0], None);
    assert!(asked[1..].iter().all(|tag| tag.as_deref() == Some("\"b\"")), "{asked:?}");
    assert_eq!(watch.state(0).last_answer, AnswerKind::NotModified);
    // Elsewhere they are unknown, and who got none has ignored none.
    let elsewhere = watch.server.url_at("c.example", "/elsewhere");
    watch.server.set("/feed", Reply::redirect(302, elsewhere.as_str()));
    watch.server.set("/elsewhere", calm());
    watch.for_hours(1).await;
    assert!(
        watch
            .server
            .requests_to("/elsewhere")
            .iter()
            .all(|request| request.header("if-none-match").is_none())
    );
    assert_eq!(watch.state(0).ignored_count, 0);
    // The owner of an address that moved back gets nothing of another's.
    watch.server.set("/feed", tagged("\"a\"").conditional());
    let before = sent(&watch).len();
    watch.for_hours(30).await;
    assert_eq!(sent(&watch)[before], both("", ""));
    assert_eq!(sent(&watch)[before + 1], both("\"a\"", ""));
}
