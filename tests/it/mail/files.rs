//! Alerts as files: CAP messages by the order of their schema, the Atom feed by its RFC, and the folder they stand in.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use quick_xml::Reader;
use quick_xml::events::Event;
use wirewatch::alert::Kind;
use wirewatch::alert::render::atom::{ENTRIES_MAX, feed};
use wirewatch::alert::render::cap::{Bulletin, Origin, Trigger, cap};
use wirewatch::files;
use wirewatch::topic::{Evidence, Field, Severity, Status};

use super::render::evidence;
use super::time;

pub(super) fn origin() -> Origin {
    Origin {
        contact: "alerts@example.org".to_owned(),
        instance: "0a1b2c3d4e5f".to_owned(),
        status: "Actual".to_owned(),
        category: "Security".to_owned(),
    }
}

fn bulletin() -> Bulletin {
    Bulletin {
        alert: 31,
        at: time("2026-11-23T10:20:00.5Z"),
        kind: Kind::Update,
        severity: Severity::Critical,
        topic_id: "ceasefire-breakdown".to_owned(),
        topic_name: "Ceasefire breakdown".to_owned(),
        place: "SD".to_owned(),
        incident: 12,
        publishers: 3,
        score: 0.934,
        subject: "[Ceasefire breakdown] Update, Sudan: Army violates ceasefire (3 publishers)".to_owned(),
        reason: "1 new story came in since the last mail".to_owned(),
        text: "UPDATE\n\nArmy violates ceasefire & more\n".to_owned(),
        link: Some("https://watch.example.org/incidents/12".to_owned()),
        triggers: vec![Trigger {
            signal: "a truce is broken".to_owned(),
            words: "violates ceasefire".to_owned(),
            count: 2,
        }],
        earlier: vec![(29, time("2026-11-22T09:10:00Z")), (30, time("2026-11-22T15:10:00Z"))],
    }
}

/// Children of elements with this name, each as name and text, for every such element.
fn children(xml: &str, parent: &str) -> Vec<Vec<(String, String)>> {
    let mut reader = Reader::from_str(xml);
    let (mut path, mut found): (Vec<String>, Vec<Vec<(String, String)>>) = (Vec::new(), Vec::new());
    loop {
        let event = reader.read_event().unwrap();
        match &event {
            Event::Start(start) | Event::Empty(start) => {
                let name = start.name().as_ref().to_owned();
                if path.last().is_some_and(|above| above == parent) {
                    let attributes: Vec<String> = start
                        .attributes()
                        .map(|attribute| attribute.unwrap())
                        .map(|one| format!("{}={}", one.key.as_ref(), one.value))
                        .collect();
                    found.last_mut().unwrap().push((name.clone(), attributes.join(" ")));
                }
                if name == parent {
                    found.push(Vec::new());
                }
                if matches!(event, Event::Start(_)) {
                    path.push(name);
                }
            }
            Event::Text(text) if path.len() > 1 && path[path.len() - 2] == parent => {
                found.last_mut().unwrap().last_mut().unwrap().1.push_str(text);
            }
            Event::GeneralRef(entity) if path.len() > 1 && path[path.len() - 2] == parent => {
                let entity = format!("&{};", entity.as_ref());
                found.last_mut().unwrap().last_mut().unwrap().1.push_str(&entity);
            }
            Event::End(_) => drop(path.pop()),
            Event::Eof => return found,
            _ => {}
        }
    }
}

/// The sequences of the schema (CAP 1.2 section 3.4).
const ALERT: [&str; 15] = [
    "identifier",
    "sender",
    "sent",
    "status",
    "msgType",
    "source",
    "scope",
    "restriction",
    "addresses",
    "code",
    "note",
    "references",
    "incidents",
    "info",
    "Signature",
];
const INFO: [&str; 24] = [
    "language",
    "category",
    "event",
    "responseType",
    "urgency",
    "severity",
    "certainty",
    "audience",
    "eventCode",
    "effective",
    "onset",
    "expires",
    "senderName",
    "headline",
    "description",
    "instruction",
    "web",
    "contact",
    "parameter",
    "resource",
    "area",
    "areaDesc",
    "geocode",
    "altitude",
];

fn assert_in_order(found: &[(String, String)], schema: &[&str]) {
    let mut from = 0;
    for (name, _) in found {
        let at = schema.iter().position(|known| known == name);
        let at = at.unwrap_or_else(|| panic!("{name} is not in the schema"));
        assert!(at >= from, "{name} comes too late in {found:?}");
        from = at;
    }
}

