//! Compiles the frequencies of letters that the language models of lingua hold into the tables that the program carries.
//!
//! `cargo run --release --example compile_languages -- DIRECTORY` reads `DIRECTORY/lingua-NAME-language-model-VERSION`
//! (the crates, unpacked: cargo keeps them below `registry/src` once a project that depends on them was fetched) and
//! writes `latin.bin`, `cyrillic.bin` and `arabic.bin` into `src/article/language/`. The same input gives the same bytes.
//!
//! A model has, for every run of one to five letters inside words, how often its last letter follows the others. From
//! these come the frequencies of all runs, and what runs lack to their continuations are the borders of words. A table
//! has the runs that tell most, and for each language how likely their last letter is there (Witten–Bell smoothing).

use std::collections::{BTreeSet, HashMap};
use std::error::Error;
use std::fs;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::path::{Path, PathBuf};

use fst::{Map, Streamer};
use wirewatch::article::language::ngrams::{
    BORDER, LETTER_BITS, RUN_MAX, STEP, bucket, check, end, hash, slot, symbol,
};

const OUT: &str = "src/article/language";

/// Languages, with the names lingua gives them.
type Languages = &'static [(&'static str, &'static str)];

/// Files, with the runs they hold and their languages; first those that are to be told best.
const TABLES: &[(&str, usize, Languages)] =
    &[("latin.bin", 54_000, LATIN), ("cyrillic.bin", 28_000, CYRILLIC), ("arabic.bin", 14_000, ARABIC)];

const LATIN: Languages = &[
    ("en", "english"),
    ("fr", "french"),
    ("es", "spanish"),
    ("pt", "portuguese"),
    ("de", "german"),
    ("it", "italian"),
    ("tr", "turkish"),
    ("nl", "dutch"),
    ("pl", "polish"),
    ("ro", "romanian"),
    ("sv", "swedish"),
    ("id", "indonesian"),
    ("cs", "czech"),
    ("hu", "hungarian"),
    ("da", "danish"),
    ("no", "bokmal"),
    ("fi", "finnish"),
    ("vi", "vietnamese"),
    ("ca", "catalan"),
    ("sk", "slovak"),
    ("hr", "croatian"),
    ("sw", "swahili"),
    ("so", "somali"),
    ("sq", "albanian"),
    ("az", "azerbaijani"),
    ("tl", "tagalog"),
    ("lt", "lithuanian"),
    ("lv", "latvian"),
    ("et", "estonian"),
    ("sl", "slovene"),
    ("eu", "basque"),
    ("af", "afrikaans"),
    ("is", "icelandic"),
    ("cy", "welsh"),
    ("ga", "irish"),
    ("yo", "yoruba"),
    ("zu", "zulu"),
    ("sn", "shona"),
    ("lg", "ganda"),
    ("tn", "tswana"),
];

const CYRILLIC: Languages = &[
    ("ru", "russian"),
    ("uk", "ukrainian"),
    ("bg", "bulgarian"),
    ("sr", "serbian"),
    ("be", "belarusian"),
    ("mk", "macedonian"),
    ("kk", "kazakh"),
    ("mn", "mongolian"),
];

const ARABIC: Languages = &[("ar", "arabic"), ("fa", "persian"), ("ur", "urdu")];

/// Languages that topics have words in: what tells them counts three times.
const TOLD_BEST: &[&str] = &["en", "fr", "es", "pt", "ru", "uk", "ar", "fa"];
const TOLD_BEST_WEIGHT: f64 = 3.0;

/// Rarer runs are left out, and a language's own rounding is below this.
const FREQUENCY_MIN: f64 = 1e-6;
const FREQUENCY_NONE: f64 = 1e-9;

/// What a run costs a language that has never seen its letters; and what smoothing takes for one kind of continuation.
const LIKELIHOOD_MIN: f64 = -9.0;
const LETTER_UNSEEN: f64 = 1e-6;
const KIND_FREQUENCY: f64 = 2e-8;

/// Runs in a bucket, slots for a hundred runs.
const BUCKET_RUNS: usize = 4;
const SLOTS_PERCENT: usize = 103;

/// Hashed alike in every run of the program, so that sums are rounded alike.
type Runs<V> = HashMap<u64, V, BuildHasherDefault<DefaultHasher>>;

/// A language: how often runs occur beside letters, and of each context how often it is continued and in how many ways.
struct Model {
    weight: f64,
    frequencies: Runs<f64>,
    contexts: Runs<(f64, f64)>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::args().nth(1).ok_or("name the directory of the language models")?;
    for (file, run_count, languages) in TABLES {
        let models: Vec<Model> = languages
            .iter()
            .map(|(code, name)| model(Path::new(&dir), code, name))
            .collect::<Result<_, _>>()?;
        let runs = telling_runs(&models, *run_count);
        let codes: String = languages.iter().map(|(code, _)| *code).collect();
        fs::write(Path::new(OUT).join(file), table(&codes, &models, &runs)?)?;
    }
    Ok(())
}

