//! Documents that are broken in a known way: what stands in them is read, and what was wrong is said.

use proptest::prelude::*;
use wirewatch::feed::ProblemKind::{Date, EmptyEntry, Encoding, Markup, TooManyEntries, Truncated};
use wirewatch::feed::parse::{ENTRIES_MAX, ENTRIES_READ_MAX, NotAFeed, PageKind, TEXT_BYTES_MAX};
use wirewatch::feed::{Format, ProblemKind};

use crate::support::growth::assert_linear;

use super::{base, has_problem, item, read, rss, titles, try_read};

fn check(document: impl AsRef<[u8]>, expected: &[&str], problem: Option<ProblemKind>) {
    let document = document.as_ref();
    let feed = read(document);
    let shown = String::from_utf8_lossy(document);
    assert_eq!(titles(&feed), expected, "{shown}\n{:?}", feed.problems);
    match problem {
        Some(kind) => assert!(has_problem(&feed, kind), "no {kind:?} in {:?}: {shown}", feed.problems),
        None => assert!(feed.problems.is_empty(), "{:?}: {shown}", feed.problems),
    }
}

fn titled(first: &str) -> String {
    rss(&format!(
        "<item><title>{first}</title><link>https://a.example/1</link></item>\
         <item><title>Second</title><link>https://a.example/2</link></item>"
    ))
}

#[test]
fn broken_markup_costs_neither_the_feed_nor_the_neighbours() {
    check(titled("plain"), &["plain", "Second"], None);
    check(titled("AT&T wins & loses"), &["AT&T wins & loses", "Second"], Some(Markup));
    check(titled("a < b, 3<4"), &["a < b, 3<4", "Second"], Some(Markup));
    check(titled("R&D; more"), &["R&D; more", "Second"], Some(Markup));
    check(titled("x &bogus; y"), &["x &bogus; y", "Second"], Some(Markup));
    check(titled("x &#xD800; y"), &["x \u{FFFD} y", "Second"], None);
    check(titled("x &#8217; &#146; y"), &["x ’ ’ y", "Second"], None);
    check(titled("caf&eacute;&nbsp;open"), &["café\u{a0}open", "Second"], None);
    check(titled("Foo <b>bar</b> baz"), &["Foo <b>bar</b> baz", "Second"], None);
    check(titled("Foo <b>bar baz"), &["Foo <b>bar baz", "Second"], Some(Markup));
    check(titled("one</b> two"), &["one two", "Second"], Some(Markup));
    check(titled("a<br>b"), &["a<br>b", "Second"], None);
    check(
        rss("<item><title>unclosed<link>https://a.example/1</link></item><item><title>Second</title></item>"),
        &["unclosed", "Second"],
        Some(Markup),
    );
    check(
        rss("<item><title>First</title><item><title>Second</title></item>"),
        &["First", "Second"],
        Some(Markup),
    );
    check(
        rss("<item><title>First</title><foo><bar></item><item><title>Second</title></item>"),
        &["First", "Second"],
        Some(Markup),
    );
    check(
        rss("<item><title a=b c='d>First</title></item><item><title>Sec'ond</title></item>")
            .replace("c='d", ""),
        &["First", "Sec'ond"],
        None,
    );
    check(
        rss("<image><title>Logo<item><title>First</title></item><item><title>Second</title></item>"),
        &["First", "Second"],
        Some(Markup),
    );
    check(
        rss(
            "<item><title>First</title><!bogus><link>https://a.example/1</link></item><item><title>Second</title></item>",
        ),
        &["First", "Second"],
        Some(Markup),
    );
}

#[test]
fn what_stands_around_the_feed_does_not_matter() {
    let feed = titled("First");
    let expected = ["First", "Second"];
    check(format!("\n\n  <?xml version=\"1.0\"?>{feed}"), &expected, None);
    check(format!("\u{FEFF}{feed}"), &expected, None);
    check(format!("<br /><b>Warning</b>: in <b>/a.php</b> <?xml version=\"1.0\"?>{feed}"), &expected, None);
    check(format!("PHP notice: x < y\n{feed}"), &expected, Some(Markup));
    check(format!("{feed}<!-- cached --><script>if (a<b) c();</script>"), &expected, None);
    check(format!("{feed}\0\0\0"), &expected, Some(Markup));
    check(
        format!("<!DOCTYPE rss PUBLIC \"-//Netscape//DTD RSS 0.91//EN\" \"http://a.example/r.dtd\">{feed}"),
        &expected,
        None,
    );
}

