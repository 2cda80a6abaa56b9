//! News about wirewatch itself, for those who run it: feeds that fell ill or are back, times without a network, mail that
//! does not leave, and the heartbeat.
//!
//! Owns the form of such a mail and how feeds are gathered, so that a dead host is one paragraph and not forty. What is said
//! of deliveries is `operator/delivery.rs`, of a day `operator/heartbeat.rs`. Refuses to decide what is told.

mod delivery;
mod heartbeat;
mod sample;

use std::collections::BTreeMap;

use jiff::Timestamp;
use minijinja::{Value, context};

use super::clean::{clean, cut, direction, isolate, wrap};
use super::templates::Templates;
use super::words::{instant, plural};
use super::{COLUMNS, Rendered, SUBJECT_CHARS_MAX};
use crate::alert::Kind;
use crate::feed::health::Health;

pub use delivery::{Backlog, Refusals, Refused};
pub use heartbeat::{OpenIncident, Vitals};
pub use sample::mails as samples;

/// Paragraphs of one section.
const ITEMS_MAX: usize = 20;
/// From so many on, feeds of one host in the same state are one paragraph.
const TOGETHER_MIN: usize = 3;
/// Feeds named in such a paragraph.
const NAMES_MAX: usize = 8;

/// A feed whose health changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedNews {
    /// What people call it.
    pub name: String,
    /// Where it is polled, as it may be shown.
    pub address: String,
    /// Its registrable domain, or address.
    pub host: String,
    /// How it is now.
    pub health: Health,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Why, and what to do; empty when it is well.
    pub reason: String,
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Feeds changed.
    Feeds {
        /// For the worse, the worst first.
        worse: Vec<FeedNews>,
        /// Can be read again.
        back: Vec<FeedNews>,
    },
    /// Nobody was reached since then, and nobody is.
    Outage {
        /// Start of the first poll that nobody answered.
        since: Timestamp,
    },
    /// That is over.
    OutageOver {
        /// Start of the first poll that nobody answered.
        since: Timestamp,
        /// Start of the first that somebody did.
        until: Timestamp,
    },
    /// Deliveries wait for too long.
    Backlog(Backlog),
    /// That is over.
    BacklogOver {
        /// What waited.
        backlog: Backlog,
        /// When nothing did any more.
        until: Timestamp,
    },
    /// Deliveries were refused for good.
    Refused(Refusals),
    /// Somebody clicked that an address wants no more mail about a topic.
    Unsubscribed {
        /// The address.
        address: String,
        /// Topic id.
        topic: String,
    },
    /// Somebody clicked that an address is to get no alerts of a topic at a place for a time.
    Muted {
        /// The address.
        address: String,
        /// Topic id.
        topic: String,
        /// Where, as people call it; absent when no country was found.
        place: Option<String>,
        /// Until when.
        until: Timestamp,
    },
    /// Wirewatch is alive, and this is how it is.
    Heartbeat(Box<Vitals>),
}

impl News {
    /// Whether it asks for a person.
    fn is_bad(&self) -> bool {
        match self {
            Self::Feeds { worse, .. } => !worse.is_empty(),
            Self::Outage { .. } | Self::Backlog(_) | Self::Refused(_) => true,
            Self::OutageOver { .. }
            | Self::BacklogOver { .. }
            | Self::Unsubscribed { .. }
            | Self::Muted { .. } => false,
            Self::Heartbeat(vitals) => vitals.is_bad(),
        }
    }
}

/// Everything such a mail says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorView {
    /// The alert's number.
    pub alert: i64,
    /// When it was decided.
    pub at: Timestamp,
    /// What is told.
    pub news: News,
}

/// The whole mail, by the templates of ours.
pub fn render(view: &OperatorView) -> Rendered {
    render_with(view, &Templates::default())
}

