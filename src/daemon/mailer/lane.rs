//! A lane: one channel's state of the road.
//!
//! Owns the pause after the way itself failed, which one delivery at a time then tries again, at its end or when there is
//! news to tell, and how many go at a time. Pure: times are handed in. Refuses to know more of deliveries than their numbers.

use std::time::Duration;

use jiff::Timestamp;

use super::RETRY_AFTER_MAX;
use super::flight::Cause;
use crate::delivery::{DeliveryId, Retry, next_attempt};
use crate::feed::schedule::after;

/// A delivery on its way for longer is overtaken by the next one.
const SLOW_AFTER: Duration = Duration::from_secs(5);

/// Deliveries in a row that show that a server which had too much of us takes more again.
const CALM_COUNT: u32 = 20;

/// Longest pause: it is ended by one connection, and what waits behind it may be critical.
const PAUSE_MAX: Duration = Duration::from_mins(5);

/// Least time between a failure and an attempt for the sake of something new; it doubles with every pause in a row.
const PROBE_AFTER: Duration = Duration::from_secs(5);

/// One channel's state.
#[derive(Debug, Clone)]
pub(super) struct Lane {
    retry: Retry,
    /// Times in a row that the way itself failed.
    failure_count: u32,
    paused_until: Option<Timestamp>,
    /// Until when the other side asked to be left alone.
    asked_until: Option<Timestamp>,
    /// When the way failed last.
    failed_at: Option<Timestamp>,
    /// Whether something new may try it during the pause: not where the other side said that it has too much of us.
    may_probe: bool,
    /// The highest number of a delivery that was seen by then.
    seen_through: DeliveryId,
    /// The highest number seen by now.
    newest: DeliveryId,
    in_flight: usize,
    /// How many may go at a time, when the server had too much of us.
    narrowed_to: Option<usize>,
    /// Deliveries since then that went well.
    calm_count: u32,
}

/// Whether one more may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// Now.
    Free,
    /// Not before then.
    At(Timestamp),
    /// After this wait, when those on their way have become slow.
    In(Duration),
    /// Not before one of them ends.
    Full,
}

impl Lane {
    pub(super) fn new(retry: &Retry) -> Self {
        Self {
            retry: Retry { max: retry.max.min(PAUSE_MAX), ..*retry },
            failure_count: 0,
            paused_until: None,
            asked_until: None,
            failed_at: None,
            may_probe: true,
            seen_through: DeliveryId(0),
            newest: DeliveryId(0),
            in_flight: 0,
            narrowed_to: None,
            calm_count: 0,
        }
    }

    /// Whether one more may go at `now`. `most` is the limit of the channel, `ages` how long those on their way have been. The
    /// last round of a daemon that ends tries everything once, pause or not.
    pub(super) fn room(&self, now: Timestamp, most: usize, ages: &[Duration], is_last_round: bool) -> Room {
        if let Some(until) = self.paused_until(now).filter(|_| !is_last_round) {
            return Room::At(until);
        }
        if self.in_flight == 0 {
            return Room::Free;
        }
        // After a failure one tries alone.
        let most = if self.failure_count > 0 { 1 } else { most.min(self.narrowed_to.unwrap_or(most)) };
        if self.in_flight >= most {
            return Room::Full;
        }
        let youngest = ages.iter().min().copied().unwrap_or_default();
        if youngest >= SLOW_AFTER { Room::Free } else { Room::In(SLOW_AFTER.saturating_sub(youngest)) }
    }

    /// Deliveries up to this number are known.
    pub(super) fn saw(&mut self, newest: DeliveryId) {
        self.newest = self.newest.max(newest);
    }

    /// Whether one may try the way at `now` although there is a pause, because one of this number has come since it began: alone,
    /// and not at once after another. `None`: there is nothing new.
    pub(super) fn probe(&self, now: Timestamp, newest: DeliveryId) -> Option<Room> {
        if newest <= self.seen_through || !self.may_probe {
            return None;
        }
        if self.in_flight > 0 {
            return Some(Room::Full);
        }
        let patience = PROBE_AFTER * 2_u32.saturating_pow(self.failure_count.saturating_sub(1).min(8));
        let free_at = self.failed_at.filter(|at| *at <= now).map(|at| after(at, patience));
        Some(free_at.filter(|at| *at > now).map_or(Room::Free, Room::At))
    }

