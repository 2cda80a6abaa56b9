//! A redirect to another host waits for its turn there, and what that host says is that host's.

use std::time::Duration;

use jiff::Timestamp;
use wirewatch::feed::schedule::after;
use wirewatch::feed::state::FeedState;
use wirewatch::pipeline::may_defer;

use crate::support::http::Reply;
use crate::support::lab::hour;
use crate::support::watch::{Watch, rss};

const HOURLY: &str = "interval = \"1h\"";

fn document() -> Reply {
    Reply::ok("application/rss+xml", rss(&[("one", "Calm seas and a slow day", hour(0))]))
        .header("etag", "\"1\"")
}

/// Feeds on as many hosts, each of which redirects to b.example.
async fn sent_on(count: usize) -> Watch {
    let feeds: Vec<String> =
        (0..count).map(|number| format!("http://n{number}.example/{number}\n{HOURLY}")).collect();
    let watch = Watch::with(&feeds.iter().map(String::as_str).collect::<Vec<_>>(), "").await;
    for number in 0..count {
        let there = watch.server.url_at("b.example", &format!("/there/{number}"));
        watch.server.set(&format!("/{number}"), Reply::redirect(302, there.as_str()));
        watch.server.set(&format!("/there/{number}"), document().conditional());
    }
    watch
}

/// A feed of a.example with six stories there.
fn six_stories(watch: &Watch) -> Reply {
    let port = watch.server.port();
    let date = hour(0).strftime("%a, %d %b %Y %H:%M:%S GMT");
    let item = |number: usize| {
        format!(
            "<item><guid>{number}</guid><title>Calm seas, day {number}</title>\
             <link>http://a.example:{port}/story/{number}</link><pubDate>{date}</pubDate></item>"
        )
    };
    let items: String = (0..6).map(item).collect();
    let feed = format!("<rss version=\"2.0\"><channel><title>Scripted</title>{items}</channel></rss>");
    Reply::ok("application/rss+xml", feed)
}

/// Requests to b.example.
fn there(watch: &Watch) -> usize {
    let is_there = |host: Option<String>| host.is_some_and(|host| host.starts_with("b.example"));
    watch.server.requests().iter().filter(|asked| is_there(asked.text("host"))).count()
}

#[tokio::test]
async fn c23_a_redirect_waits_for_its_turn_at_the_host_it_leads_to() {
    let mut watch = sent_on(9).await;
    watch.until(hour(24)).await;
    // Polls are dated by the request that was answered with a document.
    let mut starts: Vec<Timestamp> = watch.rounds.iter().map(|round| round.at).collect();
    starts.sort_unstable();
    assert!(starts.len() > 190, "{}", starts.len());
    assert!(starts.windows(2).all(|pair| after(pair[0], Duration::from_secs(2)) <= pair[1]), "{starts:?}");
    assert_eq!((there(&watch), watch.hops.len()), (starts.len(), starts.len()));
    // Every host's requests are counted as its own.
    let traffic = watch.reader().traffic(hour(24)).unwrap();
    assert_eq!(traffic.len(), 10);
    let of = |host: &str| traffic.iter().find(|traffic| traffic.host == host).unwrap();
    assert_eq!(of("b.example").requests, starts.len() as u64);
    assert_eq!(of("b.example").not_modified, starts.len() as u64 - 9, "validators came along");
    assert!(of("b.example").gap_min_ms >= Some(2000));
    assert_eq!(of("n3.example").requests, watch.starts("n3.example/3").len() as u64);
    assert_eq!((of("n3.example").bytes, of("n3.example").not_modified), (0, 0));
}

