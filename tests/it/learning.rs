//! Labels: evaluation by hand-computed numbers, learning within its bounds, and both through the commands. One file because
//! all three are shown on the same small stream of labelled articles.

#![allow(clippy::format_collect, reason = "documents of tests are small, and to be read")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use jiff::Timestamp;
use wirewatch::article::Article;
use wirewatch::feed::Tier;
use wirewatch::topic::context::Factors;
use wirewatch::topic::evaluate::{Grade, Judged, Rates, Report};
use wirewatch::topic::learn::{
    BOUND_DEFAULT, Comparison, Learned, Lesson, Marks, Misfit, NotLearned, Options, RATIO_MAX, RATIO_MIN,
    Sample, WORDS_SIGNAL, Words, learn, points_at, shifted, version,
};
use wirewatch::topic::matcher::ArticleText;
use wirewatch::topic::{
    AlertPolicy, Calibration, Field, Score, SetSource, Severity, SignalSource, Topic, TopicId, TopicSource,
    Topics,
};

use super::support::desk::Desk;

const TOPIC: &str = r#"
id = "flood"
name = "Flood"
[[signal]]
name = "water rises"
when = "flood* NEAR/5 town"
weight = 60
[[signal]]
name = "levy"
when = "levy"
weight = -6
[[signal]]
name = "never seen"
when = "tsunami"
weight = 40
[[example]]
expect = "alert"
text = "Flood hits town"
"#;

fn signal(name: &str, when: &str, weight: f64) -> SignalSource {
    SignalSource { name: name.into(), when: when.into(), weight, cap: 1.0, context: true }
}

fn source() -> TopicSource {
    TopicSource {
        id: TopicId("flood".into()),
        name: "Flood".into(),
        description: String::new(),
        severity: Severity::Warning,
        sets: Vec::new(),
        signals: vec![
            signal("water rises", "flood* NEAR/5 town", 60.0),
            signal("levy", "levy", -6.0),
            signal("never seen", "tsunami", 40.0),
        ],
        factors: Factors::default(),
        closeness: wirewatch::topic::closeness::Closeness::default(),
        calibration: Calibration::default(),
        policy: AlertPolicy::default(),
        examples: Vec::new(),
    }
}

fn topic() -> Topic {
    Topic::compile(source()).unwrap()
}

fn article(title: &str, summary: &str) -> Article {
    Article {
        title: title.into(),
        summary: summary.into(),
        body: String::new(),
        url: None,
        language: "en".into(),
        publisher: "example.org".into(),
        tier: Tier::default(),
        feed: "https://news.example.org/rss.xml".into(),
        tags: Vec::new(),
        published_at: None,
        seen_at: Timestamp::UNIX_EPOCH,
        places: Vec::new(),
        fingerprint: 0,
    }
}

fn hour(number: usize) -> Timestamp {
    Timestamp::from_second(i64::try_from(number).unwrap() * 3600 + 1_700_000_000).unwrap()
}

/// A stream in which a levy is no flood, though the topic's file takes off too little for it: of eight articles two report
/// a flood, two a levy, and the rest something else. Reports of levies come with a word of their own.
fn stream(count: usize) -> Vec<(Timestamp, Article, bool)> {
    let of = |number: usize| match number % 8 {
        0 => ("Flood hits town", "Rescuers are on their way.", true),
        3 => ("Flood reaches the old town", "Bridges are closed.", true),
        1 => ("Flood levy in town", "Residents paid the surcharge.", false),
        5 => ("Town debates flood levy", "Councillors liked the surcharge.", false),
        _ => ("Market reopens", "Stalls are back.", false),
    };
    (0..count)
        .map(|number| {
            let (title, summary, is_right) = of(number);
            (hour(number), article(title, summary), is_right)
        })
        .collect()
}

/// Scores an article as the program does.
fn score_by(topic: &Topic, article: &Article) -> Score {
    let topics = Topics::new(vec![topic.clone()], Arc::default());
    topics.score_each(article).remove(0)
}

fn samples(topic: &Topic, stream: &[(Timestamp, Article, bool)]) -> Vec<Sample> {
    let sample = |(at, article, is_right): &(Timestamp, Article, bool)| {
        let text = ArticleText::new(article);
        let score = score_by(topic, article);
        Sample::new(&topic.source, &score, *at, *is_right).with_terms(&text)
    };
    stream.iter().map(sample).collect()
}

