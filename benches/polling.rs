//! The schedule under load: 20,000 feeds, each on a host of its own, all answering 304, every 15 minutes.
//!
//! The real program polls a server in this process; every feed has a loopback address of its own, so that no gate makes it
//! wait for another. The database is prepared as after a first round, with due times spread over the interval, and one
//! window of it is watched. Told are how late requests arrive after they were due, the share of one core, and memory.
//! Linux only (`/proc`, all of 127.0.0.0/8). `cargo bench --bench polling`; with `--test` 200 feeds for some seconds.
//! `--feeds N` and `--window SECONDS` measure something else.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::collections::HashMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wirewatch::article::publisher::host_key;
use wirewatch::config::{self, Config, Environment};
use wirewatch::daemon::now;
use wirewatch::feed::answer::AnswerKind;
use wirewatch::feed::host::HostState;
use wirewatch::feed::schedule::after;
use wirewatch::feed::state::FeedState;
use wirewatch::store::{Durability, FILE_NAME, Writer};

const INTERVAL: Duration = Duration::from_mins(15);

/// Time for the daemon to start before the first feed is due.
const START_FOR: Duration = Duration::from_secs(15);

/// What comes due in this time at the beginning is not part of the window: connections and caches are cold.
const WARM_UP: Duration = Duration::from_secs(10);

/// Clock ticks a second in `/proc/PID/stat`, as on all Linux architectures we run on.
const TICKS: f64 = 100.0;

/// When the request for each feed arrived, by its address.
type Arrivals = Arc<Mutex<HashMap<IpAddr, Timestamp>>>;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| -> Option<u64> {
        let place = arguments.iter().position(|argument| argument == name)?;
        arguments.get(place + 1)?.parse().ok()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    if arguments.iter().any(|argument| argument == "--test") {
        return runtime.block_on(measure(200, Duration::from_secs(20), Duration::from_secs(5)));
    }
    let window = Duration::from_secs(value("--window").unwrap_or(120));
    match value("--feeds") {
        Some(feeds) => runtime.block_on(measure(feeds, INTERVAL, window)),
        None => {
            for feeds in [500, 20_000] {
                runtime.block_on(measure(feeds, INTERVAL, window));
            }
        }
    }
}

/// Prepares that many feeds, due over `spread`, and watches a window of it.
async fn measure(feeds: u64, spread: Duration, window: Duration) {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let arrivals = Arrivals::default();
    let serving = tokio::spawn(serve(listener, Arc::clone(&arrivals)));

    let dir = tempfile::tempdir().expect("a temporary directory");
    let config = configure(dir.path(), port, feeds);
    let first_due = after(now(), START_FOR);
    let due = prepare(&config, first_due, spread);
    let mut daemon = start(dir.path());
    sleep_until(after(first_due, WARM_UP)).await;
    let (begun, cpu_before) = (Instant::now(), cpu_seconds(daemon.id()));
    let (from, to) = (after(first_due, WARM_UP), after(first_due, WARM_UP + window));
    sleep_until(to).await;
    let share = (cpu_seconds(daemon.id()) - cpu_before) / begun.elapsed().as_secs_f64();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    // Who is late may still come.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (resident, most) = (memory_kib(daemon.id(), "VmRSS:"), memory_kib(daemon.id(), "VmHWM:"));
    daemon.kill().expect("the daemon is ours to end");
    daemon.wait().expect("the daemon ends");
    serving.abort();

    let arrived = arrivals.lock().expect("no panic elsewhere");
    let mut late = Vec::new();
    let (mut missing, mut early) = (0, 0);
    for (address, due_at) in due.iter().filter(|(_, due_at)| (from..to).contains(due_at)) {
        match arrived.get(address) {
            Some(at) if at < due_at => early += 1,
            Some(at) => late.push(Duration::try_from(at.duration_since(*due_at)).unwrap_or_default()),
            None => missing += 1,
        }
    }
    late.sort_unstable();
    let at = |percent: usize| late.get(late.len() * percent / 100).copied().unwrap_or_default();
    println!(
        "{feeds} feeds, {window:?} of {spread:?}: {} requests, {missing} missing, {early} early",
        late.len()
    );
    println!(
        "  late: median {:?}, p99 {:?}, most {:?}",
        at(50),
        at(99),
        late.last().copied().unwrap_or_default()
    );
    println!(
        "  {:.1} % of one core, {:.1} MiB resident, {:.1} MiB at most; load of the machine {}",
        share * 100.0,
        resident as f64 / 1024.0,
        most as f64 / 1024.0,
        load.split_whitespace().next().unwrap_or("unknown")
    );
    assert!(missing == 0 && early == 0 && !late.is_empty(), "the schedule was not kept");
}

