//! Headers of an alert's mail beyond those that every mail has.
//!
//! Owns what filters and mail programs may rely on: the list (RFC 2919), the way out of it (RFC 2369, RFC 8058), the facts.
//! Refuses `Precedence` for an alert: it is no bulk mail, and a digest is.

use super::clean::clean;
use super::host::ascii;
use super::view::AlertView;
use super::words::number;
use crate::alert::Kind;
use crate::topic::Severity;

/// Longest link that is put into a header: with its fellows it must fit one line.
const HEADER_URL_BYTES_MAX: usize = 300;

/// Headers for filters: the list, the topic, its severity and score; `critical` asks for attention.
pub fn headers(view: &AlertView) -> Vec<(String, String)> {
    let label = label(&view.topic_id);
    // RFC 2919: a phrase and the id in angle brackets; what would end the phrase is taken out.
    let phrase: String = clean(&view.topic_name, 80)
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-'))
        .collect();
    let mut headers = vec![(
        "List-Id".to_owned(),
        format!("{} <{label}.wirewatch>", phrase.trim()).trim_start().to_owned(),
    )];
    headers.extend(way_out(view.contact.as_deref(), &label));
    headers.extend([
        ("X-Wirewatch-Topic".to_owned(), label),
        ("X-Wirewatch-Kind".to_owned(), view.kind.as_str().to_owned()),
        ("X-Wirewatch-Severity".to_owned(), view.severity.as_str().to_owned()),
        ("X-Wirewatch-Score".to_owned(), number(view.score)),
        ("X-Wirewatch-Incident".to_owned(), view.incident.to_string()),
        ("X-Wirewatch-Alert".to_owned(), view.alert.to_string()),
    ]);
    // That it is over calls nobody from the table.
    if view.severity == Severity::Critical && view.kind != Kind::AllClear {
        headers.extend(urgent());
    }
    headers
}

/// Headers that ask for attention.
pub(super) fn urgent() -> [(String, String); 2] {
    [("Importance".to_owned(), "high".to_owned()), ("X-Priority".to_owned(), "1".to_owned())]
}

/// RFC 2369: who is written to by those who want no more of it.
pub(super) fn way_out(contact: Option<&str>, label: &str) -> Option<(String, String)> {
    let address = mailto(contact?)?;
    Some((UNSUBSCRIBE.to_owned(), format!("<mailto:{address}?subject=unsubscribe%20{label}>")))
}

const UNSUBSCRIBE: &str = "List-Unsubscribe";
const ONE_CLICK: (&str, &str) = ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click");

/// Puts a link that ends these mails before the address that does. Only over HTTPS is it one click (RFC 8058 section 3.1).
pub(super) fn with_unsubscribe(headers: &mut Vec<(String, String)>, url: &str) {
    let is_sound = url.len() <= HEADER_URL_BYTES_MAX && url.bytes().all(|byte| byte.is_ascii_graphic());
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    if !is_sound || !is_web || url.contains(['<', '>', ',']) {
        return;
    }
    match headers.iter_mut().find(|(name, _)| name == UNSUBSCRIBE) {
        Some((_, value)) => *value = format!("<{url}>, {value}"),
        None => headers.push((UNSUBSCRIBE.to_owned(), format!("<{url}>"))),
    }
    headers.retain(|(name, _)| name != ONE_CLICK.0);
    if !url.starts_with("https://") {
        return;
    }
    headers.push((ONE_CLICK.0.to_owned(), ONE_CLICK.1.to_owned()));
}

/// A topic's name as a label of RFC 2919, which a command line takes as one word, too.
pub(super) fn label(topic_id: &str) -> String {
    let label = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' };
    topic_id.to_ascii_lowercase().chars().map(label).take(63).collect()
}

/// An address as it stands in a `mailto:` (RFC 6068 section 2): the part before the `@` percent-encoded, the host in ASCII.
/// Quoted forms (RFC 5321 section 4.1.2) are left out.
fn mailto(address: &str) -> Option<String> {
    let (local, domain) = address.rsplit_once('@')?;
    let is_atom = |c: char| c.is_alphanumeric() || c.is_ascii() && ".!#$%&'*+-/=?^_`{|}~".contains(c);
    let domain = ascii(domain)?;
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    if local.is_empty() || domain.is_empty() || !local.chars().all(is_atom) || !domain.chars().all(is_host) {
        return None;
    }
    let encode = |byte: u8| match char::from(byte) {
        plain if plain.is_ascii_alphanumeric() || ".-_~+".contains(plain) => plain.to_string(),
        _ => format!("%{byte:02X}"),
    };
    let address = format!("{}@{domain}", local.bytes().map(encode).collect::<String>());
    (address.len() <= HEADER_URL_BYTES_MAX).then_some(address)
}
