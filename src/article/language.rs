//! Language: which one a text is written in.
//!
//! Owns [`detect`]: the script first, then letters only one language of that script has, then function words, then
//! trigrams (whatlang) among the languages news feeds are written in, all against what the feed declares.
//! Refuses dialects and mixtures: an article has one language, or `und`.
//!
//! Longer than most because the tables of words are read together with what weighs them.

use std::collections::HashMap;
use std::sync::LazyLock;

use whatlang::{Detector, Lang};

/// What cannot be told.
pub const UNDETERMINED: &str = "und";

/// Letters of text from which a declaration that contradicts a reliable guess is overruled.
const LETTERS_TO_OVERRULE: usize = 160;

/// Letters of text that are looked at; more would not change the answer.
const LETTERS_MAX: usize = 2_000;

/// The languages told apart by trigrams, per script, with their ISO 639-1 codes.
const LATIN: &[(Lang, &str)] = &[
    (Lang::Eng, "en"),
    (Lang::Fra, "fr"),
    (Lang::Spa, "es"),
    (Lang::Por, "pt"),
    (Lang::Deu, "de"),
    (Lang::Ita, "it"),
    (Lang::Tur, "tr"),
    (Lang::Nld, "nl"),
    (Lang::Pol, "pl"),
    (Lang::Ron, "ro"),
    (Lang::Swe, "sv"),
    (Lang::Ind, "id"),
    (Lang::Ces, "cs"),
    (Lang::Hun, "hu"),
    (Lang::Dan, "da"),
    (Lang::Nob, "no"),
    (Lang::Fin, "fi"),
    (Lang::Vie, "vi"),
];
const CYRILLIC: &[(Lang, &str)] = &[
    (Lang::Rus, "ru"),
    (Lang::Ukr, "uk"),
    (Lang::Bul, "bg"),
    (Lang::Srp, "sr"),
    (Lang::Bel, "be"),
    (Lang::Mkd, "mk"),
];

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

/// Letters only one language of a script has, strongest evidence first.
const TELLING_LETTERS: &[(&str, &str)] = &[
    ("uk", "їєґЇЄҐ"),
    ("be", "ўЎ"),
    ("mk", "ѓќѕЃЌЅ"),
    ("sr", "ђћџљњјЂЋЏЉЊЈ"),
    ("kk", "әғқңөұүһӘҒҚҢӨҰҮҺ"),
    ("uk", "іІ"),
    ("ru", "ыэёъЫЭЁЪ"),
    ("ps", "ټډړښګڼېۍ"),
    ("ur", "ٹڈڑںےہھ"),
    ("ku", "ڕێۆەڵ"),
    ("fa", "پچژگیک"),
    ("ar", "ةيىكأإؤئ"),
    ("yi", "װױײ"),
];

/// Words that carry grammar, not matter: short headlines have little else to tell them apart.
const FUNCTION_WORDS: &[(&str, &str)] = &[
    (
        "en",
        "the of and to in for on with is are was were at by from as it its an that this after over be has have had will not who how what why when your you his her their new says said but about into more than up out off us i can could would may against amid i'm here's it's a",
    ),
    (
        "fr",
        "le la les l' des du de un une et à au aux en dans pour sur par avec est sont été qui que ce cette ces son sa ses leur ne pas plus après contre d' où il elle se à",
    ),
    (
        "es",
        "el la los las del de un una y en por para con es son fue que su sus se al lo más no tras contra como sobre entre desde este esta ha han",
    ),
    (
        "pt",
        "o a os as do da dos das de um uma e em no na nos nas por para com é são foi que seu sua se ao à às mais não após contra como sobre entre diz pelo pela",
    ),
    (
        "de",
        "der die das den dem des ein eine einen einem einer und in im ist sind war zu zum zur von vom mit auf für nach bei gegen über nicht sich auch als aus an wird werden hat haben wie um es am will",
    ),
    (
        "it",
        "il lo la i gli le del della dei delle dello di un una e in nel nella per con è sono che si al alla da dal dalla non più dopo contro come su tra suo sua ha hanno",
    ),
    (
        "nl",
        "de het een en van in op te voor met is zijn was naar bij door aan om uit niet dat die ook na over tegen wordt er maar",
    ),
    (
        "tr",
        "ve bir bu için ile de da olarak olan daha çok en ne gibi kadar sonra son yeni oldu etti dedi karşı mi",
    ),
    ("pl", "i w na z do o się nie to że jest są przez po od za dla przed jak co ale ich był"),
    ("sv", "och att i en det som på är av för med till den har de inte om ett var från efter"),
    ("ro", "și în de la a cu pe din un o nu care este sunt pentru după prin mai să au fost"),
    ("id", "dan yang di ke dari untuk dengan pada ini itu tidak akan oleh adalah dalam"),
];

