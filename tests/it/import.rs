//! Import: search strings and lists of weighted words of other systems, and drafts out of headlines.
#![allow(
    clippy::format_collect,
    clippy::type_complexity,
    reason = "documents of tests are small, and to be read"
)]

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::{ProptestConfig, Strategy, any, prop_assert_eq, proptest};
use wirewatch::article::Article;
use wirewatch::config::topic_lint::read_topic;
use wirewatch::feed::Tier;
use wirewatch::topic::context::Languages;
use wirewatch::topic::draft::headlines::{Headline, Start, draft};
use wirewatch::topic::draft::{id_of, string};
use wirewatch::topic::import::{Format, Import, Loss, import};
use wirewatch::topic::{Topic, Topics};

use crate::support::growth::assert_linear;

fn read(text: &str) -> Result<Import, Loss> {
    import(text, Format::of(text), "test", "Test")
}

/// The topic that a text becomes; it passes what any file passes.
#[track_caller]
fn topic(import: &Import) -> Topic {
    let text = import.draft.to_toml();
    read_topic(Path::new("test.toml"), text.clone())
        .unwrap_or_else(|problems| panic!("{problems:#?}\n{text}"))
}

/// Queries, sets and losses of what a search string becomes.
#[track_caller]
fn check(text: &str, whens: &[&str], sets: &[&str], losses: &[&str]) {
    let import = read(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
    let topic = topic(&import);
    let found: Vec<&str> = topic.source.signals.iter().map(|signal| signal.when.as_str()).collect();
    assert_eq!(found, whens, "{text}");
    let found: Vec<String> = topic
        .source
        .sets
        .iter()
        .map(|set| {
            format!(
                "{}{}: {}",
                set.name,
                set.language.as_ref().map_or_else(String::new, |code| format!(".{code}")),
                set.terms.join(", ")
            )
        })
        .collect();
    assert_eq!(found, sets, "{text}");
    let found: Vec<String> = import.losses.iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), losses.len(), "{text}: {found:#?}");
    for (found, expected) in found.iter().zip(losses) {
        assert!(found.starts_with(expected), "{text}: {found}\nis not {expected}");
    }
}

#[test]
fn search_strings_keep_their_meaning() {
    check("ceasefire", &["ceasefire"], &[], &[]);
    check("a1 AND b1 OR c1 AND NOT d1", &["a1 AND b1", "c1 AND NOT d1"], &[], &[]);
    check("a1 AND (b1 OR c1)", &["a1 AND (b1 OR c1)"], &[], &[]);
    check("a1 NOT b1", &["a1 AND NOT b1"], &[], &[]);
    check("a1 && b1 || !c1 && d1", &["a1 AND b1", "d1 AND NOT c1"], &[], &[]);
    check("a1 -b1 −c1", &["a1 AND NOT b1 AND NOT c1"], &[], &[]);
    check("+a1 +b1 c1 -d1", &["a1 AND b1 AND NOT d1", "c1"], &[], &[]);
    check("“peace talks” OR «trêve»", &["(\"peace talks\" OR trêve)"], &[], &[]);
    check("\"truce broken\"~4", &["truce NEAR/5 broken"], &[], &[]);
    check("a1 NEAR b1", &["a1 NEAR/4 b1"], &[], &[]);
    check("a1 NEAR/7 b1", &["a1 NEAR/7 b1"], &[], &[]);
    check("a1 ONEAR/7 b1 OR c1 NEAR/3f d1", &["a1 ONEAR/7 b1", "c1 ONEAR/3 d1"], &[], &[]);
    check("a1 w/5 b1 OR c1 pre/2 d1", &["a1 NEAR/5 b1", "c1 ONEAR/2 d1"], &[], &[]);
    check("(a1 AND b1) NEAR/5 c1", &["(a1 NEAR/5 c1) AND (b1 NEAR/5 c1)"], &[], &[]);
    check("(a1 OR (b1 AND c1)) NEAR/5 d1", &["a1 NEAR/5 d1", "(b1 NEAR/5 d1) AND (c1 NEAR/5 d1)"], &[], &[]);
    check("violat* AND defen?e AND {WHO}", &["violat* AND defen?e AND {WHO}"], &[], &[]);
    check("title:a1 AND headline:(b1 OR c1)", &["title:a1 AND title:(b1 OR c1)"], &[], &[]);
    check("title:(a1 AND b1)", &["title:a1 AND title:b1"], &[], &[]);
    check(
        "a1 AND site:(www.bbc.com OR https://reliefweb.int/x) AND source:Reuters AND country:sd AND language:English",
        &[
            "a1 AND (publisher:bbc.com OR publisher:reliefweb.int) AND publisher:reuters* AND place:SD AND lang:en",
        ],
        &[],
        &[],
    );
    check("site:bbc.com", &["publisher:bbc.com"], &[], &[]);
    check("<<< ours >>> a1 <<<old: b1>>>", &["a1"], &[], &[]);
    check("\"and\" AND \"near\"", &["\"and\" AND \"near\""], &[], &[]);
}

