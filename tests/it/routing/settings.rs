//! `[[route]]` in the file: what is meant comes through, what contradicts itself is named.

use std::fs;

use tempfile::TempDir;
use wirewatch::alert::route::Mode;
use wirewatch::config::{self, Environment, ProblemSeverity};
use wirewatch::topic::Severity;

use crate::support::lab::TOPIC;

fn directory(route: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("topics")).unwrap();
    fs::write(dir.path().join("topics/broken-truce.toml"), TOPIC).unwrap();
    fs::write(dir.path().join("feeds.toml"), "[[feed]]\nurl = \"https://one.example/feed\"\n").unwrap();
    fs::write(dir.path().join("wirewatch.toml"), format!("[[route]]\nto = [\"d@e.org\"]\n{route}")).unwrap();
    dir
}

/// The problems of a route, as `line: key: message | hint`.
fn problems(route: &str, severity: ProblemSeverity) -> Vec<String> {
    let dir = directory(route);
    let found = match config::load(dir.path(), &Environment::default()) {
        Ok(loaded) => loaded.warnings,
        Err(problems) => problems,
    };
    let of = found.into_iter().filter(|problem| problem.severity == severity);
    of.map(|problem| {
        let (line, hint) = (problem.line.unwrap_or(0), problem.hint.unwrap_or_default());
        format!("{line}: {}: {} | {hint}", problem.key, problem.message)
    })
    .collect()
}

#[test]
fn a_route_is_read_as_it_is_meant() {
    let dir = directory(
        "mode = \"daily\"\nat = \"6:30\"\ntime_zone = \"Africa/Khartoum\"\nquiet_hours = \"22:00 - 05:00\"\n\
         quiet_unless = \"warning\"\nall_clear = true\n",
    );
    let config = config::load(dir.path(), &Environment::default()).unwrap();
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    let route = &config.config.routes[0];
    assert_eq!(route.mode, Mode::Daily { at: "06:30".parse().unwrap() });
    assert_eq!(
        (route.zone.iana_name(), route.all_clear, route.max_per_hour),
        (Some("Africa/Khartoum"), true, None)
    );
    let quiet = route.quiet_hours.unwrap();
    assert_eq!((quiet.words().as_str(), quiet.unless), ("22:00-05:00", Severity::Warning));
    let dir = directory("escalate_to = [\"chief@e.org\"]\n");
    let config = config::load(dir.path(), &Environment::default()).unwrap().config;
    let route = &config.routes[0];
    assert_eq!(
        (route.max_per_hour, route.mode, route.zone.iana_name()),
        (Some(10), Mode::Immediate, Some("UTC"))
    );
    assert_eq!(route.second_line.as_ref().unwrap().after.as_secs(), 900);
}

#[test]
fn contradictions_are_named_with_their_place() {
    for (route, expected, hint) in [
        (
            "mode = \"dayly\"\n",
            "3: route[1].mode: `dayly` is not one of the words",
            "did you mean \"daily\"?",
        ),
        ("at = \"07:00\"\n", "3: route[1].at: only a daily digest has a time of day", "mode = \"daily\""),
        ("mode = \"hourly\"\nat = \"07:00\"\n", "4: route[1].at: only a daily digest", "remove the line"),
        ("mode = \"daily\"\nat = \"7\"\n", "4: route[1].at: `7` is not a time of day", "23:59"),
        ("mode = \"daily\"\nat = \"24:00\"\n", "4: route[1].at: `24:00` is not a time of day", "23:59"),
        (
            "mode = \"daily\"\ntime_zone = \"Khartoum\"\n",
            "4: route[1].time_zone: `Khartoum` is not a time zone",
            "did you mean \"Africa/Khartoum\"?",
        ),
        ("mode = \"daily\"\ntime_zone = \"CEST\"\n", "4: route[1].time_zone: `CEST`", "Europe/Paris"),
        (
            "mode = \"daily\"\ntime_zone = \"Europe/Pariss\"\n",
            "`Europe/Pariss` is not a time zone",
            "did you mean \"Europe/Paris\"?",
        ),
        ("quiet_hours = \"22:00\"\n", "3: route[1].quiet_hours: `22:00` are not hours", "\"22:00-06:00\""),
        (
            "quiet_hours = \"22:00-22:00\"\n",
            "3: route[1].quiet_hours: these quiet hours begin when",
            "two different",
        ),
        (
            "quiet_unless = \"warning\"\n",
            "3: route[1].quiet_unless: there are no quiet hours",
            "set quiet_hours",
        ),
        (
            "quiet_hours = \"22:00-06:00\"\nquiet_unless = \"info\"\n",
            "4: route[1].quiet_hours: all alerts of this route are info or graver",
            "raise quiet_unless",
        ),
        (
            "quiet_hours = \"22:00-06:00\"\nseverities = [\"critical\"]\n",
            "3: route[1].quiet_hours: all alerts of this route are critical or graver",
            "lesser severities",
        ),
        (
            "mode = \"daily\"\nat = \"05:30\"\nquiet_hours = \"22:00-06:00\"\n",
            "4: route[1].at: the digest of 05:30 falls into the quiet hours 22:00-06:00",
            "outside",
        ),
        (
            "mode = \"hourly\"\nmax_per_hour = 5\n",
            "4: route[1].max_per_hour: a digest is at most",
            "immediate",
        ),
        ("max_per_hour = 0\n", "3: route[1].max_per_hour:", "1 to 1000"),
        (
            "escalate_after = \"5m\"\n",
            "3: route[1].escalate_after: there is no second address",
            "escalate_to",
        ),
        (
            "mode = \"hourly\"\nescalate_to = [\"c@e.org\"]\n",
            "4: route[1].escalate_to: a digest tells late",
            "a route of their own",
        ),
        (
            "escalate_to = [\"D@e.org\"]\n",
            "3: route[1].escalate_to[1]: D@e.org is told first already",
            "somebody else",
        ),
        (
            "escalate_to = [\"boss\"]\n",
            "3: route[1].escalate_to[1]: `boss` is not a mail address",
            "desk@example.org",
        ),
        ("escalate_to = [\"c@e.org\"]\nescalate_after = \"10s\"\n", "4: route[1].escalate_after:", "\"1m\""),
    ] {
        let found = problems(route, ProblemSeverity::Error);
        assert_eq!(found.len(), 1, "{route}\n{found:#?}");
        assert!(found[0].contains(expected), "{route}\nexpected {expected}\nfound {}", found[0]);
        assert!(found[0].contains(hint), "{route}\nexpected the hint {hint}\nfound {}", found[0]);
    }
}

#[test]
fn a_clock_that_nothing_goes_by_is_worth_a_word() {
    let found = problems("time_zone = \"Africa/Khartoum\"\n", ProblemSeverity::Warning);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("3: route[1].time_zone: nothing on this route goes by a clock"),
        "{found:?}"
    );
    assert!(
        problems("time_zone = \"UTC\"\nquiet_hours = \"22:00-06:00\"\n", ProblemSeverity::Warning).is_empty()
    );
}
