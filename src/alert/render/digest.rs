//! Alerts that waited, in one mail: of an hour, a day, a night, a flood or a silence.
//!
//! Owns what such a mail says; the gravest alerts stand first, and none is left uncounted. Refuses to decide what waits.

use jiff::Timestamp;
use minijinja::{Value, context};

use super::clean::{clean, cut, direction, isolate, wrap};
use super::headers::{label, urgent, way_out};
use super::host::{Link, link};
use super::templates::Templates;
use super::view::SILENCE_FOR;
use super::words::{instant, number, plural};
use super::{COLUMNS, Rendered, SUBJECT_CHARS_MAX};
use crate::alert::Kind;
use crate::alert::route::decide::Hold;
use crate::feed::schedule::words as duration_words;
use crate::topic::Severity;

/// Alerts shown; the rest is counted.
const ITEMS_MAX: usize = 60;
/// Bytes of HTML that alerts may take: Gmail cuts what is longer than 102 KB, and with it what can be done.
const ITEMS_BYTES_MAX: usize = 84_000;
/// Bytes of an alert's markup.
const MARKUP_BYTES: usize = 1_000;

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
    /// Its topic's stable name.
    pub topic_id: String,
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
    /// The mail address that ends these mails when asked to.
    pub contact: Option<String>,
}

/// The whole mail.
pub fn render(view: &DigestView, templates: &Templates) -> Rendered {
    let values = values(view);
    let text = templates.fill("digest.txt", &values);
    let html = templates.fill("digest.html", &values);
    Rendered {
        subject: subject(view),
        text: text.text,
        html: html.text,
        headers: headers(view),
        template_problem: text.problem.or(html.problem).map(|problem| problem.to_string()),
        ..Rendered::default()
    }
}

/// What the templates are handed; docs/mail.md lists it.
pub(super) fn values(view: &DigestView) -> Value {
    let shown = shown(view);
    let more = match view.items.len().saturating_sub(shown.len()) {
        0 => String::new(),
        hidden => {
            format!("… and {} not shown here: wirewatch alerts list", plural(hidden as u64, "more alert"))
        }
    };
    let (headline, lead) = (headline(view), lead(view));
    let why = [
        format!("You get them together because {}.", view.why.words()),
        format!("This is alert {}, {}.", view.alert, instant(view.at)),
    ];
    let todo = todo(view, &shown);
    let (colour, dark_colour) = match view.items.iter().map(|item| item.severity).max() {
        Some(Severity::Critical) => ("#b42318", "#ff8a7a"),
        Some(Severity::Warning) => ("#a15c07", "#f5b041"),
        _ => ("#175cd3", "#84adff"),
    };
    context! {
        title => subject(view),
        preview => lead.as_str(),
        kicker => kicker(view),
        headline => headline.as_str(),
        lead => lead.as_str(),
        items => shown.iter().map(|item| value(item)).collect::<Vec<_>>(),
        more => more,
        why => why.clone(),
        todo => todo.iter().map(|(what, command)| context! { what, command }).collect::<Vec<_>>(),
        alert => view.alert,
        colour => colour,
        dark_colour => dark_colour,
        text => context! {
            headline => wrap(&headline, "", COLUMNS),
            lead => wrap(&lead, "", COLUMNS),
            why => why.iter().map(|line| wrap(line, "  ", COLUMNS)).collect::<Vec<_>>().join("\n"),
            todo => todo.iter().map(|(what, command)| format!("  {what}:\n    {command}")).collect::<Vec<_>>().join("\n"),
        },
    }
}

/// The alerts there is room for: the gravest first, what takes something back before the rest of its severity, and as they were
/// decided among equals.
fn shown(view: &DigestView) -> Vec<&DigestItem> {
    let mut items: Vec<&DigestItem> = view.items.iter().collect();
    items.sort_by_key(|item| (std::cmp::Reverse(item.severity), item.kind != Kind::Correction));
    let mut room = ITEMS_BYTES_MAX;
    let fits = |item: &&DigestItem| {
        let (url, host) = address(item);
        let texts = facts(item).into_iter().chain([title(item), reason(item), url, host]);
        let size = MARKUP_BYTES + texts.map(|text| html_bytes(&text)).sum::<usize>();
        let has_room = size <= room;
        room = room.saturating_sub(size);
        has_room
    };
    items.into_iter().take(ITEMS_MAX).take_while(fits).collect()
}

