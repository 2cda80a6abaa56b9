//! How a feed is asked for: headers, a password or token, a proxy.
//!
//! Owns [`Access`] and what the address of a proxy may look like. Secrets in it never show. Refuses to connect, to
//! read files, and to decide which hop of a redirect is told what: the door does.

use std::fmt;
use std::sync::Arc;

use url::{Host, Url};
use xxhash_rust::xxh3::Xxh3;

use crate::secret::Secret;

/// Longest user and password of a proxy, bytes: SOCKS has 255 for each (RFC 1929).
const ACCOUNT_BYTES_MAX: usize = 255;

/// What a request to a feed carries besides its address, and the way it takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Further headers for the feed's own origin: name in lower case, and value.
    pub headers: Vec<(String, Secret)>,
    /// What proves who asks, for the feed's own origin. It outranks user information in the address.
    pub authorization: Option<Authorization>,
    /// Which way the request goes.
    pub proxy: ProxyChoice,
}

/// What proves who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorization {
    /// RFC 7617.
    Basic {
        /// The user, without a colon.
        user: String,
        /// The password.
        password: Secret,
    },
    /// RFC 6750.
    Bearer(Secret),
}

/// Which way a request goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ProxyChoice {
    /// The way all requests go: `poll.proxy`, or straight when there is none.
    #[default]
    Global,
    /// Straight, also when there is a proxy for all.
    Direct,
    /// Through a proxy of its own; shared by all feeds that name the same one.
    Own(Arc<Proxy>),
}

impl Access {
    /// Whether the server is shown anything that is the owner's own.
    pub fn has_credentials(&self) -> bool {
        !self.headers.is_empty() || self.authorization.is_some()
    }

    /// A mark of what the server is shown, to be stored: when it differs from that of the last poll, the validators
    /// kept are about another document, as it were, and are dropped once. 0 when nothing is shown. The proxy is no
    /// part of it, because it does not change the document.
    ///
    /// It has 16 bits on purpose: a wider hash would let who reads the database try passwords against it, and that
    /// one change in 65,536 passes unseen costs nothing but a needless 304.
    pub fn digest(&self) -> u64 {
        if !self.has_credentials() {
            return 0;
        }
        let mut hash = Xxh3::new();
        let mut note = |part: &str| {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        };
        let mut headers: Vec<(&str, &str)> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
        headers.sort_unstable();
        for (name, value) in headers {
            note(name);
            note(value);
        }
        match &self.authorization {
            None => {}
            Some(Authorization::Basic { user, password }) => {
                note("basic");
                note(user);
                note(password.expose());
            }
            Some(Authorization::Bearer(token)) => {
                note("bearer");
                note(token.expose());
            }
        }
        // Never 0, which says that there is nothing.
        1 << 16 | hash.digest() & 0xffff
    }

    /// The same way without what is shown: for addresses that are not the feed's own.
    #[must_use]
    pub fn without_credentials(&self) -> Self {
        Self { proxy: self.proxy.clone(), ..Self::default() }
    }
}

/// A proxy's address, checked: `http://`, `https://`, `socks5://` or `socks5h://`, a host, perhaps a port and a user
/// with a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    url: Url,
}

/// Why this is not the address of a proxy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAProxy {
    /// Not an address at all.
    #[error("this is not the address of a proxy: {0}")]
    Address(url::ParseError),
    /// Another scheme.
    #[error("`{0}://` is not a kind of proxy that is known")]
    Scheme(String),
    /// No host, or more than host, port and user.
    #[error("a proxy has a host, perhaps a port and a user, and nothing else")]
    Parts,
}

impl Proxy {
    /// Reads `socks5h://127.0.0.1:9050`. Without a port, SOCKS uses 1080, http 80 and https 443.
    pub fn parse(text: &str) -> Result<Self, NotAProxy> {
        let mut url = Url::parse(text.trim()).map_err(NotAProxy::Address)?;
        let is_socks = match url.scheme() {
            "http" | "https" => false,
            "socks5" | "socks5h" => true,
            other => return Err(NotAProxy::Scheme(other.chars().take(20).collect())),
        };
        let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        // Stricter than URLs are: an HTTP client that cannot read the address may go straight instead.
        let has_host = match url.host() {
            Some(Host::Domain(name)) => {
                let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
                !name.is_empty() && name.len() <= 253 && name.bytes().all(is_plain)
            }
            Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
            None => false,
        };
        let account_is_short = url.username().len() + url.password().map_or(0, str::len) <= ACCOUNT_BYTES_MAX;
        if !is_bare || !has_host || !account_is_short || url.port() == Some(0) {
            return Err(NotAProxy::Parts);
        }
        if is_socks && url.port().is_none() {
            // RFC 1928 section 3. It cannot fail for an address with a host.
            url.set_port(Some(1080)).map_err(|()| NotAProxy::Parts)?;
        }
        Ok(Self { url })
    }

