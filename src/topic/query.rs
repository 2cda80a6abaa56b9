//! The query language: text in, tree out.
//!
//! Owns the grammar (lexer, parser, bounds) and [`QueryProblem`], which points at the column. `NEAR` binds
//! tighter than `NOT`, `NOT` tighter than `AND` and `OR`; those two are never mixed without brackets, so that
//! nobody has to remember which is tighter. Refuses to evaluate; that is [`super::matcher`].
//!
//! Longer than most because the grammar and the words for its faults are one thing to read.

mod lexer;

use std::ops::Range;
use std::sync::Arc;

use super::pattern::{Glob, Phrase};
use super::{Field, ProblemSite, TopicProblem};
use lexer::{Kind, Lexeme, lex};

/// Longest query, in characters.
pub const QUERY_CHARS_MAX: usize = 10_000;
/// Deepest nesting of brackets and operators.
pub const NESTING_MAX: usize = 50;
/// Largest distance of `NEAR/n` and `ONEAR/n`, in words.
pub const NEAR_MAX: usize = 100;
/// Fewest letters before a `*`.
pub const PREFIX_LETTERS_MIN: usize = 2;

/// Something wrong in a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryProblem {
    /// Characters from the start of the query to the fault, and how many it spans.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl QueryProblem {
    /// The same problem, with its place in a topic.
    pub(super) fn at(self, site: ProblemSite) -> TopicProblem {
        TopicProblem { site, span: self.span, message: self.message, hint: self.hint }
    }

    fn new(span: Range<usize>, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { span, message: message.into(), hint: Some(hint.into()) }
    }
}

/// A query as a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// Words in a row.
    Phrase(Arc<Phrase>),
    /// `@name`: any term of a set; the number is its place in [`super::sets::Sets`].
    Set(usize),
    /// All hold.
    And(Vec<Node>),
    /// One holds.
    Or(Vec<Node>),
    /// It does not hold.
    Not(Box<Node>),
    /// `NEAR` and `ONEAR`.
    Near {
        /// What stands first, when `ordered`.
        left: Box<Node>,
        /// What stands second, when `ordered`.
        right: Box<Node>,
        /// How close.
        within: Within,
        /// Whether left must come before right.
        ordered: bool,
    },
    /// `ATLEAST/n(…)`: so many different ones hold.
    AtLeast {
        /// How many.
        count: usize,
        /// Of these.
        of: Vec<Node>,
    },
    /// `title:…`: in this field only.
    In(Field, Box<Node>),
    /// `feed:…`: about the article, not its words.
    Meta(Meta, Glob),
}

/// How close two matches must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    /// The nearest words of both are at most so many words apart, in one sentence; 1 is adjacent.
    Words(usize),
    /// In one sentence.
    Sentence,
}

/// What a `feed:`-like prefix looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meta {
    /// Feed URL.
    Feed,
    /// Publisher's domain.
    Publisher,
    /// Language code.
    Lang,
    /// Tags of the feed.
    Tag,
    /// Country codes.
    Place,
}

impl Node {
    /// Whether it yields places in the text, so that `NEAR` can measure from it.
    pub fn is_positional(&self) -> bool {
        match self {
            Self::Phrase(_) | Self::Set(_) | Self::Near { .. } => true,
            Self::Or(nodes) => nodes.iter().all(Self::is_positional),
            Self::In(_, node) => node.is_positional(),
            Self::And(_) | Self::Not(_) | Self::AtLeast { .. } | Self::Meta(..) => false,
        }
    }

    /// Whether it can only hold because something is absent.
    fn is_negative(&self) -> bool {
        match self {
            Self::Not(node) => !node.is_negative(),
            Self::And(nodes) => nodes.iter().all(Self::is_negative),
            Self::Or(nodes) => nodes.iter().any(Self::is_negative),
            Self::AtLeast { count, of } => of.iter().filter(|node| node.is_negative()).count() >= *count,
            Self::In(_, node) => node.is_negative(),
            Self::Phrase(_) | Self::Set(_) | Self::Near { .. } | Self::Meta(..) => false,
        }
    }

    /// How many levels of nodes it has.
    pub fn depth(&self) -> usize {
        1 + match self {
            Self::Phrase(_) | Self::Set(_) | Self::Meta(..) => 0,
            Self::And(nodes) | Self::Or(nodes) | Self::AtLeast { of: nodes, .. } => {
                nodes.iter().map(Self::depth).max().unwrap_or(0)
            }
            Self::Not(node) | Self::In(_, node) => node.depth(),
            Self::Near { left, right, .. } => left.depth().max(right.depth()),
        }
    }
}

