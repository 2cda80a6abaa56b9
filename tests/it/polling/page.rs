//! Pages of articles: when they are read, how politely, and what becomes of them.

use jiff::Timestamp;
use wirewatch::article::Article;
use wirewatch::article::identity::ArticleId;
use wirewatch::feed::answer::{Answer, AnswerKind};
use wirewatch::pipeline::page::{Completed, PageEnd, PageVisit};
use wirewatch::store::FILE_NAME;
use wirewatch::store::report::StoredArticle;

use crate::support::http::{Reply, Server};
use crate::support::lab::hour;
use crate::support::watch::Watch;

/// A headline that trips nothing and says what its page is about.
const HEADLINE: &str = "Monitors report from the river crossing on Tuesday";

/// What its page says trips the topic.
const STORY: &str = "Monitors at the river crossing said on Tuesday that the truce was broken before dawn. The truce was \
    broken again at noon, they report, when shells fell on the eastern bank of the river and people fled the crossing. \
    Officials on both sides confirmed the report late on Tuesday, and said that talks would go on in the capital.";

fn page(text: &str) -> String {
    format!(
        "<!doctype html><html lang=en><head><title>{HEADLINE}</title></head><body><nav><a href=/>Home</a></nav>\
         <article><h1>{HEADLINE}</h1><p>{text}</p><p>{text}</p></article><footer>About us</footer></body></html>"
    )
}

/// A feed whose items link to the scripted server under a host.
fn feed(server: &Server, host: &str, items: &[(&str, &str, Timestamp)]) -> Reply {
    let item = |(id, title, at): &(&str, &str, Timestamp)| {
        let date = at.strftime("%a, %d %b %Y %H:%M:%S GMT");
        format!(
            "<item><guid isPermaLink=\"false\">{id}</guid><title>{title}</title>\
             <link>http://{host}:{}/{id}</link><pubDate>{date}</pubDate></item>",
            server.port()
        )
    };
    let items: String = items.iter().map(item).collect();
    let document = format!("<rss version=\"2.0\"><channel><title>Scripted</title>{items}</channel></rss>");
    Reply::ok("application/rss+xml", document)
}

fn html(text: &str) -> Reply {
    Reply::ok("text/html; charset=utf-8", page(text))
}

const FEED: &str = "http://a.example/feed\ninterval = \"30m\"\nfull_text = true";

/// A watched feed that has been polled once, with one article that wants its page on the next poll.
async fn watched(feed_lines: &str, host: &str, headline: &str) -> Watch {
    let mut watch = Watch::with(&[feed_lines], "").await;
    // What a body says counts a third.
    watch.write_topic(
        "[[signal]]\nname = \"a truce is broken\"\nwhen = \"truce NEAR/6 broken\"\nweight = 200\n",
    );
    watch.restart().await;
    let calm = ("calm", "Calm seas and a slow day in the harbour", hour(0));
    watch.server.set("/feed", feed(&watch.server, host, &[calm]));
    watch
        .server
        .set("/calm", html("A slow day in the harbour under calm seas, and nothing more to say of it. "));
    watch.for_minutes(10).await;
    watch.pages.clear();
    let news = ("news", headline, watch.now);
    watch.server.set("/feed", feed(&watch.server, host, &[news, calm]));
    watch
}

fn article(watch: &Watch, title: &str) -> StoredArticle {
    let articles = watch.reader().articles_before(i64::MAX, None, 100).unwrap();
    articles.into_iter().find(|article| article.title == title).unwrap()
}

fn standing(watch: &Watch, title: &str) -> (String, String) {
    watch.reader().page_status(article(watch, title).id).unwrap().unwrap()
}

