//! The subscription as a value: every rule under a clock that only the test moves.

use std::time::Duration;

use jiff::Timestamp;
use url::Url;
use wirewatch::feed::FeedId;
use wirewatch::feed::schedule::after;
use wirewatch::feed::subscription::offer::{Named, Offer};
use wirewatch::feed::subscription::signature::{self, Refusal};
use wirewatch::feed::subscription::{
    Answer, Callback, Claim, Key, LEASE_MAX, LEASE_MIN, Mode, Phase, Step, Subscription, Verdict,
};

const TOPIC: &str = "https://news.example.org/feed";
const HUB: &str = "https://hub.example.org/";
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

fn start() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn wanted() -> Subscription {
    let offer = Offer { hub: HUB.to_owned(), topic: TOPIC.to_owned() };
    Subscription::new(FeedId(1), offer, Callback::new([7; 16]), Key::new([9; 32]), start())
}

fn claim(mode: Mode, lease: Option<Duration>) -> Claim {
    Claim { mode, topic: TOPIC.to_owned(), lease }
}

/// Asked for and verified at the start.
fn active(lease: Duration) -> Subscription {
    let mut subscription = wanted();
    assert_eq!(subscription.ask(start()), Mode::Subscribe);
    assert_eq!(subscription.verify(&claim(Mode::Subscribe, Some(lease)), start()), Verdict::Confirmed);
    subscription
}

fn next_at(subscription: &Subscription, now: Timestamp) -> Timestamp {
    match subscription.step(now) {
        Step::Wait(at) => at,
        step => panic!("{step:?}"),
    }
}

#[test]
fn callbacks_are_128_bits_in_letters_that_a_path_may_hold() {
    let check = |random: [u8; 16], expected: &str| assert_eq!(Callback::new(random).as_str(), expected);
    check([0; 16], "AAAAAAAAAAAAAAAAAAAAAA");
    check([255; 16], "_____________________w");
    check([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], "AAECAwQFBgcICQoLDA0ODw");
}

#[test]
fn a_key_is_never_shown() {
    let subscription = wanted();
    let key = subscription.key.expose().to_owned();
    assert_eq!(key.len(), 64);
    assert!(!format!("{subscription:?}").contains(&key));
    let words = subscription.words(start());
    assert!(!words.contains(&key) && !words.contains(subscription.callback.as_str()), "{words}");
}

#[test]
fn c39_only_what_is_pending_is_verified() {
    let mut subscription = wanted();
    let good = claim(Mode::Subscribe, Some(DAY));
    assert_eq!(subscription.verify(&good, start()), Verdict::Unknown, "nothing was asked yet");
    subscription.ask(start());
    assert_eq!(subscription.verify(&claim(Mode::Unsubscribe, None), start()), Verdict::Unknown);
    let other = Claim { topic: "https://news.example.org/other".to_owned(), ..good.clone() };
    assert_eq!(subscription.verify(&other, start()), Verdict::Unknown);
    assert_eq!(subscription.phase, Phase::Wanted);
    assert_eq!(subscription.verify(&good, start()), Verdict::Confirmed);
    assert!(subscription.is_active(start()));
    assert_eq!(subscription.verify(&good, start()), Verdict::Unknown, "it was verified already");
    // An answer that comes behind the verification changes nothing.
    let before = subscription.clone();
    subscription.answered(&Answer::Refused { detail: "late".to_owned(), retry_after: None }, start());
    assert_eq!(subscription, before);
}

#[test]
fn c39_a_lease_is_renewed_before_it_ends_and_believed_within_bounds() {
    let check = |said: Option<Duration>, lease: Duration| {
        let mut subscription = wanted();
        subscription.ask(start());
        subscription.verify(&claim(Mode::Subscribe, said), start());
        assert_eq!(subscription.lease_until, Some(after(start(), lease)), "{said:?}");
        let renewed_at = next_at(&subscription, start());
        assert!(renewed_at >= after(start(), lease * 6 / 10) && renewed_at <= after(start(), lease * 7 / 10));
        assert_eq!(subscription.step(renewed_at), Step::Ask);
    };
    check(Some(10 * DAY), 10 * DAY);
    check(Some(Duration::ZERO), LEASE_MIN);
    check(Some(MINUTE), LEASE_MIN);
    check(Some(Duration::from_secs(u64::MAX)), LEASE_MAX);
    check(None, 10 * DAY);
}

