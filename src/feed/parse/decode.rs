//! Bytes into text: byte order marks, declared charsets, and a guess where declarations are absent or lie.
//!
//! Owns the question "which encoding is this?". Refuses to look at markup beyond the XML declaration.
//!
//! The order is: byte order mark, valid UTF-8, what the document or the server declares, and last a guess.
//! Valid UTF-8 beats declarations because no other text of more than a few letters passes for it by chance,
//! while servers and templates declare ISO-8859-1 by habit.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Bytes the detector may look at: it reads about 15 MB/s, and more text does not change its mind.
const DETECT_BYTES_MAX: usize = 64 * 1024;
/// Where an XML declaration must have ended.
const DECLARATION_BYTES_MAX: usize = 512;

/// Text, and what had to be done to get it.
pub(super) struct Decoded {
    pub(super) text: String,
    /// What was wrong, in words for the owner.
    pub(super) trouble: Option<String>,
}

impl Decoded {
    fn clean(text: String) -> Self {
        Self { text, trouble: None }
    }
}

/// Decodes a document. `content_type` is the HTTP header, `host` the feed's host (its country hints at the charset).
pub(super) fn decode(document: &[u8], content_type: Option<&str>, host: Option<&str>) -> Decoded {
    if let Some(rest) = document.strip_prefix(b"\xEF\xBB\xBF") {
        return utf8_or_mixed(rest);
    }
    if let Some((big_endian, rest)) = utf32(document) {
        return decode_utf32(rest, big_endian);
    }
    if let Some((encoding, rest)) = utf16(document) {
        return decode_as(rest, encoding);
    }
    let by_server = content_type.and_then(charset_of_content_type).and_then(eight_bit);
    let by_document = declared_encoding(document).and_then(|label| eight_bit(&label));
    if let Ok(text) = std::str::from_utf8(document) {
        // ISO-2022-JP is the one declared encoding in use whose bytes are all ASCII.
        let declared = by_document.or(by_server);
        if declared == Some(ISO_2022_JP) && document.contains(&0x1B) {
            return decode_as(document, ISO_2022_JP);
        }
        return Decoded::clean(text.to_owned());
    }
    decode_legacy(document, by_server, by_document, host)
}

/// The document is not UTF-8: believe a declaration that can be true, else guess.
fn decode_legacy(
    document: &[u8],
    by_server: Option<&'static Encoding>,
    by_document: Option<&'static Encoding>,
    host: Option<&str>,
) -> Decoded {
    let legacy = |encoding: Option<&'static Encoding>| encoding.filter(|encoding| *encoding != UTF_8);
    // RFC 7303 puts the header above the document, but servers send "iso-8859-1" without looking.
    let habit = legacy(by_server) == Some(WINDOWS_1252);
    let declared = if habit { legacy(by_document) } else { None }
        .or_else(|| legacy(by_server))
        .or_else(|| legacy(by_document));
    let (good, bad) = count_sequences(document);
    match declared {
        Some(_) if good >= 8 && good >= bad.saturating_mul(16) => utf8_or_mixed(document),
        Some(encoding) => decode_as(document, encoding),
        None if good >= bad.saturating_mul(2) => utf8_or_mixed(document),
        None => {
            let encoding = guess(document, host);
            let mut decoded = decode_as(document, encoding);
            decoded.trouble = Some(format!(
                "the document is not UTF-8 and declares no other encoding that fits; it was read as {}",
                encoding.name()
            ));
            decoded
        }
    }
}

/// UTF-8 with foreign bytes in it, usually pasted windows-1252 quotes: those bytes are read as that.
fn utf8_or_mixed(bytes: &[u8]) -> Decoded {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Decoded::clean(text.to_owned());
    }
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 16);
    let mut at = 0;
    let mut bad = 0_usize;
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        at += chunk.valid().len() + chunk.invalid().len();
        if chunk.invalid().is_empty() {
            continue;
        }
        bad += 1;
        // A sequence cut by the end of the document is a break, not a foreign byte.
        let cut = at == bytes.len() && chunk.invalid().first().is_some_and(|byte| *byte >= 0xC2);
        if !cut {
            text.push_str(&WINDOWS_1252.decode_without_bom_handling(chunk.invalid()).0);
        }
    }
    Decoded {
        text,
        trouble: Some(format!("{bad} byte sequences are not UTF-8; they were read as windows-1252")),
    }
}

