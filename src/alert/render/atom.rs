//! The latest alerts as an Atom feed (RFC 4287), for readers and for other monitors.
//!
//! Owns the feed's shape. Its categories carry score and triggers as the Europe Media Monitor's do (`emm:score`,
//! `emm:trigger`), so that programs which read those read ours. Refuses to write files.

use jiff::Timestamp;
use xxhash_rust::xxh3::xxh3_128;

use super::cap::{Bulletin, Origin, Trigger};
use super::clean::{clean, cut};
use super::headers::label;
use super::host::followable;
use super::xml::{element, escaped};
use crate::article::NO_PLACE;
use crate::article::place::country;

/// Entries of a feed.
pub const ENTRIES_MAX: usize = 500;
/// Characters of an entry's content.
const CONTENT_CHARS_MAX: usize = 4_000;

/// The whole document, the latest alert first. Without alerts its time is the first there is.
pub fn feed(bulletins: &[Bulletin], origin: &Origin) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    xml.push_str("<feed xmlns=\"http://www.w3.org/2005/Atom\" xmlns:emm=\"http://emm.jrc.it\">\n");
    let updated = bulletins.iter().map(|bulletin| bulletin.at).max().unwrap_or(Timestamp::UNIX_EPOCH);
    element(&mut xml, "  ", "id", &urn(origin, "alerts"));
    element(&mut xml, "  ", "title", "Wirewatch alerts");
    element(&mut xml, "  ", "updated", &time(updated));
    xml.push_str("  <author>\n");
    element(&mut xml, "    ", "name", "Wirewatch");
    xml.push_str("  </author>\n");
    xml.extend(["  <generator version=\"", env!("CARGO_PKG_VERSION"), "\">Wirewatch</generator>\n"]);
    for bulletin in bulletins.iter().take(ENTRIES_MAX) {
        entry(&mut xml, bulletin, origin);
    }
    xml.push_str("</feed>\n");
    xml
}

fn entry(xml: &mut String, bulletin: &Bulletin, origin: &Origin) {
    xml.push_str("  <entry>\n");
    element(xml, "    ", "id", &urn(origin, &format!("alert-{}-{}", bulletin.alert, bulletin.at)));
    element(xml, "    ", "title", &clean(&bulletin.subject, 200));
    element(xml, "    ", "updated", &time(bulletin.at));
    element(xml, "    ", "published", &time(bulletin.at));
    if let Some(url) = followable(bulletin.link.as_deref()) {
        xml.extend(["    <link rel=\"alternate\" href=\"", &escaped(&url), "\"/>\n"]);
    }
    let triggers: Vec<String> =
        bulletin.triggers.iter().map(Trigger::in_brackets).map(|trigger| format!("{trigger}; ")).collect();
    let score =
        if bulletin.score.is_finite() { (bulletin.score.clamp(0.0, 1.0) * 100.0).round() } else { 0.0 };
    xml.extend([
        "    <category term=\"",
        &escaped(&label(&bulletin.topic_id)),
        "\" label=\"",
        &escaped(&clean(&bulletin.topic_name, 200)),
        &format!(
            "\" emm:rank=\"0\" emm:score=\"{score}\" emm:trigger=\"{}\"/>\n",
            escaped(&triggers.concat())
        ),
    ]);
    let mut tag = |scheme: &str, term: &str| {
        xml.extend(["    <category scheme=\"urn:wirewatch:", scheme, "\" term=\"", &escaped(term), "\"/>\n"]);
    };
    tag("kind", bulletin.kind.as_str());
    tag("severity", bulletin.severity.as_str());
    tag("incident", &bulletin.incident.to_string());
    tag("publishers", &bulletin.publishers.to_string());
    if bulletin.place != NO_PLACE && country::name(&bulletin.place).is_some() {
        tag("place", &bulletin.place);
    }
    element(xml, "    ", "summary", &clean(&bulletin.reason, 400));
    xml.push_str("    <content type=\"text\">");
    xml.push_str(&escaped(&cut(bulletin.text.trim(), CONTENT_CHARS_MAX)));
    xml.push_str("</content>\n  </entry>\n");
}

/// RFC 4287 section 4.2.6: an id that never changes, whatever the configuration does. A UUID of version 8 (RFC 9562), made
/// of the database and the name.
fn urn(origin: &Origin, name: &str) -> String {
    let hash = xxh3_128(format!("{}/{name}", origin.instance).as_bytes());
    let bits = (hash & !(0xf << 76) & !(0b11 << 62)) | (0x8 << 76) | (0b10 << 62);
    let digits = format!("{bits:032x}");
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    format!("urn:uuid:{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