    /// One more is on its way.
    pub(super) fn begin(&mut self) {
        self.in_flight += 1;
    }

    /// One ended at `now`. Answers until when the others were to wait, if that is over before its time.
    pub(super) fn end(
        &mut self,
        cause: Cause,
        asked: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        self.in_flight = self.in_flight.saturating_sub(1);
        match cause {
            Cause::Way => {
                self.may_probe = true;
                self.pause(now);
            }
            Cause::Crowd => {
                let fewer = self.narrowed_to.unwrap_or(self.in_flight + 1).saturating_sub(1).max(1);
                self.narrowed_to = Some(fewer.min(self.in_flight.max(1)));
                self.calm_count = 0;
                self.may_probe = false;
                self.asked_until = self.asked_until.max(asked);
                self.pause(now);
            }
            Cause::None => {
                let opened = self.paused_until(now);
                self.failure_count = 0;
                (self.paused_until, self.asked_until) = (None, None);
                self.calm_count += 1;
                if self.calm_count >= CALM_COUNT {
                    self.calm_count = 0;
                    // Back by one each time; the channel's limit holds anyway.
                    self.narrowed_to = self.narrowed_to.map(|count| count + 1);
                }
                return opened;
            }
        }
        None
    }

    fn pause(&mut self, now: Timestamp) {
        self.failed_at = Some(now);
        self.seen_through = self.newest;
        // Those that were on their way together fail together, which is one failure.
        if self.paused_until(now).is_none() {
            self.failure_count = self.failure_count.saturating_add(1);
            self.paused_until = Some(next_attempt(self.retry, self.failure_count, now));
        }
    }

