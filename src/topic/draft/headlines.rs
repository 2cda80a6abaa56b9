//! A draft out of headlines: which words tell those that must alert from those that must not.
//!
//! Owns the choice: the subject is what the alerts share, the event what happens in them and not in the others (log-odds with a
//! prior, per headline), and what only the others have speaks against. A simple start that its owner goes on from.

mod stopwords;

use std::collections::{BTreeMap, HashSet};

use super::{Draft, DraftSet, DraftSignal};
use crate::article::stem::{has_stemmer, stem};
use crate::article::words::{Gap, Words};
use crate::topic::Expect;

/// Most examples a draft takes along.
pub const EXAMPLES_MAX: usize = 400;
/// Most terms of each set.
const TERMS_MAX: usize = 60;
/// Most words for the subject.
const SUBJECTS_MAX: usize = 12;
/// How sure a word must be on one side.
const Z_MIN: f64 = 0.6;
/// What every word is thought to have been seen, before anything was: Jeffreys' prior.
const PRIOR: f64 = 0.5;

/// A headline and its language, `und` when that is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headline {
    /// The words.
    pub text: String,
    /// ISO 639-1 code.
    pub language: String,
}

/// What a draft is made of.
#[derive(Debug, Clone, Default)]
pub struct Start {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it is about.
    pub description: String,
    /// Headlines that must alert.
    pub alert: Vec<Headline>,
    /// Headlines that must not.
    pub quiet: Vec<Headline>,
    /// The languages lists are made for, the first for words whose language is not known; none for lists that hold in all.
    pub languages: Vec<String>,
}

const EVENT: &str = "What happens to it.";
const EVENT_STEMMED: &str =
    "What happens to it. `stemmed` lets a list with a language find the other forms of its words.";

/// Words and pairs of neighbours, by their folded forms.
type Counts = BTreeMap<String, Count>;

/// A word, or two in a row.
#[derive(Debug, Default, Clone)]
struct Count {
    /// As it is written, in small letters.
    written: String,
    alert: usize,
    quiet: usize,
    /// Headlines per language.
    languages: BTreeMap<String, usize>,
    is_pair: bool,
}

/// Makes a draft; `None` when there is no word to begin with.
pub fn draft(start: &Start) -> Option<Draft> {
    let counts = counts(start);
    let subjects = subjects(start, &counts);
    let chosen: HashSet<&str> = subjects.iter().map(String::as_str).collect();
    let events = events(start, &counts, &chosen);
    let calm = calm(start, &counts, &chosen);
    if events.is_empty() && subjects.is_empty() {
        return None;
    }
    let terms = |folded: &[String]| -> Vec<Count> {
        let mut terms: Vec<Count> = Vec::new();
        for count in folded.iter().filter_map(|word| counts.get(paired(word, &counts))) {
            if !terms.iter().any(|term| term.written == count.written) {
                terms.push(count.clone());
            }
        }
        terms.truncate(TERMS_MAX);
        terms
    };
    Some(lay_out(start, &terms(&subjects), &terms(&events), &terms(&calm)))
}

/// The words that the alerts share: the most frequent one, then the most frequent one of the alerts without it, and so on.
fn subjects(start: &Start, counts: &Counts) -> Vec<String> {
    let wanted: HashSet<String> = content_words(&start.description).into_iter().collect();
    let is_subject = |word: &String| !is_event(word, counts) && !stopwords::is_calm_stem(word);
    if start.alert.is_empty() {
        return content_words(&start.description).into_iter().filter(is_subject).collect();
    }
    let mut left: Vec<Vec<String>> = start
        .alert
        .iter()
        .map(|headline| content_words(&headline.text).into_iter().filter(is_subject).collect())
        .collect();
    let mut subjects = Vec::new();
    while subjects.len() < SUBJECTS_MAX {
        // What is named first is mostly what it is about; what the owner named is, surely.
        let mut worth: BTreeMap<&str, f64> = BTreeMap::new();
        for words in &left {
            let unique: BTreeMap<&str, usize> =
                words.iter().enumerate().rev().map(|(at, word)| (word.as_str(), at)).collect();
            for (word, at) in unique {
                let bonus = if wanted.contains(word) { 1.5 } else { 0.0 };
                *worth.entry(word).or_insert(bonus) += 1.0 - 0.01 * at.min(50) as f64;
            }
        }
        let best =
            worth.into_iter().max_by(|one, other| one.1.total_cmp(&other.1).then_with(|| other.0.cmp(one.0)));
        let Some((best, _)) = best else { break };
        let best = best.to_owned();
        left.retain(|words| !words.contains(&best));
        subjects.push(best);
    }
    subjects
}

