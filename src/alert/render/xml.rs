//! XML as text: escaping, and elements that hold text.
//!
//! Refuses what XML 1.0 section 2.2 does: a document with a control character in it is none.

/// The text as XML and HTML write it, in elements and attributes alike.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' | '\t' => safe.push(c),
            c if c.is_control() || u32::from(c) & 0xfffe == 0xfffe => {}
            c => safe.push(c),
        }
    }
    safe
}

/// Adds `<name>text</name>` on a line of its own.
pub(super) fn element(xml: &mut String, indent: &str, name: &str, text: &str) {
    xml.extend([indent, "<", name, ">", &escaped(text), "</", name, ">\n"]);
}

/// Adds an element unless its text is empty.
pub(super) fn element_if(xml: &mut String, indent: &str, name: &str, text: &str) {
    if !text.is_empty() {
        element(xml, indent, name, text);
    }
}
