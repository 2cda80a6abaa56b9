//! What feeds do to their entries over weeks: no duplicate article, no second alert.

use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use wirewatch::feed::Entry;

use crate::support::http::Reply;
use crate::support::lab::{Lab, decision, entry, hour};
use crate::support::watch::Watch;

const BREACH: &str = "Truce broken within hours as shells fall";

fn counts(lab: &mut Lab) -> (i64, i64, i64) {
    let connection = rusqlite::Connection::open(lab.writer.path()).unwrap();
    let count = |table: &str| {
        connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    (count("articles"), count("alerts"), count("sightings"))
}

/// Ten entries of a feed, one of them alarming: all with links, dates and texts of their own.
fn ten() -> Vec<Entry> {
    let titles = [
        BREACH,
        "Ferry line opens in spring",
        "School wins a prize for its garden",
        "Market hall reopens after repairs",
        "Harvest festival draws a crowd",
        "Bridge closed for a week",
        "New clinic for the valley",
        "Library extends its hours",
        "Rain fills the reservoir",
        "Choir tours the islands",
    ];
    let made = titles.iter().enumerate().map(|(number, title)| Entry {
        summary: Some(format!("{title}: what was said on day {number}.")),
        ..entry(&format!("e{number}"), title, hour(number as u64))
    });
    made.collect()
}

/// What a feed does to its entries at its `turn`-th poll.
type Change = fn(usize, usize, Entry) -> Entry;

fn new_id(turn: usize, number: usize, entry: Entry) -> Entry {
    Entry { id: Some(format!("{number}-{turn}")), ..entry }
}

fn new_link(turn: usize, number: usize, entry: Entry) -> Entry {
    Entry { url: Some(format!("https://one.example/go/{turn}/{number}")), ..entry }
}

fn shuffled(turn: usize, number: usize, entry: Entry) -> Entry {
    Entry { id: Some(format!("e{}", (number + turn) % 10)), ..entry }
}

fn edited(turn: usize, entry: Entry) -> Entry {
    let title = format!("{} ({turn})", entry.title);
    Entry { title, ..entry }
}

#[test]
fn a_feed_that_changes_its_keys_at_every_poll_brings_nothing_twice() {
    let cases: [(&str, Change); 9] = [
        ("nothing", |_, _, entry| entry),
        ("ids", new_id),
        ("ids and links", |turn, number, entry| new_link(turn, number, new_id(turn, number, entry))),
        ("ids, of entries without links", |turn, number, entry| Entry {
            url: None,
            ..new_id(turn, number, entry)
        }),
        ("ids and links, and the text below the headline", |turn, number, entry| {
            let summary = Some(format!("Related coverage, list {turn}"));
            Entry { summary, ..new_link(turn, number, new_id(turn, number, entry)) }
        }),
        ("ids, links and dates", |turn, number, entry| {
            let published = Some(hour(24 * turn as u64 + 20));
            Entry { published, ..new_link(turn, number, new_id(turn, number, entry)) }
        }),
        ("ids, dealt out anew", shuffled),
        ("ids, dealt out anew to entries without links", |turn, number, entry| Entry {
            url: None,
            ..shuffled(turn, number, entry)
        }),
        ("ids, and dates are missing", |turn, number, entry| Entry {
            published: None,
            ..new_link(turn, number, new_id(turn, number, entry))
        }),
    ];
    for (what, change) in cases {
        let mut lab = Lab::new();
        lab.acquaint(hour(0));
        for turn in 0..42 {
            let document: Vec<Entry> =
                ten().into_iter().enumerate().map(|(number, entry)| change(turn, number, entry)).collect();
            lab.poll(0, hour(24 * turn as u64 + 20), &document);
        }
        let (articles, alerts, sightings) = counts(&mut lab);
        assert_eq!((articles, alerts), (1 + 10, 1), "{what}");
        assert!(sightings <= 2 + 10 * 20, "{what}: {sightings} sightings");
    }
}

#[test]
fn headlines_edited_while_ids_change_are_edits_where_links_stay() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    lab.poll(0, hour(20), &ten());
    let mut revisions = 0;
    for turn in 1..10 {
        let document: Vec<Entry> = ten()
            .into_iter()
            .enumerate()
            .map(|(number, entry)| edited(turn, new_id(turn, number, entry)))
            .collect();
        let settled = lab.poll(0, hour(20 + turn as u64), &document);
        revisions += settled.articles.iter().filter(|event| event.is_revision).count();
    }
    assert_eq!(revisions, 9 * 10);
    assert_eq!(counts(&mut lab).0, 1 + 10);
    assert_eq!(counts(&mut lab).1, 1);
}

