//! An alert: a decision to tell people, with its reason.
//!
//! What an alert says in a mail is [`render`].

pub mod render;
