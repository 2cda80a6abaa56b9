//! What feeds must not bring into a mail or a file: headers, markup, links that pretend, text that turns.

use quick_xml::Reader;
use quick_xml::events::Event;
use wirewatch::alert::Kind;
use wirewatch::alert::render::atom::feed;
use wirewatch::alert::render::cap::{Bulletin, Trigger, cap};
use wirewatch::alert::render::{AlertView, ArticleView, StoryView, ToldStory};
use wirewatch::mail;
use wirewatch::topic::{Field, Status};

use super::render::{article, evidence, full, rendered, story, view};
use super::{FROM, assert_wire_safe, message};
use crate::support::smtp::Parsed;

/// What a title, quote, feed name, publisher or reason may hold.
const ATTACKS: [&str; 14] = [
    "plain",
    "<script>alert(1)</script>",
    "<img src=https://evil.example/pixel>",
    "\" onmouseover=\"alert(1)",
    "' style='position:fixed",
    "{{ 7 * 7 }}{% raw %}{# x #}",
    "</style><style>body{background:url(https://evil.example)}",
    "]]></content><!-- actions --></alert><!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>&e;",
    "&lt;b&gt; \u{202e}txet\u{2066}\u{200f}\u{0}\u{7f}\u{85}\u{e0041}\u{2028}x",
    "title\r\nBcc: thief@example.net\r\n\r\n<b>body</b>",
    "title\nBcc: thief@example.net",
    "--=_wirewatch\r\nContent-Type: text/html\r\n\r\n.\r\nQUIT",
    "=?utf-8?b?DQpCY2M6IHRoaWVmQGV4YW1wbGUubmV0?=",
    // What is left of broken UTF-16: U+FFFD stands for half a pair, and these two are no characters at all.
    "\u{fffd}\u{fffe}\u{ffff}\u{fdd0}\u{1fffe}x\u{f8f0}y\u{f8f1}",
];

/// Every field that a stranger can write holds the attack.
fn under_attack(attack: &str) -> AlertView {
    let attack = attack.to_owned();
    let article = ArticleView {
        title: attack.clone(),
        publisher: attack.clone(),
        feed_name: attack.clone(),
        url: Some(attack.clone()),
        evidence: vec![evidence(&attack, &attack, Field::Body, Status::Affirmed, 1.0)],
        ..article()
    };
    let story = StoryView { copies: 2, copied_by: vec![attack.clone()], ..story(article) };
    let told = ToldStory { title: attack.clone(), ..full(Kind::Update).told.remove(0) };
    AlertView {
        topic_name: attack.clone(),
        topic_id: attack.clone(),
        reason: attack.clone(),
        place: Some(attack.clone()),
        contact: Some(attack),
        stories: vec![story],
        told: vec![told],
        kind: Kind::Update,
        ..view()
    }
}

fn bulletin(view: &AlertView) -> Bulletin {
    let mail = rendered(view);
    let quoted =
        view.stories.iter().flat_map(|story| &story.articles).map(|article| article.evidence.clone());
    Bulletin {
        alert: view.alert,
        at: view.at,
        kind: view.kind,
        severity: view.severity,
        topic_id: view.topic_id.clone(),
        topic_name: view.topic_name.clone(),
        place: view.place.clone().unwrap_or_default(),
        incident: view.incident,
        publishers: view.publishers,
        score: view.score,
        subject: mail.subject,
        reason: view.reason.clone(),
        text: mail.text,
        link: view
            .stories
            .first()
            .and_then(|story| story.articles.first())
            .and_then(|article| article.url.clone()),
        triggers: Trigger::gather(&quoted.collect::<Vec<_>>()),
        earlier: vec![(29, view.at)],
    }
}

/// Characters that turn or hide text, and those that no text may hold. Two isolates and a mark are our own.
fn is_unfit(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}' | '\u{2067}' | '\u{200f}' | '\u{2028}' | '\u{fdd0}'..='\u{fdef}')
        || matches!(c, '\u{e0041}' | '\u{f8f0}' | '\u{f8f1}')
        || u32::from(c) & 0xfffe == 0xfffe
        || c.is_control() && c != '\n'
}

#[test]
fn feed_text_is_text_in_both_parts_and_the_subject() {
    let clean = rendered(&under_attack("plain"));
    for attack in ATTACKS {
        let view = under_attack(attack);
        let mail = rendered(&view);
        for mark in ['<', '>', '"', '\''] {
            let count = |html: &str| html.matches(mark).count();
            assert_eq!(count(&mail.html), count(&clean.html), "{mark} from {attack:?}: {}", mail.html);
        }
        assert!(!mail.html.contains("href=\""), "{attack:?} became a link");
        for (part, text) in [("html", &mail.html), ("text", &mail.text), ("subject", &mail.subject)] {
            assert!(!text.contains(is_unfit), "{attack:?} in the {part}: {text:?}");
            assert!(!text.contains("49"), "{attack:?} was evaluated");
        }
        assert!(!mail.subject.contains('\n') && mail.subject.chars().count() <= 78, "{:?}", mail.subject);
        assert_eq!(mail.template_problem, None, "{attack:?}");
        for (name, value) in &mail.headers {
            assert!(!value.contains(['\r', '\n', '{', '"']), "{name}: {value}");
            assert_eq!(value.matches('<').count(), value.matches('>').count(), "{name}: {value}");
        }
        let lists = mail.headers.iter().filter(|(name, _)| name == "List-Unsubscribe").count();
        assert_eq!(lists, 0, "{attack:?} is no address that can be written to");
    }
}

