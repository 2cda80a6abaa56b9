//! A proxy on loopback: HTTP (`CONNECT`, and addresses in full) and SOCKS5 with names, on one port.
//!
//! Owns what it was asked and by whom. Wherever it is asked to connect, it connects to the one address it was given,
//! so that names lead there that no DNS knows. Refuses to judge: tests read [`Proxy::asked`].

#![allow(clippy::unwrap_used, reason = "a test stops where its world is not as it must be")]

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// How it treats who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Lets everybody through.
    Open,
    /// Wants this user and password.
    Account(&'static str, &'static str),
    /// SOCKS: this reply (RFC 1928 section 6).
    Reply(u8),
    /// HTTP: this status, whatever it is asked in.
    Status(u16),
    /// Takes the connection and says nothing.
    Silent,
}

/// What it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// `socks`, `connect` or `forward`.
    pub(crate) how: &'static str,
    /// Host and port, as they were named.
    pub(crate) target: String,
    /// SOCKS: `user:password`; HTTP: the value of `Proxy-Authorization`.
    pub(crate) account: Option<String>,
}

/// The proxy. It ends when it is dropped.
pub(crate) struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    accepting: JoinHandle<()>,
}

#[derive(Clone)]
struct Desk {
    leads_to: SocketAddr,
    manner: Manner,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Proxy {
    pub(crate) async fn start(leads_to: SocketAddr, manner: Manner) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::default();
        let desk = Desk { leads_to, manner, asked: Arc::clone(&asked) };
        let accepting = tokio::spawn(async move {
            let mut serving = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let desk = desk.clone();
                // A client that goes away in the middle is no concern of the proxy.
                serving.spawn(async move { desk.serve(stream).await.unwrap_or_default() });
            }
        });
        Self { address, asked, accepting }
    }

    /// `scheme://127.0.0.1:PORT`; `account` is empty or `user:password@`.
    pub(crate) fn url(&self, scheme: &str, account: &str) -> String {
        format!("{scheme}://{account}{}", self.address)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn targets(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.target).collect()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Desk {
    fn note(&self, how: &'static str, target: String, account: Option<String>) {
        self.asked.lock().unwrap().push(Asked { how, target, account });
    }

    async fn serve(self, stream: TcpStream) -> Option<()> {
        if self.manner == Manner::Silent {
            return std::future::pending().await;
        }
        let mut first = [0];
        stream.peek(&mut first).await.ok()?;
        if first == [5] { self.socks(stream).await } else { self.http(stream).await }
    }

    async fn socks(self, mut stream: TcpStream) -> Option<()> {
        let mut greeting = [0; 2];
        stream.read_exact(&mut greeting).await.ok()?;
        let mut methods = vec![0; usize::from(greeting[1])];
        stream.read_exact(&mut methods).await.ok()?;
        if let Manner::Status(code) = self.manner {
            return stream.write_all(format!("HTTP/1.1 {code} No\r\n\r\n").as_bytes()).await.ok();
        }
        let mut account = None;
        if let Manner::Account(user, password) = self.manner {
            // RFC 1929.
            stream.write_all(if methods.contains(&2) { &[5, 2] } else { &[5, 0xff] }).await.ok()?;
            stream.read_u8().await.ok()?;
            let given = (text(&mut stream).await?, text(&mut stream).await?);
            account = Some(format!("{}:{}", given.0, given.1));
            let accepted = given == (user.to_owned(), password.to_owned());
            stream.write_all(&[1, u8::from(!accepted)]).await.ok()?;
        } else {
            stream.write_all(&[5, 0]).await.ok()?;
        }
        let mut head = [0; 4];
        stream.read_exact(&mut head).await.ok()?;
        let host = match head[3] {
            1 => Ipv4Addr::from_bits(stream.read_u32().await.ok()?).to_string(),
            4 => Ipv6Addr::from_bits(stream.read_u128().await.ok()?).to_string(),
            _ => text(&mut stream).await?,
        };
        let port = stream.read_u16().await.ok()?;
        self.note("socks", format!("{host}:{port}"), account);
        let reply = if let Manner::Reply(code) = self.manner { code } else { 0 };
        stream.write_all(&[5, reply, 0, 1, 0, 0, 0, 0, 0, 0]).await.ok()?;
        if reply == 0 { self.join(stream, &[]).await } else { None }
    }

    async fn http(self, mut stream: TcpStream) -> Option<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.ok()?);
        }
        let shown = String::from_utf8_lossy(&head).into_owned();
        let mut words = shown.split(' ');
        let (method, target) = (words.next()?, words.next()?.to_owned());
        let account = shown.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("proxy-authorization").then(|| value.to_owned())
        });
        let is_tunnel = method == "CONNECT";
        let host = target.strip_prefix("http://").unwrap_or(&target).split('/').next()?.to_owned();
        self.note(if is_tunnel { "connect" } else { "forward" }, host, account.clone());
        let refusal = match self.manner {
            Manner::Status(code) => Some(code),
            Manner::Account(..) if account.is_none() => Some(407),
            _ => None,
        };
        if let Some(code) = refusal {
            let answer = format!("HTTP/1.1 {code} No\r\ncontent-length: 0\r\n\r\n");
            return stream.write_all(answer.as_bytes()).await.ok();
        }
        if is_tunnel {
            stream.write_all(b"HTTP/1.1 200 Go\r\n\r\n").await.ok()?;
            return self.join(stream, &[]).await;
        }
        self.join(stream, &head).await
    }

    async fn join(self, mut stream: TcpStream, head: &[u8]) -> Option<()> {
        let mut there = TcpStream::connect(self.leads_to).await.ok()?;
        there.write_all(head).await.ok()?;
        copy_bidirectional(&mut stream, &mut there).await.ok().map(drop)
    }
}

/// A text after its length.
async fn text(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = vec![0; usize::from(stream.read_u8().await.ok()?)];
    stream.read_exact(&mut bytes).await.ok()?;
    String::from_utf8(bytes).ok()
}