fn model_path(dir: &Path, name: &str) -> Result<PathBuf, Box<dyn Error>> {
    let prefix = format!("lingua-{name}-language-model-");
    let mut found: Vec<PathBuf> = fs::read_dir(dir)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    found.retain(|path| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(&prefix)));
    found.sort();
    Ok(found.pop().ok_or(format!("there is no {prefix}* in {}", dir.display()))?.join("models/ngrams.fst"))
}

fn model(dir: &Path, code: &str, name: &str) -> Result<Model, Box<dyn Error>> {
    let inside = inside_words(&Map::new(fs::read(model_path(dir, name)?)?)?)?;
    let frequencies = with_borders(inside);
    let mut contexts: Runs<(f64, f64)> = Runs::default();
    for (run, frequency) in &frequencies {
        let context = contexts.entry(run >> LETTER_BITS).or_default();
        context.0 += frequency;
        context.1 += 1.0;
    }
    let weight = if TOLD_BEST.contains(&code) { TOLD_BEST_WEIGHT } else { 1.0 };
    Ok(Model { weight, frequencies, contexts })
}

/// The frequencies of runs inside words. The map has the logarithm of how often the last letter follows the others.
fn inside_words(map: &Map<Vec<u8>>) -> Result<Runs<f64>, Box<dyn Error>> {
    let (mut logarithms, mut inside) = (HashMap::<String, f64>::new(), Runs::<f64>::default());
    let mut stream = map.stream();
    while let Some((letters, value)) = stream.next() {
        let letters = str::from_utf8(letters)?;
        let mut before = letters.chars();
        before.next_back();
        let logarithm = f64::from_bits(value) + logarithms.get(before.as_str()).copied().unwrap_or(0.0);
        logarithms.insert(letters.to_owned(), logarithm);
        let run = letters.chars().try_fold(0, |run, letter| Some(run << LETTER_BITS | symbol(letter)?));
        if let Some(run) = run {
            *inside.entry(run).or_default() += logarithm.exp();
        }
    }
    Ok(inside)
}

/// Adds the runs that a border begins or ends: what is left of a run when its continuations are taken away.
fn with_borders(inside: Runs<f64>) -> Runs<f64> {
    let (mut first, mut last) = (inside.clone(), inside.clone());
    for (run, frequency) in inside.iter().filter(|(run, _)| length(**run) > 1) {
        first.entry(end(*run, length(*run) - 1)).and_modify(|left| *left -= frequency);
        last.entry(run >> LETTER_BITS).and_modify(|left| *left -= frequency);
    }
    first.retain(|run, left| length(*run) < RUN_MAX && *left > FREQUENCY_NONE);
    last.retain(|run, left| length(*run) < RUN_MAX && *left > FREQUENCY_NONE);
    let mut whole: Runs<f64> =
        first.iter().filter(|(run, _)| length(**run) < RUN_MAX - 1).map(copied).collect();
    for (run, frequency) in first.iter().filter(|(run, _)| length(**run) > 1) {
        whole.entry(run >> LETTER_BITS).and_modify(|left| *left -= frequency);
    }
    whole.retain(|_, left| *left > FREQUENCY_NONE);
    let begun = |run: u64| BORDER << (LETTER_BITS * length(run)) | run;
    let mut all = inside;
    all.insert(BORDER, first.iter().filter(|(run, _)| length(**run) == 1).map(|(_, left)| left).sum());
    all.extend(first.iter().map(|(run, left)| (begun(*run), *left)));
    all.extend(last.iter().map(|(run, left)| (run << LETTER_BITS | BORDER, *left)));
    all.extend(whole.iter().map(|(run, left)| (begun(*run) << LETTER_BITS | BORDER, *left)));
    all
}

fn copied((run, frequency): (&u64, &f64)) -> (u64, f64) {
    (*run, *frequency)
}

fn length(run: u64) -> u32 {
    (u64::BITS - run.leading_zeros()).div_ceil(LETTER_BITS)
}

impl Model {
    /// How likely the last letter of a run is behind the others.
    fn probability(&self, run: u64) -> f64 {
        let shorter = match length(run) {
            1 => LETTER_UNSEEN,
            length => self.probability(end(run, length - 1)),
        };
        let Some((continued, kinds)) = self.contexts.get(&(run >> LETTER_BITS)) else { return shorter };
        let (frequency, smoothing) = (self.frequency(run), kinds * KIND_FREQUENCY);
        (frequency + smoothing * shorter) / (continued + smoothing)
    }

    fn frequency(&self, run: u64) -> f64 {
        self.frequencies.get(&run).copied().unwrap_or(0.0)
    }
}

fn likelihoods(models: &[Model], run: u64) -> Vec<f64> {
    models.iter().map(|model| model.probability(run).ln().max(LIKELIHOOD_MIN)).collect()
}