fn lesson(count: usize, options: Options) -> Lesson {
    let topic = topic();
    learn(&topic.source, &samples(&topic, &stream(count)), options).unwrap()
}

fn judged(probability: f64, grade: Grade, weight: f64) -> Judged {
    Judged { probability, trips: probability >= 0.5, grade, weight }
}

#[track_caller]
fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
}

#[test]
fn the_numbers_of_an_evaluation_are_those_computed_by_hand() {
    use Grade::{Arguable, No, Yes};
    let all = [
        judged(0.9, Yes, 1.0),
        judged(0.8, No, 1.0),
        judged(0.8, Yes, 1.0),
        judged(0.6, Arguable, 1.0),
        judged(0.3, Yes, 1.0),
        judged(0.1, No, 1.0),
        judged(0.05, No, 1.0),
    ];
    let report = Report::of(&all, 0.5);
    assert_eq!((report.items, report.positives, report.arguable), (6, 3, 1));
    near(report.rates.precision, 2.0 / 3.0);
    near(report.rates.recall, 2.0 / 3.0);
    near(report.rates.f1, 2.0 / 3.0);
    // Ranks: 0.9 (1 of 1), 0.8 twice (2 of 3), 0.3 (3 of 4).
    near(report.average_precision, (1.0 + 2.0 / 3.0 + 3.0 / 4.0) / 3.0);
    let squares = 0.01 + 0.64 + 0.04 + 0.49 + 0.01 + 0.0025;
    near(report.brier, squares / 6.0);
    let logs = [0.9_f64, 0.2, 0.8, 0.3, 0.9, 0.95].iter().map(|given| -given.ln()).sum::<f64>();
    near(report.log_loss, logs / 6.0);
    // Bins: 0.05 → 0.05 off; 0.1 → 0.1 off; 0.3 → 0.7 off; 0.8 twice, half right → 0.3 off; 0.9 → 0.1 off.
    near(report.ece, (0.05 + 0.1 + 0.7 + 2.0 * 0.3 + 0.1) / 6.0);
    let counts: Vec<usize> = report.bins.iter().map(|bin| bin.count).collect();
    assert_eq!(counts, [1, 1, 0, 1, 0, 0, 0, 0, 2, 1]);
    let at =
        |threshold: f64| report.thresholds.iter().find(|line| line.threshold >= threshold).unwrap().rates;
    assert_eq!(at(0.9), Rates { precision: 1.0, recall: 1.0 / 3.0, f1: 0.5 });
    // Weighted: two false alarms' worth in the place of one.
    let mut weighted = all;
    weighted[1].weight = 2.0;
    near(Report::of(&weighted, 0.5).rates.precision, 0.5);
    near(Report::of(&weighted, 0.5).average_precision, (1.0 + 2.0 / 4.0 + 3.0 / 5.0) / 3.0);
    let nothing = Report::of(&[], 0.5);
    assert_eq!((nothing.rates.f1, nothing.average_precision, nothing.ece), (0.0, 0.0, 0.0));
}

#[test]
fn a_wrong_weight_is_corrected_within_its_bounds() {
    let lesson = lesson(400, Options::default());
    let weights = &lesson.learned.weights;
    let levy = weights["levy"];
    assert!(levy < -8.0, "the levy speaks against a flood more clearly: {levy}");
    assert!(!weights.contains_key("never seen"), "what fired nowhere stays: {weights:?}");
    for signal in source().signals {
        let weight = weights.get(&signal.name).copied().unwrap_or(signal.weight);
        let ratio = weight / signal.weight;
        assert!((RATIO_MIN - 1e-9..=RATIO_MAX + 1e-9).contains(&ratio), "{}: {ratio}", signal.name);
    }
    let found = lesson.cross_validated;
    assert_eq!(found.objection(), None);
    assert!(found.after.rates.f1 > found.before.rates.f1 && found.after.log_loss < found.before.log_loss);
    assert!(
        lesson
            .last_third
            .is_some_and(|last| last.after.log_loss < last.before.log_loss && last.from > lesson.from)
    );
    // What was learned holds on an article.
    let topic = topic().with_learned(Some(lesson.learned.clone()));
    let score = score_by(&topic, &article("Flood levy in town", ""));
    near(score.points, weights.get("water rises").copied().unwrap_or(60.0) + levy);
    assert!(!score.trips && score_by(&topic, &article("Flood hits town", "")).trips, "{score:?}");
    near(score_by(&topic.with_learned(None), &article("Flood levy in town", "")).points, 54.0);
}

