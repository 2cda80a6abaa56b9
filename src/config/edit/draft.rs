//! An edit of a configuration file on its way to the disk.
//!
//! Owns the order: read, check the whole configuration as it would be, see that nobody wrote in between, put the new file
//! in the old one's place at once, with its mode. Whatever goes wrong, the old file stays. Refuses to know what is edited.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::super::report::Problem;
use super::super::source::{FILE_BYTES_MAX, read_bounded};
use super::super::{Environment, Loaded, Rewrite, load_with};
use super::Refusal;

/// What editors on other systems put before UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Mode of a file that was not there.
const MODE: u32 = 0o644;

/// Why a file is not edited; it is as it was.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// It cannot be read.
    #[error("cannot read {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// It or its directory cannot be written.
    #[error("cannot write {}: {reason}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Another edit is under way.
    #[error("{} is being edited by another wirewatch", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// Somebody wrote it since it was read.
    #[error("{} was changed by somebody else in the meantime; nothing was written", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// Its text is in the way.
    #[error("{place}: {message}; nothing was written", place = place(path, *line))]
    Refused {
        /// The file.
        path: PathBuf,
        /// The line, from 1, when one is meant.
        line: Option<usize>,
        /// What is in the way.
        message: String,
    },
    /// The configuration would have problems.
    #[error("the configuration would have problems; nothing was written")]
    Problems(Vec<Problem>),
}

impl EditError {
    /// What the owner can do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "let this user read it, or run wirewatch as one who may (sudo)",
            Self::Unwritable { .. } => {
                "run it as a user who may write there (sudo wirewatch …); the file and its directory must be writable"
            }
            Self::Busy { .. } | Self::Changed { .. } => "run the command again",
            Self::Refused { .. } => {
                "mend it there, or edit the file by hand; wirewatch check shows what is wrong"
            }
            Self::Problems(_) => "mend the configuration first; wirewatch check shows it in full",
        }
    }
}

/// A file's text as an edit would see it, only to look.
pub fn text(path: &Path) -> Result<String, EditError> {
    let unreadable = |reason: String| EditError::Unreadable { path: path.to_owned(), reason };
    let bytes = read_bounded(path, FILE_BYTES_MAX).map_err(|error| unreadable(words(&error)))?;
    let text = String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8".to_owned()))?;
    Ok(text.strip_prefix(BYTE_ORDER_MARK).map(str::to_owned).unwrap_or(text))
}

fn place(path: &Path, line: Option<usize>) -> String {
    line.map_or_else(|| path.display().to_string(), |line| format!("{}:{line}", path.display()))
}

/// A file of the configuration, held for an edit. Other edits by Wirewatch wait outside until it is dropped.
#[derive(Debug)]
pub struct Draft {
    /// As the configuration names it.
    path: PathBuf,
    /// Where it really is: a link stays a link.
    target: PathBuf,
    /// What it held; `None` when there was no file.
    before: Option<Vec<u8>>,
    /// Its text, without a byte order mark; the edit.
    pub text: String,
    has_mark: bool,
    _lock: Option<File>,
}

