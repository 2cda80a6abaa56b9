//! The door hubs knock at, on a real socket; what keeps the subscriptions is played by the test.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wirewatch::feed::subscription::{Callback, Claim, Mode, Verdict};
use wirewatch::web::callback::{Callbacks, Inbox, Saying, Standing};
use wirewatch::web::follow_up::FollowUps;
use wirewatch::web::{Options, Web};

use super::super::support::hub::{Answer, call, with_query};

const LIMIT: usize = 32 << 20;
const TOPIC: &str = "https://news.example.org/feed?a=1&b=2";

struct Open {
    web: Web,
    callbacks: Callbacks,
    inbox: Inbox,
    callback: Callback,
}

impl Open {
    async fn with(body_bytes_max: usize, change: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options::new((Ipv4Addr::LOCALHOST, 0).into());
        change(&mut options);
        let (callbacks, inbox) = Callbacks::new(body_bytes_max);
        let callback = Callback::new([1; 16]);
        callbacks.put(callback.clone(), Standing::Open);
        let web = Web::open(options, callbacks.clone(), FollowUps::new().0).await.unwrap();
        Self { web, callbacks, inbox, callback }
    }

    async fn new() -> Self {
        Self::with(LIMIT, |_| {}).await
    }

    fn url(&self) -> String {
        self.url_of(self.callback.as_str())
    }

    fn url_of(&self, callback: &str) -> String {
        format!("http://{}/websub/{callback}", self.web.address())
    }

    /// A GET that is answered like this when it gets that far; what was said, and the answer.
    async fn ask(&mut self, fields: &[(&str, &str)], verdict: Option<Verdict>) -> (Option<Saying>, Answer) {
        let url = with_query(&self.url(), fields);
        let answer = call("GET", &url, &[], b"");
        tokio::pin!(answer);
        let mut said = None;
        loop {
            tokio::select! {
                answer = &mut answer => return (said, answer),
                Some(called) = self.inbox.calls.recv() => {
                    assert_eq!(called.callback, self.callback);
                    said = Some(called.saying);
                    if let Some(verdict) = verdict {
                        called.answer.send(verdict).unwrap();
                    }
                }
            }
        }
    }
}

fn verification(mode: &'static str) -> Vec<(&'static str, &'static str)> {
    vec![
        ("hub.mode", mode),
        ("hub.topic", TOPIC),
        ("hub.challenge", "<b>echo & me</b>"),
        ("hub.lease_seconds", "3600"),
    ]
}

#[tokio::test]
async fn c39_a_challenge_is_echoed_only_when_the_claim_is_confirmed() {
    let mut open = Open::new().await;
    let lease = Some(Duration::from_hours(1));
    let claim = Claim { mode: Mode::Subscribe, topic: TOPIC.to_owned(), lease };
    let (said, answer) = open.ask(&verification("subscribe"), Some(Verdict::Confirmed)).await;
    assert_eq!(said, Some(Saying::Verify(claim.clone())));
    assert_eq!((answer.code, answer.body.as_str()), (200, "<b>echo & me</b>"));
    assert!(answer.head.contains("text/plain") && answer.head.contains("nosniff"), "{}", answer.head);

    let (said, answer) = open.ask(&verification("unsubscribe"), Some(Verdict::Ended)).await;
    assert_eq!(said, Some(Saying::Verify(Claim { mode: Mode::Unsubscribe, ..claim })));
    assert_eq!((answer.code, answer.body.as_str()), (200, "<b>echo & me</b>"));

    let (_, answer) = open.ask(&verification("subscribe"), Some(Verdict::Unknown)).await;
    assert_eq!((answer.code, answer.body.as_str()), (404, ""));
    // Nobody could judge: the hub is to come again.
    let (_, answer) = open.ask(&verification("subscribe"), None).await;
    assert_eq!(answer.code, 503);
    assert!(answer.head.contains("retry-after"), "{}", answer.head);
}

