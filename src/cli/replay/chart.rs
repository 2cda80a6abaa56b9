//! A chart for the terminal: days across, topics down.
//!
//! Owns the width of the terminal and the bars. In a pipe it is digits, 80 columns wide, so that it can be read by anything.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};

use jiff::civil::Date;

use super::tally::TopicCount;

const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Columns where there is no terminal.
const WIDTH: usize = 80;

/// Topics charted at most; the rest are counted.
const ROWS_MAX: usize = 40;

/// Characters of a topic's id that are shown.
const LABEL_LENGTH_MAX: usize = 28;

/// What is drawn on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paper {
    pub(super) width: usize,
    pub(super) is_terminal: bool,
}

impl Paper {
    /// Standard output.
    pub(super) fn of_output() -> Self {
        let is_terminal = io::stdout().is_terminal();
        let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        let width = width.filter(|_| is_terminal).unwrap_or(WIDTH);
        Self { width: width.clamp(40, 400), is_terminal }
    }
}

/// The chart, line by line; nothing where there is nothing to draw.
pub(super) fn draw(
    topics: &BTreeMap<String, TopicCount>,
    dates: Option<(Date, Date)>,
    paper: Paper,
) -> Vec<String> {
    let Some((first, last)) = dates else { return Vec::new() };
    let mut rows: Vec<(&String, &TopicCount)> = topics.iter().filter(|(_, count)| count.alerts > 0).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    rows.sort_by_key(|(topic, count)| (std::cmp::Reverse(count.alerts), topic.as_str()));
    let label = rows.iter().map(|(topic, _)| topic.chars().count()).max().unwrap_or(0).min(LABEL_LENGTH_MAX);
    let days = first.until(last).map_or(1, |span| usize::try_from(span.get_days()).unwrap_or(0) + 1);
    let columns_max = paper.width.saturating_sub(label + 9).max(10);
    let days_each = days.div_ceil(columns_max).max(1);
    let columns = days.div_ceil(days_each);
    let counts: Vec<Vec<u64>> =
        rows.iter().map(|(_, count)| binned(count, first, days_each, columns)).collect();
    let most = counts.iter().flatten().copied().max().unwrap_or(0).max(1);
    let column =
        if days_each == 1 { "a column a day".to_owned() } else { format!("a column is {days_each} days") };
    let scale = if paper.is_terminal { format!("highest {most}") } else { "+ is 10 or more".to_owned() };
    let mut lines = vec![format!("alerts from {first} to {last} (UTC; {column}; {scale})")];
    let hidden = rows.len().saturating_sub(ROWS_MAX);
    for ((topic, count), counts) in rows.iter().zip(&counts).take(ROWS_MAX) {
        let name: String = topic.chars().take(label).collect();
        let bars: String = counts.iter().map(|count| mark(*count, most, paper)).collect();
        lines.push(format!("  {name:<label$} {:>4} {}", count.alerts, bars.trim_end()));
    }
    if hidden > 0 {
        lines.push(format!("  and {hidden} more topics with alerts"));
    }
    lines
}

/// The alerts of a topic, column by column.
fn binned(count: &TopicCount, first: Date, days_each: usize, columns: usize) -> Vec<u64> {
    let mut bins = vec![0; columns];
    for (day, alerts) in &count.days {
        let offset = first.until(*day).map_or(0, |span| usize::try_from(span.get_days()).unwrap_or(0));
        if let Some(bin) = bins.get_mut(offset / days_each) {
            *bin += alerts;
        }
    }
    bins
}

fn mark(count: u64, most: u64, paper: Paper) -> char {
    if !paper.is_terminal {
        return match count {
            0 => '.',
            1..=9 => char::from_digit(u32::try_from(count).unwrap_or(9), 10).unwrap_or('9'),
            _ => '+',
        };
    }
    // Anything at all shows.
    let height = (count * 8).div_ceil(most).min(8);
    usize::try_from(height).ok().and_then(|height| BARS.get(height)).copied().unwrap_or('█')
}
