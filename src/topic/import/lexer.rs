//! The pieces of a search string of another system, with their places.
//!
//! Owns [`Piece`]. Reads what Meltwater, Brandwatch, Lucene and their kin write. Refuses to know how pieces combine.

use super::{Lines, Loss};
use crate::topic::query::NEAR_MAX;

/// How near Meltwater's `NEAR` without a number is.
const NEAR_DEFAULT: usize = 4;

/// A piece of a search string.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Piece {
    pub(super) kind: Kind,
    /// Character of the text.
    pub(super) at: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Open,
    Close,
    And,
    Or,
    Not,
    /// `+`: required, the rest is optional.
    Plus,
    Near {
        words: usize,
        ordered: bool,
    },
    Field(String),
    Term {
        text: String,
        quoted: bool,
    },
    /// `~4` behind something.
    Slop(Option<usize>),
    /// `^2`, a range, a regular expression: what it is called.
    Foreign(&'static str),
}

/// Pieces, comments and doubts.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    pub(super) pieces: Vec<Piece>,
    pub(super) comments: Vec<String>,
    pub(super) losses: Vec<Loss>,
}

/// Cuts a text into pieces.
pub(super) fn lex(chars: &[char], lines: &Lines) -> Result<Pieces, Loss> {
    let mut lexer = Lexer { chars, lines, at: 0, found: Pieces::default() };
    while let Some(letter) = lexer.peek(0) {
        lexer.step(letter)?;
    }
    Ok(lexer.found)
}

struct Lexer<'c> {
    chars: &'c [char],
    lines: &'c Lines,
    at: usize,
    found: Pieces,
}