#[tokio::test]
async fn c39_what_no_hub_would_say_is_answered_404_without_a_second_thought() {
    let mut open = Open::new().await;
    let without = |name: &str| {
        let kept = verification("subscribe").into_iter().filter(|(field, _)| *field != name);
        kept.collect::<Vec<_>>()
    };
    let long = "x".repeat(5000);
    let mut wordy = without("hub.challenge");
    wordy.push(("hub.challenge", &long));
    for fields in [
        vec![],
        without("hub.mode"),
        without("hub.topic"),
        without("hub.challenge"),
        verification("publish"),
        verification("SUBSCRIBE"),
        wordy,
    ] {
        let (said, answer) = open.ask(&fields, Some(Verdict::Confirmed)).await;
        assert_eq!((said, answer.code), (None, 404), "{fields:?}");
    }
    let mut odd = without("hub.lease_seconds");
    odd.push(("hub.lease_seconds", "-5"));
    let (said, _) = open.ask(&odd, Some(Verdict::Confirmed)).await;
    assert!(matches!(said, Some(Saying::Verify(Claim { lease: None, .. }))), "{said:?}");
    // Another method is no verification, least of all HEAD, which servers like to take for GET.
    let url = with_query(&open.url(), &verification("subscribe"));
    for method in ["HEAD", "PUT", "DELETE", "OPTIONS"] {
        assert_eq!(call(method, &url, &[], b"").await.code, 405, "{method}");
    }
    assert!(open.inbox.calls.try_recv().is_err());
}

#[tokio::test]
async fn c39_a_denial_is_heard() {
    let mut open = Open::new().await;
    let denial = [("hub.mode", "denied"), ("hub.topic", TOPIC), ("hub.reason", "too many")];
    let (said, answer) = open.ask(&denial, Some(Verdict::Confirmed)).await;
    assert_eq!(said, Some(Saying::Denied { topic: TOPIC.to_owned(), reason: "too many".to_owned() }));
    assert_eq!(answer.code, 200);
}

#[tokio::test]
async fn c39_an_unknown_callback_is_404_and_one_that_is_left_410() {
    let mut open = Open::new().await;
    let stranger = Callback::new([2; 16]);
    for path in [stranger.as_str(), "x", "..", "%00", "a/b"] {
        for method in ["GET", "POST"] {
            let url = with_query(&open.url_of(path), &verification("subscribe"));
            assert_eq!(call(method, &url, &[], b"<rss/>").await.code, 404, "{method} {path}");
        }
    }
    for path in ["/", "/websub", "/websub/", "/metrics"] {
        let url = format!("http://{}{path}", open.web.address());
        assert_eq!(call("GET", &url, &[], b"").await.code, 404, "{path}");
    }
    assert!(open.inbox.deliveries.try_recv().is_err());
    open.callbacks.put(open.callback.clone(), Standing::Leaving);
    assert_eq!(call("POST", &open.url(), &[], b"<rss/>").await.code, 410);
    let (said, answer) = open.ask(&verification("unsubscribe"), Some(Verdict::Ended)).await;
    assert!(said.is_some() && answer.code == 200, "the hub may still verify that it is to stop");
    open.callbacks.remove(&open.callback);
    assert_eq!(call("POST", &open.url(), &[], b"<rss/>").await.code, 404);
}

#[tokio::test]
async fn c39_a_delivery_is_taken_as_it_came_and_answered_at_once() {
    let mut open = Open::new().await;
    let headers = [
        ("content-type", "application/atom+xml"),
        ("x-hub-signature", "sha256=00"),
        ("X-Hub-Signature", "sha1=11"),
    ];
    // Whatever the signature: nobody has judged it when the answer goes out.
    assert_eq!(call("POST", &open.url(), &headers, b"<feed/>").await.code, 202);
    let delivery = open.inbox.deliveries.try_recv().unwrap();
    assert_eq!(delivery.callback, open.callback);
    assert_eq!(delivery.signatures, [b"sha256=00".to_vec(), b"sha1=11".to_vec()]);
    assert_eq!(delivery.content_type.as_deref(), Some("application/atom+xml"));
    assert_eq!(delivery.body, b"<feed/>");
    let chunked = [("transfer-encoding", "chunked")];
    assert_eq!(call("POST", &open.url(), &chunked, b"4\r\n<rss\r\n2\r\n/>\r\n0\r\n\r\n").await.code, 202);
    let delivery = open.inbox.deliveries.try_recv().unwrap();
    assert_eq!((delivery.body.as_slice(), delivery.signatures.len()), (&b"<rss/>"[..], 0));
    assert_eq!(call("POST", &open.url(), &[("content-encoding", "gzip")], b"zip").await.code, 415);
    assert!(open.inbox.deliveries.try_recv().is_err());
}

