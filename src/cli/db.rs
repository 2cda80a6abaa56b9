//! `wirewatch db`: the database file, what it costs, and the audit log in it.

use std::path::Path;

use clap::Subcommand;
use serde_json::Value;

use super::alerts::record_json;
use super::sheet::Sheet;
use super::since::Since;
use super::{Exit, Failure, Outcome, Output, counted, load, now, reader, short};
use crate::audit::{Checked, Record};
use crate::store::Reader;
use crate::store::sizes::TableSize;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check that the file is sound and the audit log unbroken; exit 1 when not
    #[command(after_help = "Example:\n  wirewatch db check")]
    Check,
    /// Say what the database holds, and what it costs
    #[command(after_help = "Example:\n  wirewatch db stats --json")]
    Stats {
        /// JSON instead of text
        #[arg(long)]
        json: bool,
    },
    /// Write the audit log: what was told, withheld, sent, acknowledged, judged and configured, in order
    #[command(
        after_help = "Examples:\n  wirewatch db audit --since 7d\n  wirewatch db audit --since 2026-03-01 --csv > march.csv"
    )]
    Audit {
        /// From when on: 7d, 2026-03-01, 2026-03-01T06:00Z [default: all]
        #[arg(long, value_name = "WHEN")]
        since: Option<Since>,
        /// JSON Lines instead of text
        #[arg(long, conflicts_with = "csv")]
        json: bool,
        /// CSV instead of text
        #[arg(long)]
        csv: bool,
    },
}

pub(super) fn run(dir: &Path, command: &Command) -> Outcome {
    let config = load(dir)?;
    let reader = reader(&config)?;
    let path = config.data_dir.join(crate::store::FILE_NAME);
    match command {
        Command::Check => check(&reader, &path),
        Command::Stats { json } => stats(&reader, &path, *json),
        Command::Audit { since, json, csv } => {
            let form = match (json, csv) {
                (true, _) => Form::Json,
                (_, true) => Form::Csv,
                _ => Form::Text,
            };
            audit(&reader, *since, form)
        }
    }
}

fn check(reader: &Reader, path: &Path) -> Outcome {
    let found = reader.integrity()?;
    let mut output = Output::open();
    for line in &found {
        output.line(line)?;
    }
    let is_sound = found.is_empty();
    if is_sound {
        output.line(format!("{} is sound", path.display()))?;
    } else {
        output.line(format!(
            "{} is damaged: restore a backup, or save what can be read with sqlite3 .recover",
            path.display()
        ))?;
    }
    let checked = reader.check_audit()?;
    for line in audit_words(&checked) {
        output.line(line)?;
    }
    output.finish()?;
    Ok(if is_sound && checked.fault_count == 0 { Exit::Done } else { Exit::Failed })
}

fn audit_words(checked: &Checked) -> Vec<String> {
    let mut lines: Vec<String> = checked.faults.iter().map(ToString::to_string).collect();
    let more = checked.fault_count - checked.faults.len() as u64;
    if more > 0 {
        lines.push(format!("and {more} more faults of the audit log"));
    }
    let records = counted(checked.count, "record", "records");
    match (checked.fault_count, checked.last) {
        (0, Some((id, seal))) => {
            lines.push(format!("the audit log is unbroken: {records}, the last is {id} with the seal {seal}"));
        }
        (0, None) => lines.push("the audit log is empty".to_owned()),
        _ => lines.push(format!(
            "the audit log ({records}) was changed outside wirewatch: compare it with a backup, and with seals noted before"
        )),
    }
    lines
}

fn stats(reader: &Reader, path: &Path, json: bool) -> Outcome {
    let sizes = reader.sizes(path)?;
    let mut output = Output::open();
    if json {
        output.json(&sizes)?;
        output.finish()?;
        return Ok(Exit::Done);
    }
    let (file, log, free) = (size(sizes.file), size(sizes.log), size(sizes.free));
    output.line(format!("{}: {file}, {free} of it free; write-ahead log {log}", path.display()))?;
    output
        .line(format!("{:<22} {:>12} {:>12} {:>12} {:>12}", "table", "rows", "bytes", "indexes", "a row"))?;
    for TableSize { table, rows, bytes, index_bytes } in &sizes.tables {
        let each = if *rows == 0 { "-".to_owned() } else { size((bytes + index_bytes) / rows) };
        let (bytes, index_bytes) = (size(*bytes), size(*index_bytes));
        output.line(format!("{table:<22} {rows:>12} {bytes:>12} {index_bytes:>12} {each:>12}"))?;
    }
    output.finish()?;
    Ok(Exit::Done)
}

/// Bytes for people: `4.2 MiB`.
fn size(bytes: u64) -> String {
    let mut amount = bytes as f64;
    for unit in ["B", "KiB", "MiB"] {
        if amount < 1024.0 {
            return if unit == "B" { format!("{bytes} B") } else { format!("{amount:.1} {unit}") };
        }
        amount /= 1024.0;
    }
    format!("{amount:.1} GiB")
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Json,
    Csv,
}

fn audit(reader: &Reader, since: Option<Since>, form: Form) -> Outcome {
    let since = since.map_or(jiff::Timestamp::UNIX_EPOCH, |since| since.at(now()));
    if form == Form::Csv {
        let columns = ["record", "at", "type", "alert", "article", "topic", "about"];
        let mut sheet = Sheet::open(Output::open(), &columns)?;
        each_record(reader, since, |record| {
            let number = |number: Option<i64>| number.map_or_else(String::new, |number| number.to_string());
            sheet.row(&[
                record.id.to_string(),
                record.at.to_string(),
                record.kind.clone(),
                number(record.alert),
                number(record.article),
                record.topic.clone().unwrap_or_default(),
                record.about.clone(),
            ])
        })?;
        sheet.finish()?;
        return Ok(Exit::Done);
    }
    let mut output = Output::open();
    each_record(reader, since, |record| match form {
        Form::Json => output.json(&record_json(record)),
        _ => output.line(line(record)),
    })?;
    output.finish()?;
    Ok(Exit::Done)
}

fn each_record(
    reader: &Reader,
    since: jiff::Timestamp,
    mut each: impl FnMut(&Record) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut above = 0;
    loop {
        let step = reader.audit_after(above, since)?;
        let Some(last) = step.last() else { return Ok(()) };
        above = last.id;
        step.iter().try_for_each(&mut each)?;
    }
}

/// A record on a line.
fn line(record: &Record) -> String {
    let mut parts: Vec<String> = Vec::new();
    parts.extend(record.alert.map(|alert| format!("alert {alert}")));
    parts.extend(record.article.map(|article| format!("article {article}")));
    parts.extend(record.topic.clone());
    for (key, value) in record.details() {
        let value = match value {
            Value::String(text) if !text.is_empty() => text,
            Value::Number(number) => number.to_string(),
            Value::Array(items) if !items.is_empty() => {
                let text = |item: &Value| item.as_str().map_or_else(|| item.to_string(), str::to_owned);
                items.iter().map(text).collect::<Vec<_>>().join(" ")
            }
            _ => continue,
        };
        parts.push(format!("{key} {value}"));
    }
    format!("{:>8}  {}  {:<13}  {}", record.id, short(record.at), record.kind, parts.join("; "))
}
