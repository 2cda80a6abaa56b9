//! TOML strings as they are written.
//!
//! Owns the way back from a character of a string's value to its place in the file. Refuses to decode: `toml` does.

/// Where the nth character of a string's value stands in its TOML writing, bytes from the opening quote.
///
/// Follows TOML 1.1's four ways to write a string: what an escape writes is one character, a line break
/// right after `"""` is none, and `\` at the end of a line swallows the blanks that follow.
pub(super) fn offset(written: &str, character: usize) -> usize {
    let long = written.starts_with("\"\"\"") || written.starts_with("'''");
    let escapes = written.starts_with('"');
    let mut at = if long { 3 } else { 1 };
    if long {
        let rest = written.get(at..).unwrap_or("");
        at += if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with('\n')) };
    }
    for _ in 0..character {
        let rest = written.get(at..).unwrap_or("");
        let step = if escapes { step_over(rest) } else { first_len(rest) };
        at += step;
    }
    at += swallowed(written.get(at..).unwrap_or(""), escapes && long);
    at.min(written.len())
}

/// Bytes of what writes the next character of a basic string.
fn step_over(rest: &str) -> usize {
    let skipped = swallowed(rest, true);
    let rest = rest.get(skipped..).unwrap_or("");
    let Some(escaped) = rest.strip_prefix('\\') else { return skipped + first_len(rest) };
    let digits = match escaped.chars().next() {
        Some('x') => 2,
        Some('u') => 4,
        Some('U') => 8,
        _ => 0,
    };
    skipped + 1 + first_len(escaped) + digits
}

/// Bytes of a `\` at the end of a line with the blanks after it, which write nothing.
fn swallowed(rest: &str, possible: bool) -> usize {
    let Some(after) = rest.strip_prefix('\\').filter(|_| possible) else { return 0 };
    let blank = after.len() - after.trim_start_matches([' ', '\t', '\r', '\n']).len();
    if after.get(..blank).is_some_and(|blank| blank.contains('\n')) { 1 + blank } else { 0 }
}

fn first_len(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use super::offset;

    /// The `X` of the value stands where the `X` of the writing does.
    fn check(written: &str) {
        let table: toml::Table = format!("key = {written}").parse().unwrap();
        let value = table["key"].as_str().unwrap();
        let character = value.chars().position(|c| c == 'X').unwrap();
        assert_eq!(offset(written, character), written.find('X').unwrap(), "{written}");
    }

    #[test]
    fn characters_are_found_in_every_way_to_write_a_string() {
        check(r#""X""#);
        check(r#""ab X""#);
        check(r#""هدنة X""#);
        check(r"'a\\ X'");
        check(r#""\"a\" X""#);
        check(r#""\u00e9\U0001F600\x41\t\\ X""#);
        check("\"\"\"X\"\"\"");
        check("\"\"\"\nab\nX\"\"\"");
        check("\"\"\"\r\nab X\"\"\"");
        check("'''\na\\\n X'''");
        check("\"\"\"a \\\n   \n  X\"\"\"");
        check("\"\"\"\\\n  X\"\"\"");
        check("\"\"\"a\"\"b X\"\"\"");
    }

    #[test]
    fn beyond_the_end_is_the_end() {
        assert_eq!(offset("\"ab\"", 99), 4);
        assert_eq!(offset("", 1), 0);
    }
}