#[test]
fn every_dialect_of_the_root_is_read() {
    let items = "<item><title>First</title><link>https://a.example/1</link></item>";
    for root in [
        "<rss>",
        "<rss version=\"2\">",
        "<rss version=\"0.93\">",
        "<rss version=\"0.94\">",
        "<RSS VERSION='2.0'>",
    ] {
        let end = if root.contains("RSS") { "RSS" } else { "rss" };
        check(format!("{root}<channel>{items}</channel></{end}>"), &["First"], None);
    }
    check(format!("<channel>{items}</channel>"), &["First"], None);
    check("<RSS><CHANNEL><ITEM><TITLE>First</TITLE></ITEM></CHANNEL></RSS>", &["First"], None);
    check("<entry><title>First</title><id>1</id></entry>", &["First"], None);
    let rdf = read(
        "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://my.netscape.com/rdf/simple/0.9/'>\
         <channel><title>Old</title></channel><item><title>First</title><link>http://a.example/1</link></item></rdf:RDF>",
    );
    assert_eq!((rdf.format, titles(&rdf), rdf.title.as_deref()), (Format::Rdf, vec!["First"], Some("Old")));
}

#[test]
fn nested_and_foreign_titles_are_nobodys_headline() {
    for other in [
        "<image><title>Logo</title></image>",
        "<media:title>Photo</media:title>",
        "<media:content><media:title>Photo</media:title></media:content>",
        "<source><title>Other feed</title></source>",
        "<itunes:title>Episode</itunes:title>",
        "<foo:title>Foo</foo:title>",
        "<enclosure><title>Sound</title></enclosure>",
    ] {
        let after = item(&format!("<title>Headline</title>{other}<link>https://a.example/1</link>"));
        let before = item(&format!("{other}<title>Headline</title><link>https://a.example/1</link>"));
        assert_eq!((after.title.as_str(), before.title.as_str()), ("Headline", "Headline"), "{other}");
    }
    assert_eq!(item("<media:title>Photo</media:title>").title, "Photo", "better than none");
}

#[test]
fn a_picture_s_caption_is_no_summary() {
    let check = |open: &str, close: &str, expected: Option<&str>| {
        let texts = "<media:title>Photo</media:title><media:description>Caption</media:description>";
        let entry = item(&format!("<title>Headline</title>{open}{texts}{close}"));
        assert_eq!((entry.title.as_str(), entry.summary.as_deref()), ("Headline", expected), "{open}");
        let entry = item(&format!("{open}{texts}{close}<link>https://a.example/1</link>"));
        assert_eq!(
            (entry.title.as_str(), entry.summary.as_deref()),
            (expected.map_or("", |_| "Photo"), expected),
            "{open}"
        );
    };
    check("<media:content medium='image'>", "</media:content>", None);
    check("<media:content type='image/jpeg'>", "</media:content>", None);
    check("<media:content url='https://a.example/1.jpg'>", "</media:content>", None);
    check("<media:content>", "</media:content>", None);
    check("<media:group><media:content medium='image'>", "</media:content></media:group>", None);
    check("<media:group>", "</media:group>", Some("Caption"));
    check("<media:group><media:content medium='image'/>", "</media:group>", Some("Caption"));
    check("<media:content medium='video'>", "</media:content>", Some("Caption"));
    check("<media:content type='video/mp4'>", "</media:content>", Some("Caption"));
    check("", "", Some("Caption"));
}

