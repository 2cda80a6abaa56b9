//! Search strings of Meltwater, Brandwatch, Lucene and their kin, as a tree.
//!
//! Owns the grammar: `NEAR` binds tighter than `NOT`, `NOT` than `AND`, `AND` than `OR`, as all of them have it;
//! what stands side by side is joined by `AND`, unless a `+` says that the rest is optional (Lucene). Refuses to lay it out.

use super::lexer::{Kind, Piece, lex};
use super::tree::{Tree, near};
use super::{Import, Lines, Loss, term, write};
use crate::article::language::code;
use crate::topic::query::{NEAR_MAX, NESTING_MAX};
use crate::topic::sets::TERMS_MAX;

/// Most parts two sides of a `NEAR` may have together, one multiplied with the other.
const PARTS_MAX: usize = 50_000;

/// Reads a search string and lays it out as a topic.
pub(super) fn import(text: &str) -> Result<Import, Loss> {
    let chars: Vec<char> = text.chars().collect();
    let lines = Lines::of(&chars);
    let found = lex(&chars, &lines)?;
    let mut terms = found.pieces.iter().filter(|piece| matches!(piece.kind, Kind::Term { .. }));
    if let Some(extra) = terms.nth(TERMS_MAX) {
        let message = format!("these are more than {TERMS_MAX} terms: import them in parts");
        return Err(Loss::at(&lines, extra.at, message));
    }
    let mut parser = Parser {
        chars: &chars,
        lines: &lines,
        pieces: &found.pieces,
        at: 0,
        depth: 0,
        losses: found.losses,
        optional: Vec::new(),
    };
    let tree = parser.any_of()?;
    if let Some(extra) = parser.peek() {
        return Err(Loss::at(&lines, extra.at, "this bracket closes nothing".to_owned()));
    }
    let tree = tree.settled();
    let (senseless, optional): (Vec<Tree>, Vec<Tree>) =
        parser.optional.into_iter().map(Tree::settled).partition(Tree::is_negative);
    let first = |message: &str| Loss { line: 1, column: 1, message: message.to_owned() };
    if tree == Tree::Nothing {
        return Err(first("nothing of this can be looked for here"));
    }
    if tree.is_negative() {
        return Err(first(
            "an alternative of this only says what must be absent: name what it looks for, too",
        ));
    }
    let mut losses = parser.losses;
    if !senseless.is_empty() {
        losses.push(first("an optional part only says what must be absent: left out"));
    }
    let mut draft = write::draft(tree, &optional);
    draft.comments.extend(found.comments.iter().filter(|comment| !comment.is_empty()).cloned());
    Ok(Import { draft, losses })
}

struct Parser<'a> {
    chars: &'a [char],
    lines: &'a Lines,
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
        self.losses.push(Loss::at(self.lines, at, message.into()));
    }

    /// Where the next piece stands.
    fn here(&self) -> usize {
        self.peek().map_or(self.chars.len(), |piece| piece.at)
    }

    fn deeper(&mut self) -> Result<(), Loss> {
        self.depth += 1;
        if self.depth > NESTING_MAX {
            let message = format!("brackets are nested more than {NESTING_MAX} deep");
            return Err(Loss::at(self.lines, self.here(), message));
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
        let mut chained = 0_usize;
        while let Some(Piece { kind: Kind::Near { words, ordered }, at }) = self.peek().cloned() {
            self.at += 1;
            chained += 1;
            let right = self.operand()?.settled();
            left = left.settled();
            // What NEAR cannot measure from is drawn apart, each part with each: a bound keeps that from exploding.
            if chained > NESTING_MAX || left.size().saturating_mul(right.size()) > PARTS_MAX {
                return Err(Loss::at(
                    self.lines,
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
            return Err(Loss::at(self.lines, self.chars.len(), "a word is missing at the end".to_owned()));
        };
        self.at += 1;
        let tree = match piece.kind {
            Kind::Open => {
                let tree = self.any_of()?;
                if !self.next_is(&Kind::Close) {
                    return Err(Loss::at(self.lines, piece.at, "this bracket is never closed".to_owned()));
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
                return Err(Loss::at(self.lines, piece.at, "a word is missing before this".to_owned()));
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
