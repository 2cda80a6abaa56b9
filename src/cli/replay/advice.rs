//! Thresholds for a budget: how many mails a day each would have meant on what was played.
//!
//! Owns [`Advisor`]. Scores do not depend on thresholds, so what scored at all is kept while it is played, and is settled
//! again (incidents, updates, closing and all) for each threshold that is tried. Stories are those among what is kept.
//! Refuses to change a threshold: it is the owner's.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::score::rounded;
use super::super::{Failure, complain};
use super::input::Timed;
use super::labels::{Labels, Verdict};
use super::scene::{Scene, Visit};
use crate::article::identity::ArticleId;
use crate::config::Config;
use crate::feed::Feed;
use crate::pipeline::{AlertEvent, Scored};
use crate::topic::{Score, TopicId};

/// Thresholds that are tried, in hundredths. Below, calibrated scores say that most alerts would be wrong.
const LOWEST: u8 = 30;
const HIGHEST: u8 = 99;

/// Thresholds that are always shown.
pub(super) const SHOWN: [u8; 5] = [50, 60, 70, 80, 90];

/// Articles kept at most; a month of 56,000 entries keeps a few thousand.
const KEPT_MAX: usize = 50_000;

/// Entries that came together, as far as they scored at all.
struct Kept {
    feed: Arc<Feed>,
    at: Timestamp,
    is_feed_known: bool,
    scored: Vec<Scored>,
    /// Where the labels of each stand.
    labels: Vec<Option<usize>>,
}

/// An item, and where its labels stand.
type Labelled = (Scored, Option<usize>);

/// What a threshold would have meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) mails: u64,
    /// Mails that somebody judged.
    pub(super) right: u64,
    pub(super) wrong: u64,
}

/// What is advised for a topic.
pub(super) struct Advice {
    pub(super) topic: String,
    /// The threshold in force, in hundredths.
    pub(super) now: u8,
    /// The lowest threshold that keeps this topic alone within the budget; none does in a few hours of nothing but alerts.
    pub(super) alone: Option<u8>,
    /// The threshold that, with those of the others, keeps all topics together within the budget.
    pub(super) together: Option<u8>,
    /// What was tried, by threshold in hundredths.
    pub(super) curve: BTreeMap<u8, Point>,
}

/// What is advised for all topics.
pub(super) struct Advised {
    pub(super) topics: Vec<Advice>,
    /// Mails with the thresholds under `together`; where there are none, with the highest that is tried for every topic.
    pub(super) together: f64,
}

/// Keeps what scored, and tries thresholds on it.
pub(super) struct Advisor<'a> {
    config: &'a Config,
    labels: &'a Labels,
    kept: Vec<Kept>,
    kept_count: usize,
    is_full: bool,
    /// When what was played ended.
    until: Timestamp,
}

impl<'a> Advisor<'a> {
    pub(super) fn new(config: &'a Config, labels: &'a Labels) -> Self {
        Self { config, labels, kept: Vec::new(), kept_count: 0, is_full: false, until: Timestamp::MIN }
    }

    /// Keeps what scored at all.
    pub(super) fn visit(
        &mut self,
        feed: &Arc<Feed>,
        is_feed_known: bool,
        timed: &[Timed],
        scored: &[Scored],
    ) {
        let scores_at_all = |item: &Scored| {
            item.scores.iter().any(|score| score.trips || score.probability >= fraction(LOWEST))
        };
        let (mut items, mut labels) = (Vec::new(), Vec::new());
        for (entry, item) in timed.iter().zip(scored) {
            if scores_at_all(item) && self.kept_count < KEPT_MAX {
                self.kept_count += 1;
                items.push(light(item));
                labels.push(self.labels.place(entry));
            }
        }
        self.is_full |= self.kept_count >= KEPT_MAX;
        if let (false, Some(first)) = (items.is_empty(), timed.first()) {
            let feed = Arc::clone(feed);
            self.kept.push(Kept { feed, at: first.seen_at, is_feed_known, scored: items, labels });
        }
    }

    /// Tries thresholds until the budget of mails a day is met, over so many days that ended at `until`.
    pub(super) fn advise(
        &mut self,
        budget: f64,
        (days, until): (f64, Timestamp),
    ) -> Result<Advised, Failure> {
        if self.is_full {
            complain("note: more than 50,000 articles scored; the advice is from the first of them");
        }
        self.until = until;
        let most = budget * days;
        let mut advised = self.alone(most)?;
        let mut rehearsal = Rehearsal { advisor: self, scene: Scene::new(self.config, "together")? };
        // The largest number of mails a topic may have so that all keep to the budget: quiet topics keep their thresholds,
        // the busiest give way.
        let (mut cap, mut above) = (0, 1 + advised.iter().map(Advice::mails_now).max().unwrap_or(0));
        while above - cap > 1 {
            let middle = cap.midpoint(above);
            if rehearsal.capped(&mut advised, middle)? <= most {
                cap = middle;
            } else {
                above = middle;
            }
        }
        let together = rehearsal.capped(&mut advised, cap)?;
        if together > most {
            for advice in &mut advised {
                advice.together = None;
            }
        }
        Ok(Advised { topics: advised, together })
    }

