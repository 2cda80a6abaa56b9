//! Language: which one a text is written in.
//!
//! Owns [`detect`]: the script first, then how likely the letters are in each language of that script ([`ngrams`]),
//! weighed against what the feed declares and how common a language is.
//! Refuses dialects and mixtures: an article has one language, or `und`.

pub mod ngrams;

use std::sync::LazyLock;

use ngrams::{Evidence, Table};

/// What cannot be told.
pub const UNDETERMINED: &str = "und";

/// Letters by which the script is told; more would not change the answer.
const SCRIPT_LETTERS_MAX: usize = 200;

/// Words a text has at least whose letters overrule a declaration: one or two may be a name, which says nothing.
const WORDS_MIN: usize = 3;

/// What letters of a run say is partly what its other letters said: how much of it counts.
const INDEPENDENCE: f32 = 0.6;

/// What a declaration counts, as a logarithm: about one in fifty is what some software says by itself.
const DECLARED: f32 = 4.0;

/// What a language counts less, as a logarithm, when fewer feeds are written in it, and when few are.
const LESS_COMMON: f32 = 1.0;
const RARE: f32 = 2.0;

/// Languages that most feeds are written in, and those that many are; others are rare.
const MOST_COMMON: &[&str] = &["en", "fr", "es", "pt", "ru", "uk", "ar", "fa"];
const COMMON: &[&str] = &[
    "de", "it", "tr", "nl", "pl", "ro", "sv", "id", "cs", "hu", "da", "no", "fi", "vi", "ur", "bg", "sr",
    "be", "mk",
];

/// How likely a language is that is named against a declaration or without one. A topic's word lists hold for one
/// language, so a wrong one costs every list of the right one, while `und` costs none.
const LIKELY: f32 = 0.8;

/// How likely a declared language is that is believed.
const POSSIBLE: f32 = 1.0 - LIKELY;

/// Scripts, each with the languages it can mean; the first is the answer when nothing else tells.
const SCRIPTS: &[(Script, &[&str])] = &[
    (Script::Arabic, &["ar", "fa", "ur", "ps", "ku", "ug", "sd"]),
    (Script::Cyrillic, &["ru", "uk", "bg", "sr", "be", "mk", "kk", "ky", "mn", "tg", "uz", "bs"]),
    (Script::Han, &["zh", "ja"]),
    (Script::Kana, &["ja"]),
    (Script::Hangul, &["ko"]),
    (Script::Greek, &["el"]),
    (Script::Hebrew, &["he", "yi"]),
    (Script::Devanagari, &["hi", "mr", "ne"]),
    (Script::Bengali, &["bn", "as"]),
    (Script::Tamil, &["ta"]),
    (Script::Telugu, &["te"]),
    (Script::Thai, &["th"]),
    (Script::Armenian, &["hy"]),
    (Script::Georgian, &["ka"]),
    (Script::Ethiopic, &["am", "ti"]),
    (Script::Burmese, &["my"]),
    (Script::Khmer, &["km"]),
];

/// Languages written in Arabic letters that no table tells, with letters that no language of the table has.
const TELLING_LETTERS: &[(&str, &str)] =
    &[("ps", "ټډړښګڼېۍ"), ("ku", "ڕێۆەڵ"), ("ug", "ۇۈۋڭېەۆ"), ("sd", "ڪٻڄڃڳڱڻٺٿ")];

/// The first of them in Unicode: most letters of Arabic come before it, and need not be looked for.
const FIRST_TELLING_LETTER: char = 'ٺ';

/// What each of these letters counts, as a logarithm, and the letters of text that may go without one.
const TELLING_LETTER: f32 = 10.0;
const LETTERS_BETWEEN: usize = 40;

static LATIN: LazyLock<Table> = LazyLock::new(Table::latin);
static CYRILLIC: LazyLock<Table> = LazyLock::new(Table::cyrillic);
static ARABIC: LazyLock<Table> = LazyLock::new(Table::arabic);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Cyrillic,
    Arabic,
    Han,
    Kana,
    Hangul,
    Greek,
    Hebrew,
    Devanagari,
    Bengali,
    Tamil,
    Telugu,
    Thai,
    Armenian,
    Georgian,
    Ethiopic,
    Burmese,
    Khmer,
}

