//! A tiny BERT, made here: two layers of sixteen numbers, sixty words, and weights that look random and never change.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor, safetensors};
use serde_json::{Value, json};
use tempfile::TempDir;
use wirewatch::semantic::{Fault, Files, Model, Part};

const WORDS: &str = "[PAD] [UNK] [CLS] [SEP] [MASK] a an the of to in on at and is are was for with from \
    fighters soldiers rebels army militia break breaks broken violate violates truce ceasefire peace deal talks \
    shell shells shelled bomb bombs town city village border aid convoy trucks food blocked open new film minister \
    says said ##s ##ed ##ing . ,";

/// The files of the tiny model, in a directory.
pub(crate) struct Tiny {
    dir: TempDir,
}

impl Tiny {
    pub(crate) fn new() -> Self {
        let tiny = Self { dir: TempDir::new().unwrap() };
        tiny.write("config.json", &shape().to_string());
        tiny.write("tokenizer.json", &tokenizer().to_string());
        tiny.write_weights(&weights());
        tiny
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.file(name).parent().unwrap()).unwrap();
        fs::write(self.file(name), text).unwrap();
    }

    pub(crate) fn write_weights(&self, weights: &HashMap<String, Tensor>) {
        safetensors::save(weights, self.file("model.safetensors")).unwrap();
    }

    /// The files as the configuration reads them.
    pub(crate) fn files(&self) -> Files {
        let read = |part: Part| Some((part, fs::read(self.file(part.path())).ok()?));
        Part::ALL.into_iter().filter_map(read).collect()
    }

    pub(crate) fn read(&self) -> Result<Model, Fault> {
        Model::read(&self.files())
    }
}

/// `config.json`.
pub(crate) fn shape() -> Value {
    json!({
        "architectures": ["BertModel"], "model_type": "bert", "hidden_act": "gelu", "hidden_size": 16,
        "intermediate_size": 32, "layer_norm_eps": 1e-12, "max_position_embeddings": 64, "num_attention_heads": 2,
        "num_hidden_layers": 2, "type_vocab_size": 2, "vocab_size": WORDS.split_whitespace().count(),
    })
}

/// `tokenizer.json`: the parts of BERT's own.
pub(crate) fn tokenizer() -> Value {
    let vocabulary: HashMap<&str, usize> = WORDS.split_whitespace().zip(0..).collect();
    let special = |word: &str| {
        json!({
            "id": vocabulary[word], "content": word, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true,
        })
    };
    let added = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map(special);
    let around = |word: &str| json!({ "id": word, "ids": [vocabulary[word]], "tokens": [word] });
    let token = |word: &str| json!({ "SpecialToken": { "id": word, "type_id": 0 } });
    let text = json!({ "Sequence": { "id": "A", "type_id": 0 } });
    json!({
        "version": "1.0",
        // A model's own length and padding give way to ours.
        "truncation": { "max_length": 4, "strategy": "LongestFirst", "stride": 0 },
        "padding": {
            "strategy": { "Fixed": 40 }, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0,
            "pad_type_id": 0, "pad_token": "[PAD]",
        },
        "added_tokens": added,
        "normalizer": {
            "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null,
            "lowercase": true,
        },
        "pre_tokenizer": { "type": "BertPreTokenizer" },
        "post_processor": {
            "type": "TemplateProcessing", "single": [token("[CLS]"), text, token("[SEP]")],
            "pair": [token("[CLS]"), text, token("[SEP]"), { "Sequence": { "id": "B", "type_id": 1 } }, token("[SEP]")],
            "special_tokens": { "[CLS]": around("[CLS]"), "[SEP]": around("[SEP]") },
        },
        "decoder": { "type": "WordPiece", "prefix": "##", "cleanup": true },
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary,
        },
    })
}

/// The tensors, by name.
pub(crate) fn weights() -> HashMap<String, Tensor> {
    let words = WORDS.split_whitespace().count();
    let mut tensors = HashMap::new();
    let mut seed = 0;
    let mut add = |name: &str, shape: &[usize], middle: f32, spread: f32| {
        seed += 1;
        tensors.insert(name.to_owned(), noise(seed, shape, middle, spread));
    };
    add("embeddings.word_embeddings.weight", &[words, 16], 0.0, 1.0);
    add("embeddings.position_embeddings.weight", &[64, 16], 0.0, 0.2);
    add("embeddings.token_type_embeddings.weight", &[2, 16], 0.0, 0.2);
    add("embeddings.LayerNorm.weight", &[16], 1.0, 0.1);
    add("embeddings.LayerNorm.bias", &[16], 0.0, 0.1);
    for layer in 0..2 {
        for (part, to, from) in [
            ("attention.self.query", 16, 16),
            ("attention.self.key", 16, 16),
            ("attention.self.value", 16, 16),
            ("attention.output.dense", 16, 16),
            ("intermediate.dense", 32, 16),
            ("output.dense", 16, 32),
        ] {
            add(&format!("encoder.layer.{layer}.{part}.weight"), &[to, from], 0.0, 0.4);
            add(&format!("encoder.layer.{layer}.{part}.bias"), &[to], 0.0, 0.1);
        }
        for part in ["attention.output.LayerNorm", "output.LayerNorm"] {
            add(&format!("encoder.layer.{layer}.{part}.weight"), &[16], 1.0, 0.1);
            add(&format!("encoder.layer.{layer}.{part}.bias"), &[16], 0.0, 0.1);
        }
    }
    tensors
}

/// Numbers within `spread` of `middle`, by a linear congruence (Knuth's MMIX).
fn noise(seed: u64, shape: &[usize], middle: f32, spread: f32) -> Tensor {
    let mut state = seed;
    let count = shape.iter().product::<usize>();
    let numbers: Vec<f32> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let unit = f32::from(u16::try_from(state >> 48).unwrap()) / 65_536.0;
        middle + spread * (2.0 * unit - 1.0)
    })
    .take(count)
    .collect();
    Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap()
}
