//! A search string of another system as a tree.
//!
//! Owns [`Tree`], its settled form, and what `NEAR` means over what it cannot measure from. Refuses to read or to write it.

use std::collections::HashSet;

/// A search string.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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

/// `NEAR`, drawn inwards over what it cannot measure from: `(a AND b) NEAR c` is `(a NEAR c) AND (b NEAR c)`.
pub(super) fn near(left: Tree, right: Tree, words: usize, ordered: bool) -> Tree {
    let with = |left: Tree, right: Tree| near(left, right, words, ordered);
    match (left, right) {
        (Tree::Nothing, other) | (other, Tree::Nothing) => other,
        // What must not stand near something still asks for that: `a NEAR (NOT b)` is `a AND NOT (a NEAR b)`.
        (left, Tree::Not(right)) => Tree::And(vec![left.clone(), Tree::Not(Box::new(with(left, *right)))]),
        (Tree::Not(left), right) => Tree::And(vec![right.clone(), Tree::Not(Box::new(with(*left, right)))]),
        (Tree::And(parts), right) => {
            Tree::And(parts.into_iter().map(|part| with(part, right.clone())).collect())
        }
        (left, Tree::And(parts)) => {
            Tree::And(parts.into_iter().map(|part| with(left.clone(), part)).collect())
        }
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

    /// Whether it can only hold because something is absent: such a signal would hold for almost every article.
    pub(super) fn is_negative(&self) -> bool {
        match self {
            Self::Not(tree) => !tree.is_negative(),
            Self::And(trees) => trees.iter().all(Self::is_negative),
            Self::Or(trees) => trees.iter().any(Self::is_negative),
            Self::In(_, tree) => tree.is_negative(),
            Self::Words(_) | Self::Meta(..) | Self::Near { .. } | Self::Nothing => false,
        }
    }

    /// How many nodes it has.
    pub(super) fn size(&self) -> usize {
        1 + match self {
            Self::And(trees) | Self::Or(trees) => trees.iter().map(Self::size).sum(),
            Self::Not(tree) | Self::In(_, tree) => tree.size(),
            Self::Near { left, right, .. } => left.size() + right.size(),
            Self::Words(_) | Self::Meta(..) | Self::Nothing => 0,
        }
    }

    /// The same without empty parts, without brackets around one thing, and with what repeats its kind drawn up.
    pub(super) fn settled(self) -> Self {
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
        let (mut parts, mut known) = (Vec::new(), HashSet::new());
        for tree in trees {
            let inner = match tree.settled() {
                Self::Nothing => continue,
                Self::And(inner) if is_and => inner,
                Self::Or(inner) if !is_and => inner,
                tree => vec![tree],
            };
            // What is said twice counts once; lists are long, so that is looked up and not searched for.
            parts.extend(inner.into_iter().filter(|part| known.insert(part.clone())));
        }
        match parts.len() {
            0 => Self::Nothing,
            1 => parts.pop().unwrap_or(Self::Nothing),
            _ if is_and => Self::And(parts),
            _ => Self::Or(parts),
        }
    }
}
