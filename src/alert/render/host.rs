//! Links: what may be followed, and where it really leads.
//!
//! Owns which addresses become links and how hosts are written. Refuses to show a name in letters that pretend to be
//! others.

use url::Url;

use super::clean::{clean, isolate};

/// Longest link that is written out; longer ones break mail clients and people's patience.
const URL_CHARS_MAX: usize = 2000;

/// What may be done with an article's link.
pub(super) enum Link {
    /// It may be followed; `host` is where it really leads.
    Web {
        /// ASCII, as the URL standard writes it.
        url: String,
        /// Its host, as [`shown`] writes it.
        host: String,
    },
    /// It may be read, not followed.
    Words(String),
    /// There is none.
    None,
}

/// Only `http` and `https` without user information are links: `javascript:` runs, `file:` points at the
/// reader's own disk, and `https://bank.example@other.example` pretends.
pub(super) fn link(url: Option<&str>) -> Link {
    let Some(text) = url.map(str::trim).filter(|text| !text.is_empty()) else { return Link::None };
    // Mail programs make links of bare addresses; of this they make none.
    let words = || Link::Words(clean(text, 200).replace("://", "[://]").replace('@', "[@]"));
    if text.chars().count() > URL_CHARS_MAX {
        return words();
    }
    let Ok(url) = Url::parse(text) else { return words() };
    let host = url.host_str().unwrap_or_default().to_owned();
    let plain = url.username().is_empty() && url.password().is_none() && !host.is_empty();
    if matches!(url.scheme(), "http" | "https") && plain && url.as_str().len() <= URL_CHARS_MAX {
        Link::Web { url: url.into(), host: shown(&host) }
    } else {
        words()
    }
}

/// The address of a link that may be followed.
pub(super) fn followable(url: Option<&str>) -> Option<String> {
    match link(url) {
        Link::Web { url, .. } => Some(url),
        Link::Words(_) | Link::None => None,
    }
}

/// A domain as it is asked for, in ASCII.
pub(super) fn ascii(domain: &str) -> Option<String> {
    idna::domain_to_ascii(domain).ok()
}

/// A host in ASCII, with its letters beside it where they cannot be taken for others:
/// `xn--bcher-kva.example (bücher.example)`.
fn shown(host: &str) -> String {
    if !host.contains("xn--") {
        return clean(host, 255);
    }
    let (letters, read) = idna::domain_to_unicode(host);
    let ascii_end = host.rsplit('.').next().is_some_and(|label| !label.starts_with("xn--"));
    let is_plain = read.is_ok() && letters.split('.').all(|label| is_plain(label, ascii_end));
    if is_plain {
        format!("{} ({})", clean(host, 255), isolate(&clean(&letters, 255)))
    } else {
        clean(host, 255)
    }
}

/// Writing systems that are told apart. What is not among them is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Greek,
    Cyrillic,
    Hebrew,
    Arabic,
    Indic,
    Thai,
    EastAsian,
}

/// The script of a letter; `None` for one that is left as it is not (rare, or made to look like another).
fn script(letter: char) -> Option<Script> {
    Some(match letter {
        // The dotless i, the long s and the like pass for ASCII letters.
        'ı' | 'ĸ' | 'ŉ' | 'ſ' => return None,
        'a'..='z' | 'A'..='Z' | 'ß'..='ö' | 'ø'..='ž' => Script::Latin,
        '\u{0386}'..='\u{03ce}' => Script::Greek,
        '\u{0430}'..='\u{045f}' | '\u{0491}' => Script::Cyrillic,
        '\u{05d0}'..='\u{05ea}' => Script::Hebrew,
        '\u{0620}'..='\u{065f}' | '\u{066e}'..='\u{06d3}' | '\u{06d5}' => Script::Arabic,
        '\u{0900}'..='\u{0dff}' => Script::Indic,
        '\u{0e01}'..='\u{0e4e}' => Script::Thai,
        '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' => Script::EastAsian,
        _ => return None,
    })
}

/// Whether a label is written in one script that is not mistaken for another. A Greek or Cyrillic label before an ASCII end
/// (`аррӏе.com`) may be a Latin one in disguise, all of it.
fn is_plain(label: &str, ascii_end: bool) -> bool {
    let mut found: Option<Script> = None;
    for letter in label.chars().filter(|letter| !letter.is_ascii_digit() && *letter != '-') {
        let Some(script) = script(letter) else { return false };
        if found.is_some_and(|known| known != script) {
            return false;
        }
        found = Some(script);
    }
    !(ascii_end && matches!(found, Some(Script::Greek | Script::Cyrillic)))
}
