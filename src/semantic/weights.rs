//! The weights of a model: tensors by name, out of a safetensors file.
//!
//! Owns that a tensor is there, has the shape the network needs, and holds fractions. Refuses quantised weights: they
//! would be read as if they were numbers.

use std::cell::Cell;

use candle_core::safetensors::SliceSafetensors;
use candle_core::{DType, Device, Tensor};

use super::{Fault, Part};

/// A safetensors file, open.
pub(super) struct Weights<'a> {
    file: SliceSafetensors<'a>,
    /// What stands before all names: a network saved with a head on it is called `bert.`.
    prefix: &'static str,
    /// Numbers read so far.
    count: Cell<usize>,
}

impl<'a> Weights<'a> {
    /// Opens a file's bytes.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, Fault> {
        let file = SliceSafetensors::new(bytes).map_err(|error| {
            Fault::new(Part::Weights, "", format!("it is not a safetensors file: {}", first_line(&error)))
        })?;
        let holds = |prefix: &str| file.get(&format!("{prefix}embeddings.word_embeddings.weight")).is_ok();
        let prefix = if !holds("") && holds("bert.") { "bert." } else { "" };
        Ok(Self { file, prefix, count: Cell::new(0) })
    }

    /// A tensor of exactly this shape, as 32-bit fractions.
    pub(super) fn tensor(&self, name: &str, shape: &[usize]) -> Result<Tensor, Fault> {
        let name = format!("{}{name}", self.prefix);
        let refuse = |message: String| Fault::new(Part::Weights, &name, message);
        let view = self.file.get(&name).map_err(|_| refuse("this tensor is missing".to_owned()))?;
        if view.shape() != shape {
            let message = format!("its shape is {:?}, but by config.json it must be {shape:?}", view.shape());
            return Err(refuse(message));
        }
        let is_fraction =
            matches!(DType::try_from(view.dtype()), Ok(DType::F32 | DType::F16 | DType::BF16 | DType::F64));
        if !is_fraction {
            let message = format!("it holds {:?}; only F32, F16, BF16 and F64 are read here", view.dtype());
            return Err(refuse(message));
        }
        let tensor = self.file.load(&name, &Device::Cpu).and_then(|tensor| tensor.to_dtype(DType::F32));
        let tensor = tensor.map_err(|error| refuse(format!("it cannot be read: {}", first_line(&error))))?;
        self.count.set(self.count.get() + tensor.elem_count());
        Ok(tensor)
    }

    /// A tensor by the first of its two names that is there: old files have others.
    pub(super) fn either(&self, names: [&str; 2], shape: &[usize]) -> Result<Tensor, Fault> {
        let [name, old] = names;
        let has_old = self.file.get(&format!("{}{old}", self.prefix)).is_ok();
        let has_new = self.file.get(&format!("{}{name}", self.prefix)).is_ok();
        self.tensor(if has_old && !has_new { old } else { name }, shape)
    }

    /// Numbers read so far.
    pub(super) fn count(&self) -> usize {
        self.count.get()
    }
}

/// What an error says, without the backtrace that may follow.
pub(super) fn first_line(error: &dyn std::fmt::Display) -> String {
    error.to_string().lines().next().unwrap_or_default().chars().take(300).collect()
}
