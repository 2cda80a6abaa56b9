//! What becomes of an alert, by value: no database, no clock.

use std::time::Duration;

use jiff::Timestamp;
use wirewatch::alert::acknowledgement::Acknowledgement;
use wirewatch::alert::route::clock::QuietHours;
use wirewatch::alert::route::decide::{Decision, Hold, Scene, Waiting, decide, reconsider, reminders};
use wirewatch::alert::route::{Mode, Route, SecondLine, Told};
use wirewatch::alert::silence::{Matcher, NewSilence, Refused, SILENCE_MAX, Silence, SilenceId};
use wirewatch::alert::{Alert, AlertId, Kind};
use wirewatch::feed::schedule::after;
use wirewatch::topic::Severity;

use super::{alert, at, plain, zone};

const NOW: &str = "2026-03-01T20:30:00Z";

fn scene() -> Scene<'static> {
    Scene::at(at(NOW))
}

/// Word and time of the decision at each address.
fn told(
    routes: &[Route],
    alert: &Alert,
    scene: &Scene<'_>,
) -> Vec<(String, &'static str, Option<Timestamp>)> {
    let verdicts = decide(routes, alert, scene).into_iter();
    verdicts
        .map(|verdict| {
            let until = match &verdict.decision {
                Decision::Held { until, .. } => Some(*until),
                Decision::Told { .. } | Decision::NothingToClear | Decision::Unsubscribed => None,
            };
            (verdict.address, verdict.decision.code(), until)
        })
        .collect()
}

fn quiet(from: &str, to: &str, unless: Severity) -> QuietHours {
    QuietHours { from: from.parse().unwrap(), to: to.parse().unwrap(), unless }
}

fn daily(time: &str) -> Mode {
    Mode::Daily { at: time.parse().unwrap() }
}

#[test]
fn each_condition_of_a_route_can_refuse_and_says_so() {
    let base = plain(&["d@e.org"]);
    let first = alert(Kind::First, Severity::Warning);
    for (change, kind, expected) in [
        (base.clone(), Kind::First, None),
        (Route { topics: vec!["aid-*".to_owned()], ..base.clone() }, Kind::First, Some("aid-* (topics)")),
        (Route { topics: vec!["fam?ne".to_owned()], ..base.clone() }, Kind::First, None),
        (
            Route { severities: vec![Severity::Critical], ..base.clone() },
            Kind::First,
            Some("critical (severities)"),
        ),
        (Route { places: vec!["YE".to_owned()], ..base.clone() }, Kind::First, Some("YE (places)")),
        (Route { min_publishers: 3, ..base.clone() }, Kind::First, Some("2 of 3 independent publishers")),
        (Route { min_publishers: 3, ..base.clone() }, Kind::Correction, None),
        (base.clone(), Kind::AllClear, Some("all_clear")),
        (Route { all_clear: true, min_publishers: 3, ..base }, Kind::AllClear, None),
    ] {
        let alert = Alert { kind, ..first.clone() };
        let refusal = change.refusal(&alert).map(|refusal| refusal.words(&change));
        match expected {
            None => assert_eq!(refusal, None),
            Some(words) => assert!(refusal.as_ref().unwrap().contains(words), "{words}: {refusal:?}"),
        }
        assert_eq!(decide(&[change], &alert, &scene()).is_empty(), expected.is_some());
    }
}

