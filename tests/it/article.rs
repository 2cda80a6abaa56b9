//! Articles: what becomes of an entry's text, address, language and publisher.
//!
//! One file because an article is one noun, and its tables are read beside each other.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the corpus test says what it found, or that it was skipped"
)]

mod languages;

use std::path::PathBuf;
use std::process::Command;

use jiff::Timestamp;
use proptest::prelude::*;
use wirewatch::article::text::{line, plain};
use wirewatch::article::{Article, fingerprint, language, normalize, page, url};
use wirewatch::feed::{Entry, Feed};

use crate::support::growth::assert_linear;

fn feed(url: &str) -> Feed {
    let url = url.parse().expect("a test gives a URL");
    Feed { name: "Example".into(), tags: vec!["world".into()], ..Feed::new(url) }
}

fn entry(title: &str, summary: &str) -> Entry {
    Entry { title: title.into(), summary: Some(summary.into()), ..Entry::default() }
}

fn read(entry: &Entry) -> Article {
    normalize(entry, &feed("https://example.org/feed.xml"), Timestamp::UNIX_EPOCH)
}

#[track_caller]
fn check_each(convert: impl Fn(&str) -> String, cases: &[(&str, &str)]) {
    for (input, expected) in cases {
        assert_eq!(convert(input), *expected, "input: {input:?}");
    }
}

// Text.

#[test]
fn markup_becomes_lines_and_words() {
    check_each(
        plain,
        &[
            ("plain words", "plain words"),
            ("<p>One.</p><p>Two.</p>", "One.\nTwo."),
            ("One<br>Two<br/>Three<br />Four", "One\nTwo\nThree\nFour"),
            ("cease<b>fire</b> <i>holds</i>", "ceasefire holds"),
            ("<ul><li>One<li>Two</ul>after", "One\nTwo\nafter"),
            ("<div>One<div>Two</div></div>", "One\nTwo"),
            ("<table><tr><td>a<td>b<tr><td>c</table>", "a b\nc"),
            ("<h2>Head</h2>text", "Head\ntext"),
            ("<P CLASS='x>y'>shout</P>", "shout"),
            ("<p>source\nlines are\n\nspace</p>", "source lines are space"),
            ("<pre>one\ntwo</pre>", "one\ntwo"),
            ("a <img src=x alt='no'> b<img width=1 height=1 src='https://t.example/p.gif'/>", "a b"),
            ("x<script>if (a < b) { document.write('<p>no</p>') }</script>y", "xy"),
            ("x<style>p{}</style><noscript>no</noscript><template>no</template>y", "xy"),
            ("<svg><title>no</title><path d='M0'/></svg>y", "y"),
            ("<html><head><title>no</title><meta charset=x></head><body>y</body></html>", "y"),
            ("a<!-- <p>no</p> -->b<!DOCTYPE html><?php no ?>c", "abc"),
            ("<![CDATA[<p>inside</p>]]>", "inside"),
            ("<o:p>office</o:p> <amp-ad>x</amp-ad>", "office x"),
        ],
    );
}

#[test]
fn broken_markup_costs_no_text() {
    check_each(
        plain,
        &[
            ("x < y and y > z", "x < y and y > z"),
            ("5<6 & 7>3", "5<6 & 7>3"),
            ("<Breaking> news", "<Breaking> news"),
            (
                "Statement by &lt;UN spokesperson&gt;: aid blocked",
                "Statement by <UN spokesperson>: aid blocked",
            ),
            ("<p>Statement by &lt;UN spokesperson&gt;: aid", "Statement by <UN spokesperson>: aid"),
            ("<anti-war activists> say", "<anti-war activists> say"),
            ("<foo kind=x>shown", "shown"),
            ("<q5<q5<p>shown", "<q5<q5\nshown"),
            ("I <3 it", "I <3 it"),
            ("text <figc", "text"),
            ("text</", "text"),
            ("text <a href=\"https://x.example/cut", "text"),
            ("<a href=\"never closed>link</a> text", "link text"),
            ("<noscript>kept when never closed", "kept when never closed"),
            ("<svg>kept", "kept"),
            ("before<script>never closed", "before"),
            ("</p></div>stray</b>", "stray"),
            ("a<>b", "a<>b"),
        ],
    );
}

