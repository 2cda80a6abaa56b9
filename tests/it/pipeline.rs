//! The pipeline: what polls and time do to articles, incidents, alerts and deliveries. Time is the test's.

use std::time::Duration;

use wirewatch::delivery::{Retry, message_id, next_attempt};
use wirewatch::feed::Entry;
use wirewatch::feed::Tier;
use wirewatch::feed::answer::AnswerKind;
use wirewatch::fetch::Headers;
use wirewatch::pipeline::{self, End, Reading};

use crate::support::lab::{Lab, decision, entry, hour};

const BREACH: &str = "Truce broken within hours as shells fall";

#[test]
fn an_article_that_trips_is_told_once_to_each_address() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    let settled = lab.poll(0, hour(1), &[entry("a", BREACH, hour(1))]);
    assert_eq!(settled.alerts.len(), 1);
    let alert = &settled.alerts[0];
    assert_eq!(alert.to, ["desk@example.org", "night@example.org"]);
    assert!(alert.subject.starts_with("[Broken truce] Truce broken"), "{}", alert.subject);
    let claimed = lab.claim(hour(1));
    assert_eq!(claimed.len(), 2);
    assert!(claimed[0].rendered.text.contains("a truce is broken"), "{}", claimed[0].rendered.text);
    assert!(lab.claim(hour(1)).is_empty(), "a claimed delivery is nobody else's");
    let again = lab.poll(0, hour(2), &[entry("a", BREACH, hour(1))]);
    assert_eq!((again.alerts.len(), again.known_count, again.articles.len()), (0, 1, 0));
}

#[test]
fn a_feeds_first_sight_is_a_baseline() {
    let mut lab = Lab::new();
    let old = entry("old", BREACH, hour(0));
    let undated =
        Entry { published: None, ..entry("undated", "Truce shattered, says nobody in particular", hour(0)) };
    let fresh = entry("fresh", "Truce shattered again in the north", hour(9));
    let settled = lab.poll(0, hour(10), &[old, undated, fresh]);
    assert_eq!(settled.alerts.len(), 1, "only what was published within first_look alerts");
    assert_eq!(settled.alerts[0].articles.len(), 1);
    assert_eq!(decision(&lab, 1).0, "baseline");
    assert!(decision(&lab, 2).1.contains("poll.first_look"), "{}", decision(&lab, 2).1);
    assert_eq!(decision(&lab, 3).0, "alerted");
}

#[test]
fn old_news_in_a_known_feed_does_not_alert_and_undated_news_does() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    let old = lab.poll(0, hour(100), &[entry("old", BREACH, hour(51))]);
    assert!(old.alerts.is_empty());
    assert_eq!(decision(&lab, old.articles[0].id.0).0, "too-old");
    let undated = Entry { published: None, ..entry("undated", "Truce shattered on the coast", hour(0)) };
    assert_eq!(lab.poll(0, hour(101), &[undated]).alerts.len(), 1, "a missing date decides nothing");
}

#[test]
fn an_open_incident_is_updated_no_more_often_than_asked_and_loses_nothing() {
    let mut lab = Lab::with("update_every = \"6h\"", "");
    lab.acquaint(hour(0));
    assert_eq!(lab.poll(0, hour(1), &[entry("a", BREACH, hour(1))]).alerts.len(), 1);
    let held = lab.poll(0, hour(2), &[entry("b", "Truce shattered in a second town", hour(2))]);
    assert!(held.alerts.is_empty());
    assert_eq!(decision(&lab, held.articles[0].id.0).0, "update-held");
    lab.poll(1, hour(3), &[entry("c", "Broken truce: third town shelled", hour(3))]);
    assert!(lab.tick(hour(6)).is_empty(), "six hours are not over");
    let updates = lab.tick(hour(7));
    assert_eq!(updates.len(), 1, "time alone brings the update");
    assert_eq!(updates[0].alert.kind.as_str(), "update");
    assert_eq!(updates[0].articles.len(), 2);
    assert_eq!(decision(&lab, held.articles[0].id.0).0, "alerted", "a held article is told in the end");
    assert!(lab.tick(hour(20)).is_empty());
    let claimed = lab.claim(hour(20));
    assert_eq!(claimed.len(), 4);
    assert_eq!(claimed[2].earlier.len(), 1, "an update refers to the first mail of its incident");
}

