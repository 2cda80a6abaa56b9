//! What a host asked of us holds for all its feeds; what one address asked, for that alone.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::params;
use wirewatch::feed::FeedId;
use wirewatch::feed::answer::{Answer, AnswerKind, RateLimit};
use wirewatch::feed::explain::{Neighbourhood, explain, may_ask_now};
use wirewatch::feed::host::{HostState, is_shared, known_spacing};
use wirewatch::feed::schedule::after;
use wirewatch::feed::state::{FeedState, Network};
use wirewatch::store::{Durability, FILE_NAME, Writer};

use crate::support::http::Reply;
use crate::support::lab::hour;
use crate::support::watch::{Watch, rss};

const HOURLY: &str = "interval = \"1h\"";

fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

fn document() -> Reply {
    Reply::ok("application/rss+xml", rss(&[("one", "Calm seas and a slow day", hour(0))]))
        .header("etag", "\"1\"")
}

/// The first request at or after a time, as a wait from it.
fn wait_from(watch: &Watch, address: &str, from: Timestamp) -> Duration {
    let first = watch.starts(address).into_iter().find(|at| *at >= from).expect("it is asked again");
    Duration::try_from(first.duration_since(from)).unwrap()
}

/// A host's pause after answers in a row, each of 429 with this `Retry-After`.
fn pauses(wishes: &[Option<u64>]) -> Vec<Duration> {
    let (mut host, mut at, mut all) = (HostState::default(), hour(0), Vec::new());
    for wish in wishes {
        let answer = Answer { retry_after: wish.map(Duration::from_secs), ..Answer::of(AnswerKind::Limited) };
        assert!(host.note(&answer, 0, true, at));
        let until = host.paused_until.unwrap();
        all.push(Duration::try_from(until.duration_since(at)).unwrap());
        at = until;
    }
    all
}

#[test]
fn c18_retry_after_pauses_the_host_between_a_minute_and_a_day() {
    let check = |wish: Option<u64>, expected: Duration| assert_eq!(pauses(&[wish])[0], expected, "{wish:?}");
    check(Some(600), minutes(10));
    check(Some(0), minutes(1));
    check(Some(5), minutes(1));
    // Absent and unreadable ("soon", -1) come to the same.
    check(None, minutes(240));
    check(Some(36 * 3600), minutes(24 * 60));
    check(Some(3650 * 86_400), minutes(24 * 60));
}

#[test]
fn c18_a_server_that_insists_gets_two_days_at_most() {
    let day = minutes(24 * 60);
    assert_eq!(pauses(&[Some(36 * 3600), Some(36 * 3600)]), [day, minutes(36 * 60)]);
    assert_eq!(pauses(&[Some(u64::MAX / 2), Some(u64::MAX / 2)]), [day, day * 2]);
}

#[test]
fn c20_refusals_double_the_wait_and_a_success_halves_it() {
    assert_eq!(pauses(&[Some(600); 4]), [10, 20, 40, 80].map(minutes));
    assert_eq!(pauses(&[None; 5]), [4, 8, 16, 24, 24].map(|hours| minutes(hours * 60)));
    let mut host = HostState::default();
    let limited = Answer::of(AnswerKind::Limited);
    for count in 0..4 {
        host.note(&limited, 0, true, hour(count * 24));
    }
    host.note(&Answer::of(AnswerKind::NotModified), 0, true, hour(100));
    assert_eq!((host.refusal_count, host.paused_until), (2, None));
    host.note(&limited, 0, true, hour(101));
    assert_eq!(host.paused_until, Some(hour(117)), "three refusals stand: 16 hours");
    // The same for an address that refuses itself.
    let mut feed = FeedState { first_success_at: Some(hour(0)), ..FeedState::default() };
    for (count, hours) in [(1, 4), (2, 8), (3, 16), (4, 24), (5, 24)] {
        feed.note(&Answer::of(AnswerKind::Forbidden), Network::default(), hour(count * 48));
        assert_eq!(feed.wait_until, Some(hour(count * 48 + hours)), "{count}");
    }
    feed.note(&Answer::of(AnswerKind::NotModified), Network::default(), hour(900));
    assert_eq!((feed.refusal_count, feed.wait_until), (2, None));
}

