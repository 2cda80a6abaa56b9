//! What an alert says, in its subject, text, HTML and headers.
//!
//! One file because the parts are those of one mail, made from the same view.

use std::io::Read;

use flate2::read::ZlibDecoder;
use wirewatch::alert::Kind;
use wirewatch::alert::render::templates::Templates;
use wirewatch::alert::render::{
    self, Action, AlertView, ArticleView, News, PublisherView, Rendered, StoryView, ToldStory, Trend, sample,
    sparkline,
};
use wirewatch::feed::Tier;
use wirewatch::mail;
use wirewatch::topic::{Evidence, Field, Severity, Status};

use super::{ARABIC, FROM, assert_wire_safe, message, time};
use crate::support::smtp::Parsed;

pub(super) fn evidence(signal: &str, quote: &str, field: Field, status: Status, points: f64) -> Evidence {
    let (signal, quote) = (signal.to_owned(), quote.to_owned());
    Evidence { signal, field, quote, status, points, at: None, is_claim: false }
}

/// The same, with words marked.
fn marked(evidence: Evidence, words: &str) -> Evidence {
    let from = evidence.quote.find(words).unwrap();
    let at = (u32::try_from(from).unwrap(), u32::try_from(from + words.len()).unwrap());
    Evidence { at: Some(at), ..evidence }
}

pub(super) fn article() -> ArticleView {
    let violates = evidence(
        "a truce is broken",
        "Army violates ceasefire hours after deal",
        Field::Title,
        Status::Affirmed,
        50.0,
    );
    let fire = evidence(
        "both sides at arms",
        "both sides traded fire along the river",
        Field::Summary,
        Status::Hedged,
        12.5,
    );
    ArticleView {
        title: "Army violates ceasefire hours after deal, monitors say".to_owned(),
        url: Some("https://news.example.org/world/2026/ceasefire".to_owned()),
        publisher: "example.org".to_owned(),
        tier: Tier::new(1).unwrap(),
        feed_name: "Example World".to_owned(),
        published_at: Some(time("2026-11-23T10:06:00Z")),
        seen_at: time("2026-11-23T10:19:30Z"),
        score: 0.934,
        evidence: vec![
            marked(violates, "violates ceasefire"),
            Evidence { is_claim: true, ..fire },
            evidence("a truce holds", "the truce held for two days", Field::Body, Status::Historical, -8.0),
        ],
        is_headline_only: false,
        id: 4711,
    }
}

fn publisher(name: &str, tier: u8, at: &str) -> PublisherView {
    PublisherView { name: name.to_owned(), tier: Tier::new(tier).unwrap(), first_seen_at: time(at) }
}

/// The story of one article by one publisher.
pub(super) fn story(article: ArticleView) -> StoryView {
    StoryView {
        title: article.title.clone(),
        news: News::New,
        first_seen_at: article.seen_at,
        publishers: vec![publisher(&article.publisher, article.tier.number(), "2026-11-23T10:19:30Z")],
        known_publishers: 0,
        copies: 0,
        copied_by: Vec::new(),
        articles: vec![article],
        more: 0,
    }
}

pub(super) fn view() -> AlertView {
    AlertView {
        topic_name: "Ceasefire breakdown".to_owned(),
        topic_id: "ceasefire-breakdown".to_owned(),
        severity: Severity::Critical,
        kind: Kind::First,
        headline: None,
        reason: "1 publisher reported it, and the topic asks for 1".to_owned(),
        place: Some("Sudan".to_owned()),
        place_code: "SD".to_owned(),
        at: time("2026-11-23T10:20:00Z"),
        incident: 12,
        alert: 31,
        publishers: 1,
        score: 0.934,
        threshold: 0.70,
        stories: vec![story(article())],
        more: 0,
        told: Vec::new(),
        told_more: 0,
        corrects: None,
        trend: None,
        incident_url: None,
        actions: Vec::new(),
        contact: Some("ops@example.org".to_owned()),
    }
}

