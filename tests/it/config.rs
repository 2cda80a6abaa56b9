//! The configuration: files in, checked truth or a list of problems out.
//!
//! One file because every table of problems runs through the same `load`.

#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

mod access;
mod outlet;

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
    check(
        "[poll]\nintervall = \"15m\"\n",
        ":2: error: poll.intervall: this key is not known",
        "did you mean `interval`?",
    );
    check("intervals = 3\n", ":1: error: intervals: this key is not known", "data_dir");
    check(
        "[poll]\ninterval = 15\n",
        ":2: error: poll.interval: this must be a duration, not a whole number",
        "\"15m\"",
    );
    check("[poll]\ninterval = \"15\"\n", ":2: error: poll.interval: `15` has no unit", "\"15m\"");
    check("[poll]\ninterval = \"15 fortnights\"\n", "`fortnights` is not a unit", "\"15m\"");
    check("[poll]\ninterval = \"99999999999999999999w\"\n", "longer than ten years", "\"15m\"");
    check("[poll]\ninterval = 15m\n", ":2: error: : this is not TOML", "quotes");
    check(
        "[poll]\nmin_interval = \"20m\"\n",
        "poll.min_interval (20m) is longer than poll.interval (15m, the default)",
        "lower poll.min_interval",
    );
    check("[poll]\nmin_interval = \"0s\"\n", ":2: error: poll.min_interval: 0s is too short", "\"1s\"");
    check(
        "[poll]\ninterval = \"7h\"\n",
        ":2: error: poll.interval: poll.interval (7h) is longer than poll.max_interval",
        "raise",
    );
    check("[poll]\nhost_spacing = \"7h\"\n", ":2: error: poll.host_spacing:", "raise poll.max_interval");
    check("[poll]\nper_host = 0\n", ":2: error: poll.per_host: 0 is not between 1 and 64", "1 to 64");
    check("[poll]\nper_host = 33\n", "more than poll.concurrency (32)", "lower poll.per_host");
    check("[poll]\nper_host = \"1\"\n", "this must be a whole number, not a string", "without quotes");
    check("[poll]\nmax_body = \"10\"\n", ":2: error: poll.max_body: `10` has no unit", "10MiB");
    check("[poll]\nmax_body = \"1GiB\"\n", "out of bounds", "256MiB");
    check(
        "[poll]\nallow_private_addresses = \"yes\"\n",
        "this must be true or false, not a string",
        "without quotes",
    );
    check("[poll]\ncontact = \"call me\"\n", "neither a web address nor a mail address", "https://");
    check("poll = 3\n", ":1: error: poll: this must be a section", "[poll]");
    check("[[poll]]\n", ":1: error: poll: this must be a section, not a list", "[poll]");
    check(
        "[mail]\nserver = \"mail.example.org\"\n",
        ":2: error: mail.server: this is not a server's URL",
        "smtps://",
    );
    check(
        "[mail]\nserver = \"http://mail.example.org\"\n",
        "`http://` is not a way to send mail",
        "smtps://",
    );
    check("[mail]\nserver = \"smtp://\"\n", ":2: error: mail.server:", "smtps://");
    check("[mail]\nserver = \"smtp://h?tls=maybe\"\n", "`maybe`", "?tls=required");
    check("[mail]\nserver = \"smtps://h?tls=none\"\n", "means nothing there", "smtp://");
    check(
        "[mail]\nserver = \"smtps://u@h\"\n",
        ":2: error: mail.server: the server wants a user, but there is no password",
        "password_file",
    );
    check(
        "[mail]\nserver = \"smtps://u@h\"\npassword_file = \"none\"\n",
        ":3: error: mail.password_file:",
        "create it",
    );
    check(
        "[mail]\nserver = \"smtps://h\"\npassword_file = \"none\"\n",
        ":3: error: mail.password_file: there is a password but no user",
        "user",
    );
    check(
        "[mail]\npassword_file = \"none\"\n",
        ":2: error: mail.password_file: this means nothing",
        "server",
    );
    check(
        "[mail]\npassword = \"hunter2\"\n",
        ":2: error: mail.password: this key is not known",
        "password_file",
    );
    check(
        "[mail]\nserver = \"smtp://h\"\nca_file = \"ca.pem\"\n",
        ":3: error: mail.ca_file:",
        "BEGIN CERTIFICATE",
    );
    check(
        "[mail]\nfrom = \"Wirewatch\"\n",
        ":2: error: mail.from: `Wirewatch` is not a sender",
        "alerts@example.org",
    );
    check("[mail]\nfrom = \"a@b.org\\r\\nBcc: c@d.org\"\n", ":2: error: mail.from:", "one line");
    check("[mail]\nfrom = \"büro@example.org\"\n", ":2: error: mail.from:", "alerts@example.org");
    check(
        "[mail]\nretry_initial = \"2h\"\n",
        "is longer than mail.retry_max (1h, the default)",
        "lower mail.retry_initial",
    );
    check(
        "[mail]\noperator = [\"ops@example.org\", \"ops\"]\n",
        ":2: error: mail.operator[2]: `ops` is not a mail address",
        "without a name",
    );
    check(
        "[mail]\noperator = \"ops@example.org\"\n",
        ":2: error: mail.operator: this must be a list",
        "square brackets",
    );
    check("[[route]]\n", ":1: error: route[1].to: this key must be given", "add `to");
    check("[[route]]\nto = []\n", ":2: error: route[1].to: this route tells nobody", "add an address");
    check("[[route]]\nto = [\"Desk <d@e.org>\"]\n", ":2: error: route[1].to[1]:", "without a name");
    check(
        "[[route]]\nto = [\"d@e.org\"]\ntopics = [\"*\", \"coup*\"]\n",
        ":3: error: route[1].topics[2]: `coup*` matches no topic",
        "strike",
    );
    check(
        "[[route]]\nto = [\"d@e.org\"]\nseverities = [\"critcal\"]\n",
        ":3: error: route[1].severities[1]:",
        "did you mean \"critical\"?",
    );
    check(
        "[[route]]\nto = [\"d@e.org\"]\nseverities = [\"info\", \"critical\"]\n",
        ":3: error: route[1].severities: none of the route's topics has such a severity",
        "change",
    );
    check(
        "[[route]]\nto = [\"d@e.org\"]\nplaces = [\"Sudan\"]\n",
        ":3: error: route[1].places[1]:",
        "\"SD\"",
    );
    check(
        "[[route]]\nto = [\"d@e.org\"]\nplaces = [\"SD\", \"UK\"]\n",
        ":3: error: route[1].places[2]: `UK` is not a country code",
        "\"ZZ\"",
    );
    check(
        "[[route]]\nto = [\"d@e.org\"]\nmin_publishers = 0\n",
        ":3: error: route[1].min_publishers:",
        "1 to 1000",
    );
    check("[route]\nto = [\"d@e.org\"]\n", ":1: error: route: this must be a list of tables", "[[route]]");
    check("[web]\nlisten = \"here\"\n", ":2: error: web.listen:", "127.0.0.1:8420");
    check("[log]\nlevel = \"inf\"\n", ":2: error: log.level:", "did you mean \"info\"?");
    check(
        "data_dir = \"a\"\ndata_dir = \"b\"\n",
        ":2: error: : this is not TOML: duplicate key",
        "remove one",
    );
    check("data_dir = \"\"\n", ":1: error: data_dir: this must not be empty", "remove the key");
    check(
        "feed_files = [\"feeds.toml\", \"more.toml\"]\n",
        ":1: error: feed_files[2]: there is no file",
        "configuration directory",
    );
    check(
        "feed_files = [\"feeds.toml\", \"feeds.toml\"]\n",
        ":1: error: feed_files[2]: this file is listed twice",
        "remove one",
    );
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
    check(
        &format!("{FEED}interval = \"1m\"\n"),
        "1m is shorter than poll.min_interval (5m)",
        "lower poll.min_interval",
    );
    check(
        &format!("{FEED}interval = \"1w\"\n"),
        "7d is longer than poll.max_interval (6h)",
        "raise poll.max_interval",
    );
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
    check(
        &TOPIC.replace("\"strike\"\n[[", "\"Strike\"\n[["),
        ":2: error: id: `Strike` is not an id",
        "small letters",
    );
    check(
        &TOPIC.replace("\"strike\"\n[[", "\"strikes\"\n[["),
        ":2: error: id: the id is strikes, but the file is strike.toml",
        "strikes.toml",
    );
    check(&TOPIC.replace("weight", "wieght"), ": error: signal[1].wieght", "did you mean `weight`?");
    check(&TOPIC.replace("60", "0"), ":6: error: signal[1].weight: 0 is out of bounds", "other than 0");
    check(&TOPIC.replace("60", "1001"), ":6: error: signal[1].weight: 1001 is out of bounds", "1000");
    check(&TOPIC.replace("60", "nan"), ":6: error: signal[1].weight: this is not a finite number", "number");
    check(
        &TOPIC.replace("60", "20"),
        "no article can reach 0.7: it takes 48.5 points, and all signals together give 20.0",
        "raise the weights",
    );
    check(
        &TOPIC.replace("\"strike\"\nweight", "\" \"\nweight"),
        ":5: error: signal[1].when: the query is empty",
        "write",
    );
    check(&with("cap = 3\n"), ":7: error: signal[1].cap: 3 is out of bounds", "1 to 2");
    check(
        &with("[[signal]]\nname = \"a strike begins\"\nwhen = \"x\"\nweight = 5\n"),
        ":8: error: signal[2].name: a signal of this name stands already on line 4",
        "choose another",
    );
    check(&with("[alert]\nthreshold = 1.0\n"), ":8: error: alert.threshold: 1 is out of bounds", "below 1");
    check(&with("[alert]\nthreshold = 0\n"), ":8: error: alert.threshold: 0 is out of bounds", "above 0");
    check(&with("[alert]\npublishers = 0\n"), ":8: error: alert.publishers:", "1 to 1000");
    check(
        &with("[alert]\npublishers = 5\nescalate_publishers = 3\n"),
        ":9: error: alert.escalate_publishers:",
        "lower alert.publishers",
    );
    check(
        &with("[alert]\nclose_after = \"1h\"\n"),
        ":8: error: alert.close_after: alert.update_every (6h, the default)",
        "raise alert.close_after",
    );
    check(&with("[calibration]\nslope = 0\n"), ":8: error: calibration.slope:", "above 0");
    check(
        &with("[sets]\ntruce.english = [\"truce\"]\n"),
        ":8: error: sets.truce.english: this is not a language code",
        "ISO 639-1",
    );
    check(&with("[sets]\ntruce.en = []\n"), ":8: error: sets.truce.en: this list is empty", "add words");
    check(
        &with("[sets]\ntruce.en = [\"a\", \" \"]\n"),
        ":8: error: sets.truce.en[2]: this term is empty",
        "remove it",
    );
    check(
        &with("[sets]\ntruce.en = [\"a\", 3]\n"),
        ":8: error: sets.truce.en[2]: this must be text",
        "quotes",
    );
    check(
        &with("[[example]]\nexpect = \"maybe\"\ntext = \"x\"\n"),
        ":8: error: example[1].expect:",
        "\"alert\", \"quiet\"",
    );
    check(
        &with("[[example]]\nexpect = \"quiet\"\ntext = \"\"\n"),
        ":9: error: example[1].text: the example is empty",
        "headline",
    );
    check(
        &with("severity = \"high\"\n"),
        ":7: error: signal[1].severity: this key is not known",
        "above the first [section]",
    );
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
places = ["SD", "SS"]
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
    assert_eq!(config.poll.interval, Duration::from_mins(15));
    assert_eq!(config.poll.fetch_options().body_bytes_max, 10 << 20);
    let server = config.mail.door.server.as_ref().unwrap();
    assert_eq!((server.host.as_str(), server.port, server.tls), ("mail.example.org", 465, Tls::Implicit));
    assert_eq!(server.password.as_ref().unwrap().expose(), "hunter2");
    assert_eq!(config.feeds[0].name, "BBC World");
    assert_eq!(config.feeds[0].interval, Some(Duration::from_mins(5)));
    let topic = &config.topics[0].source;
    let sets: Vec<_> = topic.sets.iter().map(|set| (set.name.as_str(), set.language.as_deref())).collect();
    assert_eq!(sets, [("truce", Some("en")), ("truce", Some("ar")), ("breach", Some("en")), ("decoy", None)]);
    assert_eq!(topic.severity, Severity::Critical);
    assert_eq!((topic.examples[0].expect, topic.examples[0].line), (Expect::Alert, 24));
    assert_eq!(config.topic_origins[&topic.id].codes, ["CAMEO 196"]);
    assert_eq!(config.routes[0].min_publishers, 2);
    assert_eq!(config.web_listen.unwrap().port(), 8420);
}

