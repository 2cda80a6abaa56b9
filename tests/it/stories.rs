//! Stories and copies: what belongs together, what is another's text, and that a restart changes nothing.
//!
//! Texts are our own. The figures over real news are read from `../shared/data/stories` when it is there.

#![allow(clippy::print_stdout, reason = "figures are printed for people")]

mod rebuilt;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use url::Url;
use wirewatch::article::identity::ArticleId;
use wirewatch::article::{self, Article};
use wirewatch::feed::{Entry, Feed};
use wirewatch::story::{Assignment, Sketch, Stories, StoryId};

use crate::support::desk::{Desk, ROUTE, data_beside, shipped};

/// The memory of stories without a database: numbers are dealt out as the store would.
#[derive(Default)]
struct Reel {
    stories: Stories,
    article_count: i64,
    story_count: i64,
    /// Story and original of each article told, by number from 1.
    told: Vec<(i64, Option<i64>)>,
}

impl Reel {
    /// Tells an article so many hours in, of a publisher; its story and what it copies.
    fn tell(&mut self, hours: f64, publisher: &str, title: &str, summary: &str) -> (i64, Option<i64>) {
        self.take(&written(hours, publisher, title, summary))
    }

    fn take(&mut self, article: &Article) -> (i64, Option<i64>) {
        let sketch = Sketch::of(article);
        self.stories.advance(article.seen_at);
        let placement = self.stories.assign(&sketch, article.seen_at);
        let (story, copy_of) = match placement.assignment {
            Assignment::Opens { copy_of } => {
                self.story_count += 1;
                (StoryId(self.story_count), copy_of)
            }
            Assignment::Joins { story, copy_of } => (story, copy_of),
        };
        self.article_count += 1;
        self.stories.add(placement, &sketch, ArticleId(self.article_count), story);
        self.told.push((story.0, copy_of.map(|id| id.0)));
        (story.0, copy_of.map(|id| id.0))
    }
}

fn written(hours: f64, publisher: &str, title: &str, summary: &str) -> Article {
    let mut feed = Feed::new(Url::parse(&format!("https://{publisher}/feed")).unwrap());
    feed.publisher = Some(publisher.to_owned());
    let entry = Entry { title: title.to_owned(), summary: Some(summary.to_owned()), ..Entry::default() };
    let at = "2026-03-01T06:00:00Z".parse::<Timestamp>().unwrap();
    article::normalize(&entry, &feed, at + SignedDuration::from_secs_f64(hours * 3600.0))
}

const WIRE: &str = "At least 14 people were killed when a passenger ferry capsized in heavy swell off the \
    island of Lamara on Tuesday, the coast guard said, as divers searched the hull for survivors.";

#[test]
fn a_wire_text_is_a_copy_under_any_headline() {
    let mut reel = Reel::default();
    let first = reel.tell(0.0, "wire.example", "Fourteen die as ferry capsizes off Lamara", WIRE);
    let renamed = reel.tell(2.0, "daily.example", "Tragedy at sea: rescuers search sunken ship", WIRE);
    assert_eq!((first, renamed), ((1, None), (1, Some(1))));
    // Another's first paragraph, with a line of its own behind it.
    let longer = format!("{WIRE} Our correspondent reports from the harbour, where families wait for news.");
    assert_eq!(reel.tell(3.0, "post.example", "Ferry disaster off Lamara", &longer), (1, Some(1)));
    // A copy of a copy is a copy of the original.
    assert_eq!(reel.tell(4.0, "evening.example", "Lamara ferry sinks", &longer).1, Some(1));
}

#[test]
fn a_headline_alone_is_no_copy_where_the_texts_differ() {
    let mut reel = Reel::default();
    let title = "Parliament of Ostrovia votes on the budget tonight";
    reel.tell(
        0.0,
        "one.example",
        title,
        "Members of parliament decide whether to cut fuel subsidies after a week of strikes in the capital.",
    );
    let other = reel.tell(
        1.0,
        "two.example",
        title,
        "The finance minister defended her spending plan before a crowded chamber and warned of bankruptcy.",
    );
    assert_eq!(other, (1, None), "one event, told in words of their own");
    // What a publisher puts under every headline is no news.
    let notice =
        "This article is for subscribers of the paper and its partners; sign in or subscribe to read on.";
    reel.tell(1.2, "five.example", "Orchard owners fear late frost", notice);
    assert_eq!(reel.tell(1.4, "six.example", "Minister resigns over dam contract", notice).1, None);
    // Where there is no other text, the headline is the text.
    assert_eq!(reel.tell(2.0, "three.example", title, ""), (1, Some(1)));
    assert_eq!(
        reel.tell(2.5, "four.example", "Budget vote tonight", "").1,
        None,
        "too short to speak for itself"
    );
}

