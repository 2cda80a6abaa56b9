//! `replay --compare` says what is told to others, or as something else; and a replay trusts nothing that lies in the temporary
//! directory.

use std::fs;

use serde_json::Value;

use super::super::support::desk::{Desk, ROUTE};
use super::laboratory::{beside, desk, entry, of};

/// One alert at nine, and the world until the next day's noon.
fn input(desk: &Desk) -> String {
    let lines = [
        entry("first", "one.example", "2026-03-01T09:00:00Z", "Truce broken in the northern valley"),
        entry("end", "one.example", "2026-03-02T12:00:00Z", "Calm seas in the harbour today"),
    ];
    desk.file("march.jsonl", lines.concat()).to_str().unwrap().to_owned()
}

/// Compares the desk with one beside it whose main file has these lines, and its topic these changes.
fn compared(main: &str, changes: &[(&str, &str)]) -> (Vec<Value>, String) {
    let desk = desk(&[]);
    let next = beside(&desk, changes, &[]);
    fs::write(desk.path("next/wirewatch.toml"), format!("data_dir = \"../data\"\n{main}")).unwrap();
    let file = input(&desk);
    let lines = desk.run(&["replay", "--json", "--compare", &next, &file]).expect(0).json();
    (lines, desk.run(&["replay", "--compare", &next, &file]).expect(0).out)
}

#[test]
fn what_is_told_otherwise_at_the_same_time_is_a_difference() {
    let daily = format!("{ROUTE}\nmode = \"daily\"\n");
    let cases = [
        ("", &[][..], &["to"][..], "to: desk@example.org in A, nobody in B"),
        (
            ROUTE,
            &[("severity = \"critical\"", "severity = \"info\"")],
            &["severity"],
            "severity: critical in A, info in B",
        ),
        (&daily, &[], &["to", "held"], "held: nobody in A, desk@example.org until 2026-03-0"),
    ];
    for (main, changes, differs, words) in cases {
        let (lines, text) = compared(main, changes);
        let found = of(&lines, "difference");
        assert_eq!(found.len(), 1, "{lines:?}");
        assert_eq!((&found[0]["in"], &found[0]["later_seconds"]), (&"both".into(), &0.into()));
        assert_eq!(found[0]["differs"], serde_json::json!(differs));
        let comparison = lines.last().unwrap();
        for (key, count) in [("only_a", 0), ("only_b", 0), ("moved", 0), ("otherwise", 1), ("same", 0)] {
            assert_eq!(comparison[key], count, "{key}: {comparison}");
        }
        assert_eq!(comparison["per_topic"]["broken-truce"]["otherwise"], 1, "{comparison}");
        assert_eq!(comparison["a"]["later_mails"], 0, "{comparison}");
        assert_eq!(comparison["b"]["later_mails"], i32::from(differs.contains(&"held")), "{comparison}");
        assert!(text.contains("in both, told otherwise: 1") && text.contains(words), "{text}");
    }
}

#[test]
fn a_correction_is_not_the_same_as_the_news_it_takes_back() {
    let hours = [("update_every = \"1h\"", "update_every = \"12h\"")];
    let one = ("close_after = \"1h\"", "close_after = \"48h\"");
    let two = ("close_after = \"1h\"", "close_after = \"48h\"\npublishers = 2");
    let desk = desk(&[hours[0], one]);
    let next = beside(&desk, &[hours[0], two], &[]);
    let input = [
        entry(
            "told",
            "one.example",
            "2026-03-01T09:00:00Z",
            "Truce broken as militia shells the market of Arlen",
        ),
        entry(
            "next",
            "two.example",
            "2026-03-01T14:00:00Z",
            "Truce broken: militia shells market in Arlen, mayor says",
        ),
        entry(
            "told",
            "one.example",
            "2026-03-01T14:00:00Z",
            "Correction: no truce fell in Arlen, mayor says",
        ),
        entry("end", "one.example", "2026-03-01T15:00:00Z", "Calm seas in the harbour today"),
    ];
    let file = desk.file("march.jsonl", input.concat());
    let lines = desk.run(&["replay", "--json", "--compare", &next, file.to_str().unwrap()]).expect(0).json();
    let kinds = |side: &str| -> Vec<(Value, Value)> {
        let found = of(&lines, "difference");
        found.iter().map(|line| (line[side]["kind"].clone(), line["later_seconds"].clone())).collect()
    };
    assert_eq!(kinds("a"), kinds("b"), "{lines:?}");
    assert_eq!(kinds("a")[0], ("first".into(), (5 * 3600).into()));
    let comparison = lines.last().unwrap();
    for side in ["a", "b"] {
        assert_eq!(comparison[side]["summary"]["alerts"], 2, "news and a correction: {comparison}");
    }
}

#[test]
fn what_lies_in_the_temporary_directory_is_not_taken_for_its_own() {
    let desk = desk(&[]);
    desk.run(&["run", "--once"]).expect(0);
    let file = input(&desk);
    let plain = desk.run(&["replay", "--json", &file]).expect(0).out;
    // A directory of the name it had, of the process it will be, with the live database in it.
    let trap = "for end in '' -a; do dir=\"$TMPDIR/wirewatch-replay-$$$end\"; mkdir \"$dir\" && \
                ln -s \"$TMPDIR/data/wirewatch.db\" \"$dir/wirewatch.db\"; done; exec \"$@\"";
    let replay = desk.program(&["replay", "--json", &file]);
    let mut shell = desk.command("sh");
    shell.args(["-c", trap, "sh"]).arg(replay.get_program()).args(replay.get_args());
    let ran = desk.spawn(shell).ended().expect(0);
    assert_eq!(ran.out, plain);
    assert_eq!((desk.count("articles"), desk.count("alerts WHERE topic IS NOT NULL")), (0, 0));
    let left = fs::read_dir(desk.path("")).unwrap().filter_map(Result::ok);
    let left = left.filter(|entry| entry.file_name().to_string_lossy().starts_with("wirewatch-replay-"));
    assert_eq!(left.count(), 2, "its own is gone, the traps are not its to remove");
}
