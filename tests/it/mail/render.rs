//! What an alert says, in its subject, text, HTML and headers.

use wirewatch::alert::render::{self, AlertView, ArticleView};
use wirewatch::feed::Tier;
use wirewatch::topic::{Evidence, Field, Severity, Status};

use super::{ARABIC, time};

fn evidence(signal: &str, quote: &str, field: Field, status: Status, points: f64) -> Evidence {
    Evidence { signal: signal.to_owned(), field, quote: quote.to_owned(), status, points }
}

fn article() -> ArticleView {
    ArticleView {
        title: "Army violates ceasefire hours after deal, monitors say".to_owned(),
        url: Some("https://news.example.org/world/2026/ceasefire".to_owned()),
        host: "news.example.org".to_owned(),
        publisher: "example.org".to_owned(),
        tier: Tier::new(1).unwrap(),
        feed_name: "Example World".to_owned(),
        published_at: Some(time("2026-11-23T10:06:00Z")),
        seen_at: time("2026-11-23T10:19:30Z"),
        score: 0.934,
        evidence: vec![
            evidence(
                "a truce is broken",
                "Army violates ceasefire hours after deal",
                Field::Title,
                Status::Affirmed,
                50.0,
            ),
            evidence(
                "both sides at arms",
                "both sides traded fire along the river",
                Field::Summary,
                Status::Hedged,
                12.5,
            ),
            evidence("a truce holds", "the truce held for two days", Field::Body, Status::Historical, -8.0),
        ],
        is_new: true,
        is_headline_only: false,
        id: 4711,
    }
}

fn view() -> AlertView {
    AlertView {
        topic_name: "Ceasefire breakdown".to_owned(),
        topic_id: "ceasefire-breakdown".to_owned(),
        severity: Severity::Critical,
        kind: "first".to_owned(),
        reason: "1 publisher reported it, and the topic asks for 1".to_owned(),
        place: Some("Sudan".to_owned()),
        at: time("2026-11-23T10:20:00Z"),
        incident: 12,
        alert: 31,
        publishers: 1,
        articles: vec![article()],
        score: 0.934,
        threshold: 0.70,
        more: 0,
    }
}

fn with_title(title: &str) -> AlertView {
    AlertView { articles: vec![ArticleView { title: title.to_owned(), ..article() }], ..view() }
}

#[test]
fn a_subject_says_what_happened_in_one_line() {
    let cases = [
        (with_title("Army violates ceasefire"), "[Ceasefire breakdown] Sudan: Army violates ceasefire"),
        (view(), "[Ceasefire breakdown] Sudan: Army violates ceasefire hours after deal…"),
        (
            AlertView { place: None, publishers: 3, ..with_title("Army violates ceasefire") },
            "[Ceasefire breakdown] Army violates ceasefire (3 publishers)",
        ),
        (
            AlertView { kind: "update".to_owned(), publishers: 2, ..with_title("Talks resume") },
            "[Ceasefire breakdown] Update, Sudan: Talks resume (2 publishers)",
        ),
        (AlertView { articles: Vec::new(), ..view() }, "[Ceasefire breakdown] Sudan: Ceasefire breakdown"),
        (with_title("one\r\ntwo\u{202e}three"), "[Ceasefire breakdown] Sudan: one twothree"),
        (with_title("هدنة"), "[Ceasefire breakdown] Sudan: هدنة"),
    ];
    for (view, expected) in cases {
        assert_eq!(render::subject(&view), expected);
    }
}

#[test]
fn a_subject_fits_whatever_it_is_made_of() {
    let long = "word ".repeat(100);
    let solid = "語".repeat(500);
    for text in [&long, &solid, &ARABIC.repeat(20), &String::new()] {
        for place in [None, Some(text.clone())] {
            let view =
                AlertView { topic_name: text.clone(), place, publishers: u32::MAX, ..with_title(text) };
            let subject = render::subject(&view);
            assert!(subject.chars().count() <= 78, "{}: {subject}", subject.chars().count());
            assert!(subject.ends_with("(4294967295 publishers)"), "{subject}");
        }
    }
}

#[test]
fn the_text_is_complete_in_itself() {
    insta::assert_snapshot!("alert_text", render::text(&view()));
}