pub(super) fn rendered(view: &AlertView) -> Rendered {
    render::render(view, &Templates::default())
}

fn text(view: &AlertView) -> String {
    rendered(view).text
}

fn html(view: &AlertView) -> String {
    rendered(view).html
}

fn with_title(title: &str) -> AlertView {
    with_article(ArticleView { title: title.to_owned(), ..article() })
}

/// A story that so many publishers tell.
fn said_by(count: usize, title: &str) -> AlertView {
    let mut view = with_title(title);
    view.stories[0].publishers =
        (0..count).map(|at| publisher(&format!("{at}.example"), 2, "2026-11-23T10:19:30Z")).collect();
    AlertView { publishers: u32::try_from(count).unwrap(), ..view }
}

fn with_article(article: ArticleView) -> AlertView {
    AlertView { stories: vec![story(article)], ..view() }
}

/// All there can be in an alert, with a story in Arabic.
pub(super) fn full(kind: Kind) -> AlertView {
    let arabic = ArticleView {
        title: ARABIC.to_owned(),
        url: Some("https://xn--mgbab2bd.example/a".to_owned()),
        publisher: "example.com".to_owned(),
        tier: Tier::new(2).unwrap(),
        evidence: vec![marked(
            evidence(
                "a truce is broken",
                "الجيش ينتهك وقف إطلاق النار بعد ساعات",
                Field::Title,
                Status::Affirmed,
                50.0,
            ),
            "ينتهك وقف إطلاق النار",
        )],
        ..article()
    };
    let second = ArticleView {
        title: "Shelling in Khartoum despite truce".to_owned(),
        url: Some("https://example.net/world/shelling".to_owned()),
        publisher: "example.net".to_owned(),
        tier: Tier::new(3).unwrap(),
        published_at: None,
        is_headline_only: true,
        ..article()
    };
    let lead = StoryView {
        first_seen_at: time("2026-11-23T09:58:00Z"),
        publishers: vec![
            publisher("example.net", 3, "2026-11-23T09:58:00Z"),
            publisher("example.org", 1, "2026-11-23T10:19:30Z"),
        ],
        copies: 7,
        copied_by: vec!["copy.example".to_owned(), "wire.example".to_owned()],
        articles: vec![article(), second],
        more: 1,
        ..story(article())
    };
    let grown = StoryView {
        news: News::Updated,
        first_seen_at: time("2026-11-22T18:00:00Z"),
        publishers: vec![
            publisher("example.com", 2, "2026-11-22T18:00:00Z"),
            publisher("example.edu", 2, "2026-11-23T09:40:00Z"),
        ],
        known_publishers: 1,
        ..story(arabic)
    };
    AlertView {
        kind,
        reason: "2 new stories came in since the last mail".to_owned(),
        publishers: 4,
        stories: vec![lead, grown],
        more: 3,
        told: vec![ToldStory {
            title: "Truce agreed in Jeddah, to begin at noon".to_owned(),
            alert: 29,
            told_at: time("2026-11-22T09:10:00Z"),
            publishers: 5,
            is_taken_back: false,
        }],
        told_more: 2,
        trend: Some(Trend {
            days: [0, 0, 1, 0, 0, 2, 1, 0, 0, 0, 3, 1, 12, 7],
            place: Some("Sudan".to_owned()),
        }),
        incident_url: Some("https://watch.example.org/incidents/12".to_owned()),
        ..view()
    }
}