#[test]
fn c19_only_a_second_address_makes_a_503_the_hosts_word() {
    let unavailable = Answer { retry_after: Some(minutes(30)), ..Answer::of(AnswerKind::Unavailable) };
    let check = |answer: &Answer, others: u32, is_shared: bool, expected: Option<Duration>| {
        let mut host = HostState::default();
        host.note(answer, others, is_shared, hour(0));
        assert_eq!(host.paused_until, expected.map(|wait| after(hour(0), wait)), "{others} {is_shared}");
    };
    check(&unavailable, 0, true, None);
    check(&unavailable, 1, true, Some(minutes(30)));
    check(&unavailable, 5, false, None);
    check(&Answer::of(AnswerKind::Unavailable), 5, true, None);
    check(&Answer::of(AnswerKind::Limited), 0, false, None);
}

#[test]
fn c19_addresses_and_names_of_a_private_network_stand_for_many_owners() {
    for host in ["example.org", "reddit.com", "a.example", "local.example"] {
        assert!(is_shared(host), "{host}");
    }
    for host in
        ["127.0.0.1", "[::1]", "localhost", "rsshub", "nas.local", "box.lan", "x.home.arpa", "a.internal"]
    {
        assert!(!is_shared(host), "{host}");
    }
}

#[test]
fn c26_what_is_left_of_an_allowance_is_spread_until_it_is_full_again() {
    let left = |kind: AnswerKind, remaining: u32| Answer {
        rate_limit: Some(RateLimit { remaining, reset_after: minutes(10) }),
        ..Answer::of(kind)
    };
    let mut host = HostState::default();
    assert!(host.note(&left(AnswerKind::Document, 5), 0, true, hour(0)));
    assert_eq!(host.spacing_at(hour(0)), Some((minutes(2), after(hour(0), minutes(10)))));
    assert_eq!(host.spacing_at(hour(1)), None, "full again");
    assert_eq!(host.pause_at(hour(0)), None);
    assert!(host.note(&left(AnswerKind::NotModified, 0), 0, true, hour(1)));
    assert_eq!(host.pause_at(hour(1)), Some(after(hour(1), minutes(10))));
    assert_eq!(host.refusal_count, 0, "nothing was refused");
    // A 429 that only names the reset waits for that, and not four hours.
    let mut host = HostState::default();
    host.note(&left(AnswerKind::Limited, 0), 0, true, hour(0));
    assert_eq!(host.pause_at(hour(0)), Some(after(hour(0), minutes(10))));
    assert_eq!(known_spacing("reddit.com"), Some(minutes(1)));
}

#[test]
fn an_answer_to_an_earlier_request_ends_no_pause() {
    let mut host = HostState::default();
    host.note(&Answer::of(AnswerKind::Limited), 0, true, hour(2));
    host.note(&Answer::of(AnswerKind::Document), 0, true, hour(1));
    assert_eq!(host.paused_until, Some(hour(6)));
    assert_eq!(host.pause_at(hour(6)), None, "it is over");
    // A clock that ran ahead by ten years set a pause: by the right clock there is none.
    host.note(&Answer::of(AnswerKind::Limited), 0, true, hour(24 * 3652));
    assert_eq!(host.pause_at(hour(8)), None);
}