#[test]
fn a_quiet_incident_closes_and_the_next_article_opens_another() {
    let mut lab = Lab::with("close_after = \"48h\"", "");
    lab.acquaint(hour(0));
    let first = lab.poll(0, hour(1), &[entry("a", BREACH, hour(1))]).alerts.remove(0);
    assert!(lab.tick(hour(48)).is_empty());
    assert_eq!(lab.reader().overview(hour(48)).unwrap().open_incidents.len(), 1);
    lab.tick(hour(49));
    assert_eq!(lab.reader().overview(hour(49)).unwrap().open_incidents.len(), 0);
    let second = lab.poll(0, hour(60), &[entry("b", "Truce shattered anew", hour(60))]).alerts.remove(0);
    assert_ne!(first.incident, second.incident);
    assert_eq!(second.alert.kind.as_str(), "first");
    let late = lab.poll(0, hour(120), &[entry("c", "A truce broken much later", hour(120))]).alerts.remove(0);
    assert_eq!(
        late.alert.kind.as_str(),
        "first",
        "no tick came between, the incident was quiet all the same"
    );
}

#[test]
fn each_main_place_has_its_incident_and_a_second_place_opens_none() {
    let mut lab = Lab::with("update_every = \"6h\"", "");
    lab.acquaint(hour(0));
    let sudan =
        lab.poll(0, hour(1), &[entry("a", "Truce broken in Sudan as shells fall", hour(1))]).alerts.remove(0);
    assert_eq!(sudan.alert.place, "SD");
    assert!(sudan.subject.starts_with("[Broken truce] Sudan: Truce broken"), "{}", sudan.subject);
    let yemen = lab.poll(0, hour(2), &[entry("b", "Truce shattered in Yemen", hour(2))]).alerts.remove(0);
    assert_eq!((yemen.alert.place.as_str(), yemen.alert.kind.as_str()), ("YE", "first"));
    assert_ne!(sudan.incident, yemen.incident);
    // Egypt says so; it happens in Sudan.
    let both = lab.poll(0, hour(3), &[entry("c", "Egypt says truce shattered again near Khartoum", hour(3))]);
    assert!(both.alerts.is_empty(), "it waits for the update of Sudan's incident");
    assert_eq!(decision(&lab, both.articles[0].id.0).0, "update-held");
    let unknown = Entry {
        summary: Some(
            "Listeners of short-wave stations noted rifle shots by night on either bank of a river.".into(),
        ),
        ..entry("d", "Rifle shots by night along an unnamed frontier, truce broken", hour(4))
    };
    let nowhere = lab.poll(0, hour(4), &[unknown]).alerts.remove(0);
    assert_eq!((nowhere.alert.place.as_str(), nowhere.alert.kind.as_str()), ("ZZ", "first"));
    assert_eq!(lab.reader().overview(hour(4)).unwrap().open_incidents.len(), 3);
}

#[test]
fn publishers_are_counted_without_copies() {
    let mut lab = Lab::with("publishers = 2", "");
    lab.acquaint(hour(0));
    let first = lab.poll(0, hour(1), &[entry("a", BREACH, hour(1))]);
    assert!(first.alerts.is_empty());
    assert!(decision(&lab, first.articles[0].id.0).1.contains("1 of 2"), "{:?}", decision(&lab, 3));
    let wire = Entry { url: Some("https://two.example/a".to_owned()), ..entry("copy", BREACH, hour(2)) };
    let copied = lab.poll(1, hour(2), &[wire]);
    assert!(copied.alerts.is_empty(), "the same words from another publisher confirm nothing");
    assert_eq!(copied.articles[0].copy_of, Some(first.articles[0].id));
    let own = entry("own", "Shells fall on the port, truce broken, residents say", hour(3));
    let own = Entry { url: Some("https://two.example/own".to_owned()), ..own };
    let told = lab.poll(1, hour(3), &[own]);
    assert_eq!(told.alerts.len(), 1);
    assert_eq!((told.alerts[0].alert.publishers, told.alerts[0].articles.len()), (2, 3));
}

