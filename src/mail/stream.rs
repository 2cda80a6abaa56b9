//! The plain connection under an SMTP session.
//!
//! Owns two limits lettre does not keep. Until TLS starts, bytes are handed on one at a time, so that nothing
//! sent ahead of the handshake waits in lettre's buffer to be taken for an encrypted reply (CVE-2021-38371 and
//! its kin). And a session reads a bounded number of bytes, so that a line without an end cannot fill memory.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Bytes one session may read. A whole dialogue with its certificates is some 10 KiB.
const READ_BYTES_MAX: usize = 1 << 20;

/// First octet of a handshake record (RFC 8446 section 5.1).
const TLS_HANDSHAKE: u8 = 22;

#[derive(Debug)]
pub(super) struct Guarded {
    inner: TcpStream,
    encrypting: bool,
    left: usize,
}

impl Guarded {
    /// Wraps a connection that speaks in clear text so far.
    pub(super) fn new(inner: TcpStream) -> Self {
        Self { inner, encrypting: false, left: READ_BYTES_MAX }
    }
}

impl AsyncTokioStream for Guarded {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.peer_addr()
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            return Poll::Ready(Err(io::Error::other("the server sent more than a mail session can need")));
        }
        let allowed = if self.encrypting { self.left } else { 1 };
        let mut part = [0_u8; 4096];
        let size = allowed.min(buf.remaining()).min(part.len());
        let Some(window) = part.get_mut(..size) else { return Poll::Ready(Ok(())) };
        let mut window = ReadBuf::new(window);
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut window))?;
        buf.put_slice(window.filled());
        self.left -= window.filled().len();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        // A TLS record starts with its type, 22 for the handshake; no SMTP command starts so.
        self.encrypting |= bytes.first() == Some(&TLS_HANDSHAKE);
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