#[test]
fn c17_a_poll_by_hand_is_refused_while_the_server_asked_to_wait() {
    let mut feed = FeedState::default();
    let around = Neighbourhood { host: "a.example", state: None, feed_count: 1 };
    assert_eq!(may_ask_now(&feed, &around, hour(0)), Ok(()));
    let unavailable = Answer { retry_after: Some(minutes(90)), ..Answer::of(AnswerKind::Unavailable) };
    feed.note(&unavailable, Network::default(), hour(0));
    "503 Service Unavailable".clone_into(&mut feed.last_outcome);
    let refusal = may_ask_now(&feed, &around, hour(1)).unwrap_err();
    assert_eq!(refusal.until, after(hour(0), minutes(90)));
    assert!(refusal.reason.contains("503") && refusal.reason.contains("30 UTC"), "{}", refusal.reason);
    assert_eq!(may_ask_now(&feed, &around, hour(2)), Ok(()));
    feed.note(&Answer::of(AnswerKind::NotModified), Network::default(), hour(1));
    assert_eq!(may_ask_now(&feed, &around, hour(1)), Ok(()), "a success ends the wait");
    let mut host = HostState::default();
    host.note(&Answer::of(AnswerKind::Limited), 0, true, hour(1));
    let around = Neighbourhood { state: Some(&host), ..around };
    let refusal = may_ask_now(&feed, &around, hour(2)).unwrap_err();
    assert_eq!(refusal.until, hour(5));
    assert!(refusal.reason.starts_with("a.example limits"), "{}", refusal.reason);
    // A wait that a clock which ran ahead by ten years left behind is no reason.
    let ahead = FeedState { wait_until: Some(hour(24 * 3650)), ..FeedState::default() };
    assert_eq!(may_ask_now(&ahead, &Neighbourhood { state: None, ..around }, hour(2)), Ok(()));
}

#[test]
fn the_next_poll_is_told_as_it_will_really_be() {
    let mut host = HostState::default();
    host.note(&Answer::of(AnswerKind::Limited), 0, true, hour(0));
    let feed = FeedState {
        next_due_at: Some(hour(1)),
        next_due_reason: "every 1h".to_owned(),
        ..FeedState::default()
    };
    let around = Neighbourhood { host: "reddit.com", state: Some(&host), feed_count: 9 };
    let next = explain(&feed, &around, hour(0));
    assert_eq!(next.at, hour(4));
    assert!(
        next.reason.starts_with("reddit.com limits how often this address may ask; next try "),
        "{}",
        next.reason
    );
    assert!(next.reason.ends_with(" UTC; your 9 feeds there share 1 request a minute"), "{}", next.reason);
    let alone = Neighbourhood { host: "a.example", state: None, feed_count: 9 };
    assert_eq!(explain(&feed, &alone, hour(0)).reason, "every 1h");
}

#[tokio::test]
async fn c18_a_429_keeps_all_feeds_of_the_domain_away_and_no_other() {
    let mut watch = Watch::with(
        &[
            &format!("http://www.a.example/one\n{HOURLY}"),
            &format!("http://feeds.a.example/two\n{HOURLY}"),
            &format!("http://b.example/other\n{HOURLY}"),
        ],
        "",
    )
    .await;
    for path in ["/one", "/two", "/other"] {
        watch.server.set(path, document().conditional());
    }
    watch.until(hour(2)).await;
    watch.server.set("/one", Reply::status(429).header("retry-after", "21600"));
    watch.until(hour(4)).await;
    let limited_at = watch.last("www.a.example/one").at;
    watch.server.set("/one", document().conditional());
    let pause = watch.host("a.example");
    assert_eq!(pause.paused_until, Some(after(limited_at, minutes(360))));
    // It survives a restart, and so it does a reload.
    watch.restart().await;
    watch.until(hour(12)).await;
    let from = after(limited_at, Duration::from_millis(1));
    for address in ["www.a.example/one", "feeds.a.example/two"] {
        let wait = wait_from(&watch, address, from);
        // A request of the other feed may have gone out just after.
        assert!(wait >= minutes(355) && wait < minutes(430), "{address} after {wait:?}");
    }
    assert!(wait_from(&watch, "b.example/other", from) < minutes(67));
    assert_eq!(watch.host("a.example").paused_until, None, "it answers well");
    assert_eq!(watch.host("a.example").refusal_count, 0);
}

