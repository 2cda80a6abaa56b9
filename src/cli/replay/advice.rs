//! Thresholds for a budget: how many mails a day each would have meant on what was played.
//!
//! Owns [`Advisor`]. What is kept of what was played is settled again (incidents, updates, closing and all) for each threshold
//! that is tried. Refuses to change a threshold: it is the owner's.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::super::score::rounded;
use super::super::{Failure, complain, short};
use super::kept::Keeper;
use super::labels::{Verdict, is_judged};
use super::scene::{Scene, Visit};
use super::threshold::{HIGHEST, LOWEST, SHOWN, Threshold};
use crate::article::identity::ArticleId;
use crate::config::Config;
use crate::pipeline::AlertEvent;
use crate::topic::policy::{AlertPolicy, SurgePolicy};
use crate::topic::{Topic, TopicId};

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
    /// The threshold in force.
    pub(super) now: Threshold,
    /// The lowest threshold that keeps this topic alone within the budget; none does in a few hours of nothing but alerts.
    pub(super) alone: Option<Threshold>,
    /// The threshold that, with those of the others, keeps all topics together within the budget.
    pub(super) together: Option<Threshold>,
    /// What was tried.
    pub(super) curve: BTreeMap<Threshold, Point>,
}

/// What is advised for all topics.
pub(super) struct Advised {
    pub(super) topics: Vec<Advice>,
    /// Mails with the thresholds under `together`; where there are none, with the highest that is tried.
    pub(super) together: f64,
    /// The days it rests on.
    pub(super) days: f64,
}

/// Tries thresholds on what is kept.
pub(super) struct Advisor<'a> {
    keeper: &'a Keeper<'a>,
}

impl<'a> Advisor<'a> {
    pub(super) fn new(keeper: &'a Keeper<'a>) -> Self {
        Self { keeper }
    }

    /// Tries thresholds until the budget of mails a day is met.
    pub(super) fn advise(&self, budget: f64) -> Result<Advised, Failure> {
        let days = self.keeper.days();
        if let Some(full_at) = self.keeper.full_at {
            complain(&format!(
                "note: the advice rests on what came until {}: no more articles that score are kept (--kept)",
                short(full_at)
            ));
        }
        let most = budget * days;
        let mut advised = self.alone(most)?;
        let mut rehearsal = Rehearsal::new(self.keeper)?;
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
        Ok(Advised { topics: advised, together, days })
    }

    /// Each topic for itself, on all cores.
    fn alone(&self, most: f64) -> Result<Vec<Advice>, Failure> {
        let topics: Vec<(usize, Advice)> = self
            .keeper
            .config
            .topics
            .iter()
            .enumerate()
            .map(|(place, topic)| {
                let now = Threshold::of(topic.source.policy.threshold);
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
            let started: Vec<_> =
                shares.into_iter().map(|share| scope.spawn(move || self.share(share, most))).collect();
            let crashed = || Failure::new("a thread that tried thresholds ended early", "report this");
            started.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(crashed()))).collect()
        });
        let mut advised: Vec<(usize, Advice)> = done?.into_iter().flatten().collect();
        advised.sort_by_key(|(place, _)| *place);
        Ok(advised.into_iter().map(|(_, advice)| advice).collect())
    }

    fn share(&self, mut share: Vec<(usize, Advice)>, most: f64) -> Result<Vec<(usize, Advice)>, Failure> {
        let mut rehearsal = Rehearsal::new(self.keeper)?;
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
    keeper: &'a Keeper<'a>,
    scene: Scene<'a>,
    /// The owner's, with the topics of a rehearsal as they would be.
    config: Config,
}

impl<'a> Rehearsal<'a> {
    fn new(keeper: &'a Keeper<'a>) -> Result<Self, Failure> {
        let config = Config { feeds: Vec::new(), ..keeper.config.clone() };
        Ok(Self { keeper, scene: Scene::new(keeper.config)?, config })
    }

