//! An alert as a message of the Common Alerting Protocol 1.2 (OASIS, 1 July 2010), for programs that take such.
//!
//! Owns [`Bulletin`], what files tell of an alert, and how ours map onto CAP's words. Claims no authority: the scope is
//! private, the note says who made it. Refuses to write files.

use jiff::Timestamp;

use super::clean::{clean, cut};
use super::headers::label;
use super::host::followable;
use super::words::number;
use super::xml::{element, element_if, escaped};
use crate::alert::Kind;
use crate::article::NO_PLACE;
use crate::article::place::country;
use crate::topic::{Evidence, Severity};

/// Characters of a `headline`: section 3.2.2 advises 160.
const HEADLINE_CHARS_MAX: usize = 160;
/// Characters of a `description`.
const DESCRIPTION_CHARS_MAX: usize = 8_000;
/// Earlier messages referred to.
const REFERENCES_MAX: usize = 20;
/// Triggers listed.
const TRIGGERS_MAX: usize = 20;

/// Who tells, and under which words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The address mail comes from, for people.
    pub contact: String,
    /// What tells databases apart, for ever.
    pub instance: String,
    /// CAP's `status`: `Actual`, `Exercise`, `System`, `Test` or `Draft`.
    pub status: String,
    /// CAP's `category`, such as `Security`.
    pub category: String,
}

/// An alert as files tell of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Bulletin {
    /// Its number.
    pub alert: i64,
    /// When it was decided.
    pub at: Timestamp,
    /// What it tells.
    pub kind: Kind,
    /// How much it matters.
    pub severity: Severity,
    /// The topic's stable name.
    pub topic_id: String,
    /// What people call the topic.
    pub topic_name: String,
    /// ISO 3166-1 alpha-2 code, or `ZZ`.
    pub place: String,
    /// Its incident.
    pub incident: i64,
    /// Independent publishers that say so.
    pub publishers: u32,
    /// Best score, 0 to 1.
    pub score: f64,
    /// Subject of its mail.
    pub subject: String,
    /// Why it was sent.
    pub reason: String,
    /// Text part of its mail.
    pub text: String,
    /// The incident's page, where pages are served, or else its best article.
    pub link: Option<String>,
    /// What made it trip.
    pub triggers: Vec<Trigger>,
    /// Earlier alerts of the incident since it was last taken back whole, oldest first.
    pub earlier: Vec<(i64, Timestamp)>,
}

/// Words that made a signal fire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// The signal.
    pub signal: String,
    /// The words; empty where none were kept.
    pub words: String,
    /// In how many articles.
    pub count: usize,
}

impl Trigger {
    /// The triggers of an alert's articles, the most frequent first. What speaks against the topic is none.
    pub fn gather(articles: &[Vec<Evidence>]) -> Vec<Self> {
        let mut triggers: Vec<Self> = Vec::new();
        for evidence in articles.iter().flatten().filter(|evidence| evidence.points > 0.0) {
            let marked = evidence.at.and_then(|(from, to)| evidence.quote.get(from as usize..to as usize));
            let words = plain(&clean(marked.unwrap_or_default(), 80).to_lowercase());
            let signal = plain(&clean(&evidence.signal, 80));
            match triggers.iter_mut().find(|known| known.signal == signal && known.words == words) {
                Some(known) => known.count += 1,
                None => triggers.push(Self { signal, words, count: 1 }),
            }
        }
        triggers.sort_by_key(|trigger| std::cmp::Reverse(trigger.count));
        triggers.truncate(TRIGGERS_MAX);
        triggers
    }

    /// `(a truce is broken)violates ceasefire[2]`, as readers of EMM's `emm:trigger` expect.
    pub(super) fn in_brackets(&self) -> String {
        let Self { signal, words, count } = self;
        if words.is_empty() { format!("{signal}[{count}]") } else { format!("({signal}){words}[{count}]") }
    }
}

/// Without the characters that structure a list of triggers.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '[' | ']' | '(' | ')' | ';')).collect::<String>().trim().to_owned()
}

/// The whole document.
pub fn cap(bulletin: &Bulletin, origin: &Origin) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    xml.push_str("<alert xmlns=\"urn:oasis:names:tc:emergency:cap:1.2\">\n");
    let mut add = |name: &str, text: &str| element_if(&mut xml, "  ", name, text);
    add("identifier", &identifier(origin, bulletin.alert, bulletin.at));
    add("sender", &sender(origin));
    add("sent", &time(bulletin.at));
    add("status", &origin.status);
    add("msgType", message_type(bulletin));
    add("source", "Wirewatch");
    add("scope", "Private");
    // Required where the scope is private; nobody's address is given away.
    add("addresses", &format!("{}.wirewatch", label(&bulletin.topic_id)));
    add("note", "Made by a program from news reports. Nobody has checked it.");
    add("references", &references(bulletin, origin));
    add("incidents", &unspaced(&format!("wirewatch-{}-incident-{}", origin.instance, bulletin.incident)));
    info(&mut xml, bulletin, origin);
    xml.push_str("</alert>\n");
    xml
}