#[test]
fn a_key_in_the_wrong_section_is_told_where_it_belongs() {
    let check = |text, hint| check_fault("wirewatch.toml", text, "this key is not known", hint);
    check("interval = \"15m\"\n", "`interval` belongs in the section `poll`");
    check("[poll]\ndata_dir = \"x\"\n", "`data_dir` belongs at the top of the file");
    check("[mail]\nlisten = \"x\"\n", "`listen` belongs in the section `web`");
}

#[test]
fn paths_are_not_expanded() {
    check_fault(
        "wirewatch.toml",
        "data_dir = \"~/data\"\n",
        ":1: error: data_dir: `~` is not expanded",
        "in full",
    );
}

#[test]
fn a_file_that_is_no_configuration_ends_in_a_bounded_list() {
    let dir = directory(&[("wirewatch.toml", &"\"\n".repeat(20_000))]);
    let problems = load(&dir).unwrap_err();
    assert!((1_000..1_100).contains(&problems.len()), "{}", problems.len());
    let rendered = config::render(&problems, false);
    assert!(rendered.ends_with(&format!("… and {} more\n", problems.len() - 200)));
}

#[test]
fn ten_faults_in_a_directory_are_listed_at_once() {
    let dir = directory(&[
        (
            "wirewatch.toml",
            "[poll]\ninterval = 15\nmin_intervall = \"5m\"\nper_host = 0\n\
             [mail]\nfrom = \"nobody\"\n[[route]]\nto = [\"desk\"]\ntopics = [\"gone\"]\n",
        ),
        ("feeds.toml", "[[feed]]\nurl = \"gopher://x\"\ntier = 9\n"),
        ("topics/a.toml", "id = \"b\"\n[[signal]]\nname = \"n\"\nwhen = \"x\"\nweight = 0\n"),
        (
            "topics/c.toml",
            "id = \"c\"\nname = \"unclosed\n[[signal]]\nname = \"n\"\nwhen = \"x\"\nweight = 90\n",
        ),
    ]);
    let problems = load(&dir).unwrap_err();
    let places: Vec<String> = listing(dir.path(), &problems)
        .iter()
        .map(|line| line.splitn(4, ": ").take(3).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        places,
        [
            "feeds.toml:2 error feed[1].url",
            "feeds.toml:3 error feed[1].tier",
            "topics/a.toml:1 error id",
            "topics/a.toml:5 error signal[1].weight",
            "topics/c.toml:2 error ",
            "wirewatch.toml:2 error poll.interval",
            "wirewatch.toml:3 error poll.min_intervall",
            "wirewatch.toml:4 error poll.per_host",
            "wirewatch.toml:6 error mail.from",
            "wirewatch.toml:8 error route[1].to[1]",
            "wirewatch.toml:9 error route[1].topics[1]",
        ]
    );
    assert_eq!(problems, load(&dir).unwrap_err(), "the order is the same each time");
}