#[test]
fn entries_are_recognised_whatever_their_feed_does() {
    let at = hour(1);
    let base =
        || Entry { summary: Some("Shelling in three towns since dawn".to_owned()), ..entry("a", BREACH, at) };
    let with = |change: &dyn Fn(&mut Entry)| {
        let mut entry = base();
        change(&mut entry);
        entry
    };
    // What the feed shows next, and whether that is known, an edit, or a new article.
    let cases: [(&str, Entry, &str); 9] = [
        ("nothing changed", base(), "known"),
        ("a new id", with(&|e| e.id = Some("zzz".into())), "known"),
        (
            "a new id and a tracking link",
            with(&|e| {
                e.id = Some("zzz".into());
                e.url = Some("https://one.example/a?utm_source=rss".into());
            }),
            "known",
        ),
        (
            "a new id and a new link",
            with(&|e| {
                e.id = Some("zzz".into());
                e.url = Some("https://one.example/moved".into());
            }),
            "known",
        ),
        (
            "markup and case",
            with(&|e| e.title = "<b>TRUCE</b> broken within hours as shells fall".into()),
            "known",
        ),
        ("an edited text", with(&|e| e.summary = Some("Shelling in five towns since dawn".into())), "edit"),
        ("an edited headline", with(&|e| e.title = "Truce broken within a day".into()), "edit"),
        (
            "a reused id",
            with(&|e| {
                e.title = "Harvest festival opens".into();
                e.url = Some("https://one.example/festival".into());
                e.summary = Some("Music and food".into());
            }),
            "new",
        ),
        ("a republication with a new date", with(&|e| e.published = Some(hour(200))), "known"),
    ];
    for (what, next, expected) in cases {
        let mut lab = Lab::new();
        lab.acquaint(hour(0));
        lab.poll(0, at, &[base()]);
        let settled = lab.poll(0, hour(2), &[next]);
        let found = match settled.articles.as_slice() {
            [] => "known",
            [event] if event.is_revision => "edit",
            _ => "new",
        };
        assert_eq!(found, expected, "{what}");
        assert!(settled.alerts.is_empty(), "{what}: nothing is alerted twice");
    }
}

#[test]
fn an_edit_that_trips_alerts_and_one_that_tripped_before_does_not() {
    let mut lab = Lab::with("update_every = \"1m\"", "");
    lab.acquaint(hour(0));
    let quiet = lab.poll(0, hour(1), &[entry("a", "Truce holds for a third day", hour(1))]);
    assert!(quiet.alerts.is_empty());
    let edited = lab.poll(0, hour(2), &[entry("a", "Truce broken after three days", hour(1))]);
    assert_eq!(edited.alerts.len(), 1, "the same entry, now with news");
    assert_eq!(edited.alerts[0].articles, [quiet.articles[0].id], "it is the same article");
    let again = lab.poll(0, hour(3), &[entry("a", "Truce broken after three days, minister says", hour(1))]);
    assert!(again.alerts.is_empty());
    assert_eq!(decision(&lab, quiet.articles[0].id.0).0, "alerted", "and stays told");
    assert_eq!(lab.reader().article(quiet.articles[0].id.0).unwrap().unwrap().revisions, 2);
}

#[test]
fn two_entries_that_share_an_id_or_a_link_both_live() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    let same_id = [
        entry("1", "Ferry timetable changes", hour(1)),
        Entry { url: Some("https://one.example/other".to_owned()), ..entry("1", BREACH, hour(1)) },
    ];
    assert_eq!(lab.poll(0, hour(1), &same_id).articles.len(), 2);
    let live = "https://one.example/live";
    let same_link = ["Rain in the hills", "Snow in the valley"].map(|title| Entry {
        id: None,
        url: Some(live.to_owned()),
        ..entry("x", title, hour(2))
    });
    assert_eq!(lab.poll(0, hour(2), &same_link).articles.len(), 2);
    assert_eq!(lab.poll(0, hour(3), &same_link).articles.len(), 0, "and are known at the next poll");
}

#[test]
fn an_entry_with_almost_nothing_in_it_is_kept() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    let bare = Entry { title: "Truce\n broken\u{7}\u{202e} today".to_owned(), ..Entry::default() };
    let settled = lab.poll(0, hour(1), std::slice::from_ref(&bare));
    assert_eq!(settled.alerts.len(), 1);
    let stored = lab.reader().article(settled.articles[0].id.0).unwrap().unwrap();
    assert_eq!(stored.title, "Truce broken today");
    assert_eq!((stored.url, stored.published, stored.tier), (None, None, Tier::default().number()));
    assert_eq!(lab.poll(0, hour(2), &[bare]).articles.len(), 0);
}