#[test]
fn what_must_not_stand_near_is_excluded_only() {
    check("truce NEAR/5 (NOT trade)", &["truce AND NOT (truce NEAR/5 trade)"], &[], &[]);
    check("(NOT trade) ONEAR/5 truce", &["truce AND NOT (trade ONEAR/5 truce)"], &[], &[]);
    check(
        "truce NEAR/5 (broken NOT trade)",
        &["(truce NEAR/5 broken) AND truce AND NOT (truce NEAR/5 trade)"],
        &[],
        &[],
    );
    let topic = topic_of("truce NEAR/2 (NOT trade)");
    for (title, trips) in
        [("A truce holds", true), ("A trade truce", false), ("Trade goes up", false), ("Rain in May", false)]
    {
        assert_eq!(trips_on(&topic, title), trips, "{title}");
    }
    for text in ["NOT a1", "a1 OR NOT b1", "(NOT a1) NEAR/5 (NOT b1)", "NOT (a1 NEAR/5 b1)"] {
        let fault = read(text).unwrap_err();
        assert!(fault.message.contains("only says what must be absent"), "{text}: {fault}");
    }
    check("+a1 (b1 OR NOT c1)", &["a1"], &[], &["1:1: an optional part only says"]);
}

#[test]
fn groups_become_sets_and_alternatives_signals() {
    check(
        "((ceasefire OR truce OR \"peace deal\") NEAR/5 (violat* OR breach* OR broke*)) OR (truce AND shelling) NOT (trade OR film OR game)",
        &["@ceasefire NEAR/5 @violat", "truce AND shelling AND NOT @trade"],
        &[
            "ceasefire: ceasefire, truce, peace deal",
            "violat: violat*, breach*, broke*",
            "trade: trade, film, game",
        ],
        &[],
    );
    check(
        "(aid OR relief OR food) AND NOT (film OR game OR song)",
        &["@aid AND NOT @excluded"],
        &["excluded: film, game, song", "aid: aid, relief, food"],
        &[],
    );
    let same = "(aa1 OR bb1 OR cc1) NEAR/3 x1 OR (aa1 OR bb1 OR cc1) NEAR/3 y1";
    check(same, &["@aa1 NEAR/3 x1", "@aa1 NEAR/3 y1"], &["aa1: aa1, bb1, cc1"], &[]);
}

