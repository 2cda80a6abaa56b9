//! Wirewatch watches the news wires: it polls feeds, scores every article against the topics its owner
//! watches, keeps everything in `SQLite`, and mails an alert, with its evidence, when a threshold trips.
//!
//! ```text
//!  bytes ─parse▶ Entry ─normalize▶ Article ─score▶ [Score] ─assign▶ Story ─advance▶ Incident ─decide▶ Alert ─render▶ Message ▸ Delivery
//! ```
//!
//! The stages are pure: no I/O, no clock, no logging; `now` is an argument. The doors (`fetch`, `files`, `mail`,
//! `store`, `web`) touch the world. The shell (`config`, `pipeline`, `daemon`, `cli`) joins them.

// A value any room may hold.
pub mod secret;
// Stages, left to right; a model of what texts mean stands before the topics that ask it.
pub mod alert;
pub mod article;
pub mod audit;
pub mod delivery;
pub mod feed;
pub mod incident;
pub mod semantic;
pub mod story;
pub mod topic;
// Doors.
pub mod fetch;
pub mod files;
pub mod mail;
pub mod store;
pub mod web;
// Shell.
pub mod cli;
pub mod config;
pub mod daemon;
pub mod pipeline;
