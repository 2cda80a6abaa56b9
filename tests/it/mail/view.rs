//! What the mails of an incident show, from polls to the outbox.

use wirewatch::alert::render::Rendered;
use wirewatch::feed::Entry;
use wirewatch::mail;

use super::{FROM, assert_wire_safe, message};
use crate::support::lab::{Lab, entry, hour};
use crate::support::smtp::Parsed;

/// An entry by another publisher than its feed's.
fn by(publisher: &str, id: &str, title: &str, hours: u64) -> Entry {
    Entry { url: Some(format!("https://{publisher}/{id}")), ..entry(id, title, hour(hours)) }
}

const DAWN: &str = "The truce was broken at dawn in the north";
const SOUTH: &str = "In the south a truce of a week was shattered";

fn mails(lab: &mut Lab, hours: u64) -> Vec<Rendered> {
    let claimed = lab.claim(hour(hours));
    claimed.into_iter().filter(|one| one.address == "desk@example.org").map(|one| one.rendered).collect()
}

/// The words stand in the text in this order.
fn assert_order(text: &str, words: &[&str]) {
    let mut rest = text;
    for word in words {
        let (_, after) =
            rest.split_once(word).unwrap_or_else(|| panic!("`{word}` is not next in {rest}\nof {text}"));
        rest = after;
    }
}

#[test]
fn copies_are_counted_and_the_words_that_matched_are_marked() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    let entries = [
        by("one.example", "a", DAWN, 1),
        by("copy.example", "b", DAWN, 1),
        by("wire.example", "c", DAWN, 1),
        by("two.example", "d", SOUTH, 1),
    ];
    lab.poll(0, hour(1), &entries);
    let mail = mails(&mut lab, 1).remove(0);
    assert_order(
        &mail.text,
        &[
            "2 independent publishers in 4 articles, 2 of them copies",
            "1. The truce was broken at dawn in the north",
            "1 publisher: one.example (tier 2, 13:00 UTC)",
            "and 2 copies of the same text: copy.example, wire.example",
            "for: \"The *truce was broken* at dawn in the north\"",
            "https://one.example/a",
            "2. In the south a truce of a week was shattered",
            "https://two.example/d",
            "WHY YOU GOT THIS",
        ],
    );
    assert!(mail.html.contains(
        "The <b class=\"mark\" style=\"background:#fff1b8;color:#1b2229\">truce was broken</b> at dawn"
    ));
    assert!(!mail.text.contains("https://copy.example"), "{}", mail.text);
}

#[test]
fn an_update_tells_news_from_what_grew_and_what_is_known() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    lab.poll(0, hour(1), &[by("one.example", "a", DAWN, 1)]);
    assert_eq!(mails(&mut lab, 1).len(), 1);
    // Somebody copies the first story: no news. Another story is.
    lab.poll(0, hour(2), &[by("copy.example", "b", DAWN, 2)]);
    assert_eq!(mails(&mut lab, 2).len(), 0);
    lab.poll(1, hour(9), &[by("two.example", "c", SOUTH, 9)]);
    let mail = mails(&mut lab, 9).remove(0);
    assert!(mail.subject.contains("Update: In the south a truce"), "{}", mail.subject);
    assert_order(
        &mail.text,
        &[
            "UPDATE · CRITICAL · Broken truce",
            "Reports of this topic everywhere a day, 14 days: 3 today",
            "\nNEW\n",
            "1. In the south a truce of a week was shattered",
            "ALREADY REPORTED",
            "- The truce was broken at dawn in the north (alert 1, 13:00 UTC)",
            "WHY YOU GOT THIS",
        ],
    );
    assert!(!mail.text.contains("UPDATED"), "{}", mail.text);
    // The picture is kept with the mail, and travels in it.
    let picture = mail.picture.clone().unwrap();
    assert!(mail.html.contains(&format!("cid:{}", picture.cid)));
    let mut letter = message();
    (letter.subject, letter.text, letter.html, letter.picture) =
        (mail.subject, mail.text, mail.html, mail.picture);
    let bytes = mail::format(&letter, FROM).unwrap();
    assert_wire_safe(&bytes);
    assert_eq!(Parsed::read(&bytes).leaves().last().unwrap().1, picture.png);
}

#[test]
fn the_days_before_are_those_of_the_place_once_it_has_enough() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    let title =
        |place: &str, at: u64| format!("Truce in {place} broken again, {at} shells counted by monitors");
    for day in 0..6 {
        let at = 24 * day + 1;
        lab.poll(0, hour(at), &[by("one.example", &format!("s{day}"), &title("Sudan", day), at)]);
    }
    let at = 24 * 6;
    lab.poll(0, hour(at), &[by("one.example", "y", &title("Yemen", 99), at)]);
    let mails = mails(&mut lab, at);
    let text = |place: &str| &mails.iter().rfind(|mail| mail.subject.contains(place)).unwrap().text;
    assert!(
        text("Sudan").contains("Reports of this topic in Sudan a day, 14 days: 1 today, 1 at most before")
    );
    assert!(
        text("Yemen").contains("Reports of this topic everywhere a day, 14 days: 1 today, 1 at most before")
    );
    assert!(text("Yemen").contains("▁▁▁▁▁▁▁███████"), "{}", text("Yemen"));
}