#[test]
fn c39_renewals_do_not_come_all_at_once() {
    let renewal = |number: u8| {
        let mut subscription = wanted();
        subscription.callback = Callback::new([number; 16]);
        subscription.ask(start());
        subscription.verify(&claim(Mode::Subscribe, Some(10 * DAY)), start());
        subscription.next_at
    };
    let times: std::collections::BTreeSet<Timestamp> = (0..100).map(renewal).collect();
    assert!(times.len() > 90, "{} of 100", times.len());
}

#[test]
fn c39_a_renewal_keeps_it_active_and_one_that_fails_backs_off_and_ends_in_polling() {
    let mut subscription = active(DAY);
    subscription.delivered(after(start(), HOUR));
    subscription.proved_count = 3;
    let mut now = next_at(&subscription, start());
    let (mut waits, mut last) = (Vec::new(), now);
    while now < after(start(), 3 * DAY) {
        let was_active = subscription.is_active(now);
        subscription.ask(now);
        subscription.answered(&Answer::Refused { detail: "503".to_owned(), retry_after: None }, now);
        assert_eq!(subscription.is_active(now), was_active && now < after(start(), DAY));
        waits.push(Duration::try_from(now.duration_since(last)).unwrap());
        last = now;
        now = next_at(&subscription, now);
    }
    assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]), "{waits:?}");
    assert!(waits.len() < 14, "{} requests to a hub that is down, in three days", waits.len());
    assert_eq!(subscription.phase, Phase::Wanted);
    assert_eq!(subscription.safety_wait(15 * MINUTE, 6 * HOUR, now), None);
    // It comes back: active as if nothing had been.
    subscription.ask(now);
    assert_eq!(subscription.verify(&claim(Mode::Subscribe, Some(DAY)), now), Verdict::Confirmed);
    assert!(subscription.is_active(now));
}

#[test]
fn c39_a_renewal_in_time_does_not_break_the_promise() {
    let mut subscription = active(DAY);
    let now = next_at(&subscription, start());
    subscription.ask(now);
    assert!(subscription.is_active(now), "it is active while the hub is asked");
    subscription.verify(&claim(Mode::Subscribe, Some(DAY)), now);
    assert_eq!(subscription.active_since, Some(start()));
    assert_eq!(subscription.lease_until, Some(after(now, DAY)));
}

#[test]
fn a_hub_that_asks_for_time_gets_it_within_reason() {
    let check = |retry_after: Duration, expected: Duration| {
        let mut subscription = wanted();
        subscription.ask(start());
        let answer = Answer::Refused { detail: "429".to_owned(), retry_after: Some(retry_after) };
        subscription.answered(&answer, start());
        assert_eq!(next_at(&subscription, start()), after(start(), expected));
    };
    check(Duration::ZERO, 5 * MINUTE);
    check(2 * HOUR, 2 * HOUR);
    check(3650 * DAY, 12 * HOUR);
}

#[test]
fn c39_a_denial_ends_it_and_it_is_asked_for_again_a_day_later() {
    let mut subscription = active(10 * DAY);
    let now = after(start(), HOUR);
    assert!(!subscription.denied("https://elsewhere.example/", "", now), "not this topic");
    assert!(subscription.is_active(now));
    assert!(subscription.denied(TOPIC, "no\nmore", now));
    assert_eq!((subscription.phase, subscription.is_active(now)), (Phase::Denied, false));
    assert!(subscription.words(now).contains("no more"), "{}", subscription.words(now));
    assert_eq!(subscription.verify(&claim(Mode::Subscribe, None), now), Verdict::Unknown);
    assert_eq!(next_at(&subscription, now), after(now, DAY));
}

#[test]
fn a_feed_that_leaves_is_unsubscribed_with_few_words() {
    let mut subscription = active(10 * DAY);
    subscription.leave("the feed left", start());
    assert!(!subscription.takes_deliveries());
    let (mut now, mut asked) = (start(), 0);
    while subscription.step(now) != Step::Forget {
        match subscription.step(now) {
            Step::Ask => {
                assert_eq!(subscription.ask(now), Mode::Unsubscribe);
                asked += 1;
            }
            Step::Wait(at) => now = at,
            Step::Forget => unreachable!(),
        }
    }
    assert_eq!(asked, 3);
    assert!(now < after(start(), HOUR), "{now}");

    let mut subscription = active(10 * DAY);
    subscription.leave("the feed left", start());
    subscription.ask(start());
    assert_eq!(subscription.verify(&claim(Mode::Subscribe, None), start()), Verdict::Unknown);
    assert_eq!(subscription.verify(&claim(Mode::Unsubscribe, None), start()), Verdict::Ended);

    let mut never = wanted();
    never.leave("the feed left", start());
    assert_eq!(never.step(start()), Step::Forget, "a hub that knows nothing is told nothing");
}

