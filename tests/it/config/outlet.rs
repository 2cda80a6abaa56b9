//! Outlets, heartbeats and pings: what an owner may write, and what is said of the rest.

use std::time::Duration;

use wirewatch::config;
use wirewatch::delivery::outlet::OutletKind;

use super::{FEED, ROUTE, TOPIC, check_fault, directory, listing, load};

const HOOK: &str = "[[outlet]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"https://ops.example.org/in\"\n";

#[test]
fn faults_of_outlets_are_named() {
    let check = |text: &str, expected, hint| {
        check_fault("wirewatch.toml", &format!("{text}\n{ROUTE}"), expected, hint);
    };
    let hook = |from: &str, to: &str| HOOK.replace(from, to);
    check(&hook("\"hook\"", "\"Hook 1\""), ":2: error: outlet[1].name: `Hook 1` is not a name", "ops-pager");
    check(&format!("{HOOK}{HOOK}"), ":6: error: outlet[2].name: two outlets are called hook", "another name");
    check(&hook("\"webhook\"", "\"hook\""), ":3: error: outlet[1].kind:", "webhook");
    check(
        &hook("https://ops.example.org/in", "ops.example.org"),
        ":4: error: outlet[1].url: `ops.example.org` is not a web address",
        "https://",
    );
    check(&hook("https://", "ftp://"), "is not a web address", "https://");
    check(&hook("https://", "https://user:hunter2@"), "does not belong in this address", "token_file");
    check(&hook("kind = \"webhook\"\n", ""), ":1: error: outlet[1].kind: this key must be given", "kind");
    check(&format!("{HOOK}secret_file = \"nowhere\"\n"), ":5: error: outlet[1].secret_file:", "readable");
    check(&format!("{HOOK}proxy = \"ftp://x\"\n"), ":5: error: outlet[1].proxy:", "socks5h://");
    let ntfy = |url: &str| HOOK.replace("webhook", "ntfy").replace("https://ops.example.org/in", url);
    check(
        &ntfy("https://ntfy.sh/"),
        ":4: error: outlet[1].url: this names no ntfy topic",
        "https://ntfy.sh/TOPIC",
    );
    check(&ntfy("https://ntfy.sh/a b"), "this names no ntfy topic", "letters, digits");
    check(
        &format!("{}secret_file = \"x\"\n", ntfy("https://ntfy.sh/a-long-secret-topic")),
        "outlet[1].secret_file: ntfy knows no signatures",
        "token_file",
    );
}

#[test]
fn a_route_to_an_outlet_that_is_not_there_is_an_error() {
    let check = |text: &str, expected, hint| check_fault("wirewatch.toml", text, expected, hint);
    check(
        "[[route]]\nto = [\"outlet:pager\"]\n",
        ":2: error: route[1].to[1]: there is no [[outlet]] for `outlet:pager`",
        "there are none",
    );
    check(
        &format!("{HOOK}[[route]]\nto = [\"outlet:hok\"]\n"),
        "there is no [[outlet]] for `outlet:hok`",
        "outlets: outlet:hook",
    );
    check(
        &format!("[mail]\noperator = [\"outlet:pager\"]\n{ROUTE}"),
        ":2: error: mail.operator[1]: there is no [[outlet]]",
        "there are none",
    );
}

