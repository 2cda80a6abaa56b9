//! How a text means what was found in it: statuses, their factors, genres, and the language files that hold the words.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::support::growth::assert_linear;
use wirewatch::article::normalize;
use wirewatch::config::{self, Environment, shipped_languages};
use wirewatch::feed::{Entry, Feed};
use wirewatch::topic::closeness::Closeness;
use wirewatch::topic::context::{Effect, Factors, Languages};
use wirewatch::topic::{
    AlertPolicy, Calibration, Evidence, Scratch, SetSource, Severity, SignalSource, Status, Topic, TopicId,
    TopicSource, Topics,
};

/// A topic of one signal, worth 100 points in a title.
fn topics(factors: Factors, languages: Arc<Languages>, context: bool) -> Topics {
    let set = |name: &str, terms: &[&str]| SetSource {
        name: name.into(),
        language: None,
        terms: terms.iter().map(|&term| term.to_owned()).collect(),
        is_stemmed: false,
    };
    let source = TopicSource {
        id: TopicId("breach".into()),
        name: "Breach".into(),
        description: String::new(),
        severity: Severity::Critical,
        sets: vec![
            set(
                "truce",
                &[
                    "ceasefire",
                    "truce",
                    "trêve",
                    "cessez-le-feu",
                    "tregua",
                    "trégua",
                    "هدنة",
                    "перемирие",
                    "перемирия",
                    "перемир'я",
                    "آتش‌بس",
                ],
            ),
            set(
                "breach",
                &[
                    "violat*",
                    "collaps*",
                    "fails to hold",
                    "no longer holds",
                    "viol*",
                    "rompu*",
                    "ruptura",
                    "romp*",
                    "انهيار",
                    "خرق",
                    "наруш*",
                    "порушен*",
                    "نقض",
                ],
            ),
        ],
        signals: vec![SignalSource {
            name: "a truce is broken".into(),
            when: "@breach NEAR/6 @truce".into(),
            weight: 100.0,
            cap: 1.0,
            context,
        }],
        factors,
        closeness: Closeness::default(),
        calibration: Calibration::default(),
        policy: AlertPolicy::default(),
        examples: Vec::new(),
    };
    Topics::new(vec![Topic::compile(source).expect("a good topic")], languages)
}

fn evidence(topics: &Topics, language: &str, title: &str, summary: &str) -> Vec<Evidence> {
    let feed = Feed {
        language: Some(language.to_owned()),
        ..Feed::new("https://example.org/feed".parse().unwrap())
    };
    let entry = Entry { title: title.to_owned(), summary: Some(summary.to_owned()), ..Entry::default() };
    let article = normalize(&entry, &feed, jiff::Timestamp::UNIX_EPOCH);
    let id = TopicId("breach".into());
    topics.score_for(&id, &article, &mut Scratch::default()).expect("the topic").evidence
}

#[track_caller]
fn check(cases: &[(&str, Status, &str)]) {
    let topics = topics(Factors::default(), shipped_languages(), true);
    for (language, expected, title) in cases {
        let evidence = evidence(&topics, language, title, "");
        let status = evidence.first().map(|evidence| evidence.status);
        assert_eq!(status, Some(*expected), "{language}: {title}: {evidence:?}");
    }
}

#[test]
fn english_headlines_are_read_as_they_are_meant() {
    check(&[
        ("en", Status::Affirmed, "Army violates ceasefire hours after deal"),
        ("en", Status::Affirmed, "Ceasefire fails to hold"),
        ("en", Status::Affirmed, "Truce no longer holds in the north"),
        ("en", Status::Negated, "Army denies violating ceasefire"),
        ("en", Status::Negated, "Truce collapse averted at the last minute"),
        ("en", Status::Negated, "No violation of the truce, monitors say"),
        ("en", Status::Hedged, "Fears that the ceasefire could collapse"),
        ("en", Status::Hedged, "Rebels accuse army of violating ceasefire"),
        ("en", Status::Hypothetical, "War will spread if truce collapses"),
        ("en", Status::Historical, "Years ago, a truce collapsed here"),
    ]);
}

