//! The starter configuration `wirewatch init DIR` writes.
//!
//! Owns which files it has; their text is the repository's own `config/`, so that what is shipped is what is
//! tested. Refuses to overwrite anything.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Files of the starter: path inside the directory, and text.
pub const FILES: [(&str, &str); 11] = [
    ("wirewatch.toml", include_str!("../../config/wirewatch.toml")),
    ("feeds.toml", include_str!("../../config/feeds.toml")),
    ("topics/aid-blockage.toml", include_str!("../../config/topics/aid-blockage.toml")),
    ("topics/aid-delivered.toml", include_str!("../../config/topics/aid-delivered.toml")),
    ("topics/attack-on-aid.toml", include_str!("../../config/topics/attack-on-aid.toml")),
    ("topics/attack-on-health-care.toml", include_str!("../../config/topics/attack-on-health-care.toml")),
    ("topics/ceasefire-agreed.toml", include_str!("../../config/topics/ceasefire-agreed.toml")),
    ("topics/ceasefire-breakdown.toml", include_str!("../../config/topics/ceasefire-breakdown.toml")),
    ("topics/ceasefire-sought.toml", include_str!("../../config/topics/ceasefire-sought.toml")),
    ("topics/famine.toml", include_str!("../../config/topics/famine.toml")),
    ("topics/mass-displacement.toml", include_str!("../../config/topics/mass-displacement.toml")),
];

/// Why the starter was not written.
#[derive(Debug, thiserror::Error)]
pub enum StarterError {
    /// Something stands where a file should go; nothing was written.
    #[error("{} exists already, and nothing is overwritten: choose another directory, or move it away", .0.display())]
    Exists(PathBuf),
    /// The file system refuses.
    #[error("{} cannot be written: {source}", path.display())]
    Write {
        /// What was being written.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Writes the starter and returns its files. Looks first: with one file in the way, none is written.
pub fn write(dir: &Path) -> Result<Vec<PathBuf>, StarterError> {
    let paths: Vec<PathBuf> = FILES.iter().map(|(name, _)| dir.join(name)).collect();
    if let Some(path) = paths.iter().find(|path| path.symlink_metadata().is_ok()) {
        return Err(StarterError::Exists(path.clone()));
    }
    for (path, (_, text)) in paths.iter().zip(FILES) {
        let refuse = |source| StarterError::Write { path: path.clone(), source };
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(refuse)?;
        }
        // `create_new` keeps the promise also against someone who writes at the same moment.
        let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(refuse)?;
        file.write_all(text.as_bytes()).map_err(refuse)?;
    }
    Ok(paths)
}
