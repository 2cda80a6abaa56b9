//! `[alert]` of a topic: when its scores become alerts.
//!
//! Owns what the keys may say, alone and together. Refuses to apply them: `incident` does.

use std::time::Duration;

use super::check::{check_order, check_range};
use super::raw;
use super::read::Item;
use super::source::Sheet;
use super::topic_file::check_number;
use super::value::Line;
use crate::topic::policy::{Sequence, SurgePolicy, Together};
use crate::topic::{AlertPolicy, TopicId};

const MINUTE: Duration = Duration::from_mins(1);
const YEAR: Duration = Duration::from_hours(365 * 24);
/// Most rules of a kind a topic may have.
const RULES_MAX: usize = 50;

/// `names` are the topics there are files for, where that is known.
pub(super) fn check_policy(
    raw: &raw::Alert,
    id: &str,
    names: Option<&[String]>,
    sheet: &mut Sheet<'_>,
) -> AlertPolicy {
    let threshold = |threshold: f64| threshold > 0.0 && threshold < 1.0;
    check_number(&raw.threshold, "alert.threshold", "above 0 and below 1, such as 0.7", threshold, sheet);
    check_range(&raw.update_every, "alert.update_every", MINUTE, YEAR, sheet);
    check_range(&raw.close_after, "alert.close_after", MINUTE, YEAR, sheet);
    check_range(&raw.max_age, "alert.max_age", MINUTE, 10 * YEAR, sheet);
    let update = (&raw.update_every, "alert.update_every");
    check_order(
        update,
        (&raw.close_after, "alert.close_after"),
        "an incident could close before its first update",
        sheet,
    );
    AlertPolicy {
        threshold: raw.threshold.value,
        publishers: raw.publishers.value.0,
        update_every: raw.update_every.value,
        escalate_publishers: check_escalation(raw, sheet),
        close_after: raw.close_after.value,
        max_age: raw.max_age.value,
        sequence: check_sequences(raw, id, names, sheet),
        together: check_together(raw, id, names, sheet),
        surge: check_surge(&raw.surge.value, sheet),
    }
}

fn check_surge(raw: &raw::Surge, sheet: &mut Sheet<'_>) -> SurgePolicy {
    let budget = |budget: f64| (0.01..=365.0).contains(&budget);
    check_number(
        &raw.alarms_per_year,
        "alert.surge.alarms_per_year",
        "from 0.01 to 365, such as 1",
        budget,
        sheet,
    );
    check_range(&raw.refractory, "alert.surge.refractory", MINUTE, YEAR, sheet);
    SurgePolicy {
        is_enabled: raw.enabled.value,
        alarms_per_year: raw.alarms_per_year.value,
        publishers: raw.publishers.value.0,
        refractory: raw.refractory.value,
    }
}

fn check_escalation(raw: &raw::Alert, sheet: &mut Sheet<'_>) -> u32 {
    let publishers = raw.publishers.value.0;
    let escalate_publishers = match &raw.escalate_publishers.value {
        Some(given) => given.0,
        None => publishers.max(3),
    };
    if let Some(span) = raw.escalate_publishers.span.clone()
        && escalate_publishers < publishers
        && raw.publishers.sound
        && raw.escalate_publishers.sound
    {
        let message = format!(
            "{escalate_publishers} is fewer than alert.publishers ({publishers}), which every alert needs"
        );
        sheet.error(span, "alert.escalate_publishers", message, "raise it, or lower alert.publishers");
    }
    escalate_publishers
}

fn check_sequences(
    raw: &raw::Alert,
    id: &str,
    names: Option<&[String]>,
    sheet: &mut Sheet<'_>,
) -> Vec<Sequence> {
    check_count(&raw.sequence, "alert.sequence", sheet);
    let mut rules = Vec::new();
    for (index, item) in raw.sequence.value.iter().enumerate().take(RULES_MAX) {
        let (rule, key) = (&item.value, format!("alert.sequence[{}]", index + 1));
        check_topic_name(&rule.after, &format!("{key}.after"), (id, names), sheet);
        check_range(&rule.within, &format!("{key}.within"), MINUTE, YEAR, sheet);
        rules.push(Sequence {
            after: TopicId(rule.after.value.0.clone()),
            within: rule.within.value,
            severity: rule.severity.value,
        });
    }
    rules
}

fn check_together(
    raw: &raw::Alert,
    id: &str,
    names: Option<&[String]>,
    sheet: &mut Sheet<'_>,
) -> Vec<Together> {
    check_count(&raw.together, "alert.together", sheet);
    let mut rules = Vec::new();
    for (index, item) in raw.together.value.iter().enumerate().take(RULES_MAX) {
        let (rule, key) = (&item.value, format!("alert.together[{}]", index + 1));
        check_topic_name(&rule.with, &format!("{key}.with"), (id, names), sheet);
        check_range(&rule.within, &format!("{key}.within"), MINUTE, YEAR, sheet);
        rules.push(Together {
            with: TopicId(rule.with.value.0.clone()),
            within: rule.within.value,
            severity: rule.severity.value,
        });
    }
    rules
}

fn check_count<T>(items: &Item<Vec<Item<T>>>, key: &str, sheet: &mut Sheet<'_>) {
    if let Some(span) = items.span.clone().filter(|_| items.value.len() > RULES_MAX) {
        let message = format!("{} rules, more than {RULES_MAX}", items.value.len());
        sheet.error(span, key, message, "remove some");
    }
}

/// A rule names another topic; one that is not there costs nothing, and is worth a word.
fn check_topic_name(
    item: &Item<Line>,
    key: &str,
    (id, names): (&str, Option<&[String]>),
    sheet: &mut Sheet<'_>,
) {
    let Some(span) = item.span.clone().filter(|_| item.sound) else { return };
    let Line(name) = &item.value;
    if name == id {
        sheet.error(span, key, "a topic does not follow or join itself".to_owned(), "name another topic");
    } else if let Some(names) = names.filter(|names| !names.iter().any(|known| known == name)) {
        let known: Vec<&str> = names.iter().take(12).map(String::as_str).collect();
        let message = format!("there is no topic `{}`: this rule never speaks", super::quoted(name));
        sheet.warning(span, key, message, format!("topics: {}", known.join(", ")));
    }
}