/// `info`, its elements in the order of the schema.
fn info(xml: &mut String, bulletin: &Bulletin, origin: &Origin) {
    xml.push_str("  <info>\n");
    let mut add = |name: &str, text: &str| element_if(xml, "    ", name, text);
    add("language", "en");
    add("category", &origin.category);
    add("event", &clean(&bulletin.topic_name, 200));
    add("responseType", if bulletin.kind == Kind::AllClear { "AllClear" } else { "Assess" });
    add("urgency", urgency(bulletin));
    add("severity", severity(bulletin));
    add("certainty", certainty(bulletin));
    pair(xml, "eventCode", "wirewatch:topic", &label(&bulletin.topic_id));
    let mut add = |name: &str, text: &str| element_if(xml, "    ", name, text);
    add("senderName", clean(&format!("Wirewatch, {}", origin.contact), 200).trim_end_matches([',', ' ']));
    add("headline", &clean(&bulletin.subject, HEADLINE_CHARS_MAX));
    add("description", &cut(bulletin.text.trim(), DESCRIPTION_CHARS_MAX));
    add("web", &followable(bulletin.link.as_deref()).unwrap_or_default());
    pair(xml, "parameter", "wirewatch:kind", bulletin.kind.as_str());
    pair(xml, "parameter", "wirewatch:reason", &clean(&bulletin.reason, 400));
    pair(xml, "parameter", "wirewatch:score", &number(bulletin.score));
    pair(xml, "parameter", "wirewatch:publishers", &bulletin.publishers.to_string());
    for trigger in &bulletin.triggers {
        pair(xml, "parameter", "wirewatch:trigger", &trigger.in_brackets());
    }
    if let Some(name) = country::name(&bulletin.place).filter(|_| bulletin.place != NO_PLACE) {
        xml.push_str("    <area>\n");
        element(xml, "      ", "areaDesc", name);
        xml.push_str("      <geocode>\n");
        element(xml, "        ", "valueName", "ISO3166-1");
        element(xml, "        ", "value", &bulletin.place);
        xml.push_str("      </geocode>\n    </area>\n");
    }
    xml.push_str("  </info>\n");
}

fn pair(xml: &mut String, name: &str, key: &str, value: &str) {
    xml.extend(["    <", name, "><valueName>", &escaped(key), "</valueName><value>", &escaped(value)]);
    xml.extend(["</value></", name, ">\n"]);
}

/// `Alert` begins, `Update` goes on, `Cancel` takes everything back: only where nobody is left who says so.
fn message_type(bulletin: &Bulletin) -> &'static str {
    match bulletin.kind {
        _ if bulletin.earlier.is_empty() => "Alert",
        Kind::Correction if bulletin.publishers == 0 => "Cancel",
        _ => "Update",
    }
}

fn urgency(bulletin: &Bulletin) -> &'static str {
    match (bulletin.kind, bulletin.severity) {
        (Kind::AllClear | Kind::Correction, _) => "Past",
        (_, Severity::Critical) => "Immediate",
        (_, Severity::Warning) => "Expected",
        (_, Severity::Info) => "Unknown",
    }
}

/// Section 3.2.2: likely is p > 50 %, possible is less. Observed is what only a person on the spot can say. A score says
/// nothing of what is over or taken back.
fn certainty(bulletin: &Bulletin) -> &'static str {
    match bulletin.kind {
        Kind::AllClear | Kind::Correction => "Unknown",
        _ if bulletin.score > 0.5 => "Likely",
        _ => "Possible",
    }
}

fn severity(bulletin: &Bulletin) -> &'static str {
    match (bulletin.kind, bulletin.severity) {
        (Kind::AllClear, _) | (_, Severity::Info) => "Minor",
        (_, Severity::Critical) => "Severe",
        (_, Severity::Warning) => "Moderate",
    }
}

/// Section 3.2.1: the same for ever, and without spaces, commas, `<` and `&`. A number is given again after a backup was
/// restored, so the time is part of it.
fn identifier(origin: &Origin, alert: i64, at: Timestamp) -> String {
    unspaced(&format!("wirewatch-{}-alert-{alert}-{}", origin.instance, at.as_second()))
}

/// Of the database and of nothing that can be configured, or earlier messages could not be referred to any more.
fn sender(origin: &Origin) -> String {
    unspaced(&format!("{}.wirewatch", origin.instance))
}

fn unspaced(text: &str) -> String {
    clean(text, 200).chars().filter(|c| !c.is_whitespace() && !matches!(c, ',' | '<' | '>' | '&')).collect()
}

/// Section 3.3.2: with a numeric zone, never `Z`.
fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S-00:00").to_string()
}

/// `sender,identifier,sent` of each earlier message, the last ones where there are many.
fn references(bulletin: &Bulletin, origin: &Origin) -> String {
    let surplus = bulletin.earlier.len().saturating_sub(REFERENCES_MAX);
    let one = |(alert, at): &(i64, Timestamp)| {
        format!("{},{},{}", sender(origin), identifier(origin, *alert, *at), time(*at))
    };
    bulletin.earlier.iter().skip(surplus).map(one).collect::<Vec<_>>().join(" ")
}