fn decode_as(bytes: &[u8], encoding: &'static Encoding) -> Decoded {
    let (text, damaged) = encoding.decode_without_bom_handling(bytes);
    let trouble = damaged.then(|| format!("some bytes do not fit the encoding {}", encoding.name()));
    Decoded { text: text.into_owned(), trouble }
}

/// Counts multi-byte characters and invalid runs.
fn count_sequences(bytes: &[u8]) -> (usize, usize) {
    let mut good = 0;
    let mut bad = 0;
    for chunk in bytes.utf8_chunks() {
        // In valid UTF-8 every multi-byte character has exactly one byte at or above 0xC0.
        good += chunk.valid().bytes().filter(|byte| *byte >= 0xC0).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    (good, bad)
}

fn guess(document: &[u8], host: Option<&str>) -> &'static Encoding {
    let clean = document.utf8_chunks().next().map_or(0, |chunk| chunk.valid().len());
    let window = document.get(clean.saturating_sub(64)..).unwrap_or(document);
    let window = window.get(..DETECT_BYTES_MAX).unwrap_or(window);
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(window, true);
    let country = host
        .and_then(|host| host.rsplit('.').next())
        .filter(|label| label.bytes().all(|byte| byte.is_ascii_lowercase()))
        .map(str::as_bytes);
    detector.guess(country, Utf8Detection::Deny)
}

/// The charset parameter of a Content-Type header.
fn charset_of_content_type(header: &str) -> Option<&str> {
    header.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches(['"', '\'']))
    })
}

/// The encoding an XML declaration names, read from raw bytes.
fn declared_encoding(document: &[u8]) -> Option<String> {
    let head = document.get(..DECLARATION_BYTES_MAX).unwrap_or(document);
    let head = String::from_utf8_lossy(head);
    let (_, declaration) = head.split_once("<?xml")?;
    let (declaration, _) = declaration.split_once("?>")?;
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    value.split(quote).nth(1).map(|label| label.trim().to_owned())
}

/// A label's encoding, when a document without a byte order mark can be in it at all: templates declare
/// "utf-16" in documents that were saved as UTF-8 long ago.
fn eight_bit(label: &str) -> Option<&'static Encoding> {
    Encoding::for_label_no_replacement(label.as_bytes())
        .filter(|encoding| *encoding != UTF_16LE && *encoding != UTF_16BE)
}

fn utf16(document: &[u8]) -> Option<(&'static Encoding, &[u8])> {
    match document {
        [0xFF, 0xFE, rest @ ..] => Some((UTF_16LE, rest)),
        [0xFE, 0xFF, rest @ ..] => Some((UTF_16BE, rest)),
        [b'<' | b'{', 0, _, 0, ..] => Some((UTF_16LE, document)),
        [0, b'<' | b'{', 0, _, ..] => Some((UTF_16BE, document)),
        _ => None,
    }
}

fn utf32(document: &[u8]) -> Option<(bool, &[u8])> {
    match document {
        [0xFF, 0xFE, 0, 0, rest @ ..] => Some((false, rest)),
        [0, 0, 0xFE, 0xFF, rest @ ..] => Some((true, rest)),
        [b'<' | b'{', 0, 0, 0, ..] => Some((false, document)),
        [0, 0, 0, b'<' | b'{', ..] => Some((true, document)),
        _ => None,
    }
}

/// UTF-32 is outside the WHATWG encodings but inside XML 1.0 appendix F, and a few feeds are in it.
fn decode_utf32(bytes: &[u8], big_endian: bool) -> Decoded {
    let mut damaged = false;
    let text = bytes
        .chunks_exact(4)
        .filter_map(|unit| <[u8; 4]>::try_from(unit).ok())
        .map(|unit| if big_endian { u32::from_be_bytes(unit) } else { u32::from_le_bytes(unit) })
        .map(|code| {
            char::from_u32(code).unwrap_or_else(|| {
                damaged = true;
                char::REPLACEMENT_CHARACTER
            })
        })
        .collect();
    Decoded { text, trouble: damaged.then(|| "some characters are not valid UTF-32".to_owned()) }
}
