//! How feeds are asked: headers, passwords and tokens, proxies.
//!
//! Owns what an owner may say of a request and what is refused, each with its reason. Refuses secrets it would have to
//! repeat: a problem with a header names the header, never its value.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use url::Url;

use super::quoted;
use super::raw;
use super::read::Item;
use super::secret;
use super::source::Sheet;
use super::value::Line;
use crate::feed::access::{Access, Authorization, NotAProxy, Proxy, ProxyChoice};
use crate::secret::Secret;

/// Headers of one feed.
const HEADERS_MAX: usize = 32;

/// Longest value of a header, bytes; servers refuse heads of more than 8 KiB.
const VALUE_BYTES_MAX: usize = 4 << 10;

const PROXY_HINT: &str = "write \"socks5h://127.0.0.1:9050\" or \"http://proxy.example.org:3128\"";

/// Proxies read so far: feeds that name the same one share it.
#[derive(Default)]
pub(super) struct Proxies {
    known: HashMap<String, Arc<Proxy>>,
}

impl Proxies {
    /// A proxy's address.
    pub(super) fn read(
        &mut self,
        text: &str,
        span: Range<usize>,
        key: &str,
        sheet: &mut Sheet<'_>,
    ) -> Option<Arc<Proxy>> {
        if let Some(known) = self.known.get(text) {
            return Some(Arc::clone(known));
        }
        match Proxy::parse(text) {
            Ok(proxy) => {
                let proxy = Arc::new(proxy);
                self.known.insert(text.to_owned(), Arc::clone(&proxy));
                Some(proxy)
            }
            Err(error) => {
                let hint = match &error {
                    NotAProxy::Scheme(scheme) if scheme.starts_with("socks4") => {
                        "write socks5h://, so that the proxy also resolves names"
                    }
                    _ => PROXY_HINT,
                };
                sheet.error(span, key, error.to_string(), hint);
                None
            }
        }
    }
}

/// What a feed's requests carry and the way they take. `url` is absent when it was refused already; `is_private` when
/// the feed may be inside the owner's network.
pub(super) fn check_access(
    dir: &Path,
    raw: &raw::Feed,
    (url, is_private): (Option<&Url>, bool),
    key: &str,
    proxies: &mut Proxies,
    sheet: &mut Sheet<'_>,
) -> Access {
    let access = Access {
        headers: check_headers(&raw.headers, key, sheet),
        authorization: check_authorization(dir, raw, url, key, sheet),
        proxy: check_proxy(&raw.proxy, key, proxies, sheet),
    };
    if let Some(url) = url.filter(|url| url.scheme() == "http")
        && access.has_credentials()
        && !is_private
    {
        let (what, span) = if access.authorization.is_some() {
            ("the password or token", raw.token_file.span.clone().or_else(|| raw.user.span.clone()))
        } else {
            ("what stands in headers", raw.headers.span.clone())
        };
        let message = format!("{what} crosses the network readably: {}:// is not encrypted", url.scheme());
        let span = span.unwrap_or_default();
        sheet.warning(span, &format!("{key}.url"), message, "write https:// if the publisher offers it");
    }
    access
}

pub(super) fn check_proxy(
    item: &Item<Option<String>>,
    key: &str,
    proxies: &mut Proxies,
    sheet: &mut Sheet<'_>,
) -> ProxyChoice {
    let (Some(text), Some(span)) = (item.value.as_ref(), item.span.clone()) else {
        return ProxyChoice::Global;
    };
    if matches!(text.trim(), "" | "none") {
        return ProxyChoice::Direct;
    }
    // After an error nothing runs, so any choice will do.
    proxies.read(text, span, &format!("{key}.proxy"), sheet).map_or(ProxyChoice::Direct, ProxyChoice::Own)
}

