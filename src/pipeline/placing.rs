//! Where reports are brought: to the incident of which place.
//!
//! Owns [`place_of`] and [`join_placed`]: reports of one event name its places in different orders, or none, and are one
//! incident. Refuses to find the places of a text: that is `article/place`'s.

use std::collections::BTreeMap;

use crate::article::{Article, NO_PLACE};
use crate::config::Config;
use crate::incident::Arrival;

/// Arrivals by topic (position in the configuration) and place.
pub(super) type Arrivals = BTreeMap<(usize, String), Vec<Arrival>>;

/// The place an article is brought to: where its story lies already (`known`, and whether people were told of it there), if it
/// may be there, else its main one. Reports of one event name its places in different orders, and are one incident. One that
/// names none follows its story anywhere; one that does follows it to no place only where people were told of it, or a flash
/// that waits with whatever else has no place would hold it back.
///
/// Where a route asks for places, each report counts under its own main one: that route must not miss it.
pub(super) fn place_of(config: &Config, article: &Article, known: &[(String, bool)]) -> String {
    let main = article.places.first().map_or(NO_PLACE, String::as_str);
    if main != NO_PLACE && has_place_filters(config) {
        return main.to_owned();
    }
    let may_be = |(place, is_told): &&(String, bool)| {
        main == NO_PLACE || article.places.contains(place) || place == NO_PLACE && *is_told
    };
    let own = known.iter().find(|(place, _)| place == main && main != NO_PLACE);
    let told = known.iter().filter(may_be).find(|(_, is_told)| *is_told);
    let found = own.or(told).or_else(|| known.iter().find(may_be));
    found.map_or(main, |(place, _)| place).to_owned()
}

/// Whether any route asks for places.
pub(super) fn has_place_filters(config: &Config) -> bool {
    config.routes.iter().any(|route| !route.places.is_empty())
}

/// Brings reports of a document that name no place to where others of it bring their story: one event, one incident.
pub(super) fn join_placed(config: &Config, mut arrivals: Arrivals) -> Arrivals {
    if has_place_filters(config) {
        return arrivals;
    }
    let placeless: Vec<(usize, Vec<Arrival>)> = arrivals
        .iter_mut()
        .filter(|((_, place), _)| place == NO_PLACE)
        .map(|((topic, _), arrivals)| (*topic, std::mem::take(arrivals)))
        .collect();
    for (topic, reports) in placeless {
        for report in reports {
            let of_story = |(key, others): &(&(usize, String), &Vec<Arrival>)| {
                key.0 == topic && key.1 != NO_PLACE && others.iter().any(|other| other.story == report.story)
            };
            let place = arrivals.iter().find(of_story).map_or(NO_PLACE, |((_, place), _)| place).to_owned();
            arrivals.entry((topic, place)).or_default().push(report);
        }
    }
    arrivals.retain(|_, reports| !reports.is_empty());
    arrivals
}
