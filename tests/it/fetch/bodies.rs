//! Bodies: packed, mislabelled, damaged, endless, counted.

use std::io::Write;
use std::time::Duration;

use wirewatch::fetch::{FailureKind, Fetcher, Options};

use super::{FEED, RSS, document, failure, fetcher, get, options, request};
use crate::support::http::{Reply, Server};

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
async fn c35_unpacks_what_servers_pack_however_they_label_it() {
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
async fn c42_stops_at_the_limit_while_bytes_arrive() {
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
async fn c42_stops_a_bomb_in_every_coding() {
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
async fn counts_what_came_over_the_wire() {
    let server = Server::start().await;
    let brief = Options { read_timeout: Duration::from_millis(200), ..options() };
    let fetcher = Fetcher::new(brief.clone()).unwrap();
    let long = FEED.repeat(100);
    let packed = gzip(&long);
    let check = async |reply: Reply, expected: u64| {
        server.set("/feed", reply.clone());
        let outcome = get(&fetcher, &request(server.url("/feed"))).await;
        assert_eq!(outcome.wire_bytes(), expected, "{reply:?}");
    };
    check(Reply::ok(RSS, &long), long.len() as u64).await;
    // Packed as it is; the frames of chunks are none of the body.
    let of_gzip = Reply::status(200).header("content-encoding", "gzip");
    check(of_gzip.clone().body(&packed), packed.len() as u64).await;
    check(of_gzip.clone().chunked(&packed, 10), packed.len() as u64).await;
    // What came before the end of a failure counts, too.
    let half = &packed[..packed.len() / 2];
    check(of_gzip.clone().then_send(half).then_stall(), half.len() as u64).await;
    check(of_gzip.clone().then_send(half).until_close(), half.len() as u64).await;
    check(Reply::ok(RSS, FEED).header("content-length", "5000").until_close(), FEED.len() as u64).await;
    check(Reply::status(404).body(FEED), 0).await;
    check(Reply::redirect(302, "/nowhere").body(FEED), 0).await;
    check(Reply::silence(), 0).await;

    let fetcher = Fetcher::new(Options { total_timeout: Duration::from_millis(300), ..options() }).unwrap();
    server.set("/drips", Reply::ok(RSS, FEED).then_drip([b' '; 1000], Duration::from_millis(20)));
    let outcome = get(&fetcher, &request(server.url("/drips"))).await;
    let counted = outcome.wire_bytes();
    assert!((FEED.len() as u64..FEED.len() as u64 + 100).contains(&counted), "{counted} of {outcome:?}");
}
