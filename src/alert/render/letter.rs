//! The words of an alert's two parts: what the templates are handed.
//!
//! Owns which stories, articles and quotes have room, in which order, and every sentence about them. The templates own the
//! look. All text is clean here; escaping for HTML is theirs.

use minijinja::{Value, context};

use super::article::Article;
use super::clean::{clean, direction, isolate, wrap};
use super::headers::label;
use super::host::followable;
use super::subject::{headline, kind_words, subject};
use super::view::{AlertView, News, SILENCE_FOR, StoryView, ToldStory};
use super::words::{ago, instant, likelihood, moment, number, plural};
use super::{COLUMNS, sparkline};
use crate::alert::Kind;
use crate::article::NO_PLACE;
use crate::feed::schedule::words as duration_words;
use crate::topic::Severity;

/// Stories shown, should the caller hand in more.
const STORIES_MAX: usize = 10;
/// Articles shown in one mail: Gmail cuts what is longer than 102 KB.
const ARTICLES_MAX: usize = 12;
/// Signals shown for the first article of a mail, and for each of the others.
const EVIDENCE_MAX: [usize; 2] = [6, 3];
/// Publishers named for each story.
const PUBLISHERS_MAX: usize = 8;
/// Earlier stories named.
const TOLD_MAX: usize = 10;

/// Everything the templates may use; docs/mail.md lists it. `picture` is the Content-ID of the sparkline.
pub(super) fn values(view: &AlertView, picture: Option<&str>) -> Value {
    let (colour, dark_colour) = match (view.kind, view.severity) {
        // Nobody is to read that it is over as an alarm.
        (Kind::AllClear, _) => ("#17724b", "#3fb27f"),
        (_, Severity::Critical) => ("#b42318", "#ff8a7a"),
        (_, Severity::Warning) => ("#a15c07", "#f5b041"),
        (_, Severity::Info) => ("#175cd3", "#84adff"),
    };
    let headline = headline(view);
    let (kicker, facts, why, todo) = (kicker(view), facts(view), why(view), todo(view));
    let lines = |lines: &[String], indent| -> String {
        lines.iter().map(|line| wrap(line, indent, COLUMNS)).collect::<Vec<_>>().join("\n")
    };
    let (sections, hidden) = sections(view);
    let told = told(view);
    let notice = notice(view);
    let trend = view.trend.as_ref().map(|trend| {
        let (words, bars) = (sparkline::words(trend), sparkline::bars(trend));
        let text = format!("{}\n{}", bars, wrap(&words, "", COLUMNS));
        let (width, height) = (sparkline::WIDTH, sparkline::HEIGHT);
        context! { words, bars, text, cid => picture, width, height }
    });
    let todo_text: Vec<String> =
        todo.iter().map(|(what, command)| format!("  {what}:\n    {command}")).collect();
    context! {
        title => subject(view),
        preview => preview(view),
        kind => view.kind.as_str(),
        severity => view.severity.as_str(),
        kicker => kicker.as_str(),
        headline => headline.as_str(),
        headline_dir => direction(&headline),
        notice => notice.as_str(),
        facts => facts.clone(),
        trend => trend,
        sections => sections,
        more => more(hidden),
        told => told.iter().map(|(html, _)| html.clone()).collect::<Vec<_>>(),
        why => why.clone(),
        todo => todo.iter().map(|(what, command)| context! { what, command }).collect::<Vec<_>>(),
        incident_url => followable(view.incident_url.as_deref()),
        alert => view.alert,
        incident => view.incident,
        colour => colour,
        dark_colour => dark_colour,
        text => context! {
            kicker => wrap(&kicker, "", COLUMNS),
            headline => wrap(&isolate(&headline), "", COLUMNS),
            notice => wrap(&notice, "", COLUMNS),
            facts => lines(&facts, ""),
            told => told.iter().map(|(_, line)| hanging("- ", line, "  ")).collect::<Vec<_>>(),
            why => lines(&why, "  "),
            todo => todo_text.join("\n"),
        },
    }
}

/// An item with its mark (`- ` or `1. `) before the first line, and all lines beside it.
fn hanging(mark: &str, text: &str, indent: &str) -> String {
    let beside = format!("{indent}{}", " ".repeat(mark.chars().count()));
    format!("{indent}{mark}{}", wrap(text, &beside, COLUMNS).trim_start())
}