#[test]
fn a_problem_is_shown_with_its_line() {
    let dir = directory(&[("wirewatch.toml", "[poll]\nintervall = \"15m\"\n"), ("feeds.toml", FEED)]);
    let problems = load(&dir).unwrap_err();
    let rendered = config::render(&problems, false).replace(&dir.path().display().to_string(), "DIR");
    let expected = "\
error: poll.intervall: this key is not known
 --> DIR/wirewatch.toml:2:1
  |
2 | intervall = \"15m\"
  | ^^^^^^^^^
  |
  = hint: did you mean `interval`?";
    assert!(rendered.contains(expected), "{rendered}");
    let colored = config::render(&problems, true);
    assert!(colored.contains("\u{1b}["), "{colored}");
    let log_line = problems.iter().map(ToString::to_string).find(|line| line.contains("intervall")).unwrap();
    assert!(
        log_line.contains("wirewatch.toml:2:1: error: poll.intervall: this key is not known (hint: did you")
    );
}

/// What a directory without errors still says.
fn warnings(files: &[(&str, &str)]) -> Vec<String> {
    let dir = directory(files);
    listing(dir.path(), &load(&dir).unwrap().warnings)
}

#[test]
fn what_runs_but_is_hardly_meant_is_a_warning() {
    let complete = [("wirewatch.toml", ROUTE), ("feeds.toml", FEED), ("topics/strike.toml", TOPIC)];
    assert_eq!(warnings(&complete), Vec::<String>::new());
    let check = |replaced: usize, text: &str, expected: &[&str]| {
        let mut files = complete.to_vec();
        files[replaced].1 = text;
        let found = warnings(&files);
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{found:#?}");
        }
    };
    check(
        0,
        "",
        &["wirewatch.toml:1: warning: route: there is no [[route]]: alerts are stored but nobody is told"],
    );
    check(
        0,
        &format!("{ROUTE}[web]\nlisten = \"127.0.0.1:8420\"\n"),
        &[":4: warning: web.listen: this version"],
    );
    check(0, &format!("{ROUTE}[web]\nlisten = \"\"\n"), &[]);
    check(0, "[[route]]\nto = [\"büro@example.org\"]\n", &[]);
    check(
        0,
        &format!("{ROUTE}[mail]\nserver = \"smtp://h\"\n"),
        &[":4: warning: mail.from: mail is sent as"],
    );
    check(
        0,
        "[[route]]\nto = [\"a@e.org\", \"A@e.org\"]\n",
        &[":2: warning: route[1].to[2]: A@e.org is listed twice"],
    );
    check(1, "", &["wirewatch.toml:1: warning: feed_files: there are no feeds"]);
    check(
        1,
        "[[feed]]\nurl = \"https://u:pw@e.org/\"\n",
        &["feeds.toml:2: warning: feed[1].url: this address holds a user"],
    );
    assert_eq!(
        warnings(&[("feeds.toml", FEED)]),
        [
            "topics: warning: : there are no topics: nothing is watched for",
            "wirewatch.toml: warning: : there is no wirewatch.toml here, so every setting has its default",
            "wirewatch.toml:1: warning: route: there is no [[route]]: alerts are stored but nobody is told",
        ]
    );
}