#[tokio::test]
async fn c18_bad_retry_after_is_no_retry_after() {
    let http_date = hour(3).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let cases = [
        ("-1", minutes(240)),
        ("soon", minutes(240)),
        ("", minutes(240)),
        ("315360000", minutes(24 * 60)),
        ("7200", minutes(120)),
        (http_date.as_str(), minutes(180)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", minutes(240)),
    ];
    for (value, expected) in cases {
        let mut watch = Watch::with(&["http://a.example/feed"], "").await;
        watch.server.set("/feed", Reply::status(429).header("retry-after", value));
        watch.until(hour(0)).await;
        let pause = watch.host("a.example").paused_until.unwrap();
        assert_eq!(Duration::try_from(pause.duration_since(hour(0))).unwrap(), expected, "{value:?}");
        watch.until(hour(30)).await;
        let starts = watch.starts("a.example/feed");
        assert!(starts[1] >= pause, "{value:?}: asked again at {}", starts[1]);
        assert!(starts[1] <= after(pause, expected / 10), "{value:?}: asked again at {}", starts[1]);
    }
}

#[tokio::test]
async fn c18_a_private_hosts_429_speaks_for_one_address() {
    let feeds = ["http://nas.local/one\ninterval = \"1h\"", "http://nas.local/two\ninterval = \"1h\""];
    let mut watch = Watch::with(&feeds, "").await;
    watch.server.set("/one", Reply::status(429));
    watch.server.set("/two", document().conditional());
    watch.until(hour(6)).await;
    assert!(watch.starts("nas.local/two").len() >= 5);
    let starts = watch.starts("nas.local/one");
    assert!(starts[1] >= hour(4), "{starts:?}");
}

#[tokio::test]
async fn c19_a_503_keeps_one_address_away_and_two_of_them_the_host() {
    let feeds = ["one", "two", "three"].map(|path| format!("http://a.example/{path}\n{HOURLY}"));
    let mut watch = Watch::with(&feeds.each_ref().map(String::as_str), "").await;
    for path in ["/one", "/two", "/three"] {
        watch.server.set(path, document().conditional());
    }
    watch.until(hour(2)).await;
    let unavailable = || Reply::status(503).header("retry-after", "18000");
    watch.server.set("/one", unavailable());
    watch.until(hour(5)).await;
    let at = watch.last("a.example/one").at;
    assert!(after(at, minutes(60)) < hour(5), "asked again within its wait");
    assert!(watch.starts("a.example/two").last().unwrap() > &at, "the others go on");
    assert_eq!(watch.host("a.example").paused_until, None);
    watch.server.set("/two", unavailable());
    watch.until(hour(7)).await;
    let second = watch.last("a.example/two").at;
    assert_eq!(watch.host("a.example").paused_until, Some(after(second, minutes(300))));
    let before = watch.starts("a.example/three").len();
    watch.until(after(second, minutes(299))).await;
    assert!(watch.starts("a.example/three").len() <= before, "nobody asks a host that is down");
}

#[tokio::test]
async fn c19_a_503_counts_where_a_feed_is_asked_and_a_removed_feeds_does_not() {
    let watch = Watch::with(&["http://a.example/one"], "").await;
    let connection = rusqlite::Connection::open(watch.dir.path().join(FILE_NAME)).unwrap();
    let row = "INSERT INTO feeds (url, name, host, last_answer, wait_until, is_watched, answered_host)
         VALUES (?1, '', 'a.example', 'unavailable', ?2, ?3, ?4)";
    let wait = hour(9).as_microsecond();
    connection.execute(row, params!["http://a.example/gone", wait, false, None::<&str>]).unwrap();
    connection.execute(row, params!["http://a.example/off", wait, true, "b.example"]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join(FILE_NAME);
    connection.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    let mut writer = Writer::open(&copy, Durability::None).unwrap();
    let tx = writer.begin().unwrap();
    let count = |host: &str| tx.unavailable_count(host, FeedId(1), hour(1)).unwrap();
    assert_eq!((count("a.example"), count("b.example")), (0, 1));
}

#[tokio::test]
async fn c20_a_403_after_success_is_a_limit_of_that_address() {
    let mut watch = Watch::with(&[&format!("http://a.example/feed\n{HOURLY}")], "").await;
    watch.server.queue("/feed", [document(), Reply::status(403), Reply::status(403), document()]);
    watch.until(hour(16)).await;
    let starts = watch.starts("a.example/feed");
    let waits: Vec<i64> =
        starts.windows(2).map(|pair| pair[1].duration_since(pair[0]).as_secs() / 60).collect();
    assert!((240..=264).contains(&waits[1]) && (480..=528).contains(&waits[2]), "{waits:?}");
    // Refused from the start, it is an address to be mended: tried later and later, daily at last.
    let mut watch = Watch::with(&[&format!("http://b.example/feed\n{HOURLY}")], "").await;
    watch.server.set("/feed", Reply::status(403));
    watch.until(hour(24 * 10)).await;
    let starts = watch.starts("b.example/feed");
    assert!(starts[1] <= after(hour(0), minutes(66)), "{starts:?}");
    let last = starts[starts.len() - 1].duration_since(starts[starts.len() - 2]).as_secs() / 3600;
    assert!((24..=26).contains(&last), "{starts:?}");
}

#[tokio::test]
async fn c23_hosts_of_one_domain_are_asked_one_at_a_time_two_seconds_apart() {
    let hosts = ["a.example", "www.a.example", "feeds.a.example"];
    let feeds: Vec<String> =
        (0..9).map(|number| format!("http://{}/{number}\n{HOURLY}", hosts[number % 3])).collect();
    let mut watch = Watch::with(&feeds.iter().map(String::as_str).collect::<Vec<_>>(), "").await;
    for number in 0..9 {
        watch.server.set(&format!("/{number}"), document().conditional());
    }
    watch.until(hour(24)).await;
    let mut starts: Vec<Timestamp> = watch.rounds.iter().map(|round| round.at).collect();
    starts.sort_unstable();
    assert!(starts.len() > 190, "{}", starts.len());
    assert!(starts.windows(2).all(|pair| after(pair[0], Duration::from_secs(2)) <= pair[1]));
    assert!(watch.reader().traffic(hour(24)).unwrap()[0].gap_min_ms >= Some(2000));
}

#[tokio::test]
async fn c26_reddit_is_asked_once_a_minute_and_what_it_says_is_left_holds() {
    let feeds: Vec<String> =
        (0..6).map(|number| format!("http://{}.reddit.com/{number}", ["www", "old"][number % 2])).collect();
    let mut watch = Watch::with(&feeds.iter().map(String::as_str).collect::<Vec<_>>(), "").await;
    for number in 0..6 {
        watch.server.set(&format!("/{number}"), document().conditional());
    }
    watch.until(hour(3)).await;
    let mut starts: Vec<Timestamp> = watch.rounds.iter().map(|round| round.at).collect();
    starts.sort_unstable();
    assert!(starts.len() >= 60, "{}", starts.len());
    assert!(starts.windows(2).all(|pair| after(pair[0], minutes(1)) <= pair[1]));
    for number in 0..6 {
        let spent = document().header("x-ratelimit-remaining", "0.0").header("x-ratelimit-reset", "1500");
        watch.server.set(&format!("/{number}"), spent);
    }
    watch.until(hour(4)).await;
    let mut starts: Vec<Timestamp> =
        watch.rounds.iter().map(|round| round.at).filter(|at| *at > hour(3)).collect();
    starts.sort_unstable();
    assert!((2..=3).contains(&starts.len()), "25 minutes apart: {starts:?}");
    assert!(starts.windows(2).all(|pair| after(pair[0], minutes(25)) <= pair[1]), "{starts:?}");
}
