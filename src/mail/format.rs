//! A message as bytes: RFC 5322 headers, a text and an HTML part, nothing but ASCII on the wire.
//!
//! Owns the boundary against header injection: whatever a feed put into a title, a header stays one header.
//! Refuses I/O and the clock; the same message always gives the same bytes.

use std::time::{Duration, SystemTime};

use lettre::message::header::{
    ContentDisposition, ContentId, ContentTransferEncoding, ContentType, Date, HeaderName, HeaderValue,
    InReplyTo, MessageId, MimeVersion, References, Subject,
};
use lettre::message::{Mailbox, MultiPart, MultiPartKind, SinglePart};
use lettre::{Address, Message as Letter};
use xxhash_rust::xxh3::Xxh3;

use super::{MailError, Message, Picture};

/// Characters of one header value. RFC 5322 section 2.1.1 allows 998 octets on a line and ASCII words are
/// folded at spaces only, so a value must fit even when it has none.
const HEADER_CHARS_MAX: usize = 512;

/// Message-ids in `References`. RFC 5322 section 3.6.4 sets no limit; clients thread by the first and the
/// last few.
const REFERENCES_MAX: usize = 12;

/// Seconds from 1970 to the end of the year 9999, the last date a four-digit year can say.
const LAST_SECOND: i64 = 253_402_300_799;

/// Builds the bytes of a message from `from` (`Name <address>`), with CRLF line ends. The result is ASCII,
/// except for a recipient or sender whose local part is not (RFC 6532).
pub fn format(message: &Message, from: &str) -> Result<Vec<u8>, MailError> {
    let id = message_id(&message.message_id);
    if id.is_empty() {
        return Err(MailError::MessageId(message.message_id.clone()));
    }
    let mut builder = Letter::builder()
        .header(Date::from(system_time(message.date.as_second())))
        .from(sender(from)?)
        .to(Mailbox::new(None, recipient(&message.to)?))
        .header(Subject::from(header_text(&message.subject)))
        .header(MessageId::from(format!("<{id}>")));
    let references = references(&message.references);
    if let Some(last) = references.last() {
        builder =
            builder.header(InReplyTo::from(last.clone())).header(References::from(references.join(" ")));
    }
    builder = builder.header(MimeVersion::new(1, 0)).raw_header(raw("Auto-Submitted", "auto-generated")?);
    for (name, value) in &message.headers {
        // A header that this function already wrote is not the caller's to replace.
        if !OWNED.iter().any(|owned| owned.eq_ignore_ascii_case(name)) {
            builder = builder.raw_header(raw(name, &header_text(value))?);
        }
    }
    let text = body_text(&message.text);
    let html = body_text(&message.html);
    let parts = MultiPart::builder()
        .kind(MultiPartKind::Alternative)
        .boundary(boundary(&id, &text, &html))
        .singlepart(part(ContentType::TEXT_PLAIN, text));
    let parts = match &message.picture {
        Some(picture) => parts.multipart(with_picture(&id, html, picture)?),
        None => parts.singlepart(part(ContentType::TEXT_HTML, html)),
    };
    let letter = builder.multipart(parts).map_err(|error| MailError::Build(error.to_string()))?;
    Ok(letter.formatted())
}

/// The HTML part together with what it shows: RFC 2387, whose `type` names the part to begin with; RFC 2392 for the id.
fn with_picture(id: &str, html: String, picture: &Picture) -> Result<MultiPart, MailError> {
    let cid = message_id(&picture.cid);
    let boundary = boundary(id, &cid, &html);
    let kind = ContentType::parse(&format!("multipart/related; type=\"text/html\"; boundary=\"{boundary}\""))
        .map_err(|error| MailError::Build(error.to_string()))?;
    let image = ContentType::parse("image/png").map_err(|error| MailError::Build(error.to_string()))?;
    let shown = SinglePart::builder()
        .header(image)
        .header(ContentDisposition::inline_with_name("trend.png"))
        .header(ContentId::from(format!("<{cid}>")))
        .header(ContentTransferEncoding::Base64)
        .body(picture.png.clone());
    Ok(MultiPart::builder().header(kind).singlepart(part(ContentType::TEXT_HTML, html)).singlepart(shown))
}

/// Headers that only this file writes.
const OWNED: [&str; 15] = [
    "Date",
    "From",
    "Sender",
    "To",
    "Cc",
    "Bcc",
    "Subject",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Auto-Submitted",
    "Return-Path",
];