#[test]
fn a_missing_directory_says_how_to_make_one() {
    let dir = TempDir::new().unwrap();
    let problems = config::load(&dir.path().join("none"), &Environment::default()).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].hint.as_ref().unwrap().contains("wirewatch init"), "{problems:?}");
}

#[test]
fn duplicates_across_files_name_both_places() {
    let dir = directory(&[
        ("wirewatch.toml", "feed_files = [\"a.toml\", \"b.toml\", \"c.opml\"]\n"),
        ("a.toml", FEED),
        ("b.toml", &format!("\n\n{FEED}")),
        ("c.opml", "<opml><body>\n<outline xmlUrl='https://example.org/feed.xml'/></body></opml>"),
    ]);
    let problems = load(&dir).unwrap_err();
    let listed = listing(dir.path(), &problems).join("\n");
    let first = format!("{}:2 (feed[1])", dir.path().join("a.toml").display());
    for expected in ["b.toml:4: error: feed[1].url: ", "c.opml:2: error: outline.xmlUrl: ", &first] {
        assert!(listed.contains(expected), "{listed}");
    }
}

#[test]
fn opml_gives_feeds_with_folders_as_tags() {
    let opml = r#"<?xml version="1.0"?><opml version="1.0"><body>
<outline text="World News"><outline text="Africa">
  <OUTLINE type="rss" text="A &amp; B" xmlurl="https://a.example/feed" language="en-GB"/>
  <outline title="Caf&eacute; &bad; & co" xmlUrl="https://b.example/?x=1&amp;y=2" category="/wire,top"></outline>
</outline></outline></outline>
<outline xmlUrl="https://a.example/feed" text="again"><outline text="Sport"/>
</body>"#;
    let dir = directory(&[("wirewatch.toml", "feed_files = [\"my.OPML\"]"), ("my.OPML", opml)]);
    let feeds = load(&dir).unwrap().config.feeds;
    let shown: Vec<_> =
        feeds.iter().map(|feed| (feed.name.as_str(), feed.url.as_str(), feed.tags.join(" "))).collect();
    assert_eq!(
        shown,
        [
            ("A & B", "https://a.example/feed", "world-news africa".to_owned()),
            ("Caf&eacute; &bad; & co", "https://b.example/?x=1&y=2", "world-news africa wire top".to_owned()),
        ]
    );
    assert_eq!(feeds[0].language.as_deref(), Some("en"));
}

