//! Topics: the query language, folding, matching and weighing, through their public doors.
//!
//! One file because a query is read, matched and weighed in the same cases.

use std::sync::Arc;

use crate::support::growth::assert_linear;
use jiff::Timestamp;
use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use wirewatch::article::Article;
use wirewatch::feed::Tier;
use wirewatch::topic::closeness::Closeness;
use wirewatch::topic::context::Factors;
use wirewatch::topic::matcher::{ArticleText, Span};
use wirewatch::topic::sets::Sets;
use wirewatch::topic::{
    AlertPolicy, Calibration, Field, ProblemSite, Query, Score, Scratch, SetSource, Severity, SignalSource,
    Topic, TopicId, TopicProblem, TopicSource, Topics,
};

fn article(title: &str, summary: &str, body: &str, language: &str) -> Article {
    Article {
        title: title.into(),
        summary: summary.into(),
        body: body.into(),
        url: None,
        language: language.into(),
        publisher: "example.org".into(),
        tier: Tier::default(),
        feed: "https://news.example.org/world/rss.xml".into(),
        tags: vec!["world".into(), "opinion".into()],
        published_at: None,
        seen_at: Timestamp::UNIX_EPOCH,
        places: vec!["SD".into(), "TD".into()],
        fingerprint: 0,
    }
}

fn titled(title: &str) -> Article {
    article(title, "", "", "und")
}

fn set(name: &str, language: Option<&str>, terms: &[&str]) -> SetSource {
    SetSource {
        name: name.into(),
        language: language.map(str::to_owned),
        terms: terms.iter().map(|&term| term.to_owned()).collect(),
        is_stemmed: false,
    }
}

fn signal(name: &str, when: &str, weight: f64) -> SignalSource {
    SignalSource { name: name.into(), when: when.into(), weight, cap: 1.0, context: true }
}

fn source(sets: Vec<SetSource>, signals: Vec<SignalSource>) -> TopicSource {
    TopicSource {
        id: TopicId("test".into()),
        name: "Test".into(),
        description: String::new(),
        severity: Severity::Critical,
        sets,
        signals,
        factors: Factors::default(),
        closeness: Closeness::default(),
        calibration: Calibration::default(),
        policy: AlertPolicy::default(),
        examples: Vec::new(),
    }
}

/// Scores an article as the program does, and holds that to the readable evaluation.
#[track_caller]
fn score(topic: &Topic, article: &Article) -> Score {
    let topics = Topics::new(vec![topic.clone()], Arc::default());
    let score = topics.score_for(&topic.source.id, article, &mut Scratch::default()).expect("the topic");
    assert_eq!(score, topic.score_as_matched(&ArticleText::new(article)), "{}", article.title);
    score
}

#[track_caller]
fn assert_points(actual: f64, expected: f64) {
    assert!((actual - expected).abs() < 1e-9, "{actual} is not {expected}");
}

fn truce_topic() -> Topic {
    let sets = vec![
        set("truce", Some("en"), &["ceasefire", "cease-fire", "truce", "cessation of hostilities"]),
        set("truce", Some("fr"), &["cessez-le-feu", "trêve"]),
        set("truce", Some("ar"), &["هدنة", "وقف إطلاق النار"]),
        set("breach", Some("en"), &["violat*", "breach*", "collaps*", "unravel*", "shatter*"]),
        set("breach", Some("fr"), &["viol*", "romp*"]),
        set("breach", Some("ar"), &["انهيار", "خرق*", "انتهاك*"]),
        set("hold", Some("en"), &["holds", "holding", "extend*"]),
        set("decoy", None, &["trade truce", "christmas truce"]),
    ];
    let signals = vec![
        signal("a truce is broken", "@breach NEAR/6 @truce", 50.0),
        signal("a truce holds", "@truce ONEAR/4 @hold", -40.0),
    ];
    Topic::compile(source(sets, signals)).expect("the example topic compiles")
}

#[test]
fn the_example_topic_tells_breach_from_hold() {
    let topic = truce_topic();
    let check = |text: &str, language: &str, trips: bool| {
        let score = score(&topic, &article(text, "", "", language));
        assert_eq!(score.trips, trips, "{text}: {score:?}");
    };
    check("Army violates ceasefire hours after deal", "en", true);
    check("Army violates cease-fire hours after deal", "en", true);
    check("Truce collapses as shelling resumes", "en", true);
    check("Ceasefire holds for third day", "en", false);
    check("Fears that the trade truce collapses", "en", false);
    check("L'armée viole le cessez-le-feu", "fr", true);
    check("انهيار وقف إطلاق النار في المدينة", "ar", true);
    check("خرقت القوات الهدنة", "ar", true);
    check("Nothing happened", "en", false);
}

/// Whether a query without sets holds for a headline.
fn holds(query: &str, text: &str) -> bool {
    let query =
        Query::parse(query, &Arc::default()).unwrap_or_else(|problems| panic!("{query}: {problems:?}"));
    query.matches(&ArticleText::new(&titled(text)))
}

fn check_all(cases: &[(&str, &str, bool)]) {
    for (query, text, expected) in cases {
        assert_eq!(holds(query, text), *expected, "query `{query}` on `{text}`");
    }
}

