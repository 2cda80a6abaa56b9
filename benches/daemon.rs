//! The daemon as a process: time from start to the first poll, memory when 40 feeds are polled and it idles.
//!
//! Starts the real program on a configuration of 40 feeds served by this benchmark on loopback. Linux only, because
//! memory is read from `/proc`. `cargo bench --bench daemon`; with `--test` one start instead of ten.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const FEEDS: usize = 40;
const WAIT_MAX: Duration = Duration::from_mins(1);

#[expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
fn main() {
    let starts = if std::env::args().any(|argument| argument == "--test") { 1 } else { 10 };
    let (port, polls) = serve();
    let mut first_polls = Vec::new();
    let mut resident_kib = 0;
    for _ in 0..starts {
        let dir = tempfile::tempdir().expect("a temporary directory");
        configure(dir.path(), port);
        while polls.try_recv().is_ok() {}
        let begun = Instant::now();
        let mut daemon = start(dir.path());
        polls.recv_timeout(WAIT_MAX).expect("the first poll");
        first_polls.push(begun.elapsed());
        for _ in 1..FEEDS {
            polls.recv_timeout(WAIT_MAX).expect("a poll of every feed");
        }
        resident_kib = resident_kib.max(settled_memory(daemon.id()));
        daemon.kill().expect("the daemon is ours to end");
        daemon.wait().expect("the daemon ends");
    }
    first_polls.sort_unstable();
    println!("start to first poll, {starts} cold starts: median {:?}", first_polls[starts / 2]);
    println!(
        "resident with {FEEDS} feeds polled, idle, most of {starts}: {:.1} MiB",
        resident_kib as f64 / 1024.0
    );
}

fn start(dir: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_wirewatch"))
        .arg("--config")
        .arg(dir)
        .arg("run")
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the daemon starts")
}

/// Resident memory once it has not changed for a second, KiB.
fn settled_memory(process: u32) -> u64 {
    let mut last = 0;
    for _ in 0..60 {
        std::thread::sleep(Duration::from_secs(1));
        let now = resident_kib(process);
        if now == last {
            break;
        }
        last = now;
    }
    last
}

fn resident_kib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// The shipped topics, 40 feeds on loopback.
fn configure(dir: &Path, port: u16) {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/topics");
    fs::create_dir(dir.join("topics")).expect("a directory");
    for topic in fs::read_dir(shipped).expect("the shipped topics").flatten() {
        fs::copy(topic.path(), dir.join("topics").join(topic.file_name())).expect("a copy");
    }
    let feeds: Vec<String> =
        (0..FEEDS).map(|feed| format!("[[feed]]\nurl = \"http://127.0.0.1:{port}/{feed}\"\n")).collect();
    fs::write(dir.join("feeds.toml"), feeds.concat()).expect("a file");
    let main = "[poll]\nallow_private_addresses = true\nhost_spacing = \"0s\"\nper_host = 8\n[[route]]\nto = [\"a@example.org\"]\n";
    fs::write(dir.join("wirewatch.toml"), main).expect("a file");
}

/// Serves a feed of 40 entries at every path; sends a note for each request.
fn serve() -> (u16, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let port = listener.local_addr().expect("its address").port();
    let (note, notes) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let note = note.clone();
            std::thread::spawn(move || {
                let mut stream = stream;
                let mut request = [0; 4096];
                while let Ok(length) = stream.read(&mut request) {
                    if length == 0 {
                        return;
                    }
                    let path = String::from_utf8_lossy(&request[..length]);
                    let path =
                        path.split_whitespace().nth(1).unwrap_or("/").trim_start_matches('/').to_owned();
                    if note.send(()).is_err() || stream.write_all(&answer(&path)).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (port, notes)
}

fn answer(feed: &str) -> Vec<u8> {
    let text = "The council met and talked about roads, water and the harvest for a long time. ".repeat(8);
    let items: Vec<String> = (0..40)
        .map(|item| {
            format!(
                "<item><guid>{feed}-{item}</guid><link>https://site{feed}.example/{item}</link>\
                 <title>Story {item} of site {feed} about the harvest</title><description>{text}</description></item>"
            )
        })
        .collect();
    let body = format!(
        "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>{feed}</title>{}</channel></rss>",
        items.concat()
    );
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/rss+xml\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body.into_bytes()].concat()
}