    /// Each topic for itself, on all cores.
    fn alone(&self, most: f64) -> Result<Vec<Advice>, Failure> {
        let topics: Vec<(usize, Advice)> = self
            .config
            .topics
            .iter()
            .enumerate()
            .map(|(place, topic)| {
                let now = hundredths(topic.source.policy.threshold);
                let topic = topic.source.id.0.clone();
                (place, Advice { topic, now, alone: None, together: None, curve: BTreeMap::new() })
            })
            .collect();
        let workers = std::thread::available_parallelism().map_or(1, usize::from).min(topics.len().max(1));
        let mut shares: Vec<Vec<(usize, Advice)>> = (0..workers).map(|_| Vec::new()).collect();
        for (place, advice) in topics {
            if let Some(share) = shares.get_mut(place % workers) {
                share.push((place, advice));
            }
        }
        let done: Result<Vec<_>, Failure> = std::thread::scope(|scope| {
            let started: Vec<_> = shares
                .into_iter()
                .enumerate()
                .map(|(number, share)| scope.spawn(move || self.share(number, share, most)))
                .collect();
            let crashed = || Failure::new("a thread that tried thresholds ended early", "report this");
            started.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(crashed()))).collect()
        });
        let mut advised: Vec<(usize, Advice)> = done?.into_iter().flatten().collect();
        advised.sort_by_key(|(place, _)| *place);
        Ok(advised.into_iter().map(|(_, advice)| advice).collect())
    }

    fn share(
        &self,
        number: usize,
        mut share: Vec<(usize, Advice)>,
        most: f64,
    ) -> Result<Vec<(usize, Advice)>, Failure> {
        let scene = Scene::new(self.config, &format!("alone-{number}"))?;
        let mut rehearsal = Rehearsal { advisor: self, scene };
        for (_, advice) in &mut share {
            for threshold in SHOWN.into_iter().chain([advice.now]) {
                rehearsal.point(advice, threshold)?;
            }
            advice.alone =
                lowest(LOWEST, |threshold| Ok(rehearsal.point(advice, threshold)?.mails as f64 <= most))?;
        }
        Ok(share)
    }
}

/// A scratch database on which thresholds are tried, one after the other.
struct Rehearsal<'a> {
    advisor: &'a Advisor<'a>,
    scene: Scene<'a>,
}

impl Rehearsal<'_> {
    /// Gives every topic the lowest threshold, from its own on, that gives it no more than `cap` mails; answers how many there
    /// are in all.
    fn capped(&mut self, advised: &mut [Advice], cap: u64) -> Result<f64, Failure> {
        let mut all = 0;
        for advice in advised {
            let found = lowest(advice.now, |threshold| Ok(self.point(advice, threshold)?.mails <= cap))?;
            let together = found.unwrap_or(HIGHEST);
            advice.together = Some(together);
            all += self.point(advice, together)?.mails;
        }
        Ok(all as f64)
    }

    /// What a threshold would have meant for a topic.
    fn point(&mut self, advice: &mut Advice, threshold: u8) -> Result<Point, Failure> {
        if let Some(point) = advice.curve.get(&threshold) {
            return Ok(*point);
        }
        let Advisor { config, labels, kept, .. } = self.advisor;
        let topic = TopicId(advice.topic.clone());
        let linked = linked(config, &topic);
        let of_topic: Vec<(&Kept, Vec<Labelled>)> = kept
            .iter()
            .filter_map(|kept| {
                let items: Vec<_> = kept
                    .scored
                    .iter()
                    .zip(&kept.labels)
                    .filter_map(|(item, label)| {
                        Some((at_threshold(item, &topic, threshold, &linked)?, *label))
                    })
                    .collect();
                (!items.is_empty()).then_some((kept, items))
            })
            .collect();
        let visits = of_topic.iter().map(|(kept, items)| Visit {
            feed: &kept.feed,
            at: kept.at,
            is_feed_known: kept.is_feed_known,
            scored: items.iter().map(|(item, _)| item.clone()).collect(),
        });
        let mut labelled: HashMap<ArticleId, usize> = HashMap::new();
        let alerts = self.scene.rehearse(visits, self.advisor.until, |place, settled| {
            let items = of_topic.get(place).map_or(&[][..], |(_, items)| items.as_slice());
            for event in settled.articles.iter().filter(|event| !event.is_revision) {
                let label = items.get(event.index).and_then(|(_, label)| *label);
                labelled.extend(label.map(|label| (event.id, label)));
            }
        })?;
        let mut point = Point::default();
        let is_counted = |alert: &&AlertEvent| alert.alert.topic == topic && is_mail(config, alert);
        for alert in alerts.iter().filter(is_counted) {
            point.mails += 1;
            let places = alert.articles.iter().filter_map(|id| labelled.get(id)).copied();
            match labels.verdict(&advice.topic, places) {
                Some(Verdict::Right) => point.right += 1,
                Some(Verdict::Wrong) => point.wrong += 1,
                None => {}
            }
        }
        advice.curve.insert(threshold, point);
        Ok(point)
    }
}

