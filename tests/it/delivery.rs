//! Deliveries: their order and limits in the outbox, the alarm about what does not leave, the heartbeat, links, outlets.
//!
//! Days pass in milliseconds: the pipeline is driven under a clock that only the test moves, on a real database.
#![allow(
    clippy::redundant_closure_for_method_calls,
    reason = "the methods themselves are not general enough in lifetime"
)]

mod heartbeat;
mod links;
mod outlets;
mod trouble;

use std::time::Duration;

use jiff::Timestamp;
use wirewatch::delivery::{Channel, DeliveryId, Status, codes};
use wirewatch::feed::schedule::after;
use wirewatch::pipeline::{self, BacklogEvent, OperatorEvent};
use wirewatch::store::{Durability, FILE_NAME, Reader, Writer, letters};

use crate::support::lab::{Lab, entry, hour};

const OPERATOR: &str = "[mail]\noperator = [\"ops@example.org\"]\n";

fn minute(minutes: u64) -> Timestamp {
    after(hour(1), Duration::from_mins(minutes))
}

/// A lab with one alert to two addresses in its outbox, decided at `hour(1)`.
fn alarmed(main: &str) -> Lab {
    let mut lab = Lab::with("", main);
    lab.acquaint(hour(0));
    lab.poll(0, hour(1), &[entry("a", "Truce is broken in the north", hour(1))]);
    lab
}

fn claim(lab: &mut Lab, channel: &Channel, at: Timestamp, limit: u32) -> Vec<(DeliveryId, String)> {
    let claimed = lab.within(|tx| tx.claim_by(channel, at, Duration::from_hours(1), limit));
    claimed.into_iter().map(|claimed| (claimed.id, claimed.address)).collect()
}

fn finish(lab: &mut Lab, id: DeliveryId, status: Status, reply: &str, at: Timestamp) {
    lab.within(|tx| tx.finish_delivery(id, status, reply, after(at, Duration::from_mins(1)), at));
}

fn watch(lab: &mut Lab, at: Timestamp) -> (Vec<OperatorEvent>, Vec<BacklogEvent>) {
    let config = lab.config.clone();
    lab.within(|tx| pipeline::watch_backlog(tx, &config, at))
}

/// Everything that waits is sent at a time.
fn send_all(lab: &mut Lab, at: Timestamp) -> Vec<String> {
    let mut sent = Vec::new();
    for claimed in lab.claim(at) {
        finish(lab, claimed.id, Status::Sent, "250 2.0.0 ok", at);
        sent.push(claimed.rendered.subject);
    }
    sent
}

#[test]
fn the_codes_of_a_reply_are_read_wherever_they_stand() {
    for (reply, code, status) in [
        ("250 2.0.0 queued as 1", Some(250), Some("2.0.0")),
        ("550 5.1.1 no such desk (to RCPT TO)", Some(550), Some("5.1.1")),
        ("127.0.0.1:25: RCPT TO: 451 4.7.1 greylisted", Some(451), Some("4.7.1")),
        ("550-5.7.26 this mail", Some(550), Some("5.7.26")),
        ("554 go away", Some(554), None),
        ("mail.example.org:587: connecting: no answer within 60 s", None, None),
        ("/var/lib/outbox/123-x.eml", None, None),
        ("", None, None),
    ] {
        assert_eq!(codes(reply), (code, status), "{reply}");
    }
}

