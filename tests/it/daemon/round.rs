//! `run --once`: everything published is stored, each topic mails once, and looking again changes nothing.

use super::super::support::desk::{Desk, FAST, ROUTE, data_beside, feed, item, mail, now, rss};
use super::super::support::http::{self, Reply};
use super::super::support::smtp::{self, Parsed, Setup};

/// A report of our own that is about both shipped topics.
fn alarm() -> String {
    let text = "&lt;p&gt;The army announced a new offensive on the besieged eastern districts on Thursday, hours after \
                mediators failed to revive a collapsed ceasefire.&lt;/p&gt;&lt;p&gt;Trucks carrying food aid have been stuck at \
                the border for a week because the government gives no permission, aid agencies said.&lt;/p&gt;";
    item("alarm", "Truce collapses as army launches offensive; food aid stuck at the border", text, 0)
}

fn quiet() -> String {
    let market =
        item("market", "Market hall reopens after repairs", "Stalls are back under the old roof.", 1);
    market + &item("harvest", "Apple harvest is late this year", "Growers blame a cold spring.", 2)
}

fn atom() -> String {
    format!(
        "<feed xmlns=\"http://www.w3.org/2005/Atom\"><title>Atom</title><id>tag:example.org,2026:feed</id>\
         <updated>{at}</updated><entry><id>tag:example.org,2026:1</id><title>Library opens on Sundays</title>\
         <updated>{at}</updated><link href=\"https://atom.example.org/library\"/></entry></feed>",
        at = now()
    )
}

fn json() -> String {
    format!(
        "{{\"version\": \"https://jsonfeed.org/version/1.1\", \"title\": \"J\", \"items\": [{{\"id\": \"j1\", \
         \"title\": \"Night bus to the coast returns\", \"url\": \"https://json.example.org/1\", \
         \"content_text\": \"Four times a night.\", \"date_published\": \"{}\"}}]}}",
        now()
    )
}

fn bomb() -> String {
    let mut entities = "<!ENTITY a0 \"ha\">".to_owned();
    for level in 1..30 {
        let below = format!("&a{};", level - 1).repeat(10);
        entities.push_str(&format!("<!ENTITY a{level} \"{below}\">"));
    }
    format!("<!DOCTYPE rss [{entities}]>{}", rss("<item><title>&a29;</title></item>"))
}

/// Every kind of publisher; returns the paths that hold entries and those that fail.
fn publish(server: &http::Server) -> (Vec<&'static str>, Vec<&'static str>) {
    let tagged = |reply: Reply, tag: &str| reply.header("etag", tag).conditional();
    server.set("/alarm", tagged(feed(&alarm()), "\"alarm-1\""));
    server.set("/rss", tagged(feed(&quiet()), "\"rss-1\""));
    server.set("/atom", tagged(Reply::ok("application/atom+xml", atom()), "W/\"atom-1\""));
    server.set("/json", Reply::ok("application/feed+json", json()));
    let ampersand = item("fish", "Fish & chips shop turns 100", "Queues round the block.", 1);
    server.set("/ampersand", feed(&ampersand));
    let cut = rss(&item("bridge", "Old bridge gets a new coat", "Blue again.", 1));
    let cut = cut.replace("</channel></rss>", "<item><title>Cut of");
    server.set("/cut", Reply::ok("text/xml", cut));
    server.set("/page", Reply::ok("text/html", "<!doctype html><title>Us</title><p>No feed here."));
    server.set("/empty", Reply::ok("application/rss+xml", ""));
    server.set("/big", Reply::ok("application/rss+xml", vec![b' '; (10 << 20) + 4096]));
    server.set("/bomb", Reply::ok("application/rss+xml", bomb()));
    let good = vec!["/alarm", "/rss", "/atom", "/json", "/ampersand", "/cut"];
    (good, vec!["/page", "/empty", "/big", "/missing"])
}

