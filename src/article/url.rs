//! URL: the one address by which an article is known.
//!
//! Owns [`canonical`] and its tables: which parameters only track, which hosts only wrap, which labels mean a
//! mobile or AMP edition. The result is an address people can open, and canonicalising it again changes nothing.
//! Refuses to ask the network: what only a redirect would tell stays unknown.

use url::Url;

/// A longer address, in bytes, is not usable as one.
const LENGTH_MAX: usize = 8192;

/// How many wrappers are taken off, one inside the other.
const WRAPPERS_MAX: usize = 4;

/// Parameters that only track, whatever the host, in lower case.
const TRACKING: &[&str] = &[
    "_ga",
    "_gl",
    "_hsenc",
    "_hsmi",
    "__source",
    "__twitter_impression",
    "action_object_map",
    "amp",
    "amp_gsa",
    "amp_js_v",
    "cmp",
    "cmpid",
    "cmp_id",
    "cvid",
    "dclid",
    "dm_i",
    "ef_id",
    "emc",
    "fbclid",
    "feedname",
    "feedtype",
    "ftag",
    "ftcamp",
    "gaa_at",
    "gbraid",
    "gclid",
    "gclsrc",
    "guccounter",
    "guce_referrer",
    "guce_referrer_sig",
    "icid",
    "icmp",
    "igsh",
    "igshid",
    "ito",
    "li_fat_id",
    "mbid",
    "mkt_tok",
    "msclkid",
    "ncid",
    "ns_mail_uid",
    "nr_email_referer",
    "ocid",
    "outputtype",
    "phpsessid",
    "recirc",
    "ref_src",
    "ref_url",
    "refsrc",
    "s_cid",
    "s_kwcid",
    "shareadraft",
    "sharetype",
    "smid",
    "smprod",
    "smtyp",
    "soc_src",
    "soc_trk",
    "sr_share",
    "sref",
    "srcref",
    "srsltid",
    "taid",
    "tpcc",
    "traffic_source",
    "trk",
    "ttclid",
    "twclid",
    "usqp",
    "wbraid",
    "wpisrc",
    "wpmk",
    "wprov",
    "xtor",
    "xtref",
    "yclid",
    "ysclid",
];

/// Beginnings of parameters that only track, in lower case.
const TRACKING_STARTS: &[&str] = &[
    "utm_", "at_", "ns_", "mc_", "pk_", "mtm_", "piwik_", "matomo_", "hsa_", "oly_", "vero_", "itm_", "stm_",
    "fb_", "ga_", "wt.", "__s_",
];

/// Parameters that track when their value names a channel; with another value they may name an article.
const CHANNEL_KEYS: &[&str] = &[
    "ref", "referrer", "referer", "source", "src", "from", "via", "origin", "cid", "campaign", "partner",
    "medium", "share", "output",
];

/// Channels those values name.
const CHANNELS: &[&str] = &[
    "",
    "amp",
    "rss",
    "feed",
    "feeds",
    "atom",
    "rssfeed",
    "rss_feed",
    "rss-feed",
    "feedburner",
    "twitter",
    "facebook",
    "fb",
    "tw",
    "email",
    "newsletter",
    "whatsapp",
    "telegram",
    "linkedin",
    "social",
    "homepage",
    "home",
    "google",
    "googlenews",
    "google_news",
    "flipboard",
    "reddit",
    "1",
];

/// Parameters that track on one site only; elsewhere they may name an article.
const SITE_TRACKING: &[(&str, &[&str])] = &[
    ("abcnews.go.com", &["cid"]),
    ("cnn.com", &["cid"]),
    ("engadget.com", &["src"]),
    ("forbes.com", &["sh", "ss"]),
    ("msn.com", &["li", "pc", "ei"]),
    ("washingtonpost.com", &["itid"]),
    ("wsj.com", &["mod", "reflink", "st"]),
    ("youtube.com", &["feature", "si"]),
];

