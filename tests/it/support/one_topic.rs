//! A configuration of one topic and one language, small enough to read: for what topics ask of meaning.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use wirewatch::config::{self, Environment, Loaded, Problem};

const TOPIC: &str = "id = \"truce\"\nname = \"Truce broken\"\n\
    description = \"Fighters break a truce and shell a town.\"\n\
    [[signal]]\nname = \"a truce is broken\"\nwhen = \"truce\"\nweight = 60\n";

/// All the English there is.
const LANGUAGE: &str =
    "language = \"en\"\n[negated]\nbefore = [\"no\"]\n[[genre]]\nname = \"opinion\"\nstart = [\"opinion\"]\n";

/// A configuration of one topic, with this added to it and this for its main file.
pub(crate) fn configuration(main: &str, added: &str) -> TempDir {
    let dir = TempDir::new().unwrap();
    for folder in ["topics", "languages"] {
        fs::create_dir(dir.path().join(folder)).unwrap();
    }
    let route = "[[route]]\nto = [\"desk@example.org\"]\n";
    fs::write(dir.path().join("wirewatch.toml"), format!("{route}{main}")).unwrap();
    fs::write(dir.path().join("feeds.toml"), "[[feed]]\nurl = \"https://example.org/feed\"\n").unwrap();
    fs::write(dir.path().join("topics/truce.toml"), format!("{TOPIC}{added}")).unwrap();
    fs::write(dir.path().join("languages/en.toml"), LANGUAGE).unwrap();
    dir
}

/// Loads it.
pub(crate) fn load(dir: &Path) -> Result<Loaded, Vec<Problem>> {
    config::load(dir, &Environment::default())
}
