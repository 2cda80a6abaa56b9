//! What an incident's mail shows: its stories with who tells them, what was told before, and the days before.
//!
//! Owns the gathering of an [`AlertView`] from the rows of an incident. Refuses to decide what is told: that is
//! [`super::raise`]'s, and how it reads is `alert/render`'s.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::links;
use super::outgoing::incident_page;

use crate::alert::render::{
    Action, AlertView, ArticleView, News, PublisherView, StoryView, TREND_DAYS, ToldStory, Trend,
};
use crate::alert::{Alert, AlertId, Kind};
use crate::article::NO_PLACE;
use crate::article::identity::ArticleId;
use crate::article::place::country;
use crate::config::Config;
use crate::delivery::Channel;
use crate::delivery::follow_up::{self, Link};
use crate::feed::Tier;
use crate::incident::IncidentId;
use crate::store::incidents::ReportedArticle;
use crate::store::told::{Member, Told};
use crate::store::{StoreError, Transaction};
use crate::story::StoryId;
use crate::topic::{Topic, TopicId};

/// Articles shown in one mail at most; the rest are counted.
const ARTICLES_MAX: usize = 10;
/// Articles shown of one story.
const STORY_ARTICLES_MAX: usize = 3;
/// Told stories shown because they grew.
const GROWN_MAX: usize = 5;
/// Told stories named.
const TOLD_MAX: usize = 10;
/// Articles read that an alert tells of and its incident did not collect.
const OTHERS_MAX: usize = 200;
/// Publishers named of those that carry a copy.
const COPIED_BY_MAX: usize = 5;
/// Reports at a place below which the days of the whole topic say more.
const TREND_REPORTS_MIN: u32 = 5;

/// An alert that was decided, with what its mail is made of.
pub(super) struct Decided<'a> {
    /// Its number.
    pub(super) id: AlertId,
    /// What routes look at.
    pub(super) alert: &'a Alert,
    /// Its topic.
    pub(super) topic: &'a Topic,
    /// Its incident.
    pub(super) incident: IncidentId,
    /// Why, as a clause.
    pub(super) reason: &'a str,
    /// What it says first, where that is no story's title.
    pub(super) headline: Option<String>,
    /// The articles it tells, best first.
    pub(super) articles: &'a [ArticleId],
    /// Best score.
    pub(super) score: f64,
}

/// The articles of an incident, with those an alert tells of beside them, the first seen first.
pub(super) fn members(
    tx: &Transaction<'_>,
    incident: IncidentId,
    articles: &[ArticleId],
    now: Timestamp,
) -> Result<Vec<Member>, StoreError> {
    let mut members = tx.members(incident)?;
    let known: BTreeSet<ArticleId> = members.iter().map(|member| member.article).collect();
    let others = articles.iter().filter(|id| !known.contains(id)).take(OTHERS_MAX).copied();
    members.extend(tx.as_members(&others.collect::<Vec<_>>(), now)?);
    members.sort_by_key(|member| (member.seen_at, member.article));
    Ok(members)
}

/// The articles of an alert that its mail shows, best first: one of each story before a second of any, and copies only
/// where nothing else is known of a story. A correction shows what takes back and what is taken back, as they are: a note that
/// quotes a report is no copy of it.
pub(super) fn pick(kind: Kind, members: &[Member], articles: &[ArticleId]) -> Vec<ArticleId> {
    let by_id: BTreeMap<ArticleId, &Member> = members.iter().map(|member| (member.article, member)).collect();
    let known: Vec<&Member> = articles.iter().filter_map(|id| by_id.get(id).copied()).collect();
    if kind == Kind::Correction {
        return known.iter().take(ARTICLES_MAX).map(|member| member.article).collect();
    }
    let written: BTreeSet<StoryId> =
        known.iter().filter(|member| !member.is_copy).map(|member| member.story).collect();
    let shown = known.iter().filter(|member| !member.is_copy || !written.contains(&member.story));
    let shown: Vec<&Member> = shown.copied().collect();
    let mut counts: BTreeMap<StoryId, usize> = BTreeMap::new();
    let mut picked: BTreeSet<ArticleId> = BTreeSet::new();
    for round in 1..=STORY_ARTICLES_MAX {
        for member in &shown {
            let count = counts.entry(member.story).or_default();
            if picked.len() < ARTICLES_MAX && *count < round && picked.insert(member.article) {
                *count += 1;
            }
        }
    }
    articles.iter().filter(|id| picked.contains(id)).copied().collect()
}