/// The ISO 639-1 code of a text, or `und`.
///
/// What the feed declares (any language tag) wins, unless the text is in another script or its letters say clearly
/// otherwise. A declared language that cannot be told is believed. Without a declaration only strong evidence names one.
pub fn detect(text: &str, declared: Option<&str>) -> String {
    let declared = declared.and_then(code);
    let Some(script) = dominant_script(text) else {
        return declared.unwrap_or_else(|| UNDETERMINED.to_owned());
    };
    let declared = declared.filter(|code| can_write(code, script));
    // What would not be overruled need not be guessed.
    if let Some(declared) = &declared
        && text.split_whitespace().take(WORDS_MIN).count() < WORDS_MIN
    {
        return declared.clone();
    }
    let languages = evidence(text, script);
    if languages.is_empty() {
        let first = || first_language(script).to_owned();
        return declared.unwrap_or_else(first);
    }
    let Some(declared) = declared else { return likeliest(&weighed(languages, None)).to_owned() };
    let own = told_as(&declared, script);
    if !languages.iter().any(|evidence| evidence.language == own) {
        return declared;
    }
    let weighed = weighed(languages, Some(own));
    let is_possible = weighed.iter().any(|(language, likely)| *language == own && *likely >= POSSIBLE);
    if is_possible { declared } else { likeliest(&weighed).to_owned() }
}

/// The ISO 639-1 code of a language tag (BCP 47) or of the names old software uses; `None` when it is none.
pub fn code(tag: &str) -> Option<String> {
    let primary = tag.trim().split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    let code = match primary.as_str() {
        "iw" => "he",
        "in" => "id",
        "ji" => "yi",
        "nb" | "nn" => "no",
        "eng" | "english" => "en",
        "fra" | "fre" => "fr",
        "spa" => "es",
        "ara" => "ar",
        "rus" => "ru",
        "ukr" => "uk",
        "deu" | "ger" => "de",
        "por" => "pt",
        "fas" | "per" | "prs" => "fa",
        "tur" => "tr",
        "ita" => "it",
        "ckb" | "kmr" | "kur" => "ku",
        other => other,
    };
    (code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_lowercase())).then(|| code.to_owned())
}

fn script_of(letter: char) -> Option<Script> {
    Some(match letter {
        'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => Script::Latin,
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Script::Greek,
        '\u{400}'..='\u{52f}' => Script::Cyrillic,
        '\u{530}'..='\u{58f}' => Script::Armenian,
        '\u{590}'..='\u{5ff}' => Script::Hebrew,
        '\u{600}'..='\u{6ff}'
        | '\u{750}'..='\u{77f}'
        | '\u{8a0}'..='\u{8ff}'
        | '\u{fb50}'..='\u{fdff}'
        | '\u{fe70}'..='\u{fefe}' => Script::Arabic,
        '\u{900}'..='\u{97f}' => Script::Devanagari,
        '\u{980}'..='\u{9ff}' => Script::Bengali,
        '\u{b80}'..='\u{bff}' => Script::Tamil,
        '\u{c00}'..='\u{c7f}' => Script::Telugu,
        '\u{e00}'..='\u{e7f}' => Script::Thai,
        '\u{1000}'..='\u{109f}' => Script::Burmese,
        '\u{10a0}'..='\u{10ff}' => Script::Georgian,
        '\u{1100}'..='\u{11ff}' | '\u{ac00}'..='\u{d7a3}' => Script::Hangul,
        '\u{1200}'..='\u{139f}' => Script::Ethiopic,
        '\u{1780}'..='\u{17ff}' => Script::Khmer,
        '\u{3040}'..='\u{30ff}' => Script::Kana,
        '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{20000}'..='\u{2ffff}' => Script::Han,
        _ => return None,
    })
}

/// The script most letters are in. Kana mixes with Han and settles it.
fn dominant_script(text: &str) -> Option<Script> {
    let mut counts = [(0_usize, Script::Latin); SCRIPTS.len() + 1];
    let mut letters = 0_usize;
    for script in text.chars().filter_map(script_of).take(SCRIPT_LETTERS_MAX) {
        if let Some(count) = counts.get_mut(script as usize) {
            *count = (count.0 + 1, script);
        }
        letters += 1;
    }
    let count = |script: Script| counts.get(script as usize).map_or(0, |(count, _)| *count);
    if count(Script::Kana) > 0 && (count(Script::Kana) + count(Script::Han)) * 2 >= letters {
        return Some(Script::Kana);
    }
    let (count, script) = counts.into_iter().rev().max_by_key(|(count, _)| *count)?;
    (count > 0).then_some(script)
}

