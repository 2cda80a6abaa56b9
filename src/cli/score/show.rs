//! What `wirewatch score` shows a person: the text with its evidence marked, and how the points add up.
//!
//! Owns colours and cutting: words that speak for a topic are green, those against it red, what the text denies is dim. Long
//! texts show what stands around a match.

use std::io::{self, IsTerminal};
use std::ops::Range;

use clap::ValueEnum;

use super::super::{Failure, Output};
use crate::article::Article;
use crate::topic::{Explanation, Field, Mark, Topic, Topics};

/// A field of at most so many characters is shown whole.
const WHOLE_CHARS_MAX: usize = 400;
/// Bytes shown around a match, before they are widened to whole words.
const AROUND: usize = 90;
/// Most pieces shown of one field.
const PIECES_MAX: usize = 8;
/// Most words of a signal named in its row.
const WORDS_MAX: usize = 4;

const FOR: &str = "\u{1b}[1;32m";
const AGAINST: &str = "\u{1b}[1;31m";
const NOTHING: &str = "\u{1b}[2m";
const BOLD: &str = "\u{1b}[1m";
const PLAIN: &str = "\u{1b}[0m";

/// When words are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum When {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How scores are shown.
#[derive(Debug)]
pub(in crate::cli) struct Look {
    /// Only this topic.
    pub(super) topic: Option<String>,
    /// JSON Lines.
    pub(super) json: bool,
    is_coloured: bool,
}

impl Look {
    /// What the arguments ask for.
    #[expect(
        clippy::disallowed_methods,
        reason = "no-color.org: the terminal's owner says so in the environment"
    )]
    pub(in crate::cli) fn new(topic: Option<String>, when: When, json: bool) -> Self {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
        let is_coloured = match when {
            When::Always => true,
            When::Never => false,
            When::Auto => io::stdout().is_terminal() && !is_set("NO_COLOR") && !is_dumb,
        };
        Self { topic, json, is_coloured }
    }

    fn painted(&self, paint: &str, text: &str) -> String {
        if self.is_coloured && !paint.is_empty() { format!("{paint}{text}{PLAIN}") } else { text.to_owned() }
    }
}

/// Shows an article's scores for some topics.
pub(super) fn print(
    output: &mut Output,
    shown: &[&Topic],
    topics: &Topics,
    article: &Article,
    look: &Look,
) -> Result<(), Failure> {
    output.line(look.painted(BOLD, &clean(&article.title)))?;
    for topic in shown {
        let Some(Explanation { score, marks }) = topics.explain(&topic.source.id, article) else { continue };
        let (verdict, paint) = if score.trips { ("TRIPS", FOR) } else { ("quiet", "") };
        let threshold = topic.source.policy.threshold;
        output.line(format!(
            "  {}  {:.2} of {threshold:.2}  {}",
            look.painted(paint, verdict),
            score.probability,
            score.topic
        ))?;
        if score.evidence.is_empty() {
            continue;
        }
        output.line(format!("    {:>7} {:>7}  {:<8} {:<13} signal", "points", "sum", "field", "status"))?;
        let mut sum = 0.0;
        for evidence in &score.evidence {
            sum += evidence.points;
            let words = words(&evidence.signal, evidence.field, &marks, article);
            output.line(format!(
                "    {} {sum:>+7.1}  {:<8} {:<13} {}{words}",
                look.painted(paint_of(evidence.points), &format!("{:>+7.1}", evidence.points)),
                evidence.field.word(),
                evidence.status.word(),
                evidence.signal
            ))?;
        }
        output.line(format!("    {:>15} points → score {:.2}", format!("{sum:.1}"), score.probability))?;
        for field in [Field::Title, Field::Summary, Field::Body] {
            let marks: Vec<&Mark> = marks.iter().filter(|mark| mark.field == field).collect();
            if !marks.is_empty() {
                output.line(format!(
                    "    {:<8} {}",
                    field.word(),
                    excerpt(text_of(article, field), &marks, look)
                ))?;
            }
        }
    }
    Ok(())
}