#[test]
fn an_address_gets_one_delivery_at_a_time_and_channels_do_not_mix() {
    let hook = "[[outlet]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"https://hook.example/\"\n\
                [[route]]\nto = [\"outlet:hook\"]\n";
    let mut lab = alarmed(hook);
    lab.poll(1, hour(8), &[entry("b", "Truce is shattered in the south", hour(8))]);
    assert_eq!(lab.within(|tx| tx.outlook()).channels.len(), 2);
    let outlet = Channel::Outlet("hook".to_owned());
    let told = claim(&mut lab, &outlet, hour(9), 10);
    assert_eq!(told.len(), 1, "the second alert waits for the first: {told:?}");
    assert_eq!(told[0].1, "outlet:hook");
    assert!(claim(&mut lab, &outlet, hour(9), 10).is_empty());
    assert!(claim(&mut lab, &Channel::Outlet("other".to_owned()), hour(9), 10).is_empty());

    let first = claim(&mut lab, &Channel::Mail, hour(9), 10);
    let addresses: Vec<&str> = first.iter().map(|(_, address)| address.as_str()).collect();
    assert_eq!(addresses, ["desk@example.org", "night@example.org"]);
    assert!(lab.within(|tx| tx.outlook()).channels.is_empty(), "everybody is being told");
    finish(&mut lab, first[0].0, Status::Sent, "250 ok", hour(9));
    let second = claim(&mut lab, &Channel::Mail, hour(9), 10);
    assert_eq!(second.len(), 1, "{second:?}");
    assert!(second[0].0 > first[0].0 && second[0].1 == "desk@example.org");
    // One that is deferred holds nobody up, its own address's next one neither.
    finish(&mut lab, first[1].0, Status::Queued, "451 4.7.1 greylisted", hour(9));
    assert_eq!(claim(&mut lab, &Channel::Mail, hour(9), 10)[0].1, "night@example.org");
}

#[test]
fn a_minute_takes_so_many_mails_and_a_restart_forgets_none_of_them() {
    let mut lab = alarmed("");
    assert_eq!(lab.within(|tx| tx.mail_allowance(2, minute(0))), (2, None));
    let claimed = claim(&mut lab, &Channel::Mail, minute(0), 10);
    assert_eq!(lab.within(|tx| tx.mail_allowance(2, minute(0))), (0, None), "both are on their way");
    finish(&mut lab, claimed[0].0, Status::Sent, "250 ok", minute(0));
    finish(&mut lab, claimed[1].0, Status::Queued, "451 later", minute(0));
    assert_eq!(lab.within(|tx| tx.mail_allowance(1, minute(0))), (0, Some(minute(1))));
    lab.writer = Writer::open(&lab.dir.path().join(FILE_NAME), Durability::None).unwrap();
    assert_eq!(lab.within(|tx| tx.mail_allowance(1, minute(0))), (0, Some(minute(1))));
    assert_eq!(lab.within(|tx| tx.mail_allowance(1, minute(1))), (1, None));
    // A clock that ran ahead when they were sent costs nothing.
    assert_eq!(lab.within(|tx| tx.mail_allowance(1, hour(0))), (1, None));
}

#[test]
fn deliveries_that_wait_for_ten_minutes_are_told_once_and_so_is_their_end() {
    let mut lab = alarmed(OPERATOR);
    assert_eq!(watch(&mut lab, minute(9)), (vec![], vec![]));
    assert_eq!(lab.within(pipeline::next_backlog_at), Some(minute(10)));
    for claimed in lab.claim(minute(9)) {
        let reply = "mail.example.org:25: connecting: connection refused";
        finish(&mut lab, claimed.id, Status::Queued, reply, minute(9));
    }
    let (told, events) = watch(&mut lab, minute(10));
    assert_eq!((told.len(), events.len()), (1, 1));
    assert_eq!(told[0].subject, "[Wirewatch] 2 mails wait since 1 Mar 13:00 UTC");
    assert!(!events[0].is_over && events[0].count == 2 && events[0].reply.contains("refused"));
    let text = lab.reader().alert(told[0].id.0).unwrap().unwrap().1;
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in ["2 mails to 2 addresses", "connection refused", "Nothing else gets through", "is lost"] {
        assert!(flat.contains(words), "{words}: {text}");
    }
    // A day without a server: it is known, and says nothing more, also after a restart.
    for hours in 2..26 {
        lab.writer = Writer::open(&lab.dir.path().join(FILE_NAME), Durability::None).unwrap();
        assert_eq!(watch(&mut lab, hour(hours)), (vec![], vec![]));
    }
    let overview = lab.reader().overview(hour(25)).unwrap();
    assert_eq!((overview.queued, overview.oldest_queued), (3, Some(hour(1))));

    // It is back: the alerts go out, then the word that it is over; the alarm itself, which never got out, does not.
    let deferred: Vec<_> = lab.claim(hour(26));
    assert_eq!(deferred.len(), 3);
    for claimed in &deferred {
        let status = if claimed.address == "ops@example.org" { Status::Queued } else { Status::Sent };
        finish(&mut lab, claimed.id, status, "250 2.0.0 ok", hour(26));
    }
    let alarm = deferred.iter().find(|claimed| claimed.address == "ops@example.org").unwrap();
    finish(&mut lab, alarm.id, Status::Sent, "250 2.0.0 ok", hour(26));
    let (told, events) = watch(&mut lab, hour(26));
    assert!(events[0].is_over);
    assert_eq!(told[0].subject, "[Wirewatch] Mail delayed from 1 Mar 13:00 UTC to 2 Mar 14:00 UTC");
    assert_eq!(watch(&mut lab, hour(27)).0.len(), 1, "and the end, when it does not leave, is one again");
}

#[test]
fn an_alarm_that_never_got_out_is_taken_back_by_its_end() {
    let mut lab = alarmed(OPERATOR);
    let (told, _) = watch(&mut lab, minute(10));
    let alarm = told[0].id;
    for claimed in lab.claim(minute(11)) {
        let status = if claimed.alert == alarm { Status::Queued } else { Status::Sent };
        finish(&mut lab, claimed.id, status, "250 ok", minute(11));
    }
    let (told, events) = watch(&mut lab, minute(12));
    assert!(told.len() == 1 && events[0].is_over);
    assert!(lab.reader().alert(alarm.0).unwrap().unwrap().0.deliveries.is_empty(), "nobody need read it now");
    assert_eq!(send_all(&mut lab, minute(13)), [told[0].subject.clone()]);
}

#[test]
fn one_address_that_cannot_be_reached_is_called_so() {
    let mut lab = alarmed(OPERATOR);
    for claimed in lab.claim(minute(1)) {
        let is_bad = claimed.address == "night@example.org";
        let (status, reply) =
            if is_bad { (Status::Queued, "451 4.7.1 greylisted") } else { (Status::Sent, "250 ok") };
        finish(&mut lab, claimed.id, status, reply, minute(1));
    }
    let (told, _) = watch(&mut lab, minute(10));
    assert_eq!(told[0].subject, "[Wirewatch] night@example.org cannot be reached since 1 Mar 13:00 UTC");
    // Without anybody to tell, the log is told all the same.
    let mut alone = alarmed("");
    let (told, events) = watch(&mut alone, minute(10));
    assert_eq!((told.len(), events.len()), (0, 1));
}

#[test]
fn the_operators_outlet_hears_of_a_mail_server_that_is_gone() {
    let main = "[mail]\noperator = [\"ops@example.org\", \"outlet:hook\"]\n[[outlet]]\nname = \"hook\"\n\
                kind = \"webhook\"\nurl = \"https://hook.example/\"\n";
    let mut lab = alarmed(main);
    let (told, _) = watch(&mut lab, minute(10));
    assert_eq!(told[0].to, ["ops@example.org", "outlet:hook"]);
    let config = lab.config.clone();
    let outlet = Channel::Outlet("hook".to_owned());
    let letter = lab.within(|tx| pipeline::claim(tx, &config, &outlet, None, minute(10))).letter.unwrap();
    let payload = letter.payload.unwrap();
    assert_eq!((payload.kind.as_str(), payload.severity.as_str()), ("operator", "critical"));
    assert!(payload.text.contains("2 mails") && payload.links.is_empty());
}

#[test]
fn dead_letters_are_listed_and_sent_again_by_hand() {
    let mut lab = alarmed("");
    let claimed = lab.claim(minute(1));
    for claimed in &claimed {
        finish(&mut lab, claimed.id, Status::Failed, "550 5.1.1 no such desk (to RCPT TO)", minute(1));
    }
    let path = lab.dir.path().join(FILE_NAME);
    let dead = Reader::open(&path).unwrap().dead_letters(10).unwrap();
    let ids: Vec<i64> = dead.iter().map(|letter| letter.id).collect();
    assert_eq!((ids.len(), dead[0].attempts, dead[0].failed), (2, 1, Some(minute(1))));
    assert_eq!(letters::resend(&path, Some(&[ids[0], 999]), hour(5)).unwrap(), [ids[0]]);
    assert!(
        letters::resend(&path, Some(&[ids[0]]), hour(5)).unwrap().is_empty(),
        "it is in the outbox already"
    );
    let again = lab.claim(hour(5));
    assert_eq!((again.len(), again[0].id.0, again[0].attempts), (1, ids[0], 1));
    assert_eq!(again[0].earlier, claimed[0].earlier);
    // It is dated anew, or programs would file it below what was read already; it is the same mail by its Message-ID.
    assert_eq!((claimed[0].queued_at, again[0].queued_at, again[0].at), (hour(1), hour(5), hour(1)));
    // It waits since it was put back, and not since its alert was decided.
    assert_eq!(lab.reader().overview(hour(5)).unwrap().oldest_queued, Some(hour(5)));
    assert_eq!(letters::resend(&path, None, hour(6)).unwrap(), [ids[1]]);
}
