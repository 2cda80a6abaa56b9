//! What only a program built with models has (`--features semantic`): a test binary of its own, so that the other need not be built
//! twice.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod faults;
#[path = "../it/support/one_topic.rs"]
mod one_topic;
mod scoring;
mod tiny;
