//! The way of one request through redirects.
//!
//! Owns which redirects are followed and what each hop may be told. Pure. Refuses to resolve or connect.

use std::fmt;

use reqwest::header::{HeaderMap, LOCATION};
use url::Url;

use super::failure::host_of;
use super::{Failure, FailureKind};

/// Redirects followed for one request; the next one is refused.
const REDIRECTS_MAX: usize = 5;

/// Longest `Location` that is followed, bytes. Signed addresses take two thousand.
const LOCATION_BYTES_MAX: usize = 8 << 10;

/// Which redirects are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Redirects {
    /// Those a GET follows.
    All,
    /// 307 and 308, which keep method and body (RFC 9110 section 15.4.8).
    SameMethod,
}

/// Where a request has been and where it is.
#[derive(Clone)]
pub(super) struct Trail {
    redirects: Redirects,
    /// The address asked for, with its user information.
    asked: Url,
    /// Every address so far, without user information and fragment; the last one is current.
    visited: Vec<Url>,
    /// Whether every redirect so far was 301 or 308.
    permanent: bool,
}

impl fmt::Debug for Trail {
    /// What was asked for may carry the owner's password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Trail").field(&self.current().as_str()).finish()
    }
}

impl Trail {
    pub(super) fn new(asked: &Url, redirects: Redirects) -> Result<Self, Failure> {
        let start = plain(asked.clone());
        if !is_web(&start) {
            let detail = format!("`{}:` is not polled; only http and https addresses are", start.scheme());
            return Err(Failure::new(FailureKind::Protocol, detail));
        }
        Ok(Self { redirects, asked: asked.clone(), visited: vec![start], permanent: true })
    }

    /// The current address, without user information and fragment.
    pub(super) fn current(&self) -> &Url {
        // Never empty: it starts with one and only grows.
        self.visited.last().unwrap_or(&self.asked)
    }

    /// The address before the current one.
    pub(super) fn previous(&self) -> Option<&Url> {
        self.visited.iter().rev().nth(1)
    }

    /// The address to request: with the owner's user information only where it was meant for.
    pub(super) fn request_url(&self) -> Url {
        let mut url = self.current().clone();
        if self.has_credentials() && self.may_have_credentials() {
            // Both fail only for addresses without a host, which are refused at the start.
            let named = url.set_username(self.asked.username());
            let locked = url.set_password(self.asked.password());
            debug_assert!(named.is_ok() && locked.is_ok());
        }
        url
    }

    /// Validators are about a document of the origin that gave them; to another they mean nothing, and it could recognise us
    /// by them.
    pub(super) fn may_have_validators(&self, from: &str) -> bool {
        self.current().origin().ascii_serialization() == from
    }

    /// Passwords, tokens and headers are for the same origin, or the same host after the usual step from http to
    /// https.
    pub(super) fn may_have_credentials(&self) -> bool {
        let (asked, current) = (&self.asked, self.current());
        let stepped_up = asked.host() == current.host()
            && (asked.scheme(), asked.port()) == ("http", None)
            && (current.scheme(), current.port()) == ("https", None);
        asked.origin() == current.origin() || stepped_up
    }

    fn has_credentials(&self) -> bool {
        !self.asked.username().is_empty() || self.asked.password().is_some()
    }

    /// Where the feed moved. `None` for addresses with user information: the owner keeps address and
    /// password together in the configuration, and a stored move would part them.
    pub(super) fn moved_to(&self) -> Option<Url> {
        let moved = self.visited.len() > 1 && self.permanent && !self.has_credentials();
        moved.then(|| self.current().clone())
    }

    /// Takes the next hop when the answer is a redirect; says whether it did.
    pub(super) fn follow(&mut self, code: u16, headers: &HeaderMap) -> Result<bool, Failure> {
        let followed = match self.redirects {
            Redirects::All => matches!(code, 301 | 302 | 303 | 307 | 308),
            Redirects::SameMethod => matches!(code, 307 | 308),
        };
        let (true, Some(location)) = (followed, headers.get(LOCATION)) else { return Ok(false) };
        let from = host_of(self.current());
        let refuse = |detail: String| Err(Failure::new(FailureKind::Redirect, detail));
        // Addresses outside ASCII come as UTF-8 in practice.
        let location = String::from_utf8_lossy(location.as_bytes());
        if location.len() > LOCATION_BYTES_MAX {
            return refuse(format!("{from} redirects to an address of {} bytes", location.len()));
        }
        let Ok(next) = self.current().join(location.trim()).map(plain) else {
            return refuse(format!("{from} redirects to something that is not an address"));
        };
        if !is_web(&next) {
            return refuse(format!("{from} redirects to `{}:`, which is not polled", next.scheme()));
        }
        let to = host_of(&next);
        if (self.current().scheme(), next.scheme()) == ("https", "http") {
            return refuse(format!(
                "{from} redirects from https to plain http at {to}, which is not followed"
            ));
        }
        if self.visited.contains(&next) {
            return refuse(format!("{from} redirects in a circle, back to {to}"));
        }
        if self.visited.len() > REDIRECTS_MAX {
            return refuse(format!(
                "{} redirects more than {REDIRECTS_MAX} times, lastly to {to}",
                host_of(&self.asked)
            ));
        }
        self.permanent &= matches!(code, 301 | 308);
        self.visited.push(next);
        Ok(true)
    }
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host()
}

/// Without fragment, and without the user information a server may have put into a redirect.
fn plain(mut url: Url) -> Url {
    url.set_fragment(None);
    if url.has_host() && (!url.username().is_empty() || url.password().is_some()) {
        let unnamed = url.set_username("");
        let unlocked = url.set_password(None);
        debug_assert!(unnamed.is_ok() && unlocked.is_ok());
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Follows one permanent redirect and says what the next request carries: its address and whether it
    /// may have the validators of `http://a.example`.
    fn after(asked: &str, location: &str) -> (String, bool) {
        let mut trail = Trail::new(&Url::parse(asked).unwrap(), Redirects::All).unwrap();
        let headers = HeaderMap::from_iter([(LOCATION, location.parse().unwrap())]);
        assert!(trail.follow(301, &headers).unwrap());
        (trail.request_url().into(), trail.may_have_validators("http://a.example"))
    }

    #[test]
    fn tells_each_hop_what_is_its_own() {
        let check = |asked: &str, location: &str, expected: (&str, bool)| {
            assert_eq!(after(asked, location), (expected.0.to_owned(), expected.1), "{asked} to {location}");
        };
        let asked = "http://me:pw@a.example/feed";
        check(asked, "/new#x", ("http://me:pw@a.example/new", true));
        check(asked, "https://a.example/", ("https://me:pw@a.example/", false));
        check(asked, "https://A.EXAMPLE:443/", ("https://me:pw@a.example/", false));
        check(asked, "https://a.example:8443/", ("https://a.example:8443/", false));
        check(asked, "http://a.example:81/", ("http://a.example:81/", false));
        check(asked, "http://www.a.example/", ("http://www.a.example/", false));
        check(asked, "//b.example/", ("http://b.example/", false));
        check(asked, "http://you:theirs@b.example/", ("http://b.example/", false));
        check("http://a.example/", "http://you:theirs@a.example/x", ("http://a.example/x", true));
        check("http://a.example:8080/", "https://a.example/", ("https://a.example/", false));
    }
}