fn paint_of(worth: f64) -> &'static str {
    if worth > 0.0 {
        FOR
    } else if worth < 0.0 {
        AGAINST
    } else {
        NOTHING
    }
}

fn text_of(article: &Article, field: Field) -> &str {
    match field {
        Field::Title => &article.title,
        Field::Summary => &article.summary,
        Field::Body => &article.body,
    }
}

/// One line without control characters: what a feed wrote must not steer a terminal.
fn clean(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// The words a signal found in a field, in a row's last column.
fn words(signal: &str, field: Field, marks: &[Mark], article: &Article) -> String {
    let mut found: Vec<String> = Vec::new();
    for mark in marks.iter().filter(|mark| mark.signal == signal && mark.field == field) {
        let word = clean(text_of(article, field).get(mark.bytes.clone()).unwrap_or_default());
        if !found.contains(&word) {
            found.push(word);
        }
    }
    let more = if found.len() > WORDS_MAX { " …" } else { "" };
    found.truncate(WORDS_MAX);
    if found.is_empty() { String::new() } else { format!(": {}{more}", found.join(" … ")) }
}

/// A field with its marks: whole when it is short, else what stands around them.
fn excerpt(text: &str, marks: &[&Mark], look: &Look) -> String {
    if text.chars().nth(WHOLE_CHARS_MAX).is_none() {
        return marked(text, 0..text.len(), marks, look);
    }
    let mut pieces: Vec<Range<usize>> = Vec::new();
    for mark in marks {
        let piece = around(text, &mark.bytes);
        match pieces.last_mut() {
            Some(last) if piece.start <= last.end => last.end = last.end.max(piece.end),
            _ => pieces.push(piece),
        }
    }
    let is_cut = pieces.len() > PIECES_MAX;
    pieces.truncate(PIECES_MAX);
    let begins = pieces.first().is_some_and(|piece| piece.start == 0);
    let ends = !is_cut && pieces.last().is_some_and(|piece| piece.end == text.len());
    let shown: Vec<String> = pieces.into_iter().map(|piece| marked(text, piece, marks, look)).collect();
    format!("{}{}{}", if begins { "" } else { "… " }, shown.join(" … "), if ends { "" } else { " …" })
}

/// Whole words around a match.
fn around(text: &str, bytes: &Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(bytes.start.saturating_sub(AROUND));
    let end = text.ceil_char_boundary(bytes.end.saturating_add(AROUND).min(text.len()));
    let before = text.get(start..bytes.start).unwrap_or_default();
    let after = text.get(bytes.end..end).unwrap_or_default();
    let skipped = if start == 0 { 0 } else { before.find(char::is_whitespace).map_or(0, |gap| gap + 1) };
    let kept =
        if end == text.len() { after.len() } else { after.rfind(char::is_whitespace).unwrap_or(after.len()) };
    // A gap may be wider than a byte: what begins inside one begins behind it.
    text.ceil_char_boundary(start + skipped)..bytes.end + kept
}

/// A piece of a text with its marks in colour; where they overlap, the one that is worth most shows.
fn marked(text: &str, piece: Range<usize>, marks: &[&Mark], look: &Look) -> String {
    let mut borders: Vec<usize> = marks.iter().flat_map(|mark| [mark.bytes.start, mark.bytes.end]).collect();
    borders.extend([piece.start, piece.end]);
    borders.retain(|border| piece.start <= *border && *border <= piece.end);
    borders.sort_unstable();
    borders.dedup();
    let mut runs: Vec<(&str, Range<usize>)> = Vec::new();
    for pair in borders.windows(2) {
        let &[start, end] = pair else { continue };
        let over = marks.iter().filter(|mark| mark.bytes.start <= start && end <= mark.bytes.end);
        let most = over.max_by(|one, other| one.worth.abs().total_cmp(&other.worth.abs()));
        let paint = most.map_or("", |mark| paint_of(mark.worth));
        match runs.last_mut() {
            Some((last, run)) if *last == paint => run.end = end,
            _ => runs.push((paint, start..end)),
        }
    }
    let shown =
        runs.into_iter().map(|(paint, run)| look.painted(paint, &clean(text.get(run).unwrap_or_default())));
    shown.collect()
}