#[test]
fn encodings_are_found_out() {
    let cyrillic = "<rss version=\"2.0\"><channel><item><title>Перемирие нарушено в городе</title></item></channel></rss>";
    let (windows_1251, _, _) = encoding_rs::WINDOWS_1251.encode(cyrillic);
    check(&windows_1251, &["Перемирие нарушено в городе"], Some(Encoding));
    let declared = format!("<?xml version='1.0' encoding='windows-1251'?>{cyrillic}");
    check(&encoding_rs::WINDOWS_1251.encode(&declared).0, &["Перемирие нарушено в городе"], None);
    let utf16 = |little: bool| -> Vec<u8> {
        let declared = format!("\u{FEFF}<?xml version='1.0' encoding='utf-16'?>{cyrillic}");
        declared
            .encode_utf16()
            .flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() })
            .collect()
    };
    for bytes in [utf16(true), utf16(false), utf16(true)[2..].to_vec(), utf16(false)[2..].to_vec()] {
        check(&bytes, &["Перемирие нарушено в городе"], None);
    }
    let lying =
        format!("<?xml version='1.0' encoding='ISO-8859-1'?>{}", rss("<item><title>déjà vu</title></item>"));
    check(&lying, &["déjà vu"], None);
    let utf16_label =
        format!("<?xml version='1.0' encoding='utf-16'?>{}", rss("<item><title>déjà vu</title></item>"));
    check(&utf16_label, &["déjà vu"], None);
    check(b"<rss><channel><item><title>caf\xE9</title></item></channel></rss>", &["café"], Some(Encoding));
    let mixed = [rss("<item><title>déjà vu, crème</title></item>").as_bytes(), b"<!-- \x92 -->"].concat();
    check(&mixed, &["déjà vu, crème"], Some(Encoding));
}

#[test]
fn the_server_may_name_the_encoding() {
    let koi = encoding_rs::KOI8_R.encode("<rss><channel><item><title>Мир</title></item></channel></rss>").0;
    let read_as = |header: &str| {
        let feed = wirewatch::feed::parse::parse(&koi, &base(), Some(header)).expect("a feed");
        feed.entries[0].title.clone()
    };
    assert_eq!(read_as("application/xml; charset=koi8-r"), "Мир");
    assert_eq!(read_as("text/xml;charset=\"KOI8-R\""), "Мир");
}

#[test]
fn forbidden_characters_are_dropped_and_titles_are_one_line() {
    check(titled("a\u{1}b\u{0}c"), &["abc", "Second"], Some(Markup));
    check(titled("a\r\nBcc: all@a.example\n\tb"), &["a Bcc: all@a.example b", "Second"], None);
    check(titled("a&#1;b&#13;&#10;c"), &["ab c", "Second"], None);
    check(titled("don\u{92}t wait\u{85}"), &["don’t wait…", "Second"], None);
    check(titled("&scaron;&alpha;&NotEqualTilde;"), &["šα≂̸", "Second"], None);
}

#[test]
fn entities_a_document_defines_are_never_expanded() {
    let mut doctype = String::from("<!DOCTYPE rss [<!ENTITY a0 \"ha\">");
    for level in 1..10 {
        let inner = format!("&a{};", level - 1).repeat(10);
        doctype.extend(["<!ENTITY a", &level.to_string(), " \"", &inner, "\">"]);
    }
    doctype.push_str("<!ENTITY ext SYSTEM \"file:///etc/hostname\">]>");
    let feed = read(format!("<?xml version=\"1.0\"?>{doctype}{}", titled("&a9; &ext;")));
    assert_eq!(titles(&feed), ["&a9; &ext;", "Second"]);
    check(format!("<!DOCTYPE rss [<!ENTITY x 'y'>]>{}", titled("fine")), &["fine", "Second"], None);
}

