//! Links in mails: who can make one, what it does, and that looking at one does nothing.
#![allow(
    clippy::redundant_closure_for_method_calls,
    reason = "the methods themselves are not general enough in lifetime"
)]

use std::time::Duration;

use jiff::Timestamp;
use wirewatch::alert::AlertId;
use wirewatch::alert::render::Rendered;
use wirewatch::alert::silence::{Matcher, NewSilence};
use wirewatch::delivery::follow_up::{
    Action, Key, OFFERED, Recipient, Ticket, VALID_FOR, fill, links, placeholders, token,
};
use wirewatch::delivery::{Channel, DeliveryId, Status};
use wirewatch::feed::schedule::after;
use wirewatch::pipeline::follow_up::silence;
use wirewatch::pipeline::links::{Followed, Judged, actions, follow, look};
use wirewatch::pipeline::{self, Letter};
use wirewatch::store::{FILE_NAME, follow_up as kept, letters};
use wirewatch::topic::Severity;
use wirewatch::topic::evaluate::Grade;

use super::super::support::lab::{Lab, entry, hour};
use super::{alarmed, minute};

const WEB: &str = "[mail]\noperator = [\"ops@example.org\"]\n[web]\nlisten = \"127.0.0.1:8420\"\n\
                   public_url = \"https://news.example.org/wire/\"\n";

const DAY: Duration = Duration::from_hours(24);

fn key() -> Key {
    Key::new([7; 32])
}

fn recipient(address: &str) -> Recipient<'_> {
    Recipient { delivery: DeliveryId(300), alert: AlertId(12), at: hour(1), address }
}

/// The mail of an alert that has its links, claimed for the first recipient.
fn claimed(lab: &mut Lab, at: Timestamp) -> Letter {
    let config = lab.config.clone();
    lab.within(|tx| {
        let links = actions(tx, &config, AlertId(1), hour(1))?;
        let written: Vec<String> =
            links.iter().map(|link| format!("{}: {}\n", link.action.label(), link.url)).collect();
        let list = written.concat();
        let unsubscribe = links.iter().find(|link| link.action == Action::Unsubscribe).unwrap();
        let rendered = Rendered {
            subject: "[Broken truce] Truce is broken".to_owned(),
            text: list.clone(),
            html: format!("<a href=\"{}\">", links[0].url),
            headers: vec![("List-Unsubscribe".to_owned(), format!("<{}>", unsubscribe.url))],
            ..Rendered::default()
        };
        tx.save_rendering(AlertId(1), &rendered)
    });
    lab.within(|tx| pipeline::claim(tx, &config, &Channel::Mail, Some(at), at)).letter.unwrap()
}

/// The tokens in a text of lines that end in links.
fn tokens(text: &str) -> Vec<String> {
    text.lines().filter_map(|line| line.rsplit_once("/f/")).map(|(_, token)| token.to_owned()).collect()
}

