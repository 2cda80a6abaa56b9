//! An incident: a topic tripped at a place, open until quiet; it collects stories.
//!
//! Owns the states an incident goes through and the rule [`advance`]: what arrivals, or time alone, do to it and
//! whether people are told. Every step from one state to another has its reason, and every arrival its [`Outcome`], the
//! silent ones too. Refuses to know recipients, mails and the store.

mod confirm;
pub mod correction;
pub mod cue;
pub mod surge;

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::Timestamp;

use crate::article::identity::ArticleId;
use crate::feed::schedule::{after, words};
use crate::story::StoryId;
use crate::topic::{AlertPolicy, Severity};

use confirm::{best_first, confirmation, publisher_count};
use cue::{Cue, Urgent, urgent, with_cues};

/// The row of an incident in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IncidentId(pub i64);

/// Where an incident stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Articles tripped, but not yet enough publishers to tell people.
    Forming,
    /// People were told.
    Open,
    /// Quiet for the topic's `close_after`.
    Closed,
}

impl Status {
    /// The lower-case word used in the store and in `--json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Forming => "forming",
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }

    /// The status for a word of the store.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Forming, Self::Open, Self::Closed].into_iter().find(|status| status.as_str() == word)
    }
}

/// An article that tripped.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrival {
    /// The article.
    pub article: ArticleId,
    /// Its story.
    pub story: StoryId,
    /// Who stands behind it.
    pub publisher: String,
    /// Whether it copies another publisher's text; a copy confirms nothing.
    pub is_copy: bool,
    /// Its score for the topic.
    pub score: f64,
    /// When it tripped.
    pub at: Timestamp,
}

/// An incident that is not closed, as the store has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The incident.
    pub id: IncidentId,
    /// Forming or open.
    pub status: Status,
    /// How much it matters: its topic's severity, or what a rule raised it to.
    pub severity: Severity,
    /// Last time an article of it tripped.
    pub last_tripped_at: Timestamp,
    /// Last time people were told.
    pub last_alert_at: Option<Timestamp>,
    /// Independent publishers that people were told of.
    pub told_publishers: u32,
    /// Independent publishers with which routes were asked last: more, where some waited for further ones.
    pub asked_publishers: u32,
    /// Told, of the last days.
    pub told: Vec<Arrival>,
    /// Stories told in reports that moved on to something else: people know of them, and these publishers count no more.
    pub doubted: BTreeSet<StoryId>,
    /// Stories in which a report was corrected: who reports them again brings no new story.
    pub corrected: BTreeSet<StoryId>,
    /// Collected and not told yet, oldest first.
    pub pending: Vec<Arrival>,
}

impl Standing {
    /// Everything it holds of the last days.
    fn members(&self) -> impl Iterator<Item = &Arrival> {
        self.told.iter().chain(&self.pending)
    }

    /// Independent publishers of the last days.
    pub fn publisher_count(&self) -> u32 {
        publisher_count(self.members())
    }
}

/// How far back publishers are counted and stories count as told: longer than a story lives.
pub const MEMORY: Duration = Duration::from_hours(7 * 24);

/// The time in which a new story must find `escalate_publishers` independent publishers to be told at once.
pub const ESCALATION_WINDOW: Duration = Duration::from_hours(1);

/// What became of an arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// People are told now.
    Told,
    /// Waiting until enough publishers say so.
    AwaitingPublishers {
        /// Publishers so far.
        have: u32,
        /// Publishers the topic asks for.
        need: u32,
    },
    /// Waiting for the next update.
    UpdateHeld {
        /// When the update goes out.
        until: Timestamp,
    },
    /// Its story was told already.
    AlreadyReported,
}

/// What kind of telling is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// The incident's first.
    First,
    /// Something new that could wait for its time.
    Update,
    /// Something that cannot wait.
    Escalation,
    /// What was told before, to those who waited for more publishers.
    Confirmation,
}

