//! `replay` as a laboratory: two configurations beside each other, the archive again, thresholds for a budget, the chart.

use std::fs;

use serde_json::Value;

use super::super::support::desk::{Desk, FAST, ROUTE, feed, item};
use super::super::support::http;

/// A topic whose three signals score differently, and whose incidents close within the hour: every article alerts.
const TOPIC: &str = r#"
id = "broken-truce"
name = "Broken truce"
description = "A truce is broken."
severity = "critical"
[[signal]]
name = "a truce is broken"
when = "truce NEAR/6 broken"
weight = 80
[[signal]]
name = "a truce is strained"
when = "truce NEAR/6 strained"
weight = 55
[[signal]]
name = "a truce is doubted"
when = "truce NEAR/6 doubted"
weight = 45
[alert]
threshold = 0.30
update_every = "1h"
close_after = "1h"
"#;

/// A desk with that topic alone, its settings changed.
pub(super) fn desk(changes: &[(&str, &str)]) -> Desk {
    let desk = Desk::new(ROUTE);
    fs::remove_dir_all(desk.path("config/topics")).unwrap();
    desk.write("topics/broken-truce.toml", &changed(TOPIC, changes));
    desk.feeds(["https://one.example/feed"]);
    desk
}

fn changed(text: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    })
}

/// A second configuration of a desk.
pub(super) fn beside(desk: &Desk, changes: &[(&str, &str)], more: &[(&str, &str)]) -> String {
    let dir = desk.path("next");
    fs::create_dir_all(dir.join("topics")).unwrap();
    fs::write(dir.join("wirewatch.toml"), format!("data_dir = \"../data\"\n{ROUTE}")).unwrap();
    fs::write(dir.join("feeds.toml"), "").unwrap();
    fs::write(dir.join("topics/broken-truce.toml"), changed(TOPIC, changes)).unwrap();
    for (name, text) in more {
        fs::write(dir.join("topics").join(name), text).unwrap();
    }
    dir.to_str().unwrap().to_owned()
}

pub(super) fn entry(id: &str, host: &str, seen: &str, title: &str) -> String {
    format!(
        "{{\"id\": \"{id}\", \"feed\": \"https://{host}/feed\", \"url\": \"https://{host}/{id}\", \"title\": \"{title}\", \
         \"published\": \"{seen}\", \"seen\": \"{seen}\"}}\n"
    )
}

/// Four days, every three hours something: broken, strained and doubted truces in turn, and quiet news. Which of them share a story
/// depends on all that came.
pub(super) fn stream() -> String {
    let titles = ["Truce broken", "Truce strained", "Truce doubted", "Apple harvest"];
    let towns = ["Arlen", "Bosra", "Cadiz", "Dorvan", "Elmar", "Farim", "Gorlitz", "Hamra"];
    let ways =
        ["after shots at the ferry", "as herders seize wells", "over customs posts", "while envoys travel"];
    (0..32)
        .map(|step| {
            let at = format!("2026-03-{:02}T{:02}:00:00Z", 1 + step / 8, step % 8 * 3);
            let title =
                format!("{} in {} {}", titles[step % 4], towns[step / 4], ways[(step + step / 4) % 4]);
            entry(&format!("e{step}"), "one.example", &at, &title)
        })
        .collect()
}

pub(super) fn of<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["type"] == kind).collect()
}