#[test]
fn a_route_tells_when_it_says() {
    let khartoum = |route: Route| Route { zone: zone("Africa/Khartoum"), ..route };
    let base = plain(&["d@e.org"]);
    // It is 22:30 in Khartoum.
    for (route, severity, code, until) in [
        (base.clone(), Severity::Info, "told", None),
        (
            Route { mode: Mode::Hourly, ..base.clone() },
            Severity::Critical,
            "held-digest",
            Some("2026-03-01T21:00:00Z"),
        ),
        (
            Route { mode: daily("07:00"), ..base.clone() },
            Severity::Info,
            "held-digest",
            Some("2026-03-02T07:00:00Z"),
        ),
        (
            khartoum(Route { mode: daily("07:00"), ..base.clone() }),
            Severity::Info,
            "held-digest",
            Some("2026-03-02T05:00:00Z"),
        ),
        (
            khartoum(Route {
                quiet_hours: Some(quiet("22:00", "06:00", Severity::Critical)),
                ..base.clone()
            }),
            Severity::Warning,
            "held-quiet-hours",
            Some("2026-03-02T04:00:00Z"),
        ),
        (
            khartoum(Route {
                quiet_hours: Some(quiet("22:00", "06:00", Severity::Critical)),
                ..base.clone()
            }),
            Severity::Critical,
            "told",
            None,
        ),
        (
            khartoum(Route { quiet_hours: Some(quiet("22:00", "06:00", Severity::Warning)), ..base.clone() }),
            Severity::Warning,
            "told",
            None,
        ),
        (
            Route { quiet_hours: Some(quiet("22:00", "06:00", Severity::Critical)), ..base.clone() },
            Severity::Info,
            "told",
            None,
        ),
        // The digest of the hour would fall into quiet hours.
        (
            khartoum(Route {
                mode: Mode::Hourly,
                quiet_hours: Some(quiet("22:00", "06:00", Severity::Critical)),
                ..base
            }),
            Severity::Warning,
            "held-digest",
            Some("2026-03-02T04:00:00Z"),
        ),
    ] {
        let alert = alert(Kind::First, severity);
        let found = told(std::slice::from_ref(&route), &alert, &scene());
        assert_eq!(found, [("d@e.org".to_owned(), code, until.map(at))], "{}", route.words());
    }
}

#[test]
fn a_full_hour_holds_until_there_is_room() {
    let route = Route { max_per_hour: Some(3), ..plain(&["d@e.org"]) };
    let mail = |minutes_ago: u64, severity| {
        let at = at(NOW) - jiff::SignedDuration::from_mins(minutes_ago.cast_signed());
        ("D@e.org".to_owned(), Told { at, severity })
    };
    let grave =
        |minutes: &[u64]| -> Vec<_> { minutes.iter().map(|ago| mail(*ago, Severity::Critical)).collect() };
    for (recent, severity, until) in [
        (grave(&[5, 10]), Severity::Critical, None),
        (grave(&[5, 10, 59]), Severity::Critical, Some("2026-03-01T20:31:00Z")),
        (grave(&[5, 10, 60]), Severity::Critical, None),
        // Of four the oldest two must leave before there is room for one of three.
        (grave(&[5, 10, 20, 50]), Severity::Info, Some("2026-03-01T21:10:00Z")),
        // The harmless take no room from the grave, the grave do from the harmless.
        (
            vec![mail(5, Severity::Info), mail(6, Severity::Info), mail(7, Severity::Warning)],
            Severity::Critical,
            None,
        ),
        (
            vec![mail(5, Severity::Info), mail(6, Severity::Critical), mail(7, Severity::Warning)],
            Severity::Info,
            Some("2026-03-01T21:23:00Z"),
        ),
        // A mail from a time to come was dated by a clock that ran ahead.
        (
            vec![
                (
                    "d@e.org".to_owned(),
                    Told { at: after(at(NOW), Duration::from_hours(5)), severity: Severity::Critical }
                );
                3
            ],
            Severity::Info,
            None,
        ),
        // Somebody else's mails are theirs.
        (
            vec![("x@e.org".to_owned(), Told { at: at(NOW), severity: Severity::Critical }); 3],
            Severity::Info,
            None,
        ),
    ] {
        let scene = Scene { recent: &recent, ..scene() };
        let found = told(std::slice::from_ref(&route), &alert(Kind::First, severity), &scene);
        let code = if until.is_some() { "held-cap" } else { "told" };
        assert_eq!(found, [("d@e.org".to_owned(), code, until.map(at))], "{recent:?}");
    }
    // Room within quiet hours is no room.
    let nightly = Route { quiet_hours: Some(quiet("20:45", "06:00", Severity::Critical)), ..route };
    let recent: Vec<_> = [5, 6, 7].map(|ago| mail(ago, Severity::Info)).into();
    let found = told(&[nightly], &alert(Kind::First, Severity::Info), &Scene { recent: &recent, ..scene() });
    assert_eq!(found[0].2, Some(at("2026-03-02T06:00:00Z")));
}

