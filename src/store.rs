//! The door to `SQLite`: one database file, one writer, any number of readers.
//!
//! Owns `rusqlite`, the pragmas, the migrations and all SQL, behind coarse operations ([`feeds`], [`hosts`], [`articles`],
//! [`stories`], [`incidents`], [`outbox`], [`health`],
//! [`audit`]). A [`Writer`] hands out transactions; what a poll brought commits in one of them.
//! Refuses to decide anything: it loads what decisions need and keeps what they came to.

pub mod articles;
pub mod audience;
pub mod audit;
pub mod bulletins;
pub mod corrections;
pub mod counting;
pub mod counts;
mod cues;
pub mod dossier;
pub mod feeds;
pub mod follow_up;
pub mod gaps;
pub mod health;
pub mod hosts;
pub mod incidents;
pub mod labels;
pub mod letters;
pub mod outbox;
pub mod pages;
pub mod pulse;
pub mod recording;
pub mod refusals;
pub mod report;
pub mod requests;
pub mod routing;
pub mod silences;
pub mod sizes;
pub mod stories;
pub mod subscriptions;
pub mod told;
pub mod words;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, ffi};
use rusqlite_migration::{M, Migrations};

/// The database's file name in `data_dir`.
pub const FILE_NAME: &str = "wirewatch.db";

const LOCK_NAME: &str = "wirewatch.lock";

/// How long the writer waits for another program that holds the database.
const BUSY_FOR: Duration = Duration::from_secs(5);

/// Migrations, in order; append only. Each runs in a transaction of its own.
const MIGRATIONS: &[M<'static>] = &[
    M::up(include_str!("../migrations/0001_create_tables.sql")),
    M::up(include_str!("../migrations/0002_extend_feeds.sql")),
    M::up(include_str!("../migrations/0003_create_gaps.sql")),
    M::up(include_str!("../migrations/0004_widen_alerts.sql")).foreign_key_check(),
    M::up(include_str!("../migrations/0005_create_subscriptions.sql")),
    M::up(include_str!("../migrations/0006_create_poll_requests.sql")),
    M::up(include_str!("../migrations/0007_create_page_requests.sql")),
    M::up(include_str!("../migrations/0008_mark_feeds.sql")),
    M::up(include_str!("../migrations/0009_note_who_answered.sql")),
    M::up(include_str!("../migrations/0010_explain_gaps.sql")),
    M::up(include_str!("../migrations/0011_note_hosts_of_redirects.sql")),
    M::up(include_str!("../migrations/0012_add_labels.sql")),
    M::up(include_str!("../migrations/0013_keep_sketches.sql")),
    M::up(include_str!("../migrations/0014_hold_alerts.sql")),
    M::up(include_str!("../migrations/0015_track_deliveries.sql")),
    M::up(include_str!("../migrations/0016_widen_incidents.sql")),
    M::up(include_str!("../migrations/0017_create_audit.sql")),
    M::up(include_str!("../migrations/0018_count_reports.sql")),
    M::up(include_str!("../migrations/0019_add_pictures.sql")),
    M::up(include_str!("../migrations/0020_note_refusals.sql")),
    M::up(include_str!("../migrations/0021_lapse_arrivals.sql")),
    M::up(include_str!("../migrations/0022_note_sweeps.sql")),
];

/// What can go wrong with the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory or the file cannot be made or opened.
    #[error("cannot open the database {path}: {reason}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Another `wirewatch run` has it.
    #[error("another wirewatch is running on {path}")]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// There is no database yet, or one that nothing was written to.
    #[error("there is no database {path} yet; wirewatch run makes it")]
    Missing {
        /// Where it would be.
        path: PathBuf,
    },
    /// An older wirewatch wrote it, and this one has not run on it yet.
    #[error(
        "the database {path} is from an older wirewatch (schema {found}, this one reads {known}); wirewatch run brings it up to date"
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: usize,
        /// The version this program reads.
        known: usize,
    },
    /// A newer wirewatch wrote it.
    #[error(
        "the database {path} is from a newer wirewatch (schema {found}, this one knows {known}); nothing was changed"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: usize,
        /// The newest version this program knows.
        known: usize,
    },
    /// The disk is full.
    #[error(
        "the disk is full: the database cannot be written; what was being stored is asked for again later"
    )]
    DiskFull,
    /// The disk takes or gives nothing (a quota, a size limit, a fault).
    #[error("the disk refuses: {0}; what was being stored is asked for again later")]
    Disk(String),
    /// The file is damaged.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// Anything else `SQLite` says.
    #[error("database error: {0}")]
    Sql(rusqlite::Error),
    /// The operating system has no random bytes for a key.
    #[error("the operating system has no random bytes; no key can be made")]
    NoRandomness,
    /// A value in the database does not read back.
    #[error("the database holds something unreadable in {0}")]
    Unreadable(&'static str),
}

