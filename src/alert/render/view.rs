//! Everything a mail says about one alert, as plain values.
//!
//! Owns [`AlertView`] and its parts. Refuses to lay anything out, and to be read by anybody but the renderings.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use crate::alert::Kind;
use crate::feed::Tier;
use crate::topic::{Evidence, Severity};

/// Everything a mail says about one alert. Text in it may come from feeds, unaltered: it is cleaned where it is laid out.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertView {
    /// What people call the topic.
    pub topic_name: String,
    /// Its stable name.
    pub topic_id: String,
    /// How much the alert matters.
    pub severity: Severity,
    /// What it tells.
    pub kind: Kind,
    /// What it says first where that is no story's title: that an incident fell quiet, that a topic surges.
    pub headline: Option<String>,
    /// Why this was sent now, as a clause: the mail says "This was sent because …".
    pub reason: String,
    /// Where, as people call it; absent when no country was found.
    pub place: Option<String>,
    /// Where, as an ISO 3166-1 alpha-2 code, or `ZZ`.
    pub place_code: String,
    /// When it was decided; ages are counted from here.
    pub at: Timestamp,
    /// The incident's number.
    pub incident: i64,
    /// The alert's number, for `wirewatch alerts show`.
    pub alert: i64,
    /// Independent publishers of the incident.
    pub publishers: u32,
    /// The strongest article's score, 0 to 1.
    pub score: f64,
    /// The topic's threshold, 0 to 1.
    pub threshold: f64,
    /// What this alert tells, most important first: new stories, then those that grew.
    pub stories: Vec<StoryView>,
    /// Articles this alert tells that stand in none of `stories`.
    pub more: usize,
    /// Stories that earlier mails told and that have nothing new, the latest first.
    pub told: Vec<ToldStory>,
    /// Such stories that are not in `told`.
    pub told_more: usize,
    /// What a correction takes back, as it was told first; its title is the subject of that mail.
    pub corrects: Option<ToldStory>,
    /// The days before, in numbers.
    pub trend: Option<Trend>,
    /// The page of the incident, where pages are served.
    pub incident_url: Option<String>,
    /// What can be done with one click.
    pub actions: Vec<Action>,
    /// The mail address that ends these mails when asked to.
    pub contact: Option<String>,
}

/// Whether people know of a story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// No earlier mail of the incident told it.
    New,
    /// One did, and there is more now.
    Updated,
}

/// One story of an alert.
#[derive(Debug, Clone, PartialEq)]
pub struct StoryView {
    /// Its headline: that of its strongest article here, or else its most central one.
    pub title: String,
    /// Whether people know of it.
    pub news: News,
    /// When its first article was seen.
    pub first_seen_at: Timestamp,
    /// Who wrote of it in words of their own and stands by it, the first to be seen first.
    pub publishers: Vec<PublisherView>,
    /// How many of `publishers` an earlier mail named: these stand first.
    pub known_publishers: usize,
    /// Articles that carry another publisher's text.
    pub copies: usize,
    /// Who carries them, a few.
    pub copied_by: Vec<String>,
    /// Its articles that are shown, the strongest first.
    pub articles: Vec<ArticleView>,
    /// Its other articles, copies left out.
    pub more: usize,
}

/// A publisher of a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublisherView {
    /// Who.
    pub name: String,
    /// Trust in them.
    pub tier: Tier,
    /// When their first article of the story was seen.
    pub first_seen_at: Timestamp,
}

/// A story that was told, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldStory {
    /// Its title.
    pub title: String,
    /// The alert that told it first.
    pub alert: i64,
    /// When that was.
    pub told_at: Timestamp,
    /// Publishers that wrote of it in words of their own and did not take it back.
    pub publishers: usize,
    /// Whether all that was told of it was taken back since.
    pub is_taken_back: bool,
}

/// One article of a story.
#[derive(Debug, Clone, PartialEq)]
pub struct ArticleView {
    /// Headline.
    pub title: String,
    /// Link; followed only when it is `http` or `https`.
    pub url: Option<String>,
    /// Who stands behind it.
    pub publisher: String,
    /// Trust in the publisher.
    pub tier: Tier,
    /// The feed it came by.
    pub feed_name: String,
    /// When it was published, if it says so.
    pub published_at: Option<Timestamp>,
    /// When it was first seen.
    pub seen_at: Timestamp,
    /// Its score for the topic, 0 to 1.
    pub score: f64,
    /// Signals that fired, strongest first.
    pub evidence: Vec<Evidence>,
    /// Whether there was no text to score beside the headline.
    pub is_headline_only: bool,
    /// The article's number, for `wirewatch articles show`.
    pub id: i64,
}

/// Days of a [`Trend`].
pub const TREND_DAYS: usize = 14;

/// Reports a day that tripped a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trend {
    /// The last days (UTC), today last.
    pub days: [u32; TREND_DAYS],
    /// Where they were counted, as people call it; absent when everywhere.
    pub place: Option<String>,
}

/// Something that can be done with one click. The link must be safe to follow: programs that look at mail follow links, so it
/// leads to a page that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// What it does, in a few words of ours.
    pub label: String,
    /// An `https` or `http` address of ours.
    pub url: String,
    /// Whether a POST to it ends these mails (RFC 8058): then the headers say so, too.
    pub is_unsubscribe: bool,
}

impl AlertView {
    /// Articles this alert tells, shown or not.
    pub fn article_count(&self) -> usize {
        let of = |story: &StoryView| story.articles.len() + story.more + story.copies;
        self.stories.iter().map(of).sum::<usize>() + self.more
    }

    /// Publishers of the stories it tells, each once.
    pub fn publisher_count(&self) -> usize {
        let publishers = self.stories.iter().flat_map(|story| &story.publishers);
        publishers.map(|publisher| publisher.name.as_str()).collect::<BTreeSet<_>>().len()
    }

    /// Articles among them whose text is another publisher's.
    pub fn copy_count(&self) -> usize {
        self.stories.iter().map(|story| story.copies).sum()
    }
}

/// How long a silence is that a mail proposes.
pub(super) const SILENCE_FOR: Duration = Duration::from_hours(6);