/// An alert is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tell {
    /// What kind.
    pub telling: Telling,
    /// Why, as a clause: the mail says "This was sent because …".
    pub reason: String,
    /// The articles it reports, best score first.
    pub articles: Vec<ArticleId>,
    /// Independent publishers of the incident, this alert included.
    pub publishers: u32,
    /// Routes that ask for so many publishers know all of it already.
    pub known_at: RangeInclusive<u32>,
}

/// Routes of no number know it already.
pub const NEWS_TO_ALL: RangeInclusive<u32> = RangeInclusive::new(1, 0);

/// A step from one state to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// State before; `None` when the incident begins.
    pub from: Option<Status>,
    /// State after.
    pub to: Status,
    /// Why, in words.
    pub reason: String,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub struct Advance {
    /// Status after the step.
    pub status: Status,
    /// Severity after the step.
    pub severity: Severity,
    /// The alert, if one is due. A confirmation leaves the incident as it is: what waits for the next update still does.
    pub tell: Option<Tell>,
    /// Whether something waits for the next update.
    pub has_news: bool,
    /// What became of each arrival, in order.
    pub outcomes: Vec<Outcome>,
    /// The change of state, if there is one.
    pub transition: Option<Transition>,
}

/// What [`advance`] looks at besides the incident.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// Articles that tripped.
    pub arrivals: &'a [Arrival],
    /// Rules of the topic that other topics' alerts fulfil now, not used for this incident before.
    pub cues: &'a [Cue],
    /// Numbers of publishers for which routes wait that would take its alerts otherwise.
    pub levels: &'a [u32],
    /// The topic's policy.
    pub policy: &'a AlertPolicy,
    /// The topic's severity.
    pub severity: Severity,
    /// Now.
    pub now: Timestamp,
}

/// Advances an incident. `standing` is the incident that is not closed, if there is one; without it arrivals
/// begin a new one. With no arrivals this is what time alone does: a held update goes out, a quiet incident closes.
pub fn advance(standing: Option<&Standing>, step: Step<'_>) -> Advance {
    let Step { arrivals, policy, now, .. } = step;
    let severity = standing.map_or(step.severity, |standing| standing.severity.max(step.severity));
    let from = standing.map(|standing| standing.status);
    let have = publisher_count(standing.iter().flat_map(|standing| standing.members()).chain(arrivals));
    let case = Case::new(standing, arrivals, have);
    let is_quiet = arrivals.is_empty()
        && standing.is_some_and(|standing| after(standing.last_tripped_at, policy.close_after) <= now);
    let is_due = match from {
        Some(Status::Open) => case.has_news(standing, step.levels),
        _ => have >= policy.publishers && !case.fresh.is_empty(),
    };
    if is_quiet && !is_due {
        let reason = close_reason(from, have, policy);
        let transition = Some(Transition { from, to: Status::Closed, reason });
        let outcomes = Vec::new();
        return Advance {
            status: Status::Closed,
            severity,
            tell: None,
            has_news: false,
            outcomes,
            transition,
        };
    }
    let found = match from {
        Some(Status::Open) => open(standing, &case, step),
        _ => forming(&case, step),
    };
    let severity = if found.tell.is_some() { raised(severity, &case, step.cues) } else { severity };
    let confirmed = standing.filter(|_| found.tell.is_none()).and_then(|of| confirmation(of, &case, step));
    // An escalation may report what arrived now though its story was told.
    let escalation = found.tell.as_ref().filter(|tell| tell.telling == Telling::Escalation);
    let is_escalated =
        |arrival: &Arrival| escalation.is_some_and(|tell| tell.articles.contains(&arrival.article));
    let outcome = |arrival: &Arrival| match confirmed {
        Some(_) if case.told_stories.contains(&arrival.story) => Outcome::Told,
        _ => case.outcome(arrival, found.waiting, is_escalated(arrival)),
    };
    let outcomes = arrivals.iter().map(outcome).collect();
    let transition = (from != Some(found.status)).then(|| Transition {
        from,
        to: found.status,
        reason: match (&found.tell, found.status) {
            (Some(tell), _) => tell.reason.clone(),
            (None, _) => format!("{have} of {} independent publishers report it", policy.publishers),
        },
    });
    Advance {
        status: found.status,
        severity,
        tell: found.tell.or(confirmed),
        has_news: found.has_news,
        outcomes,
        transition,
    }
}

