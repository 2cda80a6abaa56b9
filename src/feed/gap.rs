//! Whether entries may have come and gone unseen between two documents of a feed.
//!
//! A feed is a window on a list. Two looks through it miss nothing when what stood at its fresh end stands in the second
//! look, too, behind what is new. Owns [`Held`], what is remembered of documents, and the pure rule [`Held::judge`].
//! It errs towards a gap: an edit that carries an entry to the top, entries pinned to an end, deltas and pushed
//! documents prove nothing. Refuses to recognise entries: they come as keys.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use super::parse::ENTRIES_MAX;

/// The row of a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GapId(pub i64);

/// How much earlier than its first look an entry may be dated, for a gap to begin at that date.
const DATE_LAG_MAX: Duration = Duration::from_hours(6);

/// How long a gap is fresh: its feed is polled faster, and for half of that counts as degraded.
pub const FRESH_FOR: Duration = Duration::from_hours(24);

/// From here on the order that was watched is believed more than the dates.
const VOTES_MIN: i8 = 3;

/// What is remembered of a feed's documents.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Held {
    /// Keys of the last whole document, in its order.
    pub current: Vec<i64>,
    /// Keys of those before it, latest first: a cache may show an older document in between.
    pub earlier: Vec<i64>,
    /// Start of the poll that brought the last whole document.
    pub at: Option<Timestamp>,
    /// Whether something else came since: a delta, a pushed document, one that breaks off or is empty. Then a 304 does
    /// not confirm the last whole document.
    pub has_parts: bool,
    /// The newest date in the last whole document, if it is not later than its poll.
    pub newest_at: Option<Timestamp>,
    /// Where new entries were seen to appear: above 0 at the top, below 0 at the bottom.
    pub order: i8,
    /// Whether the last document broke off.
    pub is_cut: bool,
    /// Whether the last document held more entries than are kept.
    pub is_over: bool,
}

/// An entry of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Which; equal for what is recognised as the same entry.
    pub key: i64,
    /// Whether this feed never showed it before.
    pub is_new: bool,
    /// Its publication date.
    pub date: Option<Timestamp>,
}

/// A document, as far as gaps care.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// Its entries, in its order.
    pub entries: &'a [Seen],
    /// Whether it is all its server has: no delta, nothing pushed.
    pub is_whole: bool,
    /// Whether it breaks off.
    pub is_cut: bool,
    /// Whether it holds more entries than are kept.
    pub is_over: bool,
    /// Start of its poll.
    pub polled_at: Timestamp,
    /// Start of the last poll before it that brought a document, or said that nothing changed.
    pub confirmed_at: Option<Timestamp>,
}

/// Why entries may be unseen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The document no longer reaches back to what was seen.
    Window,
    /// The document breaks off before it.
    Cut,
    /// The document holds more entries than are kept.
    Excess,
}

impl Cause {
    /// All causes.
    pub const ALL: [Self; 3] = [Self::Window, Self::Cut, Self::Excess];

    /// The lower-case word it is stored as.
    pub fn word(self) -> &'static str {
        match self {
            Self::Window => "window",
            Self::Cut => "cut",
            Self::Excess => "excess",
        }
    }

    /// The cause of a stored word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.word() == word)
    }
}

/// A time in which entries may be unseen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Its beginning; none where everything older may be unseen.
    pub from: Option<Timestamp>,
    /// Its end.
    pub to: Timestamp,
    /// Why.
    pub cause: Cause,
    /// How many entries a feed of this pace has in that time.
    pub estimate: Option<u32>,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
        let minute = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M").to_string();
        match self.from {
            Some(from) if day(from) == day(self.to) => {
                write!(
                    f,
                    "entries between {} and {}Z may be unseen",
                    minute(from),
                    self.to.strftime("%H:%M")
                )?;
            }
            Some(from) => {
                write!(f, "entries between {} and {}Z may be unseen", minute(from), minute(self.to))?;
            }
            None => write!(f, "entries before {}Z may be unseen", minute(self.to))?,
        }
        match self.estimate {
            Some(count) if count > 0 => write!(f, ", about {count}"),
            _ => Ok(()),
        }
    }
}

/// What became of remembered keys when a document was taken in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Moves {
    /// Keys that stand in documents now and did not before.
    pub entered: Vec<i64>,
    /// Keys that do not any more.
    pub left: Vec<i64>,
    /// Whether anything is to be stored.
    pub is_changed: bool,
}

/// Which end of a document is fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    NewestFirst,
    OldestFirst,
    /// Neither; or nothing is known, and the top is taken to be fresh.
    Unsorted,
    Unknown,
}

