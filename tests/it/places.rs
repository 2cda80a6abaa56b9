//! Which countries a text is about.

#![allow(clippy::print_stdout, reason = "what was measured and skipped is said")]

#[allow(dead_code, reason = "its `main` writes files")]
#[path = "../../examples/compile_places.rs"]
mod compile_places;

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;

use jiff::Timestamp;
use proptest::prelude::*;
use wirewatch::article::place::gazetteer::longest;
use wirewatch::article::place::{PLACES_MAX, country, places};
use wirewatch::article::{NO_PLACE, normalize};
use wirewatch::feed::{Entry, Feed};

use crate::support::desk::data_beside;
use crate::support::growth;

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
    assert!(found.contains(&"EG"), "{found:?}");
    // Whom a text names once, in passing, is not what it is about.
    let summary =
        "Shelling went on all night, residents say. The minister had been to Norway and Peru in the spring.";
    assert_eq!(places("Shelling shakes Gaza", summary, "", "en"), ["PS"]);
    check("en", "Talks in Geneva on Sudan break off", &["SD", "CH"]);
    check("en", "Israel strikes airport in Syria", &["SY", "IL"]);
    check("en", "White House says truce in Sudan must hold", &["SD", "US"]);
    let dateline = "BEIRUT (Agency) - Shells fell on Aleppo overnight.";
    assert_eq!(places("Shells fall on city", dateline, "", "en"), ["SY"]);
}

#[test]
fn persons_are_no_places() {
    check("en", "The verdict on Jordan Andrews is due on Monday", &[]);
    check("en", "Lawyer Sidney Powell and Chad Daybell appeal", &[]);
    let summary = "The family of Jordan Andrews says that Jordan was at home.";
    assert_eq!(places("A family waits for news", summary, "", "en"), [""; 0]);
    check("en", "The king of Jordan calls for calm", &["JO"]);
    check("en", "In Jordan, camps are full", &["JO"]);
    check("en", "Jordan's King Abdullah meets aid workers", &["JO"]);
    check("en", "Jordan Closes Border Crossing to Trucks", &["JO"]);
    check("en", "What they mean when they say 'Chad'", &[]);
    check("en", "Autopsy shows how Tyre Andrews died", &[]);
}

#[test]
fn states_of_federations_mean_their_country() {
    for state in
        ["Florida", "California", "Texas", "Ohio", "North Carolina", "Queensland", "Ontario", "Kerala"]
    {
        let found = places(&format!("Flood warning in {state}"), "", "", "en");
        let country = match state {
            "Queensland" => "AU",
            "Ontario" => "CA",
            "Kerala" => "IN",
            _ => "US",
        };
        assert_eq!(found, [country], "{state}");
    }
    check("en", "Storm nears as shelters open in Darwin", &["AU"]);
    check("en", "Rep. Doe (R-Ky.) speaks of the bill", &["US"]);
}

#[test]
fn georgia_is_the_country_unless_the_text_is_about_the_state() {
    check("en", "Georgia protests over new law", &["GE"]);
    check("en", "Protesters in Georgia demand that the United States speaks up", &["GE", "US"]);
    check("en", "Georgia sheriff says deputies found the car", &["US"]);
    check("en", "Two held in Georgia after shots in Atlanta", &["US"]);
    check("en", "Georgia and Abkhazia exchange prisoners", &["GE"]);
}

#[test]
fn clubs_and_games_are_no_news_of_their_towns() {
    check("en", "Barcelona beat Liverpool to reach the semi-final of the league", &[]);
    check("en", "Boston Celtics fall to Miami Heat in playoffs", &[]);
    check("en", "Striker scores twice as Marseille win at Lyon", &[]);
    check("en", "Ireland's flanker hopes for the rugby World Cup", &["IE"]);
    // People come to harm: it is news of the town.
    check("en", "Police fire on fans after football match in Malang, dozens dead", &["ID"]);
}

#[test]
fn a_name_of_several_countries_is_settled_by_what_else_is_named() {
    check("en", "Congolese troops leave the town, the DRC says", &["CD"]);
    let summary = "The court in Madrid heard witnesses from Spain.";
    assert_eq!(places("Valencia counts its dead", summary, "", "en"), ["ES"]);
    check("en", "Villages shelled in Kashmir", &["IN", "PK"]);
}

#[test]
fn regions_of_the_world_are_no_country() {
    for title in [
        "Hunger grows in the Horn of Africa",
        "West Africa faces a lean season",
        "Ships avoid the Red Sea",
        "Leaders of the Middle East meet",
        "South Asia braces for heat",
    ] {
        check("en", title, &[]);
    }
}

