//! What a digest and mail to the operator say, and how they are laid out.

use wirewatch::alert::Kind;
use wirewatch::alert::render::digest::{self, DigestItem, DigestView};
use wirewatch::alert::render::templates::Templates;
use wirewatch::alert::render::{Rendered, operator, sample};
use wirewatch::mail;
use wirewatch::topic::Severity;

use super::{ARABIC, FROM, assert_wire_safe, message, time};

fn view() -> DigestView {
    sample::digests(time("2026-11-23T10:20:00Z")).remove(0)
}

fn rendered(view: &DigestView) -> Rendered {
    digest::render(view, &Templates::default())
}

fn header<'a>(mail: &'a Rendered, name: &str) -> Option<&'a str> {
    mail.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

#[test]
fn a_digest_can_be_filtered_ended_and_muted() {
    let mail = rendered(&view());
    for (name, expected) in [
        ("List-Id", Some("Wirewatch digest <digest.wirewatch>")),
        ("List-Unsubscribe", Some("<mailto:ops@example.org?subject=unsubscribe%20digest>")),
        ("X-Wirewatch-Kind", Some("digest")),
        ("X-Wirewatch-Severity", Some("critical")),
        ("Precedence", Some("bulk")),
        ("Importance", Some("high")),
    ] {
        assert_eq!(header(&mail, name), expected, "{name}");
    }
    for part in [&mail.text, &mail.html] {
        assert!(part.contains("wirewatch alerts silence --topic a-sample --for 6h --comment "), "{part}");
    }
    let calm = DigestItem { kind: Kind::AllClear, ..view().items.remove(0) };
    let calm = rendered(&DigestView { items: vec![calm], ..view() });
    assert_eq!(header(&calm, "Importance"), None, "that it is over wakes nobody");
}

#[test]
fn a_digest_lays_out_both_directions_for_outlook_too() {
    let html = rendered(&view()).html;
    assert!(html.contains("<!--[if mso]><table role=\"presentation\" width=\"640\""));
    for tag in ["table", "td", "div"] {
        assert_eq!(html.matches(&format!("<{tag}")).count(), html.matches(&format!("</{tag}>")).count());
    }
    assert!(html.contains("dir=\"rtl\"") && html.contains("text-align:right"));
    assert!(!html.contains("dir=\"auto\"") && html.contains("mso-hide:all"));
}

#[test]
fn an_item_counts_the_incident_as_such_and_has_no_score_for_what_is_over() {
    let text = |kind, publishers| {
        let item = DigestItem { kind, publishers, ..view().items.remove(0) };
        let text = rendered(&DigestView { items: vec![item], ..view() }).text;
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    for (kind, publishers, expected) in [
        (Kind::Update, 3, " · 3 publishers of the incident · score 0.93 · alert 31 · incident 12"),
        (Kind::First, 1, " · 1 publisher · score 0.93 · alert 31 · incident 12"),
        (Kind::Surge, 9, " · 9 publishers · alert 31 · incident 12"),
        (Kind::Correction, 0, " · 0 publishers left · alert 31 · incident 12"),
        (Kind::AllClear, 3, " · alert 31 · incident 12"),
    ] {
        let text = text(kind, publishers);
        assert!(text.contains(&format!("03:40 UTC{expected} held for the digest")), "{expected}: {text}");
    }
}

#[test]
fn a_digest_is_never_so_long_that_gmail_cuts_it_and_counts_what_it_leaves_out() {
    let base = view().items.remove(0);
    let heavy = |at: i64| DigestItem {
        alert: at,
        headline: Some(ARABIC.repeat(20)),
        reason: "<\"'/>".repeat(200),
        url: Some(format!("https://example.org/{}", "a/".repeat(900))),
        severity: if at == 150 { Severity::Critical } else { Severity::Info },
        ..base.clone()
    };
    let light = |at: i64| DigestItem { alert: at, severity: Severity::Info, ..base.clone() };
    for (items, shown) in [
        ((0..200).map(heavy).collect::<Vec<_>>(), 1..30),
        ((0..200).map(light).collect(), 50..61),
        (vec![heavy(1), heavy(2)], 2..3),
    ] {
        let all = items.len();
        let mail = rendered(&DigestView { items, ..view() });
        assert!(mail.html.len() < 102_000, "{} bytes of HTML", mail.html.len());
        assert!(mail.html.trim_end().ends_with("</html>"));
        let count = mail.html.matches("The headline opens").count();
        assert!(shown.contains(&count), "{count} of {all} are shown");
        let words = format!("and {} more alerts not shown here: wirewatch alerts list", all - count);
        assert_eq!(mail.text.contains(&words), all > count, "{words}: {}", mail.text);
        assert!(mail.html.contains("alerts ack"));
    }
}

#[test]
fn every_sample_is_sound_on_the_wire() {
    let at = time("2026-11-23T10:20:00Z");
    let mails: Vec<Rendered> = sample::digests(at)
        .iter()
        .map(rendered)
        .chain(operator::samples(at).iter().map(operator::render))
        .chain(sample::names().into_iter().filter_map(|name| sample::mail(name, at, &Templates::default())))
        .collect();
    assert_eq!(mails.len(), 5 + 10 + 9);
    for mail in mails.iter().rev().take(9) {
        assert!(mail.subject.contains("A sample, not news"), "{}", mail.subject);
    }
    for mail in mails {
        assert_eq!(mail.template_problem, None);
        for part in [&mail.text, &mail.html] {
            assert!(!part.contains("could not lay out"), "{part}");
        }
        let mut message = message();
        (message.subject, message.text, message.html) = (mail.subject, mail.text, mail.html);
        (message.headers, message.picture) = (mail.headers, mail.picture);
        assert_wire_safe(&mail::format(&message, FROM).unwrap());
    }
    assert_eq!(sample::mail("nonsense", at, &Templates::default()), None);
}
