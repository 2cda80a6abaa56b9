//! Polling by learned rhythm against one fixed interval at the same number of requests: how long entries wait.
//!
//! `cargo bench --bench rhythm` (`-- --test` for one setting) on the publication times of `../shared/data/stream`, or
//! on made-up ones when that is absent (or with `-- --made-up`). Learning is online: a poll teaches what it saw, nothing looks ahead. Fails
//! when the gain is below the goal or a wait leaves its bounds.

#![allow(clippy::print_stdout, reason = "a benchmark reports")]
#![allow(clippy::cast_possible_truncation, reason = "seconds of one month")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use jiff::Timestamp;
use wirewatch::feed::pace::Pace;
use wirewatch::feed::rhythm::{Rhythm, WaitReason};

const STREAM: &str = "../shared/data/stream/2023-04-10_2023-05-10.jsonl.gz";
const STREAM_BYTES_MAX: u64 = 1 << 30;

/// 2023-04-10 00:00 UTC, a Monday, and 31 days later.
const START: f64 = 1_681_084_800.0;
const DAYS: f64 = 31.0;
const END: f64 = START + DAYS * 86_400.0;

/// As the schedule adds it, up to.
const JITTER: f64 = 0.1;

/// Mean delay against the fixed interval, at most, over [`ALL`] feeds; subsets are reported to show where it comes from.
const GOAL: f64 = 0.7;
const ALL: &str = "all";

/// Publication times of a feed in order, Unix seconds.
type Feed = Vec<f64>;

fn main() {
    let asked = |option| std::env::args().any(|argument| argument == option);
    let short = asked("--test");
    let stream = if asked("--made-up") { Err("not asked for".to_owned()) } else { stream() };
    let feeds = stream.unwrap_or_else(|why| {
        println!("Made-up newsrooms instead of the stream: {why}.");
        newsrooms()
    });
    let entries: usize = feeds.iter().map(Vec::len).sum();
    println!("{} feeds, {entries} entries, {DAYS} days\n", feeds.len());
    println!(
        "| feeds | interval, min, max | entries from | requests: learned, fixed | fixed interval | mean delay: learned, fixed | ratio | longest wait |"
    );
    println!("|---|---|---|---:|---:|---:|---:|---:|");
    let defaults = pace(15, 5, 360);
    compare(ALL, &feeds, defaults);
    if !short {
        for other in [pace(30, 5, 360), pace(60, 5, 360), pace(60, 15, 1440), pace(15, 1, 360)] {
            compare(ALL, &feeds, other);
        }
        for (what, remainder) in [("even", 0), ("odd", 1)] {
            let half: Vec<Feed> = feeds
                .iter()
                .enumerate()
                .filter(|(index, _)| index % 2 == remainder)
                .map(|(_, f)| f.clone())
                .collect();
            compare(what, &half, defaults);
        }
        let lively: Vec<Feed> = feeds.iter().filter(|feed| feed.len() >= 50).cloned().collect();
        compare("50 entries or more", &lively, defaults);
        reasons(&feeds, defaults);
    }
    cost(&feeds, defaults);
}

fn pace(interval: u64, min: u64, max: u64) -> Pace {
    let minutes = |count| Duration::from_secs(60 * count);
    Pace { interval: minutes(interval), min_interval: minutes(min), max_interval: minutes(max) }
}

/// What polling a set of feeds from some time on came to.
#[derive(Default)]
struct Tally {
    requests: u32,
    entries: u32,
    delay: f64,
    longest: f64,
}

impl Tally {
    fn mean(&self) -> f64 {
        self.delay / f64::from(self.entries.max(1)) / 60.0
    }
}

/// One line per span: all of the month, without a first week of warm-up, and its second half.
fn compare(what: &str, feeds: &[Feed], pace: Pace) {
    for (span, from) in
        [("start", START), ("week 2", START + 7.0 * 86_400.0), ("half", f64::midpoint(START, END))]
    {
        let learned = poll(feeds, START, from, pace.interval, |rhythm, at| rhythm.wait(at, pace).0, pace);
        let interval = (END - from) * feeds.len() as f64 / f64::from(learned.requests);
        let plain = Duration::from_secs_f64(interval / (1.0 + JITTER / 2.0));
        let fixed =
            poll(feeds, from, from, plain, |_, _| plain, Pace { max_interval: Duration::MAX, ..pace });
        let ratio = learned.mean() / fixed.mean();
        println!(
            "| {what} | {}m, {}m, {}m | {span} | {}, {} | {:.1}m | {:.2}m, {:.2}m | {ratio:.3} | {:.1}m |",
            pace.interval.as_secs() / 60,
            pace.min_interval.as_secs() / 60,
            pace.max_interval.as_secs() / 60,
            learned.requests,
            fixed.requests,
            interval / 60.0,
            learned.mean(),
            fixed.mean(),
            learned.longest / 60.0,
        );
        assert!(learned.longest <= pace.max_interval.as_secs_f64() + 0.001, "a feed waited too long");
        assert!(what != ALL || ratio <= GOAL, "the gain is too small");
    }
}

