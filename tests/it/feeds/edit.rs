//! Edits of `feeds.toml`: what is added and removed, and that everything else stays byte for byte.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;
use url::Url;
use wirewatch::config::edit::draft::{Draft, EditError};
use wirewatch::config::edit::{Addition, add, listed, remove};
use wirewatch::config::{self, Environment};

fn addition(url: &str) -> Addition {
    Addition::new(Url::parse(url).unwrap())
}

fn new() -> Addition {
    Addition { name: Some("New".to_owned()), ..addition("https://new.example/feed") }
}

const BLOCK: &str = "[[feed]]\nurl = \"https://new.example/feed\"\nname = \"New\"\n";

#[test]
fn a_feed_is_added_at_the_end_and_all_else_stays() {
    let check = |before: &str, expected: &str| {
        let after = add(before, &[new()]).unwrap();
        assert_eq!(after, expected, "after adding to {before:?}");
    };
    check("", BLOCK);
    check("# my feeds\n", &format!("# my feeds\n\n{BLOCK}"));
    let one = "[[feed]]\nurl = 'https://a.example/'   # mine\n";
    check(one, &format!("{one}\n{BLOCK}"));
    check(one.trim_end(), &format!("{one}\n{BLOCK}"));
    check(&format!("{one}\n"), &format!("{one}\n{BLOCK}"));
    check(&format!("{one}\n\n# the end\n"), &format!("{one}\n\n# the end\n\n{BLOCK}"));
    let windows = one.replace('\n', "\r\n");
    check(&windows, &format!("{windows}\r\n{}", BLOCK.replace('\n', "\r\n")));
    let inner = "[[feed]]\nurl = \"https://a.example/\"\nheaders = { a = \"b\" }\n[feed.more]\nx = 1\n";
    check(inner, &format!("{inner}\n{BLOCK}"));
    let spread = "[[ \"feed\" ]]\n\"url\" = \"\"\"\nhttps://a.example/\"\"\"\n";
    check(spread, &format!("{spread}\n{BLOCK}"));
}

#[test]
fn a_feed_is_added_to_a_list_on_one_line_or_several() {
    let entry = "{ url = \"https://new.example/feed\", name = \"New\" }";
    let check = |before: &str, expected: &str| {
        let after = add(before, &[new()]).unwrap();
        assert_eq!(after, expected.replace("NEW", entry), "after adding to {before:?}");
    };
    check("feed = []\n", "feed = [NEW]\n");
    check("feed = [{ url = \"https://a.example/\" }]", "feed = [{ url = \"https://a.example/\" }, NEW]");
    check("feed = [{ url = \"https://a.example/\" },]", "feed = [{ url = \"https://a.example/\" }, NEW]");
    check(
        "feed = [\n    { url = \"https://a.example/\" }, # a\n    { url = \"https://b.example/\" } # b\n]\n",
        "feed = [\n    { url = \"https://a.example/\" }, # a\n    { url = \"https://b.example/\" }, # b\n    NEW,\n]\n",
    );
    check(
        "feed = [\r\n\t{ url = \"https://a.example/\" },\r\n]\r\n",
        "feed = [\r\n\t{ url = \"https://a.example/\" },\r\n\tNEW,\r\n]\r\n",
    );
    check(
        "feed = [\n  { url = \"https://a.example/\" }]\n",
        "feed = [\n  { url = \"https://a.example/\" },\n  NEW,]\n",
    );
}

#[test]
fn every_key_is_written_so_that_it_reads_back() {
    let full = Addition {
        name: Some("Näme \"q\" \\ \u{7}\u{202e} هدنة".to_owned()),
        publisher: Some("example.org".to_owned()),
        tier: Some(1),
        tags: vec!["welt".to_owned(), "ЮАР_2".to_owned()],
        language: Some("de".to_owned()),
        interval: Some(Duration::from_secs(330)),
        allow_private_addresses: Some(true),
        ..addition("https://new.example/feed?a=1&b=%22#x")
    };
    for before in ["", "feed = []\n"] {
        let text = add(before, std::slice::from_ref(&full)).unwrap();
        let table: toml::Table = text.parse().unwrap();
        let feed = table["feed"][0].as_table().unwrap();
        assert_eq!(feed["name"].as_str(), full.name.as_deref(), "{text}");
        assert_eq!(feed["tier"].as_integer(), Some(1));
        assert_eq!(feed["tags"].as_array().unwrap().len(), 2);
        assert_eq!(feed["interval"].as_str(), Some("5m 30s"), "{text}");
        assert_eq!(feed["url"].as_str(), Some(full.url.as_str()));
        assert_eq!(feed["allow_private_addresses"].as_bool(), Some(true));
    }
}

