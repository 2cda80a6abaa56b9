//! What is not a feed: forms for hubs, and pages that feeds link to.

use std::time::Duration;

use url::Url;
use wirewatch::feed::Feed;
use wirewatch::feed::access::{Access, Authorization};
use wirewatch::fetch::{FailureKind, Fetcher, Form, Options, Outcome, PAGE_BYTES_MAX, Request, RequestKind};
use wirewatch::secret::Secret;

use super::{FEED, PRIVATE, PUBLIC, RSS, briefly, fetcher, fetcher_with_public_loopback, now, options};
use crate::support::http::{Reply, Server};

fn form(url: Url) -> Form {
    let fields = [("hub.mode", "subscribe"), ("hub.topic", "https://example.org/f?a=1&b=\u{e4}")];
    Form {
        url,
        fields: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        allow_private_addresses: true,
        access: Access::default(),
    }
}

async fn post(fetcher: &Fetcher, form: &Form) -> (u16, String) {
    match fetcher.post_form(form, now()).await {
        Outcome::Status { code, detail, .. } => (code, detail),
        other => panic!("no status: {}", briefly(&other)),
    }
}

#[tokio::test]
async fn posts_a_form_and_keeps_what_is_said_to_it() {
    let server = Server::start().await;
    let fetcher = fetcher();
    let check = async |reply: Reply, code: u16, words: &str| {
        server.set("/hub", reply);
        let (found, detail) = post(&fetcher, &form(server.url("/hub"))).await;
        assert_eq!(found, code);
        assert!(detail.contains(words), "{detail}");
        assert!(detail.len() < 400, "{detail}");
    };
    check(Reply::status(202), 202, "accepts (status 202)").await;
    check(Reply::status(204), 204, "accepts").await;
    let refusal = Reply::status(400)
        .header("content-type", "text/plain")
        .body("hub.topic is\nnot \u{1b}[31mknown here");
    check(refusal, 400, "(status 400): hub.topic is not [31mknown here").await;
    check(Reply::status(500).header("content-type", "text/html").body("<h1>Oh</h1>"), 500, "(status 500)")
        .await;
    // However much a hub says, and however badly it ends.
    check(Reply::status(400).then_repeat(vec![b'x'; 1 << 16]), 400, "xxxx").await;
    check(Reply::status(400).header("content-length", "50").then_send("short").then_reset(), 400, "400")
        .await;

    let sent = server.requests().swap_remove(0);
    assert_eq!((sent.method.as_str(), sent.target.as_str()), ("POST", "/hub"));
    assert_eq!(sent.text("content-type").as_deref(), Some("application/x-www-form-urlencoded"));
    let body = String::from_utf8(sent.body).unwrap();
    assert_eq!(body, "hub.mode=subscribe&hub.topic=https%3A%2F%2Fexample.org%2Ff%3Fa%3D1%26b%3D%C3%A4");
}

#[tokio::test]
async fn a_form_follows_what_keeps_the_method_and_nothing_else() {
    let server = Server::start().await;
    let fetcher = fetcher();
    server.set("/hub", Reply::status(202));
    for code in [307, 308] {
        server.set("/moved", Reply::redirect(code, "/hub"));
        assert_eq!(post(&fetcher, &form(server.url("/moved"))).await.0, 202);
    }
    let arrived = server.requests_to("/hub");
    assert!(arrived.iter().all(|it| it.method == "POST" && it.body.starts_with(b"hub.mode=subscribe&")));
    for code in [301, 302, 303] {
        server.set("/moved", Reply::redirect(code, "/hub"));
        assert_eq!(post(&fetcher, &form(server.url("/moved"))).await.0, code);
    }
    assert_eq!(server.requests_to("/hub").len(), 2);
}