#[tokio::test]
async fn c18_a_429_after_a_redirect_is_the_word_of_the_host_that_gave_it() {
    let feeds = [
        format!("http://a.example/feed\n{HOURLY}"),
        format!("http://a.example/own\n{HOURLY}"),
        format!("http://c.example/feed\n{HOURLY}"),
    ];
    let mut watch = Watch::with(&feeds.each_ref().map(String::as_str), "").await;
    let there_url = watch.server.url_at("b.example", "/there");
    watch.server.set("/feed", Reply::redirect(302, there_url.as_str()));
    watch.server.set("/own", document().conditional());
    watch.server.set("/there", document().conditional());
    watch.until(hour(2)).await;
    watch.server.set("/there", Reply::status(429).header("retry-after", "36000"));
    let before = (there(&watch), watch.server.requests_to("/feed").len());
    watch.until(hour(8)).await;
    assert_eq!(there(&watch), before.0 + 1);
    let until = watch.host("b.example").paused_until.unwrap();
    let limited = watch.rounds.iter().find(|round| !round.settled.is_success).unwrap();
    assert_eq!(until, after(limited.at, Duration::from_hours(10)));
    assert_eq!((watch.host("a.example").paused_until, watch.host("c.example").paused_until), (None, None));
    assert!(watch.starts("a.example/own").len() >= 7, "the host that redirects is asked on");
    let (limited, other) = if limited.address.contains("a.example") { (0, 2) } else { (2, 0) };
    let state = watch.state(limited);
    assert_eq!(state.answered_host.as_deref(), Some("b.example"));
    assert!(state.health.reason.starts_with("b.example is limiting this address"), "{}", state.health.reason);
    // The other one was put off until the pause is over, and so it is after a restart.
    let state = watch.state(other);
    assert_eq!(state.next_due_at, Some(until));
    assert!(state.next_due_reason.starts_with("a redirect leads to b.example, which limits"));
    watch.restart().await;
    watch.until(hour(9)).await;
    assert_eq!(watch.server.requests_to("/feed").len(), before.1 + 2, "each was asked once");
    watch.server.set("/there", document().conditional());
    watch.until(hour(16)).await;
    assert!([0, 2].iter().all(|feed| watch.state(*feed).last_success_at > Some(until)));
    let traffic = watch.reader().traffic(hour(16)).unwrap();
    let limited: Vec<_> = traffic.iter().map(|traffic| (traffic.host.as_str(), traffic.limited)).collect();
    assert!(limited.contains(&("b.example", 1)) && limited.contains(&("a.example", 0)), "{limited:?}");
}

#[tokio::test]
async fn c18_what_waits_at_a_host_that_begins_to_pause_begins_anew_after_it() {
    let mut watch = sent_on(9).await;
    watch.until(hour(2)).await;
    let paused = Reply::status(429).header("retry-after", "3600");
    for number in 0..9 {
        watch.server.set(&format!("/there/{number}"), paused.clone());
    }
    let (went, hops, rounds) = (there(&watch), watch.hops.len(), watch.rounds.len());
    for feed in watch.roster.feeds().into_keys() {
        watch.roster.hasten(feed, false, watch.now);
    }
    watch.for_minutes(50).await;
    assert_eq!((watch.hops.len() - hops, there(&watch) - went), (9, 1), "eight waited for the first answer");
    for number in 0..9 {
        watch.server.set(&format!("/there/{number}"), document().conditional());
    }
    watch.for_minutes(15).await;
    // The one that was limited waits a little longer than its host.
    let again = watch.hops.len() - hops - 9;
    assert!(
        (8..=9).contains(&again),
        "what a redirect said before the pause is not believed after it: {again}"
    );
    let succeeded = watch.rounds[rounds..].iter().filter(|round| round.settled.is_success).count();
    assert_eq!(succeeded, again);
}

#[tokio::test]
async fn c25_a_network_that_fails_between_redirect_and_answer_is_held_against_nobody() {
    let mut watch = sent_on(20).await;
    watch.until(hour(0)).await;
    watch.until(after(hour(0), Duration::from_secs(9))).await;
    let reached = watch.rounds.len();
    assert!(reached < 10, "most wait for their turn");
    watch.set_online(false);
    watch.until(after(hour(0), Duration::from_mins(50))).await;
    let failed = &watch.rounds[reached..];
    assert!(failed.len() > 10, "{}", failed.len());
    assert!(failed.iter().all(|round| round.settled.is_offline && round.settled.state.failure_count == 0));
}