impl StoreError {
    /// What the owner can do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "start wirewatch run, or check --config and data_dir",
            Self::Older { .. } => "start wirewatch run (or wirewatch run --once) of this version once",
            Self::Open { .. } => "check that data_dir exists and that this user may write in it",
            Self::InUse { .. } => "stop the other one (systemctl stop wirewatch), or use another data_dir",
            Self::Newer { .. } => "install the newer wirewatch again, or point data_dir at an older backup",
            Self::DiskFull => "free some space; wirewatch goes on by itself",
            Self::Disk(_) => "look at free space, quotas and the disk's health; wirewatch goes on by itself",
            Self::Damaged(_) => "restore a backup, or save what can be read: sqlite3 wirewatch.db .recover",
            Self::Sql(_) if self.is_passing() => {
                "another program holds the database; wirewatch goes on when it lets go"
            }
            Self::NoRandomness => "make /dev/urandom or getrandom(2) available to wirewatch",
            Self::Sql(_) | Self::Unreadable(_) => "run wirewatch db check",
        }
    }

    /// Whether the same work may succeed later without anybody changing wirewatch or its database: the disk has no
    /// room now, or another program holds the file.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::DiskFull | Self::Disk(_) => true,
            Self::Sql(error) => {
                matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
            }
            _ => false,
        }
    }

    /// A file beside the database that could not be made: for want of room, or because of what it is.
    fn of_file(path: &Path, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::Open { path: path.to_owned(), reason: error.to_string() },
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            // The shared memory of the write-ahead log is a small file that SQLite makes room for before it writes:
            // this is how a disk without a single free block shows when the database is opened.
            Some(ErrorCode::SystemIoFailure)
                if error
                    .sqlite_error()
                    .is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_SHMSIZE) =>
            {
                Self::DiskFull
            }
            Some(ErrorCode::SystemIoFailure) => Self::Disk(error.to_string()),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(error.to_string()),
            _ => Self::Sql(error),
        }
    }
}

/// How hard a commit is pressed to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// `synchronous=FULL`: a committed poll survives power loss.
    Full,
    /// `synchronous=OFF`, for scratch databases.
    None,
}

/// The one connection that writes.
#[derive(Debug)]
pub struct Writer {
    connection: Connection,
    path: PathBuf,
}

/// A transaction on the writer; dropped without [`Transaction::commit`] it leaves no trace.
#[derive(Debug)]
pub struct Transaction<'a> {
    sql: rusqlite::Transaction<'a>,
}

/// A connection that only reads.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
}

impl Writer {
    /// Opens or makes the database at `path`, migrates it, and puts deliveries that a crash left half sent back in
    /// the queue.
    pub fn open(path: &Path, durability: Durability) -> Result<Self, StoreError> {
        let failed = |reason: String| StoreError::Open { path: path.to_owned(), reason };
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(parent).map_err(|error| StoreError::of_file(path, &error))?;
        }
        let mut connection = Connection::open(path).map_err(|error| failed(error.to_string()))?;
        // The time-out comes first: reading and switching to WAL can themselves meet a lock.
        connection.busy_timeout(BUSY_FOR)?;
        // Before anything is written: another version's file stays as it is.
        refuse_newer(&connection, path)?;
        prepare(&connection, durability)?;
        migrate(&mut connection, path)?;
        connection.execute(
            "INSERT INTO instance (id) SELECT lower(hex(randomblob(6))) WHERE NOT EXISTS (SELECT 1 FROM instance)",
            [],
        )?;
        connection.execute("UPDATE deliveries SET status = 'queued' WHERE status = 'sending'", [])?;
        connection.set_prepared_statement_cache_capacity(128);
        Ok(Self { connection, path: path.to_owned() })
    }

    /// Begins a transaction.
    pub fn begin(&mut self) -> Result<Transaction<'_>, StoreError> {
        Ok(Transaction { sql: self.connection.transaction_with_behavior(TransactionBehavior::Immediate)? })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Lets `SQLite` refresh its statistics and copies the write-ahead log into the database as far as readers allow.
    /// It waits for nobody: it is for the end, and the end is awaited.
    pub fn tidy(&self) -> Result<(), StoreError> {
        self.connection.busy_timeout(Duration::ZERO)?;
        let tidied = self
            .connection
            .execute_batch("PRAGMA analysis_limit = 400; PRAGMA optimize; PRAGMA wal_checkpoint(PASSIVE);");
        self.connection.busy_timeout(BUSY_FOR)?;
        Ok(tidied?)
    }
}