#[test]
fn operators_combine_words() {
    check_all(&[
        ("truce", "A truce at last", true),
        ("truce", "Truces at last", false),
        ("truce AND army", "Army breaks truce", true),
        ("truce AND army", "Army advances", false),
        ("truce OR army", "Army advances", true),
        ("NOT truce AND army", "Army advances", true),
        ("NOT truce AND army", "Army breaks truce", false),
        ("army AND NOT (truce OR ceasefire)", "Army breaks ceasefire", false),
        ("army AND NOT NOT truce", "Army breaks truce", true),
        ("\"bread and butter\"", "Bread and butter issues", true),
        ("\"bread butter\"", "Bread and butter issues", false),
        ("\"hours after\"", "Shelling hours, after all", true),
        ("\"hours after\"", "It took hours. After that, quiet", false),
        ("\"violat* the truce\"", "Army violates the truce", true),
        ("violat*", "violation", true),
        ("violat*", "inviolate", false),
        ("wom?n", "women", true),
        ("wom?n", "womn", false),
        ("tru?e*", "Truces", true),
        ("{US}", "US troops", true),
        ("{US}", "Leave us alone", false),
        ("{US} AND {Hamas leader}", "US kills Hamas leader", true),
        ("{Hamas leader}", "hamas leader", false),
        ("{Sud*}", "Sudan", true),
        ("{Sud*}", "sudanese", false),
        ("ATLEAST/2(food water fuel)", "No food, no fuel", true),
        ("ATLEAST/2(food water fuel)", "Food, food and food", false),
        ("ATLEAST/2((food OR bread) NOT fuel water)", "Bread arrives", true),
    ]);
}

#[test]
fn near_measures_words() {
    check_all(&[
        ("army NEAR/1 truce", "army truce", true),
        ("army NEAR/1 truce", "army breaks truce", false),
        ("army NEAR/2 truce", "army breaks truce", true),
        ("army NEAR/2 truce", "truce breaks army", true),
        ("army ONEAR/2 truce", "truce breaks army", false),
        ("army ONEAR/2 truce", "army, truce", true),
        ("truce NEAR/5 truce", "one truce only", false),
        ("truce NEAR/5 truce", "truce after truce", true),
        ("army NEAR/S truce", "The army moved. A truce was signed.", false),
        ("army NEAR/9 truce", "The army moved. A truce was signed.", false),
        ("army NEAR/9 truce", "The army moved in Mosul. Its truce with the army ended.", true),
        ("army NEAR/9 truce", "Gen. Khalil of the U.S. army broke the truce.", true),
        ("breaks NEAR/6 ceasefire", "Ceasefire holds in Yemen. Russia breaks off gas talks", false),
        ("(army NEAR/9 moved) NEAR/9 truce", "The army moved. A truce was signed.", false),
        ("army NEAR/S truce", "The army moved after a truce was signed.", true),
        ("\"peace deal\" NEAR/2 broken", "peace deal is broken", true),
        ("\"peace deal\" NEAR/2 deal", "peace deal signed", false),
        ("(army OR rebels) NEAR/2 (truce OR \"peace deal\")", "Rebels break peace deal", true),
        ("(army NEAR/2 truce) NEAR/2 violated", "army said truce was violated", true),
        ("army NEAR/2 truce NEAR/2 violated", "army said truce was violated", true),
        ("army NEAR/2 truce NEAR/2 violated", "army said truce was widely violated", false),
        // The nearest truce to the army is not the one near the violation.
        ("(army NEAR/9 truce) NEAR/1 violated", "army truce or truce violated", true),
    ]);
}

#[test]
fn near_never_crosses_fields() {
    let query = |text: &str| Query::parse(text, &Arc::default()).expect("a good query");
    let split = article("Army moves", "Truce ends", "", "en");
    let text = ArticleText::new(&split);
    assert!(!query("army NEAR/100 truce").matches(&text));
    assert!(!query("\"moves truce\"").matches(&text));
    assert!(!query("army NEAR/S truce").matches(&text));
    assert!(query("army AND truce").matches(&text));
    assert!(query("moves NEAR/1 army AND ends NEAR/1 truce").matches(&text));
}

#[test]
fn fields_and_metadata_filter() {
    let article = article("Army moves", "Truce ends", "Peace deal signed", "en");
    let text = ArticleText::new(&article);
    let check = |query: &str, expected: bool| {
        let parsed =
            Query::parse(query, &Arc::default()).unwrap_or_else(|problems| panic!("{query}: {problems:?}"));
        assert_eq!(parsed.matches(&text), expected, "{query}");
    };
    check("title:army", true);
    check("title:truce", false);
    check("summary:truce AND body:\"peace deal\"", true);
    check("title:(army AND NOT truce)", true);
    check("title:(army OR truce) NEAR/1 moves", true);
    check("title:summary:truce", false);
    check("body:peace ONEAR/1 deal", true);
    check("NOT title:truce AND truce", true);
    check("lang:en AND army", true);
    check("lang:fr AND army", false);
    check("publisher:example.org", true);
    check("publisher:*.org", true);
    check("publisher:example", false);
    check("feed:news.example.org", true);
    check("feed:*/world/*", true);
    check("feed:sport", false);
    check("tag:opinion", true);
    check("tag:OPIN*", true);
    check("tag:sport", false);
    check("place:sd AND army", true);
    check("place:\"UA\"", false);
    check("army AND NOT tag:opinion", false);
}

