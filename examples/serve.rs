//! Serves the files of a directory over HTTP, on a free port of this machine, and prints its address: a publisher
//! to try a configuration on. `cargo run --example serve -- DIR`
//!
//! Owns just enough HTTP for a poll: one GET per connection, no caching headers. Refuses paths that leave DIR.

use std::ffi::OsStr;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs};

/// Largest request head, bytes.
const HEAD_BYTES_MAX: u64 = 16 << 10;

fn main() -> io::Result<()> {
    let Some(dir) = env::args_os().nth(1).map(PathBuf::from) else {
        return Err(io::Error::other("usage: serve DIR"));
    };
    let listener = TcpListener::bind("127.0.0.1:0")?;
    writeln!(io::stdout(), "http://{}", listener.local_addr()?)?;
    for stream in listener.incoming() {
        if let Err(error) = stream.and_then(|stream| answer(&stream, &dir)) {
            writeln!(io::stderr(), "a request failed: {error}")?;
        }
    }
    Ok(())
}

fn answer(mut stream: &TcpStream, dir: &Path) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut lines = BufReader::new(stream.take(HEAD_BYTES_MAX)).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    // The rest of the head is read, or closing the connection would reset it.
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let name = request.split(' ').nth(1).unwrap_or_default().trim_start_matches('/');
    let is_plain = !name.split('/').any(|part| part.is_empty() || part == "..");
    let Some(body) = is_plain.then(|| fs::read(dir.join(name)).ok()).flatten() else {
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    };
    let kind = match Path::new(name).extension().and_then(OsStr::to_str) {
        Some("xml") => "application/xml",
        Some("json") => "application/json",
        _ => "text/html",
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    stream.write_all(&body)
}
