//! What is asked of the door.
//!
//! Owns [`Request`] and [`Form`]. Refuses to send them.

use url::Url;

use crate::feed::Feed;
use crate::feed::access::Access;

/// One GET.
#[derive(Debug, Clone)]
pub struct Request {
    /// What to fetch. User information becomes basic authentication, for this origin alone.
    pub url: Url,
    /// What it is hoped to be.
    pub kind: RequestKind,
    /// `ETag` of the last answer, byte for byte.
    pub etag: Option<Vec<u8>>,
    /// `Last-Modified` of the last answer, byte for byte.
    pub last_modified: Option<Vec<u8>>,
    /// Origin that gave both ([`url::Origin::ascii_serialization`]): nobody else is shown them. That of `url` when
    /// absent.
    pub validators_from: Option<String>,
    /// Whether loopback and private addresses are allowed, as long as no public server had a say: once
    /// one answered with a redirect, the rest of the way is public too.
    pub allow_private_addresses: bool,
    /// What it carries besides, for the origin of `url` alone, and the way it takes.
    pub access: Access,
}

/// What a request hopes to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestKind {
    /// A feed, of at most [`super::Options::body_bytes_max`].
    Feed,
    /// A web page, of at most [`super::PAGE_BYTES_MAX`].
    Page,
    /// A robots.txt, of at most [`super::ROBOTS_BYTES_MAX`].
    Robots,
}

impl Request {
    /// An unconditional request for a feed at a public address.
    pub fn new(url: Url) -> Self {
        Self {
            url,
            kind: RequestKind::Feed,
            etag: None,
            last_modified: None,
            validators_from: None,
            allow_private_addresses: false,
            access: Access::default(),
        }
    }

    /// A request for a feed as its owner configured it; unconditional until validators are put in.
    pub fn of(feed: &Feed) -> Self {
        Self {
            allow_private_addresses: feed.allow_private_addresses,
            access: feed.access.clone(),
            ..Self::new(feed.url.clone())
        }
    }

    /// Whether validators are sent where a redirect may lead.
    pub fn is_conditional_at(&self, url: &Url) -> bool {
        let has_validators = self.etag.is_some() || self.last_modified.is_some();
        has_validators && self.validators_origin() == url.origin().ascii_serialization()
    }

    /// The origin that validators are for.
    pub(super) fn validators_origin(&self) -> String {
        self.validators_from.clone().unwrap_or_else(|| self.url.origin().ascii_serialization())
    }

    /// A request for a page that a feed links to. It goes the feed's way. Only on the feed's own origin it carries
    /// what the feed's requests carry, and only on its own host private addresses are allowed: where a feed links to
    /// is its publisher's word, not its owner's.
    pub fn page(feed: &Feed, url: Url) -> Self {
        let same_origin = url.origin() == feed.url.origin();
        let access = if same_origin { feed.access.clone() } else { feed.access.without_credentials() };
        let allow_private_addresses = feed.allow_private_addresses && url.host() == feed.url.host();
        Self { kind: RequestKind::Page, allow_private_addresses, access, ..Self::new(url) }
    }

    /// A request for the robots.txt that speaks for a page a feed links to.
    pub fn robots(feed: &Feed, page: &Url) -> Self {
        let mut url = page.clone();
        url.set_path("/robots.txt");
        url.set_query(None);
        Self { kind: RequestKind::Robots, ..Self::page(feed, url) }
    }
}

/// One POST of a form, such as a WebSub subscription.
#[derive(Debug, Clone)]
pub struct Form {
    /// Where it goes.
    pub url: Url,
    /// Names and values, in order.
    pub fields: Vec<(String, String)>,
    /// As in [`Request`].
    pub allow_private_addresses: bool,
    /// As in [`Request`].
    pub access: Access,
}
