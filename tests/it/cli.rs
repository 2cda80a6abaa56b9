//! The commands: what is typed, what is printed, which code they end with.

mod archive;
mod configure;
mod input;
mod surface;