/// What happens: verbs that the alerts have and the others have not; where an alert has none, what tells it best.
fn events(start: &Start, counts: &Counts, subjects: &HashSet<&str>) -> Vec<String> {
    let (alerts, quiets) = (start.alert.len(), start.quiet.len());
    let z = |word: &str| counts.get(word).map_or(0.0, |count| log_odds(count, alerts, quiets));
    let is_free = |word: &str| !subjects.contains(word) && !word.contains(' ');
    let mut events: Vec<String> = Vec::new();
    for (word, count) in counts.iter().filter(|(word, _)| is_free(word) && is_event(word, counts)) {
        let is_told = quiets == 0 || count.quiet == 0 || z(word) >= Z_MIN;
        if is_told && (count.alert > 0 || alerts == 0) {
            events.push(word.clone());
        }
    }
    for headline in start.alert.iter().filter(|_| quiets > 0) {
        let words = content_words(&headline.text);
        if words.iter().any(|word| events.contains(word)) {
            continue;
        }
        let best = words
            .into_iter()
            .filter(|word| is_free(word) && z(word) > 0.0)
            .max_by(|one, other| z(one).total_cmp(&z(other)));
        events.extend(best);
    }
    let frequent = |word: &String| counts.get(word).map_or(0, |count| count.alert);
    events.sort_by(|one, other| frequent(other).cmp(&frequent(one)).then_with(|| one.cmp(other)));
    events.dedup();
    events
}

/// What the others have and the alerts have not.
fn calm(start: &Start, counts: &Counts, subjects: &HashSet<&str>) -> Vec<String> {
    let (alerts, quiets) = (start.alert.len(), start.quiet.len());
    let z = |word: &str| counts.get(word).map_or(0.0, |count| log_odds(count, alerts, quiets));
    let is_calm = |word: &str, count: &Count| {
        let least = if stopwords::is_calm_stem(word) { 1 } else { 2 };
        !word.contains(' ') && !subjects.contains(word) && count.quiet >= least && z(word) <= -Z_MIN
    };
    let mut calm: Vec<String> =
        counts.iter().filter(|(word, count)| is_calm(word, count)).map(|(word, _)| word.clone()).collect();
    calm.sort_by(|one, other| z(one).total_cmp(&z(other)));
    calm
}

/// The pair a word always stands in: more precise than the word.
fn paired<'c>(word: &'c str, counts: &'c Counts) -> &'c str {
    let all = |count: &Count| count.alert + count.quiet;
    let Some(alone) = counts.get(word).filter(|count| all(count) >= 2) else { return word };
    let is_its_own = |(pair, count): &(&String, &Count)| {
        count.is_pair && all(count) == all(alone) && pair.split(' ').any(|part| part == word)
    };
    counts.iter().find(is_its_own).map_or(word, |(pair, _)| pair)
}