#[test]
fn references_are_resolved_as_often_as_they_were_escaped() {
    check_each(
        plain,
        &[
            ("Tom &amp; Jerry", "Tom & Jerry"),
            ("&ldquo;x&rdquo;&hellip; &#8217;&#x2019;", "“x”… ’’"),
            ("&#147;quoted&#148; &#150;", "“quoted” –"),
            ("AT&T, R&D, a&b=c", "AT&T, R&D, a&b=c"),
            ("?a=1&copy=2", "?a=1&copy=2"),
            ("caf&eacute; &nbsp; now", "café now"),
            ("&eacute", "é"),
            ("&notaname; &#xfffffff; &#0;", "&notaname; \u{fffd} \u{fffd}"),
            ("&lt;p&gt;Hello &lt;b&gt;you&lt;/b&gt;&lt;/p&gt;", "Hello you"),
            ("&amp;lt;p&amp;gt;Hello&amp;lt;/p&amp;gt;", "Hello"),
            ("don&amp;#x27;t", "don't"),
            ("<p>Tom &amp;amp; Jerry&amp;nbsp;live</p>", "Tom & Jerry live"),
            // Its author wrote tags, so the one that shows is meant to.
            ("<p>the &lt;p&gt; element</p>", "the <p> element"),
        ],
    );
}

#[test]
fn invisible_characters_are_removed() {
    check_each(
        plain,
        &[
            ("cease\u{ad}fire", "ceasefire"),
            ("zero\u{200b}width\u{feff}", "zerowidth"),
            ("\u{202e}kcatta\u{202c} \u{2066}x\u{2069}", "kcatta x"),
            ("bell\u{7}\u{0}&#7;", "bell"),
            ("می\u{200c}شود", "می\u{200c}شود"),
            ("a\u{200c}b", "ab"),
            ("tab\tand\u{a0}hard\u{3000}space  ", "tab and hard space"),
            ("icon \u{e001} font", "icon font"),
        ],
    );
}

#[test]
fn lines_of_plain_text_end_where_their_writer_ended_them() {
    check_each(
        plain,
        &[
            ("One paragraph.\n\nAnother one.", "One paragraph.\nAnother one."),
            ("One\r\nTwo", "One\nTwo"),
            (
                "A text that was wrapped by hand at seventy columns or so, as mail is,\ngoes on.",
                "A text that was wrapped by hand at seventy columns or so, as mail is, goes on.",
            ),
            (
                "A sentence that is long enough to have been wrapped ends here.\nAnother",
                "A sentence that is long enough to have been wrapped ends here.\nAnother",
            ),
        ],
    );
}

#[test]
fn a_title_is_one_line_and_keeps_its_words() {
    check_each(
        line,
        &[
            ("  Two\n lines ", "Two lines"),
            ("<b>Bold</b> &amp; true", "Bold & true"),
            ("One<br>Two", "One Two"),
            ("Share", "Share"),
            ("<3 Breaking", "<3 Breaking"),
        ],
    );
}

#[test]
fn boilerplate_is_dropped() {
    for noise in [
        "Share",
        "Advertisement",
        "ADVERTISEMENT",
        "Read more",
        "Read more...",
        "Continue reading…",
        "Click here",
        "Sign up for our newsletter",
        "Sign up for our newsletter to get the best of the week.",
        "Sign up for the Example’s free morning and afternoon email newsletters",
        "Inscrivez-vous à notre newsletter quotidienne",
        "Follow us on Twitter and Facebook",
        "The post Army breaks truce appeared first on The Example.",
        "Originally published on The Example",
        "Read the full story",
        "[…]",
        "[...]",
        "Comments",
        "12 Comments",
        "Comments (3)",
        "Share Tweet Email",
        "Facebook Twitter WhatsApp",
        "Share on Facebook",
        "Read more: How it began",
        "* * *",
        "Publicité",
        "Lire la suite...",
        "Lire aussi : La suite de la guerre",
        "L’article Trêve est apparu en premier sur Exemple.",
        "Leer más",
        "La entrada Tregua se publicó primero en Ejemplo.",
        "اقرأ المزيد",
        "إعلان",
        "Anzeige",
        "Weiterlesen …",
        "Der Beitrag Waffenruhe erschien zuerst auf Beispiel.",
        "Leia mais",
        "O post Trégua apareceu primeiro em Exemplo.",
    ] {
        assert_eq!(plain(&format!("<p>News.</p><p>{noise}</p>")), "News.", "noise: {noise:?}");
    }
}