#[test]
fn faults_are_shown_at_their_column() {
    let sets = Arc::new(Sets::compile(&[set("truce", None, &["truce"])]).expect("a good set"));
    let check = |query: &str, span: std::ops::Range<usize>, message: &str, hint: &str| {
        let problem = Query::parse(query, &sets).expect_err(query).remove(0);
        assert_eq!(problem.span, span, "{query}: {problem:?}");
        assert!(problem.message.contains(message), "{query}: {problem:?}");
        assert!(problem.hint.as_deref().unwrap_or_default().contains(hint), "{query}: {problem:?}");
    };
    check("army truce", 5..10, "operator is missing", "AND, OR or quotes between");
    check("army and truce", 5..8, "read as a word", "capitals: AND");
    check("army NOT truce", 5..8, "operator is missing", "AND NOT");
    check("trêve AND", 9..10, "is missing here", "finish");
    check("AND truce", 0..3, "is missing here", "remove the operator");
    check("a1 AND b1 OR c1", 10..12, "mixed", "`(a1 AND b1) OR c1` or `a1 AND (b1 OR c1)`");
    check(
        "NOT a1 OR @truce AND \"b c\"",
        17..20,
        "mixed",
        "`NOT a1 OR (@truce AND \"b c\")` or `(NOT a1 OR @truce) AND \"b c\"`",
    );
    check("(army OR truce", 0..1, "never closed", "add )");
    check("army OR truce)", 13..14, "closes nothing", "remove");
    check("army OR ()", 9..10, "is missing here", "");
    check("army OR \"peace deal", 8..9, "never closed", "add \"");
    check("هدنة OR “peace”", 8..9, "typographic quote", "straight");
    check("army OR {US", 8..9, "never closed", "{Word}");
    check("army OR US}", 10..11, "closes nothing", "{Word}");
    check("NOT army", 0..8, "must be absent", "AND NOT");
    check("ATLEAST/1(army NOT truce)", 0..25, "must be absent", "AND NOT");
    check("army OR NOT truce", 0..17, "must be absent", "AND NOT");
    check("army NEAR truce", 5..9, "distance", "NEAR/6");
    check("army NEAR/101 truce", 5..13, "1 to 100", "NEAR/6");
    check("army ONEAR/0 truce", 5..12, "1 to 100", "ONEAR/6");
    check("army near/5 truce", 5..11, "lower case", "NEAR in capitals");
    check("army NEAR/3 NOT truce", 12..15, "cannot measure", "outside");
    check("(army AND troops) NEAR/3 truce", 0..17, "cannot measure", "outside");
    check("army NEAR/3 lang:en", 12..19, "cannot measure", "outside");
    check("army OR *ship", 8..13, "end of a word", "prefix*");
    check("army OR s*", 8..10, "two letters", "more");
    check("army OR --", 8..10, "no letter", "word");
    check("army OR \"\"", 8..10, "no letter", "word");
    check("army AND source:bbc", 9..16, "no field source:", "publisher:");
    check("army AND title:", 15..16, "is missing here", "");
    check("army AND lang:", 9..14, "value is missing", "");
    check("army AND @truse", 9..15, "no set @truse", "[sets]");
    check("army AND @", 9..10, "name of a set", "@name");
    check("ATLEAST/3(a1 b1)", 0..9, "can never hold", "lower");
    check("ATLEAST/2(a1 AND b1)", 13..16, "without AND", "side by side");
    check("ATLEAST(a1 b1)", 0..7, "number", "ATLEAST/2");
    check("ATLEAST/2 a1", 0..9, "bracket", "ATLEAST/2(");
    check("army && truce", 5..7, "no operator", "AND");
    check("", 0..1, "empty", "word");
}

