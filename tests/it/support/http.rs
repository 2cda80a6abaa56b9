//! A scripted HTTP/1.1 server on loopback: what a publisher may do to us, right and wrong.
//!
//! One file because a reply's steps and the server that takes them are one machine.
//!
//! Owns sockets and raw bytes; knows nothing of Wirewatch. A reply is a list of steps, so every fault
//! (drip, stall, reset, wrong length, endless body) is data. It logs each request for assertions.
//!
//! ```ignore
//! let server = Server::start().await;
//! server.set("/feed", Reply::ok("application/rss+xml", bytes).header("etag", "\"1\"").conditional());
//! assert_eq!(server.requests_to("/feed").len(), 1);
//! ```

#![allow(clippy::unwrap_used, reason = "a test stops where its world is not as it must be")]

use std::collections::{HashMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls;
use url::Url;

/// What the server does after the headers, in order.
#[derive(Debug, Clone)]
enum Step {
    Send(Vec<u8>),
    Wait(Duration),
    /// Sends the same bytes until the peer goes away.
    Repeat(Vec<u8>),
    /// Says nothing more and keeps the connection.
    Stall,
    /// Ends the connection with a TCP reset.
    Reset,
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    code: u16,
    headers: Vec<(String, Vec<u8>)>,
    steps: Vec<Step>,
    /// The connection ends with the answer.
    close: bool,
    /// Nothing is sent at all, not even a status line, before the steps.
    bare: bool,
    conditional: bool,
}

impl Reply {
    /// A status with an empty body.
    pub(crate) fn status(code: u16) -> Self {
        Self { code, headers: Vec::new(), steps: Vec::new(), close: false, bare: false, conditional: false }
    }

    /// 200 with a body and its length.
    pub(crate) fn ok(content_type: &str, body: impl AsRef<[u8]>) -> Self {
        Self::status(200).header("content-type", content_type).body(body)
    }

    /// A redirect; `location` may be relative or nonsense.
    pub(crate) fn redirect(code: u16, location: impl AsRef<[u8]>) -> Self {
        Self::status(code).header("location", location)
    }

    /// Sends these bytes instead of an HTTP answer, then closes.
    pub(crate) fn raw(bytes: impl AsRef<[u8]>) -> Self {
        Self { bare: true, close: true, ..Self::status(0) }.then_send(bytes)
    }

    /// Takes the request and never answers.
    pub(crate) fn silence() -> Self {
        Self { bare: true, ..Self::status(0) }.then_stall()
    }

    /// Adds a header; values may hold any bytes.
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Sends a body; its true length is declared unless a `content-length` or `transfer-encoding` was set.
    pub(crate) fn body(self, body: impl AsRef<[u8]>) -> Self {
        self.then_send(body)
    }

    /// Sends the bytes in chunks of `size` with `Transfer-Encoding: chunked`.
    pub(crate) fn chunked(self, body: impl AsRef<[u8]>, size: usize) -> Self {
        let mut wire = Vec::new();
        for chunk in body.as_ref().chunks(size) {
            wire.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            wire.extend_from_slice(chunk);
            wire.extend_from_slice(b"\r\n");
        }
        wire.extend_from_slice(b"0\r\n\r\n");
        self.header("transfer-encoding", "chunked").then_send(wire)
    }

    /// The body lasts until the connection closes; no length is declared.
    pub(crate) fn until_close(mut self) -> Self {
        self.close = true;
        self
    }

    /// More bytes.
    pub(crate) fn then_send(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.steps.push(Step::Send(bytes.as_ref().to_vec()));
        self
    }

    /// One byte at a time, this far apart.
    pub(crate) fn then_drip(mut self, bytes: impl AsRef<[u8]>, every: Duration) -> Self {
        for byte in bytes.as_ref() {
            self.steps.extend([Step::Wait(every), Step::Send(vec![*byte])]);
        }
        self.until_close()
    }

    /// The same bytes for ever.
    pub(crate) fn then_repeat(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.steps.push(Step::Repeat(bytes.as_ref().to_vec()));
        self.until_close()
    }

    /// Nothing more, connection open.
    pub(crate) fn then_stall(mut self) -> Self {
        self.steps.push(Step::Stall);
        self.until_close()
    }

    /// A TCP reset.
    pub(crate) fn then_reset(mut self) -> Self {
        self.steps.push(Step::Reset);
        self.until_close()
    }

    /// Answers 304 when the request's validators equal this reply's: `If-None-Match` first, and
    /// `If-Modified-Since` in its absence.
    pub(crate) fn conditional(mut self) -> Self {
        self.conditional = true;
        self
    }

    fn value(&self, name: &str) -> Option<&[u8]> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_slice())
    }

    /// This reply, or the 304 that the request's validators earn.
    fn for_request(self, request: &Received) -> Self {
        let matched = match (request.header("if-none-match"), request.header("if-modified-since")) {
            (Some(tag), _) => self.value("etag") == Some(tag),
            (None, Some(date)) => self.value("last-modified") == Some(date),
            (None, None) => false,
        };
        if !(self.conditional && matched) {
            return self;
        }
        let kept = ["etag", "last-modified", "cache-control", "expires", "date"];
        let headers = self.headers.into_iter().filter(|(name, _)| kept.contains(&name.as_str())).collect();
        Self { headers, ..Self::status(304) }
    }

    fn head(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Scripted\r\n", self.code).into_bytes();
        for (name, value) in &self.headers {
            head.extend_from_slice(name.as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value);
            head.extend_from_slice(b"\r\n");
        }
        let framed = self.value("content-length").is_some() || self.value("transfer-encoding").is_some();
        if self.close {
            head.extend_from_slice(b"connection: close\r\n");
        } else if !framed && self.code != 304 {
            let sent = |step: &Step| if let Step::Send(bytes) = step { bytes.len() } else { 0 };
            let length: usize = self.steps.iter().map(sent).sum();
            head.extend_from_slice(format!("content-length: {length}\r\n").as_bytes());
        }
        head.extend_from_slice(b"\r\n");
        head
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) method: String,
    /// The request target, query included.
    pub(crate) target: String,
    /// Names in lower case, in order.
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    /// As long as its `Content-Length` says.
    pub(crate) body: Vec<u8>,
}