#[test]
fn lists_of_other_articles_are_dropped() {
    let links =
        "<ul><li><a href=/1>Army breaks truce</a></li><li><p><a href=/2>Aid blocked</a></p></li></ul>";
    for heading in [
        "Related articles",
        "Read also:",
        "More on this story",
        "À lire aussi",
        "Lea también",
        "اقرأ أيضا",
        "Mehr zum Thema",
        "RELATED STORIES",
    ] {
        let html = format!("<p>Prose.</p><h3>{heading}</h3>{links}<p>More prose.</p>");
        assert_eq!(plain(&html), "Prose.\nMore prose.", "{heading}");
        assert_eq!(plain(&format!("<p>Prose.</p><p><b>{heading}</b></p>{links}")), "Prose.", "{heading}");
    }
    let long = "Witnesses said so. ".repeat(20);
    for (html, expected) in [
        // Prose ends the list, and is never part of it.
        (
            format!("<h3>Related</h3><p>Prose.</p>{links}"),
            "Prose.\nArmy breaks truce\nAid blocked".to_owned(),
        ),
        (
            format!("<h3>Related</h3>{links}<h3>What we know</h3>{links}"),
            "What we know\nArmy breaks truce\nAid blocked".to_owned(),
        ),
        (format!("<h3>Key points</h3>{links}"), "Key points\nArmy breaks truce\nAid blocked".to_owned()),
        (
            "<h3>Read more</h3><ul><li>The army <a href=/1>broke the truce</a> today.</li></ul>".to_owned(),
            "The army broke the truce today.".to_owned(),
        ),
        (
            "<h3>Read more</h3><ul><li><a href=/1>Army</a> broke the truce.</ul>".to_owned(),
            "Army broke the truce.".to_owned(),
        ),
        (
            "<h3>Read more</h3><p><a href=/1>The army broke the truce.</a></p>".to_owned(),
            "The army broke the truce.".to_owned(),
        ),
        (format!("<h3>Read more</h3><li><a href=/1>{long}</a></li>"), long.trim().to_owned()),
        ("<ul><li><a href=/1>One</a> <li> Two</ul>".to_owned(), "One\nTwo".to_owned()),
    ] {
        assert_eq!(plain(&html), expected, "{html}");
    }
    assert_eq!(line("<li> <a>One</a> two</li><li>three</li>"), "One two three");
    assert_eq!(plain("a\u{2}b&#2;&#3;<p>c\u{3}"), "ab\nc");
}

#[test]
fn endings_are_dropped_from_their_line() {
    check_each(
        plain,
        &[
            ("It fell. Continue reading...", "It fell."),
            ("<p>It fell <a href=x>Continue reading&hellip;</a></p>", "It fell"),
            ("It fell. Read more", "It fell."),
            ("It fell [&hellip;]", "It fell"),
            ("It fell. Read more [...]", "It fell."),
            ("It fell. [&#8230;] The post It fell appeared first on The Example.", "It fell."),
            ("سقطت المدينة. اقرأ المزيد", "سقطت المدينة."),
            ("La ville est tombée… Lire la suite", "La ville est tombée…"),
            ("Die Stadt fiel. Weiterlesen →", "Die Stadt fiel."),
            ("It fell. More &raquo;", "It fell."),
        ],
    );
}

#[test]
fn real_sentences_stay() {
    for news in [
        "Share prices fall",
        "Advertisement revenue collapses",
        "Shares tumble after strike",
        "Children should read more",
        "Read more books, teachers urge",
        "Originally published in 1984, the novel has sold a million copies.",
        "Comments by the minister anger allies",
        "Follow us, rebels tell villagers",
        "The post office in Khartoum was shelled.",
        "The post of envoy first appeared on the agenda in 1991.",
        "Twitter and Facebook blocked in Sudan",
        "Click here, scammers say, and lose your savings",
        "Sign up for war, teenagers are told",
        "They want more",
        "Subscribe to peace, says the pope in a newsletter that was read to the crowd of thousands who had waited all night in the square before the church",
        "12",
        "No comment on truce, says army",
        "Mehr Soldaten an der Grenze",
        "المزيد من القتلى في الخرطوم",
        "Anzeige gegen Minister erstattet",
        "Publicité mensongère : le ministre accusé",
    ] {
        assert_eq!(plain(news), news);
        assert_eq!(plain(&format!("<p>{news}</p>")), news);
    }
}

/// That many attributes, all different: what a tokenizer that looks for duplicates is slowest on.
fn attributes(count: usize) -> String {
    (0..count).fold(String::new(), |attributes, number| attributes + &format!(" a{number}=x"))
}

#[test]
fn hostile_markup_is_read_in_linear_time() {
    let many = 100_000;
    let attributes = attributes(many);
    for html in [
        "<div>".repeat(many) + "deep",
        "<b><a href='".repeat(many) + "deep",
        format!("<p{attributes}>deep</p>"),
        "<noscript>".repeat(many) + "deep",
        "<svg ".repeat(many) + "deep",
        "<".repeat(many) + "deep",
        "</".repeat(many) + "deep",
        "&".repeat(many) + "deep",
        "&lt;".repeat(many) + "deep",
        "<!--".repeat(many) + "deep",
        "<a =\"'".repeat(many) + "deep",
        "word ".repeat(2_000_000) + "deep",
        "The post ".repeat(many) + "deep",
        "Read more ".repeat(many) + "deep",
        "]]>".repeat(many) + "<![CDATA[deep",
    ] {
        let text = plain(&html);
        assert!(text.len() <= html.len());
    }
    assert_eq!(plain(&("<div>".repeat(many) + "deep")), "deep");
    assert_eq!(plain(&format!("<p{attributes}>deep</p>")), "deep");
}