/// `UPDATE · CRITICAL · Ceasefire breakdown · Sudan`.
fn kicker(view: &AlertView) -> String {
    let kind = kind_words(view.kind).map(str::to_uppercase);
    let severity = view.severity.as_str().to_uppercase();
    let place = view.place.as_ref().map(|place| clean(place, 100));
    let parts = kind.into_iter().chain([severity, clean(&view.topic_name, 200)]).chain(place);
    parts.collect::<Vec<_>>().join(" · ")
}

fn preview(view: &AlertView) -> String {
    if !has_score(view) {
        return notice(view);
    }
    let score = format!("Score {} ({}), ", number(view.score), likelihood(view.score));
    let publishers = plural(said_by(view), "publisher");
    if view.stories.is_empty() { publishers } else { format!("{score}{publishers}") }
}

/// What must be known before anything else is read.
fn notice(view: &AlertView) -> String {
    if let Some(told) = view.corrects.as_ref().filter(|_| view.kind == Kind::Correction) {
        let (title, at) = (isolate(&clean(&told.title, 200)), moment(told.told_at, view.at));
        return format!(
            "Alert {} of {at} said: “{title}”. That does not stand as it was told; the reason is below.",
            told.alert
        );
    }
    let words = match view.kind {
        Kind::Escalation => "Told at once, without waiting for the next update.",
        Kind::Correction => "What an earlier mail told does not stand as it was told; the reason is below.",
        Kind::AllClear => {
            "Nothing more that trips this topic was reported here. That is no proof that nothing happens."
        }
        Kind::Surge => {
            "Much more is reported on this topic than usual; the reports may still tell different things."
        }
        Kind::First | Kind::Update | Kind::Digest | Kind::Operator => "",
    };
    words.to_owned()
}

fn facts(view: &AlertView) -> Vec<String> {
    let mut facts = Vec::new();
    if has_score(view) && !view.stories.is_empty() {
        facts.push(format!("Score {} of 1: {}", number(view.score), likelihood(view.score)));
    }
    facts.extend(standing(view));
    let ordinal = match view.kind {
        Kind::First | Kind::Digest | Kind::Operator => "first alert of",
        Kind::Update => "update of",
        Kind::Escalation => "escalation of",
        Kind::Surge => "surge in",
        Kind::Correction => "correction to",
        Kind::AllClear => "all-clear of",
    };
    facts.push(format!("Alert {}, {ordinal} incident {}, {}", view.alert, view.incident, instant(view.at)));
    facts
}

/// Whether a score says how likely it is what is told. It says nothing of what is over or taken back, and that of one report
/// nothing of how many there are.
fn has_score(view: &AlertView) -> bool {
    view.kind.tells_news() && view.kind != Kind::Surge
}

/// Publishers of what is told here. A surge counts those of all its reports, of which some are shown.
fn said_by(view: &AlertView) -> u64 {
    match view.publisher_count() as u64 {
        here if here > 0 && view.kind != Kind::Surge => here,
        _ => u64::from(view.publishers),
    }
}

/// Who says so.
fn standing(view: &AlertView) -> Option<String> {
    let whole = u64::from(view.publishers);
    match (view.kind, whole) {
        (Kind::Correction, 0) => return Some("No publisher stands by it any more".to_owned()),
        (Kind::Correction, 1) => return Some("1 publisher still reports the incident".to_owned()),
        (Kind::Correction, _) => return Some(format!("{whole} publishers still report the incident")),
        (Kind::AllClear, 0) => return None,
        (Kind::AllClear, _) => {
            return Some(format!("{} reported it", plural(whole, "independent publisher")));
        }
        _ => {}
    }
    let copies = match view.copy_count() {
        0 => String::new(),
        1 => ", 1 of them a copy".to_owned(),
        copies => format!(", {copies} of them copies"),
    };
    let here = said_by(view);
    let articles = match view.article_count() {
        0 => String::new(),
        articles => format!(" in {}{copies}", plural(articles as u64, "article")),
    };
    let of_all = if whole > here { format!("; {whole} in the whole incident") } else { String::new() };
    Some(format!("{}{articles}{of_all}", plural(here, "independent publisher")))
}