#[tokio::test]
async fn c19_two_redirects_that_lead_to_a_503_make_it_that_hosts_word() {
    let mut watch = sent_on(3).await;
    let unavailable = || Reply::status(503).header("retry-after", "18000");
    watch.server.set("/there/0", unavailable());
    watch.until(hour(1)).await;
    assert_eq!(watch.host("b.example").paused_until, None);
    watch.server.set("/there/1", unavailable());
    watch.until(hour(3)).await;
    let second = watch.last("n1.example/1").at;
    assert_eq!(watch.host("b.example").paused_until, Some(after(second, Duration::from_hours(5))));
    assert_eq!(watch.host("n1.example").paused_until, None);
    let before = there(&watch);
    watch.until(after(second, Duration::from_mins(299))).await;
    assert_eq!(there(&watch), before, "nobody asks a host that is down");
}

#[tokio::test]
async fn a_poll_that_waits_at_a_redirects_host_outlives_reload_and_restart() {
    for is_restart in [false, true] {
        let mut watch = sent_on(3).await;
        watch.until(hour(0)).await;
        assert_eq!((watch.hops.len(), watch.rounds.len()), (3, 1), "two wait two seconds each");
        if is_restart {
            watch.restart().await;
        } else {
            watch.reload().await;
        }
        watch.for_minutes(1).await;
        let mut starts: Vec<Timestamp> = watch.rounds.iter().map(|round| round.at).collect();
        starts.sort_unstable();
        assert_eq!(starts.len(), 3, "every feed once");
        assert!(
            starts.windows(2).all(|pair| after(pair[0], Duration::from_secs(2)) <= pair[1]),
            "{starts:?}"
        );
    }
}

#[tokio::test]
async fn c17_a_poll_by_force_passes_the_pause_of_a_redirects_host_and_no_other_does() {
    let mut watch = sent_on(2).await;
    watch.server.set("/there/0", Reply::status(429).header("retry-after", "36000"));
    watch.until(hour(1)).await;
    let before = there(&watch);
    let ids: Vec<_> = watch.roster.feeds().into_iter().collect();
    let id = |host: &str| ids.iter().find(|(_, feed)| feed.url.host_str() == Some(host)).unwrap().0;
    watch.roster.hasten(id("n1.example"), false, watch.now);
    watch.for_minutes(1).await;
    assert_eq!(there(&watch), before);
    watch.server.set("/there/1", Reply::status(429).header("retry-after", "36000"));
    watch.roster.hasten(id("n1.example"), true, watch.now);
    watch.for_minutes(1).await;
    assert_eq!(there(&watch), before + 1);
    // By force means once.
    watch.reload().await;
    watch.for_hours(5).await;
    assert_eq!(there(&watch), before + 1);
}

#[tokio::test]
async fn a_reload_while_a_redirect_is_on_its_way_begins_anew_by_what_is_configured_then() {
    let mut watch = sent_on(1).await;
    watch.begin();
    while watch.server.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    watch.reload().await;
    watch.for_minutes(1).await;
    let paths: Vec<String> = watch.server.requests().iter().map(|asked| asked.path().to_owned()).collect();
    assert_eq!(paths, ["/0", "/0", "/there/0"]);
    // What is not configured any more goes nowhere, and takes nobody's turn.
    let mut watch = sent_on(3).await;
    watch.until(hour(0)).await;
    let went = there(&watch);
    watch.server.set("/other", document());
    watch.reload_with(&[&format!("http://c.example/other\n{HOURLY}")]).await;
    watch.for_minutes(10).await;
    assert_eq!(there(&watch), went);
    assert_eq!(watch.roster.waiting_count(watch.now), 0);
}