fn value<'a>(found: &'a [(String, String)], name: &str) -> Option<&'a str> {
    found.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

#[test]
fn a_cap_message_follows_the_schema() {
    let xml = cap(&bulletin(), &origin());
    assert!(xml.contains("<alert xmlns=\"urn:oasis:names:tc:emergency:cap:1.2\">"));
    let alert = children(&xml, "alert").remove(0);
    let info = children(&xml, "info").remove(0);
    assert_in_order(&alert, &ALERT);
    assert_in_order(&info, &INFO);
    for (name, expected) in [
        ("identifier", "wirewatch-0a1b2c3d4e5f-alert-31-1795429200"),
        ("sender", "0a1b2c3d4e5f.wirewatch"),
        ("sent", "2026-11-23T10:20:00-00:00"),
        ("status", "Actual"),
        ("msgType", "Update"),
        ("scope", "Private"),
        ("addresses", "ceasefire-breakdown.wirewatch"),
        (
            "references",
            "0a1b2c3d4e5f.wirewatch,wirewatch-0a1b2c3d4e5f-alert-29-1795338600,2026-11-22T09:10:00-00:00 \
             0a1b2c3d4e5f.wirewatch,wirewatch-0a1b2c3d4e5f-alert-30-1795360200,2026-11-22T15:10:00-00:00",
        ),
        ("incidents", "wirewatch-0a1b2c3d4e5f-incident-12"),
    ] {
        assert_eq!(value(&alert, name), Some(expected), "{name}");
    }
    for (name, expected) in [
        ("category", "Security"),
        ("event", "Ceasefire breakdown"),
        ("urgency", "Immediate"),
        ("severity", "Severe"),
        ("certainty", "Likely"),
        ("senderName", "Wirewatch, alerts@example.org"),
        ("web", "https://watch.example.org/incidents/12"),
        ("description", "UPDATE\n\nArmy violates ceasefire &amp; more"),
    ] {
        assert_eq!(value(&info, name), Some(expected), "{name}");
    }
    assert!(value(&info, "headline").unwrap().chars().count() <= 160);
    assert!(xml.contains(
        "<valueName>wirewatch:trigger</valueName><value>(a truce is broken)violates ceasefire[2]</value>"
    ));
    let area = children(&xml, "area").remove(0);
    assert_eq!(value(&area, "areaDesc"), Some("Sudan"));
    assert_eq!(children(&xml, "geocode")[0][1].1, "SD");
    // Section 3.3.2 allows no Z, and what has to be one word is one.
    for name in ["identifier", "sender", "sent"] {
        let value = value(&alert, name).unwrap();
        assert!(!value.contains([' ', ',', '<', '&', 'Z']), "{name}: {value}");
    }
}

#[test]
fn a_cap_message_says_what_kind_of_news_it_is() {
    let none: Vec<(i64, jiff::Timestamp)> = Vec::new();
    for (kind, publishers, earlier, expected) in [
        (Kind::First, 1, none.clone(), ("Alert", "Immediate", "Severe", "Assess", "Likely")),
        (Kind::Surge, 3, none, ("Alert", "Immediate", "Severe", "Assess", "Likely")),
        (Kind::Escalation, 3, bulletin().earlier, ("Update", "Immediate", "Severe", "Assess", "Likely")),
        (Kind::Correction, 2, bulletin().earlier, ("Update", "Past", "Severe", "Assess", "Unknown")),
        (Kind::Correction, 0, bulletin().earlier, ("Cancel", "Past", "Severe", "Assess", "Unknown")),
        (Kind::AllClear, 3, bulletin().earlier, ("Update", "Past", "Minor", "AllClear", "Unknown")),
    ] {
        let xml = cap(&Bulletin { kind, publishers, earlier, ..bulletin() }, &origin());
        let (alert, info) = (children(&xml, "alert").remove(0), children(&xml, "info").remove(0));
        let get = |name| value(&info, name).unwrap();
        let kind_of = value(&alert, "msgType").unwrap();
        let found = (kind_of, get("urgency"), get("severity"), get("responseType"), get("certainty"));
        assert_eq!(found, expected, "{kind:?} with {publishers}");
        assert_eq!(value(&alert, "references").is_some(), expected.0 != "Alert", "{kind:?}");
    }
    let unsure = Bulletin { score: 0.5, severity: Severity::Info, place: "ZZ".to_owned(), ..bulletin() };
    let xml = cap(&unsure, &origin());
    assert!(xml.contains("<certainty>Possible</certainty>") && xml.contains("<severity>Minor</severity>"));
    assert!(!xml.contains("<area>"), "no country was found");
}