#[test]
fn servers_are_read() {
    let check = |url: &str, expected: (&str, u16, Tls, Option<&str>)| {
        let text = format!("[mail]\nserver = \"{url}\"\n");
        let dir = directory(&[("wirewatch.toml", &text)]);
        let environment =
            Environment { smtp_password: Some(Secret::new("pw".to_owned())), ..Environment::default() };
        let loaded = config::load(dir.path(), &environment).unwrap();
        let server = loaded.config.mail.door.server.unwrap();
        let found = (server.host.as_str(), server.port, server.tls, server.user.as_deref());
        assert_eq!(found, expected, "{url}");
        assert_eq!(server.password.is_some(), expected.3.is_some(), "{url}");
    };
    check("smtp://mail.example.org", ("mail.example.org", 25, Tls::Opportunistic, None));
    check("smtp://Mail.Example.org:2525/", ("mail.example.org", 2525, Tls::Opportunistic, None));
    check("smtp://u@h", ("h", 587, Tls::Opportunistic, Some("u")));
    check("smtp://u%40example.org@h?tls=required", ("h", 587, Tls::Required, Some("u@example.org")));
    check("smtp://u@example.org@127.0.0.2?tls=none", ("127.0.0.2", 587, Tls::None, Some("u@example.org")));
    check("smtp://u@localhost?tls=none", ("localhost", 587, Tls::None, Some("u")));
    check("smtp://127.0.0.1:1025?tls=none", ("127.0.0.1", 1025, Tls::None, None));
    check("smtps://u@[::1]", ("::1", 465, Tls::Implicit, Some("u")));
}