#[test]
fn a_subject_says_what_happened_in_one_line() {
    let cases = [
        (with_title("Army violates ceasefire"), "[Ceasefire breakdown] Sudan: Army violates ceasefire"),
        (view(), "[Ceasefire breakdown] Sudan: Army violates ceasefire hours after deal…"),
        (
            AlertView { place: None, ..said_by(3, "Army violates ceasefire") },
            "[Ceasefire breakdown] Army violates ceasefire (3 publishers)",
        ),
        (
            AlertView { kind: Kind::Update, publishers: 9, ..said_by(2, "Talks resume") },
            "[Ceasefire breakdown] Update, Sudan: Talks resume (2 publishers)",
        ),
        (
            said_by(3, "Fighting resumes hours after truce"),
            "[Ceasefire breakdown] Sudan: Fighting resumes hours after truce (3 publishers)",
        ),
        // Of all who report the incident, one says this.
        (
            AlertView { kind: Kind::Update, publishers: 9, ..with_title("Talks resume") },
            "[Ceasefire breakdown] Update, Sudan: Talks resume",
        ),
        (
            AlertView { kind: Kind::Escalation, ..with_title("Talks collapse") },
            "[Ceasefire breakdown] Escalation, Sudan: Talks collapse",
        ),
        (
            AlertView { kind: Kind::Correction, place: None, ..said_by(3, "Talks collapse") },
            "[Ceasefire breakdown] Correction: Talks collapse",
        ),
        (
            AlertView { kind: Kind::AllClear, publishers: 4, ..said_by(3, "Talks collapse") },
            "[Ceasefire breakdown] All clear, Sudan: Nothing new is reported",
        ),
        (
            AlertView {
                kind: Kind::Surge,
                headline: Some("34 reports in 24h, usual 6".to_owned()),
                publishers: 5,
                ..with_title("Talks collapse")
            },
            "[Ceasefire breakdown] Surge, Sudan: 34 reports in 24h, usual 6 (5 publishers)",
        ),
        (AlertView { stories: Vec::new(), ..view() }, "[Ceasefire breakdown] Sudan: Ceasefire breakdown"),
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
            let view = AlertView {
                topic_name: text.clone(),
                place,
                publishers: u32::MAX,
                kind: Kind::Surge,
                ..with_title(text)
            };
            let subject = render::subject(&view);
            assert!(subject.chars().count() <= 78, "{}: {subject}", subject.chars().count());
            assert!(subject.ends_with("(4294967295 publishers)"), "{subject}");
        }
    }
}

#[test]
fn the_text_is_complete_in_itself() {
    insta::assert_snapshot!("alert_text", text(&view()));
}

#[test]
fn every_kind_says_what_it_is() {
    for kind in [Kind::First, Kind::Update, Kind::Escalation, Kind::Surge, Kind::Correction, Kind::AllClear] {
        let view = match kind {
            Kind::Surge => {
                let headline = "34 reports in 24h, usual 6".to_owned();
                AlertView { headline: Some(headline), publishers: 12, ..full(kind) }
            }
            // What a correction takes back is told in one story, as is what was reported last before an all-clear.
            Kind::Correction | Kind::AllClear => {
                let told = full(kind).told.remove(0);
                let corrects = (kind == Kind::Correction).then_some(told);
                AlertView { stories: full(kind).stories.split_off(1), more: 0, corrects, ..full(kind) }
            }
            _ => full(kind),
        };
        let mail = rendered(&view);
        insta::assert_snapshot!(format!("{}_text", kind.as_str()), mail.text);
        insta::assert_snapshot!(format!("{}_html", kind.as_str()), mail.html);
    }
}

#[test]
fn what_is_new_grew_or_is_known_is_told_apart() {
    let mail = rendered(&full(Kind::Update));
    assert_eq!(mail.html.matches(">NEW</span>").count(), 1);
    assert_eq!(mail.html.matches(">UPDATED</span>").count(), 1);
    let text = mail.text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut rest = text.as_str();
    for words in [
        "UPDATE · CRITICAL · Ceasefire breakdown · Sudan",
        "4 independent publishers in 14 articles, 7 of them copies",
        " NEW 1. ",
        "2 publishers: example.net (tier 3, 09:58 UTC), example.org (tier 1, 10:19 UTC)",
        "and 7 copies of the same text: copy.example, wire.example",
        "for: \"Army *violates ceasefire* hours after deal\"",
        "claimed by one side",
        "and 1 more article of this story",
        " UPDATED 2. ",
        "New since the last mail: example.edu (tier 2, 09:40 UTC)",
        "Before: example.com (tier 2, 22 Nov 18:00 UTC)",
        "… and 3 more articles not shown here.",
        " ALREADY REPORTED ",
        "- Truce agreed in Jeddah, to begin at noon (alert 29, 22 Nov 09:10 UTC, 5 publishers)",
        "… and 2 earlier stories",
    ] {
        let (_, after) = rest.split_once(words).unwrap_or_else(|| panic!("`{words}` is not next in {rest}"));
        rest = after;
    }
}