#[test]
fn an_update_names_what_is_new() {
    let told = ArticleView {
        title: "Old news".to_owned(),
        is_new: false,
        published_at: None,
        url: None,
        ..article()
    };
    let arabic = ArticleView {
        title: ARABIC.to_owned(),
        publisher: "example.com".to_owned(),
        tier: Tier::new(2).unwrap(),
        evidence: vec![evidence(
            "a truce is broken",
            "ينتهك وقف إطلاق النار",
            Field::Title,
            Status::Affirmed,
            50.0,
        )],
        ..article()
    };
    let view = AlertView {
        kind: "update".to_owned(),
        reason: "a second publisher reported it".to_owned(),
        publishers: 2,
        articles: vec![told, arabic],
        more: 3,
        ..view()
    };
    insta::assert_snapshot!("update_text", render::text(&view));
    let html = render::html(&view);
    assert_eq!(html.matches(">NEW</span>").count(), 1);
    assert!(html.contains("and 3 more articles not shown here"));
}

#[test]
fn text_keeps_to_its_columns() {
    let view = with_title(&format!("{} {}", "several words ".repeat(30), "漢字".repeat(60)));
    for line in render::text(&view).lines().filter(|line| !line.contains("https://")) {
        assert!(line.chars().count() <= 76, "{} columns: {line}", line.chars().count());
    }
}

/// What a title, quote, feed name, publisher or reason must not bring into a mail.
const ATTACKS: [&str; 7] = [
    "<script>alert(1)</script>",
    "<img src=https://evil.example/pixel>",
    "\" onmouseover=\"alert(1)",
    "' style='position:fixed",
    "{{ 7 * 7 }}{% raw %}",
    "</style><style>body{background:url(https://evil.example)}",
    "&lt;b&gt; \u{202e}txet\u{2066}\u{200f}\u{0}\u{7f}\u{85}\u{e0041}",
];

#[test]
fn feed_text_is_text() {
    for attack in ATTACKS {
        let mut article = ArticleView {
            publisher: attack.to_owned(),
            feed_name: attack.to_owned(),
            host: attack.to_owned(),
            url: None,
            ..article()
        };
        attack.clone_into(&mut article.title);
        article.evidence = vec![evidence(attack, attack, Field::Body, Status::Affirmed, 1.0)];
        let view = AlertView {
            topic_name: attack.to_owned(),
            topic_id: attack.to_owned(),
            reason: attack.to_owned(),
            place: Some(attack.to_owned()),
            articles: vec![article],
            ..view()
        };
        let html = render::html(&view);
        let clean = render::html(&self::view());
        for tag in ["<script", "<img", "<style", "<a ", "<b>", "</style", "onmouseover=\"", "style='"] {
            let expected = if tag == "<a " { 0 } else { clean.matches(tag).count() };
            assert_eq!(html.matches(tag).count(), expected, "{tag} from {attack:?}");
        }
        for text in [&html, &render::text(&view), &render::subject(&view)] {
            assert!(
                !text.contains([
                    '\u{202e}',
                    '\u{2066}',
                    '\u{200f}',
                    '\u{0}',
                    '\u{7f}',
                    '\u{85}',
                    '\u{e0041}'
                ]),
                "{attack:?}"
            );
            assert!(!text.contains("49"), "{attack:?} was evaluated");
        }
        for (name, value) in render::headers(&view) {
            assert!(
                !value.contains(['\r', '\n', '"', '{']) && value.matches('<').count() <= 1,
                "{name}: {value}"
            );
        }
    }
}