#[test]
fn a_lesson_is_the_same_whatever_the_order_of_labels() {
    let topic = topic();
    let options = Options { words_bound: Some(BOUND_DEFAULT), prevalence: Some(0.01) };
    let mut all = samples(&topic, &stream(160));
    let first = learn(&topic.source, &all, options).unwrap();
    all.reverse();
    assert_eq!(learn(&topic.source, &all, options).unwrap(), first);
}

#[test]
fn labels_that_agree_with_the_file_change_no_weight() {
    let topic = topic();
    let right: Vec<_> =
        stream(160).into_iter().filter(|(_, article, _)| !article.title.contains("levy")).collect();
    let lesson = learn(&topic.source, &samples(&topic, &right), Options::default()).unwrap();
    for (name, weight) in &lesson.learned.weights {
        let file = source().signals.iter().find(|signal| signal.name == *name).unwrap().weight;
        assert!((weight / file - 1.0).abs() < 0.5, "{name}: {weight}");
    }
    assert!(lesson.learned.calibration.slope > 0.0);
}

#[test]
fn a_gain_by_chance_or_one_that_the_last_third_denies_is_none() {
    let rates = |f1: f64| Rates { precision: f1, recall: f1, f1 };
    let marks =
        |log_loss: f64, f1: f64| Marks { log_loss, brier: 0.1, average_precision: 0.9, rates: rates(f1) };
    let learned = lesson(400, Options::default());
    assert_eq!(learned.objection(), None);
    let compared = |log_loss: f64, f1: f64| Comparison {
        before: marks(0.5, 0.8),
        after: marks(log_loss, f1),
        ..learned.cross_validated
    };
    let same = compared(0.5, 0.8);
    let cases = [
        (compared(0.4, 0.8), Some(same), None),
        (compared(0.4, 0.8), None, None),
        (compared(0.494, 0.8), Some(same), None),
        (compared(0.4999, 0.81), Some(same), None),
        (compared(0.5 - 1e-9, 0.8), Some(same), Some("less than one percent")),
        (same, Some(compared(0.4, 0.9)), Some("in the cross-validation")),
        (compared(0.51, 0.9), Some(same), Some("log loss goes from 0.500 to 0.510 in the cross-validation")),
        (compared(0.4, 0.79), Some(same), Some("F1 at the threshold goes from 0.800 to 0.790 in the cross")),
        (
            compared(0.4, 0.9),
            Some(compared(0.51, 0.9)),
            Some("log loss goes from 0.500 to 0.510 on the last third"),
        ),
        (compared(0.4, 0.9), Some(compared(0.4, 0.7)), Some("from 0.800 to 0.700 on the last third")),
    ];
    for (cross_validated, last_third, expected) in cases {
        let found = Lesson { cross_validated, last_third, ..learned.clone() }.objection();
        let is_so = expected
            .map_or(found.is_none(), |words| found.as_ref().is_some_and(|found| found.contains(words)));
        assert!(is_so, "{expected:?}: {found:?}");
    }
}

#[test]
fn too_few_labels_teach_nothing() {
    let topic = topic();
    let few = samples(&topic, &stream(30));
    assert_eq!(
        learn(&topic.source, &few, Options::default()).unwrap_err(),
        NotLearned::TooFew { positives: 8, negatives: 22, needed: 10 }
    );
    assert!(learn(&topic.source, &[], Options::default()).is_err());
}