#[test]
fn faults_of_the_heartbeat_and_the_ping_are_named() {
    let check = |text: &str, expected, hint| {
        check_fault("wirewatch.toml", &format!("{text}\n{ROUTE}"), expected, hint);
    };
    let mail = |line: &str| format!("[mail]\noperator = [\"ops@example.org\"]\n{line}\n");
    check(
        &mail("heartbeat = \"5h\""),
        ":3: error: mail.heartbeat: heartbeats must come at the same times",
        "\"off\"",
    );
    check(&mail("heartbeat = \"48h\""), "mail.heartbeat: heartbeats must come", "24h");
    check(&mail("heartbeat = \"daily\""), ":3: error: mail.heartbeat:", "\"12h\"");
    check(
        &mail("heartbeat_at = \"7.30\""),
        ":3: error: mail.heartbeat_at: `7.30` is not a time of day",
        "07:30",
    );
    check(
        &mail("time_zone = \"Africa/Kartoum\""),
        ":3: error: mail.time_zone: `Africa/Kartoum` is not a time zone",
        "tzdata",
    );
    check("[mail]\nheartbeat = \"24h\"\n", "there is no mail.operator", "operator");
    check(
        &mail("heartbeat = \"off\"\nheartbeat_at = \"08:00\""),
        ":4: error: mail.heartbeat_at: this means nothing",
        "remove",
    );
    check(&mail("max_per_minute = 0"), ":3: error: mail.max_per_minute: 0 is not between", "1 to 6000");
    check(&mail("connections = 9"), ":3: error: mail.connections: 9 is not between", "1 to 8");
    check(
        "[health]\nping = \"hc-ping.com/x\"\n",
        ":2: error: health.ping: `hc-ping.com/x` is not a web address",
        "https://",
    );
    check("[health]\nping_every = \"10s\"\n", ":2: error: health.ping_every: 10s is too short", "\"1m\"");
}

#[test]
fn what_is_hardly_meant_is_warned_of_and_what_is_meant_is_kept() {
    let main = format!(
        "{HOOK}[[outlet]]\nname = \"phone\"\nkind = \"ntfy\"\nurl = \"http://ntfy.lan/desk\"\n[mail]\n\
         operator = [\"ops@example.org\", \"outlet:hook\"]\nheartbeat = \"12h\"\ntime_zone = \"Asia/Kolkata\"\n\
         [health]\nping = \"https://hc-ping.com/0\"\n[[route]]\nto = [\"outlet:phone\", \"desk@example.org\"]\n"
    );
    let dir = directory(&[("wirewatch.toml", &main), ("feeds.toml", FEED), ("topics/strike.toml", TOPIC)]);
    let loaded = load(&dir).unwrap();
    let listed = listing(dir.path(), &loaded.warnings).join("\n");
    for words in ["anybody can forge an alert", "http:// is not encrypted", "whoever guesses this topic"] {
        assert!(listed.contains(words), "{words}: {listed}");
    }
    let config = loaded.config;
    let kinds: Vec<OutletKind> = config.outlets.iter().map(|outlet| outlet.kind).collect();
    assert_eq!(kinds, [OutletKind::Webhook, OutletKind::Ntfy]);
    assert_eq!(config.routes[0].to, ["outlet:phone", "desk@example.org"]);
    assert_eq!(config.mail.operator, ["ops@example.org", "outlet:hook"]);
    let heartbeat = config.mail.heartbeat.unwrap();
    assert_eq!((heartbeat.every, heartbeat.at), (Duration::from_hours(12), jiff::civil::time(7, 30, 0, 0)));
    assert_eq!(heartbeat.time_zone.iana_name(), Some("Asia/Kolkata"));
    assert_eq!(config.ping.unwrap().every, Duration::from_mins(5));
    assert!((config.mail.max_per_minute, config.mail.connections) == (60, 3));
}

#[test]
fn a_secret_never_shows() {
    let main = format!("{HOOK}secret_file = \"secret\"\ntoken_file = \"token\"\n{ROUTE}");
    let files = [
        ("wirewatch.toml", main.as_str()),
        ("feeds.toml", FEED),
        ("topics/strike.toml", TOPIC),
        ("secret", "hunter2"),
        ("token", "hunter2 with blanks"),
    ];
    let dir = directory(&files);
    let problems = load(&dir).unwrap_err();
    let rendered = config::render(&problems, false);
    assert!(rendered.contains("which no header can hold") && !rendered.contains("hunter2"), "{rendered}");
    let fine = directory(&[files[0], files[1], files[2], files[3], ("token", "hunter2-token")]);
    let loaded = load(&fine).unwrap();
    let listed = listing(fine.path(), &loaded.warnings).join("\n");
    assert!(listed.contains("a secret so short can be guessed"), "{listed}");
    assert!(!format!("{:?} {listed}", loaded.config.outlets).contains("hunter2"));
}
