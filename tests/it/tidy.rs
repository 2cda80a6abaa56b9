//! The house rules that a machine can hold: who imports whom, who owns which library, how long things are.
//!
//! The tables below are decisions. A new edge or owner is one too: write it here with its reason.

#![allow(clippy::print_stdout, reason = "what was skipped is said")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The picture in `src/lib.rs`, left to right. A stage imports stages to its left and nothing else of ours. `semantic` is a
/// tool of `topic`: a model made of bytes that `config` has read, which computes like the stages and is no door; `audit` seals
/// what the others came to.
const STAGES: [&str; 9] =
    ["feed", "article", "semantic", "topic", "story", "incident", "alert", "delivery", "audit"];

/// A value any room may hold, because it is read in one, carried by another and spent in a third. It imports nothing of
/// ours.
const VALUES: [&str; 1] = ["secret"];

/// Where bytes come in and go out. A door imports stages, never another door, the configuration or the shell.
const DOORS: [&str; 5] = ["fetch", "files", "mail", "store", "web"];

/// What joins them, and which other parts of the shell each may use.
const SHELL: [(&str, &[&str]); 4] = [
    ("config", &[]),
    ("pipeline", &["config"]),
    ("daemon", &["config", "pipeline"]),
    ("cli", &["config", "pipeline", "daemon"]),
];

/// Outside libraries and the rooms that own them.
const OWNERS: [(&str, &[&str], &str); 43] = [
    ("annotate_snippets", &["config/report.rs"], ""),
    ("axum", &["web"], ""),
    ("brotli", &["fetch/"], ""),
    ("candle_core", &["semantic/"], ""),
    ("candle_nn", &["semantic/bert.rs"], ""),
    (
        "chardetng",
        &["feed/parse/", "article/page.rs"],
        "a web page says its encoding as badly as a feed does",
    ),
    ("chrono", &["feed/parse/strict.rs"], "only where feed-rs hands out its dates"),
    ("clap", &["cli"], ""),
    ("clap_complete", &["cli"], ""),
    ("clap_mangen", &["cli"], ""),
    ("csv", &["cli/sheet.rs"], ""),
    ("dom_smoothie", &["article/page.rs"], ""),
    ("encoding_rs", &["feed/parse/", "article/page.rs"], "as chardetng"),
    ("feed_rs", &["feed/parse/strict.rs"], ""),
    (
        "flate2",
        &["fetch/", "cli/record.rs", "alert/render/sparkline.rs"],
        "recorded entries come packed, too, and so does a PNG",
    ),
    ("frostem", &["article/stem.rs"], ""),
    ("fst", &["article/place/", "topic/lexicon.rs"], "the names of places, the words of topics"),
    (
        "getrandom",
        &["daemon/hub/keeper.rs", "store/follow_up.rs", "cli/replay/scene.rs"],
        "callbacks of hubs; the key of links, which is made where it is kept; scratch directories nobody can guess",
    ),
    ("hmac", &["feed/subscription/signature.rs", "delivery/"], "what hubs sign; what we sign for recipients"),
    ("html5ever", &["article/text/", "feed/parse/escape.rs"], "feeds name HTML's characters in XML"),
    ("httpdate", &["fetch/"], ""),
    ("hyper", &["web"], ""),
    ("hyper_util", &["web"], ""),
    ("idna", &["alert/render/host.rs"], ""),
    ("ipnet", &["fetch"], ""),
    ("lettre", &["mail"], ""),
    ("minijinja", &["alert/render"], ""),
    ("psl", &["article/"], ""),
    ("quick_xml", &["feed/parse/", "config/opml.rs"], "OPML is XML that the owner wrote"),
    ("reqwest", &["fetch"], ""),
    ("rusqlite", &["store"], ""),
    ("rusqlite_migration", &["store"], ""),
    ("rustls", &["fetch"], ""),
    ("sd_notify", &["daemon/systemd.rs"], ""),
    ("sha1", &["feed/subscription/signature.rs"], ""),
    (
        "sha2",
        &["feed/subscription/signature.rs", "delivery/", "audit.rs"],
        "hubs and links are signed with it, and records are sealed",
    ),
    ("terminal_size", &["cli/replay/chart.rs"], ""),
    ("tokio", &["daemon", "fetch", "mail", "web", "cli"], "doors and shell wait; stages never do"),
    ("tokio_util", &["daemon"], ""),
    ("tokenizers", &["semantic/tokens.rs"], ""),
    ("toml", &["config"], ""),
    ("tracing", &["daemon"], "stages and doors say what happened in their results"),
    ("zstd", &["fetch/", "cli/record.rs"], "as flate2"),
];