#[test]
fn queries_have_limits() {
    let parse = |text: &str| Query::parse(text, &Arc::default());
    let nested = |depth: usize| format!("{}word{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&nested(50)).is_ok());
    assert!(parse(&nested(51)).is_err());
    assert!(parse(&format!("{}word", "NOT ".repeat(51))).is_err());
    assert!(parse(&format!("{}word", "title:".repeat(51))).is_err());
    assert!(parse(&vec!["word"; 60].join(" NEAR/2 ")).is_err());
    assert!(parse(&"x".repeat(10_000)).is_ok());
    assert!(parse(&"x".repeat(10_001)).is_err());
    assert!(parse(&nested(4_000)).is_err());
}

#[test]
fn words_match_whatever_their_form() {
    // In each row every spelling, as a term, finds every spelling in a text.
    let rows: &[&[&str]] = &[
        &[
            "cease-fire",
            "ceasefire",
            "cease fire",
            "Cease‑Fire",
            "CEASEFIRE",
            "cease\u{ad}fire",
            "ｃｅａｓｅｆｉｒｅ",
        ],
        &["cessez-le-feu", "cessez le feu", "Cessez-Le-Feu", "CESSEZ LE FEU"],
        &["trêve", "treve", "TRÊVE", "tre\u{302}ve"],
        &["alto el fuego", "ALTO EL FUEGO", "alto-el-fuego"],
        &["tregua", "Tregua"],
        &["niños", "ninos", "NIÑOS"],
        &["straße", "STRASSE", "strasse"],
        &["перемирие", "Перемирие", "ПЕРЕМИРИЕ"],
        &["ещё", "еще", "ЕЩЁ", "еще\u{308}"],
        &["війна", "ВІЙНА", "віи\u{306}на"],
        &["перемир'я", "перемир’я", "ПЕРЕМИР'Я"],
        &["هدنة", "هُدْنَة", "هدنه", "هـدنـة", "ﻫﺪﻧﺔ"],
        &["إطلاق", "اطلاق", "أطلاق"],
        &["مستشفى", "مستشفي", "مستشفی"],
        &["آتش‌بس", "آتش بس", "آتشبس", "اتش بس"],
        &["کمک", "كمك"],
        &["یک", "يك", "ىك"],
        &["٢٠٢٤", "2024", "۲۰۲۴"],
        &["U.N.", "UN", "U.N", "un"],
        &["停火"],
    ];
    for row in rows {
        for term in *row {
            for text in *row {
                let quoted = format!("\"{term}\"");
                let sentence = format!("x {text} z");
                assert!(holds(&quoted, &sentence), "term `{term}` on `{sentence}`");
            }
        }
    }
}

#[test]
fn words_match_whole_and_only_what_was_meant() {
    check_all(&[
        ("ceasefire", "The ceasefire's end", true),
        ("ceasefire", "The ceasefire’s end", true),
        ("ceasefire", "‘ceasefire’ ends", true),
        ("ceasefires", "The ceasefires' end", true),
        ("accord", "L'accord de paix", true),
        ("accord", "l’Accord de paix", true),
        ("etat", "Coup d'État", true),
        ("accord", "De-l'accord", true),
        ("\"violation de l'accord\"", "Violation de l’accord", true),
        ("UN", "the U.N.-backed plan", true),
        ("\"UN envoy\"", "the U.N.'s envoy", true),
        ("{UN}", "the U.N. plan", true),
        ("{UN}", "un plan", false),
        ("don't", "Don’t go", true),
        ("it", "it's over", true),
        // й is a letter, not an accented и.
        ("мои", "мой дом", false),
        ("їх", "іх", false),
        // A wildcard does not bridge a space, nor reach just over a hyphen.
        ("warn*", "war now", false),
        ("warn*", "war-now", false),
        ("forest*", "for establishing", false),
        ("ceasefire*", "cease-fires", true),
        ("inform", "in form", false),
        ("into", "in to", false),
        ("email", "e-mail", true),
        ("ceasefire", "cease, fire", false),
        ("ceasefire", "They cease. Fire spreads", false),
        ("ceasefire", "cease - fire", false),
        // Han text has no spaces: a term is found inside.
        ("停火", "双方同意停火协议", true),
        ("停战", "双方同意停火协议", false),
        ("บส", "กบสข", true),
    ]);
}

#[test]
fn arabic_words_are_found_with_what_is_written_onto_them() {
    check_all(&[
        ("هدنة", "الهدنة", true),
        ("هدنة", "والهدنة", true),
        ("هدنة", "بالهدنة", true),
        ("هدنة", "للهدنة", true),
        ("هدنة", "وبالهدنة", true),
        ("هدنة", "فهدنة", true),
        ("هدنة", "كالهدنة", true),
        ("الهدنة", "والهدنة", true),
        ("الهدنة", "للهدنة", true),
        ("الهدنة", "هدنة", false),
        ("\"وقف إطلاق النار\"", "خرق لوقف إطلاق النار", true),
        ("\"وقف إطلاق النار\"", "ووقف اطلاق النار", true),
        ("هدن*", "والهدنات", true),
        // Too little would stay: ولد (child) is not و + لد.
        ("لد", "ولد", false),
    ]);
}

#[test]
fn sentences_end_where_they_end() {
    let check = |text: &str, expected: usize| {
        let words = wirewatch::article::words::Words::split(text);
        assert_eq!(words.sentence_count(), expected, "{text}");
    };
    check("", 0);
    check("One. Two! Three? Four", 4);
    check("Gen. Burhan met Mr. Smith of the U.S. Army.", 1);
    check("About 3.5 million fled. Others stayed", 2);
    check("In 2023. Then", 2);
    check("Prices rose approx. ten per cent, e.g. bread", 1);
    check("A headline\n\nA paragraph", 2);
    check("A line\nwrapped here", 1);
    check("انهارت الهدنة. هل تعود؟ لا", 3);
    check("停火。冲突再起。", 2);
    check("He said \"stop.\" She left", 2);
    check("Wait... what", 1);
    check("Visit example.org now", 1);
}

#[test]
fn decoys_take_their_words() {
    let topic = |decoys: &[&str]| {
        let sets = vec![set("truce", None, &["truce", "peace"]), set("decoy", None, decoys)];
        Topic::compile(source(sets, vec![signal("s", "@truce", 50.0), signal("t", "truce", 1.0)]))
            .expect("compiles")
    };
    let points = |decoys: &[&str], text: &str| score(&topic(decoys), &titled(text)).points;
    assert_points(points(&[], "trade truce ends"), 51.0);
    assert_points(points(&["trade truce"], "trade truce ends"), 0.0);
    assert_points(points(&["trade truce"], "Trade-truce ends"), 0.0);
    assert_points(points(&["trade truce"], "trade truce ends, army truce begins"), 51.0);
    assert_points(points(&["(trade OR tariff) NEAR/2 truce"], "tariff war truce"), 0.0);
    // Words next to each other do not become neighbours by losing a decoy between them.
    let sets = vec![set("decoy", None, &["trade truce"])];
    let topic = Topic::compile(source(sets, vec![signal("s", "army NEAR/2 ends", 50.0)])).expect("compiles");
    assert_points(score(&topic, &titled("army trade truce ends")).points, 0.0);
}

#[test]
fn lists_hold_for_their_language() {
    let topic = Topic::compile(source(
        vec![
            set("word", Some("en"), &["coin"]),
            set("word", Some("fr"), &["chaire"]),
            set("word", Some("ar"), &["هدنة"]),
            set("word", None, &["nato"]),
        ],
        vec![signal("s", "@word", 50.0)],
    ))
    .expect("compiles");
    let check = |text: &str, language: &str, expected: bool| {
        assert_eq!(
            !score(&topic, &article(text, "", "", language)).evidence.is_empty(),
            expected,
            "{text} in {language}"
        );
    };
    check("coin", "en", true);
    check("coin", "fr", false);
    check("chaire", "fr", true);
    check("coin chaire", "und", true);
    check("coin", "pt", true);
    check("هدنة", "en", true);
    check("هدنة", "fa", true);
    check("NATO", "fr", true);
}

#[test]
fn a_set_may_match_by_stems() {
    let stemmed = |name: &str, language: &str, terms: &[&str]| SetSource {
        is_stemmed: true,
        ..set(name, Some(language), terms)
    };
    let sets = vec![
        stemmed("talk", "en", &["negotiate", "hold talks"]),
        stemmed("talk", "ru", &["переговоры"]),
        stemmed("talk", "pt", &["negociar"]),
        stemmed("talk", "uk", &["перемовини"]),
    ];
    let topic = Topic::compile(source(sets, vec![signal("s", "@talk", 50.0)])).expect("compiles");
    for (text, language, found) in [
        ("Rebels negotiated all night", "en", true),
        ("They are holding talks in Doha", "en", true),
        ("They hold many talks", "en", false),
        ("A neglected war", "en", false),
        ("Стороны готовят переговорами мир", "ru", true),
        ("Governo está negociando a paz", "pt", true),
        // Ukrainian has no stemmer: its words match whole.
        ("Сторони ведуть перемовини", "uk", true),
        ("Сторони йдуть до перемовин", "uk", false),
        // Stems belong to the language of the text.
        ("Rebels negotiated all night", "und", false),
        ("Rebels negotiate all night", "und", true),
    ] {
        let score = score(&topic, &article(text, "", "", language));
        assert_eq!(!score.evidence.is_empty(), found, "{language}: {text}");
    }
}

#[test]
fn sets_may_name_sets_but_not_themselves() {
    let compile = |sets: Vec<SetSource>| Topic::compile(source(sets, vec![signal("s", "@outer", 50.0)]));
    let good = compile(vec![set("outer", None, &["@inner", "truce"]), set("inner", None, &["peace deal"])])
        .expect("compiles");
    assert_points(score(&good, &titled("A peace deal")).points, 50.0);
    let site = |problems: Vec<TopicProblem>| (problems[0].site, problems[0].message.clone());
    let (place, message) =
        site(compile(vec![set("outer", None, &["truce", "@outer"])]).expect_err("a cycle"));
    assert_eq!(place, ProblemSite::Term { list: 0, term: 1 });
    assert!(message.contains("contains itself"), "{message}");
    let round = compile(vec![set("outer", None, &["@inner"]), set("inner", None, &["x1", "@outer"])]);
    assert!(round.is_err());
    let deep = |depth: usize| {
        let name = |level: usize| if level == 0 { "outer".to_owned() } else { format!("s{level}") };
        let link = |level: usize| set(&name(level), None, &[&format!("@{}", name(level + 1))]);
        (0..depth - 1).map(link).chain([set(&name(depth - 1), None, &["truce"])]).collect::<Vec<_>>()
    };
    assert_points(score(&compile(deep(10)).expect("compiles"), &titled("truce")).points, 50.0);
    assert!(compile(deep(11)).is_err());
    // The deepest of all: as many sets as may nest, each with a query as deep as may be.
    let mut deepest = deep(10);
    for list in deepest.iter_mut().take(9) {
        list.terms[0] = format!("{}{}", list.terms[0], " NEAR/100 truce".repeat(49));
    }
    let score = score(&compile(deepest).expect("compiles"), &titled(&"truce ".repeat(460)));
    assert_points(score.points, 50.0);
}

#[test]
fn every_fault_of_a_topic_is_listed_where_it_is() {
    let sets = vec![
        set("truce", Some("en"), &["truce", "cease*fire", "a AND b"]),
        set("truce", Some("fr"), &["trêve", "@nowhere"]),
    ];
    let signals = vec![
        signal("good", "@truce", 1.0),
        signal("bad", "@truce AND (", 1.0),
        signal("worse", "NOT @truce", 1.0),
    ];
    let problems = Topic::compile(source(sets, signals)).expect_err("five faults");
    let sites: Vec<ProblemSite> = problems.iter().map(|problem| problem.site).collect();
    assert_eq!(
        sites,
        [
            ProblemSite::Term { list: 0, term: 1 },
            ProblemSite::Term { list: 0, term: 2 },
            ProblemSite::Term { list: 1, term: 1 },
            ProblemSite::When { signal: 1 },
            ProblemSite::When { signal: 2 },
        ]
    );
    assert!(problems.iter().all(|problem| problem.hint.is_some()), "{problems:?}");
}

#[test]
fn points_follow_the_formula() {
    let check = |when: &str, cap: f64, article: &Article, expected: f64, field: Field| {
        let signal = SignalSource { name: "s".into(), when: when.into(), weight: 60.0, cap, context: true };
        let score = score(&Topic::compile(source(Vec::new(), vec![signal])).expect("compiles"), article);
        assert!((score.points - expected).abs() < 1e-9, "{when}: {score:?}");
        assert_eq!(score.evidence[0].field, field, "{when}");
    };
    let everywhere = article("truce", "truce and army", "truce, army, aid", "en");
    check("truce", 1.0, &everywhere, 60.0, Field::Title);
    check("truce", 2.0, &everywhere, 60.0 * 1.75, Field::Title);
    check("truce", 1.6, &everywhere, 60.0 * 1.6, Field::Title);
    check("army", 1.0, &everywhere, 40.0, Field::Summary);
    check("aid", 1.0, &everywhere, 20.0, Field::Body);
    check("truce AND army", 1.0, &everywhere, 40.0, Field::Summary);
    check("truce AND army AND aid", 2.0, &everywhere, 20.0, Field::Body);
    check("truce AND army", 2.0, &everywhere, 40.0 * 1.5, Field::Summary);
    check("truce OR aid", 1.0, &everywhere, 60.0, Field::Title);
    check("ATLEAST/2(truce army aid)", 1.0, &everywhere, 40.0, Field::Summary);
    check("ATLEAST/2(truce army aid)", 2.0, &everywhere, 40.0 * 1.5, Field::Summary);
    check("truce AND NOT peace", 1.0, &everywhere, 60.0, Field::Title);
    check("truce AND lang:en", 2.0, &everywhere, 60.0 * 1.75, Field::Title);
    check("tag:opinion", 2.0, &everywhere, 60.0, Field::Title);
    // Overlapping readings of one place count once.
    check("truce OR \"truce talks\"", 2.0, &titled("truce talks"), 60.0, Field::Title);
    check("army NEAR/5 truce", 2.0, &titled("army truce army"), 60.0, Field::Title);
}

#[test]
fn probability_is_the_sigmoid_of_the_points() {
    let score = |text: &str| score(&truce_topic(), &titled(text));
    let near = |left: f64, right: f64| (left - right).abs() < 1e-6;
    assert!(near(score("Nothing").probability, 0.017_986_2), "{:?}", score("Nothing"));
    assert!(
        near(score("Army violates truce").probability, 0.731_058_6),
        "{:?}",
        score("Army violates truce")
    );
    let mixed = score("Truce holds as army violates old truce");
    assert_points(mixed.points, 10.0);
    let names: Vec<&str> = mixed.evidence.iter().map(|evidence| evidence.signal.as_str()).collect();
    assert_eq!(names, ["a truce is broken", "a truce holds"]);
    assert_points(mixed.evidence[1].points, -40.0);
}

#[test]
fn quotes_are_cut_from_the_article() {
    let quote = |summary: &str| {
        let topic = Topic::compile(source(Vec::new(), vec![signal("s", "truce", 50.0)])).expect("compiles");
        score(&topic, &article("", summary, "", "en")).evidence[0].quote.clone()
    };
    assert_eq!(quote("Ärmée  breaks\n the “Truce” 🕊 — again"), "Ärmée breaks the “Truce” 🕊 — again");
    let long = format!("{} the truce collapsed {}", "before ".repeat(60), "after ".repeat(60));
    let cut = quote(&long);
    assert!(
        cut.starts_with("…before") && cut.ends_with("after…") && cut.contains("the truce collapsed"),
        "{cut}"
    );
    assert!(cut.chars().count() <= 162, "{cut}");
    let unbroken = quote(&format!("{}。truce。{}", "停".repeat(400), "火".repeat(400)));
    assert!(unbroken.contains("truce") && unbroken.chars().count() <= 162, "{unbroken}");
}

#[test]
fn one_cut_serves_all_topics() {
    let other = Topic::compile(source(Vec::new(), vec![signal("s", "army", 10.0)])).expect("compiles");
    let topics = [truce_topic(), other];
    let article = article("Army violates truce", "Truce holds", "", "en");
    let alone: Vec<_> = topics.iter().map(|topic| score(topic, &article)).collect();
    let together = Topics::new(topics.to_vec(), Arc::default());
    assert_eq!(together.score_each(&article), alone);
}

/// A term of the oracle: the words it needs in a row.
type OracleTerm = Vec<char>;

/// Places of any of the terms, by trying every place.
fn oracle_places(terms: &[OracleTerm], text: &[char]) -> Vec<(usize, usize)> {
    let mut places: Vec<(usize, usize)> = Vec::new();
    for term in terms {
        places.extend(
            (0..text.len()).filter(|&at| text[at..].starts_with(term)).map(|at| (at, at + term.len())),
        );
    }
    places.sort_unstable();
    places.dedup();
    places
}

/// All pairs within a distance, by trying every pair.
fn oracle_near(
    left: &[(usize, usize)],
    right: &[(usize, usize)],
    words: usize,
    ordered: bool,
) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for &one in left {
        for &other in right {
            for (first, second, allowed) in [(one, other, true), (other, one, !ordered)] {
                if allowed && first.1 <= second.0 && second.0 + 1 - first.1 <= words {
                    pairs.push((first.0, second.1));
                }
            }
        }
    }
    pairs
}

