//! `score` and `replay`: texts, pages and recorded entries in, JSON out.

use std::io::Write;

use serde_json::Value;

use super::super::support::desk::{Desk, FAST, ROUTE, Ran};
use super::super::support::http::{self, Reply};

const BREACH: &str = "Army violates ceasefire hours after deal";
const PAGE: &str = "<!doctype html><html lang=\"en\"><head><title>Army violates ceasefire hours after deal</title></head>\
    <body><nav>Home Sport Weather</nav><article><h1>Army violates ceasefire hours after deal</h1><p>Shelling was heard \
    in the north on Monday, hours after both sides had signed the truce in the capital, residents said.</p></article></body></html>";

/// The topics of a desk, by id.
const TOPICS: [&str; 2] = ["aid-blockage", "ceasefire-breakdown"];

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// One line of `score --json`, its shape checked.
#[track_caller]
fn scored(ran: &Ran) -> Value {
    let lines = ran.json();
    assert_eq!(lines.len(), 1, "{}", ran.out);
    assert_score_shape(&lines[0]);
    lines[0].clone()
}

#[track_caller]
fn assert_score_shape(line: &Value) {
    assert_eq!(keys(line), ["id", "lang", "places", "topics"]);
    assert_eq!(keys(&line["topics"]), TOPICS, "every topic is present");
    for (_, topic) in line["topics"].as_object().unwrap() {
        assert_eq!(keys(topic), ["score", "trips", "evidence"]);
        let score = topic["score"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&score) && topic["trips"].is_boolean());
        for evidence in topic["evidence"].as_array().unwrap() {
            assert_eq!(keys(evidence), ["signal", "field", "quote", "status", "points"]);
            assert!(
                ["title", "summary", "body"].contains(&evidence["field"].as_str().unwrap()),
                "{evidence}"
            );
            assert!(evidence["points"].is_number());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn score_takes_a_text_a_page_an_address_and_standard_input() {
    let server = http::Server::start().await;
    server.set("/page", Reply::ok("text/html; charset=utf-8", PAGE));
    server.set("/gone", Reply::status(410));
    let desk = Desk::new(FAST);
    let text = format!("{BREACH}\n\nShelling was heard in the north.\n");
    let (plain, page) = (desk.file("article.txt", &text), desk.file("page.html", PAGE));
    let url = server.url("/page").to_string();
    for input in [plain.to_str().unwrap(), page.to_str().unwrap(), &url] {
        let line = scored(&desk.run(&["score", "--json", input]).expect(0));
        let topic = &line["topics"]["ceasefire-breakdown"];
        assert_eq!(topic["trips"], true, "{input}: {line}");
        assert_eq!(topic["evidence"][0]["signal"], "a truce is broken", "{input}");
        assert_eq!(line["topics"]["aid-blockage"]["trips"], false, "{input}");
        assert_eq!(line["lang"], "en", "{input}");
        let ran = desk.run(&["score", input]).expect(0);
        assert!(ran.out.contains("TRIPS") && ran.out.contains("a truce is broken"), "{input}: {}", ran.out);
        assert!(!ran.out.contains("Weather"), "menus are no evidence: {}", ran.out);
    }
    for args in [&["score", "--json", "-"][..], &["score", "--json"]] {
        let line = scored(&desk.run_with(args, &text).expect(0));
        assert_eq!(line["topics"]["ceasefire-breakdown"]["trips"], true, "{line}");
    }
    let gone = desk.run(&["score", server.url("/gone").as_str()]).expect(1);
    assert!(gone.err.contains("410"), "{}", gone.err);
    assert!(desk.run(&["score", "nowhere.txt"]).expect(2).err.contains("nowhere.txt"));
    scored(&desk.run_with(&["score", "--json", "-"], "").expect(0));
    // Loopback is for those who allow it.
    let strict = Desk::new("");
    let refused = strict.run(&["score", &url]).expect(1);
    assert!(refused.err.contains("allow_private_addresses"), "{}", refused.err);
}

#[test]
fn score_takes_json_lines_and_goes_on_after_a_bad_one() {
    let desk = Desk::new("");
    let lines = format!(
        "{{\"id\": \"a\", \"title\": \"{BREACH}\", \"labels\": {{\"x\": 1}}}}\n\n{{\"title\": 7}}\n{{\"id\": \"b\"\n\
         {{\"id\": \"c\", \"title\": \"<b>Market</b> hall &amp; bar\", \"lang\": \"en\"}}\n"
    );
    let file = desk.file("entries.jsonl", &lines);
    let name = file.to_str().unwrap();
    let ran = desk.run(&["score", "--json", name]).expect(1);
    let out = ran.json();
    out.iter().for_each(assert_score_shape);
    assert_eq!(out.iter().map(|line| line["id"].as_str().unwrap()).collect::<Vec<_>>(), ["a", "c"]);
    assert!(
        ran.err.contains(&format!("{name}:3: ")) && ran.err.contains(&format!("{name}:4: ")),
        "{}",
        ran.err
    );
    let ran = desk.run_with(&["score", "--json", "-"], &lines).expect(1);
    assert_eq!(ran.json().len(), 2);
    assert!(ran.err.contains("standard input:3: "), "{}", ran.err);
    // Packed and unpacked say the same.
    let good = format!("{{\"id\": \"a\", \"title\": \"{BREACH}\"}}\n");
    let plain = desk.file("good.jsonl", &good);
    let expected = desk.run(&["score", "--json", plain.to_str().unwrap()]).expect(0).out;
    for (name, bytes) in [("good.jsonl.gz", gzip(&good)), ("good.jsonl.zst", zstd(&good))] {
        let file = desk.file(name, bytes);
        assert_eq!(desk.run(&["score", "--json", file.to_str().unwrap()]).expect(0).out, expected, "{name}");
    }
}

fn gzip(text: &str) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(text.as_bytes()).unwrap();
    packer.finish().unwrap()
}

fn zstd(text: &str) -> Vec<u8> {
    zstd::encode_all(text.as_bytes(), 3).unwrap()
}

/// Two days of news from two publishers: an alarm, its copy, an update, an old one, a repetition.
fn recording() -> String {
    let entry = |id: &str, host: &str, seen: &str, published: &str, title: &str| {
        // One text under every headline would make one story of them.
        let residents = "Residents said it began before dawn in the north of the country.";
        let summary = if title == BREACH { residents } else { "" };
        format!(
            "{{\"id\": \"{id}\", \"feed\": \"https://{host}/feed\", \"url\": \"https://{host}/{id}\", \"title\": \"{title}\", \
             \"summary\": \"{summary}\", \
             \"published\": \"{published}\", \"seen\": \"{seen}\"}}\n"
        )
    };
    let day = |day: u8, hour: u8| format!("2026-03-{day:02}T{hour:02}:00:00Z");
    let minute = |minute: u8| format!("2026-03-01T09:{minute:02}:00Z");
    let at = |id: &str, host: &str, when: String, title: &str| entry(id, host, &when, &when, title);
    [
        at("calm", "one.example", day(1, 8), "Market hall reopens after repairs"),
        at("first", "one.example", day(1, 9), BREACH),
        at("copy", "two.example", minute(10), BREACH),
        at("again", "one.example", minute(20), BREACH)
            .replace("\"id\": \"again\"", "\"id\": \"first\"")
            .replace("/again", "/first"),
        at("update", "two.example", minute(30), "Rebels call off ceasefire and vow to return to war"),
        entry(
            "old",
            "two.example",
            &day(2, 9),
            "2026-01-05T09:00:00Z",
            "Truce collapses as shelling resumes in the north",
        ),
        at("end", "one.example", day(3, 9), "Apple harvest is late this year"),
    ]
    .concat()
}

#[test]
fn replay_tells_what_would_have_been_sent_and_why_not() {
    let desk = Desk::new(ROUTE);
    let file = desk.file("march.jsonl", recording());
    let ran = desk.run(&["replay", "--json", file.to_str().unwrap()]).expect(0);
    let lines = ran.json();
    let of = |kind: &str| lines.iter().filter(|line| line["type"] == kind).cloned().collect::<Vec<_>>();
    let articles = of("article");
    for article in &articles {
        assert_eq!(
            keys(article),
            ["type", "id", "seen", "story", "copy_of", "publisher", "places", "topics"]
        );
        assert_eq!(keys(&article["topics"]), TOPICS);
    }
    let ids: Vec<_> = articles.iter().map(|article| article["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["calm", "first", "copy", "update", "old", "end"]);
    assert_eq!(articles[2]["copy_of"], "first");
    assert_eq!(articles[2]["story"], articles[1]["story"]);
    let alerts = of("alert");
    for alert in &alerts {
        let expected = [
            "type",
            "at",
            "kind",
            "reason",
            "topic",
            "severity",
            "place",
            "incident",
            "story",
            "articles",
            "publishers",
            "score",
            "subject",
            "to",
        ];
        assert_eq!(keys(alert), expected);
        assert_eq!(alert["to"][0], "desk@example.org");
    }
    assert_eq!(alerts.len(), 2, "{}", ran.out);
    assert_eq!((&alerts[0]["kind"], &alerts[0]["articles"][0]), (&"first".into(), &"first".into()));
    assert_eq!((&alerts[1]["kind"], &alerts[1]["articles"][0]), (&"update".into(), &"update".into()));
    assert_eq!(alerts[1]["at"], "2026-03-01T15:00:00Z", "held for update_every, not until the next entry");
    let summary = lines.last().unwrap();
    let expected =
        ["type", "entries", "articles", "copies", "stories", "alerts", "suppressed", "days", "per_topic"];
    assert_eq!(keys(summary), expected);
    assert_eq!(of("summary").len(), 1);
    for (key, count) in [("entries", 7), ("articles", 6), ("copies", 1), ("stories", 5), ("alerts", 2)] {
        assert_eq!(summary[key], count, "{key}: {summary}");
    }
    assert_eq!(summary["suppressed"]["too-old"], 1, "{summary}");
    assert_eq!(summary["suppressed"]["already-reported"], 1, "{summary}");
    assert_eq!(summary["days"], 2.04, "{summary}");
    let text = desk.run(&["replay", file.to_str().unwrap()]).expect(0).out;
    assert!(text.contains("2 alerts") && text.contains("not told: 1 too-old"), "{text}");
}

#[test]
fn replay_repeats_itself_whatever_the_packing() {
    let desk = Desk::new(ROUTE);
    let text = recording();
    let plain = desk.file("march.jsonl", &text);
    let expected = desk.run(&["replay", "--json", plain.to_str().unwrap()]).expect(0).out;
    assert_eq!(desk.run(&["replay", "--json", plain.to_str().unwrap()]).expect(0).out, expected);
    for (name, bytes) in [("march.jsonl.gz", gzip(&text)), ("march.jsonl.zst", zstd(&text))] {
        let file = desk.file(name, bytes);
        assert_eq!(desk.run(&["replay", "--json", file.to_str().unwrap()]).expect(0).out, expected, "{name}");
    }
    assert_eq!(desk.run_with(&["replay", "--json", "-"], &text).expect(0).out, expected);
    // Two halves are the whole.
    let middle = text.match_indices('\n').nth(3).unwrap().0 + 1;
    let (first, second) = text.split_at(middle);
    let (first, second) = (desk.file("1.jsonl", first), desk.file("2.jsonl", second));
    let halves = desk.run(&["replay", "--json", first.to_str().unwrap(), second.to_str().unwrap()]);
    assert_eq!(halves.expect(0).out, expected);
    assert!(!desk.data().exists(), "replay leaves the archive alone");
    let left: Vec<_> =
        std::fs::read_dir(desk.path("")).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("replay")), "{left:?}");
}

#[test]
fn replay_bears_disorder() {
    let desk = Desk::new(ROUTE);
    let line = |id: &str, time: &str| {
        format!("{{\"id\": \"{id}\", \"title\": \"News of {id} from the coast\"{time}}}\n")
    };
    let text = line("late", ", \"seen\": \"2026-03-02T10:00:00Z\"")
        + &line("early", ", \"seen\": \"2026-03-01T10:00:00Z\"")
        + &line("published-only", ", \"published\": \"2026-03-02T11:00:00Z\"")
        + &line("timeless", "")
        + "not json\n"
        + &line("nonsense-time", ", \"seen\": \"yesterday-ish\"");
    let file = desk.file("mixed.jsonl", text);
    let ran = desk.run(&["replay", "--json", file.to_str().unwrap()]).expect(1);
    for number in [4, 5, 6] {
        assert!(ran.err.contains(&format!("mixed.jsonl:{number}: ")), "{number}: {}", ran.err);
    }
    let lines = ran.json();
    let seen: Vec<_> =
        lines.iter().filter(|line| line["type"] == "article").map(|line| line["seen"].clone()).collect();
    assert_eq!(seen, ["2026-03-02T10:00:00Z", "2026-03-02T10:00:00Z", "2026-03-02T11:00:00Z"]);
    assert_eq!(lines.last().unwrap()["entries"], 3);
    let ran = desk.run_with(&["replay", "--json", "-"], "").expect(0);
    assert_eq!(ran.json().len(), 1, "nothing in, a summary out");
    assert!(desk.run(&["replay", "nowhere.jsonl"]).expect(2).err.contains("nowhere.jsonl"));
    let cut = gzip(&recording());
    let cut = desk.file("cut.jsonl.gz", &cut[..cut.len() / 2]);
    assert!(desk.run(&["replay", cut.to_str().unwrap()]).expect(1).err.contains("cut.jsonl.gz:"));
}
