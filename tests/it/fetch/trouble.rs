//! Servers in trouble, and servers that make it: time-outs, TLS, statuses, nonsense.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;
use wirewatch::fetch::{Failure, FailureKind, FetchError, Fetcher, Options, Outcome};

use super::{FEED, PRIVATE, RSS, document, failure, fetcher, get, guarded, options, request};
use crate::support::http::{Certificate, Reply, Server};

#[tokio::test]
async fn c42_gives_up_in_time() {
    let server = Server::start().await;
    let short = Duration::from_millis(200);
    let check = async |options: Options, path: &str, words: &str| {
        let started = Instant::now();
        let failure = failure(&Fetcher::new(options).unwrap(), &request(server.url(path))).await;
        assert_eq!(failure.kind, FailureKind::Timeout, "{failure:?}");
        assert!(failure.detail.contains(words), "{}", failure.detail);
        assert!(started.elapsed() < Duration::from_secs(4), "{path} took {:?}", started.elapsed());
    };
    server.set("/silent", Reply::silence());
    server.set("/stalls", Reply::ok(RSS, FEED).then_stall());
    server.set("/drips", Reply::ok(RSS, FEED).then_drip(vec![b' '; 1000], Duration::from_millis(20)));
    let read = Options { read_timeout: short, ..options() };
    check(read.clone(), "/silent", "sent nothing for 0.2 s").await;
    check(read.clone(), "/stalls", "sent nothing for 0.2 s").await;
    let total = Options { total_timeout: Duration::from_millis(400), ..options() };
    check(total.clone(), "/drips", "No complete answer from 127.0.0.1").await;
    check(total, "/silent", "within 0.4 s").await;
}

#[tokio::test]
async fn gives_up_on_a_handshake_in_time() {
    // Accepts the connection, and then takes every byte for an HTTP request that never ends.
    let server = Server::start().await;
    let url = Url::parse(&format!("https://127.0.0.1:{}/", server.port())).unwrap();
    let fetcher = Fetcher::new(Options { connect_timeout: Duration::from_millis(200), ..options() }).unwrap();
    let failure = failure(&fetcher, &request(url)).await;
    assert_eq!(failure.kind, FailureKind::Timeout);
    assert!(failure.detail.starts_with("No connection to 127.0.0.1"), "{}", failure.detail);
    assert!(failure.detail.ends_with("within 0.2 s"), "{}", failure.detail);
}

#[tokio::test]
async fn says_what_broke() {
    let server = Server::start().await;
    let fetcher = fetcher();
    let cases = [
        Reply::raw("SSH-2.0-OpenSSH_9.2\r\n"),
        Reply::raw(""),
        Reply::ok(RSS, FEED).header("content-length", "5000").until_close(),
        Reply::ok(RSS, FEED).then_reset(),
        Reply::status(200).header("transfer-encoding", "chunked").then_send("zz\r\n").until_close(),
        Reply::status(200).header("transfer-encoding", "chunked").then_send("5\r\nhel").until_close(),
    ];
    for reply in cases {
        server.set("/feed", reply.clone());
        let failure = failure(&fetcher, &request(server.url("/feed"))).await;
        assert_eq!(failure.kind, FailureKind::Protocol, "{reply:?}: {failure:?}");
        assert!(failure.detail.contains("127.0.0.1"), "{}", failure.detail);
    }
    // A length that is too short ends the document there, as HTTP says.
    server.set("/feed", Reply::ok(RSS, FEED).header("content-length", "10").until_close());
    assert_eq!(document(&fetcher, server.url("/feed")).await.bytes, &FEED[..10]);
}

#[tokio::test]
async fn says_why_there_is_no_connection() {
    let fetcher = fetcher();
    let server = Server::start().await;
    let closed = server.url("/feed");
    server.stop().await;
    let refused = failure(&fetcher, &request(closed)).await;
    assert_eq!(refused.kind, FailureKind::Connect);
    assert!(refused.detail.contains("refuses the connection"), "{}", refused.detail);

    // The resolver itself knows that nothing ends in `.invalid` (RFC 6761).
    let unknown = failure(&fetcher, &guarded("http://no-such-name.invalid/".parse().unwrap())).await;
    assert_eq!(unknown.kind, FailureKind::Dns);
    let words = "Name no-such-name.invalid does not resolve; check the spelling or this machine's DNS";
    assert_eq!(unknown.detail, words);

    let other = failure(&fetcher, &request("ftp://example.org/feed".parse().unwrap())).await;
    assert_eq!(other.kind, FailureKind::Protocol);
    assert!(other.detail.contains("`ftp:`"), "{}", other.detail);
}