#[tokio::test]
async fn the_text_of_a_page_becomes_the_body_and_raises_an_alert() {
    let mut watch = watched(FEED, "a.example", HEADLINE).await;
    watch.server.set("/news", html(STORY));
    watch.for_minutes(60).await;
    let stored = article(&watch, HEADLINE);
    assert!(stored.body.contains("shells fell"), "{}", stored.body);
    assert_eq!(stored.revisions, 0, "the publisher edited nothing");
    let alerts = watch.reader().alerts(10).unwrap();
    assert_eq!(alerts.len(), 1);
    let evidence = &watch.reader().scores(stored.id).unwrap()[0].evidence;
    assert_eq!(serde_json::to_value(evidence[0].field).unwrap(), "body");
    assert_eq!(standing(&watch, HEADLINE).0, "read");
    // The feed's own words were settled before the page was asked for.
    let settled =
        watch.rounds.iter().find(|round| round.settled.new_count() == 1 && round.at > hour(0)).unwrap();
    assert!(settled.settled.alerts.is_empty());
    // Once, with nothing that tells on us, and without validators.
    let asked = watch.server.requests_to("/news");
    assert_eq!(asked.len(), 1);
    for name in ["referer", "cookie", "if-none-match", "if-modified-since"] {
        assert_eq!(asked[0].text(name), None, "{name}");
    }
    assert!(asked[0].text("user-agent").unwrap().starts_with("wirewatch/"));
}

#[tokio::test]
async fn a_later_poll_leaves_the_page_s_text_where_it_is() {
    let mut watch = watched(FEED, "a.example", HEADLINE).await;
    watch.server.set("/news", html(STORY));
    watch.for_minutes(300).await;
    let before = article(&watch, HEADLINE);
    assert!(before.body.contains("shells fell"));
    assert_eq!(before.revisions, 0);
    assert_eq!(watch.server.requests_to("/news").len(), 1);

    // A true edit of the headline is a revision; the page's text stays and is scored with it.
    let edited = "Monitors report from the river crossing on Wednesday";
    watch.server.set("/feed", feed(&watch.server, "a.example", &[("news", edited, hour(0))]));
    watch.for_minutes(60).await;
    let after = article(&watch, edited);
    assert_eq!((after.id, after.revisions), (before.id, 1));
    assert!(after.body.contains("shells fell"), "{}", after.body);
    assert!(watch.reader().scores(after.id).unwrap()[0].trips);
    assert_eq!(watch.reader().alerts(10).unwrap().len(), 1);
}

#[tokio::test]
async fn c27_forty_four_new_entries_are_no_burst() {
    let mut watch = watched(FEED, "a.example", HEADLINE).await;
    let at = watch.now;
    let ids: Vec<(String, String)> = (0..44)
        .map(|number| {
            (format!("news{number}"), format!("Monitors report from river crossing {number} of many"))
        })
        .collect();
    let items: Vec<_> = ids.iter().map(|(id, title)| (id.as_str(), title.as_str(), at)).collect();
    watch.server.set("/feed", feed(&watch.server, "a.example", &items));
    for (id, _) in &ids {
        watch.server.set(&format!("/{id}"), html(STORY));
    }
    watch.for_minutes(25).await;
    let pages = watch.server.requests().iter().filter(|request| request.target.starts_with("/news")).count();
    assert_eq!(pages, 10);
    // With the feed's own requests, never two within the host's spacing.
    let mut starts: Vec<Timestamp> = watch.pages.iter().map(|round| round.at).collect();
    starts.extend(watch.rounds.iter().map(|round| round.at).filter(|round| *round > hour(0)));
    starts.sort();
    assert!(starts.windows(2).all(|pair| pair[1].duration_since(pair[0]).as_secs() >= 2), "{starts:?}");
    let dropped = standing(&watch, "Monitors report from river crossing 43 of many");
    assert_eq!(dropped.0, "dropped");
    assert!(dropped.1.contains("10 pages"), "{}", dropped.1);
}