/// Ends of words that show a language, in order of [`FUNCTION_WORDS`]; weaker evidence than a function word.
const ENDINGS: &[(&str, &str)] = &[
    ("en", "ing ed tion tions ers ies ight ly ters ths cks ck wn sh ess ents oods nt"),
    ("fr", "eur eurs aux eux tion tions ière aire aires ique iques ée ées és ère rdit ois"),
    ("es", "ción ciones dad dades ado ados ada adas ento os as iento nte an ía és"),
    ("pt", "ção ções ões dade ado ados ada adas eiro eira ento agem ão os as em éu nte am ais ia"),
    ("de", "ung ungen keit heit lich isch ischen ten ern en cht sch tz eit ebs eg uch er"),
    ("it", "zione zioni tto tti zza ità ato ata ati ate gli chi cchi ssi sta ono ggi eri ali"),
    ("nl", "en heid ijk tie aan oor eer"),
    ("tr", "lar ler ların lerin ıyor iyor acak ecek ması mesi ldı ldi ndı ndi tı tü lığı liği sı ü"),
    ("pl", "ów ych ego ami ski ska ie"),
    ("sv", "ar or na en het ade"),
    ("ro", "ul ului lor ea ii at"),
    ("id", "kan nya an"),
];

/// Letters that show a language of the Latin script, in order of [`FUNCTION_WORDS`].
const LATIN_LETTERS: &[(&str, &str)] = &[
    ("en", ""),
    ("fr", "éèêëàâùûîïôœç"),
    ("es", "ñáíóúé¿¡"),
    ("pt", "ãõáâêíóúéç"),
    ("de", "äöüß"),
    ("it", "èàùòì"),
    ("nl", "ëï"),
    ("tr", "ğşıüöç"),
    ("pl", "łąęśżźćńó"),
    ("sv", "åäö"),
    ("ro", "ăâîșțşţ"),
    ("id", ""),
];

/// What a word's end and its letters weigh beside a function word's 1.
const ENDING_WEIGHT: f64 = 0.4;
const LETTER_WEIGHT: f64 = 0.6;

/// Evidence of words from which a guess is clear.
const WORDS_CLEAR: f64 = 0.8;
/// Evidence of words from which a guess is strong by itself.
const WORDS_STRONG: f64 = 2.0;
/// Evidence for all other languages together that makes a declaration doubtful.
const WORDS_FOREIGN: f64 = 1.5;
/// Evidence of words from which a guess that trigrams share overrules a declaration on a long text.
const WORDS_RELIABLE: f64 = 4.0;

static LATIN_DETECTOR: LazyLock<Detector> = LazyLock::new(|| detector(LATIN));
static CYRILLIC_DETECTOR: LazyLock<Detector> = LazyLock::new(|| detector(CYRILLIC));

/// For each function word and each ending, the languages it belongs to, as positions in the tables.
static FUNCTION_WORD_OWNERS: LazyLock<Owners> = LazyLock::new(|| owners(FUNCTION_WORDS));
static ENDING_OWNERS: LazyLock<Owners> = LazyLock::new(|| owners(ENDINGS));

type Owners = HashMap<&'static str, Vec<usize>>;

fn owners(table: &'static [(&'static str, &'static str)]) -> Owners {
    let mut owners = Owners::new();
    for (position, (_, entries)) in table.iter().enumerate() {
        for entry in entries.split(' ') {
            let positions = owners.entry(entry).or_default();
            if !positions.contains(&position) {
                positions.push(position);
            }
        }
    }
    owners
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
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

/// What the text itself says.
struct Guess {
    language: &'static str,
    is_reliable: bool,
    strength: Strength,
}

/// How much a guess may decide. A topic's word lists hold for one language, so a wrong language costs every list of
/// the right one, while `und` costs none: a guess that is not strong says `und`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    /// Says nothing.
    Weak,
    /// Enough to doubt a declaration.
    Clear,
    /// Enough to be believed.
    Strong,
}

