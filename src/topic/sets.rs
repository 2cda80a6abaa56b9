//! Named word lists, compiled.
//!
//! Owns [`Sets`]: which lists a name has, which of them hold for a language, and that no set contains
//! itself. Refuses to look at texts.

use std::sync::Arc;

use super::query::{Node, parse_term};
use super::{ProblemSite, SetSource, TopicProblem};

/// The set that is matched first and worth nothing.
pub const DECOY: &str = "decoy";
/// How deep sets may name sets. Each may hold queries as deep as they get, so this keeps the stack small.
pub const SETS_DEPTH_MAX: usize = 10;
/// Most terms of one topic.
pub const TERMS_MAX: usize = 50_000;

/// All sets of a topic. A name may have several lists, one per language.
#[derive(Debug, Clone, Default)]
pub struct Sets {
    sets: Vec<Set>,
    languages: Vec<String>,
}

/// The lists of one name.
#[derive(Debug, Clone)]
pub struct Set {
    /// Its name, without `@`.
    pub name: String,
    lists: Vec<List>,
}

/// One list.
#[derive(Debug, Clone)]
struct List {
    language: Option<String>,
    /// Whether any term uses Latin letters: only those can be mistaken for words of another language.
    latin: bool,
    /// Its place in the source.
    place: usize,
    terms: Vec<Node>,
}

/// A list, to be read.
pub(super) struct ListView<'a> {
    /// Its language, if it has one.
    pub(super) language: Option<&'a str>,
    /// Whether any of its terms uses Latin letters.
    pub(super) latin: bool,
    /// Its place in the source.
    pub(super) place: usize,
    /// Its terms.
    pub(super) terms: &'a [Node],
}

impl Sets {
    /// Compiles all lists, or says everything that is wrong with them.
    pub fn compile(sources: &[SetSource]) -> Result<Self, Vec<TopicProblem>> {
        let (sets, problems) = Self::read(sources);
        if problems.is_empty() { Ok(sets) } else { Err(problems) }
    }

    /// Compiles what can be compiled, and says what is wrong with the rest. Names of faulty sets stay known,
    /// so that a query is not blamed for its set.
    pub(super) fn read(sources: &[SetSource]) -> (Self, Vec<TopicProblem>) {
        let mut problems = Vec::new();
        let sources = within_limit(sources, &mut problems);
        let mut names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let find = |name: &str| names.binary_search(&name).ok();
        let mut sets: Vec<Set> =
            names.iter().map(|name| Set { name: (*name).to_owned(), lists: Vec::new() }).collect();
        for (place, source) in sources.iter().enumerate() {
            let list = compile_list(place, source, &find, &mut problems);
            if let Some(set) = find(&source.name).and_then(|index| sets.get_mut(index)) {
                set.lists.push(list);
            }
        }
        let mut languages: Vec<String> =
            sources.iter().filter_map(|source| source.language.clone()).collect();
        languages.sort_unstable();
        languages.dedup();
        let sets = Self { sets, languages };
        problems.extend(sets.cycle());
        (sets, problems)
    }

