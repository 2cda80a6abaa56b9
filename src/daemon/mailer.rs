//! The mailer: takes deliveries that are due from the outbox and hands them to the doors, mail and outlets.
//!
//! Owns the loop claim → send → finish. Each channel is a [`lane::Lane`] of its own and waits for no other; within one, a
//! delivery that takes long is overtaken. An attempt that fails goes back to the outbox with its next time; nothing is given
//! up but what is refused for good. Refuses to decide who is told.

mod flight;
mod lane;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use self::flight::{Cause, Landed, fly};
pub use self::flight::{Door, hand_to};
use self::lane::{Lane, Room};
use super::ledger::{Finish, Ledger, LedgerError};
use super::{now, until};
use crate::delivery::{self, Channel, DeliveryId, Status};
use crate::feed::schedule::after;
use crate::mail::{Line, Outcome};
use crate::store::Transaction;
use crate::store::outbox::Prospect;

/// Longest wait between two looks into the outbox.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// Wait after the database refused.
const REFUSED_WAIT: Duration = Duration::from_secs(5);

/// Attempts to record what became of a mail once the daemon is stopping.
const RECORD_ATTEMPTS_MAX: u32 = 3;

/// Longest wait that an outlet may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(24);

/// Deliveries by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Accepted.
    pub sent_count: usize,
    /// To be tried again.
    pub deferred_count: usize,
    /// Refused for good.
    pub failed_count: usize,
}

/// Asks the carrier to end, and knows since when.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    token: CancellationToken,
    asked_at: Arc<OnceLock<Timestamp>>,
}

impl Stop {
    /// From `now` on only what is due already is carried.
    pub fn ask(&self, now: Timestamp) {
        self.asked_at.get_or_init(|| now);
        self.token.cancel();
    }

    fn asked_at(&self) -> Option<Timestamp> {
        self.asked_at.get().copied()
    }

    fn is_asked(&self) -> bool {
        self.asked_at().is_some()
    }
}

/// A delivery on its way.
#[derive(Debug, Clone)]
struct Aloft {
    id: DeliveryId,
    alert: i64,
    address: String,
    deferrals: u32,
    channel: Channel,
    begun_at: Instant,
}

/// Carries deliveries until it is stopped; then it empties what is due and ends.
pub struct Carrier {
    ledger: Ledger,
    seen_door: watch::Receiver<Arc<Door>>,
    /// The door in force.
    door: Arc<Door>,
    deliver: Arc<Notify>,
    stop: Stop,
    tally: Tally,
    lanes: HashMap<Channel, Lane>,
    /// Lines to the mail server that nobody uses now.
    lines: Vec<Line>,
    flights: JoinSet<Landed>,
    aloft: HashMap<Id, Aloft>,
    /// Lines that say goodbye.
    closing: JoinSet<()>,
    last_problem: String,
}

impl Carrier {
    /// A carrier through the door in force, whichever that is.
    pub fn new(
        ledger: Ledger,
        seen_door: watch::Receiver<Arc<Door>>,
        deliver: Arc<Notify>,
        stop: Stop,
    ) -> Self {
        let door = Arc::clone(&seen_door.borrow());
        Self {
            ledger,
            seen_door,
            door,
            deliver,
            stop,
            tally: Tally::default(),
            lanes: HashMap::new(),
            lines: Vec::new(),
            flights: JoinSet::new(),
            aloft: HashMap::new(),
            closing: JoinSet::new(),
            last_problem: String::new(),
        }
    }

    /// The loop.
    pub async fn carry(mut self) -> Tally {
        loop {
            match self.round().await {
                Ok(true) | Err(LedgerError::Stopped) => break,
                Ok(false) => {}
                // The ledger has said so.
                Err(LedgerError::Store(error)) => {
                    debug!(%error, "The outbox cannot be read");
                    if self.stop.is_asked() && self.aloft.is_empty() {
                        break;
                    }
                    tokio::time::sleep(REFUSED_WAIT).await;
                }
            }
        }
        self.close_lines();
        while self.closing.join_next().await.is_some() {}
        self.tally
    }

    /// Starts what is due, and waits for the next thing to happen; whether everything is done.
    async fn round(&mut self) -> Result<bool, LedgerError> {
        self.follow_door();
        let wake_at = self.start_due().await?;
        if self.aloft.is_empty() && self.stop.is_asked() && wake_at.is_none() {
            return Ok(true);
        }
        let wait = wake_at.map_or(LOOK_EVERY, |at| at.saturating_duration_since(Instant::now()));
        let wait = wait.min(LOOK_EVERY).max(Duration::from_millis(5));
        tokio::select! {
            Some(landed) = self.flights.join_next_with_id() => self.landed(landed).await?,
            () = self.deliver.notified() => {}
            () = self.stop.token.cancelled(), if !self.stop.is_asked() || self.aloft.is_empty() => {}
            () = tokio::time::sleep(wait) => self.close_idle(),
        }
        Ok(false)
    }

