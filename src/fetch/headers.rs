//! Reads the response headers a poller lives by: validators, `Retry-After` and freshness.
//!
//! Owns their grammar. Pure: time is an argument. Refuses to decide what the waits mean for a schedule,
//! and to guess: what cannot be read is absent.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use reqwest::header::{
    AGE, CACHE_CONTROL, DATE, ETAG, EXPIRES, HeaderMap, HeaderName, LAST_MODIFIED, RETRY_AFTER,
};

use super::Headers;

/// A longer wait than this is a mistake of the server, not a wish.
const WAIT_MAX: Duration = Duration::from_hours(10 * 366 * 24);

/// A longer validator is not kept; it would be stored and echoed for ever.
const VALIDATOR_BYTES_MAX: usize = 4096;

/// Reads the headers of an answer received at `now`.
pub(super) fn read(headers: &HeaderMap, now: Timestamp) -> Headers {
    Headers {
        etag: validator(headers, &ETAG),
        last_modified: validator(headers, &LAST_MODIFIED),
        retry_after: retry_after(headers, now),
        fresh_for: fresh_for(headers, now),
    }
}

/// Byte for byte: servers compare what we send back as a string (RFC 9110 section 8.8).
fn validator(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<u8>> {
    let bytes = headers.get(name)?.as_bytes();
    (!bytes.is_empty() && bytes.len() <= VALIDATOR_BYTES_MAX).then(|| bytes.to_vec())
}

/// RFC 9110 section 10.2.3: seconds, or an HTTP-date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = text(headers, &RETRY_AFTER)?;
    let wait = seconds(text).or_else(|| between(now, date(text)?))?;
    (wait <= WAIT_MAX).then_some(wait)
}

/// RFC 9111 section 4.2.1 for a private cache: `max-age` less `Age`, else `Expires` less `Date`.
fn fresh_for(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let mut max_age = None;
    for line in headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok()) {
        for directive in line.split(',') {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"'));
            match name.as_str() {
                "no-store" => return None,
                // With a list of fields it speaks of those fields alone.
                "no-cache" if value.is_empty() => return None,
                "max-age" => {
                    // Directives that contradict one another: the smaller promise holds. One that cannot
                    // be read is stale.
                    let age = seconds(value).unwrap_or_default();
                    max_age = Some(max_age.map_or(age, |known: Duration| known.min(age)));
                }
                _ => {}
            }
        }
    }
    let lifetime = if let Some(max_age) = max_age {
        max_age.saturating_sub(text(headers, &AGE).and_then(seconds).unwrap_or_default())
    } else {
        let sent_at = text(headers, &DATE).and_then(date).unwrap_or(now);
        between(sent_at, text(headers, &EXPIRES).and_then(date)?)?
    };
    (!lifetime.is_zero()).then_some(lifetime.min(WAIT_MAX))
}

fn text<'headers>(headers: &'headers HeaderMap, name: &HeaderName) -> Option<&'headers str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// Digits alone; more of them than a number holds mean "very long" (RFC 9111 section 1.2.2).
fn seconds(text: &str) -> Option<Duration> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)))
}

fn date(text: &str) -> Option<Timestamp> {
    let date: SystemTime = httpdate::parse_http_date(text).ok()?;
    Timestamp::try_from(date).ok()
}

/// The time from one moment to a later one.
fn between(from: Timestamp, to: Timestamp) -> Option<Duration> {
    Duration::try_from(to.duration_since(from)).ok().filter(|wait| !wait.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22T08:00:00Z.
    fn now() -> Timestamp {
        "2026-11-22T08:00:00Z".parse().unwrap()
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn reads_retry_after() {
        let check = |value: &str, expected: Option<u64>| {
            let read = read(&headers(&[("retry-after", value)]), now()).retry_after;
            assert_eq!(read, expected.map(Duration::from_secs), "{value:?}");
        };
        check("120", Some(120));
        check(" 120 ", Some(120));
        check("0", Some(0));
        check("Sun, 22 Nov 2026 08:10:00 GMT", Some(600));
        check("Sunday, 22-Nov-26 08:10:00 GMT", Some(600));
        check("Sun Nov 22 08:10:00 2026", Some(600));
        check("Sun, 22 Nov 2026 07:00:00 GMT", None);
        check("-5", None);
        check("+5", None);
        check("1.5", None);
        check("soon", None);
        check("", None);
        check("315360000", Some(315_360_000));
        check("99999999999", None);
        check("99999999999999999999999999", None);
        check("Sun, 22 Nov 2099 08:10:00 GMT", None);
    }

    #[test]
    fn reads_freshness() {
        let check = |lines: &[(&'static str, &str)], expected: Option<u64>| {
            let read = read(&headers(lines), now()).fresh_for;
            assert_eq!(read, expected.map(Duration::from_secs), "{lines:?}");
        };
        check(&[], None);
        check(&[("cache-control", "max-age=600")], Some(600));
        check(&[("cache-control", "public, Max-Age=\"600\", must-revalidate")], Some(600));
        check(&[("cache-control", "max-age=600"), ("age", "100")], Some(500));
        check(&[("cache-control", "max-age=600"), ("age", "700")], None);
        check(&[("cache-control", "max-age=600"), ("age", "old")], Some(600));
        check(&[("cache-control", "max-age=600, max-age=300")], Some(300));
        check(&[("cache-control", "s-maxage=600")], None);
        check(&[("cache-control", "max-age=0")], None);
        check(&[("cache-control", "max-age=-1")], None);
        check(&[("cache-control", "max-age")], None);
        check(&[("cache-control", "no-store, max-age=600")], None);
        check(&[("cache-control", "max-age=600"), ("cache-control", "no-cache")], None);
        check(&[("cache-control", "no-cache=\"set-cookie\", max-age=600")], Some(600));
        check(&[("cache-control", "max-age=99999999999999999999999")], Some(WAIT_MAX.as_secs()));
        let expires = ("expires", "Sun, 22 Nov 2026 09:00:00 GMT");
        check(&[expires, ("date", "Sun, 22 Nov 2026 08:30:00 GMT")], Some(1800));
        check(&[expires], Some(3600));
        check(&[expires, ("date", "Sun, 22 Nov 2026 09:30:00 GMT")], None);
        check(&[expires, ("cache-control", "max-age=0")], None);
        check(&[("expires", "0")], None);
        check(&[("expires", "Sun, 22 Nov 2026 09:00:00 +0100")], None);
    }

    #[test]
    fn keeps_validators_as_bytes_or_not_at_all() {
        let mut map = HeaderMap::new();
        map.insert(ETAG, reqwest::header::HeaderValue::from_bytes(b"W/\"caf\xe9\"").unwrap());
        map.insert(LAST_MODIFIED, "yesterday, about noon".parse().unwrap());
        let read_back = read(&map, now());
        assert_eq!(read_back.etag.as_deref(), Some(&b"W/\"caf\xe9\""[..]));
        assert_eq!(read_back.last_modified.as_deref(), Some(&b"yesterday, about noon"[..]));

        map.insert(ETAG, "x".repeat(VALIDATOR_BYTES_MAX + 1).parse().unwrap());
        map.insert(LAST_MODIFIED, "".parse().unwrap());
        assert_eq!(read(&map, now()), Headers::default());
    }
}
