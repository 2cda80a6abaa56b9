//! What holds for every command: help, usage errors, closed pipes, generated files.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use super::super::support::desk::{Desk, ROUTE, eventually};

/// Every command and its subcommands, as the help lists them.
fn commands(desk: &Desk, path: &[String]) -> Vec<Vec<String>> {
    let mut args: Vec<&str> = path.iter().map(String::as_str).collect();
    args.push("--help");
    let help = desk.run(&args).expect(0).out;
    let mut found = vec![path.to_vec()];
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    for line in listed.take_while(|line| line.starts_with("  ")) {
        let is_entry = line.chars().nth(2).is_some_and(|c| c != ' ');
        let name = line.split_whitespace().next().unwrap_or_default();
        if is_entry && name != "help" {
            let mut deeper = path.to_vec();
            deeper.push(name.to_owned());
            found.extend(commands(desk, &deeper));
        }
    }
    found
}

#[test]
fn every_command_explains_itself_with_an_example() {
    let desk = Desk::new("");
    let all = commands(&desk, &[]);
    let names: Vec<String> = all.iter().map(|path| path.join(" ")).collect();
    for expected in [
        "run",
        "init",
        "check",
        "score",
        "replay",
        "topics list",
        "topics test",
        "topics show",
        "topics import",
        "topics new",
        "topics evaluate",
        "topics learn",
        "topics surges",
        "feeds list",
        "articles search",
        "articles show",
        "articles label",
        "alerts list",
        "alerts show",
        "alerts feedback",
        "alerts export",
        "mail test",
        "status",
        "db check",
        "db stats",
        "db audit",
        "completions",
        "man",
    ] {
        assert!(names.iter().any(|name| name == expected), "{expected} is missing from {names:?}");
    }
    for path in &all {
        let mut args: Vec<&str> = path.iter().map(String::as_str).collect();
        args.push("--help");
        let help = desk.run(&args).expect(0).out;
        assert!(help.contains("Example"), "wirewatch {} --help shows no example:\n{help}", path.join(" "));
    }
}

#[test]
fn wrong_usage_ends_with_2_and_says_what_is_known() {
    let desk = Desk::new("");
    for args in [
        &["wacth"][..],
        &[],
        &["run", "--twice"],
        &["alerts", "show"],
        &["alerts", "show", "seven"],
        &["replay"],
        &["completions", "dos"],
    ] {
        let ran = desk.run(args).expect(2);
        assert!(ran.err.contains("--help") || ran.err.contains("Usage: "), "{args:?}: {ran:?}");
        assert!(ran.out.is_empty(), "{args:?}: {ran:?}");
    }
    assert!(desk.run(&["statsu"]).expect(2).err.contains("'status'"), "a slip gets a suggestion");
    assert!(desk.run(&["--version"]).expect(0).out.starts_with("wirewatch "));
}

#[test]
fn completions_and_the_manual_know_the_commands() {
    let desk = Desk::new("");
    for (shell, sign) in
        [("bash", "complete -F"), ("zsh", "#compdef wirewatch"), ("fish", "complete -c wirewatch")]
    {
        let ran = desk.run(&["completions", shell]).expect(0);
        assert!(ran.out.contains(sign) && ran.out.contains("replay"), "{shell}: {}", ran.out);
        assert_eq!(ran.err, "");
    }
    let manual = desk.run(&["man"]).expect(0).out;
    assert!(manual.contains(".TH wirewatch 1") && manual.contains("replay"), "{manual}");
    // Neither needs a configuration.
    desk.run(&["--config", "nowhere", "completions", "bash"]).expect(0);
    desk.run(&["--config", "nowhere", "man"]).expect(0);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let desk = Desk::new(ROUTE);
    desk.feeds(["https://news.example.org/feed"]);
    let lines: String = (0..4000)
        .map(|number| format!("{{\"id\": \"{number}\", \"title\": \"Army violates ceasefire near town {number}\", \"published\": \"2026-01-01T00:00:00Z\"}}\n"))
        .collect();
    let file = desk.file("many.jsonl", lines);
    let file = file.to_str().unwrap();
    for args in [
        &["score", "--json", file][..],
        &["score", file],
        &["replay", "--json", file],
        &["completions", "bash"],
        &["man"],
    ] {
        let mut command = desk.program(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        assert!(!first.is_empty(), "{args:?}");
        // The reader is gone from here on; whether the program had finished writing does not matter.
        let status = eventually("it ends", || child.try_wait().unwrap());
        let mut errors = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut errors).unwrap();
        assert_eq!((status.code(), errors.as_str()), (Some(0), ""), "{args:?}");
    }
}