async fn sleep_until(at: Timestamp) {
    tokio::time::sleep(Duration::try_from(at.duration_since(now())).unwrap_or_default()).await;
}

/// The address of a feed: 127.1.0.0 and up.
fn address(feed: u64) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x7f01_0000 + u32::try_from(feed).unwrap_or(u32::MAX))
}

/// The shipped topics and that many feeds.
fn configure(dir: &Path, port: u16, feeds: u64) -> Config {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/topics");
    fs::create_dir(dir.join("topics")).expect("a directory");
    for topic in fs::read_dir(shipped).expect("the shipped topics").flatten() {
        fs::copy(topic.path(), dir.join("topics").join(topic.file_name())).expect("a copy");
    }
    let feed = |feed: u64| format!("[[feed]]\nurl = \"http://{}:{port}/feed\"\n", address(feed));
    fs::write(dir.join("feeds.toml"), (0..feeds).map(feed).collect::<String>()).expect("a file");
    let main = "[poll]\nallow_private_addresses = true\n[[route]]\nto = [\"a@example.org\"]\n";
    fs::write(dir.join("wirewatch.toml"), main).expect("a file");
    config::load(dir, &Environment::default()).expect("a configuration that can run").config
}

/// The database as after a first round. Answers when each feed is due.
fn prepare(config: &Config, first_due: Timestamp, spread: Duration) -> HashMap<IpAddr, Timestamp> {
    let mut writer = Writer::open(&config.data_dir.join(FILE_NAME), Durability::None).expect("a database");
    let tx = writer.begin().expect("a transaction");
    let mut due = HashMap::new();
    let count = config.feeds.len() as u64;
    for (index, feed) in (0_u64..).zip(&config.feeds) {
        // In an order of its own, so that neighbours in the file are not neighbours in time.
        let place = index * 7_919 % count;
        let due_at = after(first_due, spread.mul_f64(place as f64 / count as f64));
        let polled_at = due_at - jiff::SignedDuration::try_from(INTERVAL).expect("a quarter of an hour");
        let state = FeedState {
            etag: Some(b"\"1\"".to_vec()),
            first_success_at: Some(polled_at),
            last_polled_at: Some(polled_at),
            last_success_at: Some(polled_at),
            last_reached_at: Some(polled_at),
            validators_at: Some(polled_at),
            next_due_at: Some(due_at),
            last_answer: AnswerKind::NotModified,
            ..FeedState::default()
        };
        let row = tx.feed(feed).expect("a row");
        tx.save_feed(row.id, &state, None).expect("its state");
        let host = HostState { last_asked_at: Some(polled_at), ..HostState::default() };
        tx.save_host(&host_key(&feed.url), &host).expect("its host");
        due.insert(IpAddr::V4(address(index)), due_at);
    }
    tx.commit().expect("a commit");
    due
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

/// Answers every request with 304 and notes when it came, and for whom.
async fn serve(listener: TcpListener, arrivals: Arrivals) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer(stream, Arc::clone(&arrivals)));
    }
}

async fn answer(mut stream: TcpStream, arrivals: Arrivals) {
    const NOT_MODIFIED: &[u8] = b"HTTP/1.1 304 Not Modified\r\netag: \"1\"\r\n\r\n";
    let Ok(asked) = stream.local_addr() else { return };
    let mut request = [0; 4096];
    while let Ok(length) = stream.read(&mut request).await {
        if length == 0 {
            return;
        }
        arrivals.lock().expect("no panic elsewhere").entry(asked.ip()).or_insert_with(now);
        if stream.write_all(NOT_MODIFIED).await.is_err() {
            return;
        }
    }
}

/// Seconds of processor time a process has used.
fn cpu_seconds(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name of the program, in brackets, may hold blanks.
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let field = |index: usize| -> f64 {
        after_name.split_whitespace().nth(index).and_then(|ticks| ticks.parse().ok()).unwrap_or_default()
    };
    (field(11) + field(12)) / TICKS
}

fn memory_kib(process: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