#[test]
fn the_feed_has_what_an_atom_feed_must_have() {
    let bulletins: Vec<Bulletin> = (0..600)
        .map(|at| Bulletin {
            alert: 1_000 - at,
            link: (at != 1).then(|| "https://example.org/a?b=1&c=2".to_owned()),
            ..bulletin()
        })
        .collect();
    let xml = feed(&bulletins, &origin());
    let head = children(&xml, "feed").remove(0);
    assert_eq!(value(&head, "title"), Some("Wirewatch alerts"));
    assert_eq!(value(&head, "updated"), Some("2026-11-23T10:20:00Z"));
    assert_eq!(head.iter().filter(|(name, _)| name == "entry").count(), ENTRIES_MAX);
    let entries = children(&xml, "entry");
    let mut ids = BTreeSet::from([value(&head, "id").unwrap().to_owned()]);
    for entry in &entries {
        for name in ["title", "updated", "published", "summary", "content"] {
            assert!(value(entry, name).is_some_and(|value| !value.is_empty()), "{name} in {entry:?}");
        }
        let id = value(entry, "id").unwrap().to_owned();
        assert_eq!(id.len(), "urn:uuid:".len() + 36, "{id}");
        assert_eq!(id.get(23..24), Some("8"), "{id} is of version 8");
        assert!(ids.insert(id), "an id stands twice");
    }
    assert_eq!(value(&entries[0], "link"), Some("rel=alternate href=https://example.org/a?b=1&amp;c=2"));
    assert_eq!(value(&entries[1], "link"), None);
    assert_eq!(
        value(&entries[0], "category"),
        Some(
            "term=ceasefire-breakdown label=Ceasefire breakdown emm:rank=0 emm:score=93 emm:trigger=(a truce is broken)violates ceasefire[2]; "
        )
    );
    assert_eq!(feed(&bulletins, &origin()), xml, "the same alerts make the same feed");
    let empty = feed(&[], &origin());
    assert_eq!(
        children(&empty, "feed").remove(0)[2],
        ("updated".to_owned(), "1970-01-01T00:00:00Z".to_owned())
    );
}

#[test]
fn triggers_are_counted_over_articles_and_hold_no_brackets() {
    let fired = |quote: &str, at, points| Evidence {
        at,
        ..evidence("a truce [is] broken;", quote, Field::Title, Status::Affirmed, points)
    };
    let articles = vec![
        vec![fired("Army Violates ceasefire", Some((5, 23)), 50.0), fired("calm", None, -8.0)],
        vec![fired("He violates ceasefire", Some((3, 21)), 50.0), fired("feed", None, 5.0)],
    ];
    let trigger = |words: &str, count| Trigger {
        signal: "a truce is broken".to_owned(),
        words: words.to_owned(),
        count,
    };
    assert_eq!(Trigger::gather(&articles), [trigger("violates ceasefire", 2), trigger("", 1)]);
}

#[test]
fn the_folder_holds_what_the_feed_tells_of_and_nothing_more_of_ours() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("deep/alerts");
    let message = |incident: i64, text: &str| (incident, text.to_owned());
    assert_eq!(files::write(&folder, "feed", &[message(1, "one"), message(2, "two")]).unwrap(), 3);
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    fs::write(folder.join("notes.txt"), "the owner's").unwrap();
    fs::write(folder.join("incident-x.cap.xml"), "the owner's").unwrap();
    fs::write(folder.join(".incident-2.cap.xml.tmp"), "half of an earlier life").unwrap();
    assert_eq!(
        files::write(&folder, "feed", &[message(1, "one"), message(2, "two")]).unwrap(),
        0,
        "nothing changed"
    );
    assert_eq!(files::write(&folder, "feed 2", &[message(2, "owt"), message(3, "three")]).unwrap(), 3);
    let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
    for (name, expected) in [
        ("alerts.atom", Some("feed 2")),
        ("incident-1.cap.xml", None),
        ("incident-2.cap.xml", Some("owt")),
        ("incident-3.cap.xml", Some("three")),
        ("incident-x.cap.xml", Some("the owner's")),
        ("notes.txt", Some("the owner's")),
        (".incident-2.cap.xml.tmp", None),
    ] {
        assert_eq!(read(name).as_deref(), expected, "{name}");
    }
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(files::write(&file, "feed", &[]).is_err());
}