#[test]
fn an_address_that_several_routes_name_is_told_once_by_the_first_to_tell() {
    let daily_route = Route { mode: daily("07:00"), ..plain(&["d@e.org", "late@e.org"]) };
    let hourly = Route { mode: Mode::Hourly, ..plain(&["D@E.org"]) };
    let full = Route { max_per_hour: Some(1), ..plain(&["d@e.org"]) };
    let now = plain(&["d@e.org"]);
    let first = alert(Kind::First, Severity::Info);
    let recent = [("d@e.org".to_owned(), Told { at: at(NOW), severity: Severity::Info })];
    let scene = Scene { recent: &recent, ..scene() };
    for (routes, code, route) in [
        (vec![daily_route.clone(), now.clone()], "told", 1),
        (vec![daily_route.clone(), hourly.clone()], "held-digest", 1),
        (vec![full.clone(), now.clone()], "told", 1),
        (vec![full.clone(), hourly], "held-digest", 1),
        (vec![now.clone(), now], "told", 0),
    ] {
        let verdicts = decide(&routes, &first, &scene);
        let at_desk: Vec<_> =
            verdicts.iter().filter(|verdict| verdict.address.eq_ignore_ascii_case("d@e.org")).collect();
        assert_eq!(at_desk.len(), 1);
        assert_eq!((at_desk[0].decision.code(), at_desk[0].route), (code, Some(route)));
    }
    let both = told(&[daily_route, full], &first, &Scene { recent: &[], ..scene });
    assert_eq!(both.iter().map(|it| it.1).collect::<Vec<_>>(), ["told", "held-digest"]);
}

fn silence(id: i64, matcher: Matcher, until: &str) -> Silence {
    Silence {
        id: SilenceId(id),
        matcher,
        author: "anna".to_owned(),
        comment: "exercise".to_owned(),
        made_at: at("2026-03-01T20:00:00Z"),
        until: at(until),
        ended_at: None,
    }
}

#[test]
fn silences_match_what_they_name_and_nothing_else() {
    let some = |text: &str| Some(text.to_owned());
    let publishers = ["one.example".to_owned(), "two.example".to_owned()];
    for (matcher, expected) in [
        (Matcher { topic: some("famine"), ..Matcher::default() }, true),
        (Matcher { topic: some("fam*"), place: some("SD"), ..Matcher::default() }, true),
        (Matcher { topic: some("fam*"), place: some("YE"), ..Matcher::default() }, false),
        (Matcher { topic: some("aid-*"), ..Matcher::default() }, false),
        (Matcher { topic: some("*"), severity_max: Some(Severity::Info), ..Matcher::default() }, false),
        (Matcher { topic: some("*"), severity_max: Some(Severity::Warning), ..Matcher::default() }, true),
        (Matcher { publisher: some("*.example"), ..Matcher::default() }, true),
        (Matcher { publisher: some("one.example"), ..Matcher::default() }, false),
        (Matcher { topic: some("*"), address: some("D@e.org"), ..Matcher::default() }, true),
        (Matcher { topic: some("*"), address: some("x@e.org"), ..Matcher::default() }, false),
    ] {
        let silences = [silence(7, matcher, "2026-03-01T23:00:00Z")];
        let scene = Scene { silences: &silences, publishers: &publishers, ..scene() };
        let verdicts = decide(&[plain(&["d@e.org"])], &alert(Kind::First, Severity::Warning), &scene);
        let is_silenced = verdicts[0].decision.code() == "silenced";
        assert_eq!(is_silenced, expected, "{}", silences[0].matcher.words());
        if expected {
            let words = verdicts[0].decision.words();
            assert!(words.contains("until 2026-03-01 23:00Z by anna (silence 7): exercise"), "{words}");
        }
    }
}