#[test]
fn the_cost_of_markup_grows_with_its_length() {
    for (name, piece) in [
        ("a tag in a tag's name", "<a"),
        ("an escaped one", "&lt;a"),
        ("an unknown tag in a tag's name", "<x"),
        ("an unknown tag with words", "<x y "),
        ("an unknown end tag", "</x "),
        ("quotes that never let a tag end", "<a b=\">c=\""),
        ("quotes of both kinds", "<a b=\">c='<a b='>c=\""),
        ("comments without an end", "<!--"),
        ("declarations without an end", "<!x"),
        ("sections without an end", "<![CDATA["),
        ("raw elements without an end", "<svg>"),
        ("raw elements of many kinds", "<svg><title><button></x"),
        ("numbers without an end", "&#1"),
        ("names without an end", "&NotEqualTilde"),
        ("signatures in a row", "The post "),
        ("link items", "<li><a>x"),
    ] {
        assert_linear(name, 500, |count| piece.repeat(count) + ">", |html| drop(plain(html)));
    }
    let related = |count: usize| "<h2>Read also</h2>".to_owned() + &"<li><a>x</a></li>".repeat(count);
    assert_linear("related items", 2_000, related, |html| drop(plain(html)));
    let name = |count: usize| format!("<{}>", "x".repeat(count));
    assert_linear("a long name", 100_000, name, |html| drop(plain(html)));
}

proptest! {
    #[test]
    fn any_text_is_read_and_is_clean(html in "([<>&;/!#a-z \"'=\n\u{202e}é]|<p>|</p>|&lt;|&amp;|<script>|</script>|<!--|-->|\\[…\\]){0,60}") {
        let text = plain(&html);
        let is_clean = !text.contains(['\u{202e}', '\r', '\t']);
        prop_assert!(is_clean, "{:?}", text);
        prop_assert!(text.lines().all(|line| !line.is_empty() && line.trim() == line));
        let is_one_line = !line(&html).contains('\n');
        prop_assert!(is_one_line);
    }

    #[test]
    fn canonical_urls_are_stable(address in "https?://([a-z]{1,3}\\.|m\\.|amp\\.|www\\.|user:pw@){0,3}(example|bbc)\\.(org|co\\.uk)(:80|:443|:8080)?(/amp|/[a-z%A-F0-9;=.~]{0,6}|//){0,4}(\\?((utm_[a-z]|id|p|amp|ref)(=[a-z0-9%]{0,3})?&?){0,4})?(#!?[a-z]{0,3})?") {
        if let Some(once) = url::canonical(&address) {
            prop_assert_eq!(url::canonical(&once), Some(once.clone()));
        }
    }

    #[test]
    fn any_address_is_survived(address in "\\PC{0,60}") {
        if let Some(once) = url::canonical(&address) {
            prop_assert_eq!(url::canonical(&once), Some(once.clone()));
        }
    }
}

// Addresses.

