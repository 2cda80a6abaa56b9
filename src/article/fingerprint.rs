//! Fingerprint: equal for equal words.
//!
//! Owns the one hash by which a re-published article is recognised. It is stored: XXH3 (64 bits, seed 0) over the
//! folded letters and digits must stay as it is, or a migration must recompute it. Refuses near-duplicates; those
//! are the story's.

use xxhash_rust::xxh3::Xxh3;

use super::words;

/// The hash of a title and its texts: folded letters and digits only, so that markup, case, punctuation, and
/// where a word is divided (`cease-fire`, `cease fire`) do not matter, nor in which text field a word stands.
pub fn of(title: &str, texts: &[&str]) -> u64 {
    let mut hash = Xxh3::new();
    update(&mut hash, title);
    hash.update(b"\n");
    for text in texts {
        update(&mut hash, text);
    }
    hash.digest()
}

fn update(hash: &mut Xxh3, text: &str) {
    let mut letters = words::fold(text);
    letters.retain(char::is_alphanumeric);
    hash.update(letters.as_bytes());
}
