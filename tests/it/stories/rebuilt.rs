//! The memory of stories read back from the database: after a restart, and after a transaction that failed.

use jiff::Timestamp;
use wirewatch::feed::Entry;
use wirewatch::pipeline::{self, Asked, End, Poll, Reading};
use wirewatch::store::StoreError;

use crate::support::desk::data_beside;
use crate::support::lab::{Lab, hour};

/// What is compared: story and original of each article.
type Told = Vec<(i64, Option<i64>)>;

/// Entries in time order, with the time each is seen.
fn recorded() -> Vec<(Timestamp, Entry)> {
    if let Some(path) = data_beside("stories/dev.jsonl") {
        let text = std::fs::read_to_string(path).unwrap();
        return text.lines().map(recorded_entry).collect();
    }
    let places = ["Velina", "Orsk", "Lamara", "Tarigo"];
    let acts =
        ["earthquake traps dozens", "ferry capsizes", "dam bursts", "hospital shelled", "bridge collapses"];
    let entry = |number: usize| {
        let title = format!("{} in {}, rescuers search", acts[number * 3 % 5], places[number * 7 % 4]);
        let url = Some(format!("https://p{}.example/{number}", number % 9));
        (hour(number as u64 / 2), Entry { id: Some(number.to_string()), url, title, ..Entry::default() })
    };
    (0..300).map(entry).collect()
}

fn recorded_entry(line: &str) -> (Timestamp, Entry) {
    let item: serde_json::Value = serde_json::from_str(line).unwrap();
    let text = |key: &str| item[key].as_str().map(str::to_owned);
    let title = text("title").unwrap();
    let entry =
        Entry { id: text("id"), url: text("url"), title, summary: text("summary"), ..Entry::default() };
    (text("seen").unwrap().parse().unwrap(), entry)
}

/// Plays the entries; `between` is done before each of them.
fn play(entries: &[(Timestamp, Entry)], mut between: impl FnMut(&mut Lab, usize)) -> Told {
    let mut lab = Lab::new();
    let mut told = Told::new();
    for (index, (at, entry)) in entries.iter().enumerate() {
        between(&mut lab, index);
        let settled = lab.poll(0, *at, std::slice::from_ref(entry));
        told.extend(settled.articles.iter().map(|event| (event.story.0, event.copy_of.map(|id| id.0))));
    }
    told
}

#[test]
fn a_restart_changes_no_story() {
    let entries = recorded();
    let whole = play(&entries, |_, _| {});
    let often = play(&entries, |lab, index| {
        if index % 7 == 3 {
            lab.restart();
        }
    });
    assert_eq!(whole, often);
    assert!(
        whole.iter().any(|(_, copy)| copy.is_some()) || whole.len() == 300,
        "there are copies among them"
    );
}

#[test]
fn a_transaction_that_fails_leaves_no_trace() {
    let entries: Vec<_> = recorded().into_iter().take(120).collect();
    let whole = play(&entries, |_, _| {});
    let others = &entries[60..];
    let failing = play(&entries, |lab, index| {
        // Something is settled, and never committed.
        let (at, _) = entries[index];
        let (_, entry) = &others[index % others.len()];
        let feed = lab.config.feeds[1].clone();
        let scored = pipeline::prepare(vec![entry.clone()], &feed, &lab.config.topics, at);
        let tx = lab.writer.begin().unwrap();
        let id = tx.feed(&feed).unwrap().id;
        let end = End::Document(Box::new(Reading { scored, ..Reading::default() }));
        let poll = Poll { feed: id, started_at: at, asked: Asked::default(), end };
        pipeline::settle(&tx, &mut lab.stories, &lab.config, &feed, &poll, at).unwrap();
        drop(tx);
    });
    assert_eq!(whole, failing);
}

