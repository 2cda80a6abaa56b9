//! `[[route]]`: who is told what.
//!
//! Owns addresses, and that a route can match something. When it tells is [`timing`]. Refuses to route: `alert` does.

mod timing;

pub(super) use timing::time_zone;

use std::collections::{BTreeMap, HashSet};

use super::read::Item;
use super::source::Sheet;
use super::topic_file::KnownTopic;
use super::value::Line;
use super::{Route, mail_server, outlet, raw};
use crate::alert::route::matches_glob;
use crate::article::NO_PLACE;
use crate::article::place::country;
use crate::delivery::OUTLET_PREFIX;

const ADDRESS_HINT: &str = "write it as desk@example.org, without a name; an outlet is \"outlet:NAME\"";

/// Addresses of mailboxes and outlets, each once.
pub(super) fn check_addresses(
    items: &[Item<Line>],
    key: &str,
    outlets: &[Item<raw::Outlet>],
    sheet: &mut Sheet<'_>,
) -> Vec<String> {
    let mut addresses: Vec<String> = Vec::new();
    let mut known = HashSet::new();
    for (index, item) in items.iter().enumerate() {
        let key = format!("{key}[{}]", index + 1);
        let span = item.span.clone().unwrap_or_default();
        let Line(address) = &item.value;
        if address.starts_with(OUTLET_PREFIX) && !outlet::is_known(address, outlets) {
            let message = format!("there is no [[outlet]] for `{}`", super::quoted(address));
            sheet.error(span, &key, message, outlet::hint_of_names(outlets));
        } else if !address.starts_with(OUTLET_PREFIX) && !mail_server::is_address(address) {
            let message = format!("`{}` is not a mail address", super::quoted(address));
            sheet.error(span, &key, message, ADDRESS_HINT);
        } else if !known.insert(address.to_ascii_lowercase()) {
            let message = format!("{address} is listed twice; it is told once");
            sheet.warning(span, &key, message, "remove one of them");
        } else {
            addresses.push(address.clone());
        }
    }
    addresses
}

pub(super) fn check_routes(
    main: &raw::Main,
    known: &BTreeMap<String, KnownTopic>,
    sheet: &mut Sheet<'_>,
) -> Vec<Route> {
    let routes = &main.route.value;
    if routes.is_empty() && !sheet.has_errors() {
        let message = "there is no [[route]]: alerts are stored but nobody is told".to_owned();
        sheet.warning(0..0, "route", message, "add a [[route]] with `to = [\"you@example.org\"]`");
    }
    let numbered = routes.iter().enumerate();
    numbered
        .map(|(index, item)| check_route(&item.value, index + 1, known, &main.outlet.value, sheet))
        .collect()
}

fn check_route(
    raw: &raw::Route,
    number: usize,
    known: &BTreeMap<String, KnownTopic>,
    outlets: &[Item<raw::Outlet>],
    sheet: &mut Sheet<'_>,
) -> Route {
    let key = |name: &str| format!("route[{number}].{name}");
    let to = check_addresses(&raw.to.value, &key("to"), outlets, sheet);
    if let Some(span) = raw.to.span.clone().filter(|_| raw.to.sound && raw.to.value.is_empty()) {
        sheet.error(
            span,
            &key("to"),
            "this route tells nobody".to_owned(),
            "add an address, or remove the route",
        );
    }
    for (index, item) in raw.topics.value.iter().enumerate() {
        let Some(span) = item.span.clone() else { continue };
        let pattern = &item.value.0;
        if pattern != "*" && !known.keys().any(|id| matches_glob(pattern, id)) {
            let ids: Vec<&str> = known.keys().take(12).map(String::as_str).collect();
            let known = if ids.is_empty() { "there are none".to_owned() } else { ids.join(", ") };
            let message = format!("`{}` matches no topic", super::quoted(pattern));
            sheet.error(
                span,
                &format!("{}[{}]", key("topics"), index + 1),
                message,
                format!("topics: {known}"),
            );
        }
    }
    check_severities(raw, &key("severities"), known, sheet);
    for (index, item) in raw.places.value.iter().enumerate() {
        let place = &item.value.0;
        if !is_country(place) {
            let span = item.span.clone().unwrap_or_default();
            let message = format!("`{}` is not a country code", super::quoted(place));
            let hint =
                "write two capital letters (ISO 3166-1 alpha-2), such as \"SD\"; \"ZZ\" is no country found";
            sheet.error(span, &format!("{}[{}]", key("places"), index + 1), message, hint);
        }
    }
    let timing = timing::check(raw, (&to, outlets), &key, sheet);
    let is_limit_written = raw.max_per_hour.span.is_some();
    let tires = |address: &&String| is_limit_written || !outlet::is_webhook(address, outlets);
    let unlimited =
        to.iter().filter(|address| timing.max_per_hour.is_some() && !tires(address)).cloned().collect();
    let texts = |items: &[Item<Line>]| items.iter().map(|item| item.value.0.clone()).collect();
    Route {
        to,
        topics: texts(&raw.topics.value),
        severities: raw.severities.value.iter().map(|item| item.value).collect(),
        places: texts(&raw.places.value),
        min_publishers: raw.min_publishers.value.0,
        all_clear: raw.all_clear.value,
        mode: timing.mode,
        zone: timing.zone,
        quiet_hours: timing.quiet_hours,
        max_per_hour: timing.max_per_hour,
        unlimited,
        second_line: timing.second_line,
    }
}

/// Whether alerts can stand under it.
fn is_country(place: &str) -> bool {
    place == NO_PLACE || country::name(place).is_some()
}

/// Severities that none of the route's topics has make it a route that never speaks.
fn check_severities(
    raw: &raw::Route,
    key: &str,
    known: &BTreeMap<String, KnownTopic>,
    sheet: &mut Sheet<'_>,
) {
    let wanted = &raw.severities.value;
    let Some(span) = raw.severities.span.clone().filter(|_| raw.severities.sound && !wanted.is_empty())
    else {
        return;
    };
    let patterns = &raw.topics.value;
    let matches =
        |id: &str| patterns.is_empty() || patterns.iter().any(|item| matches_glob(&item.value.0, id));
    let mut found = known.iter().filter(|(id, _)| matches(id)).map(|(_, topic)| topic.severity).peekable();
    // A route without topics was reported, and so was a configuration without any.
    if found.peek().is_none() {
        return;
    }
    let speaks = found
        .any(|severity| severity.is_none_or(|severity| wanted.iter().any(|item| item.value == severity)));
    if !speaks {
        let message = "none of the route's topics has such a severity: it would never be told".to_owned();
        sheet.error(span, key, message, "change the severities, or the route's topics");
    }
}