/// Libraries any room may use: values, errors and their text.
const EVERYWHERE: [&str; 10] = [
    "jiff",
    "serde",
    "serde_json",
    "thiserror",
    "tracing_journald",
    "tracing_subscriber",
    "unicode_normalization",
    "url",
    "xxhash_rust",
    "wirewatch",
];

/// Longest function, lines.
const FUNCTION_LINES_MAX: usize = 70;

/// Longest file whose head need not say why.
const FILE_LINES_MAX: usize = 450;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Rust files below a directory: path from there, and text.
fn files(below: &str) -> Vec<(String, String)> {
    let base = root().join(below);
    let (mut found, mut dirs) = (Vec::new(), vec![base.clone()]);
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&base).unwrap().to_str().unwrap().to_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "{below} holds no Rust");
    found
}

/// The text without comments.
fn code(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The words that stand right behind `before` in the text, `{a, b}` taken apart.
fn words_after(text: &str, before: &str) -> Vec<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for (at, _) in text.match_indices(before) {
        let (_, rest) = text.split_at(at + before.len());
        if let Some(group) = rest.strip_prefix('{') {
            let group = group.split('}').next().unwrap_or_default();
            let first = |item: &str| item.trim().chars().take_while(|c| is_word(*c)).collect::<String>();
            found.extend(group.split(',').map(first));
        } else {
            found.push(rest.chars().take_while(|c| is_word(*c)).collect());
        }
    }
    found.retain(|word| !word.is_empty());
    found
}

/// The room a file belongs to: `feed/parse.rs` is in `feed`.
fn room(file: &str) -> &str {
    file.split('/').next().unwrap_or_default().trim_end_matches(".rs")
}

/// Whether a room may import another.
fn may_import(from: &str, to: &str) -> bool {
    if from == to || VALUES.contains(&to) {
        return true;
    }
    if VALUES.contains(&from) {
        return false;
    }
    let stage = |name: &str| STAGES.iter().position(|stage| *stage == name);
    match (stage(from), stage(to)) {
        (Some(from), Some(to)) => return to < from,
        (Some(_), None) => return false,
        (None, Some(_)) => return true,
        (None, None) => {}
    }
    let shell = SHELL.iter().find(|(name, _)| *name == from);
    shell.is_some_and(|(_, allowed)| DOORS.contains(&to) || allowed.contains(&to))
}

#[test]
fn imports_run_one_way() {
    let rooms: BTreeSet<&str> = VALUES
        .into_iter()
        .chain(STAGES)
        .chain(DOORS)
        .chain(SHELL.into_iter().map(|(name, _)| name))
        .collect();
    let (mut wrong, mut seen) = (Vec::new(), BTreeSet::new());
    for (file, text) in files("src") {
        let from = room(&file);
        if matches!(from, "main" | "lib") {
            continue;
        }
        assert!(rooms.contains(from), "{file} is in a room that tests/it/tidy.rs does not know");
        for to in words_after(&code(&text), "crate::") {
            if !may_import(from, &to) {
                wrong.push(format!("{file} imports {to}"));
            }
            seen.insert((from.to_owned(), to));
        }
    }
    assert!(wrong.is_empty(), "against the picture in src/lib.rs:\n{}", wrong.join("\n"));
    // The search works: these edges are what the program is made of.
    for (from, to) in [("article", "feed"), ("store", "alert"), ("pipeline", "store"), ("cli", "daemon")] {
        assert!(seen.contains(&(from.to_owned(), to.to_owned())), "{from} → {to} was not found");
    }
}

#[test]
fn the_import_rule_refuses_what_it_should() {
    for (from, to) in [
        ("feed", "article"),
        ("topic", "config"),
        ("alert", "store"),
        ("fetch", "config"),
        ("mail", "store"),
        ("config", "pipeline"),
        ("daemon", "cli"),
        ("alert", "delivery"),
        ("secret", "feed"),
    ] {
        assert!(!may_import(from, to), "{from} → {to}");
    }
}