    /// Until when nothing goes. A time that is too far ahead was set by another clock.
    pub(super) fn paused_until(&self, now: Timestamp) -> Option<Timestamp> {
        let holds = |until: &Timestamp, most| *until > now && *until <= after(now, most);
        let asked = self.asked_until.filter(|until| holds(until, RETRY_AFTER_MAX));
        self.paused_until.filter(|until| holds(until, self.retry.max)).max(asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn lane() -> Lane {
        Lane::new(&Retry { initial: Duration::from_secs(30), max: Duration::from_hours(1) })
    }

    #[test]
    fn a_way_that_fails_is_tried_by_one_at_a_time_and_ever_more_seldom() {
        let mut lane = lane();
        let mut at = 0;
        for wait in [30, 60, 120, 240, 300, 300, 300] {
            assert_eq!(lane.room(second(at), 3, &[], false), Room::Free);
            lane.begin();
            assert_eq!(
                lane.room(second(at), 3, &[Duration::from_mins(5)], false),
                if at == 0 { Room::Free } else { Room::Full }
            );
            lane.end(Cause::Way, None, second(at));
            assert_eq!(lane.room(second(at), 3, &[], false), Room::At(second(at + wait)));
            assert_eq!(lane.room(second(at), 3, &[], true), Room::Free, "the last round tries all the same");
            at += wait;
        }
        lane.begin();
        lane.end(Cause::None, None, second(at));
        lane.begin();
        lane.end(Cause::Way, None, second(at));
        assert_eq!(lane.paused_until(second(at)), Some(second(at + 30)), "a success forgets");
        assert_eq!(lane.paused_until(second(at - 9_000)), None, "a clock set back stops nothing");
    }

    #[test]
    fn what_is_new_tries_a_closed_way_ever_more_seldom_and_one_that_asked_for_time_not_at_all() {
        let mut lane = lane();
        lane.saw(DeliveryId(1));
        lane.begin();
        lane.end(Cause::Way, None, second(0));
        assert_eq!(lane.probe(second(9), DeliveryId(1)), None, "nothing new");
        assert_eq!(lane.probe(second(2), DeliveryId(2)), Some(Room::At(second(5))));
        assert_eq!(lane.probe(second(5), DeliveryId(2)), Some(Room::Free));
        lane.begin();
        lane.end(Cause::Way, None, second(30));
        assert_eq!(lane.probe(second(36), DeliveryId(2)), Some(Room::At(second(40))), "twice as long");
        lane.begin();
        lane.end(Cause::Crowd, Some(second(4_000)), second(100));
        assert_eq!(lane.probe(second(200), DeliveryId(9)), None);
        assert_eq!(lane.room(second(3_999), 3, &[], false), Room::At(second(4_000)));
        assert_eq!(lane.room(second(4_000), 3, &[], false), Room::Free);
    }

    #[test]
    fn what_fails_together_is_one_failure() {
        let mut lane = lane();
        for _ in 0..3 {
            lane.begin();
        }
        for _ in 0..3 {
            lane.end(Cause::Way, None, second(0));
        }
        assert_eq!(lane.paused_until(second(0)), Some(second(30)));
    }

    #[test]
    fn something_new_tries_a_closed_way_alone_and_not_too_often() {
        let mut lane = lane();
        lane.saw(DeliveryId(7));
        lane.begin();
        lane.end(Cause::Way, None, second(0));
        assert_eq!(lane.probe(second(1), DeliveryId(7)), None, "it waits for the end of the pause");
        assert_eq!(lane.probe(second(1), DeliveryId(8)), Some(Room::At(second(5))));
        assert_eq!(lane.probe(second(5), DeliveryId(8)), Some(Room::Free));
        assert_eq!(
            lane.probe(second(-9_000), DeliveryId(8)),
            Some(Room::Free),
            "a clock set back stops nothing"
        );
        lane.saw(DeliveryId(8));
        lane.begin();
        assert_eq!(lane.probe(second(6), DeliveryId(9)), Some(Room::Full), "one at a time");
        assert_eq!(lane.end(Cause::Way, None, second(6)), None);
        assert_eq!(lane.paused_until(second(6)), Some(second(30)), "that makes the pause no longer");
        assert_eq!(lane.probe(second(20), DeliveryId(8)), None, "it is new once");
        lane.saw(DeliveryId(9));
        lane.begin();
        assert_eq!(lane.end(Cause::None, None, second(21)), Some(second(30)), "what waits until then may go");
        assert_eq!(lane.room(second(21), 3, &[], false), Room::Free);
        lane.begin();
        assert_eq!(lane.end(Cause::None, None, second(22)), None, "once");
    }

    #[test]
    fn a_slow_one_is_overtaken_up_to_the_limit() {
        let mut lane = lane();
        let ages = |seconds: &[u64]| seconds.iter().copied().map(Duration::from_secs).collect::<Vec<_>>();
        lane.begin();
        assert_eq!(lane.room(second(0), 3, &ages(&[2]), false), Room::In(Duration::from_secs(3)));
        assert_eq!(lane.room(second(0), 3, &ages(&[5]), false), Room::Free);
        lane.begin();
        assert_eq!(lane.room(second(0), 3, &ages(&[9, 0]), false), Room::In(Duration::from_secs(5)));
        assert_eq!(lane.room(second(0), 2, &ages(&[9, 9]), false), Room::Full);
        lane.begin();
        assert_eq!(lane.room(second(0), 3, &ages(&[60, 60, 60]), false), Room::Full);
    }

    #[test]
    fn too_many_connections_become_fewer_and_come_back_one_by_one() {
        let mut lane = lane();
        let slow = [Duration::from_mins(1); 4];
        for _ in 0..3 {
            lane.begin();
        }
        lane.end(Cause::Crowd, None, second(0));
        assert_eq!(lane.room(second(0), 3, &slow, false), Room::At(second(30)));
        lane.end(Cause::None, None, second(40));
        assert_eq!(lane.room(second(40), 3, &slow, false), Room::Free, "two at a time");
        lane.begin();
        assert_eq!(lane.room(second(40), 3, &slow, false), Room::Full);
        for _ in 0..CALM_COUNT {
            lane.end(Cause::None, None, second(50));
            lane.begin();
        }
        assert_eq!(lane.room(second(60), 3, &slow, false), Room::Free, "three again");
    }
}
