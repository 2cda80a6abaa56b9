//! Where a hub calls, and what it signs with: both random, both kept from everybody else.
//!
//! Owns their form as text. Refuses to make random bytes: they are handed in.

use std::fmt;

/// The last part of the path where a hub calls: 128 random bits, base64url. Who knows it may knock, nobody else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Callback(String);

impl Callback {
    /// From random bytes.
    pub fn new(random: [u8; 16]) -> Self {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let bits = u128::from_be_bytes(random);
        // 21 letters of six bits, and one for the two that are left (RFC 4648 section 5, without padding).
        let letter = |index: u32| {
            let six = if index < 21 { bits >> (128 - 6 * (index + 1)) } else { bits << 4 };
            char::from(LETTERS[usize::try_from(six & 63).unwrap_or_default()])
        };
        Self((0..22).map(letter).collect())
    }

    /// As it stands in a path or in the store.
    pub fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The key that the hub signs deliveries with (`hub.secret`). Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// From random bytes; as text it is well below the 200 bytes that the Recommendation allows.
    pub fn new(random: [u8; 32]) -> Self {
        let digits = random.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        Self(digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect())
    }

    /// From the store.
    pub fn from_text(text: String) -> Self {
        Self(text)
    }

    /// The key itself, for the store, the hub and the signature.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}
