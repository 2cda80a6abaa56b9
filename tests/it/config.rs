//! The configuration: files in, checked truth or a list of problems out.

use std::fs;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;
use wirewatch::config::{self, Environment, Loaded, Problem, ProblemSeverity, starter};
use wirewatch::mail::{Secret, Tls};
use wirewatch::topic::{Expect, Severity};

const TOPIC: &str = r#"
id = "strike"
[[signal]]
name = "a strike begins"
when = "strike"
weight = 60
"#;

const FEED: &str = "[[feed]]\nurl = \"https://example.org/feed.xml\"\n";

const ROUTE: &str = "[[route]]\nto = [\"desk@example.org\"]\n";

/// A directory with these files.
fn directory(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn load(dir: &TempDir) -> Result<Loaded, Vec<Problem>> {
    config::load(dir.path(), &Environment::default())
}

/// `file:line: severity: key: message`, one per problem, with the directory cut off.
fn listing(dir: &Path, problems: &[Problem]) -> Vec<String> {
    let shown = |problem: &Problem| {
        let file = problem.file.strip_prefix(dir).unwrap_or(&problem.file).display().to_string();
        let line = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
        let severity = if problem.severity == ProblemSeverity::Error { "error" } else { "warning" };
        format!("{file}{line}: {severity}: {}: {}", problem.key, problem.message)
    };
    problems.iter().map(shown).collect()
}

/// One fault in one file gives exactly this one error, with a hint that holds this.
fn check_fault(file: &str, text: &str, expected: &str, hint: &str) {
    let mut files = vec![("wirewatch.toml", ROUTE), ("feeds.toml", FEED), ("topics/strike.toml", TOPIC)];
    files.retain(|(name, _)| *name != file);
    files.push((file, text));
    let dir = directory(&files);
    let problems = load(&dir).expect_err(text);
    let errors: Vec<Problem> =
        problems.iter().filter(|problem| problem.severity == ProblemSeverity::Error).cloned().collect();
    let listed = listing(dir.path(), &errors);
    assert_eq!(listed.len(), 1, "{text}\n{listed:#?}");
    let start = format!("{file}:");
    assert!(listed[0].starts_with(&start), "{text}\n{listed:#?}");
    assert!(listed[0].contains(expected), "{text}\nexpected {expected}\nfound {listed:#?}");
    let found_hint = errors[0].hint.clone().unwrap_or_default();
    assert!(found_hint.contains(hint), "{text}\nexpected hint {hint}\nfound {found_hint}");
    let rendered = config::render(&problems, false);
    let place = format!("{}:{}", errors[0].file.display(), errors[0].line.unwrap());
    for part in [place.as_str(), errors[0].key.as_str(), hint] {
        assert!(rendered.contains(part), "{part} is missing in\n{rendered}");
    }
}

#[test]
fn faults_of_the_main_file_are_named() {
    let check = |text, expected, hint| check_fault("wirewatch.toml", text, expected, hint);
    check("[poll]\nintervall = \"15m\"\n", ":2: error: poll.intervall: this key is not known", "did you mean `interval`?");
    check("intervals = 3\n", ":1: error: intervals: this key is not known", "data_dir");
    check("[poll]\ninterval = 15\n", ":2: error: poll.interval: this must be a duration, not a whole number", "\"15m\"");
    check("[poll]\ninterval = \"15\"\n", ":2: error: poll.interval: `15` has no unit", "\"15m\"");
    check("[poll]\ninterval = \"15 fortnights\"\n", "`fortnights` is not a unit", "\"15m\"");
    check("[poll]\ninterval = \"99999999999999999999w\"\n", "longer than ten years", "\"15m\"");
    check("[poll]\ninterval = 15m\n", ":2: error: : this is not TOML", "quotes");
    check("[poll]\nmin_interval = \"20m\"\n", "poll.min_interval (20m) is longer than poll.interval (15m, the default)", "lower poll.min_interval");
    check("[poll]\nmin_interval = \"0s\"\n", ":2: error: poll.min_interval: 0s is too short", "\"1s\"");
    check("[poll]\ninterval = \"7h\"\n", ":2: error: poll.interval: poll.interval (7h) is longer than poll.max_interval", "raise");
    check("[poll]\nhost_spacing = \"7h\"\n", ":2: error: poll.host_spacing:", "raise poll.max_interval");
    check("[poll]\nper_host = 0\n", ":2: error: poll.per_host: 0 is not between 1 and 64", "1 to 64");
    check("[poll]\nper_host = 33\n", "more than poll.concurrency (32)", "lower poll.per_host");
    check("[poll]\nper_host = \"1\"\n", "this must be a whole number, not a string", "without quotes");
    check("[poll]\nmax_body = \"10\"\n", ":2: error: poll.max_body: `10` has no unit", "10MiB");
    check("[poll]\nmax_body = \"1GiB\"\n", "out of bounds", "256MiB");
    check("[poll]\nallow_private_addresses = \"yes\"\n", "this must be true or false, not a string", "without quotes");
    check("[poll]\ncontact = \"call me\"\n", "neither a web address nor a mail address", "https://");
    check("poll = 3\n", ":1: error: poll: this must be a section", "[poll]");
    check("[[poll]]\n", ":1: error: poll: this must be a section, not a list", "[poll]");
    check("[mail]\nserver = \"mail.example.org\"\n", ":2: error: mail.server: this is not a server's URL", "smtps://");
    check("[mail]\nserver = \"http://mail.example.org\"\n", "`http://` is not a way to send mail", "smtps://");
    check("[mail]\nserver = \"smtp://\"\n", ":2: error: mail.server:", "smtps://");
    check("[mail]\nserver = \"smtp://h?tls=maybe\"\n", "`maybe`", "?tls=required");
    check("[mail]\nserver = \"smtps://h?tls=none\"\n", "means nothing there", "smtp://");
    check("[mail]\nserver = \"smtps://u@h\"\n", ":2: error: mail.server: the server wants a user, but there is no password", "password_file");
    check("[mail]\nserver = \"smtps://u@h\"\npassword_file = \"none\"\n", ":3: error: mail.password_file:", "create it");
    check("[mail]\nserver = \"smtps://h\"\npassword_file = \"none\"\n", ":3: error: mail.password_file: there is a password but no user", "user");
    check("[mail]\npassword_file = \"none\"\n", ":2: error: mail.password_file: this means nothing", "server");
    check("[mail]\npassword = \"hunter2\"\n", ":2: error: mail.password: this key is not known", "password_file");
    check("[mail]\nserver = \"smtp://h\"\nca_file = \"ca.pem\"\n", ":3: error: mail.ca_file:", "BEGIN CERTIFICATE");
    check("[mail]\nfrom = \"Wirewatch\"\n", ":2: error: mail.from: `Wirewatch` is not a sender", "alerts@example.org");
    check("[mail]\nfrom = \"a@b.org\\r\\nBcc: c@d.org\"\n", ":2: error: mail.from:", "one line");
    check("[mail]\nretry_initial = \"2h\"\n", "is longer than mail.retry_max (1h, the default)", "lower mail.retry_initial");
    check("[mail]\noperator = [\"ops@example.org\", \"ops\"]\n", ":2: error: mail.operator[2]: `ops` is not a mail address", "without a name");
    check("[mail]\noperator = \"ops@example.org\"\n", ":2: error: mail.operator: this must be a list", "square brackets");
    check("[[route]]\n", ":1: error: route[1].to: this key must be given", "add `to");
    check("[[route]]\nto = []\n", ":2: error: route[1].to: this route tells nobody", "add an address");
    check("[[route]]\nto = [\"Desk <d@e.org>\"]\n", ":2: error: route[1].to[1]:", "without a name");
    check("[[route]]\nto = [\"d@e.org\"]\ntopics = [\"*\", \"coup*\"]\n", ":3: error: route[1].topics[2]: `coup*` matches no topic", "strike");
    check("[[route]]\nto = [\"d@e.org\"]\nseverities = [\"critcal\"]\n", ":3: error: route[1].severities[1]:", "did you mean \"critical\"?");
    check("[[route]]\nto = [\"d@e.org\"]\nplaces = [\"Sudan\"]\n", ":3: error: route[1].places[1]:", "\"SD\"");
    check("[[route]]\nto = [\"d@e.org\"]\nmin_publishers = 0\n", ":3: error: route[1].min_publishers:", "1 to 1000");
    check("[[route]]\nto = [\"d@e.org\"]\nmode = \"daily\"\n", ":3: error: route[1].mode: this version", "immediate");
    check("[route]\nto = [\"d@e.org\"]\n", ":1: error: route: this must be a list of tables", "[[route]]");
    check("[web]\nlisten = \"here\"\n", ":2: error: web.listen:", "127.0.0.1:8420");
    check("[log]\nlevel = \"inf\"\n", ":2: error: log.level:", "did you mean \"info\"?");
    check("data_dir = \"a\"\ndata_dir = \"b\"\n", ":2: error: : this is not TOML: duplicate key", "remove one");
    check("data_dir = \"\"\n", ":1: error: data_dir: this must not be empty", "remove the key");
    check("feed_files = [\"feeds.toml\", \"more.toml\"]\n", ":1: error: feed_files[2]: there is no file", "configuration directory");
    check("feed_files = [\"feeds.toml\", \"feeds.toml\"]\n", ":1: error: feed_files[2]: this file is listed twice", "remove one");
}

#[test]
fn faults_of_feed_files_are_named() {
    let check = |text: &str, expected, hint| check_fault("feeds.toml", text, expected, hint);
    check("[[feed]]\nname = \"x\"\n", ":1: error: feed[1].url: this key must be given", "add `url");
    check("[[feed]]\nurl = \"example.org/feed\"\n", ":2: error: feed[1].url:", "https://");
    check("[[feed]]\nurl = \"ftp://example.org/feed\"\n", "neither http:// nor https://", "https://");
    check(&format!("{FEED}tier = 4\n"), ":3: error: feed[1].tier: 4 is not between 1 and 3", "1 to 3");
    check(&format!("{FEED}tags = [\"world\", \"two words\"]\n"), ":3: error: feed[1].tags[2]:", "letters");
    check(&format!("{FEED}language = \"English\"\n"), ":3: error: feed[1].language:", "\"en\"");
    check(&format!("{FEED}interval = \"1m\"\n"), "1m is shorter than poll.min_interval (5m)", "lower poll.min_interval");
    check(&format!("{FEED}interval = \"1w\"\n"), "7d is longer than poll.max_interval (6h)", "raise poll.max_interval");
    check(&format!("{FEED}teir = 1\n"), ":3: error: feed[1].teir:", "did you mean `tier`?");
    check(
        &format!("{FEED}\n[[feed]]\nurl = \"HTTPS://Example.org:443/feed.xml#top\"\n"),
        ":5: error: feed[2].url: this feed stands already in",
        "remove one",
    );
}

#[test]
fn faults_of_topics_are_named() {
    let check = |text: &str, expected, hint| check_fault("topics/strike.toml", text, expected, hint);
    let with = |more: &str| format!("{TOPIC}{more}");
    check("id = \"strike\"\n", ": error: signal: this key must be given", "add `signal");
    check("id = \"strike\"\nsignal = []\n", ":2: error: signal: a topic without signals", "[[signal]]");
    check(&TOPIC.replace("\"strike\"\n[[", "\"Strike\"\n[["), ":2: error: id: `Strike` is not an id", "small letters");
    check(&TOPIC.replace("\"strike\"\n[[", "\"strikes\"\n[["), ":2: error: id: the id is strikes, but the file is strike.toml", "strikes.toml");
    check(&TOPIC.replace("weight", "wieght"), ": error: signal[1].wieght", "did you mean `weight`?");
    check(&TOPIC.replace("60", "0"), ":6: error: signal[1].weight: 0 is out of bounds", "other than 0");
    check(&TOPIC.replace("60", "1001"), ":6: error: signal[1].weight: 1001 is out of bounds", "1000");
    check(&TOPIC.replace("60", "nan"), ":6: error: signal[1].weight: this is not a finite number", "number");
    check(&TOPIC.replace("60", "20"), "no article can reach 0.7: it takes 48.5 points, and all signals together give 20.0", "raise the weights");
    check(&TOPIC.replace("\"strike\"\nweight", "\" \"\nweight"), ":5: error: signal[1].when: the query is empty", "write");
    check(&with("cap = 3\n"), ":7: error: signal[1].cap: 3 is out of bounds", "1 to 2");
    check(
        &with("[[signal]]\nname = \"a strike begins\"\nwhen = \"x\"\nweight = 5\n"),
        ":8: error: signal[2].name: a signal of this name stands already on line 4",
        "choose another",
    );
    check(&with("[alert]\nthreshold = 1.0\n"), ":8: error: alert.threshold: 1 is out of bounds", "below 1");
    check(&with("[alert]\nthreshold = 0\n"), ":8: error: alert.threshold: 0 is out of bounds", "above 0");
    check(&with("[alert]\npublishers = 0\n"), ":8: error: alert.publishers:", "1 to 1000");
    check(&with("[alert]\npublishers = 5\nescalate_publishers = 3\n"), ":9: error: alert.escalate_publishers:", "lower alert.publishers");
    check(&with("[alert]\nclose_after = \"1h\"\n"), ":8: error: alert.close_after: alert.update_every (6h, the default)", "raise alert.close_after");
    check(&with("[calibration]\nslope = 0\n"), ":8: error: calibration.slope:", "above 0");
    check(&with("[sets]\ntruce.english = [\"truce\"]\n"), ":8: error: sets.truce.english: this is not a language code", "ISO 639-1");
    check(&with("[sets]\ntruce.en = []\n"), ":8: error: sets.truce.en: this list is empty", "add words");
    check(&with("[sets]\ntruce.en = [\"a\", \" \"]\n"), ":8: error: sets.truce.en: a term is empty", "remove it");
    check(&with("[sets]\ntruce.en = [\"a\", 3]\n"), ":8: error: sets.truce.en[2]: this must be text", "quotes");
    check(&with("[[example]]\nexpect = \"maybe\"\ntext = \"x\"\n"), ":8: error: example[1].expect:", "\"alert\", \"quiet\"");
    check(&with("[[example]]\nexpect = \"quiet\"\ntext = \"\"\n"), ":9: error: example[1].text: the example is empty", "headline");
    check(&with("severity = \"high\"\n"), ":7: error: signal[1].severity: this key is not known", "known keys here");
}

#[test]
fn the_example_of_the_product_page_loads() {
    let dir = directory(&[
        (
            "wirewatch.toml",
            r#"
data_dir = "data"
feed_files = ["feeds.toml"]
[poll]
interval = "15m"
min_interval = "5m"
max_interval = "6h"
per_host = 1
host_spacing = "2s"
first_look = "6h"
allow_private_addresses = false
contact = "https://example.org/wirewatch"
[mail]
server = "smtps://alerts@mail.example.org"
password_file = "password"
from = "Wirewatch <alerts@example.org>"
retry_initial = "30s"
retry_max = "1h"
operator = ["ops@example.org"]
[[route]]
to = ["desk@example.org"]
topics = ["*"]
severities = ["critical"]
places = ["SD", "ZZ"]
min_publishers = 2
mode = "immediate"
[web]
listen = "127.0.0.1:8420"
[log]
format = "json"
level = "debug"
"#,
        ),
        ("password", "hunter2\n"),
        (
            "feeds.toml",
            r#"
[[feed]]
url = "https://feeds.bbci.co.uk/news/world/rss.xml"
name = "BBC World"
tier = 1
tags = ["world"]
interval = "5m"
"#,
        ),
        (
            "topics/ceasefire-breakdown.toml",
            r#"
id = "ceasefire-breakdown"
name = "Ceasefire breakdown"
description = "An agreed or declared truce is violated, collapses, lapses or is renounced."
severity = "critical"
codes = ["CAMEO 196"]
[sets]
truce.en  = ["ceasefire", "cease-fire", "truce", "cessation of hostilities"]
truce.ar  = ["هدنة", "وقف إطلاق النار"]
breach.en = ["violat*", "breach*"]
decoy     = ["trade truce"]
[[signal]]
name = "a truce is broken"
when = "@breach NEAR/6 @truce"
weight = 50
[alert]
threshold = 0.70
publishers = 1
update_every = "6h"
escalate_publishers = 3
close_after = "48h"
[[example]]
expect = "alert"
text = "Army violates ceasefire hours after deal"
"#,
        ),
    ]);
    let loaded = load(&dir).unwrap();
    let config = &loaded.config;
    assert_eq!(config.data_dir, dir.path().join("data"));
    assert_eq!(config.poll.interval, Duration::from_secs(900));
    assert_eq!(config.poll.fetch_options().body_bytes_max, 10 << 20);
    let server = config.mail.door.server.as_ref().unwrap();
    assert_eq!((server.host.as_str(), server.port, server.tls), ("mail.example.org", 465, Tls::Implicit));
    assert_eq!(server.password.as_ref().unwrap().expose(), "hunter2");
    assert_eq!(config.feeds[0].name, "BBC World");
    assert_eq!(config.feeds[0].interval, Some(Duration::from_secs(300)));
    let topic = &config.topics[0].source;
    let sets: Vec<_> = topic.sets.iter().map(|set| (set.name.as_str(), set.language.as_deref())).collect();
    assert_eq!(sets, [("truce", Some("en")), ("truce", Some("ar")), ("breach", Some("en")), ("decoy", None)]);
    assert_eq!(topic.severity, Severity::Critical);
    assert_eq!((topic.examples[0].expect, topic.examples[0].line), (Expect::Alert, 24));
    assert_eq!(config.topic_origins[&topic.id].codes, ["CAMEO 196"]);
    assert_eq!(config.routes[0].min_publishers, 2);
    assert_eq!(config.web_listen.unwrap().port(), 8420);
}