/// The ISO 639-1 code of a text, or `und`.
///
/// What the feed declares (any language tag) wins, unless the text is in another script or its words say clearly
/// otherwise: then a short text is `und`, or what it says when the evidence is strong, and a long one is what it
/// reliably is. Without a declaration only strong evidence names a language of the Latin script.
pub fn detect(text: &str, declared: Option<&str>) -> String {
    let declared = declared.and_then(code);
    let (script, letters) = dominant_script(text);
    let Some(script) = script else {
        return declared.unwrap_or_else(|| UNDETERMINED.to_owned());
    };
    let declared = declared.filter(|code| can_write(code, script));
    let is_short = letters < LETTERS_TO_OVERRULE;
    // What would not be overruled need not be guessed.
    if is_short
        && script != Script::Latin
        && let Some(declared) = declared
    {
        return declared;
    }
    let guess = match script {
        Script::Latin => latin(text, declared.as_deref()),
        _ => other(text, script),
    };
    match (declared, guess) {
        (Some(declared), Some(guess)) if is_short && guess.language != declared => {
            match guess.strength {
                // Without a list of its words a short text cannot speak for the declared language.
                _ if !has_words(&declared) => declared,
                Strength::Strong => guess.language.to_owned(),
                Strength::Clear => UNDETERMINED.to_owned(),
                Strength::Weak => declared,
            }
        }
        (Some(declared), Some(guess)) if guess.is_reliable && is_told_apart(&declared) => {
            guess.language.to_owned()
        }
        (Some(declared), _) => declared,
        (None, Some(guess)) if guess.strength == Strength::Strong => guess.language.to_owned(),
        (None, _) => UNDETERMINED.to_owned(),
    }
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

/// The script most letters are in, and how many letters there are. Kana mixes with Han and settles it.
fn dominant_script(text: &str) -> (Option<Script>, usize) {
    let mut counts: HashMap<Script, usize> = HashMap::new();
    let mut letters = 0;
    for script in text.chars().filter(|letter| letter.is_alphabetic()).take(LETTERS_MAX).filter_map(script_of)
    {
        *counts.entry(script).or_default() += 1;
        letters += 1;
    }
    let kana = counts.get(&Script::Kana).copied().unwrap_or(0);
    let han = counts.get(&Script::Han).copied().unwrap_or(0);
    if kana > 0 && (kana + han) * 2 >= letters {
        return (Some(Script::Kana), letters);
    }
    let dominant = counts.into_iter().max_by_key(|&(script, count)| (count, script));
    (dominant.map(|(script, _)| script), letters)
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

/// Whether there is a list of a language's words.
fn has_words(code: &str) -> bool {
    FUNCTION_WORDS.iter().any(|(known, _)| *known == code)
}

/// Whether our guesses know a language at all; one they do not know is never overruled by one they do.
fn is_told_apart(code: &str) -> bool {
    LATIN.iter().chain(CYRILLIC).any(|(_, known)| *known == code)
        || matches!(code, "ar" | "fa" | "ur" | "zh" | "ja")
}

fn detector(languages: &[(Lang, &str)]) -> Detector {
    Detector::with_allowlist(languages.iter().map(|(language, _)| *language).collect())
}

fn trigrams(
    text: &str,
    detector: &Detector,
    languages: &'static [(Lang, &'static str)],
) -> Option<(Guess, f64)> {
    let sample: String = text.chars().take(LETTERS_MAX).collect();
    let info = detector.detect(&sample)?;
    let (_, language) = languages.iter().find(|(language, _)| *language == info.lang())?;
    let is_reliable = info.is_reliable();
    // Cyrillic lists hold whatever the language, so any guess will do; Latin letters judge for themselves.
    Some((Guess { language, is_reliable, strength: Strength::Strong }, info.confidence()))
}

