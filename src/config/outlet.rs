//! `[[outlet]]`, `[health]` and the heartbeat: who hears of us besides mailboxes, and when.
//!
//! Owns what an outlet's address may look like, which is an error and not a surprise when it could never work. Refuses a
//! secret in the file: it stands in one of its own.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use url::Url;

use super::access::{Proxies, check_proxy, read_secret};
use super::raw;
use super::read::Item;
use super::source::Sheet;
use super::value::Line;
use super::{Heartbeat, Outlet, Ping, units};
use crate::delivery::OUTLET_PREFIX;
use crate::delivery::heartbeat::divides_a_day;
use crate::delivery::outlet::OutletKind;
use crate::feed::access::{Access, Authorization};
use crate::secret::Secret;

/// Least characters of a secret or of an ntfy topic that are not easily guessed.
const GUESSED_MAX: usize = 11;

const URL_HINT: &str = "write it as \"https://example.org/hooks/wirewatch\"";

/// Whether `outlet:NAME` is one of these.
pub(super) fn is_known(address: &str, outlets: &[Item<raw::Outlet>]) -> bool {
    address
        .strip_prefix(OUTLET_PREFIX)
        .is_some_and(|name| outlets.iter().any(|outlet| outlet.value.name.value.0 == name))
}

/// Whether `outlet:NAME` is a program.
pub(super) fn is_webhook(address: &str, outlets: &[Item<raw::Outlet>]) -> bool {
    let is_it = |name: &str, outlet: &raw::Outlet| {
        outlet.name.value.0 == name && outlet.kind.value == OutletKind::Webhook
    };
    let name = address.strip_prefix(OUTLET_PREFIX);
    name.is_some_and(|name| outlets.iter().any(|outlet| is_it(name, &outlet.value)))
}

/// What may stand instead of an outlet that is not there.
pub(super) fn hint_of_names(outlets: &[Item<raw::Outlet>]) -> String {
    let names: Vec<String> = outlets
        .iter()
        .map(|outlet| format!("{OUTLET_PREFIX}{}", super::quoted(&outlet.value.name.value.0)))
        .take(12)
        .collect();
    if names.is_empty() {
        return "add an [[outlet]] of this name; there are none".to_owned();
    }
    format!("outlets: {}", names.join(", "))
}

pub(super) fn check_outlets(dir: &Path, main: &raw::Main, sheet: &mut Sheet<'_>) -> Vec<Outlet> {
    let mut known = HashSet::new();
    let mut proxies = Proxies::default();
    let mut outlets = Vec::new();
    for (index, item) in main.outlet.value.iter().enumerate() {
        let raw = &item.value;
        let key = format!("outlet[{}]", index + 1);
        let Line(name) = &raw.name.value;
        if let Some(span) = raw.name.span.clone().filter(|_| raw.name.sound) {
            if !is_name(name) {
                let message = format!("`{}` is not a name for an outlet", super::quoted(name));
                let hint = "use small letters, digits and single hyphens: \"ops-pager\"";
                sheet.error(span, &format!("{key}.name"), message, hint);
            } else if !known.insert(name.clone()) {
                let message = format!("two outlets are called {name}");
                sheet.error(span, &format!("{key}.name"), message, "give one of them another name");
            }
        }
        outlets.extend(check_outlet(dir, raw, &key, &mut proxies, sheet));
    }
    outlets
}

fn check_outlet(
    dir: &Path,
    raw: &raw::Outlet,
    key: &str,
    proxies: &mut Proxies,
    sheet: &mut Sheet<'_>,
) -> Option<Outlet> {
    let at = |name: &str| format!("{key}.{name}");
    let is_private = raw.allow_private_addresses.value;
    let url = check_url(&raw.url, &at("url"), sheet);
    if let (Some(url), Some(span)) = (&url, raw.url.span.clone()) {
        if url.scheme() == "http" && !is_private {
            let message = "alerts would cross the network readably: http:// is not encrypted".to_owned();
            let hint = "write https://, or allow_private_addresses = true for an outlet of your own network";
            sheet.warning(span.clone(), &at("url"), message, hint);
        }
        if raw.kind.value == OutletKind::Ntfy {
            check_topic(url, raw, span, &at("url"), sheet);
        }
    }
    let secret = check_secret(dir, raw, key, sheet);
    let token = check_token(dir, raw, &at("token_file"), sheet);
    let access = Access {
        authorization: token.map(Authorization::Bearer),
        proxy: check_proxy(&raw.proxy, key, proxies, sheet),
        ..Access::default()
    };
    Some(Outlet {
        name: raw.name.value.0.clone(),
        kind: raw.kind.value,
        url: url?,
        access,
        secret,
        allow_private_addresses: is_private,
    })
}

/// What a webhook is signed with.
fn check_secret(dir: &Path, raw: &raw::Outlet, key: &str, sheet: &mut Sheet<'_>) -> Option<Secret> {
    let at = |name: &str| format!("{key}.{name}");
    let span = raw.secret_file.span.clone();
    let is_webhook = raw.kind.value == OutletKind::Webhook;
    let (Some(path), Some(span)) = (&raw.secret_file.value, span) else {
        if is_webhook && raw.kind.sound && raw.secret_file.sound && raw.token_file.span.is_none() {
            let message = "nothing tells the receiver that a request is ours: anybody can forge an alert";
            let hint = "add secret_file, and check Wirewatch-Signature there";
            sheet.warning(raw.kind.span.clone().unwrap_or_default(), &at("kind"), message.to_owned(), hint);
        }
        return None;
    };
    if !is_webhook {
        let message = "ntfy knows no signatures; this would be used for nothing".to_owned();
        let hint = "name the access token in token_file, or remove this line";
        sheet.error(span, &at("secret_file"), message, hint);
        return None;
    }
    let secret = read_secret(dir, path, Some(span.clone()), &at("secret_file"), sheet)?;
    if secret.expose().len() <= GUESSED_MAX {
        let message = "a secret so short can be guessed".to_owned();
        sheet.warning(span, &at("secret_file"), message, "make one: openssl rand -hex 32");
    }
    Some(secret)
}