fn subjects(mails: &smtp::Server) -> Vec<String> {
    mails.messages().iter().map(|message| Parsed::read(&message.raw).text("Subject")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_round_stores_every_entry_and_mails_each_topic_once_and_more_rounds_change_nothing() {
    let server = http::Server::start().await;
    let mails = smtp::Server::start(Setup::default()).await;
    let (good, bad) = publish(&server);
    let desk = Desk::new(&format!("{FAST}{}{ROUTE}", mail(mails.address)));
    desk.feeds(good.iter().chain(&bad).chain(&["/bomb"]).map(|path| server.url(path)));

    let first = desk.run(&["run", "--once"]).expect(0);
    for path in &bad {
        assert!(first.out.contains(&format!("failed: {}", server.url(path))), "{path}: {}", first.out);
    }
    let stored = |title: &str| desk.count(&format!("articles WHERE title LIKE '{title}%'"));
    for title in [
        "Truce collapses",
        "Market hall",
        "Apple harvest",
        "Library opens",
        "Night bus",
        "Fish & chips",
        "Old bridge",
    ] {
        assert_eq!(stored(title), 1, "{title}");
    }
    let articles = desk.count("articles");
    assert_eq!(desk.count("scores WHERE trips = 1 AND decision = 'alerted'"), 2);
    assert_eq!(desk.count("scores WHERE trips = 1"), 2);
    let told = subjects(&mails);
    assert_eq!(told.len(), 2, "{told:?}");
    for (name, evidence) in [("Ceasefire breakdown", "a truce is broken"), ("Aid blockage", "aid is stuck")] {
        let of_topic = |message: &&smtp::Received| Parsed::read(&message.raw).text("Subject").contains(name);
        let messages = mails.messages();
        let found: Vec<_> = messages.iter().filter(of_topic).collect();
        assert_eq!(found.len(), 1, "{name}: {told:?}");
        assert_eq!(found[0].to, ["desk@example.org"]);
        let parts = Parsed::read(&found[0].raw).parts();
        assert!(parts.iter().all(|(_, text)| text.contains(evidence)), "{name}: {parts:?}");
    }

    for _ in 0..3 {
        desk.make_due();
        desk.run(&["run", "--once"]).expect(0);
    }
    assert_eq!(desk.count("articles"), articles);
    assert_eq!(desk.count("alerts"), 2);
    assert_eq!(mails.messages().len(), 2, "{:?}", subjects(&mails));
    for (path, tag) in [("/alarm", "\"alarm-1\""), ("/rss", "\"rss-1\""), ("/atom", "W/\"atom-1\"")] {
        let asked: Vec<_> =
            server.requests_to(path).iter().map(|request| request.text("if-none-match")).collect();
        let tag = Some(tag.to_owned());
        assert_eq!(asked, [None, tag.clone(), tag.clone(), tag], "{path}");
        let outcome = format!("SELECT last_outcome FROM feeds WHERE url = '{}'", server.url(path));
        assert_eq!(desk.ask::<String>(&outcome).as_deref(), Some("not modified"));
    }
    let listed = desk.run(&["feeds", "list", "--json"]).expect(0).json();
    // What breaks off lost entries: it is read, and not well.
    let well = |path| if path == "/cut" { "degraded" } else { "ok" };
    for (path, health) in
        good.iter().map(|path| (path, well(*path))).chain(bad.iter().map(|path| (path, "degraded")))
    {
        let url = server.url(path).to_string();
        let line = listed.iter().find(|line| line["url"] == url.as_str()).unwrap();
        assert_eq!(line["health"], health, "{line}");
        assert!(!line["next_poll_reason"].as_str().unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_round_polls_every_due_feed_of_a_host_however_wide_the_spacing() {
    let server = http::Server::start().await;
    let paths: Vec<String> = (0..4).map(|number| format!("/feed{number}")).collect();
    for path in &paths {
        server.set(path, feed(&quiet()));
    }
    let desk = Desk::new(&FAST.replace("host_spacing = \"0s\"", "host_spacing = \"1s\""));
    desk.feeds(paths.iter().map(|path| server.url(path)));
    let ran = desk.run(&["run", "--once"]).expect(0);
    assert!(ran.out.contains("4 feeds polled, 0 failed"), "{}", ran.out);
    for path in &paths {
        assert_eq!(server.requests_to(path).len(), 1, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_feeds_and_the_aleppo_text_mail_once_for_each_topic() {
    let Some(text) = data_beside("example/aleppo-2016.txt") else { return };
    let Some(suite) = data_beside("feeds/feed-rs") else { return };
    let text = std::fs::read_to_string(text).unwrap().replace('&', "&amp;").replace('<', "&lt;");
    let server = http::Server::start().await;
    let mails = smtp::Server::start(Setup::default()).await;
    let title = "Syrian army announces Aleppo offensive as truce collapses";
    let body = format!("<![CDATA[<p>{}</p>]]>", text.replace("\n\n", "</p><p>"));
    server.set("/aleppo", feed(&item("aleppo", title, &body, 0)));
    let mut urls = vec![server.url("/aleppo")];
    for kind in ["atom", "rss0", "rss1", "rss2", "jsonfeed"] {
        for file in std::fs::read_dir(suite.join(kind)).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if name.ends_with(".serde.json") || urls.len() > 60 {
                continue;
            }
            let at = format!("/{kind}/{name}");
            server.set(&at, Reply::ok("application/octet-stream", std::fs::read(path).unwrap()));
            urls.push(server.url(&at));
        }
    }
    let desk = Desk::new(&format!("{FAST}{}{ROUTE}", mail(mails.address)));
    desk.feeds(&urls);
    desk.run(&["run", "--once"]).expect(0);
    let articles = desk.count("articles");
    assert!(articles > 60, "{articles} articles of {} feeds", urls.len());
    let told = subjects(&mails);
    for name in ["Ceasefire breakdown", "Aid blockage"] {
        assert_eq!(told.iter().filter(|subject| subject.contains(name)).count(), 1, "{name}: {told:?}");
    }
    assert_eq!(told.len(), 2, "{told:?}");
    for _ in 0..3 {
        desk.make_due();
        desk.run(&["run", "--once"]).expect(0);
    }
    assert_eq!((desk.count("articles"), mails.messages().len()), (articles, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_round_does_not_wait_for_a_host_that_pauses() {
    let server = http::Server::start().await;
    server.set("/feed", feed(&quiet()));
    let desk = Desk::new(FAST);
    desk.feeds([server.url("/feed")]);
    desk.run(&["run", "--once"]).expect(0);
    desk.change("UPDATE hosts SET paused_until = last_asked_at + 7200000000");
    desk.change("UPDATE feeds SET next_due_at = last_polled_at");
    let round = desk.run(&["run", "--once"]).expect(0);
    assert!(round.out.contains("deferred: ") && round.out.contains("0 feeds polled"), "{}", round.out);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_round_and_a_poll_by_hand_go_where_redirects_lead() {
    let server = http::Server::start().await;
    let desk = Desk::new(&FAST.replace("host_spacing = \"0s\"", "host_spacing = \"1s\""));
    for name in ["a", "b", "c"] {
        server.set(&format!("/{name}"), Reply::redirect(302, server.url(&format!("/there/{name}")).as_str()));
        let news = feed(&item(name, "Market hall reopens after repairs", "Stalls are back.", 1));
        server.set(&format!("/there/{name}"), news);
    }
    desk.feeds(["/a", "/b"].map(|path| server.url_at("localhost", path)));
    let ran = desk.run(&["run", "--once"]).expect(0);
    assert!(ran.out.contains("2 feeds polled"), "{ran:?}");
    desk.run(&["feeds", "poll", "/a"]).expect(0);
    desk.run(&["feeds", "add", server.url_at("localhost", "/c").as_str()]).expect(0);
    let traffic = desk.run(&["feeds", "politeness", "--json"]).expect(0).json();
    let of = |host: &str| traffic.iter().find(|row| row["host"] == host).unwrap()["requests"].as_u64();
    assert_eq!((of("localhost"), of("127.0.0.1")), (Some(4), Some(4)), "{traffic:?}");
    // A host that pauses puts off what redirects lead to it, in words.
    desk.change(
        "UPDATE hosts SET paused_until = (unixepoch() + 3600) * 1000000, reason = 'asked us to wait 1h'
         WHERE host = '127.0.0.1'",
    );
    desk.make_due();
    let ran = desk.run(&["run", "--once"]).expect(0);
    assert!(ran.out.contains("0 feeds polled") && ran.out.contains("127.0.0.1"), "{ran:?}");
    let ran = desk.run(&["feeds", "poll", "/b"]).expect(1);
    assert!(ran.out.contains("127.0.0.1 asked us to wait 1h"), "{ran:?}");
    assert_eq!(server.requests_to("/there/b").len(), 1);
    desk.run(&["feeds", "poll", "/b", "--force"]).expect(0);
    assert_eq!(server.requests_to("/there/b").len(), 2);
}