#[test]
fn the_same_article_by_two_feeds_is_one() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    let shared = entry("a", BREACH, hour(1));
    assert_eq!(lab.poll(0, hour(1), std::slice::from_ref(&shared)).alerts.len(), 1);
    let other = lab.poll(1, hour(2), &[Entry { id: Some("other".to_owned()), ..shared }]);
    assert_eq!((other.articles.len(), other.known_count), (0, 1));
}

#[test]
fn ids_that_change_at_every_poll_do_not_fill_the_database() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    for poll in 1..60 {
        let churned = Entry { id: Some(format!("id-{poll}")), ..entry("a", BREACH, hour(1)) };
        lab.poll(0, hour(poll), &[churned]);
    }
    let connection = rusqlite::Connection::open(lab.writer.path()).unwrap();
    let count: i64 = connection.query_row("SELECT count(*) FROM sightings", [], |row| row.get(0)).unwrap();
    assert!(count <= 2 + 20, "{count} sightings");
}

#[test]
fn validators_survive_failures_and_belong_to_documents_that_were_read() {
    let mut lab = Lab::new();
    let first = lab.poll(0, hour(0), &[]);
    assert_eq!(first.state.etag.as_deref(), Some(&b"\"e\""[..]));
    let failed = End::Failed {
        kind: AnswerKind::Broken,
        outcome: "no answer".to_owned(),
        headers: Headers::default(),
    };
    let failed = lab.end(0, hour(1), failed);
    assert_eq!(failed.state.etag, first.state.etag, "a failure forgets nothing");
    assert_eq!((failed.state.failure_count, failed.is_success), (1, false));
    let unchanged = lab.end(0, hour(2), End::NotModified { headers: Headers::default() });
    assert_eq!(unchanged.state.etag, first.state.etag, "nor does a 304 without validators");
    assert_eq!(unchanged.state.failure_count, 0);
}

#[test]
fn a_topic_that_is_gone_tells_nobody_any_more() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    lab.poll(0, hour(1), &[entry("a", BREACH, hour(1))]);
    lab.poll(0, hour(2), &[entry("b", "Truce shattered twice", hour(2))]);
    lab.config.topics = wirewatch::topic::Topics::default();
    assert!(lab.tick(hour(30)).is_empty());
    assert!(lab.reader().overview(hour(30)).unwrap().open_incidents.is_empty());
}

#[test]
fn mail_is_tried_again_without_end_and_keeps_its_name() {
    let retry = Retry { initial: Duration::from_secs(30), max: Duration::from_hours(1) };
    let waits = [1, 2, 3, 7, 8, 100, u32::MAX];
    let waits =
        waits.map(|attempts| next_attempt(retry, attempts, hour(0)).duration_since(hour(0)).as_secs());
    assert_eq!(waits, [30, 60, 120, 1920, 3600, 3600, 3600]);
    let id = |at, address| message_id("abc", wirewatch::alert::AlertId(7), at, address, "example.org");
    assert_eq!(id(hour(0), "Desk@example.org"), id(hour(0), "desk@example.org"));
    assert_ne!(id(hour(0), "desk@example.org"), id(hour(0), "night@example.org"));
    let restored = id(hour(1), "desk@example.org");
    assert_ne!(
        id(hour(0), "desk@example.org"),
        restored,
        "another alert with the number of one before a restore"
    );
}

#[test]
fn a_copy_of_a_text_that_was_not_told_is_told() {
    let mut lab = Lab::new();
    let wire = |host: &str, published| Entry {
        url: Some(format!("https://{host}/wire")),
        ..entry("wire", BREACH, published)
    };
    // At first sight of the first feed the text is eight hours old; the second feed, long known, brings it as news.
    lab.poll(1, hour(0), &[entry("calm", "Calm seas and a slow day in the harbour", hour(0))]);
    assert!(lab.poll(0, hour(10), &[wire("one.example", hour(2))]).alerts.is_empty());
    let told = lab.poll(1, hour(10), &[wire("two.example", hour(10))]);
    assert_eq!(told.alerts.len(), 1, "somebody must have written it: one publisher");
    assert_eq!(told.alerts[0].alert.publishers, 1);
}

