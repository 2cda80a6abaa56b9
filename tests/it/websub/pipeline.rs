//! Deliveries and polls where they meet: what is settled of them, on a real database, at times the test chooses.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use wirewatch::feed::answer::AnswerKind;
use wirewatch::feed::subscription::offer::Offer;
use wirewatch::feed::subscription::{Callback, Claim, Key, Mode, Subscription};
use wirewatch::feed::{Entry, FeedId};
use wirewatch::pipeline::{Asked, End, Poll, Reading, Settled, prepare, settle_delivery};
use wirewatch::story::Stories;

use super::super::support::lab::{Lab, entry, hour};

const WEB: &str = "[web]\nlisten = \"127.0.0.1:8420\"\npublic_url = \"https://news.example.org\"\n";
const TOPIC: &str = "https://one.example/feed";

fn callback() -> Callback {
    Callback::new([3; 16])
}

/// A desk whose first feed has a hub that verified at this time, for ten days.
fn subscribed(at: Timestamp) -> Lab {
    let mut lab = Lab::with("", WEB);
    let feed = lab.config.feeds[0].clone();
    lab.within(|tx| {
        let offer = Offer { hub: "https://hub.example/".to_owned(), topic: TOPIC.to_owned() };
        let mut subscription =
            Subscription::new(tx.feed(&feed)?.id, offer, callback(), Key::new([1; 32]), at);
        tx.add_subscription(&subscription, "https://news.example.org")?;
        subscription.ask(at);
        let lease = Some(Duration::from_hours(240));
        subscription.verify(&Claim { mode: Mode::Subscribe, topic: TOPIC.to_owned(), lease }, at);
        tx.save_subscription(&subscription)
    });
    lab
}

fn subscription(lab: &mut Lab) -> Subscription {
    lab.within(|tx| tx.subscription_at(&callback())).unwrap()
}

fn deliver(lab: &mut Lab, at: Timestamp, entries: &[Entry]) -> Option<Settled> {
    let (config, feed) = (lab.config.clone(), lab.config.feeds[0].clone());
    lab.within(|tx| {
        let id: FeedId = tx.feed(&feed)?.id;
        let scored = prepare(entries.to_vec(), &feed, &config.topics, at);
        let reading = Reading { kind: AnswerKind::Pushed, scored, ..Reading::default() };
        let end = End::Document(Box::new(reading));
        let poll = Arc::new(Poll { feed: id, started_at: at, asked: Asked::default(), end });
        settle_delivery(tx, &mut Stories::default(), &config, &feed, &callback(), &poll, at)
    })
}

#[test]
fn c39_a_delivery_is_settled_like_a_poll_and_a_second_one_changes_nothing() {
    let mut lab = subscribed(hour(0));
    lab.acquaint(hour(0));
    let before = lab.within(|tx| tx.feed_state(FeedId(1))).unwrap();
    let news = [entry("breach", "Truce broken within hours", hour(1))];
    let settled = deliver(&mut lab, hour(1), &news).unwrap();
    assert_eq!((settled.new_count(), settled.alerts.len()), (1, 1));
    // What belongs to the publisher's own document stays.
    let state = lab.within(|tx| tx.feed_state(FeedId(1))).unwrap();
    assert_eq!((&state.etag, state.next_due_at), (&before.etag, before.next_due_at));

    let again = deliver(&mut lab, hour(2), &news).unwrap();
    assert_eq!((again.new_count(), again.known_count, again.alerts.len()), (0, 1, 0));
    let polled = lab.poll(0, hour(3), &news);
    assert_eq!((polled.new_count(), polled.known_count, polled.alerts.len()), (0, 1, 0));
    assert_eq!(subscription(&mut lab).delivery_count, 2);
}

#[test]
fn c39_a_delivery_before_the_first_poll_waits_for_it_and_makes_no_baseline() {
    let mut lab = subscribed(hour(0));
    let news = [entry("breach", "Truce broken within hours", hour(1))];
    assert!(deliver(&mut lab, hour(1), &news).is_none());
    assert_eq!(subscription(&mut lab).delivery_count, 0);
    let polled = lab.poll(0, hour(1), &news);
    assert_eq!(
        (polled.new_count(), polled.alerts.len()),
        (1, 1),
        "published just now: news at first sight, too"
    );
    lab.within(|tx| tx.forget_subscription(&callback()));
    assert!(deliver(&mut lab, hour(1), &news).is_none(), "nobody waits for it");
}

#[test]
fn c39_safety_polls_stretch_while_all_is_delivered_and_return_when_one_finds_more() {
    let mut lab = subscribed(hour(0));
    lab.acquaint(hour(0));
    let calm = |number: u64, at: Timestamp| {
        entry(&format!("calm-{number}"), &format!("Harbour notes, number {number}"), at)
    };
    let wait =
        |settled: &Settled, at: Timestamp| Duration::try_from(settled.next.at.duration_since(at)).unwrap();
    let mut entries = vec![entry("calm", "Calm seas and a slow day in the harbour", hour(0))];
    let mut waits = Vec::new();
    for number in 1..=6 {
        let at = hour(number * 7);
        entries.push(calm(number, hour(number * 7 - 1)));
        deliver(&mut lab, hour(number * 7 - 1), &entries).unwrap();
        let settled = lab.poll(0, at, &entries);
        waits.push(wait(&settled, at).as_secs() / 60);
        assert!(settled.next.reason.contains("hub"), "{}", settled.next.reason);
    }
    assert!(waits.windows(2).all(|pair| pair[1] >= pair[0] * 9 / 10), "{waits:?}");
    assert!(*waits.last().unwrap() >= 360, "{waits:?}");

    // One that was never delivered.
    entries.push(calm(7, hour(45)));
    let settled = lab.poll(0, hour(48), &entries);
    assert!(settled.outcome.contains("its hub had not delivered"), "{}", settled.outcome);
    assert!(!settled.next.reason.contains("hub"), "{}", settled.next.reason);
    assert!(wait(&settled, hour(48)) < Duration::from_hours(2), "{:?}", settled.next);
    let words = subscription(&mut lab).words(hour(48));
    assert!(words.contains("not trusted"), "{words}");
}

#[test]
fn c39_a_hub_changes_nothing_where_webs_door_is_closed() {
    let mut lab = subscribed(hour(0));
    lab.acquaint(hour(0));
    lab.config.web_public_url = None;
    let news = [entry("calm-2", "Another slow day in the harbour", hour(1))];
    deliver(&mut lab, hour(1), &news).unwrap();
    let settled = lab.poll(0, hour(7), &news);
    assert!(!settled.next.reason.contains("hub"), "{}", settled.next.reason);
}
