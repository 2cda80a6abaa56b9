//! What a publisher advertises: a hub, and the topic to ask it for (WebSub section 4).
//!
//! Owns the order in which it is looked for – HTTP `Link` headers first, then the document – and the grammar of
//! `Link` as far as it matters (RFC 8288). Refuses to guess: without both a hub and a topic there is no offer.

use url::Url;

/// Longest address taken, bytes: it is stored, sent and compared.
const ADDRESS_BYTES_MAX: usize = 2048;

/// Links looked at in headers.
const LINKS_MAX: usize = 64;

/// Where a feed can be subscribed to. Both are absolute http(s) addresses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Offer {
    /// Whom to ask.
    pub hub: String,
    /// What for: the feed's own name for itself (`rel=self`), which may differ from where it is polled.
    pub topic: String,
}

impl Offer {
    /// What an answer offers. `link_headers` are the values of its `Link` headers, `hubs` and `self_url` what its
    /// document says, `url` where it came from. What headers say wins; of several hubs the first with TLS is
    /// taken, as the key travels to it.
    pub fn of(link_headers: &[String], hubs: &[String], self_url: Option<&str>, url: &Url) -> Option<Self> {
        let links: Vec<Link> =
            link_headers.iter().flat_map(|value| read_links(value)).take(LINKS_MAX).collect();
        let said =
            |rel: &str| links.iter().filter(|link| link.is(rel)).map(|link| link.target.as_str()).collect();
        let (header_hubs, header_selves): (Vec<&str>, Vec<&str>) = (said("hub"), said("self"));
        let hubs =
            if header_hubs.is_empty() { hubs.iter().map(String::as_str).collect() } else { header_hubs };
        let hubs: Vec<Url> = hubs.into_iter().filter_map(|hub| address(hub, url)).collect();
        let hub = hubs.iter().find(|hub| hub.scheme() == "https").or(hubs.first())?;
        let topic = address(header_selves.first().copied().or(self_url)?, url)?;
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

#[derive(Debug)]
struct Link {
    target: String,
    rels: String,
}

impl Link {
    fn is(&self, rel: &str) -> bool {
        self.rels.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case(rel))
    }
}

/// The links of one header value: `<target>; rel="a b"; title="c, d", <target> …`. One that cannot be read ends the
/// reading: what follows would be a guess.
fn read_links(value: &str) -> Vec<Link> {
    let mut links = Vec::new();
    let mut rest = value.trim_start_matches([',', ' ', '\t']);
    while let Some((target, parameters)) = rest.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
        let (rels, after) = read_parameters(parameters);
        links.push(Link { target: target.to_owned(), rels });
        rest = after.trim_start_matches([',', ' ', '\t']);
        if links.len() >= LINKS_MAX {
            break;
        }
    }
    links
}

/// The `rel` among the parameters behind a target, and what follows the comma that ends them.
fn read_parameters(text: &str) -> (String, &str) {
    let (mut rels, mut is_quoted, mut is_escaped) = (None, false, false);
    let mut parameter = String::new();
    let take = |parameter: &mut String, rels: &mut Option<String>| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter.as_str(), ""));
        // The first one counts (RFC 8288 section 3.3).
        if name.trim().eq_ignore_ascii_case("rel") && rels.is_none() {
            *rels = Some(value.trim().to_owned());
        }
        parameter.clear();
    };
    for (at, letter) in text.char_indices() {
        match letter {
            _ if is_escaped => {
                is_escaped = false;
                parameter.push(letter);
            }
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            ';' if !is_quoted => take(&mut parameter, &mut rels),
            ',' if !is_quoted => {
                take(&mut parameter, &mut rels);
                return (rels.unwrap_or_default(), text.get(at..).unwrap_or_default());
            }
            _ => parameter.push(letter),
        }
    }
    take(&mut parameter, &mut rels);
    (rels.unwrap_or_default(), "")
}
