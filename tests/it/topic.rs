//! Topics: the query language, folding, matching and weighing, through their public doors.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use wirewatch::article::Article;
use wirewatch::feed::Tier;
use wirewatch::topic::matcher::ArticleText;
use wirewatch::topic::sets::Sets;
use wirewatch::topic::{
    AlertPolicy, Calibration, Field, ProblemSite, Query, SetSource, Severity, SignalSource, Topic, TopicId,
    TopicProblem, TopicSource, score_all,
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
    }
}

fn signal(name: &str, when: &str, weight: f64) -> SignalSource {
    SignalSource { name: name.into(), when: when.into(), weight, cap: 1.0 }
}

fn source(sets: Vec<SetSource>, signals: Vec<SignalSource>) -> TopicSource {
    TopicSource {
        id: TopicId("test".into()),
        name: "Test".into(),
        description: String::new(),
        severity: Severity::Critical,
        sets,
        signals,
        calibration: Calibration::default(),
        policy: AlertPolicy {
            threshold: 0.7,
            publishers: 1,
            update_every: Duration::from_hours(6),
            escalate_publishers: 3,
            close_after: Duration::from_hours(48),
            max_age: Duration::from_hours(48),
        },
        examples: Vec::new(),
    }
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
        let score = topic.score(&article(text, "", "", language));
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