/// The whole mail.
pub fn render_with(view: &OperatorView, templates: &Templates) -> Rendered {
    let text = templates.fill("operator.txt", &values(view, "operator.txt"));
    let html = templates.fill("operator.html", &values(view, "operator.html"));
    let headers = vec![
        ("List-Id".to_owned(), "Wirewatch operator <operator.wirewatch>".to_owned()),
        ("X-Wirewatch-Kind".to_owned(), Kind::Operator.as_str().to_owned()),
        ("X-Wirewatch-Alert".to_owned(), view.alert.to_string()),
    ];
    let template_problem = text.problem.or(html.problem).map(|problem| problem.to_string());
    let (text, html) = (text.text, html.text);
    Rendered { subject: subject(&view.news), text, html, headers, template_problem, ..Rendered::default() }
}

/// What a template of this mail is handed.
fn values(view: &OperatorView, name: &str) -> Value {
    let (headline, lead) = (headline(&view.news), lead(view));
    let sections = sections(&view.news);
    let why = [why(&view.news).to_owned(), format!("This is alert {}, {}.", view.alert, instant(view.at))];
    let todo = todo(&view.news);
    let (colour, dark_colour) =
        if view.news.is_bad() { ("#a15c07", "#f5b041") } else { ("#1f8f5f", "#3fb27f") };
    let kicker = "FOR THE OPERATOR · WIREWATCH";
    if name == "operator.txt" {
        return context! {
            kicker => kicker,
            headline => wrap(&headline, "", COLUMNS),
            lead => wrap(&lead, "", COLUMNS),
            sections => sections.iter().map(Section::in_text).collect::<Vec<_>>(),
            why => why.iter().map(|line| wrap(line, "  ", COLUMNS)).collect::<Vec<_>>().join("\n"),
            todo => todo.iter().map(|(what, command)| format!("  {what:<32} {command}")).collect::<Vec<_>>().join("\n"),
        };
    }
    context! {
        title => subject(&view.news),
        kicker => kicker,
        headline => headline,
        lead => lead,
        sections => sections.iter().map(Section::in_html).collect::<Vec<_>>(),
        why => why,
        todo => todo,
        colour => colour,
        dark_colour => dark_colour,
    }
}

/// What a template of this mail must be able to lay out.
pub(super) fn sample_values(name: &str) -> Vec<Value> {
    samples(Timestamp::UNIX_EPOCH).iter().map(|view| values(view, name)).collect()
}

/// Why the operator got it.
fn why(news: &News) -> &'static str {
    match news {
        News::Feeds { .. } | News::Outage { .. } | News::OutageOver { .. } => {
            "Wirewatch writes to mail.operator when something keeps it from seeing the news, once it has lasted \
             (poll.health_after), and once when it is over."
        }
        News::Backlog(_)
        | News::BacklogOver { .. }
        | News::Refused(_)
        | News::Unsubscribed { .. }
        | News::Muted { .. } => delivery::why(news),
        News::Heartbeat(_) => heartbeat::WHY,
    }
}

/// What the operator can do: words and a command.
fn todo(news: &News) -> Vec<(&'static str, &'static str)> {
    match news {
        News::Feeds { .. } | News::Outage { .. } | News::OutageOver { .. } | News::Heartbeat(_) => vec![
            ("See how everything is:", "wirewatch status"),
            ("See every feed with its reason:", "wirewatch feeds list"),
        ],
        News::Backlog(_)
        | News::BacklogOver { .. }
        | News::Refused(_)
        | News::Unsubscribed { .. }
        | News::Muted { .. } => delivery::todo(news),
    }
}

/// One line that says what happened: `[Wirewatch] 3 feeds failing: World news, …`, at most 78 characters.
pub fn subject(news: &News) -> String {
    let head = format!("[Wirewatch] {}", headline(news));
    let names = match news {
        News::Feeds { worse, back } => {
            let named: Vec<String> =
                gather(worse).into_iter().chain(gather(back)).map(|item| item.name).collect();
            named.join(", ")
        }
        _ => String::new(),
    };
    if names.is_empty() {
        cut(&head, SUBJECT_CHARS_MAX)
    } else {
        cut(&format!("{head}: {names}"), SUBJECT_CHARS_MAX)
    }
}

