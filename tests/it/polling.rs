//! Polling that publishers welcome and that misses nothing: the rules C1 to C43 of docs/polling.md.
//!
//! Days of polling pass in milliseconds: a scripted server on loopback, a clock that the test moves
//! ([`crate::support::watch`]).

mod gap;
mod health;
mod hops;
mod host;
mod identity;
mod moved;
mod once;
mod outage;
mod pace;
mod page;
mod robots;
mod schedule;
mod table;
mod validators;
mod watched;