    /// The place of a set by its name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.sets.binary_search_by(|set| set.name.as_str().cmp(name)).ok()
    }

    /// How many sets there are.
    pub fn len(&self) -> usize {
        self.sets.len()
    }

    /// Whether there is no set.
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    /// The terms of a set that hold for an article's language.
    ///
    /// A list without a language always holds. So does one without Latin letters: its words cannot be taken
    /// for another language's. A Latin list holds when its language is the article's, when the article's is
    /// unknown (`und`), or when no list of the topic is in the article's language, for then a borrowed word
    /// is the best there is. A language is named only on strong evidence (a weak guess is `und`), so lists of
    /// other languages stay off once it is: their words would be false friends.
    pub fn terms<'a>(&'a self, set: usize, language: &'a str) -> impl Iterator<Item = &'a Node> {
        let any = language == "und"
            || self.languages.binary_search_by(|known| known.as_str().cmp(language)).is_err();
        let lists = self.sets.get(set).map(|set| set.lists.as_slice()).unwrap_or_default();
        lists
            .iter()
            .filter(move |list| {
                any || !list.latin || list.language.as_deref().is_none_or(|own| own == language)
            })
            .flat_map(|list| &list.terms)
    }

    /// The lists of a set, in file order.
    pub(super) fn lists(&self, set: usize) -> impl Iterator<Item = ListView<'_>> {
        let lists = self.sets.get(set).map(|set| set.lists.as_slice()).unwrap_or_default();
        lists.iter().map(|list| ListView {
            language: list.language.as_deref(),
            latin: list.latin,
            place: list.place,
            terms: &list.terms,
        })
    }

    /// The languages there are lists in, sorted.
    pub(super) fn languages(&self) -> &[String] {
        &self.languages
    }

    /// The sets a set's lists name.
    fn references(&self, set: usize) -> Vec<usize> {
        let mut found = Vec::new();
        let lists = self.sets.get(set).map(|set| set.lists.as_slice()).unwrap_or_default();
        for term in lists.iter().flat_map(|list| &list.terms) {
            collect_references(term, &mut found);
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// A problem when a set contains itself, or sets are nested too deep.
    fn cycle(&self) -> Option<TopicProblem> {
        // Heights settle from the leaves up; what has not settled after SETS_DEPTH_MAX rounds is a cycle or too deep.
        let references: Vec<Vec<usize>> = (0..self.sets.len()).map(|set| self.references(set)).collect();
        let mut settled = vec![false; self.sets.len()];
        for _ in 0..SETS_DEPTH_MAX {
            let ready = |set: &usize| settled.get(*set) == Some(&true);
            let next: Vec<bool> = references.iter().map(|of| of.iter().all(ready)).collect();
            if next == settled {
                break;
            }
            settled = next;
        }
        let stuck = settled.iter().position(|settled| !settled)?;
        let set = self.sets.get(stuck)?;
        // Point at the reference that does not settle, not at the list's first word.
        let unsettled = |term: &Node| {
            let mut named = Vec::new();
            collect_references(term, &mut named);
            named.iter().any(|set| settled.get(*set) == Some(&false))
        };
        let (list, term) = set
            .lists
            .iter()
            .find_map(|list| list.terms.iter().position(unsettled).map(|term| (list.place, term)))
            .unwrap_or_default();
        let message = format!(
            "the set {} contains itself, or sets are nested more than {SETS_DEPTH_MAX} deep",
            set.name
        );
        let hint = Some("remove one of the @references that lead back".to_owned());
        Some(TopicProblem { site: ProblemSite::Term { list, term }, span: 0..1, message, hint })
    }
}

/// The lists that fit into [`TERMS_MAX`] terms; a problem names the first that does not.
fn within_limit<'a>(sources: &'a [SetSource], problems: &mut Vec<TopicProblem>) -> &'a [SetSource] {
    let mut count = 0;
    for (list, source) in sources.iter().enumerate() {
        count += source.terms.len();
        if count > TERMS_MAX {
            let message = format!("this list takes the topic over {TERMS_MAX} terms");
            let hint = Some("split the topic, or use prefix* instead of every form".to_owned());
            problems.push(TopicProblem {
                site: ProblemSite::Term { list, term: 0 },
                span: 0..1,
                message,
                hint,
            });
            return sources.get(..list).unwrap_or_default();
        }
    }
    sources
}

fn compile_list(
    place: usize,
    source: &SetSource,
    find: &dyn Fn(&str) -> Option<usize>,
    problems: &mut Vec<TopicProblem>,
) -> List {
    let mut terms = Vec::with_capacity(source.terms.len());
    for (term, text) in source.terms.iter().enumerate() {
        match parse_term(text, find) {
            Ok(mut node) => {
                if let (true, Some(language), Node::Phrase(phrase)) =
                    (source.is_stemmed, source.language.as_deref(), &mut node)
                {
                    Arc::make_mut(phrase).stemmed(text, language);
                }
                terms.push(node);
            }
            Err(problem) => problems.push(problem.at(ProblemSite::Term { list: place, term })),
        }
    }
    let latin = source.terms.iter().any(|term| term.chars().any(is_latin));
    List { language: source.language.clone(), latin, place, terms }
}

fn is_latin(letter: char) -> bool {
    letter.is_alphabetic() && matches!(letter, '\0'..='\u{24f}' | '\u{1e00}'..='\u{1eff}')
}

/// The sets a node names.
pub(super) fn collect_references(node: &Node, out: &mut Vec<usize>) {
    match node {
        Node::Set(set) => out.push(*set),
        Node::And(nodes) | Node::Or(nodes) | Node::AtLeast { of: nodes, .. } => {
            for node in nodes {
                collect_references(node, out);
            }
        }
        Node::Not(node) | Node::In(_, node) => collect_references(node, out),
        Node::Near { left, right, .. } => {
            collect_references(left, out);
            collect_references(right, out);
        }
        Node::Phrase(_) | Node::Meta(..) => {}
    }
}