#[test]
fn the_words_that_matched_are_marked_in_their_place() {
    let quote = "Army violates  ceasefire\u{200b} hours";
    for (at, shown) in [
        (Some((5, 27)), "Army *violates ceasefire* hours"),
        (Some((0, 4)), "*Army* violates ceasefire hours"),
        // All of it, nothing, beyond the end, inside a character: then nothing is marked.
        (Some((0, 33)), "Army violates ceasefire hours"),
        (Some((5, 5)), "Army violates ceasefire hours"),
        (Some((5, 400)), "Army violates ceasefire hours"),
        (Some((20, 25)), "Army violates ceasefire hours"),
        (Some((27, 5)), "Army violates ceasefire hours"),
        (None, "Army violates ceasefire hours"),
    ] {
        let one = Evidence { at, ..evidence("signal", quote, Field::Title, Status::Affirmed, 1.0) };
        let view = with_article(ArticleView { evidence: vec![one], ..article() });
        assert!(text(&view).contains(&format!("for: \"{shown}\"")), "{at:?}: {}", text(&view));
        assert_eq!(html(&view).contains("<b class=\"mark\""), shown.contains('*'), "{at:?}");
    }
}

#[test]
fn commands_can_be_pasted_whatever_a_topic_is_called() {
    let mail = text(&view());
    for command in [
        "wirewatch alerts show 31",
        "wirewatch alerts ack 31",
        "wirewatch alerts silence --topic ceasefire-breakdown --place SD --for 6h --comment \"alert 31\"",
        "wirewatch alerts feedback 31 useful",
    ] {
        assert!(mail.contains(&format!("\n    {command}\n")), "{command}: {mail}");
    }
    let hostile = AlertView { topic_id: "a; rm -rf /".to_owned(), place_code: "$(x)".to_owned(), ..view() };
    assert!(text(&hostile).contains("silence --topic a--rm--rf-- --for 6h"), "{}", text(&hostile));
    let calm = text(&AlertView { kind: Kind::AllClear, ..view() });
    assert!(!calm.contains("alerts silence") && !calm.contains("alerts ack"), "{calm}");
}

#[test]
fn text_keeps_to_its_columns() {
    let view = with_title(&format!("{} {}", "several words ".repeat(30), "漢字".repeat(60)));
    // Links and commands stay whole: half of one is worth nothing.
    for line in
        text(&view).lines().filter(|line| !line.contains("https://") && !line.contains("wirewatch alerts "))
    {
        assert!(line.chars().count() <= 76, "{} columns: {line}", line.chars().count());
    }
}

