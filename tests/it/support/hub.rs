//! A WebSub hub on loopback, as the Recommendation describes one: it takes subscriptions, verifies what subscribers meant,
//! keeps leases, and distributes what is published, signed with each subscriber's key.
//!
//! Owns sockets and the subscriptions it verified; knows nothing of Wirewatch. Its faults are data: [`Manner`].

#![allow(clippy::unwrap_used, reason = "a test stops where its world is not as it must be")]

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::routing::post;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use url::{Url, form_urlencoded};

/// How it behaves.
#[derive(Debug, Clone)]
pub(crate) struct Manner {
    /// What it answers to a request; it verifies only after a 202.
    pub(crate) answer: u16,
    /// The lease it grants, seconds.
    pub(crate) lease: u64,
    /// Whether it verifies before it answers.
    pub(crate) verifies_first: bool,
}

impl Default for Manner {
    fn default() -> Self {
        Self { answer: 202, lease: 864_000, verifies_first: false }
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) mode: String,
    pub(crate) topic: String,
    pub(crate) callback: String,
    pub(crate) secret: String,
    pub(crate) lease: String,
    /// What the subscriber answered when it was asked whether it meant that; 0 while that is open.
    pub(crate) verified: u16,
}

/// Who gets a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subscriber {
    pub(crate) topic: String,
    pub(crate) callback: String,
    pub(crate) secret: String,
}

/// An HTTP answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

#[derive(Default)]
struct World {
    manner: Mutex<Manner>,
    asked: Mutex<Vec<Asked>>,
    subscribers: Mutex<Vec<Subscriber>>,
    challenges: Mutex<u64>,
}

/// The hub.
pub(crate) struct Hub {
    address: SocketAddr,
    world: Arc<World>,
    serving: JoinHandle<()>,
}

impl Hub {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let world = Arc::new(World::default());
        let router = Router::new().route("/", post(ask)).with_state(Arc::clone(&world));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, world, serving }
    }

    /// What publishers name.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// How it behaves from now on.
    pub(crate) fn behave(&self, manner: Manner) {
        *lock(&self.world.manner) = manner;
    }

    /// Every request so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        lock(&self.world.asked).clone()
    }

    /// Who gets a topic.
    pub(crate) fn subscribers(&self, topic: &str) -> Vec<Subscriber> {
        let subscribers = lock(&self.world.subscribers);
        subscribers.iter().filter(|subscriber| subscriber.topic == topic).cloned().collect()
    }

    /// Distributes a document to all who get a topic; what each answered.
    pub(crate) async fn publish(&self, topic: &str, content_type: &str, body: &str) -> Vec<u16> {
        let mut codes = Vec::new();
        for subscriber in self.subscribers(topic) {
            let signature = sign(&subscriber.secret, body.as_bytes());
            let headers = [("content-type", content_type), ("x-hub-signature", &signature)];
            codes.push(call("POST", &subscriber.callback, &headers, body.as_bytes()).await.code);
        }
        codes
    }

    /// Tells all who get a topic that they do not; what each answered.
    pub(crate) async fn deny(&self, topic: &str, reason: &str) -> Vec<u16> {
        let mut codes = Vec::new();
        for subscriber in self.subscribers(topic) {
            let said = [("hub.mode", "denied"), ("hub.topic", topic), ("hub.reason", reason)];
            codes.push(call("GET", &with_query(&subscriber.callback, &said), &[], b"").await.code);
        }
        codes
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The value of `X-Hub-Signature` for a body.
pub(crate) fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    let digits: Vec<String> = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={}", digits.concat())
}

/// An address with further fields in its query.
pub(crate) fn with_query(url: &str, fields: &[(&str, &str)]) -> String {
    let mut url = Url::parse(url).unwrap();
    url.query_pairs_mut().extend_pairs(fields);
    url.into()
}

/// One HTTP/1.1 request, raw, and its answer.
pub(crate) async fn call(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let url = Url::parse(url).unwrap();
    let host = format!("{}:{}", url.host_str().unwrap(), url.port_or_known_default().unwrap());
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut head =
        format!("{method} {}{query} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n", url.path());
    if !headers.iter().any(|(name, _)| matches!(*name, "content-length" | "transfer-encoding")) {
        head += &format!("content-length: {}\r\n", body.len());
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += "\r\n";
    let mut stream = TcpStream::connect(&host).await.unwrap();
    // A door that refuses need not read to the end.
    drop(stream.write_all(&[head.as_bytes(), body].concat()).await);
    let mut bytes = Vec::new();
    drop(stream.read_to_end(&mut bytes).await);
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let code = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    Answer { code, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

async fn ask(State(world): State<Arc<World>>, request: Request) -> StatusCode {
    let body: Bytes = to_bytes(request.into_body(), 1 << 16).await.unwrap();
    let mut fields: HashMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let mut field = |name: &str| fields.remove(name).unwrap_or_default();
    let asked = Asked {
        mode: field("hub.mode"),
        topic: field("hub.topic"),
        callback: field("hub.callback"),
        secret: field("hub.secret"),
        lease: field("hub.lease_seconds"),
        verified: 0,
    };
    let place = {
        let mut all = lock(&world.asked);
        all.push(asked.clone());
        all.len() - 1
    };
    let manner = lock(&world.manner).clone();
    if manner.answer == 202 {
        let verifying = tokio::spawn(verify(Arc::clone(&world), asked, manner.lease, place));
        if manner.verifies_first {
            verifying.await.unwrap();
        }
    }
    StatusCode::from_u16(manner.answer).unwrap()
}

/// Asks the subscriber whether it meant that, and acts on its word.
async fn verify(world: Arc<World>, asked: Asked, lease: u64, place: usize) {
    let challenge = {
        let mut count = lock(&world.challenges);
        *count += 1;
        format!("challenge & {} of {}", *count, asked.topic)
    };
    let lease = lease.to_string();
    let fields = [
        ("hub.mode", asked.mode.as_str()),
        ("hub.topic", &asked.topic),
        ("hub.challenge", &challenge),
        ("hub.lease_seconds", &lease),
    ];
    let answer = call("GET", &with_query(&asked.callback, &fields), &[], b"").await;
    if answer.code == 200 && answer.body == challenge {
        let mut subscribers = lock(&world.subscribers);
        subscribers.retain(|known| known.callback != asked.callback);
        if asked.mode == "subscribe" {
            let Asked { topic, callback, secret, .. } = asked;
            subscribers.push(Subscriber { topic, callback, secret });
        }
    }
    lock(&world.asked)[place].verified = answer.code;
}
