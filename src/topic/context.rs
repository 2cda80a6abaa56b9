//! Context: how a text means what was found in it.
//!
//! Owns [`Languages`], the words that negate, hedge, claim, date or end what stands near them, one file per language,
//! and the genres a text may be of. After `ConText` (Harkema, Dowling, Thornblade, Chapman: J. Biomed. Inform. 42, 2009):
//! a trigger reaches from where it stands to the end of its clause. Refuses to know topics.

mod read;
mod scan;

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::lexicon::Lexicon;
use super::matcher::ArticleText;
use super::pattern::Phrase;
use super::query::{Node, QueryProblem, parse_term};
use super::{Status, sets::TERMS_MAX};

pub use read::Reading;
pub(super) use scan::Marks;

/// What a trigger does to what it reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Effect {
    /// It did not happen, or somebody says so.
    Negated,
    /// One side says so.
    Claimed,
    /// It may be so.
    Hedged,
    /// If it were so.
    Hypothetical,
    /// It is to come, or asked for.
    Future,
    /// Long ago.
    Historical,
    /// It is over.
    Ended,
}

impl Effect {
    /// All of them, in the order of the language files.
    pub const ALL: [Self; 7] = [
        Self::Negated,
        Self::Claimed,
        Self::Hedged,
        Self::Hypothetical,
        Self::Future,
        Self::Historical,
        Self::Ended,
    ];

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Negated => "negated",
            Self::Claimed => "claimed",
            Self::Hedged => "hedged",
            Self::Hypothetical => "hypothetical",
            Self::Future => "future",
            Self::Historical => "historical",
            Self::Ended => "ended",
        }
    }

    /// What is shown of it; who claims something leaves it open, as who hedges does.
    pub fn status(self) -> Status {
        match self {
            Self::Negated => Status::Negated,
            Self::Claimed | Self::Hedged => Status::Hedged,
            Self::Hypothetical => Status::Hypothetical,
            Self::Future => Status::Future,
            Self::Historical => Status::Historical,
            Self::Ended => Status::Ended,
        }
    }
}

/// What kind of text an article is, where that says that it reports nothing new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Genre {
    /// Somebody's view.
    Opinion,
    /// An explainer, a timeline, a newsletter.
    Analysis,
    /// It remembers.
    Anniversary,
    /// A page of live updates: many events in one text.
    Liveblog,
    /// Matches and transfers.
    Sport,
    /// The words are meant otherwise: a trade truce, a company under siege.
    Figurative,
    /// Books, films, exhibitions.
    Arts,
}

impl Genre {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Opinion,
        Self::Analysis,
        Self::Anniversary,
        Self::Liveblog,
        Self::Sport,
        Self::Figurative,
        Self::Arts,
    ];

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Opinion => "opinion",
            Self::Analysis => "analysis",
            Self::Anniversary => "anniversary",
            Self::Liveblog => "liveblog",
            Self::Sport => "sport",
            Self::Figurative => "figurative",
            Self::Arts => "arts",
        }
    }

    /// What evidence says: "reads as …".
    pub fn words(self) -> &'static str {
        match self {
            Self::Opinion => "opinion",
            Self::Analysis => "an explainer or analysis",
            Self::Anniversary => "remembrance",
            Self::Liveblog => "a live page of many events",
            Self::Sport => "sport",
            Self::Figurative => "a figure of speech",
            Self::Arts => "arts",
        }
    }
}

/// What a match's points are multiplied by (`[context]` of a topic).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Factors {
    /// One per [`Effect`], in the order of [`Effect::ALL`]; -1 to 1.
    pub effects: [f64; Effect::ALL.len()],
    /// One per [`Genre`], in the order of [`Genre::ALL`], for the whole article; 0 to 1.
    pub genres: [f64; Genre::ALL.len()],
}

impl Default for Factors {
    fn default() -> Self {
        Self { effects: [0.0, 0.8, 0.6, 0.3, 0.5, 0.15, -0.5], genres: [0.5, 0.6, 0.4, 0.8, 0.3, 0.3, 0.3] }
    }
}

impl Factors {
    /// What an effect leaves.
    pub fn effect(&self, effect: Effect) -> f64 {
        Effect::ALL
            .iter()
            .position(|known| *known == effect)
            .and_then(|at| self.effects.get(at))
            .copied()
            .unwrap_or(1.0)
    }

    /// What a genre leaves.
    pub fn genre(&self, genre: Genre) -> f64 {
        Genre::ALL
            .iter()
            .position(|known| *known == genre)
            .and_then(|at| self.genres.get(at))
            .copied()
            .unwrap_or(1.0)
    }
}

