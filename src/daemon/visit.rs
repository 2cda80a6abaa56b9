//! A visit: what asks a host, how it sets out, and how it ends.
//!
//! Owns the names of these. A visit asks one host; where a redirect leads to another it ends as [`SentOn`], and sets out
//! again once that host's gate lets it. Refuses to fetch and to schedule.

use jiff::Timestamp;
use tokio::task::JoinError;

use super::ledger::LedgerError;
use super::pages::Paged;
use crate::article::identity::ArticleId;
use crate::feed::FeedId;
use crate::feed::gap::GapId;
use crate::fetch::Onward;
use crate::pipeline::{HopSettled, Settled};

/// What asks a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Visit {
    /// A poll of a feed.
    Feed(FeedId),
    /// The page of an article, or the robots.txt that speaks for it.
    Page(ArticleId),
    /// An older page of a feed, for a gap.
    Archive(GapId),
}

/// What is remembered of a visit while it is under way.
#[derive(Debug, Clone, Copy)]
pub struct Ticket {
    /// When it was due.
    pub due_at: Timestamp,
    /// Whether a person asked for it, and by force.
    pub by_hand: Option<bool>,
    /// Which layout of the schedule it set out by.
    pub layout: u64,
}

/// How a visit sets out.
#[derive(Debug)]
pub struct Departure {
    /// What is remembered of it.
    pub ticket: Ticket,
    /// When it begins, which is now.
    pub started_at: Timestamp,
    /// How far redirects have led it before.
    pub onward: Option<Onward>,
}

impl Departure {
    /// A visit that a person asked for, and begins now.
    pub fn by_hand(is_forced: bool, onward: Option<Onward>, now: Timestamp) -> Self {
        let ticket = Ticket { due_at: now, by_hand: Some(is_forced), layout: 0 };
        Self { ticket, started_at: now, onward }
    }
}

/// A visit that was sent on to another host, and waits for its turn there.
#[derive(Debug)]
pub struct SentOn {
    /// Which.
    pub visit: Visit,
    /// What is remembered of it.
    pub ticket: Ticket,
    /// How far it has come.
    pub onward: Onward,
    /// What was committed of it.
    pub noted: Result<HopSettled, LedgerError>,
}

/// A poll that ended.
#[derive(Debug)]
pub struct Polled {
    /// Whose.
    pub feed: FeedId,
    /// What was visited.
    pub visit: Visit,
    /// What was committed.
    pub settled: Result<Box<Settled>, LedgerError>,
}

/// A visit that ended.
#[derive(Debug)]
pub enum Ended {
    /// A poll, or a visit of an older page, with what was committed of it.
    Polled(Box<Polled>),
    /// A visit for a page, with what was committed of it.
    Paged(Box<Paged>),
    /// A visit that goes on at another host.
    SentOn(Box<SentOn>),
    /// A visit that ended without a word: a fault of ours.
    Lost {
        /// Which.
        visit: Visit,
        /// How.
        error: JoinError,
    },
}

impl Ended {
    /// How a poll ended.
    pub(super) fn polled(ended: Result<Polled, Box<SentOn>>) -> Self {
        ended.map_or_else(Self::SentOn, |polled| Self::Polled(Box::new(polled)))
    }

    /// How a visit for a page ended.
    pub(super) fn paged(ended: Result<Paged, Box<SentOn>>) -> Self {
        ended.map_or_else(Self::SentOn, |paged| Self::Paged(Box::new(paged)))
    }
}