#[tokio::test]
async fn a_page_on_another_domain_waits_at_that_domain_s_gate() {
    let mut watch = watched(FEED, "b.example", HEADLINE).await;
    watch.server.set("/news", html(STORY));
    watch.for_minutes(60).await;
    assert_eq!(standing(&watch, HEADLINE).0, "read");
    let traffic = watch.reader().traffic(watch.now).unwrap();
    let of = |host: &str| traffic.iter().find(|traffic| traffic.host == host).unwrap().requests;
    // robots.txt, the page of the first sight, and this one.
    assert_eq!(of("b.example"), 3);
    assert!(
        watch
            .server
            .requests_to("/robots.txt")
            .iter()
            .all(|asked| asked.text("host").unwrap().starts_with("b."))
    );
    let starts: Vec<Timestamp> = watch.pages.iter().map(|round| round.at).collect();
    assert!(starts.windows(2).all(|pair| pair[1].duration_since(pair[0]).as_secs() >= 2), "{starts:?}");
}

#[tokio::test]
async fn a_redirect_to_another_domain_goes_by_that_domain_s_gate_and_rules() {
    let mut watch = watched(FEED, "a.example", HEADLINE).await;
    let there = format!("http://b.example:{}/there", watch.server.port());
    watch.server.set("/news", Reply::redirect(302, there));
    watch.server.set("/there", html(STORY));
    watch.for_minutes(60).await;
    assert_eq!(standing(&watch, HEADLINE).0, "read");
    let robots = watch.server.requests_to("/robots.txt");
    assert!(robots.iter().any(|asked| asked.text("host").unwrap().starts_with("b.example")));
}

/// What becomes of a page whose robots.txt answers so.
async fn with_robots(robots: Reply) -> (Watch, (String, String)) {
    let mut watch = watched(FEED, "one.example", HEADLINE).await;
    // The first sight had its page read, and with it the rules of that day.
    watch.for_hours(25).await;
    let late = ("late", "Monitors report from the river crossing on Friday", watch.now);
    watch.server.set("/robots.txt", robots);
    watch.server.set("/late", html(STORY));
    watch.server.set("/feed", feed(&watch.server, "one.example", &[late]));
    watch.for_minutes(55).await;
    let became = standing(&watch, late.1);
    (watch, became)
}

#[tokio::test]
async fn robots_txt_is_respected_for_pages() {
    let text = |rules: &str| Reply::ok("text/plain", rules);
    let allowed = [
        Reply::status(404),
        Reply::status(403),
        text("User-agent: *\nDisallow: /private\n"),
        text("User-agent: *\nDisallow: /\n\nUser-agent: wirewatch\nAllow: /\n"),
    ];
    for robots in allowed {
        let (watch, standing) = with_robots(robots.clone()).await;
        assert_eq!(standing.0, "read", "{robots:?}: {}", standing.1);
        assert_eq!(watch.server.requests_to("/late").len(), 1);
    }
    let (watch, standing) = with_robots(text("User-agent: *\nDisallow: /late\n")).await;
    assert_eq!(standing.0, "ignored");
    assert!(standing.1.contains("robots.txt of one.example asks wirewatch not to"), "{}", standing.1);
    assert!(watch.server.requests_to("/late").is_empty());
}

#[tokio::test]
async fn while_robots_txt_cannot_be_had_no_page_is_read() {
    for robots in [Reply::status(500), Reply::status(503), Reply::ok("text/plain", "User-").then_reset()] {
        let (mut watch, standing) = with_robots(robots).await;
        assert_eq!(standing.0, "waiting", "{}", standing.1);
        assert!(watch.server.requests_to("/late").is_empty());
        // It is asked for again an hour later, and the page then.
        watch.server.set("/robots.txt", Reply::status(404));
        watch.for_hours(3).await;
        assert_eq!(watch.server.requests_to("/late").len(), 1);
    }
    let (mut watch, _) = with_robots(Reply::status(500)).await;
    watch.for_hours(30).await;
    let (status, reason) = standing(&watch, "Monitors report from the river crossing on Friday");
    assert_eq!(status, "dropped");
    assert!(reason.contains("within 1d"), "{reason}");
    assert!(watch.server.requests_to("/late").is_empty());
}

