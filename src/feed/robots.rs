//! robots.txt: what a site lets us read beside its feeds (RFC 9309).
//!
//! Owns [`Robots`], the rules of a site for us, and [`Standing`], what is known of them. Feeds are not asked for by these
//! rules: publishing one is the permission to poll it. Pages are. Everything is linear in the file and in the address,
//! which is why no library does it: the ones there are turn each line of a stranger's file into a regular expression.
//! Refuses to fetch.

use std::time::Duration;

use super::answer::AnswerKind;

/// Our product token (RFC 9309 section 2.2.1).
pub const PRODUCT: &str = "wirewatch";

/// Bytes of a robots.txt that are read: as many as must be (section 2.5).
pub const BYTES_MAX: usize = 500 << 10;

/// Rules that are kept; the longest ones of a file that has more would be the last to matter.
const RULES_MAX: usize = 2_000;

/// Longest pattern, bytes; no address is longer than this either.
const PATTERN_BYTES_MAX: usize = 2_000;

/// How long rules are believed (section 2.4: not longer than a day).
pub const BELIEVED_FOR: Duration = Duration::from_hours(24);

/// How long nothing is read after robots.txt itself could not be, before it is asked for again.
pub const RETRY_AFTER: Duration = Duration::from_hours(1);

/// What is known of a site's rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It has these; none when it has no robots.txt (section 2.3.1.3).
    Rules(Robots),
    /// Its robots.txt cannot be had now, so that nothing may be read (section 2.3.1.4).
    Unreachable,
}

impl Standing {
    /// What an answer to the request for robots.txt means. `bytes` is the body of a 200.
    pub fn of(kind: AnswerKind, bytes: &[u8]) -> Self {
        match kind {
            AnswerKind::Document => Self::Rules(Robots::parse(bytes, PRODUCT)),
            // 429 says that the server is busy, not that it has no rules.
            AnswerKind::Limited
            | AnswerKind::Unavailable
            | AnswerKind::ServerError
            | AnswerKind::Unreachable
            | AnswerKind::Broken
            | AnswerKind::Stumbled => Self::Unreachable,
            _ => Self::Rules(Robots::default()),
        }
    }

    /// How long this is believed.
    pub fn believed_for(&self) -> Duration {
        match self {
            Self::Rules(_) => BELIEVED_FOR,
            Self::Unreachable => RETRY_AFTER,
        }
    }
}

/// The rules of a site for one product.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Robots {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    allows: bool,
    /// Path pattern with `*` and a final `$`, percent-encoding made alike.
    pattern: String,
}

impl Robots {
    /// Reads the rules for `product`: those of all groups that name it, or else those of the groups for `*`.
    pub fn parse(bytes: &[u8], product: &str) -> Self {
        let text = String::from_utf8_lossy(whole_lines(bytes));
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let (mut named, mut general) = (Vec::new(), Vec::new());
        let (mut for_us, mut for_all, mut in_rules, mut is_named) = (false, false, false, false);
        for line in text.split(['\n', '\r']) {
            let line = line.split('#').next().unwrap_or_default();
            let Some((key, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            match key.trim().to_ascii_lowercase().as_str() {
                "user-agent" => {
                    if in_rules {
                        (for_us, for_all, in_rules) = (false, false, false);
                    }
                    for_us |= product_of(value).eq_ignore_ascii_case(product);
                    for_all |= value == "*";
                    is_named |= for_us;
                }
                key @ ("allow" | "disallow") => {
                    in_rules = true;
                    let group = match (for_us, for_all) {
                        (true, _) => &mut named,
                        (false, true) => &mut general,
                        (false, false) => continue,
                    };
                    if group.len() < RULES_MAX
                        && value.len() <= PATTERN_BYTES_MAX
                        && value.starts_with(['/', '*'])
                    {
                        group.push(Rule { allows: key == "allow", pattern: alike(value) });
                    }
                }
                // Sitemaps and the like stand anywhere and end no group (section 2.2.4).
                _ => {}
            }
        }
        Self { rules: if is_named { named } else { general } }
    }

    /// Whether an address may be read; `target` is its path with the query. The longest pattern that matches decides, and
    /// of two as long the one that allows (section 2.2.2). robots.txt itself always may.
    pub fn allows(&self, target: &str) -> bool {
        let target = alike(target);
        if target == "/robots.txt" {
            return true;
        }
        let matching = self.rules.iter().filter(|rule| matches(&rule.pattern, &target));
        matching.max_by_key(|rule| (rule.pattern.len(), rule.allows)).is_none_or(|rule| rule.allows)
    }

    /// The rules as a robots.txt that says only these.
    pub fn to_text(&self) -> String {
        if self.rules.is_empty() {
            return String::new();
        }
        let lines = self.rules.iter().map(|rule| {
            let key = if rule.allows { "Allow" } else { "Disallow" };
            format!("{key}: {}\n", rule.pattern)
        });
        std::iter::once(format!("User-agent: {PRODUCT}\n")).chain(lines).collect()
    }
}

/// The part of a file that is read. A rule cut in its middle would say more than its author meant.
fn whole_lines(bytes: &[u8]) -> &[u8] {
    let Some(head) = bytes.get(..BYTES_MAX).filter(|head| head.len() < bytes.len()) else { return bytes };
    let end = head.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or_default();
    head.get(..end).unwrap_or_default()
}

/// The product token at the start of a `User-agent` value: `wirewatch` of `Wirewatch/1.0`.
fn product_of(value: &str) -> &str {
    let is_token = |letter: char| letter.is_ascii_alphabetic() || matches!(letter, '-' | '_');
    value.find(|letter| !is_token(letter)).map_or(value, |end| value.get(..end).unwrap_or_default())
}

/// A path or pattern with its percent-encoding made alike: what need not be encoded is not, what must be is, in capitals.
fn alike(path: &str) -> String {
    let mut alike = String::with_capacity(path.len());
    let mut bytes = path.as_bytes().iter();
    while let Some(&byte) = bytes.next() {
        let escape = bytes.as_slice().get(..2).filter(|_| byte == b'%').and_then(hexadecimal);
        match escape {
            Some(code) if code.is_ascii_alphanumeric() || matches!(code, b'-' | b'.' | b'_' | b'~') => {
                alike.push(char::from(code));
            }
            Some(code) => escape_into(&mut alike, code),
            None if byte.is_ascii_graphic() => alike.push(char::from(byte)),
            None => escape_into(&mut alike, byte),
        }
        if escape.is_some() {
            bytes.nth(1);
        }
    }
    alike
}

fn escape_into(text: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |value: u8| char::from(DIGITS[usize::from(value & 15)]);
    text.extend(['%', digit(byte >> 4), digit(byte)]);
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    let digits =
        std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u8::from_str_radix(digits, 16).ok()
}

/// Whether a pattern matches the beginning of a target, or all of it when it ends in `$`. Taking each run between two
/// stars where it comes first is always right, so nothing is tried twice.
fn matches(pattern: &str, target: &str) -> bool {
    let (pattern, is_whole) = match pattern.strip_suffix('$') {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    let mut runs = pattern.split('*');
    let Some(mut rest) = target.strip_prefix(runs.next().unwrap_or_default()) else { return false };
    let mut runs = runs.peekable();
    if runs.peek().is_none() {
        return !is_whole || rest.is_empty();
    }
    while let Some(run) = runs.next() {
        if is_whole && runs.peek().is_none() {
            return rest.ends_with(run);
        }
        match rest.split_once(run) {
            _ if run.is_empty() => {}
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}