/// The shortest for each start and for each end.
fn oracle_shortest(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let wanted = |&(start, end): &(usize, usize)| {
        pairs.iter().all(|other| other.0 != start || other.1 >= end)
            || pairs.iter().all(|other| other.1 != end || other.0 <= start)
    };
    let mut kept: Vec<(usize, usize)> = pairs.iter().copied().filter(wanted).collect();
    kept.sort_unstable();
    kept.dedup();
    kept
}

/// Letters as words: `a` is written `xa`, so that no two make a third.
fn spell(letters: &[char]) -> String {
    letters.iter().map(|letter| format!("x{letter}")).collect::<Vec<_>>().join(" ")
}

fn spell_any(terms: &[OracleTerm]) -> String {
    let terms: Vec<String> = terms.iter().map(|term| format!("\"{}\"", spell(term))).collect();
    format!("({})", terms.join(" OR "))
}

fn places(query: &str, text: &str) -> Vec<(usize, usize)> {
    let article = titled(text);
    let query =
        Query::parse(query, &Arc::default()).unwrap_or_else(|problems| panic!("{query}: {problems:?}"));
    let hits = query.hits(&ArticleText::new(&article));
    hits.spans.into_iter().map(|Span { start, end }| (start, end)).collect()
}

fn letters(longest: usize) -> impl Strategy<Value = Vec<char>> {
    proptest::collection::vec(prop_oneof![Just('a'), Just('b'), Just('c'), Just('d'), Just('e')], 1..=longest)
}