impl Received {
    /// The path asked for, without query; of an address in full, too, which is how a proxy is asked (RFC 9112 section
    /// 3.2.2).
    pub(crate) fn path(&self) -> &str {
        let target = self.target.split('?').next().unwrap_or_default();
        let Some((_, after_scheme)) = target.split_once("://") else { return target };
        after_scheme.find('/').map_or("/", |at| after_scheme.split_at(at).1)
    }

    /// The first header of this (lower-case) name.
    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_slice())
    }

    /// The same as text, for assertions.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.header(name).map(|value| String::from_utf8_lossy(value).into_owned())
    }
}

type Respond = Arc<dyn Fn(&Received) -> Reply + Send + Sync>;

#[derive(Clone)]
enum Script {
    Always(Reply),
    /// In turn; the last one stays.
    Queue(VecDeque<Reply>),
    Respond(Respond),
}

#[derive(Default)]
struct State {
    scripts: Mutex<HashMap<String, Script>>,
    received: Mutex<Vec<Received>>,
    connections: AtomicU64,
    ended: AtomicU64,
    an_end: Notify,
    sent_bytes: AtomicU64,
}

impl State {
    /// Logs the request and picks its reply.
    fn reply(&self, request: Received) -> Reply {
        let path = request.path().to_owned();
        let mut scripts = lock(&self.scripts);
        let reply = match scripts.get_mut(&path) {
            None => Reply::status(404),
            Some(Script::Always(reply)) => reply.clone(),
            Some(Script::Queue(queue)) if queue.len() > 1 => queue.pop_front().unwrap(),
            Some(Script::Queue(queue)) => queue.front().cloned().unwrap_or(Reply::status(404)),
            Some(Script::Respond(respond)) => respond(&request),
        };
        drop(scripts);
        let reply = reply.for_request(&request);
        lock(&self.received).push(request);
        reply
    }
}