#[test]
fn a_token_is_worth_something_only_as_it_was_given() {
    for action in Action::ALL {
        let given = token(&key(), action, recipient("desk@example.org"));
        assert!(given.len() < 100 && given.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
        let ticket = Ticket::parse(&given).unwrap();
        assert_eq!((ticket.action, ticket.delivery), (action, DeliveryId(300)));
        assert_eq!(ticket.expires_at, after(hour(1), VALID_FOR));
        assert!(ticket.is_for(&key(), recipient("desk@example.org")));
        assert!(ticket.is_for(&key(), recipient("Desk@Example.org")));
        for other in [
            recipient("night@example.org"),
            Recipient { alert: AlertId(13), ..recipient("desk@example.org") },
            Recipient { delivery: DeliveryId(301), ..recipient("desk@example.org") },
            Recipient { at: hour(2), ..recipient("desk@example.org") },
        ] {
            assert!(!ticket.is_for(&key(), other), "{other:?}");
        }
        assert!(!ticket.is_for(&Key::new([8; 32]), recipient("desk@example.org")));
        // Any letter changed, anywhere: another action, another delivery, a later time, another signature.
        for at in 0..given.len() {
            let mut bytes = given.clone().into_bytes();
            bytes[at] = match bytes[at] {
                b'0' => b'1',
                b'a' => b'u',
                _ => b'0',
            };
            let changed = String::from_utf8(bytes).unwrap();
            let holds = Ticket::parse(&changed)
                .is_some_and(|ticket| ticket.is_for(&key(), recipient("desk@example.org")));
            assert!(changed == given || !holds, "{changed} for {given}");
        }
    }
    let long = "a".repeat(4000);
    for nonsense in ["", "-", "a-1-", "u1-zz-00", "u-1-1", "ü1-1-1", "u12c-6a-\u{0}", &long, "u1-1-1-1"] {
        assert_eq!(Ticket::parse(nonsense), None, "{nonsense:?}");
    }
    assert!(!format!("{:?}", key()).contains('7'), "a key never shows");
}

#[test]
fn feed_text_can_neither_forge_a_link_nor_have_one_put_in() {
    let (key, desk) = (key(), recipient("desk@example.org"));
    let known = placeholders(&key, "https://news.example.org", AlertId(12), hour(1));
    let url = |action: Action| &known.iter().find(|link| link.action == action).unwrap().url;
    let theirs = placeholders(&Key::new([9; 32]), "https://news.example.org", AlertId(12), hour(1));
    // Of another alert, of another key, and what looks alike.
    let other = placeholders(&key, "https://news.example.org", AlertId(11), hour(1));
    let guess = format!("https://news.example.org/f/0u-{}", "0".repeat(32));
    let feed_text = format!("{} {} {guess} {{{{follow-up:u}}}}", theirs[0].url, other[2].url);
    let rendered = Rendered {
        subject: feed_text.clone(),
        text: format!("{feed_text}\n{}\n", url(Action::Unsubscribe)),
        html: format!("<p>{feed_text}</p><a href=\"{}\">", url(Action::Acknowledge)),
        headers: vec![("List-Unsubscribe".to_owned(), format!("<{}>", url(Action::Unsubscribe)))],
        ..Rendered::default()
    };
    let filled = fill(rendered, &key, desk);
    assert_eq!(filled.subject, feed_text);
    assert!(filled.text.starts_with(&feed_text), "{}", filled.text);
    let own = token(&key, Action::Unsubscribe, desk);
    assert!(filled.text.ends_with(&format!("\nhttps://news.example.org/f/{own}\n")));
    assert!(filled.html.contains(&feed_text) && filled.html.contains(&token(&key, OFFERED[0], desk)));
    assert_eq!(filled.headers[0].1, format!("<https://news.example.org/f/{own}>"));
    for (_, url) in known.iter().map(|link| (link.action, link.url.clone())) {
        assert!(!filled.text.contains(&url) && !filled.html.contains(&url));
    }
}

#[test]
fn an_outlet_is_not_unsubscribed_by_a_link() {
    let offered = |address| {
        let links = links(&key(), "https://news.example.org/", recipient(address));
        links.into_iter().map(|link| link.action).collect::<Vec<_>>()
    };
    assert_eq!(offered("desk@example.org"), OFFERED);
    let to_an_outlet: Vec<Action> =
        OFFERED.into_iter().filter(|action| *action != Action::Unsubscribe).collect();
    assert_eq!(offered("outlet:hook"), to_an_outlet);
}

#[test]
fn each_recipient_gets_links_of_its_own() {
    let mut lab = alarmed(WEB);
    let first = claimed(&mut lab, minute(0));
    let second = claimed(&mut lab, minute(0));
    let of = |letter: &Letter| tokens(&letter.claimed.rendered.text);
    assert_eq!((of(&first).len(), of(&second).len()), (OFFERED.len(), OFFERED.len()));
    assert!(of(&first).iter().all(|token| !of(&second).contains(token)));
    assert!(first.claimed.rendered.text.contains("https://news.example.org/wire/f/"));
    // Every attempt has the same.
    let id = first.claimed.id;
    lab.within(|tx| tx.finish_delivery(id, Status::Queued, "451", minute(0), minute(0)));
    assert_eq!(of(&claimed(&mut lab, minute(1))), of(&first));
    // Without an address for them there are none.
    let mut silent = alarmed("");
    let config = silent.config.clone();
    assert!(silent.within(|tx| actions(tx, &config, AlertId(1), hour(1))).is_empty());
}

#[test]
fn looking_changes_nothing_and_doing_is_done_once() {
    let mut lab = alarmed(WEB);
    let config = lab.config.clone();
    let letter = claimed(&mut lab, minute(0));
    let [acknowledge, useful, noise, silence, unsubscribe] =
        tokens(&letter.claimed.rendered.text).try_into().unwrap();
    for token in [&acknowledge, &useful, &noise, &silence, &unsubscribe] {
        for _ in 0..3 {
            let Judged::Valid(valid) = lab.within(|tx| look(tx, token, minute(5))) else { panic!("{token}") };
            assert_eq!((valid.alert, valid.topic.as_str()), (AlertId(1), "broken-truce"));
            assert_eq!(valid.address, "desk@example.org");
        }
    }
    assert!(lab.reader().labels().unwrap().is_empty() && lab.reader().unsubscriptions().unwrap().is_empty());

    let grades = |lab: &Lab| lab.reader().labels().unwrap().iter().map(|it| it.grade).collect::<Vec<_>>();
    for (token, grade) in [(&useful, Grade::Yes), (&useful, Grade::Yes), (&noise, Grade::No)] {
        let done = lab.within(|tx| follow(tx, &config, token, minute(6)));
        assert!(matches!(done, Followed::Done(..)), "{done:?}");
        assert_eq!(grades(&lab), [grade], "the latest word stands");
    }

    for (token, rows) in [(&acknowledge, "acknowledgements"), (&silence, "silences")] {
        let done = lab.within(|tx| follow(tx, &config, token, minute(6)));
        let Followed::Done(_, told) = done else { panic!("{rows}: {done:?}") };
        assert_eq!(
            told.is_some(),
            rows == "silences",
            "the operator is told of what nobody else would notice"
        );
        let again = lab.within(|tx| follow(tx, &config, token, minute(7)));
        assert!(matches!(again, Followed::DoneBefore(_)), "{rows}: {again:?}");
    }
    let silences = lab.within(|tx| tx.silences(minute(8)));
    assert_eq!(silences.len(), 1);
    assert_eq!(silences[0].matcher.address.as_deref(), Some("desk@example.org"), "nobody else is muted");

    let Followed::Done(_, told) = lab.within(|tx| follow(tx, &config, &unsubscribe, minute(7))) else {
        panic!("not unsubscribed")
    };
    assert_eq!(told.unwrap().subject, "[Wirewatch] desk@example.org unsubscribed from broken-truce");
    let again = lab.within(|tx| follow(tx, &config, &unsubscribe, minute(8)));
    assert!(matches!(again, Followed::DoneBefore(_)), "{again:?}");
    let rows = lab.reader().unsubscriptions().unwrap();
    assert_eq!((rows.len(), rows[0].address.as_str(), rows[0].at), (1, "desk@example.org", minute(7)));
    let is_off =
        |lab: &mut Lab, address: &str, topic: &str| lab.within(|tx| tx.is_unsubscribed(address, topic));
    assert!(is_off(&mut lab, "desk@example.org", "broken-truce"));
    assert!(is_off(&mut lab, "Desk@Example.org", "broken-truce"));
    assert!(!is_off(&mut lab, "desk@example.org", "famine"));
    assert!(!is_off(&mut lab, "night@example.org", "broken-truce"));

    let path = lab.dir.path().join(FILE_NAME);
    assert_eq!(kept::restore(&path, "desk@example.org", Some("famine"), hour(9)).unwrap(), 0);
    assert_eq!(kept::restore(&path, "DESK@example.org", None, hour(9)).unwrap(), 1);
    assert!(!is_off(&mut lab, "desk@example.org", "broken-truce"));
    // The same link unsubscribes again: it is still its owner's.
    let again = lab.within(|tx| follow(tx, &config, &unsubscribe, hour(10)));
    assert!(matches!(again, Followed::Done(..)), "{again:?}");
}

#[test]
fn a_shorter_or_narrower_silence_is_not_the_one_the_page_promises() {
    let mut lab = alarmed(WEB);
    let config = lab.config.clone();
    let letter = claimed(&mut lab, minute(0));
    let token = tokens(&letter.claimed.rendered.text).remove(3);
    let matcher = Matcher {
        topic: Some("broken-truce".to_owned()),
        place: Some("ZZ".to_owned()),
        address: Some("desk@example.org".to_owned()),
        ..Matcher::default()
    };
    let narrow = Matcher { severity_max: Some(Severity::Warning), ..matcher.clone() };
    for (matcher, until) in [(narrow, after(minute(0), DAY)), (matcher, minute(10))] {
        let new = NewSilence { matcher, until, author: "ops".to_owned(), comment: "test".to_owned() };
        lab.within(|tx| silence(tx, new, minute(0))).unwrap();
    }
    let done = lab.within(|tx| follow(tx, &config, &token, minute(1)));
    let Followed::Done(_, told) = done else { panic!("{done:?}") };
    assert_eq!(told.unwrap().subject, "[Wirewatch] desk@example.org silenced broken-truce for a day");
    let silences = lab.within(|tx| tx.silences(minute(2)));
    assert_eq!((silences.len(), silences[2].until), (3, after(minute(1), DAY)));
    let again = lab.within(|tx| follow(tx, &config, &token, minute(20)));
    assert!(matches!(again, Followed::DoneBefore(_)), "{again:?}");
    let later = lab.within(|tx| follow(tx, &config, &token, hour(20)));
    assert!(matches!(later, Followed::Done(..)), "five hours are no day: {later:?}");
}

#[test]
fn who_unsubscribes_gets_nothing_that_waited() {
    let mut lab = alarmed(WEB);
    let config = lab.config.clone();
    let letter = claimed(&mut lab, minute(0));
    let token = tokens(&letter.claimed.rendered.text).pop().unwrap();
    // The server is away; meanwhile more comes, and one is refused for good.
    let id = letter.claimed.id;
    lab.within(|tx| tx.finish_delivery(id, Status::Failed, "550", minute(0), minute(0)));
    let second = entry("b", "Truce shattered in Mali as a convoy is ambushed near the river", minute(10));
    assert_eq!(lab.poll(0, minute(10), &[second]).alerts[0].to.len(), 2);
    let done = lab.within(|tx| follow(tx, &config, &token, minute(11)));
    assert!(matches!(done, Followed::Done(..)), "{done:?}");
    let claimed = lab.claim(hour(3));
    let to_desk: Vec<&str> = claimed
        .iter()
        .filter(|mail| mail.address == "desk@example.org")
        .map(|mail| mail.rendered.subject.as_str())
        .collect();
    assert!(to_desk.is_empty(), "{to_desk:?}");
    let steps = lab.reader().routing(2).unwrap();
    let of_desk: Vec<&str> = steps
        .iter()
        .filter(|step| step.to == "desk@example.org")
        .map(|step| step.decision.as_str())
        .collect();
    assert_eq!(of_desk, ["told", "unsubscribed"]);
    let path = lab.dir.path().join(FILE_NAME);
    assert!(letters::resend(&path, None, hour(3)).unwrap().is_empty());
    kept::restore(&path, "desk@example.org", None, hour(4)).unwrap();
    assert_eq!(letters::resend(&path, None, hour(4)).unwrap(), [id.0]);
}

#[test]
fn links_end_and_others_are_worth_nothing() {
    let mut lab = alarmed(WEB);
    let config = lab.config.clone();
    let letter = claimed(&mut lab, minute(0));
    let given = tokens(&letter.claimed.rendered.text).pop().unwrap();
    let end = after(hour(1), VALID_FOR);
    let before = end - jiff::SignedDuration::from_secs(1);
    assert!(matches!(lab.within(|tx| look(tx, &given, before)), Judged::Valid(_)));
    assert_eq!(lab.within(|tx| look(tx, &given, end)), Judged::Expired);
    assert_eq!(lab.within(|tx| follow(tx, &config, &given, end)), Followed::Refused(Judged::Expired));

    let key = lab.within(|tx| tx.follow_up_key());
    assert_eq!(lab.within(|tx| tx.follow_up_key()), key, "made once");
    let other = alarmed(WEB).within(|tx| tx.follow_up_key());
    assert_ne!(other, key, "each database has its own");
    let claimed = &letter.claimed;
    let own =
        Recipient { delivery: claimed.id, alert: claimed.alert, at: claimed.at, address: &claimed.address };
    for token in [
        token(&other, Action::Unsubscribe, own),
        token(&key, Action::Unsubscribe, Recipient { delivery: DeliveryId(2), ..own }),
        token(&key, Action::Unsubscribe, Recipient { delivery: DeliveryId(77), ..own }),
        "u1-7fffffff-00".to_owned(),
    ] {
        assert_eq!(lab.within(|tx| look(tx, &token, minute(1))), Judged::Unknown, "{token}");
        let followed = lab.within(|tx| follow(tx, &config, &token, minute(1)));
        assert_eq!(followed, Followed::Refused(Judged::Unknown), "{token}");
    }
    assert!(lab.reader().unsubscriptions().unwrap().is_empty());
}