    /// Another configuration: what was learnt of the old door says nothing of the new one.
    fn follow_door(&mut self) {
        let door = Arc::clone(&self.seen_door.borrow_and_update());
        if !Arc::ptr_eq(&door, &self.door) {
            self.close_lines();
            self.door = door;
            self.lanes.clear();
            for aloft in self.aloft.values() {
                self.lanes
                    .entry(aloft.channel.clone())
                    .or_insert_with(|| Lane::new(&self.door.retry))
                    .begin();
            }
        }
    }

    /// Starts all there is room for. Answers when to look again without anything having happened meanwhile; `None`: nothing
    /// is due that could be started by then, nor will be.
    async fn start_due(&mut self) -> Result<Option<Instant>, LedgerError> {
        // What is deferred after the stop is the next start's: a slow server would keep this one for ever.
        let stopped_at = self.stop.asked_at();
        let mut wake_at: Option<Instant> = None;
        let mut note = |at: Instant| wake_at = Some(wake_at.map_or(at, |known| known.min(at)));
        let outlook = self.ledger.outlook(now()).await?;
        self.lanes.values_mut().for_each(|lane| lane.saw(outlook.newest));
        for Prospect { channel, due_at, newest } in outlook.channels {
            let at = stopped_at.unwrap_or_else(now);
            if due_at > at {
                if stopped_at.is_none() {
                    note(Instant::now() + until(due_at));
                }
                continue;
            }
            let most = self.door.connections(&channel);
            let ages: Vec<Duration> = self.ages(&channel);
            let lane = self.lanes.entry(channel.clone()).or_insert_with(|| Lane::new(&self.door.retry));
            lane.saw(outlook.newest);
            let room = match lane.room(at, most, &ages, stopped_at.is_some()) {
                Room::At(free_at) => lane.probe(at, newest).unwrap_or(Room::At(free_at)),
                room => room,
            };
            match room {
                Room::Free => {}
                Room::At(_) if stopped_at.is_some() => continue,
                Room::At(free_at) => {
                    note(Instant::now() + until(free_at));
                    continue;
                }
                Room::In(wait) => {
                    note(Instant::now() + wait);
                    continue;
                }
                Room::Full => continue,
            }
            let is_limited = channel == Channel::Mail && self.door.mailer.has_server();
            // Who tries a closed way tries it for all that wait for it: the most important goes.
            let due_by = lane.paused_until(at).filter(|_| stopped_at.is_none()).unwrap_or(at);
            let outgoing = self.ledger.claim(channel.clone(), is_limited.then(now), due_by).await?;
            if let Some(letter) = outgoing.letter {
                self.start(channel, letter);
                note(Instant::now());
            } else if let Some(next_at) = outgoing.next_at.filter(|_| stopped_at.is_none()) {
                note(Instant::now() + until(next_at));
            }
        }
        Ok(wake_at)
    }

    /// How long the deliveries of a channel have been on their way.
    fn ages(&self, channel: &Channel) -> Vec<Duration> {
        let these = self.aloft.values().filter(|aloft| aloft.channel == *channel);
        these.map(|aloft| aloft.begun_at.elapsed()).collect()
    }

    fn start(&mut self, channel: Channel, letter: crate::pipeline::Letter) {
        let claimed = &letter.claimed;
        let aloft = Aloft {
            id: claimed.id,
            alert: claimed.alert.0,
            address: claimed.address.clone(),
            deferrals: claimed.deferrals,
            channel: channel.clone(),
            begun_at: Instant::now(),
        };
        let line =
            if channel == Channel::Mail { self.lines.pop().unwrap_or_default() } else { Line::default() };
        let started = self.flights.spawn(fly(Arc::clone(&self.door), line, channel.clone(), letter, now));
        self.aloft.insert(started.id(), aloft);
        self.lanes.entry(channel).or_insert_with(|| Lane::new(&self.door.retry)).begin();
    }

    async fn landed(
        &mut self,
        landed: Result<(Id, Landed), tokio::task::JoinError>,
    ) -> Result<(), LedgerError> {
        let (id, landed) = match landed {
            Ok((id, landed)) => (id, Some(landed)),
            Err(error) => (error.id(), None),
        };
        let Some(aloft) = self.aloft.remove(&id) else { return Ok(()) };
        let ended_at = now();
        let (outcome, retry_after) = match landed {
            Some(Landed { outcome, retry_after, line, door }) => {
                if aloft.channel == Channel::Mail && Arc::ptr_eq(&door, &self.door) {
                    self.lines.push(line);
                } else {
                    self.say_goodbye(line, door);
                }
                (outcome, retry_after)
            }
            // A panic was said by the runtime already.
            None => (
                Outcome::Deferred("wirewatch failed while it was sending; please report it".to_owned()),
                None,
            ),
        };
        let (finish, opened) = self.judge(&aloft, outcome, retry_after, ended_at);
        self.note(&aloft, finish.status, &finish.reply, finish.next_attempt_at);
        self.record(finish, ended_at).await?;
        if let Some(until) = opened {
            let channel = aloft.channel;
            let opened = move |tx: &Transaction<'_>| tx.hasten_waiting(&channel, until, ended_at);
            let hastened = self.ledger.within(opened).await?;
            debug!(hastened, "A way is open again");
        }
        Ok(())
    }

