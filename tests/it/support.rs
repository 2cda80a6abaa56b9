//! What tests share: scripted servers and small builders.

pub(crate) mod desk;
pub(crate) mod growth;
pub(crate) mod http;
pub(crate) mod hub;
pub(crate) mod lab;
pub(crate) mod one_topic;
pub(crate) mod proxy;
pub(crate) mod smtp;
pub(crate) mod watch;