#[test]
fn what_cannot_be_said_is_told_with_its_column() {
    check("a1 AND rating:[1 TO 5]", &["a1"], &[], &["1:8: `rating:[1 TO 5]`"]);
    check("a1^2 AND b1~1", &["a1 AND b1"], &[], &["1:3: a boost", "1:12: fuzziness"]);
    check("a1\nOR /re.*x/", &["a1"], &[], &["2:4: a regular expression"]);
    check("a1 AND *fire", &["a1 AND fire"], &[], &["1:8: `*fire`"]);
    check("a1 OR co*r OR x*", &["(a1 OR co*)"], &[], &["1:7: `co*r`", "1:15: `x*`"]);
    check("a1 and b1", &["a1 AND b1"], &[], &["1:4: `and` is read as the operator AND"]);
    check("a1 b1", &["a1 AND b1"], &[], &["1:4: no operator"]);
    check("a1 NEAR/500 b1", &["a1 NEAR/100 b1"], &[], &["1:4: NEAR/500 is more than 100"]);
    check("a1 AND country:Atlantis", &["a1"], &[], &["1:8: country `Atlantis`"]);
    check("a1 AND lang:klingon", &["a1"], &[], &["1:8: `klingon`"]);
    for (text, fault) in [
        ("(a1 OR b1", "1:1: this bracket is never closed"),
        ("a1) OR b1", "1:3: this bracket closes nothing"),
        ("\"a1", "1:1: this quote is never closed"),
        ("a1 NEAR/5", "1:10: a word is missing"),
        ("NEAR/5 a1", "1:1: a word is missing before"),
        ("rating:5", "1:1: nothing of this"),
        ("", "1:1: nothing of this"),
        ("  ()", "1:1: nothing of this"),
    ] {
        assert!(read(text).unwrap_err().to_string().starts_with(fault), "{text}: {:?}", read(text));
    }
    let deep = format!("{}a1{}", "(".repeat(60), ")".repeat(60));
    assert!(read(&deep).unwrap_err().message.contains("deep"));
    let fields = format!("{}a1", "title:".repeat(5000));
    assert!(read(&fields).unwrap_err().message.contains("deep"));
    let wide = vec!["(a1 AND b1 AND c1 AND d1 AND e1)"; 30].join(" NEAR/5 ");
    assert!(read(&wide).unwrap_err().message.contains("import it in parts"));
}

#[test]
fn long_lists_are_read_in_linear_time() {
    let joined =
        |count: usize, part: &dyn Fn(usize) -> String| (0..count).map(part).collect::<Vec<_>>().join("\nOR ");
    let work = |text: &str| drop(read(text).unwrap());
    let kinds: [(&str, fn(usize) -> String); 4] = [
        ("words", |number| format!("word{number}")),
        ("losses", |number| format!("word{number}^2")),
        ("brackets", |number| format!("(word{number} AND other)")),
        ("same names", |number| format!("(one AND two AND word{number})")),
    ];
    for (name, part) in kinds {
        assert_linear(name, 1_000, |count| joined(count, &part), work);
    }
    let weighted = |count: usize| (0..count).map(|number| format!("word{number} 10\n")).collect();
    assert_linear("weighted", 1_000, weighted, work);
    let many = read(&joined(50_001, &|number| format!("word{number}"))).unwrap_err();
    assert!(many.to_string().starts_with("50001:4: these are more than 50000 terms"), "{many}");
    assert!(read(&vec!["a1"; 30_000].join(" NEAR ")).unwrap_err().message.contains("import it in parts"));
}