#[tokio::test]
async fn c40_an_older_page_that_fails_after_a_redirect_is_tried_again_at_its_own_host() {
    let feeds = [format!("http://a.example/feed\n{HOURLY}"), format!("http://a.example/own\n{HOURLY}")];
    let mut watch = Watch::with(&feeds.each_ref().map(String::as_str), "").await;
    watch.server.set("/own", document());
    watch.server.set("/feed", Reply::ok("application/rss+xml", rss(&[("known", "Known", hour(0))])));
    watch.for_minutes(1).await;
    let older = watch.server.url_at("a.example", "/older");
    let link =
        format!("<a:link xmlns:a=\"http://www.w3.org/2005/Atom\" rel=\"next\" href=\"{older}\"/><item>");
    let news = rss(&[("n9", "Ninth", hour(1))]).replacen("<item>", &link, 1);
    watch.server.set("/feed", Reply::ok("application/rss+xml", news));
    let elsewhere = watch.server.url_at("b.example", "/older-there");
    watch.server.set("/older", Reply::redirect(302, elsewhere.as_str()));
    // While the retry waits, a.example begins to pause.
    let last = rss(&[("n8", "Eighth", hour(1)), ("known", "Known", hour(0))]);
    watch.server.queue("/older-there", [Reply::status(500), Reply::ok("application/rss+xml", last)]);
    while watch.server.requests_to("/older-there").is_empty() {
        watch.for_minutes(1).await;
    }
    watch.server.set("/own", Reply::status(429).header("retry-after", "2400"));
    let ids = watch.roster.feeds();
    let own = ids.iter().find(|(_, feed)| feed.url.path() == "/own").unwrap().0;
    watch.roster.hasten(*own, false, watch.now);
    watch.for_minutes(1).await;
    let until = watch.host("a.example").paused_until.unwrap();
    watch.until(hour(6)).await;
    let gaps = watch.reader().gaps_of(&watch.config.feeds[0].address(), 9).unwrap();
    assert_eq!((gaps.len(), gaps[0].state.as_str()), (1, "filled"), "{gaps:?}");
    let hops: Vec<Timestamp> = watch.hops.iter().map(|(at, ..)| *at).collect();
    assert_eq!(hops.len(), 2);
    assert!(hops[1] >= until, "{hops:?}");
    let traffic = watch.reader().traffic(hour(6)).unwrap();
    assert_eq!(traffic.iter().find(|host| host.host == "b.example").unwrap().requests, 2);
}

#[tokio::test]
async fn a_redirect_that_robots_txt_takes_to_another_host_waits_there_too() {
    let mut watch = Watch::with(
        &[
            &format!("http://a.example/feed\n{HOURLY}\nfull_text = true"),
            &format!("http://b.example/own\n{HOURLY}"),
        ],
        "",
    )
    .await;
    let port = watch.server.port();
    let date = hour(0).strftime("%a, %d %b %Y %H:%M:%S GMT");
    let item = format!(
        "<item><guid>p</guid><title>Calm seas and a slow day</title><link>http://a.example:{port}/story</link>\
         <pubDate>{date}</pubDate></item>"
    );
    let feed = format!("<rss version=\"2.0\"><channel><title>Scripted</title>{item}</channel></rss>");
    watch.server.set("/feed", Reply::ok("application/rss+xml", feed));
    watch.server.set("/own", document().conditional());
    let elsewhere = watch.server.url_at("b.example", "/rules");
    watch.server.set("/robots.txt", Reply::redirect(302, elsewhere.as_str()));
    watch.server.set("/rules", Reply::ok("text/plain", "User-agent: *\nDisallow: /story\n"));
    watch.until(hour(1)).await;
    assert_eq!(watch.server.requests_to("/rules").len(), 1);
    assert!(watch.server.requests_to("/story").is_empty(), "the rules found there hold here");
    let said = &watch.pages.last().unwrap().settled.as_ref().unwrap().outcome;
    assert!(said.contains("robots.txt of a.example asks"), "{said}");
    let traffic = watch.reader().traffic(hour(1)).unwrap();
    assert!(traffic.iter().all(|host| host.gap_min_ms.is_none_or(|gap| gap >= 2000)), "{traffic:?}");
}