fn terms(longest: usize) -> impl Strategy<Value = Vec<OracleTerm>> {
    proptest::collection::vec(letters(longest), 1..4)
}

/// Terms with everything a term may have, over few letters, so that they meet the texts below.
fn odd_term() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[abc]{1,4}",
        "[abc]{2,3}\\*",
        "[abc]{1,2}\\?[abc]{0,2}",
        "\\?[abc]{1,2}",
        "\\{[abcABC]{1,3}\\}",
        "[abc]{1,3}-[abc]{1,3}",
        "[بلاهد]{2,4}",
        "[بلاهد]{2,3}\\*",
    ];
    proptest::collection::vec(word, 1..10).prop_map(|words| words.join(" "))
}

fn odd_sets() -> impl Strategy<Value = Vec<SetSource>> {
    let list = |name: &'static str, language: Option<&'static str>| {
        proptest::collection::vec(prop_oneof![8 => odd_term(), 1 => Just("@more".to_owned()), 1 => odd_term().prop_map(|term| format!("(\"{term}\" NEAR/3 (ab OR ba*))"))], 1..5)
            .prop_map(move |mut terms| {
                terms.retain(|term| name != "more" || !term.contains('@'));
                terms.push("abc".to_owned());
                SetSource { name: name.into(), language: language.map(str::to_owned), terms, is_stemmed: name == "one" }
            })
    };
    (
        list("one", Some("en")),
        list("one", Some("fr")),
        list("two", None),
        list("more", Some("ar")),
        proptest::option::of(list("decoy", None)),
    )
        .prop_map(|(first, second, third, more, decoy)| {
            [first, second, third, more].into_iter().chain(decoy).collect()
        })
}