fn headline(news: &News) -> String {
    match news {
        News::Outage { since } => {
            format!("Nothing reached since {}: is this machine online?", clock(*since))
        }
        News::OutageOver { since, until } => format!("Blind from {} to {}", clock(*since), clock(*until)),
        News::Backlog(_)
        | News::BacklogOver { .. }
        | News::Refused(_)
        | News::Unsubscribed { .. }
        | News::Muted { .. } => delivery::headline(news),
        News::Heartbeat(vitals) => heartbeat::headline(vitals),
        News::Feeds { worse, back } => {
            let count = |health: Health| worse.iter().filter(|feed| feed.health == health).count();
            let states = [Health::Gone, Health::Failing, Health::Silent, Health::Degraded];
            let counted = states.map(|health| (count(health), health.word()));
            let back = (back.len(), "back");
            let mut parts: Vec<String> = Vec::new();
            for (count, word) in counted.into_iter().chain([back]).filter(|(count, _)| *count > 0) {
                parts.push(match parts.len() {
                    0 => format!("{} {word}", plural(count as u64, "feed")),
                    _ => format!("{count} {word}"),
                });
            }
            parts.join(", ")
        }
    }
}

fn clock(at: Timestamp) -> String {
    at.strftime("%-d %b %H:%M UTC").to_string()
}

fn lead(view: &OperatorView) -> String {
    match &view.news {
        News::Outage { since } => format!(
            "No feed answered since {}, whatever its host: the fault is near this machine and not the publishers'. News \
             is not seen until it is mended; then everything is read again by itself. Look at the network, DNS and \
             firewall of this machine.",
            instant(*since)
        ),
        News::Backlog(_)
        | News::BacklogOver { .. }
        | News::Refused(_)
        | News::Unsubscribed { .. }
        | News::Muted { .. } => delivery::lead(&view.news),
        News::Heartbeat(vitals) => heartbeat::lead(vitals),
        News::OutageOver { since, until } => format!(
            "Nobody could be reached from {} to {}. Feeds answer again and are read again by themselves; what was \
             published meanwhile and still stands in them is found now, and what has scrolled out of them is not.",
            instant(*since),
            instant(*until)
        ),
        News::Feeds { worse, back } => {
            let blind_count = worse.iter().filter(|feed| feed.health.is_blind()).count();
            let words = match (blind_count, worse.len(), back.len()) {
                (1, 1, 0) => "What this feed publishes may not reach you until it is mended.",
                (1, ..) => "What one of these feeds publishes may not reach you until it is mended.",
                (2.., ..) => "What these feeds publish may not reach you until it is mended.",
                (0, 0, 1) => "It can be read again; there is nothing to do.",
                (0, 0, _) => "They can be read again; there is nothing to do.",
                (0, 1, 0) => "This feed is read, and something about it needs you or has lasted a day.",
                _ => "These feeds are read, and something about them needs you or has lasted a day.",
            };
            words.to_owned()
        }
    }
}

struct Section {
    title: String,
    items: Vec<Item>,
    /// Feeds of items that are not shown.
    hidden: usize,
}

/// A feed, or many of one host that have the same fault.
struct Item {
    name: String,
    facts: Vec<String>,
    reason: String,
    feed_count: usize,
}

impl Section {
    fn of(title: &str, feeds: &[FeedNews]) -> Option<Self> {
        let mut items = gather(feeds);
        let hidden = items.iter().skip(ITEMS_MAX).map(|item| item.feed_count).sum();
        items.truncate(ITEMS_MAX);
        (!items.is_empty()).then(|| Self { title: title.to_owned(), items, hidden })
    }

    fn more(&self) -> Option<String> {
        let words = format!("… and {} not shown here", plural(self.hidden as u64, "more feed"));
        (self.hidden > 0).then_some(words)
    }