fn can_write(code: &str, script: Script) -> bool {
    match SCRIPTS.iter().find(|(other, _)| *other == script) {
        Some((_, codes)) => codes.contains(&code),
        // Serbian, Uzbek, Kurdish and others are written in Latin letters too.
        None => {
            !SCRIPTS.iter().any(|(_, codes)| codes.contains(&code))
                || matches!(code, "sr" | "uz" | "ku" | "bs" | "kk" | "tg" | "mn")
        }
    }
}

fn first_language(script: Script) -> &'static str {
    let languages = SCRIPTS.iter().find(|(other, _)| *other == script);
    languages.and_then(|(_, codes)| codes.first()).unwrap_or(&UNDETERMINED)
}

/// The language of the tables that stands for a language: close relatives cannot be told apart by a headline.
fn told_as(code: &str, script: Script) -> &str {
    match (code, script) {
        ("sr" | "bs", Script::Latin) => "hr",
        ("bs", Script::Cyrillic) => "sr",
        ("ms", _) => "id",
        _ => code,
    }
}

/// What the letters say for each language of a script; nothing when no table tells its languages.
fn evidence(text: &str, script: Script) -> Vec<Evidence> {
    let table = match script {
        Script::Latin => &LATIN,
        Script::Cyrillic => &CYRILLIC,
        Script::Arabic => &ARABIC,
        _ => return Vec::new(),
    };
    let mut languages: Vec<Evidence> = table.weigh(text).collect();
    if script == Script::Arabic
        && let Some((language, count)) = told_by_letters(text)
    {
        let best = languages.iter().map(|evidence| evidence.likelihood).fold(f32::NEG_INFINITY, f32::max);
        languages.push(Evidence { language, likelihood: best + TELLING_LETTER * count as f32 });
    }
    languages
}

/// The language that has most of its telling letters in a text, and how many; the first when two have as many.
fn told_by_letters(text: &str) -> Option<(&'static str, usize)> {
    let mut counts = [0_usize; TELLING_LETTERS.len()];
    let mut length = 0;
    let letters = text.chars().filter(|letter| script_of(*letter) == Some(Script::Arabic));
    for letter in letters.take(ngrams::LETTERS_MAX) {
        length += 1;
        if letter >= FIRST_TELLING_LETTER {
            for (count, (_, own)) in counts.iter_mut().zip(TELLING_LETTERS) {
                *count += usize::from(own.contains(letter));
            }
        }
    }
    let languages = TELLING_LETTERS.iter().map(|(language, _)| *language).zip(counts);
    let (language, count) = languages.rev().max_by_key(|(_, count)| *count)?;
    (count > 0 && count * LETTERS_BETWEEN >= length).then_some((language, count))
}

/// How likely each language is, of 1.
fn weighed(languages: Vec<Evidence>, declared: Option<&str>) -> Vec<(&'static str, f32)> {
    let before = |language: &str| {
        let declared = if Some(language) == declared { DECLARED } else { 0.0 };
        match language {
            language if MOST_COMMON.contains(&language) => declared,
            language if COMMON.contains(&language) => declared - LESS_COMMON,
            _ => declared - RARE,
        }
    };
    let mut weighed: Vec<(&'static str, f32)> = languages
        .into_iter()
        .map(|evidence| (evidence.language, evidence.likelihood * INDEPENDENCE + before(evidence.language)))
        .collect();
    let best = weighed.iter().map(|(_, weight)| *weight).fold(f32::NEG_INFINITY, f32::max);
    for (_, weight) in &mut weighed {
        *weight = (*weight - best).exp();
    }
    let all: f32 = weighed.iter().map(|(_, weight)| *weight).sum();
    for (_, weight) in &mut weighed {
        *weight /= all;
    }
    weighed
}

/// The language that is likely enough to be named, or `und`.
fn likeliest(weighed: &[(&'static str, f32)]) -> &'static str {
    weighed.iter().find(|(_, likely)| *likely >= LIKELY).map_or(UNDETERMINED, |(language, _)| language)
}
