//! `languages/*.toml`: from files to compiled languages.
//!
//! Owns which languages are shipped, and the way back from a fault inside a term to its line and column.
//! Refuses to read terms: [`Languages`] does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use xxhash_rust::xxh3::Xxh3;

use super::check::{is_language, note_bytes, read_toml};
use super::literal;
use super::raw;
use super::read::Item;
use super::report::Problem;
use super::source::{Sheet, Source, toml_files};
use crate::topic::context::{
    Effect, Genre, LanguageProblem, LanguageSource, Languages, ListSource, Purpose, Side, Where,
};

/// The languages that are part of the program: file name, text.
const SHIPPED: [(&str, &str); 8] = [
    ("ar.toml", include_str!("../../config/languages/ar.toml")),
    ("en.toml", include_str!("../../config/languages/en.toml")),
    ("es.toml", include_str!("../../config/languages/es.toml")),
    ("fa.toml", include_str!("../../config/languages/fa.toml")),
    ("fr.toml", include_str!("../../config/languages/fr.toml")),
    ("pt.toml", include_str!("../../config/languages/pt.toml")),
    ("ru.toml", include_str!("../../config/languages/ru.toml")),
    ("uk.toml", include_str!("../../config/languages/uk.toml")),
];

/// Most language files of a configuration.
const LANGUAGES_MAX: usize = 200;

/// The shipped languages alone.
pub fn shipped_languages() -> Arc<Languages> {
    Arc::clone(&COMPILED)
}

/// The same whatever is configured, so compiled once.
static COMPILED: LazyLock<Arc<Languages>> = LazyLock::new(|| {
    let sources: Vec<LanguageSource> = SHIPPED
        .iter()
        .map(|(name, text)| {
            let source = Source::new(PathBuf::from(name), (*text).to_owned());
            read(&source, &mut Sheet::new(&source)).0
        })
        .collect();
    Arc::new(Languages::compile(&sources).unwrap_or_default())
});

/// The shipped languages, and those of the directory, which come first.
pub(super) fn load_languages(dir: &Path, hash: &mut Xxh3, problems: &mut Vec<Problem>) -> Arc<Languages> {
    let folder = dir.join("languages");
    let mut files: BTreeMap<String, Source> = SHIPPED
        .iter()
        .map(|(name, text)| (name.replace(".toml", ""), Source::new(folder.join(name), (*text).to_owned())))
        .collect();
    match toml_files(&folder, LANGUAGES_MAX, "languages") {
        Ok(paths) if paths.is_empty() => return shipped_languages(),
        Ok(paths) => {
            for path in paths {
                match Source::read(path) {
                    Ok(source) => {
                        note_bytes(hash, dir, &source);
                        let stem = source.path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
                        files.insert(stem.unwrap_or_default(), source);
                    }
                    Err(problem) => problems.push(*problem),
                }
            }
        }
        Err(problem) => problems.push(*problem),
    }
    compile(&files, problems)
}

fn compile(files: &BTreeMap<String, Source>, problems: &mut Vec<Problem>) -> Arc<Languages> {
    let mut sheets = Vec::new();
    let mut sources = Vec::new();
    let mut places = Vec::new();
    for source in files.values() {
        let mut sheet = Sheet::new(source);
        let (read, terms) = read(source, &mut sheet);
        sheets.push(sheet);
        sources.push(read);
        places.push(terms);
    }
    let compiled = Languages::compile(&sources);
    if let Err(faults) = &compiled {
        for fault in faults {
            if let (Some(sheet), Some(lists)) = (sheets.get_mut(fault.source), places.get(fault.source)) {
                note_fault(fault, lists, sheet);
            }
        }
    }
    problems.extend(sheets.into_iter().flat_map(|sheet| sheet.problems));
    Arc::new(compiled.unwrap_or_default())
}

/// A list's key and the places of its terms.
type Places = Vec<(String, Vec<Item<String>>)>;

