//! A desk: a configuration directory, a data directory, and the real binary run on them.
//!
//! Owns temporary directories, the processes started in them and the one place where tests wait
//! ([`eventually`]). A process that outlives its test is killed. It knows the product only by its files,
//! its database and what it prints.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "what was skipped is said")]

use std::cell::Cell;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::types::FromSql;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use tempfile::TempDir;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_wirewatch");

/// How long anything may take on a busy machine before the test gives up.
const PATIENCE: Duration = Duration::from_mins(1);

/// Settings under which loopback servers are polled as fast as the owner may ask for.
pub(crate) const FAST: &str = "[poll]\ninterval = \"1s\"\nmin_interval = \"1s\"\nhost_spacing = \"0s\"\n\
     allow_private_addresses = true\ntimeout = \"20s\"\n";

/// Who is told.
pub(crate) const ROUTE: &str = "[[route]]\nto = [\"desk@example.org\"]\n";

/// Waits until the probe finds something; the only place of the tests that pauses.
pub(crate) fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let begun_at = Instant::now();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(begun_at.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(15));
    }
}

/// `[mail]` for a loopback SMTP server.
pub(crate) fn mail(server: SocketAddr) -> String {
    format!(
        "[mail]\nserver = \"smtp://{server}?tls=none\"\nfrom = \"Wirewatch <alerts@example.org>\"\n\
         retry_initial = \"1s\"\nretry_max = \"1s\"\ntimeout = \"20s\"\n"
    )
}

/// A directory tree for one installation.
pub(crate) struct Desk {
    root: TempDir,
    run_count: Cell<u32>,
}

/// A process that ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The same, once the code is what it must be.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Standard output as JSON Lines.
    #[track_caller]
    pub(crate) fn json(&self) -> Vec<Value> {
        let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        self.out.lines().map(read).collect()
    }
}