    /// What an outcome means for its delivery and its lane; and until when others were to wait, where that is over.
    fn judge(
        &mut self,
        aloft: &Aloft,
        outcome: Outcome,
        retry_after: Option<Duration>,
        ended_at: Timestamp,
    ) -> (Finish, Option<Timestamp>) {
        let cause = Cause::of(&outcome);
        let retry = self.door.retry;
        let lane = self.lanes.entry(aloft.channel.clone()).or_insert_with(|| Lane::new(&retry));
        let asked = retry_after.map(|wait| after(ended_at, wait.min(RETRY_AFTER_MAX)));
        let opened = lane.end(cause, asked, ended_at);
        let is_deferral = matches!(outcome, Outcome::Deferred(_) | Outcome::Throttled(_));
        let own = delivery::next_attempt(retry, aloft.deferrals + 1, ended_at);
        let opens_at = lane.paused_until(ended_at).unwrap_or(ended_at);
        let (status, reply, next) = match outcome {
            Outcome::Sent(reply) => (Status::Sent, reply, ended_at),
            Outcome::Rejected(reply) => (Status::Failed, reply, ended_at),
            Outcome::Deferred(reply) => (Status::Queued, reply, own),
            // Where the way itself is closed, what waits goes out when it opens, and not after a wait of its own.
            Outcome::Blocked(reply) | Outcome::Crowded(reply) => (Status::Queued, reply, opens_at),
            Outcome::Throttled(reply) => (Status::Queued, reply, own.max(opens_at)),
        };
        let next_attempt_at = asked.map_or(next, |asked| asked.max(next));
        let is_way_closed = cause != Cause::None;
        (Finish { id: aloft.id, status, reply, next_attempt_at, is_way_closed, is_deferral }, opened)
    }

    /// Counts and logs an attempt.
    fn note(&mut self, aloft: &Aloft, status: Status, reply: &str, next: Timestamp) {
        let Aloft { alert, address: to, channel, .. } = aloft;
        let is_mail = *channel == Channel::Mail;
        match status {
            Status::Sent => {
                self.tally.sent_count += 1;
                self.last_problem.clear();
                if is_mail {
                    info!(alert, to, reply, "Mail sent");
                } else {
                    info!(alert, to, reply, "Outlet told");
                }
            }
            Status::Failed => {
                self.tally.failed_count += 1;
                if is_mail {
                    error!(alert, to, reply, "Mail refused for good");
                } else {
                    error!(alert, to, reply, "Outlet refused for good");
                }
            }
            Status::Queued | Status::Sending => {
                self.tally.deferred_count += 1;
                if self.last_problem == reply {
                    debug!(alert, to, reply, %next, "Deferred again");
                } else if is_mail {
                    warn!(alert, to, reply, %next, "Mail deferred");
                } else {
                    warn!(alert, to, reply, %next, "Outlet deferred");
                }
                reply.clone_into(&mut self.last_problem);
            }
        }
    }

    /// Keeps what became of an attempt.
    async fn record(&self, finish: Finish, ended_at: Timestamp) -> Result<(), LedgerError> {
        // What the server said must not be lost to a full disk, or the mail would be sent again.
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.ledger.finish(finish.clone(), ended_at).await {
                Err(LedgerError::Store(error)) => {
                    if self.stop.is_asked() && attempts >= RECORD_ATTEMPTS_MAX {
                        error!(%error, hint = error.hint(), "A delivery could not be recorded; it is done again");
                        return Ok(());
                    }
                    debug!(%error, "A delivery could not be recorded; trying again");
                    tokio::time::sleep(REFUSED_WAIT).await;
                }
                done => return done,
            }
        }
    }

    /// Closes connections that nobody used for a while.
    fn close_idle(&mut self) {
        let now = Instant::now();
        let (idle, kept) = self.lines.drain(..).partition(|line| line.closes_at().is_none_or(|at| at <= now));
        self.lines = kept;
        let idle: Vec<Line> = idle;
        for line in idle {
            self.say_goodbye(line, Arc::clone(&self.door));
        }
        while self.closing.try_join_next().is_some() {}
    }

    fn close_lines(&mut self) {
        for line in std::mem::take(&mut self.lines) {
            self.say_goodbye(line, Arc::clone(&self.door));
        }
    }

    fn say_goodbye(&mut self, mut line: Line, door: Arc<Door>) {
        if line.closes_at().is_some() {
            self.closing.spawn(async move { line.close(&door.mailer).await });
        }
    }
}
