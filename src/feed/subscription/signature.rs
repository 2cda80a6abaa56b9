//! Whether a delivery is the hub's: `X-Hub-Signature`, an HMAC over its body (WebSub section 7.1, RFC 2104).
//!
//! Owns which methods count. SHA-256 and longer are preferred; SHA-1 is taken only where a delivery carries nothing
//! else: most hubs sign with it for the sake of old subscribers (section 7.1.1), and what is broken in SHA-1, collisions,
//! does not help to forge an HMAC (RFC 6194 section 3.3). Comparison takes the same time wherever two signatures differ.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};

use super::Key;

/// Methods, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Method {
    Sha512,
    Sha384,
    Sha256,
    Sha1,
}

/// Why a delivery is not believed to be the hub's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It carries no signature.
    Unsigned,
    /// None of its signatures is made in a way we know.
    UnknownMethod,
    /// Its signature is not that of this body with our key.
    Wrong,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unsigned => "it is not signed",
            Self::UnknownMethod => "it is signed in no way that is accepted (sha256, sha384, sha512, sha1)",
            Self::Wrong => "its signature is wrong",
        })
    }
}

/// Checks the values of `X-Hub-Signature` (`method=hex`). Of several, the strongest decides.
pub fn verify(key: &Key, signatures: &[Vec<u8>], body: &[u8]) -> Result<(), Refusal> {
    if signatures.is_empty() {
        return Err(Refusal::Unsigned);
    }
    let best = signatures.iter().filter_map(|value| read(value)).min_by_key(|(method, _)| *method);
    let (method, signature) = best.ok_or(Refusal::UnknownMethod)?;
    let is_right = match method {
        Method::Sha512 => is_right::<Hmac<Sha512>>(key, body, &signature),
        Method::Sha384 => is_right::<Hmac<Sha384>>(key, body, &signature),
        Method::Sha256 => is_right::<Hmac<Sha256>>(key, body, &signature),
        Method::Sha1 => is_right::<Hmac<Sha1>>(key, body, &signature),
    };
    if is_right { Ok(()) } else { Err(Refusal::Wrong) }
}

fn is_right<M: Mac + KeyInit>(key: &Key, body: &[u8], signature: &[u8]) -> bool {
    // An HMAC takes keys of any length.
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(key.expose().as_bytes()) else { return false };
    mac.update(body);
    mac.verify_slice(signature).is_ok()
}

/// Method and bytes of one value; a method we know whose value is not hexadecimal is a wrong signature, not an unknown one.
fn read(value: &[u8]) -> Option<(Method, Vec<u8>)> {
    let text = std::str::from_utf8(value).ok()?;
    let (method, digits) = text.trim().split_once('=')?;
    let method = match method.trim().to_ascii_lowercase().as_str() {
        "sha512" => Method::Sha512,
        "sha384" => Method::Sha384,
        "sha256" => Method::Sha256,
        "sha1" => Method::Sha1,
        _ => return None,
    };
    Some((method, bytes(digits.trim()).unwrap_or_default()))
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    if digits.len() > 128 || !digits.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digits.chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}
