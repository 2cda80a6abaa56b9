//! Publisher: who stands behind an article.
//!
//! Owns the rule: what the feed's owner set, else the registrable domain (Public Suffix List) of the article's
//! canonical URL, else of the feed's; and where its owner grouped publishers, the name of the group. Refuses to rank publishers; that is the feed's tier.

use super::url;
use crate::feed::Feed;

/// Hosts that carry other publishers' articles; their own domain says nothing about who wrote one.
const PROXY_HOSTS: &[&str] = &[
    "feedburner.com",
    "feeds.feedburner.com",
    "feedproxy.google.com",
    "feedproxy.feedly.com",
    "news.google.com",
    "rss.app",
    "rsshub.app",
    "feed43.com",
    "fetchrss.com",
    "politepol.com",
    "rss.feedspot.com",
    "kill-the-newsletter.com",
];

/// The registrable domain of a host (Public Suffix List); the host itself where there is none.
pub fn registrable_domain(host: &str) -> &str {
    url::registrable(host)
}

/// The publisher of an article at a canonical URL that came by a feed.
pub(super) fn of(canonical_url: Option<&str>, feed: &Feed) -> String {
    feed.publishers.name_of(own(canonical_url, feed))
}

fn own(canonical_url: Option<&str>, feed: &Feed) -> String {
    if let Some(publisher) =
        feed.publisher.as_deref().map(str::trim).filter(|publisher| !publisher.is_empty())
    {
        return publisher.to_owned();
    }
    let article_host = canonical_url.and_then(url::host);
    let feed_host = feed.url.host_str().map(str::to_owned);
    let hosts = [article_host, feed_host];
    let mut known = hosts.iter().flatten();
    match known.clone().find(|host| !PROXY_HOSTS.contains(&host.as_str())) {
        Some(host) => url::registrable(host).to_owned(),
        // Two proxies and no name: the host in full, which at least is not mistaken for its owner.
        None => known.next().cloned().unwrap_or_default(),
    }
}

/// The key under which a host is asked at most so often: the registrable domain, or the address.
pub fn host_key(url: &::url::Url) -> String {
    url.host_str().map_or_else(String::new, |host| registrable_domain(host).to_owned())
}