#[test]
fn words_nudge_and_never_speak_alone() {
    let mut source = source();
    source.signals.truncate(1);
    let topic = Topic::compile(source.clone()).unwrap();
    let options = Options { words_bound: Some(BOUND_DEFAULT), prevalence: None };
    let lesson = learn(&source, &samples(&topic, &stream(400)), options).unwrap();
    let words = lesson.learned.words.clone().unwrap();
    assert!(words.text.get("surcharge").is_some_and(|points| *points < 0.0), "{words:?}");
    assert!(
        words.title.keys().any(|term| term.contains("levy")),
        "titles are counted by themselves: {words:?}"
    );
    let topic = topic.with_learned(Some(lesson.learned.clone()));
    let score = score_by(&topic, &article("Town debates flood levy", "Councillors liked the surcharge."));
    let found = score.evidence.iter().find(|evidence| evidence.signal == WORDS_SIGNAL).unwrap();
    assert!((-BOUND_DEFAULT..-1.0).contains(&found.points) || found.points == -BOUND_DEFAULT, "{found:?}");
    assert!(found.quote.split(", ").count() <= 3, "{found:?}");
    near(score.points, score.evidence.iter().map(|evidence| evidence.points).sum());
    let quiet = score_by(&topic, &article("Market levy", "A surcharge on a surcharge."));
    assert!(quiet.evidence.is_empty() && quiet.points == 0.0, "{quiet:?}");
}

#[test]
fn the_evidence_of_words_stands_where_the_strongest_does() {
    let words = |title: &[(&str, f64)], text: &[(&str, f64)]| {
        let map = |terms: &[(&str, f64)]| -> BTreeMap<String, f64> {
            terms.iter().map(|(term, points)| ((*term).to_owned(), *points)).collect()
        };
        Words { bound: 10.0, title: map(title), text: map(text) }
    };
    let cases = [
        (words(&[("flood", 2.0)], &[]), Some((Field::Title, "flood", 2.0))),
        (
            words(&[("flood", 2.0)], &[("old bridge", -3.5)]),
            Some((Field::Summary, "old bridge, flood", -1.5)),
        ),
        (words(&[("flood", 8.0), ("town", 7.0)], &[]), Some((Field::Title, "flood, town", 10.0))),
        // Counted in the headline only, and "bridge old" is not what stands there.
        (words(&[("bridge", 9.0)], &[("bridge old", 5.0)]), None),
    ];
    for (words, expected) in cases {
        let learned = Learned::new(&source(), BTreeMap::new(), Calibration::default(), Some(words)).unwrap();
        let topic = topic().with_learned(Some(learned));
        let score = score_by(&topic, &article("Flood hits town", "The old bridge is closed."));
        let found = score.evidence.iter().find(|evidence| evidence.signal == WORDS_SIGNAL);
        assert_eq!(found.map(|found| (found.field, found.quote.as_str(), found.points)), expected);
    }
}

#[test]
fn a_prevalence_moves_the_midpoint_by_the_difference_of_log_odds() {
    let calibration = Calibration { slope: 0.1, midpoint: 40.0 };
    let moved = shifted(calibration, 0.5, 0.1);
    near(moved.slope, 0.1);
    near(moved.midpoint, 40.0 + 9.0_f64.ln() / 0.1);
    near(points_at(0.5, moved), moved.midpoint);
    near(points_at(0.7, calibration), 40.0 + (7.0_f64 / 3.0).ln() / 0.1);
    let (plain, rare) =
        (lesson(200, Options::default()), lesson(200, Options { prevalence: Some(0.01), words_bound: None }));
    assert!(rare.learned.calibration.midpoint > plain.learned.calibration.midpoint + 5.0);
    assert_eq!(rare.learned.weights, plain.learned.weights);
}

#[test]
fn what_is_compared_is_what_is_written_in_a_stream_of_that_prevalence() {
    let with = |prevalence: Option<f64>| lesson(200, Options { prevalence, words_bound: None });
    // The file alerts to every flood and every drill, as many of one as of the other among the labels. A right label counts
    // 0.01 / share, and a drill is one in three of the wrong ones: 0.01 to 0.99 / 3, but for the edges of parts.
    let (plain, rare) =
        (with(None).cross_validated.before.rates, with(Some(0.01)).cross_validated.before.rates);
    assert_eq!((plain.recall, rare.recall), (1.0, 1.0));
    assert!((plain.precision - 0.5).abs() < 0.02, "{plain:?}");
    assert!((rare.precision - 0.01 / (0.01 + 0.33)).abs() < 0.002, "{rare:?}");
    // Where alerts are right so seldom that what was learned alerts to nothing, the comparison says so.
    let lesson = with(Some(1e-4));
    let flood =
        score_by(&topic().with_learned(Some(lesson.learned.clone())), &article("Flood hits town", ""));
    let after = lesson.cross_validated.after.rates;
    assert!(!flood.trips && after.recall == 0.0, "{after:?} {}", flood.points);
    assert!(lesson.cross_validated.objection().is_some_and(|why| why.contains("F1")));
}

