//! One address is polled once, however often it is listed.

use std::fs;

use wirewatch::config::{self, Environment};

use crate::support::http::Reply;
use crate::support::lab::hour;
use crate::support::watch::{Watch, rss};

#[tokio::test]
async fn c36_a_feed_that_is_listed_in_several_folders_is_one_poller() {
    let mut watch = Watch::with(&["http://b.example/feed"], "").await;
    watch.server.set("/feed", Reply::ok("application/rss+xml", rss(&[("one", "A slow day", hour(0))])));
    watch.server.set("/other", Reply::ok("application/rss+xml", rss(&[("two", "A slow night", hour(0))])));
    let url = |fragment: &str| watch.server.url_at("a.example", &format!("/other{fragment}"));
    let opml = format!(
        "<opml version=\"2.0\"><body><outline text=\"north\"><outline xmlUrl=\"{0}\"/></outline>\
         <outline text=\"south\"><outline xmlUrl=\"{1}\"/><outline xmlUrl=\"{0}\"/></outline></body></opml>",
        url(""),
        url("#top")
    );
    fs::write(watch.dir.path().join("more.opml"), opml).unwrap();
    let main = watch.dir.path().join("wirewatch.toml");
    let text = fs::read_to_string(&main).unwrap();
    fs::write(&main, format!("feed_files = [\"feeds.toml\", \"more.opml\"]\n{text}")).unwrap();
    watch.restart().await;
    assert_eq!(watch.config.feeds.len(), 2);
    assert_eq!(watch.config.feeds[1].tags, ["north", "south"]);
    watch.until(hour(0)).await;
    assert_eq!(watch.server.requests_to("/other").len(), 1);
}

#[tokio::test]
async fn c36_a_feed_that_is_listed_twice_by_its_owner_is_refused_with_both_places() {
    let watch = Watch::with(&["http://a.example/feed"], "").await;
    let file = watch.dir.path().join("feeds.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{text}{}", text.replace("/feed\"", "/feed#latest\""))).unwrap();
    let problems = config::load(watch.dir.path(), &Environment::default()).unwrap_err();
    let said = config::render(&problems, false);
    assert!(said.contains("this feed stands already in") && said.contains("feeds.toml:2"), "{said}");
}
