//! The pieces of a query: brackets, operators, prefixes and terms, with their columns.
//!
//! Owns [`Lexeme`]. Refuses to know how pieces combine.

use std::ops::Range;

use super::{Meta, NEAR_MAX, QueryProblem, Within};
use crate::topic::Field;

/// A piece of a query.
#[derive(Debug, Clone)]
pub(super) struct Lexeme {
    pub(super) kind: Kind,
    /// Characters of the query.
    pub(super) span: Range<usize>,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Open,
    Close,
    And,
    Or,
    Not,
    Near {
        within: Within,
        ordered: bool,
    },
    AtLeast(usize),
    /// A word, a quoted phrase or `{Case}`, as written, without its quotes.
    Term {
        text: String,
        quoted: bool,
    },
    Set(String),
    In(Field),
    Meta(Meta),
}

/// Cuts a query into pieces.
pub(super) fn lex(chars: &[char]) -> Result<Vec<Lexeme>, QueryProblem> {
    Lexer { chars, at: 0, lexemes: Vec::new() }.run()
}

struct Lexer<'a> {
    chars: &'a [char],
    at: usize,
    lexemes: Vec<Lexeme>,
}

impl Lexer<'_> {
    fn run(mut self) -> Result<Vec<Lexeme>, QueryProblem> {
        while let Some(&letter) = self.chars.get(self.at) {
            let start = self.at;
            match letter {
                _ if letter.is_whitespace() => self.at += 1,
                '(' => self.push_one(Kind::Open),
                ')' => self.push_one(Kind::Close),
                '"' => self.quoted()?,
                '“' | '”' | '„' | '«' | '»' | '‘' | '‚' => {
                    return Err(QueryProblem::new(
                        start..start + 1,
                        format!("{letter} is a typographic quote, which says nothing here"),
                        "use straight quotes: \"two words\"",
                    ));
                }
                '}' => {
                    return Err(QueryProblem::new(
                        start..start + 1,
                        "this } closes nothing",
                        "write {Word} to keep its case",
                    ));
                }
                _ => self.word()?,
            }
        }
        Ok(self.lexemes)
    }

    fn push_one(&mut self, kind: Kind) {
        self.push(kind, self.at, self.at + 1);
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) {
        self.lexemes.push(Lexeme { kind, span: start..end });
        self.at = end;
    }

    fn find(&self, from: usize, wanted: char) -> Option<usize> {
        self.chars.iter().skip(from).position(|&letter| letter == wanted).map(|offset| from + offset)
    }

    fn slice(&self, range: Range<usize>) -> String {
        self.chars.get(range).unwrap_or_default().iter().collect()
    }

    fn quoted(&mut self) -> Result<(), QueryProblem> {
        let start = self.at;
        let Some(end) = self.find(start + 1, '"') else {
            return Err(QueryProblem::new(
                start..start + 1,
                "this quote is never closed",
                "add \" at the end of the phrase",
            ));
        };
        let text = self.slice(start + 1..end);
        self.push(Kind::Term { text, quoted: true }, start, end + 1);
        Ok(())
    }

    /// Reads up to white space, a bracket or a quote; braces inside are taken whole.
    fn word(&mut self) -> Result<(), QueryProblem> {
        let start = self.at;
        let mut end = start;
        while let Some(&letter) = self.chars.get(end) {
            if letter == '{' {
                let Some(close) = self.find(end, '}') else {
                    return Err(QueryProblem::new(
                        end..end + 1,
                        "this { is never closed",
                        "write {Word} to keep its case",
                    ));
                };
                end = close + 1;
            } else if letter.is_whitespace()
                || matches!(letter, '(' | ')' | '"' | '}' | '“' | '”' | '«' | '»')
            {
                break;
            } else {
                end += 1;
                if letter == ':' && prefix(&self.slice(start..end - 1)).is_some() {
                    break;
                }
            }
        }
        let text = self.slice(start..end);
        let kind = Self::classify(text, start..end)?;
        self.push(kind, start, end);
        Ok(())
    }

    fn classify(text: String, span: Range<usize>) -> Result<Kind, QueryProblem> {
        if let Some(name) = text.strip_prefix('@') {
            if name.is_empty() {
                return Err(QueryProblem::new(
                    span,
                    "@ needs the name of a set",
                    "write @name, as under [sets]",
                ));
            }
            return Ok(Kind::Set(name.to_owned()));
        }
        if let Some(kind) = text.strip_suffix(':').and_then(prefix) {
            return Ok(kind);
        }
        match text.as_str() {
            "AND" => return Ok(Kind::And),
            "OR" => return Ok(Kind::Or),
            "NOT" => return Ok(Kind::Not),
            "&&" | "||" | "&" | "|" | "+" => {
                return Err(QueryProblem::new(
                    span,
                    format!("{text} is no operator here"),
                    "write AND, OR or NOT",
                ));
            }
            _ => {}
        }
        let (head, number) =
            text.split_once('/').map_or((text.as_str(), None), |(head, number)| (head, Some(number)));
        match (head, number) {
            ("NEAR" | "ONEAR", _) => near(head, number, span),
            ("ATLEAST", _) => at_least(number, span),
            (_, Some(_)) if matches!(head.to_ascii_uppercase().as_str(), "NEAR" | "ONEAR" | "ATLEAST") => {
                let hint = format!("write {} in capitals", head.to_ascii_uppercase());
                Err(QueryProblem::new(span, format!("{head} is not an operator in lower case"), hint))
            }
            _ => {
                if let Some((key, _)) = text.split_once(':')
                    && !key.is_empty()
                    && key.chars().all(|letter| letter.is_ascii_alphabetic())
                {
                    let hint = "fields are title: summary: body: feed: publisher: lang: tag: place:; put quotes around a colon in text";
                    return Err(QueryProblem::new(
                        span.start..span.start + key.len() + 1,
                        format!("there is no field {key}:"),
                        hint,
                    ));
                }
                Ok(Kind::Term { text, quoted: false })
            }
        }
    }
}

fn prefix(name: &str) -> Option<Kind> {
    Some(match name {
        "title" => Kind::In(Field::Title),
        "summary" => Kind::In(Field::Summary),
        "body" => Kind::In(Field::Body),
        "feed" => Kind::Meta(Meta::Feed),
        "publisher" => Kind::Meta(Meta::Publisher),
        "lang" => Kind::Meta(Meta::Lang),
        "tag" => Kind::Meta(Meta::Tag),
        "place" => Kind::Meta(Meta::Place),
        _ => return None,
    })
}

fn near(head: &str, number: Option<&str>, span: Range<usize>) -> Result<Kind, QueryProblem> {
    let ordered = head == "ONEAR";
    if number == Some("S") {
        return Ok(Kind::Near { within: Within::Sentence, ordered });
    }
    if let Some(words @ 1..=NEAR_MAX) = number.and_then(|number| number.parse::<usize>().ok()) {
        return Ok(Kind::Near { within: Within::Words(words), ordered });
    }
    let message = format!("{head} needs a distance of 1 to {NEAR_MAX} words, or S for the same sentence");
    Err(QueryProblem::new(span, message, format!("write {head}/6 or {head}/S")))
}

fn at_least(number: Option<&str>, span: Range<usize>) -> Result<Kind, QueryProblem> {
    match number.and_then(|number| number.parse::<usize>().ok()) {
        Some(count @ 1..) => Ok(Kind::AtLeast(count)),
        _ => Err(QueryProblem::new(
            span,
            "ATLEAST needs a number, 1 or more",
            "write ATLEAST/2(one two three)",
        )),
    }
}