#[test]
fn the_version_follows_what_the_numbers_stand_on() {
    let set = SetSource {
        name: "waters".into(),
        language: Some("en".into()),
        terms: vec!["rivers".into()],
        is_stemmed: false,
    };
    let source = || TopicSource { sets: vec![set.clone()], ..source() };
    let first = version(&source());
    assert_eq!(first.len(), 16);
    let changes: [fn(&mut TopicSource); 8] = [
        |topic| topic.signals[0].when.push_str(" OR deluge"),
        |topic| topic.signals[0].weight = 61.0,
        |topic| topic.calibration.midpoint = 41.0,
        |topic| topic.signals.swap(0, 1),
        |topic| topic.sets[0].is_stemmed = true,
        |topic| topic.closeness.weight = 20.0,
        |topic| topic.closeness.floor = 0.4,
        |topic| topic.closeness.alone = true,
    ];
    for change in changes {
        let mut topic = source();
        change(&mut topic);
        assert_ne!(version(&topic), first);
    }
    let mut topic = source();
    topic.description = "Other words.".into();
    topic.policy.threshold = 0.8;
    assert_eq!(version(&topic), first);
}

#[test]
fn what_does_not_fit_a_topic_is_refused() {
    let weights = |name: &str, weight: f64| BTreeMap::from([(name.to_owned(), weight)]);
    let new = |weights, calibration| Learned::new(&source(), weights, calibration, None);
    let file = Calibration::default();
    assert!(new(weights("levy", -12.0), file).is_ok() && new(weights("levy", -2.0), file).is_ok());
    for weight in [6.0, -12.1, -1.9] {
        let misfits = new(weights("levy", weight), file).unwrap_err();
        assert!(
            matches!(&misfits[..], [Misfit::OutOfBounds { signal, .. }] if signal == "levy"),
            "{misfits:?}"
        );
    }
    assert_eq!(
        new(weights("drizzle", 1.0), file).unwrap_err(),
        [Misfit::UnknownSignal("drizzle".to_owned())]
    );
    let far = Calibration { midpoint: 500.0, ..file };
    assert!(matches!(new(BTreeMap::new(), far).unwrap_err()[..], [Misfit::Unreachable { .. }]));
}

/// A desk with the flood topic only, and the stream as a file of labels.
fn desk(count: usize) -> (Desk, String) {
    let desk = Desk::new("");
    std::fs::remove_dir_all(desk.config().join("topics")).unwrap();
    desk.write("topics/flood.toml", TOPIC);
    let mut lines = String::new();
    for (number, (at, article, is_right)) in stream(count).into_iter().enumerate() {
        let labels = if is_right { "{\"flood\": 2}" } else { "{\"famine\": 1}" };
        let (title, summary) = (article.title, article.summary);
        writeln!(
            lines,
            "{{\"id\": \"n{number}\", \"title\": \"{title}\", \"summary\": \"{summary}\", \"published\": \"{at}\", \"weight\": 2, \"labels\": {labels}}}"
        )
        .unwrap();
    }
    let file = desk.file("labels.jsonl", lines);
    (desk, file.to_str().unwrap().to_owned())
}

const ARTICLES: usize = 160;

