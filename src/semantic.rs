//! Meaning: texts as vectors, so that what is near in meaning can be found without its words.
//!
//! Owns [`Model`], a sentence-transformers BERT made of the bytes of its files, and [`Vector`]. It computes and nothing
//! else: `config` reads the files. Built without the cargo feature `semantic` there is no model: [`Model`] then has no
//! value, and nobody who holds an `Option` of it needs to know. Refuses to say what nearness is worth: `topic` does.

#[cfg(not(feature = "semantic"))]
mod absent;
#[cfg(feature = "semantic")]
mod bert;
#[cfg(feature = "semantic")]
mod embed;
#[cfg(feature = "semantic")]
mod shape;
#[cfg(feature = "semantic")]
mod tokens;
#[cfg(feature = "semantic")]
mod weights;

use std::collections::BTreeMap;
use std::fmt;

#[cfg(not(feature = "semantic"))]
pub use absent::Model;
#[cfg(feature = "semantic")]
pub use embed::Model;

/// Whether this program can read models.
pub const IS_BUILT: bool = cfg!(feature = "semantic");

/// Longest text a model is given, in tokens, whatever it could take: attention costs the square.
pub const TOKENS_MAX: usize = 512;

/// A file of a model's directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// What the network is: sizes and names.
    Config,
    /// Its numbers.
    Weights,
    /// How text is cut into tokens.
    Tokenizer,
    /// How the tokens' vectors become one.
    Pooling,
    /// How long a text may be.
    Sentence,
    /// What is done after one another.
    Modules,
}

impl Part {
    /// All of them, the small ones first: a fault in one of those is found before the weights are read.
    pub const ALL: [Self; 6] =
        [Self::Config, Self::Modules, Self::Sentence, Self::Pooling, Self::Tokenizer, Self::Weights];

    /// Where it is in the directory.
    pub fn path(self) -> &'static str {
        match self {
            Self::Config => "config.json",
            Self::Weights => "model.safetensors",
            Self::Tokenizer => "tokenizer.json",
            Self::Pooling => "1_Pooling/config.json",
            Self::Sentence => "sentence_bert_config.json",
            Self::Modules => "modules.json",
        }
    }

    /// Whether there is no model without it.
    pub fn is_needed(self) -> bool {
        matches!(self, Self::Config | Self::Weights | Self::Tokenizer)
    }

    /// Most bytes that are read of it: the largest BERT has 1.4 GB, the largest vocabulary 20 MB.
    pub fn bytes_max(self) -> u64 {
        match self {
            Self::Weights => 2 << 30,
            Self::Tokenizer => 64 << 20,
            Self::Config | Self::Pooling | Self::Sentence | Self::Modules => 1 << 20,
        }
    }
}

/// The bytes of a model's files.
pub type Files = BTreeMap<Part, Vec<u8>>;

/// Why a model cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub part: Part,
    /// The key or tensor in it; empty when the whole file is meant.
    pub key: String,
    /// What is wrong.
    pub message: String,
}

impl Fault {
    /// A fault of something in a file.
    #[cfg(feature = "semantic")]
    fn new(part: Part, key: &str, message: impl Into<String>) -> Self {
        Self { part, key: key.to_owned(), message: message.into() }
    }
}

/// `config.json: hidden_size: it is 0 …`.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.part.path())?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// What a model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// Numbers in a vector.
    pub dimensions: usize,
    /// Layers of the network.
    pub layers: usize,
    /// Numbers it consists of.
    pub parameters: usize,
    /// Different tokens.
    pub vocabulary: usize,
    /// Longest text it looks at, in tokens; what follows is left out.
    pub tokens_max: usize,
}

/// `22.6 million parameters, 384 dimensions, 6 layers, 30522 tokens, texts of up to 256`.
impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { dimensions, layers, parameters, vocabulary, tokens_max } = self;
        if *parameters < 100_000 {
            write!(f, "{parameters} parameters")?;
        } else {
            write!(f, "{:.1} million parameters", *parameters as f64 / 1e6)?;
        }
        write!(
            f,
            ", {dimensions} dimensions, {layers} layers, {vocabulary} tokens, texts of up to {tokens_max}"
        )
    }
}

/// A text's meaning: a direction.
#[derive(Debug, Clone, PartialEq)]
pub struct Vector(Vec<f32>);

impl Vector {
    /// The direction of some numbers; `None` when they have none, or are no numbers.
    pub fn of(mut numbers: Vec<f32>) -> Option<Self> {
        let length = numbers.iter().map(|number| f64::from(*number).powi(2)).sum::<f64>().sqrt();
        if !length.is_finite() || length < 1e-12 {
            return None;
        }
        for number in &mut numbers {
            #[expect(clippy::cast_possible_truncation, reason = "a part of a direction is at most 1")]
            let part = (f64::from(*number) / length) as f32;
            *number = part;
        }
        Some(Self(numbers))
    }

    /// Its numbers.
    pub fn numbers(&self) -> &[f32] {
        &self.0
    }

    /// The cosine between two directions, -1 to 1, to four digits: the rest differs from processor to processor. Zero
    /// between vectors of different models.
    pub fn similarity(&self, other: &Self) -> f64 {
        if self.0.len() != other.0.len() {
            return 0.0;
        }
        let cosine: f64 =
            self.0.iter().zip(&other.0).map(|(one, other)| f64::from(*one) * f64::from(*other)).sum();
        (cosine.clamp(-1.0, 1.0) * 10_000.0).round() / 10_000.0
    }
}