#[test]
fn only_web_addresses_are_links() {
    for (url, href, shown) in [
        (
            "https://news.example.org/a?b=1&c=2",
            Some("https://news.example.org/a?b=1&amp;c=2"),
            "Opens news.example.org",
        ),
        ("http://example.org", Some("http://example.org/"), "Opens example.org"),
        (
            "https://bücher.example/ü",
            Some("https://xn--bcher-kva.example/%C3%BC"),
            "Opens xn--bcher-kva.example",
        ),
        ("javascript:alert(1)", None, "Link, not a web address: javascript:alert(1)"),
        ("JAVASCRIPT:alert(1)", None, "not a web address"),
        (" data:text/html,<b>x</b>", None, "not a web address: data:text"),
        ("file:///etc/passwd", None, "not a web address"),
        ("https://bank.example@evil.example/", None, "not a web address"),
        ("/relative", None, "not a web address"),
        ("https://", None, "not a web address"),
        ("", None, "wirewatch articles show 4711"),
    ] {
        let view =
            AlertView { articles: vec![ArticleView { url: Some(url.to_owned()), ..article() }], ..view() };
        // The engine writes a slash as an entity; a reader sees it as it is.
        let html = render::html(&view).replace("&#x2f;", "/");
        let found =
            html.split_once("href=\"").and_then(|(_, rest)| rest.split_once('"')).map(|(href, _)| href);
        assert_eq!(found, href, "{url:?}");
        assert!(html.contains(shown), "`{shown}` is missing for {url:?}");
    }
    let long = format!("https://example.org/{}", "a".repeat(5_000));
    let view = AlertView { articles: vec![ArticleView { url: Some(long), ..article() }], ..view() };
    assert!(!render::html(&view).contains("href=\"") && render::text(&view).len() < 4_000);
}

#[test]
fn the_html_fetches_nothing_and_says_what_the_text_says() {
    let html = render::html(&view());
    for forbidden in ["<script", "<img", "<link", "<iframe", "<table", "url(", "@import", "src=", " on"] {
        if forbidden != " on" {
            assert!(!html.contains(forbidden), "{forbidden}");
        }
    }
    for needed in [
        "CRITICAL",
        "Ceasefire breakdown",
        "Sudan",
        "0.93",
        "very likely",
        "example.org",
        "tier 1",
        "Example World",
        "2026-11-23 10:06 UTC (14 minutes ago)",
        "a truce is broken",
        "+50 points",
        "−8 points",
        "hedged",
        "incident 12",
        "0.70",
        "1 publisher reported it",
        "wirewatch alerts show 31",
        "prefers-color-scheme: dark",
    ] {
        assert!(html.contains(needed), "`{needed}` is missing");
    }
    assert!(html.trim_end().ends_with("</html>") && !html.contains("{{") && !html.contains("{%"));
}

#[test]
fn headers_let_people_filter() {
    let headers = render::headers(&view());
    let value = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    for (name, expected) in [
        ("List-Id", Some("Ceasefire breakdown <ceasefire-breakdown.wirewatch>")),
        ("X-Wirewatch-Topic", Some("ceasefire-breakdown")),
        ("X-Wirewatch-Severity", Some("critical")),
        ("X-Wirewatch-Score", Some("0.93")),
        ("Importance", Some("high")),
        ("X-Priority", Some("1")),
    ] {
        assert_eq!(value(name), expected, "{name}");
    }
    let calm = render::headers(&AlertView { severity: Severity::Warning, ..view() });
    assert!(!calm.iter().any(|(name, _)| name == "Importance" || name == "X-Priority"));
}

#[test]
fn odd_numbers_and_empty_fields_are_survived() {
    let empty = ArticleView {
        title: String::new(),
        url: None,
        host: String::new(),
        publisher: String::new(),
        feed_name: String::new(),
        published_at: Some(time("2027-01-01T00:00:00Z")),
        score: f64::NAN,
        evidence: Vec::new(),
        ..article()
    };
    let view =
        AlertView { score: f64::INFINITY, threshold: -3.0, articles: vec![empty; 40], more: 2, ..view() };
    let rendered = render::render(&view);
    assert!(rendered.text.contains("Score 0.00"), "{}", rendered.text);
    assert!(rendered.text.contains("in 38 days"), "{}", rendered.text);
    assert!(rendered.text.contains("and 17 more articles not shown here"), "{}", rendered.text);
}

#[test]
fn a_test_mail_says_that_it_is_one() {
    let rendered = render::test_mail(time("2026-11-23T10:20:00Z"));
    for part in [&rendered.subject, &rendered.text, &rendered.html] {
        assert!(part.contains("This is a test"), "{part}");
    }
    assert!(rendered.text.contains("2026-11-23 10:20 UTC") && rendered.html.contains("2026-11-23 10:20 UTC"));
}

#[test]
fn an_article_without_text_is_said_to_be_scored_on_its_headline() {
    let view = AlertView { articles: vec![ArticleView { is_headline_only: true, ..article() }], ..view() };
    let rendered = render::render(&view);
    for mail in [rendered.text, rendered.html] {
        assert!(mail.contains("scored on its headline only"), "{mail}");
    }
}
