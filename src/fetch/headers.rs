//! Reads the response headers a poller lives by: validators, `Retry-After`, freshness and allowances.
//!
//! Owns their grammar. Pure: time is an argument. Refuses to decide what the waits mean for a schedule,
//! and to guess: what cannot be read is absent.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use reqwest::header::{
    AGE, CACHE_CONTROL, DATE, ETAG, EXPIRES, HeaderMap, HeaderName, LAST_MODIFIED, RETRY_AFTER,
};

use super::Headers;
use crate::feed::answer::RateLimit;

/// A longer wait than this is a mistake of the server, not a wish.
const WAIT_MAX: Duration = Duration::from_hours(10 * 366 * 24);

/// A reset from here on is a moment in seconds since 1970, not a wait.
const EPOCH_MIN: f64 = 1e9;

/// A longer validator is not kept; it would be stored and echoed for ever.
const VALIDATOR_BYTES_MAX: usize = 4096;

/// Reads the headers of an answer received at `now`.
pub(super) fn read(headers: &HeaderMap, now: Timestamp) -> Headers {
    Headers {
        etag: validator(headers, &ETAG),
        last_modified: validator(headers, &LAST_MODIFIED),
        retry_after: retry_after(headers, now),
        fresh_for: fresh_for(headers, now),
        rate_limit: rate_limit(headers, now),
    }
}

/// Whether a 226 is a delta we can merge: `IM` names `feed`, and beside it at most a packing that shows by its first
/// bytes (RFC 3229 sections 10.5.2 and 10.9).
pub(super) fn is_feed_delta(headers: &HeaderMap) -> bool {
    let lines = headers.get_all("im").iter().filter_map(|value| value.to_str().ok());
    let names: Vec<String> = lines
        .flat_map(|line| line.split(','))
        .map(|name| name.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
        .filter(|name| !name.is_empty())
        .collect();
    names.iter().any(|name| name == "feed")
        && names.iter().all(|name| matches!(name.as_str(), "feed" | "gzip" | "identity"))
}

/// `X-RateLimit-Remaining` and `-Reset` as Reddit sends them (both may be fractions, the reset is in seconds), the
/// same with an epoch for a reset as others send it, and the IETF's drafts: `RateLimit-Remaining` and `-Reset`, or
/// one `RateLimit: "default";r=50;t=30` (draft-ietf-httpapi-ratelimit-headers). Both numbers, or nothing.
fn rate_limit(headers: &HeaderMap, now: Timestamp) -> Option<RateLimit> {
    let number = |name: &str| headers.get(name)?.to_str().ok().and_then(decimal);
    let apart =
        |prefix: &str| Some((number(&format!("{prefix}-remaining"))?, number(&format!("{prefix}-reset"))?));
    let (remaining, reset) =
        apart("x-ratelimit").or_else(|| apart("ratelimit")).or_else(|| together(headers))?;
    // Nobody's allowance takes thirty years: that is a moment, not a wait.
    let wait = if reset < EPOCH_MIN { reset } else { reset - now.as_duration().as_secs_f64() };
    let reset_after = Duration::try_from_secs_f64(wait.max(0.0)).ok().filter(|wait| *wait <= WAIT_MAX)?;
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` keeps to the bounds of u32"
    )]
    Some(RateLimit { remaining: remaining.floor() as u32, reset_after })
}

/// The one header of the later drafts. Of several policies the narrowest counts.
fn together(headers: &HeaderMap) -> Option<(f64, f64)> {
    let (mut remaining, mut reset) = (None::<f64>, None::<f64>);
    for parameter in headers.get("ratelimit")?.to_str().ok()?.split([',', ';']) {
        let Some((name, value)) = parameter.split_once('=') else { continue };
        let Some(value) = decimal(value) else { continue };
        match name.trim() {
            "r" | "remaining" => remaining = Some(remaining.map_or(value, |known| known.min(value))),
            "t" | "reset" => reset = Some(reset.map_or(value, |known| known.max(value))),
            _ => {}
        }
    }
    Some((remaining?, reset?))
}

/// A number of digits with at most one point, such as `99.0`.
fn decimal(text: &str) -> Option<f64> {
    let text = text.trim();
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse().ok().filter(|number: &f64| is_plain && number.is_finite())
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
    fn c26_reads_what_is_left_of_an_allowance() {
        let check = |lines: &[(&'static str, &str)], expected: Option<(u32, u64)>| {
            let read = read(&headers(lines), now()).rate_limit;
            let expected = expected
                .map(|(remaining, wait)| RateLimit { remaining, reset_after: Duration::from_secs(wait) });
            assert_eq!(read, expected, "{lines:?}");
        };
        let reddit = |remaining, reset| [("x-ratelimit-remaining", remaining), ("x-ratelimit-reset", reset)];
        check(&reddit("99.0", "300"), Some((99, 300)));
        check(&reddit("0.9", "12"), Some((0, 12)));
        check(&reddit("0", "0"), Some((0, 0)));
        check(&reddit("99999999999", "1"), Some((u32::MAX, 1)));
        // 2026-11-22T08:10:00Z, and one that is over.
        check(&reddit("5", "1795335000"), Some((5, 600)));
        check(&reddit("5", "1700000000"), Some((5, 0)));
        for nonsense in ["-1", "inf", "NaN", "many", "", "1.2.3", "1e3", "99999999999999999999"] {
            check(&reddit("5", nonsense), None);
        }
        for nonsense in ["-1", "inf", "NaN", "many", "", "1e3"] {
            check(&reddit(nonsense, "5"), None);
        }
        check(&[("x-ratelimit-remaining", "5")], None);
        check(&[("x-ratelimit-reset", "5")], None);
        check(&[("ratelimit-remaining", "7"), ("ratelimit-reset", "50")], Some((7, 50)));
        check(&[("ratelimit", "limit=100, remaining=50, reset=5")], Some((50, 5)));
        check(&[("ratelimit", "\"burst\";r=9;t=1, \"daily\";r=4;t=3600")], Some((4, 3600)));
        check(&[("ratelimit", "\"default\";r=50")], None);
    }

    #[test]
    fn c38_knows_a_delta_that_can_be_merged() {
        let check = |lines: &[(&'static str, &str)], expected: bool| {
            assert_eq!(is_feed_delta(&headers(lines)), expected, "{lines:?}");
        };
        check(&[("im", "feed")], true);
        check(&[("im", "Feed;q=1")], true);
        check(&[("im", "feed, gzip")], true);
        check(&[("im", "gzip"), ("im", "feed")], true);
        check(&[], false);
        check(&[("im", "")], false);
        check(&[("im", "vcdiff")], false);
        check(&[("im", "vcdiff, feed")], false);
        check(&[("im", "feeds")], false);
    }

    #[test]
    fn c21_no_store_costs_freshness_and_not_the_validators() {
        for value in ["no-store", "no-cache", "max-age=0", "private, no-store, max-age=600"] {
            let lines =
                [("cache-control", value), ("etag", "\"1\""), ("last-modified", "today"), ("expires", "0")];
            let read = read(&headers(&lines), now());
            assert_eq!(read.fresh_for, None, "{value}");
            assert_eq!(read.etag.as_deref(), Some(&b"\"1\""[..]));
            assert_eq!(read.last_modified.as_deref(), Some(&b"today"[..]));
        }
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