#[test]
fn what_one_feed_had_to_keep_back_another_may_tell() {
    let mut lab = Lab::new();
    lab.poll(1, hour(0), &[entry("calm", "Calm seas and a slow day in the harbour", hour(0))]);
    let undated = Entry { published: None, ..entry("a", BREACH, hour(1)) };
    assert!(lab.poll(0, hour(1), &[undated]).alerts.is_empty(), "a baseline");
    let same = Entry { id: Some("b".to_owned()), ..entry("a", BREACH, hour(1)) };
    let told = lab.poll(1, hour(2), &[same]);
    assert_eq!((told.known_count, told.alerts.len()), (1, 1));
    assert_eq!(decision(&lab, 2).0, "alerted");
}

#[test]
fn an_article_edited_away_is_not_told_any_more() {
    let mut lab = Lab::with("update_every = \"6h\"\npublishers = 1", "");
    lab.acquaint(hour(0));
    lab.poll(0, hour(1), &[entry("a", BREACH, hour(1))]);
    lab.poll(0, hour(2), &[entry("b", "Truce shattered in the second town", hour(2))]);
    lab.poll(0, hour(3), &[entry("b", "Football match in the second town put off", hour(2))]);
    assert!(lab.tick(hour(8)).is_empty(), "there is nothing left to tell");
    let two = Lab::with("publishers = 2", "");
    let mut lab = two;
    lab.acquaint(hour(0));
    lab.poll(0, hour(1), &[entry("a", BREACH, hour(1))]);
    lab.poll(0, hour(2), &[entry("a", "Football match put off", hour(1))]);
    let other = Entry {
        url: Some("https://two.example/x".to_owned()),
        ..entry("x", "A truce broken, they say", hour(3))
    };
    assert!(lab.poll(1, hour(3), &[other]).alerts.is_empty(), "what was withdrawn confirms nothing");
}

#[test]
fn a_told_article_stays_told_whatever_is_edited() {
    let mut lab = Lab::with("close_after = \"7h\"\nupdate_every = \"1h\"", "");
    lab.acquaint(hour(0));
    let undated = |title: &str| Entry { published: None, ..entry("a", title, hour(1)) };
    let first = lab.poll(0, hour(1), &[undated(BREACH)]);
    let id = first.articles[0].id.0;
    lab.poll(0, hour(2), &[undated("Truce broken within hours as many shells fall")]);
    assert_eq!(decision(&lab, id).0, "alerted", "an edit does not unsay what was told");
    lab.poll(0, hour(3), &[undated("Correction: harvest festival opens")]);
    lab.tick(hour(30));
    let back = lab.poll(0, hour(31), &[undated(BREACH)]);
    assert!(back.alerts.is_empty(), "the same entry is not alerted twice, its incident closed or not");
}

#[test]
fn recurring_words_are_news_when_they_are_new_entries() {
    let siren = |id: &str, at| Entry {
        url: Some(format!("https://one.example/{id}")),
        ..entry(id, "Truce broken in Sector 4", at)
    };
    let mut lab = Lab::with("update_every = \"1m\"", "");
    lab.acquaint(hour(0));
    assert_eq!(lab.poll(0, hour(1), &[siren("s1", hour(1))]).alerts.len(), 1);
    let both = lab.poll(0, hour(25), &[siren("s2", hour(25)), siren("s1", hour(1))]);
    assert_eq!((both.articles.len(), both.alerts.len()), (1, 1), "another day, another breach");
    let undated = |id: &str| Entry { published: None, ..siren(id, hour(0)) };
    let beside = lab.poll(0, hour(26), &[undated("u1"), undated("u2")]);
    assert_eq!(
        beside.articles.len(),
        1,
        "one may be an old one again; two that stand in one document are two"
    );
    assert_eq!(lab.poll(0, hour(27), &[undated("u1"), undated("u2")]).articles.len(), 0);
}