    fn in_text(&self) -> Value {
        let mut items: Vec<String> = self.items.iter().map(Item::in_text).collect();
        items.extend(self.more());
        context! { title => self.title.as_str(), items => items }
    }

    fn in_html(&self) -> Value {
        let mut items: Vec<Value> =
            self.items.iter().map(|item| in_html(&item.name, &item.facts, &item.reason)).collect();
        items.extend(self.more().map(|more| in_html(&more, &[], "")));
        context! { title => self.title.as_str(), items => items }
    }
}

fn in_html(name: &str, facts: &[String], reason: &str) -> Value {
    let dir = direction(name);
    context! { name, facts => facts.to_vec(), reason, dir, side => if dir == "rtl" { "right" } else { "left" } }
}

impl Item {
    fn in_text(&self) -> String {
        let mut lines = vec![wrap(&isolate(&self.name), "", COLUMNS)];
        lines.extend(self.facts.iter().map(|fact| wrap(fact, "  ", COLUMNS)));
        if !self.reason.is_empty() {
            lines.push(wrap(&self.reason, "  ", COLUMNS));
        }
        lines.join("\n")
    }
}

fn sections(news: &News) -> Vec<Section> {
    let (worse, back) = match news {
        News::Feeds { worse, back } => (worse, back),
        News::Heartbeat(vitals) => return heartbeat::sections(vitals),
        News::Refused(refusals) => return vec![delivery::section(refusals)],
        _ => return Vec::new(),
    };
    let of = |health: Health| -> Vec<FeedNews> {
        worse.iter().filter(|feed| feed.health == health).cloned().collect()
    };
    [
        Section::of("GONE", &of(Health::Gone)),
        Section::of("FAILING", &of(Health::Failing)),
        Section::of("SILENT", &of(Health::Silent)),
        Section::of("DEGRADED", &of(Health::Degraded)),
        Section::of("BACK", back),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Feeds as they are told: one by one, or a host's together where many share a state.
fn gather(feeds: &[FeedNews]) -> Vec<Item> {
    let mut by_host: BTreeMap<(&str, Health), Vec<&FeedNews>> = BTreeMap::new();
    for feed in feeds {
        by_host.entry((feed.host.as_str(), feed.health)).or_default().push(feed);
    }
    let mut items = Vec::new();
    for ((host, _), feeds) in by_host {
        if feeds.len() >= TOGETHER_MIN {
            items.push(together(host, &feeds));
        } else {
            items.extend(feeds.into_iter().map(single));
        }
    }
    // Many feeds matter more than one.
    items.sort_by_key(|item| std::cmp::Reverse(item.feed_count));
    items
}

fn single(feed: &FeedNews) -> Item {
    let facts =
        vec![clean(&feed.address, 300), format!("{} since {}", feed.health.word(), since(feed.since))];
    Item { name: clean(&feed.name, 120), facts, reason: clean(&feed.reason, 1200), feed_count: 1 }
}

fn together(host: &str, feeds: &[&FeedNews]) -> Item {
    let mut names: Vec<String> = feeds.iter().take(NAMES_MAX).map(|feed| clean(&feed.name, 60)).collect();
    if feeds.len() > NAMES_MAX {
        names.push(format!("and {} more", feeds.len() - NAMES_MAX));
    }
    let first = feeds.iter().min_by_key(|feed| feed.since);
    let (health, at) = first.map_or((Health::Ok, None), |feed| (feed.health, feed.since));
    let facts = vec![names.join(", "), format!("{} since {}", health.word(), since(at))];
    let reason = first.map_or_else(String::new, |feed| clean(&feed.reason, 1200));
    Item {
        name: format!("{}, {}", clean(host, 120), plural(feeds.len() as u64, "feed")),
        facts,
        reason,
        feed_count: feeds.len(),
    }
}

fn since(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "an unknown time".to_owned(), instant)
}