    /// Whether it looks names up itself. Then no name of a feed is asked of this machine's DNS, and where a name
    /// leads is the proxy's knowledge alone. Only `socks5://` is handed addresses.
    pub fn resolves_names(&self) -> bool {
        self.url.scheme() != "socks5"
    }

    /// Its host, in lower case, without brackets.
    pub fn host(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase()
    }

    /// Host and port: what messages may say of it.
    pub fn shown(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// The whole address with user and password, for the client that connects to it.
    pub fn expose(&self) -> &str {
        self.url.as_str()
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({}://{})", self.url.scheme(), self.shown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn reads_addresses_of_proxies() {
        let check = |text: &str, expected: Result<(&str, bool), &str>| {
            let read = Proxy::parse(text).map(|proxy| (proxy.shown(), proxy.resolves_names()));
            let read = read.map_err(|error| error.to_string());
            match expected {
                Ok((shown, resolves)) => assert_eq!(read, Ok((shown.to_owned(), resolves)), "{text}"),
                Err(words) => assert!(read.as_ref().is_err_and(|it| it.contains(words)), "{text}: {read:?}"),
            }
        };
        check("socks5h://127.0.0.1:9050", Ok(("127.0.0.1:9050", true)));
        check("socks5://me:pw@proxy.example", Ok(("proxy.example:1080", false)));
        check(" http://proxy.example:3128/ ", Ok(("proxy.example:3128", true)));
        check("https://[2001:db8::1]", Ok(("[2001:db8::1]", true)));
        check("socks5h://[::1]:9050", Ok(("[::1]:9050", true)));
        check("127.0.0.1:9050", Err("not the address of a proxy"));
        check("localhost:9050", Err("`localhost://` is not a kind of proxy"));
        check("socks4://127.0.0.1:9050", Err("`socks4://` is not a kind of proxy"));
        check("ftp://proxy.example", Err("`ftp://`"));
        check("", Err("not the address of a proxy"));
        check("socks5h://", Err("a proxy has a host"));
        check("http://proxy.example/path", Err("and nothing else"));
        check("http://proxy.example/?a=b", Err("and nothing else"));
        for host in ["a\"b", "a{b}", "a`b", "a%20b", "a!b", "a,b", "\u{e4}"] {
            check(&format!("socks5h://{host}:1080"), Err("a proxy has a host"));
        }
        check(&format!("http://{}@proxy.example", "x".repeat(256)), Err("a proxy has a host"));
        check("http://proxy.example:0", Err("and nothing else"));
    }

    #[test]
    fn shows_no_secret() {
        let access = Access {
            headers: vec![("x-key".to_owned(), secret("s3cret"))],
            authorization: Some(Authorization::Basic { user: "me".to_owned(), password: secret("s3cret") }),
            proxy: ProxyChoice::Own(Arc::new(Proxy::parse("socks5h://me:s3cret@127.0.0.1").unwrap())),
        };
        let shown = format!("{access:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(shown.contains("socks5h://127.0.0.1:1080"), "{shown}");
        let token = Access { authorization: Some(Authorization::Bearer(secret("s3cret"))), ..access };
        assert!(!format!("{token:?}").contains("s3cret"));
        assert_eq!(token.without_credentials().digest(), 0);
        assert_ne!(token.without_credentials().proxy, ProxyChoice::Global);
    }

    #[test]
    fn c10_what_the_server_is_shown_changes_the_mark() {
        let basic = |user: &str, password: &str| Access {
            authorization: Some(Authorization::Basic { user: user.to_owned(), password: secret(password) }),
            ..Access::default()
        };
        let header = |name: &str, value: &str| (name.to_owned(), secret(value));
        let with_headers =
            |headers: &[(String, Secret)]| Access { headers: headers.to_vec(), ..Access::default() };
        let (one, two) = (header("x-a", "1"), header("x-b", "2"));
        let marks = [
            Access::default().digest(),
            basic("me", "pw").digest(),
            basic("me", "pw2").digest(),
            basic("mep", "w").digest(),
            Access { authorization: Some(Authorization::Bearer(secret("pw"))), ..Access::default() }.digest(),
            with_headers(std::slice::from_ref(&one)).digest(),
            with_headers(std::slice::from_ref(&two)).digest(),
            with_headers(&[one.clone(), two.clone()]).digest(),
        ];
        for (place, mark) in marks.iter().enumerate() {
            assert!(!marks[..place].contains(mark), "{place} is marked like one before");
            assert!(*mark < 1 << 17);
        }
        assert_eq!(marks[0], 0);
        // The order of headers and the way to the server change nothing.
        assert_eq!(with_headers(&[two, one]).digest(), marks[7]);
        let proxy = ProxyChoice::Own(Arc::new(Proxy::parse("http://127.0.0.1").unwrap()));
        assert_eq!(Access { proxy, ..basic("me", "pw") }.digest(), marks[1]);
    }
}