#[test]
fn a_feed_cut_at_any_byte_keeps_every_entry_before_the_cut() {
    let documents = [
        titled("Grüße <![CDATA[<b>x</b>]]>").replace("<item>", "<item><guid>g</guid><description>d &amp; e</description>"),
        "<?xml version='1.0'?><feed xmlns='http://www.w3.org/2005/Atom'><title>é</title>\
         <entry><id>1</id><title type='html'>A &lt;b&gt;</title><link href='https://a.example/1'/></entry>\
         <entry><id>2</id><title>B</title><content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'><p>x</p></div></content></entry>\
         </feed>"
            .to_owned(),
        "{\"version\": \"https://jsonfeed.org/version/1.1\", \"title\": \"é\", \"items\": [{\"id\": 1, \"title\": \"A\"}, {\"id\": \"2\", \"content_text\": \"B {\"}]}"
            .to_owned(),
    ];
    for document in &documents {
        let whole = read(document);
        assert_eq!(whole.entries.len(), 2);
        let ends: Vec<usize> = if document.starts_with('{') {
            let last = document.rfind('}').expect("an end");
            let braces: Vec<usize> =
                document.match_indices('}').map(|(at, _)| at + 1).filter(|end| *end <= last).collect();
            vec![braces[0], braces[braces.len() - 1]]
        } else {
            let mark = if document.contains("</item>") { "</item>" } else { "</entry>" };
            document.match_indices(mark).map(|(at, mark)| at + mark.len()).collect()
        };
        for cut in 0..document.len() {
            let complete = ends.iter().filter(|end| **end <= cut).count();
            match try_read(&document.as_bytes()[..cut]) {
                Ok(feed) => {
                    assert!(
                        feed.entries.len() >= complete,
                        "{complete} entries before byte {cut} of {document}: {feed:?}"
                    );
                    assert_eq!(
                        feed.entries[..complete],
                        whole.entries[..complete],
                        "byte {cut} of {document}"
                    );
                }
                Err(refusal) => assert_eq!(complete, 0, "{refusal} at byte {cut} of {document}"),
            }
        }
    }
}

#[test]
fn a_break_is_said_and_half_an_entry_is_left_out() {
    let whole = titled("First");
    let (before, _) = whole.split_once("ond</title>").expect("a second title");
    check(before, &["First"], Some(Truncated));
    let before_link = whole.replace("Second</title>", "Second</title><guid>2</guid>");
    let (before, _) = before_link.rsplit_once("<link>").expect("a second link");
    check(before, &["First", "Second"], Some(Truncated));
}

#[test]
fn entries_without_something_are_kept_and_empty_ones_are_counted() {
    check(rss("<item><description>only text</description></item>"), &[""], None);
    check(rss("<item><link>https://a.example/1</link></item>"), &[""], None);
    check(rss("<item><title>t</title></item>"), &["t"], None);
    check(
        rss("<item><guid>1</guid></item><item/><item><title>t</title></item>"),
        &["", "", "t"],
        Some(EmptyEntry),
    );
    check(rss("<item><title>t</title><pubDate>soon</pubDate></item>"), &["t"], Some(Date));
    let undated = item("<title>t</title><pubDate> soon </pubDate>");
    assert_eq!((undated.published, undated.published_raw.as_deref()), (None, Some("soon")));
}

#[test]
fn everything_has_a_limit() {
    let many = "<item><title>t</title></item>".repeat(ENTRIES_MAX + 7);
    let feed = read(rss(&many));
    assert_eq!(feed.entries.len(), ENTRIES_MAX);
    let problem = feed.problems.iter().find(|problem| problem.kind == TooManyEntries).expect("a problem");
    assert!(problem.detail.contains(" 7 "), "{problem}");

    let huge = format!("{{\"items\": [{}]}}", vec!["{\"title\": \"t\"}"; ENTRIES_READ_MAX + 3].join(","));
    for document in [
        huge.clone(),
        huge.replace("]}", ""),
        rss(&"<item><title>t</title></item>".repeat(ENTRIES_READ_MAX + 3)),
    ] {
        let feed = read(document);
        assert_eq!(feed.entries.len(), ENTRIES_MAX);
        let problem = feed.problems.iter().find(|problem| problem.kind == TooManyEntries).expect("a problem");
        assert!(problem.detail.contains(" 18003 "), "{problem}");
    }

    let long = "é".repeat(TEXT_BYTES_MAX);
    let entry = item(&format!("<title>t</title><description>{long}</description>"));
    assert_eq!(entry.summary.expect("a text").len(), TEXT_BYTES_MAX);

    let deep = format!("{}x{}", "<div>".repeat(200_000), "</div>".repeat(200_000));
    let feed = read(rss(&format!(
        "<item><title>deep</title><description>{deep}</description></item><item><title>next</title></item>"
    )));
    assert_eq!(titles(&feed), ["deep", "next"]);
    let feed = read(rss(&format!("{}<item><title>deep</title></item>", "<x>".repeat(200_000))));
    assert_eq!(titles(&feed), ["deep"]);
    let json = format!("{{\"items\": [{{\"id\": 1, \"title\": \"t\"}}, {}", "[".repeat(200_000));
    assert_eq!(titles(&read(json)), ["t"]);
    let attributes = " a='b'".repeat(100_000);
    assert_eq!(titles(&read(rss(&format!("<item{attributes}><title>t</title></item>")))), ["t"]);
}