/// Latin letters: what the words say, and whether the trigrams say so too.
fn latin(text: &str, declared: Option<&str>) -> Option<Guess> {
    let sample: String = text.chars().take(LETTERS_MAX).collect::<String>().to_lowercase();
    let evidence = word_evidence(&sample);
    let mut ranked: Vec<(f64, &'static str)> =
        evidence.into_iter().zip(FUNCTION_WORDS).map(|(weight, (language, _))| (weight, *language)).collect();
    ranked.sort_by(|left, right| right.0.total_cmp(&left.0));
    let (best, language) = *ranked.first()?;
    let all: f64 = ranked.iter().map(|(weight, _)| weight).sum();
    let (second, _) = *ranked.get(1)?;
    let of_declared =
        ranked.iter().find(|(_, language)| Some(*language) == declared).map(|(weight, _)| *weight);
    let by_trigrams = trigrams(text, &LATIN_DETECTOR, LATIN).map(|(guess, _)| guess);
    // A language without a list of words can only be told by its trigrams.
    if let Some(guess) = &by_trigrams
        && guess.is_reliable
        && !has_words(guess.language)
        && best < WORDS_CLEAR
    {
        return by_trigrams;
    }
    let agrees = by_trigrams.as_ref().is_some_and(|guess| guess.language == language);
    let trigrams_reliable = agrees && by_trigrams.is_some_and(|guess| guess.is_reliable);
    let ratio = if second > 0.0 { best / second } else { f64::INFINITY };
    let is_strong = (best >= WORDS_STRONG && ratio >= 2.0)
        || (best >= WORDS_CLEAR && ratio >= 1.4 && agrees)
        || (trigrams_reliable && best > 0.0 && ratio >= 1.2);
    // Languages that share their words ("la", "en") may all speak against the declared one without one winning.
    let speaks_against = of_declared.is_some_and(|its| all >= WORDS_FOREIGN && all >= its * 6.0);
    let is_clear = speaks_against
        || best >= WORDS_CLEAR && ratio >= 1.4 && of_declared.is_none_or(|its| best >= its * 2.0);
    let strength = match (is_strong, is_clear) {
        (true, _) => Strength::Strong,
        (false, true) => Strength::Clear,
        (false, false) => Strength::Weak,
    };
    Some(Guess { language, is_reliable: trigrams_reliable || (agrees && best >= WORDS_RELIABLE), strength })
}

/// What the words say for each language of [`FUNCTION_WORDS`].
fn word_evidence(sample: &str) -> Vec<f64> {
    let mut evidence = vec![0.0_f64; FUNCTION_WORDS.len()];
    let mut add = |positions: &[usize], weight: f64| {
        for &position in positions {
            if let Some(sum) = evidence.get_mut(position) {
                *sum += weight / positions.len() as f64;
            }
        }
    };
    for word in sample.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()) {
        if let Some(owners) = FUNCTION_WORD_OWNERS.get(word) {
            add(owners, 1.0);
            continue;
        }
        if let Some(owners) = longest_ending(word) {
            add(owners, ENDING_WEIGHT);
        }
        if !word.is_ascii() {
            let has_letter = |letters: &str| word.chars().any(|letter| letters.contains(letter));
            let owners: Vec<usize> = (0..LATIN_LETTERS.len())
                .filter(|&position| {
                    LATIN_LETTERS.get(position).is_some_and(|(_, letters)| has_letter(letters))
                })
                .collect();
            add(&owners, LETTER_WEIGHT);
        }
    }
    evidence
}

/// The languages of the longest ending a word has, beyond three letters of its own.
fn longest_ending(word: &str) -> Option<&'static Vec<usize>> {
    word.char_indices().skip(3).find_map(|(at, _)| ENDING_OWNERS.get(word.get(at..)?))
}

/// Other scripts: telling letters first, then trigrams for Cyrillic, then the script's first language.
fn other(text: &str, script: Script) -> Option<Guess> {
    let (_, codes) = SCRIPTS.iter().find(|(other, _)| *other == script)?;
    let sample = || text.chars().take(LETTERS_MAX);
    let count = |letters: &str| sample().filter(|letter| letters.contains(*letter)).count();
    let told = TELLING_LETTERS
        .iter()
        .filter(|(language, _)| codes.contains(language))
        .map(|(language, letters)| (*language, count(letters)))
        .enumerate()
        .filter(|(_, (_, count))| *count > 0)
        .max_by_key(|(position, (_, count))| (*count, usize::MAX - position));
    if let Some((_, (language, count))) = told {
        return Some(Guess { language, is_reliable: count >= 3, strength: Strength::Strong });
    }
    if script == Script::Cyrillic
        && let Some((guess, _)) = trigrams(text, &CYRILLIC_DETECTOR, CYRILLIC)
    {
        return Some(guess);
    }
    let strength = Strength::Strong;
    codes.first().map(|language| Guess { language, is_reliable: false, strength })
}