#[tokio::test]
async fn c41_a_form_is_guarded_like_a_feed() {
    let public = Server::start_on(([127, 0, 0, 2], 0)).await;
    let private = Server::start().await;
    private.set("/hub", Reply::status(202));
    public.set("/steers", Reply::redirect(307, private.url("/hub").as_str()));
    let pins = [("public.example", &[PUBLIC][..]), ("inside.example", &[PRIVATE][..])];
    let fetcher = fetcher_with_public_loopback(&pins);
    let targets = [
        private.url("/hub"),
        private.url_at("inside.example", "/hub"),
        public.url_at("public.example", "/steers"),
    ];
    for url in targets {
        let form = Form { allow_private_addresses: false, ..form(url) };
        match fetcher.post_form(&form, now()).await {
            Outcome::Failed(failure) => assert_eq!(failure.kind, FailureKind::Forbidden, "{failure:?}"),
            other => panic!("{}", briefly(&other)),
        }
    }
    assert_eq!(private.connections(), 0);
}

#[tokio::test]
async fn a_hub_that_says_nothing_is_given_up() {
    let server = Server::start().await;
    server.set("/hub", Reply::silence());
    let fetcher = Fetcher::new(Options { read_timeout: Duration::from_millis(200), ..options() }).unwrap();
    match fetcher.post_form(&form(server.url("/hub")), now()).await {
        Outcome::Failed(failure) => assert_eq!(failure.kind, FailureKind::Timeout, "{failure:?}"),
        other => panic!("{}", briefly(&other)),
    }
}

fn feed(url: Url) -> Feed {
    let password = Secret::new("s3cret".to_owned());
    let authorization = Some(Authorization::Basic { user: "me".to_owned(), password });
    let access = Access { authorization, ..Access::default() };
    Feed { allow_private_addresses: true, access, ..Feed::new(url) }
}

#[tokio::test]
async fn fetches_the_page_of_an_article() {
    let server = Server::start().await;
    let page = "<html><body><p>Text</p></body></html>";
    let reply = Reply::ok("text/html", page).header("etag", "\"1\"").header("link", "</feed>; rel=alternate");
    server.set("/article", reply);
    let feed = feed(server.url("/feed"));
    let document = match fetcher().get(&Request::page(&feed, server.url("/article")), now()).await {
        Outcome::Document(document) => document,
        other => panic!("{}", briefly(&other)),
    };
    assert_eq!(document.bytes, page.as_bytes());
    assert_eq!(document.links[0].url, server.url("/feed"));
    let sent = server.requests().pop().unwrap();
    assert!(sent.text("accept").unwrap().starts_with("text/html"));
    assert!(sent.header("authorization").is_some(), "the feed's own origin");

    let long = vec![b'x'; PAGE_BYTES_MAX + 1];
    server.set("/long", Reply::ok("text/html", &long));
    let feed = self::feed(server.url("/feed"));
    match fetcher().get(&Request::page(&feed, server.url("/long")), now()).await {
        Outcome::Failed(failure) => {
            assert_eq!(failure.kind, FailureKind::TooLarge);
            assert!(failure.detail.contains("4 MiB"), "{}", failure.detail);
        }
        other => panic!("{}", briefly(&other)),
    }
}

#[tokio::test]
async fn c29_a_page_elsewhere_gets_neither_password_nor_leave() {
    let own = feed(Url::parse("https://news.example/feed").unwrap());
    let check = |url: &str, credentials: bool, private: bool| {
        let request = Request::page(&own, Url::parse(url).unwrap());
        assert_eq!(request.kind, RequestKind::Page);
        assert_eq!(
            (request.access.has_credentials(), request.allow_private_addresses),
            (credentials, private),
            "{url}"
        );
    };
    check("https://news.example/a", true, true);
    check("https://news.example:8443/a", false, true);
    check("http://news.example/a", false, true);
    check("https://www.news.example/a", false, false);
    check("http://127.0.0.1/a", false, false);

    let server = Server::start().await;
    server.set("/article", Reply::ok(RSS, FEED));
    let outcome = fetcher().get(&Request::page(&own, server.url("/article")), now()).await;
    assert!(matches!(&outcome, Outcome::Failed(it) if it.kind == FailureKind::Forbidden), "{outcome:?}");
    assert_eq!(server.connections(), 0);
}
