//! The real program between a real hub, a publisher and a mail server.

use std::net::{Ipv4Addr, TcpListener};

use url::Url;

use super::super::support::desk::{Desk, FAST, ROUTE, Running, eventually, feed, item, mail};
use super::super::support::http::{self, Reply};
use super::super::support::hub::{Hub, Manner, Subscriber, call, sign, with_query};
use super::super::support::smtp::{self, Setup};

const BREACH: &str = "Army violates ceasefire hours after deal";

/// Polling that does not come round again during a test.
const SLOW: &str =
    "[poll]\nhost_spacing = \"0s\"\nallow_private_addresses = true\n[log]\nlevel = \"debug\"\n";

/// A port nobody listens on.
fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::new(127, 43, 0, 1), 0)).unwrap().local_addr().unwrap().port()
}

/// A publisher, its hub, a mail server and a desk.
struct Scene {
    publisher: http::Server,
    hub: Hub,
    mails: smtp::Server,
    desk: Desk,
    topic: String,
}

impl Scene {
    async fn with(poll: &str) -> Self {
        let (publisher, hub) = (http::Server::start().await, Hub::start().await);
        let mails = smtp::Server::start(Setup::default()).await;
        let port = free_port();
        let web =
            format!("[web]\nlisten = \"127.43.0.1:{port}\"\npublic_url = \"http://127.43.0.1:{port}\"\n");
        let desk = Desk::new(&format!("{poll}{web}{}{ROUTE}", mail(mails.address)));
        let topic = publisher.url("/feed").to_string();
        desk.feeds([publisher.url("/feed")]);
        let scene = Self { publisher, hub, mails, desk, topic };
        scene.publish(&scene.document(""));
        scene
    }

    /// The feed with these items, naming its hub and itself.
    fn document(&self, items: &str) -> String {
        document(&self.hub.url(), &self.topic, items)
    }

    fn publish(&self, document: &str) {
        self.publisher.set("/feed", Reply::ok("application/rss+xml", document));
    }

    async fn deliver(&self, document: &str) -> Vec<u16> {
        self.hub.publish(&self.topic, "application/rss+xml", document).await
    }

    /// Waits until the hub has verified the one subscriber.
    fn subscriber(&self) -> Subscriber {
        eventually("the hub has a subscriber", || self.hub.subscribers(&self.topic).first().cloned())
    }

    fn polls(&self) -> usize {
        self.publisher.requests_to("/feed").len()
    }

    fn phase(&self) -> Option<String> {
        self.desk.ask("SELECT phase FROM subscriptions")
    }

    fn refused(&self, count: i64) {
        eventually("a delivery is counted as refused", || {
            (self.desk.ask::<i64>("SELECT sum(refused_count) FROM subscriptions")? == count).then_some(())
        });
    }
}

fn document(hub: &str, topic: &str, items: &str) -> String {
    let calm = item("calm", "Market hall reopens after repairs", "Stalls are back.", 1);
    format!(
        "<rss version=\"2.0\" xmlns:atom=\"http://www.w3.org/2005/Atom\"><channel><title>World</title>\
         <atom:link rel=\"hub\" href=\"{hub}\"/><atom:link rel=\"self\" href=\"{topic}\"/>{items}{calm}</channel></rss>"
    )
}

fn mailed(scene: &Scene, count: usize) {
    eventually("the mail is accepted", || (scene.mails.messages().len() >= count).then_some(()));
}

