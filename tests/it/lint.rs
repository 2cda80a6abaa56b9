//! Lint: what is warned of, and what is not.

use std::sync::Arc;

use wirewatch::topic::context::{Factors, Languages};
use wirewatch::topic::lint::archive::questions;
use wirewatch::topic::lint::{Site, shared, slips};
use wirewatch::topic::{
    AlertPolicy, Calibration, Example, Expect, SetSource, Severity, SignalSource, Topic, TopicId,
    TopicSource, Topics,
};

/// A topic of sets (`name.en: a, b`), signals (`query = weight`) and examples (`+text`, `-text`).
fn topic(id: &str, sets: &[&str], signals: &[&str], examples: &[&str]) -> Topic {
    let set = |line: &&str| {
        let (name, terms) = line.split_once(": ").unwrap();
        let (name, language) =
            name.split_once('.').map_or((name, None), |(name, language)| (name, Some(language)));
        SetSource {
            name: name.into(),
            language: language.map(str::to_owned),
            terms: terms.split(", ").map(str::to_owned).collect(),
            is_stemmed: false,
        }
    };
    let signal = |line: &&str| {
        let (when, weight) = line.rsplit_once(" = ").unwrap();
        SignalSource {
            name: when.into(),
            when: when.into(),
            weight: weight.parse().unwrap(),
            cap: 1.0,
            context: true,
        }
    };
    let example = |(line, text): (usize, &&str)| Example {
        expect: if text.starts_with('+') { Expect::Alert } else { Expect::Quiet },
        text: text.chars().skip(1).collect(),
        line: line + 1,
    };
    let source = TopicSource {
        id: TopicId(id.into()),
        name: id.into(),
        description: String::new(),
        severity: Severity::Warning,
        sets: sets.iter().map(set).collect(),
        signals: signals.iter().map(signal).collect(),
        factors: Factors::default(),
        closeness: wirewatch::topic::closeness::Closeness::default(),
        calibration: Calibration::default(),
        policy: AlertPolicy::default(),
        examples: examples.iter().enumerate().map(example).collect(),
    };
    Topic::compile(source).unwrap()
}

/// The slips as `site start..end message`.
fn told(topic: &Topic) -> Vec<String> {
    let site = |site: Site| match site {
        Site::Term { list, term } => format!("term {list}.{term}"),
        Site::When { signal } => format!("when {signal}"),
        Site::Example { example } => format!("example {example}"),
    };
    slips(topic)
        .into_iter()
        .map(|slip| {
            assert!(!slip.hint.is_empty(), "{slip:?}");
            format!("{} {}..{} {}", site(slip.site), slip.span.start, slip.span.end, slip.message)
        })
        .collect()
}

#[track_caller]
fn check(sets: &[&str], signals: &[&str], examples: &[&str], expected: &[&str]) {
    let found = told(&topic("test", sets, signals, examples));
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\nis not\n{expected}");
    }
}

#[test]
fn slips_of_writing_are_found_where_they_stand() {
    check(&[], &["ab* NEAR/3 truce = 50"], &[], &["when 0 0..3 2 letters before a *"]);
    check(&["a: ab*, abc*"], &["@a NEAR/3 truce = 50"], &[], &["term 0.0 0..3 2 letters before a *"]);
    check(&["a: « trêve »"], &["@a NEAR/3 x = 50"], &[], &["term 0.0 0..1 « is a typographic quote"]);
    check(&["a: ‘calm’ days"], &["@a NEAR/3 x = 50"], &[], &["term 0.0 0..1 ‘ is a typographic quote"]);
    check(&["a: truce near/5 broken"], &["@a = 50"], &[], &["term 0.0 6..12 `near/5` is read as a word"]);
    check(&[], &["ATLEAST/2(convoy and trucks) = 50"], &[], &["when 0 17..20 `and` is read as a word"]);
    check(&[], &["convoy NEAR/20 trucks = 60"], &[], &["when 0 7..14 20 words apart"]);
}