#[test]
fn a_password_that_would_be_readable_on_the_way_is_refused_where_mail_refuses_it() {
    let listed = |server: &str| {
        let text = format!("[mail]\nserver = \"{server}\"\nfrom = \"a@example.org\"\n");
        let dir = directory(&[("wirewatch.toml", &text)]);
        let environment =
            Environment { smtp_password: Some(Secret::new("pw".to_owned())), ..Environment::default() };
        let (door, problems) = match config::load(dir.path(), &environment) {
            Ok(loaded) => (Some(loaded.config.mail.door), loaded.warnings),
            Err(problems) => (None, problems),
        };
        let of_server =
            problems.into_iter().filter(|problem| problem.key == "mail.server").collect::<Vec<_>>();
        (door, listing(dir.path(), &of_server), of_server)
    };
    for server in ["smtp://u@mail.example.org?tls=none", "smtp://u@192.0.2.1:25?tls=none"] {
        let (door, lines, problems) = listed(server);
        assert!(door.is_none(), "{server}");
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(
            lines[0].starts_with("wirewatch.toml:2: error: mail.server: the password would"),
            "{lines:?}"
        );
        assert!(problems[0].hint.as_ref().unwrap().contains("smtps://"));
    }
    // What is called sound can be opened.
    for server in
        ["smtp://u@127.0.0.9?tls=none", "smtp://u@LOCALHOST?tls=none", "smtp://mail.example.org?tls=none"]
    {
        let (door, lines, _) = listed(server);
        assert!(lines.is_empty(), "{server}: {lines:?}");
        wirewatch::mail::Mailer::new(&door.unwrap()).unwrap();
    }
    let (door, lines, _) = listed("smtp://u@mail.example.org");
    assert!(door.is_some() && lines[0].contains("warning") && lines[0].contains("STARTTLS"), "{lines:?}");
}

#[test]
fn senders_are_written_so_that_mail_libraries_read_them() {
    let check = |from: &str, expected: &str| {
        let dir = directory(&[("wirewatch.toml", &format!("[mail]\nfrom = '{from}'\n"))]);
        let found = load(&dir).unwrap().config.mail.door.from;
        assert_eq!(found, expected);
        let mailbox: lettre::message::Mailbox = found.parse().unwrap();
        assert_eq!(mailbox.email.to_string(), "a@example.org");
    };
    check("a@example.org", "a@example.org");
    check("Wirewatch <a@example.org>", "Wirewatch <a@example.org>");
    check("News, Ltd. <a@example.org>", "\"News, Ltd.\" <a@example.org>");
    check("\"News, Ltd.\" <a@example.org>", "\"News, Ltd.\" <a@example.org>");
    check("Überwachung <a@example.org>", "Überwachung <a@example.org>");
}

#[test]
fn the_password_is_found_in_file_then_credential_then_environment() {
    let dir = directory(&[
        ("wirewatch.toml", "[mail]\nserver = \"smtps://u@h\"\nfrom = \"a@b.org\"\n"),
        ("with_file/wirewatch.toml", "[mail]\nserver = \"smtps://u@h\"\npassword_file = \"pw\"\n"),
        ("with_file/pw", "from file\r\n"),
        ("credentials/smtp-password", "from credential\n"),
    ]);
    let environment = |credentials: bool| Environment {
        credentials_directory: credentials.then(|| dir.path().join("credentials")),
        smtp_password: Some(Secret::new("from environment".to_owned())),
        ..Environment::default()
    };
    let password = |dir: &Path, environment: &Environment| {
        let server = config::load(dir, environment).unwrap().config.mail.door.server.unwrap();
        server.password.unwrap().expose().to_owned()
    };
    assert_eq!(password(&dir.path().join("with_file"), &environment(true)), "from file");
    assert_eq!(password(dir.path(), &environment(true)), "from credential");
    assert_eq!(password(dir.path(), &environment(false)), "from environment");
}

#[test]
fn password_files_must_hold_one_line_and_be_private() {
    let main = "[mail]\nserver = \"smtps://u@h\"\npassword_file = \"pw\"\nfrom = \"a@b.org\"\n";
    let check = |password: &str, expected: &str| {
        let dir = directory(&[("wirewatch.toml", main), ("pw", password)]);
        let listed = listing(dir.path(), &load(&dir).unwrap_err()).join("\n");
        assert!(listed.contains("wirewatch.toml:3: error: mail.password_file: "), "{listed}");
        assert!(listed.contains(expected), "{listed}");
    };
    check("", "the password file is empty");
    check("\n", "the password file is empty");
    check("one\ntwo\n", "more than one line");
    check(&"x".repeat(5_000), "larger than 4KiB");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let dir = directory(&[("wirewatch.toml", main), ("pw", "hunter2")]);
        let set_mode =
            |mode| fs::set_permissions(dir.path().join("pw"), fs::Permissions::from_mode(mode)).unwrap();
        let said = || listing(dir.path(), &load(&dir).unwrap().warnings).join("\n");
        set_mode(0o640);
        assert!(said().contains("wirewatch.toml:3: warning: mail.password_file"), "{}", said());
        assert!(said().contains("can be read by others (mode 640)"), "{}", said());
        set_mode(0o600);
        assert!(!said().contains("password_file"), "{}", said());
    }
}

