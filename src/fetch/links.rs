//! `Link` headers (RFC 8288): where a feed names its hub and itself, and a page its feeds.
//!
//! Owns their grammar. Pure, bounded, and lenient as browsers are: what cannot be read is passed over. Refuses to
//! decide what a relation means.

use reqwest::header::{HeaderMap, LINK};
use url::Url;

use super::Link;

/// Links kept of one answer.
const LINKS_MAX: usize = 32;

/// Bytes of `Link` headers read of one answer.
const BYTES_MAX: usize = 16 << 10;

/// Reads the links of an answer that came from `base`.
pub(super) fn read(headers: &HeaderMap, base: &Url) -> Vec<Link> {
    let mut links = Vec::new();
    let mut bytes_left = BYTES_MAX;
    for value in headers.get_all(LINK) {
        // Addresses outside ASCII come as UTF-8 in practice.
        let line = String::from_utf8_lossy(value.as_bytes());
        let Some(rest) = bytes_left.checked_sub(line.len()) else { break };
        bytes_left = rest;
        for element in split(&line, ',') {
            if links.len() >= LINKS_MAX {
                return links;
            }
            links.extend(link(element, base));
        }
    }
    links
}

fn link(element: &str, base: &Url) -> Option<Link> {
    let (target, parameters) = element.trim().strip_prefix('<')?.split_once('>')?;
    let url = base.join(target.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let mut link = Link { url, rel: Vec::new(), media_type: None, title: None };
    for parameter in split(parameters, ';') {
        let Some((name, value)) = parameter.split_once('=') else { continue };
        let value = unquoted(value.trim());
        match name.trim().to_ascii_lowercase().as_str() {
            // RFC 8288 section 3.3: only the first `rel` counts.
            "rel" if link.rel.is_empty() => {
                link.rel = value.split_ascii_whitespace().map(str::to_ascii_lowercase).collect();
            }
            "type" if link.media_type.is_none() => {
                let kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
                link.media_type = Some(kind).filter(|kind| !kind.is_empty());
            }
            "title" if link.title.is_none() => link.title = Some(value),
            _ => {}
        }
    }
    // A link of another page is none of this one's.
    let is_of_another =
        split(parameters, ';').any(|it| it.trim_start().to_ascii_lowercase().starts_with("anchor"));
    (!link.rel.is_empty() && !is_of_another).then_some(link)
}

/// Splits at a separator, but not inside `<…>` and `"…"`.
fn split(line: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut in_quotes, mut in_brackets, mut escaped) = (false, false, false);
    line.split(move |letter: char| {
        if std::mem::take(&mut escaped) {
            return false;
        }
        match letter {
            '\\' if in_quotes => escaped = true,
            '"' if !in_brackets => in_quotes = !in_quotes,
            '<' if !in_quotes => in_brackets = true,
            '>' if !in_quotes => in_brackets = false,
            _ => return letter == separator && !in_quotes && !in_brackets,
        }
        false
    })
}

/// A parameter's value without its quotes and their escapes.
fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"') else { return value.to_owned() };
    let mut text = String::with_capacity(inner.len());
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => break,
            '\\' => text.extend(letters.next()),
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_lines(lines: &[&str]) -> Vec<String> {
        let headers: HeaderMap = lines.iter().map(|line| (LINK, line.parse().unwrap())).collect();
        let base = Url::parse("https://example.org/blog/feed").unwrap();
        let shown = |link: Link| {
            let kind = link.media_type.map(|kind| format!(" {kind}")).unwrap_or_default();
            let title = link.title.map(|title| format!(" {title:?}")).unwrap_or_default();
            format!("{} {}{kind}{title}", link.rel.join("+"), link.url)
        };
        read(&headers, &base).into_iter().map(shown).collect()
    }

    #[test]
    fn reads_links() {
        let check = |lines: &[&str], expected: &[&str]| assert_eq!(read_lines(lines), expected, "{lines:?}");
        check(&["<https://hub.example/>; rel=\"hub\""], &["hub https://hub.example/"]);
        check(
            &["<https://hub.example/>; rel=hub, </feed>; rel=\"self\"", "<?page=2>; rel=next"],
            &[
                "hub https://hub.example/",
                "self https://example.org/feed",
                "next https://example.org/blog/feed?page=2",
            ],
        );
        check(&["<a>; REL=\"Alternate Hub\""], &["alternate+hub https://example.org/blog/a"]);
        check(
            &[
                "</f>;rel=alternate;type=\"Application/RSS+xml; charset=utf-8\";title=\"News, \\\"all\\\"; daily\"",
            ],
            &["alternate https://example.org/f application/rss+xml \"News, \\\"all\\\"; daily\""],
        );
        check(&["<https://example.org/a,b;c>; rel=self"], &["self https://example.org/a,b;c"]);
        check(&["<a>; rel=self; rel=hub"], &["self https://example.org/blog/a"]);
        // What is no link of this page.
        for line in
            ["", "<a>", "a; rel=hub", "<a; rel=hub", "<file:///etc/passwd>; rel=hub", "<http://[>; rel=hub"]
        {
            check(&[line], &[]);
        }
        check(&["<a>; rel=hub; anchor=\"/other\""], &[]);
        check(&["<a>; rel=\"\"", "<b>; rel=\"hub", ",,;,"], &["hub https://example.org/blog/b"]);
    }

    #[test]
    fn keeps_a_bounded_number() {
        let many = "<a>; rel=hub, ".repeat(500);
        assert_eq!(read_lines(&[&many]).len(), LINKS_MAX);
        let long = format!("<{}>; rel=hub", "a".repeat(BYTES_MAX));
        assert_eq!(read_lines(&[&long]), Vec::<String>::new());
    }
}
