//! The line a person reads first, in a list of many: what happened, then how many say so.
//!
//! Owns the subject and the headline it shares with the mail. Refuses `Re:`, which people and filters take for somebody's
//! answer.

use super::SUBJECT_CHARS_MAX;
use super::clean::{clean, cut, has_rtl};
use super::view::{AlertView, News, StoryView};
use super::words::plural;
use crate::alert::Kind;

/// Characters of a headline below which a subject leaves its place out.
const HEADLINE_CHARS_MIN: usize = 20;

/// One line that says what happened: `[Ceasefire breakdown] Sudan: Headline (2 publishers)`, at most 78 characters.
pub fn subject(view: &AlertView) -> String {
    let headline = headline(view);
    // After right-to-left words, the mark keeps the bracket and the number where they belong.
    let mark = if has_rtl(&headline) { "\u{200e}" } else { "" };
    let tail = match said_by(view) {
        // That one says so goes without saying; the room is the headline's.
        0 | 1 => String::new(),
        count => format!("{mark} ({})", plural(count, "publisher")),
    };
    let topic = cut(&clean(&view.topic_name, 200), 30);
    let place = view.place.as_ref().map(|place| cut(&clean(place, 100), 20));
    let with_place = format!("[{topic}] {}", lead(view.kind, place.as_deref()));
    let without_place = format!("[{topic}] {}", lead(view.kind, None));
    let room = |head: &str| SUBJECT_CHARS_MAX.saturating_sub(head.chars().count() + tail.chars().count());
    // What happened is worth more than where, when both do not fit; the mail says both.
    let head = if room(&with_place) >= HEADLINE_CHARS_MIN { with_place } else { without_place };
    format!("{head}{}{tail}", cut(&headline, room(&head)))
}

/// How many publishers say what the headline says: those of its story, and not those of all the incident. Who reported what
/// was taken back or is over is no number to stand beside that news.
fn said_by(view: &AlertView) -> u64 {
    match view.kind {
        Kind::AllClear | Kind::Correction => 0,
        Kind::Surge => u64::from(view.publishers),
        _ => lead_story(view).map_or(u64::from(view.publishers), |story| story.publishers.len() as u64),
    }
}

/// The story that the headline is of.
fn lead_story(view: &AlertView) -> Option<&StoryView> {
    let first = view.stories.first();
    if view.kind == Kind::Escalation {
        return first;
    }
    view.stories.iter().find(|story| story.news == News::New).or(first)
}

/// What stands before a subject's headline.
fn lead(kind: Kind, place: Option<&str>) -> String {
    let parts: Vec<&str> = kind_words(kind).into_iter().chain(place).collect();
    if parts.is_empty() { String::new() } else { format!("{}: ", parts.join(", ")) }
}

/// What kind of news an alert is, in words; the first of an incident needs none.
pub(super) fn kind_words(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::First | Kind::Digest | Kind::Operator => None,
        Kind::Update => Some("Update"),
        Kind::Escalation => Some("Escalation"),
        Kind::Surge => Some("Surge"),
        Kind::Correction => Some("Correction"),
        Kind::AllClear => Some("All clear"),
    }
}

/// What the alert says first: the headline it was given, that of its strongest new story, or, without stories, what its kind
/// means.
pub(super) fn headline(view: &AlertView) -> String {
    // What was reported is over where nothing new is: its headline would say the opposite.
    let newest = lead_story(view).filter(|_| view.kind != Kind::AllClear);
    let given = view.headline.as_ref().or(newest.map(|story| &story.title));
    let given = given.map(|title| clean(title, 300)).filter(|title| !title.is_empty());
    given.unwrap_or_else(|| match view.kind {
        Kind::Surge => "Far more reports than usual".to_owned(),
        Kind::AllClear => "Nothing new is reported".to_owned(),
        _ => clean(&view.topic_name, 200),
    })
}
