//! Conditional requests: validators there and back, 304, and deltas.

use wirewatch::fetch::{Outcome, Request};

use super::{FEED, RSS, document, fetcher, fetcher_with_public_loopback, get, request};
use super::{PRIVATE, briefly};
use crate::support::http::{Reply, Server};

#[tokio::test]
async fn c1_echoes_validators_byte_for_byte() {
    let server = Server::start().await;
    let fetcher = fetcher();
    let long = "x".repeat(200);
    let cases: [(&[u8], &[u8]); 5] = [
        (b"\"strong\"", b"Sun, 22 Nov 2026 07:00:00 GMT"),
        (b"W/\"weak\"", b"Sun, 22 Nov 2026 07:00:00 +0000"),
        (b"unquoted", b"2026-11-22"),
        (b"\"caf\xc3\xa9 \xff\"", b"gestern fr\xfch"),
        (long.as_bytes(), b"0"),
    ];
    for (etag, last_modified) in cases {
        let reply = Reply::ok(RSS, FEED).header("etag", etag).header("last-modified", last_modified);
        server.set("/feed", reply.header("cache-control", "max-age=60").conditional());
        let first = document(&fetcher, server.url("/feed")).await.headers;
        assert_eq!(first.etag.as_deref(), Some(etag));
        assert_eq!(first.last_modified.as_deref(), Some(last_modified));

        let (etag_kept, last_modified_kept) = (first.etag.clone(), first.last_modified.clone());
        let both =
            Request { etag: etag_kept, last_modified: last_modified_kept, ..request(server.url("/feed")) };
        match get(&fetcher, &both).await {
            Outcome::NotModified(headers) => assert_eq!(headers, first),
            other => panic!("not a 304: {other:?}"),
        }
        let sent = server.requests().pop().unwrap();
        assert_eq!(sent.header("if-none-match"), Some(etag));
        assert_eq!(sent.header("if-modified-since"), Some(last_modified));

        let date_only = Request { etag: None, ..both };
        assert!(matches!(get(&fetcher, &date_only).await, Outcome::NotModified(_)));
    }
}

#[tokio::test]
async fn leaves_out_a_validator_that_would_break_the_request() {
    let server = Server::start().await;
    server.set("/feed", Reply::ok(RSS, FEED));
    let etag = Some(b"\"1\"\r\nx-injected: yes".to_vec());
    let outcome = get(&fetcher(), &Request { etag, ..request(server.url("/feed")) }).await;
    assert!(matches!(outcome, Outcome::Document(_)));
    let sent = server.requests().pop().unwrap();
    assert_eq!((sent.header("if-none-match"), sent.header("x-injected")), (None, None));
}

#[tokio::test]
async fn c2_never_invents_a_validator() {
    let server = Server::start().await;
    let fetcher = fetcher();
    // Whatever else could be taken for one.
    let reply = Reply::ok(RSS, FEED)
        .header("date", "Sun, 22 Nov 2026 08:00:00 GMT")
        .header("expires", "Sun, 22 Nov 2026 09:00:00 GMT")
        .header("content-md5", "Q2hlY2sgSW50ZWdyaXR5IQ==")
        .header("etag", "")
        .header("last-modified", "");
    server.set("/feed", reply);
    let first = document(&fetcher, server.url("/feed")).await.headers;
    assert_eq!((&first.etag, &first.last_modified), (&None, &None));
    let again =
        Request { etag: first.etag, last_modified: first.last_modified, ..request(server.url("/feed")) };
    assert!(matches!(get(&fetcher, &again).await, Outcome::Document(_)));
    for request in server.requests() {
        let conditions: Vec<_> = request.headers.iter().filter(|(name, _)| name.starts_with("if-")).collect();
        assert_eq!(conditions, Vec::<&(String, Vec<u8>)>::new());
    }
}

#[tokio::test]
async fn c3_sends_both_validators_or_the_one_there_is() {
    let server = Server::start().await;
    server.set("/feed", Reply::ok(RSS, FEED));
    let fetcher = fetcher();
    let (tag, date) = (Some(b"\"1\"".to_vec()), Some(b"Sun, 22 Nov 2026 07:00:00 GMT".to_vec()));
    for (etag, last_modified) in [(&tag, &date), (&tag, &None), (&None, &date), (&None, &None)] {
        let (etag, last_modified) = (etag.clone(), last_modified.clone());
        let (sent_etag, sent_date) = (etag.clone(), last_modified.clone());
        get(&fetcher, &Request { etag, last_modified, ..request(server.url("/feed")) }).await;
        let sent = server.requests().pop().unwrap();
        assert_eq!(sent.header("if-none-match"), sent_etag.as_deref());
        assert_eq!(sent.header("if-modified-since"), sent_date.as_deref());
    }
}