#[test]
fn only_web_addresses_are_links() {
    for (url, href, shown) in [
        (
            "https://news.example.org/a?b=1&c=2",
            Some("https://news.example.org/a?b=1&amp;c=2"),
            "headline opens news.example.org",
        ),
        ("http://example.org", Some("http://example.org/"), "headline opens example.org"),
        (
            "https://bücher.example/ü",
            Some("https://xn--bcher-kva.example/%C3%BC"),
            "opens xn--bcher-kva.example (bücher.example)",
        ),
        ("javascript:alert(1)", None, "Link, not a web address: javascript:alert(1)"),
        ("JAVASCRIPT:alert(1)", None, "not a web address"),
        (" data:text/html,<b>x</b>", None, "not a web address: data:text"),
        ("file:///etc/passwd", None, "not a web address"),
        // Mail programs make a link of every bare address they find: here is none left.
        (
            "http://bank.example@evil.example/",
            None,
            "Link, not a web address: http[://]bank.example[@]evil.example/",
        ),
        ("/relative", None, "not a web address"),
        ("https://", None, "not a web address"),
        ("", None, "wirewatch articles show 4711"),
    ] {
        let view = with_article(ArticleView { url: Some(url.to_owned()), ..article() });
        let html = html(&view);
        let found =
            html.split_once("href=\"").and_then(|(_, rest)| rest.split_once('"')).map(|(href, _)| href);
        assert_eq!(found, href, "{url:?}");
        assert!(html.contains(shown), "`{shown}` is missing for {url:?}");
        let bare = text(&view).matches("://").count();
        assert_eq!(bare, usize::from(href.is_some()) + text(&view).matches("[://]").count(), "{url:?}");
    }
    let long = format!("https://example.org/{}", "a".repeat(5_000));
    let view = with_article(ArticleView { url: Some(long), ..article() });
    assert!(!html(&view).contains("href=\"") && text(&view).len() < 4_000);
}