fn is_quote(letter: char) -> bool {
    matches!(letter, '"' | '“' | '”' | '„' | '‟' | '«' | '»' | '″')
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn push(&mut self, kind: Kind, length: usize) {
        self.found.pieces.push(Piece { kind, at: self.at });
        self.at += length;
    }

    fn text(&self, from: usize, to: usize) -> String {
        self.chars.get(from..to).unwrap_or_default().iter().collect()
    }

    fn find(&self, from: usize, wanted: impl Fn(char) -> bool) -> Option<usize> {
        self.chars.iter().skip(from).position(|letter| wanted(*letter)).map(|offset| from + offset)
    }

    /// Whether a sign stands where a word could begin.
    fn begins(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|at| self.chars.get(at));
        before.is_none_or(|before| before.is_whitespace() || matches!(before, '(' | ':' | '+' | '-' | '!'))
    }

    fn step(&mut self, letter: char) -> Result<(), Loss> {
        match letter {
            _ if letter.is_whitespace() => self.at += 1,
            ',' | ';' => self.at += 1,
            '(' => self.push(Kind::Open, 1),
            ')' => self.push(Kind::Close, 1),
            '<' if self.text(self.at, self.at + 3) == "<<<" => self.comment(),
            _ if is_quote(letter) => self.quoted()?,
            '&' | '|' if self.peek(1) == Some(letter) => {
                self.push(if letter == '&' { Kind::And } else { Kind::Or }, 2);
            }
            '&' => self.push(Kind::And, 1),
            '|' => self.push(Kind::Or, 1),
            '!' if self.begins() => self.push(Kind::Not, 1),
            '+' if self.begins() => self.push(Kind::Plus, 1),
            '-' | '−' | '–' if self.begins() && self.peek(1).is_some_and(|next| !next.is_whitespace()) => {
                self.push(Kind::Not, 1);
            }
            '~' => self.number_behind(Kind::Slop),
            '^' => self.number_behind(|_| Kind::Foreign("a boost")),
            '[' => self.until(']', "a range")?,
            '{' => self.braces()?,
            '/' if self.begins() && self.find(self.at + 1, |letter| letter == '/').is_some() => {
                self.until('/', "a regular expression")?;
            }
            _ => self.word(),
        }
        Ok(())
    }

    fn comment(&mut self) {
        let (from, mut to) = (self.at + 3, self.at + 3);
        while to < self.chars.len() && self.text(to, to + 3) != ">>>" {
            to += 1;
        }
        let words = self.text(from, to).split_whitespace().collect::<Vec<_>>().join(" ");
        self.found.comments.push(words);
        self.at = to + 3;
    }

    fn quoted(&mut self) -> Result<(), Loss> {
        let Some(end) = self.find(self.at + 1, is_quote) else {
            return Err(Loss::at(self.lines, self.at, "this quote is never closed".to_owned()));
        };
        let text = self.text(self.at + 1, end);
        self.push(Kind::Term { text, quoted: true }, end + 1 - self.at);
        Ok(())
    }

    fn number_behind(&mut self, kind: impl Fn(Option<usize>) -> Kind) {
        let end = self
            .find(self.at + 1, |letter| !letter.is_ascii_digit() && letter != '.')
            .unwrap_or(self.chars.len());
        let number = self.text(self.at + 1, end).parse().ok();
        self.push(kind(number), end - self.at);
    }

    fn until(&mut self, close: char, what: &'static str) -> Result<(), Loss> {
        let Some(end) = self.find(self.at + 1, |letter| letter == close) else {
            let opened = self.peek(0).unwrap_or(close);
            return Err(Loss::at(self.lines, self.at, format!("this {opened} is never closed")));
        };
        self.push(Kind::Foreign(what), end + 1 - self.at);
        Ok(())
    }

    /// `{Case}` is a word, `{1 TO 5}` a range.
    fn braces(&mut self) -> Result<(), Loss> {
        let end = self.find(self.at, |letter| letter == '}').unwrap_or(self.at);
        let text = self.text(self.at, end + 1);
        if end == self.at || text.contains(" TO ") {
            return self.until('}', "a range");
        }
        self.push(Kind::Term { text, quoted: true }, end + 1 - self.at);
        Ok(())
    }

    fn word(&mut self) {
        let ends = |letter: char| {
            letter.is_whitespace()
                || is_quote(letter)
                || matches!(letter, '(' | ')' | '~' | '^' | '[' | ']' | ',' | ';' | '|')
        };
        let end = self.find(self.at + 1, ends).unwrap_or(self.chars.len());
        let text = self.text(self.at, end);
        if let Some((name, _)) = text.split_once(':')
            && !name.is_empty()
            && name.chars().all(|letter| letter.is_ascii_alphabetic() || matches!(letter, '_' | '.'))
            && !matches!(name, "http" | "https")
        {
            let length = name.chars().count() + 1;
            return self.push(Kind::Field(name.to_ascii_lowercase()), length);
        }
        let kind = self.operator(&text).unwrap_or(Kind::Term { text, quoted: false });
        self.push(kind, end - self.at);
    }

    fn operator(&mut self, text: &str) -> Option<Kind> {
        let upper = text.to_ascii_uppercase();
        let kind = match upper.as_str() {
            "AND" => Kind::And,
            "OR" => Kind::Or,
            "NOT" => Kind::Not,
            _ => return self.near(text, &upper),
        };
        if text != upper {
            let message =
                format!("`{text}` is read as the operator {upper}; put it in quotes if it is a word");
            self.found.losses.push(Loss::at(self.lines, self.at, message));
        }
        Some(kind)
    }

    /// `NEAR`, `NEAR/5`, `NEAR/5f`, `NEAR5`, `ONEAR/5`, and `w/5` and `pre/5` of the news archives.
    fn near(&mut self, text: &str, upper: &str) -> Option<Kind> {
        let digits = upper.find(|letter: char| letter.is_ascii_digit()).unwrap_or(upper.len());
        let (head, number) = upper.split_at_checked(digits)?;
        let (number, forward) = number.strip_suffix('F').map_or((number, false), |number| (number, true));
        let ordered = match head.trim_end_matches('/') {
            "NEAR" => forward,
            "ONEAR" => true,
            "W" | "PRE" if head.ends_with('/') && !number.is_empty() => head.starts_with('P'),
            _ => return None,
        };
        if number.is_empty() && (text != upper || head.ends_with('/')) {
            return None;
        }
        let words = if number.is_empty() { NEAR_DEFAULT } else { number.parse().ok()? };
        if words > NEAR_MAX {
            let message = format!("{text} is more than {NEAR_MAX} words: lowered to that");
            self.found.losses.push(Loss::at(self.lines, self.at, message));
        }
        Some(Kind::Near { words: words.clamp(1, NEAR_MAX), ordered })
    }
}