fn odd_query() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        odd_term().prop_map(|term| format!("\"{term}\"")),
        "[abc]{1,3}",
        Just("@one".to_owned()),
        Just("@two".to_owned()),
        Just("@more".to_owned()),
        Just("lang:en".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one} AND {other})")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one} OR {other})")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one} AND NOT {other})")),
            (inner.clone(), inner.clone(), 1..6_usize)
                .prop_map(|(one, other, n)| format!("({one} NEAR/{n} {other})")),
            (inner.clone(), inner.clone(), 1..6_usize)
                .prop_map(|(one, other, n)| format!("({one} ONEAR/{n} {other})")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one} NEAR/S {other})")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(one, two, three)| format!("ATLEAST/2({one} {two} {three})")),
            inner.prop_map(|one| format!("title:({one})")),
        ]
    })
}

fn odd_text() -> impl Strategy<Value = String> {
    let word = prop_oneof![6 => "[abc]{1,4}", 1 => "[abcABC]{1,3}", 2 => "[بلاهدوف]{2,5}", 1 => "[abc]{1,2}\u{ad}[abc]{1,2}"];
    let gap =
        prop_oneof![6 => Just(" "), 2 => Just("-"), 1 => Just(". "), 1 => Just(", "), 1 => Just("\u{200c}")];
    proptest::collection::vec((word, gap), 0..25)
        .prop_map(|pieces| pieces.into_iter().flat_map(|(word, gap)| [word, gap.to_owned()]).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn phrases_are_where_brute_force_finds_them(terms in terms(3), text in letters(40)) {
        prop_assert_eq!(places(&spell_any(&terms), &spell(&text)), oracle_places(&terms, &text));
    }

    #[test]
    fn near_pairs_the_nearest_words(left in terms(1), right in terms(1), text in letters(40), words in 1_usize..12, ordered: bool) {
        let operator = if ordered { "ONEAR" } else { "NEAR" };
        let query = format!("{} {operator}/{words} {}", spell_any(&left), spell_any(&right));
        let pairs = oracle_near(&oracle_places(&left, &text), &oracle_places(&right, &text), words, ordered);
        prop_assert_eq!(places(&query, &spell(&text)), oracle_shortest(&pairs));
    }

    #[test]
    fn near_of_phrases_holds_when_any_pair_is_close(left in terms(3), right in terms(3), text in letters(40), words in 1_usize..12, ordered: bool) {
        let operator = if ordered { "ONEAR" } else { "NEAR" };
        let query = format!("{} {operator}/{words} {}", spell_any(&left), spell_any(&right));
        let pairs = oracle_near(&oracle_places(&left, &text), &oracle_places(&right, &text), words, ordered);
        prop_assert_eq!(holds(&query, &spell(&text)), !pairs.is_empty());
    }

    #[test]
    fn a_near_inside_a_near_misses_no_pair(first in terms(1), second in terms(1), third in terms(1), text in letters(40), inner in 1_usize..8, outer in 1_usize..8) {
        let query = format!("({} NEAR/{inner} {}) NEAR/{outer} {}", spell_any(&first), spell_any(&second), spell_any(&third));
        let at = |terms: &[OracleTerm]| oracle_places(terms, &text);
        let pairs = oracle_near(&oracle_near(&at(&first), &at(&second), inner, false), &at(&third), outer, false);
        prop_assert_eq!(holds(&query, &spell(&text)), !pairs.is_empty());
    }

    #[test]
    fn no_query_and_no_text_makes_it_panic(query in "[a-c{}()\"*?@:/ ]{0,40}|.{0,40}", pieces in proptest::collection::vec(any::<String>(), 0..4)) {
        let text = pieces.join(" ");
        let article = article(&text, &text, "", "und");
        let cut = ArticleText::new(&article);
        for source in [query.clone(), format!("\"{query}\" NEAR/3 (a OR {query})"), format!("{text} OR {query}")] {
            if let Ok(query) = Query::parse(&source, &Arc::default()) {
                let hits = query.hits(&cut);
                prop_assert!(hits.holds || hits.spans.is_empty(), "{:?}", hits);
            }
        }
    }

    #[test]
    fn all_topics_together_score_as_each_alone(
        topics in proptest::collection::vec((odd_sets(), proptest::collection::vec((odd_query(), -60.0..60.0_f64), 1..5)), 1..4),
        texts in proptest::collection::vec(odd_text(), 3),
        language in prop_oneof![Just("en"), Just("ar"), Just("fr"), Just("und"), Just("de")],
    ) {
        let topics: Vec<Topic> = topics
            .into_iter()
            .enumerate()
            .filter_map(|(number, (sets, signals))| {
                let signals = signals.iter().enumerate().map(|(at, (when, weight))| signal(&format!("{at}"), when, *weight));
                let mut source = source(sets, signals.collect());
                source.id = TopicId(format!("topic-{number}"));
                Topic::compile(source).ok()
            })
            .collect();
        let article = article(&texts[0], &texts[1], &texts[2], language);
        let alone: Vec<Score> =
            topics.iter().map(|topic| topic.score_as_matched(&ArticleText::new(&article))).collect();
        let together = Topics::new(topics, Arc::default()).score_each(&article);
        prop_assert_eq!(together, alone);
    }

    #[test]
    fn folding_folded_letters_changes_nothing(text: String) {
        // Letters only: a Lao digraph is one word, and the two letters it folds to are two.
        let fold = |text: &str| wirewatch::article::words::fold(text).replace(' ', "");
        prop_assert_eq!(fold(&wirewatch::article::words::fold(&text)), fold(&text));
    }
}

#[test]
fn nested_near_keeps_its_lists_linear() {
    // Every word pairs with every other; all pairs would grow with the square, and again with each nesting.
    let query = ["a1"; 12].join(" NEAR/100 ");
    let kept = |count: usize| places(&query, &"a1 ".repeat(count)).len();
    for count in [500, 1000, 2000] {
        assert!(kept(count) <= 2 * count, "{} places of {count} words", kept(count));
    }
}

#[test]
fn large_and_odd_texts_are_scored() {
    let topic = truce_topic();
    let mixed = "Ceasefire🕊️停火هدنة—перемирие\u{0}\u{202e}truce\u{301}\u{301}";
    for text in [
        "x".repeat(10_000_000),
        "é".repeat(200_000),
        "停".repeat(100_000),
        mixed.repeat(2_000),
        "🕊️".repeat(100_000),
        "\u{301}".repeat(200_000),
        "l'".repeat(100_000),
        "U.".repeat(100_000),
        "a-".repeat(100_000),
    ] {
        let score = score(&topic, &article(&text, "", "", "und"));
        assert!((0.0..=1.0).contains(&score.probability));
        assert!(score.evidence.iter().all(|evidence| evidence.quote.chars().count() <= 162));
    }
}

#[test]
fn the_cost_of_a_text_grows_with_its_length() {
    let topic = truce_topic();
    let near = Query::parse("(a NEAR/9 b) NEAR/9 (a OR c) NEAR/S b", &Arc::default()).expect("a good query");
    for (name, piece) in [
        ("words that pair", "a b c "),
        ("sentences", "A b. "),
        ("acronyms", "U."),
        ("apostrophes", "l'"),
        ("hyphens", "a-"),
        ("dots", "a......"),
        ("marks", "e\u{301}"),
        ("breaks of a truce", "army breaks truce "),
        ("Arabic words", "والهدنة "),
        ("one Arabic word", "وال"),
        ("one word", "x"),
    ] {
        assert_linear(
            name,
            4_000,
            |count| piece.repeat(count),
            |text| {
                let article = article(text, "", "", "und");
                let _score = score(&topic, &article);
                let _hits = near.hits(&ArticleText::new(&article));
            },
        );
    }
    let deep = |count: usize| format!("{}a{}", "(".repeat(count), ")".repeat(count));
    let parse = |text: &str| drop(Query::parse(text, &Arc::default()));
    assert_linear("brackets", 500, deep, parse);
    for (name, piece) in [
        ("operands", "a OR "),
        ("braces", "{a"),
        ("quotes", "\" "),
        ("colons", "title:"),
        ("mixed", "a OR b AND "),
    ] {
        assert_linear(name, 100, |count| piece.repeat(count) + "a", parse);
    }
}

#[test]
fn a_topic_may_have_fifty_thousand_terms_and_no_more() {
    let terms: Vec<String> = (0..50_001).map(|number| format!("word{number} thing")).collect();
    let list = |count: usize| SetSource {
        name: "many".into(),
        language: None,
        terms: terms[..count].to_vec(),
        is_stemmed: false,
    };
    let topic =
        Topic::compile(source(vec![list(50_000)], vec![signal("s", "@many", 50.0)])).expect("compiles");
    assert_points(score(&topic, &titled("a word49999 thing")).points, 50.0);
    let problems = Topic::compile(source(vec![list(50_001)], Vec::new())).expect_err("one too many");
    assert!(problems[0].message.contains("50000"), "{problems:?}");
}
