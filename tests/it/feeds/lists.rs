//! Lists of feeds from and for other readers (OPML).

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use tempfile::TempDir;
use wirewatch::config::opml::{List, export, import};
use wirewatch::config::{self, Environment};

use super::super::support::desk::{data_beside, now};
use super::super::support::growth::assert_linear;

fn read(bytes: impl AsRef<[u8]>) -> List {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("list.opml");
    fs::write(&path, bytes).unwrap();
    import(&path).unwrap()
}

/// `name url tags` of each feed.
fn shown(list: &List) -> Vec<String> {
    let show = |(outline, _): &(config::opml::Outline, usize)| {
        format!("{} {} {}", outline.name.as_deref().unwrap_or("-"), outline.url, outline.tags.join(","))
    };
    list.feeds.iter().map(show).collect()
}

/// `line: message` of each problem.
fn slips(list: &List) -> Vec<String> {
    list.problems.iter().map(|it| format!("{}: {}", it.line.unwrap_or(0), it.message)).collect()
}

fn opml(body: &str) -> String {
    format!("<opml version=\"2.0\"><head/><body>\n{body}\n</body></opml>")
}

#[test]
fn what_readers_export_is_read() {
    let check = |body: &str, expected: &[&str]| {
        let list = read(opml(body));
        assert_eq!(shown(&list), expected, "{body}");
        assert!(list.problems.is_empty(), "{body}: {:?}", slips(&list));
    };
    // A folder of feeds with both names; a feed without a folder; categories beside and instead of folders.
    check(
        "<outline text='World' title='World'><outline text='t' title='T' type='rss' xmlUrl='https://a.example/' htmlUrl='https://x'/></outline>",
        &["T https://a.example/ world"],
    );
    check("<outline text='T' xmlUrl='https://a.example/'></outline>", &["T https://a.example/ "]);
    check(
        "<outline xmlURL='https://a.example/' category='/World/Africa,Top News'/>",
        &["- https://a.example/ World,Africa,top-news"],
    );
    check("<outline xmlUrl='https://a.example/' categories='one,two'/>", &["- https://a.example/ one,two"]);
    check(
        "<outline text='Réseau Afrique'><outline text='الشرق الأوسط'><outline text='x' xmlUrl='https://a.example/'/></outline></outline>",
        &["x https://a.example/ réseau-afrique,الشرق-الأوسط"],
    );
    // A folder and a category of the same word are one tag, as the category writes it.
    check("<outline text='UN'><outline text='x' xmlUrl='u' category='UN'/></outline>", &["x u UN"]);
    check("<outline text='!?'><outline text='x' xmlUrl='u'/></outline>", &["x u "]);
    check("<outline text='a&#10;b' xmlUrl='u'/>", &["a b u "]);
}

#[test]
fn broken_nesting_is_read_and_its_places_are_named() {
    let check = |body: &str, expected: &[&str], places: &[&str]| {
        let list = read(opml(body));
        assert_eq!(shown(&list), expected, "{body}");
        assert_eq!(slips(&list), places, "{body}");
        assert!(list.is_whole());
    };
    let feed = |name: &str| format!("<outline text='{name}' xmlUrl='https://{name}.example/'/>");
    check(
        &format!("<outline text='one'>\n{}\n<outline text='two'>\n{}\n</outline>", feed("a"), feed("b")),
        &["a https://a.example/ one", "b https://b.example/ one,two"],
        &["2: this outline is never closed"],
    );
    check(
        &format!("<outline text='one'>{}</outline></outline>\n</outline>{}", feed("a"), feed("b")),
        &["a https://a.example/ one", "b https://b.example/ "],
        &["2: this closes an outline that is not open", "3: this closes an outline that is not open"],
    );
    check(
        &format!("<outline text='one'><b>{}</i></outline>{}", feed("a"), feed("b")),
        &["a https://a.example/ one", "b https://b.example/ "],
        &[],
    );
}