#[tokio::test]
async fn robots_txt_is_asked_for_once_a_day() {
    let mut watch = watched(FEED, "a.example", HEADLINE).await;
    watch.server.set("/news", html(STORY));
    for day in 0..3 {
        for number in 0..4 {
            let (id, title) =
                (format!("d{day}n{number}"), format!("Monitors report number {number} of day {day}"));
            watch.server.set(&format!("/{id}"), html(STORY));
            watch.server.set("/feed", feed(&watch.server, "a.example", &[(&id, &title, watch.now)]));
            watch.for_hours(5).await;
        }
    }
    let asked = watch.server.requests_to("/robots.txt").len();
    assert!((2..=4).contains(&asked), "{asked}");
    assert!(watch.server.requests().iter().filter(|asked| asked.target.starts_with("/d")).count() >= 12);
}

#[tokio::test]
async fn borderline_reads_only_pages_of_uncertain_articles() {
    let lines = "http://a.example/feed\ninterval = \"30m\"\nfull_text = \"borderline\"";
    let mut watch = watched(lines, "a.example", "Calm returns to the market square").await;
    watch.write_topic(
        "[[signal]]\nname = \"a truce\"\nwhen = \"truce\"\nweight = 40\n\
         [[signal]]\nname = \"it is broken\"\nwhen = \"broken\"\nweight = 60\n",
    );
    watch.restart().await;
    let at = watch.now;
    let items = [
        ("calm-2", "Calm returns to the market square", at),
        ("perhaps", "Talks about the truce go on in the capital", at),
        ("surely", "The truce is broken, monitors say", at),
    ];
    watch.server.set("/feed", feed(&watch.server, "a.example", &items));
    watch.for_minutes(60).await;
    let asked = |path: &str| watch.server.requests_to(path).len();
    assert_eq!((asked("/calm-2"), asked("/perhaps"), asked("/surely")), (0, 1, 0));
}

#[tokio::test]
async fn a_restart_resumes_pages_that_wait() {
    let mut watch = watched(FEED, "a.example", HEADLINE).await;
    watch.server.set("/news", Reply::status(503));
    watch.for_minutes(26).await;
    assert_eq!(standing(&watch, HEADLINE).0, "waiting");
    watch.server.set("/news", html(STORY));
    watch.restart().await;
    watch.for_hours(1).await;
    assert_eq!(standing(&watch, HEADLINE).0, "read");
}

#[tokio::test]
async fn nobody_waits_for_the_pages_of_a_feed_that_was_removed_or_that_nobody_came_to_in_time() {
    let mut watch = watched(FEED, "a.example", HEADLINE).await;
    watch.server.set("/news", Reply::status(503));
    watch.for_minutes(26).await;
    assert_eq!(standing(&watch, HEADLINE).0, "waiting");
    let removed = watch.config.feeds[0].address();
    watch.set_feeds(&["http://c.example/feed\nfull_text = true"]).await;
    assert_ne!(watch.config.feeds[0].address(), removed);
    let expected = ("dropped".to_owned(), "not read: its feed was removed".to_owned());
    assert_eq!(standing(&watch, HEADLINE), expected);
    // One that was left over by whatever is given up when others are asked for.
    let connection = rusqlite::Connection::open(watch.dir.path().join(FILE_NAME)).unwrap();
    let long_ago = hour(0).as_microsecond() - 25 * 3_600_000_000;
    connection.execute("UPDATE page_requests SET status = 'waiting', asked_at = ?1", [long_ago]).unwrap();
    let calm = ("calm", "Calm seas and a slow day in the harbour", hour(0));
    watch.server.set("/feed", feed(&watch.server, "c.example", &[calm]));
    watch.for_hours(1).await;
    let news = ("more", "Monitors report from the river crossing on Friday", watch.now);
    watch.server.set("/feed", feed(&watch.server, "c.example", &[news, calm]));
    watch.for_hours(2).await;
    assert_eq!(standing(&watch, HEADLINE).0, "dropped");
}