#[test]
fn silences_have_a_time_and_the_longest_holds() {
    let all = || Matcher { topic: Some("*".to_owned()), ..Matcher::default() };
    let long = silence(1, all(), "2026-03-02T20:00:00Z");
    let short = silence(2, all(), "2026-03-01T21:00:00Z");
    let over = silence(3, all(), "2026-03-01T20:30:00Z");
    let ended = Silence { ended_at: Some(at(NOW)), ..long.clone() };
    // Made in a year to come, or to last beyond what a silence may: a clock ran ahead, or the file was written by hand.
    let ahead =
        Silence { made_at: at("2027-03-01T00:00:00Z"), until: at("2026-05-01T00:00:00Z"), ..long.clone() };
    let endless = Silence { until: after(at(NOW), SILENCE_MAX + Duration::from_secs(1)), ..long.clone() };
    let digest = Route { mode: Mode::Hourly, ..plain(&["d@e.org"]) };
    let now = plain(&["d@e.org"]);
    for (silences, route, code, until) in [
        (vec![short.clone(), long.clone()], &now, "silenced", Some("2026-03-02T20:00:00Z")),
        (vec![over, ended, ahead, endless], &now, "told", None),
        (vec![], &now, "told", None),
        // What is told after the silence anyway waits for its own time.
        (vec![short], &digest, "held-digest", Some("2026-03-01T21:00:00Z")),
        (vec![long.clone()], &digest, "silenced", Some("2026-03-02T20:00:00Z")),
    ] {
        let scene = Scene { silences: &silences, ..scene() };
        let found = told(std::slice::from_ref(route), &alert(Kind::First, Severity::Critical), &scene);
        assert_eq!(found, [("d@e.org".to_owned(), code, until.map(at))]);
    }
}

#[test]
fn a_silence_has_an_end_a_reason_and_an_object() {
    let now = at(NOW);
    let good = NewSilence {
        matcher: Matcher { place: Some("SD".to_owned()), ..Matcher::default() },
        until: after(now, Duration::from_hours(6)),
        author: "anna".to_owned(),
        comment: "  known,\n team is on it ".to_owned(),
    };
    assert_eq!(good.clone().check(now).unwrap().comment, "known, team is on it");
    assert!(NewSilence { until: after(now, SILENCE_MAX), ..good.clone() }.check(now).is_ok());
    for (bad, expected) in [
        (NewSilence { until: now, ..good.clone() }, Refused::Over),
        (
            NewSilence { until: after(now, SILENCE_MAX + Duration::from_secs(1)), ..good.clone() },
            Refused::TooLong,
        ),
        (NewSilence { comment: " \n ".to_owned(), ..good.clone() }, Refused::Comment),
        (NewSilence { comment: "x".repeat(501), ..good.clone() }, Refused::Comment),
        (NewSilence { author: String::new(), ..good.clone() }, Refused::Author),
        (
            NewSilence {
                matcher: Matcher { address: Some("d@e.org".to_owned()), ..Matcher::default() },
                ..good.clone()
            },
            Refused::Boundless,
        ),
        (NewSilence { matcher: Matcher::default(), ..good }, Refused::Boundless),
    ] {
        assert_eq!(bad.check(now).unwrap_err(), expected);
    }
}

