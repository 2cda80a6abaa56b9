//! The whole product: real feeds over HTTP in, real mail over SMTP out, the real binary between them.
//!
//! Each test owns a directory, its servers and its processes; nothing is shared, so all run side by side.

#![allow(
    clippy::format_push_string,
    clippy::format_collect,
    reason = "documents of tests are small, and to be read"
)]

mod clock;
mod disk;
mod files;
mod identity;
mod life;
mod links;
mod outlets;
mod post;
mod round;
mod trouble;

/// A headline that trips one topic.
const BREACH: &str = "Army violates ceasefire hours after deal";