/// Reads a query. `find_set` gives the place of a set by its name.
pub fn parse(text: &str, find_set: &dyn Fn(&str) -> Option<usize>) -> Result<Node, QueryProblem> {
    let chars: Vec<char> = text.chars().take(QUERY_CHARS_MAX + 1).collect();
    if chars.len() > QUERY_CHARS_MAX {
        let message = format!("this query is longer than {QUERY_CHARS_MAX} characters");
        return Err(QueryProblem::new(
            QUERY_CHARS_MAX..QUERY_CHARS_MAX + 1,
            message,
            "move words into a set and write @name",
        ));
    }
    let lexemes = lex(&chars)?;
    let mut parser = Parser { chars: &chars, lexemes: &lexemes, at: 0, depth: 0, find_set };
    if lexemes.is_empty() {
        return Err(QueryProblem::new(
            0..chars.len().max(1),
            "this query is empty",
            "write a word, a \"phrase\" or @set",
        ));
    }
    let node = parser.level()?;
    if let Some(extra) = parser.peek() {
        return Err(QueryProblem::new(
            extra.span.clone(),
            "this bracket closes nothing",
            "remove it, or open one before it",
        ));
    }
    if node.is_negative() {
        let hint = "add what it must contain: word AND NOT other";
        return Err(QueryProblem::new(
            0..chars.len(),
            "this query would hold for almost every article: it only says what must be absent",
            hint,
        ));
    }
    if node.depth() > NESTING_MAX {
        return Err(too_deep(0..chars.len()));
    }
    Ok(node)
}

/// Reads a term of a set: words in a row without quotes, or a query when it uses any of the language's signs.
pub fn parse_term(text: &str, find_set: &dyn Fn(&str) -> Option<usize>) -> Result<Node, QueryProblem> {
    let is_operator = |word: &str| {
        matches!(word, "AND" | "OR" | "NOT")
            || ["NEAR/", "ONEAR/", "ATLEAST/"].iter().any(|start| word.starts_with(start))
    };
    let query = text.contains(['"', '(', ')', '@', '“', '”']) || text.split_whitespace().any(is_operator);
    if query {
        let node = parse(text, find_set)?;
        if !node.is_positional() {
            let hint = "keep the words here and put the condition in a signal's `when`";
            return Err(QueryProblem::new(
                0..text.chars().count(),
                "a set lists words and phrases, not conditions",
                hint,
            ));
        }
        return Ok(node);
    }
    let length = text.chars().take(QUERY_CHARS_MAX + 1).count();
    if length > QUERY_CHARS_MAX {
        return Err(QueryProblem::new(
            0..1,
            format!("this term is longer than {QUERY_CHARS_MAX} characters"),
            "shorten it",
        ));
    }
    phrase(text, 0..length.max(1)).map(|phrase| Node::Phrase(Arc::new(phrase)))
}

fn phrase(text: &str, span: Range<usize>) -> Result<Phrase, QueryProblem> {
    Phrase::read(text).map_err(|(message, hint)| QueryProblem::new(span, message, hint))
}

fn too_deep(span: Range<usize>) -> QueryProblem {
    QueryProblem::new(
        span,
        format!("brackets and operators are nested more than {NESTING_MAX} deep"),
        "move a part into a set",
    )
}