#[test]
fn secrets_are_never_shown() {
    let check = |main: &str| {
        let dir = directory(&[("wirewatch.toml", main), ("pw", "hunter2\n")]);
        let environment =
            Environment { smtp_password: Some(Secret::new("hunter2".to_owned())), ..Environment::default() };
        let shown = match config::load(dir.path(), &environment) {
            Ok(loaded) => format!("{loaded:?}{}", config::render(&loaded.warnings, false)),
            Err(problems) => {
                let lines: String = problems.iter().map(ToString::to_string).collect();
                format!("{problems:?}{}{lines}", config::render(&problems, true))
            }
        };
        assert!(shown.contains("wirewatch.toml"), "{main}: something was said");
        assert!(!shown.contains("hunter2"), "{main}\n{shown}");
        assert!(!format!("{environment:?}").contains("hunter2"));
    };
    check("[mail]\nserver = \"smtps://u@h\"\npassword_file = \"pw\"\n");
    check("[mail]\nserver = \"smtps://u:hunter2@h\"\n");
    check("[mail]\nserver = \"smtps://u:hunter2@h:99999\"\n");
    check("[mail]\nserver = \"smtps://u:hunter2@\n");
    check("[mail]\nserver = \"http://u:hunter2@h\"\n");
    check("[mail]\nserver = \"u:hunter2@h\"\n");
    check("[mail]\nserver = \"smtps://u@h?password=hunter2\"\n");
    check("[mail]\npassword = \"hunter2\"\n");
    check("[mail]\npassword = hunter2\n");
    check("[mail]\nsmtp_password = \"hunter2\"\n");
    check("[mail]\ntimeout = \"smtps://u:hunter2@h\"\n");
    check("[mail]\nfrom = \"smtps://u:hunter2@h\"\n");
    check("[log]\nlevel = \"smtps://u:hunter2@h\"\n");
    check("\"smtps://u:hunter2@h\" = 1\n");
}

#[test]
fn data_goes_where_systemd_says() {
    let dir = directory(&[("wirewatch.toml", "data_dir = \"../data\"\n")]);
    let beside = dir.path().canonicalize().unwrap().parent().unwrap().join("data");
    assert_eq!(load(&dir).unwrap().config.data_dir, beside, "a path in messages has no ..");
    let inside = directory(&[("wirewatch.toml", "data_dir = \"data\"\n")]);
    assert_eq!(load(&inside).unwrap().config.data_dir, inside.path().join("data"));
    let environment =
        Environment { state_directory: Some("/var/lib/wirewatch".into()), ..Environment::default() };
    let config = config::load(dir.path(), &environment).unwrap().config;
    assert_eq!(config.data_dir, Path::new("/var/lib/wirewatch"));
    assert_eq!(config.mail.door.outbox_dir, Path::new("/var/lib/wirewatch/outbox"));
}

#[test]
fn private_addresses_are_allowed_for_all_or_one() {
    let check = |poll: &str, feed: &str, expected| {
        let dir = directory(&[
            ("wirewatch.toml", &format!("[poll]\n{poll}\n")),
            ("feeds.toml", &format!("{FEED}{feed}\n")),
        ]);
        let feeds = load(&dir).unwrap().config.feeds;
        assert_eq!(feeds[0].allow_private_addresses, expected, "{poll} {feed}");
    };
    check("", "", false);
    check("", "allow_private_addresses = true", true);
    check("allow_private_addresses = true", "", true);
    check("allow_private_addresses = true", "allow_private_addresses = false", false);
}

#[test]
fn a_feed_that_is_not_enabled_is_not_polled() {
    let dir = directory(&[("feeds.toml", &format!("{FEED}enabled = false\n"))]);
    assert!(load(&dir).unwrap().config.feeds.is_empty());
}

#[test]
fn the_hash_follows_every_byte_and_nothing_else() {
    let files = [("wirewatch.toml", ROUTE), ("feeds.toml", FEED), ("topics/strike.toml", TOPIC)];
    let hash = |files: &[(&str, &str)]| load(&directory(files)).unwrap().config.hash;
    let first = hash(&files);
    assert_eq!(first, hash(&files), "another directory, the same bytes");
    for index in 0..files.len() {
        let mut changed = files;
        let text = format!("{} # changed\n", files[index].1);
        changed[index].1 = &text;
        assert_ne!(first, hash(&changed), "{}", files[index].0);
    }
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let huge = "#".repeat((5 << 20) + 1);
    let dir = directory(&[("wirewatch.toml", &huge), ("feeds.toml", FEED), ("topics/a.toml/x", "")]);
    fs::write(dir.path().join("topics/b.toml"), b"id = \"b\"\nname = \"\xff\"\n").unwrap();
    let listed = listing(dir.path(), &load(&dir).unwrap_err()).join("\n");
    for expected in [
        "wirewatch.toml: error: : the file cannot be read: it is larger than 5MiB",
        "topics/a.toml: error: : the file cannot be read: it is not a regular file",
        "topics/b.toml:2: error: : byte 18 is not UTF-8",
    ] {
        assert!(listed.contains(expected), "{listed}");
    }
}