#[test]
fn headlines_edited_while_ids_and_links_change_are_new_entries_since_nothing_is_left_of_the_old() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    lab.poll(0, hour(20), &ten());
    let document: Vec<Entry> = ten()
        .into_iter()
        .enumerate()
        .map(|(number, entry)| edited(1, new_link(1, number, new_id(1, number, entry))))
        .collect();
    assert_eq!(lab.poll(0, hour(21), &document).new_count(), 10);
}

#[test]
fn a_site_that_moves_to_another_host_brings_nothing_new() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    let permalinks = |host: &str| -> Vec<Entry> {
        let moved = |(number, entry): (usize, Entry)| {
            let url = format!("https://{host}/{number}");
            Entry { id: Some(url.clone()), url: Some(url), ..entry }
        };
        ten().into_iter().enumerate().map(moved).collect()
    };
    lab.poll(0, hour(20), &permalinks("old.example"));
    // The entries stood there for a month, which is longer than words alone are believed of what is gone.
    lab.poll(0, hour(20 + 24 * 30), &permalinks("old.example"));
    let moved = lab.poll(0, hour(21 + 24 * 30), &permalinks("new.example"));
    assert_eq!((moved.articles.len(), moved.known_count), (0, 10));
    let undated = |entries: Vec<Entry>| -> Vec<Entry> {
        entries.into_iter().map(|entry| Entry { published: None, ..entry }).collect()
    };
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    lab.poll(0, hour(20), &undated(permalinks("old.example")));
    lab.poll(0, hour(20 + 24 * 30), &undated(permalinks("old.example")));
    let moved = lab.poll(0, hour(21 + 24 * 30), &undated(permalinks("new.example")));
    assert_eq!((moved.articles.len(), moved.known_count), (0, 10), "without dates as well");
}

#[test]
fn doubt_is_learned_at_once_shown_and_lost_slowly() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    let trust = |lab: &Lab| lab.reader().trust("https://one.example/feed").unwrap().doubts();
    for turn in 0..2 {
        let document: Vec<Entry> =
            ten().into_iter().enumerate().map(|(number, entry)| new_id(turn, number, entry)).collect();
        lab.poll(0, hour(20 + turn as u64), &document);
    }
    assert!(trust(&lab).ids && !trust(&lab).urls);
    assert_eq!(trust(&lab).to_string(), "its ids change, entries are recognised by link");
    let mut clean = 0;
    while trust(&lab).ids {
        lab.poll(0, hour(30 + clean), &ten());
        clean += 1;
        assert!(clean < 200);
    }
    assert!(clean > 30, "{clean}");
    assert_eq!(trust(&lab).to_string(), "entries are recognised by id");
}

#[test]
fn new_entries_are_no_sign_of_changing_ids() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    for day in 0..30 {
        // A column of the same name every day, and a page that every entry links to.
        let column = Entry {
            summary: Some(format!("Day {day} in brief")),
            ..entry(&format!("m{day}"), "Morning briefing", hour(24 * day))
        };
        let live = Entry {
            url: Some("https://one.example/live".to_owned()),
            ..entry(&format!("l{day}"), &format!("Alert level {day}"), hour(24 * day))
        };
        let settled = lab.poll(0, hour(24 * day + 1), &[column, live]);
        assert_eq!(settled.new_count(), 2, "day {day}");
    }
    assert!(!lab.reader().trust("https://one.example/feed").unwrap().doubts().ids);
}