/// Puts a fault inside a term where it stands in the file.
fn note_fault(fault: &LanguageProblem, lists: &Places, sheet: &mut Sheet<'_>) {
    let Some((key, terms)) = lists.get(fault.list) else { return };
    let Some(span) = terms.get(fault.term).and_then(|term| term.span.clone()) else { return };
    let written = sheet.source.text.get(span.clone()).unwrap_or("");
    let start = span.start + literal::offset(written, fault.span.start);
    let end = span.start + literal::offset(written, fault.span.end);
    let key = format!("{key}[{}]", fault.term + 1);
    sheet.error(start..end.max(start), &key, fault.message.clone(), fault.hint.clone().unwrap_or_default());
}

fn read(source: &Source, sheet: &mut Sheet<'_>) -> (LanguageSource, Places) {
    let raw: raw::Language = read_toml(sheet);
    let stem = source.path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let code = &raw.language.value.0;
    if let Some(span) = raw.language.span.clone().filter(|_| raw.language.sound) {
        if !is_language(code) {
            let hint = "name the language by its ISO 639-1 code, such as en, fr or ar";
            sheet.error(span, "language", "this is not a language code".to_owned(), hint);
        } else if *code != stem {
            let message = format!("the language is {code}, but the file is {stem}.toml");
            sheet.error(
                span,
                "language",
                message,
                format!("name the file {code}.toml, or write language = \"{stem}\""),
            );
        }
    }
    let mut lists = Vec::new();
    let mut places: Places = Vec::new();
    let mut add = |purpose: Purpose, key: String, terms: &[Item<String>]| {
        lists.push(ListSource { purpose, terms: terms.iter().map(|term| term.value.clone()).collect() });
        places.push((key, terms.to_vec()));
    };
    for effect in Effect::ALL {
        let sides = match effect {
            Effect::Negated => &raw.negated,
            Effect::Claimed => &raw.claimed,
            Effect::Hedged => &raw.hedged,
            Effect::Hypothetical => &raw.hypothetical,
            Effect::Future => &raw.future,
            Effect::Historical => &raw.historical,
            Effect::Ended => &raw.ended,
        };
        let key = |side: &str| format!("{}.{side}", effect.name());
        add(Purpose::Trigger(effect, Side::Before), key("before"), &sides.value.before.value);
        add(Purpose::Trigger(effect, Side::After), key("after"), &sides.value.after.value);
    }
    add(Purpose::Pseudo, "pseudo.terms".to_owned(), &raw.pseudo.value.terms.value);
    add(Purpose::Break, "terminator.terms".to_owned(), &raw.terminator.value.terms.value);
    add(Purpose::Retraction, "retraction.terms".to_owned(), &raw.retraction.value.terms.value);
    let mut needs = Vec::new();
    for (index, item) in raw.genre.value.iter().enumerate() {
        let name = &item.value.name;
        let key = |list: &str| format!("genre[{}].{list}", index + 1);
        let Some(genre) = Genre::ALL.into_iter().find(|genre| genre.name() == name.value.0) else {
            if let Some(span) = name.span.clone().filter(|_| name.sound) {
                let known: Vec<&str> = Genre::ALL.iter().map(|genre| genre.name()).collect();
                let message = format!("there is no genre {}", super::quoted(&name.value.0));
                sheet.error(span, &key("name"), message, format!("genres: {}", known.join(", ")));
            }
            continue;
        };
        needs.push((genre, usize::try_from(item.value.needs.value.0).unwrap_or(1)));
        add(Purpose::Genre(genre, Where::Start), key("start"), &item.value.start.value);
        add(Purpose::Genre(genre, Where::Title), key("title"), &item.value.title.value);
        add(Purpose::Genre(genre, Where::Anywhere), key("anywhere"), &item.value.anywhere.value);
    }
    (LanguageSource { language: code.clone(), lists, needs }, places)
}