#[test]
fn the_starter_runs_as_it_is_and_overwrites_nothing() {
    let dir = TempDir::new().unwrap();
    let target = dir.path().join("etc/wirewatch");
    let written = starter::write(&target).unwrap();
    assert_eq!(written.len(), starter::FILES.len());
    let loaded =
        config::load(&target, &Environment::default()).map_err(|p| config::render(&p, false)).unwrap();
    assert!(!loaded.config.feeds.is_empty() && !loaded.config.topics.is_empty());
    fs::remove_file(&written[0]).unwrap();
    let error = starter::write(&target).unwrap_err().to_string();
    assert!(error.contains("exists already"), "{error}");
    assert!(!written[0].exists(), "nothing is written when something is in the way");
}

/// `UPDATE_DOCS=1 cargo test --test it config::` rewrites the page.
#[test]
fn the_manual_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let manual = config::manual();
    #[allow(clippy::disallowed_methods, reason = "a switch of the test, not of the product")]
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &manual).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == manual,
        "docs/configuration.md is behind src/config/raw.rs: run UPDATE_DOCS=1 cargo test --test it config::"
    );
}

/// Bits of the file format, right and wrong, to be thrown together.
fn fragment() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(vec![
            "[poll]",
            "[mail]",
            "[[route]]",
            "[[feed]]",
            "[[signal]]",
            "[sets]",
            "[alert]",
            "[[example]]",
            "\n",
            "\r\n",
            " = ",
            "interval",
            "server",
            "url",
            "when",
            "truce.en",
            "weight",
            "threshold",
            "\"15m\"",
            "\"smtps://u:p@h\"",
            "\"https://é.example/\"",
            "[",
            "]",
            "{",
            "}",
            "\"\"\"",
            "'''",
            "\\u00e9",
            "\\",
            "1e999",
            "0x7fffffffffffffff",
            "-0",
            "1979-05-27",
            "\u{feff}",
            "\u{202e}",
            "\t",
            "#",
            ",",
            ".",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(parts in proptest::collection::vec(fragment(), 0..40)) {
        let text = parts.concat();
        let dir = directory(&[
            ("wirewatch.toml", "feed_files = [\"feeds.toml\", \"feeds.opml\"]"),
            ("feeds.toml", &text),
            ("feeds.opml", &text),
            ("topics/a.toml", &text),
        ]);
        if let Err(problems) = load(&dir) {
            prop_assert!(!config::render(&problems, true).is_empty());
        }
        fs::write(dir.path().join("wirewatch.toml"), &text).unwrap();
        if let Err(problems) = load(&dir) {
            prop_assert!(!config::render(&problems, false).is_empty());
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let dir = directory(&[]);
        fs::create_dir(dir.path().join("topics")).unwrap();
        for name in ["wirewatch.toml", "feeds.toml", "topics/a.toml"] {
            fs::write(dir.path().join(name), &bytes).unwrap();
        }
        if let Err(problems) = load(&dir) {
            prop_assert!(!config::render(&problems, false).is_empty());
        }
    }
}

#[test]
fn faults_inside_queries_are_shown_where_they_stand() {
    let check = |topic: &str, expected: (usize, usize), key: &str| {
        let topic = format!("id = \"strike\"\n{topic}");
        let dir = directory(&[("topics/strike.toml", &topic)]);
        let problems = load(&dir).unwrap_err();
        let errors: Vec<_> = problems.iter().filter(|p| p.severity == ProblemSeverity::Error).collect();
        assert_eq!(errors.len(), 1, "{errors:#?}");
        let found = (errors[0].line.unwrap(), errors[0].column.unwrap());
        assert_eq!((found, errors[0].key.as_str()), (expected, key), "{}", errors[0]);
    };
    let signal = |when: &str| format!("[[signal]]\nname = \"n\"\nwhen = {when}\nweight = 90\n");
    check(&signal("\"strike NEAR/x riot\""), (4, 16), "signal[1].when");
    check(&signal("'strike NEAR/x riot'"), (4, 16), "signal[1].when");
    check(&signal("\"\\\"a b\\\" NEAR/x riot\""), (4, 17), "signal[1].when");
    check(&signal("\"\"\"\nstrike\n  NEAR/x riot\"\"\""), (6, 3), "signal[1].when");
    check(
        &format!("[sets]\ntruce.ar = [\"هدنة\", \"ba*d\"]\n{}", signal("\"@truce\"")),
        (3, 22),
        "sets.truce.ar[2]",
    );
}
