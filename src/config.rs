//! The configuration as checked truth.
//!
//! Owns [`Config`], what the rest of the shell works from. Reading and checking files is `config/`'s;
//! nothing here is half valid. Refuses globals: it is handed on.

use std::path::PathBuf;
use std::time::Duration;

use crate::feed::Feed;
use crate::mail;
use crate::topic::{Severity, Topic};

/// Everything the owner configured, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The directory it was read from.
    pub dir: PathBuf,
    /// Where `wirewatch.db` lives.
    pub data_dir: PathBuf,
    /// `[poll]`.
    pub poll: Poll,
    /// Feeds, in file order, without duplicates.
    pub feeds: Vec<Feed>,
    /// Topics, by id.
    pub topics: Vec<Topic>,
    /// `[mail]`.
    pub mail: Mail,
    /// `[[route]]`s, in file order.
    pub routes: Vec<Route>,
}

/// `[poll]`, checked.
#[derive(Debug, Clone)]
pub struct Poll {
    /// Time between polls of a feed that sets none.
    pub interval: Duration,
    /// No feed is polled faster.
    pub min_interval: Duration,
    /// No feed waits longer.
    pub max_interval: Duration,
    /// Requests at a time to one registrable domain.
    pub per_host: usize,
    /// Time between starts of requests to one registrable domain.
    pub host_spacing: Duration,
    /// Requests at a time altogether.
    pub concurrency: usize,
    /// Entries of a feed's first poll alert only when published within this.
    pub first_look: Duration,
    /// Contact URL or address in the User-Agent.
    pub contact: Option<String>,
}

/// `[mail]`, checked.
#[derive(Debug, Clone)]
pub struct Mail {
    /// What the door needs.
    pub door: mail::Options,
    /// Wait before the second attempt.
    pub retry_initial: Duration,
    /// Longest wait between attempts.
    pub retry_max: Duration,
    /// Who hears of feed failures and undelivered mail.
    pub operator: Vec<String>,
}

/// `[[route]]`, checked. Empty lists match everything.
#[derive(Debug, Clone)]
pub struct Route {
    /// Addresses.
    pub to: Vec<String>,
    /// Globs over topic ids.
    pub topics: Vec<String>,
    /// Severities.
    pub severities: Vec<Severity>,
    /// Countries.
    pub places: Vec<String>,
    /// Independent publishers an alert must have.
    pub min_publishers: u32,
}