#[test]
fn lists_of_weighted_words_trip_where_they_did() {
    let text = "# threshold = 40\n# Truces\n[en]\ntruce 20\nceasefire;20\npeace+talks\t10\nbreach%[15]\nwar crime 40\nfootball -100\n\
                [fr]\ncessez-le-feu 40\n[klingon]\nd_fence, 5\n%ing 3\nnothing\nempty 0\n";
    assert_eq!(Format::of(text), Format::Emm);
    let import = read(text).unwrap();
    let topic = topic(&import);
    let signal = |when: &str| {
        let found = topic.source.signals.iter().find(|signal| signal.when == when);
        found.unwrap_or_else(|| panic!("{when}: {:#?}", topic.source.signals)).weight
    };
    for (when, weight) in [
        ("@weight_40", 73.0),
        ("truce", 36.5),
        ("ceasefire", 36.5),
        ("peace NEAR/4 talks", 18.3),
        ("breach*", 27.4),
        ("d?fence", 9.1),
        ("@against_100", -182.5),
    ] {
        assert!((signal(when) - weight).abs() < 0.01, "{when}: {}", signal(when));
    }
    let lists: Vec<_> = topic
        .source
        .sets
        .iter()
        .map(|set| (set.name.as_str(), set.language.as_deref().unwrap_or("")))
        .collect();
    assert_eq!(lists, [("weight_40", "en"), ("weight_40", "fr"), ("against_100", "en")]);
    let losses: Vec<String> = import.losses.iter().map(ToString::to_string).collect();
    for (line, words) in [(12, "[klingon]"), (14, "%ing"), (15, "no weight"), (16, "weight of 0")] {
        assert!(
            losses.iter().any(|loss| loss.starts_with(&format!("{line}:1:")) && loss.contains(words)),
            "{words}: {losses:#?}"
        );
    }
    for (title, trips) in [
        ("A war crime", true),
        ("Truce and ceasefire", true),
        ("A truce", false),
        ("Talks and peace", false),
        ("War crime of football", false),
    ] {
        assert_eq!(trips_on(&topic, title), trips, "{title}");
    }
    // Lists for all languages and for one cannot be one set.
    let mixed = topic_of("a1 50\n[en]\nb1 50\nthreshold 50\n");
    assert_eq!(mixed.source.signals[0].when, "@weight_50 OR @weight_50_all");
    let many: Vec<String> = (0..60).map(|number| format!("word{number} 10")).collect();
    assert_eq!(topic_of(&many.join("\n")).source.signals.len(), 1);
}

fn topic_of(text: &str) -> Topic {
    topic(&read(text).unwrap())
}

fn article(title: &str) -> Article {
    Article {
        title: title.into(),
        summary: String::new(),
        body: String::new(),
        url: None,
        language: "und".into(),
        publisher: "example.org".into(),
        tier: Tier::default(),
        feed: String::new(),
        tags: Vec::new(),
        published_at: None,
        seen_at: Timestamp::UNIX_EPOCH,
        places: Vec::new(),
        fingerprint: 0,
    }
}

fn trips_on(topic: &Topic, title: &str) -> bool {
    let topics = Topics::new(vec![topic.clone()], Arc::new(Languages::default()));
    topics.score_each(&article(title))[0].trips
}

#[test]
fn formats_are_told_apart() {
    for (text, format) in [
        ("truce 20\nwar 10", Format::Emm),
        ("# list\ntruce;20\n[fr]\ntrêve[20]\nthreshold=30", Format::Emm),
        ("truce AND war", Format::Boolean),
        ("(truce\nOR war 2)", Format::Boolean),
        ("truce", Format::Boolean),
        ("", Format::Boolean),
    ] {
        assert_eq!(Format::of(text), format, "{text}");
    }
    for (text, id) in
        [("Truce broken!", "truce-broken"), ("trêve_2024", "treve-2024"), ("هدنة", ""), ("--", "")]
    {
        assert_eq!(id_of(text), id);
    }
    for text in ["a", "say \"x\"", "it's \"x\"", "a\\b", "two\nlines\t", "\u{1}", ""] {
        let table: toml::Table = format!("x = {}", string(text)).parse().unwrap();
        assert_eq!(table["x"].as_str().unwrap(), text);
    }
}

const WORDS: [&str; 4] = ["alpha", "bravo", "charlie", "delta"];

/// A search string, and whether it holds for a set of words.
#[derive(Debug, Clone)]
enum Said {
    Word(usize),
    Not(Box<Said>),
    And(Vec<Said>),
    Or(Vec<Said>),
}

impl Said {
    fn holds(&self, words: usize) -> bool {
        match self {
            Self::Word(word) => words >> word & 1 == 1,
            Self::Not(said) => !said.holds(words),
            Self::And(parts) => parts.iter().all(|part| part.holds(words)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(words)),
        }
    }

