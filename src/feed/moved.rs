//! Where a feed moved: a permanent redirect is believed after it has said the same for days.
//!
//! Owns [`Moved`] and the rule of ten results over seven days. Refuses to rewrite what the owner configured.

use jiff::Timestamp;

/// A permanent redirect (301, 308), seen again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Where to.
    pub to: String,
    /// Polls in a row that said so and found a feed there.
    pub count: u32,
    /// The first of them.
    pub since: Timestamp,
    /// When the new address was taken for the feed's own.
    pub adopted_at: Option<Timestamp>,
}
