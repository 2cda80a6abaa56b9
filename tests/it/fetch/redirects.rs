//! Redirects: which are followed, and what each hop is told.

use wirewatch::fetch::{FailureKind, Fetcher, Options, Outcome, Request};

use super::{
    FEED, PRIVATE, RSS, document, failure, fetcher, fetcher_with_public_loopback, get, options, request,
};
use crate::support::http::{Certificate, Reply, Server};

#[tokio::test]
async fn follows_redirects_and_tells_moves_from_detours() {
    let server = Server::start().await;
    let fetcher = fetcher();
    server.set("/feed", Reply::ok(RSS, FEED));
    let check = async |codes: &[u16], moved: bool| {
        for (hop, code) in codes.iter().enumerate() {
            let last = hop + 1 == codes.len();
            let location = if last { "/feed#now".to_owned() } else { format!("/hop{}", hop + 1) };
            server.set(&format!("/hop{hop}"), Reply::redirect(*code, location));
        }
        let document = document(&fetcher, server.url("/hop0")).await;
        assert_eq!(document.bytes, FEED);
        assert_eq!(document.url, server.url("/feed"));
        assert_eq!(document.moved_to, moved.then(|| server.url("/feed")), "{codes:?}");
    };
    check(&[301], true).await;
    check(&[308], true).await;
    check(&[301, 308, 301, 308, 301], true).await;
    check(&[302], false).await;
    check(&[303], false).await;
    check(&[307], false).await;
    check(&[301, 302], false).await;
    check(&[302, 301], false).await;
    assert!(server.requests().iter().all(|request| request.header("referer").is_none()));
}

#[tokio::test]
async fn c29_refuses_redirects_that_lead_nowhere() {
    let server = Server::start().await;
    let fetcher = fetcher();
    for hop in 0..6 {
        server.set(&format!("/long{hop}"), Reply::redirect(301, format!("/long{}", hop + 1)));
    }
    server.set("/long6", Reply::ok(RSS, FEED));
    server.set("/self", Reply::redirect(302, "/self#again"));
    server.set("/ping", Reply::redirect(302, "/pong"));
    server.set("/pong", Reply::redirect(302, "/ping"));
    server.set("/file", Reply::redirect(302, "file:///etc/passwd"));
    server.set("/script", Reply::redirect(302, "javascript:alert(1)"));
    server.set("/ftp", Reply::redirect(301, "ftp://127.0.0.1/feed"));
    server.set("/nonsense", Reply::redirect(302, "http://[:::"));
    server.set("/bytes", Reply::redirect(302, b"//\xff\xfe:99999/"));
    let cases = [
        ("/long0", "more than 5 times"),
        ("/self", "in a circle"),
        ("/ping", "in a circle"),
        ("/file", "`file:`"),
        ("/script", "`javascript:`"),
        ("/ftp", "`ftp:`"),
        ("/nonsense", "not an address"),
        ("/bytes", "not an address"),
    ];
    for (path, words) in cases {
        let failure = failure(&fetcher, &request(server.url(path))).await;
        assert_eq!(failure.kind, FailureKind::Redirect, "{path}: {failure:?}");
        assert!(failure.detail.contains(words), "{path}: {}", failure.detail);
    }
    assert_eq!(server.requests_to("/long6").len(), 0);
    assert_eq!(server.requests_to("/self").len(), 1);
}

#[tokio::test]
async fn c29_keeps_validators_and_passwords_from_other_hosts() {
    let home = Server::start().await;
    let elsewhere = Server::start().await;
    let pins = [("home.example", &[PRIVATE][..]), ("other.example", &[PRIVATE][..])];
    let fetcher = fetcher_with_public_loopback(&pins);
    home.set("/feed", Reply::redirect(301, "/same"));
    home.set("/same", Reply::redirect(301, elsewhere.url_at("home.example", "/port").as_str()));
    elsewhere.set("/port", Reply::redirect(301, elsewhere.url_at("other.example", "/feed").as_str()));
    elsewhere.set("/feed", Reply::ok(RSS, FEED).header("etag", "\"theirs\""));

    let mut url = home.url_at("home.example", "/feed");
    url.set_username("reader").unwrap();
    url.set_password(Some("s3cret p\u{e4}ss")).unwrap();
    let (etag, last_modified) = (Some(b"\"ours\"".to_vec()), Some(b"yesterday".to_vec()));
    let outcome = get(&fetcher, &Request { etag, last_modified, ..request(url) }).await;
    let Outcome::Document(document) = outcome else { panic!("no document: {outcome:?}") };
    assert_eq!(document.moved_to, None, "the owner keeps address and password together");
    assert!(!format!("{document:?}").contains("s3cret"));

    let seen = |server: &Server, path: &str| {
        let request = server.requests_to(path).pop().unwrap();
        let has = |name| request.header(name).is_some();
        (has("authorization"), has("if-none-match"), has("if-modified-since"))
    };
    assert_eq!(seen(&home, "/feed"), (true, true, true));
    assert_eq!(seen(&home, "/same"), (true, true, true));
    // Another port is another origin, for a password as for a validator.
    assert_eq!(seen(&elsewhere, "/port"), (false, false, false));
    assert_eq!(seen(&elsewhere, "/feed"), (false, false, false));
    // "reader:s3cret päss".
    let sent = home.requests_to("/feed")[0].text("authorization").unwrap();
    assert_eq!(sent, "Basic cmVhZGVyOnMzY3JldCBww6Rzcw==");
}

#[tokio::test]
async fn c29_does_not_step_down_from_https() {
    let plain = Server::start().await;
    plain.set("/feed", Reply::ok(RSS, FEED));
    let certificate = Certificate::valid_for(&["127.0.0.1"]);
    let secure = Server::start_tls(&certificate).await;
    secure.set("/down", Reply::redirect(301, plain.url("/feed").as_str()));
    secure.set("/feed", Reply::ok(RSS, FEED));
    plain.set("/up", Reply::redirect(301, secure.url("/feed").as_str()));
    secure.set("/along", Reply::redirect(307, "/feed"));
    let pem = Some(certificate.pem());
    let fetcher = Fetcher::new(Options { root_certificates_pem: pem, ..options() }).unwrap();

    let down = failure(&fetcher, &request(secure.url("/down"))).await;
    assert_eq!(down.kind, FailureKind::Redirect);
    assert!(down.detail.contains("from https to plain http"), "{}", down.detail);
    assert_eq!(plain.requests_to("/feed").len(), 0);

    let up = document(&fetcher, plain.url("/up")).await;
    assert_eq!(up.moved_to, Some(secure.url("/feed")));
    // Permission for private addresses lasts along private servers, TLS or not.
    assert_eq!(document(&fetcher, secure.url("/along")).await.bytes, FEED);
}