/// Hosts that wrap an address in a parameter: the host's registrable domain, a beginning of the path, the parameters.
const WRAPPERS: &[(&str, &str, &[&str])] = &[
    ("google.", "/url", &["url", "q"]),
    ("google.", "/news/url", &["url"]),
    ("google.", "/", &["url"]),
    ("feedburner.com", "/", &["url"]),
    ("facebook.com", "/l.php", &["u"]),
    ("instagram.com", "/", &["u"]),
    ("bing.com", "/news/apiclick.aspx", &["url"]),
    ("reddit.com", "/", &["url"]),
    ("outlook.com", "/", &["url"]),
    ("tumblr.com", "/redirect", &["z"]),
    ("vk.com", "/away.php", &["to"]),
    ("youtube.com", "/redirect", &["q"]),
    ("duckduckgo.com", "/l/", &["uddg"]),
];

/// Labels left of the registrable domain that name an edition, not a site.
const EDITION_LABELS: &[&str] = &["m", "mobile", "amp"];

/// The canonical form of an address: `https`, no user, default port, fragment, tracking, AMP or mobile edition.
/// `None` when it is not a usable web address.
pub fn canonical(url: &str) -> Option<String> {
    let url = url.trim();
    if url.len() > LENGTH_MAX {
        return None;
    }
    let absolute = if url.starts_with("//") { format!("https:{url}") } else { url.to_owned() };
    let mut url = web(undoubled(&absolute))?;
    for _ in 0..WRAPPERS_MAX {
        let Some(inner) = unwrapped(&url) else { break };
        url = inner;
    }
    secure(&mut url)?;
    clean_host(&mut url)?;
    clean_path(&mut url);
    clean_query(&mut url);
    // Single-page sites name their articles behind `#!` or `#/`.
    if !url.fragment().is_some_and(|fragment| fragment.starts_with(['!', '/']) && fragment.len() > 1) {
        url.set_fragment(None);
    }
    let url = String::from(url);
    (url.len() <= LENGTH_MAX).then_some(url)
}

/// The host of a web address.
pub(super) fn host(url: &str) -> Option<String> {
    Some(web(url)?.host_str()?.to_owned())
}

/// The registrable domain of a host; the host itself where there is none (addresses, `localhost`).
pub(super) fn registrable(host: &str) -> &str {
    if host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok() {
        return host;
    }
    psl::domain_str(host).unwrap_or(host)
}

