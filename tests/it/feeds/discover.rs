//! Feeds named by pages and headers, kept by sites, and guessed.

use proptest::prelude::*;
use url::Url;
use wirewatch::feed::Format;
use wirewatch::feed::discover::{Candidate, Source, guesses, in_header, in_page, of_site};

use super::super::support::growth::assert_linear;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn addresses(found: &[Candidate]) -> Vec<&str> {
    found.iter().map(|candidate| candidate.url.as_str()).collect()
}

#[test]
fn a_page_names_its_feeds() {
    let check = |html: &str, expected: &[&str]| {
        let found = in_page(html, &url("https://example.org/news/today"));
        assert_eq!(addresses(&found), expected, "{html}");
    };
    let rss =
        |attributes: &str| format!("<link rel=\"alternate\" type=\"application/rss+xml\" {attributes}>");
    check(&rss("href=\"/feed\""), &["https://example.org/feed"]);
    check(&rss("href=feed.xml"), &["https://example.org/news/feed.xml"]);
    check(&rss("href='//b.example/f?a=1&amp;b=2#top'"), &["https://b.example/f?a=1&b=2"]);
    check(&rss("href=\"feed://b.example/f\""), &["https://b.example/f"]);
    check(&rss("href=\"feed:https://b.example/f\""), &["https://b.example/f"]);
    check(
        "<LINK REL='Alternate Feed' TYPE='Application/Atom+XML; charset=utf-8' HREF=/a />",
        &["https://example.org/a"],
    );
    check(
        "<link title=\"a > b\" href=\"/a\" rel=\"alternate\" type=\"application/feed+json\"/>",
        &["https://example.org/a"],
    );
    check("<link rel=feed href=/a>", &["https://example.org/a"]);
    // In the body, after a base, twice, in a comment, in a script, with an unclosed tag before.
    check(&format!("<body><p>x{}", rss("href=/a")), &["https://example.org/a"]);
    check(
        &format!("<base href=\"https://b.example/x/\"><base href=/no>{}", rss("href=a")),
        &["https://b.example/x/a"],
    );
    check(&format!("{}{}", rss("href=/a"), rss("href=/a#x")), &["https://example.org/a"]);
    check(&format!("<!-- {} -->", rss("href=/a")), &[]);
    check(&format!("<script>\"{}\"</SCRIPT >{}", rss("href=/a"), rss("href=/b")), &["https://example.org/b"]);
    check(&format!("< p <3 </ <p class='{}'", rss("href=/a")), &[]);
    // What is no feed.
    check("<link rel=alternate hreflang=fr href=/fr>", &[]);
    check("<link rel=alternate type=application/json href=/wp-json/>", &[]);
    check("<link rel=alternate type=application/json+oembed href=/oembed>", &[]);
    check("<link rel=stylesheet type=text/css href=/feed.css>", &[]);
    check(&rss("href=\"javascript:feed()\""), &[]);
    check(&rss("href=\"mailto:feed@example.org\""), &[]);
    check(&rss("href=\"\""), &[]);
    check(&rss(&format!("href=\"/{}\"", "x".repeat(3_000))), &[]);
    check("", &[]);
}

#[test]
fn links_that_look_like_feeds_come_after_declared_ones() {
    let html = "<a href=\"/about\">About</a> <a href=\"/world.rss\">World</a> <a href=/feed/>Subscribe</a>\
                <a href='/list'>RSS</a> <a href=/news/today>RSS</a> <a href='https://reader.example/add?u=x'>RSS</a>\
                <a href=/?feed=rss2>x</a><a href=/sitemap.xml>Map</a><a href=/news/rss-world.xml>y</a>\
                <link rel=alternate type=application/atom+xml title='Top &amp; all\nnews' href=/atom>";
    let found = in_page(html, &url("https://example.org/news/today"));
    assert_eq!(
        addresses(&found),
        [
            "https://example.org/atom",
            "https://example.org/world.rss",
            "https://example.org/feed/",
            "https://example.org/list",
            "https://example.org/?feed=rss2",
            "https://example.org/news/rss-world.xml",
        ]
    );
    assert_eq!((found[0].source, found[0].format), (Source::Declared, Some(Format::Atom)));
    assert_eq!(found[0].title.as_deref(), Some("Top & all news"));
    assert_eq!((found[1].source, found[1].title.as_deref()), (Source::Link, Some("World")));
}

#[test]
fn a_page_cannot_name_feeds_without_end() {
    let link = |n: usize| format!("<link rel=alternate type=application/rss+xml href=/{n}>");
    let html: String = (0..1_000).map(link).collect();
    let found = in_page(&html, &url("https://example.org/"));
    assert_eq!(found.len(), 50);
    assert_eq!(found[49].url.as_str(), "https://example.org/49");
}

