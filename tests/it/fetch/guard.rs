//! The address policy against real sockets, at the start and on every hop.

use std::net::Ipv4Addr;

use url::Url;
use wirewatch::fetch::{FailureKind, Outcome};

use super::{
    FEED, PRIVATE, PUBLIC, RSS, document, failure, fetcher, fetcher_with_public_loopback, get, guarded,
    request,
};
use crate::support::http::{Reply, Server};

#[tokio::test]
async fn c41_refuses_private_addresses_in_every_spelling() {
    let server = Server::start().await;
    let fetcher = fetcher();
    let port = server.port();
    let spellings = [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "127.1",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "127.0.0.1.",
        "0",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "10.0.0.1",
        "169.254.169.254",
        "\u{ff11}27.0.0.1",
        "%31%32%37.0.0.1",
    ];
    for host in spellings {
        let url = Url::parse(&format!("http://user:s3cret@{host}:{port}/feed")).unwrap();
        let failure = failure(&fetcher, &guarded(url)).await;
        assert_eq!(failure.kind, FailureKind::Forbidden, "{host}: {failure:?}");
        assert!(failure.detail.contains("`allow_private_addresses = true`"), "{}", failure.detail);
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn c41_judges_names_by_where_they_lead() {
    let public = Server::start_on((Ipv4Addr::new(127, 0, 0, 2), 0)).await;
    let trap = Server::start_on((Ipv4Addr::LOCALHOST, public.port())).await;
    for server in [&public, &trap] {
        server.set("/feed", Reply::ok(RSS, FEED));
    }
    let pins = [("mixed.example", &[PRIVATE, PUBLIC][..]), ("inside.example", &[PRIVATE][..])];
    let fetcher = fetcher_with_public_loopback(&pins);

    let mixed = get(&fetcher, &guarded(public.url_at("mixed.example", "/feed"))).await;
    assert!(matches!(mixed, Outcome::Document(_)), "{mixed:?}");
    assert_eq!((public.connections(), trap.connections()), (1, 0));

    let inside = failure(&fetcher, &guarded(trap.url_at("inside.example", "/feed"))).await;
    assert_eq!(inside.kind, FailureKind::Forbidden);
    assert!(inside.detail.starts_with("inside.example resolves to 127.0.0.1, which is a loopback address"));
    assert_eq!(trap.connections(), 0);

    // A connection opened for a feed that may be private is not lent to one that may not.
    let allowed = get(&fetcher, &request(trap.url_at("inside.example", "/feed"))).await;
    assert!(matches!(allowed, Outcome::Document(_)), "{allowed:?}");
    let again = failure(&fetcher, &guarded(trap.url_at("inside.example", "/feed"))).await;
    assert_eq!(again.kind, FailureKind::Forbidden);
    assert_eq!(trap.requests().len(), 1);
}

#[tokio::test]
async fn c41_guards_every_hop() {
    let public = Server::start_on((Ipv4Addr::new(127, 0, 0, 2), 0)).await;
    let private = Server::start().await;
    private.set("/feed", Reply::ok(RSS, FEED));
    private.set("/inside", Reply::redirect(302, private.url_at("inside.example", "/feed").as_str()));
    public.set("/literal", Reply::redirect(302, private.url("/feed").as_str()));
    public.set("/name", Reply::redirect(302, private.url_at("inside.example", "/feed").as_str()));
    private.set("/around", Reply::redirect(302, public.url("/literal").as_str()));
    let pins = [("inside.example", &[PRIVATE][..]), ("public.example", &[PUBLIC][..])];
    let fetcher = fetcher_with_public_loopback(&pins);
    let start = |path: &str| public.url_at("public.example", path);

    for path in ["/literal", "/name"] {
        let refused = failure(&fetcher, &guarded(start(path))).await;
        assert_eq!(refused.kind, FailureKind::Forbidden, "{path}: {refused:?}");
        // The owner's permission is for the owner's host, and a public server cannot use it.
        let steered = failure(&fetcher, &request(start(path))).await;
        assert_eq!(steered.kind, FailureKind::Forbidden, "{path}: {steered:?}");
    }
    assert_eq!(private.connections(), 0);

    assert_eq!(document(&fetcher, private.url("/inside")).await.bytes, FEED);
    let around = failure(&fetcher, &request(private.url("/around"))).await;
    assert_eq!(around.kind, FailureKind::Forbidden);
    let refused = failure(&fetcher, &guarded(private.url("/inside"))).await;
    assert_eq!(refused.kind, FailureKind::Forbidden);
}

#[tokio::test]
async fn c41_an_answer_of_dns_that_changes_finds_no_gap() {
    let public = Server::start_on((Ipv4Addr::new(127, 0, 0, 2), 0)).await;
    let trap = Server::start_on((Ipv4Addr::LOCALHOST, public.port())).await;
    for server in [&public, &trap] {
        server.set("/feed", Reply::ok(RSS, FEED).until_close());
    }
    public.set("/again", Reply::redirect(302, "/feed").until_close());
    // Were the name looked up once to check and once to connect, the second answer would be connected to.
    let pins = [("turns.example", &[PUBLIC][..]), ("turns.example", &[PRIVATE][..])];
    let fetcher = fetcher_with_public_loopback(&pins);
    let feed = public.url_at("turns.example", "/feed");
    assert!(matches!(get(&fetcher, &guarded(feed.clone())).await, Outcome::Document(_)));
    assert_eq!((public.connections(), trap.connections()), (1, 0));
    let turned = failure(&fetcher, &guarded(feed)).await;
    assert_eq!(turned.kind, FailureKind::Forbidden, "{turned:?}");

    // It may turn between two hops as well.
    let fetcher = fetcher_with_public_loopback(&pins);
    let turned = failure(&fetcher, &guarded(public.url_at("turns.example", "/again"))).await;
    assert_eq!(turned.kind, FailureKind::Forbidden, "{turned:?}");
    assert_eq!((public.connections(), trap.connections()), (2, 0));
}