#[tokio::test]
async fn speaks_tls_and_says_what_is_wrong_with_a_certificate() {
    let check = async |certificate: &Certificate, trusted: bool, expected: Result<(), &str>| {
        let server = Server::start_tls(certificate).await;
        server.set("/feed", Reply::ok(RSS, FEED));
        let options = Options {
            root_certificates_pem: trusted.then(|| certificate.pem()),
            resolve: vec![("feed.example".to_owned(), vec![PRIVATE])],
            ..options()
        };
        let fetcher = Fetcher::new(options).unwrap();
        let outcome = get(&fetcher, &request(server.url_at("feed.example", "/feed"))).await;
        match (outcome, expected) {
            (Outcome::Document(document), Ok(())) => assert_eq!(document.bytes, FEED),
            (Outcome::Failed(failure), Err(words)) => {
                assert_eq!(failure.kind, FailureKind::Tls, "{failure:?}");
                assert!(failure.detail.starts_with("Certificate of feed.example:"), "{}", failure.detail);
                assert!(failure.detail.contains(words), "{}", failure.detail);
            }
            (outcome, expected) => panic!("{outcome:?} is not {expected:?}"),
        }
    };
    let valid = Certificate::valid_for(&["feed.example"]);
    check(&valid, true, Ok(())).await;
    check(&valid, false, Err("authority this machine does not know")).await;
    check(&Certificate::expired_for(&["feed.example"]), true, Err("expired")).await;
    check(&Certificate::valid_for(&["other.example"]), true, Err("made out to another name")).await;
}

#[tokio::test]
async fn says_when_the_other_side_speaks_no_tls() {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let plain = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        // An HTTP server's answer to a handshake it takes for a request; the socket stays open meanwhile.
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        stream.read_to_end(&mut Vec::new()).await
    });
    let url = Url::parse(&format!("https://127.0.0.1:{port}/")).unwrap();
    let fetcher = Fetcher::new(options()).unwrap();
    let failure = failure(&fetcher, &request(url)).await;
    assert_eq!(failure.kind, FailureKind::Tls, "{failure:?}");
    assert!(failure.detail.contains("127.0.0.1"), "{}", failure.detail);
    plain.abort();
}

#[test]
fn refuses_options_that_cannot_work() {
    let nonsense = b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n".to_vec();
    let opened = Fetcher::new(Options { root_certificates_pem: Some(nonsense), ..options() });
    assert!(matches!(opened, Err(FetchError::Certificates(_))), "{opened:?}");
    let opened = Fetcher::new(Options { contact: Some("line\nbreak".to_owned()), ..options() });
    assert!(matches!(opened, Err(FetchError::Contact)), "{opened:?}");
}

#[tokio::test]
async fn c31_names_what_a_status_means() {
    let server = Server::start().await;
    let fetcher = fetcher();
    let check = async |reply: Reply, expected: (u16, Option<u64>), words: &str| {
        server.set("/feed", reply);
        match get(&fetcher, &request(server.url("/feed"))).await {
            Outcome::Status { code, headers, detail } => {
                let retry_after = headers.retry_after.map(|wait| wait.as_secs());
                assert_eq!((code, retry_after), expected);
                assert!(detail.contains(words), "{detail}");
            }
            other => panic!("no status: {other:?}"),
        }
    };
    let challenge = Reply::status(403).header("cf-mitigated", "challenge").body("<html>");
    check(challenge, (403, None), "Cloudflare asks this address to prove it is a browser").await;
    // Some sites serve it with a status that says all is well.
    let smooth = Reply::ok("text/html", "<html>").header("cf-mitigated", "challenge");
    check(smooth, (200, None), "Cloudflare asks this address to prove it is a browser").await;
    check(Reply::status(403), (403, None), "refuses access").await;
    check(Reply::status(511), (511, None), "behind a network that asks for a login").await;
    check(Reply::status(404), (404, None), "no such page").await;
    check(Reply::status(410), (410, None), "gone for good").await;
    check(Reply::status(429).header("retry-after", "120"), (429, Some(120)), "limiting requests").await;
    let date = "Sun, 22 Nov 2026 08:01:00 GMT";
    check(Reply::status(503).header("retry-after", date), (503, Some(60)), "maintenance").await;
    check(Reply::status(500), (500, None), "internal error").await;
    check(Reply::status(522), (522, None), "Cloudflare").await;
    check(Reply::status(226).body(FEED), (226, None), "226").await;
    check(Reply::status(204), (204, None), "204").await;
    check(Reply::status(302), (302, None), "redirects without saying where").await;
    // The body of an error is not waited for.
    check(Reply::status(500).then_repeat(vec![b'x'; 1 << 16]), (500, None), "internal error").await;
}

