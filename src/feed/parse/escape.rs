//! Character and entity references, both ways.
//!
//! Owns what `&…;` means: numbers, and the names HTML knows. Refuses entities a document defines itself, so that
//! nothing can ever be expanded into more text than was sent.

use html5ever::data::NAMED_ENTITIES;

/// No entity's name is longer; a `;` further off belongs to something else.
const NAME_LETTERS_MAX: usize = 40;

/// What a reference stands for.
pub(super) enum Referent {
    Letter(char),
    /// Some names mean a letter and a mark on it.
    Pair(char, char),
    /// A number no text may hold (a control character): it stands for nothing.
    Nothing,
}

/// Resolves what stands between `&` and `;`.
pub(super) fn resolve(reference: &str) -> Option<Referent> {
    let Some(number) = reference.strip_prefix('#') else {
        return named(reference);
    };
    let code = match number.strip_prefix(['x', 'X']) {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            u32::from_str_radix(digits, 16).ok()?
        }
        None if number.bytes().all(|byte| byte.is_ascii_digit()) => number.parse().ok()?,
        _ => return None,
    };
    Some(letter_of(code))
}

/// The names HTML knows, from html5ever's table: quick-xml's own cuts every three-digit code point to two, so that
/// `&scaron;` became a control character and `&alpha;` a semicolon.
fn named(name: &str) -> Option<Referent> {
    if name.len() > NAME_LETTERS_MAX {
        return None;
    }
    let (first, second) = NAMED_ENTITIES.get(format!("{name};").as_str())?;
    let first = char::from_u32(*first).filter(|letter| *letter != '\0')?;
    match char::from_u32(*second).filter(|letter| *letter != '\0') {
        Some(second) => Some(Referent::Pair(first, second)),
        None => Some(Referent::Letter(first)),
    }
}

/// HTML's rule for numeric references: 128 to 159 mean windows-1252, surrogates and beyond mean "unknown".
fn letter_of(code: u32) -> Referent {
    match code {
        0x09 | 0x0A | 0x0D => Referent::Letter(char::from_u32(code).unwrap_or(' ')),
        0..0x20 | 0x7F => Referent::Nothing,
        0x80..=0x9F => {
            let byte = [u8::try_from(code).unwrap_or(b' ')];
            let (text, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(&byte);
            Referent::Letter(text.chars().next().unwrap_or(char::REPLACEMENT_CHARACTER))
        }
        _ => Referent::Letter(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)),
    }
}

/// Appends an attribute's value with its references resolved; what resolves to nothing known stays as written.
pub(super) fn push_unescaped(out: &mut String, raw: &str) {
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        rest = after;
        let end = after.bytes().take(NAME_LETTERS_MAX).position(|byte| byte == b';');
        let name = end.and_then(|end| after.get(..end));
        match name.and_then(resolve) {
            Some(referent) => {
                match referent {
                    Referent::Letter(letter) => out.push(letter),
                    Referent::Pair(first, second) => out.extend([first, second]),
                    Referent::Nothing => {}
                }
                rest = end.and_then(|end| after.get(end + 1..)).unwrap_or_default();
            }
            None => out.push('&'),
        }
    }
    out.push_str(rest);
}

/// Appends plain text as HTML, until the whole is `bytes_max` long.
pub(super) fn push_escaped(out: &mut String, text: &str, bytes_max: usize) {
    for letter in text.chars() {
        if out.len() + letter.len_utf8() > bytes_max {
            return;
        }
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            _ => out.push(letter),
        }
    }
}

/// Plain text as HTML.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_escaped(&mut out, text, super::TEXT_BYTES_MAX);
    out
}

/// Decodes base64 (RFC 4648), skipping whatever is not of its alphabet; Atom 0.3 allowed it for any content.
pub(super) fn base64(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let mut bits = 0_u32;
    let mut held = 0;
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => continue,
        };
        bits = (bits << 6) | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from((bits >> held) & 0xFF).unwrap_or(0));
        }
    }
    out
}
