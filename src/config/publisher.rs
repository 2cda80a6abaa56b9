//! `[[publisher]]`: names that stand for one publisher.
//!
//! Owns that no name is in two groups, and that a name can occur at all. Refuses to group: `feed::publishers` does.

use std::collections::BTreeMap;

use super::read::Item;
use super::source::Sheet;
use super::value::Line;
use super::{quoted, raw};
use crate::article::publisher::registrable_domain;
use crate::feed::publishers::Publishers;

/// Reads the groups.
pub(super) fn check_publishers(main: &raw::Main, sheet: &mut Sheet<'_>) -> Publishers {
    let mut publishers = Publishers::default();
    // Which group a name is in.
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for (index, item) in main.publisher.value.iter().enumerate() {
        let number = index + 1;
        let raw = &item.value;
        let Line(name) = &raw.name.value;
        let name_key = format!("publisher[{number}].name");
        let mut others = Vec::new();
        let named = std::iter::once((&raw.name, name_key));
        let also = raw.also.value.iter().enumerate();
        let also = also.map(|(index, item)| (item, format!("publisher[{number}].also[{}]", index + 1)));
        for (item, key) in named.chain(also) {
            if check_name(item, &key, number, &mut known, sheet) {
                others.push(item.value.0.trim().to_owned());
            }
        }
        if let Some(span) = raw.also.span.clone().filter(|_| raw.also.sound && raw.also.value.is_empty()) {
            let message = "a group of one name changes nothing".to_owned();
            sheet.warning(span, &format!("publisher[{number}].also"), message, "add its other domains");
        }
        publishers.group(name.trim(), others);
    }
    publishers
}

/// Whether a name may be in this group.
fn check_name(
    item: &Item<Line>,
    key: &str,
    number: usize,
    known: &mut BTreeMap<String, usize>,
    sheet: &mut Sheet<'_>,
) -> bool {
    let Some(span) = item.span.clone() else { return false };
    let name = item.value.0.trim();
    let lower = name.to_lowercase();
    let is_host = lower.contains('.') && !lower.contains(char::is_whitespace);
    if name.is_empty() {
        let hint = "write a registrable domain, such as \"bbc.co.uk\"";
        sheet.error(span, key, "this names nobody".to_owned(), hint);
        return false;
    }
    if is_host && (lower.contains('/') || registrable_domain(&lower) != lower) {
        let host = lower.split("//").last().and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let message =
            format!("`{}` is no registrable domain, which is what publishers are known by", quoted(name));
        let hint = format!("write \"{}\"", registrable_domain(host.trim_start_matches("www.")));
        sheet.error(span, key, message, hint);
        return false;
    }
    if let Some(group) = known.insert(lower, number) {
        let message = if group == number {
            format!("`{}` is listed twice", quoted(name))
        } else {
            format!("`{}` is in publisher[{group}] already", quoted(name))
        };
        sheet.error(span, key, message, "a publisher is in one group: remove one of them");
        return false;
    }
    true
}