#[tokio::test]
async fn never_repeats_a_password_or_a_key() {
    let server = Server::start().await;
    let fetcher = Fetcher::new(Options { read_timeout: Duration::from_millis(200), ..options() }).unwrap();
    server.set("/silent", Reply::silence());
    server.set("/broken", Reply::raw("nonsense\r\n\r\n"));
    server.set("/denied", Reply::status(401));
    server.set("/away", Reply::redirect(302, "ftp://user:s3cret@example.org/s3cret"));
    server.set("/self", Reply::redirect(302, "/self?key=s3cret"));
    for path in ["/silent", "/broken", "/denied", "/away", "/self"] {
        let mut url = server.url(path);
        url.set_query(Some("key=s3cret"));
        url.set_username("s3cret").unwrap();
        url.set_password(Some("s3cret")).unwrap();
        let detail = match get(&fetcher, &request(url.clone())).await {
            Outcome::Failed(Failure { detail, .. }) | Outcome::Status { detail, .. } => detail,
            other => panic!("{path}: {other:?}"),
        };
        assert!(!detail.contains("s3cret") && detail.contains("127.0.0.1"), "{path}: {detail}");
        let refused = failure(&fetcher, &guarded(url)).await.detail;
        assert!(!refused.contains("s3cret"), "{refused}");
    }
}

#[tokio::test]
async fn forgives_odd_headers() {
    let server = Server::start().await;
    let odd = b"HTTP/1.1 200 OK\r\nContent-Type : text/xml\r\nb\xe4d header: x\r\nX-Long: a\r\n b\r\nContent-Length: 4\r\n\r\n<a/>";
    server.set("/feed", Reply::raw(odd));
    assert_eq!(document(&fetcher(), server.url("/feed")).await.bytes, b"<a/>");
}

#[tokio::test]
async fn c18_c19_reads_wishes_to_wait_and_nothing_into_nonsense() {
    let server = Server::start().await;
    let fetcher = fetcher();
    for code in [429, 503] {
        for (value, expected) in [
            ("120", Some(120)),
            ("Sun, 22 Nov 2026 08:01:00 GMT", Some(60)),
            ("-1", None),
            ("soon", None),
            ("", None),
            // Ten years: read as they stand, and clamped by who keeps the schedule.
            ("315360000", Some(315_360_000)),
            ("99999999999999999999", None),
        ] {
            server.set("/feed", Reply::status(code).header("retry-after", value));
            match get(&fetcher, &request(server.url("/feed"))).await {
                Outcome::Status { headers, .. } => {
                    assert_eq!(headers.retry_after.map(|wait| wait.as_secs()), expected, "{code} {value:?}");
                }
                other => panic!("no status: {other:?}"),
            }
        }
    }
}

#[test]
fn c42_the_limits_are_those_publishers_and_small_machines_can_live_with() {
    let options = Options::default();
    assert_eq!(options.connect_timeout, Duration::from_secs(10));
    assert_eq!(options.read_timeout, Duration::from_secs(20));
    assert_eq!(options.total_timeout, Duration::from_secs(30));
    assert_eq!(options.body_bytes_max, 10 << 20);
    assert_eq!(wirewatch::feed::parse::ENTRIES_MAX, 2_000);
}