/// Bytes of a text in HTML, where `"` is `&quot;`.
fn html_bytes(text: &str) -> usize {
    text.len() + 5 * text.bytes().filter(|byte| b"<>&\"'".contains(byte)).count()
}

/// What can be done, with the command that does it. Only words of ours stand in a command: it is pasted into a shell.
fn todo(view: &DigestView, shown: &[&DigestItem]) -> Vec<(String, String)> {
    let mut todo = Vec::new();
    if let Some(first) = shown.first() {
        todo.push((
            "See the first of them whole".to_owned(),
            format!("wirewatch alerts show {}", first.alert),
        ));
    }
    todo.push(("Say that you have all in hand".to_owned(), format!("wirewatch alerts ack {}", view.alert)));
    if let Some(first) = shown.first() {
        let (topic, hours) = (label(&first.topic_id), SILENCE_FOR.as_secs() / 3600);
        todo.push((
            format!("Hear nothing of the first one's topic for {}", duration_words(SILENCE_FOR)),
            format!(
                "wirewatch alerts silence --topic {topic} --for {hours}h --comment \"digest {}\"",
                view.alert
            ),
        ));
    }
    todo.push(("See who gets what, and when".to_owned(), "wirewatch routes list".to_owned()));
    todo
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
    let mut headers = vec![("List-Id".to_owned(), "Wirewatch digest <digest.wirewatch>".to_owned())];
    headers.extend(way_out(view.contact.as_deref(), "digest"));
    headers.extend([
        ("X-Wirewatch-Kind".to_owned(), Kind::Digest.as_str().to_owned()),
        ("X-Wirewatch-Severity".to_owned(), severity.as_str().to_owned()),
        ("X-Wirewatch-Alert".to_owned(), view.alert.to_string()),
        ("Precedence".to_owned(), "bulk".to_owned()),
    ]);
    let is_urgent = |item: &DigestItem| item.severity == Severity::Critical && item.kind != Kind::AllClear;
    if view.items.iter().any(is_urgent) {
        headers.extend(urgent());
    }
    headers
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
    let counted = counted(view);
    let comma = if counted.contains(',') { "," } else { "" };
    format!("{counted}{comma} of {}", plural(incidents.len() as u64, "incident"))
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
    let mut numbers = vec![instant(item.at)];
    let publishers = plural(u64::from(item.publishers), "publisher");
    // The number is that of all the incident, and the headline one story's.
    match item.kind {
        Kind::AllClear => {}
        Kind::Correction => numbers.push(format!("{publishers} left")),
        Kind::First | Kind::Update | Kind::Escalation if item.publishers > 1 => {
            numbers.push(format!("{publishers} of the incident"));
        }
        _ => numbers.push(publishers),
    }
    let score = item.score.filter(|_| item.kind.tells_news() && item.kind != Kind::Surge);
    numbers.extend(score.map(|score| format!("score {}", number(score))));
    numbers.push(format!("alert {}", item.alert));
    numbers.extend(item.incident.map(|incident| format!("incident {incident}")));
    let corrected =
        item.corrected_in.map(|by| format!("CORRECTED SINCE: a report of it was taken back, see alert {by}"));
    let rest = [kicker.join(" · "), numbers.join(" · "), waited(item.hold).to_owned()];
    corrected.into_iter().chain(rest).collect()
}

fn waited(hold: Hold) -> &'static str {
    match hold {
        Hold::Digest => "held for the digest",
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

fn reason(item: &DigestItem) -> String {
    format!("because {}", clean(&item.reason, 300))
}

/// Where its link leads, and the host; empty where it has none that may be followed.
fn address(item: &DigestItem) -> (String, String) {
    match link(item.url.as_deref()) {
        Link::Web { url, host } => (url, host),
        Link::Words(_) | Link::None => (String::new(), String::new()),
    }
}

fn value(item: &DigestItem) -> Value {
    let (url, host) = address(item);
    let (title, facts, reason) = (title(item), facts(item), reason(item));
    let mut lines = vec![wrap(&isolate(&title), "", COLUMNS)];
    lines.extend(facts.iter().map(|fact| wrap(fact, "  ", COLUMNS)));
    lines.push(wrap(&reason, "  ", COLUMNS));
    if !url.is_empty() {
        lines.push(format!("  {url}"));
    }
    context! {
        dir => direction(&title),
        side => if direction(&title) == "rtl" { "right" } else { "left" },
        text => lines.join("\n"),
        alert => item.alert,
        severity => item.severity.as_str(),
        title, facts, reason, url, host,
    }
}