#[tokio::test]
async fn a_page_that_fails_is_left_after_three_attempts() {
    let mut watch = watched(FEED, "a.example", HEADLINE).await;
    watch.server.set("/news", Reply::status(500));
    watch.for_hours(20).await;
    let (status, reason) = standing(&watch, HEADLINE);
    assert_eq!(status, "dropped");
    assert!(reason.contains("500"), "{reason}");
    assert_eq!(watch.server.requests_to("/news").len(), 3);
}

#[tokio::test]
async fn a_429_for_a_page_makes_the_whole_host_wait() {
    let mut watch = watched(FEED, "a.example", HEADLINE).await;
    watch.server.set("/news", Reply::status(429).header("retry-after", "7200"));
    watch.for_minutes(40).await;
    let polls = watch.starts("a.example/feed").len();
    watch.for_minutes(60).await;
    assert_eq!(watch.starts("a.example/feed").len(), polls);
    watch.server.set("/news", html(STORY));
    watch.for_minutes(60).await;
    assert!(watch.starts("a.example/feed").len() > polls);
    assert_eq!(standing(&watch, HEADLINE).0, "read");
}

#[tokio::test]
async fn pages_that_are_none_are_ignored_with_the_reason() {
    let wall = "We use cookies and similar techniques to offer you a better visit. Please accept cookies to go on reading \
        the report of monitors from the river crossing on Tuesday, or choose which of them you allow us to set here.";
    let login = |text: &str| Reply::ok("text/html", text);
    let cases = [
        (html(wall), "wall before the article"),
        (Reply::ok("text/html", "<p>Not found</p>"), "hardly any text"),
        (
            Reply::ok(
                "text/html",
                format!(
                    "<title>Shop</title><article>{}</article>",
                    "<p>Garden chairs are cheaper this week than ever before in our shop.</p>".repeat(20)
                ),
            ),
            "something else",
        ),
        (Reply::ok("application/pdf", "%PDF-1.7 and so on"), "no web page but application/pdf"),
        (Reply::ok("image/png", vec![0_u8; 100_000]), "no web page"),
        (Reply::redirect(302, "/account/login?next=/news"), "login or consent"),
        (Reply::status(404), "404"),
        (Reply::status(401), "401"),
        (Reply::redirect(302, "http://10.0.0.1/admin"), "10.0.0.1"),
        (Reply::redirect(302, "/news"), "circle"),
        (Reply::ok("text/html", "").header("content-length", "9999999"), "larger than"),
        (
            Reply::status(200).header("content-type", "text/html").then_repeat("<p>and so it goes on "),
            "larger than",
        ),
    ];
    for (reply, words) in cases {
        let mut watch = watched(FEED, "a.example", HEADLINE).await;
        watch.server.set("/news", reply);
        watch.server.set("/account/login", login("<title>Sign in</title><form>Sign in to go on</form>"));
        watch.for_minutes(32).await;
        let (status, reason) = standing(&watch, HEADLINE);
        assert!(["ignored", "dropped"].contains(&status.as_str()), "{words}: {status}: {reason}");
        assert!(reason.contains(words), "{words}: {reason}");
        assert!(article(&watch, HEADLINE).body.is_empty(), "{words}");
        assert!(watch.reader().alerts(10).unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_link_to_a_private_address_is_not_followed() {
    let mut watch = watched(FEED, "10.0.0.1", HEADLINE).await;
    watch.for_minutes(60).await;
    let (status, reason) = standing(&watch, HEADLINE);
    assert!(["ignored", "dropped"].contains(&status.as_str()), "{status}: {reason}");
    assert!(reason.contains("private address"), "{reason}");
}

#[tokio::test]
async fn tags_say_whose_pages_are_read() {
    let lines = "http://a.example/feed\ninterval = \"30m\"\ntags = [\"un\"]";
    for (poll, more, reads) in [
        ("", "", 0),
        ("full_text_tags = [\"un\"]", "", 1),
        ("full_text_tags = [\"other\"]", "", 0),
        ("full_text_tags = [\"un\"]", "\nfull_text = false", 0),
        ("borderline_tags = [\"un\"]", "", 0),
        ("borderline_tags = [\"un\"]\nfull_text_tags = [\"un\"]", "", 1),
    ] {
        let mut watch = Watch::with(&[&format!("{lines}{more}")], poll).await;
        watch.server.set("/feed", feed(&watch.server, "a.example", &[("news", HEADLINE, hour(0))]));
        watch.server.set("/news", html(STORY));
        watch.for_minutes(10).await;
        assert_eq!(watch.server.requests_to("/news").len(), reads, "{poll} {more}");
    }
}

#[tokio::test]
async fn a_reload_between_the_commit_of_a_poll_and_its_taking_in_stalls_no_host() {
    let mut watch = watched(FEED, "a.example", HEADLINE).await;
    watch.server.set("/news", html(STORY));
    watch.set_clock(hour(1));
    watch.begin();
    watch.committed(0).await;
    watch.reload().await;
    watch.until(hour(6)).await;
    assert_eq!(watch.server.requests_to("/news").len(), 1);
    assert!(watch.starts("a.example/feed").len() > 8, "{:?}", watch.starts("a.example/feed"));
}

#[tokio::test]
async fn a_host_that_links_lead_to_has_no_more_pages_waiting_than_any_other() {
    let mut watch = watched(FEED, "a.example", HEADLINE).await;
    let there = watch.server.url_at("b.example", "/there").to_string();
    watch.server.set("/news", Reply::redirect(302, &there));
    let database = rusqlite::Connection::open(watch.dir.path().join(FILE_NAME)).unwrap();
    database.pragma_update(None, "foreign_keys", false).unwrap();
    for number in 1000..1060 {
        let row = "INSERT INTO page_requests
                       (article_id, feed_id, url, host, status, reason, asked_at, due_at, attempt_count, hop_count)
                   VALUES (?1, 1, 'http://b.example/', 'b.example', 'waiting', '', ?2, ?2, 0, 0)";
        database.execute(row, [number, watch.now.as_microsecond()]).unwrap();
    }
    watch.for_minutes(60).await;
    let (status, reason) = standing(&watch, HEADLINE);
    assert_eq!(
        (status.as_str(), reason.as_str()),
        ("dropped", "not read: 60 pages of b.example wait already")
    );
    assert!(watch.server.requests_to("/there").is_empty());
}

#[tokio::test]
async fn a_page_that_was_read_before_a_reload_is_scored_by_the_topics_after_it() {
    let mut watch = watched(FEED, "a.example", HEADLINE).await;
    watch.server.set("/news", Reply::status(503));
    watch.for_minutes(25).await;
    let task =
        watch.ledger.page_task(ArticleId(article(&watch, HEADLINE).id), watch.now).await.unwrap().unwrap();
    let read = Completed::of(Article { body: STORY.to_owned(), ..task.article.clone() }, &watch.config);
    assert!(read.scores[0].trips);
    watch.write_topic("[[signal]]\nname = \"another\"\nwhen = \"harvest NEAR/6 failed\"\nweight = 200\n");
    watch.reload().await;
    let visit = PageVisit {
        host: task.request.host.clone(),
        request: task.request,
        started_at: watch.now,
        answer: Some(Answer::of(AnswerKind::Document)),
        end: PageEnd::Text(Box::new(read)),
    };
    assert!(watch.ledger.settle_page(visit, watch.now).await.unwrap().alerts.is_empty());
    assert!(article(&watch, HEADLINE).body.contains("shells fell"));
}
