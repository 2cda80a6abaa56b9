//! Compiles a gazetteer (tab-separated names, see its README) into the two files that the program carries.
//!
//! `cargo run --release --example compile_places -- DIRECTORY` writes `names.fst` and `candidates.bin` into
//! `src/article/place/`. The same input gives the same bytes. Names are folded as texts are, so that both meet.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::Path;

use fst::MapBuilder;
use wirewatch::article::words::fold;

const OUT: &str = "src/article/place";

/// Names of our own, which stand above the gazetteer's: institutions that stand for a country, regions it marks too
/// carefully, further decoys.
const OWN: &str = "src/article/place/own.tsv";

/// The most people a row can say, in thousands.
const POPULATION_MAX: u32 = 0xff_ffff;

/// A meaning, as it is written: country, flags and kind, language, population in thousands.
type Meaning = (String, u8, String, u32);

fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::args().nth(1).ok_or("name the directory with names.tsv and decoys.tsv")?;
    let (names, candidates) = compile(Path::new(&dir))?;
    fs::write(Path::new(OUT).join("names.fst"), &names)?;
    fs::write(Path::new(OUT).join("candidates.bin"), &candidates)?;
    Ok(())
}

/// The two files.
pub(crate) fn compile(dir: &Path) -> Result<(Vec<u8>, Vec<u8>), Box<dyn Error>> {
    let (mut candidates, mut map) = (Vec::new(), MapBuilder::memory());
    let mut known: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    for (key, meanings) in &read(dir)? {
        let bytes = written(meanings)?;
        let offset = *known.entry(bytes.clone()).or_insert_with(|| {
            let offset = candidates.len() as u64;
            candidates.extend(&bytes);
            offset
        });
        map.insert(key, offset)?;
    }
    Ok((map.into_inner()?, candidates))
}

/// Folded names with their meanings; decoys have none.
fn read(dir: &Path) -> Result<BTreeMap<String, BTreeSet<Meaning>>, Box<dyn Error>> {
    let mut names: BTreeMap<String, BTreeSet<Meaning>> = BTreeMap::new();
    for line in fs::read_to_string(dir.join("names.tsv"))?.lines().skip(1) {
        let [country, language, kind, name, population, ambiguous] = line.split('\t').collect::<Vec<_>>()[..]
        else {
            return Err(format!("this line has not six columns: {line}").into());
        };
        let flags = flags(kind, name, ambiguous)?;
        // English and what belongs to no one language counts in every text.
        let any = language == "en" || language.starts_with("und");
        let language = if any { "" } else { language };
        let population = population.parse::<u32>().unwrap_or(0).div_ceil(1_000).min(POPULATION_MAX);
        let key = fold(name);
        if !key.is_empty() {
            let meaning = (country.to_owned(), flags, language.to_owned(), population);
            names.entry(key).or_default().insert(meaning);
        }
    }
    for line in fs::read_to_string(dir.join("decoys.tsv"))?.lines().skip(1) {
        let phrase = line.split('\t').nth(1).ok_or("a decoy without a phrase")?;
        // A decoy takes its words whatever else they may mean.
        names.insert(fold(phrase), BTreeSet::new());
    }
    for line in fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(OWN))?.lines().skip(1) {
        let [country, language, kind, name, ambiguous] = line.split('\t').collect::<Vec<_>>()[..] else {
            return Err(format!("this line has not five columns: {line}").into());
        };
        let meanings = names.entry(fold(name)).or_default();
        if kind == "decoy" {
            meanings.clear();
            continue;
        }
        // What we say of a name in a country stands for all that the gazetteer says of it there.
        meanings.retain(|other| other.0 != country);
        let language = if language == "und" { "" } else { language };
        meanings.insert((
            country.to_owned(),
            flags(kind, name, ambiguous)?,
            language.to_owned(),
            POPULATION_MAX,
        ));
    }
    Ok(names)
}

/// Kind and marks of a name in one byte.
fn flags(kind: &str, name: &str, ambiguous: &str) -> Result<u8, Box<dyn Error>> {
    let kinds = ["name", "demonym", "capital", "admin1", "city", "institution"];
    let kind = kinds.iter().position(|known| *known == kind).ok_or(format!("`{kind}` is no kind"))?;
    let letters = name.chars().filter(|letter| letter.is_alphabetic()).count();
    let is_capitals = letters <= 4
        && name
            .chars()
            .all(|letter| !letter.is_lowercase() && letter.is_uppercase() | !letter.is_alphabetic());
    let marks = if ambiguous == "1" { 0x80 } else { 0 } | if is_capitals { 0x40 } else { 0 };
    Ok(u8::try_from(kind)? | marks)
}

fn written(meanings: &BTreeSet<Meaning>) -> Result<Vec<u8>, Box<dyn Error>> {
    // What counts in every text need not be said again for one language.
    let is_said = |(country, flags, language, _): &&Meaning| {
        language.is_empty()
            || !meanings.iter().any(|other| other.2.is_empty() && other.0 == *country && other.1 == *flags)
    };
    let kept: Vec<&Meaning> = meanings.iter().filter(is_said).collect();
    let mut bytes = vec![u8::try_from(kept.len())?];
    for (country, flags, language, population) in kept {
        if country.len() != 2 || language.len() > 3 {
            return Err(format!("`{country}` or `{language}` is too long").into());
        }
        bytes.extend(country.as_bytes());
        bytes.push(*flags);
        bytes.extend(format!("{language:<3}").as_bytes());
        bytes.extend(&population.to_le_bytes()[..3]);
    }
    Ok(bytes)
}