#[test]
fn each_library_has_its_owner() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = toml::from_str(&manifest).unwrap();
    let known: BTreeSet<&str> = OWNERS.iter().map(|(name, _, _)| *name).chain(EVERYWHERE).collect();
    for name in manifest["dependencies"].as_table().unwrap().keys() {
        let name = name.replace('-', "_");
        assert!(known.contains(name.as_str()), "{name} has no owner in tests/it/tidy.rs");
    }
    let mut wrong = Vec::new();
    for (file, text) in files("src") {
        let code = code(&text);
        for (library, owners, _) in OWNERS {
            let path = format!("{library}::");
            let uses = code.match_indices(&path).any(|(at, _)| {
                !code.split_at(at).0.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
            });
            let owned = owners.iter().any(|owner| file.starts_with(owner));
            if uses && !owned {
                wrong.push(format!("{file} uses {library}, which belongs to {}", owners.join(", ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (library, owners, reason) in OWNERS {
        let rooms: BTreeSet<&str> = owners.iter().map(|owner| room(owner)).collect();
        assert!(rooms.len() == 1 || !reason.is_empty(), "{library} has several owners and no reason");
    }
}

#[test]
fn every_file_opens_with_what_it_owns() {
    for dir in ["src", "tests", "benches"] {
        for (file, text) in files(dir) {
            let head = text.lines().take_while(|line| line.starts_with("//!")).count();
            assert!((1..=14).contains(&head), "{dir}/{file} opens with {head} lines of //!, not 1 to 14");
            let length = text.lines().count();
            let says_why = text.lines().take(head).any(|line| line.contains("because"));
            let is_data = dir == "tests";
            assert!(
                length <= FILE_LINES_MAX || says_why || is_data,
                "{dir}/{file} has {length} lines; split it, or say in its head why (`because …`)"
            );
        }
    }
}

/// Functions of formatted code, with their first line and length.
fn functions(text: &str) -> Vec<(String, usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some(at) = words.iter().position(|word| *word == "fn") else { continue };
        let is_head = words[..at]
            .iter()
            .all(|word| matches!(*word, "pub" | "pub(crate)" | "pub(super)" | "async" | "const"));
        if !is_head || line.trim_end().ends_with('}') || line.trim_end().ends_with(';') {
            continue;
        }
        let close = format!("{}}}", " ".repeat(indent));
        let length = lines[start..].iter().position(|line| *line == close).map_or(0, |end| end + 1);
        let name = words.get(at + 1).copied().unwrap_or_default();
        found.push((name.split(['(', '<']).next().unwrap_or_default().to_owned(), start + 1, length));
    }
    found
}

#[test]
fn functions_fit_on_a_screen() {
    let mut count = 0;
    for (file, text) in files("src") {
        // Tests inside a module are tables of data.
        let product = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (name, line, length) in functions(product) {
            count += 1;
            let above = product.lines().nth(line.saturating_sub(2)).unwrap_or_default();
            let excused = above.trim_start().starts_with("//") && above.contains("because");
            assert!(
                length <= FUNCTION_LINES_MAX || excused,
                "src/{file}:{line}: {name} has {length} lines; split it, or say above it why (`because …`)"
            );
        }
    }
    assert!(count > 300, "only {count} functions were found: the search is broken");
    assert_eq!(functions("fn a() {\n    x\n}\n"), [("a".to_owned(), 1, 3)]);
}

#[test]
fn tests_wait_for_events_and_are_all_run() {
    // A drip is what that server is for; `eventually` is the one place that pauses between two looks.
    let pauses = ["it/support/http.rs", "it/support/desk.rs", "it/tidy.rs"];
    for (file, text) in files("tests") {
        let code = code(&text);
        assert!(pauses.contains(&file.as_str()) || !code.contains("sleep("), "tests/{file} sleeps");
        assert!(file == "it/tidy.rs" || !code.contains("#[ignore"), "tests/{file} ignores a test");
    }
    for file in ["it/support/http.rs", "it/support/desk.rs"] {
        let text = fs::read_to_string(root().join("tests").join(file)).unwrap();
        assert_eq!(code(&text).matches("sleep(").count(), 1, "tests/{file} has one place that pauses");
    }
}

#[test]
fn no_file_is_called_mod_rs_and_no_catch_all_room_exists() {
    let banned = [
        "mod", "utils", "util", "helpers", "helper", "common", "types", "model", "manager", "handler",
        "service",
    ];
    for dir in ["src", "tests"] {
        for (file, _) in files(dir) {
            for part in Path::new(&file).iter().map(|part| part.to_str().unwrap().trim_end_matches(".rs")) {
                assert!(!banned.contains(&part), "{dir}/{file}: name it after its noun");
            }
        }
    }
}

#[test]
fn the_changelog_has_an_unreleased_head() {
    let path = root().join("CHANGELOG.md");
    let Ok(text) = fs::read_to_string(&path) else {
        println!("skipped: {} is not there yet", path.display());
        return;
    };
    let first = text.lines().find(|line| line.starts_with("## ")).unwrap_or_default();
    assert!(first.to_lowercase().contains("unreleased"), "the first section is {first:?}, not Unreleased");
}
