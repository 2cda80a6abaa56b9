//! The door to alerts as files: an Atom feed of the latest, and a CAP message for each of their incidents.
//!
//! Owns their names, that each appears whole or not at all, and that there are never more than the feed tells of. Refuses to
//! say what stands in them.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// The Atom feed's name.
pub const FEED_NAME: &str = "alerts.atom";

/// What stands around an incident's number in the name of its CAP message.
const INCIDENT: (&str, &str) = ("incident-", ".cap.xml");

/// Writes what changed and takes away the messages of incidents that are not among `incidents` (number and document);
/// answers how many files were written.
pub fn write(dir: &Path, feed: &str, incidents: &[(i64, String)]) -> io::Result<usize> {
    // The folder is the owner's to open: a group that may enter it may read what is in it.
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let mut written = 0;
    let mut kept = BTreeSet::new();
    for (incident, message) in incidents {
        let name = format!("{}{incident}{}", INCIDENT.0, INCIDENT.1);
        written += usize::from(write_changed(dir, &name, message)?);
        kept.insert(name);
    }
    written += usize::from(write_changed(dir, FEED_NAME, feed)?);
    for file in fs::read_dir(dir)? {
        let file = file?;
        let Ok(name) = file.file_name().into_string() else { continue };
        if is_ours(&name) && !kept.contains(&name) {
            fs::remove_file(file.path())?;
        }
    }
    if written > 0 {
        // The renames themselves must survive a power cut.
        File::open(dir)?.sync_all()?;
    }
    Ok(written)
}

/// Whether a file is the message of an incident; others in the folder are not ours.
fn is_ours(name: &str) -> bool {
    let number = name.strip_prefix(INCIDENT.0).and_then(|rest| rest.strip_suffix(INCIDENT.1));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether the file had to be written.
fn write_changed(dir: &Path, name: &str, text: &str) -> io::Result<bool> {
    let path = dir.join(name);
    if holds(&path, text)? {
        return Ok(false);
    }
    let temporary = dir.join(format!(".{name}.tmp"));
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o644).open(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, &path)?;
    Ok(true)
}

fn holds(path: &Path, text: &str) -> io::Result<bool> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    if file.metadata()?.len() != text.len() as u64 {
        return Ok(false);
    }
    let mut there = Vec::with_capacity(text.len());
    #[allow(clippy::disallowed_methods, reason = "bounded by the `take` before it")]
    file.take(text.len() as u64 + 1).read_to_end(&mut there)?;
    Ok(there == text.as_bytes())
}