#[test]
fn what_may_be_meant_is_no_slip() {
    for (sets, signals) in [
        (&["a: ab* workers, l’aide, d'aide, not respected, and also"][..], &["@a = 50"][..]),
        (&["a.fr: halte, cessez-le-feu", "a.en: cease-fire, cease fire, halte"], &["@a = 50"]),
        (&["a: éclate, éclaté"], &["@a NEAR/15 truce = 90"]),
        // Far, but it needs company, or measures to another NEAR.
        (&[], &["convoy NEAR/20 trucks = 30", "x = 50"]),
        (&[], &["convoy NEAR/5 (trucks NEAR/20 road) = 90", "(convoy ONEAR/2 trucks) NEAR/20 road = 90"]),
        (&[], &["convoy NEAR/20 trucks = -90", "x = 90"]),
        (&[], &["convoy NEAR/3 (near OR not OR \"and so\") = 90"]),
        (&[], &["lang:e* AND convoy = 90"]),
        // A word with a second life, tied or with little weight.
        (&[], &["strike NEAR/6 hospital = 90", "strike = 20"]),
        (&[], &["{STRIKE} = 90", "striker = 20"]),
        (&["decoy: food bank, @more", "more: blood bank", "a: bank robbery"], &["@a = 90"]),
    ] {
        check(sets, signals, &["+one", "-two"], &[]);
    }
}

#[test]
fn words_with_a_second_life_do_not_stand_alone() {
    check(&[], &["strike = 60"], &[], &["when 0 0..6 `strike` stands alone"]);
    check(&[], &["title:(truce OR siege) = 60"], &[], &["when 0 0..22 2 words with a second life"]);
    check(
        &["a: convoy, fire, @b", "b: shells"],
        &["@a = 60"],
        &[],
        &["when 0 0..2 2 words with a second life stand alone here: fire, shells"],
    );
}

#[test]
fn lists_have_no_idle_terms() {
    check(&["a: convoy, Convoy , truck"], &["@a = 60"], &[], &["term 0.1 0..7 `Convoy ` stands twice"]);
    check(
        &["a: convoy", "a.en: truck, convoy, convoy"],
        &["@a = 60"],
        &[],
        &["term 1.1 0..6 2 terms stand twice in the set a"],
    );
    check(
        &["decoy: food bank", "a: food bank, convoy"],
        &["@a = 60"],
        &[],
        &["term 1.0 0..9 `food bank` is a decoy, too"],
    );
    check(&["decoy.fr: convoy", "a.en: convoy"], &["@a = 60"], &[], &[]);
    check(
        &["a: convoy", "b: truck", "c.en: cart", "c.fr: char"],
        &["@a = 60"],
        &[],
        &["term 1.0 0..1 no signal uses the set b", "term 2.0 0..1 no signal uses the set c"],
    );
}

#[test]
fn an_example_stands_once() {
    let expected =
        ["example 1 0..12 this example stands already on line 1", "example 2 0..11 line 1 says the opposite"];
    check(&[], &["convoy = 60"], &["+Convoy held", "+Convoy held!", "-convoy held"], &expected);
}

#[test]
fn topics_overlap_when_they_share_words_and_find_the_same() {
    let shared_words = "held: held, halted, stopped, barred, blocked, seized, turned back, detained";
    let pair = |other_subject: &str, example: &str| {
        let one = topic("one", &[shared_words, "it: convoy"], &["@held NEAR/6 @it = 75"], &["+Convoy held"]);
        let other = topic(
            "other",
            &[shared_words, &format!("it: {other_subject}")],
            &["@held NEAR/6 @it = 75"],
            &[example],
        );
        shared(&Topics::new(vec![one, other], Arc::new(Languages::default())))
    };
    let found = pair("convoy, truck", "+Convoy held");
    assert_eq!((found[0].topic.0.as_str(), found[0].count, found[0].of), ("one", 9, 9));
    assert_eq!(pair("journalist", "+Journalist held"), [], "the same verbs, another subject");
}

#[test]
fn the_archive_is_asked_about_terms_it_can_know() {
    let topic = topic(
        "test",
        &["a.en: convoy, aid convoy*, {WHO}", "b: truck", "decoy: toy truck", "c: @a, \"x y\""],
        &["@a = 60", "@b NEAR/3 @c = 60"],
        &[],
    );
    let asked: Vec<String> = questions(&topic)
        .into_iter()
        .map(|question| {
            format!(
                "{}|{}|{}|{}",
                question.term,
                question.language.unwrap_or_default(),
                question.expression,
                question.is_bare
            )
        })
        .collect();
    let expected = [
        "convoy|en|\"convoy\"|true",
        "aid convoy*|en|((\"aid\" OR \"aidconvoy\"*) AND (\"aidconvoy\"* OR \"convoy\"*))|false",
        "{WHO}|en|\"who\"|false",
        "truck||\"truck\"|false",
        "\"x y\"||((\"x\" OR \"xy\") AND (\"xy\" OR \"y\"))|false",
    ];
    assert_eq!(asked, expected);
}