#[test]
fn c39_polls_stretch_while_the_hub_keeps_its_promise() {
    let (interval, max) = (15 * MINUTE, 6 * HOUR);
    let mut subscription = active(10 * DAY);
    let mut now = start();
    assert_eq!(subscription.safety_wait(interval, max, now), None, "a hub that has shown nothing");
    let mut waits = Vec::new();
    for _ in 0..8 {
        let previous = now;
        subscription.delivered(after(now, MINUTE));
        now = after(now, HOUR);
        assert!(!subscription.polled(&[], Some(previous), now));
        waits.push(subscription.safety_wait(interval, max, now).unwrap());
    }
    let minutes: Vec<u64> = waits.iter().map(|wait| wait.as_secs() / 60).collect();
    assert_eq!(minutes, [30, 60, 120, 240, 360, 360, 360, 360]);
    assert_eq!(subscription.safety_wait(interval, 30 * DAY, now), Some(DAY), "C39: at most a day");
    let near_end = after(start(), 10 * DAY - HOUR);
    assert_eq!(subscription.safety_wait(interval, max, near_end), Some(HOUR), "not beyond the lease");
    assert_eq!(subscription.safety_wait(interval, max, after(start(), 10 * DAY)), None);
    // A quiet feed proves nothing either way.
    let before = subscription.clone();
    subscription.polled(&[], Some(now), after(now, 6 * HOUR));
    assert_eq!(subscription.proved_count, before.proved_count);
}

#[test]
fn c39_a_poll_that_finds_what_was_not_delivered_ends_the_trust() {
    let previous = after(start(), HOUR);
    let now = after(start(), 5 * HOUR);
    let check = |what: &str, delivered: Option<Timestamp>, found: &[Option<Timestamp>], missed: bool| {
        let mut subscription = active(10 * DAY);
        subscription.delivered(start());
        subscription.proved_count = 2;
        if let Some(at) = delivered {
            subscription.delivered(at);
        }
        assert_eq!(subscription.polled(found, Some(previous), now), missed, "{what}");
        assert_eq!(subscription.safety_wait(15 * MINUTE, 6 * HOUR, now).is_none(), missed, "{what}");
    };
    let inside = Some(after(start(), 3 * HOUR));
    check("nothing new", None, &[], false);
    check("published between the polls", None, &[inside], true);
    check("the same, though others were delivered", Some(after(start(), 2 * HOUR)), &[inside], true);
    check("just published", None, &[Some(after(start(), 5 * HOUR - 9 * MINUTE))], false);
    check("dated in the future", None, &[Some(after(now, DAY))], false);
    check("undated, and the hub silent all the while", None, &[None], true);
    check("undated, and the hub speaks", Some(after(start(), 2 * HOUR)), &[None], false);
    check("put in late, and the hub speaks", Some(after(start(), 2 * HOUR)), &[Some(start())], false);
    check("put in late, and the hub silent", None, &[Some(start())], true);

    let mut wanted = wanted();
    assert!(!wanted.polled(&[inside], Some(previous), now), "nothing was promised");
    // What appeared before the hub promised anything is no fault of its.
    let mut young = active(10 * DAY);
    assert!(!young.polled(&[Some(start())], None, after(start(), 5 * MINUTE)));
}

#[test]
fn c39_trust_returns_after_a_day_without_a_miss() {
    let mut subscription = active(10 * DAY);
    let mut now = after(start(), HOUR);
    assert!(subscription.polled(&[Some(after(start(), 20 * MINUTE))], Some(start()), now));
    assert!(!subscription.polled(&[Some(after(now, MINUTE))], Some(now), after(now, HOUR)), "said once");
    let missed_at = after(now, HOUR);
    now = missed_at;
    while now < after(missed_at, 23 * HOUR) {
        subscription.delivered(after(now, MINUTE));
        now = after(now, HOUR);
        subscription.polled(&[], Some(after(now, MINUTE)), after(now, 2 * MINUTE));
        subscription.polled(&[], Some(now.checked_sub(HOUR).unwrap()), now);
        assert_eq!(subscription.safety_wait(15 * MINUTE, 6 * HOUR, now), None);
    }
    subscription.delivered(after(now, MINUTE));
    now = after(now, 2 * HOUR);
    subscription.polled(&[], Some(now.checked_sub(2 * HOUR).unwrap()), now);
    assert!(subscription.safety_wait(15 * MINUTE, 6 * HOUR, now).is_some());
}