#[tokio::test]
async fn c39_an_oversized_delivery_is_refused_declared_or_not() {
    let mut open = Open::with(1000, |_| {}).await;
    let check = async |open: &Open, size: usize, expected: u16| {
        let body = vec![b'x'; size];
        assert_eq!(call("POST", &open.url(), &[], &body).await.code, expected, "{size}");
        let chunk = [format!("{size:x}\r\n").as_bytes(), &body, b"\r\n0\r\n\r\n"].concat();
        let chunked = [("transfer-encoding", "chunked")];
        assert_eq!(call("POST", &open.url(), &chunked, &chunk).await.code, expected, "{size} in chunks");
    };
    check(&open, 1001, 413).await;
    assert!(open.inbox.deliveries.try_recv().is_err());
    check(&open, 1000, 202).await;
    assert_eq!(open.inbox.deliveries.recv().await.unwrap().body.len(), 1000);
}

#[tokio::test]
async fn c39_a_full_queue_is_said_and_the_hub_may_come_again() {
    let mut open = Open::new().await;
    // Two of the largest documents allowed here fit.
    for expected in [202, 202, 503, 503] {
        assert_eq!(call("POST", &open.url(), &[], b"<rss/>").await.code, expected);
    }
    open.inbox.deliveries.recv().await.unwrap();
    assert_eq!(call("POST", &open.url(), &[], b"<rss/>").await.code, 202);
    assert_eq!(call("POST", &open.url(), &[], b"<rss/>").await.code, 503);
}

/// Sends this and reads to the end of the connection.
async fn exchange(open: &Open, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(open.web.address()).await.unwrap();
    drop(stream.write_all(bytes).await);
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn callers_that_dawdle_flood_or_talk_nonsense_are_shown_out() {
    let quick = |options: &mut Options| {
        options.head_timeout = Duration::from_millis(200);
        options.connection_timeout = Duration::from_millis(600);
        options.connections_max = 2;
    };
    let open = Open::with(LIMIT, quick).await;
    // Half a head; a body that never comes; nothing at all. Each ends by itself, else this test would not.
    let half = format!("GET /websub/{} HTTP/1.1\r\nhost:", open.callback.as_str());
    exchange(&open, half.as_bytes()).await;
    exchange(&open, b"").await;
    let post = format!(
        "POST /websub/{} HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n<rss",
        open.callback.as_str()
    );
    assert!(!exchange(&open, post.as_bytes()).await.contains(" 202 "));
    let endless = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "y".repeat(40 << 10));
    assert!(exchange(&open, endless.as_bytes()).await.contains(" 431 "));
    let many = format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(100));
    assert!(exchange(&open, many.as_bytes()).await.contains(" 431 "));
    assert!(
        exchange(&open, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 tls?\r\n\r\n").await.contains(" 400 ")
    );
    // Two who say nothing hold all the room, until their time is over; the third is served then.
    let idle = [TcpStream::connect(open.web.address()).await, TcpStream::connect(open.web.address()).await];
    assert_eq!(call("POST", &open.url(), &[], b"<rss/>").await.code, 202);
    drop(idle);
}

#[tokio::test]
async fn the_door_closes_in_time_and_says_why_it_cannot_open() {
    let open = Open::new().await;
    let address = open.web.address();
    let taken =
        Web::open(Options::new(address), open.callbacks.clone(), FollowUps::new().0).await.unwrap_err();
    assert!(taken.to_string().contains(&format!("{address} (web.listen)")), "{taken}");
    assert!(taken.hint().contains("another port"), "{}", taken.hint());
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    open.web.close().await;
    assert!(TcpStream::connect(address).await.is_err(), "nothing listens any more");
}
