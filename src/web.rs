//! The door for callers: an HTTP server on `[web] listen`.
//!
//! Owns `axum`, the router and the limits towards strangers: connections at a time, bytes and time for a head, time for
//! a connection. What is served stands in files of its own; [`callback`] is where hubs knock, [`follow_up`] where links in mails
//! lead. Refuses TLS, which is the
//! business of the reverse proxy in front, and refuses to know the store: it hands calls in and takes answers.

pub mod callback;
pub mod follow_up;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use self::callback::Callbacks;
use self::follow_up::FollowUps;

/// How the door behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Connections at a time; one more waits until another ends.
    pub connections_max: usize,
    /// Time for the head of a request, from the end of the request before it.
    pub head_timeout: Duration,
    /// Time for a connection with all its requests.
    pub connection_timeout: Duration,
}

impl Options {
    /// The defaults for an address.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            connections_max: 256,
            head_timeout: Duration::from_secs(10),
            connection_timeout: Duration::from_mins(2),
        }
    }
}

/// Largest head of a request, bytes.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// Header lines in a head.
const HEADERS_MAX: usize = 64;

/// Time for requests under way when the door closes.
const CLOSE_FOR: Duration = Duration::from_secs(3);

/// Wait after the operating system refused a connection, for want of files for example.
const REFUSED_WAIT: Duration = Duration::from_millis(200);

/// Why the door cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {listen} (web.listen): {reason}")]
pub struct WebError {
    /// Where.
    pub listen: SocketAddr,
    /// Why not.
    #[source]
    pub reason: io::Error,
}

impl WebError {
    /// What the owner can do.
    pub fn hint(&self) -> &'static str {
        match self.reason.kind() {
            io::ErrorKind::AddrInUse => "another program listens there; choose another port for web.listen",
            io::ErrorKind::PermissionDenied => {
                "ports below 1024 are for root; choose a higher one and let the reverse proxy take 443"
            }
            io::ErrorKind::AddrNotAvailable => "this machine has no such address; 127.0.0.1 always works",
            _ => "choose another address for web.listen",
        }
    }
}

/// The open door.
#[derive(Debug)]
pub struct Web {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Web {
    /// Opens it.
    pub async fn open(
        options: Options,
        callbacks: Callbacks,
        follow_ups: FollowUps,
    ) -> Result<Self, WebError> {
        let failed = |reason| WebError { listen: options.listen, reason };
        let listener = TcpListener::bind(options.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (stop, stopped) = watch::channel(false);
        let router = callback::routes(callbacks).merge(follow_up::routes(follow_ups));
        let accepting = tokio::spawn(accept(listener, router, options, stopped));
        Ok(Self { address, stop, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, lets requests under way end, and closes.
    pub async fn close(self) {
        self.stop.send_replace(true);
        // A panic in it was said by the runtime already.
        drop(self.accepting.await);
    }
}

async fn accept(listener: TcpListener, router: Router, options: Options, mut stopped: watch::Receiver<bool>) {
    let permits = Arc::new(Semaphore::new(options.connections_max));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            (stream, permit) = next(&listener, &permits) => {
                connections.spawn(serve(stream, permit, router.clone(), options.clone(), stopped.clone()));
            }
            Some(_) = connections.join_next() => {}
            _ = stopped.changed() => break,
        }
    }
    drop(listener);
    let ended = timeout(CLOSE_FOR, async { while connections.join_next().await.is_some() {} }).await;
    if ended.is_err() {
        connections.shutdown().await;
    }
}

/// The next connection, once there is room for it.
async fn next(listener: &TcpListener, permits: &Arc<Semaphore>) -> (TcpStream, OwnedSemaphorePermit) {
    loop {
        let Ok(permit) = Arc::clone(permits).acquire_owned().await else {
            // Nobody closes it.
            return std::future::pending().await;
        };
        match listener.accept().await {
            Ok((stream, _)) => return (stream, permit),
            Err(_) => tokio::time::sleep(REFUSED_WAIT).await,
        }
    }
}

/// Serves one connection to its end, or to the end of its time.
async fn serve(
    stream: TcpStream,
    permit: OwnedSemaphorePermit,
    router: Router,
    options: Options,
    mut stopped: watch::Receiver<bool>,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(options.head_timeout)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    let served = timeout(options.connection_timeout, async {
        tokio::select! {
            served = connection.as_mut() => served,
            _ = stopped.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    });
    // Strangers break off as they like.
    drop(served.await);
    drop(permit);
}