/// On which side of a trigger stands what it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The trigger stands before it.
    Before,
    /// The trigger stands after it.
    After,
}

/// Where in an article a genre's words stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Where {
    /// The headline begins with it.
    Start,
    /// In the headline.
    Title,
    /// In headline or summary.
    Anywhere,
}

/// What a list of a language file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Its words change what stands near them.
    Trigger(Effect, Side),
    /// Its words hold a trigger and are none; matched first.
    Pseudo,
    /// Its words end what a trigger reaches.
    Break,
    /// Its words, in a headline, take back an earlier report.
    Retraction,
    /// Its words show a genre.
    Genre(Genre, Where),
}

/// One list of a language file.
#[derive(Debug, Clone)]
pub struct ListSource {
    /// What it is for.
    pub purpose: Purpose,
    /// Words, words in a row, `prefix*`, `{Case}`.
    pub terms: Vec<String>,
}

/// A language file.
#[derive(Debug, Clone)]
pub struct LanguageSource {
    /// ISO 639-1 code.
    pub language: String,
    /// Its lists.
    pub lists: Vec<ListSource>,
    /// How many different words a genre needs; 1 for those not named.
    pub needs: Vec<(Genre, usize)>,
}

/// Something wrong in a [`LanguageSource`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LanguageProblem {
    /// Index into the sources.
    pub source: usize,
    /// Index into its lists.
    pub list: usize,
    /// Index into its terms.
    pub term: usize,
    /// Characters of the term.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// A meaning of a phrase of the lexicon.
#[derive(Debug, Clone, Copy)]
struct Meaning {
    /// Index into the codes.
    language: usize,
    purpose: Purpose,
}

/// The language files, compiled together.
#[derive(Clone, Default)]
pub struct Languages {
    codes: Vec<String>,
    /// Per phrase of the lexicon.
    meanings: Vec<Vec<Meaning>>,
    needs: Vec<Vec<(Genre, usize)>>,
    phrases: Vec<Arc<Phrase>>,
    /// Made when a text is read for the first time: commands that read none do not wait for it.
    lexicon: OnceLock<Lexicon>,
}

impl std::fmt::Debug for Languages {
    /// Their codes: the rest is megabytes of words.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.codes).finish()
    }
}

impl Languages {
    /// Compiles language files, or says everything that is wrong with them.
    pub fn compile(sources: &[LanguageSource]) -> Result<Self, Vec<LanguageProblem>> {
        let mut problems = Vec::new();
        let mut numbers = std::collections::HashMap::new();
        let (mut phrases, mut meanings): (Vec<Arc<Phrase>>, Vec<Vec<Meaning>>) = (Vec::new(), Vec::new());
        for (source, file) in sources.iter().enumerate() {
            for (list, words) in file.lists.iter().enumerate() {
                for (term, text) in words.terms.iter().enumerate().take(TERMS_MAX) {
                    let phrase = match read(text) {
                        Ok(phrase) => phrase,
                        Err(QueryProblem { span, message, hint }) => {
                            problems.push(LanguageProblem { source, list, term, span, message, hint });
                            continue;
                        }
                    };
                    let number = *numbers.entry(phrase.clone()).or_insert_with(|| {
                        phrases.push(phrase);
                        meanings.push(Vec::new());
                        meanings.len() - 1
                    });
                    if let Some(meanings) = meanings.get_mut(number) {
                        meanings.push(Meaning { language: source, purpose: words.purpose });
                    }
                }
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            codes: sources.iter().map(|file| file.language.clone()).collect(),
            needs: sources.iter().map(|file| file.needs.clone()).collect(),
            meanings,
            phrases,
            lexicon: OnceLock::new(),
        })
    }

    fn lexicon(&self) -> &Lexicon {
        self.lexicon.get_or_init(|| Lexicon::new(&self.phrases))
    }

    /// Whether an article's headline takes back an earlier report.
    pub(super) fn retracts(&self, text: &ArticleText<'_>) -> bool {
        let mut marks = Marks::default();
        marks.scan(self, text);
        marks.retracts
    }

    /// The codes of the languages there are files for.
    pub fn codes(&self) -> &[String] {
        &self.codes
    }
}

fn read(term: &str) -> Result<Arc<Phrase>, QueryProblem> {
    match parse_term(term, &|_| None)? {
        Node::Phrase(phrase) => Ok(phrase),
        _ => Err(QueryProblem {
            span: 0..term.chars().count(),
            message: "a language file holds words, not queries".to_owned(),
            hint: Some("write words in a row, or prefix*".to_owned()),
        }),
    }
}