#[test]
fn urls_have_one_canonical_form() {
    let canonical = |input: &str| url::canonical(input).unwrap_or_else(|| "none".into());
    check_each(
        canonical,
        &[
            ("http://Example.ORG/Story", "https://example.org/Story"),
            ("https://example.org", "https://example.org/"),
            (" https://example.org/a/ ", "https://example.org/a"),
            ("//example.org/a", "https://example.org/a"),
            ("https://user:pw@example.org:443/a", "https://example.org/a"),
            ("http://example.org:80/a", "https://example.org/a"),
            ("http://example.org:8080/a", "https://example.org:8080/a"),
            ("https://example.org./a", "https://example.org/a"),
            ("https://example.orghttps://www.other.example/a", "https://www.other.example/a"),
            (
                "https://web.archive.org/web/1/https://example.org/a",
                "https://web.archive.org/web/1/https://example.org/a",
            ),
            ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
            ("https://example.org/a#section", "https://example.org/a"),
            ("https://example.org/#!/story/1", "https://example.org/#!/story/1"),
            ("https://example.org/?utm_source=rss#/news/1", "https://example.org/#/news/1"),
            ("https://example.org/#/", "https://example.org/"),
            ("https://example.org/#!", "https://example.org/"),
            ("https://example.org/%7euser/%c3%bc", "https://example.org/~user/%C3%BC"),
            ("https://example.org/a;jsessionid=0A1B", "https://example.org/a"),
            // Tracking.
            ("https://example.org/a?utm_source=rss&id=123&UTM_Medium=x", "https://example.org/a?id=123"),
            ("https://example.org/?p=1", "https://example.org/?p=1"),
            ("https://example.org/a?b=2&a=1", "https://example.org/a?b=2&a=1"),
            (
                "https://example.org/a?fbclid=x&gclid=y&mc_cid=z&smid=t&ocid=o&ftag=f&xtor=r",
                "https://example.org/a",
            ),
            (
                "https://example.org/a?CMP=rss&at_medium=RSS&at_campaign=K&ns_mchannel=rss",
                "https://example.org/a",
            ),
            ("https://example.org/a?traffic_source=rss&ref_src=twsrc", "https://example.org/a"),
            ("https://example.org/a?ref=rss&x=%20", "https://example.org/a?x=%20"),
            ("https://example.org/a?ref=issue-7", "https://example.org/a?ref=issue-7"),
            ("https://www.wsj.com/articles/a?mod=rss", "https://www.wsj.com/articles/a"),
            ("https://example.org/a?mod=9", "https://example.org/a?mod=9"),
            ("https://www.youtube.com/watch?v=abc&feature=youtu.be", "https://www.youtube.com/watch?v=abc"),
            // Editions.
            ("https://en.m.wikipedia.org/wiki/Aleppo", "https://en.wikipedia.org/wiki/Aleppo"),
            ("https://m.example.org/a", "https://www.example.org/a"),
            ("https://mobile.example.co.uk/a", "https://www.example.co.uk/a"),
            ("https://amp.example.org/a", "https://www.example.org/a"),
            ("https://mobile.de/a", "https://mobile.de/a"),
            ("https://www.example.org/a", "https://www.example.org/a"),
            ("https://example.org/a/amp", "https://example.org/a"),
            ("https://example.org/a/amp/", "https://example.org/a"),
            ("https://example.org/amp/a", "https://example.org/a"),
            ("https://example.org/a?amp=1", "https://example.org/a"),
            ("https://example.org/a?amp", "https://example.org/a"),
            ("https://example.org/a.amp.html", "https://example.org/a.html"),
            ("https://example.org/amplifier", "https://example.org/amplifier"),
            ("https://example-org.cdn.ampproject.org/c/s/example.org/a", "https://example.org/a"),
            ("https://www.google.com/amp/s/example.org/a/amp/", "https://example.org/a"),
            // Wrappers.
            ("https://www.google.com/url?rct=j&url=https://example.org/a&ct=ga", "https://example.org/a"),
            (
                "https://news.google.com/news/url?sa=t&url=https%3A%2F%2Fexample.org%2Fa",
                "https://example.org/a",
            ),
            (
                "https://feeds.feedburner.com/x?url=https%3A%2F%2Fexample.org%2Fa%3Fid%3D1",
                "https://example.org/a?id=1",
            ),
            ("https://l.facebook.com/l.php?u=https%3A%2F%2Fexample.org%2Fa", "https://example.org/a"),
            (
                "https://news.google.com/rss/articles/CBMi?oc=5",
                "https://news.google.com/rss/articles/CBMi?oc=5",
            ),
            (
                "https://example.org/login?url=https://other.example/",
                "https://example.org/login?url=https://other.example/",
            ),
            // Not addresses.
            ("", "none"),
            ("example.org/a", "none"),
            ("mailto:a@example.org", "none"),
            ("javascript:alert(1)", "none"),
            ("ftp://example.org/a", "none"),
            ("http://", "none"),
            ("tag:example.org,2024:1", "none"),
            ("http://[::1]/a", "https://[::1]/a"),
            ("http://127.0.0.1:8000/a/", "https://127.0.0.1:8000/a"),
        ],
    );
    assert_eq!(url::canonical(&format!("https://example.org/{}", "a".repeat(10_000))), None);
}

// Publishers.

#[test]
fn the_publisher_is_the_registrable_domain() {
    for (feed_url, article_url, expected) in [
        ("https://feeds.bbci.co.uk/news/rss.xml", "https://www.bbc.co.uk/news/1", "bbc.co.uk"),
        ("https://feeds.feedburner.com/Example", "https://thenews.example.com/1", "example.com"),
        ("https://news.google.com/rss", "https://www.example.org/1", "example.org"),
        ("https://www.example.org/rss", "https://feedproxy.google.com/~r/x/1", "example.org"),
        ("https://news.google.com/rss", "https://news.google.com/rss/articles/C", "news.google.com"),
        ("https://news.example.org/rss", "", "example.org"),
        ("http://127.0.0.1:8000/rss", "", "127.0.0.1"),
        ("http://localhost/rss", "http://localhost/1", "localhost"),
        ("http://[::1]/rss", "", "[::1]"),
        ("https://someone.github.io/rss", "https://someone.github.io/1", "someone.github.io"),
    ] {
        let entry = Entry { url: Some(article_url.into()), ..entry("Title", "Text") };
        let article = normalize(&entry, &feed(feed_url), Timestamp::UNIX_EPOCH);
        assert_eq!(article.publisher, expected, "feed: {feed_url}, article: {article_url}");
    }
    let owned = Feed { publisher: Some("Reuters".into()), ..feed("https://example.org/rss") };
    let article = normalize(&entry("Title", "Text"), &owned, Timestamp::UNIX_EPOCH);
    assert_eq!(article.publisher, "Reuters");
}