/// The sender, read.
pub(super) fn sender(from: &str) -> Result<Mailbox, MailError> {
    let mailbox: Mailbox = header_text(from).parse().map_err(|_| MailError::Sender(header_text(from)))?;
    Ok(Mailbox::new(mailbox.name.filter(|name| !name.trim().is_empty()), ascii_domain(mailbox.email)))
}

/// The recipient, read. A domain in another script becomes its ASCII form (RFC 5890), so that only the local
/// part can need SMTPUTF8.
pub(super) fn recipient(to: &str) -> Result<Address, MailError> {
    if to.len() > 254 || to.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(MailError::Recipient(header_text(to)));
    }
    let address: Address = to.parse().map_err(|_| MailError::Recipient(header_text(to)))?;
    Ok(ascii_domain(address))
}

fn ascii_domain(address: Address) -> Address {
    if address.domain().is_ascii() {
        return address;
    }
    match url::Host::parse(address.domain()) {
        Ok(host) => Address::new(address.user(), host.to_string()).unwrap_or(address),
        Err(_) => address,
    }
}

/// One line of plain words: control characters and line ends become spaces, runs of spaces one space, and
/// `=?`, which would be read as an encoded word (RFC 2047), is broken up. At most [`HEADER_CHARS_MAX`].
fn header_text(value: &str) -> String {
    let spaced: String = value
        .chars()
        .take(8 * HEADER_CHARS_MAX)
        .map(|c| if c.is_control() || c.is_whitespace() || is_line_separator(c) { ' ' } else { c })
        .collect();
    let words: Vec<&str> = spaced.split(' ').filter(|word| !word.is_empty()).collect();
    words
        .join(" ")
        .replace("=?", "= ?")
        .chars()
        .take(HEADER_CHARS_MAX)
        .collect::<String>()
        .trim_end()
        .to_owned()
}

/// U+2028 and U+2029 end a line for some readers.
fn is_line_separator(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

fn raw(name: &str, value: &str) -> Result<HeaderValue, MailError> {
    // RFC 5322 section 2.2: printable ASCII except the colon. lettre would let a line end through.
    if !name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
        return Err(MailError::Build(format!("`{}` is not a header name", header_text(name))));
    }
    let name = HeaderName::new_from_ascii(name.to_owned())
        .map_err(|_| MailError::Build(format!("`{}` is not a header name", header_text(name))))?;
    Ok(HeaderValue::new(name, value.to_owned()))
}

/// The characters of an id that may stand between its angle brackets (RFC 5322 section 3.6.4), at most 200.
pub(super) fn message_id(id: &str) -> String {
    id.chars()
        .filter(|c| {
            c.is_ascii_graphic()
                && !matches!(c, '<' | '>' | '(' | ')' | '[' | ']' | '\\' | ',' | ';' | ':' | '"')
        })
        .take(200)
        .collect()
}

/// The first reference, and as many of the last as [`REFERENCES_MAX`] leaves room for, in brackets.
fn references(ids: &[String]) -> Vec<String> {
    let mut clean: Vec<String> =
        ids.iter().map(|id| message_id(id)).filter(|id| !id.is_empty()).map(|id| format!("<{id}>")).collect();
    if clean.len() > REFERENCES_MAX {
        let surplus = clean.len() - REFERENCES_MAX;
        clean.drain(1..=surplus);
    }
    clean
}

/// Bodies keep line ends and tabs and lose every other control character; a lone CR ends a line.
fn body_text(text: &str) -> String {
    let mut lines = text.replace("\r\n", "\n").replace('\r', "\n");
    lines.retain(|c| matches!(c, '\n' | '\t') || !c.is_control());
    lines
}

/// Always encoded, never as it is: then no line can be too long, start with `From `, or be taken for the boundary.
fn part(kind: ContentType, text: String) -> SinglePart {
    let letters = text.chars().count();
    let foreign = text.chars().filter(|c| !c.is_ascii()).count();
    // Quoted-printable spends three octets on each foreign one and stays readable to a person and to grep.
    let encoding = if foreign * 6 > letters {
        ContentTransferEncoding::Base64
    } else {
        ContentTransferEncoding::QuotedPrintable
    };
    SinglePart::builder().header(kind).header(encoding).body(text)
}

/// A boundary no part can hold: `=_` never stands in quoted-printable or base64 (RFC 2045 section 6.7).
fn boundary(id: &str, text: &str, html: &str) -> String {
    let mut hash = Xxh3::new();
    for piece in [id, text, html] {
        hash.update(piece.as_bytes());
        hash.update(&[0]);
    }
    format!("=_wirewatch_{:032x}", hash.digest128())
}

fn system_time(second: i64) -> SystemTime {
    let second = u64::try_from(second.clamp(0, LAST_SECOND)).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_secs(second)
}
