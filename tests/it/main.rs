//! Behaviour, on real files, sockets and peers, in one test binary. A file per feature. What only a program built with models has is
//! in `tests/semantic`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod support;

mod article;
mod cli;
mod config;
mod context;
mod corpus;
mod daemon;
mod delivery;
mod feeds;
mod fetch;
mod import;
mod incidents;
mod learning;
mod lint;
mod mail;
mod pipeline;
mod places;
mod polarity;
mod polling;
mod rhythm;
mod routing;
mod scenarios;
mod semantic;
mod store;
mod stories;
mod surge;
mod tidy;
mod topic;
mod websub;