fn close_reason(from: Option<Status>, have: u32, policy: &AlertPolicy) -> String {
    let quiet = words(policy.close_after);
    match from {
        Some(Status::Forming) => {
            format!(
                "nothing tripped for {quiet}, and {have} of {} independent publishers had reported it",
                policy.publishers
            )
        }
        _ => format!("nothing tripped for {quiet} (alert.close_after)"),
    }
}

/// The severity that the rules now used raise an incident to.
fn raised(severity: Severity, case: &Case<'_>, cues: &[Cue]) -> Severity {
    if case.members.is_empty() {
        return severity;
    }
    cues.iter().filter_map(|cue| cue.severity).fold(severity, Severity::max)
}

/// What an incident holds, sorted by what people know of it.
struct Case<'a> {
    /// Stories people were told of.
    told_stories: BTreeSet<StoryId>,
    /// Arrivals of other stories, waiting ones first.
    fresh: Vec<&'a Arrival>,
    /// Everything of the last days, told or not.
    members: Vec<&'a Arrival>,
    /// Independent publishers altogether.
    have: u32,
}

impl<'a> Case<'a> {
    fn new(standing: Option<&'a Standing>, arrivals: &'a [Arrival], have: u32) -> Self {
        let told = standing.iter().flat_map(|standing| &standing.told).map(|arrival| arrival.story);
        let doubted = standing.iter().flat_map(|standing| &standing.doubted).copied();
        let told_stories: BTreeSet<StoryId> = told.chain(doubted).collect();
        let fresh = standing
            .iter()
            .flat_map(|standing| standing.pending.iter())
            .chain(arrivals)
            .filter(|arrival| !told_stories.contains(&arrival.story))
            .collect();
        let members = standing.iter().flat_map(|standing| standing.members()).chain(arrivals).collect();
        Self { told_stories, fresh, members, have }
    }

    /// Whether an update has something to say: a story that was not told, or twice the publishers.
    fn has_news(&self, standing: Option<&Standing>, levels: &[u32]) -> bool {
        !self.fresh.is_empty() || self.is_doubled(standing, levels)
    }

    /// Whether there are twice the publishers, and any route was not told so since.
    fn is_doubled(&self, standing: Option<&Standing>, levels: &[u32]) -> bool {
        standing.is_some_and(|standing| {
            let known_at = self.known_at(standing);
            let is_news = levels.iter().any(|level| *level <= self.have && !known_at.contains(level));
            standing.told_publishers > 0
                && self.have >= standing.told_publishers.saturating_mul(2)
                && (is_news || known_at.is_empty())
        })
    }

    /// The numbers of publishers whose routes were told since the others were, where an update has no more to say.
    fn known_at(&self, standing: &Standing) -> RangeInclusive<u32> {
        let (told, asked) = (standing.told_publishers, standing.asked_publishers);
        let is_known = self.fresh.is_empty() && asked > told && self.have < asked.saturating_mul(2);
        if is_known { told + 1..=asked } else { NEWS_TO_ALL }
    }

    fn outcome(&self, arrival: &Arrival, waiting: Option<Outcome>, is_escalated: bool) -> Outcome {
        match waiting {
            _ if self.told_stories.contains(&arrival.story) && !is_escalated => Outcome::AlreadyReported,
            Some(waiting) => waiting,
            None => Outcome::Told,
        }
    }

