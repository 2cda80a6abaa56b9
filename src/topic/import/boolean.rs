//! Search strings of Meltwater, Brandwatch, Lucene and their kin, as a tree.
//!
//! Owns [`Tree`] and the grammar: `NEAR` binds tighter than `NOT`, `NOT` than `AND`, `AND` than `OR`, as all of them have it;
//! what stands side by side is joined by `AND`, unless a `+` says that the rest is optional (Lucene). Refuses to lay it out.

use super::lexer::{Kind, Piece, lex};
use super::{Import, Loss, term, write};
use crate::article::language::code;
use crate::topic::query::{NEAR_MAX, NESTING_MAX};

/// Most parts two sides of a `NEAR` may have together, one multiplied with the other.
const PARTS_MAX: usize = 1_000_000;

/// A search string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tree {
    /// A term of ours, without quotes.
    Words(String),
    /// `publisher:` and the like, with its value.
    Meta(&'static str, String),
    /// `title:` and the like.
    In(&'static str, Box<Tree>),
    And(Vec<Tree>),
    Or(Vec<Tree>),
    Not(Box<Tree>),
    Near {
        left: Box<Tree>,
        right: Box<Tree>,
        words: usize,
        ordered: bool,
    },
    /// What could not be said.
    Nothing,
}

/// Reads a search string and lays it out as a topic.
pub(super) fn import(text: &str) -> Result<Import, Loss> {
    let chars: Vec<char> = text.chars().collect();
    let found = lex(&chars)?;
    let mut parser = Parser {
        chars: &chars,
        pieces: &found.pieces,
        at: 0,
        depth: 0,
        losses: found.losses,
        optional: Vec::new(),
    };
    let tree = parser.any_of()?;
    if let Some(extra) = parser.peek() {
        return Err(Loss::at(&chars, extra.at, "this bracket closes nothing".to_owned()));
    }
    let tree = tree.settled();
    let optional: Vec<Tree> = parser.optional.into_iter().map(Tree::settled).collect();
    if tree == Tree::Nothing {
        return Err(Loss {
            line: 1,
            column: 1,
            message: "nothing of this can be looked for here".to_owned(),
        });
    }
    let mut draft = write::draft(tree, &optional);
    draft.comments.extend(found.comments.iter().filter(|comment| !comment.is_empty()).cloned());
    Ok(Import { draft, losses: parser.losses })
}

struct Parser<'a> {
    chars: &'a [char],
    pieces: &'a [Piece],
    at: usize,
    depth: usize,
    losses: Vec<Loss>,
    /// Lucene's optional parts beside required ones.
    optional: Vec<Tree>,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Piece> {
        self.pieces.get(self.at)
    }

    fn next_is(&mut self, kind: &Kind) -> bool {
        let is_next = self.peek().is_some_and(|piece| piece.kind == *kind);
        self.at += usize::from(is_next);
        is_next
    }

    fn lose(&mut self, at: usize, message: impl Into<String>) {
        self.losses.push(Loss::at(self.chars, at, message.into()));
    }

    /// Where the next piece stands.
    fn here(&self) -> usize {
        self.peek().map_or(self.chars.len(), |piece| piece.at)
    }

    fn deeper(&mut self) -> Result<(), Loss> {
        self.depth += 1;
        if self.depth > NESTING_MAX {
            let message = format!("brackets are nested more than {NESTING_MAX} deep");
            return Err(Loss::at(self.chars, self.here(), message));
        }
        Ok(())
    }

    fn any_of(&mut self) -> Result<Tree, Loss> {
        self.deeper()?;
        let mut parts = vec![self.all_of()?];
        while self.next_is(&Kind::Or) {
            parts.push(self.all_of()?);
        }
        self.depth -= 1;
        Ok(Tree::Or(parts))
    }

    fn all_of(&mut self) -> Result<Tree, Loss> {
        let (mut required, mut others) = (Vec::new(), Vec::new());
        let mut is_doubtful = None;
        while let Some(piece) = self.peek() {
            let at = piece.at;
            match piece.kind {
                Kind::Or | Kind::Close => break,
                Kind::And => self.at += 1,
                Kind::Plus => {
                    self.at += 1;
                    let part = self.negation()?;
                    required.push(part);
                }
                _ => {
                    let follows =
                        self.at.checked_sub(1).and_then(|at| self.pieces.get(at)).map(|piece| &piece.kind);
                    let is_side_by_side = !matches!(
                        follows,
                        None | Some(Kind::Open | Kind::And | Kind::Or | Kind::Not | Kind::Field(_))
                    );
                    if is_side_by_side && !matches!(piece.kind, Kind::Not | Kind::Foreign(_)) {
                        is_doubtful.get_or_insert(at);
                    }
                    let part = self.negation()?;
                    others.push(part);
                }
            }
        }
        if required.is_empty() {
            if let Some(at) = is_doubtful {
                self.lose(at, "no operator stands before this: read as AND");
            }
            return Ok(Tree::And(others));
        }
        // Beside what is required, what is excluded stays, and the rest only raises the score.
        for part in others {
            if matches!(part, Tree::Not(_)) { required.push(part) } else { self.optional.push(part) }
        }
        Ok(Tree::And(required))
    }

    fn negation(&mut self) -> Result<Tree, Loss> {
        let mut is_negated = false;
        while self.next_is(&Kind::Not) {
            is_negated = !is_negated;
        }
        let tree = self.proximity()?;
        Ok(if is_negated { Tree::Not(Box::new(tree)) } else { tree })
    }

    fn proximity(&mut self) -> Result<Tree, Loss> {
        let mut left = self.operand()?;
        while let Some(Piece { kind: Kind::Near { words, ordered }, at }) = self.peek().cloned() {
            self.at += 1;
            let right = self.operand()?.settled();
            left = left.settled();
            // What NEAR cannot measure from is drawn apart, each part with each: a bound keeps that from exploding.
            if left.size().saturating_mul(right.size()) > PARTS_MAX {
                return Err(Loss::at(
                    self.chars,
                    at,
                    "too much stands around this NEAR: import it in parts".to_owned(),
                ));
            }
            left = near(left, right, words, ordered);
        }
        Ok(left)
    }

    fn operand(&mut self) -> Result<Tree, Loss> {
        let Some(piece) = self.peek().cloned() else {
            return Err(Loss::at(self.chars, self.chars.len(), "a word is missing at the end".to_owned()));
        };
        self.at += 1;
        let tree = match piece.kind {
            Kind::Open => {
                let tree = self.any_of()?;
                if !self.next_is(&Kind::Close) {
                    return Err(Loss::at(self.chars, piece.at, "this bracket is never closed".to_owned()));
                }
                tree
            }
            Kind::Term { text, quoted } => return Ok(self.term(&text, quoted, piece.at)),
            Kind::Field(name) => self.field(&name, piece.at)?,
            Kind::Foreign(what) => {
                self.lose(piece.at, format!("{what} has no counterpart here: left out"));
                Tree::Nothing
            }
            Kind::Slop(_) => {
                self.lose(piece.at, "this ~ stands behind nothing: left out");
                Tree::Nothing
            }
            Kind::Close | Kind::And | Kind::Or | Kind::Not | Kind::Plus | Kind::Near { .. } => {
                return Err(Loss::at(self.chars, piece.at, "a word is missing before this".to_owned()));
            }
        };
        Ok(self.behind(tree))
    }

    /// A word or phrase with what stands behind it.
    fn term(&mut self, text: &str, quoted: bool, at: usize) -> Tree {
        let read = term::read(text, '*', '?');
        for change in read.iter().flat_map(|read| read.changes.clone()) {
            self.lose(at, change);
        }
        let text = read.map(|read| read.text).unwrap_or_default();
        let tree = if text.is_empty() { Tree::Nothing } else { Tree::Words(text.clone()) };
        let slop = match self.peek().map(|piece| &piece.kind) {
            Some(Kind::Slop(slop)) if quoted => *slop,
            _ => return self.behind(tree),
        };
        self.at += 1;
        // Lucene counts the words between, we count the steps from one to the other.
        let words = slop.unwrap_or(0).saturating_add(1).min(NEAR_MAX);
        let mut each = text.split(' ').map(|word| Tree::Words(word.to_owned()));
        let first = each.next().unwrap_or(tree);
        let joined = each.fold(first, |left, right| near(left, right, words, false));
        self.behind(joined)
    }

    /// Boosts and fuzziness behind something: it stays, they go.
    fn behind(&mut self, tree: Tree) -> Tree {
        while let Some(piece) = self.peek() {
            let (at, what) = match piece.kind {
                Kind::Foreign("a boost") => (piece.at, "a boost"),
                Kind::Slop(_) => (piece.at, "fuzziness"),
                _ => break,
            };
            self.at += 1;
            self.lose(at, format!("{what} has no counterpart here: left out, what stands before it is kept"));
        }
        tree
    }

    fn field(&mut self, name: &str, at: usize) -> Result<Tree, Loss> {
        self.deeper()?;
        let losses_before = self.losses.len();
        let inside = self.operand()?;
        self.depth -= 1;
        Ok(match name {
            "title" | "headline" | "intitle" => Tree::In("title", Box::new(inside)),
            "ingress" | "summary" | "lead" | "description" => Tree::In("summary", Box::new(inside)),
            "body" | "content" | "text" => Tree::In("body", Box::new(inside)),
            "site" | "domain" | "source" | "host" | "publisher" => {
                self.values(inside, "publisher", at, |value| Ok(publisher(value)))
            }
            "country" | "place" => self.values(inside, "place", at, |value| {
                let is_code = value.len() == 2 && value.chars().all(|letter| letter.is_ascii_alphabetic());
                let hint = format!(
                    "country `{value}` is no ISO 3166-1 code of two letters: left out, write place:XX"
                );
                if is_code { Ok(value.to_ascii_uppercase()) } else { Err(hint) }
            }),
            "lang" | "language" => self.values(inside, "lang", at, |value| {
                language(value).ok_or_else(|| format!("`{value}` is no language known here: left out"))
            }),
            "tag" => self.values(inside, "tag", at, |value| Ok(value.to_owned())),
            _ => {
                let end = self.here();
                let asked: String = self.chars.get(at..end).unwrap_or_default().iter().collect();
                let asked = asked
                    .trim_end_matches(|letter: char| letter.is_whitespace() || matches!(letter, '(' | ')'));
                self.losses.truncate(losses_before);
                self.lose(at, format!("`{asked}`: {name}: has no counterpart here: left out"));
                Tree::Nothing
            }
        })
    }

    /// What is asked of the article: every word inside is a value.
    fn values(
        &mut self,
        tree: Tree,
        meta: &'static str,
        at: usize,
        read: impl Copy + Fn(&str) -> Result<String, String>,
    ) -> Tree {
        match tree {
            Tree::Words(value) => match read(&value) {
                Ok(value) => Tree::Meta(meta, value),
                Err(message) => {
                    self.lose(at, message);
                    Tree::Nothing
                }
            },
            Tree::Or(trees) => {
                Tree::Or(trees.into_iter().map(|tree| self.values(tree, meta, at, read)).collect())
            }
            Tree::And(trees) => {
                Tree::And(trees.into_iter().map(|tree| self.values(tree, meta, at, read)).collect())
            }
            Tree::Not(tree) => Tree::Not(Box::new(self.values(*tree, meta, at, read))),
            other => other,
        }
    }
}

