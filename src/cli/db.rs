//! `wirewatch db`: the database file.

use std::path::Path;

use clap::Subcommand;

use super::{Exit, Outcome, Output, load, reader};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check that the file is sound; exit 1 when it is not
    #[command(after_help = "Example:\n  wirewatch db check")]
    Check,
}

pub(super) fn run(dir: &Path, Command::Check: &Command) -> Outcome {
    let config = load(dir)?;
    let reader = reader(&config)?;
    let found = reader.integrity()?;
    let path = config.data_dir.join(crate::store::FILE_NAME);
    let mut output = Output::open();
    for line in &found {
        output.line(line)?;
    }
    let exit = if found.is_empty() {
        output.line(format!("{} is sound", path.display()))?;
        Exit::Done
    } else {
        output.line(format!(
            "{} is damaged: restore a backup, or save what can be read with sqlite3 .recover",
            path.display()
        ))?;
        Exit::Failed
    };
    output.finish()?;
    Ok(exit)
}