fn why(view: &AlertView) -> Vec<String> {
    vec![
        format!("This was sent because {}.", clean(&view.reason, 400).trim_end_matches('.')),
        format!(
            "It belongs to the topic {} ({}), which tells you from a score of {} on.",
            clean(&view.topic_name, 200),
            clean(&view.topic_id, 100),
            number(view.threshold)
        ),
    ]
}

/// What can be done, with the command that does it. Only words of ours stand in a command: it is pasted into a shell.
fn todo(view: &AlertView) -> Vec<(String, String)> {
    let alert = view.alert;
    let mut todo = vec![("See everything, with scores".to_owned(), format!("wirewatch alerts show {alert}"))];
    if matches!(view.kind, Kind::First | Kind::Update | Kind::Escalation | Kind::Surge) {
        todo.push((
            "Acknowledge it, so that nobody is reminded".to_owned(),
            format!("wirewatch alerts ack {alert}"),
        ));
        let place: String = view.place_code.chars().filter(char::is_ascii_uppercase).take(2).collect();
        let matcher = if place.is_empty() || place == NO_PLACE {
            format!("--topic {}", label(&view.topic_id))
        } else {
            format!("--topic {} --place {place}", label(&view.topic_id))
        };
        let hours = SILENCE_FOR.as_secs() / 3600;
        todo.push((
            format!("Hear nothing of this for {}", duration_words(SILENCE_FOR)),
            format!("wirewatch alerts silence {matcher} --for {hours}h --comment \"alert {alert}\""),
        ));
        todo.push((
            "Say that it was useful, or noise".to_owned(),
            format!("wirewatch alerts feedback {alert} useful"),
        ));
    }
    todo
}

fn more(hidden: usize) -> String {
    if hidden == 0 {
        String::new()
    } else {
        format!("… and {} not shown here.", plural(hidden as u64, "more article"))
    }
}

/// The stories under their headings, and how many articles had no room.
fn sections(view: &AlertView) -> (Vec<Value>, usize) {
    let mut room = ARTICLES_MAX;
    let mut number = 0;
    let mut sections = Vec::new();
    let mut hidden = view.more;
    for news in [News::New, News::Updated] {
        let mut stories = Vec::new();
        for story in view.stories.iter().filter(|story| story.news == news) {
            if number == STORIES_MAX {
                hidden += story.articles.len() + story.more + story.copies;
                continue;
            }
            number += 1;
            stories.push(Story { view, story, number, room }.value());
            room = room.saturating_sub(story.articles.len());
        }
        let title = match (view.kind, news) {
            // An article that was edited stands here as it is now; what it said is in the notice.
            (Kind::Correction, _) => "WHAT THE REPORTS SAY NOW",
            (Kind::AllClear, _) => "WHAT WAS REPORTED",
            (Kind::First, News::New) => "",
            (_, News::New) => "NEW",
            (_, News::Updated) => "UPDATED",
        };
        if !stories.is_empty() {
            // Stories that are marked need no heading in HTML.
            let heading = if is_marked(view) { "" } else { title };
            sections.push(context! { title, heading, stories });
        }
    }
    (sections, hidden)
}

/// Whether stories are told apart by what is new: a correction and an all-clear bring no news.
fn is_marked(view: &AlertView) -> bool {
    !matches!(view.kind, Kind::Correction | Kind::AllClear)
}

/// A story as it is laid out.
struct Story<'a> {
    view: &'a AlertView,
    story: &'a StoryView,
    number: usize,
    /// Articles there is room for.
    room: usize,
}

