//! `wirewatch topics import`: a search string or a list of weighted words becomes a topic file.

use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::super::{Exit, Failure, Outcome, Output, complain};
use crate::config::{self, topic_lint};
use crate::topic::draft::id_of;
use crate::topic::import::{CHARS_MAX, Format, Import, import};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The text to import; - for standard input
    #[arg(value_name = "FILE|-")]
    file: String,
    /// The topic's id [default: made out of the file's name]
    #[arg(long)]
    id: Option<String>,
    /// What people call it [default: the id]
    #[arg(long)]
    name: Option<String>,
    /// What the text is written in [default: what it looks like]
    #[arg(long)]
    format: Option<Written>,
    /// Write DIR/ID.toml instead of printing it
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Written {
    /// A search string
    Boolean,
    /// A list of weighted words
    Emm,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let text = read_text(&arguments.file)?;
    let shown = if arguments.file == "-" { "standard input" } else { &arguments.file };
    let stem = Path::new(&arguments.file).file_stem().unwrap_or_default().to_string_lossy();
    let id = arguments.id.clone().unwrap_or_else(|| {
        Some(id_of(&stem)).filter(|id| !id.is_empty()).unwrap_or_else(|| "imported".to_owned())
    });
    check_id(&id)?;
    let name = arguments.name.clone().unwrap_or_else(|| id.clone());
    let format = match arguments.format {
        Some(Written::Boolean) => Format::Boolean,
        Some(Written::Emm) => Format::Emm,
        None => Format::of(&text),
    };
    let Import { draft, losses } = import(&text, format, &id, &name).map_err(|fault| {
        Failure::usage(format!("{shown}:{fault}"), "mend the text, or name its --format: boolean or emm")
    })?;
    for loss in &losses {
        complain(&format!("warning: {shown}:{loss}"));
    }
    let file = draft.to_toml();
    let path = arguments.into.clone().unwrap_or_default().join(format!("{id}.toml"));
    topic_lint::read_topic(&path, file.clone()).map_err(|problems| {
        let problems = config::render(&problems, io::stderr().is_terminal());
        Failure::usage(
            format!("what {shown} says makes no topic:\n{problems}"),
            "change the text there as the topic would have to be changed",
        )
    })?;
    let mut output = Output::open();
    if arguments.into.is_some() {
        write_new(&path, &file)?;
        output.line(format!("wrote {}", path.display()))?;
        output.line("next: add examples to it, then wirewatch check")?;
    } else {
        output.line(file.trim_end())?;
    }
    output.finish()?;
    Ok(Exit::Done)
}

/// An id is a file's name, too.
pub(super) fn check_id(id: &str) -> Result<(), Failure> {
    if !id.is_empty() && id_of(id) == id {
        return Ok(());
    }
    let message = format!("`{}` is not an id for a topic", config::shown(id));
    Err(Failure::usage(message, "write small letters, digits and single hyphens: ceasefire-breakdown"))
}

/// Writes a file that is not there yet: whole, or not at all, so that a full disk does not block the next try.
pub(super) fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let refuse = |error: io::Error| {
        let hint = match error.kind() {
            io::ErrorKind::AlreadyExists => {
                "nothing is overwritten: choose another id, or move the file away"
            }
            _ => "choose a directory that you may write to",
        };
        Failure::new(format!("{} cannot be written: {error}", path.display()), hint)
    };
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::create_dir_all(parent).map_err(refuse)?;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
    // Left behind by a process of the same number that was killed.
    drop(fs::remove_file(&draft));
    // A link, unlike a rename, fails where a file is already.
    let written = write_whole(&draft, text).and_then(|()| fs::hard_link(&draft, path));
    drop(fs::remove_file(&draft));
    written.map_err(refuse)
}

fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// A text file, or standard input.
pub(super) fn read_text(name: &str) -> Result<String, Failure> {
    // Four bytes a character at most, and one more to see that it is too long.
    let bytes_max = 4 * CHARS_MAX as u64 + 1;
    let fail = |error: io::Error| Failure::usage(format!("cannot read {name}: {error}"), "check the path");
    let mut bytes = Vec::new();
    if name == "-" {
        io::copy(&mut io::stdin().lock().take(bytes_max), &mut bytes).map_err(fail)?;
    } else {
        io::copy(&mut fs::File::open(name).map_err(fail)?.take(bytes_max), &mut bytes).map_err(fail)?;
    }
    String::from_utf8(bytes).map_err(|_| Failure::usage(format!("{name} is not UTF-8"), "save it as UTF-8"))
}