/// Every content word and pair of them, by its folded form, with the headlines it stands in.
fn counts(start: &Start) -> Counts {
    let mut counts: Counts = BTreeMap::new();
    let mut note = |headline: &Headline, is_alert: bool| {
        let mut seen = HashSet::new();
        for (folded, written, is_pair) in terms(&headline.text) {
            if !seen.insert(folded.clone()) {
                continue;
            }
            let count = counts.entry(folded).or_default();
            count.written = written;
            count.is_pair = is_pair;
            count.alert += usize::from(is_alert);
            count.quiet += usize::from(!is_alert);
            *count.languages.entry(headline.language.clone()).or_default() += 1;
        }
    };
    start.alert.iter().for_each(|headline| note(headline, true));
    start.quiet.iter().for_each(|headline| note(headline, false));
    if start.alert.is_empty() {
        for (folded, written, is_pair) in
            terms(&start.description).into_iter().filter(|(.., is_pair)| !is_pair)
        {
            counts.entry(folded).or_insert(Count { written, is_pair, ..Count::default() });
        }
    }
    counts
}

/// The content words of a text and the pairs of neighbours: folded, as written in small letters, whether a pair.
fn terms(text: &str) -> Vec<(String, String, bool)> {
    let words = Words::split(text);
    let mut terms = Vec::new();
    let mut last: Option<(String, String, usize)> = None;
    for (index, word) in words.iter().enumerate() {
        let folded = words.folded(index).to_owned();
        let written = text.get(word.start..word.end).unwrap_or_default().to_lowercase();
        if !is_content(&folded) {
            last = None;
            continue;
        }
        if let Some((folded_before, written_before, sentence)) = &last
            && *sentence == word.sentence
            && word.gap != Gap::Break
        {
            let joint = if word.gap == Gap::Hyphen { "-" } else { " " };
            terms.push((
                format!("{folded_before} {folded}"),
                format!("{written_before}{joint}{written}"),
                true,
            ));
        }
        last = Some((folded.clone(), written.clone(), word.sentence));
        terms.push((folded, written, false));
    }
    terms
}

fn content_words(text: &str) -> Vec<String> {
    terms(text).into_iter().filter(|(.., is_pair)| !is_pair).map(|(folded, ..)| folded).collect()
}

fn is_content(folded: &str) -> bool {
    let letters = folded.chars().filter(|letter| letter.is_alphabetic()).count();
    letters >= 3 && !folded.contains(|letter: char| letter.is_numeric()) && !stopwords::is_stopword(folded)
}

/// How surely a word belongs to the alerts (above 0) or to the others, in standard deviations (after Monroe, Colaresi and
/// Quinn, "Fightin' Words", Political Analysis 16, 2008).
fn log_odds(count: &Count, alerts: usize, quiets: usize) -> f64 {
    let odds = |seen: usize, of: usize| {
        let seen = seen as f64 + PRIOR;
        (seen / (of as f64 + 2.0 * PRIOR - seen)).ln()
    };
    let deviation = (1.0 / (count.alert as f64 + PRIOR) + 1.0 / (count.quiet as f64 + PRIOR)).sqrt();
    (odds(count.alert, alerts) - odds(count.quiet, quiets)) / deviation
}

/// Whether a word says that something happens: it has a verb's ending, is a known verb, or stands here in several forms.
fn is_event(folded: &str, counts: &Counts) -> bool {
    let word = folded.split(' ').next_back().unwrap_or(folded);
    if folded.contains(' ') {
        return folded.split(' ').any(|word| is_event(word, counts));
    }
    if stopwords::is_event_stem(word) {
        return true;
    }
    let has_ending =
        [("ing", 6), ("ed", 5), ("ent", 7), ("ait", 6), ("aron", 6), ("eron", 6), ("ado", 6), ("ada", 6)]
            .iter()
            .any(|(ending, length)| word.len() >= *length && word.ends_with(ending));
    // "violates" beside "violated"; a plural beside its singular is no second form.
    let root = stem("en", word).unwrap_or_default();
    let forms = counts
        .keys()
        .filter(|other| !other.contains(' ') && stem("en", other).as_ref() == Some(&root))
        .count();
    let is_plural = word.strip_suffix('s').is_some_and(|singular| counts.contains_key(singular))
        || counts.contains_key(&format!("{word}s"));
    has_ending && !word.ends_with("ment") || forms > if is_plural { 2 } else { 1 }
}

