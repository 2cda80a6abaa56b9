//! What outlets are handed: bytes, signatures, bounds.

use jiff::Timestamp;
use serde_json::Value;
use wirewatch::alert::AlertId;
use wirewatch::config::Outlet;
use wirewatch::daemon::mailer::hand_to;
use wirewatch::delivery::follow_up::{Action, Recipient, token};
use wirewatch::delivery::outlet::{OutletKind, Verdict, judge, parcel, signature};
use wirewatch::delivery::payload::Payload;
use wirewatch::delivery::{Channel, DeliveryId};
use wirewatch::feed::access::Access;
use wirewatch::fetch::Fetcher;
use wirewatch::mail::Secret;
use wirewatch::pipeline;
use wirewatch::pipeline::links::{Judged, look};

use super::super::support::http::{Reply, Server};
use super::super::support::lab::{Lab, entry, hour};

fn outlet(kind: OutletKind, url: &str) -> Outlet {
    Outlet {
        name: "hook".to_owned(),
        kind,
        url: url.parse().unwrap(),
        access: Access::default(),
        secret: Some(Secret::new("it's a secret to everybody".to_owned())),
        allow_private_addresses: false,
    }
}

/// What an outlet of a lab is handed.
fn payload(lab: &mut Lab, at: Timestamp) -> Payload {
    let config = lab.config.clone();
    let channel = Channel::Outlet("hook".to_owned());
    lab.within(|tx| pipeline::claim(tx, &config, &channel, None, at)).letter.unwrap().payload.unwrap()
}

