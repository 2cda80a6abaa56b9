//! What `replay --budget` promises is what comes: stories, corrections, surges, thresholds as they are written, and no more days than
//! were kept.

use serde_json::Value;

use super::super::support::desk::Desk;
use super::laboratory::{desk, entry, of, stream};

/// The advice about the topic, and what a replay brought a day.
fn promised_and_came(desk: &Desk, more: &[&str], file: &str) -> (Value, f64) {
    let lines = desk.run(&[&["replay", "--json", "--budget", "3"], more, &[file]].concat()).expect(0).json();
    let came = lines.last().unwrap()["per_topic"]["broken-truce"]["alerts_per_day"].as_f64().unwrap();
    (of(&lines, "advice")[0].clone(), came)
}

fn mails(point: &Value) -> f64 {
    point["mails_per_day"].as_f64().unwrap()
}

#[test]
fn a_threshold_in_force_is_tried_as_it_is_written() {
    for (threshold, weight, alerts) in [("0.8175", "45", 16), ("0.20", "30", 24)] {
        let desk = desk(&[
            ("threshold = 0.30", &format!("threshold = {threshold}")),
            ("weight = 45", &format!("weight = {weight}")),
        ]);
        let file = desk.file("march.jsonl", stream());
        let (advice, came) = promised_and_came(&desk, &[], file.to_str().unwrap());
        assert_eq!(advice["now"]["threshold"], threshold.parse::<f64>().unwrap());
        assert_eq!(advice["now"]["mails_per_day"], came, "{advice}");
        assert!((came * advice["days"].as_f64().unwrap() - f64::from(alerts)).abs() < 0.01, "{came}");
    }
}

#[test]
fn what_is_left_out_does_not_thin_the_rates() {
    let desk = desk(&[]);
    let file = desk.file("march.jsonl", stream());
    let file = file.to_str().unwrap();
    // Twelve score in the first two days; the thirteenth comes as the third begins.
    let ran = desk.run(&["replay", "--budget", "3", "--kept", "12", file]).expect(0);
    assert!(ran.err.contains("what came until 2026-03-03 00:00Z"), "{}", ran.err);
    assert!(ran.out.contains("on these 2 days"), "{}", ran.out);
    let (advice, _) = promised_and_came(&desk, &["--kept", "12"], file);
    assert_eq!((mails(&advice["now"]), &advice["days"]), (6.0, &2.0.into()), "{advice}");
    // There is room for all of them.
    let ran = desk.run(&["replay", "--budget", "3", "--kept", "24", file]).expect(0);
    assert!(!ran.err.contains("note:"), "{}", ran.err);
    let (advice, came) = promised_and_came(&desk, &["--kept", "24"], file);
    assert_eq!(advice["now"]["mails_per_day"], came);
    desk.run(&["replay", "--kept", "24", file]).expect(2);
}

#[test]
fn corrections_are_mails_and_are_not_judged() {
    let desk =
        desk(&[("close_after = \"1h\"", "close_after = \"48h\""), ("threshold = 0.30", "threshold = 0.70")]);
    let told = "Truce broken as militia shells the market of Arlen";
    let input = [
        entry("edited", "one.example", "2026-03-01T09:00:00Z", told),
        entry(
            "edited",
            "one.example",
            "2026-03-01T10:00:00Z",
            "Market of Arlen opens late after a power cut",
        ),
        entry("end", "one.example", "2026-03-03T09:00:00Z", "Calm seas in the harbour today"),
    ];
    let file = desk.file("march.jsonl", input.concat());
    let labels = desk
        .file("labels.jsonl", "{\"id\": \"edited\", \"title\": \"x\", \"labels\": {\"broken-truce\": 0}}\n");
    let args =
        ["replay", "--json", "--budget", "3", "--labels", labels.to_str().unwrap(), file.to_str().unwrap()];
    let lines = desk.run(&args).expect(0).json();
    let kinds: Vec<&str> = of(&lines, "alert").iter().map(|alert| alert["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["first", "correction"]);
    let now = &of(&lines, "advice")[0]["now"];
    assert_eq!((mails(now), &now["wrong"]), (1.0, &1.into()), "two in two days, one of them judged: {now}");
    assert_eq!(of(&lines, "precision")[0]["wrong"], 1, "{lines:?}");
}

#[test]
fn surges_count_as_they_came() {
    let weak = "[[signal]]\nname = \"shelling\"\nwhen = \"shelling\"\nweight = 42\n[alert]";
    let desk = desk(&[("[alert]", weak), ("threshold = 0.30", "threshold = 0.70")]);
    // A report every other day for three weeks, other news all the time; then twelve reports at once.
    let mut input = String::new();
    for step in 0..84_u32 {
        let (day, at) = (1 + step / 4, step % 4 * 6);
        let at = format!("2026-03-{day:02}T{at:02}:00:00Z");
        let title = format!("Parliament votes on bill number {step} and on {} more", step * 3);
        input += &entry(&format!("other{step}"), "other.example", &at, &title);
        if step % 8 == 0 {
            let title = format!("Shelling in Sudan, day {step} and {} of {} villages", step * 7, step * 13);
            let host = ["north.example", "south.example", "west.example"][(step / 8 % 3) as usize];
            input += &entry(&format!("weak{step}"), host, &at, &title);
        }
    }
    for number in 100..112_u32 {
        let title = format!("Shelling in Sudan, day {number} and {} of {} villages", number * 7, number * 13);
        let host = format!("burst{}.example", number % 6);
        input += &entry(&format!("burst{number}"), &host, "2026-03-22T00:00:00Z", &title);
    }
    let file = desk.file("march.jsonl", input);
    let lines = desk.run(&["replay", "--json", "--budget", "3", file.to_str().unwrap()]).expect(0).json();
    let alerts = of(&lines, "alert");
    assert_eq!((alerts.len(), &alerts[0]["kind"]), (1, &"surge".into()), "{alerts:?}");
    let advice = of(&lines, "advice")[0];
    let curve = advice["curve"].as_array().unwrap();
    let at_70 = curve.iter().find(|point| point["threshold"] == 0.7).unwrap();
    assert!((mails(at_70) * 21.0 - 1.0).abs() < 0.01, "{advice}");
    assert_eq!(curve.last().unwrap()["mails_per_day"], at_70["mails_per_day"], "at any threshold");
    assert_eq!(advice["now"]["mails_per_day"], at_70["mails_per_day"]);
}