fn lay_out(start: &Start, subjects: &[Count], events: &[Count], calm: &[Count]) -> Draft {
    let mut draft = Draft {
        comments: vec![
            format!("Begun from {} headlines that must alert and {} that must not.", start.alert.len(), start.quiet.len()),
            "48.5 points trip: a match counts in full in the headline, two thirds in the summary, one third in the body.".to_owned(),
            "Read the lists first: strike names of people and places, add the words a reporter would use next time.".to_owned(),
        ],
        id: start.id.clone(),
        name: start.name.clone(),
        description: start.description.clone(),
        ..Draft::default()
    };
    let sets = [
        ("subject", subjects, "What it is about."),
        ("event", events, if start.languages.is_empty() { EVENT } else { EVENT_STEMMED }),
        ("calm", calm, "What the headlines have that must not alert."),
    ];
    for (name, terms, comment) in sets {
        let lists = lists(name, terms, comment, &start.languages);
        if lists.iter().any(|list| list.language.as_deref().is_some_and(has_stemmer)) && name == "event" {
            draft.stemmed.push(name.to_owned());
        }
        draft.sets.extend(lists);
    }
    let mut signal = |name: &str, when: &str, weight: f64, cap: f64, comment: &str| {
        let (comment, name, when) = (comment.to_owned(), name.to_owned(), when.to_owned());
        draft.signals.push(DraftSignal { comment, name, when, weight, cap });
    };
    match (events.is_empty(), subjects.is_empty()) {
        (false, false) => {
            let comment = "The news: one match in headline or summary trips.";
            signal("it happens to the subject", "@event NEAR/6 @subject", 75.0, 1.25, comment);
            signal("the subject is named", "@subject", 15.0, 1.0, "Company for what is said less plainly.");
            signal("such a thing happens", "@event", 10.0, 1.0, "");
        }
        (true, _) => signal(
            "the subject is named",
            "@subject",
            75.0,
            1.0,
            "Tie it to what happens, @event NEAR/6 @subject.",
        ),
        (false, true) => {
            signal("it happens", "@event", 75.0, 1.0, "Tie it to a subject, @event NEAR/6 @subject.");
        }
    }
    if !calm.is_empty() {
        let when = if subjects.is_empty() { "@calm" } else { "@calm NEAR/6 @subject" };
        signal("it is calm", when, -60.0, 1.0, "");
    }
    let examples = |headlines: &[Headline], expect: Expect| -> Vec<(Expect, String)> {
        headlines.iter().take(EXAMPLES_MAX / 2).map(|headline| (expect, headline.text.clone())).collect()
    };
    draft.examples = examples(&start.alert, Expect::Alert);
    draft.examples.extend(examples(&start.quiet, Expect::Quiet));
    draft
}

/// The lists of a set: one per language when languages are asked for, else one for all.
fn lists(name: &str, terms: &[Count], comment: &str, languages: &[String]) -> Vec<DraftSet> {
    let mut lists: Vec<DraftSet> = Vec::new();
    for term in terms {
        let most = term.languages.iter().max_by_key(|(_, count)| **count).map(|(language, _)| language);
        // A language the owner did not name is trusted where the script shows it.
        let is_latin = term.written.chars().any(|letter| letter < '\u{250}');
        let known = most.filter(|language| languages.contains(language) || !is_latin && *language != "und");
        let language = languages.first().map(|first| known.unwrap_or(first).clone());
        match lists.iter_mut().find(|list| list.language == language) {
            Some(list) => list.terms.push(term.written.clone()),
            None => lists.push(DraftSet {
                comment: if lists.is_empty() { comment.to_owned() } else { String::new() },
                name: name.to_owned(),
                language,
                terms: vec![term.written.clone()],
            }),
        }
    }
    lists
}
