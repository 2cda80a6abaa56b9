//! Alerts that waited, in one mail: of an hour, a day, a night, a flood or a silence.
//!
//! Owns what such a mail says; the gravest alerts stand first, and none is left uncounted. Refuses to decide what waits.

use jiff::Timestamp;
use minijinja::{Value, context};

use super::clean::{clean, cut, isolate, wrap};
use super::host::{Link, link};
use super::templates::fill;
use super::words::{instant, number, plural};
use super::{COLUMNS, Rendered, SUBJECT_CHARS_MAX};
use crate::alert::Kind;
use crate::alert::route::decide::Hold;
use crate::topic::Severity;

/// Alerts shown; the rest is counted.
const ITEMS_MAX: usize = 60;

/// Why alerts come together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// All waited for the same reason.
    All(Hold),
    /// They waited for several.
    Several,
}

impl Why {
    /// The reason of some holds.
    pub fn of(mut holds: impl Iterator<Item = Hold>) -> Self {
        let first = holds.next();
        match first {
            Some(first) if holds.all(|hold| hold == first) => Self::All(first),
            _ => Self::Several,
        }
    }

    /// What stands first in the subject.
    fn label(self) -> &'static str {
        match self {
            Self::All(Hold::Digest) | Self::Several => "Digest",
            Self::All(Hold::QuietHours) => "After quiet hours",
            Self::All(Hold::Cap) => "Summary",
            Self::All(Hold::Silence) => "After a silence",
        }
    }

    /// The reason, as a clause: the mail says "You get them together because …".
    pub fn words(self) -> &'static str {
        match self {
            Self::All(Hold::Digest) => "your route gathers alerts into a digest",
            Self::All(Hold::QuietHours) => "they were decided in your quiet hours",
            Self::All(Hold::Cap) => "more mails were due within an hour than your route allows",
            Self::All(Hold::Silence) => "a silence held them, and it has ended",
            Self::Several => "they were held for several reasons",
        }
    }
}

/// One alert of a digest.
#[derive(Debug, Clone, PartialEq)]
pub struct DigestItem {
    /// The alert's number.
    pub alert: i64,
    /// Its incident's number.
    pub incident: Option<i64>,
    /// What it tells.
    pub kind: Kind,
    /// How much it matters.
    pub severity: Severity,
    /// What people call its topic.
    pub topic_name: String,
    /// Where, as people call it; absent when no country was found.
    pub place: Option<String>,
    /// When it was decided.
    pub at: Timestamp,
    /// Subject of its own mail.
    pub subject: String,
    /// Why it was decided, as a clause.
    pub reason: String,
    /// Independent publishers.
    pub publishers: u32,
    /// Best score, 0 to 1.
    pub score: Option<f64>,
    /// Why it waited.
    pub hold: Hold,
    /// Headline of its best article.
    pub headline: Option<String>,
    /// Link of its best article.
    pub url: Option<String>,
    /// The alert that took back a report of its incident since.
    pub corrected_in: Option<i64>,
}

/// Everything a digest says.
#[derive(Debug, Clone, PartialEq)]
pub struct DigestView {
    /// Its own number.
    pub alert: i64,
    /// When it was put together.
    pub at: Timestamp,
    /// Why its alerts come together.
    pub why: Why,
    /// Its alerts, in the order of their decision.
    pub items: Vec<DigestItem>,
}

/// The whole mail.
pub fn render(view: &DigestView) -> Rendered {
    let mut shown: Vec<&DigestItem> = view.items.iter().collect();
    // A stable order: the gravest first, what takes something back before the rest of its severity, and as they were decided.
    shown.sort_by_key(|item| (std::cmp::Reverse(item.severity), item.kind != Kind::Correction));
    let hidden = shown.len().saturating_sub(ITEMS_MAX);
    shown.truncate(ITEMS_MAX);
    let more = (hidden > 0).then(|| {
        format!("… and {} not shown here: wirewatch alerts list", plural(hidden as u64, "more alert"))
    });
    let (headline, lead) = (headline(view), lead(view));
    let why = [
        format!("You get them together because {}.", view.why.words()),
        format!("This is alert {}, {}.", view.alert, instant(view.at)),
    ];
    let first = view.items.first().map_or(0, |item| item.alert);
    let todo = [
        ("See one of them whole:", format!("wirewatch alerts show {first}")),
        ("Say that you have all in hand:", format!("wirewatch alerts ack {}", view.alert)),
        ("See who gets what, and when:", "wirewatch routes list".to_owned()),
    ];
    let text = fill(
        "digest.txt",
        &context! {
            kicker => kicker(view),
            headline => wrap(&headline, "", COLUMNS),
            lead => wrap(&lead, "", COLUMNS),
            items => shown.iter().map(|item| in_text(item)).collect::<Vec<_>>(),
            more => more.clone().unwrap_or_default(),
            why => why.iter().map(|line| wrap(line, "  ", COLUMNS)).collect::<Vec<_>>().join("\n"),
            todo => todo.iter().map(|(what, command)| format!("  {what:<32} {command}")).collect::<Vec<_>>().join("\n"),
        },
    );
    let (colour, dark_colour) = match view.items.iter().map(|item| item.severity).max() {
        Some(Severity::Critical) => ("#b42318", "#ff8a7a"),
        Some(Severity::Warning) => ("#a15c07", "#f5b041"),
        _ => ("#175cd3", "#84adff"),
    };
    let html = fill(
        "digest.html",
        &context! {
            title => subject(view),
            kicker => kicker(view),
            headline => headline,
            lead => lead,
            items => shown.iter().map(|item| in_html(item)).collect::<Vec<_>>(),
            more => more.unwrap_or_default(),
            why => why,
            todo => todo,
            colour => colour,
            dark_colour => dark_colour,
        },
    );
    Rendered { subject: subject(view), text, html, headers: headers(view), ..Rendered::default() }
}