    /// What a rule tells: first what arrived now and fulfilled it, then what waited beside it.
    fn cued(&self, arrivals: &[Arrival]) -> Vec<ArticleId> {
        let fired = arrivals.iter().filter(|arrival| !arrival.is_copy || self.fresh.is_empty());
        let mut articles = best_first(&fired.collect::<Vec<_>>());
        let waited = best_first(&self.fresh);
        articles.extend(waited.into_iter().filter(|id| !articles.contains(id)).collect::<Vec<_>>());
        articles
    }

    /// The articles that came since people were last told, best first.
    fn since(&self, at: Option<Timestamp>) -> Vec<ArticleId> {
        let newer: Vec<&Arrival> =
            self.members.iter().copied().filter(|arrival| at.is_none_or(|at| arrival.at > at)).collect();
        best_first(if newer.is_empty() { &self.members } else { &newer })
    }
}

/// What a state makes of a step.
struct Found {
    status: Status,
    tell: Option<Tell>,
    waiting: Option<Outcome>,
    has_news: bool,
}

fn forming(case: &Case<'_>, step: Step<'_>) -> Found {
    let (have, need) = (case.have, step.policy.publishers);
    if have >= need && !case.fresh.is_empty() {
        let first = if need > 1 {
            format!("{have} independent publishers report it, and this topic asks for {need}")
        } else {
            "it is the first report of this incident".to_owned()
        };
        let reason = with_cues(first, step.cues);
        let tell = Tell {
            telling: Telling::First,
            reason,
            articles: best_first(&case.fresh),
            publishers: have,
            known_at: NEWS_TO_ALL,
        };
        return Found { status: Status::Open, tell: Some(tell), waiting: None, has_news: false };
    }
    let waiting = Some(Outcome::AwaitingPublishers { have, need });
    Found { status: Status::Forming, tell: None, waiting, has_news: false }
}

fn open(standing: Option<&Standing>, case: &Case<'_>, step: Step<'_>) -> Found {
    let told = |telling, reason, articles| {
        let known_at =
            standing.filter(|_| telling == Telling::Update).map_or(NEWS_TO_ALL, |of| case.known_at(of));
        let tell = Tell { telling, reason, articles, publishers: case.have, known_at };
        Found { status: Status::Open, tell: Some(tell), waiting: None, has_news: false }
    };
    match urgent(case, step) {
        Some(Urgent::Hot(reason)) => return told(Telling::Escalation, reason, best_first(&case.fresh)),
        Some(Urgent::Cue(reason)) => return told(Telling::Escalation, reason, case.cued(step.arrivals)),
        None => {}
    }
    if !case.has_news(standing, step.levels) {
        return Found { status: Status::Open, tell: None, waiting: None, has_news: false };
    }
    let last_alert_at = standing.and_then(|standing| standing.last_alert_at);
    // A time to come is one of a clock that ran ahead.
    let until = last_alert_at.map_or(step.now, |at| after(at.min(step.now), step.policy.update_every));
    if until > step.now {
        let waiting = Some(Outcome::UpdateHeld { until });
        return Found { status: Status::Open, tell: None, waiting, has_news: true };
    }
    let stories: BTreeSet<StoryId> = case.fresh.iter().map(|arrival| arrival.story).collect();
    let before = standing.map_or(0, |standing| standing.told_publishers);
    let was_corrected = |story: &&StoryId| standing.is_some_and(|of| of.corrected.contains(story));
    let again = stories.iter().filter(was_corrected).count();
    let reason = match (stories.len(), again) {
        (0, _) => {
            format!("{} independent publishers report it now, {before} did at the last mail", case.have)
        }
        (1, 1) => "what was corrected is reported again".to_owned(),
        (1, _) => "1 new story came in since the last mail".to_owned(),
        (count, 0) => format!("{count} new stories came in since the last mail"),
        (count, _) => {
            format!("{count} stories came in since the last mail, {again} of which had been corrected")
        }
    };
    let articles = if case.fresh.is_empty() { case.since(last_alert_at) } else { best_first(&case.fresh) };
    told(Telling::Update, reason, articles)
}