fn check_token(dir: &Path, raw: &raw::Outlet, key: &str, sheet: &mut Sheet<'_>) -> Option<Secret> {
    let (path, span) = (raw.token_file.value.as_ref()?, raw.token_file.span.clone()?);
    let token = read_secret(dir, path, Some(span.clone()), key, sheet)?;
    if token.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some(token);
    }
    let message = "the token has blanks or letters outside ASCII, which no header can hold".to_owned();
    sheet.error(span, key, message, "write the token alone, without `Bearer`");
    None
}

/// An address of the web without a password in it.
fn check_url(item: &Item<Line>, key: &str, sheet: &mut Sheet<'_>) -> Option<Url> {
    let Line(text) = &item.value;
    let span = item.span.clone().filter(|_| item.sound)?;
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let Some(url) = url else {
        let message = format!("`{}` is not a web address", super::quoted(text));
        sheet.error(span, key, message, URL_HINT);
        return None;
    };
    if !url.username().is_empty() || url.password().is_some() {
        let message = "a user or password does not belong in this address".to_owned();
        sheet.error(span, key, message, "put a token into a file and name it in token_file");
        return None;
    }
    Some(url)
}

fn check_topic(url: &Url, raw: &raw::Outlet, span: std::ops::Range<usize>, key: &str, sheet: &mut Sheet<'_>) {
    let topic = url.path().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let is_topic = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if topic.is_empty() || topic.len() > 64 || !topic.chars().all(is_topic) || url.query().is_some() {
        let message = "this names no ntfy topic".to_owned();
        let hint = "write \"https://ntfy.sh/TOPIC\": letters, digits, - and _, at most 64";
        sheet.error(span, key, message, hint);
    } else if topic.len() <= GUESSED_MAX && raw.token_file.span.is_none() {
        let message = "whoever guesses this topic reads your alerts, and can write to it".to_owned();
        sheet.warning(span, key, message, "choose a long name that nobody guesses, or use a token");
    }
}

fn is_name(name: &str) -> bool {
    let part =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    name.len() <= 64 && name.split('-').all(part)
}

/// The dead-man service.
pub(super) fn check_ping(raw: &raw::Health, sheet: &mut Sheet<'_>) -> Option<Ping> {
    let (min, max) = (Duration::from_mins(1), Duration::from_hours(24));
    super::check::check_range(&raw.ping_every, "health.ping_every", min, max, sheet);
    let item = Item { value: raw.ping.value.clone()?, span: raw.ping.span.clone(), sound: raw.ping.sound };
    let url = check_url(&item, "health.ping", sheet)?;
    Some(Ping { url, every: raw.ping_every.value })
}

/// When heartbeats are due; none when off.
pub(super) fn check_heartbeat(raw: &raw::Mail, sheet: &mut Sheet<'_>) -> Option<Heartbeat> {
    let Line(every) = &raw.heartbeat.value;
    let span = |item: &Item<Line>| item.span.clone().filter(|_| item.sound);
    let is_off = every == "off";
    if !is_off
        && raw.operator.value.is_empty()
        && let Some(span) = span(&raw.heartbeat)
    {
        let message = "there is no mail.operator, so nobody gets a heartbeat".to_owned();
        sheet.error(
            span,
            "mail.heartbeat",
            message,
            "add `operator = [\"you@example.org\"]`, or remove this line",
        );
    }
    for (key, item) in [("mail.heartbeat_at", &raw.heartbeat_at), ("mail.time_zone", &raw.time_zone)] {
        if is_off && let Some(span) = span(item) {
            let message = "this means nothing while mail.heartbeat is \"off\"".to_owned();
            sheet.error(span, key, message, "remove this line, or set mail.heartbeat");
        }
    }
    let at = Time::strptime("%H:%M", &raw.heartbeat_at.value.0);
    if let (Err(_), Some(span)) = (&at, span(&raw.heartbeat_at)) {
        let message = format!("`{}` is not a time of day", super::quoted(&raw.heartbeat_at.value.0));
        sheet.error(span, "mail.heartbeat_at", message, "write hours and minutes: \"07:30\"");
    }
    let time_zone = TimeZone::get(&raw.time_zone.value.0);
    if let (Err(_), Some(span)) = (&time_zone, span(&raw.time_zone)) {
        let message =
            format!("`{}` is not a time zone this machine knows", super::quoted(&raw.time_zone.value.0));
        let hint = "write an IANA name such as \"Africa/Khartoum\"; the package tzdata holds them";
        sheet.error(span, "mail.time_zone", message, hint);
    }
    if is_off {
        return None;
    }
    let every = match units::parse_duration(every) {
        Ok(every) if divides_a_day(every) => Some(every),
        parsed => {
            if let Some(span) = span(&raw.heartbeat) {
                let message = match parsed {
                    Ok(_) => "heartbeats must come at the same times every day".to_owned(),
                    Err(message) => message,
                };
                let hint = "write \"24h\", a part of a day such as \"12h\" or \"1h\", or \"off\"";
                sheet.error(span, "mail.heartbeat", message, hint);
            }
            None
        }
    };
    Some(Heartbeat { every: every?, at: at.ok()?, time_zone: time_zone.ok()? })
}
