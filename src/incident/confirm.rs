//! Confirmation: how many publishers say so independently of each other.
//!
//! Owns [`publisher_count`], [`hottest_story`], [`best_first`] and [`confirmation`]. Refuses to decide what is enough.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Arrival, Case, Standing, Status, Step, Tell, Telling};
use crate::article::identity::ArticleId;
use crate::feed::schedule::after;
use crate::story::StoryId;

/// Independent publishers: each that wrote words of its own, and one for a story of which only copies are known, because
/// somebody must have written it.
pub(super) fn publisher_count<'a>(members: impl Iterator<Item = &'a Arrival>) -> u32 {
    let mut originals: BTreeSet<&str> = BTreeSet::new();
    let mut written: BTreeSet<StoryId> = BTreeSet::new();
    let mut copied: BTreeMap<StoryId, &str> = BTreeMap::new();
    for member in members {
        if member.is_copy {
            copied.entry(member.story).or_insert(&member.publisher);
        } else {
            originals.insert(&member.publisher);
            written.insert(member.story);
        }
    }
    originals
        .extend(copied.iter().filter(|(story, _)| !written.contains(story)).map(|(_, publisher)| *publisher));
    u32::try_from(originals.len()).unwrap_or(u32::MAX)
}

/// The most independent publishers that one story found within a window of time.
pub(super) fn hottest_story(arrivals: &[&Arrival], window: Duration) -> u32 {
    let mut by_story: BTreeMap<StoryId, Vec<&Arrival>> = BTreeMap::new();
    for arrival in arrivals {
        by_story.entry(arrival.story).or_default().push(arrival);
    }
    let mut most = 0;
    for members in by_story.values_mut() {
        members.sort_by_key(|member| member.at);
        for (place, first) in members.iter().enumerate() {
            let until = after(first.at, window);
            let near = members.iter().skip(place).take_while(|member| member.at <= until);
            most = most.max(publisher_count(near.copied()));
        }
    }
    most
}

/// The articles, the best score first and copies last.
pub(super) fn best_first(arrivals: &[&Arrival]) -> Vec<ArticleId> {
    let mut articles = arrivals.to_vec();
    articles.sort_by(|a, b| {
        (a.is_copy, b.score).partial_cmp(&(b.is_copy, a.score)).unwrap_or(std::cmp::Ordering::Equal)
    });
    articles.iter().map(|arrival| arrival.article).collect()
}

/// What was told, now that as many publishers say so as a route asks for: it was asked once, and refused.
pub(super) fn confirmation(standing: &Standing, case: &Case<'_>, step: Step<'_>) -> Option<Tell> {
    let before = standing.asked_publishers.max(standing.told_publishers);
    let of_told = case.members.iter().copied().filter(|member| case.told_stories.contains(&member.story));
    let told: Vec<&Arrival> = of_told.collect();
    let have = publisher_count(told.iter().copied());
    let level = step.levels.iter().copied().filter(|level| (before + 1..=have).contains(level)).max()?;
    let is_open = standing.status == Status::Open && !step.arrivals.is_empty();
    is_open.then(|| Tell {
        telling: Telling::Confirmation,
        reason: format!(
            "{have} independent publishers report it now, and {level} were asked for (min_publishers)"
        ),
        articles: best_first(&told),
        publishers: have,
        known_at: 0..=before,
    })
}