#[tokio::test]
async fn robots_txt_that_is_asked_for_elsewhere_is_asked_for_once() {
    let feeds = [
        format!("http://a.example/feed\n{HOURLY}\nfull_text = true"),
        format!("http://b.example/own\n{HOURLY}"),
    ];
    let mut watch = Watch::with(&feeds.each_ref().map(String::as_str), "host_spacing = \"20s\"").await;
    watch.server.set("/feed", six_stories(&watch));
    // The other host's next turn is ten minutes away: everything waits for it.
    let slow = document().header("x-ratelimit-remaining", "1").header("x-ratelimit-reset", "600");
    watch.server.set("/own", slow);
    let elsewhere = watch.server.url_at("b.example", "/rules");
    watch.server.set("/robots.txt", Reply::redirect(302, elsewhere.as_str()));
    watch.server.set("/rules", Reply::ok("text/plain", "User-agent: *\nDisallow: /story\n"));
    watch.until(hour(1)).await;
    assert_eq!(watch.server.requests_to("/rules").len(), 1);
    assert_eq!(watch.server.requests_to("/robots.txt").len(), 1);
    let settled: Vec<&str> =
        watch.pages.iter().filter_map(|page| Some(page.settled.as_ref()?.outcome.as_str())).collect();
    let refused = settled.iter().filter(|said| said.contains("robots.txt of a.example asks"));
    assert_eq!(refused.count(), 6, "{settled:?}");
}

#[tokio::test]
async fn robots_txt_is_not_asked_for_again_while_the_host_it_moved_to_pauses() {
    let feeds = [
        format!("http://a.example/feed\n{HOURLY}\nfull_text = true"),
        format!("http://b.example/own\n{HOURLY}"),
    ];
    let mut watch = Watch::with(&feeds.each_ref().map(String::as_str), "").await;
    watch.server.set("/feed", six_stories(&watch));
    watch.server.set("/own", Reply::status(429).header("retry-after", "1800"));
    let elsewhere = watch.server.url_at("b.example", "/rules");
    watch.server.set("/robots.txt", Reply::redirect(302, elsewhere.as_str()));
    watch.server.set("/rules", Reply::ok("text/plain", "User-agent: *\nDisallow: /story\n"));
    watch.for_minutes(25).await;
    assert_eq!(watch.server.requests_to("/robots.txt").len(), 1);
    assert!(watch.server.requests_to("/rules").is_empty());
    watch.server.set("/own", document());
    watch.for_minutes(35).await;
    assert_eq!(watch.server.requests_to("/robots.txt").len(), 2);
    assert_eq!(watch.server.requests_to("/rules").len(), 1);
}

#[tokio::test]
async fn c17_force_that_is_asked_for_during_the_redirect_holds_behind_it() {
    let mut watch = sent_on(2).await;
    watch.until(hour(1)).await;
    for number in 0..2 {
        let limited = Reply::status(429).header("retry-after", "36000");
        watch.server.set(&format!("/there/{number}"), limited);
    }
    watch.until(hour(3)).await;
    let (before, hops) = (there(&watch), watch.hops.len());
    let (deferred, _) = watch.roster.deferred(hour(4));
    assert_eq!(deferred.len(), 1, "the one that was put off is told of: {deferred:?}");
    let address = &deferred[0].0;
    let ids = watch.roster.feeds();
    let id = *ids.iter().find(|(_, feed)| feed.address() == *address).unwrap().0;
    // Asked for without force it is put off again, and by force while it is on its way it goes through.
    watch.roster.hasten(id, false, watch.now);
    watch.for_minutes(1).await;
    assert_eq!((there(&watch), watch.hops.len()), (before, hops + 1));
    watch.roster.hasten(id, false, watch.now);
    watch.begin();
    watch.roster.hasten(id, true, watch.now);
    watch.for_minutes(1).await;
    assert_eq!((there(&watch), watch.hops.len()), (before + 1, hops + 2));
}

#[test]
fn a_poll_is_put_off_for_a_day_at_most() {
    let polled = |at| FeedState { last_polled_at: at, ..FeedState::default() };
    assert!(!may_defer(&polled(None), hour(24)));
    assert!(may_defer(&polled(Some(hour(1))), hour(24)));
    assert!(!may_defer(&polled(Some(hour(0))), hour(24)));
}
