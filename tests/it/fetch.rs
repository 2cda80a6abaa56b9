//! The HTTP door against real sockets: what publishers send, right and wrong, and what we send them.

#![allow(clippy::unwrap_used, reason = "a test stops where its world is not as it must be")]

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;
use wirewatch::fetch::{
    Document, Failure, FailureKind, FetchError, Fetcher, Headers, Options, Outcome, Request,
};

use crate::support::http::{Certificate, Reply, Server};

const FEED: &[u8] =
    b"<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>Wire</title></channel></rss>";
const RSS: &str = "application/rss+xml";

/// 2026-11-22T08:00:00Z.
fn now() -> Timestamp {
    "2026-11-22T08:00:00Z".parse().unwrap()
}

fn request(url: Url) -> Request {
    Request { allow_private_addresses: true, ..Request::new(url) }
}

fn guarded(url: Url) -> Request {
    Request { allow_private_addresses: false, ..request(url) }
}

/// Time-outs short enough for a test that waits for them, and none for one that does not.
fn options() -> Options {
    Options {
        connect_timeout: Duration::from_secs(5),
        read_timeout: Duration::from_secs(5),
        total_timeout: Duration::from_secs(20),
        ..Options::default()
    }
}

fn fetcher() -> Fetcher {
    Fetcher::new(options()).unwrap()
}

/// 127.0.0.2 counts as public, the rest of loopback does not, and names lead where a test wants them.
fn fetcher_with_public_loopback(resolve: &[(&str, &[IpAddr])]) -> Fetcher {
    let resolve = resolve.iter().map(|(name, addresses)| ((*name).to_owned(), addresses.to_vec()));
    let options = Options {
        public_networks: vec!["127.0.0.2/32".parse().unwrap()],
        resolve: resolve.collect(),
        ..options()
    };
    Fetcher::new(options).unwrap()
}

const PUBLIC: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
const PRIVATE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

async fn get(fetcher: &Fetcher, request: &Request) -> Outcome {
    fetcher.get(request, now()).await
}

async fn document(fetcher: &Fetcher, url: Url) -> Document {
    match get(fetcher, &request(url)).await {
        Outcome::Document(document) => document,
        other => panic!("no document: {other:?}"),
    }
}

/// Documents can be long.
fn briefly(outcome: &Outcome) -> String {
    format!("{outcome:?}").chars().take(300).collect()
}