#[test]
fn the_other_languages_are_read_too() {
    check(&[
        ("fr", Status::Affirmed, "Le cessez-le-feu rompu après quelques heures"),
        ("fr", Status::Negated, "L'armée nie avoir violé le cessez-le-feu"),
        ("es", Status::Negated, "El ejército niega la ruptura de la tregua"),
        ("es", Status::Hedged, "Temor a la ruptura de la tregua"),
        ("pt", Status::Negated, "Exército nega a ruptura da trégua"),
        ("ar", Status::Affirmed, "انهيار الهدنة بعد ساعات"),
        ("ar", Status::Negated, "الجيش ينفي خرق الهدنة"),
        ("ru", Status::Negated, "Армия отрицает нарушение перемирия"),
        ("uk", Status::Negated, "Армія заперечує порушення перемир'я"),
        ("fa", Status::Negated, "ارتش نقض آتش‌بس را تکذیب کرد"),
    ]);
}

#[test]
fn a_clause_ends_what_a_trigger_reaches() {
    check(&[
        ("en", Status::Affirmed, "No deal in sight, ceasefire violated again"),
        ("en", Status::Affirmed, "Talks may resume but truce collapses"),
        ("en", Status::Affirmed, "Aid could be delayed. Ceasefire violated"),
    ]);
}

#[test]
fn the_best_match_counts() {
    let topics = topics(Factors::default(), shipped_languages(), true);
    let found = evidence(&topics, "en", "Truce could collapse", "The truce collapsed on Monday.");
    assert_eq!(found[0].status, Status::Affirmed, "{found:?}");
    assert!((found[0].points - 200.0 / 3.0).abs() < 1e-9, "{found:?}");
    let found = evidence(&topics, "en", "Truce collapses", "It is not said who denies violating the truce.");
    assert_eq!((found[0].status, found[0].points), (Status::Affirmed, 100.0), "{found:?}");
}

#[test]
fn a_topic_says_what_a_status_is_worth() {
    let mut factors = Factors::default();
    let at = Effect::ALL.iter().position(|effect| *effect == Effect::Negated).unwrap();
    factors.effects[at] = -0.5;
    let own = topics(factors, shipped_languages(), true);
    let found = evidence(&own, "en", "Army denies violating ceasefire", "");
    assert_eq!((found[0].status, found[0].points), (Status::Negated, -50.0), "{found:?}");
    let unread = topics(Factors::default(), shipped_languages(), false);
    let found = evidence(&unread, "en", "Army denies violating ceasefire", "");
    assert_eq!((found[0].status, found[0].points), (Status::Affirmed, 100.0), "{found:?}");
    // Without language files everything is affirmed.
    let bare = topics(Factors::default(), Arc::default(), true);
    assert_eq!(evidence(&bare, "en", "Army denies violating ceasefire", "")[0].status, Status::Affirmed);
}

#[test]
fn kinds_of_text_take_their_share_as_evidence() {
    let topics = topics(Factors::default(), shipped_languages(), true);
    let told = |title: &str| {
        let found = evidence(&topics, "en", title, "");
        let signals: Vec<String> = found.iter().map(|evidence| evidence.signal.clone()).collect();
        (signals.join(", "), found.iter().map(|evidence| evidence.points).sum::<f64>())
    };
    assert_eq!(told("Truce collapses"), ("a truce is broken".to_owned(), 100.0));
    let (signals, points) = told("Opinion: The truce collapses");
    assert_eq!(signals, "a truce is broken, reads as opinion");
    assert!((points - 50.0).abs() < 1e-9, "{points}");
}