fn web(url: &str) -> Option<Url> {
    Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// An address a feed glued to its own host (`https://example.orghttps://other.example/a`) alone.
fn undoubled(url: &str) -> &str {
    let inner = ["https://", "http://"].iter().filter_map(|scheme| url.rfind(scheme)).max();
    let Some((outer, inner)) = inner.and_then(|at| url.split_at_checked(at)) else { return url };
    let is_host = outer
        .split_once("://")
        .is_some_and(|(_, host)| !host.is_empty() && !host.contains(['/', '?', '#', '@']));
    if is_host { inner } else { url }
}

/// The address inside a wrapper, when this is one that says it.
fn unwrapped(url: &Url) -> Option<Url> {
    let host = url.host_str()?;
    let domain = registrable(host);
    if domain == "ampproject.org" || (domain.starts_with("google.") && url.path().starts_with("/amp/")) {
        return amp_cached(url);
    }
    let (_, _, keys) = WRAPPERS.iter().find(|(wrapper, path, keys)| {
        let is_host = domain == *wrapper || (wrapper.ends_with('.') && domain.starts_with(wrapper));
        is_host && url.path().starts_with(path) && url.query_pairs().any(|(key, _)| keys.contains(&&*key))
    })?;
    url.query_pairs().find_map(|(key, value)| keys.contains(&&*key).then(|| web(&value)).flatten())
}

/// The address in an AMP cache's path: `/c/s/example.org/story`, `/amp/s/example.org/story`.
fn amp_cached(url: &Url) -> Option<Url> {
    let mut path = url.path().trim_start_matches('/');
    let (kind, rest) = path.split_once('/')?;
    path = matches!(kind, "c" | "v" | "i" | "amp").then_some(rest)?;
    path = path.strip_prefix("s/").unwrap_or(path);
    let (host, _) = path.split_once('/').unwrap_or((path, ""));
    if !host.contains('.') {
        return None;
    }
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    web(&format!("https://{path}{query}"))
}

/// One scheme for both, and no user. A plain-HTTP address with a port of its own keeps it.
fn secure(url: &mut Url) -> Option<()> {
    if url.scheme() == "http" {
        url.set_scheme("https").ok()?;
    }
    if url.port() == Some(443) {
        url.set_port(None).ok()?;
    }
    url.set_username("").ok()?;
    url.set_password(None).ok()
}

/// Takes edition labels off: `en.m.wikipedia.org` is `en.wikipedia.org`, `m.example.org` is `www.example.org` (where
/// its full edition nearly always is). `www.` stays: the bare host does not serve everywhere.
fn clean_host(url: &mut Url) -> Option<()> {
    let host = url.host_str()?.trim_end_matches('.').to_owned();
    if host.is_empty() {
        return None;
    }
    let domain = registrable(&host);
    let Some(labels) = host.strip_suffix(domain).and_then(|labels| labels.strip_suffix('.')) else {
        return if Some(host.as_str()) == url.host_str() { Some(()) } else { url.set_host(Some(&host)).ok() };
    };
    let kept: Vec<&str> = labels.split('.').filter(|label| !EDITION_LABELS.contains(label)).collect();
    let labels = if kept.is_empty() { "www".to_owned() } else { kept.join(".") };
    url.set_host(Some(&format!("{labels}.{domain}"))).ok()
}

/// Takes AMP segments, session ids and the last slash off, and spells escapes one way (RFC 3986, 6.2.2).
fn clean_path(url: &mut Url) {
    let mut path = unescaped(url.path());
    if let Some(at) = path.to_ascii_lowercase().find(";jsessionid=") {
        path.truncate(at);
    }
    loop {
        let before = path.len();
        path.truncate(path.trim_end_matches('/').len());
        for ending in ["/amp", ".amp"] {
            if let Some(shorter) = path.strip_suffix(ending) {
                path = shorter.to_owned();
            }
        }
        if let Some(stem) = path.strip_suffix(".amp.html").or_else(|| path.strip_suffix("/amp.html")) {
            path = format!("{stem}.html");
        }
        if path.len() > "/amp/".len()
            && let Some(rest) = path.strip_prefix("/amp/")
        {
            path = format!("/{rest}");
        }
        if path.len() == before {
            break;
        }
    }
    if path.is_empty() {
        path.push('/');
    }
    if path != url.path() {
        url.set_path(&path);
    }
}

/// Escapes of letters, digits and `-._~` undone, the others in capitals.
fn unescaped(path: &str) -> String {
    let mut spelled = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        spelled.push_str(before);
        match after.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok().map(|byte| (hex, byte))) {
            Some((_, byte)) if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~') => {
                spelled.push(char::from(byte));
                rest = after.get(2..).unwrap_or_default();
            }
            Some((hex, _)) => {
                spelled.push('%');
                spelled.push_str(&hex.to_ascii_uppercase());
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                spelled.push('%');
                rest = after;
            }
        }
    }
    spelled.push_str(rest);
    spelled
}

/// Takes tracking parameters out; the others keep their order and spelling.
fn clean_query(url: &mut Url) {
    let Some(query) = url.query() else { return };
    let host = url.host_str().unwrap_or_default();
    let kept: Vec<&str> =
        query.split('&').filter(|pair| !pair.is_empty() && !is_tracking(pair, host)).collect();
    let kept = kept.join("&");
    if kept.is_empty() {
        url.set_query(None);
    } else if kept != query {
        url.set_query(Some(&kept));
    }
}

fn is_tracking(pair: &str, host: &str) -> bool {
    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
    let key = key.to_ascii_lowercase();
    TRACKING.contains(&key.as_str())
        || TRACKING_STARTS.iter().any(|start| key.starts_with(start))
        || (CHANNEL_KEYS.contains(&key.as_str()) && CHANNELS.contains(&value.to_ascii_lowercase().as_str()))
        || SITE_TRACKING.iter().any(|(site, keys)| {
            let is_site = host.strip_suffix(site).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
            is_site && keys.contains(&key.as_str())
        })
}
