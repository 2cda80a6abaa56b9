//! Publishers that go by several names: one newsroom, several domains.
//!
//! Owns [`Publishers`], the groups its owner made, and which name counts. Two articles of one group confirm nothing to each other.
//! Refuses to know which domain an article is of: that is `article::publisher`'s.

use std::collections::BTreeMap;

/// The groups: by each further name in small letters, the name that counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Publishers {
    names: BTreeMap<String, String>,
}

impl Publishers {
    /// Adds a group; a name that is in one already stays there.
    pub fn group(&mut self, name: &str, also: impl IntoIterator<Item = String>) {
        for other in also {
            self.names.entry(other.to_lowercase()).or_insert_with(|| name.to_owned());
        }
        self.names.entry(name.to_lowercase()).or_insert_with(|| name.to_owned());
    }

    /// The name a publisher counts by: its group's, or its own.
    pub fn name_of(&self, publisher: String) -> String {
        if self.names.is_empty() {
            return publisher;
        }
        self.names.get(&publisher.to_lowercase()).cloned().unwrap_or(publisher)
    }
}