/// Neither what deliveries are signed with nor where hubs knock stands in a log.
fn keeps_secrets(daemon: &Running, subscriber: &Subscriber) {
    let (log, path) = (daemon.log(), subscriber.callback.rsplit('/').next().unwrap());
    assert!(!log.contains(&subscriber.secret), "{log}");
    assert!(!log.contains(path), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c39_news_that_a_hub_delivers_is_mailed_without_a_poll() {
    let scene = Scene::with(SLOW).await;
    let daemon = scene.desk.start();
    let subscriber = scene.subscriber();
    let asked = scene.hub.asked();
    assert_eq!(
        (asked.len(), asked[0].mode.as_str(), asked[0].topic.as_str()),
        (1, "subscribe", scene.topic.as_str())
    );
    assert_eq!(asked[0].lease, "864000");
    let path = Url::parse(&subscriber.callback).unwrap().path().to_owned();
    assert_eq!(path.strip_prefix("/websub/").map(str::len), Some(22), "{path}");
    assert!(subscriber.secret.len() >= 32 && subscriber.secret.len() < 200);

    let news = scene.document(&item("breach", BREACH, "Shelling was heard.", 0));
    assert_eq!(scene.deliver(&news).await, [202]);
    mailed(&scene, 1);
    assert_eq!(scene.polls(), 1, "nobody asked the publisher again");

    // The same once more, and one that follows: the replay made no second article and no second mail.
    assert_eq!(scene.deliver(&news).await, [202]);
    let more = item("calm-2", "Night bus to the coast returns", "Four times a night.", 0);
    assert_eq!(scene.deliver(&scene.document(&more)).await, [202]);
    eventually("the next delivery is settled", || {
        (scene.desk.ask::<i64>("SELECT delivery_count FROM subscriptions")? == 3).then_some(())
    });
    assert_eq!(scene.desk.count("articles"), 3);
    assert_eq!((scene.desk.count("alerts"), scene.mails.messages().len()), (1, 1));
    keeps_secrets(&daemon, &subscriber);
    daemon.stop().expect(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c39_a_wrong_signature_and_none_are_answered_2xx_and_ignored() {
    let scene = Scene::with(SLOW).await;
    let daemon = scene.desk.start();
    let subscriber = scene.subscriber();
    let news = scene.document(&item("breach", BREACH, "Shelling was heard.", 0));
    let other = sign("another key", news.as_bytes());
    let right = sign(&subscriber.secret, news.as_bytes());
    let bad =
        [("x-hub-signature", other.as_str()), ("x-other", "y"), ("x-hub-signature-256", right.as_str())];
    for (count, header) in (1..).zip(bad) {
        let answer = call("POST", &subscriber.callback, &[header], news.as_bytes()).await;
        assert_eq!(answer.code, 202, "{header:?}");
        scene.refused(count);
    }
    // Signed well, and not a feed: no better.
    let page = "<!doctype html><title>Us</title><p>No feed here.";
    assert_eq!(scene.hub.publish(&scene.topic, "text/html", page).await, [202]);
    scene.refused(4);
    assert_eq!((scene.desk.count("articles"), scene.desk.count("alerts")), (1, 0));
    let said = daemon.log().matches("Deliveries of a hub are ignored").count();
    assert_eq!(
        said,
        3,
        "wrong, unsigned twice, no feed: said when it changes
{}",
        daemon.log()
    );
    // The real one is none the worse for them.
    assert_eq!(scene.deliver(&news).await, [202]);
    mailed(&scene, 1);
    keeps_secrets(&daemon, &subscriber);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c39_leases_survive_a_restart_and_are_renewed_before_they_end() {
    let scene = Scene::with(SLOW).await;
    scene.hub.behave(Manner { verifies_first: true, ..Manner::default() });
    let daemon = scene.desk.start();
    let subscriber = scene.subscriber();
    eventually("the lease is kept", || (scene.phase()? == "active").then_some(()));
    daemon.stop().expect(0);
    assert!(scene.desk.count("subscriptions WHERE lease_until > next_at AND next_at > 0") == 1);

    let daemon = scene.desk.start();
    let news = scene.document(&item("breach", BREACH, "Shelling was heard.", 0));
    eventually("the door is open again", || daemon.log().contains("Watching").then_some(()));
    assert_eq!(scene.deliver(&news).await, [202]);
    mailed(&scene, 1);
    assert_eq!(scene.hub.asked().len(), 1, "a lease that runs is not asked for again");
    daemon.kill();

    // The time to renew comes while nobody watches; the hub hears of it at the start.
    let lease = "SELECT lease_until FROM subscriptions";
    scene.desk.change("UPDATE subscriptions SET next_at = 1, lease_until = lease_until - 500000000000");
    let before: i64 = scene.desk.ask(lease).unwrap();
    let daemon = scene.desk.start();
    eventually("the lease is renewed", || (scene.desk.ask::<i64>(lease)? > before).then_some(()));
    let asked = scene.hub.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!((&asked[1].callback, &asked[1].secret), (&subscriber.callback, &subscriber.secret));
    assert_eq!(scene.polls(), 1, "none of it asked the publisher");
    daemon.stop().expect(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c39_only_pending_subscriptions_are_verified_and_unknown_callbacks_are_404() {
    let scene = Scene::with(SLOW).await;
    let daemon = scene.desk.start();
    let subscriber = scene.subscriber();
    let ask = async |url: &str, mode: &str, topic: &str| {
        let fields =
            [("hub.mode", mode), ("hub.topic", topic), ("hub.challenge", "x"), ("hub.lease_seconds", "9")];
        call("GET", &with_query(url, &fields), &[], b"").await
    };
    for (mode, topic) in
        [("subscribe", scene.topic.as_str()), ("unsubscribe", &scene.topic), ("subscribe", "https://x/")]
    {
        assert_eq!(ask(&subscriber.callback, mode, topic).await.code, 404, "{mode} {topic}");
    }
    let stranger = format!("{}x", subscriber.callback);
    assert_eq!(ask(&stranger, "subscribe", &scene.topic).await.code, 404);
    assert_eq!(call("POST", &stranger, &[], b"<rss/>").await.code, 404);
    // Bodies are held to the limit of feeds.
    let declared = [("content-length", "99999999")];
    assert_eq!(call("POST", &subscriber.callback, &declared, b"").await.code, 413);
    assert_eq!(scene.phase().as_deref(), Some("active"));
    daemon.stop().expect(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c39_a_denial_is_believed_and_polling_goes_on() {
    let scene = Scene::with(FAST).await;
    let daemon = scene.desk.start();
    let subscriber = scene.subscriber();
    assert_eq!(scene.hub.deny(&scene.topic, "not for you").await, [200]);
    assert_eq!(scene.phase().as_deref(), Some("denied"));
    assert!(daemon.log().contains("A hub refused a subscription"), "{}", daemon.log());
    let polls = scene.polls();
    scene.publish(&scene.document(&item("breach", BREACH, "Shelling was heard.", 0)));
    mailed(&scene, 1);
    assert!(scene.polls() > polls);
    assert_eq!(scene.hub.asked().len(), 1, "who refused is not asked again at once");
    keeps_secrets(&daemon, &subscriber);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c39_with_its_hub_down_a_feed_is_polled_as_before() {
    let scene = Scene::with(FAST).await;
    let gone = format!("http://127.43.0.1:{}/", free_port());
    scene.publish(&document(&gone, &scene.topic, ""));
    let mut daemon = scene.desk.start();
    daemon.logged("A hub did not take a request");
    scene.publish(&document(&gone, &scene.topic, &item("breach", BREACH, "Shelling was heard.", 0)));
    mailed(&scene, 1);
    let polls = scene.polls();
    eventually("polls go on", || (scene.polls() > polls + 1).then_some(()));
    assert_eq!(daemon.log().matches("A hub did not take a request").count(), 1, "{}", daemon.log());
    assert_eq!(scene.phase().as_deref(), Some("wanted"));
    // One that answers and refuses is no different.
    scene.hub.behave(Manner { answer: 500, ..Manner::default() });
    scene.publish(&scene.document(""));
    eventually("the other hub was asked", || scene.hub.asked().first().cloned());
    let polls = scene.polls();
    eventually("polls go on", || (scene.polls() > polls + 1).then_some(()));
    assert_eq!(scene.hub.asked().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c39_a_feed_that_leaves_is_unsubscribed_and_its_callback_closed() {
    let scene = Scene::with(SLOW).await;
    let daemon = scene.desk.start();
    let subscriber = scene.subscriber();
    scene.publisher.set("/other", feed(""));
    scene.desk.feeds([scene.publisher.url("/other")]);
    daemon.signal("HUP");
    eventually("the subscription is over", || (scene.desk.count("subscriptions") == 0).then_some(()));
    let asked = scene.hub.asked();
    assert_eq!((asked.len(), asked[1].mode.as_str()), (2, "unsubscribe"));
    assert_eq!((asked[1].callback.as_str(), asked[1].secret.as_str()), (subscriber.callback.as_str(), ""));
    eventually("the hub let go", || scene.hub.subscribers(&scene.topic).is_empty().then_some(()));
    eventually("the callback is closed", || {
        let answered = std::thread::scope(|scope| {
            let ask = || {
                tokio::runtime::Runtime::new().unwrap().block_on(call("POST", &subscriber.callback, &[], b""))
            };
            scope.spawn(ask).join().unwrap()
        });
        (answered.code == 404).then_some(())
    });
    daemon.stop().expect(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c39_a_feed_that_moves_to_another_hub_is_followed() {
    let scene = Scene::with(FAST).await;
    let other = Hub::start().await;
    let daemon = scene.desk.start();
    let subscriber = scene.subscriber();
    // Headers win over what the document says.
    let links = format!("<{}>; rel=\"hub\", </feed>; rel=\"self\"", other.url());
    let moved = Reply::ok("application/rss+xml", scene.document("")).header("link", links);
    scene.publisher.set("/feed", moved);
    let next = eventually("the other hub has it", || other.subscribers(&scene.topic).first().cloned());
    eventually("the first hub let go", || scene.hub.subscribers(&scene.topic).is_empty().then_some(()));
    assert_ne!((&next.callback, &next.secret), (&subscriber.callback, &subscriber.secret));
    eventually("one row is left", || (scene.desk.count("subscriptions") == 1).then_some(()));
    daemon.stop().expect(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_in_a_private_network_is_asked_only_for_a_feed_on_its_own_domain() {
    let scene = Scene::with(SLOW).await;
    let elsewhere = scene.hub.url().replace("127.0.0.1", "localhost");
    scene.publish(&document(&elsewhere, &scene.topic, ""));
    let mut daemon = scene.desk.start();
    daemon.logged("A hub did not take a request");
    assert!(scene.hub.asked().is_empty(), "{}", daemon.log());
    daemon.stop().expect(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_door_that_cannot_open_is_said_with_what_to_do() {
    let taken = TcpListener::bind((Ipv4Addr::new(127, 43, 0, 1), 0)).unwrap();
    let listen = taken.local_addr().unwrap();
    let desk =
        Desk::new(&format!("[web]\nlisten = \"{listen}\"\npublic_url = \"https://news.example.org/wire\"\n"));
    desk.feeds(["https://news.example.org/feed".parse::<Url>().unwrap()]);
    let ran = desk.run(&["run"]);
    assert_ne!(ran.code, Some(0));
    assert!(ran.err.contains(&format!("cannot listen on {listen} (web.listen)")), "{}", ran.err);
    assert!(ran.err.contains("another port"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_in_web_is_said_to_need_a_restart_and_turning_it_off_ends_it() {
    let scene = Scene::with(SLOW).await;
    let mut daemon = scene.desk.start();
    scene.subscriber();
    scene.desk.main(&format!("{SLOW}{}{ROUTE}", mail(scene.mails.address)));
    daemon.signal("HUP");
    daemon.logged("What changed in [web] is in force after a restart");
    daemon.stop().expect(0);
    let mut daemon = scene.desk.start();
    daemon.logged("WebSub is off");
    assert_eq!(scene.desk.count("subscriptions"), 0);
    daemon.stop().expect(0);
}
