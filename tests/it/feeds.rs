//! Feeds as people have them: found on pages, written into files, taken from other readers, asked about.

#![allow(
    clippy::format_collect,
    clippy::format_push_string,
    reason = "documents of tests are small, and to be read"
)]

mod by_hand;
mod commands;
mod discover;
mod edit;
mod lists;