/// One line that says what is in it: `[Digest] 4 alerts, 1 critical: Famine in Sudan, …`, at most 78 characters.
pub fn subject(view: &DigestView) -> String {
    let mut grave: Vec<&DigestItem> = view.items.iter().collect();
    grave.sort_by_key(|item| std::cmp::Reverse(item.severity));
    let mut named: Vec<String> = Vec::new();
    for item in grave {
        let name = name(item);
        if !named.contains(&name) {
            named.push(name);
        }
    }
    cut(&format!("[{}] {}: {}", view.why.label(), counted(view), named.join(", ")), SUBJECT_CHARS_MAX)
}

fn headers(view: &DigestView) -> Vec<(String, String)> {
    let severity = view.items.iter().map(|item| item.severity).max().unwrap_or(Severity::Info);
    vec![
        ("List-Id".to_owned(), "Wirewatch digest <digest.wirewatch>".to_owned()),
        ("X-Wirewatch-Severity".to_owned(), severity.as_str().to_owned()),
        ("X-Wirewatch-Alert".to_owned(), view.alert.to_string()),
    ]
}

/// `Famine in Sudan`.
fn name(item: &DigestItem) -> String {
    let topic = clean(&item.topic_name, 60);
    item.place.as_ref().map_or_else(|| topic.clone(), |place| format!("{topic} in {}", clean(place, 60)))
}

/// `4 alerts, 1 critical, 1 corrected`.
fn counted(view: &DigestView) -> String {
    let critical = view.items.iter().filter(|item| item.severity == Severity::Critical).count();
    let all = plural(view.items.len() as u64, "alert");
    let corrected = view.items.iter().filter(|item| item.corrected_in.is_some()).count();
    let critical = if critical == 0 { String::new() } else { format!(", {critical} critical") };
    let corrected = if corrected == 0 { String::new() } else { format!(", {corrected} corrected") };
    format!("{all}{critical}{corrected}")
}

fn kicker(view: &DigestView) -> String {
    format!("{} · WIREWATCH", view.why.label().to_uppercase())
}

fn headline(view: &DigestView) -> String {
    let incidents: std::collections::BTreeSet<Option<i64>> =
        view.items.iter().map(|item| item.incident).collect();
    format!("{} of {}", counted(view), plural(incidents.len() as u64, "incident"))
}

fn lead(view: &DigestView) -> String {
    let times = (view.items.iter().map(|item| item.at).min(), view.items.iter().map(|item| item.at).max());
    let span = match times {
        (Some(first), Some(last)) if first != last => {
            format!("Decided from {} to {}", instant(first), instant(last))
        }
        (Some(only), _) => format!("Decided at {}", instant(only)),
        _ => "Decided at an unknown time".to_owned(),
    };
    let late = match view.why {
        Why::All(Hold::Digest) => "",
        Why::All(_) | Why::Several => ", and told late",
    };
    format!("{span}{late}. The gravest stand first.")
}

fn facts(item: &DigestItem) -> Vec<String> {
    let mut kicker = vec![item.severity.as_str().to_uppercase(), name(item)];
    if item.kind != Kind::First {
        kicker.push(item.kind.as_str().to_owned());
    }
    let mut numbers = vec![instant(item.at), plural(u64::from(item.publishers), "publisher")];
    numbers.extend(item.score.map(|score| format!("score {}", number(score))));
    numbers.push(format!("alert {}", item.alert));
    numbers.extend(item.incident.map(|incident| format!("incident {incident}")));
    let corrected =
        item.corrected_in.map(|by| format!("CORRECTED SINCE: a report of it was taken back, see alert {by}"));
    let rest = [kicker.join(" · "), numbers.join(" · "), waited(item.hold).to_owned()];
    corrected.into_iter().chain(rest).collect()
}

fn waited(hold: Hold) -> &'static str {
    match hold {
        Hold::Digest => "for the digest",
        Hold::QuietHours => "late: held in quiet hours",
        Hold::Cap => "late: over the limit of mails an hour",
        Hold::Silence => "late: held by a silence",
    }
}

/// What it is about: its article's headline, as the subject of its mail may be cut.
fn title(item: &DigestItem) -> String {
    let headline = item.headline.as_ref().map(|headline| clean(headline, 300));
    headline.filter(|headline| !headline.is_empty()).unwrap_or_else(|| clean(&item.subject, 300))
}

fn in_text(item: &DigestItem) -> String {
    let mut lines = vec![wrap(&isolate(&title(item)), "", COLUMNS)];
    lines.extend(facts(item).iter().map(|fact| wrap(fact, "  ", COLUMNS)));
    lines.push(wrap(&format!("because {}", clean(&item.reason, 300)), "  ", COLUMNS));
    if let Link::Web { url, .. } = link(item.url.as_deref()) {
        lines.push(format!("  {url}"));
    }
    lines.join("\n")
}

fn in_html(item: &DigestItem) -> Value {
    let (url, host) = match link(item.url.as_deref()) {
        Link::Web { url, host } => (url, host),
        Link::Words(_) | Link::None => (String::new(), String::new()),
    };
    context! {
        title => title(item), facts => facts(item), reason => clean(&item.reason, 300), url => url, host => host,
    }
}