#[test]
fn one_link_for_everything_identifies_nothing() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    let flash = |id: &str, text: &str| Entry {
        url: Some("https://one.example/latest".to_owned()),
        summary: Some(text.to_owned()),
        ..entry(id, "Flash update", hour(1))
    };
    let document =
        [flash("1", "Rain in the hills"), flash("2", "Truce broken"), flash("3", "Snow in the valley")];
    let settled = lab.poll(0, hour(1), &document);
    assert_eq!((settled.articles.len(), settled.alerts.len()), (3, 1));
    assert!(settled.articles.iter().all(|event| !event.is_revision));
    assert_eq!(lab.poll(0, hour(2), &document).known_count, 3);
}

#[test]
fn dates_to_come_do_not_make_old_entries_fresh() {
    let mut lab = Lab::new();
    let announced = entry("a", BREACH, hour(2400));
    assert!(lab.poll(0, hour(1), &[announced]).alerts.is_empty(), "a baseline, whatever its date says");
    assert_eq!(decision(&lab, 1).0, "baseline");
}

#[test]
fn a_clock_that_ran_ahead_holds_nothing_back() {
    let mut lab = Lab::with("update_every = \"6h\"", "");
    lab.acquaint(hour(0));
    lab.poll(0, hour(5000), &[entry("a", BREACH, hour(5000))]);
    for claimed in lab.claim(hour(5000)) {
        lab.within(|tx| {
            let status = wirewatch::delivery::Status::Queued;
            tx.finish_delivery(claimed.id, status, "451 later", hour(5001), hour(5000))
        });
    }
    // The clock is put right.
    assert_eq!(lab.claim(hour(1)).len(), 2, "an attempt planned for next year is due");
    lab.poll(0, hour(2), &[entry("b", "Truce shattered in a second town", hour(2))]);
    assert!(lab.poll(0, hour(3), &[entry("c", "Broken truce: a third town", hour(3))]).alerts.is_empty());
}

#[test]
fn incidents_that_fall_quiet_unconfirmed_say_so() {
    let mut lab = Lab::with("publishers = 2\nclose_after = \"48h\"", "");
    lab.acquaint(hour(0));
    let id = lab.poll(0, hour(1), &[entry("a", BREACH, hour(1))]).articles[0].id.0;
    lab.tick(hour(49));
    let (code, words) = decision(&lab, id);
    assert_eq!(code, "unconfirmed");
    assert!(words.contains("1 of 2"), "{words}");
}

#[test]
fn an_edit_leaves_what_was_decided_standing() {
    let mut lab = Lab::with("update_every = \"6h\"", "");
    lab.acquaint(hour(0));
    lab.poll(0, hour(1), &[entry("a", BREACH, hour(1))]);
    let held = lab.poll(0, hour(2), &[entry("b", "Truce shattered in a second town", hour(2))]);
    lab.poll(0, hour(3), &[entry("b", "Truce shattered in a second town, mayor says", hour(2))]);
    let id = held.articles[0].id.0;
    assert_eq!(decision(&lab, id).0, "update-held", "it still waits, and says so");
    lab.tick(hour(7));
    assert_eq!(decision(&lab, id).0, "alerted");
}

#[test]
fn a_baseline_that_was_edited_may_still_be_told_by_another_feed() {
    let mut lab = Lab::new();
    lab.poll(1, hour(0), &[entry("calm", "Calm seas and a slow day in the harbour", hour(0))]);
    let undated = |title: &str| Entry { published: None, ..entry("a", title, hour(1)) };
    let edited = "Truce broken within hours as many shells fall";
    lab.poll(0, hour(1), &[undated(BREACH)]);
    lab.poll(0, hour(2), &[undated(edited)]);
    let same = Entry { id: Some("b".to_owned()), ..entry("a", edited, hour(2)) };
    assert_eq!(lab.poll(1, hour(3), &[same]).alerts.len(), 1);
}

#[test]
fn a_poll_that_was_under_way_at_a_reload_is_scored_by_the_topics_in_force() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    let entries = vec![entry("a", BREACH, hour(1))];
    let scored =
        pipeline::prepare(entries, &lab.config.feeds[0], &wirewatch::topic::Topics::default(), hour(1));
    let scored_by = Some(lab.config.hash.wrapping_add(1));
    let reading = Reading { scored, scored_by, ..Reading::default() };
    let settled = lab.end(0, hour(1), End::Document(Box::new(reading)));
    assert_eq!(settled.alerts.len(), 1, "its topic was written while it was fetched");
}