#[test]
fn a_list_that_breaks_off_is_read_up_to_there() {
    let list =
        read("<opml><body><outline text='a' xmlUrl='https://a.example/'/>\n<outline text='b' xmlUrl='https:");
    assert_eq!(shown(&list), ["a https://a.example/ "]);
    assert!(!list.is_whole());
    assert!(slips(&list)[0].starts_with("2: this is not XML"), "{:?}", slips(&list));
    for (text, words) in [
        ("", "not OPML"),
        ("hello", "not OPML"),
        ("<rss><channel/></rss>", "not OPML"),
        ("\0\u{1}", "not OPML"),
    ] {
        let list = read(text);
        assert!(list.feeds.is_empty() && !list.is_whole(), "{text:?}");
        assert!(slips(&list)[0].contains(words), "{text:?}: {:?}", slips(&list));
    }
    assert!(import(Path::new("/nowhere/list.opml")).is_err());
}

#[test]
fn an_outline_with_quotes_inside_quotes_is_taken_and_the_next_ones_too() {
    let list = read(opml(
        "<outline text='one'>\n<outline text=\"A\" description=\"the \"world's\" best\" xmlUrl=\"https://a.example/?x&amp;y\" />\n\
         <outline text=\"B\" xmlUrl=\"https://b.example/\"/></outline>\n<outline text=\"C\" xmlUrl=\"https://c.example/\"/>",
    ));
    assert_eq!(
        shown(&list),
        ["A https://a.example/?x&y one", "B https://b.example/ one", "C https://c.example/ "]
    );
    assert_eq!(slips(&list).len(), 1, "{:?}", slips(&list));
    assert!(slips(&list)[0].starts_with("3: this is not XML") && list.is_whole(), "{:?}", slips(&list));
    let many = read(opml(&"<outline text=\"A's \"b\" xmlUrl=\"u\"/>\n".repeat(50)));
    assert!(!many.is_whole() && many.feeds.len() >= 20, "{}", many.feeds.len());
}

#[test]
fn encodings_marks_and_entities() {
    let outline = "<outline text='Café' xmlUrl='https://a.example/'/>";
    let marked = format!("\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>{}", opml(outline));
    assert_eq!(shown(&read(marked)), ["Café https://a.example/ "]);
    let latin: Vec<u8> = format!("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>{}", opml(outline))
        .chars()
        .map(|letter| u8::try_from(u32::from(letter)).unwrap())
        .collect();
    assert_eq!(shown(&read(latin)), ["Café https://a.example/ "]);
    let wide: Vec<u8> =
        std::iter::once(0xFEFF).chain(opml(outline).encode_utf16()).flat_map(u16::to_le_bytes).collect();
    assert_eq!(shown(&read(wide)), ["Café https://a.example/ "]);

    let mut entities = "<!ENTITY a0 \"ha\">".to_owned();
    for level in 1..30 {
        entities.push_str(&format!("<!ENTITY a{level} \"{}\">", format!("&a{};", level - 1).repeat(10)));
    }
    entities.push_str("<!ENTITY f SYSTEM \"file:///etc/passwd\">");
    let body = opml("<outline text='&a29;&f;' xmlUrl='https://a.example/?x=1&amp;y=2'/>");
    let list = read(format!("<!DOCTYPE opml [{entities}]>{body}"));
    assert_eq!(shown(&list), ["&a29;&f; https://a.example/?x=1&y=2 "]);
}

