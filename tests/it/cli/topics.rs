//! Help for the person who writes topics: what `check` warns of, `score` shows, `topics show`, `import` and `new`.

use std::fs;

use super::super::support::desk::{Desk, FAST, ROUTE, feed, item};
use super::super::support::http;

const BREACH: &str = "Army violates ceasefire hours after deal";

/// A desk without the shipped topics.
fn bare(main: &str) -> Desk {
    let desk = Desk::new(main);
    fs::remove_dir_all(desk.config().join("topics")).unwrap();
    desk
}

#[test]
fn check_warns_of_slips_with_line_key_and_hint_and_still_calls_it_sound() {
    let desk = bare(ROUTE);
    desk.write(
        "topics/bridge.toml",
        "id = \"bridge\"\n[sets]\nshut = [\"closed\", \"shut\",\n  \"closed\"]\nidle = [\"x1\"]\ndecoy = [\"shut\"]\n\
         [[signal]]\nname = \"a bridge\"\nwhen = \"@shut NEAR/20 bridge\"\nweight = 60\n\
         [[signal]]\nname = \"fire\"\nwhen = \"fire\"\nweight = 55\n\
         [[example]]\nexpect = \"quiet\"\ntext = \"A bridge\"\n[[example]]\nexpect = \"quiet\"\ntext = \"a bridge\"\n",
    );
    let ran = desk.run(&["check"]).expect(0);
    assert!(ran.out.contains("is sound"), "{}", ran.out);
    for (place, key, hint) in [
        ("topics/bridge.toml:4:4", "sets.shut[3]: `closed` stands twice", "remove one of the two"),
        ("topics/bridge.toml:3:20", "sets.shut[2]: `shut` is a decoy", "remove the decoy"),
        ("topics/bridge.toml:5:10", "sets.idle[1]: no signal uses the set idle", "write @idle"),
        ("topics/bridge.toml:9:15", "signal[1].when: 20 words apart", "NEAR/15"),
        ("topics/bridge.toml:13:9", "signal[2].when: `fire` stands alone", "NEAR/6"),
        ("topics/bridge.toml:20:9", "example[2].text: this example stands already on line 17", "remove one"),
    ] {
        assert!(
            ran.err.contains(place) && ran.err.contains(key) && ran.err.contains(hint),
            "{place} {key}:\n{}",
            ran.err
        );
    }
    assert_eq!(ran.err.matches("topics/bridge.toml:").count(), 6, "{}", ran.err);
    // What runs every day is not told every time.
    assert!(!desk.run(&["topics", "list"]).expect(0).err.contains("bridge.toml"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_asks_a_large_archive_which_terms_are_never_or_always_there() {
    let server = http::Server::start().await;
    let news: String = (0..1_050)
        .map(|number| item(&format!("n{number}"), &format!("Market report {number}"), "", 1))
        .collect();
    server.set("/feed", feed(&news));
    let desk = bare(&format!("{FAST}{ROUTE}"));
    desk.write(
        "topics/market.toml",
        "id = \"market\"\n[sets]\nplace = [\"market\", \"bazaar\", \"souk hall\", \"report 7\"]\nevent = [\"reports\", \"burn*\"]\n\
         [[signal]]\nname = \"named\"\nwhen = \"@place\"\nweight = 30\n\
         [[signal]]\nname = \"burns\"\nwhen = \"@event NEAR/6 @place\"\nweight = 60\n",
    );
    desk.feeds([server.url("/feed")]);
    let ran = desk.run(&["check"]).expect(0);
    assert!(!ran.err.contains("market.toml"), "without an archive there is nothing to say: {}", ran.err);
    desk.run(&["run", "--once"]).expect(0);
    let ran = desk.run(&["check"]).expect(0);
    assert!(ran.err.contains("market.toml: 4 of 6 terms match nothing in your newest 1050 articles: reports, burn*, bazaar, souk hall"), "{}", ran.err);
    assert!(
        ran.err.contains("1 of 6 terms stand in more than 5%") && ran.err.contains("themselves: market\n"),
        "{}",
        ran.err
    );
}

#[test]
fn score_marks_the_words_and_adds_up_the_points() {
    let desk = bare("");
    desk.write(
        "topics/truce.toml",
        "id = \"truce\"\n[sets]\nbreach = [\"violat*\"]\n[[signal]]\nname = \"broken\"\nwhen = \"@breach NEAR/6 ceasefire\"\nweight = 60\n\
         [[signal]]\nname = \"a deal\"\nwhen = \"deal\"\nweight = -10\n[[signal]]\nname = \"convoy\"\nwhen = \"convoy NEAR/4 blocked\"\nweight = 30\n",
    );
    let filler = "The weather in the hills stayed dry for most of the afternoon. ".repeat(12);
    let text = format!("{BREACH}\n\n{filler}The convoy was not blocked. {filler}");
    let plain = desk.run_with(&["score", "--topic", "truce", "-"], &text).expect(0).out;
    for line in [
        "  TRIPS  0.73 of 0.70  truce",
        "      +60.0   +60.0  title    affirmed      broken: violates ceasefire",
        "      -10.0   +50.0  title    affirmed      a deal: deal",
        "       +0.0   +50.0  body     negated       convoy: convoy … blocked",
        "               50.0 points → score 0.73",
    ] {
        assert!(plain.lines().any(|found| found.trim_end() == line), "{line}\n{plain}");
    }
    assert!(!plain.contains('\u{1b}') && !plain.contains("quiet"), "{plain}");
    let body = plain.lines().find(|line| line.starts_with("    body     … ")).unwrap();
    assert!(
        body.contains("The convoy was not blocked.") && body.chars().count() < 300,
        "only what is around: {body}"
    );
    let colours =
        desk.run_with(&["score", "--topic", "truce", "--color", "always", "-"], &text).expect(0).out;
    for painted in
        ["\u{1b}[1;32mviolates ceasefire\u{1b}[0m", "\u{1b}[1;31mdeal\u{1b}[0m", "\u{1b}[2mconvoy\u{1b}[0m"]
    {
        assert!(colours.contains(painted), "{painted:?}\n{colours}");
    }
    let hostile = desk.run_with(&["score", "-"], "Army \u{1b}[2J violates ceasefire").expect(0).out;
    assert!(!hostile.contains('\u{1b}'), "{hostile:?}");
    let ran = desk.run_with(&["score", "--topic", "nothing", "-"], &text).expect(2);
    assert!(ran.err.contains("topics are: "), "{}", ran.err);
    desk.run_with(&["score", "--topic", "truce", "--json", "-"], &text).expect(2);
}

#[test]
fn topics_show_says_what_a_topic_is_made_of() {
    let desk = Desk::new("");
    let shown = desk.run(&["topics", "show", "ceasefire-breakdown"]).expect(0).out;
    for words in [
        "topics/ceasefire-breakdown.toml",
        "critical",
        "CAMEO 196",
        "truce ",
        "en ",
        "a truce is broken",
        "negated 0",
        "points",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let json = desk.run(&["topics", "show", "ceasefire-breakdown", "--json"]).expect(0).json();
    assert_eq!(json[0]["id"], "ceasefire-breakdown");
    assert!(json[0]["signals"][0]["when"].is_string() && json[0]["context"]["hedged"].is_number());
    assert!(desk.run(&["topics", "show", "x"]).expect(2).err.contains("topics are: "));
}

#[test]
fn what_others_wrote_is_imported() {
    let desk = bare("");
    let query = desk.file(
        "My query.txt",
        "(ceasefire OR truce OR “peace deal”) NEAR/5 (violat* OR breach*)\nNOT (trade OR rating:[1 TO 5])\n",
    );
    let ran = desk.run(&["topics", "import", query.to_str().unwrap()]).expect(0);
    assert!(
        ran.out.contains("id = \"my-query\"") && ran.out.contains("@ceasefire NEAR/5 (violat* OR breach*)"),
        "{}",
        ran.out
    );
    assert!(ran.err.contains("My query.txt:2:15: `rating:[1 TO 5]`"), "{}", ran.err);
    let into = desk.config().join("topics");
    let into = into.to_str().unwrap();
    let args =
        ["topics", "import", query.to_str().unwrap(), "--id", "truce", "--name", "Truce", "--into", into];
    assert!(desk.run(&args).expect(0).out.contains("truce.toml"));
    assert!(desk.run(&["check"]).expect(0).out.contains("is sound"));
    let before = fs::read(desk.config().join("topics/truce.toml")).unwrap();
    assert!(desk.run(&args).expect(1).err.contains("nothing is overwritten"));
    assert_eq!(fs::read(desk.config().join("topics/truce.toml")).unwrap(), before);
    let mut names = fs::read_dir(into).unwrap().map(|file| file.unwrap().file_name());
    assert!(names.all(|name| !name.to_string_lossy().starts_with('.')), "a draft is left behind");
    let list = desk
        .run_with(&["topics", "import", "-", "--id", "list"], "threshold 30\ntruce 20\nwar 30\n")
        .expect(0);
    assert!(list.out.contains("weight = 73") && list.out.contains("id = \"list\""), "{}", list.out);
    let forced = desk.run_with(&["topics", "import", "-", "--format", "boolean"], "truce 20\n").expect(0);
    assert!(forced.out.contains("truce AND 20"), "{}", forced.out);
    for (args, text, words) in [
        (&["topics", "import", "-"][..], "(a OR b", "standard input:1:1: this bracket is never closed"),
        (&["topics", "import", "-"], "NOT truce", "only says what must be absent"),
        (&["topics", "import", "-", "--id", "../x"], "truce", "is not an id"),
        (&["topics", "import", "nowhere.txt"], "", "nowhere.txt"),
    ] {
        let ran = desk.run_with(args, text).expect(2);
        assert!(
            ran.err.contains(words) && ran.err.contains("hint: ") && ran.out.is_empty(),
            "{args:?}: {ran:?}"
        );
    }
    // It asks for no configuration.
    desk.run_with(&["--config", "nowhere", "topics", "import", "-"], "truce").expect(0);
}

#[test]
fn a_topic_begins_with_headlines() {
    let desk = bare("");
    let alert = desk.file(
        "alert.txt",
        "Bridge collapses after flood\nArmy shuts bridge to lorries\n\nOld bridge closed by landslide\n",
    );
    let quiet = desk.file("quiet.txt", "Bridge reopens to traffic\nNew bridge opens in spring\nBridge of sighs wins prize for restored closed balcony\n");
    let args = [
        "topics",
        "new",
        "bridge-closed",
        "--name",
        "Bridge closed",
        "--description",
        "A bridge is closed",
        "--alert",
        alert.to_str().unwrap(),
        "--quiet",
        quiet.to_str().unwrap(),
        "--languages",
        "en,fr",
    ];
    let ran = desk.run(&args).expect(0);
    assert!(ran.out.contains("of 6 examples come out right") && ran.out.contains("next: "), "{}", ran.out);
    let path = desk.config().join("topics/bridge-closed.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("subject.en = [\"bridge\"") && text.contains("stemmed = [\"event\"]"), "{text}");
    assert_eq!(text.matches("[[example]]").count(), 6);
    for line in ran.out.lines().filter(|line| line.starts_with("  ")) {
        assert!(line.contains("bridge-closed.toml:") && line.contains("should "), "{line}");
    }
    desk.run(&["topics", "list"]).expect(0);
    let ran = desk.run(&args).expect(2);
    assert!(ran.err.contains("bridge-closed.toml exists already, and nothing is overwritten"), "{}", ran.err);
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    let ran = desk.run_with(&["topics", "new", "dam", "--alert", "-"], "Dam bursts above town\n").expect(0);
    assert!(ran.out.contains("1 of 1 examples come out right"), "{}", ran.out);
    for (args, words) in [
        (&["topics", "new", "empty"][..], "nothing to begin with"),
        (&["topics", "new", "Not An Id", "--description", "A dam"], "is not an id"),
        (&["topics", "new", "x", "--languages", "klingon", "--description", "A dam"], "no language code"),
        (&["topics", "new", "x", "--alert", "-", "--quiet", "-"], "not both"),
    ] {
        let ran = desk.run(args).expect(2);
        assert!(ran.err.contains(words) && ran.err.contains("hint: "), "{args:?}: {ran:?}");
    }
}
