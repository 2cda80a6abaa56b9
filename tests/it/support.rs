//! What tests share: scripted servers and small builders.

pub mod http;
pub mod smtp;