/// A domain as articles have it; a name becomes the beginning of one.
fn publisher(value: &str) -> String {
    let host = value.trim_start_matches("https://").trim_start_matches("http://").trim_start_matches("www.");
    let host = host.split('/').next().unwrap_or_default().to_lowercase();
    if host.contains('.') { host } else { format!("{}*", host.replace([' ', '*'], "")) }
}

fn language(value: &str) -> Option<String> {
    const NAMES: [(&str, &str); 12] = [
        ("english", "en"),
        ("french", "fr"),
        ("spanish", "es"),
        ("arabic", "ar"),
        ("russian", "ru"),
        ("ukrainian", "uk"),
        ("german", "de"),
        ("portuguese", "pt"),
        ("persian", "fa"),
        ("farsi", "fa"),
        ("turkish", "tr"),
        ("italian", "it"),
    ];
    let name = value.to_lowercase();
    let known = NAMES.iter().find(|(known, _)| *known == name).map(|(_, code)| (*code).to_owned());
    known.or_else(|| code(&name).filter(|code| code.len() == 2))
}

/// `NEAR`, drawn inwards over what it cannot measure from: `(a AND b) NEAR c` is `(a NEAR c) AND (b NEAR c)`.
fn near(left: Tree, right: Tree, words: usize, ordered: bool) -> Tree {
    let with = |left: Tree, right: Tree| near(left, right, words, ordered);
    match (left, right) {
        (Tree::Nothing, other) | (other, Tree::Nothing) => other,
        (Tree::And(parts), right) => {
            Tree::And(parts.into_iter().map(|part| with(part, right.clone())).collect())
        }
        (left, Tree::And(parts)) => {
            Tree::And(parts.into_iter().map(|part| with(left.clone(), part)).collect())
        }
        (Tree::Not(left), right) => Tree::Not(Box::new(with(*left, right))),
        (left, Tree::Not(right)) => Tree::Not(Box::new(with(left, *right))),
        (meta @ Tree::Meta(..), other) | (other, meta @ Tree::Meta(..)) => Tree::And(vec![meta, other]),
        (Tree::Or(parts), right) if !parts.iter().all(Tree::has_place) => {
            Tree::Or(parts.into_iter().map(|part| with(part, right.clone())).collect())
        }
        (left, Tree::Or(parts)) if !parts.iter().all(Tree::has_place) => {
            Tree::Or(parts.into_iter().map(|part| with(left.clone(), part)).collect())
        }
        (left, right) => Tree::Near { left: Box::new(left), right: Box::new(right), words, ordered },
    }
}

