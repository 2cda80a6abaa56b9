//! Messages as `.eml` files, for a machine without a mail server.
//!
//! Owns the files' names. Refuses to write a message twice: a file that is there stays as it is.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use super::{Message, Outcome};

#[derive(Debug)]
pub(super) struct Outbox {
    dir: PathBuf,
}

impl Outbox {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Writes the message; when a file of the same message-id is there, that one is the message.
    pub(super) async fn write(&self, message: &Message, bytes: Vec<u8>) -> Outcome {
        let dir = self.dir.clone();
        let tail = format!("{}.eml", file_name(&message.message_id));
        let name = format!("{}-{tail}", message.date.as_second().max(0));
        let written = blocking(move || write(&dir, &name, &tail, &bytes)).await;
        match written {
            Ok(path) => Outcome::Sent(path.display().to_string()),
            Err(error) => {
                Outcome::Blocked(format!("the message cannot be written to {}: {error}", self.dir.display()))
            }
        }
    }

    /// Whether files can be written here.
    pub(super) async fn check(&self) -> Result<String, String> {
        let dir = self.dir.clone();
        let probed = blocking(move || {
            create(&dir)?;
            let probe = dir.join(".check.tmp");
            write_whole(&probe, b"")?;
            fs::remove_file(&probe)?;
            Ok(())
        })
        .await;
        match probed {
            Ok(()) => {
                Ok(format!("no mail server is configured; messages are written to {}", self.dir.display()))
            }
            Err(error) => Err(format!("messages cannot be written to {}: {error}", self.dir.display())),
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// A message-id as part of a file name. An id that had to be changed or cut carries its hash, so that two
/// ids never share a name.
fn file_name(id: &str) -> String {
    let name: String = id
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@') { c } else { '_' })
        .take(120)
        .collect();
    if name == id { name } else { format!("{name}-{:016x}", xxh3_64(id.as_bytes())) }
}

fn write(dir: &Path, name: &str, tail: &str, bytes: &[u8]) -> io::Result<PathBuf> {
    create(dir)?;
    if let Some(there) = find(dir, name, tail)? {
        return Ok(there);
    }
    let path = dir.join(name);
    let temporary = dir.join(format!(".{name}.tmp"));
    write_whole(&temporary, bytes)?;
    fs::rename(&temporary, &path)?;
    // The rename itself must survive a power cut, or the message is told twice or never.
    File::open(dir)?.sync_all()?;
    Ok(path)
}

fn create(dir: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// The file of this message: under its own name, or dated otherwise by an earlier attempt.
fn find(dir: &Path, name: &str, tail: &str) -> io::Result<Option<PathBuf>> {
    let path = dir.join(name);
    if path.try_exists()? {
        return Ok(Some(path));
    }
    for file in fs::read_dir(dir)? {
        let file = file?;
        let matches = file
            .file_name()
            .to_str()
            .and_then(|name| name.split_once('-'))
            .is_some_and(|(at, rest)| rest == tail && at.bytes().all(|byte| byte.is_ascii_digit()));
        if matches {
            return Ok(Some(file.path()));
        }
    }
    Ok(None)
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