#[test]
fn feed_text_makes_no_header_and_no_part() {
    for attack in ATTACKS {
        let mail = rendered(&under_attack(attack));
        let mut message = message();
        (message.subject, message.text, message.html) = (mail.subject, mail.text, mail.html);
        (message.headers, message.picture) = (mail.headers.clone(), mail.picture);
        let bytes = mail::format(&message, FROM).unwrap();
        assert_wire_safe(&bytes);
        let parsed = Parsed::read(&bytes);
        assert!(parsed.all("Bcc").is_empty(), "{attack:?} made a header");
        assert_eq!(parsed.headers.len(), 8 + mail.headers.len(), "{attack:?}: {:?}", parsed.headers);
        assert_eq!(parsed.parts().len(), 2, "{attack:?}");
    }
}

/// The names of elements in order, with their depths; it fails where the text is no XML.
fn outline(xml: &str) -> Vec<String> {
    let mut reader = Reader::from_str(xml);
    let (mut path, mut names) = (Vec::new(), Vec::new());
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("{error}: {xml}")) {
            Event::Start(start) => {
                path.push(start.name().as_ref().to_owned());
                names.push(path.join("/"));
                for attribute in start.attributes() {
                    attribute.unwrap();
                }
            }
            Event::Empty(empty) => {
                names.push(format!("{}/{}", path.join("/"), empty.name().as_ref()));
                for attribute in empty.attributes() {
                    attribute.unwrap();
                }
            }
            Event::End(_) => drop(path.pop()),
            Event::Eof => break,
            Event::DocType(_) => panic!("a document type in {xml}"),
            _ => {}
        }
    }
    assert!(path.is_empty(), "{path:?} is open at the end of {xml}");
    names
}

#[test]
fn feed_text_is_text_in_files() {
    let origin = super::files::origin();
    let clean = bulletin(&under_attack("plain"));
    let expected = (outline(&cap(&clean, &origin)), outline(&feed(std::slice::from_ref(&clean), &origin)));
    for attack in ATTACKS {
        let bulletin = bulletin(&under_attack(attack));
        let (cap, feed) = (cap(&bulletin, &origin), feed(std::slice::from_ref(&bulletin), &origin));
        for xml in [&cap, &feed] {
            assert!(!xml.contains(is_unfit), "{attack:?}: {xml:?}");
        }
        assert_eq!((outline(&cap), outline(&feed)), expected, "{attack:?}");
    }
}

#[test]
fn long_text_is_cut_everywhere() {
    let long = "Army violates ceasefire ".repeat(420);
    let solid = "a".repeat(10_000);
    for text in [&long, &solid, &"ع".repeat(10_000), &"👨‍👩‍👧".repeat(1_500), &"a\u{301}\u{323}".repeat(3_400)]
    {
        let view = under_attack(text);
        let mail = rendered(&view);
        assert!(mail.subject.chars().count() <= 78, "{}", mail.subject);
        assert!(mail.text.len() < 20_000, "{} bytes of text", mail.text.len());
        assert!(mail.html.len() < 30_000, "{} bytes of HTML", mail.html.len());
        let mut message = message();
        (message.subject, message.text, message.html) = (mail.subject, mail.text, mail.html);
        message.headers = mail.headers;
        assert_wire_safe(&mail::format(&message, FROM).unwrap());
        assert!(cap(&bulletin(&view), &super::files::origin()).len() < 40_000);
    }
}

#[test]
fn hosts_are_shown_as_they_are_and_in_letters_only_where_these_do_not_pretend() {
    for (url, shown) in [
        ("https://example.org/", "example.org"),
        ("https://bücher.example/", "xn--bcher-kva.example (bücher.example)"),
        ("https://правда.рф/", "xn--80aafi6cg.xn--p1ai (правда.рф)"),
        ("https://موقع.example/", "xn--4gbrim.example (\u{2068}موقع.example\u{2069})"),
        ("https://新闻.example/", "xn--efvy88h.example (新闻.example)"),
        // Cyrillic а in a Latin word; a whole label in Cyrillic before .com; Greek; a dotless ı; Latin beside Cyrillic.
        ("https://b\u{430}nk.example/", "xn--bnk-6cd.example"),
        ("https://\u{430}\u{440}\u{440}\u{4cf}\u{435}.com/", "xn--80ak6aa92e.com"),
        ("https://\u{3bf}\u{3bf}\u{3bf}.com/", "xn--0xaaa.com"),
        ("https://w\u{131}k\u{131}.example/", "xn--wk-hpab.example"),
        ("https://bank.\u{435}xample.org/", "bank.xn--xample-2of.org"),
    ] {
        let article = ArticleView { url: Some(url.to_owned()), ..article() };
        let html = rendered(&AlertView { stories: vec![story(article)], ..view() }).html;
        let (_, after) = html.split_once("headline opens ").unwrap();
        assert_eq!(after.split('\n').next(), Some(shown), "{url}");
    }
}
