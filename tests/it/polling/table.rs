//! docs/polling.md: every rule has its row, and every test that carries a rule's number stands in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const RULES: u32 = 43;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Names of functions `cNN_…` in a directory of Rust files, by rule.
fn collect(dir: &Path, found: &mut BTreeMap<u32, BTreeSet<String>>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let lines: Vec<&str> = text.lines().map(str::trim).collect();
            for pair in lines.windows(2).filter(|pair| pair[0].starts_with("#[") && pair[0].contains("test"))
            {
                let name = pair[1].trim_start_matches("async ").strip_prefix("fn ");
                let Some(name) = name.and_then(|rest| rest.split('(').next()) else { continue };
                let number = name.strip_prefix('c').and_then(|rest| rest.split('_').next());
                if let Some(rule) = number.and_then(|number| number.parse().ok()) {
                    found.entry(rule).or_default().insert(name.to_owned());
                }
            }
        }
    }
}

#[test]
fn every_rule_has_a_row_and_every_test_stands_in_its_own() {
    let mut tests = BTreeMap::new();
    collect(&root().join("tests"), &mut tests);
    collect(&root().join("src"), &mut tests);
    assert!(tests.keys().all(|rule| (1..=RULES).contains(rule)), "{:?}", tests.keys());
    let path = root().join("docs/polling.md");
    let page = fs::read_to_string(&path).unwrap();
    let mut rules = Vec::new();
    let current: Vec<String> = page
        .lines()
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let rule = cells
                .get(1)
                .and_then(|cell| cell.strip_prefix('C'))
                .and_then(|number| number.parse::<u32>().ok());
            let (Some(rule), Some(behaviour)) = (rule, cells.get(2)) else { return line.to_owned() };
            rules.push(rule);
            let names: Vec<String> =
                tests.get(&rule).into_iter().flatten().map(|name| format!("`{name}`")).collect();
            let names = names.join("<br>");
            let result = if names.is_empty() { "open" } else { "holds" };
            format!("| C{rule} | {behaviour} | {names} | {result} |")
        })
        .collect();
    let current = current.join("\n") + "\n";
    assert_eq!(rules, (1..=RULES).collect::<Vec<_>>(), "a row for each rule, in order");
    #[allow(clippy::disallowed_methods, reason = "a switch of the test, not of the product")]
    if std::env::var_os("UPDATE_DOCS").is_some() {
        return fs::write(&path, &current).unwrap();
    }
    let behind = "docs/polling.md does not list the tests as they are: run this with UPDATE_DOCS=1";
    assert!(page == current, "{behind}");
}