/// Whether an alert reaches somebody. Without any route, all count: somebody tunes before they tell anybody.
fn is_mail(config: &Config, alert: &AlertEvent) -> bool {
    !alert.to.is_empty() || !alert.held.is_empty() || config.routes.is_empty()
}

/// The item as it would be if only this topic, at this threshold, and those its rules name were scored; `None` where none of
/// them is in it.
fn at_threshold(item: &Scored, topic: &TopicId, threshold: u8, linked: &[&TopicId]) -> Option<Scored> {
    let own = |score: &Score| {
        let trips = score.probability >= fraction(threshold);
        (score.topic == *topic && score.probability >= fraction(LOWEST))
            .then(|| Score { trips, ..score.clone() })
    };
    let other = |score: &Score| (score.trips && linked.contains(&&score.topic)).then(|| score.clone());
    let scores: Vec<Score> =
        item.scores.iter().filter_map(|score| own(score).or_else(|| other(score))).collect();
    (!scores.is_empty()).then(|| Scored { scores, ..item.clone() })
}

/// The topics that rules join with one.
fn linked<'c>(config: &'c Config, topic: &TopicId) -> Vec<&'c TopicId> {
    let mut linked = Vec::new();
    for other in &config.topics {
        let (id, policy) = (&other.source.id, &other.source.policy);
        if id == topic {
            linked.extend(policy.sequence.iter().map(|rule| &rule.after));
            linked.extend(policy.together.iter().map(|rule| &rule.with));
        } else if policy.together.iter().any(|rule| rule.with == *topic) {
            linked.push(id);
        }
    }
    linked
}

/// An item without what only an archive needs.
fn light(item: &Scored) -> Scored {
    let mut light = item.clone();
    light.words = String::new();
    light.entry.summary = None;
    light.entry.content = None;
    light
}

/// The lowest threshold from `from` on that will do, given that higher ones do, too.
fn lowest(from: u8, mut will_do: impl FnMut(u8) -> Result<bool, Failure>) -> Result<Option<u8>, Failure> {
    if !will_do(HIGHEST)? {
        return Ok(None);
    }
    let (mut low, mut high) = (from, HIGHEST);
    while low < high {
        let middle = low.midpoint(high);
        if will_do(middle)? {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(Some(high))
}

fn fraction(hundredths: u8) -> f64 {
    f64::from(hundredths) / 100.0
}

/// A threshold to the hundredth above it, within what is tried.
fn hundredths(threshold: f64) -> u8 {
    let whole = (LOWEST..=HIGHEST).find(|whole| fraction(*whole) >= threshold - 1e-9);
    whole.unwrap_or(HIGHEST)
}

impl Advice {
    fn mails_now(&self) -> u64 {
        self.curve.get(&self.now).map_or(0, |point| point.mails)
    }

    /// Whether even the lowest threshold that is tried keeps this topic alone within the budget.
    pub(super) fn fits_anyhow(&self) -> bool {
        self.alone == Some(LOWEST)
    }

    /// A line of `--json`.
    pub(super) fn json(&self, budget: f64, days: f64) -> Value {
        let point = |threshold: &u8, point: &Point| {
            json!({
                "threshold": fraction(*threshold), "mails_per_day": rounded(point.mails as f64 / days),
                "right": point.right, "wrong": point.wrong,
            })
        };
        let of = |threshold: Option<u8>| {
            threshold.and_then(|threshold| self.curve.get(&threshold).map(|found| point(&threshold, found)))
        };
        let curve: Vec<Value> = self.curve.iter().map(|(threshold, found)| point(threshold, found)).collect();
        json!({
            "type": "advice", "topic": self.topic, "budget": budget, "now": of(Some(self.now)),
            "alone": of(self.alone), "together": of(self.together), "curve": curve,
        })
    }

    /// The threshold of a line, as it is written in a topic.
    pub(super) fn threshold(hundredths: u8) -> String {
        format!("{:.2}", fraction(hundredths))
    }
}
