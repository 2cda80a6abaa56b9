//! The shape of a model: what its small files say about the network and how to use it.
//!
//! Owns [`Shape`], checked, so that nothing later divides by zero or reads past an end. Refuses models that are no BERT,
//! and sentence models that do more than to take the mean, or the first token, of what the network gives.

use serde_json::{Map, Value};

use super::{Fault, Files, Part, TOKENS_MAX};

/// Most of anything there is a number for in `config.json`; keeps products of two far from overflow.
const SIZE_MAX: usize = 1 << 20;

/// Fewest tokens of a text that are worth a look: what stands around it takes two of them.
const TOKENS_MIN: usize = 8;

/// What the network applies between its two wide layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Activation {
    /// By the error function.
    Gelu,
    /// By tanh.
    GeluByTanh,
    /// Nothing below zero.
    Relu,
}

/// How the vectors of a text's tokens become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pooling {
    /// Their mean.
    Mean,
    /// The first, which stands for the text.
    First,
}

/// Sizes and rules.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    pub(super) vocabulary: usize,
    pub(super) hidden: usize,
    pub(super) layers: usize,
    pub(super) heads: usize,
    pub(super) inner: usize,
    pub(super) positions: usize,
    pub(super) types: usize,
    pub(super) epsilon: f64,
    pub(super) activation: Activation,
    pub(super) pooling: Pooling,
    pub(super) tokens_max: usize,
}

impl Shape {
    /// Reads the small files of a model.
    pub(super) fn read(files: &Files) -> Result<Self, Fault> {
        let config = Table::read(files, Part::Config)?;
        check_kind(&config)?;
        let size = |key: &str| config.whole(key, 1, SIZE_MAX);
        let (hidden, heads) = (size("hidden_size")?, size("num_attention_heads")?);
        if hidden % heads != 0 {
            let message = format!("{heads} heads cannot share the hidden_size of {hidden}");
            return Err(Fault::new(Part::Config, "num_attention_heads", message));
        }
        let positions = size("max_position_embeddings")?;
        Ok(Self {
            vocabulary: size("vocab_size")?,
            hidden,
            layers: config.whole("num_hidden_layers", 1, 1_000)?,
            heads,
            inner: size("intermediate_size")?,
            positions,
            types: size("type_vocab_size")?,
            epsilon: epsilon(&config)?,
            activation: activation(&config)?,
            pooling: pooling(files)?,
            tokens_max: tokens_max(files, positions)?,
        })
    }
}

/// The network is a BERT, and what follows it is known here.
fn check_kind(config: &Table) -> Result<(), Fault> {
    let architecture =
        config.fields.get("architectures").and_then(|list| list.get(0)).and_then(Value::as_str);
    let is_bert = match (config.fields.get("model_type"), architecture) {
        (Some(kind), _) => kind == "bert",
        (None, Some(architecture)) => architecture.starts_with("Bert"),
        (None, None) => false,
    };
    if !is_bert {
        let found = config.fields.get("model_type").and_then(Value::as_str).or(architecture);
        let message =
            format!("only \"bert\" is read here, not {}", found.map_or_else(|| "nothing".to_owned(), quoted));
        return Err(Fault::new(Part::Config, "model_type", message));
    }
    let position = config.fields.get("position_embedding_type").and_then(Value::as_str);
    if let Some(position) = position.filter(|position| *position != "absolute") {
        let message = format!("only \"absolute\" is read here, not {}", quoted(position));
        return Err(Fault::new(Part::Config, "position_embedding_type", message));
    }
    Ok(())
}

fn epsilon(config: &Table) -> Result<f64, Fault> {
    match config.fields.get("layer_norm_eps") {
        None => Ok(1e-12),
        Some(value) => value.as_f64().filter(|epsilon| (0.0..=0.1).contains(epsilon)).ok_or_else(|| {
            let message = format!("it is {value}, not a number from 0 to 0.1");
            Fault::new(Part::Config, "layer_norm_eps", message)
        }),
    }
}

fn activation(config: &Table) -> Result<Activation, Fault> {
    match config.fields.get("hidden_act").map_or(Some("gelu"), Value::as_str) {
        Some("gelu") => Ok(Activation::Gelu),
        Some("gelu_new" | "gelu_pytorch_tanh") => Ok(Activation::GeluByTanh),
        Some("relu") => Ok(Activation::Relu),
        found => {
            let message = format!(
                "only gelu, gelu_new and relu are read here, not {}",
                quoted(found.unwrap_or_default())
            );
            Err(Fault::new(Part::Config, "hidden_act", message))
        }
    }
}