#[test]
fn a_correction_reaches_whoever_was_told_and_an_all_clear_nobody_else() {
    let audience = ["gone@e.org".to_owned(), "d@e.org".to_owned()];
    let silences =
        [silence(1, Matcher { topic: Some("*".to_owned()), ..Matcher::default() }, "2026-03-02T20:00:00Z")];
    let routes = [Route { all_clear: true, ..plain(&["d@e.org", "new@e.org"]) }];
    let code = |kind, silences, audience| {
        let scene = Scene { silences, audience, ..scene() };
        told(&routes, &alert(kind, Severity::Critical), &scene)
            .into_iter()
            .map(|(address, code, _)| format!("{address} {code}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        code(Kind::Correction, &silences, Some(&audience)),
        ["d@e.org told", "new@e.org nothing-to-clear", "gone@e.org told"],
        "no silence keeps from somebody that what they were told was wrong, and nobody else hears of it"
    );
    assert_eq!(code(Kind::AllClear, &[], Some(&audience)), ["d@e.org told", "new@e.org nothing-to-clear"]);
    assert_eq!(
        code(Kind::AllClear, &[], None),
        ["d@e.org told", "new@e.org told"],
        "nobody knows who was told"
    );
    assert_eq!(code(Kind::Update, &[], Some(&audience)), ["d@e.org told", "new@e.org told"]);
}

#[test]
fn what_is_due_is_told_unless_something_holds_it_now() {
    let night = Some(quiet("20:00", "06:00", Severity::Critical));
    let base = plain(&["d@e.org"]);
    let mute =
        [silence(1, Matcher { topic: Some("*".to_owned()), ..Matcher::default() }, "2026-03-01T22:00:00Z")];
    let warning = alert(Kind::First, Severity::Warning);
    for (routes, hold, silences, code, until) in [
        (vec![base.clone()], Hold::Digest, &[][..], "told", None),
        // Its digest has come: that the next one is an hour away does not matter.
        (vec![Route { mode: Mode::Hourly, ..base.clone() }], Hold::Digest, &[], "told", None),
        (vec![Route { max_per_hour: Some(1), ..base.clone() }], Hold::Cap, &[], "told", None),
        (
            vec![Route { quiet_hours: night, ..base.clone() }],
            Hold::Cap,
            &[],
            "held-quiet-hours",
            Some("2026-03-02T06:00:00Z"),
        ),
        // After a silence the route is asked as for something new.
        (
            vec![Route { mode: daily("07:00"), ..base.clone() }],
            Hold::Silence,
            &[],
            "held-digest",
            Some("2026-03-02T07:00:00Z"),
        ),
        (vec![base.clone()], Hold::Silence, &[], "told", None),
        (vec![base.clone()], Hold::QuietHours, &mute, "silenced", Some("2026-03-01T22:00:00Z")),
        // Whoever is in no route any more was promised it all the same.
        (vec![], Hold::Digest, &[], "told", None),
        (
            vec![Route { to: vec!["x@e.org".to_owned()], quiet_hours: night, ..base }],
            Hold::QuietHours,
            &[],
            "told",
            None,
        ),
    ] {
        let scene = Scene { silences, ..scene() };
        let decision = reconsider(&routes, &warning, "D@e.org", hold, &scene);
        assert_eq!(decision.code(), code, "{hold:?}");
        if let Decision::Held { until: found, .. } = decision {
            assert_eq!(Some(found), until.map(at), "{hold:?}");
        }
    }
}

#[test]
fn second_addresses_wait_for_the_first() {
    let second = Some(SecondLine { to: vec!["chief@e.org".to_owned()], after: Duration::from_mins(15) });
    let route = Route { second_line: second, ..plain(&["d@e.org"]) };
    let all = Matcher { topic: Some("*".to_owned()), ..Matcher::default() };
    let mute = [silence(1, all, "2026-03-01T22:00:00Z")];
    let one =
        Matcher { topic: Some("*".to_owned()), address: Some("d@e.org".to_owned()), ..Matcher::default() };
    let for_one = [silence(2, one, "2026-03-01T22:00:00Z")];
    let full =
        [("d@e.org".to_owned(), Told { at: at("2026-03-01T20:00:00Z"), severity: Severity::Critical })];
    let capped = Route { max_per_hour: Some(1), ..route.clone() };
    let chief = plain(&["Chief@e.org"]);
    for (routes, kind, severity, silences, recent, due) in [
        (
            vec![route.clone()],
            Kind::First,
            Severity::Critical,
            &[][..],
            &[][..],
            Some("2026-03-01T20:45:00Z"),
        ),
        (vec![route.clone()], Kind::Escalation, Severity::Critical, &[], &[], Some("2026-03-01T20:45:00Z")),
        (vec![route.clone()], Kind::First, Severity::Warning, &[], &[], None),
        (vec![route.clone()], Kind::Correction, Severity::Critical, &[], &[], None),
        // Somebody decided that nobody is told.
        (vec![route.clone()], Kind::First, Severity::Critical, &mute, &[], None),
        // Somebody decided so for themselves alone.
        (vec![route.clone()], Kind::First, Severity::Critical, &for_one, &[], Some("2026-03-01T20:45:00Z")),
        // The first address hears of it at 21:00.
        (vec![capped], Kind::First, Severity::Critical, &[], &full, Some("2026-03-01T21:15:00Z")),
        // The chief is told at once anyway.
        (vec![route, chief], Kind::First, Severity::Critical, &[], &[], None),
    ] {
        let alert = alert(kind, severity);
        let scene = Scene { silences, recent, ..scene() };
        let verdicts = decide(&routes, &alert, &scene);
        let found = reminders(&routes, &alert, &verdicts, silences, scene.now);
        assert_eq!(found.first().map(|reminder| reminder.due_at), due.map(at), "{kind:?} {severity:?}");
    }
}

#[test]
fn what_follows_an_alert_that_waits_waits_with_it() {
    let routes = [Route { all_clear: true, ..plain(&["d@e.org"]) }];
    let waiting = [Waiting {
        address: "D@e.org".to_owned(),
        until: at("2026-03-02T07:00:00Z"),
        hold: Hold::Silence,
        silence: Some(SilenceId(4)),
    }];
    for kind in [Kind::Correction, Kind::AllClear] {
        let (alert, nobody) = (alert(kind, Severity::Critical), []);
        let scene = Scene { audience: Some(&nobody), waiting: &waiting, ..scene() };
        let verdict = decide(&routes, &alert, &scene).remove(0);
        let Decision::Held { until, hold, silence, reason } = verdict.decision else { panic!("{kind:?}") };
        assert_eq!((until, hold, silence), (waiting[0].until, Hold::Silence, Some(SilenceId(4))));
        assert!(reason.contains("with what it follows"), "{reason}");
        // Due, and what it follows is held on: so is it.
        let again = reconsider(&routes, &alert, "d@e.org", Hold::Silence, &scene);
        assert_eq!(again.code(), "silenced");
        let due = Scene { now: waiting[0].until, ..scene };
        assert_eq!(reconsider(&routes, &alert, "d@e.org", Hold::Silence, &due).code(), "told");
        // Whoever was told something of it is told at once.
        let told = ["d@e.org".to_owned()];
        let scene = Scene { audience: Some(&told), ..scene };
        assert_eq!(decide(&routes, &alert, &scene)[0].decision.code(), "told");
    }
}

#[test]
fn whoever_unsubscribed_is_not_told_and_somebody_else_is_asked() {
    let second = Some(SecondLine { to: vec!["chief@e.org".to_owned()], after: Duration::from_mins(15) });
    let routes = [Route { second_line: second, ..plain(&["d@e.org"]) }];
    let gone = ["D@e.org".to_owned()];
    let scene = Scene { unsubscribed: &gone, ..scene() };
    let alert = alert(Kind::First, Severity::Critical);
    let verdicts = decide(&routes, &alert, &scene);
    assert_eq!(verdicts[0].decision.code(), "unsubscribed");
    let due = reminders(&routes, &alert, &verdicts, &[], scene.now);
    assert_eq!(due[0].address, "chief@e.org");
}

#[test]
fn an_acknowledgement_covers_what_is_known_and_not_what_is_graver() {
    let now = at(NOW);
    let by = Acknowledgement {
        author: "anna".to_owned(),
        comment: String::new(),
        at: now,
        through: AlertId(7),
        severity: Severity::Warning,
    };
    let (known, later) = (AlertId(7), AlertId(8));
    for (kind, severity, alert, expected) in [
        (Kind::First, Severity::Critical, AlertId(6), true),
        (Kind::Escalation, Severity::Critical, known, true),
        (Kind::Update, Severity::Warning, later, true),
        (Kind::Update, Severity::Critical, later, false),
        (Kind::Escalation, Severity::Warning, later, false),
        (Kind::Surge, Severity::Warning, later, false),
        (Kind::AllClear, Severity::Info, later, true),
    ] {
        assert_eq!(by.covers(kind, severity, alert), expected, "{kind:?} {severity:?} {alert:?}");
    }
}