/// A process that runs; killed when dropped.
pub(crate) struct Running {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Running {
    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.err).unwrap()).into_owned()
    }

    /// Waits until it logs this.
    pub(crate) fn logged(&mut self, words: &str) {
        eventually(&format!("the log says {words:?}"), || {
            let log = self.log();
            if log.contains(words) {
                return Some(());
            }
            assert!(self.child.try_wait().unwrap().is_none(), "it ended without {words:?}:\n{log}");
            None
        });
    }

    /// Sends a signal: `TERM`, `HUP`, `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) -> Ran {
        self.child.kill().unwrap();
        self.ended()
    }

    /// Asks it to stop, and waits.
    pub(crate) fn stop(self) -> Ran {
        self.signal("TERM");
        self.ended()
    }

    /// Waits for its end.
    pub(crate) fn ended(mut self) -> Ran {
        let status = eventually("the program ends", || self.child.try_wait().unwrap());
        let read = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        Ran { code: status.code(), out: read(&self.out), err: read(&self.err) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Desk {
    /// A configuration with this main file (after `data_dir`), two of the shipped topics, and no feeds.
    pub(crate) fn new(main: &str) -> Self {
        let desk = Self { root: TempDir::new().unwrap(), run_count: Cell::new(0) };
        desk.main(main);
        desk.write("feeds.toml", "");
        for topic in ["aid-blockage", "ceasefire-breakdown"] {
            let name = format!("topics/{topic}.toml");
            let text = fs::read_to_string(shipped(&name)).unwrap();
            desk.write(&name, &alone(&text));
        }
        desk
    }

    /// Replaces the main file.
    pub(crate) fn main(&self, main: &str) {
        self.write("wirewatch.toml", &format!("data_dir = \"../data\"\n{main}"));
    }

    /// Writes the list of feeds.
    pub(crate) fn feeds<U: AsRef<str>>(&self, urls: impl IntoIterator<Item = U>) {
        let feed = |url: U| format!("[[feed]]\nurl = \"{}\"\n", url.as_ref());
        self.write("feeds.toml", &urls.into_iter().map(feed).collect::<String>());
    }

    /// Writes a file of the configuration.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.config().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes a file beside the configuration.
    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path("config")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// A command in the desk's directory and in an environment that holds nothing of ours.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command.env("TMPDIR", self.root.path()).env("WIREWATCH_CONFIG", self.config());
        command.current_dir(self.root.path()).stdin(Stdio::null());
        command
    }

    /// The program with these arguments.
    pub(crate) fn program(&self, args: &[&str]) -> Command {
        let mut command = self.command(PROGRAM);
        command.args(args);
        command
    }

    /// Starts a command; its output goes to files.
    pub(crate) fn spawn(&self, mut command: Command) -> Running {
        let count = self.run_count.get() + 1;
        self.run_count.set(count);
        let (out, err) = (self.path(&format!("{count}.out")), self.path(&format!("{count}.err")));
        command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
        Running { child: command.spawn().unwrap(), out, err }
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.spawn(self.program(args)).ended()
    }

    /// The same, with this on standard input.
    pub(crate) fn run_with(&self, args: &[&str], input: impl AsRef<[u8]>) -> Ran {
        let file = File::open(self.file("input", input)).unwrap();
        let mut command = self.program(args);
        command.stdin(file);
        self.spawn(command).ended()
    }

    /// Starts the daemon.
    pub(crate) fn start(&self) -> Running {
        self.spawn(self.program(&["run"]))
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.data().join("wirewatch.db")
    }

    /// One value of the database; `None` while it is not there.
    pub(crate) fn ask<T: FromSql>(&self, sql: &str) -> Option<T> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let connection = Connection::open_with_flags(self.database(), flags).ok()?;
        connection.busy_timeout(Duration::from_secs(10)).unwrap();
        connection.query_row(sql, [], |row| row.get(0)).ok()
    }

    /// A count of the database.
    #[track_caller]
    pub(crate) fn count(&self, from: &str) -> i64 {
        self.ask(&format!("SELECT count(*) FROM {from}")).unwrap()
    }

    /// Changes the database, as time alone would.
    pub(crate) fn change(&self, sql: &str) {
        let connection = Connection::open(self.database()).unwrap();
        connection.busy_timeout(Duration::from_secs(10)).unwrap();
        connection.execute_batch(sql).unwrap();
    }

    /// Makes every feed due now.
    pub(crate) fn make_due(&self) {
        self.change("UPDATE feeds SET next_due_at = 1");
    }
}

/// A topic without its rules about other topics, which a desk of two does not have.
fn alone(topic: &str) -> String {
    let mut is_rule = false;
    let kept = topic.lines().filter(|line| {
        if line.starts_with('[') {
            is_rule = line.starts_with("[[alert.sequence]]") || line.starts_with("[[alert.together]]");
        }
        !is_rule
    });
    kept.collect::<Vec<_>>().join("\n") + "\n"
}

/// The clock, for entries that are news.
#[expect(clippy::disallowed_methods, reason = "what is polled for real must be dated for real")]
pub(crate) fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// An RSS document.
pub(crate) fn rss(items: &str) -> String {
    format!("<rss version=\"2.0\"><channel><title>World</title>{items}</channel></rss>")
}

/// An RSS item published this many hours ago.
pub(crate) fn item(name: &str, title: &str, text: &str, hours_ago: i64) -> String {
    let at = now() - jiff::SignedDuration::from_hours(hours_ago);
    let date = at.strftime("%a, %d %b %Y %H:%M:%S GMT");
    format!(
        "<item><guid isPermaLink=\"false\">{name}</guid><link>https://news.example.org/{name}</link>\
         <title>{title}</title><description>{text}</description><pubDate>{date}</pubDate></item>"
    )
}

/// An answer that is such a document.
pub(crate) fn feed(items: &str) -> super::http::Reply {
    super::http::Reply::ok("application/rss+xml", rss(items))
}

/// A path in the repository's own configuration.
pub(crate) fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name)
}

/// A path in the data beside the repository; says that the test is skipped when it is absent.
pub(crate) fn data_beside(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is not there", path.display());
    None
}
