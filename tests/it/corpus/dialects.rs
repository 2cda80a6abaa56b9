//! Well-formed feeds of every family: which element fills which field.

use std::time::Duration;

use jiff::Timestamp;
use wirewatch::feed::Format;

use super::{has_problem, item, read, rss, titles};

fn at(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

fn atom(inside: &str) -> wirewatch::feed::ParsedFeed {
    read(format!("<feed xmlns='http://www.w3.org/2005/Atom' xml:lang='fr-CA'>{inside}</feed>"))
}

fn atom_entry(inside: &str) -> wirewatch::feed::Entry {
    atom(&format!("<entry>{inside}</entry>")).entries[0].clone()
}

#[test]
fn an_rss_feed_is_read_whole() {
    let feed = read(
        "<?xml version='1.0'?><rss version='2.0' xmlns:atom='http://www.w3.org/2005/Atom' \
         xmlns:content='http://purl.org/rss/1.0/modules/content/' xmlns:dc='http://purl.org/dc/elements/1.1/'>\
         <channel><title>World &amp; more</title><link>https://news.example.org/</link><language>en-GB</language><ttl>30</ttl>\
         <atom:link rel='hub' href='https://hub.example.org/'/><atom:link rel='self' href='https://news.example.org/rss'/>\
         <atom:link rel='next' href='?page=2'/><skipHours><hour>3</hour><hour>24</hour></skipHours><skipDays><day>Sunday</day></skipDays>\
         <item><title>First</title><link>/a/1</link><guid isPermaLink='false'>n-1</guid><description>&lt;p&gt;Short&lt;/p&gt;</description>\
         <content:encoded><![CDATA[<p>Long</p>]]></content:encoded><pubDate>Tue, 07 Jul 2026 10:00:00 +0200</pubDate>\
         <dc:creator>Ann Lee</dc:creator><author>desk@example.org (The Desk)</author><category>Sudan</category><category>Truce</category></item>\
         </channel></rss>",
    );
    assert!(feed.problems.is_empty(), "{:?}", feed.problems);
    assert_eq!((feed.format, feed.title.as_deref()), (Format::Rss, Some("World & more")));
    assert_eq!(feed.home_url.as_deref(), Some("https://news.example.org/"));
    assert_eq!((feed.language.as_deref(), feed.ttl), (Some("en"), Some(Duration::from_mins(30))));
    assert_eq!((feed.skip_hours, feed.skip_days), (vec![3, 0], vec!["sunday".to_owned()]));
    assert_eq!(feed.hubs, ["https://hub.example.org/"]);
    assert_eq!(feed.self_url.as_deref(), Some("https://news.example.org/rss"));
    assert_eq!(feed.next_url.as_deref(), Some("https://news.example.org/feeds/world.xml?page=2"));
    let entry = &feed.entries[0];
    assert_eq!((entry.id.as_deref(), entry.id_is_permalink), (Some("n-1"), false));
    assert_eq!(entry.url.as_deref(), Some("https://news.example.org/a/1"));
    assert_eq!(
        (entry.summary.as_deref(), entry.content.as_deref()),
        (Some("<p>Short</p>"), Some("<p>Long</p>"))
    );
    assert_eq!(entry.published, Some(at("2026-07-07T08:00:00Z")));
    assert_eq!(entry.published_raw.as_deref(), Some("Tue, 07 Jul 2026 10:00:00 +0200"));
    assert_eq!(entry.language.as_deref(), Some("en"));
    assert_eq!(
        (&entry.authors[..], &entry.categories[..]),
        (&["Ann Lee".to_owned()][..], &["Sudan".to_owned(), "Truce".to_owned()][..])
    );
}

#[test]
fn a_guid_may_be_the_link() {
    let check = |inside: &str, url: Option<&str>, id_is_permalink: bool| {
        let entry = item(&format!("<title>t</title>{inside}"));
        assert_eq!((entry.url.as_deref(), entry.id_is_permalink), (url, id_is_permalink), "{inside}");
    };
    check("<guid>https://a.example/1</guid>", Some("https://a.example/1"), true);
    check("<guid isPermaLink='true'>https://a.example/1</guid>", Some("https://a.example/1"), true);
    check("<guid isPermaLink='FALSE'>https://a.example/1</guid>", None, false);
    check("<guid>tag:a.example,2026:1</guid>", None, false);
    check(
        "<guid>https://a.example/1</guid><link>https://a.example/2</link>",
        Some("https://a.example/2"),
        true,
    );
    check("<link>javascript:alert(1)</link>", None, false);
    check("<link> \n https://a.example/1 \n</link>", Some("https://a.example/1"), false);
    check("<link><![CDATA[https://a.example/?a=1&b=2]]></link>", Some("https://a.example/?a=1&b=2"), false);
    check("<link href='https://a.example/1'/>", Some("https://a.example/1"), false);
    check("<comments>https://a.example/talk</comments>", None, false);
    check("<enclosure url='https://a.example/1.mp3'/>", None, false);
}

#[test]
fn an_atom_feed_is_read_whole() {
    let feed = atom(
        "<title>Nouvelles</title><link href='https://news.example.org/'/><link rel='hub' href='/hub'/><link rel='prev-archive' href='/2025'/>\
         <author><name>Feed</name></author>\
         <entry xml:lang='ar' xml:base='https://other.example/x/'><id>urn:1</id><title type='html'>A &amp;amp; B</title>\
         <link rel='self' href='self'/><link href='page'/><link rel='enclosure' href='sound.mp3'/>\
         <summary>1 &lt; 2 &amp; 3</summary><published>2026-07-07T10:00:00Z</published><updated>2026-07-07T11:00:00Z</updated>\
         <author><email>ann@example.org</email><name>Ann</name><uri>https://a.example</uri></author><author><name>Bo</name></author>\
         <category term='war' label='War'/><source><id>urn:other</id><title>Other</title><updated>2020-01-01T00:00:00Z</updated></source>\
         <content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'><p>x &lt; y <b>z</b><br/></p></div></content></entry>",
    );
    assert!(feed.problems.is_empty(), "{:?}", feed.problems);
    assert_eq!((feed.format, feed.language.as_deref()), (Format::Atom, Some("fr")));
    assert_eq!(feed.hubs, ["https://news.example.org/hub"]);
    assert_eq!(feed.next_url.as_deref(), Some("https://news.example.org/2025"));
    let entry = &feed.entries[0];
    assert_eq!((entry.id.as_deref(), entry.id_is_permalink), (Some("urn:1"), false));
    assert_eq!(
        (entry.title.as_str(), entry.url.as_deref()),
        ("A &amp; B", Some("https://other.example/x/page"))
    );
    assert_eq!(
        entry.summary.as_deref(),
        Some("1 &lt; 2 &amp; 3"),
        "plain text is escaped, so that all texts are HTML"
    );
    assert_eq!(
        entry.content.as_deref(),
        Some("<p>x &lt; y <b>z</b><br/></p>").map(|text| text.replace("<br/>", "<br>")).as_deref()
    );
    assert_eq!(
        (entry.published, entry.updated),
        (Some(at("2026-07-07T10:00:00Z")), Some(at("2026-07-07T11:00:00Z")))
    );
    assert_eq!((entry.language.as_deref(), &entry.categories[..]), (Some("ar"), &["war".to_owned()][..]));
    assert_eq!(entry.authors, ["Ann", "Bo"]);
}

#[test]
fn atom_texts_are_read_by_their_type() {
    let check = |attributes: &str, inside: &str, expected: &str| {
        let entry = atom_entry(&format!("<title>t</title><content {attributes}>{inside}</content>"));
        assert_eq!(entry.content.as_deref().unwrap_or_default(), expected, "{attributes} {inside}");
    };
    check("", "a &lt;b&gt;", "a &lt;b&gt;");
    check("type='text'", "a &lt;b&gt;", "a &lt;b&gt;");
    check("type='text/plain'", "a &amp; b", "a &amp; b");
    check("type='html'", "a &lt;b&gt;c&lt;/b&gt;", "a <b>c</b>");
    check("type='TEXT/HTML'", "<![CDATA[<b>c</b>]]>", "<b>c</b>");
    check("type='bogus'", "a &lt;b&gt;c&lt;/b&gt;", "a <b>c</b>");
    check("type='xhtml'", "<x:div xmlns:x='http://www.w3.org/1999/xhtml'><x:p>a</x:p></x:div>", "<p>a</p>");
    check("type='text/html' mode='escaped'", "&lt;b&gt;c&lt;/b&gt;", "<b>c</b>");
    check("type='text/html' mode='base64'", "PGI+YzwvYj4=", "<b>c</b>");
    check("type='image/png'", "iVBORw0KGgo=", "");
    let elsewhere = atom_entry("<title>t</title><content src='/full' type='text/html'/>");
    assert_eq!(elsewhere.url.as_deref(), Some("https://news.example.org/full"));
    let quoting = atom(
        "<entry><title>t</title><content type='application/xml'><rss><item><title>no</title></item></rss></content></entry>",
    );
    assert_eq!(titles(&quoting), ["t"]);
}

#[test]
fn old_atom_and_rdf_and_prefixed_names_are_read() {
    let old = read(
        "<feed version='0.3' xmlns='http://purl.org/atom/ns#'><title>Old</title><entry><title mode='escaped' type='text/html'>A &lt;i&gt;b&lt;/i&gt;</title>\
         <link rel='alternate' type='text/html' href='http://a.example/1'/><issued>2004-01-01T00:00:00Z</issued><modified>2004-01-02T00:00:00Z</modified></entry></feed>",
    );
    assert_eq!(
        (titles(&old), old.entries[0].updated),
        (vec!["A <i>b</i>"], Some(at("2004-01-02T00:00:00Z")))
    );
    assert_eq!(old.entries[0].published, Some(at("2004-01-01T00:00:00Z")));

    let rdf = read(
        "<r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/' xmlns:dc='http://purl.org/dc/elements/1.1/' \
         xmlns:sy='http://purl.org/rss/1.0/modules/syndication/' xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\
         <channel rdf:about='http://a.example/'><title>R</title><sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency></channel>\
         <image><title>Logo</title></image><item rdf:about='http://a.example/1'><title>One</title><dc:date>2026-07-07T10:00Z</dc:date>\
         <dc:creator>Ann</dc:creator><dc:subject>War</dc:subject><dc:language>ar</dc:language></item></r:RDF>",
    );
    assert_eq!(
        (rdf.format, rdf.ttl, titles(&rdf)),
        (Format::Rdf, Some(Duration::from_hours(6)), vec!["One"])
    );
    let entry = &rdf.entries[0];
    assert_eq!(
        (entry.id.as_deref(), entry.url.as_deref()),
        (Some("http://a.example/1"), Some("http://a.example/1"))
    );
    assert_eq!((entry.published, entry.language.as_deref()), (Some(at("2026-07-07T10:00:00Z")), Some("ar")));
    assert_eq!(
        (&entry.authors[..], &entry.categories[..]),
        (&["Ann".to_owned()][..], &["War".to_owned()][..])
    );

    let prefixed = read(
        "<a:feed xmlns:a='http://www.w3.org/2005/Atom'><a:entry><a:title>P</a:title><title>no</title></a:entry></a:feed>",
    );
    assert_eq!(titles(&prefixed), ["P"]);
    let undeclared =
        item("<title>t</title><dc:date>2026-07-07</dc:date><content:encoded>c</content:encoded>");
    assert_eq!(
        (undeclared.published, undeclared.content.as_deref()),
        (Some(at("2026-07-07T00:00:00Z")), Some("c"))
    );
    let foreign = item(
        "<title>t</title><x xmlns='http://www.w3.org/2000/svg'><title>no</title></x><title xmlns='http://www.w3.org/2000/svg'>no</title>",
    );
    assert_eq!(foreign.title, "t");
}

#[test]
fn fallbacks_are_taken_in_order() {
    assert_eq!(
        item("<title>t</title><media:description>m</media:description>").summary.as_deref(),
        Some("m")
    );
    assert_eq!(
        item("<title>t</title><media:group><media:description>m</media:description></media:group>")
            .summary
            .as_deref(),
        Some("m")
    );
    assert_eq!(
        item("<media:description>m</media:description><description>d</description>").summary.as_deref(),
        Some("d")
    );
    assert_eq!(item("<title>t</title><itunes:summary>i</itunes:summary>").summary.as_deref(), Some("i"));
    assert_eq!(item("<title> </title><dc:title>d</dc:title>").title, "d");
    let both = item("<title>t</title><dc:date>2020-01-01</dc:date><pubDate>2026-07-07</pubDate>");
    assert_eq!(both.published, Some(at("2026-07-07T00:00:00Z")));
    let bent = item("<title>t</title><pubDate>soon</pubDate><dc:date>2020-01-01</dc:date>");
    assert_eq!(
        (bent.published, bent.published_raw.as_deref()),
        (Some(at("2020-01-01T00:00:00Z")), Some("2020-01-01"))
    );
    let original = "<title>t</title><link>http://feedproxy.example/1</link><feedburner:origLink>https://a.example/1</feedburner:origLink>";
    assert_eq!(item(original).url.as_deref(), Some("https://a.example/1"));
    let body = item("<title>t</title><body xmlns='http://www.w3.org/1999/xhtml'><p>x &amp; y</p></body>");
    assert_eq!(body.content.as_deref(), Some("<p>x &amp; y</p>"));
}

#[test]
fn json_feeds_are_read_however_they_are_written() {
    let feed = read(
        "\u{FEFF}{\"version\": \"https://jsonfeed.org/version/1.1\", \"title\": \"J & K\", \"home_page_url\": \"https://a.example/\", \"language\": \"de-AT\",\
         \"hubs\": [{\"type\": \"WebSub\", \"url\": \"https://hub.example/\"}], \"next_url\": \"https://a.example/2\", \"items\": [\
         {\"id\": 17, \"content_text\": \"1 < 2\", \"date_published\": \"2026-07-07T10:00:00+02:00\", \"tags\": [\"war\"], \"authors\": [{\"name\": \"Ann\"}]},\
         {\"id\": \"x\", \"url\": \"/b\", \"title\": \"<B>\", \"content_html\": \"<p>h</p>\", \"author\": {\"name\": \"Bo\"}}, {}, 5]}",
    );
    assert_eq!(
        (feed.format, feed.language.as_deref(), feed.title.as_deref()),
        (Format::Json, Some("de"), Some("J &amp; K"))
    );
    assert_eq!(
        (&feed.hubs[..], feed.next_url.as_deref()),
        (&["https://hub.example/".to_owned()][..], Some("https://a.example/2"))
    );
    assert!(has_problem(&feed, wirewatch::feed::ProblemKind::EmptyEntry));
    let [first, second, nothing] = &feed.entries[..] else { panic!("three entries: {feed:?}") };
    assert_eq!((nothing.id.as_deref(), nothing.title.as_str()), (None, ""), "what is no object is no entry");
    assert_eq!(
        (first.id.as_deref(), first.content.as_deref(), first.title.as_str()),
        (Some("17"), Some("1 &lt; 2"), "")
    );
    assert_eq!(
        (first.published, &first.authors[..]),
        (Some(at("2026-07-07T08:00:00Z")), &["Ann".to_owned()][..])
    );
    assert_eq!((second.title.as_str(), second.content.as_deref()), ("&lt;B&gt;", Some("<p>h</p>")));
    assert_eq!(
        (second.url.as_deref(), &second.authors[..]),
        (Some("https://news.example.org/b"), &["Bo".to_owned()][..])
    );

    let raw_break = read(
        "{\"items\": [{\"id\": 1, \"title\": \"a\nb\"}, {\"id\": 2, \"title\": \"c\", oops}, {\"id\": 3, \"title\": \"d\"}]}",
    );
    assert_eq!(titles(&raw_break), ["a b", "d"]);
    assert!(has_problem(&raw_break, wirewatch::feed::ProblemKind::Markup), "{:?}", raw_break.problems);
}

#[test]
fn the_pause_a_publisher_asks_for_is_bounded() {
    let check = |inside: &str, expected: Option<u64>| {
        assert_eq!(read(rss(inside)).ttl, expected.map(Duration::from_secs), "{inside}");
    };
    check("<ttl>60</ttl>", Some(3_600));
    check("<ttl> 5 </ttl>", Some(300));
    check("<ttl>0</ttl>", None);
    check("<ttl>soon</ttl>", None);
    check("<ttl>99999999999999</ttl>", Some(30 * 24 * 3_600));
    check("<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency>", Some(1_800));
    check("<sy:updatePeriod>weekly</sy:updatePeriod>", Some(7 * 24 * 3_600));
    check("<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>0</sy:updateFrequency>", Some(3_600));
}