#[test]
fn numbers_that_name_tell_events_apart() {
    let mut reel = Reel::default();
    let title = |day: u32| format!("Hostage talks in Marwan enter day {day}");
    let second = reel.tell(0.0, "one.example", &title(2), "");
    let twenty_first = reel.tell(1.0, "two.example", &title(21), "");
    assert_ne!(second.0, twenty_first.0, "day 2 is not day 21");
    let also_second = reel.tell(2.0, "three.example", "Marwan hostage talks: what we know on day 2", "");
    assert_eq!(also_second.0, second.0);
    // A number that counts does not.
    let killed = |count: u32| format!("Landslide in Tarigo kills {count} people");
    let first = reel.tell(3.0, "one.example", &killed(26), "");
    assert_eq!(reel.tell(4.0, "two.example", &killed(31), "").0, first.0, "the toll rises");
}

#[test]
fn a_publishers_daily_series_is_not_one_story() {
    let mut reel = Reel::default();
    let events = [
        ("Senate passes farm bill", "Lawmakers agreed on crop insurance after months of dispute."),
        ("Volcano closes airport", "Ash from Mount Terel grounded all flights in the north."),
        ("Striking nurses win rise", "Hospitals will pay twelve percent more from January."),
        ("Bridge opens in Kelmar", "The new crossing halves the way to the port."),
        ("Court frees opposition leader", "Judges found no evidence for charges of treason."),
        ("Drought empties reservoirs", "Engineers ration water in four provinces."),
    ];
    let mut series = BTreeSet::new();
    for (day, (event, text)) in events.iter().enumerate() {
        let title = format!("Your evening briefing today: {event}");
        series.insert(reel.tell(24.0 * day as f64, "brief.example", &title, text).0);
    }
    assert_eq!(series.len(), events.len(), "the opening words bind nothing together");
}

#[test]
fn one_bridge_does_not_chain_two_events() {
    let mut reel = Reel::default();
    let publisher = |number: usize| format!("p{number}.example");
    let quake = [
        "Strong earthquake shakes Velina, dozens trapped",
        "Velina earthquake: dozens trapped under rubble",
        "Rescuers dig for trapped after Velina earthquake",
        "Earthquake in Velina leaves dozens trapped in rubble",
        "Velina earthquake rescuers find survivors in rubble",
        "Hospitals in Velina overwhelmed after strong earthquake",
    ];
    let first = reel.tell(0.0, &publisher(0), quake[0], "").0;
    for (number, title) in quake.iter().enumerate().skip(1) {
        assert_eq!(reel.tell(0.1 * number as f64, &publisher(number), title, "").0, first, "{title}");
    }
    let bridge =
        reel.tell(1.0, "bridge.example", "Velina earthquake hospitals ask Ostrovia for cholera vaccine", "");
    assert_eq!(bridge.0, first);
    let cholera =
        reel.tell(2.0, "far.example", "Ostrovia orders cholera vaccine after outbreak in camps", "");
    assert_ne!(cholera.0, first, "it has two words in common with one article of seven");
}

#[test]
fn two_short_headlines_with_one_word_in_common_are_two_events() {
    let mut reel = Reel::default();
    let truce = reel.tell(0.0, "one.example", "Truce broken within hours as shells fall", "");
    assert_ne!(reel.tell(1.0, "two.example", "Truce shattered in the second town", "").0, truce.0);
    let chad = reel.tell(2.0, "one.example", "Harvest lost in Chad after weeks without rain", "");
    let somalia = reel.tell(3.0, "two.example", "Harvest lost in Somalia as wells run dry", "");
    assert_ne!(chad.0, somalia.0, "the same happens in two countries");
}

