//! The one test binary: behaviour, on real files, sockets and peers. A file per feature.

mod support;

mod article;
mod cli;
mod config;
mod corpus;
mod daemon;
mod fetch;
mod mail;
mod pipeline;
mod store;
mod tidy;
mod topic;