/// Polls each feed from `start` to the end of the month, and on until its last entry was seen; counts from `from` on.
/// First polls are spread over `spread`, each wait gets its jitter.
fn poll(
    feeds: &[Feed],
    start: f64,
    from: f64,
    spread: Duration,
    wait: impl Fn(&Rhythm, Timestamp) -> Duration,
    pace: Pace,
) -> Tally {
    let mut tally = Tally::default();
    for (index, feed) in feeds.iter().enumerate() {
        let mut dice = Dice::of(index as u64);
        let mut rhythm = Rhythm::default();
        let mut now = start + dice.roll() * spread.as_secs_f64();
        let mut seen = feed.partition_point(|published| *published < start);
        let mut last = None;
        loop {
            let fresh = seen..feed.partition_point(|published| *published <= now);
            seen = fresh.end;
            let fresh = &feed[fresh];
            for published in fresh.iter().filter(|published| **published >= from) {
                tally.entries += 1;
                tally.delay += now - published;
            }
            if now >= from && now < END {
                tally.requests += 1;
            }
            if now >= END && seen == feed.len() {
                break;
            }
            if let Some(since) = last {
                let arrivals: Vec<Timestamp> = fresh.iter().map(|published| time(*published)).collect();
                rhythm.observe(since, time(now), &arrivals);
            }
            last = Some(time(now));
            let asked = wait(&rhythm, time(now)).as_secs_f64();
            let waited = (asked * (1.0 + JITTER * dice.roll())).min(pace.max_interval.as_secs_f64());
            tally.longest = tally.longest.max(waited);
            now += waited;
        }
    }
    tally
}

/// How often each reason is given.
fn reasons(feeds: &[Feed], pace: Pace) {
    let counts = std::cell::RefCell::new(BTreeMap::<String, (u32, f64)>::new());
    let note = |rhythm: &Rhythm, at| {
        let (wait, reason): (Duration, WaitReason) = rhythm.wait(at, pace);
        let mut counts = counts.borrow_mut();
        let (count, minutes) = counts.entry(reason.to_string()).or_default();
        *count += 1;
        *minutes += wait.as_secs_f64() / 60.0;
        wait
    };
    let polls = poll(feeds, START, START, pace.interval, note, pace).requests;
    println!("\nWhy, of {polls} waits:");
    for (reason, (count, minutes)) in counts.into_inner() {
        println!("- {reason}: {count}, {:.0} minutes on average", minutes / f64::from(count));
    }
}

/// What one poll costs in time, and a rhythm in bytes.
fn cost(feeds: &[Feed], pace: Pace) {
    let started = Instant::now();
    let polls = poll(feeds, START, START, pace.interval, |rhythm, at| rhythm.wait(at, pace).0, pace).requests;
    println!(
        "\nTo learn from a poll and set the next: {:.1} µs; a rhythm: {} bytes in memory, {} stored",
        started.elapsed().as_secs_f64() * 1e6 / f64::from(polls),
        size_of::<Rhythm>(),
        Rhythm::default().to_bytes().len(),
    );
}

fn time(second: f64) -> Timestamp {
    Timestamp::from_microsecond((second * 1e6) as i64).expect("a time of this century")
}

/// The publication times of each feed of the stream.
fn stream() -> Result<Vec<Feed>, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(STREAM);
    let file = File::open(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let lines = BufReader::new(GzDecoder::new(file).take(STREAM_BYTES_MAX)).lines();
    let mut feeds = BTreeMap::<String, Feed>::new();
    for line in lines {
        let line = line.map_err(|error| error.to_string())?;
        let entry: serde_json::Value = serde_json::from_str(&line).map_err(|error| error.to_string())?;
        let (Some(feed), Some(seen)) = (entry["feed"].as_str(), entry["seen"].as_str()) else {
            return Err("an entry without feed or time".to_owned());
        };
        let seen: Timestamp = seen.parse().map_err(|error| format!("{seen}: {error}"))?;
        feeds.entry(feed.to_owned()).or_default().push(seen.as_second() as f64);
    }
    let mut feeds: Vec<Feed> = feeds.into_values().collect();
    for feed in &mut feeds {
        feed.sort_by(f64::total_cmp);
    }
    Ok(feeds)
}

/// Sixty feeds from an entry in two weeks to eight an hour, four times busier by day than by night, half as busy at
/// weekends.
fn newsrooms() -> Vec<Feed> {
    (0..60)
        .map(|index| {
            let mut dice = Dice::of(1000 + index);
            let busiest = 8.0 * 0.5_f64.powf(index as f64 / 5.0);
            let mut feed = Vec::new();
            let mut at = START;
            while at < END {
                at -= dice.roll().max(1e-12).ln() / busiest * 3600.0;
                let day = ((at - START) / 86_400.0) as i64 % 7;
                let hour = ((at - START) / 3600.0) as i64 % 24;
                let share =
                    if (6..18).contains(&hour) { 1.0 } else { 0.25 } * if day < 5 { 1.0 } else { 0.5 };
                if at < END && dice.roll() < share {
                    feed.push(at.floor());
                }
            }
            feed
        })
        .collect()
}

/// Numbers that look random and repeat on each run (Marsaglia's xorshift, 64 bits).
struct Dice(u64);

impl Dice {
    fn of(seed: u64) -> Self {
        let mut dice = Self((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        dice.roll();
        dice
    }

    /// From 0 up to 1.
    fn roll(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}
