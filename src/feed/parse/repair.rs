//! Text into text a markup reader can walk: characters XML forbids go, and a `<` that opens nothing becomes `&lt;`.
//!
//! Owns repairs that need no knowledge of feeds. Refuses to touch comments and CDATA sections, whose `<` is text.
//! One pass, and no copy when there is nothing to repair.

use std::borrow::Cow;

use encoding_rs::WINDOWS_1252;

/// Repaired text with the number of repairs and where (byte offset) the first one was.
pub(super) struct Repaired<'text> {
    pub(super) text: Cow<'text, str>,
    pub(super) count: usize,
    pub(super) first_at: usize,
}

/// Repairs a document.
pub(super) fn repair(text: &str) -> Repaired<'_> {
    let mut repaired = Repaired { text: Cow::Borrowed(text), count: 0, first_at: 0 };
    if text.bytes().any(is_forbidden) {
        repaired.count = text.bytes().filter(|byte| is_forbidden(*byte)).count();
        repaired.first_at = text.bytes().position(is_forbidden).unwrap_or(0);
        repaired.text = Cow::Owned(
            text.chars().filter(|letter| !u8::try_from(*letter).is_ok_and(is_forbidden)).collect(),
        );
    }
    if repaired.text.contains(is_mistaken_control) {
        repaired.text = Cow::Owned(repaired.text.chars().map(windows_1252_meant).collect());
    }
    let stray = stray_openings(&repaired.text);
    if let Some(first) = stray.first() {
        if repaired.count == 0 {
            repaired.first_at = *first;
        }
        repaired.count += stray.len();
        repaired.text = Cow::Owned(escape_at(&repaired.text, &stray));
    }
    repaired
}

/// Control characters XML 1.0 (section 2.2) leaves out. All are one byte, so bytes can be tested.
fn is_forbidden(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r') || byte == 0x7F
}

/// U+0080 to U+009F are control characters nobody sends: they are windows-1252 bytes somebody took for code points.
fn is_mistaken_control(letter: char) -> bool {
    ('\u{80}'..='\u{9F}').contains(&letter)
}

fn windows_1252_meant(letter: char) -> char {
    match u8::try_from(letter) {
        Ok(byte) if is_mistaken_control(letter) => {
            WINDOWS_1252.decode_without_bom_handling(&[byte]).0.chars().next().unwrap_or(letter)
        }
        _ => letter,
    }
}

/// Offsets of every `<` after which no tag, comment, CDATA section, declaration or instruction can follow.
fn stray_openings(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let mut stray = Vec::new();
    let mut saw_doctype = false;
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find('<')) {
        let open = at + found;
        at = open + 1;
        let rest = text.get(open..).unwrap_or_default();
        if rest.starts_with("<!--") {
            match rest.find("-->") {
                Some(end) => at = open + end,
                None => return stray,
            }
        } else if rest.starts_with("<![CDATA[") {
            match rest.find("]]>") {
                Some(end) => at = open + end,
                None => return stray,
            }
        } else if rest.starts_with("<!DOCTYPE") && !saw_doctype {
            // The declarations inside are not ours to read, and their `<!` opens something. A document has one
            // type at most (XML 1.0, 2.8): looking for the end of each would read the whole rest every time.
            saw_doctype = true;
            if doctype_subset(rest) {
                at = rest.find("]>").map_or(at, |end| open + end);
            }
        } else if !opens_markup(bytes.get(at).copied(), bytes.get(at + 1).copied()) {
            stray.push(open);
        }
    }
    stray
}

/// Whether a document type has declarations of its own.
fn doctype_subset(doctype: &str) -> bool {
    doctype.split_once('>').is_some_and(|(head, _)| head.contains('['))
}

fn opens_markup(next: Option<u8>, second: Option<u8>) -> bool {
    let starts_name = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b':') || byte >= 0x80;
    match next {
        Some(b'/') => second.is_none_or(starts_name),
        Some(b'!') => second.is_none_or(|byte| matches!(byte, b'-' | b'[' | b'D' | b'd')),
        Some(b'?') | None => true,
        Some(byte) => starts_name(byte),
    }
}

fn escape_at(text: &str, offsets: &[usize]) -> String {
    let mut out = String::with_capacity(text.len() + offsets.len() * 3);
    let mut from = 0;
    for at in offsets {
        out.push_str(text.get(from..*at).unwrap_or_default());
        out.push_str("&lt;");
        from = at + 1;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}
