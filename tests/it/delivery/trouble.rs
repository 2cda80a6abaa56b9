//! What is refused, stuck or late: whom the operator is told of, and who goes first when the way is open again.
#![allow(
    clippy::redundant_closure_for_method_calls,
    reason = "the methods themselves are not general enough in lifetime"
)]

use jiff::Timestamp;
use wirewatch::delivery::{Channel, Status};
use wirewatch::pipeline::{self, OperatorEvent};
use wirewatch::store::{FILE_NAME, letters};

use super::super::support::lab::{Lab, entry, hour};
use super::{OPERATOR, alarmed, claim, finish, minute, send_all, watch};

const NO_DESK: &str = "550 5.1.1 no such desk (to RCPT TO)";
const DENIED: &str = "554 5.7.1 Relay access denied (to RCPT TO)";

fn tell(lab: &mut Lab, at: Timestamp) -> Option<OperatorEvent> {
    let config = lab.config.clone();
    // As after a restart, each time.
    lab.restart();
    lab.within(|tx| pipeline::tell_refused(tx, &config, at))
}

fn refusing(lab: &mut Lab, at: Timestamp) -> Vec<Channel> {
    let config = lab.config.clone();
    lab.within(|tx| pipeline::refusing(tx, &config, at))
}

fn is_closed(lab: &mut Lab) -> bool {
    let config = lab.config.clone();
    lab.within(|tx| pipeline::is_closed(tx, &config))
}