#[test]
fn other_languages_are_told_apart_and_together() {
    let mut reel = Reel::default();
    let first = reel.tell(0.0, "one.example", "انهيار الهدنة في الفاشر بعد قصف عنيف على المستشفى", "");
    let second = reel.tell(1.0, "two.example", "قصف عنيف على مستشفى الفاشر ينهي الهدنة", "");
    assert_eq!(first.0, second.0, "one event in Arabic");
    let other = reel.tell(2.0, "three.example", "افتتاح معرض الكتاب في القاهرة بمشاركة مئات الناشرين", "");
    assert_ne!(other.0, first.0);
    let first = reel.tell(3.0, "four.example", "В Каменске обрушился мост через реку, есть погибшие", "");
    let second = reel.tell(4.0, "five.example", "Обрушение моста в Каменске: число погибших растёт", "");
    assert_eq!(first.0, second.0, "one event in Russian");
    let other = reel.tell(5.0, "six.example", "В Каменске открылась выставка народных ремёсел", "");
    assert_ne!(other.0, first.0, "one town, another event");
    let first = reel.tell(6.0, "seven.example", "北部の町で地震、建物が倒壊し住民が避難", "");
    assert_eq!(
        reel.tell(7.0, "eight.example", "北部で地震 建物倒壊、住民避難", "").0,
        first.0,
        "in Japanese"
    );
}

#[test]
fn a_story_ends_with_its_window() {
    let title = "Dam above Orsk bursts after days of rain";
    let text =
        "The reservoir emptied into the valley before dawn and washed away three villages, officials said.";
    let again = |hours: f64| {
        let mut reel = Reel::default();
        let first = reel.tell(0.0, "one.example", title, text);
        let later = reel.tell(hours, "two.example", title, text);
        (later.0 == first.0, later.1.is_some())
    };
    assert_eq!(again(71.9), (true, true));
    assert_eq!(again(72.1), (false, false), "what nobody told of for three days is over");
    // What is told of all the time is told anew after four days.
    let mut reel = Reel::default();
    let stories: BTreeSet<i64> = (0..=12)
        .map(|step| reel.tell(12.0 * f64::from(step), &format!("p{step}.example"), title, "").0)
        .collect();
    assert_eq!(stories.len(), 2);
}

#[test]
fn what_is_remembered_is_bounded_by_the_window() {
    let mut reel = Reel::default();
    let mut most = 0;
    for number in 0..6_000_u32 {
        // A hundred a day for sixty days.
        let word = |salt: u32| format!("w{:x}", (number * 31 + salt).wrapping_mul(0x9e37_79b9) >> 12);
        let title = format!("{} {} {} {} {}", word(1), word(2), word(3), word(4), word(5));
        reel.tell(0.24 * f64::from(number), &format!("p{}.example", number % 40), &title, &word(6));
        most = most.max(reel.stories.size().stories);
    }
    let size = reel.stories.size();
    assert!(size.texts <= 301 && most <= 401, "{size:?}, {most} stories at most");
    assert!(size.terms <= 6 * 330, "{size:?}");
}

#[test]
fn equal_articles_make_equal_stories() {
    let run = || {
        let mut reel = Reel::default();
        let words =
            ["storm", "harbour", "minister", "strike", "ferry", "drought", "border", "vaccine", "bridge"];
        for number in 0..400_usize {
            let word = |salt: usize| words[(number * (salt + 3) / 5 + salt * number % 7) % words.len()];
            let title = format!("{} {} {} near Place{}", word(1), word(2), word(3), number % 23);
            reel.tell(0.3 * number as f64, &format!("p{}.example", number % 11), &title, "");
        }
        reel.told
    };
    // Tables are filled under other seeds each time.
    assert_eq!(run(), run());
}

#[test]
fn grouped_publishers_are_one_publisher() {
    let main = format!("[[publisher]]\nname = \"daily.example\"\nalso = [\"daily-online.example\"]\n{ROUTE}");
    let desk = Desk::new(&main);
    let line = |id: &str, host: &str, minute: u32| {
        format!(
            "{{\"id\":\"{id}\",\"feed\":\"https://{host}/feed\",\"url\":\"https://www.{host}/{id}\",\"title\":\"Ferry capsizes off Lamara\",\
             \"summary\":\"{WIRE}\",\"seen\":\"2026-03-01T06:{minute:02}:00Z\"}}\n"
        )
    };
    let entries = [line("a", "daily.example", 0), line("b", "daily-online.example", 5)].concat();
    let file = desk.file("grouped.jsonl", entries);
    let ran = desk.run(&["replay", "--json", file.to_str().unwrap()]).expect(0).json();
    let publishers: Vec<_> = ran.iter().filter_map(|line| line["publisher"].as_str()).collect();
    assert_eq!(publishers, ["daily.example", "daily.example"]);

    let twice = "[[publisher]]\nname = \"a.example\"\nalso = [\"b.example\"]\n\
        [[publisher]]\nname = \"c.example\"\nalso = [\"B.example\", \"www.bbc.co.uk\"]\n";
    let desk = Desk::new(&format!("{twice}{ROUTE}"));
    let said = desk.run(&["check"]).expect(2).err;
    assert!(said.contains("`B.example` is in publisher[1] already"), "{said}");
    assert!(said.contains("write \"bbc.co.uk\""), "{said}");
}

