//! What every request of ours says and does not say, and how connections are kept.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use wirewatch::fetch::{Fetcher, Headers, Options, Outcome, Request};

use super::{FEED, PRIVATE, RSS, document, failure, fetcher, get, options, request};
use crate::support::http::{Reply, Server};

#[tokio::test]
async fn brings_a_document_with_its_headers() {
    let server = Server::start().await;
    let reply = Reply::ok("application/rss+xml; charset=utf-8", FEED)
        .header("etag", "\"1\"")
        .header("last-modified", "Sun, 22 Nov 2026 07:00:00 GMT")
        .header("cache-control", "max-age=900")
        .header("age", "60");
    server.set("/feed", reply);
    let document = document(&fetcher(), server.url("/feed?key=1#top")).await;
    assert_eq!(document.bytes, FEED);
    assert_eq!(document.url, server.url("/feed?key=1"));
    assert_eq!(document.content_type.as_deref(), Some("application/rss+xml; charset=utf-8"));
    assert_eq!(document.moved_to, None);
    let expected = Headers {
        etag: Some(b"\"1\"".to_vec()),
        last_modified: Some(b"Sun, 22 Nov 2026 07:00:00 GMT".to_vec()),
        retry_after: None,
        fresh_for: Some(Duration::from_mins(14)),
        rate_limit: None,
    };
    assert_eq!(document.headers, expected);
}

#[tokio::test]
async fn c33_c34_c35_introduces_itself_and_says_nothing_else() {
    let server = Server::start().await;
    server.set("/feed", Reply::ok(RSS, FEED).header("set-cookie", "id=7"));
    let contact = Some("https://example.org/contact".to_owned());
    let with_contact = Fetcher::new(Options { contact, ..options() }).unwrap();
    let url = server.url("/feed?key=1#fragment");
    document(&with_contact, url.clone()).await;
    document(&with_contact, url.clone()).await;
    document(&fetcher(), url).await;

    let requests = server.requests();
    let agents: Vec<_> = requests.iter().filter_map(|request| request.text("user-agent")).collect();
    let version = env!("CARGO_PKG_VERSION");
    let full = format!("wirewatch/{version} (+https://example.org/contact)");
    assert_eq!(agents, [full.clone(), full, format!("wirewatch/{version}")]);
    for request in &requests {
        assert_eq!((request.method.as_str(), request.target.as_str()), ("GET", "/feed?key=1"));
        let mut names: Vec<_> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "accept-encoding", "host", "user-agent"]);
        let accept = request.text("accept").unwrap();
        assert!(accept.starts_with("application/rss+xml, application/atom+xml"), "{accept}");
        assert!(accept.ends_with("*/*;q=0.1"), "{accept}");
    }
}

#[tokio::test]
async fn c37_keeps_one_connection_for_one_host() {
    let server = Server::start().await;
    server.set("/feed", Reply::ok(RSS, FEED));
    let fetcher = fetcher();
    for _ in 0..3 {
        document(&fetcher, server.url("/feed")).await;
    }
    assert_eq!((server.connections(), server.requests().len()), (1, 3));
}

#[tokio::test]
async fn the_script_plays_in_turn() {
    let server = Server::start().await;
    server.queue("/feed", [Reply::status(503), Reply::ok(RSS, "one"), Reply::ok(RSS, "two")]);
    server.respond("/echo", |request| Reply::ok("text/plain", request.target.clone()));
    let fetcher = fetcher();
    assert!(matches!(get(&fetcher, &request(server.url("/feed"))).await, Outcome::Status { code: 503, .. }));
    for expected in ["one", "two", "two"] {
        assert_eq!(document(&fetcher, server.url("/feed")).await.bytes, expected.as_bytes());
    }
    assert_eq!(document(&fetcher, server.url("/echo?a=b")).await.bytes, b"/echo?a=b");
}

#[tokio::test]
async fn c12_asks_once_with_get_and_never_with_head() {
    let server = Server::start().await;
    let fetcher = fetcher();
    server.set("/feed", Reply::ok(RSS, FEED).header("etag", "\"1\"").conditional());
    server.set("/moved", Reply::redirect(301, "/feed"));
    server.set("/broken", Reply::raw("nonsense\r\n\r\n"));
    for path in ["/feed", "/moved", "/none", "/broken"] {
        get(&fetcher, &request(server.url(path))).await;
    }
    let etag = Some(b"\"1\"".to_vec());
    get(&fetcher, &Request { etag, ..request(server.url("/feed")) }).await;
    let asked: Vec<_> =
        server.requests().into_iter().map(|it| format!("{} {}", it.method, it.target)).collect();
    assert_eq!(asked, ["GET /feed", "GET /moved", "GET /feed", "GET /none", "GET /broken", "GET /feed"]);
}

#[tokio::test]
async fn c34_the_query_goes_as_it_stands() {
    let server = Server::start().await;
    server.set("/feed", Reply::ok(RSS, FEED));
    let fetcher = fetcher();
    for target in ["/feed", "/feed?", "/feed?a=b&a=c&&d", "/feed?q=%7E+x%20y", "/feed?null"] {
        document(&fetcher, server.url(&format!("{target}#fragment"))).await;
        assert_eq!(server.requests().pop().unwrap().target, target);
    }
}

#[tokio::test]
async fn c34_keeps_no_cookies() {
    let server = Server::start().await;
    server.set("/feed", Reply::ok(RSS, FEED).header("set-cookie", "id=7; Path=/"));
    server.set("/moved", Reply::redirect(302, "/feed").header("set-cookie", "id=8; Path=/"));
    let fetcher = fetcher();
    for path in ["/feed", "/moved", "/feed"] {
        document(&fetcher, server.url(path)).await;
    }
    assert!(server.requests().iter().all(|request| request.header("cookie").is_none()));
}

#[tokio::test]
async fn c37_closes_what_is_not_used() {
    assert!(Options::default().idle_timeout <= Duration::from_secs(30));
    let server = Server::start().await;
    server.set("/feed", Reply::ok(RSS, FEED));
    let brief = Options { idle_timeout: Duration::from_millis(1), ..options() };
    let fetcher = Fetcher::new(brief).unwrap();
    document(&fetcher, server.url("/feed")).await;
    // The server sees the end of the connection while the door stays open.
    server.ended(1).await;
    document(&fetcher, server.url("/feed")).await;
    assert_eq!((server.connections(), server.requests().len()), (2, 2));
}

#[tokio::test]
async fn c37_falling_back_to_another_address_asks_once() {
    let server = Server::start().await;
    server.set("/feed", Reply::ok(RSS, FEED));
    let nowhere = [IpAddr::V6(Ipv6Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9)), PRIVATE];
    let resolve = vec![("feed.example".to_owned(), nowhere.to_vec())];
    let fetcher = Fetcher::new(Options { resolve, ..options() }).unwrap();
    document(&fetcher, server.url_at("feed.example", "/feed")).await;
    assert_eq!((server.connections(), server.requests().len()), (1, 1));
}

#[tokio::test]
async fn c37_a_connection_that_ends_in_an_answer_is_not_asked_again() {
    let server = Server::start().await;
    server.queue("/feed", [Reply::ok(RSS, FEED), Reply::raw("")]);
    let fetcher = fetcher();
    document(&fetcher, server.url("/feed")).await;
    failure(&fetcher, &request(server.url("/feed"))).await;
    assert_eq!((server.connections(), server.requests().len()), (1, 2));
}