/// Gathers the view. `members` are the incident's articles, `shown` those of [`pick`] as they are now.
pub(super) fn view(
    tx: &Transaction<'_>,
    config: &Config,
    decided: &Decided<'_>,
    members: &[Member],
    shown: Vec<ReportedArticle>,
    now: Timestamp,
) -> Result<AlertView, StoreError> {
    let Decided { id, alert, topic, incident, score, .. } = decided;
    let source = &topic.source;
    let times = tx.alert_times(*incident)?;
    let stories = Stories::gather(decided, members, &times, shown);
    let told_more = stories.told.len().saturating_sub(TOLD_MAX);
    Ok(AlertView {
        topic_name: source.name.clone(),
        topic_id: source.id.0.clone(),
        severity: alert.severity,
        kind: alert.kind,
        headline: decided.headline.clone(),
        reason: decided.reason.to_owned(),
        place: country::name(&alert.place).map(str::to_owned),
        place_code: alert.place.clone(),
        at: now,
        incident: incident.0,
        alert: id.0,
        publishers: alert.publishers,
        score: *score,
        threshold: source.policy.threshold,
        more: stories.more,
        told: stories.told.into_iter().take(TOLD_MAX).collect(),
        told_more,
        stories: stories.shown,
        corrects: corrects(tx, decided)?,
        trend: trend(tx, &source.id, &alert.place, now)?,
        incident_url: incident_page(config, incident.0),
        actions: actions(tx, config, *id, now)?,
        contact: Some(contact(config)),
    })
}

/// What a correction takes back, as it was told: its article says something else by now.
fn corrects(tx: &Transaction<'_>, decided: &Decided<'_>) -> Result<Option<ToldStory>, StoreError> {
    if decided.alert.kind != Kind::Correction {
        return Ok(None);
    }
    let mut first: Option<Told> = None;
    for article in decided.articles.iter().take(ARTICLES_MAX) {
        let told = tx.told_first(decided.incident, *article)?;
        first = first.into_iter().chain(told).min_by_key(|told| told.alert);
    }
    Ok(first.map(|told| ToldStory {
        title: told.subject,
        alert: told.alert.0,
        told_at: told.at,
        publishers: 0,
        is_taken_back: true,
    }))
}

/// What a recipient can do with one click, with links that become each recipient's own when a mail leaves.
fn actions(
    tx: &Transaction<'_>,
    config: &Config,
    alert: AlertId,
    now: Timestamp,
) -> Result<Vec<Action>, StoreError> {
    let links = links::actions(tx, config, alert, now)?;
    let action = |link: Link| Action {
        label: link.action.label().to_owned(),
        url: link.url,
        is_unsubscribe: link.action == follow_up::Action::Unsubscribe,
    };
    Ok(links.into_iter().map(action).collect())
}

/// Who is asked to end these mails: the first mailbox of the operator, or else the sender.
pub(super) fn contact(config: &Config) -> String {
    let from = &config.mail.door.from;
    let sender = from.rsplit_once('<').map_or(from.as_str(), |(_, rest)| rest.trim_end_matches('>'));
    let operator = config.mail.operator.iter().find(|address| Channel::of(address) == Channel::Mail);
    operator.cloned().unwrap_or_else(|| sender.trim().to_owned())
}

/// The stories of an incident, sorted by whether people know of them.
#[derive(Default)]
struct Stories {
    /// New ones as the alert ranks them, then those that grew.
    shown: Vec<StoryView>,
    /// Those without news, the latest first.
    told: Vec<ToldStory>,
    /// Articles of the alert that stand in none of `shown`.
    more: usize,
}