#[test]
fn what_was_rolled_back_is_not_believed_when_another_transaction_commits() {
    let entry = |id: &str, title: &str| Entry {
        id: Some(id.to_owned()),
        url: Some(format!("https://{id}.example/news")),
        title: title.to_owned(),
        ..Entry::default()
    };
    let ferry = entry("a", "Passenger ferry capsizes off Port Sudan, divers search the hull");
    let dam = entry("b", "Dam bursts above Derna in Libya, whole quarters washed away");
    let mut lab = Lab::new();
    lab.acquaint(hour(0));
    let (config, feed) = (lab.config.clone(), lab.config.feeds[0].clone());
    // The disk is full while the ferry is settled.
    let scored = pipeline::prepare(vec![ferry.clone()], &feed, &config.topics, hour(1));
    let failed = lab.writer.settling(&mut lab.stories, |tx, stories| {
        let end = End::Document(Box::new(Reading { scored, ..Reading::default() }));
        let poll = Poll { feed: tx.feed(&feed)?.id, started_at: hour(1), asked: Asked::default(), end };
        pipeline::settle(tx, stories, &config, &feed, &poll, hour(1))?;
        Err::<(), _>(StoreError::Unreadable("the disk is full"))
    });
    assert!(failed.is_err());
    // A poll that brings nothing commits; then another event comes, and then the ferry again.
    lab.poll(1, hour(2), &[]);
    let first = lab.poll(1, hour(3), &[dam]).articles[0].story;
    let again = lab.poll(0, hour(4), &[ferry]).articles;
    assert_ne!(again[0].story, first, "two events are two stories");
    assert!(!again[0].is_copy, "and none is a copy of the other");
}

#[test]
fn a_story_is_shown_with_its_publishers_copies_and_places() {
    let mut lab = Lab::new();
    let entry = |id: &str, host: &str, title: &str, text: &str| Entry {
        id: Some(id.to_owned()),
        url: Some(format!("https://{host}/{id}")),
        title: title.to_owned(),
        summary: Some(text.to_owned()),
        ..Entry::default()
    };
    let wire = "At least 14 people were killed when a passenger ferry capsized in heavy swell off Port Sudan in \
        Sudan on Tuesday, the coast guard said, as divers searched the hull for survivors.";
    let told = [
        entry("a", "post.example", "Ferry disaster off Port Sudan", ""),
        entry("b", "wire.example", "Passenger ferry capsizes off Port Sudan, killing 14", wire),
        entry("c", "daily.example", "Divers search for survivors as ship goes down", wire),
    ];
    let mut stories = Vec::new();
    for (at, entry) in told.iter().enumerate() {
        let settled = lab.poll(0, hour(at as u64), std::slice::from_ref(entry));
        stories.push(settled.articles[0].story.0);
    }
    assert_eq!(stories, [stories[0]; 3]);
    let story = lab.reader().story(stories[0]).unwrap().unwrap();
    assert_eq!((story.articles, story.copies), (3, 1));
    assert_eq!(story.publishers, ["post.example", "wire.example"], "a copy confirms nothing");
    assert_eq!((story.first_seen, story.last_seen), (hour(0), hour(2)));
    assert_eq!(story.places[0], "SD");
    assert_eq!(story.title, "Passenger ferry capsizes off Port Sudan, killing 14", "central, and no copy's");
    // An edit of the headline is an edit of the title.
    let edited =
        Entry { title: "Passenger ferry capsizes off Port Sudan, killing 17".to_owned(), ..told[1].clone() };
    lab.poll(0, hour(3), &[edited]);
    let reader = lab.reader();
    assert_eq!(
        reader.story(stories[0]).unwrap().unwrap().title,
        "Passenger ferry capsizes off Port Sudan, killing 17"
    );
    let members = reader.story_members(stories[0]).unwrap();
    assert_eq!(
        members.iter().map(|member| member.copy_of.is_some()).collect::<Vec<_>>(),
        [false, false, true]
    );
    assert!(reader.story(999).unwrap().is_none());
}