impl Held {
    /// Whether entries may have come and gone between the documents remembered and this one.
    pub fn judge(&self, look: &Look<'_>) -> Option<Gap> {
        if !look.is_whole {
            return None;
        }
        let order = self.order_of(look.entries);
        let missed = self.at.is_some() && !self.current.is_empty() && !self.overlaps(look.entries, order);
        if missed {
            let cause = if look.is_cut {
                Cause::Cut
            } else if look.is_over {
                Cause::Excess
            } else {
                Cause::Window
            };
            return Some(self.span(look, cause, order));
        }
        if look.is_cut && !self.is_cut && self.at.is_none() {
            return Some(Gap { from: None, to: oldest(look), cause: Cause::Cut, estimate: None });
        }
        (look.is_over && !self.is_over).then(|| Gap {
            from: None,
            to: oldest(look),
            cause: Cause::Excess,
            estimate: None,
        })
    }

    /// Remembers a document that was judged; `is_missed` says whether a gap was found. A document that breaks off before it
    /// reaches what is remembered does not replace it, unless all do: the next one may close the gap.
    pub fn take_in(&mut self, look: &Look<'_>, is_missed: bool) -> Moves {
        let is_broken = look.is_cut && is_missed && !self.is_cut && self.at.is_some();
        if !look.is_whole || is_broken || look.entries.is_empty() {
            let is_cut = self.is_cut || look.is_whole && look.is_cut;
            let is_changed = !self.has_parts || is_cut != self.is_cut;
            (self.is_cut, self.has_parts) = (is_cut, true);
            return Moves { is_changed, ..Moves::default() };
        }
        let order = self.votes_after(look.entries);
        let mut inside = HashSet::with_capacity(look.entries.len());
        let current: Vec<i64> =
            look.entries.iter().map(|seen| seen.key).filter(|key| inside.insert(*key)).collect();
        let is_changed = current != self.current
            || order != self.order
            || self.is_cut != look.is_cut
            || self.is_over != look.is_over
            || self.has_parts;
        if !is_changed {
            return Moves::default();
        }
        let before: HashSet<i64> = self.current.iter().chain(&self.earlier).copied().collect();
        let entered = current.iter().copied().filter(|key| !before.contains(key)).collect();
        let earlier_max = current.len().max(self.current.len()).min(ENTRIES_MAX);
        let mut left = Vec::new();
        let mut earlier = Vec::new();
        for key in self.current.iter().chain(&self.earlier).copied().filter(|key| inside.insert(*key)) {
            if earlier.len() < earlier_max { &mut earlier } else { &mut left }.push(key);
        }
        let newest_at =
            look.entries.iter().filter_map(|seen| seen.date).filter(|date| *date <= look.polled_at).max();
        *self = Self {
            current,
            earlier,
            at: Some(look.polled_at),
            has_parts: false,
            newest_at,
            order,
            is_cut: look.is_cut,
            is_over: look.is_over,
        };
        Moves { entered, left, is_changed: true }
    }

    fn holds(&self) -> HashSet<i64> {
        self.current.iter().chain(&self.earlier).copied().collect()
    }

    fn order_of(&self, entries: &[Seen]) -> Order {
        if self.order >= VOTES_MIN {
            return Order::NewestFirst;
        }
        if self.order <= -VOTES_MIN {
            return Order::OldestFirst;
        }
        // What is new is in the list's own order; old ones may be pinned out of it.
        let new = order_by_dates(entries.iter().filter(|seen| seen.is_new));
        match new {
            Order::NewestFirst | Order::OldestFirst => new,
            Order::Unsorted | Order::Unknown => order_by_dates(entries.iter()),
        }
    }