/// The mean unless the model says otherwise, as sentence-transformers has it.
fn pooling(files: &Files) -> Result<Pooling, Fault> {
    check_modules(files)?;
    if !files.contains_key(&Part::Pooling) {
        return Ok(Pooling::Mean);
    }
    let table = Table::read(files, Part::Pooling)?;
    let refuse = |key: &str| {
        let message = "only the mean of all tokens, or the first token, is read here";
        Err(Fault::new(Part::Pooling, key, message))
    };
    if let Some(mode) = table.fields.get("pooling_mode") {
        return match mode.as_str() {
            Some("mean") => Ok(Pooling::Mean),
            Some("cls") => Ok(Pooling::First),
            _ => refuse("pooling_mode"),
        };
    }
    let modes: Vec<&str> = table
        .fields
        .iter()
        .filter(|(key, value)| key.starts_with("pooling_mode_") && **value == Value::Bool(true))
        .map(|(key, _)| key.as_str())
        .collect();
    match modes.as_slice() {
        [] | ["pooling_mode_mean_tokens"] => Ok(Pooling::Mean),
        ["pooling_mode_cls_token"] => Ok(Pooling::First),
        [first, ..] => {
            refuse(modes.iter().find(|mode| **mode != "pooling_mode_mean_tokens").unwrap_or(first))
        }
    }
}

/// A model with a further layer behind the pooling would give other vectors than it is known for.
fn check_modules(files: &Files) -> Result<(), Fault> {
    let Some(bytes) = files.get(&Part::Modules) else { return Ok(()) };
    let modules: Vec<Value> = serde_json::from_slice(bytes)
        .map_err(|error| Fault::new(Part::Modules, "", format!("it is not a list in JSON: {error}")))?;
    for module in &modules {
        let kind = module.get("type").and_then(Value::as_str).unwrap_or_default();
        let name = kind.rsplit('.').next().unwrap_or_default();
        if !matches!(name, "Transformer" | "Pooling" | "Normalize") {
            let message =
                format!("{} is not read here: only Transformer, Pooling and Normalize", quoted(kind));
            return Err(Fault::new(Part::Modules, "type", message));
        }
    }
    Ok(())
}

fn tokens_max(files: &Files, positions: usize) -> Result<usize, Fault> {
    let own = if files.contains_key(&Part::Sentence) {
        let table = Table::read(files, Part::Sentence)?;
        match table.fields.get("max_seq_length") {
            None | Some(Value::Null) => None,
            Some(_) => Some(table.whole("max_seq_length", TOKENS_MIN, SIZE_MAX)?),
        }
    } else {
        None
    };
    if positions < TOKENS_MIN {
        let message = format!("it is {positions}: texts of {TOKENS_MIN} tokens are the least");
        return Err(Fault::new(Part::Config, "max_position_embeddings", message));
    }
    Ok(own.unwrap_or(TOKENS_MAX).min(positions).min(TOKENS_MAX))
}

/// A JSON file with keys.
struct Table {
    part: Part,
    fields: Map<String, Value>,
}

impl Table {
    fn read(files: &Files, part: Part) -> Result<Self, Fault> {
        let bytes = files.get(&part).ok_or_else(|| Fault::new(part, "", "it is missing"))?;
        let fields = serde_json::from_slice(bytes)
            .map_err(|error| Fault::new(part, "", format!("it is not an object in JSON: {error}")))?;
        Ok(Self { part, fields })
    }

    fn whole(&self, key: &str, min: usize, max: usize) -> Result<usize, Fault> {
        let Some(value) = self.fields.get(key) else {
            return Err(Fault::new(self.part, key, "it is missing"));
        };
        let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
        number.filter(|number| (min..=max).contains(number)).ok_or_else(|| {
            let found: String = value.to_string().chars().take(40).collect();
            Fault::new(self.part, key, format!("it is {found}, not a whole number from {min} to {max}"))
        })
    }
}

/// A word of a stranger's file, short and on one line.
fn quoted(word: &str) -> String {
    let short: String = word.chars().filter(|c| !c.is_control()).take(60).collect();
    format!("\"{short}\"")
}
