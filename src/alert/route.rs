//! Who gets which alerts.
//!
//! Owns [`Route`] and the matching of alerts to addresses. Refuses to render and to send.

use super::Alert;
use crate::topic::Severity;

/// `[[route]]`, checked. Empty lists match everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Addresses.
    pub to: Vec<String>,
    /// Globs over topic ids (`*` any run, `?` one character).
    pub topics: Vec<String>,
    /// Severities.
    pub severities: Vec<Severity>,
    /// ISO 3166-1 alpha-2 codes.
    pub places: Vec<String>,
    /// Independent publishers an alert must have.
    pub min_publishers: u32,
    /// Whether all-clears are told.
    pub all_clear: bool,
}

impl Route {
    /// Whether this route takes an alert.
    pub fn takes(&self, alert: &Alert) -> bool {
        let any = |empty: bool, found: bool| empty || found;
        any(self.topics.is_empty(), self.topics.iter().any(|glob| matches_glob(glob, &alert.topic.0)))
            && any(self.severities.is_empty(), self.severities.contains(&alert.severity))
            && any(self.places.is_empty(), self.places.contains(&alert.place))
            && alert.publishers >= self.min_publishers
    }
}

/// The addresses that are told of an alert, each once, in the order of the routes.
pub fn addresses(routes: &[Route], alert: &Alert) -> Vec<String> {
    let mut addresses: Vec<String> = Vec::new();
    for address in routes.iter().filter(|route| route.takes(alert)).flat_map(|route| &route.to) {
        if !addresses.iter().any(|known| known.eq_ignore_ascii_case(address)) {
            addresses.push(address.clone());
        }
    }
    addresses
}

/// Shell-style matching: `*` any run of characters, `?` one. Greedy with a single fall-back point, so linear times
/// the pattern's length at worst.
pub fn matches_glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && (pattern[p] == '?' || (pattern[p] == text[t] && pattern[p] != '*')) {
            (p, t) = (p + 1, t + 1);
        } else if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, t));
            p += 1;
        } else if let Some((star_at, text_at)) = star {
            star = Some((star_at, text_at + 1));
            (p, t) = (star_at + 1, text_at + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}