#[test]
fn large_lists_cost_time_in_proportion_and_stop_at_a_limit() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("large.opml");
    let work = |text: &str| {
        fs::write(&path, text).unwrap();
        drop(import(&path).unwrap());
    };
    // On one line, nested without end, closed without end, and a tag that goes on for ever.
    assert_linear("one line", 1_000, |count| opml(&"<outline xmlUrl='u' text='&amp;'/>".repeat(count)), work);
    assert_linear("nested", 1_000, |count| opml(&"<outline text='a'>".repeat(count)), work);
    assert_linear("closed", 1_000, |count| opml(&"</outline>".repeat(count)), work);
    assert_linear("attributes", 1_000, |count| opml(&format!("<outline {}/>", "a='b' ".repeat(count))), work);
    let list = read(opml(&"<outline xmlUrl='u'/>".repeat(20_007)));
    assert_eq!((list.feeds.len(), list.left_out), (20_000, 7));
    let deep = format!(
        "{}<outline xmlUrl='u'/>{}",
        "<outline text='a'>".repeat(50_000),
        "</outline>".repeat(50_000)
    );
    let list = read(opml(&format!("{deep}<outline xmlUrl='v'/>")));
    assert_eq!(shown(&list), ["- u a", "- v "]);
    assert!(list.problems.is_empty(), "{:?}", slips(&list));
}

#[test]
fn an_export_comes_back_with_everything_opml_can_hold() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("wirewatch.toml"), "").unwrap();
    let feeds = r#"
[[feed]]
url = "https://me:hunter2@a.example/f?x=1&y='2'"
name = "A & <B> \"C\" 'D' \u0007 é"
tags = ["World", "un_ocha", "África"]
language = "en"
[[feed]]
url = "https://b.example/"
[[feed]]
url = "https://c.example/"
name = "C"
tags = ["un_ocha", "x"]
[[feed]]
url = "https://d.example/"
tags = ["World"]
"#;
    fs::write(dir.path().join("feeds.toml"), feeds.replace("\\u0007 ", "")).unwrap();
    let feeds = config::load(dir.path(), &Environment::default()).unwrap().config.feeds;
    let text = export(&feeds, now());
    assert!(!text.contains("hunter2"), "{text}");
    let list = read(&text);
    assert!(list.problems.is_empty() && list.left_out == 0, "{text}");
    assert_eq!(list.feeds.len(), feeds.len());
    for feed in &feeds {
        let (back, _) = list.feeds.iter().find(|(outline, _)| outline.url == feed.address()).unwrap();
        assert_eq!(back.name.as_deref(), Some(feed.name.as_str()), "{text}");
        assert_eq!(back.tags, feed.tags, "{text}");
        assert_eq!(back.language, feed.language, "{text}");
    }
    // Again the same, also as a file of the configuration.
    fs::write(dir.path().join("back.opml"), &text).unwrap();
    fs::write(dir.path().join("wirewatch.toml"), "feed_files = [\"back.opml\"]\n").unwrap();
    let again = config::load(dir.path(), &Environment::default()).unwrap().config.feeds;
    let body = |text: &str| text.split_once("<body>").unwrap().1.to_owned();
    assert_eq!(body(&export(&again, now())), body(&text));
}

#[test]
fn lists_of_the_corpus_are_read_whole() {
    let Some(root) = data_beside("opml") else { return };
    let (mut files, mut feeds, mut folders) = (0, 0, vec![root]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "opml") {
                let list = import(&path).unwrap();
                assert!(list.is_whole(), "{}: {:?}", path.display(), slips(&list));
                assert!(!list.feeds.is_empty(), "{}", path.display());
                files += 1;
                feeds += list.feeds.len();
            }
        }
    }
    assert!(files > 100 && feeds > 700, "{files} files, {feeds} feeds");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the bytes, reading ends, and tags are fit for the configuration.
    #[test]
    fn any_list_is_read(text in "(<opml>|<body>|</body>|<outline|</outline>| text='| xmlUrl=\"https://a\"| category='a/b,É é'|/>|>|['\"<&;é\\x00-\\x20]|<!\\[CDATA\\[|<!DOCTYPE|\\]\\]>){0,60}") {
        for (outline, line) in read(&text).feeds {
            prop_assert!(line >= 1 && !outline.url.is_empty());
            prop_assert!(outline.tags.iter().all(|tag| tag.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')));
        }
    }
}