impl Transaction<'_> {
    /// Makes everything in it permanent.
    pub fn commit(self) -> Result<(), StoreError> {
        Ok(self.sql.commit()?)
    }
}

impl Reader {
    /// Opens an existing database for reading.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let failed = |reason: String| StoreError::Open { path: path.to_owned(), reason };
        if !path.exists() {
            return Err(StoreError::Missing { path: path.to_owned() });
        }
        let connection = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )
        .map_err(|error| failed(error.to_string()))?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "query_only", true)?;
        let (found, known) = (refuse_newer(&connection, path)?, MIGRATIONS.len());
        match found {
            // The writer opened the file and came no further, or nobody wrote to it at all.
            0 => Err(StoreError::Missing { path: path.to_owned() }),
            _ if found < known => Err(StoreError::Older { path: path.to_owned(), found, known }),
            _ => Ok(Self { connection }),
        }
    }
}

/// Holds `data_dir` for one `wirewatch run`; the operating system lets go when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// When a data directory was first run on: its lock file is never written to.
    pub fn first_taken_at(data_dir: &Path) -> Option<Timestamp> {
        let made_at = fs::metadata(data_dir.join(LOCK_NAME)).and_then(|file| file.modified()).ok()?;
        Timestamp::try_from(made_at).ok()
    }

    /// Whether a `wirewatch run` holds a data directory; makes nothing.
    pub fn is_held(data_dir: &Path) -> bool {
        let Ok(file) = File::open(data_dir.join(LOCK_NAME)) else { return false };
        matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock))
    }

    /// Takes the lock of a data directory, which is made when missing.
    pub fn take(data_dir: &Path) -> Result<Self, StoreError> {
        let path = data_dir.join(LOCK_NAME);
        let failed = |error: io::Error| StoreError::of_file(&path, &error);
        fs::create_dir_all(data_dir).map_err(failed)?;
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(fs::TryLockError::WouldBlock) => Err(StoreError::InUse { path }),
            Err(fs::TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

fn prepare(connection: &Connection, durability: Durability) -> Result<(), StoreError> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::None => "OFF",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -8192)?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    Ok(())
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    // A table that others point to can only be built anew while nobody watches; such a migration checks for itself.
    connection.pragma_update(None, "foreign_keys", false)?;
    Migrations::from_slice(MIGRATIONS).to_latest(connection).map_err(|error| match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => err.into(),
        other => StoreError::Open { path: path.to_owned(), reason: other.to_string() },
    })?;
    Ok(connection.pragma_update(None, "foreign_keys", true)?)
}

/// The schema version of a database this program may open.
fn refuse_newer(connection: &Connection, path: &Path) -> Result<usize, StoreError> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let found = usize::try_from(found).unwrap_or(usize::MAX);
    let known = MIGRATIONS.len();
    if found > known {
        return Err(StoreError::Newer { path: path.to_owned(), found, known });
    }
    Ok(found)
}

/// A time as the database keeps it: microseconds since the epoch.
pub(crate) fn to_micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// A time from the database; out of range values are held at the ends.
pub(crate) fn from_micros(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(if micros < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// A hash as the database keeps it: the same bits, signed.
pub(crate) fn to_signed(hash: u64) -> i64 {
    hash.cast_signed()
}

/// A hash from the database.
pub(crate) fn from_signed(bits: i64) -> u64 {
    bits.cast_unsigned()
}
