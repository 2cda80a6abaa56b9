//! `[semantic]`: the model's directory, and what topics make of closeness.
//!
//! Owns reading a model's files, bounded, and the messages about them. Refuses to understand them:
//! [`Model`] does.

use std::path::Path;
use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use super::check::note;
use super::raw;
use super::source::{Sheet, read_bounded};
use super::topic_file::check_number;
use crate::semantic::{Files, IS_BUILT, Model, Part};
use crate::topic::Topics;
use crate::topic::closeness::Closeness;

const KEY: &str = "semantic.model";

/// What `[semantic]` of the main file comes to.
#[derive(Default)]
pub(super) struct ModelSetting {
    /// The model; absent when none is named, or it cannot be used.
    pub(super) model: Option<Arc<Model>>,
    /// Whether the file names one.
    is_set: bool,
}

/// Reads the model.
pub(super) fn load_model(
    dir: &Path,
    raw: &raw::Semantic,
    sheet: &mut Sheet<'_>,
    hash: &mut Xxh3,
) -> ModelSetting {
    let is_set = raw.model.span.is_some();
    let none = ModelSetting { model: None, is_set };
    let (Some(path), Some(span)) = (&raw.model.value, raw.model.span.clone()) else { return none };
    if !IS_BUILT {
        let message = "this program was built without models".to_owned();
        let hint = "build it with `cargo build --release --features semantic`, or remove the line";
        sheet.error(span, KEY, message, hint);
        return none;
    }
    let path = dir.join(path);
    let read = read_files(&path, hash).and_then(|files| {
        let refuse = |fault| {
            let hint = "name the directory of a sentence-transformers model of the BERT kind, such as all-MiniLM-L6-v2";
            (format!("{}/{fault}", path.display()), hint)
        };
        Model::read(&files).map_err(refuse)
    });
    match read {
        Ok(model) => ModelSetting { model: Some(Arc::new(model)), is_set },
        Err((message, hint)) => {
            sheet.error(span, KEY, message, hint);
            none
        }
    }
}

/// The files of a model, or what is wrong and what to do.
fn read_files(dir: &Path, hash: &mut Xxh3) -> Result<Files, (String, &'static str)> {
    if !dir.is_dir() {
        let hint = "name the directory that holds the model's config.json";
        return Err((format!("{} is not a directory", dir.display()), hint));
    }
    let mut files = Files::new();
    for part in Part::ALL {
        let path = dir.join(part.path());
        if !part.is_needed() && !path.exists() {
            continue;
        }
        match read_bounded(&path, part.bytes_max()) {
            Ok(bytes) => {
                note(hash, part.path().as_bytes());
                note(hash, &bytes);
                files.insert(part, bytes);
            }
            Err(error) => {
                let hint = "a model is config.json, model.safetensors and tokenizer.json, readable by the user Wirewatch \
                            runs as";
                return Err((format!("{} cannot be read: {error}", path.display()), hint));
            }
        }
    }
    Ok(files)
}

/// A model that nobody asks takes memory for nothing.
pub(super) fn warn_of_idle_model(
    raw: &raw::Semantic,
    setting: &ModelSetting,
    topics: &Topics,
    sheet: &mut Sheet<'_>,
) {
    if let (Some(_), Some(span)) = (&setting.model, raw.model.span.clone())
        && !topics.uses_model()
    {
        let message = "no topic asks the model, so it is read for nothing".to_owned();
        let hint = "write `[semantic]` and `weight = 20` into a topic, or remove the line";
        sheet.warning(span, KEY, message, hint);
    }
}

/// `[semantic]` of a topic.
pub(super) fn check_closeness(raw: &raw::Topic, setting: &ModelSetting, sheet: &mut Sheet<'_>) -> Closeness {
    let closeness = &raw.semantic.value;
    let (weight, floor) = (&closeness.weight, &closeness.floor);
    let is_weight = |weight: f64| (0.0..=1000.0).contains(&weight);
    check_number(weight, "semantic.weight", "from 0 to 1000", is_weight, sheet);
    check_number(floor, "semantic.floor", "from 0 to below 1", |floor| (0.0..1.0).contains(&floor), sheet);
    let is_asked = weight.sound && weight.value > 0.0 && is_weight(weight.value);
    if let Some(span) = weight.span.clone().filter(|_| is_asked) {
        if !setting.is_set {
            let message = "wirewatch.toml names no semantic.model, so this is worth nothing".to_owned();
            sheet.warning(span, "semantic.weight", message, "name a model there, or remove the section");
        } else if raw.description.value.trim().is_empty() {
            let message =
                "without a description, articles are compared with the topic's name alone".to_owned();
            sheet.warning(span, "semantic.weight", message, "write a description of one or two sentences");
        }
    }
    Closeness { weight: weight.value, floor: floor.value, alone: closeness.alone.value }
}
