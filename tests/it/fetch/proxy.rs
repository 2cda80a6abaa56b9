//! Requests through proxies: which way they go, what the guard still sees, what is said when it fails.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use url::Url;
use wirewatch::feed::access::{Access, Proxy as Address, ProxyChoice};
use wirewatch::fetch::{FailureKind, Fetcher, Options, Outcome, Request};

use super::{FEED, PRIVATE, PUBLIC, RSS, failure, get, guarded, options, request};
use crate::support::http::{Certificate, Reply, Server};
use crate::support::proxy::{Manner, Proxy};

fn own(url: &str) -> Access {
    Access { proxy: ProxyChoice::Own(Arc::new(Address::parse(url).unwrap())), ..Access::default() }
}

fn direct() -> Access {
    Access { proxy: ProxyChoice::Direct, ..Access::default() }
}

/// No name below `.example` is known to DNS, so what arrives went through the proxy.
fn feed() -> Url {
    Url::parse("http://feed.example/feed").unwrap()
}

async fn origin() -> Server {
    let server = Server::start().await;
    server.set("/feed", Reply::ok(RSS, FEED).header("etag", "\"1\""));
    server
}

fn global(proxy: &str) -> Fetcher {
    let proxy = Some(Arc::new(Address::parse(proxy).unwrap()));
    Fetcher::new(Options { proxy, ..options() }).unwrap()
}

#[tokio::test]
async fn goes_through_every_kind_of_proxy() {
    let server = origin().await;
    let fetcher = Fetcher::new(options()).unwrap();
    for (scheme, how) in [("socks5h", "socks"), ("http", "forward")] {
        let proxy = Proxy::start(server.address(), Manner::Open).await;
        let request = Request { access: own(&proxy.url(scheme, "")), ..guarded(feed()) };
        let outcome = get(&fetcher, &request).await;
        assert!(matches!(outcome, Outcome::Document(_)), "{scheme}: {outcome:?}");
        let asked = proxy.asked();
        let target = asked[0].target.trim_end_matches(":80");
        assert_eq!((asked.len(), asked[0].how, target), (1, how, "feed.example"), "{scheme}");
    }
    // TLS goes through the proxy, to the server's own certificate.
    let certificate = Certificate::valid_for(&["feed.example"]);
    let secure = Server::start_tls(&certificate).await;
    secure.set("/feed", Reply::ok(RSS, FEED));
    let fetcher =
        Fetcher::new(Options { root_certificates_pem: Some(certificate.pem()), ..options() }).unwrap();
    for (scheme, how) in [("socks5h", "socks"), ("http", "connect")] {
        let proxy = Proxy::start(secure.address(), Manner::Open).await;
        let url = Url::parse("https://feed.example/feed").unwrap();
        let outcome = get(&fetcher, &Request { access: own(&proxy.url(scheme, "")), ..guarded(url) }).await;
        assert!(matches!(outcome, Outcome::Document(_)), "{scheme}: {outcome:?}");
        assert_eq!((proxy.asked()[0].how, proxy.targets()), (how, vec!["feed.example:443".to_owned()]));
    }
}