impl Stories {
    fn gather(
        decided: &Decided<'_>,
        members: &[Member],
        times: &[(AlertId, Timestamp)],
        shown: Vec<ReportedArticle>,
    ) -> Self {
        let in_alert: BTreeSet<ArticleId> = decided.articles.iter().copied().collect();
        let last_told_at = times.iter().rev().find(|(id, _)| *id < decided.id).map(|(_, at)| *at);
        let mut by_story: BTreeMap<StoryId, Vec<&Member>> = BTreeMap::new();
        for member in members {
            by_story.entry(member.story).or_default().push(member);
        }
        let mut articles: BTreeMap<StoryId, Vec<ArticleView>> = BTreeMap::new();
        let mut order: Vec<StoryId> = Vec::new();
        for article in shown {
            if !order.contains(&article.story) {
                order.push(article.story);
            }
            articles.entry(article.story).or_default().push(article_view(article));
        }
        let mut stories = Self::default();
        let (mut grown, mut told) = (Vec::new(), Vec::new());
        for (story, members) in &by_story {
            let told_in =
                members.iter().filter_map(|member| member.alert).filter(|id| *id < decided.id).min();
            let is_correction = decided.alert.kind == Kind::Correction;
            let group = Group { members, in_alert: &in_alert, last_told_at, told_in, is_correction };
            let shown = articles.remove(story).unwrap_or_default();
            match told_in {
                _ if !shown.is_empty() => stories.shown.push(group.view(shown)),
                Some(_) if group.grew() => grown.push(group.view(shown)),
                Some(alert) => told.push(group.told(alert, times)),
                None => {}
            }
        }
        let rank = |view: &StoryView| {
            let lead = view.articles.first().map(|article| article.id);
            decided.articles.iter().position(|id| Some(id.0) == lead)
        };
        // What cannot wait is told in the words that made it so, though its story was told.
        let is_urgent = decided.alert.kind == Kind::Escalation;
        stories.shown.sort_by_key(|view| (view.news == News::Updated && !is_urgent, rank(view)));
        grown.sort_by_key(|view| std::cmp::Reverse(view.publishers.len()));
        told.extend(grown.split_off(grown.len().min(GROWN_MAX)).into_iter().filter_map(|view| {
            // What grew and has no room is at least named.
            let told_at = last_told_at?;
            let alert = times.iter().rev().find(|(_, at)| *at == told_at)?.0.0;
            let publishers = view.publishers.len();
            Some(ToldStory { title: view.title, alert, told_at, publishers, is_taken_back: false })
        }));
        stories.shown.extend(grown);
        told.sort_by_key(|story| std::cmp::Reverse((story.told_at, story.alert)));
        stories.told = told;
        let counted: usize = by_story.values().flatten().filter(|m| in_alert.contains(&m.article)).count();
        let unshown: usize = by_story
            .iter()
            .filter(|(story, _)| !order.contains(story))
            .map(|(_, members)| members.iter().filter(|m| in_alert.contains(&m.article)).count())
            .sum();
        stories.more = in_alert.len().saturating_sub(counted) + unshown;
        stories
    }
}

/// The articles of one story.
struct Group<'a> {
    members: &'a [&'a Member],
    in_alert: &'a BTreeSet<ArticleId>,
    /// When the incident was told of last, before this alert.
    last_told_at: Option<Timestamp>,
    /// The alert that told the story first.
    told_in: Option<AlertId>,
    /// Whether the alert takes something back.
    is_correction: bool,
}

