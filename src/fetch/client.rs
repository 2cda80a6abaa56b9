//! The HTTP clients: a pair for each way a request can go.
//!
//! Owns how clients are set up, and which proxy has one: they are built at first use, shared, and the one longest
//! unused goes when there are too many. A client never crosses the guard: what may connect to all addresses and what
//! may not have separate connections. Refuses to send.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use tokio::sync::Mutex;

use super::guard::Resolver;
use super::{Failure, FailureKind, FetchError, Options};
use crate::feed::access::{Proxy, ProxyChoice};

/// Proxies with clients at a time. A feed list with more still works; clients are then built more often.
const PROXIES_MAX: usize = 32;

/// Longest time a connection without a request is kept: one poll needs one connection, and between polls nobody gains
/// from an open one.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// One way out.
#[derive(Debug, Clone)]
pub(super) struct Way {
    /// Connects to public addresses alone, as far as this side of the proxy can tell.
    guarded: reqwest::Client,
    /// Connects to all.
    open: reqwest::Client,
    /// The proxy on it.
    pub(super) proxy: Option<Arc<Proxy>>,
}

impl Way {
    fn open(options: &Options, resolver: &Resolver, proxy: Option<Arc<Proxy>>) -> Result<Self, FetchError> {
        let unguarded = Resolver { guard: None, ..resolver.clone() };
        let open = client(options, unguarded, proxy.as_deref())?;
        // A proxy that resolves names leaves our resolver nothing to guard: the caller judges what can be judged.
        let guarded = match &proxy {
            Some(proxy) if proxy.resolves_names() => open.clone(),
            Some(proxy) => {
                let resolver = Resolver { exempt: Some(proxy.host().into()), ..resolver.clone() };
                client(options, resolver, Some(proxy))?
            }
            None => client(options, resolver.clone(), None)?,
        };
        Ok(Self { guarded, open, proxy })
    }

    /// The client for a request that may, or may not, go to private addresses.
    pub(super) fn client(&self, private: bool) -> &reqwest::Client {
        if private { &self.open } else { &self.guarded }
    }

    /// Whether names are resolved by the proxy, so that nobody here knows where they lead.
    pub(super) fn resolves_names(&self) -> bool {
        self.proxy.as_ref().is_some_and(|proxy| proxy.resolves_names())
    }
}

/// All ways out.
#[derive(Debug)]
pub(super) struct Ways {
    options: Arc<Options>,
    resolver: Resolver,
    direct: Way,
    /// The way of requests that choose none.
    global: Way,
    /// Proxies that feeds chose, the one used last at the end.
    own: Mutex<Vec<Way>>,
}

impl Ways {
    pub(super) fn open(options: Arc<Options>, resolver: Resolver) -> Result<Self, FetchError> {
        let direct = Way::open(&options, &resolver, None)?;
        let global = match &options.proxy {
            Some(proxy) => Way::open(&options, &resolver, Some(Arc::clone(proxy)))?,
            None => direct.clone(),
        };
        Ok(Self { options, resolver, direct, global, own: Mutex::new(Vec::new()) })
    }

    pub(super) async fn choose(&self, choice: &ProxyChoice) -> Result<Way, Failure> {
        let proxy = match choice {
            ProxyChoice::Global => return Ok(self.global.clone()),
            ProxyChoice::Direct => return Ok(self.direct.clone()),
            ProxyChoice::Own(proxy) => proxy,
        };
        // Held while one is built, so that a hundred feeds of one new proxy build one client.
        let mut own = self.own.lock().await;
        let known = own.iter().position(|way| way.proxy.as_ref() == Some(proxy));
        let way = match known {
            Some(place) => own.remove(place),
            None => self.build(proxy).await?,
        };
        if own.len() >= PROXIES_MAX {
            own.remove(0);
        }
        own.push(way.clone());
        Ok(way)
    }

    /// Builds a pair on a thread that may block: the machine's certificate authorities are read for it.
    async fn build(&self, proxy: &Arc<Proxy>) -> Result<Way, Failure> {
        let (options, resolver, of) = (Arc::clone(&self.options), self.resolver.clone(), Arc::clone(proxy));
        let built = tokio::task::spawn_blocking(move || Way::open(&options, &resolver, Some(of))).await;
        let unusable =
            || Failure::new(FailureKind::Proxy, format!("The proxy {} cannot be used", proxy.shown()));
        built.ok().and_then(Result::ok).ok_or_else(unusable)
    }
}

fn client(
    options: &Options,
    resolver: Resolver,
    proxy: Option<&Proxy>,
) -> Result<reqwest::Client, FetchError> {
    let agent = match &options.contact {
        Some(contact) => format!("wirewatch/{} (+{contact})", env!("CARGO_PKG_VERSION")),
        None => format!("wirewatch/{}", env!("CARGO_PKG_VERSION")),
    };
    let agent = HeaderValue::try_from(agent).map_err(|_invalid| FetchError::Contact)?;
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, deflate, br, zstd"));
    let certificates = match &options.root_certificates_pem {
        Some(pem) => reqwest::Certificate::from_pem_bundle(pem).map_err(FetchError::Certificates)?,
        None => Vec::new(),
    };
    let mut builder = reqwest::Client::builder()
        .user_agent(agent)
        .default_headers(headers)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        // A proxy from the environment would connect to what the guard refuses.
        .no_proxy()
        .dns_resolver(resolver)
        .tls_certs_merge(certificates)
        .connect_timeout(options.connect_timeout)
        .read_timeout(options.read_timeout)
        .pool_max_idle_per_host(1)
        .pool_idle_timeout(options.idle_timeout.min(IDLE_MAX))
        // Publishers' servers are old and odd; a stray header must not cost a feed.
        .http1_ignore_invalid_headers_in_responses(true)
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .http1_allow_spaces_after_header_name_in_responses(true);
    if let Some(proxy) = proxy {
        builder = builder.proxy(reqwest::Proxy::all(proxy.expose()).map_err(FetchError::Client)?);
    }
    builder.build().map_err(FetchError::Client)
}
