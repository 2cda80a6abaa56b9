//! A redirect to another host waits for its turn there, and what that host says is that host's.

use std::time::Duration;

use jiff::Timestamp;
use wirewatch::feed::answer::AnswerKind;
use wirewatch::feed::schedule::after;

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
    watch.server.set("/there", Reply::status(429).header("retry-after", "36000"));
    watch.until(hour(8)).await;
    assert_eq!(there(&watch), 1, "the second redirect waits at the gate of who said it");
    assert_eq!(
        watch.host("b.example").paused_until,
        Some(after(watch.rounds[0].at, Duration::from_hours(10)))
    );
    assert_eq!((watch.host("a.example").paused_until, watch.host("c.example").paused_until), (None, None));
    assert!(watch.starts("a.example/own").len() >= 7, "the host that redirects is asked on");
    let limited = usize::from(watch.state(0).last_answer != AnswerKind::Limited) * 2;
    let state = watch.state(limited);
    assert_eq!(state.answered_host.as_deref(), Some("b.example"));
    assert!(state.health.reason.starts_with("b.example is limiting this address"), "{}", state.health.reason);
    // What waited at the gate goes on there when it opens.
    watch.server.set("/there", document().conditional());
    watch.until(hour(13)).await;
    assert!([0, 2].iter().all(|feed| watch.state(*feed).last_success_at.is_some()));
    let traffic = watch.reader().traffic(hour(13)).unwrap();
    let limited: Vec<_> = traffic.iter().map(|traffic| (traffic.host.as_str(), traffic.limited)).collect();
    assert!(limited.contains(&("b.example", 1)) && limited.contains(&("a.example", 0)), "{limited:?}");
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
    watch.for_hours(4).await;
    assert_eq!(there(&watch), before + 1);
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
    assert!(
        watch
            .reader()
            .traffic(hour(1))
            .unwrap()
            .iter()
            .all(|host| host.gap_min_ms.is_none_or(|gap| gap >= 2000))
    );
}