/// Entries of the recorded stream, drawn at random and marked by hand before the rules were asked: the countries a reader of
/// headline and summary would tell, the main one first.
#[test]
fn marked_entries_get_the_countries_a_reader_tells() {
    let Some(dir) = data_beside("stream") else { return };
    let marks = include_str!("places/marks.tsv");
    let marks: HashMap<&str, Vec<&str>> = marks
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once('\t'))
        .map(|(id, countries)| (id, countries.split_whitespace().collect()))
        .collect();
    let feed = Feed::new("https://feeds.example.org/world.xml".parse().unwrap());
    let (mut right, mut told, mut marked) = (0, 0, 0);
    let (mut main_right, mut main_marked, mut seen) = (0, 0, 0);
    for line in stream(&dir) {
        // Most lines are not marked, and reading them all would take a while.
        if !line.rsplit('"').nth(1).is_some_and(|id| marks.contains_key(id)) {
            continue;
        }
        let row: serde_json::Value = serde_json::from_str(&line).unwrap();
        let Some(expected) = marks.get(row["id"].as_str().unwrap()) else { continue };
        let text = |key: &str| row[key].as_str().map(str::to_owned);
        let entry = Entry {
            title: text("title").unwrap_or_default(),
            summary: text("summary"),
            url: text("url"),
            ..Entry::default()
        };
        let article = normalize(&entry, &feed, Timestamp::UNIX_EPOCH);
        let found: Vec<&str> =
            article.places.iter().map(String::as_str).filter(|place| *place != NO_PLACE).collect();
        right += found.iter().filter(|place| expected.contains(place)).count();
        (told, marked, seen) = (told + found.len(), marked + expected.len(), seen + 1);
        main_marked += usize::from(!expected.is_empty());
        main_right += usize::from(!expected.is_empty() && found.first() == expected.first());
    }
    assert_eq!(seen, marks.len(), "entries that are marked and not there");
    let percent = |part: usize, whole: usize| 100.0 * part as f64 / whole as f64;
    let (precision, recall) = (percent(right, told), percent(right, marked));
    let main = percent(main_right, main_marked);
    println!("{seen} entries: precision {precision:.1} %, recall {recall:.1} %, main place {main:.1} %");
    assert!(precision >= 95.0, "precision fell to {precision:.1} %");
    assert!(recall >= 85.0, "recall fell to {recall:.1} %");
    assert!(main >= 80.0, "the main place is right in {main:.1} %");
}

/// The lines of the recorded stream.
fn stream(dir: &Path) -> Vec<String> {
    let mut paths: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let unpacked = flate2::read::MultiGzDecoder::new(fs::File::open(path).unwrap());
        BufReader::new(unpacked).lines().map(Result::unwrap).collect::<Vec<_>>()
    };
    paths.iter().flat_map(read).collect()
}

proptest! {
    #[test]
    fn no_text_panics_or_has_many_places(title in ODD, summary in ODD, language in "en|ar|zh|und|xx|") {
        let found = places(&title, &summary, "", &language);
        prop_assert!(found.len() <= PLACES_MAX);
        prop_assert!(found.iter().all(|code| country::name(code).is_some()));
        let distinct: BTreeSet<_> = found.iter().collect();
        prop_assert_eq!(distinct.len(), found.len());
    }
}

/// Names, cues and all kinds of letters and marks, in any order.
const ODD: &str = "((Sudan|Jordan|South|Georgia|السودان|والسودان|Судан|苏丹|Saint|D-Ill\\.|in|at|says|'s|«|\u{202e}|\u{200d}|🇸🇩|\\PC)[ -]?){0,40}";

#[test]
fn reading_places_is_linear_in_the_text() {
    let sample =
        "Sudan 🇸🇩 \u{202e}السودان\u{202c} Судан 苏丹的停火 South Saint New Port-au- 'Jordan' in (D-Ill.) ";
    growth::assert_linear(
        "places",
        300,
        |count| sample.repeat(count),
        |text| {
            assert!(places("", text, text, "en").len() <= PLACES_MAX);
        },
    );
    let names = "Jordan Andrews, Georgia, Senate, Sen., Gov., Congress, Valencia, Kashmir. ";
    growth::assert_linear(
        "names",
        300,
        |count| names.repeat(count),
        |text| {
            assert!(places(text, text, text, "en").len() <= PLACES_MAX);
        },
    );
    assert!(places("", &sample.repeat(1_000_000 / sample.len()), "", "ar").len() <= PLACES_MAX);
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