#[test]
fn of_too_many_entries_the_newest_are_kept_in_their_order() {
    let item = |number: usize, date: &str| format!("<item><title>{number}</title>{date}</item>");
    let dated = |number: usize| {
        let (day, minute) = (number / 1_000 + 1, number % 1_000);
        item(
            number,
            &format!("<pubDate>2026-07-{day:02}T{:02}:{:02}:00Z</pubDate>", minute / 60, minute % 60),
        )
    };
    let count = ENTRIES_MAX + 5;
    let oldest_first: String = (0..count).map(dated).collect();
    let newest_first: String = (0..count).rev().map(dated).collect();
    let undated: String = (0..count).map(|number| item(number, "")).collect();
    let mixed = item(count, "") + &oldest_first;
    let numbers = |items: &str| -> Vec<usize> {
        titles(&read(rss(items))).iter().map(|title| title.parse().expect("a number")).collect()
    };
    assert_eq!(numbers(&oldest_first), (5..count).collect::<Vec<_>>());
    assert_eq!(numbers(&newest_first), (5..count).rev().collect::<Vec<_>>());
    assert_eq!(numbers(&undated), (0..ENTRIES_MAX).collect::<Vec<_>>());
    assert_eq!(numbers(&mixed), std::iter::once(count).chain(6..count).collect::<Vec<_>>());
}

#[test]
fn what_is_no_feed_is_refused_in_words() {
    let check =
        |document: &str, expected: NotAFeed| assert_eq!(try_read(document), Err(expected), "{document}");
    check("", NotAFeed::Empty);
    check(" \n\0 ", NotAFeed::Empty);
    check(
        "<!DOCTYPE html><html><head><title>Please\n log in</title></head><body><p>x<item>y</body></html>",
        NotAFeed::HtmlPage { kind: PageKind::Login, title: Some("Please log in".to_owned()) },
    );
    check("<opml version='2.0'><body/></opml>", NotAFeed::UnknownMarkup { root: "opml".to_owned() });
    check("{\"error\": \"gone\"}", NotAFeed::OtherJson);
    check("[1, 2", NotAFeed::OtherJson);
    check("Service unavailable", NotAFeed::NotMarkup { start: "Service unavailable".to_owned() });
    let words = try_read("<html><title>News</title></html>").expect_err("a page").to_string();
    assert_eq!(
        words,
        "this is a web page (\"News\"), not a feed; \
         look on the page, or in its source after \"alternate\", for the feed's address"
    );
}

#[test]
fn c31_pages_in_place_of_a_feed_are_called_what_they_are() {
    let check = |document: &str, kind: PageKind, words: &str| match try_read(document) {
        Err(NotAFeed::HtmlPage { kind: found, title }) => {
            assert_eq!(found, kind, "{document}");
            let said = NotAFeed::HtmlPage { kind, title }.to_string();
            assert!(said.contains(words) && said.contains("not a feed"), "{said}");
        }
        other => panic!("{document}: {other:?}"),
    };
    let titled =
        |title: &str| format!("<!DOCTYPE html><html><head><title>{title}</title></head><body></body></html>");
    let by = |by| PageKind::Challenge { by };
    check(&titled("Just a moment..."), by(Some("Cloudflare")), "a page of Cloudflare that wants proof");
    check(
        "<html><head><title>Eine Sekunde</title></head><body><script>window._cf_chl_opt={}</script></body></html>",
        by(Some("Cloudflare")),
        "ask the publisher to let feed readers through",
    );
    check(
        "<script src='/_Incapsula_Resource?SWJIYLWA=1'></script>",
        by(Some("Imperva")),
        "a page of Imperva",
    );
    check(&titled("Are you a robot?"), by(None), "a page that wants proof that a person is there");
    check(&titled("Sign in to Example"), PageKind::Login, "(\"Sign in to Example\")");
    check("<html><form><input name=p type=password></form></html>", PageKind::Login, "`password_file`");
    check(&titled("Hotel WiFi"), PageKind::Network, "log in there with a browser");
    check(
        "<HTML><!-- <WISPAccessGatewayParam> --></HTML>",
        PageKind::Network,
        "the network this machine is in",
    );
    // An ordinary page with such things in a corner is an ordinary page.
    check(&titled("World news"), PageKind::Plain, "\"alternate\"");
    let corner = "<p>News</p>".repeat(3_000);
    let page = format!(
        "<html><head><title>News</title><script src='/cdn-cgi/challenge-platform/scripts/jsd/main.js'></script></head>\
         <body><input type='password'>{corner}</body></html>"
    );
    check(&page, PageKind::Plain, "\"alternate\"");
    check("<meta http-equiv='refresh' content='0; url=/'>", PageKind::Plain, "this is a web page");
}

