//! What a publisher advertises: a hub, and the topic to ask it for (WebSub section 4).
//!
//! Owns the order in which it is looked for: HTTP `Link` headers first, then the document. Refuses to guess: without
//! both a hub and a topic there is no offer.

use url::Url;

/// Longest address taken, bytes: it is stored, sent and compared.
const ADDRESS_BYTES_MAX: usize = 2048;

/// Hubs looked at.
const HUBS_MAX: usize = 16;

/// Where a feed can be subscribed to. Both are absolute http(s) addresses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Offer {
    /// Whom to ask.
    pub hub: String,
    /// What for: the feed's own name for itself (`rel=self`), which may differ from where it is polled.
    pub topic: String,
}

/// What one place – the headers, or the document – names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named<'a> {
    /// `rel=hub`, in order.
    pub hubs: Vec<&'a str>,
    /// `rel=self`.
    pub topic: Option<&'a str>,
}

impl Offer {
    /// What an answer from `url` offers. What headers say wins; of several hubs the first with TLS is taken, as the key
    /// travels to it.
    pub fn of(headers: &Named<'_>, document: &Named<'_>, url: &Url) -> Option<Self> {
        let hubs = if headers.hubs.is_empty() { &document.hubs } else { &headers.hubs };
        let hubs: Vec<Url> = hubs.iter().take(HUBS_MAX).filter_map(|hub| address(hub, url)).collect();
        let hub = hubs.iter().find(|hub| hub.scheme() == "https").or(hubs.first())?;
        let topic = address(headers.topic.or(document.topic)?, url)?;
        Some(Self { hub: hub.to_string(), topic: topic.to_string() })
    }
}

/// An address that a stranger may have us ask: absolute, http or https, without a password.
fn address(text: &str, base: &Url) -> Option<Url> {
    let mut url = base.join(text.trim()).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    let is_open = url.username().is_empty() && url.password().is_none();
    url.set_fragment(None);
    (is_web && is_open && url.as_str().len() <= ADDRESS_BYTES_MAX).then_some(url)
}
