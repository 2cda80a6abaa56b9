//! Placeholder; replaced by folding and tokenising.

/// Folds case and accents.
pub fn fold(text: &str) -> String {
    text.to_lowercase()
}