/// The server. Stops soon after it is dropped, and for certain with [`Server::stop`].
pub(crate) struct Server {
    address: SocketAddr,
    scheme: &'static str,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Listens on 127.0.0.1.
    pub(crate) async fn start() -> Self {
        Self::start_on((Ipv4Addr::LOCALHOST, 0)).await
    }

    /// Listens where asked; port 0 picks one. All of 127.0.0.0/8 is loopback.
    pub(crate) async fn start_on(address: impl Into<SocketAddr>) -> Self {
        Self::launch(address.into(), None).await
    }

    /// Speaks TLS with this certificate.
    pub(crate) async fn start_tls(certificate: &Certificate) -> Self {
        Self::launch((Ipv4Addr::LOCALHOST, 0).into(), Some(certificate.acceptor())).await
    }

    async fn launch(address: SocketAddr, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let state = Arc::new(State::default());
        let accepting = tokio::spawn(accept(listener, tls, Arc::clone(&state)));
        Self { address, scheme, state, accepting }
    }

    /// Stops listening and cuts every connection; returns when nothing answers any more.
    pub(crate) async fn stop(mut self) {
        self.accepting.abort();
        let ended = (&mut self.accepting).await;
        assert!(ended.is_err_and(|error| error.is_cancelled()), "the server ended by itself");
    }

    /// `http://127.0.0.1:PORT/path`.
    pub(crate) fn url(&self, path: &str) -> Url {
        self.url_at(&self.address.ip().to_string(), path)
    }

