//! Which countries a text is about.

#[allow(dead_code, reason = "its `main` writes files")]
#[path = "../../examples/compile_places.rs"]
mod compile_places;

use std::fs;
use std::path::Path;

use wirewatch::article::place::gazetteer::longest;
use wirewatch::article::place::{PLACES_MAX, places};

use crate::support::desk::data_beside;

fn check(language: &str, title: &str, expected: &[&str]) {
    assert_eq!(places(title, "", "", language), expected, "{language}: {title}");
}

#[test]
fn names_people_capitals_regions_and_towns_mean_their_country() {
    check("en", "Truce collapses in Sudan", &["SD"]);
    check("en", "Sudanese army retakes the bridge", &["SD"]);
    check("en", "Shells fall on Khartoum and Omdurman", &["SD"]);
    check("en", "Thousands flee North Darfur", &["SD"]);
    check("en", "Convoy waits at Bab al-Hawa", &["SY"]);
    check("en", "Nothing happened anywhere", &[]);
    check("", "", &[]);
}

#[test]
fn eight_languages_find_their_names() {
    check("fr", "La trêve rompue au Soudan du Sud", &["SS"]);
    check("fr", "L'aide bloquée à la frontière de l'Éthiopie", &["ET"]);
    check("es", "La tregua se rompe en Colombia", &["CO"]);
    check("pt", "Ajuda retida na fronteira de Moçambique", &["MZ"]);
    check("ru", "Перемирие нарушено в Судане", &["SD"]);
    check("uk", "Обстріл Харкова попри перемир'я", &["UA"]);
    check("ar", "قصف في السودان رغم الهدنة", &["SD"]);
    check("ar", "انهيار الهدنة بالسودان", &["SD"]);
    check("fa", "نقض آتش‌بس در سوریه", &["SY"]);
    check("de", "Waffenruhe im Jemen gebrochen", &["YE"]);
}

#[test]
fn the_longest_name_counts() {
    check("en", "Fighting spreads in South Sudan", &["SS"]);
    check("en", "Rebels advance in the Democratic Republic of the Congo", &["CD"]);
    check("en", "Papua New Guinea declares an emergency", &["PG"]);
    check("en", "Voters queue in Equatorial Guinea", &["GQ"]);
    // Sentences are two statements.
    check("en", "They went south. Sudan waits", &["SD"]);
}

#[test]
fn decoys_take_their_words_and_mean_nothing() {
    check("en", "Michael Jordan sells his house", &[]);
    check("en", "Oil spill in the Gulf of Mexico", &[]);
    check("en", "A guinea pig wins the prize", &[]);
}

#[test]
fn a_name_is_written_as_names_are() {
    check("en", "Ministers meet in the US", &["US"]);
    check("en", "Tell us what you saw", &[]);
    check("en", "A turkey for every table", &[]);
    check("en", "Turkey opens the crossing", &["TR"]);
    check("en", "A new car for the CAR", &["CF"]);
    check("en", "The chad hung from the ballot", &[]);
    check("en", "Chad closes its border", &["TD"]);
}

#[test]
fn a_second_cue_settles_what_one_alone_does_not() {
    check("en", "A nice day at the beach", &[]);
    check("en", "Police in Nice, France, search the promenade", &["FR"]);
}

#[test]
fn the_headline_says_where_and_a_government_far_away_less() {
    let found = places("Moscow says strikes on Kharkiv go on", "", "", "en");
    assert_eq!(found.first(), Some(&"UA"), "{found:?}");
    let summary = "Officials in Egypt and Qatar, and the United States, hope for a new truce, Egypt said.";
    let found = places("Shelling shakes Gaza", summary, "", "en");
    assert_eq!(found.first(), Some(&"PS"), "{found:?}");
    assert!(found.contains(&"EG") && found.contains(&"QA"), "{found:?}");
}

#[test]
fn a_text_of_any_kind_has_a_few_places_at_most() {
    let long = "Sudan Chad Mali Niger Libya Egypt Kenya Somalia Ethiopia Eritrea ".repeat(20_000);
    assert_eq!(places(&long, &long, &long, "en").len(), PLACES_MAX);
    for odd in ["\u{200f}\u{202e}السودان", "🇸🇩 Sudan", &"a".repeat(1_000_000), &"South ".repeat(100_000)]
    {
        assert!(places(odd, odd, odd, "en").len() <= 1);
    }
}

#[test]
fn the_compiled_names_are_whole() {
    assert_eq!(longest(["south", "sudan", "waits"].into_iter()).unwrap().word_count, 2);
    let all: Vec<_> = longest(["sudan"].into_iter()).unwrap().candidates().collect();
    assert!(all.iter().any(|candidate| candidate.country == "SD" && candidate.language.is_none()), "{all:?}");
    assert!(longest(["nowhere-at-all"].into_iter()).is_none());
    assert!(longest(std::iter::empty()).is_none());
}

#[test]
fn the_compiled_names_are_those_of_the_gazetteer() {
    let Some(dir) = data_beside("places") else { return };
    let (names, candidates) = compile_places::compile(&dir).unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/article/place");
    assert!(names == fs::read(here.join("names.fst")).unwrap(), "run examples/compile_places.rs anew");
    assert!(
        candidates == fs::read(here.join("candidates.bin")).unwrap(),
        "run examples/compile_places.rs anew"
    );
}