impl Story<'_> {
    fn value(&self) -> Value {
        let Self { view, story, number, room } = self;
        let title = clean(&story.title, 300);
        let shown: Vec<Article<'_>> = story
            .articles
            .iter()
            .take(*room)
            .enumerate()
            .map(|(at, article)| Article {
                view,
                article,
                title: clean(&article.title, 300),
                evidence_max: if *number == 1 && at == 0 { EVIDENCE_MAX[0] } else { EVIDENCE_MAX[1] },
            })
            .collect();
        let hidden = story.more + story.articles.len() - shown.len();
        let sources = self.sources();
        let more = match hidden {
            0 => String::new(),
            count => format!("and {} of this story", plural(count as u64, "more article")),
        };
        let mut lines = vec![hanging(&format!("{number}. "), &isolate(&title), "")];
        lines.extend(sources.iter().map(|line| wrap(line, "   ", COLUMNS)));
        for (at, article) in shown.iter().enumerate() {
            if at > 0 || !sources.is_empty() {
                lines.push(String::new());
            }
            lines.extend(article.lines(&title));
        }
        if !more.is_empty() {
            lines.push(format!("   {more}"));
        }
        context! {
            // The first article's link is the story's: one headline is not shown twice.
            url => shown.first().filter(|first| first.title == title).and_then(|first| followable(first.article.url.as_deref())),
            dir => direction(&title),
            is_new => is_marked(view) && story.news == News::New && view.kind != Kind::First,
            is_updated => is_marked(view) && story.news == News::Updated,
            articles => shown.iter().map(|article| article.value(&title)).collect::<Vec<_>>(),
            text => lines.join("\n"),
            title, sources, more,
        }
    }

    /// Who says so, since when, and who copies them; nothing where the one article says it all.
    fn sources(&self) -> Vec<String> {
        let Self { view, story, .. } = self;
        let count = story.publishers.len();
        let is_plain = count <= 1 && story.copies == 0 && story.news == News::New;
        if is_plain {
            return Vec::new();
        }
        let since =
            format!("First seen {} ({})", instant(story.first_seen_at), ago(story.first_seen_at, view.at));
        let mut sources = vec![since];
        let name = |publisher: &super::PublisherView| {
            let (tier, at) = (publisher.tier.number(), moment(publisher.first_seen_at, view.at));
            format!("{} (tier {tier}, {at})", clean(&publisher.name, 80))
        };
        let new: Vec<String> = story.publishers.iter().skip(story.known_publishers).map(name).collect();
        if story.news == News::Updated && !new.is_empty() {
            sources.push(format!("New since the last mail: {}", few(&new, PUBLISHERS_MAX)));
            let known: Vec<String> = story.publishers.iter().take(story.known_publishers).map(name).collect();
            if !known.is_empty() {
                sources.push(format!("Before: {}", few(&known, PUBLISHERS_MAX)));
            }
        } else {
            let all: Vec<String> = story.publishers.iter().map(name).collect();
            if !all.is_empty() {
                let noun = plural(count as u64, "publisher");
                sources.push(format!("{noun}: {}", few(&all, PUBLISHERS_MAX)));
            }
        }
        if story.copies > 0 {
            let copied_by: Vec<String> = story.copied_by.iter().map(|name| clean(name, 80)).collect();
            let by = if copied_by.is_empty() { String::new() } else { format!(": {}", few(&copied_by, 5)) };
            let noun = if story.copies == 1 { "copy" } else { "copies" };
            sources.push(format!("and {} {noun} of the same text{by}", story.copies));
        }
        sources
    }
}

/// `a, b, c and 4 more`.
fn few(names: &[String], max: usize) -> String {
    let mut words = names.iter().take(max).cloned().collect::<Vec<_>>().join(", ");
    if let Some(rest) = names.len().checked_sub(max).filter(|rest| *rest > 0) {
        words = format!("{words} and {rest} more");
    }
    words
}

/// The stories that were told and have nothing new: for HTML, and as a line of text.
fn told(view: &AlertView) -> Vec<(Value, String)> {
    let one = |story: &ToldStory| {
        let title = clean(&story.title, 200);
        let by = match story.publishers {
            0 | 1 => String::new(),
            count => format!(", {}", plural(count as u64, "publisher")),
        };
        let back = if story.is_taken_back { ", taken back since" } else { "" };
        let when = format!("alert {}, {}{by}{back}", story.alert, moment(story.told_at, view.at));
        let line = format!("{} ({when})", isolate(&title));
        (context! { dir => direction(&title), title, when }, line)
    };
    let mut told: Vec<(Value, String)> = view.told.iter().take(TOLD_MAX).map(one).collect();
    let hidden = view.told_more + view.told.len().saturating_sub(TOLD_MAX);
    if hidden > 0 {
        let noun = if hidden == 1 { "story" } else { "stories" };
        let line = format!("… and {hidden} earlier {noun}");
        told.push((context! { dir => "ltr", title => line.as_str(), when => "" }, line));
    }
    told
}
