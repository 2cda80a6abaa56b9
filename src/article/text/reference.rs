//! Character references: `&amp;`, `&#8217;`, `&#x2019;` made characters again.
//!
//! Owns the rules of HTML 13.2.5.72 to 80: 2,231 names from html5ever's table, some without a semicolon, and
//! numbers that Windows-1252 writers meant. Refuses to resolve twice; who calls decides that.

use std::borrow::Cow;

use html5ever::data::{C1_REPLACEMENTS, NAMED_ENTITIES};

/// The longest name in the table, `CounterClockwiseContourIntegral;`.
const NAME_LENGTH_MAX: usize = 32;

/// Resolves every character reference once.
pub(in crate::article) fn resolve(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut resolved = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        resolved.push_str(before);
        let length = number(after, &mut resolved).or_else(|| name(after, &mut resolved));
        if length.is_none() {
            resolved.push('&');
        }
        rest = after.get(length.unwrap_or(0)..).unwrap_or_default();
    }
    resolved.push_str(rest);
    Cow::Owned(resolved)
}

/// Whether a complete reference (`&name;` or `&#number;`) stands in the text.
pub(in crate::article) fn is_in(text: &str) -> bool {
    text.split('&').skip(1).any(|after| {
        let mut ignored = String::new();
        number(after, &mut ignored)
            .or_else(|| name(after, &mut ignored))
            .and_then(|length| after.as_bytes().get(length.checked_sub(1)?))
            .is_some_and(|&last| last == b';')
    })
}

/// A numeric reference after `&`: how long it was.
fn number(after: &str, resolved: &mut String) -> Option<usize> {
    let digits = after.strip_prefix('#')?;
    let (digits, radix, prefix) = match digits.strip_prefix(['x', 'X']) {
        Some(hex) => (hex, 16, 2),
        None => (digits, 10, 1),
    };
    let length = digits.bytes().take_while(|byte| char::from(*byte).is_digit(radix)).count();
    let digits = digits.get(..length).filter(|digits| !digits.is_empty())?;
    // Too large for a number is too large for a character.
    let code = u32::from_str_radix(digits, radix).unwrap_or(u32::MAX);
    let windows =
        code.checked_sub(0x80).and_then(|index| *C1_REPLACEMENTS.get(usize::try_from(index).ok()?)?);
    let letter = windows.or_else(|| char::from_u32(code).filter(|&letter| letter != '\0'));
    resolved.push(letter.unwrap_or('\u{fffd}'));
    let semicolon = usize::from(after.as_bytes().get(prefix + length) == Some(&b';'));
    Some(prefix + length + semicolon)
}

/// A named reference after `&`: how long it was. The longest name wins; without its semicolon only the names HTML
/// lists so, and not in the middle of a word (`&notit`, `?a=1&copy=2`).
fn name(after: &str, resolved: &mut String) -> Option<usize> {
    let bytes = after.as_bytes();
    let letters = bytes.iter().take(NAME_LENGTH_MAX).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let has_semicolon = bytes.get(letters) == Some(&b';');
    let mut push = |length: usize| {
        let &(first, second) = NAMED_ENTITIES.get(after.get(..length)?)?;
        resolved.push(char::from_u32(first).filter(|&letter| letter != '\0')?);
        resolved.extend(char::from_u32(second).filter(|&letter| letter != '\0'));
        Some(length)
    };
    if has_semicolon && let Some(length) = push(letters + 1) {
        return Some(length);
    }
    if bytes.get(letters) == Some(&b'=') {
        return None;
    }
    push(letters)
}