    /// With brackets only where NOT > AND > OR needs them.
    fn text(&self, above: u8) -> String {
        let (text, rank) = match self {
            Self::Word(word) => (WORDS[*word].to_owned(), 3),
            Self::Not(said) => (format!("NOT {}", said.text(2)), 2),
            Self::And(parts) => (parts.iter().map(|part| part.text(1)).collect::<Vec<_>>().join(" AND "), 1),
            Self::Or(parts) => (parts.iter().map(|part| part.text(0)).collect::<Vec<_>>().join(" OR "), 0),
        };
        if rank < above { format!("({text})") } else { text }
    }
}

fn said() -> impl Strategy<Value = Said> {
    (0..4_usize).prop_map(Said::Word).prop_recursive(4, 20, 3, |inner| {
        (any::<u8>(), proptest::collection::vec(inner, 1..4)).prop_map(|(kind, mut parts)| match kind % 4 {
            0 => Said::Not(Box::new(parts.remove(0))),
            1 => Said::Or(parts),
            _ => Said::And(parts),
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn an_import_holds_where_its_source_did(said in said()) {
        let text = said.text(0);
        let Ok(import) = read(&text) else { return Ok(()) };
        // What only says what must be absent is refused here, as anywhere.
        let Ok(topic) = read_topic(Path::new("test.toml"), import.draft.to_toml()) else { return Ok(()) };
        for words in 0..16_usize {
            let title: Vec<&str> = (0..4).filter(|word| words >> word & 1 == 1).map(|word| WORDS[word]).collect();
            let found = trips_on(&topic, &format!("{} end", title.join(" and ")));
            prop_assert_eq!(found, said.holds(words), "{} for {:?}: {:#?}", text, title, topic.source.signals);
        }
    }

    #[test]
    fn no_text_breaks_the_import(text in "[ab (){}\"“~^*?/:+NOTARE<>\\[\\]0-9\n-]{0,80}") {
        if let Ok(import) = read(&text) {
            // Either it is a topic, or the check says why not.
            drop(read_topic(Path::new("test.toml"), import.draft.to_toml()));
        }
    }
}

#[test]
fn a_draft_tells_the_subject_from_what_happens_to_it() {
    let headlines = |lines: &[&str]| -> Vec<Headline> {
        lines.iter().map(|line| Headline { text: (*line).to_owned(), language: "en".to_owned() }).collect()
    };
    let start = Start {
        id: "bridge-closed".into(),
        name: "Bridge closed".into(),
        description: "A bridge is closed".into(),
        alert: headlines(&[
            "Bridge collapses after flood",
            "Army shuts bridge to lorries",
            "Old bridge closed by landslide",
            "River crossing washed away",
        ]),
        quiet: headlines(&[
            "Bridge reopens to traffic",
            "New bridge opens in spring",
            "River festival draws crowds",
        ]),
        languages: vec!["en".into()],
    };
    let draft = draft(&start).unwrap();
    let terms =
        |name: &str| draft.sets.iter().find(|set| set.name == name).map(|set| set.terms.join(" ")).unwrap();
    assert!(terms("subject").starts_with("bridge"), "{}", terms("subject"));
    for verb in ["collapses", "shuts", "closed"] {
        assert!(terms("event").contains(verb), "{verb}: {}", terms("event"));
    }
    assert!(terms("calm").contains("reopens") && !terms("calm").contains("bridge"), "{}", terms("calm"));
    assert_eq!(draft.stemmed, ["event"]);
    assert_eq!(draft.examples.len(), 7);
    let topic = read_topic(Path::new("bridge-closed.toml"), draft.to_toml()).unwrap();
    assert!(trips_on(&topic, "Bridge closed after storm") && !trips_on(&topic, "Bridge reopens after storm"));
    assert!(wirewatch::topic::draft::headlines::draft(&Start::default()).is_none());
}