impl Group<'_> {
    /// Whether an article was there when the incident was told of last.
    fn is_known(&self, member: &Member) -> bool {
        self.told_in.is_some() && self.last_told_at.is_some_and(|at| member.tripped_at <= at)
    }

    /// Publishers with words of their own that they stand by, those that were known first, each since its first article.
    fn publishers(&self) -> (Vec<PublisherView>, usize) {
        let mut known: Vec<PublisherView> = Vec::new();
        let mut new: Vec<PublisherView> = Vec::new();
        let stands = |member: &&&Member| !member.is_copy && !member.is_taken_back && !member.is_doubted;
        for member in self.members.iter().filter(stands) {
            if known.iter().chain(&new).any(|publisher| publisher.name == member.publisher) {
                continue;
            }
            let publisher = PublisherView {
                name: member.publisher.clone(),
                tier: Tier::new(member.tier).unwrap_or_default(),
                first_seen_at: member.seen_at,
            };
            if self.is_known(member) { known.push(publisher) } else { new.push(publisher) }
        }
        let known_count = known.len();
        known.append(&mut new);
        (known, known_count)
    }

    /// Whether a publisher came to it since the incident was told of last. A copy is no news.
    fn grew(&self) -> bool {
        let (publishers, known) = self.publishers();
        publishers.len() > known
    }

    fn view(&self, articles: Vec<ArticleView>) -> StoryView {
        let (publishers, known_publishers) = self.publishers();
        // What is told here may be one side of a story: its strongest headline, and not the story's most central one.
        let title = articles.first().map(|article| article.title.clone());
        let title = title.or_else(|| self.members.first().map(|member| member.title.clone()));
        let mut copied_by: Vec<String> = Vec::new();
        // A story of which only copies are known shows one of them.
        let shown: BTreeSet<i64> = articles.iter().map(|article| article.id).collect();
        let is_shown = |member: &&&Member| shown.contains(&member.article.0);
        let is_copy = |member: &&&Member| member.is_copy && !(self.is_correction && is_shown(member));
        for member in self.members.iter().filter(is_copy) {
            if copied_by.len() < COPIED_BY_MAX && !copied_by.contains(&member.publisher) {
                copied_by.push(member.publisher.clone());
            }
        }
        let copies = self.members.iter().filter(|member| member.is_copy).filter(|m| !is_shown(m)).count();
        let told = self.members.iter().filter(|m| !m.is_copy && self.in_alert.contains(&m.article));
        let more = told.filter(|member| !is_shown(member)).count();
        let news = if self.told_in.is_some() { News::Updated } else { News::New };
        let first_seen_at = self.members.iter().map(|member| member.seen_at).min().unwrap_or_default();
        let title = title.unwrap_or_default();
        StoryView {
            title,
            news,
            first_seen_at,
            publishers,
            known_publishers,
            copies,
            copied_by,
            articles,
            more,
        }
    }

    fn told(&self, alert: AlertId, times: &[(AlertId, Timestamp)]) -> ToldStory {
        let told_at = times.iter().find(|(id, _)| *id == alert).map(|(_, at)| *at);
        ToldStory {
            title: self.members.first().map(|member| member.title.clone()).unwrap_or_default(),
            alert: alert.0,
            told_at: told_at.unwrap_or_default(),
            publishers: self.publishers().0.len(),
            is_taken_back: self.members.iter().all(|member| member.is_taken_back || member.is_copy),
        }
    }
}

fn article_view(article: ReportedArticle) -> ArticleView {
    ArticleView {
        title: article.title,
        url: article.url,
        publisher: article.publisher,
        tier: Tier::new(article.tier).unwrap_or_default(),
        feed_name: article.feed_name,
        published_at: article.published_at,
        seen_at: article.seen_at,
        score: article.score,
        evidence: article.evidence,
        is_headline_only: article.is_headline_only,
        id: article.id.0,
    }
}

/// The last days at the place, or of the whole topic where the place has too few to tell.
fn trend(
    tx: &Transaction<'_>,
    topic: &TopicId,
    place: &str,
    now: Timestamp,
) -> Result<Option<Trend>, StoreError> {
    let days = u32::try_from(TREND_DAYS).unwrap_or(0);
    let (mut here, mut everywhere) = ([0_u32; TREND_DAYS], [0_u32; TREND_DAYS]);
    for (at, days_ago, count) in tx.tripped_days(topic, days, now)? {
        let Some(day) = usize::try_from(days_ago).ok().and_then(|ago| TREND_DAYS.checked_sub(ago + 1)) else {
            continue;
        };
        if let Some(sum) = everywhere.get_mut(day) {
            *sum += count;
        }
        if let Some(sum) = here.get_mut(day).filter(|_| at == place && place != NO_PLACE) {
            *sum += count;
        }
    }
    let is_enough = here.iter().sum::<u32>() >= TREND_REPORTS_MIN;
    let (days, place) =
        if is_enough { (here, country::name(place).map(str::to_owned)) } else { (everywhere, None) };
    Ok((days.iter().sum::<u32>() > 1).then_some(Trend { days, place }))
}