    /// The same under another host name, for names pinned to this server.
    pub(crate) fn url_at(&self, host: &str, path: &str) -> Url {
        Url::parse(&format!("{}://{host}:{}{path}", self.scheme, self.port())).unwrap()
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Answers a path (without query) with this from now on.
    pub(crate) fn set(&self, path: &str, reply: Reply) {
        self.script(path, Script::Always(reply));
    }

    /// Answers a path with these in turn; the last one stays.
    pub(crate) fn queue(&self, path: &str, replies: impl IntoIterator<Item = Reply>) {
        self.script(path, Script::Queue(replies.into_iter().collect()));
    }

    /// Answers a path with what the closure makes of the request.
    pub(crate) fn respond(&self, path: &str, respond: impl Fn(&Received) -> Reply + Send + Sync + 'static) {
        self.script(path, Script::Respond(Arc::new(respond)));
    }

    fn script(&self, path: &str, script: Script) {
        lock(&self.state.scripts).insert(path.to_owned(), script);
    }

    /// Every request so far.
    pub(crate) fn requests(&self) -> Vec<Received> {
        lock(&self.state.received).clone()
    }

    /// Every request to a path, whatever its query.
    pub(crate) fn requests_to(&self, path: &str) -> Vec<Received> {
        let to_path = |request: &Received| request.path() == path;
        self.requests().into_iter().filter(to_path).collect()
    }

    /// Connections accepted so far.
    pub(crate) fn connections(&self) -> u64 {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Returns once this many connections have come and ended.
    pub(crate) async fn ended(&self, count: u64) {
        loop {
            let next = self.state.an_end.notified();
            if self.state.ended.load(Ordering::SeqCst) >= count {
                return;
            }
            next.await;
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Body and head bytes handed to the network so far.
    pub(crate) fn sent_bytes(&self) -> u64 {
        self.state.sent_bytes.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, state: Arc<State>) {
    // Dropping the set, when the server is dropped, ends every connection.
    let mut serving = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        state.connections.fetch_add(1, Ordering::SeqCst);
        // Head and body go out one by one: without this each answer waits 40 ms for the peer's acknowledgement.
        drop(stream.set_nodelay(true));
        let (tls, state) = (tls.clone(), Arc::clone(&state));
        serving.spawn(async move {
            match tls {
                None => serve(stream, &state).await,
                // A handshake the client refuses is the point of some tests.
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => serve(stream, &state).await,
                    Err(_refused) => {}
                },
            }
            state.ended.fetch_add(1, Ordering::SeqCst);
            state.an_end.notify_waiters();
        });
    }
}

/// A stream that may end in a reset.
trait Peer: AsyncRead + AsyncWrite + Unpin + Send {
    fn reset(self);
}

impl Peer for TcpStream {
    fn reset(self) {
        self.set_zero_linger().unwrap();
    }
}

impl Peer for tokio_rustls::server::TlsStream<TcpStream> {
    fn reset(self) {
        self.into_inner().0.reset();
    }
}

async fn serve<P: Peer>(stream: P, state: &State) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = receive(&mut stream).await {
        let reply = state.reply(request);
        let head = if reply.bare { Vec::new() } else { reply.head() };
        let close = reply.close;
        let steps = std::iter::once(Step::Send(head)).chain(reply.steps);
        for step in steps {
            match step {
                Step::Wait(pause) => tokio::time::sleep(pause).await,
                Step::Stall => std::future::pending().await,
                Step::Reset => return stream.into_inner().reset(),
                Step::Send(bytes) => {
                    if !send(&mut stream, &bytes, state).await {
                        return;
                    }
                }
                Step::Repeat(bytes) => while send(&mut stream, &bytes, state).await {},
            }
        }
        if close {
            // The peer may be gone already.
            drop(stream.shutdown().await);
            return;
        }
    }
}

/// Says whether the peer is still there.
async fn send(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8], state: &State) -> bool {
    let sent = stream.write_all(bytes).await.is_ok() && stream.flush().await.is_ok();
    if sent {
        state.sent_bytes.fetch_add(bytes.len() as u64, Ordering::SeqCst);
    }
    sent
}

/// Largest body of a request, bytes.
const BODY_BYTES_MAX: usize = 1 << 20;

/// Reads a request; `None` when the peer has no more.
async fn receive(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Option<Received> {
    let mut lines = Vec::new();
    loop {
        let mut line = Vec::new();
        let count = stream.read_until(b'\n', &mut line).await.ok()?;
        if count == 0 {
            return None;
        }
        line.truncate(line.trim_ascii_end().len());
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let first = String::from_utf8_lossy(lines.first()?).into_owned();
    let (method, rest) = first.split_once(' ')?;
    let headers = lines.iter().skip(1).filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
        Some((name, line[colon + 1..].trim_ascii_start().to_vec()))
    });
    let target = rest.rsplit_once(' ').map_or(rest, |(target, _version)| target);
    let mut request = Received {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: headers.collect(),
        body: Vec::new(),
    };
    let length = request.text("content-length").and_then(|length| length.parse::<usize>().ok());
    request.body.resize(length.unwrap_or_default().min(BODY_BYTES_MAX), 0);
    stream.read_exact(&mut request.body).await.ok()?;
    Some(request)
}

/// A self-signed certificate, which is its own authority.
pub(crate) struct Certificate {
    certified: rcgen::Certificate,
    key: rcgen::KeyPair,
}

impl Certificate {
    /// Valid now, for these names or addresses.
    pub(crate) fn valid_for(names: &[&str]) -> Self {
        Self::make(names, (2020, 2090))
    }

    /// Ran out long ago.
    pub(crate) fn expired_for(names: &[&str]) -> Self {
        Self::make(names, (2000, 2001))
    }

    fn make(names: &[&str], (from, to): (i32, i32)) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut parameters = rcgen::CertificateParams::new(names).unwrap();
        parameters.not_before = rcgen::date_time_ymd(from, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(to, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        Self { certified: parameters.self_signed(&key).unwrap(), key }
    }

    /// For the client's list of authorities.
    pub(crate) fn pem(&self) -> Vec<u8> {
        self.certified.pem().into_bytes()
    }

    fn acceptor(&self) -> TlsAcceptor {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = rustls::pki_types::PrivateKeyDer::try_from(self.key.serialize_der()).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.certified.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}
