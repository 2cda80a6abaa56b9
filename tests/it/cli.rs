//! The commands: what is typed, what is printed, which code they end with.

#![allow(clippy::format_collect, reason = "documents of tests are small, and to be read")]

mod archive;
mod compare;
mod configure;
mod input;
mod laboratory;
mod record;
mod rehearsal;
mod surface;
mod topics;