#[tokio::test]
async fn a_304_that_nobody_asked_for_is_no_news_of_the_feed() {
    let server = Server::start().await;
    let elsewhere = Server::start().await;
    let fetcher = fetcher_with_public_loopback(&[("other.example", &[PRIVATE])]);
    server.set("/feed", Reply::status(304).header("etag", "\"1\""));
    let check = async |request: Request| match get(&fetcher, &request).await {
        Outcome::Status { code: 304, detail, .. } => {
            assert!(detail.contains("but was not asked"), "{detail}");
        }
        other => panic!("{}", briefly(&other)),
    };
    // To the first request, and where the validators did not go.
    check(request(server.url("/feed"))).await;
    elsewhere.set("/feed", Reply::status(304));
    server.set("/away", Reply::redirect(302, elsewhere.url_at("other.example", "/feed").as_str()));
    check(Request { etag: Some(b"\"1\"".to_vec()), ..request(server.url("/away")) }).await;
    // A validator that no header can hold was not sent.
    check(Request { etag: Some(b"\n".to_vec()), ..request(server.url("/feed")) }).await;

    let asked = Request { etag: Some(b"\"1\"".to_vec()), ..request(server.url("/feed")) };
    assert!(matches!(get(&fetcher, &asked).await, Outcome::NotModified(_)));
    let asked = Request { last_modified: Some(b"today".to_vec()), ..request(server.url("/feed")) };
    assert!(matches!(get(&fetcher, &asked).await, Outcome::NotModified(_)));
}

#[tokio::test]
async fn c38_asks_for_a_delta_with_an_entity_tag_alone() {
    let server = Server::start().await;
    let elsewhere = Server::start().await;
    let fetcher = fetcher_with_public_loopback(&[("other.example", &[PRIVATE])]);
    server.set("/feed", Reply::ok(RSS, FEED));
    elsewhere.set("/feed", Reply::ok(RSS, FEED));
    server.set("/away", Reply::redirect(302, elsewhere.url_at("other.example", "/feed").as_str()));
    let (tag, date) = (Some(b"\"1\"".to_vec()), Some(b"today".to_vec()));
    let check = async |etag: Option<Vec<u8>>, last_modified: Option<Vec<u8>>, expected: Option<&str>| {
        get(&fetcher, &Request { etag, last_modified, ..request(server.url("/feed")) }).await;
        let sent = server.requests().pop().unwrap();
        assert_eq!(sent.text("a-im").as_deref(), expected);
    };
    check(tag.clone(), date.clone(), Some("feed")).await;
    check(tag.clone(), None, Some("feed")).await;
    check(None, date, None).await;
    check(None, None, None).await;
    get(&fetcher, &Request { etag: tag, ..request(server.url("/away")) }).await;
    assert_eq!(elsewhere.requests()[0].header("a-im"), None);
}

#[tokio::test]
async fn c38_takes_a_delta_it_asked_for_and_no_other() {
    let server = Server::start().await;
    let fetcher = fetcher();
    let delta = |im: Option<&str>| {
        let reply = Reply::status(226).header("content-type", RSS).header("etag", "\"2\"").body(FEED);
        im.map_or(reply.clone(), |im| reply.header("im", im))
    };
    let asked =
        |etag: bool| Request { etag: etag.then(|| b"\"1\"".to_vec()), ..request(server.url("/feed")) };
    server.set("/feed", delta(Some("feed")));
    match get(&fetcher, &asked(true)).await {
        Outcome::Delta(document) => {
            assert_eq!(document.bytes, FEED);
            // The tag of the whole document it leads to.
            assert_eq!(document.headers.etag.as_deref(), Some(&b"\"2\""[..]));
            assert_eq!(document.wire_bytes, FEED.len() as u64);
        }
        other => panic!("{}", briefly(&other)),
    }
    for (im, etag) in
        [(Some("feed"), false), (None, true), (Some("vcdiff"), true), (Some("vcdiff, feed"), true)]
    {
        server.set("/feed", delta(im));
        match get(&fetcher, &asked(etag)).await {
            Outcome::Status { code: 226, detail, .. } => {
                assert!(detail.contains("nobody asked for"), "{detail}");
            }
            other => panic!("{im:?} {etag}: {}", briefly(&other)),
        }
    }
}

#[tokio::test]
async fn c21_freshness_is_read_from_a_304_too() {
    let server = Server::start().await;
    let fetcher = fetcher();
    let etag = Some(b"\"1\"".to_vec());
    let ask = Request { etag, ..request(server.url("/feed")) };
    for (value, minutes) in [("max-age=600", Some(10)), ("no-store", None)] {
        server.set("/feed", Reply::status(304).header("cache-control", value).header("etag", "\"2\""));
        match get(&fetcher, &ask).await {
            Outcome::NotModified(headers) => {
                assert_eq!(headers.fresh_for.map(|fresh| fresh.as_secs() / 60), minutes);
                assert_eq!(headers.etag.as_deref(), Some(&b"\"2\""[..]), "{value} costs no validator");
            }
            other => panic!("{other:?}"),
        }
    }
}