#[test]
fn a_negation_cancels_only_what_stands_right_behind_it_in_its_clause() {
    check(&[
        ("en", Status::Hedged, "Truce? Not now. Could the truce collapse?"),
        ("en", Status::Hedged, "No injuries. Army accused of violating ceasefire"),
        ("en", Status::Affirmed, "Truce collapse could not be averted"),
    ]);
}

#[test]
fn the_cost_of_reading_grows_with_the_text() {
    let topics = topics(Factors::default(), shipped_languages(), true);
    let id = TopicId("breach".into());
    for (name, piece) in [
        ("denials", "army not violating truce "),
        ("negations", "not "),
        ("conditions", "if truce could collapse "),
        ("genres", "opinion "),
    ] {
        assert_linear(
            name,
            2_000,
            |count| piece.repeat(count),
            |text| {
                let mut article = normalize(
                    &Entry::default(),
                    &Feed::new("https://example.org/feed".parse().unwrap()),
                    jiff::Timestamp::UNIX_EPOCH,
                );
                article.language = "en".into();
                text.clone_into(&mut article.body);
                let _score = topics.score_for(&id, &article, &mut Scratch::default());
            },
        );
    }
}

/// A configuration directory with one topic, and these language files.
fn load(languages: &[(&str, &str)]) -> Result<config::Loaded, Vec<config::Problem>> {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("wirewatch.toml", "");
    write("topics/t.toml", "id = \"t\"\n[[signal]]\nname = \"s\"\nwhen = \"truce\"\nweight = 60\n");
    for (name, text) in languages {
        write(&format!("languages/{name}"), text);
    }
    config::load(Path::new(dir.path()), &Environment::default())
}

#[test]
fn an_owner_adds_and_replaces_languages() {
    let loaded = load(&[("de.toml", "language = \"de\"\n[negated]\nbefore = [\"kein*\"]\n")]).expect("sound");
    assert!(loaded.config.languages.codes().contains(&"de".to_owned()));
    assert_eq!(loaded.config.languages.codes().len(), 9);
    let german = topics(Factors::default(), loaded.config.languages, true);
    let found =
        evidence(&german, "de", "Keinerlei ruptura: nein, keine ruptura truce, sagt die Regierung", "");
    assert_eq!(found[0].status, Status::Negated, "{found:?}");
    // The owner's English has no word for denial.
    let loaded = load(&[("en.toml", "language = \"en\"\n")]).expect("sound");
    let own = topics(Factors::default(), loaded.config.languages, true);
    assert_eq!(evidence(&own, "en", "Army denies violating ceasefire", "")[0].status, Status::Affirmed);
}

#[test]
fn faults_of_language_files_are_shown_where_they_are() {
    let told = |name: &str, text: &str| match load(&[(name, text)]) {
        Ok(loaded) => format!("{:?}", loaded.warnings),
        Err(problems) => problems
            .iter()
            .map(|problem| format!("{:?} {} {}", problem.line, problem.key, problem.message))
            .collect::<Vec<_>>()
            .join("\n"),
    };
    for (name, text, expected) in [
        ("xx1.toml", "language = \"xx1\"\n", "Some(1) language this is not a language code"),
        ("de.toml", "language = \"nl\"\n", "Some(1) language the language is nl, but the file is de.toml"),
        (
            "de.toml",
            "language = \"de\"\n[negated]\nbefore = [\"nicht\", \"*\"]\n",
            "Some(3) negated.before[2]",
        ),
        (
            "de.toml",
            "language = \"de\"\n[negated]\nbefore = [\"a OR b\"]\n",
            "Some(3) negated.before[1] a language file holds words, not queries",
        ),
        (
            "de.toml",
            "language = \"de\"\n[[genre]]\nname = \"gossip\"\n",
            "Some(3) genre[1].name there is no genre",
        ),
        ("de.toml", "language = \"de\"\n[denied]\nbefore = []\n", "Some(2) denied this key is not known"),
    ] {
        let told = told(name, text);
        assert!(told.contains(expected), "{text}\n{told}");
    }
}