#[test]
fn entries_whose_articles_were_pruned_stay_known() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    assert_eq!(lab.poll(0, hour(20), &ten()).alerts.len(), 1);
    lab.poll(0, hour(24), &ten()[..3]);
    let connection = rusqlite::Connection::open(lab.writer.path()).unwrap();
    connection.execute("DELETE FROM articles", []).unwrap();
    drop(connection);
    for week in 1..8 {
        let at = hour(24 * 7 * week + 20);
        let back: Vec<Entry> = ten();
        let settled = lab.poll(0, at, &back);
        assert_eq!((settled.articles.len(), settled.alerts.len()), (0, 0), "week {week}");
        let edited: Vec<Entry> = ten()
            .into_iter()
            .map(|entry| Entry { summary: Some("Truce broken again".to_owned()), ..entry })
            .collect();
        let settled = lab.poll(0, hour(24 * 7 * week + 30), &edited);
        assert_eq!((settled.articles.len(), settled.alerts.len()), (0, 0), "week {week}, edited");
        lab.poll(0, hour(24 * 7 * week + 40), &[]);
        lab.poll(0, hour(24 * 7 * week + 41), &ten()[..1]);
    }
    assert_eq!(counts(&mut lab).0, 0);
}

fn sightings_of(lab: &Lab, article: i64) -> i64 {
    let connection = rusqlite::Connection::open(lab.writer.path()).unwrap();
    let sql = "SELECT count(*) FROM sightings WHERE article_id = ?1";
    connection.query_row(sql, [article], |row| row.get(0)).unwrap()
}

#[test]
fn what_stands_in_a_document_is_never_forgotten_and_what_left_is_after_half_a_year() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    let standing = entry("standing", "Opening hours of the harbour office", hour(1));
    let passing = entry("passing", "Ferry cancelled today", hour(1));
    let first = lab.poll(0, hour(2), &[standing.clone(), passing]);
    let (standing_id, passing_id) = (first.articles[0].id.0, first.articles[1].id.0);
    for day in 1..400 {
        let news = entry(&format!("d{day}"), &format!("Report of day {day}"), hour(24 * day));
        let settled = lab.poll(0, hour(24 * day + 2), &[news, standing.clone()]);
        assert_eq!((settled.new_count(), settled.known_count), (1, 1), "day {day}");
        if day == 170 {
            assert_eq!(sightings_of(&lab, passing_id), 1, "kept for half a year");
        }
    }
    assert_eq!(sightings_of(&lab, standing_id), 1);
    assert_eq!(sightings_of(&lab, passing_id), 0);
    let count = counts(&mut lab).2;
    assert!(count < 190, "{count} sightings");
}

#[test]
fn an_entry_seen_in_deltas_alone_is_kept_from_the_last_of_them() {
    use wirewatch::feed::answer::AnswerKind;
    use wirewatch::pipeline::{End, Reading, prepare};
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    let push = |lab: &mut Lab, at: Timestamp, kind, entries: Vec<Entry>| {
        let scored = prepare(entries, &lab.config.feeds[0], &lab.config.topics, at);
        lab.end(0, at, End::Document(Box::new(Reading { kind, scored, ..Reading::default() })))
    };
    let pushed = || vec![entry("p", BREACH, hour(1))];
    assert_eq!(push(&mut lab, hour(1), AnswerKind::Pushed, pushed()).alerts.len(), 1);
    for month in 1..12 {
        let news = vec![entry(&format!("n{month}"), &format!("Report {month}"), hour(720 * month))];
        push(&mut lab, hour(720 * month), AnswerKind::Delta, news);
        let again = push(&mut lab, hour(720 * month + 1), AnswerKind::Delta, pushed());
        assert_eq!((again.new_count(), again.alerts.len()), (0, 0), "month {month}");
    }
}

#[test]
fn dates_keep_what_they_are_worth() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    let named = |id: &str| entry(id, &format!("Headline of {id}"), hour(1));
    let document = [
        named("given"),
        Entry { published: None, ..named("missing") },
        Entry { published: None, published_raw: Some("last Tuesday".to_owned()), ..named("unreadable") },
        Entry { published: Some(hour(9000)), ..named("future") },
    ];
    let settled = lab.poll(0, hour(2), &document);
    let reader = lab.reader();
    for (event, expected) in settled.articles.iter().zip(["given", "missing", "unreadable", "future"]) {
        let article = reader.article(event.id.0).unwrap().unwrap();
        assert_eq!(article.date_quality, expected);
        assert!(article.published.is_none_or(|at| at <= hour(2)), "{expected}");
    }
    drop(reader);
    let moved = [Entry { published: Some(hour(9001)), ..named("future") }];
    assert_eq!(lab.poll(0, hour(3), &moved).known_count, 1);
}