impl Tree {
    /// Whether `NEAR` can measure from it.
    fn has_place(&self) -> bool {
        match self {
            Self::Words(_) | Self::Near { .. } => true,
            Self::In(_, tree) => tree.has_place(),
            Self::Or(trees) => trees.iter().all(Self::has_place),
            Self::And(trees) => matches!(trees.as_slice(), [one] if one.has_place()),
            Self::Not(_) | Self::Meta(..) | Self::Nothing => false,
        }
    }

    /// How many nodes it has.
    fn size(&self) -> usize {
        1 + match self {
            Self::And(trees) | Self::Or(trees) => trees.iter().map(Self::size).sum(),
            Self::Not(tree) | Self::In(_, tree) => tree.size(),
            Self::Near { left, right, .. } => left.size() + right.size(),
            Self::Words(_) | Self::Meta(..) | Self::Nothing => 0,
        }
    }

    /// The same without empty parts, without brackets around one thing, and with what repeats its kind drawn up.
    fn settled(self) -> Self {
        match self {
            Self::And(trees) => Self::joined(trees, true),
            Self::Or(trees) => Self::joined(trees, false),
            Self::Not(tree) => match tree.settled() {
                Self::Nothing => Self::Nothing,
                Self::Not(inner) => *inner,
                tree => Self::Not(Box::new(tree)),
            },
            Self::In(field, tree) => match tree.settled() {
                Self::Nothing => Self::Nothing,
                Self::And(trees) => {
                    Self::And(trees.into_iter().map(|tree| Self::In(field, Box::new(tree))).collect())
                        .settled()
                }
                Self::Not(tree) => Self::Not(Box::new(Self::In(field, tree))).settled(),
                Self::Or(trees) if !trees.iter().all(Self::has_place) => {
                    Self::Or(trees.into_iter().map(|tree| Self::In(field, Box::new(tree))).collect())
                        .settled()
                }
                tree @ (Self::Meta(..) | Self::In(..)) => tree,
                tree => Self::In(field, Box::new(tree)),
            },
            Self::Near { left, right, words, ordered } => match (left.settled(), right.settled()) {
                (Self::Nothing, other) | (other, Self::Nothing) => other,
                (left, right) if left.has_place() && right.has_place() => {
                    Self::Near { left: Box::new(left), right: Box::new(right), words, ordered }
                }
                (left, right) => near(left, right, words, ordered),
            },
            Self::Words(_) | Self::Meta(..) | Self::Nothing => self,
        }
    }

    fn joined(trees: Vec<Self>, is_and: bool) -> Self {
        let mut parts: Vec<Self> = Vec::new();
        for tree in trees {
            match tree.settled() {
                Self::Nothing => {}
                Self::And(inner) if is_and => parts.extend(inner),
                Self::Or(inner) if !is_and => parts.extend(inner),
                tree if parts.contains(&tree) => {}
                tree => parts.push(tree),
            }
        }
        match parts.len() {
            0 => Self::Nothing,
            1 => parts.pop().unwrap_or(Self::Nothing),
            _ if is_and => Self::And(parts),
            _ => Self::Or(parts),
        }
    }
}