#[test]
fn the_cost_of_a_document_grows_with_its_length() {
    let read_soon = |text: &str| drop(try_read(text));
    for (name, piece) in [
        ("document types", "<!DOCTYPE [>"),
        ("document types with declarations", "<!DOCTYPE x [<!ENTITY a 'b'>"),
        ("comments without an end", "<!--"),
        ("sections without an end", "<![CDATA["),
        ("instructions without an end", "<?x"),
        ("stray brackets", "< "),
        ("bare ampersands", "&a"),
        ("references", "&a;"),
        ("items never closed", "<item><title>t"),
        ("ends of nothing", "</x>"),
        ("quotes without an end", "<a b='"),
        ("bases", "<x xml:base='a/'>"),
        ("namespaces", "<x xmlns:a='b'>"),
    ] {
        let input = |count: usize| format!("<?xml version=\"1.0\"?><rss><channel>{}", piece.repeat(count));
        assert_linear(name, 500, input, read_soon);
    }
    assert_linear(
        "JSON items",
        3_000,
        |count| "{\"items\": [{".to_owned() + &"\"items\" : {".repeat(count),
        read_soon,
    );
}

const SEED: &str = "<?xml version='1.0' encoding='utf-8'?><rss version='2.0' xmlns:dc='http://purl.org/dc/elements/1.1/'>\
    <channel><title>é</title><item><title>A &amp; B <![CDATA[<i>]]></title><dc:date>2026-07-07T10:00:00Z</dc:date>\
    <guid isPermaLink='false'>1</guid><description>&lt;p&gt;x</description></item><!-- c --><item><title>C</title></item></channel></rss>";

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn flipped_bytes_never_panic(flips in prop::collection::vec((0..SEED.len(), any::<u8>()), 1..12)) {
        let mut bytes = SEED.as_bytes().to_vec();
        for (at, byte) in flips {
            bytes[at] = byte;
        }
        if let Ok(feed) = try_read(&bytes) {
            prop_assert!(feed.entries.iter().all(|entry| !entry.title.contains(['\n', '\r', '\0'])));
        }
    }

    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _read = try_read(&bytes);
    }

    #[test]
    fn any_text_is_no_panic_as_a_date(text in "\\PC{0,60}|[0-9:/ +.TZ-]{0,30}") {
        let _read = wirewatch::feed::parse::date::read(&text);
    }

    #[test]
    fn markup_salad_never_panics(pieces in prop::collection::vec(prop::sample::select(&[
        "<rss>", "<channel>", "<item>", "</item>", "<entry>", "</entry>", "<feed xmlns='http://www.w3.org/2005/Atom'>",
        "<title>", "</title>", "<author>", "<name>", "</name>", "</author>", "<content type='xhtml'>", "<div>", "</div>",
        "</content>", "<link href='/a'/>", "<link>", "</link>", "<![CDATA[", "]]>", "<!--", "-->", "<!DOCTYPE", "[", ">", "<",
        "&", "&amp;", "&#0;", "text", "<x:y xmlns:x='z'>", "</x:y>", "<guid>", "</rss>", "'", "\"", "<?", "?>", "é", "\u{0}",
    ][..]), 0..60)) {
        let _read = try_read(pieces.concat());
    }
}