// Fingerprints.

#[test]
fn equal_words_have_equal_fingerprints() {
    let base = fingerprint::of("Army violates cease-fire", &["Hours after the deal."]);
    assert_eq!(base, fingerprint::of("ARMY violates ceasefire!", &["hours after the deal", ""]));
    assert_eq!(base, fingerprint::of("Army violates cease fire", &["", "Hours, after the deal"]));
    assert_ne!(base, fingerprint::of("Army violates cease-fire", &["Hours after a deal."]));
    assert_ne!(base, fingerprint::of("Army violates", &["cease-fire Hours after the deal."]));
    let marked = read(&entry("<b>Army</b> violates", "<p>Hours after</p><p>the &ldquo;deal&rdquo;</p>"));
    let plain_entry = read(&entry("Army violates", "hours after the deal"));
    assert_eq!(marked.fingerprint, plain_entry.fingerprint);
    // The hash is stored: another value for the same words would make every stored article new.
    assert_eq!(fingerprint::of("army violates truce", &["in aleppo"]), fingerprint_of_version_one());
}

fn fingerprint_of_version_one() -> u64 {
    xxhash_rust::xxh3::xxh3_64(b"armyviolatestruce\ninaleppo")
}

// The whole.

#[test]
fn an_entry_becomes_an_article() {
    let source = Entry {
        id: Some("1".into()),
        url: Some("http://m.example.org/a/?utm_source=rss".into()),
        title: " Army violates\n<i>ceasefire</i> ".into(),
        summary: Some("<p>Hours after the deal was signed. <a>Read more</a></p>".into()),
        content: Some("<p>Hours after the deal was signed.</p><p>Witnesses saw tanks.</p>".into()),
        updated: Some("2024-05-01T10:00:00Z".parse().unwrap()),
        language: Some("en".into()),
        ..Entry::default()
    };
    let seen_at = "2024-05-01T11:00:00Z".parse().unwrap();
    let article = normalize(&source, &feed("https://feeds.example.org/world.xml"), seen_at);
    assert_eq!(article.title, "Army violates ceasefire");
    assert_eq!(article.summary, "Hours after the deal was signed.");
    assert_eq!(article.body, "Hours after the deal was signed.\nWitnesses saw tanks.");
    assert_eq!(article.url.as_deref(), Some("https://www.example.org/a"));
    assert_eq!(article.language, "en");
    assert_eq!(article.publisher, "example.org");
    assert_eq!(article.feed, "https://feeds.example.org/world.xml");
    assert_eq!(article.tags, ["world"]);
    assert_eq!(article.published_at, source.updated);
    assert_eq!(article.seen_at, seen_at);
    assert_eq!(article.places, ["ZZ"]);
}

#[test]
fn a_body_that_only_repeats_the_summary_is_left_out() {
    for (summary, content, expected) in [
        (Some("Same text."), Some("<p>Same text.</p>"), ("Same text.", "")),
        (Some("Same text, and more."), Some("Same text"), ("Same text, and more.", "")),
        (Some("Same text."), Some("Same text. And more."), ("Same text.", "Same text. And more.")),
        (None, Some("Only content."), ("", "Only content.")),
        (Some(""), Some("Only content."), ("", "Only content.")),
        (Some("Only summary."), None, ("Only summary.", "")),
        (None, None, ("", "")),
    ] {
        let article = read(&Entry {
            title: "Title".into(),
            summary: summary.map(Into::into),
            content: content.map(Into::into),
            ..Entry::default()
        });
        assert_eq!((article.summary.as_str(), article.body.as_str()), expected, "{summary:?} {content:?}");
    }
}

#[test]
fn a_missing_title_is_made_of_the_text() {
    let long = "word ".repeat(100);
    // The text, the headline made of it, and what is left of the text: no word counts twice, and no sentence is cut.
    for (text, title, rest) in [
        ("<p>Army violates the ceasefire. Tanks move.</p>", "Army violates the ceasefire.", "Tanks move."),
        ("<p>First line</p><p>Second line</p>", "First line", "Second line"),
        ("<br/>", "", ""),
        (long.as_str(), "word ".repeat(24).trim_end(), long.trim_end()),
    ] {
        let article = read(&entry("", text));
        assert_eq!((article.title.as_str(), article.summary.as_str()), (title, rest), "summary: {text:?}");
        let article = read(&Entry { content: Some(text.to_owned()), ..Entry::default() });
        assert_eq!((article.title.as_str(), article.body.as_str()), (title, rest), "content: {text:?}");
    }
}