/// BCubed precision and recall (Bagga and Baldwin 1998) of `found` against `gold`, both from item to group.
fn bcubed<T: Ord>(gold: &BTreeMap<String, String>, found: &BTreeMap<String, T>) -> (f64, f64) {
    let (mut precision, mut recall, mut count) = (0.0, 0.0, 0.0);
    for (item, story) in found {
        let together: Vec<&String> =
            found.iter().filter(|(_, other)| *other == story).map(|(id, _)| id).collect();
        let right = together.iter().filter(|other| gold.get(**other) == gold.get(item)).count() as f64;
        let all = found.keys().filter(|other| gold.get(*other) == gold.get(item)).count() as f64;
        precision += right / together.len() as f64;
        recall += right / all;
        count += 1.0;
    }
    (precision / count, recall / count)
}

#[test]
fn stories_of_two_days_of_news_are_found() {
    let Some(path) = data_beside("stories/dev.jsonl") else { return };
    let text = std::fs::read_to_string(&path).unwrap();
    let (mut gold, mut gold_copies) = (BTreeMap::new(), BTreeSet::new());
    for line in text.lines() {
        let item: serde_json::Value = serde_json::from_str(line).unwrap();
        let id = item["id"].as_str().unwrap().to_owned();
        gold.insert(id.clone(), item["story"].as_str().unwrap().to_owned());
        if item["copy_of"].is_string() {
            gold_copies.insert(id);
        }
    }
    let desk = Desk::new(ROUTE);
    let ran = desk.run(&["replay", "--json", path.to_str().unwrap()]).expect(0);
    let (mut found, mut copies) = (BTreeMap::new(), BTreeSet::new());
    for line in ran.json().iter().filter(|line| line["type"] == "article") {
        let id = line["id"].as_str().unwrap().to_owned();
        found.insert(id.clone(), line["story"].as_i64().unwrap());
        if line["copy_of"].is_string() {
            copies.insert(id);
        }
    }
    assert_eq!(found.len(), gold.len());
    let (precision, recall) = bcubed(&gold, &found);
    let f1 = 2.0 * precision * recall / (precision + recall);
    let right = copies.intersection(&gold_copies).count() as f64;
    let (copy_precision, copy_recall) = (right / copies.len() as f64, right / gold_copies.len() as f64);
    println!("BCubed {precision:.3} {recall:.3} {f1:.3}; copies {copy_precision:.3} {copy_recall:.3}");
    assert!(f1 >= 0.85, "BCubed precision {precision:.3}, recall {recall:.3}, F1 {f1:.3}");
    assert!(copy_precision >= 0.9 && copy_recall >= 0.9, "copies: {copy_precision:.3}, {copy_recall:.3}");
}

#[test]
fn bcubed_counts_as_it_is_defined() {
    let group = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(item, group)| ((*item).to_owned(), (*group).to_owned()))
            .collect::<BTreeMap<_, _>>()
    };
    let gold = group(&[("a", "1"), ("b", "1"), ("c", "2")]);
    assert_eq!(bcubed(&gold, &gold), (1.0, 1.0));
    let (precision, recall) = bcubed(&gold, &group(&[("a", "x"), ("b", "x"), ("c", "x")]));
    assert!((precision - 5.0 / 9.0).abs() < 1e-9 && (recall - 1.0).abs() < 1e-9);
}

#[test]
fn shipped_publishers_are_grouped() {
    let text = std::fs::read_to_string(shipped("wirewatch.toml")).unwrap();
    assert!(text.contains("[[publisher]]"));
}