impl Draft {
    /// Reads a file to edit it; one that is missing is empty. Says at once when it could not be written.
    pub fn open(path: &Path) -> Result<Self, EditError> {
        let unreadable =
            |error: io::Error| EditError::Unreadable { path: path.to_owned(), reason: words(&error) };
        let target = match path.canonicalize() {
            Ok(target) => target,
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
            Err(error) => return Err(unreadable(error)),
        };
        let lock = lock(path, &target)?;
        try_to_write(path, &target)?;
        let before = match read_bounded(&target, FILE_BYTES_MAX) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(unreadable(error)),
        };
        let text = String::from_utf8(before.clone().unwrap_or_default()).map_err(|_| EditError::Refused {
            path: path.to_owned(),
            line: None,
            message: "it is not UTF-8".to_owned(),
        })?;
        let (text, has_mark) = match text.strip_prefix(BYTE_ORDER_MARK) {
            Some(text) => (text.to_owned(), true),
            None => (text, false),
        };
        Ok(Self { path: path.to_owned(), target, before, text, has_mark, _lock: lock })
    }

    /// The file, as the configuration names it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts a refused edit into words about this file.
    pub fn refused(&self, refusal: Refusal) -> EditError {
        EditError::Refused { path: self.path.clone(), line: refusal.line, message: refusal.message }
    }

    /// The configuration of `dir` as it would be with this edit; its problems when it could not run.
    pub fn check(&self, dir: &Path, environment: &Environment) -> Result<Loaded, EditError> {
        let text = self.text.clone();
        if text.len() as u64 > FILE_BYTES_MAX {
            let message = format!("it would be larger than {} MiB", FILE_BYTES_MAX >> 20);
            return Err(self.refused(Refusal { line: None, message }));
        }
        let rewrite = Rewrite { path: self.path.clone(), text };
        load_with(dir, environment, Some(&rewrite)).map_err(EditError::Problems)
    }

    /// Checks the configuration as it would be and puts the file in place; answers the configuration.
    pub fn put(self, dir: &Path, environment: &Environment) -> Result<Loaded, EditError> {
        let loaded = self.check(dir, environment)?;
        let fresh = self.path_beside("new");
        let put = self.write(&fresh).map(|()| self.is_unchanged());
        let put = match put {
            Ok(true) => fs::rename(&fresh, &self.target).map(|()| true),
            other => other,
        };
        match put {
            Ok(true) => {
                // The name is safe once its directory is; a disk that refuses this has the file all the same.
                drop(File::open(directory_of(&self.target)).and_then(|dir| dir.sync_all()));
                Ok(loaded)
            }
            Ok(false) => {
                drop(fs::remove_file(&fresh));
                Err(EditError::Changed { path: self.path })
            }
            Err(error) => {
                drop(fs::remove_file(&fresh));
                Err(EditError::Unwritable { path: self.path, reason: words(&error) })
            }
        }
    }

    /// Writes the new file beside the old one, with its mode and, where allowed, its owner.
    fn write(&self, fresh: &Path) -> io::Result<()> {
        let old = fs::metadata(&self.target).ok();
        let mode = old.as_ref().map_or(MODE, |old| old.permissions().mode() & 0o7777);
        // Left behind by a process of the same number that was killed.
        drop(fs::remove_file(fresh));
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(fresh)?;
        if self.has_mark {
            file.write_all(BYTE_ORDER_MARK.as_bytes())?;
        }
        file.write_all(self.text.as_bytes())?;
        if let Some(old) = old {
            let new = file.metadata()?;
            if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
                // Only root may give a file away; the mode still says who reads it.
                drop(std::os::unix::fs::fchown(&file, Some(old.uid()), Some(old.gid())));
            }
        }
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        file.sync_all()
    }

    fn is_unchanged(&self) -> bool {
        read_bounded(&self.target, FILE_BYTES_MAX).ok() == self.before
    }

    fn path_beside(&self, end: &str) -> PathBuf {
        beside(&self.target, end)
    }
}

/// A hidden file beside another, for this process alone.
fn beside(target: &Path, end: &str) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.{}.{end}", std::process::id()))
}

fn directory_of(target: &Path) -> &Path {
    target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// One edit at a time in a directory. Where directories cannot be locked, the last look before the rename must do.
fn lock(path: &Path, target: &Path) -> Result<Option<File>, EditError> {
    let Ok(directory) = File::open(directory_of(target)) else { return Ok(None) };
    match directory.try_lock() {
        Ok(()) => Ok(Some(directory)),
        Err(TryLockError::WouldBlock) => Err(EditError::Busy { path: path.to_owned() }),
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

/// Whether a file could be put in place, before anything else is done for it.
fn try_to_write(path: &Path, target: &Path) -> Result<(), EditError> {
    let probe = beside(target, "try");
    drop(fs::remove_file(&probe));
    let made = File::options().write(true).create_new(true).mode(0o600).open(&probe);
    drop(fs::remove_file(&probe));
    made.map(drop).map_err(|error| EditError::Unwritable { path: path.to_owned(), reason: words(&error) })
}

fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "this user may not".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only here".to_owned(),
        io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        _ => error.to_string(),
    }
}