    /// Gives every topic the lowest threshold, from its own on, that gives it no more than `cap` mails; answers how many there
    /// are in all.
    fn capped(&mut self, advised: &mut [Advice], cap: u64) -> Result<f64, Failure> {
        let mut all = 0;
        for advice in advised {
            let found = lowest(advice.now, |threshold| Ok(self.point(advice, threshold)?.mails <= cap))?;
            let together = found.unwrap_or(HIGHEST.max(advice.now));
            advice.together = Some(together);
            all += self.point(advice, together)?.mails;
        }
        Ok(all as f64)
    }

    /// What a threshold would have meant for a topic.
    fn point(&mut self, advice: &mut Advice, threshold: Threshold) -> Result<Point, Failure> {
        if let Some(point) = advice.curve.get(&threshold) {
            return Ok(*point);
        }
        let keeper = self.keeper;
        let topic = TopicId(advice.topic.clone());
        let linked = linked(keeper.config, &topic);
        let of_topic = keeper.at_threshold(&topic, threshold, &linked);
        self.config.topics = keeper.config.topics.with_policies(|other: &Topic| {
            let (id, policy) = (&other.source.id, &other.source.policy);
            let own = if *id == topic { threshold.number() } else { policy.threshold };
            // How much is usual cannot be told from what is kept.
            let surge = SurgePolicy { is_enabled: false, ..policy.surge.clone() };
            (*id == topic || linked.contains(&id)).then(|| AlertPolicy {
                threshold: own,
                surge,
                ..policy.clone()
            })
        });
        let visits = of_topic.iter().map(|(kept, items)| Visit {
            feed: &kept.feed,
            at: kept.at,
            is_feed_known: kept.is_feed_known,
            scored: items.iter().map(|(item, _)| item.clone()).collect(),
        });
        let mut labelled: HashMap<ArticleId, usize> = HashMap::new();
        let alerts = self.scene.rehearse(&self.config, visits, keeper.until(), |place, settled| {
            let items = of_topic.get(place).map_or(&[][..], |(_, items)| items.as_slice());
            for event in settled.articles.iter().filter(|event| !event.is_revision) {
                let label = items.get(event.index).and_then(|(_, label)| *label);
                labelled.extend(label.map(|label| (event.id, label)));
            }
        })?;
        let mut point = Point { mails: keeper.surges(&topic), ..Point::default() };
        let is_counted = |alert: &&AlertEvent| alert.alert.topic == topic && keeper.is_mail(alert);
        for alert in alerts.iter().filter(is_counted) {
            point.mails += 1;
            let places = alert.articles.iter().filter_map(|id| labelled.get(id)).copied();
            match keeper.labels.verdict(&advice.topic, places).filter(|_| is_judged(alert.alert.kind)) {
                Some(Verdict::Right) => point.right += 1,
                Some(Verdict::Wrong) => point.wrong += 1,
                None => {}
            }
        }
        advice.curve.insert(threshold, point);
        Ok(point)
    }
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

/// The lowest threshold from `from` on that will do, given that higher ones do, too.
fn lowest(
    from: Threshold,
    mut will_do: impl FnMut(Threshold) -> Result<bool, Failure>,
) -> Result<Option<Threshold>, Failure> {
    let tried = from.and_above();
    let mut least = None;
    let (mut low, mut high) = (0, tried.len());
    while low < high {
        // The highest first: where it will not do, none does.
        let middle = if least.is_none() { high - 1 } else { low.midpoint(high) };
        let Some(threshold) = tried.get(middle).copied() else { break };
        if will_do(threshold)? {
            least = Some(threshold);
            high = middle;
        } else if least.is_none() {
            break;
        } else {
            low = middle + 1;
        }
    }
    Ok(least)
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
        let point = |threshold: &Threshold, point: &Point| {
            json!({
                "threshold": threshold.number(), "mails_per_day": rounded(point.mails as f64 / days),
                "right": point.right, "wrong": point.wrong,
            })
        };
        let of = |threshold: Option<Threshold>| {
            threshold.and_then(|threshold| self.curve.get(&threshold).map(|found| point(&threshold, found)))
        };
        let curve: Vec<Value> = self.curve.iter().map(|(threshold, found)| point(threshold, found)).collect();
        json!({
            "type": "advice", "topic": self.topic, "budget": budget, "days": days, "now": of(Some(self.now)),
            "alone": of(self.alone), "together": of(self.together), "curve": curve,
        })
    }
}