async fn failure(fetcher: &Fetcher, request: &Request) -> Failure {
    match get(fetcher, request).await {
        Outcome::Failed(failure) => failure,
        other => panic!("no failure: {}", briefly(&other)),
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

fn brotli(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
    encoder.write_all(bytes).unwrap();
    encoder.into_inner()
}

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
async fn introduces_itself_and_says_nothing_else() {
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
async fn echoes_validators_byte_for_byte() {
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
async fn unpacks_what_servers_pack_however_they_label_it() {
    let server = Server::start().await;
    let fetcher = fetcher();
    let mut padded = gzip(FEED);
    padded.extend_from_slice(&[0; 64]);
    let (one, two) = FEED.split_at(20);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("gzip", gzip(FEED)),
        ("x-gzip", gzip(FEED)),
        ("GZIP", gzip(FEED)),
        ("deflate", zlib(FEED)),
        ("deflate", deflate(FEED)),
        ("br", brotli(FEED)),
        ("zstd", zstd(FEED)),
        ("identity", FEED.to_vec()),
        ("UTF-8", FEED.to_vec()),
        // Labelled wrongly.
        ("gzip", FEED.to_vec()),
        ("deflate", FEED.to_vec()),
        ("br", FEED.to_vec()),
        ("zstd", FEED.to_vec()),
        ("gzip", Vec::new()),
        ("br", Vec::new()),
        ("deflate", gzip(FEED)),
        ("gzip", zstd(FEED)),
        ("", gzip(FEED)),
        ("identity", gzip(FEED)),
        // Packed twice, members in a row, padding after the end.
        ("gzip", gzip(&gzip(FEED))),
        ("gzip, gzip", gzip(&gzip(FEED))),
        ("br, gzip", gzip(&brotli(FEED))),
        ("gzip", [gzip(one), gzip(two)].concat()),
        ("gzip", padded),
    ];
    for (number, (coding, packed)) in cases.into_iter().enumerate() {
        let expected: &[u8] = if packed.is_empty() { b"" } else { FEED };
        // Chunks of three bytes: magic numbers must be seen across them.
        let mut reply = Reply::status(200).header("content-type", RSS);
        if !coding.is_empty() {
            reply = reply.header("content-encoding", coding);
        }
        server.set("/feed", reply.chunked(packed, 3));
        let document = document(&fetcher, server.url("/feed")).await;
        assert_eq!(document.bytes, expected, "case {number}, {coding:?}");
    }
    let offered = server.requests().pop().unwrap().text("accept-encoding").unwrap();
    assert_eq!(offered, "gzip, deflate, br, zstd");
}

#[tokio::test]
async fn refuses_damaged_compression() {
    let server = Server::start().await;
    let fetcher = fetcher();
    let cut = |mut packed: Vec<u8>| {
        packed.truncate(packed.len() - 9);
        packed
    };
    let mut flipped = gzip(FEED);
    let checksum = flipped.len() - 6;
    flipped[checksum] ^= 0xff;
    let cases = [
        ("gzip", cut(gzip(FEED))),
        ("deflate", cut(zlib(FEED))),
        ("br", cut(brotli(FEED))),
        ("zstd", cut(zstd(FEED))),
        ("gzip", flipped),
        ("br", vec![0xff; 64]),
        ("gzip, gzip, gzip, gzip", FEED.to_vec()),
    ];
    for (coding, packed) in cases {
        server.set("/feed", Reply::ok(RSS, packed).header("content-encoding", coding));
        let failure = failure(&fetcher, &request(server.url("/feed"))).await;
        assert_eq!(failure.kind, FailureKind::Protocol, "{coding}: {failure:?}");
        assert!(failure.detail.contains("compressed"), "{}", failure.detail);
    }
}

#[tokio::test]
async fn stops_at_the_limit_while_bytes_arrive() {
    let server = Server::start().await;
    let fetcher = fetcher();
    let limit = options().body_bytes_max as u64;
    // Without end: the server sends until the client hangs up.
    server.set("/endless", Reply::ok(RSS, FEED).then_repeat(vec![b' '; 64 << 10]));
    let endless = failure(&fetcher, &request(server.url("/endless"))).await;
    assert_eq!(endless.kind, FailureKind::TooLarge);
    assert!(endless.detail.contains("10 MiB"), "{}", endless.detail);
    // What the two kernels had in flight comes on top.
    assert!(server.sent_bytes() < limit + (16 << 20), "{} bytes sent", server.sent_bytes());

    server.set("/declared", Reply::status(200).header("content-length", "209715200").then_stall());
    let declared = failure(&fetcher, &request(server.url("/declared"))).await;
    assert_eq!(declared.kind, FailureKind::TooLarge);
}

#[tokio::test]
async fn stops_a_bomb_in_every_coding() {
    let server = Server::start().await;
    let options = Options { body_bytes_max: 1 << 20, ..options() };
    let fetcher = Fetcher::new(options).unwrap();
    let zeros = vec![0; 24 << 20];
    let layered = gzip(&gzip(&zeros));
    let bombs = [
        ("gzip", gzip(&zeros)),
        ("deflate", zlib(&zeros)),
        ("deflate", deflate(&zeros)),
        ("br", brotli(&zeros)),
        ("zstd", zstd(&zeros)),
        ("", gzip(&zeros)),
        ("gzip", layered.clone()),
        ("gzip, gzip", layered),
    ];
    for (coding, bomb) in bombs {
        assert!(bomb.len() < 1 << 18, "{coding}: {} bytes are no bomb", bomb.len());
        let mut reply = Reply::ok(RSS, bomb);
        if !coding.is_empty() {
            reply = reply.header("content-encoding", coding);
        }
        server.set("/feed", reply);
        let failure = failure(&fetcher, &request(server.url("/feed"))).await;
        assert_eq!(failure.kind, FailureKind::TooLarge, "{coding}: {failure:?}");
        assert!(failure.detail.contains("1 MiB"), "{}", failure.detail);
    }
    // The first kilobytes of an endless one are enough.
    let start: Vec<u8> = gzip(&zeros).into_iter().take(8 << 10).collect();
    let reply = Reply::status(200).header("content-encoding", "gzip").then_send(start).then_stall();
    server.set("/stalls", reply);
    let stalls = failure(&fetcher, &request(server.url("/stalls"))).await;
    assert_eq!(stalls.kind, FailureKind::TooLarge);
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_passes() {
    let server = Server::start().await;
    let fetcher = Fetcher::new(Options { body_bytes_max: FEED.len(), ..options() }).unwrap();
    server.set("/fits", Reply::ok(RSS, gzip(FEED)).header("content-encoding", "gzip").until_close());
    server.set("/over", Reply::ok(RSS, [FEED, b" "].concat()).until_close());
    // Packed, a text this short is longer than itself, so no length is declared here.
    assert_eq!(document(&fetcher, server.url("/fits")).await.bytes, FEED);
    assert_eq!(failure(&fetcher, &request(server.url("/over"))).await.kind, FailureKind::TooLarge);
}

#[tokio::test]
async fn gives_up_in_time() {
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
async fn names_what_a_status_means() {
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
    check(Reply::status(403), (403, None), "refuses access").await;
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
async fn refuses_redirects_that_lead_nowhere() {
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
async fn keeps_validators_and_passwords_from_other_hosts() {
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
    // Another port is another origin for a password, and the same host for a validator.
    assert_eq!(seen(&elsewhere, "/port"), (false, true, true));
    assert_eq!(seen(&elsewhere, "/feed"), (false, false, false));
    // "reader:s3cret päss".
    let sent = home.requests_to("/feed")[0].text("authorization").unwrap();
    assert_eq!(sent, "Basic cmVhZGVyOnMzY3JldCBww6Rzcw==");
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
async fn does_not_step_down_from_https() {
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

#[tokio::test]
async fn refuses_private_addresses_in_every_spelling() {
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
async fn judges_names_by_where_they_lead() {
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
async fn guards_every_hop() {
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
async fn keeps_one_connection_for_one_host() {
    let server = Server::start().await;
    server.set("/feed", Reply::ok(RSS, FEED));
    let fetcher = fetcher();
    for _ in 0..3 {
        document(&fetcher, server.url("/feed")).await;
    }
    assert_eq!((server.connections(), server.requests().len()), (1, 3));
}

#[tokio::test]
async fn forgives_odd_headers() {
    let server = Server::start().await;
    let odd = b"HTTP/1.1 200 OK\r\nContent-Type : text/xml\r\nb\xe4d header: x\r\nX-Long: a\r\n b\r\nContent-Length: 4\r\n\r\n<a/>";
    server.set("/feed", Reply::raw(odd));
    assert_eq!(document(&fetcher(), server.url("/feed")).await.bytes, b"<a/>");
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
