//! Well-formed feeds of every family: which element fills which field.

use std::time::Duration;

use wirewatch::feed::Format;

use super::{item, read, rss, titles};