fn check_authorization(
    dir: &Path,
    raw: &raw::Feed,
    url: Option<&Url>,
    key: &str,
    sheet: &mut Sheet<'_>,
) -> Option<Authorization> {
    let at = |name: &str| format!("{key}.{name}");
    let first = [&raw.user.span, &raw.token_file.span].into_iter().flatten().next().cloned();
    if let (Some(span), Some(url)) = (first, url)
        && !(url.username().is_empty() && url.password().is_none())
    {
        let message = "the address names a user as well".to_owned();
        sheet.error(span, &at("url"), message, "take the part before the @ out of the address");
    }
    match (&raw.user.value, &raw.password_file.value, &raw.token_file.value) {
        (None, None, None) => None,
        (None, None, Some(path)) => {
            let token = read_secret(dir, path, raw.token_file.span.clone(), &at("token_file"), sheet)?;
            if token.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
                return Some(Authorization::Bearer(token));
            }
            let message =
                "the token has blanks or letters outside ASCII, which no header can hold".to_owned();
            let span = raw.token_file.span.clone().unwrap_or_default();
            sheet.error(span, &at("token_file"), message, "write the token alone, without `Bearer`");
            None
        }
        (Some(_), _, Some(_)) | (None, Some(_), Some(_)) => {
            let span = raw.token_file.span.clone().unwrap_or_default();
            let message =
                "a token and a password are two ways to say who asks, and only one is sent".to_owned();
            sheet.error(span, &at("token_file"), message, "remove token_file, or user and password_file");
            None
        }
        (Some(_), None, None) => {
            let span = raw.user.span.clone().unwrap_or_default();
            if raw.password_file.sound {
                let message = "there is a user but no password".to_owned();
                sheet.error(span, &at("user"), message, "add `password_file = \"…\"`, or remove this line");
            }
            None
        }
        (None, Some(_), None) => {
            let span = raw.password_file.span.clone().unwrap_or_default();
            if raw.user.sound {
                let message = "there is a password but no user".to_owned();
                sheet.error(span, &at("password_file"), message, "add `user = \"…\"`, or remove this line");
            }
            None
        }
        (Some(Line(user)), Some(path), None) => {
            if user.contains(':') {
                let span = raw.user.span.clone().unwrap_or_default();
                let message = "a user's name holds no colon (RFC 7617)".to_owned();
                sheet.error(span, &at("user"), message, "the password belongs into password_file");
            }
            let password =
                read_secret(dir, path, raw.password_file.span.clone(), &at("password_file"), sheet)?;
            Some(Authorization::Basic { user: user.clone(), password })
        }
    }
}

/// A file that holds a password or token and nothing else.
pub(super) fn read_secret(
    dir: &Path,
    path: &Path,
    span: Option<Range<usize>>,
    key: &str,
    sheet: &mut Sheet<'_>,
) -> Option<Secret> {
    let span = span.unwrap_or_default();
    match secret::read_file(&dir.join(path)) {
        Ok(found) => {
            if let Some(exposed) = found.exposed {
                sheet.warning(span, key, exposed, "let only its owner read it: chmod 600");
            }
            Some(found.secret)
        }
        Err(refused) => {
            sheet.error(span, key, refused.message, refused.hint);
            None
        }
    }
}

fn check_headers(item: &Item<raw::Headers>, key: &str, sheet: &mut Sheet<'_>) -> Vec<(String, Secret)> {
    let mut headers: Vec<(String, Secret)> = Vec::new();
    for (written, value) in &item.value.0 {
        let span = value.span.clone().unwrap_or_default();
        let key = format!("{key}.headers.{}", quoted(written));
        let name = written.to_ascii_lowercase();
        let Line(text) = &value.value;
        let problem = if let Some((message, hint)) = refusal(&name) {
            Some((message.to_owned(), hint))
        } else if headers.iter().any(|(known, _)| *known == name) {
            Some((
                "this header stands twice".to_owned(),
                "remove one of the two; capitals make no difference",
            ))
        } else if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            Some((
                "the value has letters outside ASCII, which not every server reads alike".to_owned(),
                "encode it as the publisher says",
            ))
        } else if text.len() > VALUE_BYTES_MAX {
            Some((format!("the value has more than {VALUE_BYTES_MAX} bytes"), "servers refuse such requests"))
        } else {
            None
        };
        match problem {
            Some((message, hint)) => sheet.error(span, &key, message, hint),
            None => headers.push((name, Secret::new(text.clone()))),
        }
    }
    if headers.len() > HEADERS_MAX {
        let span = item.span.clone().unwrap_or_default();
        let message = format!("more than {HEADERS_MAX} headers");
        sheet.error(span, &format!("{key}.headers"), message, "keep those the publisher asks for");
    }
    headers
}

/// Why a header is none an owner can set.
fn refusal(name: &str) -> Option<(&'static str, &'static str)> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || name.len() > 64 || !name.chars().all(is_token) {
        return Some((
            "this is not the name of a header",
            "write it as the publisher does, such as \"X-Api-Key\"",
        ));
    }
    match name {
        "authorization" => Some((
            "a password or token does not belong in this file",
            "put it in a file of its own: `user` with `password_file`, or `token_file`",
        )),
        "user-agent" | "from" => Some((
            "Wirewatch says who it is; publishers block what pretends to be something else",
            "set poll.contact, so that they can reach you",
        )),
        "referer" | "origin" => {
            Some(("a poll comes from no page, and Wirewatch does not pretend it does", "remove this line"))
        }
        "accept-encoding" | "a-im" => Some((
            "only what Wirewatch can unpack may be asked for, and it asks for all of it",
            "remove this line",
        )),
        "host" | "connection" | "keep-alive" | "te" | "trailer" | "transfer-encoding" | "content-length"
        | "content-encoding" | "content-type" | "expect" | "upgrade" | "http2-settings" => Some((
            "this header belongs to the connection, not to the owner of the feed list",
            "remove this line",
        )),
        _ if name.starts_with("proxy-") => {
            Some(("this header is for a proxy", "write user and password into the address of `proxy`"))
        }
        _ if name.starts_with("if-") || name == "range" => Some((
            "Wirewatch makes its requests conditional by what the server sent, and by nothing else",
            "remove this line",
        )),
        _ => None,
    }
}