/// The line above, the feed `b`, the line below.
#[test]
fn a_feed_is_removed_with_its_own_comment_and_no_other() {
    let check = |before: &str, expected: &str| {
        let place = listed(before).unwrap().iter().position(|feed| feed.url.contains("//b.")).unwrap();
        assert_eq!(remove(before, &[place]).unwrap(), expected, "after removing b from {before:?}");
    };
    let a = "[[feed]]\nurl = \"https://a.example/\"\n";
    let b = "[[feed]]\nurl = \"https://b.example/\"\ntags = [\n  \"x\", # why\n]\n";
    let c = "[[feed]]\nurl = \"https://c.example/\"\n";
    check(b, "");
    check(&format!("{a}\n{b}\n{c}"), &format!("{a}\n{c}"));
    check(&format!("{a}{b}{c}"), &format!("{a}{c}"));
    check(&format!("{a}{b}\n{c}"), &format!("{a}\n{c}"));
    check(&format!("{a}\n\n\n{b}"), a);
    check(&format!("{a}\n{}", b.trim_end()), a);
    check(&format!("{b}\n\n{c}"), c);
    check(&format!("# head\n\n# b is slow\n#  really\n{b}\n# c\n{c}"), &format!("# head\n\n# c\n{c}"));
    check(&format!("{a}# about b\n{b}# left behind\n\n{c}"), &format!("{a}# left behind\n\n{c}"));
    check(&format!("{a}\n  # indented\n  {b}\n{c}"), &format!("{a}\n{c}"));
    let windows = |text: &str| text.replace('\n', "\r\n");
    check(&windows(&format!("{a}\n# b\n{b}\n{c}")), &windows(&format!("{a}\n{c}")));
    let deep = format!("{b}headers = {{ x = \"y\" }}\n[feed.more] # here\ny = '''\nlong\n'''\n");
    check(&format!("{a}\n{deep}\n{c}"), &format!("{a}\n{c}"));
    check(&format!("{a}\n[[feed]] # b ü\nname = \"ü\"\nurl = \"https://b.example/ü\"\n"), a);
}

#[test]
fn a_feed_is_removed_from_a_list() {
    let check = |before: &str, expected: &str| {
        let place = listed(before).unwrap().iter().position(|feed| feed.url.contains("//b.")).unwrap();
        assert_eq!(remove(before, &[place]).unwrap(), expected, "after removing b from {before:?}");
    };
    let (a, b, c) = (
        "{ url = \"https://a.example/\" }",
        "{ url = \"https://b.example/\" }",
        "{ url = \"https://c.example/\" }",
    );
    check(&format!("feed = [{b}]\n"), "feed = []\n");
    check(&format!("feed = [{b},]\n"), "feed = []\n");
    check(&format!("feed = [{a}, {b}, {c}]\n"), &format!("feed = [{a}, {c}]\n"));
    check(&format!("feed = [{a}, {b}]\n"), &format!("feed = [{a}]\n"));
    check(&format!("feed = [{b}, {c},]\n"), &format!("feed = [{c},]\n"));
    check(
        &format!("feed = [\n  {a}, # a\n  # about b\n  {b}, # b\n  {c},\n]\n"),
        &format!("feed = [\n  {a}, # a\n  {c},\n]\n"),
    );
    check(&format!("feed = [\n  {a},\n  {b}\n]\n"), &format!("feed = [\n  {a},\n]\n"));
    // What is said of the others stays.
    check(&format!("feed = [{b}, # b\n  # about c\n  {c}]\n"), &format!("feed = [\n  # about c\n  {c}]\n"));
    check(&format!("feed = [{a}, # a\n  {b}]\n"), &format!("feed = [{a}, # a\n  ]\n"));
    check(&format!("feed = [{a}, # a\n  # b\n  {b},]\n"), &format!("feed = [{a}, # a\n  # b\n  ]\n"));
    check(&format!("feed = [{a}, {b} # b?\n, # c\n{c}]\n"), &format!("feed = [{a},  # c\n{c}]\n"));
}

#[test]
fn what_cannot_be_edited_safely_is_refused() {
    let check = |before: &str, line: Option<usize>, words: &str| {
        let refusal = add(before, &[new()]).unwrap_err();
        assert_eq!(refusal.line, line, "{before:?}: {refusal:?}");
        assert!(refusal.message.contains(words), "{before:?}: {refusal:?}");
    };
    check("# ok\n[[feed]\n", Some(2), "not TOML");
    check("feed = 3\n", Some(1), "not a list");
    check("\nfeed = [1]\n", Some(2), "without an address");
    check("[[feed]]\nname = \"x\"\n", Some(1), "without an address");
    check("[feed]\nurl = \"https://a.example/\"\n", Some(1), "not a list");
    assert!(remove("", &[0]).is_err());
}