#[test]
fn two_configurations_are_compared_on_one_input() {
    let desk = desk(&[
        ("update_every = \"1h\"", "update_every = \"6h\""),
        ("close_after = \"1h\"", "close_after = \"48h\""),
    ]);
    let market =
        TOPIC.replace("broken-truce", "harvest").replace("truce NEAR/6 broken", "apple NEAR/6 harvest");
    let next = beside(
        &desk,
        &[
            ("update_every = \"1h\"", "update_every = \"6h\""),
            ("close_after = \"1h\"", "close_after = \"48h\"\npublishers = 2"),
        ],
        &[("harvest.toml", &market)],
    );
    let input = [
        entry("first", "one.example", "2026-03-01T09:00:00Z", "Truce broken in the northern valley"),
        entry(
            "second",
            "two.example",
            "2026-03-01T10:00:00Z",
            "Guards call the truce broken after a night of shelling",
        ),
        entry("fruit", "two.example", "2026-03-01T11:00:00Z", "Apple harvest is late this year"),
        entry("end", "one.example", "2026-03-02T09:00:00Z", "Calm seas in the harbour today"),
    ]
    .concat();
    let file = desk.file("march.jsonl", input);
    let file = file.to_str().unwrap();
    let ran = desk.run(&["replay", "--json", "--compare", &next, file]).expect(0);
    let lines = ran.json();
    let differences: Vec<(String, String, Value)> = of(&lines, "difference")
        .iter()
        .map(|line| {
            let word = |key: &str| line[key].as_str().unwrap().to_owned();
            (word("in"), word("topic"), line["later_seconds"].clone())
        })
        .collect();
    let broken = "broken-truce".to_owned();
    assert_eq!(
        differences,
        [
            ("both".to_owned(), broken.clone(), 3600.into()),
            ("b".to_owned(), "harvest".to_owned(), Value::Null),
            ("a".to_owned(), broken, Value::Null),
        ],
        "{}",
        ran.out
    );
    let found = of(&lines, "difference");
    assert_eq!(found[0]["a"]["articles"][0], "first");
    assert_eq!(found[0]["b"]["publishers"], 2);
    assert_eq!(found[2]["a"]["kind"], "update");
    let comparison = lines.last().unwrap();
    assert_eq!(comparison["type"], "comparison");
    for (key, count) in [("only_a", 1), ("only_b", 1), ("moved", 1), ("same", 0)] {
        assert_eq!(comparison[key], count, "{key}: {comparison}");
    }
    assert_eq!(comparison["a"]["summary"]["alerts"], 2, "{comparison}");
    assert_eq!(comparison["per_topic"]["harvest"]["a"], Value::Null, "{comparison}");
    assert_eq!(comparison["per_topic"]["broken-truce"]["b"]["alerts"], 1, "{comparison}");
    // Each side is what it is alone.
    let alone = desk.run(&["--config", &next, "replay", "--json", file]).expect(0).json();
    assert_eq!(alone.last().unwrap(), &comparison["b"]["summary"]);
    let text = desk.run(&["replay", "--compare", &next, file]).expect(0).out;
    for words in
        ["only in A: 1", "only in B: 1", "in both, at another time: 1", "1h later in B", "same time: 0"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    // A configuration beside itself differs in nothing.
    let config = desk.config();
    let same = desk.run(&["replay", "--json", "--compare", config.to_str().unwrap(), file]).expect(0).json();
    assert_eq!(same.len(), 1, "{same:?}");
    assert_eq!(same[0]["same"], 2);
    desk.run(&["replay", "--compare", "nowhere", file]).expect(2);
    desk.run(&["replay", "--compare", &next, "--budget", "4", file]).expect(2);
}

#[test]
fn the_advised_threshold_keeps_to_the_budget_and_the_next_lower_does_not() {
    let desk = desk(&[]);
    let file = desk.file("march.jsonl", stream());
    let file = file.to_str().unwrap();
    let days = |lines: &[Value]| lines.last().unwrap()["days"].as_f64().unwrap();
    let alerts = |lines: &[Value]| lines.last().unwrap()["alerts"].as_u64().unwrap();
    let now = desk.run(&["replay", "--json", file]).expect(0).json();
    assert_eq!(alerts(&now), 24, "each of them alerts");
    for budget in [1.0, 3.0, 5.0] {
        let ran = desk.run(&["replay", "--json", "--budget", &budget.to_string(), file]).expect(0).json();
        let advice = of(&ran, "advice");
        assert_eq!(advice.len(), 1);
        assert_eq!(
            (&advice[0]["topic"], &advice[0]["now"]["threshold"]),
            (&"broken-truce".into(), &0.3.into())
        );
        let most = budget * days(&ran);
        let advised = advice[0]["alone"]["threshold"].as_f64().unwrap();
        assert_eq!(advice[0]["together"]["threshold"], advised, "one topic has the whole budget");
        let with = |threshold: f64| {
            let threshold = format!("threshold = {threshold:.2}");
            desk.write("topics/broken-truce.toml", &changed(TOPIC, &[("threshold = 0.30", &threshold)]));
            alerts(&desk.run(&["replay", "--json", file]).expect(0).json()) as f64
        };
        let kept = with(advised);
        assert!(kept <= most, "{budget} a day: {advised} gives {kept}");
        let promised = advice[0]["alone"]["mails_per_day"].as_f64().unwrap();
        assert!((promised - kept / days(&ran)).abs() < 0.001, "{promised} promised, {kept} came");
        assert!(
            with(advised - 0.01) > most,
            "{budget} a day: a lower threshold than {advised} would do, too"
        );
        desk.write("topics/broken-truce.toml", TOPIC);
    }
    let text = desk.run(&["replay", "--budget", "3", file]).expect(0).out;
    assert!(text.contains("thresholds for 3 mails a day") && text.contains("together"), "{text}");
    for wrong in ["0", "-1", "many", "NaN"] {
        assert!(desk.run(&["replay", "--budget", wrong, file]).code == Some(2), "{wrong}");
    }
}

#[test]
fn advice_counts_the_mails_that_come_of_it_held_updates_too() {
    let desk = desk(&[
        ("update_every = \"1h\"", "update_every = \"6h\""),
        ("close_after = \"1h\"", "close_after = \"48h\""),
    ]);
    let quiet = TOPIC.replace("broken-truce", "harvest").replace("truce NEAR/6", "apple NEAR/6");
    desk.write("topics/harvest.toml", &quiet);
    let more = entry("fruit", "two.example", "2026-03-04T22:00:00Z", "Apple carts broken in the old town")
        + &entry("end", "two.example", "2026-03-05T12:00:00Z", "Calm seas in the harbour today");
    let file = desk.file("march.jsonl", stream() + &more);
    let file = file.to_str().unwrap();
    let real = desk.run(&["replay", "--json", file]).expect(0).json();
    let summary = real.last().unwrap();
    assert_eq!(summary["per_topic"]["harvest"]["alerts"], 1, "{summary}");
    let ran = desk.run(&["replay", "--json", "--budget", "1.5", file]).expect(0).json();
    let advice = of(&ran, "advice");
    for one in &advice {
        let came = &summary["per_topic"][one["topic"].as_str().unwrap()]["alerts_per_day"];
        let promised = one["now"]["mails_per_day"].as_f64().unwrap();
        assert!((promised - came.as_f64().unwrap()).abs() < 0.001, "{one}: {came} came");
    }
    // The quiet topic keeps its threshold, the busy one gives way, and what both give is what was promised.
    let together = |place: usize| advice[place]["together"]["threshold"].as_f64().unwrap();
    assert_eq!((advice[1]["topic"].as_str(), together(1)), (Some("harvest"), 0.3));
    assert!(together(0) > 0.3, "{}", advice[0]);
    let threshold = format!("threshold = {:.2}", together(0));
    let changes = [
        ("update_every = \"1h\"", "update_every = \"6h\""),
        ("close_after = \"1h\"", "close_after = \"48h\""),
        ("threshold = 0.30", &threshold),
    ];
    desk.write("topics/broken-truce.toml", &changed(TOPIC, &changes));
    let kept = desk.run(&["replay", "--json", file]).expect(0).json();
    let (alerts, days) =
        (kept.last().unwrap()["alerts"].as_f64().unwrap(), summary["days"].as_f64().unwrap());
    assert!(
        alerts <= 1.5 * days && summary["alerts"].as_f64().unwrap() > 1.5 * days,
        "{alerts} in {days} days"
    );
}

#[test]
fn labels_say_how_many_alerts_were_right() {
    let desk = desk(&[]);
    let file = desk.file("march.jsonl", stream());
    let label = |step: usize, grade: &str| {
        format!("{{\"id\": \"e{step}\", \"title\": \"x\", \"labels\": {{{grade}}}}}\n")
    };
    // Broken ones are right, strained ones wrong (not named is 0), doubted ones arguable.
    let labels: String = (0..32)
        .map(|step| match step % 4 {
            0 => label(step, "\"broken-truce\": 2"),
            1 => label(step, ""),
            _ => label(step, "\"broken-truce\": 1"),
        })
        .collect();
    let labels = desk.file("labels.jsonl", labels);
    let args = ["--labels", labels.to_str().unwrap(), file.to_str().unwrap()];
    let ran = desk.run(&[&["replay", "--json", "--budget", "3"], &args[..]].concat()).expect(0).json();
    let precision = of(&ran, "precision");
    assert_eq!((&precision[0]["right"], &precision[0]["wrong"]), (&8.into(), &8.into()), "{precision:?}");
    let alone = &of(&ran, "advice")[0]["alone"];
    assert_eq!(
        (&alone["right"], &alone["wrong"]),
        (&8.into(), &0.into()),
        "only the right ones are left: {alone}"
    );
    let text = desk.run(&[&["replay", "--budget", "3"], &args[..]].concat()).expect(0).out;
    assert!(text.contains("8 of 16 judged right (50 %)"), "{text}");
    let bad =
        desk.file("bad.jsonl", "{\"id\": \"e1\", \"title\": \"x\", \"labels\": {\"broken-truce\": 7}}\n");
    let ran = desk.run(&["replay", "--labels", bad.to_str().unwrap(), file.to_str().unwrap()]).expect(1);
    assert!(ran.err.contains("bad.jsonl:1: ") && ran.err.contains("0, 1 or 2"), "{}", ran.err);
}

#[test]
fn near_misses_are_the_closest_ones_and_say_why() {
    let desk = desk(&[("threshold = 0.30", "threshold = 0.70")]);
    let file = desk.file("march.jsonl", stream());
    let ran = desk.run(&["replay", "--json", "--list=3", file.to_str().unwrap()]).expect(0).json();
    let misses = of(&ran, "near-miss");
    assert_eq!(misses.len(), 3);
    let far = |score: &Value| (score.as_f64().unwrap() - 0.70).abs();
    let told: Vec<&str> = of(&ran, "alert")
        .iter()
        .flat_map(|alert| alert["articles"].as_array().unwrap())
        .map(|id| id.as_str().unwrap())
        .collect();
    let worst = misses.iter().map(|miss| far(&miss["score"])).fold(0.0, f64::max);
    for article in of(&ran, "article") {
        let id = article["id"].as_str().unwrap();
        let is_listed = misses.iter().any(|miss| miss["id"] == id);
        assert!(
            is_listed || told.contains(&id) || far(&article["topics"]["broken-truce"]) >= worst,
            "{article} is closer than what is listed"
        );
    }
    assert_eq!(misses[0]["why"], "below the threshold");
    let text = desk.run(&["replay", "--list", file.to_str().unwrap()]).expect(0).out;
    assert!(text.contains("closest to 0.70, and not told") && text.contains("one.example: Truce"), "{text}");
}

#[test]
fn the_chart_is_plain_in_a_pipe_and_everything_repeats_itself() {
    let desk = desk(&[]);
    let file = desk.file("march.jsonl", stream());
    let file = file.to_str().unwrap();
    let ran = desk.run(&["replay", file]).expect(0);
    assert!(ran.err.is_empty(), "no progress in a pipe: {}", ran.err);
    let mut lines =
        ran.out.lines().skip_while(|line| !line.starts_with("alerts from 2026-03-01 to 2026-03-04"));
    let (head, row) = (lines.next().unwrap(), lines.next().unwrap());
    assert!(head.contains("a column a day"), "{head}");
    assert_eq!(row.split_whitespace().collect::<Vec<_>>(), ["broken-truce", "24", "6666"]);
    assert!(ran.out.contains("2026-03-02  6 alerts: broken-truce 6"), "{}", ran.out);
    assert!(ran.out.is_ascii(), "{}", ran.out);
    let all = ["replay", "--json", "--budget", "2", "--list", file];
    assert_eq!(desk.run(&all).expect(0).out, desk.run(&all).expect(0).out);
    let lines = desk.run(&all).expect(0).json();
    assert_eq!(
        lines.last().unwrap()["type"],
        "summary",
        "the summary is the last line, whatever else is asked for"
    );
    // A long input is folded into the width there is.
    let long: String = (0..120)
        .map(|day| {
            let at = jiff::civil::date(2026, 1, 1) + jiff::Span::new().days(day);
            entry(
                &format!("d{day}"),
                "one.example",
                &format!("{at}T06:00:00Z"),
                &format!("Truce broken in valley {day}"),
            )
        })
        .collect();
    let ran = desk.run_with(&["replay", "-"], long).expect(0);
    assert!(ran.out.contains("a column is 2 days") || ran.out.contains("a column is 3 days"), "{}", ran.out);
    assert!(
        ran.out.lines().filter(|line| line.contains("broken-truce  ")).all(|line| line.len() <= 80),
        "{}",
        ran.out
    );
}

/// A feed's first poll with a fresh alarm, one of yesterday and hostile markup; later two more.
async fn archive() -> (http::Server, Desk) {
    let server = http::Server::start().await;
    let desk = Desk::new(&format!("{FAST}{ROUTE}"));
    fs::remove_dir_all(desk.path("config/topics")).unwrap();
    desk.write(
        "topics/broken-truce.toml",
        &changed(TOPIC, &[("close_after = \"1h\"", "close_after = \"48h\"")]),
    );
    desk.feeds([server.url("/feed")]);
    let first = item(
        "fresh",
        "Truce broken near A &amp; B &lt;west&gt;",
        "&lt;p&gt;One paragraph.&lt;/p&gt;&lt;p&gt;Guns &amp;amp; roses.&lt;/p&gt;",
        0,
    ) + &item("old", "Truce broken in the far east", "Yesterday's news of it.", 30);
    server.set("/feed", feed(&first));
    desk.run(&["run", "--once"]).expect(0);
    server.set(
        "/feed",
        feed(
            &(first
                + &item("late", "Truce broken again, late report says", "It was published a day ago.", 30)),
        ),
    );
    desk.make_due();
    desk.run(&["run", "--once"]).expect(0);
    (server, desk)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_archive_replays_as_it_was_lived_beside_the_daemon() {
    let (_server, desk) = archive().await;
    assert_eq!(desk.count("articles"), 3);
    let decided = |ids: &str| {
        desk.ask::<String>(&format!("SELECT group_concat(decision, ' ') FROM (SELECT decision FROM scores WHERE trips = 1 AND article_id IN ({ids}) ORDER BY article_id)")).unwrap()
    };
    let lived = decided("SELECT id FROM articles");
    assert_eq!(lived.matches("baseline").count(), 1, "{lived}");
    let mut daemon = desk.start();
    daemon.logged("Watching");
    let before = fs::read(desk.database()).unwrap();
    let ran = desk.run(&["replay", "--stored", "--json"]).expect(0).json();
    assert_eq!(fs::read(desk.database()).unwrap(), before, "only read");
    let summary = ran.last().unwrap();
    assert_eq!(summary["articles"], 3, "{summary}");
    assert_eq!(summary["suppressed"]["baseline"], 1, "what was a baseline is one again: {summary}");
    // Texts come through markup and back as they were.
    for article in of(&ran, "article") {
        let id: i64 = article["id"].as_str().unwrap().parse().unwrap();
        let stored: f64 = desk
            .ask(&format!("SELECT score FROM scores WHERE article_id = {id} AND topic = 'broken-truce'"))
            .unwrap();
        assert!(
            (article["topics"]["broken-truce"].as_f64().unwrap() - stored).abs() < 1e-4,
            "{article}: {stored}"
        );
    }
    let told = |lines: &[Value]| -> Vec<Value> {
        of(lines, "alert").iter().flat_map(|alert| alert["articles"].as_array().unwrap().clone()).collect()
    };
    let lived: Vec<Value> = {
        let all = "SELECT group_concat(article_id) FROM (SELECT DISTINCT article_id FROM alert_articles ORDER BY article_id)";
        desk.ask::<String>(all).unwrap().split(',').map(|id| Value::from(id.to_owned())).collect()
    };
    let mut again = told(&ran);
    again.sort_by_key(ToString::to_string);
    again.dedup();
    assert!(!again.is_empty() && again.iter().all(|id| lived.contains(id)), "{again:?} of {lived:?}");
    daemon.stop().expect(0);
    // From a time on at which the feed had long been read: nothing of it is a baseline.
    desk.change(
        "UPDATE articles SET seen_at = seen_at - 172800000000 WHERE id <= 2;
         UPDATE feeds SET first_success_at = first_success_at - 172800000000",
    );
    let ran = desk.run(&["replay", "--stored", "--since", "1d", "--json"]).expect(0).json();
    let summary = ran.last().unwrap();
    assert_eq!((&summary["entries"], &summary["alerts"]), (&1.into(), &1.into()), "{summary}");
    assert_eq!(told(&ran), ["3"]);
    // Labels of the archive count by themselves.
    desk.run(&["articles", "label", "3", "broken-truce", "2"]).expect(0);
    let ran = desk.run(&["replay", "--stored", "--since", "1d", "--json"]).expect(0).json();
    assert_eq!(of(&ran, "precision")[0]["right"], 1, "{ran:?}");
    let later = "2099-01-01";
    assert_eq!(desk.run(&["replay", "--stored", "--since", later, "--json"]).expect(0).json().len(), 1);
    desk.run(&["replay", "--stored", "--since", "soon"]).expect(2);
    desk.run(&["replay", "--stored", "file.jsonl"]).expect(2);
    desk.run(&["replay", "--since", "1d", "file.jsonl"]).expect(2);
}

#[test]
fn without_an_archive_there_is_nothing_to_replay() {
    let desk = Desk::new(ROUTE);
    let fresh = desk.run(&["replay", "--stored"]).expect(1);
    assert!(fresh.err.contains("wirewatch run makes it"), "{}", fresh.err);
}