#[test]
fn a_summary_does_not_repeat_the_title() {
    for (title, summary, expected) in [
        ("Truce breaks", "Truce breaks", ""),
        ("Truce breaks", "TRUCE breaks: tanks move.", "tanks move."),
        ("Truce breaks", "<h1>Truce breaks</h1><p>Tanks move.</p>", "Tanks move."),
        ("Truce breaks", "Truce breaks - Tanks move.", "Tanks move."),
        ("Truce breaks", "Truce breaks. Tanks move.", "Tanks move."),
        ("Truce breaks", "Truce breaks down at dawn.", "Truce breaks down at dawn."),
        ("Truce breaks", "Truce breaks-up talks fail", "Truce breaks-up talks fail"),
        ("Truce breaks", "Tanks move.", "Tanks move."),
    ] {
        assert_eq!(read(&entry(title, summary)).summary, expected, "summary: {summary:?}");
    }
}

#[test]
fn fields_are_bounded() {
    let article = read(&Entry {
        title: "ü".repeat(5_000),
        summary: Some("ü".repeat(50_000)),
        content: Some("é".repeat(500_000)),
        ..Entry::default()
    });
    assert_eq!(article.title.chars().count(), 1_000);
    assert_eq!(article.summary.chars().count(), 20_000);
    assert_eq!(article.body.chars().count(), 200_000);
}

// The corpus.

/// A month of real entries, decompressed; `None` when the corpus is not beside the repository.
fn stream() -> Option<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/stream");
    let file = std::fs::read_dir(path)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|end| end == "gz"))?;
    let output = Command::new("gzip").arg("-dc").arg(file).output().ok()?;
    String::from_utf8(output.stdout).ok()
}

#[test]
fn a_month_of_entries_is_made_clean() {
    let Some(stream) = stream() else {
        eprintln!("skipped: no corpus at ../shared/data/stream");
        return;
    };
    // All of it takes a minute without optimisation; every fourteenth entry finds nearly what all of them find.
    let step = if cfg!(debug_assertions) { 14 } else { 1 };
    let (mut count, mut english, mut undetermined) = (0, 0, 0);
    let (mut title_open, mut title_other) = (0, 0);
    for line in stream.lines().step_by(step) {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        let field = |name: &str| record.get(name).and_then(|value| value.as_str()).map(str::to_owned);
        let entry = Entry {
            title: field("title").unwrap_or_default(),
            summary: field("summary"),
            content: field("content"),
            url: field("url"),
            ..Entry::default()
        };
        let article = normalize(&entry, &feed(&field("feed").unwrap()), Timestamp::UNIX_EPOCH);
        let id = field("id").unwrap_or_default();
        for text in [&article.title, &article.summary, &article.body] {
            for dirt in ["<p>", "</", "&amp;", "&nbsp;", "&#", "\u{200b}", "\r"] {
                assert!(!text.contains(dirt), "{id}: {dirt:?} in {text:?}");
            }
        }
        for dirt in ["Continue reading...", "Continue reading…", "Read more...", "appeared first on"] {
            assert!(!article.summary.ends_with(dirt), "{id}: {dirt:?} in {:?}", article.summary);
        }
        let url = article.url.unwrap_or_default();
        for dirt in ["utm_", "at_medium", "ns_mchannel", "#", "http:"] {
            assert!(!url.contains(dirt), "{id}: {dirt:?} in {url:?}");
        }
        assert!(
            !article.publisher.is_empty() && !article.publisher.starts_with("www."),
            "{id}: {}",
            article.publisher
        );
        count += 1;
        english += usize::from(article.language == "en");
        undetermined += usize::from(article.language == "und");
        let by_title = language::detect(&article.title, None);
        title_other += usize::from(by_title != "en" && by_title != "und");
        title_open += usize::from(by_title == "und");
    }
    assert!(count > 4_000, "{count} entries");
    let told = format!(
        "{count} entries: {english} English, {undetermined} undetermined; \
         by title alone {title_open} undetermined, {title_other} another language"
    );
    println!("{told}");
    assert!(english * 100 >= count * 90 && (english + undetermined) * 100 >= count * 99, "{told}");
    assert!(title_other * 100 <= count, "{told}");
}

// Whole pages.