/// The runs that tell most beyond what their ends tell, with all their ends, in order.
fn telling_runs(models: &[Model], count: usize) -> Vec<u64> {
    let candidates: BTreeSet<u64> = models
        .iter()
        .flat_map(|model| model.frequencies.iter())
        .filter(|(_, frequency)| **frequency >= FREQUENCY_MIN)
        .map(|(run, _)| *run)
        .collect();
    let mut kept: BTreeSet<u64> = candidates.iter().copied().filter(|run| length(*run) == 1).collect();
    let mut ranked: Vec<(f64, u64)> =
        candidates.iter().filter(|run| length(**run) > 1).map(|run| (gain(models, *run), *run)).collect();
    ranked.sort_by(|left, right| right.0.total_cmp(&left.0).then(left.1.cmp(&right.1)));
    for (_, run) in ranked {
        if kept.len() >= count {
            break;
        }
        kept.extend((1..=length(run)).map(|length| end(run, length)));
    }
    kept.into_iter().collect()
}

/// How much a run tells: its frequency, times how differently it moves the languages beside its end without the first.
fn gain(models: &[Model], run: u64) -> f64 {
    let shorter = likelihoods(models, end(run, length(run) - 1));
    let moves: Vec<f64> =
        likelihoods(models, run).iter().zip(shorter).map(|(with, without)| with - without).collect();
    let weights: f64 = models.iter().map(|model| model.weight).sum();
    let mean = |values: &mut dyn Iterator<Item = f64>| {
        values.zip(models).map(|(value, model)| value * model.weight).sum::<f64>() / weights
    };
    let middle = mean(&mut moves.iter().copied());
    let spread = mean(&mut moves.iter().map(|value| (value - middle).powi(2)));
    spread * models.iter().map(|model| model.frequency(run) * model.weight).sum::<f64>()
}

/// The file: see `ngrams.rs`, which reads it.
fn table(codes: &str, models: &[Model], runs: &[u64]) -> Result<Vec<u8>, Box<dyn Error>> {
    let (bucket_count, slot_count) = (runs.len().div_ceil(BUCKET_RUNS), runs.len() * SLOTS_PERCENT / 100);
    let (displacements, slots) = places(runs, bucket_count, slot_count)?;
    let half = models.len().div_ceil(2);
    let mut bytes = vec![u8::try_from(models.len())?];
    bytes.extend(u32::try_from(bucket_count)?.to_le_bytes());
    bytes.extend(u32::try_from(slot_count)?.to_le_bytes());
    bytes.extend(codes.as_bytes());
    bytes.extend(displacements.iter().flat_map(|displacement| displacement.to_le_bytes()));
    for run in slots {
        let Some(run) = run else {
            bytes.extend(vec![0; size_of::<u16>() + half]);
            continue;
        };
        let steps = steps(&likelihoods(models, run));
        bytes.extend(check(hash(run)).to_le_bytes());
        bytes.extend((0..half).map(|at| steps[at] | steps.get(half + at).copied().unwrap_or(0) << 4));
    }
    Ok(bytes)
}

/// How many steps each language is behind the best.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 15")]
fn steps(likelihoods: &[f64]) -> Vec<u8> {
    let best = likelihoods.iter().copied().fold(f64::MIN, f64::max);
    likelihoods.iter().map(|own| ((best - own) / f64::from(STEP)).round().clamp(0.0, 15.0) as u8).collect()
}

/// Displacements by bucket, runs by slot.
type Places = (Vec<u16>, Vec<Option<u64>>);

/// A displacement for each bucket, so that all runs have slots of their own; the fullest buckets choose first.
fn places(runs: &[u64], bucket_count: usize, slot_count: usize) -> Result<Places, Box<dyn Error>> {
    let mut buckets: Vec<(usize, Vec<u64>)> = (0..bucket_count).map(|at| (at, Vec::new())).collect();
    for run in runs {
        buckets[usize::try_from(bucket(hash(*run), bucket_count as u64))?].1.push(*run);
    }
    buckets.sort_by_key(|(at, runs)| (std::cmp::Reverse(runs.len()), *at));
    let (mut displacements, mut slots) = (vec![0; bucket_count], vec![None; slot_count]);
    for (at, runs) in buckets {
        let places = |displacement: u16| -> Option<Vec<usize>> {
            let mut places: Vec<usize> = runs
                .iter()
                .map(|run| usize::try_from(slot(hash(*run), displacement, slot_count as u64)).ok())
                .collect::<Option<_>>()?;
            let own = places.clone();
            places.sort_unstable();
            places.dedup();
            (places.len() == runs.len() && places.iter().all(|place| slots[*place].is_none())).then_some(own)
        };
        let (displacement, own) = (0..=u16::MAX)
            .find_map(|displacement| Some((displacement, places(displacement)?)))
            .ok_or("a bucket finds no place: give the table more slots")?;
        displacements[at] = displacement;
        own.iter().zip(&runs).for_each(|(place, run)| slots[*place] = Some(*run));
    }
    Ok((displacements, slots))
}