    /// Whether the document reaches back to what is remembered.
    fn overlaps(&self, entries: &[Seen], order: Order) -> bool {
        if entries.iter().all(|seen| !seen.is_new) {
            return true;
        }
        let held = self.holds();
        let (entries, current): (Vec<Seen>, Vec<i64>) = if order == Order::OldestFirst {
            (entries.iter().rev().copied().collect(), self.current.iter().rev().copied().collect())
        } else {
            (entries.to_vec(), self.current.clone())
        };
        // What stands at the far end of both documents may be nailed there.
        let nailed_count = entries
            .iter()
            .rev()
            .zip(current.iter().rev())
            .take_while(|(seen, remembered)| seen.key == **remembered)
            .count();
        let last = entries.len().checked_sub(nailed_count + 1).and_then(|place| entries.get(place));
        if order != Order::Unsorted && last.is_some_and(|seen| held.contains(&seen.key)) {
            return true;
        }
        // An entry put in at an odd place: nearly everything else is still there. What stands above all that is new
        // may be pinned there, and does not count.
        let first_new = entries.iter().position(|seen| seen.is_new).unwrap_or(0);
        let below: HashSet<i64> = entries.iter().skip(first_new).map(|seen| seen.key).collect();
        let anywhere: HashSet<i64> = entries.iter().map(|seen| seen.key).collect();
        let count = |inside: &HashSet<i64>| current.iter().filter(|key| inside.contains(key)).count();
        let pairs = entries.iter().zip(&current);
        let pinned_count = pairs.take_while(|(seen, remembered)| seen.key == **remembered).count();
        match order {
            Order::NewestFirst | Order::OldestFirst => {
                count(&below) * 2 > current.len() || count(&anywhere) * 4 > current.len() * 3
            }
            Order::Unknown => count(&anywhere) * 2 > current.len(),
            Order::Unsorted => {
                count(&anywhere) * 2 > current.len() || (count(&anywhere) - pinned_count) * 4 >= current.len()
            }
        }
    }

    /// Where new entries appeared, as votes: a document with new ones at its top and remembered ones at its bottom is one
    /// for newest first.
    fn votes_after(&self, entries: &[Seen]) -> i8 {
        let held = self.holds();
        let new_count = entries.iter().filter(|seen| seen.is_new).count();
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return self.order };
        if new_count == 0 || new_count == entries.len() || held.is_empty() {
            return self.order;
        }
        let are_first = entries.iter().take(new_count).all(|seen| seen.is_new);
        let are_last = entries.iter().rev().take(new_count).all(|seen| seen.is_new);
        if held.contains(&last.key) && are_first {
            (self.order + 1).min(8)
        } else if held.contains(&first.key) && are_last {
            (self.order - 1).max(-8)
        } else {
            self.order - self.order.signum()
        }
    }

    fn span(&self, look: &Look<'_>, cause: Cause, order: Order) -> Gap {
        let confirmed = look.confirmed_at.filter(|_| !self.has_parts);
        let since = confirmed.max(self.at).unwrap_or(look.polled_at).min(look.polled_at);
        let earliest = since.checked_sub(DATE_LAG_MAX).unwrap_or(Timestamp::MIN);
        let from = self.newest_at.filter(|at| *at <= since).map_or(since, |at| at.max(earliest));
        let mut dates: Vec<Option<Timestamp>> =
            look.entries.iter().filter(|seen| seen.is_new).map(|seen| seen.date).collect();
        if order == Order::OldestFirst {
            dates.reverse();
        }
        let dates: Option<Vec<Timestamp>> = dates.into_iter().collect();
        let dates = dates.filter(|dates| dates.windows(2).all(|pair| pair[0] >= pair[1]));
        let ends = dates.as_deref().and_then(|dates| Some((*dates.first()?, *dates.last()?, dates.len())));
        // Dates out of order say nothing about where the unseen ones lie.
        let Some((newest, oldest, count)) = ends.filter(|(newest, ..)| *newest <= look.polled_at) else {
            return Gap { from: Some(from), to: look.polled_at, cause, estimate: None };
        };
        let to = oldest.clamp(from, look.polled_at);
        let seconds = newest.duration_since(oldest).as_secs();
        let gap_seconds = to.duration_since(from).as_secs();
        let others = i64::try_from(count).unwrap_or(i64::MAX).saturating_sub(1);
        let estimate = others.saturating_mul(gap_seconds).checked_div(seconds);
        Gap { from: Some(from), to, cause, estimate: estimate.and_then(|count| u32::try_from(count).ok()) }
    }
}

fn order_by_dates<'a>(entries: impl Iterator<Item = &'a Seen>) -> Order {
    let dates: Vec<Timestamp> = entries.filter_map(|seen| seen.date).collect();
    let falls = dates.windows(2).filter(|pair| pair[0] > pair[1]).count();
    let rises = dates.windows(2).filter(|pair| pair[0] < pair[1]).count();
    match falls + rises {
        0 | 1 => Order::Unknown,
        count if falls * 5 >= count * 4 => Order::NewestFirst,
        count if rises * 5 >= count * 4 => Order::OldestFirst,
        2 | 3 => Order::Unknown,
        _ => Order::Unsorted,
    }
}

fn oldest(look: &Look<'_>) -> Timestamp {
    let dates = look.entries.iter().filter_map(|seen| seen.date);
    dates.min().unwrap_or(look.polled_at).min(look.polled_at)
}