#[test]
fn listed_names_lines_and_what_is_off() {
    let text = "# x\n[[feed]]\nurl = \"https://a.example/\"\n\n[[feed]]\nname = \"B\"\nurl = \"u\"\nenabled = false\n";
    let feeds = listed(text).unwrap();
    assert_eq!((feeds[0].line, feeds[0].is_enabled, feeds[0].name.as_deref()), (2, true, None));
    assert_eq!((feeds[1].line, feeds[1].is_enabled, feeds[1].name.as_deref()), (5, false, Some("B")));
    assert!(listed("").unwrap().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// What is added and then removed leaves the file as it was, whatever stands between the feeds.
    #[test]
    fn adding_and_removing_comes_back_to_the_same_bytes(
        gaps in prop::collection::vec("(# [a-zé\"\\[\\]]{0,8}\n|\n){0,4}", 1..5),
        is_windows in any::<bool>(),
    ) {
        let mut before: String = gaps
            .iter()
            .enumerate()
            .map(|(n, gap)| format!("{gap}[[feed]]\nurl = \"https://{n}.example/\" # [[feed]]\n"))
            .collect();
        if is_windows {
            before = before.replace('\n', "\r\n");
        }
        let count = gaps.len();
        let added = add(&before, &[new()]).unwrap();
        prop_assert!(added.starts_with(&before));
        prop_assert_eq!(remove(&added, &[count]).unwrap(), before.clone());
        for place in 0..count {
            let left = remove(&added, &[place]).unwrap();
            let urls: Vec<String> = listed(&left).unwrap().into_iter().map(|feed| feed.url).collect();
            prop_assert_eq!(urls.len(), count);
            let gone = format!("https://{place}.example/");
            prop_assert!(!urls.contains(&gone));
        }
        prop_assert_eq!(listed(&remove(&added, &(0..=count).collect::<Vec<_>>()).unwrap()).unwrap().len(), 0);
    }

    /// No text makes an edit panic.
    #[test]
    fn any_text_is_edited_or_refused(text in "([\\[\\]{}=,#\"'\n\r ]|feed|url|a|é){0,40}") {
        drop(add(&text, &[new()]));
        drop(remove(&text, &[0]));
        drop(listed(&text));
    }
}

/// A configuration directory with one feed.
fn directory(text: &str) -> TempDir {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("wirewatch.toml"), "").unwrap();
    fs::write(dir.path().join("feeds.toml"), text).unwrap();
    dir
}

const ONE: &str = "[[feed]]\nurl = \"https://a.example/\"\n";

/// Opens, edits and puts; `between` happens after the file was read.
fn edit(dir: &TempDir, addition: &Addition, between: impl FnOnce()) -> Result<(), EditError> {
    let mut draft = Draft::open(&dir.path().join("feeds.toml"))?;
    draft.text = add(&draft.text, std::slice::from_ref(addition)).unwrap();
    between();
    draft.put(dir.path(), &Environment::default()).map(drop)
}

/// Names in the directory.
fn names(dir: &TempDir) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir.path())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_is_replaced_at_once_with_its_mode_its_mark_and_its_link() {
    let dir = directory("");
    let elsewhere = dir.path().join("real.toml");
    fs::write(&elsewhere, format!("\u{feff}{ONE}")).unwrap();
    fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o640)).unwrap();
    fs::remove_file(dir.path().join("feeds.toml")).unwrap();
    symlink("real.toml", dir.path().join("feeds.toml")).unwrap();
    edit(&dir, &new(), || {}).unwrap();
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), format!("\u{feff}{ONE}\n{BLOCK}"));
    assert_eq!(fs::metadata(&elsewhere).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(dir.path().join("feeds.toml").is_symlink());
    assert_eq!(names(&dir), ["feeds.toml", "real.toml", "wirewatch.toml"]);
    assert_eq!(config::load(dir.path(), &Environment::default()).unwrap().config.feeds.len(), 2);
}

#[test]
fn a_file_that_is_not_there_is_made() {
    let dir = directory("");
    fs::remove_file(dir.path().join("feeds.toml")).unwrap();
    edit(&dir, &new(), || {}).unwrap();
    assert_eq!(fs::read_to_string(dir.path().join("feeds.toml")).unwrap(), BLOCK);
}

#[test]
fn a_file_that_changed_meanwhile_or_would_not_load_stays() {
    let dir = directory(ONE);
    let path = dir.path().join("feeds.toml");
    let theirs = format!("{ONE}# mine\n");
    let error = edit(&dir, &new(), || fs::write(&path, &theirs).unwrap()).unwrap_err();
    assert!(matches!(error, EditError::Changed { .. }), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), theirs);

    let bad = Addition { tags: vec!["two words".to_owned()], ..new() };
    let error = edit(&dir, &bad, || {}).unwrap_err();
    let EditError::Problems(problems) = &error else { panic!("{error}") };
    assert!(problems[0].message.contains("not one word"), "{problems:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), theirs);
    assert_eq!(names(&dir), ["feeds.toml", "wirewatch.toml"]);
}

#[test]
fn two_edits_at_a_time_do_not_mix() {
    let dir = directory(ONE);
    let first = Draft::open(&dir.path().join("feeds.toml")).unwrap();
    let second = Draft::open(&dir.path().join("feeds.toml")).unwrap_err();
    assert!(matches!(second, EditError::Busy { .. }), "{second}");
    drop(first);
    edit(&dir, &new(), || {}).unwrap();
}