#[test]
fn an_edit_is_a_revision_scored_anew() {
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    let quiet = lab.poll(0, hour(1), &[entry("a", "Truce holds", hour(1))]);
    let told = lab.poll(0, hour(2), &[entry("a", BREACH, hour(1))]);
    assert_eq!((told.new_count(), told.alerts.len()), (0, 1));
    assert_eq!(told.articles[0].id, quiet.articles[0].id);
    assert_eq!(decision(&lab, quiet.articles[0].id.0).0, "alerted");
}

#[tokio::test]
async fn a_relative_link_resolves_and_rotated_etags_bring_nothing_twice() {
    let mut watch = Watch::with(&["http://a.example/news/feed\ninterval = \"1h\""], "").await;
    let turn = AtomicUsize::new(0);
    let port = watch.server.port();
    watch.server.respond("/news/feed", move |_| {
        let turn = turn.fetch_add(1, Ordering::SeqCst);
        // The same link, written in one way or another, and nothing else to go by.
        let link = match turn % 3 {
            0 => "story/1".to_owned(),
            1 => "/news/story/1".to_owned(),
            _ => format!("http://a.example:{port}/news/story/1"),
        };
        let item = format!(
            "<item><title>Calm seas</title><link>{link}</link><description>Part {turn}.</description></item>"
        );
        let document = format!("<rss version=\"2.0\"><channel><title>Scripted</title>{item}</channel></rss>");
        Reply::ok("application/rss+xml", document).header("etag", format!("\"{turn}\"")).conditional()
    });
    watch.until(hour(48)).await;
    assert!(watch.rounds.len() > 40, "{}", watch.rounds.len());
    let new_count: usize = watch.rounds.iter().map(|round| round.settled.new_count()).sum();
    assert_eq!(new_count, 1, "all others are edits of it");
    assert!(watch.rounds.iter().all(|round| round.settled.gap.is_none()));
}

#[test]
fn entries_that_share_a_headline_and_an_id_or_a_link_live_side_by_side() {
    let said = |id: Option<&str>, link: &str, what: &str| Entry {
        id: id.map(str::to_owned),
        url: Some(format!("https://one.example/{link}")),
        summary: Some(what.to_owned()),
        ..entry("any", "Service disruption", hour(10))
    };
    let (north, south) = ("No trains on the northern line.", "No trains on the southern line.");
    let cases: [(&str, [Entry; 2]); 3] = [
        ("no id, one link", [said(None, "status", north), said(None, "status", south)]),
        ("one id, two links", [said(Some("x"), "north", north), said(Some("x"), "south", south)]),
        ("one id, one link", [said(Some("x"), "status", north), said(Some("x"), "status", south)]),
    ];
    for (what, both) in cases {
        let mut lab = Lab::new();
        lab.acquaint(hour(0));
        assert_eq!(lab.poll(0, hour(20), &both).new_count(), 2, "{what}");
        let reversed = [both[1].clone(), both[0].clone()];
        for (hours, document) in
            [(21, &both[..]), (22, &reversed), (23, &both[..1]), (24, &both), (25, &both[1..])]
        {
            let settled = lab.poll(0, hour(hours), document);
            assert_eq!(settled.articles.len(), 0, "{what}: at {hours}, {:?}", settled.articles);
        }
        assert_eq!(counts(&mut lab).0, 1 + 2, "{what}");
    }
}

#[test]
fn one_of_two_entries_under_one_id_is_edited_where_its_link_tells_which() {
    let said = |link: &str, what: &str| Entry {
        url: Some(format!("https://one.example/{link}")),
        summary: Some(what.to_owned()),
        ..entry("x", "Service disruption", hour(10))
    };
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    lab.poll(0, hour(20), &[said("north", "No trains."), said("south", "Few trains.")]);
    let settled = lab.poll(0, hour(21), &[said("north", "Trains run again."), said("south", "Few trains.")]);
    assert_eq!(settled.articles.iter().filter(|event| event.is_revision).count(), 1);
    assert_eq!((settled.new_count(), settled.known_count), (0, 1));
}
