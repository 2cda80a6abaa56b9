//! `wirewatch init`: a starter configuration.

use std::path::Path;

use super::{Exit, Failure, Outcome, Output};
use crate::config::starter;

pub(super) fn run(dir: &Path) -> Outcome {
    let written = starter::write(dir)
        .map_err(|error| Failure::new(error, "choose an empty directory, or one that does not exist yet"))?;
    let mut output = Output::open();
    for path in written {
        output.line(format!("wrote {}", path.display()))?;
    }
    let dir = dir.display();
    output.line(format!(
        "next: edit {dir}/wirewatch.toml (who is mailed), then wirewatch --config {dir} check"
    ))?;
    output.finish()?;
    Ok(Exit::Done)
}