const PAGE: &str = r#"<!doctype html>
<html lang="en-GB"><head><meta charset="utf-8"><title>Truce breaks in Aleppo | The Example</title>
<meta property="og:title" content="Truce breaks in Aleppo">
<meta property="article:published_time" content="2016-09-22T08:00:00Z">
<script>var tracker = "<p>no</p>";</script></head>
<body><nav><ul><li><a href="/">Home</a><li><a href="/world">World</a></ul></nav>
<div class="share-bar"><a href="/fb">Share</a> <a href="/tw">Tweet</a></div>
<article><h1>Truce breaks in Aleppo</h1>
<p>The army announced a new offensive on the rebel-held east of the city on Thursday, hours after talks on
reviving the truce had failed, witnesses and officials said, and aircraft were heard all night over the centre.</p>
<div class="ad">Advertisement</div>
<p>Food aid that was promised under the agreement has stood stuck at the crossing for eight days, and it will go bad
within days unless the convoys are allowed to pass, the organisation that runs them said in a statement.</p>
<p>Residents said that the strikes, which hit a depot, a school and two clinics, were the most intense in months,
and that few of the wounded could be taken to the one hospital that was still working in that part of the city.</p>
<p>Read more</p></article>
<footer><p>All rights reserved</p></footer></body></html>"#;

#[test]
fn a_page_gives_its_main_text() {
    let page = page::read(PAGE.as_bytes(), Some(&"https://www.example.org/aleppo".parse().unwrap()));
    assert_eq!(page.title, "Truce breaks in Aleppo");
    assert_eq!(page.language.as_deref(), Some("en"));
    assert_eq!(page.published.as_deref(), Some("2016-09-22T08:00:00Z"));
    assert_eq!(page.text.lines().count(), 3, "{}", page.text);
    assert!(
        page.text.starts_with("The army announced a new offensive on the rebel-held east"),
        "{}",
        page.text
    );
    assert!(page.text.contains("hours after talks on reviving the truce"), "{}", page.text);
    for dirt in ["Share", "Home", "Advertisement", "Read more", "tracker", "All rights"] {
        assert!(!page.text.contains(dirt), "{dirt} in {}", page.text);
    }
}

#[test]
fn a_page_without_a_main_text_gives_what_it_has() {
    let page = page::read(b"<title>Short</title><p>Truce breaks.</p><p>Share</p>", None);
    assert_eq!((page.title.as_str(), page.text.as_str()), ("Short", "Truce breaks."));
    let page = page::read(b"Just words.", None);
    assert_eq!((page.title.as_str(), page.text.as_str()), ("", "Just words."));
    assert_eq!(page::read(b"", None), page::Page::default());
}

#[test]
fn a_page_is_read_in_its_charset() {
    let russian = "<p>Армия нарушила перемирие через несколько часов после подписания соглашения.</p>";
    let expected = "Армия нарушила перемирие через несколько часов после подписания соглашения.";
    let windows = encoding_rs::WINDOWS_1251.encode(russian).0.into_owned();
    let declared =
        [b"<meta http-equiv=Content-Type content='text/html; charset=windows-1251'>", windows.as_slice()]
            .concat();
    let utf16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(russian.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let wrongly_declared = [b"<meta charset=iso-8859-1>", russian.as_bytes()].concat();
    for bytes in [russian.as_bytes(), &windows, &declared, &utf16, &wrongly_declared] {
        let page = page::read(bytes, Some(&"https://example.ru/".parse().unwrap()));
        assert_eq!(page.text, expected);
    }
}

#[test]
fn hostile_pages_are_read_soon() {
    let many = 50_000;
    let attributes = attributes(many);
    for html in [
        "<div>".repeat(many) + "deep",
        "<p><b class=x>".repeat(many) + "deep",
        "<a href=x><p>".repeat(many) + "deep",
        "<table><tr><td>".repeat(many) + "deep",
        "<li><ul>".repeat(5_000) + "deep",
        "<p>deep<br><br>".repeat(5_000),
        format!("<p{attributes}>deep</p>"),
        "<script type=ld+json>{\"a\":".repeat(many),
        "[".repeat(many) + "</script>",
        format!("<script type='application/ld+json'>{}</script><p>deep", "[".repeat(many)),
    ] {
        let page = page::read(html.as_bytes(), None);
        assert!(page.text.len() <= html.len());
    }
}

#[test]
fn the_cost_of_a_page_grows_with_its_length() {
    for (name, piece) in [
        ("tags in tags' names", "<a"),
        ("quotes that never let a tag end", "<a b=\">c=\""),
        ("open elements", "<div>"),
        ("open inline elements", "<p><b class=x>"),
        ("metadata without an end", "<meta name="),
        ("scripts of metadata", "<script type='application/ld+json'>{</script>"),
        ("titles", "<title>"),
    ] {
        assert_linear(
            name,
            1_000,
            |count| piece.repeat(count),
            |html| drop(page::read(html.as_bytes(), None)),
        );
    }
}

proptest! {
    #[test]
    fn any_page_is_survived(html in "(<[a-z]{1,6}( [a-z]{1,5}=[\"'a-z]{0,4})?>|</[a-z]{1,6}>|<(div|p|table|tr|td|a|span|script|title|form|li)>|[a-z .]{0,20}){0,60}") {
        let page = page::read(html.as_bytes(), None);
        prop_assert!(page.text.lines().all(|line| !line.is_empty()));
    }
}