#[tokio::test]
async fn a_feed_chooses_its_way() {
    let server = origin().await;
    let for_all = Proxy::start(server.address(), Manner::Open).await;
    let for_one = Proxy::start(server.address(), Manner::Open).await;
    let fetcher = global(&for_all.url("socks5h", ""));
    let check = async |access: Access, url: Url, expected: (usize, usize)| {
        let outcome = get(&fetcher, &Request { access, ..request(url) }).await;
        assert!(matches!(outcome, Outcome::Document(_)), "{outcome:?}");
        assert_eq!((for_all.asked().len(), for_one.asked().len()), expected);
    };
    check(Access::default(), feed(), (1, 0)).await;
    check(own(&for_one.url("socks5h", "")), feed(), (1, 1)).await;
    check(direct(), server.url("/feed"), (1, 1)).await;
    // A client is kept for the next feed of the same proxy, and its connection with it.
    check(own(&for_one.url("socks5h", "")), feed(), (1, 1)).await;
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn many_proxies_are_no_trouble() {
    let server = origin().await;
    let fetcher = Fetcher::new(options()).unwrap();
    let proxy = Proxy::start(server.address(), Manner::Account("u", "p")).await;
    // The same address with another user is another proxy: Tor keeps such streams apart.
    for number in 0..40 {
        let access = own(&proxy.url("http", &format!("user{number}:p@")));
        let outcome = get(&fetcher, &Request { access, ..guarded(feed()) }).await;
        assert!(matches!(outcome, Outcome::Document(_)), "{number}: {outcome:?}");
    }
    assert_eq!(proxy.asked().len(), 40);
}

#[tokio::test]
async fn says_its_name_to_the_proxy_alone() {
    let server = origin().await;
    let fetcher = Fetcher::new(options()).unwrap();
    let proxy = Proxy::start(server.address(), Manner::Account("me", "p w")).await;
    for (scheme, account) in [("socks5h", "me:p w"), ("http", "Basic bWU6cCB3")] {
        let access = own(&proxy.url(scheme, "me:p%20w@"));
        let outcome = get(&fetcher, &Request { access, ..guarded(feed()) }).await;
        assert!(matches!(outcome, Outcome::Document(_)), "{scheme}: {outcome:?}");
        assert_eq!(proxy.asked().pop().unwrap().account.as_deref(), Some(account), "{scheme}");
    }
    for request in server.requests() {
        assert_eq!(request.header("authorization"), None);
    }
    // Wrong and missing ones are called what they are, and never repeated.
    for (scheme, account) in [("socks5h", "me:s3cret@"), ("http", "")] {
        let request = Request { access: own(&proxy.url(scheme, account)), ..guarded(feed()) };
        let failure = failure(&fetcher, &request).await;
        assert_eq!(failure.kind, FailureKind::Proxy, "{scheme}");
        let detail = failure.detail;
        assert!(detail.starts_with("The proxy 127.0.0.1:") && !detail.contains("s3cret"), "{detail}");
    }
}

#[tokio::test]
async fn no_name_of_a_user_makes_it_go_round_the_proxy() {
    let server = origin().await;
    let proxy = Proxy::start(server.address(), Manner::Account("", "")).await;
    // Straight to the server would work, too: only the proxy's log tells.
    let url = server.url("/feed");
    let odd = "!\"$&'()*+,;=~|{}[]^`<> %41%zz\u{e4}-._";
    for (number, account) in ["me@", ":@", "me:@", ":pw@", &format!("{odd}:{odd}@")].into_iter().enumerate() {
        for scheme in ["socks5h", "http"] {
            let address = format!("{}/", proxy.url(scheme, account));
            let Ok(parsed) = Address::parse(&address) else { panic!("{address}") };
            let access = Access { proxy: ProxyChoice::Own(Arc::new(parsed)), ..Access::default() };
            // One of its own, so that no connection is left from the name before.
            let fetcher = Fetcher::new(options()).unwrap();
            let before = (proxy.asked().len(), server.requests().len());
            let outcome = get(&fetcher, &Request { access, ..request(url.clone()) }).await;
            // Let through or refused by the proxy, nothing arrives that has not passed it.
            let through = proxy.asked().len() - before.0;
            let arrived = server.requests().len() - before.1;
            match outcome {
                Outcome::Document(_) => assert_eq!((through, arrived), (1, 1), "{number} {scheme}"),
                Outcome::Failed(failure) => {
                    assert_eq!((failure.kind, arrived), (FailureKind::Proxy, 0), "{number} {scheme}");
                }
                other => panic!("{number} {scheme}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn c41_the_guard_sees_what_can_be_seen_from_here() {
    let server = origin().await;
    let fetcher = Fetcher::new(options()).unwrap();
    let proxy = Proxy::start(server.address(), Manner::Open).await;
    for scheme in ["socks5h", "http", "socks5"] {
        for host in [
            "127.0.0.1",
            "0x7f.1",
            "[::1]",
            "[::ffff:10.0.0.1]",
            "169.254.169.254",
            "localhost",
            "LOCALHOST.",
            "metadata.google.internal",
            "printer.local",
            "nas",
        ] {
            let url = Url::parse(&format!("http://{host}/feed")).unwrap();
            let request = Request { access: own(&proxy.url(scheme, "")), ..guarded(url) };
            let refused = failure(&fetcher, &request).await;
            assert_eq!(refused.kind, FailureKind::Forbidden, "{scheme} {host}: {refused:?}");
        }
    }
    assert_eq!(proxy.asked(), []);
    // Where the owner allows it, the proxy decides.
    let url = Url::parse("http://nas/feed").unwrap();
    let allowed = get(&fetcher, &Request { access: own(&proxy.url("socks5h", "")), ..request(url) }).await;
    assert!(matches!(allowed, Outcome::Document(_)), "{allowed:?}");
}

#[tokio::test]
async fn c41_a_proxy_that_is_handed_addresses_is_handed_guarded_ones() {
    let server = origin().await;
    let proxy = Proxy::start(server.address(), Manner::Open).await;
    let pins = [("public.example", PUBLIC), ("inside.example", PRIVATE)];
    let fetcher = Fetcher::new(Options {
        public_networks: vec!["127.0.0.2/32".parse().unwrap()],
        resolve: pins.map(|(name, address)| (name.to_owned(), vec![address])).to_vec(),
        ..options()
    })
    .unwrap();
    let ask = |host: &str| {
        let url = Url::parse(&format!("http://{host}/feed")).unwrap();
        Request { access: own(&proxy.url("socks5", "")), ..guarded(url) }
    };
    assert!(matches!(get(&fetcher, &ask("public.example")).await, Outcome::Document(_)));
    assert_eq!(proxy.targets(), ["127.0.0.2:80"], "the name stays here, its address goes");
    let refused = failure(&fetcher, &ask("inside.example")).await;
    assert_eq!(refused.kind, FailureKind::Forbidden, "{refused:?}");
    assert_eq!(proxy.asked().len(), 1);
}

#[tokio::test]
async fn c41_redirects_behind_a_proxy_stay_where_they_may() {
    let server = origin().await;
    server.set("/inside", Reply::redirect(302, "http://10.0.0.1/feed"));
    server.set("/name", Reply::redirect(302, "http://nas/feed"));
    server.set("/near", Reply::redirect(302, "/feed"));
    let fetcher = Fetcher::new(options()).unwrap();
    let proxy = Proxy::start(server.address(), Manner::Open).await;
    let ask =
        |url: &str| Request { access: own(&proxy.url("socks5h", "")), ..request(Url::parse(url).unwrap()) };
    // The owner's permission is for the owner's host, and a public server cannot use it.
    for path in ["/inside", "/name"] {
        let steered = failure(&fetcher, &ask(&format!("http://feed.example{path}"))).await;
        assert_eq!(steered.kind, FailureKind::Forbidden, "{path}: {steered:?}");
    }
    for url in ["http://nas/near", "http://10.0.0.1/name", "http://intranet.example/near"] {
        let outcome = get(&fetcher, &ask(url)).await;
        assert!(matches!(outcome, Outcome::Document(_)), "{url}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_proxy_with_a_private_name_is_the_owners_choice() {
    let server = origin().await;
    let proxy = Proxy::start(server.address(), Manner::Open).await;
    let fetcher = Fetcher::new(Options {
        resolve: vec![
            ("proxy.example".to_owned(), vec![PRIVATE]),
            ("feed.example".to_owned(), vec![PRIVATE]),
        ],
        ..options()
    })
    .unwrap();
    let port = proxy.url("http", "").rsplit(':').next().unwrap().to_owned();
    let via = |scheme: &str| own(&format!("{scheme}://proxy.example:{port}"));
    for scheme in ["http", "socks5h"] {
        let outcome = get(&fetcher, &Request { access: via(scheme), ..guarded(feed()) }).await;
        assert!(matches!(outcome, Outcome::Document(_)), "{scheme}: {outcome:?}");
        // That name is no way round the guard.
        let itself = Url::parse("http://Proxy.Example/feed").unwrap();
        let refused = failure(&fetcher, &Request { access: via(scheme), ..guarded(itself) }).await;
        assert_eq!(refused.kind, FailureKind::Forbidden, "{scheme}: {refused:?}");
    }
    let inside = failure(&fetcher, &Request { access: via("socks5"), ..guarded(feed()) }).await;
    assert_eq!(inside.kind, FailureKind::Forbidden, "{inside:?}");
}

#[tokio::test]
async fn onion_addresses_are_not_asked_of_dns() {
    let server = origin().await;
    let proxy = Proxy::start(server.address(), Manner::Open).await;
    let fetcher = Fetcher::new(options()).unwrap();
    let onion = Url::parse("http://Wirewatchxyz.onion/feed").unwrap();
    let through_tor = Request { access: own(&proxy.url("socks5h", "")), ..guarded(onion.clone()) };
    assert!(matches!(get(&fetcher, &through_tor).await, Outcome::Document(_)));
    for access in [direct(), own(&proxy.url("socks5", ""))] {
        let refused = failure(&fetcher, &Request { access, ..guarded(onion.clone()) }).await;
        assert!(refused.detail.contains("socks5h://127.0.0.1:9050"), "{}", refused.detail);
    }
    assert_eq!(proxy.asked().len(), 1);
}

#[tokio::test]
async fn says_whose_fault_it_is() {
    let server = origin().await;
    let brief = Options { connect_timeout: Duration::from_millis(300), ..options() };
    let fetcher = Fetcher::new(brief).unwrap();
    let secure = Url::parse("https://feed.example/feed").unwrap();
    let check = async |manner: Manner, scheme: &str, url: &Url, kind: FailureKind, words: &str| {
        let proxy = Proxy::start(server.address(), manner).await;
        let request = Request { access: own(&proxy.url(scheme, "")), ..guarded(url.clone()) };
        let failure = failure(&fetcher, &request).await;
        assert_eq!(failure.kind, kind, "{manner:?}: {failure:?}");
        assert!(failure.detail.contains(words), "{manner:?}: {}", failure.detail);
        assert!(failure.detail.contains("roxy 127.0.0.1:"), "{}", failure.detail);
    };
    let reach = "does not reach feed.example";
    check(Manner::Reply(1), "socks5h", &feed(), FailureKind::Connect, reach).await;
    check(Manner::Reply(4), "socks5h", &feed(), FailureKind::Connect, "host unreachable").await;
    check(Manner::Reply(5), "socks5h", &secure, FailureKind::Connect, "connection refused").await;
    check(Manner::Reply(2), "socks5h", &feed(), FailureKind::Proxy, "does not allow").await;
    check(Manner::Account("a", "b"), "http", &secure, FailureKind::Proxy, "user and password").await;
    check(Manner::Status(502), "http", &secure, FailureKind::Connect, reach).await;
    check(Manner::Silent, "socks5h", &feed(), FailureKind::Timeout, "No connection to feed.example").await;
    // An HTTP proxy asked for SOCKS, and one that is not there.
    check(Manner::Status(400), "socks5h", &feed(), FailureKind::Proxy, "cannot be used").await;
    let gone = Proxy::start(server.address(), Manner::Open).await;
    let url = gone.url("socks5h", "");
    drop(gone);
    let nobody = Server::start_on((Ipv4Addr::new(127, 0, 0, 3), 0)).await;
    let port = nobody.port();
    nobody.stop().await;
    for url in [url, format!("http://127.0.0.3:{port}"), "http://no-such-proxy.invalid:3128".to_owned()] {
        let failure = failure(&fetcher, &Request { access: own(&url), ..guarded(feed()) }).await;
        assert_eq!(failure.kind, FailureKind::Proxy, "{url}: {failure:?}");
    }
}
