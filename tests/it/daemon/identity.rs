//! What feeds do to the identity of their entries, seen through the whole daemon.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::support::desk::{Desk, FAST, ROUTE, feed, item, mail};
use super::super::support::http;
use super::super::support::smtp::{self, Parsed, Setup};
use super::BREACH;

struct World {
    server: http::Server,
    mails: smtp::Server,
    desk: Desk,
}

impl World {
    /// One feed, at `/feed`.
    async fn new() -> Self {
        let server = http::Server::start().await;
        let mails = smtp::Server::start(Setup::default()).await;
        let desk = Desk::new(&format!("{FAST}{}{ROUTE}", mail(mails.address)));
        desk.feeds([server.url("/feed")]);
        Self { server, mails, desk }
    }

    /// Publishes and polls.
    fn poll(&self, items: &str) {
        self.server.set("/feed", feed(items));
        self.poll_again();
    }

    fn poll_again(&self) {
        if self.desk.database().exists() {
            self.desk.make_due();
        }
        let ran = self.desk.run(&["run", "--once"]).expect(0);
        assert!(ran.out.contains("1 feed polled, 0 failed"), "{}", ran.out);
    }

    fn shown(&self, id: i64) -> String {
        self.desk.run(&["articles", "show", &id.to_string()]).expect(0).out
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_that_changes_every_guid_and_tracking_parameter_brings_nothing_new() {
    let world = World::new().await;
    let turn = AtomicUsize::new(0);
    world.server.respond("/feed", move |_| {
        let turn = turn.fetch_add(1, Ordering::SeqCst);
        let one = |name: &str, title: &str| {
            format!(
                "<item><guid isPermaLink=\"false\">{name}-{turn}</guid><title>{title}</title>\
                 <link>https://news.example.org/{name}?utm_source=rss&amp;utm_campaign=c{turn}</link></item>"
            )
        };
        // Without dates nothing is fresh at first sight, so the alarming entry comes at the second poll.
        let alarm = if turn > 0 { one("breach", BREACH) } else { String::new() };
        feed(&(alarm + &one("calm", "Market hall reopens after repairs")))
    });
    for _ in 0..5 {
        world.poll_again();
    }
    assert_eq!(world.desk.count("articles"), 2);
    assert_eq!(world.mails.messages().len(), 1);
    assert_eq!(world.desk.count("articles WHERE revision_count > 0"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edited_headline_is_a_revision_and_alerts_when_it_newly_trips() {
    let world = World::new().await;
    let entry = |title: &str| {
        item("x", title, "The two sides met in the capital on Monday.", 0)
            .replace("<guid isPermaLink=\"false\">x</guid>", "")
    };
    world.poll(&entry("Army and rebels meet for talks"));
    assert_eq!(world.mails.messages().len(), 0);
    world.poll(&entry(BREACH));
    assert_eq!(world.desk.count("articles"), 1);
    assert_eq!(world.mails.messages().len(), 1);
    let shown = world.shown(1);
    assert!(shown.contains("edits 1") && shown.contains(BREACH), "{shown}");
    assert!(shown.contains("told in alert 1"), "{shown}");
    // Edited once more, it trips as before: nobody is told again, and it stays told.
    world.poll(&entry(&format!("{BREACH}, envoy says")));
    assert_eq!(world.mails.messages().len(), 1);
    let shown = world.shown(1);
    assert!(shown.contains("edits 2") && shown.contains("told in alert 1"), "{shown}");
    // There and back again is no news either.
    world.poll(&entry("Army and rebels meet for talks"));
    world.poll(&entry(BREACH));
    assert_eq!((world.desk.count("articles"), world.mails.messages().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_that_lack_what_others_have_are_stored_once() {
    let world = World::new().await;
    let items = "<item><title>No id, no link, no date</title></item>\
                 <item><description>No title at all, only this sentence about the harbour.</description></item>\
                 <item><link>https://news.example.org/only-a-link</link></item>\
                 <item><guid>only-an-id</guid><title>Only an id and a title</title></item>";
    world.poll(items);
    let stored = world.desk.count("articles");
    assert!(stored >= 3, "{stored}");
    world.poll(items);
    world.poll(items);
    assert_eq!(world.desk.count("articles"), stored);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_title_cannot_write_headers() {
    let world = World::new().await;
    let title =
        "Army violates ceasefire&#13;&#10;Bcc: thief@example.net&#10;&#10;hours\u{202e} after\u{7} deal&#0;";
    let title = title.replace('\u{7}', "").replace("&#0;", "");
    world.poll(&item("x", &title, "Shelling was heard.", 0));
    let messages = world.mails.messages();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].to, ["desk@example.org"]);
    let parsed = Parsed::read(&messages[0].raw);
    assert!(parsed.all("Bcc").is_empty(), "{:?}", parsed.headers);
    assert!(!parsed.text("Subject").chars().any(char::is_control));
    let title: String = world.desk.ask("SELECT title FROM articles").unwrap();
    assert!(!title.chars().any(char::is_control) && !title.contains('\u{202e}'), "{title:?}");
    let out = world.desk.run(&["alerts", "list"]).expect(0).out;
    assert_eq!(out.lines().count(), 1, "{out}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_entries_under_one_guid_both_live() {
    let world = World::new().await;
    let same = |name: &str, title: &str, text: &str| {
        item(name, title, text, 1).replace(&format!(">{name}</guid>"), ">the-same</guid>")
    };
    let both = same("a", "Ferry line opens in spring", "Two boats a day.")
        + &same("b", "School wins a prize for its garden", "The jury praised the beans.");
    for _ in 0..3 {
        world.poll(&both);
        assert_eq!(world.desk.count("articles"), 2);
        assert_eq!(world.desk.count("articles WHERE revision_count > 0"), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_there_at_first_sight_is_a_baseline_and_says_so() {
    let world = World::new().await;
    let old = item("old", BREACH, "Shelling was heard in the north.", 24 * 10);
    world.poll(&old);
    assert_eq!((world.desk.count("articles"), world.mails.messages().len()), (1, 0));
    let shown = world.shown(1);
    assert!(shown.contains("TRIPS") && shown.contains("first polled") && shown.contains("poll.first_look"));
    // Old news that comes later is too old, not a baseline; fresh news alerts.
    let late = item("late", "Rebels call off ceasefire and vow to return to war", "They said so.", 24 * 10);
    world.poll(&(old.clone() + &late));
    assert_eq!(world.mails.messages().len(), 0);
    let shown = world.shown(2);
    assert!(shown.contains("alert.max_age"), "{shown}");
    let fresh = item("fresh", "Truce collapses as shelling resumes in the north", "It was quiet before.", 1);
    world.poll(&(old + &late + &fresh));
    assert_eq!(world.mails.messages().len(), 1);
}
