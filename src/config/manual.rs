//! The manual of the configuration, rendered from the file format.
//!
//! Owns the page's order and frame; every section, key, default and sentence about them is in `raw`.

use super::raw;
use super::read::{KeyDoc, Kind, Section, Value};

const HEAD: &str = "\
# Configuration

<!-- Rendered from src/config/raw.rs. Change it there, then: UPDATE_DOCS=1 cargo test --test it config:: -->

Wirewatch reads a directory: `wirewatch.toml`, the files of feeds it names (`feeds.toml` unless said otherwise),
and `topics/*.toml`. `wirewatch init DIR` writes one that runs, and `wirewatch check` lists every problem with its
place. Unknown keys are errors; numbers in keys of messages count from 1, so `signal[2]` is the second signal.

- A duration is a number and a unit, `s`, `m`, `h`, `d` or `w`: `\"15m\"`, `\"1h 30m\"`.
- A size is a number and a unit, `B`, `kB`, `KiB`, `MB`, `MiB`, `GB` or `GiB`: `\"10MiB\"`.
- A file has at most 5 MiB; a configuration has at most 100,000 feeds and 5,000 topics.

The environment adds `STATE_DIRECTORY` (where data goes), `CREDENTIALS_DIRECTORY` (where the credential
`smtp-password` is looked for) and `WIREWATCH_SMTP_PASSWORD`.
";

/// The page, as Markdown.
pub fn manual() -> String {
    let mut page = HEAD.to_owned();
    for (file, kind) in [
        ("wirewatch.toml", raw::Main::kind()),
        ("feeds.toml", raw::Feeds::kind()),
        ("topics/*.toml", raw::Topic::kind()),
    ] {
        if let Kind::Table(section) | Kind::Tables(section) = kind {
            page.extend(["\n## ", file, "\n\n", &prose(section.about)]);
            add_keys(&section, "", &mut page);
        }
    }
    page.push_str(OPML);
    page
}

const OPML: &str = "
## OPML

A file of feeds whose name ends in `.opml` is read as OPML: every `outline` with an `xmlUrl` is a feed, named by its
`title` or `text`. The folders it is in and its `category` become tags (`World News` becomes `world-news`). A feed that
stands in several folders of one file is one feed with all their tags.
";

/// Plain keys as a table, then the sections in them.
fn add_keys(section: &Section, path: &str, page: &mut String) {
    let mut rows = String::new();
    for key in &section.keys {
        if let Kind::Plain(word) = &key.kind {
            let row = [
                format!("`{}`", key.name),
                word.clone(),
                default(key),
                prose(key.about).trim().replace('\n', " "),
            ];
            rows.extend(["| ", &row.map(|cell| cell.replace('|', "\\|")).join(" | "), " |\n"]);
        }
    }
    if !rows.is_empty() {
        page.push_str("\n| key | type | default | |\n|---|---|---|---|\n");
        page.push_str(&rows);
    }
    for key in &section.keys {
        let (inner, brackets) = match &key.kind {
            Kind::Plain(_) => continue,
            Kind::Table(inner) => (inner, ("[", "]")),
            Kind::Tables(inner) => (inner, ("[[", "]]")),
        };
        let name = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
        page.extend(["\n### `", brackets.0, &name, brackets.1, "`\n\n", &prose(inner.about)]);
        add_keys(inner, &name, page);
    }
}

fn default(key: &KeyDoc) -> String {
    match key.default.as_deref() {
        None => "must be given".to_owned(),
        Some("") => String::new(),
        Some(default) => format!("`{default}`"),
    }
}

/// Doc comments without the blank each line starts with.
fn prose(about: &str) -> String {
    about.lines().flat_map(|line| [line.strip_prefix(' ').unwrap_or(line), "\n"]).collect()
}