#[test]
fn who_can_be_asked_and_where_the_incident_is_come_from_the_configuration() {
    let mail_of = |main: &str| {
        let mut lab = Lab::with("", main);
        lab.acquaint(hour(0));
        lab.poll(0, hour(1), &[by("one.example", "a", "Truce in Sudan broken at dawn, monitors say", 1)]);
        mails(&mut lab, 1).remove(0)
    };
    let unsubscribe = |mail: &Rendered| {
        let found = mail.headers.iter().find(|(name, _)| name == "List-Unsubscribe");
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let plain = mail_of("[mail]\nfrom = \"Watch <watch@example.org>\"\n");
    assert_eq!(unsubscribe(&plain), "<mailto:watch@example.org?subject=unsubscribe%20broken-truce>");
    assert!(!plain.text.contains("/incidents/"), "{}", plain.text);
    assert!(plain.text.contains("silence --topic broken-truce --place SD --for 6h"), "{}", plain.text);
    let full = mail_of(
        "[mail]\noperator = [\"ops@example.org\"]\n[web]\nlisten = \"127.0.0.1:0\"\npublic_url = \"https://w.example.org/x\"\n",
    );
    let way_out = unsubscribe(&full);
    assert!(way_out.starts_with("<https://w.example.org/x/f/"), "{way_out}");
    assert!(way_out.ends_with(">, <mailto:ops@example.org?subject=unsubscribe%20broken-truce>"), "{way_out}");
    let one_click = ("List-Unsubscribe-Post".to_owned(), "List-Unsubscribe=One-Click".to_owned());
    assert!(full.headers.contains(&one_click), "{:?}", full.headers);
    assert!(!full.text.contains("/incidents/"), "no page is served there: {}", full.text);
    let pager = mail_of(
        "[mail]\noperator = [\"outlet:pager\", \"o'neil@example.org\"]\n[[outlet]]\nname = \"pager\"\nkind = \"ntfy\"\n\
         url = \"https://ntfy.example/desk-1234567890\"\n",
    );
    let expected = "<mailto:o%27neil@example.org?subject=unsubscribe%20broken-truce>";
    assert_eq!(unsubscribe(&pager), expected, "the first mailbox can be written to");
    assert_order(
        &full.text,
        &["WITH ONE CLICK", "  Acknowledge:\n    https://w.example.org/x/f/", "  Unsubscribe:"],
    );
    assert!(full.html.contains(">Silence for 24 hours</a>"), "{}", full.html);
}

#[test]
fn what_is_told_is_said_by_those_who_say_it_and_not_by_all_of_the_incident() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    lab.poll(0, hour(1), &[by("one.example", "a", DAWN, 1), by("three.example", "x", SOUTH, 1)]);
    let first = mails(&mut lab, 1).remove(0);
    assert!(!first.subject.contains("publishers)"), "each says something else: {}", first.subject);
    let depot = Entry {
        summary: Some(
            "With the truce shattered, tanker crews fought flames on the quay, the master said.".to_owned(),
        ),
        ..by("two.example", "c", "Fuel depot burns at harbour after drones strike tankers", 9)
    };
    lab.poll(1, hour(9), &[depot]);
    let update = mails(&mut lab, 9).remove(0);
    assert!(
        update.subject.ends_with("Update: Fuel depot burns at harbour after drones strike tankers"),
        "{}",
        update.subject
    );
    assert!(
        update.text.contains("1 independent publisher in 1 article; 3 in the whole incident"),
        "{}",
        update.text
    );
}

#[test]
fn a_correction_says_what_was_told_and_later_mails_say_that_it_was_taken_back() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    lab.poll(0, hour(1), &[by("one.example", "a", DAWN, 1)]);
    mails(&mut lab, 1);
    lab.poll(0, hour(2), &[by("one.example", "a", "Calm in the north at dawn, no truce is in doubt", 2)]);
    let correction = mails(&mut lab, 2).remove(0);
    let text = correction.text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_order(
        &text,
        &[
            "Alert 1 of 13:00 UTC said: “[Broken truce] The truce was broken at dawn in the north”.",
            "No publisher stands by it any more",
            "WHAT THE REPORTS SAY NOW",
        ],
    );
    assert!(!text.contains("Score 0."), "what was taken back has no likelihood: {text}");
    assert!(correction.html.contains("mso-hide:all\">Alert 1 of 13:00 UTC said:"), "{}", correction.html);
    lab.poll(1, hour(9), &[by("two.example", "c", SOUTH, 9)]);
    let update = mails(&mut lab, 9).remove(0);
    let text = update.text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("(alert 1, 13:00 UTC, taken back since)"), "{text}");
    // For programs, what was cancelled is over: the next message begins anew.
    let bulletins = lab.reader().bulletins(9).unwrap();
    let earlier: Vec<usize> = bulletins.iter().map(|bulletin| bulletin.earlier.len()).collect();
    assert_eq!(earlier, [0, 1, 0]);
    assert!(bulletins.iter().all(|bulletin| bulletin.url.is_some()), "{bulletins:?}");
}

#[test]
fn what_files_tell_of_an_alert_stays_as_it_was_told() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    let plain = Entry { url: Some("http://one.example/a".to_owned()), ..by("one.example", "a", DAWN, 1) };
    lab.poll(0, hour(1), &[plain]);
    let before = lab.reader().bulletins(9).unwrap();
    assert_eq!(before[0].url.as_deref(), Some("http://one.example/a"), "it need not speak https");
    // Its story is told by others later: in words of their own, and as a copy.
    lab.poll(
        1,
        hour(2),
        &[by("two.example", "b", DAWN, 2), by("three.example", "c", &format!("{DAWN} again"), 2)],
    );
    assert_eq!(lab.reader().bulletins(9).unwrap(), before);
}