#[test]
fn the_html_fetches_nothing_and_says_what_the_text_says() {
    let html = html(&view());
    for forbidden in ["<script", "<img", "<link", "<iframe", "url(", "@import", "src="] {
        assert!(!html.contains(forbidden), "{forbidden}");
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
        "2026-11-23 10:06 UTC (14 minutes ago) · Seen",
        "a truce is broken",
        "+50 points",
        "−8 points",
        "claimed by one side",
        "historical",
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
fn outlook_gets_widths_and_directions_it_knows() {
    let html = html(&full(Kind::Update));
    assert!(html.contains("<!--[if mso]><table role=\"presentation\" width=\"640\""));
    assert_eq!(html.matches("<table").count(), html.matches("</table>").count());
    assert_eq!(html.matches("<td").count(), html.matches("</td>").count());
    assert_eq!(html.matches("<div").count(), html.matches("</div>").count());
    assert!(!html.contains("display:flex") && !html.contains("display:grid") && !html.contains("position:"));
    // The Arabic story runs from the right, where its bar stands; the others from the left.
    assert!(html.contains("border-right:3px solid") && html.contains("border-left:3px solid"));
    assert!(html.contains("<div class=\"ink\" dir=\"rtl\"") && html.contains("<div dir=\"rtl\" style"));
}

#[test]
fn no_mail_is_so_long_that_gmail_cuts_it() {
    let long =
        "Army violates ceasefire hours after deal, monitors and residents of the capital say ".repeat(8);
    let link = format!("https://example.org/{}", "a/".repeat(980));
    let one = |at: usize| {
        let evidence = (0..9).map(|index| {
            let quote = format!("{at} {index} {long}");
            evidence(
                "a truce is broken by one of those who made it",
                &quote,
                Field::Body,
                Status::Hedged,
                9.0,
            )
        });
        let article = ArticleView {
            title: format!("{at} {long}"),
            evidence: evidence.collect(),
            url: Some(link.clone()),
            ..article()
        };
        let title = format!("{at}: {long}");
        StoryView { title, articles: vec![article; 4], more: 50, copies: 90, ..story(self::article()) }
    };
    let view = AlertView { stories: (0..30).map(one).collect(), ..full(Kind::Update) };
    let mail = rendered(&view);
    assert!(mail.html.len() < 102_000, "{} bytes of HTML", mail.html.len());
    assert!(mail.text.len() < 60_000, "{} bytes of text", mail.text.len());
    assert!(mail.text.contains("more articles not shown here"), "{}", mail.text);
}

#[test]
fn headers_let_people_filter() {
    let headers = render::headers(&view());
    let value = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    for (name, expected) in [
        ("List-Id", Some("Ceasefire breakdown <ceasefire-breakdown.wirewatch>")),
        ("List-Unsubscribe", Some("<mailto:ops@example.org?subject=unsubscribe%20ceasefire-breakdown>")),
        ("List-Unsubscribe-Post", None),
        ("Precedence", None),
        ("X-Wirewatch-Topic", Some("ceasefire-breakdown")),
        ("X-Wirewatch-Kind", Some("first")),
        ("X-Wirewatch-Severity", Some("critical")),
        ("X-Wirewatch-Score", Some("0.93")),
        ("Importance", Some("high")),
        ("X-Priority", Some("1")),
    ] {
        assert_eq!(value(name), expected, "{name}");
    }
    let calm = render::headers(&AlertView { severity: Severity::Warning, ..view() });
    assert!(!calm.iter().any(|(name, _)| name == "Importance" || name == "X-Priority"));
    let over = render::headers(&AlertView { kind: Kind::AllClear, ..view() });
    assert!(!over.iter().any(|(name, _)| name == "Importance" || name == "X-Priority"), "it wakes nobody");
}

#[test]
fn whoever_can_be_asked_is_named_as_a_link_names_them() {
    for (contact, expected) in [
        ("ops@example.org", "ops@example.org"),
        ("büro@example.org", "b%C3%BCro@example.org"),
        ("ops@bücher.example", "ops@xn--bcher-kva.example"),
        ("o'neil+a/b@example.org", "o%27neil+a%2Fb@example.org"),
    ] {
        let headers = render::headers(&AlertView { contact: Some(contact.to_owned()), ..view() });
        let found = headers.iter().find(|(name, _)| name == "List-Unsubscribe").unwrap();
        assert_eq!(found.1, format!("<mailto:{expected}?subject=unsubscribe%20ceasefire-breakdown>"));
    }
    for odd in [
        "",
        "nobody",
        "@example.org",
        "a@",
        "a b@example.org",
        "a@b@example.org",
        "a@exa mple.org",
        "\"a\"@example.org",
    ] {
        let headers = render::headers(&AlertView { contact: Some(odd.to_owned()), ..view() });
        assert!(!headers.iter().any(|(name, _)| name == "List-Unsubscribe"), "{odd}");
    }
}

#[test]
fn what_is_over_or_taken_back_has_no_likelihood_and_no_count_beside_it() {
    let over = rendered(&AlertView { kind: Kind::AllClear, publishers: 5, ..said_by(2, "Talks collapse") });
    assert!(over.text.contains("5 independent publishers reported it"), "{}", over.text);
    for (publishers, words) in [
        (0, "No publisher stands by it any more"),
        (1, "1 publisher still reports the incident"),
        (4, "4 publishers still report the incident"),
    ] {
        let back = AlertView { kind: Kind::Correction, publishers, ..said_by(2, "Talks collapse") };
        let mail = rendered(&back);
        assert!(mail.text.contains(words) && mail.html.contains(words), "{}", mail.text);
        assert!(!mail.text.contains("independent"), "{}", mail.text);
    }
    for kind in [Kind::AllClear, Kind::Correction] {
        let mail = rendered(&AlertView { kind, ..view() });
        for part in [&mail.text, &mail.html] {
            assert!(!part.contains("Score 0.") && !part.contains("very likely"), "{part}");
        }
    }
}

fn action(label: &str, url: &str, is_unsubscribe: bool) -> Action {
    Action { label: label.to_owned(), url: url.to_owned(), is_unsubscribe }
}

#[test]
fn one_click_links_are_put_into_both_parts_and_the_way_out_into_the_headers() {
    let actions = vec![
        action("Acknowledge", "https://watch.example.org/f/abc?x=1&y=2", false),
        action("Stop these mails", "https://watch.example.org/f/out", true),
        action("Odd", "javascript:alert(1)", false),
    ];
    let mail = rendered(&AlertView { actions: actions.clone(), ..view() });
    assert_eq!(mail, render::with_actions(rendered(&view()), &actions), "it can also be done later");
    let (_, end) = mail.text.split_once("\n\nWITH ONE CLICK\n").unwrap();
    assert_eq!(
        end,
        "  Acknowledge:\n    https://watch.example.org/f/abc?x=1&y=2\n  Stop these mails:\n    https://watch.example.org/f/out\n"
    );
    assert_eq!(render::without_actions(&mail.text), rendered(&view()).text.trim_end());
    assert_eq!(render::without_actions("a\n\nWITH ONE CLICK\nb\n\nc"), "a\n\nWITH ONE CLICK\nb\n\nc");
    assert!(mail.html.contains("href=\"https://watch.example.org/f/abc?x=1&amp;y=2\""));
    assert!(!mail.html.contains("javascript:"));
    let value =
        |name: &str| mail.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert_eq!(
        value("List-Unsubscribe"),
        Some(
            "<https://watch.example.org/f/out>, <mailto:ops@example.org?subject=unsubscribe%20ceasefire-breakdown>"
        )
    );
    assert_eq!(value("List-Unsubscribe-Post"), Some("List-Unsubscribe=One-Click"));
    // Over plain HTTP it is a link to a page that asks, and nothing a mail program may do by itself (RFC 8058 section 3.1).
    let plain = rendered(&AlertView {
        actions: vec![action("Stop", "http://watch.example.org/f/out", true)],
        ..view()
    });
    assert!(plain.text.contains("http://watch.example.org/f/out"));
    let way_out = plain.headers.iter().find(|(name, _)| name == "List-Unsubscribe").unwrap();
    assert!(way_out.1.starts_with("<http://watch.example.org/f/out>, <mailto:"), "{}", way_out.1);
    assert!(plain.headers.iter().all(|(name, _)| name != "List-Unsubscribe-Post"));
}

#[test]
fn the_days_before_are_a_picture_and_characters() {
    let view = full(Kind::First);
    let mail = rendered(&view);
    let picture = mail.picture.clone().unwrap();
    assert!(picture.png.len() <= 4096, "{} bytes", picture.png.len());
    assert!(mail.html.contains(&format!("src=\"cid:{}\"", picture.cid)), "the picture is not shown");
    assert!(mail.text.contains("▁▁▂▁▁▃▂▁▁▁▃▂█▆"), "{}", mail.text);
    assert!(mail.text.contains("Reports of this topic in Sudan a day, 14 days: 7 today, 12 at most before"));
    assert_eq!(bar_heights(&picture.png), [3, 3, 8, 3, 3, 12, 8, 3, 3, 3, 18, 8, 72, 42]);
    assert_eq!(rendered(&AlertView { trend: None, ..view }).picture, None);
    let busy = Trend { days: [u32::MAX; 14], place: None };
    assert_eq!(bar_heights(&sparkline::png(&busy).unwrap()), [72; 14]);
    assert_eq!(sparkline::bars(&busy), "█".repeat(14));
    let none = Trend { days: [0; 14], place: None };
    assert_eq!(bar_heights(&sparkline::png(&none).unwrap()), [3; 14]);
}

/// Reads a PNG of two bits a pixel as any program would, and measures its bars.
fn bar_heights(png: &[u8]) -> Vec<usize> {
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap()) as usize;
    let (mut at, mut packed, mut names) = (8, Vec::new(), Vec::new());
    while at < png.len() {
        let (size, name) = (number(at), &png[at + 4..at + 8]);
        let mut sum = flate2::Crc::new();
        sum.update(&png[at + 4..at + 8 + size]);
        assert_eq!(number(at + 8 + size), sum.sum() as usize, "the sum of {name:?}");
        if name == b"IDAT" {
            packed.extend_from_slice(&png[at + 8..at + 8 + size]);
        }
        names.push(String::from_utf8(name.to_vec()).unwrap());
        at += size + 12;
    }
    assert_eq!(names, ["IHDR", "PLTE", "tRNS", "IDAT", "IEND"]);
    let (width, height) = (number(16), number(20));
    assert_eq!((width, height), (sparkline::WIDTH * 2, sparkline::HEIGHT * 2));
    let mut pixels = vec![0; (1 + (width * 2).div_ceil(8)) * height];
    let mut unpacked = ZlibDecoder::new(packed.as_slice());
    unpacked.read_exact(&mut pixels).unwrap();
    assert_eq!(unpacked.read(&mut [0]).unwrap(), 0, "more pixels than the picture has");
    let stride = 1 + (width * 2).div_ceil(8);
    let colour = |x: usize, y: usize| pixels[y * stride + 1 + x / 4] >> (6 - 2 * (x % 4)) & 3;
    (0..14).map(|day| (0..height).filter(|y| colour(day * width / 14 + 3, *y) > 0).count()).collect()
}

#[test]
fn the_picture_travels_with_the_html_part() {
    let mail = rendered(&full(Kind::First));
    let mut message = message();
    (message.subject, message.text, message.html) = (mail.subject, mail.text.clone(), mail.html.clone());
    message.picture.clone_from(&mail.picture);
    message.headers = mail.headers;
    let bytes = mail::format(&message, FROM).unwrap();
    assert_wire_safe(&bytes);
    let parsed = Parsed::read(&bytes);
    assert!(parsed.one("Content-Type").starts_with("multipart/alternative;"));
    let leaves = parsed.leaves();
    let kinds: Vec<String> = leaves.iter().map(|(part, _)| part.one("Content-Type")).collect();
    assert_eq!(kinds, ["text/plain; charset=utf-8", "text/html; charset=utf-8", "image/png"]);
    let picture = mail.picture.unwrap();
    let (part, png) = &leaves[2];
    assert_eq!(part.one("Content-ID"), format!("<{}>", picture.cid));
    assert!(part.one("Content-Disposition").starts_with("inline"));
    assert_eq!(*png, picture.png);
    let raw = String::from_utf8(bytes).unwrap().replace("\r\n ", " ");
    assert_eq!(
        raw.matches("multipart/related; type=\"text/html\"; boundary=").count(),
        1,
        "RFC 2387 section 3.1"
    );
}

#[test]
fn odd_numbers_and_empty_fields_are_survived() {
    let empty = ArticleView {
        title: String::new(),
        url: None,
        publisher: String::new(),
        feed_name: String::new(),
        published_at: Some(time("2027-01-01T00:00:00Z")),
        score: f64::NAN,
        evidence: Vec::new(),
        ..article()
    };
    let view = AlertView {
        score: f64::INFINITY,
        threshold: -3.0,
        stories: vec![story(empty); 40],
        more: 2,
        publishers: 0,
        ..view()
    };
    let rendered = rendered(&view);
    assert!(rendered.text.contains("Score 0.00"), "{}", rendered.text);
    assert!(rendered.text.contains("in 38 days"), "{}", rendered.text);
    assert!(rendered.text.contains("and 32 more articles not shown here"), "{}", rendered.text);
}

#[test]
fn samples_show_every_kind_in_both_directions_without_a_fault() {
    let samples = sample::views(time("2026-11-23T10:20:00Z"));
    assert_eq!(samples.len(), 18);
    for view in samples {
        let mail = rendered(&view);
        assert!(!mail.text.contains("could not lay out"), "{}", mail.text);
        assert!(!mail.html.contains("could not lay out"), "{}", mail.html);
        assert_eq!(mail.template_problem, None);
    }
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
    let view = with_article(ArticleView { is_headline_only: true, ..article() });
    let rendered = rendered(&view);
    for mail in [rendered.text, rendered.html] {
        assert!(mail.contains("scored on its headline only"), "{mail}");
    }
}
