//! What an owner adds to a feed's requests, and who gets to see it.

use std::net::IpAddr;

use wirewatch::feed::access::{Access, Authorization};
use wirewatch::fetch::{Fetcher, Options, Outcome, Request};
use wirewatch::secret::Secret;

use super::{FEED, PRIVATE, RSS, document, fetcher, fetcher_with_public_loopback, get, options, request};
use crate::support::http::{Certificate, Reply, Server};

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

fn basic() -> Access {
    let authorization =
        Authorization::Basic { user: "reader".to_owned(), password: secret("p\u{e4}ss:w\u{f6}rd") };
    Access { authorization: Some(authorization), ..Access::default() }
}

fn with_headers() -> Access {
    let headers = vec![("x-api-key".to_owned(), secret("k3y")), ("cookie".to_owned(), secret("id=7"))];
    Access { headers, authorization: Some(Authorization::Bearer(secret("t0ken"))), ..Access::default() }
}

#[tokio::test]
async fn shows_the_server_what_the_owner_gave() {
    let server = Server::start().await;
    server.set("/feed", Reply::ok(RSS, FEED));
    let check = async |access: Access, expected: &[(&str, &str)]| {
        let request = Request { access, ..request(server.url("/feed")) };
        assert!(matches!(get(&fetcher(), &request).await, Outcome::Document(_)));
        let sent = server.requests().pop().unwrap();
        for (name, value) in expected {
            let values: Vec<_> = sent.headers.iter().filter(|(key, _)| key == name).collect();
            assert_eq!(values.len(), 1, "{name}: {values:?}");
            assert_eq!(sent.text(name).as_deref(), Some(*value), "{name}");
        }
    };
    // "reader:päss:wörd".
    check(basic(), &[("authorization", "Basic cmVhZGVyOnDDpHNzOnfDtnJk")]).await;
    let shown = [("authorization", "Bearer t0ken"), ("x-api-key", "k3y"), ("cookie", "id=7")];
    check(with_headers(), &shown).await;
    // What an owner says of a kind outranks what we would say; what no header can hold is left out.
    let odd =
        [("accept", "text/xml"), ("x y", "1"), ("x-line", "a\r\nx-injected: yes"), ("authorization", "mine")];
    let headers = odd.map(|(name, value)| (name.to_owned(), secret(value))).to_vec();
    check(Access { headers, ..Access::default() }, &[("accept", "text/xml")]).await;
    let sent = server.requests().pop().unwrap();
    assert!(["x-line", "x-injected", "authorization"].iter().all(|name| sent.header(name).is_none()));
}

#[tokio::test]
async fn what_is_configured_outranks_what_stands_in_the_address() {
    let server = Server::start().await;
    server.set("/feed", Reply::ok(RSS, FEED));
    let mut url = server.url("/feed");
    url.set_username("other").unwrap();
    url.set_password(Some("other")).unwrap();
    let outcome = get(&fetcher(), &Request { access: with_headers(), ..request(url) }).await;
    assert!(matches!(outcome, Outcome::Document(_)), "{outcome:?}");
    let sent = server.requests().pop().unwrap();
    let tokens: Vec<_> = sent.headers.iter().filter(|(name, _)| name == "authorization").collect();
    assert_eq!(tokens, [&("authorization".to_owned(), b"Bearer t0ken".to_vec())]);
}

#[tokio::test]
async fn c29_shows_other_origins_nothing_of_it() {
    let home = Server::start().await;
    let elsewhere = Server::start().await;
    let pins = [("home.example", &[PRIVATE][..]), ("other.example", &[PRIVATE][..])];
    let fetcher = fetcher_with_public_loopback(&pins);
    home.set("/feed", Reply::redirect(301, "/same"));
    home.set("/same", Reply::redirect(301, elsewhere.url_at("home.example", "/port").as_str()));
    elsewhere.set("/port", Reply::redirect(301, elsewhere.url_at("other.example", "/feed").as_str()));
    elsewhere.set("/feed", Reply::redirect(301, home.url_at("home.example", "/back").as_str()));
    home.set("/back", Reply::ok(RSS, FEED));
    home.set("/near", Reply::redirect(301, "/back"));

    let ask = async |access: Access, path: &str| {
        let request = Request { access, ..request(home.url_at("home.example", path)) };
        match get(&fetcher, &request).await {
            Outcome::Document(document) => document,
            other => panic!("no document: {other:?}"),
        }
    };
    let seen = |server: &Server, path: &str| {
        let request = server.requests_to(path).pop().unwrap();
        ["authorization", "x-api-key", "cookie"].map(|name| request.header(name).is_some())
    };
    for (access, all) in [(with_headers(), [true; 3]), (basic(), [true, false, false])] {
        let document = ask(access.clone(), "/feed").await;
        assert_eq!(seen(&home, "/feed"), all);
        assert_eq!(seen(&home, "/same"), all);
        assert_eq!(seen(&elsewhere, "/port"), [false; 3], "another port is another origin");
        assert_eq!(seen(&elsewhere, "/feed"), [false; 3]);
        // Back home it is shown again: the origin asked for is the one that may know.
        assert_eq!(seen(&home, "/back"), all);
        assert_eq!(document.moved_to, Some(home.url_at("home.example", "/back")));
        assert_eq!(ask(access, "/near").await.moved_to, Some(home.url_at("home.example", "/back")));
    }
    // A move to another origin would part the password from the address it was given for.
    elsewhere.set("/feed", Reply::ok(RSS, FEED));
    assert_eq!(ask(basic(), "/feed").await.moved_to, None);
    let moved = ask(Access::default(), "/feed").await.moved_to;
    assert_eq!(moved, Some(elsewhere.url_at("other.example", "/feed")));
}

#[tokio::test]
async fn trusts_the_owners_own_authorities() {
    let certificate = Certificate::valid_for(&["feed.example"]);
    let server = Server::start_tls(&certificate).await;
    server.set("/feed", Reply::ok(RSS, FEED));
    let home: Vec<IpAddr> = vec![PRIVATE];
    let options = Options {
        root_certificates_pem: Some(certificate.pem()),
        resolve: vec![("feed.example".to_owned(), home)],
        ..options()
    };
    let fetcher = Fetcher::new(options).unwrap();
    assert_eq!(document(&fetcher, server.url_at("feed.example", "/feed")).await.bytes, FEED);
}