const MAIN: &str = "[web]\nlisten = \"127.0.0.1:8420\"\npublic_url = \"https://news.example.org\"\n\
    [[outlet]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"https://hook.example/\"\n\
    [[route]]\nto = [\"outlet:hook\"]\n";

#[test]
fn an_answer_is_taken_tried_again_or_final() {
    for (codes, verdict) in [
        (&[200, 201, 202, 204, 299][..], Verdict::Accepted),
        (&[408, 425, 429, 500, 502, 503, 504, 599], Verdict::Again),
        (&[100, 301, 302, 307, 400, 401, 403, 404, 410, 413, 422, 451], Verdict::Never),
    ] {
        for code in codes {
            assert_eq!(judge(*code), verdict, "{code}");
        }
    }
}

#[tokio::test]
async fn an_answer_says_that_the_way_is_open_unless_it_asks_for_time() {
    let mut lab = Lab::with("", MAIN);
    lab.acquaint(hour(0));
    lab.poll(0, hour(1), &[entry("a", "Truce is broken in the north", hour(1))]);
    let (payload, server) = (payload(&mut lab, hour(1)), Server::start().await);
    let fetcher = Fetcher::new(lab.config.poll.fetch_options()).unwrap();
    for (reply, kind) in [
        (Reply::status(500), "Deferred"),
        (Reply::status(503), "Deferred"),
        (Reply::status(503).header("retry-after", "7"), "Throttled"),
        (Reply::status(429), "Throttled"),
        (Reply::raw(""), "Deferred"),
        (Reply::status(404), "Rejected"),
        (Reply::status(204), "Sent"),
    ] {
        server.set("/", reply);
        let url = server.url("/");
        let mut outlet = outlet(OutletKind::Webhook, url.as_str());
        outlet.allow_private_addresses = true;
        let (outcome, wait) = hand_to(&fetcher, &outlet, &payload, hour(1)).await;
        assert!(format!("{outcome:?}").starts_with(kind), "{outcome:?}, not {kind}");
        assert_eq!(
            wait.map(|wait| wait.as_secs()),
            (kind == "Throttled").then_some(7).filter(|_| wait.is_some())
        );
    }
}

#[test]
fn a_signature_is_what_anybody_with_the_secret_computes() {
    // python3: hmac.new(b"it's a secret to everybody", b"1795429200." + b'{"a":1}', "sha256").hexdigest()
    let secret = Secret::new("it's a secret to everybody".to_owned());
    let at = Timestamp::from_second(1_795_429_200).unwrap();
    let expected = "87fde1b6cf4a92f7883a27afa098d45cb1e01f98df179a3a8202d6adf5cb63d7";
    assert_eq!(signature(&secret, at, b"{\"a\":1}").unwrap(), format!("t=1795429200,v1={expected}"));
}

#[test]
fn a_webhook_has_the_alert_its_evidence_and_its_links() {
    let mut lab = Lab::with("", MAIN);
    lab.acquaint(hour(0));
    lab.poll(0, hour(1), &[entry("a", "Truce is broken in the north", hour(1))]);
    let payload = payload(&mut lab, hour(1));
    let parcel = parcel(&outlet(OutletKind::Webhook, "https://hook.example/in?a=1"), &payload, hour(2));
    assert_eq!(parcel.url.as_str(), "https://hook.example/in?a=1");
    let body: Value = serde_json::from_slice(&parcel.body).unwrap();
    for (field, expected) in [
        ("/type", "alert"),
        ("/kind", "first"),
        ("/topic", "broken-truce"),
        ("/severity", "critical"),
        ("/at", "2026-03-01T13:00:00Z"),
        ("/reports/0/title", "Truce is broken in the north"),
        ("/reports/0/url", "https://one.example/a"),
        ("/reports/0/evidence/0/signal", "a truce is broken"),
        ("/links/0/action", "acknowledge"),
    ] {
        assert_eq!(body.pointer(field).and_then(Value::as_str), Some(expected), "{field}: {body:#}");
    }
    assert_eq!((&body["article_count"], &body["articles"]), (&1.into(), &serde_json::json!([2])));
    assert!(body["text"].as_str().unwrap().contains("Truce is broken"));
    // Whoever reads the chat behind it does not take it off for all of them.
    assert!(!body["text"].as_str().unwrap().contains("/f/"), "{body:#}");
    let unsubscribe = |lab: &mut Lab| {
        lab.within(|tx| {
            let recipient =
                Recipient { delivery: DeliveryId(1), alert: AlertId(1), at: hour(1), address: "outlet:hook" };
            look(tx, &token(&tx.follow_up_key()?, Action::Unsubscribe, recipient), hour(2))
        })
    };
    assert!(matches!(unsubscribe(&mut lab), Judged::Unknown), "{:?}", unsubscribe(&mut lab));
    assert!(body["links"][0]["url"].as_str().unwrap().starts_with("https://news.example.org/f/a"));
    let header =
        |name: &str| parcel.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
    let secret = Secret::new("it's a secret to everybody".to_owned());
    assert_eq!(header("wirewatch-signature"), signature(&secret, hour(2), &parcel.body));
}

#[test]
fn a_payload_is_bounded_whatever_feeds_say() {
    let mut lab = Lab::with("", MAIN);
    lab.acquaint(hour(0));
    let long = format!("Truce is broken {}", "ع\u{202e}<b>".repeat(5_000));
    let mut entries: Vec<_> =
        (0..40).map(|number| entry(&format!("a{number}"), &format!("{long}{number}"), hour(1))).collect();
    entries[0].url = Some("javascript:alert(1)".to_owned());
    lab.poll(0, hour(1), &entries);
    let payload = payload(&mut lab, hour(1));
    assert!(payload.reports.len() <= 10 && payload.article_count >= payload.reports.len() as u64);
    assert!(payload.reports.iter().all(|report| report.title.len() <= 1024 && report.evidence.len() <= 6));
    assert!(payload.reports.iter().flat_map(|report| &report.url).all(|url| url.starts_with("http")));
    let hook = parcel(&outlet(OutletKind::Webhook, "https://hook.example/"), &payload, hour(1));
    assert!(hook.body.len() < 200 << 10, "{}", hook.body.len());
    let ntfy = parcel(&outlet(OutletKind::Ntfy, "https://ntfy.sh/a-long-topic"), &payload, hour(1));
    let body: Value = serde_json::from_slice(&ntfy.body).unwrap();
    assert!(body["message"].as_str().unwrap().len() <= 4096 && body["title"].as_str().unwrap().len() <= 250);
}

/// The digest of a silence: its outlet alone.
fn digest(count: usize) -> (Lab, Payload) {
    let mut lab = Lab::with("", "");
    lab.reconfigure("wirewatch.toml", &format!("{MAIN}mode = \"hourly\"\n"));
    lab.acquaint(hour(0));
    for country in ["Sudan", "Yemen", "Mali", "Chad"].iter().take(count) {
        let title = format!("Truce broken in {country} as shells fall on {country}");
        lab.poll(0, hour(1), &[entry(country, &title, hour(1))]);
    }
    lab.elapse_until(hour(2));
    let payload = payload(&mut lab, hour(2));
    (lab, payload)
}

#[test]
fn a_digest_has_its_alerts_for_a_program_and_counts_them_for_a_telephone() {
    let (_lab, payload) = digest(3);
    let hook = parcel(&outlet(OutletKind::Webhook, "https://hook.example/"), &payload, hour(2));
    let body: Value = serde_json::from_slice(&hook.body).unwrap();
    assert_eq!((&body["kind"], &body["alert_count"]), (&"digest".into(), &3.into()));
    let alerts = body["alerts"].as_array().unwrap();
    let places: Vec<&str> = alerts.iter().map(|alert| alert["place"].as_str().unwrap()).collect();
    assert_eq!(places, ["SD", "YE", "ML"]);
    for alert in alerts {
        assert_eq!((&alert["topic"], &alert["severity"]), (&"broken-truce".into(), &"critical".into()));
        assert!(alert["incident"].is_i64() && alert["alert"].is_i64());
        assert!(alert["reports"][0]["title"].as_str().unwrap().starts_with("Truce broken in "));
        assert!(alert["reports"][0]["url"].as_str().unwrap().starts_with("https://one.example/"));
    }
    let ntfy = parcel(&outlet(OutletKind::Ntfy, "https://ntfy.sh/a-long-topic"), &payload, hour(2));
    let body: Value = serde_json::from_slice(&ntfy.body).unwrap();
    let message = body["message"].as_str().unwrap();
    assert!(message.starts_with("3 alerts, the gravest first"), "{message}");
    assert!(message.contains("- [Broken truce] Yemen: Truce broken in Yemen"), "{message}");
}

#[test]
fn a_program_has_a_limit_only_where_one_is_written() {
    for (limit, told) in [("", 13), ("max_per_hour = 10\n", 10)] {
        let mut lab = Lab::with("", "");
        lab.reconfigure("wirewatch.toml", &format!("{MAIN}{limit}"));
        lab.acquaint(hour(0));
        let countries = [
            "Sudan", "Yemen", "Mali", "Chad", "Haiti", "Somalia", "Libya", "Niger", "Kenya", "Ghana", "Togo",
            "Benin", "Uganda",
        ];
        let mut told_count = 0;
        for country in countries {
            let title = format!("Truce broken in {country} as shells fall on {country}");
            told_count += lab.poll(0, hour(1), &[entry(country, &title, hour(1))]).alerts[0].to.len();
        }
        assert_eq!(told_count, told, "{limit:?}");
    }
}

#[test]
fn ntfy_gets_json_with_a_title_in_any_script() {
    let mut lab = Lab::with("", MAIN);
    lab.acquaint(hour(0));
    let title = "Truce is broken: الجيش ينتهك وقف إطلاق النار";
    lab.poll(0, hour(1), &[entry("a", title, hour(1))]);
    let payload = payload(&mut lab, hour(1));
    for (url, posted_to, topic) in [
        ("https://ntfy.sh/wirewatch-7f3a9c", "https://ntfy.sh/", "wirewatch-7f3a9c"),
        ("https://example.org/push/desk-alerts/", "https://example.org/push", "desk-alerts"),
    ] {
        let parcel = parcel(&outlet(OutletKind::Ntfy, url), &payload, hour(1));
        assert_eq!(parcel.url.as_str(), posted_to);
        assert!(parcel.headers.is_empty(), "what ntfy needs stands in the body");
        let body: Value = serde_json::from_slice(&parcel.body).unwrap();
        assert_eq!((body["topic"].as_str(), body["priority"].as_i64()), (Some(topic), Some(5)));
        assert!(body["title"].as_str().unwrap().contains("وقف إطلاق النار"), "{body:#}");
        assert_eq!(body["click"], "https://one.example/a");
        assert_eq!(body["tags"], serde_json::json!(["rotating_light", "first", "broken-truce"]));
        let message = body["message"].as_str().unwrap();
        assert!(message.contains("Truce is broken") && message.contains("Alert 1."), "{message}");
    }
}

#[test]
fn an_all_clear_rings_no_alarm_and_shows_no_headline_of_what_is_over() {
    let mut lab = Lab::with("", MAIN);
    lab.acquaint(hour(0));
    lab.poll(0, hour(1), &[entry("a", "Truce is broken in the north", hour(1))]);
    let payload = Payload { kind: "all-clear".to_owned(), ..payload(&mut lab, hour(1)) };
    let parcel = parcel(&outlet(OutletKind::Ntfy, "https://ntfy.sh/desk"), &payload, hour(1));
    let body: Value = serde_json::from_slice(&parcel.body).unwrap();
    assert_eq!((body["priority"].as_i64(), body.get("click")), (Some(3), None));
    assert_eq!(body["tags"][0], "white_check_mark");
    let message = body["message"].as_str().unwrap();
    assert!(message.starts_with("Nothing more that trips this topic was reported here."), "{message}");
    assert!(message.contains("Why: ") && !message.contains("Truce is broken"), "{message}");
}

#[test]
fn an_address_that_pretends_is_no_link_for_a_telephone_or_a_program() {
    let mut lab = Lab::with("", MAIN);
    lab.acquaint(hour(0));
    let mut one = entry("a", "Truce is broken in the north", hour(1));
    one.url = Some("http://www.bank.example@evil.example/".to_owned());
    lab.poll(0, hour(1), &[one]);
    let payload = payload(&mut lab, hour(1));
    assert_eq!(payload.reports[0].url, None);
    for kind in [OutletKind::Ntfy, OutletKind::Webhook] {
        let parcel = parcel(&outlet(kind, "https://hook.example/topic"), &payload, hour(1));
        let body: Value = serde_json::from_slice(&parcel.body).unwrap();
        assert_eq!(body.get("click"), None);
        assert!(!String::from_utf8(parcel.body).unwrap().contains("http://www.bank"), "{body:#}");
    }
}