#[test]
fn times_of_a_clock_that_ran_ahead_are_not_believed() {
    let mut subscription = active(10 * DAY);
    let earlier = start().checked_sub(400 * DAY).unwrap();
    assert_eq!(subscription.step(earlier), Step::Ask);
    assert!(!subscription.is_active(earlier));
    assert_eq!(subscription.safety_wait(MINUTE, HOUR, earlier), None);
    subscription.ask(earlier);
    assert_eq!(subscription.verify(&claim(Mode::Subscribe, Some(DAY)), earlier), Verdict::Confirmed);
    assert!(subscription.is_active(earlier));
}

#[test]
fn what_a_feed_offers_headers_first() {
    let base = Url::parse("https://news.example.org/feed?full=1").unwrap();
    let named = |hubs: &[&'static str], topic| Named { hubs: hubs.to_vec(), topic };
    let check = |headers: Named<'_>, document: Named<'_>, expected: Option<(&str, &str)>| {
        let offer = Offer::of(&headers, &document, &base);
        let offer = offer.as_ref().map(|offer| (offer.hub.as_str(), offer.topic.as_str()));
        assert_eq!(offer, expected, "{headers:?} {document:?}");
    };
    let (none, both) = (Named::default, Some((HUB, TOPIC)));
    check(none(), none(), None);
    check(none(), named(&[HUB], None), None);
    check(none(), named(&[], Some(TOPIC)), None);
    check(none(), named(&[HUB], Some(TOPIC)), both);
    check(none(), named(&[HUB], Some(" /feed#top ")), both);
    check(none(), named(&["http://plain.example/", HUB], Some(TOPIC)), both);
    check(none(), named(&["http://plain.example/"], Some(TOPIC)), Some(("http://plain.example/", TOPIC)));
    let unfit = ["ftp://hub.example/", "javascript:alert(1)", "https://user:word@hub.example/", "https://"];
    check(none(), named(&unfit, Some(TOPIC)), None);
    check(named(&[HUB], Some(TOPIC)), none(), both);
    check(named(&[HUB], None), named(&["https://other.example/"], Some(TOPIC)), both);
    check(named(&[], Some(TOPIC)), named(&[HUB], Some("https://other.example/")), both);
    let long = format!("https://hub.example/{}", "x".repeat(3000));
    check(none(), Named { hubs: vec![&long], topic: Some(TOPIC) }, None);
}

#[test]
fn c39_signatures_of_known_answers_are_right_and_every_other_one_is_wrong() {
    // RFC 4231 test case 2 (SHA-2) and RFC 2202 test case 2 (SHA-1): key "Jefe".
    const BODY: &[u8] = b"what do ya want for nothing?";
    const SHA1: &str = "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79";
    const SHA256: &str = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    const SHA384: &str = "sha384=af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649";
    const SHA512: &str = "sha512=164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737";
    let key = Key::from_text("Jefe".to_owned());
    let check = |signatures: &[&str], expected: Result<(), Refusal>| {
        let values: Vec<Vec<u8>> = signatures.iter().map(|text| text.as_bytes().to_vec()).collect();
        assert_eq!(signature::verify(&key, &values, BODY), expected, "{signatures:?}");
    };
    for good in [SHA256, SHA384, SHA512, SHA1] {
        check(&[good], Ok(()));
        check(&[&good.to_uppercase()], Ok(()));
        let (rest, last) = good.split_at(good.len() - 1);
        check(&[&format!("{rest}{}", if last == "0" { "1" } else { "0" })], Err(Refusal::Wrong));
        check(&[rest], Err(Refusal::Wrong));
        check(&[&format!("{good}00")], Err(Refusal::Wrong));
    }
    check(&[], Err(Refusal::Unsigned));
    check(&["sha256="], Err(Refusal::Wrong));
    check(&["sha256=zz"], Err(Refusal::Wrong));
    check(&["md5=00", "nonsense", ""], Err(Refusal::UnknownMethod));
    check(&["md5=00", SHA256], Ok(()));
    // The strongest decides: a weak one that is right does not mend a strong one that is wrong.
    check(&[SHA1, "sha256=00"], Err(Refusal::Wrong));
    check(&["sha1=00", SHA512], Ok(()));
    let other = Key::from_text("jefe".to_owned());
    assert_eq!(signature::verify(&other, &[SHA256.as_bytes().to_vec()], BODY), Err(Refusal::Wrong));
}