#[test]
fn evaluate_agrees_with_score_and_names_what_is_wrong() {
    let (desk, labels) = desk(ARTICLES);
    let scored = desk.run(&["score", "--json", &labels]).expect(0).json();
    let trips = scored.iter().filter(|line| line["topics"]["flood"]["trips"] == true).count();
    let ran = desk.run(&["topics", "evaluate", "--labels", &labels, "--json"]).expect(0);
    assert_eq!(ran.err.matches("famine").count(), 1, "one word per unknown topic: {}", ran.err);
    assert!(ran.err.contains("120 labels name the topic famine"), "{}", ran.err);
    let found = &ran.json()[0];
    assert_eq!((found["topic"].as_str(), found["items"].as_u64()), (Some("flood"), Some(160)));
    assert_eq!(found["positives"], 40);
    let right = found["precision"].as_f64().unwrap() * trips as f64;
    near(right, found["recall"].as_f64().unwrap() * 40.0);
    assert!(found["articles_a_day"].is_null(), "no archive, no weights: {}", found["articles_a_day"]);
    let text = desk.run(&["topics", "evaluate", "flood", "--labels", &labels, "--weights"]).expect(0).out;
    for words in ["40 right to alert", "average precision", "articles/day", "0.70*", "# share right"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let narrow = ["--from", "2023-11-16", "--until", "2023-11-17"];
    let mut args = vec!["topics", "evaluate", "--labels", &labels, "--json"];
    args.extend(narrow);
    assert_eq!(desk.run(&args).expect(0).json()[0]["items"], 24);
    let ran = desk.run(&["topics", "evaluate", "drought", "--labels", &labels]).expect(2);
    assert!(ran.err.contains("there is no topic \"drought\"") && ran.err.contains("flood"), "{}", ran.err);
    desk.run(&["topics", "evaluate"]).expect(2);
}

#[test]
fn lines_that_cannot_be_used_are_named_and_the_others_count() {
    let (desk, _) = desk(0);
    let lines = [
        r#"{"id": "a", "title": "Flood hits town", "labels": {"flood": 2}}"#,
        r#"{"id": "b", "title": "Flood hits town", "labels": {"flood": 3}}"#,
        r#"{"id": "c", "title": "Flood hits town", "labels": ["flood"]}"#,
        r#"{"id": "d", "title": "Flood hits town"}"#,
        r#"{"id": "e", "labels": {}}"#,
        "not json",
        r#"{"id": "f", "title": "Market reopens", "labels": {}}"#,
    ];
    let file = desk.file("some.jsonl", lines.join("\n"));
    let file = file.to_str().unwrap();
    let ran = desk.run(&["topics", "evaluate", "--labels", file, "--json"]).expect(1);
    assert_eq!(ran.json()[0]["items"], 2);
    for place in [
        "some.jsonl:2: the label of flood must be 0, 1 or 2",
        "some.jsonl:3: ",
        "some.jsonl:4: no labels",
        "some.jsonl:5: ",
        "some.jsonl:6: not an entry",
    ] {
        assert!(ran.err.contains(place), "{place}: {}", ran.err);
    }
    let ran = desk.run(&["topics", "evaluate", "--labels", file, "--json", "--from", "2020-01-01"]).expect(1);
    assert!(ran.err.contains("2 labelled articles have no date"), "{}", ran.err);
}

#[test]
fn learn_writes_beside_the_topic_and_only_what_is_better() {
    let (desk, labels) = desk(ARTICLES);
    let learned = desk.config().join("topics/flood.learned");
    let ran = desk.run(&["topics", "learn", "flood", "--labels", &labels, "--dry-run"]).expect(0);
    assert!(ran.out.contains("not written (--dry-run); it is better") && !learned.exists(), "{}", ran.out);
    let first = desk.run(&["topics", "learn", "flood", "--labels", &labels, "--ngrams"]).expect(0).out;
    for words in
        ["-6.00 → ", "calibration: slope 0.1000 → ", "cross-validated in time order", "the last third"]
    {
        assert!(first.contains(words), "{words}: {first}");
    }
    let text = std::fs::read_to_string(&learned).unwrap();
    assert!(text.starts_with("# What `wirewatch topics learn flood` made of labels."), "{text}");
    for words in
        ["From labels.jsonl: ", "topic_version = \"", "[weights]\n", "\"levy\" = -", "# in the file -6.0"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    // The configuration takes it, and learning starts from the topic's own file again.
    assert!(!desk.run(&["check"]).expect(0).err.contains("learned"));
    let text_score = |desk: &Desk| {
        let file = desk.file("one.jsonl", "{\"title\": \"Flood levy in town\"}");
        desk.run(&["score", "--json", file.to_str().unwrap()]).expect(0).json()[0]["topics"]["flood"].clone()
    };
    assert_eq!(text_score(&desk)["trips"], false);
    assert_eq!(desk.run(&["topics", "learn", "flood", "--labels", &labels, "--ngrams"]).expect(0).out, first);
    assert_eq!(std::fs::read_to_string(&learned).unwrap(), text);
    assert!(
        desk.run(&["topics", "evaluate", "--labels", &labels]).expect(0).out.contains("flood, as learned: ")
    );
    std::fs::remove_file(&learned).unwrap();
    assert_eq!(text_score(&desk)["trips"], true);
    // Labels that say nothing: the file cannot be beaten.
    let noise: String = (0..80)
        .map(|number| {
            let grade = if number % 2 == 0 { 2 } else { 0 };
            format!("{{\"title\": \"Market reopens\", \"published\": \"{}\", \"labels\": {{\"flood\": {grade}}}}}\n", hour(number))
        })
        .collect();
    let perfect: String = (0..80)
        .map(|number| {
            let (title, grade) =
                if number % 2 == 0 { ("Flood hits town after tsunami", 2) } else { ("Market reopens", 0) };
            format!(
                "{{\"title\": \"{title}\", \"published\": \"{}\", \"labels\": {{\"flood\": {grade}}}}}\n",
                hour(number)
            )
        })
        .collect();
    let noise = desk.file("noise.jsonl", noise);
    let ran = desk.run(&["topics", "learn", "flood", "--labels", noise.to_str().unwrap()]);
    assert!(ran.code == Some(1) && !learned.exists(), "{}", ran.out);
    let perfect = desk.file("perfect.jsonl", perfect);
    let perfect = perfect.to_str().unwrap();
    let ran = desk.run(&["topics", "learn", "flood", "--labels", perfect]).expect(1);
    assert!(ran.out.contains("not written, as it is no better") && !learned.exists(), "{}", ran.out);
    desk.run(&["topics", "learn", "flood", "--labels", perfect, "--force"]).expect(0);
    assert!(learned.exists());
}

#[test]
fn a_learned_file_that_does_not_fit_is_a_warning_and_the_topic_runs_as_its_file_says() {
    let (desk, labels) = desk(ARTICLES);
    desk.run(&["topics", "learn", "flood", "--labels", &labels, "--ngrams"]).expect(0);
    let name = "topics/flood.learned";
    let sound = std::fs::read_to_string(desk.config().join(name)).unwrap();
    let plain = |text: &str| -> String {
        text.lines().filter(|line| !line.contains("levy\"")).map(|line| format!("{line}\n")).collect()
    };
    let with = |from: &str, to: &str| sound.replacen(from, to, 1);
    let cases = [
        (
            with("topic_version = \"", "topic_version = \"0"),
            "topic_version: this was learned of another version",
        ),
        (
            with("[weights]\n", "[weights]\n\"hail\" = 3\n"),
            "weights.hail: the topic has no signal of this name",
        ),
        (
            plain(&sound).replacen("[weights]\n", "[weights]\n\"levy\" = -90\n", 1),
            "weights.levy: this weight must be between -12.00 and -2.00",
        ),
        (with("slope = ", "slope = -"), "calibration.slope: "),
        (with("[calibration]\n", "[calibration]\nsteep = 1\n"), "calibration.steep: this key is not known"),
        (with("[calibration]\n", "calibration\n"), "this is not TOML"),
        (with("bound = ", "bound = 1"), "ngrams.bound: "),
        (String::new(), "topic_version: this key must be given"),
    ];
    let file = desk.file("one.jsonl", "{\"title\": \"Flood levy in town\"}");
    for (text, words) in cases {
        desk.write(name, &text);
        let ran = desk.run(&["check"]).expect(0);
        assert!(ran.err.contains("warning: ") && ran.err.contains("flood.learned"), "{words}: {}", ran.err);
        assert!(ran.err.contains(words) && ran.err.contains("or delete this file"), "{words}: {}", ran.err);
        let score = desk.run(&["score", "--json", file.to_str().unwrap()]).expect(0).json();
        assert_eq!(score[0]["topics"]["flood"]["score"], 0.8022, "{words}");
    }
    std::fs::rename(desk.config().join(name), desk.config().join("topics/drought.learned")).unwrap();
    let ran = desk.run(&["check"]).expect(0);
    assert!(ran.err.contains("drought.learned") && ran.err.contains("no topic of this name"), "{}", ran.err);
}