#[test]
fn reading_a_page_is_linear() {
    let page = url("https://example.org/");
    let work = |html: &str| drop(in_page(html, &page));
    for piece in [
        "<a ",
        "<a href=\"",
        "<link a=b ",
        "<!--",
        "<script>",
        "</script",
        "<a href=x>",
        "<a>&amp;",
        "='",
        "<a <a b='",
        "<a href=/feed>&#x",
        "<link rel=alternate type=text/xml href=x&",
    ] {
        assert_linear(piece, 2_000, |count| piece.repeat(count), work);
    }
    assert_linear("attributes", 2_000, |count| format!("<link {}>", "a=b ".repeat(count)), work);
}

#[test]
fn a_link_header_names_feeds() {
    let check = |rel: &str, media_type: Option<&str>, expected: Option<(&str, Option<Format>)>| {
        let rel: Vec<String> = rel.split(' ').map(str::to_owned).collect();
        let found = in_header(&url("https://example.org/feed#x"), &rel, media_type, Some(" the\nnews "));
        let shown = found.as_ref().map(|it| (it.url.as_str(), it.format));
        assert_eq!(shown, expected, "{rel:?} {media_type:?}");
        assert!(
            found.is_none_or(|it| it.title.as_deref() == Some("the news") && it.source == Source::Header)
        );
    };
    check("alternate", Some("application/rss+xml"), Some(("https://example.org/feed", Some(Format::Rss))));
    check(
        "self alternate",
        Some("application/feed+json"),
        Some(("https://example.org/feed", Some(Format::Json))),
    );
    check("self", Some("application/rss+xml"), None);
    check("alternate", Some("application/json"), None);
    check("alternate", None, None);
}

#[test]
fn well_known_sites_have_their_ways() {
    let check = |page: &str, expected: &[&str]| {
        let html = "{\"externalId\":\"UCabcdefghijklmnopqrstuv\"}";
        assert_eq!(addresses(&of_site(&url(page), html)), expected, "{page}");
    };
    let channel = "https://www.youtube.com/feeds/videos.xml?channel_id=UC0123456789012345678901";
    check("https://www.youtube.com/channel/UC0123456789012345678901/videos", &[channel]);
    let named = "https://www.youtube.com/feeds/videos.xml?channel_id=UCabcdefghijklmnopqrstuv";
    check("https://www.youtube.com/@some.name", &[named]);
    check("https://youtube.com/c/name", &[named]);
    check(
        "https://www.youtube.com/playlist?list=PL1",
        &["https://www.youtube.com/feeds/videos.xml?playlist_id=PL1"],
    );
    check("https://old.reddit.com/r/sudan/new/", &["https://www.reddit.com/r/sudan/.rss"]);
    check("https://www.reddit.com/user/someone", &["https://www.reddit.com/user/someone/.rss"]);
    check("https://mastodon.example/@name", &["https://mastodon.example/@name.rss"]);
    check("https://github.com/a/b", &["https://github.com/a/b/releases.atom"]);
    check("https://github.com/a/b/tags", &["https://github.com/a/b/tags.atom"]);
    check("https://github.com/a", &[]);
    check("https://bsky.app/profile/a.example", &["https://bsky.app/profile/a.example/rss"]);
    check("https://medium.com/@name", &["https://medium.com/feed/@name"]);
    check("https://example.org/", &[]);
}

#[test]
fn guesses_start_near_the_page_and_are_few() {
    let found = guesses(&url("https://example.org/news/africa/?x=1"));
    assert_eq!(
        addresses(&found)[..4],
        [
            "https://example.org/news/africa/feed",
            "https://example.org/news/africa/rss.xml",
            "https://example.org/feed",
            "https://example.org/rss"
        ]
    );
    assert!(addresses(&guesses(&url("https://example.org"))).contains(&"https://example.org/?feed=rss2"));
    assert!(found.len() <= 10 && found.iter().all(|candidate| candidate.source == Source::Guess));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// No page makes the search panic, and all it finds can be polled.
    #[test]
    fn any_page_is_searched(html in "(<link|<a|<base|<!--|-->|<script>|</script>| rel=alternate| rel='feed'| href=| type=application/rss\\+xml|[\"'=<>/& é\\x00-\\x20]|feed:|//|x\\.rss|&amp;|&#x0;){0,60}") {
        let page = url("https://example.org/a/b");
        for candidate in in_page(&html, &page).into_iter().chain(of_site(&url("https://youtube.com/@x"), &html)) {
            prop_assert!(matches!(candidate.url.scheme(), "http" | "https") && candidate.url.has_host());
            prop_assert!(candidate.url.fragment().is_none());
        }
    }
}
