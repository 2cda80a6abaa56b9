//! When a feed publishes.
//!
//! Owns the [`Rhythm`].

/// What is learned of when a feed publishes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rhythm {}

impl Rhythm {
    /// As stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        Vec::new()
    }

    /// From what is stored; what cannot be read is no rhythm.
    pub fn from_bytes(_bytes: &[u8]) -> Self {
        Self::default()
    }
}