struct Parser<'a> {
    chars: &'a [char],
    lexemes: &'a [Lexeme],
    at: usize,
    depth: usize,
    find_set: &'a dyn Fn(&str) -> Option<usize>,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Lexeme> {
        self.lexemes.get(self.at)
    }

    fn take(&mut self) -> Option<Lexeme> {
        let lexeme = self.lexemes.get(self.at).cloned();
        self.at += usize::from(lexeme.is_some());
        lexeme
    }

    /// The end of what has been read, to point at what is missing.
    fn here(&self) -> Range<usize> {
        let end = self
            .at
            .checked_sub(1)
            .and_then(|last| self.lexemes.get(last))
            .map_or(0, |lexeme| lexeme.span.end);
        end..end + 1
    }

    fn enter(&mut self, span: Range<usize>) -> Result<(), QueryProblem> {
        self.depth += 1;
        if self.depth > NESTING_MAX { Err(too_deep(span)) } else { Ok(()) }
    }

    /// Operands with `AND` or `OR` between them, up to a closing bracket or the end.
    fn level(&mut self) -> Result<Node, QueryProblem> {
        let mut operands: Vec<(Node, Range<usize>)> = Vec::new();
        let mut operators: Vec<(bool, Range<usize>)> = Vec::new();
        loop {
            let start = self.peek().map_or_else(|| self.here().start, |lexeme| lexeme.span.start);
            let node = self.negation()?;
            operands.push((node, start..self.here().start));
            let Some(next) = self.peek() else { break };
            match next.kind {
                Kind::And => operators.push((true, next.span.clone())),
                Kind::Or => operators.push((false, next.span.clone())),
                Kind::Close => break,
                _ => return Err(self.missing_operator(next)),
            }
            self.at += 1;
        }
        let is_and = operators.first().is_some_and(|(is_and, _)| *is_and);
        if let Some((_, span)) = operators.iter().find(|(other, _)| *other != is_and) {
            return Err(self.mixed(&operands, &operators, span.clone()));
        }
        let mut nodes: Vec<Node> = operands.into_iter().map(|(node, _)| node).collect();
        match (nodes.len(), is_and) {
            (1, _) => nodes.pop().ok_or_else(|| self.missing_operand()),
            (_, true) => Ok(Node::And(nodes)),
            (_, false) => Ok(Node::Or(nodes)),
        }
    }

    fn missing_operator(&self, next: &Lexeme) -> QueryProblem {
        let before = self.at.checked_sub(1).and_then(|at| self.lexemes.get(at));
        for lexeme in [before, Some(next)].into_iter().flatten() {
            if let Kind::Term { text, quoted: false } = &lexeme.kind
                && matches!(text.to_ascii_uppercase().as_str(), "AND" | "OR" | "NOT" | "NEAR" | "ONEAR")
            {
                let hint = format!("operators are written in capitals: {}", text.to_ascii_uppercase());
                return QueryProblem::new(lexeme.span.clone(), format!("`{text}` is read as a word"), hint);
            }
        }
        let hint = match next.kind {
            Kind::Not => "write AND NOT",
            _ => "put AND, OR or quotes between them",
        };
        QueryProblem::new(next.span.clone(), "an operator is missing before this", hint)
    }

    fn missing_operand(&self) -> QueryProblem {
        let span = self.peek().map_or_else(|| self.here(), |lexeme| lexeme.span.clone());
        QueryProblem::new(
            span,
            "a word, \"phrase\", @set or ( is missing here",
            "finish the expression, or remove the operator before it",
        )
    }

    /// The error for `a AND b OR c`, with both readings written out.
    fn mixed(
        &self,
        operands: &[(Node, Range<usize>)],
        operators: &[(bool, Range<usize>)],
        span: Range<usize>,
    ) -> QueryProblem {
        let written = |range: &Range<usize>| {
            self.chars.get(range.clone()).unwrap_or_default().iter().collect::<String>()
        };
        let reading = |tight: bool| {
            let mut groups = vec![vec![0]];
            for (index, (is_and, _)) in operators.iter().enumerate() {
                match groups.last_mut() {
                    Some(group) if *is_and == tight => group.push(index + 1),
                    _ => groups.push(vec![index + 1]),
                }
            }
            let inner = if tight { " AND " } else { " OR " };
            let outer = if tight { " OR " } else { " AND " };
            let texts = groups.iter().map(|group| {
                let parts: Vec<String> = group
                    .iter()
                    .filter_map(|&index| operands.get(index))
                    .map(|(_, range)| written(range))
                    .collect();
                if parts.len() > 1 { format!("({})", parts.join(inner)) } else { parts.concat() }
            });
            texts.collect::<Vec<_>>().join(outer)
        };
        let hint = format!("write `{}` or `{}`", reading(true), reading(false));
        QueryProblem::new(span, "AND and OR are mixed without brackets", hint)
    }

    fn negation(&mut self) -> Result<Node, QueryProblem> {
        let Some(Lexeme { kind: Kind::Not, span }) = self.peek().cloned() else { return self.proximity() };
        self.at += 1;
        self.enter(span)?;
        let node = self.negation()?;
        self.depth -= 1;
        Ok(Node::Not(Box::new(node)))
    }

    /// Operands with `NEAR` between them, read left to right.
    fn proximity(&mut self) -> Result<Node, QueryProblem> {
        let start = self.peek().map_or(0, |lexeme| lexeme.span.start);
        let mut left = self.operand()?;
        let mut chained = 0;
        while let Some(Lexeme { kind: Kind::Near { within, ordered }, span }) = self.peek().cloned() {
            Self::measurable(&left, start..self.here().start)?;
            self.at += 1;
            chained += 1;
            if chained > NESTING_MAX {
                return Err(too_deep(span));
            }
            let right_start = self.peek().map_or_else(|| self.here().start, |lexeme| lexeme.span.start);
            if let Some(Lexeme { kind: Kind::Not, span }) = self.peek() {
                return Err(not_in_near(span.clone()));
            }
            let right = self.operand()?;
            Self::measurable(&right, right_start..self.here().start)?;
            left = Node::Near { left: Box::new(left), right: Box::new(right), within, ordered };
        }
        Ok(left)
    }

    fn measurable(node: &Node, span: Range<usize>) -> Result<(), QueryProblem> {
        if node.is_positional() { Ok(()) } else { Err(not_in_near(span)) }
    }

    fn operand(&mut self) -> Result<Node, QueryProblem> {
        let Some(lexeme) = self.take() else { return Err(self.missing_operand()) };
        let span = lexeme.span.clone();
        match lexeme.kind {
            Kind::Term { text, .. } => phrase(&text, span).map(|phrase| Node::Phrase(Arc::new(phrase))),
            Kind::Set(name) => (self.find_set)(&name).map(Node::Set).ok_or_else(|| {
                let hint = format!(
                    "add {name} under [sets], or check its spelling (a set is named without its language)"
                );
                QueryProblem::new(span, format!("there is no set @{name}"), hint)
            }),
            Kind::Open => self.bracket(span),
            Kind::In(field) => {
                self.enter(span)?;
                let node = self.operand()?;
                self.depth -= 1;
                Ok(Node::In(field, Box::new(node)))
            }
            Kind::Meta(meta) => self.meta(meta, span),
            Kind::AtLeast(count) => self.at_least(count, span),
            Kind::And | Kind::Or | Kind::Near { .. } | Kind::Not | Kind::Close => {
                self.at -= 1;
                Err(self.missing_operand())
            }
        }
    }

    fn bracket(&mut self, open: Range<usize>) -> Result<Node, QueryProblem> {
        self.enter(open.clone())?;
        let node = self.level()?;
        self.depth -= 1;
        match self.take() {
            Some(Lexeme { kind: Kind::Close, .. }) => Ok(node),
            _ => Err(QueryProblem::new(open, "this bracket is never closed", "add ) where it ends")),
        }
    }

    fn meta(&mut self, meta: Meta, span: Range<usize>) -> Result<Node, QueryProblem> {
        match self.take() {
            Some(Lexeme { kind: Kind::Term { text, .. }, .. }) if !text.trim().is_empty() => {
                Ok(Node::Meta(meta, Glob::new(text.trim())))
            }
            _ => Err(QueryProblem::new(
                span,
                "a value is missing after this",
                "write a word or \"text\" right after the colon; * stands for anything",
            )),
        }
    }

    /// The operands of `ATLEAST`, side by side.
    fn at_least(&mut self, count: usize, span: Range<usize>) -> Result<Node, QueryProblem> {
        let Some(Lexeme { kind: Kind::Open, span: open }) = self.take() else {
            return Err(QueryProblem::new(span, "ATLEAST needs a bracket", "write ATLEAST/2(one two three)"));
        };
        self.enter(open.clone())?;
        let mut of = Vec::new();
        loop {
            match self.peek() {
                None => {
                    return Err(QueryProblem::new(
                        open,
                        "this bracket is never closed",
                        "add ) where it ends",
                    ));
                }
                Some(Lexeme { kind: Kind::Close, .. }) => break,
                Some(Lexeme { kind: Kind::And | Kind::Or, span }) => {
                    let hint = "list them side by side, with brackets around a choice: ATLEAST/2(one two (three OR four))";
                    return Err(QueryProblem::new(
                        span.clone(),
                        "the operands of ATLEAST stand without AND and OR",
                        hint,
                    ));
                }
                Some(_) => of.push(self.negation()?),
            }
        }
        self.at += 1;
        self.depth -= 1;
        if of.len() < count {
            let message = format!("ATLEAST/{count} can never hold: it lists {}", of.len());
            return Err(QueryProblem::new(span, message, "lower the number or list more"));
        }
        Ok(Node::AtLeast { count, of })
    }
}

fn not_in_near(span: Range<usize>) -> QueryProblem {
    let hint = "NEAR measures between words: give it a word, \"phrase\", @set or a bracketed OR of these, and put NOT, AND and field: conditions outside";
    QueryProblem::new(span, "NEAR cannot measure from this", hint)
}