fn said(lab: &Lab, event: &OperatorEvent) -> String {
    let text = lab.reader().alert(event.id.0).unwrap().unwrap().1;
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Everything that is due ends so.
fn end_all(lab: &mut Lab, status: Status, reply: &str, at: Timestamp) {
    for claimed in lab.claim(at) {
        finish(lab, claimed.id, status, reply, at);
    }
}

#[test]
fn what_is_refused_for_good_is_told_once_in_a_while_and_never_of_the_operators_own_mail() {
    let mut lab = alarmed(OPERATOR);
    assert_eq!(tell(&mut lab, minute(0)), None);
    let claimed = lab.claim(minute(1));
    finish(&mut lab, claimed[0].id, Status::Failed, NO_DESK, minute(1));
    finish(&mut lab, claimed[1].id, Status::Sent, "250 ok", minute(2));
    let event = tell(&mut lab, minute(2)).unwrap();
    assert_eq!(event.subject, "[Wirewatch] desk@example.org refuses an alert for good");
    let text = said(&lab, &event);
    for words in [
        "those it was for have not been told",
        "REFUSED FOR GOOD desk@example.org",
        "alert 1: [Broken truce] Truce is broken in the north",
        "550 5.1.1 no such desk",
        "wirewatch mail resend --all",
    ] {
        assert!(text.contains(words), "`{words}` is missing: {text}");
    }
    assert!(!text.contains("Nothing was taken"), "somebody was reached: {text}");
    assert!(refusing(&mut lab, minute(3)).is_empty());
    // It is no news about feeds, which would hold back such news for a while.
    assert_eq!(lab.within(|tx| tx.last_notice_at(wirewatch::alert::Kind::Operator)), None);

    // The relay refuses us. Its refusal of that mail is no news, or there would be no end of it.
    end_all(&mut lab, Status::Failed, DENIED, minute(3));
    assert_eq!(tell(&mut lab, minute(60)), None);
    lab.poll(1, hour(8), &[entry("b", "Truce is shattered in the south", hour(8))]);
    let claimed = lab.claim(hour(8));
    finish(&mut lab, claimed[0].id, Status::Failed, DENIED, hour(8));
    let event = tell(&mut lab, hour(8)).unwrap();
    assert_eq!(event.subject, "[Wirewatch] Everything by mail is refused");
    assert!(said(&lab, &event).contains("Nothing was taken by mail of late"));
    finish(&mut lab, claimed[1].id, Status::Failed, DENIED, hour(8));
    let config = lab.config.clone();
    let quarter = jiff::SignedDuration::from_mins(15);
    assert_eq!(tell(&mut lab, hour(8)), None, "once in a quarter of an hour");
    let next = lab.within(|tx| pipeline::next_refusal_at(tx, &config, hour(8)));
    assert_eq!(next, Some(hour(8) + quarter));
    assert!(tell(&mut lab, hour(8) + quarter).is_some());
    assert_eq!(tell(&mut lab, hour(9)), None);
}

#[test]
fn a_long_list_of_refusals_is_cut_and_counted() {
    let names: Vec<String> = (0..30).map(|number| format!("\"desk{number}@example.org\"")).collect();
    let mut lab = alarmed(&format!("{OPERATOR}[[route]]\nto = [{}]\n", names.join(", ")));
    end_all(&mut lab, Status::Failed, NO_DESK, minute(1));
    let event = tell(&mut lab, minute(1)).unwrap();
    let text = said(&lab, &event);
    assert!(text.contains("… and 12 more alerts (wirewatch mail failed)"), "{text}");
}

#[test]
fn a_channel_that_only_refuses_is_not_taken_for_one_that_works() {
    let mail = vec![Channel::Mail];
    let mut lab = alarmed("");
    let claimed = lab.claim(minute(1));
    finish(&mut lab, claimed[0].id, Status::Failed, DENIED, minute(1));
    assert_eq!(refusing(&mut lab, minute(2)), mail, "all of the last ten minutes");
    assert!(refusing(&mut lab, minute(12)).is_empty(), "one alone is no proof for long");
    finish(&mut lab, claimed[1].id, Status::Failed, DENIED, minute(13));
    lab.poll(1, hour(8), &[entry("b", "Truce is shattered in the south", hour(8))]);
    let claimed = lab.claim(hour(8));
    finish(&mut lab, claimed[0].id, Status::Failed, DENIED, hour(8));
    assert_eq!(refusing(&mut lab, hour(20)), mail, "three in a row are");
    assert!(refusing(&mut lab, hour(7 * 24 + 9)).is_empty(), "a week later they prove nothing");
    finish(&mut lab, claimed[1].id, Status::Sent, "250 ok", hour(21));
    assert!(refusing(&mut lab, hour(21)).is_empty());
    // What an outlet that is configured no more refused says nothing of the others, nor does what a person gave up.
    let connection = rusqlite::Connection::open(lab.writer.path()).unwrap();
    for sql in [
        "UPDATE deliveries SET status = 'failed', reply = 'no', address = 'outlet:gone' || id",
        "UPDATE deliveries SET address = 'desk' || id || '@example.org', reply = 'given up by hand'",
    ] {
        connection.execute_batch(sql).unwrap();
        assert!(refusing(&mut lab, hour(21)).is_empty(), "{sql}");
    }
}

#[test]
fn an_address_that_never_works_hides_no_outage() {
    let mut lab = alarmed(OPERATOR);
    let unknown = "450 4.1.2 Domain not found";
    for claimed in lab.claim(minute(1)) {
        let is_bad = claimed.address == "night@example.org";
        let (status, reply) = if is_bad { (Status::Queued, unknown) } else { (Status::Sent, "250 ok") };
        finish(&mut lab, claimed.id, status, reply, minute(1));
    }
    let (told, _) = watch(&mut lab, minute(10));
    assert_eq!(told[0].subject, "[Wirewatch] night@example.org cannot be reached since 1 Mar 13:00 UTC");
    for claimed in lab.claim(minute(11)) {
        let is_bad = claimed.address == "night@example.org";
        let (status, reply) = if is_bad { (Status::Queued, unknown) } else { (Status::Sent, "250 ok") };
        finish(&mut lab, claimed.id, status, reply, minute(11));
    }
    // Quiet hours: that nothing was sent is no sign that nothing can be.
    for hours in 2..8 {
        assert_eq!((watch(&mut lab, hour(hours)), is_closed(&mut lab)), ((vec![], vec![]), false));
    }
    // The relay dies, and there is news.
    lab.poll(1, hour(8), &[entry("b", "Truce is shattered in the south", hour(8))]);
    let died_at = hour(8);
    let late = |minutes: i64| died_at + jiff::SignedDuration::from_mins(minutes);
    for claimed in lab.claim(died_at) {
        finish(&mut lab, claimed.id, Status::Queued, "connection refused", died_at);
        lab.within(|tx| tx.note_way(claimed.id, true, false, died_at));
    }
    assert_eq!(watch(&mut lab, late(9)), (vec![], vec![]));
    let (told, events) = watch(&mut lab, late(10));
    assert_eq!(told[0].subject, "[Wirewatch] 3 mails wait since 1 Mar 13:00 UTC");
    assert!(said(&lab, &told[0]).contains("Nothing else gets through"));
    assert!(events.len() == 1 && !events[0].is_over && is_closed(&mut lab));
    lab.restart();
    assert_eq!((watch(&mut lab, hour(12)), is_closed(&mut lab)), ((vec![], vec![]), true), "once");
    // It is back; the one address is not.
    for claimed in lab.claim(hour(13)) {
        let is_bad = claimed.address == "night@example.org";
        let (status, reply) = if is_bad { (Status::Queued, unknown) } else { (Status::Sent, "250 ok") };
        finish(&mut lab, claimed.id, status, reply, hour(13));
        lab.within(|tx| tx.note_way(claimed.id, false, true, hour(13)));
    }
    assert_eq!((watch(&mut lab, hour(13)), is_closed(&mut lab)), ((vec![], vec![]), false));
    // A person ends it.
    let path = lab.dir.path().join(FILE_NAME);
    let stuck: Vec<i64> = lab.reader().waiting_letters(10).unwrap().iter().map(|letter| letter.id).collect();
    assert_eq!(stuck.len(), 2);
    assert_eq!(letters::give_up(&path, &[stuck[0], stuck[1], 999], hour(14)).unwrap(), stuck);
    assert!(letters::give_up(&path, &stuck, hour(14)).unwrap().is_empty());
    let (told, events) = watch(&mut lab, hour(14));
    assert!(events[0].is_over && told[0].subject.contains("Mail delayed"), "{told:?}");
    assert_eq!(tell(&mut lab, hour(14)), None, "who gave it up knows");
    assert_eq!(lab.reader().overview(hour(14)).unwrap().failed_last_week, 0);
    assert!(lab.reader().dead_letters(10).unwrap().iter().all(|letter| letter.reply == "given up by hand"));
}

#[test]
fn a_recipient_the_server_shuts_out_is_told_of_once_while_others_get_through() {
    let mut lab = alarmed(OPERATOR);
    let mut alarms = 0;
    for minutes in 1..180 {
        for claimed in lab.claim(minute(minutes)) {
            let is_bad = claimed.address == "night@example.org";
            let (status, reply) =
                if is_bad { (Status::Queued, "530 not here") } else { (Status::Sent, "250 ok") };
            finish(&mut lab, claimed.id, status, reply, minute(minutes));
            lab.within(|tx| tx.note_way(claimed.id, is_bad, false, minute(minutes)));
        }
        alarms += watch(&mut lab, minute(minutes)).0.len();
    }
    assert_eq!(alarms, 1);
}

#[test]
fn a_correction_waits_for_what_it_corrects() {
    let mut lab = alarmed("");
    let claimed = lab.claim(minute(0));
    let first = claimed.iter().find(|claimed| claimed.address == "desk@example.org").unwrap().clone();
    for claimed in &claimed {
        let is_full = claimed.id == first.id;
        let (status, until) = if is_full { (Status::Queued, hour(5)) } else { (Status::Sent, minute(0)) };
        lab.within(|tx| tx.finish_delivery(claimed.id, status, "452 full", until, minute(0)));
    }
    lab.poll(1, hour(1), &[entry("b", "Truce is shattered in the south", hour(1))]);
    let connection = rusqlite::Connection::open(lab.writer.path()).unwrap();
    connection
        .execute_batch(
            "UPDATE alerts SET kind = 'correction', incident_id = 1 WHERE id = (SELECT max(id) FROM alerts)",
        )
        .unwrap();
    let claim = |lab: &mut Lab, at| {
        let found = lab.within(|tx| tx.claim_by(&Channel::Mail, at, std::time::Duration::from_hours(24), 9));
        found
            .iter()
            .filter(|claimed| claimed.address == "desk@example.org")
            .map(|claimed| claimed.id)
            .collect::<Vec<_>>()
    };
    assert!(claim(&mut lab, hour(4)).is_empty(), "not before the false report");
    assert_eq!(claim(&mut lab, hour(5)), [first.id]);
}

#[test]
fn a_server_that_dies_amid_a_batch_is_closed_for_all() {
    let mut lab = alarmed("");
    let claimed = lab.claim(minute(0));
    finish(&mut lab, claimed[0].id, Status::Sent, "250 ok", minute(1));
    finish(&mut lab, claimed[1].id, Status::Queued, "connection refused", minute(1));
    lab.within(|tx| tx.note_way(claimed[1].id, true, false, minute(1)));
    watch(&mut lab, minute(10));
    assert!(!is_closed(&mut lab), "somebody was reached nine minutes ago");
    watch(&mut lab, minute(11));
    assert!(is_closed(&mut lab));
}

#[test]
fn after_a_day_without_a_server_the_most_severe_goes_first_and_a_thread_keeps_its_order() {
    let mut lab = alarmed("[mail]\noperator = [\"desk@example.org\"]\n");
    lab.poll(1, hour(8), &[entry("b", "Truce is shattered in the south", hour(8))]);
    // Not of the incident: the word that mail waits.
    assert_eq!(watch(&mut lab, hour(9)).0.len(), 1);
    let connection = rusqlite::Connection::open(lab.writer.path()).unwrap();
    for (alert, severity) in [(1, "info"), (2, "critical"), (3, "warning")] {
        let sql = format!("UPDATE alerts SET severity = '{severity}' WHERE id = {alert}");
        connection.execute_batch(&sql).unwrap();
    }
    let mut order = Vec::new();
    while let [claimed] =
        &lab.within(|tx| tx.claim_by(&Channel::Mail, hour(25), std::time::Duration::from_hours(1), 1))[..]
    {
        order.push((claimed.alert.0, claimed.address.clone()));
        finish(&mut lab, claimed.id, Status::Sent, "250 ok", hour(25));
    }
    let order: Vec<_> = order.iter().map(|(alert, address)| (*alert, address.as_str())).collect();
    let (desk, night) = ("desk@example.org", "night@example.org");
    assert_eq!(order, [(1, desk), (2, desk), (1, night), (2, night), (3, desk)]);
    // Earlier mail that is put off holds nobody up.
    connection.execute_batch("UPDATE deliveries SET status = 'queued'").unwrap();
    let first = claim(&mut lab, &Channel::Mail, hour(26), 2);
    assert_eq!(first.len(), 2);
    finish(&mut lab, first[0].0, Status::Queued, "451 4.7.1 greylisted", hour(26));
    finish(&mut lab, first[1].0, Status::Sent, "250 ok", hour(26));
    let second = claim(&mut lab, &Channel::Mail, hour(26), 2);
    assert_eq!(second.len(), 2, "both addresses get their critical one");
    for (id, _) in second {
        finish(&mut lab, id, Status::Sent, "250 ok", hour(26));
    }
    assert_eq!(send_all(&mut lab, hour(27)).len(), 2, "the one put off, and the operator's");
}

#[test]
fn what_waited_for_the_way_is_hastened_and_what_waits_for_itself_is_not() {
    let mut lab = alarmed("");
    let claimed = lab.claim(minute(0));
    finish(&mut lab, claimed[0].id, Status::Queued, "connection refused", minute(3));
    finish(&mut lab, claimed[1].id, Status::Queued, "451 greylisted", minute(30));
    let outlet = Channel::Outlet("hook".to_owned());
    assert_eq!(lab.within(|tx| tx.hasten_waiting(&outlet, minute(5), minute(1))), 0);
    assert_eq!(lab.within(|tx| tx.hasten_waiting(&Channel::Mail, minute(5), minute(1))), 1);
    assert_eq!(lab.claim(minute(1))[0].id, claimed[0].id);
}
